"""A version is saved whole or not at all, and comes back as it was."""

from __future__ import annotations

import errno
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bayesdx as dx
from bayesdx.knowledge.schema import FILES
from tests.knowledge.example import FOLDER, copy_draft
from tests.knowledge.strategies import models

SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def files(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shuffled(model: dx.Model, seed: int) -> dx.Model:
    """The model, made of rows in another order."""
    rng = random.Random(seed)
    rows = {file.field: list(getattr(model, file.field)) for file in FILES if file.name != "variables.csv"}
    for entries in rows.values():
        rng.shuffle(entries)
    return replace(model, **rows)


# -- save then load is the identity -----------------------------------------------------------------------------------


def test_the_example_comes_back_byte_by_byte(tmp_path: Path) -> None:
    """Loading and saving a canonical folder copies it."""
    model = dx.load_model(FOLDER)
    assert dx.save_model(model, tmp_path / "1.0.0") == tmp_path / "1.0.0"
    assert files(tmp_path / "1.0.0") == files(FOLDER)
    assert dx.load_model(tmp_path / "1.0.0") == model


@SLOW
@given(model=models(), seed=st.integers(0, 9))
def test_save_then_load_is_the_identity(model: dx.Model, seed: int) -> None:
    """Whatever the states are called and the notes say; and rows in another order give the same bytes."""
    with tempfile.TemporaryDirectory() as scratch:
        first, second = Path(scratch) / "a" / "1.2.3", Path(scratch) / "b" / "1.2.3"
        loaded = dx.load_model(dx.save_model(model, first))
        assert loaded == model
        for file in FILES:
            assert getattr(loaded, file.field) == getattr(model, file.field)
        assert (loaded.info, loaded.changes) == (model.info, model.changes)
        other = shuffled(model, seed)
        assert other.hash == model.hash
        dx.save_model(other, second)
        assert files(first) == files(second)


def test_lines_of_a_file_in_another_order_give_the_same_model(tmp_path: Path) -> None:
    """Only the order of variables.csv is knowledge."""
    folder = copy_draft(tmp_path)
    for name in (
        "priors.csv",
        "links.csv",
        "tables.csv",
        "red_flags.csv",
        "sources.csv",
        "management.csv",
        "tests.csv",
    ):
        header, *lines = (folder / name).read_text().splitlines()
        (folder / name).write_text("\n".join([header, *reversed(lines)]) + "\n")
    model = dx.load_model(folder)
    assert model.hash == dx.load_model(FOLDER).hash
    variables = list(model.variables)
    assert replace(model, variables=tuple(reversed(variables))).hash != model.hash


def test_every_cell_counts_for_the_hash() -> None:
    """A version is known by its content: another number, note or source is another hash."""
    model = dx.load_model(FOLDER)
    link = model.links[0]
    hashes = {model.hash}
    for changed in (replace(link, upper=0.41), replace(link, note="x"), replace(link, source="GUESS")):
        hashes.add(replace(model, links=(changed, *model.links[1:])).hash)
    hashes.add(replace(model, changes="x").hash)
    hashes.add(replace(model, info=replace(model.info, licence="x")).hash)
    assert len(hashes) == 6


def test_numbers_of_numpy_are_saved_as_numbers(tmp_path: Path) -> None:
    """A learner may fill in numpy's floats."""
    model = replace(dx.load_model(FOLDER), release=None)
    first = replace(model.links[0], link_probability=np.float64(0.1) * 3)
    learned = replace(model, links=(first, *model.links[1:]))
    assert dx.load_model(dx.save_model(learned, tmp_path / "1.0.0")).links[0].link_probability == 0.1 * 3


def test_line_ends_of_windows_in_the_changes_become_line_feeds(tmp_path: Path) -> None:
    """CHANGES.md is text, and reads the same on every system."""
    model = replace(dx.load_model(FOLDER), release=None, changes="one\r\ntwo\r\n")
    assert model.changes == "one\ntwo\n"
    assert dx.load_model(dx.save_model(model, tmp_path / "1.0.0")) == model


def test_a_note_that_would_not_read_back_is_not_saved(tmp_path: Path) -> None:
    """Better no file than one that says something else."""
    model = replace(dx.load_model(FOLDER), release=None)
    odd = replace(model, links=(replace(model.links[0], note="one\r\ntwo"), *model.links[1:]))
    with pytest.raises(dx.ModelError) as raised:
        dx.save_model(odd, tmp_path / "new" / "1.0.0")
    assert str(raised.value) == (
        "car_start 1.0.0: links.csv would not read back as it is, for example for a line end of its own; not saved."
    )
    assert list(tmp_path.iterdir()) == []


def test_an_unsound_model_is_not_saved(tmp_path: Path) -> None:
    """The error lists every fault as check_model does; nothing is left behind, not even a new parent folder."""
    model = replace(dx.load_model(FOLDER), release=None)
    unsound = replace(model, sources=model.sources[:1], tests=(replace(model.tests[0], variables=("radio",)),))
    with pytest.raises(dx.ModelError, match=r"^car_start 1\.0\.0 has \d+ faults; not saved\.\n") as raised:
        dx.save_model(unsound, tmp_path / "a" / "b" / "1.0.0")
    assert ("tests.csv", 2, "variables", "radio") in [problem[:4] for problem in raised.value.problems]
    assert list(tmp_path.iterdir()) == []


# -- released versions ------------------------------------------------------------------------------------------------


def test_a_release_records_the_hash_and_the_day(tmp_path: Path) -> None:
    """Releasing changes no content; loading gives the record back."""
    draft = dx.load_model(copy_draft(tmp_path))
    assert draft.release is None
    released = dx.release_model(draft, date(2026, 2, 3))
    assert released.hash == draft.hash
    loaded = dx.load_model(dx.save_model(released, tmp_path / "1.0.0"))
    assert loaded.release is not None
    assert (loaded.release.hash, loaded.release.date) == (draft.hash, "2026-02-03")
    assert loaded != draft


def test_a_released_version_is_never_overwritten(tmp_path: Path) -> None:
    """Not even by itself."""
    model = dx.load_model(FOLDER)
    folder = dx.save_model(model, tmp_path / "1.0.0")
    before = files(tmp_path)
    with pytest.raises(dx.SaveError) as raised:
        dx.save_model(model, folder)
    assert str(raised.value) == f"{folder} is a released version, which never changes; save under a new version."
    assert files(tmp_path) == before


@pytest.mark.parametrize("kind", ["draft", "file", "link", "broken link", "other folder"])
def test_nothing_is_overwritten(kind: str, tmp_path: Path) -> None:
    """Whatever stands at the place stays."""
    model = replace(dx.load_model(FOLDER), release=None)
    target = tmp_path / "1.0.0"
    if kind == "draft":
        dx.save_model(model, target)
    elif kind == "file":
        target.write_text("mine")
    elif kind == "other folder":
        (target / "mine").mkdir(parents=True)
    else:
        (tmp_path / "elsewhere").mkdir()
        target.symlink_to(tmp_path / ("elsewhere" if kind == "link" else "nowhere"))
    before = files(tmp_path)
    with pytest.raises(dx.SaveError) as raised:
        dx.save_model(model, target)
    assert str(raised.value) == (
        f"{target} exists already and is not overwritten; save under a new version or another folder."
    )
    assert files(tmp_path) == before


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    """A folder made beforehand is as good as none."""
    (tmp_path / "1.0.0").mkdir()
    assert dx.check_model(dx.save_model(dx.load_model(FOLDER), tmp_path / "1.0.0")) == []


# -- faults -----------------------------------------------------------------------------------------------------------


def failing(function: Callable[..., object], code: int, nth: int) -> Callable[..., object]:
    """A system call that fails at its n-th use."""
    count = iter(range(10**6))

    def call(*args: object, **options: object) -> object:
        if next(count) == nth:
            raise OSError(code, os.strerror(code))
        return function(*args, **options)

    return call


@pytest.mark.parametrize("nth", [0, 5, 11, 12])
def test_a_full_disk_leaves_nothing(nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far the writing got."""
    monkeypatch.setattr(os, "fsync", failing(os.fsync, errno.ENOSPC, nth))
    with pytest.raises(dx.SaveError) as raised:
        dx.save_model(dx.load_model(FOLDER), tmp_path / "new" / "1.0.0")
    assert str(raised.value) == f"{tmp_path / 'new' / '1.0.0'}: No space left on device; nothing was written."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["mkdir", "rename", "fsync"])
def test_a_failing_disk_leaves_nothing(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of system call may fail at each of its uses; once none fails, the version is there."""
    model = dx.load_model(FOLDER)
    for nth in range(40):
        target = tmp_path / str(nth) / "1.0.0"
        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing(getattr(os, call), errno.EIO, nth))
            try:
                dx.save_model(model, target)
            except dx.SaveError as error:
                assert str(error) == f"{target}: Input/output error; nothing was written."
                assert not target.parent.exists()
                continue
        assert nth > 0
        assert dx.load_model(target) == model
        return
    raise AssertionError("every save failed")


def test_a_disk_that_confirms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where even taking the version back fails, the sentence tells what is there."""
    model, target = dx.load_model(FOLDER), tmp_path / "1.0.0"
    monkeypatch.setattr(os, "fsync", failing(os.fsync, errno.EIO, len(files(FOLDER)) + 1))
    monkeypatch.setattr(os, "rename", failing(os.rename, errno.EROFS, 1))
    with pytest.raises(dx.SaveError) as raised:
        dx.save_model(model, target)
    assert str(raised.value) == f"{target} was written whole, but the disk does not confirm it: Read-only file system."
    assert dx.load_model(target) == model


def test_a_folder_that_must_not_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says so, and nothing is left."""
    tmp_path.chmod(0o555)
    if os.access(tmp_path, os.W_OK):  # the superuser may write everywhere
        monkeypatch.setattr(os, "mkdir", failing(os.mkdir, errno.EACCES, 0))
    with pytest.raises(dx.SaveError) as raised:
        dx.save_model(dx.load_model(FOLDER), tmp_path / "1.0.0")
    tmp_path.chmod(0o755)
    assert str(raised.value) == f"{tmp_path / '1.0.0'}: Permission denied; nothing was written."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a\0b", "..", "x" * 300, "\ud800", "file/1.0.0"])
def test_a_place_that_no_folder_can_have(name: str, tmp_path: Path) -> None:
    """Path tricks end in a SaveError and change nothing."""
    (tmp_path / "file").write_text("mine")
    before = files(tmp_path)
    with pytest.raises(dx.SaveError, match=r"nothing was written\.$|is not overwritten"):
        dx.save_model(replace(dx.load_model(FOLDER), release=None), tmp_path / name)
    assert files(tmp_path) == before


KILLED = """
import json, os, signal, sys, tempfile
from pathlib import Path
import bayesdx as dx

model, root = dx.load_model(sys.argv[1]), Path(sys.argv[2])

def kill_at(step, parent):
    # Every audited system call (open, mkdir, rename, remove ...) that touches the parent's folder is a step, and so is
    # each fsync, before and after.
    left = [step]
    def count():
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
    def hook(event, args):
        if any(isinstance(arg, (str, os.PathLike)) and str(arg).startswith(str(parent)) for arg in args):
            count()
    fsync = os.fsync
    def counted(handle):
        count()
        fsync(handle)
        count()
    os.fsync = counted
    sys.addaudithook(hook)

report = []
for step in range(500):
    parent = root / str(step)
    parent.mkdir()
    child = os.fork()
    if not child:
        kill_at(step, parent)
        dx.save_model(model, parent / "1.0.0")
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    there = (parent / "1.0.0").exists()
    faults = len(dx.check_model(parent / "1.0.0")) if there else 0
    listed = [path.name for path in parent.iterdir() if not path.name.startswith(".")]
    if not there:
        dx.save_model(model, parent / "1.0.0")
    same = dx.load_model(parent / "1.0.0") == model
    report.append([status, there, faults, listed, same])
    if status == 0:
        break
print(json.dumps(report))
"""

RACE = """
import json, os, sys
from pathlib import Path
import bayesdx as dx

model, root = dx.load_model(sys.argv[1]), Path(sys.argv[2])
report = []
for attempt in range(15):
    target = root / str(attempt) / "1.0.0"
    target.parent.mkdir()
    go, results = os.pipe(), os.pipe()
    children = []
    for _ in range(2):
        child = os.fork()
        if not child:
            os.close(go[1])
            os.read(go[0], 1)
            try:
                dx.save_model(model, target)
                os.write(results[1], b"saved\\n")
            except dx.SaveError as error:
                os.write(results[1], f"{error}\\n".encode())
            os._exit(0)
        children.append(child)
    os.close(go[1])
    for child in children:
        os.waitpid(child, 0)
    os.close(results[1])
    said = os.read(results[0], 10000).decode().splitlines()
    left = sorted(path.name for path in target.parent.iterdir())
    report.append([said, left, dx.load_model(target) == model])
print(json.dumps(report))
"""


def run(script: str, folder: Path) -> list[list[object]]:
    """What a script of its own process reports about saving the example below a folder."""
    command = [sys.executable, "-c", script, str(FOLDER), str(folder)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=root, check=False)
    assert done.returncode == 0, done.stderr
    report: list[list[object]] = json.loads(done.stdout)
    return report


def test_a_killed_save_leaves_no_version_or_a_whole_one(tmp_path: Path) -> None:
    """SIGKILL before any system call of a save: nothing or all is there, no half version, and a later save works."""
    *killed, last = run(KILLED, tmp_path)
    assert last == [0, True, 0, ["1.0.0"], True]
    assert len(killed) > 50
    for status, there, faults, listed, same in killed:
        assert (status, faults, same) == (9, 0, True)
        assert listed == (["1.0.0"] if there else [])
    assert {there for _, there, *_ in killed} == {True, False}


def test_of_two_processes_that_save_the_same_version_one_wins(tmp_path: Path) -> None:
    """The other gets a SaveError, and nothing of it is left."""
    for said, left, same in run(RACE, tmp_path):
        assert isinstance(said, list)
        winners = [line for line in said if line == "saved"]
        losers = [line for line in said if "is a released version, which never changes" in line]
        assert (len(winners), len(losers), left, same) == (1, 1, ["1.0.0"], True)
