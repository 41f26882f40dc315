"""Files of other tools are read by the published rule of each format; what no discrete network has is refused."""

from __future__ import annotations

import gzip
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import bayesdx as dx
from bayesdx.errors import NetworkError
from bayesdx.network import NoisyMax, Table
from bayesdx.network.files.detect import recognise

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "networks"
public = pytest.mark.skipif(not SHARED.is_dir(), reason="no folder of public networks beside the tree")

NET = """% a comment; with a semicolon
net { node_size = (80 40); label = "Weather"; }
node wet {
    label = "Wet grass"; position = (10 20.5); HR_Desc = "seen, or touched; 100 % sure";
    states = ("dry" "a little" "soaked");
    HR_Group = "2";
}
node rain { states = ("no" "yes"); }
discrete node tap { states = (off on); }
potential (rain) { data = ( 80 20 ); } % counts are weights
potential (tap |) { data = (0.9 0.1); }
potential (wet | rain tap) {
    data = ((( 0.9 0.08 0.02 ) % rain=no;tap=off
             ( 0.5 0.3 0.2 ))
            (( 0.3 0.3 0.4 )
             ( 0.1 0.2 0.7 )));
    experience = ((10 20)(30 40));
}
"""
WET = np.array([[[0.9, 0.08, 0.02], [0.5, 0.3, 0.2]], [[0.3, 0.3, 0.4], [0.1, 0.2, 0.7]]])

XMLBIF = """<?xml version="1.0" encoding="US-ASCII"?>
<!DOCTYPE BIF [ <!ELEMENT BIF (NETWORK)*> <!ATTLIST BIF VERSION CDATA #REQUIRED> ]>
<BIF VERSION="0.3" xmlns="http://example.org"><NETWORK><NAME>Weather</NAME>
<!-- variables in any order, definitions too -->
<VARIABLE TYPE="nature"> <NAME> wet </NAME><OUTCOME>dry</OUTCOME><OUTCOME>a little</OUTCOME><OUTCOME>soaked</OUTCOME>
  <PROPERTY>position = (10, 20.5)</PROPERTY><PROPERTY>label = Wet grass</PROPERTY><PROPERTY>room = garden</PROPERTY>
</VARIABLE>
<DEFINITION><FOR>wet</FOR><GIVEN>rain</GIVEN><GIVEN>tap</GIVEN>
  <TABLE>0.9 0.08 0.02 <!-- no, off --> 0.5 0.3 0.2
         0.3 0.3 0.4   0.1 0.2 0.7</TABLE></DEFINITION>
<VARIABLE><NAME>rain</NAME><OUTCOME>no</OUTCOME><OUTCOME>yes</OUTCOME></VARIABLE>
<VARIABLE TYPE="nature"><NAME>tap</NAME><OUTCOME>off</OUTCOME><OUTCOME>on</OUTCOME></VARIABLE>
<DEFINITION><FOR>rain</FOR><TABLE>0.8 2e-1</TABLE></DEFINITION>
<DEFINITION><FOR>tap</FOR><TABLE>.9 .1</TABLE></DEFINITION>
</NETWORK></BIF>"""

UAI = """BAYES
3
2 2 3
3
1 0
1 1
3 0 1 2

2
 0.8 0.2
2
 0.9 0.1
12
 0.9 0.08 0.02 0.5 0.3 0.2
 0.3 0.3 0.4 0.1 0.2 0.7
"""

XDSL = """<?xml version="1.0" encoding="ISO-8859-1"?>
<!-- written by hand -->
<smile version="1.0" id="Weather" numsamples="10000">
  <nodes>
    <cpt id="rain" diagtype="target" ranked="true">
      <state id="no" default="true"/><state id="yes" label="It rains" fault="true"/>
      <probabilities>0.8 0.2</probabilities>
      <property id="season">wint\xe9r</property>
    </cpt>
    <cpt id="tap"><state id="off"/><state id="on"/><probabilities>0.9 0.1</probabilities></cpt>
    <cpt id="wet" diagtype="observation"><state id="dry"/><state id="little"/><state id="soaked"/>
      <parents>rain tap</parents>
      <probabilities>0.9 0.08 0.02 0.5 0.3 0.2 0.3 0.3 0.4 0.1 0.2 0.7</probabilities><cost>12.5</cost>
    </cpt>
    <deterministic id="mud"><state id="none"/><state id="some"/><parents>wet tap</parents>
      <resultingstates>none none none some some some</resultingstates></deterministic>
  </nodes>
  <extensions><genie version="1.0" app="GeNIe" name="Weather in the garden" faultnameformat="nodestate">
    <submodel id="s"><node id="wet"><name>Wet grass</name><position>1 2 3 4</position>
      <comment>seen</comment></node></submodel>
    <node id="tap"><name>tap</name></node>
  </genie></extensions>
</smile>"""

