r"""How much the parent's numbers are worth in other patients: learned from how well they predict them.

The numbers of one event, such as one cause in patients of every age, move together by :math:`\delta` on the scale of
log-odds, from :math:`N(0, \tau^2)`: what is commoner in the young is likely to be so in the old. Besides, each number
may differ by itself with standard deviation :math:`\rho`, which leaves its prior fewer patients (commensurate priors:
Hobbs et al. 2011; as a power prior, Ibrahim, Chen 2000, whose power depends on how sure the number was). Both are
mixed over several sizes, so that a number or event that conflicts with its patients gives way where others hold (robust
mixtures: Schmidli et al. 2014). With x of X patients in whom the number's event was drawn, and :math:`\alpha, \beta`
patients behind the parent's number,

.. math:: \frac{1}{\alpha'} + \frac{1}{\beta'} = \frac{1}{\alpha} + \frac{1}{\beta} + \rho^2, \qquad
   \mathrm{logit} \frac{\alpha'}{\alpha' + \beta'} = \mathrm{logit} \frac{\alpha}{\alpha + \beta} + \delta

.. math:: P(x \mid \delta, \rho) = \frac{B(\alpha' + x,\ \beta' + X - x)}{B(\alpha', \beta')}, \qquad
   P(\text{event}) = \sum_\tau v_\tau \int N(\delta; 0, \tau^2) \prod_x \sum_\rho w_\rho P(x \mid \delta, \rho)
   \, d\delta .

The weights v and w belong to a part of the model, the contexts, the mix of causes or the effects, so that one part may
be believed where another is not. They maximise the product over the events of their part times Dirichlets that expect
``TRUST`` of the events and numbers not to differ, worth ``FIRMNESS`` of them. Where draws are hidden, x and X are what
the patients add beyond what the current numbers put in themselves, by the share of the information that is not lost
(Louis 1982).

What this assumes: the numbers of one event are likely to move alike, those of a part can be trusted alike, and one that
nobody speaks about moves with its event only as far as others of the event have shown.

References
----------
J. Ibrahim, M.-H. Chen (2000), "Power prior distributions for regression models", Statistical Science 15; B. Hobbs, B.
Carlin, S. Mandrekar, D. Sargent (2011), "Hierarchical commensurate and power prior models for adaptive incorporation of
historical information in clinical trials", Biometrics 67; H. Schmidli et al. (2014), "Robust meta-analytic-predictive
priors in clinical trials with historical control information", Biometrics 70; M. Evans, H. Moshonov (2006), "Checking
for prior-data conflict", Bayesian Analysis 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayesdx.knowledge.model import Model
from bayesdx.learning.belief import Belief
from bayesdx.learning.information import UNKNOWN, Basis
from bayesdx.learning.moved_interval import HALF
from bayesdx.learning.shift import case_mix
from bayesdx.learning.statistics import holm
from bayesdx.network import Network

Array = NDArray[np.float64]
Index = NDArray[np.intp]

SPREADS = np.array([0.0, 0.15, 0.4, 1.0, 2.0])
"""Standard deviations by which log-odds may differ from the parent's, those of events and those of single numbers."""

SHIFTS = np.array([0.0, 0.15, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0])
"""The same of a part whose draws are hidden."""

POSSIBLE = 0.975
"""Probability that such a part moves by less than is allowed for."""

POINTS = np.linspace(-2.5, 2.5, 11)
"""Where a normal distribution is summed, in standard deviations."""

LEAST = 0.1
"""Patients in the rarer outcome that a prior is worth at least, unless it is worth less already: with none at all it
would expect every number to be exactly 0 or 1."""

TRUST = 0.5
"""Share of the events of a part that are expected not to move, and of its numbers to hold, before any were seen."""

FIRMNESS = 3.0
"""Events, or numbers, that this expectation is worth."""

GROUPS = ("contexts", "causes", "effects")

