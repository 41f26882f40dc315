"""Importance sampling for two-layer noisy-OR cases that no exact method answers; only when asked for.

Diseases are drawn independently from the marginals of loopy belief propagation; the weights correct for what these get
wrong. Standard errors and the effective sample size come with the answer, and too small a one is refused.

References
----------
K. Murphy, Y. Weiss, M. Jordan (1999), "Loopy belief propagation for approximate inference", UAI; A. Owen (2013),
"Monte Carlo theory, methods and examples", chapter 9 (self-normalised importance sampling).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.errors import TooLargeError
from bayesdx.inference.logs import floored_log
from bayesdx.inference.noisy_or import TwoLayerCase

Array = NDArray[np.float64]

SWEEPS = 20
"""Rounds of loopy propagation; the proposal need not have converged."""

KEPT_PRIOR = 0.02
"""Share of the prior in the proposal, so that it reaches whatever the prior reaches."""

LEAST_EFFECTIVE_SIZE = 200.0
"""Answers that rest on fewer effective samples are refused."""

CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Sampled:
    """Posterior estimates of one case.

    Parameters
    ----------
    log_evidence : float
    marginals, standard_error : ndarray, shape (n_diseases, n_states)
    effective_sample_size : float
    """

    log_evidence: float
    marginals: Array
    standard_error: Array
    effective_sample_size: float


def sample(case: TwoLayerCase, n_samples: int, rng: np.random.Generator) -> Sampled:
    """Estimate the posteriors of one case from ``n_samples`` weighted samples.

    Raises
    ------
    TooLargeError
        The effective sample size stays below ``LEAST_EFFECTIVE_SIZE``.
    """
    proposal = _proposal(case)
    moments = np.zeros((2, *case.priors.shape))
    weights_of, states_of = [], []
    for start in range(0, n_samples, CHUNK):
        size = min(CHUNK, n_samples - start)
        states = (rng.random((size, len(proposal), 1)) > np.cumsum(proposal, axis=1)[None, :, :-1]).sum(axis=2)
        weights_of.append(_log_weights(case, states, proposal))
        states_of.append(states.astype(np.int8))
    log_weights = np.concatenate(weights_of)
    top = float(log_weights.max())
    weights = np.exp(log_weights - top) if np.isfinite(top) and top > -1e8 else np.zeros(n_samples)
    total, squares = float(weights.sum()), float((weights**2).sum())
    size_of = total**2 / squares if squares > 0 else 0.0
    if size_of < LEAST_EFFECTIVE_SIZE:
        raise TooLargeError(
            f"importance sampling: effective sample size {size_of:.0f} of {n_samples} samples; at least "
            f"{LEAST_EFFECTIVE_SIZE:.0f} is needed. Draw more samples, or leave out findings for an exact answer."
        )
    weights /= total
    for start, states in zip(range(0, n_samples, CHUNK), states_of, strict=True):
        part = weights[start : start + len(states)]
        for s in range(case.priors.shape[1]):
            seen = (states == s).astype(np.float64)
            moments[0, :, s] += part @ seen
            moments[1, :, s] += part**2 @ seen
    mean, square = moments
    variance = square * (1 - 2 * mean) + mean**2 * (weights**2).sum()
    log_evidence = case.scale + top + float(np.log(total / n_samples))
    return Sampled(log_evidence, mean, np.sqrt(np.maximum(variance, 0.0)), size_of)


def _proposal(case: TwoLayerCase) -> Array:
    """Marginals of loopy propagation, mixed with the prior, shape (n_diseases, n_states)."""
    prior = case.priors / case.priors.sum(axis=1, keepdims=True)
    gates = [(case.model.gates[v], weights) for v, weights in case.coupling.items()]
    messages = [np.ones((len(gate.parents), prior.shape[1])) for gate, _ in gates]
    belief = prior.copy()
    for _ in range(SWEEPS):
        for number, (gate, (absent, present)) in enumerate(gates):
            cavity = np.divide(
                belief[gate.parents], messages[number], out=np.zeros_like(messages[number]), where=messages[number] > 0
            )
            cavity /= np.maximum(cavity.sum(axis=1, keepdims=True), np.finfo(float).tiny)
            quiet = (cavity * gate.links[:, :, 0]).sum(axis=1)
            others = np.array([gate.leak[0] * np.prod(np.delete(quiet, place)) for place in range(len(quiet))])
            silent = others[:, None] * gate.links[:, :, 0]
            fresh = np.maximum(absent * silent + present * (1.0 - silent), 1e-12)
            fresh /= fresh.max(axis=1, keepdims=True)
            messages[number] = fresh
            updated = cavity * fresh
            belief[gate.parents] = updated / updated.sum(axis=1, keepdims=True)
    mixed = (1 - KEPT_PRIOR) * belief + KEPT_PRIOR * prior
    return np.asarray(mixed / mixed.sum(axis=1, keepdims=True))


def _log_weights(case: TwoLayerCase, states: NDArray[np.integer], proposal: Array) -> Array:
    rows = np.arange(len(proposal))
    log_ratio = floored_log(case.priors) - floored_log(proposal)
    total = log_ratio[rows, states].sum(axis=1)
    for v, (absent, present) in case.coupling.items():
        gate = case.model.gates[v]
        quiet = floored_log(gate.links[:, :, 0])
        among = np.arange(len(gate.parents))
        log_silent = quiet[among, states[:, gate.parents]].sum(axis=1) + floored_log(gate.leak[:1])[0]
        total += floored_log(absent * np.exp(log_silent) - present * np.expm1(log_silent))
    return np.asarray(total)
