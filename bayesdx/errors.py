"""Errors: one family, one sentence each, with the nearest valid name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache

LARGEST_WRITTEN = 10**15
"""Whole numbers below this are written out in messages."""

MOST_NAMED = 5
"""Columns that one warning names."""

LONGEST_SHOWN = 80
"""Characters of a name, a cell or another value that a message shows."""

SHORTEST_NEAR = 4
"""Of two names with fewer letters none is near the other: one letter off is another abbreviation (CES, NCS)."""


class BayesdxError(Exception):
    """Root of every error that bayesdx raises on purpose.

    Examples
    --------
    >>> import bayesdx as dx
    >>> try:
    ...     dx.load_model("hip_flexion_weaknes")
    ... except dx.BayesdxError as error:
    ...     print(error)
    'hip_flexion_weaknes' is neither a shipped model nor a folder. Did you mean 'hip_flexion_weakness'?
    """


class ModelError(BayesdxError):
    """A model folder does not say what it has to say; ``problems`` lists every fault found in it.

    Parameters
    ----------
    message : str
        The sentence shown first.
    problems : sequence, optional
        The faults behind it, as ``check_model`` returns them.

    Examples
    --------
    >>> import bayesdx as dx
    >>> try:
    ...     dx.load_model("chest_clinic@1.0.0", population="ward")
    ... except dx.ModelError as error:
    ...     print(str(error).partition("; ")[0])
    population 'ward' is not one of chest_clinic 1.0.0
    """

    def __init__(self, message: str, problems: Sequence[object] = ()) -> None:
        self.problems = tuple(problems)
        shown = [f"  {problem}" for problem in self.problems[:20]]
        if len(self.problems) > 20:
            shown.append(f"  ... and {len(self.problems) - 20} more; check_model lists them all.")
        super().__init__("\n".join([message, *shown]))


class ModelNotFoundError(ModelError):
    """No shipped model, version or folder answers to the name.

    Examples
    --------
    >>> import bayesdx as dx
    >>> dx.load_model("chest_clinics")
    Traceback (most recent call last):
        ...
    bayesdx.errors.ModelNotFoundError: 'chest_clinics' is neither a shipped model nor a folder. Did you mean
    'chest_clinic'?
    """


class SaveError(BayesdxError):
    """A model could not be saved; nothing was written.

    Examples
    --------
    >>> import tempfile
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dx.save_model(model, dx.save_model(model, f"{folder}/1.0.0"))
    Traceback (most recent call last):
        ...
    bayesdx.errors.SaveError: .../1.0.0 is a released version, which never changes; save under a new version.
    """


class FindingsError(BayesdxError, ValueError):
    """Findings name a variable, group or state that the model does not have; every fault is listed.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> dx.diagnose(model, {"onset": "suddenly", "sever_pain": "present"})
    Traceback (most recent call last):
        ...
    bayesdx.errors.FindingsError: findings: onset = 'suddenly' is not a state of onset; its states are gradual, sudden.
    Did you mean 'sudden'?
    findings: 'sever_pain' is not a variable of hip_flexion_weakness 1.0.0. Did you mean 'severe_pain'?
    """


class DatasetError(BayesdxError, ValueError):
    """A table of patients, or its mapping, does not say what it has to say; ``problems`` lists every fault.

    Parameters
    ----------
    message : str
        The sentence shown first.
    problems : sequence, optional
        The faults behind it, as ``check_cohort`` returns them.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> dx.read_cohort(model, pd.DataFrame({"xray": ["positive", "odd"]}))
    Traceback (most recent call last):
        ...
    bayesdx.errors.DatasetError: table cannot be used with chest_clinic 1.0.0: 1 fault.
      table, row 1, column xray: 'odd'; expected a state of xray: negative, positive.
    """

    def __init__(self, message: str, problems: Sequence[object] = ()) -> None:
        self.problems = tuple(problems)
        shown = [f"  {problem}" for problem in self.problems[:20]]
        if len(self.problems) > 20:
            shown.append(f"  ... and {len(self.problems) - 20} more; check_cohort lists them all.")
        super().__init__("\n".join([message, *shown]))


class DataWarning(UserWarning):
    """Part of a table was left aside; the message says which cells and what they count as.

    Examples
    --------
    >>> import warnings
    >>> import pandas as pd
    >>> import bayesdx as dx
    >>> table = pd.DataFrame({"disease": ["a", "b"] * 20, "cough": ["yes", "no"] * 20})
    >>> fit = dx.fit_model(table, "disease")
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     _ = fit.posteriors(pd.DataFrame({"cough": ["sometimes"]}))
    >>> print(said[0].message)
    table: cough = 'sometimes' (1 row): never seen in the data of fitted_model; it counts as not observed.
    """


class LearningError(BayesdxError, ValueError):
    """What was asked of a calibration, a fit or an evaluation cannot be done with these data; nothing was written.

    Examples
    --------
    >>> import bayesdx as dx
    >>> import pandas as pd
    >>> dx.fit_model(pd.DataFrame({"disease": ["a", "a"], "cough": ["yes", "no"]}), "disease")
    Traceback (most recent call last):
        ...
    bayesdx.errors.LearningError: column disease: every row is 'a'; expected at least two classes.
    """


class CohortError(BayesdxError):
    """A cohort cannot be read or written as asked; the sentence names the file, and what is left of the run.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> dx.score_cohort(model, "no_such_file.parquet")
    Traceback (most recent call last):
        ...
    bayesdx.errors.CohortError: 'no_such_file.parquet' cannot be opened: No such file or directory.
    """


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

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> try:
    ...     dx.diagnose(model, {"smoking": "yes", "lung_cancer": "present", "either": "no"})
    ... except dx.ImpossibleEvidenceError as error:
    ...     print(error.conflict)
    ('lung_cancer', 'either')
    """

    def __init__(self, message: str, conflict: Sequence[str] = (), row: int | None = None) -> None:
        self.conflict = tuple(conflict)
        self.row = row
        super().__init__(message)


