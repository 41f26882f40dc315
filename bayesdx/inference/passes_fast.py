"""The two passes over a junction tree, compiled by numba: a block of cases as the last axis of every buffer.

The same steps as ``passes``, on flat buffers with an index map for every message.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bayesdx.inference.structures import LaneTree

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Map = NDArray[np.int32]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def propagate_lanes(
    width: int,
    tree: LaneTree,
    potential: Array,
    codes: Map,
    soft_start: Ints,
    soft: Array,
    log_evidence: Array,
    output: Array,
) -> None:
    """Fill ``log_evidence`` (n_lanes,) and ``output`` (n_lanes, n_output_cells), ``width`` lanes at a time."""
    (
        cells,
        kept,
        parent,
        cell_start,
        message_start,
        to_separator,
        into_parent,
        wide,
        child_end,
        children,
        evidence_end,
        evidence_variable,
        evidence_map,
        maps,
        variable_cards,
        variable_start,
        needed,
        output_end,
        output_map,
        output_start,
    ) = tree
    n_cliques, n_lanes = cells.size, codes.shape[0]
    inside = np.empty((cell_start[-1] + cells[-1], width))
    raw = np.empty((message_start[-1] + kept[-1], width))
    message = np.empty_like(raw)
    like = np.empty((variable_start[-1] + variable_cards[-1], width))
    observed = np.empty(variable_cards.size, dtype=np.bool_)
    total = np.empty(width)
    mass = np.empty(width)
    scale = np.empty(width)
    least = np.empty(width)
    most = np.empty(width)
    gathered = np.empty((output.shape[1], width))
    shared = np.empty((kept.max(), width))
    for block in range(0, n_lanes, width):
        lanes = min(width, n_lanes - block)
        # Likelihoods of the block, one row per state.
        for v in range(variable_cards.size):
            observed[v] = soft_start[v] >= 0
            for lane in range(lanes):
                if codes[block + lane, v] >= 0:
                    observed[v] = True
            if observed[v]:
                for s in range(variable_cards[v]):
                    row = like[variable_start[v] + s]
                    for lane in range(width):
                        row[lane] = 1.0
                    for lane in range(lanes):
                        code = codes[block + lane, v]
                        if code >= 0 and code != s:
                            row[lane] = 0.0
                    if soft_start[v] >= 0:
                        for lane in range(lanes):
                            row[lane] *= soft[block + lane, soft_start[v] + s]
        mass[:] = 1.0
        scale[:] = 0.0
        # Up.
        for c in range(n_cliques):
            first, size = cell_start[c], cells[c]
            here = inside[first : first + size]
            if potential.shape[1] == 1:
                for x in range(size):
                    value = potential[first + x, 0]
                    row = here[x]
                    for lane in range(width):
                        row[lane] = value
            else:
                for x in range(size):
                    row = here[x]
                    for lane in range(lanes):
                        row[lane] = potential[first + x, block + lane]
                    for lane in range(lanes, width):
                        row[lane] = 1.0
            first_evidence = evidence_end[c - 1] if c > 0 else 0
            first_child = child_end[c - 1] if c > 0 else 0
            # Many factors: as logarithms, where the range of their product could leave that of floats.
            logarithmic = False
            if wide[c]:
                least[:] = 1.0
                most[:] = 1.0
                for k in range(first_evidence, evidence_end[c]):
                    v = evidence_variable[k]
                    if observed[v]:
                        _widen(like[variable_start[v] : variable_start[v] + variable_cards[v]], least, most)
                for k in range(first_child, child_end[c]):
                    child = children[k]
                    _widen(message[message_start[child] : message_start[child] + kept[child]], least, most)
                for lane in range(width):
                    if not (least[lane] > 1e-200 and most[lane] < 1e200):
                        logarithmic = True
            if logarithmic:
                for x in range(size):
                    row = here[x]
                    for lane in range(width):
                        row[lane] = np.log(row[lane])
            for k in range(first_evidence, evidence_end[c]):
                v = evidence_variable[k]
                if observed[v]:
                    values = like[variable_start[v] : variable_start[v] + variable_cards[v]]
                    _enter(here, values, maps[evidence_map[k] : evidence_map[k] + size], logarithmic)
            for k in range(first_child, child_end[c]):
                child = children[k]
                values = message[message_start[child] : message_start[child] + kept[child]]
                _enter(here, values, maps[into_parent[child] : into_parent[child] + size], logarithmic)
            if logarithmic:
                total[:] = -np.inf
                for x in range(size):
                    for lane in range(width):
                        total[lane] = max(total[lane], here[x, lane])
                for lane in range(width):
                    if total[lane] == -np.inf:
                        total[lane] = 0.0
                    scale[lane] += total[lane]
                for x in range(size):
                    row = here[x]
                    for lane in range(width):
                        row[lane] = np.exp(row[lane] - total[lane])
            # The message to the parent, scaled to a mean of 1.
            below = raw[message_start[c] : message_start[c] + kept[c]]
            below[:] = 0.0
            where = maps[to_separator[c] : to_separator[c] + size]
            for x in range(size):
                row, source = below[where[x]], here[x]
                for lane in range(width):
                    row[lane] += source[lane]
            total[:] = 0.0
            for x in range(kept[c]):
                row = below[x]
                for lane in range(width):
                    total[lane] += row[lane]
            for lane in range(width):
                mean = total[lane] / kept[c]
                mass[lane] *= mean
                if mass[lane] < 1e-100 or mass[lane] > 1e100:
                    scale[lane] += np.log(mass[lane])
                    mass[lane] = 1.0
                total[lane] = 1.0 / mean if mean > 0.0 else 0.0
            up = message[message_start[c] : message_start[c] + kept[c]]
            for x in range(kept[c]):
                row, source = up[x], below[x]
                for lane in range(width):
                    row[lane] = source[lane] * total[lane]
        for lane in range(lanes):
            log_evidence[block + lane] = scale[lane] + np.log(mass[lane])
        # Down, to the cliques that are needed.
        for c in range(n_cliques - 1, -1, -1):
            if not needed[c]:
                continue
            first, size = cell_start[c], cells[c]
            here = inside[first : first + size]
            if parent[c] >= 0:
                up_first, up_size = cell_start[parent[c]], cells[parent[c]]
                above = inside[up_first : up_first + up_size]
                where = maps[into_parent[c] : into_parent[c] + up_size]
                shared[: kept[c]] = 0.0
                for x in range(up_size):
                    row, source = shared[where[x]], above[x]
                    for lane in range(width):
                        row[lane] += source[lane]
            else:
                shared[0] = 1.0
            below = raw[message_start[c] : message_start[c] + kept[c]]
            for x in range(kept[c]):
                row, source = shared[x], below[x]
                for lane in range(width):
                    row[lane] = row[lane] / source[lane] if source[lane] > 0.0 else 0.0
            where = maps[to_separator[c] : to_separator[c] + size]
            for x in range(size):
                row, source = here[x], shared[where[x]]
                for lane in range(width):
                    row[lane] *= source[lane]
            start = output_end[c - 1] if c > 0 else 0
            for k in range(start, output_end[c]):
                where = maps[output_map[k] : output_map[k] + size]
                target = gathered[output_start[2 * k] : output_start[2 * k + 1]]
                target[:] = 0.0
                for x in range(size):
                    row, source = target[where[x]], here[x]
                    for lane in range(width):
                        row[lane] += source[lane]
        for lane in range(lanes):
            for x in range(output.shape[1]):
                output[block + lane, x] = gathered[x, lane]


@njit(cache=True, nogil=True)
def _widen(values: Array, least: Array, most: Array) -> None:
    """Bounds on the entries above 0 of a product, per lane, with one more factor."""
    for lane in range(values.shape[1]):
        low, high = np.inf, 0.0
        for x in range(values.shape[0]):
            value = values[x, lane]
            if value > 0.0:
                low = min(low, value)
                high = max(high, value)
        if high > 0.0:
            least[lane] *= low
            most[lane] *= high


@njit(cache=True, nogil=True, inline="always")
def _enter(here: Array, values: Array, where: Map, logarithmic: bool) -> None:
    """Multiply ``values`` into a clique, or add their logarithms to it."""
    width = here.shape[1]
    if logarithmic:
        logs = np.log(values)
        for x in range(here.shape[0]):
            row, source = here[x], logs[where[x]]
            for lane in range(width):
                row[lane] += source[lane]
    else:
        for x in range(here.shape[0]):
            row, source = here[x], values[where[x]]
            for lane in range(width):
                row[lane] *= source[lane]
