"""Calibration: a new version of a model from patients."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import compiled
from bayesdx.display import format_probability
from bayesdx.display.blocks import Block, Grid, Title
from bayesdx.display.html import as_page
from bayesdx.display.report import Report
from bayesdx.errors import LearningError
from bayesdx.evaluation.dataset import Cohort, Table, read_cohort
from bayesdx.evaluation.mapping import Source
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import number_name
from bayesdx.knowledge.studies import read_studies
from bayesdx.learning.belief import PARTS, Belief, believe
from bayesdx.learning.counting import count
from bayesdx.learning.discount import (
    Discount,
    Groups,
    conflicts,
    discounted_together,
    expecting_shifts,
    groups_of,
    together,
)
from bayesdx.learning.em import Fit, Progress, maximise
from bayesdx.learning.estimate import Estimate, by_counting, by_em, counted, counted_for_less, left_alone
from bayesdx.learning.expected import expectation
from bayesdx.learning.information import Information, information, observed
from bayesdx.learning.layout import Layout
from bayesdx.learning.moved_interval import HALF, interval
from bayesdx.learning.patients import Patients, patients_of
from bayesdx.learning.shares import Shares, shares_of
from bayesdx.learning.shift import (
    CERTAIN,
    HOTTEST,
    NOTICEABLE,
    SEVERAL,
    TOO_FAR,
    Misfit,
    Tempered,
    as_it_is,
    case_mix,
    dispersion,
    doubt_of_effects,
    exclusive_cause,
    log_likelihoods,
    misfit,
    recalibrated,
    share_change,
)
from bayesdx.learning.sites import Alone, at_site, pool, populations_of, site_belief
from bayesdx.learning.sites import tabulate as tabulate_sites
from bayesdx.learning.synthesis.learned_version import LEAST_SHARE, sources_of
from bayesdx.learning.synthesis.outcome import INFORMED
from bayesdx.learning.synthesis.result import Synthesis
from bayesdx.learning.synthesis.synthesise import Studies, synthesise
from bayesdx.learning.synthesis.together import StudiesBeside, merged
from bayesdx.learning.synthesis.together import tabulate as tabulate_beside
from bayesdx.learning.verification import unverified_hidden
from bayesdx.learning.version import (
    Key,
    Learned,
    Owed,
    Read,
    check_population,
    describe,
    most_moved_first,
    new_version,
    next_version,
)
from bayesdx.network import Network

Array = NDArray[np.float64]
Cooling = Callable[[Patients], Tempered]
Method = Literal["counts", "em", "prior_shift"]
METHODS = ("counts", "em", "prior_shift")

SHIFT_PRIOR = 2.0
"""Patients that a parent's prior is worth at most in ``prior_shift`` with a number as ``prior_strength``, times that
number."""

ROWS_SHOWN = 20
COLUMNS = [
    "file",
    "row",
    "label",
    "before",
    "before_lower",
    "before_upper",
    "after",
    "lower",
    "upper",
    "prior_cases",
    "prior_weight",
    "expected_cases",
    "effective_cases",
    "moved",
]
CONFLICTS = [
    "file",
    "row",
    "label",
    "before",
    "before_lower",
    "before_upper",
    "in_the_patients",
    "patients",
    "after",
    "prior_weight",
    "p",
    "adjusted_p",
]
TOUCHED = 1e-6
"""Share of studies in what is known of a distribution from which it counts as studied."""

CLASH = 0.05
"""Adjusted p-value below which a number is said to conflict with the patients."""

CLASH_TOGETHER = 0.005
"""p-value up to which the numbers of a part are said to conflict with the patients together."""


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Report):
    """What patients make of a model.

    Parameters
    ----------
    model : Model
        The new version, with its parent's hash and CHANGES.md; ``save_model`` writes it.
    parent : Model
    cohort : Cohort
    method : str
    table : DataFrame
        Every number that could move: file, row (its key), label, before, before_lower, before_upper, after, lower,
        upper (95 % intervals), prior_cases (patients that the number was worth, once moved with its event),
        prior_weight (what they had been multiplied with, at most 1), expected_cases (patients in whom the distribution
        is expected to have drawn), effective_cases (patients whose complete data would say as much as these data do),
        moved.
    trace : DataFrame
        Per start, round (how often the priors had been weighed) and iteration: objective, log evidence, largest change;
        empty for ``counts``.
    warnings : tuple of str
        What to know before the numbers are used.
    likelihoods : DataFrame
        For ``prior_shift``, whether the findings are as frequent as the model expects of such patients.
    verification : DataFrame
        Where verification was selective, who was verified: finding, state, patients, verified, share.
    sites : DataFrame
        Where sites were named, a row per site and number of its population: site, population, file, row, label, alone
        (from its patients only), pooled (common mean), after, lower, upper, effective_cases, shrinkage (weight of the
        common mean), between_sites (standard deviation between sites).
    conflicts : DataFrame
        The numbers whose prior did not expect what the patients show (adjusted p below 0.05, Holm), the most surprising
        first: file, row, label, before, before_lower, before_upper, in_the_patients (share of those ``patients`` that
        speak about it), patients, after, prior_weight, p, adjusted_p.
    worth : mapping of str to float
        With ``prior_strength="auto"``, what the prior patients of contexts, causes and effects were multiplied with in
        the geometric mean.
    apart : mapping of str to float
        By how much the odds of an event of each part typically differ from the parent's, in "prior_shift" by how much
        they may: 1 where none does.
    options : mapping of str to object
        As ``calibrate`` was called.
    converged : bool
    studies : DataFrame
        Where studies were learned from too, a row each: study, source, finding, state, cause, measure; value, lower,
        upper (as published); before, after (what the network implies); reason, why it was not used. ``table`` then has
        a column more, from_studies: their share of what is known of a number, 0 where it is under a tenth.
    references : DataFrame
        States of contexts and causes that no row of the model gives, since they take what the others leave: label,
        before, after, lower, upper, prior_cases, effective_cases.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> table = pd.DataFrame({"age_group": ["under_40"] * 60 + ["60_and_over"] * 40})
    >>> result = dx.calibrate(model, table, "counts", prior_strength=1)
    >>> result.table.query("moved")[["label", "before", "after"]].round(2)
                            label  before  after
    0     P(age_group = under_40)    0.28   0.48
    1     P(age_group = 40_to_59)    0.37   0.15
    2  P(age_group = 60_and_over)    0.35   0.37
    """

    model: Model
    parent: Model
    cohort: Cohort
    method: str
    table: pd.DataFrame
    trace: pd.DataFrame
    warnings: tuple[str, ...]
    likelihoods: pd.DataFrame = field(default_factory=pd.DataFrame)
    verification: pd.DataFrame = field(default_factory=pd.DataFrame)
    sites: pd.DataFrame = field(default_factory=pd.DataFrame)
    conflicts: pd.DataFrame = field(default_factory=pd.DataFrame)
    worth: Mapping[str, float] = field(default_factory=dict)
    apart: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    converged: bool = True
    studies: pd.DataFrame = field(default_factory=pd.DataFrame)
    references: pd.DataFrame = field(default_factory=pd.DataFrame)

    def report(self) -> str:
        """The calibration as plain text: what moved most, and what to know.

        Examples
        --------
        >>> import pandas as pd
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> table = pd.DataFrame({"age_group": ["under_40"] * 60 + ["60_and_over"] * 40})
        >>> print(dx.calibrate(model, table, "counts").report().splitlines()[0])
        hip_flexion_weakness 1.0.0 -> 1.1.0 (primary_care, assumed), counts on 100 rows of table
        """
        return str(self)

    def to_json(self) -> str:
        """Everything for a machine: what was done, with what, how it ended, and every number, the furthest moved first.

        Keys: model, parent_version, parent_hash, version, population, method, options, cohort (name, rows, patients,
        hash), converged, iterations, worth, apart, warnings, and the tables numbers, conflicts, sites, verification,
        likelihoods and studies as lists of rows.

        Examples
        --------
        >>> import json
        >>> import pandas as pd
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> table = pd.DataFrame({"age_group": ["under_40"] * 60 + ["60_and_over"] * 40})
        >>> told = json.loads(dx.calibrate(model, table, "counts").to_json())
        >>> told["method"], told["cohort"]["rows"], told["numbers"][0]["label"]
        ('counts', 100, 'P(age_group = 40_to_59)')
        """
        tables = {
            "numbers": most_moved_first(self.table),
            "references": self.references,
            "conflicts": self.conflicts,
            "sites": self.sites,
            "verification": self.verification,
            "likelihoods": self.likelihoods,
            "studies": self.studies,
        }
        told = {
            "model": self.model.name,
            "parent_version": self.parent.version,
            "parent_hash": self.parent.hash,
            "version": self.model.version,
            "population": self.model.population,
            "method": self.method,
            "options": dict(self.options),
            "cohort": {
                "name": self.cohort.name,
                "rows": len(self.cohort),
                "patients": float(self.cohort.weights.sum()),
                "hash": self.cohort.hash,
            },
            "converged": self.converged,
            "iterations": len(self.trace),
            "worth": dict(self.worth),
            "apart": dict(self.apart),
            "warnings": list(self.warnings),
            **{
                name: json.loads(table.to_json(orient="records", double_precision=12)) for name, table in tables.items()
            },
        }
        return json.dumps(told, indent=1, ensure_ascii=False)

    def to_html(self) -> str:
        """The calibration as one HTML page without outside references.

        Examples
        --------
        >>> import pandas as pd
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> table = pd.DataFrame({"age_group": ["under_40"] * 60 + ["60_and_over"] * 40})
        >>> dx.calibrate(model, table, "counts").to_html()[:15]
        '<!DOCTYPE html>'
        """
        return as_page(self.blocks(), self._title())

    def _title(self) -> str:
        own = self.parent.population == self.model.population
        assumed = ", assumed" if own and self.parent.population_assumed else ""
        return (
            f"{self.parent.name} {self.parent.version} -> {self.model.version} ({self.model.population}{assumed}), "
            f"{self.method} on {len(self.cohort)} rows of {self.cohort.name}"
        )

    def blocks(self) -> Sequence[Block]:
        """Title, the numbers that moved most, the trace in a sentence, warnings."""
        moved = self.table[self.table["moved"]]
        shown = pd.concat([moved, self.references], ignore_index=True) if len(self.references) else moved
        rows = [
            [
                row["label"],
                format_probability(row["before"]),
                format_probability(row["after"]),
                f"{format_probability(row['lower'])} to {format_probability(row['upper'])}",
                f"{row['prior_cases']:.0f}",
                f"{row['effective_cases']:.0f}",
            ]
            for row in most_moved_first(shown).head(ROWS_SHOWN).to_dict("records")
        ]
        header = ["number", "before", "after", "95 % interval", "prior patients", "effective patients"]
        blocks: list[Block] = [Title(self._title()), f"{len(moved)} of {len(self.table)} numbers moved."]
        if rows:
            blocks.append(Grid(header, rows, (1, 2, 4, 5)))
        if len(self.trace):
            last = self.trace.iloc[-1]
            runs = len(self.trace[["start", "round"]].drop_duplicates())
            blocks.append(f"{len(self.trace) - runs} iterations; log evidence {last['log_evidence']:.3f}.")
        if len(self.studies):
            used, most = int((self.studies["reason"] == "").sum()), int((self.table["from_studies"] > 0).sum())
            blocks.append(f"{used} published figures were learned from together with the patients, by {most} numbers.")
        return [*blocks, *self.warnings]


def calibrate(
    model: Model,
    cohort: Cohort | Table,
    method: Method = "em",
    *,
    mapping: Source | None = None,
    weight: str | None = None,
    site: str | None = None,
    verification: str | Sequence[str] | None = None,
    ignore: Iterable[str] = (),
    move: Iterable[str] = PARTS,
    variables: Collection[str] | None = None,
    prior_strength: float | Literal["auto"] = "auto",
    source: Cohort | Table | None = None,
    studies: Studies | None = None,
    population: str | None = None,
    version: str | None = None,
    dates: str = "",
    starts: int = 1,
    max_iterations: int = 200,
    tolerance: float = 1e-4,
    seed: int = 0,
    progress: Progress | None = None,
) -> Calibration:
    """A new version of a model in which patients have updated the numbers.

    The parent's numbers with their intervals are the prior: a Beta or Dirichlet whose equivalent sample size is fitted
    to the interval. Without data every number stays as it is.

    Parameters
    ----------
    model : Model
        With the population chosen whose priors fit best; nothing about it changes.
    cohort : Cohort, DataFrame, or path of a table, as ``read_cohort`` takes it
        Patients, as ``read_cohort`` reads them. Columns of causes are what was diagnosed; a missing cell is "not
        observed", assumed to be missing at random given what was observed.
    method : {"em", "counts", "prior_shift"}
        "em": the most probable numbers given everything observed, with any pattern of missing cells. "counts": Beta
        and Dirichlet updates where variable and parents were observed; links stay (their draws are hidden).
        "prior_shift": priors of contexts, causes and what brings causes about, from the findings alone, whatever
        was diagnosed. It assumes that findings occur in a cause as often here as there, tests that assumption
        (``likelihoods``), widens the intervals by what the parent leaves open of it, and refuses to answer where it
        fails badly (``bayesdx.learning.shift``).
    mapping, weight, ignore
        As ``read_cohort``, where ``cohort`` is a table.
    site : str, optional
        Column of the table that names where a patient was seen (or a cohort that was read with one). Each site becomes
        a population of its own, whose priors are drawn towards the common mean as far as sites are alike; the chosen
        population gets that mean (``bayesdx.learning.sites``). Links and tables hold for every site.
    verification : str or sequence of str, optional
        Where a reference test was ordered selectively, what shows that it was: as ``read_cohort``. Diagnoses that
        nothing verified count as not observed, and "em" corrects for the selection, provided that it depended on
        findings in the table alone (Begg, Greenes 1983). "counts" cannot; "prior_shift" reads no diagnosis.
    move : iterable of {"priors", "leaks", "links", "tables"}
        Parts that may move.
    variables : collection of str, optional
        Only numbers of these variables may move: names, or "causes" (their mix, wherever it is stored), "contexts",
        "priors" (both) and "findings" (all others). A model with a temperature (``fit_model``) moves its priors alone.
    prior_strength : "auto", or float of at least 0
        "auto": how much the parent's numbers are worth in these patients is learned, apart for contexts, the mix of
        causes and effects, and for each number as far as it conflicts with the patients
        (``bayesdx.learning.discount`` says what that assumes). A number multiplies the equivalent sample size of every
        prior: 1 assumes that these patients are like those whom the parent's intervals speak of, and what conflicts is
        listed but not weakened. 0 puts Jeffreys' prior, half a patient per state, in place of the parent's wherever
        the data are worth half a patient; numbers that they do not inform keep their prior. In
        "prior_shift" a number multiplies two patients, which a prior is worth there at most, and "auto" weakens the
        priors of contexts, and those of causes, by the largest shift that the patients leave possible
        (``bayesdx.learning.discount.discounted_together``).
    source : Cohort, DataFrame, or path, optional
        For "prior_shift" of one exclusive cause: labelled patients of the kind that the model was made from (in the
        words of the same mapping), which were not used to make it. They say how far its posteriors are too sure, which
        is corrected first; without them the findings of the new patients say it.
    studies : path of a CSV file, DataFrame or Study objects, optional
        Published figures in the columns of studies.csv, for "em": patients and studies are learned from together, in
        one objective (``bayesdx.learning.synthesis.together``). How far studies differ is found as ``synthesise`` finds
        it. They inform findings given causes; how common causes are is for the patients to say.
    population : str, optional
        Name of a new population that receives the priors; the chosen population where left out. Links and tables
        without a population hold for every one.
    version : str, optional
        The next minor version where left out.
    dates : str
        When the patients were seen, for the source row, such as "2019 to 2024".
    starts : int, at least 1
        Runs of EM; the first starts from the parent's numbers, the others from draws of the prior. The best is kept.
    max_iterations, tolerance
        EM stops after so many iterations, or where no probability moves by more than this and the maximum is near.
    seed : int
    progress : callable, optional
        Called with (iteration, max_iterations).

    Returns
    -------
    Calibration

    Raises
    ------
    DatasetError
        As ``read_cohort``.
    LearningError
        Nothing may move, an option is out of range, the data hold one class only, or the model has learned from one of
        these studies already.
    ModelError
        Studies that cannot be read.

    References
    ----------
    D. Spiegelhalter, S. Lauritzen (1990), Networks 20 (conjugate updates); S. Lauritzen (1995), Computational
    Statistics & Data Analysis 19 (EM in networks); M. Saerens, P. Latinne, C. Decaestecker (2002), "Adjusting the
    outputs of a classifier to new a priori probabilities", Neural Computation 14 (prior shift);
    C. Begg, R. Greenes (1983), Biometrics 39 (selective verification).

    Examples
    --------
    >>> import bayesdx as dx
    >>> import pandas as pd
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> table = pd.DataFrame({"age_group": ["under_40"] * 60 + ["60_and_over"] * 40})
    >>> result = dx.calibrate(model, table, "counts", prior_strength=1)
    >>> print(result.model.version, result.table.set_index("label")["after"]["P(age_group = under_40)"].round(2))
    1.1.0 0.48
    """
    _check_options(method, starts, max_iterations, tolerance)
    network = compiled(model).network
    variables = None if variables is None else _named(model, network, variables)
    check_population(model, population)
    chosen_version = next_version(model, version)
    known = _read(model, cohort, mapping, weight, site, verification, ignore)
    populations = populations_of(model, known, population) if known.sites else {}
    layout = Layout(network)
    used, verified, warnings = unverified_hidden(model, known, method)
    if method != "prior_shift" and model.info.temperature != 1.0:
        variables, remark = _without_cooled(model, network, variables)
        warnings += remark
    patients = patients_of(network, used)
    parts: list[str]
    names: list[str] | None
    if method == "prior_shift":
        mix = _within(case_mix(model, network), variables)
        most = np.inf if prior_strength == "auto" else SHIFT_PRIOR
        parts, names = ["priors", "tables"], mix
        whole = believe(model, layout, parts, names, _number(prior_strength), most)
        patients = _hidden(model, patients, warnings)
    else:
        parts, names = [move] if isinstance(move, str) else list(move), variables
        whole = believe(model, layout, parts, names, _number(prior_strength))
        _refuse_single_class(model, patients, layout)
    begin = layout.values(network)
    beside: StudiesBeside | None = None
    alone: Synthesis | None = None
    if studies is not None:
        alone = _alone(model, studies, method, move, variables)
        beside = None if alone.fit is None else StudiesBeside(layout, whole, alone)
        warnings += alone.warnings
    groups = groups_of(model, network, whole)
    effects = _effects(model, network, layout) if method == "prior_shift" else None
    learns = prior_strength == "auto"
    cooled: Cooling | None = None
    if method == "counts":
        found = by_counting(layout, whole, patients, groups if learns else None)
        warnings += left_alone(whole, found.fit.totals.counts)
    else:
        evidence, weigh = None, None
        if method == "prior_shift":
            cooled, remark = _calibrated(model, layout, whole, effects, patients, source, mapping)
            evidence = None if cooled is None else cooled(patients)
            warnings += remark
            weigh = None if not learns else _weighing(layout, whole, groups, effects, patients, evidence, seed)
        elif source is not None:
            raise LearningError("source: only prior_shift calibrates posteriors on patients of the source.")

        def learnt(from_: Belief) -> Estimate:
            return by_em(
                layout,
                from_,
                patients,
                groups if learns else None,
                expected=evidence,
                starts=starts,
                max_iterations=max_iterations,
                tolerance=tolerance,
                seed=seed,
                progress=progress,
                literature=beside,
                weigh=weigh,
            )

        found = learnt(whole)
        if prior_strength == 0:  # Jeffreys' prior is for numbers that patients inform
            parent, kept = believe(model, layout, parts, names, 1.0), np.zeros(len(whole.left), dtype=bool)
            while (_blind(whole, found.known) & ~kept).any():
                kept |= _blind(whole, found.known)
                whole = whole.with_rows_of(parent, kept)
                found = learnt(whole)
    cause = exclusive_cause(model, network) if method == "prior_shift" and learns else None
    drawn_from: Shares | None = None
    doubt = np.zeros(0)
    if cause is not None:
        evidence = evidence or as_it_is(layout, cause, patients)
        size = float(whole.prior_size.max()) if model.info.evidence_bias else math.inf
        doubts = [
            _doubted(layout, whole, effects, evidence, patients, size, at, seed) for at in (begin, found.fit.values)
        ]
        # a class may be vague that is rare at the parent's mix
        doubt = max(doubts, key=lambda one: float(one.trace()))
        found, drawn_from = _averaged(layout, whole, found, evidence, begin, doubt, seed)
    tested, narrower = pd.DataFrame(), np.ones(len(whole.cells))
    if method == "prior_shift":
        check = misfit(
            model,
            layout,
            found.belief,
            effects,
            patients,
            found.fit.values,
            found.fit.totals.counts,
            seed,
        )
        tested = check.table
        odd = list(dict.fromkeys(tested.loc[tested["adjusted_p"] < CLASH, "finding"]))
        if odd and check.together >= NOTICEABLE:  # what these findings do to the mix, by leaving them out
            without = patients.hide(np.array([network.index[name] for name in odd]))
            fewer, _ = _calibrated(model, layout, whole, effects, without, source, mapping)
            other = by_em(
                layout,
                found.belief,
                without,
                None,
                expected=None if fewer is None else fewer(without),
                starts=1,
                max_iterations=max_iterations,
                tolerance=max(1e-3, tolerance),
                seed=seed,
                progress=progress,
            )
            if cause is not None:
                rest = as_it_is(layout, cause, without) if fewer is None else fewer(without)
                other, _ = _averaged(layout, whole, other, rest, begin, doubt, seed)
            drawn = whole.sums(found.fit.totals.counts[whole.cells])
            change = share_change(whole, layout, found.fit.values, other.fit.values, drawn)
            check = replace(check, together=min(check.together, change))
        _refuse_far(model, check, found)
        warnings += _shifted_likelihoods(check)
        if cause is None:
            found = counted_for_less(
                layout,
                found,
                patients,
                evidence,
                check.narrower,
                max_iterations=max_iterations,
                tolerance=tolerance,
                seed=seed,
                progress=progress,
            )
            narrower = check.narrower
        elif check.excess > 1:
            assert evidence is not None
            found, drawn_from = _averaged(layout, whole, found, evidence, begin, check.excess * doubt, seed)
    if method != "counts":
        warnings += found.warnings
        warnings += (
            _unidentified(model, found.belief, found.known)
            if drawn_from is None
            else _blurred(found.belief, network[str(cause)].states, drawn_from, patients.total)
        )
    if method != "prior_shift":
        warnings += _without_diagnosis(model, patients, layout)
    fit = found.fit
    table, learned = _tabulate(model, found, narrower)
    references = _references(model, network, found)
    worth = {} if found.discount is None else found.discount.worth
    apart = {} if found.discount is None else found.discount.apart
    clashes = pd.DataFrame(columns=CONFLICTS)
    if method != "prior_shift" and prior_strength != 0:
        clashes = _conflicts(model, whole, found)
        warnings += _conflicting(clashes, worth, len(table))
        warnings += _conflicting_together(together(whole, groups, found.spoken, seed), apart)
    of_sites: dict[str, dict[Key, Learned]] = {}
    site_table = pd.DataFrame()
    if populations:
        site_table, of_sites, common = _sites(
            model,
            layout,
            found.belief if method == "prior_shift" else whole,
            used,
            populations,
            begin,
            found,
            effects,
            cooled,
            method,
            max_iterations,
            tolerance,
            seed,
        )
        table = _with_common_mean(table, common)
        learned |= {key: number for key, number in common.items() if key in learned}
    read: Read | None = None
    published = pd.DataFrame()
    if beside is not None and alone is not None:
        read = _read_beside(model, found, beside)
        published = tabulate_beside(beside, alone, fit.values)
        shares = {key: owed.information for key, owed in read.shares.items()}
        table["from_studies"] = _column(table, shares)
    described = describe(known, method, dates, model)
    options: dict[str, object] = {
        "prior_strength": prior_strength,
        "move": sorted({row.place.node for row in whole.distributions}) if variables is not None else list(move),
        "starts": starts,
        "max_iterations": max_iterations,
        "tolerance": tolerance,
        "seed": seed,
    }
    text = _told(model, known, method, described.source, options, worth, apart, fit, list(populations.values()))
    if beside is not None and alone is not None:
        text += (
            f" Learned together with {len(beside)} published figures of {len({row.source for row in beside.rows})} "
            f"sources; standard deviation between studies {alone.heterogeneity.tau:.3g} (log-odds)."
        )

    made = new_version(
        model,
        learned,
        described,
        version=chosen_version,
        population=population,
        text=text,
        table=pd.concat([table[table["moved"]], _as_moved(site_table, table)]),
        remarks=warnings,
        clashes=clashes,
        sites=of_sites,
        literature=read,
    )
    return Calibration(
        made,
        model,
        known,
        method,
        table,
        fit.trace,
        tuple(warnings),
        tested,
        verified,
        site_table,
        clashes,
        worth,
        apart,
        options,
        fit.converged,
        published,
        references,
    )


def _alone(
    model: Model, studies: Studies, method: Method, move: Iterable[str], variables: Collection[str] | None
) -> Synthesis:
    """What the studies say without the patients: how far they differ, and which can be used."""
    if method != "em":
        raise LearningError(f"studies: method {method!r} learns from patients alone; expected 'em'.")
    rows = read_studies(model, studies)
    learned = {name for number in compiled(model).parameters for name, _ in number.shares}
    twice = sorted({row.source for row in rows} & learned)
    if twice:
        raise LearningError(
            f"studies: {model.name} {model.version} has learned from {', '.join(twice)} already; expected studies that "
            "its numbers do not rest on, or the version before."
        )
    return synthesise(model, rows, move=move, variables=variables)


def _read_beside(model: Model, found: Estimate, beside: StudiesBeside) -> Read:
    """What the numbers owe to the studies, as far as these brought a tenth of what is known of them."""
    numbers = compiled(model).parameters
    size, effective = found.known.size, found.known.effective
    owed: dict[Key, Owed] = {}
    cells = {(row, state): place for place, (row, state) in enumerate(_states(found.belief))}
    for place, row in enumerate(found.belief.distributions):
        for position in row.parameters:
            cell = cells.get((place, numbers[position].state))
            if cell is None:
                continue
            own = {name: float(share[cell]) for name, share in found.known.studies.items()}
            total = sum(own.values())
            if total < INFORMED:
                continue
            named = sorted(own.items(), key=lambda pair: (-pair[1], pair[0]))
            kept = [pair for pair in named if pair[1] >= LEAST_SHARE] or named[:1]
            mostly = bool(total > 0.5 * effective[cell] / size[cell])
            owed[numbers[position].file, numbers[position].key] = Owed(min(1.0, total), tuple(kept), mostly)
    studies = merged(model.studies, beside.given)
    return Read(studies, sources_of(model, studies), owed)


def _column(table: pd.DataFrame, values: Mapping[Key, float]) -> list[float]:
    """A value of each row of the table, 0 where it has none."""
    named = {(file, number_name(key)): value for (file, key), value in values.items()}
    return [named.get(pair, 0.0) for pair in zip(table["file"], table["row"], strict=True)]


def _told(
    model: Model,
    cohort: Cohort,
    method: str,
    source: str,
    options: Mapping[str, object],
    worth: Mapping[str, float],
    apart: Mapping[str, float],
    fit: Fit,
    sites: Sequence[str],
) -> str:
    """How the numbers came about, as CHANGES.md says it."""
    learned = _factors(worth)
    passes = len(fit.trace) - len(fit.trace[["start", "round"]].drop_duplicates())
    parts = [
        f"Calibrated from {model.version} by {method} on {len(cohort)} rows of {cohort.name} (source {source}); prior "
        f"strength {options['prior_strength']}" + (f", learned as {learned}." if learned else ".")
    ]
    if apart:
        differ = (
            "may differ from the parent's by a factor of"
            if method == "prior_shift"
            else "differ from the parent's by a factor of about"
        )
        parts.append(f"Odds of events {differ} {_factors(apart)}.")
    if passes:
        ended = "settled" if fit.converged else "had not settled"
        parts.append(f"EM {ended} after {passes} passes (tolerance {options['tolerance']:g}, seed {options['seed']}).")
    if sites:
        parts.append(f"Priors of {len(sites)} sites partially pooled: {', '.join(sites)}.")
    return " ".join(parts)


def _factors(of_parts: Mapping[str, float]) -> str:
    return ", ".join(f"{factor:.2g} ({part})" for part, factor in of_parts.items())


def _number(prior_strength: float | str) -> float:
    """What every prior is multiplied with before its worth is learned."""
    if isinstance(prior_strength, str):
        if prior_strength != "auto":
            raise LearningError(f"prior_strength: {prior_strength!r}; expected 'auto' or a number of at least 0.")
        return 1.0
    return prior_strength


def _read(
    model: Model,
    cohort: Cohort | Table,
    mapping: Source | None,
    weight: str | None,
    site: str | None,
    verification: str | Sequence[str] | None,
    ignore: Iterable[str],
) -> Cohort:
    if not isinstance(cohort, Cohort):
        return read_cohort(model, cohort, mapping, weight=weight, site=site, verification=verification, ignore=ignore)
    for name, value in (("site", site), ("verification", verification)):
        if value is not None:
            raise LearningError(f"{name}: the cohort was read already; name it in read_cohort.")
    return cohort


def _check_options(method: str, starts: int, max_iterations: int, tolerance: float) -> None:
    if method not in METHODS:
        raise LearningError(f"method: {method!r}; the methods are {', '.join(METHODS)}.")
    for name, value, least in (("starts", starts, 1), ("max_iterations", max_iterations, 1)):
        if value < least:
            raise LearningError(f"{name}: {value}; expected at least {least}.")
    if not tolerance > 0:
        raise LearningError(f"tolerance: {tolerance}; expected a number above 0.")


def _named(model: Model, network: Network, variables: Collection[str]) -> list[str]:
    """Variables by name, or by the part of the model that they are."""
    kinds = {variable.variable: variable.kind for variable in model.variables}
    mix = case_mix(model, network)
    parts = {
        "causes": [name for name in mix if kinds[name] != "context"],
        "contexts": [name for name in mix if kinds[name] == "context"],
        "priors": mix,
        "findings": [name for name in network.names if name not in mix],
    }
    found: list[str] = []
    for name in [variables] if isinstance(variables, str) else variables:
        found += parts[name] if name in parts and name not in kinds else [name]
    return list(dict.fromkeys(found))


def _without_cooled(model: Model, network: Network, variables: list[str] | None) -> tuple[list[str], list[str]]:
    """The variables that may move in a model whose likelihood ratios are to a power, which no frequency is."""
    mix = case_mix(model, network)
    said = (
        f"{model.name} {model.version} holds likelihood ratios to the power of 1 / {model.info.temperature:g}, so that "
        "findings that go together are not counted several times; tables learned from frequencies would undo that"
    )
    instead = "To learn findings too, fit_model on both tables of patients together."
    if variables is None:
        return mix, [f"Only how common causes are was learned: {said}. {instead}"]
    others = _within([name for name in variables if name in model.by_name], network.names)
    wrong = [name for name in others if name not in mix]
    if wrong:
        raise LearningError(f"variables: {', '.join(wrong[:5])} cannot be learned: {said}. {instead}")
    return variables, []


def _within(names: Sequence[str], variables: Collection[str] | None) -> list[str]:
    return [name for name in names if variables is None or name in variables]


def _hidden(model: Model, patients: Patients, warnings: list[str]) -> Patients:
    """Patients without what was diagnosed: causes, and what brings causes about."""
    network = compiled(model).network
    names = [name for name in case_mix(model, network) if model.by_name[name].kind != "context"]
    columns = np.array([network.index[name] for name in names])
    if (patients.codes[:, columns] >= 0).any():
        warnings.append("prior_shift uses findings alone: what was diagnosed in these patients was left aside.")
    return patients.hide(columns)


def _refuse_single_class(model: Model, patients: Patients, layout: Layout) -> None:
    columns = [layout.network.index[name] for name in model.causes]
    labelled = patients.codes[(patients.codes[:, columns] >= 0).all(axis=1)][:, columns]
    complete = len(labelled) and len(labelled) == len(patients)
    if complete and patients.total > 1 and (labelled == labelled[0]).all():
        said = ", ".join(
            f"{name} = {layout.network[name].states[code]}"
            for name, code in zip(model.causes, labelled[0], strict=True)
            if code > 0
        )
        raise LearningError(
            f"every patient has the same diagnosis ({said or 'none of the causes'}): one class alone says "
            "nothing about how often it occurs or what tells it from the others. Add patients of other classes, or "
            "choose method='prior_shift'."
        )


def _without_diagnosis(model: Model, patients: Patients, layout: Layout) -> list[str]:
    """A sentence where no patient's cause is known, as when the column of diagnoses was left out of a mapping."""
    columns = [layout.network.index[name] for name in model.diagnoses]
    if (patients.codes[:, columns] >= 0).any():
        return []
    return [
        "No patient's cause is known: causes are inferred from findings alone, and their numbers rest on the links as "
        "they are. Where a column holds the diagnoses, name its variable in the mapping; where none does, "
        "method='prior_shift' moves the mix of causes and checks the links."
    ]


