"""A model of decision trees as arrays, and the walk through them: numbers in, numbers out, no code of the model.

The walk is QuickScorer's (Lucchese et al. 2015, SIGIR, section 3). Every leaf of a tree is a bit; each comparison that
a row fails takes the leaves of its left side away; the lowest bit that is left is the leaf where the row ends. All
comparisons of one column are sorted, so what a value takes away from all trees stands ready in one row of a table: a
row of n columns costs n look-ups and one AND, whatever the depth of the trees. One row of 16 columns and 100 trees of
31 leaves takes 9 us of processor time, 1,000 rows 1.6 ms (scikit-learn: 900 us and 4.5 ms), bit for bit the same.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import GatewrightError

FORMAT = "gatewright-trees-1"
MOST_TREES = 5_000
MOST_LEAVES = 64
MOST_COLUMNS = 2_000
MOST_BYTES = 256 << 20  #: of the table of masks
ROWS_AT_A_TIME = 256  #: so that what is looked up stays in the processor's cache
LINKS = ("none", "logistic", "mean")

Floats = NDArray[np.float64]


class TreesRefused(GatewrightError):
    """The compiled form is refused: {reason}."""

    code = "compiled-refused"
    hint = "Remove the threshold max_compiled_difference to serve the original, or train the version anew."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """One tree as it came, checked: node 0 is the root, and every child stands behind its parent."""

    columns: Sequence[int]  #: of each node; -1 for a leaf
    thresholds: Sequence[float]  #: at most this goes left
    left: Sequence[int]
    right: Sequence[int]
    missing_left: Sequence[bool]
    values: Sequence[float]  #: of leaves


class Trees:
    """Trees ready to be walked. Nothing of a document is trusted: every index and number is checked before."""

    def __init__(self, document: Any) -> None:
        """Raises TreesRefused for whatever is no sound set of trees, naming the first fault."""
        held = _mapping(document, "it")
        if held.get("format") != FORMAT:
            raise TreesRefused(reason=f"its format is not {FORMAT}")
        self.columns = _columns(held)
        self.output = _choice(held, "output", ("score", "value"))
        link = _choice(held, "link", LINKS)
        self._single = _flag(held.get("single"), "single")  #: whether the model rounds its input to 32 bits
        self._baseline = _number(held.get("baseline"), "baseline")
        trees = _list(held, "trees", MOST_TREES)
        if not trees:
            raise TreesRefused(reason="it has no trees")
        self._build([_tree(each, position, len(self.columns)) for position, each in enumerate(trees)])
        self._linked = _linked(link, len(trees))

    def _build(self, trees: Sequence[_Tree]) -> None:
        used = [set[float]() for _ in self.columns]
        most = 0
        for tree in trees:
            most = max(most, tree.columns.count(-1))
            for column, threshold in zip(tree.columns, tree.thresholds, strict=True):
                if column >= 0:
                    used[column].add(threshold)
        self._type: Any = np.uint32 if most <= 32 else np.uint64
        self._width = 32 if most <= 32 else 64
        self._asked = tuple(column for column, thresholds in enumerate(used) if thresholds)
        self._sorted = [sorted(thresholds) for thresholds in used]
        self._first, n_masks = [0] * len(used), 1
        for column in self._asked:
            # One mask for each number of failed comparisons, and one for a missing value.
            self._first[column], n_masks = n_masks, n_masks + len(self._sorted[column]) + 2
        if n_masks * len(trees) * self._width // 8 > MOST_BYTES:
            raise TreesRefused(reason=f"its table would take more than {MOST_BYTES >> 20} MiB")
        self._masks = np.full((n_masks, len(trees)), np.iinfo(self._type).max, dtype=self._type)
        self._values = np.zeros(len(trees) * self._width)
        for position, tree in enumerate(trees):
            self._enter(tree, position)
        self._leaves_at = np.arange(len(trees), dtype=np.int64) * self._width
        self._arrays = [np.array(thresholds) for thresholds in self._sorted]
        self._one = [(self.columns[c], self._sorted[c], self._first[c], len(self._sorted[c]) + 1) for c in self._asked]

    def _enter(self, tree: _Tree, position: int) -> None:
        """Number the tree's leaves from left to right, and take from every mask what its comparison rules out."""
        full, n_leaves = int(np.iinfo(self._type).max), 0
        begun: dict[int, int] = {}
        waiting = [(0, False)]
        while waiting:
            node, left_done = waiting.pop()
            column = tree.columns[node]
            if column < 0:
                self._values[position * self._width + n_leaves] = tree.values[node]
                n_leaves += 1
            elif not left_done:
                begun[node] = n_leaves
                waiting += [(node, True), (tree.left[node], False)]
            else:
                mask = self._type(full ^ ((1 << n_leaves) - (1 << begun[node])))
                first, thresholds = self._first[column], self._sorted[column]
                failed = first + bisect_left(thresholds, tree.thresholds[node]) + 1
                self._masks[failed : first + len(thresholds) + 1, position] &= mask
                if not tree.missing_left[node]:
                    self._masks[first + len(thresholds) + 1, position] &= mask
                waiting.append((tree.right[node], False))

    def score(self, columns: Mapping[str, Sequence[Any]]) -> list[float]:
        """One number a row. columns: numbers (None where a row has none) by name, all of one length.

        Raises ValueError or TypeError for what is no number, KeyError for a column that is not there.
        """
        lengths = {len(columns[name]) for name in self.columns}
        if len(lengths) != 1:
            raise ValueError("the columns are not of one length")
        return self._of_many([columns[self.columns[column]] for column in self._asked], lengths.pop())

    def score_rows(self, rows: Sequence[Mapping[str, Any]], numbers: Mapping[str, Floats] | None = None) -> list[float]:
        """The same of rows; a value that a row lacks is missing. numbers: those columns that are arrays already."""
        if len(rows) == 1:
            return [self._of_one(rows[0])]
        ready = numbers or {}
        names = [self.columns[column] for column in self._asked]
        return self._of_many(
            [ready[name] if name in ready else [row.get(name) for row in rows] for name in names], len(rows)
        )

    def _of_one(self, row: Mapping[str, Any]) -> float:
        rows = []
        for name, thresholds, first, missing in self._one:
            value = row.get(name)
            if value is None or value != value:
                rows.append(first + missing)
                continue
            value = float(value)
            if self._single:
                value = float(np.float32(value))
            rows.append(first + bisect_left(thresholds, value))
        masks = self._masks.take(rows or [0], axis=0)
        leaves = _lowest(np.bitwise_and.reduce(masks, axis=0), self._width)
        values = self._values.take(leaves + self._leaves_at)
        values[0] += self._baseline
        return float(self._linked(np.add.accumulate(values)[-1:])[0])

    def _of_many(self, columns: Sequence[Sequence[Any] | Floats], n_rows: int) -> list[float]:
        given = [np.asarray(values, dtype=float) for values in columns]
        if self._single:
            given = [values.astype(np.float32).astype(float) for values in given]
        sums = np.empty(n_rows)
        for start in range(0, n_rows, ROWS_AT_A_TIME):
            part = slice(start, start + ROWS_AT_A_TIME)
            masks = self._masks.take(np.zeros(len(sums[part]), dtype=np.int64), axis=0)
            for column, values in zip(self._asked, given, strict=True):
                rows = np.searchsorted(self._arrays[column], values[part])
                rows[np.isnan(values[part])] = len(self._arrays[column]) + 1
                np.bitwise_and(masks, self._masks.take(rows + self._first[column], axis=0), out=masks)
            found = self._values.take(_lowest(masks, self._width) + self._leaves_at)
            found[:, 0] += self._baseline
            # One after the other, as the model adds its trees: a pairwise sum differs in the last bits.
            sums[part] = np.add.accumulate(found, axis=1)[:, -1]
        answers: list[float] = self._linked(sums).tolist()
        return answers


