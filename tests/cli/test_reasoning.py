"""``explain``, ``next``, ``sensitivity``, and what ``diagnose`` prints of them: the library's own answers."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app

MODEL = "hip_flexion_weakness@1.0.0"
FINDINGS = {"onset": "sudden", "severe_pain": "present", "bladder_bowel_dysfunction": "present"}
OPTIONS = [part for name, state in FINDINGS.items() for part in ("-f", f"{name}={state}")]


def good(*arguments: str) -> str:
    """What a command prints that has to succeed."""
    result = CliRunner().invoke(app, list(arguments))
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def bad(*arguments: str) -> str:
    """The message of a command that has to refuse: nothing on standard output, exit code 2."""
    result = CliRunner().invoke(app, list(arguments))
    assert (result.exit_code, result.stdout) == (2, "")
    return " ".join(result.stderr.split())


@pytest.fixture(scope="module")
def case() -> dx.Diagnosis:
    return dx.diagnose(dx.load_model(MODEL), FINDINGS)


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_explain(case: dx.Diagnosis) -> None:
    """The ledger in three formats, the same rows as the library's."""
    why = dx.explain(case, "cauda_equina_syndrome")
    arguments = ("explain", MODEL, "--cause", "cauda_equina_syndrome", *OPTIONS)
    text = good(*arguments)
    assert "Why Cauda equina syndrome?" in text
    assert " ".join(why.statement.split()) in " ".join(text.split())
    document = json.loads(good(*arguments, "--format", "json"))
    assert document["model"]["version"] == "1.0.0"
    weights = {row["finding"]: row["weight_decibans"] for row in document["ledger"]}
    assert weights == pytest.approx(why.table["weight_decibans"].to_dict())
    assert document["prior_decibans"] + sum(weights.values()) == pytest.approx(document["posterior_decibans"], abs=1e-9)
    assert [row["finding"] for row in document["expected"]] == [sign.name for sign in why.expected]
    rows = read_csv(good(*arguments, "--format", "csv"))
    assert [row["finding"] for row in rows] == list(why.table.index)


def test_explain_of_a_group_and_of_the_first_cause(case: dx.Diagnosis) -> None:
    """Without --cause the most probable one is explained; --groups makes one row of a group."""
    document = json.loads(good("explain", MODEL, *OPTIONS, "--format", "json"))
    assert document["cause"] == case.posterior.index[0]
    grouped = good("explain", MODEL, "-f", "pain_location=pain_groin", "--groups", "--format", "csv")
    assert [row["finding"] for row in read_csv(grouped)] == ["pain_location"]


def test_a_certain_cause_is_valid_json() -> None:
    """Infinite weights are the text inf beside a statement that says why."""
    document = json.loads(good("explain", MODEL, "-f", "iliopsoas_strain=present", "--format", "json"))
    assert document["settled"] is True
    assert document["posterior_decibans"] == document["ledger"][0]["weight_decibans"] == "inf"
    assert document["statement"].startswith("Iliopsoas strain is certain")


def test_next(case: dx.Diagnosis) -> None:
    """Options in the order of the library, with the emergency first and said in words."""
    following = dx.next_tests(case)
    text = good("next", MODEL, *OPTIONS)
    assert "EMERGENCY: Cauda equina syndrome has a probability of" in text
    document = json.loads(good("next", MODEL, *OPTIONS, "--format", "json"))
    assert [row["option"] for row in document["options"]] == list(following.table.index)
    assert document["emergencies"] == [emergency.cause for emergency in following.emergencies]
    assert document["stop"] is False
    rows = read_csv(good("next", MODEL, *OPTIONS, "--rule-out", "severe_infection", "--format", "csv"))
    assert [row["option"] for row in rows] == list(dx.next_tests(case, rule_out="severe_infection").table.index)
    ahead = read_csv(good("next", MODEL, "-f", "fever=absent", "--look-ahead", "2", "--format", "csv"))
    assert all(float(row["net_value_ahead_eur"]) >= float(row["net_value_eur"]) for row in ahead)


def test_sensitivity(case: dx.Diagnosis) -> None:
    """Functions and swings as the library has them."""
    what_if = dx.sensitivity_analysis(case)
    document = json.loads(good("sensitivity", MODEL, *OPTIONS, "--format", "json"))
    swings = [row["swing"] for row in document["numbers"]]
    assert swings == pytest.approx(what_if.table["swing"].tolist())
    assert document["posterior"] == pytest.approx(what_if.posterior)
    text = " ".join(good("sensitivity", MODEL, *OPTIONS).split())
    assert "The smallest single change that puts another cause" in text
    assert len(read_csv(good("sensitivity", MODEL, *OPTIONS, "--format", "csv"))) == len(what_if.functions)


def test_diagnose_prints_intervals_next_tests_and_the_conflict_warning(case: dx.Diagnosis) -> None:
    """Intervals beside the posteriors, the three best options, and a warning where the findings do not fit."""
    text = good("diagnose", MODEL, *OPTIONS)
    assert "95 % interval" in text
    assert text.index("What to find out next") < text.index("Decision support for qualified people")
    for suggestion in dx.next_tests(case).suggestions[:3]:
        assert suggestion.option.label in text
    document = json.loads(good("diagnose", MODEL, *OPTIONS, "--format", "json"))
    table = dx.credible_intervals(case).table
    found = {row["cause"]: (row["lower"], row["upper"]) for row in document["intervals"]}
    assert found == {str(c): pytest.approx((r["lower"], r["upper"])) for c, r in table.iterrows()}
    assert [row["option"] for row in document["next_tests"]] == list(dx.next_tests(case).table.index[:3])
    assert document["conflict"]["bits"] == pytest.approx(case.conflict.bits)
    assert ("WARNING" in text) == bool(case.conflict.warning)
    absent = ("hip_flexor_tenderness", "pain_on_resisted_hip_flexion", "pain_groin")
    odd = {"mri_muscle_tear": "positive", **dict.fromkeys(absent, "absent")}
    options = [part for name, state in odd.items() for part in ("-f", f"{name}={state}")]
    warning = dx.diagnose(dx.load_model(MODEL), odd).conflict.warning
    assert warning
    assert f"WARNING: {warning}" in " ".join(good("diagnose", MODEL, *options).split())


def test_one_patient_only(tmp_path: Path) -> None:
    """A table of patients is refused by questions about one."""
    file = tmp_path / "patients.csv"
    file.write_text("onset,fever\nsudden,absent\ngradual,present\n", encoding="utf-8")
    for command in ("explain", "next", "sensitivity"):
        assert bad(command, MODEL, "--findings", str(file)).endswith("2 patients; this question takes one.")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("explain", "--cause", "iliopsoas_strian"), "Did you mean 'iliopsoas_strain'?"),
        (
            ("next", "--rule-in", "iliopsoas_strain", "--rule-out", "psoas_syndrome"),
            "--rule-in or --rule-out, not both.",
        ),
        (("sensitivity", "--cause", "fever"), "'fever' is not a cause of hip_flexion_weakness 1.0.0."),
    ],
)
def test_messages(arguments: tuple[str, ...], sentence: str) -> None:
    """Wrong names are one message on standard error."""
    command, *rest = arguments
    assert sentence in bad(command, MODEL, *rest, *OPTIONS)


def test_help_shows_examples() -> None:
    """Each command says what it does, with examples."""
    for command in ("explain", "next", "sensitivity"):
        text: Any = good(command, "--help")
        assert "Examples:" in text
        assert f"bayesdx {command} hip_flexion_weakness" in text