def _doubted(
    layout: Layout,
    whole: Belief,
    effects: Belief | None,
    evidence: Tempered,
    patients: Patients,
    source: float,
    at: Array,
    seed: int,
) -> Array:
    """Variance of the slopes of the log evidence at a mix: of likelihoods, and of a bias that so many patients told."""
    doubt = doubt_of_effects(layout, whole, effects, expectation(layout, patients), patients, at, seed)
    doubt = doubt / max(1.0, evidence.temperature) ** 2  # slopes of cooled evidence feel the likelihoods less
    if math.isinf(source):
        return doubt
    counts = evidence.totals(layout.network_with(at)).counts
    return doubt + observed(layout, whole, evidence, patients, at, counts, seed) * patients.total / source


def _averaged(
    layout: Layout,
    whole: Belief,
    found: Estimate,
    evidence: Tempered,
    begin: Array,
    doubt: Array,
    seed: int,
) -> tuple[Estimate, Shares]:
    """The shares of one exclusive cause averaged over all that the findings leave open."""
    drawn = shares_of(whole, begin, found.fit.values, evidence.evidence, evidence.weights, doubt, seed)
    values = found.fit.values.copy()
    mean = drawn.mean
    values[whole.cells] = whole.left[whole.row] * mean
    totals = evidence.totals(layout.network_with(values))
    spread, inside = drawn.draws.var(axis=0), mean * (1 - mean)
    size = np.maximum(1e-3, inside / np.maximum(spread, 1e-300) - 1)
    alone = inside / np.maximum(drawn.prior_variance, 1e-300) - 1
    known = replace(found.known, size=size, effective=np.maximum(0.0, size - alone), lower=np.ones_like(size))
    discount = found.discount
    if discount is not None:
        part = next(iter(discount.apart))
        discount = replace(discount, apart={part: float(np.exp(np.quantile(drawn.tau, 0.975)))})
    fit = replace(found.fit, values=values, totals=totals)
    return replace(found, fit=fit, known=known, discount=discount, ends=drawn.ends), drawn


