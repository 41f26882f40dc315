"""The core without the extra ``cohort``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import bayesdx as dx
from tests.cohort.tables import FLAGSHIP, flagship, patients

ROOT = Path(__file__).parents[2]
NEEDED = (
    "Parquet, and frames of other libraries than pandas, need pyarrow: install bayesdx with its cohort extra (pip "
    "install pyarrow narwhals). CSV files and pandas frames need no extra."
)

WITHOUT = """
import sys
sys.modules["pyarrow"] = sys.modules["dask"] = sys.modules["narwhals"] = sys.modules["polars"] = None
import pandas as pd
import bayesdx as dx
from bayesdx.cli import app
from typer.testing import CliRunner

model, folder = dx.load_model(sys.argv[1]), sys.argv[2]
names = [f"{folder}/{name}.csv" for name in ("in", "command")]
result = CliRunner().invoke(app, ["score", sys.argv[1], *names, "--keep", "patient", "--population", "primary_care"])
assert (result.exit_code, result.stderr) == (0, ""), result.output
table = pd.read_csv(f"{folder}/in.csv", dtype=str, keep_default_na=False, na_values=[""])
dx.score_cohort(model, table, f"{folder}/frame.csv", keep=["patient"])
dx.score_cohort(model, table.head(40), keep=["patient"], intervals=0.9, draws=50).to_csv(f"{folder}/memory.csv")
for source, out in ((table, f"{folder}/x.parquet"), (f"{folder}/x.parquet", None), (table, f"{folder}/folder")):
    open(f"{folder}/x.parquet", "a").close()
    try:
        dx.score_cohort(model, source, out, keep=["patient"])
    except dx.MissingExtraError as error:
        print(error)
"""


def test_csv_and_pandas_need_no_extra(tmp_path: Path) -> None:
    """The command and the function, byte for byte as with pyarrow; what needs it says so before any work."""
    table = patients(300).assign(patient=[f"=p{row}" for row in range(300)])
    table.to_csv(tmp_path / "in.csv", index=False)
    command = [sys.executable, "-c", WITHOUT, FLAGSHIP, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [NEEDED] * 3
    dx.score_cohort(flagship(), tmp_path / "in.csv", tmp_path / "here.csv", keep=["patient"])
    for name in ("command.csv", "frame.csv"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "here.csv").read_bytes()
    manifests = [(tmp_path / f"{name}.csv.manifest.json").read_text() for name in ("command", "here")]
    assert manifests[0] == manifests[1].replace("here.csv", "command.csv")
    found = dx.score_cohort(flagship(), table.head(40), keep=["patient"], intervals=0.9, draws=50)
    found.to_csv(tmp_path / "here.csv")
    assert (tmp_path / "memory.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()


RESUMED = """
import sys
if sys.argv[4] == "without":
    sys.modules["pyarrow"] = sys.modules["narwhals"] = None
import bayesdx as dx
from bayesdx.cohort import runs
sizes = dx.types.CohortSizes(part_rows=50)
if sys.argv[5] == "killed":
    runs.Run.finish = lambda *arguments: sys.exit(3)
dx.score_cohort(dx.load_model(sys.argv[1]), sys.argv[2], sys.argv[3], keep=["patient"], workers=1, sizes=sizes)
"""


@pytest.mark.parametrize(("first", "second"), [("with", "without"), ("without", "with")])
def test_a_run_goes_on_with_or_without_pyarrow(first: str, second: str, tmp_path: Path) -> None:
    """CSV to CSV depends on it in nothing, so that a run begun here is finished there with the same bytes."""
    source, out, whole = tmp_path / "in.csv", tmp_path / "out.csv", tmp_path / "whole.csv"
    patients(300).to_csv(source, index=False)
    for kind, end, code in ((first, "killed", 3), (second, "left alone", 0)):
        command = [sys.executable, "-c", RESUMED, FLAGSHIP, str(source), str(out), kind, end]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == code
        assert out.exists() == (code == 0)
    dx.score_cohort(flagship(), source, whole, keep=["patient"])
    assert out.read_bytes() == whole.read_bytes()


MEMORY = """
import resource, sys
from pathlib import Path
import bayesdx as dx
sizes = dx.types.CohortSizes(part_rows=4096, batch_rows=4096)
model = dx.load_model(sys.argv[1])

def peak():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) // 1024

dx.score_cohort(model, sys.argv[2], sys.argv[2] + ".out.csv", ignore=["note"], workers=1, sizes=sizes)
before = peak()
dx.score_cohort(model, sys.argv[3], sys.argv[3] + ".out.csv", ignore=["note"], workers=1, sizes=sizes)
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the peak memory that Linux keeps")
def test_memory_does_not_grow_with_a_csv_file(tmp_path: Path) -> None:
    """Ten times the rows, a note of their own in each, take the memory of one tenth."""
    for name, rows in (("small.csv", 20_000), ("large.csv", 200_000)):
        with (tmp_path / name).open("w") as file:
            file.write("onset,note\n")
            file.writelines(f"sudden,{row:0200d}\n" for row in range(rows))
    command = [sys.executable, "-c", MEMORY, FLAGSHIP, str(tmp_path / "small.csv"), str(tmp_path / "large.csv")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 10, "MB"
