"""WHIP and WHEP through the whole product: HTTP in, a seat in a real room, media over real ICE and DTLS."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import httpx
import pytest
from aioice import stun
from aiortc import RTCSessionDescription
from fastapi import FastAPI
from sqlalchemy import select

from core.db import Database
from core.settings import Settings
from ledger.tables import EntryRow
from rooms.client import MediaKind
from signaling import fragment
from tests.fakes.rtp import KEY, packet
from tests.flows.test_media_node import Person, person, phase
from tests.rooms.conftest import shifted  # noqa: F401 - a fixture
from tests.rooms.visits import Cast, ShiftedClock, confirmed_visit, monitor, sign_in
from tests.signaling.conftest import loopback_ice  # noqa: F401 - a fixture
from tests.signaling.raw_client import RawClient, close_all, until
from tests.signaling.server import Server, serving
from web.app import create_app

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"


@pytest.fixture
async def app(
    settings: Settings,
    database_url: str,
    loopback_ice: None,  # noqa: F811 - the fixture
    shifted: ShiftedClock,  # noqa: F811 - as above
) -> AsyncIterator[FastAPI]:
    changed = {
        "database_url": database_url,
        "media_addresses": "127.0.0.1",
        "embed_media": True,
        "embed_worker": False,
    }
    made = create_app(settings.model_copy(update=changed))
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
def db(app: FastAPI) -> Database:
    found: Database = app.state.services.db
    return found


@pytest.fixture
async def cast(db: Database, shifted: ShiftedClock) -> Cast:  # noqa: F811 - the fixture
    made = await confirmed_visit(db)
    shifted.put_to(made.booking.starts_at)
    return made


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as made:
        yield made
    await close_all()  # the devices'; who opens one has this to speak through


@pytest.fixture
async def server(app: FastAPI) -> AsyncIterator[Server]:
    services = app.state.services
    async with serving(services.settings, services.db, services.bus) as opened:
        yield opened


def got(who: Person, kind: str, line: int) -> int:
    """How much of a line's sound or picture came."""
    offer = next(message for message in who.client.messages if message["type"] == "offer")
    of = (told["mid"] for told in offer["lines"] if (told["kind"], told.get("line")) == (kind, line))
    return len(who.peer.got(next(of)))


class Device:
    """A hardware terminal or a wall player."""

    def __init__(self, http: httpx.AsyncClient, ticket: str, *ways: tuple[str, str]) -> None:
        self.http, self.peer = http, RawClient()
        self.bearer = {"authorization": f"Bearer {ticket}"}
        for kind, way in ways:
            made = self.peer.pc.addTransceiver(kind, direction=way)
            self.peer.ssrc[MediaKind(kind)] = made.sender._ssrc
        self.url = self.etag = ""

    async def post(self, path: str) -> httpx.Response:
        await self.peer.pc.setLocalDescription(await self.peer.pc.createOffer())
        body = self.peer.pc.localDescription.sdp
        response = await self.http.post(path, content=body, headers={**self.bearer, "content-type": SDP})
        if response.status_code == 201:
            self.url, self.etag = response.headers["location"], response.headers["etag"]
            self.peer.offer = response.text
            self.peer.dtls._handle_rtp_data = self.peer._took_rtp  # type: ignore[method-assign]
            await self.peer.pc.setRemoteDescription(RTCSessionDescription(response.text, "answer"))
            await until(lambda: self.peer.pc.connectionState == "connected")
        return response

    def types(self) -> list[int]:
        return [int(part.split()[3]) for part in self.peer.offer.split("m=")[1:]]

    async def publish(self) -> None:
        """Until it is cancelled."""
        audio, video = self.types()[:2]
        for number in itertools.count():
            sound = packet(audio, number, number * 960, self.peer.ssrc[MediaKind.AUDIO], b"\xf8\xff\xfe")
            shown = packet(video, number, number * 3000, self.peer.ssrc[MediaKind.VIDEO], KEY, marker=True)
            await self.peer.dtls._send_rtp(sound)
            await self.peer.dtls._send_rtp(shown)
            await asyncio.sleep(0.05)

    async def patch(self, etag: str | None, body: str = "a=candidate:1\r\n") -> httpx.Response:
        headers = {**self.bearer, "content-type": FRAGMENT, **({"if-match": etag} if etag else {})}
        return await self.http.patch(self.url, content=body, headers=headers)

    def own(self) -> str:
        """The ICE credentials that it began with."""
        wanted = ("a=ice-ufrag:", "a=ice-pwd:")
        return "\r\n".join(
            line for line in self.peer.pc.localDescription.sdp.splitlines() if line.startswith(wanted)
        )


