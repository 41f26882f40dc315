"""``make spark``: the code of docs/spark.md on local clusters of two executors, one of which is killed in the middle.

Spark runs the blocks of the page as they stand; Dask runs ``score_cohort``. Values are compared with those of one
machine, row by row, and rows a second stand beside each other. Needs Java 17 or newer and pyspark.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayesdx as dx

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "spark.md"
RESULT = ROOT / "docs" / "benchmarks" / "spark.md"
FILES = 40
"""Parquet files of the registry; a partition each."""


@dataclass(frozen=True)
class Run:
    """One way of scoring, timed; ``lost`` executors were killed while it ran."""

    name: str
    seconds: float
    scores: pd.DataFrame
    lost: int = 0


def patients(model: dx.Model, rows: int) -> pd.DataFrame:
    """Simulated patients of whom two fifths of the findings are known, numbered."""
    table = dx.simulate_cohort(model, rows, seed=1).drop(columns=list(model.causes))
    hidden = np.random.default_rng(2).random(table.shape) >= 0.4
    table = table.astype(object).where(~hidden, None)
    table.insert(0, "patient", np.arange(rows))
    return table


def blocks() -> tuple[str, str]:
    """The two blocks of the page about Spark: the functions, and the session that calls them."""
    found = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (functions,) = [block for block in found if "def score(" in block]
    (session,) = [block for block in found if "SparkSession" in block]
    return functions, session


def children(pid: int) -> Iterator[int]:
    """Processes that a process started, and those that they started."""
    try:
        found = Path(f"/proc/{pid}/task").glob("*/children")
        for listed in [int(word) for path in found for word in path.read_text().split()]:
            yield listed
            yield from children(listed)
    except OSError:
        return


def executors() -> list[int]:
    """Executors of the cluster that this process started."""
    found = []
    for pid in children(os.getpid()):
        try:
            if "CoarseGrainedExecutorBackend" in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(pid)
        except OSError:
            continue
    return found


@contextmanager
def killing(victims: Callable[[], list[int]], progress: Callable[[], int], after: int) -> Iterator[list[int]]:
    """Kill one process once ``progress`` has reached ``after``; yields the list that then holds it."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            there = victims()
            if there and progress() >= after:
                os.kill(there[0], signal.SIGKILL)
                killed.append(there[0])
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield killed
    finally:
        over.set()
        watcher.join()


def one_machine(model: dx.Model, folder: Path) -> Run:
    """``score_cohort`` with as many threads as the clusters have executors."""
    start = time.perf_counter()
    dx.score_cohort(model, folder / "registry", folder / "one", keep=["patient"], workers=2, progress=False)
    return Run("one machine, 2 threads", time.perf_counter() - start, _read(folder / "one"))


def _read(folder: Path) -> pd.DataFrame:
    parts = [pd.read_parquet(path) for path in sorted(folder.rglob("part-*.parquet"))]
    return pd.concat(parts).sort_values("patient", ignore_index=True)


