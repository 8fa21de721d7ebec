"""The canary: a node meets itself in closed rooms and looks whether anything gets out (docs/decisions/0016).

Nothing in it is faked but the people: a sitting is agreed, this node opens its room, three peers of our own connect
to its port by ICE and DTLS and send real packets that carry a random secret. Held at the node's start and each day.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from core import clock, ending
from core.bus import Bus
from core.db import Database
from core.ids import SYSTEM, Ref, new_id
from core.log import fields
from recording.model import RecordingState, RetentionClass
from recording.tables import RecordingRow
from rooms import proving, repository, sittings
from rooms.agreed import Party
from rooms.client import MediaKind
from rooms.confidentiality import Confidentiality, RoomKind
from rooms.host import Host, new_conn
from rooms.model import SeatRole, SeatView
from rooms.proving import Finding, Proof
from rooms.sittings import Plan
from scheduler import repository as scheduler
from signaling.peer import PeerFactory
from signaling.probe import Probe

_log = logging.getLogger(__name__)
_SECRET = 24  # random bytes: nobody else's packet carries them
_PACKETS = 25  # of sound, half a second
_LIVE_WITHIN = 45.0  # seconds; a machine that has just started has other things to do, too
_READ_MOST = 64 << 20  # bytes of one file, from its end: what was written just now stands there
# Seconds after a proof that failed: soon, for a busy machine may just have been too slow, then less often.
_AGAIN, _AGAIN_MOST = 10.0, 300.0
# The beginning of a VP8 key frame (RFC 7741, RFC 6386 section 9.1): a room shows pictures from one on.
_PICTURE = b"\x10\x00\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01"
_OFFICER = Ref("canary", "officer")


@dataclass
class _Peer:
    """One party on a socket of the bus."""

    conn: str
    probe: Probe
    state: dict[str, Any] = field(default_factory=dict)
    refused: str = ""
    up: asyncio.Event = field(default_factory=asyncio.Event)
    live: asyncio.Event = field(default_factory=asyncio.Event)


class Canary:
    """`run` holds both meetings once; `keep` does it for as long as the node lives."""

    def __init__(self, db: Database, bus: Bus, host: Host, peers: PeerFactory, data_dir: Path) -> None:
        self._db = db
        self._bus = bus
        self._host = host
        self._peers = peers
        self._data_dir = data_dir

    async def keep(self) -> None:
        again = _AGAIN
        while True:
            try:
                proof = await self.run()
            except Exception:  # noqa: BLE001 - the database may be away: proved again when it is back
                _log.exception("x canary")
                proof = None
            if proof is not None and proof.holds:
                again = _AGAIN
                await asyncio.sleep(proving.EVERY.total_seconds())
            else:
                await asyncio.sleep(again)
                again = min(2 * again, _AGAIN_MOST)

    async def run(self) -> Proof | None:
        """The proof as it was entered; `None`: there is no prison yet, so nothing that could be listened to."""
        async with self._db.read() as session:
            prisons = await scheduler.prisons(session)
        if not prisons:
            return None
        findings: list[Finding] = []
        for how in (Confidentiality.VISUAL_ONLY, Confidentiality.UNMONITORED):
            try:
                findings += await self._meet(prisons[0].id, how)
            except Exception:  # noqa: BLE001 - whatever it is: what could not be proved is not proved
                _log.exception("x canary %s", fields(confidentiality=how.value))
                findings.append(Finding(f"{how.value}:held", 0, "1", holds=False))
        async with self._db.write() as session:
            return await proving.enter(session, self._host.node_id, tuple(findings))

    async def _meet(self, prison_id: str, how: Confidentiality) -> list[Finding]:
        secret, began = secrets.token_bytes(_SECRET), time.time()
        about = await self._agree(prison_id, how)
        try:
            await self._host.open(about)
            room_id, seats = await self._seats(about)
            officer = await self._seat_officer(room_id)
            async with contextlib.AsyncExitStack() as stack:
                parties = [await stack.enter_async_context(self._peer(room_id, seat)) for seat in seats]
                watcher = await stack.enter_async_context(self._peer(room_id, officer)) if officer else None
                await self._talk(parties, watcher, secret)
                heard = [*_parties_heard(how, parties, secret), *_officer_heard(how, watcher, secret)]
        finally:
            async with self._db.write() as session:
                await sittings.cancel(session, SYSTEM, about.id, "canary")
        kept = await asyncio.to_thread(_kept, self._data_dir, secret, began - 1)
        return [
            *heard,
            _exactly(f"{how.value}:recordings", await self._recordings(room_id), 0),
            _exactly(f"{how.value}:bytes-on-disk", kept, 0),
        ]

    async def _agree(self, prison_id: str, how: Confidentiality) -> Ref:
        now = clock.now()
        plan = Plan(
            kind=RoomKind.CANARY,
            confidentiality=how,
            basis="canary",
            matter=Ref("node", self._host.node_id),
            prison_id=prison_id,
            parties=_parties(),
            starts_at=now,
            ends_at=now + timedelta(minutes=2),
            minutes=2,
        )
        async with self._db.write() as session:
            return Ref("sitting", await sittings.agree(session, SYSTEM, plan))

    async def _seats(self, about: Ref) -> tuple[str, list[SeatView]]:
        running = next(room for room in self._host.rooms.values() if room.visit.about == about)
        return running.claim.room_id, running.seats

    async def _seat_officer(self, room_id: str) -> SeatView | None:
        """Tries to seat an officer past all doors; `None`: the database has refused it."""
        seat = SeatView(new_id("seat"), SeatRole.MONITOR, _OFFICER, "Canary")
        try:
            async with self._db.write() as session:
                return await repository.add_seat(session, room_id, seat)
        except DBAPIError:
            return None

    async def _recordings(self, room_id: str) -> int:
        """Tries to begin a recording past all doors, then counts those there are."""
        with contextlib.suppress(DBAPIError):
            async with self._db.write() as session:
                session.add(_recording(room_id))
        async with self._db.read() as session:
            count = select(func.count()).where(RecordingRow.room_id == room_id)
            return await session.scalar(count) or 0

    @contextlib.asynccontextmanager
    async def _peer(self, room_id: str, seat: SeatView) -> AsyncIterator[_Peer]:
        peer = _Peer(new_conn(), Probe(self._peers.certificate()))
        node = f"node:{self._host.node_id}"
        async with self._bus.subscribe(f"conn:{peer.conn}") as told:
            listening = asyncio.create_task(self._listen(peer, told))
            attach = {"op": "attach", "conn": peer.conn, "room": room_id, "seat": seat.id}
            await self._bus.publish(node, attach)
            try:
                yield peer
            finally:
                await ending.end([listening])
                await self._bus.publish(node, {"op": "detach", "conn": peer.conn})
                await peer.probe.close()

    async def _listen(self, peer: _Peer, told: Any) -> None:
        async for message in told:
            if message["op"] == "close":
                peer.refused = message["code"]
                peer.up.set()
            elif message["op"] == "send" and message["message"]["type"] == "offer":
                offer = message["message"]
                answer = {"type": "answer", "offer": offer["id"], "sdp": peer.probe.answer(offer["sdp"])}
                to = f"node:{self._host.node_id}"
                await self._bus.publish(to, {"op": "message", "conn": peer.conn, "message": answer})
                await peer.probe.connect()
                peer.up.set()
            elif message["op"] == "send" and message["message"]["type"] == "state":
                peer.state = message["message"]
                if peer.state["phase"] == "live":
                    peer.live.set()

    async def _talk(self, parties: list[_Peer], watcher: _Peer | None, secret: bytes) -> None:
        async with asyncio.timeout(_LIVE_WITHIN):
            if watcher is not None:
                await watcher.up.wait()
            for peer in parties:
                await peer.live.wait()
        for number in range(_PACKETS):
            for peer in parties:
                peer.probe.send(MediaKind.AUDIO, secret)
                if number % 5 == 0:
                    peer.probe.send(MediaKind.VIDEO, _PICTURE + bytes(8))
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)  # what is under way arrives


def _parties() -> tuple[Party, ...]:
    """Somebody new each time: what another node holds just now, or one that was killed left behind, takes no
    time of theirs."""
    return tuple(
        Party(role, Ref("canary", new_id("canary")), "Canary") for role in (SeatRole.COUNSEL, SeatRole.INMATE)
    )


def _exactly(code: str, figure: int, wanted: int) -> Finding:
    return Finding(code, figure, str(wanted), figure == wanted)


def _some(code: str, figure: int) -> Finding:
    return Finding(code, figure, "> 0", figure > 0)


def _parties_heard(how: Confidentiality, parties: list[_Peer], secret: bytes) -> list[Finding]:
    """That sound does arrive where it should: else its absence elsewhere would prove nothing."""
    heard = min(peer.probe.payloads.count(secret) for peer in parties)
    return [_some(f"{how.value}:sound-between-parties", heard)]


def _officer_heard(how: Confidentiality, watcher: _Peer | None, secret: bytes) -> list[Finding]:
    if how is Confidentiality.UNMONITORED:
        return [_exactly(f"{how.value}:officers-seated", int(watcher is not None), 0)]
    if watcher is None:
        return [_exactly(f"{how.value}:officers-seated", 0, 1)]
    probe = watcher.probe
    return [
        _some(f"{how.value}:pictures-to-officer", probe.pictures),
        _exactly(f"{how.value}:sound-lines-to-officer", probe.lines_for_sound, 0),
        _exactly(f"{how.value}:sound-to-officer", probe.sound, 0),
        _exactly(f"{how.value}:secret-to-officer", sum(secret in p for p in probe.payloads), 0),
    ]


def _kept(folder: Path, secret: bytes, since: float) -> int:
    """How many files below `folder`, touched since then, hold what was said."""
    return sum(secret in content for content in _touched(folder, since))


def _touched(folder: Path, since: float) -> Iterator[bytes]:
    for directory, _, names in os.walk(folder):
        for name in names:
            path = Path(directory, name)
            with contextlib.suppress(OSError):  # gone meanwhile, or a socket
                about = path.stat()
                if about.st_mtime >= since:
                    yield _end(path)


def _end(path: Path) -> bytes:
    """The last bytes of a file, read by another process.

    Were a file of SQLite closed in this one, the kernel would drop every lock that SQLite holds on it, and the
    next process to open the database would cut the shared memory off under us (sqlite.org/howtocorrupt, 2.2).
    """
    command = ["tail", "-c", str(_READ_MOST), str(path)]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a fixed program, our own path
    return done.stdout


def _recording(room_id: str) -> RecordingRow:
    now = clock.now()
    return RecordingRow(
        id=new_id("rec"),
        booking_id="",
        room_id=room_id,
        prison_id="",
        state=RecordingState.WRITING.value,
        node_id="canary",
        beat_at=now,
        folder="canary",
        started_at=now,
        retention=next(iter(RetentionClass)).value,
        keep_until=now,
    )
