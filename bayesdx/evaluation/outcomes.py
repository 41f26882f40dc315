"""What a model makes of the findings of one case."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bayesdx.diagnosis import Diagnosis, diagnose
from bayesdx.errors import ImpossibleEvidenceError
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Conditions

Array = NDArray[np.float64]

NONE = "none of the modelled causes"
"""What ``first`` says where no cause is as probable as none of them."""


@dataclass(frozen=True, eq=False)
class CaseOutcome:
    """What a model makes of the findings of one case.

    Parameters
    ----------
    diagnosis : Diagnosis or None
        None where the findings have probability 0; ``error`` then says why.
    probabilities : ndarray, shape (n_causes,)
        P(cause in any state but its reference state | findings), in the order of ``model.causes``; NaN where None.
    error : str

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> outcome = run_case(model, (("xray", ("positive",)),))
    >>> outcome.probabilities.round(2), round(outcome.none_present, 2)
    (array([0.09, 0.49, 0.51]), 0.24)
    """

    diagnosis: Diagnosis | None
    probabilities: Array
    error: str = ""

    @property
    def none_present(self) -> float:
        """P(no modelled cause | findings)."""
        return self.diagnosis.none_present if self.diagnosis else np.nan

    def rank(self, place: int | None) -> int:
        """1 + the number of causes more probable than the one at ``place`` (None: than that none is present).

        A single cause is ranked beside its absence: it has rank 2 where that is more probable. Where the findings have
        probability 0, the rank is one more than the number of causes.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> outcome = run_case(model, (("xray", ("positive",)),))
        >>> [outcome.rank(place) for place in range(3)], outcome.rank(None)
        ([3, 2, 1], 3)
        """
        if self.diagnosis is None:
            return len(self.probabilities) + 1
        probability = self.none_present if place is None else self.probabilities[place]
        others = self.probabilities[competing(self.diagnosis.model)]
        if len(others) == 1:
            others = np.append(others, self.none_present)
        return 1 + int((others > probability).sum())


def run_case(model: Model, findings: Conditions) -> CaseOutcome:
    """Diagnose one case; findings of probability 0 are an outcome too, not an error."""
    values = {name: states[0] if len(states) == 1 else list(states) for name, states in findings}
    try:
        diagnosis = diagnose(model, values)
    except ImpossibleEvidenceError as error:
        return CaseOutcome(None, np.full(len(model.causes), np.nan), str(error))
    posterior = diagnosis.posterior.to_dict()
    return CaseOutcome(diagnosis, np.array([_present(model, posterior, cause) for cause in model.causes]))


def _present(model: Model, posterior: Mapping[Hashable, float], cause: str) -> float:
    states = model.by_name[cause].states
    lines = [cause] if len(states) == 2 else [f"{cause}={state}" for state in states[1:]]
    return min(1.0, max(0.0, sum(posterior[line] for line in lines)))


@lru_cache(maxsize=64)
def competing(model: Model) -> NDArray[np.intp]:
    """Places of the causes that compete for a rank: all but those that are the sum of others (groups.csv)."""
    totals = {group.group for group in model.cause_groups}
    return np.array([place for place, name in enumerate(model.causes) if name not in totals], dtype=np.intp)


def rivals(model: Model) -> tuple[str, ...]:
    """The causes that compete for a rank, in the order of the model."""
    return tuple(model.causes[place] for place in competing(model))


def first(model: Model, outcome: CaseOutcome) -> str:
    """The most probable cause, ``none of the modelled causes`` where that is more so, empty where unknown."""
    if outcome.diagnosis is None:
        return ""
    places = competing(model)
    place = int(places[outcome.probabilities[places].argmax()])
    return NONE if outcome.none_present > outcome.probabilities[place] else model.causes[place]
