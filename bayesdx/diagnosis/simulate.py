"""Patients drawn from a model: from nothing, and as completions of one case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.errors import FindingsError
from bayesdx.inference import Engine, Evidence
from bayesdx.knowledge.model import Model
from bayesdx.network import Network, NoisyMax, compile_network

Array = NDArray[np.float64]
Codes = NDArray[np.int32]


def simulate_cohort(model: Model, patients: int, *, seed: int = 0) -> pd.DataFrame:
    """Invented patients who are as the model says that patients of its population are.

    They are useful for teaching, for planning a study, and for testing a pipeline. They say nothing about whether the
    model is right: by construction it is, about them.

    Parameters
    ----------
    model : Model
        With the population chosen whose patients are drawn.
    patients : int, at least 0
    seed : int
        Equal seeds give equal patients.

    Returns
    -------
    DataFrame
        A row per patient, a column per context, cause and finding in the order of the model, cells being names of
        states: what ``read_cohort``, ``evaluate``, ``calibrate`` and ``score_cohort`` take. Everything is observed;
        mechanisms, which nobody observes, are left out.

    Raises
    ------
    FindingsError
        ``patients`` is negative, or not a whole number.

    References
    ----------
    M. Henrion (1988), "Propagating uncertainty in Bayesian networks by probabilistic logic sampling".

    Examples
    --------
    >>> import bayesdx as dx
    >>> cohort = dx.simulate_cohort(dx.load_model("chest_clinic@1.0.0"), 2000, seed=1)
    >>> round(float((cohort["smoking"] == "yes").mean()), 1)
    0.5
    """
    network = compile_network(model)
    codes = simulate(network, _counted(patients), seed)
    shown = [variable for variable in model.variables if variable.kind != "mechanism"]
    return pd.DataFrame(
        {v.variable: np.array(v.states, dtype=object)[codes[:, network.index[v.variable]]] for v in shown}
    )


def _counted(patients: object) -> int:
    if isinstance(patients, bool) or not isinstance(patients, int | np.integer):
        raise FindingsError(f"simulate_cohort: patients = {patients!r}; expected a whole number of at least 0.")
    if patients < 0:
        raise FindingsError(f"simulate_cohort: patients = {patients}; expected a number of at least 0.")
    return int(patients)


def simulate(network: Network, patients: int, seed: int, fixed: Codes | None = None) -> Codes:
    """Patients drawn from a network, parents before children.

    Parameters
    ----------
    network : Network
    patients : int
    seed : int
    fixed : ndarray of int, shape (patients, n_variables), optional
        States that are not drawn, -1 elsewhere. What lies below them follows them; what lies above does not.

    Returns
    -------
    ndarray of int, shape (patients, n_variables)
        State of every variable.

    References
    ----------
    M. Henrion (1988), "Propagating uncertainty in Bayesian networks by probabilistic logic sampling".

    Examples
    --------
    >>> from bayesdx.network import Node, Table
    >>> rain = Node("rain", ("no", "yes"), (), Table([0.8, 0.2]))
    >>> round(float(simulate(Network((rain,)), 5000, seed=0).mean()), 1)
    0.2
    """
    rng = np.random.default_rng(seed)
    codes = np.zeros((patients, len(network)), dtype=np.int32) if fixed is None else fixed.copy()
    for position, node in enumerate(network.nodes):
        if fixed is not None and (fixed[:, position] >= 0).all():
            continue
        parents = [codes[:, network.index[name]] for name in node.parents]
        if isinstance(node.cpd, NoisyMax):
            drawn = drawn_states(rng, np.broadcast_to(node.cpd.leak, (patients, node.cpd.n_states)))
            for link, states in zip(node.cpd.links, parents, strict=True):
                drawn = np.maximum(drawn, drawn_states(rng, link[states]))
        else:
            rows = node.cpd.values[tuple(parents)] if parents else node.cpd.values
            drawn = drawn_states(rng, np.broadcast_to(rows, (patients, node.cpd.n_states)))
        codes[:, position] = drawn if fixed is None else np.where(fixed[:, position] >= 0, fixed[:, position], drawn)
    return codes


def complete(engine: Engine, evidence: Evidence, variables: Sequence[str], copies: int, seed: int) -> Evidence:
    """Copies of one case with some unobserved variables drawn jointly, given what is known.

    One variable after another, each given those before it, so the joint is exact; copies that are still equal are one
    question to the engine.

    Parameters
    ----------
    engine : Engine
    evidence : Evidence of one possible case
    variables : sequence of str
    copies : int
    seed : int

    Returns
    -------
    Evidence of ``copies`` cases
    """
    rng = np.random.default_rng(seed)
    filled = evidence.take(np.zeros(copies, dtype=np.intp))
    codes = filled.codes.copy()
    kind = np.zeros(copies, dtype=np.int64)
    for name in variables:
        _, first, kind = np.unique(kind, return_index=True, return_inverse=True)
        distinct = Evidence(codes[first], {known: values[first] for known, values in filled.likelihoods.items()})
        marginal = engine.propagate(distinct, targets=(name,)).marginals[name]
        drawn = drawn_states(rng, marginal[kind])
        codes[:, engine.network.index[name]] = drawn
        kind = kind * marginal.shape[1] + drawn
    return Evidence(codes, filled.likelihoods)


def drawn_states(rng: np.random.Generator, probabilities: Array) -> Codes:
    """One state per row of probabilities, never one of probability 0."""
    below = np.cumsum(probabilities, axis=1)
    point = rng.random((len(probabilities), 1)) * below[:, -1:]
    return np.asarray((point >= below[:, :-1]).sum(axis=1), dtype=np.int32)
