"""The packages have generic names: another distribution that installs one of the same name would shadow it."""

import importlib.util
from pathlib import Path

from core.errors import Misconfigured

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "core", "ledger", "notices", "people", "policy", "scheduler", "rooms", "signaling", "recording", "legalaid",
    "web",
)  # fmt: skip


def check() -> None:
    """Raises `Misconfigured` if a package of this project would be imported from elsewhere."""
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None or not Path(spec.origin).is_relative_to(ROOT):
            where = spec.origin if spec else "nowhere"
            problem = f"package {name} comes from {where}, not from {ROOT}: use an environment of its own"
            raise Misconfigured(problem=problem)
