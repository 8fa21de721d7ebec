"""The DTLS handshake of one leg, by aiortc. It sees DTLS datagrams only; media never passes through it."""

import asyncio
import functools
import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
)
from OpenSSL import SSL
from pylibsrtp import Session

if TYPE_CHECKING:
    from aiortc.rtcicetransport import RTCIceTransport

log = logging.getLogger(__name__)

# AES-256 costs 1.6 times as much per packet and defends nothing that the 128-bit certificate curve does.
PROFILES = [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80]
_WAITING = 32  # datagrams that may wait for the handshake; a handshake is about six


class Certificate(RTCCertificate):
    """aiortc's, that makes its OpenSSL context and its fingerprints once and not anew for each leg: together they
    cost as much as half a handshake."""

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        return self._context(tuple(srtp_profiles))

    @functools.cache  # noqa: B019 - there is one certificate in a process, and it lives as long
    def _context(self, srtp_profiles: tuple[SRTPProtectionProfile, ...]) -> SSL.Context:
        return super()._create_ssl_context([*srtp_profiles])

    @functools.cached_property
    def _fingerprints(self) -> list[RTCDtlsFingerprint]:
        return super().getFingerprints()

    def getFingerprints(self) -> list[RTCDtlsFingerprint]:  # noqa: N802 - aiortc's name
        return self._fingerprints


class Pipe:
    """Stands where aiortc has its RTCIceTransport: DTLS datagrams in and out."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None], dropped: Counter[str]) -> None:
        self._out = send
        self._dropped = dropped
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING)

    def put(self, data: bytes) -> None:
        """What comes before the answer is known waits: a browser is often faster than its own signalling."""
        try:
            self._queue.put_nowait(data)
        except asyncio.QueueFull:
            self._dropped["dtls-too-many"] += 1

    def close(self) -> None:
        while self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def _recv(self) -> bytes:
        data = await self._queue.get()
        if data is None:
            raise ConnectionError
        return data

    async def _send(self, data: bytes) -> None:
        self._out(data)


class LegDtls(RTCDtlsTransport):
    """aiortc's transport over a `Pipe`, with our choice of SRTP profiles. The offer says actpass."""

    def __init__(self, pipe: Pipe, certificate: RTCCertificate) -> None:
        # A Pipe has the three names that RTCDtlsTransport uses of its transport (contract test).
        super().__init__(cast("RTCIceTransport", pipe), [certificate])
        self._srtp_profiles = PROFILES
        self.pipe = pipe

    async def shake_hands(self, fingerprints: tuple[tuple[str, str], ...], *, server: bool) -> bool:
        """Runs the handshake; True when both SRTP sessions are keyed and the certificate is the peer's."""
        self._set_role("server" if server else "client")
        prints = [RTCDtlsFingerprint(algorithm, value) for algorithm, value in fingerprints]
        await self.start(RTCDtlsParameters(fingerprints=prints))
        return self.state == "connected"

    def sessions(self) -> tuple[Session, Session]:
        """The sessions of libsrtp: receiving, sending."""
        return self._rx_srtp, self._tx_srtp

    async def finish(self) -> None:
        """Says goodbye (close_notify) and ends; idempotent."""
        await self.stop()
        self.pipe.close()
        self.remove_all_listeners()
