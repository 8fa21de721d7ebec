"""Merkle trees: the published vectors, every path of every small tree, and nothing but the right path."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle

# The test leaves and roots that Certificate Transparency's own implementation publishes for RFC 6962.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size - 1]


def reference(leaves: list[bytes]) -> bytes:
    """Section 2.1 as it is written."""
    if len(leaves) <= 1:
        return merkle.leaf_hash(leaves[0]) if leaves else hashlib.sha256().digest()
    split = max(power for power in (1 << n for n in range(10)) if power < len(leaves))
    return hashlib.sha256(b"\x01" + reference(leaves[:split]) + reference(leaves[split:])).digest()


@pytest.mark.parametrize("size", range(70))
def test_pairing_gives_the_tree_of_the_rfc(size: int) -> None:
    leaves = [bytes([number]) for number in range(size)]
    assert merkle.root(leaves) == reference(leaves)


def test_no_leaves_have_the_hash_of_nothing() -> None:
    assert merkle.root([]) == hashlib.sha256(b"").digest()


@pytest.mark.parametrize("size", range(1, 40))
def test_every_leaf_is_led_to_the_root_and_no_other_place_is(size: int) -> None:
    leaves = [bytes([number]) for number in range(size)]
    tree = merkle.Tree(leaves)
    root = tree.root
    for index, leaf in enumerate(leaves):
        proof = tree.path(index)
        assert merkle.root_of(leaf, index, size, proof) == root
        assert merkle.root_of(b"another", index, size, proof) != root
        assert merkle.root_of(leaf, (index + 1) % size, size, proof) != root or size == 1
        assert merkle.root_of(leaf, index, size, [*proof, b"x" * 32]) != root
        assert merkle.root_of(leaf, index, size, proof[:-1]) != root or not proof
    with pytest.raises(IndexError):
        tree.path(size)
    assert merkle.root_of(b"", size, size, []) is None


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=64), st.data())
def test_a_changed_leaf_changes_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    changed = [*leaves[:index], leaves[index] + b"x", *leaves[index + 1 :]]
    assert merkle.root(changed) != merkle.root(leaves)
    assert merkle.root(leaves[:index]) != merkle.root(leaves)


def test_a_node_does_not_pass_for_a_leaf() -> None:
    left, right = (merkle.leaf_hash(leaf) for leaf in (b"a", b"b"))
    assert merkle.root([left + right]) != merkle.root([b"a", b"b"])
