"""What a note was read as: proposals for a person to confirm, what was left out, what contradicts itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bayesdx.display.blocks import Block, Grid, Mark, Note, Passage, Title
from bayesdx.display.report import Report
from bayesdx.errors import FindingsError
from bayesdx.knowledge.model import Model

ROWS_SHOWN = 200
"""Rows of a table that are printed; the table itself has all."""

SPANS_SHOWN = 3
"""Places that are quoted for one finding."""

_COLUMNS = ("label", "states", "words", "rule", "start", "end")


@dataclass(frozen=True)
class Span:
    """Words of a note, and the rule that read them.

    Parameters
    ----------
    start, end : int
        Place in the text: ``text[start:end]`` are the words.
    words : str
    rule : str
        What decided, such as 'denied by "no"' or "38.6 °C".
    """

    start: int
    end: int
    words: str
    rule: str


@dataclass(frozen=True)
class Proposal:
    """A finding that a note states, for a person to confirm.

    Parameters
    ----------
    variable : str
    label : str
    states : tuple of str
        The state, or the states that the words leave possible.
    state_label : str
        The same as people read it.
    spans : tuple of Span
        The words that it rests on.
    """

    variable: str
    label: str
    states: tuple[str, ...]
    state_label: str
    spans: tuple[Span, ...]

    @property
    def state(self) -> str | None:
        """The state; None where several are possible."""
        return self.states[0] if len(self.states) == 1 else None

    @property
    def finding(self) -> Any:
        """What ``diagnose`` takes: the state, or the list of states still possible."""
        return self.states[0] if len(self.states) == 1 else list(self.states)


@dataclass(frozen=True)
class LeftOut:
    """Words that name a finding and are no proposal.

    Parameters
    ----------
    variables : tuple of str
        What the words may mean.
    span : Span
        Its ``rule`` says why they were left out.
    """

    variables: tuple[str, ...]
    span: Span


@dataclass(frozen=True)
class Conflicting:
    """Words that say opposite things of one variable; none is chosen.

    Parameters
    ----------
    variable : str
    label : str
    readings : tuple of (states, Span)
    """

    variable: str
    label: str
    readings: tuple[tuple[tuple[str, ...], Span], ...]


@dataclass(frozen=True, eq=False, repr=False)
class NoteReading(Report):
    """What a note was read as. Made by ``read_note``; nothing of it is used before somebody confirms it.

    Parameters
    ----------
    model : Model
    text : str
        The note.
    proposals : tuple of Proposal
        In the order of the note.
    conflicts : tuple of Conflicting
    left_out : tuple of LeftOut
        Relatives, the other side, what is uncertain, planned or ambiguous, with the reason.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@2.3.0")
    >>> reading = dx.read_note(model, "73M. Denies fever or back pain. ?saddle numbness. Hip flexion 2/5.")
    >>> reading.table[["states", "words", "rule"]]
                                     states             words              rule
    variable
    age_group                   60_and_over               73M            age 73
    fever                            absent             fever  denied: "denies"
    pain_low_back                    absent         back pain  denied: "denies"
    hip_flexion_strength   severely_reduced  Hip flexion 2/5               2/5
    """

    model: Model
    text: str
    proposals: tuple[Proposal, ...]
    conflicts: tuple[Conflicting, ...]
    left_out: tuple[LeftOut, ...]

    @cached_property
    def table(self) -> pd.DataFrame:
        """The proposals, one row for each place that they rest on.

        Index: variable. Columns: label, states (several between bars where the words leave them possible), words,
        rule, start and end (``text[start:end]`` are the words).

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@2.3.0")
        >>> dx.read_note(model, "CRP 86, afebrile.").table[["states", "words", "rule"]]
                              states     words        rule
        variable
        inflammatory_markers  raised    CRP 86     86 mg/L
        fever                 absent  afebrile  "afebrile"
        """
        rows = [
            [p.variable, p.label, "|".join(p.states), span.words, span.rule, span.start, span.end]
            for p in self.proposals
            for span in p.spans
        ]
        return pd.DataFrame(rows, columns=["variable", *_COLUMNS]).set_index("variable")

    def confirm(self, names: str | Iterable[str] | Mapping[str, Any]) -> dict[str, Any]:
        """The findings that a person confirms, for ``diagnose``.

        Parameters
        ----------
        names : "all", iterable of str, or mapping
            The variables to take as proposed; a mapping gives for each the state to take instead, or None for the
            proposed one. A variable that the note contradicts itself about needs a state.

        Returns
        -------
        dict of variable to state or list of states

        Raises
        ------
        FindingsError
            A name that is no proposal.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@2.3.0")
        >>> reading = dx.read_note(model, "Afebrile. Left knee jerk absent.")
        >>> reading.confirm("all")
        {'fever': 'absent', 'patellar_reflex': 'absent'}
        >>> reading.confirm(["fever"]), reading.confirm({"patellar_reflex": "reduced"})
        ({'fever': 'absent'}, {'patellar_reflex': 'reduced'})
        """
        proposed = {p.variable: p.finding for p in self.proposals}
        if isinstance(names, str):
            if names != "all":
                names = [names]
            else:
                return proposed
        chosen = names if isinstance(names, Mapping) else dict.fromkeys(names)
        found: dict[str, Any] = {}
        faults = []
        for word, state in chosen.items():
            name = self.model.vocabulary.resolve(word)
            if state is not None and name in self.model.by_name:
                found[name] = state if isinstance(state, list) else self.model.vocabulary.state(name, state, word)
            elif name in proposed:
                found[name] = proposed[name]
            elif any(conflict.variable == name for conflict in self.conflicts):
                faults.append(f"{name}: the note contradicts itself; give its state.")
            else:
                known = ", ".join(proposed) or "none"
                faults.append(f"{name} is not among the proposals: {known}.")
        if faults:
            raise FindingsError("\n".join(faults))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON.

        Examples
        --------
        >>> import bayesdx as dx
        >>> reading = dx.read_note(dx.load_model("hip_flexion_weakness@2.3.0"), "No fever.")
        >>> reading.to_dict()["proposals"][0]["states"]
        ['absent']
        """
        return {
            "model": {"name": self.model.name, "version": self.model.version},
            "proposals": [
                {
                    "variable": p.variable,
                    "label": p.label,
                    "states": list(p.states),
                    "state_label": p.state_label,
                    "spans": [_plain(span) for span in p.spans],
                }
                for p in self.proposals
            ],
            "conflicts": [
                {
                    "variable": c.variable,
                    "label": c.label,
                    "readings": [{"states": list(states), **_plain(span)} for states, span in c.readings],
                }
                for c in self.conflicts
            ],
            "left_out": [{"variables": list(out.variables), **_plain(out.span)} for out in self.left_out],
        }

    def blocks(self) -> Sequence[Block]:
        """The note with what was read marked, and the three tables."""
        title = f"{self.model.name} {self.model.version}: a note read, proposals to confirm"
        shown: list[Block] = [Title(title), Passage(self.text, self._marks())]
        rows = [[p.label, p.state_label, _quoted(p.spans), p.spans[0].rule] for p in self.proposals]
        if rows:
            shown.append(Grid(["finding", "proposed", "words", "rule"], rows[:ROWS_SHOWN], title="Proposals"))
        else:
            shown.append("Nothing in the note was read as a finding of this model.")
        against = [
            [c.label, " or ".join(map(self._label(c.variable), states)), _short(span.words), span.rule]
            for c in self.conflicts
            for states, span in c.readings[:SPANS_SHOWN]
        ]
        if against:
            header = ["finding", "said", "words", "rule"]
            shown.append(Grid(header, against[:ROWS_SHOWN], title="Contradictions: none of the two is proposed"))
        left = [
            [
                " or ".join(self.model.by_name[name].label for name in out.variables),
                _short(out.span.words),
                out.span.rule,
            ]
            for out in self.left_out
        ]
        if left:
            shown.append(Grid(["finding", "words", "why"], left[:ROWS_SHOWN], title="Left out"))
        shown.append(Note("Read by rules: compare each line with the note before you confirm it."))
        return shown

    def _label(self, name: str) -> Any:
        return self.model.by_name[name].state_label

    def _marks(self) -> tuple[Mark, ...]:
        marks = [
            Mark(span.start, span.end, f"{p.label}: {p.state_label} ({span.rule})")
            for p in self.proposals
            for span in p.spans
        ]
        marks += [
            Mark(span.start, span.end, f"{c.label}: contradictory ({span.rule})", "against")
            for c in self.conflicts
            for _, span in c.readings
        ]
        marks += [Mark(out.span.start, out.span.end, f"left out: {out.span.rule}", "left") for out in self.left_out]
        return tuple(sorted(marks, key=lambda mark: (mark.start, mark.end)))


def _plain(span: Span) -> dict[str, Any]:
    return {"start": span.start, "end": span.end, "words": span.words, "rule": span.rule}


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def _quoted(spans: Sequence[Span]) -> str:
    texts = list(dict.fromkeys(_short(span.words) for span in spans))
    more = f" (+{len(texts) - SPANS_SHOWN})" if len(texts) > SPANS_SHOWN else ""
    return "; ".join(texts[:SPANS_SHOWN]) + more
