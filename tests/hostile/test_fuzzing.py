"""Twenty thousand damaged inputs, and every input that was ever found to do harm."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesdx as dx
from tests.hostile.mutating import mutations
from tests.hostile.targets import COLUMNS, TARGETS, check_scores, model

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
COUNTS = {
    "model_folder": 1000,
    "findings_json": 7000,
    "findings_csv": 3500,
    "cohort_csv": 3000,
    "cohort_words": 1500,
    "cohort_parquet": 2500,
    "mapping": 2500,
    "manifest": 700,
    "resumed": 600,
}
"""Inputs of each target; ``python -m tests.hostile TARGET COUNT SEED`` runs others."""

LONGEST = 20.0
"""Seconds of computing that no input may take."""


def test_there_are_twenty_thousand() -> None:
    """Over all targets, each of them named."""
    assert sum(COUNTS.values()) >= 20_000
    assert set(COUNTS) == set(TARGETS)


def test_damaged_parquet() -> None:
    """In a process of its own: what reads Parquet is not Python, and a fault in it would end the tests also."""
    command = [sys.executable, "-m", "tests.hostile", "cohort_parquet", str(COUNTS["cohort_parquet"]), "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (0, f"cohort_parquet: {COUNTS['cohort_parquet']} inputs, 0 did harm\n"), (
        done.stderr[-3000:]
    )


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "cohort_parquet"])
def test_damaged_inputs(name: str) -> None:
    """Each is answered or refused with a BayesdxError, in reasonable time."""
    target, seeds = TARGETS[name]
    for number, data in enumerate(mutations(seeds(), COUNTS[name], seed=1)):
        start = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", dx.DataWarning)  # an encoding that was guessed is told
                target(data)
        except Exception as error:
            raise AssertionError(f"{name}, input {number}: {data[:2000]!r}") from error
        assert time.process_time() - start < LONGEST, (name, number)


FOUND = sorted(CORPUS.glob("*/*"))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_found_cases_stay_harmless(path: Path) -> None:
    """Inputs that once did harm, by hand or by fuzzing, named after what they did."""
    target, _ = TARGETS[path.parent.name]
    target(path.read_bytes())


CELLS = st.one_of(
    st.none(),
    st.sampled_from(["absent", "present", "silent", "slow", "normal", "low", "None", "NA"]),
    st.text(max_size=6),
    st.floats(),
    st.integers(-(2**70), 2**70),
    st.booleans(),
    st.binary(max_size=4),
    st.dates(),
    st.lists(st.integers(), max_size=2),
    st.just(float("nan")),
    st.just("\ud800"),
)


@settings(max_examples=150)
@given(
    rows=st.lists(st.tuples(*[CELLS] * 3), max_size=5),
    names=st.lists(st.one_of(st.sampled_from(COLUMNS), st.text(max_size=8)), min_size=3, max_size=3, unique=True),
    categories=st.booleans(),
)
def test_any_frame(rows: list[tuple[object, ...]], names: list[str], categories: bool) -> None:
    """Cells of every type under names of every kind: scored, marked, or refused with a BayesdxError."""
    frame = pd.DataFrame(rows, columns=names, dtype=object)
    if categories:
        # pandas itself takes no lone surrogate into the categories that it makes.
        texts = [str(row[0]).replace("\ud800", "?") for row in rows]
        frame[names[0]] = pd.Series(texts, dtype="category")
    try:
        scores = dx.score_cohort(
            model(), frame, ignore=[name for name in names if name not in COLUMNS], on_error="flag"
        )
    except dx.BayesdxError as error:
        assert str(error)
    else:
        assert len(scores) == len(rows)
        check_scores(scores)
