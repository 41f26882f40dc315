"""pgmpy reads the same network, with our names, and so does BIF."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.errors import NetworkError
from bayesdx.network import Network, Node, NoisyMax, Table, compile_network, from_pgmpy, read_bif, to_pgmpy, write_bif
from bayesdx.network import pgmpy_bridge as bridge
from tests import oracle
from tests.knowledge.example import FOLDER
from tests.network.networks import expanded, nasty_networks
from tests.strategies import small_networks

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def same(one: Network, other: Network) -> bool:
    """Equal but for the order of the nodes."""
    return set(one.names) == set(other.names) and all(one[name] == other[name] for name in one.names)


@SLOW
@given(network=nasty_networks())
def test_to_pgmpy_and_back_is_the_identity(network: Network) -> None:
    """To the last bit, noisy gates as tables; whatever the names."""
    assert from_pgmpy(to_pgmpy(network)) == expanded(network)


def test_state_names_stand_on_every_node_and_parent() -> None:
    """pgmpy accepts the model, and every table names the states of its parents as they name them."""
    network = compile_network(dx.load_model(FOLDER))
    model = to_pgmpy(network)
    assert model.check_model()
    for node in network.nodes:
        names = model.get_cpds(node.name).state_names
        assert names == {name: list(network[name].states) for name in (node.name, *node.parents)}
        assert model.get_cpds(node.name).variables == [node.name, *node.parents]


@settings(max_examples=25, deadline=None)
@given(network=small_networks(5))
def test_variable_elimination_reads_the_same_joint(network: Network) -> None:
    """Marginals of every variable given a finding, to 1e-9."""
    from pgmpy.inference import VariableElimination

    inference = VariableElimination(to_pgmpy(network))
    prior = oracle.posterior(network, [-1] * len(network))
    last = network.nodes[-1]
    likely = int(np.argmax(prior[last.name]))
    codes = [-1] * (len(network) - 1) + [likely]
    expected = oracle.posterior(network, codes)
    for node in network.nodes[:-1]:
        found = inference.query([node.name], evidence={last.name: last.states[likely]}, show_progress=False)
        values = [found.get_value(**{node.name: state}) for state in node.states]
        assert_allclose(values, expected[node.name], atol=1e-9)


def test_states_of_a_parent_in_another_order_are_put_right() -> None:
    """pgmpy lets a child's table name the states of its parent in an order of its own."""
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.models import DiscreteBayesianNetwork

    model = DiscreteBayesianNetwork([("rain", "wet")])
    model.add_cpds(
        TabularCPD("rain", 2, [[0.8], [0.2]], state_names={"rain": ["no", "yes"]}),
        TabularCPD("wet", 2, [[0.1, 0.9], [0.9, 0.1]], ["rain"], [2],
                   state_names={"wet": ["no", "yes"], "rain": ["yes", "no"]}),
    )  # fmt: skip
    network = from_pgmpy(model)
    assert network["rain"].states == ("no", "yes")
    assert_allclose(network["wet"].cpd.table(), [[0.9, 0.1], [0.1, 0.9]])


def test_what_pgmpy_has_that_is_no_network() -> None:
    """A node without table; a table that knows other states of its parent than the parent."""
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.models import DiscreteBayesianNetwork

    model = DiscreteBayesianNetwork([("rain", "wet")])
    model.add_cpds(TabularCPD("rain", 2, [[0.8], [0.2]], state_names={"rain": ["no", "yes"]}))
    with pytest.raises(NetworkError) as raised:
        from_pgmpy(model)
    assert str(raised.value) == "network: wet has no conditional table."
    names = {"wet": ["no", "yes"], "rain": ["dry", "yes"]}
    model.add_cpds(TabularCPD("wet", 2, [[0.1, 0.9], [0.9, 0.1]], ["rain"], [2], state_names=names))
    with pytest.raises(NetworkError) as raised:
        from_pgmpy(model)
    assert str(raised.value) == "network: the table of wet has other states of rain than rain itself."


# -- BIF --------------------------------------------------------------------------------------------------------------


@settings(SLOW, max_examples=6)  # pgmpy takes a second to make ready for reading, so: few networks, many names
@given(network=nasty_networks(12, 16))
def test_bif_written_and_read_is_the_identity(network: Network) -> None:
    """To the last bit, whatever the names."""
    with tempfile.TemporaryDirectory() as folder:
        assert same(read_bif(write_bif(network, Path(folder) / "network.bif")), expanded(network))


