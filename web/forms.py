"""Forms that come back: what was typed, and every refusal at its field."""

from typing import TYPE_CHECKING

from fastapi import Request

from core.errors import KinbridgeError, Reason, Refused
from web.templating import sentence

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
