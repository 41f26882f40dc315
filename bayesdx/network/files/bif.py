"""The Bayesian Interchange Format (BIF 0.15), read and written: the file type of the public network repositories.

A reader of our own, since pgmpy builds its grammar for a second at each call and pyAgrum reads numbers in single
precision. What a file says is read as it is written; what it says twice, not at all, or wrongly is refused.
"""

from __future__ import annotations

import gzip
import itertools
import math
import os
import re
import tempfile
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bayesdx.errors import NetworkError, SaveError, did_you_mean
from bayesdx.knowledge.model import Model
from bayesdx.network.compile import compile_network
from bayesdx.network.files.common import (
    LARGEST_FILE,
    LARGEST_GAP,
    LARGEST_SILENT_GAP,
    Described,
    Spelling,
    property_texts,
)
from bayesdx.network.gates import henrion_from_link, link_from_henrion
from bayesdx.network.network import LARGEST_EXPANDED_TABLE, ROW_TOLERANCE, Details, Network, Node, NoisyMax, Table

Array = NDArray[np.float64]

LARGEST_BIF = LARGEST_FILE
"""Bytes above which a BIF file, unpacked, is not read."""

MOST_FAULTS_SHOWN = 20

MARK = "escaped_by_bayesdx"
"""The property of the network that says that names are to be unescaped."""

UNNAMED = "unknown"
"""What a network without a name is called, as the public repositories have it."""

_TOKEN = re.compile(r'"[^"\n]*"|[{}()\[\]|,;"]|(?:(?!//|/\*)[^\s{}()\[\]|,;"])+|/\*|\S')
_COMMENT = re.compile(r'"[^"\n]*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z0-9_]+")
_ESCAPED = re.compile("_x(10[0-9a-f]{4}|[0-9a-f]{0,5})_")
_TEXTS = Spelling('[^ -~]|["{};]')
"""How the text of a property is written, in quotes."""

_KEYS = Spelling("[^A-Za-z0-9_]")
"""How the name of a property is written."""

_PUNCTUATION = frozenset('{}()[]|,;"')


def read_bif(path: str | os.PathLike[str], *, largest: int = LARGEST_BIF) -> Network:
    """Read a BIF file, plain or gzip, as UTF-8 or else as Latin-1.

    Names may be quoted; commas may be left out; blocks and rows may stand in any order; ``default`` fills the rows that
    are not listed. ``property function max`` makes a noisy-MAX gate: its rows name at most one parent that is not in
    its first state, and are conditional probabilities like any other row, leak included.

    Parameters
    ----------
    path : path of the file
    largest : int
        Bytes above which a file, unpacked, is not read.

    Returns
    -------
    Network
        Rows that are rounded are renormalised; names that ``write_bif`` escaped come back as they were.

    Raises
    ------
    NetworkError
        The file cannot be read, or is no well-formed network: with variable and line, all faults at once.

    Warns
    -----
    UserWarning
        A row misses a sum of 1 by more than ``LARGEST_SILENT_GAP``, or the file is not UTF-8.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from bayesdx.network import Network, Node, Table
    >>> coin = Network([Node("coin", ("heads", "on its edge"), (), Table([0.5, 0.5]))])
    >>> file = write_bif(coin, pathlib.Path(tempfile.mkdtemp()) / "coin.bif")
    >>> read_bif(file).nodes[0].states
    ('heads', 'on its edge')
    """
    source = Path(path)
    try:
        with source.open("rb") as file:
            raw = file.read(largest + 1)
            if raw[:2] == b"\x1f\x8b":
                file.seek(0)
                with gzip.GzipFile(fileobj=file) as packed:
                    raw = packed.read(largest + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise NetworkError(f"{source}: {reason}.") from error
    if len(raw) > largest:
        raise NetworkError(f"{source}: more than {largest} bytes when unpacked.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
        warnings.warn(f"{source}: not UTF-8; names are read as Latin-1.", stacklevel=2)
    network, gap = parse_bif(text, str(source))
    if gap:
        warnings.warn(gap, stacklevel=2)
    return network


def write_bif(source: Model | Network, path: str | os.PathLike[str]) -> Path:
    """Write a network as BIF, read it back, and keep the file only if both are equal.

    Parameters
    ----------
    source : Model or Network
        Names that BIF cannot hold are escaped (see ``escape_name``), which a property of the network then says; noisy
        gates are expanded.
    path : path of the file to write; it is replaced as a whole or not at all

    Returns
    -------
    pathlib.Path

    Raises
    ------
    SaveError
        The file cannot be written; what was there before is still there.
    NetworkError
        The file reads back as another network.
    TooLargeError
        A gate is too large to expand.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from bayesdx.network import Network, Node, Table
    >>> coin = Network([Node("coin", ("heads", "on its edge"), (), Table([0.5, 0.5]))])
    >>> read_bif(write_bif(coin, pathlib.Path(tempfile.mkdtemp()) / "coin.bif")) == coin
    True
    """
    network = source if isinstance(source, Network) else compile_network(source)
    target = Path(path)
    text = bif_text(network)
    check_equal(network, parse_bif(text, str(target))[0])
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=".saving", dir=target.parent) as scratch:
            written = Path(scratch) / target.name
            written.write_text(text, encoding="ascii", newline="\n")
            written.replace(target)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SaveError(f"{target}: {reason}; nothing was written.") from error
    return target


# -- writing ----------------------------------------------------------------------------------------------------------


def escape_name(name: str) -> str:
    """A name that BIF can hold: letters, digits and underscores, everything else as ``_x<hexadecimal>_``.

    Examples
    --------
    >>> escape_name("MRC 3-4"), escape_name("60_and_over"), escape_name("")
    ('MRC_x20_3_x2d_4', '60_and_over', '_x_')
    """
    if _PLAIN.fullmatch(name) and not _ESCAPED.search(name):
        return name
    guarded = re.sub("_(?=x)", "_x5f_", name)
    return re.sub("[^A-Za-z0-9_]", lambda match: f"_x{ord(match.group()):x}_", guarded) or "_x_"


def unescape_name(name: str) -> str:
    """The name that ``escape_name`` wrote.

    Examples
    --------
    >>> unescape_name(escape_name("a_x20_b, c")) == "a_x20_b, c"
    True
    """
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)) if match.group(1) else "", name)


