"""Frames of other libraries, in and out: pandas, polars and pyarrow alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bayesdx.cohort.companions import arrow
from bayesdx.cohort.lexicon import quoted
from bayesdx.cohort.sources import BATCH_ROWS, PART_ROWS, Part, Source, reading
from bayesdx.errors import CohortError, MissingExtraError


def narwhals() -> Any:
    """The module narwhals.

    Raises
    ------
    MissingExtraError
        narwhals is not installed (extra ``cohort``).
    """
    try:
        from narwhals import stable
    except ImportError as error:
        raise MissingExtraError(
            "score_cohort() of a frame needs narwhals: install bayesdx with its cohort extra."
        ) from error
    return stable.v2


class FrameSource(Source):
    """A frame in memory; a part is some consecutive rows."""

    def __init__(self, frame: Any) -> None:
        nw = narwhals()
        pa = arrow()
        if isinstance(frame, pa.RecordBatch):
            frame = pa.Table.from_batches([frame])
        try:
            self.frame = nw.from_native(frame, eager_only=True)
        except nw.exceptions.NarwhalsError as error:
            raise CohortError(f"the frame: {' '.join(str(error).split())}.") from error
        except TypeError as error:
            kind = f"{type(frame).__module__.partition('.')[0]}.{type(frame).__name__}"
            lazy = " Call collect() first." if hasattr(frame, "collect") else ""
            raise CohortError(
                f"source: {kind}; expected a path, a DataFrame of pandas, polars, pyarrow or Dask.{lazy}"
            ) from error
        self.name = "the frame"
        self.is_pandas = self.frame.implementation.is_pandas()
        names = list(frame.columns) if self.is_pandas else self.frame.columns
        for name in names:
            if not isinstance(name, str):
                raise CohortError(f"the frame: column {quoted(name)} is not named by text.")
        self.rows = len(self.frame)
        # Names only; types matter for the columns that are kept, see ``kept_schema``.
        self.schema = pa.schema([(name, pa.null()) for name in names])

    def kept_schema(self, keep: Sequence[str]) -> Any:
        """The types of whole columns; a slice of a column of objects may look like another type."""
        with reading(self.name):
            return self._table(self.frame, keep).schema.remove_metadata()

    def parts(self, columns: Sequence[str], skip: Callable[[int], bool]) -> Iterator[Part]:
        """``PART_ROWS`` rows each."""
        assert self.rows is not None
        for number, start in enumerate(range(0, max(1, self.rows), PART_ROWS)):
            yield Part(number, start, self._reader(start, min(self.rows, start + PART_ROWS), columns))

    def _reader(self, start: int, stop: int, columns: Sequence[str]) -> Callable[[], Iterator[Any]]:
        def batches() -> Iterator[Any]:
            for first in range(start, stop, BATCH_ROWS):
                with reading(self.name):
                    table = self._table(self.frame[first : min(stop, first + BATCH_ROWS)], columns)
                yield from table.combine_chunks().to_batches()

        return batches

    def _table(self, frame: Any, columns: Sequence[str]) -> Any:
        pa = arrow()
        chosen = frame.select(*columns)
        if not self.is_pandas:
            return chosen.to_arrow()
        native = chosen.to_native()
        return pa.table({name: _from_pandas(native[name]) for name in columns})

    def native(self, table: Any) -> Any:
        """A table of scores as a frame of the library that the frame is of, its rows labelled as they were."""
        if not self.is_pandas:
            return narwhals().from_arrow(table, backend=self.frame.implementation).to_native()
        scores = table.to_pandas()
        scores.index = self.frame.to_native().index
        return scores


def _from_pandas(column: Any) -> Any:
    """A pandas column; values that are not text become their description where others of the column are text."""
    pa = arrow()
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        missing = column.isna().to_numpy()
        values = column.to_numpy(dtype=object)
        return pa.array([None if gone else _described(v) for v, gone in zip(values, missing, strict=True)], pa.string())


def _described(value: object) -> str:
    text = value if isinstance(value, str) else f"{type(value).__name__} {value!r}"
    return text.encode(errors="backslashreplace").decode()
