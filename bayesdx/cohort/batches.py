"""A batch in, its scores out: the one function that every way of running a cohort calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesdx.cohort.coding import MOST_FAULTS_SHOWN, Coded, TableLexicon, encode_batch, lexicon
from bayesdx.cohort.columns import STATUSES, Batch, Numbers, Scored, Texts, to_arrow
from bayesdx.cohort.options import CohortSizes, Options, check_width, read_options
from bayesdx.cohort.scores import Scores, fired, score_codes
from bayesdx.diagnosis.compiled import compiled
from bayesdx.errors import CohortError, FindingsError, ImpossibleEvidenceError, quoted
from bayesdx.files.companions import arrow
from bayesdx.inference import Evidence
from bayesdx.knowledge.model import Model

if TYPE_CHECKING:
    import pyarrow as pa

OK, IMPOSSIBLE, BAD_VALUE = range(3)

FLAG = "on_error='flag' (--on-error flag)"
"""How rows that cannot be scored are marked, in Python and as an option."""

OWN = ("status", "first_cause", "log_evidence", "red_flags", "fault")
"""Columns of scores that every model has."""

TEXTS = ("status", "first_cause", "red_flags", "fault")
"""Those of them that are text."""


def score_batch(
    model: Model,
    batch: pa.RecordBatch,
    *,
    keep: Iterable[str] = (),
    ignore: Iterable[str] = (),
    on_error: str = "flag",
    intervals: float | None = None,
    draws: int = 200,
    seed: int = 0,
) -> pa.RecordBatch:
    """Scores of one record batch: a pure function, for Spark's ``mapInArrow``, Dask and the like.

    The model is compiled at the first call in a process and shared by later ones, also from other threads. A row has
    the same score in whatever batch it stands.

    Parameters
    ----------
    model : Model
    batch : pyarrow.RecordBatch
        A column per variable of the model, as ``score_cohort`` reads it; null is "not observed".
    keep, ignore, on_error, intervals, draws, seed
        As ``score_cohort`` takes them.

    Returns
    -------
    pyarrow.RecordBatch
        As many rows, in the same order; columns as ``cohort_schema`` says.

    Raises
    ------
    FindingsError
        A column that the model does not have, or with ``on_error="raise"`` a cell that is no state of its variable.
    ImpossibleEvidenceError
        With ``on_error="raise"``, a row of probability zero.
    CohortError
        An option out of range.
    MissingExtraError
        pyarrow is not installed (extra ``cohort``).

    Examples
    --------
    >>> import bayesdx as dx, pyarrow as pa
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> batch = pa.record_batch({"patient": [7, 8], "onset": ["sudden", None]})
    >>> scored = dx.score_batch(model, batch, keep=["patient"])
    >>> scored.column("first_cause").to_pylist()[0], scored.column("status").to_pylist()
    ('iliopsoas_strain', ['ok', 'ok'])
    """
    options = read_options(keep, ignore, on_error, intervals, draws, seed)
    words = lexicon(model)
    names = batch.schema.names
    check_width("the batch", len(names), CohortSizes())
    positions = words.positions(names, options.keep, options.ignore)
    schema = output_schema(words, batch.schema, options)
    columns = {name: batch.column(place) for place, name in enumerate(names)}
    scored = scored_batch(words, Batch(columns, range(len(batch))), options, positions, "row ")
    return to_arrow(scored.columns, schema)


def cohort_schema(
    model: Model, schema: pa.Schema, *, keep: Iterable[str] = (), ignore: Iterable[str] = (), intervals: bool = False
) -> pa.Schema:
    """Names and types of the columns that scoring a table gives.

    Parameters
    ----------
    model : Model
    schema : pyarrow.Schema of the table to score
    keep, ignore : iterable of str
        As ``score_cohort`` takes them.
    intervals : bool
        Whether intervals are asked for.

    Returns
    -------
    pyarrow.Schema
        The kept columns; status ("ok", "impossible", "bad_value"); first_cause; log_evidence (natural logarithm of
        P(row)); red_flags (names separated by ``;``, emergencies first); fault (the first bad cell of the row);
        posterior_<cause>, P(cause present | row); with intervals lower_<cause> and upper_<cause>.

    Raises
    ------
    FindingsError
        A column that the model does not have.
    CohortError
        A column to keep is called like one of the scores.

    Examples
    --------
    >>> import bayesdx as dx, pyarrow as pa
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> dx.cohort_schema(model, pa.schema({"patient": pa.int64(), "onset": pa.string()}), keep=["patient"]).names[:3]
    ['patient', 'status', 'first_cause']
    """
    options = read_options(keep, ignore, "flag", 0.95 if intervals else None, 200, 0)
    words = lexicon(model)
    words.positions(schema.names, options.keep, options.ignore)
    return output_schema(words, schema, options)


def output_schema(words: TableLexicon, schema: Any, options: Options) -> Any:
    """The schema of the output as Arrow; ``schema`` has the columns that are kept, which have been checked."""
    pa = arrow()
    kept = [(name, _plain(schema.field(name).type)) for name in options.keep]
    kinds = [pa.string() if name in TEXTS else pa.float64() for name in score_names(words, options)]
    return pa.schema([*kept, *zip(score_names(words, options), kinds, strict=True)])


def score_names(words: TableLexicon, options: Options) -> list[str]:
    """Names of the columns of scores; a CohortError where a column to keep has one of them."""
    prefixes = ("posterior", "lower", "upper") if options.intervals is not None else ("posterior",)
    names = [*OWN, *(f"{prefix}_{line}" for prefix in prefixes for line in words.lines)]
    for name in options.keep:
        if name in names:
            raise CohortError(f"keep: column {quoted(name)} is called like one of the scores; rename it.")
    return names


def _plain(kind: Any) -> Any:
    """The type of a column once it is no longer coded by a dictionary, which may differ from batch to batch."""
    return kind.value_type if arrow().types.is_dictionary(kind) else kind


def scored_batch(
    words: TableLexicon, batch: Batch, options: Options, positions: Mapping[str, int], place: str
) -> Scored:
    """Scores of a batch, all its rows in order; messages name a row as ``place`` and its number.

    ``positions`` are those of the columns that are variables, see ``TableLexicon.positions``.
    """
    coded = encode_batch(words, batch, positions)
    bad = coded.fault >= 0
    if options.on_error == "raise" and bad.any():
        raise FindingsError(_bad_cells(words, coded, place, batch.numbers))
    flag_index, flag_texts = fired(words, coded.codes)
    good = np.flatnonzero(~bad)
    scores = score_codes(words, coded.codes if len(good) == len(bad) else coded.codes[good], options)
    impossible = np.zeros(len(bad), dtype=np.bool_)
    impossible[good] = np.isneginf(scores.log_evidence)
    if options.on_error == "raise" and impossible.any():
        row = int(np.argmax(impossible))
        _raise_impossible(words, coded, row, place, int(batch.numbers[row]))
    unknown = bad | impossible
    status = np.where(bad, BAD_VALUE, np.where(impossible, IMPOSSIBLE, OK))
    spread = _Spread(good, len(bad), unknown)
    leading = np.full(len(bad), -1)
    if len(good):
        leading[good] = np.argmax(np.nan_to_num(scores.posteriors[:, : compiled(words.model).ranked], nan=-1.0), axis=1)
    leading[unknown] = -1
    own = [
        Texts(status, STATUSES),
        Texts(leading, words.lines),
        spread.column(scores.log_evidence, bad),
        Texts(flag_index, flag_texts),
        Texts(coded.fault, [fault.message(words) for fault in coded.faults]),
        *(spread.column(values) for table in _tables(scores) for values in table.T),
    ]
    kept = {name: batch.columns[name] for name in options.keep}
    counts = np.bincount(status, minlength=len(STATUSES)).tolist()
    columns = kept | dict(zip(score_names(words, options), own, strict=True))
    return Scored(columns, dict(zip(STATUSES, counts, strict=True)))


def _tables(scores: Scores) -> list[NDArray[np.float64]]:
    return [table for table in (scores.posteriors, scores.lower, scores.upper) if table is not None]


class _Spread:
    """Spreads numbers of the rows that were scored over all rows; in the others they are missing."""

    def __init__(self, rows: NDArray[np.intp], n_rows: int, unknown: NDArray[np.bool_]) -> None:
        self.rows = rows
        self.n_rows = n_rows
        self.unknown = unknown
        self.any_unknown = bool(unknown.any())

    def column(self, values: NDArray[np.float64], missing: NDArray[np.bool_] | None = None) -> Numbers:
        """A column of numbers, missing where ``missing`` says so, by default in every row without a posterior."""
        if not self.any_unknown:
            return Numbers(np.ascontiguousarray(values))
        whole = np.zeros(self.n_rows)
        whole[self.rows] = values
        return Numbers(whole, self.unknown if missing is None else missing)


def _bad_cells(words: TableLexicon, coded: Coded, place: str, numbers: Sequence[int] | NDArray[np.integer]) -> str:
    rows = np.flatnonzero(coded.fault >= 0).tolist()
    shown = []
    for row in rows[:MOST_FAULTS_SHOWN]:
        fault = coded.faults[coded.fault[row]]
        shown.append(f"{place}{numbers[row]}, {fault.sentence(words)}")
    if len(rows) > len(shown):
        shown.append(f"... and {len(rows) - len(shown)} more rows.")
    return "\n".join([*shown, f"To score the other rows and mark such ones: {FLAG}."])


def _raise_impossible(words: TableLexicon, coded: Coded, row: int, place: str, number: int) -> None:
    network = words.engine.network
    clash = words.engine.conflict(Evidence(coded.codes[[row]]))
    found = [f"{name} = {network[name].states[coded.codes[row, network.index[name]]]}" for name in clash]
    if len(found) == 1:
        what = f"{found[0]} has probability 0 under {words.title}; check its leak probability"
    else:
        what = f"{', '.join(found[:-1])} and {found[-1]} cannot occur together under {words.title}"
    text = f"{place}{number}: {what}, or mark such rows: {FLAG}."
    raise ImpossibleEvidenceError(text, clash, number)
