"""Partial pooling across sites: its two ends, coverage, and the populations of the new version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayesdx as dx
from bayesdx.diagnosis.simulate import simulate
from bayesdx.learning.sites import between
from bayesdx.network import compile_network
from tests.learning.models import exclusive_model
from tests.learning.test_shift import many_causes

LABEL = "P(cause = mild | no cause of it acts)"


def at(site: str, prior: tuple[float, float], rows: int, seed: int, labelled: float = 1.0) -> pd.DataFrame:
    """Patients of a site, in some of whom the cause is known."""
    network = compile_network(exclusive_model(prior))
    codes = simulate(network, rows, seed)
    frame = pd.DataFrame({node.name: np.array(node.states)[codes[:, i]] for i, node in enumerate(network.nodes)})
    known = np.random.default_rng([seed, 1]).random(rows) < labelled
    return frame.astype(object).assign(cause=frame["cause"].where(known, None), ward=site)


def exactly(site: str, cases: int, rows: int) -> pd.DataFrame:
    """A site in which the cause was mild in so many patients and absent in the others."""
    return pd.DataFrame({"cause": ["mild"] * cases + ["none"] * (rows - cases), "ward": site})


def numbers(result: dx.types.Calibration) -> pd.DataFrame:
    return result.sites[result.sites["label"].str.startswith("P(cause = mild")].set_index("site")


@pytest.mark.parametrize("method", ["em", "counts"])
def test_sites_that_do_not_differ_are_pooled(method: str) -> None:
    """The same share everywhere: no variance between sites, every site gets the common mean, more firmly than alone."""
    frame = pd.concat([exactly(name, 2 * n, 10 * n) for name, n in (("a", 5), ("b", 20), ("c", 40), ("d", 9))])
    found = numbers(dx.calibrate(exclusive_model(), frame, method, site="ward"))
    assert (found["shrinkage"] == 1).all() and (found["between_sites"] == 0).all()
    assert found["after"].to_numpy() == pytest.approx(found["pooled"].to_numpy(), abs=1e-12)
    assert found["alone"].to_numpy() == pytest.approx([0.2] * 4, abs=1e-4)
    small = found.loc["a"]
    assert small["upper"] - small["lower"] < 0.6 * 2 * 1.96 * np.sqrt(0.2 * 0.8 / 50)


@pytest.mark.parametrize("method", ["em", "counts"])
def test_sites_that_have_nothing_in_common_stay_apart(method: str) -> None:
    """Shares from 2 to 98 % of 1,000 patients each: hardly anything is borrowed, intervals are their own."""
    shares = {"a": 20, "b": 500, "c": 980, "d": 60, "e": 940}
    found = numbers(
        dx.calibrate(
            exclusive_model(), pd.concat([exactly(*each, 1000) for each in shares.items()]), method, site="ward"
        )
    )
    assert (found["shrinkage"] < 0.01).all()
    assert found["after"].to_numpy() == pytest.approx(found["alone"].to_numpy(), abs=0.005)
    alone = 2 * 1.96 * np.sqrt(0.25 / 1000)
    assert found.loc["b", "upper"] - found.loc["b", "lower"] == pytest.approx(alone, rel=0.05)


def test_the_variance_between_sites_is_found_again() -> None:
    """Beta-binomial shares of known gamma: the moments return it on average."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(300):
        patients = rng.integers(20, 300, size=12)
        drawn = rng.binomial(patients, rng.beta(0.3 * 19, 0.7 * 19, size=12)) / patients
        found.append(between(np.stack([drawn, 1 - drawn], axis=1), patients.astype(float)))
    assert np.mean(found) == pytest.approx(0.05, abs=0.006)


@pytest.mark.parametrize("size", [8.0, 60.0, 1e6])
def test_intervals_of_sites_hold_the_truth(size: float) -> None:
    """Ten sites of 15 to 250 patients, half labelled, from far apart to alike: 91 % or more; none errs much less.

    Where sites are far apart, pooling costs 4 % of the mean squared error at this tolerance and 6 % at 1e-7; it costs
    nothing where EM stops early.
    """
    held, errors = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        shares = rng.dirichlet(size * np.array([0.6, 0.3, 0.1]), size=10).clip(0.003, 0.99)
        truth = shares[:, 1]
        rows = rng.integers(15, 250, size=10)
        frame = pd.concat([at(f"s{i}", (shares[i, 1], shares[i, 2]), rows[i], 100 * seed + i, 0.5) for i in range(10)])
        found = numbers(dx.calibrate(exclusive_model(), frame, site="ward", tolerance=1e-4))
        held += ((found["lower"] <= truth) & (truth <= found["upper"])).tolist()
        errors.append([np.mean((found[name] - truth) ** 2) for name in ("after", "alone", "pooled")])
    assert np.mean(held) >= 0.91
    after, alone, pooled = np.mean(errors, axis=0)
    assert after <= min(1.05 * alone, pooled + 0.0002)


