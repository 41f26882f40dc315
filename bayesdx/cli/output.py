"""What the commands print: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any

import pandas as pd
import typer
from pandas.api.types import is_numeric_dtype
from rich.console import Console
from rich.text import Text

import bayesdx as dx
from bayesdx.cli.sheet import Sheet
from bayesdx.display import as_json, clean, format_probability, format_ratio
from bayesdx.display.blocks import Alert, Block, Entries, Grid, Note, Passage, Title
from bayesdx.display.plain import disarmed
from bayesdx.display.report import Report
from bayesdx.display.text import block_text, cell_text, entry_lines, wrapped

WIDTH = 100
"""Columns of a table that goes to a file or a pipe; the variable COLUMNS changes it."""

LONGEST_CELL = 400
"""Signs of a cell that a table shows; JSON and CSV have all of them."""

FIRST = 3
"""Causes of each patient in a table of many."""

BEST_TESTS = 3
"""Next tests in the JSON of ``diagnose``."""

BAR_WIDTH = 12
"""Columns of the bar beside a probability."""

STATUSES = ("verified", "recalled", "expert", "synthesis", "dataset")
MARK_STYLE = {"": "green", "left": "dim", "against": "yellow"}
BANDS = ((0.0, 0.5), (0.5, 0.9), (0.9, 1.01))
"""How much of a number studies brought, as it is counted."""

SOURCED_FILES = ("priors", "links", "tables", "accuracy", "studies", "tests", "red_flags", "management")
URGENCY_STYLE = {"emergency": "bold red", "urgent": "bold yellow", "routine": "", "warning": "bold yellow"}


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
    """Print a value as JSON; an infinite number is "inf" or "-inf", NaN is null."""
    sys.stdout.write(json.dumps(as_json(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_csv(frame: pd.DataFrame) -> None:
    """Print a frame as CSV, without its index; a missing value is an empty cell, and no cell is a formula."""
    disarmed_frame(frame).to_csv(sys.stdout, index=False, lineterminator="\n")


def disarmed_frame(frame: pd.DataFrame) -> pd.DataFrame:
    r"""A frame whose texts, and names of columns, are disarmed; the frame given is not changed.

    Examples
    --------
    >>> disarmed_frame(pd.DataFrame({"label": ["=1+1", "fever"], "n": [1, 2]})).to_csv(index=False)
    "label,n\n'=1+1,1\nfever,2\n"
    """
    result = frame.copy(deep=False)
    for place, kind in enumerate(frame.dtypes):
        if not is_numeric_dtype(kind):
            cells = [disarmed(cell) if isinstance(cell, str) else cell for cell in frame.iloc[:, place]]
            result.isetitem(place, pd.array(cells, dtype=object))
    result.columns = pd.Index([disarmed(str(name)) for name in frame.columns])
    return result


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as plain values; a missing value is None."""
    plain = frame.astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]


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
    grid.spare = tuple(block.spare)
    for row in block.rows:
        grid.add_row(*(cell_text(cell, BAR_WIDTH) for cell in row))
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
        if isinstance(block, Grid | Entries) and block.title:
            screen.print("\n".join(wrapped(block.title, screen.width)), style="bold")
        match block:
            case Grid():
                screen.print(grid_of(block))
            case Entries():
                for lead, text in entry_lines(block, screen.width):
                    screen.print(Text.assemble((lead, URGENCY_STYLE.get(lead.strip(), "")), text))
            case Title():
                screen.print("\n".join(wrapped(block.text, screen.width)), style="bold")
            case Alert():
                told = Text(block_text(block, screen.width))
                told.stylize(URGENCY_STYLE.get(block.urgency, "bold yellow"), 0, len(block.lead) or None)
                screen.print(told)
            case Passage():
                marked = Text()
                for piece, mark in block.pieces():
                    shown = "\n".join(map(clean, piece.split("\n")))
                    marked.append(f"[{shown}]" if mark else shown, MARK_STYLE.get(mark.kind, "") if mark else "")
                marked.rstrip()
                screen.print(marked)
            case _:
                screen.print(block_text(block, screen.width), style="dim" if isinstance(block, Note) else "")


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
            screen.print(grid if len(models) else "No model here: a model lies in NAME/VERSION, as knee_pain/0.1.0.")


def show_variables(found: dx.types.VariableSearch, format: str) -> None:
    """Variables that words fit."""
    if format == "json":
        rows = [
            {
                **row,
                "states": list(match.variable.states),
                "synonyms": list(match.variable.synonyms),
                "state_words": {state: list(words) for state, words in match.variable.state_words},
            }
            for row, match in zip(records(found.table.reset_index()), found.matches, strict=True)
        ]
        print_json({"words": found.words, "variables": rows})
    elif format == "csv":
        print_csv(found.table.reset_index())
    else:
        show_report(found)


