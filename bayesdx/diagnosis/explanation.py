"""Why: what each finding adds to the log-odds of a cause, and what is still to be looked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.case import CaseNumbers, expect_cases, expect_number, leading_event, say
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.events import Event, event_log_odds, event_of, given_event
from bayesdx.diagnosis.findings import UNKNOWN
from bayesdx.diagnosis.shapley import all_coalitions, exact_shapley, sampled_shapley
from bayesdx.diagnosis.trails import numbers_behind
from bayesdx.display import format_probability, words
from bayesdx.display.blocks import Alert, Block, Grid, Title
from bayesdx.display.numbers import format_decibans
from bayesdx.display.report import PlottedReport
from bayesdx.inference import Engine, Evidence
from bayesdx.network.parameters import Parameter
from bayesdx.odds import DECIBANS_PER_NAT, decibans

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Verdict = Literal["for", "against", "neutral"]

MOST_EXACT = 12
"""Rows up to which Shapley values are exact (4096 subsets, one batch); above, orders are sampled."""

ORDERS = 400
"""Orders of the findings that are sampled where there are more rows than that."""

NEUTRAL_DECIBANS = 1.0
"""A smaller weight counts as neutral: a deciban is about the least that people notice (I. J. Good 1985)."""

MOST_SOURCES = 4
"""Sources that a row of the ledger names where people read it."""

EXPECTED_PROBABILITY = 0.5
"""A sign counts as expected where the cause makes it at least this probable."""


@dataclass(frozen=True)
class Reason:
    """A row of the ledger.

    Parameters
    ----------
    name : str
        The finding, or the group.
    label, value : str
        What people read: the finding and what was found.
    weight_decibans : float
        Its share of the change from prior to posterior log-odds (Shapley value). Infinite where the finding belongs to
        those that settle the matter.
    error_decibans : float
        Standard error of that share; 0 where it is exact.
    alone_decibans : float
        Its weight of evidence were it the only finding.
    given_others_decibans : float
        Its weight of evidence on top of all the other findings (leave one out).
    verdict : {"for", "against", "neutral"}
        "neutral" below ``NEUTRAL_DECIBANS``.
    numbers : tuple of Parameter
        The numbers of the model behind it, along the trail from finding to cause.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> reason = dx.explain(case).reasons[0]
    >>> reason.name, reason.verdict, round(reason.weight_decibans, 1), reason.sources
    ('onset', 'for', 4.3, ('EXPERT',))
    """

    name: str
    label: str
    value: str
    weight_decibans: float
    error_decibans: float
    alone_decibans: float
    given_others_decibans: float
    verdict: Verdict
    numbers: tuple[Parameter, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources of these numbers; of one learned from studies, these studies."""
        return tuple(dict.fromkeys(name for number in self.numbers for name in number.sources))

    @property
    def cited(self) -> tuple[str, ...]:
        """The sources as people read them: of a number learned from studies, each with its share of what is known."""
        said: dict[str, str] = {}
        for number in self.numbers:
            for name, share in number.shares or ((number.source, None),):
                text = name if share is None else f"{name} {100 * share:.0f} %"
                said[name] = f"{said[name]}, {100 * share:.0f} %" if share is not None and name in said else text
        return tuple(said.values())


@dataclass(frozen=True)
class ExpectedFinding:
    """A sign that the cause makes probable and nobody has looked for yet.

    Parameters
    ----------
    name, label, state : str
    if_present, if_absent : float in [0, 1]
        P(sign | findings, cause present) and P(sign | findings, cause absent).
    weight_decibans : float
        Weight of evidence for the cause if the sign is found.
    missing_decibans : float
        Weight of evidence if it turns out not to be there.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> sign = dx.explain(case).expected[0]
    >>> sign.name, sign.state, round(sign.if_present, 2), round(sign.if_absent, 2)
    ('mri_muscle_tear', 'positive', 0.79, 0.07)
    """

    name: str
    label: str
    state: str
    if_present: float
    if_absent: float
    weight_decibans: float
    missing_decibans: float


