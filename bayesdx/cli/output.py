"""What the commands print: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

import bayesdx as dx
from bayesdx.cli.sheet import Sheet
from bayesdx.display import bar, clean, format_probability, format_ratio, words
from bayesdx.display.report import Alert, Block, Grid, Report, Title

WIDTH = 100
"""Columns of a table that goes to a file or a pipe; the variable COLUMNS changes it."""

LONGEST_CELL = 400
"""Signs of a cell that a table shows; JSON and CSV have all of them."""

BAR_WIDTH = 12
"""Columns of the bar beside a probability."""

STATUSES = ("verified", "recalled", "expert", "synthesis", "dataset")
SOURCED_FILES = ("priors", "links", "tables", "accuracy", "studies", "tests", "red_flags", "management")
URGENCY_STYLE = {"emergency": "bold red", "urgent": "bold yellow", "routine": ""}


@contextmanager
def console() -> Iterator[Console]:
    """The console of standard output: colour only on a terminal and without NO_COLOR, elsewhere plain lines."""
    screen = Console(markup=False, emoji=False, highlight=False)
    if screen.is_terminal:
        yield screen
        return
    width = None if "COLUMNS" in os.environ else WIDTH
    screen = Console(markup=False, emoji=False, highlight=False, width=width)
    with screen.capture() as capture:
        yield screen
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_csv(frame: pd.DataFrame) -> None:
    """Print a frame as CSV, without its index; a missing value is an empty cell."""
    frame.to_csv(sys.stdout, index=False, lineterminator="\n")


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as plain values; a missing value is None, an infinite one "inf" or "-inf" (JSON has none)."""
    plain = frame.astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    return [{str(key): _finite(value) for key, value in row.items()} for row in rows]


def _finite(value: Any) -> Any:
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def table(*columns: str | tuple[str, str]) -> Sheet:
    """An empty table with these column titles; a tuple says how its column is aligned."""
    grid = Sheet()
    for column in columns:
        title, side = column if isinstance(column, tuple) else (column, "left")
        grid.add_column(title, justify="right" if side == "right" else "left", overflow="fold")
    return grid


def grid_of(block: Grid) -> Sheet:
    """A table of a report."""
    sides = ["right" if column in set(block.numeric) else "left" for column in range(len(block.header))]
    grid = table(*zip(map(clean, block.header), sides, strict=True))
    for row in block.rows:
        grid.add_row(*map(clean, row))
    return grid


