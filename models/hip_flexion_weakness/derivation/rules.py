"""The rules that lead from tables of evidence to a version with a main cause (2.0.0 and later): no number is here.

Each version has a folder with its tables, its README.md and a ``derive.py`` that names them. A later version only
holds the rows that it changes or adds; the others are read from the tables of the version before.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path

import numpy as np
from scipy.stats import beta

import bayesdx as dx
from bayesdx.knowledge.model import Model, ModelInfo, Population
from bayesdx.knowledge.schema import (
    FILE,
    Accuracy,
    Case,
    Cell,
    Column,
    Cut,
    Link,
    ManagementStep,
    Prior,
    RedFlag,
    Source,
    TableEntry,
    Test,
    Variable,
    parse_conditions,
)
from bayesdx.network import link_from_henrion

MODELS = Path(__file__).parents[1]
FIRST = "1.0.0"
"""The version before the main cause, which lends no tables."""
POPULATIONS = ("primary_care", "emergency_department", "specialist_referral")
AGES = ("under_40", "40_to_59", "60_and_over")
HUB = "main_cause"
UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Figure:
    """A number of the evidence with its interval and origin."""

    value: float
    lower: float
    upper: float
    source: str
    status: str
    note: str

    def scaled(self, value: float, note: str = "") -> Figure:
        """Another number that rises and falls with this one: the interval keeps its ratios."""
        ratio = value / self.value if self.value else 0.0
        text = "; ".join(part for part in (note, self.note) if part)
        return Figure(
            rounded(value), rounded(min(self.lower * ratio, value)), rounded(min(1.0, self.upper * ratio)),
            self.source, self.status, text,
        )  # fmt: skip


KEYS = {
    "accuracy.csv": ("finding", "state", "cause", "measure", "condition", "source_id"),
    "age.csv": ("cause", "age_group"),
    "background_neuropathy.csv": ("age_group", "diabetes"),
    "cases.csv": ("case",),
    "contexts.csv": ("population", "variable", "state"),
    "diabetes.csv": ("cause",),
    "diabetes_by_age.csv": ("age_group",),
    "effects.csv": ("parent", "parent_state", "child", "child_state"),
    "incidence.csv": ("cause",),
    "kinds.csv": ("main_cause",),
    "loading.csv": ("cause", "age_group"),
    "main_cause.csv": ("population", "cause"),
    "management.csv": ("cause", "step"),
    "observer_error.csv": ("kind",),
    "red_flags.csv": ("flag",),
    "sources.csv": ("source_id",),
    "tests.csv": ("test",),
    "variables.csv": ("variable",),
}
"""What a row of a table is about: a later row about the same replaces an earlier one."""


STATE_COLUMNS = {
    "age.csv": "cause",
    "diabetes.csv": "cause",
    "effects.csv": "parent_state",
    "kinds.csv": "main_cause",
    "loading.csv": "cause",
    "main_cause.csv": "cause",
}
"""Where a table names a state of main_cause: a version that splits a state takes its rows over for each part, or for
none when ``splits.csv`` says ``described_anew``."""


def table(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of one file of a version, none when it has no such file."""
    path = folder / "evidence" / name
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def keyed(name: str, rows: Iterable[dict[str, str]]) -> dict[tuple[str, ...], dict[str, str]]:
    """The rows by what they are about; two about the same are an error."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        key = tuple(row[column] for column in KEYS[name])
        if key in found:
            raise SystemExit(f"{name}: two rows about {', '.join(key)}.")
        found[key] = row
    return found


def shared_out(rows: Iterable[dict[str, str]], column: str, splits: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    """The rows, those about a state that is split once for each part that is not described anew."""
    parts: dict[str, list[str]] = {split["state"]: [] for split in splits}
    for split in splits:
        if split.get("described_anew") != "yes":
            parts[split["state"]].append(split["part"])
    for row in rows:
        mine = row.get("parent", HUB) == HUB
        for part in parts[row[column]] if mine and row[column] in parts else [row[column]]:
            yield {**row, column: part}


class Evidence:
    """The tables of a version: its own rows, and those of the versions before where it says nothing new."""

    def __init__(self, *folders: Path) -> None:
        """``folders`` from the oldest version to the newest."""
        self.folders = folders
        factors = [float(row["odds_factor"]) for folder in folders for row in table(folder, "judgement.csv")]
        self.odds_factor = factors[-1] if factors else None

    def read(self, name: str) -> list[dict[str, str]]:
        """The rows of a table in the order of the oldest; none when no version has it."""
        rows: dict[tuple[str, ...], dict[str, str]] = {}
        for folder in self.folders:
            if name in STATE_COLUMNS:
                rows = keyed(name, shared_out(rows.values(), STATE_COLUMNS[name], table(folder, "splits.csv")))
            rows |= keyed(name, table(folder, name))
        if self.odds_factor is None:
            return list(rows.values())
        return [judged(row, self.odds_factor) for row in rows.values()]

    def text(self, name: str) -> str:
        """A text of the version itself."""
        return (self.folders[-1] / name).read_text(encoding="utf-8")


def judged(row: dict[str, str], odds_factor: float) -> dict[str, str]:
    """The row; where its interval is that of rule 4 and reaches beyond this factor of the odds, it ends there.

    A beta distribution of a given weight puts nearly all of a rare number at 0, which nobody meant who judged it.
    """
    text = row.get("probability", row.get("value", ""))
    if row.get("status") != "expert" or not text or not 0 < float(text) < 1:
        return row
    value, lower, upper = float(text), float(row["lower"]), float(row["upper"])
    low, high = around(value, odds_factor)
    if not of_rule_4(value, lower, upper) or (lower >= low and value < upper <= high):
        return row
    return {**row, "lower": str(low), "upper": str(high)}


def around(value: float, odds_factor: float) -> tuple[float, float]:
    """Where the odds are this factor below and above those of the value, in two digits."""
    odds = value / (1 - value)
    low, high = (float(f"{far / (1 + far):.2g}") for far in (odds / odds_factor, odds * odds_factor))
    return low, high


def of_rule_4(value: float, lower: float, upper: float) -> bool:
    """Whether this is the interval of a beta distribution worth 15, 30 or 100 patients, in two digits.

    That of the rarest numbers lies below them; it was stretched to reach them.
    """
    for worth in (15, 30, 100):
        low, high = beta.ppf((0.025, 0.975), worth * value, worth * (1 - value))
        if np.allclose((lower, upper), (low, max(high, value)), rtol=0.05, atol=1e-300):
            return True
    return False


def figure(row: dict[str, str], column: str = "probability") -> Figure:
    """The number of an evidence row."""
    return Figure(
        float(row[column]), float(row["lower"]), float(row["upper"]), row["source_id"], row["status"], row["note"]
    )


def rounded(value: float) -> float:
    """Four significant digits: more would claim a precision that the evidence does not have."""
    return float(f"{value:.4g}")


def cells(known: Figure) -> tuple[float, float, float, str, str, str]:
    """The number as the last cells of a row."""
    return known.value, known.lower, known.upper, known.source, known.status, known.note


def shares(evidence: Evidence) -> dict[tuple[str, str], Figure]:
    """P(main cause) of each population: the judged shares, and those of the causes that ``incidence.csv`` counts.

    A cause of ``incidence.csv`` weighs new cases a year in 100,000 people, times the part of them that has this
    complaint, times the part of these that reaches the population. The anchors, which have a judged share as well, say
    how much weight a share of 1 is worth; the share of every counted cause follows. In the end all shares are brought
    to a sum of 1.
    """
    found = {(row["population"], row["cause"]): figure(row) for row in evidence.read("main_cause.csv")}
    counted = evidence.read("incidence.csv")
    if not counted:
        return found
    for population in POPULATIONS:
        weight = {
            row["cause"]: float(row["per_100000"]) * float(row["complaint"]) * float(row[population]) for row in counted
        }
        anchors = [row["cause"] for row in counted if row["role"] == "anchor"]
        worth = sum(weight[cause] for cause in anchors) / sum(found[population, cause].value for cause in anchors)
        for row in counted:
            if row["cause"] not in anchors:
                known = figure(row, "per_100000")
                note = (
                    f"{known.value:g} a year in 100000, {row['complaint']} with this complaint, {row[population]} come"
                )
                found[population, row["cause"]] = known.scaled(weight[row["cause"]] / worth, note)
        total = sum(known.value for (name, _), known in found.items() if name == population)
        for key in [key for key in found if key[0] == population]:
            known = found[key]
            ratio = 1 / total
            found[key] = replace(
                known, value=known.value * ratio, lower=known.lower * ratio, upper=min(1.0, known.upper * ratio)
            )
    return found


class Patients:
    """Who comes: main cause, age and diabetes of the patients of each population.

    The evidence gives P(main cause), P(age | main cause) and how much commoner diabetes is with a cause. Bayes'
    theorem turns them into P(age), P(diabetes | age) and P(main cause | age, diabetes), the form of the tables.
    """

    def __init__(self, evidence: Evidence, causes: tuple[str, ...]) -> None:
        read = evidence.read
        self.states = (UNEXPLAINED, *causes)
        self.share = shares(evidence)
        self.age = {(row["cause"], row["age_group"]): figure(row) for row in read("age.csv")}
        self.odds_ratio = {row["cause"]: float(row["odds_ratio"]) for row in read("diabetes.csv")}
        self.diabetes = {row["age_group"]: figure(row) for row in read("diabetes_by_age.csv")}
        self.priors: list[Prior] = []
        self.tables: list[TableEntry] = []
        for population in POPULATIONS:
            self._population(population)

    def _population(self, population: str) -> None:
        joint = np.zeros((len(AGES), 2, len(self.states)))
        for k, cause in enumerate(self.states):
            for a, age in enumerate(AGES):
                odds = self.odds_ratio[cause] * self.diabetes[age].value / (1 - self.diabetes[age].value)
                diabetic = odds / (1 + odds)
                both = self.share[population, cause].value * self.age[cause, age].value
                joint[a, :, k] = both * (1 - diabetic), both * diabetic
        joint /= joint.sum()
        by_age = joint.sum(axis=(1, 2))
        note = "age mix that the main causes and their ages imply"
        for a, age in enumerate(AGES):
            value = rounded(by_age[a])
            if a:
                self.priors.append(
                    Prior(population, "age_group", age, value, rounded(value * 0.75), rounded(min(1, value * 1.3)),
                          "EXPERT", "expert", note)
                )  # fmt: skip
            diabetic = self.diabetes[age].scaled(
                joint[a, 1].sum() / by_age[a], "with the main causes of this population"
            )
            self.tables.append(TableEntry(population, "diabetes", (("age_group", (age,)),), "yes", *cells(diabetic)))
            for d, state in enumerate(("no", "yes")):
                given = joint[a, d] / joint[a, d].sum()
                parents = (("age_group", (age,)), ("diabetes", (state,)))
                for k, cause in enumerate(self.states[1:], start=1):
                    known = self.share[population, cause].scaled(given[k], "share of this age and diabetes")
                    self.tables.append(TableEntry(population, HUB, parents, cause, *cells(known)))
        total = sum(known.value for (name, _), known in self.share.items() if name == population)
        if abs(total - 1) > 1e-9:
            raise SystemExit(f"{population}: the main causes sum to {total}.")


def loading_table(evidence: Evidence) -> list[TableEntry]:
    """P(loading | age, main cause)."""
    rows = []
    for row in evidence.read("loading.csv"):
        parents = (("age_group", (row["age_group"],)), (HUB, (row["cause"],)))
        rows.append(TableEntry("", "hip_flexor_loading", parents, "yes", *cells(figure(row))))
    return rows


def background_table(evidence: Evidence) -> list[TableEntry]:
    """P(length-dependent background neuropathy | age, diabetes)."""
    rows = []
    for row in evidence.read("background_neuropathy.csv"):
        parents = (("age_group", (row["age_group"],)), ("diabetes", (row["diabetes"],)))
        rows.append(TableEntry("", "background_neuropathy", parents, "present", *cells(figure(row))))
    return rows


def links_and_leaks(evidence: Evidence, variables: dict[str, Variable]) -> tuple[list[Link], list[Prior]]:
    """Diez's links and leaks from effects.csv.

    Convention ``alone``: P(child state | this parent in this state and nothing else), leak included, as a study
    reports a sensitivity; the leak is divided out. Convention ``link``: the link itself.
    """
    grouped: dict[tuple[str, str, str], dict[str, tuple[str, Figure]]] = defaultdict(dict)
    error = {row["kind"]: float(row["error"]) for row in evidence.read("observer_error.csv")}
    for row in evidence.read("effects.csv"):
        key = row["parent"], row["parent_state"], row["child"]
        known = observed(row, error.get(variables[row["child"]].kind, 0.0), evidence.odds_factor)
        grouped[key][row["child_state"]] = row["convention"], known
    leaks = {child: {state: known.value for state, (_, known) in rows.items()} for (parent, _, child), rows in
             grouped.items() if not parent}  # fmt: skip
    links: list[Link] = []
    priors: list[Prior] = []
    for (parent, parent_state, child), rows in grouped.items():
        states = variables[child].states
        for state, (convention, known) in rows.items():
            if not parent and variables[child].kind == "cause":
                priors += [Prior(population, child, state, *cells(known)) for population in POPULATIONS]
                continue
            if convention == "alone":
                known = divided(states, rows, state, leaks[child], f"{parent}={parent_state} -> {child}")
            links.append(Link(parent, parent_state, child, state, *cells(known)))
    one = Figure(1, 1, 1, "EXPERT", "expert", "by definition of the main cause")
    links += [Link(HUB, row["main_cause"], row["cause"], "present", *cells(one)) for row in evidence.read("kinds.csv")]
    return links, priors


def observed(row: dict[str, str], error: float, odds_factor: float | None) -> Figure:
    """The number of a row of effects; a judgement is held off 0 and 1 by the error of those who observe."""
    known = figure(row, "value")
    if not error or row["status"] != "expert" or (row["convention"] == "link" and row["parent"]):
        return known
    value = min(max(known.value, error), 1 - error)
    if value == known.value:
        return known
    note = "; ".join(part for part in (f"judged {known.value:g}, held off by the observers' error", known.note) if part)
    lower, upper = around(value, odds_factor) if odds_factor else (min(known.lower, value), max(known.upper, value))
    return Figure(value, lower, upper, known.source, known.status, note)


def divided(
    states: tuple[str, ...], rows: dict[str, tuple[str, Figure]], state: str, leak: dict[str, float], where: str
) -> Figure:
    """Diez's link of one state from the distribution that the parent shows alone."""
    known = rows[state][1]
    given = {name: part.value for name, (_, part) in rows.items()}
    base = distribution(states, leak)
    place = states.index(state)
    ends = [
        rounded(float(link_from_henrion(distribution(states, {**given, state: end}), base)[place]))
        for end in (known.value, known.lower, known.upper)
    ]
    if np.any(np.cumsum(distribution(states, given)) > np.cumsum(base) + 1e-9):
        raise SystemExit(f"{where}: rarer than the leak; no noisy gate can say so.")
    note = f"from P = {known.value:g} with this alone" + (f"; {known.note}" if known.note else "")
    return Figure(ends[0], min(ends), max(ends), known.source, known.status, note)


