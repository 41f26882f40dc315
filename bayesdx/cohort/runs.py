"""A run whose scores go to disk: one place, one manifest that says which run it is, one process at a time."""

from __future__ import annotations

import json
import os
import platform
import reprlib
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from bayesdx.cohort.coding import TableLexicon, kernel
from bayesdx.cohort.columns import STATUSES
from bayesdx.cohort.formats import Format, merge
from bayesdx.cohort.options import CohortSizes, Options
from bayesdx.cohort.parts_on_disk import (
    Parts,
    Written,
    is_count,
    read_json,
    read_statuses,
    read_written,
    remove,
    seal,
    sync,
    write_json,
    written,
)
from bayesdx.errors import LONGEST_SHOWN, CohortError, quoted
from bayesdx.files.companions import arrow
from bayesdx.files.ordinary import UnusualFileError, sync_folder

ADVICE = "Choose another name, or pass overwrite=True."

MANIFEST = 1
"""Version of the manifest's format."""


@dataclass(frozen=True)
class CohortSummary:
    """A finished run whose scores were written.

    Parameters
    ----------
    out : Path
        File or folder of the scores.
    rows : int
    statuses : mapping of "ok", "impossible" and "bad_value" to the number of rows

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> patients = pd.DataFrame({"xray": ["positive", "odd"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     summary = dx.score_cohort(model, patients, out=f"{folder}/scores.csv", on_error="flag")
    >>> summary.rows, dict(summary.statuses)
    (2, {'ok': 1, 'impossible': 0, 'bad_value': 1})
    """

    out: Path
    rows: int
    statuses: Mapping[str, int]

    def __str__(self) -> str:
        parts = [f"{self.statuses[name]} {name}" for name in STATUSES]
        return f"{self.out}: {self.rows} rows; {', '.join(parts)}."


