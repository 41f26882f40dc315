"""The Makefile on a machine where something is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # A make that runs these tests must not pass its own variables and job slots on.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def pretender(folder: Path, word: str) -> Path:
    """A Python that fails at every statement which mentions a word."""
    script = folder / "python"
    script.write_text(f'#!/bin/sh\ncase "$2" in *{word}*) exit 1;; esac\nexec {sys.executable} "$@"\n')
    script.chmod(0o755)
    return script


def refused(python: str | Path, folder: Path) -> str:
    """The message of a demo that cannot be installed; nothing may be left behind."""
    environment = folder / "venv"
    run = make("demo", f"PYTHON={python}", f"VENV={environment}")
    assert run.returncode != 0
    assert not environment.exists()
    return run.stderr


def test_python_is_missing(tmp_path: Path) -> None:
    """The message names the missing Python and what to install or say instead."""
    assert refused("python3.99", tmp_path).startswith(
        "bayesdx needs python3.99, which is not on the path. On Debian: apt-get install python3.11 python3.11-venv.\n"
        "With a newer Python: make PYTHON=python3.12 demo.\n"
    )


def test_python_is_too_old(tmp_path: Path) -> None:
    """The message says which version is needed."""
    python = pretender(tmp_path, "version_info")
    assert refused(python, tmp_path).startswith(f"bayesdx needs Python 3.11 or newer; {python} is older.\n")


def test_the_venv_module_is_missing(tmp_path: Path) -> None:
    """Debian ships Python without its venv module; the message names the package that brings it."""
    python = pretender(tmp_path, "ensurepip")
    assert refused(python, tmp_path).startswith(
        f"{python} lacks its venv module. On Debian: apt-get install python3.11-venv.\n"
    )


def test_help_lists_every_target() -> None:
    """``make`` alone says what it can do."""
    targets = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[0].split()
    listed = [line.split()[1] for line in make().stdout.splitlines()]
    assert sorted(listed) == sorted(targets)


def test_ci_is_one_script() -> None:
    """``.ci/run`` is executable, parses, and is what the hosted workflow calls."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert "run: bash .ci/run" in (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
