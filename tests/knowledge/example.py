"""A small sound model to copy and to break: the car that does not start."""

from __future__ import annotations

import shutil
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "models" / "car_start" / "1.0.0"
"""A released version with every file of the format."""


def copy_draft(parent: Path, version: str = "1.0.0") -> Path:
    """The example as an unreleased version ``parent/car_start/<version>``."""
    folder = parent / "car_start" / version
    shutil.copytree(FOLDER, folder)
    (folder / "release.toml").unlink()
    edit(folder, "model.toml", 'version = "1.0.0"', f'version = "{version}"')
    return folder


def edit(folder: Path, file: str, old: str, new: str) -> None:
    """Replace the one place of a file that reads ``old``."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} has {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new), encoding="utf-8", newline="")


def append(folder: Path, file: str, *lines: str) -> None:
    """Add lines at the end of a file."""
    with (folder / file).open("a", encoding="utf-8", newline="") as stream:
        stream.writelines(f"{line}\n" for line in lines)


def drop(folder: Path, file: str, start: str) -> None:
    """Remove every line that starts with ``start``."""
    path = folder / file
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(start)]
    assert len(kept) < len(lines), f"{file} has no line that starts with {start!r}"
    path.write_text("".join(kept), encoding="utf-8", newline="")


def without_column(folder: Path, file: str, name: str) -> None:
    """Remove the last column of a file, which is called ``name`` and holds no quoted cell."""
    path = folder / file
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].endswith(f",{name}")
    path.write_text("".join(line.rpartition(",")[0] + "\n" for line in lines), encoding="utf-8", newline="")
