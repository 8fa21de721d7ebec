"""The codes that values of the rules consist of, in words: what a page shows and a form offers instead of them.

Kinds of case are free and have no words here; of treatment levels those that are usual have.
"""

from collections.abc import Mapping

from people.model import KINSHIP_TEXTS
from policy.wording import CANCEL_REASONS, CAUTIONS, REFUSAL_REASONS
from rooms.words import REASONS, WARNINGS
from scheduler.wishes import GROUNDS
from web.i18n import N_

Words = Mapping[str, str]

WEEKDAYS: Words = {
    "1": N_("Monday"),
    "2": N_("Tuesday"),
    "3": N_("Wednesday"),
    "4": N_("Thursday"),
    "5": N_("Friday"),
    "6": N_("Saturday"),
    "7": N_("Sunday"),
}
CHANNELS: Words = {
    "onsite-glass": N_("in the prison, through glass"),
    "onsite-open": N_("in the prison, at a table"),
    "remote-office": N_("by video from a justice office"),
    "remote-phone": N_("by video from one's own device"),
    "local-video": N_("by video within the prison"),
    "voice": N_("by telephone"),
}
VISIT_TYPES: Words = {
    "family": N_("relatives"),
    "guardian": N_("guardians"),
    "support": N_("people who help with reform"),
    "other": N_("others whom the head of the prison lets in"),
    "lawyer": N_("meetings with a lawyer"),
    "legal-consult": N_("legal advice"),
    "legal-aid": N_("legal-aid cases"),
    "mediation": N_("mediation"),
    "notary": N_("notaries"),
    "consular": N_("consuls"),
    "official": N_("official visits"),
    "inmates": N_("two inmates of different prisons"),
}
OFFICES: Words = {
    "ward": N_("the ward"),
    "division": N_("the division"),
    "deputy": N_("the deputy head"),
    "warden": N_("the head of the prison"),
    "province": N_("the provincial administration"),
}
RULES: Words = {
    "relation-not-listed": N_("a visitor who is not among the relatives admitted"),
    "no-visits-at-level": N_("a treatment level without visits"),
    "visits-suspended": N_("a suspension"),
    "too-soon": N_("a visit sooner than may be booked"),
    "too-far": N_("a visit further ahead than may be booked"),
    "restricted-days": N_("days without visits"),
    "wing-day": N_("a day that is another wing's"),
    "other-group": N_("a time meant for others"),
    "allowance-used": N_("a visit beyond the allowance"),
    "remand-week-used": N_("a visit beyond the week of the unconvicted"),
    "no-visits-in-period": N_("a period without visits"),
    "too-many-visitors": N_("more visitors than allowed"),
    "too-many-adults": N_("more adults than allowed"),
    "too-many-children": N_("more children than allowed"),
    "foreign-inmate": N_("an inmate of another nationality"),
}
DESKS: Words = {
    "prison": N_("the prison"),
    "bureau": N_("the justice bureau"),
    "reply": N_("the reply to the family"),
}
CALENDARS: Words = {
    "CN": N_("China, with make-up workdays"),
    "CN-LHASA": N_("Lhasa"),
    "GB-ENG": N_("England and Wales"),
    "WEEK": N_("Monday to Friday, without holidays"),
}
LEVELS: Words = {
    "strict": N_("strict management"),
    "observed": N_("under observation"),
    "ordinary": N_("ordinary management"),
    "lenient": N_("lenient management"),
    "basic": N_("basic level"),
    "standard": N_("standard level"),
    "enhanced": N_("enhanced level"),
}
# Field -> its codes; of a list each entry, of a table the right side.
WORDS: Mapping[str, Words] = {
    "channels": CHANNELS,
    "allowance_pool": CHANNELS,
    "visit_types": VISIT_TYPES,
    "uncounted_types": VISIT_TYPES,
    "allowance_span": {
        "month": N_("a calendar month"),
        "four-weeks": N_("four weeks"),
        "week": N_("a week"),
        "balance": N_("visits are granted and saved"),
    },
    "consumed_by": {
        "completed": N_("a visit that took place"),
        "no-show": N_("a visit to which nobody came"),
        "late-withdrawal": N_("a visit withdrawn late"),
    },
    "extension_by": OFFICES,
    "time_back": {
        "inside-slot": N_("at the end, as far as the slot reaches"),
        "refund": N_("by giving the visit back"),
        "none": N_("not at all"),
    },
    "uncounted_companions": {"interpreter": N_("interpreters"), "carer": N_("carers")},
    "relations": {kinship.value: text for kinship, text in KINSHIP_TEXTS.items()},
    "relations_by_case": {kinship.value: text for kinship, text in KINSHIP_TEXTS.items()},
    "keep_apart": {
        "same-day": N_("not on one day"),
        "same-time": N_("not at one time"),
        "off": N_("is not looked at"),
    },
    "started_by": {"family": N_("the family"), "inmate": N_("the inmate"), "officer": N_("an officer")},
    "lead_unit": {
        "days": N_("calendar days"),
        "working-days": N_("working days"),
        "same-day": N_("none: whatever has not begun"),
    },
    "release_way": {"first-come": N_("who comes first"), "wishes": N_("by wishes and a weekly plan")},
    "visit_weekdays": WEEKDAYS,
    "priority_grounds": GROUNDS,
    "exceptions": OFFICES,
    "calendar": CALENDARS,
    "decision_steps": DESKS,
    "confidentiality": {"monitored": N_("officers see and hear")},
    "recording": {"required": N_("always")},
    "start_needs": {"monitor": N_("an officer who watches"), "recorder": N_("a recorder that runs")},
    "ladder": {"warn": N_("warn"), "pause": N_("pause"), "end": N_("end")},
    "reason_told_to": {"family": N_("the family"), "inmate": N_("the inmate")},
    "watch_pictures": {"off": N_("no"), "on": N_("yes")},
    "cut_by": {"prison": N_("the prison"), "bureau": N_("the justice bureau")},
    "video_codec": {"vp8": "VP8", "h264": "H.264"},
    "warnings": WARNINGS,
    "reasons": REASONS,
    "refusal_reasons": REFUSAL_REASONS,
    "cancel_reasons": CANCEL_REASONS,
    "cautions": CAUTIONS,
    "face_check": {"off": N_("not used")},
    "languages": {"zh": "中文", "en": "English"},
    "reminder_minutes": {
        "1440": N_("a day before"),
        "120": N_("two hours before"),
        "15": N_("a quarter of an hour before"),
    },
    "fee": {"none": N_("no fee")},
}
# Field -> the codes on the left side of its table.
KEYS: Mapping[str, Words] = {
    "allowance_weights": CHANNELS,
    "exceptions": RULES,
    "visits_by_level": LEVELS,
    "minutes_by_level": LEVELS,
    "relisten_days_by_level": LEVELS,
    "grants": LEVELS,
    "decision_steps": DESKS,
}
