"""Reading timetable files: every oddity is named with its place; what cannot be meant takes its file with it."""

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler import findings, importer
from scheduler.findings import Grade
from scheduler.importer import Times
from tests.scheduler import timetables
from tests.scheduler.timetables import HEAD, OWN_SUMS, WHOLE, whole
from web import i18n


def _found(text: str, *, leave: tuple[str, ...] = ("not-kept",)) -> list[tuple[str, str, str, int]]:
    """(grade, code, key, line) of each finding."""
    reading = importer.read(text.encode())
    assert (reading.file is None) == any(one.grade is Grade.REFUSED for one in reading.findings)
    return [
        (one.grade.value, one.code, one.key, one.line) for one in reading.findings if one.code not in leave
    ]


def test_f56_the_files_add_up() -> None:
    contents, expected = timetables.real_or_own()
    assert timetables.sums(contents) == expected


def test_our_own_files_add_up() -> None:
    texts = (WHOLE, timetables.SHUT, timetables.MISSPELT)
    assert timetables.sums(text.encode() for text in texts) == OWN_SUMS


def test_a_whole_file_is_read_whole() -> None:
    file = whole(WHOLE)
    assert (file.name, file.enabled, dict(file.values)) == ("Northgate", True, {"adult_age": 16})
    assert {day: [str(times) for times in file.weekly[day]] for day in file.weekly} == {
        1: ["14:00-16:00"],
        5: ["09:30-10:30", "11:00-12:00"],
    }
    assert list(file.closed) == [date(2026, 12, 25), date(2027, 1, 1)]
    assert [str(times) for times in file.special[date(2026, 12, 28)]] == ["09:30-10:30", "10:45-12:15"]
    assert _found(WHOLE) == []
    kept_out = {key for _, code, key, _ in _found(WHOLE, leave=()) if code == "not-kept"}
    assert kept_out == {"nomis_id", "private", "address", "postcode"}


# What is added to the six lines of HEAD -> the finding's code, key and line.
REFUSED = {
    "recurring:\n  mon:\n  - 2630-2730\n": ("bad-time", "recurring.mon[0]", 9),
    "recurring:\n  mon:\n  - 1400-1670\n": ("bad-time", "recurring.mon[0]", 9),
    "recurring:\n  mon:\n  - two hours\n": ("bad-time", "recurring.mon[0]", 9),
    "recurring:\n  mon:\n  - ١٤٠٠-١٦٠٠\n": ("bad-time", "recurring.mon[0]", 9),
    "recurring:\n  mon:\n  - 1600-1400\n": ("ends-too-early", "recurring.mon[0]", 9),
    "recurring:\n  mon:\n  - 1400-1400\n": ("ends-too-early", "recurring.mon[0]", 9),
    "recurring:\n  mon:\n  - 1402-1600\n": ("off-the-raster", "recurring.mon[0]", 9),
    "recurring:\n  mon:\n  - 2200-2430\n": ("past-midnight", "recurring.mon[0]", 9),
    "recurring:\n  mon:\n  - 1400-1600\n  - 1400-1600\n": ("time-twice", "recurring.mon[1]", 10),
    "recurring:\n  mon:\n  - [1400-1600]\n": ("not-a-value", "recurring.mon[0]", 9),
    "recurring:\n  mon: 1400-1600\n": ("not-a-list", "recurring.mon", 8),
    "recurring:\n  monday:\n  - 1400-1600\n": ("no-weekday", "recurring.monday", 9),
    "recurring:\n- 1400-1600\n": ("not-keys", "recurring", 8),
    "recurring:\n  mon:\n  - 1400-1600\n  mon:\n  - 1000-1100\n": ("key-twice", "recurring.mon", 10),
    "unbookable:\n- 9999-99-99\n": ("bad-date", "unbookable[0]", 8),
    "unbookable:\n- 25.12.2026\n": ("bad-date", "unbookable[0]", 8),
    "unbookable:\n- 2026-12-25\n- 2026-12-25\n": ("closed-twice", "unbookable[1]", 9),
    "unbookable: 2026-12-25\n": ("not-a-list", "unbookable", 7),
    "unbookable:\n- 2026-12-25\nanomalous:\n  2026-12-25:\n  - 1000-1100\n": (
        "closed-and-special",
        "anomalous.2026-12-25",
        11,
    ),
    "anomalous:\n  2026-02-30:\n  - 1000-1100\n": ("bad-date", "anomalous.2026-02-30", 9),
    "anomalous:\n  2026-12-25:\n": ("no-times", "anomalous.2026-12-25", 8),
    "anomalous:\n  2026-12-25: []\n": ("no-times", "anomalous.2026-12-25", 8),
    "anomalous:\n  2026-12-25:\n  - 1000-1100\n  - 1000-1200\n": (
        "starts-twice",
        "anomalous.2026-12-25[1]",
        10,
    ),
    "anomalous:\n  2026-12-25:\n  - 1000-1100\n  2026-12-25:\n  - 1200-1300\n": (
        "key-twice",
        "anomalous.2026-12-25",
        10,
    ),
    "name: Northgate\n": ("key-twice", "name", 7),
    "lead_days: soon\n": ("not-a-number", "lead_days", 7),
    "lead_days: -3\n": ("not-a-number", "lead_days", 7),
    "lead_days: 010\n": ("not-a-number", "lead_days", 7),
    "booking_window: 0\n": ("rule-unusable", "booking_window", 7),
    "max_visitors: 77\n": ("rule-unusable", "max_visitors", 7),
    "max_visitors: [1]\n": ("not-a-value", "max_visitors", 7),
    "weekend_processing: sometimes\n": ("not-yes-or-no", "weekend_processing", 7),
    "[a]: b\n": ("not-a-value", "", 7),
}


