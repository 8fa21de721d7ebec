"""What counts as one network."""

import pytest

from tests.people.conftest import caller


@pytest.mark.parametrize(
    ("network", "group"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),  # or every IPv4 household would be one
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_network_group(network: str, group: str) -> None:
    assert caller(network).network_group == group
