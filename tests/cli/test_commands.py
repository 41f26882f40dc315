"""The command line: what it takes, what it prints, how it leaves."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import bayesdx as dx
from bayesdx.cli import app

ROOT = Path(__file__).parents[2]
MODEL = "hip_flexion_weakness@1.0.0"
FOLDER = ROOT / "models/hip_flexion_weakness/1.0.0"
CASE = ROOT / "tests/data/cases/psoas_abscess_renal_failure_2010.json"
ESCAPE = "\x1b"


def run(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def good(*arguments: str | Path, stdin: str | bytes | None = None) -> str:
    """What a command prints that has to succeed."""
    result = run(*arguments, stdin=stdin)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def bad(*arguments: str | Path, stdin: str | bytes | None = None) -> str:
    """The message of a command that has to refuse its input: nothing on standard output, exit code 2."""
    result = run(*arguments, stdin=stdin)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
    return result.stderr


def posteriors(text: str) -> dict[str, float]:
    return {row["cause"]: row["posterior"] for row in json.loads(text)["differential"]}


def expected(findings: dict[str, Any], population: str | None = None) -> Any:
    """The posteriors that ``diagnose`` gives, up to the order of summation."""
    case = dx.diagnose(dx.load_model(MODEL, population=population), findings)
    return pytest.approx({str(cause): float(value) for cause, value in case.posterior.items()}, rel=1e-9)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy of the flagship with two faults in one row."""
    folder = tmp_path / "1.0.0"
    shutil.copytree(FOLDER, folder)
    (folder / "release.toml").unlink(missing_ok=True)
    lines = (folder / "links.csv").read_text("utf-8").splitlines()
    header = lines[0].split(",")
    row = next(csv.reader([lines[1]]))
    row[header.index("link_probability")], row[header.index("source")] = "1.2", "nobody_2019"
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(row)
    lines[1] = out.getvalue().rstrip("\n")
    (folder / "links.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


class TestHelp:
    @pytest.mark.parametrize("command", [[], ["models"], ["check"], ["compare"], ["diagnose"]], ids=" ".join)
    def test_help_has_examples(self, command: list[str]) -> None:
        """Each command says what it does and shows examples of itself."""
        text = good(*command, "--help")
        assert f"bayesdx {' '.join(command)}".strip() in text.split("Examples:")[1]

    def test_version(self) -> None:
        """``--version`` prints the version of the package."""
        assert good("--version") == f"bayesdx {dx.__version__}\n"

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["diagnos"], "No such command 'diagnos'"),
            (["diagnose"], "Missing argument 'MODEL'"),
            (["diagnose", MODEL, "--format", "xml"], "xml"),
            (["diagnose", MODEL, "--top", "0"], "--top"),
            (["models", "--colour"], "No such option"),
        ],
    )
    def test_wrong_usage_leaves_with_2(self, arguments: list[str], words: str) -> None:
        """Wrong usage is a message on standard error and exit code 2."""
        assert words in bad(*arguments)


class TestModels:
    def test_the_flagship_is_listed(self) -> None:
        """Name, version and every population stand in the table."""
        text = good("models")
        for word in ("hip_flexion_weakness", "1.0.0", "primary_care", "emergency_department"):
            assert word in text

    def test_json_and_csv_hold_the_list(self) -> None:
        """JSON and CSV hold what ``list_models`` returns."""
        models = dx.list_models()
        assert [row["hash"] for row in json.loads(good("models", "--format", "json"))] == list(models["hash"])
        table = pd.read_csv(io.StringIO(good("models", "--format", "csv")))
        assert list(table.columns) == list(models.columns)

    def test_a_folder_of_models(self, tmp_path: Path) -> None:
        """Another folder may be listed; one that is not there is a message."""
        assert json.loads(good("models", tmp_path, "--format", "json")) == []
        assert good("models", tmp_path) == "No model here: a model lies in NAME/VERSION, as knee_pain/0.1.0.\n"
        assert str(tmp_path / "none") in bad("models", tmp_path / "none")