@dataclass(frozen=True)
class Weights:
    """What each finding adds to the log-odds of a cause: prior + weights = posterior. See ``explain``.

    Parameters
    ----------
    cause, label : str
    prior_decibans, posterior_decibans : float
        Log-odds without and with the findings; infinite where the cause is impossible or certain.
    weights : mapping of finding to float, in decibans
    errors : mapping of finding to float, in decibans
        Standard errors of the weights; 0 where they are exact.

    Examples
    --------
    >>> import bayesdx as dx
    >>> case = dx.diagnose(dx.load_model("chest_clinic@1.0.0"), {"xray": "positive"})
    >>> [(one.cause, round(one.weights["xray"], 1)) for one in case.weights_of_evidence()]
    [('bronchitis', 1.0), ('lung_cancer', 12.2), ('tuberculosis', 9.9)]
    """

    cause: str
    label: str
    prior_decibans: float
    posterior_decibans: float
    weights: Mapping[str, float]
    errors: Mapping[str, float]


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(PlottedReport):
    """Prior log-odds, a row per finding, posterior log-odds: the rows add up. Made by ``explain``.

    ``plot`` draws the rows as a waterfall from prior to posterior.

    Parameters
    ----------
    case : Diagnosis
    event : Event
        The cause explained.
    prior_decibans, posterior_decibans : float
        Log-odds of the cause without and with the findings, in decibans; infinite where it is impossible or certain.
    reasons : tuple of Reason
        Strongest first.
    expected : tuple of ExpectedFinding
        Heaviest first.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
    >>> why = dx.explain(case, "iliopsoas_strain")
    >>> round(why.prior_decibans, 1), [(reason.name, round(reason.weight_decibans, 1)) for reason in why.reasons]
    (-8.3, [('onset', 4.3), ('severe_pain', 3.2)])
    >>> round(why.posterior_decibans, 1)
    -0.7
    """

    case: CaseNumbers
    event: Event
    prior_decibans: float
    posterior_decibans: float
    reasons: tuple[Reason, ...]
    expected: tuple[ExpectedFinding, ...]

    @property
    def total_decibans(self) -> float:
        """Prior plus all weights; equal to ``posterior_decibans``.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> why = dx.explain(case)
        >>> bool(abs(why.total_decibans - why.posterior_decibans) < 1e-9)
        True
        """
        if np.isinf(self.prior_decibans):
            return self.prior_decibans
        return self.prior_decibans + float(sum(reason.weight_decibans for reason in self.reasons))

    @property
    def settled(self) -> bool:
        """Whether the cause is certain or impossible, so that weights are infinite.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> case = dx.diagnose(model, {"either": "no"})
        >>> dx.explain(case, "lung_cancer").settled
        True
        """
        return bool(np.isinf(self.posterior_decibans))

    @property
    def statement(self) -> str:
        """One sentence: the probability before and after the findings, and what makes it 0 or 1 where something does.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> dx.explain(case).statement
        'Iliopsoas strain: 13.0 % before, 45.9 % with the findings; they weigh +7.5 decibans together.'
        """
        label = self.event.label
        if not self.settled:
            before, after = _probability(self.prior_decibans), _probability(self.posterior_decibans)
            change = self.posterior_decibans - self.prior_decibans
            return (
                f"{label}: {format_probability(before)} before, {format_probability(after)} with the findings; "
                f"they weigh {change:+.1f} decibans together."
            )
        verdict = "certain" if self.posterior_decibans > 0 else "impossible"
        model = f"{self.case.model.name} {self.case.model.version}"
        if np.isinf(self.prior_decibans):
            return f"{label} is {verdict} under {model} whatever the findings; no finding can weigh on it."
        decisive = [f"{r.label}: {r.value}" for r in self.reasons if np.isinf(r.weight_decibans)]
        return f"{label} is {verdict} under {model} because of {' and '.join(decisive)}; other findings add nothing."

    @cached_property
    def table(self) -> pd.DataFrame:
        """The ledger, strongest row first.

        Index: finding. Columns: label, value, weight_decibans, error_decibans, alone_decibans, given_others_decibans,
        verdict, sources.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> dx.explain(case).table[["value", "weight_decibans", "alone_decibans", "verdict"]].round(1)
                       value  weight_decibans  alone_decibans verdict
        finding
        onset         sudden              4.3             4.8     for
        severe_pain  present              3.2             3.7     for
        """
        rows = [
            {
                "finding": reason.name,
                "label": reason.label,
                "value": reason.value,
                "weight_decibans": reason.weight_decibans,
                "error_decibans": reason.error_decibans,
                "alone_decibans": reason.alone_decibans,
                "given_others_decibans": reason.given_others_decibans,
                "verdict": reason.verdict,
                "sources": ", ".join(reason.sources),
            }
            for reason in self.reasons
        ]
        columns = ("finding", "label", "value", "weight_decibans", "error_decibans", "alone_decibans",
                   "given_others_decibans", "verdict", "sources")  # fmt: skip
        return pd.DataFrame(rows, columns=list(columns)).set_index("finding")

    @cached_property
    def expected_table(self) -> pd.DataFrame:
        """What is expected but not yet looked for, heaviest first.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> dx.explain(case).expected_table[["state", "if_present", "if_absent", "weight_decibans"]].head(2).round(2)
                                  state  if_present  if_absent  weight_decibans
        finding
        mri_muscle_tear        positive        0.79       0.07            10.65
        hip_flexor_tenderness   present        0.91       0.33             4.44
        """
        columns = ("finding", "label", "state", "if_present", "if_absent", "weight_decibans", "missing_decibans")
        rows = [(e.name, e.label, e.state, e.if_present, e.if_absent, e.weight_decibans, e.missing_decibans)
                for e in self.expected]  # fmt: skip
        return pd.DataFrame(rows, columns=list(columns)).set_index("finding")

    @cached_property
    def numbers(self) -> pd.DataFrame:
        """The numbers behind each row: finding, number, value, lower, upper, file, source, status, information, shares.

        Of a number learned from studies, ``information`` is the share of what is known of it that these brought, and
        ``shares`` names them with theirs, as "LEE2019 40 %, KIM2020 20 %"; NaN and empty otherwise.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present"})
        >>> dx.explain(case).numbers[["finding", "value", "source"]].head(2)
          finding  value  source
        0   onset   0.25  EXPERT
        1   onset   0.84  EXPERT
        """
        columns = (
            "finding", "number", "value", "lower", "upper", "file", "source", "status", "information", "shares"
        )  # fmt: skip
        rows = [
            (reason.name, n.label, n.value, n.lower, n.upper, n.file, n.source, n.status, n.information,
             ", ".join(f"{name} {100 * share:.0f} %" for name, share in n.shares))
            for reason in self.reasons
            for n in reason.numbers
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(columns)).astype({"information": np.float64})

    def blocks(self) -> Sequence[Block]:
        """The statement, the ledger, what is expected but not yet looked for."""
        model = self.case.model
        shown: list[Block] = [Title(f"Why {self.event.label}? {model.name} {model.version}, {model.population}")]
        shown.append(Alert(self.statement) if self.settled else self.statement)
        rows: list[tuple[str, ...]] = [("", "before any finding", "", format_decibans(self.prior_decibans), "", "")]
        for verdict in ("for", "against", "neutral"):
            rows += [_cells(reason) for reason in self.reasons if reason.verdict == verdict]
        rows.append(("", "with the findings", "", format_decibans(self.posterior_decibans), "", ""))
        shown.append(Grid(("", "finding", "found", "decibans", "given the others", "sources"), rows, (3, 4)))
        if self.expected:
            shown.append(Title("Expected, not yet looked for"))
            shown.append(
                Grid(
                    ("finding", "sign", "if present", "if absent", "decibans if found", "if missing"),
                    [
                        (
                            e.label,
                            words(e.state),
                            format_probability(e.if_present),
                            format_probability(e.if_absent),
                            format_decibans(e.weight_decibans),
                            format_decibans(e.missing_decibans),
                        )
                        for e in self.expected
                    ],
                    (2, 3, 4, 5),
                )
            )
        shown.append("10 decibans multiply the odds by 10, 3 double them; the rows add up to the total.")
        return shown

    _most_drawn = 40

    def _draw(self, ax: Axes | None, most: int) -> Axes:
        """The ledger as a waterfall from prior to posterior; the weakest rows as one where there are too many."""
        from bayesdx.display.figures import finding_label, sentence, waterfall

        title = f"Why {self.event.label}?"
        if self.settled:
            return sentence(self.statement, title=title, ax=ax)
        shown, others = self.reasons[:most], self.reasons[most:]
        labels = [finding_label(reason.label, reason.value) for reason in shown]
        weights = [reason.weight_decibans for reason in shown]
        if others:
            labels.append(f"{len(others)} other{'s' if len(others) > 1 else ''}")
            weights.append(sum(reason.weight_decibans for reason in others))
        return waterfall(labels, weights, self.prior_decibans, title=title, ax=ax)