SURPRISED = 1.96
"""Standard deviations below which a rare event that was not seen does not speak against its prior."""

FAR = 16.0
"""Square of four standard deviations."""

DRAWS = 999

MOST_COUNTED = 5000
"""Patients up to which the tails of a beta-binomial are summed."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What the patients say of each number beyond the prior, as complete data would.

    Parameters
    ----------
    stay, reach : ndarray, shape (n_cells,)
        Patients who stay at the state, of those who get as far as it (see ``Belief``).
    """

    stay: Array
    reach: Array


@dataclass(frozen=True, eq=False)
class Discount:
    """Priors moved and weakened.

    Parameters
    ----------
    belief : Belief
    factor : ndarray in (0, 1], shape (n_cells,)
        What the patients of each number's prior were multiplied with.
    narrower : ndarray in (0, 1], shape (n_cells,)
        What remains of a number's equivalent sample size once it is not certain which prior is right.
    worth : mapping of str to float
        Geometric mean of the factors of each part that has numbers.
    apart : mapping of str to float
        By how much the odds of an event of each part typically differ from the parent's: 1 where none moves.
    """

    belief: Belief
    factor: Array
    narrower: Array
    worth: Mapping[str, float]
    apart: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Groups:
    """What numbers have in common.

    Parameters
    ----------
    part : ndarray of int, shape (n_cells,)
        Place in ``GROUPS``.
    event : ndarray of int, shape (n_cells,)
        Numbers of one state of one variable share one.
    """

    part: Index
    event: Index


def groups_of(model: Model, network: Network, belief: Belief) -> Groups:
    """Part and event of every number."""
    mix = set(case_mix(model, network))
    kinds = {variable.variable: variable.kind for variable in model.variables}
    nodes = [row.place.node for row in belief.distributions]
    own = [2 if node not in mix else 0 if kinds.get(node) == "context" else 1 for node in nodes]
    node = np.array([network.index[name] for name in nodes])[belief.row]
    state = np.concatenate([row.free for row in belief.distributions])
    _, event = np.unique(np.stack([node, state]), axis=1, return_inverse=True)
    return Groups(np.array(own, dtype=np.intp)[belief.row], event.reshape(-1))


def seen(belief: Belief, values: Array, counts: Array, kept: Array) -> Seen:
    """The patients behind expected counts without those that the current numbers put in themselves.

    Parameters
    ----------
    belief : Belief
    values, counts : ndarray, shape (layout.size,)
    kept : ndarray in [0, 1], shape (n_cells,)
        Share of the complete information that the patients hold.
    """
    drawn, share = counts[belief.cells], values[belief.cells]
    arrived = drawn + belief.passed(drawn)
    behind = share + belief.passed(share)
    stage = np.divide(share, behind, out=np.zeros_like(share), where=behind > 0)
    reach = kept * arrived
    stay = np.clip(drawn - (1 - kept) * arrived * stage, 0.0, reach)
    return Seen(stay, reach)


