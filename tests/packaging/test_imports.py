"""What an import costs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = [
    "IPython",
    "anywidget",
    "dask",
    "matplotlib",
    "numba",
    "pgmpy",
    "pyagrum",
    "scipy.stats",
    "sklearn",
    "statsmodels",
]

LIST_MODULES = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def modules_after(code: str) -> list[str]:
    """Names of the modules that a fresh interpreter holds after running some code."""
    run = subprocess.run([sys.executable, "-c", f"{code}\n{LIST_MODULES}"], capture_output=True, text=True, check=True)
    return [str(name) for name in json.loads(run.stdout.splitlines()[-1])]


HELP = """
from bayesdx.cli import app
try:
    app(["--help"])
except SystemExit as leave:
    assert leave.code == 0
"""


@pytest.mark.parametrize("code", ["import bayesdx", HELP], ids=["import bayesdx", "bayesdx --help"])
def test_nothing_heavy_is_imported(code: str) -> None:
    """``import bayesdx`` and ``bayesdx --help`` import none of the heavy companions."""
    loaded = set(modules_after(code))
    assert loaded.isdisjoint(HEAVY)


def test_help_does_not_import_rich() -> None:
    """Help is plain text and needs no library of terminal tables."""
    assert "rich" not in modules_after(HELP)
