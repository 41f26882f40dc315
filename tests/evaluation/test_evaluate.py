"""evaluate: each measure against its definition, or scikit-learn's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesdx as dx
from bayesdx.diagnosis.simulate import simulate
from bayesdx.evaluation import measures
from bayesdx.network import compile_network
from tests.learning.models import exclusive_model

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


def test_net_benefit_of_everyone_and_no_one() -> None:
    """Treat all is prevalence minus odds times the rest; treat none is 0; a perfect test has the prevalence."""
    result = dx.evaluate(MODEL, cohort(), resamples=0, thresholds=[0.2])
    shares = result.forecasts.y.mean(axis=0)
    assert result.decisions["treat_all"].tolist() == pytest.approx(list(shares - 0.25 * (1 - shares)))
    assert (result.decisions["treat_none"] == 0).all()
    y = result.forecasts.y[:, 1]
    assert measures.net_benefit(y, y, np.ones(len(y)), np.array([0.3])) == pytest.approx([shares[1]])


def test_the_true_model_is_calibrated_and_another_is_not() -> None:
    """On patients of the model itself slope 1 and intercept 0 nearly; a wrong prior is worse, paired."""
    other = exclusive_model((0.1, 0.6))
    result = dx.evaluate(MODEL, cohort(3000), against=other, resamples=100, subgroups=["f0"])
    table = result.table.set_index("measure")
    assert table.loc["calibration_slope", "value"] == pytest.approx(1, abs=0.15)
    assert table.loc["calibration_intercept", "value"] == pytest.approx(0, abs=0.1)
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


def test_an_evaluation_is_shown_as_text_html_and_figure() -> None:
    """Text and one page of HTML without outside references hold every measure; the figure has a row per bin."""
    import matplotlib

    matplotlib.use("Agg")
    result = dx.evaluate(MODEL, cohort(), resamples=20)
    page = result.to_html()
    for text in (str(result), page):
        assert "calibration slope" in text.replace("_", " ")
    assert "http" not in page and "<script" not in page
    axes = result.plot()
    assert len(axes.get_yticks()) == len(result.curve)
    matplotlib.pyplot.close("all")


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