def explain(
    case: CaseNumbers,
    cause: str | None = None,
    *,
    by_group: bool = False,
    orders: int = ORDERS,
    seed: int = 0,
) -> Explanation:
    """Why a cause is as probable as it is: an additive ledger of the findings.

    The weight of evidence of a finding depends on what else is known, since findings interact. Each row is its Shapley
    value: the weight averaged over all orders in which the findings could have come in. This is the only rule linear
    in the log-odds under which the rows add up to their change, findings that always weigh the same get the same row,
    and a finding that never weighs anything gets 0. Beside it stand the weight of the finding alone and on top of all
    others.

    Parameters
    ----------
    case : Diagnosis
    cause : str, optional
        A line of the differential, or the name of a graded cause (any state but the reference); the first line where
        left out.
    by_group : bool
        Whether findings of a group make one row.
    orders : int, at least 4
        Orders sampled where there are more than 12 rows; each row then has a standard error.
    seed : int
        Of that sample.

    Returns
    -------
    Explanation
        Where the cause is certain or impossible the findings that settle it have infinite weight, the others 0, and
        ``statement`` says so.

    Raises
    ------
    FindingsError
        The model has no such cause, or ``orders`` is less than 4.

    References
    ----------
    I. J. Good (1985), "Weight of evidence: a brief survey"; D. Madigan, K. Mosurski, R. Almond (1997), "Graphical
    explanation in belief networks"; S. Lundberg, S. Lee (2017), "A unified approach to interpreting model predictions".

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"onset": "sudden", "severe_pain": "present", "fever": "absent"})
    >>> why = dx.explain(case, "iliopsoas_strain")
    >>> why.table["weight_decibans"].round(1).to_dict()
    {'onset': 4.3, 'severe_pain': 3.2, 'fever': 0.0}
    >>> bool(abs(why.total_decibans - why.posterior_decibans) < 1e-9)
    True
    """
    expect_cases(case)
    event = leading_event(case) if cause is None else event_of(case.model, cause)
    expect_number("explain: orders", orders, "at least 4", 4)
    engine = compiled(case.model).engine
    players = _players(case, by_group)
    worth = _Worth(engine, case, event, list(players.values()))
    n = len(players)
    prior, posterior, weights, errors = _shares(worth, n, orders, seed)
    alone, others = _by_itself(worth, prior, posterior, n)
    columns = (decibans(values).tolist() for values in (weights, errors, alone, others))
    reasons = [
        _reason(case, event, name, members, *row)
        for (name, members), *row in zip(players.items(), *columns, strict=True)
    ]
    reasons.sort(key=lambda reason: -abs(reason.weight_decibans))
    expected = () if np.isinf(posterior) else _expected(engine, case, event)
    return Explanation(case, event, float(decibans(prior)), float(decibans(posterior)), tuple(reasons), expected)


