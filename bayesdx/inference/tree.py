"""The junction tree of a set of scopes: an elimination order, and the cliques and separators that it makes.

The order is found greedily; sets of variables are bit sets.

References
----------
U. Kjaerulff (1990), "Triangulation of graphs: algorithms giving small total state space", Aalborg University;
M. Fishelson, D. Geiger (2004), "Optimizing exact genetic linkage computations", J. Comput. Biol. 11 (weighted
min-fill).
"""

from __future__ import annotations

import heapq
import math
import operator
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Score = Callable[[int, list[int], list[float]], float]


@dataclass(frozen=True)
class JunctionTree:
    """A forest of cliques, children before parents.

    Axes of a clique follow the elimination order, so that the variables summed out on the way to the parent come
    first and separators keep the order of their cliques.

    Parameters
    ----------
    cards : tuple of int
    cliques : tuple of tuple of int
    parents : tuple of int
        Position of the parent clique, or -1 for a root.
    separators : tuple of tuple of int
        Variables shared with the parent; empty for a root.
    homes : tuple of int
        For each scope, the clique that holds it.
    clique_of : dict
        For each variable, its smallest clique.
    """

    cards: tuple[int, ...]
    cliques: tuple[tuple[int, ...], ...]
    parents: tuple[int, ...]
    separators: tuple[tuple[int, ...], ...]
    homes: tuple[int, ...]
    clique_of: dict[int, int]

    def size(self, clique: int) -> int:
        """Number of cells of a clique."""
        return math.prod(self.cards[v] for v in self.cliques[clique])

    def up_to_roots(self, cliques: Iterable[int]) -> set[int]:
        """These cliques and all above them, which the pass down has to visit."""
        found = set(cliques)
        for clique, parent in enumerate(self.parents):
            if clique in found and parent >= 0:
                found.add(parent)
        return found

    @property
    def cells(self) -> int:
        """Number of cells of all cliques together."""
        return sum(self.size(clique) for clique in range(len(self.cliques)))

    @property
    def largest(self) -> int:
        """Number of cells of the largest clique."""
        return max((self.size(clique) for clique in range(len(self.cliques))), default=0)


def cell_of(outer: Sequence[int], inner: Sequence[int], cards: Sequence[int]) -> NDArray[np.intp]:
    """For each cell over the variables ``outer``, the cell over ``inner``, which are some of them.

    Examples
    --------
    >>> cell_of((0, 1), (1,), (2, 3)).tolist()
    [0, 1, 2, 0, 1, 2]
    """
    found = np.zeros((1,) * len(outer), dtype=np.intp)
    stride = 1
    for v in reversed(inner):
        shape = [1] * len(outer)
        shape[outer.index(v)] = cards[v]
        found = found + (np.arange(cards[v]) * stride).reshape(shape)
        stride *= cards[v]
    return np.broadcast_to(found, [cards[v] for v in outer]).reshape(-1)


def junction_tree(
    scopes: Sequence[Sequence[int]], cards: Sequence[int], many: bool, sweep: Sequence[int] = ()
) -> JunctionTree:
    """Compile scopes into a junction tree with a greedily chosen elimination order.

    With ``many`` cases to come, more orders are compared. ``sweep`` is one of them, where it is given.

    References
    ----------
    S. Lauritzen, D. Spiegelhalter (1988), J. R. Stat. Soc. B 50; F. Jensen, F. Jensen (1994), "Optimal junction
    trees", UAI.
    """
    used = sorted({v for scope in scopes for v in scope})
    graph = moral_graph(scopes, len(cards))
    order = good_order(graph, cards, used, many, [v for v in sweep if v in set(used)])
    place = {v: position for position, v in enumerate(order)}
    members, above = _elimination_tree(graph, order, place)
    kept, above = _merged(order, members, above)
    kept = _with_hubs(kept, members, above, cards)
    index = {v: position for position, v in enumerate(kept)}
    cliques = tuple(tuple(sorted(bits(members[v]), key=place.__getitem__)) for v in kept)
    parents = tuple(index[above[v]] if above[v] >= 0 else -1 for v in kept)
    separators = tuple(
        tuple(u for u in clique if members[kept[parent]] >> u & 1) if parent >= 0 else ()
        for clique, parent in zip(cliques, parents, strict=True)
    )
    sizes = [math.prod(cards[v] for v in clique) for clique in cliques]
    clique_of: dict[int, int] = {}
    for position in sorted(range(len(cliques)), key=sizes.__getitem__):
        for v in cliques[position]:
            clique_of.setdefault(v, position)
    homes = _homes(scopes, place, cliques, parents)
    return JunctionTree(tuple(cards), cliques, parents, separators, homes, clique_of)


def _elimination_tree(
    graph: Sequence[int], order: Sequence[int], place: dict[int, int]
) -> tuple[dict[int, int], dict[int, int]]:
    """Clique of each variable as a bit set, and the variable whose clique is its parent (-1 for none)."""
    neighbours = list(graph)
    members: dict[int, int] = {}
    above: dict[int, int] = {}
    for v in order:
        around = neighbours[v]
        others = bits(around)
        members[v] = around | 1 << v
        above[v] = min(others, key=place.__getitem__, default=-1)
        for u in others:
            neighbours[u] = (neighbours[u] | around) & ~(1 << u) & ~(1 << v)
    return members, above


