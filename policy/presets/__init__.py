"""Rule sets as data: what is known of a nation or province. A value that is not known is left out, and then
the prison must state it before anybody can book."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from core.errors import Misconfigured
from policy import bounds, model
from policy.model import BadPolicy, LegalBasis, Scope


@dataclass(frozen=True, slots=True)
class Preset:
    """`digest`: of the file, so that a row tells which state of it was taken."""

    name: str
    digest: str
    scope: Scope
    scope_id: str
    title: str
    parent: str | None  # the preset of the wider scope
    values: Mapping[str, Any]
    bounds: Mapping[str, Any]
    legal_basis: tuple[LegalBasis, ...]


@cache
def load(name: str) -> Preset:
    """The preset of that name; raises `Misconfigured` if there is none, `BadPolicy` for wrong values."""
    resource = files(__name__).joinpath(f"{name}.toml")
    if not name.replace("-", "").isalnum() or not resource.is_file():
        raise Misconfigured(problem=f"there is no policy preset {name!r}")
    content = resource.read_bytes()
    data = tomllib.loads(content.decode("utf-8"))
    limits, problems = bounds.check(data.get("bounds", {}))
    if problems:
        raise BadPolicy(problem="; ".join(problems))
    return Preset(
        name=name,
        digest=hashlib.sha256(content).hexdigest(),
        scope=Scope(data["scope"]),
        scope_id=data["id"],
        title=data["title"],
        parent=data.get("parent"),
        values=model.check(data["values"]),
        bounds=limits,
        legal_basis=tuple(LegalBasis.model_validate(entry) for entry in data["legal_basis"]),
    )


@cache
def names() -> tuple[str, ...]:
    """Every preset, sorted."""
    entries = files(__name__).iterdir()
    return tuple(sorted(e.name.removesuffix(".toml") for e in entries if e.name.endswith(".toml")))
