"""Frames of state names become evidence: of pandas, polars or pyarrow, lists of dicts, or one dict.

The different values of a column are looked up once each; columns of equal states share that work, and a column without
a value costs next to nothing.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.errors import FindingsError, did_you_mean
from bayesdx.inference.evidence import Evidence
from bayesdx.network import Network

Array = NDArray[np.float64]
Codes = NDArray[np.int32]

Observed: TypeAlias = "pd.DataFrame | pd.Series | Mapping[str, object] | Sequence[Mapping[str, object]] | Any"
"""What can be encoded; a frame of polars or pyarrow is ``Any``, since neither has to be installed."""

MOST_FAULTS_SHOWN = 20
"""Faults of a frame that one message lists."""

FEW_ROWS = 512
"""In frames of at most so many rows the columns without a value are found first, in one step."""

VERY_FEW_ROWS = 16
"""Frames of at most so many rows are read as plain objects, which is faster there than using the types of columns."""

MISSING, UNKNOWN, SOFT = -1, -2, -3


def encode(frame: Observed, network: Network) -> Evidence:
    """Evidence from a frame of state names.

    Parameters
    ----------
    frame : DataFrame of pandas, polars or pyarrow, sequence of mappings, or one mapping
        A column per observed variable, a row per case. A cell holds a state; a dict of likelihoods over all states; a
        list, tuple or set of the states that are still possible; or nothing (None, NaN, NA): not observed.
    network : Network

    Returns
    -------
    Evidence

    Raises
    ------
    FindingsError
        Columns or states that the network does not have, each with its row, column, value and the nearest valid name.
    """
    rows = _as_rows(frame)
    found = _Found.of(_length(frame) if rows is None else len(rows), network)
    if rows is not None:
        _read_rows(rows, network, found)
    else:
        _read_columns(frame, network, found)
    if found.faults:
        faults = [text for _, _, text in sorted(found.faults, key=lambda fault: fault[:2])]
        more = [f"... and {len(faults) - MOST_FAULTS_SHOWN} more."] if len(faults) > MOST_FAULTS_SHOWN else []
        raise FindingsError("\n".join(f"findings: {text}" for text in [*faults[:MOST_FAULTS_SHOWN], *more]))
    return Evidence(found.codes, found.likelihoods)


def index_of(frame: Observed) -> pd.Index:
    """Labels of the rows: the index of a pandas frame, elsewhere their numbers."""
    if isinstance(frame, pd.DataFrame):
        return frame.index
    rows = _as_rows(frame)
    return pd.RangeIndex(_length(frame) if rows is None else len(rows))


@dataclass
class _Found:
    """What was read so far.

    Parameters
    ----------
    codes : ndarray of int, shape (n_cases, n_variables)
    likelihoods : dict of variable name to ndarray, shape (n_cases, n_states)
    faults : list of (place of the column, row, sentence)
    tables : dict
        Per tuple of states, the code of each value that was looked up.
    """

    codes: Codes
    likelihoods: dict[str, Array] = field(default_factory=dict)
    faults: list[tuple[int, int, str]] = field(default_factory=list)
    tables: dict[tuple[str, ...], dict[tuple[type, Hashable], int]] = field(default_factory=dict)

    @classmethod
    def of(cls, n_cases: int, network: Network) -> _Found:
        """Nothing observed of so many cases."""
        return cls(np.full((n_cases, len(network)), MISSING, dtype=np.int32))

    def code(self, value: object, states: tuple[str, ...]) -> int:
        """The code of one cell: a state, or ``MISSING``, ``UNKNOWN``, ``SOFT``."""
        table = self.tables.setdefault(states, {})
        try:
            key = type(value), value
            if key not in table:
                table[key] = _code(value, states)
            return table[key]
        except TypeError:  # a value without a hash is no state
            return _code(value, states)

    def add_soft(self, value: object, row: int, name: str, states: tuple[str, ...]) -> str:
        """Enter a dict of likelihoods or a collection of states; returned is what is wrong with it, if anything."""
        if isinstance(value, Mapping):
            given, wrong = _likelihoods(value, states)
        else:
            given, wrong = _still_possible(value, states)
        if wrong:
            return wrong
        if name not in self.likelihoods:
            self.likelihoods[name] = np.ones((len(self.codes), len(states)))
        self.likelihoods[name][row] = given
        return ""


def _code(value: object, states: tuple[str, ...]) -> int:
    if isinstance(value, str):
        return states.index(value) if value in states else UNKNOWN
    if isinstance(value, Mapping | list | tuple | AbstractSet | np.ndarray):
        return SOFT
    if pd.isna(value):  # type: ignore[call-overload]
        return MISSING
    text = str(value)
    if text not in states and isinstance(value, float | np.floating) and float(value).is_integer():
        text = str(int(value))
    return states.index(text) if text in states else UNKNOWN


def _likelihoods(value: Mapping[object, object], states: tuple[str, ...]) -> tuple[list[float], str]:
    given: list[float] = [-1.0] * len(states)
    for state, likelihood in value.items():
        code = _code(state, states)
        if code < 0:
            return [], _no_state(state, states)
        try:
            number = float(likelihood)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            number = -1.0
        if not 0 <= number < np.inf:
            return [], f"the likelihood of {states[code]} is {likelihood!r}; expected a finite number of at least 0."
        given[code] = number
    lacking = [state for state, number in zip(states, given, strict=True) if number < 0]
    if lacking:
        return [], f"no likelihood of {', '.join(lacking)}; give one for every state, 0 is allowed."
    return given, "" if any(given) else "all likelihoods are 0; at least one has to be above."


def _still_possible(value: Any, states: tuple[str, ...]) -> tuple[list[float], str]:
    given = [0.0] * len(states)
    for state in value:
        code = _code(state, states)
        if code < 0:
            return [], _no_state(state, states)
        given[code] = 1.0
    return given, "" if any(given) else "no state is left; name those that are still possible."


# -- rows -------------------------------------------------------------------------------------------------------------


def _as_rows(frame: Observed) -> Sequence[Mapping[object, object]] | None:
    """Cases that are given one by one; None for frames."""
    if isinstance(frame, pd.DataFrame):
        return None
    if isinstance(frame, pd.Series):
        return [dict(frame.items())]
    if isinstance(frame, Mapping):
        return [dict(frame)]
    if isinstance(frame, list | tuple):
        for number, row in enumerate(frame):
            if not isinstance(row, Mapping):
                raise FindingsError(f"findings: row {number} is {type(row).__name__}; expected a dict of findings.")
        return frame
    if hasattr(frame, "columns") or hasattr(frame, "column_names"):
        return None
    raise FindingsError(
        f"findings: {type(frame).__name__}; expected a frame of pandas, polars or pyarrow, dicts of findings, or one."
    )


def _read_rows(rows: Sequence[Mapping[object, object]], network: Network, found: _Found) -> None:
    known: dict[object, int | None] = {}
    for number, row in enumerate(rows):
        for name, value in row.items():
            place = known.setdefault(name, len(known))
            position = network.index.get(name)  # type: ignore[call-overload]
            if position is None:
                if place is not None:
                    found.faults.append((place, -1, f"{_not_a_variable(name, network)}"))
                    known[name] = None
                continue
            if value is not None:
                _read_cell(value, number, number, position, place or 0, network, found)


def _read_cell(
    value: object, row: int, label: object, position: int, place: int, network: Network, found: _Found
) -> None:
    node = network.nodes[position]
    code = found.code(value, node.states)
    if code >= 0:
        found.codes[row, position] = code
    elif code == SOFT:
        wrong = found.add_soft(value, row, node.name, node.states)
        if wrong:
            found.faults.append((place, row, f"row {_plain(label)!r}, {node.name}: {wrong}"))
    elif code == UNKNOWN:
        found.faults.append((place, row, _not_a_state(value, label, node.name, node.states)))


# -- columns ----------------------------------------------------------------------------------------------------------


def _length(frame: Any) -> int:
    return int(frame.num_rows) if hasattr(frame, "num_rows") else len(frame)


def _names(frame: Any) -> Sequence[object]:
    if isinstance(frame, pd.DataFrame):
        return frame.columns.tolist()
    return list(frame.column_names if hasattr(frame, "column_names") else frame.columns)


def _read_columns(frame: Any, network: Network, found: _Found) -> None:
    names = _names(frame)
    different = set(names)
    if len(different) < len(names) or different.difference(network.index):
        seen: set[object] = set()
        for place, name in enumerate(names):
            if name not in network.index:
                found.faults.append((place, -1, _not_a_variable(name, network)))
            elif name in seen:
                found.faults.append((place, -1, f"column {name!r} occurs twice."))
            seen.add(name)
    labels: Any = frame.index if isinstance(frame, pd.DataFrame) else range(len(found.codes))
    parts = _pandas_parts(frame) if isinstance(frame, pd.DataFrame) else _other_parts(frame)
    looked_up: dict[tuple[int, tuple[str, ...]], tuple[Sequence[object], Codes]] = {}
    for place, numbers, values in parts:
        position = network.index.get(names[place])  # type: ignore[call-overload]
        if not values or position is None:
            continue
        states = network.nodes[position].states
        key = id(values), states
        if key not in looked_up:  # the list is kept beside its codes, so that its id is not used again
            looked_up[key] = values, np.array([found.code(value, states) for value in values], dtype=np.int32)
        of_value = looked_up[key][1]
        codes = np.append(of_value, np.int32(MISSING))[numbers]
        if of_value.size and of_value.min() < MISSING:
            for row in np.flatnonzero(codes < MISSING).tolist():
                value = values[numbers[row]]
                _read_cell(value, row, labels[row], position, place, network, found)
            codes = np.maximum(codes, MISSING)
        found.codes[:, position] = codes


Part: TypeAlias = "tuple[int, NDArray[np.integer[Any]], Sequence[object]]"
"""Place of a column; per row a number, -1 where nothing was observed; the values that the numbers stand for."""


def _pandas_parts(frame: pd.DataFrame) -> Iterator[Part]:
    """The columns of a pandas frame that hold a value; those of one type are taken out of the frame together."""
    of_column = frame.dtypes.tolist()
    classes = Counter(map(type, of_column))
    extensions = sum(count for kind, count in classes.items() if not issubclass(kind, np.dtype))
    if len(frame) <= VERY_FEW_ROWS and extensions <= FEW_ROWS:
        yield from _object_parts(frame.to_numpy(dtype=object), range(frame.shape[1]))
        return
    kinds: dict[object, list[int]] = {}
    for place, kind in enumerate(of_column):
        kinds.setdefault(kind, []).append(place)
    for kind, places in kinds.items():
        part = frame.iloc[:, places] if len(kinds) > 1 else frame
        if isinstance(kind, pd.CategoricalDtype):
            values = kind.categories.tolist()
            for place, (_, column) in zip(places, part.items(), strict=True):
                yield place, column.array.codes, values
        elif not isinstance(kind, np.dtype):
            yield from _extension_parts([column.array for _, column in part.items()], places)
        elif kind.kind == "O":
            yield from _object_parts(part.to_numpy(), places)
        else:
            block = part.to_numpy()
            for at in np.flatnonzero(pd.notna(block).any(axis=0)).tolist():
                numbers, found = pd.factorize(block[:, at])
                yield places[at], numbers, found.tolist()


def _extension_parts(columns: Sequence[Any], places: Sequence[int]) -> Iterator[Part]:
    """Columns of one extension type; strings that pyarrow holds are looked through all at once."""
    if type(columns[0]).__name__ == "ArrowStringArray" and len(columns[0]):
        held = [column.__arrow_array__() for column in columns]
        chunks = [chunk for array in held for chunk in getattr(array, "chunks", [array])]
        numbers, values = _of_arrow(sys.modules["pyarrow"].chunked_array(chunks))
        if values:
            for place, part in zip(places, numbers.reshape(len(columns), -1), strict=True):
                yield place, part, values
        return
    for place, column in zip(places, columns, strict=True):
        numbers, found = pd.factorize(column)
        yield place, numbers, found.tolist()


def _object_parts(block: NDArray[np.object_], places: Sequence[int]) -> Iterator[Part]:
    few = len(block) <= FEW_ROWS
    used = np.flatnonzero(pd.notna(block).any(axis=0)).tolist() if few else range(len(places))
    for column in used:
        yield places[column], *_of_objects(block[:, column])


def _of_objects(column: NDArray[np.object_]) -> tuple[NDArray[np.integer[Any]], Sequence[object]]:
    """Different values of a column of objects, and the number of each cell's; missing ones are -1."""
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "empty":
        return np.full(len(column), -1), []
    if kind == "string":
        numbers, values = pd.factorize(column)
        return numbers, values.tolist()
    seen = pd.notna(column).tolist()
    return _numbered_objects([value if known else None for value, known in zip(column.tolist(), seen, strict=True)])


