"""A lawyer's roster as an iCalendar feed (RFC 5545). Pure. No inmate, question or prison wing is in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

_LINE = 75  # octets, RFC 5545 section 3.1


@dataclass(frozen=True, slots=True)
class Event:
    """`sequence` grows when the event changes (section 3.8.7.4)."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    summary: str
    description: str
    changed_at: datetime
    sequence: int = 0
    cancelled: bool = False


def feed(name: str, events: Iterable[Event]) -> str:
    """The calendar as text with CRLF line ends."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Kinbridge//Help days//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{_escaped(name)}",
        f"X-WR-CALNAME:{_escaped(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    ]
    for event in events:
        lines += _event(event)
    lines.append("END:VCALENDAR")
    return "".join(_folded(line) for line in lines)


def _event(event: Event) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{event.uid}@kinbridge",
        f"DTSTAMP:{_stamp(event.changed_at)}",
        f"LAST-MODIFIED:{_stamp(event.changed_at)}",
        f"SEQUENCE:{event.sequence}",
        f"DTSTART:{_stamp(event.starts_at)}",
        f"DTEND:{_stamp(event.ends_at)}",
        f"SUMMARY:{_escaped(event.summary)}",
        f"DESCRIPTION:{_escaped(event.description)}",
        f"STATUS:{'CANCELLED' if event.cancelled else 'CONFIRMED'}",
        "END:VEVENT",
    ]


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    """Section 3.3.11."""
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(plain, written)
    return text.replace("\r", "")


def _folded(line: str) -> str:
    """Broken after at most 75 octets, never inside a character."""
    parts: list[bytes] = []
    part = b""
    for character in line:
        octets = character.encode()
        if len(part) + len(octets) > _LINE - bool(parts):
            parts.append(part)
            part = b""
        part += octets
    parts.append(part)
    return b"\r\n ".join(parts).decode() + "\r\n"
