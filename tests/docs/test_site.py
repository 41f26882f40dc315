"""The documentation site: it builds without a warning, holds together, describes every name."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown import Markdown

import bayesdx as dx
from docs.hooks.formulas import Formulas
from tests.docs.site import broken_links, build, page
from tests.explorer import browser as b

needs_browser = pytest.mark.skipif(b.chromium() is None, reason=b.NO_BROWSER)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly, once for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "site"
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            run = build(shared / "building")
            assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
            (shared / "building").rename(folder)
    return folder


def test_every_link_leads_somewhere(site: Path) -> None:
    """Every link within the site names a file and, after #, a place that exist."""
    assert broken_links(site) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """A link to a page or a place that does not exist is named; addresses of others are not looked up."""
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here"></a><a href="b.html#there"></a><a href="https://x.org"></a>'
    )
    (tmp_path / "b.html").write_text('<p id="here"><img src="no.png">')
    assert broken_links(tmp_path) == [
        "a.html: b.html#there is no place of that page",
        "b.html: no.png is no file of the site",
    ]


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """No script, style, font, picture or frame has an outside address, in no page and in no style sheet."""
    for path in site.rglob("*.html"):
        assert [address for address in page(path).loaded if re.match(r"(https?:)?//", address)] == [], path.name
        assert not re.search(r"https?://[^\s\"']*(cdn|unpkg|gstatic|googleapis)", page(path).text), path.name
    for path in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import )[\"']?(https?:)?//", path.read_text("utf-8")), path.name


def test_every_public_name_is_described_once(site: Path) -> None:
    """Each name of ``bayesdx`` has its place on one page of the reference, and the list of all names leads there."""
    places: dict[str, list[str]] = {}
    for path in (site / "reference").glob("*.html"):
        for place in page(path).ids:
            places.setdefault(place, []).append(path.name)
    listed = page(site / "reference/index.html").links
    addresses = [*(f"bayesdx.{name}" for name in dx.__all__), *(f"bayesdx.types.{name}" for name in dx.types.__all__)]
    for name in addresses:
        address = name.replace("bayesdx.BayesDx", "bayesdx.learning.classifier.BayesDx")
        assert len(places[address]) == 1, name
        assert f"{places[address][0]}#{address}" in listed


def test_every_command_is_described(site: Path) -> None:
    """The page of the command line shows the help of each command."""
    ids = page(site / "reference/command-line.html").ids
    assert {"models", "check", "diagnose", "explain", "score", "calibrate", "explore"} <= set(ids)


def test_docstrings_show_formulas(site: Path) -> None:
    """No role or directive of Sphinx is left in the reference; its formula is MathML."""
    for path in (site / "reference").glob("*.html"):
        assert not re.search(r":math:|\.\. math|^=====", page(path).text, re.MULTILINE), path.name
    assert "<math" in page(site / "reference/evaluation.html").text


@pytest.mark.parametrize(
    ("text", "formulas", "rest"),
    [
        ("odds are $p / (1 - p)$.", 1, "odds are "),
        (r"with :math:`\lambda_0` the leak", 1, "with "),
        ("$$\n\\sum_i x_i\n$$", 1, ""),
        (".. math:: a = b", 1, ""),
        ("from $5 to $10", 0, "from $5 to $10"),
        (r"a \$5 and $10 bill", 0, "a $5 and $10 bill"),
        ("the shell's `$HOME` and `$PATH`", 0, "$HOME"),
    ],
)
def test_formulas_are_told_from_dollars(text: str, formulas: int, rest: str) -> None:
    """A dollar opens a formula where it touches the first and the last sign of it; code and prices stay."""
    html = Markdown(extensions=[Formulas()]).convert(text)
    assert html.count("<math") == formulas
    assert rest in html


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    pytest.importorskip("playwright", reason="Python playwright is not installed; make test installs it")
    with b.launched() as browser:
        yield browser


PAGES = [
    "index.html",
    "tutorial.html",
    "comparison.html",
    "explanation/inference.html",
    "notebooks/01_first_diagnosis.html",
    "reference/reasoning.html",
    "model-format.html",
]
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 400, "height": 800}, "color_scheme": "light"},
}


@needs_browser
@pytest.mark.parametrize("look", LOOKS)
def test_pages_open_from_a_disk(site: Path, chromium: Any, look: str) -> None:
    """No error in the console, no request beyond the machine, the system's palette, nothing too wide or too pale."""
    watched = b.Watched(chromium, **LOOKS[look])
    for name in PAGES:
        watched.tab.goto((site / name).as_uri())
        watched.shoot(f"docs-{Path(name).stem}-{look}")
        scheme = watched.tab.locator("body").get_attribute("data-md-color-scheme")
        assert scheme == ("slate" if look == "dark" else "default")
        width = watched.tab.evaluate("document.documentElement.scrollWidth")
        assert width <= LOOKS[look]["viewport"]["width"], name
        assert watched.tab.evaluate(b.CONTRAST) == [], name
    watched.context.close()
    assert watched.faults == []


@needs_browser
def test_the_explorer_of_the_landing_page_is_live(site: Path, chromium: Any) -> None:
    """What is clicked in it has the posterior that Python gives; each figure of the gallery is drawn."""
    watched = b.Watched(chromium, **LOOKS["light"])
    watched.tab.goto((site / "index.html").as_uri())
    explorer = watched.tab.frame(url=re.compile("explorer.html"))
    assert explorer is not None
    explorer.wait_for_selector(".bdx-line[data-cause]")
    b.choose(explorer, "Saddle anaesthesia", "present")
    case = dx.diagnose("hip_flexion_weakness", {"saddle_anaesthesia": "present"})
    shown = {line.cause: dx.display.format_probability(line.posterior) for line in case.differential}
    assert shown.items() <= b.shown(explorer).items()
    figures = watched.tab.locator("img.figure")
    assert figures.count() >= 6
    drawn = "all => Promise.all(all.map(one => one.decode().then(() => one.naturalWidth)))"
    assert min(figures.evaluate_all(drawn)) > 100
    watched.context.close()
    assert watched.faults == []


@needs_browser
def test_search_works_from_a_disk(site: Path, chromium: Any) -> None:
    """Searching for ``explain`` finds its place in the reference."""
    watched = b.Watched(chromium, **LOOKS["light"])
    watched.tab.goto((site / "index.html").as_uri())
    watched.tab.locator(".md-search__input").click()
    watched.tab.keyboard.type("explain")
    found = watched.tab.locator(".md-search-result__link[href$='#bayesdx.explain']").first
    found.click()
    watched.tab.wait_for_url("**/reference/reasoning.html*")
    watched.context.close()
    assert watched.faults == []
