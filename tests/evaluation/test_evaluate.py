"""evaluate: each measure against its definition, or scikit-learn's."""

from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesdx as dx
from bayesdx.diagnosis.simulate import simulate
from bayesdx.evaluation import measures, performance
from bayesdx.network import compile_network
from tests.learning.models import STATES, exclusive_model

MODEL = exclusive_model()
SEEDS = st.integers(0, 2**31 - 1)


def cohort(rows: int = 400, seed: int = 0, missing: float = 0.2) -> pd.DataFrame:
    network = compile_network(MODEL)
    codes = simulate(network, rows, seed)
    hidden = np.random.default_rng([seed, 1]).random(codes.shape) < missing
    hidden[:, network.index["cause"]] = False
    codes = np.where(hidden, -1, codes)
    return pd.DataFrame(
        {node.name: np.array([*node.states, None], dtype=object)[codes[:, i]] for i, node in enumerate(network.nodes)}
    )


def random_forecasts(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 60))
    p = rng.choice(np.linspace(0.05, 0.95, 19), n)
    y = np.r_[0.0, 1.0, rng.integers(0, 2, n - 2)]
    return p, y, rng.integers(1, 4, n).astype(float)


def test_measures_equal_scikit_learns() -> None:
    """Log loss, top-1 and top-k accuracy, areas under ROC and precision-recall."""
    from sklearn.metrics import average_precision_score, log_loss, roc_auc_score, top_k_accuracy_score

    result = dx.evaluate(MODEL, cohort(), resamples=0)
    p, y = result.forecasts.p, result.forecasts.y
    truth = y.argmax(axis=1)
    assert result["log_score"] == pytest.approx(log_loss(truth, p), abs=1e-12)
    assert result["top_1"] == pytest.approx(top_k_accuracy_score(truth, p, k=1), abs=0.01)
    assert result["brier_score"] == pytest.approx(((p - y) ** 2).sum(axis=1).mean(), abs=1e-12)
    assert result["auc"] == pytest.approx(roc_auc_score(y, p, average="macro"), abs=1e-12)
    expected = [average_precision_score(y[:, c], p[:, c]) for c in range(3)]
    assert result.causes["average_precision"].tolist() == pytest.approx(expected)


@given(SEEDS)
@settings(max_examples=50)
def test_binary_measures_equal_their_definitions(seed: int) -> None:
    """Weighted area under ROC is scikit-learn's; parts of the Brier score add up on binned forecasts."""
    from sklearn.metrics import roc_auc_score

    p, y, weights = random_forecasts(seed)
    assert measures.auc(p, y, weights) == pytest.approx(roc_auc_score(y, p, sample_weight=weights), abs=1e-12)
    in_bins = (np.minimum((p * 10).astype(int), 9) + 0.5) / 10
    reliability, resolution, uncertainty = measures.brier_parts(in_bins, y, weights, 10)
    brier = float(np.average((in_bins - y) ** 2, weights=weights))
    assert reliability - resolution + uncertainty == pytest.approx(brier, abs=1e-9)


@given(SEEDS)
@settings(max_examples=30)
def test_a_forecast_recalibrated_by_its_own_line_is_calibrated(seed: int) -> None:
    """After logistic recalibration, intercept 0 and slope 1; before, the line is scikit-learn's logistic regression."""
    from sklearn.linear_model import LogisticRegression

    p, y, weights = random_forecasts(seed)
    _, slope = measures.calibration_line(p, y, weights)
    if not 0.05 < abs(slope) < 5:
        return
    other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=2000).fit(measures.logit(p)[:, None], y, weights)
    assert slope == pytest.approx(other.coef_[0, 0], abs=1e-4)
    again = 1 / (1 + np.exp(-(other.intercept_[0] + slope * measures.logit(p))))
    assert measures.calibration_line(again, y, weights) == pytest.approx((0.0, 1.0), abs=1e-3)


def test_resamples_together_are_resamples_one_by_one() -> None:
    """Rows of weights in one pass give what each gives alone; patients without weight are as if absent."""
    forecasts = dx.evaluate(MODEL, cohort(200), resamples=0).forecasts
    weights = np.random.default_rng(0).multinomial(200, np.full(200, 1 / 200), size=7).astype(float)
    together = performance.measures(forecasts, weights, 10)
    for place, row in enumerate(weights):
        repeated = forecasts.take(np.repeat(np.arange(200), row.astype(int)))
        alone = performance.measure(repeated, np.ones(200), 10)
        assert {name: values[place] for name, values in together.items()} == pytest.approx(alone, abs=1e-9, nan_ok=True)