GATE = """<smile version="1.0" id="g"><nodes>
<cpt id="a"><state id="high"/><state id="low"/><state id="none"/><probabilities>0.2 0.3 0.5</probabilities></cpt>
<cpt id="b"><state id="absent"/><state id="present"/><probabilities>0.7 0.3</probabilities></cpt>
<noisymax id="x"><state id="severe"/><state id="mild"/><state id="no"/><parents>a b</parents>
  <strengths>1 0 2 1 0</strengths>
  <parameters>0.1 0.2 0.7  0.5 0.3 0.2  0 0 1   0.4 0.4 0.2  0 0 1   0.05 0.1 0.85</parameters></noisymax>
<cpt id="y"><state id="n"/><state id="p"/><parents>x b</parents>
  <probabilities>0.1 0.9 0.2 0.8 0.3 0.7 0.4 0.6 0.5 0.5 0.6 0.4</probabilities></cpt>
<noisymax id="z"><state id="t"/><state id="f"/><parents>x</parents>
  <strengths>0 1 2</strengths><parameters>0.9 0.1 0.5 0.5 0 1 0.01 0.99</parameters></noisymax>
<noisymax id="alone"><state id="t"/><state id="f"/><parameters>0.3 0.7</parameters></noisymax>
</nodes></smile>"""


