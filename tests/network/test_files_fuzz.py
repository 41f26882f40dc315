"""Files with anything changed: a network, or one clear error. No other exception, no hang, no blow-up."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bayesdx.errors import BayesdxError
from bayesdx.network.files import net, uai, xdsl, xmlbif
from bayesdx.network.files.bif import parse_bif
from bayesdx.network.files.common import OpenFile
from bayesdx.network.files.detect import recognise
from tests.network.test_bif import TEXT as BIF
from tests.network.test_files_read import GATE, NET, UAI, XDSL, XMLBIF

MUTATIONS = 5000
LARGEST_ANSWER = 100_000
"""Cells of a network that a file of about 1 KiB may give."""

SIGNS = [bytes([sign]) for sign in b' \n\0\xff\xe9"\\%;(){}|<>&0a']
WORDS = b"(( &#0; <!-- --> <![CDATA[ ]]> <?x /> </nodes> -1 1e999 nan inf 9999999999999999 1_0 \xd9\xa1 _x".split()
KEYWORDS = b"_x110000_ node class potential <cost> states = ; data |".split()
LONG = [b"<!DOCTYPE a [", b"<state id='s'/>" * 30, b" 0.5" * 40, b"1 " * 200, b'("a" "b")']
PIECES = [b"", *SIGNS, *WORDS, *KEYWORDS, *LONG]
SEEDS = {
    "bif": [BIF.encode()],
    "net": [NET.encode()],
    "xmlbif": [XMLBIF.encode()],
    "uai": [UAI.encode()],
    "xdsl": [XDSL.encode("latin-1"), GATE.encode()],
}


def mutated(rng: random.Random, seed: bytes) -> bytes:
    """A file with a few places cut, doubled, moved, or written over."""
    content = bytearray(seed)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        start = rng.randrange(len(content) + 1)
        end = min(len(content), start + rng.choice([0, 1, 1, 2, 5, 20, 100]))
        match rng.randrange(6):
            case 0:
                content[start:end] = rng.choice(PIECES)
            case 1:
                content[start:start] = content[start:end] * rng.choice([1, 2, 5])
            case 2:
                taken = content[start:end]
                del content[start:end]
                place = rng.randrange(len(content) + 1)
                content[place:place] = taken
            case 3:
                content[start:end] = bytes(rng.randrange(256) for _ in range(end - start))
            case 4:
                word = rng.choice(seed.split())
                content[start:end] = word
            case 5:
                del content[rng.choice([start, end]) :]
                content += rng.choice([b"", bytes(seed[end:])])
    return bytes(content)


def read(kind: str, raw: bytes) -> int:
    """Cells of the network; none where the file is refused."""
    recognise(raw)
    source = OpenFile("file")
    try:
        match kind:
            case "net":
                network = net.read(source, raw.decode("utf-8", "replace"))
            case "bif":
                network = parse_bif(raw.decode("utf-8", "replace"), "file")[0]
            case "uai":
                network = uai.read(source, raw.decode("utf-8", "replace"))
            case "xmlbif":
                network = xmlbif.read(source, raw)
            case _:
                network = xdsl.read(source, raw)
    except BayesdxError as error:
        assert str(error).startswith("file")
        return 0
    return sum(node.cpd.table().size for node in network.nodes)


@pytest.mark.parametrize("kind", SEEDS)
def test_a_damaged_file_is_read_or_refused(kind: str) -> None:
    """Five thousand damaged files of each format; some are still networks."""
    rng = random.Random(kind)
    cells = [read(kind, mutated(rng, rng.choice(SEEDS[kind]))) for _ in range(MUTATIONS)]
    assert max(cells) < LARGEST_ANSWER
    assert 0 < sum(map(bool, cells)) < MUTATIONS


HUGE = {
    "net": b"net {}" + b"(" * 300_000,
    "net quotes": b'node a { label = "' + b"\\" * 300_001 + b'"',
    "net values": b"node a { x = " + b'a"b"' * 100_000,
    "net blanks": b"net" + b" " * 300_000 + b"x",
    "net comments": b"%\n" * 200_000,
    "xmlbif": b"<BIF>" + b"<NETWORK/>" * 50_000 + b"</BIF>",
    "xmlbif comments": b"<BIF>" + b"<!---->" * 50_000 + b"</BIF>",
    "xdsl": b"<smile><nodes>" + b"<cpt id='a'/>" * 20_000 + b"</nodes></smile>",
    "xdsl submodels": b"<smile><nodes/><extensions><genie>" + b"<submodel>" * 90,
    "xmlbif numbers": b"<BIF><NETWORK><VARIABLE><NAME>a</NAME><OUTCOME>b</OUTCOME></VARIABLE><DEFINITION><FOR>a</FOR>"
    b"<TABLE>" + b"1 " * (2**24 + 1) + b"</TABLE></DEFINITION></NETWORK></BIF>",
    "uai": b"BAYES 999999999999999",
    "uai table": b"BAYES 1 2 1 1 0 999999999999999",
    "uai scopes": b"BAYES 2 2 2 2 999999999999999 0 1",
    "uai states": b"BAYES 100000 " + b"99999 " * 100_000,
    "bif": b"network x {" + b"/*" * 100_000,
    "xml declarations": b"<?" + b"<!" * 100_000,
}


@pytest.mark.parametrize(("kind", "content"), [(name.split()[0], raw) for name, raw in HUGE.items()], ids=HUGE)
def test_a_file_made_to_take_long_does_not(kind: str, content: bytes) -> None:
    """Patterns that repeat without end cost time in proportion to their length; the suite would hang otherwise."""
    assert read(kind if kind in SEEDS else "net", content) == 0


def test_many_variables_take_time_in_proportion(tmp_path: Path) -> None:
    """A chain of twenty thousand variables in each order of the file."""
    count = 20_000
    nodes = [f'node n{n} {{ states = ("a" "b"); }}' for n in range(count)]
    tables = [f"potential (n{n} | n{n - 1}) {{ data = ((1 0)(0 1)); }}" for n in range(1, count)]
    for order in (nodes, nodes[::-1]):
        text = "\n".join(["net {}", *order, "potential (n0) { data = (1 1); }", *tables])
        assert len(net.read(OpenFile("file"), text)) == count
