"""From the bytes of a model folder to parsed cells, every fault noted, nothing guessed."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from bayesdx.errors import nearest
from bayesdx.files import UnusualFileError, read_ordinary
from bayesdx.knowledge.model import ModelInfo, Population, Release
from bayesdx.knowledge.problems import Problem, one_of
from bayesdx.knowledge.schema import (
    FILE,
    FILES,
    FORMATS,
    NAME,
    NUMBER,
    OTHER_FILES,
    VERSION,
    Cell,
    Column,
    Cut,
    File,
    parse_conditions,
)

LARGEST_FILE = 16 * 2**20
"""Bytes above which a CSV file, CHANGES.md or NOTES.md is not read."""

LARGEST_TOML = 64 * 2**10
"""Bytes above which model.toml and release.toml are not read."""

LONGEST_CELL = 100_000
"""Characters above which a cell is not read."""

MOST_DOTS = 300
"""Full stops in a line above which a TOML file is not read; the time for a key grows with the square of its parts."""

MOST_ROWS = 200_000
"""Rows of a file above which the rest is not read."""

MOST_COLUMNS = 1000
"""Columns above which a file is not read."""

MOST_STATES = 100
"""States that a variable may have."""

TEMPERATURES = (0.05, 1e6)
"""The lowest and the highest temperature of a model."""

MOST_BIAS = 20.0
"""How far from 0 the bias of a class may be, in nats."""

SMALLEST_PROBABILITY = 1e-100
"""A probability above 0 and below this is a slip, and too faint for ratios of it to be held; bounds may be smaller."""

MOST_PROBLEMS = 1000
"""Faults of one file above which no more are listed."""

HASH = re.compile("sha256:[0-9a-f]{64}")
"""What a content hash looks like."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""Signs that no text holds: control characters and marks that reorder what is shown."""


@dataclass
class Record:
    """A row as read: its line and the cells that could be parsed."""

    line: int
    values: dict[str, Any] = field(default_factory=dict)

    def has(self, *columns: str) -> bool:
        """Whether all these cells could be parsed."""
        return all(column in self.values for column in columns)


@dataclass
class Draft:
    """A folder as read: what could be parsed, and what could not. The format is 0 where it is not known."""

    folder: Path
    format: int = 0
    info: ModelInfo | None = None
    release: Release | None = None
    changes: str = ""
    notes: str = ""
    records: dict[str, list[Record]] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def report(self, file: str, row: int | None, column: str | None, found: str, expected: str) -> None:
        """Note a fault; after ``MOST_PROBLEMS`` of a file, only that there are more."""
        self.counts[file] += 1
        if self.counts[file] <= MOST_PROBLEMS:
            self.problems.append(Problem(file, row, column, _shortened(found), _shortened(expected)))
        elif self.counts[file] == MOST_PROBLEMS + 1:
            expected = "fewer; the others are not listed"
            self.problems.append(Problem(file, None, None, f"more than {MOST_PROBLEMS} faults", expected))

    def full(self, file: str) -> bool:
        """Whether no more faults of the file are listed."""
        return self.counts[file] > MOST_PROBLEMS

    def rows(self, file: str, *columns: str) -> Iterable[Record]:
        """The records of a file in which all these cells could be parsed."""
        return (record for record in self.records.get(file, ()) if record.has(*columns))


def _shortened(text: str, longest: int = 1000) -> str:
    return text if len(text) <= longest else text[:longest] + "…"


@dataclass(frozen=True)
class StoredFolder:
    """The files of a model folder as they lie on the disk, read once.

    ``entries`` are the names in the folder, and ``fault`` says why they could not be listed. ``files`` has the bytes of
    each file of the format that is there, or, for one that cannot be read, what was found and what was expected.
    """

    folder: Path
    entries: tuple[str, ...]
    fault: str
    files: dict[str, bytes | tuple[str, str]]

    @property
    def digest(self) -> bytes:
        """The same for the same folder with the same files."""
        digest = hashlib.sha256(repr((str(self.folder), self.entries, self.fault)).encode("utf-8", "surrogatepass"))
        for name, content in self.files.items():
            raw = content if isinstance(content, bytes) else repr(content).encode("utf-8", "surrogatepass")
            digest.update(f"{name}\0{type(content).__name__}\0{len(raw)}\0".encode())
            digest.update(raw)
        return digest.digest()


