"""What the variables of a model may be called in a note: patterns of stems, made from the words of the model."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bayesdx.diagnosis.compiled import Compiled
from bayesdx.knowledge.schema import Variable
from bayesdx.knowledge.vocabulary import NO, YES, Vocabulary
from bayesdx.notes import words
from bayesdx.notes.stems import stem_of
from bayesdx.notes.words import canonical

OBSERVED = ("context", "history", "examination", "test")
"""Kinds of a variable that a note can state; causes and mechanisms are what it is read for."""

SHORTEST_CORRECTED = 7
"""Letters of a word in which one letter may be wrong."""

_LEFT_OUT = (words.LITTLE - words.KEPT) | frozenset(("and", "or", "more", "least", "than"))
_WORD = re.compile(r"[+\-]ve\b|[^\W_]+(?:['\u2019][^\W\d_]+)?")


_IMAGED = re.compile(r"\b(?:on )?(?:mri|ct|ultrasound|imaging)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Pattern:
    """Stems that together mean a variable.

    Parameters
    ----------
    variable : Variable
    stems : frozenset of str
    states : tuple of str
        What it states; empty where it only names what is examined.
    text : str
        The name, label, synonym or state label that it was made from.
    words : frozenset of str
        Its words as written, in lower case.
    whole : bool
        Whether it is made from the name, the label or a state label, that is, means all of the variable.
    measures : bool
        Whether a number after it is one of the variable.
    short : bool
        Whether it is read only right before a number, as T before 38.6.
    core : str
        "less" or "problem" where it is what is examined, left of a name such as "reduced X" or "trouble of X".
    part : bool
        Whether it is a word for a part of a state, as warfarin for anticoagulation.
    """

    variable: Variable
    stems: frozenset[str]
    states: tuple[str, ...]
    text: str
    words: frozenset[str]
    whole: bool = False
    measures: bool = False
    short: bool = False
    core: str = ""
    part: bool = False


@dataclass(frozen=True)
class Entry:
    """A variable as notes speak of it.

    Parameters
    ----------
    variable : Variable
    grades : dict of grade to states
        What "reduced", "absent" or "positive" says of it.
    tempo : dict of "sudden" and "gradual" to a state
        Empty unless its states are such.
    modalities : frozenset of str
        Kinds of imaging of which one has to be named; empty for most.
    own : frozenset of str
        Stems of all its texts.
    yes : tuple of str
        States that a mention alone states; empty for an examination with a result.
    """

    variable: Variable
    grades: dict[str, tuple[str, ...]]
    tempo: dict[str, str]
    modalities: frozenset[str]
    own: frozenset[str]
    yes: tuple[str, ...]


def stems_in(text: str) -> list[str]:
    """The stems of the words of a text that count."""
    text = re.sub(r"\bx-?\s?rays?\b", "radiograph", text, flags=re.IGNORECASE)
    return [canonical(word) for word in _WORD.findall(text.lower()) if word not in _LEFT_OUT]


def _written(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


class Lexicon:
    """The patterns of a vocabulary, found by their rarest stem."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        observed = [v for v in vocabulary.variables.values() if v.kind in OBSERVED]
        self.entries = {v.variable: _entry(v) for v in observed}
        named = _other_names(vocabulary)
        things = frozenset(stem for entry in self.entries.values() for stem in _sound_things(entry))
        patterns: dict[tuple[str, frozenset[str]], Pattern] = {}
        for entry in self.entries.values():
            for pattern in _patterns(entry, named, things):
                key = (pattern.variable.variable, pattern.stems)
                if pattern.stems and (key not in patterns or (pattern.states and not patterns[key].states)):
                    patterns[key] = pattern
        counts = Counter(stem for pattern in patterns.values() for stem in pattern.stems)
        self.triggers: dict[str, list[Pattern]] = defaultdict(list)
        for pattern in patterns.values():
            self.triggers[min(pattern.stems, key=lambda stem: (counts[stem], stem))].append(pattern)
        self.stems = frozenset(counts)
        self.shorter: dict[str, str] = {}
        for stem in sorted(self.stems):
            if len(stem) >= SHORTEST_CORRECTED - 1 and stem.isalpha():
                for shorter in _one_less(stem):
                    self.shorter.setdefault(shorter, stem)
        self.ages = [e.variable for e in self.entries.values() if _is_age(e.variable)]
        self.tempos = [e for e in self.entries.values() if len(e.tempo) == 2]

    def corrected(self, stem: str) -> str:
        """A stem of the model that differs by one letter, for a long word that is none of its own."""
        if stem in self.stems or len(stem) < SHORTEST_CORRECTED or len(stem) > 25:
            return stem
        found = {self.shorter[s] for s in (stem, *_one_less(stem)) if s in self.shorter}
        found = {s for s in found if s[0] == stem[0] and abs(len(s) - len(stem)) <= 1}
        return found.pop() if len(found) == 1 else stem


