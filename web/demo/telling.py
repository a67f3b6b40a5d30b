"""What the demo shows: a line for each thing that happens, what is under way, and a table at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table


class Telling:
    """The timeline; with a live line below it where a terminal shows it."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self._began = time.monotonic()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._task: TaskID | None = None

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show what is under way for as long as the block takes."""
        with self._progress:
            self._task = self._progress.add_task("", total=None, count="")
            yield

    def head(self, text: str) -> None:
        """A part of the story begins."""
        self.console.print(f"\n[bold]{escape(text)}[/]")

    def line(self, actor: str, text: str) -> None:
        """Something happened."""
        minutes, seconds = divmod(int(self.seconds), 60)
        self.console.print(f"[dim]{minutes:02}:{seconds:02}[/]  [cyan]{escape(actor):<8}[/] {escape(text)}")

    def waits(self, text: str) -> None:
        """Something is under way; how long it takes is not known."""
        if self._task is not None:
            self._progress.reset(self._task, total=None, description=escape(text), count="")

    def counts(self, text: str, done: int, total: int) -> None:
        """Something is under way, and so much of it is done."""
        if self._task is not None:
            self._progress.update(
                self._task, description=escape(text), completed=done, total=total, count=f"{done:,} of {total:,}"
            )

    def summary(self, rows: list[tuple[str, str]]) -> None:
        """The table at the end."""
        table = Table(title="What happened", title_justify="left", box=None, show_header=False, pad_edge=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(escape(name), escape(value))
        self.console.print()
        self.console.print(table)
