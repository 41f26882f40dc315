"""Frames in memory, in and out: pandas by itself, polars and pyarrow by way of narwhals."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.cohort.columns import Batch, Scored, pandas_array, to_pandas
from bayesdx.cohort.options import CohortSizes, check_width
from bayesdx.cohort.sources import Part, RowSource, arrow_batches, arrow_table, reading
from bayesdx.errors import CohortError, MissingExtraError, quoted
from bayesdx.files.companions import arrow


def narwhals() -> Any:
    """The module narwhals.

    Raises
    ------
    MissingExtraError
        narwhals is not installed (extra ``cohort``).
    """
    try:
        from narwhals.stable import v2
    except ImportError as error:
        raise MissingExtraError(
            "score_cohort() of this frame needs narwhals: install bayesdx with its cohort extra (pip install pyarrow "
            "narwhals)."
        ) from error
    return v2


FRAME = "the frame"
"""What messages call a frame, which has no name of its own."""


def frame_source(frame: Any, sizes: CohortSizes) -> RowSource:
    """The source of a frame."""
    return PandasSource(frame, sizes) if isinstance(frame, pd.DataFrame) else ArrowSource(frame, sizes)


class FrameSource(RowSource):
    """A frame in memory; a part is some consecutive rows."""

    rows: int

    def parts(self, columns: Sequence[str], done: Callable[[int], int | None]) -> Iterator[Part]:
        """``part_rows`` rows each."""
        part_rows = self.sizes.part_rows
        for number, start in enumerate(range(0, max(1, self.rows), part_rows)):
            yield Part(number, self._reader(start, min(self.rows, start + part_rows), columns))

    @abstractmethod
    def _reader(self, start: int, stop: int, columns: Sequence[str]) -> Callable[[], Iterator[Batch]]:
        """A function that reads these columns of the rows from ``start`` to before ``stop``."""

    def _check_names(self, names: Sequence[object]) -> None:
        check_width(self.name, len(names), self.sizes)
        for name in names:
            if not isinstance(name, str):
                raise CohortError(f"{self.name}: column {quoted(name)} is not named by text.")


class PandasSource(FrameSource):
    """A pandas frame.

    Parameters
    ----------
    frame : DataFrame
    sizes : CohortSizes
    numbers : sequence of int, optional
        What messages call its rows; their positions where left out.
    name : str
        What messages call it.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        sizes: CohortSizes,
        numbers: Sequence[int] | NDArray[np.integer] | None = None,
        name: str = FRAME,
    ) -> None:
        self.sizes, self.name = sizes, name
        self._check_names(list(frame.columns))
        self.frame = frame
        self.names = list(frame.columns)
        self.rows = len(frame)
        self.numbers = range(len(frame)) if numbers is None else numbers

    def kept_schema(self, keep: Sequence[str]) -> Any:
        """The types of whole columns; a slice of a column of objects may look like another type."""
        with reading(self.name):
            return arrow().schema([(name, pandas_array(self.frame[name]).type) for name in keep])

    def _reader(self, start: int, stop: int, columns: Sequence[str]) -> Callable[[], Iterator[Batch]]:
        def batches() -> Iterator[Batch]:
            batch_rows = self.sizes.batch_rows
            for first in range(start, max(stop, start + 1), batch_rows):
                rows = slice(first, min(stop, first + batch_rows))
                yield Batch({name: self.frame[name].iloc[rows] for name in columns}, self.numbers[rows])

        return batches

    def native(self, parts: Sequence[Scored], schema: Callable[[], Any]) -> Any:
        """A pandas frame, its rows labelled as they were."""
        return to_pandas([part.columns for part in parts], self.frame.index)


class ArrowSource(FrameSource):
    """A frame of another library."""

    is_arrow = True

    def __init__(self, frame: Any, sizes: CohortSizes, name: str = FRAME) -> None:
        nw = narwhals()
        pa = arrow()
        self.sizes, self.name = sizes, name
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
        self.names = list(self.frame.columns)
        self._check_names(self.names)
        self.rows = len(self.frame)

    def kept_schema(self, keep: Sequence[str]) -> Any:
        """As pyarrow has them."""
        with reading(self.name):
            return self.frame.select(*keep).to_arrow().schema.remove_metadata()

    def _reader(self, start: int, stop: int, columns: Sequence[str]) -> Callable[[], Iterator[Batch]]:
        def batches() -> Iterator[Batch]:
            with reading(self.name):
                empty = self.frame[:0].select(*columns).to_arrow()
            yield from arrow_batches(record_batches(), empty, start, self.sizes.batch_rows)

        def record_batches() -> Iterator[Any]:
            batch_rows = self.sizes.batch_rows
            for first in range(start, stop, batch_rows):
                with reading(self.name):
                    table = self.frame[first : min(stop, first + batch_rows)].select(*columns).to_arrow()
                yield from table.combine_chunks().to_batches()

        return batches

    def native(self, parts: Sequence[Scored], schema: Callable[[], Any]) -> Any:
        """A frame of the same library."""
        table = arrow_table(parts, schema())
        return narwhals().from_arrow(table, backend=self.frame.implementation).to_native()
