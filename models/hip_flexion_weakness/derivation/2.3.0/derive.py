"""Derives hip_flexion_weakness 2.3.0: version 2.2.1 with the words of ``evidence/words.csv``.

    python models/hip_flexion_weakness/derivation/2.3.0/derive.py            # compare with the folder of the version
    python models/hip_flexion_weakness/derivation/2.3.0/derive.py FOLDER     # write a new folder

README.md beside this file says what the words are and where the cut points come from.
"""

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import bayesdx as dx
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import ManagementStep, RedFlag, Source, Test, Variable

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import rules  # noqa: E402

PARENT = "2.2.1"
REPLACED = (
    ("management.csv", "management", ManagementStep),
    ("red_flags.csv", "red_flags", RedFlag),
    ("tests.csv", "tests", Test),
)
"""Tables that this version may have whole: file, field of the model, rows."""


def derive() -> Model:
    """The whole model."""
    parent = dx.load_model(rules.MODELS / PARENT)
    evidence = rules.Evidence(HERE)
    model = replace(
        parent,
        info=replace(parent.info, version=HERE.name, parent_version=parent.version, parent_hash=parent.hash, format=2),
        variables=worded(parent.variables, rules.table(HERE, "words.csv")),
        sources=(*parent.sources, *rules.rows_of(evidence, "sources.csv", Source)),
        changes=evidence.text("CHANGES.md"),
        notes=evidence.text("NOTES.md"),
        release=None,
    )
    own = {field: rules.rows_of(evidence, name, kind) for name, field, kind in REPLACED}
    return replace(model, **{field: rows for field, rows in own.items() if rows})


def worded(variables: tuple[Variable, ...], rows: list[dict[str, str]]) -> tuple[Variable, ...]:
    """The variables with their words; each has one row, and no row is left over."""
    words = {row.pop("variable"): row for row in rows}
    if len(words) < len(rows) or words.keys() != {variable.variable for variable in variables}:
        raise SystemExit("words.csv: expected one row for each variable.")
    return tuple(replace(variable, **rules.typed("variables.csv", words[variable.variable])) for variable in variables)


if __name__ == "__main__":
    rules.main(derive(), date(2026, 11, 30))
