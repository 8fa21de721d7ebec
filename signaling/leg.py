"""One peer's DTLS-SRTP connection (implements `rooms.client.Leg`).

ICE is our own lite agent, DTLS is aiortc's, packets are relayed by `rooms.relay`; see docs/decisions/0003-media.md.
"""

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING, Literal

from core import clock, ending
from core.log import fields
from rooms import loudness
from rooms.bandwidth import Estimate
from rooms.client import Leg, LegEvents, LegStatistics, MediaKind, TrackSink, Way
from rooms.codec import VideoCodec
from rooms.errors import BadSdp
from rooms.lines import MediaLine
from rooms.relay import Relay
from rooms.rtp import PICTURE_TYPE
from signaling import sdp
from signaling.dtls import LegDtls, Pipe
from signaling.floods import Reports
from signaling.srtp import Srtp

if TYPE_CHECKING:
    from signaling.nativeflows import NativeLeg
    from signaling.offered import Offered
    from signaling.peer import PeerFactory

log = logging.getLogger(__name__)

CONNECT_WITHIN = 20.0  # seconds from the offer to DTLS
LOST_AFTER = 3.0  # seconds in which nothing authentic was heard
_PROBE_SILENT, _PROBE_ALWAYS = 1.0, 5.0  # seconds: asks for a sign of life, and measures the way
_COMES = 1.5  # seconds: a stream whose last packet is younger comes


