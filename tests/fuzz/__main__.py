"""`make fuzz`: coverage-guided fuzzing of every parser, SECONDS each (60), or of those that are named.

    python -m tests.fuzz [SECONDS] [TARGET …]

Inputs that reach new code are kept under var/fuzz/<target> and used again. An input that breaks something is
written to tests/fuzz/findings/<target>, where the tests take it up; the exit code is 1 then.
"""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

HOME = Path(__file__).parents[2]
FINDINGS = Path(__file__).parent / "findings"


def one(name: str, seconds: str) -> None:
    """Runs one target in this process; libFuzzer ends it."""
    atheris: Any = importlib.import_module("atheris")  # not there unless one fuzzes

    with atheris.instrument_imports(include=["rooms", "signaling", "recording", "aioice"]):
        from tests.fuzz.targets import TARGETS

    target = next(target for target in TARGETS if target.name == name)
    corpus, findings = HOME / "var" / "fuzz" / name, FINDINGS / name
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-timeout=5",
        "-rss_limit_mb=1024",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], str(corpus), f"-artifact_prefix={findings}/", *options], target.run)
    atheris.Fuzz()


def main() -> int:
    from tests.fuzz.targets import TARGETS

    seconds = next((word for word in sys.argv[1:] if word.isdigit()), "60")
    chosen = [target.name for target in TARGETS if target.name in sys.argv] or [t.name for t in TARGETS]
    broken = []
    for name in chosen:
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz", "--one", name, seconds], cwd=HOME, check=False
        )
        print(f"{name:10} {'ok' if not done.returncode else 'BROKEN: see tests/fuzz/findings'}", flush=True)
        broken += [name] if done.returncode else []
        folder = FINDINGS / name
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
    return 1 if broken else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:4])
    else:
        sys.exit(main())
