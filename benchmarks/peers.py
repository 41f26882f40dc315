"""pyAgrum and pgmpy asked the same questions; extras of the benchmark and of its tests only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.factors import full_table
from bayesdx.network import Network

Array = NDArray[np.float64]

PYAGRUM_ENGINES = ("LazyPropagation", "ShaferShenoyInference")


def to_pyagrum(network: Network) -> Any:
    """The network in pyAgrum, gates expanded; states are called by their codes."""
    import pyagrum

    model = pyagrum.BayesNet()
    for position, card in enumerate(network.cardinalities):
        model.add(pyagrum.LabelizedVariable(f"v{position}", "", [f"s{state}" for state in range(card)]))
    for position, node in enumerate(network.nodes):
        for parent in node.parents:
            model.addArc(f"v{network.index[parent]}", f"v{position}")
        values = full_table(node.cpd)[0]
        cpt = model.cpt(f"v{position}")
        names = list(reversed(cpt.names))
        scope = [*(f"v{network.index[parent]}" for parent in node.parents), f"v{position}"]
        cpt[:] = np.ascontiguousarray(values.transpose([scope.index(name) for name in names]))
    return model


class PyAgrum:
    """One of pyAgrum's exact engines over one network."""

    def __init__(self, network: Network, engine: str, targets: Sequence[str]) -> None:
        import pyagrum

        self.engine = getattr(pyagrum, engine)(to_pyagrum(network))
        self.targets = [network.index[name] for name in targets]
        self.engine.setTargets({f"v{target}" for target in self.targets})

    def posteriors(self, codes: NDArray[np.int32]) -> list[Array]:
        """Marginals of the targets for one case."""
        self.engine.setEvidence({f"v{v}": int(codes[v]) for v in np.flatnonzero(codes >= 0)})
        self.engine.makeInference()
        return [self.engine.posterior(f"v{target}").toarray() for target in self.targets]


class Pgmpy:
    """pgmpy's variable elimination over one network."""

    def __init__(self, network: Network, targets: Sequence[str]) -> None:
        from pgmpy.inference import VariableElimination

        from bayesdx.network import to_pgmpy

        self.network = network
        self.targets = list(targets)
        self.engine = VariableElimination(to_pgmpy(network))

    def posteriors(self, codes: NDArray[np.int32]) -> list[Array]:
        """Marginals of the targets for one case."""
        network = self.network
        seen = {network.names[v]: network.nodes[v].states[codes[v]] for v in np.flatnonzero(codes >= 0)}
        asked = [name for name in self.targets if name not in seen]
        found = self.engine.query(asked, evidence=seen, joint=False, show_progress=False)
        answers = []
        for name in self.targets:
            states = network[name].states
            if name in seen:
                answers.append(np.eye(len(states))[states.index(seen[name])])
            else:
                answers.append(np.array([found[name].get_value(**{name: state}) for state in states]))
        return answers


def largest_difference(first: Iterable[Array], second: Iterable[Array]) -> float:
    """Largest absolute difference between two lists of marginals."""
    return max(float(np.abs(a - b).max()) for a, b in zip(first, second, strict=True))
