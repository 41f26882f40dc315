"""``read``: a note becomes proposals, and findings of those that are confirmed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesdx.display import clean
from bayesdx.errors import FindingsError

if TYPE_CHECKING:
    from bayesdx.types import NoteReading

KEPT = "findings.json"
"""What a file of confirmed findings may be called."""


def read(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="name, name@version, or the path of a folder")],
    note: Annotated[str, typer.Argument(metavar="NOTE", help="a text file in UTF-8; - reads standard input")],
    confirm: Annotated[
        list[str] | None,
        typer.Option(
            "--confirm",
            metavar="VARIABLE[=STATE]",
            help="A proposal that holds, or its true state; may be repeated; all for every proposal.",
        ),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="FILE", help="A new file for the confirmed findings, as JSON.")
    ] = None,
    format: Annotated[str, typer.Option("--format", metavar="[text|json]", help="How to print the result.")] = "text",
) -> None:
    """Read a clinician's note and propose findings, each with the words that it rests on.

    Rules over the vocabulary of the model read it, offline. Relatives, the other side, plans and what is uncertain are
    left out, with the reason. Nothing is used unless you confirm it: --confirm names the proposals that hold, and
    --keep writes them for 'bayesdx diagnose --findings FILE'.

    \b
    Examples:
      bayesdx read hip_flexion_weakness note.txt
      bayesdx read hip_flexion_weakness note.txt --confirm all --keep findings.json
      bayesdx read hip_flexion_weakness - --confirm fever --confirm onset=sudden --format json
    """
    import bayesdx as dx
    from bayesdx.cli import output, typed_findings

    if format not in ("text", "json"):
        raise FindingsError(f"--format {format}: expected text or json.")
    if keep is not None and not confirm:
        raise FindingsError("--keep: confirm what to keep: --confirm VARIABLE for each proposal that holds, or all.")
    loaded = dx.load_model(model)
    if " " in note.strip() and not typed_findings.is_file(note):
        piped = f"echo {shlex.quote(note[:60])} | bayesdx read {shlex.quote(model)} -"
        raise FindingsError(f"{note[:60]!r} is no file; a text itself is piped: {piped}")
    _, text = typed_findings.read_text(note, "a note is a text of a few pages", "'bayesdx read MODEL -'")
    found = dx.read_note(loaded, text)
    findings = found.confirm(_chosen(found, confirm)) if confirm else {}
    if format == "json":
        output.print_json({**found.to_dict(), "confirmed": findings})
    else:
        output.show_report(found)
        for name, state in findings.items():
            typer.echo(clean(f"Confirmed: {name} = {state if isinstance(state, str) else '|'.join(state)}"))
        if found.proposals and keep is None:
            chosen = " ".join(f"--confirm {shlex.quote(option)}" for option in confirm or ["all"])
            typer.echo(
                "\nNext, to keep them:"
                if confirm
                else "\nNext, if all hold (else --confirm VARIABLE for each that does):"
            )
            typer.echo(clean(f"  bayesdx read {shlex.quote(model)} {shlex.quote(note)} {chosen} --keep {KEPT}"))
            typer.echo(clean(f"  bayesdx diagnose {shlex.quote(model)} --findings {KEPT}"))
    if keep is not None:
        _write(keep, findings)
        following = f"bayesdx diagnose {shlex.quote(model)} --findings {shlex.quote(str(keep))}"
        typer.echo(clean(f"{len(findings)} findings written to {keep}. Next: {following}"), err=True)


def _chosen(found: NoteReading, options: list[str]) -> dict[str, Any]:
    """Variables to confirm, each with the state that was given, or None for the proposed one."""
    chosen: dict[str, Any] = {}
    for option in options:
        name, equals, state = option.partition("=")
        if option.strip() == "all":
            chosen = {**dict.fromkeys((p.variable for p in found.proposals), None), **chosen}
        else:
            chosen[name.strip()] = state.strip() if equals else None
    return chosen


def _write(path: Path, findings: dict[str, Any]) -> None:
    text = json.dumps({"findings": findings}, indent=2, ensure_ascii=False) + "\n"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise FindingsError(f"--keep {path}: the file exists; name a new one.") from error
    except (OSError, ValueError) as error:
        raise FindingsError(f"--keep {path}: cannot be written: {error}.") from error
