"""What is believed of the numbers beforehand: each keeps the weight of its own interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.stats import beta

import bayesdx as dx
from bayesdx.knowledge.model import ModelInfo, Population
from bayesdx.knowledge.schema import Prior, Source, Variable
from bayesdx.learning.belief import PARTS, Belief, believe, dirichlet
from bayesdx.learning.information import Basis
from bayesdx.learning.layout import Layout
from bayesdx.network import compile_network
from tests.diagnosis.models import random_model

Array = NDArray[np.float64]
SEEDS = st.integers(0, 2**31 - 1)


def one_cause(numbers: dict[str, tuple[float, float]]) -> dx.Model:
    """One cause; each state a probability, and the patients that its interval is worth."""
    states = ("other", *numbers)
    rows = []
    for state, (p, size) in numbers.items():
        lower, upper = beta(p * size, (1 - p) * size).ppf([0.025, 0.975])
        rows.append(Prior("here", "cause", state, p, float(lower), float(upper), "S", "expert"))
    return dx.Model(
        info=ModelInfo("one", "0.1.0", "T", "CC0-1.0", "t", "t", "none", (Population("here", "Here"),), "here"),
        variables=(
            Variable("cause", "Cause", "cause", "", states, ""),
            Variable("sign", "Sign", "history", "", ("no", "yes"), ""),
        ),
        priors=(*rows, Prior("here", "sign", "yes", 0.2, 0.1, 0.4, "S", "expert")),
        sources=(Source("S", "A source", 2020, "", "", "", None, "expert"),),
    )


def belief_of(model: dx.Model, strength: float = 1.0, most: float = np.inf) -> tuple[Layout, Belief]:
    layout = Layout(compile_network(model))
    return layout, believe(model, layout, PARTS, None, strength, most)


def cause_cells(layout: Layout, belief: Belief) -> NDArray[np.intp]:
    """Cells of the cause, in the order of its states."""
    start = layout.starts[layout.network.index["cause"]]
    return np.array([np.flatnonzero(belief.cells == start + state)[0] for state in range(4)])


RARE = {"common": (0.4, 30.0), "usual": (0.3, 30.0), "emergency": (0.01, 400.0)}


def test_a_well_known_rare_state_is_not_forgotten_where_it_does_not_occur() -> None:
    """Beta(4, 396) and none among 200 patients is Beta(4, 596), whatever little is known of the common states."""
    cohort = pd.DataFrame({"cause": ["common"] * 100 + ["other"] * 100})
    for method in ("counts", "em"):
        table = dx.calibrate(one_cause(RARE), cohort, method, prior_strength=1).table.set_index("label")
        row = table.loc["P(cause = emergency)"]
        posterior = beta(4, 596)
        assert row["after"] == pytest.approx(posterior.mean(), rel=1e-3)
        assert (row["lower"], row["upper"]) == pytest.approx(tuple(posterior.ppf([0.025, 0.975])), rel=5e-3)
        assert row["prior_cases"] == pytest.approx(400, rel=5e-3)
        assert row["effective_cases"] == pytest.approx(200, rel=5e-3)


def test_draws_of_the_prior_have_the_intervals_that_the_model_states() -> None:
    """Rare and well known, common and little known: each keeps its own interval."""
    model = one_cause(RARE)
    layout, belief = belief_of(model)
    values, rng = layout.values(layout.network), np.random.default_rng(0)
    drawn = np.array([belief.draw(values, rng)[belief.cells] for _ in range(20_000)])
    cells = cause_cells(layout, belief)
    assert_allclose(drawn[:, cells].sum(axis=1), 1.0, rtol=1e-12)
    assert_allclose(drawn[:, cells].mean(axis=0), [0.29, 0.4, 0.3, 0.01], atol=3e-3)
    stated = [(row.lower, row.upper) for row in model.priors[:3]]
    found = np.quantile(drawn[:, cells[1:]], [0.025, 0.975], axis=0).T
    assert_allclose(np.sqrt(found), np.sqrt(stated), atol=0.02)


def test_intervals_of_one_weight_are_a_dirichlet() -> None:
    """Then the order of the states does not matter: size, update and curvature are those of the Dirichlet."""
    layout, belief = belief_of(one_cause({"a": (0.4, 50.0), "b": (0.2, 50.0), "c": (0.1, 50.0)}))
    cells = cause_cells(layout, belief)
    assert_allclose(belief.prior_size[cells], 50.0, rtol=5e-3)
    counts = np.zeros(layout.size)
    counts[belief.cells[cells]] = [10, 0, 5, 85]
    alpha = 50 * np.array([0.3, 0.4, 0.2, 0.1])
    moved = belief.update(layout.values(layout.network), counts)[belief.cells[cells]]
    assert_allclose(moved, (alpha + counts[belief.cells[cells]]) / 150, rtol=5e-3)
    same = dirichlet(belief.distributions, belief.cells, belief.row, belief.rank, belief.alpha, belief.left)
    basis = Basis(belief, layout.values(layout.network))
    assert_allclose(basis.prior(same), basis.complete(belief.alpha), atol=1e-9)


@given(SEEDS, st.floats(0.1, 3.0))
@settings(max_examples=15)
def test_the_update_maximises_what_em_maximises(seed: int, strength: float) -> None:
    """No other numbers have a higher log prior plus expected log likelihood."""
    layout, belief = belief_of(random_model(seed, zeros=False), strength)
    rng = np.random.default_rng(seed)
    counts = rng.gamma(0.5, 10.0, layout.size)

    def objective(values: Array) -> float:
        share = values[belief.cells] / belief.left[belief.row]
        return belief.log_prior(values) + float(counts[belief.cells] @ np.log(share))

    best = belief.update(layout.values(layout.network), counts)
    other = replace(belief, alpha=400 * best[belief.cells], beyond=400 * belief.passed(best[belief.cells]))
    for _ in range(5):
        assert objective(best) >= objective(other.draw(best, rng)) - 1e-9


def test_the_curvature_is_that_of_the_log_prior() -> None:
    """Second differences of the log prior over the log-odds, anywhere."""
    layout, belief = belief_of(one_cause(RARE))
    values = layout.values(layout.network)
    cells = cause_cells(layout, belief)
    base = np.log([0.2, 0.5, 0.25, 0.05])

    def at(log_odds: Array) -> Array:
        moved = values.copy()
        moved[belief.cells[cells]] = np.exp(log_odds) / np.exp(log_odds).sum()
        return moved

    basis, step = Basis(belief, at(base)), 1e-3
    kept = [int(np.flatnonzero(basis.kept == cell)[0]) for cell in cells[1:]]
    found = basis.prior(belief)[np.ix_(kept, kept)]
    for a, b in np.ndindex(3, 3):
        ends = []
        for up, down in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            shifted = base.copy()
            shifted[a + 1] += up * step
            shifted[b + 1] += down * step
            ends.append(belief.log_prior(at(shifted)))
        assert found[a, b] == pytest.approx(-(ends[0] - ends[1] - ends[2] + ends[3]) / (4 * step**2), abs=1e-3)


def test_a_weakened_prior_is_worth_the_same_for_every_state() -> None:
    """At most two patients of each number, then times the strength."""
    layout, belief = belief_of(one_cause(RARE), strength=3.0, most=2.0)
    cells = cause_cells(layout, belief)
    assert_allclose(belief.prior_size[cells], 6.0, rtol=1e-9)
    assert_allclose(belief.whole[cells[3]], 4.0, rtol=5e-3)


@given(SEEDS)
@settings(max_examples=25)
def test_every_number_lies_in_a_cell_of_its_own(seed: int) -> None:
    """The cells of the layout that may move hold the means of the distributions, in their order, each once."""
    model = random_model(seed, zeros=False)
    layout, belief = belief_of(model)
    means = [row.mean[state] for row in belief.distributions for state in row.free]
    assert_allclose(layout.values(layout.network)[belief.cells], means)
    assert len(set(belief.cells.tolist())) == len(belief.cells)


@given(SEEDS)
@settings(max_examples=25)
def test_at_the_parents_numbers_a_prior_is_worth_what_it_is_worth(seed: int) -> None:
    """Nothing is lost on the way over shares, not even of the last state, behind which nobody is left."""
    model = random_model(seed, zeros=False)
    layout, belief = belief_of(model)
    assert_allclose(belief.prior_size_at(layout.values(layout.network)), belief.prior_size, rtol=1e-9)
    assert (belief.prior_size > 0).all()
