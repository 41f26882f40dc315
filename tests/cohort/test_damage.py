"""What lies on the disk between two calls may be damaged: that is noticed, never merged and never returned."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bayesdx as dx
from bayesdx.cohort import runs
from tests.cohort.tables import flagship, patients

KEEP = ["patient"]
PLACES = ["out.parquet", "out.csv", "out"]
ROWS, PART = 600, 100
SIZES = dx.types.CohortSizes(part_rows=PART)


class Killed(BaseException):
    """The process ends."""


@pytest.fixture(scope="module", params=["parquet", "csv"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / f"patients.{request.param}"
    table = patients(ROWS)
    table.to_csv(path, index=False) if request.param == "csv" else table.to_parquet(path, row_group_size=PART)
    return path


def score(source: Path, out: Path, **options: Any) -> dx.types.CohortSummary:
    summary = dx.score_cohort(flagship(), source, out, keep=KEEP, workers=2, **{"sizes": SIZES, **options})
    assert isinstance(summary, dx.types.CohortSummary)
    return summary


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@cache
def finished(source: Path, name: str, part_rows: int) -> Path:
    """The folder of a run that nothing happened to; tests look at it, and damage copies."""
    folder = source.parent / f"finished-{part_rows}-{name}"
    folder.mkdir()
    score(source, folder / name, sizes=dx.types.CohortSizes(part_rows=part_rows))
    return folder


def whole(source: Path, name: str, part_rows: int = PART) -> dict[str, bytes]:
    """What a run leaves that nothing happened to."""
    return contents(finished(source, name, part_rows))


@cache
def killed(source: Path, name: str) -> Path:
    """The folder of a run that is killed when all parts are there, and before they are put together."""

    def kill(*arguments: object) -> None:
        raise Killed

    folder = source.parent / f"killed-{name}"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(runs.Run, "finish", kill)
        score(source, folder / name)
    return folder


def partial(source: Path, out: Path) -> tuple[list[Path], list[Path]]:
    """A copy of such a run: its parts and their records."""
    shutil.copytree(killed(source, out.name), out.parent)
    parts = sorted(path for path in out.parent.rglob("part-*") if path.suffix != ".json")
    records = sorted(out.parent.rglob("part-*.json"))
    assert len(parts) == len(records) > 3
    return parts, records


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_link(path: Path, other: Path) -> None:
    path.unlink()
    path.symlink_to(other)


def as_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def both(parts: list[Path], records: list[Path]) -> None:
    shutil.copy(parts[2], parts[1])
    shutil.copy(records[2], records[1])


def edited(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


Damage = Callable[[list[Path], list[Path]], object]

DAMAGES: dict[str, Damage] = {
    "a bit": lambda parts, records: flip(parts[1], len(parts[1].read_bytes()) // 3),
    "the first bit": lambda parts, records: flip(parts[0], 0),
    "the last bit": lambda parts, records: flip(parts[1], -1),
    "truncated": lambda parts, records: parts[1].write_bytes(parts[1].read_bytes()[:-40]),
    "longer": lambda parts, records: parts[1].write_bytes(parts[1].read_bytes() + b"\n"),
    "empty": lambda parts, records: parts[1].write_bytes(b""),
    "gone": lambda parts, records: parts[1].unlink(),
    "another part": lambda parts, records: shutil.copy(parts[2], parts[1]),
    "another part with its record": both,
    "a folder": lambda parts, records: as_folder(parts[1]),
    "a link to another part": lambda parts, records: as_link(parts[1], parts[2]),
    "a link to itself": lambda parts, records: as_link(parts[1], parts[1]),
    "a pipe": lambda parts, records: as_fifo(parts[1]),
    "all parts": lambda parts, records: [flip(part, 5) for part in parts],
    "a record of other counts": lambda parts, records: edited(
        records[1], statuses={"ok": 5, "impossible": 0, "bad_value": 0}, rows=5
    ),
    "a record that moves a row": lambda parts, records: edited(
        records[1], statuses={"ok": 99, "impossible": 1, "bad_value": 0}
    ),
    "a record without a hash": lambda parts, records: edited(records[1], sha256=None),
    "a record without rows": lambda parts, records: edited(records[1], rows=None),
    "a record of negative counts": lambda parts, records: records[1].write_text('{"rows": -5, "statuses": {"ok": -5}}'),
    "a record of infinities": lambda parts, records: records[1].write_text('{"rows": 1e999, "bytes": NaN}'),
    "a record of huge numbers": lambda parts, records: records[1].write_text('{"rows": 1' + "0" * 5000 + "}"),
    "a record that is a list": lambda parts, records: records[1].write_text("[1]"),
    "a record nested deeply": lambda parts, records: records[1].write_text("[" * 100_000),
    "an empty record": lambda parts, records: records[1].write_bytes(b""),
    "a record that is no text": lambda parts, records: records[1].write_bytes(b"\xff\x00"),
    "a record that is a folder": lambda parts, records: as_folder(records[1]),
    "a record that is a pipe": lambda parts, records: as_fifo(records[1]),
    "a record that is a link": lambda parts, records: as_link(records[1], records[2]),
    "no record": lambda parts, records: records[1].unlink(),
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("source", ["parquet"], indirect=True)
def test_a_damaged_part_is_scored_again(damage: str, name: str, source: Path, tmp_path: Path) -> None:
    """Whatever happened to it or its record, the same call ends with the bytes of a run that nothing happened to."""
    expected = whole(source, name)
    out = tmp_path / "damaged" / name
    DAMAGES[damage](*partial(source, out))
    assert score(source, out).rows == ROWS
    assert contents(out.parent) == expected
    assert not [path for path in out.parent.rglob("*") if path.is_symlink() or path.is_fifo()]


@pytest.mark.parametrize("damage", ["a bit", "truncated", "another part with its record", "no record"])
@pytest.mark.parametrize("source", ["csv"], indirect=True)
def test_a_damaged_part_of_a_csv_file_is_scored_again(damage: str, source: Path, tmp_path: Path) -> None:
    """The rows of a part are found again in the file that it came from."""
    expected = whole(source, "out.csv")
    out = tmp_path / "damaged" / "out.csv"
    DAMAGES[damage](*partial(source, out))
    assert score(source, out).rows == ROWS
    assert contents(out.parent) == expected


def test_a_part_of_the_same_form_with_other_numbers(tmp_path: Path) -> None:
    """A sound Arrow file of the right rows is no proof; nor one without a column, nor a short one."""
    source = tmp_path / "patients.parquet"
    patients(ROWS).to_parquet(source, row_group_size=PART)
    expected = whole(source, "out.parquet")
    for turn, change in enumerate(
        (
            lambda table: table.set_column(0, "patient", pa.array(range(1000, 1000 + PART))),
            lambda table: table.drop_columns(["status"]),
            lambda table: table.slice(0, 5),
        )
    ):
        out = tmp_path / str(turn) / "out.parquet"
        parts, _ = partial(source, out)
        with pa.memory_map(str(parts[1])) as mapped:
            table = change(pa.ipc.open_file(mapped).read_all())
            with pa.ipc.new_file(str(tmp_path / "changed"), table.schema) as writer:
                writer.write_table(table)
        shutil.copy(tmp_path / "changed", parts[1])
        assert score(source, out).rows == ROWS
        assert contents(out.parent) == expected


def test_sound_parts_are_not_scored_again(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the damaged one of them is."""
    out = tmp_path / "damaged" / "out.parquet"
    parts, _ = partial(source, out)
    flip(parts[2], 50)
    asked = []
    propagate = dx.Engine.propagate

    def counted(self: dx.Engine, *arguments: Any, **options: Any) -> Any:
        asked.append(1)
        return propagate(self, *arguments, **options)

    monkeypatch.setattr(dx.Engine, "propagate", counted)
    assert score(source, out).rows == ROWS
    assert len(asked) == 1


