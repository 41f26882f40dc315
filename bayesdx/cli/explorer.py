"""``bayesdx explore`` and ``bayesdx publish``: the explorer as a local page, and as a file."""

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
    from bayesdx.cli import typed_findings

    loaded = dx.load_model(model, population=population)
    start = typed_findings.read_start(loaded, findings, finding or [])
    with explorer.Page(loaded, start, port, model if Path(model).is_dir() else "") as page:
        typer.echo(f"Exploring {loaded.name} {loaded.version} at\n  {page.address}")
        typer.echo("Only this machine can reach it; Ctrl+C ends it.")
        if browser and not webbrowser.open(page.address):
            typer.echo("No browser was found; open the address in one.")
        try:
            page.serve()
        except KeyboardInterrupt:
            typer.echo("Ended.")


def publish(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="name, name@version, or the path of a folder")],
    page: Annotated[str, typer.Argument(metavar="PAGE.html", help="The file to write.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Write the explorer as one file that needs no Python, no server and no network.

    Whoever opens it in a browser, from a disk, a web server or a telephone, explores the model: findings, red flags,
    differential, reasons, what to find out next. Posteriors are exact. The page sends nothing anywhere. It shows no
    credible intervals.

    \b
    Examples:
      bayesdx publish hip_flexion_weakness page.html
    """
    from bayesdx import explorer

    written = explorer.publish(model, page, overwrite=overwrite)
    typer.echo(f"Written: {written} ({written.stat().st_size / 1000:,.0f} kB)")
