"""Which cells of a junction tree can be above 0; the others (structural zeros) are found once and left out.

References
----------
F. Jensen, S. Andersen (1990), "Approximations in Bayesian belief universes for knowledge based systems", UAI
(compression of zeros; nothing is approximated here).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesdx.inference.program import Program

Mask = NDArray[np.bool_]


def support(program: Program) -> list[Mask]:
    """Per clique, a mask of shape (cells,): where the product of all factors of the network is above 0.

    The two passes of a propagation over "possible" and "impossible" instead of numbers, so that nothing underflows.
    """
    steps = program.steps
    inside = [potential[:, 0] > 0 for potential in program.constant]
    if all(mask.all() for mask in inside):
        return inside
    for place, step in enumerate(steps):
        if step.parent >= 0:
            message = inside[place].reshape(-1, step.kept).any(axis=0)
            seen = step.into_parent
            above = inside[step.parent].reshape(seen.clique) & message.reshape(seen.part)
            inside[step.parent] = above.reshape(-1)
    for place in range(len(steps) - 1, -1, -1):
        step = steps[place]
        if step.parent >= 0:
            seen = step.into_parent
            message = inside[step.parent].reshape(seen.clique).any(axis=seen.summed).reshape(-1)
            inside[place] = (inside[place].reshape(-1, step.kept) & message).reshape(-1)
    return inside
