"""How a room finds its phase: the only code that moves it, by the table `rooms.model.MOVES`. Pure."""

from typing import TYPE_CHECKING

from core.ids import SYSTEM
from rooms import words
from rooms.actions import Close, Ended, FinishRecorder, Send, StartRecorder
from rooms.model import Ending, Hold, Phase, SeatRole, SeatState, Waiting, check_move
from rooms.seat import Seat
from rooms.view import milliseconds, needs, reads_reason

if TYPE_CHECKING:
    from rooms.room import Room

RECORDER_RETRY = 5.0  # seconds between tries to start a recorder


def settle(room: "Room") -> None:
    """Moves the phase to where it belongs now, and asks for a recorder when only that is missing."""
    find_holds(room)
    missing = room.waiting(room.now) if room.phase is Phase.LOBBY else list(room.holds)
    if not missing and room.phase is Phase.LOBBY:
        _go_live(room)
    elif missing and room.phase is Phase.LIVE:
        _pause(room)
    elif not missing and room.phase is Phase.PAUSED:
        _resume(room)
    unrecorded = room.phase is Phase.LIVE and room.topology.oversight.recorder and room.recording is None
    if unrecorded or missing in ([Waiting.RECORDER], [Hold.RECORDER_LOST]):
        _ask_for_recorder(room)
    if room.phase is Phase.PAUSED:
        (room.clock.run if _runs_on(room) else room.clock.stand)(room.now)


def find_holds(room: "Room") -> None:
    """What holds a begun visit now, and since when."""
    if room.phase is Phase.LOBBY:
        return
    visitors = any(seat.present for seat in room.seats if room.topology.leads(seat.role))
    inmate = any(seat.present for seat in _inmates(room))
    present = {
        Hold.BY_OFFICER: bool(room.pause_code),
        Hold.MONITOR_LOST: needs(room, "monitor") and not any(seat.watching for seat in room.seats),
        Hold.RECORDER_LOST: needs(room, "recorder") and room.recording is None,
        Hold.PERSON_AWAY: not (visitors and inmate),
    }
    room.holds = {hold: room.holds.get(hold, room.now.mono) for hold in Hold if present[hold]}


def both_sides(room: "Room") -> bool:
    """Whether somebody who leads and the inmate could still be here: neither side was removed."""
    left = [seat.role for seat in room.seats if seat.view.state is not SeatState.REMOVED]
    return SeatRole.INMATE in left and any(map(room.topology.leads, left))


def _runs_on(room: "Room") -> bool:
    """Paused because somebody stays away beyond the window: their own time runs on (rules U12).

    Not while somebody waits to be let in: that is the officer's time, not theirs.
    """
    if list(room.holds) != [Hold.PERSON_AWAY] or Waiting.ADMISSION in room.waiting(room.now):
        return False
    return room.now.mono - room.holds[Hold.PERSON_AWAY] > room.visit.rules.reconnect_window


def _go_live(room: "Room") -> None:
    room.phase = check_move(room.phase, Phase.LIVE)
    room.clock.start(room.now)
    room.enter("system:visit:started", SYSTEM)
    room.mark("system:visit:started")


def _pause(room: "Room") -> None:
    room.phase = check_move(room.phase, Phase.PAUSED)
    silent = _silent_for(room) if list(room.holds) == [Hold.PERSON_AWAY] else 0.0
    room.given_back_before = room.clock.given_back()
    room.clock.stand(room.now, silent=silent)
    hold = next(iter(room.holds))
    room.enter("system:visit:paused", SYSTEM, reason=hold.value)
    room.mark("system:visit:paused", reason=hold.value)
    for seat in room.seats:
        room.notice(seat, "paused", words.holds(room.visit.kind)[hold])


def _inmates(room: "Room") -> list[Seat]:
    return [seat for seat in room.seats if seat.role is SeatRole.INMATE]


def _silent_for(room: "Room") -> float:
    """For how long a side was gone before we could know it: those seconds were lost, too."""
    ages = []
    for side in ([s for s in room.seats if room.topology.leads(s.role)], _inmates(room)):
        seen = [s.unseen_since for s in side if s.unseen_since is not None]
        if seen and not any(s.connected for s in side):
            ages.append(room.now.mono - max(seen))
    return max(ages, default=0.0)


def _resume(room: "Room") -> None:
    room.phase = check_move(room.phase, Phase.LIVE)
    room.clock.run(room.now)
    seconds = round(room.clock.given_back() - room.given_back_before)
    room.enter("system:visit:resumed", SYSTEM, given_back_ms=milliseconds(room.clock.given_back()))
    room.mark("system:visit:resumed", given_back_s=seconds)
    for seat in room.seats:
        room.notice(seat, "resumed", words.RESUMED)
        if seconds > 0:
            room.notice(seat, "given-back", words.GIVEN_BACK, seconds=seconds)


def _ask_for_recorder(room: "Room") -> None:
    tried = room.recorder_asked
    if room.recorder_starting or (tried is not None and room.now.mono - tried < RECORDER_RETRY):
        return
    room.recorder_starting, room.recorder_asked = True, room.now.mono
    room.out.append(StartRecorder())


def finish(room: "Room", ending: Ending) -> None:
    """The end: told to everybody, every leg closed, the recording finished, the booking completed."""
    room.clock.stand(room.now)
    room.phase, room.ended_at = check_move(room.phase, Phase.ENDED), room.now.wall
    used, given_back = milliseconds(room.clock.used), milliseconds(room.clock.given_back())
    outcome = {"reason": ending.reason.value, "fault": ending.fault.value}
    numbers = {"used_ms": used, "given_back_ms": given_back}
    room.enter(
        "system:visit:ended", SYSTEM, **outcome, **numbers, **({"code": ending.code} if ending.code else {})
    )
    room.mark("system:visit:ended", **outcome, **numbers)
    room.out.append(Ended())
    message = {
        "type": "ended",
        "reason": ending.reason.value,
        "text": words.say(words.ends(room.visit.kind)[ending.reason]),
        "used_ms": used,
    }
    why = words.say(words.REASONS[ending.code]) if ending.code in words.REASONS else None
    for seat in room.seats:
        if seat.socket is not None:
            because = why if reads_reason(room, seat) else None
            room.out += [Send(seat.socket, message | {"because": because}), Close(seat.socket, "ended")]
        room.leave(seat)
    room.out.append(FinishRecorder(ending.reason.value))
