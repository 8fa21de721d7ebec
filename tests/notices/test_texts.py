"""Texts: all in both languages, complete, short, and safe on a telephone that lies on the table."""

import itertools
import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notices import texts
from notices.texts import PARAMS, TEMPLATES

VALUES: dict[str, str | int] = {
    "code": "123456",
    "minutes": 25,
    "date": "2026-11-22",
    "time": "14:30",
    "reference": "7F3K-9Q2M",
    "open": 12,
    "soon": 3,
    "late": 1,
}
# What would tell a stranger where the other end is, or who is there.
TELLING = (
    "监狱",
    "看守",
    "服刑",
    "罪犯",
    "犯人",
    "囚",
    "狱",
    "会见",
    "探视",
    "亲属",
    "prison",
    "jail",
    "inmate",
    "offender",
)
EVERY = sorted(itertools.product(TEMPLATES, ("zh", "en")))


def needed(template: str, language: str) -> set[str]:
    text = TEMPLATES[template].texts[language]
    return {
        name for part in (text.subject, text.sms) for _, name, _, _ in string.Formatter().parse(part) if name
    }


@pytest.mark.parametrize(("template", "language"), EVERY)
def test_nothing_that_names_a_prison_or_an_inmate_can_be_in_a_text(template: str, language: str) -> None:
    assert needed(template, language) <= PARAMS
    assert not {"name", "inmate", "prison", "wing", "kinship", "relative"} & PARAMS
    text = texts.render(template, language, VALUES)
    for word in TELLING:
        assert word not in (text.subject + text.sms).lower()


@pytest.mark.parametrize(("template", "language"), EVERY)
def test_a_text_fits_into_a_few_messages(template: str, language: str) -> None:
    """One message has 70 characters of UCS-2, or 160 of GSM 03.38; parts of long ones 67 and 153."""
    text = texts.render(template, language, VALUES)
    assert 0 < len(text.sms) <= (2 * 67 if language == "zh" else 2 * 153)
    assert 0 < len(text.subject) <= 40
    assert "{" not in text.sms
    assert language != "en" or text.sms.isascii()


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_both_languages_say_the_same(template: str) -> None:
    assert set(TEMPLATES[template].texts) == {"zh", "en"}
    assert needed(template, "zh") == needed(template, "en")


def test_the_confirmation_tells_date_time_length_and_cautions() -> None:
    for language in ("zh", "en"):
        said = texts.render("booking-confirmed", language, VALUES).sms
        assert all(part in said for part in ("14:30", "25", "15"))
    assert "11月22日（周日）" in texts.render("booking-confirmed", "zh", VALUES).sms
    assert "Sun 22 Nov" in texts.render("booking-confirmed", "en", VALUES).sms


def test_a_language_that_we_do_not_have_gets_chinese() -> None:
    assert texts.render("code", "bo", VALUES) == texts.render("code", "zh", VALUES)


@given(st.text(min_size=1).filter(lambda name: name not in PARAMS))
def test_other_parameters_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not allowed in a notice"):
        texts.render("code", "zh", {**VALUES, name: "李建国"})


def test_what_is_missing_or_unknown_is_an_error_at_once() -> None:
    with pytest.raises(KeyError):
        texts.render("code", "zh", {"minutes": 5})
    with pytest.raises(KeyError):
        texts.render("birthday", "zh", VALUES)
    with pytest.raises(ValueError, match="Invalid isoformat"):
        texts.render("reminder-day", "zh", {**VALUES, "date": "tomorrow"})


@given(st.dates(date(2020, 1, 1), date(2040, 12, 31)))
def test_weekdays_are_right(day: date) -> None:
    assert texts.written_out(day, "zh")[-2] == "一二三四五六日"[day.isoweekday() - 1]
    assert texts.written_out(day, "en").startswith(day.strftime("%a "))
