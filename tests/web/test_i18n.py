"""Two languages: every sentence has its Chinese, placeholders fit, dates and durations read well."""

import re
import string
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from core import house
from core.errors import Reason
from tests.conftest import FakeClock
from tests.web import messages
from web import i18n, wording

ENTRIES = sorted({*messages.of_templates(), *messages.of_code(), *messages.of_tables()})


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_sentence_has_its_chinese() -> None:
    chinese = i18n.catalog("zh")
    missing = defaultdict(list)
    for text, where in ENTRIES:
        if text not in chinese:
            missing[where.partition(":")[0]].append(text)
    assert not missing


def test_no_catalog_has_what_nobody_says() -> None:
    said = {text for text, _ in ENTRIES}
    files = [path for name in house.PACKAGES for path in (house.ROOT / name).rglob("*")]
    code = "".join(
        path.read_text(encoding="utf-8") for path in files if path.suffix in {".py", ".html", ".toml"}
    )
    code = re.sub(r'"\s*\n\s*f?"', "", code).replace('\\"', '"')  # a sentence may go on in the next line
    assert not [text for text in i18n.catalog("zh") if text not in said and text not in code]


def test_placeholders_are_the_same_in_both_languages() -> None:
    wrong = [
        (english, forms)
        for english, forms in i18n.catalog("zh").items()
        if any(_names(form) - {"n"} != _names(english) - {"n"} for form in forms)  # "once" has no {n}
    ]
    assert not wrong


def test_no_sentence_is_translated_in_two_ways() -> None:
    seen: dict[str, tuple[str, tuple[str, ...]]] = {}
    clashes = []
    for path in sorted((i18n.LOCALE_DIR / "zh").glob("*.po")):
        for english, forms in i18n.read_catalog(path, "zh").items():
            if english in seen and seen[english][1] != forms:
                clashes.append((english, seen[english][0], path.name))
            seen.setdefault(english, (path.name, forms))
    assert not clashes


def test_the_finder_finds() -> None:
    texts = {text for text, _ in ENTRIES}
    assert "Skip to the content" in texts  # a template
    assert "There is one thing to put right" in texts  # a plural
    assert "Please sign in first." in texts  # an error
    assert "This time has passed. Please choose a later one." in texts  # a reason
    assert "Waiting for the prison" in texts  # a marked sentence


def test_a_broken_catalog_entry_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.po"
    path.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "empty"\nmsgstr ""\n\n#, fuzzy\nmsgid "unsure"\nmsgstr "不定"\n\nmsgid "good"\nmsgstr "好"\n',
        encoding="utf-8",
    )
    assert i18n.read_catalog(path, "zh") == {"good": ("好",)}


def test_what_no_catalog_has_is_said_in_english() -> None:
    assert i18n.translate("zh", "Nobody ever wrote {this}.", {"this": 1}) == "Nobody ever wrote 1."


def test_numbers_have_one_form_in_chinese_and_two_in_english() -> None:
    one, many = "{n} free time", "{n} free times"
    assert i18n.translate_plural("en", one, many, 1) == "1 free time"
    assert i18n.translate_plural("en", one, many, 2) == "2 free times"
    assert i18n.translate_plural("zh", one, many, 2) == "2 个时间可约"


@pytest.mark.parametrize(("given", "language"), [("en", "en"), ("zh", "zh"), ("xx", "zh"), (None, "zh")])
def test_an_unknown_language_is_chinese(given: str | None, language: str) -> None:
    assert i18n.language_of(given) == language


def test_days_have_their_weekday_and_the_year_only_when_it_is_another(clock: FakeClock) -> None:
    moment = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
    assert wording.day("zh", moment) == "11月26日（周四）"
    assert wording.day("en", moment) == "Thursday 26 November"
    assert wording.day("zh", date(2027, 1, 2)) == "2027年1月2日（周六）"
    assert wording.time("zh", moment) == "18:00"
    assert wording.time("en", moment, "Europe/London") == "10:00"


def test_midnight_is_the_end_of_a_day_where_something_is_due(clock: FakeClock) -> None:
    assert wording.deadline("zh", datetime(2026, 11, 30, 16, 0, tzinfo=UTC)) == "11月30日（周一） 24:00"
    assert wording.deadline("en", datetime(2026, 11, 30, 15, 0, tzinfo=UTC)) == "Monday 30 November 23:00"
    assert wording.dated("zh", datetime(2026, 12, 31, 16, 0, tzinfo=UTC)) == "2027年1月1日"


def test_a_moment_names_its_zone_for_the_script(clock: FakeClock) -> None:
    text = wording.moment("zh", datetime(2026, 11, 26, 10, 0, tzinfo=UTC))
    assert 'datetime="2026-11-26T10:00:00+00:00"' in text
    assert 'data-zone="Asia/Shanghai"' in text
    assert re.sub(r"<[^>]+>", "", text) == "11月26日（周四） 18:00"


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0, "0:00"), (65_400, "1:05"), (3_723_000, "1:02:03"), (-5, "0:00")]
)
def test_durations_read_as_on_a_clock(milliseconds: int, text: str) -> None:
    assert wording.clock_face(milliseconds) == text


def test_reasons_write_days_out_and_translate_what_they_hold(clock: FakeClock) -> None:
    reason = Reason("x", "From {day}: {what}", {"day": "2026-12-01", "what": "This is too large."})
    assert wording.say("zh", reason) == "From 12月1日（周二）: 内容太大。"
    assert wording.say("en", reason) == "From Tuesday 1 December: This is too large."


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile Safari/537.36", "Chrome · Android"),
        ("Mozilla/5.0 (iPhone) MicroMessenger/8.0 Safari", "WeChat · iPhone"),
        ("curl/8", "curl/8"),
        ("", "–"),
    ],
)
def test_browsers_are_named_as_people_know_them(agent: str, name: str) -> None:
    assert wording.browser(agent) == name
