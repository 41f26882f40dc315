"""Where a cohort comes from: a Parquet file or folder, a CSV file, a frame; all of them parts made of batches."""

from __future__ import annotations

import hashlib
import os
import stat
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bayesdx.cohort.coding import MOST_FAULTS_SHOWN, listed
from bayesdx.cohort.columns import Batch, Scored, Texts, check_indices, to_arrow, to_pandas
from bayesdx.cohort.options import CohortSizes, check_width
from bayesdx.errors import BayesdxError, CohortError
from bayesdx.files.companions import arrow, arrow_faults
from bayesdx.files.tables import READ, lines_of
from bayesdx.files.texts import Lines, TableFault, TextTable

CSV_ROWS = 64
"""Rows of a CSV file that are coded together; more of them do not fit the processor's caches."""

_ENDS = 2**16
"""Bytes at either end of a file that its digest covers."""

Group = tuple[int, int, int]
"""A row group: position of its file, position within the file, rows."""


@dataclass(frozen=True)
class Part:
    """Some consecutive rows.

    Parameters
    ----------
    number : int
        From 0.
    batches : function without arguments
        Reads the part, batch by batch; at least one batch, which may have no rows.
    files : tuple of int
        Positions of the files that it is read from.
    done : int or None
        Its number of rows where it was not read because its scores exist already; such a part has no batches.
    """

    number: int
    batches: Callable[[], Iterator[Batch]]
    files: tuple[int, ...] = ()
    done: int | None = None


class RowSource(ABC):
    """A table that can be read part by part; the same table always has the same parts.

    Parameters
    ----------
    name : str
        What messages call it.
    names : list of str
        Its columns.
    rows : int or None
        How many rows it has, None where that is not known beforehand.
    sizes : CohortSizes
    """

    name: str
    names: list[str]
    rows: int | None
    sizes: CohortSizes
    is_arrow: bool = False
    """Whether pyarrow reads it, so that its scores depend on that also."""

    @abstractmethod
    def kept_schema(self, keep: Sequence[str]) -> Any:
        """Names and Arrow types of the columns that are copied."""

    @abstractmethod
    def parts(self, columns: Sequence[str], done: Callable[[int], int | None]) -> Iterator[Part]:
        """The parts in order, with these columns only.

        ``done`` gives the rows of a part whose scores exist already, None for others; such a part need not be read.
        """

    def native(self, parts: Sequence[Scored], schema: Callable[[], Any]) -> Any:
        """Scores in memory as a frame of the library that the table is of; for a file, pandas."""
        return to_pandas([part.columns for part in parts])

    def identity(self) -> dict[str, Any] | None:
        """Plain values that change when the table does; None where a table cannot be recognised again."""
        return None

    def check_unchanged(self, part: Part) -> None:  # noqa: B027 - a frame in memory has nothing to compare
        """Raise a CohortError where what the part was read from changed since the table was opened."""


def parquet_files(folder: Path, most: int) -> list[Path]:
    """The Parquet files below a folder in the order of their paths; links to folders are not followed.

    Raises
    ------
    CohortError
        There are none, or more than ``most``.
    """
    found: list[Path] = []
    for root, folders, files in os.walk(folder, onerror=_cannot_list):
        folders[:] = sorted(name for name in folders if not name.startswith(("_", ".")))
        chosen = (name for name in files if name.lower().endswith((".parquet", ".pq")) and name[0] not in "_.")
        found += (Path(root) / name for name in chosen)
        if len(found) > most:
            raise CohortError(f"{folder}: more than {most} Parquet files; score its folders one by one.")
    if not found:
        raise CohortError(f"{folder}: a folder without Parquet files.")
    for path in found:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CohortError(f"{path}: no ordinary file; a cohort is {READ}, or a folder of Parquet files.")
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def _cannot_list(error: OSError) -> None:
    raise CohortError(f"{error.filename}: cannot be listed: {error.strerror}.") from error


@contextmanager
def reading(path: object) -> Iterator[None]:
    """Turn the errors that readers raise over a broken file into a CohortError that names it."""
    try:
        yield
    except BayesdxError:
        raise
    except MemoryError as error:
        raise CohortError(f"{path}: does not fit into memory; write it again with smaller row groups.") from error
    except TableFault as error:
        raise CohortError(str(error)) from error
    except arrow_faults() as error:
        first = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise CohortError(f"{path}: cannot be read: {_printable(first[:500])}") from error


def _printable(text: str) -> str:
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in text).strip()
    return shown if shown.endswith(".") else f"{shown}."


