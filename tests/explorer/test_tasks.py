"""What a clinician does, in a published page and in the local one: own words, interview, note, record."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import bayesdx as dx
from bayesdx.display import format_probability, format_ratio
from bayesdx.explorer import state
from tests.explorer import browser as b
from tests.explorer.test_browser import NARROW, WIDE, first_page, overflows

pytest.importorskip("playwright", reason="Python playwright is not installed; make test installs it")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="make test installs it")
pytestmark = pytest.mark.skipif(b.chromium() is None, reason=b.NO_BROWSER)

SAID = {
    "age 70": ("age_group", "60_and_over"),
    "on blood thinners": ("anticoagulation", "yes"),
    "sudden onset": ("onset", "sudden"),
    "groin pain": ("pain_groin", "present"),
    "no fever": ("fever", "absent"),
    "knee jerk absent": ("patellar_reflex", "absent"),
    "hip flexion 2/5": ("hip_flexion_strength", "severely_reduced"),
    "denies back pain": ("pain_low_back", "absent"),
    "leg numb": ("leg_numbness", "present"),
    "severe pain": ("severe_pain", "present"),
}
"""Ten findings as a clinician types them, and what they mean in the flagship."""

READ = {
    "stroke": "",  # a cause that is known already is chosen by a click
    "not anticoagulated": "Anticoagulation or bleeding disorder: No raised bleeding risk",
    "no blood thinners": "Anticoagulation or bleeding disorder: No raised bleeding risk",
    "can bear weight": "Unable to bear weight: Can bear weight",
    "cannot weight bear": "Unable to bear weight: Cannot bear weight",
    "not both legs weak": "Weakness of both legs: Not both legs weak",
    "no urinary retention": "Bladder or bowel dysfunction: Bladder and bowel normal",
    "bladder normal": "Bladder or bowel dysfunction: Bladder and bowel normal",
    "SLR negative": "Straight leg raise: Straight leg raise negative",
    "normal reflexes": "Patellar reflex: Knee jerk normal",
    "CRP 86": "CRP (mg/L): 86",
    "70 year old": "age (years): 70",
    "reflexes not reduced": "",
    "hip flexion weak": "",
}
"""What is proposed for words with a denial or a number in them; empty where they leave the state open."""

MOST_KEYS = 25
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def model() -> dx.Model:
    return dx.load_model(b.MODEL, population="emergency_department")


@pytest.fixture(scope="module")
def page(model: dx.Model, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a published flagship."""
    return dx.publish(model, tmp_path_factory.mktemp("published") / "page.html").as_uri()


def entered(tab: Any, words: str) -> None:
    """Words typed into the search, and Enter."""
    before = tab.locator(".bdx-explorer").get_attribute("data-step")
    tab.get_by_role("searchbox").fill(words)
    tab.keyboard.press("Enter")
    b.wait_for_step(tab, before)


def test_the_task_list_of_a_clinician(opened: Any, model: dx.Model, page: str, tmp_path: Path) -> None:
    """Ten findings in own words, first cause, why, next question, note copied, page printed: few clicks and keys."""
    watched = opened(permissions=["clipboard-read", "clipboard-write"], offline=True, **WIDE)
    tab = watched.open(page)
    presses = 1
    tab.keyboard.press("/")
    for words in SAID:
        entered(tab, words)
        presses += 1
    case = dx.diagnose(model, dict(SAID.values()))
    assert b.shown(tab) == b.lines_of(case)
    first = tab.locator(".bdx-lines .bdx-line").first
    assert case.differential[0].label in first.inner_text()
    for part in (format_probability(case.differential[0].prior), format_ratio(case.differential[0].likelihood_ratio)):
        assert part in first.inner_text()
    assert tab.get_by_role("heading", name=f"Why {case.differential[0].label}?").is_visible()
    tab.get_by_role("tab", name="Ask me").click()
    b.settle(tab)
    presses += 1
    assert tab.locator(".bdx-question").inner_text()
    tab.get_by_role("button", name="Copy note").click()
    tab.get_by_text("Copied: note for the record.").wait_for()
    presses += 1
    note = tab.evaluate("() => navigator.clipboard.readText()")
    for part in (
        model.version,
        model.hash,
        case.triage.text,
        "No fever (afebrile)",
        *(line.label for line in case.differential[:5]),
    ):
        assert part in note
    assert tab.evaluate("() => { window.print = () => { window.printed = true; }; return true; }")
    tab.get_by_role("button", name="Print").click()
    presses += 1
    assert tab.evaluate("() => window.printed")
    assert presses <= MOST_KEYS
    watched.shoot("tasks")


