"""The sentences that cases and their letters are made of, by their codes. English; catalogs translate. Pure."""

from collections.abc import Mapping

# Why means are not looked at (Legal Aid Act arts 32, 42).
EXEMPTIONS: Mapping[str, str] = {
    "no-income": "A minor, an old or a disabled person without regular income",
    "relief": "Somebody who receives social relief, judicial relief or special care",
    "migrant-wages": "A migrant worker who claims wages or for an injury at work",
    "heroes": "Honour of heroes and martyrs, or harm suffered when helping others",
    "retrial": "State compensation after an acquittal on retrial",
    "violence": "Abuse, abandonment or violence in the family",
}

# For whom the aid is, seen from the inmate.
RELATIONS: Mapping[str, str] = {"self": "The person in prison", "relative": "A relative"}

# Who gives notice that somebody has no defender (Legal Aid Act art. 36).
AUTHORITIES: Mapping[str, str] = {"court": "Court", "procuratorate": "Procuratorate", "police": "Police"}

# Why a defender must be appointed: art. 25 (1), nos. 1 to 5 and 7 (whoever is held here is not tried in absence, no.
# 6); compulsory treatment, art. 28; the last art. 25 (2).
DEFENCE_GROUNDS: Mapping[str, str] = {
    "minor": "A minor",
    "senses": "A person who is blind, deaf or mute",
    "capacity": "An adult who cannot fully understand what they do",
    "gravest": "Somebody who may be sentenced to life imprisonment or death",
    "death-review": "The review of a death sentence, on the defendant's wish",
    "treatment": "Compulsory medical treatment, and nobody represents the person",
    "other": "Another case in which the law demands it",
    "ordinary": "Ordinary procedure, and the court wishes it",
}

# Where a matter belongs (Legal Aid Act art. 38): in a suit, and out of court.
VENUES: Mapping[str, str] = {
    "authority": "In a suit: where the court or authority that handles it is",
    "dispute": "Out of court: where the office that settles such disputes is",
    "cause": "Out of court: where it happened",
}
# As the Regulations before the Act had it; in files of that time.
VENUES_BEFORE: Mapping[str, str] = {
    "duty": "Where the duty is to be performed",
    "harm": "Where the harm was done",
    "respondent": "Where the other side lives",
    "request": "Where the state organ is that owes it",
}

CASE_STATES: Mapping[str, str] = {
    "applied": "To be forwarded",
    "forwarded": "Being decided",
    "supplement": "Papers are missing",
    "approved": "Granted; a lawyer is being named",
    "assigned": "A lawyer works on it",
    "refused": "Refused",
    "terminated": "Aid was ended",
    "objected": "The objection is being decided",
    "upheld": "The refusal was confirmed",
    "closed": "Closed",
    "withdrawn": "Taken back",
}

# What comes next, to whom, by when; `{desk}` holds it, `{when}` is its last moment.
CASE_NEXT: Mapping[str, str] = {
    "applied": "{desk} forwards your application to the legal-aid centre by {when}.",
    "forwarded": "{desk} decides by {when}. You get the decision in writing.",
    "supplement": "{desk} waits for your papers until {day}. Its time stands still until then.",
    "approved": "{desk} names a lawyer by {when}.",
    "assigned": "{lawyer} works on it, and tells you how it stands by {when} at the latest.",
    "refused": "The reasons are in the letter. If you do not agree, you can object; it costs nothing.",
    "terminated": "The reasons are in the letter. If you do not agree, you can object; it costs nothing.",
    "objected": "{desk} decides about your objection by {when}.",
    "upheld": "You can still ask for administrative reconsideration, or go to court.",
    "closed": "The letter says what was reached.",
    "withdrawn": "You can apply again at any time.",
}

# Of a case that came by an authority's notice, where it is told in other words.
NOTICE_STATES: Mapping[str, str] = {
    "approved": "A defender is being named",
    "assigned": "A lawyer defends",
    "withdrawn": "The notice was taken back",
}
NOTICE_NEXT: Mapping[str, str] = {
    "approved": "{desk} names a lawyer by {when}. You need not apply for anything, and it is free.",
    "assigned": "{lawyer} defends you, and tells you how it stands by {when} at the latest.",
    "withdrawn": "The letter says why. If you need a lawyer, you can apply for legal aid at any time.",
}

WAY_STEPS: Mapping[str, str] = {
    "noticed": "Notice of the authority",
    "applied": "Application",
    "decided": "Decision",
    "named": "A lawyer is named",
    "working": "The lawyer works",
}

# What help a referral asks for.
NEEDS: Mapping[str, str] = {
    "child": "A child without a carer",
    "hardship": "The family cannot live",
    "health": "Somebody is ill or disabled",
    "school": "School or work of a child",
    "housing": "Nowhere to live after release",
    "other": "Something else",
}

