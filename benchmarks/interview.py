"""``python -m benchmarks interview``: how many questions lead to the answer that all findings would have given.

Simulated patients of every population of the flagship are interviewed by ``next_question``, and asked everything in
random order and by information gain alone. Patients of DDXPlus are interviewed by models that ``fit_model`` made of
other patients, and by one of what the source publishes of its training patients.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayesdx as dx
from bayesdx.diagnosis.case import leading_event
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.interview import askable
from bayesdx.diagnosis.results import measured_variables
from bayesdx.diagnosis.suggestions import Asked, Option, TradeOff
from bayesdx.display import as_json
from bayesdx.inference import Evidence
from bayesdx.inference.kernels import numba_installed
from benchmarks import ddxplus
from benchmarks.datasets import data_folder
from benchmarks.report import RESULTS

MODEL = "hip_flexion_weakness"
FIRST = 5
"""Questions within which emergencies are counted."""

INTERVIEW, RANDOM, GAIN = "interview", "random order", "information gain alone"
HISTORY, TESTS = "history and examination", "with tests"
DDXPLUS = "ddxplus"

STOPS = (0.05, 0.01)
"""Values of ``stop_below`` for DDXPlus."""

PUBLISHED = (
    ("AARLC, without differential (Fansi Tchango 2022)", 7.27, 98.86),
    ("BASD, without differential (Fansi Tchango 2022)", 17.85, 96.65),
    ("AARLC, with differential (Fansi Tchango 2022)", 14.1, 61.74),
    ("BASD, with differential (Fansi Tchango 2022)", 17.46, 68.23),
)
"""Mean number of turns and top-1 in percent, on all 134,529 test patients of DDXPlus (README beside the data)."""

Patient = Mapping[str, str]


@dataclass(frozen=True)
class Told:
    """What was known after each question of one patient, and the questions that stood behind it.

    ``cases[k]`` is the case after k questions; the last one is that of the end.
    """

    cases: Sequence[dx.Diagnosis]

    @property
    def questions(self) -> int:
        return len(self.cases) - 1


Answer = tuple[str, frozenset[str]]


def answer_of(case: dx.Diagnosis) -> Answer:
    """The first cause, and the causes that an emergency alarm surely stands for."""
    alarms = frozenset(alert.cause for alert in case.alerts if alert.urgency == "emergency" and alert.certain)
    return case.differential[0].cause, alarms


def first_of(case: dx.Diagnosis) -> str:
    return case.differential[0].cause


def reached(told: Told, wanted: Answer) -> float:
    """Questions after which the answer is the wanted one and stays so; infinite where it is not at the end."""
    found = math.inf
    for count in range(told.questions, -1, -1):
        case = told.cases[count]
        if first_of(case) != wanted[0] or answer_of(case) != wanted:
            break
        found = count
    return found


def interviewed(
    start: dx.Diagnosis, patient: Patient, tests: bool, memory: dict[Any, dx.types.Question]
) -> tuple[Told, Told]:
    """An interview to its end: the part before the first test, and all of it."""
    cases, spoken = [start], None
    while True:
        case = cases[-1]
        key = frozenset(case.findings.items())
        if key not in memory:
            memory[key] = dx.next_question(case, tests=tests)
        question = memory[key]
        if spoken is None and (question.stop or question.kind == "test"):
            spoken = Told(tuple(cases))
        if question.stop:
            assert spoken is not None
            return spoken, Told(tuple(cases))
        cases.append(case.with_findings({name: patient[name] for name in question.variables}))


def options_of(start: dx.Diagnosis, tests: bool) -> list[Option]:
    return [option for option in askable(start) if tests or option.kind != "test"]


def at_random(start: dx.Diagnosis, patient: Patient, tests: bool, rng: np.random.Generator) -> Told:
    """Everything, in random order."""
    options = options_of(start, tests)
    return _in_order(start, patient, [options[place] for place in rng.permutation(len(options))])


def _in_order(start: dx.Diagnosis, patient: Patient, options: Sequence[Option]) -> Told:
    cases = [start]
    for option in options:
        cases.append(cases[-1].with_findings({name: patient[name] for name in option.variables}))
    return Told(cases)


def by_gain(start: dx.Diagnosis, patient: Patient, tests: bool, memory: dict[Any, int]) -> Told:
    """Everything, always what brings most bits about the causes, whatever it costs."""
    cases, left = [start], options_of(start, tests)
    while left:
        case = cases[-1]
        key = frozenset(case.findings.items())
        if key not in memory:
            asked = Asked(case, left, leading_event(case), "causes", TradeOff(), together=False)
            memory[key] = int(np.argmax([asked.suggestion(place).bits for place in range(len(left))]))
        option = left[memory[key]]
        left = [other for other in left if other is not option]
        cases.append(case.with_findings({name: patient[name] for name in option.variables}))
    return Told(cases)


@dataclass
class Tally:
    """What is counted of one way of asking."""

    until: list[float] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    same_first: list[bool] = field(default_factory=list)
    same_alarms: list[bool] = field(default_factory=list)
    early: list[bool] = field(default_factory=list)

    def add(self, told: Told, wanted: Answer, stop: int) -> None:
        """Count one patient, whose interview ended after ``stop`` questions."""
        self.until.append(reached(told, wanted))
        self.asked.append(told.questions)
        first, alarms = answer_of(told.cases[min(stop, told.questions)])
        self.same_first.append(first == wanted[0])
        self.same_alarms.append(alarms == wanted[1])
        if wanted[1]:
            self.early.append(bool(wanted[1] & answer_of(told.cases[min(FIRST, told.questions)])[1]))

    def row(self) -> dict[str, Any]:
        """The figures."""
        both = np.array(self.same_first) & np.array(self.same_alarms)
        return {
            "patients": len(self.until),
            "median": _quantile(self.until, 0.5),
            "p90": _quantile(self.until, 0.9),
            "median_asked": _quantile(self.asked, 0.5),
            "same_first": float(np.mean(self.same_first)),
            "same_alarms": float(np.mean(self.same_alarms)),
            "same_both": float(both.mean()),
            "emergencies": len(self.early),
            "early": float(np.mean(self.early)) if self.early else math.nan,
        }


def _quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def patients_of(model: dx.Model, count: int, seed: int) -> list[Patient]:
    """Simulated patients, everything observed."""
    frame = dx.simulate_cohort(model, count, seed=seed)
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def warm(model: dx.Model) -> None:
    """Have the compiled code at hand, which small batches then use too."""
    if not numba_installed():
        return
    network = compiled(model).engine.network
    codes = np.full((len(network), len(network)), -1)
    np.fill_diagonal(codes, 0)
    engine = dx.Engine(network, kernel="numba", workers=1)
    for cases in (codes, codes[:1]):
        engine.propagate(Evidence(cases), measured_variables(model))


def flagship(population: str, count: int, with_tests: int, seed: int) -> dict[str, Any]:
    """Figures of one population: the model, and what is asked -> way of asking -> figures."""
    model = dx.load_model(MODEL, population=population)
    warm(model)
    start, rng = dx.diagnose(model), np.random.default_rng(seed)
    kinds = {name: model.by_name[name].kind for name in model.by_name}
    tallies = {asked: {way: Tally() for way in (INTERVIEW, RANDOM, GAIN)} for asked in (HISTORY, TESTS)}
    questions: dict[Any, dx.types.Question] = {}
    gains: dict[bool, dict[Any, int]] = {False: {}, True: {}}
    for number, patient in enumerate(patients_of(model, count, seed)):
        tests = number < with_tests
        if number and number % 20 == 0:
            print(f"{population}: {number} patients", flush=True)
        for asked, told in zip((HISTORY, TESTS), interviewed(start, patient, tests, questions), strict=True):
            if asked == TESTS and not tests:
                continue
            observed = ("context", "history", "examination", *(("test",) if asked == TESTS else ()))
            full = dx.diagnose(model, {name: state for name, state in patient.items() if kinds[name] in observed})
            wanted = answer_of(full)
            found = {
                INTERVIEW: told,
                RANDOM: at_random(start, patient, asked == TESTS, rng),
                GAIN: by_gain(start, patient, asked == TESTS, gains[asked == TESTS]),
            }
            for way, each in found.items():
                tallies[asked][way].add(each, wanted, told.questions)
    figures = {asked: {way: tally.row() for way, tally in ways.items()} for asked, ways in tallies.items()}
    return {"model": f"{model.name} {model.version}", **figures}


@dataclass(frozen=True)
class Line:
    """A line of the table of DDXPlus.

    Parameters
    ----------
    model, patients_of : str
    stop_below : float
    patients : int
    questions : float
        Mean number; age, sex and the first complaint are given and not counted.
    top_1, all_findings : float
        Share of patients whose pathology is first, at the stop and with every answer known.
    weighted : float
        The share at the stop where each pathology counts as it is common among the training patients.
    """

    model: str
    patients_of: str
    stop_below: float
    patients: int
    questions: float
    top_1: float
    all_findings: float
    weighted: float


def ddx_lines(folder: Path, most: int, seed: int) -> list[Line]:
    """DDXPlus: two fitted models, and the model of published statistics."""
    priors = pd.read_csv(folder / "train_priors.csv").set_index("pathology")["prior"].to_dict()
    lines = []
    for name, title in (("patients_filtered_validate", "19 pathologies, selected"), ("patients_balanced", "balanced")):
        findings, labels, folds = ddxplus.read(folder, name)
        first = pd.read_csv(folder / f"{name}.csv.gz")["INITIAL_EVIDENCE"].to_numpy(dtype=str)
        chosen = np.random.default_rng(seed).permutation(np.flatnonzero(folds == 0))[:most]
        parts = [(folds != 0, chosen)]
        if name == "patients_balanced":
            rng, each = np.random.default_rng(seed), math.ceil(most / 5)
            parts = [
                (folds != fold, rng.permutation(np.flatnonzero(folds == fold))[:each]) for fold in np.unique(folds)
            ]
        jobs: list[Job] = []
        for train, test in parts:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", dx.DataWarning)  # a code that occurs in one fold alone
                fit = dx.fit_model(
                    findings[train].assign(diagnosis=labels[train]),
                    "diagnosis",
                    structure="naive",
                    missing="ignore",
                    temperature=1,
                )
                told = fit.read(findings.iloc[test]).frame
            states = dict(fit.mapping["diagnosis"]["codes"])
            jobs.append((fit.model, told, states, labels[test].tolist(), first[test].tolist()))
        lines += _ddx(f"fit_model, {int(parts[0][0].sum()):,} other patients", title, jobs, priors)
        if name == "patients_balanced":
            model = ddxplus.published_model(folder)
            order = sorted(priors, key=lambda label: -priors[label])
            states = dict(zip(order, model.by_name[ddxplus.CAUSE].states, strict=True))
            shown = {
                code: np.where(findings[code] == "no", "no", "yes") if code in findings else "no"
                for code in model.findings
            }
            told = pd.DataFrame(shown, index=findings.index)
            some = np.concatenate([test for _, test in parts])
            job = (model, told.iloc[some], states, labels[some].tolist(), first[some].tolist())
            lines += _ddx("published training statistics", title, [job], priors)
    return lines


Job = tuple[dx.Model, pd.DataFrame, Mapping[str, str], Sequence[str], Sequence[str]]
"""A model, patients in its words, the state of each pathology, the pathology and the first complaint of each."""


def _ddx(model: str, title: str, jobs: Sequence[Job], priors: Mapping[str, float]) -> list[Line]:
    """A line for each of ``STOPS``: the strictest interview passes the ends of the others on its way."""
    counts: dict[float, list[int]] = {stop: [] for stop in STOPS}
    hits: dict[float, list[bool]] = {stop: [] for stop in STOPS}
    full, names = [], []
    for made, told, states, labels, first in jobs:
        for (_, row), label, complaint in zip(told.iterrows(), labels, first, strict=True):
            known = {str(name): value for name, value in row.items() if name in made.by_name and isinstance(value, str)}
            known.pop(made.causes[0], None)
            truth = f"{made.causes[0]}={states.get(label, '')}"
            case = dx.diagnose(made, {name: known[name] for name in ("AGE", "SEX", complaint) if name in known})
            left, count = sorted(STOPS, reverse=True), 0
            while left:
                question = dx.next_question(case, stop_below=min(STOPS))
                while left and (question.stop or case.posterior.iloc[0] >= 1 - left[0]):
                    counts[left[0]].append(count)
                    hits[left.pop(0)].append(first_of(case) == truth)
                if left:
                    case = question.answer(known.get(question.name, dx.UNKNOWN))
                    count += 1
            full.append(first_of(dx.diagnose(made, known)) == truth)
            names.append(label)
    weights = pd.Series({label: priors[label] for label in set(names)})
    lines = []
    for stop in STOPS:
        by_label = pd.Series(hits[stop], dtype=float).groupby(names).mean()
        shares = float(np.mean(hits[stop])), float(np.mean(full)), float((by_label * weights).sum() / weights.sum())
        lines.append(Line(model, title, stop, len(names), float(np.mean(counts[stop])), *shares))
    return lines


def as_markdown(document: Mapping[str, Any]) -> str:
    """The tables."""
    populations = {name: found for name, found in document.items() if name != DDXPLUS}
    models = ", ".join(sorted({found["model"] for found in populations.values()}))
    lines = [
        "# Interviews",
        "",
        f"`python -m benchmarks interview`: simulated patients of each population of {models}. Each is interviewed by "
        "`next_question`, and asked everything in random order, and by information gain alone (always what brings most "
        "bits about the causes, counted one by one, whatever it costs). A test counts as one question, whatever it "
        "reveals.",
        "",
        "Until the answer: questions after which the first cause and the causes of emergency alarms are those that all "
        "findings together give, and stay so. Where that is not so when an interview ends, it never is (a dash where "
        "the quantile lies among these). Agreement: at the end of the interview, and of the other two after as many "
        f"questions. Within {FIRST}: patients in whom all findings raise an emergency alarm, and in whom an alarm for "
        f"one of the same causes stands after {FIRST} questions.",
        "",
        "The patients are as the model says that patients are: this measures the order of questions, not whether the "
        "model is right. A share of n patients is known to about 1 / sqrt(n): of 1,000 to 3 points, of 100 to 10.",
    ]
    notes = {
        HISTORY: "The interview asks what could raise an alarm before what tells common causes apart, history before "
        "examination, and stops; information gain alone knows none of this and asks everything.",
        TESTS: "The interview asks for tests after the examination; information gain alone orders a scan first, "
        "whatever it costs, and so needs fewer questions.",
    }
    for asked, note in notes.items():
        lines += [
            "",
            f"## {asked.capitalize()}",
            "",
            note,
            "",
            "| population | order | patients | asked, median | until the answer, median | 90th percentile "
            f"| same first cause | same emergencies | both | emergencies | found within {FIRST} |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for population, found in populations.items():
            for way, row in found[asked].items():
                cells = [
                    *(population, way, row["patients"], f"{row['median_asked']:.0f}"),
                    *(_count(row[key]) for key in ("median", "p90")),
                    *(f"{100 * row[key]:.1f} %" for key in ("same_first", "same_alarms", "same_both")),
                    *(row["emergencies"], f"{100 * row['early']:.1f} %" if row["emergencies"] else "-"),
                ]
                lines.append(f"| {' | '.join(map(str, cells))} |")
    if DDXPLUS in document:
        lines += ["", *_ddx_markdown(document[DDXPLUS]["lines"])]
    minutes = sum(found["minutes"] for found in document.values())
    seeds = ", ".join(sorted({str(found["seed"]) for found in document.values()}))
    lines += ["", f"Made in {minutes:.1f} minutes of one processor; seed {seeds}."]
    return "\n".join(lines) + "\n"


def _count(value: float | str) -> str:
    """A number of questions; stored ones may be "inf"."""
    return "-" if math.isinf(float(value)) else f"{float(value):.0f}"


def _ddx_markdown(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "## DDXPlus",
        "",
        "Age, sex and the first complaint are given where the model knows them; then `next_question` asks, until the "
        "first pathology is wrong with a probability of at most `stop_below`. Weighted: each pathology counts as it is "
        "common among the training patients. The published agents were trained on 1,025,602 patients and tested on "
        "134,529, of which these files hold none; ours are tested on other patients of the same simulator (see the "
        "README beside the data), so that the rows show the scale and are no contest. A quarter of the balanced "
        "patients are training patients of the source, whom its published statistics count too.",
        "",
        "| model | patients of | stop_below | patients | questions, mean | top-1 | weighted | with all answers |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row['model']} | {row['patients_of']} | {row['stop_below']:g} | {row['patients']} "
        f"| {row['questions']:.1f} | {100 * row['top_1']:.1f} % | {100 * row['weighted']:.1f} % "
        f"| {100 * row['all_findings']:.1f} % |"
        for row in rows
    ]
    lines += [
        f"| {name}, published | all test patients | | 134,529 | {turns} | {top_1} % | | |"
        for name, turns, top_1 in PUBLISHED
    ]
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Interview, count, print, write after each part; returns the exit code."""
    populations = [row.name for row in dx.load_model(MODEL).info.populations]
    every = [*populations, DDXPLUS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks interview", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(every)}; all where left out")
    parser.add_argument("--patients", type=int, default=100, help="of each population (default 100)")
    parser.add_argument("--with-tests", type=int, default=20, help="of these with tests too (default 20)")
    parser.add_argument("--ddxplus", type=int, default=100, help="patients of each model of DDXPlus (default 100)")
    parser.add_argument("--seed", type=int, default=20261201)
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args(arguments)
    if unknown := [part for part in options.parts if part not in every]:
        parser.error(f"{', '.join(unknown)}: not a part; they are {', '.join(every)}")
    stored = options.output / "interview.json"
    document: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
    for part in options.parts or every:
        began = time.process_time()
        found: dict[str, Any] = {"seed": options.seed}
        if part == DDXPLUS:
            folder = data_folder()
            if folder is None:
                print("no data of DDXPlus: set BAYESDX_DATA, or put the datasets into ../shared/data")
                continue
            found["lines"] = [asdict(line) for line in ddx_lines(folder / "ddxplus", options.ddxplus, options.seed)]
        else:
            found |= flagship(part, options.patients, options.with_tests, options.seed)
        found["minutes"] = round((time.process_time() - began) / 60, 1)
        document[part] = found
        print(part, json.dumps(found), flush=True)
        document = {part: document[part] for part in every if part in document}
        options.output.mkdir(parents=True, exist_ok=True)
        stored.write_text(json.dumps(as_json(document), indent=1) + "\n", encoding="utf-8")
        (options.output / "interview.md").write_text(as_markdown(document), encoding="utf-8")
    print(f"written: {stored} and interview.md")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
