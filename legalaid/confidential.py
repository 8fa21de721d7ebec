"""How closed a meeting with a lawyer is: computed from the ground and the state of the case, never chosen. Pure.

Sources (S: the text was seen; the other articles are to be checked before they are printed as a legal basis):

    defence in an open case      Criminal Procedure Law art. 39 "not to be monitored" (S), Lawyers Law art. 33 (S):
                                 no officer, no recording, and nobody may decide otherwise
    other grounds                Rules on lawyers' meetings with inmates (2017 no. 124) art. 11: the prison may have
                                 an officer present; we let it look on, and listen only where the rule set says so
    advice on a help day         Legal Aid Law art. 21, 61, 63: secrecy
    evidence in another's case   a witness is met, not a client: an officer is present
    psychological aid            Mental Health Law art. 23: the counsellor keeps what is said; looked on for safety
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from rooms.confidentiality import Confidentiality, RoomKind


class Ground(StrEnum):
    """On what ground a lawyer meets an inmate: the six of art. 4, and evidence in another's case (rules L2)."""

    DEFENCE = "defence"
    AGENT = "agent"  # in a civil or administrative suit
    MEDIATION = "mediation"  # agent in mediation or arbitration
    PETITION = "petition"  # against a judgment that stands
    NON_LITIGATION = "non-litigation"
    ADVICE = "advice"  # legal questions, drafting
    EVIDENCE = "evidence"


class CaseState(StrEnum):
    """`open`: under investigation, prosecution or trial, appeals included."""

    NONE = "none"
    OPEN = "open"
    CLOSED = "closed"


class OfficerRule(StrEnum):
    """What a prison's rules say where the law leaves it to the prison."""

    LOOKS_ON = "looks-on"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class Decision:
    """`locked`: no rule of a prison could have made it more open. `basis`: a code of `BASES`."""

    confidentiality: Confidentiality
    basis: str
    locked: bool


# What is told of each reason.
BASES: Mapping[str, str] = {
    "defence-open-case": "Defence in an open case: nobody may listen or look on, and nothing is recorded.",
    "left-to-prison-looks-on": "The prison may look on, and hears nothing; nothing is recorded.",
    "left-to-prison-present": "The prison has an officer present, who sees and hears; nothing is recorded.",
    "evidence-witness": "Evidence in another person's case: an officer is present; nothing is recorded.",
    "aid-secrecy": "Legal advice on a help day is secret: nobody may listen or look on, and nothing is recorded.",
    "counselling-safety": "A counsellor's hour is confidential: an officer may look on for safety, and hears nothing.",
    "counselling-alone": "A counsellor's hour is confidential: nobody may listen or look on.",
    "mediation-parties": "Several parties meet: an officer is present and everybody is told; nothing is recorded.",
    "canary": "A meeting of the platform with itself, to prove that nobody can listen in.",
}
TURN = Decision(Confidentiality.UNMONITORED, "aid-secrecy", locked=True)
MEDIATION = Decision(Confidentiality.OFFICER_PRESENT, "mediation-parties", locked=False)
COUNSELLING = Decision(Confidentiality.VISUAL_ONLY, "counselling-safety", locked=False)
COUNSELLING_ALONE = Decision(Confidentiality.UNMONITORED, "counselling-alone", locked=False)

_LOCKED = Decision(Confidentiality.UNMONITORED, "defence-open-case", locked=True)
_LEFT = {
    OfficerRule.LOOKS_ON: Decision(Confidentiality.VISUAL_ONLY, "left-to-prison-looks-on", locked=False),
    OfficerRule.PRESENT: Decision(Confidentiality.OFFICER_PRESENT, "left-to-prison-present", locked=False),
}


class CounsellingRule(StrEnum):
    """Whether a prison looks on at a counsellor's hour, for safety; it never hears."""

    LOOKS_ON = ""
    ALONE = "alone"


def decide_gathering(kind: RoomKind, rule: str) -> Decision:
    """What holds for a mediation or a counsellor's hour. `rule`: a `CounsellingRule`; unknown words close more."""
    if kind is RoomKind.MEDIATION:
        return MEDIATION
    return COUNSELLING if rule == CounsellingRule.LOOKS_ON else COUNSELLING_ALONE


def decide(ground: Ground, case: CaseState, rule: OfficerRule = OfficerRule.LOOKS_ON) -> Decision:
    """What holds for a lawyer's meeting. While a case is open its defence wins over every rule."""
    if ground is Ground.DEFENCE and case is CaseState.OPEN:
        return _LOCKED
    if ground is Ground.EVIDENCE:
        return Decision(Confidentiality.OFFICER_PRESENT, "evidence-witness", locked=False)
    return _LEFT[rule]
