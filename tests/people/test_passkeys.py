"""Passkeys, made and shown by an authenticator in software."""

import copy
from dataclasses import replace
from typing import Any

import pytest

from core.bus import MemoryBus
from core.db import Database
from core.errors import Forbidden, NotFound
from core.settings import Settings, from_environment
from people import service
from people.errors import AlreadyRegistered, ChallengeWrong, LastKey, SignInFailed
from people.means import Caller, Means
from people.model import Identity
from people.service import SignedIn
from tests.conftest import FakeClock
from tests.people.authenticator import UP, Authenticator
from tests.people.conftest import add_staff, caller, tags

ORIGIN, RP_ID = "https://kin.example", "kin.example"


@pytest.fixture
def means(settings: Settings, clock: FakeClock) -> Means:
    del clock
    public = from_environment({}, mode="test", data_dir=settings.data_dir, base_url=ORIGIN)
    return Means.of(public, MemoryBus())


async def add(db: Database, means: Means, who: Identity, key: Authenticator, at: Caller) -> str:
    async with db.write() as session:
        asked = await service.passkey_add_options(session, means, who, at)
    async with db.write() as session:
        made = await service.passkey_add(
            session, means, who, at, asked.challenge_id, key.create(asked.options), " 我的钥匙 "
        )
    return made.id


async def sign_in(db: Database, means: Means, key: Authenticator, at: Caller, change: Any = None) -> SignedIn:
    async with db.write() as session:
        asked = await service.passkey_sign_in_options(session, means, at)
    answer = key.get(asked.options)
    if change is not None:
        change(answer)
    async with db.write() as session:
        return await service.passkey_sign_in(session, means, at, asked.challenge_id, answer)


async def test_a_passkey_signs_in_without_a_name(db: Database, means: Means) -> None:
    who, key, at = await add_staff(db), Authenticator(ORIGIN, RP_ID), caller()
    passkey_id = await add(db, means, who, key, at)
    signed = await sign_in(db, means, key, at)
    assert signed.identity.subject == who.subject
    assert signed.identity.strong
    async with db.read() as session:
        listed = await service.passkeys_of(session, who)
    assert [(one.id, one.name, one.used_at is not None) for one in listed] == [(passkey_id, "我的钥匙", True)]
    assert "officer:passkey:added" in await tags(db)


async def test_the_options_ask_for_a_verified_user_and_no_known_key(db: Database, means: Means) -> None:
    who, key, at = await add_staff(db), Authenticator(ORIGIN, RP_ID), caller()
    await add(db, means, who, key, at)
    async with db.write() as session:
        again = await service.passkey_add_options(session, means, who, at)
        anybody = await service.passkey_sign_in_options(session, means, at)
    assert len(again.options["excludeCredentials"]) == 1
    assert again.options["authenticatorSelection"]["userVerification"] == "required"
    assert anybody.options["userVerification"] == "required"
    assert anybody.options.get("allowCredentials", []) == []  # names nobody


async def test_an_answer_works_once(db: Database, means: Means) -> None:
    who, key, at = await add_staff(db), Authenticator(ORIGIN, RP_ID), caller()
    await add(db, means, who, key, at)
    async with db.write() as session:
        asked = await service.passkey_sign_in_options(session, means, at)
    answer = key.get(asked.options)
    async with db.write() as session:
        await service.passkey_sign_in(session, means, at, asked.challenge_id, answer)
    with pytest.raises(ChallengeWrong):
        async with db.write() as session:
            await service.passkey_sign_in(session, means, at, asked.challenge_id, answer)


async def test_an_answer_belongs_to_the_browser_that_asked(db: Database, means: Means) -> None:
    who, key, at = await add_staff(db), Authenticator(ORIGIN, RP_ID), caller(binding="mine")
    await add(db, means, who, key, at)
    async with db.write() as session:
        asked = await service.passkey_sign_in_options(session, means, at)
    with pytest.raises(ChallengeWrong):
        async with db.write() as session:
            await service.passkey_sign_in(
                session, means, replace(at, binding="another"), asked.challenge_id, key.get(asked.options)
            )


