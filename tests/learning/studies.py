"""Models and studies for tests of synthesis."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import NamedTuple

import numpy as np

import bayesdx as dx
from bayesdx.evaluation.implied import Questions, figures
from bayesdx.knowledge.model import ModelInfo, Population
from bayesdx.knowledge.schema import MEASURES, RATIOS, Link, Prior, Source, Study, TableEntry, Variable
from tests.diagnosis.models import POPULATIONS, random_model


def study(name: str, finding: str, cause: str, measure: str = "sensitivity", **fields: object) -> Study:
    """A row with counts, ``k`` of ``n``, and what else is said of it."""
    row = Study(
        name, "", finding, "yes", (), cause, measure, None, None, None, None, None, None, None, "", (), (), "cohort",
        "", "", "", "", "", str(fields.pop("source", name)), "verified",
    )  # fmt: skip
    return replace(row, **fields)  # type: ignore[arg-type]


def _info(name: str) -> ModelInfo:
    here = (Population("here", "Here"),)
    return ModelInfo(name, "0.1.0", "T", "CC0-1.0", "t", "t", "none", here, "here", format=2)


def one_number(value: float = 0.3, lower: float = 0.15, upper: float = 0.48, prevalence: float = 0.2) -> dx.Model:
    """A finding in ill patients is the one uncertain number; the rest is known."""
    cause = Variable("ill", "Ill", "cause", "", ("no", "yes"), "")
    finding = Variable("sign", "Sign", "history", "", ("no", "yes"), "")
    tables = (
        TableEntry("", "sign", (("ill", ("yes",)),), "yes", value, lower, upper, "S", "expert"),
        TableEntry("", "sign", (("ill", ("no",)),), "yes", 0.1, 0.1, 0.1, "S", "expert"),
    )
    return dx.Model(
        info=ModelInfo(
            "one", "0.1.0", "T", "CC0-1.0", "t", "t", "none", (Population("here", "Here"),), "here", format=2
        ),
        variables=(cause, finding),
        priors=(Prior("here", "ill", "yes", prevalence, prevalence, prevalence, "S", "expert"),),
        tables=tables,
        sources=(Source("S", "A source", 2020, "", "", "", None, "expert"),),
    )


class Entry(NamedTuple):
    """A number of ``noisy_or_of_two``: its key in links.csv, and its value with interval."""

    key: tuple[str, str, str, str]
    value: float
    lower: float
    upper: float


NOISY_OR = (
    Entry(("", "", "sign", "yes"), 0.1, 0.05, 0.17),
    Entry(("first", "yes", "sign", "yes"), 0.5, 0.3, 0.7),
    Entry(("second", "yes", "sign", "yes"), 0.3, 0.1, 0.55),
)
PREVALENCES = (0.3, 0.2)


def noisy_or_of_two() -> dx.Model:
    """One finding of two independent causes; its leak and two links are uncertain, the causes' priors are not."""
    names = ("first", "second")
    return dx.Model(
        info=ModelInfo(
            "two", "0.1.0", "T", "CC0-1.0", "t", "t", "none", (Population("here", "Here"),), "here", format=2
        ),
        variables=(
            *(Variable(name, name.title(), "cause", "", ("no", "yes"), "") for name in names),
            Variable("sign", "Sign", "history", "", ("no", "yes"), ""),
        ),
        priors=tuple(
            Prior("here", name, "yes", p, p, p, "S", "expert") for name, p in zip(names, PREVALENCES, strict=True)
        ),
        links=tuple(Link(*row.key, row.value, row.lower, row.upper, "S", "expert") for row in NOISY_OR),
        sources=(Source("S", "A source", 2020, "", "", "", None, "expert"),),
    )


def random_studies(
    model: dx.Model, seed: int, count: int, *, tau: float = 0.3, populations: bool = True
) -> list[Study]:
    """Studies about anything the network determines, drawn from what it implies with heterogeneity tau."""
    rng, dice = np.random.default_rng(seed), random.Random(seed)
    found: list[Study] = []
    while len(found) < count:
        finding, cause = dice.choice(model.findings), dice.choice(model.causes)
        measure = dice.choice([name for name in MEASURES if name != "predictive_value"])
        states = model.by_name[finding].states[1:]
        chosen = "|".join(sorted(dice.sample(states, dice.randint(1, len(states))), key=states.index))
        given = ((cause, model.by_name[cause].states[1:]),) if measure == "conditional" else ()
        population = dice.choice(("", *POPULATIONS)) if populations else ""
        row = study(f"s{len(found)}", finding, cause, measure, state=chosen, given=given, population=population)
        figure = float(figures([row], Questions(model, [row]).answer())[0])
        if not np.isfinite(figure) or not 1e-4 < figure < (50 if measure in RATIOS else 1 - 1e-4):
            continue
        if measure in RATIOS:
            value = float(np.exp(np.log(figure) + rng.normal(0, tau + 0.2)))
            row = replace(row, value=value, lower=value / 1.5, upper=value * 1.5)
        else:
            n = int(rng.integers(20, 200))
            x = np.log(figure / (1 - figure)) + rng.normal(0, tau)
            row = replace(row, k=int(rng.binomial(n, 1 / (1 + np.exp(-x)))), n=n)
        found.append(row)
    return found


def with_studies(seed: int, count: int = 6, **options: object) -> tuple[dx.Model, list[Study]]:
    """A random model of gates, noisy-MAX and tables with two populations, and studies of it."""
    model = random_model(seed, zeros=False)
    return model, random_studies(model, seed, count, **options)  # type: ignore[arg-type]
