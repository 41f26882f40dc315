"""What a fuzzer calls: bytes from anywhere, into each reader; anything but an answer or a BayesdxError is a find."""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import bayesdx as dx
from bayesdx.cli import typed_findings
from bayesdx.cohort import runs
from bayesdx.cohort.columns import STATUSES
from bayesdx.knowledge.schema import FILE, OTHER_FILES
from tests.knowledge.example import FOLDER

FILES = sorted([*FILE, *OTHER_FILES])
COLUMNS = ["cranking", "headlight_dim", "dashboard_dark", "voltage_test", "fuel_gauge"]


@cache
def model() -> dx.Model:
    return dx.load_model(FOLDER)


@cache
def scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bayesdx-hostile-"))
    shutil.copytree(FOLDER, folder / "model")
    return folder


def written(name: str, data: bytes) -> Path:
    path = scratch() / name
    replace(path, data)
    return path


def replace(path: Path, data: bytes) -> None:
    """Write a file anew: where ext4 overwrites one, it waits for the disk, thousands of times here."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def model_folder(data: bytes) -> None:
    """The first byte chooses the file of a model that the others replace."""
    if not data:
        return
    name = FILES[data[0] % len(FILES)]
    path = scratch() / "model" / name
    before = path.read_bytes() if path.exists() else None
    replace(path, data[1:])
    try:
        problems = dx.check_model(path.parent)
        assert all(str(problem).isprintable() for problem in problems)
        try:
            dx.load_model(path.parent)
        except dx.BayesdxError:
            assert problems
        else:
            assert not problems
    finally:
        if before is None:
            path.unlink()
        else:
            replace(path, before)


def findings_json(data: bytes) -> None:
    """A patient's findings in a JSON file, diagnosed."""
    diagnosed(written("patient.json", data))


def findings_csv(data: bytes) -> None:
    """Findings in a CSV file, diagnosed."""
    diagnosed(written("patients.csv", data))


def diagnosed(path: Path) -> None:
    try:
        patients = typed_findings.read_file(model(), str(path))
    except dx.BayesdxError:
        return
    for patient in patients.rows[:5]:
        try:
            case = dx.diagnose(model(), patient.findings)
        except dx.BayesdxError:
            continue
        assert case.probabilities.min() >= 0
        assert case.probabilities.max() <= 1


def cohort_csv(data: bytes) -> None:
    """A cohort in a CSV file, scored."""
    scored(written("cohort.csv", data))


def cohort_words(data: bytes) -> None:
    """A cohort in people's words: labels, synonyms, measured numbers."""
    path = written("words.csv", data)
    scored(path, words_model())
    try:
        table = pd.read_csv(path, nrows=20)
    except Exception:  # noqa: BLE001 - whatever pandas makes of it; a frame is what is tried next
        return
    scored(table, words_model())


@cache
def words_model() -> dx.Model:
    return dx.load_model(FOLDER.parents[1] / "breathless" / "1.0.0")


def cohort_parquet(data: bytes) -> None:
    """A cohort in a Parquet file, scored."""
    scored(written("cohort.parquet", data))


def scored(source: Path | pd.DataFrame, by: dx.Model | None = None) -> None:
    try:
        scores = dx.score_cohort(by or model(), source, on_error="flag", workers=1)
    except dx.BayesdxError as error:
        assert str(error)
        return
    check_scores(scores)


def check_scores(scores: pd.DataFrame) -> None:
    """Every row has a status; a row that is ok has probabilities, another one has none."""
    assert set(scores["status"]) <= set(STATUSES)
    posteriors = scores.filter(like="posterior_").to_numpy(dtype=float)
    ok = (scores["status"] == "ok").to_numpy()
    assert np.isnan(posteriors[~ok]).all()
    assert ((posteriors[ok] >= 0) & (posteriors[ok] <= 1)).all()


def mapping(data: bytes) -> None:
    """A mapping.csv, beside a table that it may fit."""
    table = pd.DataFrame({"C": ["0", "1"], "V": ["4.2", None], "headlight_dim": ["present", "absent"]})
    try:
        dx.check_cohort(model(), table, written("mapping.csv", data))
    except dx.BayesdxError as error:
        assert str(error)


