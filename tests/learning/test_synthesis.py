"""What ``synthesise`` returns: a version that loads, tables that agree with each other, plans, figures, a command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli.app import app
from bayesdx.evaluation.implied import Questions
from bayesdx.knowledge.schema import FILE, Link, Study, format_row, split_share
from bayesdx.network.beliefs import beta_of
from tests.learning.studies import NOISY_OR, noisy_or_of_two, study

ROWS = (
    study("LEE2019", "sign", "first", k=41, n=60),
    study("LEE2019", "sign", "first", "false_positive_rate", k=22, n=120),
    study("KIM2020", "sign", "second", k=12, n=40),
    study("ROE2001", "sign", "first", "lr_plus", k=30, n=50, k_against=10, n_against=80, design="case_control"),
    study("MOE2011", "sign", "second", value=0.4, lower=0.25, upper=0.57, n=400),
    study("DOE2015", "sign", "second", k=18, n=50, verification="selective"),
    study("POE2017", "sign", "first", k=33, n=70),
    study("TAU2018", "sign", "second", k=9, n=30),
)


@pytest.fixture(scope="module")
def result() -> dx.types.Synthesis:
    """Eight figures of seven sources, one of them biased."""
    return dx.synthesise(noisy_or_of_two(), ROWS)


def test_the_new_version_says_where_its_numbers_come_from(result: dx.types.Synthesis, tmp_path: Path) -> None:
    """It saves and loads; status, source and note of what moved; a source row per study; its parent; CHANGES.md."""
    model = dx.load_model(dx.save_model(result.model, tmp_path / "two" / "0.2.0"))
    assert model.hash == result.model.hash
    assert (model.info.parent_version, model.info.parent_hash) == ("0.1.0", noisy_or_of_two().hash)
    assert set(model.studies) == set(ROWS)
    assert {row.source for row in ROWS} <= {source.source for source in model.sources}
    moved = [row for row in model.links if row.status == "synthesis"]
    assert len(moved) == result.table["moved"].sum() == 3
    for row, line in zip(moved, result.table.to_dict("records"), strict=True):
        assert row.link_probability == pytest.approx(line["after"], rel=1e-7)
        assert (row.lower, row.upper) == pytest.approx((line["lower"], line["upper"]), rel=1e-7)
        assert row.source == line["largest_source"]
        assert row.note == f"was {line['before']:.4g}"
        assert row.information == pytest.approx(line["information"], rel=1e-3)
        assert split_share(row.shares[0]) == (row.source, pytest.approx(line["largest_share"], abs=1e-4))
        assert sum(share for _, share in map(split_share, row.shares)) == pytest.approx(
            1 - line["prior_share"], abs=0.02
        )
    assert model.changes.startswith("# 0.2.0\n\nSynthesis of 7 figures of 6 sources")
    assert all("| {} |".format(label.replace("|", "\\|")) in model.changes for label in result.table["label"])
    assert model.count_statuses() == {"synthesis": 3, "expert": 2}
    learned = model.learned_from_studies()
    assert learned["source"].tolist() == result.table.loc[result.table["moved"], "largest_source"].tolist()
    assert "3 numbers were learned from 8 published figures" in dx.model_card(model)
    assert "numbers were learned from" not in dx.model_card(noisy_or_of_two())
    patients = dx.simulate_cohort(model, 300, seed=1)
    calibrated = dx.calibrate(model, patients, prior_strength=1).model
    assert all(row.information is None for row in calibrated.links if row.status == "dataset")


def test_tables_agree(result: dx.types.Synthesis) -> None:
    """Shares add up by source; what the network implies after is what the new version implies; weights and floors."""
    line = result.table.iloc[0]
    shares = result.shares.iloc[0]
    assert shares["prior"] == line["prior_share"]
    assert shares.drop("prior").idxmax() == line["largest_source"]
    assert shares.drop("prior").max() == line["largest_share"]
    studies = result.studies.set_index(["study", "measure"])
    case = studies.loc[("ROE2001", "lr_plus")]
    assert case["tau"] == 0.5  # case-control
    assert studies.loc[("LEE2019", "sensitivity"), "tau"] == max(0.3, result.heterogeneity.estimate)
    assert studies.loc[("MOE2011", "sensitivity"), "n"] < 40  # an interval of 400 would be narrower
    assert case["value"] == pytest.approx(30 / 50 / (10 / 80))
    left_out = studies.loc[("DOE2015", "sensitivity")]
    assert left_out["verdict"] == "excluded"
    assert left_out["reason"].startswith("selective verification")
    assert np.isfinite(left_out["after"])
    used = result.studies[result.studies["verdict"] != "excluded"]
    assert ((used["value"] >= used["predictive_lower"]) & (used["value"] <= used["predictive_upper"])).tolist() == (
        used["verdict"] == "inside"
    ).tolist()
    assert set(result.sources["source"]) == set(used["source"])
    assert (result.sources["adjusted_p"] >= result.sources["p"]).all()
    assert result.sources.set_index("source").loc["LEE2019", "rows"] == 2


def test_a_study_that_is_wrong_is_found() -> None:
    """Two logits off: its source is in conflict with the others, and theirs are not."""
    rows = [study(f"s{i}", "sign", "first", k=33 + i, n=60) for i in range(8)]
    wrong = study("wrong", "sign", "first", k=8, n=60)
    result = dx.synthesise(noisy_or_of_two(), [*rows, wrong], heterogeneity=0.3)
    adjusted = result.sources.set_index("source")["adjusted_p"]
    assert adjusted["wrong"] < 0.05
    assert (adjusted.drop("wrong") > 0.05).all()
    assert "In conflict with all other sources and the model: wrong (p " in result.report()
    assert result.studies.set_index("study").loc["wrong", "verdict"] == "outside"


def test_one_table_counts_once_whatever_its_figures() -> None:
    """Sensitivity with false-positive rate, or a ratio of all four counts, about as much is known of either."""
    model = noisy_or_of_two()
    both = [
        study("A", "sign", "first", k=60, n=100),
        study("A", "sign", "first", "false_positive_rate", k=30, n=200),
    ]
    ratio = [study("A", "sign", "first", "lr_plus", k=60, n=100, k_against=30, n_against=200)]
    one, other = (dx.synthesise(model, rows, heterogeneity=0.0).table["information"] for rows in (both, ratio))
    assert (other <= one + 1e-6).all()
    third = study("A", "sign", "first", "lr_minus", k=60, n=100, k_against=30, n_against=200)
    with pytest.raises(dx.ModelError, match="at most two figures of a 2x2 table; rows 2 and 3"):
        dx.synthesise(model, [*both, third])


def test_an_uncertain_case_mix_widens_what_a_study_says() -> None:
    """The same study says less about a leak where nobody knows how common the other cause is."""
    known = noisy_or_of_two()
    unknown = replace(known, priors=tuple(replace(row, lower=0.02, upper=0.7) for row in known.priors))
    row = study("A", "sign", "first", "false_positive_rate", k=60, n=400)
    sure, unsure = (dx.synthesise(m, [row], heterogeneity=0.0).table for m in (known, unknown))
    label = "P(sign = yes | no cause of it acts)"
    firm, wide = (t.set_index("label").loc[label, "information"] for t in (sure, unsure))
    assert wide < firm - 0.01
    assert unsure.loc[unsure["file"] == "priors.csv", "held"].all()


def test_plans_are_what_a_study_would_do(result: dx.types.Synthesis) -> None:
    """The share removed is the fall of the posteriors' variance once the figure's precision joins the others."""
    planned = result.next_studies(n=80, most=50)
    assert planned["removed"].is_monotonic_decreasing
    assert (planned["removed"] > 0).all()
    assert (planned["removed"] < 1).all()
    assert ((planned["lower"] <= planned["implied"]) & (planned["implied"] <= planned["upper"])).all()
    more = result.next_studies(n=8000, most=50).set_index(["finding", "cause", "measure"])["removed"]
    fewer = planned.set_index(["finding", "cause", "measure"])["removed"]
    assert (more.loc[fewer.index] >= fewer).all()
    assert planned.set_index(["cause", "measure"]).loc[("second", "sensitivity"), "studied"] == 3

    from bayesdx.learning.synthesis.planning import _ask, _blank, _patients

    fit = result.fit
    assert fit is not None
    z, towards = _ask(result.parent, fit, list(_patients(result.parent, fit, 0)))
    weight = (1 / (2 + np.exp(z) + np.exp(-z))) ** 2
    covariance = np.diag(1 / fit.uncertainty.prior)
    active = fit.uncertainty.active
    covariance[np.ix_(active, active)] = fit.uncertainty.covariance
    (figure,), (slope,) = _ask(result.parent, fit, [_blank("sign", "yes", "second", "sensitivity")])
    q = 1 / (1 + np.exp(-figure))
    precision = 1 / (result.heterogeneity.tau**2 + 1 / (80 * q * (1 - q)))
    after = np.linalg.inv(np.linalg.inv(covariance) + precision * np.outer(slope, slope))
    variances = [float(weight @ ((towards @ c) * towards).sum(axis=1)) for c in (covariance, after)]
    assert_allclose(
        planned.set_index(["cause", "measure"]).loc[("second", "sensitivity"), "removed"],
        1 - variances[1] / variances[0],
        rtol=1e-6,
    )
    with pytest.raises(dx.LearningError, match="next_studies: n = 0"):
        result.next_studies(n=0)


def test_report_and_figure(result: dx.types.Synthesis) -> None:
    """Text, HTML and a forest plot of the figures about a finding; an unknown one is refused with the nearest."""
    text = result.report()
    assert text.startswith("two 0.1.0 -> 0.2.0, synthesis of 8 figures")
    assert "7 figures of 6 sources were used" in " ".join(text.split())
    assert "Left out, 1 of 8 figures: selective verification" in text
    page = result.to_html()
    assert page.startswith("<!DOCTYPE html>")
    assert "http:" not in page and "https:" not in page
    axes = result.plot("sign")
    assert len(axes.get_yticks()) == 6  # the ratio has another axis
    assert len(result.plot("sign", "second").get_yticks()) == 3
    with pytest.raises(dx.LearningError, match=r"plot: no figure that was used is about signs\. Did you mean 'sign'"):
        result.plot("signs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The model in a folder, and studies beside it."""
    dx.save_model(noisy_or_of_two(), tmp_path / "two" / "0.1.0")
    file = FILE["studies.csv"]
    frame = pd.DataFrame([format_row(file, row) for row in ROWS], columns=list(file.header))
    frame.to_csv(tmp_path / "studies.csv", index=False)
    return tmp_path


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["synthesise", *map(str, arguments)])
    return done.exit_code, " ".join((done.output + str(done.exception or "")).split())


