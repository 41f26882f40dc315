"""``bayesdx interview``: question by question to a differential, on a terminal or from a pipe."""

from __future__ import annotations

import io
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesdx.display import clean, format_probability
from bayesdx.display.blocks import Alert, Block, Note, Title

if TYPE_CHECKING:
    from collections.abc import Sequence

    import bayesdx as dx

INTERRUPTED = 130
"""Exit code: ended with Ctrl+C; 128 and the number of SIGINT, as a shell gives."""

FIRST = 3
"""Causes that are told after each answer."""

LONGEST_LABEL = 40
"""Signs from which a label is told without its brackets."""

HEADINGS = {"setting": "Setting", "context": "History", "examination": "Examination", "test": "Tests"}
"""What stands above the first question of a part; background is asked with the history."""

COMMANDS = {
    "?": "skip",
    "skip": "skip",
    "unknown": "skip",
    "not known": "skip",
    "dont know": "skip",
    "don't know": "skip",
    "i don't know": "skip",
    "back": "back",
    "why": "why",
    "why?": "why",
    "enough": "enough",
    "quit": "quit",
    "exit": "quit",
    "help": "help",
}
"""What may be typed instead of an answer."""

HELP = (
    "Answer with the number or letter in front, with the words behind it, or with yes or no where that is clear. x|y "
    "leaves x and y possible. ? means that it cannot be told; back takes the last answer back; why shows what an "
    "answer would change; enough ends with the differential; quit ends without it. Where an answer is called like one "
    "of these words, /back is the command."
)
SHORT_HELP = "? (don't know), back, why, enough, quit or help"


def interview(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="name, name@version, or the path of a folder")],
    finding: Annotated[
        list[str] | None, typer.Option("--finding", "-f", metavar="VARIABLE=STATE", help="A finding to start with.")
    ] = None,
    findings: Annotated[
        str | None,
        typer.Option("--findings", metavar="FILE", help="Findings to start with, in a JSON or CSV file."),
    ] = None,
    population: Annotated[
        str | None, typer.Option(help="The patients that the priors hold for; asked where left out.")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="FILE",
            help="Where the findings are kept as JSON, after every answer; it may be the file of --findings.",
        ),
    ] = None,
    tests: Annotated[bool, typer.Option("--tests/--no-tests", help="Ask for tests after the examination.")] = True,
) -> None:
    """Interview: be asked what matters next, with the reason, and get the differential at the end.

    The setting comes first, then what bears on an emergency, then history, examination and tests, by what an answer is
    worth. Nothing is asked that would not change a decision, and the interview ends when nothing would. Answers are
    the number in front, a word, yes or no, or a measured number; ? is "don't know", and back, why, enough, quit and
    help may be typed at any time. Answers may come from a pipe, one a line.

    Findings are kept with --keep after every answer, and read by 'bayesdx diagnose --findings'; without --keep they are
    printed at the end, also after Ctrl+C.

    \b
    Examples:
      bayesdx interview hip_flexion_weakness
      bayesdx interview hip_flexion_weakness --population emergency_department --keep patient.json
      bayesdx interview hip_flexion_weakness --findings patient.json --keep patient.json --no-tests
    """
    import bayesdx as dx
    from bayesdx.cli import typed_findings

    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # bytes that are no text are a wrong answer, not the end
    loaded = dx.load_model(model, population=population)
    start = dx.diagnose(loaded, typed_findings.read_start(loaded, findings, finding or []))
    if (
        keep is not None
        and keep.exists()
        and (findings is None or not Path(findings).exists() or not keep.samefile(findings))
    ):
        raise dx.FindingsError(f"--keep {keep}: it exists; name another file, or go on with it by --findings {keep}.")
    talk = _Talk(start, keep, tests)
    talk.keep()
    talk.open()
    try:
        end = talk.run()
    except KeyboardInterrupt:
        typer.echo()
        end = "interrupted"
    except dx.BayesdxError:
        talk.close("quit", model)
        raise
    talk.close(end, model)
    if end == "interrupted":
        raise typer.Exit(INTERRUPTED)


