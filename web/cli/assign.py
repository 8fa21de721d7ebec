"""`kinbridge assign INSTANCE --out PLAN`: plans a week from a file, with the proof of how near it is to the best."""

import argparse
import json
import sys
from pathlib import Path

from scheduler.assign import engine
from scheduler.assign.instance import BadInstance, parse

_NAMED = 20  # requests without any way that are listed; --json lists all


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("instance", type=Path, help="an instance in the format kinbridge-assign/1 (JSON)")
    parser.add_argument("--out", type=Path, required=True, help="where the plan goes (kinbridge-plan/1)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed and steps give the same plan (1)")
    parser.add_argument(
        "--steps", type=int, help=f"steps of the search ({engine.steps_for(1)} for each request)"
    )
    parser.add_argument(
        "--fair",
        action="store_true",
        help="first nobody who waited 30, 21, 14, 7 days is left out, then value",
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
    plan = engine.solve(instance, seed=args.seed, steps=args.steps, fair=args.fair)
    args.out.write_text(json.dumps(plan.document()), encoding="utf-8")
    report = plan.report()
    if args.json:
        print(json.dumps(report))
    else:
        near = f"at most {plan.gap_percent:.2f} % below the best plan"
        print(f"{plan.served} of {plan.requests} requests served; {near}.")
        for tier in plan.tiers:
            left = tier.waiting - tier.served
            proof = (
                "no plan leaves out fewer"
                if tier.proven
                else f"{tier.at_most - tier.served} may be avoidable"
            )
            print(f"Left out after waiting {tier.days} days or more: {left} of {tier.waiting}; {proof}.")
        if plan.hopeless:
            named = ", ".join(str(one) for one in plan.hopeless[:_NAMED])
            more = f" and {len(plan.hopeless) - _NAMED} more" if len(plan.hopeless) > _NAMED else ""
            print(f"No way to serve (no session, room or lawyer in their windows): {named}{more}.")
    return 0
