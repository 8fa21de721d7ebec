"""One visit's recordings as one performance: people with their takes on a common timeline, events in words.

A visit has several recordings when the server came back in mid-call; they are laid on one timeline by their
moments of start. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recording.model import EventView, RecordingView, TrackView
from rooms.client import MediaKind
from rooms.words import ENDS, HOLDS, MARKS, PAUSES, REASONS, WARNINGS
from web.i18n import N_
from web.timeline import Bar, Span, Tick, lane, scale, ticks

if TYPE_CHECKING:
    from core.ids import Ref

LONGEST_SILENT_MS = 1000  # a shorter stillness in a track needs no word on the page

# What is entered on a recording's timeline: (tone, words). A tag that is missing here is shown as it is.
EVENTS: dict[str, tuple[str, str]] = {
    "system:visit:started": ("green", N_("The visit begins")),
    "system:visit:paused": ("yellow", N_("Paused by the platform")),
    "system:visit:resumed": ("green", N_("The visit goes on")),
    "system:visit:extended": ("green", N_("More time was granted")),
    "system:visit:ended": ("grey", N_("The visit is over")),
    "recording:started": ("grey", N_("The recording begins")),
    "recording:gap": ("red", N_("Something is missing in the recording")),
    "recording:interrupted": ("red", N_("The recording was interrupted")),
    "recording:finished": ("grey", N_("The recording ends")),
    "track:started": ("grey", N_("Recorded from here")),
    "track:ended": ("grey", N_("Recorded till here")),
    "officer:seat:admitted": ("green", N_("Let in")),
    "officer:seat:sent-back": ("yellow", N_("Sent back to the lobby")),
    "officer:seat:removed": ("red", N_("Removed from the visit")),
    "officer:visit:warned": ("yellow", N_("Warning")),
    "officer:seat:muted": ("yellow", N_("Muted")),
    "officer:seat:unmuted": ("grey", N_("Heard again")),
    "officer:visit:paused": ("yellow", N_("Paused by the officer")),
    "officer:visit:resumed": ("green", N_("Resumed by the officer")),
    "officer:visit:spoke-in": ("grey", N_("The officer speaks in")),
    "officer:visit:fell-silent": ("grey", N_("The officer has finished speaking")),
    "officer:visit:ended": ("red", N_("Ended by the officer")),
    "officer:visit:marked": ("yellow", N_("Mark")),
    "system:picture:stepped": ("grey", N_("The picture was fitted to the connection")),
    "family:help:asked": ("yellow", N_("The family asks for help")),
    "inmate:help:asked": ("yellow", N_("The inmate asks for help")),
}
ROLES: dict[str, str] = {
    "inmate": N_("Inmate"),
    "relative": N_("Family"),
    "counsel": N_("Counsel"),
    "monitor": N_("Officer"),
    "announcement": N_("Announcement"),
}
HIDDEN = frozenset({"track:clock", "track:jump"})  # how the files' clocks were reckoned: for the verifier
_HOLD_WORDS: dict[str, str] = {hold.value: text for hold, text in HOLDS.items()}
_END_WORDS: dict[str, str] = {end.value: text for end, text in ENDS.items()}
_CODE_WORDS: dict[str, str] = {**WARNINGS, **REASONS}
_WORDS_OF: dict[str, dict[str, str]] = {
    "officer:visit:marked": MARKS,
    "officer:visit:paused": {**REASONS, **PAUSES},
}
REASON_WORDS: dict[str, str] = {**_CODE_WORDS, **_END_WORDS}


@dataclass(frozen=True, slots=True)
class Take:
    """One file. Milliseconds; `gaps` count from the take's own start."""

    recording_id: str
    track_id: str
    offset_ms: int
    duration_ms: int
    gaps: tuple[tuple[int, int], ...]
    video: bool


@dataclass(frozen=True, slots=True)
class Performer:
    """Somebody who was recorded, and the drawing of what there is of them."""

    name: str
    role: str  # a message id
    takes: tuple[Take, ...]
    bars: tuple[Bar, ...]

    @property
    def video(self) -> bool:
        return any(take.video for take in self.takes)

    @property
    def missing_ms(self) -> int:
        """What is missing inside the takes."""
        return sum(stop - start for take in self.takes for start, stop in take.gaps)


