r"""Prior shift: which numbers shift with the case mix, and how far the likelihoods can be believed once they have.

Findings alone say how common causes are only as far as the likelihoods hold in these patients. Three things are asked
of them, all valid where tests were ordered because of what was found (missing at random given what was observed: Rubin
1976), since each compares a patient's cells with what the model says of this patient, everything observed considered.

*Do the findings occur as the model says?* For a finding j in state s the score of its frequency is

.. math:: u_i = 1[x_{ij} = s] - E[P(x_j = s \mid \text{parents}) \mid y_i],

whose sum has mean 0 at the right likelihoods. What the shifted priors can explain is projected out; its variance is the
empirical one or the model's, whichever is larger, plus what the parent's own intervals allow the likelihoods to differ
(``misfit``). Each finding that
differs by more is graded by how far it moves the mix of causes.

*How sure may the priors be?* They inherit the uncertainty of the likelihoods, through the information that both share,
and more of it where findings differ more than the parent's intervals allow.

*Are the findings as independent as the model says?* For one exclusive cause, the log likelihood ratios of a patient's
findings, added up, vary within a class by so much under the model. Where they vary d times as much, the evidence counts
d times too much: a temperature of d (``dispersion``). Labelled patients of the source say so directly
(``recalibrated``: bias-corrected temperature scaling).

References: M. Saerens, P. Latinne, C. Decaestecker (2002), Neural Computation 14; D. Rubin (1976), "Inference and
missing data", Biometrika 63; J. Hausman (1978), "Specification tests in econometrics", Econometrica 46; A. Alexandari,
A. Kundaje, A. Shrikumar (2020), "Maximum likelihood with bias-corrected calibration is hard-to-beat at label shift
adaptation", ICML.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.inference import Engine
from bayesdx.knowledge.model import Model
from bayesdx.learning.belief import Belief
from bayesdx.learning.expected import Expectation, Totals, expectation
from bayesdx.learning.information import FEW_ROWS, Basis
from bayesdx.learning.layout import Layout
from bayesdx.learning.patients import Patients
from bayesdx.learning.statistics import holm
from bayesdx.network import Network, Table

Array = NDArray[np.float64]
Index = NDArray[np.intp]

MOST_ROWS = 5_000
"""Different rows that the likelihoods are checked with; more are represented by a random part of them."""

VAGUEST = 9.0
"""Variance of a log-odds that the parent may leave to a likelihood at most."""

LEAST_LEFT = 0.02
"""Part of a score's variance that counts as left once the priors have explained what they can: where they can explain
nearly all, nothing is tested."""

NOTICEABLE = 0.01
"""Change of a cause's share from which a finding that differs is worth a warning."""

SEVERAL = 0.25
"""Part of the findings whose difference at once is worth a warning, though the shares do not depend on it."""

TOO_FAR = 0.2
"""Change of a cause's share once all findings that differ are left out, from which the shifted priors are refused."""

HOTTEST = 4.0
"""Temperature from which they are refused: three quarters of the evidence are repetition."""

CERTAIN = 2.0
"""Standard errors by which the findings have to vary too much before they are cooled."""

COLUMNS = ["finding", "state", "observed", "expected", "patients", "z", "p", "adjusted_p", "effect"]


def case_mix(model: Model, network: Network) -> list[str]:
    """Contexts, causes, and what brings causes about: a mechanism above a cause says who comes, not how it shows."""
    above = set(model.causes)
    for node in reversed(network.nodes):
        if node.name in above:
            above.update(node.parents)
    return [v.variable for v in model.variables if v.kind in ("context", "cause") or v.variable in above]


def exclusive_cause(model: Model, network: Network) -> str | None:
    """The one cause of a model whose states exclude each other and whose prior depends on nothing; None elsewhere."""
    mix = case_mix(model, network)
    alone = len(mix) == 1 and not network[mix[0]].parents and isinstance(network[mix[0]].cpd, Table)
    return mix[0] if alone else None


