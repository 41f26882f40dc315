"""The new version: the same tables with the numbers that moved, a source that describes the data, CHANGES.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bayesdx.errors import LearningError
from bayesdx.evaluation.dataset import Cohort
from bayesdx.knowledge.model import Model, Population
from bayesdx.knowledge.schema import NAME, VERSION, Link, Prior, Source, TableEntry

DIGITS = 8
"""Significant digits of a number that was learned."""


@dataclass(frozen=True)
class Learned:
    """A number as the data leave it."""

    value: float
    lower: float
    upper: float
    cases: float

    def rounded(self) -> tuple[float, float, float]:
        """Value, lower, upper with ``DIGITS`` significant digits, the value inside its interval."""
        value, lower, upper = (float(f"{x:.{DIGITS}g}") for x in (self.value, self.lower, self.upper))
        return value, max(0.0, min(lower, value)), min(1.0, max(upper, value))


Key = tuple[str, tuple[str, ...]]
"""File and key of a row."""


def next_version(model: Model, version: str | None) -> str:
    """The version asked for, or the next minor one.

    Raises
    ------
    LearningError
        It is no semantic version, or not above the parent's.

    Examples
    --------
    >>> import bayesdx as dx
    >>> next_version(dx.load_model("chest_clinic@1.0.0"), None)
    '1.1.0'
    """
    parts = [int(part) for part in model.version.split(".")]
    if version is None:
        return f"{parts[0]}.{parts[1] + 1}.0"
    if not VERSION.fullmatch(version):
        raise LearningError(f"version: {version!r}; expected three whole numbers such as {next_version(model, None)}.")
    if [int(part) for part in version.split(".")] <= parts:
        raise LearningError(f"version: {version}; expected one above the parent's, {model.version}.")
    return version


def describe(cohort: Cohort, method: str, dates: str, model: Model) -> Source:
    """The row of sources.csv that stands for a dataset; it holds no patient's data."""
    rows, patients = len(cohort), float(cohort.weights.sum())
    weighted = "" if patients == rows else f", weighted to {patients:g} patients"
    when = f", {dates}" if dates else ""
    citation = (
        f"Cohort {cohort.name}{when}: {rows} rows{weighted}, {len(cohort.frame.columns)} variables; "
        f"{method} from {model.name} {model.version} ({model.population}); {cohort.hash}"
    )
    year = re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", dates)
    name = f"COHORT_{cohort.hash.removeprefix('sha256:')[:12]}"
    return Source(name, citation, int(year[-1]) if year else None, "", "", "cohort", round(patients), "dataset")


def check_population(model: Model, name: str | None) -> None:
    """Raise a LearningError for a name that no population can have."""
    if name is not None and not NAME.fullmatch(name):
        raise LearningError(f"population: {name!r}; expected letters, digits and _, a letter first.")


def new_version(
    model: Model,
    learned: Mapping[Key, Learned],
    source: Source,
    *,
    version: str,
    population: str | None,
    text: str,
    table: pd.DataFrame,
    sites: Mapping[str, Mapping[Key, Learned]] | None = None,
) -> Model:
    """The model with learned numbers.

    Parameters
    ----------
    model : Model
        The parent; its chosen population is the one that the data update.
    learned : mapping of (file, key) to Learned
    source : Source
    version : str
    population : str or None
        A new population that receives the learned priors, beside those of the parent; None updates the chosen one.
    text : str
        The first paragraph of this version in CHANGES.md.
    table : DataFrame
        Columns label, before, after, effective_cases: the rows that moved.
    sites : mapping of a new population's name to its numbers, optional
        Populations beside the one that the data update, each with the parent's rows and its own learned numbers.
    """
    named = population is not None and population not in {p.name for p in model.info.populations}
    target = population if named and population is not None else model.population
    populations = model.info.populations
    priors: tuple[Prior, ...] = model.priors
    entries: tuple[TableEntry, ...] = model.tables
    numbers = {target: learned, **(sites or {})}
    parent = next(p for p in populations if p.name == model.population)
    for name in (*((target,) if named else ()), *(sites or {})):
        title = f"{name.replace('_', ' ')} (calibrated from {parent.title})"
        populations = (*populations, Population(name, title, f"{source.citation}."))
        priors = (*priors, *(replace(r, population=name) for r in model.priors if r.population == model.population))
        entries = (*entries, *(replace(r, population=name) for r in model.tables if r.population == model.population))

    def moved(file: str, row: Any, key: tuple[str, ...], field: str) -> Any:
        own = getattr(row, "population", "")
        if own not in ("", *numbers):
            return row
        old = (model.population, *key[1:]) if own else key
        found = numbers[own or target].get((file, old))
        if found is None:
            return row
        value, lower, upper = found.rounded()
        change = {field: value, "lower": lower, "upper": upper, "source": source.source, "status": "dataset"}
        return replace(row, **change, note=_note(row.note, getattr(row, field)))

    info = replace(
        model.info,
        version=version,
        populations=populations,
        default_population=target,
        parent_version=model.version,
        parent_hash=model.hash,
    )
    return replace(
        model,
        info=info,
        priors=tuple(moved("priors.csv", row, _key("priors.csv", row), "probability") for row in priors),
        links=tuple(moved("links.csv", row, _key("links.csv", row), "link_probability") for row in model.links),
        tables=tuple(moved("tables.csv", row, _key("tables.csv", row), "probability") for row in entries),
        sources=(*(row for row in model.sources if row.source != source.source), source),
        changes=_changes(model, version, text, table),
        release=None,
        population=target,
    )


def _key(file: str, row: Prior | Link | TableEntry) -> tuple[str, ...]:
    from bayesdx.knowledge.schema import FILE, key_of

    return key_of(FILE[file], row)


def _note(old: str, value: float) -> str:
    """What the number was; the parent's remark follows, once."""
    remark = re.sub(r"^was [^;]*(; )?", "", old)
    return f"was {value:.4g}" + (f"; {remark}" if remark else "")


def _changes(model: Model, version: str, text: str, table: pd.DataFrame) -> str:
    lines = [f"# {version}", "", text, ""]
    if len(table):
        lines += ["| number | before | after | effective patients |", "| --- | ---: | ---: | ---: |"]
        rows = table[["label", "before", "after", "effective_cases"]].itertuples(index=False, name=None)
        for label, before, after, cases in rows:
            lines.append(f"| {str(label).replace('|', chr(92) + '|')} | {before:.4g} | {after:.4g} | {cases:.1f} |")
        lines.append("")
    return "\n".join(lines) + ("\n" + model.changes if model.changes else "")
