"""Small weeks for the tests, and a check of plans that shares no code with the engine."""

import random
from collections import Counter
from typing import Any

WINDOWS = [[36, 46], [56, 68], [132, 142], [152, 164], [228, 238]]


def week(seed: int, requests: int = 40) -> dict[str, Any]:
    """A prison with two wings, scarce terminals, three lawyers and one booth."""
    dice = random.Random(seed)
    wings: list[dict[str, Any]] = [
        {"id": w, "terminals": 2, "accessible": 1, "sessions": [[*i, dice.randint(0, 3)] for i in WINDOWS]}
        for w in range(2)
    ]
    inmates = [
        {"id": i, "prison": 0, "wing": i % 2, "allowance": 1, "apart": 7 if i in (0, 1, 2) else None}
        for i in range(requests * 3 // 4)
    ]
    asked = []
    for number in range(requests):
        inmate = dice.choice(inmates)
        legal = dice.random() < 0.2
        asked.append(
            {
                "id": number, "prison": 0, "wing": inmate["wing"], "inmate": inmate["id"],
                "kind": "legal" if legal else "family", "class": dice.choice(["std", "first", "prio", "urgent"]),
                "minutes": dice.choice([20, 30, 45]), "waited_days": dice.randint(0, 40),
                "visitors": [] if legal else dice.sample(range(20), dice.randint(1, 3)),
                "lawyers": dice.sample(range(3), 2) if legal else [], "booth": 0 if dice.random() < 0.2 else None,
                "accessible": not legal and dice.random() < 0.1,
                "windows": dice.sample(WINDOWS, dice.randint(1, 3)), "min_day": dice.randint(0, 1),
                "weight": dice.randint(50, 400),
            }
        )  # fmt: skip
    return {
        "format": "kinbridge-assign/1", "seed": seed, "load": 1.0,
        "prisons": [{"id": 0, "legal_rooms": 1, "legal_sessions": WINDOWS, "wings": wings}],
        "inmates": inmates, "lawyers": [{"id": n, "available": WINDOWS[n : n + 3]} for n in range(3)],
        "booths": [{"id": 0, "seats": 1}], "requests": asked,
    }  # fmt: skip


def violations(week: dict[str, Any], plan: dict[str, Any]) -> list[str]:
    """Every broken rule, counted minute by minute rather than by rows."""
    found = []
    requests = {r["id"]: r for r in week["requests"]}
    inmates = {i["id"]: i for i in week["inmates"]}
    wings = {w["id"]: w for w in week["prisons"][0]["wings"]}
    busy: Counter[tuple[Any, ...]] = Counter()
    seen: set[int] = set()
    for call in plan["assignments"]:
        request = requests[call["request"]]
        if request["id"] in seen:
            found.append(f"{request['id']} twice")
        seen.add(request["id"])
        start, length = call["start"] * 15, request["minutes"]
        if not any(a * 15 <= start and start + length <= b * 15 for a, b in request["windows"]):
            found.append(f"{request['id']} outside its windows")
        if call["start"] // 96 < request["min_day"]:
            found.append(f"{request['id']} too early")
        _occupy(busy, request, inmates[request["inmate"]], call, start, length)
    for key, count in busy.items():
        if count > _capacity(week, wings, inmates, key):
            found.append(f"{key}: {count}")
    return found


def _occupy(
    busy: Counter[tuple[Any, ...]], request: dict[str, Any], inmate: dict[str, Any], call: dict[str, Any],
    start: int, length: int,
) -> None:  # fmt: skip
    wing = request["wing"]
    for minute in range(start, start + length + 10):
        busy["inmate", inmate["id"], minute] += 1
        if request["booth"] is not None:
            busy["booth", request["booth"], minute] += 1
        if request["kind"] == "legal":
            busy["legal", minute] += 1
        else:
            busy["accessible" if request["accessible"] else "terminals", wing, minute] += 1
        if minute < start + length:
            for visitor in request["visitors"]:
                busy["visitor", visitor, minute] += 1
            if request["kind"] == "family":
                busy["officers", wing, minute] += 1
        if minute < start + length + 5 and call["lawyer"] is not None:
            busy["lawyer", call["lawyer"], minute] += 1
    if request["kind"] == "family":
        busy["allowance", inmate["id"]] += 1
    if inmate["apart"] is not None:
        busy["apart", inmate["apart"], start // 720] += 1


def _capacity(
    week: dict[str, Any], wings: dict[int, Any], inmates: dict[int, Any], key: tuple[Any, ...]
) -> int:
    if key[0] in ("terminals", "accessible"):
        return int(wings[key[1]][key[0]])
    if key[0] == "officers":
        return max((n for a, b, n in wings[key[1]]["sessions"] if a * 15 <= key[2] < b * 15), default=0)
    if key[0] == "allowance":
        return int(inmates[key[1]]["allowance"])
    if key[0] == "booth":
        return next(int(booth["seats"]) for booth in week["booths"] if booth["id"] == key[1])
    return int(week["prisons"][0]["legal_rooms"]) if key[0] == "legal" else 1
