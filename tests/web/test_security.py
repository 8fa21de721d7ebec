"""Forged requests, headers, cookies, and where a page may lead."""

import pytest
from starlette.responses import Response

from core import settings as core_settings
from core.db import Database
from core.ids import Ref
from tests.web import place
from tests.web.conftest import Browser, SignIn
from web.security import Cookies, csrf_token, safe_path
from web.services import Services


async def test_every_answer_carries_the_headers(browser: Browser) -> None:
    for path in ("/", "/nothing", "/api/v1/me", "/static/css/base.css", "/healthz"):
        headers = (await browser.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "camera=(self)" in headers["permissions-policy"]
        assert headers["x-request-id"].startswith("req_")
    assert (await browser.get("/")).headers["cache-control"] == "private, no-store"


async def test_a_form_without_its_token_is_refused(browser: Browser) -> None:
    await browser.get("/")
    answer = await browser.post("/language", data={"language": "en"}, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf-failed")
    page = await browser.post("/language", data={"language": "en", "csrf": "wrong"})
    assert page.status_code == 403
    assert "kinbridge-language" not in browser.cookies


async def test_a_form_with_its_token_is_taken(browser: Browser) -> None:
    answer = await browser.send_form("/language", {"language": "en", "next": "/signin"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin")
    assert "Sign in with your telephone" in (await browser.get("/signin")).text


async def test_the_header_serves_scripts(browser: Browser) -> None:
    await browser.get("/")
    answer = await browser.post("/elder", data={"elder": "1"}, headers={"x-csrf-token": browser.csrf})
    assert answer.status_code == 303
    assert "data-elder" in (await browser.get("/")).text


async def test_another_browsers_token_is_no_use(browser: Browser, another_browser: Browser) -> None:
    await browser.get("/")
    await another_browser.get("/")
    answer = await browser.post("/elder", data={"elder": "1", "csrf": another_browser.csrf})
    assert answer.status_code == 403


async def test_a_token_from_before_the_sign_in_is_no_use_after_it(
    browser: Browser, sign_in: SignIn, db: Database, services: Services
) -> None:
    here = await place.build(db, services.means)
    await browser.get("/")
    before = browser.csrf
    await sign_in(browser, Ref("relative", here.mei))
    assert (await browser.post("/signout", data={"csrf": before})).status_code == 403
    assert (await browser.send_form("/signout")).status_code == 303


async def test_what_another_site_sends_is_refused_whatever_it_carries(browser: Browser) -> None:
    await browser.get("/")
    for site in ("cross-site", "same-site"):
        answer = await browser.send_form("/elder", {"elder": "1"}, headers={"sec-fetch-site": site})
        assert answer.status_code == 403
    for site in ("same-origin", "none"):
        answer = await browser.send_form("/elder", {"elder": "1"}, headers={"sec-fetch-site": site})
        assert answer.status_code == 303


async def test_without_cookies_there_is_no_token_that_fits(browser: Browser, services: Services) -> None:
    token = csrf_token(services.settings, "")
    assert (await browser.post("/elder", data={"elder": "1", "csrf": token})).status_code == 403


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", "/a\nb"]
)
def test_no_form_leads_to_another_site(path: str) -> None:
    assert safe_path(path) == "/"


def test_own_paths_are_kept() -> None:
    assert safe_path("/book/inm_1?month=2026-12#month") == "/book/inm_1?month=2026-12#month"


async def test_cookies_are_out_of_reach_for_scripts(browser: Browser) -> None:
    answer = await browser.get("/")
    planted = answer.headers["set-cookie"]
    assert "HttpOnly" in planted
    assert "SameSite=lax" in planted
    assert "Path=/" in planted
    assert "Domain" not in planted


def test_with_https_the_cookies_are_bound_to_the_host(tmp_path: object) -> None:
    settings = core_settings.from_environment(
        {}, mode="test", data_dir=tmp_path, base_url="https://visits.example"
    )
    response = Response()
    Cookies(settings).write(response, "session", "value", 60)
    planted = response.headers["set-cookie"]
    assert planted.startswith("__Host-kinbridge-session=value")
    assert "Secure" in planted


async def test_strict_transport_is_demanded_with_https_only(browser: Browser, services: Services) -> None:
    assert "strict-transport-security" not in (await browser.get("/")).headers
    assert services.settings.secure is False
