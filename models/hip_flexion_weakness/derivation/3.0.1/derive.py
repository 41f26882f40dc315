"""Derives hip_flexion_weakness 3.0.1 from 3.0.0: other thresholds of emergency steps, and the cases it was judged by.

    python models/hip_flexion_weakness/derivation/3.0.1/derive.py            # compare with the folder of the version
    python models/hip_flexion_weakness/derivation/3.0.1/derive.py FOLDER     # write a new folder

README.md beside this file says why.
"""

import csv
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import bayesdx as dx
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Case, parse_conditions

sys.path.insert(0, str(Path(__file__).parents[1]))

import rules

HERE = Path(__file__).parent
PARENT = "3.0.0"
CALLED = {"other": "other_or_unexplained", "hip_arthritis": "hip_osteoarthritis"}
"""Main causes that new_cases.csv calls otherwise."""


def judged_by() -> tuple[Case, ...]:
    """The published cases by which 3.0.0 was judged once, after its numbers were fixed."""
    with (HERE.parent / PARENT / "new_cases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(
        Case(
            row["case"],
            row["title"],
            row["population"],
            parse_conditions(row["findings"]),
            (CALLED.get(row["main_state"], row["main_state"]),),
            "cause in top 3",
            "held_out",
            row["address"],
            row["note"],
        )
        for row in rows
    )


def derive() -> Model:
    """The whole model."""
    parent = dx.load_model(rules.MODELS / PARENT)
    return replace(
        parent,
        info=replace(parent.info, version=HERE.name, parent_version=parent.version, parent_hash=parent.hash),
        management=tuple(replace(step, thresholds=()) for step in parent.management),
        cases=(*parent.cases, *judged_by()),
        changes=(HERE / "CHANGES.md").read_text(encoding="utf-8"),
        notes=(HERE / "NOTES.md").read_text(encoding="utf-8"),
    )


if __name__ == "__main__":
    rules.main(derive(), date(2026, 12, 1))
