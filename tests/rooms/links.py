"""A line with a capacity, a queue and a loss of its own, and somebody who sends over it as the ladder says."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from rooms.bandwidth import Estimate, Second
from rooms.ladder import OVERHEAD, RUNGS, Ladder, Picture

CAP = 1_500_000


@dataclass
class Line:
    """`capacity` bit/s at a second; `queue`: seconds of traffic that wait before something is dropped."""

    capacity: Callable[[float], float]
    loss: float = 0.0
    queue: float = 0.3
    waiting: float = 0.0  # bits in the queue
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def carry(self, bits: float, now: float) -> Second:
        """One second in which `bits` are sent, in packets of 800 bytes."""
        capacity = self.capacity(now)
        if capacity == 0:
            return Second(0, None, None, silent=True)
        offered = self.waiting + bits
        self.waiting = min(max(0.0, offered - capacity), capacity * self.queue)
        dropped = max(0.0, offered - capacity - self.waiting)
        packets = max(50, int(bits / 6400))
        unlucky = sum(self.dice.random() < self.loss for _ in range(packets)) / packets
        lost = 1 - (1 - dropped / bits) * (1 - unlucky)
        return Second(bits * (1 - lost), lost, self.waiting / capacity)


@dataclass
class Story:
    """What came of it, second by second."""

    pictures: list[Picture] = field(default_factory=list)
    changes: list[tuple[int, Picture]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def after(self, second: int) -> set[Picture]:
        return set(self.pictures[second:])

    def most_common(self, first: int, last: int) -> Picture:
        part = self.pictures[first:last]
        return max(Picture, key=part.count)


def play(line: Line, seconds: int, *, eager: float = 1.0, start: float = 800_000) -> Story:
    """`eager`: the part of what it may that the sender's picture needs (a quiet scene needs little)."""
    estimate, ladder, story = Estimate(CAP), Ladder(0.0), Story()
    video = start
    for second in range(1, seconds + 1):
        rung = RUNGS[ladder.picture]
        sound = rung.audio + OVERHEAD
        wanted = min(rung.video, estimate.bits_per_second - sound) * eager
        video = min(
            max(0.0, wanted), max(video, 50_000) * 1.5
        )  # a browser goes up by and by, and down at once
        told = line.carry(video + sound, second)
        estimate.step(told, second)
        calm = 0.0 if estimate.calm_since is None else second - estimate.calm_since
        before = ladder.picture
        assumed = ladder.step(estimate.bits_per_second, second, calm=calm, limited=estimate.limited)
        if assumed:
            estimate.assume(assumed, second)
        if ladder.picture is not before:
            story.changes.append((second, ladder.picture))
        story.pictures.append(ladder.picture)
        story.losses.append(told.loss or 0.0)
    return story
