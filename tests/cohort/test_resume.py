"""A run killed at any moment and started again ends with the same bytes as one that was left alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bayesdx as dx
from tests.cohort.tables import FLAGSHIP, flagship, patients

ROOT = Path(__file__).parents[2]

PREPARE = """
import json, os, random, signal, sys, time
from pathlib import Path
import bayesdx as dx

sizes = dx.types.CohortSizes(part_rows=400, batch_rows=200, part_characters=2**16)
model, source, root = dx.load_model(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
dx.score_cohort(model, source, keep=["patient"])  # compiled before anything is measured

def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes().hex() for path in folder.rglob("*") if path.is_file()}

def child(work):
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    return pid

def run(folder, name):
    return dx.score_cohort(model, source, folder / name, keep=["patient"], workers=2, sizes=sizes)
"""

RANDOM_MOMENTS = (
    PREPARE
    + """
rng, report = random.Random(8), []
for name in ("a.parquet", "a.csv", "a"):
    whole = root / f"whole {name}"
    whole.mkdir()
    start = time.monotonic()
    os.waitpid(child(lambda: run(whole, name)), 0)
    length = time.monotonic() - start
    for moment in range(20 if name == "a.parquet" else 2):
        folder = root / f"{moment} {name}"
        folder.mkdir()
        # Counted in parts, since a machine is slower at one time than at another; then some moment of a part.
        parts, delay = rng.randrange(10), rng.random() * length / 10
        pid = child(lambda: run(folder, name))
        while len(list(folder.rglob("part-*.json"))) < parts:
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
            time.sleep(0.001)
        time.sleep(delay)
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        kept = len(list(folder.rglob("part-*.json")))
        summary = run(folder, name)
        report.append([name, status, kept, summary.rows, files(folder) == files(whole)])
print(json.dumps(report))
"""
)

EVERY_STEP = (
    PREPARE
    + """
def kill_at(step, folder):
    # Every audited system call that touches the folder, and each fsync before and after, is a step.
    left = [step]
    def count():
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
    def hook(event, args):
        if any(isinstance(arg, (str, os.PathLike)) and str(arg).startswith(str(folder)) for arg in args):
            count()
    fsync = os.fsync
    def counted(handle):
        count()
        fsync(handle)
        count()
    os.fsync = counted
    sys.addaudithook(hook)

report = []
for name in ("a.parquet", "a"):
    whole = root / f"whole {name}"
    whole.mkdir()
    run(whole, name)
    expected = files(whole)
    for step in range(0, 2000, 2):
        folder = root / f"{step} {name}"
        folder.mkdir()
        def work():
            kill_at(step, folder)
            run(folder, name)
        status = os.waitpid(child(work), 0)[1]
        run(folder, name)
        report.append([name, status, files(folder) == expected])
        if status == 0:
            break
print(json.dumps(report))
"""
)


def report(script: str, tmp_path: Path, rows: int) -> list[list[Any]]:
    """What a script in a process of its own says about runs of one table."""
    source = tmp_path / "patients.parquet"
    patients(rows).to_parquet(source, row_group_size=200)
    (tmp_path / "runs").mkdir()
    command = [sys.executable, "-c", script, FLAGSHIP, str(source), str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_killed_at_twenty_random_moments(tmp_path: Path) -> None:
    """The same files with the same bytes, no row lost or doubled, nothing left over, into a file as into a folder."""
    found = report(RANDOM_MOMENTS, tmp_path, 4000)
    assert len(found) == 24
    for name, status, _, rows, same in found:
        assert (rows, same) == (4000, True), (name, status)
    killed = [entry for entry in found if entry[1] == 9]
    assert len(killed) > 15
    assert len({kept for _, _, kept, _, _ in killed if kept}) > 2, "resumed with more and less done"


def test_killed_at_every_step(tmp_path: Path) -> None:
    """Before whichever system call the process ends."""
    found = report(EVERY_STEP, tmp_path, 1000)
    assert [entry[1:] for entry in found if entry[1] == 0] == [[0, True]] * 2
    assert len(found) > 40
    for name, status, same in found:
        assert same, (name, status)


# -- what a run is known by -------------------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "patients.parquet"
    patients(600).to_parquet(path, row_group_size=100)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_finished_run_is_not_run_again(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same call says what it said, and touches nothing."""
    first = dx.score_cohort(flagship(), source, tmp_path / "out.parquet", keep=["patient"])
    before = contents(tmp_path)
    monkeypatch.setattr(dx.Engine, "propagate", None)
    assert dx.score_cohort(flagship(), source, tmp_path / "out.parquet", keep=["patient"], on_error="flag") == first
    assert contents(tmp_path) == before


