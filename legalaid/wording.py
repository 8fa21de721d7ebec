"""The sentences that questions, turns and advice are made of, by their codes. English; catalogs translate. Pure."""

from collections.abc import Mapping

# What a question is about. The buttons of the terminal, in this order.
TOPICS: Mapping[str, str] = {
    "sentence": "My sentence, appeal, review",
    "family": "Marriage, children, divorce",
    "debt": "Debts and money",
    "work": "Wages and work injury",
    "property": "House, land, inheritance",
    "crime-victim": "Compensation, civil claims",
    "detention": "Treatment in prison",
    "other": "Something else",
}

# The languages in which a question may be talked about.
LANGUAGES: Mapping[str, str] = {
    "zh": "Mandarin",
    "yue": "Cantonese",
    "bo": "Tibetan",
    "ug": "Uyghur",
    "mn": "Mongolian",
    "en": "English",
}

# By whom a question came.
CHANNELS: Mapping[str, str] = {
    "inmate": "Asked at the terminal",
    "relative": "Asked by a relative",
    "hotline": "Taken on the telephone",
}

# By whose hand a question was written at the terminal, if not the inmate's own.
HANDS: Mapping[str, str] = {
    "helper": "Written by a helper",
    "officer": "Written by an officer",
}

QUESTION_STATES: Mapping[str, str] = {
    "asked": "Waiting for a lawyer",
    "planned": "A time is planned",
    "in-turn": "Being talked about now",
    "answered": "Answered",
    "withdrawn": "Taken back",
}

TURN_STATES: Mapping[str, str] = {
    "planned": "Planned",
    "running": "Now",
    "done": "Done",
    "carried": "Carried over",
    "cancelled": "Planned anew",
}

# Beginnings of written advice; the lawyer writes on.
ADVICE: Mapping[str, str] = {
    "appeal": (
        "You may ask for a review of the judgment at any time. Write down what is wrong in it and what shows "
        "that; the request goes to the court that decided, or to the procuratorate."
    ),
    "divorce": (
        "Your marriage can be dissolved while you are here. Either of you may apply to the court where you "
        "lived last or are held; who looks after the children is decided by what is good for them."
    ),
    "debt": (
        "A debt can normally be claimed for three years from when the creditor knew of it. Do not sign a new "
        "acknowledgement before we have looked at the papers together."
    ),
    "wages": (
        "Wages that were not paid can be claimed from the labour arbitration commission within one year after "
        "the work ended. You are exempt from the means check for legal aid."
    ),
    "aid": (
        "For this matter you may apply for legal aid, free of charge. The prison must forward your application "
        "within 24 hours; the centre decides within 7 days."
    ),
}
