"""Tricks with names, sizes, formulas and look-alikes, one by one."""

from __future__ import annotations

import csv
import gzip
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bayesdx as dx
from bayesdx.files import texts
from bayesdx.files.tables import READ
from bayesdx.types import CohortSizes
from tests.cohort.tables import FLAGSHIP, flagship, patients

ROOT = Path(__file__).parents[2]

# -- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/passwd",
        "/etc/passwd",
        "/dev/zero",
        "/proc/self/mem",
        "hip_flexion_weakness/../../etc",
        "hip_flexion_weakness@../../etc",
        "hip_flexion_weakness@1.0.0/../../..",
        "hip_flexion_weakness\0",
        "\0",
        "",
        ".",
        "~root",
        "\ud800",
        "a" * 5000,
        "hip_flexion_weakness@" + "1." * 5000,
        "file:///etc/passwd",
        "http://127.0.0.1/model",
        "//server/share",
        "CON",
    ],
)
def test_names_of_models(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A name leads to a shipped version or a sound folder, or to a BayesdxError of one printable sentence."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(dx.ModelError) as raised:
        dx.load_model(name)
    assert len(str(raised.value)) < 20_000
    assert all(line.isprintable() or "\ud800" in line for line in str(raised.value).splitlines())


@pytest.mark.parametrize(
    "place", ["/dev/zero", "/dev/stdin", "/proc/self/status", "\0.csv", "", "no/where.parquet", "a" * 5000]
)
def test_names_of_tables(place: str) -> None:
    """Devices and places that are none are not opened."""
    with pytest.raises(dx.CohortError):
        dx.score_cohort(flagship(), place)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Opening a pipe that nobody writes to would wait for ever."""
    os.mkfifo(tmp_path / "patients.csv")
    with pytest.raises(dx.CohortError) as raised:
        dx.score_cohort(flagship(), tmp_path / "patients.csv")
    assert str(raised.value) == (
        f"{tmp_path / 'patients.csv'}: no ordinary file; a cohort is {READ}, or a folder of Parquet files."
    )


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    """A folder that holds a link to itself, or to a folder elsewhere, has the files that lie within it."""
    folder, elsewhere = tmp_path / "registry", tmp_path / "elsewhere"
    for place, rows in ((folder, 3), (elsewhere, 5)):
        place.mkdir()
        patients(rows).to_parquet(place / "a.parquet")
    (folder / "loop").symlink_to(folder)
    (folder / "out").symlink_to(elsewhere)
    assert len(dx.score_cohort(flagship(), folder, keep=["patient"])) == 3
    (folder / "zero.parquet").symlink_to("/dev/zero")
    with pytest.raises(dx.CohortError, match=r"zero\.parquet: no ordinary file"):
        dx.score_cohort(flagship(), folder, keep=["patient"])


@pytest.mark.parametrize("out", ["/dev/null", "/dev/full", "\0.csv", ""])
def test_names_of_outputs(out: str) -> None:
    """Devices are not written to."""
    with pytest.raises(dx.CohortError):
        dx.score_cohort(flagship(), patients(2), out, keep=["patient"])


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    """What a link at the output's place points to stays as it is."""
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "out.csv").symlink_to(tmp_path / "precious")
    with pytest.raises(dx.CohortError, match="exists already and was not written by score_cohort"):
        dx.score_cohort(flagship(), patients(2), tmp_path / "out.csv", keep=["patient"], overwrite=True)
    assert (tmp_path / "precious").read_text() == "mine"


