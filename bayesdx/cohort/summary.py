"""The summary of a finished run: rows, faults, seconds, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STATUSES = ("ok", "impossible", "bad_value")
"""What became of a row: scored; of probability 0 under the model; a cell that is no state of its variable."""


@dataclass(frozen=True)
class CohortSummary:
    """A finished run whose scores were written.

    Parameters
    ----------
    out : Path
        File or folder of the scores.
    rows : int
    statuses : mapping of "ok", "impossible" and "bad_value" to the number of rows

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> patients = pd.DataFrame({"xray": ["positive", "odd"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     summary = dx.score_cohort(model, patients, out=f"{folder}/scores.csv", on_error="flag")
    >>> summary.rows, dict(summary.statuses)
    (2, {'ok': 1, 'impossible': 0, 'bad_value': 1})
    """

    out: Path
    rows: int
    statuses: Mapping[str, int]

    def __str__(self) -> str:
        parts = [f"{self.statuses[name]} {name}" for name in STATUSES]
        return f"{self.out}: {self.rows} rows; {', '.join(parts)}."