def discounted(belief: Belief, groups: Groups, found: Seen) -> Discount:
    """The prior of each number, moved with its event and weakened as far as its part and its own patients say."""
    from scipy.special import betaln

    used = np.flatnonzero((belief.alpha > 0) & (belief.beyond > 0))
    alpha, beyond, x, n = (each[used] for each in (belief.alpha, belief.beyond, found.stay, found.reach))
    part, event = groups.part[used], np.unique(groups.event[used], return_inverse=True)[1].reshape(-1)
    shifts = _Shifts.all()
    a, b = shifts.priors(alpha, beyond)
    stay, reach = x[:, None, None], n[:, None, None]
    logs = betaln(a + stay, b + reach - stay) - betaln(a, b)
    quiet = _not_missed(belief, found)[used]
    logs[quiet] = np.minimum(logs[quiet], logs[quiet, :, :1])
    given, spreads = _weights(logs, part, event, shifts)
    total = a + b + reach
    mean = (a + stay) / total
    value = (given * mean).sum(axis=(1, 2))
    variance = (given * (mean * (1 - mean) / (total + 1) + (mean - value[:, None, None]) ** 2)).sum(axis=(1, 2))
    mixed = np.maximum(value * (1 - value) / variance - 1, LEAST)  # patients that the mixture is worth
    held = (given * (a + b) / total).sum(axis=(1, 2))  # share of the prior in the mean
    with np.errstate(all="ignore"):
        own = np.where((n > 0) & (held < 1), held * n / (1 - held), mixed)
    own_alpha, own_beyond = value * (own + n) - x, (1 - value) * (own + n) - (n - x)  # give the mean of the mixture
    least = np.minimum(LEAST, np.minimum(alpha, beyond))
    more = np.maximum(0.0, np.maximum((least - own_alpha) / value, (least - own_beyond) / (1 - value)))
    own_alpha, own_beyond = own_alpha + more * value, own_beyond + more * (1 - value)
    now = own_alpha + own_beyond

    def with_those(before: Array, used_now: Array) -> Array:
        after = before.copy()
        after[used] = used_now
        return after

    one = np.ones(len(belief.cells))
    factor = with_those(one, np.minimum(1.0, now / (alpha + beyond)))
    moved = replace(belief, alpha=with_those(belief.alpha, own_alpha), beyond=with_those(belief.beyond, own_beyond))
    parts = np.unique(part)
    return Discount(
        moved,
        factor,
        with_those(one, np.clip(mixed / (now + n), 0.05, 1.0)),
        {GROUPS[g]: float(np.exp(np.log(factor[used][part == g]).mean())) for g in parts},
        {GROUPS[g]: float(np.exp(np.sqrt(spreads[g] @ SPREADS**2))) for g in parts},
    )


def discounted_together(
    belief: Belief, groups: Groups, before: Array, values: Array, counts: Array, data: Array, doubt: Array
) -> Discount:
    r"""The prior of each number, weakened by as much as its part may have moved, where draws are hidden.

    Patients whose causes nobody knows say much of some sums of numbers and little of each. So all log-odds are looked
    at together, to second order around the present numbers: they are :math:`N(\theta_0, \Sigma_0 + \tau^2 E)`, where E
    is 1 for numbers of one event, with one :math:`\tau` for each part, any up to the largest of ``SHIFTS`` equally
    probable beforehand (Gelman 2006). Every prior is weakened by the largest :math:`\tau` that the patients leave
    possible: where they say little, they are taken for patients of anywhere.

    Parameters
    ----------
    belief, groups
    before, values : ndarray, shape (layout.size,)
        The parent's numbers, and the present ones.
    counts : ndarray, shape (layout.size,)
        Expected under the present numbers.
    data : ndarray, shape (n_kept, n_kept)
        Information of the patients about the log-odds (``bayesdx.learning.information.observed``).
    doubt : ndarray, shape (n_kept, n_kept)
        Variance of the slopes of the log evidence that comes from what is assumed of all other numbers.

    References
    ----------
    A. Gelman (2006), "Prior distributions for variance parameters in hierarchical models", Bayesian Analysis 1.
    """
    basis, start = Basis(belief, values), Basis(belief, before)
    part, parts = groups.part[basis.kept], np.unique(groups.part)
    drawn = counts[belief.cells]
    slope = (drawn - basis.share * belief.sums(drawn)[belief.row])[basis.kept]
    ridge = np.diag(UNKNOWN + UNKNOWN * np.diag(data))
    doubted = data @ np.linalg.inv(data + doubt + ridge)
    data, slope = doubted @ data, doubted @ slope
    back = start.log_odds - basis.log_odds
    own = np.linalg.inv(start.prior(belief) + ridge)
    event = groups.event[basis.kept]
    alike = event[:, None] == event
    logs = np.zeros((len(SHIFTS),) * len(parts))
    for places in np.ndindex(logs.shape):
        spread = np.zeros(len(GROUPS))
        spread[parts] = SHIFTS[list(places)]
        prior = np.linalg.inv(own + spread[part] ** 2 * alike)
        pull = slope + prior @ back
        gain = pull @ np.linalg.solve(prior + data, pull) - back @ prior @ back
        logs[places] = (gain + np.linalg.slogdet(prior)[1] - np.linalg.slogdet(prior + data)[1]) / 2
    possible = np.zeros(len(GROUPS))
    for axis, g in enumerate(parts):
        density = np.exp(logs - logs.max()).sum(axis=tuple(other for other in range(len(parts)) if other != axis))
        reached = np.r_[0.0, ((density[1:] + density[:-1]) / 2 * np.diff(SHIFTS)).cumsum()]
        possible[g] = np.interp(POSSIBLE, reached / reached[-1], SHIFTS)
    moved, factor = _loosened(belief, possible[groups.part] ** 2)
    return Discount(
        moved,
        factor,
        np.ones_like(factor),
        {GROUPS[g]: float(np.exp(np.log(factor[groups.part == g]).mean())) for g in parts},
        {GROUPS[g]: float(np.exp(possible[g])) for g in parts},
    )


