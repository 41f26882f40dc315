"""A model from data, where there is none yet: causes, findings, and what the table says of both."""

from __future__ import annotations

import csv
import os
import re
import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import infer_dtype, is_bool_dtype, is_numeric_dtype
from pandas.util import hash_array

from bayesdx.errors import DataWarning, ImpossibleEvidenceError, LearningError, column_names, nearest_hint, quoted
from bayesdx.evaluation.dataset import MISSING, Cohort, Table, read_cohort, read_table, translate, weights_of
from bayesdx.evaluation.mapping import HEADER, code_text, read_numbers
from bayesdx.inference import Engine, Evidence
from bayesdx.knowledge.model import Model, ModelInfo, Population
from bayesdx.knowledge.reading import MOST_STATES as MOST_STATES_OF_ALL
from bayesdx.knowledge.reading import TEMPERATURES
from bayesdx.knowledge.schema import Conditions, Cut, Link, Prior, Source, TableEntry, Variable
from bayesdx.knowledge.spelling import identifier, in_words, latin, state_key
from bayesdx.knowledge.vocabulary import is_date
from bayesdx.learning.calibrate import calibrate
from bayesdx.learning.classes import POOLED, SMOOTHINGS, Choice, Tables, choose, counted
from bayesdx.learning.copies import copies
from bayesdx.learning.cutting import cut_all, rising
from bayesdx.learning.em import Progress

Array = NDArray[np.float64]

NOT_RECORDED = "not_recorded"
"""The state of a finding that nobody wrote down, where that is a state of its own."""

CHANCE_PAIRS = 5
"""Pairs of rows that would have the same whole number, were it spread evenly over its range, from which it is an
identifier where none has."""

_IDENTIFIER = re.compile(r"(?i:(?:^|[^a-z])(?:id|ids|identifier|mrn|uuid)$)|[a-z]I[Dd]$")
"""The end of a heading that says so itself."""

MOST = 1e300
"""A number as large is not taken."""

MOST_STATES = 12
"""Different whole numbers from which a column is cut into bands; other numbers always are."""


