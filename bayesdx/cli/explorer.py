"""``bayesdx explore``: the explorer as a local page."""

from __future__ import annotations

from typing import Annotated

import typer


def explore(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="name, name@version, or the path of a folder")],
    finding: Annotated[
        list[str] | None, typer.Option("--finding", "-f", metavar="VARIABLE=STATE", help="A finding to start with.")
    ] = None,
    findings: Annotated[
        str | None, typer.Option("--findings", metavar="FILE", help="Findings to start with, in a JSON or CSV file.")
    ] = None,
    population: Annotated[
        str | None, typer.Option(help="The patients that the priors hold for; the model's default where left out.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; any free one where 0.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
) -> None:
    """Explore a model in the browser: click findings, watch the differential.

    The page is served by this machine to this machine alone, at an address with a random token; it loads nothing from
    elsewhere. Ctrl+C ends it. Findings are given as in 'bayesdx diagnose'.

    \b
    Examples:
      bayesdx explore hip_flexion_weakness
      bayesdx explore my_models/knee_pain/0.1.0 -f onset=sudden --no-browser
    """
    import webbrowser
    from pathlib import Path

    import bayesdx as dx
    from bayesdx import explorer
    from bayesdx.cli import reading

    loaded = dx.load_model(model, population=population)
    start = reading.read_start(loaded, findings, finding or [])
    with explorer.Page(loaded, start, port, model if Path(model).is_dir() else "") as page:
        typer.echo(f"Exploring {loaded.name} {loaded.version} at\n  {page.address}")
        typer.echo("Only this machine can reach it; Ctrl+C ends it.")
        if browser and not webbrowser.open(page.address):
            typer.echo("No browser was found; open the address in one.")
        try:
            page.serve()
        except KeyboardInterrupt:
            typer.echo("Ended.")