class NetworkError(BayesdxError, ValueError):
    """A network is not well formed: cyclic, a table of the wrong shape, a row that is no distribution.

    Examples
    --------
    >>> from bayesdx.network import Network, Node, Table
    >>> Network([Node("rain", ("no", "yes"), (), Table([0.8, 0.2, 0.0]))])
    Traceback (most recent call last):
        ...
    bayesdx.errors.NetworkError: network: the distribution of rain has shape (3,); expected (2,).
    """


class TooLargeError(BayesdxError):
    """An exact answer would need more memory than allowed; the sentence says how much and what to do.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> engine = dx.Engine(model, memory_limit=10_000)
    >>> engine.joint(engine.encode(pd.DataFrame({"onset": ["sudden"]})), model.causes)
    Traceback (most recent call last):
        ...
    bayesdx.errors.TooLargeError: joint: 2048 configurations of 11 variables need 3.28e-05 GB a case; the limit is
    1e-05 GB. Ask for fewer variables or cases, or raise memory_limit.
    """


class MissingExtraError(BayesdxError, ImportError):
    """An optional companion is not installed; the sentence names the extra that brings it, and what to type.

    Examples
    --------
    >>> import sys
    >>> from unittest import mock
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> with mock.patch.dict(sys.modules, {"matplotlib": None, "matplotlib.figure": None}):
    ...     dx.explain(case).plot()
    Traceback (most recent call last):
        ...
    bayesdx.errors.MissingExtraError: plot() needs matplotlib: install bayesdx with its plot extra (pip install
    matplotlib).
    """


def check_path(argument: str, value: object, error: type[BayesdxError]) -> None:
    """Raise an error of this kind unless a value is a text or a path.

    Examples
    --------
    >>> check_path("out", 5, CohortError)
    Traceback (most recent call last):
        ...
    bayesdx.errors.CohortError: out: 5; expected the path of a file or a folder.
    """
    if not isinstance(value, str | os.PathLike):
        raise error(f"{argument}: {quoted(value)}; expected the path of a file or a folder.")


def check_name(argument: str, name: object, error: type[BayesdxError]) -> str:
    """The name of a column; an error of this kind where it is no text.

    Examples
    --------
    >>> check_name("weight", 3, DatasetError)
    Traceback (most recent call last):
        ...
    bayesdx.errors.DatasetError: weight: 3; expected the name of a column.
    """
    if not isinstance(name, str):
        raise error(f"{argument}: {quoted(name)}; expected the name of a column.")
    return name


def column_names(argument: str, names: object, error: type[BayesdxError]) -> tuple[object, ...]:
    """What a list of names holds; one name by itself, or something else, is a common mistake.

    Examples
    --------
    >>> column_names("keep", ["patient"], CohortError)
    ('patient',)
    >>> column_names("keep", "patient", CohortError)
    Traceback (most recent call last):
        ...
    bayesdx.errors.CohortError: keep: 'patient'; expected a list of column names, as ['patient'].
    """
    if isinstance(names, str):
        raise error(f"{argument}: {quoted(names)}; expected a list of column names, as [{quoted(names)}].")
    if not isinstance(names, Iterable):
        raise error(f"{argument}: {quoted(names)}; expected a list of column names.")
    return tuple(names)


