"""What the columns and codes of a table of patients mean: one rule per column."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any, SupportsFloat

import pandas as pd

from bayesdx.errors import DatasetError, check_path
from bayesdx.files import TableFault, UnusualFileError, read_table_file
from bayesdx.knowledge.problems import Problem, one_of
from bayesdx.knowledge.schema import Variable

HEADER = ("column", "code", "variable", "state")
"""Columns of mapping.csv."""

LARGEST_MAPPING = 2**26
"""Bytes of a mapping.csv."""

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_BELOW = re.compile(rf"<\s*({_NUMBER})", re.ASCII)
_FROM = re.compile(rf">=\s*({_NUMBER})", re.ASCII)
_BETWEEN = re.compile(rf"({_NUMBER})\s*\.\.\s*({_NUMBER})", re.ASCII)

Source = str | os.PathLike[str] | Mapping[str, Any]


@dataclass(frozen=True)
class Band:
    """The numbers from ``lower`` to just below ``upper``, and the state that they mean.

    Parameters
    ----------
    lower, upper : float
        Infinite where the band is open.
    state : str
        Empty where such a number counts as not observed.
    """

    lower: float
    upper: float
    state: str

    def code(self) -> str:
        """The band as mapping.csv writes it."""
        low, high = (repr(float(end)) for end in (self.lower, self.upper))
        return f"<{high}" if self.lower == -inf else f">={low}" if self.upper == inf else f"{low}..{high}"


@dataclass(frozen=True)
class Rule:
    """What one column says.

    Parameters
    ----------
    column : str
    variable : str
        Empty for a column that is left out on purpose.
    codes : mapping of str to str
        State of each code, as text; an empty state is "not observed". A code that is a state's own name need not
        be listed. The empty code stands for missing cells, where "not recorded" is a state of its own. A band is a
        code too, for tables that hold ``<30`` and the like.
    bands : tuple of Band
        For a column of numbers, lowest first; codes are looked up before.
    """

    column: str
    variable: str
    codes: Mapping[str, str]
    bands: tuple[Band, ...] = ()

    def band_of(self, number: float) -> Band | None:
        """The band that holds a number; None where there is none."""
        return next((band for band in self.bands if band.lower <= number < band.upper), None)


def read_mapping(source: Source, states: Mapping[str, Sequence[str]]) -> tuple[list[Rule], list[Problem]]:
    """The rules of a mapping and its faults.

    Parameters
    ----------
    source : path of a mapping.csv, or dict
        The file has the columns ``column, code, variable, state``, a row per code. ``code`` is a value as it stands in
        the data, or a band of numbers: ``<5``, ``5..10`` (5 counts, 10 does not), ``>=10``. An empty state means "not
        observed"; an empty variable leaves the column out; empty code and state: the codes are the states' names.

        A dict has the column as key; its value is a variable, None (left out), or a dict with ``variable`` and
        ``codes`` (code or band to state, None for "not observed") or ``cuts`` (numbers at which the next state begins;
        the last state has none where the empty code means it).
    states : mapping of variable to its states
        What the model knows.

    Returns
    -------
    (list of Rule, list of Problem)

    Examples
    --------
    >>> states = {"tsh": ("normal", "raised")}
    >>> rules, problems = read_mapping({"TSH": {"variable": "tsh", "cuts": [4.2]}}, states)
    >>> rules[0].band_of(7.1).state, problems
    ('raised', [])
    """
    if isinstance(source, Mapping):
        return _from_dict(source, states)
    check_path("mapping", source, DatasetError)
    return _from_file(Path(source), states)


def _from_file(path: Path, states: Mapping[str, Sequence[str]]) -> tuple[list[Rule], list[Problem]]:
    try:
        table = read_table_file(path, limit=LARGEST_MAPPING)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except UnusualFileError as error:
        raise DatasetError(f"{path}: cannot be read: {error}.") from error
    except TableFault as error:
        raise DatasetError(str(error)) from error
    header = tuple(map(str, table.frame.columns))
    if header != HEADER:
        return [], [Problem(path.name, 1, None, ",".join(header), f"the header {','.join(HEADER)}")]
    problems = [Problem(path.name, line, None, f"{len(row)} cells", "four cells") for line, row in table.ragged.items()]
    lines: dict[str, list[tuple[int, str, str, str]]] = defaultdict(list)
    for line, *cells in table.frame.itertuples(name=None):
        column, code, variable, state = ("" if pd.isna(cell) else str(cell) for cell in cells)
        lines[column].append((line, code, variable, state))
    rules = [_rule_of(path.name, column, rows, states, problems) for column, rows in lines.items()]
    return rules, problems


def _rule_of(
    file: str,
    column: str,
    rows: Sequence[tuple[int, str, str, str]],
    states: Mapping[str, Sequence[str]],
    problems: list[Problem],
) -> Rule:
    variable = rows[0][2]
    codes: dict[str, str] = {}
    bands: list[Band] = []
    known = states.get(variable, ())
    if variable and variable not in states:
        problems.append(Problem(file, rows[0][0], "variable", variable, one_of("a variable", variable, states)))
    for line, code, its_variable, state in rows:
        if its_variable != variable:
            problems.append(Problem(file, line, "variable", its_variable, f"{variable!r}, as in row {rows[0][0]}"))
        if state and known and state not in known:
            expected = f"a state of {variable}: {', '.join(known)}"
            problems.append(Problem(file, line, "state", state, one_of(expected, state, known)))
        if not code and not state:
            continue
        band = _band(code, state)
        if band is not None:
            bands.append(band)
        if code in codes:
            problems.append(Problem(file, line, "code", code, "each code of a column once"))
        else:
            codes[code] = state
    bands.sort(key=lambda band: band.lower)
    for first, second in pairwise(bands):
        if second.lower < first.upper:
            found = f"{first.lower:g}..{first.upper:g} and {second.lower:g}..{second.upper:g}"
            problems.append(Problem(file, rows[0][0], "code", found, f"bands of {column} that do not overlap"))
    return Rule(column, variable, codes, tuple(bands))


def _band(code: str, state: str) -> Band | None:
    if hit := _BELOW.fullmatch(code):
        return Band(-inf, float(hit[1]), state)
    if hit := _FROM.fullmatch(code):
        return Band(float(hit[1]), inf, state)
    if hit := _BETWEEN.fullmatch(code):
        return Band(float(hit[1]), float(hit[2]), state)
    return None


def _from_dict(source: Mapping[str, Any], states: Mapping[str, Sequence[str]]) -> tuple[list[Rule], list[Problem]]:
    problems: list[Problem] = []
    rules = []
    for column, value in source.items():
        given: Mapping[str, Any] = value if isinstance(value, Mapping) else {"variable": value or ""}
        problems += [
            Problem("mapping", None, str(column), str(key), one_of("variable, codes or cuts", str(key), _KEYS))
            for key in given
            if key not in _KEYS
        ]
        variable = given.get("variable") or ""
        if variable and variable not in states:
            problems.append(Problem("mapping", None, str(column), variable, one_of("a variable", variable, states)))
        known = tuple(states.get(variable, ()))
        codes = {
            code.strip() if isinstance(code, str) else code_text(code): state or ""
            for code, state in (given.get("codes") or {}).items()
        }
        for state in codes.values():
            if state and known and state not in known:
                expected = f"a state of {variable}: {', '.join(known)}"
                problems.append(Problem("mapping", None, str(column), state, one_of(expected, state, known)))
        banded = known[:-1] if known and codes.get("") == known[-1] else known
        bands = _cut(str(column), given.get("cuts"), banded, problems) if known else ()
        named = [band for code, state in codes.items() if (band := _band(code, state)) is not None]
        rules.append(Rule(str(column), variable, codes, (*bands, *sorted(named, key=lambda band: band.lower))))
    return rules, problems


_KEYS = ("variable", "codes", "cuts")


def _cut(column: str, cuts: Iterable[float] | None, states: Sequence[str], problems: list[Problem]) -> tuple[Band, ...]:
    if cuts is None:
        return ()
    ends = [float(cut) for cut in cuts]
    if len(ends) != len(states) - 1:
        expected = f"{len(states) - 1} cuts, one fewer than states ({', '.join(states)})"
        problems.append(Problem("mapping", None, column, f"{len(ends)} cuts", expected))
        return ()
    if not all(map(isfinite, ends)) or any(second <= first for first, second in pairwise(ends)):
        problems.append(Problem("mapping", None, column, ", ".join(map(str, ends)), "finite cuts in rising order"))
        return ()
    edges = (-inf, *ends, inf)
    return tuple(Band(low, high, state) for (low, high), state in zip(pairwise(edges), states, strict=True))


def measured(variable: Variable) -> tuple[Band, ...]:
    """The bands of a variable with cut points, lowest first."""
    ends = [cut.value for cut in variable.cuts]
    states = list(variable.bands)
    if variable.cuts[0].below:
        ends, states = ends[::-1], states[::-1]
    return tuple(
        Band(low, high, state) for (low, high), state in zip(pairwise((-inf, *ends, inf)), states, strict=True)
    )


def code_text(value: object) -> str:
    """The canonical spelling of a cell, the same for a frame and for the CSV file that pandas writes of it.

    Whole numbers have no point, booleans are true and false, a day has no hour, also where they come as text.

    Examples
    --------
    >>> code_text(1.0), code_text("1.0"), code_text(" yes "), code_text(True), code_text("True")
    ('1', '1', 'yes', 'true', 'true')
    """
    if not isinstance(value, str):
        try:
            number = float(value) if isinstance(value, SupportsFloat) and not _is_bool(value) else None
        except (TypeError, ValueError, OverflowError):
            number = None
        if number is not None and number.is_integer() and abs(number) < 1e15:
            return str(int(number))
    text = str(value).strip()
    if text.casefold() in ("true", "false"):
        return text.casefold()
    if hit := _WHOLE.fullmatch(text):
        return str(int(hit[1]))
    hit = _MIDNIGHT.fullmatch(text)
    return hit[1] if hit else text


_WHOLE = re.compile(r"([+-]?\d{1,15})\.0+", re.ASCII)
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)[ T]00:00:00(?:\.0+)?", re.ASCII)
_OTHER_SPELLING = {"true": "1", "false": "0", "1": "true", "0": "false"}


def _is_bool(value: object) -> bool:
    return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")


def code_among(value: object, codes: Collection[str]) -> str | None:
    """The one of some codes that a cell means, or None.

    As it is written, else in its canonical spelling; then true is 1 and false is 0; last, a code with a decimal comma
    is the cell with a point.

    Examples
    --------
    >>> code_among("1.0", {"0": "", "1": ""}), code_among(True, ["True", "False"]), code_among(0, ["false", "true"])
    ('1', 'True', 'false')
    """
    text = str(value).strip()
    if text in codes:
        return text
    canonical = code_text(value)
    for wanted in (canonical, _OTHER_SPELLING.get(canonical)):
        if wanted is not None:
            found = wanted if wanted in codes else next((code for code in codes if code_text(code) == wanted), None)
            if found is not None:
                return found
    return next((code for code in codes if _COMMA.fullmatch(code) and code.replace(",", ".") == text), None)


_PLAIN = re.compile(_NUMBER, re.ASCII)
_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_ENGLISH = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_GERMAN = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+,\d+", re.ASCII)
_POINTS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+", re.ASCII)


def read_numbers(texts: Iterable[str]) -> tuple[list[float], list[str]]:
    """The numbers of one column, with decimal points or decimal commas, and the cells that may mean two numbers.

    A comma is decimal where a cell of the column can be read in no other way, and parts thousands where one such cell
    shows that. A column in which every comma may be either has no reading.

    Returns
    -------
    (list of float, list of str)
        NaN where a cell is no number, or may be two.

    Examples
    --------
    >>> read_numbers(["36,8", "37", "high"]), read_numbers(["1,234.5", "2,500"]), read_numbers(["1,234"])
    (([36.8, 37.0, nan], []), ([1234.5, 2500.0], []), ([nan], ['1,234']))
    """
    cells = [text.strip() for text in texts]
    decimal = any(_GERMAN.fullmatch(t) or (_COMMA.fullmatch(t) and not _ENGLISH.fullmatch(t)) for t in cells)
    thousands = any(_ENGLISH.fullmatch(t) and not _COMMA.fullmatch(t) for t in cells)
    numbers: list[float] = []
    unclear: list[str] = []
    for text in cells:
        number = nan
        if "," not in text:
            if decimal and _POINTS.fullmatch(text):
                unclear.append(text)
            elif _PLAIN.fullmatch(text):
                number = float(text)
        elif decimal and not thousands and (_COMMA.fullmatch(text) or _GERMAN.fullmatch(text)):
            number = float(text.replace(".", "").replace(",", "."))
        elif thousands and not decimal and _ENGLISH.fullmatch(text):
            number = float(text.replace(",", ""))
        elif _COMMA.fullmatch(text) or _ENGLISH.fullmatch(text) or _GERMAN.fullmatch(text):
            unclear.append(text)
        numbers.append(number)
    return numbers, unclear
