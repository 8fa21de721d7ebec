"""The m-lines of a leg: what is not there cannot carry anything."""

from collections import Counter

from rooms.client import MediaKind
from rooms.lines import BOTH, MediaLine, media_lines
from rooms.relay import Relay
from tests.fakes.rtp import KEY, FakePort, packet
from tests.rooms.relay_legs import Leg, video

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
SOUND, PICTURE = frozenset({AUDIO}), frozenset({VIDEO})


def plan(*lines: MediaLine) -> list[tuple[str, str, str, int | None]]:
    return [(line.mid, line.kind.value, line.use, line.line) for line in lines]


def test_everybody_elses_lines_stand_from_the_start() -> None:
    assert plan(*media_lines(BOTH, 1)) == [
        ("0", "audio", "own", None),
        ("1", "video", "own", None),
        ("2", "audio", "announce", None),
        ("3", "audio", "line", 0),
        ("4", "video", "line", 0),
    ]
    assert media_lines(BOTH, 2) == media_lines(BOTH, (BOTH, BOTH))


def test_who_may_see_and_not_hear_has_no_line_for_sound() -> None:
    lines = media_lines(frozenset(), (PICTURE, PICTURE), announce=False)
    assert plan(*lines) == [("0", "video", "line", 0), ("1", "video", "line", 1)]


def test_a_line_may_carry_sound_alone_or_nothing() -> None:
    lines = media_lines(SOUND, (frozenset(), SOUND))
    assert plan(*lines) == [
        ("0", "audio", "own", None),
        ("1", "audio", "announce", None),
        ("2", "audio", "line", 1),
    ]


def test_a_line_without_sound_carries_none_whatever_is_asked_for() -> None:
    sender, watcher = Leg(), FakePort(True)
    relay = Relay(watcher, media_lines(frozenset(), (PICTURE,), announce=False), Counter())
    relay.show(0, sender.relay, 0.0, audio=True, video=True)
    relay.announce(sender.relay, 0.0)
    sender.send([packet(AUDIO, 1, ssrc=0x20, payload=b"a secret"), video(1, KEY)])
    assert [seen.payload for seen in watcher.packets] == [KEY]
