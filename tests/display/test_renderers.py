"""The same blocks as text, HTML and Markdown, with nothing in them taken for a mark; every page alike."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayesdx as dx
from bayesdx.display.blocks import Alert, Bar, Block, Entries, Figure, Grid, Items, Mark, Note, Passage, Title
from bayesdx.display.html import EMERGENCY, ROUTINE, STYLE, URGENT, as_fragment, as_page, content_policy, digest
from bayesdx.display.markdown import as_markdown, read_markdown
from bayesdx.display.text import as_text
from bayesdx.explorer.front import style

ONE_OF_EACH: list[Block] = [
    Title("title"),
    "paragraph",
    Note("note"),
    Alert("alert", "emergency"),
    Grid(["head", ""], [["cell", Bar(0.5)]], title="grid"),
    Entries([("lead", "entry")], "entries"),
    Items(("item",)),
    Figure("<svg></svg>", "caption"),
    Passage("read this word", [Mark(5, 9, "why")]),
]
WORDS = [
    "title",
    "paragraph",
    "note",
    "alert",
    "head",
    "cell",
    "grid",
    "lead",
    "entry",
    "entries",
    "item",
    "caption",
    "read",
    "this",
    "word",
]


texts = st.text(st.characters(codec="utf-8"), max_size=30)


@given(texts, texts)
def test_html_escapes_every_text(first: str, second: str) -> None:
    """No text of a document becomes an element."""
    page = as_page([Title(first, 1), second, Items((first,)), Grid([first], [[second]])], first)
    body = page.partition("<main>")[2]
    for element in ("h1", "p", "ul", "li", "table", "thead", "tbody", "tr", "td", "th", "/main", "/body", "/html"):
        body = body.replace(f"<{element}>", "").replace(f"</{element.lstrip('/')}>", "")
    assert "<" not in body
    assert html.unescape(page)


@given(texts)
def test_a_cell_stays_one_cell(text: str) -> None:
    """Whatever a cell holds, its row has one line and as many unescaped bars as the header."""
    header, _, row, *rest = as_markdown([Grid(["a", "b"], [[text, "x"]])]).splitlines()
    assert rest == []
    assert row.replace("\\\\", "").replace("\\|", "").count("|") == header.count("|")


def test_signs_at_the_start_of_a_line_are_no_marks() -> None:
    """A paragraph that starts like a heading, a list, a quotation or a number stays a paragraph."""
    for text in ("# a", "- a", "> a", "+ a"):
        assert as_markdown([text]) == f"\\{text}\n"
    for text, written in (("1. a", "1\\. a"), ("a_b *c*", "a_b \\*c\\*")):
        assert as_markdown([text]) == f"{written}\n"


HOSTILE = [
    "<b>x</b>", "<script>alert(1)</script>", "a <img src=x onerror=alert(1)>", "<!-- x -->", "<http://x.example>",
    "[x](javascript:alert(1))", "![x](javascript:alert(1))", "[x]: http://x.example", "[TOC]", "x { onclick=alert(1) }",
    "x {: onclick=alert(1) }", "`<b>`", "``` x", "~~~ x", "a | b", "a\\|b", "a\\", "\\<b>", "&lt;b&gt;", "&#60;b>",
    "&copy; & A&B", "!!! note", "??? note", "=== x", "=1+1", "::: x", "--8<-- \"README.md\"", "# a", "- a", "1. a",
    "1) a",
    "> a", "*a* **b** _c_ __d__ a_b", "$a$ $$b$$", "***", "---", "    x", "<", "a < b > c", "~~a~~",
]  # fmt: skip
"""Texts with signs that some reader of Markdown takes for marks."""

MADE = {"h1", "h2", "p", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "div"}


class _Read(HTMLParser):
    """The text of a page, and every element and attribute that is none of those that blocks make."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.alive = "", set[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.alive |= {tag} - MADE | {name for name, _ in attrs if name not in ("id", "style")}

    def handle_comment(self, data: str) -> None:
        self.alive.add("comment")

    def handle_data(self, data: str) -> None:
        self.text += data


