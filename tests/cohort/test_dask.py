"""A Dask cluster gives the scores of one machine, also where a worker dies in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

import bayesdx as dx
from tests.cohort.tables import FLAGSHIP, flagship, patients

dd = pytest.importorskip("dask.dataframe")

ROOT = Path(__file__).parents[2]
KEEP = ["patient"]

# A script, since every worker imports the main module; on success it prints what happened.
CLUSTER = """
import json, os, signal, sys, threading, time
import bayesdx as dx

def main():
    import dask
    import dask.dataframe as dd
    from distributed import Client, LocalCluster

    model, source, out = dx.load_model(sys.argv[1]), sys.argv[2], sys.argv[3]
    dask.config.set({"distributed.comm.retry.count": 2})
    options = {"threads_per_worker": 1, "dashboard_address": None, "memory_limit": 0}
    with LocalCluster(n_workers=2, processes=True, **options) as cluster:
        with Client(cluster) as client:
            frame = dd.read_parquet(source, split_row_groups=True)
            pids = client.run(os.getpid)
            victim = next(iter(pids.values()))
            killed = []
            scored = threading.Event()

            def kill():
                # In the middle: once a quarter of the parts are there.
                while not scored.is_set():
                    names = os.listdir(out) if os.path.isdir(out) else []
                    there = len([name for name in names if name.startswith("part-")])
                    if there >= frame.npartitions // 4:
                        os.kill(victim, signal.SIGKILL)
                        killed.append(there)
                        return
                    time.sleep(0.005)

            killer = threading.Thread(target=kill)
            killer.start()
            summary = dx.score_cohort(model, frame, out, keep=["patient"])
            scored.set()
            killer.join()
            after = client.run(os.getpid)
            lazy = dx.score_cohort(model, frame, keep=["patient"]).compute()
            lazy.to_parquet(out + ".lazy.parquet")
            print(json.dumps([killed, frame.npartitions, victim in after.values(), summary.rows]))

if __name__ == "__main__":
    main()
"""


def test_a_killed_worker_changes_nothing(tmp_path: Path) -> None:
    """Two processes, one of them killed while parts are written: exactly the local scores, no row lost or doubled."""
    source, out, script = tmp_path / "patients.parquet", tmp_path / "scores", tmp_path / "cluster.py"
    table = patients(24_000)
    table.to_parquet(source, row_group_size=600)
    script.write_text(CLUSTER)
    done = subprocess.run(
        [sys.executable, str(script), FLAGSHIP, str(source), str(out)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (killed,), partitions, survived, rows = json.loads(done.stdout.splitlines()[-1])
    assert (survived, rows) == (False, 24_000)
    assert partitions // 4 <= killed < partitions
    local = dx.score_cohort(flagship(), source, keep=KEEP)
    pd.testing.assert_frame_equal(pq.read_table(out).to_pandas(), local, check_exact=True)
    lazy = pd.read_parquet(tmp_path / "scores.lazy.parquet").reset_index(drop=True)
    pd.testing.assert_frame_equal(lazy, local, check_exact=True, check_dtype=False)


def test_a_dask_frame_stays_lazy() -> None:
    """Partitions are scored when asked; names and types are known before; rows keep their labels."""
    table = patients(60).set_axis([f"p{row}" for row in range(60)])
    frame = dd.from_pandas(table, npartitions=3, sort=False)
    scores = dx.score_cohort(flagship(), frame, keep=KEEP, on_error="flag")
    expected = dx.score_cohort(flagship(), table, keep=KEEP)
    assert list(scores.columns) == list(expected.columns)
    found = scores.compute(scheduler="synchronous")
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_dtype=False, check_index_type=False)


def test_columns_are_checked_before_anything_runs() -> None:
    """A misspelt column of a Dask frame is found at once."""
    frame = dd.from_pandas(pd.DataFrame({"onzet": ["sudden"]}), npartitions=1)
    with pytest.raises(dx.FindingsError, match=r"column 'onzet' is not a variable .* Did you mean 'onset'\?"):
        dx.score_cohort(flagship(), frame)
