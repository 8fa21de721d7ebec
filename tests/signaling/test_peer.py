"""Legs against aiortc as the peer: real ICE, DTLS and SRTP over real loopback UDP."""

import asyncio
import gc
import weakref
from collections import Counter

import pytest

from core.settings import Settings
from rooms import rtcp
from rooms.client import MediaKind
from rooms.errors import BadSdp
from signaling.library import Wanted
from signaling.peer import PeerFactory, PeerLeg
from signaling.probe import Probe
from tests.conftest import FakeClock
from tests.fakes.rtp import DELTA, KEY, FakeSink
from tests.signaling.raw_client import Events, RawClient, join, until

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
BOTH = frozenset(MediaKind)


@pytest.fixture(params=["python", "native"])
def backend(request: pytest.FixtureRequest) -> Wanted:
    return request.param  # type: ignore[no-any-return] # one of the two above


class Call:
    """Two who publish, connected."""

    def __init__(self, factory: PeerFactory) -> None:
        self.factory = factory
        self.events = Events()
        self.clients: dict[str, RawClient] = {}
        self.legs: dict[str, PeerLeg] = {}

    async def add(self, name: str, publishes: frozenset[MediaKind] = BOTH, **options: bool) -> PeerLeg:
        leg = await self.factory.open(name, self.events, publishes=publishes, lines=2)
        self.legs[name], self.clients[name] = leg, RawClient()
        await join(leg, self.clients[name], **options)
        return leg

    async def close(self) -> None:
        for client in self.clients.values():
            await client.close()


@pytest.fixture
async def call(factory: PeerFactory) -> "Call":
    return Call(factory)


async def test_the_offer_is_as_the_protocol_says(factory: PeerFactory) -> None:
    leg = await factory.open("leg", Events(), publishes=BOTH, lines=2)
    offer = await leg.offer()
    assert await leg.offer() == offer
    uses = [(line["mid"], line["kind"], line["use"], line.get("line")) for line in leg.lines]
    assert uses == [
        ("0", "audio", "own", None),
        ("1", "video", "own", None),
        ("2", "audio", "announce", None),
        ("3", "audio", "line", 0),
        ("4", "video", "line", 0),
        ("5", "audio", "line", 1),
        ("6", "video", "line", 1),
    ]
    sections = [part.splitlines() for part in offer.split("m=")[1:]]
    assert [lines[0].split(" ")[0] for lines in sections] == [kind for _, kind, _, _ in uses]
    assert [[way for way in ("a=recvonly", "a=sendonly") if way in lines] for lines in sections] == [
        ["a=recvonly"]
    ] * 2 + [["a=sendonly"]] * 5
    assert "a=ice-lite" in offer
    assert (
        offer.count("a=extmap:") == offer.count("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level") == 4
    )
    assert f" 127.0.0.1 {factory.port} typ host" in offer
    assert "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1" in offer
    await leg.close()


async def test_a_watcher_publishes_sound_only(factory: PeerFactory) -> None:
    leg = await factory.open("leg", Events(), publishes=frozenset({AUDIO}), lines=1)
    assert [(line["kind"], line["use"]) for line in leg.lines] == [
        ("audio", "own"),
        ("audio", "announce"),
        ("audio", "line"),
        ("video", "line"),
    ]
    await leg.close()


@pytest.mark.parametrize("passive", [False, True])
async def test_two_see_and_hear_each_other_and_a_third_sees_both(call: Call, passive: bool) -> None:
    a, b = await call.add("a", passive=passive), await call.add("b")
    w = await call.add("w", frozenset({AUDIO}))
    a.show(0, b, audio=True, video=True)
    w.show(0, a, audio=True, video=True)
    w.show(1, b, audio=True, video=True)
    for n in range(1, 6):
        await call.clients["a"].send(AUDIO, n, b"from a")
        await call.clients["b"].send(AUDIO, n, b"from b")
        await call.clients["b"].send(VIDEO, n, KEY if n == 1 else DELTA)
    await until(lambda: len(call.clients["w"].got("5")) == 5)
    assert [s.payload for s in call.clients["w"].got("2")] == [b"from a"] * 5
    assert [s.payload for s in call.clients["w"].got("4")] == [b"from b"] * 5
    assert [s.payload for s in call.clients["a"].got("4")] == [KEY, *[DELTA] * 4]
    assert call.clients["b"].rtp == []
    assert [what for what, _ in call.events.told] == ["connected"] * 3
    assert not call.factory.counters
    await call.close()


