"""Sessions: only a digest is kept, limits hold, a revoked one is dead at once and said to be so."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core.bus import Bus
from core.db import Database
from core.errors import NotFound
from core.ids import SYSTEM, Ref
from people import service, sessions
from people.means import Means
from people.model import Identity, Role
from people.tables import SessionRow, StaffRow
from tests.conftest import FakeClock
from tests.people.conftest import PRISON, add_inmate, add_relative, add_staff, identity, tags


async def opened(db: Database, subject: Ref, *, strong: bool = False) -> tuple[str, Identity]:
    async with db.write() as session:
        return await sessions.open_session(session, subject, strong=strong, agent="Firefox " * 100)


async def resumed(db: Database, token: str) -> Identity | None:
    async with db.read() as session:
        return await sessions.resume(session, token)


async def test_the_token_resumes_and_is_nowhere_kept(db: Database, means: Means) -> None:
    relative = await add_relative(db, means)
    token, who = await opened(db, Ref("relative", relative.id))
    assert await resumed(db, token) == who
    assert (who.roles, who.name, who.strong) == (frozenset({Role.RELATIVE}), "王秀英", False)
    assert len(token) >= 43  # 256 bits in base64url
    async with db.read() as session:
        row = await session.scalar(select(SessionRow))
    assert row is not None
    assert token not in str(vars(row))
    assert len(row.agent) <= 200


async def test_two_sessions_never_share_a_token(db: Database, means: Means) -> None:
    subject = Ref("relative", (await add_relative(db, means)).id)
    first, second = await opened(db, subject), await opened(db, subject)
    assert first[0] != second[0]
    assert first[1].session_id != second[1].session_id


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "é"])
async def test_strangers_tokens_are_nobody(db: Database, token: str) -> None:
    assert await resumed(db, token) is None


async def test_nobody_signs_in_for_who_is_not_there(db: Database) -> None:
    for kind in sessions.LIFETIMES:
        with pytest.raises(NotFound):
            await opened(db, Ref(kind, "nobody"))


@pytest.mark.parametrize("kind", ["officer", "admin", "counsel"])
async def test_idle_and_absolute_limits(db: Database, clock: FakeClock, kind: str) -> None:
    who = await add_staff(db, "sun", kind, PRISON)
    life = sessions.LIFETIMES[kind]
    token, _ = await opened(db, who.subject)
    clock.move(seconds=life.idle.total_seconds() - 1)
    assert await resumed(db, token) is not None
    clock.move(seconds=1)
    assert await resumed(db, token) is None
    token, busy = await opened(db, who.subject)
    end = clock.now() + life.absolute
    while clock.now() < end - timedelta(minutes=10):
        clock.move(minutes=10)
        async with db.write() as session:
            assert await sessions.touch(session, busy.session_id)
        assert await resumed(db, token) is not None
    clock.move(minutes=10)
    assert await resumed(db, token) is None
    async with db.write() as session:
        assert not await sessions.touch(session, busy.session_id)


async def test_touching_writes_at_most_once_a_minute(db: Database, means: Means, clock: FakeClock) -> None:
    subject = Ref("relative", (await add_relative(db, means)).id)
    _, who = await opened(db, subject)
    written = []
    for _ in range(4):
        clock.move(seconds=30)
        async with db.write() as session:
            written.append(await sessions.touch(session, who.session_id))
    assert written == [False, True, False, True]


async def test_revoked_is_dead_at_once_and_announced(db: Database, means: Means, bus: Bus) -> None:
    subject = Ref("relative", (await add_relative(db, means)).id)
    token, who = await opened(db, subject)
    async with bus.subscribe("session") as heard:
        async with db.write() as session:
            assert await sessions.revoke(session, who.session_id, subject, bus=bus)
        assert await asyncio.wait_for(heard.get(), 30) == {"session": who.session_id}
    assert await resumed(db, token) is None
    async with db.write() as session:
        assert not await sessions.alive(session, who.session_id)
        assert not await sessions.touch(session, who.session_id)
        assert not await sessions.revoke(session, who.session_id, subject, bus=bus)
    assert (await tags(db))[-1] == "family:session:revoked"


async def test_a_failed_transaction_revokes_and_announces_nothing(db: Database, means: Means) -> None:
    subject = Ref("relative", (await add_relative(db, means)).id)
    token, who = await opened(db, subject)
    async with means.bus.subscribe("session") as heard:
        with pytest.raises(RuntimeError):
            async with db.write() as session:
                await sessions.revoke(session, who.session_id, subject, bus=means.bus)
                raise RuntimeError
        assert heard._queue.empty()
    assert await resumed(db, token) is not None


async def test_listing_and_revoking_ones_own(db: Database, means: Means, clock: FakeClock) -> None:
    subject = Ref("relative", (await add_relative(db, means)).id)
    stranger = await add_staff(db)
    tokens = []
    for _ in range(3):
        clock.move(seconds=1)
        tokens.append(await opened(db, subject))
    async with db.write() as session:
        assert [one.id for one in await sessions.of(session, subject)] == [
            who.session_id for _, who in reversed(tokens)
        ]
        with pytest.raises(NotFound):
            await sessions.revoke_own(session, tokens[0][1].session_id, stranger, bus=means.bus)
        kept = tokens[1][1]
        assert await sessions.revoke_all(session, subject, subject, bus=means.bus, but=kept.session_id) == 2
    assert [await resumed(db, token) is not None for token, _ in tokens] == [False, True, False]


async def test_roles_are_read_anew_each_time(db: Database) -> None:
    who = await add_staff(db, roles=("monitor",))
    token, _ = await opened(db, who.subject)
    async with db.write() as session:
        await session.execute(update(StaffRow).values(roles="approver monitor"))
    now = await resumed(db, token)
    assert now is not None
    assert now.roles == {Role.APPROVER, Role.MONITOR}


async def test_a_shut_account_has_no_sessions(db: Database, means: Means) -> None:
    admin = await add_staff(db, "admin", "admin", None)
    who = await add_staff(db)
    token, _ = await opened(db, who.subject)
    async with db.write() as session:
        await service.set_active(session, means, admin, who.subject.id, active=False)
    assert await resumed(db, token) is None
    with pytest.raises(NotFound):
        await opened(db, who.subject)


async def test_a_minor_has_no_account(db: Database, means: Means) -> None:
    guardian = await identity(db, Ref("relative", (await add_relative(db, means)).id))
    form = service.MinorForm("小明", "2016-05-04", "passport", "E87654321", consent=True)
    async with db.write() as session:
        child = await service.add_minor(session, means, guardian, form)
    with pytest.raises(NotFound):
        await opened(db, Ref("relative", child.id))


async def test_a_terminal_has_one(db: Database) -> None:
    await add_inmate(db)
    async with db.write() as session:
        device = await service.register_device(session, SYSTEM, PRISON, "一号终端")
    token, who = await opened(db, Ref("terminal", device.id), strong=True)
    assert (who.prison_id, who.name, who.roles) == (PRISON, "一号终端", frozenset({Role.TERMINAL}))
    assert await resumed(db, token) == who
