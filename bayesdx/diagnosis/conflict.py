"""Surprise: whether the findings fit together, and whether anything modelled fits them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.diagnosis.case import CaseNumbers, say
from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.findings import UNKNOWN
from bayesdx.diagnosis.simulate import complete, simulate
from bayesdx.display import format_probability
from bayesdx.display.blocks import Alert, Block, Grid, Title
from bayesdx.display.report import PlottedReport
from bayesdx.inference import Evidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes


PATIENTS = 2000
"""Simulated patients that a case is compared with."""

COPIES = 500
"""Patients simulated with the causes of a case."""

MISFIT = 0.01
"""Where at most this share of patients with the same causes has findings as improbable, nothing modelled fits."""

CLASHING_BITS = 1.0
"""A conflict of findings is worth a warning from this many bits: together half as probable as if independent."""

MOST_TRIPLES = 20
"""Findings up to which sets of three are searched for a clash."""

MOST_SHOWN = 8
"""Lines that text and HTML show."""


@dataclass(frozen=True)
class Clash:
    """A set of findings and how badly they go together.

    Parameters
    ----------
    findings : tuple of str
    label : str
    bits : float
        log2 of the product of their probabilities over the probability of all of them; above 0 they clash.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> clash = dx.diagnose(model, {"xray": "positive", "dyspnoea": "absent"}).conflict.clash
    >>> clash.findings, round(clash.bits, 2)
    (('xray', 'dyspnoea'), 0.65)
    """

    findings: tuple[str, ...]
    label: str
    bits: float


@dataclass(frozen=True, eq=False, repr=False)
class Conflict(PlottedReport):
    """Whether the findings fit together and fit the model. ``Diagnosis.conflict``.

    ``plot`` draws the pairs that clash or support each other most, as bars.

    Parameters
    ----------
    case : Diagnosis
    bits : float
        log2 of the product of P(finding) over P(all findings). 0 where they are independent, below 0 where they support
        each other, above 0 where they conflict.
    pairs : tuple of Clash
        Every pair of findings, worst first.
    clash : Clash or None
        The pair, or else the set of three, that conflicts most; None where neither does.
    resolved_by : tuple of str
        Causes that explain the conflict away: taken as one more finding they leave none.
    surprise : float in [0, 1]
        Share of patients simulated from the model, with the same findings asked, whose picture is at most as probable.
        Small for what is rare.
    surprise_error : float
        Its Monte Carlo standard error.
    patients : int
        How many were simulated.
    fit : float in [0, 1]
        Share of patients simulated with causes drawn from the posterior, with the same findings asked, whose findings
        are at most as probable given those causes. Small for what no modelled cause explains, however rare or common.
    fit_error : float
        Its Monte Carlo standard error.
    copies : int
        How many were simulated.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> fit = dx.diagnose(model, {"xray": "positive", "dyspnoea": "absent"}).conflict
    >>> round(fit.bits, 2), fit.clash.findings, fit.misfit
    (0.65, ('xray', 'dyspnoea'), False)
    """

    case: CaseNumbers
    bits: float
    pairs: tuple[Clash, ...]
    clash: Clash | None
    resolved_by: tuple[str, ...]
    surprise: float
    surprise_error: float
    patients: int
    fit: float
    fit_error: float
    copies: int

    @property
    def misfit(self) -> bool:
        """Whether nothing modelled fits: hardly any patient with the same causes has findings as improbable.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> fit = dx.diagnose(model, {"xray": "positive", "dyspnoea": "absent"}).conflict
        >>> fit.misfit, fit.fit > 0.01
        (False, True)
        """
        return self.fit <= MISFIT

    @property
    def warning(self) -> str:
        """One clear sentence where something does not fit; empty where all is well.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> case = dx.diagnose(model, {"mri_muscle_tear": "positive", "hip_flexor_tenderness": "absent"})
        >>> print(case.conflict.warning)
        These findings do not go together: Hip MRI: muscle tear or oedema: positive; Hip flexor tenderness: absent (1.7
        bits). Femoral or other peripheral neuropathy or Psoas or spinal infection could explain it.
        """
        parts = []
        if self.misfit:
            count = round(self.fit * self.copies)
            parts.append(
                f"Nothing modelled fits this picture well: of {self.copies} patients simulated with the causes most "
                f"probable here, {count or 'none'} had findings as improbable. Check the findings, and think of causes "
                "outside the model."
            )
        if self.clash is not None and self.bits > 0 and self.clash.bits >= CLASHING_BITS:
            text = f"These findings do not go together: {self.clash.label} ({self.clash.bits:.1f} bits)."
            if self.resolved_by:
                text += f" {' or '.join(self.resolved_by)} could explain it."
            parts.append(text)
        return " ".join(parts)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Pairs of findings, worst first. Columns: first, second, label, bits (above 0 they clash).

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> case = dx.diagnose(model, {"xray": "positive", "dyspnoea": "present"})
        >>> case.conflict.table[["first", "second", "bits"]].round(3)
          first    second   bits
        0  xray  dyspnoea -0.556
        """
        rows = [(*pair.findings, pair.label, pair.bits) for pair in self.pairs]
        return pd.DataFrame(rows, columns=["first", "second", "label", "bits"])

    def blocks(self) -> Sequence[Block]:
        """The warning where there is one, the measure, the worst pairs."""
        model = self.case.model
        shown: list[Block] = [Title(f"Do the findings fit together? {model.name} {model.version}")]
        if self.warning:
            shown.append(Alert(self.warning))
        verdict = "conflict with" if self.bits > 0 else "support" if self.bits < 0 else "say nothing about"
        shown.append(
            f"Together the findings {verdict} each other ({self.bits:+.2f} bits). Of {self.patients} simulated "
            f"patients with the same findings asked, {format_probability(self.surprise)} have a picture as improbable "
            f"as this; of {self.copies} with the causes most probable here, {format_probability(self.fit)}."
        )
        rows = [(pair.label, f"{pair.bits:+.2f}") for pair in self.pairs[:MOST_SHOWN]]
        if rows:
            shown.append(Grid(("pair", "bits"), rows, (1,)))
        return shown

    _most_drawn = 15

    def _draw(self, ax: Axes | None, most: int) -> Axes:
        """The pairs that clash or support each other most, as bars."""
        from bayesdx.display.figures import bars, finding_label, sentence

        title = "Which findings go together?"
        if not self.pairs:
            return sentence("It takes two findings to fit together or to clash.", title=title, ax=ax)
        largest = sorted(self.pairs, key=lambda pair: -abs(pair.bits))[:most]
        ordered = sorted(largest, key=lambda pair: -pair.bits)
        findings, model = self.case.findings, self.case.model
        return bars(
            ["\n".join(finding_label(model.label(n), say(findings[n]), 1) for n in pair.findings) for pair in ordered],
            [pair.bits for pair in ordered],
            [pair.bits > 0 for pair in ordered],
            xlabel="conflict (bits); below 0 they support each other",
            title=title,
            meaning="clash",
            ax=ax,
        )