@pytest.mark.parametrize("name", PLACES)
def test_damage_while_the_run_goes_on(name: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that changes after it was written, in the same run, is not merged; the same call scores it again."""
    expected = whole(source, name)
    out = tmp_path / "damaged" / name
    out.parent.mkdir()
    finish = runs.Run.finish
    damaged = []

    def damaging(self: runs.Run, parts: int, schema: Any) -> Any:
        damaged.append(self.parts.path(1))
        flip(damaged[0], 50)
        return finish(self, parts, schema)

    with monkeypatch.context() as patch, pytest.raises(dx.CohortError) as raised:
        patch.setattr(runs.Run, "finish", damaging)
        score(source, out)
    assert str(raised.value) == (
        f"{damaged[0]} is gone or was changed since it was written; the same call scores it again."
    )
    assert not out.is_file()
    assert score(source, out).rows == ROWS
    assert contents(out.parent) == expected


def test_parts_of_another_run_are_not_taken(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts and records copied from a run with another population are scored again."""
    expected = whole(source, "out.parquet")
    out, other = tmp_path / "one" / "out.parquet", tmp_path / "two" / "out.parquet"
    parts, records = partial(source, out)
    populations = [population.name for population in flagship().info.populations]
    model = flagship().with_population(next(name for name in populations if name != flagship().population))
    other.parent.mkdir()
    finish = runs.Run.finish
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(runs.Run, "finish", lambda *arguments: (_ for _ in ()).throw(Killed))
        dx.score_cohort(model, source, other, keep=KEEP, sizes=SIZES)
    assert finish is runs.Run.finish
    for path in (*parts, *records):
        shutil.copy(tmp_path / "two" / path.relative_to(tmp_path / "one"), path)
    assert score(source, out).rows == ROWS
    assert contents(out.parent) == expected


@pytest.mark.parametrize("name", PLACES)
def test_parts_that_were_cut_otherwise(name: str, source: Path, tmp_path: Path) -> None:
    """Another version may make larger parts; those of the earlier one hold other rows and are not taken."""
    out = tmp_path / "damaged" / name
    partial(source, out)
    larger = dx.types.CohortSizes(part_rows=3 * PART)
    expected = whole(source, name, 3 * PART)
    assert score(source, out, sizes=larger).rows == ROWS
    assert contents(out.parent) == expected


@pytest.mark.parametrize("name", PLACES)
def test_a_finished_output_that_changed(name: str, source: Path, tmp_path: Path) -> None:
    """Is neither taken for the scores nor overwritten unasked; one that is gone is made again."""
    expected = whole(source, name)
    shutil.copytree(finished(source, name, PART), tmp_path / "whole")
    out = tmp_path / "whole" / name
    file = out / "part-000002.parquet" if out.is_dir() else out
    flip(file, 100)
    with pytest.raises(dx.CohortError) as raised:
        score(source, out)
    advice = "Choose another name, or pass overwrite=True."
    assert str(raised.value) == f"{file} was changed since it was written. {advice}"
    assert score(source, out, overwrite=True).rows == ROWS
    assert contents(tmp_path / "whole") == expected
    file.unlink()
    if out.is_dir():
        with pytest.raises(dx.CohortError, match=r"part-000002\.parquet was changed since it was written"):
            score(source, out)
        assert score(source, out, overwrite=True).rows == ROWS
    assert score(source, out).rows == ROWS
    assert contents(tmp_path / "whole") == expected


def test_the_manifest_names_the_files_and_their_hashes(tmp_path: Path) -> None:
    """So that a reader of the scores can tell whether these are they."""
    import hashlib

    source = tmp_path / "patients.parquet"
    patients(ROWS).to_parquet(source, row_group_size=PART)
    score(source, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    assert list(manifest["files"]) == [f"part-{number:06d}.parquet" for number in range(ROWS // PART)]
    for name, file in manifest["files"].items():
        path = tmp_path / "out" / name
        assert (file["rows"], file["bytes"]) == (PART, path.stat().st_size)
        assert file["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert pq.read_metadata(path).num_rows == PART


# -- the places of a run ----------------------------------------------------------------------------------------------


def test_a_full_folder_in_the_place_of_a_part(source: Path, tmp_path: Path) -> None:
    """What somebody put there is not removed; one sentence says so."""
    out = tmp_path / "damaged" / "out.parquet"
    parts, _ = partial(source, out)
    as_folder(parts[1])
    (parts[1] / "thesis.txt").write_text("mine")
    with pytest.raises(dx.CohortError, match=r"out\.parquet: Directory not empty; the run was not finished\."):
        score(source, out)
    assert (parts[1] / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_a_lock_that_is_none(kind: str, tmp_path: Path) -> None:
    """A folder or a link in its place is refused; a pipe is not waited for."""
    source, out = tmp_path / "patients.parquet", tmp_path / "out.parquet"
    patients(10).to_parquet(source)
    lock = tmp_path / "out.parquet.parts" / "lock"
    lock.parent.mkdir()
    lock.touch()
    {"folder": as_folder, "link": lambda path: as_link(path, tmp_path / "elsewhere"), "pipe": as_fifo}[kind](lock)
    if kind == "pipe":
        assert score(source, out).rows == 10
        return
    with pytest.raises(dx.CohortError, match="the run was not finished"):
        score(source, out)
    assert not (tmp_path / "elsewhere").exists()


def test_parts_are_not_written_through_a_link(tmp_path: Path) -> None:
    """Nor are files of that name removed elsewhere."""
    source, out = tmp_path / "patients.parquet", tmp_path / "out.parquet"
    patients(10).to_parquet(source)
    score(source, out)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "part-000000.arrow").write_text("mine")
    (tmp_path / "out.parquet.parts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(dx.CohortError, match="is a link, and nothing is written through it; choose another name"):
        score(source, out, overwrite=True)
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["part-000000.arrow"]


def test_what_others_put_beside_the_parts_stays(source: Path, tmp_path: Path) -> None:
    """Only what the run wrote is cleaned up."""
    out = tmp_path / "damaged" / "out.parquet"
    parts, _ = partial(source, out)
    (parts[0].parent / "thesis.txt").write_text("mine")
    score(source, out)
    assert [path.name for path in parts[0].parent.iterdir()] == ["thesis.txt"]


MANIFESTS = [
    '{"format": 1, "run": {"source": [1]}, "rows": null, "statuses": null}',
    '{"format": 1, "run": {"source": "x"}, "rows": null, "statuses": null}',
    '{"format": 1, "run": {"source": 7}, "rows": null, "statuses": null}',
    '{"format": 1, "run": {"source": {"name": [[]]}}, "rows": null, "statuses": null}',
    '{"format": 1, "run": {"model": {"name": '
    + "[" * 900
    + "]" * 900
    + '}, "source": 1}, "rows": 0, "statuses": null}',
    '{"format": 1, "run": {"model": {"name": ' + "9" * 4300 + '}, "source": 1}, "rows": 0, "statuses": null}',
    '{"format": 1, "run": [{"source": 1}], "rows": 1, "statuses": {"ok": 1, "impossible": 0, "bad_value": 0}}',
    '{"format": 1, "run": 7, "rows": 0, "statuses": {"ok": true, "impossible": 0, "bad_value": 0}}',
    '{"format": 1, "run": 7, "rows": 0, "statuses": {"ok": -1, "impossible": 1, "bad_value": 0}}',
    '{"format": 1, "run": 7, "rows": 0, "statuses": {"ok": ' + "9" * 4300 + ', "impossible": 0, "bad_value": 0}}',
    '{"format": 1, "run": 7, "rows": 0, "statuses": [1, 2]}',
    '{"format": true, "run": 7, "rows": 0, "statuses": null}',
    '{"format": 1, "run": 7, "rows": 1, "statuses": {"ok": 1, "impossible": 0, "bad_value": 0}, "files": [1]}',
    "7",
    '"text"',
    "[1, 2]",
    "null",
    "1" + "0" * 6000,
    "[" * 10**5,
    '{"a":' * 10**5,
    "\0",
]


@pytest.mark.parametrize("place", range(len(MANIFESTS)))
def test_any_json_in_the_place_of_a_manifest(place: int, tmp_path: Path) -> None:
    """Is a CohortError, and stays as it is."""
    patients(5).to_csv(tmp_path / "patients.csv", index=False)
    manifest = tmp_path / "out.csv.manifest.json"
    manifest.write_text(MANIFESTS[place])
    try:
        score(tmp_path / "patients.csv", tmp_path / "out.csv")
    except dx.CohortError as error:
        assert str(error).isprintable()
        assert len(str(error)) < 600
        assert manifest.read_text() == MANIFESTS[place]
    else:
        assert json.loads(manifest.read_text())["rows"] == 5, "no run had been there"


@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "large"])
def test_a_manifest_that_is_no_file(kind: str, tmp_path: Path) -> None:
    """A pipe is not waited for, a link not followed, a file beyond all reason not read."""
    patients(5).to_csv(tmp_path / "patients.csv", index=False)
    manifest = tmp_path / "out.csv.manifest.json"
    manifest.touch()
    (tmp_path / "other.json").write_text('{"format": 1, "run": null, "rows": null, "statuses": null}')
    if kind == "large":
        os.truncate(manifest, 2**40)
    else:
        {"folder": as_folder, "link": lambda path: as_link(path, tmp_path / "other.json"), "pipe": as_fifo}[kind](
            manifest
        )
    with pytest.raises(dx.CohortError, match="no manifest of score_cohort; choose another name for the output"):
        score(tmp_path / "patients.csv", tmp_path / "out.csv")