def test_a_case_prints_on_one_page_with_red_flags(opened: Any, model: dx.Model) -> None:
    """With Chromium's default settings: one page, the flags red and first, nothing of the controls, nothing cut."""
    findings = {
        "saddle_anaesthesia": "present",
        "upper_motor_neuron_signs": "present",
        "onset": "sudden",
        "fever": "absent",
    }
    case = dx.diagnose(model, findings)
    with b.served(model, findings) as address:
        tab = opened(color_scheme="dark", **WIDE).open(address)
        pdf = tab.pdf()
        assert len(re.findall(rb"/Type /Page\b", pdf)) == 1
        inks = {tuple(map(float, ink)) for ink in re.findall(r"([\d.]+) ([\d.]+) ([\d.]+) rg", first_page(pdf))}
        assert [ink for ink in inks if ink[0] > 0.5 > 3 * max(ink[1:])], inks
        tab.evaluate("() => dispatchEvent(new Event('beforeprint'))")
        tab.emulate_media(media="print")
        sheet = tab.locator(".bdx-sheet")
        text = sheet.inner_text()
        for alert in case.alerts:
            assert alert.actions[0] in text
        assert text.index(case.alerts[0].actions[0]) < text.index("Differential")
        for line in case.differential:
            assert line.label in text and format_probability(line.posterior) in text
        assert model.version in text and model.hash in text and not tab.locator(".bdx-top").is_visible()
        assert sheet.evaluate("e => e.scrollWidth <= e.clientWidth + 1")


@pytest.mark.parametrize("kind", ["local", "published"])
def test_accessible_in_both_themes(opened: Any, model: dx.Model, page: str, kind: str) -> None:
    """axe-core finds nothing in any of the three ways to say it, wide and narrow, light and dark; targets are 24 px."""
    findings = {"saddle_anaesthesia": "present", "onset": "sudden", "age_group": "60_and_over"}
    with b.served(model, findings) as address:
        for scheme in SCHEMES:
            watched = opened(color_scheme=scheme, reduced_motion="reduce", **WIDE)
            tab = watched.open(address if kind == "local" else page)
            if kind == "published":
                entered(tab, "saddle numbness")
            tab.get_by_role("button", name="About Fever").click()
            tab.locator(".bdx-about table").wait_for()
            b.press(tab, "Keep")
            faults = violations(tab)
            for name in ("Ask me", *(("A note",) if kind == "local" else ())):
                tab.get_by_role("tab", name=name).click()
                b.settle(tab)
                if name == "A note":
                    tab.get_by_role("textbox", name="A note in your words").fill(
                        "Afebrile, groin pain. ?saddle numbness"
                    )
                    tab.get_by_role("button", name="Read the note").click()
                    tab.locator(".bdx-proposals li").first.wait_for()
                faults += violations(tab)
            tab.set_viewport_size(NARROW["viewport"])
            tab.locator(".bdx-further").click()
            faults += violations(tab)
            assert not faults, "\n".join(faults)
            assert tab.evaluate(b.CONTRAST) == []
            assert overflows(tab) == []
            small = tab.evaluate(
                "() => [...document.querySelectorAll('button, select, summary, input:not([type=checkbox]), textarea')]"
                ".filter((e) => e.checkVisibility() && !e.closest('.bdx-skip') && !e.matches('.bdx-hidden'))"
                ".filter((e) => { const r = e.getBoundingClientRect(); return r.height < 24 || r.width < 24; })"
                ".map((e) => e.outerHTML.slice(0, 120))"
            )
            assert small == []


