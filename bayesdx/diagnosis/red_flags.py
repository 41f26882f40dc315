"""Red flags fire from the findings alone, whatever the posterior; steps of care follow flags and posteriors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bayesdx.diagnosis.findings import Findings
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import URGENCIES, Conditions, RedFlag


@dataclass(frozen=True)
class FiredFlag:
    """A red flag of the model that the findings raise.

    Parameters
    ----------
    flag, cause, urgency, action, source : str
        As in red_flags.csv; urgency is emergency, urgent or routine.
    findings : conditions that raised it, as (variable, states) pairs
    certain : bool
        False where an uncertain finding (a set of states, a likelihood) cannot exclude the flag.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> [flag] = dx.diagnose(model, {"saddle_anaesthesia": "present"}).red_flags
    >>> flag.label, flag.urgency, flag.findings, flag.certain
    ('Saddle numbness', 'emergency', (('saddle_anaesthesia', ('present',)),), True)
    """

    flag: str
    cause: str
    urgency: str
    action: str
    source: str
    findings: Conditions
    certain: bool

    @property
    def label(self) -> str:
        """The name of the flag in words.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> dx.diagnose(model, {"saddle_anaesthesia": "present"}).red_flags[0].label
        'Saddle numbness'
        """
        return self.flag.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Recommendation:
    """A step of management.csv that the case calls for.

    Parameters
    ----------
    cause, urgency, action, when, source : str
    step : int
    threshold : float in [0, 1]
        Posterior of the cause from which the step is worth taking.
    probability : float in [0, 1]
        P(cause present | findings).
    reason : str
        "posterior" where the posterior reaches the threshold, "red flag" where a flag of the cause fired.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> step = dx.diagnose(model, {"saddle_anaesthesia": "present"}).management[0]
    >>> step.cause, step.urgency, step.threshold, step.probability > step.threshold
    ('cauda_equina_syndrome', 'emergency', 0.02, True)
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


def fired_flags(model: Model, findings: Findings) -> tuple[FiredFlag, ...]:
    """The red flags that findings raise, emergencies first, certain before uncertain ones.

    Parameters
    ----------
    model : Model
    findings : Findings

    Returns
    -------
    tuple of FiredFlag
    """
    fired = []
    for flag in model.red_flags:
        certain = _certainty(flag, findings)
        if certain is not None:
            fired.append(
                FiredFlag(flag.flag, flag.cause, flag.urgency, flag.action, flag.source, flag.findings, certain)
            )
    return tuple(sorted(fired, key=lambda flag: (not flag.certain, URGENCIES.index(flag.urgency))))


def _certainty(flag: RedFlag, findings: Findings) -> bool | None:
    """True where every condition surely holds, False where it may, None where the flag does not fire."""
    certain = True
    for variable, states in flag.findings:
        possible = findings.possible(variable)
        if possible is None or possible.isdisjoint(states):
            return None
        certain &= possible.issubset(states)
    return certain


def recommendations(
    model: Model, probabilities: Mapping[str, float], flags: tuple[FiredFlag, ...]
) -> tuple[Recommendation, ...]:
    """Steps of care for what is likely or flagged: the most urgent first, then the most probable cause.

    Parameters
    ----------
    model : Model
    probabilities : mapping of cause to P(cause present | findings)
    flags : tuple of FiredFlag

    Returns
    -------
    tuple of Recommendation
    """
    flagged = {flag.cause for flag in flags if flag.certain and flag.urgency != "routine"}
    steps = []
    for row in model.management:
        probability = probabilities[row.cause]
        if probability >= row.threshold:
            reason = "posterior"
        elif row.cause in flagged and row.urgency == "emergency":
            reason = "red flag"
        else:
            continue
        steps.append(
            Recommendation(
                row.cause, row.step, row.urgency, row.action, row.when, row.threshold, probability, reason, row.source
            )
        )
    return tuple(sorted(steps, key=lambda step: (URGENCIES.index(step.urgency), -step.probability, step.step)))
