"""What a version saw and said before anybody relied on it: the counts that its windows are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.statistics.tallies import OUTPUT, SCORE, Reference, refer
from engine.store import Files
from engine.training import frames


def reference(
    files: Files, assets: Mapping[str, str], columns: Sequence[str], output: str, predicted: Sequence[float]
) -> Reference:
    """The counts of every column and of the output.

    Features are counted on the training data where the version has some, else on the test data; the output, where
    the model had not seen the rows, on the test data alone. columns: those to be counted; one that the table does not
    have is left out. predicted: the output on the test rows. A table is read once, and not in a transaction.
    """
    table = frames.read(files.read(assets.get("training_data", assets["test_data"])), "reference")
    values: dict[str, Any] = {
        name: _column(table.column(name)) for name in dict.fromkeys(columns) if name in table.column_names
    }
    features = refer(values)
    outputs = refer({OUTPUT: list(predicted)}, fixed=(SCORE,) if output == "score" else ())
    return features.beside(outputs)


def _column(column: Any) -> Any:
    """Numbers as an array, whatever else as it is."""
    import pyarrow.types as types

    if column.null_count == 0 and (types.is_integer(column.type) or types.is_floating(column.type)):
        return column.to_numpy()
    return column.to_pylist()
