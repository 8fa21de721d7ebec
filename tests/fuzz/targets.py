"""What strangers and hostile peers can send us, each with the code that reads it first. `make fuzz` and the tests.

A target takes any bytes and raises nothing; what must hold for every input is asserted in it. Seeds are made by
our own code, so that a fuzzer begins where parsing does.
"""

import contextlib
import json
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from aioice import stun

from recording import h264, matroska
from recording.pictures import H264, VP8
from recording.rtp import OpusFrames, Packet, Vp8Frames, parse
from recording.track import Track
from rooms import loudness, rtcp, rtp
from rooms.client import MediaKind
from rooms.codec import VideoCodec
from rooms.errors import BadSdp
from rooms.lines import BOTH, media_lines
from rooms.relay import Relay
from signaling import messages, offered, sdp
from signaling.binding import parse_binding
from signaling.ice import Endpoint, UdpPort
from signaling.protocol import Protocol
from tests.fakes.rtp import DELTA, KEY, MORE, FakePort, packet, retransmission
from tests.fuzz.handshake import dtls, dtls_seeds
from tests.fuzz.pieces import joined, pieces

Seeds = Callable[[], Iterator[bytes]]
LINES = media_lines(BOTH, 1)
TRANSPORT = sdp.Transport(("192.0.2.7", "2001:db8::7"), 4000, "ours", "w" * 24, ":".join(["AB"] * 32))
ADDRESS = ("192.0.2.99", 5000)


@dataclass(frozen=True)
class Target:
    name: str
    run: Callable[[bytes], None]
    seeds: Seeds


# --- the port: STUN, and the sorting of what comes ---


class _Sock:
    def sendto(self, data: Any, address: Any) -> None:
        assert address
        assert bytes(data)


class _Owner:
    def __init__(self, port: UdpPort) -> None:
        self.port = port

    def media(self, size: int, now: float) -> None:
        assert size >= 1
        assert 127 < self.port.inbox.view[0] < 192

    def dtls(self, data: bytes) -> None:
        assert 19 < data[0] < 64

    def heard(self, now: float) -> None: ...

    def reachable(self) -> None: ...


def _opened() -> tuple[UdpPort, Endpoint]:
    port = UdpPort(Counter())
    agent = port.agent(_Owner(port))
    agent.remote = ("them", "t" * 24)
    return port, Endpoint("192.0.2.7", cast("Any", _Sock()))


def front(data: bytes) -> None:
    """Every datagram, from a stranger and from an address that a leg holds."""
    port, endpoint = _opened()
    (agent,) = port._agents.values()
    check = _check(agent.ufrag, agent.password)
    for part in (data, check, data, *pieces(data)):
        port.inbox.buffer[0 : len(part[:1600])] = part[:1600]
        port._sort(endpoint, min(len(part), 1600), ADDRESS, 1000.0)
    assert not port.counters["internal"]
    assert len(endpoint.claims) <= 1


def _check(ufrag: str = "abcd", password: str = "p" * 24) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, b"0123456789ab")
    message.attributes["USERNAME"] = f"{ufrag}:them"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 7
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    message.add_fingerprint()
    return bytes(message)


def binding(data: bytes) -> None:
    message = parse_binding(data)
    if message is not None:
        str(message.attributes.get("USERNAME", ""))
        message.check_message_integrity(b"password")


def _stun_seeds() -> Iterator[bytes]:
    yield _check()
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, b"0123456789ab")
    answer.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.1", 9)
    answer.add_message_integrity(b"p")
    answer.add_fingerprint()
    yield bytes(answer)
    error = stun.Message(stun.Method.BINDING, stun.Class.ERROR, b"0123456789ab")
    error.attributes["ERROR-CODE"] = (487, "Role Conflict")
    error.add_fingerprint()
    yield bytes(error)


