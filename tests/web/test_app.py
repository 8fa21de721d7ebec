"""The shell: pages and errors in both forms, limits, static files, what machines ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.web.conftest import Browser
from web import edge
from web.media import MediaNode
from web.services import Services
from web.static_files import ROOT, HashedFiles, digest_of


async def test_a_stranger_gets_the_landing_page_in_chinese(browser: Browser) -> None:
    answer = await browser.get("/")
    assert answer.status_code == 200
    assert '<html lang="zh-CN"' in answer.text
    assert "我是家属" in answer.text
    assert "020 1234 5678" in answer.text


async def test_an_unknown_page_is_told_of_in_html_and_in_json(browser: Browser) -> None:
    page = await browser.get("/nothing-here")
    assert page.status_code == 404
    assert "没有找到" in page.text
    answer = await browser.get("/api/v1/nothing-here")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not-found"
    program = await browser.get("/nothing-here", headers={"accept": "*/*"})
    assert program.json()["code"] == "not-found"


async def test_the_wrong_method_is_no_secret_of_a_framework(browser: Browser) -> None:
    answer = await browser.get("/signout", headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")


async def test_a_page_for_the_signed_in_leads_to_the_sign_in_page_and_back(browser: Browser) -> None:
    answer = await browser.get("/bookings/bkg_1")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/signin?next=/bookings/bkg_1"
    api = await browser.get("/api/v1/me")
    assert (api.status_code, api.json()["code"]) == (401, "sign-in-needed")


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        ("application/json", edge.PLAIN_LIMIT),
        ("multipart/form-data; boundary=x", edge.MULTIPART_LIMIT),
    ],
)
async def test_a_body_that_says_it_is_too_large_is_refused_unread(
    browser: Browser, kind: str, limit: int
) -> None:
    read: list[int] = []

    async def untouched() -> AsyncIterator[bytes]:
        read.append(1)
        yield b""

    headers = {"content-type": kind, "content-length": str(limit + 1)}
    answer = await browser.post("/relationships", content=untouched(), headers=headers)
    assert answer.status_code == 413
    assert "太大" in answer.text
    assert not read


async def test_a_body_that_turns_out_too_large_is_refused(browser: Browser) -> None:
    await browser.get("/")

    async def chunks() -> AsyncIterator[bytes]:
        yield b"csrf=" + browser.csrf.encode() + b"&phone="
        for _ in range(20):
            yield b"1" * (edge.PLAIN_LIMIT // 16)

    answer = await browser.post(
        "/signin",
        content=chunks(),
        headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


async def test_what_is_not_caught_is_told_without_saying_what_it_was(
    app: FastAPI, browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_args: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("web.visitor.arrive", broken)
    answer = await browser.get("/signin")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"][-8:] in answer.text
    assert "a secret of the inside" in caplog.text
    assert answer.headers["content-security-policy"]


async def test_a_lost_database_is_said_to_be_out_of_reach(app: FastAPI, browser: Browser) -> None:
    services: Services = app.state.services
    await services.db.close()
    browser.cookies.set("kinbridge-session", "whatever")
    url = services.db.engine.url.set(
        database="/nowhere/at/all" if services.db.is_sqlite else "no_such_database"
    )
    broken = type(services.db).connect(url.render_as_string(hide_password=False))
    app.state.services = Services(services.settings, broken, services.bus, services.means, services.metrics)
    answer = await browser.get("/home", headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    ready = await browser.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["parts"] == {"database": False, "bus": True, "media": False, "closed-rooms": False}
    assert (await browser.get("/healthz")).text == "ok"
    await broken.close()
    app.state.services = services


async def test_without_a_media_node_it_is_not_ready(app: FastAPI, browser: Browser) -> None:
    services: Services = app.state.services
    ready = await browser.get("/readyz")
    assert (ready.status_code, ready.json()["parts"]["media"]) == (503, False)
    node = MediaNode(services.settings, services.db, services.bus)
    await node.start()
    services.metrics.watch(node)
    assert (await browser.get("/readyz")).json() == {
        "ready": True,
        "parts": {"database": True, "bus": True, "media": True, "closed-rooms": True},
    }
    assert "kinbridge_rooms 0.0" in (await browser.get("/metrics")).text
    await node.stop()


async def test_machines_are_told(browser: Browser) -> None:
    await browser.get("/")
    metrics = await browser.get("/metrics")
    assert 'kinbridge_http_requests_total{method="GET",status="2xx"}' in metrics.text
    paths = (await browser.get("/openapi.json")).json()["paths"]
    assert "/api/v1/bookings/{booking_id}/request" in paths
    assert all(path.startswith("/api/") for path in paths)


async def test_metrics_do_not_exist_for_the_world(app: FastAPI) -> None:
    transport = httpx.ASGITransport(app, client=("8.8.8.8", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as world:
        answer = await world.get("/metrics")
    assert answer.json()["code"] == "not-found"


async def test_static_files_are_kept_for_a_year_under_their_digest_only(
    app: FastAPI, browser: Browser
) -> None:
    files: HashedFiles = app.state.static
    address = files.url("css/base.css")
    assert address == f"/static/{files.digest}/css/base.css"
    answer = await browser.get(address)
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    old = await browser.get("/static/0123456789ab/js/enhance.js")
    assert old.headers["cache-control"] == "no-cache"
    assert old.headers["content-type"] == "text/javascript; charset=utf-8"
    assert (await browser.get("/static/js/enhance.js")).status_code == 200
    assert (await browser.get("/static/../app.py")).status_code == 404
    with pytest.raises(FileNotFoundError):
        files.url("css/none.css")


def test_the_digest_changes_with_any_content(tmp_path: Path) -> None:
    assert digest_of(ROOT) == digest_of(ROOT)
    (tmp_path / "a.css").write_text("a{}")
    before = digest_of(tmp_path)
    (tmp_path / "a.css").write_text("b{}")
    assert digest_of(tmp_path) != before


async def test_every_page_is_html_that_closes_its_parts(browser: Browser) -> None:
    for path in ("/", "/privacy", "/signin", "/signin/password", "/signin/staff", "/signin/code?id=x"):
        answer = await browser.get(path)
        assert answer.status_code == 200, path
        assert answer.text.rstrip().endswith("</html>"), path
        assert "style=" not in answer.text, path
        assert "<script>" not in answer.text, path
