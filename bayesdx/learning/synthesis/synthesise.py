"""Synthesis: a new version of a model from published studies."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import compiled
from bayesdx.errors import LearningError, nearest_hint
from bayesdx.evaluation.heterogeneity import Readings
from bayesdx.evaluation.implied import Implied, Questions, figures, spread_of
from bayesdx.evaluation.published import Reading, floor_of, read, studies_of, within
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Accuracy, Study, format_cell, number_name
from bayesdx.knowledge.studies import read_studies
from bayesdx.learning.belief import PARTS
from bayesdx.learning.synthesis.correlation import correlations
from bayesdx.learning.synthesis.learned_version import Moved, new_version
from bayesdx.learning.synthesis.optimum import Heterogeneity, Objective, Progress, optimum
from bayesdx.learning.synthesis.outcome import INFORMED, Outcome, outcomes
from bayesdx.learning.synthesis.result import Synthesis
from bayesdx.learning.synthesis.uncertainty import SourcesLeftOut, SynthesisFit, Uncertainty, left_out
from bayesdx.learning.synthesis.unknowns import Key, Number, Unknowns, unknowns_of
from bayesdx.learning.version import Learned, next_version
from bayesdx.network import Network

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Studies = str | os.PathLike[str] | pd.DataFrame | Iterable[Study]

FEWEST_SOURCES = 5
"""Sources below which heterogeneity cannot be told from a conflict of one study with the model: the floor is used."""

CUT = "cut"
CASE_MIXES = (CUT, "learn")
MOST_ROUNDS = 60
MOST_REVERSIONS = 3

TABLE = [
    "file", "row", "label", "before", "before_lower", "before_upper", "after", "lower", "upper", "information",
    "patients", "prior_share", "largest_source", "largest_share", "held", "moved",
]  # fmt: skip


def synthesise(
    model: Model,
    studies: Studies | None = None,
    *,
    move: Iterable[str] = PARTS,
    variables: Collection[str] | None = None,
    case_mix: Literal["cut", "learn"] = "cut",
    prior_strength: float = 1.0,
    blank: Collection[str] = (),
    heterogeneity: Literal["estimate"] | float | Mapping[str, float] = "estimate",
    floor: float = 0.3,
    version: str | None = None,
    tolerance: float = 1e-3,
    max_iterations: int = MOST_ROUNDS,
    progress: Progress | None = None,
) -> Synthesis:
    """A new version of a model whose numbers published studies have updated.

    Each published figure measures something that the network implies. The numbers become those that judgement (the
    model's values with their intervals, as priors) and all studies together make most probable; studies differ from
    each other by more than chance (a random effect of each). What a number owes to each study is kept.

    Parameters
    ----------
    model : Model
        With the population chosen that rows without one are about; nothing about it changes.
    studies : path of a CSV file, DataFrame or Study objects, optional
        In the columns of studies.csv; those of the model where left out (studies.csv, and what accuracy.csv of format 1
        says in its words).
    move : iterable of {"priors", "leaks", "links", "tables"}
        Parts that may move. The uncertainty of the others widens what studies say.
    variables : collection of str, optional
        Only numbers of these variables may move.
    case_mix : {"cut", "learn"}
        "cut": studies inform findings given causes, never how common causes and contexts are, unless a row is about
        consecutive or random patients (``sampled_from``) of a cohort in a named population. Uncertainty of the case mix
        widens what a study says. "learn": every study informs everything.
    prior_strength : float, above 0
        Multiplies the equivalent sample size of every prior.
    blank : collection of str
        Numbers that were set in view of these studies, which would count twice: their prior becomes uniform (Beta(1, 1)
        for two states). Labels of numbers, variables, or parts. One that studies turn out to say little about keeps its
        own.
    heterogeneity : "estimate", float, or mapping of study to float
        Standard deviation between studies on the scale of log-odds: estimated; the same for all, without a floor; or
        estimated with these studies' own (infinite: it says nothing).
    floor : float, at least 0
        Least heterogeneity where it is estimated; 0.5 at least for case-control and operated series unless it is 0.
    version : str, optional
        The next minor version where left out.
    tolerance : float, above 0
        Gain of the objective (nats) below which it has settled.
    max_iterations : int, at least 1
        Most rounds for one value of the heterogeneity.
    progress : callable, optional
        Called with (round, max_iterations).

    Returns
    -------
    Synthesis

    Raises
    ------
    LearningError
        An option is out of range, or nothing may move.
    ModelError
        Studies that cannot be read.

    References
    ----------
    A. E. Ades, A. J. Sutton (2006), "Multiparameter evidence synthesis in epidemiology and medical decision-making",
    JRSS A 169; M. Plummer (2015), "Cuts in Bayesian graphical models", Statistics and Computing 25.

    Examples
    --------
    >>> import bayesdx as dx
    >>> import pandas as pd
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> row = {"study": "A", "finding": "severe_pain", "state": "present", "cause": "iliopsoas_strain",
    ...        "measure": "sensitivity", "k": 57, "n": 60, "design": "cohort", "source": "A2020", "status": "verified",
    ...        "note": ""}
    >>> result = dx.synthesise(model, pd.DataFrame([row]))
    >>> print(result.model.version, result.studies[["value", "before", "after"]].round(2).values.tolist())
    1.1.0 [[0.95, 0.52, 0.74]]
    """
    _check_options(case_mix, floor, tolerance, max_iterations)
    chosen_version = next_version(model, version)
    rows, left_over = studies_of(model) if studies is None else (read_studies(model, studies), ())
    rows = tuple(sorted(rows, key=_place))
    tau, own_of = _heterogeneity(heterogeneity, rows)
    readings = [read(row) for row in rows]
    populations = list(dict.fromkeys([model.population, *(row.population or model.population for row in rows)]))

    def prepared(keep: Collection[Key]) -> Unknowns:
        return unknowns_of(
            model, populations, move=move, variables=variables, strength=prior_strength, blank=blank, keep=keep
        )

    kept: set[Key] = set()
    unknowns = prepared(kept)
    before = Questions(model, rows).answer() if rows else None
    reasons = [
        reading.excluded or ("" if before is not None and np.isfinite(before.z[place]) else _UNDETERMINED)
        for place, reading in enumerate(readings)
    ]
    used = np.array([place for place, reason in enumerate(reasons) if not reason], dtype=np.intp)
    if not used.size:
        return _unchanged(model, unknowns, rows, readings, reasons, before)
    floors = np.array([floor_of(rows[place], floor) for place in used])
    floors[floors <= floor] = 0.0
    own = np.array([own_of.get(rows[place].study, np.nan) for place in used])

    def fitted(of: Unknowns, chosen: Index, at: float | None, own: Array) -> SynthesisFit:
        problem = Objective(
            of, Questions(model, [rows[place] for place in chosen]), Readings([readings[place] for place in chosen])
        )
        start = problem.look(of.start, np.ones(len(chosen)))
        found = optimum(
            problem, start, tau=at, floor=floor, floors=floors[np.isin(used, chosen)], own=own, tolerance=tolerance,
            most=max_iterations, progress=progress,
        )  # fmt: skip
        movable = of.chosen & ~(of.mix & (case_mix == CUT))
        return SynthesisFit(problem, found, Uncertainty(problem, found.state, found.spread), movable)

    warnings: list[str] = []
    if tau is None and len({rows[place].source for place in used}) < FEWEST_SOURCES:
        own = np.where(np.isnan(own), np.maximum(floors, floor), own)
        tau = floor
        warnings.append(
            f"Heterogeneity is taken as {floor:g}, since fewer than {FEWEST_SOURCES} sources cannot show it."
        )
    fit = fitted(unknowns, used, tau, own)
    for _ in range(MOST_REVERSIONS if unknowns.blank.any() else 0):
        idle = _idle(fit)
        if not idle:
            break
        kept |= {number.key for number in idle}
        unknowns = prepared(kept)
        fit = fitted(unknowns, used, tau, own)
    if kept:
        labels = "; ".join(number.parameter.label for number in unknowns.numbers if number.key in kept)
        warnings.append(f"blank: studies say little about {len(kept)} numbers, which keep the model's prior: {labels}.")
    mixed: SynthesisFit | None = None
    if case_mix == CUT:
        drawn = [_is_drawn_from_population(rows[place]) for place in used]
        if any(drawn):
            between = fit.optimum.heterogeneity
            mixed = fitted(unknowns, used[drawn], between.tau, between.of_row[drawn])
    if not fit.optimum.converged:
        warnings.append(f"Not settled after {max_iterations} rounds; raise max_iterations or tolerance.")
    found = outcomes(
        unknowns, fit, [rows[place].source for place in used], cut=case_mix == CUT, mixed=mixed,
        mixed_sources=[rows[place].source for place in used if _is_drawn_from_population(rows[place])],
    )  # fmt: skip
    published = [row for row, _ in left_over] if studies is None else model.accuracy
    made = _made(model, found, rows, published, chosen_version, [rows[place] for place in used], fit, mixed)
    after = Questions(model, rows).answer(_networks(made, populations))
    predicted = _predicted(fit, [rows[place].source for place in used])
    table, shares = _tabulate(found)
    return Synthesis(
        model=made,
        parent=model,
        table=table,
        studies=_tabulate_studies(model, rows, readings, reasons, used, before, after, fit, predicted),
        sources=_tabulate_sources(rows, used, predicted, found),
        shares=shares,
        heterogeneity=fit.optimum.heterogeneity,
        warnings=tuple(warnings),
        fit=fit,
    )


_UNDETERMINED = "the network does not determine the figure, or is certain of it"


def _check_options(case_mix: str, floor: float, tolerance: float, max_iterations: int) -> None:
    if case_mix not in CASE_MIXES:
        raise LearningError(f"case_mix: {case_mix!r}; expected {' or '.join(CASE_MIXES)}.")
    if not (np.isfinite(floor) and floor >= 0):
        raise LearningError(f"floor: {floor}; expected a finite number of at least 0.")
    if not tolerance > 0:
        raise LearningError(f"tolerance: {tolerance}; expected a number above 0.")
    if max_iterations < 1:
        raise LearningError(f"max_iterations: {max_iterations}; expected at least 1.")


def _heterogeneity(given: object, rows: Sequence[Study]) -> tuple[float | None, dict[str, float]]:
    """The tau of all rows, None where it is estimated, and those of some studies."""
    own: dict[str, float] = {}
    tau: float | None = None
    if isinstance(given, Mapping):
        names = {row.study for row in rows}
        for name, value in given.items():
            if name not in names:
                raise LearningError(f"heterogeneity: {name!r} is no study{nearest_hint(name, sorted(names))}.")
            own[str(name)] = float(value)
    elif isinstance(given, int | float) and not isinstance(given, bool):
        tau = float(given)
    elif given != "estimate":
        raise LearningError(
            f"heterogeneity: {given!r}; expected 'estimate', a number, or a mapping of study to number."
        )
    if any(not value >= 0 for value in own.values()) or not (tau is None or (np.isfinite(tau) and tau >= 0)):
        raise LearningError("heterogeneity: expected numbers of at least 0; infinite only for a study by name.")
    return tau, own


def _place(row: Study) -> tuple[str, ...]:
    """What orders the rows, so that their order of entry is irrelevant to the last bit."""
    return tuple(format_cell(getattr(row, name)) for name in Study.__dataclass_fields__)


def _is_drawn_from_population(row: Study) -> bool:
    """Whether it says how common things are in a population of the model."""
    return bool(row.population) and row.design == "cohort" and row.sampled_from in ("consecutive", "random")


def _idle(fit: SynthesisFit) -> list[Number]:
    """Blank numbers whose distribution the studies say too little about."""
    unknowns = fit.problem.unknowns
    known: dict[tuple[str, object], list[tuple[Number, float]]] = defaultdict(list)
    for number in unknowns.numbers:
        if unknowns.blank[number.sticks].any():
            after, prior = fit.uncertainty.variance(number.sticks, number.slopes(fit.optimum.state.eta))
            known[number.population_of_row, number.parameter.place].append((number, 1 - after / prior))
    return [
        number for group in known.values() if max(share for _, share in group) < INFORMED for number, _ in group
    ]  # fmt: skip


def _unchanged(
    model: Model,
    unknowns: Unknowns,
    rows: Sequence[Study],
    readings: Sequence[Reading],
    reasons: Sequence[str],
    before: Implied | None,
) -> Synthesis:
    """The model itself, where there is no study to learn from."""
    found = [
        Outcome(n, n.parameter.value, n.parameter.lower, n.parameter.upper, 0.0, 0.0, 1.0, {}, False, False)
        for n in unknowns.numbers
    ]
    table, shares = _tabulate(found)
    nothing = np.zeros(0, dtype=np.intp)
    return Synthesis(
        model=model,
        parent=model,
        table=table,
        studies=_tabulate_studies(model, rows, readings, reasons, nothing, before, before, None, None),
        sources=_tabulate_sources(rows, nothing, None, found),
        shares=shares,
        heterogeneity=Heterogeneity(np.nan, np.nan, np.nan, np.nan, np.zeros(0), np.zeros(0), np.zeros(0)),
        warnings=("No study can be used: the model is as it was.",),
    )


def _networks(model: Model, populations: Sequence[str]) -> dict[str, Network]:
    return {
        name: compiled(model if name == model.population else model.with_population(name)).network
        for name in populations
    }


def _made(
    model: Model,
    found: Sequence[Outcome],
    rows: Sequence[Study],
    accuracy: Sequence[Accuracy],
    version: str,
    used: Sequence[Study],
    fit: SynthesisFit,
    mixed: SynthesisFit | None,
) -> Model:
    moved = {
        outcome.number.key: Moved(
            _label(model, outcome.number),
            outcome.number.parameter.value,
            Learned(outcome.value, outcome.lower, outcome.upper, outcome.patients),
            outcome.information,
            outcome.ranked,
        )
        for outcome in found
        if outcome.moved
    }
    tau = fit.optimum.heterogeneity
    sources = len({row.source for row in used})
    text = (
        f"Synthesis of {len(used)} figures of {sources} sources, {model.version} being the prior: "
        f"{len(moved)} of {len(found)} numbers moved. Standard deviation between studies {tau.tau:.3g} (log-odds)."
    )
    of_mix = fit.problem.unknowns.mix
    apart = [outcome.number for outcome in found if mixed is not None and of_mix[outcome.number.sticks].any()]
    mine = {number.key for number in apart}
    tied = correlations(fit, [outcome.number for outcome in found if outcome.number.key not in mine])
    if mixed is not None:
        tied += correlations(mixed, apart)
    return new_version(model, moved, rows, accuracy, tied, version, text)


def _label(model: Model, number: Number) -> str:
    """What a number is a probability of; in which population, where its row names one of several."""
    here = number.population_of_row if len(model.info.populations) > 1 else ""
    return f"{number.parameter.label}, {here}" if here else number.parameter.label


def _predicted(fit: SynthesisFit, sources: Sequence[str]) -> SourcesLeftOut:
    """Every source predicted without it; a study that was not heard is predicted like any other."""
    problem, between = fit.problem, fit.optimum.heterogeneity
    of_row = np.where(np.isinf(between.of_row), between.tau, between.of_row)
    share = np.sqrt(np.nan_to_num(spread_of(problem.questions.rows, fit.optimum.state.implied), nan=1.0))
    return left_out(problem, fit.optimum.state, fit.optimum.spread, of_row * share, sources)


def _tabulate(found: Sequence[Outcome]) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, index, shares = [], [], []
    for outcome in found:
        parameter = outcome.number.parameter
        first, part = outcome.ranked[0] if outcome.ranked else ("", 0.0)
        name = number_name(parameter.key)
        rows.append(
            [
                parameter.file, name, parameter.label, parameter.value, parameter.lower, parameter.upper, outcome.value,
                outcome.lower, outcome.upper, outcome.information, outcome.patients, outcome.prior_share, first, part,
                outcome.held, outcome.moved,
            ]
        )  # fmt: skip
        index.append((parameter.file, name))
        shares.append({"prior": outcome.prior_share, **outcome.of_sources})
    table = pd.DataFrame(rows, columns=TABLE)
    frame = pd.DataFrame(shares, index=pd.MultiIndex.from_tuples(index, names=["file", "row"])).fillna(0.0)
    return table, frame


_SHOWN = (
    "study", "table", "source", "finding", "state", "also", "cause", "measure", "population", "given", "against",
    "design",
)  # fmt: skip


def _tabulate_studies(
    model: Model,
    rows: Sequence[Study],
    readings: Sequence[Reading],
    reasons: Sequence[str],
    used: Index,
    before: Implied | None,
    after: Implied | None,
    fit: SynthesisFit | None,
    predicted: SourcesLeftOut | None,
) -> pd.DataFrame:
    table = pd.DataFrame(
        [[format_cell(getattr(row, name)) for name in _SHOWN] for row in rows], columns=list(_SHOWN), dtype=object
    )
    table["population"] = [row.population or model.population for row in rows]
    table["value"] = np.array([reading.value for reading in readings], dtype=np.float64)
    ends = [reading.interval for reading in readings]
    table["lower"], table["upper"] = ([pair[end] for pair in ends] for end in (0, 1))
    table["n"] = np.array([np.nan if reading.is_ratio else reading.n for reading in readings], dtype=np.float64)
    for name, implied in (("before", before), ("after", after)):
        table[name] = np.zeros(0) if implied is None else figures(rows, implied)
    for name in ("predicted", "predictive_lower", "predictive_upper", "p", "weight", "tau"):
        table[name] = np.full(len(rows), np.nan)
    table["verdict"] = pd.Series(["excluded"] * len(rows), dtype=object)
    table["reason"] = pd.Series(list(reasons), dtype=object)
    if fit is None or predicted is None:
        return table
    between = fit.optimum.heterogeneity.of_row
    columns = (predicted.middle, predicted.lower, predicted.upper, predicted.p, fit.uncertainty.weight, between)
    for name, values in zip(
        ("predicted", "predictive_lower", "predictive_upper", "p", "weight", "tau"), columns, strict=True
    ):
        table.loc[used, name] = values
    value = table.loc[used, "value"].to_numpy(dtype=np.float64)
    table.loc[used, "verdict"] = np.where(within(value, predicted.lower, predicted.upper), "inside", "outside")
    return table


def _tabulate_sources(
    rows: Sequence[Study], used: Index, predicted: SourcesLeftOut | None, found: Sequence[Outcome]
) -> pd.DataFrame:
    best: dict[str, tuple[str, float]] = {}
    for outcome in found:
        for name, share in outcome.of_sources.items():
            if share > best.get(name, ("", 0.0))[1]:
                best[name] = outcome.number.parameter.label, share
    lines = []
    for name in dict.fromkeys(rows[place].source for place in used):
        own = [at for at, place in enumerate(used) if rows[place].source == name]
        assert predicted is not None
        label, share = best.get(name, ("", 0.0))
        lines.append(
            [name, len(own), float(predicted.source_p[own[0]]), float(predicted.adjusted_p[own[0]]), label, share]
        )
    table = pd.DataFrame(lines, columns=["source", "rows", "p", "adjusted_p", "informs_most", "share"])
    return table.sort_values(["p", "source"], kind="stable", ignore_index=True)
