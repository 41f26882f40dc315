"""Small random models, sound by construction, and random findings of every kind."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

import bayesdx as dx
from bayesdx.knowledge.model import ModelInfo, Population
from bayesdx.knowledge.schema import Link, ManagementStep, Prior, RedFlag, Source, TableEntry, Test, Variable

POPULATIONS = ("here", "there")


def random_model(seed: int, *, zeros: bool = True) -> dx.Model:
    """A model of contexts, causes (one may be graded), a mechanism and findings; some have tables.

    Parameters
    ----------
    seed : int
    zeros : bool
        Whether probabilities of 0 and 1 may occur, so that evidence may be impossible.
    """
    rng = random.Random(seed)
    contexts = [_variable(rng, f"ctx{i}", "context", 3) for i in range(rng.randint(0, 2))]
    causes = [_variable(rng, f"cause{i}", "cause", 2 if rng.random() < 0.8 else 3) for i in range(rng.randint(1, 3))]
    lesions = [_variable(rng, "lesion", "mechanism", 3)] if rng.random() < 0.4 else []
    kinds = ("history", "examination", "test")
    findings = [
        _variable(rng, f"f{i}", rng.choice(kinds), 3, group="pair" if i < 2 else "") for i in range(rng.randint(1, 4))
    ]
    priors: list[Prior] = []
    links: list[Link] = []
    tables: list[TableEntry] = []
    for layer, candidates in ((contexts, []), (causes, contexts), (lesions, causes), (findings, [*causes, *lesions])):
        earlier: list[Variable] = []
        for variable in layer:
            possible = [*candidates, *(earlier if layer is causes else [])]
            parents = [parent for parent in possible if rng.random() < 0.6][:3]
            if parents and rng.random() < 0.25:
                tables += _table(rng, variable, parents, zeros)
            else:
                priors += _priors(rng, variable, zeros) if layer in (contexts, causes) else []
                links += _leak(rng, variable, zeros) if layer not in (contexts, causes) else []
                links += [link for parent in parents for link in _links(rng, parent, variable, zeros)]
            earlier.append(variable)
    every = (*contexts, *causes, *lesions, *findings)
    tests = _tests(rng, findings)
    calling = random.Random(seed + 1)  # which flags and steps call for a test

    def called() -> tuple[str, ...]:
        return tuple(test.test for test in tests if calling.random() < 0.6)

    return dx.Model(
        info=_info(),
        variables=every,
        priors=tuple(priors),
        links=tuple(links),
        tables=tuple(tables),
        tests=tests,
        red_flags=tuple(replace(flag, tests=called()) for flag in _flags(rng, [*causes, *lesions], findings)),
        management=tuple(
            replace(_step(rng, about, step, [*contexts, *findings]), tests=called())
            for about in [*causes, *lesions]
            for step in (1, 2)
        ),
        sources=(Source("S", "A source", 2020, "", "", "", None, "expert"),),
    )


def _info() -> ModelInfo:
    populations = tuple(Population(name, name.title()) for name in POPULATIONS)
    return ModelInfo(
        "random_model", "0.1.0", "Random", "CC0-1.0", "tests", "anything else", "none", populations, "here"
    )


def _variable(rng: random.Random, name: str, kind: str, most: int, group: str = "") -> Variable:
    states = ("no", "some", "much")[: rng.randint(2, most)]
    return Variable(name, name.title(), kind, group, states, "")


def _split(rng: random.Random, count: int, zeros: bool) -> list[float]:
    """Probabilities of the states other than the reference state; their sum stays at most 1."""
    if zeros and rng.random() < 0.15:
        parts = [0.0] * count
        if rng.random() < 0.5:
            parts[rng.randrange(count)] = 1.0
        return parts
    weights = [rng.uniform(0.05, 1.0) for _ in range(count + 1)]
    return [weight / sum(weights) for weight in weights[1:]]


def _interval(rng: random.Random, value: float) -> tuple[float, float]:
    return value * rng.uniform(0.4, 0.95), value + (1 - value) * rng.uniform(0.02, 0.4)


def _priors(rng: random.Random, variable: Variable, zeros: bool) -> list[Prior]:
    return [
        Prior(population, variable.variable, state, p, *_interval(rng, p), "S", "expert")
        for population in POPULATIONS
        for state, p in zip(variable.states[1:], _split(rng, len(variable.states) - 1, zeros), strict=True)
    ]


def _leak(rng: random.Random, variable: Variable, zeros: bool) -> list[Link]:
    parts = _split(rng, len(variable.states) - 1, zeros)
    return [
        Link("", "", variable.variable, state, p, *_interval(rng, p), "S", "expert")
        for state, p in zip(variable.states[1:], parts, strict=True)
    ]


def _links(rng: random.Random, parent: Variable, child: Variable, zeros: bool) -> list[Link]:
    neutral = 0 if rng.random() < 0.8 else rng.randrange(len(parent.states))
    return [
        Link(parent.variable, acting, child.variable, state, p, *_interval(rng, p), "S", "expert")
        for place, acting in enumerate(parent.states)
        if place != neutral
        for state, p in zip(child.states[1:], _split(rng, len(child.states) - 1, zeros), strict=True)
    ]


def _table(rng: random.Random, variable: Variable, parents: list[Variable], zeros: bool) -> list[TableEntry]:
    combinations: list[tuple[tuple[str, tuple[str, ...]], ...]] = [()]
    for parent in parents:
        combinations = [(*done, (parent.variable, (state,))) for done in combinations for state in parent.states]
    return [
        TableEntry("", variable.variable, combination, state, p, *_interval(rng, p), "S", "expert")
        for combination in combinations
        for state, p in zip(variable.states[1:], _split(rng, len(variable.states) - 1, zeros), strict=True)
    ]


def _tests(rng: random.Random, findings: list[Variable]) -> tuple[Test, ...]:
    names = tuple(variable.variable for variable in findings if variable.kind == "test")
    if not names:
        return ()
    cost, hours = rng.uniform(0, 300), rng.uniform(0, 48)
    soonest = min(hours, 24.0)  # an emergency may call for it
    return (Test("scan", "Scan", names, cost, hours, 0.1, 0.001, "S", "expert", emergency_delay_hours=soonest),)


def _flags(rng: random.Random, about: list[Variable], findings: list[Variable]) -> tuple[RedFlag, ...]:
    chosen = rng.sample(findings, k=min(len(findings), rng.randint(1, 2)))
    conditions = tuple((variable.variable, variable.states[1:]) for variable in chosen)
    urgency = rng.choice(("emergency", "urgent"))
    return (RedFlag("alarm", conditions, _event(rng, rng.choice(about)), urgency, "Act", "S", "expert"),)


def _event(rng: random.Random, about: Variable) -> str:
    """A cause of two states, or a state; a graded cause is named as a whole at times, as format 1 could."""
    graded = about.kind == "mechanism" or len(about.states) > 2
    whole = not graded or (about.kind == "cause" and rng.random() < 0.3)
    return about.variable if whole else f"{about.variable}={rng.choice(about.states[1:])}"


def _step(rng: random.Random, about: Variable, step: int, conditional: list[Variable]) -> ManagementStep:
    """A step of care; some have conditions, and some share their action, which says "or" of their conditions."""
    urgency = rng.choice(("emergency", "urgent", "routine"))
    chosen = rng.sample(conditional, k=min(len(conditional), rng.choice((0, 0, 1, 2))))
    conditions = tuple((v.variable, tuple(rng.sample(v.states, rng.randint(1, len(v.states) - 1)))) for v in chosen)
    action = rng.choice(("Do", "Do more"))
    return ManagementStep(
        _event(rng, about), step, urgency, action, "", "S", "expert", rng.random(), "S", "expert", conditions
    )


def _likelihood(rng: random.Random, states: tuple[str, ...]) -> dict[str, float]:
    """A likelihood over all states, some of them 0."""
    possible = rng.sample(states, rng.randint(1, len(states)))
    return {state: rng.uniform(0.01, 2.0) if state in possible else 0.0 for state in states}


def random_findings(model: dx.Model, seed: int) -> dict[str, Any]:
    """Findings of every kind: states, sets, likelihoods, UNKNOWN, None, groups; contexts and causes too."""
    rng = random.Random(seed)
    findings: dict[str, Any] = {}
    grouped = model.groups.get("pair", ())
    whole_group = len(grouped) == 2 and rng.random() < 0.3
    if whole_group and all(len(model.by_name[name].states) == 2 for name in grouped):
        findings["pair"] = rng.choice([[], [grouped[0]], list(grouped), dx.UNKNOWN])
    for variable in model.variables:
        if rng.random() < 0.5 or ("pair" in findings and variable.variable in grouped):
            continue
        states = variable.states
        kind = rng.choice(("state", "state", "set", "likelihood", "unknown", "none"))
        findings[variable.variable] = {
            "state": rng.choice(states),
            "set": rng.choice((list, set, tuple, frozenset))(rng.sample(states, rng.randint(1, len(states)))),
            "likelihood": _likelihood(rng, states),
            "unknown": dx.UNKNOWN,
            "none": None,
        }[kind]
    return findings


@st.composite
def small_models(draw: st.DrawFn, *, zeros: bool = True) -> dx.Model:
    """A small random model."""
    return random_model(draw(st.integers(0, 2**32 - 1)), zeros=zeros)


@st.composite
def small_models_with_findings(draw: st.DrawFn, *, zeros: bool = True) -> tuple[dx.Model, dict[str, Any]]:
    """A small random model, one of its populations, and findings of every kind."""
    model = draw(small_models(zeros=zeros)).with_population(draw(st.sampled_from(POPULATIONS)))
    return model, random_findings(model, draw(st.integers(0, 2**32 - 1)))
