"""SDP fragments of WHIP and WHEP: what a PATCH says, and our answer to an ICE restart (RFC 9725 section 4.3, RFC 8840
section 9). Pure.
"""

import re

from rooms.errors import BadSdp

_UFRAG, _PASSWORD = (
    re.compile(r"[A-Za-z0-9+/]{4,256}"),
    re.compile(r"[A-Za-z0-9+/]{22,256}"),
)  # RFC 8839 section 5.4
_SESSION = ("a=ice-lite", "a=group:BUNDLE")
_MEDIA = ("a=mid:", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates")


def ufrags(text: str) -> frozenset[str]:
    """Every ICE username fragment that a description or a fragment names."""
    return frozenset(_values(text, "ice-ufrag"))


def credentials(text: str) -> tuple[str, str]:
    """The one ufrag and the one password that a fragment names, at however many places. Raises `BadSdp`."""
    names, passwords = set(_values(text, "ice-ufrag")), set(_values(text, "ice-pwd"))
    if len(names) != 1 or len(passwords) != 1:
        raise BadSdp("not one pair of credentials")
    ufrag, password = names.pop(), passwords.pop()
    if not _UFRAG.fullmatch(ufrag) or not _PASSWORD.fullmatch(password):
        raise BadSdp("credentials of another form")
    return ufrag, password


def answer(sdp: str) -> str:
    """Of our answer `sdp` what belongs to ICE: all that is new after a restart. Only the first m-line's is told; the
    others are bundled with it."""
    head, _, media = sdp.partition("\r\nm=")
    lines = [line for line in head.split("\r\n") if line.startswith(_SESSION)]
    for section in media.split("\r\nm="):
        first, *rest = section.split("\r\n")
        if first.split(" ")[1:2] != ["0"]:  # it was not refused
            return (
                "\r\n".join([*lines, f"m={first}", *(one for one in rest if one.startswith(_MEDIA))]) + "\r\n"
            )
    raise BadSdp("nothing was taken")


def _values(text: str, name: str) -> list[str]:
    return re.findall(rf"^a={name}:(\S+)[ \t\r]*$", text, re.MULTILINE)
