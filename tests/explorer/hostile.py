"""A model folder whose labels, states and texts try to become markup, and a model that no folder could hold."""

from __future__ import annotations

import csv
import io
import shutil
from dataclasses import replace
from pathlib import Path

import bayesdx as dx

CAR = Path(__file__).parents[1] / "data/models/car_start/1.0.0"
SCRIPT = "<script>window.hit=1</script>"
IMAGE = "\"><img src=x onerror='window.hit=1'>"
QUOTES = "'; window.hit=1; //\" ` ${window.hit=1} &lt;b&gt; </style></textarea></svg>"
STATE = '<script>\'"silent"&lt</script><img>'
BACKWARDS = "\u202egnirts \u2066\u200f\u0007end"


def hostile_folder(folder: Path) -> Path:
    """A copy of a sound model in which every text is hostile."""
    shutil.copytree(CAR, folder)
    (folder / "release.toml").unlink()
    attacks = {
        "label": IMAGE,
        "definition": QUOTES,
        "action": SCRIPT,
        "citation": SCRIPT,
        "title": SCRIPT,
        "when": IMAGE,
    }
    for path in folder.glob("*.csv"):
        rows = list(csv.reader(io.StringIO(path.read_text("utf-8"), newline="")))
        header = rows[0]
        for number, row in enumerate(rows[1:]):
            for place, column in enumerate(header):
                row[place] = row[place].replace("silent", STATE)
                if column in attacks and row[place]:
                    row[place] = f"{attacks[column]} {number}"
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        path.write_text(text.getvalue(), "utf-8")
    toml = folder / "model.toml"
    toml.write_text(toml.read_text("utf-8").replace("The car that does not start", SCRIPT.replace('"', "'")), "utf-8")
    return folder


def backwards_model() -> dx.Model:
    """A model made in Python, whose labels hold signs that reorder text; a folder with such signs is refused."""
    model = dx.load_model(CAR)
    variables = tuple(replace(row, label=f"{row.label} {BACKWARDS}") for row in model.variables)
    flags = tuple(replace(row, action=f"{row.action} {BACKWARDS}") for row in model.red_flags)
    return replace(model, variables=variables, red_flags=flags, release=None)
