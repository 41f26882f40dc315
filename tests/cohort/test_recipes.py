"""The recipe for Spark in docs/spark.md does what it says, as far as that goes without Spark."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

import bayesdx as dx
from tests.cohort.tables import patients

DOCUMENT = Path(__file__).parents[2] / "docs/spark.md"


def test_the_function_of_the_recipe() -> None:
    """A stream of record batches gives the scores of the table, in the promised schema."""
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    (recipe,) = [block for block in blocks if "def score(" in block]
    names: dict[str, Any] = {}
    exec(recipe, names)
    model = dx.load_model(names["MODEL"])
    table = patients(300, model=model)
    batches = pa.Table.from_pandas(table, preserve_index=False).to_batches(max_chunksize=64)
    found = pa.Table.from_batches(names["score"](batches))
    assert found.schema == names["schema_of_scores"](batches[0].schema)
    assert not any(pa.types.is_dictionary(field.type) for field in found.schema), "Spark takes no dictionaries"
    expected = dx.score_cohort(model, table, keep=["patient"])
    pd.testing.assert_frame_equal(found.to_pandas(), expected, check_exact=True)