def spark(folder: Path, with_loss: bool) -> Run:
    """The page's own code on a local cluster of two executors of one core each."""
    from pyspark.sql import SparkSession

    functions, session = blocks()
    environment = {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]]), "OMP_NUM_THREADS": "1"}
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("bayesdx")
    options = {
        "spark.ui.enabled": "false",
        "spark.executor.memory": "1g",
        "spark.sql.files.maxPartitionBytes": "1m",
        "spark.log.level": "ERROR",
        **{f"spark.executorEnv.{name}": value for name, value in (environment | {"NUMBA_NUM_THREADS": "1"}).items()},
    }
    for name, value in options.items():
        builder = builder.config(name, value)
    names: dict[str, Any] = {"__name__": "__main__"}
    with chdir(folder):  # where Java is started, too: the page names its files without a folder
        running = builder.getOrCreate()
        tracker = running.sparkContext.statusTracker()

        def finished() -> int:
            stages = [stage for job in tracker.getActiveJobsIds() for stage in tracker.getJobInfo(job).stageIds]
            return sum(info.numCompletedTasks for stage in stages if (info := tracker.getStageInfo(stage)))

        try:
            shutil.rmtree("scores", ignore_errors=True)
            exec(functions, names)
            start = time.perf_counter()
            with killing(executors if with_loss else list, finished, FILES // 4) as killed:
                exec(session, names)
            seconds = time.perf_counter() - start
            scores = _read(folder / "scores")
        finally:
            running.stop()
    name = "Spark, 2 executors" + (", one killed" if with_loss else "")
    return Run(name, seconds, scores, len(killed))


def dask(model: dx.Model, folder: Path, with_loss: bool) -> Run:
    """``score_cohort`` of a Dask frame on two worker processes."""
    import dask.dataframe as dd
    from distributed import Client, LocalCluster

    out = folder / f"dask_{with_loss}"

    def finished() -> int:
        return len(list(out.glob("part-*")))

    options = {"threads_per_worker": 1, "dashboard_address": None, "memory_limit": 0}
    with LocalCluster(n_workers=2, processes=True, **options) as cluster, Client(cluster) as client:
        frame = dd.read_parquet(folder / "registry", split_row_groups=True)
        workers = list(client.run(os.getpid).values())
        start = time.perf_counter()
        with killing(lambda: workers if with_loss else [], finished, FILES // 4) as killed:
            dx.score_cohort(model, frame, out, keep=["patient"])
        seconds = time.perf_counter() - start
    name = "Dask, 2 workers" + (", one killed" if with_loss else "")
    return Run(name, seconds, _read(out), len(killed))


def difference(found: pd.DataFrame, expected: pd.DataFrame) -> float:
    """Largest difference of any number; words and numbers of patients have to be equal."""
    numbers = expected.select_dtypes("number").columns
    pd.testing.assert_frame_equal(
        found.drop(columns=numbers), expected.drop(columns=numbers), check_dtype=False, obj="words"
    )
    both = np.nan_to_num(found[numbers].to_numpy(float)), np.nan_to_num(expected[numbers].to_numpy(float))
    return float(np.abs(both[0] - both[1]).max())


def report(model: dx.Model, runs: list[Run]) -> str:
    """The table, as Markdown."""
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr.splitlines()[0]
    rows = len(runs[0].scores)
    lines = [
        "# Clusters beside one machine",
        "",
        f"`make spark`: {rows:,} simulated patients of {model.name} {model.version} in {FILES} Parquet files, two "
        "fifths of their findings known; start of the cluster left out, compiling the model in each process counted. A "
        "cluster of this size on one machine shows that values agree and that a lost executor does no harm, not what a "
        "cluster gains.",
        "",
        f"pyspark {version('pyspark')}, {java}; Dask {version('dask')}; Python {platform.python_version()}, "
        f"{os.cpu_count()} processors, on which {os.getloadavg()[2]:.0f} processes were waiting on average.",
        "",
        "| | seconds | rows a second | lost while running | largest difference from one machine |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {run.name} | {run.seconds:.1f} | {rows / run.seconds:,.0f} | {run.lost} | "
        f"{difference(run.scores, runs[0].scores):.0e} |"
        for run in runs
    ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run, compare, write; 1 where an executor that should have been lost was not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks clusters", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args(arguments)
    if shutil.which("java") is None:
        print("make spark needs Java 17 or newer. On Debian: apt-get install default-jre-headless.", file=sys.stderr)
        return 2
    functions, _ = blocks()
    names: dict[str, Any] = {}
    exec(functions, names)
    model = dx.load_model(names["MODEL"])
    with tempfile.TemporaryDirectory(prefix="bayesdx-clusters-") as scratch:
        folder = Path(scratch)
        (folder / "registry").mkdir()
        table = patients(model, options.rows)
        for number, part in enumerate(np.array_split(np.arange(len(table)), FILES)):
            table.iloc[part].to_parquet(folder / "registry" / f"part-{number:03}.parquet", index=False)
        runs = [one_machine(model, folder)]
        for with_loss in (False, True):
            runs.append(spark(folder, with_loss))
            print(runs[-1].name, f"{runs[-1].seconds:.1f} s", flush=True)
        for with_loss in (False, True):
            runs.append(dask(model, folder, with_loss))
            print(runs[-1].name, f"{runs[-1].seconds:.1f} s", flush=True)
    text = report(model, runs)
    options.output.write_text(text, encoding="utf-8")
    print(text)
    return int([run.lost for run in runs] != [0, 0, 1, 0, 1])


if __name__ == "__main__":
    raise SystemExit(main())
