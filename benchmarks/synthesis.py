"""Simulation-based proof of ``synthesise``: literatures drawn from known numbers, and what is learned of them.

``python -m benchmarks synthesis`` simulates

1. literatures: the 45 numbers of a network drawn from their own intervals, and 40 studies of it with heterogeneity 0.3:
   how many 95 % intervals hold the truth, how near the estimates come, and the heterogeneity that is found;
2. wrong studies: one study in ten of such a literature is two logits off: how many are in conflict with the others;
3. the flagship's shape: 40 links lose their prior (``blank``), and the flagship's published figures are drawn anew from
   its own numbers: do the studies alone recover them; and how long it takes.

The result is printed and written as JSON and Markdown. pgmpy and pyAgrum learn from patients, not from published
figures; neither can be set this task.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import bayesdx as dx
from bayesdx.evaluation.implied import Questions, figures
from bayesdx.evaluation.published import studies_of
from bayesdx.knowledge.model import ModelInfo, Population
from bayesdx.knowledge.schema import RATIOS, Link, Prior, Source, Study, Variable
from bayesdx.network.beliefs import Beta, beta_of
from benchmarks.report import RESULTS

Array = NDArray[np.float64]

TAU = 0.3
STUDIES = 40
CAUSES, FINDINGS, PARENTS = 5, 8, 4
WRONG_SHARE, WRONG_BY = 0.1, 2.0
BLANKED = 40


def network_of_45(seed: int) -> dx.Model:
    """Five causes, eight findings of four causes each: 5 priors, 8 leaks and 32 links, each with a Beta's interval."""
    rng = np.random.default_rng([seed, 7])
    causes = [f"cause_{i}" for i in range(CAUSES)]
    findings = [f"finding_{i}" for i in range(FINDINGS)]

    def number(low: float, high: float) -> tuple[float, float, float]:
        mean, size = float(rng.uniform(low, high)), float(rng.uniform(5, 15))
        return (mean, *Beta(mean, size).interval())

    priors = [Prior("here", name, "yes", *number(0.1, 0.3), "S", "expert") for name in causes]
    links = [Link("", "", name, "yes", *number(0.05, 0.2), "S", "expert") for name in findings]
    for name in findings:
        parents = sorted(rng.choice(causes, PARENTS, replace=False).tolist())
        links += [Link(parent, "yes", name, "yes", *number(0.15, 0.85), "S", "expert") for parent in parents]
    info = ModelInfo(
        "simulated", "0.1.0", "Simulated", "CC0-1.0", "benchmarks", "patients", "none", (Population("here", "Here"),),
        "here", format=2,
    )  # fmt: skip
    variables = [
        *(Variable(name, name, "cause", "", ("no", "yes"), "") for name in causes),
        *(Variable(name, name, "history", "", ("no", "yes"), "") for name in findings),
    ]
    source = Source("S", "Drawn", None, "", "", "simulation", None, "expert")
    return dx.Model(info, tuple(variables), tuple(priors), tuple(links), sources=(source,))


def drawn(model: dx.Model, rng: np.random.Generator) -> dx.Model:
    """The model with every number drawn from its own Beta."""

    def one(value: float, lower: float, upper: float) -> float:
        beta = beta_of(value, lower, upper)
        return float(np.clip(rng.beta(beta.a, beta.b), 1e-6, 1 - 1e-6))

    def around(value: float) -> dict[str, float]:
        return {"lower": value / 2, "upper": (1 + value) / 2}

    priors = []
    for prior in model.priors:
        value = one(prior.probability, prior.lower, prior.upper)
        priors.append(replace(prior, probability=value, **around(value)))
    links = []
    for link in model.links:
        value = one(link.link_probability, link.lower, link.upper)
        links.append(replace(link, link_probability=value, **around(value)))
    return replace(model, priors=tuple(priors), links=tuple(links))


def blank_study(name: str, finding: str, cause: str, measure: str) -> Study:
    """A row without its figure."""
    return Study(
        name, "", finding, "yes", (), cause, measure, None, None, None, None, None, None, None, "", (), (), "cohort",
        "", "", "", "", "", name, "verified",
    )  # fmt: skip


def literature(truth: dx.Model, rng: np.random.Generator, tau: float, off: Array) -> list[Study]:
    """Studies of anything the network implies, each with an effect of its own."""
    rows = []
    linked = [(link.child, link.parent) for link in truth.links if link.parent]
    for place in range(len(off)):
        finding, cause = linked[int(rng.integers(len(linked)))]
        measure = str(rng.choice(["sensitivity", "false_positive_rate", "lr_plus"], p=[0.5, 0.35, 0.15]))
        rows.append(blank_study(f"study_{place}", finding, cause, measure))
    return with_counts(truth, rows, rng.integers(30, 300, len(rows)), rng, tau, off)


