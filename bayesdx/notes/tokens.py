"""A note cut into words, numbers and marks, and these into statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bayesdx.notes.words import GRADES, LITTLE, SIDES, UNITS, canonical, words_of

_TOKEN = re.compile(
    r"(?P<radiograph>(?<!\w)[xX](?:-|-?\s)?[rR][aA][yY]s?\b)"
    r"|(?P<number>\d+(?:[.,]\d+)*)"
    r"|(?P<sign>[+\-\u2212\u2013]ve\b)"
    r"|(?P<word>[^\W\d_]{3,5}(?=\d{1,4}(?:\.\d+)?\b)|[tT](?=\d\d\.\d)|[^\W\d_][^\W_]*(?:['\u2018\u2019][^\W\d_]+)*)"
    r"|(?P<line>[^\S\n]*\n\s*)"
    r"|(?P<mark>\S)"
)
_POINT_NOT_A_STOP = words_of(
    "mr mrs ms dr prof incl int ext approx vs ca st fig no resp bilat hx pt pts max min temp rt lt ant post"
)
LONGEST_NUMBER = 15
"""Signs above which digits are no measurement."""

LONGEST_STATEMENT = 400
"""Tokens after which a statement ends, whatever stands there."""


@dataclass(slots=True)
class Token:
    """A word, a number or a mark.

    Parameters
    ----------
    start, end : int
        Place in the note.
    text : str
        In lower case, as written.
    stem : str
        What it is compared by; empty for marks.
    kind : str
        "word", "number" or "mark".
    little : bool
        Whether it may stand between the words of a finding without counting.
    grade : str
        What it says as a result, such as "less"; mostly empty.
    """

    start: int
    end: int
    text: str
    stem: str
    kind: str
    little: bool
    grade: str


def statements(note: str) -> Iterator[list[Token]]:
    r"""The statements of a note, each as its tokens; a heading with its colon is a part of its statement.

    A statement ends with a full stop, an exclamation mark, a semicolon, an empty line, or a line after which another
    begins with a capital, a number or a bullet.

    Examples
    --------
    >>> [[token.text for token in tokens] for tokens in statements("No fever. T 36.8, e.g. at\nnoon\nBack pain")]
    [['no', 'fever', '.'], ['t', '36.8', ',', 'e', '.', 'g', '.', 'at', 'noon'], ['back', 'pain']]
    """
    current: list[Token] = []
    place, length = 0, len(note)
    while place < length:
        found = _TOKEN.search(note, place)
        if not found:
            break
        place = found.end()
        if found["line"] is not None:
            if current and _new_line_is_a_stop(found["line"], note, place):
                yield current
                current = []
            continue
        token = _token(found)
        current.append(token)
        if len(current) >= LONGEST_STATEMENT or _is_stop(token, current, note):
            yield current
            current = []
    if current:
        yield current


def _token(found: re.Match[str]) -> Token:
    text = found[0].lower() if len(found[0]) < 100 else ""
    if found["radiograph"] is not None:
        return Token(found.start(), found.end(), "radiograph", "radiograph", "word", False, "")
    if found["number"] is not None:
        return Token(found.start(), found.end(), text, "", "number", False, "")
    if found["mark"] is not None:
        return Token(found.start(), found.end(), text, "", "mark", False, "")
    if found["sign"] is not None:
        return Token(found.start(), found.end(), text, "", "word", False, "positive" if text[0] == "+" else "negative")
    stem = canonical(text)
    little = text in LITTLE or text in SIDES or stem == "both" or found[0] in ("L", "R")
    grade = "none" if text == "lost" else GRADES.get(stem, "")
    return Token(found.start(), found.end(), text, stem, "word", little, grade)


def _new_line_is_a_stop(line: str, note: str, place: int) -> bool:
    if line.count("\n") > 1 or place >= len(note):
        return True
    sign = note[place]
    return sign.isupper() or sign.isdigit() or sign in "-*\u2022\u2013>#("


def _is_stop(token: Token, current: list[Token], note: str) -> bool:
    if token.text in ("!", ";") and token.kind == "mark":
        return True
    after = note[token.end] if token.end < len(note) else " "
    if token.text == "?":
        return after.isspace() and len(current) > 1 and current[-2].end == token.start
    if token.text != "." or token.kind != "mark":
        return False
    if after.isalnum():
        return False
    before = current[-2] if len(current) > 1 else None
    if before is None or before.kind != "word" or before.end != token.start:
        return True
    if before.text in _POINT_NOT_A_STOP:
        return False
    # e.g. and y.o. end in a letter alone, but so does "on the left hip, L."
    return not (len(before.text) == 1 and len(current) > 3 and current[-3].text == "." and after == " ")


@dataclass(frozen=True)
class WrittenNumber:
    """A number in a note.

    Parameters
    ----------
    value : float
        In the unit ``unit``.
    unit : str
        As models write it; empty where the note gives none.
    scale : float or None
        The number after a slash: 5 in "3/5".
    last : int
        Place of its last token in the statement.
    """

    value: float
    unit: str
    scale: float | None
    last: int


def number_of(text: str) -> float | None:
    """A number as notes write it: 38.6, 38,6, 14,200; None for what is a date or a version.

    Examples
    --------
    >>> number_of("38,6"), number_of("14,200"), number_of("1.2.2020")
    (38.6, 14200.0, None)
    """
    if not text or len(text) > LONGEST_NUMBER or not text.isascii():
        return None
    if "," in text:
        parts = text.split(",")
        if all(len(part) == 3 for part in parts[1:]) and "." not in text:
            return float(text.replace(",", ""))
        if len(parts) == 2 and "." not in text:
            return float(text.replace(",", "."))
        return None
    return float(text) if text.count(".") <= 1 else None


def measured(tokens: list[Token], place: int) -> WrittenNumber | None:
    """The number that begins at a token, with its unit or its scale."""
    value = number_of(tokens[place].text)
    if value is None:
        return None
    last = place
    following = [token.text for token in tokens[place + 1 : place + 5]]
    signs = int(bool(following) and following[0] in ("+", "-", "\u2212"))
    if len(following) > signs + 1 and following[signs] == "/" and tokens[place + signs + 2].kind == "number":
        scale = number_of(following[signs + 1])
        return WrittenNumber(value, "", scale, place + signs + 2)
    if following[:2] == ["out", "of"] and len(following) > 2 and tokens[place + 3].kind == "number":
        return WrittenNumber(value, "", number_of(following[2]), place + 3)
    for count in (4, 3, 2, 1):
        written = "".join(following[:count]).replace("\u00b7", "").replace("\u00d7", "x").replace("\u03bc", "\u00b5")
        known = UNITS.get(written)
        if known and len(following) >= count:
            return WrittenNumber(value * known[1] + known[2], known[0], None, last + count)
    return WrittenNumber(value, "", None, last)
