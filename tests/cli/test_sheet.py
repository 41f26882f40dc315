"""Tables fitted to the screen: no line too long, words whole as long as that is possible, nothing lost."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import bayesdx as dx
from bayesdx.cli.output import table
from bayesdx.cli.sheet import Sheet, broken
from bayesdx.display import format_probability
from tests.cli.test_commands import good

FINDINGS = [
    "--finding=age_group=60_and_over",
    "--finding=anticoagulation=yes",
    "--finding=onset=sudden",
    "--finding=saddle_anaesthesia=present",
    "--finding=hip_flexion_strength=severely_reduced",
    "--finding=knee_extension_weakness=present",
]
MODEL = "hip_flexion_weakness@2.2.1"
texts = st.text(alphabet="ab_=; %\n", max_size=60)


def drawn(grid: Sheet, width: int) -> list[str]:
    screen = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    screen.print(grid)
    return [line.rstrip() for line in screen.file.getvalue().splitlines()]


@given(text=texts, width=st.integers(1, 30))
def test_a_broken_text_is_the_text(text: str, width: int) -> None:
    """No line is wider, unless a percent sign keeps its number; without spaces and breaks it is what it was."""
    lines = broken(text, width).split("\n")
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)
    assert max(len(line.strip()) for line in lines) <= width


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (40, ["iliopsoas_tendinopathy   12.3 %   a, b c"]),
        (30, ["iliopsoas_     12.3 %   a, b c", "tendinopathy"]),
        (24, ["iliopsoa   12.3 %   a, b", "s_                  c", "tendinop", "athy"]),
    ],
)
def test_names_break_where_their_parts_meet(width: int, expected: list[str]) -> None:
    """First at spaces, then at underscores, within a word only where nothing else helps."""
    grid = table("cause", "now", "rest")
    grid.add_row("iliopsoas_tendinopathy", "12.3 %", "a, b c")
    assert drawn(grid, width)[2:] == expected


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", ["diagnose", "explain", "next", "sensitivity"])
def test_words_are_whole_in_a_narrow_terminal(command: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is too long, and every word of a wide terminal is a word of a narrow one."""
    monkeypatch.setenv("COLUMNS", "400")
    wide = set(re.findall(r"\w{4,}", good(command, MODEL, *FINDINGS).replace("_", " ")))
    monkeypatch.setenv("COLUMNS", str(columns))
    text = good(command, MODEL, *FINDINGS)
    assert max(map(len, text.splitlines())) <= columns
    assert wide <= set(re.findall(r"\w{4,}", text.replace("_", " ")))


def test_figures_of_accuracy_keep_the_parts_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns the names of findings and causes are broken after an underscore only."""
    monkeypatch.setenv("COLUMNS", "80")
    text = good("check", MODEL, "--evidence")
    assert "osteoarthritis" in text
    assert not re.search(r"osteoarthrit$", text, re.MULTILINE)


def test_each_cause_of_a_cohort_stands_beside_its_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A label of several lines pushes no probability beside another cause; flags follow each other."""
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "patients.csv"
    path.write_text("onset,saddle_anaesthesia,fever\nsudden,present,present\ngradual,,absent\n")
    model = dx.load_model(MODEL)
    text = good("diagnose", MODEL, "--findings", str(path))
    for findings in ({"onset": "sudden", "saddle_anaesthesia": "present", "fever": "present"},
                     {"onset": "gradual", "fever": "absent"}):  # fmt: skip
        for line in dx.diagnose(model, findings).differential[:3]:
            assert re.search(rf"{line.label.split()[0]}.* {re.escape(format_probability(line.posterior))} ", text)
    assert "emergency: Saddle numbness" in " ".join(text.split())
