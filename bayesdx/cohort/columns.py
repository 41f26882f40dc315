"""Columns, in and out: what a cohort is read into, and what scores are made of, whatever they are stored as.

A column is ``Texts``, ``Numbers``, a pandas Series or a pyarrow Array. The text of a CSV file and all scores are of the
first two kinds, which need numpy alone. A Series or an Array is what a frame or a Parquet file holds: findings are read
from it, or it is copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.display.plain import disarmed
from bayesdx.errors import CohortError
from bayesdx.files.companions import arrow, arrow_faults
from bayesdx.knowledge.vocabulary import quoted

TEXT = pd.Series(["text"]).dtype
"""How this pandas stores text."""

STATUSES = ("ok", "impossible", "bad_value")
"""What became of a row: scored; of probability 0 under the model; a cell that is no state of its variable."""

Column = Any
"""``Texts``, ``Numbers``, pandas.Series or pyarrow.Array."""


@dataclass(frozen=True, eq=False)
class Texts:
    """A column of text.

    Parameters
    ----------
    index : ndarray of int, shape (n_rows,)
        Position of each cell in ``values``; -1 is missing.
    values : sequence of str
        The distinct texts.
    separator : str
        Between the cells of the file that they are from; empty for other texts.
    """

    index: NDArray[np.integer]
    values: Sequence[str]
    separator: str = ""

    def __len__(self) -> int:
        return len(self.index)

    def cells(self, values: Sequence[str] | None = None) -> NDArray[np.object_]:
        """The text of each cell, None where missing; ``values`` may stand for the distinct texts."""
        whole = np.array([*(self.values if values is None else values), None], dtype=object)
        return np.take(whole, self.index)


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column of numbers.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows,)
    missing : ndarray of bool, shape (n_rows,), or None
        Where there is no number; None where there is one everywhere.
    """

    values: NDArray[np.float64]
    missing: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Batch:
    """Consecutive rows of a table.

    Parameters
    ----------
    columns : mapping of name to Column
    numbers : sequence of int
        What messages call each row: its line in a CSV file, elsewhere its position.
    """

    columns: Mapping[str, Column]
    numbers: Sequence[int] | NDArray[np.integer]

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores of a batch.

    Parameters
    ----------
    columns : mapping of name to Column
        In the order of the output: those that were kept, then the scores.
    statuses : mapping of "ok", "impossible" and "bad_value" to the number of rows
    """

    columns: Mapping[str, Column]
    statuses: Mapping[str, int]


# -- as CSV -----------------------------------------------------------------------------------------------------------


def csv_rows(columns: Mapping[str, Column]) -> Iterator[tuple[object, ...]]:
    """The rows of columns, for Python's CSV writer; no cell is a formula, None is missing."""
    return zip(*(_csv_cells(name, column) for name, column in columns.items()), strict=True)


def _csv_cells(name: str, column: Column) -> list[Any]:
    if isinstance(column, Numbers):
        cells: list[Any] = column.values.tolist()
        if column.missing is not None:
            for row in np.flatnonzero(column.missing).tolist():
                cells[row] = None
        return cells
    if not isinstance(column, Texts):
        column = _as_text(name, column)
    found: list[Any] = column.cells([disarmed(text) for text in column.values]).tolist()
    return found


def _as_text(name: str, column: Column) -> Texts:
    """A column that is copied, as text."""
    if isinstance(column, pd.Series):
        present = column.notna().to_numpy()
        texts = [str(value) for value in column[present].astype(object)]
        index = np.full(len(column), -1)
        index[present], values = pd.factorize(np.array(texts, dtype=object))
        return Texts(index, values.tolist())
    pa = arrow()
    try:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        coded = column.cast(pa.string()).dictionary_encode()
    except arrow_faults() as error:
        raise CohortError(
            f"keep: column {quoted(name)} is {column.type}, which a CSV file cannot hold; write Parquet."
        ) from error
    return Texts(np.asarray(coded.indices.fill_null(-1)), coded.dictionary.to_pylist())


# -- as pandas --------------------------------------------------------------------------------------------------------


def to_pandas(parts: Sequence[Mapping[str, Column]], index: pd.Index | None = None) -> pd.DataFrame:
    """A frame of the columns of consecutive parts, its rows labelled by ``index``."""
    names = list(parts[0])
    series = {name: pd.concat([_series(part[name]) for part in parts], ignore_index=True) for name in names}
    frame = pd.DataFrame(series, columns=names)
    return frame if index is None else frame.set_axis(index)


def _series(column: Column) -> pd.Series[Any]:
    if isinstance(column, Texts):
        return pd.Series(column.cells(), dtype=TEXT)
    if isinstance(column, Numbers):
        if column.missing is None:
            return pd.Series(column.values)
        return pd.Series(np.where(column.missing, np.nan, column.values))
    assert isinstance(column, pd.Series)
    return column


# -- as Arrow ---------------------------------------------------------------------------------------------------------


def to_arrow(columns: Mapping[str, Column], schema: Any) -> Any:
    """A pyarrow RecordBatch of columns."""
    arrays = [_array(column, schema.field(name)) for name, column in columns.items()]
    return arrow().RecordBatch.from_arrays(arrays, schema=schema)


def _array(column: Column, field: Any) -> Any:
    pa = arrow()
    if isinstance(column, Numbers):
        # What lies under a null is 0, so that equal scores are equal bytes.
        if column.missing is None:
            return pa.array(np.ascontiguousarray(column.values))
        return pa.array(np.where(column.missing, 0.0, column.values), mask=column.missing)
    if isinstance(column, Texts):
        if not len(column.values):
            return pa.nulls(len(column), pa.string())
        indices = pa.array(np.maximum(column.index, 0).astype(np.int32), mask=column.index < 0)
        return pa.array([_printable(text) for text in column.values], pa.string()).take(indices)
    array = pandas_array(column) if isinstance(column, pd.Series) else column
    if array.type == field.type:
        return array
    try:
        return array.cast(field.type)
    except arrow_faults() as error:
        raise CohortError(f"keep: column {quoted(field.name)} is {array.type} here and {field.type} before.") from error


def check_indices(arrays: Iterable[Any]) -> None:
    """Raise a CohortError where a column points beyond its dictionary, as a damaged file may.

    pyarrow takes such a column as it is, and reads memory that is not its own when it decodes it.
    """
    pa = arrow()
    for array in arrays:
        if pa.types.is_dictionary(array.type):
            ends = pa.compute.min_max(array.indices).as_py()
            if ends["min"] is not None and not 0 <= ends["min"] <= ends["max"] < len(array.dictionary):
                raise CohortError("a column points beyond its dictionary; the data are damaged.")


def pandas_array(column: pd.Series[Any]) -> Any:
    """A pyarrow Array of a Series; values that are not text become their description where others of it are text."""
    pa = arrow()
    try:
        array = pa.array(column, from_pandas=True)
        return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    except arrow_faults():
        missing = column.isna().to_numpy()
        values = column.to_numpy(dtype=object)
        texts = [
            None if gone else _printable(value if isinstance(value, str) else f"{type(value).__name__} {value!r}")
            for value, gone in zip(values, missing, strict=True)
        ]
        return pa.array(texts, pa.string())


def _printable(text: str) -> str:
    """The text with escapes for what UTF-8 cannot hold."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()
