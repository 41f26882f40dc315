"""Both passes over a junction tree for one case at a time, compiled by numba.

Linear domain, messages unscaled: the sum at the roots is P(evidence). A case whose probability gets near the smallest
floats is void and left to the passes that scale.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bayesdx.inference.logs import FAINT
from bayesdx.inference.structures import CaseTree

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Map = NDArray[np.int32]

TINY = np.finfo(np.float64).tiny


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def propagate_casewise(
    codes: Map,
    soft_start: Ints,
    soft: Array,
    alike: bool,
    tree: CaseTree,
    total: Array,
    output: Array,
) -> None:
    """Fill ``total`` (n_cases,) with P(evidence) and ``output`` (n_cases, n_output_cells) with joint posteriors.

    ``alike`` turns on the comparison with the case before, whose shared part is not computed again; it changes the
    speed, never a result.
    """
    (
        maps,
        potential,
        cell_bounds,
        message_bounds,
        parents,
        to_separator,
        into_parent,
        variables,
        variable_home,
        variable_bounds,
        variable_runs,
        leaf_columns,
        leaf_group,
        leaf_bounds,
        leaf_rows,
        quiet_base,
        quiet_end,
        quiet_parent,
        quiet_first,
        quiet_bounds,
        quiet,
        group_home,
        group_bounds,
        group_runs,
        needed,
        passes_on,
        output_end,
        output_bounds,
        output_runs,
        weight_runs,
    ) = tree
    n_cliques, n_variables, n_groups = parents.size, variables.size, group_home.size
    inside = np.empty(potential.size)
    message = np.empty(message_bounds[n_cliques])
    ratio = np.empty(message_bounds[n_cliques])
    read = np.empty(output.shape[1])
    like = np.empty(variable_bounds[n_variables])
    seen = np.empty(n_variables, dtype=np.bool_)
    product = np.empty(group_bounds[n_groups])
    known = np.empty(n_groups, dtype=np.bool_)
    belief = np.empty(potential.size)
    started = np.empty(n_cliques, dtype=np.bool_)
    dirty = np.empty(n_cliques, dtype=np.bool_)
    for case in range(codes.shape[0]):
        # Cliques that this case finds as the one before left them keep their product and their message upward.
        dirty[:] = case == 0 or not alike
        if not dirty[0]:
            for leaf in range(leaf_columns.size):
                now, before = codes[case, leaf_columns[leaf]], codes[case - 1, leaf_columns[leaf]]
                if now != before:
                    is_gate = quiet_base[leaf] >= 0.0
                    if is_gate and (now == 0 or before == 0):
                        for k in range(quiet_end[leaf - 1] if leaf > 0 else 0, quiet_end[leaf]):
                            dirty[variable_home[quiet_parent[k]]] = True
                    if now > 0 or before > 0 or not is_gate:
                        dirty[group_home[leaf_group[leaf]]] = True
            for v in range(n_variables):
                if codes[case, variables[v]] != codes[case - 1, variables[v]]:
                    dirty[variable_home[v]] = True
            for c in range(n_cliques):
                if dirty[c] and parents[c] >= 0:
                    dirty[parents[c]] = True
        like[:] = 1.0
        seen[:] = False
        known[:] = False
        started[:] = False
        mass = 1.0
        # Leaves: a factor per parent in the reference state of a gate, a row over all parents otherwise.
        for leaf in range(leaf_columns.size):
            column = leaf_columns[leaf]
            code, softly = codes[case, column], soft_start[column]
            if code < 0 and softly < 0:
                continue
            if softly >= 0 and code >= 0:
                mass *= soft[case, softly + code]
            if code == 0 and quiet_base[leaf] >= 0.0:
                mass *= quiet_base[leaf]
                for k in range(quiet_end[leaf - 1] if leaf > 0 else 0, quiet_end[leaf]):
                    seen[quiet_parent[k]] = True
                into, at = np.uint64(quiet_first[leaf]), np.uint64(quiet_bounds[leaf])
                for x in range(np.uint64(quiet_bounds[leaf + 1]) - at):
                    like[into + x] *= quiet[at + x]
                continue
            group = leaf_group[leaf]
            if not dirty[group_home[group]]:
                continue
            first, at = np.uint64(group_bounds[group]), leaf_bounds[leaf]
            size = np.uint64(group_bounds[group + 1]) - first
            row = np.uint64(at) + np.uint64(max(code, 0)) * size
            if code >= 0 and not known[group]:
                for x in range(size):
                    product[first + x] = leaf_rows[row + x]
            elif code >= 0:
                for x in range(size):
                    product[first + x] *= leaf_rows[row + x]
            else:
                n_states = np.uint64(leaf_bounds[leaf + 1] - at) // size
                for x in range(size):
                    if not known[group]:
                        product[first + x] = 1.0
                    value = 0.0
                    for s in range(n_states):
                        value += soft[case, np.uint64(softly) + s] * leaf_rows[np.uint64(at) + s * size + x]
                    product[first + x] *= value
            known[group] = True
        # Variables of the tree.
        for v in range(n_variables):
            column = variables[v]
            code, softly = codes[case, column], soft_start[column]
            first = variable_bounds[v]
            if code >= 0:
                seen[v] = True
                for s in range(variable_bounds[v + 1] - first):
                    if s != code:
                        like[first + s] = 0.0
            if softly >= 0:
                seen[v] = True
                for s in range(variable_bounds[v + 1] - first):
                    like[first + s] *= soft[case, softly + s]
        for v in range(n_variables):
            c = variable_home[v]
            if seen[v] and dirty[c]:
                _enter(inside, potential, cell_bounds, c, started, like, variable_bounds[v], maps, variable_runs, v)
        for group in range(n_groups):
            if known[group]:
                c = group_home[group]
                _enter(
                    inside, potential, cell_bounds, c, started, product, group_bounds[group], maps, group_runs, group
                )
        # Up.
        for c in range(n_cliques):
            first, last = cell_bounds[c], cell_bounds[c + 1]
            up, n_up = message_bounds[c], message_bounds[c + 1] - message_bounds[c]
            if dirty[c]:
                if not started[c]:
                    for x in range(np.uint64(first), np.uint64(last)):
                        inside[x] = potential[x]
                _sum_into(message, up, n_up, inside, first, last, maps, to_separator, c)
            if parents[c] < 0:
                mass *= message[up]
            elif dirty[parents[c]]:
                _enter(inside, potential, cell_bounds, parents[c], started, message, up, maps, into_parent, c)
        total[case] = mass
        if not mass >= FAINT:
            output[case, :] = 0.0
            continue
        # Down, to the cliques that are needed; those that pass nothing on are read as they are multiplied.
        for c in range(n_cliques - 1, -1, -1):
            if not needed[c]:
                continue
            first, last = cell_bounds[c], cell_bounds[c + 1]
            up, n_up = np.uint64(message_bounds[c]), np.uint64(message_bounds[c + 1] - message_bounds[c])
            if parents[c] >= 0:
                above = parents[c]
                begin, end = cell_bounds[above], cell_bounds[above + 1]
                scale = 1.0
                if parents[above] < 0:
                    scale = 1.0 / message[message_bounds[above]]
                    _sum_into(ratio, 0, n_up, inside, begin, end, maps, into_parent, c)
                else:
                    _sum_into(ratio, 0, n_up, belief, begin, end, maps, into_parent, c)
                for x in range(n_up):
                    ratio[x] = scale * ratio[x] / max(message[up + x], TINY)  # where one is 0 the other is too
                if passes_on[c]:
                    _multiply(belief, inside, first, last, ratio, 0, maps, to_separator, c)
            else:
                ratio[0] = 1.0 / message[up]
            for k in range(output_end[c - 1] if c > 0 else 0, output_end[c]):
                at, n_read = output_bounds[k], output_bounds[k + 1] - output_bounds[k]
                if passes_on[c] and parents[c] >= 0:
                    _sum_into(read, at, n_read, belief, first, last, maps, output_runs, k)
                else:
                    _weighted_sum_into(read, at, n_read, inside, first, last, ratio, maps, output_runs, weight_runs, k)
        for x in range(read.size):
            output[case, x] = read[x]


@njit(cache=True, nogil=True, inline="always")
def _enter(
    inside: Array,
    potential: Array,
    cell_bounds: Ints,
    clique: int,
    started: NDArray[np.bool_],
    values: Array,
    values_first: int,
    maps: Map,
    runs: Ints,
    number: int,
) -> None:
    """Multiply ``values`` into a clique, which starts as the clique's own numbers."""
    begin, end = cell_bounds[clique], cell_bounds[clique + 1]
    if started[clique]:
        _multiply_in_place(inside, begin, end, values, values_first, maps, runs, number)
    else:
        started[clique] = True
        _multiply(inside, potential, begin, end, values, values_first, maps, runs, number)


