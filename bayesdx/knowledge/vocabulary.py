"""What people may call the variables and states of a model: names, labels, synonyms, yes and no, measured numbers."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from types import MappingProxyType

import numpy as np

from bayesdx.errors import FindingsError, nearest, quoted
from bayesdx.knowledge.schema import FINDING_KINDS, Variable, format_cell
from bayesdx.knowledge.spelling import SHORTEST_FOLDED, compact, fold, state_key
from bayesdx.knowledge.units import same_unit

YES = ("yes", "true", "1", "present", "positive")
NO = ("no", "false", "0", "absent", "negative")
"""Words that a variable of two states understands where its states are such words themselves."""

DENYING = frozenset({"no", "none", "not", "without"})
"""Words of a label that deny the others."""

NOT_KNOWN = frozenset(
    ("-", ".", "<na>", "missing", "n.a.", "n/a", "na", "nan", "not assessed", "not available", "not done", "not known",
     "not recorded", "not tested", "null", "unknown")
)  # fmt: skip
"""Words that tables and forms have for what is not known; ``?`` and an empty cell are what is understood."""

EXCLUDING = DENYING | {"other", "another"}
"""Those, and words by which a label stands for what has no label of its own."""

LONGEST_WORDS = 500
"""Signs of a search that are read."""

_READ = (str, bool, np.bool_, int, float, np.integer, np.floating)
"""Types of a value that may mean a state."""

LEAST_MATCH = 0.45
"""What a variable has to score in a search to be shown, of 1."""

LEAST_HINT = 0.7
"""What it has to score to be named in an error."""

LEAST_ALIKE = 0.75
"""Part of the letters that a name has to share to be named in an error; with fewer, another word is meant."""

LEAST_STATE = 0.5
"""What a state has to score to be named in an error."""

_DIGITS = r"(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?"
_FLAGS = re.ASCII | re.IGNORECASE | re.DOTALL
_NUMBER = re.compile(rf"([+-]?{_DIGITS})\s*(.*)", _FLAGS)
_BOUNDS = {
    **dict.fromkeys(("<", "under", "below", "less than", "fewer than"), (False, True)),
    **dict.fromkeys(("<=", "=<", "\u2264", "at most", "up to"), (False, False)),
    **dict.fromkeys((">", "over", "above", "more than", "greater than"), (True, True)),
    **dict.fromkeys((">=", "=>", "\u2265", "at least"), (True, False)),
}
"""Words and signs before a number that make it a bound: whether it is the lower end, and whether it is left out."""
_BOUND = re.compile(
    rf"({'|'.join(sorted(map(re.escape, _BOUNDS), key=len, reverse=True))})\s*([+-]?{_DIGITS})\s*(.*)", _FLAGS
)
_RANGE = re.compile(rf"([+-]?{_DIGITS})\s*(?:-|to|\.\.\.?|[\u2010-\u2015\u2212])\s*({_DIGITS})\s*(.*)", _FLAGS)
_GRADE = re.compile(rf"({_DIGITS})\s*([+-])\s*(\D.*|)", _FLAGS)
_COMMA = re.compile(r"([+-]?\d+),(\d+)\s*(.*)", re.ASCII | re.DOTALL)
_DATE = re.compile(
    r"\d{4}([-/.])\d{1,2}\1\d{1,2}([T ].*)?|\d{1,2}([-/.])\d{1,2}\3(\d{2}|\d{4})|\d{1,2}\.? [a-z]{3,9}\.? \d{4}", _FLAGS
)
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
        self.variables = MappingProxyType({variable.variable: variable for variable in variables})
        self.groups = groups
        self.title = title

    def __reduce__(self) -> tuple[type[Vocabulary], tuple[object, ...]]:
        """Copied and pickled as what it is made of, since a read-only mapping cannot be."""
        return Vocabulary, (tuple(self.variables.values()), dict(self.groups), self.title)

    @cached_property
    def _names(self) -> dict[str, dict[str, None]]:
        """Folded name, label, synonym or quantity -> what it may mean."""
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for name, variable in self.variables.items():
            for text in variable.words:
                found[compact(text)][name] = None
        for group in self.groups:
            found[compact(group)][group] = None
        found.pop("", None)
        return dict(found)

    @cached_property
    def _of_states(self) -> dict[str, dict[str, str]]:
        """Variable -> folded word of one of its states -> that state."""
        return {
            name: {state_key(word): state for state, words in variable.state_words for word in words}
            for name, variable in self.variables.items()
        }

    @cached_property
    def shared(self) -> Mapping[str, tuple[str, ...]]:
        """Words that may mean several variables or groups, as the first of them writes them, and what they may mean."""
        several = {key: tuple(names) for key, names in self._names.items() if len(names) > 1}
        written: dict[str, str] = {}
        for name in dict.fromkeys(name for names in several.values() for name in names):
            for text in self.variables[name].words if name in self.variables else (name,):
                written.setdefault(compact(text), text)
        return MappingProxyType({written[key]: names for key, names in several.items()})

    def said_state(self, name: str, word: object) -> str | None:
        """The state of a variable that it was called by; None where it was called by a word for itself.

        Parameters
        ----------
        name : str
            A variable.
        word : object
            What it was called.

        Returns
        -------
        str or None
        """
        if not isinstance(word, str) or word == name or not self._of_states.get(name):
            return None
        return self._of_states[name].get(_key(word[:LONGEST_WORDS], state_key))

    def is_state(self, name: str, state: str) -> bool:
        """Whether both are names of the model, letter by letter, which most findings of programs are."""
        variable = self.variables.get(name)
        return variable is not None and state in variable.states

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

    def resolve(self, text: object, given: object = None) -> str:
        """The one variable or group that a text means.

        Parameters
        ----------
        text : object
        given : object, optional
            What is said of it, which is shown with each of several meanings.

        Returns
        -------
        str

        Raises
        ------
        FindingsError
            It means none (the nearest one is named) or several (all are listed).
        """
        found = self.find(text)
        if len(found) == 1:
            return found[0]
        if found:
            choices = [self._choice(name, text, given) for name in found]
            if all(choices):
                raise FindingsError(f"{quoted(text)} may mean {_either(choices)}; give one of these.")
            raise FindingsError(f"{quoted(text)} may mean {self._listed(found)}; use the name of one of them.")
        raise FindingsError(f"{quoted(text)} is not a variable of {self.title}.{self.hint(text)}")

    def _choice(self, name: str, text: object, given: object) -> str:
        """A meaning as it may be given: name, state and label; empty where nothing is said that it could take."""
        if given is None or name not in self.variables:
            return ""
        variable, state = self.variables[name], self.said_state(name, text)
        if state is not None:
            meant = state if _affirms(variable, state, given) else None
        else:
            meant = self.state_or_none(name, given, str(text))
        return f"{name}={meant} ({variable.text(meant)})" if meant is not None else ""

    def hint(self, text: object, among: Iterable[str] | None = None) -> str:
        """The nearest variable or group as a question, or nothing; ``among`` limits the answer to these names."""
        if not isinstance(text, str):
            return ""
        allowed = {*self.variables, *self.groups} if among is None else set(among)
        near = nearest(text, [name for name in (*self.variables, *self.groups) if name in allowed], LEAST_ALIKE)
        if near:
            return f" Did you mean {near!r}?"
        hit = nearest(compact(text), [key for key in self._names if set(self._names[key]) & allowed], LEAST_ALIKE)
        names = [name for name in self._names[hit] if name in allowed] if hit else []
        if hit and any(self._excludes(name, hit, text) for name in names):
            names = []
        if not names:
            names = [
                found.variable.variable
                for found in self.search(text, 3)
                if found.score >= LEAST_HINT
                and found.variable.variable in allowed
                and not may_exclude(found.text, text)
            ]
        return f" Did you mean {self._listed(names)}?" if names else ""

    def _excludes(self, name: str, key: str, text: str) -> bool:
        """Whether the words of a variable with this folded form may stand for all but what a text says."""
        words = self.variables[name].words if name in self.variables else ()
        return any(compact(word) == key and may_exclude(word, text) for word in words)

    def _listed(self, names: Sequence[str]) -> str:
        shown = []
        for name in names:
            label = self.variables[name].label if name in self.variables else ""
            shown.append(f"{name!r} ({label})" if label and compact(label) != compact(name) else repr(name))
        return _either(shown)

    def state(self, name: str, given: object, said: str | None = None) -> str:
        """The state of a variable that a word, a truth value or a number means.

        Parameters
        ----------
        name : str
            A variable.
        given : str, bool, int or float
            A state, its label or a word for it; yes, no, true, false, 1 or 0 where the variable has two states that
            are such words; a number where it has cut points, as a number or as text, with or without its unit; "4/5"
            on a scale without a unit that ends at 5; a bound or a range ("<5", "60-69") that lies within one state.
        said : str, optional
            What the variable was called. A number is read under its name, its label or a word for its quantity alone:
            under another synonym it might be another quantity. Under its quantity 1 and 0 are measured, not yes and no
            or the places of two states; a variable that names no quantity is one itself, unless its states say no and
            yes. Under a word for one state only that state, or yes, is read: such a word denies nothing. Under one for
            a state of a mechanism nothing is read, since a stroke that somebody had need not be the main cause.

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
        if self.said_state(name, said) is not None:
            raise FindingsError(self._denied(variable, given, said))
        band = self.band(name, given, said)
        if band:
            raise FindingsError(f"{name} = {quoted(given)} leaves {' or '.join(band)} possible; one state is needed.")
        if isinstance(given, _READ):
            readings, fault = self._readings(variable, given, said)
            if readings:
                meant = " or ".join(f"{state} ({how})" for how, state in readings.items())
                raise FindingsError(f"{name} = {quoted(given)} may mean {meant}; give the state.")
            if fault:
                raise FindingsError(f"{name} = {quoted(given)}: {fault}")
        if variable.cuts and isinstance(given, date):
            raise FindingsError(f"{name} = {quoted(given)}: {_not_a_date(variable)}")
        raise FindingsError(self._no_state(variable, given))

    def state_or_none(self, name: str, given: object, said: str | None = None) -> str | None:
        """As ``state``; None where no one state is meant, without looking for the nearest one, which takes longer."""
        variable = self.variables[name]
        state = self.said_state(name, said)
        if state is not None:
            return state if variable.kind != "mechanism" and _affirms(variable, state, given) else None
        if isinstance(given, str) and given in variable.states:
            return given
        interval = _interval(variable, given)[0] if isinstance(given, str) else None
        if interval is not None and not self._other_quantity(variable, said):
            admitted = _admitted(variable, interval)
            return admitted[0] if len(admitted) == 1 else None
        readings = self._readings(variable, given, said)[0] if isinstance(given, _READ) else {}
        return next(iter(readings.values())) if len(set(readings.values())) == 1 else None

    def band(self, name: str, given: object, said: str | None = None) -> tuple[str, ...]:
        """The states that a bound or a range leaves possible, as "<5", ">= 200 mL", "60+", "10 to 20".

        Parameters
        ----------
        name : str
            A variable.
        given : object
        said : str, optional
            What the variable was called.

        Returns
        -------
        tuple of str
            Two or more, in the order of the model; empty where the value is no bound, or means one state.

        Raises
        ------
        FindingsError
            The unit is another one, no number that can be meant lies in the range, or it leaves every state possible.
        """
        variable = self.variables[name]
        if not isinstance(given, str) or given in variable.states or self.said_state(name, said) is not None:
            return ()
        interval, fault = _interval(variable, given)
        if fault:
            raise FindingsError(f"{name} = {quoted(given)}: {fault}")
        if interval is None:
            return ()
        other = self._other_quantity(variable, said)
        if other:
            raise FindingsError(f"{name} = {quoted(given)}: {other}")
        admitted = _admitted(variable, interval)
        if len(admitted) == len(variable.bands):
            known = f"{', '.join(variable.bands)} ({_cuts(variable)})"
            raise FindingsError(f"{name} = {quoted(given)} leaves every state possible: {known}.")
        return admitted if len(admitted) > 1 else ()

    def if_empty(self, name: str, said: str | None) -> str:
        """The state that an empty cell of a column with this heading means; empty where it means nothing."""
        return self.variables[name].if_empty if self.said_state(name, said) is None else ""

    def takes_numbers(self, name: str, said: str | None) -> bool:
        """Whether a number given under this word is read by the cut points of a variable."""
        variable = self.variables[name]
        return bool(variable.cuts) and self.said_state(name, said) is None and not self._other_quantity(variable, said)

    def _other_quantity(self, variable: Variable, said: str | None) -> str:
        """Why a number is not read under this word; empty where it is."""
        own = {compact(word) for word in (variable.variable, variable.label, *variable.quantities)}
        if said is None or not variable.quantity or compact(said) in own:
            return ""
        return f"a number is read as {_measure(variable)}; give {variable.quantity[0]}, or a state of {quoted(said)}."

    def _denied(self, variable: Variable, given: object, said: str | None) -> str:
        """What is wrong with a value given under a word for one state."""
        name, state = variable.variable, self.said_state(variable.variable, said)
        if variable.kind == "mechanism":
            return (
                f"{quoted(said)} is a word for {name} = {state}, which is no finding by itself; where it is known to "
                f"be so, give {name} = {quoted(said)}."
            )
        others = [other for other in variable.states if other != state]
        other = f"{name} = {' or '.join(others)}" if len(others) < 4 else f"another state of {name}"
        return (
            f"{quoted(said)} = {quoted(given)}: {quoted(said)} names {name} = {state} "
            f"({variable.state_label(str(state))}) or one way of it, so it takes yes alone; where no way of it holds, "
            f"give {other}."
        )

    def _readings(self, variable: Variable, given: object, said: str | None) -> tuple[dict[str, str], str]:
        """How a value can be read, each reading with its state; else what is wrong with it."""
        readings: dict[str, str] = {}
        truth = isinstance(given, bool | np.bool_)
        text = given if isinstance(given, str) else str(given).lower() if truth else _whole(given)
        short = text.strip()[:LONGEST_WORDS]
        key = _key(short, state_key)
        for state in variable.states:
            if key and key in (state_key(state), state_key(variable.state_label(state))):
                readings["the state" if state_key(state) == key else "its label"] = state
        worded = self._of_states[variable.variable].get(key)
        if worded is not None and worded not in readings.values():
            readings["a word for it"] = worded
        numeric = variable.cuts and not truth and _NUMBER.fullmatch(short)
        answer = "" if numeric and _is_quantity(variable, said) else _truth(variable.states, short.casefold())
        if answer and _is_quantity(variable, said) and short not in variable.states:
            if not readings:
                ends = f" from {' to '.join(map(format_cell, variable.limits))}" if variable.limits else ""
                known = f"{_measure(variable)} is a number{ends}, or a state: {', '.join(variable.states)}"
                return {}, f"{known}; yes and no answer {variable.variable}."
            answer = ""
        if answer and answer not in readings.values():
            readings[f"{short} as {'yes' if short.casefold() in YES else 'no'}"] = answer
        if truth or not variable.cuts:
            return readings, ""
        number, fault = self._number(variable, given, short)
        if number is None:
            return readings, fault
        coded = variable.quantity and not _is_quantity(variable, said) and not answer
        if coded and short in ("0", "1") and len(variable.states) == 2:
            readings[f"{short} as a code"] = variable.states[int(short)]
        other = self._other_quantity(variable, said)
        if readings or not other:
            readings[f"{format_cell(number)} {_measure(variable)}".strip()] = variable.state_of(number)
            return readings, ""
        return {}, other

    def _number(self, variable: Variable, given: object, text: str) -> tuple[float | None, str]:
        """A measured number, or what is wrong with it; neither where the text is no number."""
        measure = _measure(variable) or "a number"
        if is_date(text):
            return None, _not_a_date(variable)
        comma = _COMMA.fullmatch(text) if isinstance(given, str) else None
        if comma:
            point, whole = f"{comma[1]}.{comma[2]}", f"{comma[1]}{comma[2]}"
            return None, f"write {point} or {whole}." if len(comma[2]) == 3 else f"write a decimal point, {point}."
        parts = _NUMBER.fullmatch(text)
        if not parts:
            return None, ""
        number = float(parts[1])
        if parts[2] and not _fits_unit(variable, parts[2]):
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
            known += f", or {_measure(variable) or 'a number'} ({_cuts(variable)})"
        labels = {compact(variable.state_label(state)): state for state in variable.states}
        words = self._of_states[variable.variable]
        near = nearest(given, variable.states)
        if not near and isinstance(given, str):
            near = labels.get(nearest(compact(given), labels) or "") or words.get(nearest(compact(given), words) or "")
            near = near or self._index.state_like(variable, given[:LONGEST_WORDS])
            said = dict(variable.state_words).get(near or "", ())
            near = None if near and _may_deny((variable.state_label(near), *said), given) else near
        suggestion = f" Did you mean {near!r}?" if near else ""
        if not near and says_not_known(given):
            suggestion = (
                " What is not known is left out, or an empty cell; ? (UNKNOWN in Python) says that it was asked."
            )
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


