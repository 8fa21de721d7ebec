"""Each ground with each state of the case, written out a second time; the receipt and its verification."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core import keys
from core.ids import Ref
from legalaid import receipts
from legalaid.confidential import (
    BASES,
    COUNSELLING,
    COUNSELLING_ALONE,
    MEDIATION,
    TURN,
    CaseState,
    Ground,
    OfficerRule,
    decide,
)
from legalaid.receipts import MeetingNotOver
from rooms.agreed import Agreed, Party, SittingState, SittingView
from rooms.confidentiality import ALLOWED, Confidentiality, RoomKind
from rooms.model import SeatRole

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
# ground, case: looks-on, present, locked
TABLE = {
    ("defence", "none"): ("visual_only", "officer_present", False),
    ("defence", "open"): ("unmonitored", "unmonitored", True),
    ("defence", "closed"): ("visual_only", "officer_present", False),
    **{
        (ground, case): ("visual_only", "officer_present", False)
        for ground in ("agent", "mediation", "petition", "non-litigation", "advice")
        for case in ("none", "open", "closed")
    },
    **{
        ("evidence", case): ("officer_present", "officer_present", False)
        for case in ("none", "open", "closed")
    },
}


@pytest.mark.parametrize("ground", Ground)
@pytest.mark.parametrize("case", CaseState)
def test_each_row(ground: Ground, case: CaseState) -> None:
    looks_on, present, locked = TABLE[ground.value, case.value]
    for rule, expected in ((OfficerRule.LOOKS_ON, looks_on), (OfficerRule.PRESENT, present)):
        decision = decide(ground, case, rule)
        assert decision.confidentiality.value == expected
        assert decision.locked is locked
        assert decision.basis in BASES
        assert decision.confidentiality in ALLOWED[RoomKind.LEGAL]


def test_what_is_decided_for_other_kinds_can_be_opened() -> None:
    for kind, decision in (
        (RoomKind.TURN, TURN),
        (RoomKind.MEDIATION, MEDIATION),
        (RoomKind.COUNSELLING, COUNSELLING),
        (RoomKind.COUNSELLING, COUNSELLING_ALONE),
    ):
        assert decision.confidentiality in ALLOWED[kind]
        assert decision.basis in BASES


def over(
    how: Confidentiality = Confidentiality.UNMONITORED, state: SittingState = SittingState.OVER
) -> SittingView:
    agreed = Agreed(
        about=Ref("sitting", "sit_1"),
        reference="7F3K-9Q2M",
        kind=RoomKind.LEGAL,
        confidentiality=how,
        prison_id="prs_1",
        scope_id="prs_1",
        inmate_name="陈志强",
        terminal_id=None,
        starts_at=AT,
        ends_at=AT + timedelta(minutes=30),
        opens_at=AT,
        minutes=30,
        parties=(
            Party(SeatRole.COUNSEL, Ref("counsel", "law_1"), "Advocate Chen"),
            Party(SeatRole.INMATE, Ref("inmate", "inm_1"), "陈志强"),
        ),
    )
    matter = Ref("lawyer-meeting", "mtg_1")
    ended = AT + timedelta(minutes=20)
    return SittingView(agreed, "defence-open-case", matter, state, "time-up", AT, ended, 1_200_000)


@pytest.fixture
def signed(tmp_path: Path) -> tuple[bytes, keys.PublicKeys]:
    return receipts.sign(over(), keys.signer(tmp_path)), keys.public_keys(tmp_path / "keys")


def test_a_receipt_says_what_was_and_names_nobody(signed: tuple[bytes, keys.PublicKeys]) -> None:
    data, public = signed
    verdict = receipts.verify(data, public)
    assert verdict.intact
    told = verdict.statement
    assert (told["recorded"], told["monitored"]) == (False, False)
    assert (told["officer_can_see"], told["officer_can_hear"]) == (False, False)
    assert "not recorded, not monitored" in verdict.report()["text"]
    assert "陈志强" not in data.decode()
    assert "Chen" not in data.decode()


@pytest.mark.parametrize(
    ("how", "sees", "hears", "monitored"),
    [
        (Confidentiality.UNMONITORED, False, False, False),
        (Confidentiality.VISUAL_ONLY, True, False, False),
        (Confidentiality.OFFICER_PRESENT, True, True, True),
    ],
)
def test_a_receipt_never_says_more_than_was(
    how: Confidentiality, sees: bool, hears: bool, monitored: bool
) -> None:
    told = receipts.statement(over(how))
    assert (told["officer_can_see"], told["officer_can_hear"]) == (sees, hears)
    assert (told["recorded"], told["monitored"]) == (False, monitored)


def test_before_its_end_there_is_none() -> None:
    with pytest.raises(MeetingNotOver):
        receipts.statement(over(state=SittingState.AGREED))


@pytest.mark.parametrize(
    ("field", "value"), [("recorded", True), ("reference", "AAAA-AAAA"), ("monitored", True), ("new", 1)]
)
def test_any_changed_word_is_found(signed: tuple[bytes, keys.PublicKeys], field: str, value: Any) -> None:
    data, public = signed
    receipt = json.loads(data)
    receipt["statement"][field] = value
    verdict = receipts.verify(json.dumps(receipt).encode(), public)
    assert verdict.problem == "the signature does not fit what it says"
    assert verdict.report()["text"].startswith("BROKEN")


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b'{"statement": {}, "key_id": "x", "signature": "AA=="}', b"\xff\xfe", b"[" * 100_000,
     b'{"statement": "x", "key_id": 1, "signature": "AA=="}'],
)  # fmt: skip
def test_what_is_no_receipt_gets_a_verdict_all_the_same(data: bytes) -> None:
    assert receipts.verify(data, {}).problem == "this is not a receipt"


def test_another_houses_key_is_not_ours(signed: tuple[bytes, keys.PublicKeys], tmp_path: Path) -> None:
    data, _ = signed
    assert receipts.verify(data, {}).problem.startswith("no public key")
    assert not receipts.verify_file(tmp_path / "nothing.json", {}).intact