def written(folder: Path, content: str | bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content.encode("latin-1") if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("content", [NET, XMLBIF, UAI, XDSL], ids=["net", "xmlbif", "uai", "xdsl"])
def test_the_last_parent_turns_fastest_the_node_itself_fastest_of_all(tmp_path: Path, content: str) -> None:
    """The same small network in each format, every row of its table in its place."""
    network = dx.read_network(written(tmp_path, content))
    wet = network.nodes[network.index["wet" if "wet" in network.names else "2"]]
    rain, tap = (network[name] for name in wet.parents)
    assert wet.parents in (("rain", "tap"), ("0", "1"))
    assert_allclose(wet.cpd.table(), WET, rtol=0, atol=1e-16)
    assert_allclose(rain.cpd.table(), [0.8, 0.2])
    assert_allclose(tap.cpd.table(), [0.9, 0.1])


def test_names_states_labels_comments_and_places_are_kept(tmp_path: Path) -> None:
    """What a file says besides its numbers stands in ``details``."""
    network = dx.read_network(written(tmp_path, NET, "garden.txt"))
    wet = network["wet"]
    assert wet.states == ("dry", "a little", "soaked")
    assert network["tap"].states == ("off", "on")
    assert (wet.details.label, wet.details.comment) == ("Wet grass", "seen, or touched; 100 % sure")
    assert wet.details.position == (10.0, 20.5)
    assert wet.details.properties_of("HR_Group") == ("2",)
    assert wet.details.properties_of("hugin:experience") == ("((10 20)(30 40))",)
    assert network.details.label == "Weather"
    assert network.details.properties_of("bayesdx:file") == ("garden.txt",)

    wet = dx.read_network(written(tmp_path, XMLBIF))["wet"]
    assert (wet.details.label, wet.details.position) == ("Wet grass", (10.0, 20.5))
    assert wet.details.properties == (("room", "garden"),)

    network = dx.read_network(written(tmp_path, XDSL))
    wet, rain = network["wet"], network["rain"]
    assert (wet.details.label, wet.details.comment, wet.details.position) == ("Wet grass", "seen", (1, 2, 3, 4))
    assert wet.details.properties == (("genie:diagtype", "observation"), ("genie:cost", "12.5"))
    assert rain.details.state_labels == ("", "It rains")
    assert dict(rain.details.properties) == {
        "genie:diagtype": "target", "genie:ranked": "true", "genie:default": "no", "genie:fault": "yes",
        "season": "wintér",
    }  # fmt: skip
    assert network.details.label == "Weather in the garden"
    assert network["tap"].details.label == ""


BIF = """network "Weather in the garden" { property version 2; }
variable rain { type discrete [ 2 ] { no, yes }; property position = (73, 165) ; property label = It rains;
  property "comment = seen; or heard"; }
probability ( rain ) { table 0.8, 0.2; }
"""


def test_properties_of_bif_are_kept(tmp_path: Path) -> None:
    """As JavaBayes writes them: words, or one text in quotes."""
    network = dx.read_network(written(tmp_path, BIF))
    assert network.details.label == "Weather in the garden"
    assert network.details.properties_of("version 2") == ("",)
    details = network["rain"].details
    assert (details.label, details.comment, details.position) == ("It rains", "seen; or heard", (73, 165))
    assert dx.read_network(written(tmp_path, BIF.encode("utf-16"), "wide")) == network


@pytest.mark.parametrize(("first", "warned"), [("0.333", False), ("0.33", True)])
def test_rounded_rows_are_renormalised_and_wide_gaps_told(tmp_path: Path, first: str, warned: bool) -> None:
    """As published networks have them; more than a thousandth is said."""
    import warnings

    path = written(tmp_path, UAI.replace("0.9 0.08 0.02", f"0.333 0.333 {first}"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        network = dx.read_network(path)
    assert_allclose(network["2"].cpd.table().sum(axis=-1), 1, atol=1e-15)
    assert [str(each.message) for each in caught] == (
        [f"{path}: one row misses a sum of 1 by up to 0.004; renormalised."] if warned else []
    )


def test_a_deterministic_node_is_a_table_of_zeros_and_ones(tmp_path: Path) -> None:
    """Resulting states follow the parents as probabilities do."""
    mud = dx.read_network(written(tmp_path, XDSL))["mud"]
    assert_array_equal(mud.cpd.table()[..., 1], [[0, 0], [0, 1], [1, 1]])


def highest(leak: np.ndarray, columns: list[np.ndarray]) -> np.ndarray:
    """The distribution of the strongest of independent draws, by trying all of them; the first state is strongest."""
    found = np.zeros(len(leak))
    for draws in product(range(len(leak)), repeat=len(columns) + 1):
        found[min(draws)] += np.prod([part[draw] for part, draw in zip([leak, *columns], draws, strict=True)])
    return found


def test_a_noisy_max_node_is_a_gate_by_the_rule_of_smile(tmp_path: Path) -> None:
    """Columns follow the strengths of each parent; every draw tried, in the names of the file."""
    network = dx.read_network(written(tmp_path, GATE))
    gate = network["x"]
    assert isinstance(gate.cpd, NoisyMax)
    assert gate.states == ("no", "mild", "severe")  # a gate has its lowest grade first
    effects = {
        "a": {"low": [0.1, 0.2, 0.7], "high": [0.5, 0.3, 0.2], "none": [0, 0, 1]},
        "b": {"present": [0.4, 0.4, 0.2], "absent": [0, 0, 1]},
    }
    leak = np.array([0.05, 0.1, 0.85])
    for first, second in product(network["a"].states, network["b"].states):
        expected = highest(leak, [np.array(effects["a"][first]), np.array(effects["b"][second])])
        place = network["a"].states.index(first), network["b"].states.index(second)
        assert_allclose(gate.cpd.table()[place][::-1], expected, atol=1e-15)


def test_children_of_a_gate_see_its_states_in_the_order_of_the_file(tmp_path: Path) -> None:
    """A table and a gate below a noisy-MAX node, checked by the names of states; without parents it is a table."""
    network = dx.read_network(written(tmp_path, GATE))
    y, z = network["y"], network["z"]
    given = {("severe", "absent"): 0.9, ("severe", "present"): 0.8, ("mild", "absent"): 0.7, ("no", "present"): 0.4}
    for (x, b), expected in given.items():
        place = network["x"].states.index(x), network["b"].states.index(b), 1
        assert y.cpd.table()[place] == expected
    assert isinstance(z.cpd, NoisyMax)
    assert z.states == ("f", "t")
    by_state = dict(zip(network["x"].states, z.cpd.table()[:, 1], strict=True))
    assert_allclose([by_state["severe"], by_state["mild"], by_state["no"]], [1 - 0.1 * 0.99, 1 - 0.5 * 0.99, 0.01])
    assert isinstance(network["alone"].cpd, Table)
    assert network["alone"].states == ("t", "f")


def test_strengths_left_out_are_the_order_of_the_states(tmp_path: Path) -> None:
    """The last state of each parent then brings nothing about."""
    plain = GATE.replace("<strengths>0 1 2</strengths>", "")
    assert dx.read_network(written(tmp_path, plain)) == dx.read_network(written(tmp_path, GATE, "other"))


@pytest.mark.parametrize("content", [NET, XMLBIF, UAI, XDSL, GATE], ids=["net", "xmlbif", "uai", "xdsl", "gate"])
def test_the_packing_does_not_matter(tmp_path: Path, content: str) -> None:
    """Gzip, a byte order mark, Windows line ends, blanks in front: the same network, whatever the file is called."""
    expected = dx.read_network(written(tmp_path, content))
    plain = content.encode("latin-1")
    forms = {"packed.bif": gzip.compress(plain), "windows": plain.replace(b"\n", b"\r\n")}
    if plain.isascii():
        forms["marked.uai"] = b"\xef\xbb\xbf" + plain
    if not plain.startswith(b"<?xml"):
        forms["blanks.xml"] = b"\n \n" + plain
        forms["wide"] = content.encode("utf-16")
    for name, form in forms.items():
        assert dx.read_network(written(tmp_path, form, name)) == expected, name


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "cp1252"])
def test_letters_beyond_ascii_come_in_either_way(tmp_path: Path, encoding: str) -> None:
    """NET files say nothing of their encoding; neither does XML without its first line."""
    text = NET.replace("soaked", "triefend naß").encode(encoding)
    assert dx.read_network(written(tmp_path, text))["wet"].states[2] == "triefend naß"
    bare = XMLBIF.partition("\n")[2].replace("soaked", "naß").encode(encoding)
    assert dx.read_network(written(tmp_path, bare))["wet"].states[2] == "naß"


def test_a_class_without_instances_is_a_network(tmp_path: Path) -> None:
    """Hugin wraps the networks of its newer files in a class."""
    body = NET.partition("\n")[2].partition("\n")[2]
    wrapped = f'class Garden {{ inputs = (); outputs = (); node_size = (1 2); HR_Desc = "all"; {body} }}'
    network = dx.read_network(written(tmp_path, wrapped))
    assert network == dx.read_network(written(tmp_path, NET, "plain"))
    assert (network.details.label, network.details.comment) == ("Garden", "all")


def test_quotes_of_hugin(tmp_path: Path) -> None:
    """A quote within a text stands behind a backslash; a percent sign there starts no comment."""
    text = NET.replace('"soaked"', r'"100 % \"wet\""')
    assert dx.read_network(written(tmp_path, text))["wet"].states[2] == '100 % "wet"'


def test_names_that_hugin_would_not_take_are_read_from_others(tmp_path: Path) -> None:
    """R and pyAgrum write names with points and hyphens."""
    text = NET.replace("node wet", "node wet-grass.1").replace("(wet |", "(wet-grass.1 |").replace("tap", "2nd_tap")
    network = dx.read_network(written(tmp_path, text))
    assert network["wet-grass.1"].parents == ("rain", "2nd_tap")


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "windows-1252", "utf-16"])
def test_xml_in_the_encoding_that_it_names(tmp_path: Path, encoding: str) -> None:
    """Whatever Python has a table for, and the wide ones by their mark."""
    text = XMLBIF.replace("US-ASCII", encoding).replace("soaked", "naß").encode(encoding)
    assert dx.read_network(written(tmp_path, text))["wet"].states[2] == "naß"


