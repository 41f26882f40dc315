"""``python -m benchmarks versions``: versions of the flagship side by side on published cases, each in its setting.

Every version hears the same findings, those left out that it does not know. Three ways of counting: its main cause, as
the causes that the newest version names, exclusive, so that all are told apart by all; the causes that the vocabulary
names, as the version itself reports them, coexisting ones included; and what it alarms about.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled
from bayesdx.evaluation.case_scores import proper_scores
from bayesdx.knowledge.schema import Conditions, parse_conditions
from benchmarks.report import RESULTS

Array = NDArray[np.float64]

ROOT = Path(__file__).resolve().parent.parent / "models" / "hip_flexion_weakness"
CASES = ROOT / "derivation" / "3.1.0" / "new_cases.csv"
VERSIONS = ("2.2.1", "3.0.1", "3.1.0")

KINDS = {
    "unexplained": "other_or_unexplained",
    "other": "other_or_unexplained",
    "other_muscle_or_tendon": "other_or_unexplained",
    "strain_of_muscle": "iliopsoas_strain",
    "tear_of_tendon": "iliopsoas_strain",
    "tendinopathy_by_prosthesis": "iliopsoas_tendinopathy",
    "femoral_neuropathy": "peripheral_neuropathy",
    "plexus_neuropathy": "peripheral_neuropathy",
    "psoas_abscess": "severe_infection",
    "spinal_infection": "severe_infection",
    "spontaneous_haematoma": "retroperitoneal_haematoma",
    "traumatic_haematoma": "retroperitoneal_haematoma",
    "hip_impingement": "hip_osteoarthritis",
    "hip_arthritis": "hip_osteoarthritis",
    "hip_fracture": "fracture",
    "stress_fracture": "fracture",
    "avulsion": "fracture",
    "bone_tumour": "tumour",
    "joint_inflammation": "septic_hip",
    "infected_prosthesis": "septic_hip",
    "cord": "spinal_cord",
    "artery": "hernia_or_abdomen",
    "brain_slow": "brain",
    "cord_acute": "spinal_cord",
    "muscle_acute": "muscle_disease",
}
"""States of main_cause of any version, or of cases, under the name by which all versions are compared.

Versions before 3.1.0 do not name the artery; there it is a part of hernia_or_abdomen.
"""

MUST_NOT_MISS = (
    "severe_infection", "septic_hip", "retroperitoneal_haematoma", "cauda_equina_syndrome", "spinal_cord", "brain",
    "polyradiculoneuropathy", "artery",
)  # fmt: skip
"""Main causes that hours decide: the first step of each is an emergency. A broken hip is told apart."""

ALARMS = {
    "emergency flag": "a certain red flag of urgency emergency fires that nothing has answered",
    "emergency": "such a flag, or an emergency step of care: the level of triage is an emergency",
    "flag or threshold": "such a flag, or the threshold of an emergency step of the patient's own cause is reached",
    "flag, threshold or same-day step": "the same, or the threshold of an urgent step of the patient's own cause",
    "urgent or emergency": "triage is urgent or an emergency: somebody looks the same day",
}

RESAMPLES, SEED = 4000, 20261201


@dataclass(frozen=True)
class Patient:
    """A published case.

    Parameters
    ----------
    case, title, population : str
    findings : conditions
    told : str
        The one cause that the report holds responsible.
    causes : tuple of str
        Causes of the vocabulary of 2.2.1 that the report names.
    """

    case: str
    title: str
    population: str
    findings: Conditions
    told: str
    causes: tuple[str, ...]

    @property
    def main(self) -> str:
        """The cause under the name by which all versions are compared."""
        return KINDS.get(self.told, self.told)

    @property
    def must_not_miss(self) -> bool:
        """Whether hours decide."""
        return not {self.told, self.main}.isdisjoint(MUST_NOT_MISS)


@dataclass(frozen=True)
class Answer:
    """What a version makes of a patient.

    Parameters
    ----------
    main : dict of cause to float
        P(main cause), its kinds added up.
    named : dict of cause to float
        P(cause) of each cause of the vocabulary, as the version reports it.
    alarms : dict of bool
        See ``ALARMS``.
    dropped : int
        Findings that the version does not know.
    against : tuple of str
        For a miss: the findings that favour the first cause over the true one, the strongest first.
    """

    main: dict[str, float]
    named: dict[str, float]
    alarms: dict[str, bool]
    dropped: int
    against: tuple[str, ...]

    def rank(self, cause: str) -> int:
        """1 + the number of main causes that are more probable."""
        return 1 + sum(p > self.main[cause] for name, p in self.main.items() if name != cause)


def read_cases(path: Path, vocabulary: Sequence[str]) -> list[Patient]:
    """The rows of a file of cases, which has a column main_state, causes, or both.

    Without main_state the first cause is the main one; without causes the main one is the only cause.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for row in rows:
        named = (
            tuple(row["causes"].split(";")) if "causes" in row else (KINDS.get(row["main_state"], row["main_state"]),)
        )
        main = row.get("main_state") or named[0]
        causes = tuple(dict.fromkeys(name if name in vocabulary else "other_cause" for name in named))
        found.append(
            Patient(row["case"], row["title"], row["population"], parse_conditions(row["findings"]), main, causes)
        )
    return found


