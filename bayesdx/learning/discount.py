r"""How much the parent's numbers are worth in other patients: learned from how well they predict them.

The prior of each number is weakened by a factor of its own, :math:`a \in \{1, 1/2, 1/4, \ldots\}` of its patients (a
power prior: Ibrahim, Chen 2000). Numbers of one part, the contexts, the mix of causes or the
effects, share the weights :math:`w` of these factors, so that one part may be believed where another is not; within a
part, a number that conflicts with its patients is weakened further than one that agrees (a robust mixture: Schmidli et
al. 2014, whose weights are learned from all numbers together: Hobbs et al. 2011). With x of X patients in whom the
number's event was drawn, and :math:`\alpha, \beta` patients behind the parent's number,

.. math:: P(x \mid a) = \frac{B(a\alpha + x,\ a\beta + X - x)}{B(a\alpha, a\beta)},\qquad
   P(x) = \sum_a w_a P(x \mid a),

and w maximises the product of :math:`P(x)` over the numbers of its part times a Dirichlet that expects ``TRUST`` of
them to hold, worth ``FIRMNESS`` numbers. Numbers of one event, such as one cause in patients of every age, have weights
of their own in the same way, for which those of the part are worth ``ALIKE`` numbers: what is commoner in the young is
likely to be so in the old. Where draws are hidden, x and X are what the patients add beyond what the current
numbers put in themselves, by the share of the information that is not lost (Louis 1982).

What this assumes: a number that nobody speaks about keeps the parent's mean, only with a wider interval, and numbers of
a part are alike in how far they can be trusted.

References
----------
J. Ibrahim, M.-H. Chen (2000), "Power prior distributions for regression models", Statistical Science 15; B. Hobbs, B.
Carlin, S. Mandrekar, D. Sargent (2011), "Hierarchical commensurate and power prior models for adaptive incorporation of
historical information in clinical trials", Biometrics 67; H. Schmidli et al. (2014), "Robust meta-analytic-predictive
priors in clinical trials with historical control information", Biometrics 70; M. Evans, H. Moshonov (2006), "Checking
for prior-data conflict", Bayesian Analysis 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayesdx.knowledge.model import Model
from bayesdx.learning.belief import Belief
from bayesdx.learning.intervals import HALF
from bayesdx.learning.shift import case_mix
from bayesdx.learning.statistics import holm
from bayesdx.network import Network

Array = NDArray[np.float64]
Index = NDArray[np.intp]

FACTORS = 2.0 ** -np.arange(10)
"""What a prior may be multiplied with."""

LEAST = 0.1
"""Patients in the rarer outcome that a prior is worth at least, unless it is worth less already: with none at all it
would expect every number to be exactly 0 or 1."""

TRUST = 0.5
"""Share of the numbers of a part that are expected to hold in other patients, before any were seen."""

FIRMNESS = 3.0
"""Numbers that this expectation is worth."""

ALIKE = 1.0
"""Numbers that the weights of a part are worth for those of one event."""

GROUPS = ("contexts", "causes", "effects")

SURPRISED = 1.96
"""Standard deviations below which a rare event that was not seen does not speak against its prior."""

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
    """Weakened priors.

    Parameters
    ----------
    belief : Belief
    factor : ndarray, shape (n_cells,)
        What the prior of each number was multiplied with.
    narrower : ndarray in (0, 1], shape (n_cells,)
        What remains of a number's equivalent sample size once it is not certain which factor is right.
    weights : ndarray, shape (n_groups, n_factors)
        Of the factors in each group; rows sum to 1.
    """

    belief: Belief
    factor: Array
    narrower: Array
    weights: Array

    def worth(self) -> Array:
        """Geometric mean of the factors of each part."""
        return np.asarray(np.exp(self.weights @ np.log(FACTORS)))

    def worth_of(self, groups: Groups) -> dict[str, float]:
        """The same by name, of the parts that have numbers."""
        return {GROUPS[part]: float(self.worth()[part]) for part in np.unique(groups.part)}


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
    """The prior of each number, weakened as far as its part and its own patients say."""
    from scipy.special import betaln

    open_ = (belief.alpha > 0) & (belief.beyond > 0)
    size = belief.alpha + belief.beyond
    rarer = np.minimum(belief.alpha, belief.beyond)
    least = np.minimum(1.0, np.divide(LEAST, rarer, out=np.ones_like(size), where=rarer > 0))
    factors = np.maximum(FACTORS[None, :], least[:, None])
    alpha, beyond = factors * belief.alpha[:, None], factors * belief.beyond[:, None]
    logs = np.zeros_like(factors)
    stay, reach = found.stay[open_, None], found.reach[open_, None]
    with np.errstate(all="ignore"):
        a, b = alpha[open_], beyond[open_]
        logs[open_] = betaln(a + stay, b + reach - stay) - betaln(a, b)
    quiet = _not_missed(belief, found)
    logs[quiet] = np.minimum(logs[quiet], logs[quiet, :1])
    logs -= logs.max(axis=1, keepdims=True)
    expected = np.full(len(FACTORS), (1 - TRUST) / (len(FACTORS) - 1))
    expected[0] = TRUST
    weights = np.stack([_weights(logs[open_ & (groups.part == g)], expected, FIRMNESS) for g in range(len(GROUPS))])
    own_weights = weights[groups.part]
    for event in range(int(groups.event.max(initial=-1)) + 1):
        cells = np.flatnonzero(open_ & (groups.event == event))
        if len(cells) > 1:
            own_weights[cells] = _weights(logs[cells], weights[groups.part[cells[0]]], ALIKE)
    given = own_weights * np.exp(logs)
    given /= given.sum(axis=1, keepdims=True)
    own = factors * size[:, None]
    total = own + found.reach[:, None]
    of_prior = np.divide(own, total, out=np.ones_like(own), where=total > 0)
    held = (given * of_prior).sum(axis=1)
    plain = (given * factors).sum(axis=1)
    with np.errstate(all="ignore"):
        exact = held * found.reach / ((1 - held) * size)  # gives the mean of the mixture
    factor = np.where((found.reach > 0) & np.isfinite(exact), exact, plain)
    factor = np.where(open_, np.clip(factor, FACTORS[-1], 1.0), np.minimum(plain, 1.0))
    belief_now = replace(belief, alpha=factor * belief.alpha, beyond=factor * belief.beyond)
    return Discount(belief_now, factor, _narrower(belief, found, factors, given, factor), weights)


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


def _weights(logs: Array, expected: Array, firmness: float) -> Array:
    """Weights of the factors in one group: the mode of their posterior, by EM."""
    weights = expected
    if not len(logs):
        return weights
    likelihood = np.exp(logs)
    for _ in range(500):
        given = weights * likelihood
        given /= given.sum(axis=1, keepdims=True)
        moved = given.sum(axis=0) + firmness * expected
        moved /= moved.sum()
        if np.abs(moved - weights).max() < 1e-6:
            break
        weights = moved
    return weights


def _narrower(belief: Belief, found: Seen, factors: Array, given: Array, factor: Array) -> Array:
    """Equivalent sample size of the mixture of Betas, as a share of that of the one Beta that stands for it."""
    alpha, beyond = factors * belief.alpha[:, None], factors * belief.beyond[:, None]
    total = alpha + beyond + found.reach[:, None]
    with np.errstate(all="ignore"):
        mean = (alpha + found.stay[:, None]) / total
        middle = (given * mean).sum(axis=1)
        spread = (given * (mean * (1 - mean) / (total + 1) + (mean - middle[:, None]) ** 2)).sum(axis=1)
        mixed = middle * (1 - middle) / spread - 1
        single = factor * (belief.alpha + belief.beyond) + found.reach
        ratio = mixed / single
    return np.where(np.isfinite(ratio), np.clip(ratio, 0.05, 1.0), 1.0)


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
