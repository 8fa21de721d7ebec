"""The course of a call, read back from the ledger of rooms that really ran: gaps, whose they were, sights, lines."""

from collections.abc import Callable, Sequence
from datetime import datetime

import pytest

from ledger import chain
from ledger.chain import Entry
from rooms import course, presence, sightlines
from rooms.actions import (
    Action,
    Effect,
    Enter,
    LegBack,
    LegLost,
    RecorderFailed,
    RecorderStarted,
    StartRecorder,
)
from rooms.course import Course, Promise
from rooms.gaps import Cause, Side
from rooms.minutes import COLUMNS, Figures, LegMinute
from rooms.sightlines import SightsFrom
from tests.rooms.stagehand import INMATE, OFFICER, SON, START, WIFE, Stagehand


class Witness(Stagehand):
    """A room whose entries and sights are kept with their moments, as `rooms.running` keeps them."""

    def __init__(self, *, at: float = 0.0) -> None:
        super().__init__(at=at)
        self.entries: list[Entry] = []
        self.sights: list[SightsFrom] = []

    def do(self, action: Action) -> list[Effect]:
        effects = self.room.handle(action, self.moment)
        for effect in effects:
            if isinstance(effect, Enter):
                self._keep(effect)
        sights = sightlines.of(self.room.scene(), self.room.seats)
        if not self.sights or self.sights[-1].sights != sights:
            self.sights.append(SightsFrom(self.moment.wall, sights))
        self.effects += effects
        return self._answered(effects)

    def _answered(self, effects: list[Effect]) -> list[Effect]:
        if self.answer_recorder and any(isinstance(effect, StartRecorder) for effect in effects):
            return [*effects, *self.do(RecorderStarted("rec_1"))]
        return effects

    def _keep(self, effect: Enter) -> None:
        at = self.moment.wall.isoformat(timespec="microseconds")
        actor, details = effect.actor, chain.canonical(effect.details)
        number = len(self.entries) + 1
        self.entries.append(
            Entry(number, at, effect.tag, actor.kind, actor.id, "booking", "bkg_1", details, "", "")
        )

    def course(self, minutes: Sequence[LegMinute] = ()) -> Course:
        visit = self.room.visit
        promise = Promise(visit.starts_at, visit.slot_ends_at, visit.granted, 0.5)
        return course.compute(
            promise, self.room.record(), self.entries, minutes, self.sights, self.moment.wall, 120
        )


def begun(*, at: float = 0.0) -> Witness:
    """Everybody was let in at once."""
    made = Witness(at=at)
    made.enter(WIFE, INMATE, OFFICER)
    made.admit(WIFE, INMATE)
    return made


def lost(made: Witness) -> None:
    """The wife's line is silent for three seconds before that is noticed, and back ten seconds later."""
    made.do(LegLost(made.sockets[WIFE.id], 3.0))
    made.wait(10)
    made.do(LegBack(made.sockets[WIFE.id]))


def inmate_lost(made: Witness) -> None:
    made.do(LegLost(made.sockets[INMATE.id], 3.0))
    made.wait(10)
    made.do(LegBack(made.sockets[INMATE.id]))


def both_lost(made: Witness) -> None:
    """Both ends at once: not their lines."""
    made.do(LegLost(made.sockets[WIFE.id], 3.0))
    made.do(LegLost(made.sockets[INMATE.id], 3.0))
    made.wait(10)
    made.do(LegBack(made.sockets[WIFE.id]))
    made.do(LegBack(made.sockets[INMATE.id]))


def paused(made: Witness) -> None:
    made.act("pause", code="health")
    made.wait(13)
    made.act("resume")


def officer_gone(made: Witness) -> None:
    made.leave(OFFICER)
    made.wait(13)
    made.enter(OFFICER)


def recorder_gone(made: Witness) -> None:
    made.answer_recorder = False
    made.do(RecorderFailed())
    made.wait(13)
    made.answer_recorder = True
    made.wait(6)


