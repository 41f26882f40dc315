"""``python -m benchmarks notes``: how well ``read_note`` finds what notes state.

The notes are in tests/data/notes_seen.json and notes_heldout.json; each file says how it came about. A proposal is
right where variable and states are those of the annotation. One that the note implies without saying it ("optional")
counts neither way. Recall is the share of annotated findings that are proposed, precision the share of proposals that
are right.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bayesdx as dx
from benchmarks.report import RESULTS

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"

FILES = {"seen": "notes_seen.json", "held out": "notes_heldout.json"}
"""Half of the notes -> file."""

FIRST_RUN = (
    "The held-out half was read for the first time when the rules were done: recall 0.914 of 476, precision 0.980 of"
    " 444 (commit 57ebe40). Rules were then changed because of other notes, without a look at its mistakes: 0.918 and"
    " 0.982 (commit 0953110). After its mistakes had been looked at, three errors of the code were mended (a result of"
    " one scale shared with a member of a list that has another one, the head of a bone taken for a head, a reflex"
    " taken for its muscle); the table has the figures since then, which are no longer blind."
)
"""The figures that nothing was tuned to."""

MODEL = "hip_flexion_weakness@2.3.0"


@dataclass(frozen=True)
class Wrong:
    """A finding that was missed, or proposed and not stated.

    Parameters
    ----------
    case, kind, variable : str
        ``kind`` is "missed" or "not stated".
    expected, proposed : str
    reason : str
        What the reading says of it.
    """

    case: str
    kind: str
    variable: str
    expected: str
    proposed: str
    reason: str


@dataclass(frozen=True)
class Score:
    """Counts of one half."""

    notes: int
    stated: int
    found: int
    proposed: int
    right: int
    wrong: tuple[Wrong, ...]

    @property
    def recall(self) -> float:
        """Share of stated findings that are proposed."""
        return self.found / self.stated

    @property
    def precision(self) -> float:
        """Share of proposals that are right."""
        return self.right / self.proposed


def as_states(value: Any) -> tuple[str, ...]:
    """An annotation as the states that it leaves possible."""
    return (value,) if isinstance(value, str) else tuple(value)


def judge(model: dx.Model, note: dict[str, Any]) -> Iterator[tuple[str, Wrong | None]]:
    """("found" | "right" | "missed" | "wrong" | "optional", the mistake) for every finding of a note."""
    reading = dx.read_note(model, note["text"])
    proposals = {p.variable: p for p in reading.proposals}
    for name, value in note["findings"].items():
        proposal = proposals.get(name)
        expected = as_states(value)
        if proposal is not None and set(proposal.states) == set(expected):
            yield "found", None
            continue
        reason = _reason(reading, name, proposal)
        shown = "|".join(proposal.states) if proposal else ""
        yield "missed", Wrong(note["case"], "missed", name, "|".join(expected), shown, reason)
    for name, proposal in proposals.items():
        expected = as_states(note["findings"].get(name, ()))
        optional = note.get("optional", {}).get(name, ())
        if set(proposal.states) == set(expected):
            yield "right", None
        elif not expected and set(proposal.states) <= set(optional):
            yield "optional", None
        else:
            shown = "|".join(proposal.states)
            reason = _reason(reading, name, proposal)
            yield "wrong", Wrong(note["case"], "not stated", name, "|".join(expected), shown, reason)


def _reason(reading: dx.types.NoteReading, name: str, proposal: Any) -> str:
    if proposal is not None:
        return "; ".join(f"{span.words!r}: {span.rule}" for span in proposal.spans)[:160]
    for conflict in reading.conflicts:
        if conflict.variable == name:
            return "contradiction: " + "; ".join(f"{span.words!r} {'|'.join(s)}" for s, span in conflict.readings)[:140]
    for out in reading.left_out:
        if name in out.variables:
            return f"left out: {out.span.words!r}: {out.span.rule}"
    return "no words of the model recognised"


def score(model: dx.Model, notes: list[dict[str, Any]]) -> Score:
    """The counts over notes."""
    verdicts = [verdict for note in notes for verdict in judge(model, note)]
    kinds = [kind for kind, _ in verdicts]
    wrong = tuple(mistake for _, mistake in verdicts if mistake is not None)
    found, right = kinds.count("found"), kinds.count("right")
    return Score(len(notes), found + kinds.count("missed"), found, right + kinds.count("wrong"), right, wrong)


def read_half(half: str) -> dict[str, Any]:
    """The notes of one half, with the account of how they came about."""
    document: dict[str, Any] = json.loads((DATA / FILES[half]).read_text("utf-8"))
    return document


def as_markdown(scores: dict[str, Score], about: str, speed: float) -> str:
    """The page."""
    lines = [
        "# Notes",
        "",
        f"What `read_note` finds of what notes state, on `{MODEL}`, and where it is wrong. Made by",
        "`python -m benchmarks notes`.",
        "",
        "| half | notes | findings stated | recall | precision | proposals |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {half} | {s.notes} | {s.stated} | {s.recall:.3f} | {s.precision:.3f} | {s.proposed} |"
        for half, s in scores.items()
    ]
    lines += ["", FIRST_RUN, "", f"Notes are read at {speed:.0f} kB per second on one core."]
    lines += ["", "## How the notes came about", "", about]
    for half, s in scores.items():
        lines += ["", f"## Wrong on the half {half}", "", "| case | | variable | expected | proposed | why |"]
        lines += ["| --- | --- | --- | --- | --- | --- |"]
        for w in s.wrong:
            cells = (w.case, w.kind, w.variable, w.expected, w.proposed, w.reason)
            lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("<", "\\<") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Read, print, write; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks notes", description=__doc__)
    parser.add_argument("--half", choices=[*FILES], help="this half alone, printed and not written")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args(arguments)
    model = dx.load_model(MODEL)
    halves = [options.half] if options.half else list(FILES)
    documents = {half: read_half(half) for half in halves}
    dx.read_note(model, "")
    start = time.process_time()
    scores = {half: score(model, document["notes"]) for half, document in documents.items()}
    seconds = time.process_time() - start
    size = sum(len(note["text"]) for document in documents.values() for note in document["notes"])
    for half, s in scores.items():
        print(f"{half}: {s.notes} notes, recall {s.recall:.3f} of {s.stated}, ", end="")
        print(f"precision {s.precision:.3f} of {s.proposed}")
        for w in s.wrong:
            print(f"  {w.kind}: {w.case}: {w.variable} expected {w.expected!r}, proposed {w.proposed!r} ({w.reason})")
    if options.half:
        return 0
    options.output.mkdir(parents=True, exist_ok=True)
    about = documents["seen"]["about"]
    page = as_markdown(scores, about, size / seconds / 1000)
    (options.output / "notes.md").write_text(page, encoding="utf-8")
    rows = {
        half: {
            "notes": s.notes, "stated": s.stated, "found": s.found, "proposed": s.proposed, "right": s.right,
            "recall": s.recall, "precision": s.precision, "wrong": [w.__dict__ for w in s.wrong],
        }
        for half, s in scores.items()
    }  # fmt: skip
    (options.output / "notes.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written: {options.output / 'notes.md'} and notes.json")
    return 0
