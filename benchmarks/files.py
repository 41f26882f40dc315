"""``python -m benchmarks files``: reading networks in every format, beside pyAgrum, in interleaved rounds.

Public networks are written in each format first, so that one network stands in all of them; the files of other tools
are read as they are. pyAgrum reads no UAI of ours (it expects another order) and expands every gate.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import bayesdx as dx
from benchmarks.report import RESULTS
from benchmarks.timing import Answers, Contender, interleaved

NETWORKS = ("alarm", "hepar2", "win95pts", "andes", "pathfinder", "munin1", "link", "munin")
FORMATS = (".bif", ".bifxml", ".net", ".xdsl")
FOREIGN = ("alarm.net", "alarm.bifxml", "benefits.xdsl")


def _ours(path: Path) -> Answers:
    dx.read_network(path)
    return []


def _theirs(path: Path) -> Answers:
    import pyagrum

    pyagrum.loadBN(str(path))
    return []


def _row(path: Path, nodes: int, rounds: int) -> dict[str, Any]:
    contenders = {
        "bayesdx": Contender(lambda: _ours(path), 1),
        "pyAgrum": Contender(lambda: _theirs(path), 1, foreign=True),
    }
    timing = interleaved(contenders, rounds, time.process_time)
    mine, theirs = timing.median("bayesdx") * 1e3, timing.median("pyAgrum") * 1e3
    row = {
        "file": path.name, "nodes": nodes, "kilobytes": round(path.stat().st_size / 1024),
        "bayesdx_ms": round(mine, 2), "pyagrum_ms": round(theirs, 2),
        "times_slower": round(1 / timing.ratio("bayesdx", ("pyAgrum",)), 2),
    }  # fmt: skip
    print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    return row


def main(arguments: list[str] | None = None) -> int:
    """Run, print, write; returns the exit code."""
    from benchmarks.__main__ import networks_folder

    parser = argparse.ArgumentParser(prog="python -m benchmarks files", description=__doc__)
    parser.add_argument("--networks", help="folder of *.bif.gz (default: BAYESDX_NETWORKS, then ../shared/networks)")
    parser.add_argument("--rounds", type=int, default=15, help="interleaved rounds per row (default 15)")
    parser.add_argument("--only", nargs="*", default=NETWORKS, help="networks, by name")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args(arguments)
    folder = networks_folder(options.networks)
    if folder is None:
        return 1
    warnings.simplefilter("ignore")
    rows = []
    for name in FOREIGN:
        path = folder / "formats" / name
        if path.is_file():
            rows.append(_row(path, len(dx.read_network(path)), options.rounds))
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.only:
            network = dx.read_network(folder / f"{name}.bif.gz")
            for ending in FORMATS:
                path = dx.write_network(network, Path(scratch) / f"{name}{ending}")
                rows.append(_row(path, len(network), options.rounds))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "files.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    (options.output / "files.md").write_text(_markdown(rows), encoding="utf-8")
    return 0


def _markdown(rows: list[dict[str, Any]]) -> str:
    lines = [
        "# Reading files of networks", "",
        "Processor time, median of interleaved rounds, beside pyAgrum (`python -m benchmarks files`).", "",
        "| file | nodes | KB | bayesdx, ms | pyAgrum, ms | times slower |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    lines += (f"| {' | '.join(map(str, row.values()))} |" for row in rows)
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
