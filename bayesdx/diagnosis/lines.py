"""The compiled model and the lines of its differential: made once, shared by every question."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from bayesdx.inference import Engine
from bayesdx.knowledge.model import Model
from bayesdx.network import compile_network


@dataclass(frozen=True)
class Alternative:
    """One line of the differential: a cause, or one state of a cause with more than two states."""

    name: str
    variable: str
    label: str
    state: int


@lru_cache(maxsize=64)
def alternatives(model: Model) -> tuple[Alternative, ...]:
    """The lines of a model's differential, in the order of its variables.

    A cause with two states has one line, named after it, for its second state; a cause with more states has a line
    ``cause=state`` for each of them.
    """
    lines: list[Alternative] = []
    for name in model.causes:
        variable = model.by_name[name]
        if len(variable.states) == 2:
            lines.append(Alternative(name, name, variable.label, 1))
        else:
            lines.extend(
                Alternative(f"{name}={state}", name, model.label(f"{name}={state}"), code)
                for code, state in enumerate(variable.states)
            )
    return tuple(lines)


@lru_cache(maxsize=16)
def engine_for(model: Model) -> Engine:
    """The engine of a model; built once, shared by every question about it."""
    return Engine(compile_network(model))
