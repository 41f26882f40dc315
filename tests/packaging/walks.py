"""``python -m tests.packaging.walks``: how many files of ``bayesdx`` each walk of CONTRIBUTING.md enters, as JSON.

In a process of its own: whatever was compiled before would shorten the walks.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pandas as pd

import bayesdx as dx
from bayesdx.diagnosis.compiled import compiled
from bayesdx.knowledge.checking import _EXAMINED

PACKAGE = Path(dx.__file__).parent
MODEL = "hip_flexion_weakness@2.3.0"


def entered(call: Callable[[], object]) -> int:
    """Files of the package in which the call runs a function, in all its threads; importing one is no entering."""
    found = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            found.add(frame.f_code.co_filename)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return sum(PACKAGE in Path(name).parents for name in found)


def forget() -> None:
    """Nothing is known of any model: what was compiled of it, what was found in its folder."""
    compiled.cache_clear()
    _EXAMINED.clear()


def fresh() -> dx.Model:
    """A model of which nothing is compiled."""
    forget()
    return dx.load_model(MODEL)


def finding() -> list[int]:
    """A finding to its posterior: the first patient of a model, then the second."""
    model = fresh()
    return [
        entered(lambda: dx.diagnose(model, {"onset": "sudden"}).posterior),
        entered(lambda: dx.diagnose(model, {"onset": "gradual"}).posterior),
    ]


def row() -> list[int]:
    """A row of Parquet to its score: with a model that is not compiled, then with one that is."""
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/in.parquet"
        pd.DataFrame({"onset": ["sudden", "gradual"]}).to_parquet(source)
        dx.score_cohort(fresh(), source, f"{folder}/0")  # numba compiles its code, or loads it
        model = fresh()
        return [
            entered(lambda: dx.score_cohort(model, source, f"{folder}/1")),
            entered(lambda: dx.score_cohort(model, source, f"{folder}/2")),
        ]


def number() -> list[int]:
    """A number of links.csv to a credible interval: from the file on, then from the model on."""
    model = fresh()
    from_model = entered(lambda: dx.credible_intervals(dx.diagnose(model, {"onset": "sudden"}), draws=100))
    forget()
    from_file = entered(
        lambda: dx.credible_intervals(dx.diagnose(dx.load_model(MODEL), {"onset": "sudden"}), draws=100)
    )
    return [from_file, from_model]


if __name__ == "__main__":
    counts = {"finding": finding(), "number": number(), "row": row()}  # the last one leaves code of numba behind
    print(json.dumps(counts))
