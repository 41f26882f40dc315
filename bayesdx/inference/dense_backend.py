"""The dense back end in numpy: log likelihoods of all cases as one matrix product, then a softmax over the joint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.dense import DenseTables, state_columns
from bayesdx.inference.evidence import Codes, Evidence, certain_where_seen
from bayesdx.inference.kernels import Kernel, over_runs, use_numba
from bayesdx.inference.logs import FAINT, IMPOSSIBLE, LOG_ZERO, floored_log
from bayesdx.inference.sizes import USUAL, Sizes
from bayesdx.inference.structures import JointArrays
from bayesdx.network import Network

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_PATTERN_CELLS = 2**22
"""Largest table of the priors of all patterns of contexts, computed once."""

MOST_FINDINGS_ONE_BY_ONE = 8
"""With more findings than this asked about, all are predicted in one matrix product."""

MOST_FINDINGS_APART = 3
"""Findings of a case, beyond those that all cases share, up to which numpy multiplies their rows one by one."""

MOST_WEIGHTS_KEPT = 4
"""Cases whose P(evidence, joint) is remembered, since the next question is often about the same one."""

MOST_CASES_FAST = 2**13
"""Cases of one call of compiled code; several calls run in parallel."""

SPARSE = 32
"""Where cases have seen fewer than one row in this many, a sparse product adds them up; a dense one is faster a row."""

DOWN = 2.0**-500
"""A posterior is scaled by this before it is divided by a prior, which may be as small as a float can be."""

COMPILED = "dense_fast.propagate_cases"

CHUNK_CELLS = 2**18
"""Cases times cells worked on at a time, so that they stay in the cache."""


class DenseBackend:
    """Exact posteriors over a dense joint of causes.

    Parameters
    ----------
    network : Network
    tables : DenseTables
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
        tables: DenseTables,
        kernel: Kernel = "numpy",
        workers: int = 1,
        sizes: Sizes = USUAL,
        batches: int = 1,
    ) -> None:
        self.batches = batches
        self.network = network
        self._sizes = sizes
        self.workers = workers
        self.tables = tables
        self.kernel: Kernel = kernel
        self.flat_prior = tables.prior.reshape(-1, tables.cells)
        starts = np.cumsum([0, *tables.joint_cards])
        self._fast = _fast_tables(tables)
        self._nothing = np.empty((0, tables.cells))
        self._first_row = np.full(len(network), -1, dtype=np.int64)
        self._first_row[list(tables.offsets)] = list(tables.offsets.values())
        self._kept_weights = lru_cache(MOST_WEIGHTS_KEPT)(self._new_weights)
        self.column_range = {v: (int(starts[i]), int(starts[i + 1])) for i, v in enumerate(tables.joint)}

    def run(
        self, evidence: Evidence, targets: Sequence[int], with_joint: bool = False
    ) -> tuple[Array, dict[int, Array], Array]:
        """Log evidence, marginals of ``targets``, and on request the posterior of every cell of the joint."""
        n, cells = len(evidence), self.tables.cells
        others = [v for v in targets if v not in self.column_range]
        answer = _Answer(
            np.empty(n),
            np.empty((n, self.tables.n_states)),
            {v: np.zeros((n, self.network.cardinalities[v])) for v in others},
            np.empty((n if with_joint else 0, cells)),
        )
        prior, pattern = self.priors(evidence)
        if use_numba(self.kernel, n * cells * self.batches, COMPILED):
            self._run_fast(evidence, prior, pattern, answer)
        else:
            self._run_plain(evidence, prior, pattern, answer)
        of_causes = {v: answer.columns[:, slice(*self.column_range[v])] for v in targets if v in self.column_range}
        marginals = {v: of_causes[v] if v in of_causes else answer.others[v] for v in targets}
        return answer.log_evidence, marginals, answer.joint

    def _run_plain(self, evidence: Evidence, prior: Array, pattern: Ints, answer: _Answer) -> None:
        """Log domain: the evidence is a matrix product with the log likelihoods."""
        log_prior = self._all_log_priors if prior is self._all_priors else None
        log_prior = floored_log(prior) if log_prior is None else log_prior
        width = max(1, CHUNK_CELLS // self.tables.cells)
        work = np.empty((2, min(width, len(evidence)), self.tables.cells))
        for start in range(0, len(evidence), width):
            rows = slice(start, min(len(evidence), start + width))
            size = rows.stop - rows.start
            log_joint = self._log_likelihood(evidence.codes[rows], work[:, :size])
            log_joint += np.take(log_prior, pattern[rows], axis=0, out=work[1, :size], mode="clip")
            self._add_likelihoods(evidence, rows, log_joint)
            top = log_joint.max(axis=1, keepdims=True)
            log_joint -= top
            posterior = np.exp(log_joint, out=log_joint)
            total = self._sum_columns(posterior, answer.columns[rows])
            answer.log_evidence[rows] = np.where(top > IMPOSSIBLE, top + np.log(total), -np.inf)[:, 0]
            if answer.others or answer.joint.size:
                posterior /= total
                self._store(answer, evidence, rows, posterior, prior[pattern[rows]])

    def _sum_columns(self, weights: Array, columns: Array) -> Array:
        """Normalised marginals of the joint's states into ``columns``; returns the totals, shape (n_cases, 1).

        The slow half of the joint (the first variables) and the fast half are summed first, so that the matrix products
        are small.
        """
        of_each_slow, of_each_fast = self._ones
        halved = weights.reshape(len(weights), of_each_slow.shape[1], len(of_each_fast))
        return self._share(halved @ of_each_fast, (of_each_slow @ halved)[:, 0], columns)

    def _share(self, of_slow: Array, of_fast: Array, columns: Array) -> Array:
        """Normalised marginals from the sums over either half, shape (n_cases, its cells); returns the totals."""
        slow, fast = self._halves
        total = of_slow.sum(axis=1, keepdims=True)
        np.divide(slow.by_state(of_slow), total, out=columns[:, : slow.n_states])
        np.divide(fast.by_state(of_fast), total, out=columns[:, slow.n_states :])
        return np.asarray(total)

    @cached_property
    def _ones(self) -> tuple[Array, Array]:
        """Ones that sum over the slow half, shape (1, n_slow_cells), and over the fast half, shape (n_fast_cells,)."""
        slow, fast = self._halves
        return np.ones((1, slow.n_cells)), np.ones(fast.n_cells)

    @cached_property
    def _halves(self) -> tuple[_Half, _Half]:
        """The slow and the fast half of the joint."""
        cards = self.tables.joint_cards
        middle = len(cards) // 2
        return _Half(cards[:middle]), _Half(cards[middle:])

    # Single cases, and hypothetical results of one case. Compiled code answers hypothetical results, and a single case
    # that is asked about causes alone; in the rest it gains nothing over numpy.

    def run_alike(self, evidence: Evidence, targets: Sequence[int]) -> tuple[Array, dict[int, Array]] | None:
        """Cases of hard evidence that differ in few findings, as hypothetical results do, asked about causes.

        The same numbers as ``run``, read-only: what the cases have in common is multiplied into the prior once. None
        where that is not the question.
        """
        tables, codes = self.tables, evidence.codes
        if not 0 < len(codes) <= self._sizes.alike_cases or evidence.likelihoods or self._all_priors is None:
            return None
        differ = (codes != codes[0]).any(axis=0)
        if not self.column_range.keys() >= set(targets) or (self._first_row[differ] < 0).any():
            return None
        compiled = use_numba(self.kernel, len(codes) * tables.cells, COMPILED)
        apart = _ranked(np.where(differ & (codes >= 0), self._first_row + codes, -1))
        if not compiled and apart.shape[1] > MOST_FINDINGS_APART:
            return None
        shared = self._weights_of(np.where(differ, -1, codes[0]).tolist())
        columns = np.empty((len(codes), tables.n_states))
        total = np.empty((len(codes), 1))
        if compiled:
            own = np.where(differ, codes, -1)
            self._cases_fast(own, shared[None].copy(), np.zeros(len(own), dtype=np.int64), total[:, 0], columns)
        else:
            width = max(1, CHUNK_CELLS // tables.cells)
            for start in range(0, len(codes), width):
                part = slice(start, start + width)
                total[part] = self._sum_alike(apart[part], shared, columns[part])
        total = total[:, 0]
        faint = np.flatnonzero(total < FAINT)
        total[faint] = 1.0
        log_evidence = np.log(total)
        if faint.size:
            log_evidence[faint], again, _ = self.run(evidence.take(faint), targets)
            for v, values in again.items():
                columns[faint, slice(*self.column_range[v])] = values
        columns[log_evidence == -np.inf] = np.nan
        columns.flags.writeable = False
        return log_evidence, {v: columns[:, slice(*self.column_range[v])] for v in targets}

    def _sum_alike(self, apart: Ints, shared: Array, columns: Array) -> Array:
        """``_sum_columns`` of the shared weights times the few rows of each case, -1 for none."""
        with np.errstate(invalid="ignore"):
            weights = self._fast.rows.take(apart[:, 0], axis=0)  # -1 is the row of ones
            weights *= shared
            for row in apart[:, 1:].T:
                weights *= self._fast.rows.take(row, axis=0)
            return self._sum_columns(weights, columns)

    def run_one(self, evidence: Evidence, targets: Sequence[int]) -> tuple[Array, dict[int, Array]] | None:
        """One case of hard evidence asked about causes and findings; None for others, or where it is too improbable.

        The same numbers as ``run`` with less to prepare; the marginals are read-only.
        """
        tables = self.tables
        findings = [v for v in targets if v in tables.offsets]
        contexts = any(v not in tables.offsets and v not in self.column_range for v in targets)
        if evidence.likelihoods or contexts or self._all_priors is None or self._sizes.alike_cases < 1:
            return None
        codes = evidence.codes[0].tolist()
        columns = np.empty((1, tables.n_states))
        total = np.empty(1)
        if findings or not use_numba(self.kernel, tables.cells, COMPILED):
            weights = self._weights_of(codes)
            total = self._sum_alike(np.array([[-1]]), weights, columns)[0]
        else:
            self._cases_fast(evidence.codes, self._all_priors, np.array([self._pattern_of(codes)]), total, columns)
        if total[0] < FAINT or not np.isfinite(columns).all():
            return None
        predicted = (tables.rows @ weights / total)[None] if findings else columns
        for v in findings:
            if codes[v] >= 0:
                first = tables.offsets[v]
                predicted[0, first : first + self.network.cardinalities[v]] = 0.0
                predicted[0, first + codes[v]] = 1.0
        columns.flags.writeable = predicted.flags.writeable = False  # and so are their parts
        marginals = {}
        for v in targets:
            if v in self.column_range:
                marginals[v] = columns[:, slice(*self.column_range[v])]
            else:
                first = tables.offsets[v]
                marginals[v] = predicted[:, first : first + self.network.cardinalities[v]]
        return np.log(total), marginals

    def _pattern_of(self, codes: Sequence[int]) -> int:
        """``DenseTables.pattern_of`` for one case."""
        key = 0
        for v, card in zip(self.tables.contexts, self.tables.context_cards, strict=True):
            key = key * (card + 1) + (codes[v] if codes[v] >= 0 else card)
        return key

    def _weights_of(self, codes: Sequence[int]) -> Array:
        """P(evidence, joint) of one case of hard evidence, shape (n_cells,); read-only.

        The last few are kept, since a question about a posterior is often followed by one about what would change it.
        """
        return self._kept_weights(tuple(codes))

    def _new_weights(self, codes: Sequence[int]) -> Array:
        tables = self.tables
        assert self._all_priors is not None
        prior = self._all_priors[self._pattern_of(codes)]
        seen = [first + codes[v] for v, first in tables.offsets.items() if codes[v] >= 0]
        weights = prior * np.multiply.reduce(tables.rows.take(seen, axis=0), axis=0)
        for v in self.column_range:
            if codes[v] >= 0:
                weights *= tables.states[tables.joint.index(v)] == codes[v]
        weights.flags.writeable = False
        return np.asarray(weights)

    def _cases_fast(
        self,
        codes: Codes,
        prior: Array,
        pattern: Ints,
        total: Array,
        columns: Array,
        extra: Array | None = None,
        posterior: Array | None = None,
    ) -> None:
        """The compiled kernel; ``extra`` are likelihoods over the joint and ``posterior`` its posterior, if wanted."""
        from bayesdx.inference.dense_fast import propagate_cases

        extra = self._nothing if extra is None else extra
        posterior = self._nothing if posterior is None else posterior

        def work(rows: slice) -> None:
            propagate_cases(
                codes[rows],
                prior,
                pattern[rows],
                extra[rows],
                self._fast,
                total[rows],
                columns[rows],
                posterior[rows],
            )

        work_cells = len(codes) * self.tables.cells
        over_runs(
            work,
            len(codes),
            min(MOST_CASES_FAST, self._sizes.cases_at_once),
            self.workers if work_cells >= self._sizes.threaded_cells else 1,
        )

    def _run_fast(self, evidence: Evidence, prior: Array, pattern: Ints, answer: _Answer) -> None:
        """Linear domain in compiled code; cases near the smallest floats go through the log domain."""
        tables = self.tables
        soft = [v for v in (*tables.findings, *tables.joint) if self.network.names[v] in evidence.likelihoods]
        needs_joint = bool(answer.others) or bool(answer.joint.size)
        width = max(1, CHUNK_CELLS // tables.cells) if needs_joint or soft else max(len(evidence), 1)
        total = np.empty(len(evidence))
        for start in range(0, len(evidence), width):
            rows = slice(start, min(len(evidence), start + width))
            posterior = np.empty((rows.stop - rows.start if needs_joint else 0, tables.cells))
            extra = self._soft_findings(evidence, rows, soft)
            codes = evidence.codes[rows]
            self._cases_fast(codes, prior, pattern[rows], total[rows], answer.columns[rows], extra, posterior)
            if needs_joint:
                self._store(answer, evidence, rows, posterior, prior[pattern[rows]])
        faint = np.flatnonzero(total < FAINT)
        total[faint] = 1.0
        np.log(total, out=answer.log_evidence)
        if faint.size:
            self._run_again(evidence, faint, prior, pattern, answer)

    def _run_again(self, evidence: Evidence, cases: Ints, prior: Array, pattern: Ints, answer: _Answer) -> None:
        part = evidence.take(cases)
        joint = np.empty((len(cases) if answer.joint.size else 0, self.tables.cells))
        others = {v: values[cases] for v, values in answer.others.items()}
        again = _Answer(answer.log_evidence[cases], answer.columns[cases], others, joint)
        self._run_plain(part, prior, pattern[cases], again)
        answer.log_evidence[cases] = again.log_evidence
        answer.columns[cases] = again.columns
        for v, values in again.others.items():
            answer.others[v][cases] = values
        if answer.joint.size:
            answer.joint[cases] = again.joint

    def _soft_findings(self, evidence: Evidence, rows: slice, soft: Sequence[int]) -> Array:
        """Product of the likelihood vectors over the joint, shape (n_cases, n_cells); empty where there are none."""
        if not soft:
            return np.empty((0, self.tables.cells))
        product = np.ones((rows.stop - rows.start, self.tables.cells))
        for v in soft:
            if v in self.column_range:
                values = evidence.likelihoods[self.network.names[v]][rows]
                product *= values[:, self._states_of(v)]
            else:
                product *= self._soft_rows(v, evidence, rows)
        return product

    def _store(self, answer: _Answer, evidence: Evidence, rows: slice, posterior: Array, prior: Array) -> None:
        if answer.joint.size:
            answer.joint[rows] = posterior
        findings = [v for v in answer.others if v in self.tables.offsets]
        contexts = [v for v in answer.others if v not in self.tables.offsets]
        predicted = posterior @ self.tables.rows.T if len(findings) > MOST_FINDINGS_ONE_BY_ONE else None
        for v in findings:
            answer.others[v][rows] = self._finding_marginal(v, evidence, rows, posterior, predicted)
        if contexts:
            configurations = self._configurations(evidence, rows, posterior, prior)
            for v in contexts:
                axis = 1 + self.tables.contexts.index(v)
                axes = tuple(a for a in range(1, configurations.ndim) if a != axis)
                answer.others[v][rows] = configurations.sum(axis=axes)

    def priors(self, evidence: Evidence) -> tuple[Array, Ints]:
        """P(contexts as observed, joint), shape (n_patterns, n_cells), and the pattern of each case."""
        tables = self.tables
        if any(self.network.names[v] in evidence.likelihoods for v in tables.contexts):
            return self._weights(evidence, slice(None)) @ self.flat_prior, np.arange(len(evidence))
        key = tables.pattern_of(evidence.codes)
        if self._all_priors is not None:
            return self._all_priors, key
        _, first, pattern = np.unique(key, return_index=True, return_inverse=True)
        codes = evidence.codes[first][:, list(tables.contexts)]
        return np.stack([self._prior_of(row) for row in codes.tolist()]), pattern.reshape(-1)

    @cached_property
    def _all_priors(self) -> Array | None:
        """The prior of every pattern of contexts, each context observed in a state or not; None where too many."""
        tables = self.tables
        if math.prod(card + 1 for card in tables.context_cards) * tables.cells > MOST_PATTERN_CELLS:
            return None
        prior = tables.prior
        for axis in range(len(tables.contexts)):
            prior = np.concatenate([prior, prior.sum(axis=axis, keepdims=True)], axis=axis)
        return np.ascontiguousarray(prior.reshape(-1, tables.cells))

    @cached_property
    def _all_log_priors(self) -> Array | None:
        return None if self._all_priors is None else floored_log(self._all_priors)

    def _prior_of(self, codes: Sequence[int]) -> Array:
        chosen = self.tables.prior[tuple(slice(None) if code < 0 else code for code in codes)]
        return np.asarray(chosen.reshape(-1, self.tables.cells).sum(axis=0))

    def _weights(self, evidence: Evidence, rows: slice) -> Array:
        """Likelihood of every configuration of the contexts, shape (n_cases, n_configurations)."""
        weights = np.ones((len(evidence.codes[rows]), 1))
        for v in self.tables.contexts:
            seen = self._likelihood(v, evidence, rows)
            weights = (weights[:, :, None] * seen[:, None, :]).reshape(len(seen), -1)
        return weights

    def _likelihood(self, v: int, evidence: Evidence, rows: slice) -> Array:
        """Likelihood of the states of one variable, shape (n_cases, n_states)."""
        column = evidence.codes[rows, v][:, None]
        seen = ((column == np.arange(self.network.cardinalities[v])) | (column < 0)).astype(np.float64)
        soft = evidence.likelihoods.get(self.network.names[v])
        return np.asarray(seen if soft is None else seen * soft[rows])

    def _log_likelihood(self, codes: Codes, work: Array) -> Array:
        """Log P(findings and observed causes | joint) from codes, shape (n_cases, n_cells), held in ``work[0]``."""
        parts = self._log_parts
        seen = (codes[:, parts.columns] == parts.states).astype(np.float64)
        quiet, deep = seen[:, : len(parts.slow)], seen[:, : len(parts.fast)]
        slow, fast = quiet @ parts.slow, _sum_rows(deep, parts.fast)
        if (codes[:, list(self.column_range)] >= 0).any():
            for whole, half, excluded in zip((slow, fast), self._halves, self._excluded(codes), strict=True):
                whole += half.by_cell(excluded)
        total = work[0]
        np.add(slow[:, :, None], fast[:, None, :], out=total.reshape(len(codes), slow.shape[1], fast.shape[1]))
        if len(parts.full):
            total += _sum_rows(seen[:, len(parts.fast) :], parts.full, work[1])
        return np.asarray(total)

    def _excluded(self, codes: Codes) -> tuple[Array, Array]:
        """``LOG_ZERO`` for each state of the slow and the fast half that an observed cause is not in."""
        excluded = np.zeros((len(codes), self.tables.n_states))
        for v, (first, last) in self.column_range.items():
            column = codes[:, v][:, None]
            excluded[:, first:last] = np.where((column == np.arange(last - first)) | (column < 0), 0.0, LOG_ZERO)
        middle = self._halves[0].n_states
        return excluded[:, :middle], excluded[:, middle:]

    @cached_property
    def _log_parts(self) -> _LogParts:
        return _log_parts(self.tables, *self._halves)

    def _add_likelihoods(self, evidence: Evidence, rows: slice, log_joint: Array) -> None:
        """Likelihood vectors."""
        for name, soft in evidence.likelihoods.items():
            v = self.network.index[name]
            if v in self.tables.offsets:
                log_joint += floored_log(self._soft_rows(v, evidence, rows))
            elif v in self.column_range:
                log_joint += floored_log(soft[rows])[:, self._states_of(v)]

    def _states_of(self, v: int) -> NDArray[np.int32]:
        """State of a variable of the joint in each cell."""
        return np.asarray(self.tables.states[self.tables.joint.index(v)])

    def _soft_rows(self, v: int, evidence: Evidence, rows: slice) -> Array:
        """The factor of the likelihood vector of a finding over the joint, shape (n_cases, n_cells).

        In a case that gives its state too, the likelihood of that state.
        """
        values = evidence.likelihoods[self.network.names[v]][rows]
        first = self.tables.offsets[v]
        product = values @ self.tables.rows[first : first + values.shape[1]]
        hard = np.flatnonzero(evidence.codes[rows, v] >= 0)
        product[hard] = values[hard, evidence.codes[rows, v][hard]][:, None]
        return np.asarray(product)

    def _finding_marginal(
        self, v: int, evidence: Evidence, rows: slice, posterior: Array, predicted: Array | None
    ) -> Array:
        first = self.tables.offsets[v]
        states = self.tables.rows[first : first + self.network.cardinalities[v]]
        column = evidence.codes[rows, v]
        if self.network.names[v] not in evidence.likelihoods:
            expected = posterior @ states.T if predicted is None else predicted[:, first : first + len(states)]
            return certain_where_seen(expected, column)
        seen = self._likelihood(v, evidence, rows)
        like = seen @ states
        share = np.divide(posterior, like, out=np.zeros_like(posterior), where=like > 0)
        found = np.where((column >= 0)[:, None], seen, seen * (share @ states.T))
        return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), np.finfo(float).tiny))

    def _configurations(self, evidence: Evidence, rows: slice, posterior: Array, prior: Array) -> Array:
        """Posterior of every configuration of the contexts, shape (n_cases, *context_cardinalities)."""
        share = np.divide(posterior * DOWN, prior, out=np.zeros_like(posterior), where=prior > 0)
        weights = self._weights(evidence, rows) * (share @ self.flat_prior.T / DOWN)
        return weights.reshape(-1, *self.tables.context_cards)


