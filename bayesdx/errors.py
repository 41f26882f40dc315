"""Errors: one family, one sentence each, with the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class BayesdxError(Exception):
    """Root of every error that bayesdx raises on purpose."""


class ModelError(BayesdxError):
    """A model folder does not say what it has to say; ``problems`` lists every fault found in it.

    Parameters
    ----------
    message : str
        The sentence shown first.
    problems : sequence, optional
        The faults behind it, as ``check_model`` returns them.
    """

    def __init__(self, message: str, problems: Sequence[object] = ()) -> None:
        self.problems = tuple(problems)
        shown = [f"  {problem}" for problem in self.problems[:20]]
        if len(self.problems) > 20:
            shown.append(f"  ... and {len(self.problems) - 20} more; check_model lists them all.")
        super().__init__("\n".join([message, *shown]))


class ModelNotFoundError(ModelError):
    """No shipped model, version or folder answers to the name."""


class SaveError(BayesdxError):
    """A model could not be saved; nothing was written."""


class FindingsError(BayesdxError, ValueError):
    """Findings name a variable, group or state that the model does not have; every fault is listed."""


class DatasetError(BayesdxError, ValueError):
    """A table of patients, or its mapping, does not say what it has to say; ``problems`` lists every fault.

    Parameters
    ----------
    message : str
        The sentence shown first.
    problems : sequence, optional
        The faults behind it, as ``check_cohort`` returns them.
    """

    def __init__(self, message: str, problems: Sequence[object] = ()) -> None:
        self.problems = tuple(problems)
        shown = [f"  {problem}" for problem in self.problems[:20]]
        if len(self.problems) > 20:
            shown.append(f"  ... and {len(self.problems) - 20} more; check_cohort lists them all.")
        super().__init__("\n".join([message, *shown]))


class LearningError(BayesdxError, ValueError):
    """What was asked of a calibration, a fit or an evaluation cannot be done with these data; nothing was written."""


class CohortError(BayesdxError):
    """A cohort cannot be read or written as asked; the sentence names the file, and what is left of the run."""


class ImpossibleEvidenceError(BayesdxError):
    """The findings have probability zero under the model.

    Parameters
    ----------
    message : str
        The sentence shown.
    conflict : sequence of str, optional
        A smallest set of findings that cannot occur together.
    row : int or None, optional
        The row of a batch, counted from 0.
    """

    def __init__(self, message: str, conflict: Sequence[str] = (), row: int | None = None) -> None:
        self.conflict = tuple(conflict)
        self.row = row
        super().__init__(message)


class NetworkError(BayesdxError, ValueError):
    """A network is not well formed: cyclic, a table of the wrong shape, a row that is no distribution."""


class TooLargeError(BayesdxError):
    """An exact answer would need more memory than allowed; the sentence says how much and what to do."""


class MissingExtraError(BayesdxError, ImportError):
    """An optional companion is not installed; the sentence names the extra that brings it."""


def nearest(name: object, valid: Iterable[str]) -> str | None:
    """The valid name most like ``name``, or None where nothing is near.

    Examples
    --------
    >>> nearest("sever_pain", ["severe_pain", "onset"])
    'severe_pain'
    >>> nearest("fever", ["onset"]) is None
    True
    """
    if not isinstance(name, str):
        return None
    choices = list(valid)
    folded = {choice.casefold(): choice for choice in choices}
    hits = difflib.get_close_matches(name[:200].casefold(), list(folded), n=1, cutoff=0.6)
    return folded[hits[0]] if hits else None
