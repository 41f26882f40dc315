"""The tree names no machine and no package registry, and its requirements are pinned."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))

FOLDERS = [".ci", ".github", "bayesdx", "benchmarks", "docs", "models", "notebooks", "requirements", "tests"]

# Each pattern is written so that it does not match itself.
ADDRESS = re.compile(
    r"-(?:-extra)?-index[-]url|-[-]find-links|\bpypi[.]org/simple|files[.]pythonhosted|registry[.]npmjs"
    r"|https?://[^\s\"']+(?:[.]whl|[.]tar[.]gz|/sim[p]le)\b"
)
MACHINE_PATH = re.compile(r"(?<![A-Za-z0-9_./:-])/(?:wor[k]|roo[t]|hom[e]|tm[p]|User[s])/[A-Za-z0-9._-]+")

PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>[A-Za-z0-9.]+)(?: ; (?P<marker>.+?))? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")
COMMENT = re.compile(r" *#.*")


def text_files() -> list[Path]:
    """Every text file of the project; data tables, whose cells are addresses of papers, are not asked for paths."""
    top = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]  # a file in a linked work tree
    below = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [
        path for path in (*top, *below) if "__pycache__" not in path.parts and b"\0" not in path.read_bytes()[:4096]
    ]


def faults(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_address_of_a_registry() -> None:
    """No file says where packages come from."""
    assert faults(ADDRESS, text_files()) == []


def test_no_path_of_a_machine() -> None:
    """No file names a folder of the machine it was written on."""
    assert faults(MACHINE_PATH, [path for path in text_files() if path.suffix not in (".csv", ".json")]) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (ADDRESS, "pip install --index" + "-url x"),
        (ADDRESS, "https://example.org/a" + ".whl"),
        (ADDRESS, "https://mirror.example.org/sim" + "ple"),
        (MACHINE_PATH, "open('/ho" + "me/someone/x')"),
        (MACHINE_PATH, "cd /wo" + "rk/main"),
    ],
)
def test_the_patterns_find_what_they_look_for(pattern: re.Pattern[str], line: str) -> None:
    """A planted address or path is found."""
    assert pattern.search(line)


def test_the_walks_lead_through_files_that_are_there() -> None:
    """Every file that the map in CONTRIBUTING.md names is one of the package."""
    named = re.findall(r"`([a-z_]+/[a-z_/]+[.]py)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    walks = [name for name in named if not name.startswith("tests/")]
    assert len(walks) > 30
    assert [name for name in walks if not (ROOT / "bayesdx" / name).is_file()] == []


def test_the_walks_are_as_long_as_the_map_says() -> None:
    """The numbers of files in CONTRIBUTING.md are what ``python -m tests.packaging.walks`` counts."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    second, first = re.findall(r"passes (\d+) files where the\s+first passes (\d+)", text)[0]
    row = re.findall(r"\((\d+) files; (\d+) once the model is compiled\)", text)[0]
    number = re.findall(r"\((\d+) files from the file on, (\d+) of them from the model on\)", text)[0]
    said = {"finding": [first, second], "number": [*number], "row": [*row]}
    ran = subprocess.run([sys.executable, "-m", "tests.packaging.walks"], cwd=ROOT, capture_output=True, check=True)
    assert json.loads(ran.stdout) == {walk: [int(count) for count in counts] for walk, counts in said.items()}


def pins(path: Path) -> dict[tuple[str, str], str]:
    """(name, marker) -> version."""
    found = [PIN.fullmatch(line) for line in path.read_text().splitlines()]
    return {(pin["name"], pin["marker"] or ""): pin["version"] for pin in found if pin}


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_requirements_are_pins_with_hashes(path: Path) -> None:
    """Every line is a pinned version, its hashes, or a remark; every pin has a hash."""
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        assert PIN.fullmatch(line) or HASH.fullmatch(line) or COMMENT.fullmatch(line), (
            f"{path.name}:{number + 1}: {line}"
        )
        if PIN.fullmatch(line):
            assert HASH.fullmatch(lines[number + 1])


def test_the_demo_runs_on_what_the_tests_ran_on() -> None:
    """Both requirement files pin the same versions; what the tests need everywhere has no marker there."""
    demo, test = pins(ROOT / "requirements/demo.txt"), pins(ROOT / "requirements/test.txt")
    assert demo == {(name, marker): test.get((name, marker)) or test.get((name, "")) for name, marker in demo}


def test_every_declared_dependency_is_pinned() -> None:
    """demo.txt pins the core dependencies and the build backend; test.txt those of the extra test also."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    def names(declared: list[str]) -> set[str]:
        plain = (re.split(r"[\[<>=~! ;]", requirement)[0] for requirement in declared)
        return {name.lower().replace("_", "-") for name in plain} - {"bayesdx"}

    extras = project["optional-dependencies"]
    core = names(project["dependencies"]) | {"hatchling"}
    assert core <= {name for name, _ in pins(ROOT / "requirements/demo.txt")}
    wanted = core | names([*extras["test"], *extras["bench"], *extras["fast"], *extras["plot"], *extras["docs"]])
    assert wanted <= {name for name, _ in pins(ROOT / "requirements/test.txt")}
