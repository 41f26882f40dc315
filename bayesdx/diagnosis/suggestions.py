"""What next: the worth of every finding, examination and test that is still open."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.case import CaseNumbers, expect_cases, expect_names, expect_number, leading_event
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.events import Event, event_of, sides
from bayesdx.diagnosis.results import (
    Measured,
    assignments,
    decisions,
    entropy_bits,
    has_joint,
    measure,
    measured_variables,
)
from bayesdx.diagnosis.simulate import complete
from bayesdx.display import clean, format_probability
from bayesdx.display.blocks import Alert, Block, Grid, Title
from bayesdx.display.report import PlottedReport
from bayesdx.errors import FindingsError, TooLargeError, did_you_mean
from bayesdx.inference import Evidence
from bayesdx.knowledge.schema import EMERGENCY_HOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

MOST_PAIRS = 2**17
"""Most pairs of results that a look-ahead enumerates."""

BEARING = 0.1
"""A test bears on an emergency where it is expected to remove at least this share of the uncertainty about it."""

STOP_BELOW = 0.05
"""Where nothing open changes a decision with a higher probability than this, it is reasonable to stop."""

MOST_SHOWN = 12
"""Lines that text and HTML show."""


@dataclass(frozen=True)
class TradeOff:
    """What information is worth and what a test costs, in euros.

    net value = bits * eur_per_bit + gain in net benefit * eur_per_patient
                - cost - delay * eur_per_hour - burden * eur_per_burden - risk * eur_per_harm

    Parameters
    ----------
    eur_per_bit : float
        Worth of one bit of information about what is asked (all causes, or the cause to rule in or out).
    eur_per_patient : float
        Worth of one more patient rightly cared for (one unit of net benefit, see ``net_benefit``).
    eur_per_hour : float
        Price of an hour of waiting for the result.
    eur_per_burden : float
        Price of an extreme burden (burden 1).
    eur_per_harm : float
        Price of a serious harm (risk 1).

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden"})
    >>> tests = ["emg", "xray_hip"]
    >>> free = dx.types.TradeOff(eur_per_hour=0.0, eur_per_burden=0.0, eur_per_harm=0.0)
    >>> for trade_off in (dx.types.TradeOff(), free):
    ...     dx.next_tests(case, only=tests, trade_off=trade_off).table["net_value_eur"].round(1).to_dict()
    {'xray_hip': 136.9, 'emg': -184.3}
    {'xray_hip': 145.9, 'emg': 43.7}
    >>> print(free)
    A bit of information counts 300 euros, a patient rightly cared for 1000, an hour of waiting 0, extreme burden 0,
    serious harm 0; questions and examinations are free.
    """

    eur_per_bit: float = 300.0
    eur_per_patient: float = 1000.0
    eur_per_hour: float = 0.5
    eur_per_burden: float = 100.0
    eur_per_harm: float = 20_000.0

    def __str__(self) -> str:
        return (
            f"A bit of information counts {self.eur_per_bit:g} euros, a patient rightly cared for "
            f"{self.eur_per_patient:g}, an hour of waiting {self.eur_per_hour:g}, extreme burden "
            f"{self.eur_per_burden:g}, serious harm {self.eur_per_harm:g}; questions and examinations are free."
        )


@dataclass(frozen=True)
class Option:
    """Something that could be found out next.

    Parameters
    ----------
    name, label : str
        A test of tests.csv, or a variable that no test reveals.
    kind : str
        history, examination or test.
    variables : tuple of str
        What it reveals that is not known yet.
    cost_eur, delay_hours : float, at least 0
    burden, risk : float in [0, 1]
    soonest_hours : float, at least 0
        Time to the result where it is ordered as an emergency.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> [suggestion] = dx.next_tests(dx.diagnose(model, {"onset": "sudden"}), only=["emg"]).suggestions
    >>> suggestion.option.kind, suggestion.option.variables, suggestion.option.cost_eur, suggestion.option.delay_hours
    ('test', ('emg',), 200.0, 336.0)
    """

    name: str
    label: str
    kind: str
    variables: tuple[str, ...]
    cost_eur: float = 0.0
    delay_hours: float = 0.0
    burden: float = 0.0
    risk: float = 0.0
    soonest_hours: float = 0.0


_OF_OPTION = ("label", "kind", "cost_eur", "burden", "risk")
_AHEAD = ["second", "bits_ahead", "net_value_ahead_eur"]
_COLUMNS = ("label", "kind", "emergency", "bits", "bits_target", "bits_rule_in", "bits_rule_out", "top_change",
            "decision_change", "same_decision", "benefit", "cost_eur", "delay_hours", "burden", "risk",
            "net_value_eur", "why", *_AHEAD)  # fmt: skip


@dataclass(frozen=True)
class Suggestion:
    """An option and what it is expected to bring.

    Parameters
    ----------
    option : Option
    bits : float, at least 0
        Expected information about the causes: their mutual information with the result, in bits.
    bits_target : float, at least 0
        The same about the target cause.
    bits_rule_in, bits_rule_out : float, at least 0
        The parts of it that come from results that raise, and that lower, the target's probability.
    top_change : float in [0, 1]
        P(another cause then heads the differential).
    decision_change : float in [0, 1]
        P(some action of management.csv becomes worth taking, or no longer is): its cause crosses the threshold, or the
        result contradicts its conditions.
    benefit : float, at least 0
        Expected gain in net benefit from deciding with the result, in patients rightly cared for.
    net_value_eur : float
        By the trade-off.
    emergency : str
        The must-not-miss cause that it bears on; empty where there is none. A test confirms or excludes it, and has
        its result within ``EMERGENCY_HOURS``; a question asks about it, which is no emergency by itself.
    why : str
        What places it where it stands.
    second : str
        With a look-ahead, the option that most often is the best next one after it; empty where none pays.
    bits_ahead, net_value_ahead_eur : float
        With a look-ahead, what it brings together with the best second option for each of its results; NaN without.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> best = dx.next_tests(dx.diagnose(model, {"onset": "sudden"})).suggestions[0]
    >>> best.option.name, round(best.bits, 2), round(best.same_decision, 2)
    ('pain_on_resisted_hip_flexion', 0.42, 0.0)
    """

    option: Option
    bits: float
    bits_target: float
    bits_rule_in: float
    bits_rule_out: float
    top_change: float
    decision_change: float
    benefit: float
    net_value_eur: float
    emergency: str = ""
    why: str = ""
    second: str = ""
    bits_ahead: float = math.nan
    net_value_ahead_eur: float = math.nan

    @property
    def rank_value(self) -> float:
        """The net value that it is ranked by: with the second option where there was a look-ahead."""
        return self.net_value_eur if math.isnan(self.net_value_ahead_eur) else self.net_value_ahead_eur

    @property
    def delay_hours(self) -> float:
        """Hours until the result: as an emergency where it bears on one, otherwise as usual."""
        return self.option.soonest_hours if self.emergency else self.option.delay_hours

    @property
    def same_decision(self) -> float:
        """Same-decision probability: that every decision stands once the result is known."""
        return 1 - self.decision_change


@dataclass(frozen=True)
class Emergency:
    """A must-not-miss cause that is not settled: the case calls for an emergency step of it (``case.management``).

    Parameters
    ----------
    cause, label : str
        A cause, or ``variable=state``.
    probability : float in [0, 1]
    threshold : float in [0, 1]
        The lowest of these steps.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> emergency = dx.next_tests(dx.diagnose(model, {"saddle_anaesthesia": "present"})).emergencies[0]
    >>> emergency.cause, round(emergency.probability, 2), emergency.threshold
    ('cauda_equina_syndrome', 0.25, 0.02)
    """

    cause: str
    label: str
    probability: float
    threshold: float


@dataclass(frozen=True, eq=False, repr=False)
class NextTests(PlottedReport):
    """What could be found out next, best first. Made by ``next_tests``.

    ``plot`` draws the expected information of the best options as bars.

    Parameters
    ----------
    case : Diagnosis
    target : Event
        The cause that ``bits_target`` is about.
    focus : str
        "causes", "rule in" or "rule out".
    trade_off : TradeOff
    suggestions : tuple of Suggestion
    emergencies : tuple of Emergency
    about : str
        What ``bits`` is measured on: the joint of the causes, or the causes one by one where that is too large.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> following = dx.next_tests(dx.diagnose(model, {"onset": "sudden"}))
    >>> following.table[["kind", "bits", "cost_eur", "net_value_eur"]].head(2).round(2)
                                         kind  bits  cost_eur  net_value_eur
    option
    pain_on_resisted_hip_flexion  examination  0.42       0.0         298.70
    hip_flexor_tenderness         examination  0.44       0.0         298.31
    """

    case: CaseNumbers
    target: Event
    focus: str
    trade_off: TradeOff
    suggestions: tuple[Suggestion, ...]
    emergencies: tuple[Emergency, ...]
    about: str

    @property
    def stop(self) -> bool:
        """Whether it is reasonable to stop: no emergency open, and nothing likely to change a decision.

        False in a model without steps of care, which knows no decision that could change.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "bladder_bowel_dysfunction": "present"})
        >>> dx.next_tests(case).stop
        False
        """
        settled = all(s.decision_change <= STOP_BELOW for s in self.suggestions)
        return settled and not self.emergencies and bool(self.case.model.management)

    @property
    def stop_reason(self) -> str:
        """Why to stop or to go on, in one sentence.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "bladder_bowel_dysfunction": "present"})
        >>> dx.next_tests(case).stop_reason.split(";")[0]
        'Do not stop: Cauda equina syndrome has a probability of 16.7 %, at or above its threshold of 2.0 %'
        """
        if not self.suggestions:
            return "Everything that the model knows of has been looked for."
        if self.emergencies:
            return "Do not stop: " + "; ".join(still_open(e) for e in self.emergencies) + "."
        if not self.case.model.management:
            return "Whether to stop is not judged: this model has no steps of care, so no decision can change."
        if self.stop:
            limit = format_probability(STOP_BELOW)
            return f"It is reasonable to stop: nothing open changes a decision with a probability above {limit}."
        best = next(s for s in self.suggestions if s.decision_change > STOP_BELOW)
        share = format_probability(best.decision_change)
        return f"Go on: {best.option.label} changes a decision with a probability of {share}."

    def purpose(self, suggestion: Suggestion) -> str:
        """What a suggestion is good for, in a few words: the emergency that it settles, or else its net value.

        Parameters
        ----------
        suggestion : Suggestion
            One of these.

        Returns
        -------
        str

        Examples
        --------
        >>> import bayesdx as dx
        >>> case = dx.diagnose(dx.load_model("hip_flexion_weakness@2.2.1"), {"saddle_anaesthesia": "present"})
        >>> following = dx.next_tests(case)
        >>> following.purpose(following.suggestions[0])
        'confirms or excludes Cauda equina syndrome, in 30 min'
        """
        if not suggestion.emergency:
            return suggestion.why
        return bearing_on(suggestion.option, self.case.model.label(suggestion.emergency))

    def same_decision_probability(self, copies: int = 400, seed: int = 0) -> tuple[float, float]:
        """P(every decision stands once all options are known), with its Monte Carlo standard error.

        Parameters
        ----------
        copies : int, at least 2
            Completions of the case that are drawn.
        seed : int

        Returns
        -------
        probability, standard_error : float

        References
        ----------
        A. Choi, Y. Xue, A. Darwiche (2012), "Same-decision probability: a confidence measure for threshold-based
        decisions".

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "gradual", "fever": "absent"})
        >>> share, error = dx.next_tests(case, only=["patellar_reflex"]).same_decision_probability(seed=1)
        >>> round(share, 1), round(error, 2)
        (0.9, 0.02)
        """
        engine = compiled(self.case.model).engine
        names = list(dict.fromkeys(name for s in self.suggestions for name in s.option.variables))
        evidence = self.case.evidence.evidence
        drawn = complete(engine, evidence, names, copies, seed)
        model = self.case.model
        now, then = (
            decisions(engine, model, cases, engine.propagate(cases, measured_variables(model)).marginals)
            for cases in (evidence, drawn)
        )
        same = (then == now).all(axis=1)
        return float(same.mean()), float(same.std(ddof=1) / np.sqrt(copies))

    @cached_property
    def table(self) -> pd.DataFrame:
        """The options, best first.

        Index: option. Columns: label, kind, emergency, bits, bits_target, bits_rule_in, bits_rule_out, top_change,
        decision_change, same_decision, benefit, cost_eur, delay_hours, burden, risk, net_value_eur, why; with a
        look-ahead also second, bits_ahead and net_value_ahead_eur.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> dx.next_tests(dx.diagnose(model, {"smoking": "yes"})).table[["bits", "bits_target", "top_change"]].round(3)
                   bits  bits_target  top_change
        option
        dyspnoea  0.370        0.313       0.000
        xray      0.344        0.000       0.152
        """
        rows = [
            [s.option.name, *(getattr(s.option if name in _OF_OPTION else s, name) for name in _COLUMNS)]
            for s in self.suggestions
        ]
        frame = pd.DataFrame(rows, columns=["option", *_COLUMNS]).set_index("option")
        return frame.drop(columns=_AHEAD) if frame["bits_ahead"].isna().all() else frame

    def blocks(self) -> Sequence[Block]:
        """Emergencies, the best options, when to stop, and what the ranking rests on."""
        model = self.case.model
        shown: list[Block] = [Title(f"What next? {model.name} {model.version}, {model.population}")]
        shown += [Alert(f"{still_open(e)}. What bears on it comes first.", "emergency") for e in self.emergencies]
        if self.suggestions:
            ahead = not math.isnan(self.suggestions[0].bits_ahead)
            about = f"bits about {self.target.label}"
            header = ["", "find out", "bits", about, "decision changes", "cost EUR", "delay hours", "net EUR"]
            rows = [self._row(place, s, ahead) for place, s in enumerate(self.suggestions[:MOST_SHOWN], start=1)]
            numeric = (0, 2, 3, 4, 5, 6, 7)
            shown.append(Grid([*header, "then"] if ahead else header, rows, numeric))
            hidden = len(self.suggestions) - MOST_SHOWN
            if hidden > 0:
                shown.append(f"... and {hidden} that bring less")
        if self.emergencies:
            shown.append("(!) bears on an emergency. Do not stop while one is open.")
        else:
            shown.append(self.stop_reason)
        shown += [f"Bits are expected information about {self.about}. {self.trade_off}"]
        return shown

    def _row(self, place: int, s: Suggestion, ahead: bool) -> list[object]:
        row: list[object] = [
            place,
            s.option.label + (" (!)" if s.emergency else ""),
            f"{s.bits:.3f}",
            f"{s.bits_target:.3f}",
            format_probability(s.decision_change),
            f"{s.option.cost_eur:g}",
            f"{s.delay_hours:g}",
            f"{s.net_value_eur:.0f}",
        ]
        return [*row, self._labels.get(s.second, "nothing")] if ahead else row

    @cached_property
    def _labels(self) -> dict[str, str]:
        return {s.option.name: s.option.label for s in self.suggestions}

    _most_drawn = 15

    def _draw(self, ax: Axes | None, most: int) -> Axes:
        """Expected information of the best options as bars."""
        from bayesdx.display.figures import bars, sentence

        if not self.suggestions:
            return sentence(self.stop_reason, title="What next?", ax=ax)
        chosen = self.suggestions[:most]
        return bars(
            [clean(s.option.label) for s in chosen],
            [s.bits for s in chosen],
            [bool(s.emergency) for s in chosen],
            xlabel="expected information (bits); highest net value first",
            title="What next?",
            meaning="bears on an emergency",
            ax=ax,
        )


def next_tests(
    case: CaseNumbers,
    *,
    rule_in: str | None = None,
    rule_out: str | None = None,
    target: str | None = None,
    only: Collection[str] | None = None,
    trade_off: TradeOff | None = None,
    look_ahead: int = 1,
) -> NextTests:
    """What to find out next: every open question, examination and test with its expected worth.

    Results are enumerated: each possible (joint) result of each option is one hypothetical case, and all of them are
    one batch, so that nothing is approximated.

    Options are ranked by net value (see ``TradeOff``). While the case calls for an emergency step of a cause, whatever
    bears on that cause comes first, by the information that it brings about it and whatever it costs: questions,
    examinations, and tests that have their result within a day where they are ordered as an emergency.

    Parameters
    ----------
    case : Diagnosis
    rule_in, rule_out : str, optional
        A cause: rank by the information that comes from results that raise (rule in) or lower (rule out) its
        probability. At most one of the two.
    target : str, optional
        The cause that ``bits_target`` is about; the one to rule in or out, or else the first of the differential.
    only : collection of str, optional
        Options to consider; all open ones where left out. A name is a test of tests.csv or a variable.
    trade_off : TradeOff, optional
    look_ahead : {1, 2}
        2 adds, for each result of each option, the best second option. What a second test costs in time is its usual
        delay, also where an emergency would bring it sooner.

    Returns
    -------
    NextTests

    Raises
    ------
    FindingsError
        An unknown cause or option, both ``rule_in`` and ``rule_out``, or another ``look_ahead``.
    TooLargeError
        A test has more than 16,384 joint results.

    References
    ----------
    D. Heckerman, E. Horvitz, B. Nathwani (1992), "Toward normative expert systems", for myopic value of information;
    A. Choi, Y. Xue, A. Darwiche (2012), "Same-decision probability", for when to stop; S. Pauker, J. Kassirer (1980),
    "The threshold approach to clinical decision making", for decisions as thresholds.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "bladder_bowel_dysfunction": "present"})
    >>> following = dx.next_tests(case)
    >>> following.emergencies[0].cause, following.table.index[0]
    ('cauda_equina_syndrome', 'saddle_anaesthesia')
    """
    expect_cases(case)
    if rule_in and rule_out:
        raise FindingsError("next_tests: give rule_in or rule_out, not both.")
    expect_number("next_tests: look_ahead", look_ahead, "1 or 2", 1, 2)
    named = rule_in or rule_out or target
    event = event_of(case.model, named) if named else leading_event(case)
    focus = "rule in" if rule_in else "rule out" if rule_out else "causes"
    options, price, urgent = _chosen(case, only), trade_off or TradeOff(), emergencies(case)
    together = has_joint(case.model)
    if not options:
        return NextTests(case, event, focus, price, (), urgent, about(together))
    asked = Asked(case, options, event, focus, price, together)
    suggestions = [asked.suggestion(place) for place in range(len(options))]
    if look_ahead == 2:
        suggestions = asked.look_ahead(suggestions)
    return NextTests(case, event, focus, price, tuple(_ranked(asked, suggestions, urgent)), urgent, about(together))


def emergencies(case: CaseNumbers) -> tuple[Emergency, ...]:
    """Unsettled causes that the case calls for an emergency step of, likeliest first."""
    found: dict[str, Emergency] = {}
    for step in case.management:
        if step.urgency == "emergency" and 0 < step.probability < 1:
            threshold = min(step.threshold, found[step.cause].threshold if step.cause in found else 1.0)
            found[step.cause] = Emergency(step.cause, case.model.label(step.cause), step.probability, threshold)
    return tuple(sorted(found.values(), key=lambda emergency: -emergency.probability))


def bearing_on(option: Option, label: str) -> str:
    """What an option does about an emergency, in words.

    Examples
    --------
    >>> scan = Option("scan", "Scan", "test", ("scan",), delay_hours=72.0, soonest_hours=4.0)
    >>> bearing_on(scan, "Cauda equina syndrome")
    'confirms or excludes Cauda equina syndrome, in 4 h'
    >>> bearing_on(Option("numbness", "Numbness", "history", ("numbness",)), "Cauda equina syndrome")
    'asks about Cauda equina syndrome'
    """
    if option.kind == "history":
        return f"asks about {label}"
    if option.kind == "examination":
        return f"looks for {label}"
    hours = option.soonest_hours
    soon = f"{60 * hours:.0f} min" if hours < 1 else f"{hours:g} h"
    return f"confirms or excludes {label}{f', in {soon}' if hours else ''}"


def still_open(emergency: Emergency) -> str:
    """Why an emergency is open, in words."""
    chance, limit = format_probability(emergency.probability), format_probability(emergency.threshold)
    if emergency.probability >= emergency.threshold:
        return f"{emergency.label} has a probability of {chance}, at or above its threshold of {limit}"
    return f"{emergency.label} has a red flag, at a probability of {chance}"


def open_options(case: CaseNumbers) -> tuple[Option, ...]:
    """Everything that is still open: findings not observed and not UNKNOWN, those of one test together."""
    model = case.model
    open_ = [name for name in model.findings if name not in case.findings]
    found: dict[str, Option] = {}
    grouped: set[str] = set()
    for test in model.tests:
        grouped.update(test.variables)
        variables = tuple(name for name in test.variables if name in open_)
        if variables:
            costs = (test.cost_eur, test.delay_hours, test.burden, test.risk, test.soonest_hours)
            found[test.test] = Option(test.test, test.label, "test", variables, *costs)
    for name in open_:
        if name not in grouped:
            found[name] = Option(name, model.label(name), model.by_name[name].kind, (name,))
    return tuple(found.values())


def _chosen(case: CaseNumbers, only: Collection[str] | None) -> list[Option]:
    every = {option.name: option for option in open_options(case)}
    if only is None:
        return list(every.values())
    known = {*case.model.findings, *(test.test for test in case.model.tests)}
    only = expect_names("next_tests: only", only)
    for name in only:
        if name not in known:
            raise FindingsError(f"next_tests: {name!r} is no finding and no test.{did_you_mean(name, known)}")
    return [every[name] for name in dict.fromkeys(only) if name in every]


def about(together: bool) -> str:
    """What bits are measured on."""
    return "the causes together" if together else "the causes one by one, added up"


class Asked:
    """The options of a question and everything measured about their results."""

    def __init__(
        self,
        case: CaseNumbers,
        options: Sequence[Option],
        event: Event,
        focus: str,
        price: TradeOff,
        together: bool,
    ) -> None:
        self.case, self.options, self.event, self.focus, self.price = case, options, event, focus, price
        self.together = together
        self.engine = compiled(case.model).engine
        self.results = assignments(self.engine, [option.variables for option in options])
        case_codes = case.evidence.codes[None]
        self.codes = np.concatenate([self.results.fill(case.evidence.codes), case_codes])
        self.now = len(self.codes) - 1
        self.after = measure(self.engine, case.model, self.evidence(self.codes), event, together=together)
        self.weights = np.exp(self.after.log_evidence - self.after.log_evidence[self.now])
        results, now = slice(0, self.now), self.now
        self.told = self.weights[results] * self.after.information(event, now, results)
        self.changed = (self.after.decisions[results] != self.after.decisions[now]).any(axis=1)
        self.top_changed = self.after.lines[results].argmax(axis=1) != self.after.lines[now].argmax()

    def evidence(self, codes: NDArray[np.int32]) -> Evidence:
        """Cases with these codes and the likelihoods of the case."""
        known = self.case.evidence.likelihoods
        return Evidence(codes, {name: np.tile(values, (len(codes), 1)) for name, values in known.items()})

    def suggestion(self, place: int) -> Suggestion:
        """One option, valued."""
        rows, found, now = self.results.rows[place], self.after, self.now
        weights, signed = self.weights[rows], self.told[rows]
        bits = max(0.0, float(found.entropy[now] - weights @ found.entropy[rows]))
        rule_in, rule_out = float(np.maximum(signed, 0).sum()), float(np.maximum(-signed, 0).sum())
        change = min(1.0, float(weights @ self.changed[rows]))
        top_change = min(1.0, float(weights @ self.top_changed[rows]))
        asked = {"causes": bits, "rule in": rule_in, "rule out": rule_out}[self.focus]
        benefit = max(0.0, float(weights @ found.benefit[rows] - found.benefit[now]))
        option = self.options[place]
        value = net_value(option, asked, benefit, self.price)
        return Suggestion(option, bits, rule_in + rule_out, rule_in, rule_out, top_change, change, benefit, value)

    def information(self, event: Event, place: int) -> float:
        """Expected information of an option about one cause, in bits."""
        rows = self.results.rows[place]
        return float(self.weights[rows] @ np.abs(self.after.information(event, self.now, rows)))

    def look_ahead(self, suggestions: Sequence[Suggestion]) -> list[Suggestion]:
        """Add what the best second option brings, chosen anew for each result of the first; one batch of all pairs."""
        count = self.results.count
        if count**2 > MOST_PAIRS:
            raise TooLargeError(
                f"next_tests: {count**2} pairs of results, more than {MOST_PAIRS}; name fewer options with only=."
            )
        pairs = np.concatenate([self.results.fill(codes) for codes in self.codes[: self.now]])
        second = measure(self.engine, self.case.model, self.evidence(pairs), self.event, together=self.together)
        found = []
        for place, suggestion in enumerate(suggestions):
            rows = self.results.rows[place]
            weights = self.weights[rows]
            chances: dict[str, float] = {}
            bits = value = 0.0
            for row, weight in zip(range(rows.start, rows.stop), weights.tolist(), strict=True):
                name, gained, worth = self._best_second(place, row, second) if weight > 0 else ("", 0.0, 0.0)
                chances[name] = chances.get(name, 0.0) + weight
                bits += weight * gained
                value += weight * worth
            found.append(
                replace(
                    suggestion,
                    second=max(chances, key=lambda name: chances[name]),
                    bits_ahead=suggestion.bits + bits,
                    net_value_ahead_eur=suggestion.net_value_eur + value,
                )
            )
        return found

    def _best_second(self, place: int, row: int, second: Measured) -> tuple[str, float, float]:
        """Name, bits and net value of the best option once the result in ``row`` is known; empty where none pays.

        To the millionth of a euro; of options of one value the one with more bits, as rounding would choose otherwise.
        """
        best = ("", 0.0, 0.0)
        for other, option in enumerate(self.options):
            if set(option.variables) & set(self.options[place].variables):
                continue
            results = self.results.rows[other]
            rows = slice(row * self.results.count + results.start, row * self.results.count + results.stop)
            weights = np.exp(second.log_evidence[rows] - self.after.log_evidence[row])
            bits = max(0.0, float(self.after.entropy[row] - weights @ second.entropy[rows]))
            asked = bits
            if self.focus != "causes":
                signed = weights * self._information_between(row, rows, second)
                asked = float(np.maximum(signed if self.focus == "rule in" else -signed, 0).sum())
            benefit = max(0.0, float(weights @ second.benefit[rows] - self.after.benefit[row]))
            value = net_value(option, asked, benefit, self.price)
            if (rounded := round(value, 6)) > 0 and (rounded, bits) > (round(best[2], 6), best[1]):
                best = (option.name, bits, value)
        return best

    def _information_between(self, row: int, rows: slice, second: Measured) -> Array:
        present, absent = sides(self.after.marginals[self.event.variable][row], self.event)
        return second.information_from(self.event, present, absent, rows)


def net_value(option: Option, bits: float, benefit: float, price: TradeOff) -> float:
    """Net value of an option in euros, by a trade-off."""
    costs = option.cost_eur + option.delay_hours * price.eur_per_hour
    costs += option.burden * price.eur_per_burden + option.risk * price.eur_per_harm
    return bits * price.eur_per_bit + benefit * price.eur_per_patient - costs


def worth(suggestion: Suggestion) -> tuple[float, float]:
    """Orders by net value, highest first; of a pair that is worth the same both ways round, the better half first.

    To the millionth of a euro, so that the last bits of a sum decide nothing.
    """
    return -round(suggestion.rank_value, 6), -round(suggestion.net_value_eur, 6)


def bearing(asked: Asked, urgent: Sequence[Emergency], *, at_least_one: bool) -> dict[int, tuple[float, Emergency]]:
    """Places of the options that bear on an open emergency, with the bits about it and the one they tell most about.

    An option bears on it from ``BEARING`` of the uncertainty about it on; with ``at_least_one`` the best does anyway.
    """
    found: dict[int, tuple[float, Emergency]] = {}
    for emergency in urgent:
        event = event_of(asked.case.model, emergency.cause)
        soon = [option.soonest_hours <= EMERGENCY_HOURS for option in asked.options]
        bits = [asked.information(event, place) if near else 0.0 for place, near in enumerate(soon)]
        enough = BEARING * float(entropy_bits(np.array([[emergency.probability, 1 - emergency.probability]]))[0])
        if at_least_one:
            enough = min(enough, max(bits, default=0.0))
        for place, told in enumerate(bits):
            if told > 0 and told >= enough and told > found.get(place, (0.0, emergency))[0]:
                found[place] = (told, emergency)
    return found


def _ranked(asked: Asked, suggestions: Sequence[Suggestion], urgent: tuple[Emergency, ...]) -> list[Suggestion]:
    """What bears on an emergency first, by information about it; then by net value."""
    bears = bearing(asked, urgent, at_least_one=True)
    rest = [place for place in range(len(suggestions)) if place not in bears]
    ranked = []
    for place in sorted(bears, key=lambda place: -bears[place][0]):
        found, emergency = bears[place]
        does = bearing_on(suggestions[place].option, emergency.label)
        why = f"{does} ({found:.3f} bits about it): {still_open(emergency)}"
        one = replace(suggestions[place], emergency=emergency.cause, why=why)
        sooner = (one.option.delay_hours - one.delay_hours) * asked.price.eur_per_hour
        ahead = one.net_value_ahead_eur + sooner
        ranked.append(replace(one, net_value_eur=one.net_value_eur + sooner, net_value_ahead_eur=ahead))
    for place in sorted(rest, key=lambda place: worth(suggestions[place])):
        why = f"net value of {suggestions[place].rank_value:.0f} EUR"
        ranked.append(replace(suggestions[place], why=why))
    return ranked
