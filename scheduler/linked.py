"""Visits that belong together: a main part, at most one before and one after it. All of them or none.

A talk before and one after a meeting are visits of their own, at times of their own that do not overlap; whoever
gets the main part gets the others too (F48).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from sqlalchemy import select

from core.db import Session
from core.errors import Malformed, NotFound
from core.ids import new_id
from people.model import Identity
from scheduler import booking, moves, picking, repository
from scheduler.case import meet
from scheduler.model import OPEN_STATES, BookingState, BookingView, Fault, VisitorChoice
from scheduler.picking import Purpose
from scheduler.places import OFFERED
from scheduler.tables import BookingRow, SlotRow


class Part(StrEnum):
    PRE = "pre"
    MAIN = "main"
    POST = "post"


class BadParts(Malformed):
    code = "bad-parts"
    text = "There is one main part, at most one before it and one after it, and they do not overlap."
    status = 422


@dataclass(frozen=True, slots=True)
class Piece:
    """One part and its time."""

    part: Part
    slot_id: str
    starts_at: datetime
    ends_at: datetime


def check(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces in order of time; raises `BadParts` for parts that cannot belong together."""
    names = [piece.part for piece in pieces]
    ordered = sorted(pieces, key=lambda piece: piece.starts_at)
    spans = [(piece.starts_at, piece.ends_at) for piece in ordered]
    if (
        names.count(Part.MAIN) != 1
        or len(set(names)) != len(names)
        or any(meet(one, other) for one, other in pairwise(spans))
        or [piece.part for piece in ordered] != [part for part in Part if part in names]
    ):
        raise BadParts
    return ordered


async def request(
    session: Session,
    actor: Identity,
    inmate_id: str,
    parts: Sequence[tuple[str, str]],
    visitors: list[VisitorChoice],
    key: str,
    booth_id: str | None = None,
) -> list[BookingView]:
    """Asks for all parts, given as (part, slot id), at once; the same `key` again answers the same. `booth_id`: they
    would sit there in every part.

    Raises `BadParts`, and `Refused` with the reasons of the first part that cannot be had, or has no seat there: then
    none is.
    """
    pieces = check(await _pieces(session, parts))
    link = new_id("lnk")
    views = []
    for piece in pieces:
        purpose = Purpose(link=link, part=piece.part)
        own_key = f"{key}:{piece.part}"
        held = await picking.hold(session, actor, inmate_id, piece.slot_id, own_key, purpose)
        link = held.link or link  # sent twice, the parts of before are answered
        if held.state is BookingState.HELD:
            held = await booking.request(session, actor, held.id, visitors, own_key, booth_id)
        views.append(held)
    return views


async def _pieces(session: Session, parts: Sequence[tuple[str, str]]) -> list[Piece]:
    known = set(Part)
    if any(part not in known for part, _ in parts):
        raise BadParts
    rows = await session.scalars(select(SlotRow).where(SlotRow.id.in_([slot_id for _, slot_id in parts])))
    slots = {row.id: row for row in rows}
    if any(slot_id not in slots for _, slot_id in parts):
        raise NotFound
    return [
        Piece(Part(part), slot_id, slots[slot_id].starts_at, slots[slot_id].ends_at)
        for part, slot_id in parts
    ]


async def beside(session: Session, view: BookingView) -> list[BookingView]:
    """The other open parts of a visit, in order of time."""
    if view.link is None or view.link.startswith(OFFERED):
        return []
    others = (BookingRow.link == view.link, BookingRow.id != view.id, BookingRow.state.in_(OPEN_STATES))
    return sorted(await repository.views(session, *others), key=lambda one: one.starts_at)


async def withdraw(session: Session, actor: Identity, link: str) -> None:
    """The family does not want the parts any more; those that are over stay as they are."""
    mine = BookingRow.requested_by == actor.subject.id
    views = await repository.views(session, BookingRow.link == link, mine, BookingRow.state.in_(OPEN_STATES))
    if not views:
        raise NotFound
    for view in views:
        await moves.try_move(session, actor, view.id, BookingState.WITHDRAWN, fault=Fault.FAMILY)
