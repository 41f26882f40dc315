"""Which kernel runs: numpy always works, numba is faster where it is installed."""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.util import find_spec
from typing import Literal

from bayesdx.errors import MissingExtraError

Kernel = Literal["auto", "numpy", "numba"]

WORTH_LOADING = 2_000_000
"""Cells times cases from which "auto" loads numba (about a second) if it is not loaded yet."""


@lru_cache(maxsize=1)
def numba_installed() -> bool:
    """Whether numba can be imported; looked up once, since every question asks."""
    return find_spec("numba") is not None


def check_kernel(kernel: Kernel) -> None:
    """Raise where ``kernel`` names nothing, or numba without numba being there."""
    if kernel not in ("auto", "numpy", "numba"):
        raise ValueError(f"kernel: {kernel!r}; expected 'auto', 'numpy' or 'numba'.")
    if kernel == "numba" and not numba_installed():
        raise MissingExtraError(
            "kernel='numba' needs numba: install bayesdx with its fast extra, or use kernel='numpy'."
        )


def use_numba(kernel: Kernel, work: float) -> bool:
    """Whether to run compiled code for a batch of ``work`` cells."""
    if kernel == "numba":
        return True
    if kernel == "numpy" or not numba_installed():
        return False
    return "numba" in sys.modules or work >= WORTH_LOADING
