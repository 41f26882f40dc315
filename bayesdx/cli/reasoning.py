"""What ``explain``, ``next`` and ``sensitivity`` print, and what ``diagnose`` adds of it."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from rich.text import Text

import bayesdx as dx
from bayesdx.cli.output import console, print_csv, print_json, records, show_report, table
from bayesdx.display import clean, format_probability
from bayesdx.display.report import Report

BEST = 3
"""Next tests that ``diagnose`` prints."""


def show_explanation(why: dx.Explanation, format: str) -> None:
    """Why a cause is as probable as it is."""
    if format == "json":
        document = {
            "cause": why.event.name,
            "statement": why.statement,
            "settled": why.settled,
            "prior_decibans": why.prior_decibans,
            "posterior_decibans": why.posterior_decibans,
        }
        tables = {"ledger": why.table.reset_index(), "expected": why.expected_table.reset_index()}
        print_json(_finite({"model": _model(why.case), **document}) | _tables(tables))
    else:
        _show(why, why.table, format)


def show_next(following: dx.NextTests, format: str) -> None:
    """What to find out next."""
    if format == "json":
        document = {
            "focus": following.focus,
            "target": following.target.name,
            "stop": following.stop,
            "stop_reason": following.stop_reason,
            "about": following.about,
            "emergencies": [emergency.cause for emergency in following.emergencies],
        }
        print_json({"model": _model(following.case), **document} | _tables({"options": following.table.reset_index()}))
    else:
        _show(following, following.table, format)


def show_sensitivity(what_if: dx.SensitivityAnalysis, format: str) -> None:
    """What would change the posterior of a cause."""
    if format == "json":
        document = {"cause": what_if.event.name, "posterior": what_if.posterior}
        print_json({"model": _model(what_if.case), **document} | _tables({"numbers": what_if.table.reset_index()}))
    else:
        _show(what_if, what_if.table, format)


def as_fields(case: dx.Diagnosis) -> dict[str, Any]:
    """What ``diagnose`` adds to its JSON: intervals, the best next tests, conflict."""
    following, conflict = dx.next_tests(case), case.conflict
    return {
        "intervals": records(dx.credible_intervals(case).table.reset_index().drop(columns="label")),
        "next_tests": records(following.table.reset_index().head(BEST)),
        "conflict": {
            "bits": conflict.bits,
            "surprise": conflict.surprise,
            "fit": conflict.fit,
            "warning": conflict.warning,
        },
    }


def intervals_of(case: dx.Diagnosis) -> dict[str, str]:
    """The 95 % interval of each line of the differential, as text."""
    found = dx.credible_intervals(case).table
    ends = zip(found.index, found["lower"].tolist(), found["upper"].tolist(), strict=True)
    return {str(cause): f"{format_probability(low)} to {format_probability(high)}" for cause, low, high in ends}


def print_best(case: dx.Diagnosis) -> None:
    """The best next tests, and a warning where the findings do not fit."""
    following = dx.next_tests(case)
    with console() as screen:
        if following.suggestions:
            screen.print("\nFind out next", style="bold")
            grid = table("option", ("bits", "right"), ("cost EUR", "right"), ("delay hours", "right"), "why")
            for s in following.suggestions[:BEST]:
                cost, delay = f"{s.option.cost_eur:g}", f"{s.option.delay_hours:g}"
                grid.add_row(clean(s.option.label), f"{s.bits:.3f}", cost, delay, clean(following.purpose(s)))
            screen.print(grid)
        if case.conflict.warning:
            screen.print()
            screen.print(Text.assemble(("WARNING", "bold yellow"), f": {clean(case.conflict.warning)}"))


def _show(report: Report, frame: pd.DataFrame, format: str) -> None:
    if format == "csv":
        print_csv(frame.reset_index())
        return
    show_report(report)


def _model(case: dx.Diagnosis) -> dict[str, str]:
    return {key: getattr(case.model, key) for key in ("name", "version", "population", "hash")}


def _tables(frames: dict[str, pd.DataFrame]) -> dict[str, Any]:
    return {name: [_finite(row) for row in records(frame)] for name, frame in frames.items()}


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no infinity; it becomes None, and the statement beside it says so."""
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
