"""Recordings: what there is, and listening to it. Only for officers of the prison, only with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

import web.finding
from core.db import Session
from core.errors import NotFound, Reason
from people.model import Identity
from recording import finding
from recording import service as recordings
from recording.model import RecordingState, RecordingView, RetentionClass
from recording.seal import SealVerdict
from rooms import call_log
from rooms.words import MARKS
from scheduler import repository as scheduler
from scheduler.model import BookingView
from web import duty, listening, playback, ranges, voices
from web.deps import Db, Svc
from web.duty import Officer
from web.finding import Question_
from web.forms import Text, at_fields
from web.i18n import N_
from web.lights import Light, Tone
from web.templating import redirect, render, sentence, translated

router = APIRouter(include_in_schema=False)

PROVE_AT_ONCE = 256 << 20  # bytes that are checked while the page is made; more is proved on demand
STATES: dict[RecordingState, Light] = {
    RecordingState.ARMED: Light(Tone.YELLOW, N_("Beginning")),
    RecordingState.WRITING: Light(Tone.YELLOW, N_("Being recorded")),
    RecordingState.SEALING: Light(Tone.YELLOW, N_("Being sealed")),
    RecordingState.SEALED: Light(Tone.GREEN, N_("Sealed")),
    RecordingState.DAMAGED: Light(Tone.RED, N_("Damaged")),
    RecordingState.FAILED: Light(Tone.RED, N_("Failed")),
    RecordingState.DELETING: Light(Tone.GREY, N_("Being deleted")),
    RecordingState.DELETED: Light(Tone.GREY, N_("Deleted in time")),
}
KEPT_AS: dict[RetentionClass, str] = {
    RetentionClass.FAMILY: N_("as every visit"),
    RetentionClass.FLAGGED: N_("an officer stepped in or marked it"),
    RetentionClass.DISPUTED: N_("a breach was passed on"),
}
PROBLEMS: dict[str, str] = {
    "no-manifest": N_("Its manifest is gone or cannot be read."),
    "manifest-changed": N_("Its manifest was changed."),
    "no-signature": N_("The signature of its manifest is gone."),
    "unknown-key": N_("It was signed with a key that this installation does not know."),
    "unknown-version": N_("Its manifest is of a version that this installation does not know."),
    "missing-file": N_("A file is gone."),
    "changed-file": N_("A file was changed."),
    "unreadable-file": N_("A file cannot be read."),
    "unplayable": N_("A file is as it was sealed, but cannot be played."),
    "extra-file": N_("A file was put in after it was sealed."),
    "other-recording": N_("This is the manifest of another recording."),
    "not-sealed": N_("The ledger does not have exactly one sealing of it."),
    "ledger-differs": N_("The ledger knows another manifest."),
    "row-differs": N_("The database knows another manifest."),
    "inclusion-wrong": N_("The proof that it stands under its day's root does not hold."),
    "deletion-changed": N_("Its proof of deletion was changed."),
    "deletion-differs": N_("It was not deleted as the ledger tells."),
}
_WORST_FIRST = (
    RecordingState.DAMAGED,
    RecordingState.FAILED,
    RecordingState.WRITING,
    RecordingState.ARMED,
    RecordingState.SEALING,
    RecordingState.SEALED,
    RecordingState.DELETING,
    RecordingState.DELETED,
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A visit with its recordings, as a line of the list."""

    booking: BookingView
    takes: tuple[RecordingView, ...]

    @property
    def light(self) -> Light:
        """Of the worst of its takes."""
        states = {take.state for take in self.takes}
        return STATES[next(state for state in _WORST_FIRST if state in states)]

    @property
    def length_ms(self) -> int:
        return playback.of(self.takes).total_ms

    @property
    def people(self) -> list[str]:
        names = [track.name for take in self.takes for track in take.tracks if track.file_name]
        return list(dict.fromkeys(names))


@router.get("/recordings")
async def listing(request: Request, db: Db, who: Officer, asked: Question_) -> Response:
    async with db.read() as session:
        on = await duty.of(session, who)
        found = await finding.visits(session, asked.question(on))
        visits = [await recorded(session, booking_id) for booking_id in found.bookings]
        choices = await web.finding.choices(session, on, partial(translated, request))
    return render(
        request,
        "recordings/list.html",
        visits=visits,
        asked=asked,
        further=asked.further(found.following) if found.following else "",
        zone=on.zone,
        prison_name=on.prison.name,
        choices=choices,
    )


async def recorded(session: Session, booking_id: str) -> Recorded:
    booking = await scheduler.view(session, booking_id)
    if booking is None:
        raise NotFound
    return Recorded(booking, tuple(await recordings.of_booking(session, booking_id)))


async def _theirs(session: Session, who: Identity, booking_id: str) -> Recorded:
    """The visit's recordings; `NotFound` for another prison's, as for none."""
    visit = await recorded(session, booking_id)
    if not visit.takes or visit.booking.prison_id != who.prison_id:
        raise NotFound
    return visit


