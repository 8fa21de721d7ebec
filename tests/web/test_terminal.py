"""A terminal's life: enrolled with a code, signed in by its key, showing what comes next, shut out."""

import base64

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from core.db import Database
from core.ids import Ref
from scheduler import service as schedule
from tests.web import place, staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.services import Services

JSON = {"accept": "application/json"}


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


class Key:
    """What the browser's WebCrypto does, in Python."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())

    @property
    def public(self) -> str:
        der = self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(der).decode()

    def sign(self, message: str) -> str:
        r, s = decode_dss_signature(self.private.sign(message.encode(), ec.ECDSA(hashes.SHA256())))
        return base64.b64encode(r.to_bytes(32) + s.to_bytes(32)).decode()


async def terminal_id(db: Database, house: Staffed) -> str:
    async with db.read() as session:
        (terminal,) = await schedule.terminals(session, house.place.prison)
    return terminal.id


async def code_for(admin: Browser, db: Database, house: Staffed) -> str:
    page = await admin.send_form(f"/admin/terminals/{await terminal_id(db, house)}/code")
    assert page.status_code == 200
    return page.text.partition('class="code-once">')[2].partition("<")[0]


async def post(client: Browser, path: str, body: dict[str, str]) -> tuple[int, dict[str, str]]:
    answer = await client.post(path, json=body, headers={**JSON, "x-csrf-token": client.csrf})
    return answer.status_code, answer.json()


async def signed_in(client: Browser, device: str, key: Key) -> tuple[int, dict[str, str]]:
    status, asked = await post(client, "/terminal/challenge", {"device": device})
    assert status == 201
    signature = key.sign(asked["message"])
    return await post(client, "/terminal/sign-in", {"id": asked["id"], "signature": signature})


async def test_from_code_to_next_visit_to_shut_out(
    browser: Browser, another_browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    admin, screen, key = browser, another_browser, Key()
    await sign_in(admin, house.admin, strong=True)
    code = await code_for(admin, db, house)
    assert "data-terminal-start" in (await screen.get("/terminal")).text
    assert "data-enrol" in (await screen.get("/terminal/enrol")).text
    status, device = await post(screen, "/terminal/enrol", {"code": code, "public_key": key.public})
    assert status == 201
    assert (await post(screen, "/terminal/enrol", {"code": code, "public_key": key.public}))[0] == 401

    assert (await signed_in(screen, device["device"], key))[0] == 201
    assert "这里没有安排会见" in (await screen.get("/terminal")).text
    visit = await staffed.due_visit(db, house)
    fragment = (await screen.get("/terminal/next")).text
    assert f'data-enter="/visits/{visit.id}"' in fragment
    assert "林梅" in fragment
    assert "<html" not in fragment

    terminal = await terminal_id(db, house)
    assert (await admin.send_form(f"/admin/terminals/{terminal}/revoke")).status_code == 303
    assert (await screen.get("/terminal/next")).status_code == 303  # its session is gone
    assert "data-terminal-start" in (await screen.get("/terminal")).text
    refused = await signed_in(screen, device["device"], key)
    assert refused == (401, {"code": "device-refused", "text": refused[1]["text"]})


async def test_visit_is_announced_before_it_can_be_entered(
    browser: Browser, another_browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(browser, house.admin, strong=True)
    key = Key()
    await another_browser.get("/terminal")
    code = await code_for(browser, db, house)
    _, device = await post(another_browser, "/terminal/enrol", {"code": code, "public_key": key.public})
    await signed_in(another_browser, device["device"], key)
    await place.confirmed(db, house.place, await place.slot_at(db, house.place, place.soon(55)))
    fragment = (await another_browser.get("/terminal/next")).text
    assert "分钟后" in fragment
    assert "data-enter" not in fragment


async def test_another_key_or_a_second_answer_is_refused(
    browser: Browser, another_browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(browser, house.admin, strong=True)
    key, screen = Key(), another_browser
    await screen.get("/terminal")
    code = await code_for(browser, db, house)
    _, device = await post(screen, "/terminal/enrol", {"code": code, "public_key": key.public})
    assert (await signed_in(screen, device["device"], Key()))[1]["code"] == "device-refused"
    _, asked = await post(screen, "/terminal/challenge", {"device": device["device"]})
    answer = {"id": asked["id"], "signature": key.sign(asked["message"])}
    assert (await post(screen, "/terminal/sign-in", answer))[0] == 201
    assert (await post(screen, "/terminal/sign-in", answer))[1]["code"] == "challenge-wrong"


async def test_a_terminal_whose_session_ran_out_can_sign_in_again(
    browser: Browser, another_browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    await sign_in(browser, house.admin, strong=True)
    key, screen = Key(), another_browser
    await screen.get("/terminal")
    code = await code_for(browser, db, house)
    _, device = await post(screen, "/terminal/enrol", {"code": code, "public_key": key.public})
    screen.cookies.clear()
    screen.cookies.set("kinbridge-session", "long-gone", domain="127.0.0.1", path="/")
    assert "data-terminal-start" in (await screen.get("/terminal")).text
    assert (await signed_in(screen, device["device"], key))[0] == 201
    assert "kiosk-time" in (await screen.get("/terminal")).text


async def test_the_page_is_for_terminals_only(browser: Browser, house: Staffed, sign_in: SignIn) -> None:
    await sign_in(browser, Ref("relative", house.place.mei))
    assert (await browser.get("/terminal")).status_code == 403
    assert (await browser.get("/terminal/next")).status_code == 403
