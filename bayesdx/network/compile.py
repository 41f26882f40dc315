"""From the rows of a model to its Bayesian network."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Link, TableEntry, Variable
from bayesdx.network.network import Network, Node, NoisyMax, Table

Array = NDArray[np.float64]


@lru_cache(maxsize=64)
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
    leaks: dict[str, dict[str, float]] = defaultdict(dict)
    for prior in model.priors:
        if prior.population == model.population:
            leaks[prior.variable][prior.state] = prior.probability
    links: dict[str, list[Link]] = defaultdict(list)
    for link in model.links:
        if link.parent:
            links[link.child].append(link)
        else:
            leaks[link.child][link.child_state] = link.link_probability
    tables: dict[str, list[TableEntry]] = defaultdict(list)
    for entry in model.tables:
        if entry.population in ("", model.population):
            tables[entry.variable].append(entry)
    nodes = []
    for variable in model.variables:
        name = variable.variable
        if name in tables:
            nodes.append(_tabled(model, variable, tables[name]))
        else:
            nodes.append(_gated(model, variable, leaks[name], links[name]))
    return Network(tuple(nodes), targets=model.causes)


def _distribution(variable: Variable, given: dict[str, float]) -> Array:
    """Probabilities in the order of the states; the reference state takes what the others leave."""
    values = np.array([given.get(state, 0.0) for state in variable.states])
    if variable.reference not in given:
        values[0] = max(0.0, 1.0 - values[1:].sum())
    return values


def _gated(model: Model, variable: Variable, leak: dict[str, float], links: list[Link]) -> Node:
    parents = tuple(name for name in model.by_name if any(link.parent == name for link in links))
    matrices = []
    for parent in parents:
        rows = [_distribution(variable, _given(links, parent, state)) for state in model.by_name[parent].states]
        matrices.append(np.array(rows))
    own = _distribution(variable, leak)
    cpd = NoisyMax(own, tuple(matrices)) if parents else Table(own)
    return Node(variable.variable, variable.states, parents, cpd)


def _given(links: list[Link], parent: str, state: str) -> dict[str, float]:
    return {
        link.child_state: link.link_probability
        for link in links
        if link.parent == parent and link.parent_state == state
    }


def _tabled(model: Model, variable: Variable, entries: list[TableEntry]) -> Node:
    parents = tuple(name for name, _ in entries[0].parents)
    states = [model.by_name[parent].states for parent in parents]
    rows: dict[tuple[int, ...], dict[str, float]] = defaultdict(dict)
    for entry in entries:
        place = tuple(states[axis].index(chosen[0]) for axis, (_, chosen) in enumerate(entry.parents))
        rows[place][entry.state] = entry.probability
    values = np.zeros((*(len(options) for options in states), len(variable.states)))
    for place, given in rows.items():
        values[place] = _distribution(variable, given)
    return Node(variable.variable, variable.states, parents, Table(values))
