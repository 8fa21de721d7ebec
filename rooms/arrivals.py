"""Whose sound or picture should reach the recording, and does not. Pure.

Expected is what is recorded of a person whose own device is on: no camera or microphone that they switched off, no
picture that the server asked not to be sent, no muted voice that the rules leave out, nothing in a pause that is not
recorded. A line that carries nothing at all is another matter: its person counts as disconnected after three seconds
(`rooms.client.LegEvents.leg_lost`).
"""

from collections.abc import Mapping, Sequence

from rooms.audience import Scene
from rooms.client import MediaKind
from rooms.fitting import MOVING, Plan, Sent
from rooms.ladder import Picture
from rooms.seat import Seat

Key = tuple[str, MediaKind]  # of a conn

PATIENCE = 2.0  # seconds; officers are told within three
_STILL = 9.0  # a still picture comes every 4 s: two of them did not
_QUIET = 1.0  # seconds without anything at all, after which it is the line


def expected(scene: Scene, seats: Sequence[Seat], plan: Plan) -> dict[Key, float]:
    """(conn, kind) -> for how many seconds none of it may come."""
    found: dict[Key, float] = {}
    for seat in seats:
        conn = seat.leg
        if conn is None or conn not in scene.taped or not seat.connected:
            continue
        published = seat.power.publishes
        if MediaKind.AUDIO in published and seat.microphone and conn not in scene.silent:
            found[conn, MediaKind.AUDIO] = PATIENCE
        picture = plan.sent.get(conn, Sent()).picture
        if MediaKind.VIDEO in published and seat.camera and picture is not Picture.SOUND:
            found[conn, MediaKind.VIDEO] = PATIENCE if picture in MOVING else _STILL
    return found


class Arrivals:
    """Times are monotonic seconds, given from outside. `missing`: as of the last step."""

    def __init__(self) -> None:
        self.missing: frozenset[Key] = frozenset()
        self._since: dict[Key, float] = {}  # since when it is expected without a break

    def step(
        self,
        wanted: Mapping[Key, float],
        came: Mapping[str, Mapping[MediaKind, float]],
        quiet: Mapping[str, float],
        now: float,
    ) -> None:
        """`wanted`: as `expected` answers; `came`: by conn, when the newest packet of a kind reached the recording, of
        everybody whom it takes; `quiet`: by conn, for how many seconds its line had carried nothing at the last look.
        """
        since: dict[Key, float] = {}
        missing = set()
        for key, patience in wanted.items():
            conn, kind = key
            if conn not in came:
                continue  # whom the recorder did not take is missed as a whole (`rooms.stage`)
            if quiet.get(conn, 0.0) >= _QUIET:
                since[key] = now
                missing |= {key} & self.missing
                continue
            since[key] = self._since.get(key, now)
            if now - max(since[key], came[conn].get(kind, since[key])) > patience:
                missing.add(key)
        self._since, self.missing = since, frozenset(missing)
