"""Tags: `subject:object:action`, lower case; the closed list of what can be entered.

The first part names who acts (family, inmate, officer, counsel, admin, system), the second what is acted
on, the third what was done, in the past tense.
"""

import re

_TAG = re.compile(r"[a-z]+:[a-z-]+:[a-z-]+")


def check(tag: str) -> str:
    """Returns the tag; raises `ValueError` for a shape that is not `subject:object:action`."""
    if not _TAG.fullmatch(tag):
        raise ValueError(f"not a ledger tag: {tag!r}")
    return tag
