"""One walk over priors.csv, links.csv and tables.csv: each row with the place of its number in the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Link, Prior, TableEntry
from bayesdx.network.place import Place


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
