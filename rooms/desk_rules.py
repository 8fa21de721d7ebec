"""What the rules say about officers at their desk. Where a prison's rules are not whole yet, calls that run are
supervised all the same: by what rules mean that do not state these values."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.db import Session
from policy import repository as policies
from policy.model import BadPolicy, PolicyIncomplete, PolicyUnknown
from policy.rulebook import FamilyPolicy


@dataclass(frozen=True, slots=True)
class DeskRules:
    """`page_after`: without an officer for so long, the next one is called. `at_once`: calls that one officer
    supervises at most where no shift says how many."""

    page_after: timedelta
    at_once: int


_UNSTATED = DeskRules(
    timedelta(seconds=FamilyPolicy.model_fields["monitor_page_s"].default),
    FamilyPolicy.model_fields["calls_at_once"].default,
)


async def of(session: Session, scope_id: str, at: datetime) -> DeskRules:
    """`scope_id`: a prison or a wing."""
    try:
        values = (await policies.current(session, scope_id, at)).values
    except (PolicyUnknown, PolicyIncomplete, BadPolicy):
        return _UNSTATED
    return DeskRules(timedelta(seconds=values.monitor_page_s), values.calls_at_once)
