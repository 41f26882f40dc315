"""Propagation in two-layer noisy-OR networks: exact where it fits, sampled where that is allowed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bayesdx.inference.evidence import Evidence
from bayesdx.inference.importance import Sampled, sample
from bayesdx.inference.noisy_or import TwoLayer
from bayesdx.inference.result import Approximation, Propagation


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
    for row in range(len(evidence)):
        case = model.case(evidence, row)
        if samples and case.exact_bytes() > model.memory_limit:
            sampled[row] = sample(case, samples, rng)
            log_evidence[row], found[row] = sampled[row].log_evidence, sampled[row].marginals
        else:
            log_evidence[row], found[row] = case.posteriors()
    found[np.isneginf(log_evidence)] = np.nan
    found.setflags(write=False)
    cards, names = model.network.cardinalities, model.network.names
    marginals = {names[v]: found[:, model.diseases[v], : cards[v]] for v in targets}
    return Propagation(log_evidence, marginals, {}, _approximation(model, targets, sampled, len(evidence), samples))


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
