"""How sure: posteriors under the uncertainty of the model's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.case import CaseNumbers, expect_cases, expect_number
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.draws import draw_parameters, drawn_values
from bayesdx.diagnosis.findings import UNKNOWN
from bayesdx.display import format_probability
from bayesdx.display.blocks import Alert, Block, Grid, Title
from bayesdx.display.report import PlottedReport
from bayesdx.errors import FindingsError, ImpossibleEvidenceError, did_you_mean
from bayesdx.network.network import relevant
from bayesdx.network.parameters import Parameter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

FEWEST_DRAWS = 50
"""Fewer draws say nothing about the ends of an interval."""

MOST_SHOWN = 15
"""Lines that text and HTML show."""


@dataclass(frozen=True, eq=False, repr=False)
class CredibleIntervals(PlottedReport):
    """The differential under draws of the model's numbers. Made by ``credible_intervals``.

    ``plot`` draws the posteriors with their intervals, the most probable first.

    Parameters
    ----------
    case : Diagnosis
    mass : float in (0, 1)
        Share of the draws that an interval holds.
    seed : int
    posteriors : ndarray, shape (n_draws, n_alternatives)
        P(cause present | findings) under each draw, in the order of the model's causes.
    numbers : tuple of Parameter
        The uncertain numbers that can matter to the case.
    values : ndarray, shape (n_draws, n_numbers)
        What was drawn for them.
    impossible : int
        Draws under which the findings cannot occur; they are left out.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> sure = dx.credible_intervals(case, draws=200, seed=1)
    >>> sure.table.loc["iliopsoas_strain", ["lower", "posterior", "upper"]].astype(float).round(2).to_dict()
    {'lower': 0.25, 'posterior': 0.46, 'upper': 0.64}
    """

    case: CaseNumbers
    mass: float
    seed: int
    posteriors: Array
    numbers: tuple[Parameter, ...]
    values: Array
    impossible: int

    @cached_property
    def table(self) -> pd.DataFrame:
        """The differential with intervals, highest posterior first.

        Index: cause. Columns: label; posterior, with the numbers as they stand; mean, lower and upper over the draws;
        mean_error, lower_error and upper_error, their Monte Carlo standard errors; first, P(this cause ranks first).

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> sure = dx.credible_intervals(case, draws=200, seed=1)
        >>> sure.table[["posterior", "lower", "upper", "first"]].head(2).round(2)
                              posterior  lower  upper  first
        cause
        iliopsoas_strain           0.46   0.25   0.64   0.71
        lumbar_radiculopathy       0.37   0.22   0.56   0.28
        """
        tail = (1 - self.mass) / 2
        ends = [_quantile(self.posteriors, at) for at in (tail, 1 - tail)]
        lines = compiled(self.case.model).lines
        frame = pd.DataFrame(
            {
                "label": [line.label for line in lines],
                "posterior": self.case.probabilities,
                "mean": self.posteriors.mean(axis=0),
                "lower": ends[0][0],
                "upper": ends[1][0],
                "mean_error": self.posteriors.std(axis=0, ddof=1) / np.sqrt(len(self.posteriors)),
                "lower_error": ends[0][1],
                "upper_error": ends[1][1],
                "first": (self._ranks == 1).mean(axis=0),
            },
            index=pd.Index([line.name for line in lines], name="cause"),
        )
        return frame.loc[self.case.posterior.index].rename_axis("cause")

    @cached_property
    def _ranks(self) -> NDArray[np.int64]:
        values = self.posteriors.copy()
        values[:, compiled(self.case.model).ranked :] = -np.inf  # the sum of others takes no rank before them
        order = np.argsort(-values, axis=1, kind="stable")
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(1, order.shape[1] + 1)[None, :], axis=1)
        return ranks

    @cached_property
    def rank_probability(self) -> pd.DataFrame:
        """P(cause has rank k), a row per cause, a column per rank from 1; rows and columns sum to 1.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> sure = dx.credible_intervals(case, draws=200, seed=1)
        >>> sure.rank_probability.loc["iliopsoas_strain", [1, 2]].round(1).tolist()
        [0.7, 0.2]
        """
        names = [line.name for line in compiled(self.case.model).lines]
        places = range(1, len(names) + 1)
        shares = np.stack([(self._ranks == place).mean(axis=0) for place in places], axis=1)
        frame = pd.DataFrame(shares, index=pd.Index(names, name="cause"), columns=pd.Index(places, name="rank"))
        return frame.loc[self.case.posterior.index].rename_axis("cause")

    def probability_above(self, one: str, other: str) -> float:
        """P(the posterior of ``one`` is higher than that of ``other``), over the draws.

        Parameters
        ----------
        one, other : str
            Lines of the differential.

        Returns
        -------
        float in [0, 1]

        Raises
        ------
        FindingsError
            A name is no line of the differential.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> sure = dx.credible_intervals(case, draws=200, seed=1)
        >>> round(sure.probability_above("iliopsoas_strain", "lumbar_radiculopathy"), 1)
        0.7
        """
        return float((self.posteriors[:, self._column(one)] > self.posteriors[:, self._column(other)]).mean())

    def drivers(self, cause: str | None = None, most: int = 10) -> pd.DataFrame:
        """The numbers that carry most of the variance of a posterior: measure these next.

        Parameters
        ----------
        cause : str, optional
            A line of the differential; the first where left out.
        most : int

        Returns
        -------
        DataFrame
            Index: number. Columns: share, the squared correlation of the number with the log-odds of the cause (share
            of the variance that a straight line through this number alone explains); share_error, its standard error;
            correlation; value, lower, upper, file, source, status. Largest share first.

        Raises
        ------
        FindingsError
            The cause is no line of the differential.

        References
        ----------
        A. Saltelli et al. (2008), "Global sensitivity analysis: the primer", chapter 1 (standardised regression).

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> sure = dx.credible_intervals(case, draws=200, seed=1)
        >>> sure.drivers("iliopsoas_strain", most=1)[["share", "value", "source"]].round(1)
                                                            share  value  source
        number
        P(severe_pain = present | iliopsoas_strain = pr...    0.2    0.4  EXPERT
        """
        column = self._column(cause or str(self.case.posterior.index[0]))
        limited = np.clip(self.posteriors[:, column], 1e-300, 1 - 1e-16)
        odds = np.log(limited) - np.log1p(-limited)
        correlation = _correlations(self.values, odds)
        order = np.argsort(-np.abs(correlation), kind="stable")[:most]
        rows = []
        for place in order:
            number, r = self.numbers[place], float(correlation[place])
            error = 2 * abs(r) * (1 - r * r) / np.sqrt(len(odds))
            kept = (number.value, number.lower, number.upper, number.file, number.source, number.status)
            rows.append((number.label, r * r, error, r, *kept))
        columns = ("number", "share", "share_error", "correlation", "value", "lower", "upper", "file", "source",
                   "status")  # fmt: skip
        return pd.DataFrame(rows, columns=list(columns)).set_index("number")

    def _column(self, name: str) -> int:
        names = [line.name for line in compiled(self.case.model).lines]
        if name not in names:
            raise FindingsError(f"{name!r} is no line of this differential.{did_you_mean(name, names)}")
        return names.index(name)

    def blocks(self) -> Sequence[Block]:
        """The intervals, how firm the first rank is, and the numbers to measure next."""
        model, table = self.case.model, self.table
        shown: list[Block] = [Title(f"How sure? {model.name} {model.version}, {model.population}")]
        if self.impossible:
            shown.append(
                Alert(f"Under {self.impossible} draws the findings cannot occur; they are left out of the intervals.")
            )
        columns = [table[name].head(MOST_SHOWN).tolist() for name in ("label", "posterior", "lower", "upper", "first")]
        rows = [
            (
                label,
                format_probability(now),
                f"{format_probability(lower)} to {format_probability(upper)}",
                format_probability(first),
            )
            for label, now, lower, upper, first in zip(*columns, strict=True)
        ]
        shown.append(Grid(("cause", "now", f"{100 * self.mass:g} % interval", "ranks first"), rows, (1, 2, 3)))
        error = float(table[["lower_error", "upper_error"]].to_numpy().max())
        shown.append(
            f"{len(self.posteriors)} draws of {len(self.numbers)} numbers (seed {self.seed}); Monte Carlo standard "
            f"error of the ends at most {100 * error:.1f} percentage points. The intervals are those of the model's "
            "numbers; what the model leaves out is not in them."
        )
        drivers = self.drivers(most=5)
        if len(drivers):
            first = table["label"].iloc[0]
            shown.append(Title(f"Measure this next: numbers that carry most of the variance of {first}"))
            parts = [drivers[name].tolist() for name in ("share", "value", "lower", "upper", "source")]
            cells = [
                (label, f"{100 * share:.0f} %", f"{value:g} ({lower:g} to {upper:g})", source)
                for label, share, value, lower, upper, source in zip(drivers.index, *parts, strict=True)
            ]
            shown.append(Grid(("number", "variance", "value", "source"), cells, (1,)))
        return shown

    _most_drawn = 15

    def _draw(self, ax: Axes | None, most: int) -> Axes:
        """Posteriors with their intervals."""
        from bayesdx.display.figures import intervals

        rows = self.table.head(most)
        return intervals(
            rows["label"].tolist(),
            rows["posterior"].tolist(),
            rows["lower"].tolist(),
            rows["upper"].tolist(),
            title=f"How sure? {100 * self.mass:g} % credible intervals",
            ax=ax,
        )


def credible_intervals(case: CaseNumbers, mass: float = 0.95, draws: int = 1000, seed: int = 0) -> CredibleIntervals:
    """The posterior of each cause with an interval that reflects how uncertain the model's own numbers are.

    Every number of the model is a Beta, every graded row a Dirichlet (see ``bayesdx.network.parameters``). The numbers
    are drawn jointly, independent between rows except where studies tied them together (``correlations.csv``), and the
    case is answered under all draws as one batch.

    Parameters
    ----------
    case : Diagnosis
    mass : float in (0, 1)
        Share of the draws that an interval holds, equal tails.
    draws : int, at least 50
    seed : int

    Returns
    -------
    CredibleIntervals

    Raises
    ------
    FindingsError
        ``mass`` or ``draws`` out of range.
    ImpossibleEvidenceError
        The findings cannot occur under any draw.

    References
    ----------
    D. Spiegelhalter, S. Lauritzen (1990), "Sequential updating of conditional probabilities on directed graphical
    structures"; H. Chan, A. Darwiche (2005), "On the revision of probabilistic beliefs using uncertain evidence".

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> sure = dx.credible_intervals(case, draws=500, seed=1)
    >>> bool((sure.table["lower"] < sure.table["upper"]).all())
    True
    """
    expect_cases(case)
    expect_number(
        "credible_intervals: mass", mass, "a number between 0 and 1", np.nextafter(0.0, 1), np.nextafter(1.0, 0)
    )
    expect_number("credible_intervals: draws", draws, f"at least {FEWEST_DRAWS}", FEWEST_DRAWS)
    model = case.model
    ready = compiled(model)
    known = [name for name, value in case.findings.items() if value is not UNKNOWN]
    matter = relevant(ready.network, [*known, *model.causes])
    free = {number: row.free for number, row in enumerate(ready.distributions)}
    numbers = tuple(n for n in ready.parameters if n.place.node in matter and n.state in free[n.row])
    if not numbers:
        return CredibleIntervals(case, mass, seed, np.tile(case.probabilities, (draws, 1)), (), np.zeros((draws, 0)), 0)
    drawn = draw_parameters(model, draws, seed, matter)
    result = ready.engine.propagate(case.evidence.evidence, targets=model.causes, parameters=drawn)
    possible = ~result.impossible[:, 0]
    if not possible.any():
        raise ImpossibleEvidenceError("credible_intervals: the findings cannot occur under any draw of the numbers.")
    posteriors = ready.of_lines(result.marginals)[:, 0]
    values = drawn_values(drawn, numbers, model)
    return CredibleIntervals(case, mass, seed, posteriors[possible], numbers, values[possible], int((~possible).sum()))


def _quantile(samples: Array, at: float) -> tuple[Array, Array]:
    """Quantile of each column and its standard error, from the order statistics a standard error of the rank away."""
    step = np.sqrt(at * (1 - at) / len(samples))
    below, here, above = np.quantile(samples, [max(0.0, at - step), at, min(1.0, at + step)], axis=0)
    return here, (above - below) / 2


def _correlations(values: Array, target: Array) -> Array:
    """Correlation of each column with the target; 0 where one of them does not vary."""
    centred, deviation = values - values.mean(axis=0), target - target.mean()
    scale = np.sqrt((centred**2).sum(axis=0) * (deviation**2).sum())
    return np.asarray(np.divide(deviation @ centred, scale, out=np.zeros(values.shape[1]), where=scale > 0))
