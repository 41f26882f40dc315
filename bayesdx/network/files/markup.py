"""Untrusted XML as a tree of elements with their lines: no entity is expanded, nothing outside is fetched."""

from __future__ import annotations

import re
from html import escape
from typing import Any
from xml.parsers import expat

from bayesdx.network.files.common import OpenFile, Spelling, shown

MOST_ELEMENTS = 500_000
"""Elements above which a file is not read."""

MOST_ATTRIBUTES = 100
"""Attributes of an element above which a file is not read."""

DEEPEST = 100
"""How many elements may stand within each other."""

BLANKS = " \t\r\n"

ILLEGAL = "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]"
"""Signs that no XML file holds."""

LOOSE = Spelling(ILLEGAL)
"""How texts are written that may hold any sign."""

_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']""")


class Element:
    """An element: name, attributes, line, children, and the text between its children."""

    __slots__ = ("attributes", "children", "line", "name", "parts")

    def __init__(self, name: str, attributes: dict[str, str], line: int) -> None:
        self.name = name
        self.attributes = attributes
        self.line = line
        self.children: list[Element] = []
        self.parts: list[str] = []

    @property
    def text(self) -> str:
        """Its own text without blanks around it."""
        return "".join(self.parts).strip(BLANKS)

    def all(self, name: str) -> list[Element]:
        """The children of this name."""
        return [child for child in self.children if child.name == name]

    def first(self, name: str) -> Element | None:
        """The first child of this name."""
        return next((child for child in self.children if child.name == name), None)


def parse(source: OpenFile, raw: bytes) -> Element:
    """The root element of a document.

    Raises
    ------
    NetworkError
        It is not well formed, declares an entity, or is larger than the limits of this module.

    References
    ----------
    What is refused: C. Heimes, "defusedxml", table of attacks (entity expansion, external entities).
    """
    return _Builder(source).build(*_encoded(raw))


def _encoded(raw: bytes) -> tuple[bytes, str | None]:
    """The document and its encoding where it does not say it: UTF-8, or else Windows-1252."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or _DECLARED.match(raw.removeprefix(b"\xef\xbb\xbf")):
        return raw, None
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace").encode(), "utf-8"
    return raw, None


class _Builder:
    def __init__(self, source: OpenFile) -> None:
        self.source = source
        self.stack: list[Element] = []
        self.root: Element | None = None
        self.count = 0
        self.parser = expat.ParserCreate()
        self._set_up(self.parser)

    def _set_up(self, parser: Any) -> None:
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.data
        parser.EntityDeclHandler = self.entity
        parser.ExternalEntityRefHandler = self.entity
        parser.SkippedEntityHandler = self.entity

    def build(self, raw: bytes, encoding: str | None) -> Element:
        if encoding:
            self.parser = expat.ParserCreate(encoding)
            self._set_up(self.parser)
        try:
            self.parser.Parse(raw, True)
        except expat.ExpatError as error:
            self.source.fail(f"no well-formed XML: {expat.ErrorString(error.code)}.", error.lineno)
        except (LookupError, ValueError, UnicodeError) as error:  # an unknown encoding, or one of several bytes
            self.source.fail(f"XML in an encoding that cannot be read: {error}.", 1)
        assert self.root is not None  # a document without a root is not well formed
        return self.root

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        stack, line = self.stack, self.parser.CurrentLineNumber
        if self.count > MOST_ELEMENTS or len(attributes) > MOST_ATTRIBUTES or len(stack) >= DEEPEST:
            self.source.fail(
                f"<{shown(name)[1:-1]}>: more than {MOST_ELEMENTS} elements, {MOST_ATTRIBUTES} attributes of one, or "
                f"{DEEPEST} within each other; no network has that.",
                line,
            )
        element = Element(name, attributes, line)
        if stack:
            stack[-1].children.append(element)
        else:
            self.root = element
        stack.append(element)

    def end(self, name: str) -> None:
        self.stack.pop()

    def data(self, text: str) -> None:
        parts = self.stack[-1].parts
        if parts or not text.isspace():
            parts.append(text)

    def entity(self, *declared: Any) -> int:
        self.source.fail(
            f"it declares or uses the entity {shown(declared[0])}; a network needs none, and none is read.",
            self.parser.CurrentLineNumber,
        )


def content(text: str) -> str:
    """Text as the content of an element."""
    return escape(text, quote=False).replace("\r", "&#13;")


def attribute(text: str) -> str:
    """Text as the value of an attribute, in double quotes."""
    return '"' + escape(text).replace("\r", "&#13;").replace("\n", "&#10;").replace("\t", "&#9;") + '"'
