"""Datagrams on their way out of the Python relay: the pieces of a picture to one peer leave in one system call.

The kernel cuts them (UDP_SEGMENT, Linux 4.18 and later); on the wire nothing is different. As csrc/post.c.
"""

import errno
import socket
import sys
from collections import Counter
from typing import Any, Protocol

_SEGMENT = 103  # UDP_SEGMENT of linux/udp.h; Python has no name for it
_TOGETHER = 16  # packets in one system call
_FITS = 1232  # bytes of a datagram that every way takes whole (RFC 8200 section 5); larger ones go alone
_WAIT = 32  # packets that wait for the end of what is read: half a millisecond's work
_REFUSALS = (errno.EINVAL, errno.EIO, errno.EOPNOTSUPP)


class Endpoint(Protocol):
    @property
    def sock(self) -> socket.socket: ...


Place = tuple[Endpoint, tuple[Any, ...]]  # from which socket, to which address


class Post:
    """Of one UDP port. What the kernel does not take is dropped and counted."""

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._waiting: dict[Place, list[bytes]] = {}
        self._count = 0
        self._holding = self._alone = False

    def send(self, place: Place | None, data: bytes) -> None:
        """At once, but after what waits for the same peer."""
        if place is None:
            self._counters["send-nowhere"] += 1
            return
        if pieces := self._waiting.pop(place, None):
            self._leave(place, pieces)
        self._one(place, data)

    def put(self, place: Place | None, data: bytes) -> None:
        """With others of its kind, at the end of what is being read; at once where nothing is."""
        if not self._holding or place is None:
            self.send(place, data)
            return
        pieces = self._waiting.get(place)
        if pieces is None or not _go_on(pieces, len(data)):
            if pieces:
                self._leave(place, pieces)
            pieces = self._waiting[place] = []
        pieces.append(data)
        self._count += 1
        if self._count >= _WAIT:
            self._flush()

    def hold(self) -> None:
        """Datagrams are about to be read."""
        self._holding, self._count = True, 0

    def let_go(self) -> None:
        """All have been read."""
        self._holding = False
        if self._waiting:
            self._flush()

    def _flush(self) -> None:
        waiting, self._waiting, self._count = self._waiting, {}, 0
        for place, pieces in waiting.items():
            self._leave(place, pieces)

    def _leave(self, place: Place, pieces: list[bytes]) -> None:
        if len(pieces) > 1 and not self._alone:
            endpoint, address = place
            cut = len(pieces[0]).to_bytes(2, sys.byteorder)
            try:
                endpoint.sock.sendmsg(pieces, ((socket.SOL_UDP, _SEGMENT, cut),), 0, address)
            except OSError as error:
                if error.errno not in _REFUSALS:
                    self._refused(error)
                    return
                self._alone = True  # this kernel or device does not take packets together
            else:
                return
        for piece in pieces:
            self._one(place, piece)

    def _one(self, place: Place, data: bytes) -> None:
        endpoint, address = place
        try:
            endpoint.sock.sendto(data, address)
        except OSError as error:
            self._refused(error)

    def _refused(self, error: OSError) -> None:
        """Full; or the network is gone or the address became unreachable: ICE will find another."""
        self._counters["send-full" if isinstance(error, BlockingIOError) else "send-failed"] += 1


def _go_on(pieces: list[bytes], size: int) -> bool:
    """Whether a packet of that size belongs to them: the pieces of a picture are of one size, the last is smaller."""
    first = len(pieces[0])
    return len(pieces[-1]) == first and size <= first <= _FITS and len(pieces) < _TOGETHER