def test_a_flat_table_of_hugin_follows_the_same_order(tmp_path: Path) -> None:
    """Parentheses around rows may be left out altogether."""
    flat = NET.replace("((( 0.9", "( 0.9").replace("0.2 ))", "0.2").replace("(( 0.3", "0.3").replace("0.7 )))", "0.7 )")
    flat = (
        flat.replace("0.02 )", "0.02").replace("( 0.5", "0.5").replace("0.4 )", "0.4").replace("( 0.1 0.2", "0.1 0.2")
    )
    assert dx.read_network(written(tmp_path, flat)) == dx.read_network(written(tmp_path, NET, "nested"))


REFUSED = [
    (NET.replace("node rain {", "decision rain {"), "'rain' (a decision, line 8)"),
    (NET.replace("node rain { states", "utility rain { x"), "'rain' (a utility, line 8)"),
    (NET.replace("node rain { states", "continuous node rain { x"), "'rain' (a continuous variable, line 8)"),
    (NET.replace("node rain { states", "function node rain { x"), "'rain' (a function, line 8)"),
    (NET + "\ninstance I : C (a = b; c = d) {}", "'I' (an instance of a class, line 20"),
    (XMLBIF.replace('TYPE="nature"><NAME>tap', 'TYPE="decision"><NAME>tap'), "'tap' (decision, line 12)"),
    (XMLBIF.replace('TYPE="nature"><NAME>tap', 'TYPE="utility"><NAME>tap'), "'tap' (utility"),
    *(
        (XDSL.replace('<cpt id="tap">', f'<{kind} id="tap"/><cpt id="tip">'), f"'tap' ({what}")
        for kind, what in [
            ("decision", "a decision"),
            ("utility", "a utility"),
            ("mau", "a utility"),
            ("equation", "a continuous variable"),
            ("noisyadder", "a noisy adder"),
            ("whatever", "<whatever>"),
        ]
    ),
    (XDSL.replace('<cpt id="tap">', '<cpt id="tap" dynamic="plate">'), "'tap' (of dynamic slices"),
    (
        XDSL.replace("</nodes>", '</nodes><dynamic numslices="3"><cpt id="tap" order="1"/></dynamic>'),
        "'tap' (of dynamic slices",
    ),
    (UAI.replace("BAYES", "MARKOV"), "line 1: a MARKOV network"),
]