def _one_less(stem: str) -> list[str]:
    return [stem[:place] + stem[place + 1 :] for place in range(len(stem))]


def lexicon_of(ready: Compiled) -> Lexicon:
    """The lexicon of a model; to be asked for as ``compiled(model).kept(lexicon_of)``, which makes it once."""
    return Lexicon(ready.model.vocabulary)


def _is_age(variable: Variable) -> bool:
    return bool(variable.cuts) and any(stem_of(text) == stem_of("age") for text in variable.quantity)


def _is_plain(variable: Variable) -> bool:
    """Whether the states are yes and no, so that naming the variable says yes."""
    return variable.states in (("no", "yes"), ("absent", "present"))


def _lead(label: str) -> str:
    return label.partition(":")[0] if ":" in label else ""


def _entry(variable: Variable) -> Entry:
    reference, *others = variable.states
    plain = _is_plain(variable)
    grades: dict[str, list[str]] = defaultdict(list)
    tempo: dict[str, str] = {}
    signed = variable.states == ("negative", "positive")
    for state in variable.states:
        text = f"{'' if plain or signed else state.replace('_', ' ')} {variable.state_label(state)}"
        stems = stems_in(text)
        found = {words.GRADES[stem] for stem in stems if stem in words.GRADES}
        if state == reference:
            found &= {words.FINE, words.NEGATIVE}
        else:
            found -= {words.FINE, words.NEGATIVE}
            if words.STRONGER & {stem_of(word) for word in text.split()}:
                found = {words.STRONG}
        for grade in found:
            grades[grade].append(state)
        if words.SUDDEN & set(stems):
            tempo["sudden"] = state
        elif words.GRADUAL & set(stems):
            tempo["gradual"] = state
    lead = stems_in(" ".join({_lead(variable.state_label(state)) for state in variable.states}))
    if variable.kind == "test":
        lead += stems_in(variable.label)
    modalities = {stem for stem in lead if stem in words.MODALITIES}
    if any(stem_of(word) in lead for word in words.IMAGING):
        modalities = set(words.MODALITIES) - {"radiograph"}
    texts = (variable.variable.replace("_", " "), *variable.words, *variable.state_labels)
    own = frozenset(stem for text in (*texts, variable.definition) for stem in stems_in(text))
    graded = any(grade not in (words.FINE, words.NEGATIVE) for grade in grades) or len(others) > 1 or bool(tempo)
    yes = (others[0],) if plain or (others and not graded and not variable.cuts) else ()
    return Entry(variable, {g: tuple(s) for g, s in grades.items()}, tempo, frozenset(modalities), own, yes)


def _other_names(vocabulary: Vocabulary) -> dict[frozenset[str], list[str]]:
    """Stems of a name of a variable -> all names of that variable; to know more words for a state."""
    found: dict[frozenset[str], list[str]] = {}
    for variable in vocabulary.variables.values():
        names = [variable.variable.replace("_", " "), *variable.words[1:]]
        for name in names:
            found.setdefault(frozenset(stems_in(name)), names)
    return found


