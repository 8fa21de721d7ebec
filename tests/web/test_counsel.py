"""The lawyer's day says plainly what is there."""

import pytest

from core.db import Database
from tests.web import staffed
from tests.web.conftest import Browser, SignIn
from tests.web.staffed import Staffed
from web.services import Services


@pytest.fixture
async def house(db: Database, services: Services) -> Staffed:
    return await staffed.build(db, services)


async def test_counsel_sees_own_pages_and_nothing_of_families(
    browser: Browser, db: Database, house: Staffed, sign_in: SignIn
) -> None:
    visit = await staffed.due_visit(db, house)
    await sign_in(browser, house.counsel, strong=True)
    page = (await browser.get("/counsel")).text
    assert "今天没有法律会见" in page
    assert "/account/security" in page
    assert "陈志强" not in page
    for path in ("/officer", "/approvals", "/admin", "/recordings", f"/approvals/bookings/{visit.id}"):
        assert (await browser.get(path)).status_code == 403
    await sign_in(browser, house.monitor, strong=True)
    assert (await browser.get("/counsel")).status_code == 403
