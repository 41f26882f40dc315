"""A model from data, where there is none yet: causes, findings, and what the table says of both."""

from __future__ import annotations

import csv
import os
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.errors import DataWarning, LearningError, nearest
from bayesdx.evaluation.dataset import MISSING, Cohort, Table, read_cohort, read_table, translate
from bayesdx.evaluation.mapping import HEADER, code_text, read_numbers
from bayesdx.inference import Engine
from bayesdx.knowledge.model import Model, ModelInfo, Population
from bayesdx.knowledge.schema import Conditions, Cut, Link, Prior, Source, TableEntry, Variable
from bayesdx.knowledge.spelling import identifier, in_words, latin
from bayesdx.learning.calibrate import calibrate
from bayesdx.learning.cutting import cut_points
from bayesdx.learning.em import Progress
from bayesdx.network import compile_network
from bayesdx.network.beliefs import Beta

Array = NDArray[np.float64]

NOT_RECORDED = "not_recorded"
"""The state of a finding that nobody wrote down, where that is a state of its own."""

MOST_STATES = 12
"""Different values from which a column of numbers is cut into bands."""

TREE_WEIGHT = 5.0
"""Patients that a table given one parent is worth when a second parent divides it."""


@dataclass(frozen=True, eq=False)
class ModelFit:
    """A model made from a table, and how the table's columns map to it.

    Parameters
    ----------
    model : Model
    mapping : dict
        As ``read_cohort`` takes it: the same columns and codes of other patients.
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
    mapping: dict[str, dict[str, Any]]
    notes: tuple[str, ...] = ()

    def read(self, table: Table) -> Cohort:
        """Other patients in the words of the model; columns that the mapping does not name are left out.

        A code that the model has never seen is "not observed", since nothing is known of what it says; a
        ``DataWarning`` counts them. Rows that are left without a word are left out, which it says too.

        Parameters
        ----------
        table : DataFrame, or path of a CSV or Parquet file
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
            rows = ", ".join(repr(row) for row in cohort.frame.index[~told][:5])
            self._say(cohort.name, [f"rows {rows}" if (~told).sum() <= 5 else f"rows {rows}, ..."], "left out")
        return cohort.take(told)

    def _say(self, name: str, what: list[str], then: str = "it counts as not observed") -> None:
        if what:
            more = f" and {len(what) - 5} more" if len(what) > 5 else ""
            said = f"{name}: {'; '.join(what[:5])}{more}: never seen in the data of {self.model.name}; {then}."
            warnings.warn(said, DataWarning, stacklevel=3)

    def posteriors(self, table: Table) -> pd.DataFrame:
        """P(class | everything but the class) of other patients, for a model of one exclusive cause.

        Parameters
        ----------
        table : DataFrame, or path of a CSV or Parquet file
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
        column = next(name for name, rule in self.mapping.items() if rule["variable"] == cause)
        others = {name: rule for name, rule in self.mapping.items() if name != column}
        cohort, unseen = translate(self.model, table, others)
        self._say(cohort.name, unseen)
        states = cohort.frame.reindex(columns=list(self.model.findings)).astype(object)
        engine = Engine(compile_network(self.model))
        found = engine.marginals(states, targets=(cause,))[cause]
        names = {state: code for code, state in self.mapping[column]["codes"].items()}
        return found.rename(columns=names)

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
    cuts: Mapping[str, Sequence[float]] | None = None,
    missing: Literal["ignore", "state"] = "ignore",
    structure: Literal["naive", "tree"] = "naive",
    smoothing: float = 1.0,
    name: str = "fitted_model",
    population: str = "here",
    title: str = "",
    progress: Progress | None = None,
) -> ModelFit:
    """Make a model of a table of patients.

    Parameters
    ----------
    table : DataFrame, or path of a CSV or Parquet file
        A row per patient whose causes are known.
    causes : str or sequence of str
        One column: its values exclude each other, the most frequent is the reference state. Several columns: each is a
        cause of its own, its first value (in order) the reference state; findings are then noisy-OR gates of all of
        them, fitted by EM.
    findings : iterable of str, optional
        Columns of findings; all others where left out. One that does not vary is left out, which ``notes`` say, as
        they say which words (``?``, ``NA``, ``null`` and the like) were read as missing cells.
    cuts : mapping of column to numbers, optional
        Where the next state begins; other numeric columns are cut where the classes part (``cut_points``).
    missing : {"ignore", "state"}
        An empty cell is missing at random, or a state ``not_recorded`` of its own: in records, what was asked and
        ordered is itself informative.
    structure : {"naive", "tree"}
        Findings independent given one exclusive cause, or each with one more parent among the findings.
    smoothing : float, above 0
        Patients that every state of a finding is given beforehand, as additive smoothing.
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
        Unknown columns, an unlabelled row, a single class, no finding that varies, a number that can be read in two
        ways, or an option out of range.

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
    _check_options(missing, structure, smoothing)
    chosen = [causes] if isinstance(causes, str) else list(causes)
    columns = _columns(frame, chosen, findings)
    frame, marks = _without_marks(frame, [*chosen, *columns])
    notes = [f"{column}: {', '.join(words)} read as missing." for column, words in marks.items()]
    classes = _classes(frame, chosen)
    _, joint = np.unique(np.stack([np.unique(c, return_inverse=True)[1] for c in classes]), axis=1, return_inverse=True)
    variables, mapping = [], {}
    for column, values in zip(chosen, classes, strict=True):
        variable, rule = _cause(column, values, exclusive=len(chosen) == 1)
        variables.append(variable)
        mapping[column] = rule
    for column in columns:
        given = (cuts or {}).get(column)
        found = _finding(frame[column], column, joint.reshape(-1), given, missing, marks.get(column, ()))
        if found is None:
            notes.append(f"{column}: left out, since it does not vary.")
        else:
            variables.append(found[0])
            mapping[column] = found[1]
    if len(variables) == len(chosen):
        raise LearningError("no finding varies: expected a column besides the causes that holds two values or more.")
    variables, mapping = _named(variables, mapping, [str(column) for column in frame.columns])
    _refuse_duplicates(variables)
    rules: dict[str, Any] = {str(column): mapping.get(str(column)) for column in frame.columns}
    source = Source("DATASET", f"Table {label}: {len(frame)} rows", None, "", "", "cohort", len(frame), "dataset")
    info = ModelInfo(
        name, "1.0.0", title or name.replace("_", " "), "CC0-1.0", "Research on the data it was fitted to.",
        "Not a medical device.", "As in the data.", (Population(population, population.replace("_", " ")),), population,
    )  # fmt: skip
    bare = Model(info=info, variables=tuple(variables), priors=(), sources=(source,))
    if len(chosen) == 1:
        made = _tabled(bare, _coded(bare, frame, rules), structure, smoothing)
    else:
        made = _gated(bare, frame, rules, smoothing, progress)
    return ModelFit(made, {column: rule for column, rule in rules.items() if rule is not None}, tuple(notes))