@pytest.mark.parametrize("more", REFUSED)
def test_what_cannot_be_meant_is_refused_by_name(more: str) -> None:
    code, key, line = REFUSED[more]
    assert ("refused", code, key, line) in _found(HEAD + more)


FRIDAYS = "recurring:\n  fri:\n  - 0930-1030\n  - 1100-1200\n"
ODD = {
    "adult_age: 9\n": ("adult-age-low", "adult_age", 6),
    FRIDAYS + "unbookable:\n- 2026-12-25\n- 2026-12-26\n": ("closed-anyway", "unbookable.2026-12-26", 13),
    FRIDAYS + "anomalous:\n  2026-12-25:\n  - 1100-1200\n  - 0930-1030\n": (
        "special-as-usual",
        "anomalous.2026-12-25",
        13,
    ),
    "name: Northgate (A, B only)\n": ("audience-in-name", "name", 6),
    "recurring:\n  mon:\n  - 9:15-11.15\n": ("read-as", "recurring.mon[0]", 9),
    "recurring:\n  mon:\n  - 0900-1100\n  - 1000-1200\n": ("overlap", "recurring.mon[1]", 10),
    "recurring:\n  mon:\n  - 1000-1200\n  - 0900-1100\n": ("overlap", "recurring.mon[0]", 9),
    "recurring:\n  mon:\n  - 1030-1615\n": ("very-long", "recurring.mon[0]", 9),
    "recurring:\n  mon:\n": ("empty", "recurring.mon", 8),
    "recurring:\n": ("empty", "recurring", 7),
    "unbookable: []\n": ("empty", "unbookable", 7),
    "anomalous:\n": ("empty", "anomalous", 7),
    "adult age: 18\n": ("misspelt-key", "adult age", 7),
    "unbookables: []\n": ("misspelt-key", "unbookables", 7),
    "Recurring: {}\n": ("misspelt-key", "Recurring", 7),
    "colour: green\n": ("unknown-key", "colour", 7),
    "<<: {a: b}\n": ("unknown-key", "<<", 7),
}


@pytest.mark.parametrize("more", ODD)
def test_what_is_only_odd_is_taken_and_told(more: str) -> None:
    code, key, line = ODD[more]
    stated = more.partition(":")[0]
    found = _found("".join(one for one in HEAD.splitlines(True) if not one.startswith(stated)) + more)
    assert ("odd", code, key, line) in found
    assert not [one for one in found if one[0] == "refused"]


@pytest.mark.parametrize(
    "more",
    [
        "adult_age: 10\n",
        "unbookable:\n- 2026-12-26\n",  # there is no week yet
        FRIDAYS + "anomalous:\n  2026-12-25:\n  - 0930-1030\n",
        FRIDAYS + "anomalous:\n  2026-12-25:\n  - 0930-1030\n  - 1100-1230\n",
        "name: Onley\n",
    ],
)
def test_what_has_a_meaning_is_not_odd(more: str) -> None:
    stated = more.partition(":")[0]
    text = "".join(one for one in HEAD.splitlines(True) if not one.startswith(stated)) + more
    assert _found(text, leave=("not-kept", "no-weekly-times")) == []


def test_visits_that_only_touch_do_not_overlap() -> None:
    assert _found(HEAD + "recurring:\n  mon:\n  - 0900-1000\n  - 1000-1100\n") == []


def test_a_long_visit_overlaps_all_that_lie_within() -> None:
    found = _found(HEAD + "recurring:\n  mon:\n  - 0900-1300\n  - 0930-1000\n  - 1100-1130\n")
    assert [(code, key) for _, code, key, _ in found] == [
        ("overlap", "recurring.mon[1]"),
        ("overlap", "recurring.mon[2]"),
    ]


def test_a_misspelt_key_names_the_one_that_may_be_meant_and_is_not_guessed() -> None:
    reading = importer.read(timetables.MISSPELT.encode())
    told = {one.code: str(one.reason) for one in reading.findings}
    assert told["misspelt-key"] == "adult age is not known and was left aside; adult_age may be meant."
    assert "no-adult-age" in told
    assert reading.file is not None
    assert dict(reading.file.values) == {}


