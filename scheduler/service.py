"""The scheduler's use cases, by the names the layers above know them by.

They take the session first and never commit. What they refuse, they refuse with every reason (`Refused`), and
then nothing has changed.
"""

from scheduler.booking import get, get_for, hold, release, request, withdraw
from scheduler.closures import affected, ban, close_date, create_special_date, lift_ban, reopen_date
from scheduler.decision import approve, cancel, complete, confirm, refuse, relationship_ended
from scheduler.materialise import materialise
from scheduler.offers import allowance, alternatives, bookable_days, candidates, month
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
    set_prison_active,
    set_terminal_active,
)

__all__ = [
    "affected",
    "allowance",
    "alternatives",
    "approve",
    "assign",
    "at_terminal",
    "ban",
    "bookable_days",
    "cancel",
    "candidates",
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
    "pending",
    "prison",
    "prisons",
    "refuse",
    "relationship_ended",
    "release",
    "reopen_date",
    "request",
    "set_prison_active",
    "set_terminal_active",
    "terminal",
    "terminal_of_device",
    "terminals",
    "unplaced",
    "why_unplaced",
    "wings",
    "withdraw",
]