def _front_seeds() -> Iterator[bytes]:
    yield from _stun_seeds()
    yield joined(b"\x16\xfe\xfd" + bytes(20), packet(MediaKind.AUDIO, 1), rtcp.pli(1, 2), b"\x40turn")


# --- RTP and RTCP ---


def rtp_packet(data: bytes) -> None:
    """Header, extension, retransmission, the beginnings of key frames."""
    for payload_type in (rtp.VP8, rtp.H264, rtp.OPUS):
        assert rtp.begins_keyframe(data, payload_type) in (True, False)
    heard = loudness.level(data)
    assert heard is None or 0 <= heard <= 127
    try:
        start, end = rtp.payload_span(data)
    except rtp.BadPacket:
        return
    assert rtp.HEADER_SIZE <= start <= end <= len(data)
    wrapped = rtp.wrap_rtx(data, 1, 2, 3, 4)
    inner = rtp.unwrap_rtx(wrapped, data[1] & 0x7F, 9)
    assert inner is not None
    assert rtp.payload_span(inner)[1] - rtp.payload_span(inner)[0] == end - start
    assert inner[2:4] == b"\0\x02"
    rtp.unwrap_rtx(data, 96, 9)


def _rtp_seeds() -> Iterator[bytes]:
    for payload in (KEY, DELTA, MORE, b"\x90\xe0\x80\x01\x00\x00" + KEY):
        yield packet(MediaKind.VIDEO, 7, payload=payload, marker=True)
    for payload in (
        b"\x67\x42",
        b"\x65\x88",
        b"\x78\0\x02\x67\x42\0\x02\x68\xce",
        b"\x7c\x85abc",
        b"\x7c\x45abc",
    ):
        yield packet(rtp.H264, 7, payload=payload)
    yield retransmission(packet(MediaKind.VIDEO, 7, payload=KEY), 1, 2)
    extended = packet(MediaKind.AUDIO, 1, payload=b"\xbe\xde\0\x01\x10\x85\0\0sound")
    yield bytes([0x90]) + extended[1:]
    yield bytes([0xB2]) + extended[1:] + b"\0\0\x03"


def rtcp_packet(data: bytes) -> None:
    with contextlib.suppress(rtp.BadPacket):
        for message in rtcp.parse(data):
            assert message is not None
            if isinstance(message, rtcp.Nack):
                assert all(0 <= number <= 0xFFFF for number in message.lost)


def _rtcp_seeds() -> Iterator[bytes]:
    block = rtcp.ReportBlock(1, 2, -3, 4, 5, 6, 7)
    sender = rtcp.sender_report(rtcp.SenderReport(1, 2, 3, 4, 5))
    yield sender + rtcp.receiver_report(1, [block]) + rtcp.pli(1, 2)
    yield rtcp.nack(1, 2, [1, 2, 3, 65_535]) + rtcp.remb(1, 2, 900_000)
    yield bytes([0x84, 206]) + struct.pack("!HIIIB3x", 4, 1, 0, 2, 9)  # FIR
    yield bytes([0x81, 202, 0, 3]) + struct.pack("!IBB", 1, 1, 2) + b"me" + bytes(4)  # SDES
    yield bytes([0x81, 203, 0, 1]) + bytes(4)  # BYE
    yield bytes([0x8F, 205]) + struct.pack("!HIIHHIB", 4, 1, 2, 3, 4, 5, 6) + bytes(3)  # transport-wide


def relay(data: bytes) -> None:
    """A peer that is authentic and sends whatever it likes, before a viewer and a recorder."""
    dropped: Counter[str] = Counter()
    ours, theirs = FakePort(), FakePort()
    peer = Relay(ours, LINES, dropped)
    viewer = Relay(theirs, LINES, dropped)
    viewer.show(0, peer, 1000.0, audio=True, video=True)
    now = 1000.0
    for part in pieces(data):
        now += 0.02
        if part[:1] >= b"\xf0":
            peer.tick(now, 0.05)
        elif len(part) > 1 and 191 < part[1] < 224:
            if peer.knows_reporter(part[4:8]):
                peer.rtcp(part, now)
        elif peer.knows(part[8:12]):
            peer.rtp(part, now)
    assert len(ours.control) <= 4 * (len(data) + 1)
    assert len(peer._handlers) <= 16
    assert len(theirs.raw) <= len(data)


