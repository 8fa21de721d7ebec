"""The native relay's thread: it waits for nobody, and is told everything at once."""

import random
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.errors import Misconfigured
from rooms import rtcp
from rooms.client import MediaKind
from signaling import building, library
from signaling.library import ffi
from signaling.nativeflows import packed, unpacked
from tests.conftest import FakeClock
from tests.fakes.rtp import DELTA, KEY, MORE, packet, seen
from tests.signaling.contract import Peer, World

VIDEO = MediaKind.VIDEO


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    made = World("native", FakeClock(), monkeypatch, threaded=True)
    yield made
    await made.close()


async def shown(world: World) -> tuple[Peer, Peer]:
    """A sender whose picture has begun to flow to a viewer."""
    sender, viewer = await world.add("sender"), await world.add("viewer")
    viewer.leg.show(0, sender.leg, audio=True, video=True)
    viewer.socket.setblocking(True)
    viewer.socket.settimeout(20)
    sender.socket.send(sender.seal.protect(packet(VIDEO, 0, 0, 0x10, KEY)))
    while not viewer.leg.relay.downs["4"].packets:
        world.pump()  # an SSRC that is met for the first time is Python's affair
    assert viewer.open.unprotect(viewer.socket.recv(2048))[12:] == KEY
    return sender, viewer


async def test_it_relays_while_python_does_something_else_and_python_may_send_meanwhile(world: World) -> None:
    """Trap: sessions of libsrtp are not thread-safe. The event loop never runs here: no await from now on."""
    sender, viewer = await shown(world)
    got: list[bytes] = []
    for number in range(1, 601):
        sender.socket.send(sender.seal.protect(packet(VIDEO, number, number, 0x10, DELTA)))
        viewer.leg.rtcp(rtcp.pli(1, number))
        while len(got) < 2 * number:
            data = viewer.socket.recv(2048)
            control = 191 < data[1] < 224
            got.append((viewer.open.unprotect_rtcp if control else viewer.open.unprotect)(data))
    assert len([data for data in got if data[12:] == DELTA]) == 600
    assert viewer.leg.relay.downs["4"].packets == 601


async def test_a_new_path_is_taken_with_the_next_packet(world: World) -> None:
    """Trap: a phone that changes networks nominates another address, and the thread must know at once."""
    sender, viewer = await shown(world)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        elsewhere.settimeout(20)
        world.nominate(viewer.leg, elsewhere.getsockname())
        sender.socket.send(sender.seal.protect(packet(VIDEO, 1, 1, 0x10, DELTA)))
        assert viewer.open.unprotect(elsewhere.recv(2048))[12:] == DELTA
        elsewhere.connect(("127.0.0.1", world.factory.port))
        elsewhere.send(viewer.seal.protect(packet(VIDEO, 7, 7, 0x20, KEY)))
        while viewer.leg.relay.ups[VIDEO].ssrc is None:
            world.pump()


async def test_a_recorder_that_is_not_read_for_costs_packets_of_its_own_alone(world: World) -> None:
    sender, viewer = await shown(world)
    sender.leg.tap(sender.sink)
    for number in range(1, 9001):
        sender.socket.send(sender.seal.protect(packet(VIDEO, number, number, 0x10, bytes(1000))))
        assert viewer.open.unprotect(viewer.socket.recv(2048))
    world.pump()
    lost = world.factory.counters["copy-full"]
    assert lost > 0
    assert len(sender.sink.taken) == 9000 - lost
    assert sender.leg.relay.ups[VIDEO].lost == 0


