"""Interleaved rounds: machines drift, so contenders take turns and ratios are taken within a round."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Answers = list[NDArray[np.float64]]


@dataclass(frozen=True)
class Contender:
    """One way to answer.

    Parameters
    ----------
    ask : callable
        Answers ``n_cases`` cases; returns the marginals of the first few, target by target, for comparison.
    n_cases : int
    prepare : callable, optional
        Run before each timing and not timed (dropping caches, for first queries).
    foreign : bool
        A peer; what it allocates outside Python cannot be traced.
    """

    ask: Callable[[], Answers]
    n_cases: int
    prepare: Callable[[], None] = field(default=lambda: None)
    foreign: bool = False


@dataclass(frozen=True)
class Timing:
    """Seconds per case, per contender and round, with the largest difference of answers and the memory used.

    Parameters
    ----------
    seconds : dict of contender to list of float
    difference : float
        Largest absolute difference between the marginals of any two contenders.
    megabytes : dict of contender to float
        Peak of what was allocated during one run, for contenders that are not foreign.
    """

    seconds: dict[str, list[float]]
    difference: float
    megabytes: dict[str, float]

    def median(self, name: str) -> float:
        """Median seconds per case."""
        return statistics.median(self.seconds[name])

    def ratio(self, name: str, peers: tuple[str, ...]) -> float:
        """Median over the rounds of: seconds of the round's best peer over seconds of ``name``."""
        best = [min(each) for each in zip(*(self.seconds[peer] for peer in peers), strict=True)]
        return statistics.median(peer / own for peer, own in zip(best, self.seconds[name], strict=True))


def interleaved(
    contenders: Mapping[str, Contender], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> Timing:
    """Time every contender once per round, after one run that warms up and is compared."""
    answers = {name: _prepared(contender) for name, contender in contenders.items()}
    megabytes = {name: _peak(contender) for name, contender in contenders.items() if not contender.foreign}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        names = list(contenders)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            contender = contenders[name]
            contender.prepare()
            start = clock()
            contender.ask()
            seconds[name].append((clock() - start) / contender.n_cases)
    return Timing(seconds, _difference(list(answers.values())), megabytes)


def _prepared(contender: Contender) -> Answers:
    contender.prepare()
    return contender.ask()


def _peak(contender: Contender) -> float:
    contender.prepare()
    tracemalloc.start()
    try:
        contender.ask()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def _difference(answers: list[Answers]) -> float:
    first = answers[0]
    return max(
        (
            float(np.abs(a[: len(b)] - b[: len(a)]).max())
            for other in answers[1:]
            for a, b in zip(first, other, strict=True)
        ),
        default=0.0,
    )
