"""One file that explores a model in a browser: no server, no network, no installation.

The compiled network travels in the file as data (``Engine.portable``); engine.js, reasoning.js and published.js stand
in for Python, and the front end is that of the notebook and the local page.
"""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

import bayesdx as dx
from bayesdx.display import as_title, clean
from bayesdx.display.html import content_policy, digest, escaped, whole_page
from bayesdx.errors import SaveError, check_path
from bayesdx.explorer.front import NO_ICON, script, style
from bayesdx.explorer.state import catalogue, sources_of

SCRIPTS = ("engine.js", "reasoning.js", "published.js")
"""What stands in for Python: the parts of the script before the front end, in order."""

ENDINGS = (".html", ".htm")
"""How the name of a page ends."""

START = """
show(document.getElementById("explorer"), inPage(JSON.parse(document.getElementById("model").textContent)));
"""


def publish(model: dx.Model | str | PathLike[str], path: str | PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a page that explores a model without Python.

    The page opens from a disk, a web server or a telephone. It sends nothing anywhere, and its policy lets it load
    nothing. Posteriors are exact: they are those of ``diagnose`` up to rounding (1e-9). Of each finding it shows the
    weight of evidence given the others, where ``explain`` shares it out; it has no credible intervals.

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.
    path : str or path
        The file to write, ``name.html``.
    overwrite : bool
        Whether a file that is there may be replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TooLargeError
        One answer would take more than 256 MiB in the page.
    SaveError
        The name does not end in .html, there is such a file already, there is no such folder, or the file cannot be
        written.
    ModelNotFoundError, ModelError
        As ``load_model``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = publish("chest_clinic@1.0.0", Path(folder) / "page.html")
    ...     text = page.read_text("utf-8")
    >>> text.startswith("<!DOCTYPE html>"), 'http-equiv="Content-Security-Policy"' in text
    (True, True)
    """
    known = dx.load_model(model) if not isinstance(model, dx.Model) else model
    check_path("path", path, SaveError)
    target = Path(path)
    if target.suffix.lower() not in ENDINGS and not target.is_dir():
        raise SaveError(f"{target}: a page is written as .html, not {target.suffix or 'a file without ending'}.")
    if target.exists() and not target.is_file() and not target.is_dir():
        raise SaveError(f"{target} is a pipe, a device or another special file; a page is written to an ordinary one.")
    if target.is_file() and not overwrite:
        raise SaveError(f"{target} exists already and is not overwritten. Choose another name, or pass overwrite=True.")
    text = as_page(known)
    if not target.parent.is_dir():
        raise SaveError(f"{target}: there is no folder {target.parent}; nothing was written.")
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SaveError(f"{target}: {error.strerror}; the page was not written.") from error
    return target


def as_page(model: dx.Model) -> str:
    """The text of the page."""
    code = script(*SCRIPTS) + START
    look = style()
    data = json.dumps(contents(model), ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )
    title = escaped(model.info.title)
    body = (
        f'<main id="explorer"><p>{title}: being opened …</p></main>\n'
        "<noscript>The explorer needs JavaScript.</noscript>\n"
        f'<script type="application/json" id="model">{data}</script>\n<script type="module">{code}</script>'
    )
    policy = content_policy(script=digest(code), style=digest(look), img="data:")
    return whole_page(model.info.title, body, "bdx-page", style=look, policy=policy, head=NO_ICON)


def contents(model: dx.Model) -> dict[str, Any]:
    """The model as the scripts take it: variables and states go by their positions.

    Examples
    --------
    >>> found = contents(dx.load_model("chest_clinic@1.0.0"))
    >>> [line["cause"] for line in found["lines"]], found["population"]
    (['tuberculosis', 'lung_cancer', 'bronchitis'], 'clinic')
    """
    index = {name: place for place, name in enumerate(model.by_name)}
    network = dx.Engine(model).network
    programs = {one.name: dx.Engine(model.with_population(one.name)).portable() for one in model.info.populations}
    groups = programs[model.population]["groups"]
    for program in programs.values():
        if program["groups"] == groups:
            del program["groups"]
    price = dx.types.TradeOff()
    sources = sources_of(model)
    listed = {(one["citation"], one["address"]): None for told in sources.values() for one in told}
    numbered = {source: place for place, source in enumerate(listed)}
    return {
        "catalogue": catalogue(model) | {"draws": 0, "reads": False},
        "population": model.population,
        "assumed": model.population_assumed,
        "programs": programs,
        "groups": groups,
        "places": [network.index[name] for name in index],
        "variables": [
            {
                "name": name,
                "label": clean(variable.label),
                "kind": variable.kind,
                "names": list(variable.states),
                "states": [clean(variable.state_label(state)) for state in variable.states],
                "texts": [clean(variable.text(state)) for state in variable.states],
                "words": [clean(word) for word in variable.words],
                "definition": clean(variable.definition),
                "sources": [numbered[one["citation"], one["address"]] for one in sources[name]],
                "number": clean(variable.measured),
                "cuts": [[cut.value, cut.below] for cut in variable.cuts],
                "limits": list(variable.limits),
            }
            for name, variable in model.by_name.items()
        ],
        "sources": [{"citation": citation, "address": address} for citation, address in listed],
        "causes": [index[name] for name in model.causes],
        "diagnoses": [index[name] for name in model.diagnoses],
        "lines": [
            event | {"cause": event["name"], "state": event["states"][0]}
            for name in model.causes
            if name not in {group.group for group in model.cause_groups}
            for event in _events(model, name, index, reference=True)
        ],
        "may_have_none": dx.diagnose(model).may_have_none,
        "cause_groups": [
            {
                "group": row.group,
                "label": clean(row.label),
                "total": row.group in model.by_name,
                "members": [event for member in row.members for event in _events(model, member, index)],
            }
            for row in model.cause_groups
        ],
        "flags": [_row(model, flag, flag.findings, index) | {"title": as_title(flag.flag)} for flag in model.red_flags],
        "management": [
            _row(model, step, step.conditions, index)
            | {
                "step": step.step,
                "when": clean(step.when),
                "threshold": step.threshold,
                "thresholds": dict(step.thresholds),
            }
            for step in model.management
        ],
        "tests": {
            test.test: {
                "label": clean(test.label),
                "variables": [index[name] for name in test.variables],
                "cost": test.cost_eur,
                "delay": test.delay_hours,
                "burden": test.burden,
                "risk": test.risk,
                "soonest": test.soonest_hours,
            }
            for test in model.tests
        },
        "price": {
            "bit": price.eur_per_bit,
            "patient": price.eur_per_patient,
            "hour": price.eur_per_hour,
            "burden": price.eur_per_burden,
            "harm": price.eur_per_harm,
        },
        "cases": [
            {"population": case.population, "findings": _places(model, case.findings, index)} for case in model.cases
        ],
    }


def _row(model: dx.Model, row: Any, conditions: Any, index: dict[str, int]) -> dict[str, Any]:
    """What red flags and steps of care have in common."""
    return {
        "cause": row.cause,
        "label": clean(model.label(row.cause)),
        "urgency": row.urgency,
        "action": clean(row.action),
        "conditions": _places(model, conditions, index),
        "events": _events(model, row.cause, index),
        "tests": list(row.tests),
    }


def _places(model: dx.Model, conditions: Any, index: dict[str, int]) -> list[list[Any]]:
    return [[index[name], [model.by_name[name].states.index(state) for state in states]] for name, states in conditions]


def _events(model: dx.Model, cause: str, index: dict[str, int], *, reference: bool = False) -> list[dict[str, Any]]:
    """What a cause may be: present, or one of its states; the reference state is one where that is asked for."""
    name, _, state = cause.partition("=")
    states = model.by_name[name].states
    if state:
        found = [(cause, states.index(state))]
    elif len(states) == 2:
        found = [(cause, 1)]
    else:
        found = [(f"{cause}={one}", code) for code, one in enumerate(states) if code or reference]
    return [
        {"name": event, "label": clean(model.label(event)), "variable": index[name], "states": [code]}
        for event, code in found
    ]
