"""Findings as people type and store them: options, JSON, CSV."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import warnings
from codecs import BOM_UTF8
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import typer

import bayesdx as dx
from bayesdx.display import clean
from bayesdx.errors import knows_the_answer
from bayesdx.files import (
    FileTable,
    TableFault,
    UnusualFileError,
    lines_of,
    plain_number,
    read_ordinary,
    read_table_file,
)

LARGEST_FINDINGS = 16 * 2**20
"""Bytes above which a file of findings is not read."""

LARGEST_UNPACKED = 16 * LARGEST_FINDINGS
"""Bytes that a compressed one may unpack to."""

_BOUND = re.compile(r"([^=<>\u2264\u2265]+)([<>\u2264\u2265].+)", re.DOTALL)
"""A variable and a bound: CRP<5, age >= 60."""

PAIRS = ["variable", "state"]
"""Header of a CSV file that holds one patient, one finding a row."""


CAUSES = "causes"
"""Under --ignore, every column that is a cause or brings causes about."""


@dataclass(frozen=True)
class Patient:
    """Findings of one patient.

    Parameters
    ----------
    findings : mapping
    place : str
        Where the findings stand; empty for findings given as options.
    kept : mapping of column to text
        Columns of a table that are copied.
    fault : str
        Why the row cannot be read; empty where it can.
    """

    findings: Mapping[str, Any]
    place: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True)
class PatientRows:
    """Findings of one patient or of many.

    Parameters
    ----------
    rows : sequence of Patient
    many : bool
        Whether the input is a table of patients (of one row perhaps).
    """

    rows: Sequence[Patient]
    many: bool

    def replaced_by(self, model: dx.Model, options: Mapping[str, Any]) -> PatientRows:
        """The same patients; what the options say of a variable, however it is called, replaces what was there."""
        replaced = {name for word in options for name in _variables(model, word)}
        rows = [replace(row, findings={**_without(model, row.findings, replaced), **options}) for row in self.rows]
        return PatientRows(rows, self.many)


def _variables(model: dx.Model, word: str) -> tuple[str, ...]:
    """The variables that a word is about: one, the members of a group, or none where it is not clear."""
    found = model.vocabulary.find(word)
    return tuple(model.groups.get(found[0], found)) if len(found) == 1 else ()


def _without(model: dx.Model, findings: Mapping[str, Any], replaced: set[str]) -> dict[str, Any]:
    """Findings without these variables; a group that loses a member is spelled out."""
    kept: dict[str, Any] = {}
    for word, value in findings.items():
        names = _variables(model, word)
        if not replaced.intersection(names):
            kept[word] = value
        elif len(names) > 1:
            listed = [value] if isinstance(value, str) or not isinstance(value, Collection) else list(value)
            present = {name for member in listed if isinstance(member, str) for name in model.vocabulary.find(member)}
            for name in names:
                if name not in replaced:
                    states = model.by_name[name].states
                    kept[name] = value if value is dx.UNKNOWN else states[1 if name in present else 0]
    return kept


def read_value(model: dx.Model, name: str, text: str) -> Any:
    """A finding from its short form: a state, a number, ``x|y``, ``?``, or the members of a group between commas.

    Examples
    --------
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> read_value(model, "patellar_reflex", "reduced|absent")
    ['reduced', 'absent']
    >>> read_value(model, "fever", "?")
    UNKNOWN
    >>> read_value(model, "pain_location", "pain_groin,pain_low_back")
    ['pain_groin', 'pain_low_back']
    """
    text = text.strip()
    found = model.vocabulary.find(name)
    variable = model.by_name.get(found[0]) if len(found) == 1 else None
    if variable is not None and text in (*variable.states, *variable.state_labels):
        return text
    if text == "?":
        return dx.UNKNOWN
    if len(found) == 1 and variable is None:  # a group
        members = [member.strip() for member in text.split(",") if member.strip()]
        return [] if [member.casefold() for member in members] == ["none"] else members
    return [state.strip() for state in text.split("|")] if "|" in text else text


def read_options(model: dx.Model, options: Sequence[str]) -> dict[str, Any]:
    """Findings from ``-f VARIABLE=STATE`` options; a bound may stand without the equals sign, as ``-f "CRP<5"``.

    Raises
    ------
    FindingsError
        An option without ``=``, or a variable given twice.
    """
    findings: dict[str, Any] = {}
    for option in options:
        bound = _BOUND.fullmatch(option)
        name, equals, text = (bound[1], "=", bound[2]) if bound else option.partition("=")
        name = name.strip()
        if not equals and is_file(option):
            raise dx.FindingsError(f"-f {option!r}: a file of findings is given as --findings {shlex.quote(option)}.")
        if not (name and equals):
            raise dx.FindingsError(f"-f {option!r}: expected VARIABLE=STATE, for example {_example(model, name)}.")
        if name in findings:
            raise dx.FindingsError(f"-f {option!r}: {name} is given twice; -f '{name}=x|y' leaves x and y possible.")
        findings[name] = read_value(model, name, text)
    return findings


def _example(model: dx.Model, word: str) -> str:
    """A finding as it is typed: of the variable or the group that a word means, if it means one."""
    found = model.vocabulary.find(word)
    if len(found) != 1:
        return "-f fever=present"
    values = model.by_name[found[0]].states if found[0] in model.by_name else model.groups[found[0]]
    value = "yes" if _takes_yes(model, found[0], word) else values[-1]
    return f"-f {shlex.quote(f'{word}={value}')}"


def _takes_yes(model: dx.Model, name: str, word: str) -> bool:
    """Whether yes is an answer to a word that means a variable."""
    return name in model.by_name and model.vocabulary.state_or_none(name, "yes", word) is not None


def with_options(model: dx.Model, words: Sequence[str], options: Sequence[str], takes_cause: bool) -> list[str]:
    """Words of a command line that stand without an option, as they are typed with it.

    Parameters
    ----------
    model : Model
    words : sequence of str
    options : sequence of str
        What was given by ``-f``; a variable without a state among them takes the next word.
    takes_cause : bool
        Whether the command has the option ``--cause``.

    Examples
    --------
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> with_options(model, ["onset=sudden", "fever", "present", "cough"], [], takes_cause=False)
    ['-f onset=sudden', '-f fever=present', '-f cough=STATE']
    >>> with_options(model, ["fever", "patellar_reflex"], [], takes_cause=False)
    ['-f fever=yes', '-f patellar_reflex=STATE']
    >>> with_options(model, ["sudden", "severe_infection"], ["onset"], takes_cause=True)
    ['-f onset=sudden', '--cause severe_infection']
    """
    typed = []
    stateless = [option for option in options if "=" not in option and not _BOUND.fullmatch(option)]
    left = list(words)
    while left:
        word = left.pop(0)
        found = model.vocabulary.find(word)
        name = found[0] if len(found) == 1 else ""
        if is_file(word):
            typed.append(f"--findings {shlex.quote(word)}")
        elif "=" in word or _BOUND.fullmatch(word):
            typed.append(f"-f {shlex.quote(word)}")
        elif stateless:
            typed.append(f"-f {shlex.quote(f'{stateless.pop(0)}={word}')}")
        elif left and name in model.by_name and model.vocabulary.state_or_none(name, left[0], word) is not None:
            typed.append(f"-f {shlex.quote(f'{word}={left.pop(0)}')}")
        elif takes_cause and name in model.causes:
            typed.append(f"--cause {shlex.quote(word)}")
        else:
            value = "yes" if _takes_yes(model, name, word) else "STATE"
            typed.append(f"-f {shlex.quote(f'{word}={value}')}")
    return typed


def is_file(word: str) -> bool:
    """Whether a word is a file; one that is too long for a name is none."""
    with contextlib.suppress(OSError):
        return Path(word).is_file()
    return False


def read_start(model: dx.Model, source: str | None, options: Sequence[str]) -> Mapping[str, Any]:
    """The findings of the one patient that something starts with: a file, changed by ``-f`` options.

    Raises
    ------
    FindingsError
        As ``read_file`` and ``read_options``; or the file holds a table of more than one patient, or of none.
    """
    nobody = PatientRows([Patient({})], many=False)
    start = nobody if source is None else read_file(model, source)
    if len(start.rows) != 1:
        raise dx.FindingsError(f"{source}: {len(start.rows)} patients; expected one.")
    [patient] = start.replaced_by(model, read_options(model, options)).rows
    if patient.fault:
        raise dx.FindingsError(f"{patient.place}: {patient.fault}")
    return patient.findings


def read_file(model: dx.Model, source: str, keep: Sequence[str] = (), ignore: Sequence[str] = ()) -> PatientRows:
    """Findings from a JSON or CSV file, or from standard input where ``source`` is ``-``.

    Parameters
    ----------
    model : Model
    source : str
    keep, ignore : sequence of str
        Columns of a table of patients that are no findings: copied, or left out.

    Raises
    ------
    FindingsError
        The file cannot be read, or is not what it should be; file, row and column are named. A row of a table that
        is not sound is marked instead, so that the others are answered.
    """
    name, content = _read_bytes(source, "'bayesdx score' takes tables of any size", "'--findings -'")
    if not content.strip():
        expected = "expected the columns variable and state, or one column per variable"
        raise dx.FindingsError(f"{name}: empty; {expected}.")
    kind = Path(source).suffix.lower()
    if kind == ".json" or (kind != ".csv" and content.removeprefix(BOM_UTF8).lstrip()[:1] in (b"{", b"[")):
        patients = PatientRows([Patient(_read_json(model, name, _as_text(name, content)), name)], many=False)
    else:
        try:
            patients = _patients(model, name, read_table_file(content, name, LARGEST_UNPACKED), keep, ignore)
        except TableFault as error:
            raise dx.FindingsError(str(error)) from error
    if (keep or ignore) and not patients.many:
        raise dx.FindingsError(f"{name}: one patient; --keep and --ignore are about the columns of a table.")
    return patients


def read_text(source: str, larger: str, piped: str) -> tuple[str, str]:
    """The name and the text of a file, or of standard input where ``source`` is ``-``.

    Parameters
    ----------
    source : str
    larger, piped : str
        What to do with a larger file, and how to pipe one that is not ordinary.

    Raises
    ------
    FindingsError
        It cannot be read, is larger than 16 MiB, or no UTF-8.
    """
    name, content = _read_bytes(source, larger, piped)
    return name, _as_text(name, content)


def _read_bytes(source: str, larger: str, piped: str) -> tuple[str, bytes]:
    """The same, not decoded."""
    name = "standard input" if source == "-" else source
    try:
        if source == "-":
            content = typer.get_binary_stream("stdin").read(LARGEST_FINDINGS + 1)
        else:
            content = read_ordinary(Path(source), LARGEST_FINDINGS)
    except UnusualFileError as error:
        raise dx.FindingsError(f"{name}: not an ordinary file; pipe it to {piped} instead.") from error
    except OSError as error:
        raise dx.FindingsError(f"{name}: cannot be read: {error.strerror}.") from error
    except ValueError as error:  # a NUL character in the path
        raise dx.FindingsError(f"{name!r} is no file: {error}.") from error
    if len(content) > LARGEST_FINDINGS:
        raise dx.FindingsError(f"{name}: larger than {LARGEST_FINDINGS // 2**20} MiB; {larger}.")
    return name, content


def _as_text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise dx.FindingsError(f"{name}: byte {error.start} is not UTF-8; save the file as UTF-8.") from error


def _read_json(model: dx.Model, name: str, text: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                raise dx.FindingsError(f"{name}: {key!r} stands twice in one object.")
            seen[key] = value
        return seen

    def constant(sign: str) -> float:
        raise dx.FindingsError(f"{name}: {sign} is not JSON; leave out what was not observed.")

    try:
        document = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise dx.FindingsError(f"{name}, row {error.lineno}, column {error.colno}: not JSON: {error.msg}.") from error
    except dx.FindingsError:
        raise
    except (RecursionError, ValueError) as error:
        raise dx.FindingsError(f"{name}: not JSON that can be read: {error}.") from error
    if isinstance(document, dict) and isinstance(document.get("resourceType"), str):
        read = dx.read_fhir(model, document)
        for sentence in read.left_out:
            typer.echo(clean(f"Left out: {sentence}"), err=True)
        return dict(read.findings)
    if isinstance(document, dict) and isinstance(document.get("findings"), dict):
        document = document["findings"]
    if not isinstance(document, dict):
        raise dx.FindingsError(f"{name}: expected an object of findings, or an object with the key 'findings'.")
    marks = ("?", str(dx.UNKNOWN.value))

    def find(variable: str) -> list[str]:
        return [name for name in model.vocabulary.find(variable) if name in model.by_name]

    def is_mark(variable: str, value: Any) -> bool:
        return value in marks and not any(value in model.by_name[name].states for name in find(variable))

    return {
        variable: dx.UNKNOWN if isinstance(value, str) and is_mark(variable, value) else value
        for variable, value in document.items()
    }


def _patients(model: dx.Model, name: str, table: FileTable, keep: Sequence[str], ignore: Sequence[str]) -> PatientRows:
    """Patients of a table: one, with the columns variable and state, or one a row."""
    header = [str(column) for column in table.frame.columns]
    frame = table.frame.set_axis(header, axis=1)
    place = f"{name}, row {{}}"
    twice = {column for column in header if header.count(column) > 1}
    if twice:
        raise dx.FindingsError(f"{name}, row 1: column {sorted(twice)[0]!r} stands twice.")
    faults = dict(lines_of(table.ragged, len(header)))
    rows = {line: dict(zip(header, cells, strict=True)) for line, *cells in frame.itertuples(name=None)}
    if header == PAIRS:
        for line, fault in faults.items():
            raise dx.FindingsError(f"{place.format(line)}: {fault}")
        return PatientRows([Patient(_read_pairs(model, place, table.separator, rows), name)], many=False)
    _check_columns(model, name, header, keep, ignore)
    ignore = _without_answers(model, header, ignore)
    patients = {}
    blanks = {column: state for column in header if (state := _if_empty(model, column))}
    for line, fault in faults.items():
        cells = dict(zip(header, table.ragged[line], strict=False))
        patients[line] = Patient({}, place.format(line), {column: cells.get(column, "") for column in keep}, fault)
    for line, cells in rows.items():
        present = {column: cell for column, cell in cells.items() if not _is_missing(cell)}
        kept = {column: str(present.get(column, "")) for column in keep}
        found = {
            column: _read_cell(model, column, cell, table.separator)
            for column, cell in (blanks | present).items()
            if column not in kept and column not in ignore
        }
        found |= {column: blanks[column] for column, value in found.items() if value is dx.UNKNOWN and column in blanks}
        patients[line] = Patient(found, place.format(line), kept)
    return PatientRows([patients[line] for line in sorted(patients)], many=True)


def _if_empty(model: dx.Model, column: str) -> str:
    """The state that an empty cell of a column means; empty where it means nothing."""
    found = model.vocabulary.find(column)
    return model.vocabulary.if_empty(found[0], column) if len(found) == 1 and found[0] in model.by_name else ""


def _is_missing(cell: Any) -> bool:
    return cell is None or cell != cell or cell is pd.NaT or cell is pd.NA


def _read_cell(model: dx.Model, column: str, cell: Any, separator: str) -> Any:
    """A finding from the cell of a table; in text a decimal comma may stand for a point."""
    if not isinstance(cell, str):
        return cell.item() if hasattr(cell, "item") else cell
    value = read_value(model, column, cell)
    found = model.vocabulary.find(column)
    if separator and isinstance(value, str) and len(found) == 1 and found[0] in model.by_name:
        plain = plain_number(value, separator)
        meant = [model.vocabulary.state_or_none(found[0], text, column) for text in (value, plain)]
        return plain if meant[0] is None and meant[1] is not None else value
    return value


def _check_columns(
    model: dx.Model, name: str, header: Sequence[str], keep: Sequence[str], ignore: Sequence[str]
) -> None:
    """Refuse a column that is no variable and neither kept nor ignored, and one to keep that is not there."""
    words = model.vocabulary
    faults = [
        f"{name}, row 1: column {column!r} is not a variable of {model.name} {model.version}."
        f"{words.hint(column)} --keep {shlex.quote(column)} copies it, --ignore leaves it out."
        for column in header
        if column not in keep and column not in ignore and not words.find(column)
    ]
    for option, columns, others in (("--keep", keep, ()), ("--ignore", ignore, (CAUSES,))):
        missing = (column for column in columns if column not in (*header, *others))
        faults += [f"{option}: {name} has no column {column!r}; it has {', '.join(header)}." for column in missing]
    if faults:
        raise dx.FindingsError("\n".join(faults))


def _without_answers(model: dx.Model, header: Sequence[str], ignore: Sequence[str]) -> Sequence[str]:
    """What to leave out, with every cause where that is asked for; a warning where it is not, and some are there."""
    means = {column: model.vocabulary.find(column) for column in header if column not in ignore}
    answers = [column for column, found in means.items() if len(found) == 1 and found[0] in model.diagnoses]
    if CAUSES in ignore:
        return [*ignore, *answers]
    if answers:
        warnings.warn(f"{knows_the_answer(answers)} --ignore {CAUSES} leaves them out.", dx.DataWarning, stacklevel=2)
    return ignore


def _read_pairs(model: dx.Model, place: str, separator: str, rows: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    findings: dict[str, Any] = {}
    for line, row in rows.items():
        variable, state = ("" if _is_missing(row[column]) else row[column] for column in PAIRS)
        if variable in findings:
            raise dx.FindingsError(f"{place.format(line)}: {variable} is given twice; x|y leaves x and y possible.")
        if state != "":
            findings[str(variable)] = _read_cell(model, str(variable), state, separator)
    return findings
