"""Ages as notes give them: 73M, 73-year-old, 73 y man, man of 73, seventy-three years old, in her seventies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bayesdx.notes.words import DECADES, ONES, TENS

_TENS = "|".join(TENS)
_ONES = "|".join(ONES)
_IN_WORDS = rf"(?:(?P<tens>{_TENS})(?:[ -](?P<ones>{_ONES}))?|(?P<teen>{_ONES}))"
_OLD = r"[\s-]{0,2}(?:(?:years?|yrs?|y)\b\.?[\s-]{0,2}(?:old|of\s+age)\b|y\.?\s?/?\s?o\b)"
_YEARS = r"[\s-]?(?:years?|yrs?|y)\b\.?"
_PERSON = r"(?:man|woman|lady|gentleman|male|female|boy|girl)"
_GOES_ON = r"(?=\s*(?:[.,;]|\Z)|\s+(?:with|who|and|on|in|seen|presents?|presenting|referred|complain\w*|c/o)\b)"
"""What follows an age that stands without a word for old; a duration goes on with history, ago, of and the like."""

_TEMPERATURE = re.compile(r"(?:\b[Tt]emp\w*|\bT|\b[Ff]ever\w*|\b[Ff]ebrile)[\s,:=]*(?:(?:of|to|was|is|at)\s+)?\Z")
"""What stands before a number that is a temperature: 101F after it is no age."""

_AGES = re.compile(
    r"(?<![\w./,])(?:"
    rf"(?P<years>\d{{1,3}}){_OLD}"
    rf"|(?P<sexed>\d{{1,3}})(?:{_YEARS}\s(?:[MF]\b|{_PERSON}\b)|/[MF]\b)"
    rf"|(?:{_PERSON}|patient|[MF])(?:\sof\s|[,:;]?\s|\s(?:is|was)\s|/)(?P<whose>\d{{1,3}})(?:{_YEARS})?{_GOES_ON}"
    rf"|(?P<first>\d{{1,3}}){_YEARS}{_GOES_ON}"
    r"|(?P<sex>\d{1,3})\s?(?:[MF]\b(?!\s*walk)|(?:male|female|man|woman|lady|gentleman)\b)"
    r"|(?:aged|age:?|age\s+of)\s+(?P<aged>\d{1,3})\b(?!\s*(?:months?|weeks?|days?)\b)"
    rf"|(?:he|she|patient|mrs?|ms)\b(?:\s[A-Z]\w{{0,20}})?\s(?:is|was)\s(?P<being>\d{{2,3}})(?:{_YEARS})?(?=\s*[.,;]|\s+and\b)"
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
        if _is_no_age(found, note):
            continue
        if found["tens"]:
            age = TENS[found["tens"].lower()] + (ONES[found["ones"].lower()] if found["ones"] else 0)
        elif found["teen"]:
            age = ONES[found["teen"].lower()]
        else:
            digits = found["years"] or found["sex"] or found["aged"] or found["being"]
            digits = digits or found["sexed"] or found["whose"] or found["first"]
            if not digits or not digits.isascii():
                continue
            age = int(digits)
        if kind and age <= 120 and not (found["sex"] and _TEMPERATURE.search(note, 0, found.start())):
            yield found.start(), found.end(), age, age


def _is_no_age(found: re.Match[str], note: str) -> bool:
    """Whether a number may be something else: a length, the number of a patient, a duration."""
    if found["sex"] or found["sexed"]:
        letter = found[0][-1]
        return letter in "mf" and not found[0][-2].isalpha()  # 5 m and 5 f are lengths and shares
    if found["whose"]:
        who, bare = found[0].split()[0].rstrip(",:;").partition("/")[0], found[0][-1].isdigit()
        return who in "mf" or (
            bare and (len(found["whose"]) < 2 or (who.lower() == "patient" and " of " not in found[0]))
        )
    return bool(found["first"]) and note[: found.start()].rpartition("\n")[2].strip() != ""
