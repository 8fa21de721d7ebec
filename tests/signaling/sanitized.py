"""A plugin for pytest (`-p tests.signaling.sanitized`): the relay is the library that SANITIZED_RELAY names."""

import os
from pathlib import Path

import signaling.library

setattr(signaling.library, "LIBRARY", Path(os.environ["SANITIZED_RELAY"]))  # noqa: B010 - it is imported there
