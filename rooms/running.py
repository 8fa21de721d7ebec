"""A room that runs: the task that owns one `Room`, feeds it actions and carries out its effects.

For each action, in this order: what must no longer flow stops (`Stage.dim`); what changed is stored, with its
ledger entries, in one short transaction; what may flow now, flows (`Stage.light`); people are told, legs are
opened or closed. If storing fails, the room is given up as it stands in the database (`rooms.host` closes its
legs and it is opened anew): nobody is shown a state that was not stored.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any

import ledger.record
from core import clock
from core.db import Database
from core.log import fields
from rooms import call_log, directory, opening, repository, sightlines, words
from rooms.actions import (
    Attached,
    Close,
    CloseLeg,
    Detached,
    Devices,
    Effect,
    Ended,
    Enter,
    FinishRecorder,
    LegBack,
    LegConnected,
    LegFailed,
    LegLost,
    Mark,
    Message,
    Note,
    OpenLeg,
    Prolong,
    RecorderBehind,
    RecorderFailed,
    RecorderStarted,
    Say,
    Send,
    StartRecorder,
    Tick,
    TracksMissing,
)
from rooms.client import LegFactory, MediaKind, RecorderFactory
from rooms.clock import VisitClock
from rooms.directory import Claim
from rooms.errors import BadSdp
from rooms.items import Answer, Item, Join, Restart, Seen
from rooms.lines import media_lines
from rooms.minutes import LegMinute
from rooms.model import Moment, Phase, RoomRecord, SeatView, Visit
from rooms.powers import ForbiddenTopologyError
from rooms.room import Room
from rooms.speech import Speech
from rooms.stage import Stage
from rooms.steward import Steward

_log = logging.getLogger(__name__)
TICK = 0.25  # seconds between two looks at the clocks


Post = Callable[[str, Message], Awaitable[None]]  # to one socket, through the bus


class RunningRoom:
    """Owns its room: only `run` touches it. `put` may be called from anywhere in the loop."""

    def __init__(
        self,
        room: Room,
        claim: Claim,
        db: Database,
        post: Post,
        legs: LegFactory,
        recorders: RecorderFactory,
        steps: Counter[str] | None = None,
    ) -> None:
        """`steps` counts the changes of pictures, by where they went, of all rooms together."""
        self.claim = claim
        self.conns: set[str] = set()  # sockets that were told of this room and not closed by it
        self._room = room
        self._db = db
        self._post = post
        self._legs = legs
        # A closed room is not given what could record it.
        self._recorders = recorders if room.topology.oversight.recorder else None
        self._stage = Stage()
        self._items: asyncio.Queue[Item] = asyncio.Queue()
        self._stored = self._durable()
        self._sights: tuple[sightlines.Sight, ...] = ()
        self._chores: set[asyncio.Task[None]] = set()
        self._abandoned = False
        self._speech = Speech(legs, self._stage, self, self._chore)
        self.steward = Steward(room, self._stage, Counter() if steps is None else steps)
        self._do: dict[type[Any], Callable[[Any], Awaitable[None]]] = {
            Send: self._send,
            Close: self._close,
            OpenLeg: self._open_leg,
            CloseLeg: self._close_leg,
            StartRecorder: self._start_recorder,
            FinishRecorder: self._finish_recorder,
            Mark: self._mark,
            Prolong: self._prolong,
            Say: self._speech.say,
        }

    @property
    def ended(self) -> bool:
        return self._room.phase is Phase.ENDED

    @property
    def visit(self) -> Visit:
        return self._room.visit

    @property
    def clock(self) -> VisitClock:
        return self._room.clock

    @property
    def counted_till(self) -> datetime:
        """Till when the visit's clock has counted."""
        return self._room.now.wall

    @property
    def seats(self) -> list[SeatView]:
        return [seat.view for seat in self._room.seats]

    def put(self, item: Item) -> None:
        self._items.put_nowait(item)

    async def run(self) -> None:
        """Until the visit ends. Raises whatever goes wrong; then the room is to be given up."""
        loop = asyncio.get_running_loop()
        tick_at = loop.time()
        while not self.ended:
            try:
                async with asyncio.timeout_at(tick_at):
                    item: Item = await self._items.get()
            except TimeoutError:
                item, tick_at = Tick(), loop.time() + TICK
                await self._look()
            await self._take(item)
        self._speech.end()
        self._chore(self._keep(self.steward.flush()))
        await asyncio.gather(*self._chores, return_exceptions=True)

    async def abandon(self, code: str) -> None:
        """Stops hosting without ending the visit: legs closed, sockets told `code`, the take finished."""
        self._abandoned = True
        self._speech.end()
        for conn in tuple(self._stage.legs):
            await self._close_leg(CloseLeg(conn))
        for conn in tuple(self.conns):
            await self._close(Close(conn, code))
        await self._finish_recorder(FinishRecorder("interrupted"))
        self._chore(self._keep(self.steward.flush()))
        await asyncio.gather(*self._chores, return_exceptions=True)

    # Items

    async def _take(self, item: Item) -> None:
        if isinstance(item, Answer):
            await self._answer(item)
            return
        if isinstance(item, Restart):
            if (leg := self._stage.legs.get(item.conn)) is not None:
                kind = "offer" if item.remote is None else "answer"
                told = {"type": kind, "id": item.conn, "sdp": await leg.restart(item.remote)}
                await self._send(Send(item.conn, told))
            return
        if isinstance(item, Seen):
            self.steward.seen(item.conn, item.frozen_ms, item.concealed)
            return
        action = await self._attached(item) if isinstance(item, Join) else item
        if isinstance(action, Detached):
            self.conns.discard(action.conn)
        if isinstance(action, RecorderStarted | RecorderFailed) and self._stale(action):
            return
        effects = self._room.handle(action, Moment(clock.now(), clock.monotonic()))
        scene = self._room.scene()
        self._stage.dim(scene)
        await self._store(effects, sightlines.of(scene, self._room.seats) if self._recorders else ())
        self._stage.light(scene, {seat.id: seat.view for seat in self._room.seats})
        for effect in effects:
            if (carry_out := self._do.get(type(effect))) is not None:
                await carry_out(effect)

    async def _attached(self, join: Join) -> Attached:
        async with self._db.read() as session:
            seat = await repository.seat(session, join.seat_id)
            extends = seat is not None and await opening.may_extend(session, self.visit, seat)
        if seat is None:
            raise LookupError(f"no seat {join.seat_id}")
        self.conns.add(join.conn)
        return Attached(join.conn, seat, join.codecs, join.offer, join.sends, join.language, extends)

    def _stale(self, action: RecorderStarted | RecorderFailed) -> bool:
        """A recorder that failed between its start and our hearing of it is not a running one."""
        recorder = self._stage.recorder
        if isinstance(action, RecorderFailed):
            return False
        return recorder is None or recorder.recording_id != action.recording_id

    async def _answer(self, answer: Answer) -> None:
        leg = self._stage.legs.get(answer.conn)
        if leg is None or answer.offer != answer.conn:
            return
        try:
            await leg.accept(answer.sdp)
        except BadSdp as error:
            _log.info("< answer x bad %s", fields(conn=answer.conn, why=error))
            text = words.say(error.text)
            message = {"type": "error", "code": error.code, "text": text, "fatal": False}
            await self._send(Send(answer.conn, message))

    async def _look(self) -> None:
        """At what does not announce itself: the recorder's health, what the legs' ways carry."""
        recorder = self._stage.recorder
        if recorder is not None and not recorder.healthy:
            self.put(RecorderFailed())
        behind = recorder is not None and (recorder.behind or self._stage.untaped)
        if behind is not self._room.recorder_behind:
            self.put(RecorderBehind(behind))
        missing = self.steward.missing(clock.monotonic())
        if missing != {(seat.id, kind) for seat in self._room.seats for kind in seat.missing}:
            self.put(TracksMissing(missing))
        told = self.steward.look(clock.now(), clock.monotonic())
        if told is not None:
            for action in told.actions:
                self.put(action)
            for conn, message in told.messages:
                await self._send(Send(conn, message))
            self._chore(self._keep(told.minutes))

    async def _keep(self, minutes: list[LegMinute]) -> None:
        """What was measured. Its loss is no reason to give the room up."""
        if minutes:
            async with self._db.write() as session:
                await call_log.add(session, self.claim.room_id, minutes)

    # Storing

    def _durable(self) -> RoomRecord:
        """What must be stored at each change; the running clock is stored by the host's heartbeat."""
        return replace(self._room.record(), used=0.0, lost=0.0, ticked_at=None)

    async def _store(self, effects: list[Effect], sights: tuple[sightlines.Sight, ...]) -> None:
        entries = [effect for effect in effects if isinstance(effect, Enter | Note)]
        durable = self._durable()
        if not entries and durable == self._stored and sights == self._sights:
            return
        record, visit = self._room.record(), self._room.visit
        async with self._db.write() as session:
            await directory.write(session, self.claim, record, visit)
            known = {seat.id: seat for seat in self._stored.seats}
            await repository.save_seats(session, [s for s in record.seats if known.get(s.id) != s])
            for entry in entries:
                if isinstance(entry, Note):
                    repository.add_act(session, visit.room_id, entry, record.used)
                else:
                    ledger.record.record(
                        session, entry.tag, actor=entry.actor, subject=visit.about, **entry.details
                    )
            if sights != self._sights:
                call_log.add_sights(session, visit.room_id, sights)
            if any(isinstance(effect, Ended) for effect in effects):
                await opening.complete(session, visit, record)
        self._stored, self._sights = durable, sights

    # Effects

    async def _send(self, effect: Send) -> None:
        await self._post(effect.conn, {"op": "send", "message": effect.message})

    async def _close(self, effect: Close) -> None:
        self.conns.discard(effect.conn)
        await self._post(effect.conn, {"op": "close", "code": effect.code})

    async def _open_leg(self, effect: OpenLeg) -> None:
        try:
            leg = await self._legs.open(
                effect.conn,
                self,
                publishes=effect.publishes,
                lines=effect.lines,
                announce=effect.announce,
                low=True,
                codec=effect.codec,
                most_bits=self.visit.rules.most_bits,
                offer=effect.offer,
            )
            self._stage.enter(effect.conn, leg)
            sdp = await (leg.answer() if effect.offer else leg.offer())
        except BadSdp as error:
            _log.info("< offer x bad %s", fields(conn=effect.conn, why=error))
            await self._close(Close(effect.conn, error.code))
            self.put(Detached(effect.conn, bye=True))
            return
        except Exception:  # noqa: BLE001 - one person's leg is not the room's end
            _log.exception("x leg %s", fields(conn=effect.conn))
            self.put(LegFailed(effect.conn))
            return
        if effect.offer:  # it has no page that tells what is switched on: what it sends at all is
            on = leg.publishes
            self.put(Devices(effect.conn, MediaKind.VIDEO in on, MediaKind.AUDIO in on))
            await self._send(Send(effect.conn, {"type": "answer", "sdp": sdp}))
            return
        order = media_lines(effect.publishes, effect.lines, announce=effect.announce, low=True)
        lines = [line.message() for line in order]
        offer = {"type": "offer", "id": effect.conn, "sdp": sdp, "lines": lines}
        await self._send(Send(effect.conn, offer))

    async def _close_leg(self, effect: CloseLeg) -> None:
        if (leg := self._stage.exit(effect.conn)) is not None:
            self._chore(leg.close())

    async def _start_recorder(self, _effect: StartRecorder) -> None:
        if self._recorders is None:
            raise ForbiddenTopologyError(f"a recorder in {self._room.topology.confidentiality}")
        self._chore(self._begin_recording(self._recorders))

    async def _begin_recording(self, recorders: RecorderFactory) -> None:
        try:
            recorder = await recorders.start(self.claim.room_id, self.claim.about.id)
        except Exception:  # noqa: BLE001 - whatever it is: without a recorder there is no visit, and it is tried again
            _log.exception("x recorder %s", fields(room=self.claim.room_id))
            self.put(RecorderFailed())
            return
        if self.ended or self._abandoned:  # nobody would ever finish it
            await recorder.finish("visit-over" if self.ended else "interrupted")
            return
        self._stage.recorder = recorder
        self.put(RecorderStarted(recorder.recording_id))

    async def _finish_recorder(self, effect: FinishRecorder) -> None:
        if (recorder := self._stage.drop_recorder()) is not None:
            self._chore(recorder.finish(effect.reason))

    async def _mark(self, effect: Mark) -> None:
        if self._stage.recorder is not None:
            self._stage.recorder.mark(effect.tag, **effect.details)

    async def _prolong(self, effect: Prolong) -> None:
        answer, longer = await opening.prolong(self._db, self.visit.about, effect)
        if longer is not None:
            self.put(longer)
        await self._send(Send(effect.conn, answer))

    def _chore(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Work that nobody waits for; its failure is logged."""
        task = asyncio.create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chore_done)
        return task

    def _chore_done(self, task: "asyncio.Task[None]") -> None:
        self._chores.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("x chore %s", fields(room=self.claim.room_id, error=repr(error)))

    # rooms.client.LegEvents

    def leg_connected(self, leg_id: str) -> None:
        self.put(LegConnected(leg_id))

    def leg_lost(self, leg_id: str) -> None:
        leg = self._stage.legs.get(leg_id)
        silent = clock.monotonic() - leg.statistics().last_heard if leg is not None else 0.0
        self.put(LegLost(leg_id, max(0.0, silent)))

    def leg_back(self, leg_id: str) -> None:
        self.put(LegBack(leg_id))

    def leg_failed(self, leg_id: str) -> None:
        self.put(LegFailed(leg_id))