def test_doubt_about_likelihoods_is_shared_by_all_sites() -> None:
    """Likelihoods drawn from what the parent leaves open, nobody labelled: nine in ten intervals of sites hold.

    Neither a site nor the mean of all is known better than all patients together say.
    """
    parent, held = many_causes(np.array([0.5, 0.3, 0.2])), []
    rows = []
    for row in parent.tables:
        ends = row.probability / (row.probability + (1 - row.probability) * np.exp([0.8, -0.8]))
        rows.append(replace(row, lower=float(ends[0]), upper=float(ends[1])))
    unsure = replace(parent, tables=tuple(rows))
    for seed in range(12):
        rng = np.random.default_rng(seed)
        drawn = []
        for row in parent.tables:
            p = row.probability / (row.probability + (1 - row.probability) * np.exp(-rng.normal() * 0.8 / 1.96))
            drawn.append(replace(row, probability=p, lower=p, upper=p))
        shares = {site: rng.dirichlet([30.0, 18.0, 12.0]) for site in ("a", "b", "c")}
        frames = []
        for place, (site, share) in enumerate(shares.items()):
            priors = tuple(
                replace(row, probability=float(p), lower=0.0, upper=1.0)
                for row, p in zip(parent.priors, share[1:], strict=True)
            )
            there = replace(parent, tables=tuple(drawn), priors=priors)
            frames.append(
                dx.simulate_cohort(there, 700, seed=10 * seed + place).drop(columns="cause").assign(ward=site)
            )
        table = pd.concat(frames, ignore_index=True)
        whole, result = (
            dx.calibrate(unsure, each, "prior_shift", site=site, tolerance=1e-3)
            for each, site in ((table.drop(columns="ward"), None), (table, "ward"))
        )
        width = (whole.table["upper"] - whole.table["lower"]).to_numpy()
        assert ((result.table["upper"] - result.table["lower"]).to_numpy() > 0.9 * width).all()
        found = result.sites.sort_values(["site", "label"])
        truth = np.concatenate([share[1:] for share in shares.values()])
        held += ((found["lower"] <= truth) & (truth <= found["upper"])).tolist()
    assert np.mean(held) >= 0.9


def test_an_emergency_as_frequent_everywhere_is_not_lost_where_it_was_not_seen() -> None:
    """Six sites of 100 whose common causes differ widely, an emergency in 0 to 3 of each: who saw none borrows."""
    emergencies = (0, 3, 2, 1, 1, 1)
    frame = pd.concat(
        pd.DataFrame({"cause": ["mild"] * mild + ["severe"] * severe + ["none"] * (100 - mild - severe), "ward": name})
        for name, mild, severe in zip("abcdef", (71, 48, 36, 18, 70, 11), emergencies, strict=True)
    )
    result = dx.calibrate(exclusive_model((0.3, 0.02)), frame, "counts", site="ward")
    mild, sites = numbers(result), result.sites
    severe = sites[sites["label"].str.startswith("P(cause = severe")].set_index("site").loc["a"]
    assert severe["after"] > 0.5 * severe["pooled"]
    assert severe["lower"] < 8 / 600 < severe["upper"] < 0.05
    assert (mild["shrinkage"] < 0.05).all()


def test_each_site_is_a_population(tmp_path: Path) -> None:
    """The new version has a population per site, loads, checks clean, and says in CHANGES.md what moved where."""
    frame = pd.concat([at("North ward", (0.5, 0.1), 80, 1), at("2", (0.1, 0.1), 80, 2)])
    parent = exclusive_model()
    result = dx.calibrate(parent, frame, site="ward", population="hospital")
    model = result.model
    assert [p.name for p in model.info.populations] == ["here", "hospital", "site_2", "North_ward"]
    folder = dx.save_model(model, tmp_path / model.version)
    assert dx.check_model(folder) == []
    posteriors = {
        name: dx.diagnose(dx.load_model(folder, population=name), {"f0": "yes"}).posterior["cause=mild"]
        for name in ("site_2", "North_ward")
    }
    assert posteriors["North_ward"] > posteriors["site_2"]
    assert [row for row in model.priors if row.population == "here"] == list(parent.priors)
    assert "| North_ward: P(cause = mild" in model.changes
    table = result.table.set_index("label")
    common = numbers(result)["pooled"].iloc[0]
    assert table.loc[result.sites["label"].iloc[0], "after"] == pytest.approx(common)
    of_site = next(row for row in model.priors if (row.population, row.state) == ("site_2", "mild"))
    assert of_site.probability == pytest.approx(numbers(result).loc["2", "after"])


@pytest.mark.parametrize(
    ("wards", "options", "sentence"),
    [
        (("a", "a"), {}, "site: every patient of table is from 'a'; expected at least two sites."),
        (("a b", "a_b"), {}, "site: 'a_b' would be the population a_b, which is site 'a b' already."),
        (("a", "here"), {}, "site: 'here' would be the population here, which is a population of the model already."),
        (("a", "b"), {"move": "tables"}, "site: nothing that belongs to a population may move; let priors move."),
        (("a", "new"), {"population": "new"}, "site: 'new' would be the population new, which is the new population."),
        (
            ("a", "b" * 101),
            {},
            "site: 'bbbbbbbbbbbbbbbbbbbb...' would be a population of 101 characters; expected at most 100.",
        ),
        (
            ("a", "7" * 96),
            {},
            "site: '77777777777777777777...' would be a population of 101 characters; expected at most 100.",
        ),
    ],
)
def test_sites_that_cannot_be_pooled(wards: tuple[str, str], options: dict[str, str], sentence: str) -> None:
    """One site, names that would clash, or nothing of a site's own that may move."""
    frame = pd.concat([at(wards[0], (0.3, 0.1), 20, 1), at(wards[1], (0.3, 0.1), 20, 2)])
    with pytest.raises(dx.LearningError) as caught:
        dx.calibrate(exclusive_model(), frame, site="ward", **options)
    assert str(caught.value) == sentence
