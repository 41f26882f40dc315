"""The how-to's journey, word for word: 2,000 patients in a ward's own codes, a new version, its effect, and back."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "calibrate.md"
KINDS = ("context", "history", "examination")
CODES = {"present": "y", "absent": "n", "yes": "y", "no": "n"}


def commands() -> list[str]:
    """The lines that the page shows under its heading."""
    section = PAGE.read_text("utf-8").split("## On the command line")[1]
    block = re.search(r"```text\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return block.group(1).splitlines()


def ward(rows: int) -> pd.DataFrame:
    """Patients of the emergency department under headings and codes of their own; a code that means nothing known."""
    clinic = dx.load_model("hip_flexion_weakness", population="emergency_department")
    patients = dx.simulate_cohort(clinic, rows, seed=11)
    named = [name for name in patients if clinic.by_name[name].kind in KINDS][:12]
    table = patients[[*named, *clinic.causes]].replace(CODES).astype(object)
    table.loc[::50, "fever"] = "not asked"
    return table.rename(columns={name: clinic.by_name[name].label for name in named})


def test_the_journey_of_the_how_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the five lines ends well; the mix of causes comes near the ward's, the parent stays what it was."""
    lines = commands()
    assert [line.split()[1] for line in lines] == ["mapping", "calibrate", "calibrate", "evaluate", "compare"]
    monkeypatch.chdir(tmp_path)
    ward(2000).to_csv("patients.csv", index=False)
    before = dx.load_model("hip_flexion_weakness").hash
    said = []
    for line in lines:
        result = CliRunner().invoke(app, shlex.split(line)[1:])
        assert result.exit_code == 0, (line, result.output)
        said.append(result.output)
        draft = Path("mapping.csv").read_text("utf-8")
        if "?" in draft:  # what a person corrects: this code means that nobody asked
            assert re.findall(r".*\?$", draft, re.MULTILINE) == ["fever,not asked,fever,?"]
            Path("mapping.csv").write_text(draft.replace("fever,?", "fever,"), "utf-8")
    assert "has learned from these very patients" in " ".join(said[3].split())
    moved = dx.load_model("my_models/3.2.0", population="ward")
    parent = dx.load_model("hip_flexion_weakness")
    there = parent.with_population("emergency_department")
    old, new, truth = (dx.diagnose(model).table["posterior"].sort_index() for model in (parent, moved, there))
    assert (new - truth).abs().sum() < 0.25 * (old - truth).abs().sum()
    assert "ward" in said[4] and parent.hash == before
    told = json.loads(Path("my_models/3.2.0.calibration.json").read_text("utf-8"))
    assert told["cohort"]["rows"] == 2000 and told["apart"]["causes"] > 1.5
