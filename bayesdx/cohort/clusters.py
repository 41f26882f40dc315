"""Dask frames: every partition is scored where it lies, by the same function as a batch on one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bayesdx.cohort.batches import output_schema, scored_batch
from bayesdx.cohort.companions import arrow
from bayesdx.cohort.formats import format_of
from bayesdx.cohort.frames import FrameSource
from bayesdx.cohort.identity import identity
from bayesdx.cohort.lexicon import Lexicon, lexicon
from bayesdx.cohort.options import Options
from bayesdx.cohort.parts import Parts
from bayesdx.cohort.runs import Run
from bayesdx.knowledge.model import Model


def is_dask(source: object) -> bool:
    """Whether this is a Dask frame; imports nothing."""
    return type(source).__module__.partition(".")[0] in ("dask", "dask_expr") and hasattr(source, "map_partitions")


def score_dask(words: Lexicon, frame: Any, out: Path | None, options: Options, overwrite: bool) -> Any:
    """A Dask frame of scores, computed when asked; or, with ``out``, parts written by the workers.

    A worker that is lost is replaced by Dask, which asks another one for its partitions; a part is whole or not there.
    ``out`` lies on a disk that all workers and the caller share.
    """
    words.positions([str(name) for name in frame.columns], options.keep, options.ignore)
    empty = score_frame(frame._meta, words.model, options)
    if out is None:
        return frame.map_partitions(score_frame, words.model, options, meta=empty)
    from dask import compute, delayed

    run = Run(out, format_of(out), identity(words, None, options), overwrite)
    try:
        partitions = frame.to_delayed()
        write = delayed(write_partition, pure=False)
        model = delayed(words.model)
        compute(*[write(model, part, n, run.parts, options) for n, part in enumerate(partitions)])
        with run.parts.writing():
            schema = FrameSource(frame._meta).kept_schema(options.keep)
        return run.finish(len(partitions), output_schema(words, schema, options))
    finally:
        run.close()


def score_frame(frame: Any, model: Model, options: Options) -> Any:
    """Scores of one pandas partition, labelled as its rows."""
    words, source = lexicon(model), FrameSource(frame)
    table = _batches(words, source, options)
    return source.native(table)


def write_partition(model: Model, frame: Any, number: int, parts: Parts, options: Options) -> None:
    """Score one pandas partition into a part; doing it twice writes the same part."""
    table = _batches(lexicon(model), FrameSource(frame), options)
    with parts.part(number) as write:
        for batch in table.to_batches() or [_empty(table.schema)]:
            write(batch)


def _batches(words: Lexicon, source: FrameSource, options: Options) -> Any:
    pa = arrow()
    names = source.schema.names
    schema = output_schema(words, source.kept_schema(options.keep), options)
    scored = []
    for part in source.parts(options.columns(names), lambda _: False):
        first_row = part.first_row
        for batch in part.batches():
            scored.append(scored_batch(words, batch, options, "a partition, row ", first_row, schema))
            first_row += batch.num_rows
    return pa.Table.from_batches(scored, schema=schema)


def _empty(schema: Any) -> Any:
    return arrow().RecordBatch.from_pylist([], schema=schema)
