"""Who sends what picture to whom in a call, so that each line of the way can carry it. Pure.

Each leg has a ladder up and one down. A sender is told what the weakest leg that *needs* its picture can take:
those between whom the visit takes place. For one of them who cannot take even a small moving picture the relay
holds pictures back, and the others lose nothing by it. Who only watches never lowers what is sent: a watcher gets
the small second picture, then stills, then sound alone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rooms.client import Way
from rooms.ladder import ORDER, RUNGS, Ladder, Picture, most, worse

SMALL = 90_000  # bit/s of the small second picture, headers included
_LATE = 4.0  # seconds within which a small picture that was asked for has come
MOVING = (Picture.P720, Picture.P360, Picture.P180)


class Because(StrEnum):
    """Whose line keeps a picture from being whole, as the one who is told sees it."""

    YOURS = "yours"
    THEIRS = "theirs"
    OTHERS = "others"  # of a third


class Shown(StrEnum):
    """What of a sender's picture goes to one viewer."""

    WHOLE = "whole"
    SMALL = "small"
    STILL = "still"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Member:
    """One leg. `sees`: the conns whose picture it is shown; `small`: its own small picture comes now."""

    conn: str
    up: Way | None
    down: Way | None
    publishes: bool
    watches: bool
    sees: tuple[str, ...]
    small: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """What one sender is told. `limit` in bit/s of all it sends."""

    picture: Picture = Picture.P720
    because: Because | None = None
    limit: int = most(Picture.P720)
    small: bool = False


@dataclass(frozen=True, slots=True)
class Got:
    """What a viewer gets of one sender."""

    shown: Shown = Shown.WHOLE
    picture: Picture = Picture.P720
    because: Because | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A change of the picture that `viewer` gets of `sender`; `viewer` empty: of what it sends."""

    sender: str
    viewer: str
    before: Picture
    after: Picture
    because: Because | None


@dataclass(frozen=True, slots=True)
class Plan:
    sent: dict[str, Sent] = field(default_factory=dict)
    got: dict[tuple[str, str], Got] = field(default_factory=dict)  # viewer, sender
    assumed: tuple[tuple[str, str, int], ...] = ()  # conn, "up" or "down", bit/s that are tried now

    def steps(self, before: "Plan") -> list[Step]:
        """What changed since `before` for those who are in both."""
        found = [
            Step(conn, "", old.picture, new.picture, new.because or old.because)
            for conn, new in self.sent.items()
            if (old := before.sent.get(conn)) is not None and old.picture is not new.picture
        ]
        found += [
            Step(sender, viewer, was.picture, now.picture, now.because or was.because)
            for (viewer, sender), now in self.got.items()
            if (was := before.got.get((viewer, sender))) is not None and was.picture is not now.picture
        ]
        return found


class Fitting:
    """The ladders of one call; `step` once a second, in monotonic seconds."""

    def __init__(self) -> None:
        self._up: dict[str, Ladder] = {}
        self._down: dict[str, Ladder] = {}
        self._asked: dict[str, float] = {}  # since when a small picture is asked for

    def step(self, members: Sequence[Member], now: float, small: Collection[str] = ()) -> Plan:
        """`small`: conns whose small picture is wanted from outside the call (a wall)."""
        present = {member.conn: member for member in members}
        for known in (self._up, self._down, self._asked):
            for conn in [conn for conn in known if conn not in present]:
                del known[conn]
        assumed: list[tuple[str, str, int]] = []
        for member in members:
            assumed += self._climb(member, now)
        sent = {member.conn: self._sent(member, members) for member in members if member.publishes}
        got = {
            (viewer.conn, conn): self._got(viewer, present[conn], sent[conn], now)
            for viewer in members
            for conn in viewer.sees
            if conn in sent
        }
        wanted = {conn for (_, conn), one in got.items() if one.shown is Shown.SMALL} | set(small)
        for conn, told in sent.items():
            if conn in wanted and told.picture in MOVING:
                self._asked.setdefault(conn, now)
                sent[conn] = Sent(told.picture, told.because, told.limit + SMALL, small=True)
            else:
                self._asked.pop(conn, None)
        return Plan(sent, got, tuple(assumed))

    def _climb(self, member: Member, now: float) -> list[tuple[str, str, int]]:
        tried = []
        if member.publishes and member.up is not None:
            ladder = self._up.setdefault(member.conn, Ladder(now))
            if bits := _step(ladder, member.up, now, 1):
                tried.append((member.conn, "up", bits))
        if member.sees and member.down is not None:
            ladder = self._down.setdefault(member.conn, Ladder(now))
            if bits := _step(ladder, member.down, now, len(member.sees)):
                tried.append((member.conn, "down", bits * len(member.sees)))
        return tried

    def _sent(self, member: Member, members: Sequence[Member]) -> Sent:
        own = self._picture(self._up, member.conn)
        picture, because, limit = own, Because.YOURS if own is not Picture.P720 else None, most(own)
        for viewer in members:
            if viewer.watches or member.conn not in viewer.sees or viewer.down is None:
                continue
            theirs = self._picture(self._down, viewer.conn)
            theirs = theirs if theirs in MOVING else Picture.P180
            if worse(picture, theirs) is not picture:
                picture, because = theirs, Because.THEIRS
            share = viewer.down.bits // len(viewer.sees)
            limit = min(limit, max(share, RUNGS[Picture.P180].need))
        return Sent(picture, because, min(limit, most(picture)))

    def _got(self, viewer: Member, sender: Member, sent: Sent, now: float) -> Got:
        own = self._picture(self._down, viewer.conn)
        theirs = {Because.YOURS: Because.THEIRS, Because.THEIRS: Because.OTHERS, None: None}[
            sent.because if sent.because is not Because.OTHERS else None
        ]
        if sent.because is Because.THEIRS and not viewer.watches and worse(own, sent.picture) is own:
            theirs = Because.YOURS  # it is this one for whom less is sent
        if worse(own, sent.picture) is sent.picture or (own in MOVING and not viewer.watches):
            return Got(Shown.WHOLE, sent.picture, theirs)
        if own is Picture.SOUND:
            return Got(Shown.NONE, Picture.SOUND, Because.YOURS)
        if viewer.watches and self._small(sender, sent, now):
            return Got(Shown.SMALL, Picture.P180, Because.YOURS)
        return Got(Shown.STILL, Picture.STILL, Because.YOURS)

    def _small(self, sender: Member, sent: Sent, now: float) -> bool:
        """Whether the small picture comes, or may still be expected."""
        if sent.picture not in MOVING:
            return False
        return sender.small or now - self._asked.get(sender.conn, now) < _LATE

    def _picture(self, ladders: dict[str, Ladder], conn: str) -> Picture:
        ladder = ladders.get(conn)
        return ORDER[0] if ladder is None else ladder.picture


def _step(ladder: Ladder, way: Way, now: float, people: int) -> int:
    calm = 0.0 if way.calm_since is None else now - way.calm_since
    return ladder.step(way.bits / people, now, calm=calm, limited=way.limited)
