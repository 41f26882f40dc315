"""The junction-tree back end: programs cached by what a question needs, cases as lanes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference import gate
from bayesdx.inference.draws import GateDraws, ParameterDraws, numbers_of
from bayesdx.inference.evidence import Evidence
from bayesdx.inference.passes import Calibrated, propagate
from bayesdx.inference.program import Program, view
from bayesdx.inference.result import Family, GateFamily
from bayesdx.network import Network

Array = NDArray[np.float64]
Index = NDArray[np.intp]

MOST_CELLS_UNSLICED = 300_000
"""A tree with more cells than this is cut down by the states that each pattern of evidence gives."""

LANE_CELLS = 2**20
"""Cells times lanes that one pass works on at a time."""

MOST_LANES = 512
MOST_PROGRAMS = 64


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
    """

    def __init__(self, network: Network, memory_limit: int) -> None:
        self.network = network
        self.memory_limit = memory_limit
        self._programs: OrderedDict[object, Program] = OrderedDict()
        self._lock = threading.Lock()

    def program(
        self, keep: frozenset[int], sliced: frozenset[int], together: tuple[tuple[int, ...], ...] = ()
    ) -> Program:
        """The program for a question, from the cache or compiled now."""
        key = (keep, sliced, together)
        with self._lock:
            if key in self._programs:
                self._programs.move_to_end(key)
                return self._programs[key]
        program = Program(self.network, keep, sliced, together)
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
        whole = self.program(keep, frozenset(), together)
        if whole.cells <= MOST_CELLS_UNSLICED:
            self._run_group(whole, evidence, np.arange(len(evidence)), draws, output)
            return output.log_evidence, output.marginals, output.families, output.joints
        patterns, group_of = np.unique(observed, axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            cases = np.flatnonzero(group_of.reshape(-1) == number)
            given = frozenset(np.flatnonzero(pattern).tolist())
            keep = ancestors(self.network, [*asked, *soft, *given])
            self._run_group(self.program(keep, given, together), evidence, cases, draws, output)
        return output.log_evidence, output.marginals, output.families, output.joints

    def _run_group(
        self, program: Program, evidence: Evidence, cases: Index, draws: ParameterDraws | None, output: _Output
    ) -> None:
        program.check_size(self.memory_limit)
        n_draws = draws.n_draws if draws else 1
        width = int(np.clip(LANE_CELLS // max(program.cells, 1), 1, MOST_LANES))
        lanes = np.arange(n_draws * len(cases))
        for start in range(0, len(lanes), width):
            draw_of, which = np.divmod(lanes[start : start + width], len(cases))
            case_of = cases[which]
            codes = {v: evidence.codes[case_of, v].astype(np.intp) for v in program.sliced}
            likelihoods = _likelihoods(program, evidence, case_of)
            for v in program.sliced & likelihoods.keys():
                likelihoods[v] = likelihoods[v][codes[v], np.arange(len(case_of))][None]
            if draws is None and not program.sliced:
                potentials, alone = program.constant, np.ones(1)
            else:
                potentials, alone = program.potentials(draws, draw_of, codes)
            for v in program.sliced & likelihoods.keys():
                alone = alone * likelihoods.pop(v)[0]
            calibrated = propagate(program, potentials, alone, likelihoods, len(case_of), output.cliques(program))
            output.store(program, calibrated, draw_of * len(evidence) + case_of, draw_of, codes, draws)


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
        self.families: dict[int, Family] = {v: _empty_family(network, v, n_lanes) for v in families}
        self.joints = [np.zeros((n_lanes, *(cards[v] for v in scope))) for scope in together]

    def cliques(self, program: Program) -> set[int]:
        """The cliques whose beliefs are needed."""
        tree = program.tree
        wanted = {tree.clique_of[v] for v in self.marginals if v not in program.sliced}
        for number, factor in enumerate(program.factors):
            if factor.node in self.families and program.rest[number]:
                wanted.add(program.home_of(program.rest[number]))
        for scope in self.together:
            rest = [v for v in scope if v not in program.sliced]
            if rest:
                wanted.add(program.home_of(rest))
        return wanted

    def store(
        self,
        program: Program,
        calibrated: Calibrated,
        rows: Index,
        draw_of: Index,
        codes: Mapping[int, Index],
        draws: ParameterDraws | None,
    ) -> None:
        """Write one group of lanes into its rows."""
        reader = _Reader(program, calibrated, codes, len(rows))
        self.log_evidence[rows] = calibrated.log_evidence
        for v, values in self.marginals.items():
            values[rows] = reader.joint((v,))
        for scope, joint in zip(self.together, self.joints, strict=True):
            joint[rows] = reader.joint(scope)
        scopes: dict[int, list[tuple[int, ...]]] = {}
        for factor in program.factors:
            if factor.node in self.families:
                scopes.setdefault(factor.node, []).append(factor.scope)
        for v, parts in scopes.items():
            _store_family(self.network, v, self.families[v], [reader.joint(part) for part in parts], rows, draw_of, draws)


class _Reader:
    """Reads joint posteriors out of calibrated cliques."""

    def __init__(self, program: Program, calibrated: Calibrated, codes: Mapping[int, Index], n_lanes: int) -> None:
        self.program = program
        self.calibrated = calibrated
        self.codes = codes
        self.n_lanes = n_lanes

    def joint(self, scope: tuple[int, ...]) -> Array:
        """Joint posterior of variables that share a clique, shape (n_lanes, *cardinalities)."""
        program, cards = self.program, self.program.cards
        rest = [v for v in scope if v not in program.sliced]
        values = self._rest(rest)
        given = [v for v in scope if v in program.sliced]
        if not given:
            return values
        shape = (self.n_lanes, *(cards[v] for v in given), *(cards[v] for v in rest))
        full = np.zeros(shape)
        full[(np.arange(self.n_lanes), *(self.codes[v] for v in given))] = values
        order = [*given, *rest]
        return full.transpose(0, *(1 + order.index(v) for v in scope))

    def _rest(self, rest: list[int]) -> Array:
        if not rest:
            return np.ones(self.n_lanes)
        program, cards = self.program, self.program.cards
        home = program.home_of(rest)
        clique = program.tree.cliques[home]
        ordered = [v for v in clique if v in rest]
        seen = view(clique, ordered, cards)
        belief = self.calibrated.beliefs[home]
        values = belief.reshape(*seen.clique, belief.shape[-1]).sum(axis=seen.summed)
        values = values.reshape(*(cards[v] for v in ordered), belief.shape[-1])
        values = np.broadcast_to(values, (*values.shape[:-1], self.n_lanes))
        return values.transpose(len(ordered), *(ordered.index(v) for v in rest))


def _empty_family(network: Network, v: int, n_lanes: int) -> Family:
    numbers = numbers_of(network.nodes[v].cpd, None)
    if isinstance(numbers, GateDraws):
        leak = np.zeros((n_lanes, numbers.leak.shape[-1]))
        return GateFamily(leak, tuple(np.zeros((n_lanes, *link.shape[1:])) for link in numbers.links))
    return np.zeros((n_lanes, *numbers.shape[1:]))


def _store_family(
    network: Network,
    v: int,
    family: Family,
    joints: list[Array],
    rows: Index,
    draw_of: Index,
    draws: ParameterDraws | None,
) -> None:
    node = network.nodes[v]
    if not isinstance(family, GateFamily):
        family[rows] = joints[0]
        return
    drawn = draws.cpds.get(node.name) if draws else None
    numbers = numbers_of(node.cpd, drawn)
    assert isinstance(numbers, GateDraws)
    mine = draw_of if drawn is not None else np.zeros(1, dtype=np.intp)
    if len(joints) > 1:
        family.leak[rows] = joints[0]
        for place, link in enumerate(numbers.links):
            family.links[place][rows] = gate.drawn_in_chain(joints[place + 1], link[mine])
        return
    joint = joints[0]
    parts = (family.leak, *family.links)
    for place, weights in enumerate(gate.link_weights(numbers)):
        axes = list(range(1, joint.ndim))
        lane = [0] if len(weights) > 1 else []
        shared = weights[mine] if lane else weights[0]
        kept = [0, place] if place else [0]
        parts[place][rows] = np.einsum(joint, [0, *axes], shared, [*lane, *axes, joint.ndim], [*kept, joint.ndim])
