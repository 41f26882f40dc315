"""The compiled model: what every question about a model needs, made once and shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from threading import RLock
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.inference import Engine, Evidence
from bayesdx.knowledge.model import Model
from bayesdx.network import Network, compile_network
from bayesdx.network.parameters import Distribution, ModelNumbers, Parameter, Ties, numbers_of_model, ties

Array = NDArray[np.float64]
Made = TypeVar("Made")

MOST_COMPILED = 32
"""Models, each with one of its populations, that stay compiled in a process; the one used longest ago goes first."""


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


@dataclass(frozen=True, eq=False)
class Compiled:
    """A model with its network, its engine and what else is derived from it alone. Made by ``compiled``.

    Each part is made when it is first asked for.

    Parameters
    ----------
    model : Model

    Examples
    --------
    >>> import bayesdx as dx
    >>> ready = compiled(dx.load_model("chest_clinic@1.0.0"))
    >>> [line.name for line in ready.lines], ready.prior.round(2).tolist()
    (['tuberculosis', 'lung_cancer', 'bronchitis'], [0.01, 0.06, 0.45])
    """

    model: Model
    _made: dict[Callable[[Compiled], Any], Any] = field(default_factory=dict, repr=False)
    _lock: RLock = field(default_factory=RLock, repr=False)

    @cached_property
    def network(self) -> Network:
        """The network that the model means."""
        return compile_network(self.model)

    @cached_property
    def engine(self) -> Engine:
        """The engine that answers questions about single cases."""
        return Engine(self.network)

    @cached_property
    def numbers(self) -> ModelNumbers:
        """The numbers of the model, each with its place in the network."""
        return numbers_of_model(self.model, self.network)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every number behind the network, in the order of the files."""
        return self.numbers.parameters

    @property
    def distributions(self) -> tuple[Distribution, ...]:
        """The distributions that these numbers belong to, each with its joint uncertainty."""
        return self.numbers.distributions

    @cached_property
    def ties(self) -> Ties:
        """Which of these numbers correlations.csv ties together."""
        return ties(self.model, self.numbers)

    @cached_property
    def lines(self) -> tuple[Alternative, ...]:
        """The lines of the differential, in the order of the variables; causes that are sums of others come last.

        A cause with two states has one line, named after it, for its second state; a cause with more states has a line
        ``cause=state`` for each of them.
        """
        totals = {group.group for group in self.model.cause_groups}
        lines: list[Alternative] = []
        for name in sorted(self.model.causes, key=lambda name: name in totals):
            variable = self.model.by_name[name]
            if len(variable.states) == 2:
                lines.append(Alternative(name, name, variable.label, 1, name in totals))
            else:
                lines.extend(
                    Alternative(f"{name}={state}", name, self.model.label(f"{name}={state}"), code)
                    for code, state in enumerate(variable.states)
                )
        return tuple(lines)

    @cached_property
    def ranked(self) -> int:
        """How many of the lines compete for a rank: all but the sums at their end."""
        return sum(not line.total for line in self.lines)

    @cached_property
    def always_one(self) -> bool:
        """Whether every patient has one of the modelled causes, whatever is found."""
        codes = np.full((1, len(self.network)), -1)
        codes[0, [self.network.index[name] for name in self.model.causes]] = 0
        return bool(np.isneginf(self.engine.propagate(Evidence(codes), targets=()).log_evidence[0]))

    @cached_property
    def line_names(self) -> pd.Index:
        """The names of the lines as an index of objects, which is reordered ten times faster than one of strings."""
        return pd.Index([line.name for line in self.lines], dtype=object)

    @cached_property
    def prior(self) -> Array:
        """P(line) before any finding, shape (n_lines,)."""
        nothing = Evidence(np.full((1, len(self.network)), -1))
        return self.probabilities(self.engine.propagate(nothing, targets=self.model.causes).marginals)

    def probabilities(self, marginals: Mapping[str, Array]) -> Array:
        """P(line) of one case in the order of the lines; see ``of_lines``, which takes longer for one."""
        found = np.array([marginals[line.variable].item(line.state) for line in self.lines], dtype=np.float64)
        return self._made_certain(found, marginals).clip(max=1.0)

    def of_lines(self, marginals: Mapping[str, Array]) -> Array:
        """P(line) of many cases, shape (..., n_lines), from marginals of shape (..., n_states).

        Exactly 1 where every other state is impossible, so that no odds come of a rounding error.
        """
        values = np.stack([marginals[line.variable][..., line.state] for line in self.lines], axis=-1)
        return self._made_certain(values, marginals)

    def _made_certain(self, values: Array, marginals: Mapping[str, Array]) -> Array:
        close = values > 1 - 1e-12
        if close.any():
            for place in np.flatnonzero(close.any(axis=tuple(range(values.ndim - 1)))):
                line = self.lines[place]
                others = np.delete(marginals[line.variable], line.state, axis=-1).any(axis=-1)
                certain = close[..., place] & ~others.reshape(close.shape[:-1])
                values[..., place] = np.where(certain, 1.0, values[..., place])
        return values

    @cached_property
    def other_populations(self) -> tuple[Model, ...]:
        """The same version with each population that was not chosen."""
        names = (population.name for population in self.model.info.populations)
        return tuple(self.model.with_population(name) for name in names if name != self.model.population)

    def kept(self, make: Callable[[Compiled], Made]) -> Made:
        """The value of ``make(self)``: computed at the first call, the same object from then on, in all threads.

        For values that another module derives from a model and needs again for the next patient.

        Parameters
        ----------
        make : function of a Compiled
            A function of a module, not one made for the call.
        """
        with self._lock:
            if make not in self._made:
                self._made[make] = make(self)
            return cast("Made", self._made[make])


@lru_cache(maxsize=MOST_COMPILED)
def compiled(model: Model) -> Compiled:
    """The compiled form of a model, one for all models of the same content and population."""
    return Compiled(model)
