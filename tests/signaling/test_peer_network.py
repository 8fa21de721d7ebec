"""Legs on bad networks: loss, a new address in mid-call, silence; and pictures that really decode."""

import asyncio
import base64
import hmac
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCIceServer, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from aiortc.rtcconfiguration import RTCIceTransportPolicy

from rooms import rtcp
from rooms.client import MediaKind
from rooms.errors import BadSdp
from signaling.peer import PeerFactory, PeerLeg
from tests import services
from tests.conftest import FakeClock
from tests.fakes.rtp import DELTA, KEY, Seen, packet, retransmission, seen
from tests.signaling.raw_client import Events, RawClient, Router, connection, until

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
BOTH = frozenset(MediaKind)


@pytest.fixture
async def router(factory: PeerFactory) -> AsyncIterator[Router]:
    made = Router(("127.0.0.1", factory.port))
    await made.open()
    yield made
    made.close()


async def behind(
    router: Router, factory: PeerFactory, name: str, events: Events
) -> tuple[PeerLeg, RawClient]:
    leg, client = await factory.open(name, events, publishes=BOTH, lines=1), RawClient()
    await leg.accept(await client.answer(router.through(await leg.offer())))
    await until(lambda: leg.ready and client.pc.connectionState == "connected")
    return leg, client


async def direct(factory: PeerFactory, name: str, events: Events) -> tuple[PeerLeg, RawClient]:
    leg, client = await factory.open(name, events, publishes=BOTH, lines=1), RawClient()
    await leg.accept(await client.answer(await leg.offer()))
    await until(lambda: leg.ready and client.pc.connectionState == "connected")
    return leg, client


class Resending:
    """What a browser does with NACKs, done for a `RawClient`: sender and viewer side."""

    def __init__(self, client: RawClient) -> None:
        self.client = client
        self.sent: dict[int, bytes] = {}
        self.resent = 0

    async def send(self, sequence: int, payload: bytes) -> None:
        self.sent[sequence] = packet(VIDEO, sequence, 3000 * sequence, self.client.ssrc[VIDEO], payload)
        await self.client.dtls._send_rtp(self.sent[sequence])
        await self.answer_nacks()

    async def answer_nacks(self) -> None:
        asked = [data for data in self.client.rtcp if data[:2] == b"\x81\xcd"]
        self.client.rtcp[:] = [data for data in self.client.rtcp if data[:2] != b"\x81\xcd"]
        for data in asked:
            for nack in rtcp.parse(data):
                assert isinstance(nack, rtcp.Nack)
                for sequence in nack.lost:
                    self.resent += 1
                    again = retransmission(self.sent[sequence], self.resent, 0x5151)
                    await self.client.dtls._send_rtp(again)


def mended(client: RawClient) -> list[bytes]:
    """Payloads of line 0's picture in order, retransmissions unwrapped."""
    section = next(part for part in client.offer.split("m=")[1:] if "a=mid:4\r" in part)
    media, rtx = (int(x) for x in section.split("ssrc-group:FID ")[1].split("\r")[0].split(" "))
    by_sequence: dict[int, bytes] = {}
    for one in map(seen, client.rtp):
        if one.ssrc == media:
            by_sequence[one.sequence] = one.payload
        elif one.ssrc == rtx:
            by_sequence[int.from_bytes(one.payload[:2], "big")] = one.payload[2:]
    return [by_sequence[sequence] for sequence in sorted(by_sequence)]


async def ask_for_gaps(client: RawClient) -> None:
    got: list[Seen] = client.got("4")
    have = {one.sequence for one in got} | {
        int.from_bytes(one.payload[:2], "big") for one in map(seen, client.rtp) if one.payload_type == 97
    }
    wanted = [number for number in range(min(have), max(have) + 1) if number not in have]
    if wanted:
        await client.dtls._send_rtp(rtcp.nack(1, got[0].ssrc, wanted))


@pytest.mark.parametrize("lossy", ["sender", "viewer"])
async def test_a_tenth_of_the_packets_is_lost_and_the_picture_is_whole(
    factory: PeerFactory, router: Router, lossy: str
) -> None:
    events = Events()
    if lossy == "sender":
        (_, sender), (viewing, viewer) = (
            await behind(router, factory, "a", events),
            await direct(factory, "b", events),
        )
    else:
        (_, sender), (viewing, viewer) = (
            await direct(factory, "a", events),
            await behind(router, factory, "b", events),
        )
    publisher = next(leg for leg in factory._legs if leg.id == "a")
    viewing.show(0, publisher, audio=True, video=True)
    browser = Resending(sender)
    await browser.send(1, KEY)
    await until(lambda: viewer.got("4"))
    router.loss = 0.1
    payloads = [KEY, *(DELTA + b"%d" % n for n in range(2, 300))]
    for number, payload in enumerate(payloads[1:], start=2):
        await browser.send(number, payload)
        await asyncio.sleep(0.002)
    for _ in range(60):
        await browser.send(300 + _, b"\x00tail")
        await ask_for_gaps(viewer)
        await asyncio.sleep(0.02)
        if mended(viewer)[: len(payloads)] == payloads:
            break
    assert mended(viewer)[: len(payloads)] == payloads
    if lossy == "sender":
        assert browser.resent >= 10
        assert publisher.statistics().lost_up <= 2
    await sender.close()
    await viewer.close()