def _blurred(belief: Belief, states: Sequence[str], drawn: Shares, patients: float) -> list[str]:
    """A sentence about classes whose shares findings hardly tell, and sums that they do."""
    row = belief.distributions[0]
    names = [f"{row.place.node} = {states[state]}" for state in row.free]
    said = []
    for group in drawn.unknown(patients):
        total = drawn.draws[:, group].sum(axis=1) * belief.left[0]
        lower, upper = np.quantile(total, [0.025, 0.975])
        listed = ", ".join(names[place] for place in group)
        said.append(
            f"Findings hardly tell {listed} apart: together they are {format_probability(float(total.mean()))} "
            f"({format_probability(float(lower))} to {format_probability(float(upper))}), the share of each is known "
            "poorly."
            if len(group) < len(names)
            else f"Findings hardly tell how common any of {listed} is: the shares rest on the parent."
        )
    return said


def _unidentified(model: Model, belief: Belief, known: Information) -> list[str]:
    labels = {number.row: number.label for number in compiled(model).parameters}
    numbers = {id(row): place for place, row in enumerate(_all_rows(model))}
    names = [labels.get(numbers[id(row)], row.place.node) for row in belief.distributions]
    blind = [names[row] for row in np.flatnonzero(_blind(belief, known))]
    said = []
    if blind:
        said.append(
            f"{len(blind)} of {len(names)} distributions rest on the parent alone (data worth less than half a "
            f"patient), for example {'; '.join(blind[:3])}."
        )
    for first, second, correlation in sorted(known.pairs, key=lambda pair: -abs(pair[2]))[:5]:
        said.append(
            f"{names[first]} and {names[second]} can hardly be told apart by these data "
            f"(correlation {correlation:+.2f}); their sum or difference is better known than either."
        )
    return said


