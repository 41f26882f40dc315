"""What ``explain``, ``next`` and ``sensitivity`` print."""

from __future__ import annotations

from typing import Any

import pandas as pd

import bayesdx as dx
from bayesdx.cli.output import print_csv, print_json, records, show_report
from bayesdx.display.report import Report


def show_explanation(why: dx.types.Explanation, format: str) -> None:
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
        print_json({"model": _model(why.case.model), **document} | _tables(tables))
    else:
        _show(why, why.table, format)


def show_next(following: dx.types.NextTests, format: str) -> None:
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
        print_json(
            {"model": _model(following.case.model), **document} | _tables({"options": following.table.reset_index()})
        )
    else:
        _show(following, following.table, format)


def show_sensitivity(what_if: dx.types.SensitivityAnalysis, format: str) -> None:
    """What would change the posterior of a cause."""
    if format == "json":
        document = {"cause": what_if.event.name, "posterior": what_if.posterior}
        print_json(
            {"model": _model(what_if.case.model), **document} | _tables({"numbers": what_if.table.reset_index()})
        )
    else:
        _show(what_if, what_if.table, format)


def _show(report: Report, frame: pd.DataFrame, format: str) -> None:
    if format == "csv":
        print_csv(frame.reset_index())
        return
    show_report(report)


def _model(model: dx.Model) -> dict[str, str]:
    return {key: getattr(model, key) for key in ("name", "version", "population", "hash")}


def _tables(frames: dict[str, pd.DataFrame]) -> dict[str, Any]:
    return {name: records(frame) for name, frame in frames.items()}
