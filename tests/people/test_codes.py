"""Relatives sign in: nothing is told about who has an account, and no stranger can shut anybody out."""

import asyncio
from dataclasses import replace

import pytest

from core.db import Database
from core.errors import Refused, TooMany
from notices import outbox
from people import service
from people.errors import CodeWrong, SignInFailed, UseCode
from people.means import Caller, Means
from people.service import CodeAsked, RegisterTicket, SignedIn
from tests.conftest import FakeClock
from tests.people.conftest import PHONE, add_relative, caller, last_code, sign_in_by_code, tags

OTHER_PHONE = "13900139000"


async def ask(db: Database, means: Means, who: Caller, phone: str = PHONE) -> CodeAsked:
    async with db.write() as session:
        return await service.ask_code(session, means, who, phone)


async def redeem(
    db: Database, means: Means, who: Caller, asked: CodeAsked, code: str
) -> SignedIn | RegisterTicket:
    async with db.write() as session:
        return await service.redeem_code(session, means, who, asked.id, code)


async def test_a_code_signs_in(db: Database, means: Means) -> None:
    relative = await add_relative(db, means)
    signed = await sign_in_by_code(db, means, caller())
    assert signed.identity.subject.id == relative.id
    assert not signed.identity.strong
    assert (await tags(db))[-1] == "family:session:opened"


async def test_known_and_unknown_phones_get_the_same_answer(db: Database, means: Means) -> None:
    await add_relative(db, means)
    known = await ask(db, means, caller("192.0.2.1"), PHONE)
    unknown = await ask(db, means, caller("192.0.2.2"), OTHER_PHONE)
    assert (known.seconds, len(known.id)) == (unknown.seconds, len(unknown.id))
    async with db.read() as session:
        first, second = await outbox.latest(session)
    assert first.template == second.template == "code"
    assert (first.to.kind, second.to.kind) == ("phone", "phone")
    answers = []
    for asked in (known, unknown):
        with pytest.raises(CodeWrong) as wrong:
            await redeem(db, means, caller(), asked, "nonsense")
        answers.append((str(wrong.value), wrong.value.params))
    assert answers[0] == answers[1]


async def test_an_unknown_phone_may_register(db: Database, means: Means) -> None:
    who = caller()
    asked = await ask(db, means, who)
    ticket = await redeem(db, means, who, asked, await last_code(db))
    assert isinstance(ticket, RegisterTicket)
    assert ticket.phone == "138****8000"


@pytest.mark.parametrize("style", [" {0}{1} ", "{0} {1}", "{0}-{1}"])
async def test_a_code_is_taken_as_people_type_it(db: Database, means: Means, style: str) -> None:
    await add_relative(db, means)
    who = caller()
    asked = await ask(db, means, who)
    code = await last_code(db)
    assert isinstance(await redeem(db, means, who, asked, style.format(code[:3], code[3:])), SignedIn)


async def test_a_code_works_once(db: Database, means: Means) -> None:
    await add_relative(db, means)
    who = caller()
    asked = await ask(db, means, who)
    code = await last_code(db)
    await redeem(db, means, who, asked, code)
    with pytest.raises(CodeWrong):
        await redeem(db, means, who, asked, code)