def manifest(data: bytes) -> None:
    """A manifest beside an output."""
    written("out.csv.manifest.json", data)
    try:
        dx.score_cohort(model(), pd.DataFrame({"clicking": ["present"]}), scratch() / "out.csv", workers=1)
    except dx.BayesdxError as error:
        assert str(error)
    for path in scratch().glob("out.csv*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@cache
def unfinished() -> tuple[list[str], dict[str, bytes]]:
    """A run that was stopped before its parts were put together: its files, and what it would have ended with."""
    small_cohort().to_csv(scratch() / "run.csv", index=False)
    finish = runs.Run.finish
    try:
        for name in ("whole", "part"):
            (scratch() / name).mkdir()
            if name == "part":
                runs.Run.finish = stop  # type: ignore[method-assign]
            with contextlib.suppress(Stopped):
                resume(scratch() / name)
    finally:
        runs.Run.finish = finish  # type: ignore[method-assign]
    folder = scratch() / "part"
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return [name for name in found if not name.endswith("lock")], contents(scratch() / "whole")


class Stopped(Exception):
    """Stands for a process that ends."""


def stop(*arguments: object) -> None:
    raise Stopped


def resume(folder: Path) -> None:
    sizes = dx.types.CohortSizes(part_rows=4)
    dx.score_cohort(model(), scratch() / "run.csv", folder / "out.csv", workers=1, sizes=sizes)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def resumed(data: bytes) -> None:
    """The first byte chooses a part, its record or the manifest of an unfinished run; the others replace it."""
    if not data:
        return
    files, expected = unfinished()
    name = files[data[0] % len(files)]
    folder = scratch() / "damaged"
    shutil.copytree(scratch() / "part", folder)
    try:
        replace(folder / name, data[1:])
        try:
            resume(folder)
        except dx.BayesdxError as error:
            assert name.endswith("manifest.json"), f"{name}: {error}"
        else:
            assert contents(folder) == expected, name
    finally:
        shutil.rmtree(folder)


def part_seeds() -> list[bytes]:
    return [bytes([n]) + (scratch() / "part" / name).read_bytes() for n, name in enumerate(unfinished()[0])]


def small_cohort() -> pd.DataFrame:
    """A few rows whose cells are states of the example."""
    rng = np.random.default_rng(0)
    columns = {}
    for name in COLUMNS:
        cells = np.array(model().by_name[name].states, dtype=object)[rng.integers(2, size=12)]
        cells[rng.random(12) < 0.4] = None
        columns[name] = cells
    return pd.DataFrame(columns)


def parquet_seeds() -> list[bytes]:
    """The same rows, stored in several ways."""
    seeds = []
    for options in (
        {"compression": "none"},
        {"compression": "snappy", "row_group_size": 5},
        {"compression": "zstd", "use_dictionary": False},
        {"compression": "gzip", "data_page_version": "2.0"},
    ):
        stream = io.BytesIO()
        pq.write_table(pa.Table.from_pandas(small_cohort(), preserve_index=False), stream, **options)
        seeds.append(stream.getvalue())
    return seeds


def model_seeds() -> list[bytes]:
    return [bytes([n]) + (FOLDER / name).read_bytes() for n, name in enumerate(FILES) if (FOLDER / name).exists()]


JSON_SEEDS = [
    b'{"cranking": "silent", "lights": ["headlight_dim"]}',
    b'{"findings": {"voltage_test": {"normal": 0.2, "low": 1}, "clicking": "?"}, "title": "x"}',
    b'{"cranking": ["silent", "slow"], "battery_flat": "UNKNOWN"}',
]
CSV_SEEDS = [
    b"variable,state\ncranking,silent\nlights,headlight_dim\nvoltage_test,normal|low\n",
    b"cranking,clicking\nsilent,present\n,absent\n",
]
WORDS_SEEDS = [
    b"Age,temperature,swollen calf,rales,CRP,CTPA\n64.5,38,yes,no,9,positive\n80,37.9,?,Present,10 mg/L,\n",
    b"age_group,pyrexia,DVT signs,C-reactive protein\nOld,No fever,0,120\nadult,1,true,high\n",
]
MAPPING_SEEDS = [
    b"column,code,variable,state\nC,0,clicking,absent\nC,1,clicking,present\nV,<4,voltage_test,low\nV,>=4,voltage_test,normal\n",
    b"column,code,variable,state\nheadlight_dim,,headlight_dim,\nC,,,\nV,..,,\n",
]
MANIFEST_SEEDS = [
    b'{"format": 1, "run": null, "rows": null, "statuses": null}',
    b'{"format": 1, "run": {"model": {"name": "a"}, "options": {}, "source": {"name": "x", "files": []}}, '
    b'"rows": 1, "statuses": {"ok": 1, "impossible": 0, "bad_value": 0}}',
    b'{"format": 1, "run": {"source": [1]}, "rows": 1, "statuses": {"ok": 1, "impossible": 0, "bad_value": 0}, '
    b'"files": {"out.csv": {"rows": 1, "statuses": {"ok": 1, "impossible": 0, "bad_value": 0}, "bytes": 9, '
    b'"sha256": "0"}}}',
]

TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]]]] = {
    "model_folder": (model_folder, model_seeds),
    "findings_json": (findings_json, lambda: JSON_SEEDS),
    "findings_csv": (findings_csv, lambda: CSV_SEEDS),
    "cohort_csv": (cohort_csv, lambda: [small_cohort().to_csv(index=False).encode()]),
    "cohort_words": (cohort_words, lambda: WORDS_SEEDS),
    "cohort_parquet": (cohort_parquet, parquet_seeds),
    "mapping": (mapping, lambda: MAPPING_SEEDS),
    "manifest": (manifest, lambda: MANIFEST_SEEDS),
    "resumed": (resumed, part_seeds),
}
