"""The cyclic garbage collector, and what the allocator keeps, in a process that carries calls."""

import ctypes
import gc


def settle() -> None:
    """To be called once, when a process has loaded what it serves with: the collector never looks at that again.

    It looks at everything while nothing else runs: some 0.2 s for all that a web process has loaded, in which no
    packet of the Python relay and no message would be answered. What comes into being later is little beside that.
    """
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """What the C library's allocator keeps for later goes back to the system; nothing happens where it cannot.

    It takes some milliseconds in which others wait who allocate: for after a moment in which much was held.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)
