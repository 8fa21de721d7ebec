"""The main job of Kinbridge, from a stranger's registration to the playback of the recording."""

import asyncio
import json
import re
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from core import clock
from tests.browser import acts, family_acts, place
from tests.browser.conftest import Crowd
from tests.browser.person import Person
from tests.browser.product import Product
from tests.fakes import clip
from tests.fakes.reading import Reading, read

EXACT = 0.5  # seconds by which a file may differ from the ledger
LATE = 2.0  # seconds that a busy machine may need for its first picture; the manifest states them
LIP_SYNC = 0.08  # seconds; rules U14
TALK = 14.0  # seconds of undisturbed talk


async def test_from_registration_to_playback(product: Product, crowd: Crowd, tmp_path: Path) -> None:
    where = await place.prepare(product)
    family = await crowd.performer("family", product.url_of("family"), clip.FAMILY, size=(390, 844))
    inmate = await crowd.performer("inmate", product.url_of("second-terminal"), clip.INMATE)
    officer = await crowd.chromium("officer", product.url_of("approver"), "officer", size=(1440, 900))
    booking = await _get_confirmed(product, family, officer, where, tmp_path)
    lobby = clock.monotonic()
    visit, began = await _meet(product, family, inmate, officer, where, booking)
    await acts.watch_all(visit)
    await acts.sees_and_hears(family, "other", clip.INMATE)
    await acts.sees_and_hears(inmate, "other", clip.FAMILY)
    await acts.sees_and_hears(officer, "inmate", clip.INMATE)
    await acts.sees_and_hears(officer, "family", clip.FAMILY)
    await asyncio.sleep(max(0.0, TALK - (clock.monotonic() - began)))
    least = clock.monotonic() - began
    await acts.end(officer)
    most = clock.monotonic() - lobby
    for person in (family, inmate):
        await person.until("document.body.dataset.step === 'ended'")
    await _play_back(officer, booking)
    started, ended = await _by_ledger(product)
    assert least - EXACT <= (ended - started).total_seconds() <= most
    await _measure(product, started, ended)
    assert crowd.complaints == []


async def _get_confirmed(
    product: Product, family: Person, approver: Person, where: place.Place, folder: Path
) -> str:
    await family_acts.register(family, product)
    await family_acts.apply(family, where, family_acts.household_register(folder))
    await acts.enter_demo(approver, "approver")
    await family_acts.decide(approver, "relationships")
    booking = await family_acts.book(family, where)
    await family_acts.decide(approver, "bookings")
    return booking


async def _meet(
    product: Product, family: Person, inmate: Person, officer: Person, where: place.Place, booking: str
) -> tuple[acts.Visit, float]:
    """Brings the three together; answers the visit and when it became live (monotonic seconds)."""
    await family_acts.enrol_terminal(inmate, where)
    assert await acts.due_booking(inmate) == booking
    officer.base_url = product.url_of("monitor")
    await acts.enter_demo(officer, "monitor")
    await officer.open(f"/officer/visits/{booking}")
    await asyncio.gather(acts.check_and_enter(family, booking), acts.check_and_enter(inmate, booking))
    await acts.admit_all(officer, 2)
    await officer.until("document.getElementById('desk').dataset.phase === 'live'")
    began = clock.monotonic()
    await acts.live(family, inmate)
    return acts.Visit(family, inmate, officer, booking), began


async def _play_back(officer: Person, booking: str) -> None:
    """The officer opens the recording, with a reason, and sees and hears both people of it again."""
    await officer.open(f"/recordings/{booking}")
    await officer.click("input[name='reason']")
    await officer.click(f"form[action='/recordings/{booking}'] button")
    for _ in range(40):
        await officer.until("document.readyState === 'complete'")
        if await officer.evaluate("document.querySelectorAll('[data-person] video').length >= 2"):
            break
        await asyncio.sleep(0.5)
        await officer.evaluate("location.reload()")
    else:
        raise AssertionError("the recording was not sealed within 20 s")
    for index, person in enumerate((clip.INMATE, clip.FAMILY)):
        name = "inmate" if person is clip.INMATE else "family"
        role = "服刑人员" if person is clip.INMATE else "家属"
        await officer.evaluate(
            f"[...document.querySelectorAll('[data-person]')].find(p => p.innerText.includes('{role}'))"
            f".querySelector('video').dataset.test = '{index}'"
        )
        await officer.watch(name, f"video[data-test='{index}']", person.pitch)
    await officer.click("[data-play]")
    await acts.sees_and_hears(officer, "inmate", clip.INMATE)
    await acts.sees_and_hears(officer, "family", clip.FAMILY)


async def _by_ledger(product: Product) -> tuple[datetime, datetime]:
    """The visit's start and its end, as the ledger has them."""
    visits = {entry.tag: entry for entry in await place.entries(product, "system:visit:")}
    started, ended = (
        datetime.fromisoformat(visits[f"system:visit:{tag}"].at) for tag in ("started", "ended")
    )
    return started, ended


async def _measure(product: Product, started: datetime, ended: datetime) -> None:
    """Each file decodes to its end, is as long as the call, and keeps lips and voice together."""
    folders = list((product.data / "recordings").glob("*/*/*/*"))
    assert len(folders) == 1, folders
    manifest = json.loads((folders[0] / "manifest.json").read_text(encoding="utf-8"))
    lasted = (ended - started).total_seconds()
    for person in (clip.FAMILY, clip.INMATE):
        name, reading = await _track_of(product, folders[0].name, person)
        late = _first_picture(manifest, name, started)
        assert -EXACT < late < LATE, late
        assert reading.seconds + late == pytest.approx(lasted, abs=EXACT)
        assert reading.sound_seconds == pytest.approx(lasted, abs=EXACT)
        assert reading.legible > 0.95
        skews = reading.skews()
        assert len(skews) >= TALK - 4
        assert abs(median(skews)) < LIP_SYNC, skews
        assert max(map(abs, skews)) < 2 * LIP_SYNC, skews
    verdict = product.run("verify", "recording", str(folders[0]))
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    verdict = product.run("verify", "ledger")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def _first_picture(manifest: dict[str, Any], file: str, started: datetime) -> float:
    """How many seconds after the visit's start the first picture came, by the manifest."""
    track = next(one for one in manifest["tracks"] if one["file"] == file)
    first: int = next(one["first_ms"] for one in track["media"] if one["kind"] == "video")
    into = datetime.fromisoformat(manifest["started_at"]) - started
    offset: int = track["offset_ms"]
    return into.total_seconds() + (offset + first) / 1000


async def _track_of(product: Product, recording_id: str, person: clip.Person) -> tuple[str, Reading]:
    """The one file in which this person is seen, with its name."""
    files = await place.tracks(product, recording_id)
    readings = {name: read(file, person.pitch) for name, file in files.items() if name.endswith(".webm")}
    of_person = [
        (name, one)
        for name, one in readings.items()
        if any(frame.person == person.number for frame in one.frames)
    ]
    assert len(of_person) == 1, [re.sub(r"\s+", " ", repr(r)[:200]) for r in readings.values()]
    return of_person[0]
