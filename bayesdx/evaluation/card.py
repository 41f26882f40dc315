"""The model card: what a version is for, what it rests on, how well it does, and what is not known about it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from os import PathLike
from typing import Literal

import pandas as pd

from bayesdx.display import format_ratio, format_span
from bayesdx.display.blocks import Block, Grid, Items, Title
from bayesdx.display.html import as_page
from bayesdx.display.markdown import as_markdown, read_markdown
from bayesdx.evaluation import tripod
from bayesdx.evaluation.case_scores import must_not_miss
from bayesdx.evaluation.case_tables import FAILED_HEADER, failed_rows, summary_rows, unmet_rows
from bayesdx.evaluation.cases import CaseResults, check_cases
from bayesdx.evaluation.conformance import INSIDE, OUTSIDE, check_evidence, count_verdicts
from bayesdx.evaluation.tripod import NOT_REPORTED
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import KINDS, STATUSES, Link, Prior, TableEntry
from bayesdx.knowledge.versions import as_model

BEFORE_TESTS = "history and examination"
"""Findings of a case before any test."""

KNOWN = {
    "verified": "verified in their source",
    "recalled": "recalled from one",
    "expert": "expert judgement",
    "synthesis": "learned from published studies",
    "dataset": "estimated from data",
}
"""How a number is known, in words."""


@dataclass(frozen=True, eq=False)
class _Facts:
    """What the sections of a card are written from."""

    model: Model
    evidence: pd.DataFrame
    cases: CaseResults
    notes: tuple[Block, ...]
    items: dict[str, str]


def model_card(model: Model | str | PathLike[str], format: Literal["markdown", "html"] = "markdown") -> str:
    """The model card of a version.

    It begins with one screen: for whom the model is, how right it is, what it rests on, what it misses. The details
    follow: populations, known weaknesses (the text of NOTES.md), results of the clinical unit tests, conformance with
    published accuracy, the share of numbers that are verified, recalled, from experts or from a dataset, sources by
    design of study, variables, and the items of TRIPOD+AI, 'not reported' where the folder does not answer one. The
    same version gives the same card; the chosen population plays no part.

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.
    format : {"markdown", "html"}
        HTML is one page without scripts or outside references.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        The format is none of the two.

    References
    ----------
    M. Mitchell et al. (2019), "Model cards for model reporting", FAT*. G. S. Collins et al. (2024), "TRIPOD+AI
    statement", BMJ 385, e078378.

    Examples
    --------
    >>> import bayesdx as dx
    >>> print(dx.model_card(dx.load_model("chest_clinic")).splitlines()[0])
    # Model card: The chest clinic of Lauritzen and Spiegelhalter
    """
    model = as_model(model)
    if format not in ("markdown", "html"):
        raise ValueError(f"format: {format!r}; expected 'markdown' or 'html'.")
    default = model.with_population(model.info.default_population)
    notes, items = tripod.split_notes(read_markdown(default.notes, level=3))
    facts = _Facts(default, check_evidence(default), check_cases(default), notes, items)
    blocks: list[Block] = [Title(f"Model card: {model.info.title}", 1)]
    for section in _SECTIONS:
        blocks += section(facts)
    return (
        as_markdown(blocks)
        if format == "markdown"
        else as_page(blocks, f"Model card: {model.info.title}", contents=True)
    )


def _short(facts: _Facts) -> list[Block]:
    """The card on one screen."""
    info = facts.model.info
    rows = [
        ("for whom", info.intended_use),
        ("which patients", info.entry_criterion),
        ("not for", info.not_for),
        ("how right", _how_right(facts)),
        ("rests on", _rests_on(facts.model)),
        ("misses", _misses(facts)),
    ]
    return [Title("In short"), Grid(["", ""], rows)]


def _how_right(facts: _Facts) -> str:
    said = []
    summary = facts.cases.summary if len(facts.cases.table) else pd.DataFrame()
    if len(summary):
        kept = "held_out" if (summary["use"] == "held_out").any() else "all"
        part = summary[summary["use"] == kept].to_dict("records")
        found = {(row["findings"], row["measure"]): row for row in part}

        def percent(measure: str, findings: str = "all findings") -> str:
            row = found[(findings, measure)]
            return f"{100 * row['value']:.0f} % ({100 * row['lower']:.0f} to {100 * row['upper']:.0f} %)"

        count = found[("all findings", "top_1")]["n"]
        whose = "cases kept out of any tuning" if kept == "held_out" else "cases, none kept out of tuning,"
        said.append(
            f"Of {count} {whose} the reported cause is first in {percent('top_1')}, among the first three in "
            f"{percent('top_3')} with all findings, in {percent('top_1', BEFORE_TESTS)} and "
            f"{percent('top_3', BEFORE_TESTS)} before tests (95 % intervals)."
        )
        if ("all findings", "must_not_miss_recall") in found:
            count = found[("all findings", "must_not_miss_recall")]["n"]
            said.append(
                f"Of {count} patients with a cause that must not be missed {percent('must_not_miss_recall')} reach "
                "its threshold."
            )
    if len(facts.evidence):
        counts = count_verdicts(facts.evidence)
        comparable = counts[INSIDE] + counts[OUTSIDE]
        if comparable:
            share = _percent(counts[INSIDE], comparable)
            said.append(f"{share} of {comparable} published figures lie where the network predicts them.")
    return " ".join(said) or NOT_REPORTED


def _rests_on(model: Model) -> str:
    counts = model.count_statuses()
    total = sum(counts.values())
    shares = ", ".join(f"{_percent(count, total)} {KNOWN[status]}" for status, count in counts.items() if count)
    return f"{total:,} numbers: {shares}; {len(model.sources)} sources."


def _misses(facts: _Facts) -> str:
    """The causes that are most often not among the first three."""
    table = facts.cases.table
    if table.empty:
        return NOT_REPORTED
    kept = table[table["use"] == "held_out"] if (table["use"] == "held_out").any() else table
    kept = kept[kept["cause"] != ""]
    late = kept[~(kept["rank"] <= 3)]["cause"].value_counts()
    sizes = kept["cause"].value_counts()
    if late.empty:
        return "No reported cause is beyond the first three."
    order = sorted(late.index, key=lambda cause: (-late[cause], cause))[:3]
    said = "; ".join(f"{facts.model.label(cause)} ({late[cause]} of {sizes[cause]})" for cause in order)
    return f"Most often not among the first three: {said}. Weaknesses are listed below."


def _identity(facts: _Facts) -> list[Block]:
    model = facts.model
    parent = f"{model.info.parent_version}, {model.info.parent_hash}" if model.info.parent_version else "none"
    rows = [
        ("model", model.name),
        ("version", model.version),
        ("content hash", model.hash),
        ("released", model.release.date if model.release else "not released"),
        ("parent version", parent),
        ("licence", model.info.licence),
    ]
    return [Title("Version"), Grid(["", ""], rows)]


def _populations(facts: _Facts) -> list[Block]:
    info = facts.model.info
    default = info.default_population
    rows = [
        (f"{entry.title}{' (default)' if entry.name == default else ''}", entry.name, entry.description or NOT_REPORTED)
        for entry in info.populations
    ]
    return [Title("Populations"), Grid(["population", "name", "description"], rows)]


def _variables(facts: _Facts) -> list[Block]:
    variables = facts.model.variables
    counts = Counter(variable.kind for variable in variables)
    said = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind])
    rows = [(v.label, v.variable, v.kind, ", ".join(v.states)) for v in variables]
    return [
        Title("Variables"),
        f"{len(variables)} variables: {said}. The first state is the reference state.",
        Grid(["label", "variable", "kind", "states"], rows),
    ]


def _numbers(facts: _Facts) -> list[Block]:
    model = facts.model
    by_file = {
        "priors.csv": Counter(row.status for row in model.priors),
        "links.csv": Counter(row.status for row in model.links),
        "tables.csv": Counter(row.status for row in model.tables),
    }
    total = sum(by_file.values(), Counter[str]())
    rows = []
    for name, counts in (*by_file.items(), ("all", total)):
        size = counts.total()
        if size:
            shares = [
                f"{counts[status]} ({_percent(counts[status], size)})" if counts[status] else "0" for status in STATUSES
            ]
            rows.append((name, size, *shares))
    return [
        Title("How its numbers are known"),
        (
            "Numbers that enter the network. Verified: checked against a published text; recalled: from memory of one; "
            "expert: a judgement; synthesis: learned from published studies; dataset: estimated from data."
        ),
        Grid(["file", "numbers", *STATUSES], rows, tuple(range(1, 2 + len(STATUSES)))),
        *_from_studies(model),
        Title("Sources by design of study"),
        *_designs(model),
    ]


def _designs(model: Model) -> list[Block]:
    numbers: tuple[Prior | Link | TableEntry, ...] = (*model.priors, *model.links, *model.tables)
    resting = Counter(row.source for row in numbers)
    published = Counter(row.source for row in model.accuracy)
    sources: dict[str, list[str]] = defaultdict(list)
    for source in model.sources:
        sources[source.design.replace("_", " ") or NOT_REPORTED].append(source.source)
    rows = [
        (design, len(names), sum(resting[name] for name in names), sum(published[name] for name in names))
        for design, names in sources.items()
    ]
    rows.sort(key=lambda row: (-row[2], -row[3], -row[1], row[0]))
    return [Grid(["design", "sources", "numbers of the network", "published figures"], rows, (1, 2, 3))]


def _from_studies(model: Model) -> list[Block]:
    """How much of the numbers of status synthesis is literature; nothing where there is none."""
    learned = model.learned_from_studies()
    if learned.empty:
        return []
    share = 100 * learned["information"]
    most = ", ".join(f"{name} ({count})" for name, count in learned["source"].value_counts().head(5).items())
    return [
        (
            f"{len(learned)} numbers were learned from {len(model.studies)} published figures; the share of what is "
            f"known of them that studies brought, the rest being judgement, is {share.median():.0f} % in the middle "
            f"one ({share.min():.0f} to {share.max():.0f} %). Studies with the largest share of a number: {most}."
        )
    ]


def _conformance(facts: _Facts) -> list[Block]:
    table = facts.evidence
    blocks: list[Block] = [Title("Conformance with published accuracy")]
    if table.empty:
        return [*blocks, f"{NOT_REPORTED.capitalize()}: the version has no published figures."]
    counts = count_verdicts(table)
    comparable = counts[INSIDE] + counts[OUTSIDE]
    share = f" ({_percent(counts[INSIDE], comparable)})" if comparable else ""
    blocks.append(
        f"{len(table)} published figures, {comparable} of them comparable: {counts[INSIDE]}{share} lie within the "
        f"95 % interval that the network predicts for such a study, {counts[OUTSIDE]} outside, of which "
        f"{counts['in conflict and unexplained']} are of a source in conflict with the network (p below 0.05 after "
        "Holm's correction) and without an explanation."
    )
    outside = table[table["verdict"] == OUTSIDE]
    if len(outside):
        rows = [
            (
                " or ".join(facts.model.by_name[row["finding"]].text(state) for state in row["state"].split("|"))
                + (f" with {row['also']}" if row["also"] else ""),
                facts.model.label(row["cause"]),
                row["measure"].replace("_", " "),
                row["condition"],
                f"{format_ratio(row['value'])} ({format_ratio(row['lower'])} to {format_ratio(row['upper'])})",
                format_ratio(row["implied"]),
                f"{format_ratio(row['predictive_lower'])} to {format_ratio(row['predictive_upper'])}",
                row["source"],
                row["resolution"] or NOT_REPORTED,
            )
            for row in outside.to_dict("records")
        ]
        header = [
            "finding",
            "cause",
            "measure",
            "in whom",
            "published",
            "implied",
            "predicted",
            "source",
            "explanation",
        ]
        blocks.append(Grid(header, rows))
    return blocks


def _cases(facts: _Facts) -> list[Block]:
    results = facts.cases
    blocks: list[Block] = [Title("Results on cases")]
    if results.table.empty:
        return [*blocks, f"{NOT_REPORTED.capitalize()}: the version has no cases."]
    model = facts.model
    limits = [must_not_miss(model.with_population(population.name)) for population in model.info.populations]
    labels = [f"{model.label(cause)} (from {format_span(each[cause] for each in limits)})" for cause in limits[0]]
    met, count = int(results.expectations["met"].sum()), len(results.expectations)
    held_out = int((results.table["use"] == "held_out").sum())
    blocks.append(
        f"{len(results.table)} cases, {held_out} of them kept out of any tuning; each in its own population. "
        f"{met} of {count} expectations are met. In brackets: 95 % bootstrap interval over cases, and number. "
        f"Causes that must not be missed: {', '.join(labels) or 'none stated'}."
    )
    header, rows = summary_rows(results.summary)
    blocks.append(Grid(header, rows))
    unmet = unmet_rows(results.expectations)
    if unmet:
        blocks.append("Expectations that are not met:")
        blocks.append(Grid(["case", "expectation", "found"], unmet))
    failed = failed_rows(results.table)
    if failed:
        blocks.append("Held-out cases whose cause is not first, with all findings or without tests:")
        blocks.append(Grid(FAILED_HEADER, failed))
    return blocks


def _weaknesses(facts: _Facts) -> list[Block]:
    return [Title("Known weaknesses"), *(facts.notes or (f"{NOT_REPORTED.capitalize()}.",))]


def _tripod(facts: _Facts) -> list[Block]:
    rows = tripod.answers(facts.model, facts.items, has_notes=bool(facts.notes), has_cases=not facts.cases.table.empty)
    answered = sum(answer != NOT_REPORTED for _, _, answer in rows)
    return [
        Title("TRIPOD+AI"),
        f"{answered} of {len(rows)} items are answered (Collins et al. 2024, BMJ 385, e078378).",
        Grid(["item", "topic", "answer"], rows),
    ]


def _references(facts: _Facts) -> list[Block]:
    sources = facts.model.sources
    return [Title("References"), Items(tuple(f"{source.source}: {source.citation}" for source in sources))]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"


_SECTIONS = (
    _short,
    _identity,
    _populations,
    _weaknesses,
    _cases,
    _conformance,
    _numbers,
    _variables,
    _tripod,
    _references,
)
