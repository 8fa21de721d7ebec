"""Merkle trees as in RFC 6962 section 2.1: one root for many leaves, and a short proof for each. Pure.

SHA-256; a leaf is hashed behind the byte 0x00 and a node behind 0x01, so that no leaf can pass for a node; of
n leaves the left subtree takes the largest power of two below n; the root of no leaves is SHA-256 of nothing.
"""

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256().digest()


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over `leaves` in their order (section 2.1)."""
    return _root([leaf_hash(leaf) for leaf in leaves])


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The audit path of leaf `index`, from its sibling up (section 2.1.1). Raises `IndexError`."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    return _path(index, [leaf_hash(leaf) for leaf in leaves])


def root_of(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that `proof` leads to from leaf `index` of `size`; `None` for a proof of another shape."""
    if not 0 <= index < size:
        return None
    node, place, last = leaf_hash(leaf), index, size - 1
    for sibling in proof:
        if last == 0:
            return None
        if place % 2 or place == last:
            node = _node(sibling, node)
            while place % 2 == 0 and place:  # a right edge without sibling on these levels
                place, last = place >> 1, last >> 1
        else:
            node = _node(node, sibling)
        place, last = place >> 1, last >> 1
    return node if last == 0 else None


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _root(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return EMPTY
    if len(hashes) == 1:
        return hashes[0]
    split = _split(len(hashes))
    return _node(_root(hashes[:split]), _root(hashes[split:]))


def _path(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    split = _split(len(hashes))
    if index < split:
        return [*_path(index, hashes[:split]), _root(hashes[split:])]
    return [*_path(index - split, hashes[split:]), _root(hashes[:split])]
