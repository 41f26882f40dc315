"""What a statement says of the examinations that it names: numbers and grades, before them, behind them, of a list."""

from __future__ import annotations

from dataclasses import dataclass

from bayesdx.knowledge.spelling import compact
from bayesdx.notes import words
from bayesdx.notes.lexicon import Pattern
from bayesdx.notes.mentions import Mention, Named
from bayesdx.notes.tokens import WrittenNumber, measured

RESULT_WITHIN = 8
"""Tokens after the name of an examination in which its result is looked for."""

RANGE_WORDS = frozenset(("range", "power", "movement", "finding", "respons", "both"))
"""Stems that may stand between a result and the examination that it is of: full range of X."""


@dataclass
class Result:
    """What was said of an examination: a number or a grade, the places it stands at, and how it reads."""

    first: int
    last: int
    number: WrittenNumber | None = None
    grade: str = ""
    stem: str = ""
    strong: bool = False
    inverted: bool = False
    side: str = ""


class Examined(Named):
    """A statement, read for results."""

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
                shared[place] = self._shared(one, later)
        for place in range(1, len(mentions)):
            one, earlier = mentions[place], mentions[place - 1]
            previous = shared[place - 1]
            if shared[place] is None and previous and previous.last < earlier.first and self._joined(earlier, one):
                shared[place] = self._shared(one, previous)
        return shared

    def _shared(self, mention: Mention, result: Result) -> Result | None:
        """The result of a list, where it can be one of this member: reflexes of 2/4 are no grade of strength."""
        if result.number is not None and not self._fits(mention.pattern, result.number, result.first):
            return None
        return result

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
            if result is not None and result.grade and content > 0 and self._is_bare(mention):
                break  # of a reflex or a tendon of that muscle
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
                content += token.stem not in RANGE_WORDS
                if content > 3:
                    break
            place += 1
        main = [result for result in found if result.side in ("", "both", self.context.main_side)]
        best = main or found
        return best[0] if best else None

    @staticmethod
    def _is_bare(mention: Mention) -> bool:
        """Whether a mention is the mere name of a muscle, left of "weakness of X"."""
        return len(mention.places) == 1 and mention.pattern.core == "less" and bool(mention.pattern.variable.cuts)

    def _scored_at(self, mention: Mention, place: int) -> WrittenNumber | None:
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

    def _fits(self, pattern: Pattern, number: WrittenNumber, place: int) -> bool:
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
        stated = bool(pattern.states) and bool(self.lexicon.entries[variable.variable].yes)
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
