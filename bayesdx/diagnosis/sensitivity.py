"""What would change my mind: the posterior as an exact function of each number of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.case import expect_cases, leading_event
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.diagnosis import Diagnosis
from bayesdx.diagnosis.draws import as_draws, repeated
from bayesdx.diagnosis.events import Event, action_events, event_of, given_event
from bayesdx.diagnosis.findings import UNKNOWN
from bayesdx.display import format_probability
from bayesdx.display.blocks import Block, Grid, Title
from bayesdx.display.numbers import ROUNDING
from bayesdx.display.report import PlottedReport
from bayesdx.errors import FindingsError, did_you_mean
from bayesdx.inference import Engine, Evidence, GateDraws, ParameterDraws
from bayesdx.knowledge.model import Model
from bayesdx.network import Node
from bayesdx.network.compile import place_values, view
from bayesdx.network.network import arrays_of, relevant
from bayesdx.network.parameters import Parameter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

VANISHING = 1e-12
"""Findings count as impossible where P(findings) falls below this share of what it is; less is rounding error."""

MOST_SHOWN = 12
"""Lines that text and HTML show."""


@dataclass(frozen=True)
class Function:
    """How a posterior depends on one number: x -> (a x + b) / (c x + d), for x between 0 and 1.

    The other states of the same distribution keep their proportions (for two states: the other one takes the rest).

    Parameters
    ----------
    number : Parameter
    a, b, c, d : float
        Scaled so that c x + d is 1 where the model stands (P(findings), relative to what it is).
    value : float in [0, 1]
        Where the model stands.
    first_rank : float
        The nearest value at which another cause overtakes the first of the differential; NaN where there is none.
    rival : str
        The cause that does so.
    threshold : float
        The nearest value at which the cause crosses one of its thresholds of management.csv; NaN where there is none.
    crossed : float
        That threshold.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> widest = dx.sensitivity_analysis(case, "iliopsoas_strain").functions[0]
    >>> round(widest.value, 3), round(widest(widest.value), 3), round(widest(0.5), 3)
    (0.25, 0.459, 0.358)
    """

    number: Parameter
    a: float
    b: float
    c: float
    d: float
    value: float
    first_rank: float
    rival: str
    threshold: float
    crossed: float

    def __call__(self, x: float) -> float:
        """The posterior if the number were x; NaN where the findings would then be impossible."""
        below = self.c * x + self.d
        return float(np.clip((self.a * x + self.b) / below, 0.0, 1.0)) if below > VANISHING else float("nan")

    @property
    def derivative(self) -> float:
        """Slope of the posterior at the value that the model has."""
        return (self.a * self.d - self.b * self.c) / (self.c * self.value + self.d) ** 2

    @property
    def at_lower(self) -> float:
        """The posterior at the lower end of the number's 95 % interval."""
        return self(self.number.lower)

    @property
    def at_upper(self) -> float:
        """The posterior at the upper end of the number's 95 % interval."""
        return self(self.number.upper)

    @property
    def swing(self) -> float:
        """How far the posterior moves between the ends of the interval."""
        return abs(self.at_upper - self.at_lower)


