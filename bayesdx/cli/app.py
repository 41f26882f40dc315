"""The commands. Heavy parts are imported inside them, so that help answers at once."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import warnings
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from bayesdx.cli.dialogue import interview
from bayesdx.cli.explorer import explore, publish
from bayesdx.cli.import_network import import_
from bayesdx.cli.in_options import in_options, options_of
from bayesdx.cli.learning import calibrate, evaluate, fit, mapping
from bayesdx.cli.new import new
from bayesdx.cli.note import read
from bayesdx.cli.questionnaire import questionnaire, show_assessments
from bayesdx.cli.score import score
from bayesdx.cli.synthesis import synthesise
from bayesdx.display import clean
from bayesdx.errors import BayesdxError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayesdx import Diagnosis, Model
    from bayesdx.cli.output import PatientResult

FAULTY = 1
"""Exit code: what was checked has faults."""

WRONG_USE = 2
"""Exit code: wrong usage, or input that cannot be read."""

NOBODY_READS = 141
"""Exit code: whoever read the output has stopped, as ``head`` does; 128 and the number of SIGPIPE, as a shell gives."""

TYPED = "bayesdx.typed"
"""Under this key of a context, the words of the command line."""

ROWS_SHOWN = 20
"""Rows of each table of a comparison that are shown unless all are asked for."""


class OutputFormat(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class CaseFormat(StrEnum):
    """How a diagnosis is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    FHIR = "fhir"


class ComparisonFormat(StrEnum):
    """How a comparison is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


class CardFormat(StrEnum):
    """How a model card is written."""

    MARKDOWN = "markdown"
    HTML = "html"


class Commands(TyperGroup):
    """The group of commands; an error of bayesdx becomes one message on standard error and exit code 2."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the first sentence of every command, whole."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_sentence(command.help or "")) for name, command in found if command])

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line, and remember its words."""
        ctx.meta[TYPED] = list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; a warning about its input is a line on standard error."""

        def said(text: object) -> str:
            name = ctx.invoked_subcommand or ""
            return in_options(str(text), name, options_of(self.get_command(ctx, name)), ctx.meta[TYPED])

        def show_warning(message: Warning | str, *_: object, **__: object) -> None:
            typer.echo(clean(f"Warning: {said(message)}"), err=True)

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", UserWarning)
                warnings.showwarning = show_warning
                return super().invoke(ctx)
        except BayesdxError as error:
            fail(said(error))


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split()).partition(". ")[0].removesuffix(".")


def fail(message: str) -> None:
    """Print a message on standard error and leave with exit code 2."""
    typer.echo("\n".join(clean(line) for line in f"Error: {message}".splitlines()), err=True)
    raise typer.Exit(WRONG_USE)


app = typer.Typer(
    cls=Commands,
    name="bayesdx",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

FormatOption = Annotated[OutputFormat, typer.Option("--format", help="How to print the result.")]
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="name, name@version, or the path of a folder")]


class TakesFindings(TyperCommand):
    """A command with the options -f and --findings."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line; what stands without its option is shown as it is typed with it."""
        ctx.allow_extra_args = True
        left = super().parse_args(ctx, args)
        if left:
            import bayesdx as dx
            from bayesdx.cli.typed_findings import with_options

            try:
                loaded = dx.load_model(ctx.params["model"])
            except dx.ModelError as error:  # of a table before its model, the order is what is wrong
                ctx.fail(str(error))
            takes_cause = any(parameter.name == "cause" for parameter in self.params)
            typed = with_options(loaded, left, ctx.params.get("finding") or [], takes_cause)
            ctx.fail(f"{', '.join(map(repr, left))}: findings are given by options: {' '.join(typed)}")
        return left


def show_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        import bayesdx as dx

        typer.echo(f"bayesdx {dx.__version__}")
        raise typer.Exit