def test_the_manifest_says_what_the_scores_were_made_from(source: Path, tmp_path: Path) -> None:
    """Model, hash, population, options, input and software, readable by people."""
    dx.score_cohort(flagship(), source, tmp_path / "out.parquet", keep=["patient"])
    manifest = json.loads((tmp_path / "out.parquet.manifest.json").read_text())
    assert manifest["run"]["model"] == {
        "name": "hip_flexion_weakness",
        "version": "1.0.0",
        "hash": flagship().hash,
        "population": flagship().population,
    }
    assert manifest["run"]["options"] == {"keep": ["patient"], "ignore": [], "intervals": None}
    (file,) = manifest["run"]["source"]["files"]
    assert (file["name"], file["bytes"]) == ("patients.parquet", source.stat().st_size)
    assert set(manifest["run"]["software"]) == {"bayesdx", "kernel", "numpy", "pyarrow", "machine"}
    assert (manifest["rows"], manifest["statuses"]) == (600, {"ok": 600, "impossible": 0, "bad_value": 0})


def test_another_run_is_not_overwritten(source: Path, tmp_path: Path) -> None:
    """Another population, option or input is another run; ``overwrite`` replaces it."""
    out = tmp_path / "out.parquet"
    dx.score_cohort(flagship(), source, out, keep=["patient"])
    before = contents(tmp_path)
    populations = [population.name for population in flagship().info.populations]
    other = flagship().with_population(next(name for name in populations if name != flagship().population))
    advice = "Choose another name, or pass overwrite=True."
    with pytest.raises(dx.CohortError) as raised:
        dx.score_cohort(other, source, out, keep=["patient"])
    assert str(raised.value) == (
        f"{out} belongs to another run: model population is {flagship().population} there and {other.population} here. "
        f"{advice}"
    )
    with pytest.raises(dx.CohortError, match=r"options keep is \['patient'\] there and \[\] here"):
        dx.score_cohort(flagship(), source, out, ignore=["patient"])
    assert contents(tmp_path) == before
    patients(600, seed=1).to_parquet(source, row_group_size=100)
    with pytest.raises(dx.CohortError) as raised:
        dx.score_cohort(flagship(), source, out, keep=["patient"])
    assert str(raised.value) == f"{out} belongs to another run: the input patients.parquet was changed since. {advice}"
    dx.score_cohort(flagship(), source, out, keep=["patient"], overwrite=True)
    fresh = tmp_path / "fresh.parquet"
    dx.score_cohort(flagship(), source, fresh, keep=["patient"])
    assert out.read_bytes() == fresh.read_bytes()