def _numbered_objects(column: Iterable[object]) -> tuple[NDArray[np.intp], Sequence[object]]:
    """Different values of a column of objects, and the number of each cell's; None is missing, -1.

    Values without a hash are taken as different from all others.
    """
    known: dict[tuple[type, object], int] = {}
    values: list[object] = []
    numbers: list[int] = []
    for value in column:
        if value is None:
            numbers.append(-1)
            continue
        try:
            number = known.setdefault((type(value), value), len(values))
        except TypeError:
            number = len(values)
        if number == len(values):
            values.append(value)
        numbers.append(number)
    return np.array(numbers, dtype=np.intp), values


def _other_parts(frame: Any) -> Iterator[Part]:
    """The columns of a frame of polars or pyarrow."""
    for place in range(len(_names(frame))):
        if hasattr(frame, "column_names"):
            yield place, *_of_arrow(frame.column(place))
        else:
            yield place, *_of_polars(frame.to_series(place))


def _of_arrow(column: Any) -> tuple[NDArray[np.integer[Any]], Sequence[object]]:
    if column.null_count == len(column):
        return np.zeros(0, dtype=np.intp), []
    packed = _packed(column)
    if packed is None:
        return _numbered_objects(column.to_pylist())
    numbers = packed.indices.cast("int64").fill_null(-1).to_numpy(zero_copy_only=False)
    return numbers, packed.dictionary.to_pylist()


