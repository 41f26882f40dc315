"""Reading tables of patients: every fault with its rows, nothing used where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdx as dx

MODEL = dx.load_model("chest_clinic@1.0.0")
FLAGSHIP = dx.load_model("hip_flexion_weakness@1.0.0")


def sentences(table: object, mapping: object = None, model: dx.Model = MODEL, **options: str) -> list[str]:
    """Every fault of a table, as people read it."""
    check = dx.check_cohort(model, table, mapping, **options)
    assert (check.cohort is None) == bool(check.problems)
    if check.problems:
        with pytest.raises(dx.DatasetError) as caught:
            dx.read_cohort(model, table, mapping, **options)
        assert caught.value.problems == check.problems
    return [str(problem) for problem in check.problems]


def test_states_by_name_and_missing_cells() -> None:
    """None, NaN and empty text are "not observed"; the rest are states."""
    table = pd.DataFrame({"smoking": ["yes", None, "no", np.nan], "xray": ["", "positive", "negative", "positive"]})
    cohort = dx.read_cohort(MODEL, table)
    assert cohort.frame["smoking"].tolist() == ["yes", None, "no", None]
    assert cohort.frame["xray"].tolist() == [None, "positive", "negative", "positive"]


def test_a_mapping_file_and_a_dict_say_the_same(tmp_path: Path) -> None:
    """Codes, columns left out, codes for not observed."""
    table = pd.DataFrame({"SMK": [1, 0, 9], "x": ["p", "n", "p"], "name": ["a", "b", "c"]})
    path = tmp_path / "mapping.csv"
    path.write_text(
        "column,code,variable,state\nSMK,1,smoking,yes\nSMK,0,smoking,no\nSMK,9,smoking,\nx,p,xray,positive\n"
        "x,n,xray,negative\nname,,,\n"
    )
    given = {
        "SMK": {"variable": "smoking", "codes": {1: "yes", 0: "no", 9: None}},
        "x": {"variable": "xray", "codes": {"p": "positive", "n": "negative"}},
        "name": None,
    }
    first, second = (dx.read_cohort(MODEL, table, mapping) for mapping in (path, given))
    pd.testing.assert_frame_equal(first.frame, second.frame)
    assert first.hash == second.hash
    assert first.frame["smoking"].tolist() == ["yes", "no", None]


def test_numbers_are_cut_into_states(tmp_path: Path) -> None:
    """A cut belongs to the band above it; bands of a file work alike."""
    table = pd.DataFrame({"age": [17, 40, 59.9, 60, None]})
    cuts = dx.read_cohort(FLAGSHIP, table.iloc[:4], {"age": {"variable": "age_group", "cuts": [40, 60]}})
    assert cuts.frame["age_group"].tolist() == ["under_40", "40_to_59", "40_to_59", "60_and_over"]
    path = tmp_path / "m.csv"
    path.write_text(
        "column,code,variable,state\nage,<40,age_group,under_40\nage,40..60,age_group,40_to_59\n"
        "age,>=60,age_group,60_and_over\n"
    )
    pd.testing.assert_frame_equal(dx.read_cohort(FLAGSHIP, table.iloc[:4], path).frame, cuts.frame)


def test_csv_is_read_without_guesses(tmp_path: Path) -> None:
    """Rows are lines of the file; a faulty code is named with its line."""
    path = tmp_path / "patients.csv"
    path.write_text("smoking,xray\nyes,positive\nNA,negative\n")
    assert sentences(path) == [
        "patients.csv, row 3, column smoking: 'NA'; expected a state of smoking: no, yes; for what is not known, an "
        "empty cell or ?."
    ]


def test_parquet_is_read_like_a_table(tmp_path: Path) -> None:
    """The same patients from a Parquet file have the same hash."""
    table = pd.DataFrame({"smoking": ["yes", None], "xray": ["positive", "negative"]})
    table.to_parquet(tmp_path / "p.parquet")
    assert dx.read_cohort(MODEL, tmp_path / "p.parquet").hash == dx.read_cohort(MODEL, table).hash


def test_columns_are_left_out_by_name() -> None:
    """The same patients as without these columns, whatever the mapping says of them; one that is absent is a fault."""
    table = pd.DataFrame({"xray": ["positive", None], "SMOKER": ["y", "?!"], "name": ["a", "b"]})
    mapping = {"SMOKER": {"variable": "smoking", "codes": {"y": "yes"}}}
    check = dx.check_cohort(MODEL, table.iloc[:1], mapping, ignore=["SMOKER", "name"])
    assert check.problems == () and check.advice == "" and check.cohort is not None
    assert check.cohort.hash == dx.read_cohort(MODEL, table[["xray"]].iloc[:1]).hash
    assert check.columns["used_as"].tolist() == ["xray", "left out", "left out"]
    said = dx.check_cohort(MODEL, table.iloc[:1], mapping, ignore=["SMOKER", "nam", "name"]).problems
    assert [str(fault) for fault in said] == [
        "table: \"ignore: 'nam'\"; expected a column of the table (nearest: 'name')."
    ]
    said = dx.check_cohort(MODEL, table.iloc[:1], mapping, ignore=[0, "SMOKER", "nam", "name"]).problems
    assert len(said) == 2
    said = dx.check_cohort(MODEL, table.iloc[:1], weight="name", ignore=["name"]).problems[0]
    assert str(said) == "table, column name: 'weight, left out'; expected one use of a column."


def test_what_to_do_about_an_unknown_column_is_said_once() -> None:
    """However many there are, in the first line of the error; not where other things are wrong."""
    unknown = pd.DataFrame({"xray": ["positive"], "a": [1], "b": [2]})
    with pytest.raises(dx.DatasetError, match="cannot be used") as raised:
        dx.read_cohort(MODEL, unknown)
    assert str(raised.value).count("--ignore") == 1 and "ignore=['a', ...]" in str(raised.value).splitlines()[0]
    with pytest.raises(dx.DatasetError, match=": 1 fault") as raised:
        dx.read_cohort(MODEL, unknown[["xray"]].assign(xray="odd"))
    assert "--ignore" not in str(raised.value)


@pytest.mark.parametrize(
    ("table", "mapping", "expected"),
    [
        (
            {"smokin": ["yes"]},
            None,
            ["table, column smokin: 'smokin'; expected a variable of the model, or a column that the mapping names "
             "(nearest: 'smoking')."],
        ),
        (
            {"xray": ["odd", "positive", "odd"]},
            None,
            ["table, row 0, column xray: 'odd'; expected a state of xray: negative, positive; also rows 2."],
        ),
        ({"xray": []}, None, ["table: 'no rows'; expected at least one patient."]),
        (
            {"xray": ["positive", None]},
            None,
            ["table, row 1: 'nothing observed'; expected at least one finding or cause; leave such rows out."],
        ),
        (
            {"a": ["yes"], "b": ["no"]},
            {"a": "smoking", "b": "smoking"},
            ["table, row 0, column b: 'yes in a, no in b'; expected columns about one variable that agree."],
        ),
        (
            {"a": ["yes"]},
            {"a": "smokng"},
            ["mapping, column a: 'smokng'; expected a variable (nearest: 'smoking')."],
        ),
        (
            {"a": ["yes"]},
            {"a": "smoking", "c": "xray"},
            ["table: 'c'; expected a column of the table."],
        ),
        (
            {"a": [3]},
            {"a": {"variable": "smoking", "cuts": [1, 2]}},
            ["mapping, column a: '2 cuts'; expected 1 cuts, one fewer than states (no, yes)."],
        ),
        (
            {"a": ["high"]},
            {"a": {"variable": "smoking", "cuts": [1]}},
            [
                "table, row 0, column a: 'high'; expected a state of smoking (no, yes), or a number in one of the "
                "bands -inf..1, 1..inf."
            ],
        ),
        (
            {"tuberculosis": ["absent"], "lung_cancer": ["present"], "tb_or_cancer": ["no"]},
            None,
            ["table, row 0: 'lung_cancer = present, tb_or_cancer = no'; expected findings that chest_clinic 1.0.0 "
             "gives a probability above 0."],
        ),
    ],
)  # fmt: skip
def test_faults_say_where_what_and_what_instead(table: dict[str, list[object]], mapping: object, expected: str) -> None:
    """Each fault is one sentence; rows that share it are named together."""
    frame = pd.DataFrame(table)
    if "tb_or_cancer" in table:
        either = next(name for name, variable in MODEL.by_name.items() if variable.kind == "mechanism")
        frame = frame.rename(columns={"tb_or_cancer": either})
        reference = MODEL.by_name[either].states[0]
        frame[either] = reference
        expected = [text.replace("tb_or_cancer = no", f"{either} = {reference}") for text in expected]
    assert sentences(frame, mapping) == expected


def test_columns_named_twice() -> None:
    """Neither of them is used."""
    table = pd.DataFrame([["yes", "no"]], columns=["smoking", "smoking"])
    assert sentences(table) == ["table, column smoking: 'smoking'; expected each column once."]


def test_weights_and_sites_are_checked() -> None:
    """Weights are finite and at least 0; every patient has a site."""
    table = pd.DataFrame({"xray": ["positive"] * 2, "w": [1, -1], "s": ["a", None]})
    assert sentences(table, weight="w", site="s") == [
        "table, row 1, column w: '-1'; expected a weight, a finite number of at least 0.",
        "table, row 1, column s: ''; expected the site of every patient.",
    ]


@pytest.mark.parametrize(
    ("mapping", "options", "found"),
    [
        ({"w": "smoking"}, {"weight": "w"}, "weight, variable smoking"),
        ({"w": {"variable": "smoking", "cuts": [2]}}, {"site": "w"}, "site, variable smoking"),
        ({"w": "smoking"}, {"verification": "w"}, "verification, variable smoking"),
        (None, {"weight": "w", "site": "w"}, "weight, site"),
        ({"w": "smoking"}, {"weight": "w", "site": "w"}, "weight, site, variable smoking"),
    ],
)
def test_a_column_has_one_use(mapping: object, options: dict[str, str], found: str) -> None:
    """A column that would be a weight, a site, what shows verification or a variable at once is none of them."""
    table = pd.DataFrame({"xray": ["positive"] * 2, "w": [1, 0]})
    assert sentences(table, mapping, **options) == [f"table, column w: {found!r}; expected one use of a column."]


def test_a_column_with_another_use_may_be_left_out_by_the_mapping() -> None:
    """That is no second use."""
    table = pd.DataFrame({"xray": ["positive"], "w": [2]})
    assert dx.read_cohort(MODEL, table, {"w": None}, weight="w").weights.tolist() == [2.0]


def test_the_dry_run_says_what_will_be_used() -> None:
    """Per column: what it is used as, how many cells are observed, the states."""
    table = pd.DataFrame({"xray": ["positive", None], "id": [1, 2], "smoking": ["no", "no"]})
    check = dx.check_cohort(MODEL, table, {"id": None})
    assert check.columns.to_numpy().tolist() == [
        ["xray", "xray", 1, 1, "negative 0, positive 1"],
        ["id", "left out", 2, 0, ""],
        ["smoking", "smoking", 2, 0, "no 2, yes 0"],
    ]
    assert "table: 2 patients" in str(check)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The path and the reason."""
    with pytest.raises(dx.DatasetError) as caught:
        dx.read_cohort(MODEL, tmp_path / "none.csv")
    assert str(caught.value) == f"{tmp_path / 'none.csv'}: cannot be read: No such file or directory."


