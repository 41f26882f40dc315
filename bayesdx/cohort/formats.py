"""How scores are written: Parquet, one file or a folder of parts, or CSV."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any

from bayesdx.cohort.columns import Column, csv_rows, to_arrow
from bayesdx.display.plain import disarmed
from bayesdx.errors import CohortError
from bayesdx.files.companions import arrow

GROUP = 8
"""Batches in a row group of a Parquet file at most."""


class Format(Enum):
    """What an output is; the value is the suffix of its parts.

    Parts of a Parquet file are plain Arrow until they are put together, so that nothing is encoded twice.
    """

    PARQUET_FILE = "arrow"
    PARQUET_FOLDER = "parquet"
    CSV_FILE = "csv"

    @property
    def is_arrow(self) -> bool:
        """Whether pyarrow writes it."""
        return self is not Format.CSV_FILE


def format_of(out: Path) -> Format:
    """The format that a name stands for."""
    if out.is_dir() or not out.suffix:
        return Format.PARQUET_FOLDER
    if out.suffix.lower() in (".parquet", ".pq"):
        return Format.PARQUET_FILE
    if out.suffix.lower() == ".csv":
        return Format.CSV_FILE
    raise CohortError(f"{out}: expected a name that ends with .parquet or .csv, or a folder's name.")


class Writer:
    """Writes the scores of a part, batch by batch.

    Parameters
    ----------
    format : Format
    path : Path
    header : bool
        Whether a CSV file gets the names of its columns; only the first part of it does.
    schema : pyarrow.Schema or None
        Of the output; None for a CSV file, which has no types.
    """

    def __init__(self, format: Format, path: Path, header: bool, schema: Any) -> None:
        self.header = header
        self.schema = schema
        self.file: Any
        if format is Format.CSV_FILE:
            self.file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        elif format is Format.PARQUET_FILE:
            self.file = arrow().ipc.new_file(str(path), schema)
        else:
            self.file = parquet_writer(path, schema)

    def write(self, columns: Mapping[str, Column]) -> None:
        """Append a batch."""
        if self.schema is not None:
            self.file.write_batch(to_arrow(columns, self.schema))
            return
        rows = csv.writer(self.file, lineterminator="\n")
        if self.header:
            rows.writerow(disarmed(name) for name in columns)
        self.header = False
        rows.writerows(csv_rows(columns))

    def close(self) -> None:
        """Finish the file."""
        self.file.close()

    def abandon(self) -> None:
        """Close a file that will not be finished."""
        with suppress(OSError, ValueError):
            self.file.close()


def parquet_writer(path: Path, schema: Any) -> Any:
    """A writer of Parquet that uses no dictionaries for doubles, which hardly ever repeat."""
    pa = arrow()
    repeated = [field.name for field in schema if not pa.types.is_floating(field.type)]
    return pa.parquet.ParquetWriter(str(path), schema, compression="zstd", compression_level=1, use_dictionary=repeated)


def merge(format: Format, parts: Sequence[Path], schema: Any, out: Path) -> None:
    """One file of all parts in order."""
    if format is Format.CSV_FILE:
        with out.open("wb") as file:
            for path in parts:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, file, 2**20)
        return
    pa = arrow()
    with parquet_writer(out, schema) as writer:
        for path in parts:
            with pa.memory_map(str(path)) as mapped:
                reader = pa.ipc.open_file(mapped)
                for first in range(0, reader.num_record_batches, GROUP):
                    numbers = range(first, min(first + GROUP, reader.num_record_batches))
                    writer.write_table(pa.Table.from_batches([reader.get_batch(n) for n in numbers], schema=schema))
