"""The dense back end's kernel, compiled by numba: one fused pass over the joint per case.

Linear domain; a case whose probability gets near the smallest floats is left to the log-domain path. Findings in their
reference state are cheap: in a noisy gate P(reference state | causes) is a product of one factor per cause, so all of
them together are one factor per cause state.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def propagate_cases(
    codes: NDArray[np.int32],
    prior: Array,
    pattern: Ints,
    extra: Array,
    rows: Array,
    finding_columns: Ints,
    finding_offsets: Ints,
    finding_levels: Ints,
    is_gate: NDArray[np.bool_],
    quiet_base: Array,
    quiet: Array,
    joint_columns: Ints,
    joint_cards: Ints,
    total: Array,
    marginals: Array,
    posterior: Array,
) -> None:
    """Fill ``total`` (P of each case), ``marginals`` (per joint state) and, unless empty, ``posterior`` (per cell).

    Findings come with their level, deepest first: the first joint variable that plays a part in them, so that a row
    repeats over the variables before it and enters before those are spread out. The last row is all ones.
    """
    n_cells, n_states, n_joint = prior.shape[1], quiet.shape[1], joint_columns.size
    work = np.empty(n_cells)
    factor = np.empty(n_states)
    seen = np.empty(finding_columns.size, dtype=np.int64)
    levels = np.empty(finding_columns.size, dtype=np.int64)
    ones = rows[rows.shape[0] - 1]
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
        start = 0
        for j in range(n_joint):
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
