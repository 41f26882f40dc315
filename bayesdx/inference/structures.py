"""What compiled code takes: a junction tree, or a joint, as arrays with names. numba takes named tuples as they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Map = NDArray[np.int32]
Flags = NDArray[np.bool_]


class CaseTree(NamedTuple):
    """A junction tree and its leaves for code that takes one case at a time (see ``casewise``).

    A *runs* array has a row (start in ``maps``, length, kept) per map. *Bounds* of n things have n + 1 entries, *ends*
    have n.
    """

    maps: Map  # every index map, one after another
    potential: Array  # the network's own numbers in the cells of all cliques
    cell_bounds: Ints  # per clique, in potential
    message_bounds: Ints  # per clique, the cells of its separator
    parents: Ints  # per clique, -1 for a root
    to_separator: Ints  # runs, per clique
    into_parent: Ints  # runs, per clique
    variables: Ints  # columns of the codes that stand in cliques
    variable_home: Ints  # clique where the evidence of each enters
    variable_bounds: Ints  # states of each
    variable_runs: Ints
    leaf_columns: Ints  # columns of the codes that stand in no clique
    leaf_group: Ints
    leaf_bounds: Ints  # in leaf_rows
    leaf_rows: Array  # P(state | parents)
    quiet_base: Array  # per leaf: P(reference state | no parent acts); -1 for tables
    quiet_end: Ints  # per leaf, in quiet_parent
    quiet_parent: Ints
    quiet_first: Ints  # per leaf, the first state whose factor is in quiet
    quiet_bounds: Ints
    quiet: Array  # factors of the reference state, per state of a parent
    group_home: Ints  # per group of leaves, its clique
    group_bounds: Ints
    group_runs: Ints
    needed: Flags  # per clique: on the way down
    passes_on: Flags  # per clique: to others, on the way down
    output_end: Ints  # per clique, scopes that are read
    output_bounds: Ints
    output_runs: Ints
    weight_runs: Ints


class LaneTree(NamedTuple):
    """A junction tree for code that takes many cases side by side (see ``flat``).

    Maps are given by where they start in ``maps``; *starts* of n things have n entries, *ends* too.
    """

    cells: Ints  # per clique, its number of cells that can be above 0
    kept: Ints  # per clique, those of its separator
    parent: Ints  # per clique, -1 for a root
    cell_start: Ints
    message_start: Ints
    to_separator: Ints
    into_parent: Ints
    wide: Flags  # per clique: takes in so many messages that it multiplies them as logarithms
    child_end: Ints
    children: Ints
    evidence_end: Ints
    evidence_variable: Ints
    evidence_map: Ints
    maps: Map
    variable_cards: Ints
    variable_start: Ints
    needed: Flags  # per clique: on the way down
    output_end: Ints
    output_map: Ints
    output_start: Ints


class JointArrays(NamedTuple):
    """The dense joint and the findings below it (see ``dense``)."""

    rows: Array  # P(state of a finding | joint), a row per state, then a row of ones
    finding_columns: Ints  # columns of the codes, deepest findings first
    finding_offsets: Ints  # first row of each
    finding_levels: Ints  # first variable of the joint that plays a part in each
    is_gate: Flags
    quiet_base: Array  # of gates, P(reference state | joint) is this times quiet of each state of the cell
    quiet: Array
    joint_columns: Ints  # columns of the codes
    joint_cards: Ints
