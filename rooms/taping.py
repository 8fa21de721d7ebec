"""What a room does when its recorder begins, fails or falls behind. Pure."""

from typing import TYPE_CHECKING

from core.ids import SYSTEM
from rooms import words
from rooms.actions import FinishRecorder, RecorderBehind, RecorderFailed, RecorderStarted

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