# -- kinds of files, sizes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("patients.doc", b"x", f"a file of an unknown kind; expected {READ}, or a folder of Parquet files."),
        ("patients.json", b"{}", f"a file of an unknown kind; expected {READ}, or a folder of Parquet files."),
        ("patients.pkl", pickle.dumps([1]), f"a pickle; expected {READ}."),
        ("patients.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", f"a picture; expected {READ}."),
        ("patients.csv", b"\xff\xd8\xff\xe0\x00\x10JFIF", f"a picture; expected {READ}."),
        ("patients.xlsx", b"a,b", f"not a workbook of Excel; expected {READ}."),
        ("patients.xls", b"\xd0\xcf\x11\xe0", f"an old Excel file or another Office document; expected {READ}."),
        ("patients.csv", b"PK\x03\x04", "not a workbook of Excel that can be read: File is not a zip file."),
        (
            "patients.csv.gz",
            b"\x1f\x8bnot gzip after all",
            "not gzip data that can be unpacked: Unknown compression method.",
        ),
    ],
)
def test_other_kinds_of_files_are_not_read(name: str, data: bytes, said: str, tmp_path: Path) -> None:
    """Nothing is unpickled or guessed; the sentence lists what is read."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(dx.CohortError) as raised:
        dx.score_cohort(flagship(), tmp_path / name)
    assert str(raised.value) == f"{tmp_path / name}: {said}"


def test_compressed_files_are_read_up_to_a_limit(tmp_path: Path) -> None:
    """gzip is known by what the file holds, whatever it is called; a bomb is refused, a zip archive is no table."""
    path = tmp_path / "patients.csv"
    path.write_bytes(gzip.compress(b"onset\n" + b"sudden\n" * 10**4))
    assert len(dx.score_cohort(flagship(), path)) == 10**4
    with pytest.raises(dx.CohortError, match=r"patients\.csv: larger than 0 MiB unpacked\."):
        dx.score_cohort(flagship(), path, sizes=CohortSizes(largest_unpacked=2**16))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", b"a" * 10**7)
    with pytest.raises(dx.CohortError, match=r"patients\.csv: a zip archive, not a workbook of Excel"):
        dx.score_cohort(flagship(), path)


class Touch:
    """Unpickled, it would leave a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("name", ["cohort.csv", "cohort.parquet", "patient.json", "model"])
def test_nothing_is_unpickled(name: str, tmp_path: Path) -> None:
    """A pickle in the place of any input does nothing."""
    payload = pickle.dumps(Touch(tmp_path / "touched"))
    path = tmp_path / name
    if name == "model":
        path.mkdir()
        for file in ("model.toml", "variables.csv", "priors.csv"):
            (path / file).write_bytes(payload)
        with pytest.raises(dx.ModelError):
            dx.load_model(path)
    else:
        path.write_bytes(payload)
        with pytest.raises(dx.BayesdxError):
            dx.score_cohort(flagship(), path)
    assert not (tmp_path / "touched").exists()