async def test_legs_come_and_go_while_packets_flow(world: World) -> None:
    sender, viewer = await shown(world)
    for number in range(1, 200):
        other = await world.add(f"other {number}")
        other.leg.show(0, sender.leg, audio=True, video=True)
        sender.socket.send(sender.seal.protect(packet(VIDEO, number, number, 0x10, KEY)))
        if number % 2:
            assert viewer.open.unprotect(viewer.socket.recv(2048))
            await other.leg.close()
        else:
            await other.leg.close()
            assert viewer.open.unprotect(viewer.socket.recv(2048))
        other.socket.close()
        del world.peers[other.name]
    core = world.factory.udp.core
    assert core is not None
    assert (len(core.legs), len(core.inflows), len(core.outflows)) == (2, 4, 10)


async def test_the_rings_go_round_and_lose_nothing_that_is_read_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Records of every size meet the end of the ring at every distance."""
    monkeypatch.setattr("signaling.native._COPIES", 1 << 13)
    monkeypatch.setattr("signaling.native._URGENT", 1 << 13)
    world = World("native", FakeClock(), monkeypatch)
    sender = await world.add("sender")
    sender.leg.tap(sender.sink)
    chance = random.Random(3)
    sent = [packet(VIDEO, number, number, 0x10, bytes(chance.randrange(900))) for number in range(4000)]
    for data in sent:
        sender.socket.send(sender.seal.protect(data))
        sender.socket.send(b"\x01" + bytes(chance.randrange(900)))  # STUN that is none, for the other ring
        world.step()
    assert [data for _, data, _ in sender.sink.taken] == sent
    assert world.factory.counters["stun-malformed"] + world.factory.counters["stun-flood"] > 0
    assert not world.factory.counters["internal"]
    await world.close()


async def test_neither_strangers_nor_one_who_is_in_take_the_way_to_python_from_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World("native", FakeClock(), monkeypatch)
    sender, viewer = await world.add("sender"), await world.add("viewer")
    viewer.leg.show(0, sender.leg, audio=True, video=True)
    sender.socket.send(sender.seal.protect(packet(VIDEO, 0, 0, 0x10, KEY)))
    world.step()
    core, down = world.factory.udp.core, viewer.leg.relay.downs["4"]
    assert core is not None
    other = await world.add("other")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.connect(("127.0.0.1", world.factory.port))
        for who in (stranger, other.socket):  # one who is in may be no better
            for first in (1, 22) * 1000:
                who.send(bytes((first,)) + bytes(1000))
                core.library.kb_step(core.handle, world.clock.monotonic())  # Python is elsewhere
    block = rtcp.ReportBlock(down.ssrc, 128, 1, 0, 0, 0, 0)
    viewer.socket.send(viewer.seal.protect_rtcp(rtcp.receiver_report(9, [block])))
    sender.socket.send(sender.seal.protect(packet(VIDEO, 5, 5, 0x10, DELTA)))
    world.step()
    assert world.factory.counters["handover-full"] > 1000
    assert down.loss == (0.5, world.clock.monotonic()), "a report came through"
    assert len(sender.leg.relay.ups[VIDEO].missing) == 4, "what is missing is known"
    await world.close()


async def test_ipv6_is_the_same_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World("native", FakeClock(), monkeypatch, threaded=True, host="::1")
    sender, viewer = await shown(world)
    sender.socket.send(sender.seal.protect(packet(VIDEO, 1, 1, 0x10, DELTA)))
    assert viewer.open.unprotect(viewer.socket.recv(2048))[12:] == DELTA
    address = sender.socket.getsockname()
    assert unpacked(bytes(ffi.buffer(packed(address)))) == address
    core = world.factory.udp.core
    assert core is not None
    assert core.heard(0, address) == pytest.approx(sender.leg._native.heard if sender.leg._native else None)
    await sender.leg.close()
    assert core.heard(0, address) < 0
    await world.close()


async def test_a_long_mute_leaves_no_hole_for_libsrtp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: more than 32,767 skipped numbers make libsrtp refuse the stream for good."""
    world = World("native", FakeClock(), monkeypatch)
    sender, viewer = await world.add("sender"), await world.add("viewer")
    viewer.leg.show(0, sender.leg, audio=True, video=True)

    def send(first: int, *payloads: bytes) -> None:
        for number, payload in enumerate(payloads, first):
            sender.socket.send(sender.seal.protect(packet(VIDEO, number, number * 500, 0x10, payload)))
        world.step()

    send(0, KEY)
    viewer.leg.show(0, sender.leg, audio=True, video=False)
    for first in range(1, 40_001, 100):
        send(first, *[DELTA] * 100)
    world.clock.move(seconds=240)
    viewer.leg.show(0, sender.leg, audio=True, video=True)
    send(40_001, DELTA, KEY, MORE)
    got = [seen(data) for data in viewer.plain]
    assert [one.payload for one in got] == [KEY, KEY, MORE]
    assert [(one.sequence - got[0].sequence) & 0xFFFF for one in got] == [0, 1, 2]
    assert (got[1].timestamp - got[0].timestamp) & 0xFFFFFFFF == 240 * 90_000
    await world.close()


