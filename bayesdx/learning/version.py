"""The new version: the same tables with the numbers that moved, a source that describes the data, CHANGES.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayesdx.errors import LearningError
from bayesdx.evaluation.dataset import Cohort
from bayesdx.knowledge.model import Model, Population
from bayesdx.knowledge.schema import (
    FILE,
    NAME,
    VERSION,
    Correlation,
    Link,
    Prior,
    Source,
    Study,
    TableEntry,
    key_of,
    number_name,
)

HARDLY = 0.5
"""Effective patients below which a number keeps its source and status: it rests on the parent still."""

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


@dataclass(frozen=True)
class Owed:
    """What a number owes to studies that were learned from together with patients.

    Parameters
    ----------
    information : float in (0, 1]
        Their share of what is known of it.
    sources : tuple of (str, float)
        Their sources with shares, the largest first.
    mostly : bool
        Whether they brought more than the patients did.
    """

    information: float
    sources: tuple[tuple[str, float], ...]
    mostly: bool


@dataclass(frozen=True)
class Read:
    """Studies that were learned from together with patients.

    Parameters
    ----------
    studies : tuple of Study
        The studies.csv of the new version.
    sources : tuple of Source
        Rows that sources.csv has not.
    shares : mapping of (file, key) to Owed
    """

    studies: tuple[Study, ...]
    sources: tuple[Source, ...]
    shares: Mapping[Key, Owed]


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
    return Source(
        cohort.source, citation, int(year[-1]) if year else None, "", "", "cohort", round(patients), "dataset"
    )


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
    remarks: Sequence[str] = (),
    clashes: pd.DataFrame | None = None,
    sites: Mapping[str, Mapping[Key, Learned]] | None = None,
    literature: Read | None = None,
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
        Columns label, before, after, lower, upper, effective_cases: the rows that moved.
    remarks : sequence of str
        What to know before the numbers are used.
    clashes : DataFrame, optional
        The numbers that conflict with their prior, as ``Calibration.conflicts`` has them.
    sites : mapping of a new population's name to its numbers, optional
        Populations beside the one that the data update, each with the parent's rows and its own learned numbers.
    literature : Read, optional
        Studies that the numbers were learned from as well.
    """
    named = population is not None and population not in {p.name for p in model.info.populations}
    target = population if named and population is not None else model.population
    populations = model.info.populations
    priors: tuple[Prior, ...] = model.priors
    entries: tuple[TableEntry, ...] = model.tables
    management = model.management
    numbers = {target: learned, **(sites or {})}
    parent = next(p for p in populations if p.name == model.population)
    for name in (*((target,) if named else ()), *(sites or {})):
        title = f"{name.replace('_', ' ')} (calibrated from {parent.title})"
        populations = (*populations, Population(name, title, f"{source.citation}."))
        priors = (*priors, *(replace(r, population=name) for r in model.priors if r.population == model.population))
        entries = (*entries, *(replace(r, population=name) for r in model.tables if r.population == model.population))
        management = tuple(
            replace(step, thresholds=(*step.thresholds, (name, own[model.population])))
            if model.population in (own := dict(step.thresholds))
            else step
            for step in management
        )

    def moved(file: str, row: Any, key: tuple[str, ...], field: str) -> Any:
        own = getattr(row, "population", "")
        if own not in ("", *numbers):
            return row
        old = (model.population, *key[1:]) if own else key
        found = numbers[own or target].get((file, old))
        if found is None:
            return row
        value, lower, upper = found.rounded()
        change = {field: value, "lower": lower, "upper": upper, "note": _note(row, field)}
        if found.cases >= HARDLY:
            change |= {"source": source.source, "status": "dataset", "information": None, "shares": ()}
            if literature is not None and (not own or own == target) and (file, old) in literature.shares:
                change |= _owed(literature.shares[file, old])
        return replace(row, **change)

    info = replace(
        model.info,
        version=version,
        populations=populations,
        default_population=target,
        parent_version=model.version,
        parent_hash=model.hash,
        format=max(model.info.format, FILE["studies.csv"].since) if literature else model.info.format,
    )
    return replace(
        model,
        info=info,
        priors=tuple(moved("priors.csv", row, key_of(FILE["priors.csv"], row), "probability") for row in priors),
        links=tuple(moved("links.csv", row, key_of(FILE["links.csv"], row), "link_probability") for row in model.links),
        tables=tuple(moved("tables.csv", row, key_of(FILE["tables.csv"], row), "probability") for row in entries),
        correlations=untied(model, [(file, number_name(key)) for file, key in learned]),
        studies=literature.studies if literature else model.studies,
        management=management,
        sources=(
            *(row for row in model.sources if row.source != source.source),
            *(literature.sources if literature else ()),
            source,
        ),
        changes=_changes(model, version, text, remarks, pd.DataFrame() if clashes is None else clashes, table),
        release=None,
        population=target,
    )


