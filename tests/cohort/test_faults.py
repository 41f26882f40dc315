"""Disks fill up, folders cannot be written, inputs change: nothing half written, one clear message."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

import bayesdx as dx
from tests.cohort.tables import FLAGSHIP, findings_of, flagship, patients

ROOT = Path(__file__).parents[2]
KEEP = ["patient"]
SIZES = dx.types.CohortSizes(part_rows=150)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "patients.parquet"
    patients(600).to_parquet(path, row_group_size=150)
    return path


def failing(function: Callable[..., Any], code: int, nth: int) -> Callable[..., Any]:
    """A system call that fails at its n-th use."""
    count = iter(range(10**6))

    def call(*args: object, **options: object) -> Any:
        if next(count) == nth:
            raise OSError(code, os.strerror(code))
        return function(*args, **options)

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("call", ["fsync", "mkdir", "replace"])
@pytest.mark.parametrize("name", ["out.parquet", "out"])
def test_a_full_disk(name: str, call: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever call finds it full, there is no output, and the same call continues once there is room."""
    whole = tmp_path / "whole" / name
    whole.parent.mkdir()
    expected = dx.score_cohort(flagship(), source, whole, keep=KEEP, sizes=SIZES)
    for nth in range(40):
        out = tmp_path / str(nth) / name
        out.parent.mkdir()
        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing(getattr(os, call), errno.ENOSPC, nth))
            try:
                dx.score_cohort(flagship(), source, out, keep=KEEP, sizes=SIZES, workers=1)
            except dx.CohortError as error:
                assert str(error).startswith(f"{out}: No space left on device; the run was not finished.")
                assert not list(out.parent.rglob("*.tmp"))
                # The last write is that of the manifest; the file in place by then is whole.
                assert not out.is_file() or out.read_bytes() == whole.read_bytes()
                summary = dx.score_cohort(flagship(), source, out, keep=KEEP, sizes=SIZES)
                assert summary.statuses == expected.statuses
                for path in whole.parent.rglob("*"):
                    assert (
                        path.is_dir() or path.read_bytes() == (out.parent / path.relative_to(whole.parent)).read_bytes()
                    )
                continue
        break
    else:
        raise AssertionError("every run failed")
    assert nth > 0 or call == "mkdir"


TOO_LARGE = """
import resource, signal, sys
import bayesdx as dx
model = dx.load_model(sys.argv[1])
dx.score_cohort(model, sys.argv[2], keep=["patient"])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for out in sys.argv[3:]:
    try:
        dx.score_cohort(model, sys.argv[2], out, keep=["patient"])
    except dx.CohortError as error:
        print(error)
"""


def test_a_write_that_the_system_refuses(source: Path, tmp_path: Path) -> None:
    """A real refusal in the middle of a file: no output, no rest of a part."""
    outs = [tmp_path / name for name in ("out.parquet", "out.csv", "out")]
    command = [sys.executable, "-c", TOO_LARGE, FLAGSHIP, str(source), *map(str, outs)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, check=True)
    for out, line in zip(outs, done.stdout.splitlines(), strict=True):
        assert line.startswith(f"{out}: File too large; the run was not finished. Finished parts are kept in ")
        assert not out.is_file()
    assert not list(tmp_path.rglob("*.tmp"))
    assert not list(tmp_path.rglob("part-*"))


