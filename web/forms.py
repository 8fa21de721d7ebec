"""Forms that come back: what was typed, and every refusal at its field."""

from typing import TYPE_CHECKING, Any

from fastapi import Request
from starlette.responses import Response

from core.errors import KinbridgeError, Reason, Refused
from web.templating import render, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable


def at_fields(request: Request, error: KinbridgeError) -> dict[str, str]:
    """Field name -> sentence, in the order the form has them; "" holds what belongs to no field."""
    reasons: Iterable[Reason] = error.reasons if isinstance(error, Refused) else (error.reason,)
    errors: dict[str, str] = {}
    for reason in reasons:
        field = str(reason.params.get("field", ""))
        text = sentence(request, reason)
        errors[field] = f"{errors[field]} {text}" if field in errors else text
    return errors


def form_again(request: Request, template: str, error: KinbridgeError, **context: Any) -> Response:
    """The page with the form as it was typed, the refusals at their fields (the template's `errors`)."""
    return render(request, template, status=error.status, errors=at_fields(request, error), **context)
