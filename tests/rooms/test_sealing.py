"""Keys between browsers: shown to the other parties, boxes passed on to whom they are for, officers left out."""

from typing import Any

from rooms.actions import KeyTold, SecretGiven
from rooms.confidentiality import Confidentiality, RoomKind
from rooms.model import RoomRecord
from tests.rooms.stagehand import COUNSEL, INMATE, OFFICER, WIFE, Stagehand, live, visit


def talk(how: Confidentiality = Confidentiality.UNMONITORED) -> Stagehand:
    hand = Stagehand(visit(kind=RoomKind.LEGAL, confidentiality=how), RoomRecord(seats=(COUNSEL, INMATE)))
    hand.enter(COUNSEL, INMATE)
    return hand


def keys(state: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        person["seat"]: (person["commit"], person["key"]) for person in state["people"] if "key" in person
    }


def test_each_party_is_shown_the_others_keys() -> None:
    hand = talk()
    hand.do(KeyTold("counsel", "digest", ""))
    assert keys(hand.state(INMATE))[COUNSEL.id] == ("digest", "")
    hand.do(KeyTold("counsel", "digest", "public"))
    assert keys(hand.state(INMATE)) == {COUNSEL.id: ("digest", "public"), INMATE.id: ("", "")}


def test_a_new_connection_begins_without_a_key() -> None:
    hand = talk()
    hand.do(KeyTold("counsel", "digest", "public"))
    hand.enter(COUNSEL)
    assert keys(hand.state(INMATE))[COUNSEL.id] == ("", "")


def test_a_box_reaches_whom_it_is_for_and_nobody_else() -> None:
    hand = talk()
    hand.do(SecretGiven("counsel", INMATE.id, "box"))
    assert {"type": "secret", "seat": COUNSEL.id, "box": "box"} in hand.heard(INMATE)
    assert not [m for m in hand.heard(COUNSEL) if m["type"] == "secret"]
    for nobody in (COUNSEL.id, "seat_nobody"):
        assert not [
            m
            for m in hand.heard(COUNSEL, hand.do(SecretGiven("counsel", nobody, "box")))
            if m["type"] == "secret"
        ]


def test_an_officer_who_looks_on_neither_sees_keys_nor_gives_one() -> None:
    hand = talk(Confidentiality.VISUAL_ONLY)
    hand.enter(OFFICER)
    hand.do(KeyTold("counsel", "digest", "public"))
    hand.do(KeyTold("officer", "spy", "spy"))
    assert keys(hand.state(OFFICER)) == {}
    assert keys(hand.state(INMATE))[COUNSEL.id] == ("digest", "public")
    assert OFFICER.id not in keys(hand.state(INMATE))
    assert not [
        m
        for m in hand.heard(INMATE, hand.do(SecretGiven("officer", INMATE.id, "x")))
        if m["type"] == "secret"
    ]
    assert not [
        m
        for m in hand.heard(OFFICER, hand.do(SecretGiven("counsel", OFFICER.id, "x")))
        if m["type"] == "secret"
    ]


def test_in_a_monitored_visit_nothing_is_sealed() -> None:
    hand = live()
    hand.do(KeyTold("wife", "digest", "public"))
    assert keys(hand.state(INMATE)) == {}
    assert not [
        m for m in hand.heard(INMATE, hand.do(SecretGiven("wife", INMATE.id, "x"))) if m["type"] == "secret"
    ]
    assert hand.state(WIFE)["phase"] == "live"
