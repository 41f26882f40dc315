"""Deep vein thrombosis 1.0.0: the numbers of 0.1.0 as published studies leave them.

``python models/deep_vein_thrombosis/derivation/1.0.0/build.py`` writes models/deep_vein_thrombosis/1.0.0, which must
not exist yet, and the model card beside it. With ``--compare`` nothing is written: it says whether the released version
is what this file makes. With ``--left-out`` twenty studies are left out and predicted from the others; how many lie
where they are predicted is printed, and left_out.csv beside this file holds each of them.
"""

from __future__ import annotations

import sys
from datetime import date
from math import inf
from pathlib import Path

import pandas as pd

import bayesdx as dx

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "1.0.0"
PARENT = FOLDER.with_name("0.1.0")
CARD = FOLDER.parent / "MODEL_CARD.md"
LEFT_OUT = HERE / "left_out.csv"
RELEASED = date(2026, 12, 1)

BLANK = (
    "compression_ultrasound",
    "d_dimer",
    "leg_swelling",
    "calf_difference",
    "erythema",
    "P(tenderness = present | deep_vein_thrombosis = present by itself)",
    "P(homans_sign = present | deep_vein_thrombosis = present by itself)",
)
"""What studies measure: its judged numbers count for nothing. Of tenderness and Homans' sign only a ratio was
published, which does not say how common they are without a thrombosis."""

POOLED = {"GOODACRE2005": 0.3}
"""The interval of a pooled figure holds how its studies differ already: it gets the least heterogeneity."""

SHOWN = ["study", "finding", "measure", "value", "predictive_lower", "predictive_upper", "verdict"]


def left_out_studies(model: dx.Model) -> list[str]:
    """Of the studies of a test, in the order of their names, every second one."""
    names = {row.study for row in model.studies if row.finding in ("d_dimer", "compression_ultrasound")}
    selective = {row.study for row in model.studies if row.verification == "selective"}
    return sorted(names - selective)[1::2]


def left_out(model: dx.Model) -> tuple[pd.DataFrame, int]:
    """Every figure of these studies as the others predict it, and how many studies have all their figures inside."""
    names = left_out_studies(model)
    result = dx.synthesise(model, blank=BLANK, heterogeneity={**POOLED, **dict.fromkeys(names, inf)})
    table = result.studies.loc[result.studies["study"].isin(names), SHOWN].round(4)
    inside = (table["verdict"] == "inside").groupby(table["study"]).all()
    return table, int(inside.sum())


def build() -> dx.Model:
    """The model, not yet released."""
    return dx.synthesise(dx.load_model(PARENT), blank=BLANK, heterogeneity=POOLED, version="1.0.0").model


def main() -> None:
    """Write the version and its card, compare, or leave out."""
    match sys.argv[1:]:
        case ["--left-out"]:
            table, inside = left_out(dx.load_model(PARENT))
            table.to_csv(LEFT_OUT, index=False, lineterminator="\n")
            figures = int((table["verdict"] == "inside").sum())
            print(f"{inside} of {table['study'].nunique()} studies left out lie inside what the others predict")
            print(f"({figures} of {len(table)} figures; a study is inside where all its figures are).")
        case ["--compare"]:
            print(dx.compare_models(dx.load_model(FOLDER), dx.release_model(build(), RELEASED)))
        case _:
            dx.save_model(dx.release_model(build(), RELEASED), FOLDER)
            CARD.write_text(dx.model_card(dx.load_model(FOLDER)), encoding="utf-8")


if __name__ == "__main__":
    main()