def rounded(number: float, unit: int = 1) -> str:
    """``number / unit`` for a message: a whole number that can be read as it is, otherwise three digits.

    A number of cells may be larger than any float, and longer than Python writes out.

    Examples
    --------
    >>> rounded(2048), rounded(131_072, 10**9), rounded(100**3000)
    ('2048', '0.000131', '1.00e+6000')
    """
    if unit == 1 and isinstance(number, int) and abs(number) < LARGEST_WRITTEN:
        return str(number)
    try:
        return f"{number / unit:.3g}"
    except OverflowError:
        return f"{Decimal(number) / unit:.3g}"


def knows_the_answer(columns: Sequence[str]) -> str:
    """The warning that columns of a table are causes, so that what they say is known beforehand.

    Examples
    --------
    >>> knows_the_answer(["flu", "cold"])
    "Columns that are causes count as findings, and the posteriors know the answer: 'flu', 'cold'."
    """
    shown = [quoted(column) for column in columns[:MOST_NAMED]]
    more = f" and {len(columns) - len(shown)} more" if len(columns) > len(shown) else ""
    return f"Columns that are causes count as findings, and the posteriors know the answer: {', '.join(shown)}{more}."


def quoted(value: object) -> str:
    r"""A value as people typed it, for a message: in quotes, and shortened.

    A text that mixes Latin letters with those of another alphabet, which may look the same, shows its code points.

    Examples
    --------
    >>> print(quoted("fever"), quoted("fe\u0432er"))
    'fever' 'fe\u0432er'
    """
    if isinstance(value, str):
        cut = value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}…"
        return repr(cut) if cut.isascii() or not _mixed(cut) else ascii(cut)
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a list within itself
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _mixed(text: str) -> bool:
    """Whether letters of the Latin alphabet stand beside those of another one, as in forged names."""
    letters = [sign for sign in text if sign.isalpha()]
    return any(sign.isascii() for sign in letters) and any(ord(sign) > 0x24F for sign in letters)


def did_you_mean(name: object, valid: Iterable[str]) -> str:
    """The nearest valid name as a question to end a message with; empty where none is near.

    Examples
    --------
    >>> did_you_mean("sever_pain", ["severe_pain", "onset"]), did_you_mean("fever", ["onset"])
    (" Did you mean 'severe_pain'?", '')
    """
    near = nearest(name, valid)
    return f" Did you mean {near!r}?" if near else ""


def nearest_hint(name: object, valid: Iterable[str]) -> str:
    """The nearest valid name in brackets, for the middle of a sentence; empty where none is near.

    Examples
    --------
    >>> nearest_hint("sever_pain", ["severe_pain", "onset"]), nearest_hint("fever", ["onset"])
    (" (nearest: 'severe_pain')", '')
    """
    near = nearest(name, valid)
    return f" (nearest: {near!r})" if near else ""


def nearest(name: object, valid: Iterable[str], least: float = 0.6) -> str | None:
    """The valid name most like ``name``, or None where nothing is near.

    A name that differs in case alone is near, and one that shares at least this part of the letters of both, in order:
    almost all of them where one of the two has under four letters.

    Examples
    --------
    >>> nearest("sever_pain", ["severe_pain", "onset"])
    'severe_pain'
    >>> nearest("fever", ["onset"]) is None, nearest("CES", ["ncs"]) is None
    (True, True)
    """
    if not isinstance(name, str):
        return None
    from rapidfuzz import process
    from rapidfuzz.distance import Indel

    asked = name[:200].casefold()
    folded = _folded(tuple(valid))
    if asked in folded:
        return folded[asked]
    near = [*folded] if len(asked) >= SHORTEST_NEAR else [key for key in folded if len(key) >= SHORTEST_NEAR]
    for choice, likeness, _ in process.extract(asked, near, scorer=Indel.normalized_similarity, score_cutoff=least):
        if likeness >= (0.8 if min(len(asked), len(choice)) < SHORTEST_NEAR else least):
            return folded[choice]
    return None


@lru_cache(maxsize=16)
def _folded(valid: tuple[str, ...]) -> dict[str, str]:
    """Names by their form without case; the names of a model are asked for again and again."""
    return {choice.casefold(): choice for choice in valid}
