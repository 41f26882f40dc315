"""``synthesise``: a new version of a model from published studies."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bayesdx.display import clean
from bayesdx.errors import BayesdxError


class CaseMix(StrEnum):
    """What studies say about how common things are."""

    CUT = "cut"
    LEARN = "learn"


def synthesise(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="name, name@version, or the path of a folder")],
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="[STUDIES.csv] FOLDER", help="studies (the model's own where left out); where it goes"),
    ],
    population: Annotated[
        str | None, typer.Option(help="The patients that rows without a population are about.")
    ] = None,
    move: Annotated[
        list[str] | None, typer.Option(metavar="PART", help="priors, leaks, links or tables; may be repeated.")
    ] = None,
    variable: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only numbers of this variable; may be repeated.")
    ] = None,
    blank: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Numbers set in view of these studies, by label, variable or part."),
    ] = None,
    case_mix: Annotated[CaseMix, typer.Option(help="Whether studies say how common causes are.")] = CaseMix.CUT,
    prior_strength: Annotated[float, typer.Option(help="Multiplies what the model's numbers are worth.")] = 1.0,
    heterogeneity: Annotated[
        float | None, typer.Option(help="Standard deviation between studies (log-odds); estimated where left out.")
    ] = None,
    floor: Annotated[float, typer.Option(help="Least heterogeneity where it is estimated.")] = 0.3,
    version: Annotated[str | None, typer.Option(help="The new version; the next minor one where left out.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report as one HTML page too.")] = None,
    next_studies: Annotated[
        int, typer.Option("--next", min=0, metavar="N", help="Also which figure N more patients should measure.")
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    r"""Update the numbers of a model with published studies, as a new version.

    STUDIES.csv has the columns of a model's studies.csv (see the model format). FOLDER must not exist; nothing is ever
    overwritten. Studies inform findings given causes, never how common causes are, unless they say that their patients
    were consecutive ones of a population.

    \b
    Examples:
      bayesdx synthesise hip_flexion_weakness my_models/hip_flexion_weakness/3.2.0
      bayesdx synthesise my_models/pharyngitis/0.1.0 studies.csv my_models/pharyngitis/0.2.0 --blank links
      bayesdx synthesise hip_flexion_weakness studies.csv new_folder --html report.html --next 100
    """
    import bayesdx as dx

    if len(paths) > 2:
        raise BayesdxError(f"{len(paths)} paths; expected the studies (or none) and the folder of the new version.")
    target = paths[-1]
    for path in (target, html):
        if path is not None and path.exists():
            raise BayesdxError(f"{path} exists already and is not overwritten.")
    loaded = dx.load_model(model, population=population)
    with _progress(quiet) as progress:
        result = dx.synthesise(
            loaded,
            paths[0] if len(paths) == 2 else None,
            move=move or ("priors", "leaks", "links", "tables"),
            variables=variable or None,
            blank=blank or (),
            case_mix=case_mix.value,
            prior_strength=prior_strength,
            heterogeneity="estimate" if heterogeneity is None else heterogeneity,
            floor=floor,
            version=version,
            progress=progress,
        )
    if result.model is loaded:
        raise BayesdxError(f"{result.report()}\nNothing is saved.")
    folder = dx.save_model(result.model, target)
    text = [result.report(), "", f"{folder}: saved."]
    if html is not None:
        try:
            html.write_text(result.to_html(), encoding="utf-8")
        except OSError as error:
            raise BayesdxError(f"{html}: {error.strerror}.") from None
        text.append(f"{html}: saved.")
    if next_studies:
        planned = result.next_studies(next_studies, most=10).round(3)
        text += ["", f"What {next_studies} more patients would teach most:", planned.to_string(index=False)]
    sys.stdout.write("".join(f"{clean(line)}\n" for line in "\n".join(text).splitlines()))


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A line on standard error that says how far it is; none where that is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("Synthesis") as status:
        yield lambda done, most: status.update(f"Synthesis, round {done + 1} (at most {most})")
