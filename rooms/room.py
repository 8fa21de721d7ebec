"""One visit as a state machine: actions in, effects out. Pure; owned by one task (`rooms.running`).

After each action the room settles: it looks at who is there, what supervision and recording need and what
the clock says, and moves its phase by the table `rooms.model.MOVES`. Nothing else moves it, so there is no
second way into a live visit: not by arriving early, not by reconnecting, not by a restart.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from core.ids import Ref
from rooms import (
    acts,
    amending,
    coding,
    deadlines,
    pictures,
    sealing,
    settling,
    switches,
    taping,
    view,
    words,
)  # fmt: skip
from rooms.actions import (
    Acted,
    Action,
    Attached,
    BookingCancelled,
    Close,
    CloseLeg,
    Detached,
    Devices,
    Effect,
    Enter,
    Extended,
    Fitted,
    Help,
    KeyTold,
    LegBack,
    LegConnected,
    LegFailed,
    LegLost,
    LegRated,
    Looks,
    Mark,
    Message,
    OpenLeg,
    RecorderBehind,
    RecorderFailed,
    RecorderStarted,
    SecretGiven,
    Send,
    Tick,
    TracksMissing,
    VisitorDropped,
)  # fmt: skip
from rooms.audience import Scene, carries, scene
from rooms.clock import VisitClock
from rooms.fitting import Plan
from rooms.model import (
    Ending,
    EndReason,
    Hold,
    Moment,
    Phase,
    RoomRecord,
    SeatState,
    SeatView,
    Visit,
    Waiting,
    check_move,
)  # fmt: skip
from rooms.powers import Act, Topology
from rooms.seat import Seat
from scheduler.model import Fault

LINGER = 2.0  # seconds a media leg outlives its socket
STATE_EVERY = 10.0  # seconds after which a state is sent again though nothing changed
HELP_EVERY = 5.0  # seconds between two calls for help of one seat


class Room:
    """`handle` is the only way in. `record` and `scene` tell what is to be stored and shown now."""

    def __init__(self, visit: Visit, record: RoomRecord, now: Moment) -> None:
        self.visit = visit
        # A room is built for what was agreed; nothing it is told later can change which seats there are.
        self.topology = Topology(visit.kind, visit.confidentiality)
        self.now = now
        self.opened = now.mono
        self.phase = record.phase
        self.clock = VisitClock(
            visit.granted, visit.slot_ends_at, used=record.used, lost=record.lost, live_at=record.live_at,
            gives_back=visit.rules.gives_back,
        )  # fmt: skip
        self.clock.restore(now, record.ticked_at)
        self.seats: list[Seat] = []
        for seat in record.seats:
            self._add(seat)
        self.holds: dict[Hold, float] = {}  # hold -> monotonic second since when
        self.pause_code, self.pause_words = record.pause_code, record.pause_words
        self.pictures = Plan()  # who is sent what of whom
        self.codec = visit.rules.codec
        self.recording: str | None = None
        self.recording_since = 0.0
        self.out: list[Effect] = []
        self.recorder_asked: float | None = None  # when it was last tried, while there is none
        self.recorder_starting = self.recorder_behind = False
        self.ending: Ending | None = None
        self.ended_at = record.ended_at
        self.taken = set(record.taken)  # kinds of acts that were done in this visit
        self.given_back_before = self.clock.given_back()
        self._handlers: dict[type[Any], Callable[[Any], None]] = self._table()
        self._told: dict[str, tuple[Message, float, int]] = {}  # conn -> last state, when, its number
        if self.phase is Phase.LIVE:  # after a restart nobody is there yet
            self.phase = check_move(self.phase, Phase.PAUSED)
        settling.find_holds(self)

    # What the host asks

    def handle(self, action: Action, now: Moment) -> list[Effect]:
        """The effects of `action`, in the order in which they are to be done. Ended rooms do nothing more."""
        if self.phase is Phase.ENDED:
            return []
        self.now, self.out = now, []
        self.clock.advance(now)
        self._handlers[type(action)](action)
        deadlines.watch(self)
        if self.ending is None:
            settling.settle(self)
        if self.ending is not None:
            settling.finish(self, self.ending)
        else:
            self._tell()
        return self.out

    def scene(self) -> Scene:
        rules = self.visit.rules
        paused, muted = rules.record_while_paused, rules.record_while_muted
        return scene(self.seats, self.phase, while_paused=paused, while_muted=muted)

    def record(self) -> RoomRecord:
        ending = self.ending
        return RoomRecord(
            phase=self.phase,
            used=self.clock.used,
            lost=self.clock.lost,
            ticked_at=self.now.wall,
            live_at=self.clock.live_at,
            ended_at=self.ended_at,
            end_reason=ending.reason if ending else None,
            end_code=ending.code if ending else "",
            end_words=ending.words if ending else "",
            fault=ending.fault if ending else Fault.NOBODY,
            pause_code=self.pause_code,
            pause_words=self.pause_words,
            seats=tuple(seat.view for seat in self.seats),
        )

    def remaining(self, now: Moment) -> float:
        return self.clock.remaining(now)

    def until_start(self, now: Moment) -> float:
        return max(0.0, (self.visit.starts_at - now.wall).total_seconds())

    def waiting(self, now: Moment) -> list[Waiting]:
        return view.waiting(self, now)

    def seat(self, seat_id: str) -> Seat | None:
        return next((seat for seat in self.seats if seat.id == seat_id), None)

    # What acts and handlers do to the room

    def enter(self, tag: str, actor: Ref, **details: Any) -> None:
        """An entry for the ledger, with its second of the visit."""
        at = view.milliseconds(self.clock.used)
        self.out.append(Enter(tag, actor, {"room": self.visit.room_id, "at_ms": at, **details}))

    def mark(self, tag: str, **details: Any) -> None:
        self.out.append(Mark(tag, details))

    def notice(self, seat: Seat, notice: str, text: str, **params: Any) -> None:
        """Shown and read out at one seat; `minutes` among `params` is a field of its own too."""
        if seat.socket is not None:
            message: Message = {"type": "notice", "notice": notice, "text": words.say(text, **params)}
            if "minutes" in params:
                message["minutes"] = params["minutes"]
            self.out.append(Send(seat.socket, message))

    def end(self, reason: EndReason, fault: Fault, *, code: str = "", words: str = "") -> None:
        """The visit ends with this action; the first reason counts."""
        self.ending = self.ending or Ending(reason, fault, code, words)

    def agree_anew(self, granted: float, slot_ends_at: datetime) -> None:
        """`granted` in seconds, all in all."""
        self.visit = replace(self.visit, granted=granted, slot_ends_at=slot_ends_at)
        self.clock.agree_anew(granted, slot_ends_at, self.now)

    def leave(self, seat: Seat) -> None:
        """Nobody sits there any more: no socket, no media."""
        self._fall_silent(seat)
        if seat.leg is not None:
            self.out.append(CloseLeg(seat.leg))
        seat.unseen(self.now)
        seat.left_at = self.now.mono if seat.left_at is None else seat.left_at
        seat.socket = seat.leg = None
        seat.leg_up = False

    def remove(
        self, seat: Seat, close: str, reason: EndReason, fault: Fault, *, code: str = "", words: str = ""
    ) -> None:
        """Out for this visit; which ends when a side has nobody left."""
        seat.move(SeatState.REMOVED)
        if seat.socket is not None:
            self.out.append(Close(seat.socket, close))
        self.leave(seat)
        if not settling.both_sides(self):
            self.end(reason, fault, code=code, words=words)

    # Handlers, one per action

    def _table(self) -> dict[type[Any], Callable[[Any], None]]:
        return {
            Attached: self._attached,
            Detached: self._detached,
            LegConnected: self._leg_connected,
            LegLost: self._leg_lost,
            LegBack: self._leg_back,
            LegFailed: self._leg_failed,
            LegRated: partial(pictures.rated, self),
            Fitted: partial(pictures.fitted, self),
            Devices: partial(switches.devices, self),
            Looks: partial(switches.looks, self),
            Help: self._help,
            Acted: self._acted,
            RecorderStarted: partial(taping.started, self),
            RecorderFailed: partial(taping.failed, self),
            RecorderBehind: partial(taping.behind, self),
            TracksMissing: partial(taping.missing, self),
            BookingCancelled: partial(amending.cancelled, self),
            VisitorDropped: partial(amending.dropped, self),
            Extended: partial(amending.extended, self),
            KeyTold: partial(sealing.told, self),
            SecretGiven: partial(sealing.given, self),
            Tick: self._tick,
        }

    def _attached(self, action: Attached) -> None:
        seat = self.seat(action.seat.id) or self._add(action.seat)
        if seat is None:
            tag = f"{action.seat.role.side}:seat:refused"
            self.enter(tag, action.seat.person, confidentiality=self.visit.confidentiality.value)
        if seat is None or seat.view.state is SeatState.REMOVED:
            self.out.append(Close(action.conn, "forbidden" if seat is None else "seat-refused"))
            return
        if seat.socket is not None:
            self.out.append(Close(seat.socket, "elsewhere"))
        self.leave(seat)
        seat.take(action.conn)
        seat.codecs, seat.attended, seat.language = action.codecs, not action.offer, action.language
        seat.extends = action.extends
        coding.agree(self, seat)
        if seat.view.state is SeatState.AWAY:
            seat.move(SeatState.LOBBY)
        needs_face = self.topology.oversight.admission and not seat.is_monitor
        if seat.view.state is SeatState.LOBBY and not needs_face:
            seat.move(SeatState.ADMITTED)
        self.enter(f"{seat.role.side}:seat:entered", seat.view.person, seat=seat.id)
        self.out.append(Send(action.conn, view.welcome(self, seat)))
        announce = self.topology.oversight.announce
        lines = carries(seat, self.seats)
        publishes = seat.power.publishes if action.sends else frozenset()
        self.out.append(OpenLeg(action.conn, publishes, lines, announce, self.codec, action.offer))

    def _detached(self, action: Detached) -> None:
        seat = self.by_socket(action.conn)
        if seat is None:
            return
        self._drop_socket(seat)
        self.enter(
            f"{seat.role.side}:seat:{'left' if action.bye else 'lost'}", seat.view.person, seat=seat.id
        )
        if action.bye:
            self.leave(seat)

    def _leg_connected(self, action: LegConnected) -> None:
        if (seat := self._by_leg(action.conn)) is not None:
            seat.joined(self.now)
            self.enter(f"{seat.role.side}:visit:joined", seat.view.person, seat=seat.id)

    def _leg_lost(self, action: LegLost) -> None:
        if (seat := self._by_leg(action.conn)) is not None and seat.connected:
            seat.unseen(self.now, action.silent)
            silent = view.milliseconds(action.silent)
            self.enter(f"{seat.role.side}:visit:unheard", seat.view.person, seat=seat.id, silent_ms=silent)

    def _leg_back(self, action: LegBack) -> None:
        if (seat := self._by_leg(action.conn)) is not None:
            seat.joined(self.now)
            self.enter(f"{seat.role.side}:visit:heard", seat.view.person, seat=seat.id)

    def _leg_failed(self, action: LegFailed) -> None:
        if (seat := self._by_leg(action.conn)) is not None:
            if seat.socket is not None:
                self.out.append(Close(seat.socket, "not-connected"))
            self.enter(f"{seat.role.side}:visit:disconnected", seat.view.person, seat=seat.id)
            self.leave(seat)

    def _help(self, action: Help) -> None:
        seat = self.by_socket(action.conn)
        if seat is None or seat.is_monitor or self.now.mono - seat.helped_at < HELP_EVERY:
            return
        seat.helped_at = self.now.mono
        for officer in self.seats:
            if officer.is_monitor and officer.socket is not None:
                text = action.text or words.say(words.HELP, name=seat.view.name)
                message = {"type": "notice", "notice": "help", "text": text, "seat": seat.id}
                self.out.append(Send(officer.socket, message))
        self.enter(f"{seat.role.side}:help:asked", seat.view.person, seat=seat.id)
        self.mark(f"{seat.role.side}:help:asked", seat=seat.id)

    def _acted(self, action: Acted) -> None:
        officer = self.by_socket(action.conn)
        if officer is None:
            return
        act = Act(action.act)
        if act not in officer.acts:
            self.enter(
                f"{officer.role.side}:act:forbidden", officer.view.person, seat=officer.id, act=act.value
            )
            self.out.append(Close(action.conn, "forbidden"))
            self._drop_socket(officer)
            return
        try:
            acts.ACTS[act](self, officer, action)
        except acts.ActRefusedError as refused:
            answer = {"type": "refused", "code": refused.code, "text": words.say(refused.text)}
        else:
            if act in acts.LATER:
                return
            answer = {"type": "done"}
        self.out.append(Send(action.conn, {**answer, "id": action.id}))

    def _tick(self, _action: Tick) -> None:
        for seat in self.seats:
            if seat.leg is not None and seat.left_at is not None and self.now.mono - seat.left_at >= LINGER:
                self.leave(seat)
            gone_for = self.now.mono - (seat.unseen_since if seat.unseen_since is not None else self.now.mono)
            if seat.socket is None and seat.view.state in (SeatState.LOBBY, SeatState.ADMITTED):
                gone_for = max(gone_for, self.now.mono - (seat.left_at or self.now.mono))
                if gone_for > self.visit.rules.reconnect_window:
                    seat.move(SeatState.AWAY)

    def _tell(self) -> None:
        """A state for everybody for whom something changed."""
        told: dict[str, tuple[Message, float, int]] = {}
        for seat in self.seats:
            if seat.socket is None:
                continue
            message = view.state(self, seat, self.now)
            settled = view.settled(message)
            last, at, number = self._told.get(seat.socket, ({}, 0.0, 0))
            if settled != last or self.now.mono - at >= STATE_EVERY:
                number, at = number + 1, self.now.mono
                self.out.append(Send(seat.socket, {**message, "number": number}))
            told[seat.socket] = (settled, at, number)
        self._told = told

    def _add(self, seat_view: SeatView) -> Seat | None:
        row = self.topology.power(seat_view.role)
        if row is None:
            return None
        seat = Seat(seat_view, row)
        seat.ends = self.visit.rules.prison_ends
        if seat_view.state in (SeatState.LOBBY, SeatState.ADMITTED):
            seat.left_at = seat.unseen_since = self.now.mono  # they were here before the restart
        self.seats.append(seat)
        return seat

    def _drop_socket(self, seat: Seat) -> None:
        self._fall_silent(seat)
        seat.socket, seat.left_at = None, self.now.mono

    def _fall_silent(self, seat: Seat) -> None:
        if seat.speaking:
            seat.speaking = False
            self.enter("officer:visit:fell-silent", seat.view.person)

    def by_socket(self, conn: str) -> Seat | None:
        return next((seat for seat in self.seats if seat.socket == conn), None)

    def _by_leg(self, conn: str) -> Seat | None:
        return next((seat for seat in self.seats if seat.leg == conn), None)
