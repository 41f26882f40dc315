"""``python -m benchmarks alarms``: false alarms, and patients with a must-not-miss cause who are noticed.

Patients are drawn from the network of version 2.2.1 of the flagship, with the main cause recorded. Of each, 15 findings
chosen at random are told. That version with the rule of care of commit 9ccf6ee stands before; the newest version, with
its own network and the present rule, after. An alarm is a red flag of urgency emergency, or an emergency step of care.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import bayesdx as dx
from bayesdx.diagnosis.events import event_of
from bayesdx.diagnosis.simulate import simulate
from bayesdx.diagnosis.steps import Candidate, candidates, recommendations
from bayesdx.diagnosis.weighing import ROUNDING, Weighed, speak_for, weigh
from bayesdx.network import compile_network
from benchmarks.report import RESULTS
from benchmarks.versions import KINDS

BEFORE = "hip_flexion_weakness@2.2.1"
AFTER = "hip_flexion_weakness"
"""The newest version; the states of its main cause need not be those of 2.2.1 (``versions.KINDS``)."""

MUST_NOT_MISS = {
    "psoas_abscess": "severe_infection",
    "spinal_infection": "severe_infection",
    "spontaneous_haematoma": "retroperitoneal_haematoma",
    "traumatic_haematoma": "retroperitoneal_haematoma",
    "cauda_equina_syndrome": "cauda_equina_syndrome",
    "infected_prosthesis": "other_cause",
    "joint_inflammation": "other_cause",
    "hip_fracture": "other_cause",
    "brain": "other_cause",
    "cord": "other_cause",
    "polyradiculoneuropathy": "other_cause",
}
"""States of main_cause in which hours or a day count, with the cause of 2.2.1 that they belong to.

Sepsis, bleeding, lost sacral roots, stroke, cord compression, ascending paralysis with respiratory failure, a fracture
that displaces, a joint or prosthesis that pus destroys. joint_inflammation holds crystals and flares too (about two
thirds of it), which nobody can tell from pus at the bedside. Not on the list, since days may pass: bone_tumour,
stress_fracture, avulsion, osteonecrosis, muscle and motor neuron disease.
"""

NODES = ("severe_infection", "retroperitoneal_haematoma", "cauda_equina_syndrome")
"""Causes of 2.2.1 whose first step of care is an emergency; a patient may have one beside another main cause."""

TOLD = 15
"""Findings that are told of each patient."""

ASKED = {
    "history and examination": ("context", "history", "examination"),
    "with tests": ("context", "history", "examination", "test"),
}

Judge = Callable[[Weighed], bool]

SUPPORTS: dict[str, Judge] = {
    "anything": lambda weighed: True,
    "together, ratio above 1": lambda weighed: weighed.together > ROUNDING,
    "together, ratio of 1.5": lambda weighed: weighed.together >= math.log(1.5),
    "together, ratio of 2": lambda weighed: bool(speak_for(weighed)),
    "together, ratio of 3": lambda weighed: weighed.together >= math.log(3),
    "one given the others, above 1": lambda weighed: _best(weighed) > ROUNDING,
    "one given the others, ratio of 2": lambda weighed: _best(weighed) >= math.log(2),
    "together above 1, and one ratio of 2": (
        lambda weighed: weighed.together > ROUNDING and _best(weighed) >= math.log(2)
    ),
}
"""When findings support an emergency, in several definitions; "together, ratio of 2" is that of bayesdx."""

RULE = "together, ratio of 2"


def _best(weighed: Weighed) -> float:
    return max(weighed.given_others.values(), default=0.0)


@dataclass(frozen=True)
class Patient:
    """A patient with what each side says.

    Parameters
    ----------
    main : str
        State of main_cause.
    beside : tuple of str
        Those of ``NODES`` that are present.
    sampled : bool
        Whether it is one of the sample, or drawn beside it because its main cause is must-not-miss.
    flags_before, flags_after : tuple of (flag, cause)
        Certain red flags of urgency emergency.
    steps_before : tuple of (cause, flagged, Weighed)
        Emergency steps by the old rule.
    steps_after : tuple of Candidate
        Emergency steps that may be taken, before findings have to speak for them.
    """

    main: str
    beside: tuple[str, ...]
    sampled: bool
    flags_before: tuple[tuple[str, str], ...]
    flags_after: tuple[tuple[str, str], ...]
    steps_before: tuple[tuple[str, bool, Weighed], ...]
    steps_after: tuple[Candidate, ...]

    @property
    def dangerous(self) -> bool:
        """Whether a must-not-miss cause is present, as the main cause or beside it."""
        return self.main in MUST_NOT_MISS or bool(self.beside)

    @property
    def own(self) -> set[str]:
        """What is about the patient's main cause, before and after."""
        return {f"main_cause={self.main}", MUST_NOT_MISS.get(self.main, ""), KINDS.get(self.main, self.main)}

    def before(self, judge: Judge | None = None) -> tuple[list[str], list[str]]:
        """Causes of flags and of steps; with a judge only steps that it or a flag supports."""
        steps = [cause for cause, flagged, found in self.steps_before if judge is None or flagged or judge(found)]
        return [cause for _, cause in self.flags_before], steps

    def after(self, rule: Judge, judge: Judge | None = None, without: str = "") -> tuple[list[str], list[str]]:
        """The same by the present rule, with ``rule`` for what speaks for a cause; ``without`` one action."""
        shown = recommendations(
            [one for one in self.steps_after if one.row.action != without],
            lambda weighed: tuple(weighed.given_others) if rule(weighed) else (),
        )
        supported = {one.event.name for one in self.steps_after if judge is None or one.flagged or judge(one.weighed)}
        return [cause for _, cause in self.flags_after], [step.cause for step in shown if step.cause in supported]


