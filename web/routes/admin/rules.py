"""The rules in force, and on what they rest. Read only: new versions are drafted and approved by two people."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.errors import Unavailable
from policy import repository as policy
from policy.model import FamilyPolicy, PolicySet
from web.deps import Svc
from web.duty import Admin
from web.i18n import N_
from web.routes.admin import scope
from web.templating import render

router = APIRouter(include_in_schema=False)

NAMES: dict[str, str] = {
    "visits_per_month": N_("Visits in a month"),
    "visits_by_level": N_("Visits by treatment level"),
    "allowance_windows": N_("Periods with an allowance of their own"),
    "minutes": N_("Length of a visit, minutes"),
    "turnaround_minutes": N_("Pause between two visits, minutes"),
    "early_minutes": N_("The lobby opens, minutes before"),
    "late_cutoff_minutes": N_("Who is not there has not come, after minutes"),
    "reconnect_window_s": N_("A lost seat is kept, seconds"),
    "monitor_absent_end_minutes": N_("Ended without an officer, after minutes"),
    "pause_end_minutes": N_("A pause ends the visit, after minutes"),
    "max_visitors": N_("Visitors at most"),
    "adult_age": N_("Of age from"),
    "child_counts_below": N_("Children not counted, under the age of"),
    "require_guardian": N_("Minors come with an adult"),
    "lead_days": N_("Days to book ahead"),
    "lead_unit": N_("How these days are counted"),
    "horizon_days": N_("Bookable for, days"),
    "hold_minutes": N_("A pick is held, minutes"),
    "visit_weekdays": N_("Weekdays with visits"),
    "calendar": N_("Calendar of working days"),
    "reply_working_days": N_("Answer within, working days"),
    "office_closes": N_("The office closes"),
    "record_while_paused": N_("Recorded while paused"),
    "video_codec": N_("Coding of the pictures"),
    "warnings": N_("Warnings with one tap"),
    "reasons": N_("Reasons to end a call"),
    "refusal_reasons": N_("Reasons to refuse"),
    "cancel_reasons": N_("Reasons to cancel"),
    "reminder_minutes": N_("Reminders, minutes before"),
    "cautions": N_("Cautions to the family"),
}


@router.get("/admin/policy")
async def rules(request: Request, services: Svc, who: Admin, prison: str = "") -> Response:
    found: PolicySet | None = None
    problem: Unavailable | None = None
    async with services.db.read() as session:
        on, prisons = await scope.duty_of(session, who, prison)
        try:
            found = await policy.current(session, on.prison.id, on.now)
        except Unavailable as error:
            problem = error
    return render(
        request,
        "admin/policy.html",
        prison=on.prison,
        prisons=prisons,
        found=found,
        problem=problem,
        lines=_lines(found.values) if found else [],
    )


def _lines(values: FamilyPolicy) -> list[tuple[str, str, str]]:
    """(key, message id of its name, value as it stands)."""
    return [
        (key, NAMES.get(key, key), _plain(value)) for key, value in values.model_dump(mode="json").items()
    ]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return " · ".join(f"{key}: {inner}" for key, inner in value.items()) or "–"
    if isinstance(value, list):
        return " · ".join(_plain(inner) for inner in value) or "–"
    if isinstance(value, bool):
        return "✓" if value else "–"
    return str(value)