def cell(value: Any) -> str:
    """A value as text on one line; missing is empty."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else clean(value)
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"


def print_blocks(screen: Console, blocks: Sequence[Block]) -> None:
    """A report, its blocks apart by an empty line."""
    for place, block in enumerate(blocks):
        if place:
            screen.print()
        if isinstance(block, Grid):
            screen.print(grid_of(block))
        else:
            style = {Title: "bold", Alert: "bold red"}.get(type(block), "")
            screen.print(Text(clean(block if isinstance(block, str) else block.text), style))


def show_report(report: Report) -> None:
    """A report for people."""
    with console() as screen:
        print_blocks(screen, report.blocks())


def as_table(frame: pd.DataFrame) -> Sheet:
    """A frame as a table for people, numbers to the right."""
    right = set(frame.select_dtypes("number").columns)
    grid = table(*((str(name), "right" if name in right else "left") for name in frame))
    for row in records(frame):
        grid.add_row(*map(cell, row.values()))
    return grid


def show_models(models: pd.DataFrame, format: str) -> None:
    """Models and their versions."""
    if format == "json":
        print_json(records(models))
    elif format == "csv":
        print_csv(models)
    else:
        grid = table("name", "version", "populations", ("causes", "right"), ("variables", "right"), "released", "sound")
        for row in records(models):
            populations = "\n".join(clean(name) for name in row["populations"].split(", "))
            sizes = (str(row["causes"]), str(row["variables"]))
            sound = cell(row["sound"])
            grid.add_row(clean(row["name"]), row["version"], populations, *sizes, row["released"], sound)
        with console() as screen:
            screen.print(grid)


def show_variables(found: dx.VariableSearch, format: str) -> None:
    """Variables that words fit."""
    if format == "json":
        rows = [
            {**row, "states": list(match.variable.states), "synonyms": list(match.variable.synonyms)}
            for row, match in zip(records(found.table.reset_index()), found.matches, strict=True)
        ]
        print_json({"words": found.words, "variables": rows})
    elif format == "csv":
        print_csv(found.table.reset_index())
    else:
        show_report(found)


def show_problems(problems: Sequence[dx.Problem], format: str) -> None:
    """Every fault of a model folder."""
    frame = pd.DataFrame([problem._asdict() for problem in problems], dtype=object)
    if format == "json":
        print_json({"sound": False, "problems": records(frame)})
    elif format == "csv":
        print_csv(frame)
    else:
        with console() as screen:
            screen.print(as_table(frame))
            screen.print(f"\n{len(problems)} fault{'s' if len(problems) != 1 else ''}.")


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
    numbers = model.count_statuses()
    said = ", ".join(f"{numbers.get(status, 0)} {status}" for status in STATUSES)
    released = f"released {model.release.date}" if model.release else "not released"
    with console() as screen:
        screen.print(Text.assemble(f"{model.name} {model.version} is ", ("sound", "bold green"), f", {released}."))
        screen.print(f"{model.hash}\n", style="dim", soft_wrap=True)
        screen.print(as_table(counts.reset_index()))
        screen.print(f"\nNumbers of the network (priors, links, tables): {sum(numbers.values())}; {said}.")


def _statuses(model: dx.Model, file: str) -> list[int]:
    found = model.frame(file)["status"].value_counts()
    return [int(found.get(status, 0)) for status in STATUSES]


def show_comparison(comparison: dx.VersionComparison, format: str, most: int | None = None) -> None:
    """What differs between two models; in JSON also what that does to the cases of the new one.

    ``most`` rows of each table are shown to people, all of them where it is None.
    """
    old, new = (
        {"name": side.name, "version": side.version, "hash": side.hash} for side in (comparison.old, comparison.new)
    )
    if format == "json":
        effects = records(comparison.effects)
        print_json({"old": old, "new": new, "differences": records(comparison.table), "effects": effects})
    elif format == "csv":
        print_csv(comparison.table)
    else:
        title = f"{old['name']} {old['version']} -> {new['name']} {new['version']}"
        count = len(comparison.table)
        with console() as screen:
            screen.print(f"{title}: {count or 'no'} difference{'s' if count != 1 else ''}.")
            if count:
                _print_differences(screen, comparison.table, most)


def _print_differences(screen: Console, differences: pd.DataFrame, most: int | None) -> None:
    """Differences in three tables: numbers get narrow columns of their own, texts need wide ones."""
    shifts, bounds = differences["shift_decibans"].notna(), differences["column"].isin(("lower", "upper"))
    sections = (
        ("Values that moved, the largest shift first", differences[shifts & ~bounds]),
        ("Added, removed, and whatever has no shift", differences[~shifts]),
        ("Bounds of intervals, the largest shift first", differences[shifts & bounds]),
    )
    for title, part in sections:
        if len(part):
            screen.print(f"\n{title}", style="bold")
            screen.print(_differences(part.head(most or len(part))))
            print_left_out(screen, len(part), most)


def print_left_out(screen: Console, count: int, most: int | None) -> None:
    """Say how many rows of a table are not shown."""
    if most and count > most:
        screen.print(f"and {count - most:,} more; --all shows them", style="dim")


def _differences(differences: pd.DataFrame) -> Sheet:
    """A row per difference; decibans where there are any."""
    shifted = bool(differences["shift_decibans"].notna().any())
    side = "right" if shifted else "left"
    grid = table("row", "column", ("old", side), ("new", side), *([("decibans", "right")] if shifted else []))
    for row in records(differences):
        name = ": ".join(filter(None, (row["file"], clean(row["row"]))))
        column = ", ".join(filter(None, (row["column"], "" if row["change"] == "changed" else row["change"])))
        shift = [f"{float(row['shift_decibans']):+.4g}"] if shifted else []
        grid.add_row(name, column, cell(row["old"]), cell(row["new"]), *shift)
    return grid


def show_case(case: dx.Diagnosis, format: str, top: int | None) -> None:
    """The differential of one patient."""
    from bayesdx.cli import reasoning

    if format == "json":
        print_json(_as_dict(case, top) | reasoning.as_fields(case))
    elif format == "csv":
        print_csv(case.to_frame().head(top or len(case.table)))
    else:
        with console() as screen:
            _print_case(screen, case, top, reasoning.intervals_of(case))
        reasoning.print_best(case)
        with console() as screen:
            screen.print(f"\n{case.to_dict()['notice']}", style="dim")


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
        lines = [
            (clean(row["label"]), format_probability(row["posterior"]), _ratio(row["likelihood_ratio"]))
            for row in records(case.table.head(top or 3))
        ]
        flags = [Text(f"{f.urgency}: {clean(f.label)}", URGENCY_STYLE[f.urgency]) for f in case.red_flags]
        pairs = zip_longest(lines, flags)
        for place, (line, flag) in enumerate(pairs):
            grid.add_row("" if place else str(number), *(line or ("", "", "")), flag or "")
        grid.add_section()
    with console() as screen:
        screen.print(grid)


def _ratio(value: float | None) -> str:
    return "n/a" if value is None else format_ratio(value)


def _as_dict(case: dx.Diagnosis, top: int | None) -> dict[str, Any]:
    document = case.to_dict()
    document["differential"] = document["differential"][:top]
    return document


def _print_case(screen: Console, case: dx.Diagnosis, top: int | None, intervals: dict[str, str]) -> None:
    model = case.model
    count = len(case.findings)
    title = f"{model.name} {model.version}, {model.population}: {count} finding{'s' if count != 1 else ''}"
    screen.print(Text(title, "bold"))
    screen.print()
    flags = Table.grid(padding=(0, 1, 0, 0))
    for flag in case.red_flags:
        met = ", ".join(f"{clean(model.label(name))}: {words(' or '.join(states))}" for name, states in flag.findings)
        doubt = "" if flag.certain else " (cannot be excluded)"
        urgency = Text(f"{flag.urgency.upper()}:", URGENCY_STYLE[flag.urgency])
        flags.add_row(urgency, f"{clean(flag.action)}. {clean(model.label(flag.cause))}{doubt}: {met}")
    if case.red_flags:
        screen.print(flags)
        screen.print()
    grid = table("cause", ("prior", "right"), ("now", "right"), ("95 % interval", "right"), ("LR", "right"), "")
    for row in records(case.table.reset_index().head(top or len(case.table))):
        now = row["posterior"]
        first, second = format_probability(row["prior"]), format_probability(now)
        ratio = _ratio(row["likelihood_ratio"])
        grid.add_row(clean(row["label"]), first, second, intervals[row["cause"]], ratio, bar(now, BAR_WIDTH))
    nothing = "None of the modelled causes"
    none = case.none_present
    grid.add_row(nothing, "", format_probability(none), "", "", bar(none, BAR_WIDTH))
    screen.print(grid)
    screen.print("\nMost probable sets of causes", style="bold")
    sets = Table.grid(padding=(0, 2))
    sets.add_column(justify="right")
    for row in records(case.most_probable(3)):
        names = " + ".join(_label(model, name) for name in row["causes"]) or nothing
        sets.add_row(f"{format_probability(row['probability'])}", names)
    screen.print(sets)
    if case.management:
        screen.print("\nSteps of care", style="bold")
        steps = table("urgency", "cause", "step")
        for step in case.management:
            when = f" ({step.when})" if step.when else ""
            urgency = Text(step.urgency, URGENCY_STYLE[step.urgency])
            steps.add_row(urgency, clean(model.label(step.cause)), clean(step.action + when))
        screen.print(steps)


def _label(model: dx.Model, name: str) -> str:
    variable, _, state = name.partition("=")
    return clean(f"{model.label(variable)}: {state}" if state else model.label(variable))
