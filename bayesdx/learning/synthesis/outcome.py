"""What each number becomes, how well it is known, and to which sources it owes that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bayesdx.learning.belief import Belief
from bayesdx.learning.moved_interval import HALF, interval
from bayesdx.learning.synthesis.uncertainty import SynthesisFit
from bayesdx.learning.synthesis.unknowns import Number, Unknowns

INFORMED = 0.1
"""Information from studies below which a number stays exactly as it was."""


@dataclass(frozen=True)
class Outcome:
    """A number after the synthesis.

    Parameters
    ----------
    number : Number
    value, lower, upper : float
        As the studies leave it; the model's own where it did not move.
    information : float in [0, 1]
        Share of what is known of it that studies brought: 1 - variance after / variance before, of its log-odds.
    patients : float
        Whose complete data would say as much as the studies.
    prior_share : float in [0, 1]
    of_sources : dict of source to float
        Shares, which add to 1 with that of the priors.
    held, moved : bool
    """

    number: Number
    value: float
    lower: float
    upper: float
    information: float
    patients: float
    prior_share: float
    of_sources: Mapping[str, float]
    held: bool
    moved: bool

    @property
    def ranked(self) -> tuple[tuple[str, float], ...]:
        """Sources by share, the largest first."""
        return tuple(sorted(self.of_sources.items(), key=lambda pair: (-pair[1], pair[0])))


def outcomes(
    unknowns: Unknowns,
    fit: SynthesisFit,
    sources: Sequence[str],
    *,
    cut: bool,
    mixed: SynthesisFit | None,
    mixed_sources: Sequence[str],
) -> list[Outcome]:
    """Every number with an interval.

    Parameters
    ----------
    unknowns : Unknowns
    fit : SynthesisFit
        Of all studies.
    sources : sequence of str
        Source of each of its rows.
    cut : bool
        Whether the case mix learns from ``mixed`` alone.
    mixed, mixed_sources
        The fit of consecutive patients of named populations, None where there are none.
    """
    found = []
    for number in unknowns.numbers:
        mix = bool(cut and unknowns.mix[number.sticks].any())
        held = not unknowns.chosen[number.sticks].all() or (mix and mixed is None)
        if mix and mixed is not None:
            found.append(_outcome(unknowns, number, mixed, mixed_sources, held))
        else:
            found.append(_outcome(unknowns, number, fit, sources, held))
    together: dict[tuple[str, object], list[int]] = defaultdict(list)
    for place, outcome in enumerate(found):
        together[outcome.number.population_of_row, outcome.number.parameter.place].append(place)
    for places in together.values():
        rows = [found[place] for place in places]
        informed = [not row.held and row.information >= INFORMED for row in rows]
        whole = sum((row if use else _left(row)).value for row, use in zip(rows, informed, strict=True)) > 1
        sums_to_one = any(
            row.number.parameter.state == 0 for row in rows
        )  # the reference state has a number of its own
        for place, row, use in zip(places, rows, informed, strict=True):
            moved = use or (any(informed) and (whole or sums_to_one) and bool(row.of_sources))
            found[place] = replace(row, moved=True) if moved else _left(row)
    return found


def _outcome(unknowns: Unknowns, number: Number, fit: SynthesisFit, sources: Sequence[str], held: bool) -> Outcome:
    parameter = number.parameter
    if held:
        return Outcome(number, parameter.value, parameter.lower, parameter.upper, 0.0, 0.0, 1.0, {}, True, False)
    eta = fit.optimum.state.eta
    share = number.share(eta)
    after, before = fit.uncertainty.variance(number.sticks, number.slopes(eta))
    sheet = unknowns.sheets[number.population]
    left = float(sheet.belief.left[sheet.belief.row[number.cell]])
    scale = share * (1 - share)
    size, prior_size = 1 / (after * scale), 1 / (before * scale)
    own, others = (0.0, 0.0) if unknowns.blank[number.sticks].any() else _withheld(sheet.belief, number.cell)
    lower, upper = interval(left * share, size, left, own, others)
    of_rows, of_prior = fit.uncertainty.shares(number)
    of_sources: dict[str, float] = defaultdict(float)
    for name, part in zip(sources, of_rows.tolist(), strict=True):
        of_sources[name] += part
    named = {name: part for name, part in of_sources.items() if part > 0}
    information = max(0.0, 1 - after / before)
    return Outcome(number, left * share, lower, upper, information, size - prior_size, of_prior, named, False, False)


def _left(outcome: Outcome) -> Outcome:
    parameter = outcome.number.parameter
    return replace(outcome, value=parameter.value, lower=parameter.lower, upper=parameter.upper)


def _withheld(belief: Belief, cell: int) -> tuple[float, float]:
    """What a weakened prior leaves out of a state, and out of its others, as far as the first half patient."""
    mine = belief.row == belief.row[cell]
    left_out = np.maximum(0.0, np.minimum(HALF, belief.whole[mine]) - belief.alpha[mine])
    own = max(0.0, min(HALF, float(belief.whole[cell])) - float(belief.alpha[cell]))
    return own, float(left_out.sum()) - own
