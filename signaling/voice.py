"""A voice without a person: pre-recorded words, published by a leg that has no peer (`rooms.client.Voice`)."""

import asyncio
import secrets
from collections.abc import Sequence

from core import clock
from rooms.rtp import HEADER, OPUS
from signaling.leg import PeerLeg

_FRAME_S, _FRAME = 0.02, 960  # one packet in seconds and samples


class RecordedVoice:
    """Plays once; its leg is announced and recorded like anybody's."""

    def __init__(self, leg: PeerLeg, words: Sequence[bytes]) -> None:
        self.leg = leg
        self._words = words
        self._ssrc = secrets.randbits(32) or 1

    @property
    def seconds(self) -> float:
        return len(self._words) * _FRAME_S

    async def speak(self) -> None:
        """Until all is said. In time whatever the loop does: a late packet is followed by the next at once."""
        began = clock.monotonic()
        first, stamp = secrets.randbelow(0x8000), secrets.randbits(31)
        for number, words in enumerate(self._words):
            ahead = began + number * _FRAME_S - clock.monotonic()
            if ahead > 0:
                await asyncio.sleep(ahead)
            second = OPUS | (0 if number else 0x80)  # the marker: a talkspurt begins (RFC 3551 section 4.1)
            sequence, time = (first + number) & 0xFFFF, (stamp + number * _FRAME) & 0xFFFFFFFF
            packet = HEADER.pack(0x80, second, sequence, time, self._ssrc) + words
            self.leg.relay.rtp(packet, clock.monotonic())

    async def close(self) -> None:
        await self.leg.close()
