"""What a process has used, by the kernel's own account."""

import os
from pathlib import Path


def seconds(pid: int) -> float:
    """CPU seconds, user and system, of all threads that a process has now, to the nanosecond."""
    return sum(int(_told(task).split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def by_thread(pid: int) -> dict[str, float]:
    """The same, by the threads' names; those of one name together."""
    told: dict[str, float] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        told[name] = told.get(name, 0.0) + int((task / "schedstat").read_text().split()[0]) / 1e9
    return told


def waited(pid: int) -> float:
    """Seconds that its threads were ready and the kernel let others go first; more than a little of it makes delays
    those of the machine."""
    return sum(int(_told(task).split()[1]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def _told(task: Path) -> str:
    try:
        return (task / "schedstat").read_text()
    except FileNotFoundError:  # it ended meanwhile
        return "0 0 0"


def resident(pid: int) -> float:
    """Megabytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def pin(pid: int, core: int) -> None:
    """All threads that it has, and all it makes from now on."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})
