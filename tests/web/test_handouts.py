"""Copies that leave, page by page: from the wish to the one download."""

import io
import zipfile

import pytest

from core import keys
from core.db import Database
from recording import bundle, bundling
from scheduler.model import BookingView
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web import watermark
from web.services import Services


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


@pytest.fixture
async def visit(db: Database, services: Services, house: Staffed) -> BookingView:
    made = await staffed.due_visit(db, house)
    await staffed.recorded(db, services, made, house, seconds=1)
    return made


async def test_from_the_wish_to_the_one_download(
    browser: Browser,
    another_browser: Browser,
    db: Database,
    services: Services,
    visit: BookingView,
    house: Staffed,
    sign_in: SignIn,
    tmp_path: object,
) -> None:
    await sign_in(browser, house.monitor, strong=True)
    assert f"/handouts/new/{visit.id}" in (await browser.get(f"/recordings/{visit.id}")).text
    refused = await browser.send_form(f"/handouts/new/{visit.id}", {"receiver": "白湖区人民法院"})
    assert refused.status_code == 422
    assert "请选择副本用途" in refused.text
    wish = {"purpose": "court", "receiver": "白湖区人民法院", "words": "（2026）民初17号"}
    answer = await browser.send_form(f"/handouts/new/{visit.id}", wish)
    page = answer.headers["location"]
    assert "等待第二人批准" in (await browser.get(page)).text
    assert (await browser.send_form(f"{page}/approve", {})).status_code == 403
    await sign_in(another_browser, house.elsewhere, strong=True)
    assert (await another_browser.get(page)).status_code == 404
    await sign_in(another_browser, house.approver, strong=True)
    assert "第二审批人" in (await another_browser.get(page)).text
    assert (await another_browser.send_form(f"{page}/approve", {})).status_code == 303
    made = await browser.get(page)
    assert made.headers["refresh"] == "3"
    assert "<progress" in made.text
    assert await bundling.render_due(db, services.settings, watermark.mark) == 1
    shown = (await browser.send_form(f"{page}/link", {})).text
    link = "/fetch/" + shown.split("/fetch/")[1].split('"')[0]
    await another_browser.post("/signout")
    for _ in range(2):  # looking does not use it up
        assert "白湖区人民法院" in (await another_browser.get(link)).text
    file = await another_browser.send_form(link, {})
    assert file.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
        assert bundle.COMPOSITE in archive.namelist()
        assert archive.testzip() is None
    assert len(keys.public_keys(services.settings.data_dir / "keys")) == 1
    assert (await another_browser.get(link)).status_code == 404
    assert "已领取" in (await browser.get("/handouts")).text
    assert not bundling.path_of(services.settings, page.rpartition("/")[2]).exists()