def _escape_capitals(name: str) -> str:
    """As ``escape_name``, capitals too: pgmpy's reader takes names that differ in case alone for one."""
    guarded = re.sub("_(?=x)", "_x5f_", name)
    return re.sub("[^a-z0-9_]", lambda match: f"_x{ord(match.group()):x}_", guarded) or "_x_"


def bif_text(network: Network) -> str:
    """A network as the text of a BIF file; numbers to the last bit.

    Raises
    ------
    TooLargeError
        A gate is too large to expand.

    Examples
    --------
    >>> print(bif_text(Network([Node("coin", ("heads", "tails"), (), Table([0.5, 0.5]))])))
    network unknown {
    }
    variable coin {
        type discrete [ 2 ] { heads, tails };
    }
    probability ( coin ) {
        table 0.5, 0.5;
    }
    <BLANKLINE>
    """
    of_variable = escape_name if len({name.lower() for name in network.names}) == len(network) else _escape_capitals
    names = {name: of_variable(name) for name in network.names}
    states = {node.name: [escape_name(state) for state in node.states] for node in network.nodes}
    escaped = any(names[node.name] != node.name or states[node.name] != list(node.states) for node in network.nodes)
    details, called = network.details, UNNAMED
    if _PLAIN.fullmatch(details.label):
        details, called = replace(details, label=""), details.label
    lines = [f"network {called} {{", *([f"    property {MARK} yes;"] if escaped else [])]
    lines += [*_properties(details), "}"]
    for node in network.nodes:
        held = ", ".join(states[node.name])
        lines += [f"variable {names[node.name]} {{", f"    type discrete [ {len(node.states)} ] {{ {held} }};"]
        lines += [*_properties(node.details), "}"]
    for node in network.nodes:
        table = node.cpd.table()
        rows = table.reshape(-1, table.shape[-1]).tolist()
        given = f" | {', '.join(names[parent] for parent in node.parents)}" if node.parents else ""
        lines.append(f"probability ( {names[node.name]}{given} ) {{")
        for key, row in zip(itertools.product(*(states[parent] for parent in node.parents)), rows, strict=True):
            start = f"({', '.join(key)})" if node.parents else "table"
            lines.append(f"    {start} {', '.join(map(repr, row))};")
        lines.append("}")
    return "\n".join([*lines, ""])


