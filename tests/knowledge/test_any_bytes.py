"""Whatever a folder holds: check_model returns problems, load_model raises a BayesdxError or returns a sound model."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bayesdx as dx
from bayesdx.knowledge.schema import FILE, OTHER_FILES
from tests.knowledge.example import FOLDER, copy_draft

NAMES = sorted([*FILE, *OTHER_FILES])
PIECES = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [
            b",",
            b"\n",
            b"\r",
            b"\r\n",
            b'"',
            b"|",
            b";",
            b"=",
            b"\0",
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b"1e999",
            b"-1",
            b"NaN",
        ]
    ),
    st.sampled_from(
        [b"absent", b"present", b"car_age", b"battery_flat", b"None", b"town", b"[", b"]", b'"""', b"'", b"a.b."]
    ),
    st.integers(0, 2000).map(lambda count: b"[" * count),
    st.sampled_from(["é".encode("latin-1"), "٣".encode(), "𝟎".encode(), "\u202e".encode(), b"\xed\xa0\x80"]),
)


@st.composite
def damages(draw: st.DrawFn, whole: bytes) -> bytes:
    """Some bytes of a file replaced, or all of them."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.binary(max_size=300))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(whole)))
        end = draw(st.integers(start, min(len(whole), start + 40)))
        whole = whole[:start] + b"".join(draw(st.lists(PIECES, max_size=3))) + whole[end:]
    return whole


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_any_bytes_in_any_file(data: st.DataObject, name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No traceback, no other error; a model that loads is a model that saves the same."""
    folder = copy_draft(tmp_path_factory.mktemp("any"))
    original = (FOLDER / name).read_bytes() if (FOLDER / name).exists() else b"# Notes\n"
    (folder / name).write_bytes(data.draw(damages(original)))
    problems = dx.check_model(folder)
    for problem in problems:
        assert isinstance(problem, dx.types.Problem)
        assert problem.row is None or problem.row >= 1
        assert str(problem).isprintable()
    try:
        model = dx.load_model(folder)
    except dx.BayesdxError:
        assert problems
    else:
        assert not problems
        assert dx.load_model(dx.save_model(model, folder.parent / "again" / "1.0.0")) == model


@pytest.mark.parametrize("name", NAMES)
def test_devices_are_not_read(name: str, tmp_path: Path) -> None:
    """A link to a device is no file of a model, even where reading it would never end."""
    folder = copy_draft(tmp_path)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to("/dev/zero")
    problems = dx.check_model(folder)
    assert (name, None, None, "a link that leaves the folder") in [problem[:4] for problem in problems]


def test_a_loop_of_links_is_not_followed(tmp_path: Path) -> None:
    """A link to itself is a fault like others."""
    folder = copy_draft(tmp_path)
    (folder / "cases.csv").unlink()
    (folder / "cases.csv").symlink_to("cases.csv")
    assert [problem.file for problem in dx.check_model(folder)] == ["cases.csv"]


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    """Where it leads is part of the model anyway."""
    folder = copy_draft(tmp_path)
    (folder / "cases.csv").rename(folder / ".cases")
    (folder / "cases.csv").symlink_to(".cases")
    assert dx.check_model(folder) == []


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    """The limit is part of the sentence."""
    folder = copy_draft(tmp_path)
    with (folder / "CHANGES.md").open("r+b") as stream:
        stream.truncate(2**34)
    (problem,) = dx.check_model(folder)
    assert str(problem) == "CHANGES.md: 'more than 16777216 bytes'; expected at most 16777216 bytes."