class Run:
    """The place where a run writes its output, with the manifest that says which run it is.

    ``OUT.parquet`` and ``OUT.csv`` have their manifest beside them, ``OUT.parquet.manifest.json``, and until they are
    finished their parts, in ``OUT.parquet.parts/``. A folder has its manifest within, ``_manifest.json``, and until it
    is finished ``_parts/``. The manifest stays: it says what the scores were made from. A run that ends by an error
    before any part was finished leaves nothing.

    Parameters
    ----------
    out : Path
        Absolute.
    format : Format
    identity : mapping
        What the bytes of the output depend on; its entry ``source`` is None where the source cannot be recognised, and
        then the run is never continued.
    overwrite : bool
        Whether what another run has written may be replaced.
    sizes : CohortSizes
        How the source is cut into parts.

    Attributes
    ----------
    finished : CohortSummary or None
        The summary where the same run was finished before; nothing is left to do then.

    Raises
    ------
    CohortError
        Another run, or something else, is at the place; or another process is writing there.
    """

    def __init__(
        self, out: Path, format: Format, identity: Mapping[str, Any], overwrite: bool, sizes: CohortSizes
    ) -> None:
        folder = format is Format.PARQUET_FOLDER
        self.out = out
        self.identity = json.loads(json.dumps(identity))
        self.manifest = out / "_manifest.json" if folder else out.with_name(f"{out.name}.manifest.json")
        scratch = out / "_parts" if folder else out.with_name(f"{out.name}.parts")
        results, resumable = out if folder else scratch, identity["source"] is not None
        # Parts that were cut otherwise hold other rows under the same number.
        cut = [sizes.part_rows, sizes.part_characters]
        self.parts = Parts(out, format, results, scratch, seal([self.identity, cut]), resumable)
        self.finished: CohortSummary | None = None
        self._lock: int | None = None
        self._made_folder = folder and not os.path.lexists(out)
        try:
            with self.parts.writing():
                self._open(overwrite)
        except BaseException:
            self.close()
            raise

    def _open(self, overwrite: bool) -> None:
        if not self.out.parent.is_dir():
            raise CohortError(f"{self.out}: there is no folder {self.out.parent}; nothing was written.")
        if self._read_manifest() is None:
            self._refuse_others()
        scratch = self.parts.scratch
        if scratch.is_symlink():
            raise CohortError(f"{scratch} is a link, and nothing is written through it; choose another name.")
        scratch.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(scratch / "lock", self.out)
        for path in scratch.glob("*.tmp"):
            remove(path)
        found = self._read_manifest()
        if found is None:
            self._write_manifest(self._content(None))
        elif self._is_mine(found, overwrite):
            self.finished = self._summary(found)

    def _is_mine(self, found: dict[str, Any], overwrite: bool) -> bool:
        """Whether the run at the place is this one and finished.

        Another run is refused, or with ``overwrite`` its parts are removed.
        """
        run, finished = found["run"], found["statuses"] is not None
        if run == self.identity and self.parts.resumable and not overwrite:
            if not finished:
                return False
            if self._is_there(found):
                return True
        elif not overwrite and (finished or (isinstance(run, dict) and run.get("source") is not None)):
            raise CohortError(f"{self.out} belongs to another run: {_difference(run, self.identity)}. {ADVICE}")
        self._start_anew()
        return False

    def _start_anew(self) -> None:
        """Remove the parts of the earlier run; its finished file stays until the new one takes its place.

        In between the manifest belongs to no run, so that a run killed here mixes nothing.
        """
        self._write_manifest({"format": MANIFEST, "run": None, "rows": None, "statuses": None, "files": None})
        for path in [*self.parts.scratch.glob("part-*"), *self.parts.results.glob("part-*")]:
            remove(path)
        self._write_manifest(self._content(None))

    def _refuse_others(self) -> None:
        """Raise a CohortError where something lies at the place that no run has written."""
        allowed = {"_parts"} if self.parts.format is Format.PARQUET_FOLDER else None
        _refuse_unless_empty(self.out, allowed)
        _refuse_unless_empty(self.parts.scratch, {"lock"})

    def _read_manifest(self) -> dict[str, Any] | None:
        try:
            found = read_json(self.manifest)
        except FileNotFoundError:
            return None
        except PermissionError:
            raise
        except (OSError, UnusualFileError, ValueError):
            found = None
        if not _is_manifest(found):
            raise CohortError(f"{self.manifest}: no manifest of score_cohort; choose another name for the output.")
        return dict(found)

    def _write_manifest(self, content: dict[str, Any]) -> None:
        write_json(self.manifest, content, self.parts.scratch)

    def _content(self, files: Mapping[str, Written] | None) -> dict[str, Any]:
        """The manifest; ``files`` are those of the scores, once the run is finished."""
        if files is None:
            return {"format": MANIFEST, "run": self.identity, "rows": None, "statuses": None, "files": None}
        statuses = {name: sum(file.statuses[name] for file in files.values()) for name in STATUSES}
        listed = {name: file.as_json() for name, file in files.items()}
        rows = sum(statuses.values())
        return {"format": MANIFEST, "run": self.identity, "rows": rows, "statuses": statuses, "files": listed}

    def _summary(self, manifest: Mapping[str, Any]) -> CohortSummary:
        statuses = {name: int(manifest["statuses"][name]) for name in STATUSES}
        return CohortSummary(self.out, sum(statuses.values()), statuses)

    def _is_there(self, manifest: Mapping[str, Any]) -> bool:
        """Whether the output of a finished run is there; a CohortError where it was changed since."""
        if not os.path.lexists(self.out):
            return False
        for name, found in (manifest.get("files") or {}).items():
            path = self.parts.results / name if self.parts.format is Format.PARQUET_FOLDER else self.out
            record = read_written(found)
            if record is None or not record.is_at(path):
                raise CohortError(f"{path} was changed since it was written. {ADVICE}")
        return True

    def finish(self, parts: int, schema: Any) -> CohortSummary:
        """Put the parts together, and record the output in the manifest."""
        records: dict[str, Written] = {}
        for number in range(parts):
            path, record = self.parts.path(number), self.parts.record(number)
            if record is None or not record.is_at(path):
                raise CohortError(f"{path} is gone or was changed since it was written; the same call scores it again.")
            records[path.name] = record
        with self.parts.writing():
            for path in self.parts.results.glob(f"part-*.{self.parts.format.value}"):
                if path.name not in records:
                    remove(path)
            if self.parts.format is not Format.PARQUET_FOLDER:
                statuses = Counter({name: sum(file.statuses[name] for file in records.values()) for name in STATUSES})
                records = {self.out.name: self._put_together(parts, schema, statuses)}
            sync_folder(self.parts.results)
            content = self._content(records)
            self._write_manifest(content)
            sync_folder(self.out.parent)
        self.finished = self._summary(content)
        return self.finished

    def _put_together(self, parts: int, schema: Any, statuses: Mapping[str, int]) -> Written:
        scratch = self.parts.scratch / f"{self.out.name}.tmp"
        try:
            merge(self.parts.format, [self.parts.path(number) for number in range(parts)], schema, scratch)
            sync(scratch)
            record = written(scratch, statuses)
            scratch.replace(self.out)
        except BaseException:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
            raise
        return record

    def close(self) -> None:
        """Release the lock; the parts of a finished run are removed, and all traces of one that finished no part."""
        if self._lock is None:
            return
        found = None
        with suppress(CohortError, OSError):
            found = self._read_manifest()
        if found is not None:
            scratch = self.parts.scratch
            with suppress(OSError):
                if found["statuses"] is not None:
                    for path in [*scratch.glob("part-*"), *scratch.glob("*.tmp"), scratch / "lock"]:
                        remove(path)
                    scratch.rmdir()
                elif found["run"] == self.identity and self._is_bare():
                    for path in (self.manifest, scratch / "lock"):
                        remove(path)
                    scratch.rmdir()
                    if self._made_folder:
                        self.out.rmdir()
        os.close(self._lock)
        self._lock = None

    def _is_bare(self) -> bool:
        """Whether nothing lies at the place but what every run begins with: no part, no scores of an earlier run."""
        if [path.name for path in self.parts.scratch.iterdir()] != ["lock"]:
            return False
        if self.parts.format is not Format.PARQUET_FOLDER:
            return not os.path.lexists(self.out)
        return {path.name for path in self.out.iterdir()} == {self.manifest.name, self.parts.scratch.name}


