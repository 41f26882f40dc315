"""Counts alarms for each factor of thresholds.csv, and says which factor the rule of DERIVATION.md takes.

    python models/hip_flexion_weakness/derivation/3.0.0/thresholds.py

An alarm is an open red flag of urgency emergency or an emergency step of care. Others are patients with none of the
seven causes whose first step is an emergency. They are counted before tests: the seen cases of a setting with history
and examination only, and patients drawn from the model, of whom 13 such findings, chosen at random, are told.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

sys.path.insert(0, __file__.rsplit("/", 1)[0])

from build import VERSION, one_cause, rules  # isort: skip

import bayesdx as dx
from bayesdx.diagnosis.simulate import simulate
from bayesdx.diagnosis.steps import candidates, recommendations
from bayesdx.network import compile_network

FACTORS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
WANTED = 0.2
DRAWN, TOLD, SEED = 600, 13, 20261201


@dataclass(frozen=True)
class Patient:
    """What can alarm in one patient: a flag, or a posterior above a threshold.

    Parameters
    ----------
    main : str
        The main cause.
    flagged : bool
        Whether an emergency flag fires, or a step for which a flag stands.
    steps : tuple of (cause, base threshold, posterior)
        Emergency steps that findings support.
    """

    main: str
    flagged: bool
    steps: tuple[tuple[str, float, float], ...]

    def alarmed(self, factor: float, first: dict[str, float]) -> bool:
        """Whether anything alarms."""
        return self.flagged or any(p >= one_cause.raised(base, factor, first.get(c)) for c, base, p in self.steps)

    def noticed(self, factor: float, first: dict[str, float]) -> bool:
        """Whether any flag, or the threshold of the own cause, is reached."""
        mine = [(c, base, p) for c, base, p in self.steps if c == self.main]
        return self.flagged or any(p >= one_cause.raised(base, factor, first.get(c)) for c, base, p in mine)


def patient(model: dx.Model, findings: dict[str, str], main: str, base: dict[tuple[str, int], float]) -> Patient:
    """One patient; ``model`` has thresholds of 0, so that every emergency step comes to light."""
    case = dx.diagnose(model, findings)
    flags = [
        flag for flag in case.red_flags if flag.certain and not flag.answered and flag.urgency == "emergency"
    ]  # fmt: skip
    steps = []
    for one in candidates(model, case.evidence, case.action_marginals, case.red_flags):
        if one.row.urgency == "emergency" and recommendations([one]):
            stands = bool(one.flagged) and (one.holds or not one.row.conditions)
            steps.append((one.row.cause, base[one.row.cause, one.row.step], one.probability, stands))
    return Patient(
        main,
        bool(flags) or any(stands for *_, stands in steps),
        tuple((cause, limit, p) for cause, limit, p, _ in steps),
    )


def seen(model: dx.Model, base: dict[tuple[str, int], float]) -> list[Patient]:
    """The seen cases of the chosen setting, before tests."""
    found = []
    for case in model.cases:
        if case.population == model.population:
            told = {name: states[0] for name, states in case.findings if model.by_name[name].kind != "test"}
            found.append(patient(model, told, case.causes[0], base))
    return found


def drawn(model: dx.Model, base: dict[tuple[str, int], float]) -> list[Patient]:
    """Patients of the chosen setting as the model says that they are."""
    network = compile_network(model)
    index = network.index
    names = [v.variable for v in model.variables if v.kind in ("context", "history", "examination")]
    random = np.random.default_rng(SEED)
    found = []
    for codes in simulate(network, DRAWN, SEED):
        told = [names[place] for place in random.choice(len(names), TOLD, replace=False)]
        state = {name: network.nodes[index[name]].states[codes[index[name]]] for name in (*told, one_cause.HUB)}
        node = next(row["node"] for row in VERSION.causes() if row["cause"] == state[one_cause.HUB])
        found.append(patient(model, {name: state[name] for name in told}, node, base))
    return found


def share(patients: Sequence[Patient], factor: float, first: dict[str, float]) -> float:
    """The part of the others who are alarmed."""
    return float(np.mean([one.alarmed(factor, first) for one in patients if one.main not in first]))


def main() -> None:
    """Print alarms and patients noticed for every factor, and the factor that the rule takes.

    It is the smallest at which at most a fifth of the others is alarmed, drawn and seen; where flags and steps of other
    causes alarm more than a fifth of the seen ones whatever the factor, the smallest that alarms no more than these.
    """
    model = dx.load_model(sys.argv[1] if len(sys.argv) > 1 else rules.MODELS / VERSION.here.name)
    rows = rules.rows_of(rules.Evidence(VERSION.here), "management.csv", one_cause.ManagementStep)
    base = {(row.cause, row.step): row.threshold for row in rows}
    first = one_cause.first_emergencies(rows)
    bare = replace(model, management=tuple(replace(row, threshold=0.0, thresholds=()) for row in rows), release=None)
    for population in rules.POPULATIONS:
        here = bare.with_population(population)
        cases, invented = seen(here, base), drawn(here, base)
        ill = [one for one in cases if one.main in first]
        lowest = share(cases, FACTORS[-1], first)
        chosen = 0.0
        for factor in FACTORS:
            among_drawn, among_seen = share(invented, factor, first), share(cases, factor, first)
            fits = among_drawn <= WANTED and among_seen <= max(WANTED, lowest)
            chosen = chosen or fits * factor
            print(
                f"{population}, factor {factor:g}: alarmed of others, drawn {among_drawn:.3f}, seen {among_seen:.3f}; "
                f"of {len(ill)} seen with one of the seven alarmed {sum(one.alarmed(factor, first) for one in ill)}, "
                f"noticed {sum(one.noticed(factor, first) for one in ill)}"
            )
        print(f"{population}: factor {chosen:g}")


if __name__ == "__main__":
    main()
