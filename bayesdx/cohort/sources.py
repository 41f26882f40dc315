"""Where a cohort comes from: a Parquet file or folder, a CSV file, a frame; all of them parts of record batches."""

from __future__ import annotations

import hashlib
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayesdx.cohort.coding import check_indices
from bayesdx.cohort.companions import arrow
from bayesdx.cohort.lexicon import quoted
from bayesdx.errors import BayesdxError, CohortError

BATCH_ROWS = 2**16
"""Rows scored at once."""

PART_ROWS = 2**17
"""Rows of a part at least; a part is what a killed run loses at most, for each of its threads."""

CSV_BLOCK = 2**22
"""Bytes of a CSV file read at once; a row must be shorter."""

CSV_PART = 2**25
"""Bytes of a CSV file in a part at most."""

MOST_COLUMNS = 10_000
"""Columns of a table."""

MOST_FILES = 100_000
"""Parquet files of a folder."""

LARGEST_GROUP = 2**32
"""Uncompressed bytes of a row group of a Parquet file, as its footer has them."""

_ENDS = 2**16

Group = tuple[int, int, int]
"""A row group: position of its file, position within the file, rows."""


@dataclass(frozen=True)
class Part:
    """Some consecutive rows.

    Parameters
    ----------
    number : int
        From 0.
    first_row : int
        Position of its first row in the whole.
    batches : function without arguments
        Reads the part, batch by batch.
    files : tuple of int
        Positions of the files that it is read from.
    """

    number: int
    first_row: int
    batches: Callable[[], Iterator[Any]]
    files: tuple[int, ...] = ()


class Source(ABC):
    """A table that can be read part by part; the same table always has the same parts.

    Parameters
    ----------
    name : str
        What messages call it.
    schema : pyarrow.Schema
    rows : int or None
        How many rows it has, None where that is not known beforehand.
    """

    name: str
    schema: Any
    rows: int | None
    first_number: int = 0
    """The number that messages give the first row."""

    def kept_schema(self, keep: Sequence[str]) -> Any:
        """Names and types of the columns that are copied."""
        return arrow().schema([self.schema.field(name) for name in keep])

    @abstractmethod
    def parts(self, columns: Sequence[str], skip: Callable[[int], bool]) -> Iterator[Part]:
        """The parts in order, with these columns only; a part that ``skip`` names need not be readable."""

    def identity(self) -> dict[str, Any] | None:
        """What tells this table from another, or from itself after a change; None where it cannot be recognised."""
        return None

    def check_unchanged(self, part: Part) -> None:  # noqa: B027 - a frame in memory has nothing to compare
        """Raise a CohortError where what the part was read from changed since the table was opened."""


def open_source(source: Any) -> Source:
    """The source behind what a user gave: a path, or a frame."""
    if isinstance(source, str | os.PathLike):
        path = checked_path(source)
        if path.is_dir():
            return ParquetSource(path, _parquet_files(path))
        return CsvSource(path) if path.suffix.lower() == ".csv" else ParquetSource(path, [path])
    from bayesdx.cohort.frames import FrameSource

    return FrameSource(source)


def checked_path(source: str | os.PathLike[str]) -> Path:
    """The path of an ordinary file or a folder that exists, of a kind that can be read."""
    try:
        path = Path(source)
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CohortError(f"{quoted(os.fspath(source))} cannot be opened: {reason}.") from error
    if stat.S_ISDIR(mode):
        return path
    if not stat.S_ISREG(mode):
        raise CohortError(f"{path}: no ordinary file; a cohort is a Parquet or CSV file, or a folder of Parquet files.")
    if path.suffix.lower() not in (".csv", ".parquet", ".pq"):
        raise CohortError(
            f"{path}: a file of an unknown kind; expected .parquet or .csv (not compressed as a whole), or a folder of "
            "Parquet files."
        )
    return path


def _parquet_files(folder: Path) -> list[Path]:
    """The Parquet files below a folder in the order of their paths; links to folders are not followed."""
    found: list[Path] = []
    for root, folders, files in os.walk(folder, onerror=_cannot_list):
        folders[:] = sorted(name for name in folders if not name.startswith(("_", ".")))
        chosen = (name for name in files if name.lower().endswith((".parquet", ".pq")) and name[0] not in "_.")
        found += (Path(root) / name for name in chosen)
        if len(found) > MOST_FILES:
            raise CohortError(f"{folder}: more than {MOST_FILES} Parquet files; score its folders one by one.")
    if not found:
        raise CohortError(f"{folder}: a folder without Parquet files.")
    for path in found:
        checked_path(path)
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def _cannot_list(error: OSError) -> None:
    raise CohortError(f"{error.filename}: cannot be listed: {error.strerror}.") from error


