"""What a table may say under a model: names of columns, states of each, and the names of the scores."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bayesdx.diagnosis.lines import alternatives
from bayesdx.errors import FindingsError, nearest
from bayesdx.inference import Engine
from bayesdx.inference.kernels import Kernel, numba_installed
from bayesdx.knowledge.model import Model
from bayesdx.network import compile_network

MOST_FAULTS_SHOWN = 20
"""Faults that one message lists."""

LONGEST_SHOWN = 80
"""Characters of a cell or a name that a message shows."""


@dataclass(frozen=True, eq=False)
class Lexicon:
    """A model as a table sees it.

    Parameters
    ----------
    model : Model
    engine : Engine
        With one kernel for batches of every size, so that a row has the same score in all of them.
    lines : tuple of str
        Names of the lines of the differential.
    """

    model: Model
    engine: Engine
    lines: tuple[str, ...]

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.model.name} {self.model.version}"

    def positions(self, columns: Sequence[str], keep: Iterable[str], ignore: Iterable[str]) -> dict[str, int]:
        """Position in the network of every column that is a variable.

        Raises
        ------
        FindingsError
            A column twice; one that is no variable and neither kept nor ignored; one to keep that is not there.
        """
        index = self.engine.network.index
        kept, ignored = set(keep), set(ignore)
        faults = []
        seen: set[str] = set()
        for column in columns:
            if column in seen:
                faults.append(f"column {quoted(column)} occurs twice.")
            elif column not in index and column not in kept and column not in ignored:
                faults.append(self._no_variable(column))
            seen.add(column)
        faults += [
            f"keep: there is no column {quoted(name)}.{hint(name, columns)}" for name in keep if name not in seen
        ]
        if faults:
            raise FindingsError(listed(faults))
        return {column: index[column] for column in columns if column in index and column not in ignored}

    def _no_variable(self, column: str) -> str:
        text = f"column {quoted(column)} is not a variable of {self.title}."
        if column in self.model.groups:
            return f"{text} It is a group; give its members as columns: {', '.join(self.model.groups[column])}."
        names = self.engine.network.names
        if any(mark in column and set(column.split(mark)) & set(names) for mark in (";", "\t", "|")):
            return f"{text} The cells seem to be separated by another sign than a comma; save the file with commas."
        return f"{text}{hint(column, names) or ' Name it under keep to copy it, or under ignore.'}"


def quoted(text: object) -> str:
    """A name or cell in quotes, shortened; letters that only look like those of a name are spelt as code points."""
    whole = text if isinstance(text, str) else str(text)
    cut = whole if len(whole) <= LONGEST_SHOWN else f"{whole[:LONGEST_SHOWN]}…"
    return repr(cut) if cut.isascii() or not _mixed(cut) else ascii(cut)


def _mixed(text: str) -> bool:
    """Whether letters of the Latin alphabet stand beside those of another one, as in forged names."""
    letters = [sign for sign in text if sign.isalpha()]
    return any(sign.isascii() for sign in letters) and any(ord(sign) > 0x24F for sign in letters)


def hint(name: object, valid: Iterable[str]) -> str:
    """The nearest valid name as a question, or nothing."""
    near = nearest(name, valid)
    return f" Did you mean {near!r}?" if near else ""


def listed(faults: Sequence[str]) -> str:
    """Faults, a line each, the first ones only where there are many."""
    more = [f"... and {len(faults) - MOST_FAULTS_SHOWN} more."] if len(faults) > MOST_FAULTS_SHOWN else []
    return "\n".join([*faults[:MOST_FAULTS_SHOWN], *more])


_COMPILING = threading.Lock()


def lexicon(model: Model) -> Lexicon:
    """The lexicon of a model; compiled once in a process, shared by its threads."""
    with _COMPILING:
        return _compiled(model)


@lru_cache(maxsize=8)
def _compiled(model: Model) -> Lexicon:
    engine = Engine(compile_network(model), kernel=kernel(), workers=1)  # the parts of a cohort have the threads
    return Lexicon(model, engine, tuple(line.name for line in alternatives(model)))


def kernel() -> Kernel:
    """The kernel of every cohort: numba where it is installed. Not "auto", which depends on the size of the batch."""
    return "numba" if numba_installed() else "numpy"
