"""The media port of a process, and the legs on it (implements `rooms.client.LegFactory`)."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from core import clock
from core.log import fields
from core.settings import Settings
from rooms.bandwidth import CAP
from rooms.client import LegEvents, MediaKind
from rooms.codec import VideoCodec
from rooms.lines import BOTH, Lines, media_lines
from signaling import offered
from signaling.dtls import Certificate
from signaling.ice import UdpPort
from signaling.leg import PeerLeg
from signaling.library import Wanted, chosen
from signaling.native import NativeCore
from signaling.recorded import Words
from signaling.srtp import Scratch
from signaling.voice import RecordedVoice

__all__ = ["PeerFactory", "PeerLeg"]

log = logging.getLogger(__name__)

TICK = 0.1  # seconds
_TURN = 8  # legs that are ticked before what came meanwhile is read: a fraction of a millisecond
_STANDSTILL = 1.0  # seconds between two ticks from which on nobody is judged
_CERTIFICATE_LEFT = timedelta(days=7)  # a new one is made when the old one has less


class PeerFactory:
    """Opens legs on one UDP port (implements `rooms.client.LegFactory`).

    `media_port` 0: the system chooses; `media_addresses` empty: every address of this machine.
    `counters` counts what was dropped, by reason, since the start.
    """

    def __init__(
        self,
        media_port: int = 0,
        media_addresses: Sequence[str] = (),
        *,
        backend: Wanted = "auto",
        words: Words | None = None,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self.udp = UdpPort(self.counters)
        library, reason = chosen(backend)
        self.backend = f"{'python' if library is None else 'native'} ({reason})"
        if library is not None:
            self.udp.core = NativeCore(library, self.counters, self.udp.datagram)
        self.outbox = Scratch()
        self.words = words if words is not None else Words(Path("announcements"))
        self._wanted = (media_port, tuple(media_addresses))
        self._legs: set[PeerLeg] = set()
        self._ticking: asyncio.Task[None] | None = None
        self._certificate: Certificate | None = None

    @classmethod
    def of(cls, settings: Settings) -> "PeerFactory":
        addresses, words = settings.split("media_addresses"), Words.of(settings)
        return cls(settings.media_port, addresses, backend=settings.media_backend, words=words)

    @property
    def port(self) -> int:
        """The UDP port; 0 before `start`."""
        return self.udp.number

    @property
    def legs(self) -> int:
        """How many are open."""
        return len(self._legs)

    def certificate(self) -> Certificate:
        """One for all legs of the process: making a key for each would cost more than the handshake."""
        if self._certificate is None or self._certificate.expires - clock.now() < _CERTIFICATE_LEFT:
            self._certificate = Certificate.generateCertificate()
        return self._certificate

    async def start(self) -> None:
        """Binds the port. Raises `core.errors.Unavailable` when it is taken."""
        self.udp.open(*self._wanted)
        self.certificate()  # now, or whoever comes first waits for it
        self._ticking = asyncio.create_task(self._tick(), name="media clock")

    async def close(self) -> None:
        """Closes all legs and the port; idempotent."""
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        for leg in [*self._legs]:
            await leg.close()
        self.udp.close()

    async def open(
        self,
        leg_id: str,
        events: LegEvents,
        *,
        publishes: frozenset[MediaKind],
        lines: Lines,
        announce: bool = True,
        loopback: bool = False,
        low: bool = False,
        codec: VideoCodec = VideoCodec.VP8,
        also: frozenset[VideoCodec] = frozenset(),
        most_bits: int = CAP,
        offer: str = "",
    ) -> PeerLeg:
        """See `rooms.client.LegFactory`."""
        theirs = None
        if offer:
            carries = [BOTH] * lines if isinstance(lines, int) else lines
            theirs = offered.parse(offer, publishes, carries, codec, announce=announce)
            order = theirs.lines
        else:
            order = media_lines(publishes, 1 if loopback and not lines else lines, announce=announce, low=low)
        leg = PeerLeg(
            self,
            leg_id,
            events,
            order,
            loopback=loopback and theirs is None,
            codec=codec,
            also=also,
            most_bits=most_bits,
            offered=theirs,
        )
        self._legs.add(leg)
        return leg

    async def voice(self, leg_id: str, events: LegEvents, language: str, code: str) -> RecordedVoice:
        """See `rooms.client.LegFactory`."""
        words = await self.words.packets(language, code)
        leg = await self.open(leg_id, events, publishes=frozenset({MediaKind.AUDIO}), lines=0, announce=False)
        return RecordedVoice(leg, words)

    def forget(self, leg: PeerLeg) -> bool:
        """False: it was forgotten before."""
        if leg not in self._legs:
            return False
        self._legs.discard(leg)
        return True

    async def _tick(self) -> None:
        last = clock.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now = clock.monotonic()
            # After a standstill of our own, what peers sent meanwhile still lies in the sockets: read it first.
            if now - last < _STANDSTILL:
                await self._tick_all(now)
            last = now

    async def _tick_all(self, now: float) -> None:
        if self.udp.core is not None:
            try:
                self.udp.core.tick()
            except Exception:  # nor is what one handed over
                self.counters["internal"] += 1
                log.exception("x media clock")
        for place, leg in enumerate([*self._legs], start=1):
            if place % _TURN == 0:
                await asyncio.sleep(0)
                now = clock.monotonic()
            try:
                leg.tick(now)
            except Exception:  # one leg's trouble is not the others'
                self.counters["internal"] += 1
                log.exception("x tick %s", fields(leg=leg.id))
