"""What the network implies for a published figure is the joint table, conditioned on the patients of the study."""

import itertools
import math
import random
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

import bayesdx as dx
from bayesdx.diagnosis.draws import draw_parameters
from bayesdx.evaluation.conformance import count_verdicts
from bayesdx.evaluation.implied import evidence_of
from bayesdx.evaluation.published import published_figures, read
from bayesdx.knowledge.schema import MEASURES, Accuracy
from bayesdx.network import compile_network
from tests import oracle
from tests.diagnosis.models import POPULATIONS, random_model

MODEL = random_model(7, zeros=False)


def some_states(rng, model, name):
    states = model.by_name[name].states
    return tuple(sorted(rng.sample(states, rng.randint(1, len(states))), key=states.index))


def conditions(rng, model, names, most):
    chosen = rng.sample(names, min(len(names), rng.randint(0, most)))
    return tuple((name, some_states(rng, model, name)) for name in chosen)


def random_row(rng, model, measure):
    """A row about any finding and cause; studies and comparison groups may be anything, even groups without members."""
    names = [variable.variable for variable in model.variables]
    finding = rng.choice(model.findings)
    others = [name for name in model.findings if name != finding]
    compared = measure in ("false_positive_rate", "lr_plus", "lr_minus", "odds_ratio")
    return Accuracy(
        finding, "|".join(some_states(rng, model, finding)), rng.choice(model.causes), measure, "a study",
        0.5, 0.2, 0.9, None, "S", "expert",
        population=rng.choice(("", *POPULATIONS)),
        also=conditions(rng, model, others, 1),
        given=conditions(rng, model, names, 2),
        against=conditions(rng, model, names, 2) if compared and rng.random() < 0.5 else (),
    )  # fmt: skip


@lru_cache(maxsize=4)
def joint_table(model):
    """Every configuration with its probability."""
    network = compile_network(model)
    return network, list(oracle.joint(network, [-1] * len(network)))


def probability(model, *groups):
    """P(all conditions) as a sum over the joint table."""
    network, rows = joint_table(model)

    def holds(states):
        return all(
            network[name].states[states[network.index[name]]] in allowed
            for name, allowed in itertools.chain.from_iterable(groups)
        )

    return math.fsum(weight for states, weight in rows if holds(states))


def by_hand(model, row):
    """The figure of a row from its definition; NaN where it is not determined."""
    model = model.with_population(row.population or model.population)
    states = model.by_name[row.cause].states
    event = ((row.finding, tuple(row.state.split("|"))), *row.also)
    ill = ((row.cause, states[1:]),)
    rest = row.against or ((row.cause, states[:1]),)

    def rate(*groups):
        whole = probability(model, row.given, *groups)
        return probability(model, row.given, event, *groups) / whole if whole else math.nan

    if row.measure == "conditional":
        return rate()
    if row.measure == "predictive_value":
        whole = probability(model, row.given, event)
        return probability(model, row.given, event, ill) / whole if whole else math.nan
    s, f = rate(ill), rate(rest)
    top, bottom = {
        "sensitivity": (s, 1.0),
        "false_positive_rate": (f, 1.0),
        "lr_plus": (s, f),
        "lr_minus": (1 - s, 1 - f),
        "odds_ratio": (s * (1 - f), f * (1 - s)),
    }[row.measure]
    if bottom:
        return top / bottom
    return math.inf if top > 0 else math.nan


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from(MEASURES))
def test_implied_figures_are_sums_over_the_joint_table(seed, measure):
    """Every measure equals its definition, in the population, the study and the comparison group of its row."""
    rng = random.Random(seed)
    model = random_model(rng.randrange(2**32), zeros=False)
    rows = tuple(random_row(rng, model, measure) for _ in range(3))
    model = replace(model, accuracy=rows)
    found = dx.check_evidence(model)["implied"]
    for row, implied in zip(model.accuracy, found, strict=True):
        expected = by_hand(model, row)
        # 1 - s loses digits where s is nearly 1, so ratios are compared where that does not decide.
        if not (measure in ("lr_minus", "odds_ratio", "lr_plus") and not 1e-6 < expected < 1e6):
            assert implied == pytest.approx(expected, rel=1e-8, abs=1e-10, nan_ok=True)


