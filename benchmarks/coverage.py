"""Simulation-based proof: do 95 % intervals of calibrated numbers hold the truth in 95 % of simulated cohorts?

``python -m benchmarks.coverage`` draws the numbers of a model from their own intervals, simulates a cohort from them
(30 % of the cells missing, causes known in half of the rows, what brings them about in none), calibrates the model on
it and looks for each number that moved where the truth lies; 200 times. For ``prior_shift`` the priors are drawn anew
and nobody is labelled. The result is printed and written as JSON and Markdown. With ``--keep FOLDER`` every finished
cohort is written there, and one that is there already is not run again; ``--finished`` runs none and sums up those that
are there. ``--beyond`` draws truths that the parent does not believe, for each method, several sizes, complete and with
60 % of the cells missing (``coverage_beyond.md``, of all that was kept): of the flagship, or with ``--model fitted`` of
a naive model of its causes that is fitted to 2,000 of its patients, whose cohorts take less than a second.

Reference: S. Cook, A. Gelman, D. Rubin (2006), "Validation of software for Bayesian models using posterior quantiles",
Journal of Computational and Graphical Statistics 15.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.simulate import simulate
from bayesdx.learning.belief import PARTS, believe
from bayesdx.learning.calibrate import Method
from bayesdx.learning.layout import Layout
from bayesdx.learning.shift import case_mix
from bayesdx.network import Network, compile_network
from benchmarks.report import RESULTS

METHODS: tuple[Method, ...] = ("em", "prior_shift")
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


def told(model: dx.Model, network: Network, patients: pd.DataFrame) -> pd.DataFrame:
    """Patients whose table says nothing of what brings a cause about, which would give the causes away."""
    behind = [name for name in case_mix(model, network) if model.by_name[name].kind == "mechanism"]
    seen = patients.drop(columns=behind)
    return seen[seen.notna().any(axis=1)]


def one_cohort(model: dx.Model, rows: int, seed: int, method: Method, max_iterations: int) -> pd.DataFrame:
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
    patients = simulated_cohort(layout.network_with(truth), model.causes, rows, seed, labelled=labelled)
    frame = told(model, network, patients)
    result = dx.calibrate(model, frame, method, max_iterations=max_iterations, tolerance=1e-4)
    places = {n.label: layout.start(n.place) + n.state for n in compiled(model).parameters}
    table = result.table[result.table["moved"]].copy()
    table["truth"] = truth[[places[label] for label in table["label"]]]
    table["inside"] = (table["lower"] <= table["truth"]) & (table["truth"] <= table["upper"])
    table["cohort"] = seed
    return table


def kept_cohort(
    keep: Path | None, model: dx.Model, rows: int, seed: int, method: Method, max_iterations: int
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
    part: Any = everything["file"].str.removesuffix(".csv") + np.where(leak, ", no cause acts", "")
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
to 2; the causes of another clinic. What is not moved so is drawn from the parent's belief."""

BEYOND_METHODS: tuple[Method, ...] = ("em", "counts", "prior_shift")

FITTED = "fitted"
FITTED_PATIENTS, FITTED_FINDINGS = 2_000, 14

ALARMS = ("conflict with their prior", "may not hold", "repeat each other")
"""Warnings that say that parent and patients disagree."""

CELL = ["model", "truth", "method", "patients", "missing"]


def one_cause_at_a_time(model: dx.Model, rows: int) -> pd.DataFrame:
    """Simulated patients of a model: the first of their causes, and findings of a first visit."""
    patients = dx.simulate_cohort(model, rows, seed=1)
    present = (patients[list(model.causes)] == "present").to_numpy()
    first = np.where(present.any(axis=1), np.array(model.causes)[present.argmax(axis=1)], "none")
    kinds = ("history", "examination")
    findings = [name for name in model.findings if model.by_name[name].kind in kinds][:FITTED_FINDINGS]
    return patients[findings].assign(cause=first)


def fitted(model: dx.Model, elsewhere: str) -> tuple[dx.Model, dx.Model]:
    """A naive model of one exclusive cause, fitted to patients of a larger model; the same of another population."""
    parent = dx.fit_model(one_cause_at_a_time(model, FITTED_PATIENTS), "cause", structure="naive").model
    there = one_cause_at_a_time(model.with_population(elsewhere), 10 * FITTED_PATIENTS)
    return parent, dx.calibrate(parent, there, "counts", prior_strength=0).model


