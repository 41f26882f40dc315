"""A diagnosis as plain text and as HTML; both draw the same rows."""

from __future__ import annotations

import html
import textwrap
from typing import TYPE_CHECKING

from bayesdx.display import bar, clean, format_probability, format_ratio, html_table, text_table
from bayesdx.display.report import STYLE
from bayesdx.display.tables import NUMERIC, TO_THE_RIGHT

if TYPE_CHECKING:
    from bayesdx.diagnosis.case import Diagnosis

LONGEST_DIFFERENTIAL = 15
"""Lines of the differential that a view shows."""

WIDTH = 100
NOTHING = "None of the modelled causes"


def _title(case: Diagnosis) -> str:
    model = case.model
    count = len(case.findings)
    return f"{model.name} {model.version}, {model.population}: {count} finding{'s' if count != 1 else ''}"


def _flags(case: Diagnosis) -> list[tuple[str, str, str]]:
    """(urgency in capitals, action, why) of each red flag."""
    rows = []
    for flag in case.red_flags:
        met = ", ".join(f"{case.model.label(name)}: {' or '.join(states)}" for name, states in flag.findings)
        doubt = "" if flag.certain else " (cannot be excluded)"
        rows.append((flag.urgency.upper(), flag.action, f"{case.model.label(flag.cause)}{doubt} - {met}"))
    return rows


def _differential(case: Diagnosis) -> list[tuple[str, str, str, str, float]]:
    """(label, prior, posterior, likelihood ratio, posterior as a number) per line."""
    rows = [
        (
            line.label,
            format_probability(line.prior),
            format_probability(line.posterior),
            format_ratio(line.likelihood_ratio),
            line.posterior,
        )
        for line in case.differential[:LONGEST_DIFFERENTIAL]
    ]
    rows.append((NOTHING, "", format_probability(case.none_present), "", case.none_present))
    return rows


def _sets(case: Diagnosis) -> list[tuple[str, str]]:
    return [
        (" + ".join(_label(case, name) for name in causes) or NOTHING, format_probability(probability))
        for causes, probability in case.probable_sets(3)
    ]


def _label(case: Diagnosis, name: str) -> str:
    variable, _, state = name.partition("=")
    return f"{case.model.label(variable)}: {state}" if state else case.model.label(variable)


def _steps(case: Diagnosis) -> list[tuple[str, str, str]]:
    """(urgency, cause, step); while an emergency stands, what is merely routine waits."""
    emergency = any(step.urgency == "emergency" for step in case.management)
    return [
        (step.urgency, case.model.label(step.cause), step.action + (f" ({step.when})" if step.when else ""))
        for step in case.management
        if not (emergency and step.urgency == "routine")
    ]


def as_text(case: Diagnosis) -> str:
    """The diagnosis as plain text, at most 100 columns wide except for long labels."""
    from bayesdx.diagnosis.case import DISCLAIMER

    parts = [_title(case)]
    for urgency, action, why in _flags(case):
        parts.append(textwrap.fill(clean(f"{urgency}: {action}. {why}"), WIDTH, subsequent_indent="    "))
    rows = [(label, prior, now, ratio, bar(value)) for label, prior, now, ratio, value in _differential(case)]
    parts.append("")
    parts.append(text_table(["cause", "prior", "now", "LR", ""], rows, numeric=[1, 2, 3]))
    hidden = len(case.differential) - LONGEST_DIFFERENTIAL
    if hidden > 0:
        parts.append(f"... and {hidden} less probable ones")
    parts += ["", "Most probable sets of causes:"]
    parts += [f"  {probability:>7}  {clean(names)}" for names, probability in _sets(case)]
    steps = _steps(case)
    if steps:
        parts += ["", "Steps of care:"]
        for urgency, cause, action in steps:
            indent = " " * 13
            parts.append(
                textwrap.fill(clean(f"{cause}: {action}"), WIDTH, initial_indent=f"  {urgency:<11}",
                              subsequent_indent=indent)
            )  # fmt: skip
    parts += ["", DISCLAIMER]
    return "\n".join(parts)


_STYLE = f"""{STYLE}\
.bdx .bar{{display:inline-block;height:.8em;background:currentColor;opacity:.55;border-radius:2px}}
.bdx .urgent{{border-color:#b60;background:rgba(190,100,0,.12)}}
"""


def as_html(case: Diagnosis) -> str:
    """The diagnosis as HTML; whatever comes from the model or the findings is escaped."""
    from bayesdx.diagnosis.case import DISCLAIMER

    parts = [f"<style>{_STYLE}</style><div class='bdx'>", f"<p><b>{_safe(_title(case))}</b></p>"]
    for urgency, action, why in _flags(case):
        kind = "flag" if urgency == "EMERGENCY" else "flag urgent"
        parts.append(
            f"<div class='{kind}' role='alert'><b>{_safe(urgency)}</b>: {_safe(action)}.<br>"
            f"<span class='note'>{_safe(why)}</span></div>"
        )
    heads = "".join(f"<th style='{TO_THE_RIGHT}'>{name}</th>" for name in ("prior", "now", "LR"))
    parts.append(f"<table><thead><tr><th>cause</th>{heads}<th></th></tr></thead><tbody>")
    for label, prior, now, ratio, value in _differential(case):
        cells = "".join(f"<td style='{NUMERIC}'>{_safe(cell)}</td>" for cell in (prior, now, ratio))
        width = f"{12 * value:.2f}em"
        parts.append(
            f"<tr><td>{_safe(label)}</td>{cells}"
            f"<td style='min-width:12em'><span class='bar' style='width:{width}'></span></td></tr>"
        )
    parts.append("</tbody></table>")
    hidden = len(case.differential) - LONGEST_DIFFERENTIAL
    if hidden > 0:
        parts.append(f"<p class='note'>... and {hidden} less probable ones</p>")
    parts.append("<p><b>Most probable sets of causes</b></p>")
    parts.append(html_table(["causes", "probability"], _sets(case), numeric=[1]))
    steps = _steps(case)
    if steps:
        parts.append("<p><b>Steps of care</b></p>")
        parts.append(html_table(["urgency", "cause", "step"], steps))
    parts.append(f"<p class='note'>{_safe(DISCLAIMER)}</p></div>")
    return "".join(parts)


def _safe(text: str) -> str:
    return html.escape(clean(text), quote=True)
