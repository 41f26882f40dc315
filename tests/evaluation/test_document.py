"""Documents: the same blocks as Markdown and as HTML, with nothing in them taken for a mark."""

import html

from hypothesis import given
from hypothesis import strategies as st

from bayesdx.display.blocks import Grid, Items, Title
from bayesdx.display.html import as_page
from bayesdx.display.markdown import as_markdown, read_markdown

texts = st.text(st.characters(codec="utf-8"), max_size=30)


@given(texts, texts)
def test_html_escapes_every_text(first, second):
    """No text of a document becomes an element."""
    page = as_page([Title(first, 1), second, Items((first,)), Grid([first], [[second]])], first)
    body = page.partition("<main>")[2]
    for element in ("h1", "p", "ul", "li", "table", "thead", "tbody", "tr", "td", "th", "/main", "/body", "/html"):
        body = body.replace(f"<{element}>", "").replace(f"</{element.lstrip('/')}>", "")
    assert "<" not in body
    assert html.unescape(page)


@given(texts)
def test_a_cell_stays_one_cell(text):
    """Whatever a cell holds, its row has one line and as many unescaped bars as the header."""
    header, _, row, *rest = as_markdown([Grid(["a", "b"], [[text, "x"]])]).splitlines()
    assert rest == []
    assert row.replace("\\\\", "").replace("\\|", "").count("|") == header.count("|")


def test_signs_at_the_start_of_a_line_are_no_marks():
    """A paragraph that starts like a heading, a list, a quotation or a number stays a paragraph."""
    for text in ("# a", "- a", "> a", "+ a"):
        assert as_markdown([text]) == f"\\{text}\n"
    for text, written in (("1. a", "1\\. a"), ("a_b *c*", "a_b \\*c\\*")):
        assert as_markdown([text]) == f"{written}\n"


def test_notes_are_read_as_blocks():
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
