"""`make fuzz`: coverage-guided fuzzing of every parser, in Python and C, SECONDS each (60), or of those named.

    python -m tests.fuzz [SECONDS] [TARGET …]

Inputs that reach new code are kept under var/fuzz/<target> and used again. An input that breaks something is
written to tests/fuzz/findings/<target>, where the tests take it up; the exit code is 1 then.
"""

import importlib
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HOME = Path(__file__).parents[2]
FINDINGS = Path(__file__).parent / "findings"
NATIVE = "native"  # the relay in C (tests.fuzz.native)


def prepared(name: str, seeds: Iterable[bytes], seconds: str) -> list[str]:
    """What libFuzzer is told for a target: its folder of inputs, with the seeds in it, and its limits."""
    corpus, findings = HOME / "var" / "fuzz" / name, FINDINGS / name
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    limits = ["-max_len=4096", "-timeout=5", "-rss_limit_mb=1024", "-verbosity=0"]
    return [str(corpus), f"-artifact_prefix={findings}/", f"-max_total_time={seconds}", *limits]


def one(name: str, seconds: str) -> None:
    """Runs one target in this process; libFuzzer ends it."""
    atheris: Any = importlib.import_module("atheris")  # not there unless one fuzzes

    with atheris.instrument_imports(include=["rooms", "signaling", "recording", "aioice"]):
        from tests.fuzz.targets import TARGETS

    target = next(target for target in TARGETS if target.name == name)
    atheris.Setup([sys.argv[0], *prepared(name, target.seeds(), seconds)], target.run)
    atheris.Fuzz()


def relay_in_c(seconds: str) -> list[str] | None:
    """The command that fuzzes the native relay, built; `None`: there is no clang with libFuzzer."""
    from tests.fuzz import native

    if not native.has_fuzzer():
        return None
    program = HOME / "var" / "fuzz" / "native-relay"
    program.parent.mkdir(parents=True, exist_ok=True)
    native.build(program, fuzzer=True)
    return [str(program), *prepared(NATIVE, native.seeds(), seconds)]


def main() -> int:
    from tests.fuzz.targets import TARGETS

    seconds = next((word for word in sys.argv[1:] if word.isdigit()), "60")
    known = [*(target.name for target in TARGETS), NATIVE]
    broken = []
    for name in [name for name in known if name in sys.argv] or known:
        command: list[str] | None = [sys.executable, "-m", "tests.fuzz", "--one", name, seconds]
        if name == NATIVE and (command := relay_in_c(seconds)) is None:
            print(f"{name:10} left out: needs clang and libclang-rt-dev", flush=True)
            continue
        assert command is not None
        done = subprocess.run(command, cwd=HOME, check=False)
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
