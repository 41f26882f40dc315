"""Hypothetical results: what the causes look like after each possible result of each option, as one batch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.events import Event, action_probabilities, action_variables, sides
from bayesdx.errors import TooLargeError, rounded
from bayesdx.inference import Engine, Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Conditions

Array = NDArray[np.float64]
Codes = NDArray[np.int32]

MOST_RESULTS = 2**14
"""Most joint results of one test that are enumerated."""

MOST_JOINT_CELLS = 2**14
"""Largest joint of the causes over which information is measured; above, it is summed over the causes one by one."""

_CHUNK_CELLS = 2**22


@dataclass(frozen=True, eq=False)
class Measured:
    """A batch of cases, measured.

    Parameters
    ----------
    log_evidence : ndarray, shape (n_cases,)
    marginals : mapping of variable to ndarray, shape (n_cases, n_states)
        Of the causes and of what steps of care are about; 0 in impossible cases.
    entropy : ndarray, shape (n_cases,)
        Of the causes, in bits; 0 in impossible cases.
    lines : ndarray, shape (n_cases, n_alternatives)
        The differential.
    decisions : ndarray of bool, shape (n_cases, n_actions)
        Which actions of management.csv are worth taking.
    benefit : ndarray, shape (n_cases,)
        Net benefit of taking them (see ``net_benefit``).
    """

    log_evidence: Array
    marginals: Mapping[str, Array]
    entropy: Array
    lines: Array
    decisions: NDArray[np.bool_]
    benefit: Array

    def information(self, event: Event, before: int, after: slice) -> Array:
        """Bits that each case of ``after`` says about a cause compared with the case ``before``.

        Negative where it speaks against the cause.
        """
        present, absent = sides(self.marginals[event.variable][before], event)
        return self.information_from(event, present, absent, after)

    def information_from(self, event: Event, present: Array, absent: Array, after: slice) -> Array:
        """The same compared with P(present) and P(absent) of some other case."""
        present_after, absent_after = sides(self.marginals[event.variable][after], event)
        bits = divergence_bits(present_after, absent_after, present, absent)
        return np.where(present_after * absent >= absent_after * present, bits, -bits)


def has_joint(model: Model) -> bool:
    """Whether the causes are few enough to measure information about them together."""
    return math.prod(len(model.by_name[name].states) for name in model.causes) <= MOST_JOINT_CELLS


def measured_variables(model: Model) -> tuple[str, ...]:
    """Variables that decisions and information are about: the causes, and what steps of care and flags name."""
    return tuple(dict.fromkeys((*model.causes, *action_variables(model))))


def measure(engine: Engine, model: Model, evidence: Evidence, about: Event, *, together: bool) -> Measured:
    """Marginals, entropies and decisions of a batch of cases.

    Parameters
    ----------
    engine : Engine
    model : Model
    evidence : Evidence
    about : Event
        Asked about beside the causes.
    together : bool
        Whether the entropy is that of the joint of the causes, or of the causes one by one, added up.
    """
    names = tuple(dict.fromkeys((*measured_variables(model), about.variable)))
    found = engine.propagate(evidence, targets=names)
    possible = ~found.impossible[:, None]
    marginals = {name: np.where(possible, found.marginals[name], 0.0) for name in names}
    if together:
        entropy = _joint_entropies(engine, model, evidence)
    else:
        entropy = np.asarray(sum(entropy_bits(marginals[name]) for name in model.causes))
    ready = compiled(model)
    lines = ready.of_lines(marginals)[..., : ready.ranked]
    taken, benefit = decisions(engine, model, evidence, marginals), net_benefit(model, marginals)
    return Measured(found.log_evidence, marginals, entropy, lines, taken, benefit)


def decisions(engine: Engine, model: Model, evidence: Evidence, marginals: Mapping[str, Array]) -> NDArray[np.bool_]:
    """Which actions are worth taking, shape (n_cases, n_actions).

    An action of a cause is worth taking from the threshold of one of its steps on, where what is known does not
    contradict the conditions of that step.
    """
    actions: dict[tuple[str, str], NDArray[np.bool_]] = {}
    chances: dict[str, Array] = {}
    for step in model.steps:
        if step.cause not in chances:
            chances[step.cause] = action_probabilities(model, step.cause, marginals)
        taken = chances[step.cause] >= step.threshold
        if step.conditions:
            taken &= ~contradicted(engine, step.conditions, evidence)
        key = (step.cause, step.action)
        actions[key] = actions[key] | taken if key in actions else taken
    return np.stack(list(actions.values()), axis=1) if actions else np.zeros((len(evidence), 0), dtype=np.bool_)


def contradicted(engine: Engine, conditions: Conditions, evidence: Evidence) -> NDArray[np.bool_]:
    """Whether what is known of each case surely fails one of the conditions, shape (n_cases,)."""
    failed = np.zeros(len(evidence), dtype=np.bool_)
    for variable, states in conditions:
        place = engine.network.index[variable]
        wanted = np.isin(engine.network.nodes[place].states, states)
        codes = evidence.codes[:, place]
        failed |= (codes >= 0) & ~wanted[codes]
        if variable in evidence.likelihoods:
            failed |= ~(evidence.likelihoods[variable][:, wanted] > 0).any(axis=1)
    return failed


def net_benefit(model: Model, marginals: Mapping[str, Array]) -> Array:
    r"""Net benefit of the steps of care that are worth taking, in patients rightly cared for; shape (n_cases,).

    A threshold t says that acting on a patient without the cause costs t/(1 - t) of what acting on one with it gains:

    .. math:: \sum_{\text{cause}} \text{mean}_t \max(0, (p - t) / (1 - t))

    over the different thresholds of each cause. As the maximum of linear functions it can only grow, in expectation,
    with what is found out. Conditions of steps are left aside: they say how to act on the cause, not what knowing it is
    worth.

    References
    ----------
    S. Pauker, J. Kassirer (1980), "The threshold approach to clinical decision making"; A. Vickers, E. Elkin (2006),
    "Decision curve analysis".
    """
    total = np.zeros(len(next(iter(marginals.values()))))
    thresholds: dict[str, dict[float, None]] = {}
    for step in model.steps:
        thresholds.setdefault(step.cause, {})[step.threshold] = None
    for cause, each in thresholds.items():
        present = action_probabilities(model, cause, marginals)
        for threshold in each:
            if threshold < 1:
                total += np.maximum(0.0, (present - threshold) / (1 - threshold)) / len(each)
    return total


def _joint_entropies(engine: Engine, model: Model, evidence: Evidence) -> Array:
    cells = math.prod(len(model.by_name[name].states) for name in model.causes)
    step = max(1, _CHUNK_CELLS // cells)
    parts = []
    for start in range(0, len(evidence), step):
        cases = np.arange(start, min(len(evidence), start + step))
        log_evidence, joint = engine.joint(evidence.take(cases), model.causes)
        flat = joint.reshape(len(cases), -1)
        parts.append(entropy_bits(np.nan_to_num(flat) if np.isneginf(log_evidence).any() else flat))
    return np.concatenate(parts)


def entropy_bits(probabilities: Array) -> Array:
    """Entropy of each row of probabilities, in bits.

    Examples
    --------
    >>> entropy_bits(np.array([[0.5, 0.5], [1.0, 0.0]]))
    array([1., 0.])
    """
    logs = np.log2(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return np.asarray(np.maximum(-np.einsum("ij,ij->i", probabilities, logs), 0.0))


def divergence_bits(present: Array, absent: Array, present_before: Array, absent_before: Array) -> Array:
    """Kullback-Leibler divergence of a cause after a result from what it was before, in bits; at least 0."""
    total = np.zeros_like(present)
    for after, before in ((present, present_before), (absent, absent_before)):
        seen = (after > 0) & (before > 0)
        ratio = np.divide(after, before, out=np.ones_like(after), where=seen)
        total += after * np.log2(ratio)
    return np.maximum(total, 0.0)


@dataclass(frozen=True, eq=False)
class Assignments:
    """Every joint result of each option.

    Parameters
    ----------
    columns : tuple, one per option, of positions of its variables in the network
    codes : tuple of ndarray of int, one per option, shape (n_results, n_variables)
    rows : tuple of slice
        Where the results of each option lie among all of them.
    """

    columns: tuple[tuple[int, ...], ...]
    codes: tuple[Codes, ...]
    rows: tuple[slice, ...]

    @property
    def count(self) -> int:
        """Number of results of all options."""
        return self.rows[-1].stop if self.rows else 0

    def fill(self, codes: Codes) -> Codes:
        """Copies of one case, shape (count, n_variables), each with one result filled in."""
        filled = np.tile(codes, (self.count, 1))
        for columns, results, rows in zip(self.columns, self.codes, self.rows, strict=True):
            filled[rows, list(columns)] = results
        return filled


def assignments(engine: Engine, options: Sequence[tuple[str, ...]]) -> Assignments:
    """Every joint result of the variables of each option.

    Raises
    ------
    TooLargeError
        An option has more than ``MOST_RESULTS`` joint results.
    """
    network = engine.network
    columns, codes = [], []
    for variables in options:
        places = tuple(network.index[name] for name in variables)
        cards = [network.cardinalities[place] for place in places]
        if math.prod(cards) > MOST_RESULTS:
            raise TooLargeError(
                f"next_tests: {', '.join(variables)} have {rounded(math.prod(cards))} joint results, "
                f"more than {MOST_RESULTS}; name other options with only=."
            )
        columns.append(places)
        codes.append(np.indices(cards, dtype=np.int32).reshape(len(cards), -1).T)
    stops = itertools.accumulate((len(results) for results in codes), initial=0)
    return Assignments(tuple(columns), tuple(codes), tuple(slice(a, b) for a, b in itertools.pairwise(stops)))
