"""The offer the server makes, and the answer a browser gives. Pure.

The server always offers, all m-lines stand from the start, payload types are fixed, everything is bundled, and of
RTP header extensions only the level of the sound is negotiated (a forwarded MID would name the sender's m-line and
misroute at the viewer). So an answer has little to say, and whatever it says beyond that is not looked at.
RFC 8866, 8829, 8839, 8842, 5888.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rooms import loudness
from rooms.bandwidth import CAP
from rooms.client import MediaKind
from rooms.codec import VideoCodec
from rooms.errors import BadSdp
from rooms.lines import MediaLine
from rooms.rtp import OPUS, PICTURE_TYPE, RTX_OF

LARGEST = 65_536  # bytes of an answer
_DIGITS = {"sha-256": 32, "sha-384": 48, "sha-512": 64}  # bytes of a fingerprint that we can check
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")  # RFC 8839 section 5.4
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_MEDIA = re.compile(r"([a-z]+) ([0-9]{1,5}) ([A-Z/]+)((?: [0-9]{1,3})+)")
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_TYPE_PREFERENCE, _HIGHEST = 126, 65_535  # of host candidates, RFC 8445 section 5.1.2

# H.264: constrained baseline, level 3.1 at least, one way of cutting it: what every browser that has it has.
_FORMAT = {
    VideoCodec.VP8: "",
    VideoCodec.H264: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
}
# Chromium would begin at 300 kbit/s and 360 lines and stay there for half a minute; others ignore this.
_START = 500  # kbit/s; less, and browsers make the first picture small


@dataclass(frozen=True, slots=True)
class Transport:
    """What the server says of itself: the same in every m-line."""

    hosts: tuple[str, ...]
    port: int
    ufrag: str
    password: str
    fingerprint: str  # SHA-256 of the certificate, as SDP writes it
    codec: VideoCodec = VideoCodec.VP8  # of all pictures
    also: frozenset[VideoCodec] = frozenset()  # other codings of those that the server sends
    most: int = CAP  # bit/s that the peer may send


@dataclass(frozen=True, slots=True)
class Answered:
    """One m-line of an answer."""

    sends: bool
    receives: bool
    takes: frozenset[int]  # of the payload types that were offered, retransmissions' among them
    ssrcs: tuple[int, ...] = ()  # on which it sends, as far as it says so

    @property
    def accepted(self) -> bool:
        return bool(self.takes)


@dataclass(frozen=True, slots=True)
class Answer:
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]  # algorithm, value
    active: bool  # the peer opens the DTLS handshake
    media: tuple[Answered, ...]  # in the order of the offer


def offer(
    session: int,
    transport: Transport,
    lines: Sequence[MediaLine],
    ssrcs: dict[str, tuple[int, int]],
    *,
    version: int = 1,
) -> str:
    """The whole offer. `ssrcs`: by mid, media and retransmission SSRC of what the server sends; `version` grows
    with each restart of ICE."""
    text = head(session, [line.mid for line in lines], version)
    for line in lines:
        text += _media(transport, line, ssrcs.get(line.mid))
    return "\r\n".join(text) + "\r\n"


def head(session: int, mids: Sequence[str], version: int = 1) -> list[str]:
    """The lines of a description before its first m-line; `mids` are bundled."""
    return [
        "v=0",
        f"o=- {session} {version} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {' '.join(mids)}",
        "a=msid-semantic:WMS *",
    ]


def _media(transport: Transport, line: MediaLine, ssrcs: tuple[int, int] | None) -> list[str]:
    audible, number = line.kind is MediaKind.AUDIO, PICTURE_TYPE[transport.codec]
    text = carrier(
        transport,
        line,
        types(line, transport.codec, transport.also),
        way="recvonly" if ssrcs is None else "sendonly",
        setup="actpass",
    )
    if audible:
        text += [*sound(OPUS), f"a=extmap:{loudness.EXTENSION} {loudness.URI}"]
    else:
        most = transport.most if line.use == "own" else None
        for codec in _codings(line, transport.codec, transport.also):
            coded = PICTURE_TYPE[codec]
            text += picture(codec, coded, RTX_OF[coded], _FORMAT[codec], most)
    if ssrcs is None:
        if not audible:
            text.append(f"a=rtcp-fb:{number} goog-remb")
    else:
        text += streams(line, *ssrcs)
    return text + candidates(transport)


def _codings(line: MediaLine, codec: VideoCodec, also: Collection[VideoCodec]) -> tuple[VideoCodec, ...]:
    """Of one m-line for pictures, the call's first."""
    return (codec, *sorted({*also} - {codec})) if line.use == "line" else (codec,)


