"""The numbers of a model: each stands where the registry says, with the uncertainty that its interval says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled
from bayesdx.knowledge.schema import FILE, key_of
from bayesdx.network import compile_network
from bayesdx.network.beliefs import LARGEST_SAMPLE, SMALLEST_SAMPLE, _fit, beta_of, fit_sample_sizes
from bayesdx.network.compile import place_values
from tests.diagnosis.models import POPULATIONS, small_models


@given(model=small_models(), population=st.sampled_from(POPULATIONS))
def test_each_number_stands_where_the_registry_says(model: dx.Model, population: str) -> None:
    """The compiled network holds the value of each row at its place, and every row that it uses is registered."""
    model = model.with_population(population)
    network = compile_network(model)
    numbers = compiled(model).parameters
    for number in numbers:
        assert_allclose(place_values(network, number.place)[number.state], number.value, atol=1e-9)
    tabled = {entry.variable for entry in model.tables}
    rows = {("priors.csv", key_of(FILE["priors.csv"], r)) for r in model.priors
            if r.population == population and r.variable not in tabled}  # fmt: skip
    rows |= {("links.csv", key_of(FILE["links.csv"], r)) for r in model.links if r.child not in tabled}
    rows |= {("tables.csv", key_of(FILE["tables.csv"], r)) for r in model.tables}
    assert {(number.file, number.key) for number in numbers} == rows


@given(model=small_models())
def test_distributions_hold_together(model: dx.Model) -> None:
    """Means sum to 1; each number belongs to one distribution; constants never vary; alpha has the right mean."""
    numbers = compiled(model).parameters
    seen = []
    for row in compiled(model).distributions:
        assert_allclose(sum(row.mean), 1.0)
        seen += row.parameters
        assert len(row.free) != 1
        assert np.isfinite(row.sample_size) == bool(row.free)
        for place in row.parameters:
            number = numbers[place]
            if number.value in (0.0, 1.0) or number.upper <= number.lower:
                assert number.state not in row.free
        if row.free:
            total = sum(row.mean[state] for state in row.free)
            expected = [row.mean[state] / total for state in row.free]
            assert_allclose(np.array(row.alpha) / row.sample_size, expected, rtol=1e-9)
    assert sorted(seen) == list(range(len(numbers)))


@given(mean=st.floats(0.001, 0.999), size=st.floats(2.0, 1e6))
@example(mean=0.001, size=7.0)  # a second valley, at size 1,536, is nearer at every point of a coarse grid
@example(mean=0.0152, size=3.07)  # two valleys within a factor of 2.2
def test_the_interval_of_a_beta_gives_that_beta_back(mean: float, size: float) -> None:
    """A Beta's own 95 % interval is matched by that Beta, be it skewed as it may."""
    law = stats.beta(mean * size, (1 - mean) * size)
    found = beta_of(mean, float(law.ppf(0.025)), float(law.ppf(0.975)))
    assert found.mean == mean
    assert_allclose(found.interval(), [law.ppf(0.025), law.ppf(0.975)], atol=2e-3 * law.std() + 1e-12)


@given(mean=st.floats(0.001, 0.999), below=st.floats(0.05, 0.95), above=st.floats(0.05, 0.95))
def test_the_sample_size_is_the_nearest_one(mean: float, below: float, above: float) -> None:
    """No other sample size comes nearer to the interval, on the arcsine-root scale."""
    lower, upper = mean * below, mean + (1 - mean) * above
    found = beta_of(mean, lower, upper).sample_size
    assert SMALLEST_SAMPLE <= found <= LARGEST_SAMPLE

    def distance(size: np.ndarray) -> np.ndarray:
        ends = stats.beta.ppf([[0.025], [0.975]], mean * size, (1 - mean) * size)
        return ((np.arcsin(np.sqrt(ends)) - np.arcsin(np.sqrt([[lower], [upper]]))) ** 2).sum(axis=0)

    grid = np.geomspace(SMALLEST_SAMPLE, 1e5, 400)
    assert distance(np.array([found]))[0] <= distance(grid).min() + 1e-6


@pytest.mark.parametrize("triple", [(0.0, 0.0, 0.2), (1.0, 0.8, 1.0), (0.3, 0.3, 0.3)])
def test_constants(triple: tuple[float, float, float]) -> None:
    """A value of exactly 0 or 1, and an interval without width, are constants."""
    found = beta_of(*triple)
    assert found.sample_size == np.inf
    assert found.interval() == (triple[0], triple[0])