def _written_by_mkdocs(text: str) -> str:
    markdown = pytest.importorskip("markdown")
    pytest.importorskip("pymdownx")
    names = ["admonition", "attr_list", "md_in_html", "tables", "toc", "pymdownx.details", "pymdownx.inlinehilite",
             "pymdownx.superfences", "pymdownx.snippets", "pymdownx.tabbed"]  # fmt: skip
    return str(markdown.markdown(text, extensions=names))


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_alive_in_what_mkdocs_makes_of_markdown(text: str) -> None:
    """In every place of every block: no element and no attribute but those of the block, and the text as it was."""
    for block in (Title(text), text, Note(text), Alert(text), Items((text,)), Entries([("", text)], text),
                  Entries([(text, "x")]), Grid([text, "n"], [[text, text]], title=text), Figure("<svg/>", text),
                  Passage(text, [])):  # fmt: skip
        read = _Read(_written_by_mkdocs(as_markdown([block])))
        assert not read.alive, (block, read.alive)
        said = "".join(text.split())
        assert said in "".join(read.text.split()), (block, read.text)


def test_notes_are_read_as_blocks() -> None:
    """Headings, paragraphs over several lines and lists; a heading's level is moved down."""
    text = "# Known\nleft over\n\n## More\n\n- one\n  goes on\n- two\n\nlast\n"
    assert read_markdown(text, level=3) == [
        Title("Known", 3),
        "left over",
        Title("More", 4),
        Items(("one goes on", "two")),
        "last",
    ]
    assert read_markdown("") == []


@pytest.mark.parametrize("rendered", [as_text, as_markdown, as_fragment, lambda blocks: as_page(blocks, "page")])
def test_every_kind_of_block_is_said_by_every_renderer(rendered: Callable[[list[Block]], str]) -> None:
    """Each of them says all words of a document, in its order."""
    body = re.sub(r"<(style|title)>.*?</\1>", "", rendered(ONE_OF_EACH), flags=re.DOTALL)
    said = re.findall(r"\w+", re.sub(r"<[^>]*>", " ", body))
    assert set(WORDS) <= set(said)
    first = [said.index(word) for word in ("title", "paragraph", "note", "alert", "head", "lead", "item", "caption")]
    assert first == sorted(first)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_bar_is_as_long_as_its_share(start: float, stop: float) -> None:
    """In text to an eighth of a column, and where it begins to a column."""
    start, stop = sorted((start, stop))
    drawn = as_text([Grid(["x", "y"], [["", Bar(stop, start)], ["", Bar(1.0)]])]).splitlines()
    whole = len(drawn[2].strip())
    bar = drawn[1].strip()
    eighths = sum("▏▎▍▌▋▊▉█".index(sign) + 1 for sign in bar)
    assert abs(eighths - 8 * whole * (stop - start)) <= 1


def pages() -> dict[str, str]:
    """Every page that the library writes of a result."""
    model = dx.load_model("chest_clinic@1.0.0")
    cohort = dx.simulate_cohort(model, 50, seed=1)
    ages = pd.DataFrame({"age_group": ["under_40"] * 60 + ["60_and_over"] * 40})
    return {
        "card": dx.model_card(model, "html"),
        "sheets": dx.model_sheets(model),
        "evaluation": dx.evaluate(model, cohort, resamples=0).to_html(),
        "calibration": dx.calibrate(dx.load_model("hip_flexion_weakness@1.0.0"), ages, "counts").to_html(),
    }


def test_every_page_has_the_one_style_sheet_and_policy() -> None:
    """It may load nothing, has no script, and no style but the sheet: nothing is refused when it is opened."""
    policy = content_policy(style=digest(STYLE))
    for name, page in pages().items():
        assert f'http-equiv="Content-Security-Policy" content="{policy}"' in page, name
        assert re.findall(r"<style[^>]*>(.*?)</style>", page, re.DOTALL) == [STYLE], name
        assert " style=" not in page and "<script" not in page, name


def test_alerts_have_one_colour_everywhere() -> None:
    """The explorer takes the colours of its alerts from the sheet of the pages; red is for emergencies."""
    sheet = style()
    for name, colour in (("emergency", EMERGENCY), ("urgent", URGENT), ("routine", ROUTINE)):
        assert f"--bdx-{name}: {colour};" in sheet and sheet.count(colour) == 1
    assert f".emergency{{background:{EMERGENCY}}}" in STYLE
