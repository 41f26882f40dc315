"""What a model means: noisy gates, tables, networks, pgmpy in and out. Knows no inference."""

from bayesdx.network.compile import compile_network
from bayesdx.network.convert import as_network
from bayesdx.network.files import read_network, write_network
from bayesdx.network.files.bif import read_bif, write_bif
from bayesdx.network.gates import henrion_from_link, link_from_henrion, noisy_max, noisy_or
from bayesdx.network.importing import model_from_network
from bayesdx.network.network import Details, Network, Node, NoisyMax, Table
from bayesdx.network.pgmpy_bridge import from_pgmpy, to_pgmpy

__all__ = [
    "Details",
    "Network",
    "Node",
    "NoisyMax",
    "Table",
    "as_network",
    "compile_network",
    "from_pgmpy",
    "henrion_from_link",
    "link_from_henrion",
    "model_from_network",
    "noisy_max",
    "noisy_or",
    "read_bif",
    "read_network",
    "to_pgmpy",
    "write_bif",
    "write_network",
]
