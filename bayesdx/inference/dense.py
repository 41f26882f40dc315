"""The dense joint over the causes: a network as one table over its causes, and a row of numbers for each finding.

The causes (``network.targets``) form one joint of K cells. Whatever lies above them (contexts) is enumerated once;
every other variable has to be independent of the rest given the joint, so that a state seen is one row of K
likelihoods. Variables that stand between others and the joint are taken into it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.factors import full_table
from bayesdx.inference.plan import Roles
from bayesdx.network import Network, NoisyMax

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DenseTables:
    """The numbers of a network around its joint of causes.

    Parameters
    ----------
    joint, contexts, findings : tuple of int
        Positions of the variables.
    joint_cards, context_cards : tuple of int
        Numbers of states of the joint's variables and of the contexts.
    prior : ndarray, shape (*context_cardinalities, n_cells)
        P(contexts, joint).
    rows : ndarray, shape (n_rows, n_cells)
        P(state of a finding | joint), a row per state of each finding.
    offsets : dict of int
        First row of each finding.
    states : ndarray of int, shape (n_joint_variables, n_cells)
        State of each variable of the joint in each cell.
    quiet_base : ndarray, shape (n_findings,)
    quiet : ndarray, shape (n_findings, n_joint_states)
        Of findings that are noisy gates, P(reference state | joint) is ``quiet_base`` times the product of ``quiet``
        over the states of the cell. NaN in ``quiet_base`` for tables.
    levels : tuple of int
        As in ``Roles``.
    """

    joint: tuple[int, ...]
    joint_cards: tuple[int, ...]
    contexts: tuple[int, ...]
    context_cards: tuple[int, ...]
    findings: tuple[int, ...]
    prior: Array
    rows: Array
    offsets: dict[int, int]
    states: NDArray[np.int32]
    quiet_base: Array
    quiet: Array
    levels: tuple[int, ...]

    @property
    def cells(self) -> int:
        """Number of cells of the joint."""
        return int(self.rows.shape[1])

    @property
    def n_states(self) -> int:
        """Number of states of all variables of the joint."""
        return sum(self.joint_cards)

    def pattern_of(self, codes: NDArray[np.int32]) -> NDArray[np.int64]:
        """A number for what each case gives of the contexts, -1 counted as one more state, shape (n_cases,)."""
        key = np.zeros(len(codes), dtype=np.int64)
        for v, card in zip(self.contexts, self.context_cards, strict=True):
            code = codes[:, v]
            key = key * (card + 1) + np.where(code < 0, card, code)
        return key


def dense_tables(network: Network, chosen: Roles) -> DenseTables:
    """Compile the tables of a network whose ``roles`` were found."""
    cards = network.cardinalities
    joint_cards = tuple(cards[v] for v in chosen.joint)
    context_cards = tuple(cards[v] for v in chosen.contexts)
    order = (*chosen.contexts, *chosen.joint)
    prior = np.ones((*context_cards, *joint_cards))
    for v in order:
        prior *= _spread(network, v, order)
    rows, offsets, start = [], {}, 0
    for v in chosen.findings:
        table = np.moveaxis(_spread(network, v, (*chosen.joint, v)), -1, 0)
        rows.append(np.broadcast_to(table, (cards[v], *joint_cards)).reshape(cards[v], -1))
        offsets[v] = start
        start += cards[v]
    cells = math.prod(joint_cards)
    quiet_base, quiet = _quiet(network, chosen)
    return DenseTables(
        chosen.joint,
        joint_cards,
        chosen.contexts,
        context_cards,
        chosen.findings,
        np.ascontiguousarray(prior.reshape(*context_cards, cells)),
        np.ascontiguousarray(np.concatenate(rows)) if rows else np.zeros((0, cells)),
        offsets,
        np.indices(joint_cards, dtype=np.int32).reshape(len(joint_cards), cells),
        quiet_base,
        quiet,
        chosen.levels,
    )


def state_columns(cards: Sequence[int]) -> Array:
    """1 where a cell has a state, shape (n_cells, sum of cardinalities).

    Examples
    --------
    >>> state_columns((2, 2)).astype(int).tolist()
    [[1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 0, 1]]
    """
    cells = math.prod(cards)
    digits = np.indices(cards).reshape(len(cards), cells)
    columns = [digit[:, None] == np.arange(card) for digit, card in zip(digits, cards, strict=True)]
    return np.concatenate([np.zeros((cells, 0)), *columns], axis=1).astype(np.float64)


def _quiet(network: Network, chosen: Roles) -> tuple[Array, Array]:
    cards = [network.cardinalities[v] for v in chosen.joint]
    starts = dict(zip(chosen.joint, np.cumsum([0, *cards[:-1]]).tolist(), strict=True))
    base = np.full(len(chosen.findings), np.nan)
    factors = np.ones((len(chosen.findings), sum(cards)))
    for place, v in enumerate(chosen.findings):
        cpd = network.nodes[v].cpd
        if isinstance(cpd, NoisyMax):
            base[place] = cpd.leak[0]
            for name, link in zip(network.nodes[v].parents, cpd.links, strict=True):
                start = starts[network.index[name]]
                factors[place, start : start + len(link)] = link[:, 0]
    return base, factors


def _spread(network: Network, v: int, order: Sequence[int]) -> Array:
    """P(v | parents) with one axis per variable of ``order``, of length 1 where it plays no part."""
    node = network.nodes[v]
    values = full_table(node.cpd)[0]
    scope = [*(network.index[name] for name in node.parents), v]
    place = {u: axis for axis, u in enumerate(order)}
    ranked = sorted(scope, key=place.__getitem__)
    shape = [1] * len(order)
    for u in scope:
        shape[place[u]] = network.cardinalities[u]
    return np.asarray(values.transpose([scope.index(u) for u in ranked]).reshape(shape))
