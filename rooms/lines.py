"""The m-lines of a leg: which stands where, and what it is for (docs/protocol.md, `offer`). Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rooms.client import MediaKind

Use = Literal["own", "low", "announce", "line"]


@dataclass(frozen=True, slots=True)
class MediaLine:
    """One m-line. `mid` is its place in the offer; `line` is set for `use == "line"` only."""

    mid: str
    kind: MediaKind
    use: Use
    line: int | None = None

    def message(self) -> dict[str, str | int]:
        """As it stands in the `lines` of an `offer` message."""
        told: dict[str, str | int] = {"mid": self.mid, "kind": self.kind.value, "use": self.use}
        if self.line is not None:
            told["line"] = self.line
        return told


TILES: Final = 16  # lines of a wall
BOTH: frozenset[MediaKind] = frozenset(MediaKind)
Lines = int | Sequence[frozenset[MediaKind]]
"""What each numbered line can carry; a number says: so many of sound and picture."""


def media_lines(
    publishes: frozenset[MediaKind], lines: Lines, *, announce: bool = True, low: bool = False
) -> tuple[MediaLine, ...]:
    """Own audio, own video (as far as it publishes), the same picture once more but small (where `low` says so),
    announce audio, then audio and video of each line.

    What a line cannot carry has no m-line, so nothing can ever be sent there: a watcher who may see and not
    hear gets lines without sound, and `announce=False` (docs/decisions/0016-confidential.md).
    """
    kinds = [BOTH] * lines if isinstance(lines, int) else list(lines)
    order = _order(publishes, kinds, announce=announce, low=low)
    return tuple(MediaLine(str(place), kind, use, line) for place, (kind, use, line) in enumerate(order))


def _order(
    publishes: frozenset[MediaKind], lines: Sequence[frozenset[MediaKind]], *, announce: bool, low: bool
) -> Iterator[tuple[MediaKind, Use, int | None]]:
    for kind in MediaKind:
        if kind in publishes:
            yield kind, "own", None
    if low and MediaKind.VIDEO in publishes:
        yield MediaKind.VIDEO, "low", None
    if announce:
        yield MediaKind.AUDIO, "announce", None
    for number, carries in enumerate(lines):
        for kind in MediaKind:
            if kind in carries:
                yield kind, "line", number
