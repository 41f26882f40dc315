"""From the rows of a model to its Bayesian network."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from bayesdx.knowledge.model import Model
from bayesdx.network.network import Network, Node, NoisyMax, Table
from bayesdx.network.place import Place, view
from bayesdx.network.rows import own_tables, placed_rows

Array = NDArray[np.float64]


def compile_network(model: Model) -> Network:
    """The network that a model means, with the priors of its population.

    A variable with rows in tables.csv has that table. Every other one is a leaky noisy-MAX gate (with two states, a
    leaky noisy-OR) of the parents that links.csv names; its leak stands in priors.csv for contexts and causes, in
    links.csv for the others. A gate without parents is a plain prior.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Network
        Variables in the order of variables.csv as far as parents come first; ``targets`` are the causes.

    References
    ----------
    F. J. Diez (1993), "Parameter adjustment in Bayes networks: the generalized noisy OR-gate", UAI.

    Examples
    --------
    >>> import bayesdx as dx
    >>> network = compile_network(dx.load_model("hip_flexion_weakness@1.0.0"))
    >>> network["lumbar_radiculopathy"].parents
    ('disc_herniation', 'spinal_stenosis', 'severe_infection')
    """
    given: dict[str, dict[Place, dict[int, float]]] = {name: defaultdict(dict) for name in model.by_name}
    for row in placed_rows(model):
        given[row.place.node][row.place][row.state] = row.value
    tabled = {entry.variable: tuple(parent for parent, _ in entry.parents) for entry in own_tables(model)}
    acting: dict[str, set[str]] = defaultdict(set)
    for link in model.links:
        acting[link.child].add(link.parent)
    nodes = []
    for variable in model.variables:
        name, count = variable.variable, len(variable.states)
        parents = tabled.get(name, tuple(other for other in model.by_name if other in acting[name]))
        cards = [len(model.by_name[parent].states) for parent in parents]
        if name in tabled:
            arrays = [np.zeros((*cards, count))]
        else:
            arrays = [_reference(count), *(_reference(card, count) for card in cards)]
        for place, values in given[name].items():
            view(arrays, place, parents)[...] = _distribution(count, values)
        gate = name not in tabled and parents
        cpd = NoisyMax(arrays[0], arrays[1:]) if gate else Table(arrays[0])
        nodes.append(Node(name, variable.states, parents, cpd))
    return Network(tuple(nodes), targets=model.causes)


def _reference(*shape: int) -> Array:
    """Distributions that are certain of the reference state."""
    values = np.zeros(shape)
    values[..., 0] = 1.0
    return values


def _distribution(count: int, given: dict[int, float]) -> Array:
    """Probabilities in the order of the states; the reference state takes what the others leave."""
    values = np.array([given.get(state, 0.0) for state in range(count)])
    if 0 not in given:
        values[0] = max(0.0, 1.0 - values[1:].sum())
    return values
