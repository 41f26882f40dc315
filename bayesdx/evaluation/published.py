r"""A published figure as counts, or as a ratio with its error; or the reason why it cannot be compared.

Counts come first. Where only an interval was published, it stands for as many patients as would leave an interval of
that width. Wilson's interval of k in n patients is, on the arcsine-root scale, :math:`\arctan(z / \sqrt n)` wide at
k = 0, n / 2 and n (z = 1.96), and nearly so between, so that

.. math:: n = \left(\frac{z}{\tan(\arcsin \sqrt{u} - \arcsin \sqrt{l})}\right)^2 .

A published interval may be wider than its patients explain (a pooled or adjusted figure), never narrower: the number
of patients stated is the most it counts for.

References: E. B. Wilson (1927), JASA 22; J. J. Deeks, D. G. Altman (2004), "Diagnostic tests 4: likelihood ratios",
BMJ 329; J. B. S. Haldane (1956), Annals of Human Genetics 20 (half a patient in each cell where one is empty).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayesdx.evaluation.measures import Z, wilson
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import RATIOS, Accuracy, Source, Study

Array = NDArray[np.float64]

LARGEST = 1e9
"""Patients that a figure with an interval of no width stands for, since it is exact by definition."""

WIDER_SPREAD = ("case_control", "operated_series")
"""Designs whose patients differ most from those that the figure is about."""

TOLERANCE = 1e-9
"""How far a figure may lie beyond an interval, relative to the end, and still count as inside (rounding)."""

SAME = 0.006
"""How far a published interval may be from Wilson's of its counts and still be taken for it."""


