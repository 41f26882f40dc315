"""Chooses the two global settings of build.py on the seen cases, and says what that choice is worth.

    python models/hip_flexion_weakness/derivation/3.0.0/fit.py

Each case counts in its own setting, with all findings and with history and examination only. The score is the mean log
loss of the main cause, each cause having the same weight (macro average). Nested: a tenth of the cases at a time is
scored with the settings that are best on the other nine tenths; this is what may be expected of the choice. Nothing
else is fitted: no share, no rate, no threshold.
"""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pandas as pd

sys.path.insert(0, __file__.rsplit("/", 1)[0])

from build import VERSION, one_cause, rules  # isort: skip

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled

TEMPERS = (0.7, 0.8, 0.9, 1.0, 1.1)
PRIORS = (0.4, 0.5, 0.6, 0.75, 0.9, 1.0)
FOLDS, ROUNDS = 10, 20


def truths() -> dict[str, str]:
    """Main cause of each seen case, as its report has it."""
    return {row["case"]: row["main_cause"] for row in rules.table(VERSION.here, "main_states.csv")}


def log_losses(model: dx.Model, tests: bool) -> np.ndarray:
    """Minus the logarithm of the probability of each case's main cause, in the order of the cases."""
    cases, truth = dx.load_model(rules.MODELS / VERSION.parent).cases, truths()
    loss = np.empty(len(cases))
    for population in rules.POPULATIONS:
        here = [place for place, case in enumerate(cases) if case.population == population]
        chosen = model.with_population(population)
        rows = [
            {name: states[0] for name, states in cases[place].findings
             if tests or model.by_name[name].kind != "test"}
            for place in here
        ]  # fmt: skip
        names = list(dict.fromkeys(truth.values()))
        marginals = compiled(chosen).engine.marginals(pd.DataFrame(rows), targets=names)
        for row, place in enumerate(here):
            loss[place] = -np.log(np.asarray(marginals[truth[cases[place].case]])[row, 1])
    return loss


def main() -> None:
    """Print the score of every setting, the best one, and what nested cross-validation says."""
    grid = list(itertools.product(TEMPERS, PRIORS))
    scores = []
    for temper, prior in grid:
        model = VERSION.judged(one_cause.Settings(temper, prior))
        scores.append((log_losses(model, tests=True) + log_losses(model, tests=False)) / 2)
    table = np.array(scores)
    cause = np.array(list(truths().values()))
    weight = 1 / np.array([np.sum(cause == one) for one in cause])
    weight /= weight.sum()
    whole = table @ weight
    for (temper, prior), score in zip(grid, whole, strict=True):
        print(f"temper {temper:.2f}, exponent {prior:.2f}: {score:.3f}")
    best = grid[int(whole.argmin())]
    random = np.random.default_rng(0)
    nested, chosen = [], []
    for _ in range(ROUNDS):
        fold = random.permutation(len(cause)) % FOLDS
        held = np.empty(len(cause))
        for number in range(FOLDS):
            out = fold == number
            pick = int((table[:, ~out] @ weight[~out]).argmin())
            held[out] = table[pick, out]
            chosen.append(grid[pick])
        nested.append(held @ weight)
    untouched = whole[grid.index((1.0, 1.0))]
    print(f"best: temper {best[0]}, exponent {best[1]} ({whole.min():.3f}); as judged {untouched:.3f}")
    print(f"nested: {np.mean(nested):.3f}; chosen {pd.Series(chosen).value_counts(normalize=True).head(4).to_dict()}")


if __name__ == "__main__":
    main()
