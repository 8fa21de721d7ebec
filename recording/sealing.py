"""Sealing a folder: finish each track, write the time line's end, sign the manifest, let go what is in no manifest.

It may be cut off at any point and is then done again: raw files stay as they are, those that lie in the clear at least
until manifest and signature are safe on the disk; and the same raw files give the same finished ones.
"""

import contextlib
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core import placing
from core.keys import Signer, public_keys
from core.log import fields
from core.settings import Settings
from recording import clear, folder, locked, seal
from recording.digest import Digest, digest_of
from recording.finalise import (
    Files,
    FinishedStream,
    FinishedTrack,
    NotFinishedError,
    place,
    track,
)
from recording.folder import Event
from recording.locked import Key
from recording.model import INTERRUPTED
from recording.pictures import PICTURES
from recording.timing import Jump, Sighting
from rooms.client import MediaKind
from rooms.codec import VideoCodec

_log = logging.getLogger(__name__)
_CLOCK_TAGS = ("track:clock", "track:jump")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database knows of a recording that is to be sealed."""

    recording: str
    booking: str
    room: str
    node: str
    started_at: datetime
    ended_at: datetime
    reason: str
    previous: dict[str, str | None] | None  # the take before: its id, its end, its manifest's digest
    sealed_at: datetime
    retention: str
    keep_until: datetime


@dataclass(frozen=True, slots=True)
class Sealed:
    """What came of it: the manifest as it was signed, and its SHA-256. It outlives the recording, so it names people
    by id; their names are in the time line, which goes with it."""

    manifest: dict[str, Any]
    digest: str
    events: tuple[Event, ...]

    @property
    def names(self) -> dict[str, str]:
        """By id of the track."""
        told = (event.details for event in self.events if event.tag == "track:started")
        return {one["track"]: one["name"] for one in told}


def seal_folder(
    path: Path,
    facts: Facts,
    settings: Settings,
    signer: Signer,
    alive: Callable[[], None],
    key: Key | None = None,
) -> Sealed:
    """Blocks for as long as it takes. `alive` is called between the tracks and may raise to stop it. `key`: what
    the recording is locked with.

    Raises `OSError` (try again later) or what `alive` raises.
    """
    done = _already(path, facts, settings, key)
    if done is None:
        events = list(folder.events(path / folder.EVENTS, key))
        tracks = []
        left = facts.reason == INTERRUPTED
        for started in (event for event in events if event.tag == "track:started"):
            alive()
            tracks.append(_track(path, started, events, key, left=left))
        last_ms = _last_ms(tracks, events)
        manifest = _manifest(facts, tracks, _closed(path, events, facts, last_ms, key), last_ms)
        manifest |= {**_lock(key), "strays": _strays(path, tracks, events, left=left)}
        digest = seal.sign(path, manifest, signer)
        done = Sealed(seal.read_manifest(path) or {}, digest, tuple(events))
    kept = {one.name for one in seal.listed(done.manifest)}
    for leftover in (one for one in path.iterdir() if _passing(one.name)):
        if leftover.name not in kept:
            leftover.unlink()
    placing.sync(path)
    return done


def _already(path: Path, facts: Facts, settings: Settings, key: Key | None) -> Sealed | None:
    """A seal that was made, but of which the database was not told any more."""
    manifest = seal.read_manifest(path)
    verdict = seal.verify_folder(path, public_keys(settings.data_dir / "keys"))
    real = [one for one in verdict.problems if not (one.code == "extra-file" and _passing(one.place))]
    if manifest is None or real or manifest.get("recording") != facts.recording:
        return None
    return Sealed(manifest, verdict.manifest, tuple(folder.events(path / folder.EVENTS, key)))


def _passing(name: str) -> bool:
    return folder.is_raw(name) or name.endswith(placing.DRAFT)


def _track(path: Path, started: Event, events: list[Event], key: Key | None, *, left: bool) -> dict[str, Any]:
    """Finishes one track; answers its entry in the manifest."""
    details = started.details
    own = [event for event in events if event.details.get("track") == details["track"]]
    ended = next((event.ms - started.ms for event in own if event.tag == "track:ended"), None)
    entry = {
        "id": details["track"],
        "person": details["person"],
        "role": details["role"],
        "file": None,
        "bytes": 0,
        "offset_ms": started.ms,
        "duration_ms": 0,
        "media": [],
        "note": "",
    }
    suffix = PICTURES[VideoCodec(details.get("video", VideoCodec.VP8))].suffix
    raw, out = path / (details["file"] + folder.RAW + suffix), path / (details["file"] + suffix)
    notes = {kind: _notes(own, kind) for kind in MediaKind}
    try:
        finished = track(Files(raw, out, key, left), notes, ended)
    except NotFinishedError as error:
        _log.exception("x seal %s", fields(folder=path.name, file=raw.name))
        out.unlink(missing_ok=True)
        return {**entry, **_as_it_is(raw, left=left), "note": f"kept as it was written: {error}"}
    if finished is None:
        return {**entry, "note": "no media arrived"}
    return {**entry, **_finished(finished, raw.name, out.name, started.ms)}


def _as_it_is(raw: Path, *, left: bool) -> dict[str, Any]:
    """What cannot be finished is sealed whole; of a copy in its place, where its writer was taken for dead."""
    if left:
        with contextlib.closing(clear.Local(raw)) as source:
            starts = range(0, source.size, clear.STEP)
            placing.place(raw, (source.read(at, min(at + clear.STEP, source.size)) for at in starts))
    return _file(raw.name, digest_of(raw))


def _strays(
    path: Path, tracks: list[dict[str, Any]], events: list[Event], *, left: bool
) -> list[dict[str, Any]]:
    """Raw files of which the time line does not tell, for it was damaged: they are sealed as they are."""
    told = {event.details.get("file") for event in events if event.tag == "track:started"}
    kept = {one["file"] for one in tracks}
    raw = [one for one in sorted(path.iterdir()) if folder.is_raw(one.name) and one.name not in kept]
    return [_as_it_is(one, left=left) for one in raw if one.name.split(folder.RAW)[0] not in told]


def _finished(finished: FinishedTrack, raw: str, name: str, started_ms: int) -> dict[str, Any]:
    """`file` and what stands beside it are of the finished file, `written` of the one it was taken into."""
    entry = {
        **_file(name, finished.digest),
        "offset_ms": started_ms + finished.offset_ms,
        "duration_ms": finished.duration_ms,
        "media": [_media(stream, finished.size) for stream in finished.streams],
    }
    if finished.opens is None:
        return {**entry, "written": {"bytes": finished.raw.bytes, "sha256": finished.raw.sha256}}
    own, taken = finished.opens
    pieces = {"bytes": finished.raw.bytes, "pieces": list(finished.raw.pieces)}
    written = {"file": raw, **pieces, "key_sha256": taken}
    return {**entry, "key_sha256": own, "clear": {"bytes": finished.bytes}, "written": written}


def _file(name: str, digest: Digest, clear: Digest | None = None) -> dict[str, Any]:
    """Digests are of the bytes on the disk; `clear` those of what comes out when it is unlocked."""
    entry = {"file": name, **asdict(digest), "pieces": list(digest.pieces)}
    return entry | ({} if clear is None else {"clear": {**asdict(clear), "pieces": list(clear.pieces)}})


def _lock(key: Key | None) -> dict[str, Any]:
    return {} if key is None else {"locked": {"cipher": locked.CIPHER, "key": key.fingerprint}}


def _media(stream: FinishedStream, size: tuple[int, int] | None) -> dict[str, Any]:
    entry = {
        "kind": stream.kind.value,
        "codec": stream.codec,
        "frames": stream.frames,
        **({"frames_sha256": stream.frames_sha256} if stream.frames_sha256 else {}),
        "first_ms": stream.first_ms,
        "end_ms": stream.end_ms,
        "filled": stream.filled,
        "gaps": [list(gap) for gap in stream.gaps],
        "clock": {
            "source": "sender-reports" if stream.aligned else "arrival",
            "correction_ms": list(stream.correction_ms),
        },
    }
    if stream.kind is MediaKind.VIDEO and size:
        entry |= {"width": size[0], "height": size[1]}
    return entry


def _notes(own: list[Event], kind: MediaKind) -> list[Sighting | Jump]:
    """The clock's notes of one stream, out of the time line."""
    notes: list[Sighting | Jump] = []
    for event in own:
        details = event.details
        if event.tag not in _CLOCK_TAGS or details.get("kind") != kind.value:
            continue
        if event.tag == "track:jump":
            notes.append(Jump(details["stretch"], details["media_ms"]))
        else:
            notes.append(
                Sighting(details["stretch"], details["media_ms"], details["sender_ms"], details["transit_ms"])
            )
    return notes


