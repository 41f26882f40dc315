"""Values as text, HTML and Markdown. Knows no model; whatever comes from a table is escaped."""

from bayesdx.display.numbers import format_probability, format_ratio, format_share, format_span
from bayesdx.display.plain import as_json
from bayesdx.display.wording import as_title, clean, joined, within, words

__all__ = [
    "as_json",
    "as_title",
    "clean",
    "format_probability",
    "format_ratio",
    "format_share",
    "format_span",
    "joined",
    "within",
    "words",
]
