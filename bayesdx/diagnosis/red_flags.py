"""Red flags fire from the findings alone, whatever the posterior."""

from __future__ import annotations

from dataclasses import dataclass

from bayesdx.diagnosis.findings import Findings
from bayesdx.display import as_title
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import URGENCIES, Conditions


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
    tests : tuple of str
        Tests of tests.csv that the action calls for.
    done : tuple of str
        Those of them of which a result is known.
    answered : tuple of str
        The findings that answer it, so that it raises no alarm: the cause itself, known to be absent, or results of
        the tests that it calls for (see ``bayesdx.diagnosis.answers``). Empty where it is open.

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
    tests: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name of the flag in words; capital letters stay, as of CT.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> dx.diagnose(model, {"saddle_anaesthesia": "present"}).red_flags[0].label
        'Saddle numbness'
        """
        return as_title(self.flag)


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
        observed = all(findings.possible(variable) is not None for variable, _ in flag.findings)
        certain = met(flag.findings, findings)
        if observed and certain is not False:
            fired.append(
                FiredFlag(
                    flag.flag,
                    flag.cause,
                    flag.urgency,
                    flag.action,
                    flag.source,
                    flag.findings,
                    bool(certain),
                    flag.tests,
                )
            )
    return tuple(sorted(fired, key=lambda flag: (not flag.certain, URGENCIES.index(flag.urgency))))


def met(conditions: Conditions, findings: Findings) -> bool | None:
    """True where every condition surely holds, False where one surely does not, None where it is not known.

    Parameters
    ----------
    conditions : tuple of (variable, states)
    findings : Findings

    Returns
    -------
    bool or None
    """
    certain = True
    for variable, states in conditions:
        possible = findings.possible(variable)
        if possible is not None and possible.isdisjoint(states):
            return False
        certain &= possible is not None and possible.issubset(states)
    return True if certain else None
