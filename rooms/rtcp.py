"""RTCP on the wire: what comes from a browser, and what the relay says itself. Pure.

RFC 3550 section 6 (reports), RFC 4585 (NACK, PLI), RFC 5104 section 4.3.1 (FIR), RFC 5506 (a feedback message
may travel alone), draft-alvestrand-rmcat-remb-03 (REMB).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

from rooms.rtp import BadPacket

SENDER_REPORT, RECEIVER_REPORT, TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK = 200, 201, 205, 206
_NACK, _PLI, _FIR, _APPLICATION = 1, 1, 4, 15

_HEAD = Struct("!BBH")
_U32 = Struct("!I")
_PAIR = Struct("!II")
_LOST = Struct("!HH")
_SENDER = Struct("!IQIII")
_BLOCK = Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says of one stream. `fraction` is of 256; `since` (DLSR) is in 1/65536 s."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    since: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp: int
    rtp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Nack:
    ssrc: int
    lost: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """PLI or FIR: to a relay they are one."""

    ssrc: int


Message = ReportBlock | SenderReport | Nack | KeyframeRequest


def parse(data: bytes) -> list[Message]:
    """All messages of a compound packet that matter to a relay, in order. Raises `BadPacket`."""
    messages: list[Message] = []
    at = 0
    while at < len(data):
        if len(data) - at < 4:
            raise BadPacket("RTCP header cut off")
        first, kind, words = _HEAD.unpack_from(data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            raise BadPacket("RTCP length or version")
        body = data[at + 4 : end]
        if first & 0x20:
            if not body or not 0 < body[-1] <= len(body):
                raise BadPacket("RTCP padding")
            body = body[: -body[-1]]
        messages.extend(_read(kind, first & 0x1F, body))
        at = end
    return messages


def _read(kind: int, count: int, body: bytes) -> Iterator[Message]:
    if kind == SENDER_REPORT:
        if len(body) < _SENDER.size + _BLOCK.size * count:
            raise BadPacket("sender report cut off")
        yield SenderReport(*_SENDER.unpack_from(body))
        yield from _blocks(body, _SENDER.size, count)
    elif kind == RECEIVER_REPORT:
        if len(body) < 4 + _BLOCK.size * count:
            raise BadPacket("receiver report cut off")
        yield from _blocks(body, 4, count)
    elif kind in (TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK):
        if len(body) < _PAIR.size:
            raise BadPacket("feedback cut off")
        yield from _feedback(kind, count, body)


def _blocks(body: bytes, at: int, count: int) -> Iterator[ReportBlock]:
    for place in range(count):
        ssrc, loss, highest, jitter, last, since = _BLOCK.unpack_from(body, at + place * _BLOCK.size)
        lost = loss & 0xFFFFFF
        yield ReportBlock(
            ssrc, loss >> 24, lost - (1 << 24) if lost >> 23 else lost, highest, jitter, last, since
        )


def _feedback(kind: int, form: int, body: bytes) -> Iterator[Message]:
    ssrc = _PAIR.unpack_from(body)[1]
    if kind == TRANSPORT_FEEDBACK and form == _NACK:
        if (len(body) - _PAIR.size) % 4:
            raise BadPacket("NACK cut off")
        yield Nack(ssrc, tuple(_lost(body)))
    elif kind == PAYLOAD_FEEDBACK and form == _PLI:
        yield KeyframeRequest(ssrc)
    elif kind == PAYLOAD_FEEDBACK and form == _FIR:
        for at in range(_PAIR.size, len(body) - 7, 8):
            yield KeyframeRequest(_U32.unpack_from(body, at)[0])


def _lost(body: bytes) -> Iterator[int]:
    for at in range(_PAIR.size, len(body), 4):
        first, more = _LOST.unpack_from(body, at)
        yield first
        for bit in range(16):
            if more >> bit & 1:
                yield (first + bit + 1) & 0xFFFF


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body


def sender_report(report: SenderReport) -> bytes:
    body = _SENDER.pack(report.ssrc, report.ntp, report.rtp, report.packets, report.octets)
    return _packet(SENDER_REPORT, 0, body)


def receiver_report(ssrc: int, blocks: Sequence[ReportBlock]) -> bytes:
    body = b"".join(
        _BLOCK.pack(b.ssrc, b.fraction << 24 | b.lost & 0xFFFFFF, b.highest, b.jitter, b.last_report, b.since)
        for b in blocks
    )
    return _packet(RECEIVER_REPORT, len(blocks), _U32.pack(ssrc) + body)


def nack(ssrc: int, media: int, lost: Sequence[int]) -> bytes:
    """Asks for `lost` (16-bit numbers, ascending), packed as pairs of a number and the 16 behind it."""
    pairs: list[list[int]] = []
    for number in lost:
        distance = (number - pairs[-1][0]) & 0xFFFF if pairs else 0
        if pairs and 0 < distance <= 16:
            pairs[-1][1] |= 1 << (distance - 1)
        else:
            pairs.append([number, 0])
    body = b"".join(_LOST.pack(first, more) for first, more in pairs)
    return _packet(TRANSPORT_FEEDBACK, _NACK, _PAIR.pack(ssrc, media) + body)


def pli(ssrc: int, media: int) -> bytes:
    return _packet(PAYLOAD_FEEDBACK, _PLI, _PAIR.pack(ssrc, media))


def remb(ssrc: int, media: int, bits_per_second: int) -> bytes:
    exponent = max(0, bits_per_second.bit_length() - 18)
    value = exponent << 18 | bits_per_second >> exponent
    body = _PAIR.pack(ssrc, 0) + b"REMB" + _U32.pack(1 << 24 | value) + _U32.pack(media)
    return _packet(PAYLOAD_FEEDBACK, _APPLICATION, body)