def _merged(order: Sequence[int], members: dict[int, int], above: dict[int, int]) -> tuple[list[int], dict[int, int]]:
    """Absorb every clique that one of its children contains; children stay before parents."""
    into = {v: v for v in order}
    for v in order:
        up = above[v]
        if up >= 0 and into[up] == up and members[up] & ~members[v] == 0:
            into[up] = v

    def final(v: int) -> int:
        while into[v] != v:
            v = into[v]
        return v

    target = {v: final(v) for v in order}
    parent_of: dict[int, int] = {}
    for v in order:
        here, up = target[v], above[v]
        if up < 0:
            parent_of.setdefault(here, -1)
        elif target[up] != here:
            parent_of[here] = target[up]
    for v in order:
        parent_of.setdefault(target[v], -1)
    return _children_first(list(parent_of), parent_of), parent_of


def _with_hubs(kept: list[int], members: dict[int, int], above: dict[int, int], cards: Sequence[int]) -> list[int]:
    """Put a small clique between a large one and the children that share a separator with it, where that saves cells.

    Their messages are then combined over the separator, and enter the large clique, or leave it, once. ``members`` and
    ``above`` are changed in place; returned are the cliques, children before parents.
    """
    cliques = list(kept)
    children: dict[int, list[int]] = {v: [] for v in cliques}
    for v in cliques:
        if above[v] >= 0:
            children[above[v]].append(v)
    waiting = list(cliques)
    while waiting:
        parent = waiting.pop()
        separators = {child: members[child] & members[parent] for child in children[parent]}
        hub = _best_hub(members[parent], list(separators.values()), cards)
        if hub is None:
            continue
        new = len(cards) + len(cliques)
        served = [child for child, separator in separators.items() if separator & ~hub == 0]
        members[new], above[new], children[new] = hub, parent, served
        above.update(dict.fromkeys(served, new))
        children[parent] = [*(child for child in children[parent] if child not in served), new]
        cliques.append(new)
        waiting += [parent, new]
    return _children_first(cliques, above)


def _best_hub(clique: int, separators: Sequence[int], cards: Sequence[int]) -> int | None:
    """The separator over which most cells are saved if all those within it meet there; None where none saves any."""

    def cells(variables: int) -> int:
        return math.prod(cards[v] for v in bits(variables))

    size = cells(clique)

    def saved(hub: int) -> int:
        served = sum(separator & ~hub == 0 for separator in separators)
        return served * (size - cells(hub)) - (size + cells(hub))

    hub = max(dict.fromkeys(separators), key=saved, default=0)
    return hub if hub and saved(hub) > 0 else None


def _children_first(kept: list[int], parent_of: dict[int, int]) -> list[int]:
    depth: dict[int, int] = {}
    for v in kept:
        path = []
        u = v
        while u >= 0 and u not in depth:
            path.append(u)
            u = parent_of[u]
        start = depth[u] if u >= 0 else -1
        for step, w in enumerate(reversed(path), start=1):
            depth[w] = start + step
    return sorted(kept, key=lambda v: -depth[v])


def _homes(
    scopes: Sequence[Sequence[int]],
    place: dict[int, int],
    cliques: Sequence[tuple[int, ...]],
    parents: Sequence[int],
) -> tuple[int, ...]:
    """For each scope, the clique in which its first-eliminated variable is summed out: it holds the whole scope."""
    summed_in: dict[int, int] = {}
    for position, (clique, parent) in enumerate(zip(cliques, parents, strict=True)):
        shared = set(cliques[parent]) if parent >= 0 else set()
        for v in clique:
            if v not in shared:
                summed_in[v] = position
    return tuple(summed_in[min(scope, key=place.__getitem__)] if scope else -1 for scope in scopes)


# -- elimination orders ------------------------------------------------------------------------------------------------


def moral_graph(scopes: Iterable[Collection[int]], size: int) -> list[int]:
    """Neighbours of each variable as a bit set: variables that share a scope."""
    neighbours = [0] * size
    for scope in scopes:
        together = sum(1 << v for v in scope)
        for v in scope:
            neighbours[v] |= together
    return [mask & ~(1 << v) for v, mask in enumerate(neighbours)]


def bits(mask: int) -> list[int]:
    """The members of a bit set, lowest first."""
    members = []
    while mask:
        low = mask & -mask
        members.append(low.bit_length() - 1)
        mask ^= low
    return members


def fewest_new_edges(v: int, neighbours: list[int], logs: list[float]) -> float:
    """Number of edges that eliminating ``v`` adds; ties go to the smaller clique."""
    around = neighbours[v]
    members = bits(around)
    degree = len(members)
    linked = sum((neighbours[u] & around).bit_count() for u in members)
    return (degree * (degree - 1) - linked) / 2 + 1e-3 * (logs[v] + sum(logs[u] for u in members))