def arrow_batches(batches: Iterator[Any], empty: Any, first_row: int, batch_rows: int) -> Iterator[Batch]:
    """Batches of pyarrow RecordBatches, their rows numbered from ``first_row``.

    Where there is no row at all, one batch without rows, with the columns of the table ``empty``.
    """
    row = first_row
    for batch in gathered(batches, batch_rows):
        yield Batch(_columns(batch), range(row, row + batch.num_rows))
        row += batch.num_rows
    if row == first_row:
        yield Batch({name: empty.column(name).combine_chunks() for name in empty.column_names}, range(0))


def _columns(batch: Any) -> dict[str, Any]:
    return {name: batch.column(place) for place, name in enumerate(batch.schema.names)}


def arrow_table(parts: Sequence[Scored], schema: Any) -> Any:
    """A pyarrow Table of scores."""
    return arrow().Table.from_batches([to_arrow(part.columns, schema) for part in parts], schema=schema)


def gathered(batches: Iterator[Any], batch_rows: int) -> Iterator[Any]:
    """The same rows, very small batches joined to some of at least half of ``batch_rows``."""
    pa = arrow()
    waiting: list[Any] = []
    rows = 0
    for batch in batches:
        if not batch.num_rows:
            continue
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= batch_rows // 2:
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


class Files(RowSource):
    """A table in files: it has an identity, and must not change while it is read."""

    def __init__(self, root: Path, files: Sequence[Path], sizes: CohortSizes) -> None:
        self.root = root
        self.sizes = sizes
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


class ParquetSource(Files):
    """A Parquet file, or the Parquet files of a folder; a part is some consecutive row groups."""

    is_arrow = True

    def __init__(self, root: Path, files: Sequence[Path], sizes: CohortSizes) -> None:
        super().__init__(root, files, sizes)
        self.groups: list[Group] = []
        self.schema: Any = None
        for number, path in enumerate(self.files):
            with reading(path), arrow().parquet.ParquetFile(path) as file:
                self._add(number, path, file)
        self.rows = sum(rows for _, _, rows in self.groups)

    def kept_schema(self, keep: Sequence[str]) -> Any:
        """As the first file has them."""
        return arrow().schema([self.schema.field(name) for name in keep])

    def native(self, parts: Sequence[Scored], schema: Callable[[], Any]) -> Any:
        """A pandas frame; its kept columns are converted by pyarrow."""
        return arrow_table(parts, schema()).to_pandas()

    def _add(self, number: int, path: Path, file: Any) -> None:
        schema = file.schema_arrow.remove_metadata()
        check_width(path, len(schema), self.sizes)
        if self.schema is None:
            self.schema, self.names = schema, list(schema.names)
        elif schema.names != self.schema.names:
            differing = sorted(set(schema.names) ^ set(self.schema.names)) or ["their order"]
            raise CohortError(f"{path}: other columns than {self.files[0].name} has: {', '.join(differing[:5])}.")
        found = file.metadata
        for group in range(found.num_row_groups):
            # The sizes of columns would say more, but pyarrow 26 ends the process over some damaged ones.
            size = found.row_group(group).total_byte_size
            if size > self.sizes.largest_group:
                raise CohortError(
                    f"{path}: row group {group} has {size} bytes; at most {self.sizes.largest_group} are read. "
                    "Write the file again with smaller row groups."
                )
            self.groups.append((number, group, found.row_group(group).num_rows))

    def parts(self, columns: Sequence[str], done: Callable[[int], int | None]) -> Iterator[Part]:
        """Row groups until there are ``part_rows`` rows."""
        first_row = number = 0
        pending: list[Group] = []
        rows = 0
        for place, group in enumerate(self.groups):
            pending.append(group)
            rows += group[2]
            if rows >= self.sizes.part_rows or place == len(self.groups) - 1:
                files = tuple(dict.fromkeys(file for file, _, _ in pending))
                yield Part(number, self._reader(tuple(pending), tuple(columns), first_row), files)
                first_row, number, pending, rows = first_row + rows, number + 1, [], 0

    def _reader(
        self, groups: tuple[Group, ...], columns: tuple[str, ...], first_row: int
    ) -> Callable[[], Iterator[Batch]]:
        def batches() -> Iterator[Batch]:
            empty = arrow().schema([self.schema.field(name) for name in columns]).empty_table()
            yield from arrow_batches(record_batches(), empty, first_row, self.sizes.batch_rows)

        def record_batches() -> Iterator[Any]:
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
            for batch in file.iter_batches(
                self.sizes.batch_rows, row_groups=groups, columns=list(columns), use_threads=False
            ):
                arrays = [batch.column(name) for name in columns]
                check_indices(arrays)
                yield pa.RecordBatch.from_arrays(arrays, names=list(columns))


