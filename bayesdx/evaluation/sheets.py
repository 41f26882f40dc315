"""A model on paper: the matrix of causes and findings on one page, and a page for each cause."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import Alternative, compiled
from bayesdx.display import clean, format_probability, format_ratio, format_span
from bayesdx.display.blocks import Block, Figure, Grid, Title
from bayesdx.display.html import as_page
from bayesdx.display.markdown import as_markdown
from bayesdx.inference import Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import FINDING_KINDS, ManagementStep, Study, split_event
from bayesdx.knowledge.versions import as_model

Array = NDArray[np.float64]

MOST_FINDINGS = 14
"""Findings that the page of a cause names as its presentation."""

NEIGHBOURS = 3
"""Causes most like its own that a page compares it with."""

TELLING = 4
"""Findings of history and examination that tell a cause from a neighbour, and half as many of tests."""

STRONGEST = 15.0
"""Decibans at which a cell has its full colour."""

LEAST_DECIBANS = 1.5
"""Cells below it are left empty: the finding hardly moves the cause."""

CELL_WIDTH, CELL_HEIGHT, LABEL_WIDTH, HEAD_HEIGHT = 25.0, 12.5, 175.0, 165.0
"""Pixels of the matrix."""


@dataclass(frozen=True, eq=False)
class EvidenceMatrix:
    """How common each finding is with and without each cause, and what that weighs.

    Parameters
    ----------
    model : Model
    with_cause, without : DataFrame
        P(finding | cause) and P(finding | not the cause) in the population of the model. Index: (variable, state), the
        reference states left out; columns: causes, without those that are sums of others.
    """

    model: Model
    with_cause: pd.DataFrame
    without: pd.DataFrame

    @property
    def decibans(self) -> pd.DataFrame:
        """Weight of evidence of the finding for the cause: 10 log10 of the likelihood ratio.

        Examples
        --------
        >>> import bayesdx as dx
        >>> matrix = evidence_matrix(dx.load_model("chest_clinic"))
        >>> float(matrix.decibans.loc[("xray", "positive"), "lung_cancer"].round(1))
        12.2
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            return pd.DataFrame(10 * np.log10(self.with_cause / self.without))


def evidence_matrix(model: Model | str | PathLike[str]) -> EvidenceMatrix:
    """The matrix of causes and findings of a model, in its chosen population.

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.

    Returns
    -------
    EvidenceMatrix

    Examples
    --------
    >>> import bayesdx as dx
    >>> matrix = evidence_matrix(dx.load_model("chest_clinic"))
    >>> matrix.with_cause.loc[("xray", "positive")].round(2).to_dict()
    {'tuberculosis': 0.98, 'lung_cancer': 0.98, 'bronchitis': 0.12}
    """
    model = as_model(model)
    lines = compiled(model).lines[: compiled(model).ranked]
    shown = [v for v in model.variables if v.kind in ("context", *FINDING_KINDS)]
    engine = compiled(model).engine
    codes = np.full((2 * len(lines), len(engine.network)), -1, dtype=np.int32)
    likelihoods = {}
    for name in {line.variable for line in lines}:
        card = len(model.by_name[name].states)
        likelihoods[name] = np.ones((2 * len(lines), card))
    for place, line in enumerate(lines):
        is_it = np.arange(len(model.by_name[line.variable].states)) == line.state
        likelihoods[line.variable][place] = is_it
        likelihoods[line.variable][len(lines) + place] = ~is_it
    found = engine.propagate(Evidence(codes, likelihoods), targets=[v.variable for v in shown]).marginals
    rows = [(v.variable, state) for v in shown for state in v.states[1:]]
    values = np.array([found[v.variable][:, code] for v in shown for code in range(1, len(v.states))])
    index = pd.MultiIndex.from_tuples(rows, names=["variable", "state"])
    names = [line.name for line in lines]
    return EvidenceMatrix(
        model,
        pd.DataFrame(values[:, : len(lines)], index=index, columns=names),
        pd.DataFrame(values[:, len(lines) :], index=index, columns=names),
    )


