"""What a new version of a model changes: its numbers, and the diagnosis of every clinical unit test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike

import numpy as np
import pandas as pd

from bayesdx.display import format_probability
from bayesdx.display.blocks import Block, Grid, Title
from bayesdx.display.markdown import as_markdown
from bayesdx.evaluation.outcomes import CaseOutcome, run_case
from bayesdx.knowledge import Comparison, Model, compare_rows, lineage
from bayesdx.knowledge.compare import cut
from bayesdx.knowledge.schema import Case
from bayesdx.knowledge.versions import as_model

EFFECT_COLUMNS = [
    "case", "title", "cause", "old_rank", "new_rank", "rank_change", "old_probability", "new_probability",
    "probability_change", "most_moved", "most_moved_old", "most_moved_new", "left_out",
]  # fmt: skip

LONGEST_TABLE = 200
"""Rows of a table that the Markdown form shows."""


@dataclass(frozen=True, eq=False, repr=False)
class VersionComparison(Comparison):
    """The difference between two models, and what it does to cases; made by ``compare_models``.

    ``table`` and ``numbers`` are those of ``Comparison``. Where the new model brings a population that the old one does
    not have, and has it chosen, as a calibrated version has, every case is diagnosed in that population.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> nearly = replace(model, priors=(replace(model.priors[0], probability=0.02), *model.priors[1:]))
    >>> moved = dx.compare_models(model, nearly)
    >>> moved.numbers[["row", "old", "new"]]
                              row   old   new
    0  clinic, visit_to_asia, yes  0.01  0.02
    """

    @cached_property
    def effects(self) -> pd.DataFrame:
        """The effect on every case of the new model; see ``case_effects``.

        Examples
        --------
        >>> from dataclasses import replace
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> nearly = replace(model, priors=(replace(model.priors[0], probability=0.02), *model.priors[1:]))
        >>> effects = dx.compare_models(model, nearly).effects
        >>> effects[["case", "most_moved", "most_moved_old", "most_moved_new"]].head(1).round(4)
                    case    most_moved  most_moved_old  most_moved_new
        0  nothing_known  tuberculosis          0.0104          0.0108
        """
        return case_effects(self.old, self.new, self._brought)

    @property
    def _brought(self) -> str | None:
        """The chosen population of the new model, if the old one does not have it."""
        known = {population.name for population in self.old.info.populations}
        return self.new.population if self.new.population not in known else None

    @cached_property
    def shares(self) -> pd.DataFrame:
        """What the chosen populations of both models expect before anything is found: P(cause), the most moved first.

        Columns: cause, old, new, shift_decibans; NaN where a model does not have the cause.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> there = model.with_population("emergency_department")
        >>> dx.compare_models(model, there).shares.head(1).round(3)
                      cause    old   new  shift_decibans
        0  severe_infection  0.005  0.03           7.892
        """
        found = [
            dict(zip(model.causes, run_case(model, ()).probabilities.tolist(), strict=True))
            for model in (self.old, self.new)
        ]
        names = list(dict.fromkeys((*self.old.causes, *self.new.causes)))
        rows = [[name, *(side.get(name, np.nan) for side in found)] for name in names]
        table = pd.DataFrame(rows, columns=["cause", "old", "new"])
        with np.errstate(divide="ignore", invalid="ignore"):
            odds = [10 * np.log10(table[name] / (1 - table[name])) for name in ("old", "new")]
            table["shift_decibans"] = (odds[1] - odds[0]).astype(float)
        order = table["shift_decibans"].abs().sort_values(ascending=False, kind="stable").index
        return table.loc[order].reset_index(drop=True)

    def to_markdown(self) -> str:
        """The comparison in Markdown, for a review.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> print(dx.compare_models(model, model).to_markdown().splitlines()[0])
        # chest_clinic 1.0.0 -> chest_clinic 1.0.0: no differences
        """
        return as_markdown(self.review(LONGEST_TABLE))

    def review(self, most: int | None = None, *, made_from: str = "", rest: str = "") -> list[Block]:
        """Everything for a review: the hashes, what differs, what was expected before, and the effect on every case.

        Parameters
        ----------
        most : int, at least 1, optional
            Rows of each table that are shown; all of them where left out.
        made_from : str
            The sentence about the new model's parent; as ``lineage`` says of the new model where left out.
        rest : str
            How to see the others, said where a table is cut.

        Returns
        -------
        list of blocks
            Titles, paragraphs and tables, in the order in which they are read.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> [block.text for block in dx.compare_models(model, model).review() if hasattr(block, "text")]
        ['chest_clinic 1.0.0 -> chest_clinic 1.0.0: no differences']
        """
        title, *differences = self.blocks(most, rest=rest)
        said = [title, f"Old: {self.old.hash}. New: {self.new.hash}. {made_from or lineage(self.new)}"]
        parts = [*differences, *self._expected(most, rest)]
        return [*said, *parts, *self._outcome(most, rest)] if parts else said

    def _expected(self, most: int | None, rest: str) -> list[Block]:
        moved = self.shares[self.shares["old"] != self.shares["new"]]
        rows = [(row["cause"], _arrow(row["old"], row["new"])) for row in moved.to_dict("records")]
        title = f"Before anything is found, {self.old.population} -> {self.new.population}"
        return cut(Grid(("cause", "probability"), rows, title=title), most, rest)

    def _outcome(self, most: int | None, rest: str) -> list[Block]:
        effects = self.effects
        if effects.empty:
            return [Title("Effect on cases"), "The new version has no cases."]
        ranks = effects["rank_change"].fillna(0.0)
        said = (
            f"{len(effects)} cases; the main cause rises in {int((ranks < 0).sum())} and falls in "
            f"{int((ranks > 0).sum())}. The largest change of a probability first."
        )
        rows = [
            (
                f"{row['case']}: {row['cause'] or 'none'}",
                f"{_rank(row['old_rank'])} -> {_rank(row['new_rank'])}",
                _arrow(row["old_probability"], row["new_probability"]),
                f"{row['most_moved']} {_arrow(row['most_moved_old'], row['most_moved_new'])}",
                row["left_out"],
            )
            for row in effects.to_dict("records")
        ]
        header = ["case: cause", "rank", "probability", "most moved", "left out of the old"]
        width = len(header) if effects["left_out"].any() else len(header) - 1
        return [Title("Effect on cases"), said, *cut(Grid(header[:width], [row[:width] for row in rows]), most, rest)]


def compare_models(old: Model | str | PathLike[str], new: Model | str | PathLike[str]) -> VersionComparison:
    """Every number and text that differs between two models, and the effect on every clinical unit test.

    Parameters
    ----------
    old, new : Model, str or path
        Models, or what ``load_model`` takes.

    Returns
    -------
    VersionComparison
        ``.table``: every cell that differs, values that moved ahead of bounds and the largest shift first;
        ``.numbers``: those that are numbers; ``.effects``: rank and probability of every case of the new model under
        both, the largest change first (computed when it is asked for); ``.to_markdown()``.

    Examples
    --------
    >>> import bayesdx as dx
    >>> from dataclasses import replace
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> nearly = replace(model, priors=(replace(model.priors[0], probability=0.02), *model.priors[1:]))
    >>> dx.compare_models(model, nearly).table[["row", "column", "old", "new", "shift_decibans"]].round(2)
                              row       column   old   new  shift_decibans
    0  clinic, visit_to_asia, yes  probability  0.01  0.02            3.05
    """
    old, new = as_model(old), as_model(new)
    rows = compare_rows(old, new)
    return VersionComparison(rows.old, rows.new, rows.table)


def case_effects(old: Model, new: Model, population: str | None = None) -> pd.DataFrame:
    """How two models differ about every case of the new one's cases.csv.

    Each case is diagnosed with all its findings, in its own population; the old model takes its default population
    where it does not have that one, and does without the findings that it cannot express.

    Parameters
    ----------
    old, new : Model
    population : str, optional
        Of the new model, in which every case is diagnosed; the old one then keeps its chosen population where it does
        not have that one.

    Returns
    -------
    DataFrame
        One row per case, the largest change of any cause's probability first. Columns: case, title; cause, the main
        one (empty: none that is modelled); old_rank, new_rank, rank_change (negative: it rose); old_probability,
        new_probability, probability_change of that cause, or of "no modelled cause" where it is empty; most_moved,
        the cause of both models whose probability changes most, with most_moved_old and most_moved_new; left_out,
        findings that the old model cannot express, separated by ;. Ranks are floats: NaN where a model does not have
        the cause; probabilities are NaN there, and where the findings are impossible.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic")
    >>> float(case_effects(model, model)["probability_change"].abs().max())
    0.0
    """
    names = {row.population for row in new.cases}
    new_models = {name: new.with_population(population or name) for name in names}
    known = {each.name for each in old.info.populations}
    otherwise = old.info.default_population if population is None else old.population
    old_models = {
        name: old.with_population((population or name) if (population or name) in known else otherwise)
        for name in names
    }
    rows = []
    for row in new.cases:
        before_model, after_model = old_models[row.population], new_models[row.population]
        expressible, left_out = _expressible(before_model, row)
        before = run_case(before_model, expressible.findings)
        after = run_case(after_model, row.findings)
        rows.append([row.case, row.title, row.causes[0] if row.causes else "", *_change(old, new, row, before, after),
                     *_most_moved(old, new, before, after), ";".join(left_out)])  # fmt: skip
    table = pd.DataFrame(rows, columns=EFFECT_COLUMNS)
    size = (table["most_moved_new"] - table["most_moved_old"]).astype(float).abs().fillna(np.inf)
    order = size.sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _expressible(model: Model, row: Case) -> tuple[Case, list[str]]:
    """The case as a model can express it, and the findings that it cannot."""
    kept, left_out = [], []
    for name, states in row.findings:
        known = model.by_name[name].states if name in model.by_name else ()
        if set(states) <= set(known):
            kept.append((name, states))
        else:
            left_out.append(f"{name}={'|'.join(states)}")
    return replace(row, findings=tuple(kept)), left_out


def _change(old: Model, new: Model, row: Case, before: CaseOutcome, after: CaseOutcome) -> list[float]:
    """Rank and probability of the main cause under both models, and their changes."""
    figures = []
    for model, outcome in ((old, before), (new, after)):
        if row.causes and row.causes[0] not in model.causes:
            figures.append((np.nan, np.nan))
            continue
        place = model.causes.index(row.causes[0]) if row.causes else None
        probability = outcome.none_present if place is None else float(outcome.probabilities[place])
        figures.append((float(outcome.rank(place)), probability))
    (old_rank, old_probability), (new_rank, new_probability) = figures
    return [
        old_rank, new_rank, new_rank - old_rank, old_probability, new_probability, new_probability - old_probability
    ]  # fmt: skip


def _most_moved(old: Model, new: Model, before: CaseOutcome, after: CaseOutcome) -> list[object]:
    """The cause of both models whose probability changes most, with both probabilities."""
    shared = [cause for cause in new.causes if cause in old.causes]
    pairs = [
        (float(before.probabilities[old.causes.index(cause)]), float(after.probabilities[new.causes.index(cause)]))
        for cause in shared
    ]
    sizes = [abs(now - then) for then, now in pairs]
    if not shared or np.isnan(sizes).any():
        return ["", np.nan, np.nan]
    place = int(np.argmax(sizes))
    return [shared[place], *pairs[place]]


def _rank(rank: float) -> str:
    return "n/a" if np.isnan(rank) else str(int(rank))


def _arrow(old: float, new: float) -> str:
    return f"{format_probability(old)} -> {format_probability(new)}"
