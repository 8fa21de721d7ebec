"""Log lines with a grammar: `<` in, `>` out, `x` dropped (with the reason), `-` old -> new.

One line per fact, `key=value` behind it. Names, numbers and texts of people never go to the log: ids do.
"""

import logging
import sys


def configure(level: str) -> None:
    """Sets up the root logger once per process; `level` as in `Settings.log_level`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname).1s %(name)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("aioice", "aiortc", "aiosqlite", "apprise", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def fields(**values: object) -> str:
    """`key=value` pairs for a log line."""
    return " ".join(f"{key}={value}" for key, value in values.items())
