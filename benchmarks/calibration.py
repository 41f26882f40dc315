"""Simulation-based proof: do 95 % intervals of calibrated numbers hold the truth in 95 % of simulated cohorts?

``python -m benchmarks.calibration --cohorts 200 --rows 1000`` draws the numbers of a model from their own intervals,
simulates a cohort from them (30 % of the cells missing, causes known in half of the rows), calibrates the model on it
and looks for each number where the truth lies. For ``prior_shift`` the priors are drawn anew and nobody is labelled.

Reference: S. Cook, A. Gelman, D. Rubin (2006), "Validation of software for Bayesian models using posterior quantiles",
Journal of Computational and Graphical Statistics 15.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import bayesdx as dx
from bayesdx.diagnosis.simulate import simulate
from bayesdx.learning.belief import PARTS, Belief, believe
from bayesdx.learning.layout import Layout
from bayesdx.network import Network, compile_network
from bayesdx.network.parameters import parameters

Array = NDArray[np.float64]


def drawn_truth(layout: Layout, belief: Belief, rng: np.random.Generator) -> Array:
    """Numbers drawn from the parent's own uncertainty; gamma variates too small for a float count as 0."""
    values = layout.values(layout.network)
    variates = np.maximum(rng.standard_gamma(belief.alpha), 1e-300)
    values[belief.cells] = variates / belief.sums(variates)[belief.row] * belief.left[belief.row]
    return values


def simulated_cohort(
    network: Network, causes: tuple[str, ...], rows: int, seed: int, missing: float = 0.3, labelled: float = 0.5
) -> pd.DataFrame:
    """Patients of a network with missing cells; all causes of a patient are known, or none."""
    rng = np.random.default_rng([seed, 1])  # another stream than that of the patients
    codes = simulate(network, rows, seed)
    seen = np.where(rng.random(codes.shape) < missing, -1, codes)
    columns = [network.index[name] for name in causes]
    seen[:, columns] = np.where(rng.random((rows, 1)) < labelled, codes[:, columns], -1)
    cells = {
        node.name: np.array([*node.states, None], dtype=object)[seen[:, place]]
        for place, node in enumerate(network.nodes)
    }
    frame = pd.DataFrame(cells, dtype=object)
    return frame[frame.notna().any(axis=1)]


def one_cohort(model: dx.Model, rows: int, seed: int, method: str, max_iterations: int) -> pd.DataFrame:
    """Every number that moved: label, truth, interval, whether it holds the truth, effective patients."""
    network = compile_network(model)
    layout = Layout(network)
    rng = np.random.default_rng(seed)
    causes = tuple(v.variable for v in model.variables if v.kind in ("context", "cause"))
    if method == "prior_shift":
        belief = believe(model, layout, ("priors", "tables"), causes, 1.0)
    else:
        belief = believe(model, layout, PARTS, None, 1.0)
    truth = drawn_truth(layout, belief, rng)
    labelled = 0.0 if method == "prior_shift" else 0.5
    frame = simulated_cohort(layout.network_with(truth), model.causes, rows, seed, labelled=labelled)
    result = dx.calibrate(model, frame, method, max_iterations=max_iterations, tolerance=1e-4)
    places = {n.label: layout.start(n.place) + n.state for n in parameters(model)}
    table = result.table[result.table["moved"]].copy()
    table["truth"] = truth[[places[label] for label in table["label"]]]
    table["inside"] = (table["lower"] <= table["truth"]) & (table["truth"] <= table["upper"])
    table["cohort"] = seed
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="hip_flexion_weakness@1.0.0")
    parser.add_argument("--cohorts", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--method", default="em", choices=("em", "prior_shift"))
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--first-seed", type=int, default=0)
    given = parser.parse_args()
    model = dx.load_model(given.model)
    parts, began = [], time.perf_counter()
    for seed in range(given.first_seed, given.first_seed + given.cohorts):
        parts.append(one_cohort(model, given.rows, seed, given.method, given.iterations))
        everything = pd.concat(parts)
        seconds = time.perf_counter() - began
        print(f"{len(parts)} cohorts, {seconds:.0f} s: coverage {everything['inside'].mean():.4f}", flush=True)
    everything["bin"] = pd.cut(everything["effective_cases"], [-1, 1, 10, 100, np.inf])
    everything["below"] = everything["truth"] < everything["lower"]
    print(everything.groupby("bin", observed=True)[["inside", "below"]].agg(["mean", "size"]))
    everything["part"] = everything["file"] + np.where(everything["label"].str.contains("no cause"), " leak", "")
    print(everything.groupby("part")[["inside", "below"]].agg(["mean", "size"]))


if __name__ == "__main__":
    main()
