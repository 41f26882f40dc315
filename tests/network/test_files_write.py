"""What is written comes back: names as odd as can be, the order of states, numbers to the last bit, gates."""

from __future__ import annotations

import gzip
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import bayesdx as dx
from bayesdx.errors import NetworkError, SaveError, TooLargeError
from bayesdx.network import Details, Network, Node, NoisyMax, Table
from bayesdx.network.files import net, xdsl, xmlbif
from bayesdx.network.files.common import Spelling
from tests.network.networks import NASTY, expanded, nasty_networks, random_gate

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ENDINGS = [".bif", ".bifxml", ".net", ".XDSL", ".bif.gz", ".xdsl.gz"]
SPELLINGS = {"xmlbif": xmlbif.NAMES, "net": net.NAMES, "net texts": net.TEXTS, "xdsl": xdsl.NAMES}


def again(network: Network, ending: str) -> Network:
    with tempfile.TemporaryDirectory() as folder:
        return dx.read_network(dx.write_network(network, Path(folder) / f"file{ending}"))


@pytest.mark.parametrize("ending", ENDINGS)
@SLOW
@given(network=nasty_networks())
def test_a_network_comes_back_equal(ending: str, network: Network) -> None:
    """Gates as gates in XDSL, as their tables elsewhere; whatever the names."""
    expected = network if "xdsl" in ending.lower() else expanded(network)
    assert again(network, ending) == expected


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@settings(max_examples=200, deadline=None)
@given(names=st.lists(st.one_of(NASTY, st.text("nx_025f ", max_size=9), st.text(max_size=8)), max_size=8, unique=True))
@example(
    names=["n_x31_", "_x31_", "1", "n1", "nn_x31_", "n ", " n", "n", "_", "", "_x_", "n_x_", "x_", "node", "_x6e_ode"]
)
def test_different_names_are_written_differently_and_read_back(spelling: Spelling, names: list[str]) -> None:
    """The spelling is one to one."""
    texts = [spelling.write(name) for name in names]
    assert [spelling.read(text) for text in texts] == names
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", ["coord_x_left", "_x_scale", "max_x", "n_xylo_x20", "a_x2_b"])
def test_a_strangers_name_that_only_looks_escaped_stays(name: str) -> None:
    """A name is read back only where it would have been written so."""
    assert xdsl.NAMES.read("coord_x_left") == "coord_x_left"
    assert all(spelling.read(spelling.write(name)) == name for spelling in SPELLINGS.values())


@settings(max_examples=60, deadline=None)
@given(name=st.text(max_size=6))
def test_identifiers_are_identifiers(name: str) -> None:
    """GeNIe's begin with a letter; Hugin's with a letter or an underscore, and are no keywords."""
    written = xdsl.NAMES.write(name)
    assert written.isascii()
    assert written.isidentifier()
    assert written[0].isalpha()
    assert net.NAMES.write(name).isidentifier()
    assert net.NAMES.write("node") != "node"


DETAILED = Network(
    (
        Node("rain", ("no", "yes"), (), Table([0.8, 0.2]), Details(
            "It rains & \"pours\"\n<daily>", "100 % of the time; {or} less", (3.5, -2.25, 100, 200.125), ("dry", ""),
            (("room", "garden"), ("size", "(1 2)"), ("genie:diagtype", "target"), ("genie:fault", "yes")),
        )),
        Node("wet", ("no", "a little", "yes"), ("rain",), NoisyMax([0.9, 0.1, 0], ([[1, 0, 0], [0.1, 0.3, 0.6]],)),
             Details("Grass", "", (1, 2), ("dry", "damp", "wet"), (("genie:cost", "12.5"),))),
    ),
    details=Details("Garden 1", "made up"),
)  # fmt: skip


@pytest.mark.parametrize("ending", [".bif", ".xmlbif", ".net", ".xdsl"])
def test_labels_comments_places_and_properties_come_back(ending: str) -> None:
    """As far as the format holds them: rectangles and labels of states in XDSL, points elsewhere."""
    read = again(DETAILED, ending)
    assert read.details.label == "Garden 1"
    for node in DETAILED.nodes:
        mine, theirs = node.details, read[node.name].details
        assert (theirs.label, theirs.comment) == (mine.label, mine.comment)
        if ending == ".xdsl":
            assert theirs.state_labels == mine.state_labels
            assert sorted(theirs.properties) == sorted(mine.properties)
            assert theirs.position in (mine.position, (-39, -18, 41, 22))
        else:
            assert theirs.position in (mine.position, (51.75, 98.9375))
    assert read["rain"].details.properties_of("room") == ("garden",)
    assert read["rain"].details.properties_of("size") == ("(1 2)",)


