"""Clinical unit tests: published cases, what the model makes of them, and whether that is what must hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike

import numpy as np
import pandas as pd

from bayesdx.display import words
from bayesdx.display.blocks import Block, Grid, Title
from bayesdx.display.report import Report
from bayesdx.errors import FindingsError, did_you_mean
from bayesdx.evaluation.case_scores import CaseScores, score, summarise
from bayesdx.evaluation.case_tables import CASE_HEADER, CASE_NUMERIC, case_rows, summary_blocks, unmet_rows
from bayesdx.evaluation.outcomes import CaseOutcome, first, run_case
from bayesdx.knowledge.expectations import (
    MAIN,
    Expectation,
    FlagFires,
    InRange,
    InTop,
    MovesNothing,
    parse_expectation,
    split_expectations,
)
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Case, Conditions
from bayesdx.knowledge.versions import as_model

NOTHING_MOVES = 0.01
"""Change of a probability below which a finding counts as irrelevant."""

ROUNDING = 1e-9
"""How far a probability may lie outside the range it is expected in and still count as inside."""

COLUMNS = [
    "case", "title", "population", "use", "cause", "rank", "probability", "rank_without_tests",
    "probability_without_tests", "first", "flags", "expectations", "met", "error",
]  # fmt: skip
"""Columns of ``CaseResults.table``."""


@dataclass(frozen=True, eq=False, repr=False)
class CaseResults(Report):
    """What a model makes of clinical unit tests; a value, made by ``check_cases``.

    Parameters
    ----------
    model : Model
    table : DataFrame
        One row per case: case, title, population, use; cause, the main one that was diagnosed (empty: none that is
        modelled); rank and probability of it (of "no modelled cause" where it is empty), with all findings and, as
        ``rank_without_tests`` and ``probability_without_tests``, with context, history and examination alone; first,
        what the model finds most probable; flags, the red flags that fire, separated by ;; expectations and met, how
        many there are and how many hold; error, why findings of probability 0 are so.
    expectations : DataFrame
        One row per expectation: case, expectation, met, found (what was there, in words).
    scores : dict
        ``"all findings"`` and ``"history and examination"`` -> the figures of each case (see ``CaseScores``).
    seed, resamples : int
        Of the bootstrap.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> results = dx.check_cases(model, resamples=100)
    >>> results.table[["case", "cause", "rank", "probability"]].round(3)
                    case       cause  rank  probability
    0         asia_visit  bronchitis     1        0.811
    1  asia_visit_smoker  bronchitis     1        0.867
    2      nothing_known                 1        0.521
    """

    model: Model
    table: pd.DataFrame
    expectations: pd.DataFrame
    scores: Mapping[str, CaseScores]
    seed: int
    resamples: int

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The figures over all cases and over those of each use, as a long table.

        Columns: use (``all``, ``tuning``, ``seen``, ``held_out``); findings (``all findings``, ``history and
        examination``); measure; value; lower, upper (95 % bootstrap interval over cases); n (cases, or for the recall
        causes, behind it). Measures: see ``bayesdx.evaluation.case_scores``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> summary = dx.check_cases(model, resamples=100).summary
        >>> summary.query("use == 'all' and findings == 'all findings'")[["measure", "value", "n"]].head(3)
             measure  value  n
        0      top_1    1.0  2
        1      top_3    1.0  2
        2  mean_rank    1.0  2
        """
        return summarise(self.table["use"], self.scores, self.seed, self.resamples)

    @property
    def passed(self) -> bool:
        """Whether every expectation of every case is met.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> dx.check_cases(model, resamples=100).passed
        True
        """
        return bool(self.expectations["met"].all())

    def blocks(self) -> list[Block]:
        """What text and HTML show: a title, the cases of each use, the figures, the expectations that are not met."""
        count, met = len(self.expectations), int(self.expectations["met"].sum())
        title = f"{self.model.name} {self.model.version}: {len(self.table)} cases, {met} of {count} expectations met"
        blocks: list[Block] = [Title(title)]
        if self.table.empty:
            return blocks
        blocks.append("Rank and probability of the cause with all findings, and without those of tests.")
        for use, part in self.table.groupby("use", sort=False):
            blocks += [Title(f"Cases: {words(use)}"), Grid(CASE_HEADER, case_rows(part), CASE_NUMERIC)]
        blocks += [Title("Figures over the cases, with 95 % intervals"), *summary_blocks(self.summary)]
        unmet = unmet_rows(self.expectations)
        if unmet:
            blocks.append(Grid(["case", "expectation not met", "found"], unmet))
        return blocks


def check_cases(
    model: Model | str | PathLike[str], cases: Iterable[Case] | None = None, *, seed: int = 0, resamples: int = 2000
) -> CaseResults:
    """Run clinical unit tests.

    Each case is diagnosed in its own population, once with all its findings and once without the variables of kind
    test. The expectations (see ``bayesdx.knowledge.expectations``) are about all findings. The first one of ``causes``
    is the main cause, the one whose rank and probability are reported; the others count in the scores, which compare
    the probability of every cause with whether it was diagnosed. A case without a cause is right where no cause is
    asserted: its rank is that of "no modelled cause is present".

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.
    cases : iterable of Case, optional
        Rows as cases.csv has them; the model's own where left out.
    seed : int
        Of the bootstrap; equal seeds give equal intervals.
    resamples : int, at least 1
        Of the bootstrap.

    Returns
    -------
    CaseResults

    Raises
    ------
    FindingsError
        A case of ``cases`` names what the model does not have, or expects what cannot be read.
    ModelError
        A case's population is not one of the model's.

    Examples
    --------
    >>> import bayesdx as dx
    >>> results = dx.check_cases(dx.load_model("chest_clinic"))
    >>> results.passed
    True
    >>> results.table[["case", "cause", "rank"]].head(1)
             case       cause  rank
    0  asia_visit  bronchitis     1
    """
    model = as_model(model)
    rows = model.cases if cases is None else tuple(cases)
    models = {name: model.with_population(name) for name in dict.fromkeys(row.population for row in rows)}
    complete, untested, checked = [], [], []
    for row in rows:
        chosen = models[row.population]
        _check_names(chosen, row)
        complete.append(run_case(chosen, row.findings))
        untested.append(run_case(chosen, without_tests(model, row.findings)))
        texts = split_expectations(row.expect)
        checked += [(row.case, text, *_check(chosen, row, complete[-1], text)) for text in texts]
    expectations = pd.DataFrame(checked, columns=["case", "expectation", "met", "found"]).astype({"met": bool})
    by_findings = {
        name: score(model, rows, outcomes)
        for name, outcomes in (("all findings", complete), ("history and examination", untested))
    }
    return CaseResults(
        model, _table(model, rows, complete, untested, expectations), expectations, by_findings, seed, resamples
    )