def _key(text: str, form: Callable[[str], str] = compact) -> str:
    """The folded form of what somebody typed; empty where it holds signs that nobody types, such as NUL."""
    return form(text) if " ".join(text.split()).isprintable() else ""


def _whole(given: object) -> str:
    """A number as text; a whole one without a decimal point."""
    try:
        number = float(given)  # type: ignore[arg-type]
    except OverflowError:
        return ""  # an integer beyond every float is no state and no measurement
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def says_not_known(given: object) -> bool:
    """Whether a value is a word for what is not known, such as unknown and n/a, which no state is called by.

    Examples
    --------
    >>> says_not_known("N/A"), says_not_known("absent")
    (True, False)
    """
    return isinstance(given, str) and " ".join(given.split()).casefold() in NOT_KNOWN


def is_date(text: str) -> bool:
    """Whether a text is a day, as 1950-01-02, 2.1.1950 or 2 Jan 1950; it may have a time.

    Examples
    --------
    >>> is_date("1950-01-02"), is_date("02.01.1950"), is_date("60-69")
    (True, True, False)
    """
    return _DATE.fullmatch(text.strip()) is not None


LONGEST_DENIAL = 4
"""Letters before a word that may turn it into its opposite, as in afebrile."""


def _may_deny(said: Iterable[str], given: str) -> bool:
    """Whether words of a state may say the opposite of what was given: "no fever" or "afebrile", of "febrile"."""
    asked = fold(given).split()
    words = [word for text in said for word in fold(text).split()]
    if DENYING.intersection(asked):
        return False
    return bool(DENYING.intersection(words)) or any(
        word.endswith(one) and 0 < len(word) - len(one) <= LONGEST_DENIAL for one in asked for word in words
    )


