"""Models made of tables."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.diagnosis.simulate import simulate
from bayesdx.evaluation.forecasts import measure
from bayesdx.network import compile_network
from benchmarks.datasets import bayesdx_fit, cross_validated, data_folder, peers
from tests.learning.models import exclusive_model


def table(rows: int = 300, seed: int = 0) -> pd.DataFrame:
    network = compile_network(exclusive_model((0.35, 0.25)))
    codes = simulate(network, rows, seed)
    return pd.DataFrame({node.name: np.array(node.states)[codes[:, i]] for i, node in enumerate(network.nodes)})


def test_a_patient_whom_the_model_excludes_is_named() -> None:
    """Where a number was set to 0 since: the row, and what is impossible."""
    fit = dx.fit_model(pd.DataFrame({"d": ["a", "b"] * 20, "cough": ["yes", "no"] * 19 + ["no", "no"]}), "d")
    never = [replace(row, probability=0.0, lower=0.0, upper=0.0) for row in fit.model.tables]
    changed = replace(fit, model=replace(fit.model, tables=tuple(never)))
    with pytest.raises(dx.ImpossibleEvidenceError, match="table, row 1: its findings have probability 0") as raised:
        changed.posteriors(pd.DataFrame({"cough": ["no", "yes"]}))
    assert (raised.value.conflict, raised.value.row) == (("cough",), 1)


def test_naive_posteriors_equal_scikit_learns_categorical_naive_bayes() -> None:
    """The same smoothing gives the same posteriors."""
    from sklearn.naive_bayes import CategoricalNB
    from sklearn.preprocessing import OrdinalEncoder

    frame = table()
    findings = frame.drop(columns="cause")
    x = OrdinalEncoder().fit_transform(findings)
    other = CategoricalNB().fit(x, frame["cause"])
    ours = dx.fit_model(frame, "cause", structure="naive", temperature=1, smoothing=1).posteriors(findings)
    assert_allclose(ours[list(other.classes_)].to_numpy(), other.predict_proba(x), atol=1e-8)


def test_a_fitted_model_is_a_model(tmp_path: Path) -> None:
    """It is saved, loads, checks clean, reads the table it came from, and its mapping as a file says the same."""
    frame = table().assign(age=np.arange(300) % 83, id=1)
    fit = dx.fit_model(frame, "cause", structure="tree")
    assert fit.mapping["id"] is None
    folder = dx.save_model(fit.model, tmp_path / "1.0.0")
    assert dx.check_model(folder) == []
    path = fit.write_mapping(tmp_path / "mapping.csv")
    for asked in (frame, frame.drop(columns="id")):
        assert dx.read_cohort(dx.load_model(folder), asked, path).hash == fit.read(frame).hash
    with pytest.raises(dx.LearningError, match="File exists; nothing was written"):
        fit.write_mapping(path)


def test_the_tree_is_the_one_that_pgmpy_learns() -> None:
    """Chow and Liu's tree of the findings given the cause is pgmpy's, up to the direction of its edges."""
    from pgmpy.estimators import TreeSearch

    frame = table(800, 3)
    rng = np.random.default_rng(0)
    frame["copy"] = np.where(rng.random(800) < 0.9, frame["f2"], "no")
    tables = dx.fit_model(frame, "cause", structure="tree").model.tables
    edges = {frozenset((row.variable, row.parents[1][0])) for row in tables if len(row.parents) == 2}
    learned = TreeSearch(frame).estimate(estimator_type="tan", class_node="cause", show_progress=False)
    assert edges == {frozenset(edge) for edge in learned.edges() if "cause" not in edge}
    assert frozenset(("f2", "copy")) in edges


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_shared_information_is_its_definition(missing: float) -> None:
    """scikit-learn's mutual information in each class, weighted by the class, over the rows that have both findings."""
    from sklearn.metrics import mutual_info_score

    from bayesdx.learning.classes import shared_information

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 500)
    findings = np.stack([(labels + rng.integers(0, card, 500)) % card for card in (2, 3, 4)], axis=1)
    findings[:, 2] = np.where(rng.random(500) < 0.5, findings[:, 1], findings[:, 2])
    findings[rng.random(findings.shape) < missing * (1 + labels[:, None]) / 3] = -1
    found = shared_information(labels, findings, np.ones(len(labels)))
    for a in range(3):
        for b in range(a + 1, 3):
            both = (findings[:, [a, b]] >= 0).all(axis=1)
            expected = sum(
                (labels[both] == c).mean() * mutual_info_score(*findings[both & (labels == c)][:, [a, b]].T)
                for c in range(3)
            )
            assert found[a, b] == found[b, a] == pytest.approx(expected, abs=1e-12)


def test_not_recorded_can_be_a_state() -> None:
    """Where what was asked is informative, a missing cell speaks; ignored, it says nothing."""
    frame = table()
    frame.loc[frame["cause"] == "severe", "f0"] = None
    blank = pd.DataFrame({"f0": [None], "f1": ["no"]})
    silent, speaking = (dx.fit_model(frame, "cause", missing=kind).posteriors(blank) for kind in ("ignore", "state"))
    assert speaking["severe"].item() > 0.5 > silent["severe"].item()


def test_several_causes_become_noisy_gates() -> None:
    """Two causes of their own: what the gates say of a finding is what the table says."""
    rng = np.random.default_rng(1)
    a, b = rng.random(2000) < 0.4, rng.random(2000) < 0.3
    noise = rng.random((3, 2000))
    fever = (noise[0] < 0.1) | (a & (noise[1] < 0.7)) | (b & (noise[2] < 0.4))
    frame = pd.DataFrame({"a": a.astype(int), "b": b.astype(int), "fever": np.where(fever, "yes", "no")})
    model = dx.fit_model(frame, ["a", "b"]).model
    gate = compile_network(model)["fever"].cpd.table()[..., 1]
    assert_allclose(gate, [[0.1, 0.46], [0.73, 0.838]], atol=0.05)
    assert (model.version, model.info.parent_version) == ("1.0.0", "")


