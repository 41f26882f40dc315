"""One disease of the two-layer dynamic programme, there and back, compiled by numba; the same steps as ``noisy_or``."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def advanced(state: Array, prior: Array, axes: Ints, links: Array) -> Array:
    """The state after a disease: the sum over its own states of what they bring about."""
    total, part = np.zeros_like(state), np.empty_like(state)
    for s in range(prior.size):
        if prior[s] == 0.0:
            continue
        for x in range(state.size):
            part[x] = state[x] * prior[s]
        for k in range(axes.size):
            fails, works = links[k, s, 0], links[k, s, 1]
            if works > 0.0:
                stride = np.uint64(1) << np.uint64(axes[k])
                for block in range(np.uint64(0), np.uint64(state.size), np.uint64(2) * stride):
                    for x in range(block, block + stride):
                        part[x + stride] += part[x] * works
                        part[x] *= fails
        for x in range(state.size):
            total[x] += part[x]
    return total


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def taken_back(state: Array, forward: Array, prior: Array, axes: Ints, links: Array) -> tuple[Array, Array]:
    """One step of the pass back: the weight of each state of the disease, and the state before it."""
    total, part = np.zeros_like(state), np.empty_like(state)
    own = np.zeros(prior.size)
    for s in range(prior.size):
        if prior[s] == 0.0:
            continue
        for x in range(state.size):
            part[x] = state[x] * prior[s]
        for k in range(axes.size):
            fails, works = links[k, s, 0], links[k, s, 1]
            if works > 0.0:
                stride = np.uint64(1) << np.uint64(axes[k])
                for block in range(np.uint64(0), np.uint64(state.size), np.uint64(2) * stride):
                    for x in range(block, block + stride):
                        part[x] = part[x] * fails + part[x + stride] * works
        value = 0.0
        for x in range(state.size):
            value += part[x] * forward[x]
            total[x] += part[x]
        own[s] = value
    return own, total
