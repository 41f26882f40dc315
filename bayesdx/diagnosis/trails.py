"""How a finding bears on a cause: the shortest active trail between them, and the numbers along it."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection

from bayesdx.diagnosis.compiled import Compiled, compiled
from bayesdx.knowledge.model import Model
from bayesdx.network import Network
from bayesdx.network.network import relevant
from bayesdx.network.parameters import Parameter


def active_trail(network: Network, start: str, end: str, observed: Collection[str]) -> tuple[str, ...]:
    """A shortest trail along which ``start`` informs about ``end``, given what else is observed.

    Parameters
    ----------
    network : Network
    start, end : str
    observed : collection of str
        Variables that are known; ``start`` and ``end`` do not count among them.

    Returns
    -------
    tuple of str
        Variables from ``start`` to ``end``; empty where they are independent (d-separated).

    References
    ----------
    R. Shachter (1998), "Bayes-ball: the rational pastime", UAI.

    Examples
    --------
    >>> from bayesdx.network import Node, Table
    >>> two = lambda n: Table([[0.9, 0.1]] * n) if n > 1 else Table([0.9, 0.1])
    >>> fire, smoke = Node("fire", ("n", "y"), (), two(1)), Node("smoke", ("n", "y"), ("fire",), two(2))
    >>> alarm = Node("alarm", ("n", "y"), ("smoke",), two(2))
    >>> active_trail(Network((fire, smoke, alarm)), "alarm", "fire", ())
    ('alarm', 'smoke', 'fire')
    >>> active_trail(Network((fire, smoke, alarm)), "alarm", "fire", ("smoke",))
    ()
    """
    known = set(observed) - {start, end}
    opened = set(relevant(network, known))
    first = (start, True)
    came: dict[tuple[str, bool], tuple[str, bool] | None] = {first: None}
    queue = deque([first])
    while queue:
        here = queue.popleft()
        name, upward = here
        if name == end:
            return _walk_back(came, here)
        steps: list[tuple[str, bool]] = []
        if name not in known:
            steps += [(child, False) for child in network.children[name]]
        if (upward and name not in known) or (not upward and name in opened):
            steps += [(parent, True) for parent in network[name].parents]
        for step in steps:
            if step not in came:
                came[step] = here
                queue.append(step)
    return ()


def _walk_back(came: dict[tuple[str, bool], tuple[str, bool] | None], last: tuple[str, bool]) -> tuple[str, ...]:
    names = []
    step: tuple[str, bool] | None = last
    while step is not None:
        names.append(step[0])
        step = came[step]
    return tuple(reversed(names))


def numbers_behind(model: Model, finding: str, cause: str, observed: Collection[str]) -> tuple[Parameter, ...]:
    """The numbers along the trail from a finding to a cause: each link or table, and the leak beside it.

    Parameters
    ----------
    model : Model
    finding, cause : str
    observed : collection of str
        Everything that is known about the case.

    Returns
    -------
    tuple of Parameter
        Empty where the finding says nothing about the cause.
    """
    ready = compiled(model)
    trail = active_trail(ready.network, finding, cause, observed)
    found: list[Parameter] = []
    for one, other in itertools.pairwise(trail):
        found += _numbers_between(ready, one, other) or _numbers_between(ready, other, one)
    return tuple(dict.fromkeys(found))


def _numbers_between(ready: Compiled, parent: str, child: str) -> list[Parameter]:
    """Numbers of ``child`` that say how ``parent`` acts on it, with its leak; empty where it does not."""
    if parent not in ready.network[child].parents:
        return []
    return [n for n in ready.numbers.by_node[child] if n.place.part != "link" or n.place.parent == parent]