def test_net_benefit_of_everyone_and_no_one() -> None:
    """Treat all is prevalence minus odds times the rest; treat none is 0; a perfect test has the prevalence."""
    result = dx.evaluate(MODEL, cohort(), resamples=0, thresholds=[0.2])
    shares = result.forecasts.y.mean(axis=0)
    assert result.decisions["treat_all"].tolist() == pytest.approx(list(shares - 0.25 * (1 - shares)))
    assert (result.decisions["treat_none"] == 0).all()
    p, known = result.forecasts.p >= 0.2, result.forecasts.y == 1
    assert result.decisions["recall"].tolist() == pytest.approx(list((p & known).sum(axis=0) / known.sum(axis=0)))
    assert result.decisions["flagged"].tolist() == pytest.approx(list(p.mean(axis=0)))
    y = result.forecasts.y[:, 1]
    assert measures.net_benefit(y, y, np.ones(len(y)), np.array([0.3])) == pytest.approx([shares[1]])


def test_the_true_model_is_calibrated_and_another_is_not() -> None:
    """On patients of the model itself slope 1 and intercept 0 nearly; a wrong prior is worse, paired."""
    other = exclusive_model((0.1, 0.6))
    result = dx.evaluate(MODEL, cohort(3000), against=other, resamples=100, subgroups=["f0"])
    table = result.table.set_index("measure")
    assert table.loc["calibration_slope", "value"] == pytest.approx(1, abs=0.15)
    assert result.causes["calibration_intercept"].to_numpy() == pytest.approx(0, abs=0.1)
    assert (table["lower"] <= table["value"]).all() and (table["value"] <= table["upper"] + 0.01).all()
    difference = result.comparison.set_index("measure").loc["log_score"]
    assert difference["upper"] < 0
    assert result.subgroups["state"].tolist() == ["no", "yes", "not observed"]
    assert result.subgroups["rows"].sum() == 3000


def test_causes_that_must_not_be_missed_and_several_causes() -> None:
    """With several causes each is present or not; recall counts those at their threshold."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    states = {name: ["absent", "absent"] for name in model.causes} | {"cauda_equina_syndrome": ["present", "present"]}
    table = pd.DataFrame(
        states | {"saddle_anaesthesia": ["present", None], "bladder_bowel_dysfunction": ["present", None]}
    )
    result = dx.evaluate(model, table, resamples=0)
    assert result["must_not_miss_recall"] == 0.5
    assert result["top_1"] == 0.5
    assert not result.forecasts.exclusive


def test_top_1_of_one_binary_cause_is_accuracy() -> None:
    """Present and absent are its classes: the one with the greater posterior counts, a tie for half, in everybody."""
    model = dx.fit_model(
        pd.DataFrame({"ill": ["no", "yes", "no"] * 20, "cough": ["no", "yes", "yes"] * 20}), "ill"
    ).model
    table = pd.DataFrame({"ill": ["yes", "yes", "no", "no"], "cough": ["yes", "no", "yes", "no"]})
    result = dx.evaluate(model, table, resamples=20)
    p = result.forecasts.p[:, 0]
    said = np.where(p == 0.5, 0.5, (p > 0.5) == (table["ill"] == "yes"))
    assert result["top_1"] == said.mean() == 0.5
    healthy = dx.evaluate(model, table[table["ill"] == "no"], resamples=20)
    assert healthy["top_1"] == said[2:].mean()
    assert healthy.table["measure"].tolist()[-2:] == ["top_1", "top_3"]


def test_an_evaluation_is_shown_as_text_and_html() -> None:
    """Text and one page of HTML without scripts or outside references hold every measure; figures are inside it."""
    result = dx.evaluate(MODEL, cohort(), resamples=20)
    page = result.to_html()
    for text in (str(result), page):
        assert "calibration slope" in text.replace("_", " ")
    assert not any(word in page.replace("url(#", "") for word in ("http:", "https:", "<script", "url("))
    captions = ["Calibration:", "ROC:", "Precision and recall", *(f"Decision curve: {name}" for name in STATES)]
    assert page.count("<svg") == page.count("</svg>") == len(captions)
    assert all(f"<figcaption>{caption}" in page for caption in captions)
    assert "currentColor" in page and "#010203" not in page
    for drawn in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        ElementTree.fromstring(drawn)
    assert page == result.to_html()


def test_a_page_without_matplotlib_says_what_its_figures_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core writes the same page without figures; plot() names the extra."""
    result = dx.evaluate(MODEL, cohort(100), resamples=0)
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_svg"):
        monkeypatch.setitem(sys.modules, name, None)
    page = result.to_html()
    assert (
        "Figures need matplotlib: install bayesdx with its plot extra (pip install matplotlib)." in page
        and "<svg" not in page
    )
    with pytest.raises(dx.MissingExtraError, match="plot extra"):
        result.plot()


