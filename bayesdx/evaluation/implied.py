r"""What a network implies for published figures, and how that moves with each of its numbers; exact.

A figure is made of logarithms of probabilities of evidence. With :math:`n_c(e)` the expected number of times that the
distribution of cell c draws its state, given evidence e, the slope of one of them is

.. math:: \frac{\partial \log P(e)}{\partial \log p_c} = n_c(e),

so one propagation with families gives every figure with its slopes in all numbers (A. Darwiche 2003, "A differential
approach to inference in Bayesian networks", JACM 50; J. Binder, D. Koller, S. Russell, K. Kanazawa 1997, Machine
Learning 29). A question never depends on what lies below its variables, so each is asked with its ancestors alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import compiled
from bayesdx.inference import Engine, Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import RATIOS, Conditions, Study, split_event
from bayesdx.network import Network
from bayesdx.network.compile import view
from bayesdx.network.network import arrays_of
from bayesdx.network.parameters import Distribution

Array = NDArray[np.float64]
Index = NDArray[np.intp]

CERTAIN = 1e-13
"""Probability of the opposite below which a network is said to be certain of an event."""


@dataclass(frozen=True, eq=False)
class Implied:
    """Figures of some rows.

    Parameters
    ----------
    ill, others : ndarray, shape (n_rows,)
        P(event | group): of the group that the measure is about, and of its comparison group where it is a ratio
        (NaN otherwise). NaN where the group does not occur.
    z : ndarray, shape (n_rows,)
        The figure on the scale on which it is learned: log-odds of a probability, logarithm of a ratio. NaN where the
        network does not determine it or is certain.
    slopes : mapping of population to (ndarray of int, ndarray of shape (n_its_rows, n_cells))
        Which rows, and d z / d log p of every free cell of ``distributions`` of that population; empty unless asked.
    """

    ill: Array
    others: Array
    z: Array
    slopes: Mapping[str, tuple[Index, Array]]


MOST_TOGETHER = 24
"""Queries are propagated together in one part of the network as long as it has at most so many variables."""


class Questions:
    """Published figures as questions to the networks of a model, one per population.

    Parameters
    ----------
    model : Model
        Its chosen population answers the rows that name none.
    rows : sequence of Study

    Examples
    --------
    >>> import bayesdx as dx
    >>> from bayesdx.evaluation.published import study_of
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> rows = [study_of(row, {}) for row in model.accuracy[:2]]
    >>> Questions(model, rows).answer().ill.round(2)
    array([0.8, 0.9])
    """

    def __init__(self, model: Model, rows: Sequence[Study]) -> None:
        self.rows = tuple(rows)
        places: dict[str, list[int]] = defaultdict(list)
        for place, row in enumerate(self.rows):
            places[row.population or model.population].append(place)
        self.populations = {name: _of_population(model, name, self.rows, found) for name, found in places.items()}

    def answer(self, networks: Mapping[str, Network] | None = None, slopes: bool = False) -> Implied:
        """The figures under the networks of the model, or under others of their shape.

        Parameters
        ----------
        networks : mapping of population to Network, optional
        slopes : bool
            Whether the slopes are wanted, which cost more than the figures.
        """
        n_rows = len(self.rows)
        ill, others = np.full(n_rows, np.nan), np.full(n_rows, np.nan)
        z = np.full(n_rows, np.nan)
        found: dict[str, tuple[Index, Array]] = {}
        for name, asked in self.populations.items():
            network = networks[name] if networks is not None else asked.network
            logs, counts = asked.propagate(network, slopes)
            of_group = np.full((len(asked.rows), 2), np.nan)
            of_z = np.full(len(asked.rows), np.nan)
            of_slopes = np.zeros((len(asked.rows), asked.n_cells if slopes else 0))
            for place, row in enumerate(asked.rows):
                arms = [(float(logs[event] - logs[group]), event, group) for event, group in asked.arms[place]
                        if np.isfinite(logs[group])]  # fmt: skip
                if len(arms) < len(asked.arms[place]):
                    continue
                for arm, (log, _, _) in enumerate(arms):
                    of_group[place, arm] = min(1.0, float(np.exp(log)))
                weights = _weights(row.measure, [log for log, _, _ in arms])
                if weights is None:
                    continue
                of_z[place] = _scaled(row.measure, [log for log, _, _ in arms])
                if slopes:
                    for weight, (_, event, group) in zip(weights, arms, strict=True):
                        of_slopes[place] += weight * (counts[event] - counts[group])
            where = np.array(asked.places, dtype=np.intp)
            ill[where], others[where], z[where] = of_group[:, 0], of_group[:, 1], of_z
            if slopes:
                found[name] = where, of_slopes
        return Implied(ill, others, z, found)


@dataclass(frozen=True, eq=False)
class _Asked:
    """The questions to one population: queries, each once, and which of them make up a row."""

    network: Network
    places: list[int]
    rows: list[Study]
    arms: list[list[tuple[int, int]]]
    queries: list[tuple[Conditions, ...]]
    cells: list[tuple[Distribution, slice]]
    n_cells: int

    def propagate(self, network: Network, slopes: bool) -> tuple[Array, Array]:
        """Logarithms of P(query), shape (n_queries,), and expected draws, shape (n_queries, n_cells)."""
        logs = np.zeros(len(self.queries))
        counts = np.zeros((len(self.queries), self.n_cells if slopes else 0))
        if not slopes:
            evidence = evidence_of(network, self.queries)
            return Engine(network).propagate(evidence, targets=()).log_evidence, counts
        for names, chosen in self._closures(network):
            part = Network(tuple(node for node in network.nodes if node.name in names))
            evidence = evidence_of(part, [self.queries[place] for place in chosen])
            found = Engine(part, workers=1).propagate(evidence, targets=(), families=True)
            logs[chosen] = found.log_evidence
            for row, where in self.cells:
                if row.place.node in names:
                    node = part[row.place.node]
                    drawn = view(arrays_of(found.families[node.name]), row.place, node.parents)
                    counts[chosen, where] = drawn[:, list(row.free)]
        return logs, np.nan_to_num(counts)

    def _closures(self, network: Network) -> list[tuple[frozenset[str], list[int]]]:
        """Parts of the network, each the variables of some queries with all their ancestors, and these queries."""
        groups: dict[frozenset[int], list[int]] = defaultdict(list)
        for place, query in enumerate(self.queries):
            asked = {network.index[name] for conditions in query for name, _ in conditions}
            groups[network.with_ancestors(asked)].append(place)
        kept: list[tuple[frozenset[int], list[int]]] = []
        for names, chosen in sorted(groups.items(), key=lambda group: -len(group[0])):
            more = [(len(names - host), place) for place, (host, _) in enumerate(kept)]
            fits = [pair for pair in more if pair[0] == 0 or len(kept[pair[1]][0]) + pair[0] <= MOST_TOGETHER]
            if fits:
                host, members = kept[min(fits)[1]]
                kept[min(fits)[1]] = (host | names, [*members, *chosen])
            else:
                kept.append((names, chosen))
        return [(frozenset(network.names[v] for v in names), chosen) for names, chosen in kept]


def _of_population(model: Model, name: str, rows: Sequence[Study], places: list[int]) -> _Asked:
    chosen = model if name == model.population else model.with_population(name)
    network = compiled(chosen).network
    queries: dict[tuple[Conditions, ...], int] = {}
    arms = [
        [
            (queries.setdefault(event, len(queries)), queries.setdefault(group, len(queries)))
            for event, group in _arms(network, rows[place])
        ]
        for place in places
    ]
    cells, start = [], 0
    for row in compiled(chosen).distributions:
        if row.free:
            cells.append((row, slice(start, start + len(row.free))))
            start += len(row.free)
    return _Asked(network, places, [rows[place] for place in places], arms, list(queries), cells, start)


def _arms(network: Network, row: Study) -> list[tuple[tuple[Conditions, ...], tuple[Conditions, ...]]]:
    """Pairs of (event and group, group): the conditional probabilities that the figure is made of."""
    variable = split_event(row.cause)[0]
    states = network[variable].states
    ill: Conditions = ((variable, row.ill(states)),)
    rest: Conditions = row.against or ((variable, tuple(state for state in states if state not in row.ill(states))),)
    sensitivity = (row.given, ill, row.event), (row.given, ill)
    match row.measure:
        case "sensitivity":
            return [sensitivity]
        case "conditional":
            return [((row.given, row.event), (row.given,))]
        case "predictive_value":
            return [((row.given, ill, row.event), (row.given, row.event))]
        case "false_positive_rate":
            return [((row.given, rest, row.event), (row.given, rest))]
        case _:
            return [sensitivity, ((row.given, rest, row.event), (row.given, rest))]


def _opposite(log: float) -> float:
    """1 - exp(log)."""
    return -float(np.expm1(min(log, 0.0)))


def _scaled(measure: str, logs: list[float]) -> float:
    """Log-odds, or the logarithm of the ratio."""
    first = logs[0]
    match measure:
        case "lr_plus":
            return first - logs[1]
        case "lr_minus":
            return float(np.log(_opposite(first)) - np.log(_opposite(logs[1])))
        case "odds_ratio":
            odds = [log - float(np.log(_opposite(log))) for log in logs]
            return odds[0] - odds[1]
        case _:
            return first - float(np.log(_opposite(first)))


def _weights(measure: str, logs: list[float]) -> list[float] | None:
    """Slope of z in the log p of each arm; None where the network is certain of the event or of its opposite."""
    q = [_opposite(log) for log in logs]
    needs_opposite = measure != "lr_plus"
    if any(np.isneginf(log) for log in logs) or (needs_opposite and min(q) < CERTAIN):
        return None
    if measure == "lr_plus":
        return [1.0, -1.0]
    odds = [(1 - opposite) / opposite for opposite in q]
    if measure == "lr_minus":
        return [-odds[0], odds[1]]
    slopes = [1 / opposite for opposite in q]
    return [slopes[0], -slopes[1]] if measure == "odds_ratio" else slopes


def figures(rows: Sequence[Study], implied: Implied) -> Array:
    """The implied figures themselves, shape (n_rows,): probabilities and ratios; NaN where they are not determined."""
    found = implied.ill.copy()
    for place, row in enumerate(rows):
        if row.measure in RATIOS:
            s, f = implied.ill[place], implied.others[place]
            with np.errstate(divide="ignore", invalid="ignore"):
                match row.measure:
                    case "lr_plus":
                        found[place] = np.divide(s, f)
                    case "lr_minus":
                        found[place] = np.divide(1 - s, 1 - f)
                    case _:
                        found[place] = np.divide(s * (1 - f), f * (1 - s))
    return found


def spread_of(rows: Sequence[Study], implied: Implied) -> Array:
    r"""Variance of each row's scaled figure per unit of heterogeneity on the log-odds of its arms, shape (n_rows,).

    1 for a probability; for a ratio the slopes of its logarithm in the log-odds of both arms, squared and added:
    :math:`(1 - s)^2 + (1 - f)^2` of a positive likelihood ratio, :math:`s^2 + f^2` of a negative one, 2 of odds.
    """
    found = np.ones(len(rows))
    for place, row in enumerate(rows):
        if row.measure in RATIOS:
            s, f = implied.ill[place], implied.others[place]
            match row.measure:
                case "lr_plus":
                    found[place] = (1 - s) ** 2 + (1 - f) ** 2
                case "lr_minus":
                    found[place] = s**2 + f**2
                case _:
                    found[place] = 2.0
    return found


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
