"""What officers do in a room: one function per act, found by the table `ACTS`. Pure.

Each either raises `ActRefusedError` and has changed nothing, or changes the room and has it entered.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from rooms import words
from rooms.actions import Acted, Note, Prolong, Say, Send
from rooms.confidentiality import RoomKind
from rooms.model import EndReason, Phase, SeatState
from rooms.powers import Act
from rooms.seat import Seat
from scheduler.model import Fault

if TYPE_CHECKING:
    from rooms.room import Room


_BREACH = "rules-broken"  # the reason that the ladder of steps is for
# A lawyer's meeting is never stopped for a breach without a warning, whatever a prison's rules leave out (Rules on
# lawyers' meetings with inmates, art. 14).
_AT_LEAST: dict[RoomKind, tuple[str, ...]] = {RoomKind.LEGAL: (Act.WARN, Act.END)}


class ActRefusedError(Exception):
    """The act cannot be done now: a stable code and an English sentence."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code)
        self.code = code
        self.text = text


REFUSALS = {
    "no-such-seat": "There is no such person in this visit.",
    "not-here": "This person is not connected: a face can be checked only when it is seen.",
    "already-in": "This person has been let in already.",
    "not-in": "This person is not in the visit.",
    "removed": "This person was removed from the visit.",
    "not-live": "The visit has not begun or is over.",
    "already-paused": "The visit is paused already.",
    "not-paused": "The visit was not paused by an officer.",
    "reason-needed": "Please choose one of the reasons.",
    "text-needed": "Please write what is to be shown.",
    "warn-first": "By the rules of this prison a breach is first answered by a milder step: warn or pause before.",
    "not-recorded": "Only the prepared warnings can be read out.",
    "silent-room": "No sound goes from an officer into this meeting. The words can be shown.",
    "somebody-speaks": "Another officer is speaking just now.",
    "not-speaking": "You are not speaking in.",
    "no-change": "It is so already.",
    "minutes-needed": "Please say how many minutes more.",
    "too-long": "By the rules of this prison a visit cannot be that long.",
}


def refuse(code: str) -> ActRefusedError:
    return ActRefusedError(code, REFUSALS[code])


def _target(room: "Room", act: Acted) -> Seat:
    seat = room.seat(act.seat)
    if seat is None or seat.is_monitor:
        raise refuse("no-such-seat")
    if seat.view.state is SeatState.REMOVED:
        raise refuse("removed")
    return seat


def _reason(room: "Room", act: Acted) -> str:
    if act.code not in room.visit.rules.reasons:
        raise refuse("reason-needed")
    return act.code


def _done(room: "Room", officer: Seat, act: Acted, tag: str, **details: str) -> None:
    """Into the ledger by code, into the recording's timeline and the prison's notes with the words."""
    room.taken.add(act.act)
    if act.code:
        details["code"] = act.code
    room.enter(tag, officer.view.person, **details)
    room.mark(tag, **details, **({"text": act.text} if act.text else {}))
    room.out.append(Note(act.act, act.seat, officer.view.person, act.code, act.text))


def admit(room: "Room", officer: Seat, act: Acted) -> None:
    seat = _target(room, act)
    if seat.view.state is SeatState.ADMITTED:
        raise refuse("already-in")
    if not seat.connected or seat.view.state is not SeatState.LOBBY:
        raise refuse("not-here")
    seat.move(SeatState.ADMITTED)
    room.notice(seat, "officer", words.ADMITTED)
    _done(room, officer, act, "officer:seat:admitted", seat=seat.id, person=str(seat.view.person))


def send_back(room: "Room", officer: Seat, act: Acted) -> None:
    seat = _target(room, act)
    if seat.view.state is not SeatState.ADMITTED:
        raise refuse("not-in")
    seat.move(SeatState.LOBBY)
    room.notice(seat, "officer", words.SENT_BACK)
    _done(room, officer, act, "officer:seat:sent-back", seat=seat.id, person=str(seat.view.person))


def remove(room: "Room", officer: Seat, act: Acted) -> None:
    seat = _target(room, act)
    code = _reason(room, act)
    _done(room, officer, act, "officer:seat:removed", seat=seat.id, person=str(seat.view.person))
    fault = words.REASON_FAULT.get(code, Fault.NOBODY)
    room.remove(seat, "seat-refused", EndReason.REMOVED, fault, code=code, words=act.text)


def warn(room: "Room", officer: Seat, act: Acted) -> None:
    if act.code == "text":
        if not act.text:
            raise refuse("text-needed")
    elif act.code not in room.visit.rules.warnings:
        raise refuse("reason-needed")
    if act.aloud and not room.topology.oversight.announce:
        raise refuse("silent-room")
    if act.aloud:
        _say(room, act)
    targets = [_target(room, act)] if act.seat else [s for s in room.seats if not s.is_monitor]
    for seat in [*targets, *(s for s in room.seats if s.is_monitor)]:
        if seat.socket is not None:
            text = act.text if act.code == "text" else words.say(words.WARNINGS[act.code])
            message = {"type": "notice", "notice": "warning", "text": text}
            room.out.append(Send(seat.socket, message | ({"seat": act.seat} if act.seat else {})))
    details = ({"seat": act.seat} if act.seat else {}) | ({"aloud": "yes"} if act.aloud else {})
    _done(room, officer, act, "officer:visit:warned", **details)


