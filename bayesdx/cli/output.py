"""What the commands print: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import bayesdx as dx
from bayesdx.display import bar, clean, format_probability, format_ratio

WIDTH = 100
"""Columns of a table that goes to a file or a pipe; the variable COLUMNS changes it."""

MODEL_COLUMNS = ("name", "version", "populations", "causes", "variables", "released", "hash", "sound")
STATUSES = ("verified", "recalled", "expert", "dataset")
SOURCED_FILES = ("priors", "links", "tables", "accuracy", "tests", "red_flags", "management")
URGENCY_STYLE = {"emergency": "bold red", "urgent": "bold yellow", "routine": ""}


def console() -> Console:
    """The console of standard output: plain where that is no terminal, and without colour where NO_COLOR is set."""
    screen = Console(markup=False, emoji=False, highlight=False)
    if not screen.is_terminal and "COLUMNS" not in os.environ:
        screen = Console(markup=False, emoji=False, highlight=False, width=WIDTH)
    return screen


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_csv(frame: pd.DataFrame) -> None:
    """Print a frame as CSV, without its index; a missing value is an empty cell."""
    frame.to_csv(sys.stdout, index=False, lineterminator="\n")


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as plain values; a missing value is None."""
    plain = frame.astype(object)
    return [
        {str(key): value for key, value in row.items()} for row in plain.where(plain.notna(), None).to_dict("records")
    ]


def table(*columns: str | tuple[str, str]) -> Table:
    """An empty table with these column titles; a tuple says how its column is aligned."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        title, side = column if isinstance(column, tuple) else (column, "left")
        grid.add_column(title, justify="right" if side == "right" else "left", overflow="fold")
    return grid


def cell(value: Any) -> str:
    """A value as text on one line; missing is empty."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else clean(value)


def show_frame(frame: pd.DataFrame, format: str, columns: Sequence[str] | None = None) -> None:
    """A frame in the wanted format; as a table only the ``columns`` where they are given."""
    if format == "json":
        print_json(records(frame))
    elif format == "csv":
        print_csv(frame)
    else:
        shown = frame[list(columns)] if columns else frame
        numeric = {name for name in shown if pd.api.types.is_numeric_dtype(shown[name].dtype)}
        numeric -= {name for name in shown if pd.api.types.is_bool_dtype(shown[name].dtype)}
        grid = table(*((str(name), "right" if name in numeric else "left") for name in shown))
        for row in records(shown):
            grid.add_row(*map(cell, row.values()))
        console().print(grid)


def show_problems(problems: Sequence[Any], format: str) -> None:
    """Every fault of a model folder."""
    frame = pd.DataFrame([problem._asdict() for problem in problems], dtype=object)
    if format == "json":
        print_json({"sound": False, "problems": records(frame)})
        return
    show_frame(frame, format)
    if format == "table":
        console().print(f"\n{len(problems)} fault{'s' if len(problems) != 1 else ''}.")


def show_sound(model: dx.Model, format: str) -> None:
    """That a model is sound, and how many rows of each file have each status."""
    counts = pd.DataFrame(
        [_statuses(model, file) for file in SOURCED_FILES],
        columns=list(STATUSES),
        index=pd.Index([f"{file}.csv" for file in SOURCED_FILES], name="file"),
    )
    if format == "json":
        identity = {"name": model.name, "version": model.version, "hash": model.hash}
        statuses = {str(file): row for file, row in zip(counts.index, counts.to_dict("records"), strict=True)}
        print_json({"sound": True, "problems": [], "model": identity, "statuses": statuses})
        return
    counts.insert(0, "rows", counts.sum(axis=1))
    if format == "csv":
        print_csv(counts.reset_index())
        return
    released = f"released {model.release.date}" if model.release else "not released"
    screen = console()
    screen.print(Text.assemble(f"{model.name} {model.version} is ", ("sound", "bold green"), f", {released}."))
    screen.print(f"{model.hash}\n", style="dim", soft_wrap=True)
    show_frame(counts.reset_index(), format)
    numbers = model.count_statuses()
    said = ", ".join(f"{numbers.get(status, 0)} {status}" for status in STATUSES)
    screen.print(f"\nNumbers of the network (priors, links, tables): {sum(numbers.values())}; {said}.")


def _statuses(model: dx.Model, file: str) -> list[int]:
    found = model.frame(file)["status"].value_counts()
    return [int(found.get(status, 0)) for status in STATUSES]


