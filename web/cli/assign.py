"""`kinbridge assign INSTANCE --out PLAN`: plans a week from a file, with the proof of how near it is to the best.

Exit codes: 0 planned, 1 the instance cannot be used (`bad-instance`), 2 bad use: a file that cannot be read
(`unreadable`) or written (`not-written`). With --json an error too is one JSON object: its code, and the problems.
"""

import argparse
import ctypes
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core import placing
from scheduler.assign import engine
from scheduler.assign.engine import Plan
from scheduler.assign.instance import BadInstance, Instance, outside, parse

_NAMED = 20  # requests without any way that are listed; --json lists all
_MOST = 1 << 48  # of a seed, and of steps
_MOST_PLANS = 1000
_STDOUT, _STDERR = 1, 2  # file descriptors


def _whole(text: str) -> int:
    """A number from 0 on; argparse says what is wrong with anything else."""
    number = int(text)
    if not 0 <= number <= _MOST:
        raise ValueError
    return number


def _plans(text: str) -> int:
    number = int(text)
    if not 1 <= number <= _MOST_PLANS:
        raise ValueError
    return number


_whole.__name__ = f"whole number from 0 to {_MOST}"  # as argparse names it
_plans.__name__ = f"number from 1 to {_MOST_PLANS}"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("instance", type=Path, help="an instance in the format kinbridge-assign/1 (JSON)")
    parser.add_argument("--out", type=Path, required=True, help="where the plan goes (kinbridge-plan/1)")
    parser.add_argument(
        "--seed", type=_whole, default=1, help="the same seed and steps give the same plan (1)"
    )
    parser.add_argument(
        "--steps", type=_whole, help=f"steps of the search ({engine.steps_for(1)} for each request)"
    )
    parser.add_argument(
        "--plans",
        type=_plans,
        default=1,
        help="so many plans are searched and made one, on all cores: 4 take ten times as much work and get nearer (1)",
    )
    parser.add_argument(
        "--fair",
        action="store_true",
        help="first nobody who waited 30, 21, 14, 7 days is left out, then value",
    )
    parser.add_argument("--json", action="store_true", help="report, or error, as one JSON object")


def run(args: argparse.Namespace) -> int:
    try:
        instance = parse(_read(args.instance))
    except BadInstance as error:
        return _failed(args, 1, error.code, error.problems, f"{args.instance} cannot be used")
    except (OSError, ValueError, RecursionError) as error:
        return _failed(args, 2, "unreadable", [str(error)], f"{args.instance} cannot be read")
    problem = _unwritable(args)
    if problem:  # not only after a minute's work
        return _failed(args, 2, "not-written", [problem], f"{args.out} cannot be written")
    with _answers_alone():
        plan = engine.solve(instance, seed=args.seed, steps=args.steps, plans=args.plans, fair=args.fair)
    try:
        _write(args.out.resolve(), json.dumps(plan.document()).encode())
    except OSError as error:
        return _failed(args, 2, "not-written", [str(error)], f"{args.out} cannot be written")
    if args.json:
        print(json.dumps(plan.report() | {"outside": outside(instance)}))
    else:
        _tell(instance, plan)
    return 0


@contextmanager
def _answers_alone() -> Iterator[None]:
    """Nothing but our answer on standard output: the solver in C now and then writes a line there past Python, which
    goes to standard error for the time being."""
    sys.stdout.flush()
    kept = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)  # what it has in its own buffer
        os.dup2(kept, _STDOUT)
        os.close(kept)


def _unwritable(args: argparse.Namespace) -> str:
    if not args.out.parent.is_dir():
        return "there is no such folder"
    if args.out.is_dir():
        return "it is a folder"
    if args.out.exists() and args.out.samefile(args.instance):
        return "it is the instance itself"
    asked = args.out if args.out.exists() else args.out.parent
    return "" if os.access(asked, os.W_OK) else "it may not be written"


def _write(out: Path, data: bytes) -> None:
    """A plan that was there stays until the new one is whole. Raises `OSError`."""
    if out.is_file() or not out.exists():
        placing.place(out, [data])
    else:  # a pipe, a device
        out.write_bytes(data)


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)  # with a mark or without


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises `ValueError` for a key that stands twice: of two answers none can be meant."""
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return made


def _failed(args: argparse.Namespace, status: int, code: str, problems: Sequence[str], text: str) -> int:
    if args.json:
        print(json.dumps({"error": code, "problems": list(problems)}))
    sys.stderr.write("\n  ".join([f"kinbridge: {text} ({code}):", *problems]) + "\n")
    return status


def _tell(instance: Instance, plan: Plan) -> None:
    near = f"at most {plan.gap_percent:.2f} % below the best plan"
    print(f"{plan.served} of {plan.requests} requests served; {near}.")
    for tier in plan.tiers:
        left = tier.waiting - tier.served
        proof = (
            "no plan leaves out fewer" if tier.proven else f"{tier.at_most - tier.served} may be avoidable"
        )
        print(f"Left out after waiting {tier.days} days or more: {left} of {tier.waiting}; {proof}.")
    _name("No way to serve (no session, room or lawyer in their windows)", plan.hopeless)
    _name("With a window that meets no session", outside(instance))


def _name(title: str, requests: Sequence[int]) -> None:
    if requests:
        named = ", ".join(str(one) for one in requests[:_NAMED])
        more = f" and {len(requests) - _NAMED} more" if len(requests) > _NAMED else ""
        print(f"{title}: request{'s' if len(requests) > 1 else ''} {named}{more}.")
