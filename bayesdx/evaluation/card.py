"""The model card: what a version is for, what it rests on, how well it does, and what is not known about it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from os import PathLike
from typing import Literal

import pandas as pd

from bayesdx.display import format_ratio, format_span
from bayesdx.display.document import Heading, Items, Paragraph, Part, as_html, as_markdown, grid, read_markdown
from bayesdx.evaluation import tripod
from bayesdx.evaluation.case_scores import must_not_miss
from bayesdx.evaluation.case_tables import FAILED_HEADER, failed_rows, summary_rows, unmet_rows
from bayesdx.evaluation.cases import CaseResults, check_cases
from bayesdx.evaluation.conformance import INSIDE, OUTSIDE, check_evidence, count_verdicts
from bayesdx.evaluation.tripod import NOT_REPORTED
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import KINDS, STATUSES, Link, Prior, TableEntry
from bayesdx.knowledge.versions import as_model


@dataclass(frozen=True, eq=False)
class _Facts:
    """What the sections of a card are written from."""

    model: Model
    evidence: pd.DataFrame
    cases: CaseResults
    notes: tuple[Part, ...]
    items: dict[str, str]


def model_card(model: Model | str | PathLike[str], format: Literal["markdown", "html"] = "markdown") -> str:
    """The model card of a version.

    It begins with one screen: for whom the model is, how right it is, what it rests on, what it misses. The details
    follow: intended use and what the model is not for, populations, variables, sources by design of study, the share of
    numbers that are verified, recalled, from experts or from a dataset, conformance with published accuracy, results of
    the clinical unit tests, known weaknesses (the text of NOTES.md), and the items of TRIPOD+AI, 'not reported' where
    the folder does not answer one. The same version gives the same card; the chosen population plays no part.

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
    blocks: list[Part] = [Heading(1, f"Model card: {model.info.title}")]
    for section in _SECTIONS:
        blocks += section(facts)
    return (
        as_markdown(blocks)
        if format == "markdown"
        else as_html(blocks, f"Model card: {model.info.title}", contents=True)
    )


def _short(facts: _Facts) -> list[Part]:
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
    return [Heading(2, "In short"), grid(["", ""], rows)]


def _how_right(facts: _Facts) -> str:
    said = []
    summary = facts.cases.summary if len(facts.cases.table) else pd.DataFrame()
    if len(summary):
        kept = "held_out" if (summary["use"] == "held_out").any() else "all"
        part = summary[(summary["use"] == kept) & (summary["findings"] == "all findings")].set_index("measure")
        whose = "cases kept out of any tuning" if kept == "held_out" else "cases, none kept out of tuning,"
        shares = {
            measure: f"{100 * row['value']:.0f} % ({100 * row['lower']:.0f} to {100 * row['upper']:.0f} %; {row['n']})"
            for measure, row in part.iterrows()
        }
        said.append(
            f"Of {whose} the reported cause is first in {shares['top_1']}, among the first three in {shares['top_3']}."
        )
        if "must_not_miss_recall" in shares:
            said.append(f"One that must not be missed reaches its threshold in {shares['must_not_miss_recall']}.")
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
    shares = ", ".join(f"{_percent(count, total)} {status}" for status, count in counts.items())
    return f"{total:,} numbers: {shares}. {len(model.sources)} sources."


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
    order = sorted(late.index, key=lambda cause: (-late[cause], cause))[:4]
    said = "; ".join(f"{facts.model.label(cause)} ({late[cause]} of {sizes[cause]})" for cause in order)
    return f"Not among the first three: {said}. What is known to be weak stands below."


def _identity(facts: _Facts) -> list[Part]:
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
    return [Heading(2, "Version"), grid(["", ""], rows)]


def _use(facts: _Facts) -> list[Part]:
    info = facts.model.info
    default = info.default_population
    rows = [
        (f"{entry.title}{' (default)' if entry.name == default else ''}", entry.name, entry.description or NOT_REPORTED)
        for entry in info.populations
    ]
    return [
        Heading(2, "Intended use"),
        Paragraph(info.intended_use),
        Heading(2, "What it is not for"),
        Paragraph(info.not_for),
        Heading(2, "Population"),
        Paragraph(f"Entry criterion: {info.entry_criterion}"),
        grid(["population", "name", "description"], rows),
    ]


def _variables(facts: _Facts) -> list[Part]:
    variables = facts.model.variables
    counts = Counter(variable.kind for variable in variables)
    said = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind])
    rows = [(v.label, v.variable, v.kind, ", ".join(v.states)) for v in variables]
    return [
        Heading(2, "Variables"),
        Paragraph(f"{len(variables)} variables: {said}. The first state is the reference state."),
        grid(["label", "variable", "kind", "states"], rows),
    ]