@dataclass(frozen=True, eq=False)
class _Answer:
    """The arrays of an answer: log evidence, marginals of the joint's states and of other variables, and the joint."""

    log_evidence: Array
    columns: Array
    others: dict[int, Array]
    joint: Array


class _Half:
    """Some variables of the joint, adjacent axes of it: from their cells to their states, and back."""

    def __init__(self, cards: tuple[int, ...]) -> None:
        self.n_cells, self.n_states = math.prod(cards), sum(cards)
        self._columns = None if len(cards) == 1 else state_columns(cards)  # the cells of one variable are its states

    def by_state(self, of_cells: Array) -> Array:
        """Sums over the cells of each state, shape (n, n_states)."""
        return of_cells if self._columns is None else of_cells @ self._columns

    def by_cell(self, of_states: Array) -> Array:
        """Sums over the states of each cell, shape (n, n_cells)."""
        return of_states if self._columns is None else of_states @ self._columns.T


@dataclass(frozen=True, eq=False)
class _LogParts:
    """Log likelihoods of the findings' states, each over as much of the joint as it depends on.

    Reference states of noisy gates add a part over the slow half of the joint and one over the fast half; rows that
    do not depend on the slow half lie over the fast one; the others over the whole.

    Parameters
    ----------
    columns, states : ndarray of int, shape (n_rows,)
        Variable and state of each row: reference states of gates, then fast rows, then full rows.
    slow : ndarray, shape (n_gates, n_slow_cells)
    fast : ndarray, shape (n_gates + n_fast_rows, n_fast_cells)
    full : ndarray, shape (n_full_rows, n_cells)
    """

    columns: Ints
    states: Ints
    slow: Array
    fast: Array
    full: Array