def model_sheets(model: Model | str | PathLike[str], format: Literal["markdown", "html"] = "html") -> str:
    """A model on paper: all of its weights of evidence on one page, then a page for each cause.

    The matrix has a row for each finding, a column for each cause, and in the cell the weight of evidence in decibans:
    10 multiply the odds of the cause by 10, 3 double them. The page of a cause says how often it is seen where, how it
    presents, what tells it from the causes that are most like it, which studies stand behind its numbers, and which
    steps of care it has.

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.
    format : {"markdown", "html"}
        HTML is one page without scripts or outside references, with a page break before each cause in print.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        The format is none of the two.

    References
    ----------
    I. J. Good (1985), "Weight of evidence: a brief survey", Bayesian Statistics 2.

    Examples
    --------
    >>> import bayesdx as dx
    >>> text = dx.model_sheets("chest_clinic", "markdown")
    >>> [line for line in text.splitlines() if line.startswith("## ")]
    ['## Causes and findings', '## Tuberculosis', '## Lung cancer', '## Bronchitis']
    """
    model = as_model(model)
    if format not in ("markdown", "html"):
        raise ValueError(f"format: {format!r}; expected 'markdown' or 'html'.")
    matrix = evidence_matrix(model)
    place = next(entry.title for entry in model.info.populations if entry.name == model.population)
    blocks: list[Block] = [
        Title(f"{model.info.title}: {model.name} {model.version}", 1),
        Title("Causes and findings"),
        (
            f"Weight of evidence in decibans of each finding for each cause against all other patients ({place}). "
            f"10 multiply the odds by 10, 3 double them, minus signs speak against; below "
            f"{LEAST_DECIBANS:g} is left empty."
        ),
    ]
    if format == "html":
        blocks.append(Figure(_heat_map(matrix), "Blue speaks for the cause, orange against it."))
    else:
        blocks.append(_numbers(matrix))
    for line in compiled(model).lines[: compiled(model).ranked]:
        blocks += _page(matrix, line)
    return (
        as_markdown(blocks)
        if format == "markdown"
        else as_page(blocks, f"{model.name} {model.version} on paper", sections=True)
    )


def _numbers(matrix: EvidenceMatrix) -> Block:
    weights = matrix.decibans
    rows = [
        (_finding(matrix.model, *key), *(_signed(value) for value in row))
        for key, row in zip(weights.index, weights.to_numpy(), strict=True)
    ]
    heads = [_short(matrix.model.label(name)) for name in weights.columns]
    return Grid(["finding", *heads], rows, tuple(range(1, 1 + len(heads))))


def _signed(value: float) -> str:
    """A weight as the matrix shows it."""
    if np.isnan(value) or abs(value) < LEAST_DECIBANS:
        return ""
    return f"{value:+.0f}" if np.isfinite(value) else ("+∞" if value > 0 else "-∞")


def _finding(model: Model, variable: str, state: str) -> str:
    """A finding in words: the label of its state where it has one, since that can be read alone."""
    known = model.by_name[variable]
    return known.state_label(state) if known.state_labels else known.text(state)


def _short(label: str) -> str:
    return label.partition(" (")[0]


def _heat_map(matrix: EvidenceMatrix) -> str:
    """The matrix as an SVG."""
    weights = matrix.decibans
    width = LABEL_WIDTH + CELL_WIDTH * len(weights.columns)
    height = HEAD_HEIGHT + CELL_HEIGHT * len(weights)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 90:g} {height:g}" width="100%" role="img" '
        'font-family="system-ui,sans-serif" font-size="9" fill="currentColor">'
    ]
    for column, name in enumerate(weights.columns):
        x, y = LABEL_WIDTH + CELL_WIDTH * (column + 0.6), HEAD_HEIGHT - 5
        text = html.escape(clean(_short(matrix.model.label(name))))
        parts.append(f'<text transform="translate({x:g} {y:g}) rotate(-60)">{text}</text>')
    for row, key in enumerate(weights.index):
        y = HEAD_HEIGHT + CELL_HEIGHT * row
        label = html.escape(clean(_finding(matrix.model, *key)))
        parts.append(f'<text x="{LABEL_WIDTH - 5:g}" y="{y + 9.5:g}" text-anchor="end">{label}</text>')
        for column, value in enumerate(weights.iloc[row]):
            said = _signed(float(value))
            if not said:
                continue
            strength = min(1.0, abs(float(value)) / STRONGEST)
            colour = "#2b86c8" if value > 0 else "#c4781a"
            x = LABEL_WIDTH + CELL_WIDTH * column
            parts.append(
                f'<rect x="{x:g}" y="{y:g}" width="{CELL_WIDTH - 1:g}" height="{CELL_HEIGHT - 1:g}" fill="{colour}" '
                f'fill-opacity="{0.1 + 0.75 * strength:.2f}"/>'
                f'<text x="{x + CELL_WIDTH / 2:g}" y="{y + 9:g}" text-anchor="middle" font-size="8">{said}</text>'
            )
    return "".join([*parts, "</svg>"])


def _page(matrix: EvidenceMatrix, line: Alternative) -> list[Block]:
    model = matrix.model
    definition = model.by_name[line.variable].definition
    blocks: list[Block] = [Title(line.label)]
    if definition:
        blocks.append(f"{definition}.")
    blocks += [_where(model, line), Title("How it presents", 3), _presentation(matrix, line)]
    blocks += _apart(matrix, line)
    blocks += _studies(matrix, line)
    steps = [step for step in model.management if step.cause == line.name]
    if steps:
        rows = list(dict.fromkeys((step.urgency, step.action, _from(model, step)) for step in steps))
        blocks += [Title("What to do", 3), Grid(["urgency", "step", "from"], rows, (2,))]
    return blocks


