"""Whether the compiled network predicts the figures that were published for each finding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import compiled
from bayesdx.display import format_ratio
from bayesdx.evaluation.heterogeneity import Readings, holm, joint_p, predict
from bayesdx.evaluation.implied import Implied, Questions, figures, spread_of
from bayesdx.evaluation.published import Published, floor_of, published_figures, read, within
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import RATIOS, Accuracy, format_cell, split_share
from bayesdx.knowledge.versions import as_model
from bayesdx.network.parameters import order_of

INSIDE = "inside"
OUTSIDE = "outside"
NOT_COMPARABLE = "not comparable"

CONFLICT = 0.05
"""The p of a source after Holm's correction below which it is in conflict with the model."""

Array = NDArray[np.float64]
Index = NDArray[np.intp]


def check_evidence(model: Model | str | PathLike[str], heterogeneity: float = 0.3) -> pd.DataFrame:
    r"""What the network implies for each published figure, and whether the figure lies where it is predicted.

    A row is about an event :math:`e`: its ``finding`` in one of the states ``state``, and every condition of ``also``
    too. Three groups of patients belong to it, all of them with the conditions ``given``: the ill (the cause in any
    state but its reference state, or in the state that is named), the comparison group (the conditions ``against``;
    where empty, patients without the cause), and all of them. With :math:`s = P(e \mid \text{ill})`,
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

    A study is not expected to find that figure, but one near it: the model's own numbers are uncertain (their
    intervals), studies differ from each other, and a study has so many patients. All three are in its prediction. A
    version from ``synthesise`` has learned from its studies already; ``Synthesis.studies`` predicts each without its
    source.

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.
    heterogeneity : float, at least 0
        Standard deviation between studies on the scale of log-odds; 0.5 at least for case-control and operated series
        unless it is 0.

    Returns
    -------
    DataFrame
        One row per row of studies.csv and of accuracy.csv, in their order. Columns: finding, state, also, cause,
        measure, condition, population, given, against; value, lower, upper (as published, or from the counts); implied;
        predictive_lower, predictive_upper (95 %), p (two-sided, mid-p); source_p (all figures of the source together),
        adjusted_p (Holm, over sources); verdict, ``inside``, ``outside`` (of the predictive interval) or ``not
        comparable``; reason, why it is outside or not comparable; resolution, what the row says about that; source,
        status; same_source, whether the numbers of the finding (its links, leak and table) name that source or were
        learned from it, so that the figure is no test of them. A row is not comparable where it says so (``compare`` =
        no, a reference standard that includes the finding, selective verification, a comparison group chosen on
        suspicion), where it is ``conditional`` and does not say on what (``given`` is empty), and where the network
        does not determine the figure: a group of patients that has probability 0, or a ratio of 0 to 0; ``implied``
        then is NaN unless it can be computed.

    Raises
    ------
    ValueError
        ``heterogeneity`` is negative or not finite.

    References
    ----------
    J. J. Deeks, D. G. Altman (2004), "Diagnostic tests 4: likelihood ratios", BMJ 329; J. P. T. Higgins,
    S. G. Thompson, D. J. Spiegelhalter (2009), "A re-evaluation of random-effects meta-analysis", JRSS A 172.

    Examples
    --------
    >>> import bayesdx as dx
    >>> table = dx.check_evidence(dx.load_model("chest_clinic"))
    >>> table[["finding", "cause", "measure", "value", "implied", "verdict"]].head(2).round(3)
        finding       cause      measure  value  implied verdict
    0  dyspnoea  bronchitis  sensitivity    0.8      0.8  inside
    1  dyspnoea  bronchitis  sensitivity    0.9      0.9  inside
    """
    model = as_model(model)
    if not (np.isfinite(heterogeneity) and heterogeneity >= 0):
        raise ValueError(f"heterogeneity: {heterogeneity}; expected a finite number of at least 0.")
    published = published_figures(model)
    table = _as_published(model, published)
    asked = Questions(model, [one.study for one in published])
    table["implied"] = figures(asked.rows, asked.answer())
    for name in ("predictive_lower", "predictive_upper", "p", "source_p", "adjusted_p"):
        table[name] = np.full(len(published), np.nan)
    compared = np.array([place for place, one in enumerate(published) if not one.reason], dtype=np.intp)
    if compared.size:
        _predict(model, [published[place] for place in compared], compared, heterogeneity, table)
    judged = [_judge(one, line) for one, line in zip(published, table.to_dict("records"), strict=True)]
    table["verdict"] = pd.Series([verdict for verdict, _ in judged], dtype=object)
    table["reason"] = pd.Series([reason for _, reason in judged], dtype=object)
    table["resolution"] = pd.Series([getattr(one.row, "resolution", "") for one in published], dtype=object)
    for name in ("source", "status"):
        table[name] = pd.Series([getattr(one.row, name) for one in published], dtype=object)
    rests_on = _sources_of(model)
    table["same_source"] = np.array(
        [(one.study.finding, one.study.source) in rests_on for one in published], dtype=bool
    )
    return table


