"""The junction-tree back end.

A *program* is a junction tree compiled for one kind of question (which variables are asked about, which are observed).
It is kept, since the next question is often of the same kind. A *lane* is one case under one draw of the parameters;
lanes are the last axis of every array. A *faint* case is one whose probabilities underflow on the way; it is propagated
again with scaled messages. A *quiet* finding is a noisy gate seen in its reference state, whose likelihood factorises
over its parents.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.best import Search
from bayesdx.inference.casewise import Casewise, CasewiseMarginals
from bayesdx.inference.evidence import Evidence
from bayesdx.inference.factors import can_be_quiet, factor_graph
from bayesdx.inference.families import empty_family, store_family
from bayesdx.inference.flat import Flat, FlatAnswer
from bayesdx.inference.hypothetical import by_bayes_rule
from bayesdx.inference.kernels import Kernel, over_runs, use_numba
from bayesdx.inference.leaves import drawn_rows, leaf_family, leaf_marginal, leaves_of, parents_of
from bayesdx.inference.one_case import CaseRows, OneCase, row_cells
from bayesdx.inference.parameter_draws import ParameterDraws
from bayesdx.inference.passes import Calibrated, propagate
from bayesdx.inference.program import BYTES, Program, View
from bayesdx.inference.propagation import Family
from bayesdx.inference.sampling import forward, from_tree
from bayesdx.inference.sizes import USUAL, Sizes
from bayesdx.inference.tree import quick_cells
from bayesdx.network import Network, NoisyMax

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Scopes = tuple[tuple[int, ...], ...]

MOST_CELLS_UNPRUNED_JOINT = 2**19
"""A tree over the whole network with at most so many cells serves every question about joint posteriors."""

MOST_CELLS_UNSLICED_FOR_MANY = 2_000_000
"""Up to so many cells one tree serves many cases; above, each pattern of evidence gets a smaller tree of its own."""

LANE_CELLS = 2**20
"""Cells times lanes that one pass works on at a time."""

LEAST_LANES, MOST_LANES = 32, 4096
"""Bounds on the cases that one numpy pass works on at a time."""

MOST_LANES_FAST = 2**12
"""Cases handed to the compiled passes at a time; they cut them into blocks of their own."""

MOST_CASES_FAST = 2**12
"""Cases handed to compiled code that takes them one at a time, so that what it returns stays in the cache."""

MOST_PROGRAMS = 64
"""Programs, and index maps of programs for compiled code, that a back end remembers."""

MOST_SIZES = 1024
"""Trees whose number of cells a back end remembers."""

MANY_LANES = 16
"""Lanes from which on a better elimination order is searched for."""

CASEWISE, LANES = "casewise_fast.propagate_casewise", "passes_fast.propagate_lanes"
"""Names of the compiled functions that take one case at a time, and many lanes at a time."""


class JunctionTreeBackend:
    """Exact posteriors by message passing.

    Parameters
    ----------
    network : Network
    memory_limit : int
        Bytes that one pass may take.
    kernel : {"auto", "numpy", "numba"}
    workers : int
        Threads of compiled code.
    sizes : Sizes
    batches : int
        How many batches of about equal size will be asked about; see ``Engine``.
    """

    def __init__(
        self,
        network: Network,
        memory_limit: int,
        kernel: Kernel = "numpy",
        workers: int = 1,
        sizes: Sizes = USUAL,
        batches: int = 1,
    ) -> None:
        self.sizes = sizes
        self.batches = batches
        self.kernel: Kernel = kernel
        self.workers = workers
        self.network = network
        self.memory_limit = memory_limit
        self._leaves = leaves_of(network, sizes)
        self._everything = frozenset(range(len(network)))
        self._programs = lru_cache(MOST_PROGRAMS)(partial(Program, network, sizes=sizes))
        self._flats = lru_cache(MOST_PROGRAMS)(partial(Flat, sizes=sizes))
        self._casewise_of = lru_cache(MOST_PROGRAMS)(partial(Casewise, sizes=sizes))
        self._readers = lru_cache(MOST_PROGRAMS)(self._reader)
        self._single = lru_cache(MOST_PROGRAMS)(OneCase)
        self._unsliced_cells = lru_cache(MOST_SIZES)(self._cells_of_one_tree)

    def program(
        self,
        keep: frozenset[int],
        sliced: frozenset[int],
        together: Scopes = (),
        quiet: frozenset[int] = frozenset(),
        many: bool = False,
        leaves: frozenset[int] = frozenset(),
    ) -> Program:
        """The program for a question, from the cache or compiled now."""
        return self._programs(keep, sliced, together, quiet, many, leaves)

    @cached_property
    def whole(self) -> Program:
        """The program that answers every question about causes, whatever is observed."""
        return self.program(self._everything, frozenset(), leaves=self._free_leaves(()))

    def run(
        self,
        evidence: Evidence,
        targets: Sequence[int],
        families: Sequence[int] = (),
        draws: ParameterDraws | None = None,
        together: Scopes = (),
    ) -> tuple[Array, dict[int, Array], dict[int, Family], list[Array]]:
        """Log evidence, marginals, families and joint posteriors of the scopes in ``together``.

        Lanes are draws times cases, cases running fastest.
        """
        if draws is None and not families and not together:
            reader = self._casewise(tuple(targets), len(evidence))
            if reader and reader.serves(evidence):
                return *self._read(reader, evidence, targets), {}, []
            turned = self._by_bayes_rule(evidence, targets) if len(evidence) > 1 else None
            if turned:
                return *turned, {}, []
            one = self._one_case(tuple(targets)) if len(evidence) == 1 and not evidence.likelihoods else None
            at_once = one.run(evidence) if one else None
            if at_once:
                return np.log([at_once[0]]), at_once[1], {}, []
        n_draws = draws.n_draws if draws else 1
        output = _Output(self.network, n_draws * len(evidence), targets, families, together)
        observed = evidence.codes >= 0
        soft = [self.network.index[name] for name in evidence.likelihoods]
        many = n_draws * len(evidence) >= MANY_LANES
        about = [*targets, *families, *(v for scope in together for v in scope), *soft]
        everything = [*about, *np.flatnonzero(observed.any(axis=0)).tolist()]
        leaves = self._free_leaves(together, soft if draws else (), families if draws else ())
        keep, unpruned = self._kept(everything, leaves, together)
        cells = self._unsliced_cells(keep, leaves & keep, together)
        compiled = draws is None and use_numba(self.kernel, cells * len(evidence) * self.batches, LANES)
        if leaves & keep and (cells > self.sizes.casewise_cells or (compiled and not self._has_hub)):
            leaves = frozenset()
            keep, unpruned = self._kept(everything, leaves, together)
        most = MOST_CELLS_UNSLICED_FOR_MANY if many else self.sizes.unsliced_cells
        if unpruned or self._unsliced_cells(keep, leaves & keep, together) <= most:
            whole = self.program(keep, frozenset(), together, many=many, leaves=leaves & keep)
            self._run_group(whole, evidence, np.arange(len(evidence)), draws, output)
            return output.log_evidence, output.marginals, output.families, output.joints
        for cases, pattern in _patterns(evidence, self._may_be_quiet if not families else ()):
            given = frozenset(np.flatnonzero(pattern).tolist())
            quiet = frozenset(np.flatnonzero(pattern == QUIET).tolist())
            keep = self.network.with_ancestors([*about, *given])
            self._run_group(self.program(keep, given, together, quiet), evidence, cases, draws, output)
        return output.log_evidence, output.marginals, output.families, output.joints

    def best(self, evidence: Evidence, scope: Sequence[int], k: int) -> tuple[NDArray[np.int64], Array]:
        """The k most probable configurations of ``scope`` in one case, and log P(configuration, evidence).

        The possible ones alone, so perhaps fewer than k.
        """
        program, tables, log_scale = self._one(evidence, scope)
        codes, given = evidence.codes[0], program.sliced
        asked = [v for v in scope if v not in given]
        found, logs = Search(program.tree, tables, asked, k, self.memory_limit, self.sizes.ranked_lists).run()
        full = np.repeat(codes[list(scope)][None].astype(np.int64), len(found), axis=0)
        full[:, [place for place, v in enumerate(scope) if v not in given]] = found
        return full, logs + log_scale

    def sample(self, evidence: Evidence, samples: int, rng: np.random.Generator) -> NDArray[np.int32]:
        """States of all variables in one possible case, shape (samples, n_variables), drawn from their posterior."""
        program, tables, _ = self._one(evidence, ())
        codes = np.repeat(evidence.codes[:1], samples, axis=0)
        for v, states in from_tree(program.tree, tables, samples, rng).items():
            if v < len(self.network):
                codes[:, v] = states
        return forward(self.network, samples, rng, codes)

    def _one(self, evidence: Evidence, about: Sequence[int]) -> tuple[Program, list[Array], float]:
        """The program for one case, the values of its cliques, and the logarithm of the other factors."""
        codes = evidence.codes[0]
        soft = [self.network.index[name] for name in evidence.likelihoods]
        given = frozenset(np.flatnonzero(codes >= 0).tolist())
        quiet = frozenset(v for v in given if codes[v] == 0 and isinstance(self.network.nodes[v].cpd, NoisyMax))
        keep = self.network.with_ancestors([*about, *soft, *given])
        program = self.program(keep, given, (), quiet)
        program.check_size(self.memory_limit)
        which = np.zeros(1, dtype=np.intp)
        lanes, _ = _lanes(program, evidence, which, None, which)
        return program, *lanes.entered()

    def _by_bayes_rule(self, evidence: Evidence, targets: Sequence[int]) -> tuple[Array, dict[int, Array]] | None:
        """Hypothetical results by Bayes' rule in numpy; None where it is faster to propagate the rows one by one.

        That is so with numba, which propagates many rows faster than it reads the marginals of all findings in a few,
        and for a large network, which is otherwise cut down to what each row observes.
        """
        if not self._one_tree or use_numba(self.kernel, len(evidence) * self.whole.cells * self.batches, CASEWISE):
            return None
        cards, most = self.network.cardinalities, self.sizes.hypothetical_rows
        return by_bayes_rule(evidence, targets, cards, lambda few, about: self.run(few, about)[:2], most)

    def _kept(self, variables: Sequence[int], leaves: frozenset[int], together: Scopes) -> tuple[frozenset[int], bool]:
        """Variables that a tree for all cases holds: all where such a tree is small, else what ``variables`` need."""
        fitting = MOST_CELLS_UNPRUNED_JOINT if together else self.sizes.unpruned_cells
        small = len(self.network) <= self.sizes.unpruned_variables
        if small and self._unsliced_cells(self._everything, leaves, together) <= fitting:
            return self._everything, True
        return self.network.with_ancestors(variables), False

    def _read(
        self, reader: CasewiseMarginals, evidence: Evidence, targets: Sequence[int]
    ) -> tuple[Array, dict[int, Array]]:
        """Log evidence and marginals from compiled code, case by case; faint cases are propagated again in numpy."""
        total, marginals, faint = reader.run(evidence)
        total[faint] = 1.0
        log_evidence = np.log(total)
        if faint.size:
            output = _Output(self.network, len(faint), targets, (), ())
            self._propagate(self.whole, evidence.take(faint), np.arange(len(faint)), None, output)
            log_evidence[faint] = output.log_evidence
            for v, values in output.marginals.items():
                marginals[v][faint] = values
        return log_evidence, marginals

    def _casewise(self, targets: tuple[int, ...], n_cases: int) -> CasewiseMarginals | None:
        """How to read these targets where compiled code takes one case at a time; None where it does not."""
        if not self._always_casewise or not use_numba(self.kernel, n_cases * self.whole.cells * self.batches, CASEWISE):
            return None
        return self._readers(targets)

    def _reader(self, targets: tuple[int, ...]) -> CasewiseMarginals:
        self.whole.check_size(self.memory_limit)
        reader = CasewiseMarginals(self.whole, targets, self.workers, self.sizes)
        reader.width = self._cases_at_once(reader.returned, reader.width)
        return reader

    def _one_case(self, targets: tuple[int, ...]) -> OneCase | None:
        """How numpy answers one case about these targets; None where the tree is large or has one for each pattern."""
        rows = self._case_rows
        return None if rows is None else self._single(rows, targets)

    @cached_property
    def _one_tree(self) -> bool:
        """Whether one small tree over the whole network serves every question."""
        if len(self.network) > self.sizes.unpruned_variables:
            return False
        return self._unsliced_cells(self._everything, self._leaves, ()) <= self.sizes.unpruned_cells

    @cached_property
    def _case_rows(self) -> CaseRows | None:
        if not self._one_tree:
            return None
        program = self.whole
        program.check_size(self.memory_limit)
        return CaseRows(program) if row_cells(program) <= self.sizes.row_cells else None

    @cached_property
    def _always_casewise(self) -> bool:
        """Whether one tree serves every question and is taken one case at a time."""
        if not self._leaves or not self._one_tree:
            return False
        return self._unsliced_cells(self._everything, self._leaves, ()) <= self.sizes.casewise_cells and self._has_hub

    @cached_property
    def _has_hub(self) -> bool:
        cells = self._unsliced_cells(self._everything, self._free_leaves(()), ())
        return cells <= self.sizes.unsliced_cells and self.whole.has_hub

    def _free_leaves(self, together: Scopes, *bound: Sequence[int]) -> frozenset[int]:
        """Leaves that need not be in a clique.

        There are none in a network of more than ``sizes.unpruned_variables`` variables.
        """
        if len(self.network) > self.sizes.unpruned_variables:
            return frozenset()
        return self._leaves.difference(*together, *bound)

    def _cells_of_one_tree(self, keep: frozenset[int], leaves: frozenset[int], together: Scopes) -> float:
        """Cells of one tree for all patterns of evidence, by the quickest elimination order."""
        graph = factor_graph(self.network, keep - leaves, sizes=self.sizes)
        above = [parents_of(self.network, v) for v in leaves & keep]
        scopes = [*(factor.scope for factor in graph.factors), *above, *together]
        return quick_cells(scopes, graph.cards)

    @cached_property
    def _may_be_quiet(self) -> list[int]:
        return [v for v in range(len(self.network)) if can_be_quiet(self.network, v, self.sizes)]

    def _run_group(
        self, program: Program, evidence: Evidence, cases: Index, draws: ParameterDraws | None, output: _Output
    ) -> None:
        program.check_size(self.memory_limit)
        n_lanes = (draws.n_draws if draws else 1) * len(cases)
        once = bool(program.sliced) and n_lanes < MANY_LANES and not program.asked
        program.asked = True
        own = draws is None and not program.sliced
        one_by_one = own and program.cells <= self.sizes.casewise_cells and program.has_hub
        function = CASEWISE if one_by_one else LANES
        if not program.steps or once or not use_numba(self.kernel, program.cells * n_lanes * self.batches, function):
            self._propagate(program, evidence, cases, draws, output)
            return
        scopes = output.scopes(program)
        casewise = self._casewise_of(program, scopes) if one_by_one else None
        flat = None if casewise else self._flats(program, scopes, own)
        width = self._lanes_at_once(program)
        if own:
            returned = sum(math.prod(program.cards[v] for v in scope) for scope in scopes)
            width = self._cases_at_once(returned, MOST_CASES_FAST if casewise else MOST_LANES_FAST)

        def work(part: slice) -> None:
            lanes, rows = _lanes(program, evidence, cases, draws, np.arange(part.start, part.stop))
            if flat:
                output.store(lanes, lanes.flat(flat), rows)
            elif casewise:
                answer, faint = casewise.run(lanes.evidence)
                output.store(lanes, answer, rows)
                if faint.size:
                    self._propagate(program, evidence, cases, draws, output, part.start + faint)

        over_runs(
            work, n_lanes, width, self.workers if own and n_lanes * program.cells >= self.sizes.threaded_cells else 1
        )

    def _propagate(
        self,
        program: Program,
        evidence: Evidence,
        cases: Index,
        draws: ParameterDraws | None,
        output: _Output,
        which: Index | None = None,
    ) -> None:
        """Passes in numpy, for all lanes or for ``which`` of them."""
        scopes = output.scopes(program)
        which = np.arange((draws.n_draws if draws else 1) * len(cases)) if which is None else which

        def work(part: slice) -> None:
            lanes, rows = _lanes(program, evidence, cases, draws, which[part])
            output.store(lanes, lanes.propagated(scopes), rows)

        over_runs(work, len(which), self._lanes_at_once(program), 1)

    def _lanes_at_once(self, program: Program) -> int:
        """How many lanes one numpy pass takes: few enough for the processor's cache and for the memory limit."""
        fitting = max(1, self.memory_limit // (4 * BYTES * program.cells + 1))
        return int(min(np.clip(LANE_CELLS // max(program.cells, 1), LEAST_LANES, MOST_LANES), fitting))

    def _cases_at_once(self, returned: int, most: int) -> int:
        """How many cases one call of compiled code takes, so that the results of all threads fit the memory limit."""
        return min(
            most, self.sizes.cases_at_once, max(1, self.memory_limit // (4 * BYTES * self.workers * (returned + 1)))
        )


class _Lanes:
    """Some lanes of one question: their cases, and the draws of parameters that they use."""

    def __init__(
        self, program: Program, evidence: Evidence, case_of: Index, draw_of: Index, draws: ParameterDraws | None
    ) -> None:
        self.program = program
        self.case_of = case_of
        self.draw_of = draw_of
        self.draws = draws
        everything = len(case_of) == len(evidence) and bool((case_of == np.arange(len(case_of))).all())
        self.evidence = evidence if everything else evidence.take(case_of)
        self.own = draws is None and not program.sliced
        given = program.sliced if self.own else program.sliced | program.leaves
        self.codes = {v: self.evidence.codes[:, v].astype(np.intp) for v in given}

    def _potentials(self, scale: Array) -> tuple[tuple[Array, ...] | None, Array]:
        """Values of the cliques (None: the network's own numbers), and the product of the factors outside them.

        ``scale`` (n_lanes,) takes up the logarithm of what is factored out of each lane.
        """
        if self.own:
            return None, np.ones(1)
        potentials, alone = self.program.potentials(self.draws, self.draw_of, self.codes, scale)
        return potentials, alone * _sliced_likelihood(self.program, self.evidence, self.codes)

    def entered(self) -> tuple[list[Array], float]:
        """For one lane: the values of each clique with its evidence, and the logarithm of the factors outside."""
        scale = np.zeros(1)
        potentials, alone = self._potentials(scale)
        tables = [values[:, 0].copy() for values in (self.program.constant if potentials is None else potentials)]
        likelihoods = _likelihoods(self.program, self.evidence)
        for table, step in zip(tables, self.program.steps, strict=True):
            for v, seen in step.evidence:
                if v in likelihoods:
                    shaped = table.reshape(seen.clique)
                    shaped *= likelihoods[v][:, 0].reshape(seen.part)
        with np.errstate(divide="ignore"):
            return tables, float(scale[0] + np.log(alone[0]))

    def flat(self, flat: Flat) -> FlatAnswer:
        """Compiled passes, a block of lanes at a time."""
        scale = np.zeros(len(self.evidence))
        potentials, alone = self._potentials(scale)
        answer = flat.run(potentials, alone, self.evidence)
        return FlatAnswer(answer.log_evidence + scale, answer.joints)

    def propagated(self, scopes: Scopes) -> Calibrated:
        """Passes in numpy."""
        scale = np.zeros(len(self.evidence))
        potentials, alone = self._potentials(scale)
        tables = self.program.constant if potentials is None else potentials
        rows = _leaf_rows(self.program, self.evidence, scale) if self.own else []
        likelihoods = _likelihoods(self.program, self.evidence)
        return propagate(self.program, tables, alone, likelihoods, len(scale), scopes, rows, scale)


def _lanes(
    program: Program, evidence: Evidence, cases: Index, draws: ParameterDraws | None, which: Index
) -> tuple[_Lanes, Index]:
    """The lanes at some positions, cases running fastest, and the rows of the output that they fill."""
    draw_of, place = np.divmod(which, len(cases))
    lanes = _Lanes(program, evidence, cases[place], draw_of, draws)
    return lanes, draw_of * len(evidence) + lanes.case_of


QUIET = 2
"""Mark of a gate that is seen in its reference state; in a pattern 1 marks other observed variables, 0 the rest."""


def _patterns(evidence: Evidence, may_be_quiet: Sequence[int]) -> Iterator[tuple[Index, NDArray[np.int8]]]:
    """Groups of cases that observe the same variables, each with its pattern, shape (n_variables,)."""
    observed = (evidence.codes >= 0).astype(np.int8)
    columns = list(may_be_quiet)
    observed[:, columns] += (evidence.codes[:, columns] == 0).astype(np.int8)
    patterns, group_of = np.unique(observed, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        yield np.flatnonzero(group_of.reshape(-1) == number), pattern


def _sliced_likelihood(program: Program, evidence: Evidence, codes: Mapping[int, Index]) -> Array:
    """Product of the likelihoods of the sliced variables, shape (n_lanes or 1,)."""
    product = np.ones(1)
    for name, values in evidence.likelihoods.items():
        v = program.network.index[name]
        if v in program.sliced:
            product = product * values[np.arange(len(values)), codes[v]]
    return product


def _leaf_rows(program: Program, evidence: Evidence, scale: Array) -> list[tuple[int, View, Array]]:
    """The likelihood that the observed leaves add to each clique; logarithms factored out are added to ``scale``."""
    found = []
    for home, seen, tables in program.leaf_tables:
        product = tables.product(program.network, evidence, scale)
        if product is not None:
            found.append((home, seen, product))
    return found


def _likelihoods(program: Program, evidence: Evidence) -> dict[int, Array]:
    """Likelihood vectors of the variables that some lane has evidence on, each of shape (n_states, n_lanes or 1)."""
    network = program.network
    found: dict[int, Array] = {}
    codes = evidence.codes
    for v in np.flatnonzero((codes >= 0).any(axis=0)).tolist():
        if v in program.sliced or v in program.leaves:
            continue
        column = codes[:1, v] if (codes[:, v] == codes[0, v]).all() else codes[:, v]
        states = np.arange(network.cardinalities[v])[:, None]
        found[v] = ((column == states) | (column < 0)).astype(np.float64)
    for name, values in evidence.likelihoods.items():
        v = network.index[name]
        if v not in program.sliced and v not in program.leaves:
            here = values.T
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
        together: Scopes,
    ) -> None:
        cards = network.cardinalities
        self.network = network
        self.together = together
        self.log_evidence = np.empty(n_lanes)
        self.marginals = {v: np.zeros((n_lanes, cards[v])) for v in targets}
        self.families: dict[int, Family] = {v: empty_family(network, v, n_lanes) for v in families}
        self.joints = [np.zeros((n_lanes, *(cards[v] for v in scope))) for scope in together]

    def scopes(self, program: Program) -> Scopes:
        """The joint posteriors that have to be read, over the variables that are not sliced."""
        group_of = {v: group.scope for group in program.groups for v in group.leaves}
        asked: list[tuple[int, ...]] = [group_of.get(v, (v,)) for v in self.marginals]
        asked.extend(factor.scope for factor in program.factors if factor.node in self.families)
        asked.extend(group_of[v] for v in self.families if v in group_of)
        asked.extend(self.together)
        return tuple(dict.fromkeys(tuple(v for v in scope if v not in program.sliced) for scope in asked))

    def store(self, lanes: _Lanes, answer: Calibrated | FlatAnswer, rows: Index) -> None:
        """Write one group of lanes into its rows."""
        program = lanes.program
        reader = _Reader(program, answer, lanes.codes, len(rows))
        self.log_evidence[rows] = answer.log_evidence
        for scope, joint in zip(self.together, self.joints, strict=True):
            joint[rows] = reader.joint(scope)
        for v, values in self.marginals.items():
            if v not in program.leaves:
                values[rows] = reader.joint((v,))
        scopes: dict[int, list[tuple[int, ...]]] = {}
        for factor in program.factors:
            if factor.node in self.families:
                scopes.setdefault(factor.node, []).append(factor.scope)
        for v, parts in scopes.items():
            joints = [reader.joint(part) for part in parts]
            store_family(self.network, v, self.families[v], joints, rows, lanes.draw_of, lanes.draws)
        for number in range(len(program.groups)):
            self._store_leaves(number, lanes, answer, rows)

    def _store_leaves(self, number: int, lanes: _Lanes, answer: Calibrated | FlatAnswer, rows: Index) -> None:
        """Read one group of leaves from the posterior of their parents."""
        group, network = lanes.program.groups[number], self.network
        asked = [v for v in group.leaves if v in self.marginals or v in self.families]
        if not asked:
            return
        joint = np.ascontiguousarray(answer.joint(group.scope)).reshape(len(rows), -1)
        _, _, own = lanes.program.leaf_tables[number]
        predicted = joint @ own.rows.T if lanes.draws is None else None
        for v in asked:
            soft = lanes.evidence.likelihoods.get(network.names[v])
            codes = lanes.evidence.codes[:, v]
            if lanes.draws is None:
                tables = own.rows_of(v)[None]
            else:
                drawn = drawn_rows(network, v, group.scope, lanes.draws)
                tables = drawn if len(drawn) == 1 else drawn[lanes.draw_of]
            if v in self.marginals:
                expected = None if predicted is None else predicted[:, own.span_of(v)]
                self.marginals[v][rows] = leaf_marginal(joint, tables, codes, soft, expected)
            if v in self.families:
                family = leaf_family(joint, tables, codes, soft)
                cards = [network.cardinalities[u] for u in group.scope]
                family = np.moveaxis(family.reshape(len(rows), -1, *cards), 1, -1)
                order = [group.scope.index(u) for u in parents_of(network, v)]
                family = family.transpose(0, *(1 + place for place in order), family.ndim - 1)
                store_family(network, v, self.families[v], [family], rows, lanes.draw_of, lanes.draws)


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
