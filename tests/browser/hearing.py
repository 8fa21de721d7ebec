"""What a page gets over a bad line, judged in windows of a few seconds until two in a row are good.

A busy machine can spoil a window, and a line that has just become narrow too; neither can make one good. Where sound
is not protected, no window is: at 5 % loss each has a dozen packets that are missing. What comes and goes spoils one
of two.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.browser.person import Person

WINDOW = 5  # seconds in which a line is judged
WINDOWS = 10
IN_A_ROW = 2
TRIES = 3
LOST = 0.02  # of the sound may be made up: the rest was decoded, or repaired from the packet after


@dataclass(frozen=True)
class Heard:
    """What a page got within a window. `made_up`: of the sound, 0..1, silences not counted; `windows`: it took."""

    made_up: float
    frames: int
    windows: int = 1

    def good(self, pictures: int) -> bool:
        """The sound is whole to the ear, and the picture moves, at more than so many a second."""
        return self.made_up <= LOST and self.frames > pictures * WINDOW


async def until_good(person: Person, figures: str, line: str, pictures: int = 1) -> Heard:
    """Listens until windows in a row are good; answers the last of them.

    `figures`: an expression for what the page's connection has got so far; `line`: what it is called when none is.
    """
    heard = []
    before = await person.evaluate(figures)
    for number in range(1, WINDOWS + 1):
        await asyncio.sleep(WINDOW)
        now = await person.evaluate(figures)
        samples = max(1, now["samples"] - before["samples"])
        made_up = round((now["concealed"] - before["concealed"]) / samples, 4)
        heard.append(Heard(made_up, now["frames"] - before["frames"], number))
        if len(heard) >= IN_A_ROW and all(one.good(pictures) for one in heard[-IN_A_ROW:]):
            return heard[-1]
        before = now
    raise AssertionError(f"{person.name} on {line}: {heard}")


async def both_good(
    one: Person, other: Person, figures: str, line: str, pictures: int = 1
) -> tuple[Heard, Heard]:
    """What `one` got of the other, and the other way round."""
    return await asyncio.gather(
        until_good(one, figures, line, pictures), until_good(other, figures, line, pictures)
    )


async def within(limit: float, what: str, measure: Callable[[], Awaitable[float]]) -> list[float]:
    """What each try took, until one took less than `limit`: of the machine's other work a try is never quicker."""
    took: list[float] = []
    while len(took) < TRIES:
        took.append(await measure())
        if took[-1] < limit:
            return took
    raise AssertionError(f"{what}: never less than {limit}, {took}")
