"""The directory: what a file brings in and why a line stays out, who is found, how far, and where on the map."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.db import Database
from core.errors import Forbidden, NotFound, Refused
from core.ids import SYSTEM, Ref
from legalaid import cities, directory, directory_csv, directory_links, geography, service
from legalaid.directory import Imported, Search
from legalaid.directory_csv import BYTES_MAX, COLUMNS
from legalaid.geography import Point
from people.model import Role
from tests.conftest import FakeClock
from tests.legalaid.place import Place
from tests.scheduler.world import ADMIN, identity
from web import mapping

GOOD = {
    "key": "A-1",
    "kind": "lawyer",
    "name": "钱慧",
    "organisation": "江声律师事务所",
    "city": "临江市",
    "place": "望山区",
    "address": "青石街 1 号",
    "lat": "31.87",
    "lon": "117.18",
    "phone": "0550 5551330",
    "hours": "",
    "topics": "debt;work",
    "languages": "zh;bo",
}


def table(*rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({**GOOD, **row} for row in rows)
    return file.getvalue().encode()


async def take(db: Database, data: bytes, *, whole: bool = False) -> Imported:
    async with db.write() as session:
        return await directory.import_csv(session, SYSTEM, data, whole=whole)


async def found(db: Database, **wanted: Any) -> list[str]:
    async with db.read() as session:
        return [one.entry.name for one in (await directory.search(session, Search(**wanted))).found]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"name": ""}, "value-missing"),
        ({"key": " "}, "value-missing"),
        ({"address": "街" * 121}, "value-long"),
        ({"kind": "wizard"}, "kind-unknown"),
        ({"lat": "north"}, "position-invalid"),
        ({"lat": "117.18", "lon": "31.87"}, "position-invalid"),
        ({"lon": "nan"}, "position-invalid"),
        ({"phone": "call me"}, "phone-invalid"),
        ({"topics": "debt;magic"}, "topic-unknown"),
        ({"languages": "latin"}, "language-unknown"),
        ({"key": "A-0"}, "key-twice"),
    ],
)
def test_each_wrong_line_is_named_and_the_others_are_taken(wrong: dict[str, str], code: str) -> None:
    data = table(
        {"key": "A-0"}, wrong, {"key": "A-2", "organisation": "甲\n乙"}, {"key": "A-3", "phone": "x"}
    )
    entries, findings = directory_csv.read(data)
    assert [entry.key for entry in entries] == ["A-0", "A-2"]
    assert [(one.line, one.code) for one in findings] == [(3, code), (6, "phone-invalid")]
    assert set(directory_csv.FINDINGS) >= {one.code for one in findings}


@pytest.mark.parametrize(
    ("data", "line", "code"),
    [
        (b"\xff\xff\xff", 1, "not-text"),
        (b"", 1, "columns-missing"),
        (table(GOOD, columns=("key", "kind", "name")), 1, "columns-missing"),
        (table(GOOD) + b"A-9,lawyer\r\n", 3, "cells-missing"),
    ],
)
def test_a_file_that_is_no_directory_is_refused_by_its_line(data: bytes, line: int, code: str) -> None:
    _, findings = directory_csv.read(data)
    assert [(one.line, one.code) for one in findings] == [(line, code)]


def test_what_spreadsheets_write_is_read() -> None:
    for data in (b"\xef\xbb\xbf" + table(GOOD), table(GOOD).decode().encode("gb18030")):
        entries, findings = directory_csv.read(data + b"\r\n,,\r\n")
        assert (entries[0].name, entries[0].topics, findings) == ("钱慧", ("debt", "work"), [])


async def test_the_same_file_twice_changes_nothing(db: Database, clock: FakeClock) -> None:
    first = await take(db, table({}, {"key": "A-2", "name": "李子墨"}))
    assert (first.added, first.changed, first.unchanged, first.gone) == (2, 0, 0, 0)
    again = await take(db, table({}, {"key": "A-2", "name": "李子墨"}), whole=True)
    assert (again.added, again.changed, again.unchanged, again.gone) == (0, 0, 2, 0)
    changed = await take(db, table({"phone": "0550 1"}), whole=True)
    assert (changed.added, changed.changed, changed.gone) == (0, 1, 1)
    assert await found(db) == ["钱慧"]
    back = await take(db, table({"key": "A-2", "name": "李子墨"}))
    assert (back.changed, back.gone) == (1, 0)


async def test_a_file_with_a_bad_line_takes_nothing_off(db: Database) -> None:
    await take(db, table({}, {"key": "A-2"}))
    done = await take(db, table({}, {"key": "A-2", "phone": "x"}), whole=True)
    assert (done.gone, len(done.findings)) == (0, 1)


async def test_only_administrators_bring_files_and_none_too_large(db: Database) -> None:
    for role in (Role.COUNSEL, Role.APPROVER):
        with pytest.raises(Forbidden):
            async with db.write() as session:
                await directory.import_csv(
                    session, identity("officer", "off_1", role), table(GOOD), whole=False
                )
    with pytest.raises(Refused):
        await take(db, b"x" * (BYTES_MAX + 1))


async def test_the_demonstrations_city_is_searched_by_place_topic_language_and_name(db: Database) -> None:
    done = await take(db, cities.demonstration())
    assert done.findings == []
    assert done.added > 50
    tibetan = await found(db, language="bo", kind="lawyer")
    assert tibetan == ["扎西顿珠"]
    centres = await found(db, kind="centre", place="临江市/柳河县")
    assert centres[0] == "柳河县法律援助中心"
    assert len(centres) == 5  # the others after it: far is not nowhere
    assert await found(db, words="公证 云台") == ["云台公证处"]
    assert "临江司法鉴定所" not in await found(db, topic="family")
    async with db.read() as session:
        near = await directory.search(session, Search(here=Point(31.81, 117.33)))
        places = await directory.places(session)
    assert [one.far for one in near.found] == sorted(one.far or 0 for one in near.found)
    assert near.all == done.added
    assert len(places) == 5
    drawn = mapping.drawn(near)
    assert drawn is not None
    assert drawn.here is not None
    assert len(drawn.areas) == 5
    assert sum(len(pin.members) for pin in drawn.pins) == len(near.found)
    for pin in drawn.pins:
        assert 0 < pin.x < drawn.sheet.width
        assert 0 < pin.y < drawn.sheet.height


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        (Point(39.9042, 116.4074), Point(31.2304, 121.4737), 1067),  # Beijing, Shanghai
        (Point(0, 179.9), Point(0, -179.9), 22),
        (Point(90, 0), Point(90, 120), 0),
        (Point(29.65, 91.1), Point(29.65, 91.1), 0),
    ],
)
def test_distances_are_great_circles(a: Point, b: Point, km: float) -> None:
    assert geography.kilometres(a, b) == pytest.approx(km, abs=1)


POINTS = st.builds(Point, st.floats(20, 50), st.floats(75, 130))


@given(POINTS, POINTS)
def test_distance_has_no_direction(a: Point, b: Point) -> None:
    assert geography.kilometres(a, b) == pytest.approx(geography.kilometres(b, a))


@given(st.lists(st.builds(Point, st.floats(31.5, 32.1), st.floats(117, 117.7)), min_size=1, max_size=30))
def test_every_point_is_on_the_sheet_and_under_one_pin(points: list[Point]) -> None:
    on = geography.sheet(points, 720, 560)
    for x, y in map(on.place, points):
        assert 0 <= x <= 720
        assert 0 <= y <= 560
    members = [number for pin in geography.pins(on, points) for number in pin.members]
    assert sorted(members) == list(range(len(points)))
    km, pixels = on.bar
    assert km >= 1
    assert pixels == pytest.approx(km * on.scale, abs=0.1)


@pytest.mark.parametrize(("lat", "lon"), [(91.0, 0.0), (0.0, 181.0), (float("nan"), 0.0)])
def test_what_is_not_on_the_globe_is_no_point(lat: float, lon: float) -> None:
    with pytest.raises(ValueError, match="globe"):
        Point(lat, lon)


async def test_pages_hold_all_entries_once(here: Place) -> None:
    async with here.db.write() as session:
        await directory.import_csv(session, SYSTEM, cities.demonstration(), whole=True)
        pages = [await directory.search(session, Search(page=page)) for page in (*range(1, 9), 99)]
    total = pages[0].all
    assert total > directory.SHOWN
    assert pages[0].pages == -(-total // directory.SHOWN)
    assert pages[-1].page == pages[0].pages  # beyond the last one there is the last one
    seen = [one.id for page in pages[: pages[0].pages] for one in page.found]
    assert len(seen) == len(set(seen)) == total


async def test_who_is_asked_by_name_is_reached(here: Place, clock: FakeClock) -> None:
    """A linked lawyer is planned first; a linked station gets the question; without a link the prison's station."""
    clock.move(seconds=1)  # the prison's own station is its first one
    async with here.db.write() as session:
        await directory.import_csv(session, SYSTEM, cities.demonstration(), whole=True)
        first, second, third = (await directory.search(session, Search())).found[:3]
        other = await service.create_desk(session, ADMIN, here.world.prison_id, "Other", "station", "0551 9")
        found = await directory_links.targets(session, here.world.prison_id)
        assert {one.name for one in found} == {"Station", "Other", "sun", "lin"}
        prison = here.world.prison_id
        lin = Ref("lawyer", here.lin.subject.id)
        await directory_links.link(session, here.admin, prison, first.id, lin)
        await directory_links.link(session, here.admin, prison, second.id, lin)
        await directory_links.link(session, here.admin, prison, second.id, Ref("desk", other))
        for actor, entry, target, error in (
            (here.sun, first.id, lin, Forbidden),
            (here.admin, "hlp_none", lin, NotFound),
            (here.admin, first.id, Ref("lawyer", "stf_none"), NotFound),
            (here.admin, first.id, Ref("desk", here.bureau), NotFound),
        ):
            with pytest.raises(error):
                await directory_links.link(session, actor, prison, entry, target)
    by_name, to_other, unlinked = [
        await here.ask(await here.inmate(), wish=entry.id) for entry in (first, second, third)
    ]
    assert [one.station_id for one in (by_name, to_other, unlinked)] == [here.station, other, here.station]
    day = await here.help_day()
    await here.plan(day)
    lawyers = {turn.question_id: turn.lawyer_id for turn in await here.turns(day)}
    assert lawyers[by_name.id] == here.lin.subject.id
    assert to_other.id not in lawyers
    async with here.db.write() as session:
        assert await directory_links.asked_for(session, here.lin.subject.id) == {first.id}
        await directory_links.link(session, here.admin, prison, first.id, None)
        assert await directory_links.linked(session, [first.id, second.id]) == {second.id: Ref("desk", other)}
