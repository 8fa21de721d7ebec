"""Forms, figures, the calendar feed: what is pure and small."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from legalaid import figures, forms, ical
from legalaid.figures import Answered
from legalaid.forms import QuestionForm
from legalaid.ical import Event
from legalaid.model import (
    QUESTION_MOVES,
    TURN_MOVES,
    WAITING,
    QuestionState,
    TurnState,
    is_urgent,
)

TODAY = date(2026, 11, 21)
MOMENT = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "urgent"), [(None, False), (30, False), (7, False), (6, True), (0, True), (-3, True)]
)
def test_less_than_seven_days_is_urgent(days: int | None, urgent: bool) -> None:
    limitation = None if days is None else TODAY + timedelta(days=days)
    assert is_urgent(limitation, TODAY) is urgent


GOOD = QuestionForm("debt", "May I?", "a-key-of-the-page")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"limitation": "2026-12-01"}, None),
        ({"topic": "weather"}, "topic-missing"),
        ({"words": "  "}, "words-missing"),
        ({"words": "x" * 2001}, "words-too-long"),
        ({"language": "tlh"}, "language-invalid"),
        ({"limitation": "soon"}, "limitation-invalid"),
        ({"limitation": "2026-02-30"}, "limitation-invalid"),
        ({"key": ""}, "key-invalid"),
    ],
)
def test_a_question_is_checked_whole(change: dict[str, str], code: str | None) -> None:
    values: dict[str, Any] = {"topic": "debt", "words": "May I?", "key": "a-key-of-the-page", **change}
    found = [one.code for one in forms.question_problems(QuestionForm(**values))]
    assert found == ([code] if code else [])


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = QuestionForm("", "", "a-key-of-the-page", "", "never")
    fields = [one.params["field"] for one in forms.question_problems(wrong)]
    assert fields == ["topic", "words", "language", "limitation"]


@pytest.mark.parametrize(
    ("pin", "code"),
    [
        ("274918", None),
        ("112233", None),
        ("27491", "pin-invalid"),
        ("27491x", "pin-invalid"),
        ("２７４９１８", "pin-invalid"),
        ("000000", "pin-weak"),
        ("123456", "pin-weak"),
        ("654321", "pin-weak"),
        ("890123", "pin-weak"),
    ],
)
def test_codes_that_somebody_else_would_try_first(pin: str, code: str | None) -> None:
    assert [one.code for one in forms.pin_problems(pin)] == ([code] if code else [])


@pytest.mark.parametrize(("words", "ok"), [("Go to court.", True), (" ", False), ("x" * 8001, False)])
def test_advice_has_words(words: str, ok: bool) -> None:
    assert (forms.advice_problems(words) == []) is ok


def test_nothing_leads_out_of_an_end() -> None:
    ends = set(QuestionState) - WAITING
    assert not any(ends & sources for sources in QUESTION_MOVES.values())
    over = {TurnState.DONE, TurnState.CARRIED, TurnState.CANCELLED}
    assert not any(over & sources for sources in TURN_MOVES.values())
    assert set(QUESTION_MOVES) == set(QuestionState)
    assert set(TURN_MOVES) == set(TurnState)


def test_figures_come_from_facts() -> None:
    day = timedelta(days=1)
    questions = [Answered(MOMENT, MOMENT + n * day) for n in (1, 3)] + [Answered(MOMENT, None)]
    found = figures.of(questions, carried=2)
    assert (found.answered, found.waiting, found.carried, found.percent) == (2, 1, 2, 50)
    assert found.wait_hours == 48
    nothing = figures.of([], 0)
    assert (nothing.rate, nothing.percent, nothing.wait, nothing.wait_hours) == (None, None, None, None)


def test_the_feed_is_a_calendar() -> None:
    long = "视频帮教日；三间屋子, 每人 15 分钟\n" * 5
    event = Event(
        "hlp_1", MOMENT, MOMENT + timedelta(hours=3), "A day; of help", long, MOMENT, 4, cancelled=True
    )
    text = ical.feed("Help days", [event])
    lines = text.split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    assert all(len(line.encode()) <= 75 for line in lines)
    unfolded = text.replace("\r\n ", "")
    for expected in (
        "UID:hlp_1@kinbridge",
        "DTSTART:20261125T010000Z",
        "DTEND:20261125T040000Z",
        "SUMMARY:A day\\; of help",
        "STATUS:CANCELLED",
        "SEQUENCE:4",
    ):
        assert f"\r\n{expected}\r\n" in unfolded
    assert "DESCRIPTION:视频帮教日；三间屋子\\, 每人 15 分钟\\n" in unfolded
