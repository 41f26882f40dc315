"""Laws of propagation, one test each."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from bayesdx.errors import (
    FindingsError,
    ImpossibleEvidenceError,
    MissingExtraError,
    NetworkError,
    TooLargeError,
)
from bayesdx.inference import (
    Engine,
    Evidence,
    GateDraws,
    GateFamily,
    ParameterDraws,
    Propagation,
    kernels,
)
from bayesdx.inference.kernels import Kernel
from bayesdx.inference.sizes import Sizes
from bayesdx.network import Network, Node, NoisyMax, Table
from tests import oracle
from tests.strategies import networks_with_evidence, random_evidence, random_network

Case = tuple[Network, Evidence]

BINARY = ("no", "yes")


def assert_same(found: Propagation, expected: Propagation, tolerance: float = 1e-10) -> None:
    """Log evidence and marginals, and the families that both have, agree."""
    assert_allclose(found.log_evidence, expected.log_evidence, atol=tolerance)
    for name, values in found.marginals.items():
        assert_allclose(values, expected.marginals[name], atol=tolerance)
    for name in set(found.families) & set(expected.families):
        for one, two in zip(values_of(found.families[name]), values_of(expected.families[name]), strict=True):
            assert_allclose(one, two, atol=tolerance)


def values_of(family: object) -> list[np.ndarray]:
    return [family.leak, *family.links] if isinstance(family, GateFamily) else [np.asarray(family)]


@settings(max_examples=60)
@given(case=networks_with_evidence(), seed=st.integers(0, 1000))
def test_the_order_of_variables_and_rows_is_irrelevant(case: Case, seed: int) -> None:
    """Permuting the variables of the network or the rows of the evidence permutes the answer and nothing else."""
    network, evidence = case
    rng = np.random.default_rng(seed)
    shuffled = Network(tuple(network.nodes[place] for place in rng.permutation(len(network))), network.targets)
    rows = rng.permutation(len(evidence))
    columns = [network.index[name] for name in shuffled.names]
    soft = {name: values[rows] for name, values in evidence.likelihoods.items()}
    first = Engine(network).propagate(evidence, targets=network.names)
    second = Engine(shuffled).propagate(Evidence(evidence.codes[rows][:, columns], soft), targets=network.names)
    assert_allclose(second.log_evidence, first.log_evidence[rows], atol=1e-10)
    for name in network.names:
        assert_allclose(second.marginals[name], first.marginals[name][rows], atol=1e-10)


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@settings(max_examples=40)
@given(case=networks_with_evidence(most_cases=5))
def test_a_batch_equals_its_rows(kernel: str, case: Case) -> None:
    """What a case is answered does not depend on the cases beside it."""
    network, evidence = case
    engine = Engine(network, kernel=kernel)
    together = engine.propagate(evidence, targets=network.names, families=True)
    for row in range(len(evidence)):
        alone = engine.propagate(evidence.take([row]), targets=network.names, families=True)
        assert_allclose(alone.log_evidence[0], together.log_evidence[row], atol=1e-12)
        for name in network.names:
            assert_allclose(alone.marginals[name][0], together.marginals[name][row], atol=1e-12)
            for one, many in zip(values_of(alone.families[name]), values_of(together.families[name]), strict=True):
                assert_allclose(one[0], many[row], atol=1e-12)


@settings(max_examples=60)
@given(case=networks_with_evidence(most_cases=4))
def test_kernels_and_back_ends_agree(case: Case) -> None:
    """numpy and numba, the dense joint and the junction tree return the same numbers to 1e-12."""
    network, evidence = case
    results = [
        Engine(network, backend=backend, kernel=kernel).propagate(evidence, targets=network.names)
        for backend, kernel in itertools.product(("auto", "junction_tree"), ("numpy", "numba"))
    ]
    for result in results[1:]:
        assert_allclose(result.log_evidence, results[0].log_evidence, atol=1e-11, rtol=1e-12)
        for name in network.names:
            assert_allclose(result.marginals[name], results[0].marginals[name], atol=1e-12)


@settings(max_examples=60)
@given(case=networks_with_evidence(), name=st.integers(0, 5))
def test_a_likelihood_of_ones_says_nothing(case: Case, name: int) -> None:
    """Not observed, and a likelihood of ones, change nothing; a likelihood's constant moves only the evidence."""
    network, evidence = case
    chosen = network.names[name % len(network)]
    ones = np.ones((len(evidence), len(network[chosen].states)))
    if chosen in evidence.likelihoods:
        return
    engine = Engine(network)
    before = engine.propagate(evidence, targets=network.names)
    after = engine.propagate(
        Evidence(evidence.codes, {**evidence.likelihoods, chosen: 7.0 * ones}), targets=network.names
    )
    assert_allclose(after.log_evidence, before.log_evidence + np.log(7.0), atol=1e-10)
    for target in network.names:
        assert_allclose(after.marginals[target], before.marginals[target], atol=1e-10)