@pytest.mark.parametrize(
    ("columns", "options", "sentence"),
    [
        ({"c": ["x", "x"], "f": ["a", "b"]}, {}, "column c: every row is 'x'; expected at least two classes."),
        (
            {"c": ["x", None], "f": ["a", "b"]},
            {},
            "column c, row 1: no label (1 rows have none); a new model is fitted to labelled patients.",
        ),
        ({"d": ["x"]}, {}, "'c' is not a column."),
        ({"c": [], "f": []}, {}, "the table has no rows; expected labelled patients."),
        ({"c": ["x", "y"]}, {"missing": "drop"}, "missing: 'drop'; expected auto, ignore or state."),
        ({"c": ["x", "y"]}, {"structure": "forest"}, "structure: 'forest'; expected auto, naive or tree."),
        ({"c": ["x", "y"]}, {"smoothing": 0}, "smoothing: 0; expected 'auto' or a finite number above 0."),
        ({"c": ["x", "y"]}, {"findings": ["c"]}, "column 'c' is a cause and a finding; expected one use of a column."),
        (
            {"c": ["x", "y"], "f": [1, 2]},
            {"findings": ["f", "f"]},
            "column 'f' is named 2 times; expected one use of a column.",
        ),
        ({"c": ["x", "y"], "f 1": [1, 2], "f_1": [1, 2]}, {}, "columns 'f 1' and 'f_1' would both be called f_1."),
    ],
)
def test_tables_that_make_no_model(columns: dict[str, list[object]], options: dict[str, object], sentence: str) -> None:
    """One sentence: column, row, what was found, what was expected."""
    with pytest.raises(dx.LearningError) as caught:
        dx.fit_model(pd.DataFrame(columns), "c", **options)
    assert str(caught.value) == sentence


@pytest.mark.skipif(data_folder() is None, reason="the public datasets are absent: set BAYESDX_DATA")
@pytest.mark.parametrize("name", ["dermatology", "acute_inflammations"])
def test_a_public_dataset_is_fitted_as_well_as_by_naive_bayes(name: str) -> None:
    """Five fixed folds: the tree's log loss is no worse than that of categorical naive Bayes, top-1 within a point."""
    ours = cross_validated(name, bayesdx_fit("tree", "ignore"))
    naive = cross_validated(name, peers()["CategoricalNB"])
    mine, its = (measure(found, found.weights, 10) for found in (ours, naive))
    assert mine["log_score"] <= its["log_score"]
    assert mine["top_1"] >= its["top_1"] - 0.01


def test_progress_is_told() -> None:
    """EM of several causes counts its iterations, the bootstrap its resamples; the last call says that all is done."""
    said: list[tuple[int, int]] = []
    frame = table(60, 3).assign(other=["yes", "no"] * 30)
    fit = dx.fit_model(frame, ["cause", "other"], progress=lambda done, most: said.append((done, most)))
    assert [done for done, _ in said] == list(range(1, len(said) + 1)) and said[0][1] >= len(said)
    said.clear()
    cohort = fit.read(frame)
    dx.evaluate(fit.model, cohort, resamples=20, progress=lambda done, most: said.append((done, most)))
    assert said[-1] == (20, 20)


COUGH = {"bool": [True, False], "0/1 with gaps": [1.0, 0.0], "whole": [1, 0], "text": ["1,5", "x"]}


