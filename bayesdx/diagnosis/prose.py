"""The case in plain words: a paragraph made from the rows of the tables, with its sources."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from bayesdx.diagnosis.case import DISCLAIMER, expect_cases
from bayesdx.diagnosis.diagnosis import Diagnosis
from bayesdx.diagnosis.explanation import Explanation, Reason, explain
from bayesdx.diagnosis.intervals import CredibleIntervals, credible_intervals
from bayesdx.diagnosis.red_flags import FiredFlag
from bayesdx.diagnosis.suggestions import NextTests, next_tests
from bayesdx.display import words
from bayesdx.display.report import Alert, Block, Grid, Report, Title

MOST_NAMED = 3
"""Findings for and against, and causes, that a sentence names."""


@dataclass(frozen=True)
class Sentence:
    """A sentence and where its numbers come from.

    Parameters
    ----------
    topic : str
        red flags, differential, for, against, others, uncertainty, fit or next.
    text : str
    sources : tuple of str
        Sources of the numbers of the model behind it.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> sentence = dx.narrative(case, draws=50).sentences[1]
    >>> sentence.topic, sentence.sources
    ('for', ('EXPERT',))
    """

    topic: str
    text: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Narrative(Report):
    """The case in plain words. Made by ``narrative``.

    Parameters
    ----------
    case : Diagnosis
    sentences : tuple of Sentence

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> told = dx.narrative(case, draws=100)
    >>> [sentence.topic for sentence in told.sentences]
    ['differential', 'for', 'others', 'uncertainty', 'next']
    """

    case: Diagnosis
    sentences: tuple[Sentence, ...]

    @property
    def text(self) -> str:
        """The paragraph.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> dx.narrative(case, draws=100).text.split(". ")[0]
        'Of 100 such patients about 46 have Iliopsoas strain; before any finding it was about 13 of 100'
        """
        return " ".join(sentence.text for sentence in self.sentences)

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row per sentence. Columns: topic, text, sources.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> dx.narrative(dx.diagnose(model, {"xray": "positive"}), draws=50).table["topic"].tolist()
        ['differential', 'for', 'others', 'uncertainty', 'next']
        """
        rows = [(s.topic, s.text, ", ".join(s.sources)) for s in self.sentences]
        return pd.DataFrame(rows, columns=["topic", "text", "sources"])

    @property
    def sources(self) -> pd.DataFrame:
        """The sources named, with their citation, in the order in which they are used. Columns: source, citation.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> dx.narrative(dx.diagnose(model, {"onset": "sudden"}), draws=50).sources["source"].tolist()
        ['EXPERT']
        """
        cited = {source.source: source.citation for source in self.case.model.sources}
        names = dict.fromkeys(name for sentence in self.sentences for name in sentence.sources)
        return pd.DataFrame([(name, cited.get(name, "")) for name in names], columns=["source", "citation"])

    def blocks(self) -> Sequence[Block]:
        """Red flags first, then the paragraph and its sources."""
        model = self.case.model
        flags = [s.text for s in self.sentences if s.topic == "red flags"]
        rest = " ".join(s.text for s in self.sentences if s.topic != "red flags")
        shown: list[Block] = [Title(f"{model.name} {model.version}, {model.population}"), *map(Alert, flags), rest]
        if len(self.sources):
            shown.append(Grid(("source", "citation"), list(self.sources.itertuples(index=False, name=None))))
        return [*shown, DISCLAIMER]


def narrative(case: Diagnosis, *, draws: int = 1000, seed: int = 0) -> Narrative:
    """The case in plain words, in frequencies: the differential, what speaks for and against, how sure, what next.

    Every sentence is filled from the rows of ``explain``, ``credible_intervals``, ``next_tests`` and ``case.conflict``.

    Parameters
    ----------
    case : Diagnosis
    draws, seed : int
        Of the credible intervals.

    Returns
    -------
    Narrative

    References
    ----------
    G. Gigerenzer, U. Hoffrage (1995), "How to improve Bayesian reasoning without instruction: frequency formats".

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> told = dx.narrative(dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"}))
    >>> print(told.sentences[0].text)
    Of 100 such patients about 46 have Iliopsoas strain; before any finding it was about 13 of 100.
    """
    expect_cases(case)
    why = explain(case)
    parts = [
        *_flags(case),
        *_differential(case, why),
        *_reasons(why),
        *_others(case),
        *_uncertainty(credible_intervals(case, draws=draws, seed=seed)),
        *_fit(case),
        *_next(next_tests(case)),
    ]
    return Narrative(case, tuple(parts))


