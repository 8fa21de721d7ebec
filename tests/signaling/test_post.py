"""The pieces of a picture leave both relays in one system call, and alone where the kernel refuses that."""

import socket
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from rooms.client import MediaKind
from tests.conftest import FakeClock
from tests.fakes.rtp import KEY, packet
from tests.signaling.contract import Peer, World

if TYPE_CHECKING:
    from signaling.library import Wanted

VIDEO = MediaKind.VIDEO
_SO_NO_CHECK, _UDP_GRO = 11, 104  # Linux' numbers; Python has no names for them


@pytest.fixture(params=["python", "native"])
async def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    backend: Wanted = request.param
    made = World(backend, FakeClock(), monkeypatch)
    yield made
    await made.close()


async def shown(world: World) -> tuple[Peer, Peer]:
    sender, viewer = await world.add("sender"), await world.add("viewer")
    viewer.leg.show(0, sender.leg, audio=True, video=True)
    sender.socket.send(sender.seal.protect(packet(VIDEO, 0, 0, 0x10, KEY)))
    world.step()
    return sender, viewer


def send(sender: Peer, *sizes: int) -> list[bytes]:
    """Packets of these many bytes of payload and one more."""
    sent = [bytes([0x10 if number == 0 else 0]) + bytes(size) for number, size in enumerate(sizes)]
    for number, payload in enumerate(sent, 1):
        sender.socket.send(sender.seal.protect(packet(VIDEO, number, 3000, 0x10, payload)))
    return sent


@pytest.mark.parametrize("taken", [True, False])
async def test_every_packet_comes_in_order_whether_the_kernel_takes_them_together(
    world: World, taken: bool
) -> None:
    """Of one size and the last smaller; larger than every way takes; smaller before larger; more than go in one."""
    sender, viewer = await shown(world)
    if not taken:  # without checksums it takes nothing together
        world.factory.udp._endpoints[0].sock.setsockopt(socket.SOL_SOCKET, _SO_NO_CHECK, 1)
    sent = send(sender, 1000, 1000, 1000, 400, 700, 1300, 1300, 20, 900, *[300] * 40)
    world.step()
    assert [data[12:] for data in viewer.plain] == [KEY, *sent]
    assert not +world.factory.counters


async def test_what_is_of_one_size_is_one_system_call(world: World) -> None:
    """A peer that takes packets together is given them as they left."""
    sender, viewer = await shown(world)
    send(sender, 1000, 1000, 1000, 400)
    viewer.socket.setsockopt(socket.SOL_UDP, _UDP_GRO, 1)
    udp = world.factory.udp
    if udp.core is None:
        udp._drain(udp._endpoints[0])
    else:
        udp.core.library.kb_step(udp.core.handle, world.clock.monotonic())
    head_and_tag = 12 + 1 + 16
    assert len(viewer.socket.recv(65_535)) == 3 * (1000 + head_and_tag) + 400 + head_and_tag
