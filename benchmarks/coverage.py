"""Simulation-based proof: do 95 % intervals of calibrated numbers hold the truth in 95 % of simulated cohorts?

``python -m benchmarks.coverage`` draws the numbers of a model from their own intervals, simulates a cohort from them
(30 % of the cells missing, causes known in half of the rows), calibrates the model on it and looks for each number
that moved where the truth lies; 200 times. For ``prior_shift`` the priors are drawn anew and nobody is labelled. The
result is printed and written as JSON and Markdown. With ``--keep FOLDER`` every finished cohort is written there, and
one that is there already is not run again; ``--finished`` runs none and sums up those that are there. ``--beyond``
draws truths that the parent does not believe, for each method, several sizes, complete and with 60 % of the cells
missing (``coverage_beyond.md``).

Reference: S. Cook, A. Gelman, D. Rubin (2006), "Validation of software for Bayesian models using posterior quantiles",
Journal of Computational and Graphical Statistics 15.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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


TRUTHS = ("believed", "causes", "effects", "clinic")
"""Where the truth comes from: the parent's belief; its causes with odds times 1/5 to 5; its effects with odds times 1/2
to 2; another population of the model."""

BEYOND_METHODS = ("em", "counts", "prior_shift")


def truth_of(
    model: dx.Model, layout: Layout, kind: str, rng: np.random.Generator, elsewhere: str
) -> NDArray[np.float64]:
    """The numbers that patients are drawn from."""
    network = layout.network
    values = layout.values(network)
    believed = believe(model, layout, PARTS, None, 1.0).draw(values, rng)
    if kind == "believed":
        return believed
    if kind == "clinic":
        there = layout.values(compile_network(model.with_population(elsewhere)))
        return np.where(there == values, believed, there)
    mix = case_mix(model, network)
    names = [name for name in network.names if (name in mix) == (kind == "causes")]
    belief = believe(model, layout, PARTS, names, 1.0)
    most = np.log(5.0 if kind == "causes" else 2.0)
    state = np.concatenate([row.free for row in belief.distributions])
    node = np.array([network.index[row.place.node] for row in belief.distributions])[belief.row]
    events, event = np.unique(np.stack([node, state]), axis=1, return_inverse=True)
    by_event = rng.uniform(-most, most, events.shape[1])[event.reshape(-1)]  # a cause is commoner at every age
    factor = np.exp(by_event if kind == "causes" else rng.uniform(-most, most, len(belief.cells)))
    reference = np.array([row.free[0] for row in belief.distributions])[belief.row]
    share = values[belief.cells] * np.where(state == reference, 1.0, factor)
    truth = believed
    truth[belief.cells] = share * (belief.left / belief.sums(share))[belief.row]
    return truth


def one_beyond(
    model: dx.Model, kind: str, method: str, rows: int, missing: float, seed: int, elsewhere: str
) -> dict[str, Any]:
    """One cohort of a truth that the parent may not believe: intervals that hold, of how many; warned; refused."""
    network = compile_network(model)
    layout = Layout(network)
    truth = truth_of(model, layout, kind, np.random.default_rng([seed, 7]), elsewhere)
    labelled = 0.0 if method == "prior_shift" else 1.0
    frame = simulated_cohort(layout.network_with(truth), model.causes, rows, seed, missing, labelled)
    began = time.perf_counter()
    try:
        result = dx.calibrate(model, frame, method, tolerance=1e-3, max_iterations=60)
    except dx.LearningError as error:
        if "refused" not in str(error):
            raise
        return {"held": 0, "numbers": 0, "warned": True, "refused": True, "seconds": time.perf_counter() - began}
    places = {n.label: layout.start(n.place) + n.state for n in parameters(model)}
    table = result.table[result.table["moved"]]
    drawn = truth[[places[label] for label in table["label"]]]
    held = int(((table["lower"] <= drawn + 1e-12) & (drawn <= table["upper"] + 1e-12)).sum())
    warned = any(sign in text for text in result.warnings for sign in ALARMS)
    seconds = time.perf_counter() - began
    return {"held": held, "numbers": len(table), "warned": warned, "refused": False, "seconds": seconds}


ALARMS = ("conflict with their prior", "may not hold", "repeat each other")
"""Warnings that say that parent and patients disagree."""


def beyond(
    model: dx.Model,
    elsewhere: str,
    sizes: Sequence[int],
    cohorts: int,
    minutes: float,
    methods: Sequence[str] = BEYOND_METHODS,
) -> pd.DataFrame:
    """Coverage per truth, method, size and missing cells, until the time is over; cohort after cohort over all cells.

    Returns
    -------
    DataFrame
        Columns: truth, method, patients, missing, cohorts, numbers, coverage, warned, refused (shares of the cohorts),
        verdict. Cohorts of every cell are begun in turn, so that a run that is cut short has some of each.
    """
    cells = [
        (kind, method, rows, missing)
        for rows in sorted(sizes)
        for kind in TRUTHS
        if kind != "clinic" or elsewhere
        for method in methods
        for missing in (0.0, 0.6)
    ]
    found: dict[tuple[str, str, int, float], list[dict[str, Any]]] = {cell: [] for cell in cells}
    end = time.perf_counter() + 60 * minutes
    for seed in range(cohorts):
        for cell in cells:
            if time.perf_counter() < end:
                kind, method, rows, missing = cell
                found[cell].append(one_beyond(model, kind, method, rows, missing, seed, elsewhere))
    made = []
    for cell, parts in found.items():
        if not parts:
            made.append([*cell, 0, 0, np.nan, np.nan, np.nan, "not run"])
            continue
        numbers, held = sum(part["numbers"] for part in parts), sum(part["held"] for part in parts)
        warned, refused = (float(np.mean([part[name] for part in parts])) for name in ("warned", "refused"))
        coverage = held / numbers if numbers else np.nan
        made.append([*cell, len(parts), numbers, coverage, warned, refused, verdict(cell[0], coverage, warned)])
    columns = [
        "truth",
        "method",
        "patients",
        "missing",
        "cohorts",
        "numbers",
        "coverage",
        "warned",
        "refused",
        "verdict",
    ]
    return pd.DataFrame(made, columns=columns)


def verdict(kind: str, coverage: float, warned: float) -> str:
    """Whether a cell is as it should be: intervals that hold, or warnings; no false alarms."""
    faults = []
    if np.isfinite(coverage) and coverage < WANTED[0] and warned < 0.95:
        faults.append("too narrow without a warning")
    if np.isfinite(coverage) and coverage > WANTED[1]:
        faults.append("wide")
    if kind == "believed" and warned > 0.1:
        faults.append("false alarms")
    return ", ".join(faults) or "met"


def beyond_as_markdown(name: str, table: pd.DataFrame) -> str:
    """The table as docs show it."""
    lines = [
        "# Coverage beyond the parent's belief",
        "",
        f"`python -m benchmarks.coverage --beyond`: cohorts simulated from truths that `{name}` believes (its own "
        "intervals) or not: odds of its causes times 1/5 to 5, of its effects times 1/2 to 2, another of its "
        "populations. Wanted: 92 to 98 % of the 95 % intervals hold the truth, or a warning in 95 % of the cohorts; at "
        "most 10 % warnings where the truth is believed. A refusal counts as a warning.",
        "",
        "| truth | method | patients | cells missing | cohorts | numbers | coverage | warned | refused | |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in table.to_dict("records"):
        share = "" if np.isnan(row["coverage"]) else f"{100 * row['coverage']:.1f} %"
        said = ["" if np.isnan(row[key]) else f"{100 * row[key]:.0f} %" for key in ("warned", "refused")]
        lines.append(
            f"| {row['truth']} | {row['method']} | {row['patients']:,} | {100 * row['missing']:.0f} % "
            f"| {row['cohorts']} | {row['numbers']:,} | {share} | {said[0]} | {said[1]} | {row['verdict']} |"
        )
    return "\n".join(lines) + "\n"


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
    parser.add_argument("--beyond", action="store_true", help="truths that the parent does not believe")
    parser.add_argument("--population", help="of the parent, with --beyond; the default where left out")
    parser.add_argument("--elsewhere", default="", help="another population of the model, with --beyond")
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 2000, 20_000], help="patients, with --beyond")
    parser.add_argument("--minutes", type=float, default=np.inf, help="begin no cohort after so long, with --beyond")
    given = parser.parse_args(arguments)
    model = dx.load_model(given.model, population=given.population)
    if given.beyond:
        table = beyond(model, given.elsewhere, given.sizes, given.cohorts, given.minutes)
        text = beyond_as_markdown(f"{model.name}@{model.version}", table)
        given.output.mkdir(parents=True, exist_ok=True)
        stored = table.astype(object).where(table.notna(), None).to_dict("records")
        (given.output / "coverage_beyond.json").write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
        (given.output / "coverage_beyond.md").write_text(text, encoding="utf-8")
        print(text)
        return 0
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
