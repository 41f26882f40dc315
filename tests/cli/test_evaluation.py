"""``check --evidence``, ``check --cases``, ``card`` and the effects that ``compare`` shows."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import bayesdx as dx
from bayesdx.cli import app, output
from tests.knowledge.example import FOLDER, copy_draft, edit

CHEST = "chest_clinic@1.0.0"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def good(*arguments: str | Path) -> str:
    """What a command prints that has to succeed."""
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def faulty(*arguments: str | Path) -> str:
    """What a command prints that has to find faults: exit code 1, nothing on standard error."""
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (1, ""), result.output
    return result.stdout


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A draft of the example in which one prior moved."""
    folder = copy_draft(tmp_path, "1.1.0")
    edit(
        folder, "priors.csv", "town,fuel_missing,tank empty,0.08,0.05,0.12", "town,fuel_missing,tank empty,0.01,0,0.12"
    )
    return folder


class TestEvidence:
    def test_counts_come_first(self) -> None:
        """How many figures there are, are comparable, are inside."""
        assert good("check", CHEST, "--evidence") == (
            "chest_clinic 1.0.0: 8 published figures, 8 comparable; 8 within their predictive interval (100 %), 0\n"
            "outside, 0 of them in conflict without an explanation.\n"
            "8 of the 8 are no independent test: numbers of the same finding come from the same source, wholly or\n"
            "in part. That these are met shows that the numbers were made as meant, not that they are right;\n"
            "figures of other studies would show that.\n"
        )

    def test_figures_outside_are_listed_and_have_to_be_explained(self, tmp_path: Path) -> None:
        """A figure in conflict without an explanation is a fault; with one it is printed, and the exit code is 0."""
        folder = copy_draft(tmp_path)
        edit(folder, "accuracy.csv", "summer,0.86,0.7,0.95", "summer,0.1,0.05,0.2")
        text = faulty("check", folder, "--evidence")
        assert "1 outside, 1 of them in conflict without" in " ".join(text.split())
        assert "below 0.001, in" in text
        assert "0.10 (0.050" in text
        edit(folder, "accuracy.csv", ",cold_night=no,,,", ",cold_night=no,,,one old starter only")
        text = good("check", folder, "--evidence")
        assert "one old" in text

    def test_json_and_csv_hold_the_table(self) -> None:
        """Both hold the rows of check_evidence; JSON the counts as well."""
        table = dx.check_evidence(dx.load_model(CHEST))
        document = json.loads(good("check", CHEST, "--evidence", "--format", "json"))
        assert document["model"]["name"] == "chest_clinic"
        assert document["evidence"]["counts"] == {
            "inside": 8,
            "outside": 0,
            "not comparable": 0,
            "in conflict and unexplained": 0,
        }
        assert [row["implied"] for row in document["evidence"]["figures"]] == list(table["implied"])
        rows = list(csv.DictReader(io.StringIO(good("check", CHEST, "--evidence", "--format", "csv"))))
        assert [row["verdict"] for row in rows] == list(table["verdict"])


class TestCases:
    def test_cases_and_figures(self) -> None:
        """Each case with rank and probability, and the figures over all of them."""
        text = good("check", CHEST, "--cases")
        assert text.startswith("chest_clinic 1.0.0: 3 cases, 11 of 11 expectations met\n")
        for word in ("asia_visit", "81.1 %", "log score", "held out (n 3)", "history and examination"):
            assert word in text

    def test_an_expectation_that_is_not_met_is_a_fault(self) -> None:
        """It is printed with what was found, and the exit code is 1."""
        text = faulty("check", FOLDER, "--cases")
        assert "expectation not met" in text
        assert "clicking=present moves nothing" in " ".join(text.split())

    def test_json_and_csv_hold_the_results(self) -> None:
        """JSON holds cases, expectations and summary; CSV the cases."""
        results = dx.check_cases(dx.load_model(CHEST))
        document = json.loads(good("check", CHEST, "--cases", "--format", "json"))
        assert [row["rank"] for row in document["cases"]] == list(results.table["rank"])
        assert len(document["expectations"]) == len(results.expectations)
        assert len(document["summary"]) == len(results.summary)
        frame = pd.read_csv(io.StringIO(good("check", CHEST, "--cases", "--format", "csv")), keep_default_na=False)
        assert list(frame["case"]) == list(results.table["case"])

    def test_impossible_findings_have_infinite_scores_in_json(self, tmp_path: Path) -> None:
        """JSON has no infinity; the text 'inf' stands for it."""
        folder = copy_draft(tmp_path)
        contradiction = "fuel_missing=tank empty;dashboard_dark=present;fuel_gauge=full"
        edit(folder, "cases.csv", "fuel_gauge=empty;cranking=normal", contradiction)
        summary = json.loads(faulty("check", folder, "--cases", "--format", "json"))["summary"]
        assert "inf" in {row["value"] for row in summary if row["measure"] == "log_score"}

    def test_both_at_once(self) -> None:
        """One JSON document or two tables; a CSV holds one table."""
        document = json.loads(good("check", CHEST, "--evidence", "--cases", "--format", "json"))
        assert set(document) == {"model", "evidence", "cases", "expectations", "summary"}
        text = good("check", CHEST, "--evidence", "--cases")
        assert text.index("published figures") < text.index("expectations met")
        result = run("check", CHEST, "--evidence", "--cases", "--format", "csv")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            "Error: --evidence and --cases are two tables; ask for one of them with --format csv.\n"
        )

    def test_a_faulty_folder_is_reported_as_ever(self, tmp_path: Path) -> None:
        """Faults of the folder come before any question about it."""
        folder = copy_draft(tmp_path)
        edit(folder, "cases.csv", "cause in top 1", "cause on top")
        assert "1 fault." in faulty("check", folder, "--cases")


