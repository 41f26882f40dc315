"""The numbers of one patient: posteriors, the differential, red flags, steps of care, triage."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.answers import with_answers
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.events import Event, action_variables, event_of, given_event, sides
from bayesdx.diagnosis.findings import UNKNOWN, Findings, Understood, Value, code_findings, read_findings, understood
from bayesdx.diagnosis.red_flags import FiredFlag, fired_flags
from bayesdx.diagnosis.steps import Recommendation, candidates, recommendations
from bayesdx.diagnosis.triage import CaseAlert, Triage, alerts_of, triage_of
from bayesdx.display import as_json
from bayesdx.errors import FindingsError, ImpossibleEvidenceError, quoted
from bayesdx.inference import Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import split_event

DISCLAIMER = "Decision support for qualified people, not a diagnosis; a low probability does not exclude an emergency."

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A line of the differential with its numbers.

    Parameters
    ----------
    cause, label : str
    prior, posterior : float in [0, 1]
        P(present) without and with the findings.
    rank : int, from 1
    likelihood_ratio : float, at least 0
        Posterior odds over prior odds; NaN where the prior is 0 or 1.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> line = dx.diagnose(model, {"xray": "positive"}).differential[0]
    >>> line.cause, line.rank, round(line.prior, 2), round(line.posterior, 2), round(line.likelihood_ratio, 2)
    ('bronchitis', 1, 0.45, 0.51, 1.25)
    """

    cause: str
    label: str
    prior: float
    posterior: float
    rank: int
    likelihood_ratio: float

    @property
    def variable(self) -> str:
        """The variable of the cause: ``cause`` itself, or what stands before the = of a state."""
        return split_event(self.cause)[0]


@dataclass(frozen=True)
class GroupSum:
    """A group of causes as its sum.

    Parameters
    ----------
    group, label : str
    probability : float in [0, 1]
        P(at least one member present | findings).
    members : tuple of Line
        Highest posterior first.

    Examples
    --------
    >>> import bayesdx as dx
    >>> dx.diagnose(dx.load_model("chest_clinic@1.0.0")).groups
    ()
    """

    group: str
    label: str
    probability: float
    members: tuple[Line, ...]


def expect_cases(*cases: object) -> None:
    """Raise a FindingsError unless every value is a Diagnosis; a model or its name is a common mistake."""
    for case in cases:
        if not isinstance(case, CaseNumbers):
            raise FindingsError(f"expected a case, as dx.diagnose(model, findings) gives it, not {quoted(case)}.")


def expect_names(argument: str, names: object) -> tuple[str, ...]:
    """The names of a list of them; one name by itself, or something else, is a common mistake."""
    if isinstance(names, str):
        raise FindingsError(f"{argument} = {names!r}; expected a list of names, as [{names!r}].")
    found = tuple(names) if isinstance(names, Iterable) else (names,)
    if not all(isinstance(name, str) for name in found):
        raise FindingsError(f"{argument} = {quoted(names)}; expected a list of names.")
    return found


def expect_number(argument: str, value: object, expected: str, low: float, high: float = np.inf) -> None:
    """Raise a FindingsError unless a value is a number from ``low`` to ``high``, whole where ``low`` is an int."""
    kinds = (int, np.integer) if isinstance(low, int) else (int, float, np.integer, np.floating)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise FindingsError(
            f"{argument} = {value if isinstance(value, int | float) else quoted(value)}; expected {expected}."
        )


def impossible(model: Model, findings: Findings) -> ImpossibleEvidenceError:
    """The error for findings of probability zero, with a smallest set of them that conflicts."""
    conflict = compiled(model).engine.conflict(findings.evidence)
    said = [f"{name} = {say(findings.values[name])}" for name in conflict]
    title = f"{model.name} {model.version}"
    if len(said) == 1:
        text = f"findings: {said[0]} has probability 0 under {title}; check its leak probability."
    else:
        text = (
            f"findings: {', '.join(said[:-1])} and {said[-1]} cannot occur together under {title}; "
            "check them, or the leak and link probabilities between them."
        )
    return ImpossibleEvidenceError(text, conflict)


