"""Everything that is kept about a family, as a file for themselves (PIPL art. 45): JSON with the records' own codes."""

from typing import Any

from sqlalchemy import select

from core import clock
from core.db import Session
from core.ids import Ref
from ledger import read as ledger
from legalaid.tables import QuestionRow
from notices.tables import NoticeRow
from people import repository as people
from people.tables import RelativeRow
from recording import service as recordings
from scheduler import service as scheduler
from web import legal
from web.services import Services

_OPENED = "recording:opened"


async def of(session: Session, services: Services, relative_id: str) -> dict[str, Any]:
    """Of a relative and the children in that account. Recordings themselves leave only as bundles; what is said about
    each here is that it is there, until when, and how often it was opened."""
    accounts = select(RelativeRow).where(
        (RelativeRow.id == relative_id) | (RelativeRow.guardian_id == relative_id)
    )
    rows = (await session.scalars(accounts.order_by(RelativeRow.id))).all()
    return {
        "made_at": clock.now().isoformat(timespec="seconds"),
        "people": [_person(services, row) for row in rows],
        "relationships": await _relationships(session, relative_id),
        "visits": [
            await _visit(session, one.id) for one in await scheduler.of_relative(session, relative_id)
        ],
        "questions": await _questions(session, services, relative_id),
        "messages": await _messages(session, relative_id),
        "consents_and_steps": await _steps(session, [row.id for row in rows]),
    }


def _person(services: Services, row: RelativeRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "phone": row.phone,
        "born": row.born.isoformat(),
        "document_kind": row.document_kind,
        "document": services.means.documents.open(row.document_sealed, row.id).decode(),
        "language": row.language,
        "large_text": row.elder,
        "in_the_care_of": row.guardian_id,
        "has_password": row.password_hash is not None,
        "since": row.created_at.isoformat(timespec="seconds"),
    }


async def _relationships(session: Session, relative_id: str) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "inmate": one.inmate_id,
            "kinship": one.kinship.value,
            "state": one.state.value,
            "applied_at": one.applied_at.isoformat(timespec="seconds"),
            "papers": len(one.proof_ids),
        }
        for one in await people.relationships_of(session, relative_id)
    ]


async def _visit(session: Session, booking_id: str) -> dict[str, Any]:
    booking = await scheduler.get(session, booking_id)
    takes = []
    for take in await recordings.of_booking(session, booking_id):
        entries = await ledger.about(session, Ref("recording", take.id))
        opened = sum(entry.tag.endswith(_OPENED) for entry in entries)
        takes.append(
            {
                "id": take.id,
                "state": take.state.value,
                "kept_until": take.keep_until.isoformat(timespec="seconds") if take.keep_until else None,
                "held": bool(take.holds),
                "entries_of_opening": opened,
            }
        )
    return {
        "reference": booking.reference,
        "prison": booking.prison_name,
        "starts_at": booking.starts_at.isoformat(timespec="seconds"),
        "minutes": booking.minutes,
        "state": booking.state.value,
        "visitors": [{"name": one.name, "kinship": one.kinship} for one in booking.visitors],
        "recordings": takes,
    }


async def _questions(session: Session, services: Services, relative_id: str) -> list[dict[str, Any]]:
    means = legal.means_of(services)
    mine = (QuestionRow.asked_by_kind == "relative", QuestionRow.asked_by_id == relative_id)
    return [
        {
            "reference": row.reference,
            "asked_at": row.asked_at.isoformat(timespec="seconds"),
            "state": row.state,
            "words": means.texts.open(row.words_sealed, row.id).decode(),
        }
        for row in await session.scalars(select(QuestionRow).where(*mine).order_by(QuestionRow.id))
    ]


async def _messages(session: Session, relative_id: str) -> list[dict[str, Any]]:
    query = select(NoticeRow).where(NoticeRow.to_id == relative_id).order_by(NoticeRow.id)
    return [
        {"at": row.created_at.isoformat(timespec="seconds"), "about": row.template, "to": row.address}
        for row in await session.scalars(query)
    ]


async def _steps(session: Session, ids: list[str]) -> list[dict[str, Any]]:
    """What the ledger says of these people, without what others wrote in."""
    entries = await ledger.about(session, *(Ref("relative", one) for one in ids))
    return [{"entry": one.seq, "at": one.at, "what": one.tag} for one in entries]