@pytest.mark.parametrize("name", ["out.parquet", "out.csv", "out"])
def test_what_others_wrote_is_never_touched(name: str, source: Path, tmp_path: Path) -> None:
    """Not even with ``overwrite``; neither the output's place nor that of its parts."""
    out = tmp_path / name
    if out.suffix:
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "thesis.txt").write_text("mine")
    before = contents(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(dx.CohortError) as raised:
            dx.score_cohort(flagship(), source, out, keep=["patient"], overwrite=overwrite)
        assert str(raised.value) == f"{out} exists already and was not written by score_cohort; choose another name."
        assert contents(tmp_path) == before
    if out.suffix:
        out.unlink()
        scratch = tmp_path / f"{name}.parts"
        scratch.mkdir()
        (scratch / "thesis.txt").write_text("mine")
        with pytest.raises(dx.CohortError, match=r"parts exists already and was not written by score_cohort"):
            dx.score_cohort(flagship(), source, out, keep=["patient"])


def test_a_run_that_stopped_at_a_bad_row_continues(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``on_error="flag"`` the parts that were finished are not done again."""
    sizes = dx.types.CohortSizes(part_rows=100)
    table = patients(600)
    table.loc[555, "onset"] = "acute"
    table.to_parquet(source, row_group_size=100)
    out = tmp_path / "out.parquet"
    with pytest.raises(dx.FindingsError, match="row 555, column onset: 'acute' is not a state"):
        dx.score_cohort(flagship(), source, out, keep=["patient"], workers=1, sizes=sizes)
    assert not out.exists()
    assert len(list((tmp_path / "out.parquet.parts").glob("part-*.arrow"))) == 5
    asked = []
    propagate = dx.Engine.propagate
    monkeypatch.setattr(
        dx.Engine,
        "propagate",
        lambda self, evidence, **options: asked.append(1) or propagate(self, evidence, **options),
    )
    summary = dx.score_cohort(flagship(), source, out, keep=["patient"], on_error="flag", sizes=sizes)
    assert summary.statuses == {"ok": 599, "impossible": 0, "bad_value": 1}
    assert len(asked) == 1


@pytest.mark.parametrize("name", ["out.parquet", "out.csv", "out"])
@pytest.mark.parametrize("made_before", [False, True], ids=["no folder", "an empty folder"])
def test_a_run_that_finished_no_part_leaves_nothing(name: str, made_before: bool, tmp_path: Path) -> None:
    """Once the cell is corrected the same call is answered; nothing has to be overwritten, as nothing was written."""
    source, out = tmp_path / "patients.csv", tmp_path / "there" / name
    out.parent.mkdir()
    if made_before and not out.suffix:
        out.mkdir()
    before = sorted(out.parent.rglob("*"))
    source.write_text("onset\nsudden\nacute\n")
    with pytest.raises(dx.FindingsError, match="row 3, column onset: 'acute' is not a state"):
        dx.score_cohort(flagship(), source, out)
    assert sorted(out.parent.rglob("*")) == before
    source.write_text("onset\nsudden\ngradual\n")
    summary = dx.score_cohort(flagship(), source, out)
    assert summary.rows == 2
    source.write_text("onset\nacute\n")
    with pytest.raises(dx.FindingsError):
        dx.score_cohort(flagship(), source, out, overwrite=True)
    source.write_text("onset\ngradual\n")
    assert dx.score_cohort(flagship(), source, out, overwrite=True).rows == 1, "what this function wrote stays its own"


def test_frames_are_not_recognised(tmp_path: Path) -> None:
    """A frame outlives no process: what a broken run left is begun anew, what a finished one wrote is kept."""
    out = tmp_path / "out.parquet"
    bad = patients(10).assign(onset="acute")
    with pytest.raises(dx.FindingsError):
        dx.score_cohort(flagship(), bad, out, keep=["patient"])
    dx.score_cohort(flagship(), patients(10), out, keep=["patient"])
    with pytest.raises(dx.CohortError, match="a frame cannot be recognised as the same one"):
        dx.score_cohort(flagship(), patients(10), out, keep=["patient"])
    assert dx.score_cohort(flagship(), patients(10), out, keep=["patient"], overwrite=True).rows == 10


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 1}', '{"format": 2, "run": {}, "statuses": null}', "[" * 10**5]
)
def test_a_manifest_of_another_kind(text: str, source: Path, tmp_path: Path) -> None:
    """Is left alone."""
    manifest = tmp_path / "out.parquet.manifest.json"
    manifest.write_text(text)
    with pytest.raises(dx.CohortError) as raised:
        dx.score_cohort(flagship(), source, tmp_path / "out.parquet", keep=["patient"])
    assert str(raised.value) == f"{manifest}: no manifest of score_cohort; choose another name for the output."
    assert manifest.read_text() == text


def test_an_input_is_not_an_output(source: Path, tmp_path: Path) -> None:
    """Neither the file itself, nor a place within the folder that is read."""
    shutil.copy(source, tmp_path / "b.parquet")
    for table, out in ((source, source), (tmp_path, tmp_path / "scores.parquet"), (tmp_path, tmp_path)):
        with pytest.raises(dx.CohortError) as raised:
            dx.score_cohort(flagship(), table, out, keep=["patient"])
        assert str(raised.value) == f"{out} is the input or lies within it; choose another place for the output."
