"""Inmate terminals: enrolled by a one-time code, known by a key, shut out at once."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from core.db import Database
from core.errors import Forbidden, NotFound, Refused, TooMany
from core.ids import SYSTEM
from people import repository, service, sessions
from people.errors import ChallengeWrong, DeviceRefused, EnrolmentWrong
from people.means import Caller, Means
from people.model import Device, DeviceState, Identity
from people.service import DeviceInvitation, SignedIn
from tests.conftest import FakeClock
from tests.people.conftest import PRISON, add_staff, caller, tags


def b64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32)).decode().rstrip("=")


class Browser:
    """A key pair as Web Cryptography makes it: public half as JWK or SPKI, raw signatures."""

    def __init__(self, curve: ec.EllipticCurve | None = None) -> None:
        self.key = ec.generate_private_key(curve or ec.SECP256R1())

    def jwk(self) -> dict[str, Any]:
        point = self.key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": b64url(point.x), "y": b64url(point.y), "ext": True}

    def spki(self) -> str:
        der = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(der).decode()

    def sign(self, message: str) -> str:
        r, s = decode_dss_signature(self.key.sign(message.encode(), ec.ECDSA(hashes.SHA256())))
        return base64.b64encode(r.to_bytes(32) + s.to_bytes(32)).decode()


@pytest.fixture
async def admin(db: Database) -> Identity:
    return await add_staff(db, "admin", "admin", PRISON)


async def invite(db: Database, admin: Identity, name: str = "一号终端") -> DeviceInvitation:
    async with db.write() as session:
        return await service.invite_device(session, admin, PRISON, name)


async def enrol(
    db: Database, means: Means, code: str, key: dict[str, Any] | str, at: Caller | None = None
) -> Device:
    async with db.write() as session:
        return await service.enrol_device(session, means, at or caller(), code, key)


async def sign_in(db: Database, means: Means, browser: Browser, device_id: str) -> SignedIn:
    at = caller()
    async with db.write() as session:
        asked = await service.device_challenge(session, means, at, device_id)
    async with db.write() as session:
        return await service.device_sign_in(session, means, at, asked.id, browser.sign(asked.message))


@pytest.mark.parametrize("form", ["jwk", "spki"])
async def test_enrolled_by_code_and_signed_in_by_key(
    db: Database, means: Means, admin: Identity, form: str
) -> None:
    browser = Browser()
    invited = await invite(db, admin)
    device = await enrol(db, means, invited.code.lower().replace("-", " "), getattr(browser, form)())
    assert (device.id, device.state, device.name) == (invited.device_id, DeviceState.ENROLLED, "一号终端")
    signed = await sign_in(db, means, browser, device.id)
    assert (signed.identity.subject.kind, signed.identity.prison_id) == ("terminal", PRISON)
    assert signed.identity.strong
    assert [one for one in await tags(db) if "terminal" in one] == [
        "admin:terminal:invited",
        "inmate:terminal:enrolled",
    ]
    assert (await tags(db))[-1] == "inmate:session:opened"


async def test_an_enrolment_code_works_once(db: Database, means: Means, admin: Identity) -> None:
    invited = await invite(db, admin)
    await enrol(db, means, invited.code, Browser().jwk())
    with pytest.raises(EnrolmentWrong):
        await enrol(db, means, invited.code, Browser().jwk())


async def test_an_enrolment_code_runs_out(
    db: Database, means: Means, admin: Identity, clock: FakeClock
) -> None:
    invited = await invite(db, admin)
    clock.move(minutes=30)
    with pytest.raises(EnrolmentWrong):
        await enrol(db, means, invited.code, Browser().jwk())


async def test_enrolment_codes_cannot_be_searched(db: Database, means: Means, admin: Identity) -> None:
    invited = await invite(db, admin)
    for _ in range(20):
        with pytest.raises(EnrolmentWrong):
            await enrol(db, means, "AAAA-AAAA-AA", Browser().jwk())
    with pytest.raises(TooMany):
        await enrol(db, means, invited.code, Browser().jwk())
    await enrol(db, means, invited.code, Browser().jwk(), caller("192.0.2.77"))


def rsa_key() -> str:
    key = rsa.generate_private_key(65537, 2048).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"kty": "EC", "crv": "P-256", "x": b64url(1), "y": b64url(1)},  # not on the curve
        {**Browser().jwk(), "d": b64url(5)},  # a private half has left its browser
        {**Browser().jwk(), "x": "!"},
        {**Browser().jwk(), "y": None},
        Browser(ec.SECP384R1()).spki(),
        rsa_key(),
        "bm90IGEga2V5",
        "not base64 at all",
        "",
    ],
)
async def test_other_keys_are_refused_and_spend_no_code(
    db: Database, means: Means, admin: Identity, key: dict[str, Any] | str
) -> None:
    invited = await invite(db, admin)
    with pytest.raises(EnrolmentWrong):
        await enrol(db, means, invited.code, key)
    await enrol(db, means, invited.code, Browser().jwk())


async def test_unknown_terminals_are_asked_like_known_ones(db: Database, means: Means) -> None:
    with pytest.raises(DeviceRefused):
        await sign_in(db, means, Browser(), "trm_nobody")


async def test_the_answer_is_the_right_keys_once_and_of_this_browser(
    db: Database, means: Means, admin: Identity
) -> None:
    browser = Browser()
    device = await enrol(db, means, (await invite(db, admin)).code, browser.jwk())
    with pytest.raises(DeviceRefused):
        await sign_in(db, means, Browser(), device.id)
    at = caller(binding="mine")
    async with db.write() as session:
        asked = await service.device_challenge(session, means, at, device.id)
    signature = browser.sign(asked.message)
    with pytest.raises(ChallengeWrong):
        async with db.write() as session:
            await service.device_sign_in(session, means, replace(at, binding="x"), asked.id, signature)
    async with db.write() as session:
        await service.device_sign_in(session, means, at, asked.id, signature)
    with pytest.raises(ChallengeWrong):
        async with db.write() as session:
            await service.device_sign_in(session, means, at, asked.id, signature)


@pytest.mark.parametrize("signature", ["", "AAAA", "é", "A" * 86, "!" * 88])
async def test_broken_signatures(db: Database, means: Means, admin: Identity, signature: str) -> None:
    device = await enrol(db, means, (await invite(db, admin)).code, Browser().jwk())
    async with db.write() as session:
        asked = await service.device_challenge(session, means, caller(), device.id)
    with pytest.raises(DeviceRefused):
        async with db.write() as session:
            await service.device_sign_in(session, means, caller(), asked.id, signature)


async def test_a_revoked_terminal_is_out_at_once(db: Database, means: Means, admin: Identity) -> None:
    browser = Browser()
    device = await enrol(db, means, (await invite(db, admin)).code, browser.jwk())
    signed = await sign_in(db, means, browser, device.id)
    async with db.write() as session:
        await service.revoke_device(session, means, admin, device.id)
    async with db.read() as session:
        assert await sessions.resume(session, signed.token) is None
        assert [one.state for one in await repository.devices_of(session, PRISON)] == [DeviceState.REVOKED]
    with pytest.raises(DeviceRefused):
        await sign_in(db, means, browser, device.id)


async def test_only_the_prisons_administrator_enrols(db: Database, means: Means) -> None:
    far, officer = await add_staff(db, "far", "admin", "prs_two"), await add_staff(db)
    of_all = await add_staff(db, "all", "admin", None)
    for actor in (far, officer, replace(of_all, strong=False)):
        with pytest.raises(Forbidden):
            async with db.write() as session:
                await service.invite_device(session, actor, PRISON, "终端")
    async with db.write() as session:
        invited = await service.invite_device(session, of_all, PRISON, "终端")
        with pytest.raises(Refused):
            await service.invite_device(session, of_all, PRISON, " ")
    async with db.write() as session:
        with pytest.raises(Forbidden):
            await service.revoke_device(session, means, far, invited.device_id)
        with pytest.raises(NotFound):
            await service.revoke_device(session, means, of_all, "trm_nobody")


async def test_a_demonstrations_terminal_has_no_key_to_sign_in_with(db: Database, means: Means) -> None:
    async with db.write() as session:
        device = await service.register_device(session, SYSTEM, PRISON, "演示终端")
    with pytest.raises(DeviceRefused):
        await sign_in(db, means, Browser(), device.id)