def weights_of(case: CaseNumbers, causes: Sequence[str]) -> tuple[Weights, ...]:
    """The weights of the findings for many causes, from one batch. See ``Diagnosis.weights_of_evidence``."""
    events = [event_of(case.model, cause) for cause in causes]
    players = _players(case, by_group=False)
    worth = _WorthOfMany(compiled(case.model).engine, case, events, list(players.values()))
    found = []
    for place, event in enumerate(events):
        prior, posterior, *rows = _shares(worth.of(place), len(players), ORDERS, seed=0)
        weights, errors = (dict(zip(players, decibans(row).tolist(), strict=True)) for row in rows)
        ends = float(decibans(prior)), float(decibans(posterior))
        found.append(Weights(event.name, event.label, *ends, weights, errors))
    return tuple(found)


Worth = Callable[[NDArray[np.bool_]], Array]
"""Log-odds of a cause, in nats, given only the findings that each row of masks lets in."""


def _shares(worth: Worth, n: int, orders: int, seed: int) -> tuple[float, float, Array, Array]:
    """Log-odds of a cause before and after, what each of n rows adds, and the standard errors of that."""
    prior, posterior = worth(np.array([[False] * n, [True] * n]).reshape(2, n)).tolist()
    errors = np.zeros(n)
    if np.isinf(posterior):
        weights = np.zeros(n) if np.isinf(prior) else _settling(worth, posterior, n)
    elif n <= MOST_EXACT:
        weights = exact_shapley(worth(all_coalitions(n)))
    else:
        weights, errors = sampled_shapley(worth, n, orders, seed)
    return prior, posterior, weights, errors