def lightest_new_edges(v: int, neighbours: list[int], logs: list[float]) -> float:
    """Sum over the added edges of the product of their ends' cardinalities; ties go to the smaller clique."""
    around = neighbours[v]
    members = bits(around)
    total = 0.0
    for u in members:
        missing = around & ~neighbours[u] & ~(1 << u)
        if missing:
            total += math.exp(logs[u]) * sum(math.exp(logs[w]) for w in bits(missing))
    return total / 2 + 1e-3 * (logs[v] + sum(logs[u] for u in members))


def smallest_clique(v: int, neighbours: list[int], logs: list[float]) -> float:
    """Logarithm of the number of cells of the clique that eliminating ``v`` makes."""
    return logs[v] + sum(logs[u] for u in bits(neighbours[v]))


def balanced(v: int, neighbours: list[int], logs: list[float]) -> float:
    """A mean of the logarithms of what eliminating ``v`` adds and of the clique that it makes."""
    return 0.85 * math.log1p(lightest_new_edges(v, neighbours, logs)) + 0.15 * smallest_clique(v, neighbours, logs)


RULES: tuple[Score, ...] = (fewest_new_edges, smallest_clique, lightest_new_edges, balanced)


def greedy_order(
    graph: Sequence[int], cards: Sequence[int], variables: Iterable[int], score: Score, most: float = math.inf
) -> tuple[list[int], float]:
    """Eliminate ``variables`` one by one, each time one of least score.

    Returned are the order and the sum of the sizes of its cliques; given up, with an infinite sum, where that passes
    ``most``.

    Parameters
    ----------
    graph : sequence of int
        Bit sets of neighbours, as from ``moral_graph``.
    cards : sequence of int
    variables : iterable of int
    score : callable
        One of ``RULES``.
    """
    neighbours = list(graph)
    logs = [math.log(card) for card in cards]
    current = {v: score(v, neighbours, logs) for v in variables}
    heap = [(value, v) for v, value in current.items()]
    heapq.heapify(heap)
    order: list[int] = []
    total = 0.0
    while heap:
        value, v = heapq.heappop(heap)
        if current.get(v) != value:
            continue
        del current[v]
        order.append(v)
        total += cards[v] * math.prod(float(cards[u]) for u in bits(neighbours[v]))
        if total > most:
            return order, math.inf
        for u in _eliminate(v, neighbours):
            if u in current:
                fresh = score(u, neighbours, logs)
                if fresh != current[u]:
                    current[u] = fresh
                    heapq.heappush(heap, (fresh, u))
    return order, total


def _eliminate(v: int, neighbours: list[int]) -> list[int]:
    """Join the neighbours of ``v``, drop ``v``, and return whose score may have changed."""
    around = neighbours[v]
    touched = around
    for u in bits(around):
        added = around & ~neighbours[u] & ~(1 << u)
        for w in bits(added):
            touched |= neighbours[u] & neighbours[w]
        neighbours[u] = (neighbours[u] | added) & ~(1 << v)
    neighbours[v] = 0
    return bits(touched & ~(1 << v))


def order_cells(graph: Sequence[int], cards: Sequence[int], order: Sequence[int]) -> float:
    """Sum of the sizes of the cliques that an order makes; what a propagation costs."""
    neighbours = list(graph)
    total = 0.0
    for v in order:
        members = bits(neighbours[v])
        total += cards[v] * math.prod(float(cards[u]) for u in members)
        for u in members:
            neighbours[u] = (neighbours[u] | neighbours[v]) & ~(1 << u) & ~(1 << v)
    return total


ENOUGH_CELLS = 1_000_000.0
"""An order this cheap is taken at once for a few cases; other rules are tried for costlier ones."""

ENOUGH_CELLS_FOR_MANY = 20_000.0
"""The same as ``ENOUGH_CELLS`` where many cases will share the order."""


def good_order(
    graph: Sequence[int], cards: Sequence[int], variables: Iterable[int], many: bool, sweep: Sequence[int] = ()
) -> list[int]:
    """The cheapest of ``sweep``, unless it is empty, and the orders that the greedy rules find.

    Rules are tried as ``RULES`` lists them until an order is cheap enough. ``sweep`` is an order of all ``variables``.
    """
    enough = ENOUGH_CELLS_FOR_MANY if many else ENOUGH_CELLS
    pool = list(variables)
    best: tuple[list[int], float] = list(sweep), order_cells(graph, cards, sweep) if sweep else math.inf
    for score in RULES:
        found = greedy_order(graph, cards, pool, score, best[1])
        best = min(best, found, key=operator.itemgetter(1))
        if best[1] <= enough or (sweep and best[0] is not found[0]):  # no later rule beats a sweep
            break
    return best[0]


def quick_cells(scopes: Sequence[Sequence[int]], cards: Sequence[int]) -> float:
    """Cells of all cliques over these scopes, with the order that the fastest rule finds."""
    graph = moral_graph(scopes, len(cards))
    return greedy_order(graph, cards, sorted({v for scope in scopes for v in scope}), fewest_new_edges)[1]
