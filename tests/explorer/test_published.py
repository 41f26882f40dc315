"""A published page: what it says is what Python says, and it opens from a disk without anything else."""

from __future__ import annotations

import base64
import json
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayesdx as dx
from bayesdx.display import format_probability
from bayesdx.explorer import publish
from bayesdx.explorer.offline import SCRIPTS, contents
from bayesdx.explorer.state import state
from tests.explorer import browser as b
from tests.explorer.hostile import hostile_folder

pytest.importorskip("playwright", reason="Python playwright is not installed; make test installs it")
pytestmark = pytest.mark.skipif(b.chromium() is None, reason=b.NO_BROWSER)

PATIENTS = 15
"""Of each population."""

ANSWERS = """async ([module, data, patients]) => {
  const { inPage } = await import(module);
  return patients.map(([population, findings]) => {
    const page = inPage(data);
    const replies = [];
    page.listen((reply) => replies.push(reply));
    return new Promise((done) => {
      page.send({ id: "1", do: "population", name: population });
      for (const [index, state] of findings) page.send({ id: "2", do: "set", index, state });
      queueMicrotask(() => queueMicrotask(() => {
        const { state, error } = replies.at(-1);
        for (const part of ["why", "next"]) page.send({ do: "part", part, step: state.step });
        queueMicrotask(() => queueMicrotask(() => {
          const parts = replies.slice(-2).map((reply) => reply.value);
          done([state, ...parts, replies.find((reply) => reply.error)?.error ?? null]);
        }));
      }));
    });
  }).reduce(async (all, one) => [...await all, await one], Promise.resolve([]));
}"""


def told_by_the_page(chromium: Any, model: dx.Model, patients: list[tuple[str, list[tuple[int, Any]]]]) -> list[Any]:
    text = "\n".join((files("bayesdx.explorer") / name).read_text("utf-8") for name in SCRIPTS)
    module = "data:text/javascript;base64," + base64.b64encode(text.encode()).decode()
    tab = chromium.new_page()
    found: list[Any] = tab.evaluate(ANSWERS, [module, contents(model), patients])
    tab.close()
    return found


def random_patients(model: dx.Model, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Findings of patients drawn from the model, some of them unknown; now and then a cause that is given."""
    cohort = dx.simulate_cohort(model, count, seed=seed)
    rng = np.random.default_rng(seed)
    found = []
    for _, row in cohort.iterrows():
        names = [name for name in row.index if name in model.by_name and model.by_name[name].kind != "mechanism"]
        told = [name for name in names if model.by_name[name].kind != "cause" or rng.random() < 0.01]
        chosen = rng.choice(told, min(len(told), int(rng.integers(0, 16))), replace=False)
        found.append({str(name): dx.UNKNOWN if rng.random() < 0.05 else row[name] for name in chosen})
    return found


def as_clicks(model: dx.Model, findings: dict[str, Any]) -> list[tuple[int, Any]]:
    index = {name: place for place, name in enumerate(model.by_name)}
    return [
        (index[name], "unknown" if value is dx.UNKNOWN else model.by_name[name].states.index(value))
        for name, value in findings.items()
    ]


@pytest.mark.parametrize(
    "name", ["hip_flexion_weakness", "hip_flexion_weakness@1.0.0", "hip_flexion_weakness@3.0.0", "chest_clinic"]
)
def test_the_page_says_of_random_patients_what_python_says(chromium: Any, name: str) -> None:
    model = dx.load_model(name)
    cases = []
    for population in (one.name for one in model.info.populations):
        here = model.with_population(population)
        cases += [dx.diagnose(here, findings) for findings in random_patients(here, PATIENTS)]
        first = here.causes[0]
        for flag in here.red_flags[::3]:  # beside a cause that is given
            raised = {name: states[0] for name, states in flag.findings}
            cases.append(dx.diagnose(here, {**raised, first: here.by_name[first].states[1]}))
    patients = [(case.model.population, as_clicks(model, dict(case.findings))) for case in cases]
    for case, (told, why, following, error) in zip(cases, told_by_the_page(chromium, model, patients), strict=True):
        assert error is None
        expected = state(case)
        for key in ("population", "findings", "flags", "triage", "management", "hidden"):
            assert told[key] == json.loads(json.dumps(expected[key])), key
        for line, other in zip(told["differential"], expected["differential"], strict=True):
            assert line["posterior"] == pytest.approx(other["posterior"], abs=1e-9)
            for key in ("cause", "label", "shown", "prior", "ratio"):
                assert line[key] == other[key]
        assert (told["none"] is None) == (expected["none"] is None) == (not case.may_have_none)
        if case.may_have_none:
            assert told["none"]["posterior"] == pytest.approx(case.none_present, abs=1e-9)
        for group, one in zip(told["groups"], expected["groups"], strict=True):
            assert group.pop("posterior") == pytest.approx(one.pop("posterior"), abs=1e-9)
            assert group == json.loads(json.dumps(one))
        assert_same_reasons(case, why)
        assert_same_changes(case, following)


def assert_same_reasons(case: dx.Diagnosis, why: dict[str, Any]) -> None:
    """Each weight is the log-odds with all findings minus those without this one."""
    first = case.differential[0].cause
    assert why["cause"] == first
    for row in why["rows"]:
        if not isinstance(row["end"], float | int):
            continue
        label = row["label"].rpartition(" (alone ")[0]
        name = next(one.variable for one in case.understood if one.text == label)
        without = case.with_findings({name: None}).probability(first)
        now = case.probability(first)
        if min(now, without) > 1e-6 and max(now, without) < 1 - 1e-6:
            weight = 10 * np.log10(now / (1 - now) / without * (1 - without))
            assert row["end"] == pytest.approx(weight, abs=1e-6)


def assert_same_changes(case: dx.Diagnosis, following: dict[str, Any]) -> None:
    """Emergencies, and the probability that an option changes a decision; its bits are about the causes one by one."""
    found = dx.next_tests(case)
    assert following["urgent"] == bool(found.emergencies)
    changes = {one.option.label: format_probability(one.decision_change) for one in found.suggestions}
    for row in following["rows"]:
        assert row["decision"] == changes[row["label"]]
        if row["badge"]:
            assert next(one for one in found.suggestions if one.option.label == row["label"]).emergency


def test_a_published_page_opens_from_a_disk_and_loads_nothing(chromium: Any, tmp_path: Path) -> None:
    path = publish("hip_flexion_weakness", tmp_path / "page.html")
    assert path.stat().st_size < 1_000_000
    seen = b.Watched(chromium, viewport={"width": 1280, "height": 900}, offline=True)
    tab = seen.open(path.as_uri())
    b.choose(tab, "Saddle anaesthesia", "present")
    expected = dx.diagnose(dx.load_model("hip_flexion_weakness"), {"saddle_anaesthesia": "present"})
    assert b.shown(tab) == b.lines_of(expected)
    assert "EMERGENCY" in tab.locator(".bdx-band").inner_text()
    assert seen.faults == []
    seen.context.close()


def test_hostile_labels_stay_text(chromium: Any, tmp_path: Path) -> None:
    path = publish(hostile_folder(tmp_path / "model"), tmp_path / "page.html")
    seen = b.Watched(chromium)
    seen.open(path.as_uri())
    assert seen.faults == []
    seen.context.close()


def test_a_pipe_is_not_written_to(tmp_path: Path) -> None:
    """Nobody may ever read it."""
    path = tmp_path / "page.html"
    os.mkfifo(path)
    for overwrite in (False, True):
        with pytest.raises(dx.SaveError, match="special file"):
            publish("chest_clinic@1.0.0", path, overwrite=overwrite)
