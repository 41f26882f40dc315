"""Which diseases of a two-layer noisy-OR network can be present in one of its k most probable sets.

A disease that is at least as likely as another, and brings about every positive finding at least as well, can stand in
for it: the set does not become less probable. So a set with disease d that lacks k of the diseases that could stand in
for d is not among the k best, and a set holds no more diseases than their odds allow beside the k best sets that a
greedy search has found. Diseases with too many that could stand in for them are absent in every answer; what is left is
a small network.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.noisy_or import TwoLayerCase

Array = NDArray[np.float64]

_SLACK = 1e-9
_FARTHEST = 700.0
_CHUNK = 2**22


def may_be_present(case: TwoLayerCase, order: NDArray[np.intp], k: int) -> NDArray[np.bool_]:
    """Mask of the diseases, shape (n_diseases,), that may be present in one of the k best sets.

    Those with more than two states are left in.

    Parameters
    ----------
    case : TwoLayerCase
        Its gates have no links from absent diseases.
    order : ndarray of int, shape (n_diseases,)
        Place of each disease among the codes by which equal sets are ranked: a later disease can stand in for an
        earlier one that is its equal, not the other way round.
    k : int, at least 1
    """
    prior = case.priors
    binary = (prior[:, 2:] == 0).all(axis=1)
    with np.errstate(divide="ignore"):
        odds = np.log(prior[:, 1]) - np.log(prior[:, 0])
    brought = np.zeros((len(case.coupling), len(prior)))
    for row, v in zip(brought, case.coupling, strict=True):
        gate = case.model.gates[v]
        with np.errstate(divide="ignore"):
            row[gate.parents] = np.minimum(-np.log1p(-gate.links[:, 1, 1]), _FARTHEST)
    rivals = np.flatnonzero(binary & (odds > -np.inf) & (odds < np.inf))
    kept = ~binary | (odds == np.inf)
    most = _most_present(case, odds, brought, rivals, k)
    kept[rivals] = _standing_in(odds[rivals], brought[:, rivals], order[rivals]) <= k + most - 2
    return np.asarray(kept)


def _weights(case: TwoLayerCase, z: Array) -> Array:
    """Logarithm of the factors of the positive findings, ``z`` of shape (n_findings, ...) being what is brought."""
    total = np.zeros(z.shape[1:])
    with np.errstate(divide="ignore"):
        for row, (absent, present) in zip(z, case.coupling.values(), strict=True):
            total += np.log(absent * np.exp(-row) - present * np.expm1(-row))
    return total


def _most_present(case: TwoLayerCase, odds: Array, brought: Array, rivals: NDArray[np.intp], k: int) -> int:
    """Most rivals that a set can hold and still be as probable as the k best that a greedy search finds."""
    with np.errstate(divide="ignore"):
        leak = np.array([-np.log1p(-case.model.gates[v].leak[1]) for v in case.coupling])
        top = sum(float(np.log(max(pair))) for pair in case.coupling.values())
        for row in case.priors[(case.priors[:, 2:] > 0).any(axis=1)]:
            top += float(np.log(row.max()) - np.log(row[0]))
    z = np.minimum(leak, _FARTHEST) + brought[:, odds == np.inf].sum(axis=1)
    odds, brought = odds[rivals], brought[:, rivals]
    left = np.arange(len(rivals))
    own, here = 0.0, float(_weights(case, z))
    found = [here]
    while len(left):
        after = own + odds[left] + _weights(case, z[:, None] + brought[:, left])
        best = int(after.argmax())
        found.extend(after.tolist())
        if not after[best] > here:
            break
        own, here = own + odds[left[best]], float(after[best])
        z = z + brought[:, left[best]]
        left = np.delete(left, best)
    distinct = sorted(found, reverse=True)
    least = distinct[k - 1] - _SLACK if len(distinct) >= k else -np.inf
    reached = top + np.cumsum(np.sort(odds)[::-1])
    return int(np.flatnonzero(reached >= least).max(initial=-1)) + 1


def _standing_in(odds: Array, brought: Array, order: NDArray[np.intp]) -> NDArray[np.intp]:
    """How many others can stand in for each disease, shape (n,)."""
    n = len(odds)
    count = np.zeros(n, dtype=np.intp)
    step = max(1, _CHUNK // max(1, n))
    for start in range(0, n, step):
        here = slice(start, min(n, start + step))
        gap = odds[:, None] - odds[None, here]
        before = (gap > _SLACK) | ((gap >= 0) & (order[:, None] > order[None, here]))
        for row in brought:
            before &= row[:, None] >= row[None, here]
        count[here] = before.sum(axis=0)
    return count
