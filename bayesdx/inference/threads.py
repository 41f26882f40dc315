"""Compiled code on several processors: the cases are split into consecutive runs, one for each thread."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


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