def untied(model: Model, known: Iterable[tuple[str, str]]) -> tuple[Correlation, ...]:
    """The correlations that name none of these numbers (file and row), of which something else is known now."""
    gone = set(known)
    return tuple(row for row in model.correlations if not {(row.file, row.number), (row.other_file, row.other)} & gone)


def _owed(owed: Owed) -> dict[str, Any]:
    """The cells of a number that say so."""
    found: dict[str, Any] = {
        "information": float(f"{owed.information:.4g}"),
        "shares": tuple(f"{name} {share:.4f}" for name, share in owed.sources),
    }
    return {**found, "source": owed.sources[0][0], "status": "synthesis"} if owed.mostly else found


def _note(row: Prior | Link | TableEntry, field: str) -> str:
    """What the number was, and from where; the parent's remark follows, once."""
    remark = re.sub(r"^was [^;]*(; )?", "", row.note)
    return f"was {getattr(row, field):.4g} of {row.source} ({row.status})" + (f"; {remark}" if remark else "")


def most_moved_first(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with ``before`` and ``after``, the largest difference of the log-odds first."""
    odds = [np.log(p / (1 - p)) for p in (np.clip(table[name], 1e-12, 1 - 1e-12) for name in ("before", "after"))]
    order = np.argsort(-np.abs(np.asarray(odds[1] - odds[0], dtype=np.float64)), kind="stable")
    return table.iloc[order]


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|")


def _changes(
    model: Model, version: str, text: str, remarks: Sequence[str], clashes: pd.DataFrame, table: pd.DataFrame
) -> str:
    lines = [f"# {version}", "", text, ""]
    if remarks:
        lines += ["To know before the numbers are used:", "", *(f"- {_cell(remark)}" for remark in remarks), ""]
    if len(clashes):
        lines += ["Numbers that conflict with their prior, the most surprising first:", ""]
        lines += ["| number | parent | in the patients | patients | after | adjusted p |"]
        lines += ["| --- | --- | ---: | ---: | ---: | ---: |"]
        for row in clashes.to_dict("records"):
            lines.append(
                f"| {_cell(row['label'])} | {row['before']:.4g} ({row['before_lower']:.2g} to "
                f"{row['before_upper']:.2g}) | {row['in_the_patients']:.4g} | {row['patients']:.0f} "
                f"| {row['after']:.4g} | {row['adjusted_p']:.2g} |"
            )
        lines.append("")
    if len(table):
        lines += ["Numbers that moved, the furthest first:", ""]
        lines += [
            "| number | before | after | 95 % interval | effective patients |",
            "| --- | ---: | ---: | --- | ---: |",
        ]
        for row in most_moved_first(table.reset_index(drop=True)).to_dict("records"):
            lines.append(
                f"| {_cell(row['label'])} | {row['before']:.4g} | {row['after']:.4g} | {row['lower']:.2g} to "
                f"{row['upper']:.2g} | {row['effective_cases']:.1f} |"
            )
        lines.append("")
    return "\n".join(lines) + ("\n" + model.changes if model.changes else "")
