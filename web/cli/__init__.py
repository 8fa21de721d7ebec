"""The command `kinbridge`. Exit codes: 0 good, 1 found wrong, 2 bad use or bad settings."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from core.errors import KinbridgeError, Misconfigured


class _Command(Protocol):
    """What each module of this package has."""

    def configure(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, args: argparse.Namespace) -> int: ...


COMMANDS = {
    "serve": "the web pages, the API and the sockets (with rooms and periodic tasks on one machine)",
    "demo": "a demonstration with people, visits and data of its own",
    "worker": "the periodic tasks as a process of their own",
    "media": "a media node: rooms, media legs and recorders as a process of its own",
    "import-timetable": "reads prisons' timetables from files, and reports everything odd in them",
    "assign": "plans a week from a file, with the proof of how near the plan is to the best",
    "migrate": "brings the database to this version",
    "verify": "proves the ledger or a recording, or names the first broken place",
    "vault": "the master keys of the recordings: status, a new version, an old one taken away",
    "doctor": "looks at settings, database, disk, ports and keys, and says what is wrong",
}


def _module(name: str) -> _Command:
    return cast("_Command", importlib.import_module(f"web.cli.{name.replace('-', '_')}"))


def _parser(asked: str) -> argparse.ArgumentParser:
    """All commands by name; only the one that is asked for is imported."""
    parser = argparse.ArgumentParser(
        prog="kinbridge",
        description="Supervised video visits and tele-legal-aid for prisons. Settings come from KINBRIDGE_*.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == asked:
            _module(name).configure(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; `argv` without the program's name. What it writes is for its owner only: others may have
    accounts on the machine."""
    words = sys.argv[1:] if argv is None else list(argv)
    args = _parser(words[0] if words else "").parse_args(words)
    before = os.umask(0o077)
    try:
        return _module(args.command).run(args)
    except Misconfigured as error:
        sys.stderr.write(f"kinbridge: {error.reason}\n")
        return 2
    except KinbridgeError as error:
        sys.stderr.write(f"kinbridge: {error.reason} ({error.code})\n")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        os.umask(before)
