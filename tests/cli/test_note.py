"""``bayesdx read``: proposals as text and JSON, and a file of findings only of what was confirmed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli import app

MODEL = "hip_flexion_weakness@2.3.0"
NOTE = "73M. No fever. ?numb thigh.\nKnee jerk absent.\n"


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text(NOTE, encoding="utf-8")
    return path


def run(*arguments: str, stdin: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["read", MODEL, *arguments], input=stdin)
    return result.exit_code, result.stdout, " ".join(result.stderr.split())


def test_text_marks_the_note_and_says_why(note: Path) -> None:
    """The note with its words between brackets, the proposals, what was left out; nothing is confirmed."""
    code, text, errors = run(str(note))
    assert (code, errors) == (0, "")
    assert "[73M]. No [fever]. ?[numb thigh].\n[Knee jerk absent]." in text
    assert "No fever (afebrile)" in text and 'uncertain: "?"' in text
    assert "Confirmed:" not in text


def test_json_is_the_reading_and_stdin_is_read() -> None:
    """JSON holds what the library returns, and what was confirmed."""
    code, text, errors = run("-", "--format", "json", "--confirm", "knee jerk=reduced", stdin=NOTE)
    assert (code, errors) == (0, "")
    document = json.loads(text)
    assert document.pop("confirmed") == {"patellar_reflex": "reduced"}
    assert document == dx.read_note(dx.load_model(MODEL), NOTE).to_dict()


def test_confirmed_findings_are_kept_and_diagnosed(note: Path, tmp_path: Path) -> None:
    """``--keep`` writes what ``--confirm`` names, and ``diagnose --findings`` reads it."""
    kept = tmp_path / "findings.json"
    code, text, errors = run(str(note), "--confirm", "fever", "--confirm", "patellar_reflex", "--keep", str(kept))
    following = f"bayesdx diagnose {MODEL} --findings {kept}"
    assert (code, errors) == (0, f"2 findings written to {kept}. Next: {following}")
    assert "Confirmed: fever = absent" in text
    assert json.loads(kept.read_text("utf-8")) == {"findings": {"fever": "absent", "patellar_reflex": "absent"}}
    diagnosed = CliRunner().invoke(app, ["diagnose", MODEL, "--findings", str(kept), "--format", "json"])
    assert diagnosed.exit_code == 0
    case = dx.diagnose(dx.load_model(MODEL), {"fever": "absent", "patellar_reflex": "absent"})
    first = json.loads(diagnosed.stdout)["differential"][0]
    assert first["posterior"] == pytest.approx(case.posterior.iloc[0])


def test_the_next_step_is_said_and_works(note: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed under the proposals can be typed as it stands: they are confirmed, kept, and diagnosed."""
    _, text, _ = run(str(note))
    lines = [line.split() for line in text.splitlines() if line.startswith("  bayesdx ")]
    assert [line[1] for line in lines] == ["read", "diagnose"]
    monkeypatch.chdir(tmp_path)
    for line in lines:
        result = CliRunner().invoke(app, line[1:])
        assert result.exit_code == 0
    assert "Knee jerk absent" in result.stdout
    _, text, _ = run(str(note), "--confirm", "fever")
    assert f"read {MODEL} {note} --confirm fever --keep findings.json" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--keep", "x.json"],
            "--keep: confirm what to keep: --confirm VARIABLE for each proposal that holds, or all.",
        ),
        (["--confirm", "onset"], "onset is not among the proposals: age_group, fever, patellar_reflex."),
        (["--confirm", "fewer"], "'fewer' is not a variable of hip_flexion_weakness 2.3.0. Did you mean 'fever'?"),
        (["--format", "xml"], "--format xml: expected text or json."),
    ],
)
def test_mistakes_end_where_they_were_made(note: Path, arguments: list[str], message: str) -> None:
    """Nothing is printed or written; the message says what instead."""
    assert run(str(note), *arguments) == (2, "", f"Error: {message}")


def test_a_file_that_exists_is_not_overwritten(note: Path) -> None:
    """The findings of another patient stay what they are."""
    code, _, errors = run(str(note), "--confirm", "all", "--keep", str(note))
    assert (code, errors) == (2, f"Error: --keep {note}: the file exists; name a new one.")
    assert note.read_text("utf-8") == NOTE


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    """A file that is not there, and one that is not UTF-8."""
    path = tmp_path / "note.txt"
    assert run(str(path)) == (2, "", f"Error: {path}: cannot be read: No such file or directory.")
    path.write_bytes(b"fever \xff")
    assert run(str(path)) == (2, "", f"Error: {path}: byte 6 is not UTF-8; save the file as UTF-8.")


def test_a_text_in_the_place_of_a_file_is_answered_with_what_to_type() -> None:
    """Nobody has to know that a note is a file."""
    code, _, errors = run("45 y man, no fever")
    said = (
        f"'45 y man, no fever' is no file; a text itself is piped: echo '45 y man, no fever' | bayesdx read {MODEL} -"
    )
    assert (code, errors) == (2, f"Error: {said}")
