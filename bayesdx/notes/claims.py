"""What the words of a note claim of a variable, and what all claims leave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Variable
from bayesdx.notes.note_reading import Conflicting, LeftOut, NoteReading, Proposal, Span


@dataclass
class Claim:
    """What words say of a variable."""

    states: tuple[str, ...]
    span: Span
    stems: frozenset[str]
    whole: bool
    denied: bool = False
    numeric: bool = False
    weak: bool = False


@dataclass
class Found:
    """What was read so far: the claims on each variable, and what was left out."""

    claims: dict[str, list[Claim]] = field(default_factory=lambda: defaultdict(list))
    left: list[LeftOut] = field(default_factory=list)


def reading_of(model: Model, text: str, found: Found) -> NoteReading:
    """The proposals that the claims agree on, the contradictions, and what was left out."""
    proposals: list[Proposal] = []
    conflicts: list[Conflicting] = []
    for name, claims in found.claims.items():
        variable = model.by_name[name]
        states, used = _agreed(variable, claims)
        if states:
            label = " or ".join(map(variable.state_label, states))
            spans = _one_a_place([c.span for c in used])
            proposals.append(Proposal(name, variable.label, states, label, spans))
        else:
            readings = tuple((c.states, c.span) for c in sorted(claims, key=lambda c: c.span.start))
            conflicts.append(Conflicting(name, variable.label, readings))
    proposals.sort(key=lambda p: p.spans[0].start)
    conflicts.sort(key=lambda c: c.readings[0][1].start)
    left = tuple(sorted(set(found.left), key=lambda out: (out.span.start, out.span.end, out.variables, out.span.rule)))
    return NoteReading(model, text, tuple(proposals), tuple(conflicts), left)


def _one_a_place(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The spans in the order of the note; of two rules that read the same words, the first one."""
    places: dict[tuple[int, int], Span] = {}
    for span in spans:
        places.setdefault((span.start, span.end), span)
    return tuple(places[place] for place in sorted(places))


def _agreed(variable: Variable, claims: list[Claim]) -> tuple[tuple[str, ...], list[Claim]]:
    """The states that all claims leave, and the claims that say so; no states where they contradict each other.

    A number goes before a word of degree, "sudden" before "worsening", and one name that is affirmed before another one
    that is denied: who has no fever may still have night sweats.
    """
    left = _common(variable, claims)
    if left:
        return left, claims
    firm = [c for c in claims if not c.weak]
    if firm and len(firm) < len(claims):
        return _agreed(variable, firm)
    numeric = [c for c in claims if c.numeric]
    agreed = _common(variable, numeric) if numeric else ()
    if agreed and variable.reference not in agreed and all(variable.reference not in c.states for c in claims):
        return agreed, numeric
    firm = [c for c in claims if c.numeric or c.whole]
    if agreed and variable.kind == "examination" and _common(variable, firm):
        return agreed, numeric  # a weak leg in which hip flexion is 5/5
    said = [c for c in claims if not c.denied]
    denied = [c for c in claims if c.denied]
    if said and denied and len(variable.states) == 2:
        same = any(d.whole or any(d.stems == c.stems for c in said) for d in denied)
        kept = _common(variable, said)
        if kept and not same:
            return kept, said
    return (), claims


def _common(variable: Variable, claims: list[Claim]) -> tuple[str, ...]:
    left = set(variable.states)
    for claim in claims:
        left &= set(claim.states)
    return tuple(state for state in variable.states if state in left)
