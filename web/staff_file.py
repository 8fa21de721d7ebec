"""Everything that is kept about somebody who works here, as a file for themselves (PIPL art. 45): JSON with the
records' own codes. What others said to them in confidence is not theirs, and is not in it."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from core import clock
from core.db import Session
from ledger import read as ledger
from legalaid.absence_table import LawyerAbsenceRow
from legalaid.case_tables import CaseRow
from legalaid.meeting_tables import MeetingRow
from legalaid.tables import AdviceRow, LawyerRow, TurnRow
from notices.tables import NoticeRow
from people import passkeys, sessions
from people import staff as accounts
from people.model import Identity
from people.tables import StaffRow
from rooms.desk_tables import NoteRow


async def of(session: Session, who: Identity) -> dict[str, Any]:
    row = await session.get_one(StaffRow, who.subject.id)
    return {
        "made_at": _said(clock.now()),
        "account": await _account(session, who, row),
        "legal_aid": await _legal_aid(session, row.id),
        "notes": [
            {"at": _said(one.made_at), "code": one.code, "words": one.words}
            for one in await session.scalars(
                select(NoteRow).where(NoteRow.officer_id == row.id).order_by(NoteRow.id)
            )
        ],
        "messages": [
            {"at": _said(one.created_at), "about": one.template, "to": one.address}
            for one in await session.scalars(
                select(NoticeRow).where(NoticeRow.to_id == row.id).order_by(NoticeRow.id)
            )
        ],
        "changes_of_the_account": [
            {"entry": one.seq, "at": one.at, "what": one.tag}
            for one in await ledger.about(session, who.subject)
        ],
    }


async def _account(session: Session, who: Identity, row: StaffRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "username": row.username,
        "name": row.name,
        "roles": row.roles.split(),
        "prison": row.prison_id,
        "language": row.language,
        "since": _said(row.created_at),
        "has_password": row.password_hash is not None,
        "has_second_factor": row.totp_sealed is not None,
        "recovery_codes_left": await accounts.recovery_codes_left(session, row.id),
        "own_document_known_by_digest": row.person_index is not None,
        "passkeys": [
            {"name": key.name, "since": _said(key.created_at)}
            for key in await passkeys.passkeys_of(session, who)
        ],
        "signed_in": [
            {"device": one.agent, "since": _said(one.created_at), "seen": _said(one.seen_at)}
            for one in await sessions.of(session, who.subject)
        ],
    }


async def _legal_aid(session: Session, staff_id: str) -> dict[str, Any] | None:
    """How much there is under their name, and when they were away; what is in it belongs to who was advised."""
    row = await session.get(LawyerRow, staff_id)
    if row is None:
        return None
    counted = {
        "advice": AdviceRow.lawyer_id == staff_id,
        "cases": CaseRow.lawyer_id == staff_id,
        "turns": TurnRow.lawyer_id == staff_id,
        "meetings": MeetingRow.lawyer_id == staff_id,
    }
    away = (
        select(LawyerAbsenceRow).where(LawyerAbsenceRow.lawyer_id == staff_id).order_by(LawyerAbsenceRow.id)
    )
    return {
        "station": row.station_id,
        "topics": row.topics,
        "languages": row.languages,
        "has_calendar_address": row.feed_digest is not None,
        "away": [
            {"from": _said(one.starts_at), "to": _said(one.ends_at)} for one in await session.scalars(away)
        ],
        **{
            what: await session.scalar(select(func.count()).where(theirs)) for what, theirs in counted.items()
        },
    }


def _said(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
