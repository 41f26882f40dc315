"""A network of another tool in the explorer: imported by one command, clicked in headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import bayesdx as dx
from bayesdx.cli.app import app
from tests.explorer import browser as b
from tests.explorer.test_browser import WIDE
from tests.network.test_import import CAUSES, pgmpy_network

pytest.importorskip("playwright", reason="Python playwright is not installed; make test installs it")
pytestmark = pytest.mark.skipif(b.chromium() is None, reason=b.NO_BROWSER)

CLICKS = {
    "hepar2": (("jaundice", "present"), ("ESR", "a200_50"), ("carcinoma", "present")),
    "alarm": (("BP", "LOW"), ("HISTORY", "TRUE"), ("PRESS", "HIGH")),
}


@contextmanager
def published(model: dx.Model, folder: Path) -> Iterator[str]:
    """The address of a published page."""
    yield dx.publish(model, folder / "page.html").as_uri()


@pytest.mark.parametrize("as_file", [False, True], ids=["local page", "published"])
@pytest.mark.parametrize("name", CLICKS)
def test_each_click_shows_what_diagnose_gives(opened: Any, name: str, as_file: bool, tmp_path: Path) -> None:
    """hepar2 and alarm of pgmpy's wheel; nothing fails in the page, nothing leaves the machine."""
    options = [part for cause in CAUSES[name] for part in ("--cause", cause)]
    done = CliRunner().invoke(app, ["import", str(pgmpy_network(name)), str(tmp_path / name), *options])
    assert done.exit_code == 0, done.output
    model = dx.load_model(tmp_path / name)
    findings: dict[str, str] = {}
    page = published(model, tmp_path) if as_file else b.served(model)
    with page as address:
        tab = opened(**WIDE).open(address)
        assert b.shown(tab) == b.lines_of(dx.diagnose(model))
        for variable, state in CLICKS[name]:
            findings[variable] = state
            b.choose(tab, model.label(variable), model.by_name[variable].state_label(state))
            assert b.shown(tab) == b.lines_of(dx.diagnose(model, findings))
