"""The stage: what is dimmed at once, what is lit only afterwards, and that doing it twice is doing it once."""

from dataclasses import replace

import pytest

from core.ids import SYSTEM, Ref
from rooms.audience import Line, Scene
from rooms.client import Leg, MediaKind
from rooms.model import SeatRole, SeatView
from rooms.stage import Stage
from tests.fakes.legs import FakeLeg, FakeRecorder
from tests.signaling.raw_client import Events

BOTH = frozenset({MediaKind.AUDIO, MediaKind.VIDEO})
SEATS = {
    name: SeatView(name, SeatRole.RELATIVE, Ref("relative", name), name.title()) for name in ("a", "b", "o")
}
FULL = Scene(
    {"a": (Line("b", audio=True, video=True),), "b": (Line("a", audio=True, video=True),), "o": ()},
    "o",
    {"a": "a", "b": "b"},
)
DARK = Scene({"a": (None,), "b": (None,), "o": ()}, None, {})


@pytest.fixture
def stage() -> Stage:
    made = Stage()
    for name in ("a", "b", "o"):
        made.enter(name, FakeLeg(name, Events(), BOTH, 1))
    made.recorder = FakeRecorder()
    return made


def leg(stage: Stage, name: str) -> FakeLeg:
    found = stage.legs[name]
    assert isinstance(found, FakeLeg)
    return found


def recorder(stage: Stage) -> FakeRecorder:
    assert isinstance(stage.recorder, FakeRecorder)
    return stage.recorder


def test_a_silent_track_goes_on_and_each_change_is_told_once(stage: Stage) -> None:
    silent = replace(FULL, silent=frozenset({"a", "elsewhere"}))
    for scene in (FULL, silent, silent):
        stage.dim(scene)
        stage.light(scene, SEATS)
    assert recorder(stage).heard == [("a", False)]
    assert set(recorder(stage).taking) == {"a", "b"}
    stage.light(FULL, SEATS)
    assert recorder(stage).heard == [("a", False), ("a", True)]


def test_who_comes_back_silent_is_taped_silent(stage: Stage) -> None:
    stage.light(replace(FULL, silent=frozenset({"a"})), SEATS)
    assert recorder(stage).heard == [("a", False)]
    stage.exit("a")
    stage.enter("a", FakeLeg("a", Events(), BOTH, 1))
    stage.light(FULL, SEATS)
    assert recorder(stage).heard == [("a", False)]
    stage.light(replace(FULL, silent=frozenset({"a"})), SEATS)
    assert recorder(stage).heard == [("a", False), ("a", False)]


def test_somebody_whom_the_recorder_did_not_take_is_missed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(leg: Leg, *_who: object) -> None:
        raise ValueError(leg.id)

    assert not stage.untaped
    with monkeypatch.context() as broken:
        broken.setattr(recorder(stage), "add", refuses)
        stage.light(FULL, SEATS)
    told = [stage.untaped]
    stage.light(FULL, SEATS)
    told.append(stage.untaped)
    stage.dim(DARK)
    told.append(stage.untaped)
    assert told == [True, False, False]
    stage.light(FULL, SEATS)
    stage.drop_recorder()
    assert not stage.untaped


def test_recorded_words_reach_every_leg_and_the_recording_and_outlast_a_tick(stage: Stage) -> None:
    quiet = replace(FULL, announcer=None)
    stage.light(quiet, SEATS)
    voice = FakeLeg("voice", Events(), frozenset({MediaKind.AUDIO}), 0)
    stage.speak("voice", voice, "dress")
    for _ in range(2):
        stage.dim(quiet)
        stage.light(quiet, SEATS)
    assert [leg(stage, name).announcer for name in "abo"] == ["voice"] * 3
    assert recorder(stage).taking["voice"] == (SYSTEM, "announcement", "dress")
    stage.hush("another")
    stage.hush("voice")
    assert [leg(stage, name).announcer for name in "abo"] == [None] * 3
    assert "voice" not in recorder(stage).taking


