"""The page of the model format says what the schema says."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest

import bayesdx as dx
from bayesdx.knowledge import documentation
from bayesdx.knowledge.schema import FILE, FILES, OTHER_FILES
from bayesdx.network import link_from_henrion
from tests.knowledge.example import FOLDER

PAGE = Path(__file__).parents[2] / "docs" / "model-format.md"


def test_the_committed_page_is_the_generated_one(tmp_path: Path) -> None:
    """After a change of the schema: python -m bayesdx.knowledge.documentation docs/model-format.md."""
    page = tmp_path / "model-format.md"
    shutil.copy(PAGE, page)
    documentation.main([str(page)])
    assert page.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")
    assert documentation.describe_format() in page.read_text(encoding="utf-8")


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    """Nothing is written where the generated part cannot be found."""
    page = tmp_path / "page.md"
    page.write_text("mine")
    with pytest.raises(ValueError, match="has no part between"):
        documentation.renew(page)
    assert page.read_text() == "mine"


def test_every_file_and_column_is_on_the_page() -> None:
    """With what it holds and means, in the order of the columns."""
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in (*FILE, *OTHER_FILES))
    for file in FILES:
        section = page.partition(f"## `{file.name}`\n")[2].partition("\n## ")[0]
        assert tuple(re.findall(r"^\| `(\w+)` \|", section, flags=re.M)) == file.header


def test_the_model_toml_of_the_page_is_read(tmp_path: Path) -> None:
    """The example of the page is one."""
    page = PAGE.read_text(encoding="utf-8")
    block = page.partition("## `model.toml`\n")[2].partition("<!--")[0].replace("sha256:...", "sha256:" + "0" * 64)
    text = re.sub("^    ", "", block, flags=re.M)
    assert tomllib.loads(text)["name"] == "car_start"
    folder = tmp_path / "1.0.0"
    shutil.copytree(FOLDER, folder)
    (folder / "release.toml").unlink()
    (folder / "model.toml").write_text(text)
    assert dx.check_model(folder) == []


def test_the_formula_of_the_page_is_the_conversion() -> None:
    """link = 1 - (1 - P(finding | only this cause)) / (1 - leak)."""
    only, leak = 0.82, 0.1
    assert link_from_henrion([1 - only, only], [1 - leak, leak])[1] == pytest.approx(1 - (1 - only) / (1 - leak))
