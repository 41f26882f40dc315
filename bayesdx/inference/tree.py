"""The junction tree of a set of scopes: cliques, separators, and the clique that holds each scope."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.elimination import bits, good_order, moral_graph


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
        """These cliques and all above them: what the way down has to pass."""
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
