"""Verification bias: a reference test that was ordered for some patients and not for others.

Patients whose diagnosis was verified are a selection: a finding that led to the reference test looks more sensitive and
less specific among them than it is. Where the order depended on nothing but findings that are in the table, the
diagnosis of the others is missing at random, and the most probable numbers given all patients are free of that bias.
For one finding and one cause these are Begg and Greenes' corrected sensitivity and specificity. So the diagnoses of
unverified patients become "not observed", whatever was written down for want of a test, and EM does the rest.

Reference: C. Begg, R. Greenes (1983), "Assessment of diagnostic tests when disease verification is subject to selection
bias", Biometrics 39.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from bayesdx.errors import LearningError
from bayesdx.evaluation.dataset import Cohort
from bayesdx.knowledge.model import Model

NOT_OBSERVED = "not observed"
COLUMNS = ["finding", "state", "patients", "verified", "share"]


def unverified_hidden(model: Model, cohort: Cohort, method: str) -> tuple[Cohort, pd.DataFrame, list[str]]:
    """The cohort without the diagnoses that nothing verified; who was verified; what to know of it.

    Parameters
    ----------
    model : Model
    cohort : Cohort
        Where it says nothing about verification, it is returned as it is.
    method : str

    Returns
    -------
    (Cohort, DataFrame, list of str)
        The table has a row per state of each finding (and "not observed"): patients, of these verified, share.

    Raises
    ------
    LearningError
        ``counts``, which takes the selected patients as they are; or nobody was verified.
    """
    if not cohort.verified or method == "prior_shift":  # prior_shift reads no diagnosis
        return cohort, pd.DataFrame(columns=COLUMNS), []
    if method == "counts":
        raise LearningError(
            "verification: method='counts' takes the verified patients alone, who were selected; method='em' corrects "
            "for it."
        )
    verified = np.array(cohort.verified)
    if not (cohort.weights[verified] > 0).any():
        raise LearningError(f"verification: no patient of {cohort.name} was verified; nothing can be corrected.")
    frame = cohort.frame.copy()
    causes = [name for name in model.causes if name in frame]
    frame.loc[~verified, causes] = None
    table = _shares(model, cohort, verified)
    patients, seen = float(cohort.weights.sum()), float(cohort.weights[verified].sum())
    said = [
        f"{patients - seen:g} of {patients:g} patients were not verified; what was written down of their diagnosis was "
        "left aside. The correction holds where verification depended on nothing but the findings in the table."
    ]
    never = table[(table["verified"] == 0) & (table["patients"] > 0)]
    if len(never):
        named = ", ".join(f"{row['finding']} = {row['state']}" for row in never.head(5).to_dict("records"))
        more = f" and {len(never) - 5} more" if len(never) > 5 else ""
        said.append(f"Nobody was verified among patients with {named}{more}: there the numbers rest on the model.")
    return replace(cohort, frame=frame), table, said


def _shares(model: Model, cohort: Cohort, verified: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pd.DataFrame:
    rows: list[list[object]] = []
    for name in model.findings:
        if name not in cohort.frame:
            continue
        cells = cohort.frame[name]
        for state in (*model.by_name[name].states, None):
            chosen = (cells.isna() if state is None else cells == state).to_numpy(dtype=bool)
            patients = float(cohort.weights[chosen].sum())
            seen = float(cohort.weights[chosen & verified].sum())
            if patients:
                rows.append([name, state or NOT_OBSERVED, patients, seen, seen / patients])
    return pd.DataFrame(rows, columns=COLUMNS)
