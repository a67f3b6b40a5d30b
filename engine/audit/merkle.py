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


def levels(leaves: Iterable[bytes]) -> list[list[bytes]]:
    """All nodes of the tree, from the leaves up to the root; a node without a neighbour goes up as it is."""
    found = [list(leaves)]
    while len(found[-1]) > 1:
        below = found[-1]
        above = [node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
        found.append(above + below[len(below) - len(below) % 2 :])
    return found


def path(tree: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """The hashes that lead from the leaf at `index` to the root of such a tree, from the bottom up."""
    steps = []
    for level in tree[:-1]:
        if index ^ 1 < len(level):
            steps.append(level[index ^ 1])
        index //= 2
    return steps


def climb(hash_: bytes, index: int, size: int, steps: Sequence[bytes]) -> bytes:
    """The root to which `steps` lead from a leaf; raises ValueError where they cannot be a path in such a tree."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} of {size}")
    left = list(steps)
    while size > 1:
        if index ^ 1 < size:
            if not left:
                raise ValueError("the path is too short")
            step = left.pop(0)
            hash_ = node(step, hash_) if index % 2 else node(hash_, step)
        index, size = index // 2, (size + 1) // 2
    if left:
        raise ValueError("the path is too long")
    return hash_
