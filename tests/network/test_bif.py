"""BIF files are read as they are written, and refused where they are not well formed; pgmpy is the witness."""

from __future__ import annotations

import gzip
import itertools
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bayesdx as dx
from bayesdx.errors import BayesdxError, NetworkError
from bayesdx.network import Network, Node, NoisyMax, Table, compile_network, from_pgmpy, read_bif, write_bif
from bayesdx.network.files import bif
from tests.knowledge.example import FOLDER
from tests.network.networks import expanded, nasty_networks

PUBLIC = Path(os.environ.get("BAYESDX_NETWORKS", Path(__file__).parents[3] / "shared" / "networks"))

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXT = """network sprinkler {
}
variable rain {
  type discrete [ 2 ] { no, yes };
}
variable wet {
  type discrete [ 3 ] { dry, damp, soaked };
}
probability ( rain ) {
  table 0.7, 0.3;
}
probability ( wet | rain ) {
  (no) 0.8, 0.15, 0.05;
  (yes) 0.1, 0.3, 0.6;
}
"""

RAIN = Node("rain", ("no", "yes"), (), Table([0.7, 0.3]))
WET = Node("wet", ("dry", "damp", "soaked"), ("rain",), Table([[0.8, 0.15, 0.05], [0.1, 0.3, 0.6]]))


def same(one: Network, other: Network) -> bool:
    """Equal but for the order of the nodes."""
    return set(one.names) == set(other.names) and all(one[name] == other[name] for name in one.names)


