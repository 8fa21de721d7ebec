"""Asking for a visit from inside through the JSON interface: the pages' use cases, with the same refusals."""

from typing import Any

from core.ids import Ref, new_id
from tests.web.conftest import Browser, SignIn
from tests.web.test_inside import PIN, Inside, nobody_yet

__all__ = ["nobody_yet"]

HERE = "/api/v1/terminal"


async def send(browser: Browser, path: str, content: Any = None, method: str = "POST") -> Any:
    return await browser.request(method, path, json=content, headers={"x-csrf-token": browser.csrf})


async def step_up(nobody_yet: Inside, pin: str = PIN) -> Any:
    shown = {"number": "3401202107", "name": "陈志强", "pin": pin}
    return await send(nobody_yet.screen, f"{HERE}/desk", shown)


async def asked(nobody_yet: Inside) -> Any:
    relationship = nobody_yet.here.mei_relationship
    times = (await nobody_yet.screen.get(f"{HERE}/visits/{relationship}")).json()
    slot = next(one["id"] for one in times if one["offered"])
    wish = {"relationship_id": relationship, "slot_id": slot, "key": new_id("key")}
    made = await send(nobody_yet.screen, f"{HERE}/visits", wish)
    assert made.status_code == 201, made.text
    assert (await send(nobody_yet.screen, f"{HERE}/visits", wish)).json() == made.json()  # sent twice
    return made.json()


async def test_asked_at_the_terminal_and_accepted_at_home(nobody_yet: Inside) -> None:
    assert (await step_up(nobody_yet)).status_code == 204
    shown = (await nobody_yet.screen.get(f"{HERE}/visits")).json()
    assert (shown["allowed"], shown["suspended_until"], shown["asked"]) == (True, None, [])
    assert nobody_yet.here.mei_relationship in {one["relationship_id"] for one in shown["relatives"]}
    made = await asked(nobody_yet)
    assert (made["state"], made["visit"], made["booking_id"]) == ("open", None, None)
    assert (await nobody_yet.home.get("/api/v1/invitations")).json() == [made]
    again = {"relationship_id": nobody_yet.here.mei_relationship, "slot_id": "slt_any", "key": new_id("key")}
    refused = await send(nobody_yet.screen, f"{HERE}/visits", again)
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (422, "invitation-waits")

    path = f"/api/v1/invitations/{made['id']}"
    booking = await send(
        nobody_yet.home, f"{path}/accept", {"relationship_ids": [nobody_yet.here.guilan_relationship]}
    )
    assert booking.json()["state"] == "requested"
    assert set(booking.json()["visitors"]) == {"林梅", "赵桂兰"}
    assert (await send(nobody_yet.home, f"{path}/accept", {})).json()["id"] == booking.json()["id"]
    taken = (await nobody_yet.home.get(path)).json()
    assert (taken["state"], taken["visit"], taken["booking_id"]) == (
        "accepted",
        "requested",
        booking.json()["id"],
    )
    assert (await nobody_yet.screen.get(f"{HERE}/visits")).json()["asked"] == [taken]
    assert (await nobody_yet.home.get("/api/v1/invitations")).json() == []


async def test_declined_taken_back_and_gone(nobody_yet: Inside) -> None:
    await step_up(nobody_yet)
    first = await asked(nobody_yet)
    declined = await send(nobody_yet.home, f"/api/v1/invitations/{first['id']}/decline")
    assert declined.json()["state"] == "declined"
    second = await asked(nobody_yet)
    back = await send(nobody_yet.screen, f"{HERE}/visits/{second['id']}/withdraw")
    assert (back.status_code, back.json()["state"]) == (200, "taken-back")
    late = await send(nobody_yet.home, f"/api/v1/invitations/{second['id']}/accept", {})
    assert (late.status_code, late.json()["code"]) == (409, "invitation-gone")


async def test_what_a_time_has_against_it_is_said_to_the_inmate(nobody_yet: Inside) -> None:
    await step_up(nobody_yet)
    made = await asked(nobody_yet)
    path = f"{HERE}/visits/{nobody_yet.here.mei_relationship}"
    against = [
        reason
        for one in (await nobody_yet.screen.get(path)).json()
        if one["starts_at"] == made["starts_at"]
        for reason in one["reasons"]
    ]
    assert {"slot-full", "inmate-busy"} <= {one["code"] for one in against}
    assert "您在这个时间已有别的会见。" in {one["text"] for one in against}


async def test_nobody_is_known_without_number_name_and_code(nobody_yet: Inside, sign_in: SignIn) -> None:
    for path in ("visits", f"visits/{nobody_yet.here.mei_relationship}"):
        answer = await nobody_yet.screen.get(f"{HERE}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "nobody-at-terminal")
    await step_up(nobody_yet)
    assert (await step_up(nobody_yet, "000001")).status_code == 403
    made = await asked(nobody_yet)
    assert (await send(nobody_yet.screen, f"{HERE}/desk", method="DELETE")).status_code == 204
    gone = await send(nobody_yet.screen, f"{HERE}/visits/{made['id']}/withdraw")
    assert gone.json()["code"] == "nobody-at-terminal"
    assert (await nobody_yet.home.get(f"{HERE}/visits")).status_code == 403  # a relative at no terminal
    assert (await nobody_yet.screen.get("/api/v1/invitations")).status_code == 403  # a terminal is no family
    await sign_in(nobody_yet.home, Ref("relative", nobody_yet.here.stranger))
    assert (await nobody_yet.home.get(f"/api/v1/invitations/{made['id']}")).status_code == 404
    wrong = await send(nobody_yet.home, f"/api/v1/invitations/{made['id']}/accept", {"visitor": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "malformed")
