"""Draws of a model's numbers from their own uncertainty."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import Compiled, compiled
from bayesdx.errors import ModelError
from bayesdx.inference import GateDraws, ParameterDraws
from bayesdx.knowledge.model import Model
from bayesdx.network import NoisyMax, Table
from bayesdx.network.compile import view
from bayesdx.network.network import arrays_of
from bayesdx.network.parameters import Distribution, Parameter

Array = NDArray[np.float64]


def draw_parameters(model: Model, draws: int, seed: int, variables: Iterable[str] | None = None) -> ParameterDraws:
    """Joint draws of the numbers of a model: a Dirichlet per distribution (a Beta for two states).

    Distributions are independent of each other, except where correlations.csv ties their numbers together: then the
    draws of each number stay what they are, and change places until they rise and fall together as it says.

    Parameters
    ----------
    model : Model
    draws : int, at least 1
    seed : int
        The same seed gives the same draws, whatever ``variables`` are asked for.
    variables : iterable of str, optional
        Variables whose distributions are wanted; all of them where left out. The others keep the model's numbers.

    Returns
    -------
    ParameterDraws
        Every row sums to 1; constants stay as they are.

    Raises
    ------
    ModelError
        ``draws`` is less than 1, or none of the variables has an uncertain number.

    References
    ----------
    D. Spiegelhalter, S. Lauritzen (1990), "Sequential updating of conditional probabilities on directed graphical
    structures", Networks 20: independent Dirichlets as the uncertainty of a network's parameters; R. L. Iman, W. J.
    Conover (1982), "A distribution-free approach to inducing rank correlation among input variables", Communications in
    Statistics B 11.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> drawn = draw_parameters(model, draws=1000, seed=0)
    >>> drawn.n_draws
    1000
    >>> drawn.cpds["age_group"].mean(axis=0).round(2)  # the model says 0.28, 0.37, 0.35
    array([0.28, 0.37, 0.35])
    """
    if draws < 1:
        raise ModelError(f"draw_parameters: draws = {draws}; expected at least 1.")
    ready = compiled(model)
    network = ready.network
    wanted = set(network.names if variables is None else variables)
    uncertain = [row for row in ready.distributions if row.free]
    places = _drawn_rows(uncertain, draws, seed)
    _tie(ready, places, seed)
    drawn: dict[str, list[Array]] = {}
    for row, values in zip(uncertain, places, strict=True):
        name = row.place.node
        if name in wanted:
            if name not in drawn:
                drawn[name] = repeated(network[name].cpd, draws)
            view(drawn[name], row.place, network[name].parents)[...] = values
    if not drawn:
        raise ModelError(f"draw_parameters: none of these variables of {model.name} has an uncertain number.")
    return ParameterDraws({name: as_draws(arrays, network[name].cpd) for name, arrays in drawn.items()})


def drawn_values(draws: ParameterDraws, numbers: Sequence[Parameter], model: Model) -> Array:
    """The drawn values of some numbers, shape (n_draws, n_numbers); constant ones repeat their compiled value."""
    network = compiled(model).network
    columns = np.empty((draws.n_draws, len(numbers)))
    for column, number in enumerate(numbers):
        node = network[number.place.node]
        arrays = arrays_of(draws.cpds.get(node.name, node.cpd))
        columns[:, column] = view(arrays, number.place, node.parents)[..., number.state]
    return columns


def _drawn_rows(rows: Sequence[Distribution], draws: int, seed: int) -> list[Array]:
    """Draws of each distribution, shape (draws, n_states): gamma variates, normalised over the free states."""
    rng = np.random.default_rng(seed)
    alpha = np.array([value for row in rows for value in row.alpha])
    variates = rng.standard_gamma(alpha, size=(draws, len(alpha)))
    drawn, first = [], 0
    for row in rows:
        free = list(row.free)
        share = variates[:, first : first + len(free)]
        first += len(free)
        values = np.tile(np.array(row.mean), (draws, 1))
        values[:, free] = share / share.sum(axis=1, keepdims=True) * values[0, free].sum()
        drawn.append(values)
    return drawn


def _tie(ready: Compiled, places: Sequence[Array], seed: int) -> None:
    """Give the draws the rank correlations of correlations.csv (Iman, Conover 1982), in place.

    Each tied share keeps its drawn values; their order becomes that of normal variates with these correlations.
    """
    tied = ready.ties
    if not tied.sticks:
        return
    rows = ready.distributions
    position = {row: place for place, row in enumerate(number for number, row in enumerate(rows) if row.free)}
    rng = np.random.default_rng((seed, 1))
    draws = len(places[0])
    rising = (rng.standard_normal((draws, len(tied.sticks))) @ np.linalg.cholesky(tied.matrix).T).argsort(axis=0)
    of_row: dict[int, list[int]] = defaultdict(list)
    for column, stick in enumerate(tied.sticks):
        of_row[stick.row].append(column)
    for row, columns in of_row.items():
        values = places[position[row]]
        states = [rows[row].free[place] for place in tied.sticks[columns[0]].order]
        share = values[:, states]
        left = share[:, ::-1].cumsum(axis=1)[:, ::-1]
        stay = share / np.maximum(left, 1e-300)
        for column in columns:
            place = tied.sticks[column].place
            stay[rising[:, column], place] = np.sort(stay[:, place])
        passed = np.cumprod(1 - stay[:, :-1], axis=1)
        share = left[:, :1] * stay
        share[:, 1:] *= passed
        share[:, -1] = left[:, 0] * passed[:, -1]
        values[:, states] = share


def repeated(cpd: Table | NoisyMax, draws: int) -> list[Array]:
    """Writable copies of the arrays of a distribution, repeated along a leading axis of draws."""
    return [np.tile(array, (draws, *([1] * array.ndim))) for array in arrays_of(cpd)]


def as_draws(arrays: Sequence[Array], cpd: Table | NoisyMax) -> Array | GateDraws:
    """Draws of the arrays of a distribution as ``ParameterDraws`` takes them."""
    return arrays[0] if isinstance(cpd, Table) else GateDraws(arrays[0], tuple(arrays[1:]))
