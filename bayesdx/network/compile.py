"""From the rows of a model to its Bayesian network: each row, the place of its number, and the network of all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Link, Prior, TableEntry
from bayesdx.network.network import Network, Node, NoisyMax, Table, arrays_of

Array = NDArray[np.float64]


def compile_network(model: Model) -> Network:
    """The network that a model means, with the priors of its population.

    A variable with rows in tables.csv has that table. Every other one is a leaky noisy-MAX gate (with two states, a
    leaky noisy-OR) of the parents that links.csv names; its leak stands in priors.csv for contexts and causes, in
    links.csv for the others. A gate without parents is a plain prior.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Network
        Variables in the order of variables.csv as far as parents come first; ``targets`` are the causes.

    References
    ----------
    F. J. Diez (1993), "Parameter adjustment in Bayes networks: the generalized noisy OR-gate", UAI.

    Examples
    --------
    >>> import bayesdx as dx
    >>> network = compile_network(dx.load_model("hip_flexion_weakness@1.0.0"))
    >>> network["lumbar_radiculopathy"].parents
    ('disc_herniation', 'spinal_stenosis', 'severe_infection')
    """
    given: dict[str, dict[Place, dict[int, float]]] = {name: defaultdict(dict) for name in model.by_name}
    for row in placed_rows(model):
        given[row.place.node][row.place][row.state] = row.value
    tabled = {entry.variable: tuple(parent for parent, _ in entry.parents) for entry in own_tables(model)}
    acting: dict[str, set[str]] = defaultdict(set)
    for link in model.links:
        acting[link.child].add(link.parent)
    nodes = []
    for variable in model.variables:
        name, count = variable.variable, len(variable.states)
        parents = tabled.get(name, tuple(other for other in model.by_name if other in acting[name]))
        cards = [len(model.by_name[parent].states) for parent in parents]
        if name in tabled:
            arrays = [np.zeros((*cards, count))]
        else:
            arrays = [_reference(count), *(_reference(card, count) for card in cards)]
        for place, values in given[name].items():
            view(arrays, place, parents)[...] = _distribution(count, values)
        gate = name not in tabled and parents
        cpd = NoisyMax(arrays[0], arrays[1:]) if gate else Table(arrays[0])
        nodes.append(Node(name, variable.states, parents, cpd))
    return Network(tuple(nodes), targets=model.causes)


def _reference(*shape: int) -> Array:
    """Distributions that are certain of the reference state."""
    values = np.zeros(shape)
    values[..., 0] = 1.0
    return values


def _distribution(count: int, given: dict[int, float]) -> Array:
    """Probabilities in the order of the states; the reference state takes what the others leave."""
    values = np.array([given.get(state, 0.0) for state in range(count)])
    if 0 not in given:
        values[0] = max(0.0, 1.0 - values[1:].sum())
    return values


@dataclass(frozen=True)
class Place:
    """One distribution of a compiled network.

    Parameters
    ----------
    node : str
        The variable whose distribution it is.
    part : {"leak", "link", "table"}
    parent : str
        For a link, the parent that acts; empty otherwise.
    given : tuple of int
        For a link, the state of that parent; for a table, the states of all parents; empty for a leak.
    """

    node: str
    part: Literal["leak", "link", "table"]
    parent: str
    given: tuple[int, ...]

    def array(self, parents: Sequence[str]) -> int:
        """Which array of ``arrays_of`` it stands in, where the node has these parents."""
        return 1 + list(parents).index(self.parent) if self.part == "link" else 0


class PlacedRow(NamedTuple):
    """A row of a model that the network uses.

    Parameters
    ----------
    file : str
        priors.csv, links.csv or tables.csv.
    row : Prior, Link or TableEntry
    place : Place
        The distribution that its number belongs to.
    state : int
        Code of the state whose probability it is.
    """

    file: str
    row: Prior | Link | TableEntry
    place: Place
    state: int

    @property
    def value(self) -> float:
        """The probability that the row states."""
        return self.row.link_probability if isinstance(self.row, Link) else self.row.probability


def placed_rows(model: Model) -> Iterator[PlacedRow]:
    """The rows that the network of a model uses: priors, then links, then tables, each in the order of its file.

    Rows of other populations are left out, and so are priors and links of a variable that has rows in tables.csv.

    Examples
    --------
    >>> import bayesdx as dx
    >>> first = next(placed_rows(dx.load_model("hip_flexion_weakness@1.0.0")))
    >>> first.file, first.place, first.state, first.value
    ('priors.csv', Place(node='age_group', part='table', parent='', given=()), 0, 0.28)
    """
    codes = {v.variable: {state: code for code, state in enumerate(v.states)} for v in model.variables}
    tables = own_tables(model)
    tabled = {entry.variable for entry in tables}
    gates = {link.child for link in model.links if link.parent} - tabled

    def alone(name: str) -> Place:
        return Place(name, "leak" if name in gates else "table", "", ())

    for prior in model.priors:
        name = prior.variable
        if prior.population == model.population and name not in tabled:
            yield PlacedRow("priors.csv", prior, alone(name), codes[name][prior.state])
    for link in model.links:
        name, parent = link.child, link.parent
        if name not in tabled:
            place = Place(name, "link", parent, (codes[parent][link.parent_state],)) if parent else alone(name)
            yield PlacedRow("links.csv", link, place, codes[name][link.child_state])
    for entry in tables:
        given = tuple(codes[parent][states[0]] for parent, states in entry.parents)
        place = Place(entry.variable, "table", "", given)
        yield PlacedRow("tables.csv", entry, place, codes[entry.variable][entry.state])


def own_tables(model: Model) -> list[TableEntry]:
    """The rows of tables.csv that hold in the model's population."""
    return [entry for entry in model.tables if entry.population in ("", model.population)]


def view(arrays: Sequence[Array], place: Place, parents: Sequence[str]) -> Array:
    """The numbers of one distribution, shape (..., n_states): a view, so writing to it changes the arrays.

    Parameters
    ----------
    arrays : sequence of ndarray
        Of the node, as ``arrays_of`` gives them; leading axes (draws, cases) stay.
    place : Place
    parents : sequence of str
        The parents of the node, in order.

    Examples
    --------
    >>> from bayesdx.network import NoisyMax
    >>> gate = NoisyMax([0.9, 0.1], ([[1, 0], [0.2, 0.8]],))
    >>> view(arrays_of(gate), Place("wet", "link", "rain", (1,)), ("rain",))
    array([0.2, 0.8])
    """
    index: tuple[Any, ...] = (..., *place.given, slice(None))
    return np.asarray(arrays[place.array(parents)][index])


def place_values(network: Network, place: Place) -> Array:
    """The probabilities of a distribution of a network, shape (n_states,)."""
    node = network[place.node]
    return view(arrays_of(node.cpd), place, node.parents)