def _check_options(missing: str, structure: str, smoothing: float) -> None:
    for what, value, valid in (("missing", missing, ("ignore", "state")), ("structure", structure, ("naive", "tree"))):
        if value not in valid:
            raise LearningError(f"{what}: {value!r}; expected {' or '.join(valid)}.")
    if not (np.isfinite(smoothing) and smoothing > 0):
        raise LearningError(f"smoothing: {smoothing}; expected a finite number above 0.")


def _columns(frame: pd.DataFrame, causes: Sequence[str], findings: Iterable[str] | None) -> list[str]:
    names = [str(column) for column in frame.columns]
    wanted = [column for column in names if column not in causes] if findings is None else list(findings)
    for column in (*causes, *wanted):
        if column not in names:
            hint = nearest(column, names)
            raise LearningError(f"{column!r} is not a column{f' (nearest: {hint!r})' if hint else ''}.")
        if names.count(column) > 1:
            raise LearningError(f"column {column!r} stands {names.count(column)} times; expected each column once.")
        uses = (*causes, *wanted).count(column)
        if uses > 1:
            what = "a cause and a finding" if column in causes and column in wanted else f"named {uses} times"
            raise LearningError(f"column {column!r} is {what}; expected one use of a column.")
    if not len(frame):
        raise LearningError("the table has no rows; expected labelled patients.")
    return wanted


