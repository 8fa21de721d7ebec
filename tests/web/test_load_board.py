"""The load of terminals and officers, in minutes of calls."""

from datetime import UTC, datetime, timedelta

from scheduler.seating import Seat
from scheduler.shifts import Shift
from scheduler.tables import SlotRow
from web import load_board
from web.load_board import Burden, Call

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)


def after(minutes: int) -> datetime:
    return NINE + timedelta(minutes=minutes)


def slot(first: int, last: int, wing: str | None = None) -> SlotRow:
    return SlotRow(
        id=f"slt_{first}",
        wing_id=wing,
        starts_at=after(first),
        ends_at=after(last),
        minutes=last - first - 10,
    )


def call(name: str, first: int, last: int, *, planned: bool = False) -> Call:
    return Call(name, "w", (after(first), after(last)), planned)


def test_a_terminal_could_take_what_lies_in_its_wing_and_while_it_works() -> None:
    slots = [slot(0, 40), slot(40, 80, "w"), slot(80, 120, "other"), slot(0, 40, "w")]
    seat = Seat("t", "w", ((after(40), after(50)),))
    found = load_board._terminal(seat, "T", [call("a", 0, 40), call("b", 80, 110, planned=True)], slots)
    assert found == Burden("T", 40, 30, 40)
    assert found.percent == 175
    assert load_board._terminal(Seat("t", None), "T", [], slots) == Burden("T", 0, 0, 120)


def test_officers_share_what_is_to_be_watched() -> None:
    shifts = [
        Shift("o1", "Li", NINE, after(120), 1, ((after(60), after(90)),)),
        Shift("o2", "Wu", NINE, after(60), 2),
    ]
    calls = [call("a", 0, 40), call("b", 0, 40, planned=True), call("c", 90, 120), call("d", 60, 90)]
    burdens, unwatched = load_board._officers(shifts, calls)
    assert {one.name: one.most for one in burdens} == {"Li": 90, "Wu": 120}
    assert sum(one.booked + one.planned for one in burdens) == 110
    assert unwatched == 1  # in the break of the only one on duty
    assert load_board._officers([], calls) == ((), 0)


def test_a_planned_call_lies_where_its_slot_does() -> None:
    rows = [slot(0, 40)]
    (only,) = load_board.calls_of([], rows, [("prp_1", "slt_0", "w"), ("prp_2", "slt_gone", "w")])
    assert only == Call("prp_1", "w", (NINE, after(40)), planned=True, minutes=30)


def test_officers_watch_as_long_as_people_talk() -> None:
    """Not while the terminal is made ready: a call may end where the break of the only officer begins."""
    shifts = [Shift("o1", "Li", NINE, after(120), 1, ((after(30), after(60)),))]
    burdens, unwatched = load_board._officers(
        shifts, [Call("a", "w", (NINE, after(40)), planned=True, minutes=30)]
    )
    assert (unwatched, burdens) == (0, (Burden("Li", 0, 30, 90),))
