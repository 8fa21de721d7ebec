"""Numbers of identity documents: what is accepted, what is refused, and never a wrong digit."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from people import documents
from people.model import DocumentKind
from tests.people.conftest import resident_number

TODAY = date(2026, 11, 21)
BIRTHS = st.dates(date(1900, 1, 1), TODAY)
ORDERS = st.integers(0, 999).map("{:03}".format)
REGIONS = st.sampled_from(["110101", "440106", "650102", "710000", "810000", "830000"])


def codes(kind: DocumentKind, number: str, born: date | None = None) -> list[str]:
    return [reason.code for reason in documents.problems(kind, number, born, TODAY)]


def test_the_standards_own_example() -> None:
    """GB 11643-1999 annex: 11010519491231002X."""
    assert codes(DocumentKind.RESIDENT, "11010519491231002X", date(1949, 12, 31)) == []
    assert codes(DocumentKind.RESIDENT, "11010519491231002x") == []


@given(BIRTHS, REGIONS, ORDERS)
def test_every_well_formed_resident_number_is_accepted(born: date, region: str, order: str) -> None:
    assert codes(DocumentKind.RESIDENT, resident_number(born.isoformat(), region, order), born) == []


@given(BIRTHS, REGIONS, ORDERS, st.integers(0, 17), st.sampled_from("0123456789X"))
def test_one_wrong_character_is_never_accepted(
    born: date, region: str, order: str, place: int, wrong: str
) -> None:
    right = resident_number(born.isoformat(), region, order)
    changed = right[:place] + wrong + right[place + 1 :]
    assert (codes(DocumentKind.RESIDENT, changed) == []) == (changed == right)


@given(BIRTHS, REGIONS, ORDERS, st.integers(0, 16))
def test_two_exchanged_neighbours_are_never_accepted(born: date, region: str, order: str, place: int) -> None:
    right = resident_number(born.isoformat(), region, order)
    changed = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
    assert (codes(DocumentKind.RESIDENT, changed) == []) == (changed == right)


@given(st.text(max_size=30), st.sampled_from(DocumentKind))
def test_any_text_gets_an_answer_and_no_error(text: str, kind: DocumentKind) -> None:
    for reason in documents.problems(kind, text, date(1980, 1, 1), TODAY):
        assert reason.code in {"document-missing", "document-invalid", "document-birth-differs"}
        assert reason.params["field"] == "document"


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("", "document-missing"),
        (resident_number(region="000000"), "document-invalid"),
        (resident_number(region="990101"), "document-invalid"),
        (resident_number("2027-01-01"), "document-invalid"),
        (resident_number("1899-12-31"), "document-invalid"),
        (resident_number("1980-02-30"), "document-invalid"),
        ("110101800131123", "document-invalid"),  # the fifteen digits of before 1999 are no longer valid
        ("١١٠١٠١١٩٨٠٠١٣١١٢٣٤", "document-invalid"),  # digits, but not those of the card
    ],
)
def test_resident_numbers_that_are_none(number: str, problem: str) -> None:
    assert codes(DocumentKind.RESIDENT, number) == [problem]


def test_another_birth_date_than_the_card_says() -> None:
    assert codes(DocumentKind.RESIDENT, resident_number("1980-01-31"), date(1980, 1, 30)) == [
        "document-birth-differs"
    ]


@pytest.mark.parametrize(
    ("kind", "number", "fits"),
    [
        (DocumentKind.PASSPORT, "E12345678", True),
        (DocumentKind.PASSPORT, "eb1234567", True),
        (DocumentKind.PASSPORT, "123456789", True),
        (DocumentKind.PASSPORT, "ABCDEFG", False),
        (DocumentKind.PASSPORT, "E123456789", False),
        (DocumentKind.PASSPORT, "E12_45678", False),
        (DocumentKind.HK_MACAO, "H12345678", True),
        (DocumentKind.HK_MACAO, "M1234567801", True),
        (DocumentKind.HK_MACAO, "C12345678", False),
        (DocumentKind.HK_MACAO, "H1234567", False),
        (DocumentKind.TAIWAN, "12345678", True),
        (DocumentKind.TAIWAN, "1234567890", True),
        (DocumentKind.TAIWAN, "1234567890B", True),
        (DocumentKind.TAIWAN, "123456789", False),
        (DocumentKind.TAIWAN, "T12345678", False),
    ],
)
def test_passports_and_permits(kind: DocumentKind, number: str, fits: bool) -> None:
    assert codes(kind, number) == ([] if fits else ["document-invalid"])


def test_entered_as_people_do() -> None:
    assert documents.normalised(" e1234-5678 ") == "E12345678"
    assert documents.normalised("Ｈ１２３４５６７８") == "H12345678"


def test_a_renewed_permit_is_the_same_person() -> None:
    kind = DocumentKind.HK_MACAO
    assert documents.identity_key(kind, "H1234567801") == documents.identity_key(kind, "h1234567802")
    assert documents.identity_key(kind, "H1234567801") != documents.identity_key(kind, "M1234567801")


def test_masked_numbers_keep_their_middle_to_themselves() -> None:
    assert documents.masked("11010519491231002X") == "1101**********002X"
    assert documents.masked("E12345678") == "E1*****78"