@dataclass(frozen=True, eq=False)
class ModelFit:
    """A model made from a table, and how the table's columns map to it.

    Parameters
    ----------
    model : Model
    mapping : dict
        As ``read_cohort`` takes it: the same columns and codes of other patients; None for a column that is left out.
    notes : tuple of str
        What was made of the table: words taken for missing cells, columns that are left out.

    Examples
    --------
    >>> import bayesdx as dx
    >>> import pandas as pd
    >>> table = pd.DataFrame({"disease": ["a", "b"] * 20, "cough": ["yes", "no"] * 19 + ["no", "no"]})
    >>> fit = dx.fit_model(table, "disease")
    >>> fit.model.causes, fit.mapping["cough"]["codes"]
    (('disease',), {'no': 'no', 'yes': 'yes'})
    """

    model: Model
    mapping: dict[str, Any]
    notes: tuple[str, ...] = ()

    def read(self, table: Table) -> Cohort:
        """Other patients in the words of the model; columns that the mapping does not name are left out.

        A code that the model has never seen is "not observed", since nothing is known of what it says; a
        ``DataWarning`` counts them. Rows that are left without a word are left out, which it says too.

        Parameters
        ----------
        table : DataFrame, or path of a table, as ``read_cohort`` takes it
            In the words of the table that was fitted.

        Returns
        -------
        Cohort

        Raises
        ------
        DatasetError
            As ``read_cohort``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> import pandas as pd
        >>> table = pd.DataFrame({"disease": ["a", "b"] * 20, "cough": ["yes", "no"] * 19 + ["no", "no"]})
        >>> others = pd.DataFrame({"cough": ["yes", None, "no"], "disease": ["a", "b", "b"]})
        >>> dx.fit_model(table, "disease").read(others).frame["cough"].tolist()
        ['yes', None, 'no']
        """
        cohort, unseen = translate(self.model, table, self.mapping)
        self._say(cohort.name, unseen)
        told = cohort.frame.notna().any(axis=1).to_numpy()
        if not told.any():
            raise LearningError(f"{cohort.name}: no row holds anything that {self.model.name} knows.")
        if not told.all():
            rows = ", ".join(repr(_plain(row)) for row in cohort.frame.index[~told][:5])
            self._say(cohort.name, [f"rows {rows}" if (~told).sum() <= 5 else f"rows {rows}, ..."], "left out")
        return cohort.take(told)

    @cached_property
    def _engine(self) -> Engine:
        """Made here, since to look for one that is made already takes the hash of the whole model."""
        return Engine(self.model)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_engine"}

    def _say(self, name: str, what: list[str], then: str = "it counts as not observed") -> None:
        if what:
            more = f" and {len(what) - 5} more" if len(what) > 5 else ""
            said = f"{name}: {'; '.join(what[:5])}{more}: never seen in the data of {self.model.name}; {then}."
            warnings.warn(said, DataWarning, stacklevel=3)

    def posteriors(self, table: Table) -> pd.DataFrame:
        """P(class | everything but the class) of other patients, for a model of one exclusive cause.

        Parameters
        ----------
        table : DataFrame, or path of a table, as ``read_cohort`` takes it
            In the words of the table that was fitted; the column of the class, if there is one, is not looked at. A
            code that was never seen counts as not observed, with a ``DataWarning``.

        Returns
        -------
        DataFrame
            A row per patient, a column per class under its name in the data.

        Raises
        ------
        LearningError
            The model has several causes.
        ImpossibleEvidenceError
            A patient has probability 0, under numbers that were set to 0 since.

        Examples
        --------
        >>> import bayesdx as dx
        >>> import pandas as pd
        >>> table = pd.DataFrame({"disease": ["a", "b"] * 20, "cough": ["yes", "no"] * 19 + ["no", "no"]})
        >>> dx.fit_model(table, "disease").posteriors(pd.DataFrame({"cough": ["yes", "no"]})).round(2)
              a     b
        0  0.95  0.05
        1  0.09  0.91
        """
        if len(self.model.causes) != 1:
            raise LearningError(f"posteriors: {self.model.name} has {len(self.model.causes)} causes; expected one.")
        cause = self.model.causes[0]
        rules = {name: rule for name, rule in self.mapping.items() if rule is not None}
        column = next(name for name, rule in rules.items() if rule["variable"] == cause)
        others = {name: rule for name, rule in rules.items() if name != column}
        label, frame = read_table(table)
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        headings = [str(name) for name in frame.columns]
        single = (name for name in _cut(others) if headings.count(name) == 1)
        numbers = {name: each for name in single if (each := _plain_numbers(frame[name])) is not None}
        codes, unseen = _coded(self.model, frame, others, numbers)
        self._say(label, unseen)
        engine = self._engine
        place = {variable.variable: number for number, variable in enumerate(self.model.variables)}
        evidence = Evidence(codes[:, [place[name] for name in engine.network.names]].astype(np.int32))
        result = engine.propagate(evidence, targets=(cause,))
        if result.impossible.any():
            row = int(np.flatnonzero(result.impossible)[0])
            said = (
                f"{label}, row {_plain(frame.index[row])!r}: its findings have probability 0 under {self.model.name}."
            )
            raise ImpossibleEvidenceError(said, engine.conflict(evidence.take([row])), row)
        names = {state: code for code, state in rules[column]["codes"].items()}
        classes = [names[state] for state in self.model.by_name[cause].states]
        return pd.DataFrame(result.marginals[cause], index=frame.index, columns=classes)

    def write_mapping(self, path: str | os.PathLike[str]) -> Path:
        """Write the mapping as mapping.csv; an existing file is not overwritten.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        Path
            The file that was written.

        Raises
        ------
        LearningError
            The file exists, or cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> import bayesdx as dx
        >>> import pandas as pd
        >>> table = pd.DataFrame({"disease": ["a", "b"] * 20, "cough": ["yes", "no"] * 19 + ["no", "no"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print(dx.fit_model(table, "disease").write_mapping(f"{folder}/mapping.csv").read_text("utf-8"))
        column,code,variable,state
        disease,a,disease,a
        disease,b,disease,b
        cough,no,cough,no
        cough,yes,cough,yes
        """
        target = Path(path)
        try:
            with target.open("x", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(HEADER)
                for column, rule in self.mapping.items():
                    if rule is None:
                        writer.writerow((column, "", "", ""))
                        continue
                    name, codes = rule["variable"], rule.get("codes", {})
                    states = self.model.by_name[name].states
                    bands = _band_codes(rule["cuts"]) if "cuts" in rule else []
                    rows = [*zip(bands, states, strict=False), *codes.items()] or [("", "")]
                    writer.writerows((column, code, name, state or "") for code, state in rows)
        except OSError as error:
            raise LearningError(f"{target}: {error.strerror}; nothing was written.") from error
        return target


def fit_model(
    table: Table,
    causes: str | Sequence[str],
    *,
    findings: Iterable[str] | None = None,
    ignore: Iterable[str] = (),
    cuts: Mapping[str, Sequence[float]] | None = None,
    missing: Literal["auto", "ignore", "state"] = "auto",
    structure: Literal["auto", "naive", "tree"] = "auto",
    temperature: float | Literal["auto"] = "auto",
    smoothing: float | Literal["auto"] = "auto",
    weight: str | None = None,
    groups: str | Sequence[object] | NDArray[Any] | pd.Series | None = None,
    name: str = "fitted_model",
    population: str = "here",
    title: str = "",
    progress: Progress | None = None,
) -> ModelFit:
    """Make a model of a table of patients.

    Parameters
    ----------
    table : DataFrame, or path of a table, as ``read_cohort`` takes it
        A row per patient whose causes are known.
    causes : str or sequence of str
        One column: its values exclude each other, the most frequent is the reference state. Several columns: each is a
        cause of its own, its first value (in order) the reference state; findings are then noisy-OR gates of all of
        them, fitted by EM.
    findings : iterable of str, optional
        Columns of findings; all others where left out, but for dates and identifiers: text, or whole numbers, of which
        no two rows have the same although measurements would coincide by chance. One that does not vary is left out
        too. ``notes`` say which these are, and which words (``?``, ``NA``, ``null`` and the like) were read as missing
        cells.
    ignore : iterable of str
        Columns to leave out.
    cuts : mapping of column to numbers, optional
        Where the next state begins; other numeric columns are cut where the classes part (``cut_points``).
    missing : {"auto", "ignore", "state"}
        An empty cell is missing at random, or a state ``not_recorded`` of its own: in records, what was asked and
        ordered is itself informative. The model then says so (``if_empty`` of the variable): an empty cell of a table
        of patients has that state wherever one is read. A finding that ``diagnose`` is not given is not observed.
    structure : {"auto", "naive", "tree"}
        Findings independent given one exclusive cause, or each with one more parent among the findings, whose tables
        are drawn to those without it by 20 patients in every row ("auto" also tries 5). An average of
        such models (Webb, Boughton, Wang 2005) is none of these: its tables for every two findings are not a model
        folder's, whose rows a person can read and correct.
    temperature : "auto", or float from 0.05 to 1e6
        Likelihood ratios are taken to the power of 1 / temperature, so that findings that go together are not counted
        several times; how frequent a finding is in all classes together stays. ``model.toml`` says it.
    smoothing : "auto", or float above 0
        Patients that every state of a finding is given beforehand, as additive smoothing. "auto" also tries two
        patients in every class with the shares of all classes together, which suits many classes of few patients.

        "auto", in these four, is what has the least cross-validated log loss (five folds; a quarter of a patient whose
        findings say nothing is added, so that few patients without a mistake make no model sure). With fewer than 30
        patients, or 5 in fewer than two classes, and for several causes it is "naive", "ignore", 1 and 1.
    weight : str, optional
        A column of numbers of at least 0: how many patients a row stands for.
    groups : str, or sequence of shape (n_rows,), optional
        Whose each row is, where a patient has several: a column, which is then no finding, or one value per row.
        Cross-validation keeps the rows of a patient in one fold. Where left out, rows are patients of their own but
        for those that are copies of each other (``copies``), which ``notes`` then say.
    name, population, title : str
        Of the model.
    progress : callable, optional
        Called with (iteration, max_iterations) where several causes need EM.

    Returns
    -------
    ModelFit

    Raises
    ------
    LearningError
        Unknown columns, an unlabelled row, a single class, no finding that varies, a number that is infinite or can be
        read in two ways, a cell that is a list, a column of more than 100 states, or an option out of range.

    References
    ----------
    N. Friedman, D. Geiger, M. Goldszmidt (1997), "Bayesian network classifiers", Machine Learning 29.

    Examples
    --------
    >>> import bayesdx as dx
    >>> import pandas as pd
    >>> table = pd.DataFrame({"disease": ["a", "b"] * 20, "cough": ["yes", "no"] * 19 + ["no", "no"]})
    >>> fit = dx.fit_model(table, "disease")
    >>> fit.model.causes, fit.model.findings
    (('disease',), ('cough',))
    """
    label, frame = read_table(table)
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    _check_options(missing, structure, temperature, smoothing)
    chosen = [causes] if isinstance(causes, str) else list(causes)
    columns = _columns(frame, chosen, findings, ignore, [weight, groups])
    given = _given_cuts(cuts or {}, columns)
    _refuse_cells(frame, [*chosen, *columns])
    frame, marks = _without_marks(frame, [*chosen, *columns])
    notes = [f"{column}: {', '.join(words)} read as missing." for column, words in marks.items()]
    if findings is None:
        reasons = ((column, _no_finding(frame[column], column, weight, given)) for column in columns)
        no_finding = {column: why for column, why in reasons if why}
        columns = [column for column in columns if column not in no_finding]
        notes += [f"{column}: left out, since {why}." for column, why in no_finding.items()]
    owners = None if groups is None else _owners(frame, groups, chosen)
    weights, kept = _weighted(frame, weight)
    frame, owners = frame[kept], None if owners is None else np.unique(owners[kept], return_inverse=True)[1]
    classes = _classes(frame, chosen)
    _, joint = np.unique(np.stack([np.unique(c, return_inverse=True)[1] for c in classes]), axis=1, return_inverse=True)
    exclusive = len(chosen) == 1
    source = Source("DATASET", f"Table {label}: {len(frame)} rows", None, "", "", "cohort", len(frame), "dataset")
    info = ModelInfo(
        name, "1.0.0", title or name.replace("_", " "), "CC0-1.0", "Research on the data it was fitted to.",
        "Not a medical device.", "As in the data.", (Population(population, population.replace("_", " ")),), population,
    )  # fmt: skip

    numbers, ends = _banded(frame, columns, given, joint.reshape(-1), weights)

    def read_with(blank: str) -> tuple[Model, dict[str, Any], list[str]]:
        """Variables, what columns mean, columns that do not vary."""
        variables, mapping, constant = [], {}, []
        for column, values in zip(chosen, classes, strict=True):
            variable, rule = _cause(column, values, exclusive=exclusive)
            variables.append(variable)
            mapping[column] = rule
        for column in columns:
            found = _finding(frame[column], column, ends.get(column), blank, marks.get(column, ()))
            if found is None:
                constant.append(column)
            else:
                variables.append(found[0])
                mapping[column] = found[1]
        if len(variables) == len(chosen):
            out = "".join(f" {note}" for note in notes if ": left out" in note)
            raise LearningError(
                f"no finding varies: expected a column besides the causes that holds two values or more.{out}"
            )
        for variable in variables:
            if len(variable.states) > MOST_STATES_OF_ALL:
                raise LearningError(_too_many(frame[variable.label], variable))
        variables, mapping = _named(variables, mapping, [str(column) for column in frame.columns])
        _refuse_duplicates(variables)
        rules = {str(column): mapping.get(str(column)) for column in frame.columns}
        return Model(info=info, variables=tuple(variables), priors=(), sources=(source,)), rules, constant

    bare, rules, constant = read_with("state" if missing == "state" else "ignore")
    if not exclusive:
        patients = 1.0 if smoothing == "auto" else float(smoothing)
        made = _gated(bare, frame, rules, weights, patients, progress)
    else:
        codes, _ = _coded(bare, frame, rules, {column: numbers[column] for column in _cut(rules)})
        order = _order(codes, [numbers[column] for column in _cut(rules)], weights, owners)
        weights, labels, findings_of = weights[order], codes[order, 0], codes[order, 1:]
        cards = [len(variable.states) for variable in bare.variables[1:]]
        many, blanks = len(bare.variables[0].states), bool((findings_of < 0).any())
        measured = {
            place: numbers[variable.label][order]
            for place, variable in enumerate(bare.variables[1:])
            if variable.label in _cut(rules)
        }
        if owners is None:
            owners = copies(findings_of, labels, measured)
            notes += _copied(owners)
        else:
            owners = np.asarray(pd.factorize(owners[order])[0], dtype=np.intp)
        choice = choose(
            findings_of,
            labels,
            weights,
            cards,
            many,
            ("naive", "tree") if structure == "auto" else (structure,),
            ("ignore", "state") if missing == "auto" and blanks else ("ignore",),
            SMOOTHINGS if smoothing == "auto" else (float(smoothing),),
            None if temperature == "auto" else float(temperature),
            {
                place: each
                for place, each in measured.items()
                if not bare.variables[1 + place].if_empty and bare.variables[1 + place].label not in given
            },
            owners,
        )
        if choice.missing == "state":
            bare, rules, constant = read_with("state")
            codes, _ = _coded(bare, frame, rules, {column: numbers[column] for column in _cut(rules)})
            findings_of, cards = codes[order, 1:], [len(variable.states) for variable in bare.variables[1:]]
        counts = counted(findings_of, labels, weights, cards, many, with_tree=choice.structure == "tree")
        if np.isfinite(choice.log_loss):
            notes.append(_chosen(choice, structure, missing if blanks else "", smoothing, temperature))
            notes += _useless(choice)
        if choice.temperature != 1.0:
            citation = f"{source.citation}; likelihood ratios to the power of 1 / {choice.temperature:g}"
            source = replace(source, citation=citation)
        bias = tuple(zip(bare.variables[0].states, choice.bias, strict=False))
        bare = replace(bare, info=replace(bare.info, temperature=choice.temperature, evidence_bias=bias))
        made = _tabled(bare, counts.tables(choice).tempered(choice.temperature), source)
    notes += [f"{column}: left out, since it does not vary." for column in constant]
    notes += [
        f"{variable.label}: called {variable.variable} in the model."
        for variable in made.variables
        if _foreign(latin(variable.label))
    ]
    return ModelFit(made, rules, tuple(notes))


def _chosen(choice: Choice, structure: str, missing: str, smoothing: float | str, temperature: float | str) -> str:
    """What cross-validation decided."""
    parts = [f"structure {choice.structure}"] if structure == "auto" else []
    parts += [f"tables without the second parent worth {choice.tree_weight:g}"] if choice.structure == "tree" else []
    parts += [f"missing cells {'a state' if choice.missing == 'state' else 'ignored'}"] if missing == "auto" else []
    of = "the shares of all classes" if choice.smoothing == POOLED else f"{choice.smoothing:g} patient in every state"
    parts += [f"smoothing by {of}"] if smoothing == "auto" else []
    parts += [f"temperature {choice.temperature:g}"] if temperature == "auto" else []
    return f"Chosen by cross-validation (log loss {choice.log_loss:.3f}): {', '.join(parts)}."


def _useless(choice: Choice) -> list[str]:
    """Where cross-validation does not show that the findings tell the classes apart."""
    if choice.gain > 2 * choice.error:
        return []
    alone = choice.log_loss + choice.gain
    return [
        f"In cross-validation the findings predict no better than the class frequencies alone (log loss {alone:.3f}), "
        "or no more than chance explains."
    ]


def _copied(owners: NDArray[np.intp]) -> list[str]:
    """How many rows are copies."""
    extra = len(owners) - 1 - int(owners.max(initial=-1))
    if not extra:
        return []
    return [
        f"{extra} of {len(owners)} rows are copies of others: far more are identical in every cell than the findings "
        "explain. Cross-validation keeps copies together. Intervals count every row: leave them out where they are "
        "the same patients."
    ]


def _given_cuts(cuts: object, columns: Sequence[str]) -> dict[str, list[float]]:
    """The cuts of each column as they are asked for."""
    if not isinstance(cuts, Mapping):
        raise LearningError(f"cuts: {quoted(cuts)}; expected cuts by column, as {{'age': [40, 65]}}.")
    given = {}
    for column, ends in cuts.items():
        if column not in columns:
            raise LearningError(f"cuts: {column!r} is not a column of findings{nearest_hint(str(column), columns)}.")
        listed = not isinstance(ends, str) and isinstance(ends, Iterable)
        values = list(ends) if listed else [ends]
        bad = [end for end in values if _number(end) is None]
        if bad or not listed:
            said = quoted(_plain(bad[0] if bad else ends))
            raise LearningError(f"cuts: column {column}: {said}; expected a list of finite numbers, as [40, 65].")
        given[column] = [number for end in values if (number := _number(end)) is not None]
    return given


def _number(value: object) -> float | None:
    """A finite number, of Python or numpy; None where it is none, as a truth value."""
    plain = _plain(value)
    if not isinstance(plain, int | float) or isinstance(plain, bool) or not -MOST < plain < MOST:
        return None
    return float(plain)


def _plain(value: object) -> object:
    """What numpy wraps, as Python writes it."""
    return value.item() if isinstance(value, np.generic) else value


def _order(
    codes: NDArray[np.intp], numbers: Sequence[Array], weights: Array, owners: NDArray[np.intp] | None
) -> NDArray[np.intp]:
    """The rows by a hash of what they say, so that a table and its rows in another order are one.

    Identical rows come by the other rows of whom they belong to.
    """
    signs = np.random.default_rng(0).integers(1, 2**62, codes.shape[1] + len(numbers) + 1) * 2 + 1
    own = codes @ signs[: codes.shape[1]]
    for sign, values in zip(signs[codes.shape[1] :], (weights, *numbers), strict=True):
        own += hash_array(values + 0.0).view(np.int64) * sign  # -0 is 0
    if owners is None:
        return np.argsort(own, kind="stable")
    together = np.zeros(owners.max() + 1, dtype=own.dtype)
    np.add.at(together, owners, hash_array(own).view(np.int64))
    return np.lexsort((together[owners], own))


def _owners(
    frame: pd.DataFrame, groups: str | Sequence[object] | NDArray[Any] | pd.Series, causes: Sequence[str]
) -> NDArray[np.intp]:
    """Whose each row is, as whole numbers."""
    if isinstance(groups, str):
        if groups not in frame:
            raise LearningError(f"groups: {groups!r} is not a column{nearest_hint(groups, list(frame.columns))}.")
        if groups in causes:
            raise LearningError(f"groups: {groups!r} is a cause; expected a column that says whose each row is.")
        cells, what = frame[groups], f"column {groups}"
    elif not isinstance(groups, Iterable):
        raise LearningError(f"groups: {quoted(groups)}; expected a column, or one value per row.")
    else:
        cells, what = pd.Series(list(groups), dtype=object), "groups"
        if len(cells) != len(frame):
            raise LearningError(f"groups: {len(cells)} values for {len(frame)} rows; expected one per row.")
    empty = np.flatnonzero(cells.isna())
    if empty.size:
        raise LearningError(f"{what}, row {_plain(frame.index[empty[0]])!r}: empty; expected whose row it is.")
    nested = [place for place, cell in enumerate(cells) if not isinstance(cell, Hashable)]
    if nested:
        row, cell = frame.index[nested[0]], cells.iloc[nested[0]]
        raise LearningError(f"{what}, row {_plain(row)!r}: {quoted(cell)}; expected text or a number.")
    return np.asarray(pd.factorize(cells)[0], dtype=np.intp)


def _weighted(frame: pd.DataFrame, weight: str | None) -> tuple[Array, NDArray[np.bool_]]:
    """Patients that each row stands for where it stands for any, and which rows do."""
    if weight is None:
        return np.ones(len(frame)), np.ones(len(frame), dtype=np.bool_)
    if weight not in frame:
        raise LearningError(f"weight: {weight!r} is not a column{nearest_hint(weight, list(frame.columns))}.")
    found = weights_of(frame[weight])
    bad = np.flatnonzero(~np.isfinite(found) | (found < 0))
    if bad.size:
        row = frame.index[bad[0]]
        raise LearningError(f"column {weight}, row {_plain(row)!r}: expected a weight, a finite number of at least 0.")
    if not (found > 0).any():
        raise LearningError(f"column {weight}: all weights are 0; expected at least one above 0.")
    return found[found > 0], found > 0


def _check_options(missing: str, structure: str, temperature: float | str, smoothing: float | str) -> None:
    valid_of = {"missing": ("auto", "ignore", "state"), "structure": ("auto", "naive", "tree")}
    for what, value in (("missing", missing), ("structure", structure)):
        if value not in valid_of[what]:
            raise LearningError(
                f"{what}: {value!r}; expected {', '.join(valid_of[what][:-1])} or {valid_of[what][-1]}."
            )
    low, high = TEMPERATURES
    for what, option in (("temperature", temperature), ("smoothing", smoothing)):
        if isinstance(option, str) and option == "auto":
            continue
        number = _number(option)
        if number is None or number <= 0:
            raise LearningError(f"{what}: {quoted(_plain(option))}; expected 'auto' or a finite number above 0.")
        if what == "temperature" and not low <= number <= high:
            raise LearningError(f"{what}: {_plain(option)!r}; expected 'auto' or a number from {low:g} to {high:g}.")


def _columns(
    frame: pd.DataFrame,
    causes: Sequence[str],
    findings: Iterable[str] | None,
    ignore: Iterable[str],
    others: Sequence[object],
) -> list[str]:
    names = [str(column) for column in frame.columns]
    out = [str(column) for column in column_names("ignore", ignore, LearningError)]
    for column in out:
        if column not in names:
            raise LearningError(f"ignore: {column!r} is not a column{nearest_hint(column, names)}.")
    taken = (*causes, *out, *(other for other in others if isinstance(other, str)))
    wanted = (
        [column for column in names if column not in taken]
        if findings is None
        else [*map(str, column_names("findings", findings, LearningError))]
    )
    for column in (*causes, *wanted):
        if column in out:
            raise LearningError(f"column {column!r} is to be ignored and used; expected one use of a column.")
        if column not in names:
            raise LearningError(f"{column!r} is not a column{nearest_hint(column, names)}.")
        if names.count(column) > 1:
            raise LearningError(f"column {column!r} stands {names.count(column)} times; expected each column once.")
        uses = (*causes, *wanted).count(column)
        if uses > 1:
            what = "a cause and a finding" if column in causes and column in wanted else f"named {uses} times"
            raise LearningError(f"column {column!r} is {what}; expected one use of a column.")
    if not len(frame):
        raise LearningError("the table has no rows; expected labelled patients.")
    return wanted


def _refuse_cells(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """A cell that is no value, such as a list, or an infinite number."""
    for column in columns:
        cells = frame[column]
        bad = np.zeros(len(cells), dtype=np.bool_)
        if is_numeric_dtype(cells):
            expected = "a finite number, or an empty cell"
            if not is_bool_dtype(cells):
                bad = np.isinf(cells.to_numpy(dtype=float, na_value=np.nan))
        else:
            expected = "text, a number or a truth value"
            if infer_dtype(cells.astype(object), skipna=True).startswith("mixed"):
                bad = np.array([not isinstance(cell, Hashable) for cell in cells], dtype=np.bool_)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            cell = cells.iloc[row]
            found = str(cell) if isinstance(cell, Hashable) else f"a {type(cell).__name__}"
            raise LearningError(f"column {column}, row {_plain(frame.index[row])!r}: {found}; expected {expected}.")


def _no_finding(cells: pd.Series, column: str, weight: str | None, cuts: Mapping[str, Sequence[float]]) -> str:
    """Why a column is no finding: it holds dates, or tells rows apart and nothing more; empty where it may be one."""
    known = cells[~_empty(cells)]
    if column in cuts or not len(known) or is_bool_dtype(known):
        return ""
    if pd.api.types.is_datetime64_any_dtype(known) or (
        not is_numeric_dtype(known) and all(isinstance(cell, date) or is_date(str(cell)) for cell in known.unique())
    ):
        return "it holds dates"
    # A table with weights has a row per pattern, so that rows differ by how it was made.
    if weight is not None or len(known) <= MOST_STATES or known.nunique() < len(known):
        return ""
    numbers = _numbers(cells, column, _empty(cells))[~_empty(cells)]
    if not np.isfinite(numbers).all():
        return "no two rows have the same text, as of an identifier" if np.isnan(numbers).all() else ""
    span, pairs = float(np.ptp(numbers)), len(known) * (len(known) - 1) / 2
    whole = bool((numbers % 1 == 0).all())
    apart = whole and (pairs > CHANCE_PAIRS * span or _IDENTIFIER.search(column) is not None)
    return "no two rows have the same whole number, as of an identifier" if apart else ""


def _too_many(cells: pd.Series, variable: Variable) -> str:
    """What is wrong with a column of more states than a model may have."""
    known = cells[~_empty(cells)]
    numbers = np.array(read_numbers(code_text(value) for value in known)[0])
    said = f"column {variable.label}: {len(variable.states)} states; a variable has at most {MOST_STATES_OF_ALL}."
    odd = np.flatnonzero(~np.isfinite(numbers))
    if 0 < len(odd) <= len(numbers) / 2:
        row = int(odd[0])
        return f"{said} Row {_plain(known.index[row])!r} holds {code_text(known.iloc[row])!r}, which is no number."
    return f"{said} Join its codes, or leave it out: ignore= (--ignore)."


def _classes(frame: pd.DataFrame, causes: Sequence[str]) -> list[NDArray[np.str_]]:
    classes = []
    for column in causes:
        empty = np.flatnonzero(frame[column].isna())
        if empty.size:
            raise LearningError(
                f"column {column}, row {_plain(frame.index[empty[0]])!r}: no label ({empty.size} rows have none); "
                "a new model is fitted to labelled patients."
            )
        values = np.array([code_text(value) for value in frame[column]])
        if len(np.unique(values)) < 2:
            raise LearningError(f"column {column}: every row is {str(values[0])!r}; expected at least two classes.")
        classes.append(values)
    return classes


def _cause(column: str, values: NDArray[np.str_], exclusive: bool) -> tuple[Variable, dict[str, Any]]:
    codes, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable") if exclusive else np.arange(len(codes))
    states = _state_names([str(codes[place]) for place in order])
    name = identifier(column)
    rule = {"variable": name, "codes": dict(zip((str(codes[place]) for place in order), states, strict=True))}
    return Variable(name, column, "cause", "", states, ""), rule


def _without_marks(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """The table with ``?``, ``NA`` and the like as missing cells, and which of them each column had."""
    kinds = dict(zip(frame.columns, frame.dtypes, strict=True))
    cleaned: dict[str, pd.Series] = {}
    found: dict[str, list[str]] = {}
    for column in columns:
        if is_numeric_dtype(kinds[column]):
            continue
        cells = frame[column]
        said = {cell.strip() for cell in cells.unique() if isinstance(cell, str)}
        if words := [word for word in MISSING if word in said]:
            texts = cells.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
            cleaned[column] = cells.astype(object).where(~texts.isin(words), None)
            found[column] = words
    return frame.assign(**cleaned), found


def _named(
    variables: Sequence[Variable], mapping: Mapping[str, dict[str, Any]], columns: Sequence[str]
) -> tuple[list[Variable], dict[str, dict[str, Any]]]:
    """Variables of headings in another script are called after the place of their column."""
    names = {column: f"column_{place + 1}" for place, column in enumerate(columns) if _foreign(latin(column))}
    chosen = [replace(v, variable=names.get(v.label, v.variable)) for v in variables]
    rules = {column: {**rule, "variable": names.get(column, rule["variable"])} for column, rule in mapping.items()}
    return chosen, rules


def _foreign(text: str) -> bool:
    """Whether fewer letters of a heading are Latin than not, or none of its signs can be in a name."""
    latin = sum(sign.isalpha() and sign.isascii() for sign in text)
    other = sum(sign.isalpha() and not sign.isascii() for sign in text)
    return other > latin or not any(sign.isascii() and sign.isalnum() for sign in text)


def _banded(
    frame: pd.DataFrame,
    columns: Sequence[str],
    given: Mapping[str, list[float]],
    classes: NDArray[np.intp],
    weights: Array,
) -> tuple[dict[str, Array], dict[str, list[float]]]:
    """The numbers of each column that is cut into bands, NaN where a cell is none, and where the bands begin."""
    numbers: dict[str, Array] = {}
    for column in columns:
        cells = frame[column]
        empty = _empty(cells)
        found = _numbers(cells, column, empty)
        known = np.isfinite(found)
        if column in given and not (known | empty).all():
            row = int(np.flatnonzero(~known & ~empty)[0])
            raise LearningError(
                f"column {column}, row {_plain(frame.index[row])!r}: {code_text(cells.iloc[row])!r}; expected a "
                "number, since cuts are given."
            )
        values = np.unique(found[known])
        several = len(values) > MOST_STATES or bool((values % 1 != 0).any())
        if column in given or ((known | empty).all() and not empty.all() and several):
            numbers[column] = found
    ends = {column: given[column] for column in numbers if given.get(column)}
    free = {column: each for column, each in numbers.items() if column not in ends}
    order = np.lexsort((weights, classes))  # in which equal numbers are added up
    rows = [order[rising(each[order])] for each in free.values()]
    chosen = cut_all(list(free.values()), rows, classes, weights)
    ends |= dict(zip(free, chosen, strict=True))
    return numbers, {column: _distinct(each) for column, each in ends.items()}


def _distinct(ends: Iterable[float]) -> list[float]:
    """Cuts to ten digits, rising, each once."""
    return sorted({float(f"{end:.10g}") for end in ends})


def _empty(cells: pd.Series) -> NDArray[np.bool_]:
    """Which cells hold nothing."""
    empty = cells.isna().to_numpy()
    if not is_numeric_dtype(cells):
        empty = empty | (cells.astype(str).str.strip() == "").to_numpy()
    return np.asarray(empty)


def _finding(
    cells: pd.Series, column: str, ends: list[float] | None, missing: str, marks: Sequence[str]
) -> tuple[Variable, dict[str, Any]] | None:
    """The variable of a column and its rule; None where the column has one value only."""
    rule: dict[str, Any] = {"variable": identifier(column)}
    empty = _empty(cells) if not ends or missing == "state" else np.zeros(0, dtype=np.bool_)
    if ends:
        texts = [f"{end:g}".replace("+", "") for end in ends]
        bands = [f"{low}_to_{high}" for low, high in pairwise(texts)]
        states = (f"below_{texts[0]}", *bands, f"from_{texts[-1]}") if texts else ()
        states = states if len(set(states)) == len(states) else tuple(f"band_{place}" for place in range(len(states)))
        rule["cuts"] = ends
    else:
        codes = sorted({code_text(value) for value in cells[~empty]}, key=_by_size)
        states = _state_names(codes)
        rule["codes"] = dict(zip(codes, states, strict=True))
    if missing == "state" and empty.any():
        rule["codes"] = {**rule.get("codes", {}), "": NOT_RECORDED}
        states = (*states, NOT_RECORDED)
    if marks:
        rule["codes"] = {**rule.get("codes", {}), **dict.fromkeys(marks, rule.get("codes", {}).get(""))}
    cuts_kept = tuple(Cut(end) for end in rule.get("cuts", ()))
    blank = rule.get("codes", {}).get("", "")
    spoken = {state_key(mark): mark for mark in marks if blank and state_key(mark)}
    words = ((blank, tuple(spoken.values())),) if spoken else ()
    variable = Variable(
        identifier(column), column, "history", "", states, "", cuts=cuts_kept, if_empty=blank, state_words=words
    )
    return (variable, rule) if len(states) > 1 else None


def _band_codes(cuts: Sequence[float]) -> list[str]:
    texts = [repr(float(cut)) for cut in cuts]
    between = [f"{low}..{high}" for low, high in pairwise(texts)]
    return [f"<{texts[0]}", *between, f">={texts[-1]}"]


def _numbers(cells: pd.Series, column: str, empty: NDArray[np.bool_]) -> Array:
    """The numbers of a column, NaN where a cell is none; text may have decimal commas."""
    if is_bool_dtype(cells):
        return np.full(len(cells), np.nan)
    if is_numeric_dtype(cells):
        return np.asarray(cells.to_numpy(dtype=float, na_value=np.nan))
    codes, values = pd.factorize(cells)
    found, unclear = read_numbers(code_text(value) for value in values)
    numbers = np.array([*found, np.nan])[codes]
    others = ~empty & ~np.isfinite(numbers)
    if unclear and len(set(cells[others].map(code_text)) - set(unclear)) == 0:
        place = int(np.flatnonzero(cells.map(code_text).isin(unclear))[0])
        raise LearningError(
            f"column {column}, row {_plain(cells.index[place])!r}: {unclear[0]!r} may hold a decimal mark or part "
            "thousands; write the numbers with a decimal point."
        )
    return numbers


def _plain_numbers(cells: pd.Series) -> Array | None:
    """The finite numbers of a numeric column, NaN where a cell is empty; None where it is anything else."""
    if not is_numeric_dtype(cells) or is_bool_dtype(cells):
        return None
    found = cells.to_numpy(dtype=float, na_value=np.nan)
    return None if np.isinf(found).any() else found


def _by_size(code: str) -> tuple[float, str]:
    try:
        return float(code), code
    except ValueError:
        return float("inf"), code


def _state_names(codes: Sequence[str]) -> tuple[str, ...]:
    names = tuple(re.sub(r"[|;=\x00-\x1f]", "_", in_words(code)) or "_" for code in codes)
    return names if len(set(names)) == len(names) else tuple(f"{name}_{place}" for place, name in enumerate(names))


def _refuse_duplicates(variables: Sequence[Variable]) -> None:
    seen: dict[str, str] = {}
    for variable in variables:
        other = seen.setdefault(variable.variable.casefold(), variable.label)
        if other != variable.label:
            raise LearningError(f"columns {other!r} and {variable.label!r} would both be called {variable.variable}.")


def _coded(
    model: Model, frame: pd.DataFrame, rules: Mapping[str, Any], numbers: Mapping[str, Array]
) -> tuple[NDArray[np.intp], list[str]]:
    """Codes of the patients, shape (n_patients, n_variables), -1 where missing, and what was never seen.

    Columns of ``numbers`` are bands of theirs.
    """
    columns = {rule["variable"]: (column, rule) for column, rule in rules.items() if rule is not None}
    others = {column: rule for column, rule in columns.values() if column not in numbers}
    read, unseen = translate(model, frame.loc[:, [name in others for name in frame.columns]], others)
    codes = np.full((len(frame), len(model.variables)), -1, dtype=np.intp)
    for place, variable in enumerate(model.variables):
        column, rule = columns.get(variable.variable, ("", {}))
        if column in numbers:
            band = np.searchsorted(rule["cuts"], numbers[column], side="right")
            blank = variable.states.index(variable.if_empty) if variable.if_empty else -1
            codes[:, place] = np.where(np.isfinite(numbers[column]), band, blank)
        elif variable.variable in read.frame:
            codes[:, place] = pd.Index(variable.states).get_indexer(
                pd.Index(read.frame[variable.variable], dtype=object)
            )
    return codes, unseen


def _cut(rules: Mapping[str, Any]) -> list[str]:
    """Columns that are cut into bands, and say nothing else."""
    return [column for column, rule in rules.items() if rule is not None and "cuts" in rule]


def _tabled(model: Model, made: Tables, source: Source) -> Model:
    """The model with its rows, every number with the interval of the patients behind it."""
    cause, *findings = model.variables
    size = float(made.prior.sum())
    values, sizes = [made.prior[1:] / size], [np.full(len(cause.states) - 1, size)]
    for share, patients in made.rows():
        values.append(share[..., 1:].ravel())
        sizes.append(np.repeat(patients.ravel(), share.shape[-1] - 1))
    numbers = iter(_with_intervals(np.concatenate(values), np.concatenate(sizes)))
    priors = tuple(
        Prior(model.population, cause.variable, state, *next(numbers), "DATASET", "dataset")
        for state in cause.states[1:]
    )
    entries: list[TableEntry] = []
    for place, finding in enumerate(findings):
        parent = made.parents.get(place)
        given: list[Conditions] = [((cause.variable, (state,)),) for state in cause.states]
        if parent is not None:
            second = findings[parent]
            given = [(*one, (second.variable, (state,))) for one in given for state in second.states]
        entries += [
            TableEntry("", finding.variable, each, state, *next(numbers), "DATASET", "dataset")
            for each in given
            for state in finding.states[1:]
        ]
    return replace(model, priors=priors, tables=tuple(entries), sources=(source,))


def _with_intervals(values: Array, sizes: Array) -> list[tuple[float, float, float]]:
    from scipy.special import betaincinv

    kept = np.array([float(f"{value:.10g}") for value in values])
    open_ = (kept > 0) & (kept < 1)
    ends = np.stack([kept, kept])
    a, b = (kept * sizes)[open_], ((1 - kept) * sizes)[open_]
    ends[:, open_] = betaincinv(a, b, np.array([[0.025], [0.975]]))
    return list(zip(kept.tolist(), np.minimum(ends[0], kept).tolist(), np.maximum(ends[1], kept).tolist(), strict=True))


def _gated(
    model: Model,
    frame: pd.DataFrame,
    rules: Mapping[str, Any],
    weights: Array,
    smoothing: float,
    progress: Progress | None,
) -> Model:
    """Several causes: noisy gates of all of them, from vague beginnings, by EM."""
    causes = [v for v in model.variables if v.kind == "cause"]
    findings = [v for v in model.variables if v.kind != "cause"]
    priors = tuple(
        Prior(model.population, v.variable, state, 1 / len(v.states), 0.025, 0.975, "DATASET", "dataset")
        for v in causes
        for state in v.states[1:]
    )
    leaks = [
        Link("", "", v.variable, state, 0.2 / len(v.states), 0.001, 0.7, "DATASET", "dataset")
        for v in findings
        for state in v.states[1:]
    ]
    links = [
        Link(cause.variable, acting, v.variable, state, 0.6 / len(v.states), 0.001, 0.97, "DATASET", "dataset")
        for v in findings
        for cause in causes
        for acting in cause.states[1:]
        for state in v.states[1:]
    ]
    vague = replace(model, priors=priors, links=(*leaks, *links))
    cohort = replace(read_cohort(vague, frame, rules), weights=weights)
    result = calibrate(vague, cohort, prior_strength=smoothing, max_iterations=300, tolerance=1e-4, progress=progress)
    fitted = result.model
    info = replace(fitted.info, version="1.0.0", parent_version="", parent_hash="")
    return replace(fitted, info=info, changes="")