def test_an_officer_who_speaks_goes_before_recorded_words(stage: Stage) -> None:
    stage.light(FULL, SEATS)
    stage.speak("voice", FakeLeg("voice", Events(), BOTH, 0), "calm")
    assert leg(stage, "a").announcer == "o"
    stage.hush("voice")
    assert leg(stage, "a").announcer == "o"
    stage.dim(DARK)
    stage.speak("first", FakeLeg("first", Events(), BOTH, 0), "calm")
    stage.speak("second", FakeLeg("second", Events(), BOTH, 0), "last")
    assert leg(stage, "a").announcer == "second"
    stage.light(FULL, SEATS)
    assert leg(stage, "a").announcer == "o"


def test_nothing_of_recorded_words_is_taped_while_nothing_is_taped(stage: Stage) -> None:
    stage.speak("voice", FakeLeg("voice", Events(), BOTH, 0), "calm")
    assert recorder(stage).taking == {}


def test_dim_never_lights(stage: Stage) -> None:
    stage.dim(FULL)
    assert leg(stage, "a").lines == {}
    assert leg(stage, "a").announcer is None
    assert recorder(stage).taking == {}


def test_light_then_dim(stage: Stage) -> None:
    stage.light(FULL, SEATS)
    assert leg(stage, "a").lines == {0: ("b", True, True)}
    assert leg(stage, "b").lines == {0: ("a", True, True)}
    assert leg(stage, "a").announcer == leg(stage, "b").announcer == "o"
    assert leg(stage, "o").announcer is None
    assert recorder(stage).taking["a"] == (Ref("relative", "a"), "relative", "A")
    stage.dim(DARK)
    assert leg(stage, "a").lines == leg(stage, "b").lines == {}
    assert leg(stage, "a").announcer is None
    assert recorder(stage).taking == {}


def test_the_same_scene_again_touches_no_leg(stage: Stage) -> None:
    stage.light(FULL, SEATS)
    calls = leg(stage, "a").calls
    for _ in range(5):
        stage.dim(FULL)
        stage.light(FULL, SEATS)
    assert leg(stage, "a").calls == calls


@pytest.mark.parametrize(
    ("wanted", "dimmed"),
    [
        (Line("b", audio=False, video=True), ("b", False, True)),
        (Line("b", audio=True, video=False), ("b", True, False)),
        (Line("o", audio=True, video=True), None),
        (None, None),
    ],
)
def test_dim_leaves_what_both_scenes_allow(
    stage: Stage, wanted: Line | None, dimmed: tuple[str, bool, bool] | None
) -> None:
    stage.light(FULL, SEATS)
    stage.dim(Scene({**FULL.lines, "a": (wanted,)}, "o", FULL.taped))
    assert leg(stage, "a").lines.get(0) == dimmed


def test_who_leaves_is_shown_nowhere_and_recorded_no_more(stage: Stage) -> None:
    stage.light(FULL, SEATS)
    gone: Leg | None = stage.exit("a")
    assert gone is not None
    assert leg(stage, "b").lines == {}
    assert list(recorder(stage).taking) == ["b"]
    assert stage.exit("a") is None
    stage.exit("o")
    assert leg(stage, "b").announcer is None
    stage.light(FULL, SEATS)  # a scene that still names them
    assert leg(stage, "b").lines == {}


def test_a_recorder_that_breaks_does_not_break_the_room(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(recorder(stage), "add", broken)
    stage.light(FULL, SEATS)
    assert leg(stage, "a").lines
    monkeypatch.undo()
    stage.light(FULL, SEATS)
    assert set(recorder(stage).taking) == {"a", "b"}
    monkeypatch.setattr(recorder(stage), "remove", broken)
    stage.dim(DARK)
    assert leg(stage, "a").lines == {}


def test_a_new_recorder_takes_everybody_anew(stage: Stage) -> None:
    stage.light(FULL, SEATS)
    assert stage.drop_recorder() is not None
    stage.recorder = FakeRecorder()
    stage.light(FULL, SEATS)
    assert set(recorder(stage).taking) == {"a", "b"}
