"""Hypothetical results of one case, answered from few propagations by Bayes' rule.

A case with one further finding at a time, each in each of its states, is a batch of many rows that differ in one cell.
P(target | evidence, result) = P(target | evidence) P(result | evidence, target) / P(result | evidence), so that one row
per state of each target, with every finding predicted there, holds all that the many rows ask for. Nothing is
subtracted: precision is that of the passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.evidence import Evidence

Array = NDArray[np.float64]
Ask = Callable[[Evidence, Sequence[int]], tuple[Array, dict[int, Array]]]
"""Log evidence of every row, and the marginals of some variables."""

LEAST_SAVED = 2
"""Bayes' rule is used where it replaces at least this many rows by one."""


def by_bayes_rule(
    evidence: Evidence, targets: Sequence[int], cards: Sequence[int], ask: Ask, most_rows: int
) -> tuple[Array, dict[int, Array]] | None:
    """Log evidence and marginals of the targets; None where the rows are no hypothetical results of one case.

    Parameters
    ----------
    evidence : Evidence
        Hard evidence; the rows of hypothetical results agree but for one finding that each of them adds.
    targets : sequence of int
    cards : sequence of int
        Number of states of every variable.
    ask : callable
        Answers the few rows that replace the many.
    most_rows : int
        Larger batches are cohorts and are not examined.

    Returns
    -------
    tuple of ndarray of shape (n_rows,) and dict of target to ndarray of shape (n_rows, n_states), or None
        Impossible rows have log evidence -inf and marginals 0.
    """
    codes, n_rows = evidence.codes, len(evidence)
    n_asked = 1 + sum(cards[v] for v in targets)
    if evidence.likelihoods or not LEAST_SAVED * n_asked <= n_rows <= most_rows:
        return None
    open_ = np.flatnonzero((codes != codes[0]).any(axis=0))
    added = codes[:, open_] >= 0
    if not (added.sum(axis=1) == 1).all() or not set(targets).isdisjoint(open_.tolist()):
        return None
    column = open_[added.argmax(axis=1)]
    state = codes[np.arange(n_rows), column]
    base = codes[0].copy()
    base[open_] = -1
    spans, asked = _asked(base, targets, cards)
    log_evidence, marginals = ask(Evidence(asked), open_.tolist())
    weight = np.exp(log_evidence - log_evidence[0]) if log_evidence[0] > -np.inf else np.zeros(len(asked))
    predicted = np.empty((len(asked), n_rows))
    for v in open_.tolist():
        rows = np.flatnonzero(column == v)
        predicted[:, rows] = marginals[v][:, state[rows]]
    joint = np.where(weight[:, None] > 0, weight[:, None] * predicted, 0.0)
    found = {}
    for v in targets:
        if v in spans:
            part = joint[spans[v]]
            total = part.sum(axis=0)
            found[v] = np.divide(part, total, out=np.zeros_like(part), where=total > 0).T
        else:
            found[v] = np.repeat(np.eye(cards[v])[[base[v]]], n_rows, axis=0) * (joint[0] > 0)[:, None]
    with np.errstate(divide="ignore"):
        return log_evidence[0] + np.log(joint[0]), found


def _asked(
    base: NDArray[np.int32], targets: Sequence[int], cards: Sequence[int]
) -> tuple[dict[int, slice], NDArray[np.int32]]:
    """The rows to ask: the case itself, then the case with each state of each target that it leaves open."""
    spans: dict[int, slice] = {}
    rows = [base]
    for v in dict.fromkeys(targets):
        if base[v] < 0:
            spans[v] = slice(len(rows), len(rows) + cards[v])
            for s in range(cards[v]):
                row = base.copy()
                row[v] = s
                rows.append(row)
    return spans, np.array(rows)
