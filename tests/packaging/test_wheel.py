"""What people install: the wheel and the source distribution."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import bayesdx

ROOT = Path(__file__).parents[2]
FLAGSHIP = "models/hip_flexion_weakness/1.0.0/model.toml"


def build(kind: str, source: Path, target: Path) -> Path:
    """Build a ``wheel`` or an ``sdist`` of a source tree."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


def members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/RECORD")}


def test_the_version_stands_in_one_place(wheel: Path) -> None:
    """The wheel's version is ``bayesdx.__version__``."""
    assert wheel.name == f"bayesdx-{bayesdx.__version__}-py3-none-any.whl"


def test_the_wheel_holds_the_package_and_the_models_only(wheel: Path) -> None:
    """Models lie inside the package, and what ``new`` starts from; derivations, tests and caches are not shipped."""
    names = members(wheel)
    assert f"bayesdx/{FLAGSHIP}" in names
    assert "bayesdx/py.typed" in names
    assert not [name for name in names if name.startswith("bayesdx/models/") and name.endswith(".py")]
    assert not [name for name in names if "derivation" in name]
    versions = {folder.relative_to(ROOT).as_posix() for folder in (ROOT / "models").glob("*/*.*.*")}
    models = {name.split("/", 1)[1].rsplit("/", 1)[0] for name in names if name.endswith("/model.toml")}
    assert models == versions | {"learning/starter/0.1.0"}
    assert {name.split("/")[0] for name in names} == {"bayesdx", f"bayesdx-{bayesdx.__version__}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_a_wheel_from_the_sdist_is_the_wheel_from_the_tree(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    """The source distribution holds all that the wheel is made of, and no environment or history."""
    source = tmp_path / "source"
    with tarfile.open(sdist) as archive:
        files = {file.name.partition("/")[2]: archive.extractfile(file) for file in archive if file.isfile()}
        for name, content in files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(content.read() if content else b"")
    names = set(files)
    assert {"Makefile", "README.md", "mkdocs.yml", "requirements/demo.txt", "tests/conftest.py", FLAGSHIP} <= names
    assert not [name for name in names if name.split("/")[0] in (".git", ".venv", "build", "dist", ".hypothesis")]
    assert members(build("wheel", source, tmp_path / "again")) == members(wheel)


def test_the_installed_wheel_diagnoses_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    """Installed elsewhere and asked from another folder, the flagship loads and finds a cauda equina syndrome."""
    target, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    code = """
import bayesdx as dx
print(dx.__file__)
print(dx.diagnose(dx.load_model("hip_flexion_weakness"), {
    "hip_flexion_strength": "severely_reduced", "saddle_anaesthesia": "present",
    "bladder_bowel_dysfunction": "present"}))
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=True,
    )
    where, *answer = run.stdout.splitlines()
    assert Path(where).is_relative_to(target)
    text = "\n".join(answer)
    assert "EMERGENCY" in text
    header = next(place for place, line in enumerate(answer) if line.startswith("cause "))
    assert answer[header + 1].startswith("Cauda equina syndrome")