def answer(model: dx.Model, patient: Patient, names: Sequence[str], vocabulary: Sequence[str], tests: bool) -> Answer:
    """What a version, in the setting of the patient, makes of the findings that it knows."""
    here = model.with_population(patient.population)
    told: dict[str, Any] = {}
    asked = 0
    for name, states in patient.findings:
        variable = here.by_name.get(name)
        if variable and variable.kind == "test" and not tests:
            continue
        asked += 1
        if variable and set(states) <= set(variable.states):
            told[name] = list(states) if len(states) > 1 else states[0]
    case = dx.diagnose(here, told)
    main = main_causes(here, told, names)
    first = max(main, key=main.__getitem__)
    against: tuple[str, ...] = ()
    if first != patient.main:
        against = speaking(here, told, names, first, patient.main)
    own = {patient.told, patient.main, *patient.causes}
    flagged = any(f.certain and not f.answered and f.urgency == "emergency" for f in case.red_flags)
    reached = {
        step.urgency
        for step in here.steps
        if KINDS.get(step.cause.partition("=")[2], step.cause.partition("=")[2] or step.cause) in own
        and case.probability(step.cause) >= step.threshold
    }
    alarms = {
        "emergency flag": flagged,
        "emergency": case.triage.level == "emergency",
        "flag or threshold": flagged or "emergency" in reached,
        "flag, threshold or same-day step": flagged or not reached.isdisjoint(("emergency", "urgent")),
        "urgent or emergency": case.triage.level in ("urgent", "emergency"),
    }
    posterior = case.posterior
    return Answer(main, {name: float(posterior[name]) for name in vocabulary}, alarms, asked - len(told), against)


def main_causes(model: dx.Model, told: dict[str, Any], names: Sequence[str]) -> dict[str, float]:
    """P(main cause) of the causes that the newest version names."""
    evidence = dx.diagnose(model, told).evidence.evidence
    marginal = compiled(model).engine.propagate(evidence, targets=("main_cause",)).marginals["main_cause"][0]
    found = dict.fromkeys(names, 0.0)
    for state, probability in zip(model.by_name["main_cause"].states, marginal, strict=True):
        found[KINDS.get(state, state)] += float(probability)
    return found


def speaking(model: dx.Model, told: dict[str, Any], names: Sequence[str], first: str, true: str) -> tuple[str, ...]:
    """The findings, at most three, without each of which the true cause would stand better against the first."""
    now = main_causes(model, told, names)
    weights = {}
    for name in told:
        without = main_causes(model, {other: value for other, value in told.items() if other != name}, names)
        weights[name] = np.log(now[first] / now[true]) - np.log(without[first] / without[true])
    strongest = sorted((name for name in weights if weights[name] > np.log(1.25)), key=lambda name: -weights[name])
    return tuple(f"{model.by_name[name].text(_state(told[name]))}" for name in strongest[:3])


