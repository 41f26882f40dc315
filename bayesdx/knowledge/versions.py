"""Finding models and their versions: by name, by name@version, or by folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.resources import files
from itertools import islice
from pathlib import Path

import pandas as pd

from bayesdx.errors import ModelError, ModelNotFoundError, check_path, nearest
from bayesdx.knowledge.checking import examine
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.problems import MOST_COMPARED, shown
from bayesdx.knowledge.schema import NAME, VERSION


def models_folder() -> Path:
    """The folder of the shipped models: inside the installed package, or beside it in a source tree."""
    package = Path(str(files("bayesdx")))
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"


def load_model(model: str | os.PathLike[str], *, population: str | None = None) -> Model:
    """Load a version of a model.

    Parameters
    ----------
    model : str or path
        A shipped model's name for its newest version (``"hip_flexion_weakness"``), a name with a version
        (``"hip_flexion_weakness@1.0.0"``), or the path of a folder: of one version, or of a model, which then gives
        its newest version. The newest is the newest released one; a draft (a folder without release.toml) only where
        nothing is released. A name that is shipped goes before a folder of the same name.
    population : str, optional
        The population whose priors are used; the model's default where left out.

    Returns
    -------
    Model

    Raises
    ------
    ModelNotFoundError
        Nothing answers to the name; the nearest name is given.
    ModelError
        The folder has faults (``problems`` lists them all), or no such population.

    Examples
    --------
    >>> import bayesdx as dx
    >>> dx.load_model("hip_flexion_weakness@1.0.0").version
    '1.0.0'
    """
    folder = find_folder(model)
    loaded, problems = examine(folder)
    if loaded is None:
        count = f"{len(problems)} fault{'s' if len(problems) != 1 else ''}"
        raise ModelError(f"{folder} is not a sound model: {count}.", problems)
    return loaded if population is None else loaded.with_population(population)


def as_model(model: Model | str | os.PathLike[str]) -> Model:
    """A model as it is, or the one that ``load_model`` finds under a name or path.

    Parameters
    ----------
    model : Model, str or path

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        It is neither a model nor a text; or as ``load_model``.

    Examples
    --------
    >>> as_model("chest_clinic@1.0.0").version
    '1.0.0'
    """
    return model if isinstance(model, Model) else load_model(model)


def list_models(folder: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """The models and versions of a folder, newest version first.

    Parameters
    ----------
    folder : path, optional
        A folder of models (``<name>/<version>/``); the shipped ones where left out.

    Returns
    -------
    DataFrame
        Columns: name, version, title, populations (comma-separated, the default first), variables, causes, released
        (date or empty), hash (first 12 digits), sound (whether ``check_model`` finds no fault).

    Raises
    ------
    ModelNotFoundError
        The folder does not exist or cannot be read.

    Examples
    --------
    >>> import bayesdx as dx
    >>> "hip_flexion_weakness" in set(dx.list_models().name)
    True
    """
    if folder is not None:
        check_path("folder", folder, ModelNotFoundError)
    root = models_folder() if folder is None else Path(folder)
    rows = []
    try:
        for model in sorted(entry for entry in root.iterdir() if NAME.fullmatch(entry.name) and entry.is_dir()):
            for version in versions_of(model):
                loaded, _ = examine(version)
                rows.append(_row(model.name, version.name, loaded))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelNotFoundError(f"{shown(str(root))} cannot be listed: {reason}.") from error
    return pd.DataFrame(rows, columns=list(_row("", "", None)))


def lineage(model: str | os.PathLike[str] | Model) -> str:
    """Which version a model was made from, and whether it is at hand: one sentence.

    A parent that is not at hand is no fault: the hash of its content stays with the child.

    Parameters
    ----------
    model : str, path or Model
        As for ``load_model``. The parent is looked for beside the version's folder and among the shipped models; for a
        ``Model``, which has no folder, among the shipped models only.

    Returns
    -------
    str

    Raises
    ------
    ModelNotFoundError, ModelError
        As ``load_model`` has them.

    Examples
    --------
    >>> import bayesdx as dx
    >>> dx.lineage("hip_flexion_weakness@2.3.0")
    '2.3.0 was made from 2.2.1 (sha256:97ccdb3a0aed), which is at hand.'
    >>> dx.lineage("hip_flexion_weakness@2.2.1")
    '2.2.1 was made from 2.2.0 (sha256:8872d7bf6336), which is not at hand; that is no fault, its hash stays.'
    """
    loaded = model if isinstance(model, Model) else load_model(model)
    version, digest = loaded.info.parent_version, loaded.info.parent_hash
    if not version:
        return f"{loaded.version} was made from no other version."
    made = f"{loaded.version} was made from {version} ({_short(digest)})"
    beside = [] if isinstance(model, Model) else [find_folder(model).resolve().parent / version]
    found = [examine(folder)[0] for folder in (*beside, models_folder() / loaded.name / version) if folder.is_dir()]
    hashes = [parent.hash if parent else "" for parent in found]
    if digest in hashes:
        return f"{made}, which is at hand."
    if not hashes:
        return f"{made}, which is not at hand; that is no fault, its hash stays."
    other = f"has another content ({_short(hashes[0])})" if hashes[0] else "has faults"
    return f"{made}; the {version} at hand {other}."


def _short(digest: str) -> str:
    """A hash as people compare it: its first 12 digits."""
    return digest[: len("sha256:") + 12]


def _row(name: str, version: str, model: Model | None) -> dict[str, object]:
    populations: list[str] = []
    if model:
        default = model.info.default_population
        populations = [default, *(p.name for p in model.info.populations if p.name != default)]
    return {
        "name": name,
        "version": version,
        "title": model.info.title if model else "",
        "populations": ", ".join(populations),
        "variables": len(model.variables) if model else 0,
        "causes": len(model.causes) if model else 0,
        "released": model.release.date if model and model.release else "",
        "hash": _short(model.hash).removeprefix("sha256:") if model else "",
        "sound": model is not None,
    }


def versions_of(model: Path) -> list[Path]:
    """The version folders of a model's folder, newest first."""
    found = [entry for entry in model.iterdir() if entry.is_dir() and VERSION.fullmatch(entry.name)]
    return sorted(found, key=lambda entry: tuple(map(int, entry.name.split("."))), reverse=True)