def read_folder(folder: Path) -> StoredFolder:
    """Read every file of a folder that the format knows, up to its limit."""
    try:
        folder = folder.absolute()  # fails where the working directory was deleted
        entries = tuple(sorted(entry.name for entry in islice(folder.iterdir(), MOST_PROBLEMS)))
    except (OSError, ValueError) as error:
        fault = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return StoredFolder(folder, (), fault, {})
    found = {name: _read_file(folder, name) for name in (*OTHER_FILES, *FILE)}
    return StoredFolder(folder, entries, "", {name: raw for name, raw in found.items() if raw is not None})


def _read_file(folder: Path, name: str) -> bytes | tuple[str, str] | None:
    """The bytes of a file, None where there is no such file, or what was found and expected where it is not read."""
    limit = LARGEST_TOML if name.endswith(".toml") else LARGEST_FILE
    path = folder / name
    try:
        if path.is_symlink() and path.resolve().parent != folder.resolve():
            raise UnusualFileError("a link that leaves the folder")
        raw = read_ordinary(path, limit)
    except FileNotFoundError:
        return None
    except UnusualFileError as error:
        return str(error), f"an ordinary file {name} within {folder.name}"
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        return reason, "a file that can be read"
    return (f"more than {limit} bytes", f"at most {limit} bytes") if len(raw) > limit else raw


def read_draft(stored: StoredFolder) -> Draft:
    """Read what the files of a folder say; faults of form are noted in ``problems``."""
    draft = Draft(stored.folder)
    known = [*OTHER_FILES, *FILE]
    if stored.fault:
        name = stored.folder.name or str(stored.folder)
        draft.report(name, None, None, stored.fault, "a folder with a model.toml")
        draft.unreadable.update(known)
        return draft
    for name in stored.entries:
        if name not in known and not name.startswith("."):
            draft.report(name, None, None, "an unknown file", one_of("a file of the model format", name, known))
    _read_info(draft, stored)
    _read_release(draft, stored)
    draft.changes = _read_prose(draft, stored, "CHANGES.md")
    draft.notes = _read_prose(draft, stored, "NOTES.md")
    for file in FILES:
        text = _read_text(draft, stored, file.name, required=file.required)
        if text is None:
            continue
        draft.records[file.name] = read_table(draft, file, text)
    return draft


def _read_text(draft: Draft, stored: StoredFolder, name: str, *, required: bool = False) -> str | None:
    content = stored.files.get(name)
    if content is None and required:
        content = ("no such file", f"a file {name} in {draft.folder.name}")
    if isinstance(content, tuple):
        draft.unreadable.add(name)
        draft.report(name, None, None, *content)
        return None
    return None if content is None else _decode(draft, name, content)


def _read_prose(draft: Draft, stored: StoredFolder, name: str) -> str:
    text = _read_text(draft, stored, name) or ""
    fault = _CONTROL.search(text)
    if fault:
        line = text.count("\n", 0, fault.start()) + 1
        draft.report(name, line, None, fault.group(), "text without control characters")
    return text


def _decode(draft: Draft, name: str, raw: bytes) -> str | None:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        draft.unreadable.add(name)
        draft.report(name, 1, None, "UTF-16", "text in UTF-8")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        draft.unreadable.add(name)
        line = raw.count(b"\n", 0, error.start) + 1
        draft.report(name, line, None, f"byte 0x{raw[error.start]:02x}", "text in UTF-8")
        return None
    if "\0" in text:
        draft.unreadable.add(name)
        line = text.count("\n", 0, text.index("\0")) + 1
        draft.report(name, line, None, "a NUL character", "text in UTF-8")
        return None
    text = text.replace("\r\n", "\n")
    if "\r" in text:
        draft.unreadable.add(name)
        line = text.count("\n", 0, text.index("\r")) + 1
        draft.report(name, line, None, "a carriage return alone", "lines that end with a line feed")
        return None
    return text


