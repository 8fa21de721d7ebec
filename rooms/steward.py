"""Looks after the legs of one running room once a second: measures them, fits the pictures to what their ways
carry, and keeps what was measured. Owned by the room's task, as its stage is.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from rooms import quality
from rooms.actions import Action, Fitted, LegRated, Message
from rooms.arrivals import Arrivals, expected
from rooms.client import LegStatistics, MediaKind
from rooms.fitting import MOVING, Fitting, Member, Plan, Sent
from rooms.ladder import RUNGS
from rooms.loudness import SILENT
from rooms.minutes import LegMinute, Meter
from rooms.model import Visit
from rooms.room import Room
from rooms.stage import Stage
from rooms.wall import Face

_EVERY = 1.0  # seconds
_RATE_EVERY = 2  # seconds between two words on how good a connection is
_SHOWN = ("up_kbit", "down_kbit", "up_lost", "down_lost", "round_trip_ms", "jitter_ms", "level")
_REMEMBERED = 60.0  # seconds for which a line is taken for what it was
_STILL_EVERY, _STILL_FOR = (
    4.0,
    0.75,
)  # seconds: a still picture is renewed, and how long its key frame may take


@dataclass(slots=True)
class Told:
    """What is to be done after a second: actions for the room, messages to sockets, minutes to store."""

    actions: list[Action] = field(default_factory=list)
    messages: list[tuple[str, Message]] = field(default_factory=list)
    minutes: list[LegMinute] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Width:
    """What the ways of a seat's newest leg carried when it was there last, bit/s."""

    leg: str
    up: int
    down: int
    at: float


