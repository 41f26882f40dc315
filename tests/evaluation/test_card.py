"""The model card says what the folder says, and 'not reported' where it says nothing."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import bayesdx as dx
from bayesdx.evaluation.tripod import TOPICS
from tests.knowledge.example import FOLDER

CAR = dx.load_model(FOLDER)
CARDS = sorted(Path(__file__).parents[2].glob("models/*/MODEL_CARD.md"))

SECTIONS = [
    "In short",
    "Version",
    "Populations",
    "Known weaknesses",
    "Results on cases",
    "Conformance with published accuracy",
    "How its numbers are known",
    "Sources by design of study",
    "Variables",
    "TRIPOD+AI",
    "References",
]


@pytest.mark.parametrize("card", CARDS, ids=lambda path: path.parent.name)
def test_committed_cards_are_those_of_the_newest_versions(card):
    """The card beside a model's versions is what model_card makes of the newest one."""
    assert dx.model_card(dx.load_model(card.parent)) == card.read_text(encoding="utf-8")


def test_there_is_a_committed_card():
    """The test above has something to compare."""
    assert CARDS


def test_sections_in_their_order():
    """Every card has the same sections; a section is a heading of the second level."""
    text = dx.model_card(CAR)
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == SECTIONS


def test_the_chosen_population_plays_no_part():
    """A card is about the version; it is the same whichever population is chosen, and each time."""
    assert dx.model_card(CAR) == dx.model_card(CAR.with_population("country")) == dx.model_card(dx.load_model(FOLDER))


def test_a_bare_model_reports_nothing():
    """Without figures, cases and notes the card says 'not reported', and so do the items that rest on them."""
    bare = replace(CAR, accuracy=(), cases=(), notes="", release=None)
    text = dx.model_card(bare)
    assert "Not reported: the version has no published figures." in text
    assert "Not reported: the version has no cases." in text
    assert "## Known weaknesses\n\nNot reported.\n" in text
    assert "| released | not released |" in text
    for item in ("23a", "26", "12e", "18a"):
        assert f"| {item} | {TOPICS[item]} | not reported |" in text


def test_shares_of_how_numbers_are_known():
    """Counts and shares are those of count_statuses."""
    text = dx.model_card(CAR)
    counts = CAR.count_statuses()
    total = sum(counts.values())
    statuses = ("verified", "recalled", "expert", "synthesis", "dataset")
    shares = [f"{counts[n]} ({100 * counts[n] / total:.0f} %)" if counts.get(n) else "0" for n in statuses]
    assert f"| all | {total} | {' | '.join(shares)} |" in text


def test_notes_fill_weaknesses_and_items():
    """NOTES.md stands under Known weaknesses; its section TRIPOD+AI answers items, and replaces what the tables say."""
    items = "- 18a: no funding\n- 6b: anybody\n- 99: no such item"
    notes = f"- Two parts.\n\n# TRIPOD+AI\n\n{items}\n\n# Also\n\nCold only.\n"
    text = dx.model_card(replace(CAR, notes=notes, release=None))
    assert "## Known weaknesses\n\n- Two parts.\n\n### Also\n\nCold only.\n" in text
    assert f"| 18a | {TOPICS['18a']} | no funding |" in text
    assert f"| 6b | {TOPICS['6b']} | anybody |" in text
    assert "no such item" not in text


def test_figures_outside_are_listed_with_their_explanation():
    """A figure outside its prediction stands in the card with what the row says about it, or 'not reported'."""
    row = replace(CAR.accuracy[0], value=0.01, lower=0.0, upper=0.03, population="", given=(), resolution="")
    rows = (row, replace(row, condition="winter", resolution="old engines"))
    text = dx.model_card(replace(CAR, accuracy=rows, release=None))
    assert "2 outside, of which 1 are of a source in conflict with the network" in text
    assert "| old engines |" in text
    assert "| not reported |\n" in text


def test_held_out_cases_that_fail_are_listed_with_what_was_first():
    """A held-out case whose cause is not first stands in the card; one that was seen, or is first, does not."""
    right = next(row for row in CAR.cases if row.causes and dx.check_cases(CAR, [row]).table["rank"][0] == 1)
    other = next(cause for cause in CAR.causes if cause not in right.causes)
    wrong = replace(right, case="wrong", causes=(other,), use="held_out")
    rows = (replace(right, use="held_out"), wrong, replace(wrong, case="wrong_but_seen", use="seen"))
    text = dx.model_card(replace(CAR, cases=rows, release=None))
    section = text.split("Held-out cases whose cause is not first")[1].split("\n## ")[0]
    lines = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")][2:]
    assert [line[0] for line in lines] == ["| wrong"]
    assert (lines[0][1], lines[0][5]) == (other, right.causes[0])


def test_html_is_one_page_without_outside_references():
    """The HTML form has the same sections, contents that lead to them, no script and no link to elsewhere."""
    page = dx.model_card(CAR, "html")
    assert page.startswith("<!DOCTYPE html>")
    for section in SECTIONS:
        assert page.count(f">{section}</") >= 2  # among the contents, and as a heading
    assert "<script" not in page
    assert "src=" not in page
    places = re.findall(r"href='([^']*)'", page)
    assert places == [f"#{place}" for place in re.findall(r"<h2 id='([^']*)'>", page)]
    assert len(places) == len(SECTIONS)


def test_the_card_begins_with_one_screen():
    """For whom, how right with intervals, what it rests on, what it misses: the figures are those of the details."""
    model = dx.load_model("hip_flexion_weakness")
    first = dx.model_card(model).split("## Version")[0]
    assert len(first.split()) < 350
    summary = dx.check_cases(model).summary.set_index(["use", "findings", "measure"])
    use = "held_out" if any(case.use == "held_out" for case in model.cases) else "all"
    assert ("kept out of any tuning" in first) == (use == "held_out")
    top = summary.loc[(use, "all findings", "top_3")]
    value, low, high = (f"{100 * top[name]:.0f}" for name in ("value", "lower", "upper"))
    assert f"Of {top['n']:.0f} cases" in first
    assert f", among the first three in {value} % ({low} to {high} %) with all findings" in first
    early = summary.loc[(use, "history and examination", "top_1")]
    assert f"in {100 * early['value']:.0f} % ({100 * early['lower']:.0f} to {100 * early['upper']:.0f} %)" in first
    counts = model.count_statuses()
    total = sum(counts.values())
    assert f"{total:,} numbers: {100 * counts['expert'] / total:.0f} % expert judgement" in first
    for text in (model.info.intended_use, model.info.entry_criterion, model.info.not_for):
        assert dx.model_card(model).split("## TRIPOD+AI")[0].count(text) == 1  # said once, on the first screen


def test_an_unknown_format_is_refused():
    """There are two formats."""
    with pytest.raises(ValueError, match=r"^format: 'pdf'; expected 'markdown' or 'html'\.$"):
        dx.model_card(CAR, "pdf")