def _players(case: CaseNumbers, by_group: bool) -> dict[str, tuple[str, ...]]:
    """Rows of the ledger and the variables behind each, in the order of the findings."""
    players: dict[str, tuple[str, ...]] = {}
    for name, value in case.findings.items():
        if value is not UNKNOWN:
            group = case.model.by_name[name].group if by_group else ""
            players[group or name] = (*players.get(group or name, ()), name)
    return players


class _Masked:
    """The cases in which only some of the findings of a case are known."""

    def __init__(self, engine: Engine, case: CaseNumbers, players: list[tuple[str, ...]]) -> None:
        self.engine = engine
        self.codes, self.likelihoods = case.evidence.codes, case.evidence.likelihoods
        index = engine.network.index
        self.columns = {index[name]: player for player, members in enumerate(players) for name in members}
        self.player_of = {name: player for player, members in enumerate(players) for name in members}

    def evidence(self, masks: NDArray[np.bool_]) -> Evidence:
        """One case for each row of masks, shape (n, n_players)."""
        codes = np.full((len(masks), len(self.codes)), -1, dtype=np.int32)
        for column, player in self.columns.items():
            codes[:, column] = np.where(masks[:, player], self.codes[column], -1)
        likelihoods = {
            name: np.where(masks[:, [self.player_of[name]]], values, 1.0) for name, values in self.likelihoods.items()
        }
        return Evidence(codes, likelihoods)


class _Worth(_Masked):
    """Log-odds of one cause."""

    def __init__(self, engine: Engine, case: CaseNumbers, event: Event, players: list[tuple[str, ...]]) -> None:
        super().__init__(engine, case, players)
        self.event = event

    def __call__(self, masks: NDArray[np.bool_]) -> Array:
        return event_log_odds(self.engine, self.evidence(masks), self.event)


class _WorthOfMany(_Masked):
    """Log-odds of many causes: the same masks are propagated once for all of them."""

    def __init__(self, engine: Engine, case: CaseNumbers, events: list[Event], players: list[tuple[str, ...]]) -> None:
        super().__init__(engine, case, players)
        self.events = events
        self.targets = tuple(dict.fromkeys(event.variable for event in events))
        self.known: dict[tuple[int, bytes], Array] = {}

    def of(self, place: int) -> Worth:
        """Log-odds of one of the causes."""
        return lambda masks: self._all(masks)[place]

    def _all(self, masks: NDArray[np.bool_]) -> Array:
        key = len(masks), masks.tobytes()
        if key not in self.known:
            evidence = self.evidence(masks)
            marginals = self.engine.propagate(evidence, targets=self.targets).marginals
            odds = [event_log_odds(self.engine, evidence, event, marginals[event.variable]) for event in self.events]
            self.known[key] = np.array(odds)
        return self.known[key]