@settings(max_examples=60)
@given(case=networks_with_evidence())
def test_a_set_of_one_state_is_that_state(case: Case) -> None:
    """A likelihood with a single 1 equals the code of its state."""
    network, evidence = case
    soft = dict(evidence.likelihoods)
    for name, card in zip(network.names, network.cardinalities, strict=True):
        column = evidence.codes[:, network.index[name]]
        hard = np.where(column[:, None] < 0, 1.0, column[:, None] == np.arange(card))
        soft[name] = soft.get(name, 1.0) * hard
    engine = Engine(network)
    expected = engine.propagate(evidence, targets=network.names)
    found = engine.propagate(Evidence(np.full_like(evidence.codes, -1), soft), targets=network.names)
    assert_same(found, expected)


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@settings(max_examples=40)
@given(case=networks_with_evidence(most_variables=5), seed=st.integers(0, 1000))
def test_draws_of_parameters_equal_one_network_each(kernel: str, case: Case, seed: int) -> None:
    """Every draw of parameters is answered as the network that has these numbers."""
    network, evidence = case
    others = [redrawn(network, seed + draw) for draw in range(3)]
    cpds = {
        name: stacked([other[name].cpd for other in others]) for name in network.names if hash((seed, name)) % 3
    } or {network.names[0]: stacked([other[network.names[0]].cpd for other in others])}
    result = Engine(network, kernel=kernel).propagate(
        evidence, targets=network.names, families=True, parameters=ParameterDraws(cpds)
    )
    assert result.log_evidence.shape == (3, len(evidence))
    for draw, other in enumerate(others):
        nodes = tuple(other[n.name] if n.name in cpds else n for n in network.nodes)
        expected = Engine(Network(nodes)).propagate(evidence, targets=network.names, families=True)
        assert_allclose(result.log_evidence[draw], expected.log_evidence, atol=1e-10)
        for name in network.names:
            assert_allclose(result.marginals[name][draw], expected.marginals[name], atol=1e-10)
            for one, two in zip(values_of(result.families[name]), values_of(expected.families[name]), strict=True):
                assert_allclose(one[draw], two, atol=1e-10)


def redrawn(network: Network, seed: int) -> Network:
    """The same network with other numbers."""
    rng = np.random.default_rng(seed)

    def fresh(values: np.ndarray) -> np.ndarray:
        return rng.dirichlet(np.ones(values.shape[-1]), size=values.shape[:-1])

    nodes = []
    for node in network.nodes:
        cpd = node.cpd
        numbers = (
            Table(fresh(cpd.values))
            if isinstance(cpd, Table)
            else NoisyMax(fresh(cpd.leak), tuple(fresh(link) for link in cpd.links))
        )
        nodes.append(Node(node.name, node.states, node.parents, numbers))
    return Network(tuple(nodes))


def stacked(cpds: list[Table | NoisyMax]) -> np.ndarray | GateDraws:
    if isinstance(cpds[0], Table):
        return np.stack([cpd.values for cpd in cpds])
    return GateDraws(
        np.stack([cpd.leak for cpd in cpds]),
        tuple(np.stack(links) for links in zip(*(cpd.links for cpd in cpds), strict=True)),
    )


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_unrolling_and_slicing_change_nothing(kernel: str, seed: int) -> None:
    """Gates as chains, gates taken apart by their reference state, trees cut down by evidence: same answer."""
    network = random_network(seed, 6)
    evidence = random_evidence(network, seed, 4)
    plain = Engine(network, backend="junction_tree", kernel="numpy").propagate(
        evidence, targets=network.names, families=True
    )
    sizes = Sizes(expanded_parents=0, unsliced_cells=0, unpruned_cells=-1)
    engine = Engine(network, backend="junction_tree", kernel=kernel, sizes=sizes)
    engine.propagate(evidence, targets=network.names, families=True)
    cut = engine.propagate(evidence, targets=network.names, families=True)
    without = engine.propagate(evidence, targets=network.names)
    assert_same(cut, plain)
    assert_same(without, plain)


@pytest.mark.parametrize("backend", ["auto", "junction_tree"])
@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_threads_change_nothing(backend: Literal["auto", "junction_tree"], seed: int) -> None:
    """Runs of two cases on three threads equal all cases at once on one, marginals alone and with families."""
    network = random_network(seed, 7)
    evidence = random_evidence(network, seed, 21)
    alone = Engine(network, backend=backend, kernel="numba", workers=1)
    sizes = Sizes(hub_states=1, threaded_cells=0, cases_at_once=2)
    several = Engine(network, backend=backend, kernel="numba", workers=3, sizes=sizes)
    assert_same(several.propagate(evidence), alone.propagate(evidence))
    assert_same(several.propagate(evidence, families=True), alone.propagate(evidence, families=True))


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_what_neighbouring_cases_share_is_not_lost(seed: int) -> None:
    """Cases that differ in one code from the one before, each from scratch or not: the same to the last bit."""
    network = random_network(seed, 9)
    rng = np.random.default_rng(seed)
    codes = np.repeat(random_evidence(network, seed, 1).codes, 60, axis=0)
    for row in range(1, 60):
        codes[row] = codes[row - 1]
        v = int(rng.integers(len(network)))
        codes[row, v] = rng.integers(-1, network.cardinalities[v])
    found, expected = (
        Engine(network, backend="junction_tree", kernel="numba", sizes=sizes).propagate(Evidence(codes), network.names)
        for sizes in (Sizes(hub_states=1), Sizes(hub_states=1, alike=-1))
    )
    assert_array_equal(found.log_evidence, expected.log_evidence)
    for name in network.names:
        assert_array_equal(found.marginals[name], expected.marginals[name])