@pytest.mark.parametrize(("content", "named"), REFUSED, ids=[named for _, named in REFUSED])
def test_what_no_discrete_network_has_is_refused_by_name(tmp_path: Path, content: str, named: str) -> None:
    """Nothing is left out silently."""
    path = written(tmp_path, content)
    with pytest.raises(NetworkError) as caught:
        dx.read_network(path)
    assert str(caught.value).startswith(str(path))
    assert named in str(caught.value)


MALFORMED = [
    (NET.replace("80 20", "80"), "line 10: variable 'rain': 1 numbers; expected 2 (2 states)."),
    (NET.replace("80 20", "80 20 5"), "line 10: variable 'rain': 3 numbers; expected 2"),
    (NET.replace("80 20", "0 0"), "line 10: variable 'rain': the row sums to 0; expected more than 0."),
    (NET.replace("80 20", "80 x"), "line 10: variable 'rain': 'x'; expected numbers of at least 0."),
    (NET.replace("80 20", "80 -1"), "'-1'; expected numbers of at least 0."),
    (NET.replace("80 20", "nan 1"), "'nan'; expected numbers of at least 0."),
    (NET.replace("80 20", "8_0 20"), "'8_0'; expected numbers of at least 0."),
    (NET.replace("80 20", "0,8 0,2"), "'0,8'; expected numbers of at least 0."),
    (
        NET.replace("wet | rain tap", "wet | rayn tap"),
        "line 12: 'rayn', a parent of 'wet', is not a variable. Did you mean 'rain'?",
    ),
    (NET.replace("wet | rain tap", "wet | rain rain"), "line 12: variable 'wet' names its parent 'rain' twice."),
    (NET.replace("potential (tap |)", "potential (tap | wet)").replace("(0.9 0.1)", "(1 0 1 0 1 0)"), "cycle"),
    (NET.replace("potential (wet | rain tap)", "potential (wet rain | tap)"), "a potential of 'wet', 'rain'"),
    (NET.replace("potential (tap |)", "potential (rain |)"), "line 11: variable 'rain' has a second potential here."),
    (NET.replace("node rain", "node wet"), "line 8: variable 'wet' stands here again; it is in line 3 already."),
    (NET.replace('"a little"', '"dry"'), "line 3: variable 'wet' has the state 'dry' twice."),
    (NET.replace('states = ("no" "yes");', ""), "line 8: variable 'rain' has no states."),
    (NET.partition("potential (tap")[0], "line 3: variable 'wet' has no potential."),
    (NET.replace("data = (0.9 0.1);", ""), "line 11: variable 'tap' has a potential without data."),
    (NET.replace("data = (0.9 0.1)", "model_data = Normal(1)"), "'tap' is defined by an expression (model_data)"),
    (NET.replace("0.08 0.02 )", "0.08 ) (0.02)"), "line 13: variable 'wet': the parentheses of its data"),
    (NET.replace("( 0.5 0.3 0.2 ))", "( 0.5 0.3 ))").replace("0.1 0.2 0.7", "0.1 0.2 0.7 0.2"), "the parentheses"),
    (NET.replace("}", "", 1), "expected '='."),
    (NET[:-3], "expected"),
    (NET.replace('"Wet grass"', '"Wet grass'), "line"),
    (XMLBIF.replace("0.8 2e-1", "0.8 0.3"), "line 13: variable 'rain': the row sums to 1.1; expected 1."),
    (XMLBIF.replace("0.1 0.2 0.7", "0.1 0.2 0.8"), "the row for 'rain' = 'yes', 'tap' = 'on' sums to 1.1; expected 1."),
    (XMLBIF.replace("<GIVEN>tap", "<GIVEN>tapp"), "line 8: 'tapp', a parent of 'wet', is not a variable."),
    (XMLBIF.replace("<FOR>rain", "<FOR>snow"), "line 13: a definition is for 'snow', which is not a variable."),
    (XMLBIF.replace("<TABLE>.9 .1</TABLE>", ""), "line 14: variable 'tap' has 0 <TABLE>; expected one."),
    (XMLBIF.replace("<FOR>tap", "<FOR>rain"), "line 14: variable 'rain' is defined a second time here."),
    (XMLBIF.replace("<FOR>rain</FOR>", "<FOR>rain</FOR><FOR>tap</FOR>"), "<FOR> 'rain', 'tap'; expected one variable"),
    (XMLBIF.replace("</DEFINITION>", "<X/></DEFINITION>", 1), "<X> in a definition is not understood."),
    (XMLBIF.replace("</VARIABLE>", "", 1), "no well-formed XML: mismatched tag"),
    (XMLBIF[:200], "no well-formed XML"),
    (XDSL.replace("<probabilities>0.9 0.1</probabilities>", ""), "line 10: variable 'tap' has 0 <probabilities>"),
    (XDSL.replace(">0.9 0.1<", ">0.9 0.1 0<"), "line 10: variable 'tap': 3 numbers; expected 2 (2 states)."),
    (XDSL.replace("<parents>rain tap", "<parents>rain tip"), "line 11: 'tip', a parent of 'wet', is not a variable."),
    (XDSL.replace("some some some<", "some some<"), "line 16: variable 'mud': 5 resulting states; expected 6"),
    (XDSL.replace("some some some<", "some some much<"), "line 16: variable 'mud': 'much' in <resultingstates>"),
    (XDSL.replace('<state id="off"/>', "<state/>"), "line 10: a state of 'tap' has no id."),
    (XDSL.replace("<extensions>", "<surprise/><extensions>"), "line 18: <surprise> is not understood."),
    (GATE.replace("1 0 2 1 0", "1 0 2 1"), "line 5: variable 'x': <strengths> is not an order of the states"),
    (GATE.replace("1 0 2 1 0", "1 1 2 1 0"), "line 5: variable 'x': <strengths> is not an order of the states"),
    (
        GATE.replace("0 0 1   0.4", "0.1 0 0.9   0.4"),
        "line 6: variable 'x': the last column of 'a' is that of",
    ),
    (GATE.replace("0.05 0.1 0.85", "0.05 0.1"), "line 6: variable 'x': 17 parameters; expected 18"),
    (GATE.replace("0.05 0.1 0.85", "0.05 0.1 0.5"), "line 6: variable 'x': column 6 of <parameters> sums to 0.65."),
    (UAI.replace("12\n", "13\n"), "the file ends before the table of variable 2."),
    (UAI.replace("12\n", "11\n"), "variable '2': 11 numbers; expected 12"),
    (UAI + " 0.5", "line 16: '0.5' after the last table; expected the end of the file."),
    (UAI.replace("3 0 1 2", "3 0 7 2"), "line 7: '7', a parent of '2', is not a variable."),
    (UAI.replace("3 0 1 2", "3 0 1 1"), "line 7: variable 1 is last in two scopes; it has one table."),
    (UAI.replace("1 0\n1 1", "1 0\n1 0"), "line 6: variable 0 is last in two scopes; it has one table."),
    (UAI.replace("2 2 3", "2 2 3000000"), "states, more than the file has numbers."),
    (UAI.replace("2 2 3", "2 2 x"), "line 3: 'x'; expected the number of states of variable 2, a whole number."),
]


