"""The explorer in a notebook: a session behind an anywidget."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import bayesdx as dx
from bayesdx.explorer.front import script, style
from bayesdx.explorer.session import Session


class Explorer(Protocol):
    """What ``explore`` returns: a widget whose ``findings`` and ``case`` follow the clicks, and which follows them.

    Parameters
    ----------
    findings : dict
        The findings in canonical form. Set it, and the explorer shows them; ``observe`` it, and be told of clicks.
    case : Diagnosis
        The diagnosis of these findings. Set it to another case of the same model, and the explorer goes on from there.

    Examples
    --------
    >>> explorer = dx.explore("hip_flexion_weakness@1.0.0")
    >>> explorer.case = explorer.case.with_findings({"fever": "present"})
    >>> explorer.findings
    {'fever': 'present'}
    """

    findings: dict[str, Any]
    case: dx.Diagnosis

    def observe(self, handler: Any, names: str) -> None:
        """Call ``handler`` whenever ``names`` ("findings" or "case") changes.

        Parameters
        ----------
        handler : callable
            Called with a dict; its ``new`` is the new value, its ``old`` the one before.
        names : {"findings", "case"}

        Examples
        --------
        >>> explorer = dx.explore("chest_clinic@1.0.0")
        >>> heard = []
        >>> explorer.observe(lambda change: heard.append(change["new"]), "findings")
        >>> explorer.findings = {"xray": "positive"}
        >>> heard[-1]
        {'xray': 'positive'}
        """


def explore(model: dx.Model | str | PathLike[str], findings: Mapping[str, Any] | None = None) -> Explorer:
    """Explore a model in a notebook: click findings, watch the differential.

    Works in JupyterLab, Notebook 7, VS Code, Colab and marimo. ``bayesdx explore`` shows the same without a notebook.

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.
    findings : mapping, optional
        Where to start, as ``diagnose`` takes them.

    Returns
    -------
    Explorer
        The last value of a cell shows itself. ``findings`` and ``case`` are in step with what is shown, both ways.

    Raises
    ------
    MissingExtraError
        anywidget is not installed (extra ``notebook``).
    FindingsError, ImpossibleEvidenceError
        As ``diagnose``.

    Examples
    --------
    >>> import bayesdx as dx
    >>> explorer = dx.explore("hip_flexion_weakness@1.0.0", {"onset": "sudden"})
    >>> explorer.findings = {"saddle_anaesthesia": "present"}
    >>> [flag.cause for flag in explorer.case.red_flags]
    ['cauda_equina_syndrome']
    """
    widget = _widget_class()
    if isinstance(model, dx.Model):
        shown: Explorer = widget(Session(model, findings))
    else:
        shown = widget(Session(dx.load_model(model), findings, str(model) if Path(model).is_dir() else ""))
    return shown


@cache
def _widget_class() -> Any:
    """The class of the widget; made at the moment of use, since it needs anywidget."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        raise dx.MissingExtraError(
            "explore() needs anywidget: install bayesdx with its notebook extra (pip install anywidget)."
        ) from None

    class ExplorerWidget(anywidget.AnyWidget):
        """A session whose requests come from the views of a widget, and whose replies go to all of them."""

        _esm = script()
        _css = style()

        findings = traitlets.Dict()
        case = traitlets.Any()

        def __init__(self, session: Session) -> None:
            self._session = session
            self._following = True
            super().__init__(findings=dict(session.case.findings), case=session.case)
            self._following = False
            self.on_msg(self._ask)

        def _ask(self, widget: object, request: object, buffers: object) -> None:
            """Answer a view; all views see the state."""
            self.send(self._session.answer(request if isinstance(request, Mapping) else {}))
            self._follow()

        def _follow(self) -> None:
            """Bring the traits in step with the session."""
            case = self._session.case
            if self.case is not case:
                self._following = True
                try:
                    self.case = case
                    self.findings = dict(case.findings)
                finally:
                    self._following = False

        @traitlets.validate("findings")
        def _read_findings(self, proposal: Mapping[str, Any]) -> dict[str, Any]:
            """Findings given in Python are read before anything changes; a fault raises here."""
            if self._following:
                return dict(proposal["value"])
            return dict(dx.diagnose(self._session.case.model, proposal["value"]).findings)

        @traitlets.validate("case")
        def _read_case(self, proposal: Mapping[str, Any]) -> dx.Diagnosis:
            case = proposal["value"]
            if not isinstance(case, dx.Diagnosis):
                raise dx.FindingsError(f"explorer: case is a Diagnosis, not {type(case).__name__}.")
            if not self._following and case is not self._session.case:
                self._session.replace(case)
            return case

        @traitlets.observe("findings", "case")
        def _changed(self, change: Mapping[str, Any]) -> None:
            """What was set in Python goes to the views and to the other trait."""
            if self._following:
                return
            if change["name"] == "findings":
                self._session.replace(dx.diagnose(self._session.case.model, change["new"]))
            self.send({"id": None, "state": self._session.state()})
            self._follow()
            self._following = True
            try:
                self.findings = dict(self._session.case.findings)
            finally:
                self._following = False

        def _repr_mimebundle_(self, **options: Any) -> Any:
            """The widget, with the case as HTML and text where no widget can be shown."""
            bundle: Any = super()._repr_mimebundle_(**options)
            data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
            return {**data, "text/plain": str(self.case), "text/html": self.case._repr_html_()}, metadata

    return ExplorerWidget
