"""Bad input and hard moments on the pages and in the JSON interface: a clear code, words that say it, nothing done."""

import pytest

from core.db import Database
from core.ids import Ref
from policy import calendar
from policy.calendar import Calendar
from scheduler import service as schedule
from scheduler.model import BookingState
from tests.web.conftest import Browser, SignIn
from tests.web.place import Place
from tests.web.test_booking import forms_of, pick


async def test_working_days_that_nobody_has_entered_yet(
    browser: Browser, sign_in: SignIn, here: Place, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day of the answer cannot be reckoned: the pick stays, and goes through once the year is entered."""
    await sign_in(browser, Ref("relative", here.mei))
    booking_id = await pick(browser, here)
    page = (await browser.get(f"/bookings/{booking_id}/confirm?visitor={here.mei_relationship}")).text
    (form,) = [hidden for action, hidden in forms_of(page) if action.endswith("/request")]
    path, wish = (
        f"/bookings/{booking_id}/request",
        {"relationship_ids": [here.mei_relationship], "key": "a-long-key"},
    )
    with monkeypatch.context() as ended:
        ended.setattr(calendar, "load", lambda name: Calendar(name, frozenset({6, 7}), {}))
        sent = await browser.send_form(path, form)
        assert (sent.status_code, "工作日历尚未录入" in sent.text) == (503, True)
        told = await browser.post(f"/api/v1{path}", json=wish, headers={"x-csrf-token": browser.csrf})
        assert (told.status_code, told.json()["code"]) == (503, "calendar-missing")
    async with db.read() as session:
        assert (await schedule.get(session, booking_id)).state is BookingState.HELD
    assert (await browser.send_form(path, form)).status_code == 303
