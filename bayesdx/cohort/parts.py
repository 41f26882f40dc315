"""Parts of a run on disk: each of them whole, or not there."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayesdx.cohort.companions import arrow
from bayesdx.cohort.formats import Format, Writer
from bayesdx.cohort.summary import STATUSES
from bayesdx.errors import CohortError


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
        Folder of parts being written, and of the counts of finished ones.
    resumable : bool
        Whether the same call continues after a fault.
    """

    out: Path
    format: Format
    results: Path
    scratch: Path
    resumable: bool

    def path(self, number: int) -> Path:
        """Where a finished part lies."""
        return self.results / f"part-{number:06d}.{self.format.value}"

    def done(self, number: int) -> int | None:
        """The number of rows of a part that is there already, or None. Its counts were written before its name."""
        if not self.path(number).exists():
            return None
        counts = self.counts(number)
        return None if counts is None else sum(counts.values())

    def counts(self, number: int) -> dict[str, int] | None:
        """Rows of a part by status; None where that is not known."""
        try:
            found = json.loads(self._counts_path(number).read_bytes())
            return {name: int(found[name]) for name in STATUSES}
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _counts_path(self, number: int) -> Path:
        return self.scratch / f"part-{number:06d}.json"

    @contextmanager
    def part(self, number: int) -> Iterator[Callable[[Any], None]]:
        """A function that takes the batches of a part; at the end of the block the part is there, or nothing of it."""
        scratch = self.scratch / f"part-{number:06d}.{uuid.uuid4().hex[:12]}.tmp"
        counts: Counter[str] = Counter(dict.fromkeys(STATUSES, 0))
        writer = Writer(self.format, scratch, header=number == 0)

        def write(batch: Any) -> None:
            with self.writing():
                writer.write(batch)
            statuses = batch.column("status").value_counts().to_pylist()
            counts.update({entry["values"]: entry["counts"] for entry in statuses})

        try:
            yield write
            with self.writing():
                writer.close()
                sync(scratch)
                write_json(self._counts_path(number), dict(counts), self.scratch)
                scratch.replace(self.path(number))
        except BaseException:
            writer.abandon()
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
            raise

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A fault of the disk becomes a CohortError that says what is left."""
        try:
            yield
        except (OSError, arrow().ArrowException) as error:
            code = error.errno if isinstance(error, OSError) else None
            reason = os.strerror(code) if code else next(iter(str(error).splitlines()), type(error).__name__)
            kept = ""
            if self.resumable and self.scratch.is_dir():
                kept = f" Finished parts are kept in {self.results}; the same call continues there."
            raise CohortError(f"{self.out}: {reason.rstrip('.')}; the run was not finished.{kept}") from error


def write_json(path: Path, content: object, folder: Path) -> None:
    """A small file, whole or not at all; until then it lies in ``folder``."""
    scratch = folder / f"{path.name}.{uuid.uuid4().hex[:12]}.tmp"
    try:
        with scratch.open("w", encoding="utf-8", newline="\n") as file:
            json.dump(content, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Make the content of a file durable."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
