"""What officers say with one tap, and the reasons they give: codes and English sentences. Pure.

Which of them a prison offers is policy; what they say is here, translated by the catalogs. A text on its
way to a screen is a `say(...)`: the socket's endpoint puts it into the language of the session.
"""

from collections.abc import Mapping
from typing import Any

from rooms.client import MediaKind
from rooms.confidentiality import RoomKind
from rooms.model import EndReason, Hold
from scheduler.model import Fault

WARNINGS: dict[str, str] = {
    "dress": "Please dress properly, or the visit will have to be ended.",
    "other-person": "Somebody who was not approved is in the room. Only approved visitors may take part.",
    "stay-visible": "Please stay in the picture with your face visible.",
    "language": "Please speak the language that was agreed for this visit.",
    "subject": "Please do not go on speaking about this subject.",
    "no-recording": "Recording or photographing the screen is not allowed.",
    "objects": "Please do not show things or papers that were not approved.",
    "calm": "Please stay calm and polite.",
    "last": "This is the last warning. If this goes on, the visit will be ended.",
}

REASONS: dict[str, str] = {
    "said-goodbye": "Everybody has said goodbye.",
    "family-asked": "The family asked for it.",
    "inmate-asked": "The inmate asked for it.",
    "rules-broken": "The rules of the visit were broken.",
    "unapproved-person": "Somebody who was not approved took part.",
    "identity": "It could not be confirmed who a participant is.",
    "health": "The health of a participant requires it.",
    "security": "Order and safety in the prison require it.",
    "technical": "Picture or sound did not work well enough.",
    "emergency": "There is an emergency.",
}

# Marks with one key: what an officer notes at a second without a word of their own.
MARKS: dict[str, str] = {
    "look-again": "To be looked at again",
    "unclear": "Not understood what was said",
    "language": "Somebody is needed who understands the language",
    "identity": "It is doubtful who this is",
    "third-person": "Somebody else may be in the picture",
    "upset": "Somebody is very upset",
    "sign": "Signs or hidden words",
    "good": "All in order",
}

# The mark that pauses, too, and whatever time it takes ends nothing; how it is offered, and what everybody is told.
PAUSE_FOR_HELP = "The language is not understood: pause, and call somebody who understands it"
PAUSES: dict[str, str] = {
    "language": "Nobody present understands the language that is spoken. Somebody is being called who does; your "
    "time stands still until then.",
}

# Whose account an officer's end goes to: what the family did not cause is never counted against it.
REASON_FAULT: dict[str, Fault] = {
    "security": Fault.PRISON,
    "emergency": Fault.PRISON,
    "technical": Fault.PLATFORM,
}

HOLDS: dict[Hold, str] = {
    Hold.BY_OFFICER: "The officer has paused the visit.",
    Hold.MONITOR_LOST: "No officer is present. The visit goes on as soon as one is back; your time stands still.",
    Hold.RECORDER_LOST: "The recording was interrupted. The visit goes on as soon as it runs again.",
    Hold.PERSON_AWAY: "Somebody was disconnected. We are waiting for them to come back.",
}

ENDS: dict[EndReason, str] = {
    EndReason.TIME_UP: "The time of this visit is over.",
    EndReason.SLOT_OVER: "The time of this visit is over; the next one begins.",
    EndReason.BY_OFFICER: "The officer has ended the visit.",
    EndReason.REMOVED: "The officer has ended the visit.",
    EndReason.MONITOR_LOST: "The visit was ended because no officer could be present.",
    EndReason.RECORDER_LOST: "The visit was ended because it could not be recorded.",
    EndReason.PAUSED_TOO_LONG: "The visit was ended because it was paused for too long.",
    EndReason.FAMILY_NO_SHOW: "The visit did not take place: nobody of the family came.",
    EndReason.PRISON_NO_SHOW: "The visit did not take place for reasons on the prison's side. "
    "It will not be counted against you.",
    EndReason.CANCELLED: "This visit was cancelled.",
}

# The same of a lawyer's, mediator's or counsellor's talk: nobody visits there.
TALK_HOLDS: dict[Hold, str] = {
    **HOLDS,
    Hold.BY_OFFICER: "The officer has paused the talk.",
    Hold.MONITOR_LOST: "No officer is present. The talk goes on as soon as one is back; your time stands still.",
}
TALK_ENDS: dict[EndReason, str] = {
    **ENDS,
    EndReason.TIME_UP: "The time of this talk is over.",
    EndReason.SLOT_OVER: "The time of this talk is over.",
    EndReason.BY_OFFICER: "The officer has ended the talk.",
    EndReason.REMOVED: "The officer has ended the talk.",
    EndReason.MONITOR_LOST: "The talk was ended because no officer could be present.",
    EndReason.PAUSED_TOO_LONG: "The talk was ended because it was paused for too long.",
    EndReason.FAMILY_NO_SHOW: "The talk did not take place: who was to hold it did not come in time.",
    EndReason.PRISON_NO_SHOW: "The talk did not take place for reasons on the prison's side. "
    "It will not be counted against you.",
    EndReason.CANCELLED: "This talk was cancelled.",
}


def holds(kind: RoomKind) -> Mapping[Hold, str]:
    return HOLDS if kind is RoomKind.FAMILY else TALK_HOLDS


def ends(kind: RoomKind) -> Mapping[EndReason, str]:
    return ENDS if kind is RoomKind.FAMILY else TALK_ENDS


TIME_LEFT = "{minutes} minutes left."
GOODBYE = "{minutes} minutes left. It is time to say goodbye."
PAUSED = "The visit is paused."
RESUMED = "The visit goes on."
GIVEN_BACK = "{seconds} seconds that were lost are added to your time."
BEHIND = "The recording is behind the call, or somebody is missing in it. The call goes on for now."
MISSING: dict[MediaKind, str] = {
    MediaKind.AUDIO: "Nothing of {name}'s voice reaches the recording, though the microphone is on.",
    MediaKind.VIDEO: "Nothing of {name}'s picture reaches the recording, though the camera is on.",
}
EXTENDED = "The officer has given you {minutes} more minutes."
HELP = "{name} asks for help."
ADMITTED = "The officer has let you in."
SENT_BACK = "The officer has asked you to wait in the lobby."
MUTED = "The officer has muted you. The others cannot hear you."
UNMUTED = "The others can hear you again."
SPEAKING = "The officer is speaking to you."


def say(text: str, **params: str | int) -> dict[str, Any]:
    """A sentence to be translated where the reader is known."""
    return {"msgid": text, "params": params}
