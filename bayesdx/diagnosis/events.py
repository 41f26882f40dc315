"""What is asked about: a cause that is present, or a state of a variable; its probability and exact log-odds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import Compiled, compiled
from bayesdx.errors import FindingsError, nearest, quoted
from bayesdx.inference import Engine, Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import split_event
from bayesdx.knowledge.spelling import compact

Array = NDArray[np.float64]

MOST_LISTED = 30
"""Lines of a differential that an error lists."""

FAINT = 1e-200
"""A marginal below this is computed again from log probabilities of the evidence."""


@dataclass(frozen=True)
class Event:
    """A cause being present, or a variable being in one of some states.

    Parameters
    ----------
    name, label : str
        As in the differential; ``variable=state`` for a state of a mechanism.
    variable : str
    states : tuple of int
        Codes of the states in which it counts as present.
    """

    name: str
    label: str
    variable: str
    states: tuple[int, ...]


def event_of(model: Model, cause: str) -> Event:
    """The event that a name stands for.

    Parameters
    ----------
    model : Model
    cause : str
        A line of the differential (a cause, or ``cause=state`` of a graded one); the plain name of a graded cause,
        which means any state but the reference state; or ``mechanism=state``, as ``main_cause=brain``.

    Raises
    ------
    FindingsError
        The model has no such cause or state; the nearest name is given, or all of them.
    """
    if not isinstance(cause, str):
        raise FindingsError(
            f"{quoted(cause)} is no name of a cause; {model.name} {model.version} has {len(model.causes)}, "
            f"as {model.causes[0]!r}."
        )
    lines = {line.name: Event(line.name, line.label, line.variable, (line.state,)) for line in compiled(model).lines}
    if cause in lines:
        return lines[cause]
    if cause in model.causes:
        variable = model.by_name[cause]
        return Event(cause, variable.label, cause, tuple(range(1, len(variable.states))))
    name, state = split_event(cause)
    found = model.by_name.get(name)
    if found is not None and found.kind == "mechanism" and state in found.states:
        return Event(cause, model.label(cause), name, (found.states.index(state),))
    key = compact(cause)
    meant = {line.name for line in compiled(model).lines if compact(line.label) == key}
    meant |= {name for name in model.vocabulary.find(cause) if name in model.causes}
    for word in model.vocabulary.find(cause):
        said = model.vocabulary.said_state(word, cause) if word in model.by_name else None
        if said is not None and (model.by_name[word].kind == "mechanism" or f"{word}={said}" in lines):
            meant.add(f"{word}={said}")
    if len(meant) == 1:
        return event_of(model, meant.pop())
    named = found.states if found is not None and found.kind == "mechanism" else ()
    hint = nearest(cause, [*lines, *model.causes, *(f"{name}={one}" for one in named)])
    known = [*model.causes, *lines] if len(lines) <= MOST_LISTED else [*model.causes]
    suggestion = f" Did you mean {hint!r}?" if hint else f" Its causes are {', '.join(dict.fromkeys(known))}."
    raise FindingsError(f"{cause!r} is not a cause of {model.name} {model.version}.{suggestion}")


def action_events(model: Model, cause: str) -> tuple[Event, ...]:
    """The events that a row of management.csv or red_flags.csv may be about, from its ``cause``.

    One event for a cause of two states and for ``variable=state``. Format 1 could name a cause of several states as a
    whole: then one event for each state but the reference state, and what the row is about is the most probable one.
    That the cause is not in its reference state is no event to act on: it says nothing of what to do.
    """
    known = compiled(model).kept(_known_events)
    if cause not in known:
        event = event_of(model, cause)
        if len(event.states) > 1:
            states = model.by_name[event.variable].states
            known[cause] = tuple(event_of(model, f"{event.variable}={states[code]}") for code in event.states)
        else:
            known[cause] = (event,)
    return known[cause]


def _known_events(_: Compiled) -> dict[str, tuple[Event, ...]]:
    """Answers that ``action_events`` has given, by cause; it fills this."""
    return {}


def action_variables(model: Model) -> tuple[str, ...]:
    """The variables that steps of care and red flags are about."""
    return compiled(model).kept(_action_variables)


def _action_variables(ready: Compiled) -> tuple[str, ...]:
    causes = [row.cause for row in ready.model.management] + [flag.cause for flag in ready.model.red_flags]
    return tuple(dict.fromkeys(split_event(cause)[0] for cause in causes))


def action_probabilities(model: Model, cause: str, marginals: Mapping[str, Array]) -> Array:
    """P(what a row of management.csv or red_flags.csv is about), shape (n_cases,); of several events the largest.

    Parameters
    ----------
    model : Model
    cause : str
        As the row names it.
    marginals : mapping of variable name to ndarray, shape (n_cases, n_states)
        Of ``action_variables`` at least.
    """
    events = action_events(model, cause)
    chances = np.stack([sides(marginals[event.variable], event)[0] for event in events])
    return np.asarray(chances.max(axis=0))


def given_event(evidence: Evidence, event: Event, engine: Engine, *, present: bool) -> Evidence:
    """The same cases, and the cause known to be present (or absent)."""
    card = engine.network.cardinalities[engine.network.index[event.variable]]
    inside = np.isin(np.arange(card), event.states) == present
    known = evidence.likelihoods.get(event.variable, np.ones((len(evidence), card)))
    return Evidence(evidence.codes, {**evidence.likelihoods, event.variable: known * inside})


def event_log_odds(engine: Engine, evidence: Evidence, event: Event, marginal: Array | None = None) -> Array:
    """Log-odds of a cause in each case, exact however extreme.

    Both sides are sums of probabilities, never one minus the other; where one is too small for that, the log
    probabilities of the evidence with the cause present and with it absent are subtracted.

    Parameters
    ----------
    engine : Engine
    evidence : Evidence of n cases, none of them impossible
    event : Event
    marginal : ndarray, shape (n, n_states), optional
        Of the event's variable in these cases, where it is known already.

    Returns
    -------
    ndarray, shape (n,), in nats
        Plus infinity where the cause is certain, minus infinity where it is impossible.
    """
    if marginal is None:
        marginal = engine.propagate(evidence, targets=(event.variable,)).marginals[event.variable]
    inside, outside = sides(marginal, event)
    with np.errstate(divide="ignore"):
        odds = np.asarray(np.log(inside) - np.log(outside))
    faint = np.flatnonzero(np.minimum(inside, outside) < FAINT)
    if faint.size:
        rows = evidence.take(faint)
        with_it, without = (
            engine.propagate(given_event(rows, event, engine, present=present), targets=()).log_evidence
            for present in (True, False)
        )
        odds[faint] = with_it - without
    return odds


def sides(marginal: Array, event: Event) -> tuple[Array, Array]:
    """P(present) and P(absent) from the marginal of the cause's variable, each summed by itself."""
    inside, outside = _places(event.states, marginal.shape[-1])
    return marginal[..., inside].sum(axis=-1), marginal[..., outside].sum(axis=-1)


@lru_cache(maxsize=1024)
def _places(states: tuple[int, ...], count: int) -> tuple[list[int], list[int]]:
    """The states among the first ``count``, and the others."""
    return [place for place in range(count) if place in states], [p for p in range(count) if p not in states]
