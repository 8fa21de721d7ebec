"""Who there is. Pure values; tables and queries stand elsewhere."""

from dataclasses import dataclass
from enum import StrEnum

from core.ids import Ref


class Role(StrEnum):
    """What somebody may do. An officer's account may carry several."""

    RELATIVE = "relative"
    TERMINAL = "terminal"
    MONITOR = "monitor"
    APPROVER = "approver"
    COUNSEL = "counsel"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whoever stands behind a session. `subject.kind`: relative, officer, counsel, admin or terminal."""

    session_id: str
    subject: Ref
    roles: frozenset[Role]
    name: str
    language: str  # "zh" or "en"
    elder: bool  # elder mode: larger text and targets
    prison_id: str | None  # of officers, administrators and terminals
    strong: bool  # a second factor or a device key was shown
