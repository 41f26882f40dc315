"""Whether the compiled network reproduces the accuracy that was published for each finding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.lines import engine_for
from bayesdx.display import format_ratio
from bayesdx.inference import Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Accuracy, Conditions, format_cell
from bayesdx.network import Network

INSIDE = "inside"
OUTSIDE = "outside"
NOT_COMPARABLE = "not comparable"

TOLERANCE = 1e-9
"""How far an implied figure may lie beyond its interval, relative to the end, and still count as inside (rounding)."""

Array = NDArray[np.float64]


def check_evidence(model: Model) -> pd.DataFrame:
    r"""What the network implies for each published figure of accuracy.csv, and whether that lies in its interval.

    A row is about an event :math:`e`: its ``finding`` in one of the states ``state``, and every condition of ``also``
    too. Three groups of patients belong to it, all of them with the conditions ``given``: the ill (the cause in any
    state but its reference state), the comparison group (the conditions ``against``; where empty, the cause in its
    reference state), and all of them. With :math:`s = P(e \mid \text{ill})`,
    :math:`f = P(e \mid \text{comparison group})`, each averaged over everything else that the network knows, the
    figure that is implied is

    | measure | implied |
    | --- | --- |
    | sensitivity | :math:`s` |
    | false_positive_rate | :math:`f` |
    | lr_plus | :math:`s / f` |
    | lr_minus | :math:`(1 - s) / (1 - f)` |
    | odds_ratio | :math:`s (1 - f) / (f (1 - s))` |
    | conditional | :math:`P(e \mid given)` |
    | predictive_value | :math:`P(\text{cause present} \mid e, given)` |

    The averages are taken in the population of the row, and in the model's chosen one where the row names none. So a
    comparison group holds the other causes as often as that population does.

    Parameters
    ----------
    model : Model

    Returns
    -------
    DataFrame
        One row per row of accuracy.csv, in its order. Columns: finding, state, also, cause, measure, condition,
        population, given, against; value, lower, upper (as published); implied; verdict, ``inside``, ``outside`` or
        ``not comparable``; reason, why it is outside or not comparable; resolution, what the row says about that;
        source, status. A row is not comparable where it says so (``compare`` = no), where it is ``conditional`` and
        does not say on what (``given`` is empty), and where the network does not determine the figure: a group of
        patients that has probability 0, or a ratio of 0 to 0; ``implied`` then is NaN unless it can be computed.

    References
    ----------
    J. J. Deeks, D. G. Altman (2004), "Diagnostic tests 4: likelihood ratios", BMJ 329.

    Examples
    --------
    >>> import bayesdx as dx
    >>> table = dx.check_evidence(dx.load_model("chest_clinic"))
    >>> table[["finding", "cause", "measure", "value", "implied", "verdict"]].head(2).round(3)
        finding       cause      measure  value  implied verdict
    0  dyspnoea  bronchitis  sensitivity    0.8      0.8  inside
    1  dyspnoea  bronchitis  sensitivity    0.9      0.9  inside
    """
    by_population: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(model.accuracy):
        by_population[row.population or model.population].append(place)
    implied = np.full(len(model.accuracy), np.nan)
    for population, places in by_population.items():
        chosen = model if population == model.population else model.with_population(population)
        implied[places] = implied_figures(chosen, [model.accuracy[place] for place in places])
    judged = [_judge(row, float(figure)) for row, figure in zip(model.accuracy, implied, strict=True)]
    shown = ["finding", "state", "also", "cause", "measure", "condition", "population", "given", "against"]
    table = pd.DataFrame(
        [[format_cell(getattr(row, name)) for name in shown] for row in model.accuracy], columns=shown, dtype=object
    )
    table["population"] = [row.population or model.population for row in model.accuracy]
    for name in ("value", "lower", "upper"):
        table[name] = np.array([getattr(row, name) for row in model.accuracy], dtype=np.float64)
    table["implied"] = implied
    table["verdict"] = pd.Series([verdict for verdict, _ in judged], dtype=object)
    table["reason"] = pd.Series([reason for _, reason in judged], dtype=object)
    for name in ("resolution", "source", "status"):
        table[name] = pd.Series([getattr(row, name) for row in model.accuracy], dtype=object)
    return table


def count_verdicts(table: pd.DataFrame) -> dict[str, int]:
    """How many figures are inside their interval, outside, not comparable; and outside without an explanation.

    Parameters
    ----------
    table : DataFrame
        As ``check_evidence`` returns it, or some of its rows.

    Returns
    -------
    dict of str to int
        Keys: ``inside``, ``outside``, ``not comparable``, ``outside and unexplained`` (those outside whose row has no
        resolution; part of ``outside``).

    Examples
    --------
    >>> import bayesdx as dx
    >>> dx.count_verdicts(dx.check_evidence(dx.load_model("chest_clinic")))
    {'inside': 8, 'outside': 0, 'not comparable': 0, 'outside and unexplained': 0}
    """
    counts = {verdict: int((table["verdict"] == verdict).sum()) for verdict in (INSIDE, OUTSIDE, NOT_COMPARABLE)}
    unexplained = (table["verdict"] == OUTSIDE) & (table["resolution"].str.strip() == "")
    return {**counts, "outside and unexplained": int(unexplained.sum())}


def implied_figures(model: Model, rows: Sequence[Accuracy]) -> Array:
    """What the network of the model's population implies for each row, shape (n_rows,); NaN where it is not determined.

    All rows are one batch: four logarithms of probabilities each, P(ill), P(ill, e), P(others), P(others, e), where the
    others are the comparison group, or everybody for ``conditional`` and ``predictive_value``.
    """
    if not rows:
        return np.zeros(0)
    engine = engine_for(model)
    queries: list[list[Conditions]] = []
    for row in rows:
        variable = model.by_name[row.cause]
        ill = ((row.cause, variable.states[1:]),)
        if row.measure in ("conditional", "predictive_value"):
            others: Conditions = ()
        else:
            others = row.against or ((row.cause, variable.states[:1]),)
        for group in (ill, others):
            queries += [[row.given, group], [row.given, group, row.event]]
    evidence = evidence_of(engine.network, queries)
    logs = engine.propagate(evidence, targets=()).log_evidence.reshape(len(rows), 4)
    figures = [_figure(row.measure, *(float(value) for value in four)) for row, four in zip(rows, logs, strict=True)]
    return np.array(figures)


def evidence_of(network: Network, queries: Iterable[Iterable[Conditions]]) -> Evidence:
    """One case per query: all its conditions together; a variable is in a state that every one of them allows."""
    cases = [list(query) for query in queries]
    codes = np.full((len(cases), len(network)), -1, dtype=np.int32)
    masks: dict[str, Array] = {}
    for place, query in enumerate(cases):
        for name, states in (condition for conditions in query for condition in conditions):
            known = network[name].states
            mask = masks.setdefault(name, np.ones((len(cases), len(known))))
            mask[place] *= [state in states for state in known]
    for name, mask in list(masks.items()):
        single = mask.sum(axis=1) == 1
        codes[single, network.index[name]] = mask[single].argmax(axis=1)
        mask[single] = 1.0
        if (mask == 1.0).all():
            del masks[name]
    return Evidence(codes, masks)


def _figure(measure: str, ill: float, ill_event: float, others: float, others_event: float) -> float:
    """The figure of a row from natural logarithms of probabilities."""
    if measure == "predictive_value":
        return _ratio(np.exp(ill_event - others_event)) if others_event > -np.inf else np.nan
    s, f = _conditional(ill_event, ill), _conditional(others_event, others)
    with np.errstate(divide="ignore", invalid="ignore"):
        match measure:
            case "sensitivity":
                return s
            case "false_positive_rate" | "conditional":
                return f
            case "lr_plus":
                return float(np.divide(s, f))
            case "lr_minus":
                return float(np.divide(1 - s, 1 - f))
            case _:
                return float(np.divide(s * (1 - f), f * (1 - s)))


def _conditional(joint: float, group: float) -> float:
    """P(event | group) from the two logarithms; NaN where the group does not occur."""
    return _ratio(np.exp(joint - group)) if group > -np.inf else np.nan


def _ratio(probability: float) -> float:
    return float(min(1.0, probability))


def _judge(row: Accuracy, implied: float) -> tuple[str, str]:
    """Verdict and reason."""
    if row.compare == "no":
        return NOT_COMPARABLE, row.resolution
    if row.measure == "conditional" and not row.given:
        return NOT_COMPARABLE, "the row does not say in machine-readable form on what the figure is conditional"
    if np.isnan(implied):
        return NOT_COMPARABLE, "the network does not determine the figure: a group of patients has probability 0"
    if implied < row.lower * (1 - TOLERANCE) - TOLERANCE:
        return OUTSIDE, f"implied {format_ratio(implied)} is below the interval, {_interval(row)}"
    if implied > row.upper * (1 + TOLERANCE) + TOLERANCE:
        return OUTSIDE, f"implied {format_ratio(implied)} is above the interval, {_interval(row)}"
    return INSIDE, ""


def _interval(row: Accuracy) -> str:
    return f"{format_ratio(row.lower)} to {format_ratio(row.upper)}"