def show_comparison(comparison: dx.Comparison, format: str) -> None:
    """What differs between two models."""
    old, new = (
        {"name": side.name, "version": side.version, "hash": side.hash} for side in (comparison.old, comparison.new)
    )
    if format == "json":
        print_json({"old": old, "new": new, "differences": records(comparison.table)})
    elif format == "csv":
        print_csv(comparison.table)
    else:
        title = f"{old['name']} {old['version']} -> {new['name']} {new['version']}"
        count = len(comparison.table)
        console().print(f"{title}: {count or 'no'} difference{'s' if count != 1 else ''}." + ("\n" if count else ""))
        if count:
            show_frame(comparison.table, format)


def show_case(case: dx.Diagnosis, format: str, top: int | None) -> None:
    """The differential of one patient."""
    if format == "json":
        print_json(_as_dict(case, top))
    elif format == "csv":
        print_csv(case.to_frame().head(top or len(case.table)))
    else:
        _print_case(console(), case, top)


def show_cohort(cases: Sequence[dx.Diagnosis], format: str, top: int | None) -> None:
    """The differentials of a table of patients, numbered from 1."""
    numbered = list(enumerate(cases, start=1))
    if format == "json":
        print_json([{"patient": number, **_as_dict(case, top)} for number, case in numbered])
        return
    frames = [case.to_frame().head(top or len(case.table)) for case in cases]
    for (number, _), frame in zip(numbered, frames, strict=True):
        frame.insert(0, "patient", number)
    if format == "csv":
        print_csv(pd.concat(frames) if frames else pd.DataFrame({"patient": []}))
        return
    grid = table(("patient", "right"), "cause", ("posterior", "right"), ("LR", "right"), "red flags")
    for number, case in numbered:
        flags = "; ".join(f"{flag.urgency.upper()} {flag.label}" for flag in case.red_flags)
        for place, row in enumerate(case.table.head(top or 3).itertuples(index=False)):
            first = (str(number), clean(flags)) if place == 0 else ("", "")
            now, ratio = format_probability(float(row.posterior)), format_ratio(float(row.likelihood_ratio))
            grid.add_row(first[0], clean(row.label), now, ratio, Text(first[1], "bold red"))
    console().print(grid)


def _as_dict(case: dx.Diagnosis, top: int | None) -> dict[str, Any]:
    document = case.to_dict()
    document["differential"] = document["differential"][:top]
    return document


def _print_case(screen: Console, case: dx.Diagnosis, top: int | None) -> None:
    model = case.model
    count = len(case.findings)
    title = f"{model.name} {model.version}, {model.population}: {count} finding{'s' if count != 1 else ''}"
    screen.print(Text(title, "bold"))
    screen.print()
    for flag in case.red_flags:
        met = ", ".join(f"{clean(model.label(name))}: {' or '.join(states)}" for name, states in flag.findings)
        doubt = "" if flag.certain else " (cannot be excluded)"
        screen.print(
            Text.assemble(
                (flag.urgency.upper(), URGENCY_STYLE[flag.urgency]),
                f": {clean(flag.action)}. {clean(model.label(flag.cause))}{doubt}: {clean(met)}",
            )
        )
    if case.red_flags:
        screen.print()
    grid = table("cause", ("prior", "right"), ("now", "right"), ("LR", "right"), "")
    shown = case.table.head(top or len(case.table))
    for row in shown.itertuples(index=False):
        now = float(row.posterior)
        ratio = format_ratio(float(row.likelihood_ratio))
        grid.add_row(clean(row.label), format_probability(float(row.prior)), format_probability(now), ratio, bar(now))
    nothing = "None of the modelled causes"
    grid.add_row(nothing, "", format_probability(case.none_present), "", bar(case.none_present))
    screen.print(grid)
    screen.print("\nMost probable sets of causes", style="bold")
    for row in case.most_probable(3).itertuples(index=False):
        names = " + ".join(_label(model, name) for name in row.causes) or nothing
        screen.print(Padding(f"{format_probability(float(row.probability)):>7}  {names}", (0, 0, 0, 2)))
    if case.management:
        screen.print("\nSteps of care", style="bold")
        steps = table("urgency", "cause", "step")
        for step in case.management:
            when = f" ({step.when})" if step.when else ""
            urgency = Text(step.urgency, URGENCY_STYLE[step.urgency])
            steps.add_row(urgency, clean(model.label(step.cause)), clean(step.action + when))
        screen.print(steps)
    screen.print(f"\n{case.to_dict()['notice']}", style="dim")


def _label(model: dx.Model, name: str) -> str:
    variable, _, state = name.partition("=")
    return clean(f"{model.label(variable)}: {state}" if state else model.label(variable))
