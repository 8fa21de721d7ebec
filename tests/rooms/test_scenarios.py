"""Scenarios F52 (the end of a visit), F60, F62, F64 and F65 of the field, restated for rooms of our own. What differs
is said."""

import pytest

from rooms.actions import Attached, RecorderFailed, StartRecorder
from rooms.client import LegStatistics
from rooms.model import Phase, Quality
from rooms.quality import rate
from tests.rooms.stagehand import INMATE, OFFICER, WIFE, Stagehand, live


def seats_of(hand: Stagehand) -> dict[str, str]:
    return {one["seat"]: one["state"] for one in hand.state(OFFICER)["people"]}


@pytest.mark.parametrize(
    ("code", "said"),
    [("said-goodbye", "done"), ("cancelled", "reason-needed"), ("", "reason-needed")],
)
def test_f52_a_visit_is_ended_by_a_reason_of_the_list_and_by_no_cancellation(code: str, said: str) -> None:
    """How long what is written may be: tests.signaling.test_messages."""
    assert live().act("end", code=code) == said


@pytest.mark.parametrize(("minutes", "open_"), [(None, True), (1, False), (119, False), (121, False)])
def test_f60_a_call_that_is_over_is_not_entered_again(minutes: int | None, open_: bool) -> None:
    """Theirs stays reachable for two hours. Here nobody meets anybody after the end; the page of it stays."""
    hand = live()
    if minutes is not None:
        assert hand.act("end", code="said-goodbye") == "done"
        hand.at += 60 * minutes
    hand.sockets[WIFE.id] = "wife2"
    hand.do(Attached("wife2", WIFE))
    assert any(said["type"] == "welcome" for said in hand.heard(WIFE, hand.effects[-10:])) is open_


def test_f62_at_each_instant_one_state_and_in_session_never_waiting() -> None:
    """Theirs has no state at exactly two minutes before and ten after; here each half minute has one."""
    hand = Stagehand(at=-31 * 60)
    hand.enter(WIFE)
    for before in range(31 * 60, 0, -30):
        assert (hand.state(WIFE)["phase"], hand.state(WIFE)["waiting"][0]) == ("lobby", "for-start"), before
        hand.wait(30, step=30)
    for late in range(0, 9 * 60, 30):
        told = hand.state(WIFE)
        assert (told["phase"], "for-start" in told["waiting"], bool(told["waiting"])) == (
            "lobby",
            False,
            True,
        ), late
        hand.wait(30, step=30)
    hand.enter(OFFICER, INMATE)
    hand.admit(WIFE, INMATE)
    for _ in range(11 * 2):
        assert (hand.state(WIFE)["phase"], hand.state(WIFE)["waiting"]) == ("live", [])
        hand.wait(30, step=30)


def test_f62_the_marks_before_the_end_are_told_once_each() -> None:
    """Theirs are 5 minutes and 30 seconds; ours are ten, five and two minutes (rules U7)."""
    hand = live()
    hand.wait(1790, step=5)
    assert [one["minutes"] for one in hand.notices(WIFE, "time")] == [10, 5, 2]


@pytest.mark.parametrize(
    ("trip", "word"),
    [
        (50.0, Quality.GOOD),
        (150.0, Quality.GOOD),
        (500.0, Quality.POOR),
        (1000.0, Quality.POOR),
        (1001.0, Quality.POOR),
        (None, Quality.UNKNOWN),
    ],
)
def test_f64_a_round_trip_in_one_word(trip: float | None, word: Quality) -> None:
    """Theirs calls half a second average. Ours says poor above 300 ms (rules U13), and nothing of what is not known."""
    assert rate(LegStatistics(0, 0, 0, 0, 0, trip, None, None, 0.0)) is word


def test_f64_a_second_login_takes_the_seat_and_the_first_is_told_where_it_went() -> None:
    hand = live()
    hand.enter(WIFE)
    assert hand.closed("wife") == ["elsewhere"]
    assert hand.closed("wife2") == []


def test_f65_unknown_waiting_accepted_or_denied() -> None:
    hand = Stagehand()
    hand.enter(OFFICER)
    states = seats_of(hand)
    assert states[WIFE.id] == "away"
    hand.enter(WIFE, INMATE)
    states = seats_of(hand)
    assert (states[WIFE.id], states[INMATE.id]) == ("lobby", "lobby")
    hand.admit(INMATE)
    assert hand.act("remove", seat=WIFE.id, code="identity") == "done"
    states = seats_of(hand)
    assert (states[WIFE.id], states[INMATE.id]) == ("removed", "admitted")


def test_f65_one_recording_at_a_time_and_again_after_a_failure() -> None:
    """Nobody starts one by hand, so nobody can start two; what failed begins anew before anybody talks on."""
    hand = live()
    hand.enter(WIFE)  # back on another device: no reason for a second one
    assert sum(isinstance(effect, StartRecorder) for effect in hand.effects) == 1
    hand.answer_recorder = False
    for _ in range(2):  # the running one, then the new one
        hand.do(RecorderFailed())
        assert hand.phase == Phase.PAUSED.value
    hand.answer_recorder = True
    hand.wait(6)
    assert hand.phase == Phase.LIVE.value
