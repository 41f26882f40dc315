"""docs/explanation: every formula is one that the site sets, and none is lost on the way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.hooks.formulas import INLINE, PARAGRAPH, mathml
from tests.packaging.readme import ROOT

PAGES = sorted((ROOT / "docs" / "explanation").glob("*.md"))

CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)


def formulas(text: str) -> tuple[list[tuple[str, str]], str]:
    """(LaTeX, "block" or "inline") of every formula outside code as the site finds them, and what is left."""
    found, left = [], []
    for block in re.split(r"\n\s*\n", CODE.sub("", text)):
        if paragraph := PARAGRAPH.match(block):
            found.append((paragraph["dollars"], "block"))
        else:
            found += [(match["latex"], "inline") for match in re.finditer(INLINE, block)]
            left.append(re.sub(INLINE, "", block))
    return found, "\n\n".join(left)


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_every_formula_becomes_mathml(page: Path) -> None:
    """No dollar is left beside the formulas, and no command of LaTeX within one."""
    found, left = formulas(page.read_text("utf-8"))
    assert found
    assert "$" not in left
    for latex, display in found:
        assert "\\" not in mathml(latex, display), latex


def test_code_is_no_formula_and_a_lone_dollar_is_noticed() -> None:
    """Both kinds of formula are found, within lines and across them; a dollar in code opens none."""
    text = "a $x_1$ and\n`$HOME`, $5\n\n```sh\necho $PATH $x$\n```\n\n$$\ny =\nz\n$$\n"
    found, left = formulas(text)
    assert found == [("x_1", "inline"), ("\ny =\nz\n", "block")]
    assert left.count("$") == 1
