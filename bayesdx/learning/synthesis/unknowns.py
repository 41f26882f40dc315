r"""The numbers of a model as independent unknowns on the scale of log-odds, shared between its populations.

A distribution falls into sticks (``bayesdx.learning.belief``): of the patients who get as far as state k the share
:math:`s_k` stays there, :math:`s_k \sim \mathrm{Beta}(a_k, b_k)`. The unknown is :math:`\eta_k = \mathrm{logit}\, s_k`,
on which that prior has its mode at the number of the model and the curvature :math:`(a_k + b_k) s_k (1 - s_k)`. Links,
leaks of findings and tables without a population are the same unknown in every population; priors and tables that name
one are not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import compiled
from bayesdx.errors import LearningError, nearest_hint
from bayesdx.knowledge.model import Model
from bayesdx.learning.belief import PARTS, Belief, believe
from bayesdx.learning.layout import Layout
from bayesdx.learning.shift import case_mix
from bayesdx.network import Network
from bayesdx.network.parameters import Distribution, Parameter
from bayesdx.odds import expit

Array = NDArray[np.float64]
Index = NDArray[np.intp]

Key = tuple[str, tuple[str, ...]]
"""File and key of a row."""


@dataclass(frozen=True, eq=False)
class PopulationNumbers:
    """One population: its network's numbers, and which unknown each of its sticks is.

    Parameters
    ----------
    model : Model
    layout : Layout
    belief : Belief
        Of all its free distributions.
    values : ndarray, shape (layout.size,)
        The numbers of the model.
    stick : ndarray of int, shape (n_cells,)
        The unknown behind each free cell; -1 for the last state of a distribution, which takes the rest.
    """

    model: Model
    layout: Layout
    belief: Belief
    values: Array
    stick: Index

    def shares(self, eta: Array) -> Array:
        """Share of each free cell of its distribution, shape (n_cells,)."""
        stay = self.stay(eta)
        return self.belief.shares(stay, 1 - stay)

    def stay(self, eta: Array) -> Array:
        """Share that stays at each cell; 1 for the last of a distribution."""
        inner = self.stick >= 0
        found = np.ones(len(self.stick))
        found[inner] = expit(eta[self.stick[inner]])
        return found

    def network(self, eta: Array) -> Network:
        """The network with the unknowns at these log-odds."""
        values = self.values.copy()
        values[self.belief.cells] = self.shares(eta) * self.belief.left[self.belief.row]
        return self.layout.network_with(values)

    def slopes(self, eta: Array, of_cells: Array, n_unknowns: int) -> Array:
        r"""Slopes in the unknowns, (n_rows, n_unknowns), from those in log p of free cells, (n_rows, n_cells).

        With :math:`G_c` the slope in :math:`\log p_c`, that in :math:`\eta_k` is
        :math:`G_k (1 - s_k) - s_k \sum_{j > k} G_j`.
        """
        earlier, later = self.belief.pairs
        behind = np.zeros_like(of_cells)
        np.add.at(behind.T, earlier, of_cells.T[later])
        stay = self.stay(eta)
        inner = np.flatnonzero(self.stick >= 0)
        found = np.zeros((len(of_cells), n_unknowns))
        np.add.at(
            found.T,
            self.stick[inner],
            (of_cells[:, inner] * (1 - stay[inner]) - behind[:, inner] * stay[inner]).T,
        )
        return found


@dataclass(frozen=True, eq=False)
class Number:
    """A number of the model, and how its log-odds depend on the unknowns.

    Parameters
    ----------
    key : (str, tuple of str)
    parameter : Parameter
    population : str
        The sheet that it is taken from.
    cell : int
        Its free cell there.
    sticks : ndarray of int
        The unknowns that it is made of.
    passed : ndarray of bool
        Which of them are passed on the way (the number is what they leave), the other being its own.
    """

    key: Key
    parameter: Parameter
    population: str
    cell: int
    sticks: Index
    passed: NDArray[np.bool_]

    @property
    def population_of_row(self) -> str:
        """The population that its row names; empty for one that holds in all."""
        return "" if self.key[0] == "links.csv" else self.key[1][0]

    def share(self, eta: Array) -> float:
        """Its share of the free states."""
        s = expit(eta[self.sticks])
        return float(np.prod(np.where(self.passed, 1 - s, s)))

    def slopes(self, eta: Array) -> Array:
        """Slopes of logit(share) in the log-odds of its sticks."""
        s = expit(eta[self.sticks])
        return np.asarray(np.where(self.passed, -s, 1 - s) / max(1 - self.share(eta), 1e-300))


@dataclass(frozen=True, eq=False)
class Unknowns:
    """All unknowns of some populations of a model.

    Parameters
    ----------
    sheets : dict of population to PopulationNumbers
    a, b : ndarray, shape (n_unknowns,), above 0
        The Beta prior of each stick.
    start : ndarray, shape (n_unknowns,)
        Log-odds at the mode of the prior.
    chosen : ndarray of bool, shape (n_unknowns,)
        Whether it may move; one that may not widens what studies say of the others.
    blank : ndarray of bool, shape (n_unknowns,)
        Whether its prior was replaced by the uniform one.
    mix : ndarray of bool, shape (n_unknowns,)
        Whether it belongs to the case mix: contexts, causes and what brings causes about.
    numbers : tuple of Number
        Every number of the model with a free cell, once.
    """

    sheets: dict[str, PopulationNumbers]
    a: Array
    b: Array
    start: Array
    chosen: NDArray[np.bool_]
    blank: NDArray[np.bool_]
    mix: NDArray[np.bool_]
    numbers: tuple[Number, ...]

    def __len__(self) -> int:
        return len(self.a)

    def networks(self, eta: Array) -> dict[str, Network]:
        """The network of each population."""
        return {name: sheet.network(eta) for name, sheet in self.sheets.items()}

    def log_prior(self, eta: Array) -> float:
        """Logarithm of the prior density of the log-odds."""
        from scipy.special import betaln

        at = -self.a * np.logaddexp(0.0, -eta) - self.b * np.logaddexp(0.0, eta) - betaln(self.a, self.b)
        return float(at.sum())

    def prior_slope(self, eta: Array) -> Array:
        """First derivative of the logarithm of the prior density."""
        return np.asarray(self.a - (self.a + self.b) * expit(eta))

    def prior_weight(self, eta: Array) -> Array:
        """Minus its second derivative, above 0."""
        return np.maximum((self.a + self.b) * expit(eta) * expit(-eta), 1e-12)


def unknowns_of(
    model: Model,
    populations: Sequence[str],
    *,
    move: Iterable[str],
    variables: Collection[str] | None,
    strength: float,
    blank: Collection[str] = (),
    keep: Collection[Key] = (),
) -> Unknowns:
    """The unknowns of some populations.

    Parameters
    ----------
    model : Model
    populations : sequence of str
        Those that studies are about; the first is asked for what is the same in all.
    move, variables
        Which numbers may move; the others are held.
    strength : float, above 0
        Multiplies the equivalent sample size of every prior.
    blank : collection of str
        Numbers whose prior is replaced by the uniform one, Beta(1, 1) for two states: labels, variables or parts.
    keep : collection of (file, key)
        Numbers that keep their prior nevertheless.

    Raises
    ------
    LearningError
        Unknown words, nothing may move, or a strength of 0.
    """
    if not (np.isfinite(strength) and strength > 0):
        raise LearningError(f"prior_strength: {strength}; expected a finite number above 0.")
    parts = [move] if isinstance(move, str) else list(move)
    chosen = believe(model, Layout(compiled(model).network), parts, variables, strength)  # complains of unknown words
    moving = {row.place for row in chosen.distributions}
    blanks = _Blank(model, blank)
    sheets: dict[str, PopulationNumbers] = {}
    index: dict[tuple[str, Distribution | object, int], int] = {}
    a: list[float] = []
    b: list[float] = []
    free: list[bool] = []
    bare: list[bool] = []
    mixed: list[bool] = []
    numbers: dict[Key, Number] = {}
    for name in populations:
        here = model if name == model.population else model.with_population(name)
        network = compiled(here).network
        layout = Layout(network)
        belief = believe(here, layout, PARTS, None, strength)
        mix = set(case_mix(here, network))
        known = compiled(here).parameters
        position = _positions(belief)
        size = np.bincount(belief.row)
        sticks = np.full(len(belief.cells), -1, dtype=np.intp)
        for cell in range(len(belief.cells)):
            if belief.beyond[cell] <= 0:
                continue
            row = belief.distributions[belief.row[cell]]
            owner = next((known[place].key[0] for place in row.parameters if known[place].file != "links.csv"), "")
            key = (owner, row.place, position[cell])
            if key not in index:
                index[key] = len(a)
                members = [known[place] for place in row.parameters]
                uniform = blanks.holds(row, members) and not any((one.file, one.key) in keep for one in members)
                a.append(1.0 if uniform else float(belief.alpha[cell]))
                b.append(float(size[belief.row[cell]] - position[cell] - 1) if uniform else float(belief.beyond[cell]))
                mixed.append(row.place.node in mix)
                free.append(row.place in moving)
                bare.append(uniform)
            sticks[cell] = index[key]
        sheet = PopulationNumbers(here, layout, belief, layout.values(network), sticks)
        sheets[name] = sheet
        for number in _numbers(sheet, name, known):
            numbers.setdefault(number.key, number)
    blanks.check()
    of_a, of_b = np.array(a), np.array(b)
    start = np.log(of_a) - np.log(of_b)
    of_free, of_bare, of_mix = (np.array(flag, dtype=bool) for flag in (free, bare, mixed))
    return Unknowns(sheets, of_a, of_b, start, of_free, of_bare, of_mix, tuple(numbers.values()))


def _positions(belief: Belief) -> Index:
    """Place of each cell in the order of its distribution, from 0."""
    _, later = belief.pairs
    return np.bincount(later, minlength=len(belief.cells)).astype(np.intp)


def _numbers(sheet: PopulationNumbers, population: str, known: Sequence[Parameter]) -> Iterable[Number]:
    belief = sheet.belief
    earlier, later = belief.pairs
    before: list[list[int]] = [[] for _ in belief.cells]
    for first, second in zip(earlier.tolist(), later.tolist(), strict=True):
        before[second].append(first)
    flat = [(place, state) for place, row in enumerate(belief.distributions) for state in row.free]
    cells = {pair: cell for cell, pair in enumerate(flat)}
    for place, row in enumerate(belief.distributions):
        for position in row.parameters:
            number = known[position]
            cell = cells.get((place, number.state))
            if cell is None:
                continue
            own = [sheet.stick[cell]] if sheet.stick[cell] >= 0 else []
            passed = [sheet.stick[other] for other in before[cell]]
            yield Number(
                (number.file, number.key),
                number,
                population,
                cell,
                np.array([*passed, *own], dtype=np.intp),
                np.array([True] * len(passed) + [False] * len(own), dtype=bool),
            )


class _Blank:
    """Which distributions lose their prior: those that hold a number of these labels, variables or parts."""

    def __init__(self, model: Model, words: Collection[str]) -> None:
        self.words = {words} if isinstance(words, str) else set(words)
        self.found: set[str] = set()
        self.model = model
        self.labels: set[str] = set()

    def holds(self, row: Distribution, numbers: Sequence[Parameter]) -> bool:
        file = numbers[0].file
        part = "leaks" if file == "links.csv" and row.place.part != "link" else file.removesuffix(".csv")
        names = {row.place.node, part, *(number.label for number in numbers)}
        self.labels |= names
        self.found |= names & self.words
        return bool(names & self.words)

    def check(self) -> None:
        for word in sorted(self.words - self.found):
            raise LearningError(
                f"blank: {word!r}; expected a variable, the label of a number with an interval, or one of "
                f"{', '.join(PARTS)}{nearest_hint(word, sorted(self.labels))}."
            )