def _blind(belief: Belief, known: Information) -> NDArray[np.bool_]:
    """Distributions of which the data are worth less than half a patient."""
    effective = np.zeros(len(belief.left))
    np.maximum.at(effective, belief.row, known.effective)
    return effective < HALF


def _all_rows(model: Model) -> Sequence[object]:
    return compiled(model).distributions


def _tabulate(model: Model, found: Estimate, narrower: Array) -> tuple[pd.DataFrame, dict[Key, Learned]]:
    belief, fit, known = found.belief, found.fit, found.known
    factor = np.ones(len(belief.cells)) if found.discount is None else found.discount.factor
    numbers = compiled(model).parameters
    rows: list[list[object]] = []
    learned: dict[Key, Learned] = {}
    expected = belief.sums(fit.totals.counts[belief.cells])
    cells = {(row, state): place for place, (row, state) in enumerate(_states(belief))}
    withheld = _withheld(belief)
    rho = fit.values[belief.cells] / belief.left[belief.row]
    inside = known.size * rho * (1 - rho)
    doubt = np.sqrt(np.divide(1 - narrower, inside, out=np.zeros_like(rho), where=(inside > 0) & (narrower < 1)))
    owed = belief.sums(np.sum([np.zeros(len(belief.cells)), *known.studies.values()], axis=0))
    for place, row in enumerate(belief.distributions):
        for position in row.parameters:
            number = numbers[position]
            cell = cells.get((place, number.state))
            if cell is None:
                continue
            value, effective = float(fit.values[belief.cells[cell]]), float(known.effective[cell])
            moved = bool(expected[place] > 0 or owed[place] > TOUCHED)  # all of a distribution, or none of it
            lower, upper = number.lower, number.upper
            if moved:
                size, left = float(known.size[cell]), float(belief.left[place])
                lower, upper = interval(value, size, left, *withheld[cell], doubt=float(doubt[cell]))
                lower = min(lower, float(belief.left[place] * known.lower[cell]))
                if np.isfinite(known.upper[cell]):
                    beside = value if len(belief.left) == 1 else interval(value, size, left, *withheld[cell])[1]
                    upper = max(beside, left * float(known.upper[cell]))  # the grid knows one distribution only
                if found.ends is not None:
                    lower, upper = (left * float(ends[cell]) for ends in found.ends)
                learned[number.file, number.key] = Learned(value, lower, upper, effective)
            rows.append(
                [
                    number.file,
                    number_name(number.key),
                    number.label,
                    number.value,
                    number.lower,
                    number.upper,
                    value if moved else number.value,
                    lower,
                    upper,
                    float(belief.prior_size[cell]),
                    float(factor[cell]),
                    float(expected[place]),
                    effective,
                    moved,
                ]
            )
    return pd.DataFrame(rows, columns=COLUMNS), learned