def expecting_shifts(belief: Belief) -> Belief:
    """The prior before anything was seen of patients whose log-odds may differ by any of ``SHIFTS``."""
    return _loosened(belief, np.full(len(belief.cells), SHIFTS[-1] ** 2 / 3))[0]


def _loosened(belief: Belief, variance: Array) -> tuple[Belief, Array]:
    """The prior with more variance of each log-odds, and what this multiplies its patients with."""
    alpha, beyond = belief.alpha, belief.beyond
    inside = np.divide(alpha * beyond, alpha + beyond, out=np.zeros_like(alpha), where=beyond > 0)
    rarer = np.where(beyond > 0, np.minimum(alpha, beyond), alpha)
    least = np.minimum(1.0, np.divide(LEAST, rarer, out=np.ones_like(rarer), where=rarer > 0))
    factor = np.maximum(1 / (1 + variance * inside), np.where(inside > 0, least, 0.0))
    return replace(belief, alpha=factor * alpha, beyond=factor * beyond), factor


@dataclass(frozen=True, eq=False)
class _Shifts:
    """By how much log-odds may move; arrays of shape (n_shifts,).

    Parameters
    ----------
    logs : ndarray
    spread : ndarray of int
        Place in ``SPREADS``.
    share : ndarray
        Probability with that spread.
    """

    logs: Array
    spread: Index
    share: Array

    @classmethod
    def all(cls) -> _Shifts:
        share = np.exp(-(POINTS**2) / 2)
        share /= share.sum()
        spread = np.r_[0, np.repeat(np.arange(1, len(SPREADS)), len(POINTS))]
        logs = np.r_[0.0, np.outer(SPREADS[1:], POINTS).ravel()]
        return cls(logs, spread, np.r_[1.0, np.tile(share, len(SPREADS) - 1)])

    def priors(self, alpha: Array, beyond: Array) -> tuple[Array, Array]:
        """Patients behind each number, moved and weakened, shapes (n_cells, n_shifts, n_spreads).

        The mean over all shifts of one spread stays where it was, for which odds that may move by much, up or down on
        the logarithmic scale, drift downwards.
        """
        mean = (alpha / (alpha + beyond))[:, None]
        odds = np.log(mean) - np.log1p(-mean)
        of_spread = (self.spread == np.arange(len(SPREADS))[:, None]).astype(np.float64)
        drift = np.zeros((len(alpha), len(SPREADS)))
        for _ in range(50):
            there = 1 / (1 + np.exp(drift[:, self.spread] - odds - self.logs))
            whole, slope = ((each * self.share) @ of_spread.T for each in (there, there * (1 - there)))
            step = np.clip((whole - mean) / slope, -1.0, 1.0)
            drift = drift + step
            if np.abs(step).max(initial=0.0) < 1e-12:
                break
        within = (alpha * beyond / (alpha + beyond))[:, None]
        least = np.minimum(1.0, LEAST / np.minimum(alpha, beyond))[:, None]
        factors = np.maximum(1 / (1 + SPREADS**2 * within), least)[:, None, :]
        return factors * (within / (1 - there))[:, :, None], factors * (within / there)[:, :, None]


