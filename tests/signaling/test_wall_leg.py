"""The leg of a wall on the wire: rooms in either coding on it, each as it comes, and mended as it comes."""

import asyncio

import pytest

from rooms import rtcp
from rooms.client import MediaKind
from rooms.codec import ALL, VideoCodec
from rooms.lines import BOTH
from rooms.rtp import H264, H264_RTX, RTX, VP8
from signaling.library import Wanted
from signaling.peer import PeerFactory, PeerLeg
from tests.fakes.rtp import KEY, packet, seen
from tests.signaling.raw_client import Events, RawClient, join, until

VIDEO = MediaKind.VIDEO
IDR = b"\x78\x00\x02\x67\x42\x00\x02\x65\x88"
KEYS = {VideoCodec.VP8: (VP8, KEY), VideoCodec.H264: (H264, IDR)}


@pytest.fixture(params=["python", "native"])
def backend(request: pytest.FixtureRequest) -> Wanted:
    chosen: Wanted = request.param
    return chosen


async def sender(factory: PeerFactory, codec: VideoCodec) -> tuple[PeerLeg, RawClient]:
    leg, client = await factory.open(codec, Events(), publishes=BOTH, lines=0, codec=codec), RawClient()
    await join(leg, client)
    return leg, client


async def wall(factory: PeerFactory) -> PeerLeg:
    tiles = (frozenset({VIDEO}),) * 2
    return await factory.open("wall", Events(), publishes=frozenset(), lines=tiles, announce=False, also=ALL)


async def test_tiles_show_rooms_of_both_codings(factory: PeerFactory) -> None:
    leg, client = await wall(factory), RawClient()
    await join(leg, client)
    codings = (VideoCodec.VP8, VideoCodec.H264)
    senders = [await sender(factory, codec) for codec in codings]
    for line, (publisher, _) in enumerate(senders):
        leg.show(line, publisher, audio=False, video=True)
    for number in range(1000):
        for codec, (_, peer) in zip(codings, senders, strict=True):
            media, key = KEYS[codec]
            await peer.dtls._send_rtp(packet(media, number, number * 3000, peer.ssrc[VIDEO], key))
        await asyncio.sleep(0.01)
        if all(len(client.got(mid)) > 5 for mid in ("0", "1")):
            break
    for mid, codec in zip(("0", "1"), codings, strict=True):
        assert {(one.payload_type, one.payload) for one in client.got(mid)} == {KEYS[codec]}


@pytest.mark.parametrize(("codec", "again"), [(VideoCodec.VP8, RTX), (VideoCodec.H264, H264_RTX)])
async def test_what_a_tile_missed_comes_again_in_its_own_coding(
    factory: PeerFactory, codec: VideoCodec, again: int
) -> None:
    leg, client = await wall(factory), RawClient()
    await join(leg, client)
    publisher, peer = await sender(factory, codec)
    leg.show(1, publisher, audio=False, video=True)
    down, (media, key) = leg.relay.downs["1"], KEYS[codec]
    for number in range(1000):
        await peer.dtls._send_rtp(packet(media, number, number * 3000, peer.ssrc[VIDEO], key))
        await asyncio.sleep(0.01)
        if len(client.got("1")) > 2:
            break
    lost = client.got("1")[1].sequence
    await client.dtls._send_rtp(rtcp.nack(1, down.ssrc, [lost]))
    await until(lambda: any(seen(data).ssrc == down.rtx_ssrc for data in client.rtp))
    mended = next(one for one in map(seen, client.rtp) if one.ssrc == down.rtx_ssrc)
    assert (mended.payload_type, mended.payload) == (again, lost.to_bytes(2, "big") + key)


async def test_who_cannot_do_a_coding_is_not_sent_it(factory: PeerFactory) -> None:
    leg, client = await wall(factory), RawClient()
    answer = await client.answer(await leg.offer())
    assert "H264/90000" in answer
    await leg.accept(answer.replace("97 98 99", "97").replace("96 97 98 99", "96 97"))
    await until(lambda: leg.ready)
    publisher, peer = await sender(factory, VideoCodec.H264)
    other, vp8 = await sender(factory, VideoCodec.VP8)
    leg.show(0, publisher, audio=False, video=True)
    leg.show(1, other, audio=False, video=True)
    for number in range(1000):
        await peer.dtls._send_rtp(packet(H264, number, 0, peer.ssrc[VIDEO], IDR))
        await vp8.dtls._send_rtp(packet(VP8, number, 0, vp8.ssrc[VIDEO], KEY))
        await asyncio.sleep(0.01)
        if len(client.got("1")) > 5:
            break
    assert client.got("1")
    assert not client.got("0")