def _sum_rows(seen: Array, rows: Array, out: Array | None = None) -> Array:
    """The sum of the rows that each case has seen, shape (n_cases, n_cells); ``out`` may be used for it."""
    if np.count_nonzero(seen) * SPARSE < seen.size:
        from scipy.sparse import csr_array  # takes a while to import, and few questions need it

        return np.asarray(csr_array(seen) @ rows)
    return np.matmul(seen, rows, out=out)


def _log_parts(tables: DenseTables, slow: _Half, fast: _Half) -> _LogParts:
    is_gate = ~np.isnan(tables.quiet_base)
    quiet = floored_log(tables.quiet[is_gate])
    middle = len(tables.joint_cards) // 2
    places: dict[str, list[tuple[int, int, int]]] = {"gate": [], "fast": [], "full": []}
    ends = [*sorted(tables.offsets.values()), len(tables.rows)]
    for v, level, gate_like in zip(tables.findings, tables.levels, is_gate, strict=True):
        first = tables.offsets[v]
        for state in range(ends[ends.index(first) + 1] - first):
            kind = "gate" if gate_like and state == 0 else "fast" if level >= middle else "full"
            places[kind].append((v, state, first + state))
    rows = [*places["gate"], *places["fast"], *places["full"]]
    log_rows = floored_log(tables.rows)
    fast_rows = log_rows[[row for _, _, row in places["fast"]]][:, : fast.n_cells]
    return _LogParts(
        np.array([v for v, _, _ in rows], dtype=np.int64),
        np.array([state for _, state, _ in rows], dtype=np.int32),
        slow.by_cell(quiet[:, : slow.n_states]) + floored_log(tables.quiet_base[is_gate])[:, None],
        np.concatenate([fast.by_cell(quiet[:, slow.n_states :]), fast_rows]),
        log_rows[[row for _, _, row in places["full"]]],
    )


def _ranked(rows: Ints) -> Ints:
    """The rows of each case, -1 where it has none, largest first and in as few columns as hold them; at least one."""
    largest = rows.max(axis=1, initial=-1, keepdims=True)
    if np.count_nonzero(rows >= 0) == np.count_nonzero(largest >= 0):
        return np.asarray(largest)
    return np.asarray(-np.sort(-rows, axis=1)[:, : int((rows >= 0).sum(axis=1).max())])


def _fast_tables(tables: DenseTables) -> JointArrays:
    """The tables as the compiled kernel takes them; a last row of ones fills up its groups of three."""
    return JointArrays(
        np.concatenate([tables.rows, np.ones((1, tables.cells))]),
        np.array(tables.findings, dtype=np.int64),
        np.array([tables.offsets[v] for v in tables.findings], dtype=np.int64),
        np.array(tables.levels, dtype=np.int64),
        ~np.isnan(tables.quiet_base),
        tables.quiet_base,
        tables.quiet,
        np.array(tables.joint, dtype=np.int64),
        np.array(tables.joint_cards, dtype=np.int64),
    )
