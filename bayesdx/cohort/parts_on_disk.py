"""Parts of a run on disk; a part is written whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayesdx.cohort.columns import Scored
from bayesdx.cohort.formats import Format, Writer
from bayesdx.cohort.records import Written, make_room, read_json, read_written, seal, write_json, written
from bayesdx.cohort.summary import STATUSES
from bayesdx.errors import BayesdxError, CohortError
from bayesdx.files.companions import arrow_faults


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
        Whether the same call continues after a fault.
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
        """What was noted of a part when it was finished; None where that is not known, or is of another run or part."""
        try:
            found = read_json(self._record_path(number))
        except (OSError, ValueError):
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
        """A fault of the disk becomes a CohortError that says what is left."""
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