def may_exclude(said: str, given: str) -> bool:
    """Whether words for a variable deny what was given, or stand for all others: "other diagnosis", of "diagnosis"."""
    return bool(EXCLUDING.intersection(fold(said).split()) - set(fold(given).split()))


def _not_a_date(variable: Variable) -> str:
    return f"that is a date, not {_measure(variable) or 'a number'}."


def _measure(variable: Variable) -> str:
    """What a number of a variable is: its quantity and unit."""
    return " ".join(filter(None, (*variable.quantity[:1], f"in {variable.unit}" if variable.unit else "")))


def _is_quantity(variable: Variable, said: str | None) -> bool:
    """Whether a variable was called by what is measured, which is not its name: temperature for fever."""
    own = {compact(variable.variable), compact(variable.label)}
    return said is not None and compact(said) in map(compact, variable.quantities) and compact(said) not in own


def _cuts(variable: Variable) -> str:
    """Where the states of a measured variable begin, in words."""
    return f"cut{'s' if len(variable.cuts) > 1 else ''} at {', '.join(map(str, variable.cuts))}"


def _affirms(variable: Variable, state: str, given: object) -> bool:
    """Whether a value given under a word for a state says that it is so: yes, or the state itself.

    A word that says no, such as absent, affirms nothing even where it is the state's name: areflexia=absent.
    """
    if isinstance(given, bool | np.bool_):
        return bool(given)
    text = given if isinstance(given, str) else _whole(given) if isinstance(given, _READ) else ""
    short = " ".join(text.split()).casefold()[:LONGEST_WORDS]
    if short in YES:
        return True
    key = _key(short, state_key)
    return bool(key) and short not in NO and key in (state_key(state), state_key(variable.state_label(state)))


