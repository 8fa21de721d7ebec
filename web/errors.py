"""The one place where errors become answers: a page for people, `{"code", "text", "reasons"}` for programs.

Programs are whatever asks under `/api/` or does not accept HTML. Whoever is not signed in and asks for a
page is shown the way to the sign-in page, and back.
"""

import logging
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from core.errors import (
    Conflict,
    Forbidden,
    KinbridgeError,
    Malformed,
    NotFound,
    Reason,
    Refused,
    TooLarge,
    TooMany,
    Unauthorised,
)
from core.log import fields
from web.i18n import N_
from web.security import BY_TICKET, SAFE_METHODS
from web.templating import redirect, render, sentence

logger = logging.getLogger(__name__)


class MethodNotAllowed(Malformed):
    code = "method-not-allowed"
    status = 405
    text = "This address cannot be used in this way."


_BY_STATUS: dict[int, type[KinbridgeError]] = {
    401: Unauthorised,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    409: Conflict,
    413: TooLarge,
}

TITLES = {
    401: N_("Please sign in"),
    403: N_("This is not open to you"),
    404: N_("We could not find this"),
    409: N_("This has changed"),
    413: N_("This is too large"),
    422: N_("This is not possible"),
    429: N_("Please wait a little"),
    503: N_("Please try again in a moment"),
}
OTHER_TITLE = N_("This did not work")
FIELD_TEXT = N_("{field}: this value cannot be used.")


def install(app: FastAPI) -> None:
    app.add_exception_handler(KinbridgeError, _on_kinbridge)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)


async def _on_kinbridge(request: Request, error: Exception) -> Response:
    assert isinstance(error, KinbridgeError)  # noqa: S101 - registered for this class only
    return answer(request, error)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    if isinstance(error.__cause__, KinbridgeError):  # raised while the body was being read
        return answer(request, error.__cause__)
    if error.status_code < 400:
        return Response(status_code=error.status_code, headers=error.headers)
    return answer(request, _BY_STATUS.get(error.status_code, Malformed)(), headers=error.headers)


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    reasons = [
        Reason("bad-field", FIELD_TEXT, {"field": ".".join(str(part) for part in problem["loc"][1:])})
        for problem in error.errors()
    ]
    return answer(request, Malformed(), reasons=reasons, status=422)


def wants_json(request: Request) -> bool:
    """Programs ask under `/api/`, or do not say that they read HTML."""
    return request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", "")


def answer(
    request: Request,
    error: KinbridgeError,
    *,
    reasons: list[Reason] | None = None,
    status: int | None = None,
    headers: Any = None,
) -> Response:
    """The error as this client reads it."""
    status = status or error.status
    reasons = list(error.reasons) if isinstance(error, Refused) else (reasons or [])
    logger.info("x %s", fields(path=request.url.path, status=status, code=error.code))
    response: Response
    if wants_json(request):
        response = JSONResponse(_body(request, error, reasons), status)
    elif isinstance(error, Unauthorised) and request.method in SAFE_METHODS:
        response = redirect(f"/signin?next={quote(request.url.path)}")
    else:
        response = _page(request, error, reasons, status)
    if isinstance(error, TooMany) and "retry_after" in error.params:
        response.headers["retry-after"] = str(error.params["retry_after"])
    if status == Unauthorised.status and request.url.path.startswith(BY_TICKET):
        response.headers["www-authenticate"] = "Bearer"  # RFC 9110 section 11.6.1, RFC 6750 section 3
    response.headers.update(headers or {})
    return response


def _body(request: Request, error: KinbridgeError, reasons: list[Reason]) -> dict[str, Any]:
    body: dict[str, Any] = {"code": error.code, "text": sentence(request, error.reason)}
    if error.params:
        body["params"] = error.params
    if reasons:
        body["reasons"] = [{"code": r.code, "text": sentence(request, r)} for r in reasons]
    return body


def _page(request: Request, error: KinbridgeError, reasons: list[Reason], status: int) -> Response:
    return render(
        request,
        "error.html",
        status=status,
        title=TITLES.get(status, OTHER_TITLE),
        error=error,
        reasons=reasons,
        request_id=request.scope.get("request_id", ""),
    )
