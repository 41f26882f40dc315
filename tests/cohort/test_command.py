"""``bayesdx score``."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app
from tests.cohort.tables import FLAGSHIP, flagship, patients

ASSUMED = "Setting assumed: Primary or musculoskeletal care (primary_care); choose with --population."
"""What is said of a setting that nobody chose."""


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["score", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "patients.parquet"
    patients(50).to_parquet(path)
    return path


def test_a_parquet_file_into_another(source: Path, tmp_path: Path) -> None:
    """The same file as ``score_cohort`` writes, and one line that says how many rows."""
    out = tmp_path / "scores.parquet"
    code, said, errors = run(FLAGSHIP, str(source), str(out), "--keep", "patient")
    assert (code, errors) == (0, f"{ASSUMED}\n")
    assert said == f"{out}: 50 rows; 50 ok, 0 impossible, 0 bad_value.\n"
    dx.score_cohort(flagship(), source, tmp_path / "again.parquet", keep=["patient"])
    assert out.read_bytes() == (tmp_path / "again.parquet").read_bytes()


def test_options_reach_the_run(source: Path, tmp_path: Path) -> None:
    """Population, ignored columns and intervals."""
    out = tmp_path / "scores.parquet"
    population = flagship().info.populations[-1].name
    options = ["--ignore", "patient", "--population", population, "--intervals", "0.9", "--draws", "60", "-q"]
    code, _, errors = run(FLAGSHIP, str(source), str(out), *options, "--workers", "1")
    assert (code, errors) == (0, "")
    scores = pq.read_table(out).to_pandas()
    model = flagship().with_population(population)
    expected = dx.score_cohort(model, source, ignore=["patient"], intervals=0.9, draws=60)
    assert scores.equals(expected)


def test_rows_that_cannot_be_scored(tmp_path: Path) -> None:
    """Exit code 2 and a sentence; with ``--on-error flag`` exit code 1 and the scores of the others."""
    source, out = tmp_path / "patients.csv", tmp_path / "scores.csv"
    source.write_text("onset\nsudden\nacute\n")
    code, said, errors = run(FLAGSHIP, str(source), str(out))
    assert (code, said) == (2, "")
    assert errors == (
        f"{ASSUMED}\n"
        f"Error: {source}, row 3, column onset: 'acute' is not a state of onset; its states are gradual, sudden.\n"
        "To score the other rows and mark such ones: --on-error flag.\n"
    )
    code, said, _ = run(FLAGSHIP, str(source), str(out), "--on-error", "flag")
    assert (code, said) == (1, f"{out}: 2 rows; 1 ok, 0 impossible, 1 bad_value.\n")
