"""Sixty words from published cases, written down before any synonym, and what a search makes of them."""

from __future__ import annotations

import csv
from pathlib import Path

import bayesdx as dx

WORDS = Path(__file__).parents[1] / "data" / "words.csv"
WANTED = 57
"""Of sixty, among the first three."""


def test_clinicians_words_are_found() -> None:
    """The right variable is among the first three that a search shows."""
    model = dx.load_model("hip_flexion_weakness@2.3.0")
    with WORDS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    found = {row["words"]: dx.find_variables(model, row["words"], limit=3).table.index for row in rows}
    missed = [row["words"] for row in rows if row["variable"] not in found[row["words"]]]
    assert len(rows) - len(missed) >= WANTED, missed