async def test_a_handshake_survives_loss(factory: PeerFactory, router: Router) -> None:
    events = Events()
    router.all_loss = 0.15
    leg, client = await factory.open("a", events, publishes=BOTH, lines=1), RawClient()
    await leg.accept(await client.answer(router.through(await leg.offer())))
    await until(lambda: leg.ready, 20)
    router.all_loss = 0.0
    await until(lambda: client.dtls.state == "connected", 20)
    await client.send(AUDIO, 1, b"here at last")
    await until(lambda: leg.statistics().packets_up == 1)
    assert events.of("a") == ["connected"]
    await client.close()


async def test_a_peer_comes_through_a_relay(factory: PeerFactory, tmp_path: Path) -> None:
    """The server knows nothing of TURN: a relay's address is as good as any."""
    secret, user = "s" * 32, f"{int(time.time()) + 600}:someone"
    with services.turn(tmp_path, secret) as url:
        word = base64.b64encode(hmac.digest(secret.encode(), user.encode(), "sha1")).decode()
        relay_only = RTCConfiguration(
            iceServers=[RTCIceServer(url, user, word)],
            iceTransportPolicy=RTCIceTransportPolicy.RELAY,
            bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
        )
        leg, client = await factory.open("a", Events(), publishes=BOTH, lines=1), RawClient(relay_only)
        await leg.accept(await client.answer(await leg.offer()))
        await until(lambda: leg.ready and client.pc.connectionState == "connected", 20)
        await client.send(AUDIO, 1, b"through the relay")
        await until(lambda: leg.statistics().packets_up == 1)
        assert {c.type for c in client.dtls.transport.iceGatherer.getLocalCandidates()} == {"relay"}
        await leg.close()
        await client.close()


async def test_a_peer_whose_router_forgets_it_is_found_again(factory: PeerFactory, router: Router) -> None:
    events = Events()
    (a, mover), (b, other) = await behind(router, factory, "a", events), await direct(factory, "b", events)
    a.show(0, b, audio=True, video=True)
    b.show(0, a, audio=True, video=True)
    await mover.send(AUDIO, 1, b"before")
    await until(lambda: other.got("3"))
    await router.rebind()
    number = 2
    async with asyncio.timeout(10):
        while not (mover.got("3") and [s.payload for s in other.got("3")][-1] == b"after"):
            await mover.send(AUDIO, number, b"after")
            await other.send(AUDIO, number, b"back")
            number += 1
            await asyncio.sleep(0.05)
    assert factory.counters["unclaimed"] < 40
    assert events.of("a") == ["connected"]
    await mover.close()
    await other.close()


@pytest.mark.parametrize("backend", ["python"])  # the native thread knows no standing clock
async def test_a_restart_has_new_credentials_and_the_same_keys(factory: PeerFactory) -> None:
    """The peer checks by the new credentials from another address; what it sends from there is decrypted."""
    leg, client = await direct(factory, "a", Events())
    first = await leg.offer()
    offer = await leg.restart()
    assert offer == await leg.restart() == await leg.offer()
    assert _credentials(offer).isdisjoint(_credentials(first))
    assert _without_ice(offer).replace(" 2 IN ", " 1 IN ") == _without_ice(first)
    answer = client.pc.localDescription.sdp
    fresh = re.sub(r"(?m)^a=ice-ufrag:.*$", "a=ice-ufrag:fresh\r", answer)
    other = re.sub(r"(a=fingerprint:sha-256 )[0-9A-F]{2}", r"\g<1>00", fresh)
    for digest in ("sha-384", "sha-512"):
        other = re.sub(rf"(?m)^a=fingerprint:{digest}.*\n", "", other)
    with pytest.raises(BadSdp, match="certificate"):
        await leg.accept(other)
    await leg.accept(fresh)
    with pytest.raises(BadSdp, match="already"):
        await leg.accept(fresh)
    await client.send(AUDIO, 1, b"sound")
    await until(lambda: leg.relay.ups[AUDIO].packets == 1)
    await leg.close()
    assert _credentials(await leg.restart()) == _credentials(offer), "a closed leg begins nothing"


def _credentials(sdp: str) -> set[str]:
    return set(re.findall(r"a=ice-(?:ufrag|pwd):(\S+)", sdp))


def _without_ice(sdp: str) -> str:
    return re.sub(r"a=ice-(?:ufrag|pwd):\S+", "", sdp)


