"""Text tables as programs write them: their compression, encoding, separator and decimal mark, and their rows."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from bayesdx.errors import BayesdxError, DataWarning
from bayesdx.files.companions import arrow, arrow_faults

LONGEST_LINE = 2**22
"""Characters of a line; a cell has at most ``csv.field_size_limit()`` of them (131,072)."""

LARGEST_UNPACKED = 2**36
"""Bytes that a compressed file may unpack to."""

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
"""How compressed files begin."""

SEPARATORS = ("\t", ";", ",")
"""What may stand between cells; where several fit a file equally well, the first of them."""

_HEAD = 2**16
_ROWS = 100
_CHUNK = 2**20
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_COMMA = re.compile(r"[+-]?(?:\d+,\d+|,\d+)", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_WHOLE = re.compile(r"([+-]?\d{1,15})\.0+", re.ASCII)


class TableFault(Exception):
    """A file is no table that can be read; the text names the file, the row where there is one, and the reason."""


def plain_number(text: str, separator: str) -> str:
    r"""A cell of a text table with a decimal point, a whole number without one; other cells as they are.

    Where semicolons separate cells, a comma in a number is decimal. Elsewhere it is, unless it may part thousands.

    Examples
    --------
    >>> plain_number("36,8", ","), plain_number("1,234", ","), plain_number("1,234", ";"), plain_number("1.0", "\t")
    ('36.8', '1,234', '1.234', '1')
    """
    text = text.strip()
    if _COMMA.fullmatch(text) and (separator == ";" or not _THOUSANDS.fullmatch(text)):
        text = text.replace(",", ".")
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


class TextTable:
    """A table of text: cells between commas, semicolons or tabs, quoted where they hold such a sign.

    UTF-8 with or without its mark, or UTF-16. Bytes that are no UTF-8 are read as Windows-1252, with a warning, unless
    most of what is beyond ASCII is UTF-8: such a file is damaged. gzip and zstd are unpacked while reading.

    Parameters
    ----------
    source : Path or bytes
    name : str
        What messages call it.
    limit : int or None
        Bytes that it may have, packed or not.
    largest_unpacked : int
        Bytes that it may have when unpacked, where it is packed and there is no other limit.

    Attributes
    ----------
    encoding, separator : str

    Raises
    ------
    OSError
        The file cannot be opened.
    TableFault
        It cannot be unpacked or decoded, or is larger than allowed.
    MissingExtraError
        It is compressed by zstd, and pyarrow is not installed (extra ``cohort``).
    """

    def __init__(
        self, source: Path | bytes, name: str, limit: int | None = None, *, largest_unpacked: int = LARGEST_UNPACKED
    ) -> None:
        self.source, self.name = source, name
        head = source[:4] if isinstance(source, bytes) else _first_bytes(source)
        self.packed = "gzip" if head[:2] == GZIP else "zstd" if head == ZSTD else ""
        if self.packed and limit is None:
            limit = largest_unpacked
        self.encoding = self._find_encoding(limit)
        self.separator = self._find_separator()

    @contextmanager
    def _bytes(self) -> Iterator[Any]:
        file = io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb")
        with file:
            if not self.packed:
                yield file
            elif self.packed == "gzip":
                with gzip.open(file) as unpacked:
                    yield unpacked
            else:
                pa = arrow("Files that zstd has compressed")
                with pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd") as unpacked:
                    yield unpacked

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """What a decoder or a decompressor makes of a damaged file becomes a TableFault."""
        try:
            yield
        except (BayesdxError, TableFault):
            raise
        except UnicodeError as error:
            what = "neither UTF-8 nor Windows-1252" if self.encoding == "cp1252" else "damaged UTF-16"
            raise TableFault(f"{self.name}: {what}; save the file as UTF-8.") from error
        except (EOFError, zlib.error) as error:
            raise TableFault(f"{self.name}: not {self.packed} data that can be unpacked: {error}.") from error
        except arrow_faults() as error:
            if not self.packed:
                raise
            raise TableFault(f"{self.name}: not {self.packed} data that can be unpacked: {error}.") from error

    @contextmanager
    def open(self) -> Iterator[Lines]:
        """The lines of the table, decoded."""
        with self._reading(), self._bytes() as file:
            buffered: Any = file if isinstance(file, io.BufferedIOBase) else io.BufferedReader(file)
            with io.TextIOWrapper(buffered, encoding=self.encoding, newline="") as text:
                yield Lines(self.name, text)

    def records(self, lines: Lines) -> Iterator[tuple[int, list[str]]]:
        """Rows that are not empty, each with the line on which it starts, the header's first; cells as they are.

        Raises
        ------
        TableFault
            A quote that is not closed or a cell that is too long; the line is named.
        """
        reader = csv.reader(lines, delimiter=self.separator, strict=True)
        line = 1
        try:
            for cells in reader:
                if cells:
                    yield line, cells
                line = lines.count + 1
        except csv.Error as error:
            raise TableFault(f"{self.name}, row {line}: not CSV: {error}.") from error

    def _find_encoding(self, limit: int | None) -> str:
        """The encoding, after one look at every byte."""
        size = lines = valid = foreign = 0
        first_foreign = 0
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        encoding = ""
        self.encoding = "utf-8"
        with self._reading(), self._bytes() as file:
            while chunk := file.read(_CHUNK):
                if not size:
                    encoding = _marked(chunk)
                size += len(chunk)
                if limit is not None and size > limit:
                    raise TableFault(f"{self.name}: larger than {limit // 2**20} MiB{' unpacked' * bool(self.packed)}.")
                if encoding.startswith("utf-16"):
                    continue
                text = decoder.decode(chunk)
                if not text.isascii():
                    sound = text.encode("utf-8", "ignore").decode()  # without the bytes that are no UTF-8
                    if len(sound) < len(text) and not foreign:
                        place = next(at for at, sign in enumerate(text) if "\udc80" <= sign <= "\udcff")
                        first_foreign = lines + text.count("\n", 0, place) + 1
                    foreign += len(text) - len(sound)
                    valid += len(sound) - len(sound.encode("ascii", "ignore"))
                lines += text.count("\n")
            left = decoder.decode(b"", final=True)
        if left and not foreign:
            first_foreign = lines + 1
        foreign += len(left)
        if encoding.startswith("utf-16") or not foreign:
            return encoding or "utf-8"
        if encoding or valid >= foreign:
            raise TableFault(f"{self.name}, row {first_foreign}: not UTF-8; save the file as UTF-8.")
        warnings.warn(
            f"{self.name}: not UTF-8 (row {first_foreign}); it is read as Windows-1252.", DataWarning, stacklevel=4
        )
        return "cp1252"

    def _find_separator(self) -> str:
        """The separator by which most of the first rows have as many cells as the header."""
        with self.open() as lines:
            head = lines.file.read(_HEAD)
        whole = len(head) < _HEAD
        best, found = 0.0, ","
        for separator in reversed(SEPARATORS):
            rows = []
            try:
                for row in csv.reader(io.StringIO(head, newline=""), delimiter=separator):
                    if row:
                        rows.append(len(row))
                    if len(rows) > _ROWS:
                        break
            except csv.Error:
                pass
            rows = rows if whole or len(rows) < 2 else rows[:-1]
            if rows and rows[0] > 1:
                fit = sum(width == rows[0] for width in rows) / len(rows)
                if fit >= best:
                    best, found = fit, separator
        return found


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _marked(head: bytes) -> str:
    """The encoding that a mark shows, or for UTF-16 without one its zeros; empty where nothing does."""
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    pairs = len(head[:1024]) // 2
    even, odd = head[: 2 * pairs : 2][:512].count(0), head[1 : 2 * pairs : 2][:512].count(0)
    if pairs >= 4 and max(even, odd) > 0.8 * min(pairs, 512) and min(even, odd) == 0:
        return "utf-16-le" if odd > even else "utf-16-be"
    return ""


class Lines:
    """The lines of a text, counted; one without an end is refused before it is read.

    Parameters
    ----------
    name : str
        What messages call the file.
    file : TextIO
    """

    def __init__(self, name: str, file: TextIO) -> None:
        self.name = name
        self.file = file
        self.count = 0
        self.characters = 0

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self.file.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.count += 1
        self.characters += len(line)
        if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
            raise TableFault(f"{self.name}, row {self.count}: a line of more than {LONGEST_LINE} characters.")
        return line
