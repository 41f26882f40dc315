"""Simulation-based proof: do 95 % intervals of calibrated numbers hold the truth in 95 % of simulated cohorts?

``python -m benchmarks.coverage`` draws the numbers of a model from their own intervals, simulates a cohort from them
(30 % of the cells missing, causes known in half of the rows), calibrates the model on it and looks for each number
that moved where the truth lies; 200 times. For ``prior_shift`` the priors are drawn anew and nobody is labelled. The
result is printed and written as JSON and Markdown. With ``--keep FOLDER`` every finished cohort is written there, and
one that is there already is not run again; ``--finished`` runs none and sums up those that are there.

Reference: S. Cook, A. Gelman, D. Rubin (2006), "Validation of software for Bayesian models using posterior quantiles",
Journal of Computational and Graphical Statistics 15.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayesdx as dx
from bayesdx.diagnosis.simulate import simulate
from bayesdx.learning.belief import PARTS, believe
from bayesdx.learning.layout import Layout
from bayesdx.learning.shift import case_mix
from bayesdx.network import Network, compile_network
from bayesdx.network.parameters import parameters
from benchmarks.report import RESULTS

METHODS = ("em", "prior_shift")
WANTED = (0.92, 0.98)
"""Share of the intervals that has to hold the truth."""

EFFECTIVE = (-1.0, 1.0, 10.0, 100.0, np.inf)


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
    if method == "prior_shift":
        belief = believe(model, layout, ("priors", "tables"), case_mix(model, network), 1.0)
    else:
        belief = believe(model, layout, PARTS, None, 1.0)
    truth = belief.draw(layout.values(network), rng)
    labelled = 0.0 if method == "prior_shift" else 0.5
    frame = simulated_cohort(layout.network_with(truth), model.causes, rows, seed, labelled=labelled)
    result = dx.calibrate(model, frame, method, max_iterations=max_iterations, tolerance=1e-4)
    places = {n.label: layout.start(n.place) + n.state for n in parameters(model)}
    table = result.table[result.table["moved"]].copy()
    table["truth"] = truth[[places[label] for label in table["label"]]]
    table["inside"] = (table["lower"] <= table["truth"]) & (table["truth"] <= table["upper"])
    table["cohort"] = seed
    return table


def kept_cohort(
    keep: Path | None, model: dx.Model, rows: int, seed: int, method: str, max_iterations: int
) -> pd.DataFrame:
    """``one_cohort``, from the folder of finished cohorts where it stands there, and into it where not."""
    if keep is None:
        return one_cohort(model, rows, seed, method, max_iterations)
    path = kept_path(keep, model, rows, seed, method, max_iterations)
    if not path.exists():
        unfinished = path.with_suffix(".part")
        one_cohort(model, rows, seed, method, max_iterations).to_csv(unfinished, index=False)
        unfinished.replace(path)
    return pd.read_csv(path)


def kept_path(keep: Path, model: dx.Model, rows: int, seed: int, method: str, max_iterations: int) -> Path:
    """Where a finished cohort stands."""
    version = model.hash.removeprefix("sha256:")[:12]
    return keep / f"{method}-{version}-{rows}-{max_iterations}-{seed}.csv"


def summary(everything: pd.DataFrame, seed: int = 0, resamples: int = 2000) -> pd.DataFrame:
    """Coverage of all numbers, by part of the model and by effective patients.

    Returns
    -------
    DataFrame
        Columns: group, numbers, coverage, lower, upper (95 %, whole cohorts drawn with replacement), below, above
        (shares of the intervals that lie above, or below, the truth).
    """
    leak = everything["label"].str.contains("no cause")
    part = everything["file"].str.removesuffix(".csv") + np.where(leak, ", no cause acts", "")
    bins = pd.cut(everything["effective_cases"], list(EFFECTIVE)).cat.rename_categories(
        ["up to 1 effective patient", "1 to 10", "10 to 100", "over 100"]
    )
    groups = [("all", everything)]
    for key in (part, bins):
        groups += [(str(name), rows) for name, rows in everything.groupby(key, observed=True)]
    rng = np.random.default_rng(seed)
    made = []
    for name, rows in groups:
        by_cohort = rows.groupby("cohort")["inside"].agg(["sum", "size"]).to_numpy(dtype=float)
        draws = rng.integers(len(by_cohort), size=(resamples, len(by_cohort)))
        held, size = by_cohort[draws].sum(axis=1).T
        lower, upper = np.quantile(held / size, (0.025, 0.975))
        below, above = (rows["truth"] < rows["lower"]).mean(), (rows["truth"] > rows["upper"]).mean()
        made.append([name, len(rows), rows["inside"].mean(), lower, upper, below, above])
    return pd.DataFrame(made, columns=["group", "numbers", "coverage", "lower", "upper", "below", "above"])


def finished(keep: Path, model: dx.Model, rows: int, method: str, iterations: int) -> pd.DataFrame:
    """The cohorts without a gap from the first that stand in the folder."""
    parts: list[pd.DataFrame] = []
    while (path := kept_path(keep, model, rows, len(parts), method, iterations)).exists():
        parts.append(pd.read_csv(path))
    return pd.concat(parts, ignore_index=True)


def as_markdown(settings: dict[str, Any], tables: dict[str, pd.DataFrame]) -> str:
    """The result as docs show it."""
    numbers = dict(settings["cohorts"])
    counts = ", ".join(f"{number} ({method})" for method, number in numbers.items())
    lines = [
        "# Coverage of calibrated numbers",
        "",
        f"`python -m benchmarks.coverage`: {counts} simulated cohorts of {settings['rows']} rows of "
        f"`{settings['model']}`, 30 % of the cells missing. `em`: causes known in half of the rows, every number drawn "
        "from its own interval. `prior_shift`: nobody labelled, priors drawn anew. Wanted: 92 to 98 % of the 95 % "
        "intervals hold the truth. The interval of a coverage is a bootstrap over cohorts.",
    ]
    for method, table in tables.items():
        all_of_them = table.iloc[0]["coverage"]
        met = WANTED[0] <= all_of_them <= WANTED[1]
        lines += ["", f"## {method}: {100 * all_of_them:.2f} %, {'met' if met else 'MISSED'}", ""]
        lines += ["| numbers | n | coverage | 95 % interval | truth below | truth above |"]
        lines += ["| --- | ---: | ---: | --- | ---: | ---: |"]
        for row in table.to_dict("records"):
            shares = [f"{100 * row[name]:.2f} %" for name in ("coverage", "lower", "upper", "below", "above")]
            lines.append(
                f"| {row['group']} | {row['numbers']} | {shares[0]} | {shares[1]} to {shares[2]} | {shares[3]} | "
                f"{shares[4]} |"
            )
    return "\n".join(lines) + "\n"


def run(
    model: dx.Model, cohorts: int, rows: int, method: str, iterations: int, jobs: int, keep: Path | None = None
) -> pd.DataFrame:
    """Every number of every cohort, in the order of the seeds."""
    began, parts = time.perf_counter(), []
    work = partial(kept_cohort, keep, model, rows, method=method, max_iterations=iterations)
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for part in pool.map(work, range(cohorts)):
            parts.append(part)
            if len(parts) % 10 == 0 or len(parts) == cohorts:
                coverage = pd.concat(parts)["inside"].mean()
                print(
                    f"{method}: {len(parts)} cohorts, {time.perf_counter() - began:.0f} s: {coverage:.4f}", flush=True
                )
    return pd.concat(parts, ignore_index=True)


def main(arguments: list[str] | None = None) -> int:
    """Run, print, write; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--model", default="hip_flexion_weakness", help="the newest flagship where left out")
    parser.add_argument("--cohorts", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--method", choices=METHODS, action="append", help="both where left out")
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--keep", type=Path, help="folder where finished cohorts are kept, and taken from")
    parser.add_argument("--finished", action="store_true", help="run none: sum up the cohorts that are kept")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of coverage.json and coverage.md")
    given = parser.parse_args(arguments)
    model = dx.load_model(given.model)
    if given.finished and given.keep is None:
        parser.error("--finished needs --keep, the folder of the cohorts")
    cohorts: dict[str, int] = {}
    settings = {"model": f"{model.name}@{model.version}", "cohorts": cohorts, "rows": given.rows}
    for folder in (given.output, given.keep):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, pd.DataFrame] = {}
    for method in given.method or METHODS:
        everything = (
            finished(given.keep, model, given.rows, method, given.iterations)
            if given.finished
            else run(model, given.cohorts, given.rows, method, given.iterations, given.jobs, given.keep)
        )
        cohorts[method] = everything["cohort"].nunique()
        tables[method] = summary(everything)
        text = as_markdown(settings, tables)  # written after each method, which may take half an hour
        records = {name: table.to_dict("records") for name, table in tables.items()}
        (given.output / "coverage.json").write_text(json.dumps({**settings, "methods": records}, indent=2) + "\n")
        (given.output / "coverage.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
