"""Propagation in two-layer noisy-OR networks: exact where it fits, sampled where that is allowed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.evidence import Evidence
from bayesdx.inference.importance import Sampled, sample
from bayesdx.inference.jt_backend import JunctionTreeBackend
from bayesdx.inference.noisy_or import TwoLayer, TwoLayerCase
from bayesdx.inference.noisy_or_best import may_be_present
from bayesdx.inference.propagation import Approximation, Propagation
from bayesdx.network import Network, Node, NoisyMax, Table

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


def propagate(
    model: TwoLayer, evidence: Evidence, targets: Sequence[int], samples: int = 0, seed: int = 0
) -> Propagation:
    """Log evidence and marginals of diseases, case by case.

    Parameters
    ----------
    model : TwoLayer
    evidence : Evidence
    targets : sequence of int
        Positions of diseases in the network.
    samples : int
        Samples for each case that exact inference has no memory for; 0 to refuse such cases.
    seed : int
    """
    rng = np.random.default_rng(seed)
    log_evidence = np.empty(len(evidence))
    found = np.empty((len(evidence), *model.priors.shape))
    sampled: dict[int, Sampled] = {}
    before: dict[bytes, int] = {}
    for row in range(len(evidence)):
        given = [evidence.codes[row], *(values[row] for values in evidence.likelihoods.values())]
        same = before.setdefault(b"".join(part.tobytes() for part in given), row)
        if same < row and same not in sampled:  # a sampled answer is drawn anew
            log_evidence[row], found[row] = log_evidence[same], found[same]
            continue
        case = model.case(evidence, row)
        if samples and case.exact_bytes() > model.memory_limit:
            sampled[row] = sample(case, samples, rng)
            log_evidence[row], found[row] = sampled[row].log_evidence, sampled[row].marginals
        else:
            log_evidence[row], found[row] = case.posteriors(evidence_alone=not targets)
    found[np.isneginf(log_evidence)] = np.nan
    found.setflags(write=False)
    cards, names = model.network.cardinalities, model.network.names
    marginals = {names[v]: found[:, model.diseases[v], : cards[v]] for v in targets}
    return Propagation(log_evidence, marginals, {}, _approximation(model, targets, sampled, len(evidence), samples))


def most_probable(model: TwoLayer, evidence: Evidence, scope: Sequence[int], k: int) -> tuple[Codes, Array] | None:
    """The k most probable states of all diseases in one case, and log P(configuration, evidence).

    Diseases that are absent in each of them are left out, and the small network that remains is asked. None where some
    disease that may be present is not asked about, or an absent disease brings about a finding.
    """
    known = evidence.codes[0] >= 0
    if not all(v in model.diseases for v in scope) or any(v not in scope and not known[v] for v in model.diseases):
        return None
    case = model.case(evidence, 0)
    if any(model.gates[v].links[:, 0, 1].any() for v in case.coupling):
        return None
    order = np.full(len(model.diseases), -1, dtype=np.intp)
    order[[model.diseases[v] for v in scope]] = np.arange(len(scope))
    kept = may_be_present(case, order, k)
    left = [v for v in scope if kept[model.diseases[v]]]
    found, logs = _asked_alone(model, case, left, k)
    codes = np.zeros((len(found), len(scope)), dtype=np.int64)
    codes[:, [place for place, v in enumerate(scope) if kept[model.diseases[v]]]] = found
    absent = case.priors[[row for v, row in model.diseases.items() if v not in left]]
    with np.errstate(divide="ignore"):
        return codes, logs + case.scale + float(np.log(absent[:, 0]).sum())


def _asked_alone(model: TwoLayer, case: TwoLayerCase, diseases: Sequence[int], k: int) -> tuple[Codes, Array]:
    """The same question about some of the diseases, with the others absent."""
    nodes, likelihoods, scale = [], {}, 0.0
    for v in diseases:
        row = case.priors[model.diseases[v], : model.network.cardinalities[v]]
        scale += float(np.log(row.sum()))
        nodes.append(Node(model.network.names[v], model.network.nodes[v].states, (), Table(row / row.sum())))
    rows = {model.diseases[v]: model.network.names[v] for v in diseases}
    for v, pair in case.coupling.items():
        gate = model.gates[v]
        mine = [place for place, row in enumerate(gate.parents.tolist()) if row in rows]
        parents = tuple(rows[int(gate.parents[place])] for place in mine)
        cards = [len(model.network[name].states) for name in parents]
        links = tuple(gate.links[place, :card] for place, card in zip(mine, cards, strict=True))
        name, states = model.network.names[v], model.network.nodes[v].states
        nodes.append(Node(name, states, parents, NoisyMax(gate.leak, links) if links else Table(gate.leak)))
        likelihoods[name] = np.array([pair])
    network = Network(tuple(nodes))
    soft = Evidence(np.full((1, len(nodes)), -1), likelihoods)
    tree = JunctionTreeBackend(network, model.memory_limit, sizes=model.sizes)
    codes, logs = tree.best(soft, [network.index[model.network.names[v]] for v in diseases], k)
    return codes, logs + scale


def _approximation(
    model: TwoLayer, targets: Sequence[int], sampled: dict[int, Sampled], n_cases: int, samples: int
) -> Approximation | None:
    """Standard errors of the sampled cases; 0, and an infinite sample size, in the exact ones."""
    if not sampled:
        return None
    size = np.full(n_cases, np.inf)
    error = np.zeros((n_cases, *model.priors.shape))
    for row, result in sampled.items():
        size[row], error[row] = result.effective_sample_size, result.standard_error
    cards, names = model.network.cardinalities, model.network.names
    return Approximation(samples, size, {names[v]: error[:, model.diseases[v], : cards[v]] for v in targets})
