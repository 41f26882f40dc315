"""Values as text and HTML. Knows no model; whatever comes from a table is escaped."""

from bayesdx.display.numbers import format_probability, format_ratio
from bayesdx.display.tables import bar, clean, html_table, text_table, words

__all__ = ["bar", "clean", "format_probability", "format_ratio", "html_table", "text_table", "words"]
