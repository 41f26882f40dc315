"""A table of patients as a model understands it: read strictly, every fault listed with its rows."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import compiled
from bayesdx.display.blocks import Block, Grid, Title
from bayesdx.display.report import Report
from bayesdx.errors import DatasetError, FindingsError, check_name, column_names, nearest_hint
from bayesdx.evaluation.mapping import Band, Rule, Source, code_among, code_text, measured, read_mapping, read_numbers
from bayesdx.files import TableFault, UnusualFileError, frame_of, read_table_file
from bayesdx.inference import Engine, Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.problems import Problem, one_of, shown
from bayesdx.knowledge.schema import format_cell
from bayesdx.knowledge.versions import as_model
from bayesdx.knowledge.vocabulary import Vocabulary, is_date, says_not_known

Table = Any
"""A frame of pandas, polars or pyarrow, or the path of a file that ``read_table_file`` reads."""

Array = NDArray[np.float64]

VERIFIED = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
"""What a column that shows verification may say."""

MISSING = ("?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "<NA>")
"""Words for a missing cell that a table of a new model may use; a table for a given model maps them, if it has them."""

UNTOLD = "?"
"""A cell that says that the question was asked and could not be answered, as a finding of ``diagnose`` may."""

COHORT = "COHORT_"
"""How sources begin that are patients from whom a model has learned."""

ROWS_SHOWN = 5
"""Rows that a fault names; it says how many more there are."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """Patients in the words of a model.

    Parameters
    ----------
    name : str
        The file, or "table".
    frame : DataFrame of state names
        A column per variable that the table has, a row per patient; None is "not observed". Its index names the rows:
        lines of a CSV file (the header is 1), otherwise the table's own index.
    weights : ndarray, shape (n_patients,), at least 0
        How many patients a row stands for.
    sites : tuple of str
        The site of each row; empty where no column of sites was named.
    verified : tuple of bool
        Whether a reference test verified the diagnosis of each row; empty where nothing was named that shows it.
    hash : str
        ``sha256:`` and 64 digits over what was read: columns, states, weights, sites and verification, not the words
        of the file.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> table = pd.DataFrame({"xray": ["positive", "negative"], "patients": [3, 1]})
    >>> cohort = dx.read_cohort(model, table, weight="patients")
    >>> len(cohort), cohort.weights.tolist(), cohort.frame["xray"].tolist()
    (2, [3.0, 1.0], ['positive', 'negative'])
    """

    name: str
    frame: pd.DataFrame
    weights: Array
    sites: tuple[str, ...] = ()
    verified: tuple[bool, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def hash(self) -> str:
        """Content hash of what was read, row after row.

        Examples
        --------
        >>> import pandas as pd
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> frame = pd.DataFrame({"xray": ["positive", "negative"]})
        >>> one, other = dx.read_cohort(model, frame), dx.read_cohort(model, frame.head(1))
        >>> one.hash[:7], one.hash == other.hash
        ('sha256:', False)
        """
        digest = hashlib.sha256(repr(tuple(self.frame.columns)).encode())
        cells = self.frame.astype(object).where(self.frame.notna(), None)
        for place, row in enumerate(cells.itertuples(index=False, name=None)):
            site = self.sites[place] if self.sites else ""
            said = (row, float(self.weights[place]), site, *self.verified[place : place + 1])
            digest.update(repr(said).encode())
        return f"sha256:{digest.hexdigest()}"

    @property
    def source(self) -> str:
        """Its name in sources.csv of a model that has learned from it.

        Examples
        --------
        >>> import pandas as pd
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> dx.read_cohort(model, pd.DataFrame({"xray": ["positive", "negative"]})).source[:7]
        'COHORT_'
        """
        return f"{COHORT}{self.hash.removeprefix('sha256:')[:12]}"

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | Sequence[int]) -> Cohort:
        """Some of the patients, by position or mask.

        Parameters
        ----------
        rows : ndarray of int or bool, or sequence of int
            Positions from 0, or a mask of shape (n_patients,).

        Returns
        -------
        Cohort
            These patients with their weights, sites and verification.

        Examples
        --------
        >>> import pandas as pd
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> cohort = dx.read_cohort(model, pd.DataFrame({"xray": ["positive", "negative", "negative"]}))
        >>> cohort.take([0, 2]).frame["xray"].tolist()
        ['positive', 'negative']
        """
        chosen = np.arange(len(self))[np.asarray(rows)]
        sites = tuple(self.sites[row] for row in chosen) if self.sites else ()
        verified = tuple(self.verified[row] for row in chosen) if self.verified else ()
        return Cohort(self.name, self.frame.iloc[chosen], self.weights[chosen], sites, verified)


@dataclass(frozen=True, eq=False, repr=False)
class CohortCheck(Report):
    """What a table says in a model's words, and what is wrong with it; nothing is raised and nothing written.

    Parameters
    ----------
    name : str
    columns : DataFrame
        A row per column of the table: column, used_as (a variable, "weight", "site", "verification" or "left out"),
        observed (cells), missing (cells), states (each state with its count).
    problems : tuple of Problem
        Every fault; empty when the table is sound.
    cohort : Cohort or None
        The patients, where there is no fault.
    advice : str
        What can be done about columns that are no variables; empty where there are none.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> check = dx.check_cohort(model, pd.DataFrame({"xray": ["positive", None], "smoking": ["yes", "no"]}))
    >>> check.columns[["column", "used_as", "observed", "missing"]]
        column  used_as  observed  missing
    0     xray     xray         1        1
    1  smoking  smoking         2        0
    >>> len(check.problems), len(check.cohort)
    (0, 2)
    """

    name: str
    columns: pd.DataFrame
    problems: tuple[Problem, ...]
    cohort: Cohort | None
    advice: str = ""

    def blocks(self) -> Sequence[Block]:
        """Title, use of each column, faults."""
        count = f"{len(self.cohort)} patients" if self.cohort else f"{len(self.problems)} fault(s); nothing is used"
        rows = [[str(cell) for cell in row] for row in self.columns.itertuples(index=False)]
        blocks: list[Block] = [Title(f"{self.name}: {count}"), Grid(list(self.columns.columns), rows, (2, 3))]
        return [*blocks, *(str(problem) for problem in self.problems), *([self.advice] if self.advice else [])]


@dataclass
class _Reading:
    """What has been read of a table so far."""

    name: str
    frame: pd.DataFrame
    words: Vocabulary
    problems: list[Problem] = field(default_factory=list)
    used: list[list[object]] = field(default_factory=list)
    lenient: bool = False
    unseen: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    def unknown(self, rows: NDArray[np.intp], rule: Rule, value: object, states: Sequence[str]) -> None:
        """A cell that the mapping does not know: a fault, or a remark where reading is lenient."""
        text = code_text(value)
        if self.lenient:
            self.unseen.append(f"{rule.column} = {text!r} ({len(rows)} row{'s' if len(rows) != 1 else ''})")
            return
        if rule.bands:
            bands = ", ".join(f"{band.lower:g}..{band.upper:g}" for band in rule.bands)
            known = f"a state of {rule.variable} ({', '.join(states)}), or "
            also = ", not a date" if is_date(text) else _where_not_known(rule, text)
            self.fault(rows, rule.column, text, f"{known}a number in one of the bands {bands}{also}")
            return
        given = [code for code in rule.codes if code]
        expected = f"a state of {rule.variable}: {', '.join(states)}"
        if given:
            expected = f"a code of the mapping ({', '.join(given[:12])}) or {expected}"
        self.fault(
            rows, rule.column, str(value), one_of(expected, text, [*given, *states]) + _where_not_known(rule, text)
        )

    def fault(self, rows: Iterable[int], column: str | None, found: str, expected: str) -> None:
        """One fault for rows that share it, the first of them named."""
        places = [int(row) for row in rows]
        labels = [self.frame.index[place] for place in places]
        text = ", ".join(str(label) for label in labels[1:ROWS_SHOWN])
        more = f" and {len(labels) - ROWS_SHOWN} more" if len(labels) > ROWS_SHOWN else ""
        also = f"; also rows {text}{more}" if text else ""
        row = labels[0] if labels and isinstance(labels[0], int | np.integer) else None
        where = "" if row is not None or not labels else f" (row {labels[0]!r})"
        line = None if row is None else int(row)
        self.problems.append(Problem(self.name, line, column, found, expected + where + also))


def _where_not_known(rule: Rule, text: str) -> str:
    """What stands for the words by which a table says that something is not known; empty for other cells."""
    if not says_not_known(text):
        return ""
    if any(code for code in rule.codes):
        return "; for what is not known, list the code with an empty state"
    return "; for what is not known, an empty cell or ?"


def read_cohort(
    model: Model | str | PathLike[str],
    table: Table,
    mapping: Source | None = None,
    *,
    weight: str | None = None,
    site: str | None = None,
    verification: str | Sequence[str] | None = None,
    ignore: Iterable[str] = (),
) -> Cohort:
    """Read a table of patients, strictly: one fault anywhere and nothing is used.

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.
    table : DataFrame (pandas, polars, pyarrow), or path of a table
        A row per patient; a file is CSV (commas, semicolons or tabs; UTF-8, UTF-16 or Windows-1252; plain, gzip or
        zstd), Parquet, Arrow or Excel. An empty cell (or None, NaN, ``?``) is "not observed", never "absent",
        or the state that ``if_empty`` of the variable names.
    mapping : path of mapping.csv, or dict, optional
        What the columns and codes mean, as ``read_mapping`` takes it. A column that it does not name has to be called
        by a variable's name, label or synonym. Where it lists no codes of a column, a cell says a state as a finding of
        ``diagnose`` does; where it does, every code has to be listed, or be the name of a state.
    weight : str, optional
        A column of numbers of at least 0: how many patients a row stands for (0 leaves it out).
    site : str, optional
        A column that names where the patient was seen.
    verification : str or sequence of str, optional
        What shows that a reference test verified the diagnosis: a column of yes and no (or true and false, 1 and 0),
        or a variable of the model that the reference test reveals, which verifies where it was observed. With several,
        any of them verifies.
    ignore : iterable of str
        Columns to leave out, also where the mapping names them; one that the table does not have is no fault.

    Returns
    -------
    Cohort

    Raises
    ------
    DatasetError
        ``problems`` lists every fault with its rows: unknown columns, codes, states, columns named twice, two columns
        that contradict each other, rows without any finding, rows that have probability 0 under the model, no rows.

    Examples
    --------
    >>> import bayesdx as dx
    >>> import pandas as pd
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> table = pd.DataFrame({"SMOKER": ["y", "n"], "xray": ["positive", None]})
    >>> mapping = {"SMOKER": {"variable": "smoking", "codes": {"y": "yes", "n": "no"}}}
    >>> len(dx.read_cohort(model, table, mapping))
    2
    """
    model = as_model(model)
    check = check_cohort(model, table, mapping, weight=weight, site=site, verification=verification, ignore=ignore)
    if check.cohort is None:
        faults = f"{len(check.problems)} fault{'s' if len(check.problems) != 1 else ''}"
        said = f"{check.name} cannot be used with {model.name} {model.version}: {faults}. {check.advice}".rstrip()
        raise DatasetError(said, check.problems)
    return check.cohort


def check_cohort(
    model: Model | str | PathLike[str],
    table: Table,
    mapping: Source | None = None,
    *,
    weight: str | None = None,
    site: str | None = None,
    verification: str | Sequence[str] | None = None,
    ignore: Iterable[str] = (),
) -> CohortCheck:
    """The dry run of ``read_cohort``: what would be used, and every fault at once.

    Parameters
    ----------
    model, table, mapping, weight, site, verification, ignore
        As ``read_cohort``.

    Returns
    -------
    CohortCheck
        With a faultless table, ``cohort`` holds the patients.

    Raises
    ------
    DatasetError
        A file cannot be read at all; an argument is no name of a column, or no list of them.

    Examples
    --------
    >>> import bayesdx as dx
    >>> import pandas as pd
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> print(dx.check_cohort(model, pd.DataFrame({"xray": ["positive", "odd"]})).problems[0])
    table, row 1, column xray: 'odd'; expected a state of xray: negative, positive.
    """
    model = as_model(model)
    name, frame, ragged = _open_table(table)
    reading = _Reading(name, frame, model.vocabulary, list(ragged))
    states = {variable.variable: variable.states for variable in model.variables}
    rules, faults = read_mapping(mapping, states) if mapping is not None else ([], [])
    reading.problems += faults
    present = [str(column) for column in frame.columns]
    asked = set(column_names("ignore", ignore, DatasetError))
    reading.problems += [
        Problem(name, None, None, f"ignore: {unknown!r}", f"a column of the table{nearest_hint(unknown, present)}")
        for unknown in sorted(asked.difference(present), key=str)
    ]
    left_out = {column for column in present if column in asked}
    rules = [rule for rule in rules if rule.column not in left_out] + [Rule(name, "", {}) for name in sorted(left_out)]
    named = (
        [verification]
        if isinstance(verification, str)
        else column_names("verification", verification or (), DatasetError)
    )
    shown_by = [check_name("verification", name, DatasetError) for name in named]
    for argument, column in (("weight", weight), ("site", site)):
        if column is not None:
            check_name(argument, column, DatasetError)
    roles = _roles(reading, rules, weight, site, [name for name in shown_by if name not in states], left_out)
    cells = _cells(reading, rules, states, roles, _cuts(model))
    weights = _weights(reading, weight)
    sites = _sites(reading, site)
    verified = _verified(reading, shown_by, states, cells)
    columns = pd.DataFrame(reading.used, columns=["column", "used_as", "observed", "missing", "states"])
    cohort = None
    if not len(frame):
        reading.problems.append(Problem(name, None, None, "no rows", "at least one patient"))
    elif not reading.problems:
        cohort = Cohort(name, cells, weights, sites, verified)
        _refuse_empty(reading, cohort)
        _refuse_impossible(reading, cohort, model)
    sound = cohort is not None and not reading.problems
    return CohortCheck(
        name, columns, tuple(reading.problems), cohort if sound else None, _advice(name, reading.strange)
    )


def translate(model: Model, table: Table, mapping: Source) -> tuple[Cohort, list[str]]:
    """Patients in a model's words, read leniently.

    A cell that neither mapping nor model knows counts as not observed, rows without any finding are kept, and columns
    that the mapping does not name are left out.

    Returns
    -------
    (Cohort, list of str)
        The second lists the cells that were not known, such as "cough = 'sometimes' (1 row)".

    Raises
    ------
    DatasetError
        Columns that stand twice or contradict each other, numbers that can be read in two ways, faults of the mapping.
    """
    name, frame = read_table(table)
    states = {variable.variable: variable.states for variable in model.variables}
    rules, faults = read_mapping(mapping, states)
    rules = [rule for rule in rules if rule.variable]
    named = {rule.column for rule in rules}
    frame = frame.loc[:, [str(column) in named for column in frame.columns]]
    present = {str(column) for column in frame.columns}
    reading = _Reading(name, frame, model.vocabulary, list(faults), lenient=True)
    cells = _cells(reading, [rule for rule in rules if rule.column in present], states, {}, _cuts(model))
    if reading.problems:
        raise DatasetError(f"{name} cannot be used with {model.name} {model.version}.", tuple(reading.problems))
    return Cohort(name, cells, np.ones(len(frame))), reading.unseen


def _advice(name: str, columns: Sequence[str]) -> str:
    """What can be done about columns that are no variables."""
    if not columns:
        return ""
    column, file = shown(columns[0]), shlex.quote(name)
    return (
        f"For a column that is no variable: ignore=[{column}, ...] (--ignore {shlex.quote(column[1:-1])}) leaves it "
        "out; mapping= (--mapping) says what it means, and draft_mapping drafts one (bayesdx mapping MODEL "
        f"{file})."
    )


def _cuts(model: Model) -> dict[str, tuple[Band, ...]]:
    """Bands of the measured variables, for columns of which the mapping says nothing more."""
    return {variable.variable: measured(variable) for variable in model.variables if variable.cuts}


def read_table(table: Table) -> tuple[str, pd.DataFrame]:
    """Name and cells of a table; those of a file of text are text, its index the lines of the file.

    Raises
    ------
    DatasetError
        The file cannot be read, or has rows of another length than its header; all of them are listed.
    """
    name, frame, ragged = _open_table(table)
    if ragged:
        raise DatasetError(f"{name} is no table: {len(ragged)} of its rows are not as long as the header.", ragged)
    return name, frame


def _open_table(table: Table) -> tuple[str, pd.DataFrame, tuple[Problem, ...]]:
    """Name and cells of a table, and the rows of another length than its header, which are left out."""
    if not isinstance(table, str | os.PathLike):
        try:
            return "table", frame_of(table), ()
        except TypeError as error:
            raise DatasetError(f"table: {error}.") from error
    path = Path(table)
    try:
        read = read_table_file(path)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except (ValueError, UnusualFileError) as error:  # a NUL character in the path, a folder
        raise DatasetError(f"{path}: cannot be read: {error}.") from error
    except TableFault as error:
        raise DatasetError(str(error)) from error
    width = read.frame.shape[1]
    ragged = (
        Problem(read.name, line, None, f"{len(cells)} cells", f"{width}, as the header has")
        for line, cells in read.ragged.items()
    )
    return read.name, read.numbered, tuple(ragged)


def _roles(
    reading: _Reading,
    rules: Sequence[Rule],
    weight: str | None,
    site: str | None,
    shown_by: Sequence[str],
    left_out: Iterable[str],
) -> dict[str, str]:
    """The columns of weights, sites and verification, each with its use; two uses of one column are a fault."""
    named = [(weight, "weight"), (site, "site"), *((name, "verification") for name in dict.fromkeys(shown_by))]
    uses: dict[str, list[str]] = {}
    for name, role in named:
        if name is not None:
            uses.setdefault(name, []).append(role)
    others = {rule.column: f"variable {rule.variable}" for rule in rules if rule.variable}
    others |= dict.fromkeys(left_out, "left out")
    for name, own in uses.items():
        every = [*own, *((others[name],) if name in others else ())]
        if len(every) > 1:
            reading.problems.append(Problem(reading.name, None, name, ", ".join(every), "one use of a column"))
    return {name: own[0] for name, own in uses.items()}


def _cells(
    reading: _Reading,
    rules: Sequence[Rule],
    states: Mapping[str, Sequence[str]],
    roles: Mapping[str, str],
    cuts: Mapping[str, tuple[Band, ...]],
) -> pd.DataFrame:
    """The table in states of the model but for the columns with another role; faults go to the reading."""
    by_column = {rule.column: rule for rule in rules}
    broken = {problem.column for problem in reading.problems if problem.file == "mapping"}
    names = [str(name) for name in reading.frame.columns]
    for name in (*roles, *(rule.column for rule in rules if rule.variable)):
        if name not in names:
            reading.problems.append(
                Problem(reading.name, None, None, name, one_of("a column of the table", name, names))
            )
    cells: dict[str, NDArray[np.object_]] = {}
    origin: dict[str, str] = {}
    for place, column in enumerate(names):
        if names.index(column) != place:
            reading.problems.append(Problem(reading.name, None, column, column, "each column once"))
            continue
        if column in roles:
            reading.used.append([column, roles[column], len(reading.frame), 0, ""])
            continue
        rule = by_column.get(column) or Rule(column, _meant(reading.words, column, states), {})
        if rule.variable and rule.variable not in states:
            if column not in by_column:
                expected = one_of("a variable of the model, or a column that the mapping names", column, states)
                reading.problems.append(Problem(reading.name, None, column, column, expected))
                reading.strange.append(column)
            continue
        if column in broken:
            continue
        if not rule.variable:
            missing = int(reading.frame.iloc[:, place].isna().sum())
            reading.used.append([column, "left out", len(reading.frame) - missing, missing, ""])
            continue
        own = not rule.bands and rule.variable in cuts
        if own:
            rule = replace(rule, bands=cuts[rule.variable])
        found = _states_of(reading, reading.frame.iloc[:, place], rule, tuple(states[rule.variable]), own=own)
        if not reading.lenient:
            counts = pd.Series(found).value_counts()
            said = ", ".join(f"{state} {counts.get(state, 0)}" for state in states[rule.variable])
            observed = int(counts.sum())
            reading.used.append([column, rule.variable, observed, len(found) - observed, said])
        if rule.variable in cells:
            found = _merged(reading, cells[rule.variable], found, (origin[rule.variable], column))
        cells[rule.variable], origin[rule.variable] = found, column
    ordered = {name: cells[name] for name in states if name in cells}
    return pd.DataFrame(ordered, index=reading.frame.index, dtype=object)


def _meant(words: Vocabulary, column: str, states: Mapping[str, Sequence[str]]) -> str:
    """The variable that a heading names, by its name, its label or a synonym; else the heading itself."""
    found = [column] if column in states else [name for name in words.find(column) if name in states]
    return found[0] if len(found) == 1 else column


def _states_of(
    reading: _Reading, column: pd.Series, rule: Rule, states: tuple[str, ...], *, own: bool
) -> NDArray[np.object_]:
    """State of every cell, None where it is not observed; each distinct value is looked up once.

    The bands are those of the model where they are its ``own``; else the mapping's.
    """
    blank = rule.codes.get("", reading.words.if_empty(rule.variable, rule.column)) or None
    if rule.bands and _is_measured(column, rule):
        return _measured_states(reading, column, rule, blank, own=own)
    try:
        codes, values = pd.factorize(column)
    except (TypeError, NotImplementedError):  # the second is Arrow's
        return _without_hash(reading, column, rule)
    listed = any(code for code in rule.codes)
    numbers = _numbers(reading, rule, values, codes) if rule.bands else {}
    meaning: list[str | None] = []
    for number, value in enumerate(values):
        text = code_text(value)
        code, named = code_among(value, rule.codes), code_among(value, states)
        state: str | None
        if not text:
            state = blank
        elif code is not None:
            state = rule.codes[code] or None
        elif own and _asked(reading, rule, (number_read := numbers.get(text, np.nan))):
            state = _said(reading, rule, np.flatnonzero(codes == number), number_read)
        elif (band := rule.band_of(numbers.get(text, np.nan))) is not None:
            state = band.state or None
        elif named is not None:
            state = named
        elif (reading.lenient and text in MISSING) or (not listed and text == UNTOLD):
            state = blank
        elif not listed and (said := reading.words.state_or_none(rule.variable, _plain(value, text), rule.column)):
            state = said
        else:
            state = None
            reading.unknown(np.flatnonzero(codes == number), rule, value, states)
        meaning.append(state)
    return np.array([*meaning, blank], dtype=object)[codes]


def _plain(value: object, text: str) -> object:
    """A cell as a finding may be given: a truth value as it is, anything else in its canonical spelling."""
    return bool(value) if isinstance(value, bool | np.bool_) else text


def _is_measured(column: pd.Series, rule: Rule) -> bool:
    """Whether the cells are numbers and no code is one, so that bands alone decide."""
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return numeric and not any(np.isfinite(read_numbers([code])[0][0]) for code in rule.codes)


def _without_hash(reading: _Reading, column: pd.Series, rule: Rule) -> NDArray[np.object_]:
    """No state, and a fault for each type of cell that is no value, such as a list."""
    kinds = column.map(lambda cell: "" if isinstance(cell, Hashable) else type(cell).__name__)
    for kind in kinds[kinds != ""].unique():
        rows = np.flatnonzero(kinds == kind)
        reading.fault(rows, rule.column, f"a {kind}", f"a state of {rule.variable}, as text or a number")
    return np.full(len(column), None, dtype=object)


def _asked(reading: _Reading, rule: Rule, number: float) -> bool:
    """Whether it depends on more than the cut points what a number means: on the heading, the limits, or yes and no."""
    if not np.isfinite(number):
        return False
    limits = reading.words.variables[rule.variable].limits
    outside = bool(limits) and not limits[0] <= number <= limits[1]
    return number in (0, 1) or outside or not reading.words.takes_numbers(rule.variable, rule.column)


def _said(reading: _Reading, rule: Rule, rows: NDArray[np.intp], number: float) -> str | None:
    """The state that a number means as a finding does, or a fault."""
    try:
        return reading.words.state(rule.variable, float(number), rule.column)
    except FindingsError as error:
        reading.fault(rows, rule.column, format_cell(number), f"a finding that is understood: {error}".rstrip("."))
        return None


def _measured_states(
    reading: _Reading, column: pd.Series, rule: Rule, blank: str | None, *, own: bool
) -> NDArray[np.object_]:
    """The bands of numbers, all at once."""
    states = reading.words.variables[rule.variable].states
    numbers = pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)
    place = np.searchsorted([band.lower for band in rule.bands], numbers, side="right") - 1
    uppers = np.array([band.upper for band in rule.bands])
    known = ~np.isnan(numbers)
    outside = known & ((place < 0) | (numbers >= uppers[place]) | np.isinf(numbers))
    for value in np.unique(numbers[outside]):
        reading.unknown(np.flatnonzero(numbers == value), rule, value, states)
    meaning = np.array([*(band.state or None for band in rule.bands), blank, None], dtype=object)
    missing, unknown = len(rule.bands), len(rule.bands) + 1
    found = np.asarray(meaning[np.where(outside, unknown, np.where(known, place, missing))])
    for value in np.unique(numbers[known & ~outside]) if own else ():
        if _asked(reading, rule, value):
            rows = np.flatnonzero(numbers == value)
            found[rows] = _said(reading, rule, rows, value)
    return found


def _numbers(reading: _Reading, rule: Rule, values: Iterable[object], codes: NDArray[np.intp]) -> dict[str, float]:
    """Number of each cell's text; a column in which a comma may mean two things is a fault."""
    texts = [code_text(value) for value in values]
    numbers, unclear = read_numbers(texts)
    if unclear:
        rows = np.flatnonzero(np.isin(codes, [place for place, text in enumerate(texts) if text in unclear]))
        expected = "a decimal point: the mark in it may be a decimal one or part thousands"
        reading.fault(rows, rule.column, unclear[0], expected)
    return {text: 0.0 if text in unclear else number for text, number in zip(texts, numbers, strict=True)}


