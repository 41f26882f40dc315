"""Over which words of a statement a denial, a doubt, a relative or a side reaches.

One pass over the tokens each, with bounded looks ahead, so that time grows with the length of the note. The scope of a
denial follows the idea of NegEx (Chapman et al. 2001, "A simple algorithm for identifying negated findings and diseases
in discharge summaries", J Biomed Inform 34:301-310), with commas decided by the list that they stand in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from bayesdx.notes import words
from bayesdx.notes.tokens import Token

LONGEST_LIST = 30
"""Tokens that are looked ahead for the end of a list."""

REACH = {"no": 14, "not": 7, "deny": 40, "non": 2}
"""Tokens over which a denial reaches at most."""


@dataclass
class Scope:
    """What each token of a statement stands under.

    Parameters
    ----------
    denied : list of int
        Place of the word that denies, or -1.
    doubted : list of int
        Place of the word that doubts, or -1.
    family : list of int
        Place of the word for a relative, or -1.
    side : list of str
        "left", "right", "both" or "" of the token itself.
    hard : list of bool
        Whether no finding reaches over the token.
    soft : list of bool
        Whether it joins the members of a list.
    """

    denied: list[int]
    doubted: list[int]
    family: list[int]
    side: list[str]
    hard: list[bool] = field(default_factory=list)
    soft: list[bool] = field(default_factory=list)


def scope_of(tokens: list[Token], note: str) -> Scope:
    """The scope of every token of a statement."""
    _join_cannot(tokens)
    for token, following in pairwise(tokens):
        if token.stem == "radiat" and following.text in words.TOWARDS:
            token.stem = "pain"
    cues = [_cue(tokens, place) for place in range(len(tokens))]
    hard = [bool(cues[k]) or (t.kind == "mark" and t.text in ":?.!;()>\u2192") for k, t in enumerate(tokens)]
    for place, token in enumerate(tokens):
        if token.text in "()" and token.kind == "mark":
            hard[place] = False
        elif token.text in words.NEW_CLAUSE or token.text == "no":
            hard[place] = True
        elif cues[place] == "non":
            hard[place] = False
        elif token.text in "-\u2013\u2014" and token.kind == "mark":
            hard[place] = _is_dash(tokens, place)
    soft = [(t.kind == "mark" and t.text in ",/+&()") or t.text in words.JOINS or t.kind == "number" for t in tokens]
    return Scope(
        _denied(tokens, cues, hard),
        _doubted(tokens, note),
        _family(tokens),
        [_side(tokens, place, note) for place in range(len(tokens))],
        hard,
        soft,
    )


def _is_dash(tokens: list[Token], place: int) -> bool:
    """Whether a dash stands between blanks, and is no hyphen."""
    apart_before = place == 0 or tokens[place - 1].end < tokens[place].start
    apart_after = place + 1 == len(tokens) or tokens[place].end < tokens[place + 1].start
    return apart_before and apart_after


def _join_cannot(tokens: list[Token]) -> None:
    """Make one word of inability of "not able", "can not", "could no longer" and "no longer able"."""
    for place, token in enumerate(tokens):
        if token.text not in ("not", "no", "never", "hardly", "barely"):
            continue
        before = tokens[place - 1].text if place else ""
        after = [t.text for t in tokens[place + 1 : place + 3]]
        if before in ("can", "could") or after[:1] == ["able"] or after == ["longer", "able"]:
            if before in ("can", "could"):
                tokens[place - 1].stem, tokens[place - 1].little = "", True
            token.stem, token.text, token.little = "cannot", "cannot", False
            for later in tokens[place + 1 : place + 3]:
                if later.text in ("able", "longer"):
                    later.stem, later.little = "", True


def _cue(tokens: list[Token], place: int) -> str:
    """What kind of denial a token is: "no", "not", "non", "deny", or none."""
    token = tokens[place]
    text = token.text
    after = tokens[place + 1].text if place + 1 < len(tokens) else ""
    if text in words.NO:
        if after in words.NOT_DENIED_AFTER or (text == "no" and after in (".", ",")):
            return ""
        return "non" if text == "non" else "no"
    if text in words.NOT:
        return "" if after in words.NOT_DENIED_AFTER else "not"
    if text in words.DENY:
        return "deny"
    if text in ("free", "absence") and after == "of":
        return "no"
    if text in ("negative", "-ve") and after == "for":
        return "deny"
    if text in ("ruled", "rules") and after == "out":
        return "no"
    if text in ("excluded", "excludes") and _is_object(tokens, place):  # CT excluded a haematoma
        return "no"
    return ""


def _is_object(tokens: list[Token], place: int) -> bool:
    """Whether what follows a verb is what it is done to: not after "was excluded", nor before "on CT"."""
    before = tokens[place - 1].text if place else ""
    after = tokens[place + 1] if place + 1 < len(tokens) else None
    return (
        before not in words.PASSIVE
        and after is not None
        and after.kind == "word"
        and after.text not in words.AFTER_VERB
    )


def _denied(tokens: list[Token], cues: list[str], hard: list[bool]) -> list[int]:
    found = [-1] * len(tokens)
    active, kind, closing = -1, "", False
    for place, token in enumerate(tokens):
        if cues[place]:
            active, kind, closing = place, cues[place], False
        elif active >= 0:
            text = token.text
            after = tokens[place + 1].text if place + 1 < len(tokens) else ""
            far = place - active
            if (
                text in words.ENDS_DENIAL
                or (text in ("since", "until", "because", "who") and far > 1)
                or far > REACH[kind]
                or (hard[place] and token.kind == "mark")
                or (kind in ("no", "not") and text in words.VERBS and far > 2)
                or (kind == "deny" and text in ("has", "had", "is", "was", "he", "she") and far > 3)
                or (text == "and" and kind != "deny" and after in _STARTS_ANEW)
                or (text == "with" and kind in ("no", "not") and far > 1)
            ) or (text == "(" and kind != "deny"):
                active = -1
            elif text == "," and kind in ("no", "not"):
                if closing or not _goes_on(tokens, place, cues, hard):
                    active = -1
            elif text in ("or", "nor"):
                closing = True
        if active >= 0:
            found[place] = active
    return found


_STARTS_ANEW = frozenset(
    ("he", "she", "the", "there", "is", "has", "his", "her", "now", "takes", "they", "then", "also")
)


def _goes_on(tokens: list[Token], comma: int, cues: list[str], hard: list[bool]) -> bool:
    """Whether a list that was begun with "no" goes on behind a comma, that is, ends with "or"."""
    for place in range(comma + 1, min(len(tokens), comma + LONGEST_LIST)):
        token = tokens[place]
        if cues[place] or hard[place] or token.kind == "number" or token.text in words.VERBS:
            return False
        if token.text in words.ENDS_DENIAL or token.grade in words.OUTCOMES:
            return False
        if token.text in ("or", "nor"):
            return True
    return False


def _doubted(tokens: list[Token], note: str) -> list[int]:
    found = [-1] * len(tokens)
    active = -1
    for place, token in enumerate(tokens):
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        question = token.text == "?" and after is not None and (after.start == token.end or after.text == "?")
        spaced = token.text == "?" and after is not None and (place == 0 or tokens[place - 1].end < token.start)
        if question or spaced or _doubts(tokens, place, note):
            active = place
        elif active >= 0 and (
            token.text in ("but", "however", "although", ".", ";", ":")
            or (token.text == "," and not _or_follows(tokens, place))
            or place - active > 20
        ):
            active = -1
        found[place] = active
    if tokens and tokens[-1].text == "?":
        for place in range(len(tokens) - 1, -1, -1):
            if tokens[place].text == ",":
                break
            found[place] = len(tokens) - 1
    return found


def _or_follows(tokens: list[Token], comma: int) -> bool:
    return any(t.text == "or" for t in tokens[comma + 1 : comma + 6])


def _doubts(tokens: list[Token], place: int, note: str) -> bool:
    token = tokens[place]
    text = token.text
    before = tokens[place - 1].text if place else ""
    if text in words.DOUBT:
        if text == "may":
            return note[token.start].islower()
        if text == "risk":
            return before not in ("at", "no")
        if text in ("query", "likely"):
            return not (text == "likely" and before in ("not",))
        return True
    if text == "out" and before == "rule":
        return True
    if text == "o" and place > 1 and before == "/" and tokens[place - 2].text == "r":
        return True
    return text in ("sure", "certain", "excluded", "exclude") and before in ("not", "cannot", "cant")


def _family(tokens: list[Token]) -> list[int]:
    found = [-1] * len(tokens)
    active = -1
    for place, token in enumerate(tokens):
        after = [t.text for t in tokens[place + 1 : place + 3]]
        before = {t.text for t in tokens[max(0, place - 2) : place]}
        text = token.text.removesuffix("'s").removesuffix("\u2019s")
        counted = after[:1] == ["of"]  # a father of two is the patient
        if (
            text in words.FAMILY
            and not counted
            and not words.REPORTS.intersection(after)
            and not before & {"with", "by", "from"}
        ):
            active = place
        elif active >= 0 and (
            token.text in ("but", "whereas", "however")
            or (token.text in words.PATIENT and tokens[place - 1].text in (",", "and", ";"))
        ):
            active = -1
        found[place] = active
    for place in range(len(tokens)):  # "diabetes in his mother"
        if found[place] == place and place and any(t.text in ("in", "of") for t in tokens[max(0, place - 3) : place]):
            for earlier in range(max(0, place - 6), place):
                if tokens[earlier].text in (",", "."):
                    continue
                found[earlier] = place
    return found


def _side(tokens: list[Token], place: int, note: str) -> str:
    token = tokens[place]
    after = tokens[place + 1] if place + 1 < len(tokens) else None
    if token.stem == "both":
        return "both"
    if token.text in words.SIDES:
        if after is not None and after.text == "-" and place + 2 < len(tokens):
            after = tokens[place + 2]
        if after is not None and after.text in words.NOT_A_SIDE_BEFORE:
            return ""
        return words.SIDES[token.text]
    if token.end - token.start == 1 and token.kind == "word":
        joined = after is not None and after.start == token.end and after.text in ("/", ".", "'")
        return "" if joined else words.SIDE_LETTERS.get(note[token.start : token.end], "")
    return ""
