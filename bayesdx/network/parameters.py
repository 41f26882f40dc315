"""The numbers of a model: each row of its tables, tied to the place where it stands in the compiled network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesdx.knowledge.correlations import matrix_of
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import FILE, key_of, number_name, split_share
from bayesdx.network.beliefs import fit_sample_sizes, is_constant
from bayesdx.network.compile import Place, compile_network, place_values, placed_rows
from bayesdx.network.network import Network

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """A number of a model and where it stands.

    Parameters
    ----------
    file : str
        priors.csv, links.csv or tables.csv.
    key : tuple of str
        The cells that name its row in that file, as ``bayesdx.knowledge.schema.key_of`` gives them.
    value, lower, upper : float in [0, 1]
        The number and its 95 % interval.
    source, status : str
    place : Place
        The distribution it belongs to.
    state : int
        Code of the state whose probability it is.
    row : int
        Position of that distribution in ``ModelNumbers.distributions``.
    label : str
        What it is a probability of, in the names of the model.
    information : float or None
        Share of what is known of it that published studies brought; None where it was not learned from studies.
    shares : tuple of (str, float)
        Sources behind that with their shares, the largest first.
    """

    file: str
    key: tuple[str, ...]
    value: float
    lower: float
    upper: float
    source: str
    status: str
    place: Place
    state: int
    row: int
    label: str
    information: float | None = None
    shares: tuple[tuple[str, float], ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources behind it: the studies that it was learned from, or the one of its row."""
        return tuple(name for name, _ in self.shares) or (self.source,)


@dataclass(frozen=True)
class Distribution:
    """A distribution of a model whose numbers have one joint uncertainty, a Dirichlet (a Beta for two states).

    Parameters
    ----------
    place : Place
    mean : tuple of float, one per state; sums to 1
        As compiled: states without a row of their own have 0, the reference state takes the rest.
    free : tuple of int
        States that vary together; every other one is known for certain. Empty for a constant.
    sample_size : float, above 0
        Equivalent sample size: how many patients, counted, would leave the same uncertainty. Infinite for a constant.
    parameters : tuple of int
        Positions in ``ModelNumbers.parameters`` of the numbers it is made of.
    """

    place: Place
    mean: tuple[float, ...]
    free: tuple[int, ...]
    sample_size: float
    parameters: tuple[int, ...]

    @property
    def alpha(self) -> tuple[float, ...]:
        """Parameters of the Dirichlet over the free states, which share the probability that the fixed states leave."""
        total = sum(self.mean[state] for state in self.free)
        return tuple(self.sample_size * self.mean[state] / total for state in self.free)


@dataclass(frozen=True, eq=False)
class ModelNumbers:
    """The numbers of a model and the distributions that they belong to; made by ``numbers_of_model``.

    Parameters
    ----------
    parameters : tuple of Parameter
        Priors, then links, then tables, each in the order of its file. Rows of other populations are left out, and so
        are rows that a full table of the same variable replaces.
    distributions : tuple of Distribution
        One equivalent sample size is fitted to all intervals of a distribution (see ``fit_sample_sizes``). A number of
        exactly 0 or 1, or one whose interval has no width, is a constant.
    """

    parameters: tuple[Parameter, ...]
    distributions: tuple[Distribution, ...]

    @cached_property
    def by_node(self) -> Mapping[str, list[Parameter]]:
        """The numbers of each variable that has any."""
        found: dict[str, list[Parameter]] = defaultdict(list)
        for number in self.parameters:
            found[number.place.node].append(number)
        return found

    @cached_property
    def sticks(self) -> dict[tuple[str, str], Stick]:
        """The stick of each uncertain number, by file and name of its row. The last state of a distribution has none.

        Examples
        --------
        >>> import bayesdx as dx
        >>> numbers_of_model(dx.load_model("chest_clinic@1.0.0")).sticks  # its numbers are known for certain
        {}
        """
        found = {}
        for number in self.parameters:
            free = self.distributions[number.row].free
            if number.state in free:
                order = order_of(free)
                place = order.index(free.index(number.state))
                if place < len(order) - 1:
                    found[number.file, number_name(number.key)] = Stick(number.row, order, place)
        return found