def _linked(link: str, n_trees: int) -> Callable[[Floats], Floats]:
    """What makes the answers of the sums over all trees."""
    if link == "logistic":
        # Not at the top: a tenth of a second that every process would pay and few use.
        from scipy.special import expit

        logistic: Callable[[Floats], Floats] = expit
        return logistic
    return (lambda sums: sums / n_trees) if link == "mean" else (lambda sums: sums)


def _lowest(masks: NDArray[Any], width: int) -> NDArray[np.int64]:
    """The place of the lowest set bit: the exponent of that bit as a floating-point number."""
    lowest = masks & (~masks + masks.dtype.type(1))
    if width == 32:
        places: NDArray[np.int64] = ((lowest.astype(np.float32).view(np.int32) >> 23) - 127).astype(np.int64)
    else:
        places = (lowest.astype(np.float64).view(np.int64) >> 52) - 1023
    return places


# --- what is held against what came out of a sandbox


def _tree(document: Any, position: int, n_columns: int) -> _Tree:
    held = _mapping(document, f"tree {position}")
    n_nodes = len(_list(held, "column", 2 * MOST_LEAVES - 1))
    what = f"tree {position}"
    columns = [_index(each, n_columns, what, least=-1) for each in held["column"]]
    if columns.count(-1) > MOST_LEAVES:
        raise TreesRefused(reason=f"{what} has more than {MOST_LEAVES} leaves")
    lists = {name: _list(held, name, n_nodes) for name in ("threshold", "left", "right", "missing_left", "value")}
    if any(len(each) != n_nodes for each in lists.values()) or not n_nodes:
        raise TreesRefused(reason=f"the lists of {what} are not of one length, or empty")
    for node, column in enumerate(columns):
        if column >= 0:
            # A child stands behind its parent: so the walk ends.
            _index(lists["left"][node], n_nodes, what, least=node + 1)
            _index(lists["right"][node], n_nodes, what, least=node + 1)
    children = [lists[side][node] for node, column in enumerate(columns) if column >= 0 for side in ("left", "right")]
    if sorted(children) != list(range(1, n_nodes)):
        raise TreesRefused(reason=f"{what} is no tree: a node hangs nowhere, or twice")
    return _Tree(
        columns=columns,
        thresholds=[
            0.0 if column < 0 else math.inf if each is None else _number(each, what)
            for column, each in zip(columns, lists["threshold"], strict=True)
        ],
        left=lists["left"],
        right=lists["right"],
        missing_left=[_flag(each, what) for each in lists["missing_left"]],
        values=[
            _number(each, what) if column < 0 else 0.0 for column, each in zip(columns, lists["value"], strict=True)
        ],
    )


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TreesRefused(reason=f"{what} is no object")
    return value


