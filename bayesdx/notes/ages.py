"""Ages as notes give them: 73M, 73-year-old, aged 73, seventy-three years old, in her seventies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bayesdx.notes.words import DECADES, ONES, TENS

_TENS = "|".join(TENS)
_ONES = "|".join(ONES)
_IN_WORDS = rf"(?:(?P<tens>{_TENS})(?:[ -](?P<ones>{_ONES}))?|(?P<teen>{_ONES}))"
_OLD = r"[\s-]{0,2}(?:(?:years?|yrs?|y)\b\.?[\s-]{0,2}(?:old|of\s+age)\b|y\.?\s?/?\s?o\b)"
_TEMPERATURE = re.compile(r"(?:\b[Tt]emp\w*|\bT|\b[Ff]ever\w*|\b[Ff]ebrile)[\s,:=]*(?:(?:of|to|was|is|at)\s+)?\Z")
"""What stands before a number that is a temperature: 101F after it is no age."""

_AGES = re.compile(
    r"(?<![\w./,])(?:"
    rf"(?P<years>\d{{1,3}}){_OLD}"
    r"|(?P<sex>\d{1,3})\s?(?:[MF]\b(?!\s*walk)|(?:male|female|man|woman|lady|gentleman)\b)"
    r"|(?:aged|age:?|age\s+of)\s+(?P<aged>\d{1,3})\b(?!\s*(?:months?|weeks?|days?)\b)"
    r"|(?:he|she|patient|mrs?|ms)\b(?:\s[A-Z]\w{0,20})?\s(?:is|was)\s(?P<being>\d{2,3})(?=\s*[.,;]|\s+and\b)"
    rf"|{_IN_WORDS}{_OLD}"
    r"|in\s(?:his|her|their)\s(?:early\s|mid[- ]?|late\s)?(?:(?P<decade>\d0)'?s|(?P<named>"
    + "|".join(DECADES)
    + r"))\b"
    r")",
    re.IGNORECASE,
)


def ages_in(note: str) -> Iterator[tuple[int, int, float, float]]:
    """(start, end, youngest, oldest) of every age in a note.

    Examples
    --------
    >>> [(low, high) for _, _, low, high in ages_in("A seventy-three-year-old; his son, 45M; a lady in her 80s.")]
    [(73, 73), (45, 45), (80, 89)]
    """
    for found in _AGES.finditer(note):
        kind = found.lastgroup
        if found["decade"] or found["named"]:
            low = int(found["decade"]) if found["decade"] else DECADES[found["named"].lower()]
            yield found.start(), found.end(), low, low + 9
            continue
        if found["sex"] and note[found.end() - 1] in "mf":
            continue  # 5 m and 5 f are lengths and shares
        if found["tens"]:
            age = TENS[found["tens"].lower()] + (ONES[found["ones"].lower()] if found["ones"] else 0)
        elif found["teen"]:
            age = ONES[found["teen"].lower()]
        else:
            digits = found["years"] or found["sex"] or found["aged"] or found["being"]
            if not digits or not digits.isascii():
                continue
            age = int(digits)
        if kind and age <= 120 and not (found["sex"] and _TEMPERATURE.search(note, 0, found.start())):
            yield found.start(), found.end(), age, age
