"""Forms that come back: what was typed, and every refusal at its field."""

from dataclasses import fields
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, get_type_hints

from fastapi import Form, Request
from starlette.responses import Response

from core.errors import KinbridgeError, NotFound, Reason, Refused
from policy.model import BadPolicy
from web.templating import render, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

# What the page of a form can say; what is not there is a page of its own.
MENDABLE = tuple(kind for kind in KinbridgeError.__subclasses__() if kind is not NotFound)
Text = Annotated[str, Form()]
Many = Annotated[list[str] | None, Form()]  # None: no box is ticked
Filled = TypeVar("Filled")


class FilledIn(Generic[Filled]):
    """A dependency: the dataclass `kind`, each of its fields as it was typed into the page's field of that name.

    Use as `Annotated[NoticeForm, Depends(FilledIn(NoticeForm))]`, where everything in it is the asker's to say.
    A text that is missing is empty, whatever the class has for code that leaves it out.
    """

    def __init__(self, kind: type[Filled]) -> None:
        self._kind = kind
        types = get_type_hints(kind)
        self.__signature__ = Signature(
            [
                Parameter(
                    one.name,
                    Parameter.KEYWORD_ONLY,
                    default="" if types[one.name] is str else one.default,
                    annotation=Annotated[types[one.name], Form()],
                )
                for one in fields(kind)  # type: ignore[arg-type]  # a dataclass, which no type variable can say
            ]
        )

    def __call__(self, **typed: object) -> Filled:
        return self._kind(**typed)


def at_fields(request: Request, error: KinbridgeError) -> dict[str, str]:
    """Field name -> sentence, in the order the form has them; "" holds what belongs to no field."""
    several = error.reasons if isinstance(error, Refused | BadPolicy) else ()
    reasons: Iterable[Reason] = several or (error.reason,)
    errors: dict[str, str] = {}
    for reason in reasons:
        field = str(reason.params.get("field", ""))
        text = sentence(request, reason)
        errors[field] = f"{errors[field]} {text}" if field in errors else text
    return errors


def form_again(request: Request, template: str, error: KinbridgeError, **context: Any) -> Response:
    """The page with the form as it was typed, the refusals at their fields (the template's `errors`)."""
    return render(request, template, status=error.status, errors=at_fields(request, error), **context)