BOMB = """
import resource, sys
import bayesdx as dx
model = dx.load_model(sys.argv[1])
dx.score_cohort(model, sys.argv[2], workers=1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
dx.score_cohort(model, sys.argv[3], ignore=["note"], workers=1, out=sys.argv[4])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_small_file_of_many_rows(tmp_path: Path) -> None:
    """Three million equal rows in a few kilobytes are answered at the memory of any other table."""
    rows = 3_000_000
    path, small = tmp_path / "bomb.parquet", tmp_path / "small.parquet"
    table = pa.table({"onset": pa.repeat("sudden", rows), "note": pa.repeat("x" * 200, rows)})
    pq.write_table(table, path, compression="zstd", row_group_size=1_000_000)
    pq.write_table(table.slice(0, 200_000).select(["onset"]), small)
    assert path.stat().st_size < 100_000
    command = [sys.executable, "-c", BOMB, FLAGSHIP, str(small), str(path), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, check=True)
    assert int(done.stdout) < 300, "MB"


def test_limits_are_named(tmp_path: Path) -> None:
    """Each limit of a table has a sentence that says it."""
    path = tmp_path / "a.parquet"
    patients(20).to_parquet(path)
    with pytest.raises(dx.CohortError, match=r"row group 0 has \d+ bytes; at most 10 are read\. Write the file"):
        dx.score_cohort(flagship(), path, keep=["patient"], sizes=CohortSizes(largest_group=10))
    with pytest.raises(dx.CohortError, match=r"a\.parquet: 41 columns; at most 3 are read\."):
        dx.score_cohort(flagship(), path, keep=["patient"], sizes=CohortSizes(most_columns=3))
    shutil.copy(path, tmp_path / "b.parquet")
    with pytest.raises(dx.CohortError, match="more than 1 Parquet files; score its folders one by one"):
        dx.score_cohort(flagship(), tmp_path, keep=["patient"], sizes=CohortSizes(most_files=1))
    for wrong in (0, 1.5, True):
        with pytest.raises(dx.CohortError, match=r"sizes: part_rows: .+; expected a whole number of at least 1\."):
            CohortSizes(part_rows=wrong)


def test_a_huge_cell(tmp_path: Path) -> None:
    """Is one bad cell like another; the message shows its beginning. One beyond a limit is refused."""
    path = tmp_path / "patients.csv"
    path.write_text(f"onset\n{'x' * 100_000}\nsudden\n")
    with pytest.raises(dx.FindingsError) as raised:
        dx.score_cohort(flagship(), path)
    assert len(str(raised.value)) < 400
    path.write_text(f'onset\nsudden\n"{"x" * (csv.field_size_limit() + 1)}"\n')
    with pytest.raises(dx.CohortError, match=r"patients\.csv, row 3: not CSV: field larger than field limit \(\d+\)\."):
        dx.score_cohort(flagship(), path)
    path.write_text("onset\nsudden\n\n" + "x" * texts.LONGEST_LINE)
    with pytest.raises(dx.CohortError, match=r"patients\.csv, row 4: a line of more than 4194304 characters\."):
        dx.score_cohort(flagship(), path)


def test_deep_nesting(tmp_path: Path) -> None:
    """Lists within lists in a column are one type of cell that is no text."""
    kind: pa.DataType = pa.string()
    for _ in range(40):
        kind = pa.list_(kind)
    table = pa.table({"onset": pa.nulls(2, kind), "fever": pa.array([[["present"]], None])})
    assert dx.score_cohort(flagship(), table, on_error="flag").column("status").to_pylist() == ["bad_value", "ok"]
    pq.write_table(table, tmp_path / "deep.parquet")
    found = dx.score_cohort(flagship(), tmp_path / "deep.parquet", on_error="flag")
    assert found["status"].tolist() == ["bad_value", "ok"]


# -- what is shown ----------------------------------------------------------------------------------------------------

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", '=HYPERLINK("http://x")']


def test_formulas_in_exported_csv(tmp_path: Path) -> None:
    """A spreadsheet evaluates no cell of a CSV file, nor a header; numbers stay numbers, also those stored as text."""
    table = pd.DataFrame({"=id": [*FORMULAS, "-12.5", "+49", "plain", None], "onset": ["=x", *[None] * 9]})
    dx.score_cohort(flagship(), table, tmp_path / "out.csv", keep=["=id"], on_error="flag")
    with (tmp_path / "out.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header[0] == "'=id"
    assert [row[0] for row in rows] == [*(f"'{text}" for text in FORMULAS), "-12.5", "+49", "plain", ""]
    for cell in (cell for row in [header, *rows] for cell in row):
        assert cell[:1] not in ("=", "@", "\t"), cell
    dx.score_cohort(flagship(), table, tmp_path / "out.parquet", keep=["=id"], on_error="flag")
    assert pq.read_table(tmp_path / "out.parquet").column("=id").to_pylist() == [
        *FORMULAS,
        "-12.5",
        "+49",
        "plain",
        None,
    ]


def test_look_alikes_are_told_apart() -> None:
    """A name with a letter of another alphabet is no variable, and the message shows which letter."""
    with pytest.raises(dx.FindingsError) as raised:
        dx.score_cohort(flagship(), pd.DataFrame({"\u043enset": ["sudden"]}))
    assert str(raised.value) == (
        r"column '\u043enset' is not a variable of hip_flexion_weakness 1.0.0. Did you mean 'onset'? "
        "Name it under keep to copy it, or under ignore."
    )
    with pytest.raises(dx.FindingsError) as raised:
        dx.score_cohort(flagship(), pd.DataFrame({"onset": ["sudd\u0435n"]}))
    assert str(raised.value) == (
        r"the frame, row 0, column onset: 'sudd\u0435n' is not a state of onset; its states are gradual, sudden. "
        "Did you mean 'sudden'?\n"
        "To score the other rows and mark such ones: on_error='flag' (--on-error flag)."
    )


@pytest.mark.parametrize("text", ["a\x1b[31mb", "a\u202eb", "a\x00b", "<script>alert(1)</script>", "a\nb", "a\u200bb"])
def test_control_characters_and_markup(text: str) -> None:
    """Are shown as escapes in messages and in the column ``fault``; nothing reaches a terminal as it is."""
    frame = pd.DataFrame({"onset": [text]})
    with pytest.raises(dx.FindingsError) as raised:
        dx.score_cohort(flagship(), frame)
    lines = str(raised.value).split("\n")
    assert len(lines) == 2 and all(line.isprintable() for line in lines)
    fault = dx.score_cohort(flagship(), frame, on_error="flag")["fault"].iloc[0]
    assert fault.isprintable()


def test_other_separators(tmp_path: Path) -> None:
    """Commas, semicolons and tabs are told apart; a bar is named."""
    path = tmp_path / "patients.csv"
    path.write_text("onset|fever\nsudden|present\n")
    with pytest.raises(dx.FindingsError, match=r"separated by \|; save the file with commas, semicolons or tabs\.$"):
        dx.score_cohort(flagship(), path)


def test_decimal_commas_are_no_numbers() -> None:
    """A likelihood written as text is refused, whatever its decimal sign."""
    with pytest.raises(dx.FindingsError, match="the likelihood of sudden is '0,8'; a likelihood is a number"):
        dx.diagnose(flagship(), {"onset": {"sudden": "0,8", "gradual": 0.2}})


@pytest.mark.parametrize(
    "data", [b"\xff\xfeo\0n\0", b"onset\n\x81\n", "onset,n\ngrün,ü\n".encode() + b"\xff,\n", b"onset\nsud\0den\n"]
)
@pytest.mark.filterwarnings("ignore:.*Windows-1252")
def test_texts_in_other_encodings(data: bytes, tmp_path: Path) -> None:
    """Bytes that are neither UTF-8 nor Windows-1252, and UTF-8 that is damaged, are refused."""
    path = tmp_path / "patients.csv"
    path.write_bytes(data)
    with pytest.raises(dx.BayesdxError):
        dx.score_cohort(flagship(), path, ignore=["n"])


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    """Spreadsheets write one."""
    path = tmp_path / "patients.csv"
    path.write_bytes(b"\xef\xbb\xbfonset\r\nsudden\r\n")
    assert dx.score_cohort(flagship(), path)["status"].tolist() == ["ok"]


def test_columns_twice(tmp_path: Path) -> None:
    """Which of them would count?"""
    (tmp_path / "patients.csv").write_text("onset,onset\nsudden,gradual\n")
    twice = pa.Table.from_arrays([pa.array(["sudden"]), pa.array(["gradual"])], names=["onset", "onset"])
    pq.write_table(twice, tmp_path / "patients.parquet")
    for source in (tmp_path / "patients.csv", tmp_path / "patients.parquet", twice, twice.to_batches()[0]):
        with pytest.raises(dx.BayesdxError, match="onset"):
            dx.score_cohort(flagship(), source)


def test_invalid_utf8_in_parquet(tmp_path: Path) -> None:
    """Parquet does not check text; such a cell is no state."""
    bad = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe"))
    pq.write_table(pa.table({"onset": bad}), tmp_path / "a.parquet")
    found = dx.score_cohort(flagship(), tmp_path / "a.parquet", on_error="flag")
    said = "onset = '\\\\xff\\\\xfe' is not a state of onset; its states are gradual, sudden."
    assert found["fault"].tolist() == [said]
