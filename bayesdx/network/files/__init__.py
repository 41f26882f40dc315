"""Files of networks in the formats of other tools. Knows no model and no inference."""

from bayesdx.network.files.detect import read_network, write_network

__all__ = ["read_network", "write_network"]
