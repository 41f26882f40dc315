"""accuracy.csv: columns that a file may do without, and figures that say what they are about."""

from dataclasses import replace

import pytest

import bayesdx as dx
from bayesdx.knowledge.schema import FILE, Accuracy
from tests.knowledge.example import FOLDER, copy_draft, edit

DISPENSABLE = ["population", "also", "given", "against", "compare", "resolution"]


def test_which_columns_a_file_may_do_without():
    """Only these of accuracy.csv, the last ones, each of which may be empty."""
    columns = [("accuracy.csv", column) for column in FILE["accuracy.csv"].columns if column.dispensable]
    assert [(file, column.name) for file, column in columns] == [("accuracy.csv", name) for name in DISPENSABLE]
    assert all(column.optional for _, column in columns)
    assert list(FILE["accuracy.csv"].header[-6:]) == DISPENSABLE


def test_a_released_folder_without_the_columns_keeps_its_hash():
    """A version from before the columns loads, is sound, and has the content hash of its release."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    assert model.release.hash == model.hash
    assert not any(getattr(row, name) for row in model.accuracy for name in DISPENSABLE)


def test_only_columns_in_use_are_written():
    """Without a value the column stays out of the file; with one it comes in, and reads back."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    assert b"given" not in model.contents()["accuracy.csv"].splitlines()[0]
    first = replace(model.accuracy[0], given=(("fever", ("absent",)),), resolution="settled")
    changed = replace(model, accuracy=(first, *model.accuracy[1:]), release=None)
    header = changed.contents()["accuracy.csv"].splitlines()[0].decode().split(",")
    assert header == [*FILE["accuracy.csv"].header[:-6], "given", "resolution"]
    assert changed.hash != model.hash


def test_save_then_load_is_identity_with_and_without_the_columns(tmp_path):
    """Whatever columns are in use, the model read back is the model written, NOTES.md included."""
    model = replace(dx.load_model(FOLDER), release=None)
    nothing = {name: () if name in ("also", "given", "against") else "" for name in DISPENSABLE}
    plain = tuple(replace(row, **nothing) for row in model.accuracy)
    for name, accuracy in (("all", model.accuracy), ("none", plain), ("no rows", ())):
        written = replace(model, accuracy=accuracy, notes="- weak\n")
        folder = dx.save_model(written, tmp_path / name)
        assert dx.load_model(folder) == written
        assert dx.load_model(folder).notes == "- weak\n"


def test_columns_may_come_in_any_order(tmp_path):
    """A file with one of the columns, at the front, is read like any other."""
    folder = copy_draft(tmp_path)
    (folder / "accuracy.csv").write_text(
        "given,finding,state,cause,measure,condition,value,lower,upper,n,source,status,note\n"
        "cold_night=no,clicking,present,starter_broken,sensitivity,summer,0.5,0.4,0.6,,GUESS,expert,\n"
    )
    assert dx.check_model(folder) == []
    assert dx.load_model(folder).accuracy == (
        Accuracy("clicking", "present", "starter_broken", "sensitivity", "summer", 0.5, 0.4, 0.6, None, "GUESS",
                 "expert", given=(("cold_night", ("no",)),)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "cranking,silent,starter_broken",
            "cranking,silent|silent,starter_broken",
            "accuracy.csv, row 2, column state: 'silent|silent'; expected each state once.",
        ),
        (
            "summer,0.86,0.7,0.95",
            "summer,0.86,0.7,95",
            "accuracy.csv, row 2, column upper: '95'; expected a sensitivity between 0 and 1.",
        ),
        (
            "clicks were counted by ear",
            "",
            "accuracy.csv, row 3, column resolution: ''; expected the reason why the figure cannot be compared, since "
            "compare is no.",
        ),
        (
            "cranking=slow|silent,,",
            "clicking=present,,",
            "accuracy.csv, row 3, column also: 'clicking'; expected another finding than that of the row.",
        ),
        (
            "cranking=slow|silent,,",
            "battery_flat=present,,",
            "accuracy.csv, row 3, column also: 'battery_flat'; expected another finding than that of the row.",
        ),
        (
            ",cold_night=no,,,",
            ",cold_night=no,cold_night=yes,,",
            "accuracy.csv, row 2, column against: 'cold_night=yes'; expected an empty cell: a sensitivity has no "
            "comparison group.",
        ),
        (
            ",cold_night=no,,,",
            ",cold_nigt=no,,,",
            "accuracy.csv, row 2, column given: 'cold_nigt'; expected a variable of variables.csv (nearest: "
            "'cold_night').",
        ),
        (
            "note,population,also,given",
            "note,population,also,givne",
            "accuracy.csv, row 1, column givne: 'givne'; expected a column of the model format (nearest: 'given').",
        ),
    ],
)
def test_faults_of_a_figure(tmp_path, old, new, sentence):
    """Each fault is one problem with its row and column."""
    folder = copy_draft(tmp_path)
    edit(folder, "accuracy.csv", old, new)
    assert [str(problem) for problem in dx.check_model(folder)] == [sentence]