@contextmanager
def reading(path: object) -> Iterator[None]:
    """Whatever a reader makes of a broken file becomes a CohortError that names the file."""
    pa = arrow()
    try:
        yield
    except BayesdxError:
        raise
    except MemoryError as error:
        raise CohortError(f"{path}: does not fit into memory; write it again with smaller row groups.") from error
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        first = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise CohortError(f"{path}: cannot be read: {_printable(first[:500])}") from error


def _printable(text: str) -> str:
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in text).strip()
    return shown if shown.endswith(".") else f"{shown}."


def gathered(batches: Iterator[Any]) -> Iterator[Any]:
    """The same rows in batches of a sensible size, where a reader gives very small ones."""
    pa = arrow()
    waiting: list[Any] = []
    rows = 0
    for batch in batches:
        if not batch.num_rows:
            continue
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= BATCH_ROWS // 2:
            yield from _joined(waiting, pa)
            waiting, rows = [], 0
    if waiting:
        yield from _joined(waiting, pa)


def _joined(batches: list[Any], pa: Any) -> list[Any]:
    if len(batches) == 1 or any(batch.schema != batches[0].schema for batch in batches):
        return batches
    return list(pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches())


@dataclass(frozen=True)
class _State:
    """A file as it was when the run began."""

    size: int
    modified: int
    ends: str


def _state(path: Path) -> _State:
    """Size, time of change, and a digest of the first and last bytes (the latter hold the footer of a Parquet file)."""
    with reading(path), path.open("rb") as file:
        found = os.fstat(file.fileno())
        digest = hashlib.sha256(file.read(_ENDS))
        file.seek(max(0, found.st_size - _ENDS))
        digest.update(file.read(_ENDS))
    return _State(found.st_size, found.st_mtime_ns, digest.hexdigest())


class _Files(Source):
    """What files have in common: an identity, and no change while they are read."""

    def __init__(self, root: Path, files: Sequence[Path]) -> None:
        self.root = root
        self.name = str(root)
        self.files = list(files)
        self.states = [_state(path) for path in files]

    def identity(self) -> dict[str, Any]:
        """Names, sizes, times of change and digests of the files."""
        base = self.root if self.root.is_dir() else self.root.parent
        return {
            "name": self.root.name,
            "files": [
                {
                    "name": path.relative_to(base).as_posix(),
                    "bytes": state.size,
                    "modified_ns": state.modified,
                    "sha256_of_ends": state.ends,
                }
                for path, state in zip(self.files, self.states, strict=True)
            ],
        }

    def check_unchanged(self, part: Part) -> None:
        """Compare sizes and times of change with those at the start."""
        for path, state in ((self.files[number], self.states[number]) for number in part.files):
            try:
                now = path.stat()
                changed = (now.st_size, now.st_mtime_ns) != (state.size, state.modified)
            except OSError:
                changed = True
            if changed:
                raise CohortError(f"{path} changed while it was read; its scores were not finished.")