def test_a_folder_that_must_not_be_written_to(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says so, and nothing is left."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):  # the superuser may write everywhere
        monkeypatch.setattr(os, "mkdir", failing(os.mkdir, errno.EACCES, 0))
    with pytest.raises(dx.CohortError) as raised:
        dx.score_cohort(flagship(), source, folder / "out.parquet", keep=KEEP, sizes=SIZES)
    folder.chmod(0o755)
    assert str(raised.value) == f"{folder / 'out.parquet'}: Permission denied; the run was not finished."
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("change", ["rewritten", "removed"])
def test_an_input_that_changes_while_it_is_read(
    change: str, kind: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends and says so; no output appears."""
    if kind == "csv":
        source = tmp_path / "patients.csv"
        patients(600).to_csv(source, index=False)
    propagate = dx.Engine.propagate

    def changing(self: dx.Engine, *args: Any, **options: Any) -> Any:
        if change == "removed":
            source.unlink(missing_ok=True)
        else:
            with source.open("ab") as file:
                file.write(b"x")
        return propagate(self, *args, **options)

    monkeypatch.setattr(dx.Engine, "propagate", changing)
    out = tmp_path / "out.parquet"
    with pytest.raises(dx.CohortError) as raised:
        dx.score_cohort(flagship(), source, out, keep=KEEP, sizes=SIZES, workers=1)
    assert str(raised.value) == f"{source} changed while it was read; its scores were not finished."
    assert not out.exists()


def test_two_processes_at_one_place(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one is told; the first one finishes as if alone."""
    out, said = tmp_path / "out.parquet", []
    propagate = dx.Engine.propagate

    def intruding(self: dx.Engine, *args: Any, **options: Any) -> Any:
        if not said:
            said.append("")
            with pytest.raises(dx.CohortError) as raised:
                dx.score_cohort(flagship(), source, out, keep=KEEP, sizes=SIZES)
            said[0] = str(raised.value)
        return propagate(self, *args, **options)

    monkeypatch.setattr(dx.Engine, "propagate", intruding)
    assert dx.score_cohort(flagship(), source, out, keep=KEEP, sizes=SIZES, workers=1).rows == 600
    assert said == [f"{out}: another process is writing it."]


# -- threads ----------------------------------------------------------------------------------------------------------


def test_eight_threads_share_one_engine() -> None:
    """Batches, single cases, intervals and conflicts asked at once from eight threads give what one thread gets."""
    model = dx.load_model(FLAGSHIP)
    batches = [pa.RecordBatch.from_pandas(patients(300, seed), preserve_index=False) for seed in range(8)]
    cases = [findings_of(patients(1, seed).iloc[0]) for seed in range(8)]

    def ask(seed: int) -> tuple[Any, ...]:
        case = dx.diagnose(model, cases[seed])
        engine = dx.Engine(model) if seed == 0 else shared
        frame = patients(40, seed).drop(columns="patient")
        return (
            dx.score_batch(model, batches[seed], keep=KEEP),
            case.posterior.to_numpy(),
            engine.marginals(frame)[model.causes[0]].to_numpy(),
            engine.log_evidence(frame.iloc[:5]).to_numpy(),
            dx.credible_intervals(case, draws=50).table["upper"].to_numpy(),
            case.none_present,
        )

    shared = dx.Engine(model)
    alone = [ask(seed) for seed in range(8)]
    # Engines, plans and caches are cold again for the threads.
    model, shared = dx.load_model(FLAGSHIP), dx.Engine(model)
    found: list[list[tuple[Any, ...]]] = [[] for _ in range(8)]
    gate = threading.Barrier(8)

    def hammer(seed: int) -> None:
        gate.wait()
        for turn in range(4):
            found[seed].append(ask((seed + turn) % 8))

    threads = [threading.Thread(target=hammer, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, answers in enumerate(found):
        assert len(answers) == 4
        for turn, answer in enumerate(answers):
            batch, *numbers = answer
            expected, *others = alone[(seed + turn) % 8]
            assert batch.equals(expected)
            for one, other in zip(numbers, others, strict=True):
                assert_array_equal(np.asarray(one), np.asarray(other))


def test_frames_are_not_changed() -> None:
    """Asking never changes the thing asked."""
    table = patients(50)
    before = table.copy(deep=True)
    dx.score_cohort(flagship(), table, keep=KEEP)
    pd.testing.assert_frame_equal(table, before)


def test_a_frame_of_too_many_columns_is_refused_as_a_file_is(tmp_path: Path) -> None:
    """Before any column is looked up: thousands of unknown ones take no time, in whatever they come."""
    wide = pd.DataFrame([[1] * 12], columns=[f"c{number}" for number in range(12)])
    wide.to_csv(tmp_path / "wide.csv", index=False)
    sizes = dx.types.CohortSizes(most_columns=11)
    wide.to_excel(tmp_path / "wide.xlsx", index=False)
    wide.to_feather(tmp_path / "wide.arrow")
    sources = {"the frame": wide} | {str(path): path for path in tmp_path.iterdir()}
    for name, source in (*sources.items(), ("the frame", pa.Table.from_pandas(wide))):
        with pytest.raises(dx.CohortError) as caught:
            dx.score_cohort(flagship(), source, sizes=sizes)
        assert str(caught.value) == f"{name}: 12 columns; at most 11 are read."
    many = pa.record_batch({f"c{number}": [1] for number in range(10_001)})
    with pytest.raises(dx.CohortError, match=r"^the batch: 10001 columns; at most 10000 are read\.$"):
        dx.score_batch(flagship(), many)
