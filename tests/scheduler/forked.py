"""Processes that tests end as they like: forked off a program that has imported all it needs, which takes seconds."""

import os
import sys
import traceback
from collections.abc import Callable


def off(work: Callable[[], None]) -> int:
    """The id of a new process that does `work` and ends: with 0, or with 1 and the error told."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    finally:
        if status:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(status)


def end_of(child: int) -> int:
    """Waits for it: how it ended, as `subprocess` says it (negative: by that signal)."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
