"""Red flags of many rows at once; they fire from the findings alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.cohort.column_words import TableLexicon
from bayesdx.knowledge.schema import URGENCIES

SEPARATOR = ";"
"""Between the names of the flags of a row; no name holds it."""

_BITS = 32


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
    return SEPARATOR.join([*([before] if before else []), *here])
