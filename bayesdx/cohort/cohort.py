"""Scoring a cohort: a source read part by part, its parts scored by threads, the scores kept or written."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from bayesdx.cohort.batches import output_schema, score_names, scored_batch
from bayesdx.cohort.clusters import score_dask
from bayesdx.cohort.coding import TableLexicon, lexicon
from bayesdx.cohort.columns import Scored
from bayesdx.cohort.formats import format_of
from bayesdx.cohort.opening import is_dask, open_source
from bayesdx.cohort.options import CohortSizes, Options, check_whole, read_options
from bayesdx.cohort.parts_on_disk import Parts
from bayesdx.cohort.runs import Run, identity
from bayesdx.cohort.sources import Part, RowSource
from bayesdx.errors import CohortError, check_path, quoted
from bayesdx.files.companions import arrow
from bayesdx.inference.kernels import processors
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.versions import as_model


def score_cohort(
    model: Model | str | PathLike[str],
    cohort: Any,
    out: str | os.PathLike[str] | None = None,
    *,
    keep: Iterable[str] = (),
    ignore: Iterable[str] = (),
    on_error: str = "raise",
    intervals: float | None = None,
    draws: int = 200,
    seed: int = 0,
    workers: int | None = None,
    progress: bool | None = None,
    overwrite: bool = False,
    sizes: CohortSizes | None = None,
) -> Any:
    """The posterior of every cause, for every row of a table of any size.

    Tables on disk are read and written part by part, so memory does not grow with them. A run that was killed at any
    moment and is called again in the same way continues, and ends with the same bytes as one that was left alone. It is
    known by the manifest beside its output: the model's hash and population, the options, the versions of the
    libraries, and names, sizes, times and ends of the input's files.

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.
    cohort : DataFrame (pandas, polars, pyarrow, Dask), or path of a table, or of a folder of Parquet files
        A table is CSV (commas, semicolons or tabs; UTF-8, UTF-16 or Windows-1252; plain, gzip or zstd), Parquet, Arrow
        or Excel; the last two are read whole. A column per variable of the model, called by its name, its label or a
        synonym. A cell is what a finding of ``diagnose`` may be: a state or its label; yes, no, true, false, 1 or 0
        where the variable has two states that are such words; a number where it has cut points. Null, NaN, ``?`` and an
        empty cell are "not observed" (never "absent"). In a text file a comma is decimal where it cannot separate
        thousands, and always where semicolons separate the cells.
    out : path, optional
        ``name.parquet`` or ``name.csv`` for one file, a name without ending for a folder of Parquet parts. Where left
        out, scores are returned in memory.
    keep : iterable of str
        Columns copied into the output, such as a patient's number. A column that is a variable of the model is read as
        a finding too, unless ``ignore`` names it as well.
    ignore : iterable of str
        Columns that are neither findings nor copied; ``"causes"`` stands for all that are causes. Any other column that
        is no variable is an error, since it may be a finding misspelt.
    on_error : {"raise", "flag"}
        What to do with a cell that is no state of its variable and with a row of probability zero: stop, naming the
        row; or go on, the column ``status`` saying ``bad_value`` or ``impossible`` and the posteriors being null.
        Red flags are reported in either case, from the cells that could be read.
    intervals : float in (0, 1), optional
        Adds credible intervals of this mass, as ``credible_intervals`` gives them; takes about ``draws`` times longer.
    draws : int, at least 50
    seed : int
    workers : int, optional
        Threads; as many as there are processors where left out. The engine's kernels run beside each other.
    progress : bool, optional
        Whether to show a bar with rate and remaining time; by default where standard error is a terminal.
    overwrite : bool
        Whether the output of another run may be replaced. What was not written by this function never is.
    sizes : CohortSizes, optional
        How the table is cut into parts and batches, and how large it may be. The partitions of a Dask frame stay as
        they are.

    Returns
    -------
    DataFrame, or CohortSummary where ``out`` is given
        A frame of the library that the cohort is of (for a path: pandas; for Dask: a Dask frame, computed when asked),
        rows in order; columns as ``cohort_schema`` lists them: the kept ones, status, first_cause, log_evidence,
        red_flags, fault, posterior_<cause>, and with intervals lower_<cause> and upper_<cause>. ``first_cause`` is the
        most probable of the causes that compete; one that is the sum of others has a column ``posterior_<cause>``, and
        its number may be the largest of the row.

    Raises
    ------
    FindingsError
        A column that the model does not have; with ``on_error="raise"`` a cell that is no state of its variable.
    ImpossibleEvidenceError
        With ``on_error="raise"``, a row of probability zero.
    CohortError
        The cohort cannot be read or changed while it was read; the output cannot be written, or is not this run's.
    MissingExtraError
        Parquet, Arrow, zstd, or a frame that is not pandas, and the extra ``cohort`` (pyarrow, narwhals) is not
        installed; Excel, and the extra ``excel`` is not.

    Warns
    -----
    DataWarning
        A column is a cause of the model, or brings causes about: its cells are findings, and the posteriors know the
        answer. To score a table of labelled patients, give ``ignore=["causes"]``.

    Examples
    --------
    >>> import bayesdx as dx, pandas as pd
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> patients = pd.DataFrame({"patient": [1, 2], "onset": ["sudden", None], "fever": [None, "present"]})
    >>> scores = dx.score_cohort(model, patients, keep=["patient"])
    >>> scores[["patient", "status", "first_cause"]]
       patient status         first_cause
    0        1     ok    iliopsoas_strain
    1        2     ok  hip_osteoarthritis
    """
    model = as_model(model)
    options = read_options(keep, ignore, on_error, intervals, draws, seed)
    threads = _threads(workers)
    sizes = CohortSizes() if sizes is None else sizes
    if not isinstance(sizes, CohortSizes):
        raise CohortError(f"sizes: {quoted(sizes)}; expected a CohortSizes, as CohortSizes(part_rows=10_000).")
    target = _output(out)
    format = None if target is None else format_of(target)
    if format is not None and format.is_arrow:
        arrow()  # raises before any work where pyarrow is missing
    words = lexicon(model)
    if is_dask(cohort):
        return score_dask(words, cohort, target, options, overwrite)
    table = open_source(cohort, sizes)
    positions = words.positions(table.names, options.keep, options.ignore)
    score_names(words, options)

    def schema() -> Any:
        return output_schema(words, table.kept_schema(options.keep), options)

    job = _Job(words, table, positions, options, threads, progress)
    if target is None or format is None:
        memory = _Memory()
        job.do(memory, None)
        return table.native(memory.scored(), schema)
    _refuse_source(table, target)
    whose = identity(words, table.identity(), options, table.is_arrow or format.is_arrow)
    kept = schema() if format.is_arrow else None
    run = Run(target, format, whose, overwrite, sizes)
    try:
        return run.finished or run.finish(job.do(run.parts, kept), kept)
    finally:
        run.close()


def _threads(workers: int | None) -> int:
    if workers is None:
        return processors()
    check_whole("workers", workers, 1)
    return workers


def _output(out: str | os.PathLike[str] | None) -> Path | None:
    if out is None:
        return None
    check_path("out", out, CohortError)
    text = os.fspath(out)
    if not text or "\0" in text:
        raise CohortError(f"{quoted(text)} cannot be the name of an output.")
    try:
        return Path(text).absolute()
    except OSError as error:  # the working directory was deleted
        raise CohortError(f"{quoted(text)}: {error.strerror}; nothing was written.") from error


def _refuse_source(table: RowSource, out: Path) -> None:
    root = getattr(table, "root", None)
    if root is None:
        return
    place, found = out.resolve(), root.resolve()
    if place == found or found in place.parents:
        raise CohortError(f"{out} is the input or lies within it; choose another place for the output.")


class _StoppedError(Exception):
    """Another thread of the run has failed."""


class _Memory:
    """Parts kept in memory."""

    def __init__(self) -> None:
        self.parts: dict[int, list[Scored]] = {}

    def done(self, number: int) -> int | None:
        """None: no part exists before the run."""
        return None

    @contextmanager
    def part(self, number: int, schema: Any) -> Iterator[Callable[[Scored], None]]:
        """Collect the scores of batches."""
        batches: list[Scored] = []
        yield batches.append
        self.parts[number] = batches

    def scored(self) -> list[Scored]:
        """All scores in order."""
        return [batch for number in sorted(self.parts) for batch in self.parts[number]]


@dataclass(frozen=True, eq=False)
class _Job:
    """Every part of a table, scored by threads that share one engine."""

    words: TableLexicon
    table: RowSource
    positions: Mapping[str, int]
    options: Options
    threads: int
    progress: bool | None

    def do(self, sink: Parts | _Memory, schema: Any) -> int:
        """Score every part that is not finished yet; returns the number of parts."""
        stop = threading.Event()
        count = 0
        pending: deque[Future[None]] = deque()
        with (
            _shown_progress(self.table.rows, self.progress) as advance,
            ThreadPoolExecutor(self.threads, thread_name_prefix="score_cohort") as pool,
        ):
            try:
                columns = self.options.columns(self.table.names)
                for part in self.table.parts(columns, sink.done):
                    count += 1
                    pending.append(pool.submit(self._score, part, sink, schema, stop, advance))
                    if len(pending) > self.threads:
                        # The oldest first, so that of several faults the one of the earliest rows is raised.
                        pending.popleft().result()
                while pending:
                    pending.popleft().result()
            except BaseException:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return count

    def _score(
        self, part: Part, sink: Parts | _Memory, schema: Any, stop: threading.Event, advance: Callable[[int], None]
    ) -> None:
        rows = sink.done(part.number) if part.done is None else part.done
        if rows is not None:
            advance(rows)
            return
        place = f"{self.table.name}, row "
        with sink.part(part.number, schema) as write:
            for batch in part.batches():
                if stop.is_set():
                    raise _StoppedError
                write(scored_batch(self.words, batch, self.options, self.positions, place))
                advance(len(batch))
            self.table.check_unchanged(part)


@contextmanager
def _shown_progress(rows: int | None, show: bool | None) -> Iterator[Callable[[int], None]]:
    """A bar with rate and remaining time on standard error; the function moves it on by the rows just done.

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