def test_figures_draw_the_numbers_of_the_evaluation() -> None:
    """Calibration draws the curve, ROC and precision-recall have the areas in the tables, decisions the net benefit."""
    import matplotlib

    matplotlib.use("Agg")
    result = dx.evaluate(MODEL, cohort(), resamples=0)
    causes = result.causes.set_index("cause")
    calibration = result.plot().lines[1].get_xydata()
    assert calibration.tolist() == result.curve[["forecast", "observed"]].to_numpy().tolist()
    (roc,) = result.plot("roc", cause="severe").lines[1:]
    assert np.trapezoid(roc.get_ydata(), roc.get_xdata()) == pytest.approx(causes.loc["severe", "auc"])
    (precise,) = result.plot("precision_recall", cause="severe").lines
    recall, precision = precise.get_xdata(), precise.get_ydata()
    area = -float(np.diff(recall) @ precision[:-1])
    assert area == pytest.approx(causes.loc["severe", "average_precision"])
    axes = result.plot("decision", cause="mild")
    rows = result.decisions[result.decisions["cause"] == "mild"]
    for line, column in zip(axes.lines, ("model", "treat_all", "treat_none"), strict=True):
        assert line.get_ydata().tolist() == rows[column].tolist()
    matplotlib.pyplot.close("all")


def test_calibration_of_one_cause() -> None:
    """Its own forecasts in bins, named in the title; the same as an evaluation in which there is only that one."""
    import matplotlib

    matplotlib.use("Agg")
    result = dx.evaluate(MODEL, cohort(), resamples=0)
    p, y = (array[:, result.forecasts.names.index("severe")] for array in (result.forecasts.p, result.forecasts.y))
    axes = result.plot("calibration", cause="severe")
    forecast, observed = axes.lines[1].get_xdata(), axes.lines[1].get_ydata()
    place = np.minimum((p * 10).astype(int), 9)
    assert forecast.tolist() == pytest.approx([p[place == bin].mean() for bin in np.unique(place)])
    assert observed.tolist() == pytest.approx([y[place == bin].mean() for bin in np.unique(place)])
    assert axes.get_title(loc="left").startswith("Calibration, severe: ")
    matplotlib.pyplot.close("all")


def test_a_model_that_does_harm_is_seen_to_do_so() -> None:
    """However far below 0 its net benefit lies, the figure of a decision holds it."""
    import matplotlib

    matplotlib.use("Agg")
    patients = cohort()
    patients["cause"] = patients["cause"].to_numpy()[::-1]
    result = dx.evaluate(MODEL, patients, resamples=0, thresholds=[0.2, 0.5, 0.7])
    rows = result.decisions[result.decisions["cause"] == "severe"]
    assert rows["model"].min() < -0.4 * max(rows["model"].max(), rows["treat_all"].max(), 0)
    low, high = result.plot("decision", cause="severe").get_ylim()
    assert low < rows["model"].min()
    assert high > rows["model"].max()
    matplotlib.pyplot.close("all")


