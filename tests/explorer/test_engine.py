"""The engine that runs in a page says what the engine in Python says, in a real Chromium."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

import bayesdx as dx
from bayesdx.inference import Engine, Evidence
from bayesdx.network import Network, read_bif
from tests.explorer import browser as b
from tests.inference.test_public_networks import FOLDER

pytest.importorskip("playwright", reason="Python playwright is not installed; make test installs it")
pytestmark = pytest.mark.skipif(b.chromium() is None, reason=b.NO_BROWSER)

CASES = 1000
SHIPPED = ("hip_flexion_weakness", "hip_flexion_weakness@1.0.0", "chest_clinic")
PUBLIC = ("asia", "alarm", "hepar2", "win95pts")

ANSWER = """async ([module, program, cases]) => {
  const { compile } = await import(module);
  const engine = compile(program);
  return cases.map((given) => {
    const evidence = new Array(engine.size).fill(null);
    for (const [v, likelihood] of given) evidence[v] = likelihood;
    const { log, marginal } = engine.propagate(evidence);
    const found = log === -Infinity ? null : program.homes.map((_, v) => [...marginal(v)]);
    return [log === -Infinity ? null : log, found];
  });
}"""


@pytest.fixture(scope="module")
def tab(chromium: Any) -> Iterator[Any]:
    page = chromium.new_page()
    yield page
    page.close()


def answers(tab: Any, network: Network, cases: list[list[tuple[int, list[float]]]]) -> list[Any]:
    text = (files("bayesdx.explorer") / "engine.js").read_bytes()
    module = "data:text/javascript;base64," + base64.b64encode(text).decode()
    found: list[Any] = tab.evaluate(ANSWER, [module, Engine(network).portable(), cases])
    return found


def random_evidence(network: Network, n_cases: int) -> Evidence:
    """States, sets of states and likelihoods of a random number of variables, some of which cannot be together."""
    rng = np.random.default_rng(0)
    codes = np.full((n_cases, len(network)), -1, dtype=np.int32)
    likelihoods = {
        name: np.ones((n_cases, card)) for name, card in zip(network.names, network.cardinalities, strict=True)
    }
    for row in range(n_cases):
        for v in rng.permutation(len(network))[: rng.integers(0, min(len(network), 25))]:
            card, kind = network.cardinalities[v], rng.integers(0, 4)
            if kind < 2:
                codes[row, v] = rng.integers(card)
            else:
                weights = rng.random(card) * 10.0 ** rng.integers(-6, 1) if kind == 2 else rng.random(card) < 0.7
                likelihoods[network.names[v]][row] = weights if np.any(weights) else 1.0
    return Evidence(codes, likelihoods)


def as_cases(network: Network, evidence: Evidence) -> list[list[tuple[int, list[float]]]]:
    found = []
    for row, codes in enumerate(evidence.codes):
        given = []
        for v, name in enumerate(network.names):
            weights = evidence.likelihoods[name][row].copy()
            if codes[v] >= 0:
                weights[np.arange(len(weights)) != codes[v]] = 0.0
            if codes[v] >= 0 or (weights != 1).any():
                given.append((v, weights.tolist()))
        found.append(given)
    return found


def agrees(tab: Any, network: Network) -> None:
    evidence = random_evidence(network, CASES)
    expected = Engine(network, kernel="numpy").propagate(evidence, targets=network.names)
    found = answers(tab, network, as_cases(network, evidence))
    possible = ~expected.impossible
    assert [log is not None for log, _ in found] == possible.tolist()
    assert possible.sum() > CASES / 10
    logs = np.array([log for log, _ in found if log is not None])
    assert np.abs(logs - expected.log_evidence[possible]).max() < 1e-9
    for v, name in enumerate(network.names):
        marginals = np.array([marginal[v] for _, marginal in found if marginal is not None])
        assert np.abs(marginals - expected.marginals[name][possible]).max() < 1e-9, name


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_agree_with_python_on_every_kind_of_finding(tab: Any, name: str) -> None:
    agrees(tab, dx.Engine(dx.load_model(name)).network)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_networks_agree_with_python(tab: Any, name: str) -> None:
    if not FOLDER.is_dir():
        pytest.skip(f"no folder {FOLDER}")
    agrees(tab, read_bif(FOLDER / f"{name}.bif.gz"))
