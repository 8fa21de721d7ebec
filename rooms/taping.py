"""What a room does when its recorder begins, fails or falls behind. Pure."""

from typing import TYPE_CHECKING

from core.ids import SYSTEM
from rooms import words
from rooms.actions import FinishRecorder, RecorderBehind, RecorderFailed, RecorderStarted, TracksMissing

if TYPE_CHECKING:
    from rooms.room import Room


def started(room: "Room", action: RecorderStarted) -> None:
    room.recording, room.recording_since = action.recording_id, room.now.mono
    room.recorder_starting, room.recorder_asked = False, None
    room.enter("system:recording:started", SYSTEM, recording=action.recording_id)


def failed(room: "Room", _action: RecorderFailed) -> None:
    if room.recording is not None:
        room.enter("system:recording:lost", SYSTEM, recording=room.recording)
        room.out.append(FinishRecorder("failed"))
    elif room.recorder_starting:
        room.enter("system:recording:refused", SYSTEM)
    room.recording, room.recorder_starting, room.recorder_behind = None, False, False


def behind(room: "Room", action: RecorderBehind) -> None:
    """Told to officers at once; the call goes on until the recorder is no longer healthy."""
    if room.recording is None or action.behind is room.recorder_behind:
        return
    room.recorder_behind = action.behind
    what = "behind" if action.behind else "caught-up"
    room.enter(f"system:recording:{what}", SYSTEM, recording=room.recording)
    for officer in room.seats:
        if officer.is_monitor and action.behind:
            room.notice(officer, "recorder", words.BEHIND)


def missing(room: "Room", action: TracksMissing) -> None:
    """Somebody's device is on and nothing of it is recorded: told to officers at once, each time it begins."""
    for seat in room.seats:
        now = frozenset(kind for of, kind in action.tracks if of == seat.id)
        before, seat.missing = seat.missing, now
        for kind in sorted(now - before):
            room.enter("system:track:missing", SYSTEM, seat=seat.id, code=kind.value)
            for officer in room.seats:
                if officer.is_monitor:
                    room.notice(officer, "recorder", words.MISSING[kind], name=seat.view.name)
        for kind in sorted(before - now):
            room.enter("system:track:settled", SYSTEM, seat=seat.id, code=kind.value)
