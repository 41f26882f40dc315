"""What the front end draws, as plain values: the catalogue of a model, the state of a case, and its slower parts.

Pure functions; nothing here knows a browser. Every text is clean of control and direction characters, and the front
end names variables and states by their position, so that no text of a model comes back from it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import bayesdx as dx
from bayesdx.display import as_json, clean, format_probability, format_ratio, words
from bayesdx.display.blocks import Mark, Passage
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

WHOLE = ("history", "examination", "test")
"""Kinds of which a group can be answered as a whole: whatever of it was not asked is absent or normal."""

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

PARTS = ("ask", "why", "next", "intervals")
"""What may come after the first paint, in the order in which it is asked for; the intervals take longest."""

MOST_SOURCES = 6
"""Sources of a finding that are named."""


def catalogue(model: dx.Model) -> dict[str, Any]:
    """What does not change while a model is explored.

    Parameters
    ----------
    model : Model

    Returns
    -------
    dict
        model (name, version, title, hash), populations, sections (kind, title, open, groups of variables), cases,
        notices (whether red flags or steps of care can notice an emergency).

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
                        "words": [clean(word) for word in dict.fromkeys((variable.label, *variable.synonyms))],
                        "says": [_says(variable, state) for state in variable.states],
                        "number": clean(variable.measured),
                        "cut": f"{variable.cuts[-1].value:g}" if variable.cuts else "",
                    }
                )
        if groups:
            named = [
                {
                    "title": tests.get(name, words(name).capitalize()),
                    "whole": kind in WHOLE and len(rows) > 1 and (bool(name) or kind == "examination"),
                    "variables": rows,
                }
                for name, rows in groups.items()
            ]
            if kind == "history":  # where it hurts is asked first: a named group is one question
                named.sort(key=lambda group: not group["title"])
            sections.append({"kind": kind, "title": title, "open": kind not in CLOSED, "groups": named})
    info = model.info
    return {
        "model": {"name": model.name, "version": model.version, "title": clean(info.title), "hash": model.hash},
        "populations": [
            {"name": row.name, "title": clean(row.title), "description": clean(row.description)}
            for row in info.populations
        ],
        "sections": sections,
        "notices": bool(model.red_flags or model.management),
        "cases": [{"title": clean(case.title), "findings": len(case.findings)} for case in model.cases],
        "entry": clean(info.entry_criterion),
        "intended": clean(info.intended_use),
        "not_for": clean(info.not_for_sentence),
        "draws": DRAWS,
        "reads": True,
    }


def _says(variable: Any, state: str) -> list[str]:
    """The words of one state."""
    spoken = [word for name, found in variable.state_words if name == state for word in found]
    return [clean(word) for word in dict.fromkeys((words(state), variable.state_label(state), *spoken))]


