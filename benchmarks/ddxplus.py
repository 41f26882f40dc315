"""DDXPlus: synthetic patients with answers to 223 questions, and what its training set says of each pathology.

A. Fansi Tchango, R. Goel, Z. Wen, J. Martel, J. Ghosn (2022), "DDXPlus: A New Dataset For Automatic Medical
Diagnosis", NeurIPS 2022 Datasets and Benchmarks.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import bayesdx as dx
from bayesdx.knowledge.model import ModelInfo, Population
from bayesdx.knowledge.schema import Prior, Source, TableEntry, Variable

Array = NDArray[np.float64]

LEAST = 1e-4
"""Smallest share that is believed of a finding; the published shares have zeros."""

PATIENTS = 50.0
"""Patients that a published share is worth, since other patients differ from those it was counted in."""

CAUSE = "pathology"


def read(folder: Path, name: str) -> tuple[pd.DataFrame, NDArray[np.str_], NDArray[np.intp]]:
    """Findings, labels and folds; what is not among a patient's answers is "no".

    A question with one of several answers is one column, one with any number of answers a column for the question and
    one per answer. "AGE" is a number.
    """
    from sklearn.model_selection import StratifiedKFold

    patients = pd.read_csv(folder / f"{name}.csv.gz")
    kinds = {
        code: str(e["data_type"]) for code, e in json.loads((folder / "release_evidences.json").read_text()).items()
    }
    rows = []
    for text in patients["EVIDENCES"]:
        row = {}
        for said in json.loads(text):
            code, _, value = said.partition("_@_")
            row[said if kinds[code] == "M" else code] = value if kinds[code] == "C" else "yes"
            if kinds[code] == "M":
                row[code] = "yes"
        rows.append(row)
    cells = pd.DataFrame(rows).fillna("no")
    findings = pd.concat([patients[["AGE", "SEX"]], cells[sorted(cells.columns)]], axis=1)
    labels = patients["PATHOLOGY"].to_numpy(dtype=str)
    folds = np.zeros(len(labels), dtype=np.intp)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes with fewer patients than folds
        parts = StratifiedKFold(5, shuffle=True, random_state=0).split(labels, labels)
        for number, (_, test) in enumerate(parts):
            folds[test] = number
    return findings, labels, folds


def published_model(folder: Path) -> dx.Model:
    """One exclusive cause and whether each evidence is present, from counts of the 1,025,602 training patients."""
    priors = pd.read_csv(folder / "train_priors.csv").sort_values("prior", ascending=False)
    shares = pd.read_csv(folder / "train_evidence_given_pathology.csv")
    table = shares.pivot_table(index="pathology", columns="evidence", values="p_present")
    table = table.reindex(priors["pathology"]).fillna(0)
    states = tuple(f"p{number}" for number in range(len(priors)))
    p = table.to_numpy().clip(LEAST, 1 - LEAST)
    prior_rows = [
        Prior("train", CAUSE, state, share, *_interval(share), "DDXPLUS", "dataset")
        for state, share in zip(states[1:], priors["prior"].tolist()[1:], strict=True)
    ]
    table_rows = [
        TableEntry("", code, ((CAUSE, (state,)),), "yes", share, *_interval(share), "DDXPLUS", "dataset")
        for column, code in enumerate(table.columns)
        for state, share in zip(states, p[:, column].tolist(), strict=True)
    ]
    people = (Population("train", "Training patients"),)
    use = ("A benchmark.", "Not a medical device.", "Synthetic.")
    return dx.Model(
        info=ModelInfo("ddxplus", "1.0.0", "DDXPlus", "CC-BY-4.0", *use, people, "train"),
        variables=(
            Variable(CAUSE, "Pathology", "cause", "", states, ""),
            *(Variable(code, code, "history", "", ("no", "yes"), "") for code in table.columns),
        ),
        priors=tuple(prior_rows),
        tables=tuple(table_rows),
        sources=(Source("DDXPLUS", "Fansi Tchango et al. 2022", 2022, "", "", "cohort", 1025602, "dataset"),),
    )


def _interval(share: float) -> tuple[float, float]:
    from scipy.stats import beta

    lower, upper = beta(share * PATIENTS, (1 - share) * PATIENTS).ppf([0.025, 0.975])
    return min(float(lower), share), max(float(upper), share)


def calibrated(folder: Path) -> Callable[..., list[Array]]:
    """Forecasts of the published model, and of the same model calibrated on the training rows."""
    model = published_model(folder)
    order = pd.read_csv(folder / "train_priors.csv").sort_values("prior", ascending=False)["pathology"].tolist()
    state_of = dict(zip(order, model.by_name[CAUSE].states, strict=True))

    def present(findings: pd.DataFrame) -> pd.DataFrame:
        shown = {name: np.where(findings[name] == "no", "no", "yes") for name in model.findings if name in findings}
        absent = {name: "no" for name in model.findings if name not in findings}
        return pd.DataFrame(shown, index=findings.index).assign(**absent)

    def learn(train: pd.DataFrame, labels: NDArray[np.str_], test: pd.DataFrame, classes: list[str]) -> list[Array]:
        cohort = present(train).assign(**{CAUSE: [state_of[label] for label in labels]})
        after = dx.calibrate(model, cohort, "counts").model  # every cell is observed
        told = present(test)
        columns = [state_of[label] for label in classes]
        return [dx.Engine(each).marginals(told, targets=[CAUSE])[CAUSE][columns].to_numpy() for each in (model, after)]

    return learn
