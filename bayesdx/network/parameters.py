"""The numbers of a model: each row of its tables, tied to the place where it stands in the compiled network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bayesdx.knowledge.correlations import matrix_of
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import FILE, Link, Prior, TableEntry, key_of, number_name, split_share
from bayesdx.network.beliefs import fit_sample_sizes, is_constant
from bayesdx.network.compile import compile_network
from bayesdx.network.network import Network, Node, Table

Array = NDArray[np.float64]
Part = Literal["leak", "link", "table"]


@dataclass(frozen=True)
class Place:
    """One distribution of a compiled network.

    Parameters
    ----------
    node : str
        The variable it is a distribution of.
    part : {"leak", "link", "table"}
    parent : str
        For a link, the parent that acts; empty otherwise.
    given : tuple of int
        For a link, the state of that parent; for a table, the states of all parents; empty for a leak.
    """

    node: str
    part: Part
    parent: str
    given: tuple[int, ...]


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
        Position of that distribution in ``distributions(model)``.
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
        Positions in ``parameters(model)`` of the numbers it is made of.
    """

    place: Place
    mean: tuple[float, ...]
    free: tuple[int, ...]
    sample_size: float
    parameters: tuple[int, ...]

    @property
    def alpha(self) -> tuple[float, ...]:
        """Parameters of the Dirichlet over the free states (which share what the certain ones leave)."""
        total = sum(self.mean[state] for state in self.free)
        return tuple(self.sample_size * self.mean[state] / total for state in self.free)


@dataclass(frozen=True)
class _Registry:
    parameters: tuple[Parameter, ...]
    distributions: tuple[Distribution, ...]


def parameters(model: Model) -> tuple[Parameter, ...]:
    """Every number behind the network of a model, with the priors of its population.

    Parameters
    ----------
    model : Model

    Returns
    -------
    tuple of Parameter
        Priors, then links, then tables, each in the order of its file. Rows of other populations are left out, and so
        are rows that a full table of the same variable replaces.

    Examples
    --------
    >>> import bayesdx as dx
    >>> numbers = parameters(dx.load_model("hip_flexion_weakness@1.0.0"))
    >>> next(number.label for number in numbers if number.key[2:] == ("onset", "sudden"))
    'P(onset = sudden | no cause of it acts)'
    """
    return _registry(model).parameters


def distributions(model: Model) -> tuple[Distribution, ...]:
    """The distributions that the numbers of a model belong to, each with its joint uncertainty.

    One equivalent sample size is fitted to all intervals of a distribution (see ``fit_sample_sizes``). A number of
    exactly 0 or 1, or one whose interval has no width, is a constant.

    Parameters
    ----------
    model : Model

    Returns
    -------
    tuple of Distribution

    References
    ----------
    D. Spiegelhalter, S. Lauritzen (1990), "Sequential updating of conditional probabilities on directed graphical
    structures", Networks 20.

    Examples
    --------
    >>> import bayesdx as dx
    >>> rows = distributions(dx.load_model("hip_flexion_weakness@1.0.0"))
    >>> [round(size) for size in rows[0].alpha]
    [20, 26, 25]
    """
    return _registry(model).distributions


@dataclass(frozen=True, eq=False)
class Stick:
    """A state of a distribution with the states after it: of those who get as far, the share that stays there.

    The free states stand in the order of their codes, the reference state last. In a Dirichlet the shares are
    independent Betas.

    Parameters
    ----------
    row : int
        Position of the distribution in ``distributions(model)``.
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


def sticks(model: Model) -> dict[tuple[str, str], Stick]:
    """The stick of each uncertain number, by its file and the name of its row; none for the last of a distribution.

    Examples
    --------
    >>> import bayesdx as dx
    >>> sticks(dx.load_model("chest_clinic@1.0.0"))  # its numbers are known for certain
    {}
    """
    rows = distributions(model)
    found = {}
    for number in parameters(model):
        free = rows[number.row].free
        if number.state in free:
            order = order_of(free)
            place = order.index(free.index(number.state))
            if place < len(order) - 1:
                found[number.file, number_name(number.key)] = Stick(number.row, order, place)
    return found


@lru_cache(maxsize=32)
def ties(model: Model) -> Ties:
    """The correlations of a model's numbers, of those that its population uses.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Ties
        Empty where the model has none.

    Examples
    --------
    >>> import bayesdx as dx
    >>> ties(dx.load_model("hip_flexion_weakness@1.0.0")).sticks
    ()
    """
    names, matrix = matrix_of(
        ((row.file, row.number), (row.other_file, row.other), row.correlation) for row in model.correlations
    )
    known = sticks(model) if names else {}
    used = [position for position, name in enumerate(names) if name in known]
    return Ties(tuple(known[names[position]] for position in used), matrix[np.ix_(used, used)])


def place_values(network: Network, place: Place) -> Array:
    """The compiled distribution at a place, shape (n_states,)."""
    node = network[place.node]
    if isinstance(node.cpd, Table):
        return np.asarray(node.cpd.values[place.given])
    if place.part == "leak":
        return node.cpd.leak
    return np.asarray(node.cpd.links[node.parents.index(place.parent)][place.given])


@lru_cache(maxsize=32)
def _registry(model: Model) -> _Registry:
    network = compile_network(model)
    rows: dict[Place, int] = {}
    found: list[Parameter] = []
    members: dict[int, list[int]] = defaultdict(list)
    for file, row, place, state in _numbers(model, network):
        number = rows.setdefault(place, len(rows))
        members[number].append(len(found))
        value = row.link_probability if isinstance(row, Link) else row.probability
        said = _label(network, place, state)
        key = key_of(FILE[file], row)
        found.append(
            Parameter(
                file,
                key,
                value,
                row.lower,
                row.upper,
                row.source,
                row.status,
                place,
                state,
                number,
                said,
                row.information,
                tuple(map(split_share, row.shares)),
            )
        )
    return _Registry(tuple(found), tuple(_fitted(network, list(rows), members, found)))


def _numbers(model: Model, network: Network) -> Iterator[tuple[str, Prior | Link | TableEntry, Place, int]]:
    """(file, row, place, state) of every number that the compiled network uses."""
    tabled = {entry.variable for entry in model.tables if entry.population in ("", model.population)}
    for prior in model.priors:
        if prior.population == model.population and prior.variable not in tabled:
            node = network[prior.variable]
            yield "priors.csv", prior, _own_place(node), node.states.index(prior.state)
    for link in model.links:
        if link.child in tabled:
            continue
        node = network[link.child]
        state = node.states.index(link.child_state)
        if link.parent:
            given = network[link.parent].states.index(link.parent_state)
            yield "links.csv", link, Place(link.child, "link", link.parent, (given,)), state
        else:
            yield "links.csv", link, _own_place(node), state
    for entry in model.tables:
        if entry.population in ("", model.population):
            node = network[entry.variable]
            chosen = tuple(network[name].states.index(states[0]) for name, states in entry.parents)
            yield "tables.csv", entry, Place(entry.variable, "table", "", chosen), node.states.index(entry.state)


def _own_place(node: Node) -> Place:
    return Place(node.name, "table" if isinstance(node.cpd, Table) else "leak", "", ())


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
