"""Results of clinical unit tests as rows, for text, HTML and the model card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesdx.display import format_probability
from bayesdx.display.report import Block, Grid, Title
from bayesdx.evaluation.scores import MEASURES, NONE

if TYPE_CHECKING:
    from bayesdx.evaluation.cases import CaseResults

WORDS = {
    "top_1": "top 1",
    "top_3": "top 3",
    "mean_rank": "mean rank",
    "none_first": "none first",
    "must_not_miss_recall": "must-not-miss recall",
    "log_score": "log score",
    "brier_score": "Brier score",
}
"""What people read for a measure."""

SHARES = ("top_1", "top_3", "none_first", "must_not_miss_recall")
"""Measures that are shares; the others are numbers."""

CASE_HEADER = ("case", "use", "cause", "rank", "probability", "without tests", "first", "met")
CASE_NUMERIC = (3, 4, 5, 7)


def figure(measure: str, value: float) -> str:
    """A figure as people read it.

    Examples
    --------
    >>> figure("top_1", 0.8333), figure("mean_rank", 1.5), figure("log_score", np.inf)
    ('83 %', '1.50', 'inf')
    """
    return f"{100 * value:.0f} %" if measure in SHARES else f"{value:.2f}"


def summary_rows(summary: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and rows: a row per use and set of findings, a column per measure with its interval and number.

    Where all cases are of one use, the rows over all cases would repeat theirs and are left out.
    """
    if summary["use"].nunique() == 2:  # all cases are of one use
        summary = summary[summary["use"] != "all"]
    measures = [measure for measure in MEASURES if (summary["measure"] == measure).any()]
    by_line: dict[tuple[str, str], dict[str, str]] = {}
    for row in summary.to_dict("records"):
        measure = row["measure"]
        value, lower, upper = (figure(measure, row[name]) for name in ("value", "lower", "upper"))
        cell = f"{value} ({lower.removesuffix(' %')} to {upper}; n {row['n']})"
        by_line.setdefault((row["use"].replace("_", " "), row["findings"]), {})[measure] = cell
    rows = [[*line, *(cells.get(measure, "") for measure in measures)] for line, cells in by_line.items()]
    return ["cases", "findings", *(WORDS[measure] for measure in measures)], rows


def case_rows(results: CaseResults) -> list[list[str]]:
    """One row per case, in the order of ``CASE_HEADER``."""
    return [
        [
            row["case"],
            row["use"].replace("_", " "),
            row["cause"] or "none",
            str(row["rank"]),
            "impossible" if np.isnan(row["probability"]) else format_probability(row["probability"]),
            f"{row['rank_without_tests']}, {format_probability(row['probability_without_tests'])}",
            "none" if row["first"] == NONE else row["first"],
            f"{row['met']}/{row['expectations']}",
        ]
        for row in results.table.to_dict("records")
    ]


FAILED_HEADER = ("case", "cause", "rank", "probability", "rank without tests", "first", "red flags")


def failed_rows(results: CaseResults) -> list[list[str]]:
    """One row per held-out case whose cause is not first, with all findings or without tests.

    In the order of ``FAILED_HEADER``: the worst rank with all findings first, then by name of the case.
    """
    table = results.table[results.table["use"] == "held_out"]
    failed = table[(table["rank"] > 1) | (table["rank_without_tests"] > 1)]
    return [
        [
            row["case"],
            row["cause"] or "none",
            str(row["rank"]),
            "impossible" if np.isnan(row["probability"]) else format_probability(row["probability"]),
            str(row["rank_without_tests"]),
            row["first"] or "impossible",
            row["flags"].replace(";", ", ") or "none",
        ]
        for row in failed.sort_values(["rank", "case"], ascending=[False, True]).to_dict("records")
    ]


def unmet_rows(results: CaseResults) -> list[tuple[str, str, str]]:
    """(case, expectation, what was found) of every expectation that is not met."""
    unmet = results.expectations[~results.expectations["met"]]
    return [(row["case"], row["expectation"], row["found"]) for row in unmet.to_dict("records")]


def title(results: CaseResults) -> str:
    """One line: the model, the number of cases, how many expectations are met."""
    model = results.model
    count, met = len(results.expectations), int(results.expectations["met"].sum())
    return f"{model.name} {model.version}: {len(results.table)} cases, {met} of {count} expectations met"


def case_blocks(results: CaseResults) -> list[Block]:
    """The results as blocks: a line of title, the cases, the figures, what is not met."""
    blocks: list[Block] = [Title(title(results))]
    if results.table.empty:
        return blocks
    header, rows = summary_rows(results.summary)
    columns = [" ".join(row[:2]) for row in rows]
    turned = [[name, *(row[place] for row in rows)] for place, name in enumerate(header) if place > 1]
    blocks += [Grid(CASE_HEADER, case_rows(results), CASE_NUMERIC), Grid(["", *columns], turned)]
    unmet = unmet_rows(results)
    if unmet:
        blocks.append(Grid(["case", "expectation not met", "found"], unmet))
    return blocks
