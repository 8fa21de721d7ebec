"""A call's memory stands still once all is remembered that ever is; hours of it are the bench's (`--minutes 120`)."""

import gc
import os
from pathlib import Path

import pytest

from rooms import rtcp
from rooms.client import MediaKind
from signaling.library import Wanted
from tests.conftest import FakeClock
from tests.fakes.rtp import DELTA, KEY, packet
from tests.signaling.contract import Peer, World

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
PAYLOAD = 1000  # bytes of a packet of pictures
FULL, MORE = 1000, 4000  # packets: till everything that is remembered is, and from then on


def resident() -> int:
    """Bytes of this process that lie in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def talk(world: World, clock: FakeClock, sender: Peer, viewer: Peer, numbers: range) -> None:
    """Sound and picture; some are lost and come again, some the viewer asks for, and both report."""
    down = viewer.leg.relay.downs["4"]
    for number in numbers:
        for kind, ssrc, begins in ((VIDEO, 0x10, KEY if number % 100 == 0 else DELTA), (AUDIO, 0x20, b"")):
            data = packet(kind, number, number * 960, ssrc, begins + bytes(PAYLOAD if kind is VIDEO else 100))
            if number % 50 != 7 or kind is AUDIO:
                sender.socket.send(sender.seal.protect(data))
        if number % 50 == 0:
            for report in (
                rtcp.nack(1, down.ssrc, [down.flow.last_sequence & 0xFFFF]),
                rtcp.pli(1, down.ssrc),
            ):
                viewer.socket.send(viewer.seal.protect_rtcp(report))
        if number % 10 == 0:
            clock.move(seconds=0.1)
            world.step()
            for peer in (sender, viewer):
                peer.leg.tick(clock.monotonic())
                peer.take()
                for read in (peer.rtp, peer.rtcp, peer.plain):
                    read.clear()


@pytest.mark.parametrize("backend", ["python", "native"])
async def test_a_call_that_goes_on_takes_no_more_memory(
    backend: Wanted, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(backend, clock, monkeypatch)
    sender, viewer = await world.add("sender"), await world.add("viewer")
    viewer.leg.show(0, sender.leg, audio=True, video=True)
    talk(world, clock, sender, viewer, range(FULL))
    before = resident()
    talk(world, clock, sender, viewer, range(FULL, FULL + MORE))
    grown = resident() - before
    assert viewer.leg.statistics().packets_down > 2 * MORE * 0.9
    assert grown < MORE * PAYLOAD / 4, f"{grown / 1e6:.1f} MB"
    await world.close()
