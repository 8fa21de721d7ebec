"""More time: by role and policy, as long as people and terminal are free, counted by the room and by its booking."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core import clock
from core.ids import Ref
from ledger import read as ledger
from people.model import Role
from policy.rulebook import Office
from rooms import opening
from rooms.actions import Acted, Attached, Extended, LegConnected, Prolong
from rooms.model import Phase
from rooms.powers import Act
from scheduler import extending, places
from scheduler import repository as scheduling
from scheduler.extending import NeededElsewhere, NotRunning, VisitTooLong
from scheduler.model import ClaimKind, ticks
from tests.rooms.stagehand import INMATE, OFFICER, RULES, WIFE, Stagehand, live, visit
from tests.rooms.visits import Cast, ShiftedClock

LONGER = replace(RULES, most_granted=40 * 60.0)


def extends(hand: Stagehand) -> None:
    """The officer sits down again, as somebody whom policy lets give more time."""
    conn = hand.sockets[OFFICER.id] = "officer2"
    hand.do(Attached(conn, OFFICER, extends=True))
    hand.do(LegConnected(conn))


@pytest.mark.parametrize(
    ("offices", "roles", "may"),
    [
        ((Office.WARD,), {Role.MONITOR}, True),
        ((Office.WARD,), {Role.APPROVER}, False),
        ((Office.DIVISION,), {Role.MONITOR}, False),
        ((Office.DIVISION,), {Role.MONITOR, Role.APPROVER}, True),
        ((Office.WARD, Office.WARDEN), {Role.APPROVER}, True),
        ((Office.PROVINCE,), {Role.APPROVER, Role.ADMIN}, False),
        ((), {Role.MONITOR, Role.APPROVER, Role.ADMIN}, False),
    ],
)
def test_who_gives_more_time_is_policy(offices: tuple[Office, ...], roles: set[Role], may: bool) -> None:
    assert extending.may(offices, roles) is may


def test_whom_policy_does_not_let_has_no_such_power() -> None:
    hand = live(visit(rules=LONGER))
    welcome = next(m for m in hand.heard(OFFICER) if m["type"] == "welcome")
    assert "extend" not in welcome["acts"]
    assert Act.EXTEND not in [Act(act) for act in welcome["acts"]]
    effects = hand.do(Acted("officer", "x", "extend", minutes=5))
    assert not any(isinstance(effect, Prolong) for effect in effects)
    assert "officer:act:forbidden" in hand.tags()


@pytest.mark.parametrize(("minutes", "code"), [(0, "minutes-needed"), (11, "too-long")])
def test_what_cannot_be_given_is_refused_at_once(minutes: int, code: str) -> None:
    hand = live(visit(rules=LONGER))
    extends(hand)
    assert hand.act("extend", minutes=minutes) == code


def test_before_it_has_begun_there_is_nothing_to_be_made_longer() -> None:
    hand = Stagehand(visit(rules=LONGER), at=-60)
    extends(hand)
    assert hand.act("extend", minutes=5) == "not-live"


def test_more_time_is_counted_told_and_announced_again() -> None:
    hand = live(visit(rules=LONGER))
    extends(hand)
    assert next(m for m in hand.heard(OFFICER) if m["type"] == "welcome")["most_minutes"] == 40
    hand.wait(28 * 60, step=5)
    assert [m["minutes"] for m in hand.notices(WIFE, "time")] == [10, 5, 2]
    effects = hand.do(Acted("officer2", "x", "extend", minutes=10))
    assert [(e.id, e.minutes) for e in effects if isinstance(e, Prolong)] == [("x", 10)]
    assert not hand.heard(OFFICER, effects)  # the timetable answers, not the room
    hand.do(Extended(40 * 60.0, hand.room.visit.slot_ends_at + timedelta(minutes=10)))
    assert hand.state(WIFE)["clock"]["granted_ms"] == 40 * 60_000
    assert hand.notices(INMATE, "extended")[0]["text"]["params"] == {"minutes": 10}
    assert "system:visit:extended" in hand.tags()
    hand.wait(11 * 60, step=5)
    assert [m["minutes"] for m in hand.notices(WIFE, "time")] == [10, 5, 2, 10, 5, 2]
    assert hand.phase == Phase.LIVE.value


async def test_the_timetable_gives_it_and_the_running_room_hears_of_it(
    cast: Cast, shifted: ShiftedClock
) -> None:
    shifted.put_to(cast.booking.starts_at - timedelta(minutes=1))
    async with cast.db.write() as session:
        with pytest.raises(NotRunning):
            await extending.extend(session, cast.officer, cast.booking.id, 5)
    shifted.put_to(cast.booking.starts_at + timedelta(minutes=3))
    async with cast.db.write() as session:
        with pytest.raises(VisitTooLong) as caught:
            await extending.extend(session, cast.officer, cast.booking.id, 36)
        assert caught.value.params == {"most": 60, "left": 35}
        longer = await extending.extend(session, cast.officer, cast.booking.id, 10)
    assert (longer.minutes, longer.slot_ends_at - cast.booking.slot_ends_at) == (35, timedelta(minutes=10))
    async with cast.db.read() as session:
        agreed = (await opening.read(session, Ref("booking", cast.booking.id))).visit("room_1", RULES)
        before = replace(agreed, granted=25 * 60.0)
        assert await opening.changes(session, agreed, ()) == []
        assert await opening.changes(session, before, ()) == [Extended(35 * 60.0, longer.slot_ends_at)]
        tags = [entry.tag for entry in await ledger.about(session, Ref("booking", cast.booking.id))]
    assert "officer:booking:extended" in tags


async def test_nobody_is_taken_away_from_another_visit(cast: Cast, shifted: ShiftedClock) -> None:
    shifted.put_to(cast.booking.starts_at + timedelta(minutes=3))
    ends = cast.booking.slot_ends_at
    after = ticks(ends, ends + timedelta(minutes=5))
    async with cast.db.write() as session:
        keys = places.ticks_of(ClaimKind.INMATE, cast.booking.inmate_id, after)
        assert await places.claim(session, keys, None)
    prolong = Prolong("officer", "a1", cast.officer.subject, 10)
    answer, longer = await opening.prolong(cast.db, Ref("booking", cast.booking.id), prolong)
    assert (answer["type"], answer["code"], longer) == ("refused", NeededElsewhere.code, None)
    async with cast.db.read() as session:
        assert (await scheduling.get(session, cast.booking.id)).minutes == 25
    assert clock.now() < ends
