"""Several cases side by side: any cases, or one case under each state of a finding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from bayesdx.diagnosis.case import expect_cases, say
from bayesdx.diagnosis.diagnosis import Diagnosis
from bayesdx.diagnosis.views import NOTHING
from bayesdx.display import format_probability
from bayesdx.display.report import Block, Grid, Note, Report, Title
from bayesdx.errors import FindingsError, ImpossibleEvidenceError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SHOWN = 12
"""Causes that text and HTML show: those that are most probable in one of the cases."""

MOST_CASES = 12
"""Cases that can stand side by side."""


class _Beside(Report):
    """What cases side by side have in common; ``cases`` has a name for each."""

    cases: Mapping[str, Diagnosis]

    @cached_property
    def table(self) -> pd.DataFrame:
        """Index: cause. Columns: label, then a posterior for each case; NaN where its model has no such cause.

        The causes are in the order of their highest posterior in any of the cases; sums of others come last.
        """
        columns = {name: case.posterior for name, case in self.cases.items()}
        labels = {
            str(cause): case.model.label(str(cause)) for case in self.cases.values() for cause in case.posterior.index
        }
        ranked = {line.cause for case in self.cases.values() for line in case.differential}
        frame = pd.DataFrame(columns).reindex([*labels])
        highest = frame.max(axis=1).sort_values(ascending=False, kind="stable")
        frame.insert(0, "label", pd.Series(labels))
        order = sorted(highest.index, key=lambda cause: cause not in ranked)
        return frame.loc[order].rename_axis("cause")

    def _title(self, name: str) -> str:
        """What people read above a column."""
        return name

    def _grid(self) -> Grid:
        shown = self.table.head(MOST_SHOWN)
        names = list(self.cases)
        rows: list[list[object]] = [
            [label, *map(format_probability, values)]
            for label, values in zip(shown["label"], shown[names].to_numpy(float).tolist(), strict=True)
        ]
        if any(case.may_have_none for case in self.cases.values()):
            rows.append([NOTHING, *(format_probability(case.none_present) for case in self.cases.values())])
        return Grid(("cause", *map(self._title, names)), rows, tuple(range(1, 1 + len(names))))

    def _figure(self, title: str, ax: Axes | None, most: int) -> Axes:
        from bayesdx.display.figures import dots

        shown = self.table.head(most)
        return dots(
            shown["label"].tolist(),
            {self._title(name): shown[name].tolist() for name in self.cases},
            title=title,
            ax=ax,
        )


@dataclass(frozen=True, eq=False, repr=False)
class SideBySide(_Beside):
    """Cases side by side. Made by ``show``.

    Parameters
    ----------
    cases : mapping of name to Diagnosis

    Examples
    --------
    >>> import bayesdx as dx
    >>> case = dx.diagnose("chest_clinic@1.0.0", {"xray": "positive"})
    >>> beside = dx.show(case, smoker=case.with_findings({"smoking": "yes"}))
    >>> beside.table[["A", "smoker"]].round(2)
                     A  smoker
    cause
    lung_cancer   0.49    0.65
    bronchitis    0.51    0.60
    tuberculosis  0.09    0.07
    """

    cases: Mapping[str, Diagnosis]

    @cached_property
    def findings(self) -> pd.DataFrame:
        """The findings that differ. Index: finding. Columns: a case each; "not asked" where it was left out.

        Examples
        --------
        >>> import bayesdx as dx
        >>> case = dx.diagnose("chest_clinic@1.0.0", {"xray": "positive"})
        >>> dx.show(case, case.with_findings({"smoking": "yes"})).findings
                         A    B
        finding
        smoking  not asked  yes
        """
        names = dict.fromkeys(name for case in self.cases.values() for name in case.findings)
        rows = {
            name: [say(case.findings[name]) if name in case.findings else "not asked" for case in self.cases.values()]
            for name in names
        }
        differing = {name: row for name, row in rows.items() if len(set(row)) > 1}
        return pd.DataFrame.from_dict(differing, orient="index", columns=list(self.cases)).rename_axis("finding")

    def blocks(self) -> Sequence[Block]:
        """What differs, the level of each case, the causes."""
        models = {f"{case.model.name} {case.model.version}" for case in self.cases.values()}
        shown: list[Block] = [Title(f"{' and '.join(sorted(models))}: {len(self.cases)} cases side by side")]
        said = [{found.variable: found.value_text for found in case.understood} for case in self.cases.values()]
        labels = {found.variable: found.label for case in self.cases.values() for found in case.understood}
        rows = [[labels[name], *(one.get(name, "not asked") for one in said)] for name in self.findings.index]
        populations = [
            next(row.title for row in case.model.info.populations if row.name == case.model.population)
            for case in self.cases.values()
        ]
        if len(set(populations)) > 1:
            rows.insert(0, ["setting", *populations])
        rows.append(["triage", *(case.triage.level for case in self.cases.values())])
        return [*shown, Grid(("what differs", *self.cases), rows), self._grid()]

    def plot(self, ax: Axes | None = None, most: int = 10) -> Axes:
        """The posteriors of each cause, a mark for each case; matplotlib axes, in the current style.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure where left out.
        most : int, at least 1
            Causes drawn, those that get highest.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MissingExtraError
            matplotlib is not installed (extra ``plot``).

        Examples
        --------
        >>> from matplotlib.figure import Figure
        >>> import bayesdx as dx
        >>> case = dx.diagnose("chest_clinic@1.0.0", {"xray": "positive"})
        >>> len(dx.show(case, case.with_findings({"smoking": "yes"})).plot(Figure().subplots()).lines)
        2
        """
        return self._figure("Cases side by side", ax, most)


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(_Beside):
    """A case under each state of one finding. Made by ``sweep``.

    Parameters
    ----------
    case : Diagnosis
        Without the finding.
    variable : str
    cases : mapping of state to Diagnosis
        A state that cannot be together with the other findings is left out.
    probabilities : mapping of state to float
        P(state | the other findings), all states.

    Examples
    --------
    >>> import bayesdx as dx
    >>> case = dx.diagnose("chest_clinic@1.0.0", {"smoking": "yes"})
    >>> swept = dx.sweep(case, "xray")
    >>> swept.table[["negative", "positive"]].round(3)
                  negative  positive
    cause
    lung_cancer      0.002     0.646
    bronchitis       0.600     0.600
    tuberculosis     0.000     0.067
    """

    case: Diagnosis
    variable: str
    cases: Mapping[str, Diagnosis]
    probabilities: Mapping[str, float]

    def _title(self, name: str) -> str:
        return self.case.model.by_name[self.variable].state_label(name)

    def blocks(self) -> Sequence[Block]:
        """How probable each state is, then the causes under each."""
        model = self.case.model
        variable = model.by_name[self.variable]
        rows = [
            [
                self._title(state),
                format_probability(chance),
                self.cases[state].triage.level if state in self.cases else "cannot be",
            ]
            for state, chance in self.probabilities.items()
        ]
        return [
            Title(f"{model.name} {model.version}, {model.population}: {variable.label}, state by state"),
            Grid(("state", "probability", "triage"), rows, (1,)),
            self._grid(),
            *(
                [Note(f"Given {', '.join(found.text for found in self.case.understood)}.")]
                if self.case.findings
                else []
            ),
        ]

    def plot(self, ax: Axes | None = None, most: int = 10) -> Axes:
        """The posteriors of each cause, a mark for each state; matplotlib axes, in the current style.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure where left out.
        most : int, at least 1
            Causes drawn, those that get highest.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MissingExtraError
            matplotlib is not installed (extra ``plot``).

        Examples
        --------
        >>> from matplotlib.figure import Figure
        >>> import bayesdx as dx
        >>> case = dx.diagnose("chest_clinic@1.0.0", {"smoking": "yes"})
        >>> dx.sweep(case, "xray").plot(Figure().subplots()).get_title("left")
        'Under each state of Chest X-ray'
        """
        return self._figure(f"Under each state of {self.case.model.label(self.variable)}", ax, most)


def show(*cases: Diagnosis, **named: Diagnosis) -> SideBySide:
    """Cases side by side, with what differs between them.

    Parameters
    ----------
    *cases : Diagnosis
        Called A, B, C, ... in this order; of one model or of several.
    named : Diagnosis, by keyword
        Cases with names of their own.

    Returns
    -------
    SideBySide

    Raises
    ------
    FindingsError
        There is no case, there are more than 12, or something is none.

    Examples
    --------
    >>> import bayesdx as dx
    >>> case = dx.diagnose("chest_clinic@1.0.0", {"xray": "positive"})
    >>> print(dx.show(case, case.with_findings({"smoking": "yes"}), case.with_findings({"smoking": "no"})))
    chest_clinic 1.0.0: 3 cases side by side
    <BLANKLINE>
    what differs  A          B     C
    Smoking       not asked  yes   no
    triage        none       none  none
    <BLANKLINE>
    cause                             A       B       C
    Lung cancer                  48.9 %  64.6 %  14.2 %
    Bronchitis                   50.6 %  60.0 %  30.0 %
    Tuberculosis                  9.2 %   6.7 %  14.8 %
    None of the modelled causes  23.6 %  11.7 %  49.8 %
    """
    expect_cases(*cases, *named.values())
    letters = {chr(ord("A") + place): case for place, case in enumerate(cases)}
    told = {**letters, **named}
    if not 1 <= len(told) <= MOST_CASES or len(told) < len(cases) + len(named):
        raise FindingsError(
            f"show: expected 1 to {MOST_CASES} cases, each with a name of its own, not {len(cases) + len(named)}."
        )
    return SideBySide(told)


def sweep(case: Diagnosis, finding: str) -> Sweep:
    """A case under each state of one finding, the other findings being as they are.

    Parameters
    ----------
    case : Diagnosis
    finding : str
        A variable, by its name, label or synonym; what the case says of it is taken back first.

    Returns
    -------
    Sweep

    Raises
    ------
    FindingsError
        The model has no such variable.

    Examples
    --------
    >>> import bayesdx as dx
    >>> case = dx.diagnose("chest_clinic@1.0.0", {"smoking": "yes"})
    >>> {state: round(chance, 3) for state, chance in dx.sweep(case, "xray").probabilities.items()}
    {'negative': 0.848, 'positive': 0.152}
    """
    expect_cases(case)
    vocabulary = case.model.vocabulary
    found = vocabulary.find(finding)
    if len(found) != 1:
        raise FindingsError(
            f"sweep: {finding!r} is not a variable of {case.model.name} {case.model.version}.{vocabulary.hint(finding)}"
        )
    [name] = found
    others = case.with_findings({name: None})
    cases: dict[str, Diagnosis] = {}
    probabilities: dict[str, float] = {}
    for state in case.model.by_name[name].states:
        probabilities[state] = 0.0
        try:
            cases[state] = others.with_findings({name: state})
        except ImpossibleEvidenceError:
            continue  # it stands in the table of states with probability 0
        probabilities[state] = min(1.0, math.exp(cases[state].log_evidence - others.log_evidence))
    return Sweep(others, name, cases, probabilities)
