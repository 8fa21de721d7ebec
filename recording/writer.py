"""The thread that writes: packets and events come in through bounded queues, files grow, `fsync` follows.

The event loop only appends to a queue; frames are put together and written here. What was taken in is with
the system within `TICK_S` and on the disk within `SYNC_S` more, so a killed process loses a fraction of a
second and a power failure less than two. What cannot be written is kept and tried again at the same place in
the file; while it waits, the queue fills, and what does not fit any more is dropped and stated as a gap.
Of many recordings one is synced at a time, and between two of them all are written: a queue never waits for the
disk to make others safe.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core import clock, garbage
from core.log import fields
from recording.folder import EVENTS, Event
from recording.locked import Growing, Key
from recording.timing import Jump
from recording.track import Track
from rooms.client import MediaKind

TICK_S = 0.2  # every turn costs, however little there is to write
SYNC_S = 1.6  # with TICK_S what a power failure takes: less than two seconds
LAG_S = (
    2.0  # what waits longer than this in the queue or for its sync means that the recording does not keep up
)
BEHIND_S = 2.0  # packets without a single usable frame for so long: an officer is told
STALL_S = 5.0  # and for so long: it is no recording any more, and the call waits
QUEUE = 8192  # packets; some 9 MB, at least ten seconds of a call at full rate
PENDING = 4 << 20  # bytes that wait for a disk before the queue is left to fill
LOW_WATER = 50 << 20  # bytes that must stay free, so that the events and the manifest can still be written
HELD_UP_S = 1.0  # a round that takes longer finds megabytes waiting at its end
GIVE_UP_S = 5.0  # how long the end of a recording waits for a disk that takes nothing
_ASK_S = 1.0  # a key frame is asked for this often at most

_log = logging.getLogger(__name__)


class GrowingFile:
    """A file that is only appended to. Opened at the first write. With a key nothing of it lies there clear."""

    def __init__(self, path: Path, key: Key | None = None) -> None:
        self._path = path
        self._lock = None if key is None else Growing(key, path.name)
        self._handle: int | None = None
        self._size = 0
        self._clear = bytearray()  # not yet locked
        self._pending = bytearray()
        self._dirty = False

    @property
    def waiting(self) -> int:
        """Bytes that are not yet with the system."""
        return len(self._clear) + len(self._pending)

    def append(self, data: bytes) -> None:
        if self._lock is None:
            self._pending += data
        else:
            self._clear += data

    def write(self) -> None:
        """Gives all that waits to the system; raises `OSError`, and then the rest can be tried again."""
        if self._lock is not None and self._clear:
            record = self._lock.lock(self._clear)  # once: what is tried again stays the same
            self._pending = self._pending + record if self._pending else record
            self._clear.clear()
        if not self._pending:
            return
        if self._handle is None:
            self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        while self._pending:
            written = os.pwrite(self._handle, self._pending, self._size)
            del self._pending[:written]
            self._size += written
            self._dirty = True

    def sync(self) -> None:
        """Makes what was written survive a power failure; raises `OSError`."""
        if self._dirty and self._handle is not None:
            os.fdatasync(self._handle)
            self._dirty = False

    def close(self) -> None:
        """Idempotent, even where it raises `OSError`, as it may on storage over a network."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


class _Open:
    """A track that is being written."""

    def __init__(self, track: Track, file: GrowingFile) -> None:
        self.track = track
        self.file = file
        self.asked = float("-inf")
        self.ended = False


