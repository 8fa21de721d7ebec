"""Is everything well: database, bus, media nodes, disk, outbox, recordings, ledger."""

import shutil
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlalchemy import func, select, text
from starlette.responses import Response

from core import clock
from core.db import Session
from core.settings import Settings
from ledger.tables import HeadRow
from notices.model import NoticeState
from notices.tables import NoticeRow
from recording import storing
from recording.model import RecordingState
from recording.service import FLOOR
from recording.tables import RecordingRow
from rooms import directory
from web.deps import Svc
from web.duty import Admin
from web.i18n import N_
from web.lights import Light, Tone
from web.services import Services
from web.templating import render

router = APIRouter(include_in_schema=False)

WELL = Light(Tone.GREEN, N_("Well"))
LOOK = Light(Tone.YELLOW, N_("Look at it"))
DOWN = Light(Tone.RED, N_("Down"))
SLOW_MS = 200
STORED_WITHIN = 15  # minutes that a sealed recording may wait before somebody should look


@dataclass(frozen=True, slots=True)
class Part:
    """A card. `note` is a message id with `params`."""

    name: str
    light: Light
    note: str
    params: Mapping[str, str | int | float]


@router.get("/admin")
async def overview(request: Request, services: Svc, _who: Admin) -> Response:
    parts = [
        await _timed(N_("Database"), _database(services), services.db.engine.dialect.name),
        await _timed(N_("Message bus"), services.bus.ping(), type(services.bus).__name__),
        _disk(services),
    ]
    async with services.db.read() as session:
        parts += [
            await _media(session),
            await _outbox(session),
            await _recordings(session),
            await _ledger(session),
        ]
        if services.settings.store_url:
            parts.append(await _store(session, services.settings))
    return render(request, "admin/overview.html", parts=parts, now=clock.now())


async def _database(services: Services) -> None:
    async with services.db.read() as session:
        await session.execute(text("SELECT 1"))


async def _timed(name: str, asking: Awaitable[None], kind: str) -> Part:
    began = clock.monotonic()
    try:
        await asking
    except Exception:  # noqa: BLE001 - whatever it is, the part does not answer, and that is what is told
        return Part(name, DOWN, N_("{kind} does not answer."), {"kind": kind})
    took = round((clock.monotonic() - began) * 1000, 1)
    note = N_("{kind} answers in {ms} ms.")
    return Part(name, WELL if took < SLOW_MS else LOOK, note, {"kind": kind, "ms": took})


def _disk(services: Services) -> Part:
    usage = shutil.disk_usage(services.settings.data_dir)
    share = round(100 * usage.free / usage.total)
    light = DOWN if usage.free < FLOOR else (LOOK if share < 10 else WELL)
    note = N_("{free} GB of {total} GB are free ({share} %).")
    params = {"free": round(usage.free / 2**30, 1), "total": round(usage.total / 2**30), "share": share}
    return Part(N_("Disk"), light, note, params)


async def _media(session: Session) -> Part:
    nodes = await directory.nodes(session)
    params = {"nodes": len(nodes), "rooms": sum(rooms for _, rooms in nodes)}
    note = N_("{nodes} running, {rooms} rooms open.")
    return Part(N_("Media nodes"), WELL if nodes else DOWN, note, params)


async def _count(session: Session, column: object, table: type, value: str) -> int:
    query = select(func.count()).select_from(table).where(column == value)  # type: ignore[arg-type]
    return await session.scalar(query) or 0


async def _outbox(session: Session) -> Part:
    late = (
        select(func.count())
        .select_from(NoticeRow)
        .where(NoticeRow.state == NoticeState.QUEUED, NoticeRow.due_at < clock.now())
    )
    waiting = await session.scalar(late) or 0
    failed = await _count(session, NoticeRow.state, NoticeRow, NoticeState.FAILED)
    note = N_("{waiting} messages are due, {failed} could not be delivered.")
    light = LOOK if failed or waiting > 100 else WELL
    return Part(N_("Outbox"), light, note, {"waiting": waiting, "failed": failed})


async def _recordings(session: Session) -> Part:
    writing = await _count(session, RecordingRow.state, RecordingRow, RecordingState.WRITING)
    sealing = await _count(session, RecordingRow.state, RecordingRow, RecordingState.SEALING)
    failed = await _count(session, RecordingRow.state, RecordingRow, RecordingState.FAILED)
    damaged = await _count(session, RecordingRow.state, RecordingRow, RecordingState.DAMAGED)
    note = N_("{writing} being written, {sealing} being sealed, {failed} failed, {damaged} damaged.")
    params = {"writing": writing, "sealing": sealing, "failed": failed, "damaged": damaged}
    return Part(N_("Recordings"), DOWN if failed or damaged else WELL, note, params)


async def _store(session: Session, settings: Settings) -> Part:
    count, oldest = await storing.waiting(session)
    minutes = round((clock.now() - oldest).total_seconds() / 60) if oldest else 0
    late = bool(settings.store_lag_minutes) and minutes > settings.store_lag_minutes
    light = DOWN if late else (LOOK if minutes > STORED_WITHIN else WELL)
    note = N_("{count} sealed recordings wait for it, the oldest for {minutes} minutes.")
    return Part(N_("Object store"), light, note, {"count": count, "minutes": minutes})


async def _ledger(session: Session) -> Part:
    head = await session.get(HeadRow, 1)
    note = N_("{entries} entries. Prove the chain on the page “Ledger”.")
    return Part(N_("Ledger"), WELL, note, {"entries": head.seq if head else 0})
