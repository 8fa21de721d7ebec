"""Offers that peers make: what is taken, what is refused, and that media flows in the peer's own numbering."""

import asyncio

import pytest
from aiortc import RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from hypothesis import given
from hypothesis import strategies as st

from rooms.client import MediaKind
from rooms.codec import VideoCodec
from rooms.errors import BadSdp
from rooms.lines import BOTH
from rooms.rtp import H264, OPUS, RTX, VP8
from signaling import offered
from signaling.leg import PeerLeg
from signaling.peer import PeerFactory
from signaling.sdp import Transport
from tests.fakes.rtp import KEY, packet
from tests.signaling.raw_client import Events, RawClient, join, until
from tests.signaling.test_peer_sdp import TRANSPORT

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
HEAD = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
OUR = Transport(("192.0.2.7",), 4000, "ours", "w" * 24, "AA:BB")
SOUND = "a=rtpmap:109 opus/48000/2\r\n"
PICTURE = "a=rtpmap:120 VP8/90000\r\na=rtpmap:124 rtx/90000\r\na=fmtp:124 apt=120\r\n"
AVC = (
    "a=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=0;profile-level-id=42e01f\r\n"
    "a=rtpmap:103 H264/90000\r\na=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
)


def section(kind: str, mid: str, way: str, formats: str, lines: str, port: int = 9) -> str:
    return (
        f"m={kind} {port} UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={way}\r\na=rtcp-mux\r\n"
        + TRANSPORT.replace("\n", "\r\n").replace("a=setup:active", "a=setup:actpass")
        + lines
    )


def sound(mid: str, way: str) -> str:
    return section("audio", mid, way, "109", SOUND)


def picture(mid: str, way: str, lines: str = PICTURE, formats: str = "120 124") -> str:
    return section("video", mid, way, formats, lines)


def offer(*sections: str, bundle: str = "") -> str:
    mids = bundle or " ".join(part.split("a=mid:")[1].split("\r")[0] for part in sections)
    return HEAD + f"a=group:BUNDLE {mids}\r\n" + "".join(sections)


def read(
    *sections: str,
    publishes: frozenset[MediaKind] = BOTH,
    lines: int = 1,
    codec: VideoCodec = VideoCodec.VP8,
    announce: bool = True,
) -> offered.Offered:
    return offered.parse(offer(*sections), publishes, [BOTH] * lines, codec, announce=announce)


def uses(taken: offered.Offered) -> list[tuple[str, str, int | None]]:
    return [(line.mid, line.use, line.line) for line in taken.lines]


def answered(taken: offered.Offered) -> list[tuple[str, str, str]]:
    """Of each m-line of the answer: kind, port, direction."""
    ssrcs = {line.mid: (11, 12) for line in taken.lines}
    text = taken.answer(7, OUR, ssrcs)
    assert text.startswith("v=0\r\n")
    assert "a=ice-lite\r\n" in text
    parts = [part.split("\r\n") for part in text.split("\r\nm=")[1:]]
    ways = ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive")
    return [
        (p[0].split(" ")[0], p[0].split(" ")[1], next(line[2:] for line in p if line in ways)) for p in parts
    ]


def test_a_publisher_s_offer_becomes_own_lines() -> None:
    taken = read(sound("a", "sendonly"), picture("v", "sendonly"))
    assert uses(taken) == [("a", "own", None), ("v", "own", None)]
    assert answered(taken) == [("audio", "4000", "recvonly"), ("video", "4000", "recvonly")]
    assert taken.peer.active  # we are the DTLS server, whatever the peer would like
    assert (taken.types.inward[109], taken.types.inward[120], taken.types.inward[124]) == (OPUS, VP8, RTX)
    assert (taken.types.outward[OPUS], taken.types.outward[VP8], taken.types.outward[RTX]) == (109, 120, 124)
    assert taken.types.inward[96] == 0