REFERRAL_STATES: Mapping[str, str] = {"raised": "Waiting for help", "answered": "Answered"}

COMPLAINT_STATES: Mapping[str, str] = {
    "made": "Being looked into",
    "answered": "Answered",
    "withdrawn": "Taken back",
}

# Matters whose papers are looked at before a time is held.
PAPERS: Mapping[str, str] = {"notary": "A notary's deed", "mediation": "A dispute to be mediated"}

PRECHECK_STATES: Mapping[str, str] = {
    "handed-in": "Being looked at",
    "missing": "A paper is missing",
    "ready": "Complete: you can ask for a time",
    "asked": "A time was asked for",
    "refused": "Not possible",
}

# Who stands in the directory.
HELPERS: Mapping[str, str] = {
    "lawyer": "Lawyer",
    "centre": "Legal-aid centre",
    "notary": "Notary",
    "mediator": "Mediator",
    "forensic": "Forensic office",
    "village": "Village counsel",
}

# What each kind of clock promises.
PROMISES: Mapping[str, str] = {
    "meeting": "Arrange the lawyer's meeting",
    "meeting-detention": "Arrange the lawyer's meeting",
    "interpreter": "Decide about the interpreter",
    "forward": "Forward the application",
    "decide": "Decide the application",
    "assign": "Name a lawyer",
    "notice": "The authority gives notice",
    "appoint": "Appoint a defender",
    "objection": "Decide the objection",
    "change-lawyer": "Answer the wish for another lawyer",
    "complaint": "Answer the complaint",
    "conduct-report": "Report what the lawyer did, or say why not",
    "conduct-answer": "Answer the report about the lawyer",
    "progress": "Tell how the matter stands",
    "visit-request": "Answer the request for a visit",
    "visit-prison": "Sign the request for a visit: prison",
    "visit-bureau": "Sign the request for a visit: bureau of justice",
    "kinship": "Check the papers of kinship",
    "referral": "Say what is done",
    "referral-child": "See to the child",
    "precheck": "Look at the papers",
    "mediation": "Arrange the mediation",
    "counselling": "Arrange the counsellor's hour",
    "question": "Answer the question",
    "question-urgent": "Answer the urgent question",
}

# Headings of the letters.
LETTERS: Mapping[str, str] = {
    "application": "Application for legal aid",
    "forwarded": "Record of forwarding",
    "handed": "Handed on to another legal-aid desk",
    "supplement": "Which papers are missing (the only time we ask)",
    "supplied": "Papers handed in later",
    "lapsed": "The application counts as taken back",
    "approved": "Decision: legal aid is granted",
    "refused": "Decision: legal aid is refused",
    "assigned": "A lawyer has been named",
    "objection": "Objection",
    "upheld": "Decision about the objection: the refusal stands",
    "granted": "Decision about the objection: legal aid is to be granted",
    "change-asked": "Another lawyer is asked for",
    "changed": "Another lawyer has been named",
    "change-refused": "The lawyer stays",
    "progress": "How the matter stands",
    "terminated": "Decision: legal aid is ended",
    "closed": "The matter is closed",
    "withdrawn": "Application taken back",
    "notice": "Notice: nobody defends this person yet",
    "recalled": "The notice was taken back",
}

# What stands under the words of a letter, where something follows from it.
LETTER_FEET: Mapping[str, str] = {
    "notice": (
        "The legal-aid centre appoints a lawyer within 3 days of the notice and tells the authority (Legal Aid Act "
        "art. 36). Nobody has to apply, nobody looks at means, and it is free."
    ),
    "forwarded": "The prison forwards applications within 24 hours (Legal Aid Act art. 39).",
    "supplement": (
        "Papers are asked for once only, all together. What is not handed in by the day above counts as taken "
        "back; you can apply again (Legal Aid Act art. 43)."
    ),
    "lapsed": "The papers did not come by the day in our letter. You can apply again at any time.",
    "approved": "A lawyer is named within 3 days (Legal Aid Act art. 43). Legal aid is free.",
    "refused": (
        "If you do not agree, you can object to the bureau of justice, at the terminal or through your family. "
        "It decides within 5 days (Legal Aid Act art. 49)."
    ),
    "terminated": (
        "If you do not agree, you can object to the bureau of justice, at the terminal or through your family. "
        "It decides within 5 days (Legal Aid Act art. 49)."
    ),
    "assigned": (
        "Legal aid is free: the lawyer may take nothing from you (art. 20). You may ask how the matter stands, "
        "complain, and ask for another lawyer (arts 46, 55)."
    ),
    "changed": "You may ask how the matter stands, and complain (Legal Aid Act arts 46, 55).",
    "upheld": "You can ask for administrative reconsideration, or go to court (Legal Aid Act art. 49).",
    "granted": "The legal-aid centre now names a lawyer within 3 days.",
}
