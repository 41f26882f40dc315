"""pyarrow and openpyxl, the one place that imports them, at the moment of use."""

from __future__ import annotations

import sys
from typing import Any

from bayesdx.errors import MissingExtraError


def arrow(what: str = "Parquet, and frames of other libraries than pandas,") -> Any:
    """The module pyarrow with its parts ``compute``, ``ipc`` and ``parquet``.

    Parameters
    ----------
    what : str
        What it is needed for, as the error says it.

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
            f"{what} need pyarrow: install bayesdx with its cohort extra (pip install pyarrow narwhals). CSV files and "
            "pandas frames need no extra."
        ) from error
    return pyarrow


def arrow_faults() -> tuple[type[Exception], ...]:
    """What pyarrow may raise over data; without pyarrow, nothing of its own."""
    loaded = sys.modules.get("pyarrow")
    own = (loaded.ArrowException,) if loaded is not None and hasattr(loaded, "ArrowException") else ()
    return (*own, OSError, ValueError, KeyError, TypeError, IndexError, OverflowError)


def openpyxl() -> Any:
    """The module openpyxl.

    Raises
    ------
    MissingExtraError
        openpyxl is not installed (extra ``excel``).
    """
    try:
        import openpyxl as loaded
    except ImportError as error:
        raise MissingExtraError(
            "Excel files need openpyxl: install bayesdx with its excel extra (pip install openpyxl), or save the sheet "
            "as CSV."
        ) from error
    return loaded
