"""What moved from one version to another, row by row."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from bayesdx.knowledge import load_model
from bayesdx.knowledge.compare import Comparison, compare_rows
from tests.knowledge.example import FOLDER, append, copy_draft, drop, edit


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    """The example against a version in which something of each kind has changed."""
    folder = copy_draft(tmp_path, "1.1.0")
    edit(
        folder,
        "links.csv",
        "clicking,present,0.5,0.3,0.7,HANDBOOK,recalled,",
        "clicking,present,0.6,0.3,0.7,HANDBOOK,recalled,",
    )
    edit(folder, "links.csv", "silent,1,0.95,1,", "silent,0.99,0.95,1,")
    edit(folder, "tests.csv", "voltage_test,5.5,", "voltage_test,8,")
    edit(folder, "variables.csv", "Clicking,examination", "Click,examination")
    edit(folder, "model.toml", "The car that", "A car that")
    drop(folder, "management.csv", "fuel_missing,1")
    append(folder, "links.csv", "immobiliser_fault,present,clicking,present,0.1,0,0.2,GUESS,expert,")
    return compare_rows(load_model(FOLDER), load_model(folder))


def test_the_same_model_has_no_difference() -> None:
    """Comparing a version with itself gives an empty table, and a sentence."""
    model = load_model(FOLDER)
    same = compare_rows(model, model)
    assert same.table.empty
    assert same.numbers.empty
    assert str(same) == "car_start 1.0.0 -> car_start 1.0.0: no differences"


def test_every_difference_is_a_row(comparison: Comparison) -> None:
    """The largest shift of a value first, then in the order of the files."""
    cells = ["file", "row", "column", "change", "old", "new"]
    assert comparison.table[cells].astype(object).to_numpy().tolist() == [
        ["links.csv", "low_voltage, NA, cranking, silent", "link_probability", "changed", 1.0, 0.99],
        ["links.csv", "starter_broken, present, clicking, present", "link_probability", "changed", 0.5, 0.6],
        ["model.toml", "", "title", "changed", "The car that does not start", "A car that does not start"],
        ["variables.csv", "clicking", "label", "changed", "Clicking", "Click"],
        ["links.csv", "immobiliser_fault, present, clicking, present", "link_probability", "added", None, 0.1],
        ["tests.csv", "voltmeter", "cost_eur", "changed", 5.5, 8.0],
        ["management.csv", "fuel_missing, 1", "", "removed", None, None],
    ]


def test_intervals_come_after_what_moved(tmp_path: Path) -> None:
    """A value that moved is ahead of every bound, however far that went; bounds at 0 or 1 come last."""
    folder = copy_draft(tmp_path, "1.1.0")
    edit(folder, "links.csv", "silent,1,0.95,1,", "silent,1,0.5,1,")
    edit(folder, "links.csv", "clicking,present,0.5,0.3,0.7,", "clicking,present,0.51,0,0.72,")
    edit(folder, "variables.csv", "Clicking,examination", "Click,examination")
    table = compare_rows(load_model(FOLDER), load_model(folder)).table
    assert table["column"].tolist() == ["link_probability", "label", "lower", "upper", "lower"]
    assert table["shift_decibans"].abs().round(2).tolist()[2:] == [12.79, 0.42, math.inf]


def test_a_probability_shifts_in_decibans(comparison: Comparison) -> None:
    """The difference of the log-odds; infinite from certainty; none where there is no probability."""
    shifts = comparison.table["shift_decibans"]
    assert shifts[0] == -math.inf
    assert shifts[1] == pytest.approx(10 * math.log10(0.6 / 0.4))
    assert shifts[2:].isna().all()


def test_the_numbers_that_moved(comparison: Comparison) -> None:
    """Probabilities and costs, no texts and no new rows."""
    assert comparison.numbers["column"].tolist() == ["link_probability", "link_probability", "cost_eur"]


def test_the_other_way_round_is_the_opposite(comparison: Comparison) -> None:
    """Old and new, added and removed change places; shifts change their sign."""
    back = compare_rows(comparison.new, comparison.old).table.sort_values(["file", "row"], ignore_index=True)
    forth = comparison.table.sort_values(["file", "row"], ignore_index=True)
    assert back["old"].fillna("").tolist() == forth["new"].fillna("").tolist()
    assert back["change"].tolist() == [
        {"added": "removed", "removed": "added"}.get(change, change) for change in forth["change"]
    ]
    assert (-back["shift_decibans"]).fillna(0).tolist() == forth["shift_decibans"].fillna(0).tolist()


def test_populations_are_compared_by_name() -> None:
    """A population that is new or gone is a difference of model.toml."""
    model = load_model(FOLDER)
    town, country = model.info.populations
    fewer = replace(model, info=replace(model.info, populations=(town,)), priors=())
    rows = compare_rows(model, fewer).table.query("file == 'model.toml'")
    assert rows[["column", "change", "old"]].to_numpy().tolist() == [
        ["populations.country.title", "removed", country.title]
    ]


def test_text_and_html(comparison: Comparison) -> None:
    """Both show the rows; markup from a file is escaped."""
    assert str(comparison).splitlines()[0] == "car_start 1.0.0 -> car_start 1.1.0: 7 differences"
    model = comparison.old
    marked = replace(model, variables=(replace(model.variables[0], label="<script>"), *model.variables[1:]))
    html = compare_rows(model, marked)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
