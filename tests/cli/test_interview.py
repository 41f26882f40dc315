"""``bayesdx interview``: answers, commands, ends, and that nothing is lost."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app

CLINIC = "chest_clinic@1.0.0"
FLAGSHIP = "hip_flexion_weakness@2.3.0"


def talk(*arguments: str, said: str, code: int = 0) -> str:
    """What an interview prints to whoever says these lines."""
    result = CliRunner().invoke(app, ["interview", *arguments], input=said)
    assert (result.exit_code, result.stderr) == (code, ""), result.output
    return result.stdout


def kept(text: str) -> dict[str, object]:
    """The findings that stand at the end of what is printed."""
    found: dict[str, object] = json.loads(text.partition("Findings, as --findings reads them:\n")[2])["findings"]
    return found


def test_an_interview_ends_with_the_differential_of_its_answers() -> None:
    """Numbers, words and yes are answers; what was understood is said; the end is what ``diagnose`` prints."""
    text = talk(CLINIC, said="2\nyes\npositive\n")
    assert kept(text) == {"dyspnoea": "present", "smoking": "yes", "xray": "positive"}
    shown = """--- History ---|Dyspnoea? Shortness of breath.|Noted: Dyspnoea: present.|First now: Bronchitis
        |--- Tests ---|Chest X-ray: what is the result?|It costs about 40 EUR; its result takes 1 h.
        |Nothing more has to be asked"""
    for said in shown.split("|"):
        assert said.strip() in text
    options = [f"--finding={name}={state}" for name, state in kept(text).items()]
    diagnosed = CliRunner().invoke(app, ["diagnose", CLINIC, *options]).stdout
    assert diagnosed in text


def test_commands_may_be_typed_at_any_time() -> None:
    """? is not known, why shows what an answer leads to, back takes back, help explains; a mistake is said and asked
    again."""
    text = talk(CLINIC, said="what\nwhy\nhelp\n\n2\nback\nback\nDon’t know\nenough\n")
    assert "dyspnoea = 'what' is not a state of dyspnoea; its states are absent, present." in text
    assert re.search(r"if the answer is +chance +then first +with", text)
    assert "x|y leaves x and y possible." in " ".join(text.split())
    assert "Taken back: Dyspnoea." in text
    assert "This is where the interview began." in text
    assert "Noted as not known: Dyspnoea." in text
    assert kept(text) == {"dyspnoea": "UNKNOWN"}


def test_a_part_that_is_come_back_to_says_so() -> None:
    """History after examination is headed as such; what is not known is counted apart at the end."""
    text = talk(FLAGSHIP, "--population", "emergency_department",
                said="sudden\n?\n?\n?\nb\n?\nenough\n")  # fmt: skip
    headings = re.findall(r"--- (.*) ---", text)
    assert headings == ["History", "Examination", "History, again"]
    assert "emergency_department: 2 findings, 4 not known" in text
    assert "Noted: Ankle dorsiflexion weak." in text
    options = [f"--finding={name}={'?' if value == 'UNKNOWN' else value}" for name, value in kept(text).items()]
    command = ["diagnose", FLAGSHIP, "--population=emergency_department", "--brief", *options]
    brief = " ".join(CliRunner().invoke(app, command).stdout.split())
    assert "Findings Sudden onset; Ankle dorsiflexion weak. Not known Groin pain; " in brief


def test_an_alert_names_its_first_reasons_alone() -> None:
    """The others are counted."""
    said = ["pain_low_back", "saddle_anaesthesia", "bladder_bowel_dysfunction", "bilateral_leg_weakness",
            "severe_pain", "leg_numbness", "ankle_dorsiflexion_weakness"]  # fmt: skip
    case = dx.diagnose(dx.load_model(FLAGSHIP, population="emergency_department"), dict.fromkeys(said, "present"))
    alert = case.alerts[0]
    assert len(alert.findings) > 5
    text = " ".join(str(case).split())
    assert f"; and {len(alert.findings) - 5} more." in text


def test_back_undoes_the_setting_too() -> None:
    """After back the setting is asked again, and another one can be chosen."""
    text = talk(FLAGSHIP, said="1\nback\nEmergency department\nquit\n")
    assert text.count("Where is the patient seen?") == 2
    assert "Taken back: the setting." in text
    assert json.loads(text.partition("reads them:\n")[2])["model"]["population"] == "emergency_department"


def test_an_alarm_is_told_at_once_and_only_once() -> None:
    """With what to do, when the answer raises it; later answers do not repeat it."""
    text = talk(FLAGSHIP, "--population", "emergency_department", "-f", "pain_low_back=present",
                said="yes\n" + "?\n" * 4 + "quit\n")  # fmt: skip
    alarms = re.findall(r"EMERGENCY: .*? \(now", text.replace("\n   ", ""))
    assert alarms
    assert len(alarms) == len(set(alarms))
    assert text.count("Act on it now; it need not wait for the end of the interview.") == 1


@pytest.mark.parametrize("end", ["enough\n", "quit\n", ""])
def test_nothing_is_lost_however_it_ends(end: str, tmp_path: Path) -> None:
    """With --keep the file holds all answers, without it they are printed; quit alone shows no differential."""
    file = tmp_path / "patient.json"
    text = talk(CLINIC, "--keep", str(file), said=f"present\n{end}")
    assert json.loads(file.read_text())["findings"] == {"dyspnoea": "present"}
    assert f"bayesdx diagnose {CLINIC} --population clinic --findings {file}" in text
    assert ("Most probable sets of causes" in text) == (end != "quit\n")
    assert kept(talk(CLINIC, said=f"present\n{end}")) == {"dyspnoea": "present"}
    assert [path.name for path in tmp_path.iterdir()] == ["patient.json"]


def test_a_kept_interview_goes_on_where_it_was(tmp_path: Path) -> None:
    """The file is read with --findings and kept with --keep; what was answered or unknown is not asked again."""
    file = tmp_path / "patient.json"
    talk(CLINIC, "--keep", str(file), said="?\nyes\n")
    text = talk(CLINIC, "--findings", str(file), "--keep", str(file), said="negative\n")
    assert "Dyspnoea?" not in text and "Smoking?" not in text
    assert json.loads(file.read_text())["findings"] == {"dyspnoea": "UNKNOWN", "smoking": "yes", "xray": "negative"}
    told = CliRunner().invoke(app, ["diagnose", CLINIC, "--findings", str(file), "--format", "json"])
    assert json.loads(told.stdout)["findings"]["xray"] == "negative"


def test_a_file_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    """--keep names a new file, or that of --findings; one that cannot be written is refused before any question."""
    file = tmp_path / "old.json"
    file.write_text("{}")
    for path, message in (
        (file, "it exists"),
        (tmp_path, "it exists"),
        (tmp_path / "no" / "x.json", "cannot be written"),
    ):
        result = CliRunner().invoke(app, ["interview", CLINIC, "--keep", str(path)], input="2\n")
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr
    assert file.read_text() == "{}"


def test_a_disk_that_fails_on_the_way_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says so, and the findings are printed instead."""
    file = tmp_path / "patient.json"
    written = []

    def full(path: Path, *arguments: object, **options: object) -> int:
        written.append(path)
        if len(written) > 2:
            raise OSError(28, "No space left on device")
        return path.write_bytes(str(arguments[0]).encode())

    monkeypatch.setattr(Path, "write_text", full)
    result = CliRunner().invoke(app, ["interview", CLINIC, "--keep", str(file)], input="2\nyes\n")
    assert result.exit_code == 2
    assert result.stderr == f"Error: --keep {file}: cannot be written: No space left on device.\n"
    assert kept(result.stdout) == {"dyspnoea": "present", "smoking": "yes"}
    assert json.loads(file.read_text())["findings"] == {"dyspnoea": "present"}


