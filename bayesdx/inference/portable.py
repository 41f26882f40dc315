"""The compiled network as plain data, for an engine that runs elsewhere (in a page: explorer/engine.js)."""

from __future__ import annotations

from typing import Any

from bayesdx.inference.leaves import LeafGroup, leaf_rows, leaves_of, parents_of
from bayesdx.inference.program import Program
from bayesdx.inference.sizes import USUAL
from bayesdx.network import Network, NoisyMax


def portable(network: Network, memory_limit: int) -> dict[str, Any]:
    """A junction tree with its numbers, and the childless variables that enter it as rows over their parents.

    Parameters, result and errors as ``Engine.portable``.
    """
    leaves = leaves_of(network, USUAL)
    program = Program(network, frozenset(range(len(network))), many=True, leaves=leaves)
    program.check_size(memory_limit)
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