def conflict_of(case: CaseNumbers, patients: int = PATIENTS, copies: int = COPIES, seed: int = 0) -> Conflict:
    """Whether the findings of a case fit together, which of them clash, and whether anything modelled fits.

    Parameters
    ----------
    case : Diagnosis
    patients, copies : int, at least 1
        Patients simulated from the model, and with the causes of the case. They are asked the same findings; a finding
        that is a likelihood or a set of states is left out of that comparison, since no simulated patient has one.
    seed : int

    Returns
    -------
    Conflict

    References
    ----------
    F. V. Jensen, B. Chamberlain, T. Nordahl, F. Jensen (1991), "Analysis in HUGIN of data conflict", UAI 6; the
    comparison with simulated patients: G. Box (1980), "Sampling and Bayes' inference in scientific modelling" (prior
    predictive), and A. Gelman, X. Meng, H. Stern (1996), "Posterior predictive assessment of model fitness".

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> case = dx.diagnose(model, {"hip_flexor_loading": "yes", "age_group": "under_40"})
    >>> round(case.conflict.bits, 2)  # they support each other
    -0.94
    """
    engine = compiled(case.model).engine
    names = [name for name, value in case.findings.items() if value is not UNKNOWN]
    n = len(names)
    sizes = (1, 2, 3) if n <= MOST_TRIPLES else (1, 2)
    sets = [chosen for size in sizes for chosen in itertools.combinations(range(n), size)]
    masks = np.zeros((len(sets), n), dtype=np.bool_)
    for row, chosen in enumerate(sets):
        masks[row, list(chosen)] = True
    logs = engine.propagate(_only(case, names, masks), targets=()).log_evidence
    single = logs[:n]
    found = [
        Clash(
            tuple(names[place] for place in chosen),
            "; ".join(f"{case.model.label(names[place])}: {say(case.findings[names[place]])}" for place in chosen),
            (float(single[list(chosen)].sum()) - log) / math.log(2),
        )
        for chosen, log in zip(sets[n:], logs[n:].tolist(), strict=True)
    ]
    bits = (float(single.sum()) - case.log_evidence) / math.log(2) if n > 1 else 0.0
    pairs = tuple(sorted((c for c in found if len(c.findings) == 2), key=lambda c: -c.bits))
    surprise = _surprise(case, names, patients, seed)
    fit = _fit(case, names, copies, seed)
    errors = [math.sqrt(share * (1 - share) / n) for share, n in ((surprise, patients), (fit, copies))]
    resolving = _resolving(case, bits)
    return Conflict(case, bits, pairs, _worst(found), resolving, surprise, errors[0], patients, fit, errors[1], copies)


