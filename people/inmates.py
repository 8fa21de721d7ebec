"""Inmates as the prison's own list has them. Prison and wing belong to the scheduler, who checks them."""

from sqlalchemy import select

from core import clock
from core.db import Session
from core.errors import NotFound, Refused
from core.ids import Ref, new_id
from ledger.record import record
from people import forms
from people.forms import InmateForm
from people.model import Inmate, InmateStatus
from people.repository import as_inmate
from people.tables import InmateRow


async def create_inmate(session: Session, by: Ref, form: InmateForm) -> Inmate:
    """Raises `Refused` with every field's problem."""
    number = forms.clean(form.number)
    reasons = forms.name_problems("name", form.name)
    for field in ("number", "prison_id", "wing_id", "level"):
        if not getattr(form, field).strip():
            reasons.append(forms.reason(field, "missing", "Please fill this in."))
    taken = select(InmateRow.id).where(InmateRow.prison_id == form.prison_id, InmateRow.number == number)
    if await session.scalar(taken) is not None:
        reasons.append(forms.reason("number", "taken", "This number is taken."))
    if reasons:
        raise Refused(reasons)
    row = InmateRow(
        id=new_id("inm"),
        number=number,
        name=forms.clean(form.name),
        prison_id=form.prison_id,
        wing_id=form.wing_id,
        level=form.level,
        status=InmateStatus.PRESENT,
        created_at=clock.now(),
    )
    session.add(row)
    await session.flush()
    record(session, "admin:inmate:created", actor=by, subject=Ref("inmate", row.id))
    return as_inmate(row)


async def move_inmate(
    session: Session, by: Ref, inmate_id: str, *, wing_id: str, level: str, status: InmateStatus
) -> Inmate:
    """Wing, level and status as the prison's list has them now."""
    row = await session.get(InmateRow, inmate_id)
    if row is None or row.merged_into is not None:
        raise NotFound
    row.wing_id, row.level, row.status = wing_id, level, status
    subject = Ref("inmate", row.id)
    record(
        session, "admin:inmate:changed", actor=by, subject=subject, wing=wing_id, level=level, status=status
    )
    return as_inmate(row)