def _references(model: Model, network: Network, found: Estimate) -> pd.DataFrame:
    """The states of roots that moved without a row of their own: they take what the others leave."""
    belief, fit, known = found.belief, found.fit, found.known
    expected = belief.sums(fit.totals.counts[belief.cells])
    numbers = compiled(model).parameters
    rows: list[list[object]] = []
    withheld = _withheld(belief)
    for cell, (place, state) in enumerate(_states(belief)):
        row = belief.distributions[place]
        node, left = network[row.place.node], float(belief.left[place])
        if node.parents or expected[place] <= 0 or state in [numbers[each].state for each in row.parameters]:
            continue
        value = float(fit.values[belief.cells[cell]])
        lower, upper = interval(value, float(known.size[cell]), left, *withheld[cell])
        if found.ends is not None:
            lower, upper = (left * float(ends[cell]) for ends in found.ends)
        label = f"P({node.name} = {node.states[state]})"
        sizes = [float(each[cell]) for each in (belief.prior_size, known.effective)]
        rows.append([label, float(row.mean[state]), value, lower, upper, *sizes])
    columns = ["label", "before", "after", "lower", "upper", "prior_cases", "effective_cases"]
    return pd.DataFrame(rows, columns=columns)


def _conflicts(model: Model, whole: Belief, found: Estimate) -> pd.DataFrame:
    """The numbers whose prior did not expect these patients, the most surprising first."""
    p, adjusted = conflicts(whole, found.spoken)
    numbers = compiled(model).parameters
    cells = {(row, state): place for place, (row, state) in enumerate(_states(whole))}
    factor = np.ones(len(p)) if found.discount is None else found.discount.factor
    patients = whole.sums(found.spoken.stay)
    rows: list[list[object]] = []
    for place, row in enumerate(whole.distributions):
        for position in row.parameters:
            number = numbers[position]
            cell = cells.get((place, number.state))
            if cell is None or adjusted[cell] >= CLASH:
                continue
            rows.append(
                [
                    number.file,
                    number_name(number.key),
                    number.label,
                    number.value,
                    number.lower,
                    number.upper,
                    float(whole.left[place] * found.spoken.stay[cell] / patients[place]),
                    float(patients[place]),
                    float(found.fit.values[whole.cells[cell]]),
                    float(factor[cell]),
                    float(p[cell]),
                    float(adjusted[cell]),
                ]
            )
    return pd.DataFrame(rows, columns=CONFLICTS).sort_values("p", kind="stable", ignore_index=True)


