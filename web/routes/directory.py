"""The directory of legal help: a list and a map for everybody; its file, for administrators."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import Response

from core.errors import KinbridgeError, Reason, Refused
from legalaid import case_wording, directory, wording
from legalaid.directory import Imported, Search
from legalaid.directory_csv import BYTES_MAX, COLUMNS, FINDINGS
from legalaid.geography import Point
from people.model import Role
from web import mapping
from web.deps import MaybeWho, Svc
from web.duty import Admin
from web.forms import at_fields
from web.templating import render

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
) -> Response:
    """`at`: "latitude,longitude" as the browser told it, after the person had asked it to."""
    wanted = Search(q.strip()[:60], kind, topic, language, place, point_of(at))
    async with services.db.read() as session:
        places = await directory.places(session)
        result = await directory.search(session, wanted)
    return render(
        request,
        "directory/look.html",
        **_TABLES,
        places=[(name, name.replace("/", " · ")) for name in places],
        result=result,
        map=mapping.drawn(result),
        wanted=wanted,
        at=at if wanted.here else "",
        may_ask=who is not None and Role.RELATIVE in who.roles,
    )


def point_of(text: str) -> Point | None:
    """None for anything but two numbers on the globe."""
    try:
        lat, lon = (float(part) for part in text.split(","))
        return Point(lat, lon)
    except ValueError:
        return None


@router.get("/admin/directory")
async def form(request: Request, _who: Admin) -> Response:
    return _form(request, None, {})


def _form(request: Request, done: Imported | None, errors: dict[str, str], status: int = 200) -> Response:
    return render(
        request,
        "directory/import.html",
        status=status,
        done=done,
        errors=errors,
        columns=COLUMNS,
        findings=FINDINGS,
        bytes_max=BYTES_MAX,
        **_TABLES,
    )


@router.post("/admin/directory")
async def take(
    request: Request,
    services: Svc,
    who: Admin,
    file: Annotated[UploadFile | None, File()] = None,
    whole: Annotated[str, Form()] = "",
) -> Response:
    data = await file.read(BYTES_MAX + 1) if file else b""
    try:
        if not data:
            missing = Reason("file-missing", "Please choose a file.", {"field": "file"})
            raise Refused([missing])
        async with services.db.write() as session:
            done = await directory.import_csv(session, who, data, whole=whole == "1")
    except KinbridgeError as error:
        return _form(request, None, at_fields(request, error), error.status)
    return _form(request, done, {})
