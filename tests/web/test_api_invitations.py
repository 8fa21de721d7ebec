"""Asking for a visit from inside through the JSON interface: the pages' use cases, with the same refusals."""

from typing import Any

import pytest

from core.db import Database
from core.ids import Ref, new_id
from tests.web.conftest import Browser, SignIn
from tests.web.place import Place
from tests.web.test_inside import PIN, Inside, device_of

HERE = "/api/v1/terminal"


@pytest.fixture
async def inside(
    browser: Browser, another_browser: Browser, db: Database, here: Place, sign_in: SignIn
) -> Inside:
    await sign_in(browser, await device_of(db, here.prison), strong=True)
    await sign_in(another_browser, Ref("relative", here.mei))
    return Inside(here, browser, another_browser)


async def send(browser: Browser, path: str, content: Any = None, method: str = "POST") -> Any:
    return await browser.request(method, path, json=content, headers={"x-csrf-token": browser.csrf})


async def step_up(inside: Inside, pin: str = PIN) -> Any:
    shown = {"number": "3401202107", "name": "陈志强", "pin": pin}
    return await send(inside.screen, f"{HERE}/desk", shown)


async def asked(inside: Inside) -> Any:
    relationship = inside.here.mei_relationship
    times = (await inside.screen.get(f"{HERE}/visits/{relationship}")).json()
    slot = next(one["id"] for one in times if one["offered"])
    wish = {"relationship_id": relationship, "slot_id": slot, "key": new_id("key")}
    made = await send(inside.screen, f"{HERE}/visits", wish)
    assert made.status_code == 201, made.text
    assert (await send(inside.screen, f"{HERE}/visits", wish)).json() == made.json()  # sent twice
    return made.json()


async def test_asked_at_the_terminal_and_accepted_at_home(inside: Inside) -> None:
    assert (await step_up(inside)).status_code == 204
    shown = (await inside.screen.get(f"{HERE}/visits")).json()
    assert (shown["allowed"], shown["suspended_until"], shown["asked"]) == (True, None, [])
    assert inside.here.mei_relationship in {one["relationship_id"] for one in shown["relatives"]}
    made = await asked(inside)
    assert (made["state"], made["visit"], made["booking_id"]) == ("open", None, None)
    assert (await inside.home.get("/api/v1/invitations")).json() == [made]
    again = {"relationship_id": inside.here.mei_relationship, "slot_id": "slt_any", "key": new_id("key")}
    refused = await send(inside.screen, f"{HERE}/visits", again)
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (422, "invitation-waits")

    path = f"/api/v1/invitations/{made['id']}"
    booking = await send(
        inside.home, f"{path}/accept", {"relationship_ids": [inside.here.guilan_relationship]}
    )
    assert booking.json()["state"] == "requested"
    assert set(booking.json()["visitors"]) == {"林梅", "赵桂兰"}
    assert (await send(inside.home, f"{path}/accept", {})).json()["id"] == booking.json()["id"]
    taken = (await inside.home.get(path)).json()
    assert (taken["state"], taken["visit"], taken["booking_id"]) == (
        "accepted",
        "requested",
        booking.json()["id"],
    )
    assert (await inside.screen.get(f"{HERE}/visits")).json()["asked"] == [taken]
    assert (await inside.home.get("/api/v1/invitations")).json() == []


async def test_declined_taken_back_and_gone(inside: Inside) -> None:
    await step_up(inside)
    first = await asked(inside)
    declined = await send(inside.home, f"/api/v1/invitations/{first['id']}/decline")
    assert declined.json()["state"] == "declined"
    second = await asked(inside)
    back = await send(inside.screen, f"{HERE}/visits/{second['id']}/withdraw")
    assert (back.status_code, back.json()["state"]) == (200, "taken-back")
    late = await send(inside.home, f"/api/v1/invitations/{second['id']}/accept", {})
    assert (late.status_code, late.json()["code"]) == (409, "invitation-gone")


async def test_what_a_time_has_against_it_is_said_to_the_inmate(inside: Inside) -> None:
    await step_up(inside)
    made = await asked(inside)
    path = f"{HERE}/visits/{inside.here.mei_relationship}"
    against = [
        reason
        for one in (await inside.screen.get(path)).json()
        if one["starts_at"] == made["starts_at"]
        for reason in one["reasons"]
    ]
    assert {"slot-full", "inmate-busy"} <= {one["code"] for one in against}
    assert "您在这个时间已有别的会见。" in {one["text"] for one in against}


async def test_nobody_is_known_without_number_name_and_code(inside: Inside, sign_in: SignIn) -> None:
    for path in ("visits", f"visits/{inside.here.mei_relationship}"):
        answer = await inside.screen.get(f"{HERE}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "nobody-at-terminal")
    await step_up(inside)
    assert (await step_up(inside, "000001")).status_code == 403
    made = await asked(inside)
    assert (await send(inside.screen, f"{HERE}/desk", method="DELETE")).status_code == 204
    gone = await send(inside.screen, f"{HERE}/visits/{made['id']}/withdraw")
    assert gone.json()["code"] == "nobody-at-terminal"
    assert (await inside.home.get(f"{HERE}/visits")).status_code == 403  # a relative at no terminal
    assert (await inside.screen.get("/api/v1/invitations")).status_code == 403  # a terminal is no family
    await sign_in(inside.home, Ref("relative", inside.here.stranger))
    assert (await inside.home.get(f"/api/v1/invitations/{made['id']}")).status_code == 404
    wrong = await send(inside.home, f"/api/v1/invitations/{made['id']}/accept", {"visitor": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "malformed")
