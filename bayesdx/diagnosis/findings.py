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
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.errors import FindingsError, nearest
from bayesdx.inference import Evidence
from bayesdx.knowledge.model import Model
from bayesdx.network import compile_network


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
    """

    values: Mapping[str, Value]
    codes: NDArray[np.int32]
    likelihoods: Mapping[str, NDArray[np.float64]]

    @property
    def evidence(self) -> Evidence:
        """One case for the engine."""
        return Evidence(self.codes[None, :], {name: vector[None, :] for name, vector in self.likelihoods.items()})

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
class _Lexicon:
    """What findings may be called under a model."""

    positions: Mapping[str, int]
    states: Mapping[str, Mapping[str, int]]
    groups: Mapping[str, tuple[str, ...]]
    title: str
    empty: NDArray[np.int32]


@lru_cache(maxsize=64)
def _lexicon(model: Model) -> _Lexicon:
    network = compile_network(model)
    empty = np.full(len(network), -1, dtype=np.int32)
    empty.setflags(write=False)
    states = {node.name: {state: code for code, state in enumerate(node.states)} for node in network.nodes}
    return _Lexicon(network.index, states, model.groups, f"{model.name} {model.version}", empty)


def read_findings(model: Model, findings: Mapping[str, Any] | pd.Series) -> Findings:
    """Findings in canonical form.

    Parameters
    ----------
    model : Model
    findings : mapping (a dict, or a pandas Series)
        Variable -> a state; a list, tuple or set of states still possible; a dict of likelihoods over states (at
        least 0, states left out have 0); or ``UNKNOWN``. Group -> a list of its members that are present, the others
        being set to their reference state. None and NaN mean "not observed".

    Returns
    -------
    Findings

    Raises
    ------
    FindingsError
        Everything that the model does not have or that contradicts itself, one sentence each, with the nearest name.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> found = read_findings(model, {"onset": {"sudden": 0.8, "gradual": 0.2}, "pain_location": ["pain_groin"]})
    >>> found.values["pain_groin"], found.likelihoods["onset"].tolist()
    ('present', [0.2, 0.8])
    """
    named = findings.to_dict() if isinstance(findings, pd.Series) else findings
    if not isinstance(named, Mapping):
        raise FindingsError(f"findings: expected a mapping of variables to states, not {type(findings).__name__}.")
    lexicon = _lexicon(model)
    values: dict[str, Value] = {}
    faults: list[str] = []
    for name, given in named.items():
        if given is None or (isinstance(given, float) and math.isnan(given)) or given is pd.NA:
            continue
        for variable, value in _read_one(lexicon, name, given, faults):
            if variable in values:
                faults.append(f"{variable} is given twice, alone and in a group.")
            values[variable] = value
    if faults:
        raise FindingsError("\n".join(f"findings: {fault}" for fault in faults))
    codes = lexicon.empty.copy()
    likelihoods: dict[str, NDArray[np.float64]] = {}
    for variable, value in values.items():
        states = lexicon.states[variable]
        if isinstance(value, str):
            codes[lexicon.positions[variable]] = states[value]
        elif isinstance(value, tuple):
            likelihoods[variable] = np.array([float(state in value) for state in states])
        elif isinstance(value, Mapping):
            likelihoods[variable] = np.array([value.get(state, 0.0) for state in states])
    return Findings(MappingProxyType(values), codes, MappingProxyType(likelihoods))


def _read_one(lexicon: _Lexicon, name: object, given: object, faults: list[str]) -> list[tuple[str, Value]]:
    if isinstance(name, str) and name in lexicon.states:
        value = _read_value(lexicon.states[name], name, given, faults)
        return [] if value is None else [(name, value)]
    if isinstance(name, str) and name in lexicon.groups:
        return _read_group(lexicon, name, given, faults)
    hint = nearest(name, [*lexicon.states, *lexicon.groups])
    suggestion = f" Did you mean {hint!r}?" if hint else ""
    faults.append(f"{name!r} is not a variable of {lexicon.title}.{suggestion}")
    return []


def _read_value(states: Mapping[str, int], name: str, given: object, faults: list[str]) -> Value | None:
    if isinstance(given, str):
        if given in states:
            return given
        faults.append(_no_state(states, name, given))
        return None
    if given is UNKNOWN:
        return UNKNOWN
    if isinstance(given, Mapping):
        return _read_likelihood(states, name, given, faults)
    if isinstance(given, Collection) and not isinstance(given, bytes | bytearray):
        return _read_states(states, name, given, faults)
    faults.append(_no_state(states, name, given))
    return None


def _no_state(states: Mapping[str, int], name: str, given: object) -> str:
    hint = nearest(given, states)
    suggestion = f" Did you mean {hint!r}?" if hint else ""
    return f"{name} = {given!r} is not a state of {name}; its states are {', '.join(states)}.{suggestion}"


def _read_states(
    states: Mapping[str, int], name: str, given: Collection[object], faults: list[str]
) -> str | tuple[str, ...] | None:
    wrong = [state for state in given if not isinstance(state, str) or state not in states]
    faults.extend(_no_state(states, name, state) for state in wrong)
    if not given:
        faults.append(f"{name} has an empty list; give the states still possible, or UNKNOWN.")
    if wrong or not given:
        return None
    kept = tuple(state for state in states if state in given)
    return kept[0] if len(kept) == 1 else kept


def _read_likelihood(
    states: Mapping[str, int], name: str, given: Mapping[object, object], faults: list[str]
) -> Mapping[str, float] | None:
    before = len(faults)
    likelihood: dict[str, float] = {}
    for state, number in given.items():
        if not isinstance(state, str) or state not in states:
            faults.append(_no_state(states, name, state))
        elif isinstance(number, bool) or not isinstance(number, int | float | np.integer | np.floating):
            faults.append(f"{name}: the likelihood of {state} is {number!r}; a likelihood is a number of at least 0.")
        elif not (math.isfinite(number) and number >= 0):
            faults.append(f"{name}: the likelihood of {state} is {number:g}; a likelihood is a number of at least 0.")
        else:
            likelihood[state] = float(number)
    if len(faults) == before and not any(likelihood.values()):
        faults.append(f"{name}: no state has a likelihood above 0.")
    return MappingProxyType(likelihood) if len(faults) == before else None


def _read_group(lexicon: _Lexicon, group: str, given: object, faults: list[str]) -> list[tuple[str, Value]]:
    members = lexicon.groups[group]
    if given is UNKNOWN:
        return [(member, UNKNOWN) for member in members]
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Collection):
        faults.append(f"{group} = {given!r}; a group takes the list of its members that are present.")
        return []
    wrong = [member for member in given if member not in members]
    for member in wrong:
        hint = nearest(member, members)
        suggestion = f" Did you mean {hint!r}?" if hint else ""
        faults.append(f"{group}: {member!r} is not a member; its members are {', '.join(members)}.{suggestion}")
    result: list[tuple[str, Value]] = []
    for member in members:
        states = tuple(lexicon.states[member])
        if member in given and len(states) > 2:
            faults.append(f"{group}: {member} has more than two states; give {member} = {' or '.join(states[1:])}.")
        else:
            result.append((member, states[1] if member in given else states[0]))
    return [] if wrong else result
