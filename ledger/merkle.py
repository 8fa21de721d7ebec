"""Merkle trees as in RFC 6962 section 2.1: one root for many leaves, and a short proof for each. Pure.

SHA-256; a leaf is hashed behind the byte 0x00 and a node behind 0x01, so that no leaf can pass for a node; of
n leaves the left subtree takes the largest power of two below n; the root of no leaves is SHA-256 of nothing.
"""

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256().digest()


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


class Tree:
    """All nodes over some leaves, so that each proof costs no more than the tree is high.

    The tree of section 2.1 is what pairing the nodes of each level gives, an odd last one going up as it is.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [[leaf_hash(leaf) for leaf in leaves]]
        while len(below := self._levels[-1]) > 1:
            pairs = zip(below[::2], below[1::2], strict=False)
            self._levels.append([_node(left, right) for left, right in pairs] + below[len(below) & ~1 :])

    @property
    def root(self) -> bytes:
        """Section 2.1."""
        return self._levels[-1][0] if self._levels[-1] else EMPTY

    def path(self, index: int) -> list[bytes]:
        """The audit path of leaf `index`, from its sibling up (section 2.1.1). Raises `IndexError`."""
        if not 0 <= index < len(self._levels[0]):
            raise IndexError(index)
        siblings = ((level, (index >> height) ^ 1) for height, level in enumerate(self._levels))
        return [level[place] for level, place in siblings if place < len(level)]


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over `leaves` in their order."""
    return Tree(leaves).root


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