def types(line: MediaLine, codec: VideoCodec, also: Collection[VideoCodec]) -> tuple[int, ...]:
    """The payload types that one m-line offers, in their order."""
    if line.kind is MediaKind.AUDIO:
        return (OPUS,)
    coded = [PICTURE_TYPE[coding] for coding in _codings(line, codec, also)]
    return tuple(number for media in coded for number in (media, RTX_OF[media]))


def carrier(
    transport: Transport, line: MediaLine, formats: Sequence[int], *, way: str, setup: str
) -> list[str]:
    """An m-line and how it is carried."""
    version = 6 if ":" in transport.hosts[0] else 4
    limited = line.use == "own" and line.kind is MediaKind.VIDEO
    return [
        f"m={line.kind} {transport.port} UDP/TLS/RTP/SAVPF {' '.join(map(str, formats))}",
        f"c=IN IP{version} {transport.hosts[0]}",
        *([f"b=TIAS:{transport.most}"] if limited else []),  # RFC 3890
        f"a=rtcp:9 IN IP{version} {transport.hosts[0]}",
        f"a=mid:{line.mid}",
        f"a={way}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=ice-ufrag:{transport.ufrag}",
        f"a=ice-pwd:{transport.password}",
        f"a=fingerprint:sha-256 {transport.fingerprint}",
        f"a=setup:{setup}",
    ]


def candidates(transport: Transport) -> list[str]:
    told = []
    for place, host in enumerate(transport.hosts):
        priority = _TYPE_PREFERENCE << 24 | (_HIGHEST - place) << 8 | 255
        told.append(f"a=candidate:{place + 1} 1 udp {priority} {host} {transport.port} typ host")
    return [*told, "a=end-of-candidates"]


def sound(number: int) -> list[str]:
    """What is said of Opus as payload type `number`."""
    return [
        f"a=rtpmap:{number} opus/48000/2",
        f"a=fmtp:{number} minptime=10;useinbandfec=1;usedtx=1",
        f"a=rtcp-fb:{number} nack",
    ]


