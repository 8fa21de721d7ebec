"""STUN binding messages (RFC 8489), as the agent of a lite port reads them. Pure."""

import struct

from aioice import stun


def parse_binding(data: bytes) -> stun.Message | None:
    """A STUN binding message of any class, with its fingerprint (RFC 8445 section 7.1.1 demands one)."""
    try:
        message = stun.parse_message(data)
    except (ValueError, struct.error):
        return None
    if message.message_method != stun.Method.BINDING or "FINGERPRINT" not in message.attributes:
        return None
    return message if data[4:8] == stun.COOKIE.to_bytes(4, "big") else None


def authentic(message: stun.Message, password: str) -> bool:
    return bool(message.check_message_integrity(password.encode()))
