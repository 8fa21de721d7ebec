"""For machines: is it alive, is it ready, how much does it do, how is it spoken to."""

from ipaddress import ip_address
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import text
from starlette.responses import JSONResponse, PlainTextResponse, Response

from core.errors import NotFound
from recording import recheck
from rooms import directory, proving
from web.deps import Svc
from web.metrics import CONTENT_TYPE

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> PlainTextResponse:
    """The process answers; says nothing of the parts it needs."""
    return PlainTextResponse("ok")


@router.get("/readyz")
async def readyz(services: Svc) -> JSONResponse:
    """200 when database and bus answer and some media node lives; 503 with the names of what does not.

    `closed-rooms` is told and decides nothing here: without its proof legal rooms stay shut, family visits go on.
    """
    parts = {
        "database": await _database(services),
        "bus": await _bus(services),
        "media": await _media(services),
    }
    ready = all(parts.values())
    told = {**parts, "closed-rooms": await _closed_rooms(services)}
    return JSONResponse({"ready": ready, "parts": told}, 200 if ready else 503)


async def _database(services: Svc) -> bool:
    try:
        async with services.db.read() as session:
            await session.execute(text("SELECT 1"))
    except Exception:  # noqa: BLE001 - whatever it is, the part is not ready; the log of its user tells
        return False
    return True


async def _bus(services: Svc) -> bool:
    try:
        await services.bus.ping()
    except Exception:  # noqa: BLE001 - as above
        return False
    return True


async def _media(services: Svc) -> bool:
    """Whether any process could host a room just now, this one or another."""
    try:
        async with services.db.read() as session:
            return bool(await directory.nodes(session))
    except Exception:  # noqa: BLE001 - as above
        return False


async def _closed_rooms(services: Svc) -> bool:
    """Whether the daily proof holds that nobody can listen in (docs/decisions/0016)."""
    try:
        async with services.db.read() as session:
            return (await proving.standing(session)).good
    except Exception:  # noqa: BLE001 - as above
        return False


@router.get("/metrics")
async def metrics(request: Request, services: Svc) -> Response:
    """For a Prometheus on this machine or network; from elsewhere it does not exist."""
    address = request.client.host if request.client else ""
    try:
        near = ip_address(address).is_private
    except ValueError:
        near = False
    if not near:
        raise NotFound
    await _evidence(services)
    return Response(services.metrics.text(), media_type=CONTENT_TYPE)


async def _evidence(services: Svc) -> None:
    """What only the database knows, for it is the worker that reads recordings again."""
    async with services.db.read() as session:
        services.metrics.damaged.set(await recheck.count_damaged(session))
        run = await recheck.latest(session)
    if run is not None:
        services.metrics.rechecked.set(run.checked)
        services.metrics.rechecked_at.set(run.finished_at.timestamp() if run.finished_at else 0)


@router.get("/openapi.json")
async def openapi(request: Request) -> dict[str, Any]:
    """The JSON interface; pages are no part of it."""
    description = request.app.openapi()
    paths = {path: value for path, value in description["paths"].items() if path.startswith("/api/")}
    return {**description, "paths": paths}