def _weights(logs: Array, part: Index, event: Index, shifts: _Shifts) -> tuple[Array, Array]:
    """Weight of every shift, and spread of its own, for each number; of the shifts' spreads in each part; by EM."""
    likelihood = np.exp(logs - logs.max(axis=(1, 2), keepdims=True))
    part_of_event = np.zeros(int(event.max(initial=-1)) + 1, dtype=np.intp)
    part_of_event[event] = part
    places = np.arange(len(GROUPS))[:, None]
    of_spread = shifts.spread == np.arange(len(SPREADS))[:, None]
    trusted = np.full(len(SPREADS), (1 - TRUST) / (len(SPREADS) - 1))
    trusted[0] = TRUST
    alone = shared = np.tile(trusted, (len(GROUPS), 1))
    for _ in range(500):
        own = alone[part]
        summed = np.maximum(np.einsum("nsf,nf->ns", likelihood, own), 1e-300)
        by_event = np.zeros((len(part_of_event), len(shifts.logs)))
        np.add.at(by_event, event, np.log(summed))
        by_event = np.exp(by_event - by_event.max(axis=1, keepdims=True))
        by_event *= shifts.share * shared[part_of_event][:, shifts.spread]
        by_event /= by_event.sum(axis=1, keepdims=True)
        shifted = by_event[event] / summed
        numbers = (part == places) @ (own * np.einsum("ns,nsf->nf", shifted, likelihood)) + FIRMNESS * trusted
        events = (part_of_event == places) @ by_event @ of_spread.T + FIRMNESS * trusted
        before = alone, shared
        alone, shared = (each / each.sum(axis=1, keepdims=True) for each in (numbers, events))
        if max(np.abs(alone - before[0]).max(), np.abs(shared - before[1]).max()) < 1e-3:
            break
    return shifted[:, :, None] * likelihood * own[:, None, :], shared


def _not_missed(belief: Belief, found: Seen) -> NDArray[np.bool_]:
    """Numbers of rare events that were seen less often than the prior says, but not so that it is surprised.

    A weak prior with a small mean hardly ever expects to see the event, so that not seeing it speaks for such a prior:
    an emergency would be forgotten for want of patients.
    """
    size = belief.alpha + belief.beyond
    with np.errstate(all="ignore"):
        mean, n = belief.alpha / size, found.reach
        spread = np.sqrt(n * mean * (1 - mean) * (size + n) / (size + 1))
        z = (found.stay - n * mean) / spread
    return np.asarray((mean < 0.5) & (z <= 0) & (z > -SURPRISED))


def conflict(a: Array, b: Array, events: Array, patients: Array) -> Array:
    """Two-sided prior predictive p-value of what was seen: small where a prior did not expect these patients.

    Parameters
    ----------
    a, b : ndarray, shape (n,), above 0
        Of the Beta that is the prior.
    events, patients : ndarray, shape (n,)
        Rounded to whole patients.

    Returns
    -------
    ndarray in [0, 1], shape (n,)
        Twice the smaller tail of the beta-binomial, half of what was seen counted to either side (mid-p).

    References
    ----------
    M. Evans, H. Moshonov (2006), "Checking for prior-data conflict", Bayesian Analysis 1.

    Examples
    --------
    >>> a, b = np.array([8.0, 8.0]), np.array([392.0, 392.0])
    >>> conflict(a, b, events=np.array([5.0, 50.0]), patients=np.array([200.0, 500.0])).round(3)
    array([0.61, 0.  ])
    """
    return np.array([_conflict(*row) for row in zip(a, b, events, patients, strict=True)], dtype=np.float64)


