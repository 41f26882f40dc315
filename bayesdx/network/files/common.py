"""What the formats share: limits, messages with file and line, tables in the order of a file, spelling of names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from bayesdx.errors import NetworkError, nearest, rounded
from bayesdx.network.network import LARGEST_EXPANDED_TABLE, ROW_TOLERANCE, Details, Network, Node

Array = NDArray[np.float64]

LARGEST_FILE = 256 * 2**20
"""Bytes above which a file of a network, unpacked, is not read."""

LARGEST_GAP = 0.02
"""How far a row of a file may be from a sum of 1 (published networks are rounded); it is renormalised."""

LARGEST_SILENT_GAP = 1e-3
"""The largest gap that is renormalised without a warning."""

OWN = "bayesdx:"
"""Prefix of the properties that say where a network was read from; they are not written into files."""

_LONGEST_SHOWN = 60
_PIECE = 2**20
_BLANK = re.compile(r"\s")
_POSITION = re.compile(r"\(?\s*([-+.\deE]+)(?:\s*,\s*|\s+)([-+.\deE]+)\s*\)?", re.ASCII)
_KEYS = ("label", "comment")
_ESCAPED = re.compile("_x(10[0-9a-f]{4}|[0-9a-f]{0,5})_")


@dataclass(frozen=True)
class OpenFile:
    """A file that is being read, by the name that messages give it; and how far rows were from a sum of 1."""

    name: str
    gaps: list[float] = field(default_factory=list)

    def fail(self, message: str, line: int | None = None) -> NoReturn:
        """Raise a NetworkError with the file, and the line where it is known."""
        raise NetworkError(f"{self.name}{f', line {line}' if line else ''}: {message}")


@dataclass
class Described:
    """A variable as far as a file has described it."""

    name: str
    states: tuple[str, ...]
    line: int
    label: str = ""
    comment: str = ""
    position: tuple[float, ...] = ()
    state_labels: tuple[str, ...] = ()
    properties: list[tuple[str, str]] = field(default_factory=list)

    @property
    def details(self) -> Details:
        """Everything but name and states."""
        return Details(self.label, self.comment, self.position, self.state_labels, tuple(self.properties))

    def take(self, text: str) -> None:
        """A property as BIF and XMLBIF have it: ``key = value``, or any text."""
        key, equals, value = (part.strip() for part in text.partition("="))
        place = _POSITION.fullmatch(value) if key == "position" else None
        if place:
            with suppress(ValueError):  # no numbers after all: kept as a text below
                self.position = (float(place[1]), float(place[2]))
                return
        if equals and key in _KEYS and not getattr(self, key):
            setattr(self, key, value)
        elif text:
            self.properties.append((key, value) if equals else (text, ""))


def property_texts(details: Details) -> list[str]:
    """What ``Variable.take`` takes, from details."""
    texts = [f"{key} = {getattr(details, key)}" for key in _KEYS if getattr(details, key)]
    if details.position:
        x, y = middle(details.position)
        texts.append(f"position = ({x:.12g}, {y:.12g})")
    return texts + [f"{key} = {text}" if text else key for key, text in kept(details)]


def middle(position: tuple[float, ...]) -> tuple[float, float]:
    """Where the middle of a node is, of a point or a rectangle."""
    if len(position) == 4:
        return (position[0] + position[2]) / 2, (position[1] + position[3]) / 2
    return position[0], position[1]


def shown(text: object) -> str:
    """A name or a piece of a file, quoted and shortened."""
    quoted = repr(text)
    return quoted if len(quoted) <= _LONGEST_SHOWN else f"{quoted[:_LONGEST_SHOWN]}…"


def known_as(source: OpenFile, variables: dict[str, Described], variable: Described) -> None:
    """Add a variable; its name is new, and its states are different.

    Raises
    ------
    NetworkError
    """
    name, line = variable.name, variable.line
    if name in variables:
        source.fail(f"variable {shown(name)} stands here again; it is in line {variables[name].line} already.", line)
    if not variable.states:
        source.fail(f"variable {shown(name)} has no states.", line)
    if len(set(variable.states)) != len(variable.states):
        twice = next(state for state in variable.states if variable.states.count(state) > 1)
        source.fail(f"variable {shown(name)} has the state {shown(twice)} twice.", line)
    variables[name] = variable


def looked_up(
    source: OpenFile, name: str, parents: Sequence[str], variables: Mapping[str, Described], line: int
) -> list[Described]:
    """The parents of a variable, which are known and different.

    Raises
    ------
    NetworkError
    """
    for parent in parents:
        if parent not in variables:
            hint = nearest(parent, list(variables)[:10_000])
            source.fail(
                f"{shown(parent)}, a parent of {shown(name)}, is not a variable."
                f"{f' Did you mean {shown(hint)}?' if hint else ''}",
                line,
            )
    if len(set(parents)) != len(parents):
        twice = next(parent for parent in parents if list(parents).count(parent) > 1)
        source.fail(f"variable {shown(name)} names its parent {shown(twice)} twice.", line)
    return [variables[parent] for parent in parents]


def numbers(source: OpenFile, name: str, text: str, line: int) -> Array:
    """The numbers of a text, separated by blanks; finite and not negative.

    Raises
    ------
    NetworkError
    """
    try:
        values = _floats(text)
    except ValueError:
        values = np.array([np.nan])
    if values is None:
        source.fail(f"variable {shown(name)}: more than {LARGEST_EXPANDED_TABLE} numbers; a table holds no more.", line)
    sound = not values.size or (values.min() >= 0 and values.max() < np.inf)  # false for NaN too
    if not sound or "_" in text or not text.isascii():
        wrong = next((match.group() for match in re.finditer(r"\S+", text) if not _is_number(match.group())), text)
        source.fail(f"variable {shown(name)}: {shown(wrong)}; expected numbers of at least 0.", line)
    return values


def _floats(text: str) -> Array | None:
    """Numbers of a text, a piece at a time, so that a large one needs little memory; None where there are too many."""
    if len(text) <= _PIECE:
        return np.array(text.split(), dtype=np.float64)
    pieces, start, count = [], 0, 0
    while start < len(text):
        blank = _BLANK.search(text, start + _PIECE)
        end = blank.start() if blank else len(text)
        pieces.append(np.array(text[start:end].split(), dtype=np.float64))
        count += pieces[-1].size
        if count > LARGEST_EXPANDED_TABLE:
            return None
        start = end
    return np.concatenate(pieces)


def _is_number(part: str) -> bool:
    try:
        return part.isascii() and "_" not in part and 0 <= float(part) < float("inf")
    except ValueError:
        return False


def shaped(
    source: OpenFile,
    variable: Described,
    parents: Sequence[Described],
    values: Array,
    line: int,
    *,
    weights: bool = False,
) -> Array:
    """Numbers as a table of shape (*parent_cardinalities, n_states), each row with a sum of 1.

    Parameters
    ----------
    values : ndarray
        The variable's own state turns fastest, then the last parent.
    weights : bool
        Whether rows are weights of any positive sum.

    Raises
    ------
    NetworkError
        There are too many or too few, or a row is no distribution.
    """
    shape = (*(len(parent.states) for parent in parents), len(variable.states))
    if values.size != prod(shape):
        given = "".join(f", {len(parent.states)} of {shown(parent.name)}" for parent in parents[:10])
        more = ", ..." if len(parents) > 10 else ""
        source.fail(
            f"variable {shown(variable.name)}: {values.size} numbers; expected {rounded(prod(shape))} "
            f"({len(variable.states)} states{given}{more}).",
            line,
        )
    rows = values.reshape(shape)
    total = rows.sum(axis=-1, keepdims=True)
    gap = np.abs(total - 1)
    worst = float(gap.max())
    if total.min() <= 0 or not worst < np.inf if weights else worst > LARGEST_GAP:
        _fail_row(source, variable, parents, total, gap, line, weights)
    if worst > LARGEST_SILENT_GAP and not weights:
        source.gaps.extend(gap[gap > LARGEST_SILENT_GAP].tolist())
    return rows / total if worst > ROW_TOLERANCE else rows


def _fail_row(
    source: OpenFile,
    variable: Described,
    parents: Sequence[Described],
    total: Array,
    gap: Array,
    line: int,
    weights: bool,
) -> NoReturn:
    """Name the first row that is no distribution."""
    wrong = (total <= 0) | (total == np.inf) if weights else gap > LARGEST_GAP
    place = np.argwhere(wrong)[0][:-1]
    states = "".join(
        f"{', ' if axis else ' for '}{shown(parent.name)} = {shown(parent.states[place[axis]])}"
        for axis, parent in enumerate(parents[:10])
    )
    source.fail(
        f"variable {shown(variable.name)}: the row{states} sums to {float(total[tuple(place)][0]):g}; "
        f"expected {'more than 0' if weights else '1'}.",
        line,
    )


def network_of(source: OpenFile, nodes: Sequence[Node], details: Details) -> Network:
    """The network of these nodes; what is wrong with it as a whole is said with the file.

    Raises
    ------
    NetworkError
        The links form a cycle.
    """
    if not nodes:
        source.fail("it has no variable.")
    try:
        return Network(tuple(nodes), details=details)
    except NetworkError as error:
        source.fail(str(error).removeprefix("network: "))


def refuse(source: OpenFile, unfit: Sequence[tuple[str, str, int]]) -> None:
    """Raise for nodes that no discrete Bayesian network has; each is a name, what it is, and its line.

    Raises
    ------
    NetworkError
    """
    if unfit:
        named = "; ".join(f"{shown(name)} ({what}, line {line})" for name, what, line in unfit[:20])
        more = f"; and {len(unfit) - 20} more" if len(unfit) > 20 else ""
        source.fail(
            f"{named}{more}: not part of a discrete Bayesian network. "
            "Nothing was read, since leaving nodes out would change what the network says."
        )


@dataclass(frozen=True)
class Spelling:
    """How a format writes names that it cannot hold: every such sign as ``_x<hexadecimal>_``.

    A name that only looks as if it were written so stays as it is: one is read back only where this spelling would
    have written it.

    Parameters
    ----------
    unsafe : str
        Pattern of a sign, with what stands around it, that the format cannot hold.
    prefix : str
        A letter that a written name begins with, where its first sign is no letter or that letter itself.

    Examples
    --------
    >>> spelling = Spelling("[^A-Za-z0-9_]")
    >>> spelling.write("MRC 3-4"), spelling.read("MRC_x20_3_x2d_4"), spelling.read("coord_x_left")
    ('MRC_x20_3_x2d_4', 'MRC 3-4', 'coord_x_left')
    """

    unsafe: str
    prefix: str = ""

    @cached_property
    def _sign(self) -> re.Pattern[str]:
        return re.compile(f"_(?=x)|{self.unsafe}", re.DOTALL)

    @cached_property
    def _unsafe(self) -> re.Pattern[str]:
        return re.compile(self.unsafe, re.DOTALL)

    def write(self, name: str) -> str:
        """The name as the format holds it."""
        if name and not self._unsafe.search(name) and self.read(name) == name:
            return name
        return self._escaped(name)

    def _escaped(self, name: str) -> str:
        text = self._sign.sub(lambda match: f"_x{ord(match.group()):x}_", name) or "_x_"
        return self.prefix + text if self.prefix and (text[0] in "_0123456789" or text[0] == self.prefix) else text

    def read(self, text: str) -> str:
        """The name that was written."""
        if "_x" not in text:
            return text
        bare = text.removeprefix(self.prefix) if self.prefix else text
        name = _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)) if match.group(1) else "", bare)
        return name if self._escaped(name) == text else text


def each(spelling: Callable[[str], str], names: Sequence[str]) -> tuple[str, ...]:
    """Names in another spelling."""
    return tuple(map(spelling, names))


def number_texts(values: Array) -> list[str]:
    """Numbers so that they come back to the last bit."""
    return [repr(value) for value in values.ravel().tolist()]


def kept(details: Details) -> list[tuple[str, str]]:
    """Properties that a file takes over."""
    return [(name, text) for name, text in details.properties if not name.startswith(OWN)]