class TestBounds:
    @pytest.mark.parametrize(
        ("option", "said"),
        [
            ("CRP<5", "CRP and ESR normal (CRP = <5)"),
            ("CRP > 20 mg/L", "CRP or ESR raised (CRP = > 20 mg/L)"),
            ("age>=60", "60 years or older (age = >=60)"),
            ("age=<40", "Under 40 years (age = <40)"),
        ],
    )
    def test_a_bound_needs_no_equals_sign(self, option: str, said: str) -> None:
        """As it is written in a letter."""
        assert said in " ".join(good("diagnose", "hip_flexion_weakness@2.3.0", "-f", option, "--top", "1").split())

    def test_a_word_alone_is_answered_with_its_option(self) -> None:
        """What is known by a word needs a yes."""
        assert "for example -f afebrile=yes." in bad("diagnose", "hip_flexion_weakness@2.3.0", "-f", "afebrile")


class TestCheck:
    @pytest.mark.parametrize("name", [MODEL, str(FOLDER)], ids=["name", "folder"])
    def test_a_sound_model(self, name: str) -> None:
        """A sound model is called sound, with the status of its numbers per file, and exit code 0."""
        text = good("check", name)
        counts = dx.load_model(MODEL).count_statuses()
        said = ", ".join(
            f"{counts.get(status, 0)} {status}" for status in ("verified", "recalled", "expert", "synthesis", "dataset")
        )
        assert "hip_flexion_weakness 1.0.0 is sound" in text
        assert "\n1.0.0 was made from no other version.\n" in text
        last = f"Numbers of the network (priors, links, tables): {sum(counts.values())}; {said}."
        assert " ".join(text.split()).endswith(last)

    def test_words_of_several_meanings_are_noted(self) -> None:
        """A word that two variables share is refused as a finding; whoever makes the model is told."""
        model = dx.load_model("hip_flexion_weakness@2.3.0")
        text = " ".join(good("check", "hip_flexion_weakness@2.3.0").split())
        assert "Words that are refused as a finding, since each may mean several variables: " in text
        assert "hip pain (pain_groin, pain_buttock)" in text
        document = json.loads(good("check", "hip_flexion_weakness@2.3.0", "--format", "json"))
        assert document["shared_words"] == {word: list(names) for word, names in model.vocabulary.shared.items()}
        assert json.loads(good("check", MODEL, "--format", "json"))["shared_words"] == {}

    def test_statuses_as_json_and_csv(self) -> None:
        """The counts per file add up to the rows of the files."""
        model = dx.load_model(MODEL)
        document = json.loads(good("check", MODEL, "--format", "json"))
        assert (document["sound"], document["problems"], document["model"]["hash"]) == (True, [], model.hash)
        assert document["lineage"] == dx.lineage(MODEL)
        table = pd.read_csv(io.StringIO(good("check", MODEL, "--format", "csv")), index_col="file")
        for file, statuses in document["statuses"].items():
            assert sum(statuses.values()) == len(model.frame(file)) == table.loc[file, "rows"]

    def test_every_fault_is_printed(self, broken: Path) -> None:
        """A model with faults gives each of them with file, row and column, and exit code 1."""
        result = run("check", broken)
        assert (result.exit_code, result.stderr) == (1, "")
        assert "links.csv" in result.stdout
        assert "a probability between 0 and 1" in result.stdout
        assert "nobody_2019" in result.stdout

    def test_faults_as_json_and_csv(self, broken: Path) -> None:
        """JSON and CSV hold what ``check_model`` returns."""
        problems = [list(problem) for problem in dx.check_model(broken)]
        result = run("check", broken, "--format", "json")
        document = json.loads(result.stdout)
        assert result.exit_code == 1
        assert document["sound"] is False
        assert [list(row.values()) for row in document["problems"]] == problems
        result = run("check", broken, "--format", "csv")
        header, *rows = csv.reader(io.StringIO(result.stdout))
        assert result.exit_code == 1
        assert header == ["file", "row", "column", "found", "expected"]
        assert rows == [["" if cell is None else str(cell) for cell in problem] for problem in problems]

    def test_what_is_no_model_is_bad_input(self, tmp_path: Path) -> None:
        """Nothing to check is wrong input, not a faulty model."""
        assert "is a folder without model.toml" in bad("check", tmp_path)
        assert "Did you mean 'hip_flexion_weakness'?" in bad("check", "hip_flexion_weaknes")


