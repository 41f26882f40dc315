"""Steps of care that follow from findings: from posteriors, red flags, conditions and what speaks for a cause."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.diagnosis.events import Event, action_events, event_log_odds, sides
from bayesdx.diagnosis.findings import Findings
from bayesdx.diagnosis.lines import engine_for
from bayesdx.diagnosis.red_flags import FiredFlag, met
from bayesdx.inference import Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import FINDING_KINDS, URGENCIES, Conditions, ManagementStep

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Recommendation:
    """A step of management.csv that the case calls for.

    Parameters
    ----------
    cause : str
        As in management.csv, a cause or ``variable=state``; of a graded cause that a row names as a whole the most
        probable state.
    step : int
    urgency, action, when, source : str
    threshold : float in [0, 1]
        Posterior of the cause from which the step is worth taking.
    probability : float in [0, 1]
        P(cause | findings).
    reason : str
        "posterior" where the posterior reaches the threshold, "red flag" where a flag of the cause fired.
    findings : tuple of str
        The findings behind it: those that meet its conditions, those of a red flag that fired, and those that speak
        for the cause, the strongest first. Empty where the step rests on what is common alone.
    conditions : tuple of (variable, states)
        Of the step; none of them is contradicted.
    tests : tuple of str
        Tests of tests.csv that it calls for.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> step = dx.diagnose(model, {"saddle_anaesthesia": "present"}).management[0]
    >>> step.cause, step.urgency, step.threshold, step.probability > step.threshold
    ('cauda_equina_syndrome', 'emergency', 0.02, True)
    >>> step.findings, step.supported
    (('saddle_anaesthesia',), True)
    """

    cause: str
    step: int
    urgency: str
    action: str
    when: str
    threshold: float
    probability: float
    reason: str
    source: str
    findings: tuple[str, ...] = ()
    conditions: Conditions = ()
    tests: tuple[str, ...] = ()

    @property
    def supported(self) -> bool:
        """Whether a finding is behind it; otherwise it rests on what is common, or on what other causes leave over.

        Examples
        --------
        >>> import bayesdx as dx
        >>> dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0")).management[0].supported
        False
        """
        return bool(self.findings)


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
    engine = engine_for(model)
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


@dataclass(frozen=True)
class Candidate:
    """A row of management.csv that a case may call for.

    Parameters
    ----------
    row : ManagementStep
        Its threshold is reached, or a red flag stands for it; the findings do not contradict its conditions.
    event : Event
        What it is about.
    probability : float in [0, 1]
        P(event | findings).
    holds : bool
        Whether it has conditions that all hold.
    flagged : tuple of str
        The findings of certain emergency and urgent flags of its cause that fired.
    weighed : Weighed
        What the findings say about the event.
    """

    row: ManagementStep
    event: Event
    probability: float
    holds: bool
    flagged: tuple[str, ...]
    weighed: Weighed


def candidates(
    model: Model, findings: Findings, marginals: Mapping[str, Array], flags: tuple[FiredFlag, ...]
) -> list[Candidate]:
    """The rows of management.csv that a case may call for, in their order.

    A step is a candidate from its threshold on, an emergency step also where a certain flag of its cause fired that is
    an emergency or urgent; the flag stands for the threshold, not for conditions of which nothing is known yet. No step
    is one whose conditions the findings contradict.

    Parameters
    ----------
    model : Model
    findings : Findings
    marginals : mapping of variable name to ndarray, shape (1, n_states)
        Of ``action_variables``.
    flags : tuple of FiredFlag

    Returns
    -------
    list of Candidate
    """
    raised: dict[str, dict[str, None]] = {}
    for flag in flags:
        if flag.certain and flag.urgency != "routine":
            raised.setdefault(flag.cause, {}).update(dict.fromkeys(name for name, _ in flag.findings))
    reached = []
    for row in model.management:
        holds = met(row.conditions, findings)
        event, probability = likeliest(model, row.cause, marginals)
        flagged = row.urgency == "emergency" and row.cause in raised and holds is True
        if holds is not False and (probability >= row.threshold or flagged):
            reached.append((row, event, probability, bool(row.conditions) and holds is True))
    weighed = weigh(model, findings, [event for _, event, _, _ in reached])
    return [
        Candidate(row, event, probability, holds, tuple(raised.get(row.cause, ())), weighed[event.name])
        for row, event, probability, holds in reached
    ]


def recommendations(
    asked: Iterable[Candidate], speaks: Callable[[Weighed], tuple[str, ...]] = speak_for
) -> tuple[Recommendation, ...]:
    """Steps of care for what is likely or flagged: the most urgent first, then the most probable cause.

    An emergency step needs more than its threshold: a finding that speaks for its cause (see ``speak_for``), conditions
    that hold, or a red flag of its cause. What is merely common, or left over when other causes are denied, calls for
    no emergency. Rows of one cause with the same action, which say "or" of their conditions, are one step.

    Parameters
    ----------
    asked : iterable of Candidate
    speaks : callable
        The findings that speak for an event.

    Returns
    -------
    tuple of Recommendation
    """
    steps: dict[tuple[str, str], Recommendation] = {}
    for one in sorted(asked, key=_first):
        row, speaking = one.row, speaks(one.weighed)
        met_by = [name for name, _ in row.conditions] if one.holds else []
        behind = tuple(dict.fromkeys((*met_by, *one.flagged, *speaking)))
        if behind or row.urgency != "emergency":
            step = Recommendation(
                one.event.name,
                row.step,
                row.urgency,
                row.action,
                row.when,
                row.threshold,
                one.probability,
                "posterior" if one.probability >= row.threshold else "red flag",
                row.source,
                behind,
                row.conditions,
                row.tests,
            )
            steps.setdefault((step.cause, step.action), step)
    return tuple(sorted(steps.values(), key=lambda step: (URGENCIES.index(step.urgency), -step.probability, step.step)))


def _first(one: Candidate) -> tuple[int, bool, float, int]:
    """Of rows with the same action: the most urgent, then one whose conditions hold, then the lowest threshold."""
    return URGENCIES.index(one.row.urgency), not one.holds, one.row.threshold, one.row.step


def likeliest(model: Model, cause: str, marginals: Mapping[str, Array]) -> tuple[Event, float]:
    """What a row of management.csv or red_flags.csv is about in one case, and its probability."""
    events = action_events(model, cause)
    chances = [min(1.0, sides(marginals[event.variable], event)[0].item(0)) for event in events]
    place = max(range(len(events)), key=lambda place: chances[place])
    return events[place], chances[place]