def _say(room: "Room", act: Acted) -> None:
    """In the language of the family, for that is whom it must reach; the other end hears it, too."""
    if act.code == "text":
        raise refuse("not-recorded")
    if any(seat.speaking for seat in room.seats):
        raise refuse("somebody-speaks")
    languages = [seat.language for seat in room.seats if seat.role.visits and seat.socket is not None]
    room.out.append(Say(act.code, languages[0] if languages else "zh"))


def mute(room: "Room", officer: Seat, act: Acted) -> None:
    _set_mute(room, officer, act, muted=True)


def unmute(room: "Room", officer: Seat, act: Acted) -> None:
    _set_mute(room, officer, act, muted=False)


def _set_mute(room: "Room", officer: Seat, act: Acted, *, muted: bool) -> None:
    seat = _target(room, act)
    if seat.view.muted is muted:
        raise refuse("no-change")
    seat.mute(muted)
    room.notice(seat, "officer", words.MUTED if muted else words.UNMUTED)
    tag = "officer:seat:muted" if muted else "officer:seat:unmuted"
    _done(room, officer, act, tag, seat=seat.id, person=str(seat.view.person))


def pause(room: "Room", officer: Seat, act: Acted) -> None:
    if room.phase is Phase.LOBBY:
        raise refuse("not-live")
    if room.pause_code:
        raise refuse("already-paused")
    code = _reason(room, act)
    _climb(room, Act.PAUSE, code)
    room.pause_code, room.pause_words = code, act.text
    _done(room, officer, act, "officer:visit:paused")


def resume(room: "Room", officer: Seat, act: Acted) -> None:
    if not room.pause_code:
        raise refuse("not-paused")
    room.pause_code = room.pause_words = ""
    _done(room, officer, act, "officer:visit:resumed")


def speak(room: "Room", officer: Seat, act: Acted) -> None:
    if any(seat.speaking for seat in room.seats if seat is not officer):
        raise refuse("somebody-speaks")
    if officer.speaking:
        raise refuse("no-change")
    officer.speaking = True
    for seat in room.seats:
        room.notice(seat, "officer", words.SPEAKING)
    _done(room, officer, act, "officer:visit:spoke-in")


def silence(room: "Room", officer: Seat, act: Acted) -> None:
    if not officer.speaking:
        raise refuse("not-speaking")
    officer.speaking = False
    _done(room, officer, act, "officer:visit:fell-silent")


def _climb(room: "Room", step: Act, code: str) -> None:
    """A breach is answered step by step, where policy has a ladder: at least one milder step comes first (rules F7,
    U9). Danger, and whoever has no business there, wait for no step: those are other reasons."""
    ladder = room.visit.rules.ladder or _AT_LEAST.get(room.visit.kind, ())
    milder = ladder[: ladder.index(step)] if step in ladder else ()
    if code == _BREACH and milder and room.taken.isdisjoint(milder):
        raise refuse("warn-first")


def extend(room: "Room", officer: Seat, act: Acted) -> None:
    """By the rules it may be; whether people and terminal are free for so long, the timetable answers."""
    if room.phase not in (Phase.LIVE, Phase.PAUSED) or room.visit.booking_id is None:
        raise refuse("not-live")
    if act.minutes < 1:
        raise refuse("minutes-needed")
    if room.visit.granted + act.minutes * 60 > room.visit.rules.most_granted:
        raise refuse("too-long")
    room.out.append(Prolong(act.conn, act.id, officer.view.person, act.minutes))


def end(room: "Room", officer: Seat, act: Acted) -> None:
    code = _reason(room, act)
    _climb(room, Act.END, code)
    _done(room, officer, act, "officer:visit:ended")
    room.end(EndReason.BY_OFFICER, words.REASON_FAULT.get(code, Fault.NOBODY), code=code, words=act.text)


def mark(room: "Room", officer: Seat, act: Acted) -> None:
    if act.code and act.code not in words.MARKS:
        raise refuse("reason-needed")
    _done(room, officer, act, "officer:visit:marked")
    if act.code in words.PAUSES and room.phase is not Phase.LOBBY and not room.pause_code:
        # Whose language nobody present understands has broken nothing (rules G3): their time stands still while
        # somebody is called, by the task that follows from the mark. It is no step of the ladder.
        room.pause_code, room.pause_words = act.code, ""
        room.enter("officer:visit:paused", officer.view.person, code=act.code)
        room.mark("officer:visit:paused", code=act.code)


# What is answered by whoever carries it out.
LATER = frozenset({Act.EXTEND})
ACTS: dict[Act, Callable[["Room", Seat, Acted], None]] = {
    Act.ADMIT: admit,
    Act.SEND_BACK: send_back,
    Act.REMOVE: remove,
    Act.WARN: warn,
    Act.MUTE: mute,
    Act.UNMUTE: unmute,
    Act.PAUSE: pause,
    Act.RESUME: resume,
    Act.SPEAK: speak,
    Act.SILENCE: silence,
    Act.EXTEND: extend,
    Act.END: end,
    Act.MARK: mark,
}
