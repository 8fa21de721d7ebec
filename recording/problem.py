"""What a verification finds. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken place: a stable code, the file, and a sentence."""

    code: str
    place: str
    text: str
