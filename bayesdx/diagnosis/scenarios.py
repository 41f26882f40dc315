"""Scenarios: two cases side by side, and the path of the posterior as findings come in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesdx.diagnosis.case import expect_cases, expect_names, say
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.diagnosis import Diagnosis
from bayesdx.display import format_probability
from bayesdx.display.blocks import Block, Grid, Title
from bayesdx.display.report import PlottedReport
from bayesdx.errors import FindingsError, did_you_mean
from bayesdx.inference import Evidence
from bayesdx.odds import decibans, log_odds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SHOWN = 15
"""Lines that text and HTML show."""


@dataclass(frozen=True, eq=False, repr=False)
class CaseComparison(PlottedReport):
    """Two diagnoses side by side. Made by ``compare_cases``.

    ``plot`` draws both posteriors of each cause, joined by a line.

    Parameters
    ----------
    before, after : Diagnosis

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> before = dx.diagnose(model, {"onset": "sudden"})
    >>> dx.compare_cases(before, before.with_findings({"fever": "present"})).table[["before", "after"]].head(2).round(3)
                           before  after
    cause
    severe_infection        0.005  0.183
    cauda_equina_syndrome   0.007  0.031
    """

    before: Diagnosis
    after: Diagnosis

    @cached_property
    def table(self) -> pd.DataFrame:
        """The differentials side by side, largest change of log-odds first.

        Index: cause (a line of either differential). Columns: label; before and after, the posteriors; change;
        change_decibans, of the log-odds (infinite where a cause became certain or impossible, 0 where it stayed so);
        rank_before, rank_after. NaN where a model does not have the cause.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden"})
        >>> moved = dx.compare_cases(case, case.with_findings({"fever": "present"})).table
        >>> moved[["change_decibans", "rank_before", "rank_after"]].head(2).round(1)
                               change_decibans  rank_before  rank_after
        cause
        severe_infection                  16.2         11.0         3.0
        cauda_equina_syndrome              6.2         10.0        11.0
        """
        one, other = self.before.table, self.after.table
        names = [*one.index, *(name for name in other.index if name not in one.index)]
        one, other = one.reindex(names), other.reindex(names)
        before, after = one["posterior"].to_numpy(float), other["posterior"].to_numpy(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            moved = np.where(before == after, 0.0, decibans(log_odds(after) - log_odds(before)))
        frame = pd.DataFrame(
            {
                "label": one["label"].fillna(other["label"]),
                "before": before,
                "after": after,
                "change": after - before,
                "change_decibans": moved,
                "rank_before": one["rank"].to_numpy(float),
                "rank_after": other["rank"].to_numpy(float),
            },
            index=pd.Index(names, name="cause"),
        )
        order = np.argsort(-np.abs(frame["change_decibans"].fillna(np.inf).to_numpy()), kind="stable")
        return frame.iloc[order]

    @cached_property
    def findings(self) -> pd.DataFrame:
        """The findings that differ. Index: finding. Columns: before, after; "not observed" where it was left out.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden"})
        >>> dx.compare_cases(case, case.with_findings({"fever": "present"})).findings
                       before    after
        finding
        fever    not observed  present
        """
        one, other = self.before.findings, self.after.findings
        rows = []
        for name in dict.fromkeys([*one, *other]):
            said = [say(values[name]) if name in values else "not observed" for values in (one, other)]
            if said[0] != said[1]:
                rows.append((name, *said))
        return pd.DataFrame(rows, columns=["finding", "before", "after"]).set_index("finding")

    def blocks(self) -> Sequence[Block]:
        """What differs in the findings, then in the differential."""
        models = [case.model for case in (self.before, self.after)]
        titles = [f"{model.name} {model.version}, {model.population}" for model in models]
        title = titles[0] if titles[0] == titles[1] else " and ".join(titles)
        shown: list[Block] = [Title(f"Two cases side by side: {title}")]
        if len(self.findings):
            shown.append(Grid(("finding", "before", "after"), list(self.findings.itertuples(name=None))))
        else:
            shown.append("The findings are the same.")
        columns = ("label", "before", "after", "change_decibans", "rank_before", "rank_after")
        kept = [self.table[column].head(MOST_SHOWN).tolist() for column in columns]
        rows = [
            (
                label,
                format_probability(before),
                format_probability(after),
                f"{moved:+.1f}",
                f"{old:.0f} -> {new:.0f}",
            )
            for label, before, after, moved, old, new in zip(*kept, strict=True)
        ]
        return [*shown, Grid(("cause", "before", "after", "decibans", "rank"), rows, (1, 2, 3))]

    _most_drawn = 15

    def _draw(self, ax: Axes | None, most: int) -> Axes:
        """Both posteriors of each cause, joined by a line."""
        from bayesdx.display.figures import pairs

        table = self.table.dropna().sort_values("after", ascending=False).head(most)
        return pairs(
            table["label"].tolist(), table["before"].tolist(), table["after"].tolist(), title="Before and after", ax=ax
        )


def compare_cases(before: Diagnosis, after: Diagnosis) -> CaseComparison:
    """Two diagnoses side by side: of two patients, of one with and without a finding, or under two models.

    Parameters
    ----------
    before, after : Diagnosis

    Returns
    -------
    CaseComparison

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden"})
    >>> dx.compare_cases(case, case.with_findings({"fever": "present"})).table.index[0]
    'severe_infection'
    """
    expect_cases(before, after)
    return CaseComparison(before, after)


@dataclass(frozen=True, eq=False, repr=False)
class PosteriorPath(PlottedReport):
    """The differential after each finding of a sequence. Made by ``posterior_path``.

    ``plot`` draws the posteriors of the causes that get highest, step by step.

    Parameters
    ----------
    case : Diagnosis
        With all findings.
    order : tuple of str
        The findings in the order in which they came in.
    table : DataFrame
        A row per step, the first before any finding; index: what was found; a column per line of the differential,
        highest final posterior first.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> path = dx.posterior_path(case, ["severe_pain", "onset"])
    >>> path.table[["iliopsoas_strain"]].round(3)
                          iliopsoas_strain
    finding
    before any finding               0.130
    Severe pain: present             0.258
    Onset: sudden                    0.459
    """

    case: Diagnosis
    order: tuple[str, ...]
    table: pd.DataFrame

    def blocks(self) -> Sequence[Block]:
        """The steps, with the causes that end highest."""
        model = self.case.model
        shown = list(self.table.columns[:5])
        labels = {line.name: line.label for line in compiled(model).lines}
        rows = [
            (step, *(format_probability(float(value)) for value in row))
            for step, row in zip(self.table.index, self.table[shown].to_numpy(), strict=True)
        ]
        header = ["finding", *(labels[name] for name in shown)]
        title = Title(f"Path of the posterior: {model.name} {model.version}, {model.population}")
        return [title, Grid(header, rows, tuple(range(1, len(header))))]

    _most_drawn = 6

    def _draw(self, ax: Axes | None, most: int) -> Axes:
        """The posteriors of the causes that get highest, step by step."""
        from bayesdx.display.figures import finding_label, paths

        model = self.case.model
        labels = {line.name: line.label for line in compiled(model).lines}
        ranked = [line.cause for line in self.case.differential]
        highest = set(self.table[ranked].max().sort_values(ascending=False, kind="stable").index[:most])
        chosen = [name for name in ranked if name in highest]
        return paths(
            [
                str(self.table.index[0]),
                *(finding_label(model.label(n), say(self.case.findings[n])) for n in self.order),
            ],
            {labels[name]: self.table[name].tolist() for name in chosen},
            title="Path of the posterior",
            ax=ax,
        )


def posterior_path(case: Diagnosis, order: Sequence[str] | None = None) -> PosteriorPath:
    """The posterior after each finding of a sequence, as one batch.

    Parameters
    ----------
    case : Diagnosis
    order : sequence of str, optional
        All findings of the case, in the order in which they came in; the order in which they were given where left out.

    Returns
    -------
    PosteriorPath

    Raises
    ------
    FindingsError
        ``order`` names something else than the findings of the case, or a finding twice or not at all.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> dx.posterior_path(case).table.iloc[:, 0].round(2).tolist()
    [0.13, 0.31, 0.46]
    """
    expect_cases(case)
    names = tuple(case.findings) if order is None else expect_names("posterior_path: order", order)
    for name in names:
        if name not in case.findings:
            near = did_you_mean(name, case.findings)
            raise FindingsError(f"posterior_path: {name!r} is no finding of this case.{near}")
    if len(names) != len(set(names)) or len(names) != len(case.findings):
        left = [name for name in case.findings if name not in names]
        what = f"{', '.join(left)} left out" if left else "a finding is named twice"
        raise FindingsError(f"posterior_path: order has to name each finding once; {what}.")
    model = case.model
    ready = compiled(model)
    engine = ready.engine
    codes = np.full((len(names) + 1, len(engine.network)), -1, dtype=np.int32)
    likelihoods = {name: np.ones((len(names) + 1, len(values))) for name, values in case.evidence.likelihoods.items()}
    for step, name in enumerate(names, start=1):
        column = engine.network.index[name]
        codes[step:, column] = case.evidence.codes[column]
        if name in likelihoods:
            likelihoods[name][step:] = case.evidence.likelihoods[name]
    marginals = engine.propagate(Evidence(codes, likelihoods), targets=model.causes).marginals
    steps = ["before any finding", *(f"{model.label(name)}: {say(case.findings[name])}" for name in names)]
    frame = pd.DataFrame(ready.of_lines(marginals), pd.Index(steps, name="finding"), ready.line_names)
    return PosteriorPath(case, names, frame[list(case.posterior.index)])
