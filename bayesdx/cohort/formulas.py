"""Text for spreadsheets: a cell never begins as a formula does."""

from __future__ import annotations

import re
from typing import Any

from bayesdx.cohort.companions import arrow

_FORMULA = r"^[=+\-@\t\r\n]"
_NUMBER = r"^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$"


def disarmed(batch: Any) -> Any:
    """The batch with an apostrophe before every text, and every name of a column, that a spreadsheet would evaluate.

    Text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line end is taken for a formula. Numbers stay as they
    are, also where they are written as text.

    References
    ----------
    OWASP, "CSV injection", https://owasp.org/www-community/attacks/CSV_Injection.
    """
    pa = arrow()
    columns = [_disarmed_column(column) for column in batch.columns]
    names = [f"'{name}" if re.match(_FORMULA, name) else name for name in batch.schema.names]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _disarmed_column(column: Any) -> Any:
    pa = arrow()
    pc = pa.compute
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    formula = pc.and_not(pc.match_substring_regex(column, _FORMULA), pc.match_substring_regex(column, _NUMBER))
    if not pc.any(formula).as_py():
        return column
    mark, nothing = pa.scalar("'", column.type), pa.scalar("", column.type)
    return pc.if_else(formula, pc.binary_join_element_wise(mark, column, nothing), column)
