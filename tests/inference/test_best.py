"""The k most probable configurations are those of the joint table, however they are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from bayesdx.errors import FindingsError, ImpossibleEvidenceError, TooLargeError
from bayesdx.inference import Engine, Evidence
from bayesdx.inference.sizes import Sizes
from bayesdx.network import Network, Node, NoisyMax, Table
from tests import oracle
from tests.strategies import networks_with_evidence, random_evidence, random_network

Case = tuple[Network, Evidence]

BINARY = ("no", "yes")

LISTS = Sizes(ranked_table=0)
"""No table over all variables that are asked for, however few they are."""


def assert_ranked(network: Network, evidence: Evidence, variables: list[str], k: int, sizes: Sizes) -> None:
    """Probabilities to 1e-10, configurations in their order as long as they are possible."""
    found = Engine(network, sizes=sizes).most_probable(evidence, variables, k)
    soft = {name: values[0] for name, values in evidence.likelihoods.items()}
    expected = oracle.most_probable(network, evidence.codes[0], variables, k, soft)
    assert_allclose(found.probabilities, [probability for _, probability in expected], atol=1e-10)
    for codes, (states, probability) in zip(found.codes, expected, strict=True):
        if probability > 1e-9:
            assert tuple(codes) == states


@settings(max_examples=200)
@given(case=networks_with_evidence(most_cases=1), k=st.integers(1, 9), seed=st.integers(0, 1000))
def test_lists_find_the_top_of_the_joint_table(case: Case, k: int, seed: int) -> None:
    """Hard and soft evidence, one variable or all of them; ties by code; impossible ones last."""
    network, evidence = case
    if Engine(network).propagate(evidence, targets=()).impossible[0]:
        return
    rng = np.random.default_rng(seed)
    chosen = [str(name) for name in rng.permutation(network.names)[: rng.integers(1, len(network) + 1)]]
    assert_ranked(network, evidence, chosen, k, LISTS)


@pytest.mark.parametrize("lists", [(1,), (1, 3), (4, 64)])
@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 3), rounded=st.booleans())
def test_short_lists_are_made_longer_or_refused(lists: tuple[int, ...], seed: int, k: int, rounded: bool) -> None:
    """An answer from lists that were cut is the right one; where that is not certain, there is none."""
    rng = np.random.default_rng(seed)
    network = random_network(seed, 8)
    if rounded:
        network = with_even_rows(network, rng)
    evidence = random_evidence(network, seed, 1, 0.2)
    if Engine(network).propagate(evidence, targets=()).impossible[0]:
        return
    chosen = [str(name) for name in rng.permutation(network.names)[:5]]
    try:
        assert_ranked(network, evidence, chosen, k, Sizes(ranked_table=0, ranked_lists=lists))
    except TooLargeError as error:
        assert "ways to fill in a part of" in str(error)


def with_even_rows(network: Network, rng: np.random.Generator) -> Network:
    """The same links with rows that are even or certain, so that many configurations are equally probable."""

    def even(values: np.ndarray) -> np.ndarray:
        states = values.shape[-1]
        certain = np.eye(states)[rng.integers(states, size=values.shape[:-1])]
        return np.where(rng.random((*values.shape[:-1], 1)) < 0.4, certain, 1 / states)

    nodes = []
    for node in network.nodes:
        if isinstance(node.cpd, Table):
            cpd: Table | NoisyMax = Table(even(node.cpd.values))
        else:
            cpd = NoisyMax(even(node.cpd.leak), tuple(even(link) for link in node.cpd.links))
        nodes.append(Node(node.name, node.states, node.parents, cpd))
    return Network(tuple(nodes), network.targets)


def noisy_or_network(seed: int, causes: int, findings: int, rounded: bool) -> Network:
    """Two layers; with ``rounded`` numbers many sets of causes are equally probable, and some links are certain."""
    rng = np.random.default_rng(seed)
    nodes = []
    for number in range(causes):
        if rounded and number % 5 == 0:
            nodes.append(Node(f"c{number}", ("a", "b", "c"), (), Table([[0.5, 0.25, 0.25], [1.0, 0, 0]][number % 2])))
        else:
            prior = float(rng.choice([0.1, 0.5, 0.7])) if rounded else rng.uniform(0.01, 0.6)
            nodes.append(Node(f"c{number}", BINARY, (), Table([1 - prior, prior])))
    for number in range(findings):
        chosen = rng.permutation(causes)[: int(rng.integers(1, 6))]
        links = []
        for place in chosen:
            count = len(nodes[place].states) - 1
            acts = rng.choice([0.0, 0.5, 1.0, 0.3], size=count) if rounded else rng.uniform(0.05, 0.95, size=count)
            links.append(np.array([[1.0, 0.0], *([1 - act, act] for act in acts)]))
        leak = float(rng.choice([0.0, 0.1])) if rounded else rng.uniform(0.01, 0.2)
        parents = tuple(f"c{place}" for place in chosen)
        nodes.append(Node(f"f{number}", BINARY, parents, NoisyMax([1 - leak, leak], tuple(links))))
    return Network(tuple(nodes), tuple(f"c{number}" for number in range(causes)))


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 8), rounded=st.booleans())
def test_causes_that_others_can_stand_in_for_are_not_missed(seed: int, k: int, rounded: bool) -> None:
    """Two layers of noisy-OR: leaving out causes that no probable set holds changes no answer and no order."""
    network = noisy_or_network(seed, 15, 7, rounded)
    rng = np.random.default_rng(seed)
    codes = np.full((1, len(network)), -1)
    codes[0, [network.index[f"f{number}"] for number in range(7)]] = rng.choice([1, 1, 0, -1], size=7)
    if rng.random() < 0.3:
        codes[0, network.index["c3"]] = rng.integers(2)
    evidence = Evidence(codes, {"f1": rng.random((1, 2))} if rng.random() < 0.3 else {})
    engine = Engine(network, sizes=LISTS)
    assert engine.plan.backend == "noisy_or"
    if engine.propagate(evidence, targets=()).impossible[0]:
        return
    order = [str(name) for name in rng.permutation(network.targets)]
    found = engine.most_probable(evidence, order, k)
    expected = Engine(network, backend="junction_tree", sizes=LISTS).most_probable(evidence, order, k)
    assert_allclose(found.probabilities, expected.probabilities, rtol=1e-9)
    assert_array_equal(found.codes, expected.codes)


@pytest.mark.parametrize("causes", [30, 1000, 1030])
def test_a_thousand_causes_of_one_finding(causes: int) -> None:
    """By symmetry: all absent, then each cause alone, the last one first, as ties go by code."""
    roots = [Node(f"c{number}", BINARY, (), Table([0.99, 0.01])) for number in range(causes)]
    gate = NoisyMax([0.99, 0.01], ([[1, 0], [0.5, 0.5]],) * causes)
    names = tuple(root.name for root in roots)
    network = Network((*roots, Node("x", BINARY, names, gate)), names)
    evidence = Evidence([[*[-1] * causes, 1]])
    for backend in ("auto", "junction_tree"):
        found = Engine(network, backend=backend).most_probable(evidence, names, 3)
        assert [np.flatnonzero(row).tolist() for row in found.codes] == [[], [causes - 1], [causes - 2]]
        total = 1 - 0.99 * 0.995**causes
        none, one = 0.99**causes * 0.01, 0.99 ** (causes - 1) * 0.01 * (1 - 0.99 * 0.5)
        assert_allclose(found.probabilities, np.array([none, one, one]) / total, rtol=1e-9)


def test_independent_variables_in_thousands() -> None:
    """The k best of 3,000 coins differ from the best one in the coins of least consequence."""
    chances = np.linspace(0.51, 0.99, 3000)
    network = Network([Node(f"c{place}", BINARY, (), Table([p, 1 - p])) for place, p in enumerate(chances)])
    found = Engine(network).most_probable({}, k=3)
    best = np.log(chances).sum()
    odds = np.log(chances / (1 - chances))
    assert [np.flatnonzero(row).tolist() for row in found.codes] == [[], [0], [1]]
    assert_allclose(found.probabilities, np.exp(best - np.array([0, odds[0], odds[1]])), rtol=1e-9)


def test_the_most_probable_explanation_of_a_chain_by_dynamic_programming() -> None:
    """A hidden Markov chain of 200 steps and 5 states: Viterbi finds the same path with the same probability."""
    rng = np.random.default_rng(3)
    start, move, seen = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(5), 5), rng.dirichlet(np.ones(4), 5)
    states, signs = tuple("abcde"), tuple("wxyz")
    nodes = [Node("h0", states, (), Table(start))]
    nodes += [Node(f"h{t}", states, (f"h{t - 1}",), Table(move)) for t in range(1, 200)]
    nodes += [Node(f"o{t}", signs, (f"h{t}",), Table(seen)) for t in range(200)]
    network = Network(tuple(nodes))
    observed = rng.integers(4, size=200)
    score = np.log(start) + np.log(seen[:, observed[0]])
    back = []
    for sign in observed[1:]:
        step = score[:, None] + np.log(move)
        back.append(step.argmax(axis=0))
        score = step.max(axis=0) + np.log(seen[:, sign])
    path = [int(score.argmax())]
    for choices in reversed(back):
        path.append(int(choices[path[-1]]))
    evidence = {f"o{t}": signs[code] for t, code in enumerate(observed)}
    found = Engine(network).most_probable(evidence, [f"h{t}" for t in range(200)])
    assert found.codes[0].tolist() == path[::-1]
    log_evidence = Engine(network).log_evidence(pd.DataFrame([evidence]))[0]
    assert_allclose(np.log(found.probabilities[0]), score.max() - log_evidence, rtol=1e-10)


def test_faint_configurations_keep_their_digits() -> None:
    """300 variables whose states differ by a factor of 1e12: nothing underflows on the way."""
    table = [1 - 1e-12, 1e-12]
    network = Network([Node(f"c{place}", BINARY, (), Table(table)) for place in range(300)])
    likelihoods = {f"c{place}": [[1e-12, 1.0]] for place in range(300)}
    evidence = Evidence(np.full((1, 300), -1), likelihoods)
    found = Engine(network).most_probable(evidence, k=2)
    each = np.array([1 - 1e-12, 1.0]) / (2 - 1e-12)
    assert_allclose(found.probabilities, [each[1] ** 300, each[1] ** 299 * each[0]], rtol=1e-9)


def test_what_is_observed_has_its_state() -> None:
    """Variables that were observed may be asked for; all variables are asked for where none are named."""
    rain = Node("rain", BINARY, (), Table([0.8, 0.2]))
    wet = Node("wet", BINARY, ("rain",), Table([[0.9, 0.1], [0.1, 0.9]]))
    engine = Engine(Network([rain, wet]), sizes=LISTS)
    found = engine.most_probable({"wet": "yes"}, k=4)
    expected = pd.DataFrame(
        {
            "rain": ["yes", "no", "no", "yes"],
            "wet": ["yes", "yes", "no", "no"],
            "probability": [0.18 / 0.26, 0.08 / 0.26, 0.0, 0.0],
        }
    )
    pd.testing.assert_frame_equal(found.frame, expected, check_dtype=False)
    codes, probabilities = found
    assert codes.tolist() == [[1, 1], [0, 1], [0, 0], [1, 0]]
    assert_allclose(probabilities, expected["probability"])
    assert len(engine.most_probable(pd.DataFrame({"wet": ["yes"]}), [], 3)) == 1


def test_what_cannot_be_ranked() -> None:
    """One sentence each: no k, a variable twice or unknown, several cases, findings that cannot be."""
    rain = Node("rain", BINARY, (), Table([1.0, 0.0]))
    engine = Engine(Network([rain]))
    for k in (0, 2.0, True):
        with pytest.raises(FindingsError, match=rf"^most_probable: k = {k}; expected a whole number of at least 1\.$"):
            engine.most_probable({}, ["rain"], k)
    with pytest.raises(FindingsError, match="most_probable: a variable is named twice"):
        engine.most_probable({}, ["rain", "rain"])
    with pytest.raises(FindingsError, match=r"'rian' is not a variable\. Did you mean 'rain'"):
        engine.most_probable({}, ["rian"])
    with pytest.raises(FindingsError, match="evidence: 2 cases; this question takes one"):
        engine.most_probable(Evidence([[-1], [-1]]))
    with pytest.raises(ImpossibleEvidenceError):
        engine.most_probable({"rain": "yes"})
