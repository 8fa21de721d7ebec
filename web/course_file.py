"""A call's course as data: every number that the page is made of, second by second. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ledger.chain import Entry
from rooms.course import Course, by_minute
from rooms.minutes import seconds_of
from scheduler.model import BookingView
from web.course import ours, theirs

FORMAT = "kinbridge-call-log/1"


def of(booking: BookingView, course: Course, entries: Sequence[Entry], made_at: datetime) -> dict[str, Any]:
    """JSON values. Moments in UTC (ISO 8601), durations in seconds, loss in per mille; people by name and seat."""
    record = course.record
    return {
        "format": FORMAT,
        "made_at": made_at.isoformat(),
        "reference": booking.reference,
        "promised": {
            "starts_at": course.promise.starts_at.isoformat(),
            "slot_ends_at": course.promise.slot_ends_at.isoformat(),
            "granted_s": course.promise.granted,
        },
        "took_place": {
            "live_at": _moment(record.live_at),
            "ended_at": _moment(record.ended_at),
            "phase": record.phase.value,
            "used_s": round(record.used, 3),
            "lost_s": round(record.lost, 3),
            "given_back_s": round(course.given_back, 3),
            "end_reason": record.end_reason.value if record.end_reason else None,
            "end_code": record.end_code,
            "fault": record.fault.value,
            "allowance": course.promise.charge.value,
        },
        "people": [
            {"seat": seat.id, "role": seat.role.value, "name": seat.name, "kinship": seat.kinship}
            for seat in record.seats
        ],
        "gaps": [
            {
                **asdict(gap),
                "first": _moment(gap.first),
                "last": _moment(gap.last),
                "side": gap.side.value,
                "cause": gap.cause.value,
            }
            for gap in course.gaps
        ],
        "lost_on_our_side_s": round(ours(course), 3),
        "lost_on_the_family_s_side_s": round(theirs(course), 3),
        "weak_lines": [
            {**asdict(one), "first": _moment(one.first), "last": _moment(one.last), "side": one.side.value}
            for one in course.weak
        ],
        "could_see_and_hear": [
            {**asdict(one), "first": _moment(one.first), "last": _moment(one.last)} for one in course.seen
        ]
        if course.sights_kept
        else None,
        "lines": [asdict(line) for line in course.lines],
        "minutes": [
            {**asdict(line), "at": at.isoformat()}
            for seat in record.seats
            for at, line in by_minute(course.minutes, seat.id)
        ],
        "seconds": [
            {"seat": minute.seat_id, "at": at.isoformat(), **asdict(row)}
            for minute in course.minutes
            for at, row in seconds_of(minute)
        ],
        "ledger": [
            {
                "seq": entry.seq,
                "at": entry.at,
                "tag": entry.tag,
                "details": entry.parsed(),
                "digest": entry.digest,
            }
            for entry in entries
        ],
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
