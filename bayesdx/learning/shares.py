r"""Shares of one exclusive cause from findings alone: the whole posterior, not its top.

Classes that overlap leave a likelihood that is nearly flat along some sums of shares and highest at an edge, where one
class takes all of another. So the shares are averaged over everything that the findings leave open.

The logarithms of the parent's shares are taken to shift by :math:`N(0, \tau^2)` each, on top of what the parent's own
intervals leave open, with the mean share staying the parent's; half of the belief is on :math:`\tau = 0`. What is not
known of the likelihoods moves the log-odds :math:`\theta` that the findings show away from the true ones, by
:math:`N(0, U)` (a modular posterior, in which the patients do not correct the likelihoods: Plummer 2015). With
:math:`L_{ic}` the likelihood of patient i in class c,

.. math:: P(\theta' \mid y) \propto \prod_i \sum_c q_c(\theta') L_{ic} \;
   \sum_\tau w_\tau N(\theta'; m_\tau, S + \tau^2 E + U), \qquad
   \theta' = \theta + \varepsilon, \quad \varepsilon \sim N(0, U) .

It is drawn from by a population of chains that learn the size and direction of their steps from each other (ter Braak
2006); :math:`\tau` and :math:`\theta` follow exactly.

References
----------
M. Plummer (2015), "Cuts in Bayesian graphical models", Statistics and Computing 25; C. ter Braak (2006), "A Markov
chain Monte Carlo version of the genetic algorithm differential evolution", Statistics and Computing 16; M. Saerens,
P. Latinne, C. Decaestecker (2002), Neural Computation 14.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.learning.belief import Belief
from bayesdx.learning.discount import SHIFTS, TRUST
from bayesdx.learning.information import Basis

Array = NDArray[np.float64]

STEPS = 400
"""Of every chain; the first half is left out."""

THINNED = 5
"""Of the second half, every so many are kept."""

VAGUE = 3.0
"""Variance of the log-odds with which errors of the likelihoods are carried over: that of all ``SHIFTS`` together."""

DRAWS = 4_000
"""Of the prior."""

TAIL = 0.025

OPEN = 0.5
"""Standard deviation of a share, as part of it, from which it is said to be unknown."""

BLURRED = 3.0
"""How many times that of as many labelled patients it then is."""


@dataclass(frozen=True, eq=False)
class Shares:
    """Draws of the posterior.

    Parameters
    ----------
    draws : ndarray, shape (n_draws, n_cells)
        Shares of the free states, with a sum of 1.
    tau : ndarray, shape (n_draws,)
    prior_variance : ndarray, shape (n_cells,)
        Of the shares, before the patients were seen.
    alone : ndarray, shape (n_cells, n_cells)
        Covariance of the shares that the findings alone leave, whatever the parent says.
    """

    draws: Array
    tau: Array
    prior_variance: Array
    alone: Array

    @property
    def mean(self) -> Array:
        """Posterior mean, shape (n_cells,)."""
        return np.asarray(self.draws.mean(axis=0))

    @property
    def ends(self) -> tuple[Array, Array]:
        """Ends of the 95 % intervals."""
        lower, upper = np.quantile(self.draws, [TAIL, 1 - TAIL], axis=0)
        return lower, upper

    def unknown(self, patients: float) -> list[list[int]]:
        """Classes whose shares findings hardly tell: groups whose sum is known, the last of those that have none.

        A class is grouped with the one that shares most of its uncertainty, until the sum is known.
        """
        groups = [[place] for place in range(len(self.alone))]
        mean = self.mean

        def blurred(group: list[int]) -> bool:
            share, spread = mean[group].sum(), np.sqrt(max(0.0, self.alone[np.ix_(group, group)].sum()))
            return bool(spread > OPEN * share and spread > BLURRED * np.sqrt(share * (1 - share) / patients))

        while any(blurred(group) for group in groups) and len(groups) > 1:
            worst = max((g for g in groups if blurred(g)), key=lambda g: self.alone[np.ix_(g, g)].sum())
            groups.remove(worst)
            other = min(groups, key=lambda g: float(self.alone[np.ix_(worst, g)].sum()))
            other.extend(worst)
        return [sorted(group) for group in groups if len(group) > 1]


def shares_of(
    belief: Belief,
    before: Array,
    values: Array,
    evidence: Array,
    weights: Array,
    doubt: Array,
    seed: int,
) -> Shares:
    """Draw from the posterior of the shares.

    Parameters
    ----------
    belief : Belief
        Of one distribution without parents.
    before, values : ndarray, shape (layout.size,)
        The parent's numbers, and those where the chains begin.
    evidence : ndarray, shape (n_rows, n_classes)
        Natural logarithm of each class's likelihood, up to a constant per row.
    weights : ndarray, shape (n_rows,)
    doubt : ndarray, shape (n_kept, n_kept)
        Variance of the slopes of the log evidence that comes from uncertain likelihoods.
    seed : int
    """
    rng = np.random.default_rng(seed)
    start, basis = Basis(belief, before), Basis(belief, values)
    size, first = len(basis.kept), int(np.setdiff1d(np.arange(len(belief.cells)), basis.kept)[0])
    left = float(belief.left[0])
    likely = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    states = belief.cells - (belief.cells.min() - belief.distributions[0].free[0])
    others = np.setdiff1d(np.arange(likely.shape[1]), states)
    fixed = likely[:, others] @ np.asarray(belief.distributions[0].mean)[others]
    free = np.ascontiguousarray(likely[:, states].T)

    def shares(logs: Array) -> Array:
        whole = np.insert(logs, first, 0.0, axis=1)
        whole = np.exp(whole - whole.max(axis=1, keepdims=True))
        return np.asarray(whole / whole.sum(axis=1, keepdims=True))

    def log_likelihood(logs: Array) -> Array:
        return np.asarray(np.log(np.maximum(left * shares(logs) @ free + fixed, 1e-300)) @ weights)

    data = _information(shares(start.log_odds[None])[0], left, free, fixed, weights, first)
    ridge = np.eye(size) / VAGUE
    through = np.linalg.inv(data + ridge)
    blur = through @ doubt @ through
    own = np.linalg.inv(start.prior(belief) + 1e-9 * np.eye(size))
    alike = np.eye(size) + 1.0
    trusted = np.r_[TRUST, np.full(len(SHIFTS) - 1, (1 - TRUST) / (len(SHIFTS) - 1))]
    priors = [own + spread**2 * alike for spread in SHIFTS]
    noise = rng.standard_normal((DRAWS, size))
    centres = [_centre(start, prior, noise, shares) for prior in priors]
    wholes = [_Normal(centre, prior + blur) for centre, prior in zip(centres, priors, strict=True)]

    def weighed(logs: Array) -> Array:
        return np.asarray(np.log(trusted)[:, None] + np.stack([whole.log_density(logs) for whole in wholes]))

    here = _information(shares(basis.log_odds[None])[0], left, free, fixed, weights, first)
    typical = np.linalg.inv(here + np.linalg.inv(own + alike + blur))
    chains = 2 * max(24, 2 * size)
    begin = basis.log_odds.clip(-30, 30) + _Normal(np.zeros(size), typical).draw(rng, chains)
    shown = _chains(lambda logs: log_likelihood(logs) + np.logaddexp.reduce(weighed(logs), axis=0), begin, rng)
    odds = weighed(shown)
    odds = np.exp(odds - odds.max(axis=0)).cumsum(axis=0)
    which = (odds < rng.random(len(shown)) * odds[-1]).sum(axis=0)
    logs = shown.copy()
    for place, (centre, prior) in enumerate(zip(centres, priors, strict=True)):
        chosen = np.flatnonzero(which == place)
        gain = prior @ np.linalg.inv(prior + blur)
        rest = _Normal(np.zeros(size), prior - gain @ prior)
        logs[chosen] = centre + (shown[chosen] - centre) @ gain.T + rest.draw(rng, len(chosen))
    tried = rng.choice(len(SHIFTS), DRAWS, p=trusted)
    wide = np.empty_like(noise)
    for place, (centre, prior) in enumerate(zip(centres, priors, strict=True)):
        chosen = tried == place
        wide[chosen] = centre + noise[chosen] @ _Normal(centre, prior).root.T
    middle = shares(logs).mean(axis=0)
    told = _information(middle, left, free, fixed, weights, first)
    told = told @ np.linalg.inv(told + doubt + 1e-9 * np.eye(size)) @ told
    slope = np.diag(middle) - np.outer(middle, middle)
    slope = slope[:, basis.kept]
    alone = slope @ np.linalg.inv(told + ridge) @ slope.T
    return Shares(shares(logs), SHIFTS[which], shares(wide).var(axis=0), alone)


def _information(share: Array, left: float, free: Array, fixed: Array, weights: Array, first: int) -> Array:
    """Information of the patients about the log-odds, from the outer products of their slopes."""
    posterior = left * share[:, None] * free / np.maximum(left * share @ free + fixed, 1e-300)
    slopes = np.delete(posterior - share[:, None] * posterior.sum(axis=0), first, axis=0)
    return np.asarray((slopes * weights) @ slopes.T)


def _centre(start: Basis, prior: Array, noise: Array, shares: Callable[[Array], Array]) -> Array:
    """Where the log-odds of a prior lie in the middle, so that the mean of its shares is the parent's."""
    wanted = np.log(np.maximum(shares(start.log_odds[None])[0], 1e-300))
    centre = start.log_odds
    first = int(np.setdiff1d(np.arange(len(wanted)), start.kept)[0])
    spread = noise @ _Normal(centre, prior).root.T
    for _ in range(100):
        step = wanted - np.log(np.maximum(shares(centre + spread).mean(axis=0), 1e-300))
        step = (step - step[first])[start.kept]
        centre = centre + step
        if np.abs(step).max() < 1e-4:
            break
    return np.asarray(centre)


