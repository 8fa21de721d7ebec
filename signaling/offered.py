"""An offer that the peer made (WHIP, RFC 9725; WHEP), and our answer to it. Pure.

What we can is fixed, so the offer's m-lines are laid on it in their order: the first that sends sound or picture
becomes the peer's own, those that receive carry the announcements' and the others' sound and pictures; whatever
is left over, has no coding of ours or no place in this seat is refused (port 0). Payload types are the peer's;
`Types` changes them into ours and back at the leg's border.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rooms.client import MediaKind
from rooms.codec import VideoCodec
from rooms.errors import BadSdp
from rooms.lines import MediaLine
from rooms.rtp import OPUS, PICTURE_TYPE, RTX_OF
from signaling import sdp
from signaling.sdp import Answer, Answered, Section, Transport

_PARAMETERS = re.compile(r"(?:^|;)\s*([a-z-]+)=([^;]*)")
_ENCODING = {MediaKind.AUDIO: "opus/48000", VideoCodec.VP8: "vp8/90000", VideoCodec.H264: "h264/90000"}


@dataclass(frozen=True, slots=True)
class Types:
    """Tables of 128 payload types: what comes in as what we call it, and the way back; 0: none of ours."""

    inward: bytes
    outward: bytes

    def take_in(self, packet: bytes) -> bytes:
        """A packet of the peer's as our own peers number it."""
        second = packet[1] & 0x80 | self.inward[packet[1] & 0x7F]
        return packet[:1] + bytes((second,)) + packet[2:]

    def give_out(self, header: bytes) -> bytes:
        """A header of ours as the peer numbers it."""
        second = header[1] & 0x80 | self.outward[header[1] & 0x7F]
        return header[:1] + bytes((second,)) + header[2:]


@dataclass(frozen=True, slots=True)
class _Coded:
    """The peer's payload types for one m-line; `parameters` of the picture are said back."""

    media: int
    rtx: int | None
    parameters: str


@dataclass(frozen=True, slots=True)
class _Taken:
    """One m-line of the offer, and what of it is taken."""

    section: Section
    lines: tuple[MediaLine, ...]
    coded: _Coded | None
    ours: frozenset[int] = frozenset()  # what we call its payload types


@dataclass(frozen=True, slots=True)
class Offered:
    """`lines` in order and `peer` (with one `media` per line) are what a leg is made of."""

    lines: tuple[MediaLine, ...]
    peer: Answer
    types: Types
    _sections: tuple[_Taken, ...]

    def answer(self, session: int, transport: Transport, ssrcs: dict[str, tuple[int, int]]) -> str:
        """Our answer. `ssrcs` as in `sdp.offer`."""
        text = sdp.head(session, list(dict.fromkeys(line.mid for line in self.lines)))
        for taken in self._sections:
            text += _accepted(taken, transport, ssrcs) if taken.lines else _refused(taken.section)
        return "\r\n".join(text) + "\r\n"


class _Places:
    """What is free for the next m-line."""

    def __init__(
        self, publishes: frozenset[MediaKind], carries: Sequence[frozenset[MediaKind]], *, announce: bool
    ) -> None:
        self._own = set(publishes)
        self._shown = {kind: [n for n, kinds in enumerate(carries) if kind in kinds] for kind in MediaKind}
        self._announce = announce

    def take(self, kind: MediaKind, mid: str, *, sends: bool, receives: bool) -> Iterator[MediaLine]:
        if sends and kind in self._own:
            self._own.discard(kind)
            yield MediaLine(mid, kind, "own")
        if receives and self._shown[kind]:
            yield MediaLine(mid, kind, "line", self._shown[kind].pop(0))
        elif receives and self._announce and kind is MediaKind.AUDIO:
            self._announce = False
            yield MediaLine(mid, kind, "announce")


def parse(
    text: str,
    publishes: frozenset[MediaKind],
    carries: Sequence[frozenset[MediaKind]],
    codec: VideoCodec,
    *,
    announce: bool,
) -> Offered:
    """Reads an offer to a seat that may send `publishes` and is shown `carries`. Raises `BadSdp`, nothing else."""
    session, sections = sdp.sections(text)
    places = _Places(publishes, carries, announce=announce)
    types: dict[int, int] = {}
    taken = tuple(_take(section, places, codec, types) for section in sections)
    accepted = [one for one in taken if one.lines]
    if not accepted:
        raise BadSdp("nothing in it that this seat can send or be shown")
    first = accepted[0].section
    if len({one.section.one("mid") for one in accepted}) != len(accepted):
        raise BadSdp("two m-lines of one name")  # RFC 5888 section 4
    sdp.bundled(session, [one.section for one in accepted])
    setup = first.one("setup") or session.one("setup")
    if setup not in ("active", "actpass"):
        raise BadSdp(f"setup {setup!r:.20}")
    lines = tuple(line for one in accepted for line in one.lines)
    media = tuple(
        Answered(sends=line.use == "own", receives=line.use != "own", takes=one.ours)
        for one in accepted
        for line in one.lines
    )
    ufrag, password = sdp.credentials(first, session)
    peer = Answer(ufrag, password, sdp.fingerprints(first, session), active=True, media=media)
    return Offered(lines, peer, _tables(types), taken)