def _numbers(facts: _Facts) -> list[Part]:
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
        Heading(2, "How its numbers are known"),
        Paragraph(
            "Numbers that enter the network. Verified: checked against a published text; recalled: from memory of one; "
            "expert: a judgement; synthesis: learned from published studies; dataset: estimated from data."
        ),
        grid(["file", "numbers", *STATUSES], rows, tuple(range(1, 2 + len(STATUSES)))),
        *_from_studies(model),
        Heading(2, "Sources by design of study"),
        *_designs(model),
    ]


def _designs(model: Model) -> list[Part]:
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
    return [grid(["design", "sources", "numbers of the network", "published figures"], rows, (1, 2, 3))]


def _from_studies(model: Model) -> list[Part]:
    """How much of the numbers of status synthesis is literature; nothing where there is none."""
    learned = model.learned_from_studies()
    if learned.empty:
        return []
    share = 100 * learned["information"]
    most = ", ".join(f"{name} ({count})" for name, count in learned["source"].value_counts().head(5).items())
    return [
        Paragraph(
            f"{len(learned)} numbers were learned from {len(model.studies)} published figures; the share of what is "
            f"known of them that studies brought, the rest being judgement, is {share.median():.0f} % in the middle "
            f"one ({share.min():.0f} to {share.max():.0f} %). Studies with the largest share of a number: {most}."
        )
    ]


def _conformance(facts: _Facts) -> list[Part]:
    table = facts.evidence
    blocks: list[Part] = [Heading(2, "Conformance with published accuracy")]
    if table.empty:
        return [*blocks, Paragraph(f"{NOT_REPORTED.capitalize()}: the version has no published figures.")]
    counts = count_verdicts(table)
    comparable = counts[INSIDE] + counts[OUTSIDE]
    share = f" ({_percent(counts[INSIDE], comparable)})" if comparable else ""
    blocks.append(
        Paragraph(
            f"{len(table)} published figures, {comparable} of them comparable: {counts[INSIDE]}{share} lie within the "
            f"95 % interval that the network predicts for such a study, {counts[OUTSIDE]} outside, of which "
            f"{counts['in conflict and unexplained']} are of a source in conflict with the network (p below 0.05 after "
            "Holm's correction) and without an explanation."
        )
    )
    outside = table[table["verdict"] == OUTSIDE]
    if len(outside):
        rows = [
            (
                f"{row['finding']} = {row['state'].replace('|', ' or ')}"
                + (f" with {row['also']}" if row["also"] else ""),
                row["cause"],
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
        blocks.append(grid(header, rows))
    return blocks


def _cases(facts: _Facts) -> list[Part]:
    results = facts.cases
    blocks: list[Part] = [Heading(2, "Results on cases")]
    if results.table.empty:
        return [*blocks, Paragraph(f"{NOT_REPORTED.capitalize()}: the version has no cases.")]
    model = facts.model
    limits = [must_not_miss(model.with_population(population.name)) for population in model.info.populations]
    labels = [f"{model.label(cause)} (from {format_span(each[cause] for each in limits)})" for cause in limits[0]]
    met, count = int(results.expectations["met"].sum()), len(results.expectations)
    held_out = int((results.table["use"] == "held_out").sum())
    blocks.append(
        Paragraph(
            f"{len(results.table)} cases, {held_out} of them kept out of any tuning; each in its own population. "
            f"{met} of {count} expectations are met. In brackets: 95 % bootstrap interval over cases, and number. "
            f"Causes that must not be missed: {', '.join(labels) or 'none stated'}."
        )
    )
    header, rows = summary_rows(results.summary)
    blocks.append(grid(header, rows))
    unmet = unmet_rows(results.expectations)
    if unmet:
        blocks.append(Paragraph("Expectations that are not met:"))
        blocks.append(grid(["case", "expectation", "found"], unmet))
    failed = failed_rows(results.table)
    if failed:
        blocks.append(Paragraph("Held-out cases whose cause is not first, with all findings or without tests:"))
        blocks.append(grid(FAILED_HEADER, failed))
    return blocks


def _weaknesses(facts: _Facts) -> list[Part]:
    return [Heading(2, "Known weaknesses"), *(facts.notes or (Paragraph(f"{NOT_REPORTED.capitalize()}."),))]


def _tripod(facts: _Facts) -> list[Part]:
    rows = tripod.answers(facts.model, facts.items, has_notes=bool(facts.notes), has_cases=not facts.cases.table.empty)
    answered = sum(answer != NOT_REPORTED for _, _, answer in rows)
    return [
        Heading(2, "TRIPOD+AI"),
        Paragraph(f"{answered} of {len(rows)} items are answered (Collins et al. 2024, BMJ 385, e078378)."),
        grid(["item", "topic", "answer"], rows),
    ]


def _references(facts: _Facts) -> list[Part]:
    sources = facts.model.sources
    return [Heading(2, "References"), Items(tuple(f"{source.source}: {source.citation}" for source in sources))]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"


_SECTIONS = (_short, _identity, _use, _variables, _numbers, _conformance, _cases, _weaknesses, _tripod, _references)