class TestCard:
    def test_markdown_and_html(self) -> None:
        """The command writes what model_card returns, byte for byte."""
        model = dx.load_model(CHEST)
        assert good("card", CHEST) == dx.model_card(model)
        assert good("card", CHEST, "--format", "html") == dx.model_card(model, "html")


class TestCompare:
    def test_effects_follow_the_differences(self, newer: Path) -> None:
        """The table of differences, then the effect on every case."""
        text = good("compare", FOLDER, newer)
        assert text.index("tank empty") < text.index("Effect on cases") < text.index("empty_tank")

    def test_a_long_table_is_cut_unless_all_is_asked_for(self, tmp_path: Path) -> None:
        """The largest shifts are shown, the rest is counted."""
        old = dx.load_model("hip_flexion_weakness")
        wider = [replace(row, lower=row.lower / 2) for row in old.links]
        new = dx.save_model(replace(old, links=wider, info=replace(old.info, version="9.0.0"), release=None), tmp_path)
        pair = (old.name, str(new))
        differences = dx.compare_models(*map(dx.load_model, pair)).table
        short, whole = good("compare", *pair), good("compare", *pair, "--all")
        bounds = int(differences["column"].isin(("lower", "upper")).sum())
        assert f"and {bounds - 20:,} more; --all shows them" in short
        assert "more; --all" not in whole
        assert len(short.splitlines()) < 200 < bounds < len(whole.splitlines())

    @pytest.mark.parametrize("columns", [80, 120])
    def test_a_terminal_shows_whole_names_and_numbers(
        self, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Values, texts and bounds are tables of their own: no line is too long, no name, number or arrow is cut."""
        monkeypatch.setenv("COLUMNS", str(columns))
        old = dx.load_model("hip_flexion_weakness@1.0.0")
        halved = [replace(row, link_probability=row.link_probability / 2, lower=0.0) for row in old.links]
        noted = [replace(row, note="a longer reason than one line of a terminal holds " * 3) for row in old.priors]
        comparison = dx.compare_models(old, replace(old, links=halved, priors=noted, cases=old.cases[:5]))
        output.show_comparison(comparison, "table", dx.lineage(old))
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= columns
        last = [line.split()[-1] for line in lines if line.strip()]
        shifts = [f"{shift:+.4g}" for shift in comparison.table["shift_decibans"].dropna()]
        assert [word for word in last if word in set(shifts)] == shifts
        shown = 2 * len(comparison.effects) + (comparison.shares["old"] != comparison.shares["new"]).sum()
        assert sum(line.count(" % -> ") for line in lines) == shown > 0
        words = {word.rstrip(",") for line in lines for word in line.split()}
        assert words >= {name for row in old.links for name in (row.parent, row.child) if name}

    def test_markdown_for_a_review(self, newer: Path) -> None:
        """What to_markdown returns."""
        comparison = dx.compare_models(dx.load_model(FOLDER), dx.load_model(newer))
        assert good("compare", FOLDER, newer, "--format", "markdown") == comparison.to_markdown()

    def test_json_holds_the_effects(self, newer: Path) -> None:
        """Under 'effects', the largest first; an infinite shift is the text 'inf'."""
        document = json.loads(good("compare", FOLDER, newer, "--format", "json"))
        assert [row["case"] for row in document["effects"]] == ["empty_tank", "winter_morning"]
        edit(newer, "priors.csv", "town,fuel_missing,tank empty,0.01", "town,fuel_missing,tank empty,0")
        document = json.loads(good("compare", FOLDER, newer, "--format", "json"))
        assert document["differences"][0]["shift_decibans"] == "-inf"


@pytest.mark.parametrize("command", ["check", "card", "compare"])
def test_help_has_examples(command: str) -> None:
    """Each command shows examples of itself."""
    text = good(command, "--help")
    assert "Examples:" in text
    assert f"bayesdx {command} " in text