def test_a_viewer_s_offer_becomes_the_others_lines_and_then_the_announcements() -> None:
    taken = read(
        sound("0", "recvonly"), picture("1", "recvonly"), sound("2", "recvonly"), sound("3", "recvonly"),
        publishes=frozenset(),
    )  # fmt: skip
    assert uses(taken) == [("0", "line", 0), ("1", "line", 0), ("2", "announce", None)]
    assert answered(taken)[-1] == ("audio", "0", "inactive")


def test_one_m_line_may_do_both() -> None:
    taken = read(sound("0", "sendrecv"), picture("1", "sendrecv"))
    assert uses(taken) == [("0", "own", None), ("0", "line", 0), ("1", "own", None), ("1", "line", 0)]
    assert [way for _, _, way in answered(taken)] == ["sendrecv", "sendrecv"]


def test_what_a_seat_may_not_send_is_not_taken() -> None:
    taken = read(sound("0", "sendonly"), picture("1", "sendonly"), publishes=frozenset({AUDIO}))
    assert uses(taken) == [("0", "own", None)]
    assert answered(taken)[1] == ("video", "0", "inactive")


def test_who_may_see_and_not_hear_is_given_no_sound() -> None:
    taken = offered.parse(
        offer(sound("0", "recvonly"), picture("1", "recvonly")), frozenset(), [frozenset({VIDEO})],
        VideoCodec.VP8, announce=False,
    )  # fmt: skip
    assert uses(taken) == [("1", "line", 0)]
    assert answered(taken)[0] == ("audio", "0", "inactive")


def test_h264_is_taken_in_the_form_that_can_be_recorded() -> None:
    taken = read(picture("0", "sendonly", PICTURE + AVC, "120 124 102 103"), codec=VideoCodec.H264)
    assert taken.types.inward[103] == H264
    text = taken.answer(7, Transport(("::1",), 1, "u", "p", "F", VideoCodec.H264), {})
    assert "a=rtpmap:103 H264/90000" in text
    assert "packetization-mode=1;profile-level-id=42e01f" in text
    with pytest.raises(BadSdp):
        read(picture("0", "sendonly"), codec=VideoCodec.H264)


@pytest.mark.parametrize(
    "text",
    [
        "", "v=0", HEAD, "x" * 70_000, offer(), offer(section("application", "0", "sendrecv", "webrtc", "")),
        offer(sound("0", "inactive")), offer(sound("0", "sendonly"), bundle="9"),
        offer(sound("0", "sendonly"), picture("0", "sendonly")),
        offer(sound("0", "sendonly")).replace("actpass", "passive"),
        offer(sound("0", "sendonly")).replace("a=rtcp-mux\r\n", ""),
        offer(sound("0", "sendonly")).replace("opus", "PCMU"),
        offer(sound("0", "sendonly")).replace("a=rtpmap:109", "a=rtpmap:999"),
        offer(sound("0", "sendonly")).replace("a=ice-pwd", "a=nothing"),
    ],
)  # fmt: skip
def test_an_offer_of_which_nothing_can_be_taken(text: str) -> None:
    with pytest.raises(BadSdp):
        offered.parse(text, BOTH, [BOTH], VideoCodec.VP8, announce=True)


def test_one_number_means_one_thing() -> None:
    other = picture("1", "recvonly", "a=rtpmap:109 VP8/90000\r\n", "109")
    taken = read(sound("0", "recvonly"), other)
    assert uses(taken) == [("0", "line", 0)]


@given(st.lists(st.tuples(st.integers(0, 600), st.characters()), max_size=4), st.integers(0, 700))
def test_no_offer_raises_anything_else(changes: list[tuple[int, str]], cut: int) -> None:
    text = offer(sound("0", "sendrecv"), picture("1", "sendrecv", PICTURE + AVC, "120 124 102 103"))
    for place, character in changes:
        text = text[:place] + character + text[place + 1 :]
    try:
        taken = offered.parse(text[:cut] if cut < 600 else text, BOTH, [BOTH], VideoCodec.VP8, announce=True)
    except BadSdp:
        return
    assert taken.answer(7, OUR, {line.mid: (11, 12) for line in taken.lines})


