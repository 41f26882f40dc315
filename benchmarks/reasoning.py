"""Questions about one case, beside the same questions put to pyAgrum and pgmpy one query at a time.

    python -m benchmarks reasoning [--rounds 7] [--sample 12] [--model NAME@VERSION]... [--output FOLDER]

One case of the flagship with 12 findings, in its first and in its newest version where no other is named. A peer has no
such questions, so it is asked what they consist of: the posterior of each subset of findings (explain), of each
possible result of each open finding and test (next_tests), of each draw (credible_intervals; its numbers are not
replaced by the drawn ones, which would cost it more). A sample of these queries is timed in each round, in turn with
bayesdx, and scaled to their number; the table shows medians and the medians of the rounds' ratios. Everybody has one
thread, bayesdx too, whose questions would otherwise share their cases out over all processors.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.typing import NDArray

import bayesdx as dx
from bayesdx.inference import engine
from bayesdx.network import compile_network
from benchmarks.peers import PYAGRUM_ENGINES, Pgmpy, PyAgrum
from benchmarks.report import RESULTS, measured_on

FINDINGS = {
    "age_group": "60_and_over",
    "diabetes": "no",
    "onset": "sudden",
    "severe_pain": "present",
    "fever": "absent",
    "pain_low_back": "present",
    "leg_numbness": "present",
    "saddle_anaesthesia": "absent",
    "hip_flexion_strength": "reduced",
    "knee_extension_weakness": "present",
    "patellar_reflex": "reduced",
    "femoral_nerve_stretch_test": "positive",
}
CAUSE = "lumbar_radiculopathy"
DRAWS = 1000
LIMIT_MS = {"explain": 50.0, "next_tests": 100.0, "credible_intervals": 500.0}
"""Milliseconds that each question may take, as a median."""


@dataclass(frozen=True)
class Row:
    """A question to a model: its median in milliseconds, its limit, the queries it consists of, ratios to the peers."""

    model: str
    question: str
    milliseconds: float
    limit: float | None
    queries: int
    pyagrum: float | None
    pgmpy: float | None


def cases_of(case: dx.Diagnosis) -> dict[str, NDArray[np.int32]]:
    """The cases that each question consists of, as codes."""
    network = compile_network(case.model)
    codes = case.evidence.codes
    observed = np.flatnonzero(codes >= 0)
    masks = (np.arange(2 ** len(observed))[:, None] >> np.arange(len(observed))) & 1
    subsets = np.tile(codes, (len(masks), 1))
    subsets[:, observed] = np.where(masks > 0, codes[observed], -1)
    results = []
    for suggestion in dx.next_tests(case).suggestions:
        columns = [network.index[name] for name in suggestion.option.variables]
        for states in np.ndindex(*(network.cardinalities[column] for column in columns)):
            row = codes.copy()
            row[columns] = states
            results.append(row)
    return {
        "explain": subsets,
        "next_tests": np.array(results),
        "credible_intervals": np.tile(codes, (DRAWS, 1)),
    }


def milliseconds(question: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    question()
    return 1000 * (time.perf_counter() - start)


def posteriors(peer: PyAgrum | Pgmpy, cases: NDArray[np.int32]) -> None:
    """Ask a peer about each case."""
    for codes in cases:
        peer.posteriors(codes)


def measure(name_and_version: str, rounds: int, sample: int) -> list[Row]:
    """Time all questions to one model in interleaved rounds."""
    model = dx.load_model(name_and_version)
    case = dx.diagnose(model, FINDINGS)
    network = compile_network(model)
    questions: dict[str, Callable[[], object]] = {
        "explain": lambda: dx.explain(case, CAUSE),
        "next_tests": lambda: dx.next_tests(case),
        "credible_intervals": lambda: dx.credible_intervals(case, draws=DRAWS).table,
        "sensitivity_analysis": lambda: dx.sensitivity_analysis(case, CAUSE),
        "conflict": lambda: dx.diagnose(model, FINDINGS).conflict,
        "posterior_path": lambda: dx.posterior_path(case),
        "next_tests, two ahead": lambda: dx.next_tests(case, look_ahead=2),
    }
    queries = cases_of(case)
    peers: dict[str, Sequence[PyAgrum | Pgmpy]] = {
        "pyagrum": [PyAgrum(network, kind, model.causes) for kind in PYAGRUM_ENGINES],
        "pgmpy": [Pgmpy(network, model.causes)],
    }
    rng = np.random.default_rng(0)
    times: dict[str, list[float]] = {name: [] for name in questions}
    ratios: dict[tuple[str, str], list[float]] = {}
    for question in questions.values():
        question()
    for _ in range(rounds):
        for name, question in questions.items():
            times[name].append(milliseconds(question))
            if name not in queries:
                continue
            every = queries[name]
            chosen = every[rng.choice(len(every), min(sample, len(every)), replace=False)]
            for peer, engines in peers.items():
                best = min(milliseconds(partial(posteriors, asked, chosen)) for asked in engines)
                ratios.setdefault((name, peer), []).append(best * len(every) / len(chosen) / times[name][-1])
    rows = []
    for name in questions:
        found = [statistics.median(ratios[name, peer]) if (name, peer) in ratios else None for peer in peers]
        count = len(queries[name]) if name in queries else 0
        label = f"{model.name} {model.version}"
        rows.append(Row(label, name, statistics.median(times[name]), LIMIT_MS.get(name), count, found[0], found[1]))
    return rows


def as_markdown(rows: Sequence[Row], sample: int) -> str:
    """The table that documents show."""
    lines = [
        "| model | question | median ms | limit ms | queries | times faster than pyAgrum | than pgmpy |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        limit = "" if row.limit is None else f"{row.limit:g}" + ("" if row.milliseconds <= row.limit else " (missed)")
        ratio = ["" if value is None else f"{value:,.0f}" for value in (row.pyagrum, row.pgmpy)]
        cells = [row.model, row.question, f"{row.milliseconds:.1f}", limit, str(row.queries or ""), *ratio]
        lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    lines.append(
        f"Peers: {sample} of the queries timed in each round and scaled; pyAgrum is the better of its engines. "
        + measured_on()
    )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write; returns the exit code."""
    parser = argparse.ArgumentParser(description="Time the questions about one case.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sample", type=int, default=12, help="queries put to each peer in a round")
    parser.add_argument("--model", action="append", help="name, or name@version; may be given several times")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args(arguments)
    models = options.model or ["hip_flexion_weakness@1.0.0", "hip_flexion_weakness"]
    with mock.patch.object(engine, "processors", lambda: 1):
        rows = [row for model in models for row in measure(model, options.rounds, options.sample)]
    table = as_markdown(rows, options.sample)
    print(table)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "reasoning.md").write_text(table + "\n", encoding="utf-8")
    figures = json.dumps([asdict(row) for row in rows], indent=2) + "\n"
    (options.output / "reasoning.json").write_text(figures, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