async def test_another_challenge_origin_user_or_copy_is_refused(db: Database, means: Means) -> None:
    who, at = await add_staff(db), caller()
    key = Authenticator(ORIGIN, RP_ID)
    await add(db, means, who, key, at)
    elsewhere = copy.copy(key)
    elsewhere.origin = "https://kin.example.evil"
    other_site = copy.copy(key)
    other_site.rp_id = "evil"
    unverified = copy.copy(key)
    unverified.flags = UP
    stranger = Authenticator(ORIGIN, RP_ID)
    forged = copy.copy(key)
    forged.key = stranger.key
    for wrong in (elsewhere, other_site, unverified, stranger, forged):
        wrong.count = 100
        with pytest.raises(SignInFailed):
            await sign_in(db, means, wrong, at)
    key.count = 50
    await sign_in(db, means, key, at)
    clone = copy.copy(key)
    clone.count = 10  # a copy's counter lags behind
    with pytest.raises(SignInFailed):
        await sign_in(db, means, clone, at)


@pytest.mark.parametrize(
    "broken",
    [
        lambda answer: answer.clear(),
        lambda answer: answer.pop("response"),
        lambda answer: answer.update(id=5),
        lambda answer: answer.update(rawId="!!!"),
        lambda answer: answer.update(type="password"),
        lambda answer: answer["response"].update(signature="AAAA"),
        lambda answer: answer["response"].update(signature="é"),
        lambda answer: answer["response"].update(authenticatorData="AA"),
        lambda answer: answer["response"].update(clientDataJSON="bm90IGpzb24"),
        lambda answer: answer["response"].update(clientDataJSON=None),
        lambda answer: answer.update(response=[]),
    ],
)
async def test_broken_answers_are_refused_like_wrong_ones(db: Database, means: Means, broken: Any) -> None:
    who, key, at = await add_staff(db), Authenticator(ORIGIN, RP_ID), caller()
    await add(db, means, who, key, at)
    with pytest.raises(SignInFailed):
        await sign_in(db, means, key, at, broken)


async def test_keys_are_added_in_a_strong_session_of_the_same_browser(db: Database, means: Means) -> None:
    who, key, at = await add_staff(db), Authenticator(ORIGIN, RP_ID), caller(binding="mine")
    async with db.write() as session:
        with pytest.raises(Forbidden):
            await service.passkey_add_options(session, means, replace(who, strong=False), at)
        asked = await service.passkey_add_options(session, means, who, at)
    for actor, browser in ((who, replace(at, binding="another")), (replace(who, session_id="ses_x"), at)):
        with pytest.raises(ChallengeWrong):
            async with db.write() as session:
                await service.passkey_add(
                    session, means, actor, browser, asked.challenge_id, key.create(asked.options), ""
                )
    foreign = Authenticator("https://evil.example", RP_ID)
    with pytest.raises(ChallengeWrong):
        async with db.write() as session:
            await service.passkey_add(
                session, means, who, at, asked.challenge_id, foreign.create(asked.options), ""
            )


async def test_one_key_one_account(db: Database, means: Means) -> None:
    first, second = await add_staff(db), await add_staff(db, "sun")
    key, at = Authenticator(ORIGIN, RP_ID), caller()
    await add(db, means, first, key, at)
    with pytest.raises(AlreadyRegistered):
        await add(db, means, second, key, at)


async def test_removed_keys_are_dead(db: Database, means: Means) -> None:
    who, other = await add_staff(db), await add_staff(db, "sun")
    key, spare, at = Authenticator(ORIGIN, RP_ID), Authenticator(ORIGIN, RP_ID), caller()
    first = await add(db, means, who, key, at)
    async with db.write() as session:
        with pytest.raises(LastKey):
            await service.passkey_remove(session, who, first)
    await add(db, means, who, spare, at)
    async with db.write() as session:
        with pytest.raises(NotFound):
            await service.passkey_remove(session, other, first)
        await service.passkey_remove(session, who, first)
    with pytest.raises(SignInFailed):
        await sign_in(db, means, key, at)
    await sign_in(db, means, spare, at)