class TestCompare:
    def test_a_model_equals_itself(self) -> None:
        """No difference is said as such."""
        text = good("compare", MODEL, MODEL)
        assert "no differences\n" in text and "1.0.0 was made from no other version." in " ".join(text.split())

    @pytest.mark.parametrize("format", ["table", "json", "csv"])
    def test_a_number_that_moved(self, format: str, tmp_path: Path) -> None:
        """A number that moved is shown with file, old and new value and its shift in decibans."""
        folder = tmp_path / "1.0.0"
        shutil.copytree(FOLDER, folder)
        (folder / "release.toml").unlink(missing_ok=True)
        file = folder / "priors.csv"
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        row = table.index[(table["variable"] == "severe_infection") & (table["population"] == "primary_care")][0]
        before = float(table.loc[row, "probability"])
        after = (before + float(table.loc[row, "upper"])) / 2
        table.loc[row, "probability"] = str(after)
        table.to_csv(file, index=False, lineterminator="\n")
        text = good("compare", MODEL, folder, "--format", format)
        shift = 10 * (math.log10(after / (1 - after)) - math.log10(before / (1 - before)))
        if format == "table":
            assert "1 difference\n" in text
            assert f"{shift:.4g}" in text
        else:
            rows = json.loads(text)["differences"] if format == "json" else list(csv.DictReader(io.StringIO(text)))
            assert len(rows) == 1
            assert (rows[0]["file"], rows[0]["change"]) == ("priors.csv", "changed")
            assert [float(rows[0][key]) for key in ("old", "new")] == [before, after]
            assert float(rows[0]["shift_decibans"]) == pytest.approx(shift)


