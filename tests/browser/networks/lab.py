"""Networks of our own: the server, a router and the people, each in a network namespace, and nothing outside.

        server ── router ── home      (uplinks "wifi" and "mobile": the family)
                         └─ inside    (uplink "cable": terminal and officers)

All conditions are the kernel's own: loss by nftables' random numbers, rates by token buckets, address
translation by masquerading, a dead network by dropping. IPv4 10.N.x.y and IPv6 fdcb:N:x::y exist on these links
only; N is the process's, so that several runs do not meet.
"""

import contextlib
import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
PREFIX = "kinbridge-"  # of the namespaces' names; the number of the process follows
MISSING = (
    "These tests make network namespaces, which takes root and the programs ip, tc and nft ({why}). Run the "
    "tests as root, as the continuous integration does, or leave these out: WITHOUT_NAMESPACES=1 make test"
)
PAGES, TURN = "visits.kinbridge.test", "turn.kinbridge.test"
_CLONE_NEWNET = 0x40000000
_KNOWING = 'if [ -e "$0" ]; then mount --bind "$0" /etc/hosts; fi && exec "$@"'


class NoNamespacesError(RuntimeError):
    """This place does not let us make networks."""


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)}: {done.stderr.strip()}")
    return done.stdout


@cache
def _root_is_mounted() -> bool:
    """Not so where a folder was made root (chroot)."""
    return any(line.split()[4] == "/" for line in Path("/proc/self/mountinfo").read_text().splitlines())


@dataclass
class Namespace:
    """One network namespace."""

    name: str

    def ip(self, *arguments: str) -> str:
        return _run(*self._entered, "ip", *arguments)

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs `arguments` in here, with this place's names."""
        if _root_is_mounted():
            return ["ip", "netns", "exec", self.name, *arguments]
        # ip(8) wants to keep its mounts from what lies around; in a folder made root (chroot) it can't, and gives up.
        own = ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", _KNOWING]
        return [*self._entered, *own, str(self._files / "hosts"), *arguments]

    @property
    def _entered(self) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.name}"]

    def execute(self, *arguments: str) -> str:
        return _run(*self.command(*arguments))

    @property
    def _files(self) -> Path:
        """What lies here is found under /etc by programs in the namespace (ip-netns(8))."""
        return Path("/etc/netns", self.name)

    def know(self, hosts: dict[str, tuple[str, ...]]) -> None:
        """From now on programs that begin in here find these names, each at all of its addresses."""
        self._files.mkdir(parents=True, exist_ok=True)
        # With the dot, too: so Chromium asks for the names of TURN servers.
        lines = [f"{address} {name} {name}." for name, addresses in hosts.items() for address in addresses]
        (self._files / "hosts").write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))

    def program(self, executable: str, folder: Path) -> str:
        """A program that runs `executable` in here, for those who can only be given a path."""
        path = folder / f"{Path(executable).name}-in-{self.name}"
        words = shlex.join(self.command(executable))
        path.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    def call(self, work: Callable[[], T]) -> T:
        """Runs `work` in here; sockets that it makes stay here. A thread may change its namespace alone."""
        done: list[T] = []
        failed: list[BaseException] = []

        def enter() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            try:
                with Path("/run/netns", self.name).open("rb") as door:
                    failed_with = libc.setns(door.fileno(), _CLONE_NEWNET) and ctypes.get_errno()
                assert not failed_with, os.strerror(failed_with)
                done.append(work())
            except BaseException as error:  # noqa: BLE001 - handed over to the caller's thread
                failed.append(error)

        thread = threading.Thread(target=enter, name=self.name)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return done[0]

    def delete(self) -> None:
        """Ends what still runs in here, and takes the namespace away with all its links."""
        for pid in _run("ip", "netns", "pids", self.name).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        _run("ip", "netns", "del", self.name)
        shutil.rmtree(self._files, ignore_errors=True)