def numbers_of_model(model: Model, network: Network | None = None) -> ModelNumbers:
    """Every number behind the network of a model, with the priors of its population.

    Parameters
    ----------
    model : Model
    network : Network, optional
        Of the model, where it is at hand.

    Returns
    -------
    ModelNumbers

    References
    ----------
    D. Spiegelhalter, S. Lauritzen (1990), "Sequential updating of conditional probabilities on directed graphical
    structures", Networks 20.

    Examples
    --------
    >>> import bayesdx as dx
    >>> numbers = numbers_of_model(dx.load_model("hip_flexion_weakness@1.0.0"))
    >>> next(number.label for number in numbers.parameters if number.key[2:] == ("onset", "sudden"))
    'P(onset = sudden | no cause of it acts)'
    >>> [round(size) for size in numbers.distributions[0].alpha]
    [20, 26, 25]
    """
    network = compile_network(model) if network is None else network
    places: dict[Place, int] = {}
    found: list[Parameter] = []
    members: dict[int, list[int]] = defaultdict(list)
    for entry in placed_rows(model):
        row, place = entry.row, entry.place
        number = places.setdefault(place, len(places))
        members[number].append(len(found))
        found.append(
            Parameter(
                entry.file,
                key_of(FILE[entry.file], row),
                entry.value,
                row.lower,
                row.upper,
                row.source,
                row.status,
                place,
                entry.state,
                number,
                _label(network, place, entry.state),
                row.information,
                tuple(map(split_share, row.shares)),
            )
        )
    return ModelNumbers(tuple(found), tuple(_fitted(network, list(places), members, found)))


@dataclass(frozen=True, eq=False)
class Stick:
    """One share of a distribution in stick-breaking form: of the patients not in an earlier state, those in this one.

    The free states stand in the order of their codes, the reference state last. In a Dirichlet the shares are
    independent Betas.

    Parameters
    ----------
    row : int
        Position of the distribution in ``ModelNumbers.distributions``.
    order : tuple of int
        Its free states in that order, as places within ``free``.
    place : int
        Place of the state in that order; never the last.
    """

    row: int
    order: tuple[int, ...]
    place: int


@dataclass(frozen=True, eq=False)
class Ties:
    """The numbers of a model whose uncertainty studies have tied together.

    Parameters
    ----------
    sticks : tuple of Stick
    matrix : ndarray, shape (n, n)
        Correlations of their log-odds.
    """

    sticks: tuple[Stick, ...]
    matrix: Array


def order_of(free: tuple[int, ...]) -> tuple[int, ...]:
    """Places of the free states within ``free``, by code, the reference state last.

    Examples
    --------
    >>> order_of((0, 1, 3))
    (1, 2, 0)
    """
    return tuple(sorted(range(len(free)), key=lambda place: (free[place] == 0, free[place])))


def ties(model: Model, numbers: ModelNumbers) -> Ties:
    """The correlations of a model's numbers, of those that its population uses.

    Parameters
    ----------
    model : Model
    numbers : ModelNumbers
        Of the model.

    Returns
    -------
    Ties
        Empty where the model has none.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> ties(model, numbers_of_model(model)).sticks
    ()
    """
    if not model.correlations:
        return Ties((), np.zeros((0, 0)))
    names, matrix = matrix_of(
        ((row.file, row.number), (row.other_file, row.other), row.correlation) for row in model.correlations
    )
    used = [position for position, name in enumerate(names) if name in numbers.sticks]
    return Ties(tuple(numbers.sticks[names[position]] for position in used), matrix[np.ix_(used, used)])


def _label(network: Network, place: Place, state: int) -> str:
    node = network[place.node]
    event = f"{place.node} = {node.states[state]}"
    if place.part == "leak":
        return f"P({event} | no cause of it acts)"
    parents = (place.parent,) if place.part == "link" else node.parents
    given = ", ".join(f"{name} = {network[name].states[code]}" for name, code in zip(parents, place.given, strict=True))
    if place.part == "link":
        return f"P({event} | {given} by itself)"
    return f"P({event} | {given})" if given else f"P({event})"


def _fitted(
    network: Network, places: list[Place], members: dict[int, list[int]], found: list[Parameter]
) -> Iterator[Distribution]:
    """Distributions with their free states; sample sizes are fitted to all of them at once."""
    means = [place_values(network, place) for place in places]
    free = [_free_states(means[number], [found[m] for m in members[number]]) for number in range(len(places))]
    cells = [
        (number, found[m]) for number in range(len(places)) for m in members[number] if found[m].state in free[number]
    ]
    sizes = np.full(len(places), np.inf)
    if cells:
        rows = np.array([number for number, _ in cells])
        left = np.array([float(means[number][list(free[number])].sum()) for number, _ in cells])
        share = np.array([float(means[number][p.state]) for number, p in cells]) / left
        ends = np.array([(p.lower, p.upper) for _, p in cells]) / left[:, None]
        present, index = np.unique(rows, return_inverse=True)
        sizes[present] = fit_sample_sizes(share, ends[:, 0], ends[:, 1], index.reshape(-1))
    for number, place in enumerate(places):
        mean = tuple(float(value) for value in means[number])
        yield Distribution(place, mean, free[number], float(sizes[number]), tuple(members[number]))


def _free_states(mean: Array, numbers: list[Parameter]) -> tuple[int, ...]:
    """The states whose probabilities vary; none where fewer than two could share anything."""
    fixed = {p.state for p in numbers if is_constant(p.value, p.lower, p.upper)}
    free = tuple(state for state in range(len(mean)) if 0 < mean[state] < 1 and state not in fixed)
    return free if len(free) > 1 else ()
