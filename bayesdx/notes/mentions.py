"""Which variables the words of a statement name."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from bayesdx.notes import words
from bayesdx.notes.lexicon import Pattern
from bayesdx.notes.statement import Statement
from bayesdx.notes.stems import stem_of
from bayesdx.notes.tokens import Token
from bayesdx.notes.words import canonical

WINDOW = 9
"""Tokens to each side in which the words of one finding are looked for."""

GAP, GAP_OF_A_LIST = 2, 4
"""Words that may stand between those of a finding, and how many where a list is crossed."""


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


class Named(Statement):
    """A statement, read for what it names."""

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
        return bool(found & wanted) or ("imaging" in found and wanted != {"radiograph"})

    def _denied_by(self, mention: Mention) -> str | None:
        """The words that deny a mention."""
        places = mention.places
        if mention.negated_inside:
            return "not"
        for place in range(places[0], places[-1]):  # fracture excluded on X-ray
            if self.tokens[place].text == "excluded" and place not in places:
                return "excluded"
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


def _likeness(pattern: Pattern, written: set[str]) -> float:
    """How much the words of a note are those of a pattern, letter by letter; one leg or both legs counts most."""
    alike = pattern.words & written
    regions = sum(canonical(word) in words.REGION_STEMS for word in alike)
    return len(alike) + regions - 0.01 * len(pattern.words)


def _with_near(mentions: list[Mention]) -> Iterator[tuple[Mention, list[Mention]]]:
    """Each mention with the others that share a stretch of the statement; sorted by their first words."""
    starts = [m.first for m in mentions]
    for place, one in enumerate(mentions):
        low = bisect.bisect_left(starts, one.first - 2 * WINDOW)
        high = bisect.bisect_right(starts, one.last)
        yield one, [m for k, m in enumerate(mentions[low:high], low) if k != place and m.last >= one.first]
