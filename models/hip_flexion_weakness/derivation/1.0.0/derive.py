"""Derives hip_flexion_weakness 1.0.0 from the tables in ``evidence/``: every rule is here, no number is.

    python models/hip_flexion_weakness/derivation/1.0.0/derive.py            # compare with the released folder
    python models/hip_flexion_weakness/derivation/1.0.0/derive.py FOLDER     # write a new folder

The rules are explained in README.md beside this file.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

import bayesdx as dx
from bayesdx.inference import Engine, Evidence
from bayesdx.knowledge.model import Model, ModelInfo, Population
from bayesdx.knowledge.schema import (
    Accuracy,
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
from bayesdx.network import Network, Node, NoisyMax, Table, link_from_henrion

HERE = Path(__file__).parent
RELEASED = HERE.parents[1] / "1.0.0"
RELEASE_DAY = date(2026, 11, 23)

REFERENCE = "primary_care"
MATRIX_CONDITIONS = (
    "in the reference population, this cause present and no other listed cause",
    "disc herniation present without radiculopathy or cauda equina syndrome",
    "spinal stenosis present without radiculopathy or cauda equina syndrome",
    "L2-L4 radiculopathy present, whatever its cause",
)
"""Rows of accuracy.csv with these conditions are P(finding | this cause alone)."""

LEAK_CONDITION = "in the reference population with none of the eleven causes present (leak)"

PARENTS = {
    "hip_flexor_loading": ("age_group",),
    "hip_replacement": ("age_group",),
    "diabetes": ("age_group",),
    "anticoagulation": ("age_group",),
    "infection_risk": ("age_group",),
    "iliopsoas_strain": ("hip_flexor_loading",),
    "iliopsoas_tendinopathy": ("hip_flexor_loading", "hip_replacement"),
    "severe_infection": ("hip_replacement", "diabetes", "infection_risk"),
    "iliopsoas_bursitis": (
        "hip_flexor_loading", "hip_replacement", "iliopsoas_tendinopathy", "hip_osteoarthritis",
    ),
    "psoas_syndrome": (
        "hip_flexor_loading", "iliopsoas_tendinopathy", "spinal_stenosis", "hip_osteoarthritis",
    ),
    "disc_herniation": ("age_group",),
    "spinal_stenosis": ("age_group",),
    "lumbar_radiculopathy": ("disc_herniation", "spinal_stenosis", "severe_infection"),
    "cauda_equina_syndrome": ("disc_herniation", "spinal_stenosis", "severe_infection"),
    "peripheral_neuropathy": (
        "age_group", "hip_replacement", "diabetes", "anticoagulation", "iliopsoas_strain", "severe_infection",
    ),
}  # fmt: skip
"""Direct parents. Age acts on the other causes through these (loading, arthritis, diabetes), not a second time."""

TABLED = "hip_osteoarthritis"
"""A replaced joint cannot be arthritic; a noisy gate cannot say 'prevents', so this cause has a table."""


@dataclass(frozen=True)
class Figure:
    """A number of the evidence with its interval and origin."""

    value: float
    lower: float
    upper: float
    source: str
    status: str
    note: str


def read(name: str) -> list[dict[str, str]]:
    """The rows of an evidence table."""
    with (HERE / "evidence" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def figure(row: dict[str, str], column: str = "probability") -> Figure:
    """The number of an evidence row."""
    return Figure(
        float(row[column]), float(row["lower"]), float(row["upper"]), row["source_id"], row["status"], row["note"]
    )


def rounded(value: float) -> float:
    """Four significant digits: more would claim a precision that the evidence does not have."""
    return float(f"{value:.4g}")


def link_figure(given: Figure, without: float) -> Figure:
    """Diez's link of a binary child from P(child | parent) and P(child | no parent), the latter held fixed."""
    low, mid, high = (max(0.0, (p - without) / (1 - without)) for p in (given.lower, given.value, given.upper))
    return Figure(rounded(mid), rounded(low), rounded(high), given.source, given.status, given.note)


