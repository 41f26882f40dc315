"""UAI ``BAYES``: numbers only; variables and states are called by their places, counted from 0."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from bayesdx.network.files.common import Described, OpenFile, looked_up, network_of, numbers, shaped
from bayesdx.network.network import LARGEST_EXPANDED_TABLE, Details, Network, Node, Table

_WORD = re.compile(r"\S+")
_COMMENT = re.compile(r"^c(?:[ \t].*)?$", re.MULTILINE)


def read(source: OpenFile, text: str) -> Network:
    """The network of a UAI file; the last variable of a scope is the child, and turns fastest.

    Raises
    ------
    NetworkError
        Also for a Markov network, whose factors are no conditional tables.

    References
    ----------
    UAI 2008 evaluation of probabilistic inference, "File format" (the child comes last); UAI 2016 has comments.
    """
    words = _Words(source, text)
    kind = words.next("the kind of network")
    if kind.upper() != "BAYES":
        source.fail(f"a {kind.upper()[:20]} network; only BAYES has conditional tables.", words.line)
    count = words.count("the number of variables")
    cards = [words.count(f"the number of states of variable {number}") for number in range(count)]
    variables: dict[str, Described] = {}
    if sum(cards) > len(text):
        source.fail(f"{sum(cards)} states, more than the file has numbers.", words.line)
    for number, card in enumerate(cards):
        if card < 1:
            source.fail(f"variable {number} has no states.", words.line)
        variables[str(number)] = Described(str(number), tuple(map(str, range(card))), words.line)
    functions = words.count("the number of tables")
    if functions != count:
        source.fail(f"{functions} tables for {count} variables; expected one for each.", words.line)
    scopes: list[tuple[str, list[Described], int]] = []
    seen: set[str] = set()
    for number in range(functions):
        size = words.count(f"the size of scope {number}")
        names = [str(words.count(f"a variable of scope {number}")) for _ in range(size)]
        if not names or names[-1] not in variables:
            source.fail(f"scope {number} ends with {names[-1] if names else 'nothing'}, not a variable.", words.line)
        child = names[-1]
        if child in seen:
            source.fail(f"variable {child} is last in two scopes; it has one table.", words.line)
        seen.add(child)
        parents = looked_up(source, child, names[:-1], variables, words.line)
        if child in names[:-1]:
            source.fail(f"variable {child} is its own parent in scope {number}.", words.line)
        scopes.append((child, parents, words.line))
    nodes: dict[str, Node] = {}
    for child, parents, _ in scopes:
        size = words.count(f"the size of the table of variable {child}")
        line = words.line
        if size > LARGEST_EXPANDED_TABLE:
            source.fail(f"a table of {size} numbers; expected at most {LARGEST_EXPANDED_TABLE}.", line)
        values = numbers(source, child, " ".join(words.take(size, f"the table of variable {child}")), line)
        table = shaped(source, variables[child], parents, values, line)
        names = [parent.name for parent in parents]
        nodes[child] = Node(child, variables[child].states, tuple(names), Table(np.array(table)))
    words.end()
    return network_of(source, [nodes[name] for name in variables], Details())


class _Words:
    """The words of a file, one after the other, with the line of the last one."""

    def __init__(self, source: OpenFile, text: str) -> None:
        self.source = source
        self.text = _COMMENT.sub("", text)
        self.found: Iterator[re.Match[str]] = _WORD.finditer(self.text)
        self.place = 0
        self.counted = (0, 1)

    @property
    def line(self) -> int:
        """The line of the word read last."""
        place, line = self.counted
        self.counted = (self.place, line + self.text.count("\n", place, self.place))
        return self.counted[1]

    def next(self, what: str) -> str:
        """The next word."""
        match = next(self.found, None)
        if match is None:
            self.place = len(self.text)
            self.source.fail(f"the file ends before {what}.", self.line)
        self.place = match.start()
        return match.group()

    def count(self, what: str) -> int:
        """The next word as a whole number."""
        word = self.next(what)
        if not (word.isascii() and word.isdigit() and len(word) < 16):
            self.source.fail(f"{word[:40]!r}; expected {what}, a whole number.", self.line)
        return int(word)

    def take(self, size: int, what: str) -> Iterator[str]:
        """So many words."""
        return (self.next(what) for _ in range(size))

    def end(self) -> None:
        """There is no word left."""
        match = next(self.found, None)
        if match is not None:
            self.place = match.start()
            self.source.fail(f"{match.group()[:40]!r} after the last table; expected the end of the file.", self.line)
