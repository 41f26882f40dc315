"""Files that somebody named: ordinary ones, and the tables in them. Knows no model."""

from bayesdx.files.ordinary import UnusualFileError, read_ordinary
from bayesdx.files.tables import FileTable, frame_of, lines_of, read_table_file
from bayesdx.files.texts import TableFault, TextTable, plain_number

__all__ = [
    "FileTable",
    "TableFault",
    "TextTable",
    "UnusualFileError",
    "frame_of",
    "lines_of",
    "plain_number",
    "read_ordinary",
    "read_table_file",
]
