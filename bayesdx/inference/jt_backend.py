"""The junction-tree back end: programs cached by what a question needs, cases as lanes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.draws import ParameterDraws
from bayesdx.inference.elimination import quick_cells
from bayesdx.inference.evidence import Evidence
from bayesdx.inference.factors import can_be_quiet, factor_graph
from bayesdx.inference.families import empty_family, store_family
from bayesdx.inference.flat import FlatAnswer
from bayesdx.inference.kernels import Kernel, use_numba
from bayesdx.inference.passes import Calibrated, propagate
from bayesdx.inference.program import BYTES, Program
from bayesdx.inference.result import Family
from bayesdx.network import Network

Array = NDArray[np.float64]
Index = NDArray[np.intp]

MOST_CELLS_UNSLICED = 500_000
"""A tree with more cells than this is cut down by the states that each pattern of evidence gives."""

MOST_CELLS_UNSLICED_FOR_MANY = 2_000_000
"""The same for many cases, whose patterns differ, so that each would need a tree of its own."""

LANE_CELLS = 2**20
"""Cells times lanes that one pass works on at a time."""

LEAST_LANES, MOST_LANES = 32, 512
"""Bounds on the cases that one numpy pass works on at a time."""

MOST_LANES_FAST = 2**14
"""Cases handed to the compiled passes at a time; they cut them into blocks of their own."""

MOST_PROGRAMS = 64

MANY_LANES = 16
"""Cases from which a better elimination order is searched for."""


def ancestors(network: Network, variables: Sequence[int]) -> frozenset[int]:
    """``variables`` and everything above them; whatever else is barren."""
    seen: set[int] = set()
    stack = list(variables)
    while stack:
        v = stack.pop()
        if v not in seen:
            seen.add(v)
            stack.extend(network.index[parent] for parent in network.nodes[v].parents)
    return frozenset(seen)


class JunctionTreeBackend:
    """Exact posteriors by message passing.

    Parameters
    ----------
    network : Network
    memory_limit : int
        Bytes that one pass may take.
    kernel : {"auto", "numpy", "numba"}
    """

    def __init__(self, network: Network, memory_limit: int, kernel: Kernel = "numpy") -> None:
        self.kernel: Kernel = kernel
        self.network = network
        self.memory_limit = memory_limit
        self._programs: OrderedDict[object, Program] = OrderedDict()
        self._sizes: dict[tuple[frozenset[int], tuple[tuple[int, ...], ...]], float] = {}
        self._lock = threading.Lock()

    def program(
        self,
        keep: frozenset[int],
        sliced: frozenset[int],
        together: tuple[tuple[int, ...], ...] = (),
        quiet: frozenset[int] = frozenset(),
        many: bool = False,
    ) -> Program:
        """The program for a question, from the cache or compiled now."""
        key = (keep, sliced, together, quiet, many)
        with self._lock:
            if key in self._programs:
                self._programs.move_to_end(key)
                return self._programs[key]
        program = Program(self.network, keep, sliced, together, quiet, many)
        with self._lock:
            self._programs[key] = program
            while len(self._programs) > MOST_PROGRAMS:
                self._programs.popitem(last=False)
        return program

    def run(
        self,
        evidence: Evidence,
        targets: Sequence[int],
        families: Sequence[int] = (),
        draws: ParameterDraws | None = None,
        together: tuple[tuple[int, ...], ...] = (),
    ) -> tuple[Array, dict[int, Array], dict[int, Family], list[Array]]:
        """Log evidence, marginals, families and joint posteriors of the scopes in ``together``.

        Lanes are draws times cases, cases running fastest.
        """
        n_draws = draws.n_draws if draws else 1
        output = _Output(self.network, n_draws * len(evidence), targets, families, together)
        observed = evidence.codes >= 0
        soft = [self.network.index[name] for name in evidence.likelihoods]
        asked = [*targets, *families, *(v for scope in together for v in scope)]
        keep = ancestors(self.network, [*asked, *soft, *np.flatnonzero(observed.any(axis=0)).tolist()])
        many = n_draws * len(evidence) >= MANY_LANES
        if self._unsliced_cells(keep, together) <= (MOST_CELLS_UNSLICED_FOR_MANY if many else MOST_CELLS_UNSLICED):
            whole = self.program(keep, frozenset(), together, many=many)
            self._run_group(whole, evidence, np.arange(len(evidence)), draws, output)
            return output.log_evidence, output.marginals, output.families, output.joints
        for cases, pattern in _patterns(evidence, self._may_be_quiet if not families else ()):
            given = frozenset(np.flatnonzero(pattern).tolist())
            quiet = frozenset(np.flatnonzero(pattern == QUIET).tolist())
            keep = ancestors(self.network, [*asked, *soft, *given])
            self._run_group(self.program(keep, given, together, quiet), evidence, cases, draws, output)
        return output.log_evidence, output.marginals, output.families, output.joints

    def _unsliced_cells(self, keep: frozenset[int], together: tuple[tuple[int, ...], ...]) -> float:
        """Cells of one tree for all patterns of evidence, by the quickest elimination order."""
        key = (keep, together)
        if key not in self._sizes:
            graph = factor_graph(self.network, keep)
            scopes = [*(factor.scope for factor in graph.factors), *together]
            self._sizes[key] = quick_cells(scopes, graph.cards)
        return self._sizes[key]

    @cached_property
    def _may_be_quiet(self) -> list[int]:
        return [v for v in range(len(self.network)) if can_be_quiet(self.network, v)]

    def _run_group(
        self, program: Program, evidence: Evidence, cases: Index, draws: ParameterDraws | None, output: _Output
    ) -> None:
        program.check_size(self.memory_limit)
        n_lanes = (draws.n_draws if draws else 1) * len(cases)
        once = bool(program.sliced) and n_lanes < MANY_LANES and not program.asked
        program.asked = True
        fast = bool(program.steps) and not once and use_numba(self.kernel, program.cells * n_lanes)
        own = draws is None and not program.sliced
        scopes = output.scopes(program)
        fitting = max(1, self.memory_limit // (4 * BYTES * program.cells + 1))
        width = int(min(np.clip(LANE_CELLS // max(program.cells, 1), LEAST_LANES, MOST_LANES), fitting))
        if fast and own:
            width = MOST_LANES_FAST
        for start in range(0, n_lanes, width):
            draw_of, which = np.divmod(np.arange(start, min(n_lanes, start + width)), len(cases))
            case_of = cases[which]
            codes = {v: evidence.codes[case_of, v].astype(np.intp) for v in program.sliced}
            potentials, alone = (None, np.ones(1)) if own else program.potentials(draws, draw_of, codes)
            alone = alone * _sliced_likelihood(program, evidence, case_of, codes)
            answer: Calibrated | FlatAnswer
            if fast:
                answer = program.flat(scopes, own).run(potentials, alone, evidence, case_of)
            else:
                likelihoods = _likelihoods(program, evidence, case_of)
                tables = program.constant if potentials is None else potentials
                answer = propagate(program, tables, alone, likelihoods, len(case_of), scopes)
            output.store(program, answer, draw_of * len(evidence) + case_of, draw_of, codes, draws)


QUIET = 2
"""Mark of a gate seen in its reference state in a pattern of evidence; 1 is any observed variable, 0 the others."""


def _patterns(evidence: Evidence, may_be_quiet: Sequence[int]) -> Iterator[tuple[Index, NDArray[np.int8]]]:
    """Cases that observe the same variables, and which."""
    observed = (evidence.codes >= 0).astype(np.int8)
    columns = list(may_be_quiet)
    observed[:, columns] += (evidence.codes[:, columns] == 0).astype(np.int8)
    patterns, group_of = np.unique(observed, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        yield np.flatnonzero(group_of.reshape(-1) == number), pattern


def _sliced_likelihood(program: Program, evidence: Evidence, case_of: Index, codes: Mapping[int, Index]) -> Array:
    """Product of the likelihoods of the sliced variables, shape (n_lanes or 1,)."""
    product = np.ones(1)
    for name, values in evidence.likelihoods.items():
        v = program.network.index[name]
        if v in program.sliced:
            product = product * values[case_of, codes[v]]
    return product


def _likelihoods(program: Program, evidence: Evidence, case_of: Index) -> dict[int, Array]:
    """Likelihood vectors of the variables that some lane has evidence on, each of shape (n_states, n_lanes)."""
    network = program.network
    found: dict[int, Array] = {}
    codes = evidence.codes[case_of]
    for v in np.flatnonzero((codes >= 0).any(axis=0)).tolist():
        if v in program.sliced:
            continue
        column = codes[:, v]
        states = np.arange(network.cardinalities[v])[:, None]
        found[v] = ((column == states) | (column < 0)).astype(np.float64)
    for name, values in evidence.likelihoods.items():
        v = network.index[name]
        if v not in program.sliced:
            here = values[case_of].T
            found[v] = found[v] * here if v in found else np.ascontiguousarray(here)
    return found


class _Output:
    """Arrays that the groups of lanes of one question fill."""

    def __init__(
        self,
        network: Network,
        n_lanes: int,
        targets: Sequence[int],
        families: Sequence[int],
        together: tuple[tuple[int, ...], ...],
    ) -> None:
        cards = network.cardinalities
        self.network = network
        self.together = together
        self.log_evidence = np.empty(n_lanes)
        self.marginals = {v: np.zeros((n_lanes, cards[v])) for v in targets}
        self.families: dict[int, Family] = {v: empty_family(network, v, n_lanes) for v in families}
        self.joints = [np.zeros((n_lanes, *(cards[v] for v in scope))) for scope in together]

    def scopes(self, program: Program) -> tuple[tuple[int, ...], ...]:
        """The joint posteriors that have to be read, over the variables that are not sliced."""
        asked: list[tuple[int, ...]] = [(v,) for v in self.marginals]
        asked.extend(factor.scope for factor in program.factors if factor.node in self.families)
        asked.extend(self.together)
        return tuple(dict.fromkeys(tuple(v for v in scope if v not in program.sliced) for scope in asked))

    def store(
        self,
        program: Program,
        answer: Calibrated | FlatAnswer,
        rows: Index,
        draw_of: Index,
        codes: Mapping[int, Index],
        draws: ParameterDraws | None,
    ) -> None:
        """Write one group of lanes into its rows."""
        reader = _Reader(program, answer, codes, len(rows))
        self.log_evidence[rows] = answer.log_evidence
        for v, values in self.marginals.items():
            values[rows] = reader.joint((v,))
        for scope, joint in zip(self.together, self.joints, strict=True):
            joint[rows] = reader.joint(scope)
        scopes: dict[int, list[tuple[int, ...]]] = {}
        for factor in program.factors:
            if factor.node in self.families:
                scopes.setdefault(factor.node, []).append(factor.scope)
        for v, parts in scopes.items():
            joints = [reader.joint(part) for part in parts]
            store_family(self.network, v, self.families[v], joints, rows, draw_of, draws)


class _Reader:
    """Reads joint posteriors out of calibrated cliques."""

    def __init__(
        self, program: Program, answer: Calibrated | FlatAnswer, codes: Mapping[int, Index], n_lanes: int
    ) -> None:
        self.program = program
        self.answer = answer
        self.codes = codes
        self.n_lanes = n_lanes

    def joint(self, scope: tuple[int, ...]) -> Array:
        """Joint posterior of variables that share a clique, shape (n_lanes, *cardinalities)."""
        program, cards = self.program, self.program.cards
        rest = tuple(v for v in scope if v not in program.sliced)
        values = self.answer.joint(rest) if rest else np.ones(self.n_lanes)
        given = [v for v in scope if v in program.sliced]
        if not given:
            return values
        shape = (self.n_lanes, *(cards[v] for v in given), *(cards[v] for v in rest))
        full = np.zeros(shape)
        full[(np.arange(self.n_lanes), *(self.codes[v] for v in given))] = values
        order = [*given, *rest]
        return full.transpose(0, *(1 + order.index(v) for v in scope))
