"""Writing a model folder: whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import tomli_w

from bayesdx.errors import BayesdxError, ModelError, SaveError, check_path
from bayesdx.files.ordinary import sync_folder
from bayesdx.knowledge.checking import examine
from bayesdx.knowledge.model import Model, Release
from bayesdx.knowledge.problems import shown


def release_model(model: Model, day: date) -> Model:
    """The model with a release record: from here on its content is frozen.

    Parameters
    ----------
    model : Model
    day : datetime.date
        The day of release.

    Returns
    -------
    Model
        Saved, it carries a ``release.toml``; ``load_model`` and ``check_model`` report any later change of its content.

    Examples
    --------
    >>> import bayesdx as dx, datetime
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> dx.release_model(model, datetime.date(2026, 1, 31)).release.date
    '2026-01-31'
    """
    return replace(model, release=Release(model.hash, day.isoformat()))


def save_model(model: Model, folder: str | os.PathLike[str]) -> Path:
    """Write a model into a new folder, atomically.

    The files are written and synchronised to disk in a temporary folder beside the target, checked there as
    ``check_model`` does, read back and compared, and put in place by one rename. A process that is killed leaves
    either no version or a whole one (and possibly a folder ``.<version>.*.saving``, which nothing reads and which may
    be deleted). An existing version is never overwritten: a changed model is a new version in a new folder. The
    chosen population is no part of a folder.

    Parameters
    ----------
    model : Model
    folder : path of the version's folder; it must not exist yet, or be empty

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    SaveError
        The folder exists, cannot be written, or the disk is full; nothing is left behind.
    ModelError
        The model is not sound; ``problems`` lists every fault, and nothing is written.

    Examples
    --------
    >>> import bayesdx as dx, tempfile, pathlib
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> folder = dx.save_model(model, pathlib.Path(tempfile.mkdtemp()) / "1.0.0")
    >>> dx.load_model(folder) == model
    True
    """
    check_path("folder", folder, SaveError)
    try:
        target = Path(folder).absolute()
    except OSError as error:  # the working directory was deleted
        raise SaveError(f"{shown(str(folder))}: {error.strerror}; nothing was written.") from error
    if not _can_be_named(target):
        raise SaveError(f"{shown(str(folder))} cannot be the folder of a version; nothing was written.")
    contents = model.contents()
    if model.release:
        record = {"hash": model.release.hash, "date": model.release.date}
        contents["release.toml"] = tomli_w.dumps(record).encode()
    made: list[Path] = []
    try:
        _refuse_existing(target)
        _make_folders(target.parent, made)
        _put_in_place(model, contents, target)
    except OSError as error:
        _remove_empty(made)
        raise SaveError(f"{target}: {error.strerror or type(error).__name__}; nothing was written.") from error
    except BayesdxError:
        _remove_empty(made)
        raise
    return target


def _can_be_named(target: Path) -> bool:
    try:
        return b"\0" not in os.fsencode(target) and target.name not in ("", "..")
    except UnicodeEncodeError:
        return False


def _put_in_place(model: Model, contents: dict[str, bytes], target: Path) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".saving", dir=target.parent))
    try:
        version = scratch / target.name
        version.mkdir()
        for name, content in contents.items():
            _write(version / name, content)
        sync_folder(version)
        _check_written(model, version)
        try:
            os.rename(version, target)
        except OSError:
            _refuse_existing(target)
            raise
        try:
            sync_folder(target.parent)
        except OSError:
            _take_back(target, version)
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _take_back(target: Path, version: Path) -> None:
    try:
        os.rename(target, version)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SaveError(f"{target} was written whole, but the disk does not confirm it: {reason}.") from error


def _check_written(model: Model, version: Path) -> None:
    """The files are sound and say what the model says."""
    written, problems = examine(version)
    if written is None:
        count = f"{len(problems)} fault{'s' if len(problems) != 1 else ''}"
        raise ModelError(f"{model.name} {model.version} has {count}; not saved.", problems)
    if written.hash != model.hash:
        read = written.contents()
        changed = [name for name, content in model.contents().items() if read.get(name) != content]
        raise ModelError(
            f"{model.name} {model.version}: {', '.join(changed)} would not read back as it is, "
            "for example for a line end of its own; not saved."
        )


def _refuse_existing(target: Path) -> None:
    if (target / "release.toml").exists():
        raise SaveError(f"{target} is a released version, which never changes; save under a new version.")
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise SaveError(f"{target} exists already and is not overwritten; save under a new version or another folder.")


def _make_folders(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it; ``made`` receives the new ones, outermost first."""
    missing = [folder]
    while not missing[-1].exists():
        missing.append(missing[-1].parent)
    for path in reversed(missing[:-1]):
        path.mkdir(exist_ok=True)
        made.append(path)


def _remove_empty(made: list[Path]) -> None:
    """Take back folders that were made for nothing, unless somebody has put something there."""
    for path in reversed(made):
        with suppress(OSError):
            path.rmdir()


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