@dataclass
class Uplink:
    """A link of a person's network to the router, named alike at both ends; rules bite at the router."""

    name: str
    place: Namespace
    router: Namespace
    number: int  # the third part of its IPv4 network
    lab: int  # the second
    metric: int = 0

    @property
    def address(self) -> str:
        return f"10.{self.lab}.{self.number}.2"

    @property
    def address6(self) -> str:
        return f"fdcb:{self.lab}:{self.number}::2"

    def open(self, *, metric: int) -> None:
        """Makes the link; `metric`: the lower, the sooner it is taken for new connections."""
        self.router.ip(
            "link", "add", self.name, "type", "veth", "peer", "name", self.name, "netns", self.place.name
        )
        self.router.ip("link", "set", self.name, "up")
        here, here6 = f"10.{self.lab}.{self.number}.1", f"fdcb:{self.lab}:{self.number}::1"
        self.router.ip("addr", "add", f"{here}/24", "dev", self.name)
        self.router.ip("addr", "add", f"{here6}/64", "dev", self.name, "nodad")
        self.metric = metric
        self.connect()
        self._chains()

    def connect(self, families: tuple[int, ...] = (4, 6)) -> None:
        """The person's end gets its addresses and its ways out: the network is there."""
        self.place.ip("link", "set", self.name, "up")
        ends = {4: (f"{self.address}/24", f"10.{self.lab}.{self.number}.1"),
                6: (f"{self.address6}/64", f"fdcb:{self.lab}:{self.number}::1")}  # fmt: skip
        for family in families:
            own, gateway = ends[family]
            self.place.ip("addr", "replace", own, "dev", self.name, *(["nodad"] if family == 6 else []))
            way = ("default", "via", gateway, "dev", self.name)
            self.place.ip(f"-{family}", "route", "replace", *way, "metric", str(self.metric))
            # What was sent from this link's address leaves by this link, whatever the others' metric.
            table = str(100 + self.number)
            self.place.ip(f"-{family}", "route", "replace", *way, "table", table)
            with contextlib.suppress(RuntimeError):
                self.place.ip(f"-{family}", "rule", "del", "from", own.partition("/")[0])
            self.place.ip(f"-{family}", "rule", "add", "from", own.partition("/")[0], "table", table)

    def disconnect(self) -> None:
        """The network is gone, as out of reach of its antenna: no link, no addresses, no ways out."""
        self.place.ip("addr", "flush", "dev", self.name)
        self.place.ip("link", "set", self.name, "down")

    # Conditions

    def _chains(self) -> None:
        for way, side in (("up", "iifname"), ("down", "oifname")):
            self.nft(f"add chain inet lab {self.name}-{way}")
            self.nft(f'add rule inet lab forward {side} "{self.name}" jump {self.name}-{way}')

    def nft(self, rule: str) -> None:
        self.router.execute("nft", rule)

    def rules(self, *conditions: str) -> None:
        """From now on these nftables rules hold for both directions, and no others."""
        lines = []
        for way in ("up", "down"):
            lines.append(f"flush chain inet lab {self.name}-{way}")
            lines += [f"add rule inet lab {self.name}-{way} {rule}" for rule in conditions]
        self.nft("; ".join(lines))

    def whole(self) -> None:
        self.rules()

    def dead(self) -> None:
        """Takes everything and says nothing."""
        self.rules("drop")

    def lossy(self, percent: float) -> None:
        """Loses so much of what media are made of, in both directions, at random."""
        self.rules(f"meta l4proto udp numgen random mod 1000 < {round(percent * 10)} drop")

    def only_443(self) -> None:
        """A firewall that knows nothing but TCP to port 443, as in many offices and hotels."""
        self.rules("tcp dport 443 accept", "tcp sport 443 accept", "meta l4proto icmpv6 accept", "drop")

    def translated(self) -> None:
        """A home router's address translation for what comes from here."""
        self.nft(f"add rule inet lab postrouting ip saddr {self.address} masquerade random")

    def rate(self, kilobits: int | None) -> None:
        """So many kbit/s at most in each direction; `None`: no limit. What waits longer than 0.3 s is lost."""
        for namespace in (self.place, self.router):
            with contextlib.suppress(RuntimeError):  # there was none
                namespace.execute("tc", "qdisc", "del", "dev", self.name, "root")
            if kilobits is not None:
                bucket = ("rate", f"{kilobits}kbit", "burst", "8kb", "latency", "300ms")
                namespace.execute("tc", "qdisc", "add", "dev", self.name, "root", "tbf", *bucket)


