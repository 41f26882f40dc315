"""Counting: draws that were seen outright, where everything that a distribution needs was observed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesdx.learning.layout import Layout
from bayesdx.learning.patients import Patients
from bayesdx.network import Network, Table

Array = NDArray[np.float64]


def count(layout: Layout, patients: Patients) -> Array:
    """Patients in whom each distribution drew each state, as far as the draw itself can be seen.

    A row of a table draws where its variable and all parents were observed. The leak of a gate draws visibly where
    every parent was seen in a state that brings nothing about. What a link draws is hidden behind the leak and the
    other links, so that links stay as they are: counting them where they happen to show would favour some outcomes.

    Parameters
    ----------
    layout : Layout
    patients : Patients

    Returns
    -------
    ndarray, shape (layout.size,)
    """
    counts = np.zeros(layout.size)
    for position, node in enumerate(layout.network.nodes):
        parents = [layout.network.index[name] for name in node.parents]
        codes = patients.codes[:, [*parents, position]]
        seen = (codes >= 0).all(axis=1) & _idle(layout.network, position, codes)
        drawn = codes[seen] if isinstance(node.cpd, Table) else codes[seen, -1:]
        shape = layout.shapes[position][0]
        flat = np.ravel_multi_index(tuple(drawn.T), shape)
        start = layout.starts[position]
        size = int(np.prod(shape))
        counts[start : start + size] = np.bincount(flat, weights=patients.weights[seen], minlength=size)
    return counts


def _idle(network: Network, position: int, codes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Where no parent of a gate acts; everywhere for a table."""
    cpd = network.nodes[position].cpd
    idle = np.ones(len(codes), dtype=np.bool_)
    if not isinstance(cpd, Table):
        for place, link in enumerate(cpd.links):
            idle &= (link[:, 0] == 1.0)[codes[:, place]]
    return idle