@app.callback()
def bayesdx(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Differential diagnosis with exact Bayesian networks.

    A model is named as in hip_flexion_weakness (its newest version), hip_flexion_weakness@1.0.0, or by the path of its
    folder.

    \b
    Exit codes: 0 fine; 1 what was checked has faults; 2 wrong usage or bad input.

    \b
    Examples:
      bayesdx models
      bayesdx diagnose hip_flexion_weakness -f saddle_anaesthesia=present -f onset=sudden
      bayesdx check models/hip_flexion_weakness/1.0.0
    """


@app.command()
def models(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="a folder of models; the shipped ones where left out")
    ] = None,
    format: FormatOption = OutputFormat.TABLE,
) -> None:
    """List models and their versions, newest first.

    \b
    Examples:
      bayesdx models
      bayesdx models my_models --format json
    """
    import bayesdx as dx
    from bayesdx.cli import output

    output.show_models(dx.list_models(folder), format)


@app.command()
def check(
    model: ModelArgument,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Compare what the network predicts with published figures.")
    ] = False,
    cases: Annotated[bool, typer.Option("--cases", help="Run the clinical unit tests of cases.csv.")] = False,
    format: FormatOption = OutputFormat.TABLE,
) -> None:
    """Check every file of a model, and count how its numbers are known.

    Prints every fault with file, row, column, what was found and what was expected, and leaves with exit code 1; or
    'sound' with the numbers that are verified, recalled, from experts, from datasets.

    With --evidence it prints instead how many published figures lie within the interval that the network predicts, and
    those that do not; exit code 1 where the source of one of these is in conflict with the network (p below 0.05 after
    Holm's correction) and the row has no explanation (column resolution). With --cases it prints what
    the model makes of every case, with figures over all of them; exit code 1 where an expectation is not met.

    \b
    Examples:
      bayesdx check hip_flexion_weakness
      bayesdx check my_models/knee_pain/0.1.0 --format csv
      bayesdx check chest_clinic --evidence
      bayesdx check chest_clinic --cases --format json
    """
    import bayesdx as dx
    from bayesdx.cli import evaluation, output

    if evidence and cases and format == OutputFormat.CSV:
        fail("--evidence and --cases are two tables; ask for one of them with --format csv.")
    try:
        loaded = dx.load_model(model)
    except dx.ModelError as error:
        problems = [problem for problem in error.problems if isinstance(problem, dx.types.Problem)]
        if not problems:
            raise
        output.show_problems(problems, format)
        raise typer.Exit(FAULTY) from None
    if not (evidence or cases):
        output.show_sound(loaded, format, dx.lineage(model))
        return
    figures = dx.check_evidence(loaded) if evidence else None
    results = dx.check_cases(loaded) if cases else None
    evaluation.show(loaded, figures, results, format)
    unexplained = figures is not None and dx.count_verdicts(figures)["in conflict and unexplained"] > 0
    if unexplained or (results is not None and not results.passed):
        raise typer.Exit(FAULTY)


@app.command()
def card(
    model: ModelArgument,
    format: Annotated[CardFormat, typer.Option("--format", help="How to write the card.")] = CardFormat.MARKDOWN,
    sheets: Annotated[bool, typer.Option("--sheets", help="The matrix of all weights, and a page a cause.")] = False,
) -> None:
    """Write the model card: what a model is for, what it rests on, how well it does, and what is not known.

    \b
    Examples:
      bayesdx card chest_clinic
      bayesdx card hip_flexion_weakness --format html > card.html
      bayesdx card hip_flexion_weakness --sheets --format html > sheets.html
    """
    import bayesdx as dx

    write = dx.model_sheets if sheets else dx.model_card
    sys.stdout.write(write(dx.load_model(model), "html" if format == CardFormat.HTML else "markdown"))


@app.command()
def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help="name, name@version, or the path of a folder")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="name, name@version, or the path of a folder")],
    population: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the new model, and of the old one if it has it.")
    ] = None,
    format: Annotated[ComparisonFormat, typer.Option("--format", help="How to print the result.")] = (
        ComparisonFormat.TABLE
    ),
    every: Annotated[bool, typer.Option("--all", help="Show every row of every table.")] = False,
) -> None:
    """Show the numbers and texts that differ between two models, and the effect on the cases of the new one.

    Values that moved come first, the largest shift first; then what was added or removed, and texts; then bounds of
    intervals; the first 20 rows of each are shown unless --all is given. Markdown is for a review; CSV holds the
    differences only.

    \b
    Examples:
      bayesdx compare hip_flexion_weakness@1.0.0 my_models/hip_flexion_weakness/1.1.0
      bayesdx compare old_folder new_folder --format markdown > review.md
      bayesdx compare old_folder new_folder --format csv
    """
    import bayesdx as dx
    from bayesdx.cli import output

    most = None if every else ROWS_SHOWN
    after, before = dx.load_model(new, population=population), dx.load_model(old)
    if population in {each.name for each in before.info.populations}:
        before = dx.load_model(old, population=population)
    comparison = dx.compare_models(before, after)
    if format == ComparisonFormat.MARKDOWN:
        sys.stdout.write(comparison.to_markdown())
    else:
        output.show_comparison(comparison, format, dx.lineage(new), most)


@app.command()
def variables(
    model: ModelArgument,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORDS]", help="what to look for; every variable where left out")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Most variables that a search shows.")] = 10,
    format: FormatOption = OutputFormat.TABLE,
) -> None:
    """Find what a finding is called: search names, labels, synonyms, states, definitions, groups and codes.

    Spelling is folded: case, accents, plurals, British and American forms. Findings of the other commands take a name,
    a label or a synonym, a state or its label, and a number where cut points are shown.

    \b
    Exit codes: 0 found; 1 nothing fits; 2 wrong usage.

    \b
    Examples:
      bayesdx variables hip_flexion_weakness
      bayesdx variables hip_flexion_weakness knee jerk
      bayesdx variables chest_clinic dyspnea --format json
    """
    import bayesdx as dx
    from bayesdx.cli import output

    found = dx.find_variables(dx.load_model(model), " ".join(words or ()), limit)
    output.show_variables(found, format)
    if not found.matches:
        raise typer.Exit(FAULTY)


FindingOption = Annotated[
    list[str] | None, typer.Option("--finding", "-f", metavar="VARIABLE=STATE", help="A finding; may be repeated.")
]
FindingsOption = Annotated[
    str | None,
    typer.Option("--findings", metavar="FILE", help="Findings in a JSON file or a table; - reads standard input."),
]
PopulationOption = Annotated[
    str | None, typer.Option(help="The patients that the priors hold for; the model's default where left out.")
]
CauseOption = Annotated[str | None, typer.Option(help="A cause of the model; the most probable one where left out.")]


@app.command(cls=TakesFindings)
def diagnose(
    model: ModelArgument,
    finding: FindingOption = None,
    findings: FindingsOption = None,
    population: PopulationOption = None,
    format: Annotated[CaseFormat, typer.Option("--format", help="How to print the result.")] = CaseFormat.TABLE,
    top: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Print the N most probable causes, and those of red flags and emergencies; all where left out.",
        ),
    ] = None,
    brief: Annotated[bool, typer.Option("--brief", help="Print half a screen about one patient.")] = False,
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="COLUMN", help="A column of the table to copy; may be repeated."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="COLUMN", help="A column to leave out, or causes for all; may be repeated."),
    ] = None,
) -> None:
    """Diagnose one patient, or every row of a table of patients.

    A finding names a variable (its name, its label or a synonym; see 'bayesdx variables') and a state (onset=sudden),
    the states that are still possible (patellar_reflex=reduced|absent), a number where the variable has cut points
    (age=73), yes or no where it has two such states, or ? for what was asked and could not be told (fever=?). A group
    takes its members that are present, separated by commas (pain_location=pain_groin,pain_low_back); its other members
    then are absent. What is left out was not observed.

    A JSON file holds an object of findings, an object with the key "findings", or FHIR resources of one patient. A
    table (CSV, Excel, Parquet, Arrow) holds the columns variable and state for one patient; or one patient a row, with
    variables as columns, an empty cell being not observed, unless the model has a state for it (if_empty). An
    option -f replaces what the file says of that variable. A column that is no variable has to be kept or ignored. A
    row that cannot be diagnosed is marked and told on standard error; the others are answered.

    \b
    Exit codes: 0 fine; 1 some rows of a table could not be diagnosed; 2 wrong usage or bad input.

    \b
    Examples:
      bayesdx diagnose hip_flexion_weakness -f fever=present -f pain_low_back=present
      bayesdx diagnose hip_flexion_weakness -f "patellar_reflex=reduced|absent" -f "onset=?" --top 3 --brief
      bayesdx diagnose hip_flexion_weakness --findings patient.json --population emergency_department
      bayesdx diagnose hip_flexion_weakness --findings patients.csv --keep id --format csv > posteriors.csv
      cat patient.json | bayesdx diagnose hip_flexion_weakness --findings - --format json
    """
    from bayesdx.cli import output

    answers, many = _diagnosed(model, finding, findings, population, keep, ignore)
    case = answers[0].case if answers else None
    if format == CaseFormat.FHIR:
        show_assessments(answers, many)
    elif many:
        output.show_cohort(answers, format, top)
    elif case is not None:
        output.show_case(case, format, top, brief=brief)
    if any(answer.fault for answer in answers):
        _tell(answers)
        raise typer.Exit(FAULTY if many else WRONG_USE)


@app.command(cls=TakesFindings)
def explain(
    model: ModelArgument,
    cause: CauseOption = None,
    finding: FindingOption = None,
    findings: FindingsOption = None,
    population: PopulationOption = None,
    groups: Annotated[bool, typer.Option("--groups", help="Make one row of the findings of a group.")] = False,
    format: FormatOption = OutputFormat.TABLE,
) -> None:
    """Explain why a cause is as probable as it is: the weight of each finding, in decibans, which add up.

    Findings are given as for diagnose, for one patient.

    \b
    Examples:
      bayesdx explain hip_flexion_weakness -f onset=sudden -f severe_pain=present
      bayesdx explain hip_flexion_weakness --cause cauda_equina_syndrome --findings patient.json
    """
    import bayesdx as dx
    from bayesdx.cli import reasoning

    case = _one_case(model, finding, findings, population)
    reasoning.show_explanation(dx.explain(case, cause, by_group=groups), format)


@app.command("next", cls=TakesFindings)
def next_(
    model: ModelArgument,
    finding: FindingOption = None,
    findings: FindingsOption = None,
    population: PopulationOption = None,
    rule_in: Annotated[str | None, typer.Option(metavar="CAUSE", help="Rank by what speaks for this cause.")] = None,
    rule_out: Annotated[str | None, typer.Option(metavar="CAUSE", help="Rank by what speaks against it.")] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="Rank this finding or test; may be repeated.")
    ] = None,
    look_ahead: Annotated[
        int, typer.Option(min=1, max=2, help="2 also counts the best second option after each result.")
    ] = 1,
    format: FormatOption = OutputFormat.TABLE,
) -> None:
    """Rank every open question, examination and test by what it is expected to bring and what it costs.

    Findings are given as for diagnose, for one patient. While an emergency is possible, what confirms or excludes it
    comes first.

    \b
    Examples:
      bayesdx next hip_flexion_weakness -f onset=sudden -f severe_pain=present
      bayesdx next hip_flexion_weakness --findings patient.json --rule-out severe_infection
    """
    import bayesdx as dx
    from bayesdx.cli import reasoning

    case = _one_case(model, finding, findings, population)
    following = dx.next_tests(case, rule_in=rule_in, rule_out=rule_out, only=only or None, look_ahead=look_ahead)
    reasoning.show_next(following, format)


@app.command(cls=TakesFindings)
def sensitivity(
    model: ModelArgument,
    cause: CauseOption = None,
    finding: FindingOption = None,
    findings: FindingsOption = None,
    population: PopulationOption = None,
    format: FormatOption = OutputFormat.TABLE,
) -> None:
    """Show which numbers of the model move the probability of a cause most, and what would change the first rank.

    Findings are given as for diagnose, for one patient.

    \b
    Examples:
      bayesdx sensitivity hip_flexion_weakness -f onset=sudden -f severe_pain=present
      bayesdx sensitivity hip_flexion_weakness --cause severe_infection --findings patient.json --format csv
    """
    import bayesdx as dx
    from bayesdx.cli import reasoning

    case = _one_case(model, finding, findings, population)
    reasoning.show_sensitivity(dx.sensitivity_analysis(case, cause), format)


app.command()(read)
app.command()(score)
app.command()(questionnaire)
app.command()(calibrate)
app.command()(mapping)
app.command()(synthesise)
app.command()(evaluate)
app.command()(new)
app.command()(fit)
app.command("import")(import_)
app.command(cls=TakesFindings)(interview)
app.command(cls=TakesFindings)(explore)
app.command()(publish)


def _diagnosed(
    model: str,
    finding: list[str] | None,
    findings: str | None,
    population: str | None,
    keep: list[str] | None = None,
    ignore: list[str] | None = None,
) -> tuple[list[PatientResult], bool]:
    """The diagnosis of each patient, or why there is none; and whether the input was a table of patients."""
    import bayesdx as dx
    from bayesdx.cli import typed_findings
    from bayesdx.cli.output import PatientResult

    loaded: Model = dx.load_model(model, population=population)
    added = typed_findings.read_options(loaded, finding or [])
    if findings is None:
        if keep or ignore:
            fail("--keep and --ignore are about the columns of a table; give it with --findings FILE.")
        patients = typed_findings.PatientRows([typed_findings.Patient(added)], many=False)
    else:
        with contextlib.suppress(dx.ImpossibleEvidenceError):
            dx.diagnose(loaded, added)  # a wrong option is wrong use, not a fault of every row
        patients = typed_findings.read_file(loaded, findings, keep or [], ignore or []).replaced_by(loaded, added)
    answers = []
    for patient in patients.rows:
        fault, case = patient.fault, None
        if not fault:
            try:
                case = dx.diagnose(loaded, patient.findings)
            except dx.BayesdxError as error:
                fault = str(error)
        answers.append(PatientResult(case, patient.place, patient.kept, fault))
    return answers, patients.many


def _tell(answers: Sequence[PatientResult]) -> None:
    """Every fault on standard error, with its file and row."""
    for answer in answers:
        for line in answer.fault.splitlines():
            told = f"{answer.place}: {line}" if answer.place else line
            typer.echo(clean(f"Error: {told}"), err=True)


def _one_case(model: str, finding: list[str] | None, findings: str | None, population: str | None) -> Diagnosis:
    answers, _ = _diagnosed(model, finding, findings, population)
    if len(answers) != 1:
        fail(f"{findings}: {len(answers)} patients; this question takes one.")
    case = answers[0].case
    if case is None:
        _tell(answers)
        raise typer.Exit(WRONG_USE)
    return case


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a label that the terminal cannot show must not end the answer
    try:
        try:
            app()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except (OSError, SystemExit) as left:
        # Typer makes an exit of its own of a closed pipe.
        if not _is_closed_pipe(left.__context__ if isinstance(left, SystemExit) else left):
            raise
        _drop_output()
        raise SystemExit(NOBODY_READS) from None


def _is_closed_pipe(error: BaseException | None) -> bool:
    """Whether this says that nobody reads the output any longer; Windows has no number of its own for that."""
    codes = (errno.EPIPE, errno.EINVAL) if sys.platform == "win32" else (errno.EPIPE,)
    return isinstance(error, OSError) and error.errno in codes


def _drop_output() -> None:
    """Send what is still in a buffer nowhere, so that the interpreter does not complain when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