def _merged(
    reading: _Reading, first: NDArray[np.object_], second: NDArray[np.object_], names: tuple[str, str]
) -> NDArray[np.object_]:
    """Two columns about one variable: what either says; they may not contradict each other."""
    both = np.array([a is not None and b is not None and a != b for a, b in zip(first, second, strict=True)])
    if both.any():
        rows = np.flatnonzero(both)
        found = f"{first[rows[0]]} in {names[0]}, {second[rows[0]]} in {names[1]}"
        reading.fault(rows, names[1], found, "columns about one variable that agree")
    return np.array([b if a is None else a for a, b in zip(first, second, strict=True)], dtype=object)


def _weights(reading: _Reading, column: str | None) -> Array:
    if column is None or column not in reading.frame.columns:
        return np.ones(len(reading.frame))
    cells = reading.frame[column]
    numbers = weights_of(cells)
    bad = np.flatnonzero(~np.isfinite(numbers) | (numbers < 0))
    if bad.size:
        reading.fault(bad, column, str(cells.iloc[bad[0]]), "a weight, a finite number of at least 0")
    return numbers


def weights_of(cells: pd.Series) -> Array:
    """The numbers of a column, NaN where a cell is none; text may have decimal commas."""
    if pd.api.types.is_numeric_dtype(cells):
        return np.asarray(pd.to_numeric(cells).to_numpy(dtype=float, na_value=np.nan))
    return np.array(read_numbers(code_text(cell) for cell in cells)[0])


