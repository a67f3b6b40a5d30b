"""Checked arrays of labels, scores and decisions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Booleans = NDArray[np.bool_]
Numbers = NDArray[np.float64]
Counted = NDArray[np.float64] | NDArray[np.int64]  #: counts, held as either


def zero_or_one(values: ArrayLike, name: str) -> Booleans:
    """Labels or decisions as booleans, shape (n,); ValueError names the first that is neither 0 nor 1."""
    array: NDArray[Any] = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions, not one")
    if array.dtype == np.bool_:
        return array
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"{name}[{row}] is {array[row]}, neither 0 nor 1")
    return np.asarray(array == 1)


def numbers(values: ArrayLike, name: str) -> Numbers:
    """Finite numbers, shape (n,); ValueError names the first that is not."""
    array: Numbers = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions, not one")
    wrong = ~np.isfinite(array)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"{name}[{row}] is {array[row]}")
    return array


def inner(one: Numbers, other: Numbers) -> float:
    """The sum of the products, added pairwise.

    Not by np.dot: the threads of its BLAS wait for each other, on a busy machine for milliseconds, over 65,536 cells.
    """
    return float((one * other).sum())


def probabilities(values: ArrayLike, name: str) -> Numbers:
    """Numbers in [0, 1]; ValueError names the first that is not."""
    array = numbers(values, name)
    wrong = (array < 0) | (array > 1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"{name}[{row}] is {array[row]}, not in [0, 1]")
    return array


def same_length(**arrays: NDArray[Any]) -> None:
    """ValueError where the arrays differ in length."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError("lengths differ: " + ", ".join(f"{name} {length}" for name, length in lengths.items()))
