"""Telling a relative something, in their language, at their number; of a minor, the guardian is told."""

from collections.abc import Mapping
from datetime import datetime

from core.db import Session
from core.errors import NotFound
from core.ids import Ref
from notices import outbox
from people.tables import RelativeRow


async def tell(
    session: Session,
    relative_id: str,
    template: str,
    params: Mapping[str, str | int],
    *,
    due: datetime | None = None,
    dedupe: str | None = None,
    expires: datetime | None = None,
    zone: str = "Asia/Shanghai",
) -> str | None:
    """As `notices.outbox.post`; raises `NotFound` for somebody who is not there."""
    row = await session.get(RelativeRow, relative_id)
    if row is not None and row.guardian_id is not None:
        row = await session.get(RelativeRow, row.guardian_id)
    if row is None or row.phone is None:
        raise NotFound
    return await outbox.post(
        session,
        to=Ref("relative", row.id),
        address=row.phone,
        template=template,
        language=row.language,
        params=params,
        due=due,
        dedupe=dedupe,
        expires=expires,
        zone=zone,
    )
