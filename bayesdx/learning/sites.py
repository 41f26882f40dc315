r"""Partial pooling: each site its own population, drawn towards what the sites have in common.

Priors differ between sites; links, and tables without a population, hold for all of them and are learned from all
patients together. For one distribution let :math:`p_i` be its share at site i from that site's patients alone, worth
:math:`n_i` patients, and let the true shares of the sites be Beta (Dirichlet) with mean :math:`\mu` and size M. With
:math:`\gamma = 1 / (M + 1)`,

.. math:: \mathrm{var}\, p_i = \mu (1 - \mu) / h_i, \qquad h_i = n_i / (1 + \gamma (n_i - 1)),

:math:`\gamma` is found by moments (Kleinman 1973), between 0 (all sites alike: everything pooled) and 1 (nothing in
common: each on its own), and :math:`\mu` is the mean weighted with :math:`h_i`, the parent counting as one more site.
A site's number is the conjugate mean :math:`B_i \mu + (1 - B_i) p_i` with :math:`B_i = M / (M + n_i)`. Its variance is
that of the Beta plus what is not known of :math:`\mu`, averaged, with the square of how far the number would move,
over the gamma that are plausible: their likelihood (Griffiths 1973) times uniform shrinkage at a site of usual size
(Christiansen, Morris 1997).

Where a distribution has more than two states, one gamma stands for all of them. A state in which sites differ more or
less than that, by a likelihood ratio test at 1 %, is pooled by itself against all others, and these among each other:
sites whose common causes differ may still see an emergency equally often.

References: J. Kleinman (1973), "Proportions with extraneous variance: single and independent samples", JASA 68;
D. Griffiths (1973), "Maximum likelihood estimation for the beta-binomial distribution", Biometrics 29;
C. Christiansen, C. Morris (1997), "Hierarchical Poisson regression modeling", JASA 92.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import compiled
from bayesdx.errors import LearningError
from bayesdx.evaluation.dataset import Cohort
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import LONGEST_NAME, number_name
from bayesdx.learning.belief import Belief, dirichlet
from bayesdx.learning.moved_interval import HALF, interval
from bayesdx.learning.version import Key, Learned

Array = NDArray[np.float64]

MOST_ALIKE = 1e9
"""Size that stands for sites that are all alike."""

LEAST_PATIENTS = 2.0
"""Effective patients from which a site has a say in how much sites differ."""

FAINT_PRIOR = 0.01
"""Patients that the common estimate is worth while a site is looked at alone, so that what it never saw stays put."""

OWN_SPREAD = 6.63
"""Twice the log likelihood ratio from which a state has a gamma of its own (chi square, 1 %)."""

GRID = 40
"""Values of gamma that the uncertainty about it is summed over."""

COLUMNS = [
    "site",
    "population",
    "file",
    "row",
    "label",
    "alone",
    "pooled",
    "after",
    "lower",
    "upper",
    "effective_cases",
    "shrinkage",
    "between_sites",
]


@dataclass(frozen=True, eq=False)
class Alone:
    """What the patients of one site say by themselves of each distribution.

    Parameters
    ----------
    share : ndarray, shape (n_cells,)
        Of what the certain states leave.
    patients : ndarray, shape (n_distributions,)
        Effective patients behind it.
    """

    share: Array
    patients: Array


@dataclass(frozen=True, eq=False)
class Pooled:
    """Sites brought together.

    Parameters
    ----------
    mean, mean_size : ndarray, shape (n_cells,)
        Common mean, and the patients that its uncertainty is worth.
    spread : ndarray, shape (n_cells,)
        Standard deviation between sites.
    value, size : ndarray, shape (n_sites, n_cells)
        Number of each site, and the patients that its uncertainty is worth.
    shrinkage : ndarray, shape (n_sites, n_cells)
        Weight of the common mean in it.
    prior, others : ndarray, shape (n_cells,)
        Patients that the common mean is worth at the state, and at those it is pooled with.
    """

    mean: Array
    mean_size: Array
    spread: Array
    value: Array
    size: Array
    shrinkage: Array
    prior: Array
    others: Array


def populations_of(model: Model, cohort: Cohort, population: str | None = None) -> dict[str, str]:
    """Site to name of its population, in the order of the names; ``population`` is one that the version gets besides.

    Raises
    ------
    LearningError
        One site only, two names that would be one, or a name that is too long for one.
    """
    sites = sorted(set(cohort.sites))
    if len(sites) == 1:
        raise LearningError(f"site: every patient of {cohort.name} is from {sites[0]!r}; expected at least two sites.")
    names: dict[str, str] = {}
    taken = {known.name: "a population of the model already" for known in model.info.populations}
    if population is not None:
        taken.setdefault(population, "the new population")
    for site in sites:
        kept = re.sub(r"[^A-Za-z0-9_]", "_", site)
        name = kept if re.match(r"[A-Za-z]", kept) else f"site_{kept}"
        if len(name) > LONGEST_NAME:
            raise LearningError(
                f"site: {site[:20] + '...'!r} would be a population of {len(name)} characters; expected at most "
                f"{LONGEST_NAME}."
            )
        if name in taken:
            raise LearningError(f"site: {site!r} would be the population {name}, which is {taken[name]}.")
        names[site], taken[name] = name, f"site {site!r} already"
    return names


def site_belief(model: Model, belief: Belief, values: Array) -> Belief | None:
    """The distributions that each population has of its own, faintly believed to be as they are in all patients."""
    numbers = compiled(model).parameters
    first = [numbers[row.parameters[0]] for row in belief.distributions]
    own = [place for place, number in enumerate(first) if number.file == "priors.csv" or _own_table(model, number.key)]
    if not own:
        return None
    kept = np.isin(belief.row, own)
    rows = np.searchsorted(own, belief.row[kept])
    left = belief.left[own]
    alpha = FAINT_PRIOR * values[belief.cells[kept]] / left[rows]
    chosen = tuple(belief.distributions[place] for place in own)
    return dirichlet(chosen, belief.cells[kept], rows, belief.rank[kept], alpha, left)


def _own_table(model: Model, key: tuple[str, ...]) -> bool:
    return key[0] == model.population


def between(shares: Array, patients: Array) -> float:
    """How much the sites differ: gamma by moments, between 0 and 1.

    Parameters
    ----------
    shares : ndarray, shape (n_sites, n_states)
    patients : ndarray, shape (n_sites,), at least ``LEAST_PATIENTS``

    Examples
    --------
    >>> between(np.array([[0.2, 0.8], [0.2, 0.8]]), np.array([50.0, 80.0]))
    0.0
    >>> between(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1e6, 1e6]))
    1.0
    """
    gamma = 0.0
    if len(patients) < 2:
        return gamma
    for _ in range(100):
        weight = patients / (1 + gamma * (patients - 1))
        weight = weight / weight.sum()
        mean = weight @ shares
        scatter = float((weight @ (shares - mean) ** 2).sum())
        binomial = float((mean * (1 - mean)).sum())
        if binomial <= 0:
            return 0.0
        part = weight * (1 - weight)
        moved = (scatter / binomial - float((part / patients).sum())) / float((part * (1 - 1 / patients)).sum())
        moved = min(1.0, max(0.0, moved))
        if abs(moved - gamma) < 1e-10:
            break
        gamma = moved
    return moved


def pool(belief: Belief, parent: Array, parent_size: Array, sites: Sequence[Alone]) -> Pooled:
    """Shrink every site towards the common mean.

    Parameters
    ----------
    belief : Belief
        Of ``site_belief``.
    parent : ndarray, shape (n_cells,)
        Shares before.
    parent_size : ndarray, shape (n_cells,)
        Patients that each of these is worth.
    sites : sequence of Alone
    """
    shares = np.stack([site.share for site in sites])
    patients = np.stack([site.patients for site in sites])
    rows = [np.flatnonzero(belief.row == row) for row in range(len(belief.left))]
    blocks = [
        _pooled(shares[:, cells], patients[:, row], parent[cells], parent_size[cells]) for row, cells in enumerate(rows)
    ]
    back = np.argsort(np.concatenate(rows))

    def all_cells(name: str) -> Array:
        return np.concatenate([getattr(block, name) for block in blocks], axis=-1)[..., back]

    share, size = all_cells("share"), np.maximum(all_cells("size"), FAINT_PRIOR)
    spread = np.sqrt(all_cells("between"))
    weight, prior, others = (all_cells(name) for name in ("weight", "prior", "others"))
    return Pooled(share[0], size[0], spread, share[1:], size[1:], weight, prior, others)


@dataclass(frozen=True, eq=False)
class _Block:
    """Some states of a distribution; shape (1 + n_sites, n_states) where the common mean stands before the sites."""

    share: Array
    variance: Array
    between: Array
    weight: Array
    prior: Array
    others: Array
    total: Array

    @property
    def size(self) -> Array:
        """Patients of the Beta with this mean and variance; those behind the common mean where there is no variance."""
        certain = self.share * (1 - self.share)
        fallback = np.broadcast_to(self.total + 1, self.share.shape).copy()
        return np.divide(certain, self.variance, out=fallback, where=self.variance > 0) - 1


def _pooled(p: Array, n: Array, parent: Array, parent_size: Array) -> _Block:
    """All states together; one in which sites differ otherwise is pooled against the others, and these alone."""
    common = _spread(p, n, parent, float(parent @ parent_size))
    together = _block(p, n, parent, float(parent @ parent_size), common)
    if p.shape[1] == 2:
        return together
    pairs = [_one_and_others(p, parent, state) for state in range(p.shape[1])]
    alone = [_spread(pair[0], n, pair[1], float(size)) for pair, size in zip(pairs, parent_size, strict=True)]
    gains = [
        _log_likelihood(pair[0], n, pair[1], float(size), own.m)
        - _log_likelihood(pair[0], n, pair[1], float(size), common.m)
        for pair, size, own in zip(pairs, parent_size, alone, strict=True)
    ]
    state = int(np.argmax(gains))
    if 2 * gains[state] <= OWN_SPREAD:
        return together
    own = _block(pairs[state][0], n, pairs[state][1], float(parent_size[state]), alone[state])
    kept = np.arange(p.shape[1]) != state
    left = p[:, kept].sum(axis=1)
    before = parent[kept] / parent[kept].sum()
    of_left = np.divide(p[:, kept], left[:, None], out=np.tile(before, (len(p), 1)), where=left[:, None] > 0)
    return _beside(state, own, _pooled(of_left, n * left, before, parent_size[kept] * parent[kept].sum()))


def _one_and_others(p: Array, parent: Array, state: int) -> tuple[Array, Array]:
    return np.stack([p[:, state], 1 - p[:, state]], axis=1), np.array([parent[state], 1 - parent[state]])


def _beside(state: int, own: _Block, rest: _Block) -> _Block:
    """One state, and the others as shares of what it leaves."""
    left, unsure = own.share[:, 1:], own.variance[:, 1:]
    share = left * rest.share
    variance = left**2 * rest.variance + rest.share**2 * unsure
    between = left[0] ** 2 * rest.between + rest.share[0] ** 2 * own.between[1]

    def both(first: Array, others: Array) -> Array:
        return np.insert(others, state, first, axis=-1)

    return _Block(
        both(own.share[:, 0], share),
        both(own.variance[:, 0], variance),
        both(own.between[0], between),
        both(own.weight[:, 0], rest.weight),
        both(own.prior[0], rest.prior),
        both(own.others[0], rest.others),
        both(own.total[0], rest.total),
    )


@dataclass(frozen=True, eq=False)
class _Spread:
    """How much sites differ: the best size M, and every plausible one with its posterior weight."""

    m: float
    sizes: Array
    weights: Array


def _spread(p: Array, n: Array, parent: Array, parent_size: float) -> _Spread:
    """Gamma by moments; on a grid of uniform shrinkage, its Dirichlet-multinomial likelihood."""
    heard = n >= LEAST_PATIENTS
    gamma = between(p[heard], n[heard])
    m = (1 - gamma) / gamma if gamma > 0 else float("inf")
    typical = heard.sum() / float((1 / n[heard]).sum()) if heard.any() else 1.0
    shrinkage = (np.arange(GRID) + 0.5) / GRID
    sizes = typical * shrinkage / (1 - shrinkage)
    logs = np.array([_log_likelihood(p, n, parent, parent_size, size) for size in sizes])
    weights = np.exp(logs - logs.max())
    return _Spread(m, sizes, weights / weights.sum())


def _log_likelihood(p: Array, n: Array, parent: Array, parent_size: float, m: float) -> float:
    """Of what was seen at the sites that have a say, if their shares have this size around their best common mean."""
    from scipy.special import gammaln

    heard, m = n >= LEAST_PATIENTS, min(m, MOST_ALIKE)
    seen = p[heard] * n[heard, None]
    alpha = np.maximum(m * _shrunk(p, n, parent, parent_size, m).mean, 1e-9)
    each = (gammaln(alpha + seen) - gammaln(alpha)).sum(axis=1) + gammaln(m) - gammaln(m + n[heard])
    return float(each.sum())


def _block(p: Array, n: Array, parent: Array, parent_size: float, spread: _Spread) -> _Block:
    best = _shrunk(p, n, parent, parent_size, spread.m)
    variance = np.zeros_like(p)
    for weight, size in zip(spread.weights, spread.sizes, strict=True):
        other = _shrunk(p, n, parent, parent_size, float(size))
        variance += weight * (other.variance + (other.value - best.value) ** 2)
    certain = best.mean * (1 - best.mean)
    prior = min(spread.m, MOST_ALIKE) * best.mean
    return _Block(
        np.vstack([best.mean, best.value]),
        np.vstack([certain / (best.total + 1), variance]),
        certain / (spread.m + 1),
        np.repeat(best.weight[:, None], p.shape[1], axis=1),
        prior,
        prior.sum() - prior,
        np.full(p.shape[1], best.total),
    )


@dataclass(frozen=True, eq=False)
class _Shrunk:
    """One distribution of all sites for one size M."""

    total: float
    mean: Array
    weight: Array
    value: Array
    variance: Array


def _shrunk(p: Array, n: Array, parent: Array, parent_size: float, m: float) -> _Shrunk:
    gamma = 1 / (1 + m)
    own, of_parent = _worth(n, gamma), float(_worth(np.array(parent_size), gamma))
    total = max(float(own.sum()) + of_parent, FAINT_PRIOR)
    common = own @ p + of_parent * parent
    common = common / common.sum() if common.sum() > 0 else parent
    weight = np.ones(len(n)) if np.isinf(m) else np.divide(m, m + n, out=np.ones(len(n)), where=m + n > 0)
    value = weight[:, None] * common + (1 - weight[:, None]) * p
    variance = value * (1 - value) / (m + n[:, None] + 1) + weight[:, None] ** 2 * common * (1 - common) / (total + 1)
    return _Shrunk(total, common, weight, value, variance)


def _worth(patients: Array, gamma: float) -> Array:
    """Independent patients that a site's patients are worth for the common mean."""
    return np.asarray(patients / np.maximum(1 + gamma * (patients - 1), 1e-12))