class TestDiagnoseOptions:
    @pytest.mark.parametrize(
        ("options", "findings"),
        [
            ([], {}),
            (["onset=sudden", "fever=absent"], {"onset": "sudden", "fever": "absent"}),
            (["patellar_reflex=reduced|absent"], {"patellar_reflex": ["reduced", "absent"]}),
            (["onset=?", "fever=present"], {"onset": dx.UNKNOWN, "fever": "present"}),
            (["pain_location=pain_groin"], {"pain_location": ["pain_groin"]}),
            (["pain_location=pain_groin, pain_low_back"], {"pain_location": ["pain_groin", "pain_low_back"]}),
            (["pain_location="], {"pain_location": []}),
        ],
        ids=str,
    )
    def test_every_form_of_a_finding(self, options: list[str], findings: dict[str, Any]) -> None:
        """A state, a set of states, unknown and a group mean what ``diagnose`` says they mean."""
        arguments = [part for option in options for part in ("-f", option)]
        text = good("diagnose", MODEL, *arguments, "--format", "json")
        document, case = json.loads(text), dx.diagnose(dx.load_model(MODEL), findings).to_dict()
        assert posteriors(text) == expected(findings)
        assert document["findings"] == case["findings"]
        added = {"weights_of_evidence", "intervals", "next_tests", "stop", "stop_reason", "conflict"}
        assert document.keys() == case.keys() | added

    def test_the_population_moves_the_priors(self) -> None:
        """``--population`` takes the priors of other patients; an unknown one is a message with the nearest name."""
        text = good("diagnose", MODEL, "--population", "emergency_department", "--format", "json")
        assert posteriors(text) == expected({}, "emergency_department")
        assert posteriors(text) != expected({})
        assert "Did you mean 'primary_care'?" in bad("diagnose", MODEL, "--population", "primary")

    @pytest.mark.parametrize("format", ["table", "json", "csv"])
    def test_top(self, format: str) -> None:
        """``--top`` keeps the most probable causes, in every format."""
        text = good("diagnose", MODEL, "-f", "fever=present", "--top", "2", "--format", format)
        case = dx.diagnose(dx.load_model(MODEL), {"fever": "present"})
        if format == "json":
            assert list(posteriors(text)) == list(case.posterior.index[:2])
        elif format == "csv":
            assert list(pd.read_csv(io.StringIO(text))["cause"]) == list(case.posterior.index[:2])
        else:
            differential = text.split("None of the modelled causes")[0]
            assert [label in differential for label in case.table["label"]] == [True, True] + [False] * (
                len(case.table) - 2
            )

    def test_brief_is_half_a_screen_with_the_alarm_and_the_setting(self) -> None:
        """``--brief`` says what must not be missed, whose priors were assumed, and the lines of the differential."""
        options = ("diagnose", "hip_flexion_weakness", "-f", "saddle_anaesthesia=yes", "--top", "3")
        brief, whole = good(*options, "--brief"), good(*options)
        assert len(brief.splitlines()) <= 25 < len(whole.splitlines())
        assert "EMERGENCY: " in brief
        assert "Setting assumed: " in brief
        lines = [line for line in whole.splitlines() if " % to " in line]
        assert len(lines) >= 3
        assert [line for line in brief.splitlines() if " % to " in line] == lines

    @pytest.mark.parametrize(
        ("option", "message"),
        [
            ("fever", "Error: -f 'fever': expected VARIABLE=STATE, for example -f fever=yes.\n"),
            ("onset", "Error: -f 'onset': expected VARIABLE=STATE, for example -f onset=sudden.\n"),
            ("=present", "Error: -f '=present': expected VARIABLE=STATE, for example -f fever=present.\n"),
            (
                "sever_pain=present",
                "Error: findings: 'sever_pain' is not a variable of hip_flexion_weakness 1.0.0. "
                "Did you mean 'severe_pain'?\n",
            ),
            (
                "onset=acute",
                "Error: findings: onset = 'acute' is not a state of onset; its states are gradual, sudden.\n",
            ),
        ],
    )
    def test_a_wrong_finding_is_one_message(self, option: str, message: str) -> None:
        """What is wrong, and what is right instead."""
        assert bad("diagnose", MODEL, "-f", option) == message

    @pytest.mark.parametrize(
        ("command", "words", "typed"),
        [
            ("diagnose", ["fever"], "-f fever=yes"),
            ("diagnose", ["-f", "fever", "present"], "-f fever=present"),
            ("diagnose", ["fever", "present", "onset", "sudden"], "-f fever=present -f onset=sudden"),
            ("diagnose", ["patellar_reflex"], "-f patellar_reflex=STATE"),
            ("diagnose", ["severe_infection"], "-f severe_infection=yes"),
            ("explain", ["severe_infection"], "--cause severe_infection"),
            ("sensitivity", ["severe_infection", "fever=yes"], "--cause severe_infection -f fever=yes"),
            ("next", ["onset=sudden", "cough"], "-f onset=sudden -f cough=STATE"),
        ],
    )
    def test_a_forgotten_option_is_shown_as_it_is_typed(self, command: str, words: list[str], typed: str) -> None:
        """A finding with its state, or with what stands for it; a cause where the command asks about one."""
        said = bad(command, MODEL, *words).splitlines()[-1]
        assert said.endswith(f": findings are given by options: {typed}")

    def test_a_table_before_its_model_is_called_a_file(self, tmp_path: Path) -> None:
        """In every command that takes both: the order is what is wrong, and no option is proposed."""
        (tmp_path / "t.csv").write_text("onset\nsudden\n")
        table, out = str(tmp_path / "t.csv"), str(tmp_path / "out")
        for command, *rest in (("diagnose",), ("explain",), ("score", out), ("calibrate", out), ("evaluate",)):
            said = bad(command, table, MODEL, *rest).splitlines()[-1]
            assert said == f"Error: {table!r} is a file; a model, which comes first, is a shipped name or a folder."

    def test_a_variable_given_twice_is_refused(self) -> None:
        """The last one does not win silently."""
        message = bad("diagnose", MODEL, "-f", "onset=sudden", "-f", "onset=gradual")
        assert message.startswith("Error: -f 'onset=gradual': onset is given twice;")