def _sources_of(model: Model) -> set[tuple[str, str]]:
    """Every variable with each source that its links, its leak or its table name, or were learned from."""
    rows = [(link.child, link) for link in model.links] + [(entry.variable, entry) for entry in model.tables]
    return {
        (name, source)
        for name, row in rows
        for source in (row.source, *(split_share(share)[0] for share in row.shares))
    }


def count_verdicts(table: pd.DataFrame) -> dict[str, int]:
    """How many figures are inside their predictive interval, outside, not comparable; and in conflict unexplained.

    Of 100 figures five are expected outside. One is in conflict where its source, all its figures together, is further
    out than any of the sources would be by chance (p below 0.05 after Holm's correction).

    Parameters
    ----------
    table : DataFrame
        As ``check_evidence`` returns it, or some of its rows.

    Returns
    -------
    dict of str to int
        Keys: ``inside``, ``outside``, ``not comparable``, ``in conflict and unexplained`` (those outside whose source
        is in conflict with the model and whose row has no resolution; part of ``outside``).

    Examples
    --------
    >>> import bayesdx as dx
    >>> dx.count_verdicts(dx.check_evidence(dx.load_model("chest_clinic")))
    {'inside': 8, 'outside': 0, 'not comparable': 0, 'in conflict and unexplained': 0}
    """
    counts = {verdict: int((table["verdict"] == verdict).sum()) for verdict in (INSIDE, OUTSIDE, NOT_COMPARABLE)}
    unexplained = (table["verdict"] == OUTSIDE) & (table["resolution"].str.strip() == "")
    return {**counts, UNEXPLAINED: int((unexplained & (table["adjusted_p"] < CONFLICT)).sum())}


UNEXPLAINED = "in conflict and unexplained"


def _as_published(model: Model, published: Sequence[Published]) -> pd.DataFrame:
    """What the rows say, in the words of the table."""
    shown = ["finding", "state", "also", "cause", "measure", "condition", "population", "given", "against"]
    rows = [
        [format_cell(getattr(one.row, name, one.study.study if name == "condition" else "")) for name in shown]
        for one in published
    ]
    table = pd.DataFrame(rows, columns=shown, dtype=object)
    table["population"] = [one.study.population or model.population for one in published]
    values = np.array([_published_interval(one) for one in published], dtype=np.float64).reshape(-1, 3)
    for place, name in enumerate(("value", "lower", "upper")):
        table[name] = values[:, place]
    return table


def _published_interval(one: Published) -> tuple[float, float, float]:
    if isinstance(one.row, Accuracy):
        return one.row.value, one.row.lower, one.row.upper
    reading = read(one.study)
    return (reading.value, *reading.interval)


def _predict(
    model: Model,
    published: Sequence[Published],
    places: Index,
    heterogeneity: float,
    table: pd.DataFrame,
) -> None:
    """Write predictions and p into these places of the table."""
    asked = Questions(model, [one.study for one in published])
    implied = asked.answer(slopes=True)
    uncertain = np.isfinite(implied.z)
    for place in places[~uncertain]:
        figure, value = float(table["implied"][place]), float(table["value"][place])
        if not np.isnan(figure):
            same = bool(within(np.array([value]), np.array([figure]), np.array([figure]))[0])
            table.loc[place, ["predictive_lower", "predictive_upper", "p"]] = [figure, figure, float(same)]
    no_ratio_of_0 = np.array([one.study.measure not in RATIOS or one.study.value != 0 for one in published])
    where = np.flatnonzero(uncertain & no_ratio_of_0)
    chosen = [published[place] for place in where.tolist()]
    if not chosen:
        return
    readings = Readings([read(one.study) for one in chosen])
    floors = np.array([floor_of(one.study, heterogeneity) for one in chosen])
    together = _covariance(model, asked, implied, where)
    together += np.diag(floors**2 * spread_of(asked.rows, implied)[where])
    z = implied.z[where]
    found = predict(readings, z, np.diag(together).copy())
    for name in ("lower", "upper"):
        table.loc[places[where], f"predictive_{name}"] = getattr(found, name)
    table.loc[places[where], "p"] = found.p
    total = together + np.diag(readings.variance(z))
    members: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(chosen):
        if not one.redundant:
            members[one.study.source].append(place)
    of_sources = []
    for rows in members.values():
        part = total[np.ix_(rows, rows)]
        scale = np.sqrt(np.diag(part))
        of_sources.append(joint_p(found.score[rows], part / np.outer(scale, scale)))
    adjusted = holm(np.array(of_sources))
    for place, rows in enumerate(members.values()):
        table.loc[places[where[rows]], ["source_p", "adjusted_p"]] = of_sources[place], adjusted[place]