def _fits_unit(variable: Variable, text: str) -> bool:
    """Whether what stands after a number is its unit, or the end of a scale without one."""
    if not variable.unit:
        return not compact(text) or _of_the_most(variable, text)
    return bool(compact(text) or not text.isascii()) and same_unit(text, variable.unit)


def _interval(variable: Variable, text: str) -> tuple[tuple[float, float] | None, str]:
    """The closed interval of numbers that a bound or a range admits, or what is wrong with it; neither for other texts.

    "4+" is 4 or more of something with a unit. On a scale without one, such as the grades of the MRC, it lies above 4
    and below 5, and "4-" between 3 and 4.
    """
    short = text.strip()[:LONGEST_WORDS]
    if not variable.cuts or not short:
        return None, ""
    if is_date(short):
        return None, _not_a_date(variable)
    low, high, unit = -math.inf, math.inf, ""
    bound, span, grade = _BOUND.fullmatch(short), _RANGE.fullmatch(short), _GRADE.fullmatch(short)
    if bound:
        lower, left_out = _BOUNDS[" ".join(bound[1].casefold().split())]
        number, unit = float(bound[2]), bound[3]
        if lower:
            low = math.nextafter(number, math.inf) if left_out else number
        else:
            high = math.nextafter(number, -math.inf) if left_out else number
    elif span:
        low, high, unit = float(span[1]), float(span[2]), span[3]
    elif grade and variable.unit and grade[2] == "+":
        low, unit = float(grade[1]), grade[3]
    elif grade and not variable.unit:
        number, unit = float(grade[1]), grade[3]
        low, high = (number, number + 1) if grade[2] == "+" else (number - 1, number)
        low, high = math.nextafter(low, math.inf), math.nextafter(high, -math.inf)
    else:
        return None, ""
    if unit and not _fits_unit(variable, unit):
        if re.match(r",\d", unit):
            return None, "write a decimal point."
        return None, f"it is measured in {variable.unit}, not {quoted(unit)}." if variable.unit else ""
    least, most = variable.limits or (-math.inf, math.inf)
    if not (low <= high and low <= most and high >= least and low < math.inf and high > -math.inf):
        ends = f" from {' to '.join(map(format_cell, variable.limits))}" if variable.limits else ""
        return None, f"{_measure(variable) or 'it'} is a number{ends}; no such number lies there."
    return (max(low, least), min(high, most)), ""


