"""What is written beside scores: small JSON files, checked when they are read, and hashes of files."""

from __future__ import annotations

import functools
import hashlib
import json
import operator
import os
import stat
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeGuard

from bayesdx.cohort.summary import STATUSES

LARGEST_JSON = 2**26
"""Bytes of a JSON file that is read; the manifest of a folder names all its files."""

LARGEST_COUNT = 2**63
"""No table has so many rows."""


@dataclass(frozen=True)
class Written:
    """A file of scores as it was written.

    Parameters
    ----------
    statuses : mapping of "ok", "impossible" and "bad_value" to the number of rows
    bytes : int
    sha256 : str
    """

    statuses: Mapping[str, int]
    bytes: int
    sha256: str

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(self.statuses.values())

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"rows": self.rows, "statuses": dict(self.statuses), "bytes": self.bytes, "sha256": self.sha256}

    def is_at(self, path: Path) -> bool:
        """Whether that is what lies at a path: the same bytes in an ordinary file."""
        return _content(path, self.bytes) == (self.bytes, self.sha256)


def written(path: Path, statuses: Mapping[str, int]) -> Written:
    """The record of a file that has just been written."""
    found = _content(path)
    if found is None:
        raise OSError(f"{path.name} is gone or was replaced while it was written")
    return Written({name: statuses[name] for name in STATUSES}, *found)


def read_written(found: object) -> Written | None:
    """The record that a JSON value is, or None."""
    if not isinstance(found, dict):
        return None
    statuses, size, digest = read_statuses(found.get("statuses")), found.get("bytes"), found.get("sha256")
    if statuses is None or not is_count(size) or not isinstance(digest, str):
        return None
    record = Written(statuses, size, digest)
    return record if found.get("rows") == record.rows else None


def read_statuses(found: object) -> dict[str, int] | None:
    """Rows by status, or None where a JSON value is nothing of the kind."""
    if not isinstance(found, dict) or found.keys() != set(STATUSES) or not all(map(is_count, found.values())):
        return None
    return {name: found[name] for name in STATUSES}


def is_count(value: object) -> TypeGuard[int]:
    """Whether a JSON value is a number of things: whole, not negative, not absurd, not true or false."""
    return type(value) is int and 0 <= value < LARGEST_COUNT


def seal(content: object) -> str:
    """A digest of plain values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises
    ------
    OSError
        There is no such file, or it cannot be opened.
    ValueError
        It is no ordinary file, too large, or no JSON.
    """
    with _ordinary(path) as file:
        data = file.read(LARGEST_JSON + 1)
    if len(data) > LARGEST_JSON:
        raise ValueError(f"more than {LARGEST_JSON} bytes")
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def write_json(path: Path, content: object, folder: Path) -> None:
    """A small file, durable and whole, or not at all; until then it lies in ``folder``."""
    scratch = folder / f"{path.name}.{uuid.uuid4().hex[:12]}.tmp"
    try:
        with scratch.open("w", encoding="utf-8", newline="\n") as file:
            json.dump(content, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        make_room(path)
        scratch.replace(path)
    except BaseException:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise


def make_room(path: Path) -> None:
    """Remove an empty folder that lies where a file belongs; a full one is left, and an OSError says so."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()


def remove(path: Path) -> None:
    """Remove a file, a link or an empty folder."""
    make_room(path)
    path.unlink(missing_ok=True)


def _content(path: Path, size: int | None = None) -> tuple[int, str] | None:
    """Bytes and digest of an ordinary file; None where there is none, or none of this size."""
    try:
        with _ordinary(path) as file:
            found = os.fstat(file.fileno()).st_size
            if size is not None and found != size:
                return None
            return found, hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None


def _ordinary(path: Path) -> BufferedReader:
    """An ordinary file, opened: no link is followed and no pipe waited for."""
    flags = [getattr(os, name, 0) for name in ("O_RDONLY", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")]
    handle = os.open(path, functools.reduce(operator.or_, flags))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ValueError("no ordinary file")
    return os.fdopen(handle, "rb")
