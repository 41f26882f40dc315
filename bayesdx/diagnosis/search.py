"""The variables of a model, found by the words that people use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike

import pandas as pd

from bayesdx.diagnosis.case import expect_number
from bayesdx.display import words as plain
from bayesdx.display.blocks import Block, Grid, Title
from bayesdx.display.report import Report
from bayesdx.errors import FindingsError, quoted
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Variable
from bayesdx.knowledge.versions import as_model
from bayesdx.knowledge.vocabulary import Match

_COLUMNS = ("label", "kind", "group", "states", "measured", "definition", "synonyms", "state_words", "score", "matched")


@dataclass(frozen=True, eq=False, repr=False)
class VariableSearch(Report):
    """Variables that words fit, best first. Made by ``find_variables``.

    Parameters
    ----------
    model : Model
    words : str
        What was looked for; empty where every variable is listed.
    matches : tuple of Match
        Each with ``variable``, ``score`` and the ``text`` that fits best.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> dx.find_variables(model, "saddle anesthesia").table[["label", "states", "score"]]
                                     label           states  score
    variable
    saddle_anaesthesia  Saddle anaesthesia  absent, present    1.0
    """

    model: Model
    words: str
    matches: tuple[Match, ...]

    @cached_property
    def table(self) -> pd.DataFrame:
        """The variables, best first.

        Index: variable. Columns: label, kind, group, states (the reference state first), measured (quantity, unit and
        cut points of a number that it takes; empty where it takes none), definition, synonyms, state_words (words for
        one of its states), score (of 1) and matched, the text that fits best.

        Examples
        --------
        >>> import bayesdx as dx
        >>> found = dx.find_variables(dx.load_model("chest_clinic@1.0.0"), "breathless").table
        >>> found[["label", "matched"]]
                     label              matched
        variable
        dyspnoea  Dyspnoea  Shortness of breath
        """
        rows = [
            [
                v.variable,
                v.label,
                v.kind,
                v.group,
                ", ".join(v.states),
                _measured(v),
                v.definition,
                ", ".join(v.synonyms),
                "; ".join(f"{state}: {', '.join(words)}" for state, words in v.state_words),
                match.score,
                match.text,
            ]
            for match in self.matches
            for v in (match.variable,)
        ]
        return pd.DataFrame(rows, columns=["variable", *_COLUMNS]).set_index("variable")

    def blocks(self) -> Sequence[Block]:
        """A row for each variable: name, label, states, definition."""
        model = self.model
        title = f"{model.name} {model.version}"
        if not self.matches:
            near = model.vocabulary.hint(self.words)
            return [Title(f"{title}: nothing fits {self.words!r}.{near}")]
        count = f"{len(self.matches)} variable{'s' if len(self.matches) != 1 else ''}"
        shown = f"{title}: {count} for {self.words!r}, best first" if self.words else f"{title}: {count}"
        rows = [
            [match.variable.variable, match.variable.label, _values(match.variable), _meaning(match, self.words)]
            for match in self.matches
        ]
        return [Title(shown), Grid(["variable", "label", "states", "definition"], rows)]


def find_variables(model: Model | str | PathLike[str], words: str | None = "", limit: int = 10) -> VariableSearch:
    """The variables that words fit, best first: what a finding is called in this model.

    Names, labels, synonyms, states, groups, definitions and codes are searched. Spelling is folded: case, accents,
    plurals, British and American forms; longer words also fit with a letter or two wrong.

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.
    words : str, optional
        For example "knee jerk". Where left out or None, every variable is listed in the order of the model.
    limit : int, at least 1
        Most variables that a search returns.

    Returns
    -------
    VariableSearch

    Raises
    ------
    FindingsError
        ``words`` is no text, ``limit`` no whole number of at least 1.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> [match.variable.variable for match in dx.find_variables(model, "numb thigh").matches]
    ['leg_numbness']
    """
    known = as_model(model)
    if words is not None and not isinstance(words, str):
        raise FindingsError(f"find_variables: words = {quoted(words)}; expected text, such as 'knee jerk'.")
    expect_number("find_variables: limit", limit, "a whole number of at least 1", 1)
    asked = (words or "").strip()
    if not asked:
        return VariableSearch(known, "", tuple(Match(variable, 1.0, variable.label) for variable in known.variables))
    return VariableSearch(known, asked, tuple(known.vocabulary.search(asked, limit)))


def _values(variable: Variable) -> str:
    """The states, and the number that it takes."""
    return "; ".join(filter(None, ("|".join(variable.states), _measured(variable))))


def _measured(variable: Variable) -> str:
    """What number a variable takes, and where its states begin."""
    if not variable.cuts:
        return ""
    return f"{variable.measured}, cut{'s' if len(variable.cuts) > 1 else ''} at {', '.join(map(str, variable.cuts))}"


def _meaning(match: Match, asked: str) -> str:
    """The definition, and the synonym that was found."""
    found = f"found as {plain(match.text)}" if asked and match.text in match.variable.words[2:] else ""
    return ". ".join(filter(None, (match.variable.definition, found)))