@pytest.mark.parametrize("cells", [[True, False, None], [1.0, 0.0, np.nan], [1, 0, 1], ["True", "FALSE", ""]])
def test_a_frame_and_its_own_csv_are_the_same_patients(tmp_path: Path, cells: list[object]) -> None:
    """Booleans and whole numbers have one canonical spelling, whatever the type of the column and of the mapping."""
    table = pd.DataFrame({"SMK": cells, "xray": ["positive", "negative", "negative"]})
    table.to_csv(tmp_path / "t.csv", index=False)
    mapped: list[dict[object, str]] = [
        {True: "yes", False: "no"},
        {1: "yes", 0: "no"},
        {"True": "yes", "False": "no"},
        {"1.0": "yes", "0.0": "no"},
    ]
    hashes = {
        dx.read_cohort(MODEL, source, {"SMK": {"variable": "smoking", "codes": codes}}).hash
        for source in (table, tmp_path / "t.csv")
        for codes in mapped
    }
    assert len(hashes) == 1


def test_a_code_as_it_is_written_comes_before_its_other_spellings() -> None:
    """Where a mapping tells 250.0 and 250 apart, so does reading."""
    codes = {"250.0": "yes", "250": "no"}
    table = pd.DataFrame({"icd": ["250.0", "250"]})
    cohort = dx.read_cohort(MODEL, table, {"icd": {"variable": "smoking", "codes": codes}})
    assert cohort.frame["smoking"].tolist() == ["yes", "no"]


