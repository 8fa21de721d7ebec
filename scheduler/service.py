"""The scheduler's use cases, by the names the layers above know them by.

They take the session first and never commit. What they refuse, they refuse with every reason (`Refused`), and
then nothing has changed.
"""

from scheduler.accounts import adjust as adjust_allowance
from scheduler.accounts import lines as allowance_lines
from scheduler.accounts import record_use
from scheduler.befalling import close_date, reopen_date, set_terminal_active
from scheduler.booking import get, get_for, hold, release, request, withdraw
from scheduler.changing import change
from scheduler.closures import affected, create_special_date
from scheduler.decision import approve, cancel, complete, confirm, refuse, relationship_ended
from scheduler.linked import request as request_together
from scheduler.materialise import materialise
from scheduler.offers import allowance, alternatives, bookable_days, candidates, choice, month, why_not
from scheduler.overbooking import overbook
from scheduler.placement import assign, why_unplaced
from scheduler.repository import (
    at_terminal,
    due,
    of_relative,
    on_day,
    pending,
    prison,
    prisons,
    terminal,
    terminal_of_device,
    terminals,
    unplaced,
    wings,
)
from scheduler.setup import (
    create_prison,
    create_slot,
    create_template,
    create_terminal,
    create_wing,
    end_template,
    link_device,
    set_help_phone,
    set_prison_active,
)
from scheduler.suspensions import ban, lift_ban

__all__ = [
    "adjust_allowance",
    "affected",
    "allowance",
    "allowance_lines",
    "alternatives",
    "approve",
    "assign",
    "at_terminal",
    "ban",
    "bookable_days",
    "cancel",
    "candidates",
    "change",
    "choice",
    "close_date",
    "complete",
    "confirm",
    "create_prison",
    "create_slot",
    "create_special_date",
    "create_template",
    "create_terminal",
    "create_wing",
    "due",
    "end_template",
    "get",
    "get_for",
    "hold",
    "lift_ban",
    "link_device",
    "materialise",
    "month",
    "of_relative",
    "on_day",
    "overbook",
    "pending",
    "prison",
    "prisons",
    "record_use",
    "refuse",
    "relationship_ended",
    "release",
    "reopen_date",
    "request",
    "request_together",
    "set_help_phone",
    "set_prison_active",
    "set_terminal_active",
    "terminal",
    "terminal_of_device",
    "terminals",
    "unplaced",
    "why_not",
    "why_unplaced",
    "wings",
    "withdraw",
]
