"""Scores for spreadsheets: the rule of ``display.spreadsheet`` over the columns of a record batch."""

from __future__ import annotations

from typing import Any

from bayesdx.cohort.companions import arrow
from bayesdx.display.spreadsheet import disarmed


def disarmed_batch(batch: Any) -> Any:
    """The batch, its texts and the names of its columns disarmed."""
    columns = [_disarmed_column(column) for column in batch.columns]
    return arrow().RecordBatch.from_arrays(columns, names=[disarmed(name) for name in batch.schema.names])


def _disarmed_column(column: Any) -> Any:
    pa = arrow()
    if not pa.types.is_dictionary(column.type):
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            return column
        column = column.dictionary_encode()
    texts = column.dictionary.to_pylist()
    values = [disarmed(text) if isinstance(text, str) else text for text in texts]
    return (column.dictionary if values == texts else pa.array(values, column.type.value_type)).take(column.indices)
