"""Expected counts: two ways, one answer, and the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from bayesdx.diagnosis.simulate import simulate
from bayesdx.inference import Engine
from bayesdx.inference.dense import roles
from bayesdx.learning import expected
from bayesdx.learning.expected import _Dense, _General, expectation
from bayesdx.learning.layout import Layout
from bayesdx.learning.patients import distinct
from bayesdx.network import Network, compile_network
from tests import oracle
from tests.diagnosis.models import random_model
from tests.strategies import random_network

SEEDS = st.integers(0, 2**32 - 1)


def masked(network: Network, rows: int, seed: int, missing: float = 0.5) -> np.ndarray:
    """Patients of a network with missing cells; none of them is impossible."""
    codes = simulate(network, rows, seed % 2**31)
    codes[np.random.default_rng([seed, 1]).random(codes.shape) < missing] = -1
    return codes


@given(SEEDS)
@settings(max_examples=40)
def test_expected_counts_are_the_families_of_the_joint_table(seed: int) -> None:
    """Summed over patients: draws beyond those that the numbers predict, and the log evidence."""
    network = random_network(seed, 4)
    codes = masked(network, 4, seed)
    layout = Layout(network)
    totals = expectation(layout, distinct(codes, np.ones(4))).totals(network)
    expected = np.zeros(layout.size)
    for row in codes:
        families = [oracle.families(network, row)[name] for name in network.names]
        parts = [[family[0], *family[1]] if isinstance(family, tuple) else [family] for family in families]
        expected += np.concatenate([np.ravel(array) for arrays in parts for array in arrays])
    assert totals.log_evidence == pytest.approx(sum(oracle.log_evidence(network, row) for row in codes), abs=1e-9)
    assert_allclose(scores(layout, totals.counts[None]), scores(layout, expected[None]), atol=1e-9)


@given(SEEDS)
@settings(max_examples=30)
def test_the_joint_of_causes_and_the_engine_agree(seed: int) -> None:
    """On models: log evidence, what each patient adds, and that the totals are the sum of it."""
    network = compile_network(random_model(seed, zeros=False))
    chosen = roles(network)
    assert chosen is not None
    codes = masked(network, 12, seed)
    patients, layout = distinct(codes, np.ones(12)), Layout(network)
    dense, general = _Dense(layout, patients, chosen), _General(layout, patients)
    first, second = dense.totals(network), general.totals(network)
    assert first.log_evidence == pytest.approx(second.log_evidence, abs=1e-9)
    rows = np.arange(len(patients))
    by_case = np.zeros((len(patients), layout.size))
    for part, counts in dense.cases(network, rows):
        by_case[part] = counts
    assert_allclose(patients.weights @ by_case, first.counts, atol=1e-9)
    others = np.zeros_like(by_case)
    for part, counts in general.cases(network, rows):
        others[part] = counts
    assert_allclose(scores(layout, by_case), scores(layout, others), atol=1e-9)


def scores(layout: Layout, counts: np.ndarray) -> np.ndarray:
    """Draws beyond those that the numbers predict; 0 where nothing is learned."""
    values = layout.values(layout.network)
    beyond = []
    for position in range(len(layout.network)):
        for own, numbers in zip(layout.split(position, counts), layout.split(position, values), strict=True):
            beyond.append((own - own.sum(axis=-1, keepdims=True) * numbers).reshape(len(counts), -1))
    return np.concatenate(beyond, axis=1)


def test_layout_and_back() -> None:
    """A network from its own vector is the same network."""
    network = random_network(7, 6)
    layout = Layout(network)
    assert layout.network_with(layout.values(network)) == network


def test_equal_rows_count_once_with_their_weights() -> None:
    """Rows of weight 0 vanish; equal rows add up."""
    patients = distinct(np.array([[0, 1], [1, -1], [0, 1], [1, 1]], dtype=np.int32), np.array([1.0, 2.0, 0.5, 0.0]))
    assert patients.codes.tolist() == [[0, 1], [1, -1]]
    assert patients.weights.tolist() == [1.5, 2.0]
    assert patients.total == 3.5


@pytest.mark.parametrize("width", [3, 100])
def test_threads_are_not_started_inside_threads(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Several chunks share the processors, each with one thread of the engine; a single one has them all.

    Compiled code is loaded for all chunks of all passes together.
    """
    given: list[tuple[int | None, int]] = []

    def engine(network: Network, workers: int | None = None, batches: int = 1) -> Engine:
        given.append((workers, batches))
        return Engine(network, workers=workers, batches=batches)

    monkeypatch.setattr(expected, "Engine", engine)
    network = compile_network(random_model(1, zeros=False))
    general = _General(Layout(network), distinct(masked(network, 30, 1), np.ones(30)))
    general.width = width
    general.totals(network)
    chunks = -(-len(general.patients) // width)
    assert given == [(1 if chunks > 1 else None, expected.PASSES * chunks)]