def test_rows_do_not_depend_on_each_other():
    """A row has the same figure alone and among others."""
    rng = random.Random(1)
    rows = tuple(replace(random_row(rng, MODEL, rng.choice(MEASURES)), condition=f"study {i}") for i in range(12))
    together = replace(MODEL, accuracy=rows)
    figures = dict(zip(together.accuracy, dx.check_evidence(together)["implied"], strict=True))
    for row in rows:
        alone = dx.check_evidence(replace(MODEL, accuracy=(row,)))["implied"][0]
        assert alone == pytest.approx(figures[row], rel=1e-9, nan_ok=True)


def judged(**fields):
    row = Accuracy("f0", MODEL.by_name["f0"].states[1], MODEL.causes[0], "sensitivity", "a study",
                   0.5, 0.0, 1.0, None, "S", "expert")  # fmt: skip
    return dx.check_evidence(replace(MODEL, accuracy=(replace(row, **fields),))).iloc[0]


def test_inside_and_outside():
    """A figure is inside where the network's prediction of such a study holds it; otherwise the reason says how."""
    implied = judged()["implied"]
    at = judged(value=implied, lower=implied - 0.01, upper=implied + 0.01)
    assert at["verdict"] == "inside"
    assert at["predictive_lower"] < implied < at["predictive_upper"]
    low = judged(value=0.001, lower=0.0, upper=0.005)
    assert low["verdict"] == "outside"
    assert low["p"] < 0.05
    assert "is below what is predicted" in low["reason"]
    high = judged(value=0.999, lower=0.995, upper=1.0, resolution="a smaller study")
    assert high["verdict"] == "outside"
    assert "is above what is predicted" in high["reason"]
    assert high["resolution"] == "a smaller study"


def test_a_prediction_widens_with_what_is_uncertain():
    """Fewer patients, more heterogeneity, less certain numbers, a case-control study: all widen it."""

    def width(model, **options):
        row = dx.check_evidence(model, **options).iloc[0]
        return row["predictive_upper"] - row["predictive_lower"]

    row = Accuracy("f0", MODEL.by_name["f0"].states[1], MODEL.causes[0], "sensitivity", "a study",
                   0.5, 0.3, 0.7, None, "S", "expert")  # fmt: skip
    model = replace(MODEL, accuracy=(row,))
    known = replace(
        model,
        priors=tuple(replace(r, lower=r.probability, upper=r.probability) for r in model.priors),
        links=tuple(replace(r, lower=r.link_probability, upper=r.link_probability) for r in model.links),
        tables=tuple(replace(r, lower=r.probability, upper=r.probability) for r in model.tables),
    )
    assert width(known) < width(model)
    assert width(model, heterogeneity=0.0) < width(model) < width(model, heterogeneity=1.0)
    assert width(replace(model, accuracy=(replace(row, lower=0.49, upper=0.51),))) < width(model)
    designed = replace(model, sources=(replace(model.sources[0], design="case_control"), *model.sources[1:]))
    assert width(model) < width(designed)
    exact = dx.check_evidence(known, heterogeneity=0.0).iloc[0]
    n = read(published_figures(known)[0].study).n
    ends = binom.ppf([0.025, 0.975], round(n), exact["implied"]) / round(n)
    assert [exact["predictive_lower"], exact["predictive_upper"]] == pytest.approx(ends)
    with pytest.raises(ValueError, match="heterogeneity: -1; expected a finite number of at least 0"):
        dx.check_evidence(model, heterogeneity=-1)


def test_the_spread_of_a_prediction_is_that_of_draws():
    """To first order the variance of a figure is what draws of the model's numbers give it."""
    row = Accuracy("f0", MODEL.by_name["f0"].states[1], MODEL.causes[0], "sensitivity", "a study",
                   0.5, 0.5, 0.5, None, "S", "expert")  # fmt: skip
    model = sharpened(replace(MODEL, accuracy=(row,)))
    found = dx.check_evidence(model, heterogeneity=0.0).iloc[0]
    engine = dx.Engine(model)
    ill = ((row.cause, model.by_name[row.cause].states[1:]),)
    evidence = evidence_of(engine.network, [[ill], [ill, row.event]])
    parameters = draw_parameters(model, 4000, 1)
    logs = engine.propagate(evidence, targets=(), parameters=parameters).log_evidence
    drawn = np.exp(logs[:, 1] - logs[:, 0])
    assert [found["predictive_lower"], found["predictive_upper"]] == pytest.approx(
        np.quantile(drawn, [0.025, 0.975]), abs=0.01
    )


def sharpened(model):
    """Every interval a fifth as wide."""

    def near(row, value):
        return replace(row, lower=value + (row.lower - value) / 5, upper=value + (row.upper - value) / 5)

    return replace(
        model,
        priors=tuple(near(r, r.probability) for r in model.priors),
        links=tuple(near(r, r.link_probability) for r in model.links),
        tables=tuple(near(r, r.probability) for r in model.tables),
    )