def distribution(states: tuple[str, ...], given: dict[str, float]) -> np.ndarray:
    """Probabilities in the order of the states; the reference state takes the rest."""
    values = np.array([given.get(state, 0.0) for state in states])
    if values[1:].sum() > 1:
        values[1:] /= values[1:].sum()
    values[0] = 1 - values[1:].sum()
    return values


def typed(file: str, row: dict[str, str]) -> dict[str, object]:
    """The cells of an evidence row as the values that a row of the model takes; optional columns may be missing."""
    values: dict[str, object] = {}
    for column in FILE[file].columns:
        key = {"source": "source_id", "threshold_source": "threshold_source_id", "identifier": "doi_or_pmid"}.get(
            column.name, column.name
        )
        text = row.get(key, row.get(column.name))
        if text is None:
            continue
        values[column.name] = _cell(column, text)
    return values


def _cell(column: Column, text: str) -> object:
    cell = column.cell
    if cell in (Cell.PROBABILITY, Cell.NUMBER):
        return float(text) if text else None
    if cell is Cell.INTEGER:
        return int(text) if text else None
    if cell is Cell.STATES:
        return tuple(text.split("|"))
    if cell is Cell.NAMES:
        return tuple(text.split(";")) if text else ()
    if cell in (Cell.CONDITIONS, Cell.STATE_WORDS):
        return parse_conditions(text) if text else ()
    if cell is Cell.TEXTS:
        return tuple(text.split("|")) if text else ()
    if cell is Cell.NUMBERS:
        parts = text.split("|") if text else []
        cuts = tuple(Cut(float(part.removeprefix("<")), part.startswith("<")) for part in parts)
        return cuts if column.name == "cuts" else tuple(cut.value for cut in cuts)
    return text


