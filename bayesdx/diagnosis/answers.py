"""Whether what a red flag or a step of care asks for is done, and answers it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bayesdx.diagnosis.events import Event, action_events
from bayesdx.diagnosis.findings import Findings
from bayesdx.diagnosis.red_flags import FiredFlag
from bayesdx.diagnosis.weighing import Weighed, speak_for, weigh
from bayesdx.knowledge.model import Model

AGAINST = -math.log(2)
"""Weight of evidence, in nats, from which a result speaks against an event: a likelihood ratio of one half."""


def done_tests(model: Model, findings: Findings, tests: Iterable[str]) -> tuple[str, ...]:
    """Those of some tests that were made: a result of theirs is known.

    Parameters
    ----------
    model : Model
    findings : Findings
    tests : iterable of str
        Names of tests.csv.

    Returns
    -------
    tuple of str
    """
    return tuple(test for test in tests if _results(model, findings, (test,)))


def _results(model: Model, findings: Findings, tests: Iterable[str]) -> tuple[str, ...]:
    """The findings that are results of tests."""
    known = set(findings.informative)
    variables = {test.test: test.variables for test in model.tests}
    return tuple(name for test in tests for name in variables[test] if name in known)


def answered_by(model: Model, findings: Findings, tests: Sequence[str], weighed: Weighed) -> tuple[str, ...]:
    """The results that answer a flag or step which calls for tests; empty where it stays open.

    It is answered where every test is done, a result of theirs speaks against the cause given all other findings (a
    likelihood ratio of one half or less), and the findings together do not speak for the cause (see ``speak_for``). A
    test that is not done, or whose result says nothing about this cause, answers nothing.

    Parameters
    ----------
    model : Model
    findings : Findings
    tests : sequence of str
    weighed : Weighed
        What the findings say about the cause.

    Returns
    -------
    tuple of str

    References
    ----------
    R. Jaeschke, G. Guyatt, D. Sackett (1994), "Users' guides to the medical literature III", JAMA 271, for what a
    likelihood ratio is worth.
    """
    if not tests or len(done_tests(model, findings, tests)) < len(tests) or speak_for(weighed):
        return ()
    return tuple(name for name in _results(model, findings, tests) if weighed.given_others[name] <= AGAINST)


def denied_by(findings: Findings, events: Iterable[Event], model: Model) -> tuple[str, ...]:
    """The finding that says that a cause is absent; empty where there is none."""
    denying = []
    for event in events:
        possible = findings.possible(event.variable)
        states = model.by_name[event.variable].states
        if possible is None or not possible.isdisjoint(states[code] for code in event.states):
            return ()
        denying.append(event.variable)
    return tuple(dict.fromkeys(denying))


def with_answers(model: Model, findings: Findings, flags: Sequence[FiredFlag]) -> tuple[FiredFlag, ...]:
    """Red flags, each with the tests that are done and the findings that answer it.

    Parameters
    ----------
    model : Model
    findings : Findings
    flags : sequence of FiredFlag

    Returns
    -------
    tuple of FiredFlag
    """
    asked = {flag.flag: done_tests(model, findings, flag.tests) for flag in flags}
    complete = [flag for flag in flags if flag.tests and asked[flag.flag] == flag.tests]
    weighed = weigh(model, findings, [event for flag in complete for event in action_events(model, flag.cause)])
    found = []
    for flag in flags:
        events = action_events(model, flag.cause)
        answers = denied_by(findings, events, model)
        if not answers and flag in complete:
            each = [answered_by(model, findings, flag.tests, weighed[event.name]) for event in events]
            answers = tuple(dict.fromkeys(name for one in each for name in one)) if all(each) else ()
        found.append(replace(flag, done=asked[flag.flag], answered=answers))
    return tuple(found)