class _Normal:
    """A multivariate normal distribution."""

    def __init__(self, centre: Array, covariance: Array) -> None:
        sizes, directions = np.linalg.eigh((covariance + covariance.T) / 2)
        sizes = np.maximum(sizes, 1e-12 * max(1.0, float(sizes[-1])))
        self.centre, self.root, self.inverse = centre, directions * np.sqrt(sizes), directions / np.sqrt(sizes)
        self.constant = float(np.log(sizes).sum() / 2)

    def log_density(self, at: Array) -> Array:
        """Up to a constant of the dimension, shape (n,)."""
        return np.asarray(-(((at - self.centre) @ self.inverse) ** 2).sum(axis=1) / 2 - self.constant)

    def draw(self, rng: np.random.Generator, many: int) -> Array:
        return np.asarray(self.centre + rng.standard_normal((many, len(self.centre))) @ self.root.T)


def _chains(log_target: Callable[[Array], Array], begin: Array, rng: np.random.Generator) -> Array:
    """Draws of all chains; each half of them steps along differences of the other half."""
    here, height = begin.copy(), log_target(begin)
    half, size = len(begin) // 2, begin.shape[1]
    kept = []
    for step in range(STEPS):
        scale = 1.0 if step % 10 == 0 else 2.38 / np.sqrt(2 * size)
        for own, other in ((np.arange(half), np.arange(half, 2 * half)), (np.arange(half, 2 * half), np.arange(half))):
            one = rng.integers(half, size=half)
            two = (one + rng.integers(1, half, size=half)) % half
            new = here[own] + scale * (here[other[one]] - here[other[two]]) + rng.normal(0, 1e-4, (half, size))
            found = log_target(new)
            taken = np.log(rng.random(half)) < found - height[own]
            here[own[taken]], height[own[taken]] = new[taken], found[taken]
        if step >= STEPS // 2 and step % THINNED == 0:
            kept.append(here.copy())
    return np.concatenate(kept)
