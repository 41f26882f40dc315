"""What the browser tests share: Chromium, the local page, the real JupyterLab, and how a click is timed."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import bayesdx as dx
from bayesdx.explorer import Page

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build/screenshots"
MODEL = "hip_flexion_weakness"
"""Its newest version: what people explore."""

NO_BROWSER = "no Chromium on this machine; on Debian: apt-get install --no-install-recommends chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions",
]  # fmt: skip

CLICK_AND_WAIT = """async (selector) => {
  const root = document.querySelector('.bdx-explorer');
  const before = root.dataset.step;
  const frame = () => new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now());
    channel.port2.postMessage(0);
  }));
  const target = document.querySelector(selector);
  const start = performance.now();
  target.click();
  const times = {};
  while (performance.now() - start < 120000) {
    const now = await frame() - start;
    if (root.dataset.step === before) continue;
    for (const name of ["step", "panels", "settled"]) {
      if (root.dataset[name] === root.dataset.step) times[name] ??= now;
    }
    if (times.settled) return [times.step, times.panels, times.settled];
  }
  throw new Error(`not repainted: ${selector}`);
}"""
"""Milliseconds from a click to the frames in which the differential, all panels, and the intervals show the answer."""

CONTRAST = """() => {
  const channel = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (css) => { paint.clearRect(0, 0, 1, 1); paint.fillStyle = css; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c[3] === 255) return c; } return [255, 255, 255, 255]; };
  const walker = document.createTreeWalker(document.querySelector('.bdx-explorer, main'), NodeFilter.SHOW_TEXT);
  const poor = [];
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement, style = getComputedStyle(e);
    if (!walker.currentNode.textContent.trim() || !e.getClientRects().length) continue;
    if (e.closest(':disabled, option')) continue;
    const [one, other] = [light(rgb(style.color)), light(ground(e))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) poor.push(`${walker.currentNode.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
"""Texts whose contrast with their ground is below 4.5 (WCAG 2, level AA)."""


def chromium() -> str | None:
    """Path of the browser."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def launched() -> Iterator[Any]:
    """A headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(model: dx.Model, findings: dict[str, Any] | None = None) -> Iterator[str]:
    """The address of a local page."""
    with Page(model, findings) as page:
        thread = threading.Thread(target=page.serve, daemon=True)
        thread.start()
        try:
            yield page.address
        finally:
            page.stop()
            thread.join()
            for watched in list(WATCHED):
                watched.alone = watched.alone or watched.tab.url.startswith(page.address)


WATCHED: weakref.WeakSet[Watched] = weakref.WeakSet()
"""The tabs of all tests."""


class Watched:
    """A browser tab that notes what went wrong: console errors, exceptions, requests that left the machine.

    What a page still asks of a server that has stopped is no fault; another server may have its port by then.
    """

    def __init__(self, browser: Any, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(120_000)  # milliseconds; on a busy machine the same comes later
        self.tab = self.context.new_page()
        self.faults: list[str] = []
        self.alone = False
        WATCHED.add(self)
        self.tab.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        self.tab.on("console", self._hear)
        self.tab.on("request", self._see)
        self.tab.on("dialog", self._dialog)

    def _hear(self, message: Any) -> None:
        if message.type == "error" and not (self.alone and message.text.startswith("Failed to load resource")):
            self.faults.append(f"console: {message.text}")

    def _see(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "file:")):
            self.faults.append(f"request: {request.url}")

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, address: str) -> Any:
        """Open the local page and wait for its differential."""
        self.tab.goto(address)
        self.tab.wait_for_selector(".bdx-line[data-cause]")
        settle(self.tab)
        return self.tab

    def shoot(self, name: str) -> None:
        """Write a screenshot."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.tab.screenshot(path=SCREENSHOTS / f"{name}.png")


def settle(tab: Any) -> None:
    """Wait until every panel shows the state."""
    tab.wait_for_function(
        "() => { const d = document.querySelector('.bdx-explorer').dataset; return d.step && d.step === d.settled; }"
    )


@cache
def labels() -> dict[str, dict[str, str]]:
    """Label of a variable of the newest flagship -> name of a state in words -> its label."""
    variables = dx.load_model(MODEL).variables
    return {v.label: {state.replace("_", " "): v.state_label(state) for state in v.states} for v in variables}


def radio(tab: Any, finding: str, state: str) -> Any:
    """The segment of a finding; the state by its name in words or by its label."""
    group = tab.get_by_role("radiogroup", name=finding, exact=True)
    return group.get_by_role("radio", name=labels().get(finding, {}).get(state, state), exact=True)


def choose(tab: Any, finding: str, state: str) -> None:
    """Click a segment and wait for the answer."""
    before = tab.locator(".bdx-explorer").get_attribute("data-step")
    radio(tab, finding, state).click()
    wait_for_step(tab, before)


def press(tab: Any, name: str) -> None:
    """Click a button of the toolbar and wait for the answer."""
    before = tab.locator(".bdx-explorer").get_attribute("data-step")
    tab.get_by_role("button", name=name, exact=True).click()
    wait_for_step(tab, before)


def wait_for_step(tab: Any, before: str | None) -> None:
    tab.wait_for_function("(before) => document.querySelector('.bdx-explorer').dataset.step !== before", arg=before)
    settle(tab)


def shown(tab: Any) -> dict[str, str]:
    """What the differential shows: cause -> percentage."""
    rows: dict[str, str] = tab.locator(".bdx-lines .bdx-line").evaluate_all(
        "rows => Object.fromEntries(rows.map(r => [r.dataset.cause, r.querySelector('.bdx-shown').textContent]))"
    )
    return rows


def lines_of(case: dx.Diagnosis) -> dict[str, str]:
    """What the differential has to show, as ``shown``: its lines, and none of them where that can be."""
    lines = {line.cause: dx.display.format_probability(line.posterior) for line in case.differential}
    return lines | ({"": dx.display.format_probability(case.none_present)} if case.may_have_none else {})


def clicks(tab: Any, model: dx.Model, count: int) -> list[tuple[float, float, float]]:
    """Milliseconds from click to repaint, of some findings: (differential, every panel, credible intervals)."""
    index = {name: place for place, name in enumerate(model.by_name)}
    names = [name for name in model.findings if model.by_name[name].kind in ("history", "examination")][:count]
    found = []
    for place, name in enumerate(names):
        code = 3 if place % 3 == 0 else 2  # of the segments: not asked, unknown, then the states
        element = f".bdx-variable[data-index='{index[name]}'] .bdx-segment:nth-child({code + 1})"
        found.append(tuple(tab.evaluate(CLICK_AND_WAIT, element)))
    return found


def measured(where: str, model: dx.Model, times: list[tuple[float, float, float]]) -> tuple[float, str]:
    """The median to every panel (intervals aside), and a sentence for the report of the tests."""
    first, panels, whole = (statistics.median(values) for values in zip(*times, strict=True))
    return panels, (
        f"click to repaint, {where}, {model.name} {model.version}, all panels open, median of {len(times)} clicks: "
        f"{first:.0f} ms to the differential, {panels:.0f} ms to every panel, "
        f"{whole:.0f} ms to the credible intervals, which come after the first paint"
    )


@contextmanager
def jupyterlab(folder: Path) -> Iterator[tuple[str, str]]:
    """(address, token) of a JupyterLab of its own: no settings of the user, no outside address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    private = {
        name: str(folder / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "HOME")
    }
    work = folder / "work"
    for place in (*private.values(), work):
        Path(place).mkdir(parents=True, exist_ok=True)
    settings = folder / "jupyter_config_dir/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    log = (folder / "jupyterlab.log").open("w")
    process = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
            f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={work}", "--ServerApp.port_retries=0",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.extension_manager=readonly",
        ],
        env={**os.environ, **private, "PYTHONPATH": str(ROOT), "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
        stdout=log, stderr=subprocess.STDOUT, cwd=work,
    )  # fmt: skip
    try:
        _await_server(process, f"http://127.0.0.1:{port}/api?token={token}", folder / "jupyterlab.log")
        yield f"http://127.0.0.1:{port}", token
    finally:
        process.terminate()
        process.wait(timeout=120)
        log.close()


def _await_server(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    limit = time.monotonic() + 180
    while time.monotonic() < limit:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=20):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def notebook(path: Path, *cells: str) -> None:
    """Write a notebook with these code cells."""
    document = {
        "cells": [
            {"cell_type": "code", "id": f"cell{place}", "metadata": {}, "source": source, "outputs": [],
             "execution_count": None}
            for place, source in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }  # fmt: skip
    path.write_text(json.dumps(document))
