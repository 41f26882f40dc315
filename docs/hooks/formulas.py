"""Formulas become MathML when the site is built, so that no page needs a script or a font from elsewhere.

Pages write ``$...$`` within a sentence and ``$$...$$`` as a paragraph; docstrings write them as Sphinx has them,
``:math:`...``` and ``.. math:: ...``.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from latex2mathml.converter import convert
from markdown import Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor

INLINE = r"(?<![\\$\w])\$(?![\s$])(?P<latex>(?:\\.|[^\\$\n]|\n(?!\n))+?)(?<![\s\\])\$(?![\w$])"
"""The first dollar touches what follows it, the second what stands before it: "from $5 to $10" is no formula."""

ROLE = r":math:`(?P<latex>[^`]+)`"
PARAGRAPH = re.compile(r"^ {0,3}(?:\$\$(?P<dollars>.+?)\$\$|\.\. math::\s+(?P<directive>.+))\s*$", re.DOTALL)


def mathml(latex: str, display: str) -> str:
    """A formula as MathML; ``display`` is "inline" or "block"."""
    return convert(" ".join(latex.split()), display=display)


class InSentence(InlineProcessor):
    """A formula within a sentence."""

    def handleMatch(self, m: re.Match[str], data: str) -> tuple[str, int, int]:
        """The place of the formula in the text, held by the stash of raw HTML."""
        return self.md.htmlStash.store(mathml(m["latex"], "inline")), m.start(0), m.end(0)


class AsParagraph(BlockProcessor):
    """A formula that stands by itself, and scrolls where the page is narrower."""

    def test(self, parent: Element, block: str) -> bool:
        """Whether a block is one formula."""
        return PARAGRAPH.match(block) is not None

    def run(self, parent: Element, blocks: list[str]) -> None:
        """Put the formula into the page."""
        found = PARAGRAPH.match(blocks.pop(0))
        assert found is not None
        latex = found["dollars"] or found["directive"]
        place = SubElement(parent, "div", {"class": "formula", "tabindex": "0"})
        place.text = self.parser.md.htmlStash.store(mathml(latex, "block"))


class Formulas(Extension):
    """Both kinds of formula, below code and above everything else."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Add what reads formulas to a Markdown parser."""
        md.ESCAPED_CHARS.append("$")
        md.inlinePatterns.register(InSentence(ROLE, md), "formula-role", 195)
        md.inlinePatterns.register(InSentence(INLINE, md), "formula", 185)
        md.parser.blockprocessors.register(AsParagraph(md.parser), "formula", 95)


def on_config(config: Any) -> Any:
    """Pages and docstrings are read with formulas."""
    config.markdown_extensions.append(Formulas())
    return config
