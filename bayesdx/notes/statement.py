"""A statement of a note with the vocabulary that it is read by: the ground that all rules stand on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from bayesdx.notes import words
from bayesdx.notes.claims import Found
from bayesdx.notes.lexicon import Lexicon
from bayesdx.notes.note_reading import LeftOut, Span
from bayesdx.notes.scope import Scope
from bayesdx.notes.tokens import Token
from bayesdx.notes.words import canonical

SHORTEST_JOINED = 7
"""Letters of a word that may be written as two."""


@dataclass
class Context:
    """What earlier statements leave in force."""

    section: str = ""
    modality: str = ""
    main_side: str = ""


class Statement:
    """One statement with its scope.

    Parameters
    ----------
    lexicon : Lexicon
    tokens : list of Token
    scope : Scope
    context : Context
        What earlier statements leave in force.
    text : str
        The whole note.
    found : Found
        Where claims go, and what is left out.
    """

    def __init__(
        self, lexicon: Lexicon, tokens: list[Token], scope: Scope, context: Context, text: str, found: Found
    ) -> None:
        self.lexicon = lexicon
        self.tokens = tokens
        self.scope = scope
        self.context = context
        self.text = text
        self.found = found
        for token in tokens:
            if token.kind == "word" and len(token.stem) > 6:
                token.stem = lexicon.corrected(token.stem)
        self._join_halves()
        self.modalities = self._modalities()

    def _join_halves(self) -> None:
        """Read "post partum" as the model's "postpartum"."""
        for one, other in pairwise(self.tokens):
            if one.kind == other.kind == "word" and one.stem and other.stem and other.start - one.end <= 1:
                joined = canonical(one.text + other.text)
                if len(joined) >= SHORTEST_JOINED and joined in self.lexicon.triggers:
                    one.stem, other.stem, other.little = joined, "", True

    def _modalities(self) -> list[str]:
        """The kind of imaging in force at each token; one named later in the statement holds for what is before it."""
        found = []
        current = self.context.modality
        named = [modality_of(token) for token in self.tokens if modality_of(token)]
        if not current and named:
            current = named[0]
        for place, token in enumerate(self.tokens):
            kind = modality_of(token)
            if kind == "imaging" and any(map(modality_of, self.tokens[max(0, place - 2) : place])):
                kind = ""  # magnetic resonance imaging
            current = kind or current
            found.append(current)
        if named and not any(map(modality_of, self.tokens[: len(self.tokens) // 2])):
            found = [named[0] if value == self.context.modality else value for value in found]
        return found

    def _text(self, place: int) -> str:
        return self.tokens[place].text if place < len(self.tokens) else ""

    def _words(self, first: int, last: int) -> str:
        return self.text[self.tokens[first].start : self.tokens[last].end]

    def _span(self, first: int, last: int, rule: str) -> Span:
        start, end = self.tokens[first].start, self.tokens[last].end
        return Span(start, end, self.text[start:end], rule)

    def _leave(self, names: tuple[str, ...], first: int, last: int, why: str) -> None:
        self.found.left.append(LeftOut(names, self._span(first, last, why)))


def modality_of(token: Token) -> str:
    """The kind of imaging that a token names."""
    return token.stem if token.stem in words.MODALITIES else "imaging" if token.text in words.IMAGING else ""
