"""docs/explanation: its examples print what they show, its formulas can be set, its links lead somewhere."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from tests.packaging.readme import PYTHON, ROOT

FOLDER = ROOT / "docs" / "explanation"
PAGES = sorted(FOLDER.glob("*.md"))

CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
FORMULA = re.compile(r"\$\$(?P<display>.+?)\$\$|\$(?P<inline>[^$]+)\$", re.DOTALL)

each_page = pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])


def formulas(text: str) -> list[tuple[str, str]]:
    """(LaTeX, "block" or "inline") of every formula outside code."""
    return [
        (found["display"] or found["inline"], "block" if found["display"] else "inline")
        for found in FORMULA.finditer(CODE.sub("", text))
    ]


@each_page
def test_the_examples_print_what_they_show(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python blocks of a page, run one after the other as one session, print what they show."""
    monkeypatch.chdir(ROOT)
    code = "\n".join(block["body"] for block in PYTHON.finditer(page.read_text("utf-8")))
    session = doctest.DocTestParser().get_doctest(code, {}, page.name, str(page), 0)
    assert session.examples
    report: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.DocTestRunner(optionflags=flags).run(session, out=report.append)
    assert result.failed == 0, "".join(report)


@each_page
def test_every_formula_becomes_mathml(page: Path) -> None:
    """latex2mathml converts each formula and leaves no command of LaTeX behind."""
    converter = pytest.importorskip("latex2mathml.converter", reason="latex2mathml is not installed")
    found = formulas(page.read_text("utf-8"))
    assert found
    for latex, display in found:
        mathml = converter.convert(latex, display=display)
        assert mathml.startswith("<math") and "\\" not in mathml, latex


@each_page
def test_its_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).is_file(), target


def test_code_and_money_are_no_formulas() -> None:
    """A dollar in code opens no formula; both kinds of formula are found, across lines too."""
    text = "a $x_1$ and `$HOME`\n\n```sh\necho $PATH $x$\n```\n\n$$\ny =\nz\n$$\n"
    assert formulas(text) == [("x_1", "inline"), ("\ny =\nz\n", "block")]