def check_equal(written: Network, read: Network) -> None:
    """Raise a NetworkError where a network that was read back is another one; the order of nodes may differ."""
    if set(read.names) != set(written.names):
        raise NetworkError(f"BIF: variables {sorted(set(read.names) ^ set(written.names))} did not survive writing.")
    for node in written.nodes:
        other = read[node.name]
        if other.states != node.states or other.parents != node.parents:
            raise NetworkError(f"BIF: states or parents of {node.name} did not survive writing.")
        if not np.array_equal(other.cpd.table(), node.cpd.table()):
            raise NetworkError(f"BIF: the numbers of {node.name} did not survive writing.")


# -- reading ----------------------------------------------------------------------------------------------------------


@dataclass
class _Variable:
    """A block ``variable``: where it begins (a word), its states, how many it says there are, its properties."""

    at: int
    states: tuple[str, ...] = ()
    count: str = ""
    details: Details = field(default_factory=Details)


@dataclass
class _Block:
    """A block ``probability``.

    Parameters
    ----------
    at : int
        The word where it begins.
    parents : tuple of str
    rows : list of (word, states of the parents, numbers)
    table, default : (word, numbers) or None
    function : str
        What ``property function`` says.
    """

    at: int
    parents: tuple[str, ...]
    rows: list[tuple[int, list[str], list[str]]] = field(default_factory=list)
    table: tuple[int, list[str]] | None = None
    default: tuple[int, list[str]] | None = None
    function: str = ""


class _Malformed(Exception):
    """The place of a word, the variable, and what is wrong there."""


