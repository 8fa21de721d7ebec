"""How loud somebody speaks, as their browser says it in each packet: no sound is decoded for it. Pure.

RFC 6464 (client-to-mixer audio level) in the one-byte form of RFC 8285; the number is ours, because the server
makes every offer.
"""

from rooms.rtp import HEADER_SIZE

EXTENSION = 1
URI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
SILENT = 127  # -dBov: digital silence, and what is told where nothing is known
_ONE_BYTE = 0xBEDE


def level(packet: bytes) -> int | None:
    """0 (as loud as can be) … 127 (silence), in -dBov; `None` where the packet does not tell."""
    if len(packet) < HEADER_SIZE + 5 or not packet[0] & 0x10:
        return None
    at = HEADER_SIZE + 4 * (packet[0] & 0x0F)
    if int.from_bytes(packet[at : at + 2], "big") != _ONE_BYTE:
        return None
    end = min(len(packet), at + 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big"))
    at += 4
    while at < end - 1:
        number, size = packet[at] >> 4, (packet[at] & 0x0F) + 1
        if number == EXTENSION:
            return packet[at + 1] & 0x7F
        at += 1 if packet[at] == 0 else 1 + size  # a zero byte is padding
    return None