def _state(value: Any) -> str:
    return value if isinstance(value, str) else value[0]


def scores(patients: Sequence[Patient], answers: Sequence[Answer]) -> dict[str, Array]:
    """What each patient adds to each measure."""
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    for patient, one in zip(patients, answers, strict=True):
        rank = one.rank(patient.main)
        main = proper_scores(np.array([name == patient.main for name in one.main]), np.array(list(one.main.values())))
        own = proper_scores(
            np.array([name in patient.causes for name in one.named]), np.array(list(one.named.values()))
        )
        lead = max(one.named[name] for name in patient.causes[:1])
        values = (rank <= 1, rank <= 3, main[1], main[0], sum(p > lead for p in one.named.values()) < 1,
                  sum(p > lead for p in one.named.values()) < 3, own[1], own[0])  # fmt: skip
        for name, value in zip(MEASURES, values, strict=True):
            found[name].append(float(value))
    return {name: np.array(values) for name, values in found.items()}


MEASURES = (
    "first", "first three", "Brier sum", "log loss",
    "first, vocabulary", "first three, vocabulary", "Brier sum, vocabulary", "log loss, vocabulary",
)  # fmt: skip
"""Of the main cause among those that the newest version names, and of the causes of the vocabulary as reported."""


def interval(values: Array, draws: NDArray[np.int64]) -> list[float]:
    """Mean and ends of the 95 % percentile interval of a bootstrap over patients."""
    means = values[draws].mean(axis=1)
    return [float(values.mean()), *(float(end) for end in np.quantile(means, (0.025, 0.975)))]


def compared(patients: Sequence[Patient], answers: dict[str, list[Answer]]) -> dict[str, Any]:
    """Every measure of every version, the paired differences of the last version, and alarms; all and by setting."""
    newest, older = list(answers)[-1], list(answers)[:-1]
    parts = {version: scores(patients, found) for version, found in answers.items()}
    result: dict[str, Any] = {}
    for setting in ("all", *dict.fromkeys(patient.population for patient in patients)):
        chosen = np.array([place for place, one in enumerate(patients) if setting in ("all", one.population)])
        draws = np.random.default_rng(SEED).integers(0, len(chosen), (RESAMPLES, len(chosen)))
        result[setting] = {
            "patients": len(chosen),
            "scores": {v: {m: interval(parts[v][m][chosen], draws) for m in MEASURES} for v in answers},
            "differences": {
                v: {m: interval((parts[newest][m] - parts[v][m])[chosen], draws) for m in MEASURES} for v in older
            },
            "alarms": _alarms(
                [patients[i] for i in chosen], {v: [those[i] for i in chosen] for v, those in answers.items()}
            ),
        }
    return result


def _alarms(patients: Sequence[Patient], answers: dict[str, list[Answer]]) -> dict[str, Any]:
    """How many patients of each group each alarm reaches in each version, and paired differences of the shares."""
    groups: dict[str, Callable[[Patient], bool]] = {
        "must not miss": lambda one: one.must_not_miss,
        "others": lambda one: not one.must_not_miss,
        "of these broken hips": lambda one: one.main == "fracture",
    }
    newest, older = list(answers)[-1], list(answers)[:-1]
    found: dict[str, Any] = {}
    for group, belongs in groups.items():
        chosen = [place for place, patient in enumerate(patients) if belongs(patient)]
        if not chosen:
            continue
        draws = np.random.default_rng(SEED).integers(0, len(chosen), (RESAMPLES, len(chosen)))
        found[group] = {"patients": len(chosen)}
        for name in ALARMS:
            raised = {v: np.array([float(those[i].alarms[name]) for i in chosen]) for v, those in answers.items()}
            found[group][name] = {
                "raised": {version: int(each.sum()) for version, each in raised.items()},
                "differences": {version: interval(raised[newest] - raised[version], draws) for version in older},
            }
    return found


