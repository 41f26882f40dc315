"""What a user gave as a cohort, opened: a path of any kind of table, or a frame."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bayesdx.cohort.columns import Scored
from bayesdx.cohort.frames import ArrowSource, FrameSource, PandasSource, frame_source
from bayesdx.cohort.options import CohortSizes
from bayesdx.cohort.sources import CsvSource, Files, ParquetSource, Part, RowSource, parquet_files, reading
from bayesdx.errors import CohortError, quoted
from bayesdx.files.tables import READ, kind_of, read_arrow, read_sheet

TEXT = (".csv", ".tsv", ".tab", ".txt", ".dat")
"""Endings of tables of text, with or without that of a compression."""


def is_dask(source: object) -> bool:
    """Whether this is a Dask frame; imports nothing."""
    return type(source).__module__.partition(".")[0] in ("dask", "dask_expr") and hasattr(source, "map_partitions")


def open_source(source: Any, sizes: CohortSizes) -> RowSource:
    """The source behind what a user gave: a path, or a frame."""
    if not isinstance(source, str | os.PathLike):
        return frame_source(source, sizes)
    path = _checked(source)
    if path.is_dir():
        return ParquetSource(path, parquet_files(path, sizes.most_files), sizes)
    with reading(path):
        kind = kind_of(path, str(path))
    if kind == "parquet":
        return ParquetSource(path, [path], sizes)
    if kind != "text":
        return WholeSource(path, kind, sizes)
    name = path.with_suffix("") if path.suffix.lower() in (".gz", ".zst") else path
    if name.suffix.lower() not in TEXT:
        raise CohortError(f"{path}: a file of an unknown kind; expected {READ}, or a folder of Parquet files.")
    return CsvSource(path, sizes)


def _checked(source: str | os.PathLike[str]) -> Path:
    """The path of an ordinary file or a folder that exists."""
    try:
        path = Path(source)
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CohortError(f"{quoted(os.fspath(source))} cannot be opened: {reason}.") from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise CohortError(f"{path}: no ordinary file; a cohort is {READ}, or a folder of Parquet files.")
    return path


class WholeSource(Files):
    """A workbook or an Arrow file, which is read whole and then scored as a frame is."""

    def __init__(self, path: Path, kind: str, sizes: CohortSizes) -> None:
        super().__init__(path, [path], sizes)
        self.is_arrow = kind == "arrow"
        with reading(path):
            if self.is_arrow:
                self.table: FrameSource = ArrowSource(read_arrow(str(path)), sizes, str(path))
            else:
                sheet = read_sheet(path, str(path))
                self.table = PandasSource(sheet, sizes, sheet.index.to_numpy(), str(path))
        self.names, self.rows = self.table.names, self.table.rows

    def kept_schema(self, keep: Sequence[str]) -> Any:
        """As the frame has them."""
        return self.table.kept_schema(keep)

    def parts(self, columns: Sequence[str], done: Callable[[int], int | None]) -> Iterator[Part]:
        """As those of the frame."""
        for part in self.table.parts(columns, done):
            yield replace(part, files=(0,))

    def native(self, parts: Sequence[Scored], schema: Callable[[], Any]) -> Any:
        """A pandas frame."""
        if self.is_arrow:
            return self.table.native(parts, schema).to_pandas()
        return super().native(parts, schema)
