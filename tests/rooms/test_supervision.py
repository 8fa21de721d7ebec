"""What happens when supervision or recording is lost, and every act of the officer."""

from dataclasses import replace
from typing import Any

import pytest

from rooms.actions import (
    Acted,
    Close,
    Detached,
    Enter,
    FinishRecorder,
    LegBack,
    LegLost,
    Looks,
    Mark,
    Note,
    RecorderBehind,
    RecorderFailed,
    StartRecorder,
)
from rooms.acts import LATER
from rooms.confidentiality import Confidentiality, RoomKind
from rooms.model import EndReason, Phase, RoomRecord, SeatState
from rooms.powers import Act
from rooms.words import MARKS, PAUSES, REASONS
from scheduler.model import Fault
from tests.rooms.stagehand import (
    COUNSEL,
    INMATE,
    OFFICER,
    RULES,
    SECOND,
    SON,
    WIFE,
    Stagehand,
    live,
    visit,
)

# Loss of monitor or recorder


def test_when_the_last_officer_leaves_it_pauses_at_once_and_goes_on_by_itself() -> None:
    hand = live()
    hand.wait(60)
    hand.do(Detached("officer"))
    assert hand.phase == Phase.PAUSED.value
    assert hand.shown(WIFE) == hand.shown(INMATE) == {}
    assert hand.state(WIFE)["pause"]["reason"] == "monitor-lost"
    assert not hand.state(WIFE)["supervised"]
    assert hand.notices(WIFE, "paused")
    hand.wait(30)
    hand.enter(OFFICER)
    assert hand.phase == Phase.LIVE.value
    assert hand.room.clock.used == 60
    assert hand.room.clock.given_back() == 30
    assert hand.notices(WIFE, "resumed")
    assert hand.notices(WIFE, "given-back")[0]["text"]["params"] == {"seconds": 30}


def test_a_recording_that_falls_behind_is_told_to_officers_at_once_and_the_call_goes_on() -> None:
    hand = live()
    hand.do(RecorderBehind(behind=True))
    assert hand.phase == Phase.LIVE.value
    assert hand.notices(OFFICER, "recorder")
    assert not hand.notices(WIFE, "recorder")
    assert hand.state(OFFICER)["recording"]["behind"]
    hand.do(RecorderBehind(behind=True))
    assert len(hand.notices(OFFICER, "recorder")) == 1
    hand.do(RecorderBehind(behind=False))
    assert not hand.state(OFFICER)["recording"]["behind"]
    assert (
        hand.tags().count("system:recording:behind") == hand.tags().count("system:recording:caught-up") == 1
    )


@pytest.mark.parametrize("told", [("family", "inmate"), ("family",), ("inmate",), ()])
def test_who_reads_an_officers_reason_is_policy(told: tuple[str, ...]) -> None:
    hand = live(visit(rules=replace(RULES, reason_told_to=told)))
    assert hand.act("pause", code="health") == "done"
    given = REASONS["health"]
    read = {seat.id: hand.state(seat)["pause"]["text"]["msgid"] == given for seat in (WIFE, INMATE, OFFICER)}
    assert read == {WIFE.id: "family" in told, INMATE.id: "inmate" in told, OFFICER.id: True}
    assert hand.act("end", code="emergency", text="for the file") == "done"
    ends = {
        seat.id: next(m for m in hand.heard(seat) if m["type"] == "ended") for seat in (WIFE, INMATE, OFFICER)
    }
    assert {seat: end["because"] is not None for seat, end in ends.items()} == read


def test_an_officer_whose_media_is_dead_watches_nobody() -> None:
    hand = live()
    hand.do(LegLost("officer", 3.0))
    assert hand.phase == Phase.PAUSED.value
    hand.do(LegBack("officer"))
    assert hand.phase == Phase.LIVE.value


def test_a_second_officer_keeps_it_going() -> None:
    hand = live()
    hand.enter(SECOND)
    hand.do(Detached("officer"))
    assert hand.phase == Phase.LIVE.value


def test_without_an_officer_for_too_long_it_ends_on_the_prisons_account() -> None:
    hand = live()
    hand.leave(OFFICER)
    hand.wait(600, step=1)
    assert hand.phase == Phase.PAUSED.value
    hand.wait(2, step=1)
    assert hand.room.record().end_reason is EndReason.MONITOR_LOST
    assert hand.room.record().fault is Fault.PRISON


