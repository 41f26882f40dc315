"""Studies from outside a model folder: read and checked like its own studies.csv."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from bayesdx.errors import ModelError
from bayesdx.files import UnusualFileError, read_ordinary
from bayesdx.knowledge.checking import check_studies
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.reading import LARGEST_FILE
from bayesdx.knowledge.schema import FILE, Study, format_cell, format_row


def read_studies(model: Model, studies: str | os.PathLike[str] | pd.DataFrame | Iterable[Study]) -> tuple[Study, ...]:
    """Studies for a model, in the words of studies.csv.

    Parameters
    ----------
    model : Model
        Whose variables, states and populations they name.
    studies : path of a CSV file, DataFrame, or Study objects
        With the columns of studies.csv; a source need not be one of the model's sources.csv.

    Returns
    -------
    tuple of Study

    Raises
    ------
    ModelError
        The file cannot be read, or a row is faulty; every fault with its line.

    Examples
    --------
    >>> import bayesdx as dx
    >>> import pandas as pd
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> row = {"study": "A", "finding": "xray", "state": "positive", "cause": "tuberculosis", "measure": "sensitivity",
    ...        "k": 49, "n": 50, "design": "cohort", "source": "A2020", "status": "verified", "note": ""}
    >>> read_studies(model, pd.DataFrame([row]))[0].k
    49
    """
    file = FILE["studies.csv"]
    if isinstance(studies, pd.DataFrame):
        name, text = "studies", _table([str(column) for column in studies.columns], studies.to_numpy(dtype=object))
    elif isinstance(studies, str | os.PathLike):
        path = Path(studies)
        name, text = path.name, _text(path)
    else:
        name, text = "studies", _table(file.header, [format_row(file, row) for row in studies])
    rows, problems = check_studies(model, text)
    if problems:
        named = [problem._replace(file=name) for problem in problems]
        raise ModelError(f"{name} does not fit {model.name} {model.version}:", named)
    return rows


def _text(path: Path) -> str:
    try:
        raw = read_ordinary(path, LARGEST_FILE)
    except UnusualFileError as error:
        raise ModelError(f"{path}: {error}; expected an ordinary CSV file.") from None
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or 'it cannot be read'}; expected a CSV file of studies.") from None
    if len(raw) > LARGEST_FILE:
        raise ModelError(f"{path}: more than {LARGEST_FILE} bytes.")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: byte {error.start} is not UTF-8; expected text in UTF-8.") from None


def _table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, str | tuple):
        return format_cell(value)
    return "" if pd.isna(value) else format_cell(value.item() if hasattr(value, "item") else value)
