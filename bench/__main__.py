"""Runs every benchmark, each in a process of its own, and passes its JSON lines on.

`python -m bench` runs all of them, `python -m bench join seal` only these.
"""

import json
import subprocess
import sys
from pathlib import Path


def main(names: list[str]) -> int:
    folder = Path(__file__).parent
    # What a family notices comes first: how long it takes from the click to the first picture.
    all_of_them = sorted(
        (path.stem for path in folder.glob("[!_]*.py")), key=lambda name: (name != "join", name)
    )
    programs = names or all_of_them
    failed = 0
    for name in programs:
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{name}"],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            cwd=folder.parent,
        )
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                print(json.dumps({"bench": name, **json.loads(line)}, ensure_ascii=False), flush=True)
        if done.returncode:
            failed += 1
            print(json.dumps({"bench": name, "failed": done.returncode}), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