def _sound_things(entry: Entry) -> Iterator[str]:
    """What is imaged, from labels such as "MRI: tendon normal": naming it does not say that anything is wrong."""
    stems = stems_in(entry.variable.state_label(entry.variable.reference).partition(":")[2])
    if entry.modalities and any(words.GRADES.get(stem) == words.FINE for stem in stems):
        yield from (stem for stem in stems if stem not in words.GRADES)


def _patterns(entry: Entry, named: dict[frozenset[str], list[str]], things: frozenset[str]) -> Iterator[Pattern]:
    variable = entry.variable
    if _is_age(variable):
        return
    plain = _is_plain(variable)
    name, label = variable.variable.replace("_", " "), variable.label
    label = re.sub(r"\(.*?\)", " ", label.partition(":")[2] or label)
    quantities = [frozenset(stems_in(text)) for text in variable.quantity]
    for text in (label, name, *variable.quantity, *variable.synonyms):
        bare = text
        if (
            entry.modalities
            and "radiograph" not in entry.modalities
            and not set(stems_in(text)) <= set(words.MODALITIES)
        ):
            bare = _IMAGED.sub(" ", text)
        stems = frozenset(stems_in(bare))
        whole = text in (label, name)
        measures = bool(variable.cuts) and (whole or stems in quantities)
        yield from _readings(entry, stems, bare.strip(), whole, measures, quantities, things)
    for state, said in variable.state_words:
        for word in said:
            if not (words.NO | words.NOT) & _written(word) - {"non"}:
                yield from _of_word(entry, state, word)
    for text in variable.quantity:
        for short in words.MEASURES.get(text.lower(), ()):
            yield Pattern(variable, frozenset((canonical(short),)), (), text, frozenset((short,)), False, True, True)
    for state in variable.states:
        yield from _of_state(entry, state)
        stems = frozenset(stems_in(state.replace("_", " ")))
        if plain or not _tells(stems) or (state == variable.reference):
            continue
        for other in (state.replace("_", " "), *named.get(stems, ())):
            yield Pattern(variable, frozenset(stems_in(other)), (state,), other, _written(other))


def _of_word(entry: Entry, state: str, word: str) -> Iterator[Pattern]:
    """A word for one state, and what is left of it without "weak" or "reduced"."""
    variable = entry.variable
    bare = _IMAGED.sub(" ", word) if entry.modalities and "radiograph" not in entry.modalities else word
    stems = frozenset(stems_in(bare)) or frozenset(stems_in(word))
    if not _tells(stems) or (entry.tempo and len(stems) < 2):
        return
    outcomes = frozenset(stem for stem in stems if words.GRADES.get(stem) in words.OUTCOMES)
    if outcomes and _tells(stems - outcomes):  # what stands before or behind the name decides
        counted = bool(variable.cuts)
        yield Pattern(variable, stems - outcomes, (), bare.strip(), _written(bare), False, counted, core="less")
        return
    yield Pattern(variable, stems, (state,), bare.strip(), _written(bare), part=True)
    if not entry.tempo and state != variable.reference:
        yield from _core(entry, stems, bare)


def _tells(stems: frozenset[str]) -> bool:
    """Whether stems are more than a grade or a number."""
    empty = words.GRADES.keys() | words.STRONGER
    return any(stem not in empty for stem in stems if stem) and not any(stem[:1].isdigit() for stem in stems)


