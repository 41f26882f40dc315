"""``bayesdx import``: a model folder from a network of another tool."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from bayesdx.display import clean

FIRST = "0.1.0"
"""Version of an imported model, where the folder does not say it."""


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a network: BIF, XMLBIF, Hugin NET, GeNIe XDSL, UAI")],
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="where the model goes, in a folder 0.1.0 of its own")],
    cause: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A variable that is diagnosed; repeated. GeNIe's targets where left out."),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=KIND", help="Kind of a variable: context, mechanism, history, test ...; repeated."),
    ] = None,
    reference: Annotated[
        list[str] | None, typer.Option(metavar="NAME=STATE", help="Reference state of a variable; repeated.")
    ] = None,
    sample_size: Annotated[
        float | None, typer.Option(metavar="N", help="Patients that each distribution is worth, for its intervals.")
    ] = None,
    status: Annotated[str, typer.Option(help="How its numbers are known: expert, dataset, recalled.")] = "expert",
    name: Annotated[str, typer.Option(help="Name of the model; that of the file where left out.")] = "",
    title: Annotated[str, typer.Option(help="Title of the model.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the network.")] = "",
) -> None:
    """Make a model of a network of another tool, with the same posteriors, and a record of the file and its hash.

    Variables without parents become contexts, those without children findings, the others mechanisms. FOLDER may end
    in a version, as my_models/asia/1.0.0. What was decided on the way stands in NOTES.md of the model.

    \b
    Examples:
      bayesdx import hepar2.bif.gz my_models/hepar2 --cause Cirrhosis --cause PBC --cause Steatosis
      bayesdx import printer.xdsl my_models/printer
      bayesdx explore my_models/hepar2
    """
    import bayesdx as dx

    network = dx.read_network(file)
    versioned = re.fullmatch(r"\d+\.\d+\.\d+", out.name) is not None
    model = dx.model_from_network(
        network,
        cause or (),
        name=name,
        version=out.name if versioned else FIRST,
        title=title,
        kinds=_pairs(kind, "--kind"),
        references=_pairs(reference, "--reference"),
        sample_size=sample_size,
        status=status,
        licence=licence,
    )
    folder = dx.save_model(model, out if versioned else out / FIRST)
    count = f"{len(model.causes)} cause(s), {len(model.findings)} findings, {len(model.variables)} variables"
    typer.echo(clean(f"{folder}: saved, {count}."))


def _pairs(options: list[str] | None, option: str) -> dict[str, str]:
    """``NAME=VALUE`` of a repeated option; the name may have an equals sign, the value none."""
    import bayesdx as dx

    found = {}
    for text in options or ():
        name, equals, value = text.rpartition("=")
        if not (name and equals and value):
            raise dx.NetworkError(f"{option} {text}: expected NAME=VALUE.")
        found[name] = value
    return found