def _is_manifest(found: object) -> bool:
    if not isinstance(found, dict) or not is_count(found.get("format")) or found["format"] != MANIFEST:
        return False
    if "run" not in found or "statuses" not in found:
        return False
    if found["statuses"] is None:
        return True
    statuses, files = read_statuses(found["statuses"]), found.get("files", {})
    return statuses is not None and found.get("rows") == sum(statuses.values()) and isinstance(files, dict)


def _refuse_unless_empty(path: Path, allowed: set[str] | None) -> None:
    """Raise unless there is nothing at the path, or a folder that holds nothing but what is allowed."""
    if not os.path.lexists(path):
        return
    sound = allowed is not None and path.is_dir() and not path.is_symlink()
    if not sound or any(entry.name not in (allowed or ()) and entry.suffix != ".tmp" for entry in path.iterdir()):
        raise CohortError(f"{path} exists already and was not written by score_cohort; choose another name.")


def _difference(there: Any, here: dict[str, Any]) -> str:
    """The first entry in which two identities differ."""
    if not isinstance(there, dict):
        return "its manifest names none"
    for section in ("model", "options", "software"):
        old, new = there.get(section), here[section]
        if isinstance(old, dict) and old != new:
            key = next((key for key in new if old.get(key) != new[key]), "other entries")
            return f"{section} {key} is {_shown(old.get(key))} there and {_shown(new.get(key))} here"
    old, new = there.get("source"), here["source"]
    if old is None or new is None:
        return "a frame cannot be recognised as the same one"
    if old == new or not isinstance(old, dict):
        return "its manifest is of another kind"
    if old.get("name") == new["name"]:
        return f"the input {new['name']} was changed since"
    return f"its input is {_shown(old.get('name'))} there and {new['name']} here"


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = LONGEST_SHOWN


def _shown(value: object) -> str:
    """A value of a manifest, shortened however long or deeply nested it is."""
    return quoted(value)[1:-1] if isinstance(value, str) else _SHORT.repr(value)


def _locked(path: Path, out: Path) -> int | None:
    """The handle of a lock that ends with the process; None where the system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return None
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino != os.fstat(handle).st_ino:
            raise BlockingIOError
    except (BlockingIOError, FileNotFoundError) as error:
        os.close(handle)
        raise CohortError(f"{out}: another process is writing it.") from error
    return handle


def identity(words: TableLexicon, source: Mapping[str, Any] | None, options: Options, is_arrow: bool) -> dict[str, Any]:
    """What the bytes of an output depend on: model, options, source and software, as plain values.

    Parameters
    ----------
    words : TableLexicon
    source : mapping or None
        The identity of the source; None where it cannot be recognised.
    options : Options
    is_arrow : bool
        Whether pyarrow reads the source or writes the output.
    """
    model = words.model
    try:
        own = version("bayesdx")
    except PackageNotFoundError:
        own = "not installed"
    return {
        "model": {"name": model.name, "version": model.version, "hash": model.hash, "population": model.population},
        "options": options.identity(),
        "source": source,
        "software": {
            "bayesdx": own,
            "kernel": kernel(),
            "numpy": np.__version__,
            **({"pyarrow": arrow().__version__} if is_arrow else {}),
            "machine": platform.machine(),
        },
    }
