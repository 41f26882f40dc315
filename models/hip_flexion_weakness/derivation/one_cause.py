"""How a version with one exclusive main cause (3.0.0 and later) is built from the tables in its ``evidence/``.

DERIVATION.md of the version has the rules. Its ``build.py`` names folder, parent and settings; no number is here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import exp, log
from pathlib import Path

import numpy as np
import rules

import bayesdx as dx
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import (
    Case,
    CauseGroup,
    Link,
    ManagementStep,
    Prior,
    RedFlag,
    Source,
    Study,
    TableEntry,
    Test,
    Variable,
)
from bayesdx.network import link_from_henrion

HUB = "main_cause"
OTHER = "other_or_unexplained"
BUCKET = "other_cause"
AGES = ("40_to_59", "60_and_over")
FACTOR = 3.0
"""A judgement is right within this factor of its odds, in 95 of 100."""

JUDGED = "2.9.0"
"""What the judgements before studies are called; they are never released."""

DEFINED = ("DEFINITION", "expert", "by definition of the main cause")

HIGHEST = 1 / 3
"""No emergency of hours waits for a higher probability: one of three alarms is right at the least."""


@dataclass(frozen=True)
class Settings:
    """The three global numbers that were fitted on the seen cases (fit.py).

    Parameters
    ----------
    temper : float
        How far a judged rate goes from its background, in log-odds: 1 as judged, 0 not at all.
    prior : float
        Exponent of the shares of the main causes.
    """

    temper: float = 1.0
    prior: float = 1.0


def logit(p: float) -> float:
    """Logarithm of the odds."""
    return log(p / (1 - p))


def expit(x: float) -> float:
    """Probability of a logarithm of odds."""
    return 1 / (1 + exp(-x))


def around(value: float, factor: float = FACTOR) -> tuple[float, float]:
    """The ends of a judgement: its odds divided and multiplied by the factor."""
    return expit(logit(value) - log(factor)), expit(logit(value) + log(factor))


def pairs(text: str) -> dict[str, float]:
    """``name 0.5|name 0.2`` as a dict."""
    return {name: float(value) for name, value in (part.rsplit(" ", 1) for part in text.split("|") if part)}


def distribution(states: tuple[str, ...], given: dict[str, float]) -> np.ndarray:
    """Probabilities in the order of the states; the first takes the rest."""
    values = np.array([given.get(state, 0.0) for state in states])
    values[0] = 1 - values[1:].sum()
    return values


def first_emergencies(steps: tuple[ManagementStep, ...]) -> dict[str, float]:
    """Causes whose first step is an emergency, with its threshold."""
    first = {step.cause: step for step in sorted(steps, key=lambda step: -step.step)}
    return {cause: step.threshold for cause, step in first.items() if step.urgency == "emergency"}


def multiplied(threshold: float, factor: float) -> float:
    """A threshold with its odds multiplied, at most ``HIGHEST``."""
    return round(min(HIGHEST, expit(logit(threshold) + log(factor))), 2)


def raised(base: float, factor: float, first: float | None) -> float:
    """The threshold of an emergency step with the factor of a setting.

    ``first`` is the threshold of the first step of the cause where that is an emergency.
    """
    if first is None:
        return base
    return max(base if base > first else 0.0, multiplied(first, factor))


def scaled(step: ManagementStep, first: float, factors: dict[str, float]) -> dict[str, object]:
    """``threshold`` of the default population and ``thresholds`` of the others."""
    found = {population: raised(step.threshold, factor, first) for population, factor in factors.items()}
    default = found[rules.INFO.default_population]
    return {"threshold": default, "thresholds": tuple((name, one) for name, one in found.items() if one != default)}


@dataclass(frozen=True)
class Version:
    """A version and what its ``build.py`` says of it.

    Parameters
    ----------
    here : Path
        Folder of the derivation; its name is the version.
    parent : str
        The version that lends variables, cases and sources.
    settings : Settings
        What fit.py found.
    not_blank : dict of (cause, finding) to str
        What studies measured in a part of a cause keeps its judgement beside them; the text says which part.
    backgrounds : tuple of str
        Findings whose background was counted in people without a cause; elsewhere the comparison group was ill.
    heterogeneity : float
        Standard deviation between studies in log-odds, as ``synthesise`` estimates it from these studies.
    with_new_cases : bool
        Whether the cases by which the version was judged stand in it, as held out.
    """

    here: Path
    parent: str
    settings: Settings
    not_blank: dict[tuple[str, str], str]
    backgrounds: tuple[str, ...]
    heterogeneity: float
    with_new_cases: bool = False

    def causes(self) -> list[dict[str, str]]:
        """The rows of causes.csv."""
        return rules.table(self.here, "causes.csv")

    def shares(self, settings: Settings) -> Iterator[TableEntry]:
        """P(main cause) of each setting: new cases a year, times complaint, times reach; brought to a sum of 1."""
        for population in rules.POPULATIONS:
            weight = {
                row["cause"]: (float(row["per_100000"]) * float(row["complaint"]) * float(row[population]))
                ** settings.prior
                for row in self.causes()
            }
            total = sum(weight.values())
            for row in self.causes():
                if row["cause"] == OTHER:
                    continue
                share = weight[row["cause"]] / total
                low, high = around(share)
                note = (
                    f"{row['per_100000']} a year in 100000, {row['complaint']} with this complaint, {row[population]} "
                    f"seen here; {row['note']}"
                )
                yield TableEntry(population, HUB, (), row["cause"], *map(rules.rounded, (share, low, high)),
                                 row["source"], "expert", note)  # fmt: skip

    def ages(self) -> Iterator[TableEntry]:
        """P(age | main cause)."""
        for row in self.causes():
            old, young = float(row["60_and_over"]), float(row["under_40"])
            for age, value in zip(AGES, (1 - old - young, old), strict=True):
                low, high = around(value)
                when = ((HUB, (row["cause"],)),)
                yield TableEntry("", "age_group", when, age, *map(rules.rounded, (value, low, high)),
                                 "EXPERT", "expert", "")  # fmt: skip

    def gates(self, variables: dict[str, Variable], settings: Settings) -> tuple[list[Link], list[Prior]]:
        """Links, leaks and priors of contexts, mechanisms and findings."""
        links: list[Link] = []
        priors: list[Prior] = []
        by_child: dict[str, list[dict[str, str]]] = {}
        for row in (*rules.table(self.here, "contexts.csv"), *rules.table(self.here, "findings.csv")):
            by_child.setdefault(row.get("variable") or row["finding"], []).append(row)
        for child, rows in by_child.items():
            states = variables[child].states
            where = next(column for column in ("background", "primary_care") if column in rows[0])
            leak = {row["state"]: float(row[where]) for row in rows}
            for row in rows:
                state, source, note = row["state"], row["source"], row["note"]
                if "background" in row:
                    low, high = around(leak[state])
                    links.append(Link("", "", child, state, *map(rules.rounded, (leak[state], low, high)),
                                      "EXPERT", "expert", note if source == "EXPERT" else ""))  # fmt: skip
                else:
                    for population in rules.POPULATIONS:
                        value = float(row[population])
                        low, high = around(value)
                        priors.append(Prior(population, child, state, *map(rules.rounded, (value, low, high)),
                                            "EXPERT", "expert", ""))  # fmt: skip
                for condition, value in pairs(row["others"]).items():
                    parent, parent_state = condition.split("=")
                    low, high = around(value)
                    links.append(Link(parent, parent_state, child, state, *map(rules.rounded, (value, low, high)),
                                      "EXPERT", "expert", ""))  # fmt: skip
            alone: dict[str, dict[str, float]] = {}
            for row in rows:
                for cause, value in pairs(row["causes"]).items():
                    alone.setdefault(cause, dict(leak))[row["state"]] = value
            for cause, given in alone.items():
                told = [row for row in rows if cause in pairs(row["causes"])]
                for row in told:
                    state = row["state"]
                    ends = []
                    for end in (given[state], *around(given[state])):
                        tempered = {
                            name: expit(logit(leak[name]) + settings.temper * (logit(value) - logit(leak[name])))
                            for name, value in {**given, state: end}.items()
                        }
                        top = sum(tempered.values())
                        if top > 0.995:
                            tempered = {name: value / top * 0.995 for name, value in tempered.items()}
                        link = link_from_henrion(distribution(states, tempered), distribution(states, leak))
                        ends.append(rules.rounded(float(link[states.index(state)])))
                    value, low, high = ends
                    note = f"{cause} alone {given[state]:g}, background {leak[state]:g}"
                    links.append(Link(HUB, cause, child, state, value, min(ends), max(ends), "EXPERT", "expert", note))
        return links, priors

    def definitions(self, variables: dict[str, Variable]) -> tuple[list[Link], list[Prior]]:
        """Each cause is present where the main cause is its state; the bucket where the vocabulary has none."""
        links: list[Link] = []
        named = {row["cause"] for row in rules.table(self.here, "vocabulary.csv")}
        for row in self.causes():
            children = (row["node"], *(() if row["node"] in named else (BUCKET,)))
            links += [Link(HUB, row["cause"], child, "present", 1, 1, 1, *DEFINED) for child in children]
        priors = [
            Prior(population, name, "present", 0, 0, 0, *DEFINED)
            for population in rules.POPULATIONS
            for name, variable in variables.items()
            if variable.kind == "cause"
        ]
        return links, priors

    def worded(self, parent: Model) -> tuple[Variable, ...]:
        """The variables of the parent that remain, with other and more words, and the own ones of variables.csv."""
        words = {row["variable"]: row for row in rules.table(self.here, "words.csv")}
        own = {row["variable"]: row for row in rules.table(self.here, "variables.csv")}
        known = {variable.variable: variable for variable in parent.variables}
        found = []
        for name in (row["variable"] for row in rules.table(self.here, "order.csv")):
            variable = Variable(**rules.typed("variables.csv", own[name])) if name in own else known[name]
            if name in words:
                more = rules.typed("variables.csv", {k: v for k, v in words[name].items() if v and k != "variable"})
                states = dict(variable.state_words)
                for state, texts in more.get("state_words", ()):
                    states[state] = (*states.get(state, ()), *texts)
                ordered = tuple((state, states[state]) for state in variable.states if state in states)
                texts = {name: more[name] for name in ("label", "definition") if name in more}
                synonyms = (*variable.synonyms, *more.get("synonyms", ()))
                variable = replace(variable, synonyms=synonyms, state_words=ordered, **texts)
            found.append(variable)
        return tuple(found)

    def management(self, evidence: rules.Evidence) -> tuple[ManagementStep, ...]:
        """The steps of management.csv, with thresholds of each setting where the first step of a cause is an emergency.

        The odds of these thresholds are multiplied by the factor of the setting in thresholds.csv (see thresholds.py).
        A later emergency step of such a cause keeps its own threshold where that is higher.
        """
        steps = rules.rows_of(evidence, "management.csv", ManagementStep)
        factors = {row["population"]: float(row["odds_factor"]) for row in rules.table(self.here, "thresholds.csv")}
        first = first_emergencies(steps)
        return tuple(
            replace(step, **scaled(step, first[step.cause], factors))
            if step.cause in first and step.urgency == "emergency"
            else step
            for step in steps
        )

    def judged(self, settings: Settings = Settings()) -> Model:
        """The model before studies."""
        parent = dx.load_model(rules.MODELS / self.parent)
        evidence = rules.Evidence(self.here)
        variables = self.worded(parent)
        by_name = {variable.variable: variable for variable in variables}
        links, priors = self.gates(by_name, settings)
        defined, absent = self.definitions(by_name)
        return Model(
            info=replace(
                parent.info,
                version=JUDGED,
                parent_version=parent.version,
                parent_hash=parent.hash,
                format=2,
                entry_criterion=(self.here / "entry_criterion.txt").read_text(encoding="utf-8").strip(),
            ),
            variables=variables,
            priors=(*priors, *absent),
            links=(*links, *defined),
            tables=(*self.shares(settings), *self.ages()),
            accuracy=(),
            studies=tuple(Study(**rules.typed("studies.csv", row)) for row in rules.table(self.here, "studies.csv")),
            cause_groups=tuple(
                CauseGroup(**rules.typed("groups.csv", row)) for row in rules.table(self.here, "groups.csv")
            ),
            tests=rules.rows_of(evidence, "tests.csv", Test),
            red_flags=rules.rows_of(evidence, "red_flags.csv", RedFlag),
            management=self.management(evidence),
            cases=(),
            sources=(*parent.sources, *rules.rows_of(evidence, "sources.csv", Source)),
            changes="",
            notes="",
        )

    def blank(self, model: Model) -> list[str]:
        """The numbers that lose their judgement: links whose whole cause a study counted, leaks that one counted."""
        links = {(row.parent_state, row.child, row.child_state) for row in model.links if row.parent == HUB}
        leaks = {(row.child, row.child_state) for row in model.links if not row.parent}
        found = []
        for row in model.studies:
            for state in row.state.split("|"):
                cause = row.cause.removeprefix(f"{HUB}=")
                if row.measure == "sensitivity" and (cause, row.finding) not in self.not_blank:
                    if (cause, row.finding, state) in links:
                        found.append(f"P({row.finding} = {state} | {HUB} = {cause} by itself)")
                elif (
                    row.measure == "false_positive_rate"
                    and row.finding in self.backgrounds
                    and (row.finding, state) in leaks
                ):
                    found.append(f"P({row.finding} = {state} | no cause of it acts)")
        return list(dict.fromkeys(found))

    def learned(self, model: Model) -> Model:
        """The numbers as studies leave them; how each source is predicted without it goes into left_out.csv."""
        result = dx.synthesise(model, blank=self.blank(model), heterogeneity=self.heterogeneity, version=self.here.name)
        columns = ["study", "finding", "cause", "measure", "value", "predictive_lower", "predictive_upper", "verdict"]
        result.studies[columns].round(4).to_csv(self.here / "left_out.csv", index=False, lineterminator="\n")
        return result.model

    def seen_cases(self, parent: Model) -> tuple[Case, ...]:
        """The published cases of the parent, all seen by now; main_states.csv says which main cause is another."""
        truth = {row["case"]: row["main_cause"] for row in rules.table(self.here, "main_states.csv")}
        return tuple(
            replace(case, causes=(truth.get(case.case, case.causes[0]),), expect="cause in top 3", use="seen")
            for case in parent.cases
        )

    def build(self) -> Model:
        """The version, not yet released."""
        parent = dx.load_model(rules.MODELS / self.parent)
        model = self.learned(self.judged(self.settings))
        fields = ("priors", "links", "tables", "studies", "tests", "red_flags", "management")
        used = {row.source for name in fields for row in getattr(model, name)}
        used |= {row.threshold_source for row in model.management}
        new = rules.judged_by(self.here) if self.with_new_cases else ()
        return replace(
            model,
            info=replace(model.info, version=self.here.name, parent_version=parent.version, parent_hash=parent.hash),
            cases=(*self.seen_cases(parent), *new),
            sources=tuple(row for row in model.sources if row.source in used),
            changes=(self.here / "CHANGES.md").read_text(encoding="utf-8"),
            notes=(self.here / "NOTES.md").read_text(encoding="utf-8"),
        )
