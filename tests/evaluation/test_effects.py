"""What a new version changes: every cell, and the diagnosis of every case."""

import math
from dataclasses import replace

import pytest

import bayesdx as dx
from bayesdx.evaluation.effects import case_effects
from tests.knowledge.example import FOLDER

OLD = dx.load_model(FOLDER)


def changed(**fields):
    info = replace(OLD.info, version="1.1.0", parent_version="1.0.0", parent_hash=OLD.hash)
    return replace(OLD, info=info, release=None, **fields)


def with_prior(population, variable, value):
    rows = tuple(
        replace(row, probability=value, lower=0.0, upper=1.0)
        if (row.population, row.variable) == (population, variable)
        else row
        for row in OLD.priors
    )
    return changed(priors=rows)


def test_a_model_and_itself():
    """Nothing differs, and no case changes."""
    comparison = dx.compare_models(OLD, OLD)
    assert comparison.table.empty
    assert (comparison.effects["probability_change"] == 0).all()
    assert (comparison.effects["rank_change"] == 0).all()
    assert str(comparison) == "car_start 1.0.0 -> car_start 1.0.0: no differences"


def test_effects_are_differences_of_two_diagnoses():
    """Ranks and probabilities are those of diagnose under each model, in the population of the case."""
    new = with_prior("town", "fuel_missing", 0.01)
    effects = dx.compare_models(OLD, new).effects.set_index("case")
    row = effects.loc["empty_tank"]
    for model, name in ((OLD, "old"), (new, "new")):
        posterior = dx.diagnose(model.with_population("town"), {"fuel_gauge": "empty", "cranking": "normal"}).posterior
        present = posterior["fuel_missing=filter clogged"] + posterior["fuel_missing=tank empty"]
        assert row[f"{name}_probability"] == pytest.approx(present)
    assert row["probability_change"] == pytest.approx(row["new_probability"] - row["old_probability"])
    assert row["most_moved"] == "fuel_missing"
    assert effects.loc["winter_morning", "probability_change"] == 0


def test_the_largest_change_comes_first():
    """Cases are in the order of the largest change of any cause, whichever way it goes."""
    new = with_prior("country", "battery_flat", 0.9)
    effects = dx.compare_models(OLD, new).effects
    sizes = (effects["most_moved_new"] - effects["most_moved_old"]).abs()
    assert list(effects["case"]) == ["winter_morning", "empty_tank"]
    assert sizes.is_monotonic_decreasing


def test_what_the_old_model_cannot_express_is_left_out_and_named():
    """Findings, causes and populations that only the new model has do not stop the comparison."""
    horn = replace(OLD.by_name["clicking"], variable="horn_dead", label="Dead horn")
    fuse = replace(OLD.by_name["starter_broken"], variable="fuse_blown", label="Fuse blown")
    links = (
        replace(OLD.links[0], parent="fuse_blown", parent_state="present", child="horn_dead", child_state="present"),
        replace(OLD.links[0], parent="", parent_state="", child="horn_dead", child_state="present"),
    )
    desert = replace(OLD.info.populations[0], name="desert")
    priors = tuple(replace(row, population="desert") for row in OLD.priors if row.population == "town")
    tables = tuple(replace(row, population="desert") for row in OLD.tables if row.population == "town")
    fused = tuple(
        replace(OLD.priors[0], population=name, variable="fuse_blown", state="present", probability=0.3)
        for name in ("town", "country", "desert")
    )
    row = replace(
        OLD.cases[0],
        case="fuse",
        population="desert",
        findings=(("horn_dead", ("present",)), ("cranking", ("normal",))),
        causes=("fuse_blown",),
        expect="cause in top 1",
    )
    new = changed(
        variables=(*OLD.variables, fuse, horn),
        links=(*OLD.links, *links),
        priors=(*OLD.priors, *priors, *fused),
        tables=(*OLD.tables, *tables),
        cases=(row,),
    )
    new = replace(new, info=replace(new.info, populations=(*OLD.info.populations, desert)))
    [effect] = case_effects(OLD, new).to_dict("records")
    assert effect["left_out"] == "horn_dead=present"
    assert math.isnan(effect["old_rank"])
    assert effect["new_rank"] == 1
    assert effect["most_moved"] in OLD.causes


def test_no_cases_no_effects():
    """A new model without cases has an empty table of effects and says so."""
    comparison = dx.compare_models(OLD, changed(cases=()))
    assert comparison.effects.empty
    assert "The new version has no cases." in comparison.to_markdown()


def test_markdown_for_a_review():
    """Hashes of both, the effect on each case, and every cell that moved with its shift, in tables of equal width."""
    text = dx.compare_models(OLD, with_prior("town", "fuel_missing", 0.01)).to_markdown()
    assert text.startswith("# car_start 1.0.0 -> car_start 1.1.0: 8 differences\n")
    assert OLD.hash in text
    assert "| empty_tank: fuel_missing | 1 -> " in text
    assert "| priors.csv: town, fuel_missing, tank empty | probability | 0.08 | 0.01 | -9.349 |" in text
    for table in (part for part in text.split("\n\n") if part.startswith("| ")):
        assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1


def test_a_population_that_a_version_brings_shows_its_effect() -> None:
    """Shares of causes before anything is found, and every case under the new population."""
    model = dx.load_model("hip_flexion_weakness")
    there = model.with_population("emergency_department")
    shares = dx.compare_models(model, there).shares.set_index("cause")
    assert shares.loc["severe_infection", "new"] == dx.diagnose(there).posterior["severe_infection"]
    assert shares.loc["severe_infection", "old"] == dx.diagnose(model).posterior["severe_infection"]
    assert shares["shift_decibans"].abs().is_monotonic_decreasing
    table = dx.simulate_cohort(there, 200, seed=1)[["age_group", "fever", *model.causes]]
    new = dx.calibrate(model, table, variables=["main_cause"], population="ward", tolerance=1e-2).model
    compared = dx.compare_models(model, new)
    case = next(row for row in new.cases if row.case == compared.effects["case"].iloc[0])
    findings = {name: states[0] if len(states) == 1 else list(states) for name, states in case.findings}
    cause = compared.effects["most_moved"].iloc[0]
    for side, figure in ((model, "most_moved_old"), (new, "most_moved_new")):
        assert compared.effects[figure].iloc[0] == pytest.approx(dx.diagnose(side, findings).posterior[cause])
    assert "## Before anything is found, " in compared.to_markdown()
