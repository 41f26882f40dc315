"""What the bytes of an output depend on."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from bayesdx.cohort.column_words import TableLexicon, kernel
from bayesdx.cohort.options import Options
from bayesdx.files.companions import arrow


def identity(words: TableLexicon, source: Mapping[str, Any] | None, options: Options, is_arrow: bool) -> dict[str, Any]:
    """Model, options, source and software, as plain values.

    Parameters
    ----------
    words : TableLexicon
    source : mapping or None
        The identity of the source; None where it cannot be recognised.
    options : Options
    is_arrow : bool
        Whether pyarrow reads the source or writes the output.
    """
    model = words.model
    try:
        own = version("bayesdx")
    except PackageNotFoundError:
        own = "not installed"
    return {
        "model": {"name": model.name, "version": model.version, "hash": model.hash, "population": model.population},
        "options": options.identity(),
        "source": source,
        "software": {
            "bayesdx": own,
            "kernel": kernel(),
            "numpy": np.__version__,
            **({"pyarrow": arrow().__version__} if is_arrow else {}),
            "machine": platform.machine(),
        },
    }
