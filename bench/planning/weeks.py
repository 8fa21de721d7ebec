"""Seeded weeks in the format kinbridge-assign/1, and seeded events that strike them. Synthetic: four terminals or so to
a wing, sessions of half a day, one call in five legal, a third of the families with a reason to come first."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from scheduler.assign.block import Use
from scheduler.assign.instance import Instance, Request

MORNING, AFTERNOON = (36, 46), (56, 68)  # 9:00 to 11:30, 14:00 to 17:00
LENGTHS, OFTEN = (15, 20, 30, 45, 60), (10, 20, 40, 20, 10)
WEIGHTS = {"std": 10, "prio": 16, "first": 14, "urgent": 25}
HALVES = [(day * 96 + first, day * 96 + last) for day in range(6) for first, last in (MORNING, AFTERNOON)]


@dataclass(frozen=True)
class Size:
    prisons: int
    requests: int  # of each prison, on average


def week(size: Size, seed: int, load: float) -> dict[str, Any]:
    """An instance as decoded JSON. `load`: family calls asked for against what the terminals hold."""
    dice = random.Random(seed * 1000 + round(load * 100))
    lawyers = [
        {"id": n, "available": [half for half in HALVES[:10] if dice.random() < 0.45]}
        for n in range(max(3, size.prisons * size.requests // 30))
    ]
    booths = [{"id": n, "seats": dice.randint(1, 3)} for n in range(max(2, size.prisons * 5 // 2))]
    made: dict[str, Any] = {
        "format": "kinbridge-assign/1", "seed": seed, "load": load, "prisons": [], "inmates": [],
        "lawyers": lawyers, "booths": booths, "requests": [],
    }  # fmt: skip
    for prison in range(size.prisons):
        count = size.requests
        if size.prisons > 1:
            count = round(count * min(1.8, max(0.4, dice.gauss(1, 0.25))))
        _Prison(made, dice, prison, count, load).add()
    return made


@dataclass
class _Prison:
    made: dict[str, Any]
    dice: random.Random
    id: int
    count: int
    load: float
    wings: list[dict[str, Any]] = field(default_factory=list)
    inmates: list[dict[str, Any]] = field(default_factory=list)
    visitors: dict[int, list[int]] = field(default_factory=dict)

    def add(self) -> None:
        legal = self.count // 5
        held = 0.0
        while held * self.load < self.count - legal:
            wing = self._wing()
            self.wings.append(wing)
            held += sum(e - s for s, e, _ in wing["sessions"]) * 15 * (wing["terminals"] + 1) / 44
        minutes = sum(e - s for s, e in HALVES[:10]) * 15
        rooms = max(1, round(legal * 52 / minutes / self.load))
        self.made["prisons"].append(
            {"id": self.id, "legal_rooms": rooms, "legal_sessions": HALVES[:10], "wings": self.wings}
        )
        for number in range(self.count):
            self.made["requests"].append(self._request("legal" if number < legal else "family"))
        apart = self.dice.sample(self.inmates, max(2, len(self.inmates) // 25))
        for number, inmate in enumerate(apart):
            inmate["apart"] = self.id * 10_000 + number // 3
        self.made["inmates"] += self.inmates

    def _wing(self) -> dict[str, Any]:
        terminals = self.dice.randint(3, 6)
        halves = sorted(self.dice.sample(HALVES, self.dice.randint(5, 7)))
        short = max(2, terminals - 1)
        sessions = [[*half, terminals + 3 if self.dice.random() < 0.7 else short] for half in halves]
        return {"id": len(self.wings), "terminals": terminals, "accessible": 1, "sessions": sessions}

    def _inmate(self, wing: int) -> dict[str, Any]:
        mine = [one for one in self.inmates[-200:] if one["wing"] == wing]
        if mine and self.dice.random() < 0.22:
            return self.dice.choice(mine)
        number = len(self.made["inmates"]) + len(self.inmates)
        allowance = 1 if self.dice.random() < 0.8 else 2
        made = {"id": number, "prison": self.id, "wing": wing, "allowance": allowance, "apart": None}
        self.inmates.append(made)
        return made

    def _request(self, kind: str) -> dict[str, Any]:
        dice, wing = self.dice, self.dice.choice(self.wings)
        inmate = self._inmate(wing["id"])
        legal, waited = kind == "legal", min(60, int(dice.expovariate(1 / 12)))
        kinds, chances = (("urgent", "std"), (1, 4)) if legal else (("prio", "first", "std"), (3, 1, 6))
        cls = dice.choices(kinds, chances)[0]
        halves = HALVES[:10] if legal else [(s, e) for s, e, _ in wing["sessions"]]
        windows = [self._window(*half) for half in dice.sample(halves, min(dice.randint(2, 5), len(halves)))]
        near = [self.id * len(self.made["lawyers"]) // max(1, self._prisons) + n for n in range(8)]
        return {
            "id": len(self.made["requests"]), "prison": self.id, "wing": wing["id"], "inmate": inmate["id"],
            "kind": kind, "class": cls, "minutes": dice.choices(LENGTHS, OFTEN)[0], "waited_days": waited,
            "visitors": [] if legal else self._family(inmate["id"]),
            "lawyers": sorted({n % len(self.made["lawyers"]) for n in dice.sample(near, dice.choice((1, 1, 3)))})
            if legal else [],
            "booth": dice.randrange(len(self.made["booths"])) if not legal and dice.random() < 0.25 else None,
            "accessible": not legal and dice.random() < 1 / (wing["terminals"] + 1), "windows": windows,
            "min_day": dice.choices((0, 1, 2), (80, 12, 8))[0],
            "weight": 10 * WEIGHTS[cls] + 5 * min(waited, 40) + (100 if waited > 30 else 0),
        }  # fmt: skip

    @property
    def _prisons(self) -> int:
        return max(1, len(self.made["booths"]) * 2 // 5)

    def _window(self, first: int, last: int) -> tuple[int, int]:
        if self.dice.random() < 0.35:
            first += self.dice.randint(1, (last - first) // 2)
        return first, last

    def _family(self, inmate: int) -> list[int]:
        known = self.visitors.setdefault(inmate, [inmate * 5])
        known += [inmate * 5 + len(known)] if len(known) < 4 and self.dice.random() < 0.5 else []
        return self.dice.sample(known, self.dice.randint(1, min(3, len(known))))


@dataclass(frozen=True)
class Event:
    """`wing` struck, or a `lawyer`; `lost`: what is gone."""

    wing: int | None
    lawyer: int | None
    lost: dict[Use, int]

    def touches(self, request: Request) -> bool:
        """Family calls of the wing; all legal calls when a lawyer is away: they share the rooms."""
        return (
            request.kind == "legal"
            if self.lawyer is not None
            else (request.kind == "family" and request.wing == self.wing)
        )


def events(instance: Instance, seed: int, count: int) -> list[Event]:
    """A terminal out for half a day, a terminal out all week, a lawyer away half a day, a wing locked half a day."""
    dice, found = random.Random(seed), []
    prison = instance.prisons[0]
    for number in range(count):
        wing = dice.choice(prison.wings)
        first, last, _ = dice.choice(wing.sessions)
        room = f"room:{prison.id}:{wing.id}:terminal"
        if number % 4 == 2:
            lawyer = dice.choice([one for one in instance.lawyers if one.available])
            away = dice.choice(lawyer.available)
            lost = {(f"lawyer:{lawyer.id}", t): 1 for t in range(away[0], away[1] + 4)}
            found.append(Event(None, lawyer.id, lost))
            continue
        spans = [(s, e) for s, e, _ in wing.sessions] if number % 4 == 1 else [(first, last)]
        gone = wing.terminals if number % 4 == 3 else 1
        lost = dict(Counter({(room, t): gone for s, e in spans for t in range(s, e + 4)}))
        found.append(Event(wing.id, None, lost))
    return found
