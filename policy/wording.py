"""What the codes of a policy say to people. English; the catalogs translate. Pure.

A policy lists codes only; a code without a sentence here cannot be put into a policy. The sentences of
`warnings` and `reasons` stand where they are spoken, in `rooms.words`.
"""

from collections.abc import Mapping

# Why a request for a visit is refused.
REFUSAL_REASONS: Mapping[str, str] = {
    "inmate-declined": "The other side does not wish this visit.",
    "inmate-away": "The person is not in the prison on that day.",
    "inmate-suspended": "Visits of this person are suspended at present.",
    "visitor-not-admitted": "One of the visitors is not admitted.",
    "papers": "Papers are missing or out of date.",
    "no-capacity": "There is no officer or terminal at that time.",
    "security": "For the security of the prison.",
    "other": "For another reason, given in the officer's words.",
}

# Why the prison cancels a visit that was requested or promised.
CANCEL_REASONS: Mapping[str, str] = {
    "prison-closed": "The prison has no visits at that time after all.",
    "terminal-broken": "The terminal is out of order.",
    "staff": "No officer can be there at that time.",
    "inmate-away": "The person is not in the prison on that day.",
    "inmate-moved": "The person was moved to another prison.",
    "inmate-released": "The person was released.",
    "inmate-suspended": "Visits of this person are suspended at present.",
    "inmate-declined": "The other side does not wish this visit any more.",
    "visitor-not-admitted": "A visitor is no longer admitted.",
    "emergency": "An emergency in the prison.",
    "security": "For the security of the prison.",
    "other": "For another reason, given in the officer's words.",
}

# What a family is told to mind before a visit.
CAUTIONS: Mapping[str, str] = {
    "identity-card": "Keep your identity document at hand.",
    "come-early": "Open the visit a quarter of an hour before its time.",
    "quiet-place": "Choose a quiet, well-lit place where you are alone.",
    "supervised": "The visit is supervised and recorded.",
    "no-recording": "You may not record or photograph it.",
    "visitors-only": "Only the visitors named in the booking may take part.",
    "charge": "Charge your device, and use Wi-Fi if you can.",
}

KNOWN: Mapping[str, Mapping[str, str]] = {
    "refusal_reasons": REFUSAL_REASONS,
    "cancel_reasons": CANCEL_REASONS,
    "cautions": CAUTIONS,
}
