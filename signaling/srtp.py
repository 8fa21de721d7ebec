"""SRTP in place: packets are encrypted and decrypted in one buffer that Python and libsrtp share.

`pylibsrtp.Session` copies every packet in and out and raises for each forged one; here libsrtp is called directly
on sessions that aiortc has keyed. Not thread-safe: one process, one event loop, one pair of buffers.
"""

from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

SIZE = 2048  # bytes of a buffer
LARGEST = 1600  # bytes of a datagram that is looked at; room is left for tags and the RTX header


class Scratch:
    """A buffer that both sides see."""

    def __init__(self) -> None:
        self.cdata = ffi.new("char[]", SIZE)
        self.buffer = ffi.buffer(self.cdata)
        self.view = memoryview(self.buffer)
        self.length = ffi.new("int *")


class Srtp:
    """Both directions of one leg. Incoming packets lie in `inbox`; outgoing ones are made in `outbox`."""

    def __init__(self, receive: Session, send: Session, inbox: Scratch, outbox: Scratch) -> None:
        self._sessions = (receive, send)  # they own the contexts below, and must outlive them
        self._receive = receive._srtp[0]  # noqa: SLF001 - see tests/signaling/test_peer_contract.py
        self._send = send._srtp[0]  # noqa: SLF001 - as above
        self._inbox = inbox
        self._outbox = outbox

    def open_rtp(self, size: int) -> bytes | None:
        """Decrypts the `size` bytes of the inbox; `None`: forged, replayed or broken."""
        inbox = self._inbox
        inbox.length[0] = size
        if lib.srtp_unprotect(self._receive, inbox.cdata, inbox.length):
            return None
        packet: bytes = inbox.buffer[0 : inbox.length[0]]
        return packet

    def open_rtcp(self, size: int) -> bytes | None:
        inbox = self._inbox
        inbox.length[0] = size
        if lib.srtp_unprotect_rtcp(self._receive, inbox.cdata, inbox.length):
            return None
        packet: bytes = inbox.buffer[0 : inbox.length[0]]
        return packet

    def seal_rtp(self, header: bytes, packet: bytes) -> bytes | None:
        """`packet` with its first 12 bytes replaced, encrypted."""
        outbox = self._outbox
        size = len(packet)
        if size > LARGEST:
            return None
        outbox.buffer[0:size] = packet
        outbox.buffer[0:12] = header
        outbox.length[0] = size
        if lib.srtp_protect(self._send, outbox.cdata, outbox.length):
            return None
        sealed: bytes = outbox.buffer[0 : outbox.length[0]]
        return sealed

    def seal_rtcp(self, packet: bytes) -> bytes | None:
        outbox = self._outbox
        size = len(packet)
        if size > LARGEST:
            return None
        outbox.buffer[0:size] = packet
        outbox.length[0] = size
        if lib.srtp_protect_rtcp(self._send, outbox.cdata, outbox.length):
            return None
        sealed: bytes = outbox.buffer[0 : outbox.length[0]]
        return sealed
