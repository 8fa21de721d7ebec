"""A call's course in words and drawings, for officers and for the family that asks why it broke. Pure.

Sentences are message ids. The drawing is an SVG of 1000 units' width (`web.timeline`), and everything on it stands in
the tables below it, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.chain import Entry
from rooms import desk_tasks
from rooms.course import Course, Seen
from rooms.gaps import OURS, Cause, Gap, Side
from rooms.minutes import seconds_of
from rooms.model import EndReason, SeatRole, SeatView
from rooms.words import ENDS, HOLDS, MARKS, PAUSES, REASONS, WARNINGS
from scheduler.allowance import Charge
from scheduler.model import BookingState, BookingView
from web import playback
from web.i18n import N_
from web.timeline import WIDTH

_POINTS = 250  # of a curve: the worst second of each stretch is drawn
CURVES = (("round_trip_ms", 600), ("up_lost", 300))  # columns of `Figures`, and what is drawn at the top

# Whose a gap was, as officers and as the family read it.
SIDES: Mapping[Side, str] = {
    Side.FAMILY_NETWORK: N_("The family's network"),
    Side.PRISON_NETWORK: N_("The prison's network"),
    Side.SERVER: N_("The server"),
    Side.OFFICER: N_("The officer"),
    Side.FAMILY: N_("The family was not there"),
    Side.PRISON: N_("The inmate was not there"),
}
CAUSES: Mapping[Cause, str] = {  # where the side alone does not say it
    Cause.RECORDER: N_("the recording did not run"),
    Cause.PAUSED: N_("had paused it"),
    Cause.NO_OFFICER: N_("nobody supervised"),
    Cause.NOT_ADMITTED: N_("somebody waited to be let in"),
    Cause.FAMILY_LATE: N_("had not come yet"),
    Cause.FAMILY_LEFT: N_("had left"),
    Cause.NOT_BROUGHT: N_("had not been brought yet"),
    Cause.LED_AWAY: N_("had been led away"),
}
TOLD: Mapping[Cause, str] = {
    Cause.FAMILY_NETWORK: N_("The connection of your telephone or computer was interrupted."),
    Cause.PRISON_NETWORK: N_("The connection inside the prison was interrupted. That was not your fault."),
    Cause.SERVER: N_("Our server had a fault. That was not your fault."),
    Cause.RECORDER: N_(
        "The recording had a fault, and a visit may not go on without it. That was not your fault."
    ),
    Cause.PAUSED: N_("An officer had paused the visit."),
    Cause.NO_OFFICER: N_(
        "No officer was there, and a visit may not go on without one. That was not your fault."
    ),
    Cause.NOT_ADMITTED: N_("Somebody was waiting for the officer to let them in."),
    Cause.FAMILY_LATE: N_("Nobody of your family had come yet."),
    Cause.FAMILY_LEFT: N_("Nobody of your family was in the call any more."),
    Cause.NOT_BROUGHT: N_("The inmate had not been brought to the terminal yet. That was not your fault."),
    Cause.LED_AWAY: N_("The inmate was no longer at the terminal. That was not your fault."),
}
TOLD_INSIDE: Mapping[Cause, str] = {
    **TOLD,
    Cause.FAMILY_NETWORK: N_("Your family's connection was interrupted."),
    Cause.NOT_BROUGHT: N_("You had not been brought to the terminal yet."),
    Cause.LED_AWAY: N_("You were no longer at the terminal."),
}
# Whether it counts, for everybody who reads a log.
CHARGES: Mapping[Charge, str] = {
    Charge.COUNTS: N_("This visit counts as one of the visits allowed."),
    Charge.GIVEN_BACK: N_("This visit does not count as one of the visits allowed."),
    Charge.FREE: N_("This visit is one of those that do not count."),
}
_OPEN = N_("Whether this visit counts is settled within minutes after its end.")
_PAUSE_REASONS: Mapping[str, str] = {**REASONS, **PAUSES}
WEAK: Mapping[str, str] = {
    "sound": N_("Sound was broken"),
    "frozen": N_("The picture stood still"),
    "small": N_("The picture was held back so that sound came through"),
}
TONES: Mapping[Side, str] = {side: "red" if side in OURS else "yellow" for side in Side}

# What the call's own steps are called, besides what recordings know (`playback.EVENTS`).
EVENTS: Mapping[str, tuple[str, str]] = {
    **playback.EVENTS,
    "system:watch:paged": ("yellow", N_("The next officer was called")),
    "officer:watch:taken": ("grey", N_("An officer took the call over")),
    "system:task:put": ("yellow", N_("Somebody was asked to look")),
    "system:room:opened": ("grey", N_("The waiting room opens")),
    "system:recording:started": ("grey", N_("The recording begins")),
    "system:recording:lost": ("red", N_("The recording was interrupted")),
    "system:recording:behind": ("red", N_("The recording fell behind")),
    "system:recording:caught-up": ("green", N_("The recording is in step again")),
    "system:track:missing": ("red", N_("Sound or picture no longer reaches the recording")),
    "system:track:settled": ("green", N_("Sound or picture is no longer missed")),
    "system:recording:refused": ("red", N_("The recording could not begin")),
    "officer:booking:extended": ("green", N_("An officer gave more time")),
    "family:seat:entered": ("grey", N_("The family opens the page")),
    "inmate:seat:entered": ("grey", N_("The inmate's terminal opens the page")),
    "officer:seat:entered": ("grey", N_("The officer opens the page")),
    "family:visit:joined": ("green", N_("The family is connected")),
    "inmate:visit:joined": ("green", N_("The inmate is connected")),
    "officer:visit:joined": ("green", N_("The officer is connected")),
    "family:visit:unheard": ("yellow", N_("Nothing comes from the family any more")),
    "inmate:visit:unheard": ("yellow", N_("Nothing comes from the inmate any more")),
    "officer:visit:unheard": ("yellow", N_("Nothing comes from the officer any more")),
    "family:visit:heard": ("green", N_("The family is heard again")),
    "inmate:visit:heard": ("green", N_("The inmate is heard again")),
    "officer:visit:heard": ("green", N_("The officer is heard again")),
    "family:visit:disconnected": ("red", N_("The family's connection has ended")),
    "inmate:visit:disconnected": ("red", N_("The inmate's connection has ended")),
    "officer:visit:disconnected": ("red", N_("The officer's connection has ended")),
    "family:seat:lost": ("yellow", N_("The family's page is gone")),
    "inmate:seat:lost": ("yellow", N_("The inmate's page is gone")),
    "officer:seat:lost": ("yellow", N_("The officer's page is gone")),
    "family:seat:left": ("grey", N_("The family has left")),
    "inmate:seat:left": ("grey", N_("The inmate has left")),
    "officer:seat:left": ("grey", N_("The officer has left")),
    "officer:wall:watched": ("grey", N_("Looked at on the wall")),
}
TRACKS: Mapping[str, str] = {"audio": N_("Sound"), "video": N_("Picture")}
_CODES: Mapping[str, Mapping[str, str]] = {  # what a code or a reason says depends on what it is of
    "officer:visit:warned": WARNINGS,
    "officer:visit:marked": MARKS,
    "officer:visit:paused": _PAUSE_REASONS,
    "system:task:put": {kind.value: text for kind, text in desk_tasks.TEXTS.items()},
    "system:track:missing": TRACKS,
    "system:track:settled": TRACKS,
    "system:visit:paused": {hold.value: text for hold, text in HOLDS.items()},
    "system:visit:ended": {**REASONS, **{end.value: text for end, text in ENDS.items()}},
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a lane in SVG units. `tone`: green, yellow, red, or blue for sound alone."""

    x: float
    width: float
    tone: str


