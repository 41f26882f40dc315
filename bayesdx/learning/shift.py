"""Which priors shift with the case mix, and whether the likelihoods still hold once they have."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.simulate import simulate
from bayesdx.inference import Engine, Evidence
from bayesdx.knowledge.model import Model
from bayesdx.learning.patients import Patients
from bayesdx.network import Network, compile_network

Array = NDArray[np.float64]

LEAST_COPIES = 5
"""Fewest simulated patients per real one, with the same cells missing."""

MOST_SIMULATED = 20_000
WHOLE = "all findings together"
COLUMNS = ["finding", "state", "observed", "expected", "patients", "z", "p", "adjusted_p"]


def case_mix(model: Model, network: Network) -> list[str]:
    """Contexts, causes, and what brings causes about: a mechanism above a cause says who comes, not how it shows."""
    above = set(model.causes)
    for node in reversed(network.nodes):
        if node.name in above:
            above.update(node.parents)
    return [v.variable for v in model.variables if v.kind in ("context", "cause") or v.variable in above]


def likelihood_test(model: Model, patients: Patients, seed: int) -> pd.DataFrame:
    """Compare patients with what a model expects of them.

    Per finding and state, the share of the patients in whom it was seen among those examined for it, beside its
    probability. In a last row, the mean log probability of the patients' whole pictures, beside that of simulated
    patients with the same cells missing. That the priors were fitted to the same patients makes the test gentler.

    Parameters
    ----------
    model : Model
        With the priors already shifted.
    patients : Patients
    seed : int

    Returns
    -------
    DataFrame
        Columns: finding, state, observed, expected, patients, z, p (two-sided, normal), adjusted_p (Holm).

    References
    ----------
    S. Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6.
    """
    network = compile_network(model)
    engine = Engine(network)
    nothing = Evidence(np.full((1, len(network)), -1, dtype=np.int32))
    marginals = engine.propagate(nothing, targets=model.findings).marginals
    rows: list[list[object]] = []
    for name in model.findings:
        codes = patients.codes[:, network.index[name]]
        examined = float(patients.weights[codes >= 0].sum())
        for state, label in list(enumerate(network[name].states))[1:]:
            if not examined:
                continue
            share = float(patients.weights[codes == state].sum()) / examined
            rows.append([name, label, share, *_compared(share, float(marginals[name][0, state]), examined)])
    rows.append(_whole(engine, patients, seed))
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    table["adjusted_p"] = _holm(table["p"].to_numpy())
    return table


def _compared(share: float, expected: float, patients: float) -> tuple[float, float, float, float]:
    spread = math.sqrt(max(expected * (1 - expected), 1e-300) / patients)
    z = (share - expected) / spread
    return expected, patients, z, math.erfc(abs(z) / math.sqrt(2))


def _whole(engine: Engine, patients: Patients, seed: int) -> list[object]:
    rng = np.random.default_rng(seed)
    chosen = np.arange(len(patients))
    if len(chosen) > MOST_SIMULATED // LEAST_COPIES:
        chosen = np.sort(rng.choice(chosen, MOST_SIMULATED // LEAST_COPIES, replace=False))
    codes, weights = patients.codes[chosen], patients.weights[chosen]
    copies = MOST_SIMULATED // len(chosen)
    drawn = simulate(engine.network, len(chosen) * copies, seed).reshape(copies, *codes.shape)
    masked = np.where(codes[None] < 0, -1, drawn).reshape(-1, codes.shape[1])
    real = engine.propagate(Evidence(codes), targets=()).log_evidence
    simulated = engine.propagate(Evidence(masked), targets=()).log_evidence
    # Patients with the same cells missing have one distribution; their copies are pooled.
    _, mask = np.unique(codes < 0, axis=0, return_inverse=True)
    mask = mask.reshape(-1)
    of_copy = np.tile(mask, copies)
    n = np.bincount(of_copy)
    mean = np.bincount(of_copy, weights=simulated) / n
    variance = np.bincount(of_copy, weights=(simulated - mean[of_copy]) ** 2) / (n - 1)
    held = np.bincount(mask, weights=weights)
    total = float(weights.sum())
    observed, expected = float(weights @ real) / total, float(held @ mean) / total
    spread = math.sqrt(float(held @ variance + (held**2 / n) @ variance)) / total
    z = (observed - expected) / max(spread, 1e-300)
    return [WHOLE, "mean log probability", observed, expected, total, z, math.erfc(abs(z) / math.sqrt(2))]


def _holm(p: Array) -> Array:
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(np.minimum(1.0, p[order] * np.arange(len(p), 0, -1)))
    result = np.empty_like(p)
    result[order] = adjusted
    return result
