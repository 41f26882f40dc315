"""Whatever holds the cells, equal cells are equal evidence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from bayesdx.errors import FindingsError
from bayesdx.inference import Engine
from bayesdx.network import Network, Node, Table

STATES = {"answer": ("no", "yes"), "grade": ("0", "1", "2"), "other": ("no", "yes"), "share": ("0.5", "1")}

Columns = dict[str, list[object]]


@pytest.fixture(scope="module")
def engine() -> Engine:
    """Four variables: words, numbers that are whole, words again, numbers of which one is not."""
    nodes = [Node(name, states, (), Table(np.full(len(states), 1 / len(states)))) for name, states in STATES.items()]
    return Engine(Network(tuple(nodes), targets=("answer",)))


def random_cells(rows: int) -> Columns:
    """States and missing cells; one column has no value at all."""
    rng = np.random.default_rng(rows)
    cells: Columns = {}
    for name, states in STATES.items():
        codes = rng.integers(-1, len(states), size=rows)
        cells[name] = [None if code < 0 or name == "other" else states[code] for code in codes]
    return cells


FORMS: dict[str, Callable[[Columns], object]] = {
    "objects": lambda cells: pd.DataFrame(cells, dtype=object),
    "str": lambda cells: pd.DataFrame(cells, dtype="str"),
    "string": lambda cells: pd.DataFrame(cells, dtype="string"),
    "python strings": lambda cells: pd.DataFrame(cells, dtype=pd.StringDtype("python")),
    "categories": lambda cells: pd.DataFrame(cells).astype("category"),
    "mixed": lambda cells: pd.DataFrame(cells).astype({"answer": "category", "grade": "object", "share": "string"}),
    "polars": lambda cells: pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String)),
    "polars categories": lambda cells: pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.Categorical)),
    "arrow": lambda cells: pa.table({name: pa.array(column, pa.string()) for name, column in cells.items()}),
    "arrow chunks": lambda cells: pa.concat_tables(
        [pa.table({name: pa.array(column[at::2], pa.string()) for name, column in cells.items()}) for at in (0, 1)]
    ),
    "dicts": lambda cells: [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", [0, 1, 30, 700])
def test_every_form_gives_the_same_codes(engine: Engine, form: str, rows: int) -> None:
    """Frames of pandas, polars and pyarrow, and dicts; few rows and many; columns without a value."""
    cells = random_cells(rows)
    expected = np.full((rows, 4), -1)
    for column, (name, states) in enumerate(STATES.items()):
        expected[:, column] = [-1 if cell is None else states.index(str(cell)) for cell in cells[name]]
    if form == "arrow chunks":
        expected = np.concatenate([expected[0::2], expected[1::2]])
    evidence = engine.encode(FORMS[form](cells))
    assert_array_equal(evidence.codes, expected)
    assert not evidence.likelihoods
    assert len(engine.log_evidence(FORMS[form](cells))) == rows


NUMBERS: dict[str, Callable[[list[object]], object]] = {
    "integers": lambda cells: pd.DataFrame({"grade": [cell if cell is not None else 0 for cell in cells]}),
    "floats": lambda cells: pd.DataFrame({"grade": [np.nan if cell is None else float(cell) for cell in cells]}),
    "Int64": lambda cells: pd.DataFrame({"grade": pd.array(cells, dtype="Int64")}),
    "objects": lambda cells: pd.DataFrame({"grade": np.array(cells, dtype=object)}),
    "categories": lambda cells: pd.DataFrame({"grade": pd.Categorical(cells)}),
    "polars": lambda cells: pl.DataFrame({"grade": cells}, schema={"grade": pl.Int64}),
    "arrow": lambda cells: pa.table({"grade": pa.array(cells, pa.int16())}),
    "dicts": lambda cells: [{"grade": cell} for cell in cells],
}


@pytest.mark.parametrize("form", NUMBERS)
@pytest.mark.parametrize("rows", [5, 700])
def test_whole_numbers_are_the_states_that_look_like_them(engine: Engine, form: str, rows: int) -> None:
    """1, and the 1.0 that pandas makes of it beside a missing cell, are the state '1'."""
    cells: list[object] = [(0, 1, 2, None, 1)[row % 5] for row in range(rows)]
    expected = [-1 if cell is None and form != "integers" else cell or 0 for cell in cells]
    assert_array_equal(engine.encode(NUMBERS[form](cells)).codes[:, 1], expected)


def test_numbers_that_are_no_state(engine: Engine) -> None:
    """One clear sentence: the value as it was given, and the states there are."""
    for value, shown in ((3, "3"), (1.5, "1.5"), (True, "True"), (np.int64(7), "7")):
        with pytest.raises(FindingsError) as caught:
            engine.encode({"grade": value})
        assert str(caught.value) == f"findings: row 0, grade = {shown} is not a state of grade; its states are 0, 1, 2."
    assert engine.encode([{"share": 0.5}, {"share": 1.0}, {"share": 1}]).codes[:, 3].tolist() == [0, 1, 1]


def test_cells_may_hold_likelihoods_and_sets(engine: Engine) -> None:
    """A dict of likelihoods over all states; a list or set of the states still possible; in dicts and in frames."""
    rows = [
        {"grade": {"0": 0.1, 1: 0.5, "2": 0}, "answer": "yes"},
        {"grade": ["1", "2"]},
        {"grade": {"0"}},
        {"grade": None},
    ]
    expected = [[0.1, 0.5, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    for frame in (rows, pd.DataFrame(rows)):
        evidence = engine.encode(frame)
        assert_array_equal(evidence.likelihoods["grade"], expected)
        assert_array_equal(evidence.codes[:, :2], [[1, -1], [-1, -1], [-1, -1], [-1, -1]])
    lists = pl.DataFrame({"grade": [["1", "2"], ["0"]]})
    assert_array_equal(engine.encode(lists).likelihoods["grade"], expected[1:3])


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ({"0": 0.1, "1": 0.5}, "no likelihood of 2; give one for every state, 0 is allowed."),
        ({"0": 0, "1": 0, "2": 0}, "all likelihoods are 0; at least one has to be above."),
        ({"0": -1, "1": 0, "2": 1}, "the likelihood of 0 is -1; expected a finite number of at least 0."),
        ({"0": "x", "1": 0, "2": 1}, "the likelihood of 0 is 'x'; expected a finite number of at least 0."),
        ({"0": 1, "1": 1, "3": 1}, "'3' is not a state; its states are 0, 1, 2."),
        ([], "no state is left; name those that are still possible."),
        (["1", "one"], "'one' is not a state; its states are 0, 1, 2."),
    ],
)
def test_likelihoods_that_say_less_than_all(engine: Engine, cell: object, said: str) -> None:
    """Half a likelihood is no evidence; the sentence names the row, the variable and what is wrong."""
    with pytest.raises(FindingsError) as caught:
        engine.encode([{}, {"grade": cell}])
    assert str(caught.value).startswith(f"findings: row 1, grade: {said}")


@pytest.mark.parametrize("form", ["objects", "str", "categories", "polars", "arrow", "dicts"])
@pytest.mark.parametrize("rows", [3, 700])
def test_all_faults_at_once_in_every_form(engine: Engine, form: str, rows: int) -> None:
    """Unknown columns and states, with rows, in the order of the columns."""
    cells: Columns = {"answer": ["yes"] * rows, "grad": ["1"] * rows, "share": [None] * (rows - 1) + ["0.55"]}
    with pytest.raises(FindingsError) as caught:
        engine.encode(FORMS[form](cells))
    assert str(caught.value).splitlines() == [
        "findings: column 'grad' is not a variable. Did you mean 'grade'?",
        f"findings: row {rows - 1}, share = '0.55' is not a state of share; its states are 0.5, 1. Did you mean '0.5'?",
    ]


def test_one_case_in_one_mapping(engine: Engine) -> None:
    """A dict, or a pandas Series, is one row; answers are indexed by row."""
    for case in ({"answer": "yes", "grade": np.nan}, pd.Series({"answer": "yes", "grade": pd.NA})):
        assert engine.encode(case).codes.tolist() == [[1, -1, -1, -1]]
        assert engine.marginals(case)["answer"].index.tolist() == [0]
    assert engine.log_evidence([{}, {"answer": "no"}]).round(3).tolist() == [0.0, -0.693]


def test_what_is_no_frame(engine: Engine) -> None:
    """Numbers, text, and lists of them."""
    for frame, said in ((5, "int; expected"), ("yes", "str; expected"), ([1], "row 0 is int; expected a dict")):
        with pytest.raises(FindingsError, match=said):
            engine.encode(frame)


def test_a_column_that_occurs_twice(engine: Engine) -> None:
    """Which of the two would count is not guessed."""
    frame = pd.DataFrame([["yes", "no"]], columns=["answer", "answer"])
    with pytest.raises(FindingsError, match="column 'answer' occurs twice"):
        engine.encode(frame)
