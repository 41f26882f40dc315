"""Whoever reads the output may stop at any line, as ``head`` does."""

from __future__ import annotations

import errno
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

module = importlib.import_module("bayesdx.cli.app")
ROOT = Path(__file__).parents[2]
MODEL = "hip_flexion_weakness@1.0.0"
FINDING = ["-f", "onset=sudden"]

COMMANDS = [
    ["--help"],
    ["--version"],
    ["diagnose", "--help"],
    ["models"],
    ["models", "--format", "json"],
    ["check", MODEL],
    ["check", MODEL, "--cases", "--format", "csv"],
    ["card", MODEL],
    ["compare", MODEL, "hip_flexion_weakness@2.2.1", "--format", "markdown"],
    ["compare", MODEL, "hip_flexion_weakness@2.2.1"],
    ["diagnose", MODEL, *FINDING],
    ["diagnose", MODEL, *FINDING, "--format", "json"],
    ["diagnose", MODEL, *FINDING, "--format", "csv"],
    ["explain", MODEL, *FINDING],
    ["next", MODEL, *FINDING, "--format", "csv"],
    ["sensitivity", MODEL, *FINDING],
]


def piped(arguments: list[str], lines: int) -> tuple[int, bytes, list[bytes]]:
    """Exit code, standard error and the lines read, where the reader closes its end after so many of them."""
    command = [sys.executable, "-m", "bayesdx", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        read = [process.stdout.readline() for _ in range(lines)]
        process.stdout.close()
        errors = process.stderr.read()
        return process.wait(timeout=120), errors, read


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_nobody_reads(arguments: list[str]) -> None:
    """The command ends without a word, with the exit code that a shell gives for SIGPIPE."""
    assert piped(arguments, 0) == (module.NOBODY_READS, b"", [])


def test_more_than_a_pipe_holds(tmp_path: Path) -> None:
    """A long output of which one line is read: the rest is not computed into a traceback."""
    table = tmp_path / "patients.csv"
    table.write_text("onset\n" + "sudden\n" * 500)
    code, errors, (first,) = piped(["diagnose", MODEL, "--findings", str(table), "--format", "csv"], 1)
    assert (code, errors) == (module.NOBODY_READS, b"")
    assert first.startswith(b"patient,")


def test_a_message_that_nobody_reads() -> None:
    """An error that cannot be told is not told by a traceback either."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "bayesdx", "diagnose", "no_such_model"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=writer, cwd=ROOT) as process:
        os.close(writer)
        assert process.wait(timeout=60) == module.NOBODY_READS


@pytest.mark.parametrize(
    ("code", "platform", "quiet"),
    [
        (errno.EPIPE, "linux", True),
        (errno.EPIPE, "win32", True),
        (errno.EINVAL, "win32", True),
        (errno.EINVAL, "linux", False),
        (errno.ENOSPC, "linux", False),
    ],
)
def test_systems_without_sigpipe(code: int, platform: str, quiet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """There a closed pipe is an invalid argument; a full disk is a fault everywhere."""

    def closed() -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(module, "app", closed)
    with pytest.raises(SystemExit if quiet else OSError) as raised:
        module.main()
    assert not quiet or raised.value.args == (module.NOBODY_READS,)
