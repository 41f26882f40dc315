"""A session: what the front end asks, and what it is answered. Knows no browser and no kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import bayesdx as dx
from bayesdx.explorer.state import PARTS, catalogue, part, state

MOST_UNDONE = 200
"""Steps that undo remembers."""

QUICK_SECONDS = 0.06
"""Parts that took at most this long together at the last step come with the answer, others after the first paint."""


class Session:
    """Findings as they come in, with undo, a pinned scenario and a chosen cause.

    Parameters
    ----------
    model : Model
    findings : mapping, optional
        As ``diagnose`` takes them.
    folder : str
        Where the model was loaded from; empty for a shipped one.
    quick_seconds : float
        See ``QUICK_SECONDS``.

    Raises
    ------
    FindingsError, ImpossibleEvidenceError
        As ``diagnose``.

    Examples
    --------
    >>> session = Session(dx.load_model("hip_flexion_weakness@1.0.0"))
    >>> reply = session.answer({"do": "set", "index": 12, "state": 0})
    >>> reply["state"]["step"], reply["state"]["undo"]
    (1, True)
    """

    def __init__(
        self,
        model: dx.Model,
        findings: Mapping[str, Any] | None = None,
        folder: str = "",
        quick_seconds: float = QUICK_SECONDS,
    ) -> None:
        self.case = dx.diagnose(model, findings)
        self.folder = folder
        self.quick_seconds = quick_seconds
        self.step = 0
        self.chosen = ""
        self.pinned: dx.Diagnosis | None = None
        self._previous: dx.Diagnosis | None = None
        self._past: list[dx.Diagnosis] = []
        self._seconds: dict[str, float] = {}
        self._parts: dict[tuple[str, str], dict[str, Any]] = {}
        self._actions: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "set": self._set,
            "population": self._population,
            "load": self._load,
            "reset": self._reset,
            "undo": self._undo,
            "pin": self._pin,
            "unpin": self._unpin,
            "choose": self._choose,
        }

    def replace(self, case: dx.Diagnosis) -> None:
        """Go on with another case; undo returns to the one before.

        Raises
        ------
        FindingsError
            The case is one of another model.
        """
        if case.model.hash != self.case.model.hash:
            one, other = self.case.model, case.model
            raise dx.FindingsError(
                f"explorer: a case of {other.name} {other.version}; this explorer shows {one.name} {one.version}."
            )
        self._past = [*self._past, self.case][-MOST_UNDONE:]
        self._show(case)

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a request of the front end.

        Parameters
        ----------
        request : mapping
            ``do`` says what: "look", "part" (``part``, ``step``), or an action that makes a step: "set" (``index``, and
            ``state``: a position, "unknown" or None), "population" (``name``), "load" (``case``), "reset", "undo",
            "pin", "unpin", "choose" (``cause``).

        Returns
        -------
        dict
            ``state``; after "look" also ``catalogue``; after "part" ``part``, ``step`` and ``value``, which is None
            where the case has gone on since. What could not be done is a sentence in ``error``;
            nothing has changed then.
        """
        reply: dict[str, Any] = {"id": request.get("id")}
        try:
            do = request.get("do")
            if do == "part":
                return reply | self._part(request)
            if do == "look":
                reply["catalogue"] = catalogue(self.case.model)
            elif isinstance(do, str) and do in self._actions:
                self._actions[do](request)
            else:
                raise dx.FindingsError(f"explorer: {do!r} is no request.")
        except dx.BayesdxError as error:
            reply["error"] = str(error)
        return reply | {"state": self.state()}

    def state(self) -> dict[str, Any]:
        """The state, with those parts that are quick."""
        told = state(self.case, self._previous, self.pinned, self.chosen, self.folder)
        parts = {}
        left = self.quick_seconds
        for name in PARTS:
            known = self._parts.get(_key(name, told["chosen"]))
            left -= self._seconds.get(name, float("inf")) if known is None else 0.0
            if known is not None or left >= 0:
                parts[name] = self._compute(name, told["chosen"])
        return told | {"step": self.step, "undo": bool(self._past), "parts": parts}

    def _compute(self, name: str, chosen: str) -> dict[str, Any]:
        """A part of the state at this step, computed once; where there is none, the sentence that says why."""
        key = _key(name, chosen)
        if key not in self._parts:
            start = time.perf_counter()
            try:
                self._parts[key] = part(self.case, name, chosen)
            except dx.BayesdxError as error:
                self._parts[key] = {"error": str(error)}
            self._seconds[name] = time.perf_counter() - start
        return self._parts[key]

    def _part(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request.get("part")
        if name not in PARTS:
            raise dx.FindingsError(f"explorer: {name!r} is no part; the parts are {', '.join(PARTS)}.")
        if request.get("step") != self.step:
            return {"part": name, "step": request.get("step"), "value": None}
        chosen = self.chosen or str(self.case.posterior.index[0])
        return {"part": name, "step": self.step, "value": self._compute(name, chosen)}

    def _show(self, case: dx.Diagnosis) -> None:
        self._previous, self.case = self.case, case
        self._parts.clear()
        self.step += 1

    def _set(self, request: Mapping[str, Any]) -> None:
        names = list(self.case.model.by_name)
        name = names[_position(request.get("index"), len(names), "variable")]
        wanted = request.get("state")
        if wanted is None:
            value: Any = None
        elif wanted == "unknown":
            value = dx.UNKNOWN
        else:
            states = self.case.model.by_name[name].states
            value = states[_position(wanted, len(states), "state")]
        self.replace(self.case.with_findings({name: value}))

    def _population(self, request: Mapping[str, Any]) -> None:
        name = request.get("name")
        if not isinstance(name, str):
            raise dx.FindingsError("explorer: a population has a name.")
        self.replace(self.case.with_population(name))

    def _load(self, request: Mapping[str, Any]) -> None:
        model = self.case.model
        published = model.cases[_position(request.get("case"), len(model.cases), "case")]
        findings = {name: list(states) for name, states in published.findings}
        self.replace(dx.diagnose(model.with_population(published.population), findings))

    def _reset(self, request: Mapping[str, Any]) -> None:
        self.chosen = ""
        self.replace(dx.diagnose(self.case.model))

    def _undo(self, request: Mapping[str, Any]) -> None:
        if self._past:
            self._show(self._past.pop())

    def _pin(self, request: Mapping[str, Any]) -> None:
        self.pinned = self.case
        self.step += 1

    def _unpin(self, request: Mapping[str, Any]) -> None:
        self.pinned = None
        self.step += 1

    def _choose(self, request: Mapping[str, Any]) -> None:
        cause = request.get("cause")
        if cause not in self.case.posterior.index:
            raise dx.FindingsError(f"explorer: {cause!r} is no line of the differential.")
        self.chosen = str(cause)
        self.step += 1


def _key(name: str, chosen: str) -> tuple[str, str]:
    """What a part depends on besides the case."""
    return (name, chosen if name == "why" else "")


def _position(value: object, count: int, what: str) -> int:
    """A position that a request names."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise dx.FindingsError(f"explorer: {value!r} is no {what}; there are {count}, counted from 0.")
    return value
