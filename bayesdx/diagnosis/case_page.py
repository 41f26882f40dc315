"""What the page of a diagnosis shows, to hand to a colleague: what the text says, and why the first cause is first."""

from __future__ import annotations

from bayesdx.diagnosis import views
from bayesdx.diagnosis.case import DISCLAIMER, CaseNumbers
from bayesdx.diagnosis.explanation import Explanation, explain
from bayesdx.diagnosis.intervals import credible_intervals
from bayesdx.diagnosis.suggestions import NextTests
from bayesdx.display import words
from bayesdx.display.blocks import Bar, Block, Entries, Grid, Note, Title

MOST_OPTIONS = 8
"""Suggestions that the page shows."""

MOST_SETS = 5
"""Sets of causes that the page shows."""


def page_blocks(case: CaseNumbers, following: NextTests, cause: str | None = None) -> list[Block]:
    """Alerts, setting, findings, differential with intervals, what to do, what to find out, reasons, sets, notices.

    Parameters
    ----------
    case : Diagnosis
    following : NextTests
        What could be found out next.
    cause : str, optional
        The cause whose reasons are shown; the first of the differential where left out.

    Raises
    ------
    FindingsError
        The model has no such cause.
    """
    model, lines = case.model, case.differential
    draws = len(credible_intervals(case).posteriors)
    return [
        Title(model.info.title, 1),
        Note(name_of(case)),
        *views.banners(case),
        *views.elsewhere_blocks(case, lines, views.CHOOSE),
        *(views.finding_blocks(case) or [Title("Findings as understood"), "None."]),
        Entries(views.triage_and_answers(case)),
        Title("Differential"),
        views.differential(case, lines, intervals=True),
        *views.together_blocks(case, lines),
        Note(f"Credible intervals from {draws} draws of the model's numbers."),
        *views.step_blocks(case, lines),
        *views.next_blocks(following, MOST_OPTIONS),
        *_reasons(explain(case, cause)),
        *views.set_blocks(case, lines, MOST_SETS),
        Note(DISCLAIMER),
        Note(model.info.not_for_sentence),
        Note(f"{name_of(case)}, {model.hash}; log probability of the findings {case.log_evidence:.4f}"),
    ]


def name_of(case: CaseNumbers) -> str:
    """The model, its version and the setting."""
    return f"{case.model.name} {case.model.version}, {case.model.population}"


def _reasons(why: Explanation) -> list[Block]:
    """The ledger as a waterfall: each bar begins where the one above ends."""
    said: list[Block] = [Title(f"Why {why.event.label}?"), why.statement]
    if why.settled:
        return said
    steps = [("before any finding", 0.0, why.prior_decibans, "plain")]
    here = why.prior_decibans
    for reason in why.reasons:
        kind = "" if reason.weight_decibans >= 0 else "against"
        steps.append((f"{reason.label}: {words(reason.value)}", here, here + reason.weight_decibans, kind))
        here += reason.weight_decibans
    steps.append(("with the findings", 0.0, why.posterior_decibans, "plain"))
    ends = [end for _, start, stop, _ in steps for end in (start, stop)]
    low, span = min(ends), max(max(ends) - min(ends), 1.0)
    rows = []
    for label, start, stop, kind in steps:
        left, right = ((end - low) / span for end in sorted((start, stop)))
        rows.append((label, Bar(right, left, kind=kind), f"{stop - start:+.1f}"))
    note = Note("10 decibans multiply the odds by 10, 3 double them; the rows add up.")
    return [*said, Grid(("finding", "", "decibans"), rows, (2,)), note]
