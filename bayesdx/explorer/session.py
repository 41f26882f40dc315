"""A session: what the front end asks, and what it is answered. Knows no browser and no kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import bayesdx as dx
from bayesdx.explorer.state import PARTS, about, catalogue, part, read, state

MOST_FOUND = 8
"""Variables that a search in another spelling shows."""

MOST_UNDONE = 200
"""Steps that undo remembers."""

MOST_KEPT = 6
"""Scenarios that stand beside the one at hand."""

QUICK_SECONDS = 0.02
"""Parts that took at most this long together at the last step come with the answer, others after the first paint."""


class Session:
    """Findings as they come in, with undo and redo, scenarios beside it, and a chosen cause.

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
        self.kept: list[dx.Diagnosis] = []
        self._previous: dx.Diagnosis | None = None
        self._past: list[dx.Diagnosis] = []
        self._future: list[dx.Diagnosis] = []
        self._seconds: dict[str, float] = {}
        self._parts: dict[tuple[str, str], dict[str, Any]] = {}
        self._actions: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "set": self._set,
            "change": self._change,
            "answer": self._answer,
            "population": self._population,
            "load": self._load,
            "open": self._open,
            "reset": self._reset,
            "undo": self._undo,
            "redo": self._redo,
            "keep": self._keep,
            "drop": self._drop,
            "resume": self._resume,
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
        self._future = []
        self._show(case)

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a request of the front end.

        Parameters
        ----------
        request : mapping
            ``do`` says what: "look"; "find" (``words``), "about" (``index``), "read" (``text``), "part" (``part``,
            ``step``), which change nothing; or an action that makes a step: "set" (``index``, and ``state``: a
            position, a list of them, "unknown" or None; or ``number``: a measured number as typed), "change"
            (``findings``: pairs of index and state), "answer" (``value``: what ``Question.answer`` takes), "population"
            (``name``), "load" (``case``), "open" (``document``: a stored case), "reset", "undo", "redo", "keep", "drop"
            and "resume" (``place``: of a scenario), "choose" (``cause``). ``parts`` names those that come with the
            state where they are quick.

        Returns
        -------
        dict
            ``state``; after "look" also ``catalogue``; after "find" ``words`` and ``found``, the positions of the
            variables that fit, best first; after "part" ``part``, ``step`` and ``value``, which is None where the case
            has gone on since. What could not be done is a sentence in ``error``; nothing has changed then.
        """
        reply: dict[str, Any] = {"id": request.get("id")}
        try:
            do = request.get("do")
            if do == "part":
                return reply | self._part(request)
            if do == "find":
                return reply | self._find(request)
            if do == "about":
                return reply | {"about": about(self.case, self._variable(request), self._leading), "step": self.step}
            if do == "read":
                return reply | {"reading": read(self.case, str(request.get("text") or ""))}
            if do == "look":
                reply["catalogue"] = catalogue(self.case.model)
            elif isinstance(do, str) and do in self._actions:
                self._actions[do](request)
            else:
                raise dx.FindingsError(f"explorer: {do!r} is no request.")
        except dx.BayesdxError as error:
            reply["error"] = str(error)
        wanted = request.get("parts")
        return reply | {"state": self.state(wanted if isinstance(wanted, list) else PARTS)}

    def state(self, wanted: Collection[str] = PARTS) -> dict[str, Any]:
        """The state, with those of the wanted parts that are quick."""
        told = state(self.case, self._previous, self.kept, self.chosen, self.folder)
        parts = {}
        left = self.quick_seconds
        for name in (name for name in PARTS if name in wanted):
            known = self._parts.get(_key(name, told["chosen"]))
            left -= self._seconds.get(name, float("inf")) if known is None else 0.0
            if known is not None or left >= 0:
                parts[name] = self._compute(name, told["chosen"])
        steps = {"step": self.step, "undo": bool(self._past), "redo": bool(self._future)}
        return told | steps | {"parts": parts}

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
        return {"part": name, "step": self.step, "value": self._compute(name, self._leading)}

    @property
    def _leading(self) -> str:
        """The cause whose reasons are shown."""
        return self.chosen or self.case.differential[0].cause

    def _variable(self, request: Mapping[str, Any]) -> str:
        names = list(self.case.model.by_name)
        return names[_position(request.get("index"), len(names), "variable")]

    def _find(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The variables that typed words fit, in any spelling."""
        words = str(request.get("words") or "")
        index = {name: place for place, name in enumerate(self.case.model.by_name)}
        found = dx.find_variables(self.case.model, words, MOST_FOUND).matches if words.strip() else ()
        return {"words": words, "found": [index[match.variable.variable] for match in found]}

    def _show(self, case: dx.Diagnosis) -> None:
        self._previous, self.case = self.case, case
        self._parts.clear()
        self.step += 1

    def _set(self, request: Mapping[str, Any]) -> None:
        name = self._variable(request)
        if "number" in request:
            value: Any = str(request["number"]).strip() or None
        else:
            value = self._value(name, request.get("state"))
        self.replace(self.case.with_findings({name: value}))

    def _value(self, name: str, wanted: object) -> Any:
        """A finding by the position of its state, of several states, "unknown", or None: not asked."""
        states = self.case.model.by_name[name].states
        if wanted is None:
            return None
        if wanted == "unknown":
            return dx.UNKNOWN
        if isinstance(wanted, list):
            return [states[_position(place, len(states), "state")] for place in wanted]
        return states[_position(wanted, len(states), "state")]

    def _change(self, request: Mapping[str, Any]) -> None:
        """Several findings in one step."""
        pairs = request.get("findings")
        if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            raise dx.FindingsError("explorer: findings are pairs of a variable and a state.")
        names = [self._variable({"index": index}) for index, _ in pairs]
        changes = {name: self._value(name, wanted) for name, (_, wanted) in zip(names, pairs, strict=True)}
        self.replace(self.case.with_findings(changes))

    def _answer(self, request: Mapping[str, Any]) -> None:
        """An answer to the question that is asked now."""
        self.replace(dx.next_question(self.case).answer(request.get("value")))

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

    def _open(self, request: Mapping[str, Any]) -> None:
        """A case that was stored: what ``Diagnosis.findings_json`` writes."""
        document = request.get("document")
        model = self.case.model
        told = document.get("model") if isinstance(document, Mapping) else None
        findings = document.get("findings") if isinstance(document, Mapping) else None
        if not isinstance(told, Mapping) or not isinstance(findings, Mapping):
            raise dx.FindingsError("explorer: this is no stored case: an object with model and findings was expected.")
        if told.get("name") != model.name:
            raise dx.FindingsError(f"explorer: a case of {told.get('name')}; this explorer shows {model.name}.")
        population = told.get("population")
        here = model.with_population(population) if isinstance(population, str) else model
        known = {name: dx.UNKNOWN if value == "UNKNOWN" else value for name, value in findings.items()}
        self.replace(dx.diagnose(here, known))

    def _reset(self, request: Mapping[str, Any]) -> None:
        self.chosen = ""
        self.replace(dx.diagnose(self.case.model))

    def _undo(self, request: Mapping[str, Any]) -> None:
        if self._past:
            self._future.append(self.case)
            self._show(self._past.pop())

    def _redo(self, request: Mapping[str, Any]) -> None:
        if self._future:
            self._past.append(self.case)
            self._show(self._future.pop())

    def _keep(self, request: Mapping[str, Any]) -> None:
        if len(self.kept) >= MOST_KEPT:
            raise dx.FindingsError(f"explorer: {MOST_KEPT} scenarios are kept already; remove one first.")
        self.kept.append(self.case)
        self.step += 1

    def _drop(self, request: Mapping[str, Any]) -> None:
        del self.kept[_position(request.get("place"), len(self.kept), "scenario")]
        self.step += 1

    def _resume(self, request: Mapping[str, Any]) -> None:
        self.replace(self.kept[_position(request.get("place"), len(self.kept), "scenario")])

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
