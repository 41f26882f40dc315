"""A model on paper: the matrix of causes and findings on one page, and a page for each cause."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import Alternative, compiled
from bayesdx.display import clean, format_ratio, format_share, joined, within
from bayesdx.display.blocks import Block, Figure, Grid, Items, Title
from bayesdx.display.html import as_page
from bayesdx.display.markdown import as_markdown
from bayesdx.inference import Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import FINDING_KINDS, Conditions, ManagementStep, Study
from bayesdx.knowledge.versions import as_model

Array = NDArray[np.float64]

MOST_FINDINGS = 10
"""Findings of history and examination that the page of a cause names as its presentation, and half as many of tests."""

NEIGHBOURS = 3
"""Causes most like its own that a page compares it with."""

TELLING = 3
"""Findings of history and examination that speak for a cause and against its neighbour, and one of tests."""

COMMON = 0.5
"""Share of the patients from which a finding is typical."""

RARE = 0.1
"""Share of the patients below which the result of a test is not named as their presentation."""

TELLS = 1.5
"""Likelihood ratio from which a finding tells two groups apart."""

STRONGEST = 15.0
"""Decibans at which a cell has its full colour."""

LEAST_DECIBANS = 1.5
"""Cells below it are left empty: the finding hardly moves the cause."""

FOR, AGAINST = "#2b86c8", "#c4781a"
"""Colours of weights above and below 0."""

CELL_WIDTH, CELL_HEIGHT, LEGEND_HEIGHT = 29.0, 13.0, 26.0
"""Units of the matrix; its letters are 10.5 high, 6 points on a printed page."""

LETTER = 5.8
"""Mean width of a letter."""

SCALE = (-STRONGEST, -10.0, -6.0, -3.0, 3.0, 6.0, 10.0, STRONGEST)
"""Weights that the scale shows."""

LONGEST = 28
"""Letters of a line of a heading; a longer label has two lines."""

PARTS = {"context": "Who the patient is", "history": "History", "examination": "Examination", "test": "Tests"}
"""What the findings of a kind are called."""


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
    presents, what tells it from the causes that are most like it, what studies found beside what the model says (of the
    note of a study what stands before the first semicolon: in whom), its red flags and its steps of care. The studies
    are listed at the end.

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
        Title(model.info.title, 1),
        (
            f"{model.name} {model.version} on paper: all weights on one page, then a page for each cause. LR is the "
            "likelihood ratio of a finding: how many times as common it is with the cause as in other patients."
        ),
        Title("Causes and findings"),
        (
            f"Each number says how a finding that is there moves the odds of a cause, against all other patients "
            f"({place}), in decibans: +3 double the odds, +10 multiply them by ten, -3 halve them, -10 divide them by "
            f"ten. A cell is empty where the finding hardly moves them, by less than {LEAST_DECIBANS:g}."
        ),
    ]
    if format == "html":
        said = f"Blue speaks for the cause, orange against it, both in full colour from {STRONGEST:g} decibans."
        blocks.append(Figure(_heat_map(matrix), said, wide=True))
    else:
        blocks.append(_numbers(matrix))
    cited: dict[str, None] = {}
    for line in compiled(model).lines[: compiled(model).ranked]:
        studies = _studies_of(matrix, line)
        cited |= dict.fromkeys(study.source for study in studies)
        blocks += _page(matrix, line, studies)
    if cited:
        listed = sorted((source for source in model.sources if source.source in cited), key=lambda one: one.source)
        blocks += [Title("Sources"), Items(tuple(f"{source.source}: {source.citation}" for source in listed))]
    return (
        as_markdown(blocks)
        if format == "markdown"
        else as_page(blocks, f"{model.name} {model.version} on paper", contents=True, sections=True)
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


def _told(model: Model, variable: str, state: str) -> str:
    """A finding inside a sentence: its label alone where the state says no more than that it is there."""
    known = model.by_name[variable]
    return known.label if not known.state_labels and state in ("present", "yes") else _finding(model, variable, state)


def _short(label: str) -> str:
    return label.partition(" (")[0]


def _heat_map(matrix: EvidenceMatrix) -> str:
    """The matrix as an SVG: headings in one or two lines, rows in parts, a scale below."""
    model, weights = matrix.model, matrix.decibans
    heads = [textwrap.wrap(clean(_short(model.label(name))), LONGEST) for name in weights.columns]
    slant = LETTER * max(len(line) for head in heads for line in head)
    head_height, right = 14 + 0.87 * slant, 0.5 * slant
    kinds = [model.by_name[name].kind for name, _ in weights.index]
    parts = list(dict.fromkeys(kinds))
    labels = [clean(_finding(model, *key)) for key in weights.index]
    left = 16 + LETTER * max(map(len, (*labels, *(PARTS[part] for part in parts))))
    width = max(left + CELL_WIDTH * len(weights.columns) + right, left + CELL_WIDTH * len(SCALE))
    bottom = head_height + CELL_HEIGHT * (len(weights) + len(parts))
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{1.2 * width:.0f}" '
        f'viewBox="0 0 {width:g} {bottom + LEGEND_HEIGHT:g}" '
        'role="img" font-family="system-ui,sans-serif" font-size="10.5" fill="currentColor">'
    ]
    for column, lines in enumerate(heads):
        x, y = left + CELL_WIDTH * (column + 0.75), head_height - 4
        drawn += [
            f'<text transform="translate({x + 10 * (row - (len(lines) - 1) / 2):g} {y:g}) rotate(-60)">'
            f"{html.escape(text)}</text>"
            for row, text in enumerate(lines)
        ]
    y = head_height
    for part in parts:
        drawn.append(f'<text x="0" y="{y + 10:g}" font-weight="bold">{PARTS[part]}</text>')
        y += CELL_HEIGHT
        for place in (place for place, kind in enumerate(kinds) if kind == part):
            label = html.escape(labels[place])
            drawn.append(f'<text x="{left - 6:g}" y="{y + 10:g}" text-anchor="end">{label}</text>')
            for column, value in enumerate(weights.iloc[place]):
                drawn += _cell(left + CELL_WIDTH * column, y, float(value))
            y += CELL_HEIGHT
    drawn.append(f'<text x="{left - 6:g}" y="{y + 19:g}" text-anchor="end">Scale</text>')
    for column, value in enumerate(SCALE):
        drawn += _cell(left + CELL_WIDTH * column, y + 9, value)
    return "".join([*drawn, "</svg>"])


def _cell(x: float, y: float, value: float) -> list[str]:
    """A weight on its ground; equal weights for and against are equally strong. Nothing where it is left out."""
    said = _signed(value)
    if not said:
        return []
    strength = min(1.0, abs(value) / STRONGEST)
    return [
        f'<rect x="{x:g}" y="{y:g}" width="{CELL_WIDTH - 1:g}" height="{CELL_HEIGHT - 1:g}" '
        f'fill="{FOR if value > 0 else AGAINST}" fill-opacity="{0.1 + 0.75 * strength:.2f}"/>'
        f'<text x="{x + CELL_WIDTH / 2:g}" y="{y + 9.5:g}" text-anchor="middle" font-size="9.5">{said}</text>'
    ]


def _page(matrix: EvidenceMatrix, line: Alternative, studies: Sequence[Study]) -> list[Block]:
    model = matrix.model
    definition = model.by_name[line.variable].definition
    blocks: list[Block] = [Title(line.label)]
    if definition and definition != line.label:
        blocks.append(definition if definition.endswith(".") else f"{definition}.")
    blocks += [_where(model, line), *_presentation(matrix, line), *_apart(matrix, line)]
    if studies:
        blocks += [Title("What the studies say", 3), _published(matrix, line, studies)]
    about = _events(model, line)
    flags = [
        (flag.urgency, _conditions(model, flag.findings), flag.action)
        for flag in model.red_flags
        if flag.cause in about
    ]
    if flags:
        blocks += [Title("Red flags", 3), Grid(["urgency", "findings", "what to do"], flags)]
    steps = list(dict.fromkeys(_step(model, step) for step in model.management if step.cause in about))
    if steps:
        blocks += [Title("Steps of care", 3), Grid(["urgency", "step", "when", "probability"], steps, (3,))]
    return blocks


def _step(model: Model, step: ManagementStep) -> tuple[str, str, str, str]:
    """A row of the steps; the text says when, and the conditions where there is no text."""
    limits = sorted({step.in_population(population.name).threshold for population in model.info.populations})
    said = " to ".join(dict.fromkeys(format_share(limit) for limit in (limits[0], limits[-1])))
    return step.urgency, step.action, step.when or _conditions(model, step.conditions), f"from {said}"


def _conditions(model: Model, conditions: Conditions) -> str:
    """Findings that are known together, in words."""
    said = [" or ".join(_finding(model, name, state) for state in states) for name, states in conditions]
    return " + ".join(said)


def _where(model: Model, line: Alternative) -> str:
    shares = []
    for population in model.info.populations:
        chosen = model.with_population(population.name)
        engine = compiled(chosen).engine
        nothing = Evidence(np.full((1, len(engine.network)), -1, dtype=np.int32))
        marginal = engine.propagate(nothing, targets=(line.variable,)).marginals[line.variable]
        shares.append(f"{population.title} {format_share(float(marginal[0, line.state]))}")
    return f"Before any finding: {', '.join(shares)}."


def _presentation(matrix: EvidenceMatrix, line: Alternative) -> list[Block]:
    """The findings that tell most about the cause: in sentences, and in numbers."""
    model = matrix.model
    p, q = matrix.with_cause[line.name].to_numpy(), matrix.without[line.name].to_numpy()
    keys, kinds = list(matrix.with_cause.index), _kinds(matrix)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = p / q
    order = [int(place) for place in np.argsort(-_divergence(p, q), kind="stable")]
    order = [place for place in order if ratio[place] >= TELLS or ratio[place] <= 1 / TELLS]
    bedside = [place for place in order if kinds[place] != "test"][:MOST_FINDINGS]
    tests = [place for place in order if kinds[place] == "test" and ratio[place] > 1 and p[place] >= RARE]
    tests = tests[: MOST_FINDINGS // 2]
    signs = [place for place in bedside if kinds[place] != "context"]
    shared = [n for n in np.argsort(-p, kind="stable") if kinds[n] in ("history", "examination") and p[n] >= COMMON]
    shared = [n for n in shared if n not in bedside]
    names = _names(model)
    said = [
        f"{lead}: {joined(within(_told(model, *keys[place]), names) for place in places)}."
        for lead, places in (
            ("Who has it more often", [n for n in bedside if kinds[n] == "context" and ratio[n] > 1]),
            ("Typical", [n for n in signs if ratio[n] > 1 and p[n] >= COMMON]),
            ("Not in most, but speaks for it", [n for n in signs if ratio[n] > 1 and p[n] < COMMON]),
            ("Speaks against it", [n for n in signs if ratio[n] < 1]),
            ("Common in others too", shared),
        )
        if places
    ]

    def table(head: str, places: Sequence[int]) -> Grid:
        rows = [
            (
                _finding(model, *keys[place]),
                format_share(float(p[place])),
                format_share(float(q[place])),
                format_ratio(float(ratio[place])) if q[place] else "∞",
            )
            for place in sorted(places, key=lambda place: ratio[place] < 1)
        ]
        return Grid([head, "with it", "in others", "LR"], rows, (1, 2, 3))

    blocks: list[Block] = [Title("How it presents", 3)]
    if said:
        blocks.append(" ".join(said))
    if bedside:
        blocks.append(table("history and examination", bedside))
    return [*blocks, table("test", tests)] if tests else blocks


def _kinds(matrix: EvidenceMatrix) -> list[str]:
    return [matrix.model.by_name[name].kind for name, _ in matrix.with_cause.index]


def _names(model: Model) -> set[str]:
    """Words that the model writes with a capital within a text: they keep it inside a sentence."""
    texts = [text for v in model.variables for text in (v.label, v.definition, *v.state_labels)]
    pairs = [pair for text in texts for pair in pairwise(text.split()) if not pair[0].endswith((".", ":"))]
    return {word.strip("(),;:") for _, word in pairs if word[:1].isupper()}


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
    bedside = np.array([kind != "test" for kind in _kinds(matrix)])
    far = {name: float(_divergence(own, table[name].to_numpy())[bedside].sum()) for name in others}
    rows = []
    for name in sorted(others, key=far.__getitem__)[:NEIGHBOURS]:
        other = table[name].to_numpy()
        rows.append((matrix.model.label(name), _telling(matrix, own, other), _telling(matrix, other, own)))
    return [
        Title("What tells it from its neighbours", 3),
        "How common a finding is in the one that it speaks for, and in brackets in the other.",
        Grid(["neighbour", f"speaks for {_short(line.label)}", "speaks for the neighbour"], rows),
    ]


def _telling(matrix: EvidenceMatrix, p: Array, q: Array) -> str:
    """The findings that tell most for the one of two causes whose probabilities come first."""
    kinds, index = _kinds(matrix), matrix.with_cause.index
    order = [int(place) for place in np.argsort(-_divergence(p, q), kind="stable")]
    order = [place for place in order if p[place] >= TELLS * q[place] and p[place] > 0]
    chosen = [place for place in order if kinds[place] != "test"][:TELLING]
    chosen += [place for place in order if kinds[place] == "test"][:1]
    said = [
        f"{_finding(matrix.model, *index[place])} {format_share(float(p[place]))} ({format_share(float(q[place]))})"
        for place in chosen
    ]
    return "; ".join(said).replace(" %", "\N{NO-BREAK SPACE}%")


def _studies_of(matrix: EvidenceMatrix, line: Alternative) -> list[Study]:
    """The published figures about patients with the cause."""
    about = _events(matrix.model, line)
    return [study for study in matrix.model.studies if study.measure == "sensitivity" and study.cause in about]


def _published(matrix: EvidenceMatrix, line: Alternative, studies: Sequence[Study]) -> Grid:
    """The published figures about the cause beside what the model says; a finding is named once."""
    model = matrix.model
    rows = []
    before = ""
    for study in studies:
        states = study.state.split("|")
        keys = [(study.finding, state) for state in states if (study.finding, state) in matrix.with_cause.index]
        implied = float(sum(matrix.with_cause[line.name][key] for key in keys))
        finding = " or ".join(_finding(model, study.finding, state) for state in states)
        finding = " + ".join([finding, *(_finding(model, name, known[0]) for name, known in study.also)])
        said = format_share(implied) if keys and not study.also else ""
        again = finding == before
        before = finding
        whom = study.note.partition(";")[0]
        rows.append(("" if again else finding, "" if again else said, _figure(study), whom, study.source))
    return Grid(["finding", "model", "published", "in whom", "source"], rows, (1, 2))


def _figure(study: Study) -> str:
    if study.k is not None and study.n:
        return f"{study.k} of {study.n} ({format_share(study.k / study.n)})"
    return format_share(study.value) if study.value is not None else ""


def _events(model: Model, line: Alternative) -> set[str]:
    """Names under which rows speak of the cause: its own, and the states of a mechanism that make it certain."""
    certain = {
        f"{link.parent}={link.parent_state}"
        for link in model.links
        if link.child == line.variable and link.link_probability == 1 and link.parent_state
    }
    return {line.name, *certain}