def old_steps(case: dx.Diagnosis) -> tuple[tuple[str, bool, Weighed], ...]:
    """Emergency steps by the rule of commit 9ccf6ee: from the threshold on, or where a flag of the cause fired."""
    flagged = {flag.cause for flag in case.red_flags if flag.certain and flag.urgency != "routine"}
    posterior = case.posterior
    steps = [
        step.cause
        for step in case.model.management
        if step.urgency == "emergency" and (posterior[step.cause] >= step.threshold or step.cause in flagged)
    ]
    weighed = weigh(case.model, case.evidence, [event_of(case.model, cause) for cause in steps])
    return tuple((cause, cause in flagged, weighed[cause]) for cause in steps)


def patients(
    before: dx.Model, after: dx.Model, kinds: Sequence[str], sample: int, more: int, seed: int
) -> list[Patient]:
    """A sample, and more patients whose main cause is must-not-miss; both sides hear the same findings."""
    network = compile_network(before)
    index = network.index
    states = np.array(network.nodes[index["main_cause"]].states, dtype=object)
    drawn = simulate(network, sample, seed)
    extra = simulate(network, 60 * more, seed + 1)
    chosen = np.isin(states[extra[:, index["main_cause"]]], list(MUST_NOT_MISS))
    codes = np.concatenate([drawn, extra[chosen][:more]])
    told = [variable.variable for variable in before.variables if variable.kind in kinds]
    rng = np.random.default_rng(seed)
    found = []
    for row, code in enumerate(codes):
        names = [told[place] for place in rng.choice(len(told), TOLD, replace=False)]
        findings = {name: network.nodes[index[name]].states[code[index[name]]] for name in names}
        one, other = dx.diagnose(before, findings), dx.diagnose(after, findings)
        may = candidates(after, other.evidence, other.action_marginals, other.red_flags)
        found.append(
            Patient(
                str(states[code[index["main_cause"]]]),
                tuple(name for name in NODES if code[index[name]] > 0),
                row < sample,
                _emergencies(one),
                _emergencies(other),
                old_steps(one),
                tuple(step for step in may if step.row.urgency == "emergency"),
            )
        )
    return found


def _emergencies(case: dx.Diagnosis) -> tuple[tuple[str, str], ...]:
    return tuple(
        (flag.flag, flag.cause)
        for flag in case.red_flags
        if flag.certain and not flag.answered and flag.urgency == "emergency"
    )


def _share(hits: Sequence[bool]) -> float:
    return round(100 * sum(hits) / len(hits), 1) if hits else math.nan


def _any(found: tuple[list[str], list[str]]) -> bool:
    return bool(found[0] or found[1])


def _own(patient: Patient, found: tuple[list[str], list[str]]) -> bool:
    return bool(patient.own & {*found[0], *found[1]})


