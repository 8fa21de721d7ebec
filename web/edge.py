"""The outermost layers of the application, as plain ASGI: they see every request, errors included.

`Edge` numbers the request, measures it, sets the headers of `web.security`, and answers what nobody else
caught. `Arrivals` works out who asks. `BodyLimit` refuses bodies that are too large before they are read.
"""

import logging

from fastapi import FastAPI, Request
from redis.exceptions import RedisError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import clock
from core.errors import KinbridgeError, TooLarge, Unavailable
from core.ids import new_id
from core.log import fields
from people import sessions
from web import errors, security, visitor
from web.services import Services

logger = logging.getLogger(__name__)

PLAIN_LIMIT = 1 << 20  # bytes
MULTIPART_LIMIT = 12 << 20  # bytes: a proof of 10 MB and the form around it
_TOUCH_EVERY = 60.0  # seconds
_ANONYMOUS_PATHS = ("/static/", "/healthz", "/readyz", "/metrics")


class Edge:
    """Request id, measurement, headers, and the last resort."""

    def __init__(self, app: ASGIApp, owner: FastAPI) -> None:
        self._app = app
        self._owner = owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        services: Services = self._owner.state.services
        scope["request_id"] = new_id("req")
        scope["app"] = self._owner  # error pages need it even where no route was reached
        answer = _Answer(scope, send, services.settings.secure)
        began = clock.monotonic()
        with services.metrics.under_way.track_inprogress():
            try:
                await self._app(scope, receive, answer.send)
            except Exception as error:
                logger.exception("x %s", fields(path=scope["path"], request=scope["request_id"]))
                if answer.status is not None:
                    raise  # the answer has begun: only the connection can be broken off
                await errors.answer(Request(scope, receive), _told(error))(scope, receive, answer.send)
        method = scope["method"] if scope["method"] in ("GET", "POST") else "other"
        services.metrics.requests.labels(method, f"{(answer.status or 500) // 100}xx").inc()
        services.metrics.seconds.labels(method).observe(clock.monotonic() - began)


def _told(error: Exception) -> KinbridgeError:
    """What people are told of it: never more than that we are out of order, or partly so."""
    if isinstance(error, KinbridgeError):
        return error
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout | RedisError | ConnectionError):
        return Unavailable()
    return KinbridgeError()


class _Answer:
    """Sends on, with our headers on the first message; `status` is `None` until then."""

    def __init__(self, scope: Scope, send: Send, secure: bool) -> None:
        self._scope = scope
        self._send = send
        self._secure = secure
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in security.HEADERS.items():
                headers.setdefault(name, value)
            if self._secure:
                headers.setdefault(*security.STRICT_TRANSPORT)
            headers["x-request-id"] = self._scope["request_id"]
        await self._send(message)


class Arrivals:
    """Sets `request.state.visitor`; a session that cannot be read (no database) is an error like any.

    A session in use is put off (`people.sessions.touch`) at most once a minute by each process.
    """

    def __init__(self, app: ASGIApp, owner: FastAPI) -> None:
        self._app = app
        self._owner = owner
        self._touched: dict[str, float] = {}  # session id -> monotonic seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and not scope["path"].startswith(_ANONYMOUS_PATHS):
            services: Services = self._owner.state.services
            connection = HTTPConnection(scope)
            arrived = await visitor.arrive(connection, services)
            connection.state.visitor = arrived
            if arrived.who is not None:
                await self._touch(services, arrived.who.session_id)
        await self._app(scope, receive, send)

    async def _touch(self, services: Services, session_id: str) -> None:
        now = clock.monotonic()
        if now - self._touched.get(session_id, -_TOUCH_EVERY) < _TOUCH_EVERY:
            return
        self._touched = {key: at for key, at in self._touched.items() if now - at < _TOUCH_EVERY}
        self._touched[session_id] = now
        async with services.db.write() as session:
            await sessions.touch(session, session_id)


class BodyTooLarge(TooLarge):
    text = "This is too large to be sent: {megabytes} MB at most, all files together."


class BodyLimit:
    """413 `too-large` at once for a declared length, as soon as it shows for an undeclared one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        multipart = headers.get("content-type", "").startswith("multipart/form-data")
        limit = MULTIPART_LIMIT if multipart else PLAIN_LIMIT
        declared = headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > limit:
            await errors.answer(Request(scope, receive), BodyTooLarge(megabytes=limit >> 20))(
                scope, receive, send
            )
            return
        await self._app(scope, _counted(receive, limit), send)


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def receiving() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise BodyTooLarge(megabytes=limit >> 20)
        return message

    return receiving
