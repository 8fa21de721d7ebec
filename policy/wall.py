"""A time of day in the rules, as the prison's clocks show it. Pure."""

from datetime import time
from typing import Annotated

from pydantic import AfterValidator


def _by_the_clock(value: time) -> time:
    if value.tzinfo is not None or value.second or value.microsecond:
        raise ValueError("it is a time of day by the prison's clocks, without seconds or zone")
    return value


WallTime = Annotated[time, AfterValidator(_by_the_clock)]
