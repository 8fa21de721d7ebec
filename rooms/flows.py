"""What runs for every packet, apart from what decides: the two halves of a stream's path through a relay. Pure.

An *inflow* numbers, keeps and counts what comes on one SSRC; an *outflow* gives it new numbers for one viewer.
Both exist twice with the same names, `rooms.plain` in Python and `signaling.native` in C, and the same packets
in make the same bytes go out (`tests/signaling/test_contract.py`). Everything that is decided (whom to show, which
layer, when to ask for what) stands above them in `upstream`, `downstream` and `relay`, and runs a few times a
second; in the native back-end it never sees most packets.
"""

from typing import Protocol

from rooms.client import MediaKind

JUMP = 500  # numbers; a longer step is a new beginning, not a loss
FRAME = 1 / 50  # seconds; the least step of the timestamp at a new beginning


class InflowEvents(Protocol):
    """What an inflow tells, after the packet it concerns went on. `now` in monotonic seconds."""

    def skipped(self, first: int, end: int, now: float) -> None:
        """Numbers `first` … `end - 1` are missing. More than `JUMP` of them: the flow has begun anew."""

    def came_late(self, number: int) -> None:
        """A number from before the newest came, by itself or on request."""

    def copy(self, packet: bytes, now: float) -> None:
        """One packet that was accepted, while `copying` is set."""


class OutflowEvents(Protocol):
    def began(self, now: float) -> None:
        """A first packet went out with new constants: the viewer must be told the mapping of time."""


class Inflow(Protocol):
    """Numbers are extended: they do not wrap, and the first of a stream lies at 2**16 or above."""

    payload_type: int
    key_wanted: bool  # the next key frame is looked out for
    copying: bool

    @property
    def highest(self) -> int:
        """-1: nothing came yet."""

    @property
    def first(self) -> int: ...

    def standing(self) -> tuple[int, int, int]:
        """`highest`, the count of numbers since `first`, and `arrived`, as of one moment."""

    @property
    def received(self) -> int:
        """Packets since `first`, by themselves or on request."""

    @property
    def arrived(self) -> int:
        """Those of them that came by themselves."""

    @property
    def packets(self) -> int:
        """Since the leg was opened, as `octets` and `lost`."""

    @property
    def octets(self) -> int: ...

    @property
    def lost(self) -> int:
        """Packets that never came, not even on request."""

    @property
    def last_packet(self) -> float: ...

    @property
    def jitter(self) -> float:
        """Timestamp units, RFC 3550 appendix A.8."""

    @property
    def transit(self) -> int:
        """Arrival less timestamp of the newest packet, timestamp units modulo 2**32 (as for jitter)."""

    def begin(self) -> None:
        """Another SSRC takes the stream over: nothing of an earlier one counts any more."""

    def packet(self, packet: bytes, now: float) -> None:
        """One decrypted RTP packet."""

    def recovered(self, packet: bytes, now: float) -> None:
        """One packet out of a retransmission; what we have already, or never missed, is dropped."""

    def kept(self, number: int) -> bytes | None:
        """The packet of that number, as long as it is remembered."""

    def end(self) -> None:
        """The leg is over: forgets all packets."""


class Outflow(Protocol):
    """Its packets bear the source's numbers and timestamps plus `sequence_shift` and `timestamp_shift`."""

    @property
    def waiting(self) -> bool:
        """For a key frame, or for the first packet."""

    @property
    def changing(self) -> bool:
        """A `change` waits for its key frame."""

    @property
    def first(self) -> int:
        """The source's number at which this beginning began."""

    @property
    def newest(self) -> int:
        """The newest number of the source that was sent since then; -1: none yet."""

    @property
    def sequence_shift(self) -> int: ...

    @property
    def timestamp_shift(self) -> int: ...

    @property
    def last_sequence(self) -> int: ...

    @property
    def packets(self) -> int: ...

    @property
    def octets(self) -> int:
        """Of payload."""

    def take(self, source: Inflow | None) -> None:
        """Carries `source` from its next packet (of video: key frame) on, and what it carried no longer."""

    def change(self, source: Inflow) -> None:
        """Goes over to `source`, another layer of the same picture, at its next key frame; until then on."""


class Stream:
    """What decides about a flow, and is counted as it is."""

    flow: Inflow | Outflow

    @property
    def packets(self) -> int:
        return self.flow.packets

    @property
    def octets(self) -> int:
        return self.flow.octets


class Port(Protocol):
    """The way out to one peer. Neither method blocks or raises; what cannot be sent is dropped and counted."""

    @property
    def ready(self) -> bool:
        """Keys and an address are there."""

    def rtp(self, header: bytes, packet: bytes) -> None:
        """Sends `packet` with its first 12 bytes replaced by `header`."""

    def rtcp(self, packet: bytes) -> None: ...


class Flows(Protocol):
    """Makes the flows of one leg."""

    def inflow(self, kind: MediaKind, events: InflowEvents) -> Inflow: ...

    def outflow(self, kind: MediaKind, ssrc: int, numbers: tuple[int, int], events: OutflowEvents) -> Outflow:
        """`numbers`: the sequence number and the timestamp before the first."""

    def bind(self, ssrc: int, flow: Inflow | None) -> None:
        """From now on packets of this SSRC may go to `flow` directly; `None`: all of them to the relay."""
