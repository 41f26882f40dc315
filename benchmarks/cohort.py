"""A cohort from Parquet to Parquet: rows a second on one core and on two, peak memory, and the peers beside it.

``python -m benchmarks.cohort`` scores 10^6 and 10^7 flagship patients drawn from the model itself, 60 % of their cells
missing; ``--rows 1e5 1e6`` takes other sizes. Each run is a process of its own, so that its peak memory is its own. The
peers get a sample of the same patients in memory; they neither read nor write. Rounds are interleaved, and a ratio is
the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import bayesdx as dx
from bayesdx.network import Network, compile_network
from benchmarks.peers import PYAGRUM_ENGINES, Pgmpy, PyAgrum, largest_difference
from benchmarks.synthetic import sampled_codes

MODEL = "hip_flexion_weakness@1.0.0"
MISSING = 0.6
ROW_GROUP = 250_000
SAMPLE = 200
"""Patients that pyAgrum answers in a round."""
SAMPLE_PGMPY = 40
SAMPLE_OURS = 2**17


def observed(model: dx.Model) -> list[str]:
    """What a registry may hold: contexts and findings."""
    return [variable.variable for variable in model.variables if variable.kind not in ("cause", "mechanism")]


def codes_of(model: dx.Model, network: Network, rows: int, seed: int) -> np.ndarray:
    """Patients drawn from the model, cells missing at random."""
    codes = sampled_codes(network, rows, seed)
    codes[np.random.default_rng([seed, 1]).random(codes.shape, dtype=np.float32) < MISSING] = -1
    hidden = [network.index[name] for name in network.names if name not in set(observed(model))]
    codes[:, hidden] = -1
    return codes


def write_cohort(path: Path, rows: int) -> float:
    """A Parquet file of text columns and a patient's number; returns the share of distinct rows in its beginning."""
    model = dx.load_model(MODEL)
    network = compile_network(model)
    writer, distinct = None, 0.0
    for start in range(0, rows, ROW_GROUP):
        size = min(ROW_GROUP, rows - start)
        codes = codes_of(model, network, size, seed=start)
        distinct = distinct or len(np.unique(codes[:10_000], axis=0)) / min(size, 10_000)
        columns = {"patient": pa.array(np.arange(start, start + size))}
        for name in observed(model):
            column = codes[:, network.index[name]]
            states = pa.array(list(network[name].states))
            columns[name] = states.take(pa.array(np.maximum(column, 0), mask=column < 0))
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return distinct


def score(source: str, out: str, workers: int) -> None:
    """One run; prints seconds, the peak memory before scoring, and that of all, in MB."""
    model = dx.load_model(MODEL)
    dx.score_batch(model, pa.record_batch({"onset": ["sudden", None]}))  # compiled before the clock starts
    before = peak_mb()
    start, cpu = time.perf_counter(), time.process_time()
    dx.score_cohort(model, source, out, keep=["patient"], workers=workers, progress=False)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "before_mb": before, "peak_mb": peak_mb()}))


def peak_mb() -> float:
    """The largest resident size of this process so far; getrusage would count that of its parent also."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def in_process(source: Path, out: Path, workers: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.cohort", "--score", str(source), str(out), str(workers)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def peers(folder: Path, rounds: int) -> None:
    """Microseconds a patient: ours from Parquet to Parquet on one core, the peers from memory to memory."""
    model = dx.load_model(MODEL)
    network = compile_network(model)
    codes = codes_of(model, network, SAMPLE, seed=10**9)
    path = folder / "sample.parquet"
    write_cohort(path, SAMPLE_OURS)
    others = {name: (PyAgrum(network, name, model.causes), SAMPLE) for name in PYAGRUM_ENGINES}
    engines = {**others, "pgmpy VariableElimination": (Pgmpy(network, model.causes), SAMPLE_PGMPY)}
    ours = dx.Engine(network).propagate(dx.inference.Evidence(codes), targets=model.causes)
    for name, (engine, _) in engines.items():
        exact = [ours.marginals[cause][row] for row in range(5) for cause in model.causes]
        found = [marginal for row in range(5) for marginal in engine.posteriors(codes[row])]
        print(f"largest difference from {name}: {largest_difference(exact, found):.1e}")
    options = {"keep": ["patient"], "workers": 1, "progress": False, "overwrite": True}
    dx.score_cohort(model, path, folder / "sample.out.parquet", **options)
    times: dict[str, list[float]] = {name: [] for name in ("bayesdx", *engines)}
    for _ in range(rounds):
        seconds = timed(lambda: dx.score_cohort(model, path, folder / "sample.out.parquet", **options))
        times["bayesdx"].append(seconds / SAMPLE_OURS * 1e6)
        for name, (engine, size) in engines.items():
            part = codes[:size]
            times[name].append(timed(lambda e=engine, p=part: [e.posteriors(row) for row in p]) / size * 1e6)
    print(f"bayesdx, Parquet to Parquet, one core: {median(times['bayesdx']):.2f} us a row")
    for name in engines:
        ratio = median(peer / own for peer, own in zip(times[name], times["bayesdx"], strict=True))
        print(f"{name}: {median(times[name]):.0f} us a row, {ratio:.0f} times ours")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", type=float, default=[1e6, 1e7])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the tables are written; a temporary folder where left out")
    parser.add_argument("--score", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.score:
        source, out, workers = arguments.score
        score(source, out, int(workers))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        folder = Path(scratch)
        for rows in map(int, arguments.rows):
            path = folder / f"{rows}.parquet"
            distinct = write_cohort(path, rows)
            print(f"{rows} rows, {path.stat().st_size / 1e6:.0f} MB, {distinct:.2%} of the first 10,000 distinct")
            for workers in (1, 2):
                out = folder / "scores.parquet"
                run = in_process(path, out, workers)
                cores, per_row = "core " if workers == 1 else "cores", run["cpu_seconds"] / rows * 1e6
                print(
                    f"  {workers} {cores}: {run['seconds']:.1f} s, {rows / run['seconds']:,.0f} rows/s "
                    f"({per_row:.2f} us of processor a row), peak memory {run['peak_mb']:.0f} MB "
                    f"({run['before_mb']:.0f} MB before the first row)"
                )
                out.unlink()
                out.with_name(f"{out.name}.manifest.json").unlink()
            path.unlink()
        peers(folder, arguments.rounds)


if __name__ == "__main__":
    main()