class Reel:
    """All files of one recording. `put…`, `close` and what tells of its health belong to the event loop,
    the rest to the writer's thread."""

    def __init__(
        self,
        path: Path,
        started: float,
        ask_keyframe: Callable[[str], None],
        key: Key | None = None,
        on_closed: Callable[[], None] = lambda: None,
    ) -> None:
        """`started` in monotonic seconds; `ask_keyframe` is called from the thread with a track's id, `on_closed` when
        all is closed."""
        self.closed = threading.Event()
        self.whole = True  # whether all that was put in was written and made safe; known once it is closed
        self._path = path
        self._key = key
        self._started = started
        self._ask_keyframe, self._on_closed = ask_keyframe, on_closed
        self._queue: deque[tuple[float, Callable[..., None], tuple[Any, ...]]] = deque()
        self._lock = threading.Lock()
        self._dropped: tuple[int, float, float] | None = None  # packets, first and last arrival
        self._troubles: set[str] = set()
        self._tracks: dict[str, _Open] = {}
        self._events = GrowingFile(path / EVENTS, key)
        self._events_urgent = False
        self._count = 0
        self._synced = started
        self._standstill = 0.0  # seconds for which a stream has come without a frame of it being written
        self._closing: float | None = None

    # --- event loop ---

    def put(self, call: Callable[..., None], *args: object) -> None:
        """Queues a step that must not be lost."""
        self._queue.append((clock.monotonic(), call, args))

    def put_packet(self, track: Track, kind: MediaKind, packet: bytes, arrived: float) -> None:
        if len(self._queue) < QUEUE:
            self._queue.append((arrived, track.packet, (kind, packet, arrived)))
            return
        with self._lock:
            count, first, _ = self._dropped or (0, arrived, arrived)
            self._dropped = (count + 1, first, arrived)

    def put_event(self, tag: str, details: dict[str, Any]) -> None:
        """An event of this moment."""
        self.put(self.event, tag, details, clock.monotonic(), clock.now().isoformat(timespec="milliseconds"))

    def close(self) -> None:
        """Writes what is there and closes; `closed` is set when that is done."""
        self.put(self._begin_close)

    def troubles(self, now: float) -> frozenset[str]:
        """What is wrong, as codes; empty for a healthy recording."""
        found = set(self._troubles)
        if self._dropped is not None:
            found.add("overload")
        if self._standstill > STALL_S:
            found.add("stalled")
        unsynced = 0.0 if self.closed.is_set() else now - self._synced - SYNC_S
        if max(self.lag(now), unsynced) > LAG_S:
            found.add("lag")
        return frozenset(found)

    @property
    def behind(self) -> bool:
        """Media time falls behind the clock on the wall: noticed before it is trouble."""
        return self._standstill > BEHIND_S

    def lag(self, now: float) -> float:
        """For how many seconds the oldest thing in the queue has been waiting."""
        try:
            return now - self._queue[0][0]
        except IndexError:
            return 0.0

    # --- writer's thread ---

    def open_track(self, track_id: str, track: Track, name: str) -> None:
        self._tracks[track_id] = _Open(track, GrowingFile(self._path / name, self._key))

    def end_track(self, track_id: str) -> None:
        """No packet of the track comes any more."""
        opened = self._tracks[track_id]
        opened.track.flush()
        opened.ended = True
        self._collect(track_id, opened)
        totals = {kind.value: opened.track.counters(kind)._asdict() for kind in MediaKind}
        self._event_now("track:ended", {"track": track_id, **totals})

    def event(self, tag: str, details: dict[str, Any], at: float, wall: str) -> None:
        """`at` monotonic seconds, `wall` UTC in ISO 8601."""
        self._count += 1
        ms = max(0, round((at - self._started) * 1000))
        self._events.append(Event(self._count, wall, ms, tag, details).line())
        self._events_urgent = True

    def turn(self, now: float) -> None:
        """One round: take in, assemble, write. `now` in monotonic seconds."""
        self._take_in()
        for track_id, opened in self._tracks.items():
            opened.track.expire(now)
            self._collect(track_id, opened)
            if opened.track.wants_keyframe(now) and now - opened.asked >= _ASK_S:
                opened.asked = now
                self._ask_keyframe(track_id)
        self._standstill = max((one.track.stalled_s(now) for one in self._tracks.values()), default=0.0)
        self._write()

    def due(self, now: float) -> float:
        """For how many seconds a sync has been due; below 0: it is not."""
        return now - self._synced - (0.0 if self._events_urgent or self._closing is not None else SYNC_S)

    def fail(self, why: str) -> None:
        """Something that cannot be mended: the reel stays unhealthy and takes nothing in any more."""
        self._troubles.add(why)
        self._queue.clear()
        self._end()

    def _take_in(self) -> None:
        if max((one.file.waiting for one in self._tracks.values()), default=0) > PENDING:
            return
        for _ in range(len(self._queue)):
            _, call, args = self._queue.popleft()
            call(*args)
        with self._lock:
            dropped, self._dropped = self._dropped, None
        if dropped is not None:
            for opened in self._tracks.values():
                opened.track.hole()
            count, first, last = dropped
            offsets = [round((moment - self._started) * 1000) for moment in (first, last)]
            self._event_now(
                "recording:gap",
                {"cause": "overload", "from_ms": offsets[0], "to_ms": offsets[1], "packets": count},
            )

    def _collect(self, track_id: str, opened: _Open) -> None:
        opened.file.append(opened.track.take())
        for kind, note in opened.track.notes():
            tag = "track:jump" if isinstance(note, Jump) else "track:clock"
            self._event_now(tag, {"track": track_id, "kind": kind.value, **note._asdict()})

    def _event_now(self, tag: str, details: dict[str, Any]) -> None:
        self.event(tag, details, clock.monotonic(), clock.now().isoformat(timespec="milliseconds"))

    def _write(self) -> None:
        try:
            for file in self._files:
                file.write()
        except OSError as error:
            self._trouble("write", error)
        else:
            self._troubles.discard("write")

    @property
    def _files(self) -> list[GrowingFile]:
        return [self._events, *(one.file for one in self._tracks.values())]

    def sync(self, now: float) -> None:
        """Makes what was written safe; the last time, it is the end."""
        self._events_urgent = False
        try:
            for file in self._files:
                file.sync()
            self._watch_disk()
        except OSError as error:
            # What the system has forgotten after a failed sync cannot be known: not to be mended.
            self._trouble("sync", error)
        self._synced = now
        for track_id in [key for key, one in self._tracks.items() if one.ended and not one.file.waiting]:
            self._shut(self._tracks.pop(track_id).file)
        if self._closing is not None and (self._is_saved() or now - self._closing > GIVE_UP_S):
            self._end()

    def _watch_disk(self) -> None:
        disk = os.statvfs(self._path)
        if disk.f_bavail * disk.f_frsize < LOW_WATER:
            self._trouble("disk-full", None)
        else:
            self._troubles.discard("disk-full")

    def _trouble(self, code: str, error: OSError | None) -> None:
        if code not in self._troubles:
            _log.error("x recording %s", fields(folder=self._path.name, trouble=code, error=error))
        self._troubles.add(code)

    def _begin_close(self) -> None:
        for track_id in [key for key, one in self._tracks.items() if not one.ended]:
            self.end_track(track_id)
        self._closing = clock.monotonic()

    def _is_saved(self) -> bool:
        return not self._events.waiting and not any(one.file.waiting for one in self._tracks.values())

    def _shut(self, file: GrowingFile) -> None:
        try:
            file.close()
        except OSError as error:  # the last word of some storage on what it took before
            self._trouble("sync", error)

    def _end(self) -> None:
        saved = self._closing is not None and self._is_saved()
        for file in self._files:
            self._shut(file)
        self.whole = saved and not self._troubles & {"sync", "failed"}
        self.closed.set()
        self._on_closed()


