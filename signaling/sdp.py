"""The offer the server makes, and the answer a browser gives. Pure.

The server always offers, all m-lines stand from the start, payload types are fixed, everything is bundled, no RTP
header extension is negotiated (a forwarded MID would name the sender's m-line and misroute at the viewer). So an
answer has little to say, and whatever it says beyond that is not looked at. RFC 8866, 8829, 8839, 8842, 5888.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from rooms.client import MediaKind
from rooms.errors import BadSdp
from rooms.lines import MediaLine
from rooms.rtp import OPUS, PAYLOAD_TYPE, RTX, VP8

LARGEST = 65_536  # bytes of an answer
_DIGITS = {"sha-256": 32, "sha-384": 48, "sha-512": 64}  # bytes of a fingerprint that we can check
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")  # RFC 8839 section 5.4
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_MEDIA = re.compile(r"([a-z]+) ([0-9]{1,5}) ([A-Z/]+)((?: [0-9]{1,3})+)")
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_TYPE_PREFERENCE, _HIGHEST = 126, 65_535  # of host candidates, RFC 8445 section 5.1.2

_CODECS = {
    MediaKind.AUDIO: (
        f"a=rtpmap:{OPUS} opus/48000/2",
        f"a=fmtp:{OPUS} minptime=10;useinbandfec=1;usedtx=1",
    ),
    MediaKind.VIDEO: (
        f"a=rtpmap:{VP8} VP8/90000",
        f"a=rtcp-fb:{VP8} ccm fir",
        f"a=rtcp-fb:{VP8} nack",
        f"a=rtcp-fb:{VP8} nack pli",
        f"a=rtpmap:{RTX} rtx/90000",
        f"a=fmtp:{RTX} apt={VP8}",
    ),
}
# Chromium would begin at 300 kbit/s and 360 lines and stay there for half a minute; others ignore this.
_START = f"a=fmtp:{VP8} x-google-start-bitrate=800"
_FORMATS = {MediaKind.AUDIO: f"{OPUS}", MediaKind.VIDEO: f"{VP8} {RTX}"}


@dataclass(frozen=True, slots=True)
class Transport:
    """What the server says of itself: the same in every m-line."""

    hosts: tuple[str, ...]
    port: int
    ufrag: str
    password: str
    fingerprint: str  # SHA-256 of the certificate, as SDP writes it


@dataclass(frozen=True, slots=True)
class Answered:
    """One m-line of an answer."""

    accepted: bool
    sends: bool
    receives: bool
    rtx: bool


@dataclass(frozen=True, slots=True)
class Answer:
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]  # algorithm, value
    active: bool  # the peer opens the DTLS handshake
    media: tuple[Answered, ...]  # in the order of the offer


def offer(
    session: int, transport: Transport, lines: Sequence[MediaLine], ssrcs: dict[str, tuple[int, int]]
) -> str:
    """The whole offer. `ssrcs`: by mid, media and retransmission SSRC of what the server sends."""
    mids = " ".join(line.mid for line in lines)
    text = [
        "v=0",
        f"o=- {session} 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {mids}",
        "a=msid-semantic:WMS *",
    ]
    for line in lines:
        text += _media(transport, line, ssrcs.get(line.mid))
    return "\r\n".join(text) + "\r\n"


def _media(transport: Transport, line: MediaLine, ssrcs: tuple[int, int] | None) -> list[str]:
    host = transport.hosts[0]
    text = [
        f"m={line.kind} {transport.port} UDP/TLS/RTP/SAVPF {_FORMATS[line.kind]}",
        f"c=IN IP{ip_address(host).version} {host}",
        f"a=rtcp:9 IN IP{ip_address(host).version} {host}",
        f"a=mid:{line.mid}",
        "a=recvonly" if ssrcs is None else "a=sendonly",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=ice-ufrag:{transport.ufrag}",
        f"a=ice-pwd:{transport.password}",
        f"a=fingerprint:sha-256 {transport.fingerprint}",
        "a=setup:actpass",
        *_CODECS[line.kind],
    ]
    if ssrcs is None:
        if line.kind is MediaKind.VIDEO:
            text += [f"a=rtcp-fb:{VP8} goog-remb", _START]
    else:
        text += _streams(line, *ssrcs)
    for place, candidate in enumerate(transport.hosts):
        priority = _TYPE_PREFERENCE << 24 | (_HIGHEST - place) << 8 | 255
        text.append(f"a=candidate:{place + 1} 1 udp {priority} {candidate} {transport.port} typ host")
    text.append("a=end-of-candidates")
    return text


def _streams(line: MediaLine, ssrc: int, rtx: int) -> list[str]:
    """Sound and picture of one line are one MediaStream: that is what makes a browser keep them in step."""
    stream = line.use if line.line is None else f"line{line.line}"
    text = [f"a=msid:{stream} {stream}-{line.kind}"]
    media = f"a=ssrc:{ssrc} cname:{stream}"  # before the other: Chromium takes the first for the picture
    if line.kind is not MediaKind.VIDEO:
        return [*text, media]
    return [*text, f"a=ssrc-group:FID {ssrc} {rtx}", media, f"a=ssrc:{rtx} cname:{stream}"]


class _Section:
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


def parse_answer(text: str, lines: Sequence[MediaLine]) -> Answer:
    """Reads an answer to an offer of `lines`. Raises `BadSdp`, and nothing else, for whatever cannot be used."""
    if len(text) > LARGEST:
        raise BadSdp("too large")
    session, sections = _sections(text)
    if len(sections) != len(lines):
        raise BadSdp(f"{len(sections)} m-lines for {len(lines)}")
    media = tuple(_answered(section, line) for section, line in zip(sections, lines, strict=True))
    taken = [section for section, answered in zip(sections, media, strict=True) if answered.accepted]
    if not taken:
        raise BadSdp("every m-line was rejected")
    _bundled(session, taken)
    ufrag = _required("ice-ufrag", _UFRAG, taken[0], session)
    password = _required("ice-pwd", _PASSWORD, taken[0], session)
    setup = taken[0].one("setup") or session.one("setup")
    if setup not in ("active", "passive"):
        raise BadSdp(f"setup {setup!r:.20}")
    return Answer(ufrag, password, _fingerprints(taken[0], session), setup == "active", media)


def _sections(text: str) -> tuple[_Section, list[_Section]]:
    if not text.startswith("v=0"):
        raise BadSdp("no v=0")
    session = current = _Section()
    sections: list[_Section] = []
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("m="):
            current = _Section(line[2:])
            sections.append(current)
            if len(sections) > 64:
                raise BadSdp("too many m-lines")
        elif line.startswith("a="):
            current.add(line[2:])
        elif line and line[1:2] != "=":
            raise BadSdp(f"a line that is none: {line!r:.40}")
    return session, sections


def _answered(section: _Section, line: MediaLine) -> Answered:
    match = _MEDIA.fullmatch(section.media)
    if match is None:
        raise BadSdp(f"m-line {section.media!r:.60}")
    kind, port, _, formats = match.groups()
    if kind != line.kind:
        raise BadSdp(f"{kind:.20} where {line.kind} was offered")
    mid = section.one("mid")
    if port == "0":
        return Answered(accepted=False, sends=False, receives=False, rtx=False)
    if mid != line.mid:
        raise BadSdp(f"mid {mid!r:.20} where {line.mid} was offered")
    if "rtcp-mux" not in section.attributes:
        raise BadSdp("RTCP is not multiplexed")
    types = {int(number) for number in formats.split()}
    if PAYLOAD_TYPE[line.kind] not in types:
        return Answered(accepted=False, sends=False, receives=False, rtx=False)
    direction = next((name for name in _DIRECTIONS if name in section.attributes), "sendrecv")
    return Answered(
        accepted=True,
        sends=direction in ("sendrecv", "sendonly"),
        receives=direction in ("sendrecv", "recvonly"),
        rtx=RTX in types,
    )


def _bundled(session: _Section, taken: Sequence[_Section]) -> None:
    groups = [value.split() for value in session.attributes.get("group", [])]
    bundle = next((group[1:] for group in groups if group[:1] == ["BUNDLE"]), [])
    if any(section.one("mid") not in bundle for section in taken):
        raise BadSdp("not everything is bundled")


def _required(name: str, form: re.Pattern[str], section: _Section, session: _Section) -> str:
    value = section.one(name) or session.one(name)
    if value is None or not form.fullmatch(value):
        raise BadSdp(f"{name} {value!r:.40}")
    return value


def _fingerprints(section: _Section, session: _Section) -> tuple[tuple[str, str], ...]:
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