@dataclass(frozen=True)
class Reading:
    """A published figure in the form in which it is compared.

    Parameters
    ----------
    k, n : float
        For a probability: patients with the event among those of the group; need not be whole where an interval
        stands for them. 0 for a ratio.
    log_ratio, error : float
        For a ratio: its natural logarithm and standard error. 0 for a probability.
    is_ratio : bool
    excluded : str
        Why the row cannot be compared with anything the network implies; empty where it can.
    """

    k: float
    n: float
    log_ratio: float
    error: float
    is_ratio: bool
    excluded: str = ""

    @property
    def value(self) -> float:
        """The figure itself: a share, or a ratio."""
        return math.exp(self.log_ratio) if self.is_ratio else self.k / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the figure from its own patients."""
        if self.is_ratio:
            return math.exp(self.log_ratio - Z * self.error), math.exp(self.log_ratio + Z * self.error)
        lower, upper = wilson(self.k, self.n)
        return float(lower), float(upper)


def read(row: Study) -> Reading:
    """The figure of a row as counts, or as a ratio with its error.

    Examples
    --------
    >>> from bayesdx.knowledge.schema import Study
    >>> counted = Study("LEE2019", "", "fever", "present", (), "pneumonia", "sensitivity", 48, 60, None, None, None,
    ...                 None, None, "", (), (), "cohort", "", "", "", "", "", "LEE2019", "verified")
    >>> read(counted).k, read(counted).n
    (48.0, 60.0)
    >>> from dataclasses import replace
    >>> published = replace(counted, k=None, n=None, value=0.8, lower=0.682, upper=0.882)
    >>> round(read(published).n)
    60
    """
    why = excluded(row)
    if row.measure not in RATIOS:
        return Reading(*_counts(row), 0.0, 0.0, False, why)
    if row.k is None:
        assert row.value is not None and row.lower is not None and row.upper is not None
        up = math.log(row.upper) - math.log(row.value)
        error = (math.log(row.upper) - math.log(row.lower)) / (2 * Z) if row.lower > 0 else up / Z
        return Reading(0.0, 0.0, math.log(row.value), error, True, why)
    assert row.n is not None and row.k_against is not None and row.n_against is not None
    cells = [row.k, row.n - row.k, row.k_against, row.n_against - row.k_against]
    add = 0.5 if 0 in cells else 0.0
    a, b, c, d = (cell + add for cell in cells)
    match row.measure:
        case "lr_plus":
            ratio, variance = a / (a + b) / (c / (c + d)), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
        case "lr_minus":
            ratio, variance = b / (a + b) / (d / (c + d)), 1 / b - 1 / (a + b) + 1 / d - 1 / (c + d)
        case _:
            ratio, variance = a * d / (b * c), 1 / a + 1 / b + 1 / c + 1 / d
    return Reading(0.0, 0.0, math.log(ratio), math.sqrt(variance), True, why)


def excluded(row: Study) -> str:
    """Why a study cannot be compared with the network, whatever its size; empty where it can."""
    compares = row.measure in (*RATIOS, "false_positive_rate", "predictive_value")
    if row.reference == "includes_finding":
        return "incorporation: the finding took part in deciding who had the cause"
    if row.verification == "selective":
        return "selective verification: who had the reference standard depended on the findings"
    if row.comparator == "on_suspicion" and compares:
        return "the comparison group was chosen because of the finding"
    return ""


def within(value: Array, lower: Array, upper: Array) -> NDArray[np.bool_]:
    """Whether figures lie within an interval, its ends and rounding included."""
    return np.asarray((value >= lower * (1 - TOLERANCE) - TOLERANCE) & (value <= upper * (1 + TOLERANCE) + TOLERANCE))


def floor_of(row: Study, floor: float) -> float:
    """The least standard deviation between studies of this design, in log-odds; 0 for all where ``floor`` is 0."""
    return max(floor, 0.5) if floor > 0 and row.design in WIDER_SPREAD else floor


def sample_size(lower: float, upper: float) -> float:
    """Patients whose count would leave a 95 % interval of this width.

    Examples
    --------
    >>> round(sample_size(0.682, 0.882)), round(sample_size(0.91, 1.0))
    (60, 39)
    """
    width = math.asin(math.sqrt(min(upper, 1.0))) - math.asin(math.sqrt(max(lower, 0.0)))
    if width <= 0:
        return LARGEST
    return min(LARGEST, max(0.5, (Z / math.tan(width)) ** 2)) if width < math.pi / 2 else 0.5


def _counts(row: Study) -> tuple[float, float]:
    if row.k is not None and row.n is not None:
        return float(row.k), float(row.n)
    assert row.value is not None and row.lower is not None and row.upper is not None
    n = sample_size(row.lower, row.upper)
    n = min(n, float(row.n)) if row.n and row.lower < row.upper else n
    return row.value * n, n


@dataclass(frozen=True)
class Published:
    """A published figure of a model, whichever file holds it.

    Parameters
    ----------
    row : Study or Accuracy
        As the file has it.
    study : Study
        The same in the words of studies.csv.
    reason : str
        Why it is not compared with the network; empty where it is.
    redundant : bool
        Whether two other figures of its 2x2 table determine it.
    """

    row: Study | Accuracy
    study: Study
    reason: str
    redundant: bool = False


def published_figures(model: Model) -> tuple[Published, ...]:
    """Every row of studies.csv, then of accuracy.csv, in their order.

    Notes
    -----
    A source of accuracy.csv is taken for one study. Its rows about the same event, cause and patients are figures of
    one 2x2 table; a measure that occurs again belongs to a further table. A published interval that is Wilson's of
    whole counts becomes these counts. Of a table's figures two are kept, sensitivity and false-positive rate before
    ratios.
    """
    found = [Published(row, row, excluded(row)) for row in model.studies]
    sources = {source.source: source for source in model.sources}
    occurrence: dict[tuple[object, ...], int] = defaultdict(int)
    of_table: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row in model.accuracy:
        study, reason = study_of(row, sources), _reason(row)
        if not reason:
            place = occurrence[study.two_by_two, row.measure]
            occurrence[study.two_by_two, row.measure] += 1
            study = replace(study, table=f"{study.finding}_{place + 1}"[:100]) if place else study
            of_table[study.two_by_two].append(len(found))
        found.append(Published(row, study, reason))
    for places in of_table.values():
        for place in sorted(places, key=lambda place: _RANK[found[place].study.measure])[2:]:
            found[place] = replace(found[place], redundant=True)
    return tuple(found)


def studies_of(model: Model) -> tuple[tuple[Study, ...], tuple[tuple[Accuracy, str], ...]]:
    """The studies of a model: studies.csv, and what accuracy.csv of format 1 says in its words.

    Parameters
    ----------
    model : Model

    Returns
    -------
    studies : tuple of Study
    left_out : tuple of (Accuracy, str)
        Rows of accuracy.csv that are no studies of something the network implies, each with the reason.

    Examples
    --------
    >>> import bayesdx as dx
    >>> studies, left_out = studies_of(dx.load_model("hip_flexion_weakness@2.2.1"))
    >>> len(studies), len(left_out)
    (118, 126)
    """
    studies, left = [], []
    for one in published_figures(model):
        reason = one.reason
        if isinstance(one.row, Accuracy):
            if one.redundant:
                reason = "a third figure of one 2x2 table, which two others determine"
            elif not reason and one.row.lower >= one.row.upper:
                reason = "exact by definition: no study of patients"
            elif not reason and one.row.measure in RATIOS and one.row.value <= 0:
                reason = "a ratio of 0 has no logarithm"
            if reason:
                left.append((one.row, reason))
                continue
        studies.append(one.study)
    return tuple(studies), tuple(left)


_RANK = {
    measure: rank
    for rank, measure in enumerate(
        ("sensitivity", "false_positive_rate", "conditional", "predictive_value", *RATIOS)
    )
}  # fmt: skip


def _reason(row: Accuracy) -> str:
    if row.compare == "no":
        return row.resolution
    if row.measure == "conditional" and not row.given:
        return "the row does not say in machine-readable form on what the figure is conditional"
    return ""


def study_of(row: Accuracy, sources: Mapping[str, Source]) -> Study:
    """A row of accuracy.csv in the words of studies.csv."""
    source = sources.get(row.source)
    k, n = _whole_counts(row)
    return Study(
        study=row.source,
        table="",
        finding=row.finding,
        state=row.state,
        also=row.also,
        cause=row.cause,
        measure=row.measure,
        k=k,
        n=n,
        k_against=None,
        n_against=None,
        value=None if k is not None else row.value,
        lower=None if k is not None else row.lower,
        upper=None if k is not None else row.upper,
        population=row.population,
        given=row.given,
        against=row.against,
        design=_DESIGNS.get(source.design if source else "", "other"),
        spectrum="",
        comparator="",
        reference="",
        verification="",
        sampled_from="",
        source=row.source,
        status=row.status,
        note="; ".join(text for text in (row.condition, row.note) if text),
    )


_DESIGNS = {
    "cohort": "cohort",
    "cross_sectional": "cohort",
    "case_series": "case_series",
    "case_control": "case_control",
    "systematic_review": "meta_analysis",
    "meta_analysis": "meta_analysis",
}


def _whole_counts(row: Accuracy) -> tuple[int | None, int | None]:
    """Counts behind a probability, where its interval is Wilson's of them; otherwise the patients stated."""
    if row.n is None or row.n < 1 or row.measure in RATIOS:
        return None, row.n
    k = round(row.value * row.n)
    ends = wilson(k, row.n)
    near = abs(k / row.n - row.value) <= SAME and all(
        abs(found - end) <= SAME for found, end in zip(ends, (row.lower, row.upper), strict=True)
    )
    return (k, row.n) if near else (None, row.n)
