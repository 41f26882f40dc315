"""What a run leaves on disk: parts of its scores, and JSON files that record them; each is whole or not there."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from bayesdx.cohort.columns import STATUSES, Scored
from bayesdx.cohort.formats import Format, Writer
from bayesdx.errors import BayesdxError, CohortError
from bayesdx.files.companions import arrow_faults
from bayesdx.files.ordinary import UnusualFileError, open_ordinary

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
        """Whether an ordinary file with these bytes lies at a path."""
        return _content(path, self.bytes) == (self.bytes, self.sha256)


@dataclass(frozen=True)
class Parts:
    """Where the parts of a run lie. Several processes may write different parts, or the same one twice.

    Parameters
    ----------
    out : Path
        What messages name.
    format : Format
    results : Path
        Folder of finished parts.
    scratch : Path
        Folder of parts being written, and of the records of finished ones.
    run : str
        What tells the parts of this run from those of another.
    resumable : bool
        Whether the same call can continue the run after a fault.
    """

    out: Path
    format: Format
    results: Path
    scratch: Path
    run: str
    resumable: bool

    def path(self, number: int) -> Path:
        """Where a finished part lies."""
        return self.results / f"part-{number:06d}.{self.format.value}"

    def done(self, number: int) -> int | None:
        """The number of rows of a part that is there, byte for byte as it was written; otherwise None."""
        record = self.record(number)
        return record.rows if record is not None and record.is_at(self.path(number)) else None

    def record(self, number: int) -> Written | None:
        """The record of a finished part; None where there is none, or it is of another run or part."""
        try:
            found = read_json(self._record_path(number))
        except (OSError, UnusualFileError, ValueError):
            return None
        if not isinstance(found, dict) or found.pop("seal", None) != seal(found):
            return None
        return read_written(found) if (found.get("run"), found.get("part")) == (self.run, number) else None

    def _record_path(self, number: int) -> Path:
        return self.scratch / f"part-{number:06d}.json"

    def _write_record(self, number: int, record: Written) -> None:
        content = {"run": self.run, "part": number, **record.as_json()}
        write_json(self._record_path(number), {**content, "seal": seal(content)}, self.scratch)

    @contextmanager
    def part(self, number: int, schema: Any = None) -> Iterator[Callable[[Scored], None]]:
        """A function that takes the scores of a part; at the end of the block the part is there, or nothing of it.

        ``schema`` is that of the output as Arrow, where the format has one.
        """
        scratch = self.scratch / f"part-{number:06d}.{uuid.uuid4().hex[:12]}.tmp"
        counts: Counter[str] = Counter(dict.fromkeys(STATUSES, 0))
        with self.writing():
            writer = Writer(self.format, scratch, number == 0, schema)

        def write(scored: Scored) -> None:
            with self.writing():
                writer.write(scored.columns)
            counts.update(scored.statuses)

        try:
            yield write
            with self.writing():
                writer.close()
                sync(scratch)
                self._write_record(number, written(scratch, counts))
                make_room(self.path(number))
                scratch.replace(self.path(number))
        except BaseException:
            writer.abandon()
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
            raise

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn an error of the disk into a CohortError that says which parts are kept."""
        try:
            yield
        except BayesdxError:
            raise
        except arrow_faults() as error:
            code = error.errno if isinstance(error, OSError) else None
            reason = os.strerror(code) if code else next(iter(str(error).splitlines()), type(error).__name__)
            kept = ""
            if self.resumable and self.scratch.is_dir():
                kept = f" Finished parts are kept in {self.results}; the same call continues there."
            raise CohortError(f"{self.out}: {reason.rstrip('.')}; the run was not finished.{kept}") from error


def sync(path: Path) -> None:
    """Make the content of a file durable."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


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
    """The number of rows of each status; None where a JSON value is not that."""
    if not isinstance(found, dict) or found.keys() != set(STATUSES) or not all(map(is_count, found.values())):
        return None
    return {name: found[name] for name in STATUSES}


def is_count(value: object) -> TypeGuard[int]:
    """Whether a JSON value is a whole number from 0 to below ``LARGEST_COUNT``; true and false are none."""
    return type(value) is int and 0 <= value < LARGEST_COUNT


def seal(content: object) -> str:
    """A digest of plain values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises
    ------
    OSError
        There is no such file, it cannot be opened, or it is a link.
    UnusualFileError
        It is a folder, a pipe or a device.
    ValueError
        It is too large, or no JSON.
    """
    with open_ordinary(path, follow_links=False) as file:
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
        with open_ordinary(path, follow_links=False) as file:
            found = os.fstat(file.fileno()).st_size
            if size is not None and found != size:
                return None
            return found, hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, UnusualFileError):
        return None
