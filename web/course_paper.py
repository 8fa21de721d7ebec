"""A call's course as a paper: for the file, or for the family that wants it in their hands."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from ledger.chain import Entry
from rooms.course import Course, by_minute
from rooms.gaps import Gap
from rooms.model import SeatView
from scheduler.model import BookingView
from web import course as words
from web import i18n
from web.i18n import N_
from web.paper import Paper
from web.wording import clock_face, day

TITLE = N_("How the call went")
_Say = Callable[..., str]


def of(
    language: i18n.Language, booking: BookingView, course: Course, entries: Sequence[Entry], made_at: datetime
) -> bytes:
    """The officers' paper: everything but the single seconds. Raises `NoFont`."""
    _, paper = _begun(language, booking, course, made_at)
    _gaps(paper, _, booking, course, words.whose)
    _weak(paper, _, booking, course)
    _sights(paper, _, course, booking.zone)
    paper.heading(_("What happened"))
    paper.grid(
        (_("Time"), _("What"), _("Who")),
        [
            (
                _clock(step.at, booking.zone),
                _(step.text) + (f": {_(step.word)}" if step.word else ""),
                step.about,
            )
            for step in words.steps(course, entries)
        ],
        (2, 7, 3),
    )
    paper.say(_("Computed by the server from what it measured itself, and from the ledger."))
    return paper.done()


def for_family(language: i18n.Language, booking: BookingView, course: Course, made_at: datetime) -> bytes:
    """What the family's page says. Raises `NoFont`."""
    told = course.promise.told
    _, paper = _begun(language, booking, course, made_at, told=told)
    _gaps(paper, _, booking, course, partial(words.why, inside=False, told=told))
    return paper.done()


def _begun(
    language: i18n.Language, booking: BookingView, course: Course, made_at: datetime, *, told: bool = True
) -> tuple[_Say, Paper]:
    def _(text: str, **params: object) -> str:
        return i18n.translate(language, text, params)

    paper = Paper(_(TITLE), f"Kinbridge · {booking.reference}", made_at)
    record, zone = course.record, booking.zone
    ended = words.why_ended(course, told=told)
    visitors = _(", ").join(visitor.name for visitor in booking.visitors)
    paper.facts(
        [
            (_("Reference"), booking.reference),
            (_("Who"), f"{booking.inmate_name} ⇄ {visitors}"),
            (_("Promised"), f"{day(language, booking.starts_at, zone)} {_clock(booking.starts_at, zone)}"),
            (_("Granted"), clock_face(course.promise.granted * 1000)),
            (_("Took place"), clock_face(record.used * 1000)),
            (_("Given back"), clock_face(course.given_back * 1000)),
            (_("Began"), _clock(record.live_at, zone) if record.live_at else "–"),
            (_("Ended"), _clock(record.ended_at, zone) if record.ended_at else "–"),
            (_("How it ended"), _(ended) if ended else "–"),
            (_("Does it count?"), _(words.counts(booking, course))),
        ]
    )
    return _, paper


def _gaps(
    paper: Paper, _: _Say, booking: BookingView, course: Course, why: Callable[[Gap], Sequence[str]]
) -> None:
    paper.heading(_("When nobody could talk, and why"))
    if not course.gaps:
        paper.say(_("There was no such moment."))
    paper.grid(
        (_("From"), _("To"), _("How long"), _("Why")),
        [
            (
                _clock(gap.first, booking.zone),
                _clock(gap.last, booking.zone),
                clock_face(gap.seconds * 1000),
                " ".join(map(_, why(gap))),
            )
            for gap in course.gaps
        ],
        (2, 2, 2, 7),
    )


def _weak(paper: Paper, _: _Say, booking: BookingView, course: Course) -> None:
    paper.heading(_("Lines"))
    names = {seat.id: seat.name for seat in course.record.seats}
    paper.grid(
        (_("Who"), _("Round trip (ms)"), _("Loss (‰)"), _("Up / down (kbit/s)"), _("Stood still (s)")),
        [
            (
                names[line.seat],
                _number(line.round_trip_ms),
                _number(line.lost),
                f"{_number(line.up_kbit)} / {_number(line.down_kbit)}",
                str(round(line.frozen_ms / 1000)),
            )
            for line in course.lines
            if line.seconds
        ],
        (3, 3, 2, 3, 3),
    )
    for seat in course.record.seats:
        _minutes(paper, _, course, seat, booking.zone)
    paper.grid(
        (_("From"), _("To"), _("Who"), _("What")),
        [
            (
                _clock(one.first, booking.zone),
                _clock(one.last, booking.zone),
                names[one.seat],
                f"{_(words.WEAK[one.kind])} · {_(words.SIDES[one.side])}",
            )
            for one in course.weak
        ],
        (2, 2, 3, 6),
    )


def _minutes(paper: Paper, _: _Say, course: Course, seat: SeatView, zone: str) -> None:
    """One person's line minute by minute, above it as a curve over the whole call; every second is in the JSON."""
    minutes = by_minute(course.minutes, seat.id)
    if not minutes:
        return
    caption = _("{name}: round trip (line, up to 600 ms) and loss (dashes, up to 300 ‰)", name=seat.name)
    paper.curves(caption, *(words.trace(course, seat.id, name, most) for name, most in words.CURVES))
    paper.grid(
        (
            _("Minute"),
            _("Round trip (ms)"),
            _("Loss (‰)"),
            _("Up / down (kbit/s)"),
            _("Stood still (s)"),
            _("Sound made up (‰)"),
        ),
        [
            (
                f"{at.astimezone(ZoneInfo(zone)):%H:%M}",
                "–" if line.round_trip_ms is None else f"{line.round_trip_ms} ≤ {line.round_trip_worst_ms}",
                _number(line.lost),
                f"{_number(line.up_kbit)} / {_number(line.down_kbit)}",
                f"{line.frozen_ms / 1000:.1f}",
                _number(line.concealed),
            )
            for at, line in minutes
        ],
        (2, 3, 2, 4, 3, 3),
    )


_SENSES = {
    (True, True): N_("heard and saw"),
    (True, False): N_("only heard"),
    (False, True): N_("only saw"),
}


def _sights(paper: Paper, _: _Say, course: Course, zone: str) -> None:
    """Sums first, then every stretch: at each second it can be said who heard and saw whom."""
    paper.heading(_("Who could see and hear whom"))
    paper.grid(
        (_("Who"), _("Whom"), _("Heard"), _("Seen")),
        [
            (
                viewer.name,
                shown.name,
                clock_face(words.together(course, viewer.id, shown.id, "sound") * 1000),
                clock_face(words.together(course, viewer.id, shown.id, "picture") * 1000),
            )
            for viewer, shown, _lane in words.sights(course)
        ],
        (4, 4, 2, 2),
    )
    names = {seat.id: seat.name for seat in course.record.seats}
    paper.grid(
        (_("Who"), _("Whom"), _("From"), _("To"), _("What")),
        [
            (
                names.get(one.viewer, ""),
                names.get(one.shown, ""),
                _clock(one.first, zone),
                _clock(one.last, zone),
                _(_SENSES[one.sound, one.picture]),
            )
            for one in course.seen
        ],
        (4, 4, 2, 2, 3),
    )


def _clock(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%H:%M:%S}"


def _number(value: int | None) -> str:
    return "–" if value is None else str(value)
