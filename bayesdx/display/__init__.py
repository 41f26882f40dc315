"""Values as text and HTML. Knows no model; whatever comes from a table is escaped."""

from bayesdx.display.numbers import as_json, format_probability, format_ratio, format_span
from bayesdx.display.tables import as_title, bar, clean, html_table, text_table, words

__all__ = [
    "as_json",
    "as_title",
    "bar",
    "clean",
    "format_probability",
    "format_ratio",
    "format_span",
    "html_table",
    "text_table",
    "words",
]
