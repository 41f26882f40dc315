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
(Christiansen, Morris 1997). Where a distribution has more than two states, one gamma stands for all of them.

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

from bayesdx.errors import LearningError
from bayesdx.evaluation.dataset import Cohort
from bayesdx.knowledge.model import Model
from bayesdx.learning.belief import Belief
from bayesdx.learning.intervals import HALF, interval
from bayesdx.learning.version import Key, Learned
from bayesdx.network.parameters import parameters

Array = NDArray[np.float64]

LEAST_PATIENTS = 2.0
"""Effective patients from which a site has a say in how much sites differ."""

FAINT_PRIOR = 0.01
"""Patients that the common estimate is worth while a site is looked at alone, so that what it never saw stays put."""

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
    mean, mean_size : ndarray, shape (n_cells,), (n_distributions,)
        Common mean, and the patients that its uncertainty is worth.
    spread : ndarray, shape (n_distributions,)
        gamma, 0 to 1.
    value, size : ndarray, shape (n_sites, n_cells)
        Number of each site, and the patients that its uncertainty is worth.
    shrinkage : ndarray, shape (n_sites, n_distributions)
        Weight of the common mean in it.
    prior : ndarray, shape (n_cells,)
        Patients that the common mean is worth in each state.
    """

    mean: Array
    mean_size: Array
    spread: Array
    value: Array
    size: Array
    shrinkage: Array
    prior: Array


def populations_of(model: Model, cohort: Cohort, population: str | None = None) -> dict[str, str]:
    """Site to name of its population, in the order of the names; ``population`` is one that the version gets besides.

    Raises
    ------
    LearningError
        One site only, or two names that would be one.
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
        if name in taken:
            raise LearningError(f"site: {site!r} would be the population {name}, which is {taken[name]}.")
        names[site], taken[name] = name, f"site {site!r} already"
    return names