def show_problems(problems: Sequence[dx.types.Problem], format: str) -> None:
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


def show_sound(model: dx.Model, format: str, lineage: str) -> None:
    """That a model is sound, the sentence about its parent, and how many rows of each file have each status."""
    counts = pd.DataFrame(
        [_statuses(model, file) for file in SOURCED_FILES],
        columns=list(STATUSES),
        index=pd.Index([f"{file}.csv" for file in SOURCED_FILES], name="file"),
    )
    if format == "json":
        identity = {"name": model.name, "version": model.version, "hash": model.hash}
        statuses = {str(file): row for file, row in zip(counts.index, counts.to_dict("records"), strict=True)}
        print_json(
            {
                "sound": True,
                "problems": [],
                "model": identity,
                "lineage": lineage,
                "statuses": statuses,
                "informed": dict(zip(("uncertain", "from_studies"), model.count_informed(), strict=True)),
                "shared_words": {word: list(names) for word, names in model.vocabulary.shared.items()},
            }
        )
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
        screen.print(model.hash, style="dim", soft_wrap=True)
        screen.print(f"{lineage}\n")
        screen.print(as_table(counts.reset_index()))
        screen.print(f"\nNumbers of the network (priors, links, tables): {sum(numbers.values())}; {said}.")
        shared = model.vocabulary.shared
        if shared:
            listed = "; ".join(f"{clean(word)} ({', '.join(names)})" for word, names in shared.items())
            screen.print(f"\nWords that are refused as a finding, since each may mean several variables: {listed}.")
        uncertain, informed = model.count_informed()
        if uncertain < sum(numbers.values()) or informed:
            fixed = sum(numbers.values()) - uncertain
            by_definition = f"{fixed} of them hold by definition; of the others, " if fixed else "Of them, "
            screen.print(
                f"{by_definition}{uncertain} in number, {informed} ({100 * informed / max(1, uncertain):.0f} %) come "
                "from studies by at least a half."
            )
        learned = model.learned_from_studies()
        if len(learned):
            share = learned["information"]
            few, half, most = (int(((low <= share) & (share < high)).sum()) for low, high in BANDS)
            screen.print(
                f"What is known of them comes from studies by less than half in {few}, by half to nine tenths in "
                f"{half}, by more in {most}; {learned['source'].nunique()} studies carry the largest share of one."
            )


def _statuses(model: dx.Model, file: str) -> list[int]:
    found = model.frame(file)["status"].value_counts()
    return [int(found.get(status, 0)) for status in STATUSES]


def show_comparison(comparison: dx.types.VersionComparison, format: str, lineage: str, most: int | None = None) -> None:
    """What differs between two models, and what that does to the cases of the new one; in CSV what differs alone.

    ``lineage`` is the sentence about the new one's parent; ``most`` rows of each table are shown to people, all of them
    where it is None.
    """
    if format == "json":
        old, new = (
            {"name": side.name, "version": side.version, "hash": side.hash} for side in (comparison.old, comparison.new)
        )
        effects = records(comparison.effects)
        differences = records(comparison.table)
        print_json({"old": old, "new": new, "lineage": lineage, "differences": differences, "effects": effects})
    elif format == "csv":
        print_csv(comparison.table)
    else:
        with console() as screen:
            print_blocks(screen, comparison.review(most, made_from=lineage, rest="--all shows them"))


def show_case(case: dx.Diagnosis, format: str, top: int | None, *, brief: bool = False) -> None:
    """The differential of one patient."""
    if format == "json":
        print_json(case.to_dict(top) | _reasoning(case, top))
    elif format == "csv":
        print_csv(_frame(case, top))
    else:
        with console() as screen:
            blocks = case.blocks(top or len(case.differential), intervals=True, choose="--population", brief=brief)
            print_blocks(screen, blocks)


def _reasoning(case: dx.Diagnosis, top: int | None) -> dict[str, Any]:
    """What ``diagnose`` adds to its JSON: weights of evidence, intervals, the best next tests, conflict."""
    following, conflict = case.next_tests, case.conflict
    causes = [line.cause for line in case.lines(top)]
    intervals = dx.credible_intervals(case).table.loc[causes]
    return {
        "weights_of_evidence": [asdict(weights) for weights in case.weights_of_evidence(causes)],
        "intervals": records(intervals.reset_index().drop(columns="label")),
        "next_tests": records(following.table.reset_index().head(BEST_TESTS)),
        "stop": following.stop,
        "stop_reason": following.stop_reason,
        "conflict": {
            "bits": conflict.bits,
            "surprise": conflict.surprise,
            "fit": conflict.fit,
            "warning": conflict.warning,
        },
    }


