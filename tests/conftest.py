"""What every test shares."""

from __future__ import annotations

import gc
import os

# Before numpy is imported: the workers of a run fill the cores already, and threads of a matrix product would only wait
# for each other. Processes that tests start inherit it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from functools import cache

import pytest
import typer.main
import typer.testing
from hypothesis import HealthCheck, settings

# Hundreds of tests call a command; its parser is built once, not for each call.
typer.testing._get_command = cache(typer.main.get_command)

# Time limits would make a property depend on what else the machine does; in CI the same examples run every time.
settings.register_profile(
    "bayesdx",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("bayesdx")


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end; the garbage collector need not look through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output does not depend on the terminal that runs the tests."""
    for name in ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests measured stands at the end of the report, also where workers ran them."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    found = [value for report in reports for name, value in report.user_properties if name == "measured"]
    if found:
        terminalreporter.section("measured")
        for sentence in dict.fromkeys(found):
            terminalreporter.write_line(str(sentence))