class TestDiagnoseFiles:
    FINDINGS: ClassVar[dict[str, Any]] = {
        "onset": "sudden",
        "fever": "present",
        "patellar_reflex": ["reduced", "absent"],
        "pain_groin": "present",
    }

    @pytest.mark.parametrize("wrapped", [False, True], ids=["findings", "object with findings"])
    @pytest.mark.parametrize("suffix", ["json", "txt", "-"])
    def test_json(self, wrapped: bool, suffix: str, tmp_path: Path) -> None:
        """A JSON object of findings, alone or under the key findings, from a file or standard input."""
        text = json.dumps({"title": "a case", "findings": self.FINDINGS} if wrapped else self.FINDINGS)
        file = tmp_path / f"case.{suffix}"
        file.write_text(text, "utf-8")
        source, stdin = ("-", text) if suffix == "-" else (str(file), None)
        out = good("diagnose", MODEL, "--findings", source, "--format", "json", stdin=stdin)
        assert posteriors(out) == expected(self.FINDINGS)

    @pytest.mark.parametrize("mark", ["?", "UNKNOWN"])
    def test_unknown_in_json(self, mark: str) -> None:
        """``?`` and the UNKNOWN that ``--format json`` prints both mean asked, could not be told."""
        out = good("diagnose", MODEL, "--findings", "-", "--format", "json", stdin=json.dumps({"fever": mark}))
        assert json.loads(out)["findings"] == {"fever": "UNKNOWN"}

    def test_likelihoods_in_json(self) -> None:
        """An object of numbers is a likelihood over states."""
        findings = {"onset": {"sudden": 0.8, "gradual": 0.2}}
        out = good("diagnose", MODEL, "--findings", "-", "--format", "json", stdin=json.dumps(findings))
        assert posteriors(out) == expected(findings)

    def test_printed_findings_can_be_read_again(self) -> None:
        """The JSON of a diagnosis is itself a file of findings, with the same diagnosis."""
        first = good("diagnose", MODEL, "--findings", CASE, "-f", "diabetes=?", "--format", "json")
        again = json.loads(good("diagnose", MODEL, "--findings", "-", "--format", "json", stdin=first))
        assert again["findings"] == json.loads(first)["findings"]
        assert again["log_evidence"] == pytest.approx(json.loads(first)["log_evidence"])

    def test_csv_of_one_patient(self, tmp_path: Path) -> None:
        """Two columns, variable and state, are one patient; a byte order mark and CRLF do not matter."""
        file = tmp_path / "patient.csv"
        file.write_bytes(
            b"\xef\xbb\xbfvariable,state\r\nonset,sudden\r\nfever,present\r\n"
            b"patellar_reflex,reduced|absent\r\npain_groin,present\r\ndiabetes,\r\n"
        )
        out = good("diagnose", MODEL, "--findings", file, "--format", "json")
        assert posteriors(out) == expected(self.FINDINGS)

    TABLE = (
        "fever,onset,pain_location,patellar_reflex\n"
        'present,?,"pain_groin,pain_low_back",reduced|absent\n'
        "absent,sudden,,\n"
    )
    PATIENTS: Sequence[dict[str, Any]] = (
        {
            "fever": "present",
            "onset": dx.UNKNOWN,
            "pain_location": ["pain_groin", "pain_low_back"],
            "patellar_reflex": ["reduced", "absent"],
        },
        {"fever": "absent", "onset": "sudden"},
    )

    def test_csv_of_many_patients(self) -> None:
        """One patient a row: an empty cell is not observed, and each row gets its own differential."""
        out = json.loads(good("diagnose", MODEL, "--findings", "-", "--format", "json", stdin=self.TABLE))
        assert [document["patient"] for document in out] == [1, 2]
        for document, findings in zip(out, self.PATIENTS, strict=True):
            assert posteriors(json.dumps(document)) == expected(findings)
        table = pd.read_csv(
            io.StringIO(good("diagnose", MODEL, "--findings", "-", "--format", "csv", stdin=self.TABLE))
        )
        for patient, findings in enumerate(self.PATIENTS, start=1):
            rows = table[table["patient"] == patient]
            assert dict(zip(rows["cause"], rows["posterior"], strict=True)) == expected(findings)

    def test_a_table_of_many_patients_shows_flags(self) -> None:
        """The table has the first causes of each patient and the red flags."""
        text = good("diagnose", MODEL, "--findings", "-", stdin=self.TABLE)
        assert "emergency: Fever with back pain" in text
        assert [line.split()[0] for line in text.splitlines() if line.lstrip()[:1].isdigit()] == ["1", "2"]

    def test_a_table_of_many_patients_shows_emergencies_that_no_flag_raises(self) -> None:
        """A step of care that is an emergency is an alarm like a red flag: no cell of it is empty."""
        name, findings = (
            "hip_flexion_weakness@3.0.1",
            {"neurogenic_claudication": "present", "post_void_residual": "raised"},
        )
        case = dx.diagnose(dx.load_model(name), findings)
        assert not case.red_flags and [alert.urgency for alert in case.alerts] == ["emergency"]
        text = good("diagnose", name, "--findings", "-", stdin=f"{','.join(findings)}\n{','.join(findings.values())}\n")
        assert f"emergency: {case.alerts[0].label}" in text

    @pytest.mark.parametrize("command", [["diagnose", "--findings"], ["score"]])
    def test_causes_are_ignored_and_never_kept(self, command: list[str], tmp_path: Path) -> None:
        """There is no column of this name to copy."""
        (tmp_path / "t.csv").write_text("onset,fracture\nsudden,present\n")
        verb, *option = command
        out = [tmp_path / "out.csv"] if verb == "score" else []
        words = [verb, "hip_flexion_weakness", *option, tmp_path / "t.csv", *out]
        assert "--keep" in bad(*words, "--keep", "causes").splitlines()[-1]
        assert "fracture" not in run(*words, "--ignore", "causes").stderr

    def test_no_patients(self) -> None:
        """A table without rows gives a result without rows."""
        assert json.loads(good("diagnose", MODEL, "--findings", "-", "--format", "json", stdin="fever,onset\n")) == []
        assert good("diagnose", MODEL, "--findings", "-", "--format", "csv", stdin="fever,onset\n") == "patient\n"

    def test_options_replace_what_the_file_says(self) -> None:
        """``-f`` asks what if: it replaces or adds to the file."""
        stdin = json.dumps(self.FINDINGS)
        options = ["-f", "fever=absent", "-f", "diabetes=yes"]
        out = good("diagnose", MODEL, "--findings", "-", *options, "--format", "json", stdin=stdin)
        assert posteriors(out) == expected({**self.FINDINGS, "fever": "absent", "diabetes": "yes"})

    @pytest.mark.parametrize(
        ("stdin", "message"),
        [
            ('{"fever": }', "Error: standard input, row 1, column 11: not JSON: Expecting value.\n"),
            ('{"fever": "present", "fever": "absent"}', "Error: standard input: 'fever' stands twice in one object.\n"),
            ('{"fever": NaN}', "Error: standard input: NaN is not JSON; leave out what was not observed.\n"),
            (
                "[1]",
                "Error: standard input: expected an object of findings, or an object with the key 'findings'.\n",
            ),
            (
                "",
                "Error: standard input: empty; expected the columns variable and state, or one column per variable.\n",
            ),
            ("fever,fever\n", "Error: standard input, row 1: column 'fever' stands twice.\n"),
            ('fever,onset\npresent,"sud\n', "Error: standard input, row 2: not CSV: unexpected end of data.\n"),
            (
                "variable,state\nonset,sudden\nonset,gradual\n",
                "Error: standard input, row 3: onset is given twice; x|y leaves x and y possible.\n",
            ),
            ("variable,state\nonset\n", "Error: standard input, row 2: 1 cells; the header has 2.\n"),
            (
                "fever,fewer\npresent,x\n",
                "Error: standard input, row 1: column 'fewer' is not a variable of hip_flexion_weakness 1.0.0. "
                "Did you mean 'fever'? --keep fewer copies it, --ignore leaves it out.\n",
            ),
            (
                "fever,ü\n".encode() + b"\xff,\n",
                "Error: standard input, row 2: not UTF-8; save the file as UTF-8.\n",
            ),
            (b'{"fever": "\xff"}', "Error: standard input: byte 11 is not UTF-8; save the file as UTF-8.\n"),
        ],
        ids=str,
    )
    def test_a_wrong_file_is_one_message(self, stdin: str | bytes, message: str) -> None:
        """Where it is, what is there, what was expected."""
        assert bad("diagnose", MODEL, "--findings", "-", stdin=stdin) == message

    def test_deep_nesting_is_one_message(self) -> None:
        """A file made to exhaust the stack is refused."""
        message = bad("diagnose", MODEL, "--findings", "-", stdin='{"a":' * 100_000)
        assert message.startswith("Error: standard input: not JSON that can be read")

    def test_an_option_replaces_what_the_file_says_under_any_name(self, tmp_path: Path) -> None:
        """A label, a synonym or a member of a group is the same variable."""
        path = tmp_path / "patient.json"
        path.write_text('{"Fever": true, "pain_location": ["groin pain"]}', "utf-8")
        found = json.loads(good("diagnose", MODEL, "--findings", path, "-f", "fever=absent", "-f", "Low back pain=yes",
                              "--format", "json"))["findings"]  # fmt: skip
        assert found == {
            "fever": "absent", "pain_groin": "present", "pain_low_back": "present", "pain_anterior_thigh": "absent"
        }  # fmt: skip

    def test_what_is_no_ordinary_file_is_not_waited_for(self, tmp_path: Path) -> None:
        """A pipe that nobody writes to, a device, and more than the limit, also on standard input: one sentence."""
        pipe, large = tmp_path / "pipe", tmp_path / "large.csv"
        os.mkfifo(pipe)
        for path in (pipe, "/dev/zero"):
            said = f"Error: {path}: not an ordinary file; pipe it to '--findings -' instead.\n"
            assert bad("diagnose", MODEL, "--findings", path) == said
        with large.open("wb") as file:
            file.truncate(16 * 2**20 + 1)
        said = "larger than 16 MiB; 'bayesdx score' takes tables of any size.\n"
        assert bad("diagnose", MODEL, "--findings", large) == f"Error: {large}: {said}"

    @pytest.mark.parametrize(
        "text",
        [
            '{"age_group": ' + "9" * 400 + "}",
            '{"age_group": ' + "9" * 5000 + "}",
            '{"fever": ' + "[" * 978 + "]" * 978 + "}",
            "[" * 100_000,
            '{"fever": {"present": 1' + "0" * 400 + ', "absent": 0}}',
        ],
        ids=["400 digits", "5,000 digits", "nested 978 deep", "nested without end", "a likelihood of 400 digits"],
    )
    def test_json_that_no_findings_are(self, tmp_path: Path, text: str) -> None:
        """Numbers and nesting of any size are one sentence that names the file."""
        path = tmp_path / "patient.json"
        path.write_text(text, "utf-8")
        said = bad("diagnose", MODEL, "--findings", path)
        assert said.startswith(f"Error: {path}: ")
        assert said.count("\n") == 1
        assert len(said) < 600

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        """A missing file and a folder are messages."""
        missing = tmp_path / "none.json"
        assert bad("diagnose", MODEL, "--findings", missing) == (
            f"Error: {missing}: cannot be read: No such file or directory.\n"
        )
        assert bad("diagnose", MODEL, "--findings", tmp_path) == (
            f"Error: {tmp_path}: not an ordinary file; pipe it to '--findings -' instead.\n"
        )


