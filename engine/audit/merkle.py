"""Trees of hashes as RFC 6962 builds them (section 2.1): a root, the way from a leaf to it, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence


def leaf(content: bytes) -> bytes:
    """The hash of a leaf; the first byte keeps leaves and inner nodes apart."""
    return hashlib.sha256(b"\x00" + content).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over hashed leaves, in constant memory; sha256 of nothing where there are none."""
    # Perfect subtrees from the left, each with its height: two of one height become one.
    stack: list[tuple[int, bytes]] = []
    for hash_ in leaves:
        height = 0
        while stack and stack[-1][0] == height:
            _, left = stack.pop()
            hash_, height = node(left, hash_), height + 1
        stack.append((height, hash_))
    if not stack:
        return hashlib.sha256().digest()
    _, whole = stack.pop()
    while stack:
        _, left = stack.pop()
        whole = node(left, whole)
    return whole


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from the leaf at `index` to the root, from the bottom up."""
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*path(leaves[:split], index), root(leaves[split:])]
    return [*path(leaves[split:], index - split), root(leaves[:split])]


def climb(hash_: bytes, index: int, size: int, steps: Sequence[bytes]) -> bytes:
    """The root to which `steps` lead from a leaf; raises ValueError where they cannot be a path in such a tree."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} of {size}")
    if size == 1:
        if steps:
            raise ValueError("the path is too long")
        return hash_
    if not steps:
        raise ValueError("the path is too short")
    split, last = _split(size), steps[-1]
    if index < split:
        return node(climb(hash_, index, split, steps[:-1]), last)
    return node(last, climb(hash_, index - split, size - split, steps[:-1]))


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
