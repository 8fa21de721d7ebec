"""Telephone numbers as people type them."""

import pytest

from people import phones


@pytest.mark.parametrize(
    ("entered", "number"),
    [
        ("13800138000", "+8613800138000"),
        ("138 0013 8000", "+8613800138000"),
        ("+86 138-0013-8000", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("+852 9123 4567", "+85291234567"),
        ("+4915112345678", "+4915112345678"),
        ("12345678901", None),
        ("1380013800", None),
        ("+86 10 12345678", None),
        ("+0123456789", None),
        ("hello", None),
        ("", None),
        ("١٣٨٠٠١٣٨٠٠٠", None),
    ],
)
def test_normalised(entered: str, number: str | None) -> None:
    assert phones.normalised(entered) == number


def test_masked() -> None:
    assert phones.masked("+8613800138000") == "138****8000"
    assert "9123" not in phones.masked("+85291234567")
