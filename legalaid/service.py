"""The use cases of legal aid, by the names the pages know them by.

They take the session first and never commit. What they refuse, they refuse with every reason (`Refused`), and
then nothing has changed.
"""

from legalaid.answering import write
from legalaid.asking import by_hotline, by_inmate, by_relative, get, withdraw
from legalaid.board import answer_more_time, ask_more_time
from legalaid.board import lines as board
from legalaid.clocks import history
from legalaid.days import declare_conflict, plan, say_coming, say_here, say_long
from legalaid.personal import reset, step_up
from legalaid.reading import advice, words
from legalaid.roster import fairness, feed
from legalaid.roster import of as roster
from legalaid.setup import add_lawyer, create_desk, create_template, new_feed
from legalaid.statistics import report
from legalaid.turns import begin, carry_over, done, run_over

__all__ = [
    "add_lawyer",
    "advice",
    "answer_more_time",
    "ask_more_time",
    "begin",
    "board",
    "by_hotline",
    "by_inmate",
    "by_relative",
    "carry_over",
    "create_desk",
    "create_template",
    "declare_conflict",
    "done",
    "fairness",
    "feed",
    "get",
    "history",
    "new_feed",
    "plan",
    "report",
    "reset",
    "roster",
    "run_over",
    "say_coming",
    "say_here",
    "say_long",
    "step_up",
    "withdraw",
    "words",
    "write",
]