async def restarted(device: Device) -> None:
    """Another network: new credentials by PATCH, and nominated by them from another port; DTLS goes on."""
    before = device.etag
    response = await device.patch("*", f"a=ice-ufrag:new1\r\na=ice-pwd:{'n' * 24}\r\n")
    assert (response.status_code, response.headers["content-type"]) == (200, FRAGMENT)
    assert response.headers["etag"] != before
    ours = fragment.credentials(response.text)
    assert ours[0] not in device.peer.offer
    assert "a=candidate:" in response.text
    assert "a=mid:0" in response.text
    assert (await device.patch(before)).json()["code"] == "precondition-failed"
    assert (await device.patch(response.headers["etag"])).status_code == 204
    connection = device.peer.pc.getTransceivers()[0].sender.transport.transport._connection
    connection._local_username, connection._local_password = "new1", "n" * 24
    connection.remote_username, connection.remote_password = ours
    pair = connection._nominated[1]
    nominated = connection.build_request(pair, nominate=True)
    answer, _ = await pair.protocol.request(nominated, pair.remote_addr, integrity_key=ours[1].encode())
    assert answer.message_class is stun.Class.RESPONSE


@contextlib.asynccontextmanager
async def meanwhile(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def admit(officer: Person) -> None:
    """Everybody; again if somebody is not heard at that moment (a loaded machine)."""
    state = await officer.client.until(lambda s: s["waiting"] == ["for-admission"], within=60)
    for seat in [one["seat"] for one in state["people"] if one["role"] != "monitor"]:
        while (done := await officer.client.act("admit", seat=seat))["type"] != "done":
            assert done["code"] == "not-here"
            await asyncio.sleep(0.2)


async def entries(db: Database) -> list[str]:
    async with db.read() as session:
        return list(await session.scalars(select(EntryRow.tag).order_by(EntryRow.seq)))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_terminal_by_whip_is_admitted_seen_recorded_and_ended_like_a_browser(
    app: FastAPI, http: httpx.AsyncClient, server: Server, cast: Cast, db: Database
) -> None:
    ticket = await cast.ticket(cast.terminal)
    terminal = Device(http, ticket, ("audio", "sendrecv"), ("video", "sendrecv"))
    posted = await terminal.post("/whip")
    assert (posted.status_code, posted.headers["content-type"]) == (201, SDP)
    assert terminal.url.startswith("/whip/")
    assert "access-control-allow-origin" not in posted.headers
    again = await Device(http, ticket, ("audio", "sendonly")).post("/whip")
    assert (again.status_code, again.json()["code"]) == (401, "ticket-invalid")
    assert (await terminal.patch(terminal.etag)).status_code == 204
    assert (await terminal.patch(None)).json()["code"] == "precondition-needed"
    assert (await terminal.patch(f'"other", {terminal.etag}')).status_code == 204
    for unlike in ('"other"', f"W/{terminal.etag}"):  # RFC 9110 section 13.1.1: weak ones are never alike
        assert (await terminal.patch(unlike)).json()["code"] == "precondition-failed"
    same = await terminal.patch("*", terminal.own())
    assert (same.status_code, same.json()["code"]) == (422, "no-ice-restart"), "these are the present ones"
    assert (await terminal.patch("*", "a=ice-ufrag:new1\r\n")).json()["code"] == "bad-sdp"
    stranger = await http.delete(terminal.url, headers={"authorization": "Bearer kbt_other"})
    assert (stranger.status_code, stranger.json()["code"]) == (401, "ticket-invalid")

    async with (
        person(server, await cast.ticket(cast.relative)) as relative,
        person(server, await cast.ticket(cast.officer)) as officer,
    ):
        wall = monitor(cast, "off_wall")
        await sign_in(db, wall)
        player = Device(http, await cast.ticket(wall), *[("audio", "recvonly"), ("video", "recvonly")] * 2)
        assert (await player.post("/whep")).status_code == 201
        async with meanwhile(terminal.publish(), relative.publish(120)):
            # in the lobby, too: line 0 is the relative's, line 1 the inmate's
            await until(lambda: got(officer, "audio", 1) > 3 and player.peer.got("2"), seconds=60)
            assert got(relative, "audio", 0) == got(relative, "video", 0) == 0
            await admit(officer)
            await relative.client.until(phase("live"), within=60)
            # sound: how much of a picture passes is the ladder's to say, on a machine that has other things to do
            await until(lambda: got(relative, "audio", 0) > 5, seconds=60)
            await until(
                lambda: len(terminal.peer.got("0")) > 5, seconds=60
            )  # it hears the family on the same m-line
            await restarted(terminal)
            heard = got(relative, "audio", 0)
            await until(lambda: got(relative, "audio", 0) > heard + 5, seconds=60)
            assert (await http.delete(terminal.url, headers=terminal.bearer)).status_code == 200
            await relative.client.until(phase("paused"), within=60)
        assert (await http.delete(terminal.url, headers=terminal.bearer)).status_code == 404
        assert (await officer.client.act("end", reason="said-goodbye"))["type"] == "done"
        assert (await relative.client.ended()).code == 1000
        await until(lambda: not app.state.whip._tasks)  # the player's session ended with the visit
    tags = await entries(db)
    for tag in ("inmate:seat:entered", "inmate:visit:joined", "inmate:seat:left", "system:recording:started"):
        assert tag in tags
    takes = (app.state.services.settings.data_dir / "recordings").rglob("inmate-*")
    assert any(take.stat().st_size > 0 for take in takes)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_refusals_have_codes(http: httpx.AsyncClient, cast: Cast) -> None:
    async def post(content: str, path: str = "/whip", **headers: str) -> tuple[int, str]:
        response = await http.post(path, content=content, headers={"content-type": SDP, **headers})
        return response.status_code, response.json()["code"]

    assert await post("v=0") == (401, "token-needed")
    assert await post("v=0", authorization="Basic eDp5") == (401, "token-needed")
    assert await post("v=0", authorization="Bearer kbt_none") == (401, "ticket-invalid")
    bearer = "Bearer " + await cast.ticket(cast.relative)
    assert await post("{}", authorization=bearer, **{"content-type": "application/json"}) == (415, "not-sdp")
    assert await post("v=0" + "x" * 70_000, authorization=bearer) == (413, "too-large")
    assert await post("v=0\r\nhello", authorization=bearer) == (400, "bad-sdp")
    check = "Bearer " + await cast.check_ticket(cast.relative)
    assert await post("v=0", authorization=check) == (401, "ticket-invalid")
    for method in ("GET", "PUT"):
        assert (await http.request(method, "/whip")).status_code == 405
    for path, told, kind in (("/whip", "accept-post", SDP), ("/whep/none", "accept-patch", FRAGMENT)):
        preflight = await http.options(path, headers={"origin": "https://evil.example"})
        assert (preflight.status_code, preflight.headers[told]) == (204, kind)
        assert not any(name.startswith("access-control") for name in preflight.headers)
    assert (await http.post("/whip", content="v=0")).headers["www-authenticate"] == "Bearer"
    assert (await http.delete("/whep/none", headers={"authorization": "Bearer x"})).status_code == 404
