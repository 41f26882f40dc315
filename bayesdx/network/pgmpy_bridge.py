"""pgmpy in and out. The only place that imports pgmpy's models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayesdx.errors import NetworkError
from bayesdx.knowledge.model import Model
from bayesdx.network.compile import compile_network
from bayesdx.network.files.common import LARGEST_GAP
from bayesdx.network.network import ROW_TOLERANCE, Network, Node, Table

if TYPE_CHECKING:
    from pgmpy.models import DiscreteBayesianNetwork


def from_pgmpy(model: DiscreteBayesianNetwork) -> Network:
    """A bayesdx network from a pgmpy one; rows of its tables are renormalised.

    Parameters
    ----------
    model : pgmpy.models.DiscreteBayesianNetwork
        With a conditional table for every node.

    Returns
    -------
    Network
        State names as strings, as pgmpy holds them.

    Raises
    ------
    NetworkError
        A node has no table, a table is not a distribution, or it has other states of a parent than the parent.

    Examples
    --------
    >>> from bayesdx.network import Network, Node, Table
    >>> coin = Network([Node("coin", ("heads", "tails"), (), Table([0.5, 0.5]))])
    >>> from_pgmpy(to_pgmpy(coin))["coin"].states
    ('heads', 'tails')
    """
    nodes = []
    for name in model.nodes():
        cpd = model.get_cpds(name)
        if cpd is None:
            raise NetworkError(f"network: {name} has no conditional table.")
        parents = tuple(str(parent) for parent in cpd.variables[1:])
        values = np.moveaxis(np.asarray(cpd.values, dtype=np.float64), 0, -1)
        total = values.sum(axis=-1, keepdims=True)
        if not np.isfinite(values).all() or (values < 0).any() or np.abs(total - 1).max() > LARGEST_GAP:
            raise NetworkError(f"network: the table of {name} has a row that does not sum to 1.")
        if np.abs(total - 1).max() > ROW_TOLERANCE:
            values = values / total
        for axis, parent in enumerate(cpd.variables[1:]):
            values = np.take(values, _order_of_states(model, name, parent), axis=axis)
        states = tuple(str(state) for state in cpd.state_names[name])
        nodes.append(Node(str(name), states, parents, Table(values)))
    return Network(tuple(nodes))


def _order_of_states(model: DiscreteBayesianNetwork, name: str, parent: str) -> list[int]:
    """Places of the parent's own states among those that the child's table names; pgmpy lets the orders differ."""
    own, named = model.get_cpds(parent), model.get_cpds(name).state_names[parent]
    if own is None:
        raise NetworkError(f"network: {parent} has no conditional table.")
    states = own.state_names[parent]
    if len(states) != len(named) or set(states) != set(named):
        raise NetworkError(f"network: the table of {name} has other states of {parent} than {parent} itself.")
    return [named.index(state) for state in states]


def to_pgmpy(source: Model | Network) -> DiscreteBayesianNetwork:
    """A pgmpy network with our state names on every node and on every parent; noisy gates are expanded.

    Parameters
    ----------
    source : Model or Network

    Returns
    -------
    pgmpy.models.DiscreteBayesianNetwork

    Raises
    ------
    TooLargeError
        A gate has so many parents that its table would not fit (see ``NoisyMax.table``).

    Examples
    --------
    >>> from bayesdx.network import Network, Node, Table
    >>> coin = Network([Node("coin", ("heads", "tails"), (), Table([0.5, 0.5]))])
    >>> to_pgmpy(coin).get_cpds("coin").state_names
    {'coin': ['heads', 'tails']}
    """
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.models import DiscreteBayesianNetwork

    network = _compiled(source)
    model = DiscreteBayesianNetwork()
    model.add_nodes_from(network.names)
    for node in network.nodes:
        model.add_edges_from((parent, node.name) for parent in node.parents)
    for node in network.nodes:
        values = node.cpd.table()
        names = {name: list(network[name].states) for name in (node.name, *node.parents)}
        model.add_cpds(
            TabularCPD(
                node.name,
                len(node.states),
                values.reshape(-1, values.shape[-1]).T,
                evidence=list(node.parents),
                evidence_card=list(values.shape[:-1]),
                state_names=names,
            )
        )
    return model


def _compiled(source: Model | Network) -> Network:
    return source if isinstance(source, Network) else compile_network(source)