async def test_a_layer_goes_over_to_another_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old layer flows until the new one's key frame, and to the viewer it is one stream."""
    world = World("native", FakeClock(), monkeypatch)
    sender, viewer = await world.add("sender", low=True), await world.add("viewer")
    sender.leg.relay.expect_low([0x20, 0x21])
    viewer.leg.show(0, sender.leg, audio=True, video=True)
    old, low = b"\x10\x01a", KEY + b"low"
    sent = [(0x10, KEY), (0x20, KEY), (0x10, old), (0x20, DELTA), (0x20, low), (0x10, DELTA), (0x20, MORE)]
    for number, (ssrc, payload) in enumerate(sent):
        if number == 2:
            viewer.leg.show(0, sender.leg, audio=True, video=True, low=True)
        sender.socket.send(sender.seal.protect(packet(VIDEO, number, number, ssrc, payload)))
        world.step()
    got = [seen(data) for data in viewer.plain]
    assert [one.payload for one in got] == [KEY, old, low, MORE]
    assert len({one.ssrc for one in got}) == 1
    await world.close()


def test_it_links_no_cryptography_and_nothing_of_python() -> None:
    """Trap: Debian's libsrtp is 3.5 times slower than the wheel's, which the functions are taken from."""
    needed = subprocess.run(
        ["readelf", "-d", building.LIBRARY], capture_output=True, text=True, check=True
    ).stdout
    libraries = [line.split("[")[1].split(".")[0] for line in needed.splitlines() if "NEEDED" in line]
    assert set(libraries) <= {"libc", "libpthread", "ld-linux-x86-64", "ld-linux-aarch64"}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The library is looked for at another place."""
    place = tmp_path / "media.so"
    monkeypatch.setattr(library, "LIBRARY", place)
    library.load.cache_clear()
    yield place
    library.load.cache_clear()


def test_without_a_compiler_the_relay_runs_in_python(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    assert "no C compiler" in building.build(elsewhere)
    assert library.chosen("auto") == (
        None,
        "the native one was not built: there was no C compiler when Kinbridge was installed",
    )
    with pytest.raises(Misconfigured, match="KINBRIDGE_MEDIA_BACKEND"):
        library.chosen("native")
    assert library.chosen("python")[0] is None


def test_a_compiler_that_fails_is_named_and_leaves_nothing(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "cc -include no-such-file.h")
    assert "could not build" in building.build(elsewhere)
    assert not any(elsewhere.parent.iterdir())


def test_a_library_of_other_sources_is_not_used(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is built" in building.build(elsewhere)
    assert "already" in building.build(elsewhere)
    assert library.chosen("native")[1] == "as configured"
    library.load.cache_clear()
    monkeypatch.setattr(library, "fingerprint", lambda: "another")
    assert "other sources" in library.chosen("auto")[1]


def test_a_library_that_does_not_load_is_not_used(elsewhere: Path) -> None:
    elsewhere.write_bytes(b"no library")
    assert "cannot be loaded" in library.chosen("auto")[1]