class CsvSource(Files):
    """A table of text (see ``TextTable``): a header, every column text, an empty cell missing.

    Messages name a row by the line of the file on which it starts, the header's being 1, as an editor shows it.
    """

    def __init__(self, path: Path, sizes: CohortSizes) -> None:
        super().__init__(path, [path], sizes)
        self.rows = None
        with reading(path):
            self.text = TextTable(path, str(path), largest_unpacked=sizes.largest_unpacked)
            with self.text.open() as lines:
                _, header = next(self.text.records(lines), (1, []))
        if not header:
            raise CohortError(f"{path}: empty; expected a header with the names of columns.")
        check_width(path, len(header), self.sizes)
        self.names = [name.strip() for name in header]

    def kept_schema(self, keep: Sequence[str]) -> Any:
        """Text."""
        pa = arrow()
        return pa.schema([(name, pa.string()) for name in keep])

    def _records(self, lines: Lines) -> Iterator[tuple[int, list[str]]]:
        """Rows that are not empty; those that have another number of cells than the header are refused together."""
        ragged: dict[int, Sequence[str]] = {}
        for line, cells in self.text.records(lines):
            if len(cells) != len(self.names):
                ragged[line] = cells
                if len(ragged) > MOST_FAULTS_SHOWN:
                    break
            elif not ragged:
                yield line, cells
        if ragged:
            faults = [f"{self.root}, row {line}: {text}" for line, text in lines_of(ragged, len(self.names))]
            raise CohortError(listed(faults))

    def parts(self, columns: Sequence[str], done: Callable[[int], int | None]) -> Iterator[Part]:
        """Rows until there are ``part_rows`` of them or ``part_characters``."""
        part_rows, characters = self.sizes.part_rows, self.sizes.part_characters
        number, begun = 0, 0
        with reading(self.root), self.text.open() as lines:
            records = self._records(lines)
            next(records)
            part = _CsvPart(self.names, columns, self.text.separator)
            for line, cells in records:
                part.add(line, cells)
                if len(part) >= part_rows or lines.characters - begun >= characters:
                    yield part.finished(number, done(number), self.sizes.batch_rows)
                    number, begun = number + 1, lines.characters
                    part = _CsvPart(self.names, columns, self.text.separator)
        if len(part) or not number:
            yield part.finished(number, done(number), self.sizes.batch_rows)


class _Places(dict[str, int]):
    """The position of each text among the distinct ones of a column; an empty cell is missing, -1."""

    def __init__(self) -> None:
        super().__init__({"": -1})

    def __missing__(self, text: str) -> int:
        self[text] = place = len(self) - 1
        return place


class _CsvPart:
    """Rows of a CSV file that become a part: the distinct texts of each column, and where they stand."""

    def __init__(self, names: Sequence[str], columns: Sequence[str], separator: str) -> None:
        self.columns = columns
        self.separator = separator
        self.chosen = [names.index(name) for name in columns]
        self.places = [_Places() for _ in columns]
        self.index = [array("i") for _ in columns]
        self.lines: list[int] = []
        self.waiting: list[list[str]] = []

    def __len__(self) -> int:
        return len(self.lines)

    def add(self, line: int, cells: list[str]) -> None:
        """One more row."""
        self.lines.append(line)
        self.waiting.append(cells)
        if len(self.waiting) >= CSV_ROWS:
            self._encode()

    def _encode(self) -> None:
        cells = list(zip(*self.waiting, strict=True))
        if cells:
            for places, index, column in zip(self.places, self.index, self.chosen, strict=True):
                index.extend(map(places.__getitem__, cells[column]))
        self.waiting = []

    def finished(self, number: int, done: int | None, batch_rows: int) -> Part:
        """The part; without batches where ``done`` gives its rows, since its scores exist already."""
        if done is not None:
            return Part(number, lambda: iter(()), (0,), done)
        self._encode()
        lines = np.array(self.lines)
        columns = {
            name: Texts(np.array(index), list(places)[1:], self.separator)
            for name, places, index in zip(self.columns, self.places, self.index, strict=True)
        }

        def batches() -> Iterator[Batch]:
            for start in range(0, max(1, len(lines)), batch_rows):
                rows = slice(start, start + batch_rows)
                yield Batch({name: replace(c, index=c.index[rows]) for name, c in columns.items()}, lines[rows])

        return Part(number, batches, (0,))
