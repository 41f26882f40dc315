"""The compiled model and the lines of its differential: made once, shared by every question."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from bayesdx.inference import Engine
from bayesdx.knowledge.model import Model
from bayesdx.network import compile_network


@dataclass(frozen=True)
class Alternative:
    """One line of the differential: a cause, or one state of a cause with more than two states.

    ``total`` marks a cause that is the sum of others (a group bears its name): it has a probability and no rank.
    """

    name: str
    variable: str
    label: str
    state: int
    total: bool = False


@lru_cache(maxsize=64)
def alternatives(model: Model) -> tuple[Alternative, ...]:
    """The lines of a model's differential, in the order of its variables; causes that are sums of others come last.

    A cause with two states has one line, named after it, for its second state; a cause with more states has a line
    ``cause=state`` for each of them.
    """
    totals = {group.group for group in model.cause_groups}
    lines: list[Alternative] = []
    for name in sorted(model.causes, key=lambda name: name in totals):
        variable = model.by_name[name]
        if len(variable.states) == 2:
            lines.append(Alternative(name, name, variable.label, 1, name in totals))
        else:
            lines.extend(
                Alternative(f"{name}={state}", name, model.label(f"{name}={state}"), code)
                for code, state in enumerate(variable.states)
            )
    return tuple(lines)


@lru_cache(maxsize=64)
def ranked(model: Model) -> int:
    """How many of the ``alternatives`` compete for a rank: all but the sums at their end."""
    return sum(not line.total for line in alternatives(model))


@lru_cache(maxsize=16)
def engine_for(model: Model) -> Engine:
    """The engine of a model; built once, shared by every question about it."""
    return Engine(compile_network(model))