@dataclass(frozen=True, eq=False)
class Misfit:
    """How far the likelihoods differ in some patients.

    Parameters
    ----------
    table : DataFrame
        Columns: finding, state, observed (share among those examined), expected (of the same patients), patients, z, p
        (two-sided, normal), adjusted_p (Holm), effect (largest change of a cause's share if this finding were believed
        to differ so).
    together : float
        The same change by all findings that differ (adjusted p below 0.05), to first order.
    narrower : ndarray in (0, 1], shape (n_cells,)
        What remains of the equivalent sample size of each prior once likelihoods are uncertain.
    excess : float, at least 1
        How many times as far as the parent's intervals allow the findings differ (mean square of z).
    """

    table: pd.DataFrame
    together: float
    narrower: Array
    excess: float


def misfit(
    model: Model,
    layout: Layout,
    mix: Belief,
    effects: Belief | None,
    patients: Patients,
    values: Array,
    counts: Array,
    seed: int,
) -> Misfit:
    """Check likelihoods against patients without labels.

    Parameters
    ----------
    model : Model
    layout : Layout
    mix : Belief
        Of the priors that shifted.
    effects : Belief or None
        What the parent says of the likelihoods; None where all of them are constants.
    patients : Patients
    values, counts : ndarray, shape (layout.size,)
        With the shifted priors, and the expected counts under them.
    seed : int
    """
    network = layout.network_with(values)
    rows, weight = _representative(patients, seed)
    tested = [(name, state) for name in model.findings for state in range(1, len(network[name].states))]
    places, s_mix, s_tilt, s_effect = [], [], [], []
    kept = _kept(effects) if effects is not None else np.zeros(0, dtype=np.intp)
    for part, found in expectation(layout, patients).cases(network, rows):
        places.append(part)
        s_mix.append(_scores(mix, found, values))
        s_tilt.append(np.concatenate([_tilts(layout, name, found, values) for name in model.findings], axis=1))
        s_effect.append(_scores(effects, found, values)[:, kept] if effects is not None else np.zeros((len(found), 0)))
    mix_scores, tilts, effect_scores = (np.concatenate(parts) for parts in (s_mix, s_tilt, s_effect))
    order = np.argsort(np.concatenate(places))
    codes = patients.codes[rows]
    mix_scores, tilts, effect_scores = mix_scores[order], tilts[order], effect_scores[order]
    basis = Basis(mix, values)
    mix_scores = mix_scores[:, basis.kept]
    weighted = mix_scores * weight[:, None]
    curvature = weighted.T @ mix_scores + basis.prior(mix)
    curvature += np.diag(np.full(len(curvature), 1e-9 + 1e-6 * np.trace(curvature) / max(len(curvature), 1)))
    of_mix = np.linalg.inv(curvature)
    rest = tilts - mix_scores @ (of_mix @ (weighted.T @ tilts))
    total = weight @ rest
    seen = weight @ tilts**2
    left = np.maximum(np.divide(weight @ rest**2, seen, out=np.ones_like(seen), where=seen > 0), LEAST_LEFT)
    own = left * np.maximum(seen, weight @ _modelled(codes, tilts, network, tested))
    variance = _variance(effects, kept, values) if effects is not None else np.zeros(0)
    shared = (rest * weight[:, None]).T @ effect_scores
    allowed = shared**2 @ variance
    spread = np.sqrt(np.maximum(own + allowed, 1e-300))
    z = np.where(own > 1e-9, total / spread, 0.0)
    p = np.array([math.erfc(abs(each) / math.sqrt(2)) for each in z])
    adjusted = holm(p)
    through = of_mix @ (weighted.T @ effect_scores)
    pull = (through * variance) @ shared.T / spread**2 * total
    expected = mix.sums(counts[mix.cells])
    effect = np.array([_moved(mix, basis, layout, values, expected, pull[:, place]) for place in range(len(tested))])
    odd = adjusted < 0.05
    together = _moved(mix, basis, layout, values, expected, pull[:, odd].sum(axis=1)) if odd.any() else 0.0
    excess = max(1.0, float(np.mean(z[own > 1e-9] ** 2))) if (own > 1e-9).any() else 1.0
    alone, whole = basis.variance(of_mix), basis.variance(of_mix + excess * (through * variance) @ through.T)
    narrower = np.divide(alone, whole, out=np.ones_like(whole), where=whole > 0)
    lines: list[list[object]] = []
    for place, (name, state) in enumerate(tested):
        cells = codes[:, network.index[name]]
        examined = float(weight[cells >= 0].sum())
        if examined:
            share = float(weight[cells == state].sum()) / examined
            modelled = share - float(weight @ tilts[:, place]) / examined
            said = [float(each[place]) for each in (z, p, adjusted, effect)]
            lines.append([name, network[name].states[state], share, modelled, examined, *said])
    return Misfit(pd.DataFrame(lines, columns=COLUMNS), together, np.clip(narrower, 1e-3, 1.0), excess)