@dataclass(frozen=True, slots=True)
class Happening:
    """An event for the page. `text` is a message id; `about` a name; `word` a message id; `note` free words."""

    offset_ms: int
    tone: str
    text: str
    about: str
    word: str
    note: str


@dataclass(frozen=True, slots=True)
class Playback:
    """All that the page shows. `scale`: (x, label)."""

    total_ms: int
    performers: tuple[Performer, ...]
    happenings: tuple[Happening, ...]
    ticks: tuple[Tick, ...]
    scale: tuple[tuple[float, str], ...]


def of(recordings: Sequence[RecordingView]) -> Playback:
    """The performance of one visit; `recordings` must not be empty."""
    takes: dict[Ref, list[tuple[TrackView, Take]]] = {}
    happenings: list[Happening] = []
    begin = min(recording.started_at for recording in recordings)
    names = _names(recordings)
    total = 0
    for recording in sorted(recordings, key=lambda r: r.started_at):
        base = round((recording.started_at - begin).total_seconds() * 1000)
        total = max(total, base + _length(recording))
        happenings += [
            _happening(base, event, names) for event in recording.events if event.tag not in HIDDEN
        ]
        for track in recording.tracks:
            if track.file_name:
                takes.setdefault(track.person, []).append((track, _take(recording.id, base, track)))
    happenings.sort(key=lambda h: h.offset_ms)
    return Playback(
        total_ms=total,
        performers=tuple(_performer(entries, total) for entries in takes.values()),
        happenings=tuple(happenings),
        ticks=ticks([(h.offset_ms, h.tone, h.text) for h in happenings], total),
        scale=scale(total),
    )


def _names(recordings: Iterable[RecordingView]) -> dict[str, str]:
    """Whom an event is about, by what its details may hold: a person or a track."""
    names: dict[str, str] = {}
    for track in (track for recording in recordings for track in recording.tracks):
        names[str(track.person)] = names[track.id] = track.name
    return names


def _length(recording: RecordingView) -> int:
    ends = [track.offset_ms + track.duration_ms for track in recording.tracks]
    if recording.ended_at is not None:
        ends.append(round((recording.ended_at - recording.started_at).total_seconds() * 1000))
    return max(ends, default=0)


def _take(recording_id: str, base_ms: int, track: TrackView) -> Take:
    return Take(
        recording_id=recording_id,
        track_id=track.id,
        offset_ms=base_ms + track.offset_ms,
        duration_ms=track.duration_ms,
        gaps=_holes(track),
        video=MediaKind.VIDEO in track.kinds,
    )


def _holes(track: TrackView) -> tuple[tuple[int, int], ...]:
    """Where *nothing* is recorded: the stretches in which every kind of the track has a gap."""
    by_kind = [[(gap.from_ms, gap.to_ms) for gap in track.gaps if gap.kind is kind] for kind in track.kinds]
    if not by_kind:
        return ()
    holes = by_kind[0]
    for other in by_kind[1:]:
        holes = [(max(a, c), min(b, d)) for a, b in holes for c, d in other if max(a, c) < min(b, d)]
    return tuple(hole for hole in holes if hole[1] - hole[0] >= LONGEST_SILENT_MS)


def _performer(entries: Iterable[tuple[TrackView, Take]], total_ms: int) -> Performer:
    pairs = sorted(entries, key=lambda pair: pair[1].offset_ms)
    track = pairs[0][0]
    takes = tuple(take for _, take in pairs)
    spans = [Span(take.offset_ms, take.duration_ms, take.gaps) for take in takes]
    return Performer(track.name, ROLES.get(track.role, track.role), takes, lane(spans, total_ms))


def _happening(base_ms: int, event: EventView, names: Mapping[str, str]) -> Happening:
    tone, text = EVENTS.get(event.tag, ("grey", event.tag))
    return Happening(
        offset_ms=base_ms + event.offset_ms,
        tone=tone,
        text=text,
        about=names.get(str(event.details.get("track") or event.details.get("person", "")), ""),
        word=_word(event),
        note=str(event.details.get("text", "")),
    )


def _word(event: EventView) -> str:
    """What a code among the details says, as a message id."""
    reasons = _HOLD_WORDS if event.tag == "system:visit:paused" else _END_WORDS
    codes = _WORDS_OF.get(event.tag, _CODE_WORDS)
    return codes.get(str(event.details.get("code", ""))) or reasons.get(
        str(event.details.get("reason", "")), ""
    )