@dataclass(frozen=True, slots=True)
class Lane:
    """`label`: names, ready to be shown. `kind`: talk, line or sight."""

    label: str
    kind: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of what happened. `text`, `word`: message ids; `about`: a name."""

    at: datetime
    tone: str
    text: str
    about: str
    word: str
    actor: str  # id


def begins(course: Course) -> datetime:
    """Where the drawing begins: the promised time, or the call if somebody let it begin earlier."""
    return min(course.promise.starts_at, course.record.live_at or course.promise.starts_at)


def total_ms(course: Course) -> int:
    return max(1000, round((course.until - begins(course)).total_seconds() * 1000))


def talk(course: Course) -> Lane:
    """Green where people could talk; gaps by whose they were."""
    bars = [_bar(course, gap.first, gap.last, TONES[gap.side]) for gap in course.gaps]
    at = course.record.live_at
    green = []
    for gap in course.gaps:
        if at is not None and gap.first > at:
            green.append(_bar(course, at, gap.first, "green"))
        at = None if at is None else max(at, gap.last)
    if at is not None and at < course.until:
        green.append(_bar(course, at, course.until, "green"))
    return Lane("", "talk", tuple(sorted([*green, *bars], key=lambda bar: bar.x)))


def lines(course: Course) -> list[Lane]:
    """One lane for each person but officers: where their line was weak."""
    return [
        Lane(
            seat.name,
            "line",
            tuple(_bar(course, one.first, one.last, "yellow") for one in course.weak if one.seat == seat.id),
        )
        for seat in course.record.seats
        if seat.role is not SeatRole.MONITOR
    ]


def sights(course: Course) -> list[tuple[SeatView, SeatView, Lane]]:
    """(viewer, shown, lane): when who got whom; green is sound and picture, blue one of them."""
    pairs: dict[tuple[str, str], list[Seen]] = {}
    for one in course.seen:
        pairs.setdefault((one.viewer, one.shown), []).append(one)
    return [
        (
            course.seats[viewer],
            course.seats[shown],
            Lane("", "sight", tuple(_bar(course, s.first, s.last, _tone(s)) for s in stretches)),
        )
        for (viewer, shown), stretches in pairs.items()
        if viewer in course.seats and shown in course.seats
    ]


def together(course: Course, viewer: str, shown: str, kind: str) -> float:
    """For how many seconds `viewer` got `kind` ("sound" or "picture") of `shown`."""
    return sum(
        (one.last - one.first).total_seconds()
        for one in course.seen
        if (one.viewer, one.shown) == (viewer, shown) and getattr(one, kind)
    )


def _tone(seen: Seen) -> str:
    return "green" if seen.sound and seen.picture else "blue"


def _bar(course: Course, first: datetime, last: datetime, tone: str) -> Bar:
    base, total = begins(course), total_ms(course) / 1000
    x = WIDTH * max(0.0, min(1.0, (first - base).total_seconds() / total))
    end = WIDTH * max(0.0, min(1.0, (last - base).total_seconds() / total))
    return Bar(round(x, 2), round(max(1.0, end - x), 2), tone)


def curve(course: Course, seat: str, column: str, most: float, height: float) -> str:
    """The points of an SVG polyline, see `trace`."""
    return " ".join(
        f"{round(WIDTH * x, 1)},{round(height - height * y, 1)}" for x, y in trace(course, seat, column, most)
    )


def trace(course: Course, seat: str, column: str, most: float) -> list[tuple[float, float]]:
    """One person's column of `Figures` over the call, both 0 to 1: the worst of each stretch, `most` and above as 1."""
    base, total = begins(course), total_ms(course) / 1000
    worst: dict[int, int] = {}
    for minute in course.minutes:
        if minute.seat_id == seat:
            for at, row in seconds_of(minute):
                value = getattr(row, column)
                place = int(_POINTS * (at - base).total_seconds() / total)
                if value is not None and 0 <= place <= _POINTS:
                    worst[place] = max(worst.get(place, 0), value)
    return [(place / _POINTS, min(1.0, value / most)) for place, value in sorted(worst.items())]


