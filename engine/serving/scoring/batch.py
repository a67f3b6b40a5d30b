"""The rows of one scoring request, whichever of the two protocols brought them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.errors import GatewrightError

#: Longest reference that is kept with an inference.
REFERENCE_CHARACTERS = 200


class BatchMalformed(GatewrightError):
    """The request is not a scoring request: {reason}."""

    code = "batch-malformed"
    hint = 'Send {{"rows": [{{"field": value, ...}}, ...]}} or a list of rows; docs/scoring.md shows both forms.'
    status = 422


class BatchTooLong(GatewrightError):
    """The request has {n_rows} rows; at most {limit} are scored at a time."""

    code = "batch-too-long"
    hint = "Send the rows in several requests."
    status = 413


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows to score, each with its event time and the caller's own reference where given."""

    rows: Sequence[Mapping[str, Any]]
    event_times: Sequence[datetime | None]
    references: Sequence[str | None]


def read(content: Any, *, fields: frozenset[str], limit_rows: int) -> Batch:
    """The batch in a JSON body: {"rows": [...], "event_time": ..., "reference": ...} or a bare list of rows.

    event_time and reference hold for all rows, or are lists with one value a row; a row may also carry its own under
    these names, unless the model has a field of that name. Raises BatchMalformed or BatchTooLong.
    """
    around: Mapping[str, Any] = {}
    if isinstance(content, dict):
        unknown = sorted(content.keys() - {"rows", "event_time", "reference"})
        if "rows" not in content:
            raise BatchMalformed(reason='it has no "rows"')
        if unknown:
            raise BatchMalformed(reason=f"it has members that nobody reads: {', '.join(unknown)}")
        around, content = content, content["rows"]
    if not isinstance(content, list):
        raise BatchMalformed(reason="the rows are not a list")
    refuse_length(len(content), limit_rows)
    for position, row in enumerate(content):
        if not isinstance(row, dict):
            raise BatchMalformed(reason=f"row {position} is not an object of fields and values")
    times = _spread("event_time", around.get("event_time"), len(content))
    references = _spread("reference", around.get("reference"), len(content))
    for name, spread in (("event_time", times), ("reference", references)):
        if name not in fields and any(name in row for row in content):
            for position, row in enumerate(content):
                spread[position] = row.pop(name, spread[position])
    return batch(content, times, references)


def reference_in(content: Any) -> Any:
    """What the caller calls the first row, in a body of whatever form; None where it has no name for it."""
    given = content.get("reference") if isinstance(content, dict) else None
    rows = content.get("rows") if isinstance(content, dict) else content
    first = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
    return first.get("reference") or (given[0] if isinstance(given, list) and given else given)


def batch(rows: Sequence[Mapping[str, Any]], times: Sequence[Any], references: Sequence[Any]) -> Batch:
    """A batch of rows with raw event times and references, both checked."""
    seen: dict[Any, datetime | None] = {}
    event_times = []
    for position, raw in enumerate(times):
        if not isinstance(raw, str | None):
            raise BatchMalformed(reason=f"the event time of row {position} is not a text")
        if raw not in seen:
            seen[raw] = _moment(raw, position)
        event_times.append(seen[raw])
    for position, reference in enumerate(references):
        if reference is None:
            continue
        if not isinstance(reference, str) or not 0 < len(reference) <= REFERENCE_CHARACTERS or "\0" in reference:
            raise BatchMalformed(
                reason=f"the reference of row {position} is not a text of 1 to {REFERENCE_CHARACTERS} characters"
            )
    return Batch(rows=rows, event_times=event_times, references=references)


def refuse_length(n_rows: int, limit_rows: int) -> None:
    """Raises BatchTooLong for more rows than the limit, BatchMalformed for none."""
    if n_rows == 0:
        raise BatchMalformed(reason="it has no rows")
    if n_rows > limit_rows:
        raise BatchTooLong(n_rows=n_rows, limit=limit_rows)


def _spread(name: str, given: Any, n_rows: int) -> list[Any]:
    if not isinstance(given, list):
        return [given] * n_rows
    if len(given) != n_rows:
        raise BatchMalformed(reason=f'"{name}" has {len(given)} values for {n_rows} rows')
    return list(given)


def _moment(text: str | None, position: int) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        # A time without a zone would shift windows by hours, silently: it is refused, not guessed.
        raise BatchMalformed(
            reason=f"the event time of row {position} is not as 2016-07-01T12:00:00Z, a time with its zone: {text}"
        )
    return moment