@router.get("/recordings/{booking_id}")
async def door(request: Request, db: Db, who: Officer, booking_id: str) -> Response:
    """What is known without listening, and the question why."""
    async with db.read() as session:
        visit = await _theirs(session, who, booking_id)
    return _door(request, visit, {}, {})


def _door(
    request: Request, visit: Recorded, values: dict[str, str], errors: dict[str, str], status: int = 200
) -> Response:
    return render(
        request,
        "recordings/door.html",
        status=status,
        visit=visit,
        states=STATES,
        kept_as=KEPT_AS,
        problems=PROBLEMS,
        reasons_words=_reasons(request),
        words_max=listening.WORDS_MAX,
        values=values,
        errors=errors,
    )


def _reasons(request: Request) -> list[tuple[str, str]]:
    return [(code, sentence(request, Reason(code, text))) for code, text in listening.REASONS.items()]


@router.post("/recordings/{booking_id}")
async def enter(
    request: Request,
    db: Db,
    who: Officer,
    booking_id: str,
    reason: Text = "",
    words: Text = "",
) -> Response:
    async with db.write() as session:
        visit = await _theirs(session, who, booking_id)
        try:
            ids = [take.id for take in visit.takes]
            opening = listening.open_for(session, who, ids, reason, words)
        except listening.ReasonNeeded as error:
            errors = {"reason": at_fields(request, error)[""]}
            return _door(request, visit, {"words": words}, errors, error.status)
    return redirect(f"/recordings/{booking_id}/{opening}")


@router.get("/recordings/{booking_id}/{opening}")
async def play(
    request: Request, services: Svc, who: Officer, booking_id: str, opening: str, prove: bool = False
) -> Response:
    try:
        async with services.db.read() as session:
            visit = await _theirs(session, who, booking_id)
            leave = await listening.leave(session, who, visit.takes[0].id, opening)
            course = await call_log.course(session, visit.booking)
    except listening.ListeningEnded:
        return redirect(f"/recordings/{booking_id}")
    shown = playback.of(visit.takes)
    began = min(take.started_at for take in visit.takes)
    seats, minutes = (course.record.seats, course.minutes) if course is not None else ((), ())
    size = sum(track.bytes for take in visit.takes for track in take.tracks)
    verdicts = await _prove(services, visit.takes) if prove or size <= PROVE_AT_ONCE else {}
    return render(
        request,
        "recordings/play.html",
        visit=visit,
        states=STATES,
        shown=shown,
        voices=voices.of(seats, minutes, began, shown.total_ms),
        marks=MARKS,
        opening=leave,
        reason=listening.REASONS[leave.reason],
        verdicts=verdicts,
        problems=PROBLEMS,
        zone=visit.booking.zone,
    )


async def _prove(services: Svc, takes: Sequence[RecordingView]) -> dict[str, SealVerdict]:
    """Recording id -> what its check found; only sealed ones have something to check."""
    return {
        take.id: await recordings.verify(services.db, services.settings, take.id)
        for take in takes
        if take.state in (RecordingState.SEALED, RecordingState.DAMAGED)
    }


_TYPES = {".webm": "video/webm", ".mkv": "video/x-matroska"}  # VP8, H.264


@router.get("/recordings/{booking_id}/{opening}/{recording_id}/{track_id}.webm")
async def track(
    request: Request,
    services: Svc,
    who: Officer,
    booking_id: str,
    opening: str,
    recording_id: str,
    track_id: str,
) -> Response:
    """A file, whole or in ranges (RFC 9110 section 14); its first piece is entered in the ledger."""
    async with services.db.read() as session:
        visit = await _theirs(session, who, booking_id)
        if recording_id not in {take.id for take in visit.takes}:
            raise NotFound
        leave = await listening.leave(session, who, recording_id, opening)
        known = await listening.played_already(session, recording_id, track_id, opening)
        name = next((t.file_name for take in visit.takes for t in take.tracks if t.id == track_id), "")
        clear = await recordings.open_track(session, services.settings, recording_id, track_id)
    try:
        if not known:
            async with services.db.write() as session:
                if not await listening.played_already(session, recording_id, track_id, opening):
                    listening.enter_played(session, who, recording_id, track_id, leave)
    except BaseException:
        clear.close()
        raise
    kind = _TYPES[PurePath(name).suffix]
    return ranges.answer(clear, request.headers.get("range"), kind, {"cache-control": "private, no-store"})


class Stretch(BaseModel):
    """What was listened to, on the visit's timeline, in milliseconds."""

    from_ms: int = Field(ge=0, le=86_400_000)
    to_ms: int = Field(ge=0, le=86_400_000)


@router.post("/recordings/{booking_id}/{opening}/heard")
async def heard(db: Db, who: Officer, booking_id: str, opening: str, stretch: Stretch) -> Response:
    async with db.write() as session:
        visit = await _theirs(session, who, booking_id)
        first = visit.takes[0].id
        leave = await listening.leave(session, who, first, opening)
        if stretch.to_ms > stretch.from_ms:
            listening.enter_heard(session, who, first, leave, stretch.from_ms, stretch.to_ms)
    return JSONResponse({"entered": True}, 201)