async def test_muted_picture_comes_back_with_a_key_frame(call: Call) -> None:
    a, b = await call.add("a"), await call.add("b")
    a.show(0, b, audio=True, video=True)
    client = call.clients["b"]
    await client.send(VIDEO, 1, KEY)
    await until(lambda: call.clients["a"].got("4"))
    a.show(0, b, audio=True, video=False)
    for n in range(2, 10):
        await client.send(VIDEO, n, DELTA)
    await asyncio.sleep(0.4)
    client.rtcp.clear()
    a.show(0, b, audio=True, video=True)
    await until(lambda: client.asked(rtcp.KeyframeRequest))
    await client.send(VIDEO, 10, DELTA)
    await client.send(VIDEO, 11, KEY)
    await until(lambda: len(call.clients["a"].got("4")) == 2)
    first, second = call.clients["a"].got("4")
    assert (second.sequence - first.sequence) & 0xFFFF == 1
    await call.close()


async def test_an_officer_speaks_in(call: Call) -> None:
    officer, inmate = await call.add("officer", frozenset({AUDIO})), await call.add("inmate")
    inmate.announce(officer)
    await call.clients["officer"].send(AUDIO, 1, b"attention")
    await until(lambda: call.clients["inmate"].got("2"))
    inmate.announce(None)
    await call.clients["officer"].send(AUDIO, 2, b"silence")
    await until(lambda: officer.statistics().packets_up == 2)
    assert [s.payload for s in call.clients["inmate"].got("2")] == [b"attention"]
    await call.close()


async def test_the_device_check_hears_itself(factory: PeerFactory) -> None:
    leg = await factory.open("check", Events(), publishes=BOTH, lines=0, loopback=True)
    client = RawClient()
    await join(leg, client)
    await client.send(AUDIO, 1, b"is this on")
    await client.send(VIDEO, 1, KEY)
    await until(lambda: client.got("3") and client.got("4"))
    assert client.got("3")[0].payload == b"is this on"
    await client.close()


async def test_a_recorder_gets_packets_and_the_senders_clock(call: Call) -> None:
    a = await call.add("a")
    sink = FakeSink()
    a.tap(sink)
    client = call.clients["a"]
    await client.send(AUDIO, 7, b"kept", 960)
    report = rtcp.SenderReport(client.ssrc[AUDIO], 5 << 32, 960, 1, 4)
    await client.dtls._send_rtp(rtcp.sender_report(report))
    await until(lambda: sink.reports)
    (kind, data, arrived) = sink.taken[0]
    assert (kind, data[12:], (AUDIO, 5 << 32, 960) in sink.reports) == (AUDIO, b"kept", True)
    assert 0 <= a.statistics().last_heard - arrived < 5
    a.untap(sink)
    await client.send(AUDIO, 8, b"not kept")
    await until(lambda: a.statistics().packets_up == 2)
    assert len(sink.taken) == 1
    await call.close()


async def test_a_key_frame_can_be_asked_for(call: Call) -> None:
    a = await call.add("a")
    await call.clients["a"].send(VIDEO, 1, DELTA)
    await until(lambda: a.statistics().packets_up == 1)
    a.request_keyframe()
    await until(lambda: call.clients["a"].asked(rtcp.KeyframeRequest))
    await call.close()


