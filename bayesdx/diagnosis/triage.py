"""How urgent a case is: one banner per cause, and one level with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.events import Event, action_events, action_variables, sides
from bayesdx.diagnosis.findings import Findings
from bayesdx.diagnosis.red_flags import FiredFlag, met
from bayesdx.diagnosis.results import assignments, entropy_bits
from bayesdx.diagnosis.steps import Recommendation, likeliest
from bayesdx.display import format_probability
from bayesdx.inference import Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import URGENCIES, Conditions

Array = NDArray[np.float64]

LEVELS = ("emergency", "urgent", "soon", "none")
"""Levels of triage, the most urgent first."""

NO_EMERGENCY = "no emergency found with these findings"
CANNOT_NOTICE = "not judged: this model has no red flags and no steps of care, so it cannot notice an emergency"


@dataclass(frozen=True)
class CaseAlert:
    """What red flags and emergency steps say about one cause: one banner.

    Parameters
    ----------
    cause, label : str
    urgency : str
        The strongest of its flags and steps: emergency, urgent or routine.
    certain : bool
        False where an uncertain finding cannot exclude the flag that gives the urgency.
    actions : tuple of str
        What to do, the strongest first, each once. What calls for tests that are all done is left out where something
        as urgent is still to do.
    findings : tuple of str
        The findings behind it.
    flags : tuple of str
        Names of the red flags that fired.
    probability : float in [0, 1]
        P(cause | findings).
    tests : tuple of str
        Tests of tests.csv that the actions call for.
    done : tuple of str
        Those of them of which a result is known.
    given : tuple of str
        Where the probability is 0: what was given of causes themselves, which leaves no room for this one. The flag
        stands all the same, since it fires from the findings and what was given may be wrong.

    Examples
    --------
    >>> import bayesdx as dx
    >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"saddle_anaesthesia": "present"})
    >>> alert = case.alerts[0]
    >>> alert.label, alert.urgency, alert.certain, alert.findings
    ('Cauda equina syndrome', 'emergency', True, ('saddle_anaesthesia',))
    >>> alert.actions[0]
    'Emergency department now; MRI day or night'
    """

    cause: str
    label: str
    urgency: str
    certain: bool
    actions: tuple[str, ...]
    findings: tuple[str, ...]
    flags: tuple[str, ...]
    probability: float
    tests: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    given: tuple[str, ...] = ()

    @property
    def chance(self) -> str:
        """The probability in words, with the causes that were given where these make it 0.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@3.0.0")
        >>> for findings in ({"fever": "present"}, {"fever": "present", "main_cause": "fracture"}):
        ...     print(dx.diagnose(model, findings).alerts[0].chance)
        27.3 %
        0 % with the cause that was given: Main cause of the complaint: Hip or pelvic fracture
        """
        said = format_probability(self.probability)
        return f"{said} with the cause that was given: {'; '.join(self.given)}" if self.given else said


@dataclass(frozen=True)
class Triage:
    """How urgent a case is, for the clinician who decides.

    Parameters
    ----------
    level : str
        emergency: a certain emergency flag, or an emergency step of care. urgent: an emergency flag that cannot be
        excluded, a certain urgent flag, or an urgent step that findings speak for. soon: another flag, or an urgent
        step by probability alone where something was found. none: nothing of these. Flags that are answered count for
        nothing.
    reason : str
        Why, in one sentence.
    causes : tuple of str
        The causes that give the level.
    findings : tuple of str
        The findings behind it.
    unasked : tuple of str
        Contexts and findings of history and examination that were not asked, that an emergency flag or the conditions
        of an emergency step need and that could still make it hold; the most informative about those emergencies first.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> triage = dx.diagnose(model, {"saddle_anaesthesia": "present"}).triage
    >>> triage.level, triage.causes[0], triage.findings
    ('emergency', 'cauda_equina_syndrome', ('saddle_anaesthesia',))
    >>> dx.diagnose(model).triage.text
    'no emergency found with these findings'
    """

    level: str
    reason: str
    causes: tuple[str, ...]
    findings: tuple[str, ...]
    unasked: tuple[str, ...]

    @property
    def text(self) -> str:
        """The level and its reason in one line.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> print(dx.diagnose(model, {"saddle_anaesthesia": "present"}).triage.text)
        emergency: Cauda equina syndrome, red flag Saddle numbness
        """
        return self.reason if self.level == "none" else f"{self.level}: {self.reason}"


def alerts_of(
    model: Model,
    flags: Sequence[FiredFlag],
    steps: Sequence[Recommendation],
    marginals: Mapping[str, Array],
    given: tuple[str, ...] = (),
) -> tuple[CaseAlert, ...]:
    """One banner per cause: its open red flags and its emergency steps; emergencies first, certain ones before others.

    Parameters
    ----------
    model : Model
    flags : sequence of FiredFlag
    steps : sequence of Recommendation
        The steps of care of the case; those that are no emergency are left out.
    marginals : mapping of variable name to ndarray, shape (1, n_states)
        Of ``action_variables``.
    given : tuple of str
        What was given of causes themselves, in words.

    Returns
    -------
    tuple of CaseAlert
    """
    parts: dict[str, list[tuple[FiredFlag | Recommendation, tuple[str, ...]]]] = {}
    chances: dict[str, tuple[Event, float]] = {}
    for flag in flags:
        if flag.answered:
            continue
        event, probability = likeliest(model, flag.cause, marginals)
        chances[event.name] = event, probability
        parts.setdefault(event.name, []).append((flag, tuple(name for name, _ in flag.findings)))
    for step in steps:
        if step.urgency == "emergency":
            chances[step.cause] = likeliest(model, step.cause, marginals)
            parts.setdefault(step.cause, []).append((step, step.findings))
    found = []
    for cause, items in parts.items():
        items.sort(key=lambda item: (URGENCIES.index(item[0].urgency), not _certain(item[0])))
        first, (event, probability) = items[0][0], chances[cause]
        to_do = [item for item, _ in items if not item.tests or item.done != item.tests]
        to_do = to_do if any(item.urgency == first.urgency for item in to_do) else [item for item, _ in items]
        found.append(
            CaseAlert(
                cause,
                event.label,
                first.urgency,
                _certain(first),
                tuple(dict.fromkeys(item.action for item in to_do)),
                tuple(dict.fromkeys(name for _, names in items for name in names)),
                tuple(item.flag for item, _ in items if isinstance(item, FiredFlag)),
                probability,
                tuple(dict.fromkeys(test for item in to_do for test in item.tests)),
                tuple(dict.fromkeys(test for item in to_do for test in item.done)),
                given if probability == 0 else (),
            )
        )
    return tuple(
        sorted(found, key=lambda alert: (URGENCIES.index(alert.urgency), not alert.certain, -alert.probability))
    )


def _certain(item: FiredFlag | Recommendation) -> bool:
    return item.certain if isinstance(item, FiredFlag) else True


def triage_of(
    model: Model,
    findings: Findings,
    flags: Sequence[FiredFlag],
    steps: Sequence[Recommendation],
    alerts: Sequence[CaseAlert],
) -> Triage:
    """The level of a case, from its red flags and steps of care (see ``Triage``).

    Where several give the level, the first banner is the reason.

    Parameters
    ----------
    model : Model
    findings : Findings
    flags : sequence of FiredFlag
    steps : sequence of Recommendation
    alerts : sequence of CaseAlert
        The banners made of both.

    Returns
    -------
    Triage
    """
    found = bool(findings.informative)
    of_flag = {name: place for place, alert in enumerate(alerts) for name in alert.flags}
    of_cause = {alert.cause: place for place, alert in enumerate(alerts)}
    reasons: dict[str, list[tuple[int, str, str, tuple[str, ...]]]] = {level: [] for level in LEVELS}
    for flag in (flag for flag in flags if not flag.answered):
        level = _level_of_flag(flag)
        said = f"{model.label(flag.cause)}, red flag {flag.label}{'' if flag.certain else ' cannot be excluded'}"
        reasons[level].append((of_flag[flag.flag], flag.cause, said, tuple(name for name, _ in flag.findings)))
    for step in steps:
        level = _level_of_step(step, found)
        if level:
            chance = format_probability(step.probability)
            said = f"{model.label(step.cause)} with a probability of {chance} calls for: {step.action}"
            banner = of_cause[step.cause] if step.urgency == "emergency" else len(alerts)
            reasons[level].append((banner, step.cause, said, step.findings))
    level = next(level for level in LEVELS if reasons[level] or level == "none")
    given = sorted(reasons[level], key=lambda reason: reason[0])
    causes = tuple(dict.fromkeys(cause for _, cause, _, _ in given))
    behind = tuple(dict.fromkeys(name for _, _, _, names in given for name in names))
    silent = NO_EMERGENCY if model.red_flags or model.management else CANNOT_NOTICE
    first = given[0][2] if given else silent
    return Triage(level, first, causes, behind, unasked(model, findings))


def _level_of_flag(flag: FiredFlag) -> str:
    if flag.urgency == "emergency":
        return "emergency" if flag.certain else "urgent"
    return "urgent" if flag.urgency == "urgent" and flag.certain else "soon"


def _level_of_step(step: Recommendation, found: bool) -> str:
    """The level that a step gives; empty where it gives none. ``found``: whether anything was found out."""
    if step.urgency == "emergency":
        return "emergency"
    if step.urgency == "urgent" and step.supported:
        return "urgent"
    return "soon" if step.urgency == "urgent" and found else ""


def emergency_rows(model: Model) -> Iterator[tuple[str, Conditions, float]]:
    """(cause, conditions, threshold) of every emergency flag, whose threshold is 0, and every emergency step."""
    yield from ((flag.cause, flag.findings, 0.0) for flag in model.red_flags if flag.urgency == "emergency")
    for step in model.steps:
        if step.urgency == "emergency":
            yield step.cause, step.conditions, step.threshold


def unasked(model: Model, findings: Findings) -> tuple[str, ...]:
    """The questions of emergencies that are still open, the most informative about those emergencies first.

    Contexts, history and examination that a red flag of urgency emergency or the conditions of an emergency step name,
    that were neither observed nor UNKNOWN, where nothing found contradicts the flag or the conditions. Their worth is
    the expected information about the causes of these flags and steps, in bits, added up.

    Parameters
    ----------
    model : Model
    findings : Findings

    Returns
    -------
    tuple of str
    """
    wanted: dict[str, set[str]] = {}
    for cause, conditions, _ in emergency_rows(model):
        if met(conditions, findings) is not False:
            for name, _ in conditions:
                if name not in findings.values and model.by_name[name].kind != "test":
                    wanted.setdefault(name, set()).add(cause)
    names = [variable.variable for variable in model.variables if variable.variable in wanted]
    if not names:
        return ()
    engine = compiled(model).engine
    results = assignments(engine, [(name,) for name in names])
    codes = np.concatenate([results.fill(findings.codes), findings.codes[None]])
    likelihoods = {name: np.tile(values, (len(codes), 1)) for name, values in findings.likelihoods.items()}
    after = engine.propagate(Evidence(codes, likelihoods), targets=action_variables(model))
    weights = np.exp(after.log_evidence - after.log_evidence[-1])
    worth = {}
    for name, rows_of in zip(names, results.rows, strict=True):
        bits = 0.0
        for cause in wanted[name]:
            for event in action_events(model, cause):
                present, absent = sides(np.nan_to_num(after.marginals[event.variable]), event)
                entropy = entropy_bits(np.stack([present, absent], axis=1))
                bits += float(entropy[-1] - weights[rows_of] @ entropy[rows_of])
        worth[name] = bits
    return tuple(sorted(names, key=lambda name: -round(worth[name], 12)))
