"""A note read by rules: which variables its words name, what they say of them, and of whom."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bayesdx.errors import FindingsError
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Variable, format_cell
from bayesdx.knowledge.spelling import compact
from bayesdx.notes import words
from bayesdx.notes.ages import ages_in
from bayesdx.notes.lexicon import Entry, Lexicon, Pattern, lexicon_of, stems_in
from bayesdx.notes.reading import Conflicting, LeftOut, NoteReading, Proposal, Span
from bayesdx.notes.scope import Scope, scope_of
from bayesdx.notes.stems import stem_of
from bayesdx.notes.tokens import Measured, Token, measured, statements
from bayesdx.notes.words import canonical

LONGEST_NOTE = 4 * 2**20
"""Signs above which a text is refused."""

WINDOW = 9
"""Tokens to each side in which the words of one finding are looked for."""

GAP, GAP_OF_A_LIST = 2, 4
"""Words that may stand between those of a finding, and how many where a list is crossed."""

RESULT_WITHIN = 8
"""Tokens after the name of an examination in which its result is looked for."""

SHORTEST_JOINED = 7
"""Letters of a word that may be written as two."""

RANGE_WORDS = frozenset(("range", "power", "movement", "finding", "respons", "both"))
"""Stems that may stand between a result and the examination that it is of: full range of X."""


@dataclass
class Mention:
    """Words that name a variable in a statement."""

    pattern: Pattern
    places: tuple[int, ...]
    gap: int
    loose: bool
    negated_inside: bool = False
    only_number: bool = False

    @property
    def first(self) -> int:
        """Place of the first word."""
        return self.places[0]

    @property
    def last(self) -> int:
        """Place of the last word."""
        return self.places[-1]

    @property
    def name(self) -> str:
        """The variable."""
        return self.pattern.variable.variable


@dataclass
class Result:
    """What was said of an examination: a number or a grade, the places it stands at, and how it reads."""

    first: int
    last: int
    number: Measured | None = None
    grade: str = ""
    stem: str = ""
    strong: bool = False
    inverted: bool = False
    side: str = ""


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
class _Context:
    """What earlier statements leave in force."""

    section: str = ""
    modality: str = ""
    main_side: str = ""


@dataclass
class _Found:
    claims: dict[str, list[Claim]] = field(default_factory=lambda: defaultdict(list))
    left: list[LeftOut] = field(default_factory=list)


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
    lexicon = lexicon_of(model.vocabulary)
    found = _Found()
    parsed = [(tokens, scope_of(tokens, text)) for tokens in statements(text)]
    context = _Context(main_side=_main_side(parsed))
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
    return _reading(model, text, found)


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


def _enter(tokens: list[Token], context: _Context, text: str) -> None:
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


class _Statement:
    """One statement with its scope, read into claims."""

    def __init__(
        self, lexicon: Lexicon, tokens: list[Token], scope: Scope, context: _Context, text: str, found: _Found
    ) -> None:
        self.lexicon = lexicon
        self.tokens = tokens
        self.scope = scope
        self.context = context
        self.text = text
        self.found = found
        for token in tokens:
            if token.kind == "word" and len(token.stem) > 6:
                token.stem = lexicon.corrected(token.stem)
        self._join_halves()
        self.modalities = self._modalities()

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

    def _join_halves(self) -> None:
        """Read "post partum" as the model's "postpartum"."""
        for one, other in pairwise(self.tokens):
            if one.kind == other.kind == "word" and one.stem and other.stem and other.start - one.end <= 1:
                joined = canonical(one.text + other.text)
                if len(joined) >= SHORTEST_JOINED and joined in self.lexicon.triggers:
                    one.stem, other.stem, other.little = joined, "", True

    # -- what is named ------------------------------------------------------------------------------------------------

    def _modalities(self) -> list[str]:
        """The kind of imaging in force at each token; one named later in the statement holds for what is before it."""
        found = []
        current = self.context.modality
        named = [_modality(token) for token in self.tokens if _modality(token)]
        if not current and named:
            current = named[0]
        for place, token in enumerate(self.tokens):
            kind = _modality(token)
            if kind == "imaging" and any(map(_modality, self.tokens[max(0, place - 2) : place])):
                kind = ""  # magnetic resonance imaging
            current = kind or current
            found.append(current)
        if named and not any(map(_modality, self.tokens[: len(self.tokens) // 2])):
            found = [named[0] if value == self.context.modality else value for value in found]
        return found

    def _mentions(self) -> Iterator[Mention]:
        tokens, hard = self.tokens, self.scope.hard
        for place, token in enumerate(tokens):
            patterns = self.lexicon.triggers.get(token.stem) if token.stem else None
            if not patterns:
                continue
            low = place
            while low > 0 and place - low < WINDOW and not (hard[low - 1] and not self._is_inner_not(low - 1)):
                low -= 1
            high = place + 1
            while high < len(tokens) and high - place <= WINDOW and not (hard[high] and not self._is_inner_not(high)):
                high += 1
            near: dict[str, list[int]] = defaultdict(list)
            for other in range(low, high):
                near[tokens[other].stem].append(other)
            for pattern in patterns:
                mention = self._fit(pattern, place, near)
                if mention is not None:
                    yield mention

    def _is_inner_not(self, place: int) -> bool:
        text = self.tokens[place].text
        after = self.tokens[place + 1].text if place + 1 < len(self.tokens) else ""
        return (text == "not" and bool(after)) or (text == "no" and after in words.NOT_DENIED_AFTER)

    def _fit(self, pattern: Pattern, place: int, near: dict[str, list[int]]) -> Mention | None:
        """The words of a pattern around a token, if they stand close enough."""
        tokens, soft = self.tokens, self.scope.soft
        places = [place]
        for stem in pattern.stems:
            if stem == tokens[place].stem:
                continue
            options = near.get(stem)
            if not options:
                return None
            places.append(min(options, key=lambda other: (abs(other - place), other)))
        places.sort()
        if len(set(places)) != len(places):
            return None
        inside = [k for k in range(places[0], places[-1] + 1) if k not in places]
        gap = sum(not tokens[k].little and tokens[k].kind == "word" and not soft[k] for k in inside)
        gap += sum(3 for k in inside if tokens[k].kind == "number")
        joined = sum(soft[k] for k in inside)
        nots = [k for k in inside if tokens[k].text in ("not", "no", "non")]
        if nots:
            following = nots[0] + 1 + (tokens[nots[0] + 1].text == "-")
            if len(nots) > 1 or following not in places:
                return None
            gap -= 1
        if gap > (GAP_OF_A_LIST if joined else GAP) or joined > 4:
            return None
        if joined and not self._is_list(pattern, places, inside):
            return None
        if "cannot" in pattern.stems:
            inability = next(k for k in places if tokens[k].stem == "cannot")
            ends = inability == places[-1] and canonical(pattern.text.split()[-1]) != "cannot"
            if ends or any(soft[k] for k in range(places[0], inability)):
                return None
        if not pattern.states and any(
            tokens[k].text.endswith("ed") and tokens[k].text not in pattern.words for k in places
        ):
            return None  # a flexed hip is no hip flexion
        if len(places) == 1 and not self._written(pattern, tokens[place]):
            return None
        if pattern.stems <= set(words.MODALITIES) and not self._stands_alone(pattern, place):
            return None
        if pattern.short and not (place + 1 < len(tokens) and self._number_follows(place)):
            return None
        return Mention(pattern, tuple(places), gap, bool(joined), bool(nots))

    def _is_list(self, pattern: Pattern, places: list[int], inside: list[int]) -> bool:
        """Whether a finding may reach over commas: within a list that ends with "and" or "or"."""
        tokens = self.tokens
        if pattern.variable.kind == "context":
            return False
        plain = [
            tokens[k] for k in inside if tokens[k].kind == "word" and not tokens[k].little and not self.scope.soft[k]
        ]
        plain = [token for token in plain if not token.grade]
        if sum(t.stem not in words.REGION_STEMS and t.stem not in words.DIRECTIONS for t in plain) > GAP:
            return False
        last = tokens[places[-1]].stem in words.REGION_STEMS and tokens[places[0]].stem not in words.REGION_STEMS
        if last and not any(tokens[k].text in words.PLACED for k in inside):
            return False
        if not any(self.tokens[k].text == "," for k in inside):
            return True
        stop = min(len(self.tokens), places[-1] + 7)
        return any(self.tokens[k].text in ("and", "or", "nor") for k in range(inside[0], stop) if k not in places)

    def _written(self, pattern: Pattern, token: Token) -> bool:
        """Whether a single word is close enough to how the model writes it: short ones and abbreviations are."""
        if pattern.text.isupper() and len(pattern.text) > 1 and stem_of(pattern.text) != pattern.text.lower():
            return self.text[token.start : token.end] == pattern.text  # AIDS are no aids
        if len(token.stem) <= 3:
            return token.text.removesuffix("s") in pattern.words or token.text in pattern.words
        return True

    def _number_follows(self, place: int) -> bool:
        return any(t.kind == "number" for t in self.tokens[place + 1 : place + 4])

    def _stands_alone(self, pattern: Pattern, place: int) -> bool:
        """Whether a bare "X-ray" is of what the model means: no other part of the body is named beside it."""
        own = self.lexicon.entries[pattern.variable.variable].own
        for step in (-1, 1):
            other, count = place + step, 0
            while 0 <= other < len(self.tokens) and count < 2:
                token = self.tokens[other]
                if token.kind != "word" or token.grade or (token.text in words.VERBS and step > 0):
                    if token.kind == "word" or token.text in ":,.":
                        break
                elif not token.little and token.text not in ("and", "of"):
                    if token.stem not in own:
                        return not (step < 0 or token.stem in words.REGION_STEMS or token.stem in words.SPINE_STEMS)
                    count += 1
                other += step
        return True

    def _arbitrated(self, mentions: list[Mention]) -> list[Mention]:
        """Mentions without those that are a part of a longer one, or only seem to be one across a list."""
        mentions.sort(key=lambda m: (m.first, m.last, m.gap))
        whole = [one for one, near in _with_near(mentions) if not self._is_torn(one, near)]
        longest = [one for one, near in _with_near(whole) if not any(self._beats(other, one) for other in near)]
        clear = self._one_each(longest)
        return [one for one, near in _with_near(clear) if not any(self._overtakes(other, one) for other in near)]

    def _beats(self, other: Mention, one: Mention) -> bool:
        mine, its = set(one.places), set(other.places)
        if (
            one.pattern.variable.kind == "context"
            and one.last == other.first
            and len(mine) > 1
            and not other.loose
            and other.pattern.variable.kind != "context"
            and self.tokens[one.last].stem in words.REGION_STEMS
        ):
            return True  # a new hip pain is no new hip
        if mine < its:
            variable = one.pattern.variable
            if other.name != one.name and not one.pattern.states and variable.cuts and not variable.unit:
                one.only_number = True  # resisted hip flexion is painful, and 4/5
                return False
            looser = other.loose and not one.loose and other.name != one.name
            return not (looser and (other.gap > GAP or not other.pattern.states))
        if mine == its and other.name == one.name:
            return bool(other.pattern.states) and not one.pattern.states
        return False

    @staticmethod
    def _overtakes(other: Mention, one: Mention) -> bool:
        """Whether another mention of the same variable with some of the same words is the closer one."""
        mine, its = set(one.places), set(other.places)
        if other.name != one.name or not mine & its or mine == its:
            return False
        if bool(one.pattern.states) != bool(other.pattern.states):
            return bool(other.pattern.states)
        return (len(its), -other.gap, -other.first) > (len(mine), -one.gap, -one.first)

    def _is_torn(self, one: Mention, near: list[Mention]) -> bool:
        """Whether both ends of a mention that crosses a list belong to closer ones."""
        if not one.gap and not one.loose:
            return False
        close = [
            other
            for other in near
            if not other.loose
            and (one.loose or other.gap < one.gap)
            and (len(other.places) > 1 or (one.loose and other.pattern.states))
        ]
        if one.gap and not one.pattern.states:
            longer = [other for other in close if other.name != one.name and len(other.places) > len(one.places)]
            if any(place in other.places for other in longer for place in one.places):
                return True
        return all(any(end in other.places for other in close) for end in (one.first, one.last))

    def _one_each(self, mentions: list[Mention]) -> list[Mention]:
        """Where the same words name several variables: the one whose spelling or imaging fits, else none."""
        groups: dict[tuple[int, ...], list[Mention]] = defaultdict(list)
        for mention in mentions:
            groups[mention.places].append(mention)
        kept = []
        for places, group in groups.items():
            names = {m.name for m in group}
            if len(names) > 1:
                fitting = [m for m in group if self._has_modality(m)]
                shown = [m for m in fitting if self.lexicon.entries[m.name].modalities]
                group = shown or fitting or group
            if len({m.name for m in group}) > 1:
                written = {self.tokens[k].text for k in range(places[0], places[-1] + 1)}
                scores = [_likeness(m.pattern, written) for m in group]
                best = [m for m, score in zip(group, scores, strict=True) if score == max(scores)]
                says = all(m.pattern.states for m in group)
                if not says or self._denied_by(group[0]) is None:
                    group = best if len({m.name for m in best}) == 1 else self._ambiguous(group)
            kept += group
        kept.sort(key=lambda m: (m.first, m.last))
        return kept

    def _ambiguous(self, group: list[Mention]) -> list[Mention]:
        names = tuple(dict.fromkeys(m.name for m in group))
        if any(m.pattern.states for m in group):
            self._leave(names, group[0].first, group[0].last, "ambiguous: the words may mean each of them")
        return []

    def _has_modality(self, mention: Mention) -> bool:
        wanted = self.lexicon.entries[mention.name].modalities
        if not wanted or mention.pattern.stems & wanted:
            return True
        found = {self.modalities[mention.first], self.modalities[mention.last]}
        return bool(found & wanted) or ("imaging" in found and wanted != {"xray"})

    # -- what is said of it -------------------------------------------------------------------------------------------

    def _results(self, mentions: list[Mention]) -> list[Result | None]:
        """The result of each mention: behind it, before it, or that of the list that it stands in."""
        own: list[Result | None] = []
        used = -1
        for place, mention in enumerate(mentions):
            stop = next((m.first for m in mentions[place + 1 :][:6] if m.first > mention.last), len(self.tokens))
            result = self._behind(mention, stop)
            before = self._before(mention, used)
            if before is not None and (result is None or (result.first - mention.last > 3 and not result.number)):
                result = before
            if result is not None:
                used = max(used, result.last)
            own.append(result)
        shared = list(own)
        for place in range(len(mentions) - 2, -1, -1):
            one, following = mentions[place], mentions[place + 1]
            later = shared[place + 1]
            if shared[place] is None and later and later.first > following.last and self._joined(one, following):
                shared[place] = later
        for place in range(1, len(mentions)):
            one, earlier = mentions[place], mentions[place - 1]
            previous = shared[place - 1]
            if shared[place] is None and previous and previous.last < earlier.first and self._joined(earlier, one):
                shared[place] = previous
        return shared

    def _joined(self, one: Mention, following: Mention) -> bool:
        """Whether two mentions are members of one list."""
        if following.first <= one.last:
            return True
        if following.first - one.last > 8:
            return False
        between = self.tokens[one.last + 1 : following.first]
        soft = self.scope.soft[one.last + 1 : following.first]
        if any(self.scope.hard[one.last + 1 : following.first]):
            return False
        content = sum(not t.little and not s and t.kind == "word" for t, s in zip(between, soft, strict=True))
        return any(soft) and content <= 2 and not any(t.kind == "number" or t.grade for t in between)

    def _behind(self, mention: Mention, stop: int) -> Result | None:
        """A number or a grade after a mention; of several, the one of the side of the complaint."""
        tokens = self.tokens
        place = mention.last + 1
        limit = min(stop, mention.last + 1 + RESULT_WITHIN, len(tokens))
        content = 0
        found: list[Result] = []
        while place < limit:
            token = tokens[place]
            result = self._result_at(mention, place)
            if result is not None and result.number and self._text(result.last + 1) in ("in", "of", "for"):
                break  # the score of what follows: "3/5 in the iliopsoas and 2/5 in the quadriceps"
            if result is not None and (not found or bool(result.number) == bool(found[0].number)):
                result.side = self._side_before(place, mention.last) or self._side_after(result.last + 1)
                found.append(result)
                if result.side in ("", "both", self.context.main_side):
                    break
                place = result.last + 1
                limit, content = min(len(tokens), place + RESULT_WITHIN), 0
                continue
            if (token.kind == "mark" and token.text in ".;!?") or token.text in words.ENDS_DENIAL:
                break
            ends = token.text == "," and not found
            if ends and (place + 1 >= limit or self._scored_at(mention, place + 1) is None):
                break
            if token.text in ("no", "without", "denies"):
                break
            if token.kind == "word" and not token.little and token.text not in ("and", "or"):
                content += 1
                if content > 3:
                    break
            place += 1
        main = [result for result in found if result.side in ("", "both", self.context.main_side)]
        best = main or found
        return best[0] if best else None

    def _scored_at(self, mention: Mention, place: int) -> Measured | None:
        number = measured(self.tokens, place) if self.tokens[place].kind == "number" else None
        return number if number is not None and number.scale and self._fits(mention.pattern, number, place) else None

    def _result_at(self, mention: Mention, place: int) -> Result | None:
        """The number or grade that a token begins."""
        if self.tokens[place].kind == "number":
            number = measured(self.tokens, place)
            if number is not None and self._fits(mention.pattern, number, place):
                return Result(place, number.last, number=number)
            return None
        return self._grade_at(place)

    def _side_before(self, place: int, first: int) -> str:
        """The side that stands right before a result: "L 5/5"."""
        for k in range(place - 1, max(first, place - 3), -1):
            if self.scope.side[k]:
                return self.scope.side[k]
            if not self.tokens[k].little and self.tokens[k].text != ":":
                break
        return ""

    def _side_after(self, place: int) -> str:
        for k in range(place, min(place + 3, len(self.tokens))):
            if self.scope.side[k]:
                return self.scope.side[k]
            if not self.tokens[k].little:
                break
        return ""

    def _grade_at(self, place: int) -> Result | None:
        token = self.tokens[place]
        grade = token.grade
        if token.kind == "number":
            return None
        after = self.tokens[place + 1].stem if place + 1 < len(self.tokens) else ""
        if not grade or token.text == "lower" or (token.stem == "low" and after in words.REGION_STEMS):
            return None
        previous = [t.text for t in self.tokens[max(0, place - 2) : place]]
        strong = any(t.stem in words.STRONGER for t in self.tokens[max(0, place - 2) : place])
        return Result(place, place, grade=grade, stem=token.stem, strong=strong, inverted="not" in previous)

    def _before(self, mention: Mention, used: int) -> Result | None:
        """A grade or a score right before a mention: "absent knee jerk", "5/5 in hip flexion"."""
        tokens = self.tokens
        skipped = 0
        for place in range(mention.first - 1, max(-1, mention.first - 8), -1):
            token = tokens[place]
            if place <= used or self.scope.hard[place] or token.text in (",", "and", "or"):
                return None
            if token.kind == "number":
                start = place
                while start >= 2 and tokens[start - 1].text == "/" and tokens[start - 2].kind == "number":
                    start -= 2
                number = measured(tokens, start)
                linked = any(t.text in ("in", "of", "for", "on") for t in tokens[place + 1 : mention.first])
                linked = linked or (start > 0 and tokens[start - 1].stem in ("power", "mrc", "grad"))
                if number and number.scale and linked and self._fits(mention.pattern, number, start):
                    return Result(start, number.last, number=number)
                return None
            reading = self._grade_at(place)
            if reading is not None:
                return reading
            if token.kind == "word" and not token.little:
                if token.stem not in RANGE_WORDS:
                    skipped += 1
                if skipped > 1:
                    return None
        return None

    def _fits(self, pattern: Pattern, number: Measured, place: int) -> bool:
        """Whether a number can be one of the variable."""
        variable = pattern.variable
        following = self.tokens[number.last + 1].text if number.last + 1 < len(self.tokens) else ""
        if number.scale is not None:
            if int(number.scale) in words.FRACTIONS_OF_TIME:
                return False
            if not variable.cuts:
                return words.NONE in self.lexicon.entries[variable.variable].grades and number.scale == 4
            return len(variable.limits) == 2 and not variable.unit and number.scale == variable.limits[1]
        if not variable.cuts:
            graded = self.lexicon.entries[variable.variable].grades
            return following == "+" and words.NONE in graded and number.value <= 4
        same = bool(variable.unit) and compact(number.unit) == compact(variable.unit)
        stated = (
            bool(pattern.states) and len(variable.states) == 2 and bool(self.lexicon.entries[variable.variable].yes)
        )
        if not (pattern.measures or stated or same):
            return False
        if number.unit:
            if not variable.unit or compact(number.unit) != compact(variable.unit):
                return False
        elif following in words.DURATIONS or following == "%" or (following == "-" and not variable.limits):
            return False
        if place and self.tokens[place - 1].text in ("/", "#"):
            return False
        if not variable.unit and number.value != int(number.value):
            return False
        low, high = variable.limits if len(variable.limits) == 2 else (float("-inf"), float("inf"))
        return low <= number.value <= high

    # -- from words to states -----------------------------------------------------------------------------------------

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

    def _denied_by(self, mention: Mention) -> str | None:
        """The words that deny a mention."""
        places = mention.places
        if mention.negated_inside:
            return "not"
        before = mention.first - 1
        if before >= 0 and self.tokens[before].text == "no" and self.tokens[before + 1].text in words.NOT_DENIED_AFTER:
            return "no"  # no relief denies the relief, though not what was to be relieved
        cues = {self.scope.denied[place] for place in (places[0], places[-1])} - {-1}
        outside = [cue for cue in cues if cue not in places]
        if outside and self.scope.denied[places[0]] >= 0:
            return self.tokens[outside[0]].text
        return self._denied_after(mention.last) or (self._sound(mention.last) if mention.pattern.states else "") or None

    def _denied_after(self, last: int) -> str | None:
        skipped = 0
        for place in range(last + 1, min(last + 6, len(self.tokens))):
            token = self.tokens[place]
            if token.text in words.DENIED_AFTER:
                after = self.tokens[place + 1] if place + 1 < len(self.tokens) else None
                if token.text == "no" and after is not None and after.kind == "word":
                    return None
                return token.text
            if token.text == "ruled":
                return "ruled out"
            if token.text == "not" and place + 1 < len(self.tokens):
                if self.tokens[place + 1].text in (
                    "present",
                    "seen",
                    "found",
                    "detected",
                    "identified",
                    "noted",
                    "felt",
                ):
                    return f"not {self.tokens[place + 1].text}"
                return None
            if token.kind == "mark" and token.text not in ":-\u2013(=":
                return None
            if not token.little and token.kind != "mark":
                skipped += 1
                if skipped > 0:
                    return None
        return None

    def _sound(self, last: int) -> str:
        """A word right behind a complaint that says it is not there, as in "resisted flexion painless"."""
        for place in range(last + 1, min(last + 3, len(self.tokens))):
            token = self.tokens[place]
            if token.text in words.SOUND_AFTER:
                return token.text
            if not token.little:
                break
        return ""

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
        after = self._doubt_after(last)
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
                return "" if self._is_neck_of_bone(place) else tokens[place].text
        for place in range(mention.first - 1, max(-1, mention.first - 9), -1):
            if self.scope.hard[place] and tokens[place].kind == "mark":
                break
            if tokens[place].stem in words.REGION_STEMS and not self._is_neck_of_bone(place):
                return tokens[place].text if tokens[place].stem in words.FOREIGN_STEMS - allowed else ""
        return ""

    def _is_neck_of_bone(self, place: int) -> bool:
        """Whether a neck is that of a bone."""
        near = self.tokens[max(0, place - 1) : place + 2]
        return self.tokens[place].text == "neck" and any(token.text in words.OF_A_BONE for token in near)

    def _adjoins(self, mention: Mention, place: int) -> bool:
        """Whether only little words and words of no list stand between a mention and a token."""
        low, high = (place + 1, mention.first) if place < mention.first else (mention.last + 1, place)
        between = range(low, high)
        content = sum(not self.tokens[k].little and self.tokens[k].kind == "word" for k in between)
        return content <= 1 and not any(self.scope.hard[k] or self.scope.soft[k] for k in between)

    # -- onset, temperature, prefixes ---------------------------------------------------------------------------------

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

    # -- places -------------------------------------------------------------------------------------------------------

    def _text(self, place: int) -> str:
        return self.tokens[place].text if place < len(self.tokens) else ""

    def _words(self, first: int, last: int) -> str:
        return self.text[self.tokens[first].start : self.tokens[last].end]

    def _span(self, first: int, last: int, rule: str) -> Span:
        start, end = self.tokens[first].start, self.tokens[last].end
        return Span(start, end, self.text[start:end], rule)

    def _leave(self, names: tuple[str, ...], first: int, last: int, why: str) -> None:
        self.found.left.append(LeftOut(names, self._span(first, last, why)))


def _likeness(pattern: Pattern, written: set[str]) -> float:
    """How much the words of a note are those of a pattern, letter by letter; one leg or both legs counts most."""
    alike = pattern.words & written
    regions = sum(canonical(word) in words.REGION_STEMS for word in alike)
    return len(alike) + regions - 0.01 * len(pattern.words)


def _modality(token: Token) -> str:
    """The kind of imaging that a token names."""
    return token.stem if token.stem in words.MODALITIES else "imaging" if token.text in words.IMAGING else ""


def _with_near(mentions: list[Mention]) -> Iterator[tuple[Mention, list[Mention]]]:
    """Each mention with the others that share a stretch of the statement; sorted by their first words."""
    starts = [m.first for m in mentions]
    for place, one in enumerate(mentions):
        low = bisect.bisect_left(starts, one.first - 2 * WINDOW)
        high = bisect.bisect_right(starts, one.last)
        yield one, [m for k, m in enumerate(mentions[low:high], low) if k != place and m.last >= one.first]


def stem_in(word: str, stems: set[str]) -> bool:
    """Whether a word is one of these stems."""
    return words.canonical(word) in stems if word.isalpha() else False


def _short(text: str) -> str:
    return " ".join(text.split())[:60]


def _read_ages(lexicon: Lexicon, text: str, families: list[tuple[int, int]], found: _Found) -> None:
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


def _reading(model: Model, text: str, found: _Found) -> NoteReading:
    proposals: list[Proposal] = []
    conflicts: list[Conflicting] = []
    for name, claims in found.claims.items():
        variable = model.by_name[name]
        states, used = _agreed(variable, claims)
        if states:
            label = " or ".join(map(variable.state_label, states))
            spans = tuple(sorted({c.span for c in used}, key=lambda span: (span.start, span.end)))
            proposals.append(Proposal(name, variable.label, states, label, spans))
        else:
            readings = tuple((c.states, c.span) for c in sorted(claims, key=lambda c: c.span.start))
            conflicts.append(Conflicting(name, variable.label, readings))
    proposals.sort(key=lambda p: p.spans[0].start)
    conflicts.sort(key=lambda c: c.readings[0][1].start)
    left = tuple(sorted(set(found.left), key=lambda out: (out.span.start, out.variables)))
    return NoteReading(model, text, tuple(proposals), tuple(conflicts), left)


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