def family_left(made: Witness) -> None:
    made.leave(WIFE, bye=True)
    made.wait(13)
    made.enter(WIFE)


def inmate_taken_away(made: Witness) -> None:
    made.leave(INMATE, bye=True)
    made.wait(13)
    made.enter(INMATE)


def sent_back(made: Witness) -> None:
    made.act("send_back", seat=WIFE.id)
    made.wait(13)
    made.admit(WIFE)


CAUSES: list[tuple[Callable[[Witness], None], Cause, Side]] = [
    (lost, Cause.FAMILY_NETWORK, Side.FAMILY_NETWORK),
    (inmate_lost, Cause.PRISON_NETWORK, Side.PRISON_NETWORK),
    (both_lost, Cause.SERVER, Side.SERVER),
    (paused, Cause.PAUSED, Side.OFFICER),
    (officer_gone, Cause.NO_OFFICER, Side.OFFICER),
    (recorder_gone, Cause.RECORDER, Side.SERVER),
    (family_left, Cause.FAMILY_LEFT, Side.FAMILY),
    (inmate_taken_away, Cause.LED_AWAY, Side.PRISON),
    (sent_back, Cause.NOT_ADMITTED, Side.OFFICER),
]


@pytest.mark.parametrize(("happens", "cause", "side"), CAUSES, ids=[one.__name__ for one, *_ in CAUSES])
def test_each_gap_lies_on_its_side_and_lasts_as_long_as_the_clock_stood(
    happens: Callable[[Witness], None], cause: Cause, side: Side
) -> None:
    made = begun()
    made.wait(20)
    happens(made)
    made.wait(5)
    found = made.course()
    assert {(gap.cause, gap.side) for gap in found.gaps} == {(cause, side)}
    assert {gap.code for gap in found.gaps} == {"health" if cause is Cause.PAUSED else ""}
    assert found.lost_to(side) == pytest.approx(made.room.clock.lost, abs=0.6)
    assert 12 <= found.lost_to(side) <= 25


def test_a_late_begin_is_put_to_whoever_was_missing() -> None:
    made = Witness()
    made.enter(WIFE)
    made.wait(60)
    made.enter(INMATE)
    made.wait(30)
    made.enter(OFFICER)
    made.wait(20)
    made.admit(WIFE, INMATE)
    made.wait(10)
    found = made.course()
    told = [(gap.cause, round(gap.seconds), gap.late) for gap in found.gaps]
    assert told == [
        (Cause.NOT_BROUGHT, 60, True),
        (Cause.NO_OFFICER, 30, True),
        (Cause.NOT_ADMITTED, 20, True),
    ]


def test_a_server_that_was_gone_is_blamed_from_when_it_last_counted_until_people_are_back() -> None:
    made = begun()
    made.wait(30)
    down = made.moment.wall
    made.at += 40
    at = made.moment.wall.isoformat()
    opened = chain.canonical({"epoch": 2, "counted_till": down.isoformat()})
    made.entries.append(
        Entry(99, at, "system:room:opened", "system", "kinbridge", "booking", "bkg_1", opened, "", "")
    )
    found = presence.standings(made.entries, {s.id: s.role for s in (WIFE, INMATE, OFFICER)})
    gone = [one for one in found if not one.hosted]
    assert [(one.at, set(one.gone.values())) for one in gone] == [(down, {presence.Gone.SERVER})]
    assert found[-1].hosted
    assert found[-1].gone[WIFE.id] is presence.Gone.SERVER


def test_who_is_away_for_longer_than_the_window_has_to_be_let_in_again() -> None:
    made = begun()
    made.leave(WIFE)
    made.wait(200)
    made.enter(WIFE)
    made.wait(7)
    assert made.course().gaps[-1].side is Side.OFFICER