def say(value: Value) -> str:
    """A finding in words."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return " or ".join(value)
    if isinstance(value, Mapping):
        return " / ".join(f"{state} {likelihood:g}" for state, likelihood in value.items())
    return "unknown"


@dataclass(frozen=True, eq=False, repr=False)
class CaseNumbers:
    """What the findings of one patient say, without the questions that may be asked about it; see ``Diagnosis``."""

    model: Model
    evidence: Findings
    log_evidence: float
    probabilities: Array

    @classmethod
    def of(cls, model: Model, read: Findings) -> Self:
        """The case of findings that were read.

        Raises
        ------
        ImpossibleEvidenceError
            The findings have probability zero.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> round(CaseNumbers.of(model, read_findings(model, {"xray": "negative"})).none_present, 3)
        0.556
        """
        ready = compiled(model)
        result = ready.engine.propagate(read.evidence, targets=model.causes)
        log_evidence = float(result.log_evidence[0])
        if log_evidence == -np.inf:
            raise impossible(model, read)
        return cls(model, read, log_evidence, ready.probabilities(result.marginals))

    @property
    def findings(self) -> Mapping[str, Value]:
        """The findings in canonical form: variable -> state, tuple of states, likelihood mapping, or UNKNOWN.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> dict(dx.diagnose(model, {"patellar_reflex": ["reduced", "absent"], "fever": "absent"}).findings)
        {'patellar_reflex': ('reduced', 'absent'), 'fever': 'absent'}
        """
        return self.evidence.values

    @property
    def understood(self) -> tuple[Understood, ...]:
        """The findings as they were understood, in words, with what was given where that is something else.

        Examples
        --------
        >>> import bayesdx as dx
        >>> case = dx.diagnose(dx.load_model("chest_clinic@1.0.0"), {"Dyspnea": True, "xray": dx.UNKNOWN})
        >>> [(found.label, found.value_label, found.said) for found in case.understood]
        [('Dyspnoea', 'present', 'Dyspnea = True'), ('Chest X-ray', 'unknown', '')]
        """
        return understood(self.model, self.evidence)

    @cached_property
    def posterior(self) -> pd.Series:
        """P(cause present | findings) by cause, highest first (equal ones in the order of the model).

        Index: cause; a cause with more than two states has a line ``cause=state`` for each of them. Values in [0, 1];
        they need not sum to 1, since several causes may be present.

        A cause that is the sum of others (``groups.csv``) stands beside its parts and comes after all of them, since it
        competes with none; its value may be the largest. So the first cause is ``differential[0].cause``, or
        ``table["posterior"].idxmax()``: ``differential`` and ``table`` hold the causes that compete, without sums, and
        ``posterior.idxmax()`` may name a sum.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> case.posterior.head(2).round(3)
        iliopsoas_strain        0.459
        lumbar_radiculopathy    0.368
        Name: posterior, dtype: float64

        A sum beside its parts:

        >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@3.0.0"), {"upper_motor_neuron_signs": "present"})
        >>> case.differential[0].cause, case.table["posterior"].idxmax(), case.posterior.idxmax()
        ('spinal_cord', 'spinal_cord', 'other_cause')
        """
        order = self._order
        return pd.Series(self.probabilities[order], index=compiled(self.model).line_names.take(order), name="posterior")

    @cached_property
    def _order(self) -> NDArray[np.intp]:
        """Positions of the lines, highest posterior first; where only rounding differs, as the model has them."""
        lines = compiled(self.model).ranked
        with np.errstate(divide="ignore"):
            order = np.argsort(-np.log(self.probabilities[:lines]).round(9), kind="stable")
        return np.append(order, np.arange(lines, len(self.probabilities)))

    @cached_property
    def differential(self) -> tuple[Line, ...]:
        """The lines of the differential, highest posterior first; without the causes that are sums of others.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> first = case.differential[0]
        >>> first.cause, first.rank, round(first.prior, 3), round(first.posterior, 3), round(first.likelihood_ratio, 2)
        ('iliopsoas_strain', 1, 0.13, 0.459, 5.68)
        """
        ready = compiled(self.model)
        prior, lines = ready.prior, ready.lines
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (self.probabilities / (1 - self.probabilities)) / (prior / (1 - prior))
        return tuple(
            Line(
                lines[place].name,
                lines[place].label,
                float(prior[place]),
                float(self.probabilities[place]),
                rank,
                float(ratio[place]),
            )
            for rank, place in enumerate(self._order[: compiled(self.model).ranked].tolist(), start=1)
        )

    @cached_property
    def groups(self) -> tuple[GroupSum, ...]:
        """The groups of causes, each as its sum: P(at least one member present), highest first.

        Examples
        --------
        >>> import bayesdx as dx
        >>> from dataclasses import replace
        >>> from bayesdx.knowledge.schema import CauseGroup
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> lungs = CauseGroup("lungs", "Disease of the lung itself", ("tuberculosis", "lung_cancer"))
        >>> case = dx.diagnose(replace(model, cause_groups=(lungs,)), {"xray": "positive"})
        >>> [(group.label, round(group.probability, 3), group.members[0].cause) for group in case.groups]
        [('Disease of the lung itself', 0.576, 'lung_cancer')]
        """
        engine = compiled(self.model).engine
        found = []
        for row in self.model.cause_groups:
            without = self.evidence.evidence
            for member in row.members:
                without = given_event(without, event_of(self.model, member), engine, present=False)
            log_none = float(engine.propagate(without, targets=()).log_evidence[0])
            members = tuple(line for line in self.differential if line.cause in row.members)
            possible = any(line.posterior for line in members) or not members
            probability = float(-np.expm1(min(0.0, log_none - self.log_evidence))) if possible else 0.0
            found.append(GroupSum(row.group, row.label, probability, members))
        return tuple(sorted(found, key=lambda group: -group.probability))

    def lines(self, top: int | None = None) -> tuple[Line, ...]:
        """The first lines of the differential, and those that a red flag or an emergency step of care is about.

        Parameters
        ----------
        top : int, at least 1, optional
            How many; all of them where left out.

        Returns
        -------
        tuple of Line
            Highest posterior first.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"saddle_anaesthesia": "present", "onset": "sudden"})
        >>> [(line.rank, line.cause) for line in case.lines(1)][:2]
        [(1, 'lumbar_radiculopathy'), (3, 'cauda_equina_syndrome')]
        """
        if top is None:
            return self.differential
        expect_number("top", top, "a whole number of at least 1", 1)
        kept = list(self.differential[:top])
        kept += [line for line in self.differential[top:] if line.cause in self._urgent]
        return tuple(kept)

    @cached_property
    def _urgent(self) -> frozenset[str]:
        """What red flags, emergency steps of care and the level of triage are about: causes, or ``variable=state``."""
        return frozenset((*(alert.cause for alert in self.alerts), *self.triage.causes[:1]))

    @cached_property
    def elsewhere(self) -> Mapping[str, tuple[Line, ...]]:
        """The first three lines of the differential in each other population, where nobody chose this one.

        Population -> lines; none where the findings cannot occur there. Empty where the model has one population, or
        where one was named.

        Examples
        --------
        >>> import bayesdx as dx
        >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"onset": "sudden"})
        >>> {name: lines[0].cause for name, lines in case.elsewhere.items()}
        {'emergency_department': 'iliopsoas_strain', 'specialist_referral': 'lumbar_radiculopathy'}
        """
        if not self.model.population_assumed:
            return {}
        found: dict[str, tuple[Line, ...]] = {}
        for model in compiled(self.model).other_populations:
            try:
                found[model.population] = self.of(model, self.evidence).differential[:3]
            except ImpossibleEvidenceError:
                found[model.population] = ()
        return found

    @cached_property
    def table(self) -> pd.DataFrame:
        """The differential as a DataFrame, highest posterior first.

        Index: cause. Columns: label; prior and posterior, P(present) without and with the findings; rank, from 1;
        likelihood_ratio, the posterior odds over the prior odds (above 1 the findings speak for the cause).

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> case.table[["prior", "posterior", "likelihood_ratio"]].head(2).round(3)
                              prior  posterior  likelihood_ratio
        cause
        iliopsoas_strain       0.13      0.459             5.678
        lumbar_radiculopathy   0.15      0.368             3.300
        """
        return pd.DataFrame([asdict(line) for line in self.differential]).set_index("cause")

    @cached_property
    def none_present(self) -> float:
        """P(no modelled cause | findings), in [0, 1]: every cause in its reference state.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> round(dx.diagnose(model, {"xray": "negative"}).none_present, 3)
        0.556
        """
        engine = compiled(self.model).engine
        codes = self.evidence.codes.copy()
        for cause in self.model.causes:
            place = engine.network.index[cause]
            if codes[place] > 0:
                return 0.0
            codes[place] = 0
        without = Evidence(codes[None, :], self.evidence.evidence.likelihoods)
        joint = float(engine.propagate(without, targets=()).log_evidence[0])
        return float(np.exp(min(0.0, joint - self.log_evidence)))

    @property
    def may_have_none(self) -> bool:
        """Whether a patient may have none of the lines of the differential.

        Not where the model gives every patient one of its causes, nor where the first state of its only cause is that
        line.

        Examples
        --------
        >>> import bayesdx as dx
        >>> [dx.diagnose(dx.load_model(name)).may_have_none for name in ("chest_clinic", "hip_flexion_weakness")]
        [True, False]
        """
        causes = self.model.causes
        several = len(causes) > 1 or len(self.model.by_name[causes[0]].states) == 2
        return several and not compiled(self.model).always_one

    def most_probable(self, k: int = 5) -> pd.DataFrame:
        """The k most probable sets of causes.

        Parameters
        ----------
        k : int, at least 1

        Returns
        -------
        DataFrame
            Columns: causes, a tuple of the causes that are present (empty: none of the modelled ones); probability,
            P(exactly these | findings). Highest first.

        References
        ----------
        J. Pearl (1988), "Probabilistic reasoning in intelligent systems", chapter 5 (most probable explanations).

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> dx.diagnose(model, {"xray": "positive", "dyspnoea": "present"}).most_probable(2).round(3)
                              causes  probability
        0  (lung_cancer, bronchitis)        0.389
        1              (bronchitis,)        0.234
        """
        sets = self.probable_sets(k)
        return pd.DataFrame(
            {
                "causes": pd.Series([causes for causes, _ in sets], dtype=object),
                "probability": [probability for _, probability in sets],
            }
        )

    def probable_sets(self, k: int) -> list[tuple[tuple[str, ...], float]]:
        """The rows of ``most_probable`` as plain values.

        Parameters
        ----------
        k : int, at least 1

        Returns
        -------
        list of (tuple of str, float in [0, 1])
            The causes that are present, and P(exactly these | findings); highest first.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> [(causes, probability)] = dx.diagnose(model, {"xray": "negative"}).probable_sets(1)
        >>> causes, round(probability, 3)
        ((), 0.556)
        """
        totals = {group.group for group in self.model.cause_groups}
        causes = [name for name in self.model.causes if name not in totals]
        codes, probabilities = compiled(self.model).engine.most_probable(self.evidence.evidence, causes, k)
        return [
            (tuple(self._named(causes, row)), float(probability))
            for row, probability in zip(codes, probabilities, strict=True)
        ]

    def _named(self, causes: Sequence[str], codes: NDArray[np.int64]) -> list[str]:
        named = []
        for cause, code in zip(causes, codes, strict=True):
            states = self.model.by_name[cause].states
            if len(states) > 2:
                named.append(f"{cause}={states[code]}")
            elif code:
                named.append(cause)
        return named

    @cached_property
    def red_flags(self) -> tuple[FiredFlag, ...]:
        """Red flags that the findings alone raise, emergencies first, however improbable their cause.

        One that is answered (see ``FiredFlag``) stays listed and raises no alarm.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"saddle_anaesthesia": "present"})
        >>> [(flag.flag, flag.cause, flag.urgency) for flag in case.red_flags]
        [('saddle_numbness', 'cauda_equina_syndrome', 'emergency')]
        """
        return with_answers(self.model, self.evidence, fired_flags(self.model, self.evidence))

    @cached_property
    def management(self) -> tuple[Recommendation, ...]:
        """Steps of care that the case calls for, the most urgent first.

        From its threshold on; not where findings contradict its conditions. An emergency step also needs a finding
        that speaks for its cause, conditions that hold, or a red flag.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> step = dx.diagnose(model, {"saddle_anaesthesia": "present"}).management[0]
        >>> step.cause, step.urgency, step.reason
        ('cauda_equina_syndrome', 'emergency', 'posterior')
        """
        return recommendations(candidates(self.model, self.evidence, self.action_marginals, self.red_flags))

    @cached_property
    def action_marginals(self) -> Mapping[str, Array]:
        """Marginals of the variables that steps of care and red flags are about, each of shape (1, n_states).

        Examples
        --------
        >>> import bayesdx as dx
        >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"saddle_anaesthesia": "present"})
        >>> case.action_marginals["cauda_equina_syndrome"].round(2)
        array([[0.75, 0.25]])
        """
        asked = action_variables(self.model)
        return compiled(self.model).engine.propagate(self.evidence.evidence, asked).marginals if asked else {}

    @cached_property
    def alerts(self) -> tuple[CaseAlert, ...]:
        """One banner per cause: its red flags and its emergency steps of care, the most urgent first.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"saddle_anaesthesia": "present", "bladder_bowel_dysfunction": "present"})
        >>> first = case.alerts[0]
        >>> first.label, first.urgency, first.findings
        ('Cauda equina syndrome', 'emergency', ('bladder_bowel_dysfunction', 'saddle_anaesthesia'))
        """
        known = {*self.evidence.informative} & {*self.model.diagnoses}
        given = tuple(found.text for found in self.understood if found.variable in known) if known else ()
        return alerts_of(self.model, self.red_flags, self.management, self.action_marginals, given)

    @cached_property
    def triage(self) -> Triage:
        """How urgent the case is, with the reason, and which questions of emergencies were not asked.

        Decision support: 'none' says that these findings show no emergency, not that there is none.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> triage = dx.diagnose(model, {"onset": "gradual", "saddle_anaesthesia": "absent"}).triage
        >>> "saddle_anaesthesia" in triage.unasked, "bladder_bowel_dysfunction" in triage.unasked
        (False, True)
        """
        return triage_of(self.model, self.evidence, self.red_flags, self.management, self.alerts)

    def probability(self, event: str) -> float:
        """P(event | findings).

        Parameters
        ----------
        event : str
            A cause; ``variable=state`` of a graded cause or of a mechanism, as ``main_cause=brain``. The plain name of
            a graded cause means any state but the reference state.

        Returns
        -------
        float in [0, 1]

        Raises
        ------
        FindingsError
            The model has no such cause or state.

        Examples
        --------
        >>> import bayesdx as dx
        >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@2.2.1"), {"upper_motor_neuron_signs": "present"})
        >>> round(case.probability("main_cause=cord"), 2)
        0.23
        """
        asked = event_of(self.model, event)
        found = compiled(self.model).engine.propagate(self.evidence.evidence, (asked.variable,)).marginals
        return min(1.0, sides(found[asked.variable], asked)[0].item(0))

    def with_findings(self, findings: Mapping[str, Any] | pd.Series) -> Self:
        """The diagnosis with more findings, or with some of them changed; this one stays as it is.

        Parameters
        ----------
        findings : mapping
            As ``diagnose`` takes them; they replace what was known of the same variables. None takes a finding back.

        Returns
        -------
        Diagnosis

        Raises
        ------
        FindingsError, ImpossibleEvidenceError
            As ``diagnose``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"onset": "sudden"})
        >>> dict(case.with_findings({"fever": "absent"}).findings)
        {'onset': 'sudden', 'fever': 'absent'}
        """
        added = read_findings(self.model, findings)
        named = [self.model.vocabulary.resolve(word) for word, value in findings.items() if value is None]
        removed = {part for name in named for part in (name, *self.model.groups.get(name, ()))}
        kept = {name: value for name, value in self.findings.items() if name not in removed}
        told = {name: text for name, text in self.evidence.said.items() if name not in added.values}
        return self.of(self.model, code_findings(self.model, {**kept, **added.values}, {**told, **added.said}))

    def with_population(self, population: str) -> Self:
        """The same findings in another setting; this diagnosis stays as it is.

        Parameters
        ----------
        population : str
            One of the model's.

        Returns
        -------
        Diagnosis

        Raises
        ------
        ModelError
            The model has no such population.

        Examples
        --------
        >>> import bayesdx as dx
        >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@1.0.0"), {"onset": "sudden"})
        >>> there = case.with_population("emergency_department")
        >>> there.model.population, there.findings == case.findings
        ('emergency_department', True)
        """
        return self.of(self.model.with_population(population), self.evidence)

    def without(self, *names: str) -> Self:
        """The diagnosis without some of its findings; this one stays as it is.

        Parameters
        ----------
        *names : str
            Findings of this case, or groups.

        Returns
        -------
        Diagnosis

        Raises
        ------
        FindingsError
            A name is not among the findings.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> dict(dx.diagnose(model, {"onset": "sudden", "fever": "absent"}).without("fever").findings)
        {'onset': 'sudden'}
        """
        dropped: set[str] = set()
        for word in names:
            found = self.model.vocabulary.find(word)
            members = {part for name in found for part in (name, *self.model.groups.get(name, ()))} & set(self.findings)
            if not members:
                hint = self.model.vocabulary.hint(word, self.findings)
                raise FindingsError(f"without: {word!r} is not among the findings.{hint}")
            dropped |= members
        kept = {name: value for name, value in self.findings.items() if name not in dropped}
        return self.of(self.model, code_findings(self.model, kept, self.evidence.said))

    def to_frame(self) -> pd.DataFrame:
        """The table with the cause as a column and the model's name, version, population and hash beside it.

        Columns: cause, then those of ``table``, then model_name, model_version, model_population and model_hash.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> case.to_frame()[["cause", "posterior", "model_name", "model_version"]].head(2).round(3)
                          cause  posterior            model_name model_version
        0      iliopsoas_strain      0.459  hip_flexion_weakness         1.0.0
        1  lumbar_radiculopathy      0.368  hip_flexion_weakness         1.0.0
        """
        frame = self.table.reset_index()
        for column in ("name", "version", "population", "hash"):
            frame[f"model_{column}"] = getattr(self.model, column)
        return frame

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        """The diagnosis as plain values that JSON can hold; an infinite number is "inf" or "-inf", NaN is None.

        Keys: model, population_assumed, elsewhere (population -> its first three causes, where the population was
        assumed), findings (as ``diagnose`` takes them), understood (the same in words), log_evidence (nats),
        differential, groups (each with its sum), none_present, most_probable (five sets of causes), red_flags,
        management, alerts, triage, notice.

        Parameters
        ----------
        top : int, at least 1, optional
            Lines of the differential (see ``lines``); what names another cause is left out too.

        Returns
        -------
        dict

        Examples
        --------
        >>> import json
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> json.loads(json.dumps(case.to_dict()))["findings"]
        {'onset': 'sudden', 'severe_pain': 'present'}
        """
        lines = self.lines(top)
        hidden = {line.cause for line in self.differential} - {line.cause for line in lines}
        return {
            "model": {key: getattr(self.model, key) for key in ("name", "version", "population", "hash")},
            "population_assumed": self.model.population_assumed,
            "elsewhere": {
                name: [{"cause": line.cause, "label": line.label, "posterior": line.posterior} for line in first]
                for name, first in self.elsewhere.items()
            },
            "findings": {name: _plain(value) for name, value in self.findings.items()},
            "understood": [{**vars(found), "value": _plain(found.value)} for found in self.understood],
            "log_evidence": self.log_evidence,
            "differential": [as_json(asdict(line)) for line in lines],
            "groups": [as_json(asdict(group)) for group in self.groups],
            "none_present": self.none_present,
            "most_probable": [
                {"causes": list(causes), "probability": probability}
                for causes, probability in self.probable_sets(5)
                if hidden.isdisjoint(causes)
            ],
            "red_flags": [_fields(flag) for flag in self.red_flags],
            "management": [self._with_values(_fields(step)) for step in self.management if step.cause not in hidden],
            "alerts": [self._with_values(asdict(alert)) for alert in self.alerts],
            "triage": {
                **self._with_values(asdict(self.triage)),
                "causes": [cause for cause in self.triage.causes if cause not in hidden],
                "text": self.triage.text,
            },
            "notice": DISCLAIMER,
        }

    def _with_values(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The findings behind something with what was found."""
        return fields | {"findings": {name: _plain(self.findings[name]) for name in fields["findings"]}}

    def findings_json(self) -> str:
        """The findings as JSON, with the model that they are in the words of; ``bayesdx diagnose --findings`` reads it.

        Returns
        -------
        str
            An object with the keys model (name, version, population, hash) and findings, in ASCII.

        Examples
        --------
        >>> import json
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> json.loads(dx.diagnose(model, {"onset": "sudden", "fever": dx.UNKNOWN}).findings_json())["findings"]
        {'onset': 'sudden', 'fever': 'UNKNOWN'}
        """
        document = {
            "model": {key: getattr(self.model, key) for key in ("name", "version", "population", "hash")},
            "findings": {name: _plain(value) for name, value in self.findings.items()},
        }
        return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def leading_event(case: CaseNumbers) -> Event:
    """The first line of the differential."""
    return event_of(case.model, case.differential[0].cause)


def _plain(value: Value) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return UNKNOWN.value


def _fields(row: FiredFlag | Recommendation) -> dict[str, Any]:
    fields = asdict(row)
    name = "findings" if isinstance(row, FiredFlag) else "conditions"
    fields[name] = {variable: list(states) for variable, states in fields[name]}
    return fields