def with_counts(
    truth: dx.Model,
    rows: Sequence[Study],
    patients: NDArray[np.int64],
    rng: np.random.Generator,
    tau: float,
    off: Array,
) -> list[Study]:
    """Counts of patients drawn from what a model implies, with heterogeneity and planted errors, on the log-odds."""
    implied = Questions(truth, rows).answer()
    made = []
    for place, row in enumerate(rows):
        n = int(patients[place])
        if row.measure in RATIOS:
            k, k_against = (
                int(rng.binomial(n, _shifted(p, rng.normal(0, tau) + shift)))
                for p, shift in ((implied.ill[place], off[place]), (implied.others[place], 0.0))
            )
            made.append(replace(row, k=k, n=n, k_against=k_against, n_against=n, value=None, lower=None, upper=None))
        else:
            k = int(rng.binomial(n, _shifted(implied.ill[place], rng.normal(0, tau) + off[place])))
            made.append(replace(row, k=k, n=n, value=None, lower=None, upper=None))
    return made


def _shifted(p: float, by: float) -> float:
    return float(1 / (1 + np.exp(-(np.log(p / (1 - p)) + by))))


def _number_of(model: dx.Model) -> dict[tuple[str, str], float]:
    found = {("priors.csv", f"{r.population}, {r.variable}, {r.state}"): r.probability for r in model.priors}
    for link in model.links:
        name = ", ".join(part for part in (link.parent, link.parent_state, link.child, link.child_state) if part)
        found["links.csv", name] = link.link_probability
    return found


def one_literature(seed: int, wrong: bool = False) -> tuple[pd.DataFrame, dict[str, float]]:
    """Every number with its truth, and the heterogeneity; with planted errors, which sources were found."""
    rng = np.random.default_rng([seed, 11])
    model = network_of_45(seed)
    truth = drawn(model, rng)
    off = np.zeros(STUDIES)
    if wrong:
        chosen = rng.random(STUDIES) < WRONG_SHARE
        off[chosen] = WRONG_BY * rng.choice([-1.0, 1.0], int(chosen.sum()))
    rows = literature(truth, rng, TAU, off)
    result = dx.synthesise(model, rows)
    table = result.table.copy()
    known = _number_of(truth)
    table["truth"] = [known[file, row] for file, row in zip(table["file"], table["row"], strict=True)]
    table["inside"] = (table["lower"] <= table["truth"]) & (table["truth"] <= table["upper"])
    sources = result.sources.set_index("source")
    planted = np.array([f"study_{place}" for place in range(STUDIES)])[off != 0]
    in_conflict = sources["p"] < 0.05
    family = sources["adjusted_p"] < 0.05
    right = ~sources.index.isin(planted)
    figures_inside = result.studies["verdict"] == "inside"
    found = {
        "tau": result.heterogeneity.estimate,
        "inside": float(figures_inside.mean()),
        "planted": float(len(planted)),
        "found": float(in_conflict[~right].sum()),
        "found_holm": float(family[~right].sum()),
        "right": float(right.sum()),
        "false": float(in_conflict[right].sum()),
        "false_holm": float(family[right].sum()),
    }
    return table, found


def literatures(count: int) -> dict[str, float]:
    """Coverage, errors and heterogeneity over simulated literatures."""
    began = time.perf_counter()
    tables, found = zip(*(one_literature(seed) for seed in range(count)), strict=True)
    every = pd.concat(tables)
    learned = every[~every["held"]]
    half = learned[learned["information"] >= 0.5]
    return {
        "literatures": count,
        "numbers": len(every),
        "coverage": float(every["inside"].mean()),
        "coverage_learned": float(learned["inside"].mean()),
        "half_informed": len(half),
        "coverage_half_informed": float(half["inside"].mean()),
        "error": float((half["after"] - half["truth"]).abs().mean()),
        "error_prior": float((half["before"] - half["truth"]).abs().mean()),
        "tau": float(np.mean([one["tau"] for one in found])),
        "tau_sd": float(np.std([one["tau"] for one in found])),
        "left_out_inside": float(np.mean([one["inside"] for one in found])),
        "seconds_each": (time.perf_counter() - began) / count,
    }


def wrong_studies(count: int) -> dict[str, float]:
    """Planted errors that are found, and right studies that are accused, by p and by Holm's p."""
    found = pd.DataFrame([one_literature(seed, wrong=True)[1] for seed in range(1000, 1000 + count)]).sum()
    return {
        "planted": float(found["planted"]),
        "found": float(found["found"] / found["planted"]),
        "false_alarms": float(found["false"] / found["right"]),
        "found_holm": float(found["found_holm"] / found["planted"]),
        "false_alarms_holm": float(found["false_holm"] / found["right"]),
    }