def _relay_seeds() -> Iterator[bytes]:
    key = packet(MediaKind.VIDEO, 10, payload=KEY, marker=True)
    later = packet(MediaKind.VIDEO, 13, 3000, payload=DELTA)
    lost = retransmission(packet(MediaKind.VIDEO, 11, 3000, payload=DELTA), 1, 0x2222)
    sound = packet(MediaKind.AUDIO, 1, ssrc=0x3333)
    report = rtcp.sender_report(rtcp.SenderReport(0x1111, 1 << 40, 2, 3, 4))
    yield joined(key, later, lost, b"\xf0", sound, report, b"\xf0", key)
    yield joined(sound, *(packet(MediaKind.AUDIO, 1 + 700 * n, ssrc=0x3333) for n in range(4)))


# --- recording ---


def frames(data: bytes) -> None:
    """VP8, H.264 and Opus as one peer's payloads."""
    makers: list[Vp8Frames | h264.H264Frames | OpusFrames] = [Vp8Frames(), h264.H264Frames(), OpusFrames()]
    for number, part in enumerate(pieces(data)):
        for maker in makers:
            if part[:1] == b"\xff":
                maker.hole()
                continue
            stamp, marker = part[:1], part[1:2] > b"\x7f"
            frame = maker.push(Packet(number, int.from_bytes(stamp), 1, marker, part[2:], 0.0))
            assert frame is None or frame.data


def _frame_seeds() -> Iterator[bytes]:
    yield joined(b"\x01\x00" + KEY, b"\x01\x80" + MORE, b"\x02\x80" + DELTA)
    sets = b"\x78\0\x08\x67\x42\xc0\x1e\xd9\x03\xc5\x68\0\x04\x68\xce\x3c\x80"
    yield joined(
        b"\x01\x00" + sets, b"\x01\x00\x7c\x85\x88abc", b"\x01\x80\x7c\x45def", b"\x02\x80\x41\x9aabc"
    )
    yield joined(b"\x01\x80\xf8\xff\xfe", b"\xff", b"\x02\x80\xfb\x03")


def track(data: bytes) -> None:
    """What the writer's thread does with a peer's packets: the file stays readable whatever they are."""
    coded = H264 if data[:1] > b"\x7f" else VP8
    made = Track(0.0, coded)
    now, written = 0.0, b""
    for part in pieces(data[1:]):
        now += 0.05
        kind = MediaKind.AUDIO if len(part) > 1 and part[1] & 0x7F == rtp.OPUS else MediaKind.VIDEO
        made.packet(kind, part, now)
        made.expire(now)
        made.sender_report(kind, int.from_bytes(part[:8]), int.from_bytes(part[4:8]))
        written += made.take()
    made.flush()
    written += made.take()
    found = list(matroska.blocks(memoryview(written)))
    assert len(found) == sum(made.counters(kind).frames for kind in MediaKind)


def _track_seeds() -> Iterator[bytes]:
    pictures = [
        packet(MediaKind.VIDEO, n, n * 3000, payload=p, marker=True) for n, p in enumerate((KEY, DELTA))
    ]
    sounds = [packet(MediaKind.AUDIO, n, n * 960, payload=b"\xf8\xff\xfe") for n in range(2)]
    yield b"\0" + joined(*pictures, *sounds)
    sets = b"\x78\0\x08\x67\x42\xc0\x1e\xd9\x03\xc5\x68\0\x04\x68\xce\x3c\x80"
    yield b"\xff" + joined(packet(98, 0, payload=sets), packet(98, 1, payload=b"\x65\x88abc", marker=True))


