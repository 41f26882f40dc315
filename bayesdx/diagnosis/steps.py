"""Steps of care that follow from findings: from posteriors, red flags, conditions and what speaks for a cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.diagnosis.answers import answered_by, done_tests
from bayesdx.diagnosis.events import Event, action_events, sides
from bayesdx.diagnosis.findings import Findings
from bayesdx.diagnosis.red_flags import FiredFlag, met
from bayesdx.diagnosis.weighing import Weighed, speak_for, weigh
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
    done : tuple of str
        Those of them of which a result is known.

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
    done: tuple[str, ...] = ()

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
    done : tuple of str
        Those of its tests of which a result is known.
    """

    row: ManagementStep
    event: Event
    probability: float
    holds: bool
    flagged: tuple[str, ...]
    weighed: Weighed
    done: tuple[str, ...] = ()


def candidates(
    model: Model, findings: Findings, marginals: Mapping[str, Array], flags: tuple[FiredFlag, ...]
) -> list[Candidate]:
    """The rows of management.csv that a case may call for, in their order.

    A step is a candidate from its threshold on, an emergency step also where a certain flag of its cause fired that is
    an emergency or urgent and not answered; the flag stands for the threshold, not for conditions of which nothing is
    known yet. No step is one whose conditions the findings contradict, nor an emergency step that the tests it calls
    for have answered (see ``answered_by``).

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
        if flag.certain and not flag.answered and flag.urgency != "routine":
            raised.setdefault(flag.cause, {}).update(dict.fromkeys(name for name, _ in flag.findings))
    reached = []
    for row in model.steps:
        holds = met(row.conditions, findings)
        event, probability = likeliest(model, row.cause, marginals)
        flagged = row.urgency == "emergency" and row.cause in raised and holds is True
        if holds is not False and (probability >= row.threshold or flagged):
            reached.append((row, event, probability, bool(row.conditions) and holds is True))
    weighed = weigh(model, findings, [event for _, event, _, _ in reached])
    return [
        Candidate(
            row,
            event,
            probability,
            holds,
            tuple(raised.get(row.cause, ())),
            weighed[event.name],
            done_tests(model, findings, row.tests),
        )
        for row, event, probability, holds in reached
        if row.urgency != "emergency" or not answered_by(model, findings, row.tests, weighed[event.name])
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
                one.done,
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