class TestDiagnoseTable:
    def test_the_table_says_what_the_diagnosis_says(self) -> None:
        """Flag, differential, sets of causes, steps of care and the notice all stand in the text."""
        text = good("diagnose", MODEL, "--findings", CASE, "--population", "emergency_department")
        findings = json.loads(CASE.read_text("utf-8"))["findings"]
        case = dx.diagnose(dx.load_model(MODEL, population="emergency_department"), findings)
        flat = " ".join(text.split())
        assert case.red_flags
        assert all(f"{alert.urgency.upper()}: {alert.actions[0]}" in flat for alert in case.alerts)
        assert all(label in flat for label in case.table["label"])
        assert case.to_dict()["notice"] in flat
        headings = ("Findings as understood", "EMERGENCY", "Triage", "cause prior now 95 % interval LR",
                    "What to do now", "What to find out next", "Most probable sets", "Decision support")  # fmt: skip
        places = [flat.index(words) for words in headings]
        assert places == sorted(places)

    def test_plain_when_not_a_terminal(self) -> None:
        """No colour codes, no trailing spaces, at most 100 columns; COLUMNS changes the width."""
        text = good("diagnose", MODEL, "--findings", CASE)
        assert ESCAPE not in text
        assert all(line == line.rstrip() and len(line) <= 100 for line in text.splitlines())

    def test_the_width_follows_columns(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A narrow page wraps; nothing is cut off."""
        monkeypatch.setenv("COLUMNS", "60")
        text = good("diagnose", MODEL, "--findings", CASE)
        assert max(len(line) for line in text.splitlines()) <= 60
        assert "…" not in text


class TestProcess:
    """The command in a process of its own: ``python -m bayesdx``."""

    def bayesdx(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bayesdx", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, encoding="utf-8", **options)

    def test_a_diagnosis_from_a_pipe(self) -> None:
        """Findings in through a pipe, JSON out through a pipe, nothing on standard error."""
        text = CASE.read_text("utf-8")
        run = self.bayesdx("diagnose", MODEL, "--findings", "-", "--format", "json", input=text)
        assert (run.returncode, run.stderr) == (0, "")
        assert posteriors(run.stdout) == expected(json.loads(text)["findings"])

    def test_an_error_has_no_traceback(self) -> None:
        """Exit code 2, a message on standard error, nothing on standard output."""
        run = self.bayesdx("diagnose", "hip")
        assert (run.returncode, run.stdout) == (2, "")
        shipped = ", ".join(sorted(set(dx.list_models()["name"])))
        assert run.stderr == f"Error: 'hip' is neither a shipped model nor a folder. Shipped models: {shipped}.\n"

    def test_a_terminal_that_knows_no_blocks(self) -> None:
        """An output that cannot show a sign gets a question mark for it, not an error."""
        run = self.bayesdx("diagnose", MODEL, env={**os.environ, "PYTHONIOENCODING": "ascii"})
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout.isascii()

    @pytest.mark.skipif(shutil.which("script") is None, reason="needs script of util-linux, which makes a terminal")
    @pytest.mark.parametrize("colour", [True, False], ids=["colour", "NO_COLOR"])
    def test_colour_on_a_terminal_only_where_wanted(self, colour: bool) -> None:
        """A terminal gets colour for an emergency; with NO_COLOR it gets none."""
        command = f"{sys.executable} -m bayesdx diagnose {MODEL} -f saddle_anaesthesia=present"
        env = {**os.environ, "TERM": "xterm-256color"} | ({} if colour else {"NO_COLOR": "1"})
        run = subprocess.run(
            ["script", "--quiet", "--return", "--command", command, os.devnull],
            capture_output=True, text=True, cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert run.returncode == 0
        assert ("\x1b[1;31mEMERGENCY" in run.stdout) is colour
        assert "EMERGENCY" in run.stdout