@pytest.mark.parametrize("columns", [40, 80])
def test_no_line_is_wider_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 and at 40 columns, with every kind of question; the last lines, which are to be copied, aside."""
    monkeypatch.setenv("COLUMNS", str(columns))
    text = talk(FLAGSHIP, "-f", "saddle_anaesthesia=present", said="2\nwhy\n" + "?\n" * 12 + "why\nhelp\nenough\n")
    shown = text.partition("Findings, as --findings")[0]
    assert "--- Examination ---" in shown
    assert max(map(len, shown.splitlines())) <= columns


def test_bytes_that_are_no_text_are_a_wrong_answer(tmp_path: Path) -> None:
    """Whatever comes from a pipe is answered in words, and the answers before it are kept."""
    file = tmp_path / "patient.json"
    command = [sys.executable, "-m", "bayesdx", "interview", CLINIC, "--keep", str(file)]
    said = b"present\n\xff\xfe\x00\x1b[31m\n" + b"9" * 100_000 + b"\nenough\n"
    run = subprocess.run(command, input=said, capture_output=True)
    assert (run.returncode, run.stderr) == (0, b"")
    assert b"\x1b" not in run.stdout
    assert json.loads(file.read_text())["findings"] == {"dyspnoea": "present"}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of a terminal")
def test_ctrl_c_keeps_the_answers(tmp_path: Path) -> None:
    """An interrupt ends with exit code 130, after the findings were kept and said to be."""
    file = tmp_path / "patient.json"
    command = [sys.executable, "-m", "bayesdx", "interview", CLINIC, "--keep", str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdin and run.stdout
        run.stdin.write("present\n")
        run.stdin.flush()
        while "First now" not in run.stdout.readline():
            pass
        run.send_signal(signal.SIGINT)
        rest = run.stdout.read()
        assert run.wait() == 130
    assert "Findings are kept; to see them again:" in rest
    assert "Traceback" not in rest
    assert json.loads(file.read_text())["findings"] == {"dyspnoea": "present"}


def test_an_answer_called_like_a_command_is_an_answer(tmp_path: Path) -> None:
    """Where a state is called back, back is the answer and /back the command."""
    table = pd.DataFrame({"disease": ["a", "b"] * 30, "where": ["back", "neck"] * 28 + ["neck", "back"] * 2})
    model = dx.fit_model(table, "disease", structure="naive", temperature=1).model
    folder = str(dx.save_model(model, tmp_path / "where"))
    assert kept(talk(folder, said="back\n")) == {"where": "back"}
    text = talk(folder, said="/back\n/quit\n")
    assert "This is where the interview began." in text
    assert kept(text) == {}