def test_a_lost_recorder_pauses_and_a_new_take_goes_on() -> None:
    hand = live()
    hand.answer_recorder = False
    hand.do(RecorderFailed())
    assert hand.phase == Phase.PAUSED.value
    assert hand.state(WIFE)["pause"]["reason"] == "recorder-lost"
    assert not hand.state(WIFE)["recording"]["running"]
    assert FinishRecorder("failed") in hand.effects
    assert sum(isinstance(e, StartRecorder) for e in hand.effects) == 2
    hand.do(RecorderFailed())
    hand.answer_recorder = True
    hand.wait(6)
    assert hand.phase == Phase.LIVE.value
    assert hand.room.recording == "rec_3"


def test_without_a_recorder_for_too_long_it_ends_on_our_account() -> None:
    hand = live()
    hand.answer_recorder = False
    hand.do(RecorderFailed())
    hand.do(RecorderFailed())
    for _ in range(121):
        hand.wait(5, step=1)
        hand.do(RecorderFailed())
    assert hand.room.record().end_reason is EndReason.RECORDER_LOST
    assert hand.room.record().fault is Fault.PLATFORM


def test_what_an_officer_paused_only_an_officer_resumes() -> None:
    hand = live()
    assert hand.act("pause", code="security") == "done"
    hand.leave(OFFICER)
    hand.enter(OFFICER)
    hand.wait(60)
    assert hand.phase == Phase.PAUSED.value
    assert hand.state(WIFE)["pause"]["reason"] == "by-officer"
    assert hand.state(WIFE)["waiting"] == ["for-resume"]
    assert hand.act("resume") == "done"
    assert hand.phase == Phase.LIVE.value


def test_a_pause_that_is_forgotten_ends_the_visit() -> None:
    hand = live()
    hand.act("pause", code="security")
    hand.wait(902, step=1)
    assert hand.room.record().end_reason is EndReason.PAUSED_TOO_LONG


def test_a_language_that_nobody_understands_pauses_and_is_never_cut_for_it() -> None:
    hand = live(visit(rules=replace(RULES, reason_told_to=(), ladder=("warn", "pause", "end"))))
    hand.wait(60)
    assert hand.act("mark", code="language") == "done"
    assert hand.phase == Phase.PAUSED.value
    assert hand.shown(WIFE) == hand.shown(INMATE) == {}
    for seat in (WIFE, INMATE, OFFICER):  # no reason that somebody could be spared
        assert hand.state(seat)["pause"]["text"]["msgid"] == PAUSES["language"]
    assert hand.act("mark", code="language") == "done"
    assert hand.act("pause", code="security") == "already-paused"
    assert hand.tags().count("officer:visit:paused") == 1
    hand.wait(RULES.pause_end + 60, step=1)
    assert hand.phase == Phase.PAUSED.value
    assert hand.room.clock.used == 60
    assert hand.act("resume") == "done"
    assert hand.phase == Phase.LIVE.value
    assert hand.room.clock.given_back() > RULES.pause_end / 2
    assert hand.act("end", code="rules-broken") == "warn-first"  # it was no step of the ladder


def test_the_marks_of_an_officer_say_which_one_pauses_and_no_other_does() -> None:
    hand = live()
    offered = {one["code"]: one["text"]["msgid"] for one in hand.heard(OFFICER)[0]["marks"]}
    assert {code for code, text in offered.items() if text != MARKS[code]} == {"language"}
    for code in MARKS.keys() - {"language"}:
        assert hand.act("mark", code=code) == "done"
    assert hand.phase == Phase.LIVE.value
    lobby = Stagehand()
    lobby.enter(OFFICER, WIFE, INMATE)
    assert lobby.act("mark", code="language") == "done"
    assert lobby.phase == Phase.LOBBY.value
    assert "officer:visit:paused" not in lobby.tags()


def test_several_holds_are_told_by_the_gravest_and_all_must_go() -> None:
    hand = live()
    hand.do(LegLost("wife"))
    hand.leave(OFFICER)
    assert hand.state(WIFE)["pause"]["reason"] == "monitor-lost"
    hand.enter(OFFICER)
    assert hand.state(WIFE)["pause"]["reason"] == "person-away"
    hand.do(LegBack("wife"))
    assert hand.phase == Phase.LIVE.value