def test_the_command(folder: Path) -> None:
    """Studies of a file, then those of the version that it made; nothing is overwritten."""
    first = folder / "two" / "0.2.0"
    page = folder / "report.html"
    code, text = run(folder / "two" / "0.1.0", folder / "studies.csv", first, "--html", page, "--next", 50)
    assert code == 0
    assert "7 figures of 6 sources were used" in text
    assert "What 50 more patients would teach most" in text
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert dx.load_model(first).version == "0.2.0"
    checked = CliRunner().invoke(app, ["check", str(first)]).output
    assert "What is known of them comes from studies by less than half in" in " ".join(checked.split())
    code, text = run(first, folder / "two" / "0.3.0", "--blank", "links", "--heterogeneity", "0.3")
    assert code == 0
    code, text = run(first, folder / "two" / "0.3.0")
    assert code != 0
    assert "exists already and is not overwritten" in text
    code, text = run(folder / "two" / "0.1.0", folder / "new")
    assert code != 0
    assert "Nothing is saved" in text
    assert not (folder / "new").exists()


def test_rows_of_studies_are_what_the_schema_says() -> None:
    """The columns of the file are the fields of a row, in this order."""
    assert FILE["studies.csv"].header == tuple(Study.__dataclass_fields__)


def test_studies_and_patients_together_recover_more_than_either() -> None:
    """A synthesis whose version is calibrated on patients comes nearer known numbers than studies or patients alone."""
    model = noisy_or_of_two()
    rng = np.random.default_rng(4)
    errors = []
    for seed in range(8):
        priors = [beta_of(row.value, row.lower, row.upper) for row in NOISY_OR]
        truth = [float(rng.beta(prior.a, prior.b)) for prior in priors]
        real = replace(
            model,
            links=tuple(
                replace(row, link_probability=value, lower=0.0, upper=1.0)
                for row, value in zip(model.links, [truth[_key_place(row)] for row in model.links], strict=True)
            ),
        )
        implied = Questions(real, [study("x", "sign", "first"), study("x", "sign", "first", "false_positive_rate")])
        p = implied.answer().ill
        counts = rng.binomial([80, 120], p).tolist()
        rows = [
            study("A", "sign", "first", k=counts[0], n=80),
            study("B", "sign", "first", "false_positive_rate", k=counts[1], n=120),
        ]
        patients = dx.simulate_cohort(real, 120, seed=seed)
        learned = dx.synthesise(model, rows, heterogeneity=0.0).model
        ways = (
            learned,
            dx.calibrate(model, patients, prior_strength=1).model,
            dx.calibrate(learned, patients, prior_strength=1).model,
        )
        errors.append([[(row.link_probability - truth[_key_place(row)]) ** 2 for row in way.links] for way in ways])
    studies, cohort, both = np.array(errors).mean(axis=(0, 2))
    assert both < studies
    assert both < cohort