def _settling(worth: Worth, posterior: float, n: int) -> Array:
    """Infinite weight for a set of findings that settle the matter and of which none can be left out; 0 for others."""
    kept = np.ones(n, dtype=np.bool_)
    for player in range(n):
        kept[player] = False
        if not np.isinf(worth(kept[None])[0]):
            kept[player] = True
    return np.where(kept, posterior, 0.0)


def _by_itself(worth: Worth, prior: float, posterior: float, n: int) -> tuple[Array, Array]:
    """Weight of each finding alone, and on top of all the others; 0 where the matter was settled before."""
    single = np.eye(n, dtype=np.bool_)
    odds = worth(np.concatenate([single, ~single]).reshape(2 * n, n))
    alone = np.zeros(n) if np.isinf(prior) else odds[:n] - prior
    before = odds[n:]
    settled = np.isinf(before)
    return alone, np.where(settled, 0.0, posterior - np.where(settled, 0.0, before))


def _reason(
    case: CaseNumbers,
    event: Event,
    name: str,
    members: tuple[str, ...],
    weight: float,
    error: float,
    alone: float,
    others: float,
) -> Reason:
    model = case.model
    if name in model.by_name:
        label, value = model.label(name), say(case.findings[name])
    else:
        label = name.replace("_", " ").capitalize()
        value = "; ".join(f"{model.label(member)}: {say(case.findings[member])}" for member in members)
    observed = [other for other, found in case.findings.items() if found is not UNKNOWN]
    numbers = dict.fromkeys(
        number for member in members for number in numbers_behind(model, member, event.variable, observed)
    )
    verdict: Verdict = "neutral" if abs(weight) < NEUTRAL_DECIBANS else "for" if weight > 0 else "against"
    return Reason(name, label, value, weight, error, alone, others, verdict, tuple(numbers))


def _expected(engine: Engine, case: CaseNumbers, event: Event) -> tuple[ExpectedFinding, ...]:
    """Signs that nobody has looked for, probable if the cause is present and less so if it is not."""
    model = case.model
    open_ = [name for name in model.findings if name not in case.findings]
    evidence = case.evidence.evidence
    # All findings are asked for, not only the open ones, so that the engine prepares one question for all cases.
    with_it, without = (
        engine.propagate(given_event(evidence, event, engine, present=present), targets=model.findings).marginals
        for present in (True, False)
    )
    found = []
    for name in open_:
        for state in range(1, len(model.by_name[name].states)):
            here, there = float(with_it[name][0, state]), float(without[name][0, state])
            if here < EXPECTED_PROBABILITY:
                continue
            weight, missing = _ratio(here, there), _ratio(_rest(with_it[name], state), _rest(without[name], state))
            if weight >= NEUTRAL_DECIBANS:
                label = model.label(name)
                found.append(
                    ExpectedFinding(name, label, model.by_name[name].states[state], here, there, weight, missing)
                )
    return tuple(sorted(found, key=lambda sign: -sign.weight_decibans))


def _rest(marginal: Array, state: int) -> float:
    return float(np.delete(marginal[0], state).sum())


def _ratio(one: float, other: float) -> float:
    """Decibans of a ratio of probabilities; 0 where both are 0."""
    if one == other:
        return 0.0
    with np.errstate(divide="ignore"):
        return float(decibans(np.log(one) - np.log(other)))


def _probability(odds_decibans: float) -> float:
    return float(np.exp(-np.logaddexp(0.0, -odds_decibans / DECIBANS_PER_NAT)))


def _cells(reason: Reason) -> tuple[str, ...]:
    error = f" ± {reason.error_decibans:.1f}" if reason.error_decibans else ""
    weight, others = format_decibans(reason.weight_decibans) + error, format_decibans(reason.given_others_decibans)
    return reason.verdict, reason.label, words(reason.value), weight, others, _some(reason.cited)


def _some(sources: Sequence[str]) -> str:
    """The first sources by name, the others by number; ``Explanation.table`` names all."""
    hidden = len(sources) - MOST_SOURCES
    named = ", ".join(sources[:MOST_SOURCES])
    return f"{named} and {hidden} more" if hidden > 0 else named
