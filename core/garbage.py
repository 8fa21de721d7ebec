"""The cyclic garbage collector in a process that carries calls."""

import gc


def settle() -> None:
    """To be called once, when a process has loaded what it serves with: the collector never looks at that again.

    It looks at everything while nothing else runs: some 0.2 s for all that a web process has loaded, in which no
    packet of the Python relay and no message would be answered. What comes into being later is little beside that.
    """
    gc.collect()
    gc.freeze()
