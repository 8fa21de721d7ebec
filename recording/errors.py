"""What can be wrong with recordings, in words.

Unavailable
  RecordingUnavailable   it cannot be written, so the visit must not start
NotFound
  TrackMissing           the file is not there (any more)
"""

from core.errors import NotFound, Unavailable


class RecordingUnavailable(Unavailable):
    code = "recording-unavailable"
    text = "This visit cannot be recorded just now, so it cannot begin. The officer has been told."


class TrackMissing(NotFound):
    code = "track-missing"
    text = "The file of this recording is not there."
