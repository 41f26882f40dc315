"""``python -m benchmarks``: every row of the table, in interleaved rounds, printed and written as JSON and Markdown.

``python -m benchmarks calibration`` times EM, ``clusters`` is ``make spark``, ``coverage`` simulates intervals,
``datasets`` compares classifiers, ``files`` reads networks in every format, ``reasoning`` times the questions about one
case, ``alarms`` counts false alarms and emergencies noticed, ``commits`` times another checkout beside this one,
``interview`` counts questions, ``notes`` reads clinicians' notes, ``synthesis`` learns from simulated studies,
``ablation`` times the engine without one of its ways, ``versions`` compares versions of the flagship on published
cases.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from importlib import import_module
from pathlib import Path

from benchmarks.cases import questions
from benchmarks.report import RESULTS, Row, as_json, as_markdown, row_of
from benchmarks.timing import interleaved

OTHERS = (
    "ablation", "alarms", "calibration", "clusters", "commits", "coverage", "datasets", "files", "interview", "notes",
    "reasoning", "synthesis", "versions",
)  # fmt: skip

ROOT = Path(__file__).resolve().parent.parent


def networks_folder(given: str | None) -> Path | None:
    """The folder of public networks: the option, BAYESDX_NETWORKS, or ../shared/networks; None where absent."""
    folder = Path(given or os.environ.get("BAYESDX_NETWORKS") or ROOT.parent / "shared" / "networks")
    if folder.is_dir():
        return folder
    print(f"benchmarks: no folder {folder}; the public networks are left out. Give --networks or BAYESDX_NETWORKS.")
    return None


def main(arguments: list[str] | None = None) -> int:
    """Run, print, write; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in OTHERS:
        return int(import_module(f"benchmarks.{arguments[0]}").main(arguments[1:]))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--networks", help="folder of *.bif.gz (default: BAYESDX_NETWORKS, then ../shared/networks)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds per row (default 5)")
    parser.add_argument(
        "--only", help="rows chosen by a word: flagship, cohort, one, tests, gate, qmr, alarm, warm, first ..."
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore", category=FutureWarning, module="pgmpy")
    rows: list[Row] = []
    for word, build in questions(networks_folder(options.networks)):
        if options.only and options.only not in word:
            continue
        question = build()
        rows.append(row_of(question, interleaved(question.contenders, question.rounds or options.rounds)))
        print(rows[-1].line(), flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "engine.json").write_text(as_json(rows), encoding="utf-8")
    (options.output / "engine.md").write_text(as_markdown(rows), encoding="utf-8")
    print(f"written: {options.output / 'engine.json'} and engine.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
