"""Two layers of noisy-OR, however large: diseases above, findings below; exact by dynamic programming.

The state is the set of positive findings that some disease (or the leak) has brought about so far. Diseases are taken
one by one; a finding enters the state at the first disease that can bring it about and leaves at the last. Everything
is added and multiplied, nothing subtracted, so precision is that of the numbers given. A pass back from the last
disease to the first gives the posteriors of all diseases. Negative findings cost one factor per link.

The problem goes back to D. Heckerman (1989), "A tractable inference algorithm for diagnosing multiple diseases", UAI;
its alternating sum loses all digits from about 16 positive findings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.errors import TooLargeError, rounded
from bayesdx.inference.evidence import Evidence
from bayesdx.inference.kernels import Kernel, use_numba
from bayesdx.inference.sizes import USUAL, Sizes
from bayesdx.network import Network, NoisyMax

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Advance = Callable[[Array, Array, Ints, Array], Array]
TakeBack = Callable[[Array, Array, Array, Ints, Array], tuple[Array, Array]]

_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class DiseaseStep:
    """One disease of a case.

    Parameters
    ----------
    disease : int
        Row among the diseases.
    prior : ndarray, shape (n_states,)
        P(state) times the likelihood of the negative findings and of evidence on the disease itself.
    enters : tuple of ndarray, each of shape (2,)
        The leak of each finding that enters here and becomes the slowest axis of the state.
    axes : ndarray of int, shape (n_links,)
        Axis of each finding that the disease can bring about; 0 is the fastest.
    links : ndarray, shape (n_links, n_states, 2)
    leaves : tuple of (int, float, float)
        Axis of each finding that no later disease brings about, with the likelihood of its absence and presence.
    """

    disease: int
    prior: Array
    enters: tuple[Array, ...]
    axes: Ints
    links: Array
    leaves: tuple[tuple[int, float, float], ...]


class TwoLayer:
    """A two-layer noisy-OR network, indexed by finding.

    Parameters
    ----------
    network : Network
    memory_limit : int
        Bytes that the states of one case may take.
    kernel : {"auto", "numpy", "numba"}
    sizes : Sizes
    """

    def __init__(
        self,
        network: Network,
        memory_limit: int,
        kernel: Kernel = "numpy",
        sizes: Sizes = USUAL,
    ) -> None:
        self.sizes = sizes
        self.network = network
        self.memory_limit = memory_limit
        self.kernel: Kernel = kernel
        self.diseases = {v: row for row, v in enumerate(v for v, node in enumerate(network.nodes) if not node.parents)}
        width = max(network.cardinalities[v] for v in self.diseases)
        self.priors = np.zeros((len(self.diseases), width))
        for v, row in self.diseases.items():
            self.priors[row, : network.cardinalities[v]] = network.nodes[v].cpd.table()
        self.gates = {v: self._gate(v, width) for v, node in enumerate(network.nodes) if node.parents}

    def _gate(self, v: int, width: int) -> OrGate:
        node = self.network.nodes[v]
        assert isinstance(node.cpd, NoisyMax)
        parents = np.array([self.diseases[self.network.index[name]] for name in node.parents], dtype=np.intp)
        links = np.zeros((len(parents), width, 2))
        links[:, :, 0] = 1.0
        for row, link in zip(links, node.cpd.links, strict=True):
            row[: len(link)] = link
        return OrGate(node.cpd.leak, parents, links)

    def case(self, evidence: Evidence, row: int) -> TwoLayerCase:
        """One case: evidence that couples no diseases is absorbed into the priors, the rest is kept as ``coupling``."""
        network = self.network
        soft = {network.index[name]: values[row] for name, values in evidence.likelihoods.items()}
        priors = self.priors.copy()
        scale = 0.0
        coupling: dict[int, tuple[float, float]] = {}
        codes = evidence.codes[row]
        for v in {*np.flatnonzero(codes >= 0).tolist(), *soft}:
            weights = np.array(soft.get(v, np.ones(network.cardinalities[v])), dtype=np.float64)
            if codes[v] >= 0:
                weights[np.arange(len(weights)) != codes[v]] = 0.0
            if v in self.diseases:
                priors[self.diseases[v], : len(weights)] *= weights
            elif weights[1] > 0:
                coupling[v] = (float(weights[0]), float(weights[1]))
            else:
                gate = self.gates[v]
                scale += _log(float(weights[0] * gate.leak[0]))
                priors[gate.parents] *= gate.links[:, :, 0]
        return TwoLayerCase(self, priors, coupling, scale)


@dataclass(frozen=True, eq=False)
class OrGate:
    """A finding: its leak (2,), the rows of its diseases, and its links (n_diseases, n_states, 2)."""

    leak: Array
    parents: NDArray[np.intp]
    links: Array


def _kernel(kernel: Kernel, cells: int) -> tuple[Advance, TakeBack]:
    """The functions that take the state forward and back over one disease, in numpy or compiled."""
    if not use_numba(kernel, cells, "noisy_or_fast.taken_back"):
        return _advanced, _taken_back
    from bayesdx.inference.noisy_or_fast import advanced, taken_back

    return advanced, taken_back


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


@dataclass(frozen=True, eq=False)
class TwoLayerCase:
    """One case of a two-layer network.

    Parameters
    ----------
    model : TwoLayer
    priors : ndarray, shape (n_diseases, n_states)
    coupling : dict of finding to (float, float)
        Findings that may be present, with the likelihoods of their absence and presence.
    scale : float
        Logarithm of what was factored out.
    """

    model: TwoLayer
    priors: Array
    coupling: dict[int, tuple[float, float]]
    scale: float

    def steps(self) -> tuple[list[DiseaseStep], int]:
        """The diseases that the coupling findings join, in order, and the most findings in the state at a time."""
        links: dict[int, list[tuple[int, Array]]] = {}
        waiting: dict[int, set[int]] = {}
        for v in self.coupling:
            gate = self.model.gates[v]
            diseases = gate.parents.tolist()
            for disease, link in zip(diseases, gate.links, strict=True):
                links.setdefault(disease, []).append((v, link))
            waiting[v] = set(diseases)
        steps: list[DiseaseStep] = []
        axes: list[int] = []
        widest = 0
        for disease in self._order(links, waiting):
            entering = [v for v, _ in links[disease] if v not in axes]
            axes.extend(entering)
            widest = max(widest, len(axes))
            reached = np.array([axes.index(v) for v, _ in links[disease]], dtype=np.int64)
            bring = np.array([link for _, link in links[disease]])
            leaves = []
            for v, _ in links[disease]:
                waiting[v].discard(disease)
                if not waiting[v]:
                    leaves.append((axes.index(v), *self.coupling[v]))
                    axes.remove(v)
            leaks = tuple(self.model.gates[v].leak for v in entering)
            steps.append(DiseaseStep(disease, self.priors[disease], leaks, reached, bring, tuple(leaves)))
        return steps, widest

    def _order(self, links: dict[int, list[tuple[int, Array]]], waiting: dict[int, set[int]]) -> list[int]:
        """An order of the diseases in which findings leave early: next come those of the finding with fewest left."""
        left = {v: set(diseases) for v, diseases in waiting.items()}
        order: list[int] = []
        while left:
            v = min(left, key=lambda u: (len(left[u]), u))
            for disease in sorted(left.pop(v), key=lambda d: (len(links[d]), d)):
                order.append(disease)
                for others in left.values():
                    others.discard(disease)
        return order

    def posteriors(self, evidence_alone: bool = False) -> tuple[float, Array]:
        """Log evidence, and P(state | evidence) of every disease, shape (n_diseases, n_states).

        With ``evidence_alone`` there is no pass back: the array that is returned has no meaning then.

        Raises
        ------
        TooLargeError
            The states of the forward pass do not fit the memory limit.
        """
        steps, widest = self.steps()
        self._check_size(len(steps), widest)
        advanced, taken_back = _kernel(self.model.kernel, len(steps) * 2**widest)
        log_total = self.scale
        forward: list[Array] = []
        state = np.ones(1)
        for step in steps:
            state = _entered(state, step.enters)
            forward.append(state)
            state = _left(advanced(state, step.prior, step.axes, step.links), step.leaves)
            mean = np.add.reduce(state) / len(state)
            log_total += _log(float(mean))
            state = state / mean if mean > 0 else state
        log_total += _log(float(state.sum()))
        found = self.priors.copy()
        backward = np.ones(1)
        for step in () if evidence_alone else reversed(steps):
            backward = _left_back(backward, step.leaves)
            own, backward = taken_back(backward, forward.pop(), step.prior, step.axes, step.links)
            found[step.disease] = own
            backward = _entered_back(backward, step.enters)
            backward /= max(np.add.reduce(backward) / len(backward), _TINY)
        alone = np.ones(len(found), dtype=np.bool_)
        alone[[step.disease for step in steps]] = False
        with np.errstate(divide="ignore", invalid="ignore"):
            log_total += float(np.log(found[alone].sum(axis=1)).sum())
            return log_total, found / found.sum(axis=1, keepdims=True)

    def exact_bytes(self) -> int:
        """Memory that ``posteriors`` needs."""
        steps, widest = self.steps()
        return _bytes(len(steps), widest)

    def _check_size(self, n_steps: int, widest: int) -> None:
        needed = _bytes(n_steps, widest)
        if needed > self.model.memory_limit:
            raise TooLargeError(
                f"exact inference over {len(self.coupling)} positive findings that share causes needs "
                f"{rounded(needed, 10**9)} GB; the limit is {rounded(self.model.memory_limit, 10**9)} GB. Leave "
                "out findings; with dx.Engine, raise memory_limit, or pass approximate=True for importance sampling "
                "with a standard error."
            )


def _bytes(n_steps: int, widest: int) -> int:
    return 8 * (1 << widest) * (n_steps + 8)


def _entered(state: Array, leaks: Sequence[Array]) -> Array:
    """The state with a new slowest axis per finding: not brought about by its leak, or brought about."""
    for leak in leaks:
        state = np.concatenate([state * leak[0], state * leak[1]])
    return state


def _entered_back(state: Array, leaks: Sequence[Array]) -> Array:
    for leak in reversed(leaks):
        half = len(state) // 2
        state = state[:half] * leak[0] + state[half:] * leak[1]
    return state


def _advanced(state: Array, prior: Array, axes: Ints, links: Array) -> Array:
    """The state after a disease: the sum over its own states of what they bring about."""
    total = np.zeros_like(state)
    for s, probability in enumerate(prior):
        part = state * probability
        for axis, link in zip(axes, links[:, s], strict=True):
            if link[1] > 0:
                seen = part.reshape(-1, 2, 2**axis)
                seen[:, 1] += seen[:, 0] * link[1]
                seen[:, 0] *= link[0]
        total += part
    return total


def _taken_back(state: Array, forward: Array, prior: Array, axes: Ints, links: Array) -> tuple[Array, Array]:
    """One step of the pass back.

    Returned are the weight of each state of the disease, shape (n_states,), and the state before it.
    """
    total = np.zeros_like(state)
    own = np.empty(len(prior))
    for s, probability in enumerate(prior):
        part = state * probability
        for axis, link in zip(axes, links[:, s], strict=True):
            if link[1] > 0:
                seen = part.reshape(-1, 2, 2**axis)
                seen[:, 0] = seen[:, 0] * link[0] + seen[:, 1] * link[1]
        own[s] = part @ forward
        total += part
    return own, total


def _left(state: Array, leaves: Sequence[tuple[int, float, float]]) -> Array:
    for axis, absent, present in leaves:
        seen = state.reshape(-1, 2, 2**axis)
        state = (seen[:, 0] * absent + seen[:, 1] * present).reshape(-1)
    return state


def _left_back(state: Array, leaves: Sequence[tuple[int, float, float]]) -> Array:
    for axis, absent, present in reversed(leaves):
        seen = state.reshape(-1, 1, 2**axis)
        state = np.concatenate([seen * absent, seen * present], axis=1).reshape(-1)
    return state
