"""Dask frames: each partition is scored on the worker that holds it, by the same function as a batch on one machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bayesdx.cohort.batches import output_schema, scored_batch
from bayesdx.cohort.coding import TableLexicon, lexicon
from bayesdx.cohort.columns import Scored
from bayesdx.cohort.formats import format_of
from bayesdx.cohort.frames import PandasSource
from bayesdx.cohort.options import CohortSizes, Options
from bayesdx.cohort.parts_on_disk import Parts
from bayesdx.cohort.runs import Run, identity
from bayesdx.knowledge.model import Model


def score_dask(words: TableLexicon, frame: Any, out: Path | None, options: Options, overwrite: bool) -> Any:
    """A Dask frame of scores, computed when asked; or, with ``out``, parts written by the workers.

    Where a worker is lost, Dask gives its partitions to another one; no part is ever left half written.
    ``out`` lies on a disk that all workers and the caller share.
    """
    words.positions(PandasSource(frame._meta, CohortSizes()).names, options.keep, options.ignore)
    empty = score_frame(frame._meta, words.model, options)
    if out is None:
        return frame.map_partitions(score_frame, words.model, options, meta=empty)
    from dask import compute, delayed

    run = Run(out, format_of(out), identity(words, None, options, True), overwrite, CohortSizes())
    try:
        partitions = frame.to_delayed()
        write = delayed(write_partition, pure=False)
        model = delayed(words.model)
        compute(*[write(model, part, n, run.parts, options) for n, part in enumerate(partitions)])
        with run.parts.writing():
            schema = output_schema(words, PandasSource(frame._meta, CohortSizes()).kept_schema(options.keep), options)
        return run.finish(len(partitions), schema)
    finally:
        run.close()


def score_frame(frame: Any, model: Model, options: Options) -> Any:
    """Scores of one pandas partition, labelled as its rows."""
    source = PandasSource(frame, CohortSizes())
    return source.native(list(_scored(lexicon(model), source, options)), lambda: None)


def write_partition(model: Model, frame: Any, number: int, parts: Parts, options: Options) -> None:
    """Score one pandas partition into a part; doing it twice writes the same part."""
    words, source = lexicon(model), PandasSource(frame, CohortSizes())
    schema = None
    if parts.format.is_arrow:
        schema = output_schema(words, source.kept_schema(options.keep), options)
    with parts.part(number, schema) as write:
        for scored in _scored(words, source, options):
            write(scored)


def _scored(words: TableLexicon, source: PandasSource, options: Options) -> Iterator[Scored]:
    positions = words.positions(source.names, options.keep, options.ignore)
    for part in source.parts(options.columns(source.names), lambda _: None):
        for batch in part.batches():
            yield scored_batch(words, batch, options, positions, "a partition, row ")