@pytest.mark.parametrize(("content", "said"), MALFORMED, ids=[said[:50] for _, said in MALFORMED])
def test_a_malformed_file_is_told_with_file_line_and_node(tmp_path: Path, content: str, said: str) -> None:
    """One sentence that says where and what."""
    path = written(tmp_path, content)
    with pytest.raises(NetworkError) as caught:
        dx.read_network(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


BOMB = "<!DOCTYPE smile [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
) + "]><smile id='&j;'/>"  # fmt: skip
ATTACKS = {
    "billion laughs": BOMB,
    "external entity": "<!DOCTYPE BIF [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><BIF><NETWORK><NAME>&x;</NAME></NETWORK></BIF>",
    "parameter entity": "<!DOCTYPE BIF [<!ENTITY % x SYSTEM 'file:///etc/passwd'> %x;]><BIF/>",
    "depth": "<BIF>" * 100_000,
    "attributes": "<BIF " + " ".join(f"a{n}='1'" for n in range(100_000)) + "/>",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_xml_is_read_without_entities_and_within_limits(tmp_path: Path, attack: str) -> None:
    """No entity is expanded, nothing is fetched, nothing nests without end."""
    with pytest.raises(NetworkError, match=r"entity|no network has that"):
        dx.read_network(written(tmp_path, attack))


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04", b"\x80\x04pickle", b"\x00" * 100, b"// ~->[DNET-1]->~\nbnet X {", b"<ProbModelXML/>", b"{}",
     b"belief network x", b"hello world"],
)  # fmt: skip
def test_other_files_get_one_sentence_that_names_the_formats(tmp_path: Path, content: bytes) -> None:
    """Encrypted and unknown files alike; nothing of them is executed."""
    path = written(tmp_path, content)
    with pytest.raises(NetworkError) as caught:
        dx.read_network(path)
    assert str(caught.value) == (
        f"{path}: its content is none of the formats read, which are BIF, XMLBIF, Hugin NET, GeNIe XDSL and UAI BAYES, "
        "each plain or gzip."
    )


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    """Missing, empty, a folder, broken gzip."""
    with pytest.raises(NetworkError, match=r"missing\.net: No such file"):
        dx.read_network(tmp_path / "missing.net")
    with pytest.raises(NetworkError, match="it is empty"):
        dx.read_network(written(tmp_path, " \n"))
    with pytest.raises(NetworkError):
        dx.read_network(tmp_path)
    with pytest.raises(NetworkError):
        dx.read_network(written(tmp_path, gzip.compress(NET.encode())[:40]))


