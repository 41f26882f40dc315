"""The table behind a path or a frame."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd

from bayesdx.cohort.frames import ArrowSource, PandasSource
from bayesdx.cohort.sources import CsvSource, ParquetSource, Source, checked_path, parquet_files


def open_source(source: Any) -> Source:
    """The source behind what a user gave: a path, or a frame."""
    if isinstance(source, str | os.PathLike):
        path = checked_path(source)
        if path.is_dir():
            return ParquetSource(path, parquet_files(path))
        return CsvSource(path) if path.suffix.lower() == ".csv" else ParquetSource(path, [path])
    return PandasSource(source) if isinstance(source, pd.DataFrame) else ArrowSource(source)
