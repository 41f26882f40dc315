"""Marginals of a few cases, read straight out of the compiled passes: no work is spent on arranging many.

The same numbers as ``JunctionTreeBackend.run`` gives; what is fixed by the targets is prepared once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.casewise import FAINT
from bayesdx.inference.evidence import Codes, Evidence
from bayesdx.inference.leaves import leaf_rows
from bayesdx.inference.program import Program

Array = NDArray[np.float64]


class FewCases:
    """The marginals of these targets.

    Parameters
    ----------
    program : Program
        Nothing sliced.
    targets : sequence of int
        Variables of the tree, and leaves outside it.
    """

    def __init__(self, program: Program, targets: Sequence[int]) -> None:
        asked = [(group.scope, [v for v in group.leaves if v in targets]) for group in program.groups]
        groups = [(scope, leaves) for scope, leaves in asked if leaves]
        self._targets = tuple(targets)
        self._names = [program.network.names[v] for _, leaves in groups for v in leaves]
        inside = [v for v in targets if v not in program.leaves]
        self._casewise = program.casewise(tuple(dict.fromkeys([*((v,) for v in inside), *(s for s, _ in groups)])))
        self._inside = [(v, slice(*self._casewise.span_of((v,)))) for v in inside]
        self._groups: list[tuple[slice, Array, list[tuple[int, slice]]]] = []
        for scope, leaves in groups:
            rows = [leaf_rows(program.network, v, self._casewise.ordered(scope)) for v in leaves]
            ends = np.cumsum([0, *(len(part) for part in rows)]).tolist()
            spans = [slice(first, last) for first, last in pairwise(ends)]
            span = slice(*self._casewise.span_of(scope))
            self._groups.append((span, np.concatenate(rows).T, list(zip(leaves, spans, strict=True))))

    def run(self, evidence: Evidence) -> tuple[Array, dict[int, Array]] | None:
        """Log evidence and marginals; None where a case is too faint or a leaf asked about has a likelihood vector."""
        if evidence.likelihoods and any(name in evidence.likelihoods for name in self._names):
            return None
        total, output = self._casewise.propagate(evidence)
        if not total.min(initial=1.0) >= FAINT:
            return None
        found = {v: output[:, span] for v, span in self._inside}
        for span, rows, leaves in self._groups:
            predicted = output[:, span] @ rows
            for v, states in leaves:
                found[v] = _with_seen(predicted[:, states], evidence.codes[:, v])
        return np.log(total), {v: found[v] for v in self._targets}


def _with_seen(marginal: Array, codes: Codes) -> Array:
    """``marginal`` with certainty where the variable was observed."""
    hard = (codes >= 0).nonzero()[0]
    if hard.size:
        marginal[hard] = 0.0
        marginal[hard, codes[hard]] = 1.0
    return marginal
