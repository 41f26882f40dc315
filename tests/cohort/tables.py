"""Tables of patients, drawn at random over the findings of a model."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

import bayesdx as dx

FLAGSHIP = "hip_flexion_weakness@1.0.0"


@cache
def flagship() -> dx.Model:
    return dx.load_model(FLAGSHIP)


def patients(rows: int, seed: int = 0, observed: float = 0.4, model: dx.Model | None = None) -> pd.DataFrame:
    """A patient's number and a state, or None, of every context and finding."""
    model = model or flagship()
    rng = np.random.default_rng(seed)
    columns: dict[str, object] = {"patient": np.arange(rows)}
    for variable in model.variables:
        if variable.kind in ("cause", "mechanism"):
            continue
        cells = np.array(variable.states, dtype=object)[rng.integers(len(variable.states), size=rows)]
        cells[rng.random(rows) >= observed] = None
        columns[variable.variable] = cells
    return pd.DataFrame(columns)


def findings_of(row: pd.Series) -> dict[str, str]:
    """A row as ``diagnose`` takes it."""
    return {str(name): value for name, value in row.items() if isinstance(value, str)}


def posteriors(scores: pd.DataFrame) -> pd.DataFrame:
    """The posterior columns, named after the causes."""
    chosen = [name for name in scores.columns if name.startswith("posterior_")]
    return scores[chosen].rename(columns=lambda name: name.removeprefix("posterior_"))
