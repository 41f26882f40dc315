"""How much of a table is read at once, and how large a table may be."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from bayesdx.errors import CohortError
from bayesdx.files.texts import LARGEST_UNPACKED


@dataclass(frozen=True)
class CohortSizes:
    """How ``score_cohort`` cuts a table, and what it refuses to read.

    The scores are the same for every cut. Smaller parts and batches need less memory; after a run was killed, smaller
    parts leave less to be scored again.

    Parameters
    ----------
    part_rows : int
        Rows of a part at least. A killed run loses at most one part for each of its threads.
    batch_rows : int
        Rows that are scored at once.
    part_characters : int
        Characters of a CSV file after which a part ends, however few rows it has.
    most_columns : int
        Columns that a table may have.
    most_files : int
        Parquet files that a folder may have.
    largest_group : int
        Uncompressed bytes that a row group of a Parquet file may have.
    largest_unpacked : int
        Bytes that a compressed file of text may have when unpacked.

    Raises
    ------
    CohortError
        A size that is no whole number of at least 1.

    Examples
    --------
    >>> from bayesdx.types import CohortSizes
    >>> CohortSizes(part_rows=10_000).part_rows
    10000
    """

    part_rows: int = 2**17
    batch_rows: int = 2**16
    part_characters: int = 2**25
    most_columns: int = 10_000
    most_files: int = 100_000
    largest_group: int = 2**32
    largest_unpacked: int = LARGEST_UNPACKED

    def __post_init__(self) -> None:
        for field in fields(self):
            size = getattr(self, field.name)
            if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1:
                raise CohortError(f"sizes: {field.name} = {size!r}; expected a whole number of at least 1.")


def check_width(name: object, columns: int, sizes: CohortSizes) -> None:
    """Refuse a table with more columns than ``most_columns``, before any of them is looked up."""
    if columns > sizes.most_columns:
        raise CohortError(f"{name}: {columns} columns; at most {sizes.most_columns} are read.")