@pytest.mark.parametrize("backend", ["python"])  # the native thread knows no standing clock
async def test_silence_is_told_and_so_is_its_end(
    factory: PeerFactory, router: Router, clock: FakeClock
) -> None:
    events = Events()
    leg, client = await behind(router, factory, "a", events)
    clock.move(seconds=2.9)
    await asyncio.sleep(0.4)  # the client checks every 0.2 s: it is heard
    router.cut = True
    await asyncio.sleep(0.1)
    clock.move(seconds=2.9)
    await asyncio.sleep(0.3)
    assert events.of("a") == ["connected"]
    clock.move(seconds=0.2)
    await until(lambda: events.of("a") == ["connected", "lost"])
    clock.move(seconds=10)
    await asyncio.sleep(0.3)
    router.cut = False
    await until(lambda: events.of("a") == ["connected", "lost", "back"])
    assert leg.statistics().last_heard == clock.monotonic()
    await client.close()


class Browser:
    """aiortc with its own encoders and decoders."""

    def __init__(self) -> None:
        self.pc = connection()
        self.tracks: list[MediaStreamTrack] = []
        self.pc.on("track", self.tracks.append)

    async def join(self, leg: PeerLeg, *published: MediaStreamTrack) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(await leg.offer(), "offer"))
        for track in published:
            self.pc.addTrack(track)
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        await leg.accept(self.pc.localDescription.sdp)
        await until(lambda: leg.ready)


class SmallPicture(VideoStreamTrack):
    """Ten frames a second that grow brighter, small enough for a busy machine."""

    def __init__(self) -> None:
        super().__init__()
        self.shade = 40

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(0.1)
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame(160, 120, "yuv420p")
        self.shade = min(220, self.shade + 5)
        for plane in frame.planes:
            plane.update(bytes([self.shade]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


async def test_aiortc_decodes_what_aiortc_encoded(factory: PeerFactory) -> None:
    events = Events()
    a = await factory.open("a", events, publishes=BOTH, lines=1)
    b = await factory.open("b", events, publishes=BOTH, lines=1)
    publisher, viewer = Browser(), Browser()
    await viewer.join(b)
    b.show(0, a, audio=True, video=True)
    await publisher.join(a, AudioStreamTrack(), SmallPicture())
    audio = next(track for track in viewer.tracks[1:] if track.kind == "audio")
    video = next(track for track in viewer.tracks if track.kind == "video")
    async with asyncio.timeout(20):
        sound = await audio.recv()
        frames = [await video.recv() for _ in range(5)]
    assert isinstance(sound, av.AudioFrame)
    assert sound.sample_rate == 48_000
    shades = [frame.to_ndarray(format="gray").mean() for frame in frames if isinstance(frame, av.VideoFrame)]
    assert shades == sorted(shades)
    assert len(set(shades)) > 1
    await publisher.pc.close()
    await viewer.pc.close()


async def test_a_standstill_of_the_server_is_nobody_elses_silence(
    factory: PeerFactory, router: Router
) -> None:
    events = Events()
    leg, client = await behind(router, factory, "a", events)
    before = leg.last_heard
    time.sleep(3.3)  # the whole process stands, the client too, but its packets wait in the socket
    await client.send(AUDIO, 1, b"still here")
    await asyncio.sleep(0.4)
    assert leg.last_heard > before + 3
    assert events.of("a") == ["connected"]
    await client.close()


@pytest.mark.parametrize("rtx", [True, False])
async def test_a_lost_packet_comes_again_in_the_way_the_answer_chose(
    factory: PeerFactory, router: Router, rtx: bool
) -> None:
    a, client = await direct(factory, "a", Events())
    b, viewer = await factory.open("b", Events(), publishes=BOTH, lines=1), RawClient()
    answer = await viewer.answer(router.through(await b.offer()))
    await b.accept(answer if rtx else answer.replace("SAVPF 96 97", "SAVPF 96"))
    await until(lambda: b.ready)
    b.show(0, a, audio=True, video=True)
    await client.send(VIDEO, 1, KEY)
    await until(lambda: viewer.got("4"))
    router.loss = 1.0
    await client.send(VIDEO, 2, DELTA)
    await until(lambda: b.statistics().packets_down == 2)
    await asyncio.sleep(0.05)
    router.loss = 0.0
    first = viewer.got("4")[0]
    missed = (first.sequence + 1) & 0xFFFF
    await viewer.dtls._send_rtp(rtcp.nack(1, first.ssrc, [missed]))
    await until(lambda: len(viewer.rtp) == 2)
    again = seen(viewer.rtp[1])
    assert (again.payload_type, again.ssrc == first.ssrc) == ((97, False) if rtx else (96, True))
    assert again.payload == (missed.to_bytes(2, "big") if rtx else b"") + DELTA


async def test_who_comes_too_late_is_not_connected_any_more(
    factory: PeerFactory, router: Router, clock: FakeClock
) -> None:
    events = Events()
    leg, client = await factory.open("a", events, publishes=BOTH, lines=1), RawClient()
    router.cut = True
    await leg.accept(await client.answer(router.through(await leg.offer())))
    clock.move(seconds=10)
    await asyncio.sleep(0.3)
    clock.move(seconds=10.5)
    await asyncio.sleep(0.3)
    assert events.told == [("failed", "a")]
    router.cut = False
    await until(lambda: client.dtls.state == "connected", 15)
    assert events.told == [("failed", "a")]
    assert not leg.ready