class _Talk:
    """An interview under way: the cases so far, the last one being that of now."""

    def __init__(self, start: dx.Diagnosis, file: Path | None, tests: bool) -> None:
        self.trail = [start]
        self.file = file
        self.tests = tests
        self.parts: list[str] = []
        self.told: set[str] = set()

    @property
    def case(self) -> dx.Diagnosis:
        """The case of now."""
        return self.trail[-1]

    def open(self) -> None:
        """Say what this is."""
        info = self.case.model.info
        about = info.entry_criterion.partition(". ")[0].rstrip(".")
        _show(
            [
                Title(info.title),
                *([f"Meant for: {about}."] if about else []),
                Note(f"At any time: {SHORT_HELP}."),
            ]
        )

    def run(self) -> str:
        """Ask to the end; returns how it ended: "stop", "enough" or "quit"."""
        import bayesdx as dx

        while True:
            question = dx.next_question(self.case, tests=self.tests)
            if question.stop:
                typer.echo()
                _show(question.blocks())
                return "stop"
            self._ask(question)
            ended = self._hear(question)
            if ended:
                return ended

    def _ask(self, question: dx.types.Question) -> None:
        part = HEADINGS.get(question.kind, HEADINGS["context"])
        heading = (
            [] if self.parts[-1:] == [part] else [Title(f"--- {part}{', again' if part in self.parts else ''} ---")]
        )
        self.parts.append(part)
        typer.echo()
        _show([*heading, *question.blocks()])

    def _hear(self, question: dx.types.Question) -> str:
        """Take lines until one is an answer or an end; returns the end, or nothing."""
        import bayesdx as dx
        from bayesdx.cli import typed_findings

        while True:
            try:
                text = input(f"{len(self.trail)}> ").strip()
            except EOFError:
                typer.echo()
                return "enough"
            if not sys.stdin.isatty():
                typer.echo(clean(text))  # a terminal shows what is typed; a pipe does not
            command = COMMANDS.get(" ".join(text.removeprefix("/").replace("’", "'").casefold().split()), "")
            taken: dx.Diagnosis | None = None
            fault = ""
            if text and not (command and text.startswith("/")) and text != "?":
                try:
                    value: Any = text
                    if len(question.variables) == 1 and "|" in text:
                        value = typed_findings.read_value(self.case.model, question.variables[0], text)
                    taken = question.answer(value)
                except dx.BayesdxError as error:
                    fault = str(error)
            if taken is not None:
                self._take(question, taken)
                return ""
            if command == "skip":
                self._take(question, question.skip())
                return ""
            if command == "back":
                if self._back():
                    return ""
            elif command in ("enough", "quit"):
                return command
            elif command == "why":
                _show(question.reasons()[1:] or question.reasons())  # the reason stands above
            elif command == "help" or not text:
                _show([HELP if command else SHORT_HELP])
            else:
                _show([clean(line.removeprefix("findings: ")) for line in fault.splitlines()])

    def _take(self, question: dx.types.Question, case: dx.Diagnosis) -> None:
        """Go on with an answer: say what was understood, which alarm it raises, and what comes first now."""
        import bayesdx as dx

        self.trail.append(case)
        self.keep()
        if question.kind == "setting":
            noted = [row.title for row in case.model.info.populations if row.name == case.model.population]
        else:
            noted = [
                f"{found.text} ({found.said})" if found.said else found.text
                for found in case.understood
                if found.variable in question.variables and found.value is not dx.UNKNOWN
            ]
        if not noted:
            _show([Note(f"Noted as not known: {question.label}.")])
            return
        shown: list[Block | str] = [Note(f"Noted: {'; '.join(noted)}.")]
        new = [alert for alert in case.alerts if alert.urgency == "emergency" and alert.cause not in self.told]
        shown += [Alert(_alarm(alert), alert.urgency) for alert in new]
        if new and not self.told:
            shown.append("Act on it now; it need not wait for the end of the interview.")
        self.told |= {alert.cause for alert in new}
        first = "; ".join(
            f"{_short(line.label)} {format_probability(line.posterior)}" for line in case.differential[:FIRST]
        )
        _show([*shown, Note(f"First now: {first}.")], apart=False)

    def _back(self) -> bool:
        if len(self.trail) == 1:
            _show(["This is where the interview began."])
            return False
        taken = self.trail.pop()
        self.keep()
        said = [found.label for found in taken.understood if found.variable not in self.case.findings]
        _show([Note(f"Taken back: {'; '.join(said) or 'the setting'}.")])
        return True

    def keep(self) -> None:
        """Write the findings, so that at no time a broken file stands in the place of a whole one."""
        import bayesdx as dx

        if self.file is None:
            return
        beside = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        try:
            beside.write_text(self.case.findings_json(), encoding="ascii")
            beside.replace(self.file)
        except OSError as error:
            beside.unlink(missing_ok=True)
            name, self.file = self.file, None  # the findings are printed at the end instead
            raise dx.FindingsError(f"--keep {name}: cannot be written: {error.strerror}.") from error

    def close(self, end: str, model: str) -> None:
        """Show the differential unless it is not wanted, and say where the findings are."""
        from bayesdx.cli import output

        if end in ("stop", "enough"):
            typer.echo()
            output.show_case(self.case, "table", None)
        typer.echo()
        if self.file is None:
            typer.echo("Findings, as --findings reads them:")
            typer.echo(self.case.findings_json(), nl=False)
            return
        typer.echo("Findings are kept; to see them again:")
        place = f"--population {self.case.model.population} --findings {shlex.quote(str(self.file))}"
        typer.echo(clean(f"bayesdx diagnose {shlex.quote(model)} {place}"))


def _short(label: str) -> str:
    """A label without what stands in brackets behind it, where it is long."""
    return label if len(label) <= LONGEST_LABEL else label.partition(" (")[0]


def _alarm(alert: Any) -> str:
    """What to do now, and why."""
    doubt = "" if alert.certain else ", which cannot be excluded"
    return f"{alert.actions[0]}. {alert.label} (now {alert.chance}){doubt}."


def _show(blocks: Sequence[Block | str], *, apart: bool = True) -> None:
    from bayesdx.cli import output

    with output.console() as screen:
        if apart:
            output.print_blocks(screen, blocks)
            return
        for block in blocks:
            output.print_blocks(screen, [block])