def as_markdown(told: dict[str, Any]) -> str:
    """The tables."""
    versions = told["versions"]
    lines = [
        "# Versions of hip_flexion_weakness on published cases", "",
        f"`python -m benchmarks versions`: {told['patients']} cases of `{told['cases']}`, each in its own setting; "
        f"95 % bootstrap intervals over cases ({RESAMPLES:,} resamples), differences paired, shares in percent. Before "
        "tests: history and examination only. Main cause: exclusive, the kinds of older versions added up to the "
        f"{told['names']} causes that {versions[-1]} names; Brier sum and log loss add up over all of them. "
        f"Vocabulary: the {told['vocabulary']} causes of 2.2.1 as each version reports them, other_cause being one of "
        "them and all that the report names being true. joint_inflammation of 2.2.1 and 2.3.0, two thirds of which are "
        "crystals and flares, counts as a septic hip.", "",
        *(f"{version} does not know {count} of the findings; they are left out for it." for version, count in
          told["dropped"].items()), "",
    ]  # fmt: skip
    for asked, result in told["results"].items():
        lines += [f"## {asked.capitalize()}", ""]
        for setting, found in result.items():
            lines += [f"### {setting.replace('_', ' ').capitalize()}, {found['patients']} cases", ""]
            less = " | ".join(f"{versions[-1]} less {v}" for v in versions[:-1])
            lines += [f"| measure | {' | '.join(versions)} | {less} |"]
            lines += ["| --- |" + " ---: |" * (2 * len(versions) - 1)]
            for measure in MEASURES:
                cells = [_cell(found["scores"][v][measure], measure) for v in versions]
                cells += [_cell(found["differences"][v][measure], measure, sign=True) for v in versions[:-1]]
                lines.append(f"| {measure} | {' | '.join(cells)} |")
            lines += ["", f"| alarm | patients | {' | '.join(versions)} | {less} |"]
            lines += ["| --- | --- |" + " ---: |" * (2 * len(versions) - 1)]
            for group, by_alarm in found["alarms"].items():
                for name in ALARMS:
                    cells = [f"{by_alarm[name]['raised'][v]} of {by_alarm['patients']}" for v in versions]
                    cells += [_cell(by_alarm[name]["differences"][v], "first", sign=True) for v in versions[:-1]]
                    lines.append(f"| {name} | {group} | {' | '.join(cells)} |")
            lines.append("")
    lines += ["An alarm:", "", *(f"- {name}: {text}." for name, text in ALARMS.items()), ""]
    lines += ["## Expected and reported numbers of each cause", ""]
    heads = [f"{v}, {asked}" for asked in told["results"] for v in versions]
    lines += [f"| main cause | reported | {' | '.join(heads)} |", "| --- |" + " ---: |" * (1 + len(heads))]
    for cause, row in told["expected"].items():
        lines.append(f"| {cause} | {row['reported']} | {' | '.join(f'{value:.1f}' for value in row['expected'])} |")
    for asked, rows in told["misses"].items():
        lines += ["", f"## Not first in {versions[-1]}, {asked}", ""]
        older = " and ".join(versions[:-1])
        lines.append(
            "| case | setting | cause | rank | probability | first | its probability | findings that did it "
            f"| rank in {older} |"
        )
        lines.append("| --- | --- | --- | ---: | ---: | --- | ---: | --- | --- |")
        lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    for asked, rows in told["unnoticed"].items():
        lines += ["", f"## Must not be missed and no alarm in {versions[-1]}, {asked}", ""]
        lines += [
            "| case | setting | cause | probability | triage is at least urgent |",
            "| --- | --- | --- | ---: | --- |",
        ]
        lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    for asked, rows in told["false alarms"].items():
        lines += ["", f"## False alarms of {versions[-1]}, {asked}", "", "| case | setting | cause | by a flag |"]
        lines += ["| --- | --- | --- | --- |", *(f"| {' | '.join(map(str, row))} |" for row in rows)]
    return "\n".join(lines) + "\n"


