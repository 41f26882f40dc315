"""``calibrate``, ``evaluate`` and ``fit``: new versions from patients, and whether they are right."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from bayesdx.display import clean
from bayesdx.errors import BayesdxError


class Method(StrEnum):
    """How numbers are learned."""

    EM = "em"
    COUNTS = "counts"
    PRIOR_SHIFT = "prior_shift"


class Missing(StrEnum):
    """What an empty cell says."""

    AUTO = "auto"
    IGNORE = "ignore"
    STATE = "state"


class Structure(StrEnum):
    """What a finding depends on."""

    AUTO = "auto"
    NAIVE = "naive"
    TREE = "tree"


class Output(StrEnum):
    """How an evaluation is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="name, name@version, or the path of a folder")]
Patients = Annotated[
    Path, typer.Argument(metavar="PATIENTS", help="a table: CSV, Parquet, Arrow or Excel; a row per patient")
]
MappingOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="mapping.csv: what the columns and codes mean.")
]
IgnoreOption = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="COLUMN", help="A column to leave out; may be repeated.")
]
WeightOption = Annotated[str | None, typer.Option(metavar="COLUMN", help="How many patients a row stands for.")]
PopulationOption = Annotated[
    str | None, typer.Option(help="The patients that the priors hold for; the model's default where left out.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]


def calibrate(
    model: ModelName,
    patients: Patients,
    out: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="where the new version goes")] = None,
    method: Annotated[Method, typer.Option(help="How numbers are learned.")] = Method.EM,
    mapping: MappingOption = None,
    ignore: IgnoreOption = None,
    weight: WeightOption = None,
    site: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Where a patient was seen: each site a population, partially pooled."),
    ] = None,
    verification: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Column or finding that shows who had the reference test; may be repeated."),
    ] = None,
    population: PopulationOption = None,
    source: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="For prior_shift: labelled patients of the kind the model was made from."),
    ] = None,
    studies: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="For em: published figures (studies.csv) to learn from together with them."),
    ] = None,
    as_population: Annotated[
        str | None, typer.Option(metavar="NAME", help="Make a new population of this name for the learned priors.")
    ] = None,
    move: Annotated[
        list[str] | None, typer.Option(metavar="PART", help="priors, leaks, links or tables; may be repeated.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="causes, contexts, priors, findings, or names of variables; may be repeated."
        ),
    ] = None,
    prior_strength: Annotated[
        str, typer.Option(metavar="auto|NUMBER", help="What the parent's numbers are worth: learned, or multiplied.")
    ] = "auto",
    version: Annotated[str | None, typer.Option(help="The new version; the next minor one where left out.")] = None,
    dates: Annotated[str, typer.Option(help="When the patients were seen, for the source row.")] = "",
    max_iterations: Annotated[int, typer.Option(min=1, help="Most iterations of EM.")] = 200,
    tolerance: Annotated[
        float, typer.Option(help="EM ends where no probability moves by more, and the maximum is near.")
    ] = 1e-3,
    starts: Annotated[int, typer.Option(min=1, help="Runs of EM, from draws of the prior after the first.")] = 1,
    seed: Annotated[int, typer.Option(help="Of these draws.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be used, and stop.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Update the numbers of a model with a table of patients, as a new version.

    An empty cell was not observed. FOLDER must not exist; nothing is ever overwritten. FOLDER.calibration.json holds
    the whole result for machines. With --dry-run nothing is learned: the columns, what they are used as, and every
    fault are printed; exit code 1 where there is one.

    \b
    Examples:
      bayesdx calibrate hip_flexion_weakness patients.csv --dry-run
      bayesdx calibrate hip_flexion_weakness patients.csv my_models/hip_flexion_weakness/3.2.0 --as-population ward
      bayesdx calibrate hip_flexion_weakness patients.csv new_folder --only causes --mapping mapping.csv
      bayesdx calibrate hip_flexion_weakness unlabelled.parquet new_folder --method prior_shift --mapping mapping.csv
      bayesdx calibrate hip_flexion_weakness patients.csv new_folder --studies studies.csv
    """
    import bayesdx as dx
    from bayesdx.cli import output

    loaded = dx.load_model(model, population=population)
    left_out = ignore or []
    if dry_run:
        check = dx.check_cohort(
            loaded, patients, mapping, weight=weight, site=site, verification=verification, ignore=left_out
        )
        output.show_report(check)
        raise typer.Exit(1 if check.problems else 0)
    target = _new_folder(out)
    _check_folder_name(target, loaded.version, version)
    told = target.with_name(f"{target.name}.calibration.json")
    if told.exists():
        _fail(f"{told} exists already and is not overwritten.")
    cohort = dx.read_cohort(
        loaded, patients, mapping, weight=weight, site=site, verification=verification, ignore=left_out
    )
    output.say_setting(loaded)
    with _progress(quiet) as progress:
        result = dx.calibrate(
            loaded,
            cohort,
            method.value,
            variables=only,
            source=None if source is None else dx.read_cohort(loaded, source, mapping, ignore=left_out),
            studies=studies,
            prior_strength=_strength(prior_strength),
            population=as_population,
            version=version,
            dates=dates,
            max_iterations=max_iterations,
            tolerance=tolerance,
            starts=starts,
            seed=seed,
            progress=progress,
            move=move or ("priors", "leaks", "links", "tables"),
        )
    folder = dx.save_model(result.model, target)
    _write(told, result.to_json())
    _print(f"{result.report()}\n\n{told}: saved.\n{folder}: saved.")


def mapping(
    model: ModelName,
    patients: Patients,
    out: Annotated[Path | None, typer.Argument(metavar="FILE", help="where the draft goes; printed without")] = None,
    population: PopulationOption = None,
) -> None:
    """Draft mapping.csv for a table: what its columns and codes most likely mean, for a person to correct.

    What was guessed is said on standard error. A code without a counterpart gets the state ?, which has to be replaced
    (by nothing, where it means "not observed") before the mapping can be used. FILE must not exist.

    \b
    Examples:
      bayesdx mapping hip_flexion_weakness patients.csv mapping.csv
      bayesdx calibrate hip_flexion_weakness patients.csv --mapping mapping.csv --dry-run
    """
    import bayesdx as dx

    if out is not None and out.exists():
        _fail(f"{out} exists already and is not overwritten.")
    draft = dx.draft_mapping(dx.load_model(model, population=population), patients)
    for remark in draft.remarks:
        typer.echo(clean(remark), err=True)
    if out is None:
        sys.stdout.write(draft.to_csv())
        return
    _write(out, draft.to_csv())
    _print(f"{out}: saved, {draft.undecided} codes to decide.")


def evaluate(
    model: ModelName,
    patients: Patients,
    mapping: MappingOption = None,
    ignore: IgnoreOption = None,
    weight: WeightOption = None,
    population: PopulationOption = None,
    against: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Another model to compare with, on the same patients.")
    ] = None,
    against_population: Annotated[
        str | None, typer.Option(metavar="NAME", help="The population of that model; its default where left out.")
    ] = None,
    subgroup: Annotated[
        list[str] | None, typer.Option(metavar="VARIABLE", help="Score each of its states apart; may be repeated.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the whole report as one HTML page.")] = None,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap resamples behind the intervals.")] = 500,
    format: Annotated[Output, typer.Option("--format", help="How to print the result.")] = Output.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Score a model on patients whose causes are known.

    \b
    Examples:
      bayesdx evaluate hip_flexion_weakness patients.csv
      bayesdx evaluate my_models/hip_flexion_weakness/3.2.0 patients.csv --against hip_flexion_weakness
      bayesdx evaluate new_folder patients.csv --population ward --against-population primary_care
      bayesdx evaluate hip_flexion_weakness patients.parquet --mapping mapping.csv --html report.html
    """
    import bayesdx as dx
    from bayesdx.cli import output

    if html is not None and html.exists():
        _fail(f"{html} exists already and is not overwritten.")
    other = against is not None or against_population is not None
    loaded = dx.load_model(model, population=population)
    output.say_setting(loaded)
    with _progress(quiet, "Resamples") as progress:
        result = dx.evaluate(
            loaded,
            patients,
            mapping=mapping,
            weight=weight,
            ignore=ignore or [],
            against=dx.load_model(against or model, population=against_population) if other else None,
            subgroups=subgroup or (),
            resamples=resamples,
            progress=progress,
        )
    if html is not None:
        _write(html, result.to_html())
    if format != Output.TABLE:
        for warning in result.warnings:
            typer.echo(clean(warning), err=True)
    if format == Output.CSV:
        output.print_csv(result.table)
    elif format == Output.JSON:
        names = ("table", "causes", "curve", "decisions", "subgroups", "comparison")
        tables = {name: output.records(getattr(result, name)) for name in names}
        output.print_json({"warnings": list(result.warnings), **tables})
    else:
        output.show_report(result)


def fit(
    patients: Patients,
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="where the model goes; its mapping.csv goes beside it")],
    cause: Annotated[
        list[str], typer.Option(metavar="COLUMN", help="Column of the diagnosis; repeated: causes of their own.")
    ],
    structure: Annotated[Structure, typer.Option(help="What a finding depends on besides the cause.")] = (
        Structure.AUTO
    ),
    missing: Annotated[Missing, typer.Option(help="What an empty cell says.")] = Missing.AUTO,
    finding: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column of findings; may be repeated. All that may be one without."),
    ] = None,
    ignore: IgnoreOption = None,
    cut: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=NUMBER", help="Where a band of a column of numbers ends and the next begins; repeated."
        ),
    ] = None,
    weight: WeightOption = None,
    groups: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Whose each row is, where a patient has several.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the model.")] = "fitted_model",
    quiet: QuietOption = False,
) -> None:
    """Make a model of a table of labelled patients, where there is none yet.

    FOLDER must not exist. The mapping from the table's columns to the model is written as FOLDER.mapping.csv. Columns
    of dates and identifiers are left out, which is said, unless --finding names them; numbers are cut where the
    classes part, unless --cut says where.

    \b
    Examples:
      bayesdx fit patients.csv my_models/skin/1.0.0 --cause diagnosis --structure tree --name skin
      bayesdx fit patients.csv my_models/skin/1.0.0 --cause diagnosis --ignore ward --cut age=18 --cut age=65
    """
    import bayesdx as dx

    target = _new_folder(out)
    mapping = target.with_name(f"{target.name}.mapping.csv")
    if mapping.exists():
        _fail(f"{mapping} exists already and is not overwritten.")
    with _progress(quiet) as progress:
        made = dx.fit_model(
            patients,
            cause[0] if len(cause) == 1 else cause,
            findings=finding or None,
            ignore=ignore or (),
            cuts=_cuts(cut or ()),
            structure=structure.value,
            missing=missing.value,
            weight=weight,
            groups=groups,
            name=name,
            progress=progress,
        )
    folder = dx.save_model(made.model, target)
    made.write_mapping(mapping)
    saved = f"{folder}: saved, {len(made.model.causes)} cause(s), {len(made.model.findings)} findings."
    _print("\n".join([*made.notes, saved, f"{mapping}: saved."]))


