"""Models for tests of learning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import bayesdx as dx
from bayesdx.knowledge.model import ModelInfo, Population
from bayesdx.knowledge.schema import Prior, Source, TableEntry, Variable
from bayesdx.network import NoisyMax, compile_network
from tests.diagnosis.models import random_model

STATES = ("none", "mild", "severe")


def exclusive_model(prior: tuple[float, float] = (0.3, 0.1)) -> dx.Model:
    """One cause of three states and four findings that depend on it alone."""
    cause = Variable("cause", "Cause", "cause", "", STATES, "")
    findings = [Variable(f"f{i}", f"Finding {i}", "history", "", ("no", "yes"), "") for i in range(4)]
    chances = ((0.1, 0.6, 0.9), (0.05, 0.4, 0.5), (0.3, 0.3, 0.8), (0.2, 0.7, 0.1))
    return dx.Model(
        info=ModelInfo("exclusive", "0.1.0", "T", "CC0-1.0", "t", "t", "none", (Population("here", "Here"),), "here"),
        variables=(cause, *findings),
        priors=tuple(
            Prior("here", "cause", state, p, p / 2, min(1.0, 2 * p), "S", "expert")
            for state, p in zip(STATES[1:], prior, strict=True)
        ),
        tables=tuple(
            TableEntry("", f"f{i}", (("cause", (state,)),), "yes", p, 0.8 * p, 0.8 * p + 0.2, "S", "expert")
            for i, row in enumerate(chances)
            for state, p in zip(STATES, row, strict=True)
        ),
        sources=(Source("S", "A source", 2020, "", "", "", None, "expert"),),
    )


def tables_only(seed: int) -> dx.Model:
    """A random model whose gates have become tables."""
    model = random_model(seed, zeros=False)
    network = compile_network(model)
    rows = []
    for node in network.nodes:
        if not isinstance(node.cpd, NoisyMax):
            continue
        values = node.cpd.table()
        for place in np.ndindex(values.shape[:-1]):
            given = tuple(
                (parent, (network[parent].states[code],)) for parent, code in zip(node.parents, place, strict=True)
            )
            for state, p in list(zip(node.states, values[place], strict=True))[1:]:
                rows.append(TableEntry("", node.name, given, state, p, 0.7 * p, p + 0.3 * (1 - p), "S", "expert"))
    gates = {row.variable for row in rows}
    return replace(
        model,
        priors=tuple(row for row in model.priors if row.variable not in gates),
        links=tuple(row for row in model.links if row.child not in gates),
        tables=(*model.tables, *rows),
    )