def _cell(values: Sequence[float], measure: str, *, sign: bool = False) -> str:
    """A figure with its interval; shares, whose names begin with "first", in percent."""
    percent = measure.startswith("first")
    style = ("+" if sign else "") + (".1f" if percent else ".3f")
    value, lower, upper = ((100 if percent else 1) * number for number in values)
    return f"{value:{style}} ({lower:{style}} to {upper:{style}})"


def main(arguments: list[str] | None = None) -> int:
    """Diagnose, compare, print, write; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks versions", description=__doc__)
    parser.add_argument("--cases", type=Path, default=CASES, help="file of cases (default: the new ones of 3.1.0)")
    parser.add_argument("--versions", nargs="+", default=VERSIONS, help="versions or folders, the one to judge last")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args(arguments)
    models = {}
    for name in options.versions:
        model = dx.load_model(name if "/" in name else ROOT / name)
        models[model.version] = model
    newest = list(models.values())[-1]
    vocabulary = next(iter(models.values())).causes
    names = tuple(name for name in newest.causes if name not in ("other_cause", *KINDS))
    patients = read_cases(options.cases, vocabulary)
    results, expected, misses, unnoticed, false = {}, {}, {}, {}, {}
    dropped: dict[str, int] = {}
    for asked, tests in (("all findings", True), ("before tests", False)):
        answers = {
            version: [answer(model, patient, names, vocabulary, tests) for patient in patients]
            for version, model in models.items()
        }
        results[asked] = compared(patients, answers)
        last = answers[newest.version]
        for version in models:
            dropped.setdefault(version, sum(one.dropped for one in answers[version]))
            expected[version, asked] = {name: sum(one.main[name] for one in answers[version]) for name in names}
        misses[asked] = [
            [p.case, p.population, p.main, one.rank(p.main), f"{one.main[p.main]:.3f}",
             (first := max(one.main, key=one.main.__getitem__)), f"{one.main[first]:.3f}",
             "; ".join(one.against) or "what is common",
             ", ".join(str(answers[v][place].rank(p.main)) for v in list(models)[:-1])]
            for place, (p, one) in enumerate(zip(patients, last, strict=True)) if one.rank(p.main) > 1
        ]  # fmt: skip
        unnoticed[asked] = [
            [
                p.case,
                p.population,
                p.main,
                f"{one.main[p.main]:.3f}",
                "yes" if one.alarms["urgent or emergency"] else "no",
            ]
            for p, one in zip(patients, last, strict=True)
            if p.must_not_miss and not one.alarms["flag or threshold"] and not one.alarms["emergency"]
        ]
        false[asked] = [
            [p.case, p.population, p.main, "yes" if one.alarms["emergency flag"] else "no"]
            for p, one in zip(patients, last, strict=True)
            if not p.must_not_miss and one.alarms["emergency"]
        ]
    told = {
        "cases": options.cases.resolve().relative_to(ROOT.parents[1]).as_posix(),
        "hashes": {version: model.hash for version, model in models.items()},
        "patients": len(patients), "versions": list(models), "names": len(names), "vocabulary": len(vocabulary),
        "dropped": dropped, "results": results,
        "expected": {
            name: {
                "reported": sum(one.main == name for one in patients),
                "expected": [expected[version, asked][name] for asked in results for version in models],
            }
            for name in names
        },
        "misses": misses, "unnoticed": unnoticed, "false alarms": false,
    }  # fmt: skip
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "versions.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    (options.output / "versions.md").write_text(as_markdown(told), encoding="utf-8")
    for asked, result in results.items():
        for version in models:
            said = result["all"]["scores"][version]
            print(asked, version, ", ".join(f"{m} {_cell(said[m], m)}" for m in MEASURES[:4]))
    print(f"written: {options.output / 'versions.json'} and versions.md")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
