"""A table in a file of any kind, whole: text, Excel, Parquet or Arrow, recognised by what the file holds."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayesdx.errors import BayesdxError, DataWarning
from bayesdx.files.companions import arrow, arrow_faults, openpyxl
from bayesdx.files.ordinary import check_ordinary
from bayesdx.files.texts import TableFault, TextTable, plain_number

LARGEST_TABLE = 2**31
"""Bytes above which a table is not read whole."""

READ = "CSV (commas, semicolons or tabs; plain, gzip or zstd), Parquet, Arrow or Excel (.xlsx)"
"""What is read."""

OTHER_KINDS = {
    b"\xd0\xcf\x11\xe0": "an old Excel file or another Office document",
    b"%PDF": "a PDF document",
    b"SQLite format": "a database of SQLite",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"7z\xbc\xaf": "an archive of 7-Zip",
    b"$FL2": "a file of SPSS",
    b"HEADER RECORD***": "a SAS transport file",
    b"<stata_dta>": "a file of Stata",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"II*\x00": "a picture",
    b"MM\x00*": "a picture",
    b"{\\rtf": "a document in Rich Text Format",
    b"\x80\x04\x95": "a pickle",
    b"\x80\x05\x95": "a pickle",
}
"""How files begin that are often given and never read."""


@dataclass(frozen=True, eq=False)
class FileTable:
    """What a file holds.

    Parameters
    ----------
    name : str
        What messages call it.
    frame : DataFrame
        The cells. Those of text are text without spaces around, None where nothing is left; those of other kinds are
        what the file says. The index holds lines of a text file and rows of a sheet, the header being 1.
    separator : str
        Between the cells of text; empty for other kinds.
    ragged : mapping of line to its cells
        Rows of text that have another number of cells than the header, in the order of the file; they are not in the
        frame.
    """

    name: str
    frame: pd.DataFrame
    separator: str = ""
    ragged: Mapping[int, Sequence[str]] = field(default_factory=dict)

    @property
    def numbered(self) -> pd.DataFrame:
        """The frame with decimal points, where semicolons separate cells and commas are decimal."""
        if self.separator != ";":
            return self.frame
        cells = self.frame.to_numpy(dtype=object, copy=True)
        for column in cells.T:
            codes, texts = pd.factorize(column)
            spelled = [plain_number(text, ";") if "," in text else text for text in texts]
            column[:] = np.array([*spelled, None], dtype=object)[codes]
        return pd.DataFrame(cells, self.frame.index, self.frame.columns, dtype=object)


def kind_of(source: Path | bytes, name: str) -> str:
    """What a file holds: "parquet", "arrow", "excel" or "text".

    Raises
    ------
    OSError
        The file cannot be opened.
    TableFault
        It holds something else.
    """
    if isinstance(source, bytes):
        head = source[:64]
    else:
        with source.open("rb") as file:
            head = file.read(64)
    suffix = "" if isinstance(source, bytes) else source.suffix.lower()
    if head.startswith(b"PAR1") or suffix in (".parquet", ".pq"):
        return "parquet"
    if head.startswith(b"ARROW1") or suffix in (".arrow", ".feather", ".ipc"):
        return "arrow"
    if head.startswith(b"PK\x03\x04"):
        return "excel"
    for start, what in OTHER_KINDS.items():
        if head.startswith(start):
            raise TableFault(f"{name}: {what}; expected {READ}.")
    if suffix in (".xlsx", ".xlsm"):
        raise TableFault(f"{name}: not a workbook of Excel; expected {READ}.")
    return "text"


def read_table_file(source: Path | bytes, name: str = "", limit: int = LARGEST_TABLE) -> FileTable:
    r"""Read a table whole.

    Parameters
    ----------
    source : Path or bytes
    name : str
        What messages call it; the file's name where left out.
    limit : int
        Bytes that it may have, unpacked.

    Returns
    -------
    FileTable

    Raises
    ------
    OSError
        The file cannot be opened.
    UnusualFileError
        It is a folder, a pipe or a device.
    TableFault
        It is no table that can be read.
    MissingExtraError
        What its kind needs is not installed.

    Warns
    -----
    DataWarning
        It is read as Windows-1252; it has sheets that are not read.

    Examples
    --------
    >>> table = read_table_file("temperature;cough\n36,8;yes\n\n39,1;\n".encode("utf-16"), "table")
    >>> table.numbered
      temperature cough
    2        36.8   yes
    4        39.1  None
    """
    if isinstance(source, Path):
        name = name or source.name
        check_ordinary(source)
    kind = kind_of(source, name)
    if kind == "text":
        return _read_text(TextTable(source, name, limit))
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > limit:
        raise TableFault(f"{name}: larger than {limit // 2**20} MiB.")
    if kind == "excel":
        return FileTable(name, read_sheet(source, name, limit))
    return FileTable(name, _read_columns(source, name, kind))


def _read_text(text: TextTable) -> FileTable:
    seen: dict[str, str | None] = {"": None}
    rows: list[list[str | None]] = []
    lines: list[int] = []
    ragged: dict[int, Sequence[str]] = {}
    header: list[str] = []
    with text.open() as opened:
        for line, cells in text.records(opened):
            if not header:
                header = [cell.strip() for cell in cells]
            elif len(cells) != len(header):
                ragged[line] = cells
            else:
                rows.append([seen.setdefault(cell, cell) for cell in map(str.strip, cells)])
                lines.append(line)
    if not header:
        raise TableFault(f"{text.name}: empty; expected a header with the names of columns.")
    frame = pd.DataFrame(rows, index=pd.Index(lines, dtype=int), columns=pd.Index(header, dtype=object), dtype=object)
    return FileTable(text.name, frame, text.separator, ragged)


def frame_of(table: Any) -> pd.DataFrame:
    """A frame of pandas of one of pandas, polars or pyarrow.

    Raises
    ------
    TypeError
        It is no frame.
    MissingExtraError
        It is not one of pandas, and pyarrow is not installed (extra ``cohort``).
    """
    if isinstance(table, pd.DataFrame):
        return table
    kind = f"{type(table).__module__.partition('.')[0]}.{type(table).__name__}"
    if kind not in ("polars.DataFrame", "pyarrow.Table", "pyarrow.RecordBatch"):
        raise TypeError(f"{kind}; expected a DataFrame of pandas, polars or pyarrow, or the path of a file")
    arrow()
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _read_columns(source: Path | bytes, name: str, kind: str) -> pd.DataFrame:
    """A frame of a Parquet or Arrow file."""
    pa = arrow("Parquet and Arrow files")
    try:
        place = pa.BufferReader(source) if isinstance(source, bytes) else os.fspath(source)
        table = pa.parquet.read_table(place) if kind == "parquet" else read_arrow(place)
        frame: pd.DataFrame = table.to_pandas()
    except BayesdxError:
        raise
    except arrow_faults() as error:
        first = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise TableFault(f"{name}: cannot be read: {first.rstrip('.')}.") from error
    return frame


def read_arrow(place: Any) -> Any:
    """A pyarrow Table of an Arrow file: a path, or an open reader of pyarrow."""
    pa = arrow("Arrow files")
    with pa.ipc.open_file(pa.memory_map(place) if isinstance(place, str) else place) as reader:
        return reader.read_all()


def read_sheet(source: Path | bytes, name: str, limit: int = LARGEST_TABLE) -> pd.DataFrame:
    """A frame of the first sheet of a workbook; its index holds the rows of the sheet.

    Formulas count as the values that Excel stored for them.
    """
    module = openpyxl()
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > limit:
                raise TableFault(f"{name}: larger than {limit // 2**20} MiB unpacked.")
            if "[Content_Types].xml" not in archive.namelist():
                raise TableFault(f"{name}: a zip archive, not a workbook of Excel; expected {READ}.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of openpyxl, over styles and extensions that hold no cells
            book = module.load_workbook(
                io.BytesIO(source) if isinstance(source, bytes) else source, read_only=True, data_only=True
            )
            try:
                sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.worksheets
                rows = list(enumerate(sheets[0].iter_rows(values_only=True), 1)) if sheets else []
            finally:
                book.close()
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, IndexError, EOFError, SyntaxError,
            NotImplementedError, module.utils.exceptions.InvalidFileException) as error:  # fmt: skip
        raise TableFault(f"{name}: not a workbook of Excel that can be read: {error}.") from error
    if len(sheets) > 1:
        others = ", ".join(repr(sheet.title) for sheet in sheets[1:])
        warnings.warn(f"{name}: sheet {sheets[0].title!r} is read, not {others}.", DataWarning, stacklevel=3)
    return _of_sheet(rows, name)


def _of_sheet(rows: Sequence[tuple[int, tuple[Any, ...]]], name: str) -> pd.DataFrame:
    cells = [(line, [_cell(value) for value in values]) for line, values in rows]
    filled = [(line, values) for line, values in cells if any(value is not None for value in values)]
    if not filled:
        raise TableFault(f"{name}: empty; expected a header with the names of columns.")
    width = max(len(values) for _, values in filled)
    (first, header), *body = [(line, [*values, *[None] * (width - len(values))]) for line, values in filled]
    kept = [place for place in range(width) if any(values[place] is not None for _, values in [(first, header), *body])]
    for place in kept:
        if header[place] is None:
            line = next(line for line, values in body if values[place] is not None)
            raise TableFault(f"{name}, row {line}: a cell in column {place + 1}, which has no name in row {first}.")
    names = pd.Index([str(header[place]) for place in kept], dtype=object)
    lines = pd.Index([line for line, _ in body], dtype=int)
    return pd.DataFrame([[values[place] for place in kept] for _, values in body], lines, names, dtype=object)


def _cell(value: Any) -> Any:
    return (value.strip() or None) if isinstance(value, str) else value


def lines_of(ragged: Mapping[int, Sequence[str]], width: int) -> Iterator[tuple[int, str]]:
    """Line and fault of each row that has another number of cells than the header."""
    for line, cells in ragged.items():
        yield line, f"{len(cells)} cells; the header has {width}."
