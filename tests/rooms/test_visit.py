"""Whole visits over real sockets, bus and database, with legs that need no network."""

from tests.fakes.legs import FakeLegs, FakeRecorders
from tests.rooms.visits import Cast
from tests.signaling.raw_client import until
from tests.signaling.server import Server


async def test_a_visit_from_the_lobby_to_its_end(
    server: Server, cast: Cast, legs: FakeLegs, recorders: FakeRecorders
) -> None:
    async with (
        server.client(await cast.ticket(cast.relative)) as relative,
        server.client(await cast.ticket(cast.terminal)) as inmate,
        server.client(await cast.ticket(cast.officer)) as officer,
    ):
        welcome = await officer.heard(lambda m: m["type"] == "welcome")
        assert welcome["role"] == "monitor"
        state = await officer.until(lambda s: s["waiting"] == ["for-admission"])
        assert not recorders.recorders
        for person in state["people"]:
            if person["role"] != "monitor":
                assert (await officer.act("admit", seat=person["seat"]))["type"] == "done"
        state = await relative.until(lambda s: s["phase"] == "live")
        assert state["clock"]["running"]
        assert [p["line"] for p in state["people"]] == [None, 0]
        await inmate.until(lambda s: s["phase"] == "live")
        assert len(legs.open_legs) == 3
        assert (await officer.act("end", reason="said-goodbye", text=""))["type"] == "done"
        ended = await relative.heard(lambda m: m["type"] == "ended")
        assert ended["reason"] == "by-officer"
        assert (await relative.ended()).code == 1000
        await until(lambda: recorders.last.finished)  # after all have been told
    assert recorders.last.finished == "by-officer"
