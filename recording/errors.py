"""What can be wrong with recordings, in words.

Unavailable
  RecordingUnavailable   it cannot be written, so the visit must not start
NotFound
  TrackMissing           the file is not there (any more)
Conflict
  BeingDeleted           too late to hold it
"""

from core.errors import Conflict, NotFound, Unavailable


class RecordingUnavailable(Unavailable):
    code = "recording-unavailable"
    text = "This visit cannot be recorded just now, so it cannot begin. The officer has been told."


class TrackMissing(NotFound):
    code = "track-missing"
    text = "The file of this recording is not there."


class BeingDeleted(Conflict):
    code = "being-deleted"
    text = "This recording has been deleted, or is being deleted just now. It can no longer be held."