def _packed(column: Any) -> Any:
    """A column of pyarrow as one array with its dictionary; None for types that have none, such as lists."""
    try:
        packed = column.dictionary_encode()
    except NotImplementedError:
        return None
    return packed.combine_chunks() if hasattr(packed, "combine_chunks") else packed


def _of_polars(column: Any) -> tuple[NDArray[np.integer[Any]], Sequence[object]]:
    if column.null_count() == len(column):
        return np.zeros(0, dtype=np.intp), []
    if len(column) > FEW_ROWS and str(column.dtype).startswith(("String", "Categorical", "Enum")):
        module = sys.modules[type(column).__module__.partition(".")[0]]
        packed = column.cast(module.Categorical) if str(column.dtype) == "String" else column
        numbers, _ = pd.factorize(packed.to_physical().cast(module.Int64).fill_null(-1).to_numpy())
        _, first = np.unique(numbers, return_index=True)
        values = [column[row] for row in first.tolist()]
        return numbers, values
    return _numbered_objects(column.to_list())


# -- sentences --------------------------------------------------------------------------------------------------------


def _not_a_variable(name: object, network: Network) -> str:
    return f"column {name!r} is not a variable.{did_you_mean(name, network.names)}"


def _not_a_state(value: object, label: object, name: str, states: tuple[str, ...]) -> str:
    shown = _plain(value)
    return (
        f"row {_plain(label)!r}, {name} = {shown!r} is not a state of {name}; "
        f"its states are {', '.join(states)}.{did_you_mean(value, states)}"
    )


def _no_state(state: object, states: Sequence[str]) -> str:
    near = did_you_mean(state, states)
    return f"{_plain(state)!r} is not a state; its states are {', '.join(states)}.{near}"


def _plain(value: object) -> object:
    """A numpy scalar as Python shows it."""
    return value.item() if isinstance(value, np.generic) else value
