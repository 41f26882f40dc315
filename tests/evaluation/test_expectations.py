"""The language of cases.csv: what an expectation may say, and how a fault in one is reported."""

import pytest

import bayesdx as dx
from bayesdx.knowledge.expectations import FlagFires, InRange, InTop, MovesNothing, parse_expectation
from tests.knowledge.example import copy_draft, edit


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("cause in top 1", InTop("cause", 1)),
        ("gout in top 12", InTop("gout", 12)),
        ("none in top 1", InTop("", 1)),
        ("p(gout) >= 0.8", InRange("gout", "", 0.8, 1.0)),
        ("p(gout) <= 1e-3", InRange("gout", "", 0.0, 0.001)),
        ("p(gout) in 0.2..0.6", InRange("gout", "", 0.2, 0.6)),
        ("p(gout) in .2..1", InRange("gout", "", 0.2, 1.0)),
        ("p(tear=nearly complete) >= 0.5", InRange("tear", "nearly complete", 0.5, 1.0)),
        ("none_present >= 0.3", InRange("", "", 0.3, 1.0)),
        ("none_present in 0..0.1", InRange("", "", 0.0, 0.1)),
        ("flag saddle_numbness fires", FlagFires("saddle_numbness", True)),
        ("flag saddle_numbness does not fire", FlagFires("saddle_numbness", False)),
        ("no flag fires", FlagFires("", False)),
        ("fever=present moves nothing", MovesNothing("fever", "present")),
    ],
)
def test_every_form(text, value):
    """Each form says what it says."""
    assert parse_expectation(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an expectation of the form"),
        ("cause first", "an expectation of the form"),
        ("cause in top 0", "an expectation of the form"),
        ("p(gout) > 0.5", "an expectation of the form"),
        ("p(gout) >= 1.2", "a probability between 0 and 1, not 1.2"),
        ("p(gout) >= high", "a probability between 0 and 1, not high"),
        ("p(gout) in 0.6..0.2", "a range whose lower end is at most its upper end, not 0.6..0.2"),
        ("p(gout) in 0.2..0.6..0.7", "a probability between 0 and 1, not 0.6..0.7"),
    ],
)
def test_what_cannot_be_read_says_what_was_expected(text, message):
    """A fault is a ValueError whose message completes 'expected'."""
    with pytest.raises(ValueError, match=r".") as caught:
        parse_expectation(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("expect", "sentence"),
    [
        ("battery in top 1", "'battery in top 1'; expected a cause of variables.csv (nearest: 'battery_flat')."),
        ("cranking in top 1", "'cranking in top 1'; expected a cause of variables.csv."),
        ("p(fuel_missing=empty) >= 0.1", "'p(fuel_missing=empty) >= 0.1'; expected a state of fuel_missing: absent, "
         "filter clogged, tank empty (nearest: 'tank empty')."),
        ("p(cause=half) >= 0.1", "'p(cause=half) >= 0.1'; expected a state of battery_flat: absent, present."),
        ("clickng=present moves nothing", "'clickng=present moves nothing'; expected a variable of variables.csv "
         "(nearest: 'clicking')."),
        ("clicking=often moves nothing", "'clicking=often moves nothing'; expected a state of clicking: absent, "
         "present."),
        ("no flag fires;", "''; expected an expectation of the form 'C in top N', 'none in top N', 'p(C) >= x', "
         "'p(C) <= x', 'p(C) in x..y', 'none_present >= x', 'flag F fires', 'flag F does not fire', 'no flag fires' or "
         "'v=s moves nothing'."),
    ],
)  # fmt: skip
def test_faults_are_problems_with_row_and_column(tmp_path, expect, sentence):
    """check_model reports what an expectation names and the model does not have."""
    folder = copy_draft(tmp_path)
    edit(folder, "cases.csv", "cause in top 1; p(battery_flat) >= 0.5; flag no_power does not fire", expect)
    assert [str(problem) for problem in dx.check_model(folder)] == [f"cases.csv, row 4, column expect: {sentence}"]


def test_every_expectation_of_a_cell_is_reported(tmp_path):
    """Two faults of one cell are two problems."""
    folder = copy_draft(tmp_path)
    edit(folder, "cases.csv", "cause in top 1; p(battery_flat)", "cause on top; p(battery)")
    assert [(p.row, p.column, p.found) for p in dx.check_model(folder)] == [
        (4, "expect", "cause on top"),
        (4, "expect", "p(battery) >= 0.5"),
    ]


def test_the_main_cause_of_a_case_without_one(tmp_path):
    """``cause`` needs a cause in the column causes."""
    folder = copy_draft(tmp_path)
    edit(folder, "cases.csv", "headlight_dim=present,battery_flat,", "headlight_dim=present,,")
    assert [str(problem) for problem in dx.check_model(folder)] == [
        "cases.csv, row 4, column expect: 'cause in top 1'; expected the name of a cause: cause means the first one of "
        "the column causes, which is empty."
    ]
