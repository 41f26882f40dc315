"""A junction tree made ready to run: which numbers enter which clique, and how messages fit their cliques."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesdx.errors import TooLargeError, rounded
from bayesdx.inference.factors import Factor, factor_graph, factor_values
from bayesdx.inference.leaves import LeafGroup, LeafTables, drawn_rows, leaf_groups
from bayesdx.inference.parameter_draws import ParameterDraws
from bayesdx.inference.sizes import USUAL, Sizes
from bayesdx.inference.tree import JunctionTree, junction_tree
from bayesdx.network import Network

Array = NDArray[np.float64]
Index = NDArray[np.intp]

FAINTEST_PLAIN = 1e-30
"""A clique in whose lane no cell is above this is scaled before more is multiplied into it."""

BYTES = 8
"""Bytes of one cell: float64."""


@dataclass(frozen=True)
class View:
    """How some variables of a clique lie among its axes, adjacent axes of one kind taken together.

    Parameters
    ----------
    clique : tuple of int
        Shape of the clique seen this way.
    part : tuple of int
        Shape of an array over the chosen variables that broadcasts against ``clique``.
    summed : tuple of int
        Axes to sum to keep only the chosen variables.
    """

    clique: tuple[int, ...]
    part: tuple[int, ...]
    summed: tuple[int, ...]


def view(clique: Sequence[int], chosen: Iterable[int], cards: Sequence[int]) -> View:
    """The view of a clique that keeps ``chosen``, which lie in it in the same order."""
    wanted = set(chosen)
    shape: list[int] = []
    kept: list[bool] = []
    for v in clique:
        if kept and kept[-1] == (v in wanted):
            shape[-1] *= cards[v]
        else:
            shape.append(cards[v])
            kept.append(v in wanted)
    part = tuple(size if keep else 1 for size, keep in zip(shape, kept, strict=True))
    return View(tuple(shape), part, tuple(axis for axis, keep in enumerate(kept) if not keep))


@dataclass(frozen=True)
class Step:
    """What happens at one clique.

    Parameters
    ----------
    cells : int
    parent : int
        Position of the parent, -1 for a root.
    kept : int
        Number of cells of the separator; the clique has shape (cells // kept, kept) on the way up.
    into_parent : View
        The separator inside the parent.
    factors : tuple of (int, View)
    evidence : tuple of (int, View)
        Variables whose likelihoods enter here.
    incoming : int
        Number of messages and likelihoods that are multiplied into this clique on the way up.
    """

    cells: int
    parent: int
    kept: int
    into_parent: View
    factors: tuple[tuple[int, View], ...]
    evidence: tuple[tuple[int, View], ...]
    incoming: int


class Program:
    """A compiled junction tree for one network, one set of relevant variables and one set of sliced variables.

    Parameters
    ----------
    network : Network
    keep : frozenset of int
        Variables that matter to the question, with their ancestors; the rest is barren.
    sliced : frozenset of int
        Variables whose states every case gives; they leave the cliques.
    together : sequence of tuple of int
        Further scopes that some clique has to hold.
    quiet : frozenset of int
        Sliced gates that every case gives in their reference state.
    many : bool
        Whether many cases will share the program, so that a better order is worth its search.
    leaves : frozenset of int
        Childless variables of ``keep`` that enter as rows over their parents and are in no clique.
    sizes : Sizes

    Attributes
    ----------
    asked : bool
        Whether it has run before; index maps for compiled code are made at the second run, when they pay.
    """

    def __init__(
        self,
        network: Network,
        keep: frozenset[int],
        sliced: frozenset[int] = frozenset(),
        together: Sequence[tuple[int, ...]] = (),
        quiet: frozenset[int] = frozenset(),
        many: bool = False,
        leaves: frozenset[int] = frozenset(),
        sizes: Sizes = USUAL,
    ) -> None:
        self.network = network
        self._sizes = sizes
        self.asked = False
        self.sliced = sliced
        self.leaves = leaves
        self._homes: dict[frozenset[int], int] = {}
        graph = factor_graph(network, keep - leaves, quiet, sizes)
        groups = leaf_groups(network, sorted(leaves))
        self.cards = graph.cards
        self.factors = graph.factors
        self.together = tuple(together)
        self.rest = tuple(tuple(v for v in factor.scope if v not in sliced) for factor in graph.factors)
        extra = [tuple(v for v in scope if v not in sliced) for scope in together]
        alone = [(v,) for v in keep if v not in sliced and v not in leaves]
        scopes = [*self.rest, *extra, *alone, *(group.scope for group in groups)]
        self.tree: JunctionTree = junction_tree(scopes, self.cards, many, graph.sweep())
        self.groups = tuple(LeafGroup(self.in_clique(group.scope), group.leaves) for group in groups)

    @cached_property
    def cells(self) -> int:
        """Number of cells of all cliques together."""
        return self.tree.cells

    @cached_property
    def has_hub(self) -> bool:
        """Whether a variable of many states is in most cliques: what makes one case at a time worth compiling."""
        cliques = self.tree.cliques
        many = [v for v, card in enumerate(self.network.cardinalities) if card >= self._sizes.hub_states]
        return any(2 * sum(v in clique for clique in cliques) >= len(cliques) for v in many)

    def check_size(self, memory_limit: int) -> None:
        """Raise TooLargeError where one case would need more than ``memory_limit`` bytes."""
        needed = 2 * BYTES * self.cells
        if needed > memory_limit:
            raise TooLargeError(
                f"exact inference here needs {rounded(needed, 10**9)} GB for one case (largest clique "
                f"{rounded(self.tree.largest)} cells); the limit is {rounded(memory_limit, 10**9)} GB. Observe more "
                "variables; with dx.Engine, ask for fewer targets or raise memory_limit."
            )

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the upward pass, in its order."""
        tree, cards = self.tree, self.cards
        factors: list[list[tuple[int, View]]] = [[] for _ in tree.cliques]
        for number, (rest, home) in enumerate(zip(self.rest, tree.homes, strict=False)):
            if home >= 0:
                factors[home].append((number, view(tree.cliques[home], rest, cards)))
        evidence: list[list[tuple[int, View]]] = [[] for _ in tree.cliques]
        for v, home in tree.clique_of.items():
            if v < len(self.network):
                evidence[home].append((v, view(tree.cliques[home], (v,), cards)))
        incoming = [len(entries) for entries in evidence]
        for parent in tree.parents:
            if parent >= 0:
                incoming[parent] += 1
        return tuple(
            Step(
                tree.size(place),
                tree.parents[place],
                math.prod(cards[v] for v in tree.separators[place]),
                view(tree.cliques[max(tree.parents[place], 0)], tree.separators[place], cards),
                tuple(factors[place]),
                tuple(evidence[place]),
                incoming[place],
            )
            for place in range(len(tree.cliques))
        )

    def in_clique(self, scope: Iterable[int]) -> tuple[int, ...]:
        """Variables that share a clique, in the order of their smallest one."""
        wanted = frozenset(scope)
        return tuple(v for v in self.tree.cliques[self.home_of(wanted)] if v in wanted)

    @cached_property
    def leaf_tables(self) -> tuple[tuple[int, View, LeafTables], ...]:
        """Per group of leaves its clique, how its cells lie there, and its rows."""
        found = []
        for group in self.groups:
            home = self.home_of(group.scope)
            seen = view(self.tree.cliques[home], group.scope, self.cards)
            found.append((home, seen, LeafTables.of(self.network, group)))
        return tuple(found)

    def home_of(self, variables: Iterable[int]) -> int:
        """A smallest clique that holds all ``variables``."""
        wanted = frozenset(variables)
        if wanted not in self._homes:
            if len(wanted) == 1:
                self._homes[wanted] = self.tree.clique_of[next(iter(wanted))]
            else:
                holding = (place for place, clique in enumerate(self.tree.cliques) if wanted.issubset(clique))
                self._homes[wanted] = min(holding, key=self.tree.size)
        return self._homes[wanted]

    @cached_property
    def constant(self) -> tuple[Array, ...]:
        """Product of the network's own factors in each clique, shape (cells, 1); only where nothing is sliced."""
        zero = np.zeros(1, dtype=np.intp)
        return self.potentials(None, zero, {}, np.zeros(1))[0]

    def potentials(
        self, draws: ParameterDraws | None, draw_of: Index, codes: dict[int, Index], scale: Array
    ) -> tuple[tuple[Array, ...], Array]:
        """Product of the factors in each clique, and of those that slicing leaves without variables.

        Parameters
        ----------
        draws : ParameterDraws or None
        draw_of : ndarray of int, shape (n_lanes,)
            The draw that each lane uses.
        codes : dict of variable to ndarray of int, shape (n_lanes,)
            States of the sliced variables.
        scale : ndarray, shape (n_lanes,)
            The logarithm of what is factored out of the cliques of each lane is added to it, in place.

        Returns
        -------
        tuple of ndarray, each of shape (cells, n_lanes or 1), and ndarray, shape (n_lanes or 1,)
        """
        if draws is not None:
            used, draw_of = np.unique(draw_of, return_inverse=True)
            draws = draws.take(used)
        alone = np.ones(1)
        cliques = []
        for step in self.steps:
            product: Array = np.ones((step.cells, 1))
            for number, seen in step.factors:
                values = self._values(number, draws, draw_of, codes, self._order_in_clique(number))
                spread = values.reshape(*seen.part, values.shape[1])
                product = product.reshape(*seen.clique, product.shape[1]) * spread
                product = product.reshape(step.cells, -1)
            cliques.append(product)
        if draws is not None:
            self._enter_leaves(cliques, draws, draw_of, codes, scale)
        for number, rest in enumerate(self.rest):
            if not rest:
                alone = alone * self._values(number, draws, draw_of, codes, ())[0]
        return tuple(cliques), alone

    def _enter_leaves(
        self, cliques: list[Array], draws: ParameterDraws, draw_of: Index, codes: dict[int, Index], scale: Array
    ) -> None:
        """Multiply the leaves into their cliques, each lane with its draw of their numbers; ``scale`` as above."""
        for group in self.groups:
            home = self.home_of(group.scope)
            seen = view(self.tree.cliques[home], group.scope, self.cards)
            for v in group.leaves:
                if (codes[v] < 0).all():
                    continue
                rows = drawn_rows(self.network, v, group.scope, draws)
                own = draw_of if len(rows) > 1 else np.zeros_like(draw_of)
                factor = np.where(codes[v] >= 0, rows[own, codes[v]].T, 1.0)
                spread = factor.reshape(*seen.part, -1)
                product = (cliques[home].reshape(*seen.clique, -1) * spread).reshape(len(cliques[home]), -1)
                top = product.max(axis=0)
                if top.min() < FAINTEST_PLAIN:
                    top = np.where(top > 0, top, 1.0)
                    product = product / top
                    scale += np.log(top)
                cliques[home] = product

    def _order_in_clique(self, number: int) -> tuple[int, ...]:
        """The variables left in a factor, in the order of its clique."""
        rest = set(self.rest[number])
        return tuple(v for v in self.tree.cliques[self.tree.homes[number]] if v in rest)

    def _values(
        self,
        number: int,
        draws: ParameterDraws | None,
        draw_of: Index,
        codes: dict[int, Index],
        order: tuple[int, ...],
    ) -> Array:
        """Numbers of a factor over the variables left in it, in ``order``, shape (cells, n_lanes or 1)."""
        factor: Factor = self.factors[number]
        values = factor_values(self.network, factor, draws)
        given = [v for v in factor.scope if v not in order]
        axes = [0, *(1 + factor.scope.index(v) for v in (*given, *order))]
        sizes = [self.cards[v] for v in given]
        flat = values.transpose(axes).reshape(values.shape[0] * math.prod(sizes), -1)
        row = draw_of if values.shape[0] > 1 else np.zeros(1, dtype=np.intp)
        for v, size in zip(given, sizes, strict=True):
            row = row * size + codes[v]
        if row.size > 1 and (row == row[0]).all():
            row = row[:1]
        return np.ascontiguousarray(flat[row].T)
