"""Which kernel runs, on how many processors: numpy always works, numba is faster where it is installed and compiled.

Compiling takes seconds, once per installation: numba keeps the result on disk. With ``kernel="auto"`` no question
about one patient waits for that. Compiled code is used where it is at hand, loaded from disk for a batch that takes
numpy about a second, and compiled for one that would take it about a minute, which is said through ``logging``.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from bayesdx.errors import MissingExtraError

Kernel = Literal["auto", "numpy", "numba"]

WORTH_LOADING = 10**8
"""Cells times cases from which "auto" loads what was compiled before: about a second in numpy, and to load."""

WORTH_COMPILING = 5 * 10**9
"""Cells times cases from which "auto" compiles: about a minute in numpy, 5 to 15 seconds to compile."""

_LOG = logging.getLogger("bayesdx")
_said: set[str] = set()


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
            "kernel='numba' needs numba: install bayesdx with its fast extra (pip install numba), or use "
            "kernel='numpy'."
        )


def use_numba(kernel: Kernel, work: float, function: str) -> bool:
    """Whether to run a compiled function for a batch of ``work`` cells.

    Parameters
    ----------
    kernel : {"auto", "numpy", "numba"}
    work : float
        Cells times cases.
    function : str
        Module and name of the function, as ``"dense_fast.propagate_cases"``.
    """
    if kernel == "numpy" or not numba_installed():
        return False
    if is_compiled(function):
        return True
    if kernel == "auto" and work < WORTH_LOADING:
        return False
    if not is_kept(function):
        if kernel == "auto" and work < WORTH_COMPILING:
            return False
        if function not in _said:
            _said.add(function)
            _LOG.warning("bayesdx: compiling %s for this batch; some seconds, once per installation.", function)
    return True


def is_compiled(function: str) -> bool:
    """Whether this process has the function compiled, without importing anything."""
    module, _, name = function.partition(".")
    found = getattr(sys.modules.get(f"bayesdx.inference.{module}"), name, None)  # another thread may import it just now
    return found is not None and bool(found.overloads)  # its signatures would be hashed one by one


def is_kept(function: str) -> bool:
    """Whether numba has kept the function on disk since its file was written, where numba looks first."""
    module, _, name = function.partition(".")
    source = Path(__file__).with_name(f"{module}.py")
    written = source.stat().st_mtime
    return any(file.stat().st_mtime >= written for file in _index_files(source, name))


def _index_files(source: Path, name: str) -> Iterator[Path]:
    tag = f"py{sys.version_info.major}{sys.version_info.minor}"
    pattern = f"{source.stem}.{name}-*.{tag}*.nbi"
    folder = os.environ.get("NUMBA_CACHE_DIR")
    if folder:
        yield from Path(folder).glob(f"*/{pattern}")
    else:
        yield from (source.parent / "__pycache__").glob(pattern)
        yield from (Path.home() / ".cache" / "numba").glob(f"*/{pattern}")


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def over_runs(work: Callable[[slice], None], n_cases: int, width: int, workers: int) -> None:
    """Call ``work`` on runs of at most ``width`` cases that cover all once, on so many threads.

    The threads end with the call: nothing is left over for a process that forks.
    """
    runs = [slice(start, min(start + width, n_cases)) for start in range(0, n_cases, width)]
    if workers < 2 or len(runs) < 2:
        for run in runs:
            work(run)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="bayesdx") as pool:
        for _ in pool.map(work, runs):
            pass
