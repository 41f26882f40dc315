"""Files of networks: which format one is in, by what it says; reading and writing any of them."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import tempfile
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bayesdx.errors import NetworkError, SaveError, check_path
from bayesdx.files import UnusualFileError, read_ordinary
from bayesdx.knowledge.model import Model
from bayesdx.network.convert import as_network
from bayesdx.network.files import net, uai, xdsl, xmlbif
from bayesdx.network.files.bif import bif_text, parse_bif, read_bif
from bayesdx.network.files.common import LARGEST_FILE, OWN, OpenFile
from bayesdx.network.network import Network, NoisyMax

if TYPE_CHECKING:
    from pgmpy.models import DiscreteBayesianNetwork

READ = "BIF, XMLBIF, Hugin NET, GeNIe XDSL and UAI BAYES, each plain or gzip"
"""The formats that are read, for messages."""

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_START = re.compile(r"(?:\s++|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/|%[^\n]*+)*+")
_ROOT = re.compile(r"(?:\s++|<\?[^>]*+>|<!--(?:[^-]|-(?!->))*+-->|<!DOCTYPE(?:[^\[>]|\[[^\]]*+\])*+>)*+<([\w.:-]++)")
_WORD = re.compile(r"[A-Za-z]++")
_NET_WORDS = ("net", "class", "node", "decision", "utility", "discrete", "continuous")
_BIF_WORDS = ("network", "variable", "probability")


def _text_of(raw: bytes) -> str:
    """A text file: UTF-8 or UTF-16 by its mark, else UTF-8 where it is that, else Windows-1252."""
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, "replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def recognise(raw: bytes) -> str:
    """The format of a file: ``bif``, ``xmlbif``, ``net``, ``xdsl``, ``uai``; empty where it is none of them.

    Parameters
    ----------
    raw : bytes
        Its content, unpacked; the first 64 KiB are enough.

    Examples
    --------
    >>> recognise(b"BAYES 1 2 1 1 0 2 0.5 0.5"), recognise(b"<smile/>"), recognise(b"net {}"), recognise(b"PK")
    ('uai', 'xdsl', 'net', '')
    """
    text = _text_of(raw[: 2**16])
    root = _ROOT.match(text)
    if root:
        return {"bif": "xmlbif", "smile": "xdsl"}.get(root[1].lower(), "")
    start = _START.match(text)
    word = _WORD.match(text, start.end() if start else 0)
    first = word.group() if word else ""
    if first == "c" or first.upper() in ("BAYES", "MARKOV"):
        return "uai"
    return "net" if first in _NET_WORDS else "bif" if first in _BIF_WORDS else ""


def read_network(path: str | os.PathLike[str]) -> Network:
    """Read a network of another tool: BIF, XMLBIF, Hugin NET, GeNIe XDSL or UAI ``BAYES``, plain or gzip.

    The format is recognised by what the file says, whatever it is called. Names, the order of states, labels,
    comments, places and other properties are kept (see ``Node.details``). Noisy-MAX nodes of XDSL stay gates; their
    states come lowest grade first, which is the reverse of the file. Deterministic nodes become tables. Rows that are
    up to 0.02 from a sum of 1, as published networks have them, are divided by their sum.

    Parameters
    ----------
    path : path of the file, of at most 256 MiB when unpacked

    Returns
    -------
    Network
        ``network.details`` also has the properties ``bayesdx:file`` and ``bayesdx:sha256``, for a record of origin.

    Raises
    ------
    NetworkError
        The file cannot be read, is in another format, is malformed (file and line are named), or has nodes that no
        discrete Bayesian network has: decisions, utilities, continuous variables, slices of time (each is named).

    Warns
    -----
    UserWarning
        A row misses a sum of 1 by more than 0.001.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "coin.net"
    >>> _ = file.write_text('net {} node coin { states = ("heads" "tails"); } potential (coin) { data = (1 1); }')
    >>> read_network(file)["coin"].cpd.values
    array([0.5, 0.5])
    """
    check_path("path", path, NetworkError)
    source = OpenFile(os.fspath(path))
    raw = _unpacked(source, Path(path))
    kind = recognise(raw)
    if not kind:
        what = "it is empty" if not raw.strip() else "its content is none of the formats read"
        raise NetworkError(f"{source.name}: {what}, which are {READ}.")
    if kind == "bif":
        wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        network = parse_bif(_text_of(raw), source.name)[0] if wide else read_bif(path)
    elif kind in _XML:
        network = _XML[kind](source, raw)
    else:
        network = _TEXT[kind](source, _text_of(raw))
    if source.gaps:
        rows = "one row misses" if len(source.gaps) == 1 else f"{len(source.gaps)} rows miss"
        warnings.warn(f"{source.name}: {rows} a sum of 1 by up to {max(source.gaps):.2g}; renormalised.", stacklevel=2)
    origin = ((f"{OWN}file", Path(path).name), (f"{OWN}sha256", hashlib.sha256(raw).hexdigest()))
    details = network.details
    return network.with_details(replace(details, properties=(*details.properties, *origin)))


_XML: dict[str, Callable[[OpenFile, bytes], Network]] = {"xmlbif": xmlbif.read, "xdsl": xdsl.read}
_TEXT: dict[str, Callable[[OpenFile, str], Network]] = {"net": net.read, "uai": uai.read}


def _unpacked(source: OpenFile, path: Path) -> bytes:
    """The content of a file, of limited size; gzip is known by its first two bytes."""
    try:
        raw = read_ordinary(path, LARGEST_FILE)
        if raw[:2] == b"\x1f\x8b":
            with gzip.open(BytesIO(raw)) as packed:
                raw = packed.read(LARGEST_FILE + 1)
    except (OSError, EOFError, ValueError, UnusualFileError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise NetworkError(f"{source.name}: {reason}.") from error
    if len(raw) > LARGEST_FILE:
        source.fail(f"more than {LARGEST_FILE} bytes when unpacked.")
    return raw


@dataclass(frozen=True)
class _Format:
    """A format that is written: its endings, its writer, its reader, and whether it has gates."""

    endings: tuple[str, ...]
    write: Callable[[Network], bytes]
    read: Callable[[OpenFile, bytes], Network]
    gates: bool = False


def _write_bif(network: Network) -> bytes:
    return bif_text(network).encode("ascii")


def _read_bif(source: OpenFile, raw: bytes) -> Network:
    return parse_bif(raw.decode("ascii"), source.name)[0]


def _read_net(source: OpenFile, raw: bytes) -> Network:
    return net.read(source, raw.decode("utf-8"))


_WRITTEN = (
    _Format((".bif",), _write_bif, _read_bif),
    _Format((".xmlbif", ".bifxml", ".xml"), xmlbif.write, xmlbif.read),
    _Format((".net",), net.write, _read_net),
    _Format((".xdsl",), xdsl.write, xdsl.read, gates=True),
)


def write_network(source: Model | Network | DiscreteBayesianNetwork, path: str | os.PathLike[str]) -> Path:
    """Write a network in the format that the ending of the path names, and keep the file only if it reads back equal.

    ``.bif`` is BIF; ``.xmlbif``, ``.bifxml`` and ``.xml`` are XMLBIF; ``.net`` is Hugin NET; ``.xdsl`` is GeNIe XDSL;
    with ``.gz`` behind it the file is packed. XDSL holds noisy gates as gates, unless a parent acts in each of its
    states; the others hold them as tables. Names that a format cannot hold are written as ``MRC_x20_3`` for ``MRC 3``
    and come back as they were. Intervals, sources, tests and red flags of a model stay behind.

    Parameters
    ----------
    source : Model, Network or pgmpy.models.DiscreteBayesianNetwork
    path : path of the file to write; it is replaced as a whole or not at all

    Returns
    -------
    pathlib.Path

    Raises
    ------
    SaveError
        No format has this ending, or the file cannot be written; what was there before is still there.
    NetworkError
        The file would read back as another network.
    TooLargeError
        A gate is too large to expand, in a format without gates.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> file = dx.write_network(model, pathlib.Path(tempfile.mkdtemp()) / "chest_clinic.xdsl")
    >>> dx.read_network(file) == dx.as_network(model)
    True
    """
    check_path("path", path, SaveError)
    network, target = as_network(source), Path(path)
    packed = target.suffix.lower() == ".gz"
    ending = (target.with_suffix("") if packed else target).suffix.lower()
    form = next((form for form in _WRITTEN if ending in form.endings), None)
    if form is None:
        known = ", ".join(each for form in _WRITTEN for each in form.endings)
        raise SaveError(f"{target}: no format is written as {ending or 'a file without ending'}; expected {known}.")
    content = form.write(network)
    _check_equal(network, form.read(OpenFile(str(target)), content), str(target), form.gates)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=".saving", dir=target.parent) as scratch:
            written = Path(scratch) / target.name
            written.write_bytes(gzip.compress(content, mtime=0) if packed else content)
            written.replace(target)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SaveError(f"{target}: {reason}; nothing was written.") from error
    return target


def _check_equal(network: Network, read: Network, name: str, gates: bool) -> None:
    """Every node has come back: name, states, parents, and numbers to the last bit."""
    if read.names != network.names:
        raise NetworkError(f"{name}: the names of the variables would not come back as they are; nothing was written.")
    for node, other in zip(network.nodes, read.nodes, strict=True):
        same = (node.states, node.parents) == (other.states, other.parents)
        if gates and isinstance(other.cpd, NoisyMax):
            same = same and node.cpd == other.cpd
        else:
            same = same and np.array_equal(node.cpd.table(), other.cpd.table())
        if not same:
            raise NetworkError(f"{name}: {node.name!r} would not come back as it is; nothing was written.")
