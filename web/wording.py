"""Moments, days and durations in words. Wall time is only shown here; it is reckoned with nowhere above
`scheduler.timetable` and `policy.calendar`."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_name
from markupsafe import Markup

from core import clock
from core.errors import Reason
from web.i18n import BABEL_LOCALES, translate

_DAY = {"zh": "M月d日（EEE）", "en": "EEEE d MMMM"}
_DAY_OF_YEAR = {"zh": "y年M月d日（EEE）", "en": "EEEE d MMMM y"}
_PLAIN = {"zh": "y年M月d日", "en": "d MMMM y"}
_MONTH = {"zh": "y年M月", "en": "MMMM y"}
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ISO_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+\d\d:\d\d")
BEIJING = "Asia/Shanghai"


def day(language: str, value: datetime | date, zone: str = BEIJING) -> str:
    """`11月26日（周四）`, `Thursday 26 November`; with the year where it is not this one."""
    local = value.astimezone(ZoneInfo(zone)).date() if isinstance(value, datetime) else value
    this_year = local.year == clock.now().astimezone(ZoneInfo(zone)).year
    pattern = (_DAY if this_year else _DAY_OF_YEAR)[language]
    return format_date(local, pattern, locale=BABEL_LOCALES[language])


def plain_date(language: str, value: date) -> str:
    """`1988年9月23日`, `23 September 1988`: for dates whose weekday says nothing."""
    return format_date(value, _PLAIN[language], locale=BABEL_LOCALES[language])


def dated(language: str, value: datetime, zone: str = BEIJING) -> str:
    """The date of a moment on a paper, always with its year."""
    return plain_date(language, value.astimezone(ZoneInfo(zone)).date())


def weekday(language: str, value: date) -> str:
    """Short: `周四`, `Thu`."""
    return format_date(value, "EEE", locale=BABEL_LOCALES[language])


def browser(agent: str) -> str:
    """A User-Agent header as people know it: `Chrome · Android`."""
    names = ("MicroMessenger", "Edg", "Firefox", "Chrome", "Safari")
    systems = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")
    told = {"MicroMessenger": "WeChat", "Edg": "Edge"}
    name = next((told.get(n, n) for n in names if n in agent), "")
    system = next((s for s in systems if s in agent), "")
    return " · ".join(part for part in (name, system) if part) or agent[:40] or "–"


def month(language: str, value: date) -> str:
    return format_date(value, _MONTH[language], locale=BABEL_LOCALES[language])


def time(language: str, value: datetime, zone: str = BEIJING) -> str:
    """`09:30`, always with 24 hours."""
    return format_time(value, "HH:mm", tzinfo=ZoneInfo(zone), locale=BABEL_LOCALES[language])


def second(language: str, value: datetime, zone: str = BEIJING) -> str:
    """`09:30:05`."""
    return format_time(value, "HH:mm:ss", tzinfo=ZoneInfo(zone), locale=BABEL_LOCALES[language])


def zone_name(language: str, zone: str) -> str:
    """The zone as people call it: `China Time`, `中国时间`."""
    return get_timezone_name(ZoneInfo(zone), width="long", locale=BABEL_LOCALES[language], zone_variant=None)


def moment(language: str, value: datetime, zone: str = BEIJING) -> Markup:
    """Day and time of a moment as a `<time>`; a script adds the reader's own time where it differs."""
    return Markup('<time datetime="{}" data-zone="{}">{} {}</time>').format(
        value.isoformat(timespec="seconds"), zone, day(language, value, zone), time(language, value, zone)
    )


def deadline(language: str, value: datetime, zone: str = BEIJING) -> str:
    """A last moment as people say it: midnight is 24:00 of the day that ends, not 0:00 of the next."""
    local = value.astimezone(ZoneInfo(zone))
    if (local.hour, local.minute) == (0, 0):
        return f"{day(language, (local - timedelta(days=1)).date(), zone)} 24:00"
    return f"{day(language, value, zone)} {time(language, value, zone)}"


def clock_face(milliseconds: float) -> str:
    """A duration as on a clock: `9:05`, `1:02:03`."""
    seconds = max(0, round(milliseconds / 1000))
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def say(language: str, reason: Reason) -> str:
    """A reason as a sentence. Days and moments (ISO) are written out, moments in the time of Beijing, which
    is that of every prison in the country; values that are sentences themselves are translated."""
    params = {name: _said(language, value) for name, value in reason.params.items()}
    return translate(language, reason.text, params)


def _said(language: str, value: str | int) -> str | int:
    if not isinstance(value, str):
        return value
    if _ISO_DAY.fullmatch(value):
        return day(language, date.fromisoformat(value))
    if _ISO_MOMENT.fullmatch(value):
        when = datetime.fromisoformat(value)
        return f"{day(language, when)} {time(language, when)}"
    return translate(language, value)


def filters(language: str) -> dict[str, Callable[..., str]]:
    """For the templates of one language."""

    def in_language(function: Callable[..., str]) -> Callable[..., str]:
        return lambda *args, **kwargs: function(language, *args, **kwargs)

    return {
        "day": in_language(day),
        "month": in_language(month),
        "time": in_language(time),
        "second": in_language(second),
        "when": in_language(moment),
        "deadline": in_language(deadline),
        "date": in_language(plain_date),
        "dated": in_language(dated),
        "weekday": in_language(weekday),
        "browser": browser,
        "zone": in_language(zone_name),
        "ms": clock_face,
    }
