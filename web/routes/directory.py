"""The directory of legal help: a list and a map for everybody; its file, for administrators."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, File, Request, UploadFile
from starlette.responses import Response

from core.errors import KinbridgeError, Reason, Refused
from core.ids import Ref
from legalaid import case_wording, directory, directory_links, wording
from legalaid.directory import Imported, Search
from legalaid.directory_csv import BYTES_MAX, COLUMNS, FINDINGS
from legalaid.geography import Point
from people.model import Identity, Role
from web import mapping
from web.deps import MaybeWho, Svc
from web.duty import Admin
from web.forms import Text, at_fields
from web.routes.admin import scope
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
_TABLES: Mapping[str, Any] = {
    "helpers": case_wording.HELPERS,
    "topics": wording.TOPICS,
    "languages": wording.LANGUAGES,
}


@router.get("/directory")
async def look(
    request: Request,
    services: Svc,
    who: MaybeWho,
    q: str = "",
    kind: str = "",
    topic: str = "",
    language: str = "",
    place: str = "",
    at: str = "",
    page: str = "",
) -> Response:
    """`at`: "latitude,longitude" as the browser told it, after the person had asked it to."""
    wanted = Search(q.strip()[:60], kind, topic, language, place, point_of(at), _page(page))
    async with services.db.read() as session:
        places = await directory.places(session)
        result = await directory.search(session, wanted)
        linked = await directory_links.linked(session, [one.id for one in result.found])
    asked = {"q": q, "kind": kind, "topic": topic, "language": language, "place": place, "at": at}
    return render(
        request,
        "directory/look.html",
        **_TABLES,
        places=[(name, name.replace("/", " · ")) for name in places],
        result=result,
        map=mapping.drawn(result),
        wanted=wanted,
        linked=linked,
        query=urlencode({name: value for name, value in asked.items() if value}),
        at=at if wanted.here else "",
        may_ask=who is not None and Role.RELATIVE in who.roles,
    )


def _page(text: str) -> int:
    """From 1; the first one for what is no number."""
    return int(text) if text.isdecimal() and len(text) < 6 else 1


def point_of(text: str) -> Point | None:
    """None for anything but two numbers on the globe."""
    try:
        lat, lon = (float(part) for part in text.split(","))
        return Point(lat, lon)
    except ValueError:
        return None


@router.get("/admin/directory")
async def form(request: Request, services: Svc, who: Admin, q: str = "", prison: str = "") -> Response:
    return await _form(request, services, who, None, {}, q=q, prison=prison)


async def _form(
    request: Request,
    services: Services,
    who: Identity,
    done: Imported | None,
    errors: dict[str, str],
    *,
    q: str = "",
    prison: str = "",
    status: int = 200,
) -> Response:
    """`q`: for whose entry somebody is looked up who is reached through it."""
    async with services.db.read() as session:
        on, prisons = await scope.duty_of(session, who, prison)
        found = await directory.search(session, Search(q.strip()[:60])) if q.strip() else None
        targets = await directory_links.targets(session, on.prison.id)
        linked = await directory_links.linked(session, [one.id for one in found.found] if found else [])
    return render(
        request,
        "directory/import.html",
        status=status,
        done=done,
        errors=errors,
        columns=COLUMNS,
        findings=FINDINGS,
        bytes_max=BYTES_MAX,
        prison=on.prison,
        prisons=prisons,
        q=q,
        found=found,
        targets=[(f"{one.ref.kind}:{one.ref.id}", one.name) for one in targets],
        linked={key: f"{ref.kind}:{ref.id}" for key, ref in linked.items()},
        **_TABLES,
    )


@router.post("/admin/directory/{entry_id}/link")
async def link(
    services: Svc,
    who: Admin,
    entry_id: str,
    target: Text = "",
    prison: Text = "",
    q: Text = "",
) -> Response:
    kind, _, key = target.partition(":")
    async with services.db.write() as session:
        on, _ = await scope.duty_of(session, who, prison)
        chosen = Ref(kind, key) if target else None
        await directory_links.link(session, who, on.prison.id, entry_id, chosen)
    return redirect(f"/admin/directory?{urlencode({'q': q, 'prison': on.prison.id})}")


@router.post("/admin/directory")
async def take(
    request: Request,
    services: Svc,
    who: Admin,
    file: Annotated[UploadFile | None, File()] = None,
    whole: Text = "",
) -> Response:
    data = await file.read(BYTES_MAX + 1) if file else b""
    try:
        if not data:
            missing = Reason("file-missing", "Please choose a file.", {"field": "file"})
            raise Refused([missing])
        async with services.db.write() as session:
            done = await directory.import_csv(session, who, data, whole=whole == "1")
    except KinbridgeError as error:
        errors = at_fields(request, error)
        return await _form(request, services, who, None, errors, status=error.status)
    return await _form(request, services, who, done, {})
