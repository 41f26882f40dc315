"""The drawing of a network and the page of a diagnosis, as text."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

import bayesdx as dx
from bayesdx.display import format_probability
from bayesdx.display.graph import KNOWN, Arrow, Box, Section, layered_svg
from tests.explorer.hostile import CAR, hostile_folder

MODEL = "hip_flexion_weakness@1.0.0"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def model() -> dx.Model:
    return dx.load_model(MODEL)


def test_nodes_show_the_posteriors(model: dx.Model) -> None:
    """Each variable is one node; a cause shows its posterior, an observed finding its state and an outline."""
    case = dx.diagnose(model, {"onset": "sudden", "patellar_reflex": ["reduced", "absent"], "fever": dx.UNKNOWN})
    tree = ElementTree.fromstring(dx.draw_network(model, case).svg)
    nodes = {group.findtext(f"{SVG}title", "").partition(":")[0]: group for group in tree.findall(f"{SVG}g")}
    assert len(tree.findall(f"{SVG}g")) == len(model.variables)
    for line in case.differential:
        assert nodes[line.label].findall(f"{SVG}text")[-1].text == format_probability(line.posterior)
    assert nodes["Onset"].findall(f"{SVG}text")[-1].text == "sudden"
    outlines = {name: [box.get("stroke") for box in group.findall(f"{SVG}rect")] for name, group in nodes.items()}
    assert sorted(name for name, (first, *_) in outlines.items() if first == KNOWN) == ["Onset", "Patellar reflex"]


@pytest.mark.parametrize("source", [MODEL, CAR, "chest_clinic"], ids=["flagship", "car_start", "chest_clinic"])
@pytest.mark.parametrize("strongest", [1, 3, None])
def test_the_strongest_links_are_drawn(source: str | Path, strongest: int | None) -> None:
    """Each variable keeps so many of its links, and these are the strongest; wider is stronger."""
    model = dx.load_model(source)
    network = dx.as_network(model)
    parents = [len(node.parents) for node in network.nodes]
    drawing = dx.draw_network(model, strongest=strongest)
    tree = ElementTree.fromstring(drawing.svg)
    wanted = sum(parents if strongest is None else [min(strongest, count) for count in parents])
    assert len(tree.findall(f"{SVG}path")) == wanted
    assert f"{wanted} of {sum(parents)} links drawn" in str(drawing)
    pairs = []
    for path in tree.findall(f"{SVG}path"):
        strength = float((path.findtext(f"{SVG}title") or "").rpartition(" ")[2])
        assert 0 <= strength <= 1
        pairs.append((float(path.get("stroke-width", "")), strength))
    for (one, weak), (other, strong) in zip(sorted(pairs), sorted(pairs)[1:], strict=False):
        assert one <= other and weak <= strong + 0.011


def test_no_edge_leaves_the_drawing() -> None:
    """Edges within the last column, as a tree of findings has them, bow inside the frame."""
    rows = [("ill", "a", "x"), ("ill", "a", "y"), ("ill", "b", "x"), ("well", "b", "y"), ("well", "b", "y")] * 9
    table = pd.DataFrame(rows, columns=["disease", "one", "other"])
    tree = ElementTree.fromstring(
        dx.draw_network(dx.fit_model(table, "disease", structure="tree").model, strongest=None).svg
    )
    width = float(tree.get("width", ""))
    within = 0
    for path in tree.findall(f"{SVG}path"):
        first, *others = (float(x) for x in re.findall(r"[MC ](-?[\d.]+) -?[\d.]+", path.get("d", "")))
        assert max(first, *others) <= width
        within += first == others[-1]
    assert within


def test_an_edge_ends_where_the_other_node_begins() -> None:
    """Edges join the sides that face each other, also from right to left, so that none strikes out a name."""
    left, right = Box("a", "A", "10 %", [0.1]), Box("b", "B", "10 %", [0.1])
    sections = [Section(0, "Left", [left]), Section(1, "Right", [right])]
    ends = []
    for source, target in ("ab", "ba"):
        tree = ElementTree.fromstring(layered_svg(sections, [Arrow(source, target, 0.5)], "T"))
        edges = {node.findtext(f"{SVG}title"): node.find(f"{SVG}rect") for node in tree.findall(f"{SVG}g")}
        between = (
            float(edges["A"].get("x")) + float(edges["A"].get("width")),
            float(edges["B"].get("x")),
        )
        path = tree.find(f"{SVG}path").get("d")
        found = [float(x) for x in re.findall(r"(-?[\d.]+) -?[\d.]+", path)]
        assert sorted((found[0], found[-1])) == list(between)
        ends.append(found[0] < found[-1])
    assert ends == [True, False]


def test_what_cannot_be_drawn_is_said(model: dx.Model) -> None:
    """A case of another model and a count below one are refused."""
    with pytest.raises(dx.FindingsError, match=r"^draw_network: the case is one of chest_clinic 1\.0\.0, not of hip"):
        dx.draw_network(model, dx.diagnose(dx.load_model("chest_clinic")))
    with pytest.raises(
        dx.FindingsError, match=r"^draw_network: strongest = 0; expected at least 1, or None for all\.$"
    ):
        dx.draw_network(model, strongest=0)


def test_a_drawing_is_shown_and_saved(model: dx.Model, tmp_path: Path) -> None:
    """A notebook shows the SVG; the file holds the same; a terminal says in words what it shows."""
    drawing = dx.draw_network(model)
    drawing.save(tmp_path / "network.svg")
    assert (tmp_path / "network.svg").read_text("utf-8") == drawing._repr_html_() == drawing.svg
    assert repr(drawing).startswith("Network of hip_flexion_weakness 1.0.0, primary_care: 51 variables; ")


def test_the_page_is_self_contained(model: dx.Model, tmp_path: Path) -> None:
    """The page has a policy, no script, no address and no attribute that styles or runs; it holds what was asked."""
    case = dx.diagnose(model, {"saddle_anaesthesia": "present", "fever": dx.UNKNOWN})
    case.to_html(tmp_path / "case.html", "cauda_equina_syndrome")
    page = (tmp_path / "case.html").read_text("utf-8")
    assert "default-src 'none'" in page and "Why Cauda equina syndrome?" in page
    assert model.hash in page and "EMERGENCY" in page
    assert not re.search(r"<script|<link|<img|<a |\s(style|src|href|on\w+)=|https?:", page)
    with pytest.raises(dx.FindingsError, match="Did you mean 'cauda_equina_syndrome'"):
        case.to_html(tmp_path / "other.html", "cauda_equina")
    assert not (tmp_path / "other.html").exists()


def test_hostile_texts_are_escaped(tmp_path: Path) -> None:
    """Neither the drawing nor the page holds markup of the model."""
    model = dx.load_model(hostile_folder(tmp_path / "hostile"))
    case = dx.diagnose(model, {"cranking": model.by_name["cranking"].states[-1], "voltage_test": "low"})
    case.to_html(tmp_path / "case.html")
    for text in ((tmp_path / "case.html").read_text("utf-8"), dx.draw_network(model, case).svg):
        assert "&lt;" in text
        assert not re.search(r"<script|<img|<b |</textarea", text)
    ElementTree.fromstring(dx.draw_network(model, case).svg)
