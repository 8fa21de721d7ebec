"""How the values of the rules are called on pages, in groups, and their units."""

from collections.abc import Mapping

from policy.rulebook import unit_of
from web.i18n import N_

UNITS: Mapping[str, str] = {
    "visits": N_("visits"),
    "visits missed": N_("visits missed"),
    "minutes": N_("minutes"),
    "hours": N_("hours"),
    "seconds": N_("seconds"),
    "days": N_("days"),
    "working days": N_("working days"),
    "persons": N_("persons"),
    "years": N_("years"),
    "percent": N_("percent"),
    "times": N_("times"),
    "kbit/s": N_("kbit/s"),
    "calls": N_("calls"),
}

GROUPS: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        N_("Kinds of visit"),
        {"channels": N_("Ways to meet"), "visit_types": N_("Kinds of visit")},
    ),
    (
        N_("How many visits"),
        {
            "allowance_span": N_("The allowance counts over"),
            "visits_per_month": N_("Visits in that time"),
            "visits_by_level": N_("Visits by treatment level"),
            "allowance_windows": N_("Periods with an allowance of their own"),
            "allowance_pool": N_("Ways that share the allowance"),
            "allowance_weights": N_("What one use of them counts for"),
            "weekend_guarantee": N_("Visits on weekends that are always left"),
            "remand_visits_per_week": N_("Visits of the unconvicted in a week (0: as all others)"),
            "uncounted_types": N_("Kinds that never use the allowance"),
            "consumed_by": N_("What uses a visit"),
            "grants": N_("What is granted by level, where visits are saved"),
            "grants_expire_days": N_("What was granted expires after"),
            "balance_most": N_("Saved visits at most"),
            "balance_least": N_("How far below nothing staff may go"),
            "restricted_days": N_("Days without visits, by level"),
        },
    ),
    (
        N_("Time"),
        {
            "minutes": N_("Length of a visit"),
            "minutes_by_level": N_("Length by treatment level"),
            "most_minutes": N_("Longest with an extension"),
            "extension_by": N_("Who may extend"),
            "turnaround_minutes": N_("Pause between two visits"),
            "raster_minutes": N_("Beginnings lie on multiples of"),
            "early_minutes": N_("The lobby opens before"),
            "late_cutoff_minutes": N_("Who is not there has not come, after"),
            "withdraw_hours": N_("Withdrawn late, when less is left than"),
            "reconnect_window_s": N_("A lost seat is kept"),
            "time_back": N_("Lost time is given back"),
            "monitor_absent_end_minutes": N_("Ended without an officer, after"),
            "pause_end_minutes": N_("A pause ends the visit, after"),
        },
    ),
    (
        N_("People"),
        {
            "max_visitors": N_("Visitors at most"),
            "max_adults": N_("Adults at most"),
            "max_children": N_("Children at most"),
            "adult_age": N_("Of age from"),
            "lead_age": N_("One visitor is at least"),
            "child_counts_below": N_("Children not counted, under the age of"),
            "require_guardian": N_("Minors come with an adult"),
            "uncounted_companions": N_("Companions not counted"),
            "relations": N_("Relatives who are admitted"),
            "relations_by_case": N_("Relatives who are admitted, by kind of case"),
            "foreign_inmates": N_("Foreign inmates have visits by this way"),
            "keep_apart": N_("Inmates who must not meet are kept apart"),
            "appointment_buffer_minutes": N_("Kept free around court and the like"),
        },
    ),
    (
        N_("Booking"),
        {
            "started_by": N_("Who may ask"),
            "lead_days": N_("Days to book ahead"),
            "lead_unit": N_("How these days are counted"),
            "horizon_days": N_("Bookable for"),
            "release_time": N_("A new day opens at"),
            "release_way": N_("How new days are given"),
            "hold_minutes": N_("A pick is held"),
            "late_booking_minutes": N_("May be taken after its beginning for"),
            "visit_weekdays": N_("Weekdays with visits"),
            "priority_grounds": N_("Grounds to come first"),
            "priority_needs_evidence": N_("They need evidence"),
            "priority_share_percent": N_("Share of the places for them, at most"),
            "strikes": N_("Missed visits that suspend (0: never)"),
            "strike_days": N_("Counted over"),
            "strike_suspends_days": N_("Suspended for"),
            "exceptions": N_("Rules that an office may let pass"),
        },
    ),
    (
        N_("Decision"),
        {
            "calendar": N_("Calendar of working days"),
            "reply_working_days": N_("Answer within"),
            "decision_steps": N_("Desks, one after the other"),
            "office_closes": N_("The office closes"),
            "supplements": N_("More papers may be asked for"),
            "refusal_reasons": N_("Reasons to refuse"),
            "cancel_reasons": N_("Reasons to cancel"),
        },
    ),
    (
        N_("Supervision"),
        {
            "confidentiality": N_("Who hears"),
            "recording": N_("Recording"),
            "start_needs": N_("A visit begins only with"),
            "ladder": N_("Steps against a breach"),
            "cut_by": N_("Who may end a visit"),
            "record_while_paused": N_("Recorded while paused"),
            "record_while_muted": N_("The voice of somebody muted is recorded"),
            "reason_told_to": N_("Who reads why an officer paused or ended a call"),
            "watch_pictures": N_("Pictures are looked at by a program (tasks only, it never cuts)"),
            "monitor_page_s": N_("The next officer is called when one is missing, after"),
            "calls_at_once": N_("Calls one officer supervises at once, where no shift says how many"),
            "relisten_days": N_("A call is listened to again within"),
            "relisten_days_by_level": N_("Listened to again within, by treatment level"),
            "relisten_risk_days": N_("One in which something grave happened, within"),
            "relisten_share_percent": N_("Taken by lot, of calls in which nothing happened"),
            "make_good_percent": N_("A call broken on our side is made good, with less of its time than"),
            "warnings": N_("Warnings with one tap"),
            "reasons": N_("Reasons to end a call"),
            "suspension_least_days": N_("Shortest suspension"),
            "suspension_most_days": N_("Longest suspension"),
            "review_days": N_("A suspension is looked at again after"),
        },
    ),
    (
        N_("Data, and what families read"),
        {
            "recording_kept_days": N_("Recordings are kept"),
            "recording_flagged_days": N_("Kept where an officer stepped in or marked something"),
            "recording_disputed_days": N_("Kept where a breach was passed on"),
            "hold_review_days": N_("A hold is looked at again after"),
            "face_check": N_("Face check"),
            "video_codec": N_("Coding of the pictures"),
            "most_kbit_s": N_("A device sends at most"),
            "languages": N_("Languages"),
            "reminder_minutes": N_("Reminders, minutes before"),
            "quiet_from": N_("No reminder rings from"),
            "quiet_to": N_("Reminders ring again from"),
            "fee": N_("Fee"),
            "cautions": N_("Cautions to the family"),
        },
    ),
)
NAMES: Mapping[str, str] = {key: name for _, names in GROUPS for key, name in names.items()}


def unit(name: str) -> str:
    """The message id of a field's unit, empty for what has none."""
    return UNITS.get(unit_of(name), "")