@dataclass
class Lab:
    """The whole: see the picture above."""

    number: int
    server: Namespace
    router: Namespace
    home: Namespace
    inside: Namespace
    uplinks: dict[str, Uplink] = field(default_factory=dict)

    @property
    def addresses(self) -> tuple[str, str]:
        """The server's, IPv4 and IPv6."""
        return f"10.{self.number}.0.2", f"fdcb:{self.number}::2"

    @property
    def turn_addresses(self) -> tuple[str, str]:
        """Where TURN answers: the server's own ports 443 belong to its pages."""
        return f"10.{self.number}.0.3", f"fdcb:{self.number}::3"

    def untranslated(self) -> None:
        self.router.execute("nft", "flush chain inet lab postrouting")


@contextlib.contextmanager
def laid() -> Iterator[Lab]:
    """Lays all lines; takes them away again whatever happens. Raises `NoNamespacesError`."""
    if os.geteuid() != 0:
        raise NoNamespacesError(MISSING.format(why="this user is not root"))
    _sweep()
    names = [f"{PREFIX}{os.getpid()}-{place}" for place in ("server", "router", "home", "inside")]
    made: list[Namespace] = []
    try:
        try:
            for name in names:
                _run("ip", "netns", "add", name)
                made.append(Namespace(name))
            lab = Lab(64 + os.getpid() % 128, made[0], made[1], made[2], made[3])
            _lay(lab)
        except (RuntimeError, OSError) as error:
            raise NoNamespacesError(MISSING.format(why=error)) from error
        yield lab
    finally:
        for namespace in made:
            namespace.delete()


def _lay(lab: Lab) -> None:
    for namespace in (lab.server, lab.router, lab.home, lab.inside):
        namespace.ip("link", "set", "lo", "up")
        # Nobody else has our addresses: there is no need to ask around for a second before they are used.
        namespace.execute("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/dad_transmits")
        namespace.know({PAGES: lab.addresses, TURN: lab.turn_addresses})
    settings = "echo 1 >net/ipv4/ip_forward; echo 1 >net/ipv6/conf/all/forwarding; echo 0 >net/ipv4/conf/all/rp_filter"
    lab.router.execute("sh", "-c", f"cd /proc/sys; {settings}")
    lab.router.execute(
        "nft",
        "add table inet lab; add chain inet lab forward { type filter hook forward priority 0; }; "
        "add chain inet lab postrouting { type nat hook postrouting priority 100; }",
    )
    _server_link(lab)
    for number, (name, place) in enumerate(
        (("wifi", lab.home), ("mobile", lab.home), ("cable", lab.inside)), start=1
    ):
        lab.uplinks[name] = Uplink(name, place, lab.router, number, lab.number)


def _server_link(lab: Lab) -> None:
    lab.router.ip("link", "add", "server", "type", "veth", "peer", "name", "net", "netns", lab.server.name)
    for namespace, device in ((lab.router, "server"), (lab.server, "net")):
        namespace.ip("link", "set", device, "up")
    lab.router.ip("addr", "add", f"10.{lab.number}.0.1/24", "dev", "server")
    lab.router.ip("addr", "add", f"fdcb:{lab.number}::1/64", "dev", "server", "nodad")
    for v4, v6 in (lab.addresses, lab.turn_addresses):
        lab.server.ip("addr", "add", f"{v4}/24", "dev", "net")
        lab.server.ip("addr", "add", f"{v6}/64", "dev", "net", "nodad")
    lab.server.ip("route", "add", "default", "via", f"10.{lab.number}.0.1")
    lab.server.ip("-6", "route", "add", "default", "via", f"fdcb:{lab.number}::1")


def _sweep() -> None:
    """Takes away what a run that was killed has left behind."""
    for line in _run("ip", "netns", "list").splitlines():
        name = line.split()[0]
        number = name.removeprefix(PREFIX).partition("-")[0]
        if name.startswith(PREFIX) and number.isdecimal() and not Path("/proc", number).exists():
            Namespace(name).delete()


def wait(until: Callable[[], bool], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.05)