def truth_of(
    model: dx.Model, layout: Layout, kind: str, rng: np.random.Generator, elsewhere: dx.Model
) -> NDArray[np.float64]:
    """The numbers that patients are drawn from."""
    network = layout.network
    values = layout.values(network)
    believed = believe(model, layout, PARTS, None, 1.0).draw(values, rng)
    if kind == "believed":
        return believed
    mix = case_mix(model, network)
    names = [name for name in network.names if (name in mix) == (kind != "effects")]
    belief = believe(model, layout, PARTS, names, 1.0)
    truth = believed
    if kind == "clinic":
        truth[belief.cells] = layout.values(compile_network(elsewhere))[belief.cells]
        return truth
    most = np.log(5.0 if kind == "causes" else 2.0)
    state = np.concatenate([row.free for row in belief.distributions])
    node = np.array([network.index[row.place.node] for row in belief.distributions])[belief.row]
    events, event = np.unique(np.stack([node, state]), axis=1, return_inverse=True)
    by_event = rng.uniform(-most, most, events.shape[1])[event.reshape(-1)]  # a cause is commoner at every age
    factor = np.exp(by_event if kind == "causes" else rng.uniform(-most, most, len(belief.cells)))
    reference = np.array([row.free[0] for row in belief.distributions])[belief.row]
    share = values[belief.cells] * np.where(state == reference, 1.0, factor)
    truth[belief.cells] = share * (belief.left / belief.sums(share))[belief.row]
    return truth


def one_beyond(
    model: dx.Model, kind: str, method: Method, rows: int, missing: float, seed: int, elsewhere: dx.Model
) -> dict[str, Any]:
    """One cohort of a truth that the parent may not believe: intervals that hold, of how many; warned; refused."""
    network = compile_network(model)
    layout = Layout(network)
    truth = truth_of(model, layout, kind, np.random.default_rng([seed, 7]), elsewhere)
    labelled = 0.0 if method == "prior_shift" else 1.0
    frame = simulated_cohort(layout.network_with(truth), model.causes, rows, seed, missing, labelled)
    if method != "counts":  # which counts a cause only where what brings it about was seen
        frame = told(model, network, frame)
    began = time.process_time()
    try:
        result = dx.calibrate(model, frame, method, tolerance=1e-3, max_iterations=60)
    except dx.LearningError as error:
        if "refused" not in str(error):
            raise
        return {"held": 0, "numbers": 0, "warned": True, "refused": True, "seconds": time.process_time() - began}
    places = {n.label: layout.start(n.place) + n.state for n in compiled(model).parameters}
    table = result.table[result.table["moved"]]
    drawn = truth[[places[label] for label in table["label"]]]
    held = int(((table["lower"] <= drawn + 1e-12) & (drawn <= table["upper"] + 1e-12)).sum())
    warned = any(sign in text for text in result.warnings for sign in ALARMS)
    seconds = time.process_time() - began
    return {"held": held, "numbers": len(table), "warned": warned, "refused": False, "seconds": seconds}


def beyond(
    model: dx.Model,
    elsewhere: dx.Model,
    sizes: Sequence[int],
    cohorts: int,
    minutes: float,
    keep: Path,
    methods: Sequence[Method] = BEYOND_METHODS,
) -> Iterator[pd.DataFrame]:
    """Coverage per truth, method, size and missing cells, until the time is over; the table anew after every round.

    Every cohort is kept as a line of JSON as it ends, and one that is kept already is not run again. A round begins a
    cohort of every cell, so that a run that is cut short has some of each.
    """
    name = f"{model.name}@{model.version}"
    cells = [
        (kind, method, rows, missing)
        for rows in sorted(sizes)
        for kind in TRUTHS
        for method in methods
        for missing in (0.0, 0.6)
    ]
    done = kept_beyond(keep)
    known = set() if done.empty else set(map(tuple, done[[*CELL, "seed"]].to_numpy().tolist()))
    end = time.perf_counter() + 60 * minutes
    for seed in range(cohorts):
        for kind, method, rows, missing in cells:
            if time.perf_counter() < end and (name, kind, method, rows, missing, seed) not in known:
                found = one_beyond(model, kind, method, rows, missing, seed, elsewhere)
                cell = dict(zip(CELL, (name, kind, method, rows, missing), strict=True))
                with keep.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({**cell, "seed": seed, **found}) + "\n")
        yield beyond_summary(kept_beyond(keep))


def kept_beyond(keep: Path) -> pd.DataFrame:
    """The cohorts that were kept, a row each."""
    lines = keep.read_text(encoding="utf-8").splitlines() if keep.exists() else []
    return pd.DataFrame([json.loads(line) for line in lines])


