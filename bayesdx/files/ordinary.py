"""Ordinary files that somebody named, read up to a limit; folders made durable."""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path


class UnusualFileError(Exception):
    """What was named is no ordinary file: a folder, a pipe, a device."""


def open_ordinary(path: Path, *, follow_links: bool = True) -> BufferedReader:
    """An ordinary file, opened to read its bytes.

    Raises
    ------
    OSError
        There is no such file, or it cannot be read; or it is a link, which is not to be followed.
    UnusualFileError
        It is a folder, a pipe or a device. None of these is waited for.
    """
    # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags if follow_links else flags | getattr(os, "O_NOFOLLOW", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UnusualFileError("no ordinary file")
    return os.fdopen(handle, "rb")


def read_ordinary(path: Path, limit: int) -> bytes:
    """The bytes of an ordinary file, at most one more than ``limit``, so that a longer one can be told.

    Raises as ``open_ordinary`` does.
    """
    with open_ordinary(path) as file:
        return file.read(limit + 1)


def check_ordinary(path: Path) -> None:
    """Raise an OSError where there is no such file, an UnusualFileError where it is no ordinary one."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise UnusualFileError("no ordinary file")


def sync_folder(folder: Path) -> None:
    """Make the names within a folder durable, where the system can open a folder."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
