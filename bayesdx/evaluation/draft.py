"""A first draft of a mapping: what the columns of a table most likely mean, for a person to correct."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from os import PathLike

import pandas as pd

from bayesdx.errors import FindingsError
from bayesdx.evaluation.dataset import MISSING, Table, read_table
from bayesdx.evaluation.mapping import HEADER, code_text, measured, read_numbers
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.spelling import compact
from bayesdx.knowledge.versions import as_model
from bayesdx.knowledge.vocabulary import LEAST_HINT, may_exclude

UNDECIDED = "?"
"""Stands where a person has to decide; ``read_cohort`` refuses a mapping that still has it."""

MOST_CODES = 50
"""Different cells of a column that are listed; one with more is left out, unless it is a measured variable."""

SURE = 0.999
"""Score of a search from which a variable is the one that was meant."""

NO = {"n", "neg", "-", "nein", "non", "none", "no", "f", "never", "normal", "0"}
YES = {"y", "j", "pos", "+", "ja", "oui", "si", "yes", "t", "ever", "abnormal", "1"}
"""Words for no and for yes in columns of two values, beside the states of the variable."""


@dataclass(frozen=True)
class MappingDraft:
    """A draft of mapping.csv.

    Parameters
    ----------
    rows : tuple of (column, code, variable, state)
        An empty variable leaves a column out; the state ``?`` is for a person to decide.
    remarks : tuple of str
        Per column what was guessed, and what is open.

    Examples
    --------
    >>> import bayesdx as dx
    >>> import pandas as pd
    >>> table = pd.DataFrame({"X-ray": ["positive", "odd"]})
    >>> draft = draft_mapping(dx.load_model("chest_clinic@1.0.0"), table)
    >>> draft.rows
    (('X-ray', 'odd', 'xray', '?'), ('X-ray', 'positive', 'xray', 'positive'))
    """

    rows: tuple[tuple[str, str, str, str], ...]
    remarks: tuple[str, ...]

    @property
    def undecided(self) -> int:
        """How many codes have no state yet.

        Examples
        --------
        >>> import bayesdx as dx
        >>> import pandas as pd
        >>> table = pd.DataFrame({"X-ray": ["positive", "odd"]})
        >>> draft_mapping(dx.load_model("chest_clinic@1.0.0"), table).undecided
        1
        """
        return sum(state == UNDECIDED for *_, state in self.rows)

    def to_csv(self) -> str:
        """The text of mapping.csv.

        Examples
        --------
        >>> import bayesdx as dx
        >>> import pandas as pd
        >>> table = pd.DataFrame({"Smoking": ["y", "n"], "X-ray": ["positive", "odd"], "name": ["a", "b"]})
        >>> print(draft_mapping(dx.load_model("chest_clinic@1.0.0"), table).to_csv())
        column,code,variable,state
        Smoking,n,smoking,no
        Smoking,y,smoking,yes
        X-ray,odd,xray,?
        X-ray,positive,xray,positive
        name,,,
        <BLANKLINE>
        """
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(self.rows)
        return stream.getvalue()


def draft_mapping(model: Model | str | PathLike[str], table: Table) -> MappingDraft:
    """Guess what the columns and codes of a table mean in a model's words.

    Columns are compared with names, labels and synonyms of the variables; codes with their states, labels and yes and
    no. Codes that are states of one variable alone mean it, whatever the heading. Nothing is guessed silently: each
    guess is a remark, a code without a counterpart gets the state ``?``, which ``read_cohort`` refuses, and a column
    that is like no variable is left out.

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.
    table : DataFrame, or path of a table, as ``read_cohort`` takes it

    Returns
    -------
    MappingDraft

    Raises
    ------
    DatasetError
        The file cannot be read.

    Examples
    --------
    >>> import bayesdx as dx
    >>> import pandas as pd
    >>> draft = draft_mapping(dx.load_model("chest_clinic@1.0.0"), pd.DataFrame({"Smoking": ["y", "n"]}))
    >>> draft.remarks
    ('Smoking: smoking (its name).',)
    """
    model = as_model(model)
    _, frame = read_table(table)
    rows: list[tuple[str, str, str, str]] = []
    remarks: list[str] = []
    taken: dict[str, str] = {}
    for place, heading in enumerate(frame.columns):
        column = str(heading)
        name, how = _variable(model, column, frame.iloc[:, place])
        if name in taken:
            remarks.append(f"{column}: left out, since {taken[name]} is {name} already.")
            name = ""
        elif not name:
            remarks.append(f"{column}: left out, like no variable of {model.name}.")
        found = _codes(model, name, frame.iloc[:, place]) if name else [("", "")]
        if found is None:
            remarks.append(f"{column}: left out; {name} ({how}) would have more than {MOST_CODES} codes.")
            name, found = "", [("", "")]
        elif name:
            taken[name] = column
            open_ = sum(state == UNDECIDED for _, state in found)
            remarks.append(f"{column}: {name} ({how})" + (f"; {open_} codes to decide." if open_ else "."))
        rows += [(column, code, name, state) for code, state in found]
    return MappingDraft(tuple(rows), tuple(remarks))


def _variable(model: Model, column: str, cells: pd.Series) -> tuple[str, str]:
    """The variable that a heading most likely means, or else the cells, and why."""
    names = [name for name in model.vocabulary.find(column) if name in model.by_name]
    if len(names) == 1:
        return names[0], "its name"
    found = model.vocabulary.search(column, 3)
    matches = [match for match in found if match.score >= LEAST_HINT and not may_exclude(match.text, column)]
    if matches and matches[0].score >= SURE:
        return matches[0].variable.variable, f"by {matches[0].text!r}"
    said = _said_by(model, cells)
    if said:
        return said, "a guess, by its codes"
    return (matches[0].variable.variable, f"a guess, by {matches[0].text!r}") if matches else ("", "")


def _said_by(model: Model, cells: pd.Series) -> str:
    """The one variable of more than two states that has all codes, two or more; empty where none or several have."""
    codes = {compact(code_text(cell)) for cell in cells.dropna() if code_text(cell) not in MISSING} - {""}
    if not 2 <= len(codes) <= MOST_CODES:
        return ""
    found = [
        variable.variable
        for variable in model.variables
        if len(variable.states) > 2
        and codes <= {compact(text) for state in variable.states for text in (state, variable.state_label(state))}
    ]
    return found[0] if len(found) == 1 else ""


def _codes(model: Model, name: str, cells: pd.Series) -> list[tuple[str, str]] | None:
    """(code, state) of every different cell; None where there are too many."""
    variable = model.by_name[name]
    codes = sorted({code_text(cell) for cell in cells.dropna()} - {""})
    numbers, _ = read_numbers(codes)
    blank = [("", variable.if_empty)] if variable.if_empty else []
    marks = [code for code in codes if code in MISSING]
    measures = sum(number == number for number in numbers)
    if variable.cuts and measures and measures + len(marks) == len(codes):
        bands = ((band.code(), band.state) for band in measured(variable))
        return [*bands, *blank, *((mark, variable.if_empty) for mark in marks)]
    if len(codes) > MOST_CODES:
        return None
    return [*((code, _state(model, name, code, codes)) for code in codes), *blank] or [("", "")]


def _state(model: Model, name: str, code: str, codes: list[str]) -> str:
    if code in MISSING:
        return model.by_name[name].if_empty
    try:
        return model.vocabulary.state(name, code)
    except FindingsError:
        pass
    states, words = model.by_name[name].states, {other.casefold() for other in codes if other not in MISSING}
    return states[code.casefold() in YES] if len(states) == 2 and words <= NO | YES else UNDECIDED
