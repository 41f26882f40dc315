"""Says which factor the rule of DERIVATION.md takes for the odds of the thresholds of each setting.

    python models/hip_flexion_weakness/derivation/3.1.0/thresholds.py FOLDER

FOLDER holds the version built with a factor of 1 in every setting. Counted are the seen cases of the setting before
tests. A patient whose cause is decided by hours is noticed where an emergency flag fires or the posterior of the own
cause reaches the threshold of an emergency step; others are alarmed where a flag or an emergency step of any cause is
shown.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

sys.path.insert(0, __file__.rsplit("/", 1)[0])

from build import VERSION, one_cause, rules  # isort: skip

import bayesdx as dx
from bayesdx.diagnosis.steps import candidates, recommendations

FACTORS = (1.0, 1.1, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)
LOST = 0.03
"""The part of the patients noticed at a factor of 1 that may be lost."""


@dataclass(frozen=True)
class Patient:
    """What can alarm in one patient before tests.

    Parameters
    ----------
    main : str
        The main cause.
    flagged : bool
        Whether an emergency flag fires.
    own : float
        Posterior of the main cause.
    steps : tuple of (cause, base threshold, posterior)
        Emergency steps that findings support.
    """

    main: str
    flagged: bool
    own: float
    steps: tuple[tuple[str, float, float], ...]


def patients(model: dx.Model, base: dict[tuple[str, int], float]) -> list[Patient]:
    """The seen cases of the chosen setting; ``model`` has thresholds of 0, so that every step comes to light."""
    found = []
    for row in model.cases:
        if row.population == model.population:
            told = {name: states[0] for name, states in row.findings if model.by_name[name].kind != "test"}
            case = dx.diagnose(model, told)
            flags = [f for f in case.red_flags if f.certain and not f.answered and f.urgency == "emergency"]
            steps = tuple(
                (one.row.cause, base[one.row.cause, one.row.step], one.probability)
                for one in candidates(model, case.evidence, case.action_marginals, case.red_flags)
                if one.row.urgency == "emergency" and recommendations([one])
            )
            found.append(Patient(row.causes[0], bool(flags), float(case.posterior[row.causes[0]]), steps))
    return found


def main() -> None:
    """Print alarms and patients noticed for every factor, and the largest that loses no more than ``LOST``."""
    model = dx.load_model(sys.argv[1])
    rows = rules.rows_of(rules.Evidence(VERSION.here), "management.csv", one_cause.ManagementStep)
    base = {(row.cause, row.step): row.threshold for row in rows}
    first = one_cause.first_emergencies(rows)
    bare = replace(model, management=tuple(replace(row, threshold=0.0, thresholds=()) for row in rows), release=None)
    for population in rules.POPULATIONS:
        seen = patients(bare.with_population(population), base)
        ill = [one for one in seen if one.main in first]
        others = [one for one in seen if one.main not in first]
        chosen = 0.0
        for factor in FACTORS:
            noticed = sum(p.flagged or p.own >= one_cause.raised(0.0, factor, first.get(p.main)) for p in ill)
            alarmed = sum(
                p.flagged or any(x >= one_cause.raised(least, factor, first.get(cause)) for cause, least, x in p.steps)
                for p in others
            )
            if factor == 1:
                most = noticed
            if noticed >= (1 - LOST) * most:
                chosen = factor
            print(
                f"{population}, factor {factor:g}: noticed {noticed} of {len(ill)}, others {alarmed} of {len(others)}"
            )
        print(f"{population}: factor {chosen:g}")


if __name__ == "__main__":
    main()
