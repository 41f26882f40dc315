"""A junction-tree program for compiled code that takes one case at a time, whole cliques staying in the cache.

Every table keeps the variable that most tables share as its last axis, so that a message is entered and summed in runs
of adjacent cells. Leaves in their reference state cost next to nothing: in a noisy gate P(reference state | parents)
is a product of one factor per parent.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.evidence import Evidence, certain_where_seen
from bayesdx.inference.flat import FlatAnswer
from bayesdx.inference.kernels import over_runs
from bayesdx.inference.leaves import leaf_rows, parents_of
from bayesdx.inference.logs import FAINT
from bayesdx.inference.program import Program
from bayesdx.inference.sizes import USUAL, Sizes
from bayesdx.inference.structures import CaseTree
from bayesdx.network import NoisyMax

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Scope = tuple[int, ...]

RUN = 1024
"""Cases that one call of compiled code takes, so that what it returns stays in the cache."""


@dataclass(frozen=True)
class Runs:
    """How the cells of a small table lie in a larger one, both with their axes in one order.

    Parameters
    ----------
    start : int
        Where the map begins: an entry per run of the larger table, the first cell of the smaller one that it meets.
    length : int
        Cells of one run.
    kept : bool
        Whether a run meets as many cells of the smaller table, one after another, or one cell only.
    """

    start: int
    length: int
    kept: bool


class Casewise:
    """Index maps of a program and of the scopes to read from it.

    Parameters
    ----------
    program : Program
        Nothing sliced; the network's own numbers.
    scopes : sequence of tuple of int
        Joint posteriors to return; each lies in one clique.
    sizes : Sizes
    """

    def __init__(self, program: Program, scopes: Sequence[Scope], sizes: Sizes = USUAL) -> None:
        self.program = program
        self._alike = sizes.alike
        self.cards = program.cards
        uses = Counter(v for clique in program.tree.cliques for v in clique)
        self._rank = {v: place for place, v in enumerate(sorted(uses, key=lambda v: (uses[v], v)))}
        self._maps: list[NDArray[np.int32]] = []
        self._length = 0
        self.cliques = [self.ordered(clique) for clique in program.tree.cliques]
        self.variables = self.ordered([v for v in program.tree.clique_of if v < len(program.network)])
        self.scopes = tuple(dict.fromkeys(scope for scope in scopes if scope))
        parts: tuple[Any, ...] = (
            *self._tree_arguments(),
            *self._variable_arguments(),
            *self._leaf_arguments(),
            *self._output_arguments(),
        )
        self._tree = CaseTree(np.concatenate([np.zeros(0, dtype=np.int32), *self._maps]), *parts)
        self._no_likelihoods = np.full(len(program.network), -1, dtype=np.int64)
        self._nothing = np.zeros((0, 0))

    def ordered(self, scope: Sequence[int]) -> Scope:
        """The variables of a scope in the order of the cells."""
        return tuple(sorted(scope, key=self._rank.__getitem__))

    def _size(self, scope: Sequence[int]) -> int:
        return math.prod(self.cards[v] for v in scope)

    def _runs(self, large: Scope, small: Scope, longest: int | None = None) -> Runs:
        """The map from a large table to a smaller one over some of its variables, in runs of at most ``longest``."""
        length = min(self._run_length(large, small), longest or self._size(large))
        number = np.arange(self._size(small)).reshape([self.cards[v] if v in small else 1 for v in large])
        spread = np.broadcast_to(number, [self.cards[v] for v in large])
        entries = np.ascontiguousarray(spread).reshape(-1)[::length].astype(np.int32)
        start = self._length
        self._maps.append(entries)
        self._length += entries.size
        return Runs(start, length, bool(large) and large[-1] in small)

    def _run_length(self, large: Scope, small: Scope) -> int:
        """Cells of the longest runs: those of the last variables, all of them in the smaller table or none."""
        split = len(large)
        while split and (large[split - 1] in small) == (large[-1] in small):
            split -= 1
        return self._size(large[split:])

    def _tree_arguments(self) -> tuple[Array | Ints, ...]:
        program = self.program
        tree = program.tree
        separators = [self.ordered(scope) for scope in tree.separators]
        down = [self._runs(clique, kept) for clique, kept in zip(self.cliques, separators, strict=True)]
        up = [
            self._runs(self.cliques[parent], kept) if parent >= 0 else self._runs((), ())
            for parent, kept in zip(tree.parents, separators, strict=True)
        ]
        potentials = [
            _reordered(values[:, 0], clique, ordered, self.cards)
            for values, clique, ordered in zip(program.constant, tree.cliques, self.cliques, strict=True)
        ]
        return (
            np.concatenate(potentials),
            _bounds([self._size(clique) for clique in self.cliques]),
            _bounds([self._size(scope) for scope in separators]),
            np.array(tree.parents, dtype=np.int64),
            _table(down),
            _table(up),
        )

    def _variable_arguments(self) -> tuple[Array | Ints, ...]:
        """Per variable of the tree: its clique, the bounds of its likelihood vector, its runs."""
        homes = [self.program.home_of((v,)) for v in self.variables]
        runs = [self._runs(self.cliques[home], (v,)) for v, home in zip(self.variables, homes, strict=True)]
        return (
            np.array(self.variables, dtype=np.int64),
            np.array(homes, dtype=np.int64),
            _bounds([self.cards[v] for v in self.variables]),
            _table(runs),
        )

    def _leaf_arguments(self) -> tuple[Array | Ints, ...]:
        """Groups of leaves with their cliques and runs; leaves with their rows and factors of the reference state."""
        program, network = self.program, self.program.network
        groups = [self.ordered(group.scope) for group in program.groups]
        homes = [program.home_of(scope) for scope in groups]
        runs = [self._runs(self.cliques[home], scope) for home, scope in zip(homes, groups, strict=True)]
        place = {v: number for number, v in enumerate(self.variables)}
        starts = _bounds([self.cards[v] for v in self.variables])
        columns, group_of, base, ends, parent, quiet_first = [], [], [], [], [], []
        rows: list[Array] = []
        quiet: list[Array] = []
        for number, (group, scope) in enumerate(zip(program.groups, groups, strict=True)):
            for v in group.leaves:
                columns.append(v)
                group_of.append(number)
                rows.append(leaf_rows(network, v, scope).reshape(-1))
                cpd = network.nodes[v].cpd
                if isinstance(cpd, NoisyMax):
                    base.append(float(cpd.leak[0]))
                    parents = [place[u] for u in parents_of(network, v)]
                    first = int(starts[min(parents)])
                    factor = np.ones(int(starts[max(parents) + 1]) - first)
                    for u, link in zip(parents, cpd.links, strict=True):
                        factor[starts[u] - first : starts[u + 1] - first] = link[:, 0]
                    parent.extend(parents)
                else:
                    base.append(-1.0)
                    first, factor = 0, np.zeros(0)
                ends.append(len(parent))
                quiet_first.append(first)
                quiet.append(factor)
        return (
            np.array(columns, dtype=np.int64),
            np.array(group_of, dtype=np.int64),
            _bounds([part.size for part in rows]),
            np.concatenate([np.zeros(0), *rows]),
            np.array(base),
            np.array(ends, dtype=np.int64),
            np.array(parent, dtype=np.int64),
            np.array(quiet_first, dtype=np.int64),
            _bounds([part.size for part in quiet]),
            np.concatenate([np.zeros(0), *quiet]),
            np.array(homes, dtype=np.int64),
            _bounds([self._size(scope) for scope in groups]),
            _table(runs),
        )

    def _output_arguments(self) -> tuple[NDArray[np.bool_] | Ints, ...]:
        """Which cliques the pass down visits, which of them pass something on, and the maps of what is read."""
        tree = self.program.tree
        by_clique = sorted(self.scopes, key=self.program.home_of)
        homes = [self.program.home_of(scope) for scope in by_clique]
        runs, weights = [], []
        for home, scope in zip(homes, map(self.ordered, by_clique), strict=True):
            clique, separator = self.cliques[home], self.ordered(tree.separators[home])
            longest = min(self._run_length(clique, scope), self._run_length(clique, separator))
            runs.append(self._runs(clique, scope, longest))
            weights.append(self._runs(clique, separator, longest))
        bounds = _bounds([self._size(scope) for scope in by_clique])
        self._place = {scope: (int(a), int(b)) for scope, a, b in zip(by_clique, bounds[:-1], bounds[1:], strict=True)}
        self.output_cells = int(bounds[-1])
        needed, passes_on = np.zeros((2, len(tree.cliques)), dtype=np.bool_)
        needed[list(tree.up_to_roots(homes))] = True
        passes_on[[tree.parents[clique] for clique in np.flatnonzero(needed) if tree.parents[clique] >= 0]] = True
        ends = np.cumsum([homes.count(clique) for clique in range(len(tree.cliques))], dtype=np.int64)
        return needed, passes_on, ends, bounds, _table(runs), _table(weights)

    def span_of(self, scope: Scope) -> tuple[int, int]:
        """Where one scope's posterior stands in a row that ``propagate`` returns; its cells as ``ordered`` says."""
        return self._place[scope]

    def propagate(self, evidence: Evidence) -> tuple[Array, Array]:
        """P(evidence) of every case, shape (n_cases,), and the posteriors of all scopes, shape (n_cases, n_cells).

        A case of lower probability than ``FAINT`` has a void posterior.
        """
        from bayesdx.inference.casewise_fast import propagate_casewise

        soft_start, soft = self._no_likelihoods, self._nothing
        if evidence.likelihoods:
            soft_start, parts, width = soft_start.copy(), [], 0
            for name, values in evidence.likelihoods.items():
                soft_start[self.program.network.index[name]] = width
                parts.append(values)
                width += values.shape[1]
            soft = np.concatenate(parts, axis=1)
        total, output = np.empty(len(evidence)), np.empty((len(evidence), self.output_cells))
        codes = evidence.codes
        alike = not evidence.likelihoods and np.count_nonzero(codes[1:] != codes[:-1]) < self._alike * codes.size
        propagate_casewise(codes, soft_start, soft, alike, self._tree, total, output)
        return total, output

    def run(self, evidence: Evidence) -> tuple[FlatAnswer, Ints]:
        """Both passes for every case, and the cases that are too faint, whose answers are void."""
        total, output = self.propagate(evidence)
        faint = np.flatnonzero(~(total >= FAINT))
        total[faint] = 1.0
        joints = {}
        for scope, (start, stop) in self._place.items():
            ordered = self.ordered(scope)
            values = output[:, start:stop].reshape(len(output), *(self.cards[v] for v in ordered))
            joints[scope] = values.transpose(0, *(1 + ordered.index(v) for v in scope))
        return FlatAnswer(np.log(total), joints), faint


