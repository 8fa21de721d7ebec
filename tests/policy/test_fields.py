"""Each value of the rules steers something: which file reads it, and that it does. One that steers nothing fails."""

import re
import typing
from pathlib import Path
from typing import Literal

import pytest

from policy.rulebook import FamilyPolicy, bounds_of

ROOT = Path(__file__).parents[2]
PROMISED = "one statement only"
# Field -> the file that acts by it. A page that merely shows a value is no reader.
READ_BY = {
    "channels": "scheduler/rules.py",
    "visit_types": "scheduler/rules.py",
    "allowance_span": "scheduler/rules.py",
    "visits_per_month": "policy/rulebook.py:allowance",
    "visits_by_level": "policy/rulebook.py:allowance",
    "allowance_windows": "policy/rulebook.py:period_of",
    "allowance_pool": "scheduler/accounts.py",
    "allowance_weights": "scheduler/accounts.py",
    "weekend_guarantee": "scheduler/case.py",
    "remand_visits_per_week": "scheduler/case.py",
    "uncounted_types": "scheduler/case.py",
    "consumed_by": "scheduler/decision.py",
    "grants": "policy/rulebook.py:grant",
    "grants_expire_days": "scheduler/allowance.py",
    "balance_most": "scheduler/allowance.py",
    "balance_least": "scheduler/accounts.py",
    "restricted_days": "scheduler/rules.py",
    "minutes": "policy/rulebook.py:length",
    "minutes_by_level": "policy/rulebook.py:length",
    "most_minutes": "rooms/repository.py",
    "extension_by": "rooms/repository.py",
    "turnaround_minutes": "scheduler/setup.py",
    "raster_minutes": "scheduler/setup.py",
    "early_minutes": "scheduler/picking.py",
    "late_cutoff_minutes": "rooms/repository.py",
    "withdraw_hours": "scheduler/booking.py",
    "reconnect_window_s": "rooms/repository.py",
    "time_back": "rooms/repository.py",
    "monitor_absent_end_minutes": "rooms/repository.py",
    "pause_end_minutes": "rooms/repository.py",
    "max_visitors": "scheduler/rules.py",
    "max_adults": "scheduler/rules.py",
    "max_children": "scheduler/rules.py",
    "adult_age": "scheduler/rules.py",
    "lead_age": "scheduler/rules.py",
    "child_counts_below": "scheduler/rules.py",
    "require_guardian": "scheduler/rules.py",
    "uncounted_companions": "scheduler/case.py",
    "relations": "scheduler/rules.py",
    "relations_by_case": "scheduler/rules.py",
    "foreign_inmates": "scheduler/rules.py",
    "keep_apart": "scheduler/rules.py",
    "appointment_buffer_minutes": "scheduler/facts.py",
    "started_by": "scheduler/rules.py",
    "lead_days": "policy/clocks.py",
    "lead_unit": "policy/clocks.py",
    "horizon_days": "policy/clocks.py",
    "release_time": "policy/clocks.py",
    "release_way": "scheduler/facts.py",
    "hold_minutes": "scheduler/picking.py",
    "late_booking_minutes": "scheduler/rules.py",
    "visit_weekdays": "scheduler/rules.py",
    "priority_grounds": "scheduler/wishes.py",
    "priority_needs_evidence": "scheduler/wishes.py",
    "priority_share_percent": "scheduler/planning.py",
    "strikes": "scheduler/strikes.py",
    "strike_days": "scheduler/strikes.py",
    "strike_suspends_days": "scheduler/strikes.py",
    "exceptions": "scheduler/judging.py",
    "calendar": "scheduler/facts.py",
    "reply_working_days": "scheduler/booking.py",
    "decision_steps": "policy/rulebook.py:desks",
    "office_closes": "scheduler/booking.py",
    "confidentiality": PROMISED,
    "recording": PROMISED,
    "start_needs": "rooms/repository.py",
    "ladder": "rooms/repository.py",
    "reason_told_to": "rooms/repository.py",
    "monitor_page_s": "rooms/desk_rules.py",
    "calls_at_once": "rooms/desk_rules.py",
    "relisten_days": "recording/reviews.py",
    "relisten_days_by_level": "recording/reviews.py",
    "relisten_risk_days": "recording/reviews.py",
    "relisten_share_percent": "recording/reviews.py",
    "make_good_percent": "rooms/call_log.py",
    "cut_by": "rooms/repository.py",
    "supplements": "people/supplements.py",
    "watch_pictures": "recording/lookout.py",
    "languages": "people/sessions.py",
    "record_while_paused": "rooms/repository.py",
    "record_while_muted": "rooms/repository.py",
    "most_kbit_s": "rooms/repository.py",
    "video_codec": "rooms/repository.py",
    "warnings": "rooms/repository.py",
    "reasons": "rooms/repository.py",
    "refusal_reasons": "scheduler/decision.py",
    "cancel_reasons": "scheduler/decision.py",
    "suspension_least_days": "scheduler/suspensions.py",
    "suspension_most_days": "scheduler/suspensions.py",
    "review_days": "scheduler/suspensions.py",
    "recording_kept_days": "recording/retention.py",
    "recording_flagged_days": "recording/retention.py",
    "recording_disputed_days": "recording/retention.py",
    "hold_review_days": "recording/holds.py",
    "face_check": PROMISED,
    "reminder_minutes": "scheduler/telling.py",
    "quiet_from": "scheduler/telling.py",
    "quiet_to": "scheduler/telling.py",
    "fee": PROMISED,
    "cautions": "web/routes/pick.py",
}


def test_every_field_has_a_reader() -> None:
    assert sorted(READ_BY) == sorted(FamilyPolicy.model_fields)


@pytest.mark.parametrize(("name", "where"), READ_BY.items())
def test_the_reader_reads_it(name: str, where: str) -> None:
    if where == PROMISED:
        if (number := bounds_of(name)) is not None:
            assert number[0] == number[1]
            return
        kind = FamilyPolicy.model_fields[name].annotation
        assert typing.get_origin(kind) is Literal
        assert len(typing.get_args(kind)) == 1
        return
    path, _, accessor = where.partition(":")
    source = (ROOT / path).read_text()
    if accessor:
        source = source.partition(f"def {accessor}(")[2].partition("\n    def ")[0]
    assert re.search(rf"(?<=\.){name}\b", source), f"{path} does not read {name}"
    if accessor:
        readers = [
            file
            for package in ("scheduler", "rooms", "policy")
            for file in (ROOT / package).glob("*.py")
            if file.name != "rulebook.py" and re.search(rf"\.{accessor}\b", file.read_text())
        ]
        assert readers, f"nobody asks {accessor}"
