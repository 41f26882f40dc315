"""The widget's Python side, without a browser."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import bayesdx as dx
from tests.explorer.browser import MODEL, ROOT

pytest.importorskip("anywidget", reason="the extra notebook is not installed")


@pytest.fixture
def explorer(monkeypatch: pytest.MonkeyPatch) -> Any:
    made: Any = dx.explore(MODEL, {"onset": "sudden"})
    made.sent = []
    monkeypatch.setattr(made, "send", made.sent.append)
    return made


def click(explorer: Any, variable: str, state: object) -> None:
    index = list(explorer.case.model.by_name).index(variable)
    explorer._handle_custom_msg({"id": "v.1", "do": "set", "index": index, "state": state}, [])


def test_clicks_reach_python(explorer: Any) -> None:
    """A click changes ``findings`` and ``case``; who observes is told once."""
    heard: list[Any] = []
    explorer.observe(lambda change: heard.append((change["name"], change["new"])), ["findings", "case"])
    click(explorer, "fever", 1)
    assert explorer.findings == {"onset": "sudden", "fever": "present"}
    assert explorer.case.posterior.equals(dx.diagnose(explorer.case.model, explorer.findings).posterior)
    assert sorted(name for name, _ in heard) == ["case", "findings"]
    assert explorer.sent[-1]["state"]["step"] == 1


def test_python_reaches_the_views(explorer: Any) -> None:
    """Setting ``findings`` or ``case`` sends the new state to the views, and keeps both in step; undo goes back."""
    explorer.findings = {"saddle_anaesthesia": "present", "fever": dx.UNKNOWN}
    assert explorer.sent[-1]["id"] is None and len(explorer.sent[-1]["state"]["flags"]) == len(explorer.case.alerts) > 0
    assert dict(explorer.case.findings) == explorer.findings
    explorer.case = explorer.case.with_findings({"fever": "present"})
    assert explorer.findings == {"saddle_anaesthesia": "present", "fever": "present"}
    assert explorer.sent[-1]["state"]["step"] == 2
    explorer.case = explorer.case  # nothing new: no step
    explorer._handle_custom_msg({"id": "v.1", "do": "undo"}, [])
    assert explorer.findings == {"saddle_anaesthesia": "present", "fever": dx.UNKNOWN}
    assert explorer.case.findings == explorer.findings


def test_faults_raise_and_change_nothing(explorer: Any) -> None:
    """Wrong findings, a case of another model, or no case at all raise; what is shown stays."""
    before = explorer.case
    with pytest.raises(dx.FindingsError, match="Did you mean 'fever'"):
        explorer.findings = {"fevr": "present"}
    with pytest.raises(dx.FindingsError, match=r"^explorer: a case of chest_clinic"):
        explorer.case = dx.diagnose(dx.load_model("chest_clinic"))
    with pytest.raises(dx.FindingsError, match=r"^explorer: case is a Diagnosis, not dict\.$"):
        explorer.case = {}
    assert explorer.case is before and explorer.findings == {"onset": "sudden"} and explorer.sent == []


def test_it_can_be_read_where_no_widget_can(explorer: Any) -> None:
    """Beside the widget stands the case as HTML and text, for exported notebooks."""
    data, _ = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/html"] == explorer.case._repr_html_() and data["text/plain"] == str(explorer.case)


def test_without_anywidget_the_sentence_names_the_extra() -> None:
    """``explore`` says what to install; ``import bayesdx`` needs none of it."""
    code = (
        "import sys, bayesdx as dx\n"
        "assert not {'anywidget', 'ipywidgets', 'traitlets', 'matplotlib'} & set(sys.modules)\n"
        "sys.modules['anywidget'] = None\n"
        "try: dx.explore('hip_flexion_weakness@1.0.0')\n"
        "except dx.MissingExtraError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (
        done.stdout == "explore() needs anywidget: install bayesdx with its notebook extra (pip install anywidget).\n"
    )
