"""Packets on the wire: read as aiortc reads them, and whatever is broken is refused by `BadPacket` alone."""

import contextlib

import pytest
from aiortc import rtp as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from rooms import rtcp
from rooms.client import MediaKind
from rooms.rtp import (
    RTX,
    VP8,
    BadPacket,
    begins_vp8_keyframe,
    extend,
    payload_span,
    unwrap_rtx,
    wrap_rtx,
)
from tests.fakes.rtp import DELTA, KEY, MORE, packet, retransmission, seen

U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFFFFFF)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_a_broken_rtp_packet_is_refused_and_nothing_else(data: bytes) -> None:
    for read in (payload_span, begins_vp8_keyframe, lambda d: unwrap_rtx(d, VP8, 1)):
        with contextlib.suppress(BadPacket):
            read(data)
    try:
        start, end = payload_span(data)
    except BadPacket:
        with pytest.raises(ValueError, match=r".+"):
            reference.RtpPacket.parse(data)
    else:
        assert data[start:end] == _reference_payload(data)


def _reference_payload(data: bytes) -> bytes:
    extensions = bytearray(data)
    if data[0] & 0x10:  # the reference also parses what is in the extension; an unknown profile is left alone
        at = 12 + 4 * (data[0] & 0x0F)
        extensions[at : at + 2] = b"\xab\xcd"
    return reference.RtpPacket.parse(bytes(extensions)).payload


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_broken_rtcp_is_refused_and_nothing_else(data: bytes) -> None:
    try:
        messages = rtcp.parse(data)
    except BadPacket:
        return
    assert all(isinstance(message, rtcp.Message) for message in messages)


@settings(deadline=None)
@given(st.integers(200, 206), st.integers(0, 31), st.binary(max_size=100))
def test_well_framed_nonsense_is_refused_or_read(kind: int, count: int, body: bytes) -> None:
    body += bytes(-len(body) % 4)
    framed = bytes([0x80 | count, kind, 0, len(body) // 4]) + body
    with contextlib.suppress(BadPacket):
        rtcp.parse(framed * 2)


@settings(deadline=None)
@given(U16, st.integers(0, 1 << 40))
def test_extend_finds_the_nearest_number(sequence: int, highest: int) -> None:
    number = extend(sequence, highest)
    assert number & 0xFFFF == sequence
    assert -0x8000 <= number - highest < 0x8000


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        (KEY, True),
        (DELTA, False),
        (MORE, False),
        (b"\x90\x80\x05" + KEY[1:], True),  # picture id of one byte
        (b"\x90\x80\x85\x05" + KEY[1:], True),  # of two bytes
        (b"\x90\xe0\x85\x05\x01\x20" + KEY[1:], True),  # and TL0PICIDX and TID
        (b"\x90\xf0\x85\x05\x01\x20" + DELTA[1:], False),
        (b"\x91\x80\x05" + KEY[1:], False),  # a later partition
        (b"", False),
        (b"\x90", False),
        (b"\x90\x80", False),
        (b"\x90\x80\x85", False),
    ],
)
def test_key_frames_are_told_from_others(payload: bytes, key: bool) -> None:
    assert begins_vp8_keyframe(packet(MediaKind.VIDEO, 1, payload=payload)) is key


def test_a_retransmission_is_unwrapped_as_aiortc_wraps_it() -> None:
    original = packet(MediaKind.VIDEO, 700, 90_000, 5, KEY, marker=True)
    wrapped = reference.wrap_rtx(reference.RtpPacket.parse(original), RTX, 9, 6).serialize()
    assert unwrap_rtx(wrapped, VP8, 5) == original
    assert retransmission(original, 9, 6) == wrapped


def test_a_retransmission_is_wrapped_as_aiortc_unwraps_it() -> None:
    original = packet(MediaKind.VIDEO, 700, 90_000, 5, KEY, marker=True)
    wrapped = wrap_rtx(original, 3, 800, 91_000, 6)
    assert (seen(wrapped).ssrc, seen(wrapped).sequence, seen(wrapped).payload_type) == (6, 3, RTX)
    inner = reference.unwrap_rtx(reference.RtpPacket.parse(wrapped), VP8, 5)
    assert (inner.sequence_number, inner.timestamp, inner.payload, inner.marker) == (800, 91_000, KEY, 1)


def test_padding_is_no_retransmission() -> None:
    padding = bytes([0xA0]) + packet(RTX, 1)[1:12] + bytes(9) + bytes([10])
    assert unwrap_rtx(padding, VP8, 5) is None


@settings(deadline=None)
@given(U32, U32, st.lists(U16, max_size=40, unique=True).map(sorted))
def test_nacks_are_written_as_aiortc_reads_them(own: int, media: int, lost: list[int]) -> None:
    (read,) = reference.RtcpPacket.parse(rtcp.nack(own, media, lost))
    assert isinstance(read, reference.RtcpRtpfbPacket)
    assert (read.media_ssrc, [number & 0xFFFF for number in read.lost]) == (media, lost)
    assert rtcp.parse(rtcp.nack(own, media, lost)) == [rtcp.Nack(media, tuple(lost))]


@settings(deadline=None)
@given(U32, st.integers(1, (1 << 32) - 1))
def test_remb_is_written_as_aiortc_reads_it(media: int, rate: int) -> None:
    (read,) = reference.RtcpPacket.parse(rtcp.remb(1, media, rate))
    assert isinstance(read, reference.RtcpPsfbPacket)
    told, ssrcs = reference.unpack_remb_fci(read.fci)
    assert ssrcs == [media]
    assert 0 <= rate - told <= rate / 0x20000


def test_reports_are_written_as_aiortc_reads_them() -> None:
    block = rtcp.ReportBlock(7, 128, -3, 0x10005, 44, 0xABCD, 65_536)
    report = rtcp.SenderReport(9, 1 << 40 | 5, 90_000, 11, 1100)
    data = rtcp.sender_report(report) + rtcp.receiver_report(1, [block]) + rtcp.pli(1, 9)
    sender, receiver, pli = reference.RtcpPacket.parse(data)
    assert isinstance(sender, reference.RtcpSrPacket)
    assert isinstance(receiver, reference.RtcpRrPacket)
    assert isinstance(pli, reference.RtcpPsfbPacket)
    assert sender.sender_info == reference.RtcpSenderInfo(1 << 40 | 5, 90_000, 11, 1100)
    assert receiver.reports == [reference.RtcpReceiverInfo(7, 128, -3, 0x10005, 44, 0xABCD, 65_536)]
    assert (pli.fmt, pli.media_ssrc) == (1, 9)
    assert rtcp.parse(data) == [report, block, rtcp.KeyframeRequest(9)]


def test_a_full_intra_request_asks_for_key_frames_too() -> None:
    entry = (77).to_bytes(4, "big") + b"\x01\x00\x00\x00"
    fir = reference.RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=entry)
    assert rtcp.parse(bytes(fir)) == [rtcp.KeyframeRequest(77)]


def test_what_a_relay_does_not_need_is_passed_over() -> None:
    others = bytes(reference.RtcpByePacket([1])) + bytes(
        reference.RtcpSdesPacket([reference.RtcpSourceInfo(1, [(1, b"cname")])])
    )
    assert rtcp.parse(others + rtcp.pli(1, 2)) == [rtcp.KeyframeRequest(2)]