def violations(tab: Any) -> list[str]:
    """What axe-core finds, by all its rules, experimental ones aside."""
    found = axe.Axe().run(tab).response["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]


def test_a_note_is_confirmed_word_by_word(opened: Any, model: dx.Model) -> None:
    """Proposals are taken or left one at a time with their words marked; nothing is used before."""
    watched = opened(**WIDE)
    with b.served(model) as address:
        tab = watched.open(address)
        tab.get_by_role("tab", name="A note").click()
        note = "Sudden groin pain. Afebrile. Knee jerk absent. Brother had a stroke."
        tab.get_by_role("textbox", name="A note in your words").fill(note)
        tab.get_by_role("button", name="Read the note").click()
        tab.locator(".bdx-proposals li").first.wait_for()
        proposals = dx.read_note(model, note).proposals
        assert tab.locator(".bdx-explorer").get_attribute("data-step") == "0"
        taken: dict[str, Any] = {}
        for place, proposal in enumerate(proposals):
            marked = tab.locator("mark.bdx-current").all_inner_texts()
            assert marked == [span.words for span in proposal.spans]
            item = tab.locator(".bdx-proposals li").nth(place)
            if place == 1:
                item.get_by_role("button", name="Leave").click()
                continue
            before = tab.locator(".bdx-explorer").get_attribute("data-step")
            tab.keyboard.press("Enter")  # the focus is on "Take" of the first that is open
            b.wait_for_step(tab, before)
            taken[proposal.variable] = proposal.finding
            assert b.shown(tab) == b.lines_of(dx.diagnose(model, taken))
        watched.shoot("note")
    assert len(taken) == len(proposals) - 1 > 1


@pytest.mark.parametrize("kind", ["local", "published"])
def test_ask_me_until_it_is_enough(opened: Any, kind: str, tmp_path: Path) -> None:
    """Each question says why it is asked; a double click answers one question; in the end it says why it ends."""
    model = dx.load_model("chest_clinic")
    watched = opened(**WIDE)
    with b.served(model) as local:
        tab = watched.open(local if kind == "local" else dx.publish(model, tmp_path / "page.html").as_uri())
        tab.get_by_role("tab", name="Ask me").click()
        b.settle(tab)
        asked = []
        while tab.locator(".bdx-answer").count():
            card = tab.locator(".bdx-question")
            asked.append(card.get_by_role("heading").inner_text())
            assert "Why: " in card.inner_text() and "likely; then" in card.inner_text()
            before = tab.locator(".bdx-explorer").get_attribute("data-step")
            tab.wait_for_timeout(310)
            tab.locator(".bdx-answer").last.dblclick()
            b.wait_for_step(tab, before)
            assert tab.locator(".bdx-answered li").count() == len(asked) <= len(model.by_name)
        assert tab.locator(".bdx-question h3").inner_text() == "Nothing more has to be asked"
        assert len(set(asked)) == len(asked) >= 1
        if kind == "local":
            case = dx.diagnose(model)
            while not (question := dx.next_question(case)).stop:
                case = question.answer(question.answers[-1].mark)
            assert b.shown(tab) == b.lines_of(case)
        tab.get_by_role("button", name="Back").click()
        tab.locator(".bdx-answer").first.wait_for()


@pytest.mark.parametrize("kind", ["local", "published"])
def test_words_that_people_type(opened: Any, model: dx.Model, page: str, kind: str) -> None:
    """Words in another spelling suggest what may be meant; words that leave the state open lead to the finding."""
    with b.served(model) as address:
        tab = opened(**WIDE).open(address if kind == "local" else page)
        search = tab.get_by_role("searchbox")
        search.fill("sadle anestesia")
        tab.get_by_text("Did you mean:").wait_for()
        visible = tab.locator(".bdx-variable:visible .bdx-segments")
        assert "Saddle anaesthesia" in visible.evaluate_all("all => all.map((e) => e.getAttribute('aria-label'))")
        search.fill("xyzzy")
        tab.get_by_text("Nothing in this model fits “xyzzy”.").wait_for()
        for words, meant in READ.items():
            search.fill(words)
            entry = tab.locator(".bdx-entry")
            assert (entry.inner_text() if entry.is_visible() else "") == (meant and f"Enter ↵ {meant}"), words
        search.fill("knee jerk")
        assert not tab.locator(".bdx-entry").is_visible()
        tab.keyboard.press("Enter")
        assert (
            tab.evaluate("() => document.activeElement.closest('.bdx-segments').getAttribute('aria-label')")
            == "Patellar reflex"
        )
        before = tab.locator(".bdx-explorer").get_attribute("data-step")
        search.fill("")
        entered(tab, "groin pain")
        tab.get_by_role("button", name="Pain location: all others absent or normal").click()
        b.wait_for_step(tab, str(int(before or 0) + 1))
        places = [name for name in model.by_name if model.by_name[name].group == "pain_location"]
        findings = {name: "present" if name == "pain_groin" else "absent" for name in places}
        assert b.shown(tab) == b.lines_of(dx.diagnose(model, findings)) and len(places) > 2
        b.press(tab, "Undo")
        assert b.shown(tab) == b.lines_of(dx.diagnose(model, {"pain_groin": "present"}))
        first = tab.locator(".bdx-section", has=tab.get_by_role("heading", name="History")).locator("h4").first
        assert first.inner_text() == "Pain location"


def test_the_address_holds_a_case_only_when_it_is_shared(opened: Any, model: dx.Model, page: str) -> None:
    """Nothing stands in the address until Share; then another tab opens the same case, and the next click clears it."""
    watched = opened(permissions=["clipboard-read", "clipboard-write"], **WIDE)
    tab = watched.open(page)
    length = tab.evaluate("() => history.length")
    entered(tab, "saddle numbness")
    b.choose(tab, "Fever", "unknown")
    entered(tab, "age 70")
    assert "#" not in tab.url
    tab.locator(".bdx-menu summary").click()
    tab.get_by_role("button", name="Share").click()
    tab.get_by_text("Copied: address of this case").wait_for()
    shared = tab.evaluate("() => navigator.clipboard.readText()")
    assert shared == tab.url and "#case=" in shared and tab.evaluate("() => history.length") == length
    other = opened(**WIDE).open(shared)
    other.wait_for_function("() => document.querySelector('.bdx-explorer').dataset.step === '1'")
    b.settle(other)
    assert b.shown(other) == b.shown(tab)
    assert b.radio(other, "Fever", "unknown").is_checked()
    b.press(tab, "Undo")
    assert "#" not in tab.url
    broken = opened(**WIDE).open(f"{page}#case=eyJtb2RlbCI6e319")
    broken.get_by_text("This is no stored case").wait_for()


def test_what_a_finding_means_is_the_same_in_both(opened: Any, model: dx.Model, page: str) -> None:
    """Definition, likelihood ratios and sources of the page are those of Python."""
    findings = {"saddle_anaesthesia": "present", "fever": "absent"}
    texts = []
    with b.served(model, findings) as address:
        for place in (address, page):
            tab = opened(**WIDE).open(place)
            if place == page:
                entered(tab, "saddle numbness")
                entered(tab, "no fever")
            for name in ("Fever", "Patellar reflex"):
                tab.get_by_role("button", name=f"About {name}", exact=True).click()
                tab.locator(".bdx-about:visible table").wait_for()
                texts.append((name, tab.locator(".bdx-about:visible").inner_text()))
    assert texts[:2] == texts[2:]
    assert model.by_name["fever"].definition in texts[0][1] and "Sources of its numbers:" in texts[0][1]


def test_a_published_page_is_quick(
    opened: Any, model: dx.Model, page: str, record_property: Callable[[str, object], None]
) -> None:
    """First paint and clicks are reported; the bounds allow for a busy machine."""
    watched = opened(**WIDE)
    tab = watched.open(page)
    paint = tab.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime")
    times = b.clicks(tab, model, 12)
    median, sentence = b.measured("published page", model, times)
    record_property("measured", f"{sentence}; first paint after {paint:.0f} ms")
    assert paint < 5000
    assert statistics.median(first for first, _, _ in times) < 200 and median < 1000
    assert json.loads(tab.evaluate("() => JSON.stringify(performance.getEntriesByType('resource'))")) == []


def test_the_search_shows_what_may_be_typed_in_this_model(opened: Callable[..., Any], tmp_path: Path) -> None:
    """Each example is read as a finding by the field that shows it, fits into it, and / leads there at once."""
    made = dx.load_model(dx.save_model(dx.new_model("lamp"), tmp_path / "0.1.0"))
    names = ("hip_flexion_weakness", "chest_clinic", "deep_vein_thrombosis")
    for model in (*map(dx.load_model, names), made):
        page = dx.publish(model, tmp_path / "page.html", overwrite=True)
        watched = opened(viewport={"width": 1024, "height": 800})
        tab = watched.open(Path(page).as_uri())
        tab.keyboard.press("/")
        assert tab.evaluate("document.activeElement.type") == "search"
        hint = tab.evaluate("document.activeElement.placeholder")
        room = tab.evaluate(FITS)
        assert room >= 0, (model.name, hint, room)
        examples = hint.partition(": ")[2]
        assert examples, model.name
        for example in examples.split(", "):
            tab.fill(".bdx-search input[type=search]", example)
            tab.wait_for_selector(".bdx-entry:not([hidden])")


FITS = """() => {
  const field = document.activeElement, drawn = document.createElement("canvas").getContext("2d");
  drawn.font = getComputedStyle(field).font;
  return field.clientWidth - drawn.measureText(field.placeholder).width - 20;
}"""


def test_the_notice_says_what_a_new_model_is_not_for(tmp_path: Path) -> None:
    """A text that is no sentence of its own is introduced, in the explorer and in the page of a case."""
    model = dx.new_model("lamp")
    assert state.catalogue(model)["not_for"] == "Not for: " + model.info.not_for
    dx.diagnose(model).to_html(tmp_path / "case.html")
    assert "Not for: Any decision" in (tmp_path / "case.html").read_text("utf-8")


def test_long_words_widen_no_page(opened: Callable[..., Any], tmp_path: Path) -> None:
    """On a telephone the page of a diagnosis is as wide as the screen, whatever labels hold."""
    model = dx.load_model("hip_flexion_weakness")
    word = "Pneumonoultramicroscopicsilicovolcanoconiosis"
    labelled = replace(model, variables=tuple(replace(one, label=f"{one.label} {word}") for one in model.variables))
    case = dx.diagnose(labelled, {"fever": "present", "saddle_anaesthesia": "present", "onset": "sudden"})
    case.to_html(tmp_path / "case.html")
    for width in (320, 360, 414):
        tab = opened(viewport={"width": width, "height": 800}).tab
        tab.goto((tmp_path / "case.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") == width