@SLOW
@given(text=st.text(max_size=12), seed=st.integers(0, 10))
def test_any_label_comes_back(text: str, seed: int) -> None:
    """But for blanks around it, which XML does not hold."""
    del seed
    node = replace(DETAILED.nodes[0], details=Details(label=text, comment=text))
    for ending in (".xdsl", ".net"):
        details = again(Network((node,)), ending).nodes[0].details
        expected = text if ending == ".net" else text.strip(" \t\r\n")
        assert details.comment == expected
        assert details.label == ("" if ending == ".xdsl" and expected == "rain" else expected)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), parents=st.integers(1, 3), states=st.integers(2, 3))
def test_a_gate_without_a_quiet_state_is_a_table_in_xdsl(seed: int, parents: int, states: int) -> None:
    """XDSL wants one state of each parent that brings nothing about; the numbers come back all the same."""
    gate = random_gate(seed, parents, states)
    roots = [
        Node(f"p{n}", tuple(map(str, range(len(link)))), (), Table(np.full(len(link), 1 / len(link))))
        for n, link in enumerate(gate.links)
    ]
    child = Node("x", tuple("abc"[:states]), tuple(node.name for node in roots), gate)
    read = again(Network((*roots, child)), ".xdsl")
    quiet = all((link[:, 0] == 1).any() for link in gate.links)
    assert isinstance(read["x"].cpd, NoisyMax) == quiet
    np.testing.assert_array_equal(read["x"].cpd.table(), gate.table())


def test_a_gate_of_many_parents_is_written_where_gates_are() -> None:
    """Forty causes: a few numbers in XDSL, too large a table elsewhere."""
    roots = [Node(f"c{n}", ("absent", "present"), (), Table([0.9, 0.1])) for n in range(40)]
    gate = NoisyMax([0.99, 0.01], [[[1, 0], [0.5, 0.5]]] * 40)
    network = Network((*roots, Node("x", ("no", "yes"), tuple(node.name for node in roots), gate)))
    assert again(network, ".xdsl") == network
    with pytest.raises(TooLargeError):
        again(network, ".net")


def test_a_model_and_a_network_of_pgmpy_are_written_too(tmp_path: Path) -> None:
    """Whatever stands for a network."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    assert dx.read_network(dx.write_network(model, tmp_path / "hip.xdsl.gz")) == dx.as_network(model)
    clinic = dx.load_model("chest_clinic@1.0.0")
    file = dx.write_network(dx.to_pgmpy(clinic), tmp_path / "clinic.net")
    assert {node.name: node for node in dx.read_network(file).nodes} == {
        node.name: node for node in expanded(dx.as_network(clinic)).nodes
    }


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    """An ending of no format, a missing folder, a file that would read back otherwise."""
    coin = Network((Node("coin", ("heads", "tails"), (), Table([0.5, 0.5])),))
    with pytest.raises(SaveError, match=r"no format is written as \.uai; expected \.bif, \.xmlbif"):
        dx.write_network(coin, tmp_path / "coin.uai")
    with pytest.raises(SaveError, match="a file without ending"):
        dx.write_network(coin, tmp_path / "coin")
    with pytest.raises(SaveError, match="nothing was written"):
        dx.write_network(coin, tmp_path / "missing" / "coin.net")
    file = tmp_path / "coin.net"
    file.write_text("before")
    with pytest.raises(NetworkError, match="it has no variable"):
        dx.write_network(Network(()), file)
    assert file.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["coin.net"]


def test_a_packed_file_is_the_same_every_time(tmp_path: Path) -> None:
    """No time of writing within, so that a record of its hash can be kept."""
    coin = Network((Node("coin", ("heads", "tails"), (), Table([0.5, 0.5])),))
    first = dx.write_network(coin, tmp_path / "a.net.gz").read_bytes()
    assert first == dx.write_network(coin, tmp_path / "b.net.gz").read_bytes()
    assert gzip.decompress(first).startswith(b"net")


@pytest.mark.parametrize("ending", [".bifxml", ".net"])
def test_pyagrum_reads_what_is_written(tmp_path: Path, ending: str) -> None:
    """Names and tables of the chest clinic, by another reader."""
    gum = pytest.importorskip("pyagrum")
    network = expanded(dx.as_network(dx.load_model("chest_clinic@1.0.0")))
    other = gum.loadBN(
        str(dx.write_network(network, tmp_path / f"clinic{'.bifxml' if ending == '.xmlbif' else ending}"))
    )
    for node in network.nodes:
        assert tuple(other.variable(node.name).labels()) == node.states
        scope = [*node.parents, node.name]
        names = list(reversed(other.cpt(node.name).names))
        mine = node.cpd.table().transpose([scope.index(each) for each in names])
        np.testing.assert_allclose(mine, other.cpt(node.name).toarray(), atol=1e-7)
