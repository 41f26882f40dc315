"""The dense back end's kernel, compiled by numba: one fused pass over the joint per case.

Linear domain; a case whose probability gets near the smallest floats is left to the log-domain path. Findings in their
reference state are cheap: in a noisy gate P(reference state | causes) is a product of one factor per cause, so all of
them together are one factor per cause state.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bayesdx.inference.structures import JointArrays

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def propagate_cases(
    codes: NDArray[np.int32],
    prior: Array,
    pattern: Ints,
    extra: Array,
    joint: JointArrays,
    total: Array,
    marginals: Array,
    posterior: Array,
) -> None:
    """Fill ``total`` (P of each case), ``marginals`` (per joint state) and, unless empty, ``posterior`` (per cell).

    Findings come with their level, deepest first: the first joint variable that plays a part in them, so that a row
    repeats over the variables before it and enters before those are spread out. The last row is all ones.
    """
    rows, finding_columns, finding_offsets, finding_levels, is_gate, quiet_base, quiet, joint_columns, joint_cards = (
        joint
    )
    n_cells, n_states, n_joint = prior.shape[1], quiet.shape[1], joint_columns.size
    work = np.empty(n_cells)
    factor = np.empty(n_states)
    seen = np.empty(finding_columns.size, dtype=np.int64)
    levels = np.empty(finding_columns.size, dtype=np.int64)
    ones = rows[rows.shape[0] - 1]
    fused = joint_cards[0] == 2 and extra.shape[0] == 0 and posterior.shape[0] == 0
    for case in range(codes.shape[0]):
        # One factor per joint state: findings in their reference state, and observed causes.
        base = 1.0
        factor[:] = 1.0
        count = 0
        for f in range(finding_columns.size):
            code = codes[case, finding_columns[f]]
            if code == 0 and is_gate[f]:
                base *= quiet_base[f]
                for s in range(n_states):
                    factor[s] *= quiet[f, s]
            elif code >= 0:
                seen[count] = finding_offsets[f] + code
                levels[count] = finding_levels[f]
                count += 1
        start = 0
        for j in range(n_joint):
            code = codes[case, joint_columns[j]]
            if code >= 0:
                for s in range(joint_cards[j]):
                    if s != code:
                        factor[start + s] = 0.0
            start += joint_cards[j]
        # Spread over the joint, fastest variable first, with every row at its level and the prior at the last.
        work[0] = base
        size = 1
        f = 0
        for j in range(n_joint - 1, -1, -1):
            start -= joint_cards[j]
            low = work[:size]
            if j == 0 and fused:
                _finish_fused(work, size, factor, prior[pattern[case]], rows, seen[f:count], marginals[case])
                break
            if j == 0:
                row = prior[pattern[case]]
                for s in range(joint_cards[j] - 1, -1, -1):
                    high = work[s * size : (s + 1) * size]
                    a = row[s * size : (s + 1) * size]
                    by = factor[start + s]
                    for t in range(size):
                        high[t] = low[t] * by * a[t]
            else:
                for s in range(joint_cards[j] - 1, -1, -1):
                    high = work[s * size : (s + 1) * size]
                    by = factor[start + s]
                    for t in range(size):
                        high[t] = low[t] * by
            size *= joint_cards[j]
            while f < count and levels[f] == j:
                a, b, c = rows[seen[f]], ones, ones
                if f + 1 < count and levels[f + 1] == j:
                    b = rows[seen[f + 1]]
                    if f + 2 < count and levels[f + 2] == j:
                        c = rows[seen[f + 2]]
                        f += 1
                    f += 1
                f += 1
                for t in range(size):
                    work[t] *= a[t] * b[t] * c[t]
        if extra.shape[0] > 0:
            a = extra[case]
            for t in range(n_cells):
                work[t] *= a[t]
        if posterior.shape[0] > 0:
            posterior[case, :] = work
        # Marginals: sum the blocks of the slowest variable, fold them, go on with the next.
        start = 2 if fused else 0
        for j in range(1 if fused else 0, n_joint):
            size //= joint_cards[j]
            low = work[:size]
            for s in range(1, joint_cards[j]):
                high = work[s * size : (s + 1) * size]
                first = 0.0
                block = 0.0
                for t in range(size):
                    x = low[t]
                    y = high[t]
                    first += x
                    block += y
                    low[t] = x + y
                marginals[case, start + s] = block
                if s == 1:
                    marginals[case, start] = first
            if joint_cards[j] == 1:
                first = 0.0
                for t in range(size):
                    first += work[t]
                marginals[case, start] = first
            start += joint_cards[j]
        mass = work[0]
        total[case] = mass
        if mass > 0.0:
            for s in range(n_states):
                marginals[case, s] /= mass
            if posterior.shape[0] > 0:
                for t in range(n_cells):
                    posterior[case, t] /= mass


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"}, inline="always")
def _finish_fused(
    work: Array, size: int, factor: Array, prior: Array, rows: Array, left: Ints, marginals: Array
) -> None:
    """Spread over the slowest variable, which is binary, enter its rows, sum and fold its halves, in few passes."""
    low, high = work[:size], work[size : 2 * size]
    off, on = factor[0], factor[1]
    p, q = prior[:size], prior[size:]
    ones = rows[rows.shape[0] - 1]
    first, second = 0.0, 0.0
    n_left = left.size
    if n_left > 3:
        a, b, c = rows[left[0]], rows[left[1]], rows[left[2]]
        al, bl, cl, ah, bh, ch = a[:size], b[:size], c[:size], a[size:], b[size:], c[size:]
        for t in range(size):
            value = low[t]
            low[t] = value * off * p[t] * al[t] * bl[t] * cl[t]
            high[t] = value * on * q[t] * ah[t] * bh[t] * ch[t]
        f = 3
        while n_left - f > 3:
            a, b, c = rows[left[f]], rows[left[f + 1]], rows[left[f + 2]]
            for t in range(2 * size):
                work[t] *= a[t] * b[t] * c[t]
            f += 3
        a = rows[left[f]]
        b = rows[left[f + 1]] if f + 1 < n_left else ones
        c = rows[left[f + 2]] if f + 2 < n_left else ones
        al, bl, cl, ah, bh, ch = a[:size], b[:size], c[:size], a[size:], b[size:], c[size:]
        for t in range(size):
            x = low[t] * al[t] * bl[t] * cl[t]
            y = high[t] * ah[t] * bh[t] * ch[t]
            first += x
            second += y
            low[t] = x + y
    else:
        a = rows[left[0]] if n_left > 0 else ones
        b = rows[left[1]] if n_left > 1 else ones
        c = rows[left[2]] if n_left > 2 else ones
        al, bl, cl, ah, bh, ch = a[:size], b[:size], c[:size], a[size:], b[size:], c[size:]
        for t in range(size):
            value = low[t]
            x = value * off * p[t] * al[t] * bl[t] * cl[t]
            y = value * on * q[t] * ah[t] * bh[t] * ch[t]
            first += x
            second += y
            low[t] = x + y
    marginals[0] = first
    marginals[1] = second
