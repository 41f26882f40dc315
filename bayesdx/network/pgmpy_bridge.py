"""pgmpy in and out: its network object and its BIF files. The only place that imports pgmpy's models."""

from __future__ import annotations

import gzip
import os
import re
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bayesdx.errors import NetworkError, SaveError
from bayesdx.knowledge.model import Model
from bayesdx.network.compile import compile_network
from bayesdx.network.network import ROW_TOLERANCE, Network, Node, Table

if TYPE_CHECKING:
    from pgmpy.models import DiscreteBayesianNetwork

_PLAIN = re.compile(r"[A-Za-z0-9_]+")
_ESCAPED = re.compile("_x(10[0-9a-f]{4}|[0-9a-f]{0,5})_")

_LARGEST_GAP = 0.02
"""How far a row of another's table may be from a sum of 1 (published networks are rounded); it is renormalised."""

LARGEST_BIF = 256 * 2**20
"""Bytes above which a BIF file, unpacked, is not read."""


def from_pgmpy(model: DiscreteBayesianNetwork) -> Network:
    """A bayesdx network from a pgmpy one; rows of its tables are renormalised.

    Parameters
    ----------
    model : pgmpy.models.DiscreteBayesianNetwork
        With a conditional table for every node.

    Returns
    -------
    Network
        State names as strings, as pgmpy holds them.

    Raises
    ------
    NetworkError
        A node has no table, a table is not a distribution, or it has other states of a parent than the parent.

    Examples
    --------
    >>> from bayesdx.network import Network, Node, Table
    >>> coin = Network([Node("coin", ("heads", "tails"), (), Table([0.5, 0.5]))])
    >>> from_pgmpy(to_pgmpy(coin))["coin"].states
    ('heads', 'tails')
    """
    nodes = []
    for name in model.nodes():
        cpd = model.get_cpds(name)
        if cpd is None:
            raise NetworkError(f"network: {name} has no conditional table.")
        parents = tuple(str(parent) for parent in cpd.variables[1:])
        values = np.moveaxis(np.asarray(cpd.values, dtype=np.float64), 0, -1)
        total = values.sum(axis=-1, keepdims=True)
        if not np.isfinite(values).all() or (values < 0).any() or np.abs(total - 1).max() > _LARGEST_GAP:
            raise NetworkError(f"network: the table of {name} has a row that does not sum to 1.")
        if np.abs(total - 1).max() > ROW_TOLERANCE:
            values = values / total
        for axis, parent in enumerate(cpd.variables[1:]):
            values = np.take(values, _order_of_states(model, name, parent), axis=axis)
        states = tuple(str(state) for state in cpd.state_names[name])
        nodes.append(Node(str(name), states, parents, Table(values)))
    return Network(tuple(nodes))


def _order_of_states(model: DiscreteBayesianNetwork, name: str, parent: str) -> list[int]:
    """Places of the parent's own states among those that the child's table names; pgmpy lets the orders differ."""
    own, named = model.get_cpds(parent), model.get_cpds(name).state_names[parent]
    if own is None:
        raise NetworkError(f"network: {parent} has no conditional table.")
    states = own.state_names[parent]
    if len(states) != len(named) or set(states) != set(named):
        raise NetworkError(f"network: the table of {name} has other states of {parent} than {parent} itself.")
    return [named.index(state) for state in states]


def to_pgmpy(source: Model | Network) -> DiscreteBayesianNetwork:
    """A pgmpy network with our state names on every node and on every parent; noisy gates are expanded.

    Parameters
    ----------
    source : Model or Network

    Returns
    -------
    pgmpy.models.DiscreteBayesianNetwork

    Raises
    ------
    TooLargeError
        A gate has so many parents that its table would not fit (see ``NoisyMax.table``).

    Examples
    --------
    >>> from bayesdx.network import Network, Node, Table
    >>> coin = Network([Node("coin", ("heads", "tails"), (), Table([0.5, 0.5]))])
    >>> to_pgmpy(coin).get_cpds("coin").state_names
    {'coin': ['heads', 'tails']}
    """
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.models import DiscreteBayesianNetwork

    network = _compiled(source)
    model = DiscreteBayesianNetwork()
    model.add_nodes_from(network.names)
    for node in network.nodes:
        model.add_edges_from((parent, node.name) for parent in node.parents)
    for node in network.nodes:
        values = node.cpd.table()
        names = {name: list(network[name].states) for name in (node.name, *node.parents)}
        model.add_cpds(
            TabularCPD(
                node.name,
                len(node.states),
                values.reshape(-1, values.shape[-1]).T,
                evidence=list(node.parents),
                evidence_card=list(values.shape[:-1]),
                state_names=names,
            )
        )
    return model


def _compiled(source: Model | Network) -> Network:
    return source if isinstance(source, Network) else compile_network(source)


