"""Pre-recorded words: read, coded once, played into legs in time and in their own stream."""

import wave
from functools import partial
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from core.settings import Settings
from recording.rtp import opus_ms
from rooms.client import MediaKind
from signaling.library import Wanted
from signaling.peer import PeerFactory
from signaling.recorded import FOLDER, Words, chime
from signaling.voice import RecordedVoice
from tests.fakes.rtp import FakeSink
from tests.signaling.raw_client import Events, RawClient, join, until

BOTH = frozenset(MediaKind)


def say(folder: Path, seconds: float, rate: int = 16_000) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    samples = (np.sin(np.arange(int(seconds * rate)) * 440 * 2 * np.pi / rate) * 9000).astype(np.int16)
    with wave.open(str(folder / "dress.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def heard(packets: tuple[bytes, ...]) -> float:
    """Seconds of sound, by decoding it."""
    decoder = av.CodecContext.create("libopus", "r")
    return sum(
        frame.samples / frame.sample_rate for data in packets for frame in decoder.decode(av.Packet(data))
    )


async def test_a_prison_s_recording_is_coded_once_and_anew_when_it_changes(settings: Settings) -> None:
    words, folder = Words.of(settings), settings.data_dir / FOLDER / "ug"
    say(folder, 1.0)
    first = await words.packets("ug", "dress")
    assert {opus_ms(packet) for packet in first} == {20.0}
    assert heard(first) == pytest.approx(1.0, abs=0.06)
    assert await words.packets("ug", "dress") is first
    say(folder, 2.0)
    assert heard(await words.packets("ug", "dress")) == pytest.approx(2.0, abs=0.06)


async def test_where_there_is_none_or_it_cannot_be_read_a_chime_sounds(settings: Settings) -> None:
    words, folder = Words.of(settings), settings.data_dir / FOLDER / "zh"
    rings = await words.packets("zh", "calm")
    assert heard(rings) == pytest.approx(len(chime()) / 48_000, abs=0.06)
    folder.mkdir(parents=True)
    (folder / "dress.wav").write_bytes(b"no sound at all")
    assert await words.packets("zh", "dress") is rings


@pytest.mark.parametrize("backend", ["python", "native"])
async def test_a_voice_reaches_every_leg_and_the_recorder(factory: PeerFactory, backend: Wanted) -> None:
    assert factory.backend.startswith(backend)
    legs, clients = [], []
    for name in ("a", "b"):
        leg, client = await factory.open(name, Events(), publishes=BOTH, lines=1), RawClient()
        await join(leg, client)
        legs.append(leg)
        clients.append(client)
    inside = tuple(b"\xf8" + bytes([number]) for number in range(25))
    voice = RecordedVoice(
        await factory.open("v", Events(), publishes=frozenset({MediaKind.AUDIO}), lines=0), inside
    )
    sink = FakeSink()
    voice.leg.tap(sink)
    for leg in legs:
        leg.announce(voice.leg)
    assert voice.seconds == 0.5
    await voice.speak()

    def all_came(client: RawClient) -> bool:
        return len(client.got("2")) == len(inside)

    for client in clients:
        await until(partial(all_came, client))
        got = client.got("2")
        assert [seen.payload for seen in got] == list(inside)
        assert [b.sequence - a.sequence & 0xFFFF for a, b in pairwise(got)] == [1] * 24
        assert [b.timestamp - a.timestamp & 0xFFFFFFFF for a, b in pairwise(got)] == [960] * 24
    await until(lambda: len(sink.taken) == len(inside))
    await voice.close()
    assert factory.legs == 2


async def test_the_factory_says_what_a_prison_recorded(factory: PeerFactory) -> None:
    voice = await factory.voice("v", Events(), "zh", "calm")
    assert voice.seconds > 1
    assert [line["use"] for line in voice.leg.lines] == ["own"]
    await voice.close()