def steps(course: Course, entries: Sequence[Entry]) -> list[Step]:
    """What happened, oldest first; entries without words are left to the ledger's own page."""
    seats = course.seats
    found = []
    for entry in entries:
        if entry.tag not in EVENTS:
            continue
        tone, text = EVENTS[entry.tag]
        details = entry.parsed()
        seat = seats.get(str(details.get("seat", "")))
        codes = _CODES.get(entry.tag, REASONS)
        named = (codes.get(str(details.get(key, ""))) for key in ("code", "reason", "kind"))
        word = next((word for word in named if word), "")
        at = datetime.fromisoformat(entry.at)
        found.append(Step(at, tone, text, seat.name if seat is not None else "", word, entry.actor_id))
    return found


def why_ended(course: Course, *, told: bool = True) -> str:
    """A message id; empty while it lasts. `told`: the reader may know the officer's reason."""
    record = course.record
    if told and record.end_reason is EndReason.BY_OFFICER and record.end_code in REASONS:
        return REASONS[record.end_code]
    return ENDS[record.end_reason] if record.end_reason is not None else ""


def whose(gap: Gap) -> list[str]:
    """Message ids, as officers read them: whose it was, and what it was more closely."""
    closer = [CAUSES[gap.cause]] if gap.cause in CAUSES else []
    return [SIDES[gap.side], *closer, *_reason(gap)]


def why(gap: Gap, *, inside: bool, told: bool) -> list[str]:
    """Message ids, as those who take part read them. `told`: they may know the officer's reason."""
    return [(TOLD_INSIDE if inside else TOLD)[gap.cause], *(_reason(gap) if told else ())]


def _reason(gap: Gap) -> list[str]:
    return [_PAUSE_REASONS[gap.code]] if gap.code in _PAUSE_REASONS else []


def counts(booking: BookingView, course: Course) -> str:
    """Whether it uses up a visit, a message id. What broke through our fault is given back by the worker, in a moment
    (`rooms.redress`)."""
    over = course.record.ended_at is not None
    due = booking.state is BookingState.COMPLETED and course.broken_by_us
    if course.promise.charge is Charge.COUNTS and (due or not over):
        return _OPEN
    return CHARGES[course.promise.charge]


def counts_anyway(course: Course) -> bool:
    """It counts although some of it was lost on our side: because enough of it took place."""
    return course.promise.charge is Charge.COUNTS and course.took_place and ours(course) > 1


def ours(course: Course) -> float:
    """Seconds that were lost on the prison's or the platform's side, after the promised beginning."""
    return course.lost_to(*OURS)


def late(course: Course) -> float:
    """Those of them before the call began."""
    return sum(gap.seconds for gap in course.gaps if gap.late and gap.side in OURS)


def theirs(course: Course) -> float:
    return course.lost_to(Side.FAMILY, Side.FAMILY_NETWORK)