class Writer:
    """One thread for all reels of the process; it lives while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reels: list[Reel] = []
        self._running = False
        self._held_up = False  # much had to wait for the disk, and is not yet all written

    def adopt(self, reel: Reel) -> None:
        """Writes `reel` from now on until it is closed."""
        with self._lock:  # the thread waits for it, too
            if not self._running:  # nor after a start that failed: then the next recording tries it again
                threading.Thread(target=self._run, name="recording-writer", daemon=True).start()
                self._running = True
            self._reels.append(reel)

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            with self._lock:
                self._reels = [reel for reel in self._reels if not reel.closed.is_set()]
                reels = tuple(self._reels)
                if not reels:
                    self._running = False
                    return
            if not self._round(reels):
                pause.wait(TICK_S)

    def _round(self, reels: Sequence[Reel]) -> bool:
        """Writes all and syncs who is due; True: at once again. What piled up while the disk stood still was much: it
        is given back once it is written."""
        begun = clock.monotonic()
        for reel in reels:
            _work(reel, reel.turn)
        again = self._sync(reels)
        if clock.monotonic() - begun > HELD_UP_S:
            self._held_up = True
        elif self._held_up and not again:
            self._held_up = False
            garbage.give_back()
        return again

    def _sync(self, reels: Sequence[Reel]) -> bool:
        """Those that are due, who waits longest first; True: the disk is slow, and others must be written before the
        rest is synced."""
        begun = clock.monotonic()
        due = {reel: reel.due(begun) for reel in reels}
        waiting = sorted((reel for reel in due if due[reel] >= 0), key=due.__getitem__)
        while waiting and clock.monotonic() - begun < TICK_S:
            reel = waiting.pop()
            _work(reel, reel.sync)
        return bool(waiting)


def _work(reel: Reel, step: Callable[[float], None]) -> None:
    if reel.closed.is_set():
        return
    try:
        step(clock.monotonic())
    except Exception:  # noqa: BLE001 - one broken recording must not stop the others
        _log.exception("x recording")
        reel.fail("failed")
