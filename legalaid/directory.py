"""The directory of legal help: who helps with what, in which language, how far away; filled from CSV files."""

from dataclasses import dataclass

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.errors import Forbidden, NotFound, Reason, Refused
from core.ids import Ref, new_id
from ledger.record import record
from legalaid import access
from legalaid.directory_csv import BYTES_MAX, Entry, Finding, read
from legalaid.directory_tables import DirectoryEntryRow
from legalaid.geography import Point, kilometres, middle
from people.model import Identity, Role

By = Identity | Ref
SHOWN = 12  # entries of one page


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, and how far it is (kilometres), where the search says from where."""

    id: str
    entry: Entry
    far: float | None

    @property
    def point(self) -> Point:
        return Point(self.entry.lat, self.entry.lon)


@dataclass(frozen=True, slots=True)
class Search:
    """`place`: "city/place" as the list of places has it. `here`: what the browser told, or None. `page` from 1."""

    words: str = ""
    kind: str = ""
    topic: str = ""
    language: str = ""
    place: str = ""
    here: Point | None = None
    page: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    """The nearest first, or by place and name; `all` that fit, of which this page's are in `found`."""

    found: list[Found]
    all: int
    origin: Point | None
    page: int = 1

    @property
    def pages(self) -> int:
        return max(1, -(-self.all // SHOWN))

    @property
    def before(self) -> int:
        """How many stand on earlier pages."""
        return (self.page - 1) * SHOWN


async def places(session: Session) -> dict[str, Point]:
    """Each "city/place" of the directory, and the middle of who helps there."""
    rows = await session.execute(
        select(
            DirectoryEntryRow.city, DirectoryEntryRow.place, DirectoryEntryRow.lat, DirectoryEntryRow.lon
        ).where(DirectoryEntryRow.active)
    )
    points: dict[str, list[Point]] = {}
    for city, place, lat, lon in rows.all():
        points.setdefault(f"{city}/{place}", []).append(Point(lat, lon))
    return {name: middle(points[name]) for name in sorted(points)}


async def search(session: Session, wanted: Search) -> Result:
    """Anybody may look. A place chosen by hand counts more than where the browser is."""
    query = select(DirectoryEntryRow).where(DirectoryEntryRow.active)
    if wanted.kind:
        query = query.where(DirectoryEntryRow.kind == wanted.kind)
    origin = wanted.here
    if wanted.place:
        origin = (await places(session)).get(wanted.place, origin)
    found = [_found(row, origin) for row in await session.scalars(query) if _fits(row, wanted)]
    found.sort(key=lambda one: (one.far or 0.0, one.entry.city, one.entry.place, one.entry.name, one.id))
    page = min(max(wanted.page, 1), Result(found, len(found), origin).pages)
    return Result(found[(page - 1) * SHOWN : page * SHOWN], len(found), origin, page)


def _fits(row: DirectoryEntryRow, wanted: Search) -> bool:
    """An entry without topics or languages takes all."""
    text = f"{row.name} {row.organisation} {row.address} {row.place}".casefold()
    return (
        all(word in text for word in wanted.words.casefold().split())
        and (not wanted.topic or not row.topics or wanted.topic in row.topics)
        and (not wanted.language or not row.languages or wanted.language in row.languages)
    )


def _found(row: DirectoryEntryRow, origin: Point | None) -> Found:
    far = kilometres(origin, Point(row.lat, row.lon)) if origin else None
    return Found(row.id, entry_of(row), far)


def entry_of(row: DirectoryEntryRow) -> Entry:
    values = {name: getattr(row, name) for name in Entry.__slots__}
    return Entry(**{**values, "topics": tuple(row.topics), "languages": tuple(row.languages)})


async def one(session: Session, entry_id: str) -> Found:
    """Raises `NotFound`, also for one that was taken off."""
    row = await session.get(DirectoryEntryRow, entry_id)
    if row is None or not row.active:
        raise NotFound
    return _found(row, None)


async def name_of(session: Session, entry_id: str | None) -> str:
    """Also of one that was taken off since; "" for none."""
    row = await session.get(DirectoryEntryRow, entry_id) if entry_id else None
    return row.name if row else ""


async def told(session: Session, entry_id: str | None) -> str:
    """Name and telephone, for the station that passes a question on; "" for none."""
    row = await session.get(DirectoryEntryRow, entry_id) if entry_id else None
    return f"{row.name} ({row.phone})" if row else ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file did. `gone`: entries that were taken off because it does not have them."""

    added: int
    changed: int
    unchanged: int
    gone: int
    findings: list[Finding]


async def import_csv(session: Session, actor: By, data: bytes, *, whole: bool) -> Imported:
    """Takes every good line; the same file a second time changes nothing. For administrators.

    `whole`: the file is the whole directory: what it does not have is taken off. A file with a finding takes
    nothing off, since the missing one may be the line that was not understood. Raises `Refused`.
    """
    if isinstance(actor, Identity) and (Role.ADMIN not in actor.roles or not actor.strong):
        raise Forbidden
    if len(data) > BYTES_MAX:
        raise Refused([Reason("file-too-large", "This file is larger than 5 MB.", {"field": "file"})])
    entries, findings = read(data)
    rows = {row.key: row for row in await session.scalars(select(DirectoryEntryRow))}
    added = changed = 0
    for entry in entries:
        row = rows.get(entry.key)
        if row is None:
            session.add(_row(entry))
            added += 1
        elif not row.active or entry_of(row) != entry:
            for name, value in _values(entry).items():
                setattr(row, name, value)
            changed += 1
    await session.flush()
    gone = await _take_off(session, {entry.key for entry in entries}) if whole and not findings else 0
    result = Imported(added, changed, len(entries) - added - changed, gone, findings)
    record(
        session,
        access.tag(actor, "directory:imported"),
        actor=access.ref(actor),
        subject=Ref("directory", "all"),
        added=added,
        changed=changed,
        gone=gone,
        findings=len(findings),
    )
    return result


def _values(entry: Entry) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(entry, name) for name in Entry.__slots__}
    lists = {"topics": list(entry.topics), "languages": list(entry.languages)}
    return {**values, **lists, "active": True, "changed_at": clock.now()}


def _row(entry: Entry) -> DirectoryEntryRow:
    return DirectoryEntryRow(id=new_id("hlp"), **_values(entry))


async def _take_off(session: Session, keys: set[str]) -> int:
    gone = await session.scalars(
        update(DirectoryEntryRow)
        .where(DirectoryEntryRow.active, DirectoryEntryRow.key.not_in(keys))
        .values(active=False, changed_at=clock.now())
        .returning(DirectoryEntryRow.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