# Acts


def test_every_act_has_its_entry_before_it_is_done() -> None:
    hand = live(seats=(WIFE, SON, INMATE))
    fields: dict[str, dict[str, Any]] = {
        "admit": {"seat": SON.id},
        "send_back": {"seat": SON.id},
        "remove": {"seat": SON.id, "code": "identity"},
        "warn": {"code": "dress"},
        "mute": {"seat": WIFE.id},
        "unmute": {"seat": WIFE.id},
        "pause": {"code": "security"},
        "resume": {},
        "speak": {},
        "silence": {},
        "mark": {"text": "here"},
        "end": {"code": "said-goodbye"},
    }
    order = [
        "send_back",
        "admit",
        "remove",
        "warn",
        "mute",
        "unmute",
        "pause",
        "resume",
        "speak",
        "silence",
        "mark",
    ]
    assert {*order, "end"} == {act.value for act in Act if act not in LATER} == set(fields)
    for number, act in enumerate([*order, "end"]):
        effects = hand.do(Acted("officer", f"n{number}", act, **fields[act]))
        kinds = [type(e) for e in effects]
        done = next(i for i, e in enumerate(effects) if getattr(e, "message", {}).get("type") == "done")
        entry = next(
            i for i, e in enumerate(effects) if isinstance(e, Enter) and e.tag.startswith("officer:")
        )
        assert entry < done
        assert Note in kinds
        assert Mark in kinds
    assert hand.phase == Phase.ENDED.value


@pytest.mark.parametrize("act", [act.value for act in Act])
@pytest.mark.parametrize("by", [WIFE, INMATE])
def test_nobody_but_an_officer_acts(act: str, by: object) -> None:
    hand = live()
    conn = "wife" if by is WIFE else "inmate"
    before = hand.shown(INMATE)
    effects = hand.do(Acted(conn, "x", act, seat=INMATE.id, code="security"))
    assert Close(conn, "forbidden") in effects
    entry = next(e for e in effects if isinstance(e, Enter))
    assert entry.tag.endswith(":act:forbidden")
    assert entry.details["act"] == act
    assert hand.phase == Phase.LIVE.value
    assert hand.shown(INMATE) == before


def test_faces_are_checked_in_the_lobby_where_only_officers_see() -> None:
    hand = Stagehand(at=-300)
    hand.enter(OFFICER, WIFE, INMATE)
    assert hand.shown(OFFICER) == {WIFE.id: (True, True), INMATE.id: (True, True)}
    assert hand.shown(WIFE) == hand.shown(INMATE) == {}
    assert [p["line"] for p in hand.state(OFFICER)["people"]] == [0, None, 2, None]
    assert [p["line"] for p in hand.state(WIFE)["people"]] == [None, None, None]


def test_admitting_needs_a_face_to_be_seen() -> None:
    hand = Stagehand()
    hand.enter(OFFICER)
    hand.enter(WIFE, connect=False)
    assert hand.act("admit", seat=WIFE.id) == "not-here"
    assert hand.act("admit", seat=INMATE.id) == "not-here"
    assert hand.act("admit", seat="seat_nobody") == "no-such-seat"
    assert hand.act("admit", seat=OFFICER.id) == "no-such-seat"
    hand.enter(WIFE)
    assert hand.act("admit", seat=WIFE.id) == "done"
    assert hand.act("admit", seat=WIFE.id) == "already-in"


def test_sent_back_waits_in_the_lobby_and_the_clock_stands() -> None:
    hand = live()
    assert hand.act("send_back", seat=WIFE.id) == "done"
    assert hand.phase == Phase.PAUSED.value
    assert hand.shown(INMATE) == {}
    assert hand.state(WIFE)["waiting"] == ["for-admission"]
    hand.wait(300)
    assert hand.room.clock.used == 0
    assert hand.act("send_back", seat=WIFE.id) == "not-in"
    hand.admit(WIFE)
    assert hand.phase == Phase.LIVE.value


def test_removed_is_out_for_good() -> None:
    hand = live(seats=(WIFE, SON, INMATE))
    assert hand.act("remove", seat=SON.id) == "reason-needed"
    assert hand.act("remove", seat=SON.id, code="unapproved-person") == "done"
    assert hand.closed("son") == ["seat-refused"]
    assert hand.phase == Phase.LIVE.value
    hand.enter(SON, connect=False)
    assert hand.closed("son2") == ["seat-refused"]
    assert hand.act("admit", seat=SON.id) == "removed"
    assert hand.room.seat(SON.id).view.state is SeatState.REMOVED  # type: ignore[union-attr]