def without_tests(model: Model, findings: Conditions) -> Conditions:
    """The findings that need no test."""
    return tuple(condition for condition in findings if model.by_name[condition[0]].kind != "test")


def main_place(model: Model, row: Case) -> int | None:
    """Place of the main cause among the model's causes; None where the case has none."""
    return model.causes.index(row.causes[0]) if row.causes else None


def _check_names(model: Model, row: Case) -> None:
    known: tuple[tuple[str, Iterable[str], Iterable[str]], ...] = (
        ("cause", row.causes, model.causes),
        ("variable", (name for name, _ in row.findings), model.by_name),
    )
    for what, names, valid in known:
        for name in names:
            if name not in valid:
                title = f"{model.name} {model.version}"
                raise FindingsError(f"case {row.case}: {name!r} is not a {what} of {title}.{did_you_mean(name, valid)}")


def _check(model: Model, row: Case, outcome: CaseOutcome, text: str) -> tuple[bool, str]:
    """Whether an expectation holds, and what was found."""
    try:
        expectation: Expectation = parse_expectation(text)
    except ValueError as error:
        raise FindingsError(f"case {row.case}: {text!r}; expected {error}.") from error
    if outcome.diagnosis is None:
        return False, outcome.error
    match expectation:
        case InTop(name, places):
            place = None if not name else model.causes.index(_cause(model, row, name))
            rank = outcome.rank(place)
            probability = outcome.none_present if place is None else outcome.probabilities[place]
            return rank <= places, f"rank {rank}, probability {probability:.3g}"
        case InRange(name, state, lower, upper):
            probability = _probability(model, row, outcome, name, state)
            return lower - ROUNDING <= probability <= upper + ROUNDING, f"probability {probability:.4g}"
        case FlagFires(flag, fires):
            fired = [raised.flag for raised in outcome.diagnosis.red_flags]
            seen = flag in fired if flag else bool(fired)
            return seen == fires, f"fired: {', '.join(fired)}" if fired else "no flag fired"
        case MovesNothing(variable, state):
            findings = (*(condition for condition in row.findings if condition[0] != variable), (variable, (state,)))
            moved = run_case(model, findings)
            if moved.diagnosis is None:
                return False, moved.error
            change = np.abs(moved.probabilities - outcome.probabilities)
            place = int(change.argmax())
            return bool(change[place] < NOTHING_MOVES), f"{model.causes[place]} moves by {change[place]:.2g}"


def _cause(model: Model, row: Case, name: str) -> str:
    """The cause that an expectation names."""
    if name == MAIN and row.causes:
        return row.causes[0]
    if name not in model.causes:
        raise FindingsError(f"case {row.case}: {name!r} is not a cause of {model.name} {model.version}.")
    return name


def _probability(model: Model, row: Case, outcome: CaseOutcome, name: str, state: str) -> float:
    if not name:
        return outcome.none_present
    cause = _cause(model, row, name)
    states = model.by_name[cause].states
    if not state:
        return float(outcome.probabilities[model.causes.index(cause)])
    if state not in states:
        known = ", ".join(states)
        raise FindingsError(f"case {row.case}: {state!r} is not a state of {cause}; its states are {known}.")
    if len(states) == 2:
        present = float(outcome.probabilities[model.causes.index(cause)])
        return present if state == states[1] else 1 - present
    assert outcome.diagnosis is not None
    return float(outcome.diagnosis.posterior[f"{cause}={state}"])


def _table(
    model: Model,
    rows: Sequence[Case],
    complete: Sequence[CaseOutcome],
    untested: Sequence[CaseOutcome],
    expectations: pd.DataFrame,
) -> pd.DataFrame:
    lines = []
    for row, outcome, before in zip(rows, complete, untested, strict=True):
        place = main_place(model, row)
        own = expectations.loc[expectations["case"] == row.case, "met"]
        lines.append(
            {
                "case": row.case,
                "title": row.title,
                "population": row.population,
                "use": row.use,
                "cause": row.causes[0] if row.causes else "",
                "rank": outcome.rank(place),
                "probability": outcome.none_present if place is None else float(outcome.probabilities[place]),
                "rank_without_tests": before.rank(place),
                "probability_without_tests": before.none_present
                if place is None
                else float(before.probabilities[place]),
                "first": first(model, outcome),
                "flags": ";".join(flag.flag for flag in outcome.diagnosis.red_flags) if outcome.diagnosis else "",
                "expectations": len(own),
                "met": int(own.sum()),
                "error": outcome.error,
            }
        )
    return pd.DataFrame(lines, columns=COLUMNS)
