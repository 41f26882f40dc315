"""How scores are written: Parquet, one file or a folder of parts, or CSV."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any

from bayesdx.cohort.companions import arrow
from bayesdx.cohort.formulas import disarmed_batch
from bayesdx.errors import CohortError

GROUP = 8
"""Batches in a row group of a Parquet file at most."""


class Format(Enum):
    """What an output is; the value is the suffix of its parts.

    Parts of a Parquet file are plain Arrow until they are put together, so that nothing is encoded twice.
    """

    PARQUET_FILE = "arrow"
    PARQUET_FOLDER = "parquet"
    CSV_FILE = "csv"


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
    """Writes the batches of a part; only the first part of a CSV file has a header."""

    def __init__(self, format: Format, path: Path, header: bool) -> None:
        self.format = format
        self.path = path
        self.header = header
        self.writer: Any = None

    def write(self, batch: Any) -> None:
        """Append a batch."""
        if self.format is Format.CSV_FILE:
            batch = disarmed_batch(batch)
        if self.writer is None:
            self.writer = self._open(batch.schema)
        self.writer.write_batch(batch)

    def _open(self, schema: Any) -> Any:
        pa = arrow()
        if self.format is Format.PARQUET_FILE:
            return pa.ipc.new_file(str(self.path), schema)
        if self.format is Format.PARQUET_FOLDER:
            return parquet_writer(self.path, schema)
        return pa.csv.CSVWriter(str(self.path), schema, write_options=pa.csv.WriteOptions(include_header=self.header))

    def close(self) -> None:
        """Finish the file."""
        if self.writer is None:
            raise AssertionError("a part has at least one batch")
        self.writer.close()

    def abandon(self) -> None:
        """Let go of a file that is not to be finished."""
        if self.writer is not None:
            with suppress(OSError, ValueError):
                self.writer.close()


def parquet_writer(path: Path, schema: Any) -> Any:
    """A Parquet file whose doubles are plain: they hardly ever repeat."""
    pa = arrow()
    repeated = [field.name for field in schema if not pa.types.is_floating(field.type)]
    return pa.parquet.ParquetWriter(str(path), schema, compression="zstd", compression_level=1, use_dictionary=repeated)


def merge(format: Format, parts: Sequence[Path], schema: Any, out: Path) -> None:
    """One file of all parts in order."""
    pa = arrow()
    if format is Format.CSV_FILE:
        with out.open("wb") as file:
            for path in parts:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, file, 2**20)
        return
    with parquet_writer(out, schema) as writer:
        for path in parts:
            with pa.memory_map(str(path)) as mapped:
                reader = pa.ipc.open_file(mapped)
                for first in range(0, reader.num_record_batches, GROUP):
                    numbers = range(first, min(first + GROUP, reader.num_record_batches))
                    writer.write_table(pa.Table.from_batches([reader.get_batch(n) for n in numbers], schema=schema))