def read_table(draft: Draft, file: File, text: str) -> list[Record]:
    """The rows of one file; faults of form are noted in the draft."""
    reader = csv.reader(io.StringIO(text), strict=True)
    records: list[Record] = []
    header: list[str] | None = None
    while not draft.full(file.name):
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            draft.unreadable.add(file.name)
            draft.report(file.name, line, None, str(error), "a row of comma-separated values, quotes closed")
            break
        if header is None:
            header = cells
            if len(header) > MOST_COLUMNS:
                draft.unreadable.add(file.name)
                draft.report(file.name, 1, None, f"{len(header)} columns", f"the columns {', '.join(file.header)}")
                break
            _check_header(draft, file, header)
        elif cells and len(records) == MOST_ROWS:
            draft.unreadable.add(file.name)
            draft.report(file.name, line, None, f"more than {MOST_ROWS} rows", f"at most {MOST_ROWS} rows")
            break
        elif cells:
            records.append(_read_record(draft, file, header, line, cells))
    if header is None:
        draft.unreadable.add(file.name)
        draft.report(file.name, 1, None, "an empty file", f"the columns {', '.join(file.header)}")
    elif file.name == "variables.csv" and not records and file.name not in draft.unreadable:
        draft.unreadable.add(file.name)
        draft.report(file.name, 1, None, "a header only", "a row for each variable")
    return records


def _check_header(draft: Draft, file: File, header: list[str]) -> None:
    known = file.header
    for name in sorted({name for name in header if header.count(name) > 1}):
        draft.report(file.name, 1, name, "a column twice", f"the column {name} once")
    for name in header:
        if name not in known:
            draft.report(file.name, 1, name, name, one_of("a column of the model format", name, known))
    if 0 < draft.format < file.since:
        draft.report(file.name, None, None, "a file", f"format = {file.since} in model.toml for this file")
    for column in file.columns:
        if column.name in header and 0 < draft.format < column.since:
            draft.report(
                file.name, 1, column.name, column.name, f"format = {column.since} in model.toml for this column"
            )
    for name in (column.name for column in file.columns if not column.dispensable):
        if name not in header:
            draft.unreadable.add(file.name)
            found = nearest(name, [other for other in header if other not in known]) or "no such column"
            draft.report(file.name, 1, name, found, f"a column {name}")


def _read_record(draft: Draft, file: File, header: list[str], line: int, cells: list[str]) -> Record:
    record = Record(line)
    if len(cells) != len(header):
        draft.report(file.name, line, None, f"{len(cells)} cells", f"{len(header)} cells, as the header has")
    if not any(cells):
        draft.report(file.name, line, None, "an empty row", "a row with values, or no row")
        return record
    columns = {column.name: column for column in file.columns}
    missing = [column for column in file.columns if column.dispensable and column.name not in header]
    record.values.update({column.name: _EMPTY.get(column.cell, "") for column in missing})
    for name, text in zip(header, cells, strict=False):
        if name not in columns:
            continue
        value, expected = _parse(columns[name], text)
        if expected:
            draft.report(file.name, line, name, text, expected)
        else:
            record.values[name] = value
    return record


def _parse(column: Column, text: str) -> tuple[Any, str]:
    """The value of a cell, or what was expected of it."""
    if len(text) > LONGEST_CELL:
        return None, f"at most {LONGEST_CELL} characters"
    if _CONTROL.search(text):
        return None, "text without control characters"
    if not text or (not text.strip() and not column.optional):
        if not column.optional:
            return None, f"{_WORDS[column.cell]}, not an empty cell"
        return _EMPTY.get(column.cell, ""), ""
    return _PARSERS[column.cell](column, text)


def _text(column: Column, text: str) -> tuple[Any, str]:
    return text, ""


def _name(column: Column, text: str) -> tuple[Any, str]:
    return (text, "") if NAME.fullmatch(text) else (None, _WORDS[Cell.NAME])


def _states(column: Column, text: str) -> tuple[Any, str]:
    states = tuple(text.split("|"))
    if len(states) > MOST_STATES:
        return None, f"at most {MOST_STATES} states"
    if not all(map(_is_state, states)):
        return None, _WORDS[Cell.STATES]
    folded = {unicodedata.normalize("NFKC", state).casefold() for state in states}
    return (states, "") if len(states) == len(folded) > 1 else (None, _WORDS[Cell.STATES])


