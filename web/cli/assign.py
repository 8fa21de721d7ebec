"""`kinbridge assign INSTANCE --out PLAN`: plans a week from a file, with the proof of how near it is to the best."""

import argparse
import json
import sys
from pathlib import Path

from scheduler.assign import engine
from scheduler.assign.instance import BadInstance, parse


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("instance", type=Path, help="an instance in the format kinbridge-assign/1 (JSON)")
    parser.add_argument("--out", type=Path, required=True, help="where the plan goes (kinbridge-plan/1)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed and steps give the same plan (1)")
    parser.add_argument(
        "--steps", type=int, help=f"steps of the search ({engine.STEPS_PER_REQUEST} for each request)"
    )
    parser.add_argument("--json", action="store_true", help="report as one JSON object")


def run(args: argparse.Namespace) -> int:
    try:
        instance = parse(json.loads(args.instance.read_text(encoding="utf-8")))
    except BadInstance as error:
        sys.stderr.write(f"kinbridge: {error.reason}\n")
        return 1
    except (OSError, ValueError) as error:
        sys.stderr.write(f"kinbridge: {args.instance} cannot be read: {error}\n")
        return 2
    plan = engine.solve(instance, seed=args.seed, steps=args.steps)
    args.out.write_text(json.dumps(plan.document()), encoding="utf-8")
    report = plan.report()
    if args.json:
        print(json.dumps(report))
    else:
        near = f"at most {plan.gap_percent:.2f} % below the best plan"
        print(f"{plan.served} of {plan.requests} requests served; {near}.")
        if plan.hopeless:
            print(f"No way to serve (no session, room or lawyer in their windows): {plan.hopeless}")
    return 0