def _list(held: Mapping[str, Any], name: str, most: int) -> list[Any]:
    value = held.get(name)
    if not isinstance(value, list):
        raise TreesRefused(reason=f"{name} is no list")
    if len(value) > most:
        raise TreesRefused(reason=f"{name} has {len(value)} entries, and {most} at most are walked")
    return value


def _columns(held: Mapping[str, Any]) -> tuple[str, ...]:
    columns = _list(held, "columns", MOST_COLUMNS)
    if not columns or not all(isinstance(each, str) for each in columns) or len(set(columns)) != len(columns):
        raise TreesRefused(reason="its columns are not different names")
    return tuple(columns)


def _choice(held: Mapping[str, Any], name: str, choices: Sequence[str]) -> str:
    value = held.get(name)
    if value not in choices:
        raise TreesRefused(reason=f"{name} is none of {', '.join(choices)}")
    return str(value)


def _flag(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise TreesRefused(reason=f"{what} holds {value!r} where true or false stands")
    return value


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TreesRefused(reason=f"{what} holds {str(value)[:40]} where a number stands")
    return float(value)


def _index(value: Any, end: int, what: str, *, least: int) -> int:
    if type(value) is not int or not least <= value < end:
        raise TreesRefused(reason=f"{what} leads to {str(value)[:40]}, which is not there")
    return value
