"""What moved from one version to another."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from bayesdx.display.blocks import Block, Grid, Note, Title
from bayesdx.display.report import Report
from bayesdx.knowledge.model import Model, ModelInfo
from bayesdx.knowledge.schema import FILES, Cell, File, format_cell, key_of, number_name
from bayesdx.odds import decibans, log_odds

_NUMERIC = (Cell.PROBABILITY, Cell.NUMBER, Cell.INTEGER, Cell.CORRELATION)
_NUMBERS = {(file.name, column.name) for file in FILES for column in file.columns if column.cell in _NUMERIC}
_BOUNDS = ("lower", "upper")
MOST_SHOWN = 20
"""Rows of each table of differences that are shown."""

LONGEST_CELL = 400
"""Signs of a cell that is shown."""

COLUMNS = ["file", "row", "column", "change", "old", "new", "shift_decibans"]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Report):
    """The difference between two models.

    Parameters
    ----------
    old, new : Model
    table : DataFrame
        One row per cell that differs, or per row that was added or removed. Columns: file, row (its key), column,
        change (``changed``, ``added``, ``removed``), old, new, shift_decibans (difference of the log-odds of a
        probability, in decibans, infinite from or to 0 and 1; NaN for anything else). Values that moved come first, the
        largest shift first; then what has no shift, in the order of the files, ``model.toml`` with its keys as columns
        ahead of them; then bounds of intervals, the largest shift first, infinite ones last.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> nearly = replace(model, priors=(replace(model.priors[0], probability=0.02), *model.priors[1:]))
    >>> compare_rows(model, nearly).table[["file", "row", "old", "new", "shift_decibans"]].round(2)
             file                         row   old   new  shift_decibans
    0  priors.csv  clinic, visit_to_asia, yes  0.01  0.02            3.05
    """

    old: Model
    new: Model
    table: pd.DataFrame

    @property
    def numbers(self) -> pd.DataFrame:
        """Only the numbers that moved.

        Examples
        --------
        >>> from dataclasses import replace
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> title, prior = replace(model.info, title="Asia"), replace(model.priors[0], probability=0.02)
        >>> moved = compare_rows(model, replace(model, info=title, priors=(prior, *model.priors[1:])))
        >>> len(moved.table), moved.numbers["row"].tolist()
        (2, ['clinic, visit_to_asia, yes'])
        """
        cells = zip(self.table["file"], self.table["column"], self.table["change"], strict=True)
        moved = [(file, column) in _NUMBERS and change == "changed" for file, column, change in cells]
        return self.table.loc[moved].reset_index(drop=True)

    def _title(self) -> str:
        """Both versions, and how many cells differ."""
        count = len(self.table)
        said = f"{count or 'no'} difference{'s' if count != 1 else ''}"
        return f"{self.old.name} {self.old.version} -> {self.new.name} {self.new.version}: {said}"

    def blocks(self, most: int | None = MOST_SHOWN, *, rest: str = "") -> list[Block]:
        """What differs in three tables: values that moved, what has no shift, bounds of intervals.

        Parameters
        ----------
        most : int, at least 1, or None
            Rows of each table that are shown; all of them for None.
        rest : str
            How to see the others, said where a table is cut.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> compare_rows(model, model).blocks()
        [Title(text='chest_clinic 1.0.0 -> chest_clinic 1.0.0: no differences', level=1)]
        """
        shifts, bounds = self.table["shift_decibans"].notna(), self.table["column"].isin(_BOUNDS)
        sections = (
            ("Values that moved, the largest shift first", self.table[shifts & ~bounds]),
            ("Added, removed, and whatever has no shift", self.table[~shifts]),
            ("Bounds of intervals, the largest shift first", self.table[shifts & bounds]),
        )
        return [Title(self._title(), 1), *(block for part in sections for block in _differences(*part, most, rest))]


def cut(grid: Grid, most: int | None, rest: str) -> list[Block]:
    """A table with its first rows, and how many more there are; nothing for one without rows."""
    more = len(grid.rows) - (most or len(grid.rows))
    said = [Note(f"and {more:,} more{rest and f'; {rest}'}")] if more > 0 else []
    return [replace(grid, rows=grid.rows[:most]), *said] if grid.rows else []


def _differences(title: str, part: pd.DataFrame, most: int | None, rest: str) -> list[Block]:
    """A row per difference, with decibans where there are any: numbers get narrow columns, texts wide ones."""
    shifted = bool(part["shift_decibans"].notna().any())
    rows = []
    for row in part.to_dict("records"):
        name = ": ".join(filter(None, (row["file"], row["row"])))
        column = ", ".join(filter(None, (row["column"], "" if row["change"] == "changed" else row["change"])))
        shift = [f"{row['shift_decibans']:+.4g}"] if shifted else []
        rows.append((name, column, *map(_shown, (row["old"], row["new"])), *shift))
    header = ("row", "column", "old", "new", *(["decibans"] if shifted else []))
    return cut(Grid(header, rows, (2, 3, 4) if shifted else (), title), most, rest)


def _shown(value: object) -> str:
    text = "" if value is None or (isinstance(value, float) and np.isnan(value)) else format_cell(value)
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"


def compare_rows(old: Model, new: Model) -> Comparison:
    """Every number and text that differs between two models, row by row; ``compare_models`` adds what that does.

    Parameters
    ----------
    old, new : Model

    Returns
    -------
    Comparison

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> print(compare_rows(model, model))
    hip_flexion_weakness 1.0.0 -> hip_flexion_weakness 1.0.0: no differences
    """
    rows = _compare_info(old, new)
    for file in FILES:
        rows.extend(_compare_file(file, getattr(old, file.field), getattr(new, file.field)))
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["shift_decibans"] = table["shift_decibans"].astype(float)
    return Comparison(old, new, table.loc[_order(table)].reset_index(drop=True))


def _order(table: pd.DataFrame) -> pd.Index:
    """Values, then what has no shift, then bounds, then bounds that left or met 0 or 1; in each the largest first."""
    size = table["shift_decibans"].abs()
    bound = table["column"].isin(_BOUNDS)
    turn = np.select([size.isna(), ~bound, np.isfinite(size)], [1, 0, 2], default=3)
    return pd.DataFrame({"turn": turn, "size": -size}).sort_values(["turn", "size"], kind="stable").index


def _compare_info(old: Model, new: Model) -> list[list[object]]:
    """What model.toml says, name and version apart."""
    before, after = _flat(old), _flat(new)
    rows: list[list[object]] = []
    for key in dict.fromkeys([*before, *after]):
        if before.get(key, "") != after.get(key, ""):
            change = "changed" if key in before and key in after else "removed" if key in before else "added"
            rows.append(["model.toml", "", key, change, before.get(key), after.get(key), np.nan])
    return rows


def _flat(model: Model) -> dict[str, str]:
    texts = {entry.name: getattr(model.info, entry.name) for entry in fields(ModelInfo)}
    populations = texts.pop("populations")
    for population in populations:
        texts[f"populations.{population.name}.title"] = population.title
        texts[f"populations.{population.name}.description"] = population.description
    return {key: text for key, text in texts.items() if key not in ("name", "version")}


def _compare_file(file: File, old: tuple[Any, ...], new: tuple[Any, ...]) -> list[list[object]]:
    before = {key_of(file, row): row for row in old}
    after = {key_of(file, row): row for row in new}
    rows: list[list[object]] = []
    for key in dict.fromkeys([*before, *after]):
        name = number_name(key)
        if key not in after:
            rows.append([file.name, name, file.value, "removed", _value(file, before[key]), None, np.nan])
        elif key not in before:
            rows.append([file.name, name, file.value, "added", None, _value(file, after[key]), np.nan])
        else:
            rows.extend(_compare_row(file, name, before[key], after[key]))
    return rows


def _value(file: File, row: Any) -> object:
    return getattr(row, file.value) if file.value else None


def _compare_row(file: File, name: str, old: Any, new: Any) -> list[list[object]]:
    rows: list[list[object]] = []
    for column in file.columns:
        before, after = getattr(old, column.name), getattr(new, column.name)
        if before == after:
            continue
        shift = np.nan
        if column.cell is Cell.PROBABILITY:
            shift = float(decibans(log_odds(after) - log_odds(before)))
        shown = (before, after) if column.cell in _NUMERIC else (format_cell(before), format_cell(after))
        rows.append([file.name, name, column.name, "changed", *shown, shift])
    return rows