def site_belief(model: Model, belief: Belief, values: Array) -> Belief | None:
    """The distributions that each population has of its own, faintly believed to be as they are in all patients."""
    numbers = parameters(model)
    first = [numbers[row.parameters[0]] for row in belief.distributions]
    own = [place for place, number in enumerate(first) if number.file == "priors.csv" or _own_table(model, number.key)]
    if not own:
        return None
    kept = np.isin(belief.row, own)
    rows = np.searchsorted(own, belief.row[kept])
    left = belief.left[own]
    alpha = FAINT_PRIOR * values[belief.cells[kept]] / left[rows]
    chosen = tuple(belief.distributions[place] for place in own)
    return Belief(chosen, belief.cells[kept], rows, alpha, left)


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
    parent_size : ndarray, shape (n_distributions,)
        Patients that these are worth.
    sites : sequence of Alone
    """
    n_sites, n_rows, n_cells = len(sites), len(belief.left), len(belief.cells)
    mean, prior = np.zeros(n_cells), np.zeros(n_cells)
    mean_size, spread = np.zeros(n_rows), np.zeros(n_rows)
    value, size, shrinkage = np.zeros((n_sites, n_cells)), np.zeros((n_sites, n_cells)), np.zeros((n_sites, n_rows))
    shares = np.stack([site.share for site in sites])
    patients = np.stack([site.patients for site in sites])
    for row in range(n_rows):
        cells = np.flatnonzero(belief.row == row)
        p, n = shares[:, cells], patients[:, row]
        heard = n >= LEAST_PATIENTS
        gamma = between(p[heard], n[heard])
        best = _shrunk(p, n, parent[cells], float(parent_size[row]), gamma)
        variance = np.zeros_like(p)
        for weight, other in _plausible(p, n, heard, parent[cells], float(parent_size[row])):
            variance += weight * (other.variance + (other.value - best.value) ** 2)
        certain = best.value * (1 - best.value)
        worth = np.divide(certain, variance, out=np.full_like(p, best.total), where=variance > 0)
        mean[cells], mean_size[row], spread[row] = best.mean, best.total, gamma
        prior[cells] = min(best.m, 1e9) * best.mean
        value[:, cells], size[:, cells], shrinkage[:, row] = best.value, np.maximum(worth - 1, FAINT_PRIOR), best.weight
    return Pooled(mean, mean_size, spread, value, size, shrinkage, prior)


@dataclass(frozen=True, eq=False)
class _Shrunk:
    """One distribution of all sites for one gamma."""

    m: float
    total: float
    mean: Array
    weight: Array
    value: Array
    variance: Array


def _shrunk(p: Array, n: Array, parent: Array, parent_size: float, gamma: float) -> _Shrunk:
    own, of_parent = _worth(n, gamma), float(_worth(np.array(parent_size), gamma))
    total = max(float(own.sum()) + of_parent, FAINT_PRIOR)
    common = own @ p + of_parent * parent
    common = common / common.sum() if common.sum() > 0 else parent
    m = (1 - gamma) / gamma if gamma > 0 else float("inf")
    weight = np.ones(len(n)) if np.isinf(m) else np.divide(m, m + n, out=np.ones(len(n)), where=m + n > 0)
    value = weight[:, None] * common + (1 - weight[:, None]) * p
    variance = value * (1 - value) / (m + n[:, None] + 1) + weight[:, None] ** 2 * common * (1 - common) / (total + 1)
    return _Shrunk(m, total, common, weight, value, variance)


def _plausible(
    p: Array, n: Array, heard: NDArray[np.bool_], parent: Array, parent_size: float
) -> list[tuple[float, _Shrunk]]:
    """Every gamma of a grid with its posterior weight: Dirichlet-multinomial likelihood, uniform shrinkage."""
    from scipy.special import gammaln

    known, seen = n[heard], p[heard] * n[heard, None]
    typical = len(known) / float((1 / known).sum()) if len(known) else 1.0
    shrinkage = (np.arange(GRID) + 0.5) / GRID
    logs, found = np.zeros(GRID), []
    for place, m in enumerate(typical * shrinkage / (1 - shrinkage)):
        result = _shrunk(p, n, parent, parent_size, 1 / (1 + m))
        alpha = np.maximum(m * result.mean, 1e-9)
        of_sites = (gammaln(alpha + seen) - gammaln(alpha)).sum(axis=1) + gammaln(m) - gammaln(m + known)
        logs[place] = of_sites.sum()
        found.append(result)
    weights = np.exp(logs - logs.max())
    return list(zip((weights / weights.sum()).tolist(), found, strict=True))


def _worth(patients: Array, gamma: float) -> Array:
    """Independent patients that a site's patients are worth for the common mean."""
    return np.asarray(patients / np.maximum(1 + gamma * (patients - 1), 1e-12))


def tabulate(
    model: Model, belief: Belief, names: Mapping[str, str], alone: Sequence[Alone], pooled: Pooled
) -> tuple[pd.DataFrame, dict[str, dict[Key, Learned]], dict[Key, Learned]]:
    """A row per site and number; the learned numbers of each population; those of the common mean."""
    numbers = parameters(model)
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
            own = max(0.0, HALF - float(pooled.prior[cell]))
            others = max(0.0, HALF - float(belief.sums(pooled.prior)[place] - pooled.prior[cell]))
            ends = interval(mean, float(pooled.mean_size[place]), left, HALF, HALF)
            common[number.file, number.key] = Learned(mean, *ends, sum(patients))
            for place_of_site, (site, name) in enumerate(names.items()):
                value = left * float(pooled.value[place_of_site, cell])
                ends = interval(value, float(pooled.size[place_of_site, cell]), left, own, others)
                learned[name][number.file, number.key] = Learned(value, *ends, patients[place_of_site])
                spread = float(np.sqrt(pooled.spread[place] * pooled.mean[cell] * (1 - pooled.mean[cell])))
                key = ", ".join(part for part in number.key if part)
                first = [site, name, number.file, key, number.label, left * float(alone[place_of_site].share[cell])]
                second = [mean, value, *ends, patients[place_of_site]]
                rows.append([*first, *second, float(pooled.shrinkage[place_of_site, place]), left * spread])
    return pd.DataFrame(rows, columns=COLUMNS), learned, common


def _states(belief: Belief) -> list[tuple[int, int]]:
    return [(place, state) for place, row in enumerate(belief.distributions) for state in row.free]


def at_site(cohort: Cohort, site: str) -> Cohort:
    """The patients of one site."""
    return replace(cohort.take(np.array([name == site for name in cohort.sites])), sites=())