def _key_place(row: Link) -> int:
    return [entry.key for entry in NOISY_OR].index((row.parent, row.parent_state, row.child, row.child_state))


def test_an_explanation_names_the_studies_behind_a_weight(result: dx.types.Synthesis) -> None:
    """With their shares in the text and in ``numbers``; a number that nobody studied names its own source."""
    case = dx.diagnose(result.model, {"sign": "yes"})
    why = dx.explain(case, "first")
    (reason,) = why.reasons
    numbers = why.numbers.set_index("number")
    learned = numbers[numbers["status"] == "synthesis"]
    table = result.table.set_index("label").loc[learned.index]
    assert len(table) == 2  # the leak and the link of this cause
    assert set(table["largest_source"]) <= set(reason.sources)
    assert_allclose(learned["information"], table["information"], rtol=1e-3)
    first = f"{table['largest_source'].iloc[0]} {100 * table['largest_share'].iloc[0]:.0f} %"
    assert learned["shares"].iloc[0].startswith(first)
    assert " %" in str(why)
    judged = numbers[numbers["status"] == "expert"]
    assert judged["information"].isna().all()
    assert (judged["shares"] == "").all()
    assert dx.explain(dx.diagnose(noisy_or_of_two(), {"sign": "yes"}), "first").reasons[0].cited == ("S",)