def test_the_steep_line_of_treating_all_leaves_the_figure_of_a_decision() -> None:
    """What lies above 0 has most of the height; all of the model's line and of treating none is seen."""
    import matplotlib

    matplotlib.use("Agg")
    result = dx.evaluate(MODEL, cohort(), resamples=0)
    for name in result.forecasts.names:
        rows = result.decisions[result.decisions["cause"] == name]
        low, high = result.plot("decision", cause=name).get_ylim()
        assert low < min(0, rows["model"].min())
        assert high > rows[["model", "treat_all"]].to_numpy().max()
        assert rows["treat_all"].min() < low  # it falls to -9 times the share of others at 0.9
        if rows["model"].min() >= 0:
            assert high > -2 * low
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize(
    ("kind", "cause", "sentence"),
    [
        ("rock", None, "plot: 'rock'; the figures are calibration, roc, precision_recall, decision."),
        ("roc", "sever", "plot: 'sever' is not a cause (nearest: 'severe')."),
        ("roc", "severe", "plot: all patients or none have severe; it needs both."),
    ],
)
def test_figures_that_cannot_be_drawn(kind: str, cause: str | None, sentence: str) -> None:
    """One sentence: unknown kind, unknown cause, or nobody to tell apart."""
    frame = cohort(60)
    result = dx.evaluate(MODEL, frame[frame["cause"] != "severe"], resamples=0)
    with pytest.raises(dx.LearningError) as caught:
        result.plot(kind, cause=cause)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("table", "options", "sentence"),
    [
        ({"f0": ["yes"]}, {}, "table has no column for cause: evaluation needs every cause of exclusive."),
        (
            {"f0": ["yes"], "cause": [None]},
            {},
            "table: no row in which every cause is known; evaluation needs labelled patients.",
        ),
        ({"cause": ["mild"]}, {"bins": 1}, "bins: 1; expected at least 2."),
        ({"cause": ["mild"]}, {"thresholds": [1.0]}, "thresholds: [1.0]; expected numbers above 0 and below 1."),
        ({"cause": ["mild"]}, {"subgroups": ["onset"]}, "subgroups: 'onset' is not a variable."),
        ({"cause": ["mild"]}, {"resamples": -1}, "resamples: -1; expected at least 0."),
    ],
)
def test_what_cannot_be_evaluated(table: dict[str, list[object]], options: dict[str, object], sentence: str) -> None:
    """One sentence: what is missing, or which option is out of range."""
    with pytest.raises(dx.LearningError) as caught:
        dx.evaluate(MODEL, pd.DataFrame(table), **options)
    assert str(caught.value) == sentence


def test_calibration_in_the_large_of_exclusive_classes_stands_per_class() -> None:
    """Over all of them it is 0 whatever the forecasts; that of a class is 0 only where as many have it as forecast."""
    patients = cohort(600, 3)
    severe = patients[patients["cause"] == "severe"]
    shifted = dx.evaluate(MODEL, pd.concat([patients, *[severe] * 5], ignore_index=True), resamples=10)
    assert "calibration_intercept" not in set(shifted.table["measure"])
    assert "No calibration_intercept: over classes that exclude each other it is 0 whatever" in str(shifted)
    with pytest.raises(dx.LearningError, match=r"calibration_intercept: over classes .* causes has that of each class"):
        shifted["calibration_intercept"]
    forecasts, per_class = shifted.forecasts, shifted.causes.set_index("cause")["calibration_intercept"]
    assert per_class["severe"] > 0.5 and per_class.drop("severe").max() < 0
    for name in forecasts.names:
        one = forecasts.of(name)
        log_odds = measures.logit(one.p[:, 0]) + per_class[name]
        assert (1 / (1 + np.exp(-log_odds))).mean() == pytest.approx(one.y.mean())


def test_a_measure_that_is_not_there_says_why() -> None:
    """Forecasts without a mistake have no finite slope; a name that is no measure has a nearest one."""
    rows = pd.DataFrame({"x": ["yes"] * 30 + ["no"] * 30, "d": ["ill"] * 30 + ["well"] * 30})
    fit = dx.fit_model(rows, "d")
    result = dx.evaluate(fit.model, fit.read(rows), resamples=0)
    assert "No calibration_slope: no finite slope fits, since the forecasts tell the classes apart" in str(result)
    with pytest.raises(dx.LearningError, match="calibration_slope: no finite slope fits, since the forecasts tell"):
        result["calibration_slope"]
    with pytest.raises(dx.LearningError, match=r"'calibration_slop' is not a measure \(nearest: 'calibration_slope'"):
        result["calibration_slop"]


def test_patients_from_whom_a_model_learned_are_no_proof() -> None:
    """A warning where they are the very same, under either model; none for others, or some of them."""
    patients = cohort(300, 1)
    learned = dx.calibrate(MODEL, patients, method="counts").model
    warnings = dx.evaluate(learned, patients, resamples=0).warnings
    assert len(warnings) == 1
    assert re.match(r"exclusive \S+ has learned from these very patients \(source COHORT_[0-9a-f]{12}\)", warnings[0])
    against = dx.evaluate(MODEL, patients, against=learned, resamples=0)
    assert against.warnings == warnings and warnings[0] in against.to_html() and warnings[0][:60] in str(against)
    assert dx.evaluate(learned, patients.head(299), resamples=0).warnings == ()
    assert dx.evaluate(MODEL, patients, resamples=0).warnings == ()
    again = dx.calibrate(learned, cohort(300, 2), method="counts").model
    assert len(dx.evaluate(again, cohort(300, 2), resamples=0).warnings) == 1
