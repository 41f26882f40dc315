"""Elimination orders: which variable to sum out next, greedily, on bit sets.

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
from collections.abc import Callable, Iterable, Sequence

Score = Callable[[int, list[int], list[float]], float]


def moral_graph(scopes: Iterable[Sequence[int]], size: int) -> list[int]:
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
"""The same where many cases will share the order."""


def good_order(
    graph: Sequence[int], cards: Sequence[int], variables: Iterable[int], many: bool, sweep: Sequence[int] = ()
) -> list[int]:
    """The cheapest of some orders; later ones are tried only while the cost is worth it.

    They are, unless it is empty, ``sweep`` (an order of all ``variables``), and what the greedy rules find.
    """
    enough = ENOUGH_CELLS_FOR_MANY if many else ENOUGH_CELLS
    pool = list(variables)
    best: tuple[list[int], float] = list(sweep), order_cells(graph, cards, sweep) if sweep else math.inf
    for score in RULES:
        found = greedy_order(graph, cards, pool, score, best[1])
        best = min(best, found, key=operator.itemgetter(1))
        if best[1] <= enough or (sweep and best[0] is not found[0]):  # where a sweep wins once, it does so again
            break
    return best[0]


def quick_cells(scopes: Sequence[Sequence[int]], cards: Sequence[int]) -> float:
    """What a propagation over these scopes costs with the order that is found fastest."""
    graph = moral_graph(scopes, len(cards))
    return greedy_order(graph, cards, sorted({v for scope in scopes for v in scope}), fewest_new_edges)[1]
