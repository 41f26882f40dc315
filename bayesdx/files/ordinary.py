"""Reading a file that somebody named: an ordinary one, and never more of it than a limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class UnusualFileError(Exception):
    """What was named is no ordinary file: a folder, a pipe, a device."""


def read_ordinary(path: Path, limit: int) -> bytes:
    """The bytes of an ordinary file, at most one more than ``limit``, so that a longer one can be told.

    Parameters
    ----------
    path : Path
    limit : int, in bytes

    Raises
    ------
    OSError
        There is no such file, or it cannot be read.
    UnusualFileError
        It is a folder, a pipe or a device. None of these is waited for.
    """
    # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UnusualFileError("no ordinary file")
    with os.fdopen(handle, "rb") as file:
        return file.read(limit + 1)


def check_ordinary(path: Path) -> None:
    """Raise an OSError where there is no such file, an UnusualFileError where it is no ordinary one."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise UnusualFileError("no ordinary file")