def _cuts(options: Iterable[str]) -> dict[str, list[float]]:
    """The cuts of each column, rising, each once."""
    found: dict[str, list[float]] = {}
    for option in options:
        column, equals, text = option.rpartition("=")
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (column and equals and math.isfinite(number)):
            _fail(f"--cut {option!r}: expected COLUMN=NUMBER, such as age=65.")
        found.setdefault(column, []).append(number)
    return {column: sorted(set(numbers)) for column, numbers in found.items()}


def _new_folder(out: Path | None) -> Path:
    if out is None:
        _fail("Missing argument 'FOLDER': where the new version goes (or --dry-run).")
    if out.exists():
        _fail(f"{out} exists already and is not overwritten.")
    return out


def _check_folder_name(target: Path, parent: str, version: str | None) -> None:
    """A folder that is called as a version holds that version: better said before anything is learned."""
    major, minor, _ = parent.split(".")
    wanted = version or f"{major}.{int(minor) + 1}.0"
    if re.fullmatch(r"\d+\.\d+\.\d+", target.name) and target.name != wanted:
        _fail(
            f"{target} is called {target.name}, and the new version is {wanted}: name the folder {wanted}, or give "
            f"--version {target.name}."
        )


def _strength(text: str) -> float | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError:
        _fail(f"--prior-strength {text!r}: expected auto or a number of at least 0.")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        _fail(f"{path}: {error.strerror}.")


def _fail(message: str) -> NoReturn:
    raise BayesdxError(message)


def _print(text: str) -> None:
    sys.stdout.write("".join(f"{clean(line)}\n" for line in text.splitlines()))


@contextmanager
def _progress(quiet: bool, what: str = "EM") -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error while something runs; none where it is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, most: bar.update(task, completed=done, total=most)
