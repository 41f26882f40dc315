"""What is known of coded rows: posteriors, credible intervals, and red flags, which need no posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.cohort.coding import TableLexicon
from bayesdx.cohort.options import Options
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.draws import draw_parameters
from bayesdx.inference import Evidence
from bayesdx.knowledge.schema import URGENCIES

Array = NDArray[np.float64]
Codes = NDArray[np.int32]

WIDTH = 1024
"""The number of rows asked at once is a multiple of this, so that a row has the same score in every batch.

A matrix product rounds the rows of its last, narrower tile in another order than those of a full one. It is also more
than ``Sizes.alike_cases``: findings that all rows of a batch share are entered like any others.
"""

SLICE = 16 * WIDTH
"""Rows asked at once; more take more memory and no less time."""

SAMPLE = 10_000
"""Rows looked at to decide whether equal rows are grouped."""

WORTH_GROUPING = 0.7
"""Share of distinct rows in the sample below which all rows are grouped."""

CELLS = 2**24
"""Numbers that the draws of an interval may hold at once."""

FLAG_SEPARATOR = ";"
"""Between the names of the flags of a row; no name holds it."""

_BITS = 32


@dataclass(frozen=True, eq=False)
class Scores:
    """The numbers of a batch.

    Parameters
    ----------
    log_evidence : ndarray, shape (n_rows,)
        Natural logarithm; minus infinity where the row is impossible.
    posteriors : ndarray, shape (n_rows, n_lines)
        P(line | row); NaN where the row is impossible.
    lower, upper : ndarray, shape (n_rows, n_lines), or None
        Ends of the credible intervals.
    """

    log_evidence: Array
    posteriors: Array
    lower: Array | None = None
    upper: Array | None = None

    def take(self, rows: NDArray[np.intp]) -> Scores:
        """Rows by position."""
        ends = (None if end is None else end[rows] for end in (self.lower, self.upper))
        return Scores(self.log_evidence[rows], self.posteriors[rows], *ends)


def score_codes(lexicon: TableLexicon, codes: Codes, options: Options) -> Scores:
    """Scores of rows; equal rows are answered once where there are many of them."""
    groups = group_rows(codes)
    distinct = codes if groups is None else codes[groups[0]]
    log_evidence, posteriors = _posteriors(lexicon, distinct)
    lower = upper = None
    if options.intervals is not None:
        lower, upper = _intervals(lexicon, distinct, options)
    scores = Scores(log_evidence, posteriors, lower, upper)
    return scores if groups is None else scores.take(groups[1])


def _posteriors(lexicon: TableLexicon, codes: Codes) -> tuple[Array, Array]:
    ready = compiled(lexicon.model)
    log_evidence, posteriors = np.empty(len(codes)), np.empty((len(codes), len(ready.lines)))
    for start in range(0, len(codes), SLICE):
        part = codes[start : start + SLICE]
        stop = start + len(part)
        short = -len(part) % WIDTH
        if short:
            part = np.concatenate([part, np.broadcast_to(part[:1], (short, part.shape[1]))])
        found = lexicon.engine.propagate(Evidence(part), targets=lexicon.model.causes)
        log_evidence[start:stop] = found.log_evidence[: stop - start]
        posteriors[start:stop] = ready.of_lines(found.marginals)[: stop - start]
    return log_evidence, np.minimum(posteriors, 1.0, out=posteriors)


def _intervals(lexicon: TableLexicon, codes: Codes, options: Options) -> tuple[Array, Array]:
    """Equal-tailed intervals over joint draws of the model's numbers; all rows share the draws.

    Draws under which a row is impossible are left out of it, as in ``credible_intervals``.
    """
    assert options.intervals is not None
    ready = compiled(lexicon.model)
    tails = [(1 - options.intervals) / 2, (1 + options.intervals) / 2]
    drawn = draw_parameters(lexicon.model, options.draws, options.seed)
    ends = np.full((2, len(codes), len(ready.lines)), np.nan)
    width = max(1, CELLS // (options.draws * len(lexicon.engine.network) * 4))
    for start in range(0, len(codes), width):
        part = codes[start : start + width]
        found = lexicon.engine.propagate(Evidence(part), targets=lexicon.model.causes, parameters=drawn)
        samples = ready.of_lines(found.marginals)
        possible = ~found.impossible
        for row in range(len(part)):
            kept = samples[possible[:, row], row]
            if len(kept):
                ends[:, start + row] = np.quantile(kept, tails, axis=0)
    return ends[0], ends[1]


def group_rows(codes: Codes) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """The distinct rows of a batch, where they are few; None where they are not.

    Parameters
    ----------
    codes : ndarray of int, shape (n_rows, n_variables)

    Returns
    -------
    first : ndarray of int, shape (n_distinct,)
        Position of the first row of each pattern.
    pattern : ndarray of int, shape (n_rows,)
        Position in ``first`` of the pattern of each row.

    Examples
    --------
    >>> group_rows(np.array([[0, 1], [1, 1], [0, 1], [0, 1]], dtype=np.int32))
    (array([0, 1]), array([0, 1, 0, 0]))
    """
    if len(codes) < 2:
        return None
    sample = _keys(codes[:SAMPLE])
    if len(pd.unique(sample)) > WORTH_GROUPING * len(sample):
        return None
    keys = sample if len(codes) <= SAMPLE else _keys(codes)
    pattern, distinct = pd.factorize(keys)
    first = np.full(len(distinct), -1, dtype=np.intp)
    first[pattern[::-1]] = np.arange(len(codes) - 1, -1, -1)
    # Keys are hashes: rows that share one must be the same, or every row is answered by itself.
    if not np.array_equal(codes[first][pattern], codes):
        return None
    return first, np.asarray(pattern, dtype=np.intp)


def _keys(codes: Codes) -> NDArray[np.uint64]:
    """A hash of each row, modulo 2**64."""
    rng = np.random.default_rng(0)
    keys = np.zeros(len(codes), dtype=np.uint64)
    for column in range(codes.shape[1]):
        factor, *_ = rng.integers(1, 2**64 - 1, size=1, dtype=np.uint64) | np.uint64(1)
        keys += (codes[:, column].astype(np.int64) + 1).astype(np.uint64) * factor
    return keys


def fired(lexicon: TableLexicon, codes: NDArray[np.int32]) -> tuple[NDArray[np.int64], list[str]]:
    """Which red flags each row raises, emergencies first.

    Parameters
    ----------
    lexicon : TableLexicon
    codes : ndarray of int, shape (n_rows, n_variables)

    Returns
    -------
    index : ndarray of int, shape (n_rows,)
        Position in ``texts``.
    texts : list of str
        Names of flags separated by ``;``; empty where none fired.
    """
    network = lexicon.engine.network
    flags = sorted(lexicon.model.red_flags, key=lambda flag: URGENCIES.index(flag.urgency))
    names: list[str] = []
    index = np.zeros(len(codes), dtype=np.int64)
    texts = [""]
    for start in range(0, len(flags), _BITS):
        bits = np.zeros(len(codes), dtype=np.int64)
        part = flags[start : start + _BITS]
        for place, flag in enumerate(part):
            holds = np.ones(len(codes), dtype=np.bool_)
            for variable, states in flag.findings:
                position = network.index[variable]
                wanted = [code for code, state in enumerate(network.nodes[position].states) if state in states]
                holds &= np.isin(codes[:, position], wanted)
            bits |= holds.astype(np.int64) << place
        names = [flag.flag for flag in part]
        keys, pairs = pd.factorize(index << _BITS | bits)
        index = np.asarray(keys, dtype=np.int64)
        texts = [_joined(texts[int(pair) >> _BITS], names, int(pair) & (1 << _BITS) - 1) for pair in pairs]
    return index, texts


def _joined(before: str, names: list[str], bits: int) -> str:
    here = [name for place, name in enumerate(names) if bits >> place & 1]
    return FLAG_SEPARATOR.join([*([before] if before else []), *here])