class PeerLeg:
    """See `rooms.client.Leg`. All methods are called on the event loop."""

    def __init__(
        self,
        factory: "PeerFactory",
        leg_id: str,
        events: LegEvents,
        lines: tuple[MediaLine, ...],
        *,
        loopback: bool,
        codec: VideoCodec,
        also: frozenset[VideoCodec],
        most_bits: int,
        offered: "Offered | None",
    ) -> None:
        """`offered`: the peer made the offer; `lines` are what of it was taken."""
        self._id = leg_id
        self.codec, self._also, self._most_bits = codec, also, most_bits
        self._factory = factory
        self._events = events
        self._lines = lines
        self._dropped = factory.counters
        self._agent = factory.udp.agent(self)
        self._put, self._inbox = factory.udp.post.put, factory.udp.inbox
        self._pipe = Pipe(self._agent.send, self._dropped)
        self._dtls = LegDtls(self._pipe, factory.certificate())
        self._srtp: Srtp | None = None
        core = factory.udp.core
        self._native: NativeLeg | None = None if core is None else core.leg(self)
        self._agent.native = self._native
        if offered is not None and self._native is not None:
            self._native.translate(offered.types.inward, offered.types.outward)
        self.relay = Relay(self, lines, self._dropped, most_bits, self._native, codec, also)
        self._theirs = offered
        self._reports = Reports()
        self._session = secrets.randbits(62)
        self._offered: float | None = None
        self._peer: sdp.Answer | None = None
        self._restarts, self._awaited = 0, False  # of ICE; whether the last one's offer is unanswered
        self._handshake: asyncio.Task[None] | None = None
        self._path = asyncio.Event()
        self.last_heard = self._last_probe = clock.monotonic()
        self._lost = self._over = False
        if loopback:
            self.relay.show(0, self.relay, self.last_heard, audio=True, video=True)

    # --- rooms.client.Leg ---

    @property
    def id(self) -> str:
        return self._id

    @property
    def lines(self) -> list[dict[str, str | int]]:
        """What each m-line of the offer is for, as the `offer` message tells it."""
        return [line.message() for line in self._lines]

    @property
    def publishes(self) -> frozenset[MediaKind]:
        return frozenset(line.kind for line in self._lines if line.use == "own")

    def can(self, codec: VideoCodec) -> bool:
        return any(PICTURE_TYPE[codec] in down.takes for down in self.relay.downs.values())

    async def offer(self) -> str:
        """The same offer however often it is asked for."""
        version = self._restarts + 1
        return sdp.offer(self._session, self._transport(), self._lines, self._ssrcs(), version=version)

    async def restart(self, remote: tuple[str, str] | None = None) -> str:
        if self._theirs is not None and remote is not None and not self._over:
            self._agent.restart()
            self._agent.agree(remote)
            return await self.answer()
        if self._peer is not None and self._theirs is None and not (self._awaited or self._over):
            self._agent.restart()
            self._restarts += 1
            self._awaited = True
        return await self.offer()

    async def answer(self) -> str:
        """Our answer to the peer's offer; the leg connects from now on. The same however often it is asked for."""
        if self._theirs is None:
            raise BadSdp("it made no offer")
        if self._handshake is None and not self._over:
            self._begin(self._theirs.peer)
        return self._theirs.answer(self._session, self._transport(), self._ssrcs())

    def _transport(self) -> sdp.Transport:
        if self._offered is None:
            self._offered = clock.monotonic()
        udp, agent = self._factory.udp, self._agent
        fingerprint = self._dtls.getLocalParameters().fingerprints[0].value
        us = udp.offered, udp.number, agent.ufrag, agent.password, fingerprint
        return sdp.Transport(*us, self.codec, self._also, self._most_bits)

    def _ssrcs(self) -> dict[str, tuple[int, int]]:
        return {mid: (down.ssrc, down.rtx_ssrc) for mid, down in self.relay.downs.items()}

    async def accept(self, answer: str) -> None:
        if self._over or (self._peer is not None and not self._awaited):
            raise BadSdp("an answer was taken already")
        parsed = sdp.parse_answer(answer, self._lines, self.codec, self._also)
        if self._peer is None:
            self._begin(parsed)
        elif parsed.fingerprints != self._peer.fingerprints:
            raise BadSdp("another certificate than before")
        else:
            self._agent.agree((parsed.ufrag, parsed.password))
            self._awaited = False

    def _begin(self, parsed: sdp.Answer) -> None:
        """The peer's side is known: the leg connects."""
        for line, media in zip(self._lines, parsed.media, strict=True):
            if line.use == "low":
                self.relay.expect_low(media.ssrcs if media.accepted and media.sends else ())
            elif line.use != "own":
                down = self.relay.downs[line.mid]
                down.takes = media.takes if media.receives else frozenset()
        self._peer = parsed
        self._agent.agree((parsed.ufrag, parsed.password))
        self._handshake = asyncio.create_task(self._connect(parsed), name=f"dtls {self._id}")

    def show(self, line: int, publisher: Leg | None, *, audio: bool, video: bool, low: bool = False) -> None:
        if not self._over:
            now = clock.monotonic()
            self.relay.show(line, _relay(publisher), now, audio=audio, video=video, low=low)

    def limit(self, bits: int | None) -> None:
        self.relay.rate.limit = bits

    def assume(self, direction: Literal["up", "down"], bits: int) -> None:
        rate = self.relay.rate
        (rate.up if direction == "up" else rate.down).assume(bits, clock.monotonic())

    def recall(self, up: int, down: int) -> None:
        self.relay.rate.recall(up, down)

    def announce(self, publisher: Leg | None) -> None:
        if not self._over:
            self.relay.announce(_relay(publisher), clock.monotonic())

    def tap(self, sink: TrackSink, *, sound: bool = True) -> None:
        self.relay.tap(sink, sound=sound)

    def untap(self, sink: TrackSink) -> None:
        self.relay.untap(sink)

    def request_keyframe(self) -> None:
        self.relay.request_keyframe(clock.monotonic())

    def statistics(self) -> LegStatistics:
        self._listen()
        ups, downs = self.relay.ups.values(), self.relay.downs.values()
        now = clock.monotonic()
        reported = self.relay.round_trip(now)
        trip = reported if self._agent.round_trip is None else self._agent.round_trip
        jitter = max((up.jitter_seconds for up in ups if up.ssrc is not None), default=None)
        loss, rate = self.relay.loss(now), self.relay.rate
        picture, low = self.relay.ups.get(MediaKind.VIDEO), self.relay.low
        level, self.relay.level = self.relay.level, loudness.SILENT
        return LegStatistics(
            packets_up=sum(up.packets for up in ups),
            bytes_up=sum(up.octets for up in ups),
            lost_up=sum(up.lost for up in ups),
            packets_down=sum(down.packets for down in downs),
            bytes_down=sum(down.octets for down in downs),
            round_trip_ms=None if trip is None else trip * 1000,
            jitter_ms=None if jitter is None else jitter * 1000,
            loss_percent=None if loss is None else loss * 100,
            last_heard=self.last_heard,
            up=_way(rate.up, rate.queue_up),
            down=_way(rate.down, rate.queue_down),
            level=level,
            picture_age=None if picture is None or picture.ssrc is None else now - picture.last_packet,
            low=low is not None and now - low.last_packet < _COMES,
        )

    async def close(self) -> None:
        if not self._factory.forget(self):
            return
        self._over = True
        self.relay.close()
        if self._handshake is not None:
            await ending.end([self._handshake])
        await self._dtls.finish()
        self._srtp = None
        self._agent.close()
        if self._native is not None:
            self._native.close()

    # --- the handshake ---

    async def _connect(self, answer: sdp.Answer) -> None:
        try:
            await self._path.wait()
            if not await self._dtls.shake_hands(answer.fingerprints, server=answer.active):
                self._fail("dtls")
                return
            if self._over:
                return
            receive, send = self._dtls.sessions()
            self._srtp = Srtp(receive, send, self._factory.udp.inbox, self._factory.outbox)
            if self._native is not None:
                self._native.key(receive, send)
        except Exception:  # whatever OpenSSL makes of a hostile peer ends this leg and no other
            log.exception("x handshake %s", fields(leg=self._id))
            self._fail("dtls")
            return
        self._dtls.on("statechange", self._dtls_changed)
        log.info("- connected %s", fields(leg=self._id))
        now = clock.monotonic()
        self.heard(now)
        self.relay.update(now)
        self._events.leg_connected(self._id)

    def _dtls_changed(self) -> None:
        if self._dtls.state in ("closed", "failed"):
            self._fail("closed by the peer")

    def _fail(self, why: str) -> None:
        if self._over:
            return
        self._over = True
        log.info("x leg %s", fields(leg=self._id, why=why))
        self.relay.close()
        self._srtp = None
        if self._native is not None:
            self._native.close()
        self._events.leg_failed(self._id)

    # --- signaling.ice.Owner ---

    def reachable(self) -> None:
        self._path.set()

    def heard(self, now: float) -> None:
        self.last_heard = now
        if self._lost:
            self._lost = False
            log.info("- back %s", fields(leg=self._id))
            self._events.leg_back(self._id)

    def dtls(self, data: bytes) -> None:
        self._pipe.put(data)

    def media(self, size: int, now: float) -> None:
        srtp = self._srtp
        if srtp is None:
            self._dropped["srtp-too-early"] += 1
            return
        inbox = self._inbox
        if size < 12:
            self._dropped["srtp-too-short"] += 1
        elif 191 < inbox.view[1] < 224:  # RFC 5761 section 4
            self._control(srtp, inbox.buffer[4:8], size, now)
        elif not self.relay.knows(inbox.buffer[8:12]):
            self._dropped["rtp-too-many-streams"] += 1
        elif (packet := srtp.open_rtp(size)) is None:
            self._dropped["srtp-forged"] += 1
        else:
            self.last_heard = now
            if self._lost:
                self.heard(now)
            if self._theirs is not None:
                packet = self._theirs.types.take_in(packet)
            self.relay.rtp(packet, now)

    def _control(self, srtp: Srtp, reporter: bytes, size: int, now: float) -> None:
        if not self._reports.admits(size, now):
            self._dropped["rtcp-flood"] += 1
        elif not self.relay.knows_reporter(reporter):
            self._dropped["rtcp-too-many-reporters"] += 1
        elif (packet := srtp.open_rtcp(size)) is None:
            self._dropped["srtcp-forged"] += 1
        else:
            self.heard(now)
            self.relay.rtcp(packet, now)

    def _listen(self) -> None:
        """The native relay notes what it heard; nobody is told of each packet."""
        if self._native is not None and self._native.heard > self.last_heard:
            self.heard(self._native.heard)

    # --- signaling.native.LegEvents ---

    def took_rtp(self, packet: bytes, now: float) -> None:
        if self._srtp is not None:
            self.relay.rtp(packet, now)

    def took_rtcp(self, packet: bytes, now: float) -> None:
        if self._srtp is None:
            return
        if self._reports.admits(len(packet), now):
            self.relay.rtcp(packet, now, clock.monotonic())
        else:
            self._dropped["rtcp-flood"] += 1

    # --- rooms.flows.Port ---

    @property
    def ready(self) -> bool:
        return self._srtp is not None

    def rtp(self, header: bytes, packet: bytes) -> None:
        if self._native is not None:
            self._native.rtp(header, packet)
        elif self._srtp is not None:
            if self._theirs is not None:
                header = self._theirs.types.give_out(header)
            sealed = self._srtp.seal_rtp(header, packet)
            if sealed is None:
                self._dropped["seal-failed"] += 1
            else:
                self._put(self._agent.path, sealed)

    def rtcp(self, packet: bytes) -> None:
        if self._native is not None:
            self._native.rtcp(packet)
        elif self._srtp is not None:
            sealed = self._srtp.seal_rtcp(packet)
            if sealed is None:
                self._dropped["seal-failed"] += 1
            else:
                self._agent.send(sealed)

    # --- time ---

    def tick(self, now: float) -> None:
        if self._over:
            return
        if self._srtp is None:
            if self._offered is not None and now - self._offered > CONNECT_WITHIN:
                self._fail("not connected")
            return
        self._listen()
        silent = now - self.last_heard
        if silent > LOST_AFTER and not self._lost:
            self._lost = True
            log.info("x silent %s", fields(leg=self._id))
            self._events.leg_lost(self._id)
        since = now - self._last_probe
        if since > _PROBE_ALWAYS or (silent > _PROBE_SILENT and since > _PROBE_SILENT / 2):
            self._last_probe = now
            self._agent.probe(now)
        self.relay.tick(now, self._agent.round_trip)


def _way(estimate: Estimate, queue: float | None) -> Way:
    waiting = None if queue is None else queue * 1000
    return Way(estimate.bits_per_second, estimate.loss, waiting, estimate.calm_since, estimate.limited)


def _relay(publisher: Leg | None) -> Relay | None:
    if publisher is None:
        return None
    if not isinstance(publisher, PeerLeg):
        raise TypeError("a leg shows only legs of its own factory")
    return publisher.relay
