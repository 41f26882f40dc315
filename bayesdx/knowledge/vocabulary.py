"""What people may call the variables and states of a model: names, labels, synonyms, yes and no, measured numbers."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayesdx.errors import FindingsError, nearest
from bayesdx.knowledge.schema import Variable, format_cell
from bayesdx.knowledge.spelling import SHORTEST_FOLDED, compact, fold

YES = ("yes", "true", "1", "present", "positive")
NO = ("no", "false", "0", "absent", "negative")
"""Words that a variable of two states understands where its states are such words themselves."""

LONGEST_WORDS = 500
"""Signs of a search that are read."""

LONGEST_SHOWN = 80

_READ = (str, bool, np.bool_, int, float, np.integer, np.floating)
"""Types of a value that may mean a state."""

LEAST_MATCH = 0.45
"""What a variable has to score in a search to be shown, of 1."""

LEAST_HINT = 0.7
"""What it has to score to be named in an error."""

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?)\s*(.*)", re.ASCII | re.IGNORECASE | re.DOTALL)
_COMMA = re.compile(r"([+-]?\d+),(\d+)\s*(.*)", re.ASCII | re.DOTALL)
_LITTLE = frozenset(
    ("a", "an", "and", "any", "at", "by", "can", "cannot", "cant", "could", "couldnt", "do", "does", "for", "from",
     "had", "has", "have", "he", "her", "his", "in", "is", "it", "me", "my", "not", "of", "on", "or", "she", "the",
     "to", "was", "were", "with")
)  # fmt: skip
"""Words that a search leaves out, unless there are no others."""


@dataclass(frozen=True)
class Match:
    """A variable that a search found.

    Parameters
    ----------
    variable : Variable
    score : float in (0, 1]
        1 where the words are its name, its label or a synonym.
    text : str
        The name, label, synonym, state, definition, group or code that fits best.
    """

    variable: Variable
    score: float
    text: str


class Vocabulary:
    """What the variables, groups and states of a model may be called.

    Parameters
    ----------
    variables : sequence of Variable
    groups : mapping of group to the names of its members
    title : str
        Name and version of the model, for messages.
    """

    def __init__(self, variables: Sequence[Variable], groups: Mapping[str, Sequence[str]], title: str) -> None:
        self.variables = {variable.variable: variable for variable in variables}
        self.groups = groups
        self.title = title

    @cached_property
    def _names(self) -> dict[str, dict[str, None]]:
        """Folded name, label, synonym or quantity -> what it may mean."""
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for name, variable in self.variables.items():
            for text in (name, variable.label, *variable.synonyms, *variable.quantity):
                found[compact(text)][name] = None
        for group in self.groups:
            found[compact(group)][group] = None
        found.pop("", None)
        return dict(found)

    def find(self, text: object) -> tuple[str, ...]:
        """Names of the variables and groups that a text may mean: none, one, or several.

        The name itself, letter by letter, has one meaning. Otherwise names, labels and synonyms count alike.

        Parameters
        ----------
        text : object
            What is no text means nothing.

        Returns
        -------
        tuple of str
        """
        if not isinstance(text, str):
            return ()
        if text in self.variables or text in self.groups:
            return (text,)
        return tuple(self._names.get(_key(text[:LONGEST_WORDS]), ()))

    def resolve(self, text: object) -> str:
        """The one variable or group that a text means.

        Raises
        ------
        FindingsError
            It means none (the nearest one is named) or several (all are listed).
        """
        found = self.find(text)
        if len(found) == 1:
            return found[0]
        if found:
            raise FindingsError(f"{quoted(text)} may mean {self._listed(found)}; use the name of one of them.")
        raise FindingsError(f"{quoted(text)} is not a variable of {self.title}.{self.hint(text)}")

    def hint(self, text: object, among: Iterable[str] | None = None) -> str:
        """The nearest variable or group as a question, or nothing; ``among`` limits the answer to these names."""
        if not isinstance(text, str):
            return ""
        allowed = {*self.variables, *self.groups} if among is None else set(among)
        near = nearest(text, [name for name in (*self.variables, *self.groups) if name in allowed])
        if near:
            return f" Did you mean {near!r}?"
        named = [key for key, names in self._names.items() if set(names) & allowed]
        hit = nearest(compact(text), named)
        names = [name for name in self._names[hit] if name in allowed] if hit else []
        if not names:
            found = [m.variable.variable for m in self.search(text, 3) if m.score >= LEAST_HINT]
            names = [name for name in found if name in allowed]
        return f" Did you mean {self._listed(names)}?" if names else ""

    def _listed(self, names: Sequence[str]) -> str:
        shown = []
        for name in names:
            label = self.variables[name].label if name in self.variables else ""
            shown.append(f"{name!r} ({label})" if label and compact(label) != compact(name) else repr(name))
        return " or ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))

    def state(self, name: str, given: object, said: str | None = None) -> str:
        """The state of a variable that a word, a truth value or a number means.

        Parameters
        ----------
        name : str
            A variable.
        given : str, bool, int or float
            A state or its label; yes, no, true, false, 1 or 0 where the variable has two states that are such words; a
            number where it has cut points, as a number or as text, with or without its unit; "4/5" on a scale without
            a unit that ends at 5.
        said : str, optional
            What the variable was called. A number is read under its name, its label or a word for its quantity alone:
            under another synonym it might be another quantity. Under its quantity 1 and 0 are measured, not yes and no.

        Returns
        -------
        str

        Raises
        ------
        FindingsError
            No state is meant, or more than one could be; the sentence lists them.
        """
        meant = self.state_or_none(name, given, said)
        if meant is not None:
            return meant
        variable = self.variables[name]
        if isinstance(given, _READ):
            readings, fault = self._readings(variable, given, said)
            if readings:
                meant = " or ".join(f"{state} ({how})" for how, state in readings.items())
                raise FindingsError(f"{name} = {quoted(given)} may mean {meant}; give the state.")
            if fault:
                raise FindingsError(f"{name} = {quoted(given)}: {fault}")
        raise FindingsError(self._no_state(variable, given))

    def state_or_none(self, name: str, given: object, said: str | None = None) -> str | None:
        """As ``state``; None where no one state is meant, without looking for the nearest one, which takes longer."""
        variable = self.variables[name]
        if isinstance(given, str) and given in variable.states:
            return given
        readings = self._readings(variable, given, said)[0] if isinstance(given, _READ) else {}
        return next(iter(readings.values())) if len(set(readings.values())) == 1 else None

    def _readings(self, variable: Variable, given: object, said: str | None) -> tuple[dict[str, str], str]:
        """How a value can be read, each reading with its state; else what is wrong with it."""
        readings: dict[str, str] = {}
        truth = isinstance(given, bool | np.bool_)
        text = given if isinstance(given, str) else str(given).lower() if truth else _whole(given)
        short = text.strip()[:LONGEST_WORDS]
        key = _key(short)
        for state in variable.states:
            if key and key in (compact(state), compact(variable.state_label(state))):
                readings["the state" if compact(state) == key else "its label"] = state
        numeric = variable.cuts and not truth and _NUMBER.fullmatch(short)
        answer = "" if numeric and _is_quantity(variable, said) else _truth(variable.states, short.casefold())
        if answer and answer not in readings.values():
            readings[f"{short} as {'yes' if short.casefold() in YES else 'no'}"] = answer
        if truth or not variable.cuts:
            return readings, ""
        number, fault = self._number(variable, given, short)
        if number is None:
            return readings, fault
        if short in ("0", "1") and len(variable.states) == 2 and not answer and not _is_quantity(variable, said):
            readings[f"{short} as a code"] = variable.states[int(short)]
        own = {compact(word) for word in (variable.variable, variable.label, *variable.quantity)}
        measure = _measure(variable)
        if readings or said is None or not variable.quantity or compact(said) in own:
            readings[f"{format_cell(number)} {measure}".strip()] = variable.state_of(number)
            return readings, ""
        return {}, f"a number is read as {measure}; give {variable.quantity[0]}, or a state of {quoted(said)}."

    def _number(self, variable: Variable, given: object, text: str) -> tuple[float | None, str]:
        """A measured number, or what is wrong with it; neither where the text is no number."""
        measure = _measure(variable) or "a number"
        comma = _COMMA.fullmatch(text) if isinstance(given, str) else None
        if comma:
            point, whole = f"{comma[1]}.{comma[2]}", f"{comma[1]}{comma[2]}"
            return None, f"write {point} or {whole}." if len(comma[2]) == 3 else f"write a decimal point, {point}."
        parts = _NUMBER.fullmatch(text)
        if not parts:
            return None, ""
        number = float(parts[1])
        if parts[2] and compact(parts[2]) != compact(variable.unit) and not _of_the_most(variable, parts[2]):
            if isinstance(given, str) and variable.unit:
                return None, f"it is measured in {variable.unit}, not {quoted(parts[2])}."
            return None, ""
        if not math.isfinite(number) or (variable.limits and not variable.limits[0] <= number <= variable.limits[1]):
            ends = " to ".join(map(format_cell, variable.limits)) or "finite"
            return None, f"{measure} is a number {'' if ends == 'finite' else 'from '}{ends}."
        return number, ""

    def _no_state(self, variable: Variable, given: object) -> str:
        states = ", ".join(variable.states)
        known = f"its states are {states}"
        if variable.cuts:
            known += f", or {_measure(variable) or 'a number'} (cut{'s' if len(variable.cuts) > 1 else ''} at "
            known += ", ".join(map(str, variable.cuts)) + ")"
        labels = {compact(variable.state_label(state)): state for state in variable.states}
        near = nearest(given, variable.states)
        if not near and isinstance(given, str):
            near = labels.get(nearest(compact(given), labels) or "")
        suggestion = f" Did you mean {near!r}?" if near else ""
        return f"{variable.variable} = {quoted(given)} is not a state of {variable.variable}; {known}.{suggestion}"

    @cached_property
    def _index(self) -> _Index:
        return _Index(list(self.variables.values()))

    def search(self, words: str, limit: int = 10) -> list[Match]:
        """The variables that words fit, best first.

        Names, labels, synonyms, states and their labels, groups, definitions and codes are searched, in one spelling
        (see ``fold``). Words of four letters or more also fit where a letter or two are wrong.

        Parameters
        ----------
        words : str
        limit : int, at least 1

        Returns
        -------
        list of Match
        """
        return self._index.search(words[:LONGEST_WORDS], limit)


def _key(text: str) -> str:
    """The folded form of what somebody typed; empty where it holds signs that nobody types, such as NUL."""
    return compact(text) if " ".join(text.split()).isprintable() else ""


def _whole(given: object) -> str:
    """A number as text; a whole one without a decimal point."""
    try:
        number = float(given)  # type: ignore[arg-type]
    except OverflowError:
        return ""  # an integer beyond every float is no state and no measurement
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _measure(variable: Variable) -> str:
    """What a number of a variable is: its quantity and unit."""
    return " ".join(filter(None, (*variable.quantity[:1], f"in {variable.unit}" if variable.unit else "")))


def _is_quantity(variable: Variable, said: str | None) -> bool:
    """Whether a variable was called by what is measured, which is not its name: temperature for fever."""
    own = {compact(variable.variable), compact(variable.label)}
    return said is not None and compact(said) in map(compact, variable.quantity) and compact(said) not in own


def _of_the_most(variable: Variable, text: str) -> bool:
    """Whether a text after a number names the end of a scale without a unit: "/5" where the limits are 0 and 5."""
    most = variable.limits[1:] if not variable.unit else ()
    return [text.replace(" ", "")] == [f"/{format_cell(end)}" for end in most]


def _truth(states: Sequence[str], text: str) -> str:
    """The state that yes or no means; empty unless the variable has two states, and these are such words."""
    if len(states) != 2:
        return ""
    first, second = (state.casefold() for state in states)
    if not ((first in NO and second in YES) or (first in YES and second in NO)):
        return ""
    side = YES if text in YES else NO if text in NO else ()
    return next((state for state in states if state.casefold() in side), "")


def quoted(value: object) -> str:
    """A value as people typed it, shortened; letters that only look like those of a name are spelt as code points."""
    if isinstance(value, str):
        cut = value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}…"
        return repr(cut) if cut.isascii() or not _mixed(cut) else ascii(cut)
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a list within itself
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _mixed(text: str) -> bool:
    """Whether letters of the Latin alphabet stand beside those of another one, as in forged names."""
    letters = [sign for sign in text if sign.isalpha()]
    return any(sign.isascii() for sign in letters) and any(ord(sign) > 0x24F for sign in letters)


@dataclass(frozen=True)
class _Field:
    """A text of a variable, in folded words."""

    place: int
    text: str
    words: tuple[str, ...]
    weight: float


class _Index:
    """The texts of all variables, ready to be searched."""

    def __init__(self, variables: Sequence[Variable]) -> None:
        self.variables = variables
        self.fields: list[_Field] = []
        for place, variable in enumerate(variables):
            for text, weight in _texts(variable):
                words = tuple(fold(text).split())
                if words:
                    self.fields.append(_Field(place, text, words, weight))
        holders: dict[str, set[int]] = defaultdict(set)
        for field in self.fields:
            for word in field.words:
                holders[word].add(field.place)
        self.holders = dict(holders)
        self.words = sorted(holders)

    def rarity(self, word: str) -> float:
        """How much a word tells: 1 for one that no or one variable has, less for a common one."""
        count = len(self.holders.get(word, ()))
        every = max(2, len(self.variables))
        return 1.0 if count <= 1 else max(0.1, 1 - math.log(count) / math.log(every))

    def alike(self, word: str) -> dict[str, float]:
        """Words of the model that a searched word fits, each with how well, of 1."""
        found = {word: 1.0} if word in self.holders else {}
        if len(word) < SHORTEST_FOLDED:
            return found
        from rapidfuzz.distance import OSA

        for other in self.words:
            if other == word or len(other) < SHORTEST_FOLDED:
                continue
            if other.startswith(word) or (word.startswith(other) and len(other) > SHORTEST_FOLDED):
                found[other] = 0.9
                continue
            allowed = 1 if len(word) < 7 else 2
            distance = OSA.distance(word, other, score_cutoff=allowed)
            if distance <= allowed and word[0] == other[0]:
                found[other] = 0.9 - 0.1 * distance
            elif _stem(word, other):
                found[other] = 0.75
        return found

    def search(self, words: str, limit: int) -> list[Match]:
        """The variables that words fit, best first; equal ones in the order of the model."""
        asked = list(dict.fromkeys(fold(words).split()))
        asked = [word for word in asked if word not in _LITTLE] or asked
        if not asked:
            return []
        alike = {word: self.alike(word) for word in asked}
        weights = {word: max((self.rarity(o) * s for o, s in alike[word].items()), default=1.0) for word in asked}
        total = sum(weights.values())
        key = "".join(fold(words).split())
        best: dict[int, tuple[float, str]] = {}
        singly: dict[int, dict[str, float]] = defaultdict(dict)
        for field in self.fields:
            if "".join(field.words) == key:
                best[field.place] = max(best.get(field.place, (0.0, "")), (field.weight, field.text))
                continue
            hits = {word: max(alike[word].get(other, 0.0) for other in field.words) for word in asked}
            covered = sum(weights[word] * hit for word, hit in hits.items()) / total
            if not covered:
                continue
            tight = sum(hit > 0 for hit in hits.values()) / len(field.words)
            score = field.weight * covered * (0.8 + 0.15 * min(1.0, tight))
            best[field.place] = max(best.get(field.place, (0.0, "")), (score, field.text))
            for word, hit in hits.items():
                singly[field.place][word] = max(singly[field.place].get(word, 0.0), hit * field.weight)
        for place, hits in singly.items():
            spread = 0.85 * sum(weights[word] * hit for word, hit in hits.items()) / total
            score, text = best[place]
            best[place] = (max(score, spread), text)
        ranked = sorted(best.items(), key=lambda item: (-round(item[1][0], 9), item[0]))
        return [
            Match(self.variables[place], score, text) for place, (score, text) in ranked[:limit] if score >= LEAST_MATCH
        ]


def _texts(variable: Variable) -> Iterable[tuple[str, float]]:
    """The texts by which a variable is found, each with its weight."""
    yield from ((text, 1.0) for text in (variable.variable, variable.label, *variable.synonyms, *variable.quantity))
    yield from ((code, 1.0) for code in (variable.icd10, variable.icd11, variable.snomed_ct, variable.loinc))
    yield from ((text, 0.85) for state in variable.states for text in (state, variable.state_label(state)))
    yield variable.definition, 0.8
    yield variable.group, 0.8


def _stem(word: str, other: str) -> bool:
    """Whether two words share so long a beginning that they are forms of one, as paraesthesia and paraesthetic."""
    shared = 0
    for a, b in zip(word, other, strict=False):
        if a != b:
            break
        shared += 1
    return shared >= 5 and shared >= 0.7 * min(len(word), len(other))
