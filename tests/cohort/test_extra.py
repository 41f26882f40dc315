"""The core without the extra ``cohort``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

WITHOUT = """
import sys
sys.modules["pyarrow"] = sys.modules["dask"] = sys.modules["narwhals"] = None
import bayesdx as dx
import pandas as pd
model = dx.load_model("hip_flexion_weakness@1.0.0")
print(dx.diagnose(model, {"onset": "sudden"}).posterior.index[0])
for source in (pd.DataFrame({"onset": ["sudden"]}), "patients.parquet"):
    try:
        dx.score_cohort(model, source)
    except dx.MissingExtraError as error:
        print(error)
"""


def test_everything_else_works_without_pyarrow() -> None:
    """Importing and diagnosing need no extra; scoring a table names the one that it needs."""
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, cwd=ROOT, check=True)
    sentence = "score_cohort() needs pyarrow: install bayesdx with its cohort extra."
    assert done.stdout.splitlines()[1:] == [sentence, sentence]
