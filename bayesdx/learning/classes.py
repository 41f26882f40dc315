r"""Findings given one exclusive cause: tables from counts, and which of several ways to make them predicts best.

A naive model takes findings as independent given the class, a tree gives each one more parent among the findings. Both
count the same evidence several times where findings go together, and are too sure. So their tables are tempered,

.. math:: P_T(x \mid c) \propto P(x) \left( \frac{P(x \mid c)}{P(x)} \right)^{1/T},

with P(x) the share in all classes together and one temperature T for all findings: likelihood ratios shrink, how
frequent a finding is in all stays, and so does the prior. The result is an ordinary model. Structure, meaning of a
missing cell, smoothing and temperature are those of the least cross-validated log loss.

References: N. Friedman, D. Geiger, M. Goldszmidt (1997), "Bayesian network classifiers", Machine Learning 29; C. Guo et
al. (2017), "On calibration of modern neural networks", ICML (temperature scaling); B. Cestnik (1990), "Estimating
probabilities: a crucial task in machine learning", ECAI (smoothing towards the shares of all classes together).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesdx.knowledge.reading import MOST_BIAS
from bayesdx.learning.cutting import cut_all, rising
from bayesdx.learning.folds import folds

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

TREE_WEIGHTS = (20.0, 5.0)
"""Patients that a table given one parent is worth when a second parent divides it."""

POOLED = "pooled"
POOLED_PATIENTS = 2.0
"""Smoothing by the shares of all classes together, and patients that these are worth in each class."""

SMOOTHINGS: tuple[float | str, ...] = (1.0, POOLED)

HOTTEST = 2.0**16
LEVEL = 1e-4
"""A temperature is not sought beyond the first, nor where doubling it gains less log loss than the second."""

FOLDS = 5
LEAST_ROWS = 30
"""Patients in all from which cross-validation chooses anything; of two classes there must be one in every fold."""

UNTOLD = 0.25
LEAST = 1e-12
"""Patients whose findings say nothing of their class, as if seen besides: few rows without a mistake are no proof. What
is less probable than the least surprises as much as that."""


@dataclass(frozen=True, eq=False)
class Tables:
    """Distributions of every finding given the class, their cells one after the other.

    Parameters
    ----------
    prior : ndarray, shape (n_classes,)
        Patients of each class.
    cards : ndarray of int, shape (n_findings,)
        States of each finding.
    parents : dict of int to int
        The second parent of a finding, both by place.
    shares : ndarray, shape (n_classes, n_cells)
        Of all findings without a second parent; then of those that have one, a distribution for each of its states.
    patients : ndarray, shape (n_classes, n_distributions)
        Behind each distribution.
    """

    prior: Array
    cards: Codes
    parents: dict[int, int]
    shares: Array
    patients: Array

    @cached_property
    def sizes(self) -> Codes:
        """Cells of each distribution."""
        return _sizes(self.cards, self.parents)

    def rows(self) -> list[tuple[Array, Array]]:
        """Shares and patients of each finding, with its second parent where it has one.

        Their shapes are (n_classes, n_states) and (n_classes,), or with an axis of the parent's states after the first.
        """
        many, first = len(self.prior), len(self.cards)
        found, start = [], int(self.cards.sum())
        for place, (end, card) in enumerate(zip(self.cards.cumsum(), self.cards, strict=True)):
            found.append((self.shares[:, end - card : end], self.patients[:, place]))
        for place, parent in self.parents.items():
            card, other = self.cards[place], self.cards[parent]
            shares = self.shares[:, start : start + card * other].reshape(many, other, card)
            found[place] = (shares, self.patients[:, first : first + other])
            start, first = start + card * other, first + other
        return found

    def tempered(self, temperature: float) -> Tables:
        """The same findings, less sure of the class: likelihood ratios to the power of 1 / temperature.

        Examples
        --------
        >>> shares, patients = np.array([[0.9, 0.1], [0.1, 0.9]]), np.full((2, 1), 10.0)
        >>> made = Tables(np.array([10.0, 10.0]), np.array([2]), {}, shares, patients)
        >>> made.tempered(2.0).shares.round(2)
        array([[0.75, 0.25],
               [0.25, 0.75]])
        """
        if temperature == 1.0:
            return self
        logs, log_pool = self._lifts((temperature,))
        return replace(self, shares=np.exp(logs[0] + log_pool))

    def log_posteriors(self, cells: csr_array, temperatures: Sequence[float] = (1.0,)) -> Array:
        """Ln P(class | findings) at each temperature, shape (n_temperatures, n_rows, n_classes); ``cells`` are ours.

        What all classes together say of a finding, it says of every class, and so of none.
        """
        logs = self._lifts(temperatures)[0].transpose(2, 0, 1)
        found = (cells @ logs.reshape(len(logs), -1)).reshape(-1, *logs.shape[1:]).swapaxes(0, 1)
        found += np.log(np.maximum(self.prior, LEAST) / self.prior.sum())
        found -= found.max(axis=2, keepdims=True)
        return np.asarray(found - np.log(np.exp(found).sum(axis=2, keepdims=True)))

    def cells(self, codes: Codes) -> csr_array:
        """Which cells the findings of each patient are, shape (n_rows, n_cells); -1 says nothing."""
        from scipy.sparse import csr_array

        linked, others = list(self.parents), list(self.parents.values())
        begins = np.cumsum([0, *self.cards, *self.cards[linked] * self.cards[others]])
        place = begins[: len(self.cards)] + codes
        within = begins[len(self.cards) : -1] + codes[:, others] * self.cards[linked] + codes[:, linked]
        place[:, linked] = np.where(codes[:, others] >= 0, within, place[:, linked])
        seen = codes >= 0
        ends = np.r_[0, np.cumsum(seen.sum(axis=1))]
        return csr_array((np.ones(ends[-1]), place[seen], ends), shape=(len(codes), begins[-1]))

    def _lifts(self, temperatures: Sequence[float]) -> tuple[Array, Array]:
        """Ln of the tempered shares over those of all classes together, shape (n_temperatures, n_classes, n_cells).

        And ln of the latter, shape (n_cells,). Findings without a second parent weigh the classes as they are frequent.
        """
        behind = self.patients.copy()
        behind[:, : len(self.cards)] = self.prior[:, None]
        weight = np.repeat(behind / behind.sum(axis=0), self.sizes, axis=1)
        log_pool = np.log((self.shares * weight).sum(axis=0))
        cooler = (np.log(self.shares) - log_pool) / np.asarray(temperatures)[:, None, None]
        whole = np.log(np.add.reduceat(np.exp(cooler + log_pool), np.cumsum(self.sizes) - self.sizes, axis=2))
        whole[np.asarray(temperatures) == 1.0] = 0.0
        return np.asarray(cooler - np.repeat(whole, self.sizes, axis=2)), log_pool


def _sizes(cards: Codes, parents: dict[int, int]) -> Codes:
    return np.concatenate([cards, np.repeat(cards[list(parents)], cards[list(parents.values())])])


@dataclass(frozen=True, eq=False)
class Counts:
    """Patients of a table, from which tables of any smoothing are made. Made by ``counted``.

    Parameters
    ----------
    prior, cards, parents
        As ``Tables``.
    alone : ndarray, shape (n_classes, n_cells)
        Patients in each state of each finding.
    pairs : ndarray, shape (n_classes, n_cells)
        Of each finding with a second parent, in each state of it.
    """

    prior: Array
    cards: Codes
    parents: dict[int, int]
    alone: Array
    pairs: Array

    def tables(self, way: Choice) -> Tables:
        """Tables with the structure and smoothing of ``way``, not tempered."""
        own = self.alone + (self._pooled if isinstance(way.smoothing, str) else way.smoothing)
        patients = np.add.reduceat(own, np.cumsum(self.cards) - self.cards, axis=1)
        alone = own / np.repeat(patients, self.cards, axis=1)
        if way.structure == "naive" or not self.parents:
            return Tables(self.prior, self.cards, {}, alone, patients)
        sizes, same = self._linked
        behind = np.add.reduceat(self.pairs, np.cumsum(sizes) - sizes, axis=1) + way.tree_weight
        both = (self.pairs + way.tree_weight * alone[:, same]) / np.repeat(behind, sizes, axis=1)
        return Tables(self.prior, self.cards, self.parents, np.hstack([alone, both]), np.hstack([patients, behind]))

    @cached_property
    def _pooled(self) -> Array:
        """Patients of every state beforehand, with the shares of all classes together, shape (n_cells,)."""
        together = self.alone.sum(axis=0) + 0.5
        whole = np.add.reduceat(together, np.cumsum(self.cards) - self.cards)
        return np.asarray(POOLED_PATIENTS * together / np.repeat(whole, self.cards))

    @cached_property
    def _linked(self) -> tuple[Codes, Codes]:
        """Cells of each distribution with a second parent, and for each cell the same state without it."""
        sizes = _sizes(self.cards, self.parents)[len(self.cards) :]
        begins = (np.cumsum(self.cards) - self.cards)[list(self.parents)]
        first = np.repeat(begins, self.cards[list(self.parents.values())])
        return sizes, np.arange(sizes.sum()) + np.repeat(first - (np.cumsum(sizes) - sizes), sizes)


def counted(
    codes: Codes, labels: Codes, weights: Array, cards: Sequence[int], n_classes: int, *, with_tree: bool
) -> Counts:
    """Count the patients; with the tree that ``tree`` gives where it is asked for.

    Parameters
    ----------
    codes : ndarray of int, shape (n_rows, n_findings)
        -1 where missing.
    labels : ndarray of int, shape (n_rows,)
    weights : ndarray, shape (n_rows,)
    cards : sequence of int
        States of each finding.
    n_classes : int
    with_tree : bool
    """
    prior, card = np.bincount(labels, weights, n_classes).astype(np.float64), np.asarray(cards, dtype=np.intp)
    parents = tree(codes, labels, weights) if with_tree else {}
    linked, others = list(parents), list(parents.values())
    known = (codes[:, linked] >= 0) & (codes[:, others] >= 0)
    both = np.where(known, codes[:, others] * card[linked] + codes[:, linked], -1)
    alone = _counts(codes, card, labels, weights, n_classes)
    return Counts(prior, card, parents, alone, _counts(both, card[others] * card[linked], labels, weights, n_classes))


def _counts(codes: Codes, cards: Codes, labels: Codes, weights: Array, n_classes: int) -> Array:
    """Patients of each class in each state of all columns one after the other; -1 is missing."""
    begins = np.cumsum([0, *cards])
    seen = codes >= 0
    flat = (labels[:, None] * begins[-1] + begins[:-1] + codes)[seen]
    found = np.bincount(flat, np.broadcast_to(weights[:, None], codes.shape)[seen], n_classes * begins[-1])
    return found.astype(np.float64).reshape(n_classes, -1)


def tree(codes: Codes, labels: Codes, weights: Array) -> dict[int, int]:
    """A maximum spanning tree: for every finding but the first, the one that tells most about it given the class.

    The tree of Chow and Liu given the class, which pgmpy's ``TreeSearch`` learns too (a test compares them). It is not
    used here since it weights the classes by all rows where a pair of findings is missing in some, and looks at one
    pair and class at a time: 0.1 s a finding pair of 49 classes, of which a table of 400 findings has 80,000.
    """
    shared = shared_information(labels, codes, weights)
    n = len(shared)
    parents: dict[int, int] = {}
    best, link = shared[0].copy(), np.zeros(n, dtype=int)
    left = np.arange(n) > 0
    while left.any():
        new = int(np.where(left, best, -1.0).argmax())
        parents[new] = int(link[new])
        left[new] = False
        closer = shared[new] > best
        best, link = np.where(closer, shared[new], best), np.where(closer, new, link)
    return parents


def shared_information(labels: Codes, findings: Codes, weights: Array) -> Array:
    r"""Mutual information of every two findings given the class, in nats, each from the rows that have both.

    With :math:`N_{cxy}` the patients of class c in which one finding is x and the other y,

    .. math:: \frac{1}{N} \sum_{cxy} N_{cxy} \ln \frac{N_{cxy} N_c}{N_{cx} N_{cy}} .

    Parameters
    ----------
    labels : ndarray of int, shape (n_rows,)
    findings : ndarray of int, shape (n_rows, n_findings)
        -1 where missing.
    weights : ndarray, shape (n_rows,)

    Returns
    -------
    ndarray, shape (n_findings, n_findings)
    """
    cards = findings.max(axis=0, initial=0) + 1
    starts = np.cumsum([0, *cards])[:-1]
    row, column = np.nonzero(findings >= 0)
    states = np.zeros((len(findings), int(cards.sum())))
    states[row, starts[column] + findings[row, column]] = 1.0
    total, rows = np.zeros((2, len(cards), len(cards)))
    for label in np.unique(labels):
        own = states[labels == label]
        both = (own * weights[labels == label, None]).T @ own
        one = np.add.reduceat(both, starts, axis=1)  # in which the second finding is known
        patients = np.add.reduceat(one, starts, axis=0)
        alone = np.add.reduceat(_xlogx(one), starts, axis=0)
        joint = np.add.reduceat(np.add.reduceat(_xlogx(both), starts, axis=1), starts, axis=0)
        total += joint + _xlogx(patients) - alone - alone.T
        rows += patients
    return np.asarray(np.maximum(np.divide(total, rows, out=np.zeros_like(total), where=rows > 0), 0.0))


def _xlogx(counts: Array) -> Array:
    return np.asarray(counts * np.log(np.where(counts > 0, counts, 1.0)))


@dataclass(frozen=True)
class Choice:
    """How the tables are to be made.

    Parameters
    ----------
    structure : {"naive", "tree"}
    missing : {"ignore", "state"}
    smoothing : float, or "pooled"
        Patients that every state of a finding is given beforehand; or two patients in every class, with the shares of
        all classes together.
    tree_weight : float
        Patients that a table without the second parent is worth in each row with it.
    temperature : float
    log_loss : float
        Cross-validated, NaN where nothing was tried.
    gain : float
        Log loss of the class frequencies alone minus it, over the same patients.
    error : float
        Standard error of the gain.
    bias : tuple of float
        What is added to the log evidence of each class so that the mean of the cross-validated posteriors is the share
        of the class; empty where nothing was tried.
    """

    structure: str
    missing: str
    smoothing: float | str
    tree_weight: float = TREE_WEIGHTS[0]
    temperature: float = 1.0
    log_loss: float = np.nan
    gain: float = np.nan
    error: float = np.nan
    bias: tuple[float, ...] = ()


def choose(
    codes: Codes,
    labels: Codes,
    weights: Array,
    cards: Sequence[int],
    n_classes: int,
    structures: Sequence[str],
    missings: Sequence[str],
    smoothings: Sequence[float | str],
    temperature: float | None,
    measured: Mapping[int, Array],
    groups: Codes,
) -> Choice:
    """The way of the least log loss in stratified cross-validation; the first of each where patients are too few.

    Parameters
    ----------
    codes, labels, weights, cards, n_classes
        As ``counted``. Classes of fewer patients than folds are not asked about.
    structures, missings : sequence of str
        A tree that stands alone has the first of ``TREE_WEIGHTS``.
    smoothings : sequence of float or "pooled"
    temperature : float, optional
        That of the least log loss where left out, 1 where patients are too few.
    measured : mapping of a finding's place to its numbers, shape (n_rows,), NaN where missing
        Findings that are cut where the classes part: every fold has cuts of its own, so that none knows its patients.
    groups : ndarray of int, shape (n_rows,), 0, 1, ...
        Rows of one group are in one fold, and count as one patient where it is asked whether these suffice.
    """
    ways = [
        Choice(structure, missing, smoothing, weight, 1.0 if temperature is None else temperature)
        for missing in missings
        for structure in structures
        for smoothing in smoothings
        for weight in (TREE_WEIGHTS if structure == "tree" and len(structures) > 1 else TREE_WEIGHTS[:1])
    ]
    if len(ways) == 1 and temperature is not None:
        return ways[0]
    patients = np.bincount(np.unique(np.stack([labels, groups]), axis=1)[0], minlength=n_classes)
    if groups.max() + 1 < LEAST_ROWS or (patients >= FOLDS).sum() < 2:
        return ways[0]
    fold = folds(labels, groups, FOLDS)
    asked = patients[labels] >= FOLDS
    prior = np.bincount(labels, weights, n_classes) / weights.sum()
    held_out: list[list[_HeldOut]] = [[] for _ in ways]
    orders = [rising(numbers) for numbers in measured.values()]
    blank = [(place, np.flatnonzero(~np.isfinite(numbers))) for place, numbers in measured.items()]
    rows = [order[fold[order] != number] for number in range(FOLDS) for order in orders]
    cuts = cut_all([*measured.values()] * FOLDS, rows, labels, weights)
    for number in range(FOLDS):
        train, test = fold != number, np.flatnonzero((fold == number) & asked)
        own, sizes = codes.copy(), list(cards)
        of_fold = cuts[number * len(measured) : (number + 1) * len(measured)]
        for (place, numbers), ends in zip(measured.items(), of_fold, strict=True):
            own[:, place] = np.searchsorted(ends, numbers, side="right")
            sizes[place] = len(ends) + 1
        for place, empty in blank:
            own[empty, place] = -1
        for missing in missings:
            used, states = (own, sizes) if missing == "ignore" else with_state(own, sizes)
            counts = counted(
                used[train], labels[train], weights[train], states, n_classes, with_tree="tree" in structures
            )
            cells: dict[str, csr_array] = {}  # one structure has the same in all its ways
            for place, way in enumerate(ways):
                if way.missing != missing:
                    continue
                made = counts.tables(way)
                if way.structure not in cells:
                    cells[way.structure] = made.cells(used[test])
                held_out[place].append(_HeldOut(made, cells[way.structure], test))
    size = weights[asked].sum()

    def loss(parts: Sequence[_HeldOut], temperatures: Array) -> Array:
        total = np.zeros(len(temperatures))
        for part in parts:
            logs, of_rows = part.tables.log_posteriors(part.cells, temperatures.tolist()), weights[part.rows]
            total -= logs[:, np.arange(len(part.rows)), labels[part.rows]] @ of_rows
            total -= UNTOLD / size * (of_rows @ (np.maximum(logs, np.log(LEAST)) @ prior).T)
        return np.asarray(total / size)

    found = [
        coolest(partial(loss, parts)) if temperature is None else (temperature, loss(parts, np.array([temperature]))[0])
        for parts in held_out
    ]
    best = min(range(len(ways)), key=lambda place: found[place][1])
    own_loss, gain = np.zeros((2, len(labels)))
    off, response = np.zeros(n_classes), np.zeros((n_classes, n_classes))
    for part in held_out[best]:
        logs, of_rows = part.tables.log_posteriors(part.cells, found[best][:1])[0], weights[part.rows]
        posterior = np.exp(logs)
        mean = of_rows @ posterior
        off += np.bincount(labels[part.rows], of_rows, n_classes) - mean
        response += np.diag(mean) - posterior.T @ (posterior * of_rows[:, None])
        told = logs[np.arange(len(part.rows)), labels[part.rows]]
        own_loss[part.rows] = -weights[part.rows] * told
        shares = part.tables.prior / part.tables.prior.sum()
        gain[part.rows] = weights[part.rows] * (told - np.log(np.maximum(shares, LEAST))[labels[part.rows]])
    of_groups = np.bincount(groups, gain - gain.sum() / size * weights * asked)
    error = float(np.sqrt((of_groups**2).sum()) / size)
    log_loss = float(own_loss.sum() / size)
    return replace(
        ways[best],
        temperature=found[best][0],
        log_loss=log_loss,
        gain=float(gain.sum() / size),
        error=error,
        bias=_bias(off, response),
    )


def _bias(off: Array, response: Array) -> tuple[float, ...]:
    """What moves the sums of the posteriors by so much, given what each of them does for a small move.

    A patient per class is what it is believed to be 0 by. More than a model may hold is no small move.
    """
    found = np.linalg.solve(response + np.eye(len(off)), off)
    return tuple(float(f"{each:.4g}") for each in np.clip(found - found[0], -MOST_BIAS, MOST_BIAS))


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """Tables of the other folds, and the patients of this one: the cells that they are, and their rows."""

    tables: Tables
    cells: csr_array
    rows: Codes


def coolest(loss: Callable[[Array], Array]) -> tuple[float, float]:
    """The temperature, at least 1, of the least loss, to a third of a doubling, and that loss.

    The loss has one valley: it is followed by doublings, then looked at more closely.

    Parameters
    ----------
    loss : callable
        Of temperatures, shape (n,).

    Examples
    --------
    >>> temperature, value = coolest(lambda each: np.log(each / 40) ** 2)
    >>> temperature, round(value, 3)
    (40.32, 0.0)
    """
    tried = np.array([1.0, 2.0, 4.0])
    values = loss(tried)
    while values.argmin() == len(tried) - 1 and values[-2] - values[-1] > LEVEL and tried[-1] < HOTTEST:
        more = tried[-1] * np.array([2.0, 4.0])
        tried, values = np.r_[tried, more], np.r_[values, loss(more)]
    near = (tried[values.argmin()] * 2.0 ** (np.array([-2, -1, 1, 2]) / 3)).round(2)
    near = near[near > 1]
    tried, values = np.r_[tried, near], np.r_[values, loss(near)]
    return float(tried[values.argmin()]), float(values.min())


def with_state(codes: Codes, cards: Sequence[int]) -> tuple[Codes, list[int]]:
    """Missing cells as one more state, in the findings that have any."""
    some = np.flatnonzero((codes < 0).any(axis=0))
    states = [card + int(place in some) for place, card in enumerate(cards)]
    return np.where(codes < 0, np.asarray(cards)[None, :], codes), states