def _admitted(variable: Variable, interval: tuple[float, float]) -> tuple[str, ...]:
    """The states that hold a number of a closed interval, in the order of the model."""
    low, high = interval
    points = {low, high}
    for cut in variable.cuts:
        points |= {point for point in (cut.value, math.nextafter(cut.value, -math.inf)) if low <= point <= high}
    found = {variable.state_of(point) for point in points}
    return tuple(state for state in variable.states if state in found)


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


def _either(choices: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(choices[:-1]), choices[-1])))


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
        self.fields_of: dict[str, list[int]] = defaultdict(list)
        self.fields_called: dict[str, list[int]] = defaultdict(list)
        for number, field in enumerate(self.fields):
            self.fields_called["".join(field.words)].append(number)
            for word in field.words:
                holders[word].add(field.place)
                self.fields_of[word].append(number)
        self.holders = dict(holders)
        self.words_from: dict[str, list[str]] = defaultdict(list)
        for word in sorted(holders):
            if len(word) >= SHORTEST_FOLDED:
                self.words_from[word[0]].append(word)
        self.found = [variable.kind in ("context", *FINDING_KINDS) for variable in variables]

    def rarity(self, word: str) -> float:
        """How much a word tells: 1 for one that no or one variable has, less for a common one."""
        count = len(self.holders.get(word, ()))
        every = max(2, len(self.variables))
        return 1.0 if count <= 1 else max(0.1, 1 - math.log(count) / math.log(every))

    def alike(self, word: str) -> dict[str, float]:
        """Words of the model that a searched word fits, each with how well, of 1; all begin with the same letter."""
        found = {word: 1.0} if word in self.holders else {}
        if len(word) < SHORTEST_FOLDED:
            return found
        from rapidfuzz.distance import OSA

        for other in self.words_from.get(word[0], ()):
            if other == word:
                continue
            if other.startswith(word) or (word.startswith(other) and len(other) > SHORTEST_FOLDED):
                found[other] = 0.9
                continue
            allowed = 1 if len(word) < 7 else 2
            distance = OSA.distance(word, other, score_cutoff=allowed)
            if distance <= allowed:
                found[other] = 0.9 - 0.1 * distance
            elif _stem(word, other):
                found[other] = 0.75
        return found

    def state_like(self, variable: Variable, text: str) -> str | None:
        """The one state of a variable whose name, label or words fit a text best, if any fits at least half."""
        asked = {word: self.alike(word) for word in fold(text).split() if word not in _LITTLE}
        if not asked:
            return None
        words_of = dict(variable.state_words)
        scores: dict[str, float] = {}
        for state in variable.states:
            for known in (state, variable.state_label(state), *words_of.get(state, ())):
                words = fold(known).split() or [""]
                fit = sum(max(alike.get(word, 0.0) for word in words) for alike in asked.values()) / len(asked)
                tight = sum(any(word in alike for alike in asked.values()) for word in words) / len(words)
                scores[state] = max(scores.get(state, 0.0), fit * (0.8 + 0.2 * tight))
        best, second = sorted((0.0, *scores.values()))[-1:-3:-1]
        return max(scores, key=lambda state: scores[state]) if best >= LEAST_STATE and best > second else None

    def search(self, words: str, limit: int) -> list[Match]:
        """The variables that words fit, best first; of equal ones those that are found out, in the model's order."""
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
        called = self.fields_called.get(key, [])
        touched = {number for words in alike.values() for other in words for number in self.fields_of.get(other, ())}
        for number in sorted(touched.union(called)):
            field = self.fields[number]
            if number in called:
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
        ranked = sorted(best.items(), key=lambda item: (-round(item[1][0], 9), not self.found[item[0]], item[0]))
        return [
            Match(self.variables[place], score, text) for place, (score, text) in ranked[:limit] if score >= LEAST_MATCH
        ]


def _texts(variable: Variable) -> Iterable[tuple[str, float]]:
    """The texts by which a variable is found, each with its weight."""
    yield from ((text, 1.0) for text in variable.words)
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
