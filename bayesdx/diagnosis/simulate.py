"""Patients drawn from a model: from nothing, and as completions of one case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd

from bayesdx.diagnosis.case import CaseNumbers
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.findings import read_findings
from bayesdx.errors import FindingsError
from bayesdx.inference import Engine, Evidence
from bayesdx.inference.sampling import simulate as simulate
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.versions import as_model


def simulate_cohort(
    model: Model | str | PathLike[str],
    patients: int,
    *,
    seed: int = 0,
    findings: Mapping[str, Any] | pd.Series | None = None,
) -> pd.DataFrame:
    """Invented patients who are as the model says that patients of its population are.

    They are useful for teaching, for planning a study, and for testing a pipeline. They say nothing about whether the
    model is right: by construction it is, about them.

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.
        With the population chosen whose patients are drawn.
    patients : int, at least 0
    seed : int
        Equal seeds give equal patients.
    findings : mapping, optional
        What all of the patients have in common, as ``diagnose`` takes it: they are drawn from the posterior given it.

    Returns
    -------
    DataFrame
        A row per patient, a column per context, cause and finding in the order of the model, cells being names of
        states: what ``read_cohort``, ``evaluate``, ``calibrate`` and ``score_cohort`` take. Everything is observed;
        mechanisms, which nobody observes, are left out.

    Raises
    ------
    FindingsError
        ``patients`` is negative, or not a whole number; ``findings`` as in ``diagnose``.
    ImpossibleEvidenceError
        The findings have probability 0.

    References
    ----------
    M. Henrion (1988), "Propagating uncertainty in Bayesian networks by probabilistic logic sampling".

    Examples
    --------
    >>> import bayesdx as dx
    >>> cohort = dx.simulate_cohort(dx.load_model("chest_clinic@1.0.0"), 2000, seed=1)
    >>> round(float((cohort["smoking"] == "yes").mean()), 1)
    0.5
    >>> ill = dx.simulate_cohort(dx.load_model("chest_clinic@1.0.0"), 2000, findings={"lung_cancer": "present"})
    >>> round(float((ill["smoking"] == "yes").mean()), 1)
    0.9
    """
    model = as_model(model)
    network, count = compiled(model).network, _counted(patients)
    given = None if findings is None else CaseNumbers.of(model, read_findings(model, findings)).evidence.evidence
    if given is None or not count:
        codes = simulate(network, count, seed)
    else:
        codes = compiled(model).engine.sampled_codes(given, count, seed=seed)
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


def complete(engine: Engine, evidence: Evidence, variables: Sequence[str], copies: int, seed: int) -> Evidence:
    """Copies of one case with some unobserved variables drawn jointly, given what is known.

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
    filled = evidence.take(np.zeros(copies, dtype=np.intp))
    codes = filled.codes.copy()
    columns = [engine.network.index[name] for name in variables]
    codes[:, columns] = engine.sampled_codes(evidence, copies, seed=seed)[:, columns]
    return Evidence(codes, filled.likelihoods)
