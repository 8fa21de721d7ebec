"""The JSON interface: the pages' use cases as data, with the same refusals."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core.ids import Ref, new_id
from tests.web import place
from tests.web.conftest import Browser, SignIn
from tests.web.place import Place


def headers(browser: Browser) -> dict[str, str]:
    return {"x-csrf-token": browser.csrf}


async def offered(browser: Browser, here: Place) -> list[str]:
    """The ids of tomorrow's free times."""
    day = (datetime.now(ZoneInfo(place.ZONE)) + timedelta(days=1)).date()
    answer = await browser.get(f"/api/v1/inmates/{here.inmate}/months/{day:%Y-%m}")
    assert answer.status_code == 200, answer.text
    (found,) = [one for one in answer.json()["days"] if one["date"] == day.isoformat()]
    return [slot["id"] for slot in found["slots"] if slot["offered"]]


async def test_a_visit_is_picked_requested_and_withdrawn(
    browser: Browser, sign_in: SignIn, here: Place
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    me = (await browser.get("/api/v1/me")).json()
    assert (me["kind"], me["name"], me["strong"]) == ("relative", "林梅", False)
    (held,) = (await browser.get("/api/v1/relationships")).json()
    assert (held["inmate_id"], held["state"]) == (here.inmate, "approved")

    wish = {"inmate_id": here.inmate, "slot_id": (await offered(browser, here))[0], "key": new_id("key")}
    picked = await browser.post("/api/v1/bookings", json=wish, headers=headers(browser))
    assert picked.status_code == 201
    booking = picked.json()
    assert booking["state"] == "held"
    assert 0 < booking["hold_expires_in"] <= 600

    request = {"relationship_ids": [here.mei_relationship], "key": new_id("key")}
    path = f"/api/v1/bookings/{booking['id']}"
    asked = (await browser.post(f"{path}/request", json=request, headers=headers(browser))).json()
    assert (asked["state"], asked["visitors"], asked["hold_expires_in"]) == ("requested", ["林梅"], None)
    assert asked["told"]
    assert [one["id"] for one in (await browser.get("/api/v1/bookings")).json()] == [booking["id"]]

    gone = await browser.post(f"{path}/withdraw", json={"words": "病了"}, headers=headers(browser))
    assert gone.json()["state"] == "withdrawn"
    assert (await browser.get(path)).json()["state"] == "withdrawn"


async def test_a_refusal_carries_every_reason(
    browser: Browser, another_browser: Browser, sign_in: SignIn, here: Place
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    await sign_in(another_browser, Ref("relative", here.guilan))
    slot = (await offered(browser, here))[0]
    wish = {"inmate_id": here.inmate, "slot_id": slot, "key": new_id("key")}
    await browser.post("/api/v1/bookings", json=wish, headers=headers(browser))
    late = await another_browser.post(
        "/api/v1/bookings", json={**wish, "key": new_id("key")}, headers=headers(another_browser)
    )
    assert late.status_code == 422
    body = late.json()
    assert body["code"] == "refused"
    assert {"slot-full", "inmate-busy"} <= {reason["code"] for reason in body["reasons"]}
    assert all(reason["text"] for reason in body["reasons"])


async def test_what_cannot_be_read_is_named(browser: Browser, sign_in: SignIn, here: Place) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    wrong = {"inmate_id": here.inmate, "slot": "x", "key": "k"}
    answer = await browser.post("/api/v1/bookings", json=wrong, headers=headers(browser))
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
    named = " ".join(reason["text"] for reason in answer.json()["reasons"])
    assert all(field in named for field in ("slot_id", "slot", "key"))
    broken = await browser.post(
        "/api/v1/bookings",
        content="{",
        headers={**headers(browser), "content-type": "application/json"},
    )
    assert broken.status_code == 422
    assert broken.json()["code"] == "malformed"


async def test_without_the_token_nothing_is_picked(browser: Browser, sign_in: SignIn, here: Place) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    wish = {"inmate_id": here.inmate, "slot_id": (await offered(browser, here))[0], "key": new_id("key")}
    answer = await browser.post("/api/v1/bookings", json=wish)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf-failed")
    assert (await browser.get("/api/v1/bookings")).json() == []


async def test_another_family_finds_nothing(browser: Browser, sign_in: SignIn, here: Place) -> None:
    await sign_in(browser, Ref("relative", here.stranger))
    assert (await browser.get(f"/api/v1/inmates/{here.inmate}/months/2026-12")).status_code == 404
    assert (await browser.get("/api/v1/inmates/inm_none/months/2026-13")).status_code == 422
    assert (await browser.get("/api/v1/bookings/bkg_none")).json()["code"] == "not-found"


async def test_staff_are_no_family(browser: Browser, sign_in: SignIn, here: Place) -> None:
    await sign_in(browser, Ref("officer", here.approver), strong=True)
    answer = await browser.get("/api/v1/bookings")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_why_a_time_cannot_be_had_is_told_before_anything_is_asked(
    browser: Browser, sign_in: SignIn, here: Place
) -> None:
    await sign_in(browser, Ref("relative", here.mei))
    first, *others = await offered(browser, here)
    free = (await browser.get(f"/api/v1/inmates/{here.inmate}/slots/{first}/why")).json()
    assert (free["slot"]["offered"], free["slot"]["reasons"]) == (True, [])
    assert len(free["nearest"]) == min(3, len(others))
    assert (await browser.get(f"/api/v1/inmates/{here.inmate}/slots/slt_none/why")).status_code == 404