def _only(case: CaseNumbers, names: Sequence[str], masks: NDArray[np.bool_]) -> Evidence:
    """The case reduced to some of its findings, a row per mask."""
    index = compiled(case.model).engine.network.index
    codes = np.full((len(masks), len(case.evidence.codes)), -1, dtype=np.int32)
    likelihoods = {}
    for place, name in enumerate(names):
        column = index[name]
        codes[:, column] = np.where(masks[:, place], case.evidence.codes[column], -1)
        if name in case.evidence.likelihoods:
            likelihoods[name] = np.where(masks[:, [place]], case.evidence.likelihoods[name], 1.0)
    return Evidence(codes, likelihoods)


def _worst(found: Sequence[Clash]) -> Clash | None:
    """The pair that clashes most; where no pair does, the set of three that does."""
    for size in (2, 3):
        worst = max((c for c in found if len(c.findings) == size), key=lambda c: c.bits, default=None)
        if worst is not None and worst.bits > 1e-9:
            return worst
    return None


def _resolving(case: CaseNumbers, bits: float) -> tuple[str, ...]:
    """Causes that explain the conflict, by label, most probable first: were one known to be present, none is left."""
    if bits <= 0:
        return ()
    resolving = []
    for line in case.differential:
        with np.errstate(divide="ignore"):
            change = float(np.log2(line.prior) - np.log2(line.posterior)) if line.posterior > 0 else math.inf
        if bits + change <= 0:
            resolving.append(line.label)
    return tuple(resolving)


def _surprise(case: CaseNumbers, names: Sequence[str], patients: int, seed: int) -> float:
    """Share of simulated patients whose values of the same variables are at most as probable as those of the case."""
    engine = compiled(case.model).engine
    observed = [engine.network.index[name] for name in names]
    observed = [column for column in observed if case.evidence.codes[column] >= 0]
    codes = np.full((patients + 1, len(engine.network)), -1, dtype=np.int32)
    codes[:patients, observed] = simulate(engine.network, patients, seed)[:, observed]
    codes[patients, observed] = case.evidence.codes[observed]
    logs = engine.propagate(Evidence(codes), targets=()).log_evidence
    return float((logs[:patients] <= logs[patients] + 1e-9).mean())


def _fit(case: CaseNumbers, names: Sequence[str], copies: int, seed: int) -> float:
    """Share of patients, simulated with causes drawn from the posterior, whose findings are at most as probable."""
    engine, model = compiled(case.model).engine, case.model
    index = engine.network.index
    above = [name for name in engine.network.names if model.by_name[name].kind in ("context", "cause")]
    asked = [index[name] for name in names if name not in above and case.evidence.codes[index[name]] >= 0]
    if not asked:
        return 1.0
    open_ = [name for name in above if case.evidence.codes[index[name]] < 0]
    drawn = complete(engine, case.evidence.evidence, open_, copies, seed).codes
    causes = np.full_like(drawn, -1)
    places = [index[name] for name in above]
    causes[:, places] = drawn[:, places]
    copied = simulate(engine.network, copies, seed + 1, fixed=causes)
    here, there = causes.copy(), causes.copy()
    here[:, asked] = case.evidence.codes[asked]
    there[:, asked] = copied[:, asked]
    logs = engine.propagate(Evidence(np.concatenate([here, there])), targets=()).log_evidence
    return float((logs[copies:] <= logs[:copies] + 1e-9).mean())