def _conflict(a: float, b: float, events: float, patients: float) -> float:
    from scipy.special import betainc, betaln, gammaln

    size, mean = a + b, a / (a + b)
    n = max(1, round(patients))
    k = min(n, round(events * n / patients))
    if n > MOST_COUNTED:
        equal = max((size + 1) * n / (n + size) - 1, 1e-6)  # the Beta of the same mean and variance
        below = float(betainc(mean * equal, (1 - mean) * equal, (k + 0.5) / (n + 1)))
        return min(1.0, 2 * min(below, 1 - below))
    upper = k > n * mean
    counts = np.arange(k, n + 1) if upper else np.arange(k + 1)
    logs = gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
    mass = np.exp(logs + betaln(a + counts, b + n - counts) - betaln(a, b))
    tail = float(mass.sum() - mass[0 if upper else -1] / 2)
    return min(1.0, 2 * min(tail, 1 - tail))


def conflicts(belief: Belief, found: Seen) -> tuple[Array, Array]:
    """(p-value, p-value adjusted for their number) of every number, 1 where next to nobody speaks about it."""
    p = np.ones(len(belief.cells))
    asked = np.flatnonzero((belief.alpha > 0) & (belief.beyond > 0) & (found.reach >= HALF))
    p[asked] = conflict(belief.alpha[asked], belief.beyond[asked], found.stay[asked], found.reach[asked])
    adjusted = np.ones(len(p))
    adjusted[asked] = holm(p[asked])
    return p, adjusted


def together(belief: Belief, groups: Groups, found: Seen, seed: int) -> dict[str, float]:
    """p-value of each part: whether its numbers, taken together, are as their priors expect.

    The statistic adds squares, of the standardised distance of each number from its prior predictive mean, and of the
    sum of these over each event; squares count as ``FAR`` at most. Its distribution is drawn, ``DRAWS`` times, from the
    prior predictive distribution. So many small differences that no number shows by itself are seen.
    """
    rng = np.random.default_rng(seed)
    asked = np.flatnonzero((belief.alpha > 0) & (belief.beyond > 0) & (found.reach >= HALF))
    a, b, part = belief.alpha[asked], belief.beyond[asked], groups.part[asked]
    _, event = np.unique(groups.event[asked], return_inverse=True)
    n = np.maximum(1, np.rint(found.reach[asked])).astype(np.int64)
    mean = n * a / (a + b)
    spread = np.sqrt(mean * b / (a + b) * (a + b + n) / (a + b + 1))
    in_part = part == np.arange(len(GROUPS))[:, None]
    numbers = np.bincount(event.reshape(-1))
    part_of_event = np.zeros(len(numbers), dtype=np.intp)
    part_of_event[event.reshape(-1)] = part
    event_in_part = part_of_event == np.arange(len(GROUPS))[:, None]

    def statistic(z: Array) -> Array:
        by_event = np.zeros((len(numbers), z.shape[1]))
        np.add.at(by_event, event.reshape(-1), z)
        by_event /= np.sqrt(numbers)[:, None]
        return np.asarray(in_part @ np.minimum(z**2, FAR) + event_in_part @ np.minimum(by_event**2, FAR))

    drawn = rng.binomial(n[:, None], rng.beta(a[:, None], b[:, None], (len(asked), DRAWS)))
    expected = statistic((drawn - mean[:, None]) / spread[:, None])
    here = statistic(((found.stay[asked] * n / found.reach[asked] - mean) / spread)[:, None])
    p = (1 + (expected >= here).sum(axis=1)) / (1 + DRAWS)
    return {GROUPS[g]: float(p[g]) for g in np.unique(part)}