def test_a_source_is_judged_by_all_its_figures():
    """Its figures have one p together; a third figure of a 2x2 table does not count again."""
    model = replace(MODEL, accuracy=tuple(
        Accuracy("f0", MODEL.by_name["f0"].states[1], MODEL.causes[0], measure, "a study",
                 value, value * 0.8, min(1.0, value * 1.2), 60, "S", "expert")
        for measure, value in (("sensitivity", 0.5), ("false_positive_rate", 0.5), ("lr_plus", 1.0))
    ))  # fmt: skip
    table = dx.check_evidence(model).set_index("measure")
    assert table.loc["sensitivity", "source_p"] == table.loc["false_positive_rate", "source_p"]
    assert math.isnan(table.loc["lr_plus", "source_p"])
    assert np.isfinite(table["p"]).all()
    assert (table["adjusted_p"].dropna() >= table["source_p"].dropna()).all()


def test_what_cannot_be_compared_says_why():
    """compare = no gives the row's own reason; a conditional without ``given`` and an empty group give theirs."""
    row = judged(compare="no", resolution="healthy volunteers")
    assert (row["verdict"], row["reason"]) == ("not comparable", "healthy volunteers")
    row = judged(measure="conditional")
    assert (row["verdict"], row["reason"].split(" on what")[0]) == (
        "not comparable",
        "the row does not say in machine-readable form",
    )
    cause = MODEL.causes[0]
    row = judged(given=((cause, MODEL.by_name[cause].states[:1]),))
    assert row["verdict"] == "not comparable"
    assert "a group of patients has probability 0" in row["reason"]
    assert math.isnan(row["implied"])


def test_the_population_of_a_row_decides():
    """A row is judged in its own population, whichever the model has chosen; one without takes the chosen one."""
    row = Accuracy("f0", MODEL.by_name["f0"].states[1], MODEL.causes[0], "predictive_value", "a study",
                   0.5, 0, 1, None, "S", "expert")  # fmt: skip
    model = replace(MODEL, accuracy=(row, replace(row, condition="elsewhere", population="there")))
    here, there = (dx.check_evidence(model.with_population(name)).set_index("condition") for name in POPULATIONS)
    assert list(here["population"]) == ["here", "there"]
    assert list(there["population"]) == ["there", "there"]
    assert here.loc["elsewhere", "implied"] == there.loc["elsewhere", "implied"] == there.loc["a study", "implied"]
    assert here.loc["a study", "implied"] != there.loc["a study", "implied"]


def test_a_model_without_figures_has_an_empty_table():
    """No rows, the same columns, no verdicts."""
    table = dx.check_evidence(MODEL)
    assert table.empty
    assert list(table.columns) == list(dx.check_evidence(dx.load_model("chest_clinic")).columns)
    assert set(count_verdicts(table).values()) == {0}


def test_findings_together():
    """A likelihood ratio of two findings together is the ratio of both, not the product of each."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    row = Accuracy("femoral_nerve_stretch_test", "positive", "lumbar_radiculopathy", "lr_plus", "both", 7, 2.3, 21, 54,
                   "SURI2011", "verified", also=(("patellar_reflex", ("reduced", "absent")),))  # fmt: skip
    alone = (replace(row, also=()), replace(row, finding="patellar_reflex", state="reduced|absent", also=()))
    table = dx.check_evidence(replace(model, accuracy=(row, *alone))).set_index(["finding", "also"])["implied"]
    both = table["femoral_nerve_stretch_test", "patellar_reflex=reduced|absent"]
    product = table["femoral_nerve_stretch_test", ""] * table["patellar_reflex", ""]
    assert both == pytest.approx(by_hand_frame(model, row), rel=1e-9)
    assert both < product


def by_hand_frame(model, row):
    """The ratio by the chain rule, from marginals of single findings."""
    engine = dx.Engine(model)
    stretch, reflex = row.finding, "patellar_reflex"
    rates = []
    for cause in ("present", "absent"):
        first = engine.marginals(pd.DataFrame({row.cause: [cause]}), [stretch])[stretch]["positive"][0]
        frame = pd.DataFrame({row.cause: [cause], stretch: ["positive"]})
        second = engine.marginals(frame, [reflex])[reflex][["reduced", "absent"]].sum(axis=1)[0]
        rates.append(first * second)
    return rates[0] / rates[1]