def parse_bif(text: str, name: str) -> tuple[Network, str]:
    """The network of a text, and a warning about rows that were renormalised, empty where there is none.

    Raises
    ------
    NetworkError
        The text is no well-formed network; ``name`` is what the text is called.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "//" in text or "/*" in text:
        text = _COMMENT.sub(lambda match: match[0] if match[0][0] == '"' else re.sub(r"[^\n]", " ", match[0]), text)
    reader = _Reader(_TOKEN.findall(text))
    try:
        reader.read()
        nodes = reader.nodes()
    except _Malformed as error:
        reader.faults.append(error.args)
        nodes = []
    if reader.faults:
        starts = [match.start() for match in _TOKEN.finditer(text)] or [0]
        said = []
        for at, variable, what in reader.faults[:MOST_FAULTS_SHOWN]:
            line = text.count("\n", 0, starts[min(at, len(starts) - 1)]) + 1
            said.append(f"{name}, line {line}{f', variable {variable}' if variable else ''}: {what}")
        more = len(reader.faults) - len(said)
        raise NetworkError("\n".join([*said, *([f"... and {more} more."] if more else [])]))
    if not nodes:
        raise NetworkError(f"{name} is no BIF file: it has no variable.")
    try:
        network = Network(tuple(nodes), details=reader.details)
        return network, f"{name}: {reader.gap}" if reader.gap else ""
    except NetworkError as error:
        raise NetworkError(f"{name}: {error}") from None


class _Reader:
    """Reads the tokens of a file, block by block; then puts the blocks together."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._variables: dict[str, _Variable] = {}
        self._blocks: dict[str, _Block] = {}
        self._escaped = False
        self._largest_gap = 0.0
        self._gaps = 0
        self.faults: list[tuple[int, str, str]] = []
        self.gap = ""
        self.details = Details()

    def read(self) -> None:
        """Take the file apart."""
        at = 0
        readers = {"network": self._network, "variable": self._variable, "probability": self._probability}
        while at < len(self._tokens):
            word = self._tokens[at]
            if word not in readers:
                raise _Malformed(at, "", f"{_shown(word)}; expected network, variable or probability.")
            at = readers[word](at + 1)
        if self._escaped:
            self._unescape()

    # Each method takes the place of a word and returns the place behind what it has read.

    def _find(self, word: str, at: int, variable: str, inside: str) -> int:
        try:
            return self._tokens.index(word, at)
        except ValueError:
            raise _Malformed(len(self._tokens) - 1, variable, f"the file ends in {inside}, before {word!r}.") from None

    def _at(self, at: int, variable: str, inside: str) -> str:
        if at >= len(self._tokens):
            raise _Malformed(len(self._tokens) - 1, variable, f"the file ends in {inside}.")
        return self._tokens[at]

    def _expect(self, word: str, at: int, variable: str, inside: str) -> int:
        found = self._at(at, variable, inside)
        if found != word:
            raise _Malformed(at, variable, f"{_shown(found)} in {inside}; expected {word!r}.")
        return at + 1

    def _name(self, at: int, variable: str, inside: str) -> str:
        word = self._at(at, variable, inside)
        if word in _PUNCTUATION:
            raise _Malformed(at, variable, f"{word!r} in {inside}; expected a name.")
        return _bare(word)

    def _network(self, at: int) -> int:
        called = _bare(self._tokens[at]) if at < len(self._tokens) and self._tokens[at] != "{" else ""
        described = Described("", (), 0)
        at = self._find("{", at, "", "the block network") + 1
        while self._at(at, "", "the block network") != "}":
            if self._tokens[at] != "property":
                raise _Malformed(at, "", f"{_shown(self._tokens[at])} in the block network; expected property or '}}'.")
            end = self._find(";", at, "", "the block network")
            if self._tokens[at + 1 : end] == [MARK, "yes"]:
                self._escaped = True
            else:
                described.take(_property_text(self._tokens[at + 1 : end]))
            at = end + 1
        if not described.label and called != UNNAMED:
            described.label = called
        self.details = described.details
        return at + 1

    def _variable(self, at: int) -> int:
        inside = "a block variable"
        name = self._name(at, "", inside)
        if name in self._variables:
            self.faults.append((at, name, "the variable is declared twice."))
        found = _Variable(at)
        self._variables[name] = found
        described = Described("", (), 0)
        at = self._expect("{", at + 1, name, inside)
        while self._at(at, name, inside) != "}":
            if self._tokens[at] == "property":
                end = self._find(";", at, name, inside)
                described.take(_property_text(self._tokens[at + 1 : end]))
                at = end + 1
            elif self._tokens[at] == "type":
                at = self._type(at + 1, name, found)
            else:
                what = f"{_shown(self._tokens[at])} in {inside}; expected type, property or '}}'."
                raise _Malformed(at, name, what)
        found.details = described.details
        return at + 1

    def _type(self, at: int, name: str, found: _Variable) -> int:
        inside = "the type of a variable"
        kind = self._at(at, name, inside)
        if kind != "discrete":
            raise _Malformed(at, name, f"type {_shown(kind)}; only discrete variables can be read.")
        if found.states:
            self.faults.append((at, name, "the type is given twice."))
        at = self._expect("[", at + 1, name, inside)
        found.count = self._at(at, name, inside)
        at = self._expect("]", at + 1, name, inside)
        at = self._expect("{", at, name, inside)
        end = self._find("}", at, name, inside)
        states = [word for word in self._tokens[at:end] if word != ","]
        wrong = [word for word in states if word in _PUNCTUATION]
        if wrong:
            raise _Malformed(at + self._tokens[at:end].index(wrong[0]), name, f"{wrong[0]!r} among the states.")
        found.states = tuple(map(_bare, states))
        if found.count != str(len(states)):
            what = f"{found.count[:20]} states are declared, {len(states)} are named: {_listed(found.states)}."
            self.faults.append((at, name, what))
        twice = [state for place, state in enumerate(found.states) if state in found.states[:place]]
        if twice:
            self.faults.append((at, name, f"the state {twice[0]!r} is named twice."))
        after = end + 1
        return after + 1 if self._at(after, name, inside) == ";" else after

    def _probability(self, at: int) -> int:
        inside = "a block probability"
        start = at
        at = self._expect("(", at, "", inside)
        end = self._find(")", at, "", inside)
        heads = [word for word in self._tokens[at:end] if word not in (",", "|")]
        if not heads or any(word in _PUNCTUATION for word in heads):
            raise _Malformed(at, "", "expected the name of a variable, and of its parents after '|'.")
        name, *parents = map(_bare, heads)
        block = _Block(start, tuple(parents))
        if name in self._blocks:
            self.faults.append((start, name, "the block probability is given twice."))
        self._blocks[name] = block
        at = self._expect("{", end + 1, name, inside)
        while (word := self._at(at, name, inside)) != "}":
            stop = self._find(";", at, name, inside)
            if word == "(":
                close = self._find(")", at, name, inside)
                states = [_bare(word) for word in self._tokens[at + 1 : close] if word != ","]
                block.rows.append((at, states, self._numbers(close + 1, stop, name)))
            elif word in ("table", "default"):
                if getattr(block, word) is not None:
                    self.faults.append((at, name, f"{word} is given twice."))
                setattr(block, word, (at, self._numbers(at + 1, stop, name)))
            elif word == "property":
                self._property(at, stop, name, block)
            else:
                expected = "expected a row, table, default, property or '}'."
                raise _Malformed(at, name, f"{_shown(word)} in {inside}; {expected}")
            at = stop + 1
        return at + 1

    def _numbers(self, start: int, stop: int, name: str) -> list[str]:
        found = self._tokens[start:stop]
        for word in "({[}])|":
            if word in found:
                raise _Malformed(start + found.index(word), name, f"{word!r} among numbers; expected ';' before it.")
        return [word for word in found if word != ","] if "," in found else found

    def _property(self, at: int, stop: int, name: str, block: _Block) -> None:
        words = [word for word in self._tokens[at + 1 : stop] if word != "="]
        if words and _bare(words[0]) == "function":
            block.function = " ".join(map(_bare, words[1:]))
            if block.function != "max":
                self.faults.append((at, name, f"property function {block.function}; only max can be read."))

    def _unescape(self) -> None:
        self._variables = {
            unescape_name(name): replace(found, states=tuple(map(unescape_name, found.states)))
            for name, found in self._variables.items()
        }
        blocks = {}
        for name, block in self._blocks.items():
            block.parents = tuple(map(unescape_name, block.parents))
            block.rows = [(at, list(map(unescape_name, states)), numbers) for at, states, numbers in block.rows]
            blocks[unescape_name(name)] = block
        if len(blocks) < len(self._blocks):
            self.faults.append((0, "", "two names are one once they are unescaped."))
        self._blocks = blocks

    # -- blocks put together

    def nodes(self) -> list[Node]:
        """The nodes, in the order of the variables; none where a fault was found."""
        for name, block in self._blocks.items():
            for named in (name, *block.parents):
                if named not in self._variables:
                    hint = did_you_mean(named, self._variables)
                    self.faults.append((block.at, name, f"{named!r} is not declared as a variable.{hint}"))
        for name, variable in self._variables.items():
            if not variable.states:
                self.faults.append((variable.at, name, "the variable has no states."))
            if name not in self._blocks:
                self.faults.append((variable.at, name, "there is no block probability of it."))
        if self.faults:
            return []
        found = []
        for name, variable in self._variables.items():
            block = self._blocks[name]
            cpd = self._gate(name, block) if block.function and block.parents else self._table(name, block)
            if cpd is not None:
                found.append(Node(name, variable.states, block.parents, cpd, variable.details))
        if self._gaps:
            rows = "one row misses" if self._gaps == 1 else f"{self._gaps} rows miss"
            self.gap = f"{rows} a sum of 1 by up to {self._largest_gap:.2g}; renormalised."
        return [] if self.faults else found

    def _floats(self, name: str, at: int, numbers: Sequence[str]) -> list[float]:
        """Numbers of a row; a fault, and an empty list, where one is no probability."""
        try:
            values = list(map(float, numbers))
        except ValueError:
            values = [math.nan]
        joined = "".join(numbers)
        if "_" in joined or not joined.isascii() or not all(0 <= value <= 1 + LARGEST_GAP for value in values):
            wrong = next((word for word in numbers if not _is_probability(word)), joined)
            self.faults.append((at, name, f"{_shown(wrong)}; expected a probability between 0 and 1."))
            return []
        return values

    def _cells(self, name: str, block: _Block) -> tuple[list[int], int] | None:
        """Numbers of states of the parents and of the variable; a fault where the table would be too large."""
        cards = [len(self._variables[parent].states) for parent in block.parents]
        card = len(self._variables[name].states)
        if math.prod(cards) * card > LARGEST_EXPANDED_TABLE:
            what = f"{len(cards)} parents make a table of more than {LARGEST_EXPANDED_TABLE} numbers."
            self.faults.append((block.at, name, what))
            return None
        return cards, card

    def _table(self, name: str, block: _Block) -> Table | None:
        sizes = self._cells(name, block)
        if sizes is None:
            return None
        cards, card = sizes
        before = len(self.faults)
        if block.table is not None:
            at, numbers = block.table
            if block.rows or block.default:
                self.faults.append((at, name, "both a table and rows are given."))
            if len(numbers) != card * math.prod(cards):
                what = f"the table has {len(numbers)} numbers; expected {card * math.prod(cards)}."
                self.faults.append((at, name, what))
            values = self._floats(name, at, numbers)
            if len(self.faults) > before:
                return None
            table = np.moveaxis(np.array(values).reshape(card, *cards), 0, -1)
            return self._finished(name, table, [at] * math.prod(cards))
        if not cards:
            if not block.rows and block.default:
                block.table, block.default = block.default, None
                return self._table(name, block)
            self.faults.append((block.at, name, "there is no table."))
            return None
        rows = self._rows(name, block, cards, card)
        if block.default:
            at, numbers = block.default
            values = self._row(name, at, numbers, card)
            for key in range(math.prod(cards)):
                rows.setdefault(key, (at, values))
        if len(self.faults) > before:
            return None
        if len(rows) < math.prod(cards):
            missing = next(key for key in range(math.prod(cards)) if key not in rows)
            states = np.unravel_index(missing, cards)
            given = [
                f"{parent} = {self._variables[parent].states[int(state)]}"
                for parent, state in zip(block.parents, states, strict=True)
            ]
            what = f"{math.prod(cards) - len(rows)} rows are missing, the first for {', '.join(given)}."
            self.faults.append((block.at, name, what))
            return None
        ordered = [rows[key] for key in range(math.prod(cards))]
        table = np.array([values for _, values in ordered]).reshape(*cards, card)
        return self._finished(name, table, [at for at, _ in ordered])

    def _rows(self, name: str, block: _Block, cards: list[int], card: int) -> dict[int, tuple[int, list[float]]]:
        """Place among all configurations of the parents -> (word, numbers)."""
        codes = [{state: code for code, state in enumerate(self._variables[p].states)} for p in block.parents]
        found: dict[int, tuple[int, list[float]]] = {}
        for at, states, numbers in block.rows:
            if len(states) != len(codes):
                what = f"({', '.join(states)[:80]}) names {len(states)} states; there are {len(codes)} parents."
                self.faults.append((at, name, what))
                continue
            key = 0
            for parent, of_state, size, state in zip(block.parents, codes, cards, states, strict=True):
                code = of_state.get(state, -1)
                if code < 0:
                    hint = did_you_mean(state, of_state)
                    what = f"{state!r} is not a state of {parent}; its states are {_listed(tuple(of_state))}.{hint}"
                    self.faults.append((at, name, what))
                    break
                key = key * size + code
            else:
                if key in found:
                    self.faults.append((at, name, f"the row ({', '.join(states)}) is given twice."))
                found[key] = at, self._row(name, at, numbers, card)
        return found

    def _row(self, name: str, at: int, numbers: list[str], card: int) -> list[float]:
        if len(numbers) != card:
            self.faults.append((at, name, f"the row has {len(numbers)} numbers; there are {card} states."))
            return []
        return self._floats(name, at, numbers)

    def _finished(self, name: str, table: Array, at: Sequence[int]) -> Table | None:
        """The table with its rows renormalised; a fault where one is far from a sum of 1."""
        total = table.sum(axis=-1)
        gap = np.abs(total - 1).reshape(-1)
        if gap.max() > LARGEST_GAP:
            row = int(gap.argmax())
            self.faults.append((at[row], name, f"the row sums to {total.reshape(-1)[row]:.6g}; expected 1."))
            return None
        wide = int((gap > LARGEST_SILENT_GAP).sum())
        if wide:
            self._gaps += wide
            self._largest_gap = max(self._largest_gap, float(gap.max()))
        return Table(table / total[..., None] if gap.max() > ROW_TOLERANCE else table)

    def _gate(self, name: str, block: _Block) -> NoisyMax | None:
        """A noisy-MAX from the row of its leak and one row per parent and state."""
        cards = [len(self._variables[parent].states) for parent in block.parents]
        card, before = len(self._variables[name].states), len(self.faults)
        if block.table is not None:
            self.faults.append((block.table[0], name, "a noisy-MAX needs rows, not a table."))
            return None
        parts: dict[tuple[int, int], Array] = {}
        places: dict[tuple[int, int], int] = {}
        for key, (at, values) in self._rows(name, block, cards, card).items():
            acting = [(parent, int(code)) for parent, code in enumerate(np.unravel_index(key, cards)) if code]
            if len(acting) > 1:
                what = "a row of a noisy-MAX names at most one parent that is not in its first state."
                self.faults.append((at, name, what))
            elif values and (row := self._finished(name, np.array([values]), [at])):
                part = acting[0] if acting else (-1, 0)
                parts[part], places[part] = row.values[0], at
        wanted = [(-1, 0), *((parent, code) for parent, size in enumerate(cards) for code in range(1, size))]
        if block.default and (values := self._row(name, block.default[0], block.default[1], card)):
            row = self._finished(name, np.array([values]), [block.default[0]])
            for part in wanted:
                if part not in parts and row:
                    parts[part], places[part] = row.values[0], block.default[0]
        if len(self.faults) > before:
            return None
        missing = [part for part in wanted if part not in parts]
        if missing:
            what = "the row of its leak, all parents in their first state"
            if missing[0][0] >= 0:
                parent = block.parents[missing[0][0]]
                what = f"the row of {parent} = {self._variables[parent].states[missing[0][1]]}"
            self.faults.append((block.at, name, f"a row of the noisy-MAX is missing: {what}."))
            return None
        leak = parts[-1, 0]
        links = []
        for place, size in enumerate(cards):
            rows = [np.eye(card)[0], *(link_from_henrion(parts[place, code], leak) for code in range(1, size))]
            for code in range(1, size):
                if np.abs(henrion_from_link(rows[code], leak) - parts[place, code]).max() > ROW_TOLERANCE:
                    what = "the row makes a state rarer than the leak does, which no noisy-MAX can say."
                    self.faults.append((places[place, code], name, what))
            links.append(np.array(rows))
        return None if len(self.faults) > before else NoisyMax(leak, tuple(links))


def _property_text(words: Sequence[str]) -> str:
    """A property as one text: its words with blanks between them, what stands in quotes as it is."""
    key, *others = map(_bare, words) if words else ("",)
    return " ".join([_KEYS.read(key), *map(_TEXTS.read, others)])


def _properties(details: Details) -> list[str]:
    """Properties with their text in quotes, so that it comes back to the blank."""
    lines = []
    for property_text in property_texts(details):
        key, equals, text = property_text.partition(" = ")
        held = text if key == "position" else f'"{_TEXTS.write(text)}"'
        lines.append(f"    property {_KEYS.write(key)}{f' = {held}' if equals else ''};")
    return lines


def _bare(word: str) -> str:
    return word[1:-1] if word[0] == '"' and len(word) > 1 else word


def _shown(word: str) -> str:
    return repr(word if len(word) <= 40 else f"{word[:40]}...")


def _listed(states: tuple[str, ...]) -> str:
    return ", ".join(states[:12]) + (", ..." if len(states) > 12 else "")


def _is_probability(word: str) -> bool:
    try:
        return "_" not in word and word.isascii() and 0 <= float(word) <= 1 + LARGEST_GAP
    except ValueError:
        return False
