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
from bayesdx.errors import CohortError, quoted
from bayesdx.files.companions import arrow, arrow_faults

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
        """The text of each cell, None where missing; ``values``, where given, replaces the distinct texts."""
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


# -- as distinct values -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CellType:
    """Stands for cells of a type that no state can have, such as lists or dates."""

    name: str


def distinct(column: Column) -> tuple[NDArray[np.integer], list[object]]:
    """Index of each cell in the distinct values, -1 where missing, and these values.

    A value is a str, a bool, an int or a float, None where it is missing also, or a CellType.
    """
    if isinstance(column, Texts):
        return column.index, list(column.values)
    if isinstance(column, pd.Series):
        return _distinct_of_series(column)
    return _distinct_of_array(column)


def _distinct_of_series(column: pd.Series[Any]) -> tuple[NDArray[np.integer], list[object]]:
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        index, values = column.cat.codes.to_numpy(), kind.categories.to_numpy(dtype=object)
    elif isinstance(kind, pd.StringDtype) or pd.api.types.is_numeric_dtype(kind):
        index, found = pd.factorize(column)
        values = np.asarray(found, dtype=object)
    elif kind == np.dtype(object):
        return _distinct_of_objects(column.to_numpy())
    else:
        return np.where(column.isna().to_numpy(), -1, 0), [CellType(str(kind))]
    return index, [_plain(value) for value in values.tolist()]


def _distinct_of_objects(cells: NDArray[np.object_]) -> tuple[NDArray[np.integer], list[object]]:
    """Values of any type; a list, or another value without a hash, is represented by its CellType."""
    if pd.api.types.infer_dtype(cells, skipna=True) == "string":
        index, texts = pd.factorize(cells)
        return index, list(texts)
    places: dict[object, int] = {}
    values: list[object] = []
    index = np.full(len(cells), -1)
    for row in np.flatnonzero(~pd.isna(cells)).tolist():
        value = _plain(cells[row])
        key = (type(value), value)  # True is not 1 here
        if key not in places:
            places[key] = len(values)
            values.append(value)
        index[row] = places[key]
    return index, values


def _plain(value: object) -> object:
    """A cell as Python's own text, truth value or number; a CellType for anything else."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    if isinstance(value, str | bool | int | float):
        return value
    missing = pd.api.types.is_scalar(value) and pd.isna(value)  # type: ignore[call-overload]
    return None if missing else CellType(type(value).__name__)


def _distinct_of_array(cells: Any) -> tuple[NDArray[np.integer], list[object]]:
    pa = arrow()
    if isinstance(cells, pa.ExtensionArray):
        cells = cells.storage
    kind, types = cells.type, pa.types
    if types.is_null(kind):
        return np.full(len(cells), -1), []
    if types.is_dictionary(kind):
        check_indices([cells])
        inner, values = _distinct_of_array(cells.dictionary)
        return np.append(inner, -1)[_filled(cells.indices)], values
    if _is_text(kind):
        coded = cells.cast(pa.large_binary()).dictionary_encode()
    elif types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        missing = cells.is_null(nan_is_null=types.is_floating(kind))
        coded = pa.compute.if_else(missing, pa.scalar(None, kind), cells).dictionary_encode()
    else:
        return np.where(np.asarray(cells.is_null()), -1, 0), [CellType(repr(str(kind))[1:-1])]
    return _filled(coded.indices), [_plain(value) for value in coded.dictionary.to_pylist()]


def _is_text(kind: Any) -> bool:
    types = arrow().types
    tests = (types.is_string, types.is_large_string, types.is_string_view,
             types.is_binary, types.is_large_binary, types.is_binary_view)  # fmt: skip
    return any(test(kind) for test in tests)


def _filled(indices: Any) -> NDArray[np.int64]:
    """Indices as whole numbers, -1 for null."""
    pa = arrow()
    wide = indices.cast(pa.int64())
    return np.asarray(wide.fill_null(-1) if wide.null_count else wide)


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


def pandas_array(column: pd.Series[Any]) -> Any:
    """A pyarrow Array of a Series; where it mixes text with other values, these become text that describes them."""
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
