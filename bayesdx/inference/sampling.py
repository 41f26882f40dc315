"""Samples of a network: from nothing, parents before children, and given evidence, from a junction tree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.tree import JunctionTree, cell_of
from bayesdx.network import Network, NoisyMax

Array = NDArray[np.float64]
Codes = NDArray[np.int32]
Index = NDArray[np.intp]


def simulate(network: Network, patients: int, seed: int, fixed: Codes | None = None) -> Codes:
    """Patients drawn from a network, parents before children.

    Parameters
    ----------
    network : Network
    patients : int
    seed : int
    fixed : ndarray of int, shape (patients, n_variables), optional
        States that are not drawn, -1 elsewhere. What lies below them follows them; what lies above does not.

    Returns
    -------
    ndarray of int, shape (patients, n_variables)
        State of every variable.

    References
    ----------
    M. Henrion (1988), "Propagating uncertainty in Bayesian networks by probabilistic logic sampling".

    Examples
    --------
    >>> from bayesdx.network import Node, Table
    >>> rain = Node("rain", ("no", "yes"), (), Table([0.8, 0.2]))
    >>> round(float(simulate(Network((rain,)), 5000, seed=0).mean()), 1)
    0.2
    """
    return forward(network, patients, np.random.default_rng(seed), fixed)


def forward(network: Network, patients: int, rng: np.random.Generator, fixed: Codes | None = None) -> Codes:
    """As ``simulate``, with random numbers from ``rng``."""
    codes = np.zeros((patients, len(network)), dtype=np.int32) if fixed is None else fixed.copy()
    for position, node in enumerate(network.nodes):
        if fixed is not None and (fixed[:, position] >= 0).all():
            continue
        parents = [codes[:, network.index[name]] for name in node.parents]
        if isinstance(node.cpd, NoisyMax):
            drawn = drawn_states(rng, np.broadcast_to(node.cpd.leak, (patients, node.cpd.n_states)))
            for link, states in zip(node.cpd.links, parents, strict=True):
                drawn = np.maximum(drawn, drawn_states(rng, link[states]))
        else:
            rows = node.cpd.values[tuple(parents)] if parents else node.cpd.values
            drawn = drawn_states(rng, np.broadcast_to(rows, (patients, node.cpd.n_states)))
        codes[:, position] = drawn if fixed is None else np.where(fixed[:, position] >= 0, fixed[:, position], drawn)
    return codes


def drawn_states(rng: np.random.Generator, probabilities: Array) -> Codes:
    """One state per row of probabilities, never one of probability 0."""
    below = np.cumsum(probabilities, axis=1)
    point = rng.random((len(probabilities), 1)) * below[:, -1:]
    return np.asarray((point >= below[:, :-1]).sum(axis=1), dtype=np.int32)


def from_tree(tree: JunctionTree, tables: Sequence[Array], samples: int, rng: np.random.Generator) -> dict[int, Index]:
    """States of every variable of a junction tree, drawn jointly from the product of its tables.

    One pass up, then down from the roots: each clique draws what its separator leaves open.

    Parameters
    ----------
    tree : JunctionTree
    tables : sequence of ndarray, each of shape (n_cells,)
        Everything that enters each clique; their product has to be possible.
    samples : int
    rng : Generator

    References
    ----------
    A. P. Dawid (1992), "Applications of a general propagation algorithm for probabilistic expert systems", Statistics
    and Computing 2, section 6.
    """
    cards = tree.cards
    inside = list(tables)
    for place, parent in enumerate(tree.parents):
        if parent >= 0:
            message = np.bincount(cell_of(tree.cliques[place], tree.separators[place], cards), weights=inside[place])
            product = inside[parent] * message[cell_of(tree.cliques[parent], tree.separators[place], cards)]
            top = product.max()
            inside[parent] = product / top if top > 0 else product
    drawn: dict[int, Index] = {}
    for place in range(len(tree.cliques) - 1, -1, -1):
        clique, kept = tree.cliques[place], tree.separators[place]
        open_ = tuple(v for v in clique if v not in kept)
        order = [clique.index(v) for v in (*kept, *open_)]
        table = inside[place].reshape([cards[v] for v in clique]).transpose(order)
        known = np.zeros(samples, dtype=np.intp)
        for v in kept:
            known = known * cards[v] + drawn[v]
        cells = _drawn_cells(rng, table.reshape(int(np.prod([cards[v] for v in kept], dtype=np.int64)), -1), known)
        for v in reversed(open_):
            cells, drawn[v] = np.divmod(cells, cards[v])
    return drawn


def _drawn_cells(rng: np.random.Generator, table: Array, rows: Index) -> Index:
    """A column for each of ``rows``, by their weights, shape (n,); never one of weight 0."""
    used, of_row = np.unique(rows, return_inverse=True)
    below = np.cumsum(table[used], axis=1)
    below /= below[:, -1:]
    last = table.shape[1] - 1 - (table[used, ::-1] > 0).argmax(axis=1)
    place = of_row.reshape(-1)
    found = np.searchsorted((below + np.arange(len(used))[:, None]).reshape(-1), place + rng.random(len(rows)), "right")
    return np.asarray(np.minimum(found - place * table.shape[1], last[place]), dtype=np.intp)