def _sites(reading: _Reading, column: str | None) -> tuple[str, ...]:
    if column is None or column not in reading.frame.columns:
        return ()
    cells = reading.frame[column]
    empty = np.flatnonzero(cells.isna())
    if empty.size:
        reading.fault(empty, column, "", "the site of every patient")
    return tuple(code_text(value) for value in cells)


def _verified(
    reading: _Reading, shown_by: Sequence[str], states: Mapping[str, Sequence[str]], cells: pd.DataFrame
) -> tuple[bool, ...]:
    """Whether anything that shows verification does so, per row; empty where nothing was named."""
    verified = np.zeros(len(reading.frame), dtype=np.bool_)
    for name in shown_by:
        if name in states:
            if name not in cells:
                expected = "a column of it, since it is to show verification"
                reading.problems.append(Problem(reading.name, None, None, f"nothing about {name}", expected))
                continue
            verified |= cells[name].notna().to_numpy()
        elif name in reading.frame.columns:
            said = [code_text(value).casefold() for value in reading.frame[name]]
            unknown = np.flatnonzero([text not in VERIFIED for text in said])
            if unknown.size:
                found = code_text(reading.frame[name].iloc[unknown[0]])
                reading.fault(unknown, name, found, f"whether it was verified: {', '.join(VERIFIED)}")
            verified |= np.array([VERIFIED.get(text, False) for text in said], dtype=np.bool_)
    return tuple(verified.tolist()) if shown_by else ()