def doubt_of_effects(
    layout: Layout,
    mix: Belief,
    effects: Belief | None,
    expected: Expectation,
    patients: Patients,
    values: Array,
    seed: int,
) -> Array:
    """Variance of the slopes of the log evidence in the log-odds of the mix that comes from uncertain likelihoods.

    Returns
    -------
    ndarray, shape (n_kept, n_kept)
        Of all states of ``mix`` but the first of each distribution, from a random part of the rows.
    """
    kept = Basis(mix, values).kept
    if effects is None:
        return np.zeros((len(kept), len(kept)))
    own = _kept(effects)
    rows, weight = _representative(patients, seed, FEW_ROWS)
    shared = np.zeros((len(kept), len(own)))
    for part, found in expected.cases(layout.network_with(values), rows):
        weighted = _scores(mix, found, values)[:, kept] * weight[np.searchsorted(rows, part), None]
        shared += weighted.T @ _scores(effects, found, values)[:, own]
    return np.asarray((shared * _variance(effects, own, values)) @ shared.T)


def _scores(belief: Belief, counts: Array, values: Array) -> Array:
    drawn = counts[:, belief.cells]
    total = np.zeros((len(drawn), len(belief.left)))
    np.add.at(total.T, belief.row, drawn.T)
    return np.asarray(drawn - values[belief.cells] / belief.left[belief.row] * total[:, belief.row])


def _tilts(layout: Layout, name: str, counts: Array, values: Array) -> Array:
    """Score of each state of a finding but the reference, over all its distributions, shape (n_rows, n_states - 1)."""
    position = layout.network.index[name]
    added = np.zeros((len(counts), len(layout.network.nodes[position].states)))
    for drawn, share in zip(layout.split(position, counts), layout.split(position, values), strict=True):
        flat = drawn.reshape(len(counts), -1, drawn.shape[-1])
        added += (flat - share.reshape(1, -1, share.shape[-1]) * flat.sum(axis=2, keepdims=True)).sum(axis=1)
    return added[:, 1:]


def _modelled(codes: NDArray[np.int32], tilts: Array, network: Network, tested: Sequence[tuple[str, int]]) -> Array:
    """Variance that the model gives each score, so that a rare state that no patient shows is no surprise."""
    variance = np.zeros_like(tilts)
    for place, (name, state) in enumerate(tested):
        cells = codes[:, network.index[name]]
        examined = cells >= 0
        chance = np.clip((cells == state) - tilts[:, place], 0.0, 1.0)[examined]
        variance[examined, place] = chance * (1 - chance)
    return variance


def _kept(belief: Belief) -> Index:
    """All states but the first of each distribution."""
    return np.flatnonzero(np.r_[False, belief.row[1:] == belief.row[:-1]])


def _variance(effects: Belief, kept: Index, values: Array) -> Array:
    """What the parent leaves open of the log-odds of each effect."""
    from scipy.special import polygamma

    share = values[effects.cells] / effects.left[effects.row]
    size = np.maximum(effects.prior_size, 1e-6)
    ends = [np.maximum(size * part, 1e-3) for part in (share, 1 - share)]
    return np.minimum(VAGUEST, polygamma(1, ends[0]) + polygamma(1, ends[1]))[kept]  # of the log-odds of a Beta


def share_change(mix: Belief, layout: Layout, values: Array, other: Array, expected: Array) -> float:
    """Largest difference of a state's share, over all patients, between two sets of numbers."""
    one, two = (each[mix.cells] / mix.left[mix.row] for each in (values, other))
    return _largest(mix, layout, expected, two - one)