def _from(model: Model, step: ManagementStep) -> str:
    return format_span(step.in_population(population.name).threshold for population in model.info.populations)


def _where(model: Model, line: Alternative) -> str:
    shares = []
    for population in model.info.populations:
        chosen = model.with_population(population.name)
        engine = compiled(chosen).engine
        nothing = Evidence(np.full((1, len(engine.network)), -1, dtype=np.int32))
        marginal = engine.propagate(nothing, targets=(line.variable,)).marginals[line.variable]
        shares.append(f"{format_probability(float(marginal[0, line.state]))} ({population.title})")
    return f"Before any finding: {', '.join(shares)}."


def _presentation(matrix: EvidenceMatrix, line: Alternative) -> Block:
    """The findings that tell most about the cause, by their expected weight of evidence."""
    p, q = matrix.with_cause[line.name], matrix.without[line.name]
    telling = _divergence(p.to_numpy(), q.to_numpy())
    order = np.argsort(-telling, kind="stable")[:MOST_FINDINGS]
    rows = [
        (
            _finding(matrix.model, *p.index[place]),
            format_probability(float(p.iloc[place])),
            format_probability(float(q.iloc[place])),
            format_ratio(float(p.iloc[place] / q.iloc[place])) if q.iloc[place] else "∞",
        )
        for place in order
    ]
    return Grid(["finding", "with it", "in others", "likelihood ratio"], rows, (1, 2, 3))


def _divergence(p: Array, q: Array) -> Array:
    """Expected weight of a finding in both directions, in nats: the sum of both Kullback-Leibler divergences."""
    p, q = (np.clip(value, 1e-6, 1 - 1e-6) for value in (p, q))
    return np.asarray((p - q) * (np.log(p / (1 - p)) - np.log(q / (1 - q))))


def _apart(matrix: EvidenceMatrix, line: Alternative) -> list[Block]:
    """The causes that are most like it, and what tells them apart."""
    table = matrix.with_cause
    if table.shape[1] < 2:
        return []
    own = table[line.name].to_numpy()
    others = [name for name in table.columns if name != line.name]
    bedside = [matrix.model.by_name[name].kind != "test" for name, _ in table.index]
    far = {name: float(_divergence(own, table[name].to_numpy())[bedside].sum()) for name in others}
    rows = []
    for name in sorted(others, key=far.__getitem__)[:NEIGHBOURS]:
        other = table[name].to_numpy()
        ranked_by = np.argsort(-_divergence(own, other), kind="stable")
        order = [place for place in ranked_by if bedside[place]][:TELLING]
        order += [place for place in ranked_by if not bedside[place]][: TELLING // 2]
        said = "; ".join(
            f"{_finding(matrix.model, *table.index[place])} {format_probability(float(own[place]))} against "
            f"{format_probability(float(other[place]))}"
            for place in order
        )
        rows.append((matrix.model.label(name), said))
    return [Title("What tells it from its neighbours", 3), Grid(["neighbour", "finding: here against there"], rows)]


def _studies(matrix: EvidenceMatrix, line: Alternative) -> list[Block]:
    """The published figures about the cause, beside what the model says."""
    model = matrix.model
    mechanisms = _stands_for(model, line)
    rows = []
    for study in model.studies:
        if (
            study.measure != "sensitivity"
            or split_event(study.cause)[-1 if "=" in study.cause else 0] not in mechanisms
        ):
            continue
        states = study.state.split("|")
        keys = [(study.finding, state) for state in states if (study.finding, state) in matrix.with_cause.index]
        implied = float(sum(matrix.with_cause[line.name][key] for key in keys)) if keys else float("nan")
        finding = " or ".join(_finding(model, study.finding, state) for state in states)
        finding += "".join(f" with {_finding(model, name, known[0])}" for name, known in study.also)
        implied = float("nan") if study.also else implied
        said = "" if np.isnan(implied) else format_probability(implied)
        rows.append((finding, _published(study), said, study.source, study.note))
    if not rows:
        return []
    return [
        Title("What the studies say", 3),
        Grid(["finding", "published", "model", "source", "in whom"], rows, (1, 2)),
    ]


def _published(study: Study) -> str:
    if study.k is not None and study.n:
        return f"{study.k} of {study.n}"
    return format_probability(study.value) if study.value is not None else ""


def _stands_for(model: Model, line: Alternative) -> Sequence[str]:
    """Names that studies may have for the cause: its own, and states of a mechanism that make it certain."""
    certain = [
        link.parent_state
        for link in model.links
        if link.child == line.variable and link.link_probability == 1 and link.parent_state
    ]
    return [line.name, *certain]