def state(
    case: dx.Diagnosis,
    previous: dx.Diagnosis | None = None,
    kept: Sequence[dx.Diagnosis] = (),
    chosen: str = "",
    folder: str = "",
) -> dict[str, Any]:
    """What is known at once after a step; the slower parts are ``part``.

    Parameters
    ----------
    case : Diagnosis
    previous : Diagnosis, optional
        The one before, for the change since the last step.
    kept : sequence of Diagnosis
        Scenarios that stand beside this one.
    chosen : str
        The line of the differential whose reasons are shown; the first where empty.
    folder : str
        Where the model was loaded from, for the code; empty for a shipped one.

    Returns
    -------
    dict
        population, assumed (whether nobody chose it), triage, findings, differential, none and sets (null where every
        patient has one of the lines), groups, flags, management, chosen, kept, code, document.

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
        "none": _none(case),
        "groups": [
            {
                "group": group.group,
                "label": clean(group.label),
                "posterior": group.probability,
                "shown": format_probability(group.probability),
                "total": group.group in case.model.by_name,
                "members": [
                    {"cause": line.cause, "label": clean(line.label), "shown": format_probability(line.posterior)}
                    for line in group.members
                ],
            }
            for group in case.groups
        ],
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
        ]
        if case.may_have_none
        else None,
        "chosen": chosen or lines[0]["cause"],
        "kept": [_kept(one) for one in kept],
        "code": as_code(case, folder),
        "document": case.findings_json(),
    }


def part(case: dx.Diagnosis, name: str, chosen: str = "") -> dict[str, Any]:
    """A slower part: "ask" (the next question), "why" (of a cause), "next" (what to find out), "intervals".

    Examples
    --------
    >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"onset": "sudden"})
    >>> part(case, "why", "iliopsoas_strain")["rows"][0]["label"]
    'Onset: sudden'
    """
    return {"ask": _ask, "next": _next, "why": _why, "intervals": _intervals}[name](case, chosen)


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
    found = next(found for found in case.understood if found.variable == name)
    return {
        "index": list(case.model.by_name).index(name),
        "possible": possible,
        "exact": isinstance(value, str),
        "text": clean(found.value_label),
        "phrase": clean(found.text),
        "said": clean(found.said),
    }


def _none(case: dx.Diagnosis) -> dict[str, Any] | None:
    """P(none of the lines); nothing where every patient has one of them."""
    if not case.may_have_none:
        return None
    return {"posterior": case.none_present, "shown": format_probability(case.none_present)}


def _triage(case: dx.Diagnosis) -> dict[str, Any]:
    """The level with its reason, and the questions of emergencies that are open where none was found."""
    open_ = () if case.triage.level == "emergency" else case.triage.unasked
    names = [clean(case.model.label(name)) for name in open_]
    return {
        "level": case.triage.level,
        "text": clean(case.triage.text),
        "unasked": names[:MOST_UNASKED],
        "more": max(0, len(names) - MOST_UNASKED),
    }


def _flags(case: dx.Diagnosis) -> list[dict[str, Any]]:
    """One banner per cause: the strongest action, then the others."""
    said = {found.variable: clean(found.text) for found in case.understood}
    return [
        {
            "urgency": alert.urgency,
            "action": clean(alert.actions[0]),
            "further": [clean(action) for action in alert.actions[1:]],
            "cause": clean(alert.label),
            "shown": clean(alert.chance),
            "because": [said[name] for name in alert.findings],
            "certain": alert.certain,
        }
        for alert in case.alerts
    ]


def _kept(case: dx.Diagnosis) -> dict[str, Any]:
    """What of a scenario stands beside the one at hand."""
    return {
        "population": case.model.population,
        "level": case.triage.level,
        "flags": [{"urgency": flag["urgency"], "action": flag["action"]} for flag in _flags(case)],
        "findings": {str(found["index"]): found["text"] for found in (_finding(case, name) for name in case.findings)},
        "lines": {
            line.cause: {"posterior": line.posterior, "shown": format_probability(line.posterior)}
            for line in case.differential
        },
        "none": _none(case),
    }


def _ask(case: dx.Diagnosis, chosen: str) -> dict[str, Any]:
    """The next question with its answers, why it is asked, and what each answer would lead to."""
    question = dx.next_question(case)
    index = {name: place for place, name in enumerate(case.model.by_name)}
    number = case.model.by_name[question.variables[0]].measured if len(question.variables) == 1 else ""
    return {
        "stop": clean(question.reason),
        "kind": question.kind,
        "text": clean(_asked(question, number)),
        "why": clean(question.why),
        "emergency": bool(question.emergency),
        "several": question.several,
        "number": clean(number),
        "variables": [index[name] for name in question.variables],
        "answers": [
            {
                "mark": answer.mark,
                "label": clean(answer.label),
                "chance": format_probability(answer.probability) if answer.first_cause else "",
                "first": clean(answer.first_cause),
                "shown": format_probability(answer.first_probability) if answer.first_cause else "",
            }
            for answer in question.answers
        ],
    }


def _asked(question: dx.types.Question, number: str) -> str:
    """The question without what is typed in a terminal: here are boxes to tick, and a place for the number."""
    if question.several:
        return f"{question.label}: which of these does it show?"
    return question.text.removesuffix(f" Or a number: {number}.") if number else question.text


def about(case: dx.Diagnosis, name: str, chosen: str) -> dict[str, Any]:
    """What a finding means: its definition, what each state does to a cause given the other findings, its sources.

    Parameters
    ----------
    case : Diagnosis
    name : str
        A variable.
    chosen : str
        A line of the differential.

    Returns
    -------
    dict
        index, definition, cause, now, effects (a row for each state: its label, the likelihood ratio for the cause, the
        probability of the cause then, the cause that it raises most with its ratio), sources.

    Examples
    --------
    >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"onset": "sudden"})
    >>> found = about(case, "fever", "severe_infection")
    >>> [(row["state"], row["ratio"], row["then"]) for row in found["effects"]]
    [('absent', '0.52', '0.3 %'), ('present', '42', '18.3 %')]
    """
    model = case.model
    variable = model.by_name[name]
    others = case.with_findings({name: None})
    effects = []
    for state in variable.states:
        row = {"state": clean(variable.state_label(state)), "ratio": "", "then": "", "raises": "", "raised": ""}
        try:
            then = others.with_findings({name: state})
        except dx.ImpossibleEvidenceError:
            row["then"] = "cannot be, with the other findings"
        else:
            before, after = others.posterior, then.posterior
            lines = (line.cause for line in then.differential)
            ratios = {line: _ratio(float(before[line]), float(after[line])) for line in lines}
            most = max(ratios, key=lambda line: ratios[line] if math.isfinite(ratios[line]) else 0.0)
            row |= {"ratio": format_ratio(ratios[chosen]), "then": format_probability(float(after[chosen]))}
            row |= {"raises": clean(model.label(most)), "raised": format_ratio(ratios[most])}
        effects.append(row)
    return {
        "index": list(model.by_name).index(name),
        "definition": clean(variable.definition),
        "cause": clean(model.label(chosen)),
        "now": format_probability(float(others.posterior[chosen])),
        "effects": effects,
        "sources": sources_of(model)[name],
    }


def _ratio(before: float, after: float) -> float:
    """Ratio of the odds of two probabilities; NaN where nothing can move."""
    if before in (0.0, 1.0):
        return math.nan
    return math.inf if after == 1 else after / (1 - after) / before * (1 - before)


@lru_cache(maxsize=4)
def sources_of(model: dx.Model) -> dict[str, list[dict[str, str]]]:
    """Per variable the sources of its numbers, the ones used most often first."""
    used: dict[str, Counter[str]] = {name: Counter() for name in model.by_name}
    for link in model.links:
        used[link.child][link.source] += 1
    for entry in model.tables:
        used[entry.variable][entry.source] += 1
    for prior in model.priors:
        used[prior.variable][prior.source] += 1
    known = {source.source: source for source in model.sources}
    return {
        name: [
            {"citation": clean(known[source].citation), "address": clean(known[source].address)}
            for source, _ in counted.most_common(MOST_SOURCES)
            if source in known
        ]
        for name, counted in used.items()
    }


def read(case: dx.Diagnosis, text: str) -> dict[str, Any]:
    """A note as proposals to confirm: the note in pieces, each with the place of the proposal that rests on it.

    Examples
    --------
    >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@2.3.0"))
    >>> found = read(case, "No fever. Brother has back pain.")
    >>> found["pieces"]
    [['No ', '', -1], ['fever', 'read', 0], ['. Brother has ', '', -1], ['back pain', 'left', -1], ['.', '', -1]]
    >>> [(row["label"], row["value"], row["states"]) for row in found["proposals"]]
    [('Fever', 'No fever (afebrile)', [0])]
    """
    reading = dx.read_note(case.model, text)
    model = case.model
    index = {name: place for place, name in enumerate(model.by_name)}
    rows: list[dict[str, Any]] = []
    marks: list[Mark] = []

    def propose(name: str, states: Sequence[str], spans: Sequence[Any], kind: str) -> None:
        variable = model.by_name[name]
        marks.extend(Mark(span.start, span.end, str(len(rows)), kind) for span in spans)
        rows.append(
            {
                "index": index[name],
                "label": clean(variable.label),
                "value": " or ".join(clean(variable.state_label(state)) for state in states),
                "states": [variable.states.index(state) for state in states],
                "rule": clean(spans[0].rule),
                "against": kind == "against",
            }
        )

    for proposal in reading.proposals:
        propose(proposal.variable, proposal.states, proposal.spans, "read")
    for conflict in reading.conflicts:
        for states, span in conflict.readings:
            propose(conflict.variable, states, (span,), "against")
    marks += [Mark(one.span.start, one.span.end, "-1", "left") for one in reading.left_out]
    pieces = [
        [clean(piece), mark.kind if mark else "", int(mark.text) if mark else -1]
        for piece, mark in Passage(text, marks).pieces()
    ]
    left = [
        {
            "label": " or ".join(clean(model.label(name)) for name in one.variables),
            "words": clean(one.span.words),
            "why": clean(one.span.rule),
        }
        for one in reading.left_out
    ]
    return {"pieces": pieces, "proposals": rows, "left": left}


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
                "changes": suggestion.decision_change,
                "why": clean(suggestion.why),
            }
        )
    return {"rows": rows, "reason": clean(found.stop_reason), "urgent": bool(found.emergencies)}


def _why(case: dx.Diagnosis, chosen: str) -> dict[str, Any]:
    """The ledger as steps of a waterfall: where each bar starts and ends, in decibans."""
    found = dx.explain(case, chosen or None)
    index = {name: place for place, name in enumerate(case.model.by_name)}
    said = {one.variable: clean(one.text) for one in case.understood}
    here = found.prior_decibans
    rows = []
    for reason in found.reasons:
        start, here = here, here + reason.weight_decibans
        rows.append(
            {
                "label": said.get(reason.name, clean(f"{reason.label}: {words(reason.value)}")),
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
                "label": clean(case.model.by_name[sign.name].text(sign.state)),
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
