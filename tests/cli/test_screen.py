"""What ``diagnose`` prints: one patient on screens of every width, and tables of patients with faults in them."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

import bayesdx as dx
from bayesdx.diagnosis.views import LEAST_SHOWN
from bayesdx.display import clean
from tests.cli.test_commands import bad, good, run

MODEL = "hip_flexion_weakness"
OPTIONS = [
    f"--finding={text}"
    for text in (
        "age_group=60_and_over",
        "onset=sudden",
        "saddle_anaesthesia=yes",
        "fever=?",
        "pain_location=groin pain",
    )
]


@pytest.mark.parametrize("name", [MODEL, "chest_clinic"])
@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_every_cause_can_be_read_at_any_width(name: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is too long, no word of a label is broken, each cause stands beside its probability.

    A cause that is the sum of others is told as their group.
    """
    monkeypatch.setenv("COLUMNS", str(columns))
    options = OPTIONS if name == MODEL else ["--finding=xray=positive"]
    text = good("diagnose", name, *options)
    assert max(map(len, text.splitlines())) <= columns
    words = set(re.findall(r"[^\s:]+", text))
    case = dx.diagnose(dx.load_model(name), _findings(name))
    groups = {group.group for group in case.groups}
    labels = [line.label for line in case.differential]
    labels += [group.label for group in case.groups if group.probability >= LEAST_SHOWN]
    assert {*case.posterior.index} == {line.cause for line in case.differential} | (
        groups & {*dx.load_model(name).causes}
    )
    for label in labels:
        assert set(label.split()) <= words
    table = text[text.index("\ncause ") :]
    for shown in case.differential:
        first = re.escape(shown.label.split()[0])
        assert re.search(rf"^{first}(?!\w).* (<0\.1|>99\.9|[\d.]+) %", table, re.MULTILINE)
    left_out = re.search(r"\(too narrow for (.*?)\)", table, re.DOTALL)
    assert ("95 % interval" in table.split("\n")[1]) != (left_out is not None and "95 % interval" in clean(left_out[1]))


def _findings(name: str) -> dict[str, Any]:
    if name != MODEL:
        return {"xray": "positive"}
    return {"age_group": "60_and_over", "onset": "sudden", "saddle_anaesthesia": "present",
            "pain_location": ["pain_groin"]}  # fmt: skip


def test_the_setting_is_asked_in_the_words_of_the_command() -> None:
    """A setting that nobody chose is told with the option that chooses it, in the table and for a table of patients."""
    assert "choose with --population. First three elsewhere:" in " ".join(good("diagnose", MODEL, *OPTIONS).split())
    chosen = good("diagnose", MODEL, *OPTIONS, "--population", "primary_care")
    assert "Setting assumed" not in chosen
    document = json.loads(good("diagnose", MODEL, *OPTIONS, "--format", "json"))
    assert document["population_assumed"] is True
    assert set(document["elsewhere"]) == {"emergency_department", "specialist_referral"}
    many = good("diagnose", MODEL, "--findings", "-", stdin="onset\nsudden\n")
    assert many.startswith(f"{MODEL} {dx.load_model(MODEL).version}, primary_care (assumed; choose with --population)")


@pytest.mark.parametrize("cause", ["cauda_equina_syndrome=present", "cauda_equina_syndrome=absent"])
def test_a_cause_may_be_a_finding(cause: str) -> None:
    """A likelihood ratio that is infinite, or 0, is printed in every format, for one patient and for many."""
    ratio = "inf" if "present" in cause else "0"
    assert re.search(rf"Cauda equina syndrome .* {ratio}\b", good("diagnose", MODEL, "-f", cause))
    document = json.loads(good("diagnose", MODEL, "-f", cause, "--format", "json"))
    [line] = [row for row in document["differential"] if row["cause"] == "cauda_equina_syndrome"]
    [weights] = [row for row in document["weights_of_evidence"] if row["cause"] == "cauda_equina_syndrome"]
    assert line["likelihood_ratio"] == ("inf" if ratio == "inf" else 0.0)
    assert weights["posterior_decibans"] == weights["weights"]["cauda_equina_syndrome"] == "-inf"[ratio == "inf" :]
    table = "cauda_equina_syndrome,onset\n" + cause.partition("=")[2] + ",sudden\n,gradual\n"
    told = run("diagnose", MODEL, "--findings", "-", "--format", "csv", stdin=table)
    assert (told.exit_code, "--ignore causes leaves them out." in told.stderr) == (0, True)
    rows = list(csv.DictReader(io.StringIO(told.stdout)))
    assert {row["likelihood_ratio"] for row in rows if row["cause"] == "cauda_equina_syndrome"} >= {
        "inf" if ratio == "inf" else "0.0"
    }
    text = run("diagnose", MODEL, "--findings", "-", stdin=table).stdout
    assert [line.split()[0] for line in text.splitlines() if re.match(r" +\d ", line)] == ["1", "2"]