def read(text: str | bytes) -> Network:
    """A text, or bytes, read as a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.bif"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_bif(path)


# -- round trips and witnesses ----------------------------------------------------------------------------------------


@SLOW
@given(network=nasty_networks(1, 8))
def test_bif_written_and_read_is_the_identity(network: Network) -> None:
    """To the last bit, whatever the names."""
    with tempfile.TemporaryDirectory() as folder:
        assert same(read_bif(write_bif(network, Path(folder) / "network.bif")), expanded(network))


@settings(SLOW, max_examples=4)  # pgmpy takes a second to make ready for reading
@given(network=nasty_networks(6, 10))
def test_pgmpy_reads_what_was_written(network: Network) -> None:
    """The same tables; names are those that the file holds, escaped."""
    from pgmpy.readwrite import BIFReader

    text = bif.bif_text(network)
    witness = from_pgmpy(BIFReader(string=text).get_model())
    mine = expanded(network)
    names = dict(zip([word.split()[1] for word in text.splitlines() if word.startswith("variable ")], mine.names))  # noqa: B905
    assert set(witness.names) == set(names)
    for name in witness.names:
        assert np.array_equal(witness[name].cpd.table(), mine[names[name]].cpd.table())
        assert [names[parent] for parent in witness[name].parents] == list(mine[names[name]].parents)


@pytest.mark.parametrize("name", ["asia", "alarm", "survey", "munin1"])
def test_public_networks_are_what_pgmpy_reads(name: str) -> None:
    """Names, states, parents, and numbers to 1e-12."""
    from pgmpy.readwrite import BIFReader

    path = PUBLIC / f"{name}.bif.gz"
    if not path.is_file():
        pytest.skip(f"no {path}; set BAYESDX_NETWORKS to the folder of public networks")
    witness = from_pgmpy(BIFReader(string=gzip.decompress(path.read_bytes()).decode()).get_model())
    mine = read_bif(path)
    assert set(mine.names) == set(witness.names)
    for node in mine.nodes:
        other = witness[node.name]
        assert (node.states, node.parents) == (other.states, other.parents)
        assert_allclose(node.cpd.table(), other.cpd.table(), atol=1e-12)


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
    escaped = bif.escape_name(name)
    assert escaped.isascii()
    assert escaped.replace("_", "a").isalnum()
    assert bif.unescape_name(escaped) == name


@given(one=st.text("_x20 5f"), other=st.text("_x20 5f"))
def test_different_names_stay_different(one: str, other: str) -> None:
    """No name is taken for the escape of another."""
    assert (bif.escape_name(one) == bif.escape_name(other)) == (one == other)


def test_names_that_bif_holds_stay_readable(tmp_path: Path) -> None:
    """Nothing is escaped without need."""
    network = compile_network(dx.load_model(FOLDER))
    text = write_bif(network, tmp_path / "car.bif").read_text()
    assert "variable fuel_missing {\n    type discrete [ 3 ] { absent, filter_x20_clogged, tank_x20_empty };" in text
    assert "probability ( battery_flat | cold_night, alternator_broken ) {" in text


@pytest.mark.parametrize("name", ["age_x_sex", "cell_x1_y1", "size_2_x_4", "lens_x20_zoom", "id_xd800_k", "_x_"])
def test_names_of_others_are_not_unescaped(name: str) -> None:
    """What looks like an escape is one only in files that say that they were written so."""
    text = TEXT.replace("rain", name).replace("damp", f"{name}2")
    network = read(text)
    assert network.names == (name, "wet")
    assert network["wet"].states == ("dry", f"{name}2", "soaked")
    assert read(bif.bif_text(network)) == network


# -- ways to write the same network -----------------------------------------------------------------------------------

SAME = {
    "Windows line ends": TEXT.replace("\n", "\r\n"),
    "old Macintosh line ends": TEXT.replace("\n", "\r"),
    "no last line end": TEXT.rstrip("\n"),
    "blanks behind braces": TEXT.replace("}\n", "} \t\n"),
    "one line": TEXT.replace("\n", " "),
    "tight": TEXT.replace(" {\n", "{").replace("}\n", "}").replace(", ", ","),
    "byte order mark": "\ufeff" + TEXT,
    "no commas": TEXT.replace(",", " "),
    "no network block": TEXT.split("}\n", 1)[1],
    "quoted names": TEXT.replace("rain", '"rain"').replace("soaked", '"soaked"'),
    "rows in another order": TEXT.replace("  (no) 0.8, 0.15, 0.05;\n", "").replace("0.6;", "0.6;\n(no) 0.8 0.15 0.05;"),
    "blocks in another order": "".join(part + "}\n" for part in reversed(TEXT.split("}\n")[:-1])),
    "no bar": TEXT.replace("wet | rain", "wet rain"),
    "default": TEXT.replace("  (no) 0.8", "  default 0.8"),
    "a table, the child's state slowest": TEXT.replace("  (no) 0.8, 0.15, 0.05;\n", "").replace(
        "(yes) 0.1, 0.3, 0.6", "table 0.8, 0.1, 0.15, 0.3, 0.05, 0.6"
    ),
    "comments": "// a { comment\n" + TEXT.replace("0.7, 0.3;", "0.7, /* sun;\n } */ 0.3; // x").replace("(n", "/**/(n"),
    "properties": TEXT.replace("};\n}", "};\n  property position = (7, 16);\n}").replace("0.3;", "0.3;\nproperty x;"),
    "exponents": TEXT.replace("0.15", "1.5E-1").replace("0.05", "+5e-2").replace("0.7,", ".7,"),
}  # fmt: skip


@pytest.mark.parametrize("way", SAME)
def test_ways_to_write_the_same_network(way: str) -> None:
    """Line ends, white space, commas, quotation marks, comments, order: none of it changes what is read."""
    assert same(read(SAME[way]), Network([RAIN, WET]))


def test_quoted_names_may_hold_anything_but_a_quotation_mark() -> None:
    """Blanks, punctuation, what looks like a comment."""
    names = ('no, "never"'.replace('"', "'"), "MRC 3-4", "a//b", "{}", "(0;1]", "|")
    listed = ", ".join(f'"{name}"' for name in names)
    text = f'variable "the // x" {{ type discrete [ 6 ] {{ {listed} }}; }}\nprobability ("the // x") {{'
    network = read(text + " table 0.5 0.1 0.1 0.1 0.1 0.1; }")
    assert network.nodes[0] == Node("the // x", names, (), Table([0.5, 0.1, 0.1, 0.1, 0.1, 0.1]))


def test_latin_1_is_read_with_a_warning() -> None:
    """Old files of other tools; a guess that is said."""
    with pytest.warns(UserWarning, match="not UTF-8; names are read as Latin-1"):
        network = read(TEXT.replace("rain", "grêle").encode("latin-1"))
    assert network.names == ("grêle", "wet")


# -- noisy-MAX --------------------------------------------------------------------------------------------------------

NOISY = """
variable a { type discrete [ 2 ] { no, yes }; }
variable b { type discrete [ 3 ] { none, some, much }; }
variable y { type discrete [ 3 ] { low, mid, high }; }
probability ( a ) { table 0.9 0.1; }
probability ( b ) { table 0.5 0.3 0.2; }
probability ( y | a, b ) {
  property function max;
  (no, none) 0.9, 0.06, 0.04;
  (yes, none) 0.36, 0.24, 0.40;
  (no, some) 0.72, 0.20, 0.08;
  (no, much) 0.45, 0.45, 0.10;
}
"""


def test_rows_of_a_noisy_max_are_conditional_probabilities() -> None:
    """Rows are read as written; where two parents act, cumulative probabilities multiply, the leak counted once."""
    cpd = read(NOISY)["y"].cpd
    assert isinstance(cpd, NoisyMax)
    table = cpd.table()
    leak = np.array([0.9, 0.06, 0.04])
    only_a = np.array([0.36, 0.24, 0.40])
    only_b = np.array([leak, [0.72, 0.20, 0.08], [0.45, 0.45, 0.10]])
    assert_allclose(table[0], only_b, atol=1e-12)
    assert_allclose(table[1, 0], only_a, atol=1e-12)
    for state in (1, 2):
        expected = np.cumsum(only_a) * np.cumsum(only_b[state]) / np.cumsum(leak)
        assert_allclose(np.cumsum(table[1, state]), expected, atol=1e-12)


def test_a_default_row_of_a_noisy_max() -> None:
    """It stands for the single causes that are not listed."""
    text = NOISY.replace("  (no, some) 0.72, 0.20, 0.08;\n", "").replace("(no, much)", "default")
    assert_allclose(read(text)["y"].cpd.table()[0, 1:], [[0.45, 0.45, 0.10]] * 2, atol=1e-12)


# -- malformed files --------------------------------------------------------------------------------------------------

WRONG = {
    "(yes) 0.1": ("(yse) 0.1", "line 14, variable wet: 'yse' is not a state of rain; its states are no, yes."),
    "  (yes) 0.1, 0.3, 0.6;\n": ("", "line 12, variable wet: 1 rows are missing, the first for rain = yes."),
    "0.6;": ("0.6;\n  (yes) 0.6, 0.3, 0.1;", "line 15, variable wet: the row (yes) is given twice."),
    "(yes) 0.1, 0.3, 0.6": ("(yes) 0.1, 0.9", "line 14, variable wet: the row has 2 numbers; there are 3 states."),
    "(no) 0.8": ("(no, no) 0.8", "line 13, variable wet: (no, no) names 2 states; there are 1 parents."),
    "0.15": ("0.25", "line 13, variable wet: the row sums to 1.1; expected 1."),
    "0.05": ("-0.05", "line 13, variable wet: '-0.05'; expected a probability between 0 and 1."),
    "0.3, 0.6": ("nan, 0.6", "line 14, variable wet: 'nan'; expected a probability between 0 and 1."),
    "0.1, 0.3": ("1_0, 0.3", "line 14, variable wet: '1_0'; expected a probability between 0 and 1."),
    "0.8, 0.15": ("0,8 0.15", "line 13, variable wet: the row has 4 numbers; there are 3 states."),
    "0.05;": ("0.05", "line 14, variable wet: '(' among numbers; expected ';' before it."),
    "[ 3 ]": ("[ 5 ]", "line 7, variable wet: 5 states are declared, 3 are named: dry, damp, soaked."),
    "[ 2 ]": ("[ ١ ]", "line 4, variable rain: ١ states are declared, 2 are named: no, yes."),
    "damp": ("dry", "line 7, variable wet: the state 'dry' is named twice."),
    "discrete [ 2 ]": ("continuous [ 2 ]", "line 4, variable rain: type 'continuous'; only discrete variables can be"
                       " read."),
    "0.7, 0.3;": ("0.7, 0.2, 0.1;", "line 10, variable rain: the table has 3 numbers; expected 2."),
    "table 0.7, 0.3;": ("", "line 9, variable rain: there is no table."),
    "wet | rain": ("wet | rian", "line 12, variable wet: 'rian' is not declared as a variable. Did you mean 'rain'?"),
    "probability ( rain )": ("probability ( wet )", "line 12, variable wet: the block probability is given twice."),
    "variable wet": ("variable rain", "line 6, variable rain: the variable is declared twice."),
    "variable rain": ("node rain", "line 3: 'node'; expected network, variable or probability."),
    "  table": ("  tabel", "line 10, variable rain: 'tabel' in a block probability; expected a row, table, default,"
                " property or '}'."),
    "(no) ": ("table 0.5 0.5 0.1 0.2 0.4 0.3; (no) ", "line 13, variable wet: both a table and rows are given."),
    '{ no, yes }': ('{ "no, yes }', "line 4, variable rain: '\"' among the states."),
    "type discrete [ 2 ] { no, yes };": ("", "line 3, variable rain: the variable has no states."),
}  # fmt: skip


@pytest.mark.parametrize("place", WRONG)
def test_malformed_files_are_refused_with_variable_and_line(place: str) -> None:
    """One change of a sound file, one sentence."""
    written, said = WRONG[place]
    assert TEXT.count(place) >= 1
    with pytest.raises(NetworkError) as raised:
        read(TEXT.replace(place, written, 1))
    assert said in [line.partition("x.bif, ")[2] for line in str(raised.value).splitlines()]


def test_all_faults_at_once() -> None:
    """Faults of several blocks in one error, in the order in which they were found."""
    text = TEXT.replace("0.7, 0.3", "0.7, 0.2").replace("(no) 0.8", "(now) 0.8").replace("0.6;", "0.6 0;")
    with pytest.raises(NetworkError) as raised:
        read(text)
    assert [line.partition("x.bif, ")[2][:30] for line in str(raised.value).splitlines()] == [
        "line 10, variable rain: the ro",
        "line 13, variable wet: 'now' i",
        "line 14, variable wet: the row",
    ]


@pytest.mark.parametrize(
    ("place", "written", "said"),
    [
        ("(no, none)", "(yes, some)", "a row of a noisy-MAX names at most one parent that is not in its first state."),
        ("  (no, none) 0.9, 0.06, 0.04;\n", "", "a row of the noisy-MAX is missing: the row of its leak, all parents"),
        ("  (no, much) 0.45, 0.45, 0.10;\n", "", "a row of the noisy-MAX is missing: the row of b = much."),
        ("0.45, 0.45, 0.10", "0.95, 0.05, 0", "the row makes a state rarer than the leak does, which no noisy-MAX"),
        ("function max", "function min", "property function min; only max can be read."),
    ],
)
def test_noisy_gates_that_are_none(place: str, written: str, said: str) -> None:
    """Rows that contradict the gate or are missing from it, and functions that are not known."""
    with pytest.raises(NetworkError) as raised:
        read(NOISY.replace(place, written))
    assert f"variable y: {said}" in str(raised.value)


def test_rounded_rows_are_renormalised_and_large_gaps_said() -> None:
    """Up to 0.001 in silence, up to 0.02 with a warning, beyond it not at all."""
    quiet = read(TEXT.replace("0.15", "0.1499"))
    assert_allclose(quiet["wet"].cpd.table()[0], np.array([0.8, 0.1499, 0.05]) / 0.9999, rtol=1e-15)
    with pytest.warns(UserWarning, match=r"x\.bif: one row misses a sum of 1 by up to 0\.01; renormalised\.$"):
        loud = read(TEXT.replace("0.15", "0.14"))
    assert_allclose(loud["wet"].cpd.table().sum(axis=-1), 1.0, rtol=1e-15)
    with pytest.raises(NetworkError, match=r"the row sums to 0\.97; expected 1\."):
        read(TEXT.replace("0.15", "0.12"))


def test_a_default_row_does_not_make_a_giant_table() -> None:
    """60 parents and one row: refused before anything is made of it."""
    names = [f"p{place}" for place in range(60)]
    text = "".join(
        f"variable {name} {{ type discrete [ 2 ] {{ no yes }}; }} probability ({name}) {{ table 0.5 0.5; }}\n"
        for name in names
    )
    text += f"variable x {{ type discrete [ 2 ] {{ no yes }}; }} probability (x | {' '.join(names)}) "
    with pytest.raises(NetworkError, match="variable x: 60 parents make a table of more than 16777216 numbers"):
        read(text + "{ default 0.5 0.5; }")


PIECES = [*bif._TOKEN.findall(TEXT + NOISY), '"', "\\", "\0", "/*", "//", "\ud800", "1e999", "9" * 5000, "default", "é"]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_the_bytes_there_is_one_kind_of_error(data: st.DataObject) -> None:
    """Tokens taken out, put in, and exchanged; bytes that are no text: a network or a BayesdxError."""
    tokens = bif._TOKEN.findall(data.draw(st.sampled_from([TEXT, NOISY])))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(tokens) - 1))
        tokens[at : at + data.draw(st.integers(0, 3))] = data.draw(st.lists(st.sampled_from(PIECES), max_size=2))
    raw = " ".join(tokens).encode(errors="surrogatepass")
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(raw)))
        raw = raw[:place] + data.draw(st.binary(max_size=4)) + raw[place + data.draw(st.integers(0, 9)) :]
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="raise"):
        path = Path(folder) / "x.bif"
        path.write_bytes(raw)
        try:
            assert isinstance(read_bif(path), Network)
        except UserWarning:
            pass
        except BayesdxError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"network x {",
        b"\x1f\x8bnot gzip",
        b"variable a { }\n",
        b"variable a {\n}\n",
        b"\x1f\x8b",
        b"\0",
        b"{" * 9000,
    ],
)
def test_what_is_no_bif_file(content: bytes, tmp_path: Path) -> None:
    """One error, which names the file."""
    path = tmp_path / "odd.bif"
    path.write_bytes(content)
    with pytest.raises(NetworkError) as raised:
        read_bif(path)
    assert str(raised.value).startswith(f"{path}")


def test_a_file_cut_short_anywhere_is_refused() -> None:
    """Every proper beginning of a file is refused, unless what is missing is white space."""
    for end in range(len(TEXT.rstrip()) - 1):
        with pytest.raises(NetworkError):
            read(TEXT[:end])


def test_a_missing_bif_file(tmp_path: Path) -> None:
    with pytest.raises(NetworkError) as raised:
        read_bif(tmp_path / "none.bif")
    assert str(raised.value) == f"{tmp_path / 'none.bif'}: No such file or directory."


def test_a_bomb_of_gzip_is_not_unpacked(tmp_path: Path) -> None:
    """Unpacking stops at the limit."""
    (tmp_path / "bomb.bif").write_bytes(gzip.compress(b" " * 10**6))
    with pytest.raises(NetworkError) as raised:
        read_bif(tmp_path / "bomb.bif", largest=1000)
    assert str(raised.value) == f"{tmp_path / 'bomb.bif'}: more than 1000 bytes when unpacked."


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """Whole or not at all, like a model."""
    coin = Network((Node("coin", ("heads", "tails"), (), Table([0.5, 0.5])),))
    with pytest.raises(dx.SaveError) as raised:
        write_bif(coin, tmp_path / "nowhere" / "coin.bif")
    assert str(raised.value) == f"{tmp_path / 'nowhere' / 'coin.bif'}: No such file or directory; nothing was written."
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").write_text("old")
    with pytest.raises(dx.SaveError, match="nothing was written"):
        write_bif(coin, tmp_path / "folder")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_networks_that_did_not_survive_are_told_apart() -> None:
    """What is checked before a file takes its place: variables, states, parents, numbers."""
    network = Network([RAIN, WET])
    others = {
        "variables ['wet'] did not survive": Network([RAIN]),
        "states or parents of wet did not survive": Network(
            [RAIN, Node("wet", WET.states, (), Table([0.2, 0.3, 0.5]))]
        ),
        "the numbers of rain did not survive": Network([Node("rain", RAIN.states, (), Table([0.6, 0.4])), WET]),
    }
    for said, other in others.items():
        with pytest.raises(NetworkError) as raised:
            bif.check_equal(network, other)
        assert said in str(raised.value)
    bif.check_equal(network, network)


def test_a_gate_too_large_for_a_table_is_refused(tmp_path: Path) -> None:
    """BIF holds only tables."""
    roots = [Node(f"c{place}", ("no", "yes"), (), Table([0.9, 0.1])) for place in range(30)]
    gate = NoisyMax([0.9, 0.1], ([[1, 0], [0.5, 0.5]],) * 30)
    network = Network((*roots, Node("f", ("no", "yes"), tuple(root.name for root in roots), gate)))
    with pytest.raises(
        dx.TooLargeError, match=r"^a noisy gate of 30 parents would expand to about 10\^9 cells; keep it"
    ):
        write_bif(network, tmp_path / "large.bif")
    assert list(tmp_path.iterdir()) == []


def test_states_of_many_parents_are_read_in_their_order() -> None:
    """A row of three parents: the numbers stand where pgmpy's convention says, in rows and in a table alike."""
    cards = {"a": 2, "b": 3, "c": 2}
    rng = np.random.default_rng(5)
    values = rng.dirichlet(np.ones(2), (2, 3, 2))
    head = "".join(
        f"variable {name} {{ type discrete [ {card} ] {{ {' '.join(f's{s}' for s in range(card))} }}; }}\n"
        f"probability ({name}) {{ table {' '.join([repr(1 / card)] * card)}; }}\n"
        for name, card in cards.items()
    )
    head += "variable x { type discrete [ 2 ] { s0 s1 }; }\nprobability ( x | a, b, c ) {\n"
    rows = "".join(
        f"(s{a}, s{b}, s{c}) {', '.join(map(repr, values[a, b, c].tolist()))};\n"
        for a, b, c in itertools.product(range(2), range(3), range(2))
    )
    table = f"table {', '.join(map(repr, np.moveaxis(values, -1, 0).reshape(-1).tolist()))};\n"
    for body in (rows, table):
        assert_allclose(read(head + body + "}")["x"].cpd.table(), values, atol=1e-15)
