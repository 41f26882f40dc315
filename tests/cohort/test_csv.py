"""Reading CSV: every row by the line of the file on which it starts, every fault with its place."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayesdx as dx
from bayesdx.cohort import sources
from tests.cohort.tables import flagship


def message(path: Path, data: str | bytes, **options: object) -> str:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    with pytest.raises(dx.BayesdxError) as raised:
        dx.score_cohort(flagship(), path, workers=1, **{"ignore": [], **options})
    return str(raised.value).replace(str(path), "p.csv")


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("onset\nodd\n", 2),
        ("onset\n\nodd\n", 3),
        ("\n\nonset\nodd\n", 4),
        ("onset\r\n\r\nodd\r\n", 3),
        ("onset,note\nsudden,a\n,\nodd,x\n", 4),
        ('note,onset\n\n"first\nsecond",sudden\n,odd\n', 5),
        ('note,onset\n"first\r\nsecond\r\n",sudden\r\n,odd\r\n', 5),
        ('onset,note\nodd,"two\nlines"\n', 2),
        ('"onset",note\n"odd","a ""quoted"" word"\n', 2),
        ("\ufeffonset\nsudden\nodd", 3),
    ],
)
def test_a_row_is_named_by_its_line(text: str, row: int, tmp_path: Path) -> None:
    """Empty lines, cells of several lines and line ends of Windows count as an editor counts them."""
    options = {"ignore": ["note"]} if "note" in text else {}
    said = message(tmp_path / "p.csv", text, **options)
    assert said.splitlines()[0] == (
        f"p.csv, row {row}, column onset: 'odd' is not a state of onset; its states are gradual, sudden."
    )
    mapping = {"note": None} if "note" in text else {}
    if not text.startswith("\n"):
        with pytest.raises(dx.DatasetError, match=rf"row {row}, column onset"):
            dx.read_cohort(flagship(), tmp_path / "p.csv", mapping)


@pytest.mark.filterwarnings("ignore:Columns that are causes")
def test_an_impossible_row_is_named_by_its_line(tmp_path: Path) -> None:
    """As a bad cell is."""
    model = dx.load_model("chest_clinic")
    path = tmp_path / "p.csv"
    path.write_text("tuberculosis,either\n\npresent,\n\npresent,no\n")
    with pytest.raises(dx.ImpossibleEvidenceError) as raised:
        dx.score_cohort(model, path, workers=1)
    assert str(raised.value).startswith(f"{path}, row 5: ")


@pytest.mark.parametrize("part", [1, 2, 3, 100])
def test_lines_are_counted_across_parts(part: int, tmp_path: Path) -> None:
    """However the file is cut."""
    sizes = dx.types.CohortSizes(part_rows=part, batch_rows=part)
    text = 'onset,note\nsudden,"a\nb"\n\nsudden,\ngradual,\n\n\n"sudden","c\n\nd"\nodd,\n'
    assert message(tmp_path / "p.csv", text, ignore=["note"], sizes=sizes).startswith(
        "p.csv, row 12, column onset: 'odd'"
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "p.csv: empty; expected a header with the names of columns."),
        ("\n\n", "p.csv: empty; expected a header with the names of columns."),
        ("onset,fever\nsudden\n", "p.csv, row 2: 1 cells; the header has 2."),
        ("onset\n\nsudden,present\n", "p.csv, row 3: 2 cells; the header has 1."),
        ('onset\nsudden\n"open\n', "p.csv, row 3: not CSV: unexpected end of data."),
        ('onset\n"a"b\n', "p.csv, row 2: not CSV: ',' expected after '\"'."),
        (
            "onset,fever\nsudden\n\na,b,c\n",
            "p.csv, row 2: 1 cells; the header has 2.\np.csv, row 4: 3 cells; the header has 2.",
        ),
        ("onset,füver\n".encode() + b"sudden,pr\xe4sent\n", "p.csv, row 2: not UTF-8; save the file as UTF-8."),
        (b"\xef\xbb\xbfonset\nsudden\nsu\xe4\n", "p.csv, row 3: not UTF-8; save the file as UTF-8."),
        (b"\xff\xfeo\0n\0\n\0x", "p.csv: damaged UTF-16; save the file as UTF-8."),
    ],
)
def test_what_is_no_table(data: str | bytes, said: str, tmp_path: Path) -> None:
    """Ragged rows, open quotes and other encodings are refused where they stand, never filled up or guessed."""
    assert message(tmp_path / "p.csv", data) == said
    if data and not isinstance(data, bytes):
        assert message(tmp_path / "p.csv", data, on_error="flag") == said


def test_windows_1252_is_named(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, where nothing else shows UTF-8, are letters of Windows."""
    path = tmp_path / "p.csv"
    path.write_bytes(b"onset,note\nsudden,pr\xe4sent\n")
    with pytest.warns(dx.DataWarning) as said:
        scores = dx.score_cohort(flagship(), path, keep=["note"])
    assert [str(each.message) for each in said] == [f"{path}: not UTF-8 (row 2); it is read as Windows-1252."]
    assert scores["note"].tolist() == ["präsent"]


CELLS = st.text(st.sampled_from("ab,\"\n\r;'= \u00e4"), max_size=4)


@settings(max_examples=60)
@given(rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=8), part=st.integers(1, 5))
def test_cells_are_those_that_were_written(rows: list[list[str]], part: int, tmp_path_factory: object) -> None:
    """Whatever a CSV writer wrote is read back, an empty cell as missing, at the line where its row starts."""
    path = Path(str(tmp_path_factory.mktemp("csv"))) / "p.csv"  # type: ignore[attr-defined]
    starts = []
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "y"])
        for row in rows:
            file.flush()
            text = path.read_bytes().decode()
            starts.append(1 + text.count("\n") + text.replace("\r\n", "").count("\r"))
            writer.writerow(row)
    source = sources.CsvSource(path, dx.types.CohortSizes(part_rows=part))
    batches = [batch for p in source.parts(["y", "x"], lambda _: None) for batch in p.batches()]
    cells = [
        (x, y) for batch in batches for x, y in zip(batch.columns["x"].cells(), batch.columns["y"].cells(), strict=True)
    ]
    assert cells == [(x or None, y or None) for x, y in rows]
    assert [int(line) for batch in batches for line in batch.numbers] == starts


def test_types_of_kept_columns_as_csv(tmp_path: Path) -> None:
    """Numbers, truth values and dates of a frame become text that pandas reads back."""
    table = pd.DataFrame(
        {
            "n": [1, 2],
            "x": [0.1, None],
            "b": [True, False],
            "d": pd.to_datetime(["2026-01-02 03:04:05", None]),
            "c": pd.Categorical(["=a", None]),
            "onset": ["sudden", None],
        }
    )
    keep = ["n", "x", "b", "d", "c"]
    dx.score_cohort(flagship(), table, tmp_path / "out.csv", keep=keep)
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = [row[:5] for row in csv.reader(file)]
    assert rows == [keep, ["1", "0.1", "True", "2026-01-02 03:04:05", "'=a"], ["2", "", "False", "", ""]]
    back = dx.score_cohort(flagship(), table, keep=keep)
    pd.testing.assert_frame_equal(back[keep], table[keep])
