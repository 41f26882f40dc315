"""A line of the differential as an event of the network, and its exact log-odds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.diagnosis.case import Diagnosis, alternatives
from bayesdx.errors import FindingsError, nearest
from bayesdx.inference import Engine, Evidence
from bayesdx.knowledge.model import Model

Array = NDArray[np.float64]

FAINT = 1e-200
"""A marginal below this is computed again from log probabilities of the evidence."""


@dataclass(frozen=True)
class Event:
    """A cause being present.

    Parameters
    ----------
    name, label : str
        As in the differential.
    variable : str
    states : tuple of int
        Codes of the states in which it counts as present.
    """

    name: str
    label: str
    variable: str
    states: tuple[int, ...]


def event_of(model: Model, cause: str) -> Event:
    """The event that a name of the differential stands for.

    Parameters
    ----------
    model : Model
    cause : str
        A line of the differential (a cause, or ``cause=state`` of a graded one), or the plain name of a graded cause,
        which means any state but the reference state.

    Raises
    ------
    FindingsError
        The model has no such cause; the nearest name is given.
    """
    lines = {line.name: Event(line.name, line.label, line.variable, (line.state,)) for line in alternatives(model)}
    if cause in lines:
        return lines[cause]
    if cause in model.causes:
        variable = model.by_name[cause]
        return Event(cause, variable.label, cause, tuple(range(1, len(variable.states))))
    hint = nearest(cause, [*lines, *model.causes])
    suggestion = f" Did you mean {hint!r}?" if hint else ""
    raise FindingsError(f"{cause!r} is not a cause of {model.name} {model.version}.{suggestion}")


def leading_event(case: Diagnosis) -> Event:
    """The first line of the differential."""
    return event_of(case.model, case.differential[0].cause)


def given_event(evidence: Evidence, event: Event, engine: Engine, *, present: bool) -> Evidence:
    """The same cases, and the cause known to be present (or absent)."""
    card = engine.network.cardinalities[engine.network.index[event.variable]]
    inside = np.isin(np.arange(card), event.states) == present
    known = evidence.likelihoods.get(event.variable, np.ones((len(evidence), card)))
    return Evidence(evidence.codes, {**evidence.likelihoods, event.variable: known * inside})


def event_log_odds(engine: Engine, evidence: Evidence, event: Event) -> Array:
    """Log-odds of a cause in each case, exact however extreme.

    Both sides are sums of probabilities, never one minus the other; where one is too small for that, the log
    probabilities of the evidence with the cause present and with it absent are subtracted.

    Parameters
    ----------
    engine : Engine
    evidence : Evidence of n cases, none of them impossible
    event : Event

    Returns
    -------
    ndarray, shape (n,), in nats
        Plus infinity where the cause is certain, minus infinity where it is impossible.
    """
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
    inside = np.isin(np.arange(marginal.shape[-1]), event.states)
    return marginal[..., inside].sum(axis=-1), marginal[..., ~inside].sum(axis=-1)


def present_probability(marginals: Mapping[str, Array], variable: str) -> Array:
    """P(any state but the reference state), shape (n_cases,)."""
    return np.asarray(marginals[variable][..., 1:].sum(axis=-1))