class Causes:
    """Contexts and causes: links from conditional prevalences, leaks that reproduce each population's prevalences."""

    def __init__(self, variables: tuple[Variable, ...]) -> None:
        self.variables = {variable.variable: variable for variable in variables}
        self.conditional = {
            (row["parent"], row["parent_state"], row["child"]): figure(row)
            for row in read("causal_links.csv")
            if row["source_id"] == "EXPERT"
        }
        self.targets: dict[str, dict[tuple[str, str], Figure]] = defaultdict(dict)
        for row in read("populations.csv"):
            self.targets[row["population"]][row["variable"], row["state"]] = figure(row)
        for row in read("prevalence.csv"):
            if row["population"].startswith("reference population"):
                self.targets[REFERENCE][row["cause"], "present"] = figure(row)
        self.links: list[Link] = []
        self.priors: list[Prior] = []
        self.tables: list[TableEntry] = []
        self.order = [
            "age_group", "hip_flexor_loading", "hip_replacement", "diabetes", "anticoagulation", "infection_risk",
            "hip_osteoarthritis", "iliopsoas_strain", "iliopsoas_tendinopathy", "severe_infection", "disc_herniation",
            "spinal_stenosis", "iliopsoas_bursitis", "psoas_syndrome", "lumbar_radiculopathy", "cauda_equina_syndrome",
            "peripheral_neuropathy",
        ]  # fmt: skip
        self._derive()

    def _derive(self) -> None:
        nodes: dict[str, list[Node]] = {population: [] for population in self.targets}
        for name in self.order:
            if name == "age_group":
                for population, done in nodes.items():
                    done.append(self._age(population))
            elif name == TABLED:
                for population, done in nodes.items():
                    done.append(self._table(population, done))
            else:
                links = self._links_of(name, nodes[REFERENCE])
                for population, done in nodes.items():
                    done.append(self._noisy(population, name, links, done))

    def _age(self, population: str) -> Node:
        states = self.variables["age_group"].states
        figures = [self.targets[population]["age_group", state] for state in states]
        for state, known in zip(states, figures, strict=True):
            self.priors.append(
                Prior(population, "age_group", state, known.value, known.lower, known.upper, known.source, known.status,
                      known.note)
            )  # fmt: skip
        return Node("age_group", states, (), Table(np.array([known.value for known in figures])))

    def _links_of(self, name: str, nodes: list[Node]) -> dict[str, list[Figure]]:
        """Per parent, the link of each of its states; the state that acts least brings nothing about."""
        links: dict[str, list[Figure]] = {}
        for parent in PARENTS[name]:
            if parent != "age_group":
                absent, present = (self.conditional[parent, state, name] for state in self.variables[parent].states)
                links[parent] = [Figure(0, 0, 0, "", "", ""), link_figure(present, absent.value)]
        if "age_group" in PARENTS[name]:
            links["age_group"] = self._age_links(name, links, nodes)
        for parent, figures in links.items():
            for state, link in zip(self.variables[parent].states, figures, strict=True):
                if link.value > 0:
                    child_state = self.variables[name].states[1]
                    self.links.append(
                        Link(parent, state, name, child_state, link.value, link.lower, link.upper, link.source,
                             link.status, link.note)
                    )  # fmt: skip
        return links

    def _age_links(self, name: str, links: dict[str, list[Figure]], nodes: list[Node]) -> list[Figure]:
        """What age does by itself, once the parents that depend on age have done their part."""
        ages = self.variables["age_group"].states
        by_age = [self.conditional["age_group", age, name] for age in ages]
        spared = self._spared_by_age(name, links, nodes)
        kept = [(1 - known.value) / spared[a] for a, known in enumerate(by_age)]
        base = max(kept)
        result = []
        for a, known in enumerate(by_age):
            low, mid, high = (max(0.0, 1 - (1 - p) / spared[a] / base) for p in (known.lower, known.value, known.upper))
            least = kept[a] == base
            result.append(
                Figure(0, 0, 0, "", "", "") if least
                else Figure(rounded(mid), rounded(low), rounded(high), known.source, known.status, known.note)
            )  # fmt: skip
        return result

    def _spared_by_age(self, name: str, links: dict[str, list[Figure]], nodes: list[Node]) -> np.ndarray:
        """P(no parent other than age brings the child about | age)."""
        network = Network((*nodes, self._node(name, 0.0, links)))
        codes = np.full((3, len(network)), -1)
        codes[:, network.index["age_group"]] = range(3)
        return Engine(network).propagate(Evidence(codes), targets=[name]).marginals[name][:, 0]

    def _node(self, name: str, leak: float, links: dict[str, list[Figure]]) -> Node:
        matrices = tuple(np.array([[1 - link.value, link.value] for link in figures]) for figures in links.values())
        own = np.array([1 - leak, leak])
        return Node(name, self.variables[name].states, tuple(links), NoisyMax(own, matrices) if links else Table(own))

    def _noisy(self, population: str, name: str, links: dict[str, list[Figure]], nodes: list[Node]) -> Node:
        """The leak that makes the marginal equal the population's prevalence, where there is one."""
        state = self.variables[name].states[1]
        target = self.targets[population].get((name, state))
        leak = self._least_by_age(name) if target is None else self._leak(population, name, target, links, nodes)
        self.priors.append(
            Prior(population, name, state, leak.value, leak.lower, leak.upper, leak.source, leak.status, leak.note)
        )
        return self._node(name, leak.value, links)

    def _leak(
        self, population: str, name: str, target: Figure, links: dict[str, list[Figure]], nodes: list[Node]
    ) -> Figure:
        network = Network((*nodes, self._node(name, 0.0, links)))
        spared = Engine(network).propagate(Evidence(np.full((1, len(network)), -1)), targets=[name])
        brought = 1 - spared.marginals[name][0, 0]
        value = rounded(1 - (1 - target.value) / (1 - brought))
        if value <= 0:
            raise SystemExit(f"{population}, {name}: its parents alone give {brought:.4f}, above {target.value}.")
        low, high = (rounded(min(1.0, end * value / target.value)) for end in (target.lower, target.upper))
        note = f"leak for a prevalence of {target.value:g}" + (f"; {target.note}" if target.note else "")
        return Figure(value, low, high, target.source, target.status, note)

    def _least_by_age(self, name: str) -> Figure:
        """The leak of a context that depends on age alone: its prevalence at the age where it is rarest."""
        rows = [self.conditional["age_group", age, name] for age in self.variables["age_group"].states]
        return min(rows, key=lambda known: known.value)

    def _table(self, population: str, nodes: list[Node]) -> Node:
        """P(arthritis | age, replacement): the rows by age, scaled in odds to the population's prevalence."""
        ages = self.variables["age_group"].states
        by_age = [self.conditional["age_group", age, TABLED] for age in ages]
        replaced = self.conditional["hip_replacement", "yes", TABLED]
        mix = np.array([self.targets[population]["age_group", age].value for age in ages])
        odds = np.array([known.value / (1 - known.value) for known in by_age])
        target = self.targets[population][TABLED, "present"]
        low, high = 1e-3, 1e3
        for _ in range(200):
            scale = np.sqrt(low * high)
            low, high = (scale, high) if mix @ (scale * odds / (1 + scale * odds)) < target.value else (low, scale)
        network = Network(tuple(nodes))
        codes = np.full((3, len(network)), -1)
        codes[:, network.index["age_group"]] = range(3)
        prostheses = Engine(network).propagate(Evidence(codes), targets=["hip_replacement"])
        share = prostheses.marginals["hip_replacement"][:, 1]
        values = np.zeros((3, 2, 2))
        for a, age in enumerate(ages):
            for r, state in enumerate(self.variables["hip_replacement"].states):
                known = (
                    replaced if state == "yes" else self._natural(by_age[a], scale, replaced.value, share[a], target)
                )
                values[a, r] = 1 - known.value, known.value
                parents = (("age_group", (age,)), ("hip_replacement", (state,)))
                self.tables.append(
                    TableEntry(population, TABLED, parents, "present", known.value, known.lower, known.upper,
                               known.source, known.status, known.note)
                )  # fmt: skip
        return Node(TABLED, self.variables[TABLED].states, ("age_group", "hip_replacement"), Table(values))

    @staticmethod
    def _natural(known: Figure, scale: float, replaced: float, share: float, target: Figure) -> Figure:
        """The row of a natural joint, so that the average over replaced and natural joints is the row by age."""
        scaled = [scale * p / (1 - p + scale * p) for p in (known.lower, known.value, known.upper)]
        low, mid, high = (rounded((p - share * replaced) / (1 - share)) for p in scaled)
        note = f"prevalence {target.value:g} in this population; {known.note}"
        return Figure(mid, max(0.0, low), high, known.source, known.status, note)