def test_who_could_see_and_hear_whom_follows_mute_and_pause() -> None:
    made = begun()
    made.wait(10)
    made.act("mute", seat=INMATE.id)
    made.wait(10)
    made.act("unmute", seat=INMATE.id)
    made.act("pause", code="health")
    made.wait(10)
    seen = made.course().seen

    def seconds(viewer: str, shown: str, kind: str) -> float:
        return sum(
            (one.last - one.first).total_seconds()
            for one in seen
            if (one.viewer, one.shown) == (viewer, shown) and getattr(one, kind)
        )

    assert seconds(WIFE.id, INMATE.id, "picture") == 20
    assert seconds(WIFE.id, INMATE.id, "sound") == 10
    assert seconds(INMATE.id, WIFE.id, "sound") == 20
    assert seconds(OFFICER.id, INMATE.id, "sound") == 30  # in the pause, too
    assert seconds(WIFE.id, SON.id, "picture") == 0


def minute(seat: str, bad: dict[int, dict[str, int]], first: datetime) -> LegMinute:
    plain = dict.fromkeys(COLUMNS, None) | {"round_trip_ms": 40, "up_lost": 0, "down_lost": 0, "picture": 0}
    return LegMinute(seat, "leg", first, tuple(Figures(**(plain | bad.get(n, {}))) for n in range(60)))


def test_weak_lines_are_told_with_their_side_and_short_ones_left_out() -> None:
    made = begun()
    made.wait(60)
    loss, small = {"up_lost": 200}, {"picture": 4}
    both = dict.fromkeys(range(40, 45), loss)
    minutes = [
        minute(WIFE.id, {**dict.fromkeys(range(10, 16), loss), 25: loss, **both}, START),
        minute(INMATE.id, {**dict.fromkeys(range(30, 35), small), **both}, START),
        minute(OFFICER.id, dict.fromkeys(range(60), loss), START),
    ]
    found = made.course(minutes)
    told = [
        (one.seat, (one.first - START).seconds, (one.last - START).seconds, one.kind, one.side)
        for one in found.weak
    ]
    assert told == [
        (WIFE.id, 10, 15, "sound", Side.FAMILY_NETWORK),
        (INMATE.id, 30, 34, "small", Side.PRISON_NETWORK),
        (INMATE.id, 40, 44, "sound", Side.SERVER),
        (WIFE.id, 40, 44, "sound", Side.SERVER),
    ]
    line = next(one for one in found.lines if one.seat == WIFE.id)
    assert (line.seconds, line.round_trip_ms, line.lost) == (60, 40, 40)


def test_a_call_is_lost_by_us_only_when_half_is_missing_for_our_reasons() -> None:
    late = Witness()
    late.enter(WIFE, INMATE)
    late.wait(27 * 60, step=5)
    late.enter(OFFICER)
    late.admit(WIFE, INMATE)
    late.wait(14 * 60, step=5)
    assert late.room.ending is not None
    assert late.course().broken_by_us
    for happens in (family_left, lost):
        made = begun()
        happens(made)
        made.act("end", code="family-asked")
        assert not made.course().broken_by_us


def test_each_minute_of_the_clock_tells_what_its_seconds_do() -> None:
    def row(trip: int | None, lost: int) -> Figures:
        return Figures(
            **{**dict.fromkeys(COLUMNS, 0), "round_trip_ms": trip, "up_lost": lost, "up_kbit": lost * 2}
        )

    start = START.replace(second=50)
    minutes = [
        LegMinute(WIFE.id, "leg", start, (row(40, 10),) * 9 + (row(None, 20),) + (row(80, 100),) * 5),
        LegMinute(INMATE.id, "other", start, (row(900, 900),) * 20),
    ]
    (first, one), (second, two) = course.by_minute(minutes, WIFE.id)
    assert (first.second, (second - first).total_seconds()) == (0, 60)
    assert (one.seconds, one.round_trip_ms, one.round_trip_worst_ms, one.lost) == (10, 40, 40, 11)
    assert (two.seconds, two.round_trip_ms, two.lost, two.up_kbit) == (5, 80, 100, 200)
    assert course.by_minute(minutes, SON.id) == []
