"""The compiled network as plain data, for the engine that runs in a page (engine.js)."""

from __future__ import annotations

from typing import Any

from bayesdx.inference.leaves import LeafGroup, leaf_rows, leaves_of, parents_of
from bayesdx.inference.program import Program
from bayesdx.inference.sizes import USUAL
from bayesdx.network import Network, NoisyMax

MOST_BYTES = 2**28
"""Memory that one answer may take in a page."""


def program_of(network: Network) -> dict[str, Any]:
    """A junction tree with its numbers, and the childless variables that enter it as rows over their parents.

    Parameters
    ----------
    network : Network

    Returns
    -------
    dict
        cards : number of states of each variable, those of the network first.
        size : number of variables of the network.
        homes : for each of them the clique that it enters, -1 for a leaf.
        cliques : children before parents; of each its variables, the position of its parent (-1: none), the variables
        it shares with it, and the product of its factors, the last variable running fastest.
        groups : leaves over the same parents; of each its clique, the parents (scope), and the leaves. A gate has its
        leak and a link per parent, another leaf a row per state over the cells of the scope.

    Raises
    ------
    TooLargeError
        The tree takes more than ``MOST_BYTES``.

    References
    ----------
    S. Lauritzen, D. Spiegelhalter (1988), J. R. Stat. Soc. B 50.

    Examples
    --------
    >>> import bayesdx as dx
    >>> found = program_of(dx.Engine(dx.load_model("chest_clinic@1.0.0")).network)
    >>> found["size"], len(found["cliques"]) > 0
    (8, True)
    """
    leaves = leaves_of(network, USUAL)
    program = Program(network, frozenset(range(len(network))), many=True, leaves=leaves)
    program.check_size(MOST_BYTES)
    tree = program.tree
    return {
        "size": len(network),
        "cards": list(program.cards),
        "homes": [-1 if v in leaves else tree.clique_of[v] for v in range(len(network))],
        "cliques": [
            {
                "variables": list(variables),
                "parent": parent,
                "shared": list(shared),
                "numbers": numbers.ravel().tolist(),
            }
            for variables, parent, shared, numbers in zip(
                tree.cliques, tree.parents, tree.separators, program.constant, strict=True
            )
        ],
        "groups": [
            {
                "clique": program.home_of(group.scope),
                "scope": list(group.scope),
                "leaves": [_leaf(network, group, v) for v in group.leaves],
            }
            for group in program.groups
        ],
    }


def _leaf(network: Network, group: LeafGroup, v: int) -> dict[str, Any]:
    cpd, parents = network.nodes[v].cpd, parents_of(network, v)
    if isinstance(cpd, NoisyMax):
        links = [cpd.links[parents.index(u)] for u in group.scope]
        return {"variable": v, "leak": cpd.leak.tolist(), "links": [link.tolist() for link in links]}
    return {"variable": v, "rows": leaf_rows(network, v, group.scope).tolist()}
