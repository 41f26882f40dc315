"""A discrete Bayesian network as a value: nodes in topological order, each with a table or a noisy gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush
from math import isfinite, log10, prod
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesdx.errors import NetworkError, TooLargeError
from bayesdx.network.gates import noisy_max

Array = NDArray[np.float64]

ROW_TOLERANCE = 1e-6
"""How far a row of probabilities given to ``Table`` or ``NoisyMax`` may be from a sum of 1; it is then renormalised."""

_ROUNDING = 4 * np.finfo(np.float64).eps

LARGEST_EXPANDED_TABLE = 2**24
"""Cells above which ``NoisyMax.table`` refuses to expand a gate."""


def _distributions(values: ArrayLike, what: str) -> Array:
    array = np.array(values, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise NetworkError(f"{what}: shape {array.shape}; expected a last axis of states.")
    if array.size:
        if not (array.min() >= 0 and array.max() < np.inf):  # false for NaN too
            raise NetworkError(f"{what}: expected finite probabilities of at least 0.")
        total = array.sum(axis=-1, keepdims=True)
        error = np.abs(total - 1)
        worst = float(error.max())
        if not worst <= ROW_TOLERANCE:
            raise NetworkError(f"{what}: a row sums to {float(total.flat[error.argmax()]):g}; expected 1.")
        # Rows that differ from 1 by rounding alone stay as they are, so that a table made of a table is the same table.
        if worst > _ROUNDING * array.shape[-1]:
            array /= np.where(error > _ROUNDING * array.shape[-1], total, 1.0)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False, init=False)
class Table:
    """A full conditional table.

    Parameters
    ----------
    values : array_like, shape (*parent_cardinalities, n_states), in [0, 1]
        ``values[p1, ..., pn, s]`` is P(state s | parents in states p1 ... pn); each row is renormalised to sum to 1.

    Raises
    ------
    NetworkError
        A value is negative or not finite, or a row is further than 1e-6 from a sum of 1.

    Examples
    --------
    >>> Table([[0.9, 0.1], [0.2, 0.8]]).values.shape
    (2, 2)
    """

    values: Array

    def __init__(self, values: ArrayLike) -> None:
        object.__setattr__(self, "values", _distributions(values, "table"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash(self.values.shape)

    @property
    def n_states(self) -> int:
        """Number of states of the child."""
        return int(self.values.shape[-1])

    def table(self) -> Array:
        """The table itself, shape (*parent_cardinalities, n_states)."""
        return self.values


@dataclass(frozen=True, eq=False, init=False)
class NoisyMax:
    """A leaky noisy-MAX gate; with two states, a leaky noisy-OR.

    Parameters
    ----------
    leak : array_like, shape (n_states,)
        Distribution of the child when no parent acts, lowest grade (the reference state) first.
    links : sequence of array_like, each of shape (n_parent_states, n_states)
        Per parent, row s: distribution of the grade that the parent in state s brings about by itself, leak
        excluded (Diez's convention). A state that brings about nothing has the row (1, 0, ..., 0).

    Raises
    ------
    NetworkError
        A row is no distribution, or a link has another number of child states than the leak.

    References
    ----------
    F. J. Diez (1993), "Parameter adjustment in Bayes networks: the generalized noisy OR-gate", UAI.

    Examples
    --------
    >>> gate = NoisyMax([0.9, 0.1], ([[1, 0], [0.2, 0.8]],))
    >>> gate.table().round(2)
    array([[0.9 , 0.1 ],
           [0.18, 0.82]])
    """

    leak: Array
    links: tuple[Array, ...]

    def __init__(self, leak: ArrayLike, links: Iterable[ArrayLike]) -> None:
        own = _distributions(leak, "leak")
        others = tuple(_distributions(link, "link") for link in links)
        if own.ndim != 1 or any(link.ndim != 2 or link.shape[1] != own.size for link in others):
            raise NetworkError(
                f"noisy gate: leak of shape {own.shape}, links of shapes {[link.shape for link in others]}; "
                "expected (n_states,) and (n_parent_states, n_states)."
            )
        object.__setattr__(self, "leak", own)
        object.__setattr__(self, "links", others)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, NoisyMax)
            and len(self.links) == len(other.links)
            and np.array_equal(self.leak, other.leak)
            and all(np.array_equal(mine, its) for mine, its in zip(self.links, other.links, strict=True))
        )

    def __hash__(self) -> int:
        return hash((self.leak.shape, len(self.links)))

    @property
    def n_states(self) -> int:
        """Number of states of the child."""
        return int(self.leak.size)

    def table(self) -> Array:
        """The gate expanded to a full table, shape (*parent_cardinalities, n_states); for small gates and checks.

        Raises
        ------
        TooLargeError
            The table would have more than ``LARGEST_EXPANDED_TABLE`` cells.
        """
        cards = tuple(link.shape[0] for link in self.links)
        cells = prod((*cards, self.n_states))
        if cells > LARGEST_EXPANDED_TABLE:
            raise TooLargeError(
                f"a noisy gate of {len(cards)} parents would expand to about 10^{log10(cells):.0f} cells; "
                "keep it as a gate."
            )
        return np.clip(noisy_max(self.leak, self.links, list(np.indices(cards))), 0.0, 1.0)


class GateNumbers(Protocol):
    """Anything that has the shape of a noisy gate: its probabilities, draws of them, or expected counts."""

    @property
    def leak(self) -> Array:
        """Shape (..., n_states)."""

    @property
    def links(self) -> Sequence[Array]:
        """One array per parent, each of shape (..., n_parent_states, n_states)."""


def arrays_of(numbers: Table | GateNumbers | Array) -> tuple[Array, ...]:
    """The arrays of a distribution: the table alone, or the leak and then the link of each parent.

    Examples
    --------
    >>> [array.shape for array in arrays_of(NoisyMax([0.9, 0.1], ([[1, 0], [0.2, 0.8]],)))]
    [(2,), (2, 2)]
    """
    if isinstance(numbers, Table):
        return (numbers.values,)
    if isinstance(numbers, np.ndarray):
        return (numbers,)
    return (numbers.leak, *numbers.links)


@dataclass(frozen=True)
class Details:
    """What a file says about a node, or about a network, besides its numbers. No answer depends on it.

    Parameters
    ----------
    label : str
        What people read.
    comment : str
    position : tuple of float
        Where a node is drawn: (x, y) of its middle, or (left, top, right, bottom), in the units of the file.
    state_labels : tuple of str
        One for each state in its order, an empty one where there is none; or an empty tuple.
    properties : tuple of (str, str)
        Whatever else the file says, as pairs of name and text, in its order; a name may come more than once.

    Raises
    ------
    NetworkError
        A position of other than two or four finite numbers.

    Examples
    --------
    >>> Details("Wet grass", properties=(("room", "garden"),)).properties_of("room")
    ('garden',)
    """

    label: str = ""
    comment: str = ""
    position: tuple[float, ...] = ()
    state_labels: tuple[str, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "position", tuple(self.position))
        object.__setattr__(self, "state_labels", tuple(self.state_labels))
        object.__setattr__(self, "properties", tuple(self.properties))
        if len(self.position) not in (0, 2, 4) or not all(map(isfinite, self.position)):
            raise NetworkError(f"position {self.position}: expected two or four finite numbers.")

    def properties_of(self, name: str) -> tuple[str, ...]:
        """The texts of the properties of this name, in their order.

        Parameters
        ----------
        name : str

        Returns
        -------
        tuple of str

        Examples
        --------
        >>> Details().properties_of("room")
        ()
        """
        return tuple(text for key, text in self.properties if key == name)


@dataclass(frozen=True)
class Node:
    """A variable of a network with its conditional distribution.

    Parameters
    ----------
    name : str
    states : tuple of str, the reference state first
    parents : tuple of str, in the order of the axes of ``cpd``
    cpd : Table or NoisyMax
    details : Details, optional
        Label, comment and the like; two nodes are equal whatever theirs are.

    Examples
    --------
    >>> Node("wet", ("no", "yes"), ("rain",), Table([[0.9, 0.1], [0.2, 0.8]])).cpd.n_states
    2
    """

    name: str
    states: tuple[str, ...]
    parents: tuple[str, ...]
    cpd: Table | NoisyMax
    details: Details = field(default=Details(), compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", tuple(self.states))
        object.__setattr__(self, "parents", tuple(self.parents))


@dataclass(frozen=True)
class Network:
    """A discrete Bayesian network. Two are equal when their nodes are, in the same order.

    Parameters
    ----------
    nodes : iterable of Node
        In any order; kept in a topological order (parents before children, otherwise as given).
    targets : tuple of str, optional
        The variables that are usually asked about (the causes of a model). A hint to the engine, never a limit.
    details : Details, optional
        Label, comment and properties of the network as a whole.

    Raises
    ------
    NetworkError
        A duplicated or unknown variable or state, a cycle, or a distribution of the wrong shape.

    Examples
    --------
    >>> rain = Node("rain", ("no", "yes"), (), Table([0.8, 0.2]))
    >>> wet = Node("wet", ("no", "yes"), ("rain",), NoisyMax([0.9, 0.1], ([[1, 0], [0.1, 0.9]],)))
    >>> Network([wet, rain]).names
    ('rain', 'wet')
    """

    nodes: tuple[Node, ...]
    targets: tuple[str, ...] = field(default=(), compare=False)
    details: Details = field(default=Details(), compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", _in_topological_order(self.nodes))
        object.__setattr__(self, "targets", tuple(self.targets))
        for target in self.targets:
            if target not in self.index:
                raise NetworkError(f"network: target {target!r} is not a variable.")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the variables, parents before children.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> dx.as_network(model).names[:4]
        ('visit_to_asia', 'smoking', 'tuberculosis', 'lung_cancer')
        """
        return tuple(node.name for node in self.nodes)

    @cached_property
    def index(self) -> dict[str, int]:
        """Position of each variable in ``nodes``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> network = dx.as_network(model)
        >>> network.nodes[network.index["xray"]].name
        'xray'
        """
        return {name: position for position, name in enumerate(self.names)}

    @cached_property
    def cardinalities(self) -> tuple[int, ...]:
        """Number of states of each variable, in the order of ``nodes``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> dx.as_network(model).cardinalities
        (2, 2, 2, 2, 2, 2, 2, 2)
        """
        return tuple(len(node.states) for node in self.nodes)

    @cached_property
    def state_counts(self) -> NDArray[np.int32]:
        """``cardinalities`` as an array that codes are compared with; read-only.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> dx.as_network(model).state_counts.tolist()
        [2, 2, 2, 2, 2, 2, 2, 2]
        """
        counts = np.array(self.cardinalities, dtype=np.int32)
        counts.flags.writeable = False
        return counts

    @cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        """Names of the variables that each variable acts on.

        Examples
        --------
        >>> import bayesdx as dx
        >>> dx.as_network(dx.load_model("chest_clinic@1.0.0")).children["smoking"]
        ('lung_cancer', 'bronchitis')
        """
        found: dict[str, list[str]] = {name: [] for name in self.names}
        for node in self.nodes:
            for parent in node.parents:
                found[parent].append(node.name)
        return {name: tuple(below) for name, below in found.items()}

    def __getitem__(self, name: str) -> Node:
        return self.nodes[self.index[name]]

    def __len__(self) -> int:
        return len(self.nodes)

    def with_details(self, details: Details) -> Network:
        """The same network with other details.

        Parameters
        ----------
        details : Details

        Returns
        -------
        Network

        Examples
        --------
        >>> coin = Network([Node("coin", ("heads", "tails"), (), Table([0.5, 0.5]))])
        >>> coin.with_details(Details("A fair coin")).details.label
        'A fair coin'
        """
        made = copy(self)  # as ``replace``, without putting the nodes in order again
        object.__setattr__(made, "details", details)
        return made

    def with_ancestors(self, variables: Iterable[int]) -> frozenset[int]:
        """Positions of these variables and of their ancestors; no other variable matters to questions about them.

        Parameters
        ----------
        variables : iterable of int
            Positions in ``nodes``.

        Returns
        -------
        frozenset of int

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> network = dx.as_network(model)
        >>> sorted(network.names[place] for place in network.with_ancestors([network.index["xray"]]))
        ['either', 'lung_cancer', 'smoking', 'tuberculosis', 'visit_to_asia', 'xray']
        """
        found: set[int] = set()
        stack = list(variables)
        while stack:
            v = stack.pop()
            if v not in found:
                found.add(v)
                stack.extend(self.index[parent] for parent in self.nodes[v].parents)
        return frozenset(found)


def relevant(network: Network, names: Collection[str]) -> tuple[str, ...]:
    """The variables whose numbers can matter to questions about ``names``: these and everything above them."""
    return tuple(network.names[v] for v in sorted(network.with_ancestors(network.index[name] for name in names)))


def _in_topological_order(nodes: Iterable[Node]) -> tuple[Node, ...]:
    given = tuple(nodes)
    by_name = {node.name: node for node in given}
    if len(by_name) != len(given):
        twice = sorted(name for name, count in Counter(node.name for node in given).items() if count > 1)
        raise NetworkError(f"network: duplicated variables {twice}.")
    for node in given:
        _check_shape(node, by_name)
    sorter = TopologicalSorter({node.name: node.parents for node in given})
    position = {node.name: place for place, node in enumerate(given)}
    ordered: list[Node] = []
    try:
        sorter.prepare()
    except CycleError as error:
        raise NetworkError(f"network: the links form a cycle: {' -> '.join(error.args[1])}.") from None
    ready = [position[name] for name in sorter.get_ready()]
    heapify(ready)
    while ready:
        node = given[heappop(ready)]
        ordered.append(node)
        sorter.done(node.name)
        for name in sorter.get_ready():
            heappush(ready, position[name])
    return tuple(ordered)


def _check_shape(node: Node, by_name: dict[str, Node]) -> None:
    if len(set(node.states)) != len(node.states) or not node.states:
        raise NetworkError(f"network: {node.name} needs one or more different states, not {list(node.states)}.")
    if len(set(node.parents)) != len(node.parents):
        raise NetworkError(f"network: {node.name} names a parent twice: {list(node.parents)}.")
    unknown = [parent for parent in node.parents if parent not in by_name]
    if unknown:
        raise NetworkError(f"network: parents {unknown} of {node.name} are not variables.")
    cards = tuple(len(by_name[parent].states) for parent in node.parents)
    if isinstance(node.cpd, Table):
        found: object = node.cpd.values.shape
        expected: object = (*cards, len(node.states))
    else:
        found = (tuple(link.shape[0] for link in node.cpd.links), node.cpd.n_states)
        expected = (cards, len(node.states))
    if found != expected:
        raise NetworkError(f"network: the distribution of {node.name} has shape {found}; expected {expected}.")