def picture(codec: VideoCodec, number: int, rtx: int | None, parameters: str, most: int | None) -> list[str]:
    """What is said of payload type `number`; `most`: bit/s that its sender may use, and is told where to begin."""
    begin = "" if most is None else f"x-google-start-bitrate={min(_START, most // 1000)}"
    parameters = ";".join(part for part in (parameters, begin) if part)
    return [
        f"a=rtpmap:{number} {codec.upper()}/90000",
        *([f"a=fmtp:{number} {parameters}"] if parameters else []),
        f"a=rtcp-fb:{number} ccm fir",
        f"a=rtcp-fb:{number} nack",
        f"a=rtcp-fb:{number} nack pli",
        *([] if rtx is None else [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={number}"]),
    ]


def streams(line: MediaLine, ssrc: int, rtx: int, *, mended: bool = True) -> list[str]:
    """Sound and picture of one line are one MediaStream: that is what makes a browser keep them in step."""
    stream = line.use if line.line is None else f"line{line.line}"
    text = [f"a=msid:{stream} {stream}-{line.kind}"]
    media = f"a=ssrc:{ssrc} cname:{stream}"  # before the other: Chromium takes the first for the picture
    if line.kind is not MediaKind.VIDEO or not mended:
        return [*text, media]
    return [*text, f"a=ssrc-group:FID {ssrc} {rtx}", media, f"a=ssrc:{rtx} cname:{stream}"]


class Section:
    """The attributes of one m-line, or of the session: the values of each name, in order."""

    def __init__(self, media: str = "") -> None:
        self.media = media
        self.attributes: dict[str, list[str]] = {}

    def add(self, text: str) -> None:
        name, _, value = text.partition(":")
        self.attributes.setdefault(name, []).append(value.strip())

    def one(self, name: str) -> str | None:
        values = self.attributes.get(name)
        return values[0] if values else None


def parse_answer(
    text: str,
    lines: Sequence[MediaLine],
    codec: VideoCodec = VideoCodec.VP8,
    also: Collection[VideoCodec] = (),
) -> Answer:
    """Reads an answer to an offer of `lines`. Raises `BadSdp`, and nothing else, for whatever cannot be used."""
    session, found = sections(text)
    if len(found) != len(lines):
        raise BadSdp(f"{len(found)} m-lines for {len(lines)}")
    media = tuple(
        _answered(section, line, types(line, codec, also)) for section, line in zip(found, lines, strict=True)
    )
    taken = [section for section, answered in zip(found, media, strict=True) if answered.accepted]
    if not taken:
        raise BadSdp("every m-line was rejected")
    bundled(session, taken)
    ufrag, password = credentials(taken[0], session)
    setup = taken[0].one("setup") or session.one("setup")
    if setup not in ("active", "passive"):
        raise BadSdp(f"setup {setup!r:.20}")
    return Answer(ufrag, password, fingerprints(taken[0], session), setup == "active", media)


def sections(text: str) -> tuple[Section, list[Section]]:
    """What stands before the first m-line, and each m-line with what belongs to it. Raises `BadSdp`."""
    if len(text) > LARGEST:
        raise BadSdp("too large")
    if not text.startswith("v=0"):
        raise BadSdp("no v=0")
    session = current = Section()
    found: list[Section] = []
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("m="):
            current = Section(line[2:])
            found.append(current)
            if len(found) > 64:
                raise BadSdp("too many m-lines")
        elif line.startswith("a="):
            current.add(line[2:])
        elif line and line[1:2] != "=":
            raise BadSdp(f"a line that is none: {line!r:.40}")
    return session, found


@dataclass(frozen=True, slots=True)
class Shape:
    """What an m-line says of itself."""

    kind: str
    taken: bool  # its port is not 0
    formats: tuple[int, ...]
    sends: bool
    receives: bool


def shape(section: Section) -> Shape | None:
    """`None`: it cannot be read."""
    match = _MEDIA.fullmatch(section.media)
    if match is None:
        return None
    kind, port, _, formats = match.groups()
    way = next((name for name in _DIRECTIONS if name in section.attributes), "sendrecv")
    sends, receives = way in ("sendrecv", "sendonly"), way in ("sendrecv", "recvonly")
    return Shape(kind, port != "0", tuple(map(int, formats.split())), sends, receives)


def _answered(section: Section, line: MediaLine, offered: Sequence[int]) -> Answered:
    found = shape(section)
    if found is None:
        raise BadSdp(f"m-line {section.media!r:.60}")
    if found.kind != line.kind:
        raise BadSdp(f"{found.kind:.20} where {line.kind} was offered")
    mid = section.one("mid")
    if not found.taken:
        return Answered(sends=False, receives=False, takes=frozenset())
    if mid != line.mid:
        raise BadSdp(f"mid {mid!r:.20} where {line.mid} was offered")
    if "rtcp-mux" not in section.attributes:
        raise BadSdp("RTCP is not multiplexed")
    takes = frozenset(offered).intersection(found.formats)
    if takes.issubset(RTX_OF.values()):
        return Answered(sends=False, receives=False, takes=frozenset())
    return Answered(found.sends, found.receives, takes, _ssrcs(section))


def _ssrcs(section: Section) -> tuple[int, ...]:
    """The numbers of the first few `a=ssrc` lines (RFC 5576), each once."""
    told = [value.split(" ", 1)[0] for value in section.attributes.get("ssrc", [])[:16]]
    numbers = [int(number) for number in dict.fromkeys(told) if re.fullmatch("[0-9]{1,10}", number)]
    return tuple(number for number in numbers if 0 < number < 1 << 32)[:4]


def bundled(session: Section, taken: Sequence[Section]) -> None:
    """Raises `BadSdp` unless all of `taken` are in one bundle."""
    groups = [value.split() for value in session.attributes.get("group", [])]
    bundle = next((group[1:] for group in groups if group[:1] == ["BUNDLE"]), [])
    if any(section.one("mid") not in bundle for section in taken):
        raise BadSdp("not everything is bundled")


def credentials(section: Section, session: Section) -> tuple[str, str]:
    """The ICE username fragment and password. Raises `BadSdp`."""
    ufrag = _required("ice-ufrag", _UFRAG, section, session)
    return ufrag, _required("ice-pwd", _PASSWORD, section, session)


def _required(name: str, form: re.Pattern[str], section: Section, session: Section) -> str:
    value = section.one(name) or session.one(name)
    if value is None or not form.fullmatch(value):
        raise BadSdp(f"{name} {value!r:.40}")
    return value


def fingerprints(section: Section, session: Section) -> tuple[tuple[str, str], ...]:
    """Those that we can check; RFC 8122 section 5 wants at least one."""
    found = []
    for value in (section.attributes.get("fingerprint") or session.attributes.get("fingerprint") or [])[:8]:
        algorithm, _, digits = value.partition(" ")
        size = _DIGITS.get(algorithm.lower())
        if size is None:
            continue
        if not re.fullmatch(rf"(?:[0-9A-Fa-f]{{2}}:){{{size - 1}}}[0-9A-Fa-f]{{2}}", digits):
            raise BadSdp("fingerprint")
        found.append((algorithm.lower(), digits.upper()))
    if not found:
        raise BadSdp("no fingerprint")
    return tuple(found)