def _refuse_empty(reading: _Reading, cohort: Cohort) -> None:
    empty = np.flatnonzero(cohort.frame.isna().all(axis=1))
    if empty.size:
        reading.fault(empty, None, "nothing observed", "at least one finding or cause; leave such rows out")
    elif not cohort.weights.sum() > 0:
        reading.problems.append(Problem(reading.name, None, None, "all weights are 0", "at least one above 0"))


def _refuse_impossible(reading: _Reading, cohort: Cohort, model: Model) -> None:
    """Rows of probability 0, with what clashes in the first of each kind."""
    engine = compiled(model).engine
    evidence = engine.encode(cohort.frame)
    impossible = np.flatnonzero(engine.propagate(evidence, targets=()).impossible)
    clashes: dict[str, list[int]] = {}
    for row in impossible:
        clashes.setdefault(_clash(engine, evidence.take([int(row)])), []).append(int(row))
    for clash, rows in clashes.items():
        expected = f"findings that {shown(model.name)[1:-1]} {model.version} gives a probability above 0"
        reading.fault(rows, None, clash, expected)


def _clash(engine: Engine, evidence: Evidence) -> str:
    network = engine.network
    codes = evidence.codes[0]
    clash = engine.conflict(evidence)
    return ", ".join(f"{name} = {network[name].states[codes[network.index[name]]]}" for name in clash)