def _conflicting(clashes: pd.DataFrame, worth: Mapping[str, float], numbers: int) -> list[str]:
    if clashes.empty:
        return []
    shown = "; ".join(
        f"{row['label']} was {format_probability(row['before'])}, in the patients "
        f"{format_probability(row['in_the_patients'])}"
        for row in clashes.head(3).to_dict("records")
    )
    then = (
        "Such numbers count for less, and with them those of their part: prior patients were multiplied with "
        + _factors({part: factor for part, factor in worth.items() if factor < 0.995})
        + "."
        if worth
        else "Their priors distort what the patients say; prior_strength='auto' weakens them as far as they conflict."
    )
    return [f"{len(clashes)} of {numbers} numbers conflict with their prior, for example {shown}. {then}"]


def _conflicting_together(p: Mapping[str, float], apart: Mapping[str, float]) -> list[str]:
    """A sentence about each part whose numbers, taken together, are not as their priors expect."""
    said = []
    for part, value in p.items():
        if value <= CLASH_TOGETHER:
            then = f": their odds differ by a factor of about {apart[part]:.2g}." if part in apart else "."
            said.append(f"Together, the {part} conflict with their priors (p = {value:.3f}){then}")
    return said


def _withheld(belief: Belief) -> list[tuple[float, float]]:
    """What a weakened prior leaves out of each state, and out of its others, as far as the first half patient."""
    left_out = np.maximum(0.0, np.minimum(HALF, belief.whole) - belief.alpha)
    others = belief.sums(left_out)[belief.row] - left_out
    return list(zip(left_out.tolist(), others.tolist(), strict=True))


