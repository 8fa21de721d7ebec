"""Drives one pure `Room` by hand: seats, a moment that is moved, and what came out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from core.ids import Ref
from rooms.actions import (
    Acted,
    Action,
    Attached,
    Close,
    Detached,
    Effect,
    Enter,
    LegConnected,
    RecorderStarted,
    Send,
    StartRecorder,
    Tick,
)
from rooms.confidentiality import OF_BOOKING, Confidentiality, RoomKind
from rooms.model import (
    Moment,
    Phase,
    RoomRecord,
    RoomRules,
    SeatRole,
    SeatView,
    Visit,
)
from rooms.room import Room
from rooms.words import REASONS, WARNINGS

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
RULES = RoomRules(
    reconnect_window=120,
    monitor_absent_end=600,
    pause_end=900,
    late_cutoff=900,
    record_while_paused=True,
    warnings=tuple(WARNINGS),
    reasons=tuple(REASONS),
)
WIFE = SeatView("seat_wife", SeatRole.RELATIVE, Ref("relative", "rel_wife"), "Wang Fang", "spouse", "rsh_1")
SON = SeatView("seat_son", SeatRole.RELATIVE, Ref("relative", "rel_son"), "Li Bo", "child", "rsh_2")
INMATE = SeatView("seat_inmate", SeatRole.INMATE, Ref("inmate", "inm_1"), "Li Wei")
OFFICER = SeatView("seat_officer", SeatRole.MONITOR, Ref("officer", "off_1"), "Officer Zhao")
SECOND = SeatView("seat_second", SeatRole.MONITOR, Ref("officer", "off_2"), "Officer Sun")
COUNSEL = SeatView("seat_counsel", SeatRole.COUNSEL, Ref("counsel", "law_1"), "Advocate Chen")


def visit(
    *,
    kind: RoomKind = RoomKind.FAMILY,
    confidentiality: Confidentiality | None = None,
    minutes: int = 30,
    slot: int = 40,
    rules: RoomRules = RULES,
) -> Visit:
    return Visit(
        room_id="room_1",
        about=Ref("booking", "bkg_1"),
        reference="7F3K-9Q2M",
        kind=kind,
        confidentiality=confidentiality or OF_BOOKING[kind],
        starts_at=START,
        slot_ends_at=START + timedelta(minutes=slot),
        granted=minutes * 60,
        inmate_name="Li Wei",
        companions=(),
        rules=rules,
    )


class Stagehand:
    """`conn` of a seat is its id without `seat_`, with a number from the second socket on."""

    def __init__(self, of: Visit | None = None, record: RoomRecord | None = None, *, at: float = 0.0) -> None:
        """`at`: seconds after the visit's start."""
        self.at = at
        self.room = Room(of or visit(), record or RoomRecord(seats=(WIFE, SON, INMATE)), self.moment)
        self.effects: list[Effect] = []
        self.sockets: dict[str, str] = {}
        self.numbers: dict[str, int] = {}
        self.answer_recorder = True
        self.acts = 0

    @property
    def moment(self) -> Moment:
        return Moment(START + timedelta(seconds=self.at), 1000.0 + self.at)

    def do(self, action: Action) -> list[Effect]:
        effects = self.room.handle(action, self.moment)
        self.effects += effects
        if self.answer_recorder and any(isinstance(effect, StartRecorder) for effect in effects):
            number = len([e for e in self.effects if isinstance(e, StartRecorder)])
            effects = [*effects, *self.do(RecorderStarted(f"rec_{number}"))]
        return effects

    def wait(self, seconds: float, step: float = 0.5) -> list[Effect]:
        """Lets time pass, looking at the clock every `step` seconds."""
        effects, until = [], self.at + seconds
        while self.at < until - 1e-9:
            self.at = min(until, self.at + step)
            effects += self.do(Tick())
        return effects

    def enter(self, *seats: SeatView, connect: bool = True) -> list[Effect]:
        """They sit down on a new socket, and their media comes up."""
        effects: list[Effect] = []
        for seat in seats:
            number = self.numbers[seat.id] = self.numbers.get(seat.id, 0) + 1
            conn = seat.id.removeprefix("seat_") + (str(number) if number > 1 else "")
            self.sockets[seat.id] = conn
            effects += self.do(Attached(conn, seat))
            if connect:
                effects += self.do(LegConnected(conn))
        return effects

    def leave(self, seat: SeatView, *, bye: bool = False) -> list[Effect]:
        return self.do(Detached(self.sockets[seat.id], bye=bye))

    def act(self, act: str, by: SeatView = OFFICER, **fields: Any) -> str:
        """Does it; answers `done`, or the code of the refusal."""
        self.acts += 1
        effects = self.do(Acted(self.sockets[by.id], f"a{self.acts}", act, **fields))
        answers = [m for m in self.heard(by, effects) if m["type"] in ("done", "refused")]
        assert len(answers) == 1
        assert answers[0]["id"] == f"a{self.acts}"
        return "done" if answers[0]["type"] == "done" else str(answers[0]["code"])

    def admit(self, *seats: SeatView) -> None:
        for seat in seats:
            assert self.act("admit", seat=seat.id) == "done"

    def heard(self, seat: SeatView, effects: list[Effect] | None = None) -> list[dict[str, Any]]:
        conn = self.sockets[seat.id]
        among = self.effects if effects is None else effects
        return [e.message for e in among if isinstance(e, Send) and e.conn == conn]

    def state(self, seat: SeatView) -> dict[str, Any]:
        return [m for m in self.heard(seat) if m["type"] == "state"][-1]

    def notices(self, seat: SeatView, notice: str) -> list[dict[str, Any]]:
        return [m for m in self.heard(seat) if m["type"] == "notice" and m["notice"] == notice]

    def closed(self, conn: str) -> list[str]:
        return [e.code for e in self.effects if isinstance(e, Close) and e.conn == conn]

    def tags(self) -> list[str]:
        return [e.tag for e in self.effects if isinstance(e, Enter)]

    def shown(self, viewer: SeatView) -> dict[str, tuple[bool, bool]]:
        """Whose (audio, video) this viewer gets now, by seat."""
        by_conn = {conn: seat for seat, conn in self.sockets.items()}
        lines = self.room.scene().lines.get(self.sockets[viewer.id], ())
        return {by_conn[line.publisher]: (line.audio, line.video) for line in lines if line is not None}

    @property
    def phase(self) -> str:
        """As text: the type checker would hold an enum's member for the last one that was asserted."""
        return self.room.phase.value


def live(of: Visit | None = None, *, seats: tuple[SeatView, ...] = (WIFE, INMATE)) -> Stagehand:
    """A visit that has just gone live between wife and inmate, the officer watching."""
    hand = Stagehand(of)
    hand.enter(OFFICER, *seats)
    hand.admit(*seats)
    assert hand.phase == Phase.LIVE.value
    return hand
