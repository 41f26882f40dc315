"""What studies make of a model, as a value: numbers, studies, conflicts, what to study next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesdx.display import format_probability
from bayesdx.display.blocks import Alert, Block, Grid, Title
from bayesdx.display.html import as_page
from bayesdx.display.report import Report
from bayesdx.errors import LearningError, did_you_mean
from bayesdx.knowledge.model import Model
from bayesdx.learning.synthesis.optimum import Heterogeneity
from bayesdx.learning.synthesis.planning import next_studies
from bayesdx.learning.synthesis.uncertainty import SynthesisFit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS_SHOWN = 20
CONFLICT = 0.05
"""p after Holm's correction below which a source is said to be in conflict with the others."""


@dataclass(frozen=True, eq=False, repr=False)
class Synthesis(Report):
    """What studies make of a model. Made by ``synthesise``.

    Parameters
    ----------
    model : Model
        The new version, with its parent's hash, studies and CHANGES.md; ``save_model`` writes it. The parent itself
        where no study could be used.
    parent : Model
    table : DataFrame
        Every number that has an interval: file, row (its key), label, before, before_lower, before_upper, after, lower,
        upper (95 % intervals), information (share of what is known of it that studies brought, 0 to 1), patients (whose
        complete data would say as much as the studies), prior_share, largest_source, largest_share (shares in what is
        known of it, which add to 1 over prior and sources), held (kept as it was, whatever studies say), moved.
    studies : DataFrame
        Every row: study, table, source, finding, state, also, cause, measure, population, given, against, design;
        value (observed), lower, upper (95 %, from its own patients), n (patients; NaN of a ratio); before, after (what
        the network implies); predicted, predictive_lower, predictive_upper (95 % interval of the figure, from
        everything but its source); p (two-sided, mid-p); weight (1 / variance of the figure on its scale, heterogeneity
        included); tau; verdict, ``inside``, ``outside`` or ``excluded``; reason, why it was not used.
    sources : DataFrame
        Every source that was used: rows, p (all its figures together against all others), adjusted_p (Holm), the
        number that it informs most and its share there.
    shares : DataFrame
        Index: file and row of a number. Columns: prior and every source; each row adds to 1.
    heterogeneity : Heterogeneity
        Standard deviation between studies on the scale of log-odds.
    warnings : tuple of str
        What to know before the numbers are used.

    Examples
    --------
    >>> import bayesdx as dx
    >>> import pandas as pd
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> row = {"study": "A", "finding": "severe_pain", "state": "present", "cause": "iliopsoas_strain",
    ...        "measure": "sensitivity", "k": 57, "n": 60, "design": "cohort", "source": "A2020", "status": "verified",
    ...        "note": ""}
    >>> result = dx.synthesise(model, pd.DataFrame([row]))
    >>> result.table.query("moved")[["before", "after", "largest_source"]].round(2).values.tolist()
    [[0.39, 0.67, 'A2020']]
    """

    model: Model
    parent: Model
    table: pd.DataFrame
    studies: pd.DataFrame
    sources: pd.DataFrame
    shares: pd.DataFrame
    heterogeneity: Heterogeneity
    warnings: tuple[str, ...]
    fit: SynthesisFit | None = field(repr=False, default=None)

    def next_studies(self, n: int = 100, most: int = 20, seed: int = 0) -> pd.DataFrame:
        """Which figure to measure next, by what it would teach about patients.

        Every finding with every cause is a candidate: the sensitivity in ``n`` ill patients, and the false-positive
        rate in ``n`` others. Each is judged by how much of the variance of patients' posteriors, which comes from the
        uncertainty of the model's numbers, it would remove, averaged over the model's cases (or simulated patients
        where it has none).

        Parameters
        ----------
        n : int, at least 1
            Patients of the study.
        most : int, at least 1
            Rows returned.
        seed : int
            Of the simulated patients.

        Returns
        -------
        DataFrame
            Columns: finding, state, cause, measure, population; implied, the figure now, with lower and upper, what a
            study of ``n`` is expected to find in 95 % of the cases; removed (share of the variance of posteriors that
            the study removes); studied (rows of the synthesis about it). Largest share first.

        Raises
        ------
        LearningError
            ``n`` or ``most`` below 1, or a synthesis without studies.

        References
        ----------
        V. Fedorov (1972), "Theory of optimal experiments" (designs for a linear criterion).

        Examples
        --------
        >>> import bayesdx as dx
        >>> import pandas as pd
        >>> row = {"study": "A", "finding": "fever", "state": "present", "cause": "severe_infection", "k": 49, "n": 60,
        ...        "measure": "sensitivity", "design": "cohort", "source": "A", "status": "verified", "note": ""}
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> planned = dx.synthesise(model, pd.DataFrame([row])).next_studies(n=100, most=3)
        >>> planned["removed"].is_monotonic_decreasing
        True
        """
        if n < 1 or most < 1:
            raise LearningError(f"next_studies: n = {n}, most = {most}; expected at least 1 of both.")
        if self.fit is None:
            raise LearningError("next_studies: no study was used; there is nothing to plan from.")
        return next_studies(self.parent, self.fit, n, most, seed)

    def to_html(self) -> str:
        """The synthesis as one HTML page without outside references.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("docs/examples/sore_throat/0.1.0")
        >>> result = dx.synthesise(model, "docs/examples/sore_throat_studies.csv")
        >>> result.to_html()[:15]
        '<!DOCTYPE html>'
        """
        return as_page(self.blocks(), self._title())

    def report(self) -> str:
        """The synthesis as plain text: what moved most, which sources are in conflict, what to know.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("docs/examples/sore_throat/0.1.0")
        >>> result = dx.synthesise(model, "docs/examples/sore_throat_studies.csv")
        >>> print(result.report().splitlines()[0])
        sore_throat 0.1.0 -> 0.2.0, synthesis of 5 figures
        """
        return str(self)

    def _title(self) -> str:
        versions = f"{self.parent.version} -> {self.model.version}"
        return f"{self.parent.name} {versions}, synthesis of {len(self.studies)} figures"

    def blocks(self) -> Sequence[Block]:
        """Title, heterogeneity, the numbers that moved most, sources in conflict, rows left out, warnings."""
        used = self.studies[self.studies["verdict"] != "excluded"]
        inside = int((used["verdict"] == "inside").sum())
        tau = self.heterogeneity
        moved = self.table[self.table["moved"]]
        between = f"Standard deviation between studies {tau.tau:.2f} on the scale of log-odds"
        if np.isfinite(tau.estimate):
            between += f" (estimated {tau.estimate:.2f}, {tau.lower:.2f} to {tau.upper:.2f})"
        blocks: list[Block] = [
            Title(self._title()),
            f"{len(used)} figures of {used['source'].nunique()} sources were used; {inside} lie within the 95 % "
            f"interval predicted without their source. {len(moved)} of {len(self.table)} numbers moved. {between}.",
        ]
        if len(moved):
            far = (_logit(moved["after"]) - _logit(moved["before"])).abs().sort_values(ascending=False, kind="stable")
            rows = [
                [
                    row["label"],
                    format_probability(row["before"]),
                    format_probability(row["after"]),
                    f"{format_probability(row['lower'])} to {format_probability(row['upper'])}",
                    f"{100 * row['information']:.0f} %",
                    f"{row['largest_source']} {100 * row['largest_share']:.0f} %",
                ]
                for row in moved.loc[far.index].head(ROWS_SHOWN).to_dict("records")
            ]
            header = ["number", "before", "after", "95 % interval", "from studies", "largest source"]
            blocks.append(Grid(header, rows, (1, 2, 4)))
        odd = self.sources[self.sources["adjusted_p"] < CONFLICT]
        if len(odd):
            said = ", ".join(f"{row['source']} (p {row['adjusted_p']:.2g})" for row in odd.to_dict("records"))
            blocks.append(Alert(f"In conflict with all other sources and the model: {said}."))
        far_out = self.sources[(self.sources["p"] < CONFLICT) & (self.sources["adjusted_p"] >= CONFLICT)]
        if len(far_out):
            said = ", ".join(f"{row['source']} (p {row['p']:.2g})" for row in far_out.to_dict("records"))
            chance = CONFLICT * len(self.sources)
            blocks.append(
                f"Further from what the others predict than 95 % of studies, which {chance:.1f} of {len(self.sources)} "
                f"sources are by chance; worth another look: {said}."
            )
        left = self.studies[self.studies["verdict"] == "excluded"]
        for reason, rows_of in left.groupby("reason", sort=True):
            blocks.append(f"Left out, {len(rows_of)} of {len(self.studies)} figures: {reason}.")
        return [*blocks, *self.warnings]

    def plot(self, finding: str, cause: str | None = None, ax: Axes | None = None) -> Axes:
        """Forest plot of a finding: its studies, what the network implies before and after, what it predicts.

        Parameters
        ----------
        finding : str
            A finding that studies are about.
        cause : str, optional
            Only figures about this cause.
        ax : matplotlib Axes, optional
            Where to draw; a new figure where left out.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        LearningError
            No figure that was used is about that.
        MissingExtraError
            matplotlib is not installed (extra ``plot``).

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("docs/examples/sore_throat/0.1.0")
        >>> result = dx.synthesise(model, "docs/examples/sore_throat_studies.csv")
        >>> result.plot("exudate").get_title(loc="left")
        'Tonsillar exudate: studies, prediction and network'
        """
        from bayesdx.display.figures import forest

        rows = self.studies[self.studies["verdict"] != "excluded"]
        chosen = rows[(rows["finding"] == finding) & ((rows["cause"] == cause) if cause else True)]
        if chosen.empty:
            known = sorted(set(rows["finding"]))
            about = finding if cause is None else f"{finding} and {cause}"
            suggestion = did_you_mean(finding, known) if finding not in known else ""
            raise LearningError(f"plot: no figure that was used is about {about}.{suggestion}")
        ratios = chosen["n"].isna()
        chosen = chosen[ratios if ratios.all() else ~ratios]
        labels = [f"{row['study']}: {row['measure']}, {row['cause']}" for row in chosen.to_dict("records")]
        columns = ("value", "lower", "upper", "predictive_lower", "predictive_upper", "before", "after")
        return forest(
            [label.replace("_", " ") for label in labels],
            *(chosen[name].tolist() for name in columns),
            ratio=bool(ratios.all()),
            title=f"{self.parent.label(finding)}: studies, prediction and network",
            ax=ax,
        )


def _logit(values: pd.Series) -> pd.Series:
    kept = values.clip(1e-12, 1 - 1e-12)
    return pd.Series(np.log(kept / (1 - kept)), index=values.index)