def test_removing_a_whole_side_ends_the_visit_with_the_officers_reason() -> None:
    hand = live()
    hand.act("remove", seat=SON.id, code="identity")
    assert hand.phase == Phase.LIVE.value
    hand.act("remove", seat=WIFE.id, code="identity", text="not her")
    record = hand.room.record()
    assert (record.end_reason, record.end_code, record.end_words) == (
        EndReason.REMOVED,
        "identity",
        "not her",
    )


def test_a_warning_is_shown_at_both_ends_or_at_one() -> None:
    hand = live()
    assert hand.act("warn", code="nonsense") == "reason-needed"
    assert hand.act("warn", code="text", text="") == "text-needed"
    assert hand.act("warn", code="dress") == "done"
    for seat in (WIFE, INMATE, OFFICER):
        assert hand.notices(seat, "warning")[-1]["text"]["msgid"].startswith("Please dress")
    assert hand.act("warn", code="text", text="Please sit down", seat=WIFE.id) == "done"
    assert hand.notices(WIFE, "warning")[-1]["text"] == "Please sit down"
    assert len(hand.notices(INMATE, "warning")) == 1
    assert (
        Mark("officer:visit:warned", {"seat": WIFE.id, "code": "text", "text": "Please sit down"})
        in hand.effects
    )


def test_a_muted_person_is_seen_not_heard_and_goes_on_being_recorded_and_watched() -> None:
    hand = live()
    hand.act("mute", seat=WIFE.id)
    assert hand.shown(INMATE) == {WIFE.id: (False, True)}
    assert hand.shown(OFFICER)[WIFE.id] == (True, True)
    assert hand.room.scene().taped == {"wife": WIFE.id, "inmate": INMATE.id}
    assert next(p for p in hand.state(WIFE)["people"] if p["you"])["muted"]
    assert hand.notices(WIFE, "officer")
    assert hand.act("mute", seat=WIFE.id) == "no-change"
    hand.act("unmute", seat=WIFE.id)
    assert hand.shown(INMATE) == {WIFE.id: (True, True)}


def test_speaking_in_reaches_all_seats_and_is_a_track_while_it_lasts() -> None:
    hand = live()
    hand.enter(SECOND)
    assert hand.room.scene().announcer is None
    assert hand.act("silence") == "not-speaking"
    assert hand.act("speak") == "done"
    assert hand.act("speak") == "no-change"
    assert hand.act("speak", by=SECOND) == "somebody-speaks"
    scene = hand.room.scene()
    assert scene.announcer == "officer"
    assert scene.taped["officer"] == OFFICER.id
    assert hand.act("silence") == "done"
    scene = hand.room.scene()
    assert scene.announcer is None
    assert "officer" not in scene.taped


def test_an_officer_who_drops_out_while_speaking_falls_silent() -> None:
    hand = live()
    hand.enter(SECOND)
    hand.act("speak")
    hand.leave(OFFICER)
    assert hand.room.scene().announcer is None
    assert "officer:visit:fell-silent" in hand.tags()
    assert hand.act("speak", by=SECOND) == "done"


def test_pause_and_resume_refuse_what_makes_no_sense() -> None:
    hand = Stagehand(at=-60)
    hand.enter(OFFICER)
    assert hand.act("pause", code="security") == "not-live"
    assert hand.act("resume") == "not-paused"
    hand = live()
    assert hand.act("pause") == "reason-needed"
    assert hand.act("pause", code="security") == "done"
    assert hand.act("pause", code="security") == "already-paused"
    assert hand.shown(WIFE) == {}
    assert hand.shown(OFFICER) == {WIFE.id: (True, True), INMATE.id: (True, True)}


