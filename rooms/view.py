"""What a seat is told: `welcome` and `state` of docs/protocol.md. Pure; durations on the wire in ms."""

from typing import TYPE_CHECKING, Literal

from people.model import KINSHIP_TEXTS
from rooms import words
from rooms.actions import Message
from rooms.audience import line, line_number
from rooms.model import Hold, Moment, Phase, SeatRole, SeatState, Waiting
from rooms.pictures import picture_of
from rooms.seat import Seat

if TYPE_CHECKING:
    from rooms.room import Room

PROTOCOL_VERSION = 1


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def welcome(room: "Room", seat: Seat) -> Message:
    """The endpoint adds what only it knows: `session_expires_in` and `ice_servers`."""
    visit, oversight = room.visit, room.topology.oversight
    message: Message = {
        "type": "welcome",
        "version": PROTOCOL_VERSION,
        "seat": seat.id,
        "role": seat.role.value,
        "name": seat.view.name,
        "publishes": sorted(kind.value for kind in seat.power.publishes),
        "visit": {
            "reference": visit.reference,
            "kind": visit.kind.value,
            "minutes": round(visit.granted / 60),
            "starts_at": visit.starts_at.isoformat(),
            "ends_at": visit.slot_ends_at.isoformat(),
            "confidentiality": visit.confidentiality.value,
            "recorded": oversight.recorder,
            "supervised": oversight.monitor,
            "sealed": sorted(kind.value for kind in oversight.sealed),
            "inmate_name": visit.inmate_name,
            "relatives": [s.view.name for s in room.seats if s.role.visits]
            + [companion.name for companion in visit.companions],
        },
    }
    if seat.is_monitor:
        message |= _for_monitor(room, seat)
    return message


def _for_monitor(room: "Room", seat: Seat) -> Message:
    rules = room.visit.rules
    return {
        "acts": sorted(act.value for act in seat.acts),
        "most_minutes": round(rules.most_granted / 60),
        "warnings": [{"code": code, "text": words.say(words.WARNINGS[code])} for code in rules.warnings],
        "reasons": [{"code": code, "text": words.say(words.REASONS[code])} for code in rules.reasons],
        "marks": [
            {"code": code, "text": words.say(words.PAUSE_FOR_HELP if code in words.PAUSES else text)}
            for code, text in words.MARKS.items()
        ],
        "proofs": _proofs(room),
    }


def _proofs(room: "Room") -> list[Message]:
    """What faces are compared with. A minor's stands at the seat of the first visitor: one device, one seat."""
    seats = [seat for seat in room.seats if seat.role.visits]
    proofs = [(s.id, s.view.name, s.view.kinship, s.view.relationship_id) for s in seats]
    if seats:
        proofs += [(seats[0].id, c.name, c.kinship, c.relationship_id) for c in room.visit.companions]
    return [
        {
            "seat": seat,
            "name": name,
            "kinship": _kinship(kinship),
            "proof_url": f"/officer/relationships/{of}/proof",
        }
        for seat, name, kinship, of in proofs
        if of
    ]


def _kinship(code: str) -> Message | str:
    known = next((kinship for kinship in KINSHIP_TEXTS if kinship.value == code), None)
    return words.say(KINSHIP_TEXTS[known]) if known is not None else code


def state(room: "Room", viewer: Seat, now: Moment) -> Message:
    """The whole truth for one viewer, without its `number`."""
    return {
        "type": "state",
        "phase": room.phase.value,
        "waiting": [reason.value for reason in room.waiting(now)],
        "pause": _pause(room, viewer),
        "clock": {
            "remaining_ms": milliseconds(room.remaining(now)),
            "running": room.clock.running,
            "granted_ms": milliseconds(room.visit.granted),
            "given_back_ms": milliseconds(room.clock.given_back()),
            "until_start_ms": milliseconds(room.until_start(now)),
            "hard_end_ms": milliseconds(room.clock.until_slot_end(now)),
        },
        "people": [
            _person(room, viewer, seat)
            for seat in room.seats
            if not seat.is_monitor or (viewer.is_monitor and (seat is viewer or seat.watching))
        ],
        "recording": {
            "running": room.recording is not None,
            "behind": room.recorder_behind,
            "seconds": round(now.mono - room.recording_since, 1) if room.recording is not None else 0.0,
        },
        "supervised": any(seat.watching for seat in room.seats),
    }