@dataclass(frozen=True, eq=False, repr=False)
class SensitivityAnalysis(PlottedReport):
    """The posterior of a cause as a function of each number, widest swing first. Made by ``sensitivity_analysis``.

    ``plot`` draws the numbers with the widest swing as a tornado.

    Parameters
    ----------
    case : Diagnosis
    event : Event
        The cause.
    posterior : float
        Its posterior as the model stands.
    functions : tuple of Function

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> what_if = dx.sensitivity_analysis(case, "iliopsoas_strain")
    >>> widest = what_if.functions[0]
    >>> widest.number.label, round(widest.at_lower, 3), round(what_if.posterior, 3), round(widest.at_upper, 3)
    ('P(onset = sudden | no cause of it acts)', 0.56, 0.459, 0.374)
    """

    case: Diagnosis
    event: Event
    posterior: float
    functions: tuple[Function, ...]

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row per number, widest swing first.

        Index: number. Columns: file, value, lower, upper, source, status; a, b, c, d of the function
        (a x + b)/(c x + d); derivative; at_lower, at_upper, swing; first_rank, rival; threshold, crossed (NaN where no
        value between 0 and 1 does it).

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> widest = dx.sensitivity_analysis(case).table.iloc[0]
        >>> widest[["value", "at_lower", "at_upper", "swing"]].astype(float).round(3).to_dict()
        {'value': 0.25, 'at_lower': 0.56, 'at_upper': 0.374, 'swing': 0.186}
        """
        rows = []
        for f in self.functions:
            n = f.number
            rows.append(
                (n.label, n.file, n.value, n.lower, n.upper, n.source, n.status, f.a, f.b, f.c, f.d, f.derivative,
                 f.at_lower, f.at_upper, f.swing, f.first_rank, f.rival, f.threshold, f.crossed)
            )  # fmt: skip
        columns = ("number", "file", "value", "lower", "upper", "source", "status", "a", "b", "c", "d", "derivative",
                   "at_lower", "at_upper", "swing", "first_rank", "rival", "threshold", "crossed")  # fmt: skip
        return pd.DataFrame(rows, columns=list(columns)).set_index("number")

    def function(self, key: tuple[str, ...] | str) -> Function:
        """The function of one number, by its label or by the key of its row.

        Parameters
        ----------
        key : str or tuple of str
            The label, or the key of the row.

        Returns
        -------
        Function

        Raises
        ------
        FindingsError
            The model has no such number; the nearest label is given.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> what_if = dx.sensitivity_analysis(case, "iliopsoas_strain")
        >>> posterior = what_if.function("P(onset = sudden | no cause of it acts)")
        >>> round(posterior(0.05), 3), round(posterior(0.5), 3)
        (0.606, 0.358)
        """
        for found in self.functions:
            if key in (found.number.label, found.number.key):
                return found
        said = key if isinstance(key, str) else ", ".join(key)
        near = did_you_mean(said, [found.number.label for found in self.functions])
        raise FindingsError(f"{said!r} is no number of {self.case.model.name} {self.case.model.version}.{near}")

    @property
    def nearest_first_rank(self) -> Function | None:
        """The number whose smallest change of log-odds puts another cause first; None where no single number can.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> nearest = dx.sensitivity_analysis(case).nearest_first_rank
        >>> nearest.number.label, nearest.rival, round(nearest.value, 3), round(nearest.first_rank, 3)
        ('P(disc_herniation = present | no cause of it acts)', 'lumbar_radiculopathy', 0.069, 0.123)
        """
        return _nearest(self.functions, "first_rank")

    @property
    def nearest_threshold(self) -> Function | None:
        """The number whose smallest change of log-odds carries the cause across a threshold; None where none can.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> nearest = dx.sensitivity_analysis(case).nearest_threshold
        >>> nearest.number.label, nearest.crossed, round(nearest.threshold, 3)
        ('P(iliopsoas_strain = present | hip_flexor_loading = yes by itself)', 0.4, 0.183)
        """
        return _nearest(self.functions, "threshold")

    @cached_property
    def moving(self) -> tuple[Function, ...]:
        """The functions of the numbers that move the posterior at all, widest swing first.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> what_if = dx.sensitivity_analysis(case)
        >>> len(what_if.functions), len(what_if.moving)
        (333, 76)
        """
        return tuple(f for f in self.functions if f.swing > ROUNDING)

    def blocks(self) -> Sequence[Block]:
        """The tornado as a table, and the smallest changes that would matter."""
        model = self.case.model
        shown: list[Block] = [Title(f"What would change {self.event.label}? {model.name} {model.version}")]
        moving = self.moving
        if not moving:
            shown.append(_unmoved(self))
        else:
            rows = [
                (
                    f.number.label,
                    f"{f.number.value:g} ({f.number.lower:g} to {f.number.upper:g})",
                    format_probability(f.at_lower),
                    format_probability(f.at_upper),
                    f.number.source,
                )
                for f in moving[:MOST_SHOWN]
            ]
            shown.append(Grid(("number", "value", "posterior at lower", "posterior at upper", "source"), rows, (2, 3)))
            if len(moving) > MOST_SHOWN:
                shown.append(f"... and {len(moving) - MOST_SHOWN} that move it less")
        return [*shown, _rank_sentence(self), _threshold_sentence(self)]

    _most_drawn = 15

    def _draw(self, ax: Axes | None, most: int) -> Axes:
        """The widest swings as a tornado."""
        from bayesdx.display.figures import sentence, tornado

        title = f"What would change {self.event.label}?"
        if not self.moving:
            return sentence(_unmoved(self), title=title, ax=ax)
        widest = self.moving[:most]
        return tornado(
            [f.number.label for f in widest],
            [f.at_lower for f in widest],
            [f.at_upper for f in widest],
            self.posterior,
            title=title,
            ax=ax,
        )


def sensitivity_analysis(case: Diagnosis, cause: str | None = None) -> SensitivityAnalysis:
    """How the posterior of a cause depends on each number of the model, exactly.

    With the other states of its distribution in proportion, P(cause, findings) and P(findings) are both linear in a
    number, so the posterior is (a x + b)/(c x + d). The coefficients follow from the family marginals of two
    propagations, one with the findings and one with the cause added; the same for every other cause shows where the
    first rank changes.

    Parameters
    ----------
    case : Diagnosis
    cause : str, optional
        A line of the differential, or the name of a graded cause; the first line where left out.

    Returns
    -------
    SensitivityAnalysis

    Raises
    ------
    FindingsError
        The model has no such cause.

    References
    ----------
    E. Castillo, J. M. Gutierrez, A. Hadi (1997), "Sensitivity analysis in discrete Bayesian networks"; L. van der Gaag,
    V. Coupe (2002), "Sensitivity analysis for threshold decision making with Bayesian belief networks"; H. Chan,
    A. Darwiche (2002), "When do numbers really matter?"; A. Darwiche (2003), "A differential approach to inference".

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> what_if = dx.sensitivity_analysis(case, "iliopsoas_strain")
    >>> widest = what_if.functions[0]
    >>> widest.number.label
    'P(onset = sudden | no cause of it acts)'
    >>> bool(abs(widest(widest.value) - case.posterior["iliopsoas_strain"]) < 1e-12)
    True
    """
    expect_cases(case)
    model = case.model
    ready = compiled(model)
    event = leading_event(case) if cause is None else event_of(model, cause)
    lines = [event_of(model, line.name) for line in ready.lines[: ready.ranked]]
    slopes = _Slopes(case, [event, *lines])
    top = 1 + int(case.probabilities[: ready.ranked].argmax())
    thresholds = sorted({step.threshold for step in model.steps if event in action_events(model, step.cause)})
    functions = [_function(number, *slopes.lines_of(number), lines, top, thresholds) for number in ready.parameters]
    functions.sort(key=lambda f: -f.swing if f.swing == f.swing else 0.0)
    return SensitivityAnalysis(case, event, float(slopes.posteriors[0]), tuple(functions))


class _Slopes:
    """P(findings) and P(cause, findings), relative to P(findings) now, as linear functions of each number."""

    def __init__(self, case: Diagnosis, events: Sequence[Event]) -> None:
        self.case, self.events = case, events
        ready = compiled(case.model)
        self.network, self.engine, self.numbers = ready.network, ready.engine, ready.parameters
        self.evidence = _with_events(self.engine, case.evidence.evidence, events)
        known = [name for name, value in case.findings.items() if value is not UNKNOWN]
        self.matter = set(relevant(self.network, [*known, *(event.variable for event in events)]))
        uncertain = {number.place.node for number in self.numbers} & self.matter
        self.found = self.engine.propagate(self.evidence, targets=(), families=uncertain)
        self.shares = np.exp(self.found.log_evidence - self.found.log_evidence[0])
        self.posteriors = self.shares[1:]
        self.edges = self._at_the_edges()

    def lines_of(self, number: Parameter) -> tuple[Array, Array, float]:
        """(slope, constant), each of shape (1 + n_events,), the findings first; and where the model stands."""
        value = float(place_values(self.network, number.place)[number.state])
        if number.place.node not in self.matter:
            return np.zeros_like(self.shares), self.shares, value
        if number in self.edges:
            slope = self.edges[number]
            return slope, self.shares - slope * value, value
        family, place = self.found.families[number.place.node], number.place
        active = np.nan_to_num(view(arrays_of(family), place, self.network[place.node].parents))
        here = active[:, number.state]
        others = active.sum(axis=1) - here
        slope = self.shares * (here / value - others / (1 - value))
        return slope, self.shares * (1 - active.sum(axis=1) + others / (1 - value)), value

    def _at_the_edges(self) -> dict[Parameter, Array]:
        """Slopes of the numbers that are exactly 0 or 1.

        The family marginals of such a number are 0, so they don't give its slope. P(findings) is linear in the number:
        it is computed once more with the number at one half, and the slope is the difference.
        """
        moved = []
        for number in self.numbers:
            if number.place.node in self.matter:
                values = place_values(self.network, number.place)
                if not 0 < values[number.state] < 1:
                    moved.append((number, _moved(values, number.state)))
        slopes: dict[Parameter, Array] = {}
        by_node: dict[str, list[tuple[Parameter, Array]]] = {}
        for number, row in moved:
            by_node.setdefault(number.place.node, []).append((number, row))
        for name, rows in by_node.items():
            draws = _draws_with(self.network[name], rows)
            result = self.engine.propagate(self.evidence, targets=(), parameters=ParameterDraws({name: draws}))
            moved_shares = np.exp(result.log_evidence - self.found.log_evidence[0])
            for (number, row), there in zip(rows, moved_shares, strict=True):
                value = place_values(self.network, number.place)[number.state]
                slopes[number] = (there - self.shares) / (row[number.state] - value)
        return slopes


def _with_events(engine: Engine, evidence: Evidence, events: Sequence[Event]) -> Evidence:
    """The case, then the case with each cause present, as one batch."""
    cases = [evidence, *(given_event(evidence, event, engine, present=True) for event in events)]
    network = engine.network
    named = dict.fromkeys(name for case in cases for name in case.likelihoods)
    likelihoods = {}
    for name in named:
        nothing = np.ones((1, network.cardinalities[network.index[name]]))
        likelihoods[name] = np.concatenate([case.likelihoods.get(name, nothing) for case in cases])
    return Evidence(np.concatenate([case.codes for case in cases]), likelihoods)


def _moved(values: Array, state: int) -> Array:
    """The distribution with the number at one half, the others in proportion (or all on the first other one)."""
    others = np.delete(np.arange(len(values)), state)
    row = np.zeros(len(values))
    row[state] = 0.5
    left = float(values[others].sum())
    row[others] = 0.5 * values[others] / left if left > 0 else np.where(np.arange(len(others)) == 0, 0.5, 0.0)
    return row


def _draws_with(node: Node, rows: Sequence[tuple[Parameter, Array]]) -> Array | GateDraws:
    """A draw per row: the distribution of the variable with that one row replaced."""
    arrays = repeated(node.cpd, len(rows))
    for draw, (number, row) in enumerate(rows):
        view(arrays, number.place, node.parents)[draw] = row
    return as_draws(arrays, node.cpd)


def _function(
    number: Parameter,
    slope: Array,
    constant: Array,
    value: float,
    lines: Sequence[Event],
    top: int,
    thresholds: Sequence[float],
) -> Function:
    """Coefficients, and where the first rank changes and a threshold is crossed. Rows: findings, cause, then lines."""
    c, d, a, b = slope[0], constant[0], slope[1], constant[1]
    rank, rival = _first_change(slope, constant, value, top - 1)
    crossings = [(_root(a - t * c, b - t * d), t) for t in thresholds]
    reached = [(x, t) for x, t in crossings if 0 <= x <= 1 and c * x + d > VANISHING]
    x, t = min(reached, key=lambda pair: abs(pair[0] - value), default=(float("nan"), float("nan")))
    name = "" if rival < 0 else lines[rival].name
    return Function(number, float(a), float(b), float(c), float(d), value, rank, name, float(x), float(t))


def _first_change(slope: Array, constant: Array, value: float, top: int) -> tuple[float, int]:
    """The nearest value at which another line passes the first one, and which; NaN and -1 where none does."""
    with np.errstate(divide="ignore", invalid="ignore"):
        where = -(constant[2:] - constant[2 + top]) / (slope[2:] - slope[2 + top])
        possible = slope[0] * where + constant[0] > VANISHING
    where[top] = np.nan
    where[~((where > 0) & (where < 1) & possible)] = np.nan  # lines that are equal at 0 or 1 do not change places
    if np.isnan(where).all():
        return float("nan"), -1
    rival = int(np.nanargmin(np.abs(where - value)))
    return float(where[rival]), rival


def _root(slope: float, constant: float) -> float:
    return float(-constant / slope) if slope != 0 else float("nan")


def _nearest(functions: Sequence[Function], what: str) -> Function | None:
    able = [f for f in functions if not np.isnan(getattr(f, what))]
    return min(able, key=lambda f: _distance(f.value, getattr(f, what)), default=None)


def _distance(one: float, other: float) -> float:
    """Distance of two probabilities in log-odds (Chan, Darwiche 2002); infinite from 0 or 1 to anything else."""
    if one == other:
        return 0.0
    with np.errstate(divide="ignore"):
        return float(abs((np.log(one) - np.log1p(-one)) - (np.log(other) - np.log1p(-other))))


def _unmoved(result: SensitivityAnalysis) -> str:
    return f"No single number moves the posterior of {format_probability(result.posterior)}."


def _rank_sentence(result: SensitivityAnalysis) -> str:
    found = result.nearest_first_rank
    if found is None:
        return "No single number, whatever its value, puts another cause first."
    inside = found.number.lower <= found.first_rank <= found.number.upper
    return (
        f"The smallest single change that puts another cause ({_label(result.case.model, found.rival)}) first: "
        f"{found.number.label} from {found.value:.4g} to {found.first_rank:.4g}, "
        f"{'inside' if inside else 'outside'} its interval."
    )


def _threshold_sentence(result: SensitivityAnalysis) -> str:
    found = result.nearest_threshold
    if found is None:
        return f"No single number, whatever its value, carries {result.event.label} across a threshold of care."
    inside = found.number.lower <= found.threshold <= found.number.upper
    return (
        f"The smallest single change that carries {result.event.label} across its threshold of "
        f"{format_probability(found.crossed)}: {found.number.label} from {found.value:.4g} to "
        f"{found.threshold:.4g}, {'inside' if inside else 'outside'} its interval."
    )


def _label(model: Model, name: str) -> str:
    return event_of(model, name).label
