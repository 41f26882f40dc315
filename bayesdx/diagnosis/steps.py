"""Steps of care that follow from findings: from posteriors, red flags, conditions and what speaks for a cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.diagnosis.events import Event, action_events, event_log_odds, sides
from bayesdx.diagnosis.findings import Findings
from bayesdx.diagnosis.lines import engine_for
from bayesdx.diagnosis.red_flags import FiredFlag, met
from bayesdx.inference import Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import URGENCIES, Conditions, ManagementStep

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
    supported : bool
        Whether a finding speaks for the cause or the conditions hold (see ``speak_for``).

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
    supported: bool = True


@dataclass(frozen=True)
class Weighed:
    """What the findings say about an event, in nats.

    Parameters
    ----------
    together : float
        Weight of evidence of all findings: log-odds with them minus log-odds without any.
    given_others : mapping of finding to float
        Weight of evidence of each given all the others: log-odds with all findings minus log-odds without this one.

    References
    ----------
    I. J. Good (1985), "Weight of evidence: a brief survey".
    """

    together: float
    given_others: Mapping[str, float]


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
        found[name] = Weighed(_difference(odds[-2], odds[-1]), each)
    return found


def _difference(after: float, before: float) -> float:
    """A weight of evidence; 0 where the matter was settled before."""
    return 0.0 if after == before else after - before


def speak_for(weighed: Weighed) -> tuple[str, ...]:
    """The findings that speak for an event, the strongest first; empty where none does.

    A finding speaks for an event where the findings together raise its odds (their likelihood ratio is above 1) and
    the finding raises them given all the others. Where they raise them only together, so that none adds to the others,
    all of them speak for it.

    Parameters
    ----------
    weighed : Weighed

    Returns
    -------
    tuple of str
    """
    if not weighed.together > TOGETHER_NATS:
        return ()
    ordered = sorted(weighed.given_others.items(), key=lambda item: -item[1])
    return tuple(name for name, weight in ordered if weight > TOGETHER_NATS) or tuple(weighed.given_others)


TOGETHER_NATS = 1e-9
"""Weights below this are rounding."""


def recommendations(
    model: Model, findings: Findings, marginals: Mapping[str, Array], flags: tuple[FiredFlag, ...]
) -> tuple[Recommendation, ...]:
    """Steps of care for what is likely or flagged: the most urgent first, then the most probable cause.

    A step is taken from its threshold on, an emergency step also where a certain flag of its cause fired that is an
    emergency or urgent; the flag stands for the threshold, not for conditions of which nothing is known yet. No step
    is taken where the findings contradict its conditions. An emergency step also needs a
    finding that speaks for its cause (see ``speak_for``), conditions that hold, or that flag: what is merely common,
    or left over when other causes are denied, calls for no emergency. Rows of one cause with the same action, which
    say "or" of their conditions, are one step.

    Parameters
    ----------
    model : Model
    findings : Findings
    marginals : mapping of variable name to ndarray, shape (1, n_states)
        Of ``action_variables``.
    flags : tuple of FiredFlag

    Returns
    -------
    tuple of Recommendation
    """
    raised: dict[str, list[FiredFlag]] = {}
    for flag in flags:
        if flag.certain and flag.urgency != "routine":
            raised.setdefault(flag.cause, []).append(flag)
    taken: list[tuple[ManagementStep, Event, float, bool | None]] = []
    for row in model.management:
        holds = met(row.conditions, findings)
        event, probability = likeliest(model, row.cause, marginals)
        flagged = row.urgency == "emergency" and row.cause in raised and holds is True
        if holds is not False and (probability >= row.threshold or flagged):
            taken.append((row, event, probability, holds if row.conditions else None))
    weighed = weigh(model, findings, [event for _, event, _, _ in taken])
    steps: dict[tuple[str, str], Recommendation] = {}
    for row, event, probability, holds in sorted(taken, key=_first):
        behind = dict.fromkeys(name for name, _ in row.conditions) if holds else {}
        behind |= dict.fromkeys(name for flag in raised.get(row.cause, ()) for name, _ in flag.findings)
        behind |= dict.fromkeys(speak_for(weighed[event.name]))
        if row.urgency == "emergency" and not behind:
            continue
        step = Recommendation(
            event.name,
            row.step,
            row.urgency,
            row.action,
            row.when,
            row.threshold,
            probability,
            "posterior" if probability >= row.threshold else "red flag",
            row.source,
            tuple(behind),
            row.conditions,
            row.tests,
            bool(behind),
        )
        steps.setdefault((event.name, row.action), step)
    return tuple(sorted(steps.values(), key=lambda step: (URGENCIES.index(step.urgency), -step.probability, step.step)))


def _first(taken: tuple[ManagementStep, Event, float, bool | None]) -> tuple[int, bool, float, int]:
    """Of rows with the same action: the most urgent, then one whose conditions hold, then the lowest threshold."""
    row, _, _, holds = taken
    return URGENCIES.index(row.urgency), not holds, row.threshold, row.step


def likeliest(model: Model, cause: str, marginals: Mapping[str, Array]) -> tuple[Event, float]:
    """What a row of management.csv or red_flags.csv is about in one case, and its probability."""
    events = action_events(model, cause)
    chances = [min(1.0, sides(marginals[event.variable], event)[0].item(0)) for event in events]
    place = max(range(len(events)), key=lambda place: chances[place])
    return events[place], chances[place]
