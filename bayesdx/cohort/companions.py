"""pyarrow, the one place that imports it, at the moment of use."""

from __future__ import annotations

from typing import Any

from bayesdx.errors import MissingExtraError

LEAST_VERSION = 18
"""The oldest pyarrow that the extra allows."""


def arrow() -> Any:
    """The module pyarrow with its parts ``compute``, ``csv``, ``ipc`` and ``parquet``.

    Raises
    ------
    MissingExtraError
        pyarrow is not installed (extra ``cohort``).
    """
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.csv
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("score_cohort() needs pyarrow: install bayesdx with its cohort extra.") from error
    return pyarrow