def finding_links(variables: tuple[Variable, ...]) -> list[Link]:
    """Leaks and links of the findings from P(finding | this cause alone) and P(finding | no cause)."""
    leaks: dict[str, dict[str, Figure]] = defaultdict(dict)
    alone: dict[tuple[str, str], dict[str, Figure]] = defaultdict(dict)
    for row in read("accuracy.csv"):
        if row["measure"] == "false_positive_rate" and row["condition"] == LEAK_CONDITION:
            leaks[row["finding"]][row["state"]] = figure(row, "value")
        elif row["measure"] == "sensitivity" and row["condition"] in MATRIX_CONDITIONS and row["source_id"] == "EXPERT":
            alone[row["cause"], row["finding"]][row["state"]] = figure(row, "value")
    by_name = {variable.variable: variable for variable in variables}
    links = []
    for finding, rows in leaks.items():
        links += [
            Link("", "", finding, state, leak.value, leak.lower, leak.upper, leak.source, leak.status, leak.note)
            for state, leak in rows.items()
        ]
    for (cause, finding), rows in alone.items():
        states = by_name[finding].states
        leak = distribution(states, {state: known.value for state, known in leaks[finding].items()})
        given = {state: known.value for state, known in {**leaks[finding], **rows}.items()}
        effect = link_from_henrion(distribution(states, given), leak)
        for state, known in rows.items():
            place = states.index(state)
            if effect[place] <= 1e-9:
                continue
            ends = [
                link_from_henrion(distribution(states, {**given, state: end}), leak)[place]
                for end in (known.lower, known.upper)
            ]
            low, mid, high = rounded(min(ends)), rounded(float(effect[place])), rounded(max(ends))
            note = f"from P = {known.value:g} with this cause alone" + (f"; {known.note}" if known.note else "")
            links.append(
                Link(cause, "present", finding, state, mid, min(low, mid), max(high, mid), known.source, known.status,
                     note)
            )  # fmt: skip
    return links


