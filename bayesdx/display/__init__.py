"""Values as text, HTML and Markdown. Knows no model; whatever comes from a table is escaped."""

from bayesdx.display.numbers import format_probability, format_ratio
from bayesdx.display.plain import as_json
from bayesdx.display.wording import clean, words

__all__ = ["as_json", "clean", "format_probability", "format_ratio", "words"]