async def test_figures_are_told(call: Call) -> None:
    a, b = await call.add("a"), await call.add("b")
    b.show(0, a, audio=True, video=False)
    for n in (1, 2, 4, 5):
        await call.clients["a"].send(AUDIO, n, b"sound", 960 * n)
    await until(lambda: b.statistics().packets_down == 4)
    await until(lambda: call.clients["b"].got("3"))
    up, down = a.statistics(), b.statistics()
    assert (up.packets_up, up.lost_up, up.bytes_up, up.packets_down) == (4, 1, 4 * 17, 0)
    assert (down.packets_up, down.bytes_down) == (0, 4 * 5)
    assert up.jitter_ms is not None
    block = rtcp.ReportBlock(call.clients["b"].got("3")[0].ssrc, 128, 1, 1, 0, 0, 0)
    await call.clients["b"].dtls._send_rtp(rtcp.receiver_report(1, [block]))
    await until(lambda: b.statistics().loss_percent is not None)
    assert b.statistics().loss_percent == 50
    a._last_probe -= 60  # it is asked for its distance now
    await until(lambda: a.statistics().round_trip_ms is not None, 8)
    await call.close()


async def test_an_answer_in_time_or_the_leg_has_failed(factory: PeerFactory, clock: FakeClock) -> None:
    events = Events()
    leg = await factory.open("leg", events, publishes=BOTH, lines=1)
    await leg.offer()
    clock.move(seconds=19.9)
    await asyncio.sleep(0.3)
    assert events.told == []
    clock.move(seconds=0.2)
    await until(lambda: events.told)
    assert events.of("leg") == ["failed"]
    with pytest.raises(BadSdp):
        await leg.accept("v=0")
    await leg.close()
    assert events.of("leg") == ["failed"]


async def test_a_peer_that_hangs_up_has_failed(call: Call) -> None:
    await call.add("a")
    await call.clients["a"].close()
    await until(lambda: call.events.of("a") == ["connected", "failed"])


async def test_closing_is_silent_frees_everything_and_tells_the_peer(call: Call) -> None:
    a, b = await call.add("a"), await call.add("b")
    a.show(0, b, audio=True, video=True)
    b.show(0, a, audio=True, video=True)
    await call.clients["a"].send(AUDIO, 1, b"sound")
    await asyncio.gather(a.close(), a.close())
    await a.close()
    a.show(0, b, audio=True, video=True)
    a.announce(b)
    with pytest.raises(BadSdp):
        await a.accept("v=0")
    await until(lambda: call.clients["a"].dtls.state == "closed")
    await call.clients["b"].send(AUDIO, 1, b"sound")
    await until(lambda: call.legs["b"].statistics().packets_up == 1)
    await b.close()
    assert call.events.told == [("connected", "a"), ("connected", "b")]
    assert call.factory.legs == 0
    assert call.factory.udp._agents == {}
    assert all(not endpoint.claims for endpoint in call.factory.udp._endpoints)
    left = [weakref.ref(call.legs.pop(name)) for name in ("a", "b")]
    del a, b
    await asyncio.sleep(0.05)
    gc.collect()
    assert [ref() for ref in left] == [None, None]
    await call.close()


async def test_a_leg_can_be_closed_at_any_moment(factory: PeerFactory) -> None:
    fresh = await factory.open("fresh", Events(), publishes=BOTH, lines=1)
    await fresh.close()
    answered = await factory.open("answered", Events(), publishes=BOTH, lines=1)
    client = RawClient()
    await answered.accept(await client.answer(await answered.offer()))
    await answered.close()
    await client.close()
    assert factory.legs == 0


