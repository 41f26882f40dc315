"""A diagnosis as one self-contained page to hand to a colleague: no script, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence

from bayesdx.diagnosis import views
from bayesdx.diagnosis.case import DISCLAIMER, CaseNumbers
from bayesdx.diagnosis.explanation import Explanation, explain
from bayesdx.diagnosis.intervals import CredibleIntervals, credible_intervals
from bayesdx.diagnosis.suggestions import NextTests
from bayesdx.diagnosis.views import NOTHING
from bayesdx.display import format_probability, format_ratio, words
from bayesdx.display.tables import escaped

MOST_OPTIONS = 8
"""Suggestions that the page shows."""

MOST_SETS = 5
"""Sets of causes that the page shows."""

STYLE = """
:root{color-scheme:light dark;--ground:light-dark(#fff,#15181c);--text:light-dark(#16202b,#e8ecf1);
--soft:light-dark(#4b5967,#a9b4c0);--line:light-dark(#c9d0d9,#3d454f);--fill:light-dark(#2b86c8,#3f92cf);
--against:light-dark(#c4781a,#c98a3c)}
body{margin:0 auto;max-width:62rem;padding:1rem;background:var(--ground);color:var(--text);
font:15px/1.45 system-ui,sans-serif}
h1{font-size:1.3rem;margin:.2rem 0}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}
table{border-collapse:collapse;width:100%}th{color:var(--soft);font-weight:600;font-size:.88em}
th,td{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--line);vertical-align:middle}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}.bar{width:32%;min-width:5rem}
svg{display:block;width:100%;height:.9rem}.track{fill:var(--line);fill-opacity:.35}.fill{fill:var(--fill)}
.against{fill:var(--against)}.plain{fill:var(--soft)}.whisker{fill:var(--text)}
.flags{position:sticky;top:0}.flag{margin:.3rem 0;padding:.5rem .8rem;border-radius:4px;color:#fff;background:#7a4300}
.emergency{background:#a3142a}.routine{background:#44505c}.note{color:var(--soft);font-size:.88em}
footer{margin-top:2rem;border-top:1px solid var(--line);overflow-wrap:anywhere}
@media print{:root{color-scheme:light}body{padding:0;max-width:none}.flags{position:static}
.flag,svg{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.flag{background:#fff;color:#7a4300;border:2px solid #7a4300;border-left-width:.6rem;break-inside:avoid}
.emergency{color:#a3142a;border-color:#a3142a}.routine{color:#44505c;border-color:#44505c}
h2{break-after:avoid}tr{break-inside:avoid}}
@media(max-width:34rem){.wide{display:none}.bar{width:22%;min-width:3rem}td,th{padding-right:.35rem}
.ends{white-space:normal}}
"""

POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)
"""Content-Security-Policy: this style sheet and nothing else."""


def as_page(case: CaseNumbers, following: NextTests, cause: str | None = None) -> str:
    """The page: alerts, findings, differential with credible intervals, what to do, what to find out, reasons, sets.

    Parameters
    ----------
    case : Diagnosis
    following : NextTests
        What could be found out next.
    cause : str, optional
        The cause whose reasons are shown; the first of the differential where left out.

    Returns
    -------
    str
        HTML; whatever comes from the model or the findings is escaped.

    Raises
    ------
    FindingsError
        The model has no such cause.

    Examples
    --------
    >>> import bayesdx as dx
    >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"onset": "sudden"})
    >>> page = as_page(case, case.next_tests)
    >>> "<script" in page, page.count("http:")
    (False, 0)
    """
    model = case.model
    title = f"{model.name} {model.version}, {model.population}"
    parts = [
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>",
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>Differential: {escaped(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
        f"<h1>{escaped(model.info.title)}</h1><p class='note'>{escaped(title)}</p>",
        *_setting(case),
        *_flags(case),
        *_findings(case),
        *_triage(case),
        *_differential(case, credible_intervals(case)),
        *_care(case),
        *_options(following),
        *_reasons(explain(case, cause)),
        *(_sets(case) if case.may_have_none else []),
        f"</main>\n<footer class='note'><p>{escaped(DISCLAIMER)}</p><p>{escaped(model.info.not_for)}</p>"
        f"<p>{escaped(title)}, {escaped(model.hash)}; log probability of the findings {case.log_evidence:.4f}</p>"
        "</footer>",
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _setting(case: CaseNumbers) -> list[str]:
    """That nobody chose the setting, and what others would change."""
    said = views.setting(case, views.CHOOSE)
    if not said:
        return []
    rows = [(_cell(name), _cell(first)) for name, first in views.elsewhere(case, case.differential)]
    return [f"<h2>Setting</h2><p>{escaped(said)}</p>", _table(("setting", "first three"), rows)]


def _flags(case: CaseNumbers) -> list[str]:
    """The alerts, which stay in sight while the page scrolls."""
    rows = [
        f"<div class='flag {escaped(urgency)}' role='alert'><b>{escaped(urgency.upper())}</b> "
        f"{escaped(action)} {escaped(why)}</div>"
        for urgency, action, why in views.alerts(case)
    ]
    return ["<div class='flags'>", *rows, "</div>"] if rows else []


def _triage(case: CaseNumbers) -> list[str]:
    return [f"<p><b>{escaped(lead)}</b> {escaped(text)}</p>" for lead, text in views.triage(case)]


def _findings(case: CaseNumbers) -> list[str]:
    rows = [(_cell(found.label), _cell(found.value_text), _cell(found.said)) for found in case.understood]
    return [
        "<h2>Findings as understood</h2>",
        _table(("finding", "found", "given as"), rows) if rows else "<p>None.</p>",
    ]


def _differential(case: CaseNumbers, sure: CredibleIntervals) -> list[str]:
    lower, upper = sure.table["lower"].to_dict(), sure.table["upper"].to_dict()
    rows = []
    for line in case.differential:
        ends = float(lower[line.cause]), float(upper[line.cause])
        rows.append(
            (
                _cell(line.label),
                _bar(0.0, line.posterior, "fill", ends),
                _cell(format_probability(line.posterior), "n"),
                _cell(f"{format_probability(ends[0])} to {format_probability(ends[1])}", "n ends"),
                _cell(format_probability(line.prior), "n wide"),
                _cell(format_ratio(line.likelihood_ratio), "n wide"),
            )
        )
    if case.may_have_none:
        none = format_probability(case.none_present)
        empty = (_cell(""), _cell("", "wide"), _cell("", "wide"))
        rows.append((_cell(NOTHING), _bar(0.0, case.none_present, "plain"), _cell(none, "n"), *empty))
    header = ("cause", "", "now", f"{100 * sure.mass:g} % interval", "prior", "likelihood ratio")
    together = [(_cell(share, "n"), _cell(names)) for share, names in views.groups(case, case.differential)]
    return [
        "<h2>Differential</h2>",
        _table(header, rows),
        *(["<h3>Together</h3>", _table(("sum", "group"), together)] if together else []),
        f"<p class='note'>Credible intervals from {len(sure.posteriors)} draws of the model's numbers.</p>",
    ]


def _sets(case: CaseNumbers) -> list[str]:
    rows = [(_cell(names), _cell(share, "n")) for share, names in views.sets(case, case.differential, MOST_SETS)]
    return ["<h2>Most probable sets of causes</h2>", _table(("causes", "probability"), rows)]


def _reasons(why: Explanation) -> list[str]:
    """The ledger as a waterfall."""
    parts = [f"<h2>Why {escaped(why.event.label)}?</h2>", f"<p>{escaped(why.statement)}</p>"]
    if why.settled:
        return parts
    steps = [("before any finding", 0.0, why.prior_decibans, "plain")]
    here = why.prior_decibans
    for reason in why.reasons:
        kind = "fill" if reason.weight_decibans >= 0 else "against"
        steps.append((f"{reason.label}: {words(reason.value)}", here, here + reason.weight_decibans, kind))
        here += reason.weight_decibans
    steps.append(("with the findings", 0.0, why.posterior_decibans, "plain"))
    ends = [end for _, start, stop, _ in steps for end in (start, stop)]
    low, span = min(ends), max(max(ends) - min(ends), 1.0)
    rows = [
        (
            _cell(label),
            _bar((min(start, stop) - low) / span, (max(start, stop) - low) / span, kind),
            _cell(f"{stop - start:+.1f}", "n"),
        )
        for label, start, stop, kind in steps
    ]
    note = "<p class='note'>10 decibans multiply the odds by 10, 3 double them; the rows add up.</p>"
    return [*parts, _table(("finding", "", "decibans"), rows), note]


def _options(following: NextTests) -> list[str]:
    rows = [
        (
            _cell(s.option.label),
            _cell(following.purpose(s)),
            _cell(f"{s.bits:.3f}", "n"),
            _cell(f"{s.option.cost_eur:g} €", "n wide"),
            _cell(f"{s.delay_hours:g} h", "n wide"),
        )
        for s in following.suggestions[:MOST_OPTIONS]
    ]
    table = [_table(("option", "why", "information (bits)", "cost", "delay"), rows)] if rows else []
    said = views.stopping(following) or following.stop_reason
    return ["<h2>What to find out next</h2>", f"<p>{escaped(said)}</p>", *table]


def _care(case: CaseNumbers) -> list[str]:
    rows = [tuple(map(_cell, row)) for row in views.steps(case, case.differential)]
    return ["<h2>What to do now</h2>", _table(("urgency", "cause", "step"), rows)] if rows else []


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells made by ``_cell`` and ``_bar``; a heading is aligned as the cell below it."""
    body = list(rows)
    kinds = [cell.partition(">")[0].removeprefix("<td") for cell in body[0]]
    head = "".join(f"<th{kind}>{escaped(text)}</th>" for kind, text in zip(kinds, header, strict=True))
    lines = "".join(f"<tr>{''.join(row)}</tr>" for row in body)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(text: str, kind: str = "") -> str:
    return f"<td class='{kind}'>{escaped(text)}</td>" if kind else f"<td>{escaped(text)}</td>"


def _bar(start: float, stop: float, kind: str, whisker: tuple[float, float] | None = None) -> str:
    """A bar between two shares of its track, with an interval as a thin line."""
    shapes = [
        "<rect class='track' width='100' height='9'/>",
        f"<rect class='{kind}' x='{100 * start:.2f}' width='{max(0.4, 100 * (stop - start)):.2f}' height='9'/>",
    ]
    if whisker:
        left, right = (100 * end for end in whisker)
        shapes.append(f"<rect class='whisker' x='{left:.2f}' y='4' width='{max(0.4, right - left):.2f}' height='1.4'/>")
    drawing = f"<svg viewBox='0 0 100 9' preserveAspectRatio='none' aria-hidden='true'>{''.join(shapes)}</svg>"
    return f"<td class='bar'>{drawing}</td>"