def find_folder(model: str | os.PathLike[str]) -> Path:
    """The folder of the version that a name, a name with a version, or a path stands for.

    Raises
    ------
    ModelNotFoundError
        Nothing answers to it.
    """
    if not isinstance(model, str | os.PathLike):
        raise ModelNotFoundError(
            f"a {type(model).__name__} is no model; give a name, as 'chest_clinic', or a folder"
            f"{'; model_from_network makes one of a network' if 'Network' in type(model).__name__ else ''}."
        )
    text = os.fspath(model)
    try:
        return _find(text, isinstance(model, str))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelNotFoundError(f"{shown(text)} cannot be opened: {reason}.") from error


def _newest(versions: list[Path]) -> Path:
    """The newest released version; the newest draft where nothing is released."""
    return next((folder for folder in versions if (folder / "release.toml").exists()), versions[0])


def _find(text: str, may_be_name: bool) -> Path:
    name, at, version = text.partition("@")
    root = models_folder()
    if may_be_name and NAME.fullmatch(name) and (root / name).is_dir():
        versions = versions_of(root / name)
        if not versions:
            raise ModelNotFoundError(f"{name} has no version yet.")
        if not at:
            return _newest(versions)
        for folder in versions:
            if folder.name == version:
                return folder
        known = ", ".join(folder.name for folder in versions)
        raise ModelNotFoundError(f"{name} has no version {shown(version)}; its versions are {known}.")
    if "\0" in text:
        raise ModelNotFoundError(f"{shown(text)} is no model: a name has no NUL character.")
    path = Path(text)
    if (path / "model.toml").exists() or (path.is_dir() and any(path.glob("*.csv"))):
        return path
    if path.is_dir():
        versions = versions_of(path)
        if versions:
            return _newest(versions)
        raise ModelNotFoundError(f"{path} is a folder without model.toml and without versions such as 1.0.0.")
    if path.is_file():
        raise ModelNotFoundError(f"{shown(text)} is a file; a model, which comes first, is a shipped name or a folder.")
    known = ", ".join(folder.name for folder in versions_of(path.parent)) if path.parent.is_dir() else ""
    if known and len(path.parts) > 1:
        raise ModelNotFoundError(f"{path.parent} has no version {shown(path.name)}; its versions are {known}.")
    names = [entry.name for entry in root.iterdir() if entry.is_dir() and NAME.fullmatch(entry.name)]
    found = [one for one in (_nearest_folder(Path(text.replace("@", "/"))), _nearest_shipped(text, names)) if one]
    near = nearest(text, found) or next(iter(found), None)
    suggestion = f" Did you mean {near!r}?" if near else f" Shipped models: {', '.join(sorted(names)) or 'none'}."
    raise ModelNotFoundError(f"{shown(text)} is neither a shipped model nor a folder.{suggestion}")


def _nearest_shipped(text: str, names: Sequence[str]) -> str | None:
    """The shipped model, with its version where one is named, that is most like a name or like name/version."""
    name, _, version = text.replace("@", "/").partition("/")
    near = nearest(name, names)
    return f"{near}@{version}" if near and (models_folder() / near / version / "model.toml").is_file() else near


def _nearest_folder(path: Path) -> str | None:
    """The folder of a model, or of a version, whose path differs in the one part that is not there, if in any."""
    here = Path(path.anchor)
    for place, part in enumerate(path.parts[len(here.parts) :], start=len(here.parts)):
        if (here / part).is_dir():
            here /= part
            continue
        rest = path.parts[place + 1 :]
        folders = [entry.name for entry in islice(here.iterdir(), MOST_COMPARED) if entry.is_dir()]
        near = nearest(part, [name for name in folders if _is_model(here.joinpath(name, *rest))])
        return str(here.joinpath(near, *rest)) if near else None
    return str(here) if _is_model(here) else None


def _is_model(folder: Path) -> bool:
    """Whether a folder is that of a version, or of a model with versions."""
    return (folder / "model.toml").is_file() or (folder.is_dir() and bool(versions_of(folder)))