def _moved(mix: Belief, basis: Basis, layout: Layout, values: Array, expected: Array, pull: Array) -> float:
    """Largest change of a state's share, over all patients, if its log-odds moved so."""
    logs = np.zeros(len(mix.cells))
    logs[basis.kept] = pull
    share = values[mix.cells] / mix.left[mix.row]
    moved = share * np.exp(np.clip(logs, -20.0, 20.0))
    moved = moved / mix.sums(moved)[mix.row]
    return _largest(mix, layout, expected, moved - share)


def _largest(mix: Belief, layout: Layout, expected: Array, difference: Array) -> float:
    node = np.array([layout.network.index[row.place.node] for row in mix.distributions])
    whole = np.bincount(node, weights=expected)[node]
    part = np.divide(expected, whole, out=np.zeros_like(whole), where=whole > 0)
    state = np.concatenate([row.free for row in mix.distributions])
    _, event = np.unique(np.stack([node[mix.row], state]), axis=1, return_inverse=True)
    change = np.bincount(event.reshape(-1), weights=part[mix.row] * mix.left[mix.row] * difference)
    return float(np.abs(change).max(initial=0.0))


@dataclass(frozen=True, eq=False)
class Tempered:
    """Expected counts of one exclusive cause from calibrated evidence; an ``Expectation``.

    Parameters
    ----------
    layout : Layout
    cause : str
    weights : ndarray, shape (n_rows,)
    evidence : ndarray, shape (n_rows, n_classes)
        Natural logarithm of each class's calibrated likelihood, up to a constant per row.
    temperature : float
        That the model's own evidence was divided by.
    """

    layout: Layout
    cause: str
    weights: Array
    evidence: Array
    temperature: float = 1.0

    def _posteriors(self, network: Network, rows: slice | Index) -> tuple[Array, Array]:
        with np.errstate(divide="ignore"):
            logs = self.evidence[rows] + np.log(network[self.cause].cpd.table())
        most = logs.max(axis=1, keepdims=True)
        added = most[:, 0] + np.log(np.exp(logs - most).sum(axis=1))
        return added, np.exp(logs - added[:, None])

    def totals(self, network: Network) -> Totals:
        """Over all patients."""
        logs, posterior = self._posteriors(network, slice(None))
        counts = np.zeros(self.layout.size)
        counts[self._columns()] = self.weights @ posterior
        return Totals(float(self.weights @ logs), counts)

    def cases(
        self, network: Network, rows: Index, names: Collection[str] | None = None
    ) -> Iterator[tuple[Index, Array]]:
        """Of some patients."""
        for start in range(0, len(rows), 1000):
            part = rows[start : start + 1000]
            counts = np.zeros((len(part), self.layout.size))
            counts[:, self._columns()] = self._posteriors(network, part)[1]
            yield part, counts

    def _columns(self) -> slice:
        position = self.layout.network.index[self.cause]
        return slice(*self.layout.starts[position : position + 2])


def log_likelihoods(network: Network, cause: str, patients: Patients) -> Array:
    """Ln P(findings | class) of every row up to a constant per row, shape (n_rows, n_classes)."""
    prior = network[cause].cpd.table()
    _, joint = Engine(network).joint(patients.evidence(), [cause])
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(joint.reshape(len(patients), -1)) - np.log(prior))


def as_it_is(layout: Layout, cause: str, patients: Patients) -> Tempered:
    """The evidence as the model has it."""
    return Tempered(layout, cause, patients.weights, log_likelihoods(layout.network, cause, patients))