def escape_name(name: str) -> str:
    """A name that BIF can hold: letters, digits and underscores, everything else as ``_x<hexadecimal>_``.

    Examples
    --------
    >>> escape_name("MRC 3-4"), escape_name("60_and_over"), escape_name("")
    ('MRC_x20_3_x2d_4', '60_and_over', '_x_')
    """
    if _PLAIN.fullmatch(name) and not _ESCAPED.search(name):
        return name
    guarded = re.sub("_(?=x)", "_x5f_", name)
    return re.sub("[^A-Za-z0-9_]", lambda match: f"_x{ord(match.group()):x}_", guarded) or "_x_"


def unescape_name(name: str) -> str:
    """The name that ``escape_name`` wrote.

    Examples
    --------
    >>> unescape_name(escape_name("a_x20_b, c")) == "a_x20_b, c"
    True
    """
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)) if match.group(1) else "", name)


def _escape_capitals(name: str) -> str:
    """As ``escape_name``, capitals too: pgmpy's reader takes names that differ in case alone for one."""
    guarded = re.sub("_(?=x)", "_x5f_", name)
    return re.sub("[^a-z0-9_]", lambda match: f"_x{ord(match.group()):x}_", guarded) or "_x_"


def write_bif(source: Model | Network, path: str | os.PathLike[str]) -> Path:
    """Write a network as BIF through pgmpy, read it back, and keep the file only if both are equal.

    Parameters
    ----------
    source : Model or Network
        Names that BIF cannot hold are escaped (see ``escape_name``); noisy gates are expanded.
    path : path of the file to write; it is replaced as a whole or not at all

    Returns
    -------
    pathlib.Path

    Raises
    ------
    SaveError
        The file cannot be written; what was there before is still there.
    NetworkError
        The file reads back as another network.
    TooLargeError
        A gate is too large to expand.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from bayesdx.network import Network, Node, Table
    >>> coin = Network([Node("coin", ("heads", "on its edge"), (), Table([0.5, 0.5]))])
    >>> read_bif(write_bif(coin, pathlib.Path(tempfile.mkdtemp()) / "coin.bif")) == coin
    True
    """
    from pgmpy.readwrite import BIFWriter

    network, target = _compiled(source), Path(path)
    rename = escape_name if len({name.lower() for name in network.names}) == len(network) else _escape_capitals
    text = str(BIFWriter(to_pgmpy(_renamed(network, rename, escape_name))))
    _check_equal(network, _parse_bif(text, str(target)))
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=".saving", dir=target.parent) as scratch:
            written = Path(scratch) / target.name
            written.write_text(text, encoding="ascii", newline="\n")
            written.replace(target)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SaveError(f"{target}: {reason}; nothing was written.") from error
    return target


def read_bif(path: str | os.PathLike[str]) -> Network:
    """Read a BIF file, plain or gzip; names escaped by ``write_bif`` come back as they were.

    Parameters
    ----------
    path : path of the file, of at most ``LARGEST_BIF`` bytes when unpacked

    Returns
    -------
    Network

    Raises
    ------
    NetworkError
        The file cannot be read, or is no well-formed network.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from bayesdx.network import Network, Node, Table
    >>> coin = Network([Node("coin", ("heads", "on its edge"), (), Table([0.5, 0.5]))])
    >>> file = write_bif(coin, pathlib.Path(tempfile.mkdtemp()) / "coin.bif")
    >>> read_bif(file).nodes[0].states
    ('heads', 'on its edge')
    """
    source = Path(path)
    try:
        with source.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(source, "rb") if packed else source.open("rb") as file:
            raw = file.read(LARGEST_BIF + 1)
        text = raw.decode("utf-8")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise NetworkError(f"{source}: {reason}.") from error
    if len(raw) > LARGEST_BIF:
        raise NetworkError(f"{source}: more than {LARGEST_BIF} bytes when unpacked.")
    return _parse_bif(text, str(source))


def _parse_bif(text: str, name: str) -> Network:
    from pgmpy.readwrite import BIFReader

    try:
        model = BIFReader(string=text).get_model()
    except Exception as error:  # whatever pgmpy's parser stumbles over: it documents no errors of its own
        raise NetworkError(f"{name} is no BIF file that pgmpy can read: {error}.") from error
    if not model.nodes():
        raise NetworkError(f"{name} is no BIF file: it has no variable.")
    return _renamed(from_pgmpy(model), unescape_name, unescape_name)


def _renamed(network: Network, variable: Callable[[str], str], state: Callable[[str], str]) -> Network:
    return Network(
        tuple(
            Node(
                variable(node.name),
                tuple(state(name) for name in node.states),
                tuple(variable(parent) for parent in node.parents),
                node.cpd,
            )
            for node in network.nodes
        )
    )


def _check_equal(written: Network, read: Network) -> None:
    if set(read.names) != set(written.names):
        raise NetworkError(f"BIF: variables {sorted(set(read.names) ^ set(written.names))} did not survive writing.")
    for node in written.nodes:
        other = read[node.name]
        if other.states != node.states or other.parents != node.parents:
            raise NetworkError(f"BIF: states or parents of {node.name} did not survive writing.")
        if not np.array_equal(other.cpd.table(), node.cpd.table()):
            raise NetworkError(f"BIF: the numbers of {node.name} did not survive writing.")