def _last_ms(tracks: list[dict[str, Any]], events: list[Event]) -> int:
    """The last moment of which anything is known, since the start of the recording."""
    ends: list[int] = [one["offset_ms"] + one["duration_ms"] for one in tracks]
    return max([0, *ends, *(event.ms for event in events)])


def _closed(path: Path, events: list[Event], facts: Facts, last_ms: int, key: Key | None) -> dict[str, Any]:
    """Brings the time line to its end: a torn last line goes, an interruption is stated.

    Written anew and put in place whole, so a writer that is taken for dead and is not changes nothing.
    """
    if facts.reason == INTERRUPTED and not any(event.tag == "recording:interrupted" for event in events):
        at = _iso(facts.started_at + timedelta(milliseconds=last_ms))
        details = {"last_ms": last_ms, "found_at": _iso(facts.sealed_at)}
        events.append(Event(len(events) + 1, at, last_ms, "recording:interrupted", details))
    content = b"".join(event.line() for event in events)
    digests = place(path / folder.EVENTS, [content], key, hashlib.sha256(content).digest())
    return {**_file(folder.EVENTS, *digests), "count": len(events)}


def _manifest(
    facts: Facts, tracks: list[dict[str, Any]], events: dict[str, Any], last_ms: int
) -> dict[str, Any]:
    ended_at, interruption = facts.ended_at, None
    if facts.reason == INTERRUPTED:
        ended_at = facts.started_at + timedelta(milliseconds=last_ms)
        interruption = {
            "last_ms": last_ms,
            "last_sign_of_life": _iso(facts.ended_at),
            "found_at": _iso(facts.sealed_at),
        }
    return {
        "recording": facts.recording,
        "booking": facts.booking,
        "room": facts.room,
        "node": facts.node,
        "started_at": _iso(facts.started_at),
        "ended_at": _iso(ended_at),
        "sealed_at": _iso(facts.sealed_at),
        "reason": facts.reason,
        "interruption": interruption,
        "previous": facts.previous,
        "retention": {"class": facts.retention, "keep_until": _iso(facts.keep_until)},
        "tracks": tracks,
        "events": events,
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def event_details(event: Event) -> str:
    """An event's details as the database keeps them."""
    return json.dumps(event.details, ensure_ascii=False)


def is_for_people(event: Event) -> bool:
    """Whether pages show the event: the clocks' notes are for sealing alone."""
    return event.tag not in _CLOCK_TAGS
