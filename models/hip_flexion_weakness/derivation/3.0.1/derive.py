"""Derives hip_flexion_weakness 3.0.1 from 3.0.0: other thresholds of emergency steps, other words, more cases.

    python models/hip_flexion_weakness/derivation/3.0.1/derive.py            # compare with the folder of the version
    python models/hip_flexion_weakness/derivation/3.0.1/derive.py FOLDER     # write a new folder

README.md beside this file says why.
"""

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TypeVar

import bayesdx as dx
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import ManagementStep, RedFlag, Study, Variable

sys.path.insert(0, str(Path(__file__).parents[1]))

import rules

HERE = Path(__file__).parent
PARENT = "3.0.0"
ENTRY = (
    "New weakness, painful inhibition or inability of active hip flexion. Every number holds given this complaint, so "
    "the complaint itself is not a finding. Each patient has one main cause of it; what merely coexists, such as a "
    "disc or an arthritis on imaging or a neuropathy of the feet, is background of the findings and no second cause. "
    "Hip flexion strength is the manual muscle test among such patients; pain may be all that limits them."
)
"""Whom the model is for, without names of variables."""

Row = TypeVar("Row", Variable, Study, RedFlag, ManagementStep)


def reworded(file: str, rows: tuple[Row, ...], *keys: str) -> tuple[Row, ...]:
    """The rows of a file with the texts that words.csv has for them; ``keys`` are the columns that name a row there."""
    said = [row for row in rules.table(HERE, "words.csv") if row["file"] == file]
    texts: dict[str, dict[str, str]] = {row["row"]: {} for row in said}
    for row in said:
        texts[row["row"]][row["column"]] = row["text"]
    found = []
    for each in rows:
        name = " ".join(str(getattr(each, key)) for key in keys)
        found.append(replace(each, **rules.typed(file, texts.pop(name, {}))))
    if texts:
        raise SystemExit(f"words.csv: {file} has no row {', '.join(texts)}.")
    return tuple(found)


def derive() -> Model:
    """The whole model."""
    parent = dx.load_model(rules.MODELS / PARENT)
    return replace(
        parent,
        info=replace(
            parent.info,
            version=HERE.name,
            parent_version=parent.version,
            parent_hash=parent.hash,
            entry_criterion=ENTRY,
        ),
        variables=reworded("variables.csv", parent.variables, "variable"),
        studies=reworded("studies.csv", parent.studies, "study"),
        red_flags=reworded("red_flags.csv", parent.red_flags, "flag"),
        management=tuple(
            replace(step, thresholds=()) for step in reworded("management.csv", parent.management, "cause", "step")
        ),
        cases=(*parent.cases, *rules.judged_by(HERE.parent / PARENT)),
        changes=(HERE / "CHANGES.md").read_text(encoding="utf-8"),
        notes=(HERE / "NOTES.md").read_text(encoding="utf-8"),
    )


if __name__ == "__main__":
    rules.main(derive(), date(2026, 12, 1))