@pytest.mark.parametrize(
    ("wrong", "code", "key"),
    [
        ("name: Northgate\n", "missing", "name"),
        ("enabled: true\n", "no-enabled", "enabled"),
        ("adult_age: 16\n", "no-adult-age", "adult_age"),
        (
            "recurring:\n  mon:\n  - 1400-1600\n  fri:\n  - 0930-1030\n  - 1100-1200\n",
            "no-weekly-times",
            "recurring",
        ),
    ],
)
def test_missing_parts_are_named(wrong: str, code: str, key: str) -> None:
    assert (code, key) in {(one[1], one[2]) for one in _found(WHOLE.replace(wrong, ""))}


def test_a_prison_that_is_not_enabled_needs_no_times() -> None:
    assert _found(timetables.SHUT) == []


@pytest.mark.parametrize(
    ("enabled", "closed", "expected", "codes"),
    [
        ("yes", "false", True, []),
        ("enable", "false", True, ["read-as"]),
        ("Disabled", "false", False, ["read-as"]),
        ("off", "false", False, []),
        ("true", "true", False, ["closed-yet-enabled"]),
        ("false", "true", False, []),
    ],
)
def test_enabled_and_closed(enabled: str, closed: str, *, expected: bool, codes: list[str]) -> None:
    text = WHOLE.replace("enabled: true", f"enabled: {enabled}").replace("closed: false", f"closed: {closed}")
    assert whole(text).enabled is expected
    assert [one[1] for one in _found(text)] == codes


def test_a_word_that_is_neither_yes_nor_no_is_refused() -> None:
    assert ("refused", "not-yes-or-no", "enabled", 4) in _found(
        WHOLE.replace("enabled: true", "enabled: maybe")
    )


@pytest.mark.parametrize(
    ("more", "values"),
    [
        ("lead_days: 3\n", {"lead_days": 3, "lead_unit": "working-days"}),
        ("lead_days: 3\nweekend_processing: true\n", {"lead_days": 3, "lead_unit": "days"}),
        ("weekend_processing: false\n", {"lead_unit": "working-days"}),
        ("booking_window: 21\nmax_visitors: 6\n", {"horizon_days": 21, "max_visitors": 6}),
    ],
)
def test_rules_go_by_their_names_in_the_policy(more: str, values: dict[str, object]) -> None:
    assert dict(whole(WHOLE + more).values) == {"adult_age": 16, **values}


@pytest.mark.parametrize("age", range(5, 19))
def test_every_adult_age_that_occurs_is_taken(age: int) -> None:
    assert whole(WHOLE.replace("adult_age: 16", f"adult_age: {age}")).values["adult_age"] == age


def test_what_the_policy_does_not_know_is_noted() -> None:
    assert ("noted", "not-supported", "max_adults", 7) in _found(HEAD + "max_adults: 3\n")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not-a-timetable"),
        (b"---\n", "not-a-timetable"),
        (b"just words\n", "not-keys"),
        (b"- a\n- b\n", "not-keys"),
        (b"name: [\n", "unreadable"),
        (b"name: a\n---\nname: b\n", "unreadable"),
        (b"name: \x07bell\n", "unreadable"),
        (b"name: *nobody\n", "unreadable"),
        (b"a: " + b"[" * 20_000, "unreadable"),
        (b"name: \xff\n", "not-text"),
        (b"name: " + b"x" * 300_000, "too-large"),
        (b"name: " + b"x" * 300 + b"\n", "name-too-long"),
        (b"name:\n", "missing"),
        (b"name: ~\n", "missing"),
    ],
)
def test_what_is_no_timetable_is_refused_with_a_sentence(content: bytes, code: str) -> None:
    reading = importer.read(content)
    assert reading.file is None
    assert code in {one.code for one in reading.findings}
    assert all(str(one.reason).endswith(".") for one in reading.findings)


def test_a_byte_order_mark_and_spaces_do_no_harm() -> None:
    text = "\ufeff" + WHOLE.replace("mon:", "mon: ").replace("- 1400-1600", "- 1400-1600  ")
    assert _found(text) == []


def test_everything_wrong_is_told_at_once() -> None:
    text = WHOLE.replace("1400-1600", "2630-2730").replace("2027-01-01", "9999-99-99")
    assert {one[1] for one in _found(text) if one[0] == "refused"} == {"bad-time", "bad-date"}


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
def test_no_file_makes_it_fail(content: bytes) -> None:
    reading = importer.read(content)
    assert reading.file is None or reading.file.name


@given(st.integers(0, 287), st.integers(1, 288))
def test_times_come_back_as_they_were_written(first: int, length: int) -> None:
    starts, ends = first * 5, (first + length) * 5
    written = f"{starts // 60:02}{starts % 60:02}-{ends // 60:02}{ends % 60:02}"
    reading = importer.read(f"{HEAD}recurring:\n  sun:\n  - {written}\n".encode())
    assert (reading.file is not None) == (ends <= 24 * 60)
    if reading.file is not None:
        wall = time(starts // 60, starts % 60)
        assert reading.file.weekly[7] == (Times(wall, ends - starts, "recurring.sun[0]", 9),)


def test_every_sentence_has_its_chinese() -> None:
    chinese = i18n.catalog("zh")
    assert not [text for text in findings.TEXTS.values() if text not in chinese]