def _covariance(model: Model, asked: Questions, implied: Implied, where: Index) -> Array:
    r"""Covariance of scaled figures from the uncertainty of the model's numbers, shape (n, n).

    To first order in the log-odds of each share s of a stick-breaking form (see ``Stick``), whose variance is
    :math:`1 / (A m s (1 - s))`: A is the equivalent sample size of the distribution, m the probability of being in none
    of the earlier states. correlations.csv says which log-odds are correlated.
    """
    columns: dict[tuple[str, object, int], int] = {}
    named: dict[tuple[str, str], int] = {}
    blocks = []
    for name, (rows, of_cells) in implied.slopes.items():
        chosen = model if name == model.population else model.with_population(name)
        known = compiled(chosen).parameters
        scaled, index, start = [], [], 0
        column: dict[tuple[int, int], int] = {}
        for number, row in enumerate(compiled(chosen).distributions):
            if not row.free:
                continue
            owner = next((known[place].key[0] for place in row.parameters if known[place].file != "links.csv"), "")
            order = list(order_of(row.free))
            share = np.array([row.mean[row.free[place]] for place in order])
            slopes = of_cells[:, start : start + len(order)][:, order]
            start += len(order)
            left, behind = _from_here_on(share / share.sum()), _from_here_on(slopes)
            stay = share / share.sum() / left
            worth = row.sample_size * left * stay * (1 - stay)
            scaled.append((slopes - stay * behind)[:, :-1] / np.sqrt(worth[:-1]))
            for place in range(len(order) - 1):
                column[number, place] = columns.setdefault((owner, row.place, place), len(columns))
                index.append(column[number, place])
        if model.correlations:
            named |= {own: column[stick.row, stick.place] for own, stick in compiled(chosen).numbers.sticks.items()}
        blocks.append((rows, np.concatenate(scaled, axis=1) if scaled else np.zeros((len(rows), 0)), index))
    of_rows = np.zeros((len(asked.rows), len(columns)))
    for rows, values, index in blocks:
        of_rows[np.ix_(rows, np.array(index, dtype=np.intp))] = values
    tied = np.eye(len(columns))
    for pair in model.correlations:
        ends = (pair.file, pair.number), (pair.other_file, pair.other)
        if all(end in named for end in ends):
            one, other = (named[end] for end in ends)
            tied[one, other] = tied[other, one] = pair.correlation
    return np.asarray(of_rows[where] @ tied @ of_rows[where].T)


def _from_here_on(values: Array) -> Array:
    """Sums over each place of the last axis and all after it."""
    return np.asarray(values[..., ::-1].cumsum(axis=-1)[..., ::-1])


def _judge(one: Published, line: Mapping[Hashable, Any]) -> tuple[str, str]:
    """Verdict and reason."""
    if one.reason:
        return NOT_COMPARABLE, one.reason
    if np.isnan(line["implied"]):
        return NOT_COMPARABLE, "the network does not determine the figure: a group of patients has probability 0"
    if np.isnan(line["p"]):
        return NOT_COMPARABLE, "a ratio of 0 has no logarithm"
    lower, upper = line["predictive_lower"], line["predictive_upper"]
    if within(np.array([line["value"]]), np.array([lower]), np.array([upper]))[0]:
        return INSIDE, ""
    side = "below" if line["value"] < lower else "above"
    expected = format_ratio(lower) if lower == upper else f"{format_ratio(lower)} to {format_ratio(upper)}"
    return OUTSIDE, f"published {format_ratio(line['value'])} is {side} what is predicted, {expected}"