def test_the_example_survives_bif(tmp_path: Path) -> None:
    """States with commas and spaces, gates and tables; gzip is read too."""
    network = compile_network(dx.load_model(FOLDER))
    path = write_bif(network, tmp_path / "car.bif")
    assert same(read_bif(path), expanded(network))
    packed = tmp_path / "car.bif.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert same(read_bif(packed), expanded(network))
    assert [entry.name for entry in sorted(tmp_path.iterdir())] == ["car.bif", "car.bif.gz"]


def test_names_that_differ_in_case_alone_survive_bif(tmp_path: Path) -> None:
    """pgmpy's reader takes them for one name, so their capitals are escaped."""
    nodes = [
        Node(name, ("Yes", "yes"), (), Table([0.1 * place, 1 - 0.1 * place]))
        for place, name in enumerate(["a_X", "A_x", "É"])
    ]
    network = Network((*nodes, Node("É_", ("x", "X"), ("A_x", "a_X"), Table(np.full((2, 2, 2), 0.5)))))
    assert same(read_bif(write_bif(network, tmp_path / "case.bif")), network)


@given(name=st.text())
def test_escaped_names_come_back(name: str) -> None:
    """An escaped name is made of letters, digits and underscores, and names one name only."""
    escaped = bridge.escape_name(name)
    assert escaped.isascii()
    assert escaped.replace("_", "a").isalnum()
    assert bridge.unescape_name(escaped) == name


@given(one=st.text("_x20 5f"), other=st.text("_x20 5f"))
def test_different_names_stay_different(one: str, other: str) -> None:
    """No name is taken for the escape of another."""
    assert (bridge.escape_name(one) == bridge.escape_name(other)) == (one == other)


def test_names_that_bif_holds_stay_readable(tmp_path: Path) -> None:
    """Nothing is escaped without need."""
    network = compile_network(dx.load_model(FOLDER))
    text = write_bif(network, tmp_path / "car.bif").read_text()
    assert "variable fuel_missing {\n    type discrete [ 3 ] { absent, filter_x20_clogged, tank_x20_empty };" in text
    assert "probability ( battery_flat | cold_night, alternator_broken ) {" in text


@pytest.mark.parametrize(
    "content", [b"", b"network x {", b"\xff\xfe", b"\x1f\x8bnot gzip", b"variable a { }\n", b"variable a {\n}\n"]
)
def test_what_is_no_bif_file(content: bytes, tmp_path: Path) -> None:
    """One error, which names the file."""
    path = tmp_path / "odd.bif"
    path.write_bytes(content)
    with pytest.raises(NetworkError) as raised:
        read_bif(path)
    assert str(raised.value).startswith(f"{path}")


def test_a_missing_bif_file(tmp_path: Path) -> None:
    with pytest.raises(NetworkError) as raised:
        read_bif(tmp_path / "none.bif")
    assert str(raised.value) == f"{tmp_path / 'none.bif'}: No such file or directory."


def test_a_bomb_of_gzip_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpacking stops at the limit."""
    monkeypatch.setattr(bridge, "LARGEST_BIF", 1000)
    (tmp_path / "bomb.bif").write_bytes(gzip.compress(b" " * 10**6))
    with pytest.raises(NetworkError) as raised:
        read_bif(tmp_path / "bomb.bif")
    assert str(raised.value) == f"{tmp_path / 'bomb.bif'}: more than 1000 bytes when unpacked."


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole or not at all, like a model."""
    coin = Network((Node("coin", ("heads", "tails"), (), Table([0.5, 0.5])),))
    with pytest.raises(dx.SaveError) as raised:
        write_bif(coin, tmp_path / "nowhere" / "coin.bif")
    assert str(raised.value) == f"{tmp_path / 'nowhere' / 'coin.bif'}: No such file or directory; nothing was written."
    path = tmp_path / "coin.bif"
    path.write_text("old")
    monkeypatch.setattr(bridge, "_check_equal", lambda *_: (_ for _ in ()).throw(NetworkError("BIF: changed.")))
    with pytest.raises(NetworkError, match=r"^BIF: changed\.$"):
        write_bif(coin, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_gate_too_large_for_a_table_is_refused(tmp_path: Path) -> None:
    """pgmpy and BIF hold only tables."""
    roots = [Node(f"c{place}", ("no", "yes"), (), Table([0.9, 0.1])) for place in range(30)]
    gate = NoisyMax([0.9, 0.1], ([[1, 0], [0.5, 0.5]],) * 30)
    network = Network((*roots, Node("f", ("no", "yes"), tuple(root.name for root in roots), gate)))
    with pytest.raises(
        dx.TooLargeError, match=r"^a noisy gate of 30 parents would expand to about 10\^9 cells; keep it"
    ):
        write_bif(network, tmp_path / "large.bif")
    assert list(tmp_path.iterdir()) == []
