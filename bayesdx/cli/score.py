"""``bayesdx score``: a table of any size in, a table of scores out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bayesdx.display import clean

SOME_FLAGGED = 1
"""Exit code: the scores were written, and some rows could not be scored."""


class OnError(StrEnum):
    """What becomes of a row that cannot be scored."""

    RAISE = "raise"
    FLAG = "flag"


def score(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="name, name@version, or the path of a folder")],
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="a table: CSV, Parquet, Arrow or Excel; or a folder of .parquet files")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="a .parquet or .csv file, or a folder for .parquet parts")],
    population: Annotated[
        str | None, typer.Option(help="The patients that the priors hold for; the model's default where left out.")
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option("--keep", metavar="COLUMN", help="A column to copy; may be repeated.")
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="COLUMN", help="A column to leave out, or causes for all; may be repeated."),
    ] = None,
    on_error: Annotated[OnError, typer.Option(help="Stop at a row that cannot be scored, or mark it.")] = OnError.RAISE,
    intervals: Annotated[
        float | None, typer.Option(metavar="MASS", help="Add credible intervals of this mass, such as 0.95.")
    ] = None,
    draws: Annotated[int, typer.Option(min=50, help="Draws behind the intervals.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads; as many as there are processors where left out.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the scores of another run.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Score every row of a table: the posterior of each cause, red flags, and whether the row could be scored.

    IN has a column per variable of the model, called by its name, its label or a synonym; an empty cell, or ?, was not
    observed. A cell is what a finding of diagnose may be: a state, its label, yes or no, a measured number. A column
    that is no variable has to be kept or ignored. A run that was killed continues when the same command is given again.

    \b
    Exit codes: 0 all rows scored; 1 some are marked in the column status; 2 wrong usage or bad input.

    \b
    Examples:
      bayesdx score hip_flexion_weakness patients.parquet scores.parquet --keep patient
      bayesdx score hip_flexion_weakness registry/ scores/ --keep patient --on-error flag
      bayesdx score hip_flexion_weakness labelled.csv scores.csv --ignore causes --population emergency_department
    """
    import bayesdx as dx
    from bayesdx.cli import output

    loaded = dx.load_model(model, population=population)
    output.say_setting(loaded)
    summary = dx.score_cohort(
        loaded,
        source,
        out,
        keep=keep or [],
        ignore=ignore or [],
        on_error=on_error.value,
        intervals=intervals,
        draws=draws,
        seed=seed,
        workers=workers,
        progress=False if quiet else None,
        overwrite=overwrite,
    )
    typer.echo(clean(str(summary)))
    if summary.statuses["ok"] < summary.rows:
        raise typer.Exit(SOME_FLAGGED)
