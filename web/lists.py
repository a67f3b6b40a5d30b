"""Every list alike: search, filters, pages, and the same rows as a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from flask import Response, render_template, request

T = TypeVar("T")
SIZE = 50
#: rows of one CSV file at most; a file that was cut says so in its last line
MOST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the address asks of a list."""

    search: str
    filters: Mapping[str, str]
    page: int
    csv: bool

    def __getitem__(self, name: str) -> str:
        """The value of a filter, empty where it is not set."""
        return self.filters[name]

    @property
    def limit(self) -> int:
        """How many rows are wanted."""
        return MOST if self.csv else SIZE

    @property
    def offset(self) -> int:
        """How many rows come before them."""
        return 0 if self.csv else (self.page - 1) * SIZE

    @property
    def narrowed(self) -> bool:
        """Whether search or a filter is set: an empty list then means something else."""
        return bool(self.search or any(self.filters.values()))

    def address(self, **changed: str | int) -> str:
        """The same list with something changed, as the query part of its address."""
        values: dict[str, Any] = {"search": self.search, **self.filters, "page": self.page, **changed}
        kept = {
            name: value for name, value in values.items() if value not in ("", None) and (name, value) != ("page", 1)
        }
        return "?" + urlencode(kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[T]):
    """One page of a list."""

    asked: Asked
    rows: Sequence[T]
    total: int | None  #: None where nobody counted
    more: bool

    @property
    def span(self) -> str:
        """Which rows are shown, in words."""
        if not self.rows:
            return "No rows"
        first = self.asked.offset + 1
        last = self.asked.offset + len(self.rows)
        of = "" if self.total is None else f" of {self.total:,}"
        return f"{first:,} to {last:,}{of}" if first != last or self.total != 1 else "1 row"


@dataclass(frozen=True, slots=True)
class Columns(Generic[T]):
    """The columns of a list's CSV file: title -> the value of a row."""

    name: str
    values: Mapping[str, Callable[[T], Any]] = field(default_factory=dict)


def asked(*filters: str) -> Asked:
    """Search, page and the named filters, from the address."""
    page = request.args.get("page", 1, type=int)
    return Asked(
        search=_word("search"),
        filters={name: _word(name) for name in filters},
        page=min(max(page, 1), 100_000),
        csv=request.args.get("format") == "csv",
    )


def _word(name: str) -> str:
    # PostgreSQL keeps no NUL in a text, so nothing that is stored has one either.
    return request.args.get(name, "").replace("\x00", "").strip()[:200]


def counted(asked: Asked, rows: Sequence[T], total: int) -> Listing[T]:
    """A page of a list whose rows were counted."""
    return Listing(asked=asked, rows=rows, total=total, more=asked.offset + len(rows) < total)


def uncounted(asked: Asked, read: Callable[[int, int], Sequence[T]]) -> Listing[T]:
    """A page of a list that nobody counted: one row more is read to see whether there is a next page."""
    rows = read(asked.limit + 1, asked.offset)
    return Listing(asked=asked, rows=rows[: asked.limit], total=None, more=len(rows) > asked.limit)


def whole(asked: Asked, rows: Sequence[T]) -> Listing[T]:
    """A page of a list that is small enough to be read as a whole."""
    end = asked.offset + asked.limit
    return Listing(asked=asked, rows=rows[asked.offset : end], total=len(rows), more=end < len(rows))


def answer(template: str, listing: Listing[T], columns: Columns[T], **context: Any) -> str | Response:
    """The list as a page, or as the CSV file that was asked for."""
    if listing.asked.csv:
        return file(listing, columns)
    return render_template(template, listing=listing, asked=listing.asked, **context)


def file(listing: Listing[T], columns: Columns[T]) -> Response:
    """The rows as a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns.values)
    writer.writerows([_cell(value(row)) for value in columns.values.values()] for row in listing.rows)
    if listing.more:
        writer.writerow([f"Cut after {len(listing.rows)} rows: narrow the list to get the rest."])
    response = Response(text.getvalue(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{columns.name}.csv"'
    return response


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        value = ", ".join(map(str, sorted(value) if isinstance(value, set | frozenset) else value))
    text = str(value)
    # A spreadsheet runs a cell that begins like a formula: what others typed in must stay text.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
