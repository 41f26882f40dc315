"""Figures are drawn from the rows, in any style, without warnings; and say so when matplotlib is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

import bayesdx as dx
from bayesdx.display import format_probability
from tests.diagnosis.cases import naive_model
from tests.diagnosis.test_prose import QUESTIONS

CHARTS = [name for name in QUESTIONS if name != "narrative"]


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """No window, and no figure left behind."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def long_case() -> dx.Diagnosis:
    """Thirty findings, every third label long, with signs that a figure could take for markup."""
    model = dx.load_model("hip_flexion_weakness@1.0.0")
    words = " of a patient who has had it for the last six weeks, costs $5 or $6, and <b>cannot</b> say more"
    variables = tuple(replace(v, label=v.label + words) if i % 3 == 0 else v for i, v in enumerate(model.variables))
    model = replace(model, variables=variables)
    open_ = [variable for variable in model.variables if variable.kind != "cause"][:30]
    return dx.diagnose(model, {v.variable: v.states[i % 4 == 0] for i, v in enumerate(open_)})


@pytest.mark.parametrize("style", ["default", "dark_background"])
@pytest.mark.parametrize("chart", CHARTS)
def test_charts_draw_in_light_and_dark(chart: str, style: str, tmp_path: object) -> None:
    """Thirty findings with long labels: drawn, text in the colour of the style and on the page, no label on another."""
    from matplotlib import pyplot

    with pyplot.style.context(style):
        ax = QUESTIONS[chart](long_case() if chart != "next_tests_ahead" else small_case()).plot()
        figure = ax.get_figure()
        figure.canvas.draw()
        colour = pyplot.rcParams["text.color"]
        assert {text.get_color() for text in ax.texts} <= {colour}
        page = figure.get_window_extent()
        renderer = figure.canvas.get_renderer()
        for text in [*ax.texts, *ax.get_yticklabels(), ax.title, *(t for f in figure.legends for t in f.get_texts())]:
            if text.get_text():
                box = text.get_window_extent(renderer)
                assert box.x0 >= page.x0 - 1
                assert box.x1 <= page.x1 + 1
        rows = [label.get_window_extent(renderer) for label in ax.get_yticklabels()]
        assert all(above.y0 >= below.y1 - 1 for above, below in pairwise(rows))


def small_case() -> dx.Diagnosis:
    return dx.diagnose(naive_model([0.1, 0.2, 0.3], [0.8, 0.7, 0.2]), {"f0": "yes"})


def test_charts_draw_into_given_axes() -> None:
    """Axes that are handed in are drawn into and returned."""
    from matplotlib import pyplot

    _, panels = pyplot.subplots(3, 3)
    for chart, ax in zip(CHARTS, panels.ravel(), strict=False):
        assert QUESTIONS[chart](small_case()).plot(ax=ax) is ax


def test_the_waterfall_draws_the_rows() -> None:
    """One bar per row between the two ends, as wide as the row weighs."""
    why = dx.explain(small_case().with_findings({"f1": "no"}))
    bars = [patch.get_width() for patch in why.plot().patches]
    assert bars[0] == pytest.approx(why.prior_decibans)
    assert bars[-1] == pytest.approx(why.posterior_decibans)
    assert bars[1:-1] == pytest.approx(why.table["weight_decibans"].tolist())
    few = [patch.get_width() for patch in why.plot(most=1).patches]
    assert few[1:-1] == pytest.approx([bars[1], sum(bars[2:-1])])


def test_settled_cases_and_empty_ones_draw() -> None:
    """A certain cause, no findings, and nothing left to ask make figures, or say why there is nothing to draw."""
    model = naive_model([0.0, 0.2], [0.7, 0.5])
    said = []
    for case in (dx.diagnose(model), dx.diagnose(model, {"f0": "yes", "f1": "no"})):
        for chart in CHARTS:
            ax = QUESTIONS[chart](case).plot()
            ax.get_figure().canvas.draw()
            if ax.axison:
                assert ax.get_yticklabels()
            else:
                said.append((chart, " ".join(ax.texts[0].get_text().split())))
    assert said == [
        ("conflict", "It takes two findings to fit together or to clash."),
        ("explain", "Cause is certain under naive 1.0.0 because of Finding 0: yes; other findings add nothing."),
        ("next_tests", "Everything that the model knows of has been looked for."),
        ("next_tests_ahead", "Everything that the model knows of has been looked for."),
        ("sensitivity_analysis", "No single number moves the posterior of 100 %."),
    ]


def flagship_case() -> dx.Diagnosis:
    model = dx.load_model("hip_flexion_weakness@2.2.1")
    findings = {"age_group": "60_and_over", "hip_flexion_strength": "severely_reduced", "onset": "sudden"}
    return dx.diagnose(model, findings)


def test_states_are_words() -> None:
    """A state is written as people read it, not as the model names it."""
    labels = [label.get_text() for label in dx.explain(flagship_case()).plot().get_yticklabels()]
    assert "Age: 60 and over" in labels
    assert "Hip flexion strength: severely reduced" in labels


def test_numbers_of_a_tornado_are_named_in_full() -> None:
    """What a probability is given stands on lines of its own, so that its name is not cut."""
    result = dx.sensitivity_analysis(flagship_case())
    drawn = [label.get_text() for label in result.plot(most=30).get_yticklabels()]
    assert [" ".join(text.split()) for text in drawn] == [f.number.label for f in result.moving[:30]]
    assert any("|\n" in text for text in drawn)


def test_probabilities_are_read_off_the_figure() -> None:
    """Ticks end at 100 % and are written as in text; an interval stands in figures beside its line."""
    intervals = dx.credible_intervals(flagship_case(), draws=50)
    ax = intervals.plot()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]
    row = intervals.table.iloc[0]
    said = [format_probability(row[name]) for name in ("posterior", "lower", "upper")]
    assert ax.texts[0].get_text() == "{} ({} to {})".format(*said)
    assert {text.get_text() for text in dx.explain(flagship_case()).plot().get_figure().legends[0].get_texts()} == {
        "speaks for it",
        "speaks against it",
    }


def test_the_axis_of_a_tornado_ends_at_certainty() -> None:
    """However near 1 the posterior, no tick says more than 100 %."""
    case = dx.diagnose(naive_model([0.001], [0.9], prior=0.5), {"f0": "yes"})
    ticks = dx.sensitivity_analysis(case).plot().get_xticks()
    assert ticks.max() <= 1
    assert len(ticks) >= 3


def test_matplotlib_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib a sentence names the extra; importing bayesdx does not import it, nor scipy."""
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(dx.MissingExtraError) as caught:
        dx.explain(small_case()).plot()
    assert str(caught.value) == "plot() needs matplotlib: install bayesdx with its plot extra (pip install matplotlib)."
    code = (
        "import sys, bayesdx; print([m for m in ('matplotlib', 'scipy.stats', 'sklearn', 'pgmpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