def _readings(
    entry: Entry,
    stems: frozenset[str],
    text: str,
    whole: bool,
    measures: bool,
    quantities: Sequence[frozenset[str]],
    things: frozenset[str],
) -> Iterator[Pattern]:
    """What a name or synonym states, and what is left of it without "weak", "reduced" or "trouble"."""
    variable = entry.variable
    if not _tells(stems):
        return
    written = _written(text)
    deficits = stems & words.DEFICITS
    if entry.tempo:
        for tempo, members in (("sudden", words.SUDDEN | words.ACUTE), ("gradual", words.GRADUAL | words.CREEPING)):
            if stems & members and tempo in entry.tempo and len(stems) > 1:
                yield Pattern(variable, stems, (entry.tempo[tempo],), text, written)
        return
    tested = bool((stems & _TESTS) or (written & words.TEST_NOUNS)) and "signs" not in written
    if whole and _is_plain(variable):
        tested = False
    if entry.modalities and stems <= things:
        tested = True
    measured = any(quantity <= stems for quantity in quantities) and not deficits and not whole
    states: tuple[str, ...] = ()
    if deficits or "cannot" in stems:
        states = entry.yes or _graded(entry, deficits)
    elif entry.yes and not measured and not tested and not _abbreviated(entry, text):
        states = entry.yes
    yield Pattern(variable, stems, states, text, written, whole, measures)
    yield from _core(entry, stems, text)


def _core(entry: Entry, stems: frozenset[str], text: str) -> Iterator[Pattern]:
    """What is examined, left of a name such as "weakness of X", where it can stand alone."""
    deficits = stems & words.DEFICITS
    core = stems - deficits
    kinds = {words.GRADES.get(stem, "problem") for stem in deficits}
    alone = len(core) == 1 and (core & words.TOO_COMMON or core & words.REGION_STEMS or words.MORE in kinds)
    if deficits and _tells(core) and not alone:
        counted = bool(entry.variable.cuts) and words.LESS in kinds
        kind = "problem" if "problem" in kinds else "less"
        yield Pattern(entry.variable, core, (), text, _written(text), False, counted, core=kind)


def _abbreviated(entry: Entry, text: str) -> bool:
    """Whether a synonym of a test is an abbreviation, which names the test and not its outcome."""
    return not _is_plain(entry.variable) and any(word.isupper() and len(word) > 1 for word in text.split())


def _graded(entry: Entry, deficits: frozenset[str]) -> tuple[str, ...]:
    for stem in sorted(deficits):
        found = entry.grades.get(words.GRADES.get(stem, ""), ())
        if found:
            return found
    return entry.variable.states[1:]


def _of_state(entry: Entry, state: str) -> Iterator[Pattern]:
    """Patterns of the label of a state: "Knee extension weak", "No fever (afebrile)", "MRI: cauda equina free"."""
    variable = entry.variable
    label = variable.state_label(state)
    lead = _lead(label)
    for piece in re.split(r"[():]", label):
        piece = piece.partition(",")[0]
        if not piece.strip() or piece == lead or re.search(r"\d", piece) or piece.strip().casefold() in YES + NO:
            continue
        before, no, after = _parted(piece)
        if no:
            if after and entry.yes and set(stems_in(before)) <= set(words.MODALITIES):
                yield Pattern(variable, frozenset(stems_in(after)), entry.yes, after.strip(), _written(after), True)
            continue
        stems = frozenset(stems_in(piece))
        grades = {stem for stem in stems if stem in words.GRADES}
        if not _tells(stems) or (entry.tempo and len(stems) < 2):
            continue
        if not grades or not _tells(stems - grades):
            yield Pattern(variable, stems, (state,), piece, _written(piece), True)
        else:  # what stands before or behind the name decides
            yield Pattern(variable, stems - grades, (), piece, _written(piece), False, bool(variable.cuts), core="less")


def _parted(piece: str) -> tuple[str, str, str]:
    """What stands before and after a "no", "not" or "without" of a label."""
    found = re.search(r"\b(no|not|without)\b", piece, re.IGNORECASE)
    return (piece[: found.start()], found[0], piece[found.end() :]) if found else (piece, "", "")


_TESTS = frozenset(map(canonical, words.TEST_NOUNS))