def _sites(
    model: Model,
    layout: Layout,
    belief: Belief,
    cohort: Cohort,
    populations: Mapping[str, str],
    begin: Array,
    whole: Estimate,
    effects: Belief | None,
    cooled: Cooling | None,
    method: str,
    max_iterations: int,
    tolerance: float,
    seed: int,
) -> tuple[pd.DataFrame, dict[str, dict[Key, Learned]], dict[Key, Learned]]:
    """What each site says alone, with links and tables as all patients leave them, and all sites brought together.

    In "prior_shift" a site's patients count for less as far as likelihoods are uncertain. That doubt is shared by all
    sites: neither one of them nor their mean is known better than all patients together say.
    """
    fit = whole.fit
    own = site_belief(model, belief, fit.values)
    if own is None:
        raise LearningError("site: nothing that belongs to a population may move; let priors move.")
    hidden: list[str] = []
    alone = []
    for name in populations:
        patients = patients_of(layout.network, at_site(cohort, name))
        if method == "prior_shift":
            patients = _hidden(model, patients, hidden)
        if method == "counts":
            counts = count(layout, patients)
            values, known = own.update(fit.values, counts), counted(own, counts)
        else:
            expected = expectation(layout, patients) if cooled is None else cooled(patients)
            found = maximise(layout, own, expected, fit.values, max_iterations=max_iterations, tolerance=tolerance)
            values, drawn = found.values, found.totals.counts
            known = information(layout, own, expected, patients, values, drawn, seed)
            if method == "prior_shift":
                kept = misfit(model, layout, own, effects, patients, values, drawn, seed).narrower
                known = replace(known, effective=known.effective * kept)
        share = values[own.cells] / own.left[own.row]
        worth = np.full(len(own.left), np.inf)
        np.minimum.at(worth, own.row, known.effective)
        alone.append(Alone(share, worth))
    before = begin[own.cells] / own.left[own.row]
    here = np.isin(belief.cells, own.cells)
    pooled = pool(own, before, belief.prior_size[here], alone)
    if method == "prior_shift":
        most = whole.known.size[here]
        pooled = replace(pooled, mean_size=np.minimum(pooled.mean_size, most), size=np.minimum(pooled.size, most))
    return tabulate_sites(model, own, populations, alone, pooled)