@pytest.mark.parametrize("backend", ["auto", "junction_tree"])
@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@settings(max_examples=60)
@given(seed=st.integers(0, 10_000))
def test_hypothetical_results_of_one_case_are_cases(
    backend: Literal["auto", "junction_tree"], kernel: Kernel, seed: int
) -> None:
    """A case with one or two further findings at a time, impossible ones too, is what it is among cases unlike it."""
    network = random_network(seed, 9)
    above = {name for node in network.nodes for name in node.parents}.union(network.targets)
    codes = random_evidence(network, seed, 1).codes.copy()
    unknown = [v for v, name in enumerate(network.names) if name not in above]
    assume(unknown)
    codes[0, unknown] = -1
    steps = [(v, state) for v in unknown for state in range(network.cardinalities[v])]
    rows = np.repeat(codes, 2 * len(steps), axis=0)
    for row, (v, state) in enumerate(steps):
        rows[row, v] = rows[len(steps) + row, v] = state
        rows[len(steps) + row, steps[seed % len(steps)][0]] = steps[seed % len(steps)][1]
    one_more, two_more = Evidence(rows[: len(steps)]), Evidence(rows)
    questions = ((one_more, network.targets[:1]), (two_more, network.targets), (Evidence(codes), network.names))
    for evidence, targets in questions:
        found = Engine(network, backend=backend, kernel=kernel).propagate(evidence, targets=targets)
        plain = Engine(network, backend="junction_tree", kernel="numpy", sizes=Sizes(hypothetical_rows=0))
        expected = plain.propagate(evidence, targets=targets)
        assert_same(found, expected)


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_hypothetical_results_need_no_more_room_than_cases(kernel: Kernel) -> None:
    """What lies below everything that is asked stays out: a grid of 144 under a cause with six open findings."""
    rng = np.random.default_rng(0)
    side, nodes = 12, []
    for row in range(side):
        for column in range(side):
            parents = [f"g{r}_{c}" for r, c in ((row - 1, column), (row, column - 1)) if r >= 0 and c >= 0]
            table = rng.dirichlet([1, 1], size=(2,) * len(parents))
            nodes.append(Node(f"g{row}_{column}", BINARY, tuple(parents), Table(table)))
    findings = [f"f{number}" for number in range(6)]
    nodes += [Node(name, BINARY, ("g0_0",), Table(rng.dirichlet([1, 1], size=2))) for name in findings]
    engine = Engine(Network(tuple(nodes), targets=("g0_0",)), kernel=kernel, memory_limit=100_000)
    codes = np.full((12, len(nodes)), -1)
    codes[np.arange(12), side**2 + np.arange(12) // 2] = np.arange(12) % 2
    found = engine.propagate(Evidence(codes))
    alone = [engine.propagate(Evidence(codes[[row]])) for row in range(12)]
    assert_allclose(found.log_evidence, np.concatenate([one.log_evidence for one in alone]), atol=1e-10)
    expected = np.concatenate([one.marginals["g0_0"] for one in alone])
    assert_allclose(found.marginals["g0_0"], expected, atol=1e-10)


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@settings(max_examples=60)
@given(seed=st.integers(0, 10_000))
def test_leaves_outside_the_cliques_change_nothing(kernel: str, seed: int) -> None:
    """Childless variables as rows over their parents, or as members of cliques: same answer, alone or in a batch."""
    network = random_network(seed, 8)
    evidence = random_evidence(network, seed, 4)
    outside = Engine(network, backend="junction_tree", kernel=kernel, sizes=Sizes(hub_states=1))
    found = outside.propagate(evidence, targets=network.names, families=True)
    few = outside.propagate(evidence, targets=network.names)
    single = [outside.propagate(evidence.take([row]), targets=network.names) for row in range(4)]
    inside = Engine(network, backend="junction_tree", kernel=kernel, sizes=Sizes(casewise_cells=-1))
    expected = inside.propagate(evidence, targets=network.names, families=True)
    assert_same(found, expected)
    assert_same(few, expected)
    for name in network.names:
        alone = np.concatenate([one.marginals[name] for one in single])
        assert_allclose(alone, expected.marginals[name], atol=1e-10)


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_many_faint_leaves_do_not_underflow(kernel: str) -> None:
    """400 findings of probability 1e-3 each, over two causes: P(evidence) is far below the smallest float."""
    causes = [Node(name, ("no", "yes"), (), Table([0.9, 0.1])) for name in ("a", "b")]
    link = np.array([[1.0, 0.0], [0.998, 0.002]])
    findings = [
        Node(f"f{number}", ("no", "yes"), ("a", "b"), NoisyMax([0.999, 0.001], (link, link))) for number in range(400)
    ]
    network = Network((*causes, *findings))
    codes = np.full((3, 402), 1, dtype=np.int32)
    codes[:, :2] = -1
    codes[1, 2:200] = 0
    codes[2, 2:400] = -1
    sizes = Sizes(hub_states=1, unpruned_variables=1_000)
    engine = Engine(network, backend="junction_tree", kernel=kernel, sizes=sizes)
    result = engine.propagate(Evidence(codes), targets=("a", "b"))
    none, one, both = 0.001, 1 - 0.999 * 0.998, 1 - 0.999 * 0.998**2
    for row, (positive, negative) in enumerate([(400, 0), (202, 198), (2, 0)]):
        weights = np.log([0.81, 0.09, 0.09, 0.01]) + [
            positive * np.log(p) + negative * np.log1p(-p) for p in (none, one, one, both)
        ]
        top = weights.max()
        shares = np.exp(weights - top) / np.exp(weights - top).sum()
        assert_allclose(result.log_evidence[row], top + np.log(np.exp(weights - top).sum()), rtol=1e-12)
        assert_allclose(result.marginals["a"][row, 1], shares[2] + shares[3], rtol=1e-9)


@pytest.mark.parametrize("backend", ["junction_tree", "dense"])
@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@pytest.mark.parametrize("n_cases", [1, 3])
def test_few_leaves_of_every_set_of_causes_do_not_underflow(
    backend: Literal["junction_tree", "dense"], kernel: Kernel, n_cases: int
) -> None:
    """12 findings or fewer over the same causes, 88 in one clique, all of small probability: still the joint table."""
    rng = np.random.default_rng(3)
    causes = [Node(name, BINARY, (), Table([0.7, 0.3])) for name in "abcd"]
    sets = [chosen for size in (1, 2, 3, 4) for chosen in itertools.combinations("abcd", size)]
    drawn = [(chosen, 10.0 ** rng.uniform(-28, -4, (2,) * len(chosen))) for chosen in sets for _ in range(6)]
    findings = [
        Node(f"f{number}", BINARY, chosen, Table(np.stack([1 - p, p], axis=-1)))
        for number, (chosen, p) in enumerate(drawn)
    ]
    network = Network((*causes, *findings), targets=tuple("abcd"))
    codes = np.full((n_cases, len(network)), 1)
    codes[:, :4] = -1
    result = Engine(network, backend=backend, kernel=kernel).propagate(Evidence(codes))
    weights = np.log(np.multiply.outer(np.multiply.outer([0.7, 0.3], [0.7, 0.3]), [[0.49, 0.21], [0.21, 0.09]]))
    for chosen, p in drawn:
        weights = weights + np.log(p).reshape([2 if name in chosen else 1 for name in "abcd"])
    top = weights.max()
    posterior = np.exp(weights - top) / np.exp(weights - top).sum()
    assert_allclose(result.log_evidence, top + np.log(np.exp(weights - top).sum()), rtol=1e-12)
    for axis, name in enumerate("abcd"):
        expected = posterior.sum(axis=tuple(other for other in range(4) if other != axis))
        assert_allclose(result.marginals[name], np.tile(expected, (n_cases, 1)), rtol=1e-9, atol=1e-300)


def test_many_faint_leaves_of_draws_do_not_underflow() -> None:
    """120 findings of probability 1e-3 each, with draws of the prior: as each draw by itself, far below any float."""
    findings = [Node(f"f{number}", BINARY, ("a",), Table([[0.999, 0.001], [0.998, 0.002]])) for number in range(120)]
    network = Network((Node("a", BINARY, (), Table([0.5, 0.5])), *findings))
    codes = np.full((2, 121), 1)
    codes[:, 0] = -1
    codes[1, 60:] = 0
    draws = ParameterDraws({"a": np.array([[0.5, 0.5], [0.4, 0.6]])})
    for kernel in ("numpy", "numba"):
        result = Engine(network, backend="junction_tree", kernel=kernel).propagate(
            Evidence(codes), ["a"], parameters=draws
        )
        for draw, prior in enumerate([0.5, 0.6]):
            for row, (positive, negative) in enumerate([(120, 0), (59, 61)]):
                present = math.log(prior) + positive * math.log(0.002) + negative * math.log(0.998)
                absent = math.log(1 - prior) + positive * math.log(0.001) + negative * math.log(0.999)
                assert_allclose(result.log_evidence[draw, row], np.logaddexp(present, absent), rtol=1e-12)
                share = math.exp(absent - np.logaddexp(present, absent))
                assert_allclose(result.marginals["a"][draw, row, 0], share, rtol=1e-9)


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@pytest.mark.parametrize("targets", [(), ("h",)])
@pytest.mark.parametrize("scale", [1e-120, 1e-70, 1e200, 1e308])
def test_likelihoods_are_known_up_to_a_constant(kernel: Kernel, targets: tuple[str, ...], scale: float) -> None:
    """However large or small: six vectors times a constant move log evidence by six logarithms, and nothing else."""
    findings = [Node(f"f{number}", BINARY, ("h",), Table([[0.9, 0.1], [0.8, 0.2]])) for number in range(6)]
    network = Network((Node("h", BINARY, (), Table([0.5, 0.5])), *findings), targets=targets)
    nothing = np.full((1, 7), -1)
    engine = Engine(network, kernel=kernel)
    plain = engine.propagate(Evidence(nothing, {f"f{k}": [[1.0, 0.5]] for k in range(6)}), ["h"])
    scaled = engine.propagate(Evidence(nothing, {f"f{k}": [[scale, scale / 2]] for k in range(6)}), ["h"])
    assert_allclose(scaled.log_evidence, plain.log_evidence + 6 * math.log(scale), rtol=1e-12)
    assert_allclose(scaled.marginals["h"], plain.marginals["h"], rtol=1e-12)


def test_the_answers_of_one_case_are_in_the_order_asked_and_read_only() -> None:
    """Whatever way is taken to them: causes before findings or after, alone or in a batch."""
    wet = Node("wet", BINARY, ("rain",), Table([[0.9, 0.1], [0.2, 0.8]]))
    network = Network((Node("rain", BINARY, (), Table([0.8, 0.2])), wet), targets=("rain",))
    for backend in ("dense", "junction_tree"):
        for n_cases in (1, 2):
            result = Engine(network, backend=backend, kernel="numpy").propagate(
                Evidence(np.full((n_cases, 2), -1)), ["wet", "rain"]
            )
            assert list(result.marginals) == ["wet", "rain"]
            assert not any(values.flags.writeable for values in result.marginals.values())


def test_less_than_one_thread_is_refused() -> None:
    """The number asked for is named."""
    network = Network((Node("coin", ("heads", "tails"), (), Table([0.5, 0.5])),))
    with pytest.raises(ValueError, match="workers: 0; expected at least 1"):
        Engine(network, workers=0)


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@pytest.mark.parametrize("order", ["together", "alternating"])
def test_a_hub_of_300_children_does_not_underflow(kernel: str, order: str) -> None:
    """Strong findings that cancel leave the prior, in exact arithmetic and here, though their product is 1e-900."""
    network, codes = hub(300, order)
    expected = Fraction(3, 10)
    result = Engine(network, backend="junction_tree", kernel=kernel).propagate(Evidence(codes), targets=["hub"])
    assert_allclose(result.marginals["hub"][0, 0], float(expected), atol=1e-12)
    dense = Engine(network, backend="dense", kernel=kernel).propagate(Evidence(codes))
    assert_allclose(dense.marginals["hub"][0, 0], float(expected), atol=1e-12)
    assert_allclose(dense.log_evidence, result.log_evidence, rtol=1e-12)


def hub(children: int, order: str) -> tuple[Network, np.ndarray]:
    parent = Node("hub", BINARY, (), Table([0.3, 0.7]))
    rows = {True: [[1e-6, 1 - 1e-6], [1e-3, 1 - 1e-3]], False: [[1e-3, 1 - 1e-3], [1e-6, 1 - 1e-6]]}
    kinds = [number < children // 2 if order == "together" else number % 2 == 0 for number in range(children)]
    nodes = [Node(f"f{number}", BINARY, ("hub",), Table(rows[kind])) for number, kind in enumerate(kinds)]
    codes = np.zeros((1, children + 1), dtype=int)
    codes[0, 0] = -1
    return Network((parent, *nodes), targets=("hub",)), codes


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_a_gate_of_30_parents_equals_exact_arithmetic(kernel: str) -> None:
    """A noisy-OR of 30 causes: P(cause | finding) by its formula in rational numbers."""
    priors = [Fraction(1 + number % 7, 100) for number in range(30)]
    links = [Fraction(1 + number % 9, 10) for number in range(30)]
    leak = Fraction(1, 50)
    silent = 1 - leak
    for prior, link in zip(priors, links, strict=True):
        silent *= 1 - prior * link
    causes = [Node(f"c{i}", BINARY, (), Table([float(1 - p), float(p)])) for i, p in enumerate(priors)]
    matrices = tuple([[1.0, 0.0], [float(1 - link), float(link)]] for link in links)
    gate = NoisyMax([float(1 - leak), float(leak)], matrices)
    network = Network((*causes, Node("f", BINARY, tuple(cause.name for cause in causes), gate)))
    codes = np.full((1, 31), -1)
    codes[0, 30] = 1
    for backend in ("auto", "junction_tree"):
        targets = tuple(cause.name for cause in causes)
        result = Engine(network, backend=backend, kernel=kernel).propagate(Evidence(codes), targets=targets)
        for i, (prior, link) in enumerate(zip(priors, links, strict=True)):
            without = silent / (1 - prior * link) * (1 - link)
            expected = prior * (1 - without) / (1 - silent)
            assert_allclose(result.marginals[f"c{i}"][0, 1], float(expected), atol=1e-12)


def test_small_probabilities_keep_their_digits() -> None:
    """P(finding) of 1e-12 is not 1 minus something: the posterior that rests on it is right to 1e-10."""
    cause = Node("c", BINARY, (), Table([0.5, 0.5]))
    gate = NoisyMax([1 - 1e-12, 1e-12], ([[1, 0], [1 - 3e-12, 3e-12]],))
    network = Network((cause, Node("f", BINARY, ("c",), gate)), targets=("c",))
    odds = Fraction(gate.leak[1]) / (Fraction(gate.leak[1]) + Fraction(gate.leak[0]) * Fraction(gate.links[0][1, 1]))
    for backend in ("dense", "junction_tree"):
        present = Engine(network, backend=backend).propagate(Evidence([[-1, 1]])).marginals["c"][0, 1]
        assert_allclose(present, float(1 / (1 + odds)), rtol=1e-9)


def two_layer(seed: int, n_diseases: int = 15, n_findings: int = 4) -> Network:
    rng = np.random.default_rng(seed)
    nodes = []
    for disease in range(n_diseases):
        prior = rng.uniform(0.01, 0.5)
        nodes.append(Node(f"d{disease}", BINARY, (), Table([1 - prior, prior])))
    for finding in range(n_findings):
        parents = [f"d{d}" for d in np.flatnonzero(rng.random(n_diseases) < 0.4)] or ["d0"]
        links = []
        for link in rng.random(len(parents)):
            acts = 1.0 if link > 0.9 else link
            links.append([[1.0, 0.0], [1 - acts, acts]])
        leak = float(rng.choice([0.0, 0.01, 0.3]))
        nodes.append(Node(f"f{finding}", BINARY, tuple(parents), NoisyMax([1 - leak, leak], tuple(links))))
    return Network(tuple(nodes))


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_the_noisy_or_programme_equals_the_junction_tree(kernel: Kernel, seed: int) -> None:
    """Two layers of noisy-OR: all posteriors by dynamic programming and by message passing agree."""
    network = two_layer(seed, n_findings=6)
    evidence = random_evidence(network, seed, 3, observed=0.5, soft=0.2)
    diseases = [name for name in network.names if name.startswith("d")]
    found = Engine(network, backend="noisy_or", kernel=kernel).propagate(evidence, targets=diseases)
    expected = Engine(network, backend="junction_tree").propagate(evidence, targets=diseases)
    assert_same(found, expected)


def test_importance_sampling_is_within_its_standard_error_and_only_on_request() -> None:
    """Too large: refused with advice; sampled on request, 95 % within 3 standard errors; refused if too few."""
    network = two_layer(3, 40, 12)
    diseases = [name for name in network.names if name.startswith("d")]
    codes = np.full((1, len(network)), -1)
    codes[0, [network.index[f"f{number}"] for number in range(8)]] = 1
    evidence = Evidence(codes)
    exact = Engine(network, backend="noisy_or").propagate(evidence, targets=diseases)
    small = Engine(network, backend="noisy_or", memory_limit=1000)
    with pytest.raises(TooLargeError, match="pass approximate=True for importance sampling"):
        small.propagate(evidence, targets=diseases)
    sampled = small.propagate(evidence, targets=diseases, approximate=True, samples=20_000, seed=1)
    assert exact.approximation is None and sampled.approximation is not None
    assert sampled.approximation.effective_sample_size[0] > 200
    errors = [
        abs(sampled.marginals[name][0, 1] - exact.marginals[name][0, 1])
        / max(sampled.approximation.standard_error[name][0, 1], 1e-6)
        for name in diseases
    ]
    assert np.mean(np.array(errors) < 3) >= 0.95
    assert_allclose(sampled.log_evidence, exact.log_evidence, atol=0.2)
    with pytest.raises(TooLargeError, match="effective sample size"):
        small.propagate(evidence, targets=diseases, approximate=True, samples=50)


def test_a_network_beyond_memory_is_refused_with_its_size() -> None:
    """Nothing is approximated silently: the error says how large and what to do."""
    network = random_network(5, 12, most_parents=4)
    with pytest.raises(TooLargeError, match=r"needs .* GB for one case .*; the limit is .* GB\. Observe more"):
        Engine(network, backend="junction_tree", memory_limit=100).propagate(
            Evidence(np.full((1, 12), -1)), targets=network.names
        )


def test_a_joint_beyond_memory_is_refused_with_its_size() -> None:
    """The joint posterior of too many variables: refused before anything is allocated."""
    network = two_layer(0, 60, 2)
    engine = Engine(network)
    diseases = [name for name in network.names if name.startswith("d")]
    nothing = Evidence(np.full((1, len(network)), -1))
    with pytest.raises(TooLargeError, match=r"joint: 1\.15e\+18 configurations of 60 variables need .* GB a case"):
        engine.joint(nothing, diseases)
    coins = Network([Node(f"c{place}", ("heads", "tails"), (), Table([0.5, 0.5])) for place in range(1100)])
    said = r"joint: 1.36e\+331 configurations of 1100 variables need 2.17e\+323 GB a case"
    with pytest.raises(TooLargeError, match=said):
        Engine(coins).joint(Evidence(np.full((1, 1100), -1)), coins.names)


@pytest.fixture
def without_numba(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(kernels, "find_spec", lambda name: None)
    kernels.numba_installed.cache_clear()
    yield
    kernels.numba_installed.cache_clear()


def run_python(code: str, cache: Path) -> list[str]:
    """Lines that a fresh process prints, with an empty folder for what numba keeps."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


def test_one_case_does_not_wait_for_a_compiler(tmp_path: Path) -> None:
    """Posterior, explanation, next tests and intervals of one patient, printed: numba is not even imported."""
    code = (
        "import sys, bayesdx as dx\n"
        "case = dx.diagnose(dx.load_model('hip_flexion_weakness'), {'fever': 'present'})\n"
        "texts = str(case), str(dx.explain(case, case.posterior.index[0])), str(dx.next_tests(case))\n"
        "dx.credible_intervals(case)\n"
        "print('numba' in sys.modules)"
    )
    assert run_python(code, tmp_path) == ["False"]


def test_compiled_code_is_loaded_and_compiled_where_it_pays(tmp_path: Path) -> None:
    """What is on disk serves a batch of a second; what is not, one of a minute, which says so once."""
    code = (
        "from bayesdx.inference.kernels import *\n"
        "name = 'dense_fast.propagate_cases'\n"
        "print([use_numba('auto', work, name) for work in (1e7, 1e9)], use_numba('numpy', 1e20, name))\n"
        "print([use_numba('auto', 1e10, name) for again in range(2)], use_numba('numba', 0, name))"
    )
    said = "bayesdx: compiling dense_fast.propagate_cases for this batch; some seconds, once per installation."
    assert run_python(code, tmp_path) == ["[False, False] False", "[True, True] True", said]
    (tmp_path / "inference_0").mkdir()
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    (tmp_path / "inference_0" / f"dense_fast.propagate_cases-18.{version}.nbi").touch()
    assert run_python(code, tmp_path) == ["[False, True] False", "[True, True] True"]


def test_batches_are_counted_from_one(rainy: Engine) -> None:
    """How many batches will be asked changes no answer; none at all is a mistake."""
    evidence = Evidence([[-1, 1, -1]] * 3)
    found = Engine(rainy.network, batches=1000).propagate(evidence).marginals["rain"]
    assert_allclose(found, rainy.propagate(evidence).marginals["rain"], rtol=1e-12)
    with pytest.raises(ValueError, match=r"^batches: 0; expected at least 1\.$"):
        Engine(rainy.network, batches=0)


@pytest.mark.usefixtures("without_numba")
def test_without_numba_numpy_answers(rainy: Engine) -> None:
    """kernel="auto" falls back to numpy; kernel="numba" says which extra brings it."""
    engine = Engine(rainy.network)
    assert engine.plan.kernel == "numpy"
    evidence = Evidence([[-1, 1, -1]] * 3)
    assert_allclose(engine.propagate(evidence).marginals["rain"], rainy.propagate(evidence).marginals["rain"])
    with pytest.raises(MissingExtraError, match=r"install bayesdx with its fast extra \(pip install numba\)"):
        Engine(rainy.network, kernel="numba")


@pytest.fixture
def rainy() -> Engine:
    rain = Node("rain", BINARY, (), Table([0.8, 0.2]))
    wet = Node("wet", BINARY, ("rain",), Table([[1.0, 0.0], [0.1, 0.9]]))
    dry_shoes = Node("dry_shoes", BINARY, ("wet",), Table([[0.2, 0.8], [1.0, 0.0]]))
    return Engine(Network((rain, wet, dry_shoes), targets=("rain",)))


def test_impossible_rows_raise_or_are_flagged(rainy: Engine) -> None:
    """A row of probability 0 raises with a smallest conflict, or is minus infinity and NaN; the others are answered."""
    frame = pd.DataFrame({"rain": ["no", None], "wet": ["yes", "yes"]}, index=["a", "b"])
    with pytest.raises(ImpossibleEvidenceError, match="row 'a' has probability 0; rain = no, wet = yes") as caught:
        rainy.marginals(frame)
    assert caught.value.conflict == ("rain", "wet") and caught.value.row == 0
    flagged = rainy.marginals(frame, on_impossible="flag")["rain"]
    assert flagged.loc["a"].isna().all()
    assert_allclose(flagged.loc["b"], [0.0, 1.0])
    assert rainy.log_evidence(frame)["a"] == -np.inf
    assert_allclose(rainy.log_evidence(frame)["b"], np.log(0.18))
    assert rainy.conflict(rainy.encode(frame.iloc[:1])) == ("rain", "wet")
    assert rainy.conflict(rainy.encode(frame.iloc[1:])) == ()


def test_unknown_columns_and_states_are_all_named(rainy: Engine) -> None:
    """One error lists every fault with row, column, value and the nearest valid name; missing cells are no fault."""
    frame = pd.DataFrame({"rian": ["no"], "wet": ["yess"], "rain": [np.nan]}, index=[7])
    with pytest.raises(FindingsError) as caught:
        rainy.encode(frame)
    text = str(caught.value)
    assert "column 'rian' is not a variable. Did you mean 'rain'?" in text
    assert "row 7, wet = 'yess' is not a state of wet; its states are no, yes. Did you mean 'yes'?" in text


def test_categories_objects_and_missing_values_encode_alike(rainy: Engine) -> None:
    """Strings, categories and every kind of missing value give the same codes."""
    plain = pd.DataFrame({"wet": ["yes", None, "no", np.nan, pd.NA]}, dtype=object)
    expected = [1, -1, 0, -1, -1]
    for frame in (plain, plain.astype("category"), plain.astype("string"), plain.astype("str")):
        assert_array_equal(rainy.encode(frame).codes[:, 1], expected)


def test_evidence_that_does_not_fit_is_refused(rainy: Engine) -> None:
    """Codes out of range, wrong widths, negative likelihoods and unknown names each have their sentence."""
    with pytest.raises(FindingsError, match="row 1, wet = 2; its codes are 0 to 1, or -1 for not observed"):
        rainy.propagate(Evidence([[0, 0, 0], [0, 2, 0]]))
    with pytest.raises(FindingsError, match="codes have 2 columns; the network has 3 variables"):
        rainy.propagate(Evidence([[0, 0]]))
    with pytest.raises(FindingsError, match="likelihood of wet has a value below 0 or not finite"):
        Evidence([[0, -1, -1]], {"wet": [[-1.0, 1.0]]})
    with pytest.raises(FindingsError, match=r"'wett' is not a variable\. Did you mean 'wet'\?"):
        rainy.propagate(Evidence([[0, -1, -1]], {"wett": [[1.0, 1.0]]}))
    with pytest.raises(FindingsError, match=r"'rainn' is not a variable\. Did you mean 'rain'\?"):
        rainy.propagate(Evidence([[0, -1, -1]]), targets=["rainn"])


def test_no_cases_give_empty_answers(rainy: Engine) -> None:
    """Zero rows in, zero rows out."""
    result = rainy.propagate(Evidence(np.zeros((0, 3), dtype=int)), targets=["rain", "wet"], families=True)
    assert result.log_evidence.shape == (0,)
    assert result.marginals["wet"].shape == (0, 2)


def test_threads_may_share_an_engine() -> None:
    """Concurrent questions with different patterns of evidence get the answers they get alone."""
    network = random_network(11, 12)
    engine = Engine(network, backend="junction_tree")
    evidence = random_evidence(network, 2, 40)
    expected = engine.propagate(evidence, targets=network.names)
    shared = Engine(network, backend="junction_tree")
    found: dict[int, object] = {}

    def ask(row: int) -> None:
        found[row] = shared.propagate(evidence.take([row]), targets=network.names)

    threads = [threading.Thread(target=ask, args=(row,)) for row in range(len(evidence))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for row, result in found.items():
        assert_allclose(result.log_evidence[0], expected.log_evidence[row], atol=1e-12)


def test_asking_changes_nothing(rainy: Engine) -> None:
    """Answers are read-only, and evidence is what it was."""
    evidence = Evidence([[0, -1, -1], [-1, 1, -1]])
    result = rainy.propagate(evidence, targets=["rain", "wet"])
    with pytest.raises(ValueError, match="read-only"):
        result.marginals["wet"][0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        evidence.codes[0, 0] = 1


def test_importing_inference_brings_no_optional_companion() -> None:
    """pgmpy, numba, matplotlib, scikit-learn and scipy stay out until they are used."""
    script = (
        "import sys, bayesdx.inference\n"
        "print([m for m in ('pgmpy', 'numba', 'matplotlib', 'sklearn', 'scipy') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_the_plan_names_its_back_end(rainy: Engine) -> None:
    """The plan says which back end, how large and why."""
    assert rainy.plan.backend == "dense"
    assert rainy.plan.cells == rainy.plan.largest_clique == 4
    tree = Engine(rainy.network, backend="junction_tree", kernel="numpy").plan
    assert (tree.backend, tree.kernel) == ("junction_tree", "numpy")
    assert "targets" in tree.why


def test_oracle_agrees_with_itself() -> None:
    """The oracle's families add up to its posteriors."""
    network = random_network(4, 5)
    codes = [-1] * 5
    posterior, families = oracle.posterior(network, codes), oracle.families(network, codes)
    for name in network.names:
        family = families[name]
        if isinstance(family, np.ndarray):
            assert_allclose(family.reshape(-1, family.shape[-1]).sum(axis=0), posterior[name], atol=1e-12)
        else:
            for parent, link in zip(network[name].parents, family[1], strict=True):
                assert_allclose(link.sum(axis=1), posterior[parent], atol=1e-12)


FAINT = (1e-100, 1e-95, 0.0)


def with_faint_rows(network: Network, rng: np.random.Generator, faint: tuple[float, ...]) -> Network:
    """The same links; in a third of the rows one state is all but certain and the others are very faint."""

    def changed(values: np.ndarray) -> np.ndarray:
        rows = rng.choice(faint, size=values.shape)
        certain = np.eye(values.shape[-1], dtype=bool)[rng.integers(values.shape[-1], size=values.shape[:-1])]
        return np.where(rng.random((*values.shape[:-1], 1)) < 0.3, np.where(certain, 1.0, rows), values)

    nodes = []
    for node in network.nodes:
        if isinstance(node.cpd, Table):
            cpd: Table | NoisyMax = Table(changed(node.cpd.values))
        else:
            cpd = NoisyMax(changed(node.cpd.leak), tuple(changed(link) for link in node.cpd.links))
        nodes.append(Node(node.name, node.states, node.parents, cpd))
    return Network(tuple(nodes), network.targets)


@pytest.mark.parametrize("backend", ["auto", "junction_tree"])
@settings(max_examples=60)
@given(seed=st.integers(0, 10_000))
@example(seed=530)  # a posterior on a cell whose prior is the smallest that a float can be
def test_faint_numbers_are_possible_everywhere(backend: Literal["auto", "junction_tree"], seed: int) -> None:
    """Numbers of 1e-100: numpy and numba agree on what is impossible; every other posterior is a distribution."""
    network = with_faint_rows(random_network(seed, 6), np.random.default_rng(seed), FAINT)
    evidence = random_evidence(network, seed, 4, 0.6, 0.1)
    plain, fast = (
        Engine(network, backend=backend, kernel=kernel).propagate(evidence, targets=network.names)
        for kernel in ("numpy", "numba")
    )
    assert_array_equal(plain.impossible, fast.impossible)
    for name in network.names:
        assert_allclose(plain.marginals[name][~plain.impossible].sum(axis=1), 1.0)
        assert_allclose(fast.marginals[name], plain.marginals[name], atol=1e-9)


def test_numbers_too_faint_to_compute_with_are_refused() -> None:
    """Above 0 and below 1e-200: a sentence, not an infinite posterior."""
    network = Network([Node("rain", BINARY, (), Table([1.0, 5e-324]))])
    with pytest.raises(
        NetworkError, match=r"^network: rain has a probability of 4\.94066e-324; expected 0 or at least"
    ):
        Engine(network)


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_one_cause_of_many_states_needs_no_table_of_its_states(kernel: Kernel) -> None:
    """A cause of 5,000 states over 40 findings: Bayes' rule by hand, in 5 MB; states by states would take 200."""
    rng = np.random.default_rng(0)
    prior, yes = rng.dirichlet(np.ones(5000)), rng.uniform(0.05, 0.95, (40, 5000))
    cause = Node("cause", tuple(f"s{state}" for state in range(5000)), (), Table(prior))
    findings = [Node(f"f{k}", BINARY, ("cause",), Table(np.stack([1 - p, p], axis=-1))) for k, p in enumerate(yes)]
    network = Network((cause, *findings), targets=("cause",))
    codes = np.concatenate([[[-1]] * 4, rng.integers(-1, 2, (4, 40))], axis=1)
    codes[3, 0] = 17
    engine = Engine(network, kernel=kernel)
    assert engine.plan.backend == "dense"
    for rows in (slice(None), slice(1)):
        found = engine.propagate(Evidence(codes[rows])).marginals["cause"]
        for row, posterior in zip(codes[rows], found, strict=True):
            like = np.where((row[1:] == 1)[:, None], yes, np.where((row[1:] == 0)[:, None], 1 - yes, 1.0)).prod(axis=0)
            weights = prior * like * (np.arange(5000) == row[0] if row[0] >= 0 else 1.0)
            assert_allclose(posterior, weights / weights.sum(), rtol=1e-10)
    tracemalloc.start()
    engine.propagate(Evidence(codes[:1]))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5e6