@pytest.mark.parametrize(
    ("start", "kind"),
    [("network x {", "bif"), ("// c\n/* d */ variable a", "bif"), ("%c\nnet{}", "net"), ("class A {", "net"),
     ("<?xml version='1.0'?><!-- a - b --><!DOCTYPE BIF [<!ELEMENT A (B)>]><BIF>", "xmlbif"), ("<smile>", "xdsl"),
     ("c a comment\nBAYES 1", "uai"), ("markov", "uai"), ("networks", ""), ("<html>", "")],
)  # fmt: skip
def test_a_format_is_known_by_its_first_words(start: str, kind: str) -> None:
    """After comments and blanks."""
    assert recognise(start.encode()) == kind


@public
@pytest.mark.parametrize("name", ["alarm.net", "small.net", "alarm.bifxml", "dog.bifxml"])
def test_pyagrum_reads_the_same_from_net_and_xmlbif(name: str) -> None:
    """Names, order of states and tables, where pyAgrum is right (it reads numbers in single precision)."""
    gum = pytest.importorskip("pyagrum")
    path = str(SHARED / "formats" / name)
    network, other = dx.read_network(path), gum.loadBN(path)
    assert set(network.names) == set(other.names())
    for node in network.nodes:
        assert tuple(other.variable(node.name).labels()) == node.states
        scope = [*node.parents, node.name]
        cpt = other.cpt(node.name)
        theirs = cpt.toarray()
        theirs = theirs / theirs.sum(axis=list(reversed(cpt.names)).index(node.name), keepdims=True)
        mine = node.cpd.table().transpose([scope.index(each) for each in reversed(cpt.names)])
        assert_allclose(mine, theirs, atol=1e-6)


