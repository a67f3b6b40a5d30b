"""What a table holds, in a few numbers a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rfc8785

from engine.store import Files
from engine.training import frames

_MOST_GROUPS = 50


def profile(files: Files, digest: str, groups_of: Sequence[str] = ()) -> dict[str, Any]:
    """Of which table; rows, and a column each with its type, missing and distinct values, least, greatest; group sizes.

    digest: of a Parquet or CSV file. groups_of: columns whose values are counted, the 50 largest. One pass a column.
    """
    import pyarrow.compute as pc

    table = frames.read(files.read(digest), "training data")
    columns = []
    for name in table.column_names:
        values = table.column(name)
        least = greatest = None
        if not _nested(values.type) and values.null_count < len(values):
            ends = pc.min_max(values).as_py()
            least, greatest = str(ends["min"]), str(ends["max"])
        columns.append(
            {
                "name": name,
                "type": str(values.type),
                "missing": values.null_count,
                "distinct": pc.count_distinct(values).as_py() if not _nested(values.type) else None,
                "least": least,
                "greatest": greatest,
            }
        )
    groups = {}
    for name in groups_of:
        if name in table.column_names:
            counted = sorted(pc.value_counts(table.column(name)).to_pylist(), key=lambda each: -each["counts"])
            groups[name] = {str(each["values"]): each["counts"] for each in counted[:_MOST_GROUPS]}
    return {"training_data": digest, "rows": table.num_rows, "columns": columns, "groups": groups}


def keep(files: Files, digest: str, groups_of: Sequence[str] = ()) -> str:
    """The digest of the profile as a file of the store: the same table and groups give the same file."""
    return files.put(rfc8785.dumps(profile(files, digest, groups_of)))


def _nested(kind: Any) -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_nested(kind) or kinds.is_dictionary(kind))
