"""What was found in one patient: every way of saying it becomes codes and likelihoods.

>>> import bayesdx as dx
>>> model = dx.load_model("hip_flexion_weakness@1.0.0")
>>> case = dx.diagnose(model, {"onset": "sudden", "fever": dx.UNKNOWN})
>>> case.findings["fever"], "fever" in dx.next_tests(case).table.index
(UNKNOWN, False)
>>> dx.diagnose(model, {"onset": "sudden"}).log_evidence == case.log_evidence
True
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import compiled
from bayesdx.errors import LONGEST_SHOWN, FindingsError, quoted
from bayesdx.inference import Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Variable
from bayesdx.knowledge.spelling import compact, named
from bayesdx.knowledge.vocabulary import Vocabulary


class Unknown(Enum):
    """The type of ``UNKNOWN``."""

    UNKNOWN = "UNKNOWN"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown.UNKNOWN
"""Asked, could not be told: no evidence, and not suggested again."""

Value = str | tuple[str, ...] | Mapping[str, float] | Unknown
"""A finding in canonical form: a state, the states still possible, a likelihood over states, or UNKNOWN."""


@dataclass(frozen=True, eq=False)
class Findings:
    """The findings of one case in canonical form, with what the engine takes.

    Parameters
    ----------
    values : mapping of variable name to a state, a tuple of states, a mapping of states to likelihoods, or UNKNOWN
        Groups are spelled out; variables in the order given.
    codes : ndarray of int, shape (n_variables,)
        In the order of the compiled network; -1 is "not observed".
    likelihoods : dict of variable name to ndarray, shape (n_states,)
    said : mapping of variable name to str
        What was given, where it is not the name of a state: "CRP = 120", or "not among pain_location".
    """

    values: Mapping[str, Value]
    codes: NDArray[np.int32]
    likelihoods: Mapping[str, NDArray[np.float64]]
    said: Mapping[str, str] = field(default_factory=dict)

    @property
    def evidence(self) -> Evidence:
        """One case for the engine."""
        return Evidence(self.codes[None, :], {name: vector[None, :] for name, vector in self.likelihoods.items()})

    @property
    def informative(self) -> tuple[str, ...]:
        """Variables of which something was found out, in the order given: all but those that are UNKNOWN."""
        return tuple(name for name, value in self.values.items() if value is not UNKNOWN)

    def possible(self, variable: str) -> frozenset[str] | None:
        """States that the finding leaves possible; None where nothing was found out about the variable."""
        value = self.values.get(variable)
        if value is None or value is UNKNOWN:
            return None
        if isinstance(value, str):
            return frozenset((value,))
        if isinstance(value, tuple):
            return frozenset(value)
        assert isinstance(value, Mapping)
        return frozenset(state for state, likelihood in value.items() if likelihood > 0)


@dataclass(frozen=True)
class Understood:
    """One finding as it was understood.

    Parameters
    ----------
    variable, label : str
        The variable, by its name and as people read it.
    value : str, tuple of str, mapping of str to float, or UNKNOWN
        In canonical form.
    value_label : str
        The same as people read it.
    said : str
        What was given, where it is not the name of a state; empty where it is.

    Examples
    --------
    >>> import bayesdx as dx
    >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"pain_location": ["groin pain"]})
    >>> [(found.label, found.value_label, found.said) for found in case.understood][1]
    ('Low back pain', 'absent', 'not among pain_location')
    """

    variable: str
    label: str
    value: Value
    value_label: str
    said: str

    @property
    def value_text(self) -> str:
        """What stands beside the label: the label of the state, or its name where that label repeats the variable's.

        Examples
        --------
        >>> import bayesdx as dx
        >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@2.3.0"), {"diabetes": "yes", "fever": "yes"})
        >>> [(found.label, found.value_label, found.value_text) for found in case.understood]
        [('Diabetes', 'Diabetes', 'yes'), ('Fever', 'Fever, 38 °C or more', 'Fever, 38 °C or more')]
        """
        same = isinstance(self.value, str) and compact(self.label) == compact(self.value_label)
        return str(self.value).replace("_", " ") if same else self.value_label

    @property
    def text(self) -> str:
        """The finding in a few words: the label of the value alone where that names the variable too.

        Examples
        --------
        >>> import bayesdx as dx
        >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"onset": "sudden"})
        >>> case.understood[0].text
        'Onset: sudden'
        """
        return named(self.label, self.value_label)


def understood(model: Model, findings: Findings) -> tuple[Understood, ...]:
    """Every finding of a case as it was understood, in the order given."""
    return tuple(
        Understood(name, model.label(name), value, _labelled(model.by_name[name], value), findings.said.get(name, ""))
        for name, value in findings.values.items()
    )


def _labelled(variable: Variable, value: Value) -> str:
    if isinstance(value, str):
        return variable.state_label(value)
    if isinstance(value, tuple):
        return " or ".join(map(variable.state_label, value))
    if isinstance(value, Mapping):
        weights = (f"{variable.state_label(state)} {likelihood:g}" for state, likelihood in value.items())
        return f"likelihood {' / '.join(weights)}"
    return "unknown"


def read_findings(model: Model, findings: Mapping[str, Any] | pd.Series) -> Findings:
    """Findings in canonical form.

    Parameters
    ----------
    model : Model
    findings : mapping (a dict, or a pandas Series)
        A variable, by its name, its label or a synonym -> a state or its label; yes, no, true, false, 1 or 0 where it
        has two states that are such words; a number, a bound or a range ("<5") where it has cut points; a list, tuple
        or set of states still possible; a dict of likelihoods, at least 0, over all its states; or ``UNKNOWN``. A word
        for one of its states takes yes. A group -> a list of its members that are present, the others being set to
        their reference state. None and NaN mean "not observed".

    Returns
    -------
    Findings

    Raises
    ------
    FindingsError
        Everything that the model does not have, that could mean two things or that contradicts itself, one sentence
        each, with the nearest name.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> found = read_findings(model, {"Onset": {"sudden": 0.8, "gradual": 0.2}, "pain_location": ["groin pain"]})
    >>> found.values["pain_groin"], found.likelihoods["onset"].tolist()
    ('present', [0.2, 0.8])
    """
    named = findings.to_dict() if isinstance(findings, pd.Series) else findings
    if not isinstance(named, Mapping):
        raise FindingsError(f"findings: expected a mapping of variables to states, not {type(findings).__name__}.")
    reading = _Reading(model.vocabulary)
    for word, given in named.items():
        if given is None or (isinstance(given, float) and math.isnan(given)) or given is pd.NA or given is pd.NaT:
            continue
        reading.add(word, given)
    if reading.faults:
        raise FindingsError("\n".join(f"findings: {fault}" for fault in reading.faults))
    return code_findings(model, reading.values, reading.said)


def code_findings(model: Model, values: Mapping[str, Value], said: Mapping[str, str]) -> Findings:
    """Findings that are in canonical form already, with what the engine takes.

    Parameters
    ----------
    model : Model
    values : mapping of variable name to Value
    said : mapping of variable name to str
        What was given for each; variables that are not in ``values`` are left out.

    Returns
    -------
    Findings
    """
    index = compiled(model).network.index
    codes = np.full(len(index), -1, dtype=np.int32)
    likelihoods: dict[str, NDArray[np.float64]] = {}
    for variable, value in values.items():
        states = model.by_name[variable].states
        if isinstance(value, str):
            codes[index[variable]] = states.index(value)
        elif isinstance(value, tuple):
            likelihoods[variable] = np.array([float(state in value) for state in states])
        elif isinstance(value, Mapping):
            likelihoods[variable] = np.array([value[state] for state in states])
    kept = {variable: text for variable, text in said.items() if variable in values}
    return Findings(MappingProxyType(dict(values)), codes, MappingProxyType(likelihoods), MappingProxyType(kept))


class _Reading:
    """What is gathered while findings are read."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.values: dict[str, Value] = {}
        self.said: dict[str, str] = {}
        self.words: dict[str, object] = {}
        self.faults: list[str] = []

    def add(self, word: object, given: object) -> None:
        """Take one entry of the findings; what is wrong with it goes to the faults."""
        try:
            if isinstance(word, str) and isinstance(given, str) and self.vocabulary.is_state(word, given):
                self._set(word, given, word, "")
                return
            name = self.vocabulary.resolve(word, given)
            if name in self.vocabulary.groups:
                self._add_group(name, word, given)
            else:
                value = self._value(name, given, str(word))
                as_given = not _short(given) or (word, given) == (name, value)
                self._set(name, value, word, "" if as_given else f"{word} = {given}")
        except FindingsError as error:
            self.faults += str(error).split("\n")

    def _set(self, name: str, value: Value, word: object, said: str) -> None:
        if name in self.values:
            first = self.words[name]
            parts = [self.vocabulary.said_state(name, each) for each in (first, word)]
            if None not in parts and value == self.values[name] and first != word:
                self.said[name] = f"{self.said[name]}, {said}"  # two members of a group that are states of one variable
                return
            grouped = {first, word} & set(self.vocabulary.groups)
            pair = "alone and in a group" if grouped else f"as {first!r} and as {word!r}"
            raise FindingsError(f"{name} is given twice, {pair}.")
        self.values[name], self.words[name] = value, word
        if said:
            self.said[name] = said

    def _value(self, name: str, given: object, word: str) -> Value:
        if given is UNKNOWN:
            return UNKNOWN
        if isinstance(given, np.ndarray | pd.Series | pd.Index):
            given = given.tolist()
        if isinstance(given, Mapping):
            state = self.vocabulary.said_state(name, word)
            if state is not None:
                raise FindingsError(f"{quoted(word)} says {name} = {state}; give a likelihood for {name} itself.")
            return self._likelihood(name, given)
        if isinstance(given, Collection) and not isinstance(given, str | bytes | bytearray):
            return self._possible(name, given, word)
        return self.vocabulary.band(name, given, word) or self.vocabulary.state(name, given, word)

    def _possible(self, name: str, given: Collection[object], word: str) -> str | tuple[str, ...]:
        """The states still possible, in the order of the model; one state alone is that state."""
        if not given:
            raise FindingsError(f"{name} has an empty list; give the states still possible, or UNKNOWN.")
        found, faults = set(), []
        for state in given:
            try:
                found.add(self.vocabulary.state(name, state, word))
            except FindingsError as error:
                faults.append(str(error))
        if faults:
            raise FindingsError("\n".join(faults))
        kept = tuple(state for state in self.vocabulary.variables[name].states if state in found)
        return kept[0] if len(kept) == 1 else kept

    def _likelihood(self, name: str, given: Mapping[object, object]) -> Mapping[str, float]:
        states = self.vocabulary.variables[name].states
        likelihood: dict[str, float] = {}
        faults: list[str] = []
        for word, number in given.items():
            try:
                state = self.vocabulary.state(name, word if isinstance(word, str | bool | np.bool_) else str(word))
            except FindingsError as error:
                faults.append(str(error))
                continue
            sound = isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool)
            if not sound or not _is_finite(number) or number < 0:  # type: ignore[operator]
                shown = f"{number:g}" if isinstance(number, float) else quoted(number)
                faults.append(f"{name}: the likelihood of {state} is {shown}; a likelihood is a number of at least 0.")
            elif state in likelihood:
                faults.append(f"{name}: the likelihood of {state} is given twice.")
            likelihood[state] = float(number) if sound and _is_finite(number) else 0.0  # type: ignore[arg-type]
        missing = [state for state in states if state not in likelihood]
        if missing and not faults:
            which = f"no likelihood of {', '.join(missing)}"
            faults.append(f"{name}: there is {which}; give every state, 0 is allowed.")
        if not faults and not any(likelihood.values()):
            faults.append(f"{name}: no state has a likelihood above 0.")
        if faults:
            raise FindingsError("\n".join(faults))
        return MappingProxyType({state: likelihood[state] for state in states})

    def _states(self, name: str) -> tuple[str, ...]:
        return self.vocabulary.variables[name].states

    def _add_group(self, group: str, word: object, given: object) -> None:
        members = self.vocabulary.groups[group]
        if given is UNKNOWN:
            for member in members:
                self._set(member, UNKNOWN, word, f"{group} = unknown")
            return
        if isinstance(given, str | bytes | bytearray | Mapping) or not isinstance(given, Collection):
            raise FindingsError(f"{group} = {quoted(given)}; a group takes the list of its members that are present.")
        present, faults = set(), []
        for member in given:
            found = [name for name in self.vocabulary.find(member) if name in members]
            if len(found) == 1 and self.vocabulary.said_state(found[0], member) in (None, self._states(found[0])[1]):
                present.add(found[0])
            else:
                hint = self.vocabulary.hint(member, members)
                known = f"its members are {', '.join(members)}"
                faults.append(f"{group}: {quoted(member)} is not a member; {known}.{hint}")
        for name in members:
            states = self.vocabulary.variables[name].states
            if name in present and len(states) > 2:
                faults.append(f"{group}: {name} has more than two states; give {name} = {' or '.join(states[1:])}.")
        if faults:
            raise FindingsError("\n".join(faults))
        for name in members:
            states = self.vocabulary.variables[name].states
            said = f"among {group}" if name in present else f"not among {group}"
            self._set(name, states[1] if name in present else states[0], word, said)


def _is_finite(number: object) -> bool:
    try:
        return math.isfinite(number)  # type: ignore[arg-type]
    except OverflowError:  # an integer beyond every float
        return False


def _short(given: object) -> bool:
    """Whether a value is said in a word or two."""
    return isinstance(given, bool | np.bool_ | int | float | np.integer | np.floating) or (
        isinstance(given, str) and len(given) <= LONGEST_SHOWN
    )