def distribution(states: tuple[str, ...], given: dict[str, float]) -> np.ndarray:
    """Probabilities in the order of the states; the reference state takes the rest."""
    values = np.array([given.get(state, 0.0) for state in states])
    if values[1:].sum() > 1:
        values[1:] /= values[1:].sum()
    values[0] = 1 - values[1:].sum()
    return values


def whole(text: str) -> int | None:
    """A whole number, None where the cell is empty."""
    return int(text) if text else None


def derive() -> Model:
    """The whole model."""
    variables = tuple(Variable(**{**row, "states": tuple(row["states"].split("|"))}) for row in read("variables.csv"))
    causes = Causes(variables)
    provenance = ("source_id", "status")
    return Model(
        info=INFO,
        variables=variables,
        priors=tuple(causes.priors),
        links=(*causes.links, *finding_links(variables)),
        tables=tuple(causes.tables),
        accuracy=tuple(
            Accuracy(row["finding"], row["state"], row["cause"], row["measure"], row["condition"], float(row["value"]),
                     float(row["lower"]), float(row["upper"]), whole(row["n"]), row["source_id"], row["status"],
                     row["note"])
            for row in read("accuracy.csv") if row["source_id"] != "EXPERT"
        ),
        tests=tuple(
            Test(row["test"], row["label"], tuple(row["variables"].split(";")), float(row["cost_eur"]),
                 float(row["delay_hours"]), float(row["burden"]), float(row["risk"]), row["source_id"], row["status"],
                 row["note"])
            for row in read("tests.csv")
        ),
        red_flags=tuple(
            RedFlag(row["flag"], parse_conditions(row["findings"]), row["cause"], row["urgency"], row["action"],
                    *(row[key] for key in provenance))
            for row in read("red_flags.csv")
        ),
        management=tuple(
            ManagementStep(row["cause"], int(row["step"]), row["urgency"], row["action"], row["when"],
                           *(row[key] for key in provenance), float(row["threshold"]), row["threshold_source_id"],
                           row["threshold_status"])
            for row in read("management.csv")
        ),
        sources=tuple(
            Source(row["source_id"], row["citation"], whole(row["year"]), row["doi_or_pmid"], row["address"],
                   row["design"], whole(row["n"]), row["status"])
            for row in read("sources.csv")
        ),
        changes=CHANGES,
    )  # fmt: skip


INFO = ModelInfo(
    name="hip_flexion_weakness",
    version="1.0.0",
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
        "New weakness or inability of active hip flexion. Every prior and likelihood holds given this complaint, so "
        "the complaint itself is not a finding; hip_flexion_strength is the manual muscle test among such patients."
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
            "Adults worked up in hospital for weakness of hip flexion after referral; rare causes are common.",
        ),
    ),
    default_population="primary_care",
    format=1,
)

CHANGES = """# 1.0.0

First version. Every number is derived from the tables in `derivation/1.0.0/evidence/` by `derive.py` beside them.
"""


def main() -> None:
    """Write the model into a folder, or compare it with the released one."""
    model = derive()
    if len(sys.argv) > 1:
        print(dx.save_model(dx.release_model(model, RELEASE_DAY), sys.argv[1]))
        return
    comparison = dx.compare_models(dx.load_model(RELEASED), model)
    print(comparison)
    sys.exit(0 if comparison.table.empty else 1)


if __name__ == "__main__":
    main()
