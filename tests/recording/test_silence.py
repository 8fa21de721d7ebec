from hypothesis import given
from hypothesis import strategies as st

from recording import rtp, silence
from recording.matroska import Block
from rooms.client import MediaKind


def block(ms: int) -> Block:
    return Block(MediaKind.AUDIO, ms, True, 0, 10)


def sounds(one: Block) -> float:
    """As long as its packet says; recorded ones sound for 20 ms."""
    return rtp.opus_ms(silence.packet(one)) if one.filled else 20.0


def counted(blocks: list[Block]) -> list[float]:
    """Where a player is at each recorded block, if it only counts what it plays."""
    at, places = 0.0, []
    for one in blocks:
        if not one.filled:
            places.append(at)
        at += sounds(one)
    return places


def test_sound_without_pauses_stays_as_it_is() -> None:
    blocks = [block(index * 20) for index in range(50)]
    assert silence.fill(blocks, sounds) == blocks


def test_pauses_are_filled_to_the_millisecond() -> None:
    blocks = [block(0), block(20), block(440), block(907)]
    filled = silence.fill(blocks, sounds)
    assert counted(filled) == [0, 20, 440, 905]
    assert [one.ms for one in filled] == sorted(one.ms for one in filled)
    assert [one for one in filled if not one.filled] == blocks


def test_sound_that_begins_late_is_led_in_by_silence() -> None:
    assert counted(silence.fill([block(3000)], sounds)) == [3000]


def test_the_packets_are_as_long_as_they_say() -> None:
    made = [one for one in silence.fill([block(38)], sounds) if one.filled]
    assert [rtp.opus_ms(silence.packet(one)) for one in made] == [20, 10, 5, 2.5]
    assert [one.size for one in made] == [len(silence.packet(one)) for one in made]


@given(st.lists(st.integers(19, 600), max_size=300))
def test_what_is_counted_never_runs_away_from_the_times(steps: list[int]) -> None:
    """Rounding does not add up, over however many pauses."""
    at, blocks = 0, [block(0)]
    for step in steps:
        at += step
        blocks.append(block(at))
    filled = silence.fill(blocks, sounds)
    shortfall = [one.ms - place for one, place in zip(blocks, counted(filled), strict=True)]
    assert max(shortfall) < 60
    steps_short = sum(1 for step in steps if step == 19)  # they sound longer than they last
    assert min(shortfall) >= -steps_short
    assert [one for one in filled if not one.filled] == blocks


def test_a_clock_that_is_too_slow_is_made_up_for_now_and_then() -> None:
    blocks = [block(round(index * 20.01)) for index in range(10_000)]
    filled = silence.fill(blocks, sounds)
    assert 0 < sum(one.filled for one in filled) < 10
    assert blocks[-1].ms - counted(filled)[-1] < 60
