"""The dense back end in numpy: log likelihoods of all cases as one matrix product, then a softmax over the joint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.dense import DenseTables
from bayesdx.inference.evidence import Evidence
from bayesdx.inference.kernels import Kernel, use_numba
from bayesdx.network import Network

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LOG_ZERO = -1e9
"""Stands for the logarithm of 0 inside matrix products, where minus infinity times 0 would be NaN."""

IMPOSSIBLE = -5e8
"""A log probability below this contains a LOG_ZERO."""

FAINT = 1e-200
"""A case of lower probability than this leaves the linear domain."""

MOST_PATTERN_CELLS = 2**22
"""Largest table of the priors of all patterns of contexts, computed once."""

CHUNK_CELLS = 2**19
"""Cases times cells worked on at a time, so that they stay in the cache."""


def floored_log(values: Array) -> Array:
    """Logarithm, with ``LOG_ZERO`` for 0."""
    return np.log(values, out=np.full_like(values, LOG_ZERO), where=values > 0)


class DenseBackend:
    """Exact posteriors over a dense joint of causes.

    Parameters
    ----------
    network : Network
    tables : DenseTables
    kernel : {"auto", "numpy", "numba"}
    """

    def __init__(self, network: Network, tables: DenseTables, kernel: Kernel = "numpy") -> None:
        self.network = network
        self.tables = tables
        self.kernel: Kernel = kernel
        self.log_rows = floored_log(tables.rows)
        self.flat_prior = tables.prior.reshape(-1, tables.cells)
        starts = np.cumsum([0, *tables.joint_cards])
        self._fast = _fast_tables(tables)
        self.column_range = {v: (int(starts[i]), int(starts[i + 1])) for i, v in enumerate(tables.joint)}

    def run(
        self, evidence: Evidence, targets: Sequence[int], with_joint: bool = False
    ) -> tuple[Array, dict[int, Array], Array]:
        """Log evidence, marginals of ``targets``, and on request the posterior of every cell of the joint."""
        n, cells = len(evidence), self.tables.cells
        others = [v for v in targets if v not in self.column_range]
        answer = _Answer(
            np.empty(n),
            np.empty((n, self.tables.columns.shape[1])),
            {v: np.zeros((n, self.network.cardinalities[v])) for v in others},
            np.empty((n if with_joint else 0, cells)),
        )
        prior, pattern = self.priors(evidence)
        if use_numba(self.kernel, n * cells):
            self._run_fast(evidence, prior, pattern, answer)
        else:
            self._run_plain(evidence, prior, pattern, answer)
        marginals = {v: answer.columns[:, slice(*self.column_range[v])] for v in targets if v in self.column_range}
        return answer.log_evidence, {**marginals, **answer.others}, answer.joint

    def _run_plain(self, evidence: Evidence, prior: Array, pattern: Ints, answer: _Answer) -> None:
        """Log domain: the evidence is a matrix product with the log likelihoods."""
        log_prior = self._all_log_priors if prior is self._all_priors else None
        log_prior = floored_log(prior) if log_prior is None else log_prior
        width = max(1, CHUNK_CELLS // self.tables.cells)
        for start in range(0, len(evidence), width):
            rows = slice(start, min(len(evidence), start + width))
            log_joint = log_prior[pattern[rows]]
            self._add_findings(evidence, rows, log_joint)
            top = log_joint.max(axis=1, keepdims=True)
            posterior = np.exp(log_joint - top, out=log_joint)
            total = posterior.sum(axis=1, keepdims=True)
            posterior /= total
            answer.log_evidence[rows] = np.where(top > IMPOSSIBLE, top + np.log(total), -np.inf)[:, 0]
            np.matmul(posterior, self.tables.columns, out=answer.columns[rows])
            self._store(answer, evidence, rows, posterior, prior[pattern[rows]])

    def _run_fast(self, evidence: Evidence, prior: Array, pattern: Ints, answer: _Answer) -> None:
        """Linear domain in compiled code; cases near the smallest floats go through the log domain."""
        from bayesdx.inference.dense_fast import propagate_cases

        tables = self.tables
        soft = [v for v in (*tables.findings, *tables.joint) if self.network.names[v] in evidence.likelihoods]
        needs_joint = bool(answer.others) or bool(answer.joint.size)
        width = max(1, CHUNK_CELLS // tables.cells) if needs_joint or soft else max(len(evidence), 1)
        total = np.empty(len(evidence))
        for start in range(0, len(evidence), width):
            rows = slice(start, min(len(evidence), start + width))
            size = rows.stop - rows.start
            posterior = np.empty((size if needs_joint else 0, tables.cells))
            propagate_cases(
                evidence.codes[rows],
                prior,
                pattern[rows],
                self._soft_findings(evidence, rows, soft),
                self._fast.rows,
                self._fast.finding_columns,
                self._fast.finding_offsets,
                self._fast.finding_levels,
                self._fast.is_gate,
                tables.quiet_base,
                tables.quiet,
                self._fast.joint_columns,
                self._fast.joint_cards,
                total[rows],
                answer.columns[rows],
                posterior,
            )
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
            values = evidence.likelihoods[self.network.names[v]][rows]
            if v in self.column_range:
                product *= values @ self.tables.columns[:, slice(*self.column_range[v])].T
            else:
                first = self.tables.offsets[v]
                states = self.tables.rows[first : first + values.shape[1]]
                hard = evidence.codes[rows, v] >= 0
                product *= np.where(hard[:, None], 1.0, values @ states)
                product[hard] *= values[hard, evidence.codes[rows, v][hard]][:, None]
        return product

    def _store(self, answer: _Answer, evidence: Evidence, rows: slice, posterior: Array, prior: Array) -> None:
        if answer.joint.size:
            answer.joint[rows] = posterior
        findings = [v for v in answer.others if v in self.tables.offsets]
        contexts = [v for v in answer.others if v not in self.tables.offsets]
        for v in findings:
            answer.others[v][rows] = self._finding_marginal(v, evidence, rows, posterior)
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
        key = np.zeros(len(evidence), dtype=np.int64)
        for v, card in zip(tables.contexts, tables.context_cards, strict=True):
            code = evidence.codes[:, v]
            key = key * (card + 1) + np.where(code < 0, card, code)
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
        return seen if soft is None else seen * soft[rows]

    def _add_findings(self, evidence: Evidence, rows: slice, log_joint: Array) -> None:
        codes = evidence.codes[rows]
        chosen = np.zeros((len(codes), len(self.log_rows)))
        for v, start in self.tables.offsets.items():
            if self.network.names[v] not in evidence.likelihoods:
                seen = np.flatnonzero(codes[:, v] >= 0)
                chosen[seen, start + codes[seen, v]] = 1.0
        log_joint += chosen @ self.log_rows
        for name in evidence.likelihoods:
            v = self.network.index[name]
            if v in self.tables.offsets:
                first = self.tables.offsets[v]
                states = self.tables.rows[first : first + self.network.cardinalities[v]]
                log_joint += floored_log(self._likelihood(v, evidence, rows) @ states)
            elif v in self.column_range:
                log_joint += self._joint_likelihood(v, evidence, rows)
        for v in self.tables.joint:
            if self.network.names[v] not in evidence.likelihoods and (codes[:, v] >= 0).any():
                log_joint += self._joint_likelihood(v, evidence, rows)

    def _joint_likelihood(self, v: int, evidence: Evidence, rows: slice) -> Array:
        first, last = self.column_range[v]
        return floored_log(self._likelihood(v, evidence, rows)) @ self.tables.columns[:, first:last].T

    def _finding_marginal(self, v: int, evidence: Evidence, rows: slice, posterior: Array) -> Array:
        first = self.tables.offsets[v]
        states = self.tables.rows[first : first + self.network.cardinalities[v]]
        seen = self._likelihood(v, evidence, rows)
        hard = evidence.codes[rows, v] >= 0
        if hard.all():
            return seen / np.maximum(seen.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        if self.network.names[v] not in evidence.likelihoods:
            return np.where(hard[:, None], seen, posterior @ states.T)
        like = seen @ states
        share = np.divide(posterior, like, out=np.zeros_like(posterior), where=like > 0)
        return np.asarray(seen * (share @ states.T))

    def _configurations(self, evidence: Evidence, rows: slice, posterior: Array, prior: Array) -> Array:
        """Posterior of every configuration of the contexts, shape (n_cases, *context_cardinalities)."""
        share = np.divide(posterior, prior, out=np.zeros_like(posterior), where=prior > 0)
        weights = self._weights(evidence, rows) * (share @ self.flat_prior.T)
        return weights.reshape(-1, *self.tables.context_cards)


@dataclass(frozen=True, eq=False)
class _Answer:
    """Arrays being filled: log evidence, marginals of the joint's states, of other variables, and the joint."""

    log_evidence: Array
    columns: Array
    others: dict[int, Array]
    joint: Array


@dataclass(frozen=True, eq=False)
class _FastTables:
    """The tables as the compiled kernel takes them; a last row of ones fills up its groups of four."""

    rows: Array
    finding_columns: Ints
    finding_offsets: Ints
    finding_levels: Ints
    is_gate: NDArray[np.bool_]
    joint_columns: Ints
    joint_cards: Ints


def _fast_tables(tables: DenseTables) -> _FastTables:
    return _FastTables(
        np.concatenate([tables.rows, np.ones((1, tables.cells))]),
        np.array(tables.findings, dtype=np.int64),
        np.array([tables.offsets[v] for v in tables.findings], dtype=np.int64),
        np.array(tables.levels, dtype=np.int64),
        ~np.isnan(tables.quiet_base),
        np.array(tables.joint, dtype=np.int64),
        np.array(tables.joint_cards, dtype=np.int64),
    )
