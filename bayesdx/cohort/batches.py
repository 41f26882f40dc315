"""A record batch in, a record batch out: the one function that every way of running a cohort calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesdx.cohort.coding import Coded, encode_batch
from bayesdx.cohort.companions import arrow
from bayesdx.cohort.flags import fired
from bayesdx.cohort.lexicon import MOST_FAULTS_SHOWN, Lexicon, lexicon, quoted
from bayesdx.cohort.options import Options, read_options
from bayesdx.cohort.scores import Scores, score_codes
from bayesdx.cohort.summary import STATUSES
from bayesdx.errors import CohortError, FindingsError, ImpossibleEvidenceError
from bayesdx.inference import Evidence
from bayesdx.knowledge.model import Model

if TYPE_CHECKING:
    import pyarrow as pa

OK, IMPOSSIBLE, BAD_VALUE = range(3)


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
        A column per variable of the model, cells being names of states; null is "not observed".
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
    return scored_batch(lexicon(model), batch, options, "row ")


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


def output_schema(words: Lexicon, schema: Any, options: Options) -> Any:
    """The schema of the output; the columns of ``schema`` have been checked."""
    pa = arrow()
    own = [(name, pa.string()) for name in ("status", "first_cause", "red_flags", "fault")]
    own.insert(2, ("log_evidence", pa.float64()))
    prefixes = ("posterior", "lower", "upper") if options.intervals is not None else ("posterior",)
    own += [(f"{prefix}_{line}", pa.float64()) for prefix in prefixes for line in words.lines]
    taken = {name for name, _ in own}
    for name in options.keep:
        if name in taken:
            raise CohortError(f"keep: column {quoted(name)} is called like one of the scores; rename it.")
    return pa.schema([*((name, _plain(schema.field(name).type)) for name in options.keep), *own])


def _plain(kind: Any) -> Any:
    """The type of a column once it is no longer coded by a dictionary, which may differ from batch to batch."""
    return kind.value_type if arrow().types.is_dictionary(kind) else kind


def scored_batch(
    words: Lexicon, batch: Any, options: Options, place: str, first_row: int = 0, schema: Any = None
) -> Any:
    """Scores of a batch; messages name a row as ``place`` and its number, the first one being ``first_row``.

    ``schema`` is that of the whole output, where the batch is part of one.
    """
    pa = arrow()
    positions = words.positions(batch.schema.names, options.keep, options.ignore)
    schema = output_schema(words, batch.schema, options) if schema is None else schema
    coded = encode_batch(words, batch, positions)
    bad = coded.fault >= 0
    if options.on_error == "raise" and bad.any():
        raise FindingsError(_bad_cells(words, coded, place, first_row))
    flag_index, flag_texts = fired(words, coded.codes)
    good = np.flatnonzero(~bad)
    scores = score_codes(words, coded.codes if len(good) == len(bad) else coded.codes[good], options)
    impossible = np.zeros(len(bad), dtype=np.bool_)
    impossible[good] = np.isneginf(scores.log_evidence)
    if options.on_error == "raise" and impossible.any():
        _raise_impossible(words, coded, int(np.argmax(impossible)), place, first_row)
    unknown = bad | impossible
    status = np.where(bad, BAD_VALUE, np.where(impossible, IMPOSSIBLE, OK))
    spread = _Spread(good, len(bad), unknown)
    leading = np.full(len(bad), -1)
    if len(good):
        leading[good] = np.argmax(np.nan_to_num(scores.posteriors, nan=-1.0), axis=1)
    leading[unknown] = -1
    columns = [_kept(batch.column(name), schema.field(name)) for name in options.keep]
    columns += [
        _texts(status, STATUSES),
        _texts(leading, words.lines),
        spread.column(scores.log_evidence, bad),
        _texts(flag_index, flag_texts),
        _texts(coded.fault, [str(fault) for fault in coded.faults]),
    ]
    columns += [spread.column(values) for table in _tables(scores) for values in table.T]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _kept(column: Any, field: Any) -> Any:
    """A column that is copied, of the type that it has in the whole output."""
    if column.type == field.type:
        return column
    try:
        return column.cast(field.type)
    except (arrow().ArrowException, ValueError) as error:
        raise CohortError(
            f"keep: column {quoted(field.name)} is {column.type} here and {field.type} before."
        ) from error


def _tables(scores: Scores) -> list[NDArray[np.float64]]:
    return [table for table in (scores.posteriors, scores.lower, scores.upper) if table is not None]


class _Spread:
    """Puts the numbers of the rows that were scored into all rows; the others are null."""

    def __init__(self, rows: NDArray[np.intp], n_rows: int, unknown: NDArray[np.bool_]) -> None:
        self.rows = rows
        self.n_rows = n_rows
        self.unknown = unknown
        self.any_unknown = bool(unknown.any())

    def column(self, values: NDArray[np.float64], null: NDArray[np.bool_] | None = None) -> Any:
        """A column of doubles, null where ``null`` says so, by default in every row without a posterior."""
        if not self.any_unknown:
            return arrow().array(np.ascontiguousarray(values))
        whole = np.zeros(self.n_rows)
        whole[self.rows] = values
        null = self.unknown if null is None else null
        # What lies under a null is 0, so that equal scores are equal bytes.
        return arrow().array(np.where(null, 0.0, whole), mask=null)


def _texts(index: NDArray[np.integer], texts: Iterable[str]) -> Any:
    """A column of text from positions in a list; -1 is null."""
    pa = arrow()
    indices = pa.array(np.maximum(index, 0).astype(np.int32), mask=index < 0)
    values = pa.array([text.encode(errors="backslashreplace").decode() for text in texts], type=pa.string())
    if not len(values):
        return pa.nulls(len(index), pa.string())
    return values.take(indices)


def _bad_cells(words: Lexicon, coded: Coded, place: str, first_row: int) -> str:
    network = words.engine.network
    rows = np.flatnonzero(coded.fault >= 0).tolist()
    shown = []
    for row in rows[:MOST_FAULTS_SHOWN]:
        fault = coded.faults[coded.fault[row]]
        shown.append(f"{place}{first_row + row}, {fault.sentence(network[fault.column].states)}")
    if len(rows) > len(shown):
        shown.append(f"... and {len(rows) - len(shown)} more rows; on_error='flag' marks them all.")
    return "\n".join(shown)


def _raise_impossible(words: Lexicon, coded: Coded, row: int, place: str, first_row: int) -> None:
    network = words.engine.network
    clash = words.engine.conflict(Evidence(coded.codes[[row]]))
    found = [f"{name} = {network[name].states[coded.codes[row, network.index[name]]]}" for name in clash]
    if len(found) == 1:
        what = f"{found[0]} has probability 0 under {words.title}; check its leak probability"
    else:
        what = f"{', '.join(found[:-1])} and {found[-1]} cannot occur together under {words.title}"
    text = f"{place}{first_row + row}: {what}, or pass on_error='flag'."
    raise ImpossibleEvidenceError(text, clash, first_row + row)
