"""From the cells of a record batch to codes of states; what is no state is noted, never guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesdx.cohort.companions import arrow
from bayesdx.cohort.lexicon import Lexicon, hint, quoted
from bayesdx.errors import CohortError

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Fault:
    """A cell that is no state of its variable.

    Parameters
    ----------
    column : str
    value : str or None
        The text of the cell; None where it holds no text.
    kind : str
        The type of a cell that holds no text.
    """

    column: str
    value: str | None
    kind: str = ""

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.column} holds {self.kind}, not text"
        return f"{self.column} = {quoted(self.value)} is not a state"

    def sentence(self, states: tuple[str, ...]) -> str:
        """The end of a message: column, value, what is expected, and the nearest state."""
        known = f"its states are {', '.join(states)}"
        if self.value is None:
            return f"column {self.column}: a cell of type {self.kind}; expected text; {known}."
        what = f"{quoted(self.value)} is not a state of {self.column}"
        return f"column {self.column}: {what}; {known}.{hint(self.value, states)}"


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


def encode_batch(lexicon: Lexicon, batch: Any, positions: Mapping[str, int]) -> Coded:
    """Codes of the columns of a batch that are variables.

    Parameters
    ----------
    lexicon : Lexicon
    batch : pyarrow.RecordBatch
        Text, plain or dictionary-coded, compared byte for byte with the names of states. Null, and NaN in a column of
        numbers, is "not observed".
    positions : mapping of column to its position in the network
    """
    network = lexicon.engine.network
    codes = np.full((batch.num_rows, len(network)), -1, dtype=np.int32)
    fault = np.full(batch.num_rows, -1, dtype=np.int32)
    faults: list[Fault] = []
    for column, position in positions.items():
        states = network.nodes[position].states
        indices, values = _distinct(batch.column(column))
        code_of = {state.encode(): code for code, state in enumerate(states)}
        # The last entry is that of index -1: a missing cell.
        table = np.full(len(values) + 1, -1, dtype=np.int32)
        wrong = np.full(len(values) + 1, -1, dtype=np.int32)
        for place, value in enumerate(values):
            if value is None:
                continue
            code = code_of.get(value) if isinstance(value, bytes) else None
            if code is None:
                wrong[place] = len(faults)
                faults.append(_fault(column, value))
            else:
                table[place] = code
        codes[:, position] = table[indices]
        if (wrong >= 0).any():
            found = wrong[indices]
            fault = np.where((fault < 0) & (found >= 0), found, fault)
    return Coded(codes, fault, faults)


def _fault(column: str, value: bytes | str) -> Fault:
    if isinstance(value, str):
        return Fault(column, None, value)
    return Fault(column, value.decode("utf-8", errors="backslashreplace"))


def _distinct(cells: Any) -> tuple[NDArray[np.int64], list[bytes | str | None]]:
    """Index of each cell in the distinct values, -1 where missing, and these values.

    A value is text as bytes, None (missing), or a str that says what else the cell holds.
    """
    pa = arrow()
    if isinstance(cells, pa.ExtensionArray):
        cells = cells.storage
    kind = cells.type
    if pa.types.is_null(kind):
        return np.full(len(cells), -1), []
    if pa.types.is_dictionary(kind):
        check_indices([cells])
        inner, values = _distinct(cells.dictionary)
        indices = _filled(cells.indices)
        return np.append(inner, -1)[indices], values
    if _is_text(kind):
        coded = cells.cast(pa.large_binary()).dictionary_encode()
        return _filled(coded.indices), coded.dictionary.to_pylist()
    missing = np.asarray(cells.is_null(nan_is_null=pa.types.is_floating(kind)))
    return np.where(missing, -1, 0), [quoted(kind)[1:-1]]


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
