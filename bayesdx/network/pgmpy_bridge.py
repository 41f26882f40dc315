"""pgmpy in and out: its network object and its BIF files. The only place that imports pgmpy's models."""

from __future__ import annotations

import gzip
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bayesdx.errors import NetworkError
from bayesdx.network.network import Network, Node, Table

if TYPE_CHECKING:
    from pgmpy.models import DiscreteBayesianNetwork

_PLAIN = re.compile(r"[A-Za-z0-9_]+")
_ESCAPED = re.compile(r"_x([0-9a-f]+)_")
_LARGEST_ERROR = 1e-9


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
        A node has no table, or a table is not a distribution.

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
        if not np.isfinite(values).all() or (values < 0).any() or np.abs(total - 1).max() > 0.02:
            raise NetworkError(f"network: the table of {name} has a row that does not sum to 1.")
        states = tuple(str(state) for state in cpd.state_names[name])
        nodes.append(Node(str(name), states, parents, Table(values / total)))
    return Network(tuple(nodes))


def to_pgmpy(network: Network) -> DiscreteBayesianNetwork:
    """A pgmpy network with our state names on every node and on every parent; noisy gates are expanded.

    Parameters
    ----------
    network : Network

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


def escape_name(name: str) -> str:
    """A name that BIF can hold: letters, digits and underscores, everything else as ``_x<hexadecimal>_``.

    Examples
    --------
    >>> escape_name("MRC 3-4"), escape_name("60_and_over")
    ('MRC_x20_3_x2d_4', '60_and_over')
    """
    if _PLAIN.fullmatch(name) and not _ESCAPED.search(name):
        return name
    guarded = re.sub("_(?=x)", "_x5f_", name)
    return re.sub("[^A-Za-z0-9_]", lambda match: f"_x{ord(match.group()):x}_", guarded)


def unescape_name(name: str) -> str:
    """The name that ``escape_name`` wrote.

    Examples
    --------
    >>> unescape_name(escape_name("a_x20_b, c")) == "a_x20_b, c"
    True
    """
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), name)


def write_bif(network: Network, path: str | os.PathLike[str]) -> Path:
    """Write a network as BIF through pgmpy, read it back, and keep the file only if both are equal.

    Parameters
    ----------
    network : Network
        Names that BIF cannot hold are escaped (see ``escape_name``).
    path : path of the file to write; it is replaced as a whole or not at all

    Returns
    -------
    pathlib.Path

    Raises
    ------
    NetworkError
        The file reads back as another network.
    TooLargeError
        A gate is too large to expand.
    """
    from pgmpy.readwrite import BIFWriter

    target = Path(path)
    handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    os.close(handle)
    try:
        BIFWriter(to_pgmpy(_renamed(network, escape_name))).write(filename=scratch)
        _check_equal(network, read_bif(scratch))
        os.replace(scratch, target)
    finally:
        Path(scratch).unlink(missing_ok=True)
    return target


def read_bif(path: str | os.PathLike[str]) -> Network:
    """Read a BIF file, plain or gzip; names escaped by ``write_bif`` come back as they were.

    Parameters
    ----------
    path : path of the file

    Returns
    -------
    Network

    Raises
    ------
    NetworkError
        The file is no well-formed network.
    """
    from pgmpy.readwrite import BIFReader

    raw = Path(path).read_bytes()
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8")
    return _renamed(from_pgmpy(BIFReader(string=text).get_model()), unescape_name)


def _renamed(network: Network, rename: Callable[[str], str]) -> Network:
    return Network(
        tuple(
            Node(
                rename(node.name),
                tuple(rename(state) for state in node.states),
                tuple(rename(parent) for parent in node.parents),
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
        if np.abs(other.cpd.table() - node.cpd.table()).max(initial=0.0) > _LARGEST_ERROR:
            raise NetworkError(f"BIF: the numbers of {node.name} did not survive writing.")