def tabulate(
    model: Model, belief: Belief, names: Mapping[str, str], alone: Sequence[Alone], pooled: Pooled
) -> tuple[pd.DataFrame, dict[str, dict[Key, Learned]], dict[Key, Learned]]:
    """A row per site and number; the learned numbers of each population; those of the common mean."""
    numbers = compiled(model).parameters
    places = {(row, state): cell for cell, (row, state) in enumerate(_states(belief))}
    rows: list[list[object]] = []
    learned: dict[str, dict[Key, Learned]] = {name: {} for name in names.values()}
    common: dict[Key, Learned] = {}
    for place, distribution in enumerate(belief.distributions):
        left = float(belief.left[place])
        patients = [float(site.patients[place]) for site in alone]
        for position in distribution.parameters:
            number = numbers[position]
            cell = places.get((place, number.state))
            if cell is None or not any(patients):
                continue
            mean = left * float(pooled.mean[cell])
            own, others = (max(0.0, HALF - float(worth[cell])) for worth in (pooled.prior, pooled.others))
            ends = interval(mean, float(pooled.mean_size[cell]), left, HALF, HALF)
            common[number.file, number.key] = Learned(mean, *ends, sum(patients))
            for place_of_site, (site, name) in enumerate(names.items()):
                value = left * float(pooled.value[place_of_site, cell])
                ends = interval(value, float(pooled.size[place_of_site, cell]), left, own, others)
                learned[name][number.file, number.key] = Learned(value, *ends, patients[place_of_site])
                key = number_name(number.key)
                first = [site, name, number.file, key, number.label, left * float(alone[place_of_site].share[cell])]
                second = [mean, value, *ends, patients[place_of_site]]
                rows.append(
                    [*first, *second, float(pooled.shrinkage[place_of_site, cell]), left * float(pooled.spread[cell])]
                )
    return pd.DataFrame(rows, columns=COLUMNS), learned, common


def _states(belief: Belief) -> list[tuple[int, int]]:
    return [(place, state) for place, row in enumerate(belief.distributions) for state in row.free]


def at_site(cohort: Cohort, site: str) -> Cohort:
    """The patients of one site."""
    return replace(cohort.take(np.array([name == site for name in cohort.sites])), sites=())
