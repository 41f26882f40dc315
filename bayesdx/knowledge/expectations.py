"""What must hold of a clinical unit test: the small language of the column ``expect`` of cases.csv.

Expectations are separated by ``;``. ``C`` is a cause (``cause`` stands for the main one of the row) and means that it
is present, in whatever state; ``N`` is a whole number from 1, ``x`` and ``y`` are probabilities.

==============================  =======================================================================================
expectation                     holds when
==============================  =======================================================================================
``C in top N``                  fewer than N causes are more probable than C
``none in top N``               fewer than N causes are more probable than that no cause is present
``p(C) >= x``, ``p(C) <= x``    P(C | findings) lies there
``p(C) in x..y``                P(C | findings) lies there, ends included
``p(C=s) >= x`` ...             the same of one state of C
``none_present >= x`` ...       the same of P(no cause | findings)
``flag F fires``                the findings raise the red flag F (for certain or possibly)
``flag F does not fire``        they do not
``no flag fires``               they raise no red flag
``v=s moves nothing``           with v found in state s as well, no cause's probability changes by 0.01 or more
==============================  =======================================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bayesdx.knowledge.schema import NUMBER

MAIN = "cause"
"""The word that stands for the main cause of the row."""

FORMS = (
    "'C in top N', 'none in top N', 'p(C) >= x', 'p(C) <= x', 'p(C) in x..y', 'none_present >= x', "
    "'flag F fires', 'flag F does not fire', 'no flag fires' or 'v=s moves nothing'"
)
"""The forms that an expectation may take, in words for a message."""


@dataclass(frozen=True)
class InTop:
    """A cause (empty: that no cause is present) is among the N most probable."""

    cause: str
    places: int


@dataclass(frozen=True)
class InRange:
    """The probability of a cause (empty: that none is present), or of one state of it, lies in an interval."""

    cause: str
    state: str
    lower: float
    upper: float


@dataclass(frozen=True)
class FlagFires:
    """A red flag (empty: any) fires, or does not."""

    flag: str
    fires: bool


@dataclass(frozen=True)
class MovesNothing:
    """One more finding changes no cause's probability by 0.01 or more."""

    variable: str
    state: str


Expectation = InTop | InRange | FlagFires | MovesNothing

_NAME = r"[A-Za-z]\w*"
_WHOSE = rf"(?:p\(({_NAME})(?:=(.+?))?\)|none_present)"
_TOP = re.compile(rf"({_NAME}) in top ([1-9]\d{{0,3}})", re.ASCII)
_BOUND = re.compile(rf"{_WHOSE} (>=|<=) (\S+)")
_RANGE = re.compile(rf"{_WHOSE} in (\S+?)\.\.(\S+)")
_FLAG = re.compile(rf"flag ({_NAME}) (fires|does not fire)", re.ASCII)
_MOVES = re.compile(rf"({_NAME})=([^;]+?) moves nothing")


def split_expectations(text: str) -> tuple[str, ...]:
    """The expectations of a cell, each as it is written.

    Examples
    --------
    >>> split_expectations("cause in top 1; no flag fires")
    ('cause in top 1', 'no flag fires')
    """
    return tuple(part.strip() for part in text.split(";"))


def parse_expectation(text: str) -> Expectation:
    """One expectation as a value.

    Raises
    ------
    ValueError
        The text has none of the forms, or a number that is no probability; the message says what was expected.

    Examples
    --------
    >>> parse_expectation("cause in top 3")
    InTop(cause='cause', places=3)
    >>> parse_expectation("p(gout) in 0.2..0.6")
    InRange(cause='gout', state='', lower=0.2, upper=0.6)
    >>> parse_expectation("none_present >= 0.3")
    InRange(cause='', state='', lower=0.3, upper=1.0)
    >>> parse_expectation("fever=present moves nothing")
    MovesNothing(variable='fever', state='present')
    """
    if text == "no flag fires":
        return FlagFires("", fires=False)
    if found := _TOP.fullmatch(text):
        return InTop("" if found[1] == "none" else found[1], int(found[2]))
    if found := _BOUND.fullmatch(text):
        value = _probability(found[4])
        lower, upper = (value, 1.0) if found[3] == ">=" else (0.0, value)
        return InRange(found[1] or "", found[2] or "", lower, upper)
    if found := _RANGE.fullmatch(text):
        lower, upper = _probability(found[3]), _probability(found[4])
        if lower > upper:
            raise ValueError(f"a range whose lower end is at most its upper end, not {found[3]}..{found[4]}")
        return InRange(found[1] or "", found[2] or "", lower, upper)
    if found := _FLAG.fullmatch(text):
        return FlagFires(found[1], fires=found[2] == "fires")
    if found := _MOVES.fullmatch(text):
        return MovesNothing(found[1], found[2])
    raise ValueError(f"an expectation of the form {FORMS}")


def _probability(text: str) -> float:
    if not NUMBER.fullmatch(text) or not 0 <= float(text) <= 1:
        raise ValueError(f"a probability between 0 and 1, not {text}")
    return float(text)
