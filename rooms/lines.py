"""The m-lines of a leg: which stands where, and what it is for (docs/protocol.md, `offer`). Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rooms.client import MediaKind

Use = Literal["own", "announce", "line"]


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


def media_lines(publishes: frozenset[MediaKind], lines: int) -> tuple[MediaLine, ...]:
    """Own audio, own video (as far as it publishes), announce audio, then audio and video of each line."""
    order = _order(publishes, lines)
    return tuple(MediaLine(str(place), kind, use, line) for place, (kind, use, line) in enumerate(order))


def _order(publishes: frozenset[MediaKind], lines: int) -> Iterator[tuple[MediaKind, Use, int | None]]:
    for kind in (MediaKind.AUDIO, MediaKind.VIDEO):
        if kind in publishes:
            yield kind, "own", None
    yield MediaKind.AUDIO, "announce", None
    for number in range(lines):
        yield MediaKind.AUDIO, "line", number
        yield MediaKind.VIDEO, "line", number
