"""pyarrow, the one place that imports it, at the moment of use."""

from __future__ import annotations

import sys
from typing import Any

from bayesdx.errors import MissingExtraError

LEAST_VERSION = 18
"""The oldest pyarrow that the extra allows."""


def arrow() -> Any:
    """The module pyarrow with its parts ``compute``, ``ipc`` and ``parquet``.

    Raises
    ------
    MissingExtraError
        pyarrow is not installed (extra ``cohort``).
    """
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(
            "Parquet, and frames of other libraries than pandas, need pyarrow: install bayesdx with its cohort extra. "
            "CSV files and pandas frames need no extra."
        ) from error
    return pyarrow


def arrow_faults() -> tuple[type[Exception], ...]:
    """What pyarrow may raise over data; without pyarrow, nothing of its own."""
    loaded = sys.modules.get("pyarrow")
    own = (loaded.ArrowException,) if loaded is not None and hasattr(loaded, "ArrowException") else ()
    return (*own, OSError, ValueError, KeyError, TypeError, IndexError, OverflowError)