def flagship(name: str, seed: int = 0) -> dict[str, Any]:
    """Links of the flagship's shape recovered from drawn studies alone, and the time of its own synthesis."""
    model = dx.load_model(name)
    began = time.perf_counter()
    own = dx.synthesise(model)
    seconds = time.perf_counter() - began
    links = own.table[(own.table["file"] == "links.csv") & ~own.table["label"].str.contains("no cause")]
    chosen = links.sort_values("information", ascending=False).head(BLANKED)
    rows = list(studies_of(model)[0])
    implied = Questions(model, rows).answer()
    rows = [row for row, figure in zip(rows, figures(rows, implied), strict=True) if 1e-6 < figure < 1 - 1e-6]
    rng = np.random.default_rng(seed)
    patients = np.array([row.n or 60 for row in rows])
    drawn_rows = with_counts(model, rows, patients, rng, TAU, np.zeros(len(rows)))
    again = dx.synthesise(model, drawn_rows, blank=chosen["label"].tolist())
    table = again.table.set_index(["file", "row"])
    recovered = table.loc[list(zip(chosen["file"], chosen["row"], strict=True))]
    learned = recovered[recovered["moved"]]
    used = own.studies[own.studies["verdict"] != "excluded"]
    return {
        "model": f"{model.name}@{model.version}",
        "numbers": len(own.table),
        "rows": len(used),
        "seconds": seconds,
        "tau": own.heterogeneity.estimate,
        "left_out_inside": float((used["verdict"] == "inside").mean()),
        "moved": int(own.table["moved"].sum()),
        "blanked": len(chosen),
        "recovered": len(learned),
        "correlation": float(np.corrcoef(learned["after"], learned["before"])[0, 1]),
        "coverage": float(((learned["lower"] <= learned["before"]) & (learned["before"] <= learned["upper"])).mean()),
    }


def as_markdown(found: dict[str, dict[str, Any]]) -> str:
    """The result as docs show it."""
    lines = [
        "# Numbers from studies",
        "",
        "`python -m benchmarks synthesis` draws literatures from known numbers and looks at what `synthesise` makes of "
        "them. pgmpy and pyAgrum learn from patients alone; neither can be set this task.",
        "",
        "| question | found | wanted |",
        "| --- | --- | --- |",
    ]
    if one := found.get("literatures"):
        ratio = one["error"] / one["error_prior"]
        lines += [
            f"| 95 % intervals that hold the truth, {one['numbers']} numbers of {one['literatures']} literatures of "
            f"{STUDIES} studies | {100 * one['coverage']:.1f} % | 93 to 97 % |",
            f"| the same, {one['half_informed']} numbers at least half informed | "
            f"{100 * one['coverage_half_informed']:.1f} % | 93 to 97 % |",
            f"| error of these, beside that of their prior | {one['error']:.3f}, {one['error_prior']:.3f} "
            f"(ratio {ratio:.2f}) | ratio under 0.7 |",
            f"| heterogeneity, for {TAU} | {one['tau']:.3f} (standard deviation {one['tau_sd']:.2f}) | within 0.05 |",
            f"| figures within the interval predicted without their source | {100 * one['left_out_inside']:.1f} % | |",
            f"| seconds of a synthesis | {one['seconds_each']:.1f} | |",
        ]
    if one := found.get("wrong"):
        lines += [
            f"| {one['planted']:.0f} studies wrong by {WRONG_BY:g} logits: in conflict (p below 0.05) | "
            f"{100 * one['found']:.0f} % | at least 70 % |",
            f"| right studies in conflict | {100 * one['false_alarms']:.1f} % | at most 5 % |",
            f"| the same with Holm's correction | {100 * one['found_holm']:.0f} %, "
            f"{100 * one['false_alarms_holm']:.1f} % | |",
        ]
    if one := found.get("flagship"):
        lines += [
            f"| `{one['model']}`, {one['numbers']} numbers, {one['rows']} figures: seconds | {one['seconds']:.0f} | "
            "under 60 |",
            "| its figures within the interval predicted without their source | "
            f"{100 * one['left_out_inside']:.0f} % | |",
            f"| {one['blanked']} links without a prior, figures drawn anew: correlation of the {one['recovered']} that "
            f"studies inform with the truth | {one['correlation']:.2f} | at least 0.9 |",
        ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run, print, write; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks synthesis", description=__doc__)
    parser.add_argument("--literatures", type=int, default=100)
    parser.add_argument("--wrong", type=int, default=10, help="literatures with planted errors")
    parser.add_argument("--model", default="hip_flexion_weakness@2.2.1")
    parser.add_argument("--no-flagship", action="store_true", help="leave the flagship out")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of synthesis.json and synthesis.md")
    given = parser.parse_args(arguments)
    found: dict[str, dict[str, Any]] = {}
    if given.literatures:
        found["literatures"] = literatures(given.literatures)
        print(found["literatures"], flush=True)
    if given.wrong:
        found["wrong"] = wrong_studies(given.wrong)
        print(found["wrong"], flush=True)
    if not given.no_flagship:
        found["flagship"] = flagship(given.model)
    text = as_markdown(found)
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "synthesis.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (given.output / "synthesis.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
