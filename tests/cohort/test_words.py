"""A table says findings as people say them: the same words as ``diagnose``, in every kind of table."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app

OVERWRITE = {"score": ["--overwrite"], "diagnose": []}
FOLDER = Path(__file__).parents[1] / "data" / "models" / "breathless" / "1.0.0"
MODEL = dx.load_model(FOLDER)

TABLE: dict[str, list[Any]] = {
    "Age": [64.5, 65, None, 80],
    "temperature": [37.9, 38.0, 41.0, None],
    "swollen calf": [True, False, None, True],
    "rales": ["yes", "absent", "?", "Present"],
    "CRP": ["9", "10 mg/L", "raised", ""],
    "CTPA": ["positive", "no", None, "NEGATIVE"],
}
STATES: dict[str, list[str | None]] = {
    "age_group": ["adult", "old", None, "old"],
    "fever": ["absent", "present", "present", None],
    "calf_swelling": ["yes", "no", None, "yes"],
    "crackles": ["present", "absent", None, "present"],
    "crp": ["normal", "raised", "raised", None],
    "ct_angiography": ["positive", "negative", None, "negative"],
}


def table() -> pd.DataFrame:
    return pd.DataFrame(TABLE).replace({"CRP": {"": None}})


def test_words_of_people_are_the_states_that_they_mean(tmp_path: Path) -> None:
    """Labels, synonyms, numbers, yes and no: the scores of the names of states, from each kind of table."""
    expected = dx.score_cohort(MODEL, pd.DataFrame(STATES))
    assert expected["status"].eq("ok").all()
    frame = table()
    frame.to_csv(tmp_path / "in.csv", index=False)
    frame.to_parquet(tmp_path / "in.parquet")
    for source in (frame, tmp_path / "in.csv", tmp_path / "in.parquet", frame.astype(object)):
        pd.testing.assert_frame_equal(dx.score_cohort(MODEL, source), expected, check_exact=True)
    for other in (pl.from_pandas(frame), pa.Table.from_pandas(frame)):
        scores = dx.score_cohort(MODEL, other)
        found = scores.to_pandas()
        pd.testing.assert_frame_equal(found, expected, check_exact=True, check_dtype=False)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 130),
    st.floats(-1, 130, allow_nan=False).map(lambda number: round(number, 1)),
    st.sampled_from(["yes", "No", "present", "Old", "Fever", "no fever", "38", "38,5", "12 mg/L", "?", "high", "x"]),
)
COLUMNS = ["age_group", "Age", "fever", "pyrexia", "temperature", "DVT signs", "rales", "CRP", "ct_angiography"]


@settings(max_examples=150)
@given(column=st.sampled_from(COLUMNS), value=VALUES)
def test_a_cell_is_read_as_a_finding(column: str, value: Any) -> None:
    """What ``diagnose`` takes has its posterior; what it refuses is a bad value, with the same reason."""
    frame = pd.DataFrame({column: pd.Series([value], dtype=object)})
    scores = dx.score_cohort(MODEL, frame, on_error="flag")
    try:
        case = dx.diagnose(MODEL, {column: dx.UNKNOWN if value == "?" else value})
    except dx.ImpossibleEvidenceError:
        assert scores["status"].tolist() == ["impossible"]
    except dx.FindingsError as error:
        assert scores["status"].tolist() == ["bad_value"]
        with pytest.raises(dx.FindingsError) as raised:
            dx.score_cohort(MODEL, frame)
        reason = str(error).removeprefix("findings: ").partition(" = ")[2]
        said = f"the frame, row 0, column {column}: {reason}\n"
        assert (
            str(raised.value) == f"{said}To score the other rows and mark such ones: on_error='flag' (--on-error flag)."
        )
    else:
        assert scores["status"].tolist() == ["ok"]
        assert scores["log_evidence"].iloc[0] == pytest.approx(case.log_evidence, abs=1e-12)


def test_columns_that_mean_the_same_or_several() -> None:
    """Are refused, all of them at once."""
    frame = pd.DataFrame({"fever": ["yes"], "pyrexia": ["no"], "chest": ["x"], "Fevers": [1], "nothing": [2]})
    with pytest.raises(dx.FindingsError) as raised:
        dx.score_cohort(MODEL, frame)
    assert str(raised.value).splitlines() == [
        "column 'chest' is not a variable of breathless 1.0.0. It is a group; give its members as columns: crackles, "
        "wheeze.",
        "column 'nothing' is not a variable of breathless 1.0.0. Name it under keep to copy it, or under ignore.",
        "fever is given twice, as 'fever' and as 'pyrexia' and as 'Fevers'.",
    ]


def test_a_kept_column_that_is_a_finding() -> None:
    """Is both, unless it is left out by name; nothing a user names is lost."""
    frame = pd.DataFrame({"Age": [80]})
    both = dx.score_cohort(MODEL, frame, keep=["Age"])
    assert both["Age"].tolist() == [80]
    old = dx.diagnose(MODEL, {"Age": 80}).log_evidence
    assert both["log_evidence"].tolist() == pytest.approx([old])
    copied = dx.score_cohort(MODEL, frame, keep=["Age"], ignore=["Age"])
    assert (copied["Age"].tolist(), copied["log_evidence"].tolist()) == ([80], pytest.approx([0.0]))


def test_a_table_that_holds_the_answer(tmp_path: Path) -> None:
    """Columns that are causes, by any of their names, are warned of; without them a score is that of the findings."""
    model = dx.load_model("hip_flexion_weakness")
    patients = dx.simulate_cohort(model, 20, seed=3)
    labelled = patients.assign(main_cause="fracture")[["fever", "onset", *model.causes[:5], "main_cause"]]
    labelled = labelled.rename(columns={model.causes[0]: model.label(model.causes[0])})
    labelled["main_cause"] = None
    findings = patients[["fever", "onset"]]
    with pytest.warns(dx.DataWarning) as said:
        dx.score_cohort(model, labelled.iloc[:, [0, 1, 2, -1]])
    assert str(said[0].message) == (
        "Columns that are causes count as findings, and the posteriors know the answer: 'Upper lumbar disc "
        "herniation', 'main_cause'. ignore=['causes'] leaves them out."
    )
    expected = dx.score_cohort(model, findings)
    pd.testing.assert_frame_equal(dx.score_cohort(model, labelled, ignore=["causes"]), expected)
    kept = dx.score_cohort(model, labelled, keep=["main_cause"], ignore=["causes"])
    assert kept.columns[0] == "main_cause"
    batch = dx.score_batch(model, pa.RecordBatch.from_pandas(labelled, preserve_index=False), ignore=["causes"])
    assert batch.column("log_evidence").to_pylist() == expected["log_evidence"].tolist()
    labelled.to_csv(tmp_path / "in.csv", index=False)
    for command, output in (("score", [str(tmp_path / "out.csv"), "-q"]), ("diagnose", ["--format", "csv"])):
        source = [str(tmp_path / "in.csv")] if command == "score" else ["--findings", str(tmp_path / "in.csv")]
        output = [*output, "--population", "primary_care"]
        bare = CliRunner().invoke(app, [command, model.name, *source, *output])
        assert "--ignore causes leaves them out." in bare.stderr
        clean = CliRunner().invoke(
            app, [command, model.name, *source, *output, "--ignore", "causes", *OVERWRITE[command]]
        )
        assert (clean.exit_code, clean.stderr) == (0, "")
    lines = pd.read_csv(io.StringIO(clean.stdout)).query("cause == 'fracture'")
    assert lines["posterior"].to_numpy() == pytest.approx(expected["posterior_fracture"].to_numpy())


@pytest.mark.parametrize("text", ["pres\0ent", "present\x1b", "pre\u202esent", "pre\u200bsent"])
def test_signs_that_nobody_types(text: str) -> None:
    """Make no word of a word, neither in a table nor in a finding."""
    with pytest.raises(dx.FindingsError):
        dx.score_cohort(MODEL, pd.DataFrame({"fever": [text]}))
    with pytest.raises(dx.FindingsError):
        dx.diagnose(MODEL, {"fever": text})
