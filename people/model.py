"""Who there is. Pure values and the table of moves; tables and queries stand elsewhere."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.ids import Ref

ADULT_AGE = 18  # Civil Code art. 17; below it nobody has an account of their own
CONSENT_AGE = 14  # PIPL art. 31: below it the guardian's consent is recorded
PROOFS_MAX = 5  # files per application
PROOF_MAX_BYTES = 10 * 1024 * 1024
PROOF_MAX_PIXELS = 40_000_000  # a phone's photograph; more is a decompression bomb
PROOF_MAX_PAGES = 30
PROOF_KEPT_DAYS = 30  # after a relationship was refused, withdrawn or ended (PIPL art. 47)


class Role(StrEnum):
    """What somebody may do. An officer's account may carry several."""

    RELATIVE = "relative"
    TERMINAL = "terminal"
    MONITOR = "monitor"
    APPROVER = "approver"
    COUNSEL = "counsel"
    ADMIN = "admin"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whoever stands behind a session. `subject.kind`: relative, officer, counsel, admin, auditor or terminal."""

    session_id: str
    subject: Ref
    roles: frozenset[Role]
    name: str
    language: str  # "zh" or "en"
    elder: bool  # elder mode: larger text and targets
    prison_id: str | None  # of officers, administrators and terminals
    strong: bool  # a second factor or a device key was shown


class StaffKind(StrEnum):
    """The kinds of account that are made by an administrator; also `Identity.subject.kind`."""

    OFFICER = "officer"
    COUNSEL = "counsel"
    ADMIN = "admin"
    AUDITOR = "auditor"  # of the procuratorate, resident in the prison: reads, and changes nothing


# Which roles an account of each kind may carry.
STAFF_ROLES: dict[StaffKind, frozenset[Role]] = {
    StaffKind.OFFICER: frozenset({Role.MONITOR, Role.APPROVER}),
    StaffKind.COUNSEL: frozenset({Role.COUNSEL}),
    StaffKind.ADMIN: frozenset({Role.ADMIN}),
    StaffKind.AUDITOR: frozenset({Role.AUDITOR}),
}


class Language(StrEnum):
    CHINESE = "zh"
    ENGLISH = "en"


class DocumentKind(StrEnum):
    """Identity documents that are accepted; their forms are checked in `people.documents`."""

    RESIDENT = "resident"  # resident identity card, GB 11643-1999
    PASSPORT = "passport"
    HK_MACAO = "hk-macao"  # mainland travel permit of Hong Kong and Macao residents
    TAIWAN = "taiwan"  # mainland travel permit of Taiwan residents


class Kinship(StrEnum):
    """How a relative stands to the inmate. Open at the end: prisons approve other visitors (rules F1, F12)."""

    SPOUSE = "spouse"
    PARENT = "parent"
    CHILD = "child"
    SIBLING = "sibling"
    GRANDPARENT = "grandparent"
    GRANDCHILD = "grandchild"
    PARENT_IN_LAW = "parent-in-law"
    CHILD_IN_LAW = "child-in-law"
    GUARDIAN = "guardian"
    OTHER_RELATIVE = "other-relative"
    OTHER = "other"  # not a relative; the prison decides
    INTERPRETER = "interpreter"  # who comes along with a visitor, as does
    CARER = "carer"


# What each kinship is called; "Your …" is never said, the inmate's side may read it too.
KINSHIP_TEXTS: dict[Kinship, str] = {
    Kinship.SPOUSE: "Husband or wife",
    Kinship.PARENT: "Father or mother",
    Kinship.CHILD: "Son or daughter",
    Kinship.SIBLING: "Brother or sister",
    Kinship.GRANDPARENT: "Grandparent",
    Kinship.GRANDCHILD: "Grandchild",
    Kinship.PARENT_IN_LAW: "Parent-in-law",
    Kinship.CHILD_IN_LAW: "Son- or daughter-in-law",
    Kinship.GUARDIAN: "Guardian",
    Kinship.OTHER_RELATIVE: "Another relative",
    Kinship.OTHER: "Somebody else",
    Kinship.INTERPRETER: "Interpreter who comes along",
    Kinship.CARER: "Carer who comes along",
}
DOCUMENT_TEXTS: dict[DocumentKind, str] = {
    DocumentKind.RESIDENT: "Resident identity card",
    DocumentKind.PASSPORT: "Passport",
    DocumentKind.HK_MACAO: "Mainland travel permit for Hong Kong and Macao residents",
    DocumentKind.TAIWAN: "Mainland travel permit for Taiwan residents",
}


class InmateStatus(StrEnum):
    PRESENT = "present"
    AWAY = "away"  # hospital, court: no visits for now
    MOVED = "moved"  # to another prison
    RELEASED = "released"
    MERGED = "merged"  # was entered twice: another record goes on


@dataclass(frozen=True, slots=True)
class Inmate:
    """`number` is unique in the prison; `level` is the treatment level that policy counts visits by. `location`:
    wing-landing-sublanding-cell, as far as it is known; who is away keeps the last one."""

    id: str
    number: str
    name: str
    prison_id: str
    wing_id: str
    level: str
    status: InmateStatus
    location: str = ""
    category: str = ""
    convicted: bool = True
    case_type: str = ""
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Relative:
    """A family member. Minors have no `phone` and a `guardian_id` instead.

    `phone` and `document` are masked: enough to recognise, not enough to use.
    """

    id: str
    name: str
    phone: str
    born: date
    document_kind: DocumentKind
    document: str
    language: str
    elder: bool
    guardian_id: str | None
    has_password: bool
    created_at: datetime

    def age_on(self, day: date) -> int:
        """Full years on `day`; somebody born on 29 February is a year older on 1 March."""
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


@dataclass(frozen=True, slots=True)
class Staff:
    """An officer, counsel or administrator. `prison_id` None: not bound to one prison."""

    id: str
    kind: StaffKind
    username: str
    name: str
    roles: frozenset[Role]
    prison_id: str | None
    language: str
    active: bool
    enrolled: bool  # password and second factor are set
    created_at: datetime


class DeviceState(StrEnum):
    INVITED = "invited"  # the code was made, no key yet
    ENROLLED = "enrolled"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Device:
    """An inmate terminal's browser, known by the key it alone holds. Its id is the terminal's subject id."""

    id: str
    prison_id: str
    name: str
    state: DeviceState
    enrolled_at: datetime | None


class RelationshipState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"  # by the family
    ENDED = "ended"  # by the prison, after approval


# From which states each state may be reached.
RELATIONSHIP_MOVES: dict[RelationshipState, frozenset[RelationshipState]] = {
    RelationshipState.PENDING: frozenset(),
    RelationshipState.APPROVED: frozenset({RelationshipState.PENDING}),
    RelationshipState.REFUSED: frozenset({RelationshipState.PENDING}),
    RelationshipState.WITHDRAWN: frozenset({RelationshipState.PENDING, RelationshipState.APPROVED}),
    RelationshipState.ENDED: frozenset({RelationshipState.APPROVED}),
}
LIVE_RELATIONSHIPS = frozenset({RelationshipState.PENDING, RelationshipState.APPROVED})

# Why an officer refuses, or ends, a relationship: the code is kept, the sentence is shown to the relative.
REFUSAL_TEXTS: dict[str, str] = {
    "proof-unclear": "The papers cannot be read. Please photograph them again in good light.",
    "proof-missing": "The papers do not show how you are related.",
    "identity-differs": "The name or number on the papers differs from your account.",
    "kinship-not-eligible": "Visitors of this kind are not admitted here.",
    "guardian-needed": "A minor needs an adult guardian who is approved.",
    "order-in-force": "A court order or a measure in force does not allow it.",
    "other": "For another reason, given in the officer's words.",
}
ENDING_TEXTS: dict[str, str] = {
    "kinship-ended": "You are no longer related in this way.",
    "visits-suspended": "Your visits were suspended.",
    "inmate-wish": "The other side does not wish to have visits.",
    "inmate-left": "The person is no longer here.",
    "entered-twice": "It had been entered twice. The other entry goes on.",
    "error": "It had been approved by mistake.",
    "other": "For another reason, given in the officer's words.",
}


@dataclass(frozen=True, slots=True)
class Proof:
    """A file that shows identity or kinship. `media_type`: image/jpeg, image/png, image/webp or application/pdf."""

    id: str
    relationship_id: str
    media_type: str
    size: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Relationship:
    """One relative and one inmate. `reason` is a code of the tables above, `words` what the officer wrote."""

    id: str
    relative_id: str
    relative_name: str
    relative_born: date
    inmate_id: str
    inmate_name: str
    inmate_number: str
    prison_id: str
    wing_id: str
    kinship: Kinship
    note: str  # the family's own words about the kinship
    state: RelationshipState
    reason: str | None
    words: str
    guardian_id: str | None  # the adult relative who accompanies a minor
    guardian_consent_at: datetime | None
    proof_ids: tuple[str, ...]
    applied_at: datetime
    decided_by: Ref | None
    decided_at: datetime | None

    @property
    def minor(self) -> bool:
        return self.guardian_id is not None
