"""What ``check --evidence``, ``check --cases`` and ``compare`` print about whether a model is right."""

from __future__ import annotations

from typing import Any

import pandas as pd

import bayesdx as dx
from bayesdx.cli.output import console, print_csv, print_json, records, show_report, table
from bayesdx.display import clean, format_ratio


def show(model: dx.Model, evidence: pd.DataFrame | None, cases: dx.types.CaseResults | None, format: str) -> None:
    """Conformance with published accuracy, results of the clinical unit tests, or both."""
    if format == "json":
        document: dict[str, Any] = {"model": {"name": model.name, "version": model.version, "hash": model.hash}}
        if evidence is not None:
            document["evidence"] = {"counts": dx.count_verdicts(evidence), "figures": records(evidence)}
        if cases is not None:
            frames = {"cases": cases.table, "expectations": cases.expectations, "summary": cases.summary}
            document |= {name: records(frame) for name, frame in frames.items()}
        print_json(document)
    elif format == "csv":
        if evidence is not None:
            print_csv(evidence)
        if cases is not None:
            print_csv(cases.table)
    else:
        if evidence is not None:
            _print_evidence(model, evidence)
        if cases is not None:
            if evidence is not None:
                with console() as screen:
                    screen.print()
            show_report(cases)


def _print_evidence(model: dx.Model, evidence: pd.DataFrame) -> None:
    counts = dx.count_verdicts(evidence)
    comparable = counts["inside"] + counts["outside"]
    with console() as screen:
        screen.print(
            f"{model.name} {model.version}: {len(evidence)} published figures, {comparable} comparable; "
            f"{counts['inside']} within their predictive interval ({_share(counts['inside'], comparable)}), "
            f"{counts['outside']} outside, {counts['in conflict and unexplained']} of them in conflict without an "
            "explanation."
        )
        compared = evidence[evidence["verdict"] != "not comparable"]
        known = int(compared["same_source"].sum())
        if known:
            screen.print(
                f"{known} of the {comparable} {'is' if known == 1 else 'are'} no independent test: numbers of the same "
                "finding come from the same source, wholly or in part. That these are met shows that the numbers were "
                "made as meant, not that they are right; figures of other studies would show that."
            )
        rows = records(evidence[evidence["verdict"] == "outside"])
        if not rows:
            return
        grid = table("figure", "in whom", "published", "predicted", ("p", "right"), "explanation")
        for row in rows:
            event = f"{row['finding']}={row['state']}" + (f";{row['also']}" if row["also"] else "")
            published = f"{_number(row['value'])} ({_number(row['lower'])} to {_number(row['upper'])})"
            grid.add_row(
                clean(f"{row['measure'].replace('_', ' ')} of {event} for {row['cause']}"),
                clean(f"{row['condition']} ({row['source']})"),
                published,
                f"{_number(row['implied'])} ({_number(row['predictive_lower'])} to {_number(row['predictive_upper'])})",
                _p(row),
                clean(row["resolution"]) or "none",
            )
            grid.add_section()
        screen.print()
        screen.print(grid)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"


def _p(row: dict[str, Any]) -> str:
    """The p of the figure, marked where its source is in conflict."""
    said = "below 0.001" if row["p"] < 0.001 else f"{row['p']:.3f}"
    in_conflict = row["adjusted_p"] is not None and row["adjusted_p"] < 0.05
    return f"{said}, in conflict" if in_conflict else said


def _number(value: float | str | None) -> str:
    return "" if value is None else format_ratio(float(value))
