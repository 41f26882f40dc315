"""Random sound models with odd names, several populations, gates, tables and every other file."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from bayesdx.knowledge import Model, ModelInfo, Population
from bayesdx.knowledge.schema import (
    Case,
    Cut,
    Link,
    ManagementStep,
    Prior,
    RedFlag,
    Source,
    TableEntry,
    Test,
    Variable,
)

HIDDEN = "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\n\t", exclude_characters=HIDDEN)
)
WORDS = TEXTS.filter(str.strip)
_SIGN = st.characters(codec="utf-8", exclude_categories=["C", "Z"], include_characters=" ", exclude_characters="|;=")
STATE = st.one_of(
    st.sampled_from(
        ["None", "NA", "nan", "null", "", "0", "1e3", "present", "a,b", '"quoted"', "=1+1", "it's", "MRC 3-4", "#"]
    ),
    st.text(_SIGN, min_size=1, max_size=8).map(str.strip),
).filter(lambda state: state and "=" not in state)
STATES = st.lists(
    STATE, min_size=2, max_size=4, unique_by=lambda state: unicodedata.normalize("NFKC", state).casefold()
).map(tuple)
CHANCES = st.floats(0.001, 0.999)


@st.composite
def distributions(draw: st.DrawFn, size: int) -> list[float]:
    """Probabilities of ``size`` states whose sum is at most 1, none of them 0."""
    weights = [draw(st.floats(0.01, 1)) for _ in range(size)]
    total = draw(st.floats(0.05, 0.95))
    return [total * weight / sum(weights) for weight in weights]


def _number(draw: st.DrawFn, value: float) -> dict[str, Any]:
    return {
        "lower": value * draw(st.sampled_from([0.0, 0.5, 1.0])),
        "upper": value + (1 - value) * draw(st.sampled_from([0.0, 0.5, 1.0])),
        "source": draw(st.sampled_from(["S1", "S2"])),
        "status": draw(st.sampled_from(["verified", "recalled", "expert", "dataset"])),
        "note": draw(TEXTS),
    }


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A sound model of up to six variables."""
    populations = draw(st.integers(1, 3))
    info = ModelInfo(
        name="m",
        version="1.2.3",
        title=draw(WORDS),
        licence=draw(WORDS),
        intended_use=draw(WORDS),
        not_for=draw(WORDS),
        entry_criterion=draw(WORDS),
        populations=tuple(
            Population(f"p{place}", draw(WORDS), draw(WORDS | st.just(""))) for place in range(populations)
        ),
        default_population="p0",
        parent_version=draw(st.sampled_from(["", "1.2.2"])),
    )
    if info.parent_version:
        info = ModelInfo(**{**vars(info), "parent_hash": "sha256:" + "ab" * 32})
    kinds = [
        "cause",
        *draw(st.lists(st.sampled_from(["context", "cause", "mechanism", "history", "test"]), max_size=5)),
    ]
    variables = tuple(
        Variable(
            f"v{place}",
            draw(WORDS),
            kind,
            draw(st.sampled_from(["", "g"])),
            draw(STATES),
            draw(TEXTS),
            icd10=draw(TEXTS),
        )
        for place, kind in enumerate(kinds)
    )
    format = draw(st.sampled_from([1, 2]))
    info = ModelInfo(**{**vars(info), "format": format})
    if format == 2:
        variables = tuple(
            replace(variable, **_words(draw, place, variable)) for place, variable in enumerate(variables)
        )
    priors: list[Prior] = []
    links: list[Link] = []
    tables: list[TableEntry] = []
    for place, variable in enumerate(variables):
        own, others = variable.states, variable.states[1:]
        parents = draw(st.lists(st.sampled_from(variables[:place]), max_size=2, unique=True)) if place else []
        if draw(st.integers(0, 3)) == 0:
            tables.extend(_table(draw, variable, parents, draw(st.sampled_from(["", "p"])) and info))
            continue
        if variable.kind in ("context", "cause"):
            for population in info.populations:
                values = draw(distributions(len(others)))
                given = list(zip(others, values, strict=True))
                if draw(st.booleans()):
                    given.append((own[0], 1 - sum(values)))
                priors += [Prior(population.name, variable.variable, s, p, **_number(draw, p)) for s, p in given]
        else:
            values = draw(distributions(len(others)))
            for state, value in zip(others, values, strict=True):
                links.append(Link("", "", variable.variable, state, value, **_number(draw, value)))
        for parent in parents:
            for acting in draw(st.lists(st.sampled_from(parent.states), max_size=len(parent.states) - 1, unique=True)):
                for state, value in zip(others, draw(distributions(len(others))), strict=True):
                    number = _number(draw, value)
                    links.append(Link(parent.variable, acting, variable.variable, state, value, **number))
    one, *_ = (variable for variable in variables if variable.kind == "cause")
    event = f"{one.variable}={one.states[-1]}" if format == 2 and len(one.states) > 2 else one.variable
    seen = [variable for variable in variables if variable.kind not in ("cause", "mechanism")]
    condition = tuple((variable.variable, variable.states[: draw(st.integers(1, 2))]) for variable in seen)
    return Model(
        info,
        variables,
        tuple(priors),
        tuple(links),
        tuple(tables),
        tests=tuple(
            Test(
                "t",
                draw(WORDS),
                (variable.variable,),
                10,
                draw(CHANCES),
                0.5,
                0,
                "S1",
                "expert",
                draw(TEXTS),
                draw(st.sampled_from([None, 0.0, 2.5])) if format == 2 else None,
            )
            for variable in seen[:1]
        ),
        red_flags=tuple(RedFlag("f", condition, event, "urgent", draw(WORDS), "S2", "expert") for _ in seen[:1]),
        management=(
            ManagementStep(
                *(event, 3, "routine", draw(WORDS), draw(TEXTS), "S1", "expert"),
                *(draw(CHANCES), "S2", "expert"),
                condition if format == 2 and draw(st.booleans()) else (),
                ("t",) if format == 2 and seen and draw(st.booleans()) else (),
                (("p0", draw(CHANCES)),) if format == 2 and info.populations[1:] and draw(st.booleans()) else (),
            ),
        ),
        cases=(
            Case(
                "c",
                draw(WORDS),
                "p0",
                condition or ((one.variable, one.states[:1]),),
                (),
                "none in top 9",
                "tuning",
                "x",
            ),
        ),
        sources=(
            Source("S2", draw(WORDS), None, "", draw(TEXTS), "", 7, "expert"),
            Source("S1", "x", 1999, "", "", "", None, "expert"),
        ),
        changes=draw(TEXTS),
        notes=draw(TEXTS),
    )


