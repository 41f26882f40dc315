"""Whatever describes a network, as a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayesdx.errors import NetworkError
from bayesdx.knowledge.model import Model
from bayesdx.network.compile import compile_network
from bayesdx.network.network import Network

if TYPE_CHECKING:
    from pgmpy.models import DiscreteBayesianNetwork


def as_network(source: Model | Network | DiscreteBayesianNetwork) -> Network:
    """The network that a bayesdx model, a network or a pgmpy network stands for.

    Parameters
    ----------
    source : Model, Network or pgmpy.models.DiscreteBayesianNetwork

    Returns
    -------
    Network

    Raises
    ------
    NetworkError
        ``source`` is none of these, or not well formed.

    Examples
    --------
    >>> from bayesdx.network import Network, Node, Table
    >>> coin = Network([Node("coin", ("heads", "tails"), (), Table([0.5, 0.5]))])
    >>> as_network(coin) is coin
    True
    """
    if isinstance(source, Network):
        return source
    if isinstance(source, Model):
        return compile_network(source)
    if hasattr(source, "get_cpds") and hasattr(source, "nodes"):
        from bayesdx.network.pgmpy_bridge import from_pgmpy

        return from_pgmpy(source)
    raise NetworkError(
        f"expected a bayesdx model, a Network or a pgmpy DiscreteBayesianNetwork, not {type(source).__name__}."
    )
