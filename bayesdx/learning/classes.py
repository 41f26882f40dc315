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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesdx.learning.cutting import cut_all, rising

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
TEMPERATURES = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 6.5, 8.0)

FOLDS = 5
LEAST_ROWS = 30
"""Patients in all from which cross-validation chooses anything; of two classes there must be one in every fold."""

UNTOLD = 0.25
LEAST = 1e-12
"""Patients whose findings say nothing of their class, as if seen besides: few rows without a mistake are no proof. What
is less probable than the least surprises as much as that."""


@dataclass(frozen=True, eq=False)
class Tables:
    """Distributions of every finding.

    Parameters
    ----------
    prior : ndarray, shape (n_classes,)
        Patients of each class.
    parents : tuple of (int or None)
        The second parent of each finding, a place among the findings.
    shares : tuple of ndarray, shape (n_classes, n_states) or (n_classes, n_states of the parent, n_states)
    patients : tuple of ndarray, the same shapes without the last axis
        Behind each row.
    alone : tuple of ndarray, shape (n_classes, n_states)
        Without the second parent.
    """

    prior: Array
    parents: tuple[int | None, ...]
    shares: tuple[Array, ...]
    patients: tuple[Array, ...]
    alone: tuple[Array, ...]

    def tempered(self, temperature: float) -> Tables:
        """The same findings, less sure of the class."""
        if temperature == 1.0:
            return self
        return Tables(
            self.prior,
            self.parents,
            tuple(cooled(share, behind, temperature) for share, behind in zip(self.shares, self._behind, strict=True)),
            self.patients,
            tuple(cooled(share, self.prior, temperature) for share in self.alone),
        )

    def log_posteriors(self, cells: csr_array, temperatures: Sequence[float] = (1.0,)) -> Array:
        """Ln P(class | findings) at each temperature, shape (n_temperatures, n_rows, n_classes); ``cells`` are ours."""
        many = len(self.prior)
        behind = [each.reshape(many, -1) for each in self._parts([self.prior] * len(self.parents), self.patients)]
        cards = [table.shape[1] for table in self.alone]
        sizes = np.repeat(self._parts(cards, cards), [each.shape[1] for each in behind])  # of every distribution
        flat = np.concatenate([table.reshape(many, -1) for table in self._parts(self.alone, self.shares)], axis=1)
        weight = np.repeat(np.concatenate(behind, axis=1), sizes, axis=1)
        log_pool = np.log((flat * weight).sum(axis=0) / weight.sum(axis=0))
        lift, starts = np.log(flat) - log_pool, np.cumsum(sizes) - sizes
        cooler = lift / np.asarray(temperatures)[:, None, None]
        whole = np.log(np.add.reduceat(np.exp(cooler + log_pool), starts, axis=2))
        whole[np.asarray(temperatures) == 1.0] = 0.0
        logs = (cooler - np.repeat(whole, sizes, axis=2)).transpose(2, 0, 1)
        found = (cells @ logs.reshape(len(logs), -1)).reshape(-1, len(temperatures), many).swapaxes(0, 1)
        found += np.log(np.maximum(self.prior, LEAST) / self.prior.sum())
        found -= found.max(axis=2, keepdims=True)
        return np.asarray(found - np.log(np.exp(found).sum(axis=2, keepdims=True)))

    def cells(self, codes: Codes) -> csr_array:
        """Which cells of all tables, one after the other, the findings of each patient are; -1 says nothing.

        What all classes together say of a finding, it says of every class, and so of none.
        """
        from scipy.sparse import csr_array

        sizes = self._parts([own.size for own in self.alone], [own.size for own in self.shares])
        place = self._places(codes, [size // len(self.prior) for size in sizes])
        seen = place >= 0
        ends = np.r_[0, np.cumsum(seen.sum(axis=1))]
        return csr_array((np.ones(ends[-1]), place[seen], ends), shape=(len(codes), sum(sizes) // len(self.prior)))

    @property
    def _behind(self) -> list[Array]:
        """Patients that weigh the classes of each finding."""
        return [self.prior if parent is None else own for parent, own in zip(self.parents, self.patients, strict=True)]

    def _parts(self, alone: Sequence[Any], shares: Sequence[Any]) -> list[Any]:
        """What belongs to the rows of every finding: those without a second parent, then those with one, if any."""
        pairs = zip(self.parents, alone, shares, strict=True)
        return [each for parent, own, share in pairs for each in ((own,) if parent is None else (own, share))]

    def _places(self, codes: Codes, widths: Sequence[int]) -> Codes:
        """Where the cells stand in all rows one after the other; -1 where missing."""
        linked = np.array([place for place, parent in enumerate(self.parents) if parent is not None], dtype=np.intp)
        others = codes[:, [parent for parent in self.parents if parent is not None]]
        part = np.arange(len(self.parents)) + np.searchsorted(linked, np.arange(len(self.parents)))
        begins = np.cumsum([0, *widths])
        place = begins[part] + codes
        cards = np.array([table.shape[1] for table in self.alone])[linked]
        within = begins[part[linked] + 1] + others * cards + codes[:, linked]
        place[:, linked] = np.where(others >= 0, within, place[:, linked])
        return np.where(codes >= 0, place, -1)


def pooled(share: Array, patients: Array) -> Array:
    """Rows of all classes together, weighted with the patients behind them; without the axis of classes."""
    weight = patients.reshape(*patients.shape, *(1,) * (share.ndim - patients.ndim))
    return np.asarray((share * weight).sum(axis=0) / np.broadcast_to(weight, share.shape).sum(axis=0))


def cooled(share: Array, patients: Array, temperature: float) -> Array:
    """Rows whose likelihood ratios between classes are to the power of 1 / temperature; classes come first.

    Examples
    --------
    >>> cooled(np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([10.0, 10.0]), 2.0).round(2)
    array([[0.75, 0.25],
           [0.25, 0.75]])
    """
    pool = pooled(share, patients)
    power = pool * (share / pool) ** (1 / temperature)
    return np.asarray(power / power.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Counts:
    """Patients of a table, from which tables of any smoothing are made. Made by ``counted``.

    Parameters
    ----------
    prior : ndarray, shape (n_classes,)
    alone : list of ndarray, shape (n_classes, n_states)
        Of each finding.
    parents : dict of int to int
        The second parent of a finding, both by place.
    pairs : list of ndarray, shape (n_classes, n_states of the parent, n_states)
        Of each finding that has one, in their order.
    """

    prior: Array
    alone: list[Array]
    parents: dict[int, int]
    pairs: list[Array]

    def tables(self, way: Choice) -> Tables:
        """Tables with the structure and smoothing of ``way``, not tempered."""
        given = way.smoothing
        own = [n + (_pooled_patients(n) if isinstance(given, str) else given) for n in self.alone]
        patients = [n.sum(axis=1) for n in own]
        alone = tuple(n / behind[:, None] for n, behind in zip(own, patients, strict=True))
        shares, parents = list(alone), self.parents if way.structure == "tree" else {}
        for place, both in zip(parents, self.pairs, strict=False):
            patients[place] = both.sum(axis=2) + way.tree_weight
            shares[place] = (both + way.tree_weight * alone[place][:, None, :]) / patients[place][..., None]
        second = tuple(parents.get(place) for place in range(len(alone)))
        return Tables(self.prior, second, tuple(shares), tuple(patients), alone)


def _pooled_patients(counts: Array) -> Array:
    """Patients of every state beforehand, with the shares of all classes together, shape (n_states,)."""
    together = counts.sum(axis=0) + 0.5
    return np.asarray(POOLED_PATIENTS * together / together.sum())


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
    prior = np.bincount(labels, weights, n_classes).astype(np.float64)
    alone = _counts(codes, cards, labels, weights, n_classes)
    if not with_tree:
        return Counts(prior, alone, {}, [])
    parents = tree(codes, labels, weights)
    card, linked, others = np.asarray(cards), list(parents), list(parents.values())
    known = (codes[:, linked] >= 0) & (codes[:, others] >= 0)
    both = np.where(known, codes[:, others] * card[linked] + codes[:, linked], -1)
    pairs = [
        n.reshape(n_classes, card[other], card[place])
        for place, other, n in zip(
            linked, others, _counts(both, card[others] * card[linked], labels, weights, n_classes), strict=True
        )
    ]
    return Counts(prior, alone, parents, pairs)


def _counts(codes: Codes, cards: Sequence[int] | Codes, labels: Codes, weights: Array, n_classes: int) -> list[Array]:
    """Patients of each class in each state of every column, shape (n_classes, n_states); -1 is missing."""
    begins = np.cumsum([0, *cards])
    seen = codes >= 0
    flat = (labels[:, None] * begins[-1] + begins[:-1] + codes)[seen]
    counted = np.bincount(flat, np.broadcast_to(weights[:, None], codes.shape)[seen], n_classes * begins[-1])
    shaped = counted.astype(np.float64).reshape(n_classes, -1)
    return [shaped[:, begin:end] for begin, end in pairwise(begins)]


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
    """

    structure: str
    missing: str
    smoothing: float | str
    tree_weight: float = TREE_WEIGHTS[0]
    temperature: float = 1.0
    log_loss: float = np.nan


def choose(
    codes: Codes,
    labels: Codes,
    weights: Array,
    cards: Sequence[int],
    n_classes: int,
    structures: Sequence[str],
    missings: Sequence[str],
    smoothings: Sequence[float | str],
    temperatures: Sequence[float],
    measured: Mapping[int, Array],
) -> Choice:
    """The way of the least log loss in stratified cross-validation; the first of each where patients are too few.

    Parameters
    ----------
    codes, labels, weights, cards, n_classes
        As ``counted``. Classes of fewer patients than folds are not asked about.
    structures, missings : sequence of str
        A tree that stands alone has the first of ``TREE_WEIGHTS``.
    smoothings : sequence of float or "pooled"
    temperatures : sequence of float
    measured : mapping of a finding's place to its numbers, shape (n_rows,), NaN where missing
        Findings that are cut where the classes part: every fold has cuts of its own, so that none knows its patients.
    """
    ways = [
        Choice(structure, missing, smoothing, weight, temperatures[0])
        for missing in missings
        for structure in structures
        for smoothing in smoothings
        for weight in (TREE_WEIGHTS if structure == "tree" and len(structures) > 1 else TREE_WEIGHTS[:1])
    ]
    if len(ways) * len(temperatures) == 1:
        return ways[0]
    patients = np.bincount(labels, minlength=n_classes)
    if len(labels) < LEAST_ROWS or (patients >= FOLDS).sum() < 2:
        return ways[0]
    fold = np.empty(len(labels), dtype=np.intp)
    shuffled = np.random.default_rng(0).permutation(len(labels))
    fold[shuffled[np.argsort(labels[shuffled], kind="stable")]] = np.arange(len(labels)) % FOLDS
    asked = patients[labels] >= FOLDS
    prior = np.bincount(labels, weights, n_classes) / weights.sum()
    told, untold = np.zeros((2, len(ways), len(temperatures)))
    orders = [rising(numbers) for numbers in measured.values()]
    blank = [(place, np.flatnonzero(~np.isfinite(numbers))) for place, numbers in measured.items()]
    rows = [order[fold[order] != number] for number in range(FOLDS) for order in orders]
    cuts = cut_all([*measured.values()] * FOLDS, rows, labels, weights)
    for number in range(FOLDS):
        train, test = fold != number, (fold == number) & asked
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
                logs = made.log_posteriors(cells[way.structure], temperatures)
                told[place] -= logs[:, np.arange(test.sum()), labels[test]] @ weights[test]
                untold[place] -= weights[test] @ (np.maximum(logs, np.log(LEAST)) @ prior).T
    size = weights[asked].sum()
    loss = (told + UNTOLD * untold / size) / size
    w, t = (int(place) for place in np.unravel_index(int(loss.argmin()), loss.shape))
    return replace(ways[w], temperature=float(temperatures[t]), log_loss=float(told[w, t] / size))


def with_state(codes: Codes, cards: Sequence[int]) -> tuple[Codes, list[int]]:
    """Missing cells as one more state, in the findings that have any."""
    some = np.flatnonzero((codes < 0).any(axis=0))
    states = [card + int(place in some) for place, card in enumerate(cards)]
    return np.where(codes < 0, np.asarray(cards)[None, :], codes), states
