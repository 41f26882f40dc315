"""Turns the cells of a batch into codes of states; a cell that is no state is reported, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.cohort.column_words import TableLexicon
from bayesdx.cohort.columns import Batch, Column, Texts, check_indices
from bayesdx.errors import FindingsError
from bayesdx.files.companions import arrow
from bayesdx.files.texts import plain_number

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class CellType:
    """Stands for all cells of a column whose type no state can have."""

    name: str


@dataclass(frozen=True)
class Fault:
    """A cell that is no state of its variable.

    Parameters
    ----------
    column : str
    position : int
        Of its variable in the network.
    value : object
        The cell, or its CellType.
    """

    column: str
    position: int
    value: object

    def message(self, lexicon: TableLexicon) -> str:
        """What ``diagnose`` says of the same finding: value, what is expected, and the nearest state."""
        node = lexicon.engine.network.nodes[self.position]
        if isinstance(self.value, CellType):
            known = f"its states are {', '.join(node.states)}"
            return f"{node.name} = a cell of type {self.value.name}; expected text; {known}."
        try:
            lexicon.model.vocabulary.state(node.name, self.value, self.column)
        except FindingsError as error:
            return str(error)
        raise AssertionError("a cell that means one state is no fault")

    def sentence(self, lexicon: TableLexicon) -> str:
        """The end of a message that names a row: the column, and what is wrong."""
        name = lexicon.engine.network.nodes[self.position].name
        return f"column {self.column}: {self.message(lexicon).removeprefix(f'{name} = ')}"


@dataclass(frozen=True, eq=False)
class Coded:
    """The evidence of a batch.

    Parameters
    ----------
    codes : ndarray of int, shape (n_rows, n_variables)
        State of each variable; -1 where nothing was observed or the cell is no state.
    fault : ndarray of int, shape (n_rows,)
        Position in ``faults`` of the first cell of the row that is no state; -1 where all cells are sound.
    faults : list of Fault
    """

    codes: Codes
    fault: Codes
    faults: list[Fault]


def encode_batch(lexicon: TableLexicon, batch: Batch, positions: Mapping[str, int]) -> Coded:
    """Codes of the columns of a batch that are variables.

    Parameters
    ----------
    lexicon : TableLexicon
    batch : Batch
        A cell says a state as a finding does, see ``Vocabulary.state``. What is missing, ``?``, and NaN in a column of
        numbers is "not observed".
    positions : mapping of column to its position in the network
    """
    network = lexicon.engine.network
    codes = np.full((len(batch), len(network)), -1, dtype=np.int32)
    fault = np.full(len(batch), -1, dtype=np.int32)
    faults: list[Fault] = []
    for column, position in positions.items():
        cells = batch.columns[column]
        index, values = distinct(cells)
        separator = cells.separator if isinstance(cells, Texts) else ""
        # The last entry is that of index -1: a missing cell.
        table = np.full(len(values) + 1, -1, dtype=np.int32)
        wrong = np.full(len(values) + 1, -1, dtype=np.int32)
        for place, value in enumerate(values):
            if value is None:
                continue
            code = None if isinstance(value, CellType) else lexicon.code(column, position, value)
            if code is None and separator:
                code = lexicon.code(column, position, plain_number(str(value), separator))
            if code is None:
                wrong[place] = len(faults)
                faults.append(Fault(column, position, value))
            else:
                table[place] = code
        codes[:, position] = table[index]
        if (wrong >= 0).any():
            found = wrong[index]
            fault = np.where((fault < 0) & (found >= 0), found, fault)
    return Coded(codes, fault, faults)


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
    """Values of any type; a list or another that cannot be looked up counts as one of its type."""
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
    """A cell as Python's own text, truth value or number; a CellType where it is nothing of these."""
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