def test_the_end_has_a_reason_and_the_officers_words_stay_with_the_prison() -> None:
    hand = live()
    assert hand.act("end") == "reason-needed"
    assert hand.act("end", code="security", text="searched cell 4") == "done"
    record = hand.room.record()
    assert record.end_reason is EndReason.BY_OFFICER
    assert (record.end_code, record.end_words, record.fault) == ("security", "searched cell 4", Fault.PRISON)
    ended = next(m for m in hand.heard(WIFE) if m["type"] == "ended")
    assert "searched" not in str(hand.heard(WIFE))
    assert ended["because"]["msgid"] == "Order and safety in the prison require it."
    done = next(i for i, m in enumerate(hand.heard(OFFICER)) if m["type"] == "done" and m["id"] == "a4")
    assert done < next(i for i, m in enumerate(hand.heard(OFFICER)) if m["type"] == "ended")


@pytest.mark.parametrize("policy", [True, False])
def test_whether_a_muted_voice_is_recorded_is_policy(policy: bool) -> None:
    hand = live(visit(rules=replace(RULES, record_while_muted=policy)))
    hand.act("mute", seat=WIFE.id)
    assert set(hand.room.scene().taped) == {"wife", "inmate"}
    assert hand.room.scene().silent == (frozenset() if policy else {"wife"})
    hand.act("unmute", seat=WIFE.id)
    assert hand.room.scene().silent == frozenset()


@pytest.mark.parametrize("policy", [True, False])
def test_whether_a_pause_is_recorded_is_policy(policy: bool) -> None:
    hand = live(visit(rules=replace(RULES, record_while_paused=policy)))
    hand.act("pause", code="security")
    assert bool(hand.room.scene().taped) is policy
    hand.act("resume")
    assert hand.room.scene().taped == {"wife": WIFE.id, "inmate": INMATE.id}


def test_a_breach_is_answered_step_by_step_where_policy_says_so() -> None:
    laddered = visit(rules=replace(RULES, ladder=("warn", "pause", "end")))
    stage = live(laddered)
    assert stage.act("end", code="rules-broken") == "warn-first"
    assert stage.act("pause", code="rules-broken") == "warn-first"
    assert stage.act("warn", code="calm") == "done"
    assert stage.act("end", code="rules-broken") == "done"
    assert live(laddered).act("end", code="emergency") == "done"  # danger waits for nothing
    assert live().act("end", code="rules-broken") == "done"  # no ladder
    before = RoomRecord(seats=(WIFE, INMATE), taken=frozenset({"warn"}))
    again = Stagehand(laddered, before)
    again.enter(OFFICER, WIFE, INMATE)
    again.admit(WIFE, INMATE)
    assert again.act("end", code="rules-broken") == "done"  # warned before a restart


@pytest.mark.parametrize("how", [Confidentiality.VISUAL_ONLY, Confidentiality.OFFICER_PRESENT])
def test_a_lawyers_meeting_is_not_stopped_for_a_breach_before_a_warning(how: Confidentiality) -> None:
    """Also where the prison's rules have no ladder (Rules on lawyers' meetings, art. 14)."""
    meeting = visit(kind=RoomKind.LEGAL, confidentiality=how)
    for code, first in (("rules-broken", "warn-first"), ("emergency", "done")):
        stage = Stagehand(meeting, RoomRecord(seats=(COUNSEL, INMATE)))
        stage.enter(COUNSEL, INMATE, OFFICER)
        assert stage.act("end", code=code) == first
        if first == "warn-first":
            assert stage.act("warn", code="no-recording") == "done"
            assert stage.act("end", code=code) == "done"


def test_an_officer_who_looks_at_several_calls_supervises_one_it_does_not_hear() -> None:
    stage = Stagehand()
    stage.enter(WIFE, INMATE, OFFICER)
    stage.admit(WIFE, INMATE)
    desk = stage.sockets[OFFICER.id]
    stage.do(Looks(desk, sound=False, pictures=False))
    assert stage.room.scene().lines[desk] == (None, None, None)
    assert stage.state(OFFICER)["phase"] == stage.state(WIFE)["phase"] == "live"
    stage.do(Looks(desk, sound=True, pictures=False))
    lines = [one for one in stage.room.scene().lines[desk] if one is not None]
    assert [(one.audio, one.video) for one in lines] == [(True, False), (True, False)]
    wife = stage.sockets[WIFE.id]
    stage.do(Looks(wife, sound=False, pictures=False))  # of nobody else
    assert any(stage.room.scene().lines[wife])
    stage.leave(OFFICER)
    stage.enter(OFFICER)
    assert all(one.video for one in stage.room.scene().lines[stage.sockets[OFFICER.id]] if one is not None)
