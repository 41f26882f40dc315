"""The documentation site, built as ``make docs`` builds it, and what its pages hold."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[2]

LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Elements whose address a browser loads by itself."""


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site into a folder; a warning is a failure."""
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


class Page(HTMLParser):
    """The ids of a page, the addresses it links to, and the addresses that it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.text = path.read_text("utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag says."""
        said = {name: value or "" for name, value in attrs}
        if "id" in said:
            self.ids.append(said["id"])
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        if LOADING.get(tag, "") in said and said.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(said[LOADING[tag]])


@cache
def page(path: Path) -> Page:
    """A built page, read once."""
    return Page(path)


def broken_links(site: Path) -> list[str]:
    """Links and loaded files that lead nowhere in the site, one sentence each; outside addresses are not looked up."""
    found = []
    for path in sorted(site.rglob("*.html")):
        for address in {*page(path).links, *page(path).loaded}:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or (path.name == "404.html" and address.startswith("/")):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                found.append(f"{path.relative_to(site)}: {address} is no file of the site")
            elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in page(target).ids:
                found.append(f"{path.relative_to(site)}: {address} is no place of that page")
    return found
