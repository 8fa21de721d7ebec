"""Puts a scene on: makes the legs show, and the recorder take, what `rooms.audience` says, and nothing else.

In two steps. `dim` takes away at once what must no longer flow; it cannot fail and waits for nothing, so a
pause is a pause even while the database is down. `light` adds what may flow, after the change that allows
it is stored. Both may be called at any time, any number of times.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace

from core.ids import SYSTEM, Ref
from core.log import fields
from rooms.audience import Line, Scene
from rooms.client import Leg, MediaKind, Recorder
from rooms.fitting import Shown
from rooms.model import SeatView

_log = logging.getLogger(__name__)
_DARK = Line("", audio=False, video=False)


class Stage:
    """The legs of one room by conn, and what each line carries now."""

    def __init__(self) -> None:
        self.legs: dict[str, Leg] = {}
        self.recorder: Recorder | None = None
        self._lines: dict[tuple[str, int], Line] = {}
        self._fits: dict[tuple[str, str], Shown] = {}  # viewer and publisher conn; absent: the whole picture
        self._still = False  # still pictures pass just now
        self._wanted: dict[tuple[str, int], Line] = {}  # what the last scene allowed
        self._announcer: dict[str, str] = {}  # viewer conn -> speaker conn
        self._taped: dict[str, Leg] = {}
        self._to_tape: frozenset[str] = frozenset()  # what the last scene wants recorded
        self._silent: set[str] = set()  # those of them whose sound is not taken
        self._voice = ""  # conn of pre-recorded words that are being said
        self._spoken: Leg | None = None

    @property
    def untaped(self) -> bool:
        """Somebody is to be recorded, and the recorder has not taken them."""
        return self.recorder is not None and any(
            conn in self.legs and conn not in self._taped for conn in self._to_tape
        )

    def arrived(self) -> dict[str, Mapping[MediaKind, float]]:
        """Conn -> when the newest packet of each kind came to the recording, of everybody whom it takes."""
        if self.recorder is None:
            return {}
        return {conn: self.recorder.arrived(leg) for conn, leg in self._taped.items()}

    def enter(self, conn: str, leg: Leg) -> None:
        self.legs[conn] = leg

    def exit(self, conn: str) -> Leg | None:
        """Takes the leg of `conn` out, everywhere."""
        leg = self.legs.pop(conn, None)
        if leg is not None:
            for (viewer, number), line in tuple(self._lines.items()):
                if viewer == conn:
                    del self._lines[viewer, number]
                    self._wanted.pop((viewer, number), None)
                elif line.publisher == conn:
                    self._show(viewer, number, _DARK)
            for viewer, speaker in tuple(self._announcer.items()):
                if conn in (viewer, speaker):
                    self._announce(viewer, "")
            self._untape(conn)
        return leg

    def dim(self, scene: Scene) -> None:
        for (viewer, number), present in tuple(self._wanted.items()):
            wanted = _line(scene, viewer, number)
            same = wanted.publisher == present.publisher
            least = Line(
                present.publisher,
                same and wanted.audio and present.audio,
                same and wanted.video and present.video,
            )
            self._show(viewer, number, least if least.audio or least.video else _DARK)
        for viewer, speaker in tuple(self._announcer.items()):
            if speaker not in (scene.announcer, self._voice):
                self._announce(viewer, "")
        for conn in tuple(self._taped):
            if conn not in scene.taped and not (conn == self._voice and scene.taped):
                self._untape(conn)
        self._to_tape &= scene.taped.keys()
        for conn in scene.silent & self._taped.keys():
            self._take_sound(conn, taken=False)

    def light(self, scene: Scene, seats: dict[str, SeatView]) -> None:
        """`seats` by id: whose track it is in the recording."""
        for viewer, lines in scene.lines.items():
            if viewer in self.legs:
                for number in range(len(lines)):
                    self._show(viewer, number, _line(scene, viewer, number))
        if scene.announcer in self.legs:
            for viewer in self.legs:
                if viewer != scene.announcer:
                    self._announce(viewer, scene.announcer or "")
        if self.recorder is not None:
            self._tape_all(self.recorder, scene, seats)

    def fit(self, shown: dict[tuple[str, str], Shown]) -> None:
        """What of a publisher's picture goes to a viewer at most, by their conns; never more than a scene allows."""
        self._fits = {pair: what for pair, what in shown.items() if what is not Shown.WHOLE}
        self._again()

    def breathe(self, *, still: bool) -> None:
        """`still`: pictures that stand are renewed now."""
        if still is not self._still:
            self._still = still
            if Shown.STILL in self._fits.values():
                self._again()

    def _again(self) -> None:
        for (viewer, number), line in tuple(self._wanted.items()):
            if viewer in self.legs:
                self._carry(viewer, number, self._fitted(viewer, line))

    def _fitted(self, viewer: str, line: Line) -> Line:
        what = self._fits.get((viewer, line.publisher), Shown.WHOLE)
        if what is Shown.SMALL:
            return replace(line, small=line.video)
        if what is Shown.NONE or (what is Shown.STILL and not self._still):
            return replace(line, video=False)
        return line

    def speak(self, conn: str, leg: Leg, code: str) -> None:
        """Pre-recorded words reach every leg that hears no officer just now, and the recording as a track."""
        self.hush(self._voice)
        self._voice, self._spoken = conn, leg
        for viewer in self.legs:
            if viewer not in self._announcer:
                self._announce(viewer, conn)
        if self.recorder is not None and self._taped:
            self._tape(self.recorder, conn, leg, (SYSTEM, "announcement", code))

    def hush(self, conn: str) -> None:
        """These words are said."""
        if conn != self._voice:
            return
        for viewer, speaker in tuple(self._announcer.items()):
            if speaker == self._voice:
                self._announce(viewer, "")
        self._untape(self._voice)
        self._voice, self._spoken = "", None

    def drop_recorder(self) -> Recorder | None:
        """Takes the recorder out; its tracks end with it."""
        recorder, self.recorder = self.recorder, None
        self._taped.clear()
        self._to_tape = frozenset()
        self._silent.clear()
        return recorder

    def _show(self, viewer: str, number: int, line: Line) -> None:
        publisher = self.legs.get(line.publisher)
        if publisher is None:
            line = _DARK
        self._wanted[viewer, number] = line
        self._carry(viewer, number, self._fitted(viewer, line))

    def _carry(self, viewer: str, number: int, line: Line) -> None:
        if self._lines.get((viewer, number), _DARK) != line:
            publisher = self.legs.get(line.publisher)
            self.legs[viewer].show(number, publisher, audio=line.audio, video=line.video, low=line.small)
            self._lines[viewer, number] = line

    def _announce(self, viewer: str, speaker: str) -> None:
        if self._announcer.get(viewer, "") == speaker:
            return
        if viewer in self.legs:
            self.legs[viewer].announce(self._spoken if speaker == self._voice else self.legs.get(speaker))
        if speaker:
            self._announcer[viewer] = speaker
        else:
            del self._announcer[viewer]

    def _tape_all(self, recorder: Recorder, scene: Scene, seats: dict[str, SeatView]) -> None:
        self._to_tape = frozenset(scene.taped)
        for conn, seat_id in scene.taped.items():
            if conn in self.legs and conn not in self._taped:
                seat = seats[seat_id]
                self._tape(recorder, conn, self.legs[conn], (seat.person, seat.role.value, seat.name))
        for conn in self._taped:
            self._take_sound(conn, taken=conn not in scene.silent)

    def _tape(self, recorder: Recorder, conn: str, leg: Leg, who: tuple[Ref, str, str]) -> None:
        try:
            recorder.add(leg, *who)
        except Exception:  # noqa: BLE001 - its health tells the room; a failing recorder must not take the room with it
            _log.exception("x recorder.add %s", fields(conn=conn))
            return
        self._taped[conn] = leg

    def _take_sound(self, conn: str, *, taken: bool) -> None:
        """Whether the recorder takes the sound of `conn`, whose picture it takes in any case."""
        if self.recorder is not None and taken is (conn in self._silent):
            self._silent.symmetric_difference_update({conn})
            self.recorder.hear(self._taped[conn], heard=taken)

    def _untape(self, conn: str) -> None:
        self._silent.discard(conn)
        leg = self._taped.pop(conn, None)
        if leg is not None and self.recorder is not None:
            try:
                self.recorder.remove(leg)
            except Exception:  # noqa: BLE001 - as above
                _log.exception("x recorder.remove %s", fields(conn=conn))


def _line(scene: Scene, viewer: str, number: int) -> Line:
    lines = scene.lines.get(viewer, ())
    return (lines[number] if number < len(lines) else None) or _DARK