def _classes(frame: pd.DataFrame, causes: Sequence[str]) -> list[NDArray[np.str_]]:
    classes = []
    for column in causes:
        empty = np.flatnonzero(frame[column].isna())
        if empty.size:
            raise LearningError(
                f"column {column}, row {frame.index[empty[0]]!r}: no label ({empty.size} rows have none); "
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
    frame, found = frame.copy(), {}
    for column in columns:
        cells = frame[column]
        if pd.api.types.is_numeric_dtype(cells):
            continue
        texts = cells.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
        words = [word for word in MISSING if (texts == word).any()]
        if words:
            frame[column] = cells.astype(object).where(~texts.isin(words), None)
            found[column] = words
    return frame, found


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


def _finding(
    cells: pd.Series,
    column: str,
    classes: NDArray[np.intp],
    cuts: Sequence[float] | None,
    missing: str,
    marks: Sequence[str],
) -> tuple[Variable, dict[str, Any]] | None:
    """The variable of a column and its rule; None where the column has one value only."""
    empty = cells.isna().to_numpy() | (cells.astype(str).str.strip() == "").to_numpy()
    numbers = _numbers(cells, column, empty)
    numeric = bool((np.isfinite(numbers) | empty).all()) and not empty.all()
    rule: dict[str, Any] = {"variable": identifier(column)}
    if cuts is not None or (numeric and len(np.unique(numbers[~empty])) > MOST_STATES):
        known = np.isfinite(numbers)
        ends = [float(f"{cut:.10g}") for cut in cuts or cut_points(numbers[known], classes[known])]
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
        if "cuts" in rule:  # bands cover the states in order; the last state is reached by the empty code alone
            rule["codes"] = dict(zip(_band_codes(rule.pop("cuts")), states, strict=True))
        rule["codes"] = {**rule.get("codes", {}), "": NOT_RECORDED}
        states = (*states, NOT_RECORDED)
    if marks:
        rule["codes"] = {**rule.get("codes", {}), **dict.fromkeys(marks, rule.get("codes", {}).get(""))}
    cuts_kept = tuple(Cut(end) for end in rule.get("cuts", ()))
    variable = Variable(identifier(column), column, "history", "", states, "", cuts=cuts_kept)
    return (variable, rule) if len(states) > 1 else None


def _band_codes(cuts: Sequence[float]) -> list[str]:
    texts = [repr(float(cut)) for cut in cuts]
    between = [f"{low}..{high}" for low, high in pairwise(texts)]
    return [f"<{texts[0]}", *between, f">={texts[-1]}"]


def _numbers(cells: pd.Series, column: str, empty: NDArray[np.bool_]) -> Array:
    """The numbers of a column, NaN where a cell is none; text may have decimal commas."""
    if pd.api.types.is_bool_dtype(cells):
        return np.full(len(cells), np.nan)
    if pd.api.types.is_numeric_dtype(cells):
        return pd.to_numeric(cells).to_numpy(dtype=float, na_value=np.nan)
    codes, values = pd.factorize(cells)
    found, unclear = read_numbers(code_text(value) for value in values)
    numbers = np.array([*found, np.nan])[codes]
    others = ~empty & ~np.isfinite(numbers)
    if unclear and len(set(cells[others].map(code_text)) - set(unclear)) == 0:
        place = int(np.flatnonzero(cells.map(code_text).isin(unclear))[0])
        raise LearningError(
            f"column {column}, row {cells.index[place]!r}: {unclear[0]!r} may hold a decimal mark or part thousands; "
            "write the numbers with a decimal point."
        )
    return numbers


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


def _coded(model: Model, frame: pd.DataFrame, rules: Mapping[str, Any]) -> Array:
    """Codes of the patients, shape (n_patients, n_variables), -1 where missing."""
    # Any prior serves: reading only asks whether a row has probability 0, which flat numbers never give.
    flat = tuple(
        Prior(model.population, v.variable, state, 1 / len(v.states), 0.0, 1.0, "DATASET", "dataset")
        for v in model.variables
        if v.kind == "cause"
        for state in v.states[1:]
    )
    leaks = tuple(
        Link("", "", v.variable, state, 1 / len(v.states), 0.0, 1.0, "DATASET", "dataset")
        for v in model.variables
        if v.kind != "cause"
        for state in v.states[1:]
    )
    read = read_cohort(replace(model, priors=flat, links=leaks), frame, rules)
    codes = [pd.Index(v.states).get_indexer(pd.Index(read.frame[v.variable], dtype=object)) for v in model.variables]
    return np.stack(codes, axis=1)


def _tabled(model: Model, codes: Array, structure: str, smoothing: float) -> Model:
    cause, *findings = model.variables
    labels = codes[:, 0].astype(int)
    counts = np.bincount(labels, minlength=len(cause.states)).astype(np.float64)
    size = counts.sum()
    priors = [
        Prior(
            model.population, cause.variable, state, *_with_interval(counts[place] / size, size), "DATASET", "dataset"
        )
        for place, state in enumerate(cause.states)
        if place
    ]
    parents = _tree(model, codes) if structure == "tree" else {}
    entries: list[TableEntry] = []
    for place, finding in enumerate(findings, start=1):
        own = _conditional(codes[:, place], labels, len(finding.states), len(cause.states), smoothing)
        other = parents.get(place)
        if other is None:
            for c, (row, weight) in enumerate(zip(*own, strict=True)):
                entries += _entries(finding, ((cause.variable, (cause.states[c],)),), row, weight)
            continue
        second = model.variables[other]
        seen = codes[:, other] >= 0
        for c, s in product(range(len(cause.states)), range(len(second.states))):
            chosen = codes[seen & (labels == c) & (codes[:, other] == s), place]
            n = np.bincount(chosen[chosen >= 0], minlength=len(finding.states)).astype(np.float64)
            row = (n + TREE_WEIGHT * own[0][c]) / (n.sum() + TREE_WEIGHT)
            given = ((cause.variable, (cause.states[c],)), (second.variable, (second.states[s],)))
            entries += _entries(finding, given, row, n.sum() + TREE_WEIGHT)
    return replace(model, priors=tuple(priors), tables=tuple(entries))


def _conditional(
    codes: Array, labels: NDArray[np.intp], n_states: int, n_classes: int, smoothing: float
) -> tuple[Array, Array]:
    """P(state | class) with additive smoothing, and the patients behind each row."""
    seen = codes >= 0
    flat = np.bincount(labels[seen] * n_states + codes[seen].astype(int), minlength=n_classes * n_states)
    n = flat.reshape(n_classes, n_states) + smoothing
    total = n.sum(axis=1)
    return n / total[:, None], total


def _with_interval(value: float, size: float) -> tuple[float, float, float]:
    kept = float(f"{value:.10g}")
    lower, upper = Beta(kept, size).interval() if 0 < kept < 1 else (kept, kept)
    return kept, min(lower, kept), max(upper, kept)


def _entries(finding: Variable, given: Conditions, row: Array, size: float) -> list[TableEntry]:
    return [
        TableEntry("", finding.variable, given, state, *_with_interval(float(p), size), "DATASET", "dataset")
        for state, p in list(zip(finding.states, row, strict=True))[1:]
    ]


def _tree(model: Model, codes: Array) -> dict[int, int]:
    """A maximum spanning tree: for every finding but the first, the one that tells most about it given the class.

    The tree of Chow and Liu given the class, which pgmpy's ``TreeSearch`` learns too (a test compares them). It is not
    used here since it weights the classes by all rows where a pair of findings is missing in some, and looks at one
    pair and class at a time: 0.1 s a finding pair of 49 classes, of which a table of 400 findings has 80,000.
    """
    weights = _shared_information(codes[:, 0].astype(int), codes[:, 1:].astype(int))
    n = len(weights)
    parents: dict[int, int] = {}
    best, link = weights[0].copy(), np.zeros(n, dtype=int)
    left = set(range(1, n))
    while left:
        new = max(left, key=lambda place: best[place])
        parents[new + 1] = int(link[new]) + 1
        left.remove(new)
        closer = weights[new] > best
        best, link = np.where(closer, weights[new], best), np.where(closer, new, link)
    return parents


def _shared_information(labels: NDArray[np.intp], findings: NDArray[np.intp]) -> Array:
    r"""Mutual information of every two findings given the class, in nats, each from the rows that have both.

    With :math:`N_{cxy}` the rows of class c in which one finding is x and the other y,

    .. math:: \frac{1}{N} \sum_{cxy} N_{cxy} \ln \frac{N_{cxy} N_c}{N_{cx} N_{cy}} .

    Parameters
    ----------
    labels : ndarray of int, shape (n_rows,)
    findings : ndarray of int, shape (n_rows, n_findings)
        -1 where missing.

    Returns
    -------
    ndarray, shape (n_findings, n_findings)
    """
    cards = findings.max(axis=0, initial=0) + 1
    starts = np.cumsum([0, *cards])[:-1]
    states = np.concatenate([findings[:, [place]] == np.arange(card) for place, card in enumerate(cards)], axis=1)
    seen = (findings >= 0).astype(np.float64)
    total = np.zeros((len(cards), len(cards)))
    for label in np.unique(labels):
        own, known = states[labels == label].astype(np.float64), seen[labels == label]
        alone = np.add.reduceat(_xlogx(own.T @ known), starts, axis=0)
        both = np.add.reduceat(np.add.reduceat(_xlogx(own.T @ own), starts, axis=0), starts, axis=1)
        total += both + _xlogx(known.T @ known) - alone - alone.T
    rows = seen.T @ seen
    return np.asarray(np.maximum(np.divide(total, rows, out=np.zeros_like(total), where=rows > 0), 0.0))


def _xlogx(counts: Array) -> Array:
    return np.asarray(counts * np.log(np.where(counts > 0, counts, 1.0)))


def _gated(
    model: Model, frame: pd.DataFrame, rules: Mapping[str, Any], smoothing: float, progress: Progress | None
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
    cohort: Cohort = read_cohort(vague, frame, rules)
    result = calibrate(vague, cohort, prior_strength=smoothing, max_iterations=300, tolerance=1e-4, progress=progress)
    fitted = result.model
    info = replace(fitted.info, version="1.0.0", parent_version="", parent_hash="")
    return replace(fitted, info=info, changes="")
