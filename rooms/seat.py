"""One seat of a running room: what is stored of it, and what is there just now. Pure."""

from dataclasses import replace

from rooms.client import MediaKind
from rooms.codec import VideoCodec
from rooms.model import Moment, Quality, SeatRole, SeatState, SeatView, check_seat_move
from rooms.powers import Act, Power


class Seat:
    """Changed only by its room. `power` is its row of the table; times are monotonic seconds."""

    def __init__(self, view: SeatView, power: Power) -> None:
        self.view = view
        self.power = power
        self.socket: str | None = None  # the open socket
        self.leg: str | None = None  # the conn whose media leg stands; outlives its socket by a moment
        self.leg_up = False  # the leg was connected once; it may be silent now
        self.connected = False  # media flows
        self.left_at: float | None = None  # since when there is no socket; None while there is one
        self.unseen_since: float | None = None  # since when `connected` is False
        self.codecs = frozenset({VideoCodec.VP8})  # that its device can do
        self.language = "zh"  # of its page
        self.attended = True  # there is a page, with an officer's powers if it is an officer's
        self.listens = self.looks = True  # an officer may want less than all of it
        self.camera = True
        self.microphone = True
        self.speaking = False
        self.extends = False  # an officer whom policy lets give more time
        self.ends = True  # policy lets the prison's side end a visit
        self.commit = self.key = ""  # of its browser, see `rooms.sealing`
        self.quality = Quality.UNKNOWN
        self.helped_at = -1e9
        self.missing = frozenset[MediaKind]()  # should reach the recording and does not

    @property
    def id(self) -> str:
        return self.view.id

    @property
    def role(self) -> SeatRole:
        return self.view.role

    @property
    def is_monitor(self) -> bool:
        return self.view.role is SeatRole.MONITOR

    @property
    def acts(self) -> frozenset[Act]:
        """What this officer can do: the row of the table, more time only by who may give it, an end only where policy
        lets the prison cut."""
        barred = {act for act, may in ((Act.EXTEND, self.extends), (Act.END, self.ends)) if not may}
        return self.power.acts - barred

    @property
    def present(self) -> bool:
        """Admitted and connected: one of those between whom the visit takes place."""
        return not self.is_monitor and self.connected and self.view.state is SeatState.ADMITTED

    @property
    def watching(self) -> bool:
        """A monitor counts only with a page *and* media: one that is closed watches nobody, and on a wall
        player (WHEP) there is nothing to stop a visit with."""
        return self.is_monitor and self.connected and self.socket is not None and self.attended

    def move(self, to: SeatState) -> None:
        if to is not self.view.state:
            self.view = replace(self.view, state=check_seat_move(self.view.state, to))

    def mute(self, muted: bool) -> None:
        self.view = replace(self.view, muted=muted)

    def take(self, conn: str) -> None:
        """A new socket sits down."""
        self.socket = self.leg = conn
        self.connected = self.leg_up = False
        self.left_at = None
        self.speaking = False
        self.listens = self.looks = True
        self.commit = self.key = ""
        self.quality = Quality.UNKNOWN

    def joined(self, now: Moment) -> None:
        self.connected = self.leg_up = True
        self.unseen_since = None
        if self.view.joined_at is None:
            self.view = replace(self.view, joined_at=now.wall)

    def unseen(self, now: Moment, silent: float = 0.0) -> None:
        if self.connected or self.unseen_since is None:
            self.unseen_since = now.mono - silent
        self.connected = False
