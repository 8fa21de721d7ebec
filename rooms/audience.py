"""Who is shown what: the whole picture of a room, computed anew at each change, never patched. Pure.

The default of everything is silence: what is not in a `Scene` does not flow. The table `rooms.powers` says
who may; this file says when:

    a monitor        hears and sees everybody who is connected, in every phase (faces are checked in the lobby)
    everybody else   only while the visit is live, only when admitted, only those who are admitted;
                     a muted person is seen and not heard
    the announcement reaches everybody but its speaker, in every phase
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rooms.client import MediaKind
from rooms.model import Phase, SeatState
from rooms.powers import Taping
from rooms.seat import Seat


@dataclass(frozen=True, slots=True)
class Line:
    """What one line of a viewer carries. `publisher` is the conn whose leg is shown."""

    publisher: str
    audio: bool
    video: bool
    small: bool = False  # the small picture of it; never so in a scene, but on stage


@dataclass(frozen=True, slots=True)
class Scene:
    """`lines[viewer conn][n]`: line n; `announcer`: the conn heard by all; `taped`: conn -> seat id; `silent`: those
    conns of them whose sound is not recorded."""

    lines: dict[str, tuple[Line | None, ...]]
    announcer: str | None
    taped: dict[str, str]
    silent: frozenset[str] = frozenset()


def line_number(viewer: Seat, shown: Seat, seats: Sequence[Seat]) -> int | None:
    """The line of `viewer` that is kept for `shown`: fixed for the visit, monitors have none."""
    others = [seat.id for seat in seats if seat.id != viewer.id and not seat.is_monitor]
    return others.index(shown.id) if shown.id in others else None


def carries(viewer: Seat, seats: Sequence[Seat]) -> tuple[frozenset[MediaKind], ...]:
    """What each line of `viewer` can carry at all: it has no m-line for anything else."""
    others = (seat for seat in seats if seat.id != viewer.id and not seat.is_monitor)
    return tuple(viewer.power.carries(seat.role) for seat in others)


def line(viewer: Seat, shown: Seat, phase: Phase) -> Line | None:
    """What reaches `viewer` of `shown` now."""
    if viewer.id == shown.id or shown.leg is None or not shown.connected or phase is Phase.ENDED:
        return None
    if shown.view.state is SeatState.REMOVED or viewer.view.state is SeatState.REMOVED:
        return None
    if not viewer.is_monitor and not (phase is Phase.LIVE and viewer.present and shown.present):
        return None
    published = shown.power.publishes
    audio = MediaKind.AUDIO in published and shown.role in viewer.power.hears
    video = MediaKind.VIDEO in published and shown.role in viewer.power.sees
    if shown.view.muted and not viewer.is_monitor:
        audio = False
    if viewer.is_monitor:
        audio, video = audio and viewer.listens, video and viewer.looks
    return Line(shown.leg, audio, video) if audio or video else None


def taped(seat: Seat, phase: Phase, *, while_paused: bool) -> bool:
    """Whether what this seat publishes goes into the recording now."""
    if seat.leg is None or not seat.leg_up:
        return False  # a leg that is silent for a moment keeps its track: the gap is stated there
    if phase not in ((Phase.LIVE, Phase.PAUSED) if while_paused else (Phase.LIVE,)):
        return False
    if seat.power.taping is Taping.SPEAKING:
        return seat.speaking
    return seat.power.taping is Taping.ALWAYS and seat.view.state is SeatState.ADMITTED


def scene(seats: Sequence[Seat], phase: Phase, *, while_paused: bool, while_muted: bool = True) -> Scene:
    """All that flows in a room with these seats. `seats` in their fixed order; what of a pause, and of a muted
    person's sound, is recorded, is policy."""
    lines: dict[str, tuple[Line | None, ...]] = {}
    for viewer in seats:
        if viewer.leg is None:
            continue
        shown = [seat for seat in seats if seat.id != viewer.id and not seat.is_monitor]
        lines[viewer.leg] = tuple(line(viewer, seat, phase) for seat in shown)
    speaker = next((seat for seat in seats if seat.speaking and seat.watching), None)
    return Scene(
        lines,
        speaker.leg if speaker is not None and phase is not Phase.ENDED else None,
        {
            seat.leg: seat.id
            for seat in seats
            if seat.leg is not None and taped(seat, phase, while_paused=while_paused)
        },
        frozenset(seat.leg for seat in seats if seat.leg is not None and seat.view.muted and not while_muted),
    )
