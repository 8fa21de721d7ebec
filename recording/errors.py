"""What can be wrong with recordings, in words.

Unavailable
  RecordingUnavailable   it cannot be written, so the visit must not start
  StoreUnavailable       the object store does not answer
  MasterKeyMissing       what its key is wrapped with is not at hand
NotFound
  TrackMissing           the file is not there (any more)
  KeyDestroyed           its time had passed: nobody can read it any more
Conflict
  BeingDeleted           too late to hold it
  NothingToHandOut       nothing of this visit is sealed (any more)
  AskedBefore            the person's wish to be forgotten is being dealt with
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


class StoreUnavailable(Unavailable):
    code = "store-unavailable"
    text = "The store in which the recordings lie does not answer just now. Please try again in a moment."


class MasterKeyMissing(Unavailable):
    code = "master-key-missing"
    text = (
        "The key that opens this recording (version {version}) is not at hand. An administrator has to look."
    )


class KeyDestroyed(NotFound):
    code = "key-destroyed"
    text = (
        "This recording was deleted when its time had passed: its key is destroyed, and nobody can read it."
    )


class NothingToHandOut(Conflict):
    code = "nothing-to-hand-out"
    text = "Nothing of this visit is sealed just now, so no copy of it can be made."


class AskedBefore(Conflict):
    code = "asked-before"
    text = "You have asked for this before, and it is being dealt with."