async def test_a_code_used_twice_at_once_signs_in_once(db: Database, means: Means) -> None:
    await add_relative(db, means)
    who = caller()
    asked = await ask(db, means, who)
    code = await last_code(db)
    results = await asyncio.gather(
        *(redeem(db, means, who, asked, code) for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in results) == ["CodeWrong"] * 3 + ["SignedIn"]


async def test_a_code_dies_after_five_minutes(db: Database, means: Means, clock: FakeClock) -> None:
    await add_relative(db, means)
    who = caller()
    asked = await ask(db, means, who)
    code = await last_code(db)
    clock.move(seconds=300)
    with pytest.raises(CodeWrong):
        await redeem(db, means, who, asked, code)


async def test_a_code_dies_after_five_tries(db: Database, means: Means) -> None:
    await add_relative(db, means)
    who = caller()
    asked = await ask(db, means, who)
    code = await last_code(db)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(5):
        with pytest.raises(CodeWrong):
            await redeem(db, means, who, asked, wrong)
    with pytest.raises(TooMany):
        await redeem(db, means, who, asked, code)


async def test_a_code_belongs_to_the_browser_that_asked(db: Database, means: Means) -> None:
    await add_relative(db, means)
    who = caller(binding="mine")
    asked = await ask(db, means, who)
    code = await last_code(db)
    with pytest.raises(CodeWrong):
        await redeem(db, means, replace(who, binding="another"), asked, code)
    assert isinstance(await redeem(db, means, who, asked, code), SignedIn)


async def test_the_code_is_nowhere_kept_but_in_the_message(db: Database, means: Means) -> None:
    from sqlalchemy import select

    from people.tables import OneTimeCodeRow

    await ask(db, means, caller())
    code = await last_code(db)
    async with db.read() as session:
        row = await session.scalar(select(OneTimeCodeRow))
    assert row is not None
    assert code not in row.digest + row.id


async def test_a_number_that_is_none(db: Database, means: Means) -> None:
    with pytest.raises(Refused) as refused:
        await ask(db, means, caller(), "12345")
    assert [reason.code for reason in refused.value.reasons] == ["phone-invalid"]


async def test_messages_to_one_phone_are_limited(db: Database, means: Means) -> None:
    """From one network by the network, from many by the phone: its owner is not flooded."""
    for _ in range(4):
        await ask(db, means, caller("192.0.2.1"))
    with pytest.raises(TooMany):
        await ask(db, means, caller("192.0.2.1"))
    for host in range(2, 10):
        await ask(db, means, caller(f"192.0.2.{host}"))
    with pytest.raises(TooMany):
        await ask(db, means, caller("192.0.2.200"))


async def test_a_strangers_messages_do_not_shut_out_who_is_known(db: Database, means: Means) -> None:
    await add_relative(db, means)
    mine = caller("203.0.113.7")
    await sign_in_by_code(db, means, mine)
    for host in range(40):
        try:
            await ask(db, means, caller(f"192.0.2.{host}"))
        except TooMany:
            continue
    with pytest.raises(TooMany):
        await ask(db, means, caller("192.0.2.99"))
    assert (await sign_in_by_code(db, means, mine)).identity.name == "王秀英"


async def test_ipv6_neighbours_count_as_one(db: Database, means: Means) -> None:
    for host in range(4):
        await ask(db, means, caller(f"2001:db8:1:2::{host:x}"))
    with pytest.raises(TooMany):
        await ask(db, means, caller("2001:db8:1:2:ffff::1"))
    await ask(db, means, caller("2001:db8:1:3::1"))


async def with_password(db: Database, means: Means, who: Caller, phone: str, password: str) -> SignedIn:
    async with db.write() as session:
        return await service.sign_in_password(session, means, who, phone, password)


async def test_a_password_works_where_the_account_was_used_before(db: Database, means: Means) -> None:
    await add_relative(db, means, password="鲜花开满山坡 1987")
    mine = caller()
    await sign_in_by_code(db, means, mine)
    signed = await with_password(db, means, mine, PHONE, "鲜花开满山坡 1987")
    assert not signed.identity.strong
    assert "family:account:signed-in" in await tags(db)
    with pytest.raises(SignInFailed):
        await with_password(db, means, mine, PHONE, "鲜花开满山坡 1988")


async def test_elsewhere_every_password_has_the_same_answer(db: Database, means: Means) -> None:
    await add_relative(db, means, password="right and proper 8")
    answers = set()
    for phone, password in ((PHONE, "right and proper 8"), (PHONE, "wrong"), (OTHER_PHONE, "wrong")):
        with pytest.raises(UseCode) as refused:
            await with_password(db, means, caller(), phone, password)
        answers.add(str(refused.value))
    assert len(answers) == 1


async def test_a_device_known_to_one_account_is_not_known_to_another(db: Database, means: Means) -> None:
    await add_relative(db, means, password="right and proper 8")
    await add_relative(
        db, means, OTHER_PHONE, document_kind="passport", document="E12345678", password="quite another 9"
    )
    mine = caller()
    await sign_in_by_code(db, means, mine)
    with pytest.raises(UseCode):
        await with_password(db, means, mine, OTHER_PHONE, "quite another 9")


async def test_guessing_elsewhere_never_shuts_out_the_owner(db: Database, means: Means) -> None:
    await add_relative(db, means, password="right and proper 8")
    mine = caller("203.0.113.7")
    await sign_in_by_code(db, means, mine)
    for network in ("192.0.2.1", "203.0.113.7"):  # even from the owner's own network
        for _ in range(30):
            with pytest.raises((UseCode, TooMany)):
                await with_password(db, means, caller(network), PHONE, "guess")
    assert (await with_password(db, means, mine, PHONE, "right and proper 8")).identity.name == "王秀英"


async def test_guessing_on_a_known_device_ends(db: Database, means: Means, clock: FakeClock) -> None:
    await add_relative(db, means, password="right and proper 8")
    mine = caller()
    await sign_in_by_code(db, means, mine)
    for _ in range(10):
        with pytest.raises(SignInFailed):
            await with_password(db, means, mine, PHONE, "guess")
    with pytest.raises(TooMany):
        await with_password(db, means, mine, PHONE, "right and proper 8")
    clock.move(minutes=15)
    await with_password(db, means, mine, PHONE, "right and proper 8")