@njit(cache=True, nogil=True, inline="always")
def _multiply(
    target: Array,
    own: Array,
    begin: int,
    end: int,
    values: Array,
    values_first: int,
    maps: Map,
    runs: Ints,
    number: int,
) -> None:
    """Cells of a clique times the cells of a smaller table that they meet, by the map of that number.

    A table is given by an array and its first cell there: making a view for each would cost more than most sums.
    """
    first, value_first = np.uint64(begin), np.uint64(values_first)
    start, length, kept = np.uint64(runs[number, 0]), np.uint64(runs[number, 1]), runs[number, 2] == 1
    for r in range((np.uint64(end) - first) // length):
        at, x = value_first + np.uint64(maps[start + r]), first + r * length
        if kept:
            for t in range(length):
                target[x + t] = own[x + t] * values[at + t]
        else:
            by = values[at]
            for t in range(length):
                target[x + t] = own[x + t] * by


@njit(cache=True, nogil=True, inline="always")
def _multiply_in_place(
    target: Array, begin: int, end: int, values: Array, values_first: int, maps: Map, runs: Ints, number: int
) -> None:
    """As ``_multiply`` with the cells of the target itself: the compiler vectorises no two arrays that may overlap."""
    first, value_first = np.uint64(begin), np.uint64(values_first)
    start, length, kept = np.uint64(runs[number, 0]), np.uint64(runs[number, 1]), runs[number, 2] == 1
    for r in range((np.uint64(end) - first) // length):
        at, x = value_first + np.uint64(maps[start + r]), first + r * length
        if kept:
            for t in range(length):
                target[x + t] *= values[at + t]
        else:
            by = values[at]
            for t in range(length):
                target[x + t] *= by


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"}, inline="always")
def _sum_into(
    target: Array, target_first: int, target_size: int, cells: Array, begin: int, end: int,
    maps: Map, runs: Ints, number: int,
) -> None:  # fmt: skip
    """Sum the cells of a clique to those of a table over some of its variables."""
    first, into = np.uint64(begin), np.uint64(target_first)
    start, length, kept = np.uint64(runs[number, 0]), np.uint64(runs[number, 1]), runs[number, 2] == 1
    for t in range(np.uint64(target_size)):
        target[into + t] = 0.0
    for r in range((np.uint64(end) - first) // length):
        at, x = into + np.uint64(maps[start + r]), first + r * length
        if kept:
            for t in range(length):
                target[at + t] += cells[x + t]
        else:
            value = 0.0
            for t in range(length):
                value += cells[x + t]
            target[at] += value


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"}, inline="always")
def _weighted_sum_into(
    target: Array, target_first: int, target_size: int, cells: Array, begin: int, end: int, weights: Array,
    maps: Map, runs: Ints, weight_runs: Ints, number: int,
) -> None:  # fmt: skip
    """As ``_sum_into``, cells times weights, a table over other variables; both maps have runs of one length."""
    first, into = np.uint64(begin), np.uint64(target_first)
    start, length, kept = np.uint64(runs[number, 0]), np.uint64(runs[number, 1]), runs[number, 2] == 1
    weight_start, weighed = np.uint64(weight_runs[number, 0]), weight_runs[number, 2] == 1
    for t in range(np.uint64(target_size)):
        target[into + t] = 0.0
    for r in range((np.uint64(end) - first) // length):
        at, w, x = into + np.uint64(maps[start + r]), np.uint64(maps[weight_start + r]), first + r * length
        if kept and weighed:
            for t in range(length):
                target[at + t] += cells[x + t] * weights[w + t]
        elif kept:
            by = weights[w]
            for t in range(length):
                target[at + t] += cells[x + t] * by
        elif weighed:
            value = 0.0
            for t in range(length):
                value += cells[x + t] * weights[w + t]
            target[at] += value
        else:
            value = 0.0
            for t in range(length):
                value += cells[x + t]
            target[at] += value * weights[w]
