"""Engines of one kind share what SQLAlchemy has put into SQL: the statements of a test are those of the test before.

A new engine knows none of them, and each test has an engine of its own; compiling took as long as executing.
"""

from collections.abc import MutableMapping
from typing import Any

from sqlalchemy import Dialect, Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import LRUCache

_MOST = 1500  # statements of one kind of database

_Compiled = MutableMapping[Any, Any]
_known: dict[str, tuple[Dialect, _Compiled]] = {}  # by the dialect's name; a dialect that was connected once


def create(url: str, **options: Any) -> AsyncEngine:
    """As `create_async_engine`, for the databases of tests: their servers are of one version."""
    engine = create_async_engine(url, **options)
    _share(engine.sync_engine)
    return engine


def _share(engine: Engine) -> None:
    own = engine.dialect
    if own.name in _known:
        engine.dialect, compiled = _known[own.name]  # compiled statements are found by their dialect
    else:
        compiled = LRUCache(_MOST)

        def remember(*_: object) -> None:
            _known.setdefault(own.name, (own, compiled))

        event.listen(engine, "connect", remember)  # the dialect learns from its first connection
    engine.update_execution_options(compiled_cache=compiled)
