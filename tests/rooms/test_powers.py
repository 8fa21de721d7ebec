"""Each cell of the table of powers, written out a second time."""

import pytest

from rooms.client import MediaKind
from rooms.model import SeatRole
from rooms.powers import POWERS, SUPERVISION, Act, Taping, power
from scheduler.model import VisitKind

# kind, role: publishes, hears, sees, acts, taping
EXPECTED = {
    ("family", "relative"): ("av", {"relative", "inmate"}, {"relative", "inmate"}, 0, "always"),
    ("family", "inmate"): ("av", {"relative", "inmate"}, {"relative", "inmate"}, 0, "always"),
    ("family", "monitor"): ("a", {"relative", "inmate"}, {"relative", "inmate"}, 12, "speaking"),
    ("legal", "counsel"): ("av", {"counsel", "inmate"}, {"counsel", "inmate"}, 0, "never"),
    ("legal", "inmate"): ("av", {"counsel", "inmate"}, {"counsel", "inmate"}, 0, "never"),
}


@pytest.mark.parametrize("kind", VisitKind)
@pytest.mark.parametrize("role", SeatRole)
def test_each_row(kind: VisitKind, role: SeatRole) -> None:
    row = power(kind, role)
    expected = EXPECTED.get((kind.value, role.value))
    if expected is None:
        assert row is None
        return
    assert row is not None
    publishes, hears, sees, acts, taping = expected
    assert row.publishes == {MediaKind.AUDIO if letter == "a" else MediaKind.VIDEO for letter in publishes}
    assert {r.value for r in row.hears} == hears
    assert {r.value for r in row.sees} == sees
    assert len(row.acts) == acts
    assert row.taping.value == taping


def test_an_officer_has_every_act_and_nobody_else_has_one() -> None:
    for (_kind, role), row in POWERS.items():
        assert row.acts == (frozenset(Act) if role is SeatRole.MONITOR else frozenset())


def test_a_privileged_visit_has_no_ear_no_eye_and_no_tape() -> None:
    rows = {role: row for (kind, role), row in POWERS.items() if kind is VisitKind.LEGAL}
    assert SeatRole.MONITOR not in rows
    assert all(row.taping is Taping.NEVER for row in rows.values())
    assert not SUPERVISION[VisitKind.LEGAL].recorder
    assert not SUPERVISION[VisitKind.LEGAL].monitor
    assert SUPERVISION[VisitKind.LEGAL].confidentiality == "unmonitored"


def test_a_family_visit_needs_officer_recorder_and_faces() -> None:
    family = SUPERVISION[VisitKind.FAMILY]
    assert family.monitor
    assert family.recorder
    assert family.admission
    assert family.confidentiality == "monitored"


def test_nobody_sees_or_hears_an_officer() -> None:
    for row in POWERS.values():
        assert SeatRole.MONITOR not in row.hears | row.sees