def _is_state(text: str) -> bool:
    invisible = any(sign != " " and unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp", "Zs") for sign in text)
    return bool(text) and text == text.strip() and not invisible and not set(text) & set(";=")


def _choice(column: Column, text: str) -> tuple[Any, str]:
    if text in column.choices:
        return text, ""
    return None, one_of(f"one of {', '.join(column.choices)}", text, column.choices)


def _number(column: Column, text: str) -> tuple[Any, str]:
    if not NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        point = " with a decimal point" if "," in text else ""
        return None, _WORDS[column.cell] + point
    value = float(text)
    if value < 0 or (column.cell is Cell.PROBABILITY and value > 1):
        return None, _WORDS[column.cell]
    if 0 < value < SMALLEST_PROBABILITY and column.name in ("probability", "link_probability"):
        return None, f"{_WORDS[column.cell]}, 0 or at least {SMALLEST_PROBABILITY:g}"
    return value + 0.0, ""


def _correlation(column: Column, text: str) -> tuple[Any, str]:
    value = float(text) if NUMBER.fullmatch(text) else math.inf
    return (value + 0.0, "") if -1 < value < 1 else (None, _WORDS[Cell.CORRELATION])


def _integer(column: Column, text: str) -> tuple[Any, str]:
    sound = text.isascii() and text.isdigit() and len(text) < 16
    return (int(text), "") if sound else (None, _WORDS[Cell.INTEGER])


def _names(column: Column, text: str) -> tuple[Any, str]:
    names = tuple(text.split(";"))
    sound = len(set(names)) == len(names) and all(NAME.fullmatch(name) for name in names)
    return (names, "") if sound else (None, _WORDS[Cell.NAMES])


def _conditions(column: Column, text: str) -> tuple[Any, str]:
    try:
        return parse_conditions(text), ""
    except ValueError as error:
        return None, f"{_WORDS[Cell.CONDITIONS]}; {error}"


def _state_words(column: Column, text: str) -> tuple[Any, str]:
    try:
        read = parse_conditions(text)
    except ValueError as error:
        return None, f"{_WORDS[Cell.STATE_WORDS]}; {error}"
    found = tuple((state.strip(), tuple(word.strip() for word in words)) for state, words in read)
    return (found, "") if all(state and all(words) for state, words in found) else (None, _WORDS[Cell.STATE_WORDS])


def _texts(column: Column, text: str) -> tuple[Any, str]:
    texts = tuple(part.strip() for part in text.split("|"))
    return (texts, "") if all(texts) else (None, _WORDS[Cell.TEXTS])


def _numbers(column: Column, text: str) -> tuple[Any, str]:
    parts = [part.strip() for part in text.split("|")]
    signs = [part.startswith("<") for part in parts]
    bare = [part.removeprefix("<").strip() for part in parts]
    if not all(NUMBER.fullmatch(part) and math.isfinite(float(part)) for part in bare):
        return None, _WORDS[Cell.NUMBERS]
    if column.name == "cuts":
        return tuple(Cut(float(part) + 0.0, sign) for part, sign in zip(bare, signs, strict=True)), ""
    return (None, _WORDS[Cell.NUMBERS]) if any(signs) else (tuple(float(part) + 0.0 for part in bare), "")


def _event(column: Column, text: str) -> tuple[Any, str]:
    name, equals, state = text.partition("=")
    sound = NAME.fullmatch(name) and bool(equals) == bool(state) and "|" not in state and ";" not in state
    return (text, "") if sound else (None, _WORDS[Cell.EVENT])


def _by_population(column: Column, text: str) -> tuple[Any, str]:
    parts = [part.partition("=") for part in text.split(";")]
    names = [name for name, _, _ in parts]
    values = [value for _, _, value in parts]
    sound = all(map(NAME.fullmatch, names)) and len(set(names)) == len(names) and all(map(NUMBER.fullmatch, values))
    if not sound or not all(0 <= float(value) <= 1 for value in values):
        return None, _WORDS[Cell.BY_POPULATION]
    return tuple((name, float(value) + 0.0) for name, value in zip(names, values, strict=True)), ""


_WORDS = {
    Cell.TEXT: "text",
    Cell.NAME: "a name of letters, digits and underscores that starts with a letter",
    Cell.STATES: "two or more states separated by |, different in more than case, without = and ;",
    Cell.CHOICE: "one of a fixed list",
    Cell.PROBABILITY: "a probability between 0 and 1",
    Cell.NUMBER: "a number of at least 0",
    Cell.INTEGER: "a whole number of at least 0",
    Cell.NAMES: "different names separated by ;",
    Cell.CONDITIONS: "conditions as variable=state;variable=state|state",
    Cell.STATE_WORDS: "words of states as state=word|word;state=word",
    Cell.TEXTS: "texts separated by |, none of them empty",
    Cell.NUMBERS: "numbers separated by |",
    Cell.EVENT: "a cause, or a state of a variable as variable=state",
    Cell.CORRELATION: "a number between -1 and 1, both excluded",
    Cell.BY_POPULATION: "probabilities of different populations as population=0.1;population=0.2",
}
_EMPTY: dict[Cell, Any] = {
    **dict.fromkeys((Cell.INTEGER, Cell.NUMBER, Cell.PROBABILITY)),
    **dict.fromkeys((Cell.NAMES, Cell.CONDITIONS, Cell.STATE_WORDS, Cell.TEXTS, Cell.NUMBERS, Cell.BY_POPULATION), ()),
}
_PARSERS: dict[Cell, Callable[[Column, str], tuple[Any, str]]] = {
    Cell.TEXT: _text,
    Cell.NAME: _name,
    Cell.STATES: _states,
    Cell.CHOICE: _choice,
    Cell.PROBABILITY: _number,
    Cell.NUMBER: _number,
    Cell.INTEGER: _integer,
    Cell.NAMES: _names,
    Cell.CONDITIONS: _conditions,
    Cell.STATE_WORDS: _state_words,
    Cell.TEXTS: _texts,
    Cell.NUMBERS: _numbers,
    Cell.EVENT: _event,
    Cell.CORRELATION: _correlation,
    Cell.BY_POPULATION: _by_population,
}

_TEXT_KEYS = ("name", "version", "title", "licence", "intended_use", "not_for", "entry_criterion", "default_population")


def _read_toml(draft: Draft, stored: StoredFolder, name: str, *, required: bool) -> dict[str, Any] | None:
    text = _read_text(draft, stored, name, required=required)
    if text is None:
        return None
    if any(line.count(".") > MOST_DOTS for line in text.split("\n")):
        draft.unreadable.add(name)
        draft.report(name, None, None, f"a line with more than {MOST_DOTS} full stops", "a file in TOML 1.0")
        return None
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        draft.unreadable.add(name)
        draft.report(name, None, None, str(error) or "nested too deeply", "a file in TOML 1.0")
        return None


def _read_info(draft: Draft, stored: StoredFolder) -> None:
    document = _read_toml(draft, stored, "model.toml", required=True)
    if document is None:
        return
    before = len(draft.problems)
    number = document.get("format")
    if isinstance(number, int) and not isinstance(number, bool) and number in FORMATS:
        draft.format = number
    else:
        expected = f"{' or '.join(map(str, FORMATS))}, the formats that this version reads"
        draft.report("model.toml", None, "format", _toml(number), expected)
    known = ("format", *_TEXT_KEYS, "temperature", "evidence_bias", "populations", "parent")
    for key in document:
        if key not in known:
            draft.report("model.toml", None, key, key, one_of("a key of the model format", key, known))
    values = {key: _toml_text(draft, document, key, key) for key in _TEXT_KEYS}
    if values["name"] and not NAME.fullmatch(values["name"]):
        draft.report("model.toml", None, "name", values["name"], _WORDS[Cell.NAME])
    if values["version"] and not VERSION.fullmatch(values["version"]):
        draft.report("model.toml", None, "version", values["version"], "a semantic version such as 1.0.0")
    elif values["version"] and VERSION.fullmatch(draft.folder.name) and values["version"] != draft.folder.name:
        draft.report("model.toml", None, "version", values["version"], f"{draft.folder.name}, as the folder is called")
    populations = _read_populations(draft, document)
    names = list(document["populations"]) if populations else []
    found = values["default_population"]
    if found and names and found not in names:
        draft.report("model.toml", None, "default_population", found, one_of("one of its populations", found, names))
    lineage = _read_lineage(draft, document["parent"]) if "parent" in document else {}
    temperature = document.get("temperature", 1.0)
    if not _is_number(temperature) or not TEMPERATURES[0] <= temperature <= TEMPERATURES[1]:
        expected = f"a number from {TEMPERATURES[0]:g} to {TEMPERATURES[1]:g}"
        draft.report("model.toml", None, "temperature", _toml(temperature), expected)
    bias = document.get("evidence_bias", {})
    if not isinstance(bias, dict):
        draft.report("model.toml", None, "evidence_bias", _toml(bias), "a table of states with finite numbers")
        bias = {}
    for state, number in bias.items():
        if not _is_number(number) or abs(number) > MOST_BIAS:
            expected = f"a number from {-MOST_BIAS:g} to {MOST_BIAS:g}"
            draft.report("model.toml", None, f"evidence_bias.{state}", _toml(number), expected)
    if len(draft.problems) == before:
        draft.info = ModelInfo(
            **values,
            populations=tuple(populations),
            **lineage,
            format=draft.format,
            temperature=float(temperature),
            evidence_bias=tuple((state, float(number)) for state, number in bias.items()),
        )
    else:
        draft.unreadable.add("model.toml")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _read_lineage(draft: Draft, parent: object) -> dict[str, str]:
    if not isinstance(parent, dict) or set(parent) != {"version", "hash"}:
        draft.report("model.toml", None, "parent", _toml(parent), "a table with version and hash")
        return {}
    version, digest = parent["version"], parent["hash"]
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        draft.report("model.toml", None, "parent.version", _toml(version), "a semantic version such as 1.0.0")
    elif not isinstance(digest, str) or not HASH.fullmatch(digest):
        draft.report("model.toml", None, "parent.hash", _toml(digest), "a content hash, sha256: and 64 digits")
    else:
        return {"parent_version": version, "parent_hash": digest}
    return {}


def _toml(value: object) -> str:
    """A value of a TOML file in few words, however deeply it is nested."""
    if value is None:
        return "no value"
    if isinstance(value, int) and abs(value) >= 10**18:
        return "a huge number"
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return str(value)


def _toml_text(draft: Draft, table: dict[str, Any], key: str, shown: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        draft.report("model.toml", None, shown, _toml(value), "a text")
    elif _CONTROL.search(value):
        draft.report("model.toml", None, shown, value, "text without control characters")
    else:
        return value
    return ""


def _read_populations(draft: Draft, document: dict[str, Any]) -> list[Population]:
    table = document.get("populations")
    if not isinstance(table, dict) or not table:
        found = "no population" if table == {} else _toml(table)
        draft.report("model.toml", None, "populations", found, "one table per population, as [populations.name]")
        return []
    populations = []
    for name, entry in table.items():
        column = f"populations.{name}"
        if not NAME.fullmatch(name):
            draft.report("model.toml", None, column, name, _WORDS[Cell.NAME])
        elif not isinstance(entry, dict) or not set(entry) <= {"title", "description"}:
            found = ", ".join(entry) if isinstance(entry, dict) else _toml(entry)
            draft.report("model.toml", None, column, found, "a table with title and description")
        else:
            title = _toml_text(draft, entry, "title", f"{column}.title")
            given = entry.get("description", "") != ""
            description = _toml_text(draft, entry, "description", f"{column}.description") if given else ""
            populations.append(Population(name, title, description))
    return populations


def _read_release(draft: Draft, stored: StoredFolder) -> None:
    document = _read_toml(draft, stored, "release.toml", required=False)
    if document is None:
        return
    digest, day = document.get("hash"), document.get("date")
    for key in document:
        if key not in ("hash", "date"):
            draft.report("release.toml", None, key, key, one_of("hash and date", key, ("hash", "date")))
    if not isinstance(digest, str) or not HASH.fullmatch(digest):
        draft.report("release.toml", None, "hash", _toml(digest), "the content hash, sha256: and 64 digits")
    elif not isinstance(day, str) or not _is_date(day):
        draft.report("release.toml", None, "date", _toml(day), "a date in quotes such as '2026-01-31'")
    else:
        draft.release = Release(digest, day)


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
