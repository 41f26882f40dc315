"""Random cases that are possible, and small models made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import assume
from hypothesis import strategies as st

import bayesdx as dx
from bayesdx.knowledge.model import ModelInfo, Population
from bayesdx.knowledge.schema import Link, ManagementStep, Prior, Source, Test, Variable
from tests.diagnosis.models import small_models_with_findings


@st.composite
def possible_cases(draw: st.DrawFn, *, zeros: bool = True) -> dx.Diagnosis:
    """A diagnosis of findings of every kind under a small random model."""
    model, findings = draw(small_models_with_findings(zeros=zeros))
    try:
        return dx.diagnose(model, findings)
    except dx.ImpossibleEvidenceError:
        assume(False)
        raise


def naive_model(
    leaks: Sequence[float],
    links: Sequence[float],
    prior: float = 0.1,
    *,
    tests: Sequence[Test] = (),
    management: Sequence[ManagementStep] = (),
    kind: str = "examination",
) -> dx.Model:
    """One cause ``c``, and findings ``f0``, ``f1``, ... that it alone brings about."""
    findings = [Variable(f"f{i}", f"Finding {i}", kind, "", ("no", "yes"), "") for i in range(len(leaks))]
    rows = [
        row
        for finding, leak, link in zip(findings, leaks, links, strict=True)
        for row in (
            Link("", "", finding.variable, "yes", leak, leak / 2, min(1.0, 2 * leak), "S", "expert"),
            Link("c", "yes", finding.variable, "yes", link, link / 2, min(1.0, link * 1.1), "S", "expert"),
        )
    ]
    return dx.Model(
        info=ModelInfo(
            "naive", "1.0.0", "N", "CC0-1.0", "tests", "else", "none", (Population("here", "Here"),), "here"
        ),
        variables=(Variable("c", "Cause", "cause", "", ("no", "yes"), ""), *findings),
        priors=(Prior("here", "c", "yes", prior, prior / 2, min(1.0, prior * 2), "S", "expert"),),
        links=tuple(rows),
        tests=tuple(tests),
        management=tuple(management),
        sources=(Source("S", "A source", 2020, "", "", "", None, "expert"),),
    )


def in_time(model: dx.Model, **hours: float) -> dx.Model:
    """The model with the time to the result of some tests where they are ordered as an emergency."""
    tests = [replace(test, emergency_delay_hours=hours.get(test.test)) for test in model.tests]
    return replace(model, tests=tuple(tests))
