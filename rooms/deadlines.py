"""What a room does by time alone: ends, and the announcements of the time that is left. Pure."""

from datetime import timedelta
from typing import TYPE_CHECKING

from rooms import words
from rooms.model import EndReason, Hold, RoomRules
from scheduler.model import Fault

if TYPE_CHECKING:
    from rooms.room import Room


def watch(room: "Room") -> None:
    """Ends the visit where its time, its slot or a hold's patience is over; else announces due marks."""
    rules = room.visit.rules
    _end_by_time(room, rules)
    for hold, reason, fault, limit in (
        (Hold.MONITOR_LOST, EndReason.MONITOR_LOST, Fault.PRISON, rules.monitor_absent_end),
        (Hold.RECORDER_LOST, EndReason.RECORDER_LOST, Fault.PLATFORM, rules.monitor_absent_end),
        (Hold.BY_OFFICER, EndReason.PAUSED_TOO_LONG, Fault.PRISON, rules.pause_end),
    ):
        if hold is Hold.BY_OFFICER and (not room.pause_code or room.pause_code in words.PAUSES):
            continue  # just resumed; or it waits for somebody who understands them and is never cut for it (rules G3)
        if hold in room.holds and room.now.mono - room.holds[hold] > limit:
            room.end(reason, fault)
    if room.clock.started and (mark := room.clock.due_warning(room.now)) is not None:
        text = words.GOODBYE if mark == 120 else words.TIME_LEFT
        for seat in room.seats:
            room.notice(seat, "time", text, minutes=mark // 60)


def _end_by_time(room: "Room", rules: RoomRules) -> None:
    over = room.clock.until_slot_end(room.now) <= 0
    if room.clock.started:
        if room.clock.spent >= room.clock.granted:
            room.end(EndReason.TIME_UP, Fault.NOBODY)
        elif over:
            room.end(EndReason.SLOT_OVER, Fault.NOBODY)
        return
    came = any(seat.view.joined_at for seat in room.seats if room.topology.leads(seat.role))
    # A door that was not open long enough (a restart, no node) is nobody's no-show.
    could_come = room.now.mono - room.opened >= rules.late_cutoff
    late = room.now.wall >= room.visit.starts_at + timedelta(seconds=rules.late_cutoff)
    if came and over:
        room.end(EndReason.PRISON_NO_SHOW, Fault.PRISON)
    elif not came and could_come and (late or over):
        room.end(EndReason.FAMILY_NO_SHOW, Fault.FAMILY)
    elif over:
        room.end(EndReason.PRISON_NO_SHOW, Fault.PLATFORM)