def frequency(probability: float) -> str:
    """A probability as people out of a round number, large enough for one of them.

    Examples
    --------
    >>> [frequency(p) for p in (0.459, 0.0042, 0.9995, 0.0, 1.0)]
    ['about 46 of 100', 'about 4 of 1,000', 'about 9,995 of 10,000', 'none', 'all']
    """
    if probability <= 0:
        return "none"
    if probability >= 1:
        return "all"
    rare = min(probability, 1 - probability)
    if rare < 1e-6:
        return "fewer than one in a million" if probability < 0.5 else "all but fewer than one in a million"
    size = 10 ** max(2, math.ceil(-math.log10(rare) - 0.3))
    return f"about {round(probability * size):,} of {size:,}"


def _flag(case: Diagnosis, flag: FiredFlag) -> str:
    whose = f"Red flag of {case.model.label(flag.cause)}"
    if flag.answered:
        said = {found.variable: found.text for found in case.understood}
        return f"{whose}: answered, {'; '.join(said[name] for name in flag.answered)}."
    doubt = "" if flag.certain else ", which the findings cannot exclude"
    return f"{flag.urgency.upper()}: {_ended(flag.action)} {whose}{doubt}."


def _flags(case: Diagnosis) -> list[Sentence]:
    return [
        Sentence(
            "red flags",
            _flag(case, flag),
            (flag.source,),
        )
        for flag in case.red_flags
    ]


def _differential(case: Diagnosis, why: Explanation) -> list[Sentence]:
    first = case.differential[0]
    now, before = frequency(first.posterior), frequency(first.prior)
    if now.startswith("about") and " of " in now:
        count, size = now.removeprefix("about ").split(" of ")
        text = f"Of {size} such patients about {count} have {first.label}; before any finding it was {before}."
    else:
        text = f"Of such patients {now} have {first.label}; before any finding it was {before}."
    if why.settled:
        text += f" {why.statement}"
    return [Sentence("differential", text)]


def _reasons(why: Explanation) -> list[Sentence]:
    said = []
    for topic, start in (("for", "Most speaks for it:"), ("against", "Most speaks against it:")):
        chosen = [reason for reason in why.reasons if reason.verdict == topic][:MOST_NAMED]
        if chosen:
            sources = tuple(dict.fromkeys(source for reason in chosen for source in reason.sources))
            said.append(Sentence(topic, f"{start} {'; '.join(map(_reason, chosen))}.", sources))
    if not said and not why.settled:
        said.append(Sentence("for", "No finding speaks clearly for or against it."))
    return said


def _reason(reason: Reason) -> str:
    text = f"{reason.label} ({words(reason.value)})"
    if math.isinf(reason.weight_decibans):
        return f"{text}, which settles it"
    factor = 10 ** (abs(reason.weight_decibans) / 10)
    verb = "multiplies" if reason.weight_decibans > 0 else "divides"
    return f"{text} {verb} the odds by {factor:.1f}" if factor < 1e4 else f"{text} {verb} the odds by {factor:.0e}"


def _others(case: Diagnosis) -> list[Sentence]:
    named = [
        f"{line.label} ({frequency(line.posterior)})"
        for line in case.differential[1 : 1 + MOST_NAMED]
        if line.posterior > 0
    ]
    told = f"Next come {', '.join(named)}" if named else ""
    if not case.may_have_none:
        return [Sentence("others", f"{told}.")] if named else []
    text = f"{told}; a patient may have several causes. " if named else ""
    return [Sentence("others", f"{text}None of the modelled causes: {frequency(case.none_present)}.")]


def _uncertainty(sure: CredibleIntervals) -> list[Sentence]:
    row = sure.table.iloc[0]
    lower, upper = frequency(float(row["lower"])), frequency(float(row["upper"]))
    drivers = sure.drivers(most=1)
    text = f"Given how uncertain the model's numbers are, {row['label']} lies between {lower} and {upper} "
    text += f"({100 * sure.mass:g} % interval)."
    if not len(drivers):
        return [Sentence("uncertainty", text)]
    driver = drivers.iloc[0]
    text += f" The largest share of that, {100 * float(driver['share']):.0f} %, comes from {drivers.index[0]}."
    return [Sentence("uncertainty", text, (str(driver["source"]),))]


def _fit(case: Diagnosis) -> list[Sentence]:
    return [Sentence("fit", case.conflict.warning)] if case.conflict.warning else []


def _next(following: NextTests) -> list[Sentence]:
    if not following.suggestions:
        return [Sentence("next", following.stop_reason)]
    best = following.suggestions[0]
    text = f"To find out next: {best.option.label}, {following.purpose(best)}."
    sources = tuple(test.source for test in following.case.model.tests if test.test == best.option.name)
    return [Sentence("next", f"{text} {following.stop_reason}", sources)]


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