def measured(everyone: Sequence[Patient], new_actions: Sequence[str]) -> dict[str, Any]:
    """All figures of one population and one way of asking, in percent."""
    rule = SUPPORTS[RULE]
    safe = [one for one in everyone if one.sampled and not one.dangerous]
    without_node = [one for one in everyone if one.sampled and not one.beside]
    missable = [one for one in everyone if one.main in MUST_NOT_MISS]
    sampled = [one for one in missable if one.sampled]
    found: dict[str, Any] = {
        "patients without a must-not-miss cause": len(safe),
        "patients with one in the sample": len(sampled),
        "patients with one": len(missable),
        "false alarms before": _share([_any(one.before()) for one in safe]),
        "false alarms after": _share([_any(one.after(rule)) for one in safe]),
        "by flags alone before": _share([bool(one.flags_before) for one in safe]),
        "by flags alone after": _share([bool(one.flags_after) for one in safe]),
        "noticed by flags alone before": _share([bool(one.flags_before) for one in missable]),
        "noticed by flags alone after": _share([bool(one.flags_after) for one in missable]),
        "false alarms by nodes before": _share([_any(one.before()) for one in without_node]),
        "false alarms by nodes after": _share([_any(one.after(rule)) for one in without_node]),
    }
    with_node = [one for one in everyone if one.beside]
    found["patients with a node"] = len(with_node)
    for side in ("before", "after"):
        seen = [one.before(rule) if side == "before" else one.after(rule, rule) for one in with_node]
        hits = [bool({*one.beside} & {*flags, *steps}) for one, (flags, steps) in zip(with_node, seen, strict=True)]
        found[f"noticed by nodes {side}"] = _share(hits)
    found["definitions"] = {
        name: {
            "noticed before": _share([_any(one.before(judge)) for one in missable]),
            "noticed after": _share([_any(one.after(rule, judge)) for one in missable]),
            "own before": _share([_own(one, one.before(judge)) for one in missable]),
            "own after": _share([_own(one, one.after(rule, judge)) for one in missable]),
            "noticed before in the sample": sum(_any(one.before(judge)) for one in sampled),
            "noticed after in the sample": sum(_any(one.after(rule, judge)) for one in sampled),
            "as the rule: false alarms": _share([_any(one.after(judge)) for one in safe]),
            "as the rule: noticed": _share([_any(one.after(judge)) for one in missable]),
        }
        for name, judge in SUPPORTS.items()
    }
    found["states"] = {
        state: {
            "patients": len(those),
            "noticed before": _share([_any(one.before(rule)) for one in those]),
            "noticed after": _share([_any(one.after(rule, rule)) for one in those]),
            "own before": _share([_own(one, one.before(rule)) for one in those]),
            "own after": _share([_own(one, one.after(rule, rule)) for one in those]),
        }
        for state in MUST_NOT_MISS
        if (those := [one for one in missable if one.main == state])
    }
    found["new steps"] = {
        action: {
            "catches": sum(_any(one.after(rule)) and not _any(one.after(rule, without=action)) for one in missable),
            "catches as own": sum(
                _own(one, one.after(rule)) and not _own(one, one.after(rule, without=action)) for one in missable
            ),
            "costs": sum(_any(one.after(rule)) and not _any(one.after(rule, without=action)) for one in safe),
        }
        for action in new_actions
    }
    return found


