"""What findings say about an event: weights of evidence, and which findings speak for it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.events import Event, event_log_odds
from bayesdx.diagnosis.findings import Findings
from bayesdx.inference import Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import FINDING_KINDS


@dataclass(frozen=True)
class Weighed:
    """What the findings say about an event, in nats.

    Parameters
    ----------
    log_odds : float
        Of the event with all findings.
    together : float
        Weight of evidence of all findings: log-odds with them minus log-odds without any.
    given_others : mapping of finding to float
        Weight of evidence of each given all the others: log-odds with all findings minus log-odds without this one.
    signs : frozenset of str, optional
        Those of history, examination and tests that are abnormal: their reference state is excluded; and the variable
        of the event itself. None where all findings count as signs.

    References
    ----------
    I. J. Good (1985), "Weight of evidence: a brief survey".
    """

    log_odds: float
    together: float
    given_others: Mapping[str, float]
    signs: frozenset[str] | None = None


def weigh(model: Model, findings: Findings, events: Iterable[Event]) -> dict[str, Weighed]:
    """What the findings say about events, all of them in one propagation.

    Parameters
    ----------
    model : Model
    findings : Findings
        Possible ones.
    events : iterable of Event

    Returns
    -------
    dict of the name of an event to Weighed
    """
    asked = {event.name: event for event in events}
    names = findings.informative
    if not asked:
        return {}
    engine = compiled(model).engine
    known = np.ones((len(names) + 2, len(names)), dtype=np.bool_)
    known[np.arange(len(names)), np.arange(len(names))] = False
    known[-1] = False  # rows: each finding left out, then all findings, then none
    codes = np.tile(findings.codes, (len(known), 1))
    likelihoods = {}
    for place, name in enumerate(names):
        codes[~known[:, place], engine.network.index[name]] = -1
        if name in findings.likelihoods:
            likelihoods[name] = np.where(known[:, [place]], findings.likelihoods[name], 1.0)
    evidence = Evidence(codes, likelihoods)
    marginals = engine.propagate(evidence, targets={event.variable for event in asked.values()}).marginals
    found = {}
    for name, event in asked.items():
        odds = event_log_odds(engine, evidence, event, marginals[event.variable]).tolist()
        each = {finding: _difference(odds[-2], without) for finding, without in zip(names, odds[:-2], strict=True)}
        signs = signs_of(model, findings) | ({event.variable} & set(names))  # a cause that is known speaks for itself
        found[name] = Weighed(odds[-2], _difference(odds[-2], odds[-1]), each, signs)
    return found


def signs_of(model: Model, findings: Findings) -> frozenset[str]:
    """The abnormal findings of history, examination and tests: their reference state is excluded.

    Normal results, contexts and causes that are known are none: they shift what is left, and show nothing themselves.

    Parameters
    ----------
    model : Model
    findings : Findings

    Returns
    -------
    frozenset of str
    """
    return frozenset(
        name
        for name in findings.informative
        if model.by_name[name].kind in FINDING_KINDS
        and model.by_name[name].reference not in (findings.possible(name) or ())
    )


def _difference(after: float, before: float) -> float:
    """A weight of evidence; 0 where the matter was settled before."""
    return 0.0 if after == before else after - before


SPEAKS = math.log(2)
"""Weight of evidence, in nats, from which findings speak for an event: a likelihood ratio of 2."""

ROUNDING = 1e-9
"""Weights of evidence up to this are rounding."""


def speak_for(weighed: Weighed) -> tuple[str, ...]:
    """The findings that speak for an event, the strongest first; empty where they do not.

    Findings speak for an event where together they at least double its odds (a likelihood ratio of 2 or more; one of 1
    to 2 changes a probability by little and rarely matters), or where they raise them at all and the event is now more
    probable than not. Named are those of them that raise the odds given all the others; where none adds to the others,
    all of them. One of these has to be a sign (see ``signs_of``): normal results alone speak for nothing.

    Parameters
    ----------
    weighed : Weighed

    Returns
    -------
    tuple of str

    References
    ----------
    R. Jaeschke, G. Guyatt, D. Sackett (1994), "Users' guides to the medical literature III", JAMA 271, for what a
    likelihood ratio is worth; I. J. Good (1985), "Weight of evidence: a brief survey".

    Examples
    --------
    >>> speak_for(Weighed(-2.0, 1.1, {"fever": 0.3, "back_pain": 0.9, "cough": -0.1}))
    ('back_pain', 'fever')
    >>> speak_for(Weighed(-2.0, 0.5, {"fever": 0.5}))
    ()
    >>> speak_for(Weighed(-2.0, 1.1, {"no_fever": 0.3, "normal_markers": 0.9}, signs=frozenset()))
    ()
    """
    if weighed.together < (ROUNDING if weighed.log_odds > 0 else SPEAKS):
        return ()
    ordered = sorted(weighed.given_others.items(), key=lambda item: -item[1])
    named = tuple(name for name, weight in ordered if weight > ROUNDING) or tuple(weighed.given_others)
    return named if weighed.signs is None or not weighed.signs.isdisjoint(named) else ()
