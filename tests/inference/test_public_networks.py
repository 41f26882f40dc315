"""Every marginal of the public networks agrees with pyAgrum, on sampled evidence.

The networks are not part of the project: they are read from BAYESDX_NETWORKS, or from ../shared/networks.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesdx.inference import Engine, Evidence
from bayesdx.network import Network, Node, Table
from benchmarks.cases import read_network
from benchmarks.peers import PyAgrum
from benchmarks.synthetic import sampled_codes

FOLDER = Path(os.environ.get("BAYESDX_NETWORKS", Path(__file__).parents[3] / "shared" / "networks"))

CASES = {
    "asia": 200,
    "cancer": 200,
    "earthquake": 200,
    "survey": 200,
    "sachs": 200,
    "child": 200,
    "alarm": 200,
    "hepar2": 200,
    "win95pts": 200,
    "andes": 30,
    "pathfinder": 30,
    "munin1": 6,
    "pigs": 8,
    "diabetes": 5,
    "link": 3,
    "barley": 3,
    "munin": 2,
}
"""Sampled evidence sets per network: 200, and fewer where pyAgrum takes longer."""

DENSE_EVIDENCE = {"munin", "munin1", "link", "barley", "diabetes"}
"""Networks in which at least 30 % are observed, so that pyAgrum answers in seconds."""


def network_called(name: str) -> Network:
    if not (FOLDER / f"{name}.bif.gz").is_file():
        pytest.skip(f"no {FOLDER / name}.bif.gz; set BAYESDX_NETWORKS to the folder of public networks")
    return read_network(FOLDER, name)


def sampled_evidence(network: Network, n_cases: int, least: float) -> np.ndarray:
    """Cases drawn from the network, each with its own share of cells observed."""
    codes = sampled_codes(network, n_cases, seed=7)
    rng = np.random.default_rng(7)
    share = rng.uniform(least, 0.6, size=(n_cases, 1))
    codes[rng.random(codes.shape) >= share] = -1
    return codes


@pytest.mark.parametrize("name", CASES)
def test_all_marginals_agree_with_pyagrum(name: str) -> None:
    """P(state | evidence) of every variable equals pyAgrum's to 1e-9, structural zeros and all, by both kernels."""
    pytest.importorskip("pyagrum")
    network = network_called(name)
    codes = sampled_evidence(network, CASES[name], 0.3 if name in DENSE_EVIDENCE else 0.0)
    peer = PyAgrum(network, "LazyPropagation", network.names)
    expected = [peer.posteriors(case) for case in codes]
    for kernel in ("numpy", "numba"):
        engine = Engine(network, kernel=kernel, memory_limit=12 * 2**30)
        found = engine.propagate(Evidence(codes), targets=network.names)
        assert np.isfinite(found.log_evidence).all()
        for place, target in enumerate(network.names):
            assert_allclose(found.marginals[target], [row[place] for row in expected], atol=1e-9, err_msg=kernel)


def asia() -> Network:
    """Lauritzen and Spiegelhalter (1988), the example of their paper."""

    def node(name: str, values: list, *parents: str) -> Node:
        table = np.array(values)
        return Node(name, ("no", "yes"), parents, Table(np.stack([1 - table, table], axis=-1)))

    return Network(
        (
            node("asia", 0.01),
            node("tuberculosis", [0.01, 0.05], "asia"),
            node("smoking", 0.5),
            node("cancer", [0.01, 0.1], "smoking"),
            node("bronchitis", [0.3, 0.6], "smoking"),
            node("either", [[0.0, 1.0], [1.0, 1.0]], "tuberculosis", "cancer"),
            node("xray", [0.05, 0.98], "either"),
            node("dyspnoea", [[0.1, 0.8], [0.7, 0.9]], "either", "bronchitis"),
        )
    )


def test_asia_as_published() -> None:
    """A visit to Asia, dyspnoea, a non-smoker: the posteriors that the example is known for, to 4 digits."""
    network = asia()
    codes = np.full((2, 8), -1)
    codes[1, [network.index["asia"], network.index["dyspnoea"]]] = 1
    codes[1, network.index["smoking"]] = 0
    found = Engine(network).propagate(Evidence(codes)).marginals
    assert_allclose(found["tuberculosis"][0, 1], 0.0104, atol=1e-4)
    assert_allclose(found["dyspnoea"][0, 1], 0.4360, atol=1e-4)
    assert_allclose(found["xray"][0, 1], 0.1103, atol=1e-4)
    assert_allclose(found["either"][0, 1], 0.0648, atol=1e-4)


def test_the_shipped_model_agrees_with_pyagrum() -> None:
    """The flagship, all variables asked: dense joint and junction tree, numpy and numba, equal pyAgrum to 1e-9."""
    pytest.importorskip("pyagrum")
    import bayesdx as dx
    from bayesdx.network import as_network

    network = as_network(dx.load_model("hip_flexion_weakness@1.0.0"))
    codes = sampled_evidence(network, 20, 0.0)
    peer = PyAgrum(network, "LazyPropagation", network.names)
    expected = [peer.posteriors(case) for case in codes]
    for backend in ("dense", "junction_tree"):
        for kernel in ("numpy", "numba"):
            found = Engine(network, backend=backend, kernel=kernel).propagate(Evidence(codes), targets=network.names)
            for place, name in enumerate(network.names):
                assert_allclose(found.marginals[name], [row[place] for row in expected], atol=1e-9)
