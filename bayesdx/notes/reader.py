"""A note read by rules: which variables its words name, what they say of them, and of whom."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from bayesdx.diagnosis.compiled import compiled
from bayesdx.errors import FindingsError
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import format_cell
from bayesdx.notes import words
from bayesdx.notes.ages import ages_in
from bayesdx.notes.claims import Claim, Found, reading_of
from bayesdx.notes.lexicon import Entry, Lexicon, Pattern, lexicon_of, stems_in
from bayesdx.notes.mentions import WINDOW, Mention
from bayesdx.notes.reading import LeftOut, NoteReading, Span
from bayesdx.notes.results import Examined, Result
from bayesdx.notes.scope import Scope, scope_of
from bayesdx.notes.statement import Context
from bayesdx.notes.stems import stem_of
from bayesdx.notes.tokens import Token, measured, statements

LONGEST_NOTE = 4 * 2**20
"""Signs above which a text is refused."""


def read_note(model: Model, text: str) -> NoteReading:
    """What a clinician's note says in the words of a model, for a person to confirm.

    Rules read it, offline: names, labels and synonyms of the model in any order and form, denial and its scope ("no
    fever or weight loss", "denies", "afebrile", "knee jerk normal"), numbers through the cut points, age in words or
    figures. Relatives, the other side, plans, and what is uncertain or ambiguous are left out, with the reason. Only
    what can be observed is read (context, history, examination, tests), no causes. Nothing is applied: ``confirm``
    makes findings of what a person has compared with the note. Time grows in proportion to the length of the note.

    Parameters
    ----------
    model : Model
    text : str
        The note, in English, up to 4 million signs.

    Returns
    -------
    NoteReading

    Raises
    ------
    FindingsError
        The text is no string, or too long.

    References
    ----------
    W. W. Chapman et al. (2001), "A simple algorithm for identifying negated findings and diseases in discharge
    summaries", Journal of Biomedical Informatics 34: the scope of a denial.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@2.3.0")
    >>> reading = dx.read_note(model, "Seventy-year-old diabetic. Father had prostate cancer. No groin pain or fever.")
    >>> reading.confirm("all")
    {'age_group': '60_and_over', 'diabetes': 'yes', 'pain_groin': 'absent', 'fever': 'absent'}
    >>> [(out.variables, out.span.rule) for out in reading.left_out]
    [(('cancer_history',), 'family: "father"')]
    """
    if not isinstance(text, str):
        raise FindingsError(f"read_note: expected the text of a note, not {type(text).__name__}.")
    if len(text) > LONGEST_NOTE:
        raise FindingsError(f"read_note: {len(text)} signs; a note has at most {LONGEST_NOTE}.")
    lexicon = compiled(model).kept(lexicon_of)
    found = Found()
    parsed = [(tokens, scope_of(tokens, text)) for tokens in statements(text)]
    context = Context(main_side=_main_side(parsed))
    families: list[tuple[int, int]] = []
    for tokens, scope in parsed:
        _enter(tokens, context, text)
        if context.section == "family":
            scope.family = [0] * len(tokens)
        for place, cue in enumerate(scope.family):
            if cue >= 0:
                families.append((tokens[place].start, tokens[place].end))
        _Statement(lexicon, tokens, scope, context, text, found).read()
    _read_ages(lexicon, text, families, found)
    return reading_of(model, text, found)


def _main_side(parsed: Sequence[tuple[list[Token], Scope]]) -> str:
    """The side of the complaint: the one that is named most often, of equals the first."""
    counts = {"left": 0, "right": 0}
    first = ""
    for tokens, scope in parsed:
        sound = any(token.grade == words.FINE for token in tokens)
        for place, (side, family) in enumerate(zip(scope.side, scope.family, strict=True)):
            compared = any(
                t.text in ("than", "compared", "contralateral", "unlike") for t in tokens[max(0, place - 4) : place]
            )
            if side in counts and family < 0 and not compared and not (sound and first and side != first):
                counts[side] += 1
                first = first or side
    if counts["left"] == counts["right"]:
        return first
    return "left" if counts["left"] > counts["right"] else "right"


def _enter(tokens: list[Token], context: Context, text: str) -> None:
    """Take note of a heading, an empty line and what kind of imaging is spoken of."""
    colon = next((place for place, token in enumerate(tokens[:5]) if token.text == ":"), -1)
    heading = " ".join(token.text for token in tokens[: max(colon, 0)])
    first = tokens[0]
    before = text[max(0, first.start - 3) : first.start]
    blank = "\n\n" in before
    new_line = "\n" in before and first.kind == "word"
    if colon > 0:
        context.section = words.SECTIONS.get(heading, "")
        if heading in words.SECTIONS or heading in words.HEADINGS:
            context.modality = ""
    elif blank:
        context.section = context.modality = ""
    elif first.text in ("fh", "fhx"):
        context.section = "family"
    elif (
        context.section in ("family", "past")
        or first.text in words.RESUMES
        or (context.section == "impression" and new_line)
    ):
        context.section = ""


class _Statement(Examined):
    """One statement with its scope, read into claims."""

    def read(self) -> None:
        """Read the statement."""
        mentions = self._arbitrated(list(self._mentions()))
        results = self._results(mentions)
        seen: set[tuple[str, int, int]] = set()
        for mention, result in zip(mentions, results, strict=True):
            key = (mention.name, mention.first, mention.last)
            if key not in seen:
                seen.add(key)
                self._claim(mention, result)
        self._tempo(mentions)
        self._degrees()
        self._prefixed()
        if self.modalities and self.modalities[-1]:
            self.context.modality = self.modalities[-1]

    def _claim(self, mention: Mention, result: Result | None) -> None:
        pattern, entry = mention.pattern, self.lexicon.entries[mention.name]
        if mention.only_number and not (result is not None and result.number is not None and result.number.scale):
            return
        states: tuple[str, ...] = ()
        rule, denied, numeric = "", False, False
        first, last = mention.first, mention.last
        cue = self._denied_by(mention)
        if result is not None and result.number is not None:
            states, rule = self._of_number(entry, result)
            numeric = bool(states)
        if not states and pattern.states:
            if cue is not None:
                if pattern.states == (entry.variable.reference,):
                    states = entry.variable.states[1:] if len(entry.variable.states) == 2 else ()
                else:
                    states = (entry.variable.reference,)
                rule, denied = f'denied: "{cue}"', True
                if pattern.part:
                    rule += " (alone)"
            else:
                states, rule = pattern.states, f'"{_short(pattern.text)}"'
                if (result is not None and result.strong and entry.grades.get(words.STRONG)) or (
                    self._is_strong(mention) and entry.grades.get(words.STRONG) and not pattern.whole
                ):
                    states = entry.grades[words.STRONG]
        elif not states and result is not None and result.grade:
            states = self._of_grade(entry, pattern, result)
            rule = f'result: "{self._words(result.first, result.last)}"'
        elif not states and cue is not None and not pattern.states:
            states = entry.grades.get(words.NONE, ())
            rule = f'denied: "{cue}"'
        if not states:
            if result is not None or not pattern.whole:
                self._unread(mention, result)
            return
        if result is not None and (numeric or not pattern.states):
            first, last = min(first, result.first), max(last, result.last)
            if last - first > 4 * WINDOW:
                first, last = mention.first, mention.last
        why = self._why_not(mention, entry, result, denied)
        if why:
            self._leave((mention.name,), mention.first, mention.last, why)
            return
        span = self._span(first, last, rule)
        whole = pattern.whole or not pattern.states
        if pattern.core == "problem" and states == (entry.variable.reference,):
            whole, denied = False, True  # one of several troubles is not there
        self.found.claims[mention.name].append(Claim(states, span, pattern.stems, whole, denied, numeric))

    def _unread(self, mention: Mention, result: Result | None) -> None:
        """Say that a number stands by a name and is not read; a name without a result says nothing."""
        place = mention.last + 1
        if result is None and place < len(self.tokens) and self.tokens[place].kind == "number":
            variable = mention.pattern.variable
            if variable.cuts and not mention.pattern.measures:
                self._leave((mention.name,), mention.first, place, f"a number is read as {variable.measured} only")

    def _is_strong(self, mention: Mention) -> bool:
        return any(
            self.tokens[k - step].stem in words.STRONGER
            for k in mention.places
            if self.tokens[k].grade
            for step in (1, 2)
            if k >= step and not any(self.scope.soft[k - step : k])
        )

    def _of_number(self, entry: Entry, result: Result) -> tuple[tuple[str, ...], str]:
        variable, number = entry.variable, result.number
        assert number is not None
        if not variable.cuts:
            grade = {0: words.NONE, 1: words.LESS, 2: words.FINE}.get(int(number.value), words.MORE)
            return self._by_grade(entry, None, grade, False), f"graded {self._words(result.first, result.last)}"
        unit = variable.unit or (f"/{format_cell(number.scale)}" if number.scale else "")
        joint = "" if unit.startswith("/") else " "
        return (variable.state_of(number.value),), f"{format_cell(round(number.value, 2))}{joint}{unit}".strip()

    def _of_grade(self, entry: Entry, pattern: Pattern, result: Result) -> tuple[str, ...]:
        grade = result.grade
        if pattern.core == "problem" and result.stem == "full":
            return ()  # a full bladder is no sound one
        if pattern.core == "less" and grade in (words.POSITIVE, words.NEGATIVE):
            return ()  # strength is neither
        if result.inverted:
            if grade == words.FINE:
                lacking = result.stem in words.LACKING_WHEN_NOT
                grade = words.NONE if lacking else words.ODD
            else:
                grade = words.FINE
        return self._by_grade(entry, pattern, grade, result.strong)

    def _by_grade(self, entry: Entry, pattern: Pattern | None, grade: str, strong: bool) -> tuple[str, ...]:
        variable, grades = entry.variable, entry.grades
        others = variable.states[1:]
        core = pattern is not None and pattern.core != ""
        if grade in (words.FINE, words.NEGATIVE):
            return (variable.reference,)
        if strong and grade in (words.LESS, words.ODD) and words.STRONG in grades:
            return grades[words.STRONG]
        if grade in grades:
            return grades[grade]
        if grade == words.NONE and words.STRONG in grades:
            return grades[words.STRONG]
        if grade == words.NONE and words.LESS in grades:
            return grades[words.LESS]
        if grade == words.LESS and words.MORE in grades:
            return (variable.reference,)
        if grade == words.POSITIVE:
            return others if len(others) == 1 else ()
        if grade == words.ODD:
            return others
        if core and entry.yes and grade in (words.LESS, words.NONE):
            return entry.yes
        return ()

    def _why_not(self, mention: Mention, entry: Entry, result: Result | None, denied: bool) -> str:
        """Why a mention is no proposal; empty where it is one."""
        scope, tokens = self.scope, self.tokens
        last, places = mention.last, mention.places
        family = next((scope.family[k] for k in places if scope.family[k] >= 0), -1)
        if family >= 0:
            return f'family: "{tokens[family].text}"'
        if self.context.section == "plan":
            return "in the plan"
        if self.context.section == "impression" and entry.variable.kind != "context":
            return "in the impression"
        if self.context.section == "past" and entry.variable.kind != "context":
            return "in the past history"
        doubt = next((scope.doubted[k] for k in places if scope.doubted[k] >= 0 and scope.doubted[k] not in places), -1)
        if doubt >= 0 and not (result is not None and result.number is not None):
            return f'uncertain: "{tokens[doubt].text}"'
        after = self._not_excluded(mention.first, last + 6) or self._doubt_after(last)
        if after:
            return f'uncertain: "{after}"'
        gone = next((t.text for t in tokens[last + 1 : last + 6] if t.text in words.GONE), "")
        if gone and entry.variable.kind != "context" and not denied:
            return f'no longer: "{gone}"'
        side = self._side_of(mention, result)
        if side and self.context.main_side and side not in ("both", self.context.main_side):
            return f"the other side: {side}"
        if not self._has_modality(mention):
            kinds = " or ".join(words.MODALITIES[k] for k in sorted(entry.modalities))
            return f"a finding of {kinds}, which the note does not name here"
        elsewhere = self._elsewhere(mention, entry)
        if elsewhere:
            return f"said of another part of the body: {elsewhere}"
        return ""

    def _doubt_after(self, last: int) -> str:
        for place in range(last + 1, min(last + 7, len(self.tokens))):
            token = self.tokens[place]
            if (token.kind == "mark" and token.text in ",.;") or token.text in ("and", "or", "but"):
                return self._hard_to_assess(place)
            if token.text in words.DOUBT_AFTER:
                return token.text
        return ""

    def _not_excluded(self, low: int, high: int) -> str:
        """Words by which a finding among these tokens is still possible, as in "fracture cannot be excluded"."""
        for place in range(low, min(high, len(self.tokens))):
            if self.tokens[place].kind == "mark" and self.tokens[place].text in ".;":
                return ""
            if self.tokens[place].text == "excluded":
                said = [token.text for token in self.tokens[max(0, place - 3) : place + 1]]
                hardly = [start for start, text in enumerate(said) if text in words.HARDLY]
                return " ".join(said[hardly[-1] :]) if hardly else ""
        return ""

    def _hard_to_assess(self, place: int) -> str:
        for later in range(place, min(place + 5, len(self.tokens))):
            hardly = any(t.text in words.HARDLY for t in self.tokens[max(0, later - 3) : later])
            if self.tokens[later].text in words.ASSESS and hardly:
                return self.tokens[later].text
        return ""

    def _side_of(self, mention: Mention, result: Result | None) -> str:
        """The side that is named with a mention, or with its result."""
        if result is not None and result.side:
            return result.side
        sides = []
        for place in range(mention.first - 1, max(-1, mention.first - 6), -1):
            token = self.tokens[place]
            if (self.scope.hard[place] and token.text != ":") or token.text in (",", "and"):
                break
            if self.scope.side[place]:
                sides.append(self.scope.side[place])
                break
        sides += [self.scope.side[k] for k in range(mention.first, mention.last + 1) if self.scope.side[k]]
        end = result.last if result is not None and result.first > mention.last else mention.last
        for place in range(mention.last + 1, min(max(mention.last + 6, end + 4), len(self.tokens))):
            token = self.tokens[place]
            if token.kind == "mark" and token.text in ",.;:" and place > end:
                break
            if token.text == "," or token.text in ("and", "but", "compared", "than", "unlike"):
                break
            if self.scope.side[place]:
                sides.append(self.scope.side[place])
                break
        if "both" in sides or self.context.main_side in sides:
            return self.context.main_side
        return sides[0] if sides else ""

    def _elsewhere(self, mention: Mention, entry: Entry) -> str:
        """A part of the body beside a mention that the variable does not speak of."""
        stems = mention.pattern.stems
        tokens = self.tokens
        if mention.pattern.text.isupper():
            return ""  # an abbreviation such as LBP says where
        wanted = {stem for stem in stems_in(entry.variable.label) if stem in words.DIRECTIONS}
        nearby = [
            tokens[k].stem
            for k in range(max(0, mention.first - 2), min(len(tokens), mention.last + 3))
            if k in mention.places or self._adjoins(mention, k)
        ]
        directions = {stem for stem in nearby if stem in words.DIRECTIONS}
        if wanted and directions and not wanted & directions and mention.pattern.states:
            return min(directions)
        if stems & words.REGION_STEMS:
            return ""
        allowed = entry.own | {
            part for whole, parts in words.PART_STEMS.items() if whole in entry.own for part in parts
        }
        if not entry.own & words.REGION_STEMS:
            allowed = allowed | words.PART_STEMS["leg"] | words.TRUNK_STEMS
            before = tokens[mention.first - 1].stem if mention.first else ""
            return tokens[mention.first - 1].text if before in words.REGION_STEMS - allowed else ""
        for place in range(mention.last + 1, min(len(tokens), mention.last + 6)):
            if tokens[place].text.startswith("radiat"):
                break
            if tokens[place].stem in words.REGION_STEMS - allowed and self._adjoins(mention, place):
                return "" if self._is_part_of_bone(place) else tokens[place].text
        for place in range(mention.first - 1, max(-1, mention.first - 9), -1):
            if self.scope.hard[place] and tokens[place].kind == "mark":
                break
            if tokens[place].stem in words.REGION_STEMS and not self._is_part_of_bone(place):
                return tokens[place].text if tokens[place].stem in words.FOREIGN_STEMS - allowed else ""
        return ""

    def _is_part_of_bone(self, place: int) -> bool:
        """Whether a neck or a head is that of a bone."""
        near = self.tokens[max(0, place - 1) : place + 2]
        return self.tokens[place].text in ("neck", "head") and any(token.text in words.OF_A_BONE for token in near)

    def _adjoins(self, mention: Mention, place: int) -> bool:
        """Whether only little words and words of no list stand between a mention and a token."""
        low, high = (place + 1, mention.first) if place < mention.first else (mention.last + 1, place)
        between = range(low, high)
        content = sum(not self.tokens[k].little and self.tokens[k].kind == "word" for k in between)
        return content <= 1 and not any(self.scope.hard[k] or self.scope.soft[k] for k in between)

    def _tempo(self, mentions: list[Mention]) -> None:
        """Sudden or gradual, said of a complaint."""
        tokens = self.tokens
        if not self.lexicon.tempos:
            return
        symptoms = sorted(
            {k for m in mentions if m.pattern.variable.kind in ("history", "examination") for k in m.places}
        )
        for place, token in enumerate(tokens):
            stem = stem_of(token.text) if token.kind == "word" else ""
            kind = weak = ""
            if stem in words.SUDDEN or (stem in words.ACUTE and self._within(symptoms, place, 0, 5)):
                kind = "sudden"
            elif stem in words.GRADUAL:
                kind = "gradual"
            elif stem in words.CREEPING and self._within(symptoms, place, 6, 6):
                kind, weak = "gradual", "weak"
            if not kind:
                continue
            before = tokens[place - 1].text if place else ""
            after = [t.text for t in tokens[place + 1 : place + 5] if t.text != "-"]
            if stem_in(before, words.RAPID) and weak:
                continue
            if kind == "sudden" and (
                after[:2] == ["on", "chronic"] or "sub" in (before, tokens[max(0, place - 2)].text)
            ):
                continue
            if self.scope.denied[place] >= 0 or self.scope.family[place] >= 0 or self.scope.doubted[place] >= 0:
                continue
            if self.context.section in ("plan", "impression", "past", "family"):
                continue
            for entry in self.lexicon.tempos:
                rule = f'"{token.text}"'
                self.found.claims[entry.variable.variable].append(
                    Claim(
                        (entry.tempo[kind],), self._span(place, place, rule), frozenset((stem,)), True, weak=bool(weak)
                    )
                )

    @staticmethod
    def _within(sorted_places: list[int], place: int, before: int, after: int) -> bool:
        low = bisect.bisect_left(sorted_places, place - before)
        return low < len(sorted_places) and sorted_places[low] <= place + after

    def _degrees(self) -> None:
        """A number in a unit that only one variable is measured in, such as 38.6 °C."""
        for place, token in enumerate(self.tokens):
            if token.kind != "number":
                continue
            number = measured(self.tokens, place)
            after = self.tokens[place + 1].text if place + 1 < len(self.tokens) else ""
            shown = after in ("°", "\u00ba") or (after == "c" and "." in token.text)
            if number is None or number.unit != "°C" or not shown:
                continue
            for entry in self.lexicon.entries.values():
                variable = entry.variable
                if variable.unit != "°C" or not variable.cuts or self.scope.family[place] >= 0:
                    continue
                low, high = variable.limits if len(variable.limits) == 2 else (-273.15, float("inf"))
                if low <= number.value <= high:
                    rule = f"{format_cell(round(number.value, 2))} °C"
                    claim = Claim(
                        (variable.state_of(number.value),), self._span(place, number.last, rule), frozenset(), True,
                        numeric=True,
                    )  # fmt: skip
                    self.found.claims[variable.variable].append(claim)

    def _prefixed(self) -> None:
        """Words that deny by their first letter: afebrile, apyrexial, atraumatic."""
        for place, token in enumerate(self.tokens):
            if token.kind != "word" or not token.text.startswith("a") or len(token.text) < 7:
                continue
            if token.stem in self.lexicon.triggers:
                continue
            for stem in words.without_prefix(token.text):
                for pattern in self.lexicon.triggers.get(stem, ()):
                    if len(pattern.stems) == 1 and pattern.states and self.scope.family[place] < 0:
                        variable = pattern.variable
                        if variable.kind == "test" or self.scope.doubted[place] >= 0:
                            continue
                        self.found.claims[variable.variable].append(
                            Claim(
                                (variable.reference,), self._span(place, place, f'denied: "{token.text}"'),
                                pattern.stems, True, denied=True,
                            )
                        )  # fmt: skip


def stem_in(word: str, stems: set[str]) -> bool:
    """Whether a word is one of these stems."""
    return words.canonical(word) in stems if word.isalpha() else False


def _short(text: str) -> str:
    return " ".join(text.split())[:60]


def _read_ages(lexicon: Lexicon, text: str, families: list[tuple[int, int]], found: Found) -> None:
    """The age of the patient: the first one that is not a relative's."""
    starts = [start for start, _ in families]
    for variable in lexicon.ages:
        for start, end, low, high in ages_in(text):
            place = bisect.bisect_right(starts, start) - 1
            if place >= 0 and families[place][1] > start:
                continue
            limits = variable.limits or (0.0, 130.0)
            if not limits[0] <= low <= limits[1]:
                if low < limits[0]:
                    span = Span(start, end, text[start:end], f"an age from {format_cell(limits[0])} years is read")
                    found.left.append(LeftOut((variable.variable,), span))
                continue
            states = tuple(dict.fromkeys((variable.state_of(low), variable.state_of(min(high, limits[1])))))
            rule = f"age {format_cell(low)}" + (f" to {format_cell(high)}" if high > low else "")
            span = Span(start, end, text[start:end], rule)
            found.claims[variable.variable].append(Claim(states, span, frozenset(), True, numeric=True))
            break
