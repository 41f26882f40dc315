"""The most probable numbers, how sure they are, and what the parent's numbers were worth on the way there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.learning.belief import Belief
from bayesdx.learning.counting import count
from bayesdx.learning.discount import Discount, Groups, Seen, discounted, expecting_shifts, seen
from bayesdx.learning.em import TRACE, Fit, Progress, maximise
from bayesdx.learning.expected import Expectation, Totals, expectation
from bayesdx.learning.information import Information, information, kept_share
from bayesdx.learning.layout import Layout
from bayesdx.learning.literature import Literature
from bayesdx.learning.patients import Patients

Array = NDArray[np.float64]

ROUNDS = 4
"""How often EM and the worth of the parent may take turns."""

SETTLED = 0.1
"""Change of the worth of the parent, as a logarithm, at which they stop."""

EARLY = 1e-2
"""Tolerance of EM meanwhile."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """Where learning ended.

    Parameters
    ----------
    belief : Belief
        With the priors as they were used.
    fit : Fit
    known : Information
    spoken : Seen
        What the patients say beyond the priors.
    discount : Discount or None
        How the priors were weakened, where that was learned.
    warnings : list of str
    """

    belief: Belief
    fit: Fit
    known: Information
    spoken: Seen
    discount: Discount | None
    warnings: list[str]


def by_counting(layout: Layout, whole: Belief, patients: Patients, groups: Groups | None) -> Estimate:
    """Conjugate updates from the draws that were seen; with ``groups``, the worth of the priors is learned."""
    counts = count(layout, patients)
    begin = layout.values(layout.network)
    spoken = seen(whole, begin, counts, np.ones(len(whole.cells)))
    discount = None if groups is None else discounted(whole, groups, spoken)
    belief = whole if discount is None else discount.belief
    fit = Fit(belief.update(begin, counts), Totals(np.nan, counts), np.nan, True, pd.DataFrame(columns=TRACE))
    return Estimate(belief, fit, _widened(counted(belief, counts), discount), spoken, discount, [])


def by_em(
    layout: Layout,
    whole: Belief,
    patients: Patients,
    groups: Groups | None,
    *,
    starts: int,
    max_iterations: int,
    tolerance: float,
    seed: int,
    progress: Progress | None,
    expected: Expectation | None = None,
    literature: Literature | None = None,
    weigh: Callable[[Fit], Discount] | None = None,
) -> Estimate:
    """EM from any pattern of missing cells, and from studies beside them.

    With ``groups``, it takes turns with learning what the priors are worth, number by number, or as ``weigh`` says.
    """
    expected = expected or expectation(layout, patients)

    def spoken_in(fit: Fit) -> Seen:
        counts = fit.totals.counts
        return seen(whole, fit.values, counts, kept_share(layout, whole, expected, patients, fit.values, counts, seed))

    belief, discount, traces = whole if weigh is None else expecting_shifts(whole), None, []
    begin = layout.values(layout.network)
    worth: Mapping[str, float] = {}
    for number in range(ROUNDS if groups is not None else 0):
        assert groups is not None
        fit = maximise(
            layout,
            belief,
            expected,
            begin,
            max_iterations=max_iterations,
            tolerance=max(EARLY, tolerance),
            weighing=number,
            progress=progress,
            literature=literature,
        )
        traces.append(fit.trace)
        discount = discounted(whole, groups, spoken_in(fit)) if weigh is None else weigh(fit)
        begin, belief = fit.values, discount.belief
        before, worth = worth, discount.worth
        if all(abs(np.log(worth[part] / before.get(part, 1.0))) < SETTLED for part in worth):
            break
    fit, warnings = _best(
        layout, belief, expected, begin, starts, max_iterations, tolerance, seed, len(traces), progress, literature
    )
    fit = replace(fit, trace=pd.concat([*traces, fit.trace], ignore_index=True))
    known = information(layout, belief, expected, patients, fit.values, fit.totals.counts, seed, literature)
    return Estimate(belief, fit, _widened(known, discount), spoken_in(fit), discount, warnings)


def counted_for_less(
    layout: Layout,
    found: Estimate,
    patients: Patients,
    expected: Expectation | None,
    kept: Array,
    *,
    max_iterations: int,
    tolerance: float,
    seed: int,
    progress: Progress | None,
) -> Estimate:
    """The estimate where the patients inform each number by a part ``kept`` of what they did; the prior stays as it is.

    Data that count for a part beside a prior are data that count whole beside a larger prior (a power likelihood:
    Ibrahim, Chen 2000). All numbers of one distribution move as far as the one that is informed best: of causes that
    can hardly be told apart each is known poorly, but not their sum.

    Parameters
    ----------
    kept : ndarray in (0, 1], shape (n_cells,)
    """
    expected = expected or expectation(layout, patients)
    best = np.zeros(len(found.belief.left))
    np.maximum.at(best, found.belief.row, kept)
    part = best[found.belief.row]
    belief = replace(found.belief, alpha=found.belief.alpha / part, beyond=found.belief.beyond / part)
    fit = maximise(
        layout,
        belief,
        expected,
        found.fit.values,
        max_iterations=max_iterations,
        tolerance=tolerance,
        weighing=int(found.fit.trace["round"].max()) + 1,
        progress=progress,
    )
    fit = replace(fit, trace=pd.concat([found.fit.trace, fit.trace], ignore_index=True))
    typical = np.array([np.median(kept[found.belief.row == row]) for row in range(len(best))])
    counted = np.minimum(kept, typical[found.belief.row])  # of a number near 0 the prior alone is left, doubted or not
    known = information(layout, belief, expected, patients, fit.values, fit.totals.counts, seed, counted=counted)
    return replace(
        found,
        fit=fit,
        known=replace(known, size=known.size * kept, effective=known.effective * kept),
        warnings=list(dict.fromkeys([*found.warnings, *_unsettled(fit, max_iterations, tolerance)])),
    )


def _widened(known: Information, discount: Discount | None) -> Information:
    """The information, less that it is not certain how much the prior is worth."""
    return known if discount is None else replace(known, size=known.size * discount.narrower)


def _best(
    layout: Layout,
    belief: Belief,
    expected: Expectation,
    begin: Array,
    starts: int,
    max_iterations: int,
    tolerance: float,
    seed: int,
    weighing: int,
    progress: Progress | None,
    literature: Literature | None,
) -> tuple[Fit, list[str]]:
    rng = np.random.default_rng(seed)
    fits, warnings = [], []
    for number in range(starts):
        start = begin if number == 0 else belief.draw(begin, rng, least=2.0)
        fits.append(
            maximise(
                layout,
                belief,
                expected,
                start,
                max_iterations=max_iterations,
                tolerance=tolerance,
                number=number,
                weighing=weighing,
                progress=progress,
                literature=literature,
            )
        )
    best = max(fits, key=lambda fit: fit.objective)
    warnings += _unsettled(best, max_iterations, tolerance)
    if starts > 1:
        near = sum(fit.objective >= best.objective - 0.01 for fit in fits)
        if near < starts:
            warnings.append(f"{near} of {starts} starts reached the best maximum; the others ended lower.")
    trace = pd.concat([fit.trace for fit in fits], ignore_index=True)
    return replace(best, trace=trace), warnings


def _unsettled(fit: Fit, max_iterations: int, tolerance: float) -> list[str]:
    if fit.converged:
        return []
    return [
        f"EM had not settled after {max_iterations} iterations (largest change above {tolerance:g}, or the maximum not "
        "near); raise max_iterations or tolerance."
    ]


def counted(belief: Belief, counts: Array) -> Information:
    """What complete draws say."""
    drawn = counts[belief.cells]
    size = belief.worth(belief.alpha + drawn, belief.beyond + belief.passed(drawn))
    return Information(size, belief.sums(drawn)[belief.row], np.ones_like(size), np.full_like(size, np.nan), ())


def left_alone(belief: Belief, counts: Array) -> list[str]:
    """A sentence about distributions that no row counts for."""
    total = belief.sums(counts[belief.cells])
    links = sum(row.place.part == "link" for row in belief.distributions)
    others = int((total == 0).sum()) - links
    said = (
        [f"counts leaves {links} links as they are, whose draws are hidden; method='em' moves them."] if links else []
    )
    if others:
        said.append(f"{others} other distributions stay as they are: no row shows what they drew.")
    return said
