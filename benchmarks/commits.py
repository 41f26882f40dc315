"""``python -m benchmarks commits FOLDER``: this checkout beside another one, every row of the table, in turns.

Each checkout runs in a process of its own and answers its own form of a question; the peers are left out. A ratio above
1 says that this checkout is faster.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import RESULTS, measured_on

ROOT = Path(__file__).resolve().parent.parent
KERNELS = ("numpy", "numba")
LEAST = {"numpy": 0.6, "numba": 0.8}
"""The ratio of time that no row may fall below."""

BOTH_HAVE = "2.2.1"
"""The version of the flagship that both checkouts ship."""


class Worker:
    """A checkout in a process of its own, which is told the name of a question and a kernel, and says its seconds."""

    def __init__(self, checkout: Path, networks: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-P", str(Path(__file__).resolve()), "--worker", str(networks)]
        self.process = subprocess.Popen(
            command, cwd=checkout, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.names: list[str] = self._read()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("benchmarks: a checkout stopped; its error stands above.")
        return json.loads(line)

    def seconds(self, name: str, kernel: str) -> float:
        """Processor seconds per case."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([name, kernel]) + "\n")
        self.process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def work(networks: Path) -> None:
    """The worker: list the questions, then answer those that are asked for, one at a time."""
    import bayesdx as dx
    from benchmarks import cases, peers

    load = dx.load_model
    dx.load_model = lambda name: load(f"{name}@{BOTH_HAVE}" if name == cases.MODEL else name)  # type: ignore[assignment]
    peers.PyAgrum.__init__ = lambda *_: None  # type: ignore[method-assign, assignment]
    peers.Pgmpy.__init__ = lambda *_: None  # type: ignore[method-assign, assignment]
    asked: dict[str, Any] = {}
    for word, build in cases.questions(networks):
        place = sum(other.startswith(word) for other in asked)
        asked[f"{word} #{place + 1}"] = build
    out, sys.stdout = sys.stdout, sys.stderr
    print(json.dumps(list(asked)), file=out, flush=True)
    last = ("", None)
    for line in sys.stdin:
        name, kernel = json.loads(line)
        if last[0] != name:
            question = asked[name]()
            last = (name, question)
            for each in KERNELS:
                question.contenders[each].prepare()
                question.contenders[each].ask()
        contender = last[1].contenders[kernel]  # type: ignore[attr-defined]
        contender.prepare()
        start, runs = time.process_time(), 0
        while not runs or (time.process_time() - start < 0.2 and runs < 20):
            contender.ask()
            runs += 1
        print(json.dumps((time.process_time() - start) / runs / contender.n_cases), file=out, flush=True)


def compared(mine: Worker, other: Worker, names: Sequence[str], rounds: int) -> list[dict[str, Any]]:
    """A row per question and kernel: median seconds of each, and the median over rounds of their ratio."""
    rows = []
    for name in names:
        for kernel in KERNELS:
            pairs = []
            for number in range(rounds):
                order = (mine, other) if number % 2 else (other, mine)
                took = {worker: worker.seconds(name, kernel) for worker in order}
                pairs.append((took[mine], took[other]))
            ratio = statistics.median(theirs / own for own, theirs in pairs)
            rows.append(
                {
                    "question": name,
                    "kernel": kernel,
                    "now_us": 1e6 * statistics.median(own for own, _ in pairs),
                    "before_us": 1e6 * statistics.median(theirs for _, theirs in pairs),
                    "ratio": ratio,
                    "met": ratio >= LEAST[kernel],
                }
            )
            print(line_of(rows[-1]), flush=True)
    return rows


def line_of(row: dict[str, Any]) -> str:
    """A row of the table."""
    missed = "" if row["met"] else " (missed)"
    return (
        f"| {row['question']} | {row['kernel']} | {row['before_us']:.3g} | {row['now_us']:.3g} "
        f"| {row['ratio']:.2f}{missed} |"
    )


def main(arguments: list[str]) -> int:
    """Run, print, write; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks commits", description=__doc__)
    parser.add_argument("folder", type=Path, help="the other checkout")
    parser.add_argument("--networks", type=Path, default=ROOT.parent / "shared" / "networks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="rows chosen by a word")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args(arguments)
    mine, other = (Worker(path.resolve(), options.networks.resolve()) for path in (ROOT, options.folder))
    names = [name for name in other.names if name in mine.names and options.only in name]
    head = ["| question | kernel | before, us | now, us | times faster |", "| --- | --- | ---: | ---: | ---: |"]
    print("\n".join(head), flush=True)
    rows = compared(mine, other, names, options.rounds)
    mine.close()
    other.close()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=options.folder, capture_output=True, text=True, check=True
    ).stdout.strip()
    mean = math.exp(statistics.fmean(math.log(row["ratio"]) for row in rows))
    text = (
        f"# Beside commit {commit}\n\n`python -m benchmarks commits`: the same questions in both checkouts, in turns; "
        f"processor time a case, median of {options.rounds} rounds.\n\n"
        + "\n".join([*head, *map(line_of, rows)])
        + f"\n\nGeometric mean: {mean:.2f}. Wanted: no row below {LEAST['numpy']} with numpy or {LEAST['numba']} with "
        f"numba, the mean at least 1. {measured_on()}\n"
    )
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "commits.md").write_text(text, encoding="utf-8")
    (options.output / "commits.json").write_text(
        json.dumps({"commit": commit, "mean": mean, "rows": rows}, indent=2) + "\n", encoding="utf-8"
    )
    print(f"geometric mean {mean:.2f}; written: {options.output / 'commits.md'}")
    return 0


if __name__ == "__main__":
    work(Path(sys.argv[2]))