def reads_reason(room: "Room", viewer: Seat) -> bool:
    """Whether policy lets this seat read why an officer paused or ended."""
    side = "inmate" if viewer.role is SeatRole.INMATE else "family"
    return viewer.is_monitor or side in room.visit.rules.reason_told_to


def _pause(room: "Room", viewer: Seat) -> Message | None:
    if room.phase is not Phase.PAUSED or not room.holds:
        return None
    hold = next(hold for hold in Hold if hold in room.holds)
    text = words.holds(room.visit.kind)[hold]
    if hold is Hold.BY_OFFICER and room.pause_code in words.REASONS and reads_reason(room, viewer):
        text = words.REASONS[room.pause_code]
    elif hold is Hold.BY_OFFICER:
        text = words.PAUSES.get(room.pause_code, text)
    return {"reason": hold.value, "text": words.say(text)}


def _person(room: "Room", viewer: Seat, seat: Seat) -> Message:
    shown = line(viewer, seat, room.phase)
    return {
        "seat": seat.id,
        "role": seat.role.value,
        "name": seat.view.name,
        "state": seat.view.state.value,
        "connected": seat.connected,
        "camera": seat.camera,
        "microphone": seat.microphone,
        "muted": seat.view.muted,
        "speaking_in": seat.speaking,
        "quality": seat.quality.value if seat.connected else "unknown",
        "line": line_number(viewer, seat, room.seats) if shown is not None else None,
        **picture_of(room, viewer, seat),
        "you": seat is viewer,
        **({"missing": sorted(kind.value for kind in seat.missing)} if viewer.is_monitor else {}),
        **_keys(room, viewer, seat),
    }


def _keys(room: "Room", viewer: Seat, seat: Seat) -> Message:
    """What two browsers need to seal what they send each other; none of an officer's business."""
    if viewer.is_monitor or not room.topology.oversight.sealed:
        return {}
    return {"commit": seat.commit, "key": seat.key}


def settled(message: Message) -> Message:
    """A state without what changes by itself: two states that differ only in that need no second sending."""
    clock = {key: message["clock"][key] for key in ("running", "granted_ms")}
    recording = {key: message["recording"][key] for key in ("running", "behind")}
    return {**message, "clock": clock, "recording": recording}


def needs(room: "Room", what: Literal["monitor", "recorder"]) -> bool:
    """Whether nobody hears anybody without it: its topology has it, and the prison's rules want it."""
    oversight = room.topology.oversight
    has = oversight.monitor if what == "monitor" else oversight.recorder
    return has and what in room.visit.rules.start_needs


def waiting(room: "Room", now: Moment) -> list[Waiting]:
    """Every reason why the visit is not live, in the order in which people can do something about them."""
    if room.phase in (Phase.LIVE, Phase.ENDED):
        return []
    reasons = []
    if room.phase is Phase.LOBBY and room.until_start(now) > 0:
        reasons.append(Waiting.START)
    if needs(room, "monitor") and not any(seat.watching for seat in room.seats):
        reasons.append(Waiting.OFFICER)
    inmates = [seat for seat in room.seats if seat.role is SeatRole.INMATE]
    visitors = [seat for seat in room.seats if room.topology.leads(seat.role)]
    for side, reason in ((inmates, Waiting.INMATE), (visitors, Waiting.FAMILY)):
        if not any(seat.connected and seat.view.state is not SeatState.REMOVED for seat in side):
            reasons.append(reason)
    if any(
        not any(seat.present for seat in side) and any(_knocks(seat) for seat in side)
        for side in (inmates, visitors)
    ):
        reasons.append(Waiting.ADMISSION)
    if needs(room, "recorder") and room.recording is None and (room.phase is Phase.PAUSED or not reasons):
        reasons.append(Waiting.RECORDER)
    if Hold.BY_OFFICER in room.holds:
        reasons.append(Waiting.RESUME)
    return reasons


def _knocks(seat: Seat) -> bool:
    return seat.connected and seat.view.state is SeatState.LOBBY
