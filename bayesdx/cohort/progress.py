"""A bar with the rate and the remaining time, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def shown_progress(rows: int | None, show: bool | None) -> Iterator[Callable[[int], None]]:
    """A function that takes the number of rows just done.

    Parameters
    ----------
    rows : int or None
        All rows; None where their number is not known beforehand.
    show : bool or None
        None shows the bar where standard error is a terminal.
    """
    if not (sys.stderr.isatty() if show is None else show):
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(TextColumn):
        def __init__(self) -> None:
            super().__init__("")

        def render(self, task: Task) -> Text:
            speed = task.speed or (task.completed / task.elapsed if task.elapsed else None)
            return Text("" if speed is None else f"{speed:,.0f} rows/s")

    total = "{task.completed:,}" if rows is None else "{task.completed:,} of {task.total:,}"
    columns = (
        BarColumn(),
        TextColumn(f"{total} rows"),
        Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task("score", total=rows)
        yield lambda done: bar.advance(task, done)