async def test_forged_and_foreign_packets_are_dropped_and_counted(call: Call) -> None:
    a, b = await call.add("a"), await call.add("b")
    b.show(0, a, audio=True, video=True)
    client = call.clients["a"]
    for data in (b"\x80\x60" + bytes(100), b"\x80\xc8" + bytes(100), b"\x80\x60", b"\x80"):
        await client.dtls.transport._send(data)
    for ssrc in range(40):
        await client.dtls._send_rtp(b"\x80\x6f\x00\x01" + bytes(4) + ssrc.to_bytes(4, "big") + b"x")
    await client.send(AUDIO, 1, b"true")
    await until(lambda: call.factory.counters["rtp-too-many-streams"])
    counters = call.factory.counters
    assert (counters["srtp-forged"], counters["srtcp-forged"], counters["srtp-too-short"]) == (1, 1, 2)
    assert call.events.of("a") == ["connected"]
    await call.close()


async def test_a_peer_reports_under_a_few_names_only(call: Call) -> None:
    await call.add("a")
    for ssrc in range(60):
        await call.clients["a"].dtls._send_rtp(rtcp.receiver_report(ssrc, []))
    await until(lambda: call.factory.counters["rtcp-too-many-reporters"] >= 28)
    await call.close()


async def test_what_the_answer_did_not_take_is_not_sent(factory: PeerFactory) -> None:
    a, client = await factory.open("a", Events(), publishes=BOTH, lines=1), RawClient()
    b, viewer = await factory.open("b", Events(), publishes=BOTH, lines=1), RawClient()
    await join(a, client)
    answer = await viewer.answer(await b.offer())
    head, *sections = answer.split("m=")
    refused = [
        part if "a=mid:4\r" not in part else part.replace("a=recvonly", "a=inactive") for part in sections
    ]
    assert refused != sections
    await b.accept("m=".join([head, *refused]))
    await until(lambda: b.ready)
    b.show(0, a, audio=True, video=True)
    await client.send(VIDEO, 1, KEY)
    await client.send(AUDIO, 1, b"sound")
    await until(lambda: viewer.got("3"))
    assert viewer.got("4") == []


async def test_a_leg_of_another_make_is_refused(factory: PeerFactory) -> None:
    leg = await factory.open("leg", Events(), publishes=BOTH, lines=1)
    with pytest.raises(TypeError):
        leg.show(0, object(), audio=True, video=True)  # type: ignore[arg-type]
    await leg.close()


async def test_the_factory_is_made_from_settings(settings: Settings) -> None:
    factory = PeerFactory.of(settings.model_copy(update={"media_addresses": "127.0.0.1, ::1"}))
    await factory.start()
    leg = await factory.open("leg", Events(), publishes=BOTH, lines=1)
    offer = await leg.offer()
    assert f" ::1 {factory.port} typ host" in offer
    await factory.close()
    await factory.close()
    assert factory.legs == 0


async def test_packets_are_read_between_the_ticks_of_many_legs(
    factory: PeerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick of all legs at once would be a stall for the Python relay: 4 ms with two hundred of them."""
    for number in range(40):
        await factory.open(f"leg-{number}", Events(), publishes=BOTH, lines=1)
    turn, turns = 0, Counter[int]()

    def ticked(leg: PeerLeg, now: float) -> None:
        del leg, now
        turns[turn] += 1

    monkeypatch.setattr(PeerLeg, "tick", ticked)
    async with asyncio.timeout(30):
        while turns.total() < 40:
            await asyncio.sleep(0)
            turn += 1
    assert max(turns.values()) <= 8


async def test_a_leg_ends_though_a_datagram_comes_in_the_same_turn(
    factory: PeerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handshake awaits each datagram for a limited time, and takes a cancellation at that moment for nothing."""
    monkeypatch.setattr("core.ending._AGAIN", 0.01)
    for turns in range(4):
        leg = await factory.open(f"leg {turns}", Events(), publishes=BOTH, lines=1)
        answer = Probe(factory.certificate()).answer(await leg.offer())
        leg.reachable()
        await leg.accept(answer.replace("a=setup:active", "a=setup:passive"))
        await until(lambda leg=leg: leg._dtls.state == "connecting")  # type: ignore[misc]  # of this round
        await asyncio.sleep(0)
        leg.dtls(b"\x14")
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(30):
            await leg.close()
    assert factory.legs == 0
