"""EM beside pyAgrum's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.diagnosis.simulate import simulate
from bayesdx.network import compile_network
from benchmarks.peers import to_pyagrum
from tests.learning.models import tables_only


def test_em_of_missing_cells_equals_pyagrum() -> None:
    """Without a prior and from the same start, EM ends where pyAgrum's does, to 1e-6."""
    pyagrum = pytest.importorskip("pyagrum")
    model = tables_only(5)
    network = compile_network(model)
    codes = simulate(network, 200, 2)
    mask = np.random.default_rng(0).random(codes.shape) < 0.08
    seen = np.where(mask, -1, codes)
    seen = seen[(seen >= 0).any(axis=1)]
    frame = pd.DataFrame(
        {node.name: np.array([*node.states, None], dtype=object)[seen[:, i]] for i, node in enumerate(network.nodes)}
    )
    ours = dx.calibrate(model, frame, prior_strength=1e-9, tolerance=1e-9, max_iterations=3000)
    assert not any("settled" in text for text in ours.warnings)
    start = to_pyagrum(network)
    text = pd.DataFrame(
        {
            f"v{i}": np.array([*(f"s{s}" for s in range(len(node.states))), "?"])[seen[:, i]]
            for i, node in enumerate(network.nodes)
        }
    )
    learner = pyagrum.BNLearner(text, start, ["?"])
    learner.useEM(1e-13)
    learner.setMaxIter(5000)
    learner.useNoPrior()
    theirs = pyagrum.BayesNet(start)
    learner.fitParameters(theirs, False)
    found = compile_network(ours.model)
    for position, node in enumerate(network.nodes):
        table = theirs.cpt(f"v{position}")
        scope = [*(f"v{network.index[name]}" for name in node.parents), f"v{position}"]
        names = list(reversed(table.names))
        array = table.toarray().transpose([names.index(name) for name in scope])
        assert_allclose(found[node.name].cpd.values, array, atol=1e-6)