def recalibrated(logs: Array, prior: Array, labels: Index, weights: Array) -> tuple[float, Array]:
    """Temperature and bias per class that make the posteriors of labelled patients fit best.

    Parameters
    ----------
    logs : ndarray, shape (n, n_classes)
        ln P(findings | class).
    prior : ndarray, shape (n_classes,)
        Shares of the classes in these patients.
    labels : ndarray of int, shape (n,)
    weights : ndarray, shape (n,)

    Returns
    -------
    (float, ndarray of shape (n_classes,))
        Calibrated evidence is ``logs / temperature + bias``.

    References
    ----------
    A. Alexandari, A. Kundaje, A. Shrikumar (2020), ICML.
    """
    from scipy.optimize import minimize

    posterior = np.log(np.maximum(prior, 1e-12)) + np.maximum(logs - logs.max(axis=1, keepdims=True), -700.0)

    def loss(free: Array) -> float:
        scaled = posterior * np.exp(free[0]) + np.r_[0.0, free[1:]]
        scaled -= scaled.max(axis=1, keepdims=True)
        chosen = scaled[np.arange(len(labels)), labels] - np.log(np.exp(scaled).sum(axis=1))
        return float(-(weights @ chosen) / weights.sum() + 1e-3 * (free**2).sum())

    best = minimize(loss, np.zeros(len(prior)), method="BFGS").x
    scale, bias = float(np.exp(best[0])), np.r_[0.0, best[1:]]
    # Shares of the source are divided out: what is left is evidence, to be combined with any prior.
    return 1 / scale, np.asarray(bias + (scale - 1) * np.log(np.maximum(prior, 1e-12)))


def dispersion(
    layout: Layout, cause: str, patients: Patients, values: Array, effects: Belief | None
) -> tuple[float, float]:
    """How much more the added evidence of a patient's findings varies within a class than the model says.

    Findings whose other parents were not observed are left out, as are states that a class excludes.

    Parameters
    ----------
    layout : Layout
    cause : str
    patients : Patients
    values : ndarray, shape (layout.size,)
        With the shares that the classes have in these patients.
    effects : Belief or None
        What the parent says of the likelihoods; None where all of them are constants.

    Returns
    -------
    (float, float)
        The ratio (1 where findings are as independent as the model says) and its standard error, what the parent
        leaves open of the likelihoods included.
    """
    network = layout.network_with(values)
    rows, weight = _representative(patients, 0)
    codes = patients.codes[rows]
    _, posterior = Engine(network).joint(Patients(codes, weight).evidence(), [cause])
    posterior = posterior.reshape(len(rows), -1)
    prior = weight @ posterior / patients.total
    n, k = posterior.shape
    added, expected = np.zeros((n, k, k)), np.zeros((n, k))
    for node in network.nodes:
        position = network.index[node.name]
        if cause not in node.parents or not isinstance(node.cpd, Table):
            continue
        others = [name for name in node.parents if name != cause]
        columns = codes[:, [network.index[name] for name in others]]
        used = np.flatnonzero((codes[:, position] >= 0) & (columns >= 0).all(axis=1))
        axes = [node.parents.index(name) for name in others]
        table = np.moveaxis(node.cpd.values, [*axes, node.parents.index(cause)], range(len(node.parents)))
        share = table[tuple(columns[used].T)] if others else np.broadcast_to(table, (len(used), *table.shape))
        logs = np.log(np.maximum(share, 1e-6))  # (n_used, class, state)
        logs = logs - np.einsum("c,ncs->ns", prior, logs)[:, None, :]
        mean = np.einsum("ncs,nds->ncd", share, logs)  # of class d's evidence within class c
        seen = np.take_along_axis(logs, codes[used, position][:, None, None], axis=2)[:, :, 0]
        added[used] += seen[:, None, :] - mean
        within = np.einsum("ncs,nds->ncd", share, logs**2) - mean**2
        expected[used] += within @ prior
    squares = np.einsum("nc,ncd,d->n", posterior, added**2, prior)
    model = np.einsum("nc,nc->n", posterior, expected)
    whole = float(weight @ model)
    if whole <= 0:
        return 1.0, np.inf
    ratio = float(weight @ squares) / whole
    off = squares - ratio * model
    variance = float(weight**2 @ off**2)
    if effects is not None:
        kept = _kept(effects)
        shared = np.zeros(len(kept))
        for part, found in expectation(layout, patients).cases(network, rows):
            place = np.searchsorted(rows, part)
            shared += (weight[place] * (squares - model)[place]) @ _scores(effects, found, values)[:, kept]
        variance += float(shared**2 @ _variance(effects, kept, values))
    return ratio, math.sqrt(variance) / whole


def _representative(patients: Patients, seed: int, most: int = MOST_ROWS) -> tuple[Index, Array]:
    """The rows that are looked at, and the patients that each stands for."""
    rows = np.arange(len(patients))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return rows, patients.weights[rows] * patients.total / float(patients.weights[rows].sum())
