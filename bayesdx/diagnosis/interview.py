"""What to ask next, in words: one question of a case, the answers to it, and the case that an answer makes."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.case import expect_cases, expect_number, leading_event
from bayesdx.diagnosis.compiled import Compiled, compiled
from bayesdx.diagnosis.diagnosis import Diagnosis
from bayesdx.diagnosis.events import action_probabilities, action_variables
from bayesdx.diagnosis.findings import UNKNOWN
from bayesdx.diagnosis.red_flags import met
from bayesdx.diagnosis.suggestions import (
    STOP_BELOW,
    Asked,
    Emergency,
    Option,
    Suggestion,
    TradeOff,
    bearing,
    emergencies,
    open_options,
    still_open,
    worth,
)
from bayesdx.diagnosis.triage import emergency_rows
from bayesdx.diagnosis.weighing import ROUNDING, SPEAKS
from bayesdx.display import clean, format_probability
from bayesdx.display.blocks import Block, Entries, Grid, Title
from bayesdx.display.report import Report
from bayesdx.errors import FindingsError
from bayesdx.inference import Evidence
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import EMERGENCY_HOURS, URGENCIES, Variable, split_event

Array = NDArray[np.float64]

LEAST_BITS = 0.01
"""In a model without steps of care, an option that brings fewer bits about the causes is not asked for."""

MOST_SHOWN = 12
"""Answers that are shown with what they lead to."""

MOST_NAMED = 3
"""Answers that a reason names one by one."""

LONGEST = 80
"""Signs of an answer that are looked at for a number, or repeated in an error."""

NONE = ("none", "nothing", "none of these", "all normal", "normal")
"""Words for a test that shows nothing of what it could show."""

_HEADS = {"emergency_probability": ("emergency",), "decision_change": ("changes a decision",), "": ()}
_COLUMNS = ["answer", "probability", "first_cause", "first_probability", "decision_change", "emergency_probability"]


@dataclass(frozen=True)
class Answer:
    """One answer that is possible, and what it leads to.

    Parameters
    ----------
    mark : str
        What is typed for it: a digit, or a letter where a number would be a measurement.
    label : str
    value : str
        The state, the population, or the variable of a test that is abnormal then.
    probability : float in [0, 1]
        P(answer | findings); NaN for a setting.
    first_cause : str
        The first cause of the differential then, as people read it.
    first_probability : float in [0, 1]
    decision_change : float in [0, 1]
        P(some action becomes worth taking, or no longer is | answer).
    emergency_probability : float in [0, 1]
        Of the emergency that is asked for; NaN where it is asked for something else.

    Examples
    --------
    >>> import bayesdx as dx
    >>> question = dx.next_question(dx.diagnose(dx.load_model("chest_clinic@1.0.0")))
    >>> [(answer.mark, answer.label, round(answer.probability, 2)) for answer in question.answers]
    [('1', 'absent', 0.56), ('2', 'present', 0.44)]
    """

    mark: str
    label: str
    value: str
    probability: float = math.nan
    first_cause: str = ""
    first_probability: float = math.nan
    decision_change: float = math.nan
    emergency_probability: float = math.nan


@dataclass(frozen=True, eq=False, repr=False)
class Question(Report):
    """What to ask next about a case, or why nothing has to be asked. A value, made by ``next_question``.

    Parameters
    ----------
    case : Diagnosis
        The case that it is about.
    kind : str
        "setting", "context", "history", "examination" or "test"; empty where nothing is asked.
    name, label : str
        Of the variable or the test; "population" for the setting.
    variables : tuple of str
        The variables that an answer settles: several for a test with several results.
    text : str
        The question in words.
    answers : tuple of Answer
    why : str
        What an answer could change.
    emergency : str
        The cause of an emergency that it is asked for; empty where it is asked for something else.
    net_value_eur : float
        By the default ``TradeOff``, with information about the causes one by one.
    reason : str
        Why nothing has to be asked; empty where something has.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@2.3.0", population="primary_care")
    >>> question = dx.next_question(dx.diagnose(model))
    >>> print(question)
    Leg numbness? Numbness or tingling of the thigh or leg.
      1  No leg numbness
      2  Leg numb or tingling
    <BLANKLINE>
    “Leg numb or tingling” would raise the alarm for Cauda equina syndrome, now 0.8 %.
    """

    case: Diagnosis
    kind: str = ""
    name: str = ""
    label: str = ""
    variables: tuple[str, ...] = ()
    text: str = ""
    answers: tuple[Answer, ...] = ()
    why: str = ""
    emergency: str = ""
    net_value_eur: float = math.nan
    reason: str = ""

    @property
    def stop(self) -> bool:
        """Whether nothing has to be asked.

        Examples
        --------
        >>> import bayesdx as dx
        >>> dx.next_question(dx.diagnose(dx.load_model("chest_clinic@1.0.0"))).stop
        False
        """
        return not self.kind

    @property
    def several(self) -> bool:
        """Whether several answers may be given at once: the abnormal results of one test.

        Examples
        --------
        >>> import bayesdx as dx
        >>> dx.next_question(dx.diagnose(dx.load_model("chest_clinic@1.0.0"))).several
        False
        """
        return len(self.variables) > 1

    def answer(self, value: object) -> Diagnosis:
        """The case with the answer; this one stays as it is.

        Parameters
        ----------
        value : object
            The mark of an answer as text ("1"); or what ``diagnose`` takes for the variable: a state or its label, a
            measured number, a list of states still possible, likelihoods, UNKNOWN. For a test with several results the
            marks or names of the abnormal ones ("1 3", or a list), "none", or a mapping of variables to states; what
            the mapping leaves out could not be told.

        Returns
        -------
        Diagnosis

        Raises
        ------
        FindingsError, ImpossibleEvidenceError
            As ``diagnose``; or nothing is asked any more.

        Examples
        --------
        >>> import bayesdx as dx
        >>> question = dx.next_question(dx.diagnose(dx.load_model("chest_clinic@1.0.0")))
        >>> dict(question.answer("2").findings), dict(question.answer("absent").findings)
        ({'dyspnoea': 'present'}, {'dyspnoea': 'absent'})
        """
        self._check()
        if value is UNKNOWN or value is None or value == "?":
            return self.skip()
        if self.kind == "setting":
            return self.case.with_population(self._population(value))
        if self.several:
            return self.case.with_findings(self._results(value))
        variable = self.case.model.by_name[self.variables[0]]
        meant = self._meant(value)
        measured = variable.cuts and meant not in variable.states and _is_number(meant)
        return self.case.with_findings({self._quantity(variable) if measured else variable.variable: meant})

    def skip(self) -> Diagnosis:
        """The case in which this was asked and could not be told, so that it is not asked again; a test as a whole.

        Returns
        -------
        Diagnosis

        Raises
        ------
        FindingsError
            Nothing is asked any more.

        Examples
        --------
        >>> import bayesdx as dx
        >>> question = dx.next_question(dx.diagnose(dx.load_model("chest_clinic@1.0.0")))
        >>> dict(question.skip().findings)
        {'dyspnoea': UNKNOWN}
        """
        self._check()
        if self.kind == "setting":
            return self.case.with_population(self.case.model.population)
        whole = {option.name: option.variables for option in open_options(self.case)}  # a test has further results
        return self.case.with_findings(dict.fromkeys(whole.get(self.name, self.variables), UNKNOWN))

    def _check(self) -> None:
        if self.stop:
            raise FindingsError("next_question: nothing is asked any more; case.with_findings adds what else is known.")

    @cached_property
    def _marks(self) -> dict[str, str]:
        return {answer.mark: answer.value for answer in self.answers}

    def _quantity(self, variable: Variable) -> str:
        """The word under which a number is a measurement, so that 1 is not "yes"; else the name of the variable."""
        words = self.case.model.vocabulary
        return next((word for word in variable.quantity if words.find(word) == (variable.variable,)), variable.variable)

    def _meant(self, value: object) -> object:
        """A value with the state in the place of its mark."""
        if isinstance(value, str):
            said, variable = value.strip(), self.case.model.by_name[self.variables[0]]
            for state in variable.states:
                if said in (state, variable.state_label(state)):
                    return state
            if said.isdecimal() and said not in self._marks and "1" in self._marks:
                last = self.answers[-1].mark
                raise FindingsError(f"findings: {self.label}: {said[:LONGEST]} is none of the answers 1 to {last}.")
            return self._marks.get(said.casefold(), {"y": "yes", "n": "no"}.get(said.casefold(), value))
        if isinstance(value, Collection) and not isinstance(value, Mapping | bytes | bytearray):
            return [self._meant(each) for each in value]
        return value

    def _population(self, value: object) -> str:
        said = " ".join(str(value).split()).casefold()
        for answer in self.answers:
            if said in (answer.mark, answer.value.casefold(), answer.label.casefold(), answer.value.replace("_", " ")):
                return answer.value
        return str(value)[:LONGEST]

    def _results(self, value: object) -> dict[str, Any]:
        """A state, or what else ``diagnose`` takes, for each result of a test."""
        model = self.case.model
        if isinstance(value, Mapping):
            told = {model.vocabulary.resolve(word) for word in value}
            return {**{name: UNKNOWN for name in self.variables if name not in told}, **value}
        given: Collection[object]
        if isinstance(value, str):
            parts = [part for part in re.split(r"[,;\s]+", value.strip()) if part]
            marked = all(part in self._marks for part in parts)
            given = parts if marked else [part.strip() for part in re.split(r"[,;]", value) if part.strip()]
            if " ".join(value.split()).casefold() in NONE:
                given = []
            elif not given:
                raise FindingsError(f"findings: {self.label}: give the numbers of what it shows, or none.")
        elif isinstance(value, Collection) and not isinstance(value, bytes | bytearray):
            given = value
        else:
            given = [value]
        named = [self._marks.get(str(part), part) for part in given]
        abnormal = {self._abnormal(part) for part in named}
        return {name: model.by_name[name].states[int(name in abnormal)] for name in self.variables}

    def _abnormal(self, word: object) -> str:
        found = [name for name in self.case.model.vocabulary.find(word) if name in self.variables]
        labels = [answer.value for answer in self.answers if answer.label.casefold() == str(word).casefold()]
        if len(found) != 1 and len(labels) != 1:
            known = ", ".join(answer.label for answer in self.answers)
            hint = self.case.model.vocabulary.hint(word, self.variables)
            said = str(word)[:LONGEST]
            raise FindingsError(f"findings: {said!r} is no result of {self.label}; it has {known}.{hint}")
        return found[0] if len(found) == 1 else labels[0]

    @cached_property
    def table(self) -> pd.DataFrame:
        """The answers and what each leads to.

        Index: answer. Columns: probability, first_cause, first_probability, decision_change, emergency_probability; see
        ``Answer``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> question = dx.next_question(dx.diagnose(dx.load_model("chest_clinic@1.0.0")))
        >>> question.table[["probability", "first_cause"]].round(2)
                 probability first_cause
        answer
        absent          0.56  Bronchitis
        present         0.44  Bronchitis
        """
        rows = [
            [
                answer.label,
                answer.probability,
                answer.first_cause,
                answer.first_probability,
                answer.decision_change,
                answer.emergency_probability,
            ]
            for answer in self.answers
        ]
        return pd.DataFrame(rows, columns=_COLUMNS).set_index("answer")

    def blocks(self) -> Sequence[Block]:
        """The question with its answers and why it is asked; or why nothing is asked."""
        if self.stop:
            return [Title("Nothing more has to be asked"), self.reason]
        rows = [(answer.mark, answer.label) for answer in self.answers]
        return [Entries(rows, self.text), *([self.why] if self.why else [])]

    def reasons(self) -> Sequence[Block]:
        """Why it is asked, with what each answer would lead to.

        Examples
        --------
        >>> import bayesdx as dx
        >>> question = dx.next_question(dx.diagnose(dx.load_model("chest_clinic@1.0.0")))
        >>> question.reasons()[0]
        'Bronchitis, now 45.0 %: 15.3 % with “absent”, 83.4 % with “present”.'
        """
        if self.stop:
            return [self.reason]
        if self.kind == "setting":
            return [self.why]
        last = self._last_column()
        rows = [
            [
                answer.label,
                format_probability(answer.probability),
                answer.first_cause,
                format_probability(answer.first_probability),
                *([format_probability(getattr(answer, last))] if last else []),
            ]
            for answer in self.answers[:MOST_SHOWN]
        ]
        head = ("if the answer is", "chance", "then first", "with")
        title = "What an answer leads to"
        if last == "emergency_probability":
            title += f"; emergency: {self.case.model.label(self.emergency)}"
        table = Grid((*head, *_HEADS[last]), rows, (1, 3, 4) if last else (1, 3), title)
        price = "Net value after its costs" if self.kind == "test" else "It costs nothing to ask; net value"
        return [self.why, table, f"{price}: {self.net_value_eur:.0f} EUR."]

    def _last_column(self) -> str:
        """What the answers are told apart by, beside the first cause: the field of ``Answer``; empty for nothing."""
        if self.emergency:
            return "emergency_probability"
        return "decision_change" if self.case.model.management else ""


def next_question(case: Diagnosis, *, tests: bool = True, stop_below: float = STOP_BELOW) -> Question:
    """What to ask next about a case, in words; or that nothing more has to be asked, and why.

    The setting comes first where the model has several and none was named, then what bears on an emergency that is
    open. Then background and history, then examination, then tests. In each, what could raise the alarm for an
    emergency comes first, the likeliest alarm before the others; then, by net value, whatever changes a decision with a
    probability above ``stop_below``. Nothing is asked where nothing of this is left, which is the rule of
    ``next_tests``. While an emergency is open, what is merely routine waits: what counts is which cause comes first,
    and decisions of which a step is urgent or an emergency; no test of more than a day is asked for; and asking ends
    although the emergency stands, since what is left is to act on it.

    In a model without steps of care the decision is the most probable set of causes: asking ends when it is wrong with
    a probability of at most ``stop_below``, or nothing open brings 0.01 bits about the causes.

    An interview needs no memory. An answer makes a new case, what could not be told is ``UNKNOWN`` in it, and the case
    before an answer is still there to go back to.

    Parameters
    ----------
    case : Diagnosis
    tests : bool
        Whether tests are asked for; without them it is history and examination alone.
    stop_below : float in [0, 1]
        What changes a decision with no higher probability is not asked.

    Returns
    -------
    Question

    Raises
    ------
    FindingsError
        ``stop_below`` is no probability.
    TooLargeError
        A test has more than 16,384 joint results.

    References
    ----------
    D. Heckerman, E. Horvitz, B. Nathwani (1992), "Toward normative expert systems", for myopic value of information;
    S. Pauker, J. Kassirer (1980), "The threshold approach to clinical decision making", for decisions as thresholds.

    Examples
    --------
    >>> import bayesdx as dx
    >>> case = dx.diagnose(dx.load_model("chest_clinic@1.0.0"))
    >>> while not (question := dx.next_question(case)).stop:
    ...     case = question.answer({"smoking": "yes"}.get(question.name, "present"))
    >>> dict(case.findings)
    {'dyspnoea': 'present', 'smoking': 'yes', 'xray': 'positive'}
    """
    expect_cases(case)
    model = case.model
    expect_number("next_question: stop_below", stop_below, "a probability", 0.0, 1)
    if model.population_assumed:
        return _setting(case)
    every = askable(case)
    spoken = [option for option in every if option.kind != "test"]
    ordered = [option for option in every if option.kind == "test"] if tests else []
    urgent = emergencies(case)
    settled = "" if model.management else _settled(case, stop_below)
    rounds = []
    for options in (spoken, ordered):
        if options and not settled:
            rounds.append(_Round(case, options, urgent, stop_below))
            place = rounds[-1].best
            if place is not None:
                return rounds[-1].question(place)
    return Question(case, reason=settled or _reason(case, rounds, urgent, tests))


def askable(case: Diagnosis) -> list[Option]:
    """Everything that may be asked: contexts, findings, tests; further results of a test that was done cost nothing."""
    model = case.model
    found = [
        Option(variable.variable, variable.label, "context", (variable.variable,))
        for variable in model.variables
        if variable.kind == "context" and variable.variable not in case.findings
    ]
    done = {
        test.test
        for test in model.tests
        if any(case.findings.get(name, UNKNOWN) is not UNKNOWN for name in test.variables)
    }
    for option in open_options(case):
        variables = option.variables
        if any(len(model.by_name[name].states) > 2 for name in variables):
            variables = variables[:1]  # results of more than two states are asked one after the other
        if option.name in done:
            found.append(Option(option.name, option.label, option.kind, variables))
        else:
            found.append(replace(option, variables=variables))
    return found


def _setting(case: Diagnosis) -> Question:
    """The question where the patient is seen."""
    populations = case.model.info.populations
    answers = tuple(Answer(str(place), row.title, row.name) for place, row in enumerate(populations, start=1))
    why = "Causes are common and rare by where the patient is seen; every probability starts from there."
    return Question(case, "setting", "population", "Setting", (), "Where is the patient seen?", answers, why)


class _Round:
    """The options of one round, each with its worth."""

    def __init__(
        self, case: Diagnosis, options: Sequence[Option], urgent: tuple[Emergency, ...], stop_below: float
    ) -> None:
        self.case, self.options, self.stop_below = case, options, stop_below
        self.asked = Asked(case, options, leading_event(case), "causes", TradeOff(), together=False)
        self.suggestions = [self.asked.suggestion(place) for place in range(len(options))]
        self.bears = bearing(self.asked, urgent, at_least_one=False)
        self.raises = dict(self._raising()) if options[0].kind != "test" else {}
        self.pressing = bool(urgent)
        self.counted = _counted(case.model, routine=not urgent)

    @cached_property
    def best(self) -> int | None:
        """Place of the option to ask for; None where none is worth asking."""
        wanted = [place for place in range(len(self.options)) if self._wanted(place)]
        return min(wanted, key=self._order, default=None)

    def _wanted(self, place: int) -> bool:
        if place in self.bears or place in self.raises:
            return True
        if self.pressing and self.options[place].soonest_hours > EMERGENCY_HOURS:
            return False
        if not self.case.model.management:
            return self.suggestions[place].bits >= LEAST_BITS
        comes_first = self.suggestions[place].top_change if self.pressing else 0.0
        return max(self._changes(place), comes_first) > self.stop_below

    def _changes(self, place: int) -> float:
        """P(a decision changes); while an emergency is open what is merely routine waits."""
        rows, decisions = self.asked.results.rows[place], self.asked.after.decisions[:, self.counted]
        return float(self.asked.weights[rows] @ (decisions[rows] != decisions[self.asked.now]).any(axis=1))

    def _order(self, place: int) -> tuple[float, ...]:
        """What bears on an open emergency first; then history, then examination, what could raise an alarm first."""
        examined = self.options[place].kind == "examination"
        if place in self.bears:
            return 0, examined, -self.bears[place][0]
        if place in self.raises:
            return 1 + examined, 0, -round(self.raises[place][0], 12)
        return 1 + examined, 1, *worth(self.suggestions[place])

    def _raising(self) -> Iterator[tuple[int, tuple[float, str, int]]]:
        """Options of which an answer would by itself raise an alarm that is not raised: (chance, cause, answer).

        It makes the last open condition of an emergency flag or step hold, its cause being probable enough then; or it
        makes a step without conditions worth taking and speaks for it (see ``speak_for``).
        """
        case, asked = self.case, self.asked
        model = case.model
        raised = {
            name
            for alert in case.alerts
            if alert.urgency == "emergency" and alert.certain
            for name in (alert.cause, split_event(alert.cause)[0])
        }
        place_of = {option.variables[0]: place for place, option in enumerate(self.options)}
        abnormal = np.concatenate([np.arange(len(codes)) > 0 for codes in asked.results.codes])
        found: dict[int, dict[str, NDArray[np.bool_]]] = {}
        for cause, conditions, threshold in emergency_rows(model):
            if cause in raised or met(conditions, case.evidence) is False:
                continue
            missing = [(name, states) for name, states in conditions if not met(((name, states),), case.evidence)]
            if len(missing) > 1 or (missing and missing[0][0] not in place_of):
                continue
            chance = self._chances(cause)
            hits = chance >= threshold
            if not conditions:
                hits = hits & abnormal & self._speaks(cause, chance)
            for place in [place_of[missing[0][0]]] if missing else place_of.values():
                hit = hits[asked.results.rows[place]]
                if missing:
                    hit = hit & np.isin(self._states(place), missing[0][1])
                by_cause = found.setdefault(place, {})
                by_cause[cause] = hit | by_cause.get(cause, False)
        for place, by_cause in found.items():
            weights = asked.weights[asked.results.rows[place]]
            total = float(weights @ np.any(list(by_cause.values()), axis=0))
            if total > ROUNDING:
                cause, hit = max(by_cause.items(), key=lambda item: float(weights @ item[1]))
                yield place, (total, cause, int(np.argmax(weights * hit)))

    def _states(self, place: int) -> tuple[str, ...]:
        return self.case.model.by_name[self.options[place].variables[0]].states

    def _chances(self, cause: str) -> Array:
        """P(cause) after each result."""
        return action_probabilities(self.case.model, cause, self.asked.after.marginals)[: self.asked.now]

    def _speaks(self, cause: str, chance: Array) -> NDArray[np.bool_]:
        """Whether findings that leave these probabilities at least double the odds of the cause."""
        before = action_probabilities(self.case.model, cause, compiled(self.case.model).kept(_nothing_known))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.log(chance / (1 - chance)) - np.log(before / (1 - before))
        return np.asarray(ratio >= SPEAKS)

    def question(self, place: int) -> Question:
        """The option at a place as a question."""
        option, suggestion = self.options[place], self.suggestions[place]
        return Question(
            self.case,
            option.kind,
            option.name,
            option.label,
            option.variables,
            _text(self.case.model, option),
            tuple(self._answers(place)),
            " ".join(self._why(place)),
            self._emergency(place),
            suggestion.net_value_eur,
        )

    def _emergency(self, place: int) -> str:
        """The cause of an emergency that the option is asked for; empty where it is asked for something else."""
        return self.bears[place][1].cause if place in self.bears else self.raises.get(place, (0.0, "", 0))[1]

    def _answers(self, place: int) -> Iterator[Answer]:
        model, option = self.case.model, self.options[place]
        codes = self.asked.results.codes[place]
        if len(option.variables) > 1:
            for column, name in enumerate(option.variables):
                state = model.by_name[name].states[1]
                yield self._answer(str(column + 1), model.label(f"{name}={state}"), name, place, codes[:, column] == 1)
            return
        variable = model.by_name[option.variables[0]]
        for code, state in enumerate(variable.states):
            mark = _letter(code) if variable.cuts or _has_numbers(variable) else str(code + 1)
            yield self._answer(mark, variable.state_label(state), state, place, codes[:, 0] == code)

    def _answer(self, mark: str, label: str, value: str, place: int, chosen: NDArray[np.bool_]) -> Answer:
        asked = self.asked
        rows = np.arange(asked.now)[asked.results.rows[place]][chosen]
        weights = asked.weights[rows]
        total = float(weights.sum())
        if not total:
            return Answer(mark, label, value, 0.0)
        shares = weights / total
        lines = shares @ asked.after.lines[rows]
        first = compiled(self.case.model).lines[int(lines.argmax())]
        most, changed = (min(1.0, float(value)) for value in (lines.max(), shares @ asked.changed[rows]))
        emergency = self._emergency(place)
        grave = min(1.0, float(shares @ self._chances(emergency)[rows])) if emergency else math.nan
        return Answer(mark, label, value, min(1.0, total), first.label, most, changed, grave)

    def _why(self, place: int) -> Iterator[str]:
        """What an answer could change, the gravest first."""
        model, suggestion = self.case.model, self.suggestions[place]
        if suggestion.option.kind == "test":
            yield _costs(suggestion.option)
            if suggestion.net_value_eur < 0 and place not in self.bears:
                yield f"That is more than it is worth (net value {suggestion.net_value_eur:.0f} EUR)."
        if place in self.bears:
            emergency = self.bears[place][1]
            leads = self._leads(place, self._chances(emergency.cause))
            now = format_probability(emergency.probability)
            yield f"It bears on an open emergency: {emergency.label}, now {now}: {leads}."
        elif place in self.raises:
            _, cause, code = self.raises[place]
            label = model.label(f"{self.options[place].variables[0]}={self._states(place)[code]}")
            now = format_probability(self.case.probability(cause))
            yield f"“{label}” would raise the alarm for {model.label(cause)}, now {now}."
        else:
            yield from self._decisions(place)

    def _decisions(self, place: int) -> Iterator[str]:
        """The gravest step that an answer would make worth taking or not, and the cause that it would put first."""
        asked, model = self.asked, self.case.model
        rows = asked.results.rows[place]
        weights, after = asked.weights[rows], asked.after
        changed = after.decisions[rows] != after.decisions[asked.now]
        steps = {(step.cause, step.action): step for step in reversed(model.management)}
        steps = {key: steps[key] for key in dict.fromkeys((step.cause, step.action) for step in model.management)}
        chances = weights @ changed
        likely = [
            (URGENCIES.index(step.urgency), -p, n)
            for n, (step, p) in enumerate(zip(steps.values(), chances, strict=True))
        ]
        likely = [each for each in likely if -each[1] > STOP_BELOW]
        given = ""
        if likely:
            column = min(likely)[2]
            step = list(steps.values())[column]
            given = self._given(place, changed[:, column])
            off = after.decisions[asked.now, column]  # below the threshold, or a condition of the step failed
            enough = "would no longer be reason enough for" if off else "would be probable enough for"
            yield f"{given}, {model.label(step.cause)} {enough}: {step.action}."
        if self.suggestions[place].top_change > STOP_BELOW:
            hit = asked.top_changed[rows]
            lines = compiled(model).lines
            causes = {lines[int(line)].label for line in after.lines[rows][hit & (weights > 0)].argmax(axis=1)}
            cause = causes.pop() if len(causes) == 1 else "another cause"
            same = self._given(place, hit)
            when = "Then" if same == given else f"{same},"
            yield f"{when} {cause} would come first, not {lines[int(after.lines[asked.now].argmax())].label}."
        elif not likely:
            yield self._moves(place)

    def _given(self, place: int, hit: NDArray[np.bool_]) -> str:
        """The results that are marked, as a condition: the answers by name where one variable is asked for."""
        weights = self.asked.weights[self.asked.results.rows[place]]
        chance = format_probability(min(1.0, float(weights @ hit)))
        named = [
            f"“{label}”" for label, marked in zip(self._labels(place), hit & (weights > 0), strict=False) if marked
        ]
        if not named or len(named) > MOST_NAMED:
            return f"With a chance of {chance}"
        return f"With {' or '.join(named)} (chance {chance})"

    def _leads(self, place: int, chances: Array) -> str:
        """The probability after each answer; only the lowest and the highest where there are many answers."""
        rows = self.asked.results.rows[place]
        likely = self.asked.weights[rows] > 0
        found = np.minimum(1.0, chances[: self.asked.now][rows])
        named = [
            f"{format_probability(float(p))} with “{label}”"
            for label, p, possible in zip(self._labels(place), found, likely, strict=False)
            if possible
        ]
        if not named or len(named) > MOST_NAMED:
            low, high = (format_probability(float(p)) for p in (found[likely].min(), found[likely].max()))
            return f"between {low} and {high} by what is found"
        return ", ".join(named)

    def _labels(self, place: int) -> list[str]:
        """The answer that each result is, where one variable is asked for; nothing for a test of several."""
        codes, (name, *more) = self.asked.results.codes[place], self.options[place].variables
        variable = self.case.model.by_name[name]
        return [] if more else [variable.state_label(variable.states[code]) for code in codes[:, 0]]

    def _moves(self, place: int) -> str:
        """The line of the differential that the answers move most."""
        found = self.asked.after
        rows = np.arange(self.asked.now)[self.asked.results.rows[place]]
        lines = found.lines[rows[self.asked.weights[rows] > 0]]
        most = int((lines.max(axis=0) - lines.min(axis=0)).argmax())
        now = format_probability(min(1.0, float(found.lines[self.asked.now, most])))
        return f"{compiled(self.case.model).lines[most].label}, now {now}: {self._leads(place, found.lines[:, most])}."


def _counted(model: Model, *, routine: bool) -> NDArray[np.bool_]:
    """Which actions of ``decisions`` count: all, or those of which some step is not routine."""
    kinds: dict[tuple[str, str], bool] = {}
    for step in model.management:
        key = (step.cause, step.action)
        kinds[key] = kinds.get(key, routine) or step.urgency != "routine"
    return np.array(list(kinds.values()), dtype=np.bool_)


def _nothing_known(ready: Compiled) -> Mapping[str, Array]:
    """Marginals of what steps and flags are about, before any finding."""
    nothing = Evidence(np.full((1, len(ready.network)), -1))
    return ready.engine.propagate(nothing, action_variables(ready.model)).marginals


def _is_number(value: object) -> bool:
    """Whether a value begins as a number does; the vocabulary reads it."""
    return not isinstance(value, bool) and bool(re.match(r"\s*[+-]?[.\d]", str(value)[:LONGEST]))


def _has_numbers(variable: Variable) -> bool:
    """Whether a digit could mean a state, so that answers are marked with letters."""
    return any(text[:1].isdigit() for state in variable.states for text in (state, variable.state_label(state)))


def _letter(place: int) -> str:
    """a, b, ... z, aa, ab, ..."""
    more, last = divmod(place, 26)
    return (_letter(more - 1) if more else "") + "abcdefghijklmnopqrstuvwxyz"[last]


def _text(model: Model, option: Option) -> str:
    """An option as a question."""
    if option.kind == "test":
        if len(option.variables) > 1:
            return f"{option.label}: what does it show? Type the numbers of all that apply, or none."
        variable = model.by_name[option.variables[0]]
        return _sentences(f"{option.label}: what is the result?", _number(variable))
    variable = model.by_name[option.variables[0]]
    return _sentences(f"{variable.label.rstrip('?')}?", _defined(variable), _number(variable))


def _defined(variable: Variable) -> str:
    """The definition, where it says more than the label."""
    text = variable.definition.strip()
    return "" if text.casefold().rstrip(".") == variable.label.casefold() else text


def _number(variable: Variable) -> str:
    return f"Or type a number: {variable.measured}" if variable.cuts else ""


def _sentences(*parts: str) -> str:
    """Parts as sentences on one line."""
    return " ".join(part if part[-1] in ".?!" else f"{part}." for part in map(clean, parts) if part)


def _costs(option: Option) -> str:
    """What a test takes, in a sentence."""
    if not (option.cost_eur or option.delay_hours):
        return "It costs nothing more."
    wait = f"its result takes {_hours(option.delay_hours)}"
    if 0 < option.soonest_hours < option.delay_hours:
        wait += f" ({_hours(option.soonest_hours)} as an emergency)"
    return f"It costs about {option.cost_eur:g} EUR; {wait}."


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{60 * hours:.0f} min"
    return f"{hours:g} h" if hours < 72 else f"{hours / 24:.0f} days"


def _settled(case: Diagnosis, stop_below: float) -> str:
    """That the most probable explanation is settled; empty where it is not."""
    [(causes, probability)] = case.probable_sets(1)
    if probability < 1 - stop_below:
        return ""
    said = " with ".join(case.model.label(name) for name in causes) or "no modelled cause"
    return f"The most probable explanation is settled: {said}, with a probability of {format_probability(probability)}."


def _reason(case: Diagnosis, rounds: Sequence[_Round], urgent: Sequence[Emergency], tests: bool) -> str:
    """Why nothing is asked."""
    what = "question or test" if tests else "question or examination"
    suggestions: list[Suggestion] = [suggestion for each in rounds for suggestion in each.suggestions]
    if urgent:
        return (
            f"Act on it now: {still_open(urgent[0])}. No open {what} would settle it, or change what else cannot wait."
        )
    if not suggestions:
        return f"Every {what} that the model knows of has been asked."
    if not case.model.management:
        return f"No open {what} is expected to tell the causes apart any further."
    most = max(suggestion.decision_change for suggestion in suggestions)
    if most <= ROUNDING:
        return f"Nothing further would change the decision, whatever the answer to any open {what}."
    share = format_probability(most)
    return f"Nothing further would change the decision: no open {what} does so with a probability above {share}."
