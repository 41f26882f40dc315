"""Noisy gates are what they are said to be: causes that act by themselves, the highest grade shows."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from bayesdx.errors import NetworkError, TooLargeError
from bayesdx.network import NoisyMax, henrion_from_link, link_from_henrion, noisy_max, noisy_or
from tests.network.networks import random_gate
from tests.strategies import distribution

SEEDS = st.integers(0, 2**32 - 1)


def test_noisy_or_by_hand() -> None:
    """One minus the product of what each cause leaves out."""
    leak, link = 0.1, [0.8, 0.5]
    assert_allclose(noisy_or(leak, link, [0, 0]), 0.1)
    assert_allclose(noisy_or(leak, link, [1, 0]), 1 - 0.9 * 0.2)
    assert_allclose(noisy_or(leak, link, [0, 1]), 1 - 0.9 * 0.5)
    assert_allclose(noisy_or(leak, link, [1, 1]), 1 - 0.9 * 0.2 * 0.5)


@pytest.mark.parametrize("link", [0.0, 1.0])
def test_noisy_or_at_its_ends(link: float) -> None:
    """A certain cause makes the finding certain; an idle one leaves the leak; an absent one always does."""
    assert noisy_or(0.25, [link], [1]) == (1.0 if link else 0.25)
    assert noisy_or(0.25, [link], [0]) == 0.25
    assert noisy_or(0.0, [], []) == 0.0


@given(seed=SEEDS, causes=st.integers(0, 5))
def test_two_grades_of_noisy_max_are_noisy_or(seed: int, causes: int) -> None:
    """With two states, the gate is the leaky noisy-OR."""
    rng = np.random.default_rng(seed)
    leak, link = rng.random(), rng.random(causes)
    present = rng.integers(0, 2, size=(7, causes))
    found = noisy_max([1 - leak, leak], [[[1, 0], [1 - p, p]] for p in link], list(present.T))
    assert_allclose(np.broadcast_to(found[..., 1], 7), noisy_or(leak, link, present), atol=1e-14)


@given(seed=SEEDS, parents=st.integers(0, 3), states=st.integers(1, 4))
def test_noisy_max_is_the_maximum_of_independent_draws(seed: int, parents: int, states: int) -> None:
    """Leak and parents draw a grade each; P(f = x) sums the probability of every draw whose highest grade is x."""
    gate = random_gate(seed, parents, states)
    table = gate.table()
    for codes in itertools.product(*(range(link.shape[0]) for link in gate.links)):
        rows = [gate.leak, *(link[code] for link, code in zip(gate.links, codes, strict=True))]
        expected = np.zeros(states)
        for grades in itertools.product(range(states), repeat=len(rows)):
            expected[max(grades)] += math.prod(row[grade] for row, grade in zip(rows, grades, strict=True))
        assert_allclose(table[codes], expected, atol=1e-14)


@given(seed=SEEDS, parents=st.integers(0, 4), states=st.integers(1, 5))
def test_a_gate_gives_distributions(seed: int, parents: int, states: int) -> None:
    """No negative number, and every row sums to 1."""
    gate = random_gate(seed, parents, states)
    table = noisy_max(gate.leak, gate.links, list(np.indices(tuple(link.shape[0] for link in gate.links))))
    assert (table >= 0).all()
    assert_allclose(table.sum(axis=-1), 1, atol=1e-14)


def test_the_order_of_parents_is_irrelevant() -> None:
    """Causes that act by themselves do not know of each other."""
    gate = random_gate(5, 3, 3)
    other = NoisyMax(gate.leak, gate.links[::-1])
    assert_allclose(gate.table(), np.moveaxis(other.table(), [2, 1, 0], [0, 1, 2]), atol=1e-15)


def test_the_conversion_of_henrion_by_hand() -> None:
    """P(finding | only this cause) = 0.82 with a leak of 0.1 is a link of 0.8."""
    assert_allclose(link_from_henrion([0.18, 0.82], [0.9, 0.1]), [0.2, 0.8])
    assert_allclose(henrion_from_link([0.2, 0.8], [0.9, 0.1]), [0.18, 0.82])
    assert_allclose(link_from_henrion([[0.18, 0.82], [0.9, 0.1]], [0.9, 0.1]), [[0.2, 0.8], [1, 0]])


@given(seed=SEEDS, states=st.integers(1, 5))
def test_from_link_to_henrion_and_back(seed: int, states: int) -> None:
    """The link comes back where the leak leaves the reference state possible."""
    rng = np.random.default_rng(seed)
    link, leak = distribution(rng, (3, states)), distribution(rng, (states,), zeros=0.0)
    leak = (leak + 0.01) / (leak + 0.01).sum()
    assert_allclose(link_from_henrion(henrion_from_link(link, leak), leak), link, atol=1e-12)


@given(seed=SEEDS, states=st.integers(1, 5))
def test_from_henrion_to_link_and_back(seed: int, states: int) -> None:
    """P(grade | only this cause) comes back wherever a noisy gate can say it."""
    rng = np.random.default_rng(seed)
    leak = distribution(rng, (states,), zeros=0.0)
    leak = (leak + 0.01) / (leak + 0.01).sum()
    only = noisy_max(leak, [distribution(rng, (1, states))], [np.array([0])])
    assert_allclose(henrion_from_link(link_from_henrion(only, leak), leak), only, atol=1e-12)


@given(seed=SEEDS, states=st.integers(1, 5))
def test_any_pair_of_distributions_gives_a_link(seed: int, states: int) -> None:
    """What no gate can say becomes the nearest thing it can: a distribution all the same."""
    rng = np.random.default_rng(seed)
    link = link_from_henrion(distribution(rng, (4, states)), distribution(rng, (states,)))
    assert (link >= 0).all()
    assert_allclose(link.sum(axis=-1), 1, atol=1e-12)


def test_a_cause_that_makes_a_finding_rarer_has_no_link() -> None:
    """A noisy gate only adds."""
    assert_allclose(link_from_henrion([0.95, 0.05], [0.9, 0.1]), [1, 0])


def test_a_gate_too_large_to_expand_says_so() -> None:
    """Its memory would be 2^(n+1) numbers; the gate itself stays small."""
    gate = NoisyMax([0.9, 0.1], [[[1, 0], [0.5, 0.5]]] * 2000)
    with pytest.raises(TooLargeError) as raised:
        gate.table()
    assert str(raised.value) == "a noisy gate of 2000 parents would expand to about 10^602 cells; keep it as a gate."


@pytest.mark.parametrize(
    ("leak", "links", "sentence"),
    [
        ([0.5, 0.4], [], "leak: a row sums to 0.9; expected 1."),
        ([1.5, -0.5], [], "leak: expected finite probabilities of at least 0."),
        ([float("nan"), 1], [], "leak: expected finite probabilities of at least 0."),
        ([1, 0], [[[1, 0], [0.5, 0.6]]], "link: a row sums to 1.1; expected 1."),
        ([], [], "leak: shape (0,); expected a last axis of states."),
        ([1, 0], [[[1, 0, 0]]], "noisy gate: leak of shape (2,), links of shapes [(1, 3)]; "
                                "expected (n_states,) and (n_parent_states, n_states)."),
    ],
)  # fmt: skip
def test_what_is_no_gate(leak: list[float], links: list[list[list[float]]], sentence: str) -> None:
    with pytest.raises(NetworkError) as raised:
        NoisyMax(leak, links)
    assert str(raised.value) == sentence