def _words(draw: st.DrawFn, place: int, variable: Variable) -> dict[str, Any]:
    """What format 2 adds to a variable: synonyms, labels of states, cut points, an empty cell, or none of them."""
    said: dict[str, Any] = {}
    if draw(st.booleans()):
        said["synonyms"] = tuple(f"word {place}{sign}" for sign in "abc"[: draw(st.integers(1, 3))])
    if draw(st.booleans()):
        said["state_labels"] = tuple(f"Grade {number} of it" for number in range(len(variable.states)))
    if draw(st.booleans()):
        falls = draw(st.booleans())
        blank = len(variable.states) > 2 and draw(st.booleans())
        cuts = [Cut(-1.5 + 2 * number, falls) for number in range(len(variable.states) - 1 - blank)]
        limits = (-100.0, 1000.0) if draw(st.booleans()) else ()
        said |= {"cuts": tuple(cuts[::-1] if falls else cuts), "unit": "mg/L", "limits": limits}
        said["quantity"] = (f"CRP {place}",)
        said["if_empty"] = variable.states[-1] if blank else ""
    elif draw(st.booleans()):
        said["if_empty"] = draw(st.sampled_from(variable.states))
    return said


def _table(draw: st.DrawFn, variable: Variable, parents: list[Variable], info: ModelInfo | str) -> list[TableEntry]:
    """A whole table, for every population alike or for each of them."""
    populations = [population.name for population in info.populations] if isinstance(info, ModelInfo) else [""]
    combinations: list[tuple[Any, ...]] = [()]
    for parent in parents:
        combinations = [(*given, (parent.variable, (state,))) for given in combinations for state in parent.states]
    entries = []
    for population in populations:
        for given in combinations:
            values = draw(distributions(len(variable.states) - 1))
            for state, value in zip(variable.states[1:], values, strict=True):
                number = _number(draw, value)
                entries.append(TableEntry(population, variable.variable, given, state, value, **number))
    return entries