def file(data: bytes) -> None:
    """A raw file after a crash or a failing disk."""
    with contextlib.suppress(matroska.ForeignBytesError):
        end = 0
        for block in matroska.blocks(memoryview(data)):
            assert end <= block.start <= block.start + block.size <= len(data)
            end = block.start + block.size


def _file_seeds() -> Iterator[bytes]:
    writer = matroska.LiveWriter()
    whole = writer.start((640, 480))
    for number in range(3):
        whole += writer.block(MediaKind.VIDEO, number * 1500, number != 1, KEY)
        whole += writer.block(MediaKind.AUDIO, number * 1500 + 20, True, b"\xf8\xff\xfe")
    yield whole
    yield whole[:-3] + bytes(40)


# --- signaling ---


def answer(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for codec in VideoCodec:
        with contextlib.suppress(BadSdp):
            read = sdp.parse_answer(text, LINES, codec)
            assert len(read.media) == len(LINES)
            assert any(media.accepted for media in read.media)


def offer(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for codec in VideoCodec:
        with contextlib.suppress(BadSdp):
            read = offered.parse(text, BOTH, [BOTH], codec, announce=True)
            assert len(read.lines) == len(read.peer.media)
            assert len({(line.use, line.line, line.kind) for line in read.lines}) == len(read.lines)
            told = read.answer(1, TRANSPORT, {line.mid: (11, 12) for line in read.lines})
            assert told.startswith("v=0\r\n")


def _sdp_seeds() -> Iterator[bytes]:
    for codec in VideoCodec:
        transport = sdp.Transport(TRANSPORT.hosts, 4000, "ours", "w" * 24, TRANSPORT.fingerprint, codec)
        ssrcs = {line.mid: (11, 12) for line in LINES if line.use != "own"}
        made = sdp.offer(1, transport, LINES, ssrcs)
        yield made.encode()
        yield made.replace("actpass", "active").replace("a=recvonly", "a=sendrecv").encode()


def message(data: bytes) -> None:
    with contextlib.suppress(messages.BadMessageError):
        read = messages.parse(data)
        assert json.loads(json.dumps(read)) == read
        assert read["type"] in messages.MESSAGES


def socket(data: bytes) -> None:
    """A socket's frames, one after the other, in any state of its life."""
    protocol = Protocol(1000.0)
    now = 1000.0
    for number, part in enumerate(pieces(data)):
        now += 0.01
        if number == 1:
            protocol.entered(now)
        protocol.frame(part.decode("utf-8", "replace") if part[:1] != b"\0" else part, now)
        protocol.tick(now)


def _message_seeds() -> Iterator[bytes]:
    yield b'{"type": "hello", "ticket": "kbt_x", "version": 1, "video": ["vp8", "h264"]}'
    yield b'{"type": "answer", "offer": "c", "sdp": "v=0"}'
    yield b'{"type": "act", "id": "a1", "act": "warn", "warning": "text", "seat": null, "text": "\\ud800"}'
    yield b'{"type": "devices", "camera": true, "microphone": false}'
    yield b'{"type": "ping", "at": 1e309}'


def _socket_seeds() -> Iterator[bytes]:
    yield joined(*_message_seeds())


TARGETS = (
    Target("front", front, _front_seeds),
    Target("stun", binding, _stun_seeds),
    Target("dtls", dtls, dtls_seeds),
    Target("rtp", rtp_packet, _rtp_seeds),
    Target("rtcp", rtcp_packet, _rtcp_seeds),
    Target("relay", relay, _relay_seeds),
    Target("frames", frames, _frame_seeds),
    Target("parse", lambda data: cast("None", parse(data, 0.0)), _rtp_seeds),
    Target("track", track, _track_seeds),
    Target("file", file, _file_seeds),
    Target("answer", answer, _sdp_seeds),
    Target("offer", offer, _sdp_seeds),
    Target("message", message, _message_seeds),
    Target("socket", socket, _socket_seeds),
)
