"""What a user may choose about a run: options, and sizes of what is read at once. Checked before anything is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from bayesdx.errors import CohortError, check_name, column_names, quoted
from bayesdx.files.texts import LARGEST_UNPACKED

FEWEST_DRAWS = 50
"""Draws below which an interval says little."""

ON_ERROR = ("raise", "flag")


@dataclass(frozen=True)
class Options:
    """Choices of a run; all but ``on_error`` are part of its identity.

    Parameters
    ----------
    keep : tuple of str
        Columns copied into the output.
    ignore : tuple of str
        Columns that are neither findings nor copied; "causes" for all that are causes.
    on_error : {"raise", "flag"}
    intervals : float in (0, 1) or None
        Mass of the credible intervals.
    draws : int
    seed : int
    """

    keep: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    on_error: str = "raise"
    intervals: float | None = None
    draws: int = 200
    seed: int = 0

    def columns(self, names: Sequence[str]) -> list[str]:
        """The columns to read: all but the ignored ones, or the first one where all are ignored, to count the rows."""
        ignored = {*self.ignore} - {*self.keep}
        return [name for name in names if name not in ignored] or list(names[:1])

    def identity(self) -> dict[str, Any]:
        """What the bytes of the output depend on."""
        sure = None if self.intervals is None else {"mass": self.intervals, "draws": self.draws, "seed": self.seed}
        return {"keep": list(self.keep), "ignore": sorted(self.ignore), "intervals": sure}


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
            check_whole(f"sizes: {field.name}", getattr(self, field.name), 1)


def _check_mass(intervals: object) -> None:
    if intervals is not None and not (isinstance(intervals, float | np.floating) and 0 < intervals < 1):
        raise CohortError(f"intervals: {quoted(intervals)}; expected a number between 0 and 1, or None.")


def check_whole(argument: str, value: object, least: int) -> None:
    """Raise a CohortError unless a value is a whole number of at least ``least``."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise CohortError(f"{argument}: {quoted(value)}; expected a whole number of at least {least}.")


def read_options(
    keep: Iterable[str], ignore: Iterable[str], on_error: str, intervals: float | None, draws: int, seed: int
) -> Options:
    """The options; a CohortError names the first one that is out of range."""
    if on_error not in ON_ERROR:
        raise CohortError(f"on_error: {on_error!r}; expected 'raise' or 'flag'.")
    _check_mass(intervals)
    check_whole("draws", draws, FEWEST_DRAWS)
    check_whole("seed", seed, 0)
    return Options(_names("keep", keep), _names("ignore", ignore), on_error, intervals, draws, seed)


def _names(option: str, names: Iterable[str]) -> tuple[str, ...]:
    found = tuple(check_name(option, name, CohortError) for name in column_names(option, names, CohortError))
    for name in found:
        if found.count(name) > 1:
            raise CohortError(f"{option}: {name!r} is named twice.")
    return found


def check_width(name: object, columns: int, sizes: CohortSizes) -> None:
    """Refuse a table with more columns than ``most_columns``, before any of them is looked up."""
    if columns > sizes.most_columns:
        raise CohortError(f"{name}: {columns} columns; at most {sizes.most_columns} are read.")
