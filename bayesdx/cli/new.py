"""``bayesdx new``: a model folder to begin with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bayesdx.display import clean


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="letters, digits and underscores")],
    folder: Annotated[Path, typer.Option(metavar="FOLDER", help="Where NAME/0.1.0 goes.")] = Path(),
    causes: Annotated[Path | None, typer.Option(metavar="FILE", help="A table of causes: cause, probability.")] = None,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A table of figures: finding, cause, sensitivity, specificity."),
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="Causes may be there together; they exclude each other where left out.")
    ] = False,
    title: Annotated[str, typer.Option(help="Title of the model.")] = "",
    entry_criterion: Annotated[str, typer.Option(help="What all patients have in common.")] = "",
) -> None:
    """Begin a model: a commented folder to write over, or one made of sensitivities and specificities.

    Without tables the folder is an example of every file: one cause of several states that exclude each other, a gate,
    a table, a study, a red flag, a case. With --causes and --figures, links and leaks are computed: every sensitivity
    is met, and what was decided is said, above all where a finding is rarer with a cause than without it. Optional
    columns are n_with, n_without, kind, definition, source, status; of causes also lower and upper.

    \b
    Examples:
      bayesdx new knee_pain
      bayesdx new chest_pain --causes causes.csv --figures figures.csv
      bayesdx check chest_pain/0.1.0
      bayesdx explore chest_pain/0.1.0
    """
    import bayesdx as dx

    model = dx.new_model(name, causes, figures, exclusive=not together, title=title, entry_criterion=entry_criterion)
    written = dx.save_model(model, folder / name / model.version)
    lines = [f"{folder / name / model.version}: saved, sound.", *(model.notes.splitlines() if figures else ())]
    count = f"{len(model.findings)} findings, {len(model.links) + len(model.priors) + len(model.tables)} numbers"
    lines += ["", f"{count}. Next: bayesdx check {folder / name / written.name}"]
    sys.stdout.write("".join(f"{clean(line)}\n" for line in lines))