class ParquetSource(_Files):
    """A Parquet file, or the Parquet files of a folder; a part is some consecutive row groups."""

    def __init__(self, root: Path, files: Sequence[Path]) -> None:
        super().__init__(root, files)
        self.groups: list[Group] = []
        self.schema: Any = None
        for number, path in enumerate(self.files):
            with reading(path), arrow().parquet.ParquetFile(path) as file:
                self._add(number, path, file)
        self.rows = sum(rows for _, _, rows in self.groups)

    def _add(self, number: int, path: Path, file: Any) -> None:
        schema = file.schema_arrow.remove_metadata()
        if len(schema) > MOST_COLUMNS:
            raise CohortError(f"{path}: {len(schema)} columns; at most {MOST_COLUMNS} are read.")
        if self.schema is None:
            self.schema = schema
        elif schema.names != self.schema.names:
            differing = sorted(set(schema.names) ^ set(self.schema.names)) or ["their order"]
            raise CohortError(f"{path}: other columns than {self.files[0].name} has: {', '.join(differing[:5])}.")
        found = file.metadata
        for group in range(found.num_row_groups):
            # The sizes of columns would say more, but pyarrow 26 ends the process over some damaged ones.
            size = found.row_group(group).total_byte_size
            if size > LARGEST_GROUP:
                raise CohortError(
                    f"{path}: row group {group} has {size} bytes; at most {LARGEST_GROUP} are read. "
                    "Write the file again with smaller row groups."
                )
            self.groups.append((number, group, found.row_group(group).num_rows))

    def parts(self, columns: Sequence[str], skip: Callable[[int], bool]) -> Iterator[Part]:
        """Row groups until there are ``PART_ROWS`` rows."""
        first_row = number = 0
        pending: list[Group] = []
        rows = 0
        for place, group in enumerate(self.groups):
            pending.append(group)
            rows += group[2]
            if rows >= PART_ROWS or place == len(self.groups) - 1:
                files = tuple(dict.fromkeys(file for file, _, _ in pending))
                yield Part(number, first_row, self._reader(tuple(pending), tuple(columns)), files)
                first_row, number, pending, rows = first_row + rows, number + 1, [], 0

    def _reader(self, groups: tuple[Group, ...], columns: tuple[str, ...]) -> Callable[[], Iterator[Any]]:
        def batches() -> Iterator[Any]:
            for number in dict.fromkeys(number for number, _, _ in groups):
                path = self.files[number]
                chosen = [group for other, group, _ in groups if other == number]
                with reading(path):
                    yield from self._batches(path, chosen, columns)

        return batches

    def _batches(self, path: Path, groups: list[int], columns: tuple[str, ...]) -> Iterator[Any]:
        pa = arrow()
        text = [
            field.name
            for field in pa.parquet.read_schema(path)
            if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ]
        with pa.parquet.ParquetFile(path, read_dictionary=[name for name in columns if name in text]) as file:
            for batch in file.iter_batches(BATCH_ROWS, row_groups=groups, columns=list(columns), use_threads=False):
                arrays = [batch.column(name) for name in columns]
                check_indices(arrays)
                yield pa.RecordBatch.from_arrays(arrays, names=list(columns))


class CsvSource(_Files):
    """A CSV file in UTF-8: commas, quotes, a header; every column is text, an empty cell is missing."""

    first_number = 2

    def __init__(self, path: Path) -> None:
        super().__init__(path, [path])
        self.rows = None
        pa = arrow()
        with self._open(None) as reader:
            names = reader.schema.names
        if len(names) > MOST_COLUMNS:
            raise CohortError(f"{path}: {len(names)} columns; at most {MOST_COLUMNS} are read.")
        self.schema = pa.schema([(name, pa.string()) for name in names])

    @contextmanager
    def _open(self, columns: Sequence[str] | None) -> Iterator[Any]:
        pa = arrow()
        csv = pa.csv
        named = {} if columns is None else {name: pa.string() for name in columns}
        convert = csv.ConvertOptions(
            column_types=named,
            include_columns=list(named),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        )
        # An open file is read as it is; a name would be unpacked by its ending.
        with reading(self.root), self.root.open("rb") as file:
            parse = csv.ParseOptions(newlines_in_values=True)
            read = csv.ReadOptions(block_size=CSV_BLOCK, use_threads=False)
            with csv.open_csv(file, read_options=read, parse_options=parse, convert_options=convert) as reader:
                yield reader

    def parts(self, columns: Sequence[str], skip: Callable[[int], bool]) -> Iterator[Part]:
        """Blocks of the file until there are ``PART_ROWS`` rows or ``CSV_PART`` bytes."""
        first_row = number = 0
        pending: list[Any] = []
        with self._open(columns) as reader:
            for batch in reader:
                pending.append(batch)
                rows = sum(one.num_rows for one in pending)
                if rows >= PART_ROWS or sum(one.nbytes for one in pending) >= CSV_PART:
                    yield Part(number, first_row, _again(() if skip(number) else tuple(pending)), (0,))
                    first_row, number, pending = first_row + rows, number + 1, []
        if pending:
            yield Part(number, first_row, _again(tuple(pending)), (0,))
        elif number == 0:
            yield Part(0, 0, _again(()), (0,))


def _again(batches: tuple[Any, ...]) -> Callable[[], Iterator[Any]]:
    return lambda: iter(batches)