def _take(section: Section, places: _Places, codec: VideoCodec, types: dict[int, int]) -> _Taken:
    """`types` (the peer's to ours) grows: within a bundle each number means one thing (RFC 8843 section 9.1)."""
    nothing = _Taken(section, (), None)
    shape, mid = sdp.shape(section), section.one("mid")
    if shape is None or not shape.taken or shape.kind not in tuple(MediaKind):
        return nothing
    kind = MediaKind(shape.kind)
    coded = _coded(section, kind, codec, shape.formats)
    if mid is None or coded is None or "rtcp-mux" not in section.attributes:
        return nothing
    ours = OPUS if kind is MediaKind.AUDIO else PICTURE_TYPE[codec]
    wanted = {coded.media: ours, **({coded.rtx: RTX_OF[ours]} if coded.rtx is not None else {})}
    known = {**types, **wanted}
    if any(types.get(number, our) != our for number, our in wanted.items()) or len(known) != len(
        set(known.values())
    ):
        return nothing
    lines = tuple(places.take(kind, mid, sends=shape.sends, receives=shape.receives))
    if lines:
        types |= wanted
    return _Taken(section, lines, coded, frozenset(wanted.values()))


def _coded(section: Section, kind: MediaKind, codec: VideoCodec, formats: Sequence[int]) -> _Coded | None:
    """The first of the m-line's payload types that is what we can, and its retransmissions."""
    names = _numbered(section, "rtpmap")
    details = _numbered(section, "fmtp")
    wanted = _ENCODING[kind if kind is MediaKind.AUDIO else codec]
    for number in formats:
        name = names.get(number, "").lower()
        if name != wanted and not name.startswith(wanted + "/"):
            continue
        parameters = details.get(number, "")
        if kind is MediaKind.VIDEO and codec is VideoCodec.H264 and not _plain_h264(parameters):
            continue
        again = (n for n in formats if names.get(n, "").lower() == "rtx/90000")
        rtx = next((n for n in again if details.get(n, "").replace(" ", "") == f"apt={number}"), None)
        return _Coded(number, rtx, parameters if codec is VideoCodec.H264 else "")
    return None


def _plain_h264(parameters: str) -> bool:
    """Constrained baseline in packetization mode 1 (RFC 6184 section 8.1)."""
    told = dict(_PARAMETERS.findall(parameters.lower()))
    return told.get("packetization-mode") == "1" and told.get("profile-level-id", "").startswith("42")


def _numbered(section: Section, name: str) -> dict[int, str]:
    """`rtpmap` or `fmtp` by payload type."""
    pairs = (value.partition(" ") for value in section.attributes.get(name, []))
    return {int(number): rest.strip() for number, _, rest in pairs if re.fullmatch("[0-9]{1,3}", number)}


def _tables(types: dict[int, int]) -> Types:
    inward, outward = bytearray(128), bytearray(128)
    for theirs, ours in types.items():
        inward[theirs] = ours
        outward[ours] = theirs
    return Types(bytes(inward), bytes(outward))


def _refused(section: Section) -> list[str]:
    parts = section.media.split(" ")
    mid = section.one("mid")
    return [
        " ".join([f"m={parts[0]}", "0", *parts[2:]]),
        "c=IN IP4 0.0.0.0",
        *([f"a=mid:{mid}"] if mid is not None else []),
        "a=inactive",
    ]


def _accepted(taken: _Taken, transport: Transport, ssrcs: dict[str, tuple[int, int]]) -> list[str]:
    coded, line = taken.coded, taken.lines[-1]
    assert coded is not None  # noqa: S101 - no line is taken without a coding
    up, down = taken.lines[0].use == "own", line.use != "own"
    way = "sendrecv" if up and down else "recvonly" if up else "sendonly"
    formats = [coded.media, *([] if coded.rtx is None else [coded.rtx])]
    text = sdp.carrier(transport, taken.lines[0], formats, way=way, setup="passive")
    if line.kind is MediaKind.AUDIO:
        text += sdp.sound(coded.media)
    else:
        most = transport.most if up else None
        text += sdp.picture(transport.codec, coded.media, coded.rtx, coded.parameters, most)
        text.append(f"a=rtcp-fb:{coded.media} goog-remb")
    if down:
        text += sdp.streams(line, *ssrcs[line.mid], mended=coded.rtx is not None)
    return text + sdp.candidates(transport)