@public
def test_asia_in_uai_is_the_network_of_the_textbook() -> None:
    """Numbers of Lauritzen and Spiegelhalter (1988); states 0 and 1 are no and yes, but for the table of dyspnoea."""
    network = dx.read_network(SHARED / "formats" / "asia.uai")
    assert network.names == tuple("01234567")
    assert [node.parents for node in network.nodes] == [
        (), (), ("1",), ("1",), ("0",), ("3", "4"), ("2", "5"), ("5",)
    ]  # fmt: skip
    assert_array_equal(network["4"].cpd.table(), [[0.05, 0.95], [0.01, 0.99]])
    assert_array_equal(network["5"].cpd.table()[..., 0], [[1, 1], [1, 0]])
    assert_array_equal(network["6"].cpd.table()[..., 0], [[0.9, 0.8], [0.7, 0.1]])


@public
def test_benefits_follows_the_rule_of_xdsl() -> None:
    """A node with four parents, cell by cell from the file; names of GeNIe as labels, its rectangles as places."""
    network = dx.read_network(SHARED / "formats" / "benefits.xdsl")
    assert len(network) == 14
    node = network["Project_management"]
    assert node.parents == ("Vendor_support", "Business_planning", "Application_complexity", "Application_analysis")
    assert node.cpd.table()[0, 0, 0, 1, 0] == 0.59
    assert node.cpd.table()[0, 1, 1, 0, 0] == 0.439
    assert node.cpd.table()[1, 0, 0, 0, 0] == 0.791
    assert network["Standards_integration"].details.label == "Standards integration"
    assert network["Standards_integration"].details.position == (567, 222, 666, 281)


@pytest.mark.parametrize("kind", ["XMLBIF", "XDSL", "NET"])
def test_what_pgmpy_writes_is_read(tmp_path: Path, kind: str) -> None:
    """Its own writers, on one of its own networks."""
    from pgmpy import readwrite

    network = dx.read_bif(SHARED / "alarm.bif.gz") if SHARED.is_dir() else dx.read_network(written(tmp_path, NET, "n"))
    writer = getattr(readwrite, f"{kind}Writer")(dx.to_pgmpy(network))
    path = tmp_path / "file"
    writer.write(str(path)) if hasattr(writer, "write") else writer.write_xmlbif(str(path))
    read = dx.read_network(path)
    for node in network.nodes:
        assert (read[node.name].states, read[node.name].parents) == (node.states, node.parents)
        assert_allclose(read[node.name].cpd.table(), node.cpd.table(), atol=1e-15)