async def offering(
    factory: PeerFactory, name: str, *ways: tuple[str, str], lines: int = 0
) -> tuple[PeerLeg, RawClient]:
    """A peer that offers m-lines of (kind, way), connected."""
    client = RawClient()
    for kind, way in ways:
        track = AudioStreamTrack() if kind == "audio" else VideoStreamTrack()
        made = client.pc.addTransceiver(track if way == "sendonly" else kind, direction=way)
        client.ssrc[MediaKind(kind)] = made.sender._ssrc
    await client.pc.setLocalDescription(await client.pc.createOffer())
    publishes = frozenset(MediaKind(kind) for kind, way in ways if way == "sendonly")
    sdp = client.pc.localDescription.sdp
    leg = await factory.open(name, Events(), publishes=publishes, lines=lines, offer=sdp)
    answer = client.offer = await leg.answer()
    assert await leg.answer() == answer
    for transceiver in client.pc.getTransceivers():
        transceiver.sender.replaceTrack(None)
    client.dtls._handle_rtp_data = client._took_rtp  # type: ignore[method-assign]
    await client.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await until(lambda: leg.ready and client.pc.connectionState == "connected")
    return leg, client


async def test_a_publisher_and_a_viewer_of_their_own_offers_meet_one_of_ours(factory: PeerFactory) -> None:
    whip, publisher = await offering(factory, "whip", ("audio", "sendonly"), ("video", "sendonly"))
    whep, viewer = await offering(factory, "whep", ("audio", "recvonly"), ("video", "recvonly"), lines=1)
    ours, browser = await factory.open("ours", Events(), publishes=BOTH, lines=1), RawClient()
    await join(ours, browser)
    own = [int(part.split()[3]) for part in publisher.offer.split("m=")[1:]]
    assert own[0] != OPUS  # aiortc numbers Opus in its own way, or this test tells nothing
    for leg in (whep, ours):
        leg.show(0, whip, audio=True, video=True)

    async def send() -> None:
        for number in range(200):
            await publisher.dtls._send_rtp(
                packet(own[0], number, number * 960, publisher.ssrc[AUDIO], b"sound")
            )
            await publisher.dtls._send_rtp(packet(own[1], number, number * 3000, publisher.ssrc[VIDEO], KEY))
            await asyncio.sleep(0.01)
            if len(viewer.got("0")) > 5 and len(viewer.got("1")) > 5 and len(browser.got("3")) > 5:
                return

    await send()
    assert {seen.payload_type for seen in viewer.got("0")} == {own[0]}
    assert {seen.payload_type for seen in viewer.got("1")} == {own[1]}
    assert {seen.payload_type for seen in browser.got("3")} == {OPUS}
    assert {seen.payload_type for seen in browser.got("4")} == {VP8}
    assert {seen.payload for seen in viewer.got("0")} == {b"sound"}


async def test_a_call_in_h264(factory: PeerFactory) -> None:
    legs, clients = [], []
    for name in ("one", "two"):
        leg, client = (
            await factory.open(name, Events(), publishes=BOTH, lines=1, codec=VideoCodec.H264),
            RawClient(),
        )
        assert "VP8" not in await leg.offer()
        assert "a=fmtp:99 apt=98" in await leg.offer()
        await join(leg, client)
        legs.append(leg)
        clients.append(client)
    assert all("H264/90000" in client.pc.localDescription.sdp for client in clients)
    legs[1].show(0, legs[0], audio=True, video=True)
    inside = [
        b"\x41\x9a",
        b"\x7c\x45end",
        b"\x78\x00\x02\x67\x42\x00\x02\x68\xce",
        b"\x7c\x85idr",
        b"\x7c\x45idr",
    ]
    for number in range(100):
        for place, payload in enumerate(inside):
            data = packet(H264, number * 5 + place, number * 3000, clients[0].ssrc[VIDEO], payload)
            await clients[0].dtls._send_rtp(data)
        await asyncio.sleep(0.01)
        if len(clients[1].got("4")) > 12:
            break
    got = clients[1].got("4")
    assert {seen.payload_type for seen in got} == {H264}
    assert got[0].payload == inside[2]  # the parameter sets: nothing that cannot be decoded goes before them