def rows_of(evidence: Evidence, file: str, kind: type) -> tuple:
    """An evidence table whose rows go into the model as they are."""
    known = {field.name for field in fields(kind)}
    return tuple(kind(**{k: v for k, v in typed(file, row).items() if k in known}) for row in evidence.read(file))


def derive(folder: Path, *before: str) -> Model:
    """The whole model of the version whose derivation is ``folder``.

    ``before`` names the versions that it stands on, from the oldest; the last is its parent, and those that have a main
    cause lend it their tables.
    """
    lenders = [folder.parent / version for version in before if version != FIRST]
    evidence = Evidence(*lenders, folder)
    parent = version_of(*before)
    variables = rows_of(evidence, "variables.csv", Variable)
    by_name = {variable.variable: variable for variable in variables}
    patients = Patients(evidence, by_name[HUB].states[1:])
    links, priors = links_and_leaks(evidence, by_name)
    contexts = [
        Prior(row["population"], row["variable"], row["state"], *cells(figure(row)))
        for row in evidence.read("contexts.csv")
    ]
    return Model(
        info=replace(INFO, version=folder.name, parent_version=parent.version, parent_hash=parent.hash),
        variables=variables,
        priors=(*patients.priors, *contexts, *priors),
        links=tuple(links),
        tables=(*patients.tables, *loading_table(evidence), *background_table(evidence)),
        accuracy=rows_of(evidence, "accuracy.csv", Accuracy),
        tests=rows_of(evidence, "tests.csv", Test),
        red_flags=rows_of(evidence, "red_flags.csv", RedFlag),
        management=rows_of(evidence, "management.csv", ManagementStep),
        cases=rows_of(evidence, "cases.csv", Case),
        sources=rows_of(evidence, "sources.csv", Source),
        changes=evidence.text("CHANGES.md"),
        notes=evidence.text("NOTES.md"),
    )