@pytest.mark.parametrize("kind", COUGH)
@pytest.mark.parametrize("missing", ["ignore", "state"])
def test_a_frame_and_its_csv_are_fitted_asked_and_scored_alike(tmp_path: Path, kind: str, missing: str) -> None:
    """Every pairing of where the model comes from and where the patients come from gives one answer."""
    rng = np.random.default_rng(0)
    sick = rng.random(400) < 0.3
    yes, no = COUGH[kind]
    cough = pd.Series(np.where(np.where(sick, rng.random(400) < 0.9, rng.random(400) < 0.1), yes, no))
    if kind == "0/1 with gaps":
        cough = cough.mask(rng.random(400) < 0.1)
    frame = pd.DataFrame({"disease": np.where(sick, "flu", "cold"), "cough": cough, "n": rng.integers(0, 5, 400)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    answers = [
        (fit.posteriors(asked)["flu"].to_numpy(), fit.read(asked).hash)
        for fit in (dx.fit_model(source, "disease", missing=missing) for source in (frame, tmp_path / "t.csv"))
        for asked in (frame, tmp_path / "t.csv")
    ]
    for flu, digest in answers[1:]:
        assert_allclose(flu, answers[0][0], atol=1e-12)
        assert digest == answers[0][1]
    assert answers[0][0][sick].mean() > 0.6


def test_booleans_and_zero_and_one_are_the_same_values() -> None:
    """A model of True and False answers tables of 1 and 0, and the other way round."""
    frame = pd.DataFrame({"c": ["a", "b"] * 20, "f": [True, False] * 20})
    numbers = frame.astype({"f": int})
    for one, other in ((frame, numbers), (numbers, frame)):
        fit = dx.fit_model(one, "c")
        assert_allclose(fit.posteriors(other)["a"], fit.posteriors(one)["a"])


def test_a_code_that_was_never_seen_is_counted_and_said() -> None:
    """Its row is answered with what else is known, the prior where that is nothing; the others as ever."""
    fit = dx.fit_model(pd.DataFrame({"c": ["a", "b"] * 20, "f": ["yes", "no"] * 19 + ["no", "no"]}), "c")
    with pytest.warns(
        dx.DataWarning, match=r"table: f = 'sometimes' \(2 rows\): never seen in the data of fitted_model"
    ):
        found = fit.posteriors(pd.DataFrame({"f": ["yes", "sometimes", "sometimes", None]}))
    assert found["a"].round(2).tolist() == [0.95, 0.5, 0.5, 0.5]


def test_a_code_that_was_never_seen_is_not_a_missing_cell_that_speaks() -> None:
    """With missing="state" an empty cell is a finding; an unknown word is none."""
    frame = table()
    frame.loc[frame["cause"] == "severe", "f0"] = None
    fit = dx.fit_model(frame, "cause", missing="state")
    with pytest.warns(dx.DataWarning):
        found = fit.posteriors(pd.DataFrame({"f0": [None, "odd"]}))
    shares = frame["cause"].value_counts(normalize=True)
    assert found.loc[0, "severe"] > 0.9
    assert_allclose(found.loc[1, "severe"], shares["severe"], atol=1e-9)


def test_rows_without_a_known_word_are_left_out_of_a_cohort() -> None:
    """They say nothing; the warning names them."""
    fit = dx.fit_model(pd.DataFrame({"c": ["a", "b"] * 20, "f": ["yes", "no"] * 20}), "c")
    with pytest.warns(dx.DataWarning) as said:
        cohort = fit.read(pd.DataFrame({"f": ["yes", "odd"]}))
    assert cohort.frame["f"].tolist() == ["yes"] and "rows 1" in str(said[-1].message)


def test_decimal_commas_are_numbers() -> None:
    """A column as another spreadsheet writes it makes the same model; one that can be read in two ways makes none."""
    rng = np.random.default_rng(1)
    sick = rng.random(400) < 0.3
    temperature = np.round(rng.normal(36.8 + 1.2 * sick, 0.6), 1)
    frame = pd.DataFrame({"c": np.where(sick, "flu", "cold"), "t": temperature})
    comma = frame.assign(t=[f"{value:.1f}".replace(".", ",") for value in temperature])
    one, other = dx.fit_model(frame, "c"), dx.fit_model(comma, "c")
    assert one.model == other.model and one.mapping == other.mapping
    assert_allclose(other.posteriors(comma), one.posteriors(frame))
    assert_allclose(other.posteriors(pd.DataFrame({"t": [41.0]})), one.posteriors(pd.DataFrame({"t": ["41,0"]})))
    unclear = frame.assign(t=[f"{value:.3f}".replace(".", ",") for value in temperature])
    with pytest.raises(dx.LearningError, match=r"column t, row 0: '.*' may hold a decimal mark or part thousands"):
        dx.fit_model(unclear, "c")


def test_words_for_missing_cells_are_named(tmp_path: Path) -> None:
    """``?`` and ``NA`` are missing, the notes say so, and the mapping takes them where reading is strict."""
    frame = table().assign(age=(np.arange(300) % 50).astype(object))
    frame.loc[::7, "f0"] = "?"
    frame.loc[::5, "age"] = "NA"
    frame["one"] = "same"
    fixed = {"missing": "ignore", "structure": "naive", "temperature": 1, "smoothing": 1}
    fit = dx.fit_model(frame, "cause", **fixed)
    assert fit.notes == ("f0: ? read as missing.", "age: NA read as missing.", "one: left out, since it does not vary.")
    kept = frame.drop(columns="one")
    cohort = fit.read(kept)
    assert cohort.frame["f0"].isna().sum() == 43 and cohort.frame["age"].isna().sum() == 60
    assert dx.read_cohort(fit.model, kept, fit.mapping).hash == cohort.hash
    assert dx.read_cohort(fit.model, kept, fit.write_mapping(tmp_path / "m.csv")).hash == cohort.hash
    blank = kept.replace({"?": None, "NA": None})
    assert dx.fit_model(blank, "cause", **fixed).model == fit.model


def test_age_bands_and_headings_in_other_scripts() -> None:
    """Cells such as ``<30`` are codes and take numbers too; a heading that cannot be a name is called by its place."""
    frame = pd.DataFrame(
        {
            "c": ["a", "b"] * 30,
            "Alter (Jahre)": ["<30", ">=60", "30..60"] * 20,
            "年齢": ["x", "y"] * 30,
            "体重": [1, 2] * 30,
        }
    )
    fit = dx.fit_model(frame, "c")
    assert fit.model.findings == ("Alter__Jahre_", "column_3", "column_4")
    assert fit.model.by_name["Alter__Jahre_"].states == ("30..60", "below_30", "from_60")
    assert fit.model.by_name["column_3"].label == "年齢"
    asked = pd.DataFrame({"Alter (Jahre)": ["<30", "25", 25, 70]})
    assert fit.read(asked).frame["Alter__Jahre_"].tolist() == ["below_30", "below_30", "below_30", "from_60"]


def test_a_table_without_a_finding_that_varies_makes_no_model() -> None:
    """One sentence."""
    with pytest.raises(dx.LearningError, match="no finding varies"):
        dx.fit_model(pd.DataFrame({"c": ["a", "b"] * 5, "f": ["x"] * 10}), "c")


def test_a_fitted_model_takes_raw_values(tmp_path: Path) -> None:
    """Its cut points stand in variables.csv: a number is a finding, and a table of numbers needs no mapping."""
    frame = table().assign(age=np.arange(300) % 83)
    frame.loc[frame["cause"] == "severe", "age"] += 60
    fit = dx.fit_model(frame, "cause")
    model = dx.load_model(dx.save_model(fit.model, tmp_path / "1.0.0"))
    cuts = fit.mapping["age"]["cuts"]
    assert [cut.value for cut in model.by_name["age"].cuts] == cuts
    for age in (-5.0, *cuts, 200.0):
        asked = dx.diagnose(model, {"age": age}).posterior["cause=severe"]
        assert_allclose(asked, fit.posteriors(pd.DataFrame({"age": [age]}))["severe"].item(), atol=1e-12)
    assert dx.read_cohort(model, frame).hash == fit.read(frame).hash


def repeated(rows: int, seed: int, copies: int = 6) -> pd.DataFrame:
    """One weak finding written down several times, as records do."""
    rng = np.random.default_rng(seed)
    ill = rng.random(rows) < 0.4
    one = rng.random(rows) < np.where(ill, 0.7, 0.35)
    cells = {f"f{place}": np.where(one ^ (rng.random(rows) < 0.03), "yes", "no") for place in range(copies)}
    return pd.DataFrame({"c": np.where(ill, "ill", "well"), **cells})


def log_loss(fit: dx.types.ModelFit, frame: pd.DataFrame) -> float:
    found = fit.posteriors(frame.drop(columns="c"))
    return float(-np.log([found.loc[row, label] for row, label in frame["c"].items()]).mean())


def test_findings_that_repeat_each_other_do_not_make_it_sure() -> None:
    """The temperature chosen by cross-validation makes other patients less surprising, and the notes name it."""
    train, test = repeated(400, 1), repeated(1000, 2)
    cooled = dx.fit_model(train, "c", structure="naive")
    hot = dx.fit_model(train, "c", structure="naive", temperature=1, smoothing=1)
    assert log_loss(cooled, test) < log_loss(hot, test) - 0.3
    assert any("temperature" in note for note in cooled.notes) and not hot.notes
    assert "likelihood ratios to the power of 1 / " in cooled.model.sources[0].citation


def test_findings_that_say_little_many_times_are_no_worse_than_the_class_frequencies() -> None:
    """Sixty copies of one weak finding get the temperature that they need; where nothing is proved, a note says so."""
    train, test = repeated(400, 1, 60), repeated(2000, 2, 60)
    fit, hot = dx.fit_model(train, "c", structure="naive"), dx.fit_model(train, "c", structure="naive", temperature=8)
    assert log_loss(fit, test) < log_loss(hot, test) - 0.05
    shares = train["c"].value_counts(normalize=True)
    assert log_loss(fit, test) < -np.log(shares[test["c"]]).mean()
    noise = train.assign(c=np.random.default_rng(0).permutation(train["c"]))
    alone = "In cross-validation the findings predict no better than the class frequencies alone (log loss "
    assert any(note.startswith(alone) for note in dx.fit_model(noise, "c").notes)
    assert not any(note.startswith(alone) for note in fit.notes)


@pytest.mark.parametrize("lowest", [0.3, 1.0, 3.0, 47.0, 900.0])
def test_a_temperature_is_found_wherever_it_lies(lowest: float) -> None:
    """Within a fifth of the least loss, never below 1; where the loss falls for ever, the search ends."""
    from bayesdx.learning.classes import coolest

    found, value = coolest(lambda each: (np.log(each) - np.log(lowest)) ** 2)
    assert found / max(lowest, 1.0) == pytest.approx(1, rel=0.2)
    assert value == pytest.approx((np.log(found) - np.log(lowest)) ** 2)
    assert coolest(lambda each: 1 / each)[0] > 1000


def laboratory(patients: int, seed: int) -> pd.DataFrame:
    """Ten measured values, each of which says a little."""
    rng = np.random.default_rng(seed)
    ill = rng.random(patients) < 0.4
    values = rng.normal(size=(patients, 10)) + 0.3 * ill[:, None]
    return pd.DataFrame(values).add_prefix("f").assign(c=np.where(ill, "ill", "well"))


def test_copies_of_patients_do_not_make_it_sure() -> None:
    """Every row four times: cross-validation keeps copies together, notes count them, and it surprises no more."""
    once, test = laboratory(150, 1), laboratory(2000, 2)
    fit, copied = dx.fit_model(once, "c"), dx.fit_model(pd.concat([once] * 4), "c")
    assert copied.notes[0].startswith("450 of 600 rows are copies of others")
    assert log_loss(copied, test) < log_loss(fit, test) + 0.05
    apart = dx.fit_model(pd.concat([once] * 4), "c", groups=np.arange(600))
    assert log_loss(copied, test) < log_loss(apart, test) - 0.05
    grouped = dx.fit_model(pd.concat([once.assign(patient=once.index)] * 4), "c", groups="patient")
    assert grouped.model.tables == copied.model.tables and grouped.mapping["patient"] is None


def filled_in_alike(patients: int, seed: int) -> pd.DataFrame:
    """Half of the forms have nothing but "no" in 100 places, and three answers that differ."""
    rng = np.random.default_rng(seed)
    found = (rng.random((patients, 100)) < 0.3) & (rng.random(patients) < 0.5)[:, None]
    asked = {"age": rng.integers(0, 6, patients), "sex": rng.integers(0, 2, patients)}
    c = np.where(rng.random(patients) < 0.3 + 0.3 * found.any(axis=1), "ill", "well")
    return pd.DataFrame(found.astype(int)).add_prefix("f").assign(**asked, c=c)


@pytest.mark.parametrize(
    "frame",
    [table(400), repeated(400, 1), repeated(400, 1, 40), filled_in_alike(600, 1), laboratory(200, 1).round(0)],
    ids=["few findings", "six alike", "forty alike", "forms filled in alike", "rounded values"],
)
def test_different_patients_who_are_alike_are_no_copies(frame: pd.DataFrame) -> None:
    """Rows that few or dependent findings make identical stay patients of their own; a tenth copied is found out."""
    assert not any("copies" in note for note in dx.fit_model(frame, "c" if "c" in frame else "cause").notes)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_part_that_was_copied_is_told(share: float) -> None:
    """Some rows twice, among findings of few states: about as many copies as there are."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.integers(0, 4, (400, 9))).add_prefix("f").astype(str)
    frame = frame.assign(c=np.where(rng.random(400) < 0.4, "ill", "well"))
    extra = int(400 * share)
    notes = dx.fit_model(pd.concat([frame, frame.head(extra)]), "c").notes
    assert f"{extra} of {400 + extra} rows are copies" in notes[0]


def test_visits_of_one_patient_are_in_one_fold() -> None:
    """Habits of a patient are no signs of a disease: with groups, new patients surprise less than without."""
    rng = np.random.default_rng(0)

    def visits(patients: int, each: int) -> pd.DataFrame:
        ill = rng.random(patients) < 0.4
        habits = np.repeat(rng.normal(size=(patients, 12)) + 0.25 * ill[:, None], each, axis=0)
        frame = pd.DataFrame(habits + 0.05 * rng.normal(size=habits.shape)).add_prefix("f")
        return frame.assign(c=np.repeat(np.where(ill, "ill", "well"), each), who=np.repeat(np.arange(patients), each))

    train, test = visits(60, 6), visits(1500, 1).drop(columns="who")
    knowing, not_knowing = dx.fit_model(train, "c", groups="who"), dx.fit_model(train.drop(columns="who"), "c")
    assert log_loss(knowing, test) < log_loss(not_knowing, test) - 0.1
    rows = dx.fit_model(train.drop(columns="who"), "c", groups=[f"p{each}" for each in train["who"]])
    assert rows.model.tables == knowing.model.tables


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        ("patiant", "groups: 'patiant' is not a column (nearest: 'patient')."),
        ([1, 2], "groups: 2 values for 4 rows; expected one per row."),
        ("patient", "column patient, row 2: empty; expected whose row it is."),
        ("c", "groups: 'c' is a cause; expected a column that says whose each row is."),
        (5, "groups: 5; expected a column, or one value per row."),
        ([1, [2], [3], 4], "groups, row 1: [2]; expected text or a number."),
    ],
)
def test_groups_that_cannot_be_used(groups: object, sentence: str) -> None:
    """One sentence."""
    frame = pd.DataFrame({"c": ["x", "y"] * 2, "f": ["a", "b", "b", "a"], "patient": [1, 1, None, 2]})
    with pytest.raises(dx.LearningError) as caught:
        dx.fit_model(frame, "c", groups=groups)
    assert str(caught.value) == sentence


def test_folds_are_whole_groups_and_alike() -> None:
    """No group in two folds; every class is spread evenly, as far as groups allow; rows alone are stratified."""
    from bayesdx.learning.folds import folds

    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(200), rng.integers(1, 6, 200))
    labels = (rng.random(200) < 0.2).astype(int)[groups]
    found = folds(labels, groups, 5)
    assert all(len(np.unique(found[groups == group])) == 1 for group in range(200))
    for label in (0, 1):
        sizes = np.bincount(found[labels == label], minlength=5)
        assert np.ptp(sizes) <= 5
    alone = folds(labels, np.arange(len(labels)), 5)
    assert all(np.ptp(np.bincount(alone[labels == label], minlength=5)) <= 1 for label in (0, 1))


def rare_findings(patients: int, seed: int, classes: int = 30, findings: int = 150) -> pd.DataFrame:
    """Each class with a few findings of its own, which other patients hardly ever have."""
    own = np.random.default_rng(9).random((classes, findings)) < 0.03
    label = np.arange(patients) % classes
    found = np.random.default_rng(seed).random((patients, findings)) < np.where(own[label], 0.6, 0.003)
    return pd.DataFrame(found.astype(int)).add_prefix("f").assign(c=[f"c{each}" for each in label])


def test_many_classes_of_few_patients_are_smoothed_by_the_shares_of_all() -> None:
    """Six patients of each of 30 classes: a finding that is rare is not believed in one of eight of every class."""
    train, test = rare_findings(180, 1), rare_findings(600, 2)
    chosen, fixed = dx.fit_model(train, "c"), dx.fit_model(train, "c", smoothing=1, structure="naive")
    assert "smoothing by the shares of all classes" in chosen.notes[0]
    assert log_loss(chosen, test) < 0.7 * log_loss(fixed, test)


def test_smoothing_by_the_shares_of_all_classes_is_two_patients() -> None:
    """(n + 2 P(x)) / (N + 2) in every class, with P(x) the shares of all classes, half a patient in every state."""
    from bayesdx.learning.classes import Choice, counted

    codes, labels = np.array([[0], [0], [1], [0], [0], [0]]), np.array([0, 0, 0, 1, 1, 1])
    counts = counted(codes, labels, np.ones(6), [2], 2, with_tree=False)
    pool = np.array([5.5, 1.5]) / 7
    expected = np.array([[2, 1] + 2 * pool, [3, 0] + 2 * pool]) / 5
    assert_allclose(counts.tables(Choice("naive", "ignore", "pooled")).shares, expected)


def test_patients_without_a_mistake_are_no_proof() -> None:
    """Eight findings that never erred in 100 patients are tempered: at 1, no patient would be more surprising."""
    from bayesdx.learning.classes import choose

    labels = np.arange(100) % 2
    codes = np.repeat(labels[:, None], 8, axis=1)
    made = choose(codes, labels, np.ones(100), [2] * 8, 2, ["naive"], ["ignore"], [1.0], None, {}, np.arange(100))
    assert 1 < made.temperature < 8 and made.log_loss < 0.05


def test_a_fit_that_was_used_is_pickled() -> None:
    """As joblib does with a classifier."""
    frame = table()
    fit = dx.fit_model(frame, "cause")
    found = fit.posteriors(frame)
    assert pickle.loads(pickle.dumps(fit)).posteriors(frame).equals(found)


def test_a_tempered_model_has_likelihood_ratios_to_that_power() -> None:
    """Each row is P(x) (P(x | c) / P(x))^(1 / T), summing to 1 again; the prior is as counted, P(x) nearly so."""
    frame = table(400, 5)
    plain, cooled = (dx.fit_model(frame, "cause", structure="naive", temperature=t, smoothing=1) for t in (1, 2.0))
    one, other = compile_network(plain.model), compile_network(cooled.model)
    prior = one["cause"].cpd.table()
    assert_allclose(prior, other["cause"].cpd.table())
    for name in plain.model.findings:
        rows = one[name].cpd.table()
        pool = prior @ rows
        power = pool * (rows / pool) ** 0.5
        assert_allclose(other[name].cpd.table(), power / power.sum(axis=-1, keepdims=True), atol=1e-8)
        assert_allclose(prior @ other[name].cpd.table(), pool, atol=0.03)


def test_structure_and_missing_cells_are_chosen_by_log_loss() -> None:
    """Where a pair of findings decides, the tree is chosen; where a blank speaks, it becomes a state."""
    rng = np.random.default_rng(0)
    a, b = rng.random(600) < 0.5, rng.random(600) < 0.5
    ill = (a ^ b) ^ (rng.random(600) < 0.05)
    frame = pd.DataFrame({"c": ill.astype(int), "a": a.astype(int), "b": b.astype(int)})
    assert any("structure tree" in note for note in dx.fit_model(frame, "c").notes)
    blank = frame.assign(a=np.where(ill & (rng.random(600) < 0.8), np.nan, frame["a"]))
    fit = dx.fit_model(blank, "c")
    assert any("missing cells a state" in note for note in fit.notes)
    assert "not_recorded" in fit.model.by_name["a"].states
    few = dx.fit_model(frame.head(20), "c")
    assert few.notes == () and all(len(row.parents) == 1 for row in few.model.tables)


@pytest.mark.parametrize("structure", ["naive", "tree"])
def test_what_is_cross_validated_is_what_the_engine_answers(structure: str) -> None:
    """The posteriors behind the choice are those of the model, with cells missing and any temperature."""
    from bayesdx.learning.classes import Choice, counted

    frame = table(300, 7)
    cells = frame.drop(columns="cause").mask(
        np.random.default_rng(0).random((300, 4)) < (0.2 if structure == "naive" else 0)
    )
    fit = dx.fit_model(
        cells.assign(cause=frame["cause"]), "cause", structure=structure, missing="ignore", temperature=2, smoothing=1
    )
    states = {name: fit.model.by_name[name].states for name in ("cause", *fit.model.findings)}
    codes = np.stack([pd.Index(states[n]).get_indexer(cells[n]) for n in fit.model.findings], axis=1)
    labels = pd.Index(states["cause"]).get_indexer(frame["cause"])
    cards = [len(states[name]) for name in fit.model.findings]
    counts = counted(codes, labels, np.ones(300), cards, len(states["cause"]), with_tree=structure == "tree")
    made = counts.tables(Choice(structure, "ignore", 1.0))
    ours = np.exp(made.log_posteriors(made.cells(codes), (2.0,))[0])
    assert_allclose(ours, fit.posteriors(cells)[list(states["cause"])], atol=1e-7)


def test_weights_of_rows_are_rows() -> None:
    """A row of weight 3 counts as three, one of weight 0 not at all; cut points included."""
    frame = table(60, 1).assign(age=np.arange(60) % 37)
    thrice = pd.concat([frame, frame, frame], ignore_index=True)
    weighted = pd.concat([frame.assign(w=3), frame.assign(w=0, f0="odd")], ignore_index=True)
    one = dx.fit_model(thrice, "cause", structure="tree", temperature=1, smoothing=1)
    other = dx.fit_model(weighted, "cause", structure="tree", temperature=1, smoothing=1, weight="w")
    assert one.model.tables == other.model.tables and one.model.priors == other.model.priors
    with pytest.raises(dx.LearningError, match="column w, row 0: expected a weight"):
        dx.fit_model(frame.assign(w=-1), "cause", weight="w")


def speaking(rows: int = 600, mark: object = None) -> pd.DataFrame:
    """Patients whose empty cells, or a mark in them, tell more of the disease than what stands in the others."""
    rng = np.random.default_rng(0)
    ill = rng.random(rows) < 0.5
    found = pd.Series(np.where(rng.random(rows) < 0.5, "pos", "neg"), dtype=object)
    pressure = pd.Series(np.round(rng.normal(70.0, 9.0, rows) + 8 * ill, 1), dtype=object)
    frame = pd.DataFrame({"troponin": found, "bp": pressure, "sex": np.where(rng.random(rows) < 0.5, "m", "f")})
    frame.loc[rng.random(rows) < np.where(ill, 0.1, 0.9), "troponin"] = mark
    frame.loc[rng.random(rows) < np.where(ill, 0.2, 0.7), "bp"] = mark
    return frame.assign(y=np.where(ill, "ill", "well")).infer_objects()


@pytest.mark.parametrize("mark", [None, "?", "NA"])
def test_an_empty_cell_that_speaks_says_the_same_to_every_reader(tmp_path: Path, mark: object) -> None:
    """Frame, CSV and Parquet, with the mapping, a draft of it or none: one posterior and one cohort, saved or not."""
    frame = speaking(mark=mark)
    fit = dx.fit_model(frame[:300], "y")
    assert "missing cells a state" in "".join(fit.notes)
    asked = frame[300:]
    expected = fit.posteriors(asked)["ill"].to_numpy()
    folder = dx.save_model(fit.model, tmp_path / "1.0.0")
    assert dx.check_model(folder) == []
    model = dx.load_model(folder)
    assert model == fit.model and model.by_name["bp"].if_empty == "not_recorded" and model.by_name["sex"].if_empty == ""
    asked.to_csv(tmp_path / "t.csv", index=False)
    asked.astype({"bp": str} if mark else {}).to_parquet(tmp_path / "t.parquet")
    column, positive = f"posterior_{'y'}", model.by_name["y"].states[1]
    for table_ in (asked, tmp_path / "t.csv", tmp_path / "t.parquet"):
        scores = dx.score_cohort(model, table_, ignore=["causes"], progress=False)
        assert (scores["status"] == "ok").all()
        assert_allclose(scores[column] if positive == "ill" else 1 - scores[column], expected, atol=1e-12)
    cohort = fit.read(asked)
    assert cohort.frame.notna().all(axis=None)
    draft = tmp_path / "draft.csv"
    draft.write_text(dx.draft_mapping(model, tmp_path / "t.csv").to_csv(), encoding="utf-8")
    for mapping in (None, fit.mapping, fit.write_mapping(tmp_path / "m.csv"), draft):
        for table_ in (asked, tmp_path / "t.csv"):
            assert dx.read_cohort(model, table_, mapping).hash == cohort.hash


def test_a_finding_of_one_patient_that_is_not_named_is_not_observed() -> None:
    """Only an empty cell of a table is a state; a number is read by the cut points beside it."""
    fit = dx.fit_model(speaking(), "y", missing="state")
    cut = fit.mapping["bp"]["cuts"][0]
    case = dx.diagnose(fit.model, {"bp": cut})
    assert dict(case.findings) == {"bp": fit.model.by_name["bp"].states[1]}
    assert dict(dx.diagnose(fit.model, {"bp": f"<{cut}"}).findings) == {"bp": fit.model.by_name["bp"].states[0]}
    without = dx.score_cohort(fit.model, pd.DataFrame({"bp": [cut]}))["posterior_y"].item()
    empty = dx.score_cohort(fit.model, pd.DataFrame({"bp": [cut], "troponin": [None]}))["posterior_y"].item()
    assert_allclose(without, case.posterior["y"], atol=1e-12)
    assert abs(empty - without) > 0.1


READERS = {
    "diagnose": lambda fit, value: dict(dx.diagnose(fit.model, {"bili": value}).findings)["bili"],
    "read_cohort": lambda fit, value: dx.read_cohort(fit.model, pd.DataFrame({"bili": [value]})).frame["bili"].item(),
    "read": lambda fit, value: fit.read(pd.DataFrame({"bili": [value]})).frame["bili"].item(),
}


@pytest.mark.parametrize("cut", [-0.5, 0, 0.5, 1, 2])
@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0, "0", "1", "1.0", -1, 2.5])
def test_a_measured_column_reads_a_number_as_a_number(cut: float, value: object) -> None:
    """In every reader, also 0 and 1 where there are two bands."""
    bili = np.tile([-2.0, 0, 1, 0.7, 1.2, 3], 40)
    fit = dx.fit_model(pd.DataFrame({"bili": bili, "y": np.where(bili < 1, "well", "ill")}), "y", cuts={"bili": [cut]})
    state = fit.model.by_name["bili"].states[int(float(str(value)) >= cut)]
    assert {name: read(fit, value) for name, read in READERS.items()} == dict.fromkeys(READERS, state)
    one, other = (dx.score_cohort(fit.model, pd.DataFrame({"bili": [cell]}))["posterior_y"] for cell in (value, state))
    assert one.item() == other.item()


def test_a_table_of_decimal_commas_is_one_of_points(tmp_path: Path) -> None:
    """0,5 and 1,0 between semicolons have the scores of 0.5 and 1; a cohort is read from text of a frame too."""
    numbers = [0.5, 1.0, 2.5, 0.0]
    frame = pd.DataFrame({"bili": numbers * 20, "y": (["well"] * 2 + ["ill"] * 2) * 20, "f": ["a", "b"] * 40})
    model = dx.fit_model(frame, "y", cuts={"bili": [0.7]}).model
    frame = frame.head(4)
    commas = frame.assign(bili=[str(number).replace(".", ",") for number in numbers])
    commas.to_csv(tmp_path / "t.csv", sep=";", index=False)
    scores = [dx.score_cohort(model, one, ignore=["causes"], progress=False) for one in (frame, tmp_path / "t.csv")]
    assert_allclose(*(one["posterior_y"] for one in scores))
    low, high = model.by_name["bili"].states
    for one in (commas, tmp_path / "t.csv"):
        assert dx.read_cohort(model, one).frame["bili"].tolist() == [low, high, high, low]


ALIKE = "no two rows have the same"


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (np.arange(1, 301), f"{ALIKE} whole number, as of an identifier"),
        (
            np.random.default_rng(0).permutation(300) + 5000.0,
            f"{ALIKE} whole number, as of an identifier",
        ),
        ([f"P{place:04d}" for place in range(300)], f"{ALIKE} text, as of an identifier"),
        (pd.date_range("2020-01-01", periods=300), "it holds dates"),
        (pd.date_range("2020-01-01", periods=300).strftime("%d.%m.%Y"), "it holds dates"),
        (pd.date_range("2020-01-01", periods=30).repeat(10).date, "it holds dates"),
    ],
)
def test_identifiers_and_dates_are_no_findings(column: object, why: str) -> None:
    """They are left out, which the notes say, and so does the mapping."""
    frame = table().assign(column=column)
    fit = dx.fit_model(frame, "cause")
    assert f"column: left out, since {why}." in fit.notes
    assert fit.mapping["column"] is None and "column" not in fit.model.by_name
    assert fit.model == dx.fit_model(frame.drop(columns="column"), "cause").model
    assert dx.read_cohort(fit.model, frame, fit.mapping).hash == fit.read(frame).hash


@pytest.mark.parametrize(
    "column",
    [
        np.random.default_rng(0).permutation(300) / 10,  # not whole
        np.random.default_rng(0).choice(250_000, 300, replace=False),  # whole numbers that differ by chance
        np.arange(300) // 2,
    ],
)
def test_measurements_are_findings(column: object) -> None:
    """Also where no two patients have the same."""
    assert "column" in dx.fit_model(table().assign(column=column), "cause").model.findings


def test_a_column_that_says_that_it_is_an_identifier_is_one() -> None:
    """By its heading, where its numbers alone would not show it; a table of weights has a row a pattern, and none."""
    apart = np.random.default_rng(0).choice(10**8, 300, replace=False)
    for heading in ("id", "Patient ID", "patient_id", "PatientID", "MRN"):
        assert dx.fit_model(table().assign(**{heading: apart}), "cause").mapping[heading] is None
    ages = pd.DataFrame({"age": range(20, 80), "n": 5, "c": ["a"] * 20 + ["b"] * 40})
    assert dx.fit_model(ages, "c", weight="n").model.findings == ("age",)


def test_columns_to_ignore() -> None:
    """Are left out by name; a name that is not there, or that is used too, is a fault."""
    frame = table()
    fit = dx.fit_model(frame, "cause", ignore=["f1"])
    assert fit.model == dx.fit_model(frame.drop(columns="f1"), "cause").model and fit.mapping["f1"] is None
    for options, sentence in (
        ({"ignore": ["f11"]}, "ignore: 'f11' is not a column."),
        (
            {"ignore": ["f1"], "findings": ["f1"]},
            "column 'f1' is to be ignored and used; expected one use of a column.",
        ),
        ({"ignore": ["cause"]}, "column 'cause' is to be ignored and used; expected one use of a column."),
        ({"cuts": {"f9": [1]}}, "cuts: 'f9' is not a column of findings."),
        ({"cuts": {"f1": [1]}}, "column f1, row 0: 'no'; expected a number, since cuts are given."),
    ):
        with pytest.raises(dx.LearningError) as raised:
            dx.fit_model(frame, "cause", **options)
        assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (
            [f"z{place % 140}" for place in range(300)],
            "column x: 140 states; a variable has at most 100. Join its codes, or leave it out: ignore= (--ignore).",
        ),
        (
            ["1.2x" if place == 5 else str(place % 140) for place in range(300)],
            "column x: 141 states; a variable has at most 100. Row 5 holds '1.2x', which is no number.",
        ),
        (
            np.where(np.arange(300) == 3, np.inf, np.linspace(0, 1, 300)),
            "column x, row 3: inf; expected a finite number, or an empty cell.",
        ),
        ([[1], "a"] * 150, "column x, row 0: a list; expected text, a number or a truth value."),
        (["a", {"b": 1}] * 150, "column x, row 1: a dict; expected text, a number or a truth value."),
    ],
)
def test_cells_that_make_no_states_are_named(cells: object, sentence: str) -> None:
    """At once, with the column of the table, and the row where there is one."""
    with pytest.raises(dx.LearningError) as raised:
        dx.fit_model(table().assign(x=cells), "cause")
    assert str(raised.value) == sentence


def test_a_list_in_a_cell_is_a_fault_of_a_cohort() -> None:
    """It names the column and the row."""
    fit = dx.fit_model(table(), "cause")
    check = dx.check_cohort(fit.model, table(3).assign(f0=[["yes"], "no", {"a": 1}]))
    assert [str(problem) for problem in check.problems] == [
        "table, row 0, column f0: 'a list'; expected a state of f0, as text or a number.",
        "table, row 2, column f0: 'a dict'; expected a state of f0, as text or a number.",
    ]


def test_codes_with_signs_are_read_again() -> None:
    """``>40`` is called ``above_40`` in the model; both mean it, in every reader, and ``<=40`` another state."""
    codes = [">40", "<=40", "30-50", "<20", ">=90"]
    frame = pd.DataFrame({"age": codes * 20, "c": ["a", "b"] * 50})
    fit = dx.fit_model(frame, "c")
    states = dict(zip(codes, ["above_40", "up_to_40", "30-50", "below_20", "from_90"], strict=True))
    assert fit.mapping["age"]["codes"] == states
    assert dx.read_cohort(fit.model, frame).frame["age"].tolist() == list(states.values()) * 20
    assert (dx.score_cohort(fit.model, frame, ignore=["causes"])["status"] == "ok").all()
    assert {code: dict(dx.diagnose(fit.model, {"age": code}).findings)["age"] for code in codes} == states


def test_headings_in_other_scripts_are_named_in_the_notes() -> None:
    """With the name that the model gives them."""
    fit = dx.fit_model(table().rename(columns={"f1": "体重"}), "cause")
    assert [note for note in fit.notes if "体重" in note] == ["体重: called column_3 in the model."]


@pytest.mark.parametrize("kind", ["rows", "weights", "patients", "causes"])
def test_the_order_of_rows_changes_nothing(kind: str) -> None:
    """A table and its rows in another order give the same posteriors, with numbers, empty cells and copies too."""
    rng = np.random.default_rng(3)
    frame = table(240, 5)
    frame["age"] = (rng.normal(50, 10, 240) + 8 * (frame["cause"] == frame["cause"].iloc[0])).round(1)
    frame["f1"] = frame["f1"].where(rng.random(240) > 0.2, None)
    frame["who"], frame["n"] = rng.integers(0, 90, 240), rng.random(240).round(3)
    frame = pd.concat([frame, frame.iloc[:80]], ignore_index=True)
    options = {
        "rows": {"ignore": ["who", "n"]},
        "weights": {"weight": "n", "ignore": ["who"]},
        "patients": {"groups": "who", "ignore": ["n"]},
        "causes": {"ignore": ["who", "n"]},
    }[kind]
    causes = ["cause", "f3"] if kind == "causes" else "cause"
    once = dx.fit_model(frame, causes, **options)
    for seed in range(3):
        mixed = frame.sample(frac=1, random_state=seed)
        again = dx.fit_model(mixed, causes, **options)
        assert again.notes == once.notes and again.mapping == once.mapping
        numbers = [[row.probability for row in (*fit.model.priors, *fit.model.tables)] for fit in (once, again)]
        assert_allclose(numbers[1], numbers[0], atol=1e-9)
        links = [[row.link_probability for row in fit.model.links] for fit in (once, again)]
        assert_allclose(links[1], links[0], atol=1e-9)
        if kind != "causes":
            assert_allclose(again.posteriors(frame), once.posteriors(frame), atol=1e-9)
            assert again.model.info == once.model.info


@pytest.mark.parametrize("cuts", [[60, 40, 60.0], (60, 40), np.array([60, 40]), [np.float32(60), np.int64(40)]])
def test_cuts_may_come_in_any_order_and_twice(cuts: object) -> None:
    """A band begins at each once."""
    frame = pd.DataFrame({"age": range(20, 80), "c": ["a"] * 20 + ["b"] * 40})
    fit = dx.fit_model(frame, "c", cuts={"age": cuts})
    assert fit.mapping["age"]["cuts"] == [40.0, 60.0]
    assert fit.model.by_name["age"].states == ("below_40", "40_to_60", "from_60")


@pytest.mark.parametrize(
    ("cuts", "found"),
    [
        ([40, np.nan], "nan"),
        ([np.inf], "inf"),
        (["40"], "'40'"),
        ("40", "'40'"),
        (40, "40"),
        (np.int64(40), "40"),
        ([True], "True"),
        ([None], "None"),
    ],
)
def test_cuts_that_are_no_numbers_are_named(cuts: object, found: str) -> None:
    """With their column."""
    frame = pd.DataFrame({"age": range(20, 80), "c": ["a"] * 20 + ["b"] * 40})
    with pytest.raises(dx.LearningError) as caught:
        dx.fit_model(frame, "c", cuts={"age": cuts})
    assert str(caught.value) == f"cuts: column age: {found}; expected a list of finite numbers, as [40, 65]."


def test_numbers_of_numpy_are_numbers() -> None:
    """Truth values are none, and a temperature has a range."""
    frame = table()
    plain = dx.fit_model(frame, "cause", temperature=2, smoothing=1.5, structure="naive")
    numpy = dx.fit_model(frame, "cause", temperature=np.int64(2), smoothing=np.float32(1.5), structure="naive")
    assert numpy.model == plain.model and numpy.notes == plain.notes
    for options in ({"temperature": 0.04}, {"temperature": np.float64(2e6)}):
        with pytest.raises(dx.LearningError, match=r"expected 'auto' or a number from 0\.05 to 1e\+06\."):
            dx.fit_model(frame, "cause", **options)
    for options in ({"temperature": True}, {"smoothing": np.True_}, {"smoothing": np.nan}, {"temperature": [2]}):
        with pytest.raises(dx.LearningError, match=r"expected 'auto' or a finite number above 0."):
            dx.fit_model(frame, "cause", **options)


def test_a_row_is_called_as_people_write_it() -> None:
    """Not as numpy does."""
    frame = pd.DataFrame({"c": ["a", "b", None, "b"], "f": [1, 2, 1, 2]}, index=[0, 1, 2, 7])
    with pytest.raises(dx.LearningError, match=r"^column c, row 2: no label"):
        dx.fit_model(frame, "c")


def test_findings_are_a_list() -> None:
    """One number or one text is none."""
    for findings in (5, "f1"):
        with pytest.raises(dx.LearningError, match=r"^findings: .*; expected a list of column names"):
            dx.fit_model(table(), "cause", findings=findings)