def _with_common_mean(table: pd.DataFrame, common: Mapping[Key, Learned]) -> pd.DataFrame:
    """The numbers of the chosen population are the mean of the sites, where these were pooled."""
    by_row = {(file, number_name(key)): number for (file, key), number in common.items()}
    table = table.copy()
    for place, key in enumerate(zip(table["file"], table["row"], strict=True)):
        number = by_row.get(key)
        if number is not None and table["moved"].iloc[place]:
            values = [number.value, number.lower, number.upper, number.cases]
            table.loc[table.index[place], ["after", "lower", "upper", "effective_cases"]] = values
    return table


def _as_moved(sites: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of sites as CHANGES.md lists them."""
    if sites.empty:
        return sites
    before = dict(zip(table["label"], table["before"], strict=True))
    return pd.DataFrame(
        {
            "label": sites["population"] + ": " + sites["label"],
            "before": sites["label"].map(before),
            "after": sites["after"],
            "lower": sites["lower"],
            "upper": sites["upper"],
            "effective_cases": sites["effective_cases"],
        }
    )


def _states(belief: Belief) -> list[tuple[int, int]]:
    return [(place, state) for place, row in enumerate(belief.distributions) for state in row.free]


def _effects(model: Model, network: Network, layout: Layout) -> Belief | None:
    """What the parent says of everything but the mix of causes; None where nothing of it is uncertain."""
    mix = case_mix(model, network)
    try:
        return believe(model, layout, PARTS, [name for name in network.names if name not in mix], 1.0)
    except LearningError:
        return None


def _weighing(
    layout: Layout,
    mix: Belief,
    groups: Groups,
    effects: Belief | None,
    patients: Patients,
    evidence: Tempered | None,
    seed: int,
) -> Callable[[Fit], Discount]:
    """What priors are worth where the causes are hidden and the likelihoods are uncertain."""
    before, plain = layout.values(layout.network), expectation(layout, patients)

    def weigh(fit: Fit) -> Discount:
        values, counts = fit.values, fit.totals.counts
        data = observed(layout, mix, evidence or plain, patients, values, counts, seed)
        doubt = doubt_of_effects(layout, mix, effects, plain, patients, values, seed)
        return discounted_together(mix, groups, before, values, counts, data, doubt)

    return weigh


def _calibrated(
    model: Model,
    layout: Layout,
    mix: Belief,
    effects: Belief | None,
    patients: Patients,
    source: Cohort | Table | None,
    mapping: Source | None,
) -> tuple[Cooling | None, list[str]]:
    """How evidence of findings is cooled, as far as it repeats itself; None where it can be taken as it is."""
    network = layout.network
    cause = exclusive_cause(model, network)
    if cause is None:
        if source is not None:
            raise LearningError(
                f"source: {model.name} has no single exclusive cause whose posterior it could calibrate."
            )
        return None, []
    if source is not None:
        known = patients_of(network, _read(model, source, mapping, None, None, None, ()))
        position = network.index[cause]
        labelled = known.codes[:, position] >= 0
        labels, weights = known.codes[labelled, position].astype(np.intp), known.weights[labelled]
        shares = np.bincount(labels, weights=weights, minlength=len(network[cause].states))
        if (shares <= 0).any():
            missing = network[cause].states[int(shares.argmin())]
            raise LearningError(f"source: no patient with {cause} = {missing}; expected some of every class.")
        hidden = Patients(known.codes[labelled].copy(), weights)
        hidden.codes[:, position] = -1
        logs = log_likelihoods(network, cause, hidden)
        temperature, bias = recalibrated(logs, shares / shares.sum(), labels, weights)
        said = (
            f"Posteriors were calibrated on {weights.sum():g} labelled patients of the source first: temperature "
            f"{temperature:.2f}."
        )
    else:
        shifted = maximise(
            layout,
            expecting_shifts(mix),
            as_it_is(layout, cause, patients),
            layout.values(network),
            max_iterations=60,
            tolerance=1e-3,
        )
        ratio, error = dispersion(layout, cause, patients, shifted.values, effects)
        # Cooled evidence varies as many times too much as it did before: it was divided by that already.
        ratio, error = ratio / model.info.temperature, error / model.info.temperature
        known_bias = dict(model.info.evidence_bias)
        bias = np.array([known_bias.get(state, 0.0) for state in network[cause].states])
        temperature, said = 1.0, ""
        if ratio >= 1 + CERTAIN * error / max(ratio, 1.0):
            temperature, bias = ratio, bias / ratio
            said = (
                f"The findings repeat each other: their evidence varies {ratio:.1f} times as much as the model says, "
                "and was divided by that."
            )
        elif not known_bias:
            return None, []
        if temperature > HOTTEST:
            raise LearningError(
                f"prior_shift: refused, since the findings repeat each other in these patients: their evidence varies "
                f"{ratio:.1f} times as much as {model.name} says. {_instead(0.5)}"
            )

    def cooled(people: Patients) -> Tempered:
        evidence = log_likelihoods(network, cause, people) / temperature + bias
        return Tempered(layout, cause, people.weights, evidence, temperature)

    return cooled, [said] if said else []


def _instead(share: float) -> str:
    patients = int(np.ceil(1.96**2 * share * (1 - share) / 0.05**2))
    return (
        f"Label {patients} of the patients, drawn at random, and use method='em' (which gives the share within 5 "
        "points), or give labelled patients of the source."
    )


def _refuse_far(model: Model, check: Misfit, found: Estimate) -> None:
    if check.together <= TOO_FAR:
        return
    odd = check.table[check.table["adjusted_p"] < 0.05].sort_values("effect", ascending=False)
    share = found.fit.values[found.belief.cells]
    raise LearningError(
        f"prior_shift: refused, since the likelihoods do not hold in these patients: {_said(odd)}. Without "
        f"them the share of a cause would be {100 * check.together:.0f} points another. Leave out "
        f"{', '.join(odd['finding'].drop_duplicates().head(5))}, or do without: "
        f"{_instead(float(share[np.abs(share - 0.5).argmin()]))}"
    )


def _said(odd: pd.DataFrame) -> str:
    return "; ".join(
        f"{row['finding']} = {row['state']} in {format_probability(row['observed'])}, expected "
        f"{format_probability(row['expected'])}"
        for row in odd.head(3).to_dict("records")
    )


def _shifted_likelihoods(check: Misfit) -> list[str]:
    """A sentence where findings differ so that a cause's share depends on it, or could move with one of several."""
    odd = check.table[check.table["adjusted_p"] < 0.05].sort_values("effect", ascending=False)
    several = odd["finding"].nunique() >= max(2, SEVERAL * check.table["finding"].nunique())
    if odd.empty or max(check.together, several * odd["effect"].max()) < NOTICEABLE:
        return []
    return [
        f"The likelihoods may not hold in these patients: {len(odd)} of {len(check.table)} frequencies differ from "
        f"what the shifted model expects ({_said(odd)}); without them the share of a cause "
        f"would be {100 * check.together:.0f} points another."
    ]