def version_of(*before: str) -> Model:
    """The last of these versions: its folder, or derived again where the folder is not in the tree."""
    folder = MODELS / before[-1]
    return dx.load_model(folder) if folder.exists() else derive(MODELS / "derivation" / before[-1], *before[:-1])


INFO = ModelInfo(
    name="hip_flexion_weakness",
    version="",
    title="Severe hip flexion weakness: the patient who cannot lift the knee toward the chest",
    licence="CC-BY-4.0",
    intended_use=(
        "Decision support for qualified clinicians and researchers who examine an adult with new weakness or "
        "inability of active hip flexion: order the documented causes by probability, see what speaks for and "
        "against each, choose the next test, and notice emergencies."
    ),
    not_for=(
        "Not a medical device. Not for patients to use on themselves, not for children, not for weakness that is old "
        "or unchanged, not for triage without a clinician. Most numbers are expert judgement; a low probability never "
        "excludes an emergency."
    ),
    entry_criterion=(
        "New weakness, painful inhibition or inability of active hip flexion. Every number holds given this complaint, "
        "so the complaint itself is not a finding: each patient has one main cause of it (main_cause), which may be "
        "other_cause, or the complaint stays unexplained. hip_flexion_strength is the manual muscle test among such "
        "patients; pain may be all that limits them."
    ),
    populations=(
        Population(
            "primary_care",
            "Primary or musculoskeletal care",
            "Adults presenting in primary or musculoskeletal care with new weakness or inability of active hip "
            "flexion.",
        ),
        Population(
            "emergency_department",
            "Emergency department",
            "Adults attending an emergency department with new weakness or inability of active hip flexion.",
        ),
        Population(
            "specialist_referral",
            "Specialist referral",
            "Adults worked up in hospital for weakness or inability of hip flexion after referral, after an operation "
            "or as inpatients; rare causes are common, and published case reports come from here.",
        ),
    ),
    default_population="primary_care",
    format=1,
)
"""What every version derived here says of itself; number and parent are its own."""


CALLED = {"other": "other_or_unexplained", "hip_arthritis": "hip_osteoarthritis"}
"""Main causes that new_cases.csv calls otherwise."""


def judged_by(folder: Path) -> tuple[Case, ...]:
    """The published cases by which a version was judged once, after its numbers were fixed: its new_cases.csv."""
    with (folder / "new_cases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(
        Case(
            row["case"],
            row["title"],
            row["population"],
            parse_conditions(row["findings"]),
            (CALLED.get(row["main_state"], row["main_state"]),),
            "cause in top 3",
            "held_out",
            row["address"],
            row["note"],
        )
        for row in rows
    )


def main(model: Model, day: date) -> None:
    """Write the model into the folder that the command names, or compare it with the one in place."""
    if len(sys.argv) > 1:
        print(dx.save_model(dx.release_model(model, day), sys.argv[1]))
        return
    folder = MODELS / model.version
    if not folder.exists():
        sys.exit(f"{model.version} is not in the tree, so there is nothing to compare with; name a folder to write it.")
    comparison = dx.compare_models(dx.load_model(folder), model)
    print(comparison)
    sys.exit(0 if comparison.table.empty else 1)
