"""Instances that are wrong: every problem is named, with a code; whatever passes the check, the engine can plan."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scheduler.assign import engine
from scheduler.assign.instance import BadInstance, outside, parse
from tests.scheduler.assign.weeks import violations, week
from web.cli import main

JUNK: tuple[Any, ...] = (
    None, -1, 0, 1, 7, 96, 672, 673, 10**30, 1.5, float("nan"), float("inf"), True, False, "", "two", "1", [], {},
    [[40, 36]], [[0, 672]], [36, 46], [None], ["1"], {"id": 0}, "legal", "family", [0, 0], [5, 5, 5], "\ud800",
)  # fmt: skip


def fresh(seed: int, requests: int = 12) -> dict[str, Any]:
    """A week of its own: nothing of it is shared with another part."""
    value: dict[str, Any] = json.loads(json.dumps(week(seed, requests)))
    return value


def _place(dice: random.Random, value: Any) -> tuple[Any, Any]:
    """(container, key) of something in the document, at any depth."""
    node, key = value, dice.choice(sorted(value))
    while isinstance(node[key], dict | list) and node[key] and dice.random() < 0.9:
        node = node[key]
        key = dice.choice(sorted(node)) if isinstance(node, dict) else dice.randrange(len(node))
    return node, key


def spoil(dice: random.Random, value: dict[str, Any]) -> None:
    node, key = _place(dice, value)
    match dice.choice(("junk", "junk", "gone", "twice", "more")):
        case "junk":
            node[key] = dice.choice(JUNK)
        case "gone":
            del node[key]
        case "twice" if isinstance(node, list):
            node.append(node[key])
        case _ if isinstance(node, dict):
            node["surprise"] = dice.choice(JUNK)


def problems(value: Any) -> tuple[str, ...]:
    """None: the instance is fine."""
    try:
        parse(value)
    except BadInstance as error:
        return error.problems
    return ()


def test_whatever_is_spoilt_is_refused_with_a_reason_or_planned_without_a_fault() -> None:
    refused = planned = 0
    for seed in range(500):
        dice = random.Random(seed)
        value = fresh(seed % 7)
        for _ in range(dice.randint(1, 3)):
            if value:
                spoil(dice, value)
        if found := problems(value):
            assert all(problem.strip() for problem in found)
            refused += 1
        else:
            assert violations(value, engine.solve(parse(value), steps=60).document()) == [], seed
            planned += 1
    assert refused > 300
    assert planned > 30


def _request(**changed: Any) -> Callable[[dict[str, Any]], None]:
    return lambda value: value["requests"][0].update(changed)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_request(surprise=1), "requests.0.surprise"),
        (_request(minutes="30"), "requests.0.minutes"),
        (_request(weight=10**30), "requests.0.weight"),
        (_request(accessible=1), "requests.0.accessible"),
        (_request(visitors=[3, 3]), "a visitor is named twice"),
        (_request(lawyers=[1, 1]), "a lawyer is named twice"),
        (_request(booth=4), "there is no booth 4"),
        (lambda value: value["inmates"][0].update(wing=5), "inmate 0: there is no wing 0/5"),
        (lambda value: value["inmates"][0].update(wing=1 - value["inmates"][0]["wing"]), "is in another wing"),
        (lambda value: value["prisons"][0]["wings"][1].update(id=0), "wings of prison 0: an id occurs twice"),
        (lambda value: value["prisons"][0]["wings"][0]["sessions"].append([50, 40, 1]), "not after its start"),
        (lambda value: value["lawyers"][0].update(id=-1), "lawyers.0.id"),
        (lambda value: value.pop("booths"), "booths"),
    ],
)  # fmt: skip
def test_every_problem_is_named_with_its_place(change: Any, problem: str) -> None:
    value = fresh(0)
    value["requests"][0]["inmate"] = 0
    value["requests"][0]["wing"] = value["inmates"][0]["wing"]
    change(value)
    with pytest.raises(BadInstance) as caught:
        parse(value)
    assert problem in "; ".join(caught.value.problems)


def test_many_problems_are_counted() -> None:
    value = fresh(0, 40)
    for request in value["requests"]:
        request["booth"] = 9
    with pytest.raises(BadInstance) as caught:
        parse(value)
    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1] == "and 20 more"


def test_a_window_outside_every_session_is_named() -> None:
    value = fresh(1)
    value["requests"][4]["windows"] = [[36, 46], [600, 610]]
    assert outside(parse(value)) == [4]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (None, 2, "unreadable"),
        (b"{", 2, "unreadable"),
        (b"\xff\xfe{}", 2, "unreadable"),
        (b"[" * 100_000, 2, "unreadable"),
        (b"[]", 1, "bad-instance"),
        (b"null", 1, "bad-instance"),
        (b"\xef\xbb\xbf[]", 1, "bad-instance"),  # a byte order mark is read past
        (b'{"format": "kinbridge-assign/2"}', 1, "bad-instance"),
    ],
)
def test_the_command_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, status: int, code: str
) -> None:
    instance, out = tmp_path / "week.json", tmp_path / "plan.json"
    if content is not None:
        instance.write_bytes(content)
    assert main(["assign", str(instance), "--out", str(out), "--json"]) == status
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert answer["error"] == code
    assert answer["problems"]
    assert code in said.err
    assert not out.exists()


def test_the_command_says_where_a_plan_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instance = tmp_path / "week.json"
    instance.write_text(json.dumps(fresh(2)))
    for out in (tmp_path / "nowhere" / "plan.json", tmp_path):
        assert main(["assign", str(instance), "--out", str(out)]) == 2
        assert "(not-written)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--help"], 0, "--fair"),
        (["week.json"], 2, "--out"),
        (["week.json", "--out", "plan.json", "--seed", "-1"], 2, "whole number"),
        (["week.json", "--out", "plan.json", "--steps", "many"], 2, "whole number"),
        (["week.json", "--out", "plan.json", "--surprise"], 2, "--surprise"),
    ],
)
def test_bad_use_is_explained(
    capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["assign", *words])
    assert ended.value.code == status
    told = capsys.readouterr()
    assert said in told.out + told.err
