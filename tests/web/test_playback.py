"""One visit's recordings on one timeline: offsets, holes, words."""

from datetime import UTC, datetime, timedelta

from core.ids import Ref
from recording.model import EventView, Gap, RecordingState, RecordingView, TrackView
from rooms.client import MediaKind
from web import playback

BEGAN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
MEI, CHEN = Ref("relative", "rel_1"), Ref("inmate", "inm_1")
BOTH = (MediaKind.AUDIO, MediaKind.VIDEO)


def track(
    person: Ref, offset: int, duration: int, gaps: tuple[Gap, ...] = (), kinds: tuple[MediaKind, ...] = BOTH
) -> TrackView:
    name = "林梅" if person == MEI else "陈志强"
    role = "relative" if person == MEI else "inmate"
    return TrackView(
        f"t{offset}{person.id}", person, role, name, kinds, ("vp8",), "a.webm", 1, offset, duration, gaps
    )


def recording(
    number: int, at: datetime, tracks: tuple[TrackView, ...], events: tuple[EventView, ...] = ()
) -> RecordingView:
    ended = at + timedelta(seconds=60)
    state = RecordingState.SEALED
    return RecordingView(f"rec_{number}", "bkg", "room", state, at, ended, "over", tracks, events, None)


def test_second_recording_follows_on_the_first_ones_timeline() -> None:
    later = BEGAN + timedelta(seconds=75)
    shown = playback.of(
        [recording(2, later, (track(MEI, 500, 10_000),)), recording(1, BEGAN, (track(MEI, 0, 60_000),))]
    )
    assert [take.offset_ms for take in shown.performers[0].takes] == [0, 75_500]
    assert shown.total_ms == 135_000
    assert [bar.gap for bar in shown.performers[0].bars] == [False, True, False]


def test_only_a_hole_in_picture_and_sound_alike_is_a_gap() -> None:
    gaps = (
        Gap(MediaKind.VIDEO, 5_000, 20_000),
        Gap(MediaKind.AUDIO, 8_000, 12_000),
        Gap(MediaKind.AUDIO, 30_000, 35_000),
    )
    shown = playback.of([recording(1, BEGAN, (track(MEI, 0, 60_000, gaps),))])
    assert shown.performers[0].takes[0].gaps == ((8_000, 12_000),)
    assert shown.performers[0].missing_ms == 4_000


def test_short_stillness_is_not_told() -> None:
    gaps = (Gap(MediaKind.AUDIO, 1_000, 1_900),)
    shown = playback.of([recording(1, BEGAN, (track(MEI, 0, 60_000, gaps, (MediaKind.AUDIO,)),))])
    assert shown.performers[0].takes[0].gaps == ()
    assert not shown.performers[0].video


def test_people_without_a_file_are_left_out() -> None:
    nothing = TrackView("t", CHEN, "inmate", "陈志强", (), (), "", 0, 0, 0, ())
    shown = playback.of([recording(1, BEGAN, (track(MEI, 0, 60_000), nothing))])
    assert [person.name for person in shown.performers] == ["林梅"]


def test_events_are_told_in_order_with_names_words_and_notes() -> None:
    events = (
        EventView(9_000, "system:visit:ended", {"reason": "monitor-lost"}),
        EventView(1_000, "officer:seat:admitted", {"seat": "s", "person": str(MEI)}),
        EventView(3_000, "officer:visit:warned", {"code": "text", "text": "请靠近一点"}),
        EventView(4_000, "officer:visit:warned", {"code": "dress"}),
        EventView(5_000, "system:visit:paused", {"reason": "monitor-lost"}),
        EventView(6_000, "track:clock", {}),
        EventView(500, "track:started", {"track": "t0rel_1", "person": {"kind": "relative", "id": "rel_1"}}),
        EventView(7_000, "some:new:tag", {}),
    )
    shown = playback.of([recording(1, BEGAN, (track(MEI, 0, 60_000),), events)])
    told = [(h.offset_ms, h.text, h.about, h.note) for h in shown.happenings]
    assert told == [
        (500, "Recorded from here", "林梅", ""),
        (1_000, "Let in", "林梅", ""),
        (3_000, "Warning", "", "请靠近一点"),
        (4_000, "Warning", "", ""),
        (5_000, "Paused by the platform", "", ""),
        (7_000, "some:new:tag", "", ""),
        (9_000, "The visit is over", "", ""),
    ]
    words = {h.offset_ms: h.word for h in shown.happenings}
    assert words[4_000].startswith("Please dress properly")
    assert words[5_000] != words[9_000]  # the same code means a pause here and an end there
    assert len(shown.ticks) == len(shown.happenings)