def beyond_summary(cohorts: pd.DataFrame, seed: int = 0, resamples: int = 2000) -> pd.DataFrame:
    """A row per cell: cohorts, numbers, coverage with its interval over whole cohorts, warned and refused (shares)."""
    rng = np.random.default_rng(seed)
    made = []
    for cell, rows in cohorts.sort_values(["model", "patients"], kind="stable").groupby(CELL, sort=False):
        held, numbers = rows["held"].to_numpy(dtype=float), rows["numbers"].to_numpy(dtype=float)
        coverage, lower, upper = np.nan, np.nan, np.nan
        if numbers.sum():
            coverage = held.sum() / numbers.sum()
            draws = rng.integers(len(rows), size=(resamples, len(rows)))
            shares = held[draws].sum(axis=1) / np.maximum(numbers[draws].sum(axis=1), 1.0)
            lower, upper = np.quantile(shares, (0.025, 0.975))
        warned, refused = float(rows["warned"].mean()), float(rows["refused"].mean())
        what = [len(rows), int(numbers.sum()), coverage, lower, upper, warned, refused, rows["seconds"].mean()]
        made.append([*cell, *what, verdict(str(cell[1]), coverage, warned)])
    columns = [*CELL, "cohorts", "numbers", "coverage", "lower", "upper", "warned", "refused", "seconds", "verdict"]
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


def beyond_as_markdown(table: pd.DataFrame) -> str:
    """The table as docs show it."""
    lines = [
        "# Coverage beyond the parent's belief",
        "",
        "`python -m benchmarks.coverage --beyond`, and the same with `--model fitted`: cohorts simulated from truths "
        "that the parent believes (drawn from its own intervals) or not: odds of its causes times 1/5 to 5, of its "
        "effects times 1/2 to 2, the causes of another clinic (an emergency department, where the parent is of primary "
        "care); the rest is drawn from its intervals. What brings a cause about is seen in the rows of `counts` alone, "
        "which can count nothing else. `fitted_model` is a naive model of one exclusive cause and "
        f"{FITTED_FINDINGS} findings, fitted to {FITTED_PATIENTS:,} simulated patients of the flagship. "
        "Wanted: 92 to 98 % of the 95 % intervals hold the truth, or a warning in 95 % of the cohorts; at most 10 % of "
        "them warned where the truth is believed. A refusal is a warning. The interval of a coverage is a bootstrap "
        "over cohorts.",
        "",
        "| parent | truth | method | patients | cells missing | cohorts | numbers | coverage | 95 % interval | warned "
        "| refused | seconds | |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | --- |",
    ]
    for row in table.to_dict("records"):
        share, ends = "", ""
        if np.isfinite(row["coverage"]):
            share = f"{100 * row['coverage']:.1f} %"
            ends = f"{100 * row['lower']:.1f} to {100 * row['upper']:.1f} %"
        lines.append(
            f"| {row['model']} | {row['truth']} | {row['method']} | {row['patients']:,} | {100 * row['missing']:.0f} % "
            f"| {row['cohorts']} | {row['numbers']:,} | {share} | {ends} | {100 * row['warned']:.0f} % "
            f"| {100 * row['refused']:.0f} % | {row['seconds']:.1f} | {row['verdict']} |"
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
    model: dx.Model, cohorts: int, rows: int, method: Method, iterations: int, jobs: int, keep: Path | None = None
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
    parser.add_argument("--elsewhere", default="emergency_department", help="other population, with --beyond")
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 2000, 20_000], help="patients, with --beyond")
    parser.add_argument("--minutes", type=float, default=np.inf, help="begin no cohort after so long, with --beyond")
    given = parser.parse_args(arguments)
    if given.beyond:
        flagship = dx.load_model("hip_flexion_weakness" if given.model == FITTED else given.model)
        there = (flagship, flagship.with_population(given.elsewhere))
        parent, elsewhere = fitted(flagship, given.elsewhere) if given.model == FITTED else there
        for folder in (given.output, given.keep or given.output):
            folder.mkdir(parents=True, exist_ok=True)
        keep = (given.keep or given.output) / "coverage_beyond.jsonl"
        text = ""
        for table in beyond(parent, elsewhere, given.sizes, given.cohorts, given.minutes, keep):
            text = beyond_as_markdown(table)
            stored = table.astype(object).where(table.notna(), None).to_dict("records")
            (given.output / "coverage_beyond.json").write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
            (given.output / "coverage_beyond.md").write_text(text, encoding="utf-8")
        print(text)
        return 0
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
