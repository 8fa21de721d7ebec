"""The recorder of one room: taps legs, hands packets to the writer, tells how it fares."""

import asyncio
import contextlib
import json
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import clock
from core.ids import Ref, new_id
from core.log import fields
from recording.folder import RAW
from recording.locked import Key
from recording.model import INTERRUPTED
from recording.pictures import PICTURES
from recording.track import Track
from recording.writer import GIVE_UP_S, Reel, Writer
from rooms.client import Leg, MediaKind

_log = logging.getLogger(__name__)
_ROLE = re.compile(r"[a-z][a-z-]{0,30}")

Finished = Callable[[str], Awaitable[None]]


class _Tap:
    """The sink of one leg."""

    __slots__ = ("_reel", "newest", "track")

    def __init__(self, reel: Reel, track: Track) -> None:
        self._reel = reel
        self.track = track
        self.newest: dict[MediaKind, float] = {}  # arrival

    def packet(self, kind: MediaKind, packet: bytes, arrived: float) -> None:
        self.newest[kind] = arrived
        self._reel.put_packet(self.track, kind, packet, arrived)

    def sender_report(self, kind: MediaKind, ntp: int, rtp: int) -> None:
        self._reel.put(self.track.sender_report, kind, ntp, rtp)


@dataclass(frozen=True, slots=True)
class _Tapped:
    track_id: str
    leg: Leg
    tap: _Tap
    person: Ref


@dataclass(frozen=True, slots=True)
class Still:
    """The newest key frame of somebody who is being recorded, as it was coded; empty while there is none."""

    track_id: str
    person: Ref
    codec: str
    frame: bytes


class RoomRecorder:
    """Implements `rooms.client.Recorder`. Lives on the event loop; made by `recording.service.Recorders`."""

    def __init__(
        self, recording_id: str, path: Path, writer: Writer, finished: Finished, key: Key | None = None
    ) -> None:
        """`path`: the recording's folder, there already. `finished(reason)` moves the row on. `key`: what its
        files are locked with; without one they lie in the clear."""
        self._id = recording_id
        self._finished = finished
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        self._reel = Reel(
            path,
            clock.monotonic(),
            lambda track_id: self._from_writer(self._ask_keyframe, track_id),
            key,
            lambda: self._from_writer(self._closed.set),
        )
        self._taps: dict[str, _Tapped] = {}  # by leg id
        self._numbers: Counter[str] = Counter()
        self._lost = False
        self._ended: asyncio.Task[None] | None = None
        self._reel.put_event("recording:started", {"recording": recording_id})
        writer.adopt(self._reel)

    @property
    def recording_id(self) -> str:
        return self._id

    @property
    def healthy(self) -> bool:
        """See `rooms.client.Recorder`; it may become healthy again when the cause has gone."""
        return self._ended is None and not self.troubles

    @property
    def behind(self) -> bool:
        """See `rooms.client.Recorder`."""
        return self._reel.behind

    @property
    def troubles(self) -> frozenset[str]:
        """What is wrong, as codes: write, sync, disk-full, overload, lag, stalled, failed, lost."""
        troubles = self._reel.troubles(clock.monotonic())
        return troubles | {"lost"} if self._lost else troubles

    def add(self, leg: Leg, person: Ref, role: str, name: str) -> None:
        """Raises `ValueError` for a leg that is recorded already, an unfit role, or a finished recording."""
        if self._ended is not None or leg.id in self._taps or not _ROLE.fullmatch(role):
            raise ValueError(f"cannot record leg {leg.id} as {role!r}")
        self._numbers[role] += 1
        track_id = new_id("track")
        stem = f"{role}-{self._numbers[role]}"
        coded = PICTURES[leg.codec]
        track = Track(clock.monotonic(), coded)
        self._reel.put(self._reel.open_track, track_id, track, stem + RAW + coded.suffix)
        who = {"kind": person.kind, "id": person.id}
        self._reel.put_event(
            "track:started",
            {"track": track_id, "person": who, "role": role, "name": name, "file": stem, "video": leg.codec},
        )
        tapped = _Tapped(track_id, leg, _Tap(self._reel, track), person)
        self._taps[leg.id] = tapped
        leg.tap(tapped.tap)
        leg.request_keyframe()

    def remove(self, leg: Leg) -> None:
        """Idempotent."""
        tapped = self._taps.pop(leg.id, None)
        if tapped is not None:
            leg.untap(tapped.tap)
            self._reel.put(self._reel.end_track, tapped.track_id)

    def hear(self, leg: Leg, *, heard: bool) -> None:
        """See `rooms.client.Recorder`; a leg that is not recorded is passed over."""
        if (tapped := self._taps.get(leg.id)) is not None:
            leg.tap(tapped.tap, sound=heard)

    def arrived(self, leg: Leg) -> Mapping[MediaKind, float]:
        """See `rooms.client.Recorder`; nothing has come of a leg that is not recorded."""
        tapped = self._taps.get(leg.id)
        return {} if tapped is None else tapped.tap.newest

    def stills(self) -> list[Still]:
        """Of everybody who is recorded now."""
        return [
            Still(one.track_id, one.person, one.leg.codec.value, one.tap.track.key_frame)
            for one in self._taps.values()
        ]

    def mark(self, tag: str, **details: object) -> None:
        """Events are places to jump to: a key frame is asked for at each. `details` become JSON; what has
        no JSON form is written as text."""
        plain: dict[str, Any] = json.loads(json.dumps(details, default=str))
        self._reel.put_event(tag, plain)
        for tapped in self._taps.values():
            tapped.leg.request_keyframe()

    async def finish(self, reason: str) -> None:
        """Idempotent: whoever calls again waits for the first call to end. Who gives up waiting does not cut it off."""
        if self._ended is None:
            self._ended = self._loop.create_task(self._finish(reason))
        await asyncio.shield(self._ended)

    async def _finish(self, reason: str) -> None:
        """What was not saved whole breaks off before its end: its last moment is the last one that is there."""
        await self._close(reason)
        whole = self._closed.is_set() and self._reel.whole  # what hangs in the disk may yet be written
        await self._finished(reason if whole else INTERRUPTED)

    def give_up(self) -> None:
        """The row is no longer this node's: another one seals what there is. Nothing more is written."""
        if not self._lost:
            self._lost = True
            _log.error("x recording %s", fields(id=self._id, trouble="lost"))
            for tapped in tuple(self._taps.values()):
                self.remove(tapped.leg)
            self._reel.close()

    async def _close(self, reason: str) -> None:
        """Returns when nothing is written any more, or the disk hangs."""
        for tapped in tuple(self._taps.values()):
            self.remove(tapped.leg)
        self._reel.put_event("recording:finished", {"reason": reason})
        self._reel.close()
        try:
            async with asyncio.timeout(GIVE_UP_S * 2):
                await self._closed.wait()
        except TimeoutError:
            _log.error("x recording %s", fields(id=self._id, trouble="not-closed"))

    def _from_writer(self, call: Callable[..., None], *args: object) -> None:
        """Called in the writer's thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process is on its way out
            self._loop.call_soon_threadsafe(call, *args)

    def _ask_keyframe(self, track_id: str) -> None:
        for tapped in self._taps.values():
            if tapped.track_id == track_id:
                tapped.leg.request_keyframe()
