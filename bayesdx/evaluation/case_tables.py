"""Results of clinical unit tests as rows, for text, HTML and the model card."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayesdx.display import format_probability, words
from bayesdx.display.blocks import Block, Grid
from bayesdx.evaluation.case_scores import MEASURES
from bayesdx.evaluation.outcomes import NONE

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

CASE_HEADER = ("case", "cause", "all findings", "without tests", "first instead", "met")
CASE_NUMERIC = (2, 3, 5)


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
    summary = _distinct(summary)
    measures = _measures(summary)
    by_line: dict[tuple[str, str], dict[str, str]] = {}
    for row in summary.to_dict("records"):
        value, interval = _figures(row)
        by_line.setdefault((words(row["use"]), row["findings"]), {})[row["measure"]] = (
            f"{value} ({interval}; n {row['n']})"
        )
    rows = [[*line, *(cells.get(measure, "") for measure in measures)] for line, cells in by_line.items()]
    return ["cases", "findings", *(WORDS[measure] for measure in measures)], rows


def summary_blocks(summary: pd.DataFrame) -> list[Block]:
    """A table per set of findings: a row per measure, a column per use, headed by the number of its cases."""
    summary = _distinct(summary)
    blocks: list[Block] = []
    for findings, part in summary.groupby("findings", sort=False):
        sizes = part.groupby("use", sort=False)["n"].max()
        cells: dict[str, list[str]] = {measure: [] for measure in _measures(part)}
        for row in part.to_dict("records"):
            value, interval = _figures(row)
            some = f"; n {row['n']}" if row["n"] < sizes[row["use"]] else ""
            cells[row["measure"]].append(f"{value} ({interval}{some})")
        header = [str(findings), *(f"{words(use)} (n {size})" for use, size in sizes.items())]
        blocks.append(Grid(header, [[WORDS[measure], *row] for measure, row in cells.items()]))
    return blocks


def _distinct(summary: pd.DataFrame) -> pd.DataFrame:
    """Without the figures over all cases where these are of one use."""
    return summary[summary["use"] != "all"] if summary["use"].nunique() == 2 else summary


def _measures(summary: pd.DataFrame) -> list[str]:
    return [measure for measure in MEASURES if (summary["measure"] == measure).any()]


def _figures(row: Mapping[Hashable, Any]) -> tuple[str, str]:
    """A measure and its interval, as people read them."""
    value, lower, upper = (figure(row["measure"], row[name]) for name in ("value", "lower", "upper"))
    return value, f"{lower.removesuffix(' %')} to {upper}"


def case_rows(table: pd.DataFrame) -> list[list[str]]:
    """One row per case, in the order of ``CASE_HEADER``."""
    return [
        [
            row["case"],
            words(row["cause"]) or "none",
            _ranked(row["rank"], row["probability"]),
            _ranked(row["rank_without_tests"], row["probability_without_tests"]),
            "" if row["first"] == row["cause"] else "none" if row["first"] == NONE else words(row["first"]),
            f"{row['met']}/{row['expectations']}",
        ]
        for row in table.to_dict("records")
    ]


def _ranked(rank: int, probability: float) -> str:
    return f"{rank}, {'impossible' if np.isnan(probability) else format_probability(probability)}"


FAILED_HEADER = ("case", "cause", "rank", "probability", "rank without tests", "first", "red flags")


def failed_rows(table: pd.DataFrame) -> list[list[str]]:
    """One row per held-out case whose cause is not first, with all findings or without tests.

    In the order of ``FAILED_HEADER``: the worst rank with all findings first, then by name of the case.
    """
    table = table[table["use"] == "held_out"]
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


def unmet_rows(expectations: pd.DataFrame) -> list[tuple[str, str, str]]:
    """(case, expectation, what was found) of every expectation that is not met."""
    unmet = expectations[~expectations["met"]]
    return [(row["case"], row["expectation"], row["found"]) for row in unmet.to_dict("records")]
