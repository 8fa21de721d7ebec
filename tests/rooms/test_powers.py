"""Each cell of the table of powers, written out a second time."""

import pytest

from rooms.client import MediaKind
from rooms.confidentiality import ALLOWED, Confidentiality, RoomKind
from rooms.model import SeatRole
from rooms.powers import Act, ForbiddenTopologyError, Taping, Topology

_LETTERS = {"a": MediaKind.AUDIO, "v": MediaKind.VIDEO}
# Who talks; the first leads: without that one and the inmate nothing begins.
TALK = {
    "family": "ri",
    "legal": "cati",
    "turn": "ci",
    "mediation": "mcrti",
    "counselling": "oti",
    "canary": "ci",
}
ROLES = {
    "r": "relative",
    "i": "inmate",
    "c": "counsel",
    "m": "mediator",
    "o": "counsellor",
    "a": "assistant",
    "t": "interpreter",
}

# confidentiality: the officer's (publishes, hears, sees, number of acts), or None; taping of the parties
OFFICER = {
    "monitored": (("a", True, True, 13), "always"),
    "officer_present": (("a", True, True, 11), "never"),
    "visual_only": (("", False, True, 4), "never"),
    "unmonitored": (None, "never"),
}
# monitor, recorder, admission needed; announce line; what browsers seal
NEEDS = {
    "monitored": (True, True, True, True, ""),
    "officer_present": (True, False, True, True, ""),
    "visual_only": (False, False, False, False, "a"),
    "unmonitored": (False, False, False, False, "av"),
}
TOGETHER = {
    "family": {"monitored"},
    "legal": {"officer_present", "visual_only", "unmonitored"},
    "turn": {"unmonitored"},
    "mediation": {"officer_present"},
    "counselling": {"visual_only", "unmonitored"},
    "canary": {"visual_only", "unmonitored"},
}
TOPOLOGIES = [Topology(kind, how) for kind, allowed in ALLOWED.items() for how in sorted(allowed)]


def kinds(letters: str) -> set[MediaKind]:
    return {_LETTERS[letter] for letter in letters}


def test_what_goes_together() -> None:
    assert {k.value: {c.value for c in allowed} for k, allowed in ALLOWED.items()} == TOGETHER


@pytest.mark.parametrize("kind", RoomKind)
@pytest.mark.parametrize("how", Confidentiality)
def test_no_other_room_can_be_made(kind: RoomKind, how: Confidentiality) -> None:
    if how.value in TOGETHER[kind.value]:
        assert Topology(kind, how)
        return
    with pytest.raises(ForbiddenTopologyError):
        Topology(kind, how)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_one_role_leads(topology: Topology) -> None:
    assert [role.value for role in SeatRole if topology.leads(role)] == [ROLES[TALK[topology.kind.value][0]]]


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize("role", SeatRole)
def test_each_row(topology: Topology, role: SeatRole) -> None:
    parties = {ROLES[letter] for letter in TALK[topology.kind.value]}
    officer, taping = OFFICER[topology.confidentiality.value]
    row = topology.power(role)
    if role is SeatRole.MONITOR:
        if officer is None:
            assert row is None
            return
        assert row is not None
        publishes, hears, sees, acts = officer
        assert row.publishes == kinds(publishes)
        assert {r.value for r in row.hears} == (parties if hears else set())
        assert {r.value for r in row.sees} == (parties if sees else set())
        assert len(row.acts) == acts
        assert row.taping is (Taping.SPEAKING if taping == "always" else Taping.NEVER)
        return
    if role.value not in parties:
        assert row is None
        return
    assert row is not None
    assert row.publishes == kinds("av")
    assert {r.value for r in row.hears} == {r.value for r in row.sees} == parties
    assert row.acts == frozenset()
    assert row.taping.value == taping


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_what_each_room_needs(topology: Topology) -> None:
    oversight = topology.oversight
    needs = (oversight.monitor, oversight.recorder, oversight.admission, oversight.announce)
    monitor, recorder, admission, announce, sealed = NEEDS[topology.confidentiality.value]
    assert needs == (monitor, recorder, admission, announce)
    assert oversight.sealed == kinds(sealed)


def test_a_watcher_of_a_visual_room_has_no_line_for_sound() -> None:
    row = Topology(RoomKind.LEGAL, Confidentiality.VISUAL_ONLY).power(SeatRole.MONITOR)
    assert row is not None
    for shown in (SeatRole.COUNSEL, SeatRole.INMATE):
        assert row.carries(shown) == {MediaKind.VIDEO}
    assert row.carries(SeatRole.MONITOR) == frozenset()
    assert Act.SPEAK not in row.acts


def test_nobody_sees_or_hears_an_officer() -> None:
    for topology in TOPOLOGIES:
        for role in SeatRole:
            row = topology.power(role)
            assert row is None or SeatRole.MONITOR not in row.hears | row.sees


def test_confidentiality_only_climbs() -> None:
    order = [how.closedness for how in Confidentiality]
    assert order == sorted(order)
    assert max(Confidentiality, key=lambda how: how.closedness) is Confidentiality.UNMONITORED
