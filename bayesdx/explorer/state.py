"""What the front end draws, as plain values: the catalogue of a model, the state of a case, and its slower parts.

Pure functions; nothing here knows a browser. Every text is clean of control and direction characters, and the front
end names variables and states by their position, so that no text of a model comes back from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bayesdx as dx
from bayesdx.display import as_json, clean, format_probability, format_ratio, words
from bayesdx.explorer.code import as_code

SECTIONS = {
    "context": "Background",
    "history": "History",
    "examination": "Examination",
    "test": "Tests",
    "mechanism": "Mechanisms",
    "cause": "Causes already known",
}
"""Kinds of variables in the order in which a patient is asked, with their headings."""

CLOSED = ("mechanism", "cause")
"""Kinds whose section starts closed: rarely a finding."""

MOST_LINES = 25
"""Lines of the differential that are drawn."""

MOST_UNASKED = 8
"""Questions of emergencies that are named."""

MOST_SETS = 5
"""Sets of causes that are drawn."""

MOST_OPTIONS = 8
"""Suggestions that are drawn."""

MOST_EXPECTED = 5
"""Signs expected but not yet looked for that are drawn."""

DRAWS = 100
"""Draws behind a credible interval: few, since it is computed anew at every step; the page says how many."""

NOTHING = "None of the modelled causes"

BADGES = {
    "context": "asks about an emergency",
    "history": "asks about an emergency",
    "examination": "looks for an emergency",
    "test": "emergency test",
}
"""What an option that bears on an emergency is called: a question of history is never an emergency itself."""

PARTS = ("why", "next", "intervals")
"""What may come after the first paint, in the order in which it is asked for; the intervals take longest."""


def catalogue(model: dx.Model) -> dict[str, Any]:
    """What does not change while a model is explored.

    Parameters
    ----------
    model : Model

    Returns
    -------
    dict
        model (name, version, title, hash), populations, sections (kind, title, open, groups of variables), cases,
        notices.

    Examples
    --------
    >>> found = catalogue(dx.load_model("hip_flexion_weakness@1.0.0"))
    >>> [section["title"] for section in found["sections"]]
    ['Background', 'History', 'Examination', 'Tests', 'Causes already known']
    """
    positions = {name: place for place, name in enumerate(model.by_name)}
    tests = {test.test: clean(test.label) for test in model.tests}
    sections = []
    for kind, title in SECTIONS.items():
        groups: dict[str, list[dict[str, Any]]] = {}
        for variable in model.variables:
            if variable.kind == kind:
                groups.setdefault(variable.group, []).append(
                    {
                        "index": positions[variable.variable],
                        "label": clean(variable.label),
                        "definition": clean(variable.definition),
                        "states": [clean(variable.state_label(state)) for state in variable.states],
                        "words": clean(" ".join(variable.words)),
                        "number": clean(variable.measured),
                    }
                )
        if groups:
            named = [
                {"title": tests.get(name, words(name).capitalize()), "variables": rows} for name, rows in groups.items()
            ]
            sections.append({"kind": kind, "title": title, "open": kind not in CLOSED, "groups": named})
    info = model.info
    return {
        "model": {"name": model.name, "version": model.version, "title": clean(info.title), "hash": model.hash},
        "populations": [
            {"name": row.name, "title": clean(row.title), "description": clean(row.description)}
            for row in info.populations
        ],
        "sections": sections,
        "cases": [{"title": clean(case.title), "findings": len(case.findings)} for case in model.cases],
        "entry": clean(info.entry_criterion),
        "not_for": clean(info.not_for),
        "draws": DRAWS,
    }


def state(
    case: dx.Diagnosis,
    previous: dx.Diagnosis | None = None,
    pinned: dx.Diagnosis | None = None,
    chosen: str = "",
    folder: str = "",
) -> dict[str, Any]:
    """What is known at once after a step; the slower parts are ``part``.

    Parameters
    ----------
    case : Diagnosis
    previous : Diagnosis, optional
        The one before, for the change since the last step.
    pinned : Diagnosis, optional
        The one to compare with.
    chosen : str
        The line of the differential whose reasons are shown; the first where empty.
    folder : str
        Where the model was loaded from, for the code; empty for a shipped one.

    Returns
    -------
    dict
        population, assumed (whether nobody chose it), triage, findings, differential, none, flags, management, sets,
        chosen, pinned, code, document.

    Examples
    --------
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> before = dx.diagnose(model)
    >>> now = state(before.with_findings({"onset": "sudden"}), before)
    >>> now["differential"][0]["label"], now["differential"][0]["shown"], now["differential"][0]["change"]
    ('Iliopsoas strain', '31.1 %', 18.1)
    """
    old = None if previous is None else previous.posterior
    lines = []
    for line in case.differential[:MOST_LINES]:
        name, posterior = line.cause, line.posterior
        lines.append(
            {
                "cause": name,
                "label": clean(line.label),
                "posterior": posterior,
                "shown": format_probability(posterior),
                "prior": format_probability(line.prior),
                "ratio": format_ratio(line.likelihood_ratio),
                "change": 0.0 if old is None else round(100 * (posterior - float(old[name])), 1) + 0.0,
            }
        )
    return {
        "population": case.model.population,
        "assumed": case.model.population_assumed,
        "triage": _triage(case),
        "findings": [_finding(case, name) for name in case.findings],
        "differential": lines,
        "hidden": len(case.differential) - len(lines),
        "none": {"posterior": case.none_present, "shown": format_probability(case.none_present)},
        "flags": _flags(case),
        "management": [
            {
                "urgency": step.urgency,
                "cause": clean(case.model.label(step.cause)),
                "action": clean(step.action + (f" ({step.when})" if step.when else "")),
            }
            for step in case.management
        ],
        "sets": [
            {
                "label": " + ".join(clean(case.model.label(name)) for name in causes) or NOTHING,
                "probability": probability,
                "shown": format_probability(probability),
            }
            for causes, probability in case.probable_sets(MOST_SETS)
        ],
        "chosen": chosen or lines[0]["cause"],
        "pinned": None if pinned is None else _pinned(pinned, case),
        "code": as_code(case, folder),
        "document": case.findings_json(),
    }


def part(case: dx.Diagnosis, name: str, chosen: str = "") -> dict[str, Any]:
    """A slower part of the state: "next" (what to find out next), "why" (reasons of the chosen cause), "intervals".

    Examples
    --------
    >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"onset": "sudden"})
    >>> part(case, "why", "iliopsoas_strain")["rows"][0]["label"]
    'Onset'
    """
    return {"next": _next, "why": _why, "intervals": _intervals}[name](case, chosen)


def _finding(case: dx.Diagnosis, name: str) -> dict[str, Any]:
    """A finding by the positions of its variable and of the states still possible; no state: unknown."""
    value = case.findings[name]
    variable = case.model.by_name[name]
    states = variable.states
    possible: list[int] = []
    if isinstance(value, str):
        possible = [states.index(value)]
    elif isinstance(value, tuple):
        possible = [states.index(state) for state in value]
    elif isinstance(value, Mapping):
        possible = [states.index(state) for state, likelihood in value.items() if likelihood > 0]
    text = next(clean(found.value_label) for found in case.understood if found.variable == name)
    index = list(case.model.by_name).index(name)
    said = clean(case.evidence.said.get(name, ""))
    return {"index": index, "possible": possible, "exact": isinstance(value, str), "text": clean(text), "said": said}


def _triage(case: dx.Diagnosis) -> str:
    """The level, and the first questions of emergencies that are open where none was found."""
    names = [case.model.label(name) for name in case.triage.unasked]
    if not names or case.triage.level == "emergency":
        return clean(case.triage.text)
    more = f" and {len(names) - MOST_UNASKED} more" if len(names) > MOST_UNASKED else ""
    return clean(f"{case.triage.text}; not asked: {', '.join(names[:MOST_UNASKED])}{more}")


def _flags(case: dx.Diagnosis) -> list[dict[str, Any]]:
    """One banner per cause."""
    said = {found.variable: clean(found.text) for found in case.understood}
    return [
        {
            "urgency": alert.urgency,
            "action": clean(alert.actions[0]),
            "cause": clean(alert.label),
            "because": "; ".join(said[name] for name in alert.findings),
            "certain": alert.certain,
        }
        for alert in case.alerts
    ]


def _pinned(pinned: dx.Diagnosis, case: dx.Diagnosis) -> dict[str, Any]:
    """The pinned case beside the one at hand."""
    comparison = dx.compare_cases(pinned, case)
    populations = (pinned.model.population, case.model.population)
    differing = [
        {"label": clean(case.model.label(name)), "pinned": words(before), "now": words(after)}
        for name, before, after in comparison.findings.itertuples(name=None)
    ]
    if populations[0] != populations[1]:
        differing.insert(0, {"label": "Population", "pinned": words(populations[0]), "now": words(populations[1])})
    return {
        "posterior": {line: float(value) for line, value in pinned.posterior.items()},
        "shown": {line: format_probability(float(value)) for line, value in pinned.posterior.items()},
        "none": {"posterior": pinned.none_present, "shown": format_probability(pinned.none_present)},
        "flags": [f"{flag['urgency']}: {flag['action']}" for flag in _flags(pinned)],
        "count": len(pinned.findings),
        "differing": differing,
    }


def _next(case: dx.Diagnosis, chosen: str) -> dict[str, Any]:
    found = dx.next_tests(case)
    index = {name: place for place, name in enumerate(case.model.by_name)}
    rows = []
    for suggestion in found.suggestions[:MOST_OPTIONS]:
        option = suggestion.option
        rows.append(
            {
                "label": clean(option.label),
                "kind": option.kind,
                "variables": [index[name] for name in option.variables],
                "bits": f"{suggestion.bits:.3f}",
                "share": suggestion.bits,
                "decision": format_probability(suggestion.decision_change),
                "cost": f"{option.cost_eur:g}",
                "delay": f"{suggestion.delay_hours:g}",
                "badge": BADGES[option.kind] if suggestion.emergency else "",
                "why": clean(suggestion.why),
            }
        )
    return {"rows": rows, "reason": clean(found.stop_reason), "urgent": bool(found.emergencies)}


def _why(case: dx.Diagnosis, chosen: str) -> dict[str, Any]:
    """The ledger as steps of a waterfall: where each bar starts and ends, in decibans."""
    found = dx.explain(case, chosen or None)
    index = {name: place for place, name in enumerate(case.model.by_name)}
    here = found.prior_decibans
    rows = []
    for reason in found.reasons:
        start, here = here, here + reason.weight_decibans
        rows.append(
            {
                "label": clean(reason.label),
                "value": words(reason.value),
                "weight": _decibans(reason.weight_decibans, reason.error_decibans),
                "start": as_json(start),
                "end": as_json(here),
                "verdict": reason.verdict,
                "sources": ", ".join(clean(source) for source in reason.sources),
            }
        )
    return {
        "cause": chosen,
        "label": clean(found.event.label),
        "statement": clean(found.statement),
        "settled": found.settled,
        "prior": {"value": as_json(found.prior_decibans), "weight": _decibans(found.prior_decibans)},
        "posterior": {"value": as_json(found.posterior_decibans), "weight": _decibans(found.posterior_decibans)},
        "rows": rows,
        "expected": [
            {
                "index": index[sign.name],
                "label": f"{clean(sign.label)}: {words(sign.state)}",
                "present": format_probability(sign.if_present),
                "absent": format_probability(sign.if_absent),
                "weight": _decibans(sign.weight_decibans),
            }
            for sign in found.expected[:MOST_EXPECTED]
        ],
    }


def _intervals(case: dx.Diagnosis, chosen: str) -> dict[str, Any]:
    table = dx.credible_intervals(case, draws=DRAWS).table
    columns = (table[name].tolist() for name in ("lower", "upper"))
    return {
        str(name): {
            "lower": lower,
            "upper": upper,
            "shown": f"{format_probability(lower)} to {format_probability(upper)}",
        }
        for name, lower, upper in zip(table.index, *columns, strict=True)
    }


def _decibans(value: float, error: float = 0.0) -> str:
    text = f"{value:+.1f}" if abs(value) >= 0.05 else "0.0"
    return f"{text} ± {error:.1f}" if error else text