class CasewiseMarginals:
    """Marginals of some targets, read from the compiled passes.

    They are the numbers that ``JunctionTreeBackend.run`` finds by lanes. What depends on the targets alone is prepared
    once, so that one case costs little more than its passes; runs of cases of a large batch go to several threads.

    Parameters
    ----------
    program : Program
        Nothing sliced.
    targets : sequence of int
        Variables of the tree, and leaves outside it.
    workers : int
        Threads for a large batch.
    sizes : Sizes

    Attributes
    ----------
    width : int
        Cases that one call of compiled code takes.
    returned : int
        Numbers that it returns of a case.
    """

    def __init__(self, program: Program, targets: Sequence[int], workers: int, sizes: Sizes) -> None:
        asked = [(group.scope, [v for v in group.leaves if v in targets]) for group in program.groups]
        groups = [(scope, leaves) for scope, leaves in asked if leaves]
        inside = [v for v in targets if v not in program.leaves]
        self._program = program
        self._workers = workers
        self._targets = tuple(targets)
        self._outside = [program.network.names[v] for _, leaves in groups for v in leaves]
        scopes = tuple(dict.fromkeys([*((v,) for v in inside), *(s for s, _ in groups)]))
        self._casewise = Casewise(program, scopes, sizes)
        self._threaded_cells = sizes.threaded_cells
        self.width = min(RUN, sizes.cases_at_once)
        self.returned = self._casewise.output_cells
        self._inside = [(v, slice(*self._casewise.span_of((v,)))) for v in inside]
        self._groups: list[tuple[slice, Array, list[tuple[int, slice]]]] = []
        for scope, leaves in groups:
            rows = [leaf_rows(program.network, v, self._casewise.ordered(scope)) for v in leaves]
            spans = [slice(first, last) for first, last in pairwise(np.cumsum([0, *map(len, rows)]).tolist())]
            span = slice(*self._casewise.span_of(scope))
            self._groups.append((span, np.concatenate(rows).T, list(zip(leaves, spans, strict=True))))

    def serves(self, evidence: Evidence) -> bool:
        """Whether no leaf asked about has a likelihood vector."""
        return not evidence.likelihoods or not any(name in evidence.likelihoods for name in self._outside)

    def run(self, evidence: Evidence) -> tuple[Array, dict[int, Array], NDArray[np.intp]]:
        """P(evidence), marginals, and the cases that are too faint, whose answer is void."""
        if len(evidence) <= self.width:
            total, found = self._answer(evidence)
        else:
            total, found = self._many(evidence)
        return total, {v: found[v] for v in self._targets}, (~(total >= FAINT)).nonzero()[0]

    def _many(self, evidence: Evidence) -> tuple[Array, dict[int, Array]]:
        n, cards = len(evidence), self._program.cards
        total = np.empty(n)
        found = {v: np.empty((n, cards[v])) for v in self._targets}

        def work(rows: slice) -> None:
            total[rows], part = self._answer(evidence.take(range(rows.start, rows.stop)))
            for v, values in part.items():
                found[v][rows] = values

        over_runs(work, n, self.width, self._workers if n * self._program.cells >= self._threaded_cells else 1)
        return total, found

    def _answer(self, evidence: Evidence) -> tuple[Array, dict[int, Array]]:
        total, output = self._casewise.propagate(evidence)
        found = {v: output[:, span] for v, span in self._inside}
        for span, rows, leaves in self._groups:
            predicted = output[:, span] @ rows
            for v, states in leaves:
                found[v] = certain_where_seen(predicted[:, states], evidence.codes[:, v])
        return total, found


def _reordered(values: Array, clique: Scope, ordered: Scope, cards: Sequence[int]) -> Array:
    shaped = values.reshape([cards[v] for v in clique])
    return np.ascontiguousarray(shaped.transpose([clique.index(v) for v in ordered])).reshape(-1)


def _bounds(sizes: Sequence[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(np.array(sizes, dtype=np.int64))]).astype(np.int64)


def _table(runs: Sequence[Runs]) -> Ints:
    """A row (start, length, kept) per map."""
    return np.array([(run.start, run.length, run.kept) for run in runs], dtype=np.int64).reshape(-1, 3)