@pytest.mark.parametrize("name", [MODEL, "chest_clinic"])
def test_json_holds_the_weights_of_evidence(name: str) -> None:
    """For each cause shown the weights of the findings add up from prior to posterior, as ``explain`` has them."""
    options = OPTIONS if name == MODEL else ["--finding=xray=positive", "--finding=dyspnoea=present"]
    document = json.loads(good("diagnose", name, *options, "--top", "3", "--format", "json"))
    assert [row["cause"] for row in document["weights_of_evidence"]] == [
        row["cause"] for row in document["differential"]
    ]
    for row in document["weights_of_evidence"]:
        total = row["prior_decibans"] + sum(row["weights"].values())
        assert total == pytest.approx(row["posterior_decibans"], abs=1e-9)
        told = json.loads(good("explain", name, *options, "--cause", row["cause"], "--format", "json"))
        assert row["weights"] == pytest.approx({r["finding"]: r["weight_decibans"] for r in told["ledger"]}, abs=1e-9)
    assert [row["cause"] for row in document["intervals"]] == [row["cause"] for row in document["differential"]]


TABLE = "id,fever,onset\nA1,present,sudden\nA2,presnt,acute\nA3,absent,gradual\nA4,absent\n=1+1,present,\n"
FAULTS = (
    "Error: standard input, row 3: findings: fever = 'presnt' is not a state of fever; its states are absent, present, "
    "or temperature in °C (cut at 38). Did you mean 'present'?\n"
    "Error: standard input, row 3: findings: onset = 'acute' is not a state of onset; its states are gradual, sudden. "
    "Did you mean 'sudden'?\n"
    "Error: standard input, row 5: 2 cells; the header has 3.\n"
)


class TestTable:
    @pytest.mark.parametrize("format", ["table", "csv", "json"])
    def test_good_rows_are_answered_when_others_are_bad(self, format: str) -> None:
        """Every bad row is told with file, row and reason, all at once, and marked; the exit code is 1."""
        arguments = ("diagnose", MODEL, "--findings", "-", "--keep", "id", "--format", format)
        result = run(*arguments, stdin=TABLE)
        assert (result.exit_code, result.stderr) == (1, FAULTS)
        expected = {"A1": {"fever": "present", "onset": "sudden"}, "A3": {"fever": "absent", "onset": "gradual"}}
        model = dx.load_model(MODEL)
        if format == "table":
            assert re.findall(r"^ +(\d) +(\S+) .*not diagnosed", result.stdout, re.MULTILINE) == [
                ("2", "A2"),
                ("4", "A4"),
            ]
            return
        if format == "json":
            rows = json.loads(result.stdout)
            found = {row["id"]: (row["status"], row["error"]) for row in rows}
            first = {row["id"]: row["differential"][0] for row in rows if row["status"] == "ok"}
        else:
            rows = list(csv.DictReader(io.StringIO(result.stdout)))
            found = {row["id"]: (row["status"], row["error"] or None) for row in rows}
            first = {row["id"]: row for row in reversed(rows) if row["status"] == "ok"}
            assert {row["rank"] for row in rows if row["id"] == "A1"} >= {"1", "2"}
        assert [status for status, _ in found.values()] == ["ok", "error", "ok", "error", "ok"]
        assert "onset = 'acute'" in str(found["A2"][1]) and "presnt" in str(found["A2"][1])
        for name, findings in expected.items():
            best = dx.diagnose(model, findings).differential[0]
            assert first[name]["cause"] == best.cause
            assert float(first[name]["posterior"]) == pytest.approx(best.posterior)

    def test_an_unknown_column_is_told_with_both_ways_out(self) -> None:
        """A column that is no variable is neither guessed nor dropped."""
        message = bad("diagnose", MODEL, "--findings", "-", stdin="record no,fever\n1,present\n")
        assert message == (
            f"Error: standard input, row 1: column 'record no' is not a variable of {MODEL} "
            f"{dx.load_model(MODEL).version}. --keep 'record no' copies it, --ignore leaves it out.\n"
        )
        good("diagnose", MODEL, "--findings", "-", "--ignore", "record no", stdin="record no,fever\n1,present\n")

    @pytest.mark.parametrize(
        ("options", "stdin", "words"),
        [
            (["--keep", "idd"], "id,fever\n1,present\n", "--keep: standard input has no column 'idd'"),
            (["--keep", "cause"], "cause,fever\n1,present\n", "--keep cause: the output has that column too"),
            (["--keep", "id"], '{"fever": "present"}', "one patient; --keep and --ignore are about the columns"),
        ],
    )
    def test_what_cannot_be_kept_is_refused(self, options: list[str], stdin: str, words: str) -> None:
        """A column that is not there, one that the output has too, and a file without columns."""
        assert words in bad("diagnose", MODEL, "--findings", "-", *options, stdin=stdin)

    def test_a_column_called_patient_takes_the_place_of_the_number(self) -> None:
        """The patients keep the names that they have in the table."""
        text = good("diagnose", MODEL, "--findings", "-", "--keep", "patient", "--format", "csv",
                    stdin="patient,fever\nB7,present\n")  # fmt: skip
        assert {row["patient"] for row in csv.DictReader(io.StringIO(text))} == {"B7"}

    def test_a_wrong_option_is_wrong_use(self, tmp_path: Path) -> None:
        """An option that is wrong for every row is told once, and nothing is printed."""
        message = bad("diagnose", MODEL, "--findings", "-", "-f", "onset=acute", stdin="fever\npresent\nabsent\n")
        assert message.count("onset = 'acute'") == 1