class Steward:
    """`steps` counts changes of pictures by where they went, for all rooms of a process."""

    def __init__(self, room: Room, stage: Stage, steps: Counter[str]) -> None:
        self._walls: dict[str, frozenset[str]] = {}  # the legs whose small pictures each wall shows
        self._room = room
        self._stage = stage
        self._steps = steps
        self._fitting = Fitting()
        self._plan = Plan()
        self._sent: dict[str, Sent] = {}
        self._meters: dict[str, Meter] = {}
        self._widths: dict[str, _Width] = {}  # by seat
        self._arrivals = Arrivals()
        self._quiet: dict[str, float] = {}  # conn -> seconds without anything at the last look
        self._at = 0.0
        self._count = 0

    def look(self, wall: datetime, now: float) -> Told | None:
        """Called several times a second; `None` while it is not time yet."""
        self._stage.breathe(still=now % _STILL_EVERY < _STILL_FOR)
        if now - self._at < _EVERY:
            return None
        self._at = now
        self._count += 1
        told = Told()
        statistics = {conn: leg.statistics() for conn, leg in self._stage.legs.items()}
        self._quiet = {conn: now - seen.last_heard for conn, seen in statistics.items()}
        self._recall(statistics, now)
        self._fit(statistics, now, told)
        self._measure(statistics, wall, now, told)
        if self._count % _RATE_EVERY == 0:
            told.messages += self._measured()
            told.actions += [LegRated(conn, quality.rate(seen)) for conn, seen in statistics.items()]
        return told

    def missing(self, now: float) -> frozenset[tuple[str, MediaKind]]:
        """What should reach the recording and does not, by seat. Called several times a second."""
        wanted = expected(self._room.scene(), self._room.seats, self._plan)
        self._arrivals.step(wanted, self._stage.arrived(), self._quiet, now)
        seats = {seat.leg: seat.id for seat in self._room.seats}
        return frozenset((seats[conn], kind) for conn, kind in self._arrivals.missing)

    # rooms.wall.Watched

    @property
    def visit(self) -> Visit:
        return self._room.visit

    def face(self, *, inmate: bool) -> Face | None:
        seat = next(
            (s for s in self._room.seats if s.connected and not s.is_monitor and s.role.visits is not inmate),
            None,
        )
        leg = self._stage.legs.get(seat.leg or "") if seat is not None else None
        if leg is None:
            return None
        sent = self._plan.sent.get(leg.id)  # who sends no moving picture has only one, which is small
        return Face(leg, small=sent is None or sent.picture in MOVING)

    def wanted_small(self, wall: str, legs: frozenset[str]) -> None:
        if legs:
            self._walls[wall] = legs
        else:
            self._walls.pop(wall, None)

    # rooms.running

    def seen(self, conn: str, frozen_ms: int, concealed: int) -> None:
        """What a page says of how it went."""
        if (meter := self._meters.get(conn)) is not None:
            meter.seen(frozen_ms, concealed)

    def flush(self) -> list[LegMinute]:
        """The rest, when the room ends."""
        minutes = [minute for meter in self._meters.values() if (minute := meter.flush()) is not None]
        self._meters.clear()
        return minutes

    # Pictures

    def _recall(self, statistics: dict[str, LegStatistics], now: float) -> None:
        """Who comes back over a line that was too narrow a moment ago does not begin with the largest picture."""
        for seat in self._room.seats:
            if seat.leg is None or (seen := statistics.get(seat.leg)) is None:
                continue
            if seen.up is None or seen.down is None:
                continue
            last = self._widths.get(seat.id)
            up, down = seen.up.bits, seen.down.bits
            if last is not None and last.leg != seat.leg and now - last.at < _REMEMBERED:
                up, down = min(up, last.up), min(down, last.down)
                self._stage.legs[seat.leg].recall(up, down)
            self._widths[seat.id] = _Width(seat.leg, up, down, now)

    def _fit(self, statistics: dict[str, LegStatistics], now: float, told: Told) -> None:
        plan = self._fitting.step(self._members(statistics), now, frozenset().union(*self._walls.values()))
        for conn, direction, bits in plan.assumed:
            self._stage.legs[conn].assume("up" if direction == "up" else "down", bits)
        for conn, sent in plan.sent.items():
            self._stage.legs[conn].limit(sent.limit)
            before = self._sent.get(conn, Sent())
            if (before.picture, before.small) != (sent.picture, sent.small):
                told.messages.append((conn, _message(sent)))
        self._sent = plan.sent
        if plan.sent != self._plan.sent or plan.got != self._plan.got:
            self._steps.update(step.after.value for step in plan.steps(self._plan) if not step.viewer)
            self._stage.fit({pair: got.shown for pair, got in plan.got.items()})
            told.actions.append(Fitted(plan))
            self._plan = plan

    def _members(self, statistics: dict[str, LegStatistics]) -> list[Member]:
        scene = self._room.scene()
        return [
            Member(
                seat.leg,
                seen.up,
                seen.down,
                publishes=MediaKind.VIDEO in seat.power.publishes,
                watches=seat.is_monitor,
                sees=tuple(
                    line.publisher
                    for line in scene.lines.get(seat.leg, ())
                    if line is not None and line.video and line.publisher in statistics
                ),
                small=seen.low,
            )
            for seat in self._room.seats
            if seat.leg is not None and seat.connected and (seen := statistics.get(seat.leg)) is not None
        ]

    # Minutes

    def _measure(self, statistics: dict[str, LegStatistics], wall: datetime, now: float, told: Told) -> None:
        seats = {seat.leg: seat for seat in self._room.seats if seat.leg is not None}
        for gone in [conn for conn in self._meters if conn not in statistics]:
            if (minute := self._meters.pop(gone).flush()) is not None:
                told.minutes.append(minute)
        for conn, seen in statistics.items():
            if (seat := seats.get(conn)) is None:
                continue
            meter = self._meters.setdefault(conn, Meter(seat.id, conn))
            sent = self._plan.sent.get(conn)
            minute = meter.second(self._discreet(seen), sent.picture if sent is not None else None, wall, now)
            if minute is not None:
                told.minutes.append(minute)

    def _measured(self) -> list[tuple[str, Message]]:
        """`measured` of docs/protocol.md, for every officer's page."""
        figures = {conn: meter.newest for conn, meter in self._meters.items()}
        people = [
            {"seat": seat.id, **{name: getattr(newest, name) for name in _SHOWN}}
            for seat in self._room.seats
            if not seat.is_monitor and (newest := figures.get(seat.leg or "")) is not None
        ]
        message: Message = {"type": "measured", "people": people}
        officers = [seat.socket for seat in self._room.seats if seat.is_monitor and seat.socket is not None]
        return [(conn, message) for conn in officers] if people else []

    def _discreet(self, seen: LegStatistics) -> LegStatistics:
        """Who spoke when is nobody's business in a room that nobody hears."""
        if self._room.topology.oversight.recorder:
            return seen
        return replace(seen, level=SILENT)


def _message(sent: Sent) -> Message:
    """`send` of docs/protocol.md."""
    rung = RUNGS[sent.picture]
    return {
        "type": "send",
        "picture": sent.picture.value,
        "lines": rung.lines,
        "frames": rung.frames,
        "video_bits": rung.video,
        "audio_bits": rung.audio,
        "small": sent.small,
    }
