"""Coming in: code, registration, password, staff's second factor, signing out; what is typed comes back."""

import re

import pyotp

from core import clock as core_clock
from core.db import Database
from core.ids import SYSTEM, Ref
from notices import outbox
from people import service as people
from people import sessions
from people.forms import StaffForm
from tests.conftest import FakeClock
from tests.web.conftest import Browser, SignIn
from tests.web.place import Place


async def code_sent(db: Database) -> str:
    async with db.read() as session:
        for notice in await outbox.latest(session):
            if notice.template == "code":
                return str(re.findall(r"\d{6}", notice.text)[0])
    raise AssertionError("no code was sent")


async def ask(browser: Browser, phone: str, next_path: str = "/") -> dict[str, str]:
    """Asks for a code; answers the hidden fields of the page that takes it."""
    answer = await browser.send_form("/signin", {"phone": phone, "next": next_path})
    assert answer.status_code == 303
    page = await browser.get(answer.headers["location"])
    assert 'autocomplete="one-time-code"' in page.text
    return dict(
        re.findall(r'name="(id|to|next)" value="([^"]*)"', page.text.split('action="/signin/code"')[1])
    )


async def test_a_relative_signs_in_by_code_and_lands_where_they_wanted(
    browser: Browser, db: Database, here: Place
) -> None:
    hidden = await ask(browser, "138 0000 0011", "/relationships")
    assert hidden["to"] == "138****0011"
    answer = await browser.send_form("/signin/code", {**hidden, "code": await code_sent(db)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/relationships")
    assert "陈志强" in (await browser.get("/relationships")).text
    assert (await browser.get("/")).headers["location"] == "/home"


async def test_a_wrong_code_is_told_at_its_field(browser: Browser, db: Database, here: Place) -> None:
    hidden = await ask(browser, "13800000011")
    wrong = f"{(int(await code_sent(db)) + 1) % 1_000_000:06d}"
    answer = await browser.send_form("/signin/code", {**hidden, "code": wrong})
    assert answer.status_code == 401
    assert 'id="code-error"' in answer.text
    assert 'role="alert"' in answer.text
    again = await browser.send_form("/signin/code", {**hidden, "code": await code_sent(db)})
    assert again.status_code == 303


async def test_a_code_is_no_use_in_another_browser(
    browser: Browser, another_browser: Browser, db: Database, here: Place
) -> None:
    hidden = await ask(browser, "13800000011")
    answer = await another_browser.send_form("/signin/code", {**hidden, "code": await code_sent(db)})
    assert answer.status_code == 401
    assert "kinbridge-session" not in another_browser.cookies


async def test_what_is_no_number_comes_back_with_the_reason(browser: Browser) -> None:
    answer = await browser.send_form("/signin", {"phone": "<b>12</b>"})
    assert answer.status_code == 422
    assert "&lt;b&gt;12&lt;/b&gt;" in answer.text
    assert 'id="phone-error"' in answer.text


async def test_the_way_in_leads_to_no_other_site(browser: Browser, db: Database, here: Place) -> None:
    hidden = await ask(browser, "13800000011", "//evil.example/")
    answer = await browser.send_form("/signin/code", {**hidden, "code": await code_sent(db)})
    assert answer.headers["location"] == "/"


REGISTRATION = {
    "name": "吴芳",
    "born": "1990-03-07",
    "document_kind": "passport",
    "document": "E12345678",
    "consent": "1",
}


async def test_a_new_number_leads_to_registration_in_the_language_of_the_page(
    browser: Browser, db: Database, here: Place
) -> None:
    await browser.send_form("/language", {"language": "en"})
    hidden = await ask(browser, "13900000099")
    answer = await browser.send_form("/signin/code", {**hidden, "code": await code_sent(db)})
    assert answer.headers["location"].startswith("/register?")
    page = await browser.get(answer.headers["location"])
    assert "Your number 139****0099 is confirmed." in page.text
    made = await browser.send_form("/register", REGISTRATION)
    assert (made.status_code, made.headers["location"]) == (303, "/")
    home = await browser.get("/home")
    assert "Hello, 吴芳" in home.text
    assert "kinbridge-register" not in browser.cookies


async def test_registration_gives_back_what_was_typed_and_every_reason(
    browser: Browser, db: Database, here: Place
) -> None:
    hidden = await ask(browser, "13900000099")
    await browser.send_form("/signin/code", {**hidden, "code": await code_sent(db)})
    answer = await browser.send_form(
        "/register", {**REGISTRATION, "document": "!", "born": "2020-01-01", "consent": "", "password": "x"}
    )
    assert answer.status_code == 422
    for field in ("born", "document", "consent", "password"):
        assert f'id="{field}-error"' in answer.text, field
        assert f'href="#{field}"' in answer.text, field
    assert 'value="吴芳"' in answer.text
    assert 'value="!"' in answer.text
    assert 'value="x"' not in answer.text  # a password is not sent back


async def test_registration_without_a_confirmed_number_begins_at_the_beginning(browser: Browser) -> None:
    assert (await browser.get("/register")).headers["location"] == "/signin"
    answer = await browser.send_form("/register", REGISTRATION)
    assert answer.status_code == 401
    assert "/signin" in answer.text


async def test_a_password_works_on_a_device_that_is_known_and_nowhere_else(
    browser: Browser, another_browser: Browser, db: Database, here: Place
) -> None:
    hidden = await ask(browser, "13800000011")
    await browser.send_form("/signin/code", {**hidden, "code": await code_sent(db)})
    saved = await browser.send_form("/account/password", {"password": "江边的桥很长"})
    assert saved.status_code == 422  # six signs are too few
    saved = await browser.send_form("/account/password", {"password": "江边的桥很长很长"})
    assert saved.headers["location"] == "/account?saved=1"
    await browser.send_form("/signout")
    form: dict[str, object] = {"phone": "13800000011", "password": "江边的桥很长很长"}
    elsewhere = await another_browser.send_form("/signin/password", form)
    assert elsewhere.status_code == 401
    assert "用验证码登录" in elsewhere.text
    wrong = await browser.send_form("/signin/password", {**form, "password": "wrong"})
    assert wrong.status_code == 401
    known = await browser.send_form("/signin/password", form)
    assert known.status_code == 303


async def test_signing_out_ends_the_session_on_the_server(
    browser: Browser, sign_in: SignIn, db: Database, here: Place
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    token = browser.cookies["kinbridge-session"]
    answer = await browser.send_form("/signout")
    assert answer.headers["clear-site-data"] == '"cache"'
    async with db.read() as session:
        assert await sessions.resume(session, token) is None


async def test_one_ends_a_session_elsewhere(
    browser: Browser, another_browser: Browser, sign_in: SignIn, here: Place
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    await sign_in(another_browser, Ref("relative", here.mei))
    page = await browser.get("/account")
    (other,) = re.findall(r"/account/sessions/(ses_\w+)/revoke", page.text)
    answer = await browser.send_form(f"/account/sessions/{other}/revoke")
    assert answer.status_code == 303
    assert (await another_browser.get("/home")).status_code == 303
    assert (await browser.get("/home")).status_code == 200


async def invited(db: Database, here: Place, username: str) -> str:
    async with db.write() as session:
        form = StaffForm(username, "吴警官", "officer", ("monitor",), here.prison)
        return (await people.create_staff(session, SYSTEM, form)).token


async def test_staff_accept_an_invitation_and_sign_in_with_two_factors(
    browser: Browser, db: Database, here: Place
) -> None:
    token = await invited(db, here, "wujing")
    page = await browser.get(f"/invitation/{token}")
    seed = re.search(r'class="secret">([A-Z2-7 ]+)<', page.text)
    assert seed is not None
    totp = pyotp.TOTP(seed.group(1).replace(" ", ""))
    weak = await browser.send_form(
        f"/invitation/{token}", {"password": "short", "code": totp.at(core_clock.now())}
    )
    assert weak.status_code == 422
    done = await browser.send_form(
        f"/invitation/{token}", {"password": "候见室的灯都亮着呢朋友们", "code": totp.at(core_clock.now())}
    )
    assert done.status_code == 200
    (recovery, *_) = re.findall(r"<code>([a-z0-9-]{14})</code>", done.text)

    first = await browser.send_form(
        "/signin/staff", {"username": "wujing", "password": "候见室的灯都亮着呢朋友们"}
    )
    assert first.status_code == 303
    hidden = re.findall(r"id=([^&]+)", first.headers["location"])[0]
    wrong = await browser.send_form("/signin/second", {"id": hidden, "code": "000000"})
    assert wrong.status_code == 401
    last = await browser.send_form(
        "/signin/second", {"id": hidden, "code": recovery, "recovery": "1", "next": "/staff"}
    )
    assert (last.status_code, last.headers["location"]) == (303, "/staff")
    me = (await browser.get("/api/v1/me")).json()
    assert (me["kind"], me["strong"]) == ("officer", True)


async def test_a_wrong_name_and_a_wrong_password_look_alike(browser: Browser, here: Place) -> None:
    texts = []
    for username in ("zheng", "nobody"):
        answer = await browser.send_form("/signin/staff", {"username": username, "password": "wrong"})
        assert answer.status_code == 401
        texts.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert texts[0] == texts[1]


async def test_a_passkey_challenge_names_no_account(browser: Browser) -> None:
    await browser.get("/signin/staff")
    token = {"x-csrf-token": browser.csrf}
    asked = (await browser.post("/api/v1/signin/passkey/options", json={}, headers=token)).json()
    assert asked["options"]["userVerification"] == "required"
    assert not asked["options"].get("allowCredentials")
    answer = await browser.post(
        "/api/v1/signin/passkey",
        json={"challenge_id": asked["challenge_id"], "credential": {"id": "none"}},
        headers=token,
    )
    assert answer.status_code == 401
    assert answer.json()["code"] == "sign-in-failed"


async def test_relatives_see_no_staff_pages_and_staff_no_family_pages(
    browser: Browser, sign_in: SignIn, here: Place
) -> None:
    await sign_in(browser, Ref("officer", here.approver), strong=True)
    assert (await browser.get("/home")).status_code == 403
    assert (await browser.get("/book")).status_code == 403


async def test_language_and_large_text_belong_to_the_account(
    browser: Browser, another_browser: Browser, sign_in: SignIn, here: Place
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    await browser.send_form("/language", {"language": "en", "next": "/home"})
    await browser.send_form("/elder", {"elder": "1", "next": "/home"})
    await sign_in(another_browser, Ref("relative", here.mei))
    page = await another_browser.get("/home")
    assert '<html lang="en"' in page.text
    assert "data-elder" in page.text


async def test_a_session_in_use_is_put_off_and_one_that_is_not_runs_out(
    clock: FakeClock, browser: Browser, sign_in: SignIn, db: Database, here: Place
) -> None:
    officer = Ref("officer", here.approver)
    await sign_in(browser, officer, strong=True)
    for _ in range(3):  # an officer's session may lie unused for an hour
        clock.move(minutes=50)
        assert (await browser.get("/api/v1/me")).status_code == 200
    async with db.read() as session:
        (mine,) = await sessions.of(session, officer)
    assert mine.seen_at == clock.now()
    clock.move(minutes=61)
    assert (await browser.get("/api/v1/me")).json()["code"] == "sign-in-needed"