def test_days_have_one_spelling(tmp_path: Path) -> None:
    """A day as a time stamp and as pandas writes it."""
    table = pd.DataFrame({"day": pd.to_datetime(["2024-01-02", "2024-01-03"])})
    table.to_csv(tmp_path / "t.csv", index=False)
    mapping = {"day": {"variable": "smoking", "codes": {"2024-01-02": "yes", "2024-01-03": "no"}}}
    assert dx.read_cohort(MODEL, tmp_path / "t.csv", mapping).hash == dx.read_cohort(MODEL, table, mapping).hash


def test_bands_take_decimal_commas_and_cells_that_are_bands() -> None:
    """39,5 years are 39.5; a cell "<40" is the band itself."""
    mapping = {
        "age": {"variable": "age_group", "codes": {"<40": "under_40", "40..60": "40_to_59", ">=60": "60_and_over"}}
    }
    found = dx.read_cohort(FLAGSHIP, pd.DataFrame({"age": ["39,5", "<40", ">=60", "40"]}), mapping)
    assert found.frame["age_group"].tolist() == ["under_40", "under_40", "60_and_over", "40_to_59"]


def test_a_number_that_can_be_read_in_two_ways_is_refused() -> None:
    """1,234 is a thousand or one; another cell of the column may settle it."""
    mapping = {"x": {"variable": "smoking", "cuts": [100]}}
    assert sentences(pd.DataFrame({"x": ["1,234", "5"]}), mapping) == [
        "table, row 0, column x: '1,234'; expected a decimal point: the mark in it may be a decimal one or part "
        "thousands."
    ]
    for other, state in (("36,5", "no"), ("1,234.5", "yes")):
        found = dx.read_cohort(MODEL, pd.DataFrame({"x": ["1,234", other]}), mapping)
        assert found.frame["smoking"].tolist()[0] == state


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"ignore": "xray"}, "ignore: 'xray'; expected a list of column names, as ['xray']."),
        ({"ignore": None}, "ignore: None; expected a list of column names."),
        ({"ignore": 3}, "ignore: 3; expected a list of column names."),
        ({"weight": 3}, "weight: 3; expected the name of a column."),
        ({"site": 3}, "site: 3; expected the name of a column."),
        ({"verification": [3]}, "verification: 3; expected the name of a column."),
        ({"verification": 3}, "verification: 3; expected a list of column names."),
    ],
)
def test_names_of_columns_that_cannot_be(options: dict[str, Any], sentence: str) -> None:
    """They are said as ``score_cohort`` says them."""
    for read in (dx.check_cohort, dx.read_cohort):
        with pytest.raises(dx.DatasetError) as raised:
            read(MODEL, pd.DataFrame({"xray": ["positive"]}), **options)
        assert str(raised.value) == sentence
