"""What a table means in a model: columns as variables, cells as codes of states; what means nothing is reported."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bayesdx.cohort.columns import Batch, CellType, Texts, distinct
from bayesdx.diagnosis.compiled import Compiled, compiled
from bayesdx.errors import DataWarning, FindingsError, did_you_mean, knows_the_answer, quoted
from bayesdx.files.texts import plain_number
from bayesdx.inference import Engine
from bayesdx.inference.kernels import Kernel, numba_installed
from bayesdx.knowledge.model import Model

Codes = NDArray[np.int32]

MOST_FAULTS_SHOWN = 20
"""Faults that one message lists."""

CAUSES = "causes"
"""Under ``ignore``, stands for every column that is a cause or brings causes about."""

MOST_REMEMBERED = 10_000
"""Distinct cells of a column whose reading is remembered."""

UNTOLD = ("", "?")
"""Cells that say nothing: an empty one, and one that says that the question could not be answered."""


@dataclass(frozen=True, eq=False)
class TableLexicon:
    """What the columns and cells of a table mean in a model.

    Parameters
    ----------
    model : Model
    engine : Engine
        With one kernel for batches of every size, so that a row has the same score in all of them.
    lines : tuple of str
        Names of the lines of the differential.
    codes : dict
        What cells mean, as far as they were seen: column and position, then the cell.
    """

    model: Model
    engine: Engine
    lines: tuple[str, ...]
    codes: dict[tuple[str, int], dict[tuple[type, object], int | None]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.model.name} {self.model.version}"

    def positions(self, columns: Sequence[str], keep: Iterable[str], ignore: Iterable[str]) -> dict[str, int]:
        """Position in the network of every column that is a variable, by its name, its label or a synonym.

        Raises
        ------
        FindingsError
            A column, or a variable, that is given twice; a column that may mean several variables, or that is none and
            neither kept nor ignored; one to keep or to ignore that is not there.

        Warns
        -----
        DataWarning
            A column is a cause.
        """
        index = self.engine.network.index
        kept, ignored = set(keep), set(ignore)
        faults = []
        found: dict[str, str] = {}
        seen: set[str] = set()
        for column in columns:
            if column in seen:
                faults.append(f"column {quoted(column)} occurs twice.")
            elif column not in ignored:
                meant = self.model.vocabulary.find(column)
                if len(meant) == 1 and meant[0] in index:
                    found[column] = meant[0]
                elif len(meant) > 1 or column not in kept:
                    faults.append(self._no_variable(column, meant))
            seen.add(column)
        faults += self._twice(found)
        faults += [
            f"keep: there is no column {quoted(name)}.{did_you_mean(name, columns)}"
            for name in keep
            if name not in seen
        ]
        faults += [
            f"ignore: there is no column {quoted(name)}.{did_you_mean(name, [*columns, CAUSES])}"
            for name in sorted(ignored - seen - {CAUSES})
        ]
        if faults:
            raise FindingsError(listed(faults))
        answers = [column for column, name in found.items() if name in self.model.diagnoses]
        if CAUSES in ignored:
            found = {column: name for column, name in found.items() if column not in answers}
        elif answers:
            warnings.warn(
                f"{knows_the_answer(answers)} ignore=['{CAUSES}'] leaves them out.", DataWarning, stacklevel=3
            )
        return {column: index[name] for column, name in found.items()}

    def _twice(self, found: Mapping[str, str]) -> list[str]:
        """Variables that several columns mean."""
        columns: dict[str, list[str]] = defaultdict(list)
        for column, name in found.items():
            columns[name].append(column)
        return [
            f"{name} is given twice, as {' and as '.join(map(quoted, several))}."
            for name, several in columns.items()
            if len(several) > 1
        ]

    def code(self, column: str, position: int, value: object) -> int | None:
        """The code of the state that a cell means, ``?`` as an empty one; None where no single state is meant."""
        known = self.codes.setdefault((column, position), {})
        key = (type(value), value)
        if key not in known:
            if len(known) >= MOST_REMEMBERED:
                known.clear()
            known[key] = self._read(column, position, value)
        return known[key]

    def _read(self, column: str, position: int, value: object) -> int | None:
        node = self.engine.network.nodes[position]
        state = self.model.vocabulary.state_or_none(node.name, value, column)
        if state is None:
            return self.blank(column, position) if isinstance(value, str) and value.strip() in UNTOLD else None
        return node.states.index(state)

    def blank(self, column: str, position: int) -> int:
        """The code of an empty cell: -1, not observed, unless the variable has a state for it."""
        node = self.engine.network.nodes[position]
        state = self.model.vocabulary.if_empty(node.name, column)
        return node.states.index(state) if state else -1

    def _no_variable(self, column: str, meant: Sequence[str]) -> str:
        if len(meant) > 1:
            several = " or ".join((", ".join(meant[:-1]), meant[-1]))
            return f"column {quoted(column)} may mean {several}; name it after one of them, or name it under ignore."
        text = f"column {quoted(column)} is not a variable of {self.title}."
        if meant:
            return f"{text} It is a group; give its members as columns: {', '.join(self.model.groups[meant[0]])}."
        names = self.engine.network.names
        if set(column.split("|")) & set(names):
            return f"{text} The cells seem to be separated by |; save the file with commas, semicolons or tabs."
        return f"{text}{self.model.vocabulary.hint(column)} Name it under keep to copy it, or under ignore."


def listed(faults: Sequence[str]) -> str:
    """Faults, a line each, the first ones only where there are many."""
    more = [f"... and {len(faults) - MOST_FAULTS_SHOWN} more."] if len(faults) > MOST_FAULTS_SHOWN else []
    return "\n".join([*faults[:MOST_FAULTS_SHOWN], *more])


def lexicon(model: Model) -> TableLexicon:
    """The lexicon of a model; made once in a process, shared by its threads."""
    return compiled(model).kept(_lexicon)


def _lexicon(ready: Compiled) -> TableLexicon:
    engine = Engine(ready.network, kernel=kernel(), workers=1)  # the parts of a cohort have the threads
    return TableLexicon(ready.model, engine, tuple(line.name for line in ready.lines))


def kernel() -> Kernel:
    """The kernel of every cohort: numba where it is installed. Not "auto", which depends on the size of the batch."""
    return "numba" if numba_installed() else "numpy"


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
        numbers is "not observed", or what ``if_empty`` of the variable says.
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
        table = np.full(len(values) + 1, lexicon.blank(column, position), dtype=np.int32)
        wrong = np.full(len(values) + 1, -1, dtype=np.int32)
        for place, value in enumerate(values):
            if value is None:
                continue
            code = None if isinstance(value, CellType) else lexicon.code(column, position, value)
            if code is None and separator:
                code = lexicon.code(column, position, plain_number(str(value), separator))
            if code is None:
                table[place] = -1
                wrong[place] = len(faults)
                faults.append(Fault(column, position, value))
            else:
                table[place] = code
        codes[:, position] = table[index]
        if (wrong >= 0).any():
            found = wrong[index]
            fault = np.where((fault < 0) & (found >= 0), found, fault)
    return Coded(codes, fault, faults)