def test_graded_rows_share_one_sample_size() -> None:
    """Intervals of a Dirichlet's marginals give back its one sample size, and rows do not disturb each other."""
    mean = np.array([0.2, 0.3, 0.05])
    size = np.array([40.0, 40.0, 900.0])
    ends = stats.beta.ppf([[0.025], [0.975]], mean * size, (1 - mean) * size)
    assert_allclose(fit_sample_sizes(mean, ends[0], ends[1], [0, 0, 1]), [40.0, 900.0], rtol=1e-2)


@settings(max_examples=60)
@given(model=small_models(), seed=st.integers(0, 2**32 - 1))
def test_draws_are_distributions_and_keep_constants(model: dx.Model, seed: int) -> None:
    """Rows of draws sum to 1, constants stay, and the same seed gives the same draws for fewer variables."""
    from bayesdx.diagnosis.draws import draw_parameters, drawn_values

    uncertain = {row.place.node for row in compiled(model).distributions if row.free}
    if not uncertain:
        with pytest.raises(dx.ModelError, match="none of these variables of random_model has an uncertain number"):
            draw_parameters(model, 3, seed)
        return
    drawn = draw_parameters(model, 5, seed)
    assert set(drawn.cpds) == uncertain
    numbers = compiled(model).parameters
    values = drawn_values(drawn, numbers, model)
    rows = compiled(model).distributions
    for column, number in enumerate(numbers):
        if number.state not in rows[number.row].free:
            assert_allclose(values[:, column], number.value, atol=1e-9)
    assert ((values >= 0) & (values <= 1)).all()
    some = sorted(uncertain)[0]
    fewer = draw_parameters(model, 5, seed, [some])
    kept = [n for n in numbers if n.place.node == some]
    assert_allclose(drawn_values(fewer, kept, model), drawn_values(drawn, kept, model), atol=0)
    for cpd in drawn.cpds.values():
        arrays = [cpd] if isinstance(cpd, np.ndarray) else [cpd.leak, *cpd.links]
        for array in arrays:
            assert_allclose(array.sum(axis=-1), 1.0, atol=1e-9)


def test_draws_have_the_moments_of_their_beliefs() -> None:
    """Means and deviations of many draws are those of the Beta of each number."""
    from bayesdx.diagnosis.draws import draw_parameters, drawn_values

    model = dx.load_model("hip_flexion_weakness@1.0.0")
    numbers, rows = compiled(model).parameters, compiled(model).distributions
    values = drawn_values(draw_parameters(model, 4000, 11), numbers, model)
    for column, number in enumerate(numbers):
        size = rows[number.row].sample_size
        deviation = np.sqrt(number.value * (1 - number.value) / (size + 1))
        assert_allclose(values[:, column].mean(), number.value, atol=6 * deviation / np.sqrt(4000) + 1e-5)
        assert_allclose(values[:, column].std(), deviation, rtol=0.25, atol=1e-5)
    with pytest.raises(dx.ModelError, match=r"^draw_parameters: draws = 0; expected at least 1\.$"):
        draw_parameters(model, 0, 0)


def test_sizes_of_many_are_those_of_each() -> None:
    """To the last bit, in any company and order, asked for once or again."""
    rng = np.random.default_rng(5)
    mean = rng.uniform(0.01, 0.99, 30)
    lower, upper = mean * rng.uniform(0.2, 0.9, 30), 1 - (1 - mean) * rng.uniform(0.2, 0.9, 30)
    row = np.repeat(np.arange(20), [2, 1] * 10)
    numbers = np.stack([mean, lower, upper], axis=1)
    alone = np.concatenate([_fit(numbers[row == number], row[row == number] * 0) for number in range(20)])
    assert (fit_sample_sizes(mean, lower, upper, row) == alone).all()
    order = np.concatenate([np.flatnonzero(row == number) for number in rng.permutation(20)])
    twice = np.concatenate([row[order], row[order] + 20])
    assert (fit_sample_sizes(*np.tile(numbers[order], (2, 1)).T, twice) == np.tile(alone, 2)).all()


def test_no_numbers_have_no_sample_sizes() -> None:
    """An empty answer, as for a model without numbers that may move."""
    assert fit_sample_sizes([], [], [], []).shape == (0,)
