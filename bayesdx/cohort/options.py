"""What a user may choose about a run; checked once, before anything is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bayesdx.errors import CohortError

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
        """The columns to read; the first one where all are ignored, since there are rows still."""
        ignored = {*self.ignore} - {*self.keep}
        return [name for name in names if name not in ignored] or list(names[:1])

    def identity(self) -> dict[str, Any]:
        """What the bytes of the output depend on."""
        sure = None if self.intervals is None else {"mass": self.intervals, "draws": self.draws, "seed": self.seed}
        return {"keep": list(self.keep), "ignore": sorted(self.ignore), "intervals": sure}


def read_options(
    keep: Iterable[str], ignore: Iterable[str], on_error: str, intervals: float | None, draws: int, seed: int
) -> Options:
    """The options, or a CohortError that names the first one that cannot be."""
    if on_error not in ON_ERROR:
        raise CohortError(f"on_error: {on_error!r}; expected 'raise' or 'flag'.")
    if intervals is not None and not 0 < intervals < 1:
        raise CohortError(f"intervals: {intervals!r}; expected a number between 0 and 1, or None.")
    if draws < FEWEST_DRAWS:
        raise CohortError(f"draws: {draws!r}; expected a whole number of at least {FEWEST_DRAWS}.")
    return Options(_names("keep", keep), _names("ignore", ignore), on_error, intervals, draws, seed)


def _names(option: str, names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise CohortError(f"{option}: {names!r}; expected a list of column names, as [{names!r}].")
    found = tuple(names)
    for name in found:
        if not isinstance(name, str):
            raise CohortError(f"{option}: {name!r}; expected the name of a column.")
        if found.count(name) > 1:
            raise CohortError(f"{option}: {name!r} is named twice.")
    return found