def as_markdown(results: Mapping[str, Mapping[str, Any]], options: Mapping[str, Any]) -> str:
    """The tables."""
    lines = [
        "# False alarms and must-not-miss patients noticed",
        "",
        f"`python -m benchmarks alarms`: {options['sample']:,} patients a population drawn from "
        f"{options['before']} (seed {options['seed']}), and {options['more']:,} more whose main cause must not be "
        f"missed, so that its rare kinds are seen; {TOLD} findings of each, chosen at random, are told. Before: "
        f"{options['before']} with the rule of commit 9ccf6ee. After: {options['after']} with the present rule. "
        "An alarm is a red flag of urgency emergency that surely fires, or an emergency step of care.",
        "",
        f"Must not be missed, as `main_cause`: {', '.join(MUST_NOT_MISS)}; joint_inflammation holds flares and "
        "crystals too, which cannot be told from pus at the bedside. Tumour, stress fracture, avulsion, necrosis, "
        "muscle and motor neuron disease are not on the list: days may pass. A patient who has "
        f"{', '.join(NODES)} beside another main cause is no false alarm either.",
        "",
        f"These patients are as {options['before']} says that patients are: it judges patients of its own making, the "
        "version after those of another network. The figures are no estimate of what happens in a clinic; "
        "published patients are counted in [versions](versions.md).",
        "",
        "## False alarms and patients noticed, percent",
        "",
        "Noticed: by any alarm, where a step counts only if the findings support it (a likelihood ratio of 2 for its "
        "cause, or a red flag). Own: by an alarm about the patient's own cause; before, one about other_cause counts "
        "for each of its kinds, as its three steps stood together whichever kind it was. Urgent steps are no alarm.",
        "",
        "| population | asked | false before | false after | after / before | noticed before | noticed after "
        "| own before | own after |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for population, by_kind in results.items():
        for asked, found in by_kind.items():
            own = found["definitions"][RULE]
            ratio = found["false alarms after"] / found["false alarms before"]
            lines.append(
                f"| {population} | {asked} | {found['false alarms before']} | {found['false alarms after']} "
                f"| {ratio:.2f} | {own['noticed before']} | {own['noticed after']} "
                f"| {own['own before']} | {own['own after']} |"
            )
    lines += [
        "",
        "| population | asked | false by flags alone, before | after | noticed by flags alone, before | after | "
        "must-not-miss in the sample | noticed before | after |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for population, by_kind in results.items():
        for asked, found in by_kind.items():
            own = found["definitions"][RULE]
            lines.append(
                f"| {population} | {asked} | {found['by flags alone before']} | {found['by flags alone after']} "
                f"| {found['noticed by flags alone before']} | {found['noticed by flags alone after']} "
                f"| {found['patients with one in the sample']} | {own['noticed before in the sample']} "
                f"| {own['noticed after in the sample']} |"
            )
    lines += [
        "",
        f"Where only {', '.join(NODES)} count (the causes whose first step is an emergency in 2.2.1), so that an alarm "
        "about a fracture, a stroke or a septic hip is false also in a patient who has it:",
        "",
        "| population | asked | false before | false after | noticed as such before | after |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for population, by_kind in results.items():
        for asked, found in by_kind.items():
            lines.append(
                f"| {population} | {asked} | {found['false alarms by nodes before']} "
                f"| {found['false alarms by nodes after']} | {found['noticed by nodes before']} "
                f"| {found['noticed by nodes after']} |"
            )
    lines += [
        "",
        "## Other definitions of support",
        "",
        "The ratio is a likelihood ratio of the cause: of all findings together, or of one given the others. Noticed: "
        f"as above, with this definition as the judge of both sides, the rule after being that of bayesdx ({RULE}). As "
        "the rule: what bayesdx would do if emergency steps were shown by this definition. Where anything, or any "
        "ratio above 1, supports a step, the rule before notices nearly everybody, sick or well, and in primary care "
        "more than the rule after can: other_cause stood above its threshold there before any finding.",
        "",
        "| population | asked | definition | noticed before | after | own before | after | as the rule: false "
        "| noticed |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for population, by_kind in results.items():
        for asked, found in by_kind.items():
            for name, own in found["definitions"].items():
                lines.append(
                    f"| {population} | {asked} | {name} | {own['noticed before']} | {own['noticed after']} "
                    f"| {own['own before']} | {own['own after']} | {own['as the rule: false alarms']} "
                    f"| {own['as the rule: noticed']} |"
                )
    lines += [
        "",
        "## By main cause, percent of its patients (history and examination)",
        "",
        "| population | main cause | patients | noticed before | after | own before | after |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    first = next(iter(ASKED))
    for population, by_kind in results.items():
        for state, own in by_kind[first]["states"].items():
            lines.append(
                f"| {population} | {state} | {own['patients']} | {own['noticed before']} | {own['noticed after']} "
                f"| {own['own before']} | {own['own after']} |"
            )
    lines += [
        "",
        "## Emergency steps that are new, and what each catches and costs (history and examination)",
        "",
        "Patients who are noticed only because of the step, noticed as what they have only because of it, and false "
        "alarms only because of it.",
        "",
        "| population | step | catches | catches as own | costs |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for population, by_kind in results.items():
        found = by_kind[first]
        missable, safe = found["patients with one"], found["patients without a must-not-miss cause"]
        for action, own in found["new steps"].items():
            lines.append(
                f"| {population} | {action} | {own['catches']} of {missable} | {own['catches as own']} of {missable} "
                f"| {own['costs']} of {safe} |"
            )
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Draw, count, print, write; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks alarms", description=__doc__)
    parser.add_argument("--patients", type=int, default=1000, help="of the sample of each population (default 1000)")
    parser.add_argument("--more", type=int, default=1000, help="must-not-miss patients beside it (default 1000)")
    parser.add_argument("--seed", type=int, default=20261130)
    parser.add_argument(
        "--after",
        default=AFTER,
        help="model or folder that stands after (default: the newest version)",
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args(arguments)
    before, after = dx.load_model(BEFORE), dx.load_model(options.after)
    known = {step.action for step in before.management}
    new_actions = sorted({step.action for step in after.management if step.urgency == "emergency"} - known)
    results: dict[str, dict[str, Any]] = {}
    for population in (one.name for one in before.info.populations):
        results[population] = {}
        for asked, kinds in ASKED.items():
            everyone = patients(
                before.with_population(population),
                after.with_population(population),
                kinds,
                options.patients,
                options.more,
                options.seed,
            )
            found = results[population][asked] = measured(everyone, new_actions)
            own = found["definitions"][RULE]
            print(
                f"{population}, {asked}: false alarms {found['false alarms before']} -> "
                f"{found['false alarms after']} %, noticed {own['noticed before']} -> {own['noticed after']} %, "
                f"own {own['own before']} -> {own['own after']} %",
                flush=True,
            )
    said = {
        "before": f"{before.name} {before.version}",
        "after": f"{after.name} {after.version}",
        "sample": options.patients,
        "more": options.more,
        "seed": options.seed,
    }
    options.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**said, "results": results}, indent=1)
    (options.output / "alarms.json").write_text(text + "\n", encoding="utf-8")
    (options.output / "alarms.md").write_text(as_markdown(results, said), encoding="utf-8")
    print(f"written: {options.output / 'alarms.json'} and alarms.md")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