def _frame(case: dx.Diagnosis, top: int | None) -> pd.DataFrame:
    """The lines of the differential that are shown."""
    shown = [line.cause for line in case.lines(top)]
    return case.to_frame().set_index("cause").loc[shown].reset_index()


@dataclass(frozen=True)
class PatientResult:
    """What is told of one patient: a diagnosis, or why there is none.

    Parameters
    ----------
    case : Diagnosis or None
    place : str
        File and row; empty for findings given as options.
    kept : mapping of column to text
        Columns of a table that are copied.
    fault : str
        Empty where there is a diagnosis.
    """

    case: dx.Diagnosis | None
    place: str
    kept: Mapping[str, str]
    fault: str

    def fields(self, number: int) -> dict[str, Any]:
        """What stands before the result: the number of the row unless a column of that name is kept, then the rest."""
        fault = "; ".join(self.fault.splitlines())
        return {"patient": number, **self.kept, "status": "error" if fault else "ok", "error": fault or None}


def show_cohort(answers: Sequence[PatientResult], format: str, top: int | None) -> None:
    """The differentials of a table of patients, numbered from 1."""
    numbered = list(enumerate(answers, start=1))
    _check_kept(answers)
    if format == "json":
        print_json([_document(number, answer, top) for number, answer in numbered])
    elif format == "csv":
        frames = [_rows(number, answer, top) for number, answer in numbered]
        print_csv(pd.concat(frames) if frames else pd.DataFrame({"patient": []}))
    else:
        with console() as screen:
            for case in [answer.case for answer in answers if answer.case][:1]:
                screen.print(Text(_title(case), "bold"))
                screen.print()
            screen.print(_cohort(numbered, top or FIRST))


def _title(case: dx.Diagnosis) -> str:
    model = case.model
    assumed = " (assumed; choose with --population)" if model.population_assumed else ""
    return f"{model.name} {model.version}, {model.population}{assumed}"


def say_setting(model: dx.Model) -> None:
    """Say on standard error which setting is assumed, where the model has several and nobody chose."""
    if model.population_assumed:
        title = {row.name: row.title for row in model.info.populations}[model.population]
        said = f"Setting assumed: {title} ({model.population}); choose with --population."
        typer.echo(clean(said), err=True)


def _check_kept(answers: Sequence[PatientResult]) -> None:
    """Refuse to keep a column that the output has too; one called patient takes the place of the number."""
    for answer in answers:
        if answer.case:
            own = {"status", "error", *answer.case.to_frame().columns, *answer.case.to_dict()}
            taken = [name for name in answer.kept if name in own]
            if taken:
                raise dx.FindingsError(f"--keep {taken[0]}: the output has that column too; rename it in the table.")
            return


def _document(number: int, answer: PatientResult, top: int | None) -> dict[str, Any]:
    return answer.fields(number) | (answer.case.to_dict(top) if answer.case else {})


def _rows(number: int, answer: PatientResult, top: int | None) -> pd.DataFrame:
    """The lines of one patient, or one line that says why there are none."""
    frame = _frame(answer.case, top) if answer.case else pd.DataFrame(index=[0])
    fields = answer.fields(number)
    if "rank" in frame:
        frame = frame.astype({"rank": "Int64"})
    return pd.concat([pd.DataFrame(fields, index=frame.index), frame], axis=1)


def _cohort(numbered: Sequence[tuple[int, PatientResult]], top: int) -> Sheet:
    """A few lines for each patient."""
    kept = [name for name in (numbered[0][1].kept if numbered else ()) if name != "patient"]
    grid = table(
        ("patient", "right"), *kept, "cause", ("posterior", "right"), ("LR", "right"), "red flags, emergencies"
    )
    for number, answer in numbered:
        case = answer.case
        fields = answer.fields(number)
        first = [clean(fields[name]) for name in ("patient", *kept)]
        lines: list[tuple[str | Text, str, str]] = [(Text("not diagnosed", "bold yellow"), "", "")]
        flags: list[Text] = []
        if case:
            lines = [
                (clean(line.label), format_probability(line.posterior), format_ratio(line.likelihood_ratio))
                for line in case.lines(top)
            ]
            open_flags = [flag for flag in case.red_flags if not flag.answered]
            alarms = [(flag.urgency, flag.label) for flag in open_flags]
            alarms += [(alert.urgency, alert.label) for alert in case.alerts if not alert.flags]  # by a step of care
            flags = [Text(f"{urgency}: {clean(label)}", URGENCY_STYLE[urgency]) for urgency, label in alarms]
        for place, (line, flag) in enumerate(zip_longest(lines, flags)):
            grid.add_row(*(first if not place else [""] * len(first)), *(line or ("", "", "")), flag or "")
        grid.add_section()
    return grid
