"""The NET language of Hugin: nodes and potentials in braces."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bayesdx.network.files.common import (
    Described,
    OpenFile,
    Spelling,
    each,
    kept,
    known_as,
    looked_up,
    middle,
    network_of,
    number_texts,
    numbers,
    refuse,
    shaped,
    shown,
)
from bayesdx.network.network import Details, Network, Node, Table

_KEYWORDS = "|".join(
    f"^{word[0]}(?={word[1:]}$)"
    for word in (
        "net", "class", "node", "decision", "utility", "discrete", "continuous", "chance", "boolean", "function",
        "instance", "potential", "inputs", "outputs",
    )
)  # fmt: skip
NAMES = Spelling(f"[^A-Za-z0-9_]|^[0-9]|{_KEYWORDS}")
"""Names of nodes are identifiers, and no keywords."""

TEXTS = Spelling('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]')
"""Texts stand in quotes."""

HUGIN = "hugin:"
"""Prefix of the properties read beside the table of a node, such as experience counts; they are not written back."""

_BARE = re.compile(r'[^\s"(),]++')
_BLANK = re.compile(r"\s*+")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_NAME = re.compile(r'[^\s{}()|;:=,"%]++')
"""What a node may be called in files of others; Hugin itself takes identifiers only."""

_STRING = re.compile(r'"(?>[^"\\]++|\\.)*+"', re.DOTALL)
_VALUE = re.compile(r'(?>[^";{}]++|"(?>[^"\\]++|\\.)*+")*+;', re.DOTALL)
_COMMENT = re.compile(r'("(?>[^"\\]++|\\.)*+")|%[^\n]*+', re.DOTALL)
_POINT = re.compile(r"\(\s*(\S+?)[\s,]+(\S+?)\s*\)")
_PLAIN = re.compile(r"[-+.\deE]+|\([^\"%;{}]*\)", re.ASCII)
_ESCAPED = re.compile(r'\\(["\\])')
_KINDS = ("node", "decision", "utility", "function", "instance")
_WORDS_BEFORE = ("discrete", "continuous", "chance", "boolean", "function", "mixed", "interface")


def read(source: OpenFile, text: str) -> Network:
    """The network of a NET file; in its tables the variable itself turns fastest, then the last parent.

    Numbers are weights: each row is divided by its sum, as Hugin does.

    Raises
    ------
    NetworkError

    References
    ----------
    Hugin Expert, "The NET language", in the manual of the Hugin API.
    """
    return _Reader(source, text).network()


class _Reader:
    def __init__(self, source: OpenFile, text: str) -> None:
        self.source = source
        self.text = _COMMENT.sub(lambda match: match[1] or "", text.replace("\r\n", "\n").replace("\r", "\n"))
        self.place = 0
        self.counted = (0, 1)
        self.variables: dict[str, Described] = {}
        self.potentials: list[tuple[list[str], list[str], str | None, int, int]] = []
        self.unfit: list[tuple[str, str, int]] = []
        self.overall = Described("", (), 1)
        self.classes = 0

    def line(self, place: int | None = None) -> int:
        """The line of a place, the current one where none is given."""
        end = self.place if place is None else place
        start, line = self.counted if end >= self.counted[0] else (0, 1)
        self.counted = (end, line + self.text.count("\n", start, end))
        return self.counted[1]

    def network(self) -> Network:
        self.blocks(inside=False)
        refuse(self.source, self.unfit)
        nodes: dict[str, Node] = {}
        for children, parents, data, line, start in self.potentials:
            node = self.defined(children, parents, data, line, start)
            if node.name in nodes:
                self.source.fail(f"variable {shown(node.name)} has a second potential here.", line)
            nodes[node.name] = node
        for name, variable in self.variables.items():
            if name not in nodes:
                self.source.fail(f"variable {shown(name)} has no potential.", variable.line)
        return network_of(self.source, [nodes[name] for name in self.variables], self.overall.details)

    def blocks(self, inside: bool) -> None:
        """Blocks up to the end of the file, or of a class."""
        while True:
            self.skip()
            if self.place == len(self.text):
                if inside:
                    self.source.fail("the file ends within a class.", self.line())
                return
            if inside and self.text[self.place] == "}":
                self.place += 1
                return
            line = self.line()
            word = self.word("a block: net, node or potential")
            if word == "net":
                self.attributes(self.overall)
            elif word == "class" and not inside:
                self.classes += 1
                if self.classes > 1:
                    self.source.fail("a second class; networks of several classes are not read.", line)
                self.overall.label = NAMES.read(self.word("the name of the class", _NAME))
                self.expect("{")
                self.blocks(inside=True)
            elif word == "potential":
                self.potential(line)
            elif word in _KINDS or word in _WORDS_BEFORE:
                self.node(word, line)
            elif inside and self.ahead("="):
                self.expect("=")
                self.keep(self.overall, word, self.value())
            else:
                self.source.fail(f"{shown(word)}; expected a block: net, node or potential.", line)

    def skip(self) -> None:
        match = _BLANK.match(self.text, self.place)
        assert match is not None  # it matches nothing, too
        self.place = match.end()

    def ahead(self, sign: str) -> bool:
        self.skip()
        return self.text.startswith(sign, self.place)

    def expect(self, sign: str) -> None:
        if not self.ahead(sign):
            found = self.text[self.place : self.place + 20].split("\n")[0]
            what = shown(found) if found else "the end of the file"
            self.source.fail(f"{what}; expected {sign!r}.", self.line())
        self.place += len(sign)

    def word(self, what: str, pattern: re.Pattern[str] = _WORD) -> str:
        self.skip()
        match = pattern.match(self.text, self.place)
        if match is None:
            found = self.text[self.place : self.place + 20].split("\n")[0]
            self.source.fail(f"{shown(found) if found else 'the end of the file'}; expected {what}.", self.line())
        self.place = match.end()
        return match.group()

    def value(self) -> str:
        """The text of an attribute up to its semicolon."""
        self.skip()
        match = _VALUE.match(self.text, self.place)
        if match is None:
            self.source.fail("an attribute without its semicolon, or a quote that is not closed.", self.line())
        self.place = match.end()
        return match.group()[:-1].strip()

    def attributes(self, variable: Described) -> str | None:
        """The attributes within braces; the text of ``data`` where there is one."""
        self.expect("{")
        data = None
        while not self.ahead("}"):
            key = self.word("an attribute or '}'")
            self.expect("=")
            self.skip()
            start = self.place
            value = self.value()
            if key == "data":
                data, self.data_at = value, start
            else:
                self.keep(variable, key, value)
        self.place += 1
        return data

    def keep(self, variable: Described, key: str, value: str) -> None:
        """An attribute in its place: what bayesdx knows, else as a property."""
        text = _string(value)
        point = _POINT.fullmatch(value)
        if key == "states":
            variable.states = self.states(value)
        elif key == "label" and text is not None:
            variable.label = text
        elif key == "HR_Desc" and text is not None:
            variable.comment = text
        elif key == "position" and point:
            try:
                variable.position = (float(point[1]), float(point[2]))
            except ValueError:
                variable.properties.append((key, value))
        else:
            variable.properties.append((key, value if text is None else text))

    def states(self, value: str) -> tuple[str, ...]:
        """States in parentheses, each in quotes, or a bare word or number."""
        if not (value.startswith("(") and value.endswith(")")):
            self.source.fail(f"states = {shown(value)}; expected a list in parentheses.", self.line())
        inner = value[1:-1]
        states: list[str] = []
        place = 0
        while True:
            place = _end(_BLANK, inner, place)
            if place == len(inner):
                return tuple(states)
            quoted = _STRING.match(inner, place)
            bare = _BARE.match(inner, place)
            match = quoted or bare
            if match is None:
                self.source.fail(f"{shown(inner[place : place + 20])} in a list of states.", self.line())
            states.append(_string(match.group()) or "" if quoted else TEXTS.read(match.group()))
            place = match.end()

    def node(self, word: str, line: int) -> None:
        words = [word]
        while words[-1] in _WORDS_BEFORE:
            words.append(self.word("node"))
        kind = words[-1]
        name = NAMES.read(self.word("the name of a node", _NAME))
        variable = Described(name, (), line)
        if kind == "instance" or self.ahead(":"):
            refuse(self.source, [*self.unfit, (name, "an instance of a class", line)])
        self.attributes(variable)
        if kind == "node" and not {"continuous", "function", "mixed"} & set(words):
            known_as(self.source, self.variables, variable)
            return
        what = "a function" if "function" in words else "a continuous variable" if kind == "node" else f"a {kind}"
        self.unfit.append((name, what, line))

    def potential(self, line: int) -> None:
        self.expect("(")
        children: list[str] = []
        parents: list[str] = []
        names = children
        while not self.ahead(")"):
            if self.ahead("|"):
                if names is parents:
                    self.source.fail("a second '|' in a potential.", self.line())
                self.place += 1
                names = parents
                continue
            names.append(NAMES.read(self.word("a node, '|' or ')'", _NAME)))
        self.place += 1
        extra = Described("", (), line)
        self.data_at = self.place
        data = self.attributes(extra)
        modelled = [key for key, _ in extra.properties if key.startswith("model_")]
        if modelled and data is None:
            what = f"by an expression ({modelled[0]}) without its table"
            self.source.fail(f"variable {shown(children[0] if children else '')} is defined {what}.", line)
        if len(children) == 1 and children[0] in self.variables:
            own = self.variables[children[0]].properties
            own += [(f"{HUGIN}{key}", text) for key, text in extra.properties]
        self.potentials.append((children, parents, data, line, self.data_at))

    def defined(self, children: Sequence[str], names: Sequence[str], data: str | None, line: int, start: int) -> Node:
        if len(children) != 1:
            what = f"of {', '.join(map(shown, children[:10])) or 'nothing'}"
            self.source.fail(f"a potential {what}; expected that of one variable given its parents.", line)
        name = children[0]
        if name not in self.variables:
            self.source.fail(f"a potential of {shown(name)}, which is not a node.", line)
        variable = self.variables[name]
        parents = looked_up(self.source, name, names, self.variables, line)
        if data is None:
            self.source.fail(f"variable {shown(name)} has a potential without data.", line)
        line = self.line(start)
        values = numbers(self.source, name, data.replace("(", " ").replace(")", " "), line)
        table = shaped(self.source, variable, parents, values, line, weights=True)
        if not _follows(data, [len(parent.states) for parent in parents], len(variable.states)):
            self.source.fail(
                f"variable {shown(name)}: the parentheses of its data do not follow its parents "
                f"{', '.join(map(shown, names[:10]))}, the last one turning fastest.",
                line,
            )
        return Node(name, variable.states, tuple(names), Table(table), variable.details)


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    match = pattern.match(text, place)
    return match.end() if match else place


def _string(value: str) -> str | None:
    """What stands in quotes; None where the value is something else."""
    if not _STRING.fullmatch(value):
        return None
    return TEXTS.read(_ESCAPED.sub(r"\1", value[1:-1]))


def _follows(data: str, cards: Sequence[int], card: int) -> bool:
    """Whether the parentheses are those of the table: one pair around all, or one for each row and each parent."""
    brackets = re.sub(r"[^()]++", "", data)
    nested = "()"
    for size in reversed(cards):
        nested = f"({nested * size})"
    if brackets == "" or _wrapped(brackets, "()"):
        return True
    rows = re.findall(r"\(([^()]*+)\)", data)
    return _wrapped(brackets, nested) and all(len(row.split()) == card for row in rows)


def _wrapped(brackets: str, core: str) -> bool:
    """Whether these are the parentheses of ``core``, with any number of pairs around it."""
    more, odd = divmod(len(brackets) - len(core), 2)
    return more >= 0 and not odd and brackets == "(" * more + core + ")" * more


def write(network: Network) -> bytes:
    """A network in the NET language, UTF-8; noisy gates as tables."""
    lines = ["net", "{"]
    lines += _attributes(network.details, ())
    lines.append("}")
    for node in network.nodes:
        states = " ".join(f'"{TEXTS.write(state)}"' for state in node.states)
        lines += ["", f"node {NAMES.write(node.name)}", "{", f"    states = ({states});"]
        lines += _attributes(node.details, ("states", "data"))
        lines.append("}")
    for node in network.nodes:
        parents = f" | {' '.join(each(NAMES.write, node.parents))}" if node.parents else ""
        values = number_texts(node.cpd.table())
        card = len(node.states)
        rows = [f"({' '.join(values[start : start + card])})" for start in range(0, len(values), card)]
        for parent in reversed(node.parents):
            size = len(network[parent].states)
            rows = [f"({''.join(rows[start : start + size])})" for start in range(0, len(rows), size)]
        lines += ["", f"potential ({NAMES.write(node.name)}{parents})", "{", f"    data = {rows[0]};", "}"]
    return "\n".join([*lines, ""]).encode()


def _attributes(details: Details, taken: Sequence[str]) -> list[str]:
    texts = []
    if details.label:
        texts.append(f'label = "{TEXTS.write(details.label)}"')
    if details.position:
        x, y = middle(details.position)
        texts.append(f"position = ({x:.12g} {y:.12g})")
    if details.comment:
        texts.append(f'HR_Desc = "{TEXTS.write(details.comment)}"')
    for key, text in kept(details):
        if _WORD.fullmatch(key) and key not in (*taken, "label", "position", "HR_Desc"):
            texts.append(f"{key} = {text}" if _PLAIN.fullmatch(text) else f'{key} = "{TEXTS.write(text)}"')
    return [f"    {text};" for text in texts]
