"""A new model: an example to write over, or links and leaks from published sensitivities and specificities."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesdx.errors import DatasetError, ModelError
from bayesdx.evaluation.dataset import Table, read_table
from bayesdx.knowledge import load_model
from bayesdx.knowledge.model import Model, ModelInfo, Population
from bayesdx.knowledge.problems import Problem, one_of
from bayesdx.knowledge.schema import DESIGNS, FINDING_KINDS, NAME, STATUSES, Link, Prior, Source, Study, Variable
from bayesdx.knowledge.spelling import identifier
from bayesdx.learning.rates import LEAST, exclusive_gate, independent_gate

Array = NDArray[np.float64]

STARTER = Path(__file__).parent / "starter" / "0.1.0"
FIRST = "0.1.0"
POPULATION = "default"
MAIN = "sole_cause"
"""Name of the variable whose states are the causes, where they exclude each other."""

JUDGEMENT = "JUDGEMENT"
ASSUMED = 30
"""Patients that a figure without a number of patients counts for, in its interval."""

DRAWS = 2000
FAR = 0.05
"""Distance between a published false-positive rate and the predicted one from which it is remarked."""

CAUSES = ("cause", "probability", "lower", "upper", "definition", "source", "status")
FIGURES = (
    "finding", "cause", "sensitivity", "specificity", "n_with", "n_without", "kind", "definition", "design", "source",
    "status",
)  # fmt: skip


def new_model(
    name: str,
    causes: Table | None = None,
    figures: Table | None = None,
    *,
    exclusive: bool = True,
    title: str = "",
    entry_criterion: str = "",
) -> Model:
    """A new model: an example that shows every file, or one made of published sensitivities and specificities.

    Parameters
    ----------
    name : str
        Letters, digits and underscores.
    causes : table, optional
        A row per cause: ``cause`` (in words) and ``probability`` among the patients that the model is for, and where
        wanted ``lower`` and ``upper`` (95 %), ``definition``, ``source``, ``status``. A path or a DataFrame.
    figures : table, optional
        A row per finding and cause: ``finding`` and ``cause`` in words, ``sensitivity`` = P(finding | cause) and
        ``specificity`` = P(no finding | patients without the cause), each as 0.83 or 83 %; a specificity may be empty,
        as long as each finding has one. Where wanted ``n_with`` and ``n_without`` (patients with and without the cause;
        30 where empty, for the intervals alone), ``kind`` (history, examination, test), ``definition``, ``design``,
        ``source`` (a citation), ``status``.
    exclusive : bool
        Whether the causes exclude each other (one variable ``sole_cause``), or may be there together.
    title, entry_criterion : str
        As in model.toml.

    Returns
    -------
    Model
        Version 0.1.0, sound; ``save_model`` writes its folder. With tables, the network predicts every sensitivity
        and, as far as they agree with each other, every specificity; the figures stand in its studies.csv, so
        that ``check_evidence`` compares them and ``synthesise`` can learn from more. Its notes say what was decided:
        above all where a finding is rarer in a cause than without it. No link can say that of the cause; instead every
        other state brings the finding about.

    Raises
    ------
    ModelError
        A name that is none, or tables with faults; ``problems`` lists them all.

    Examples
    --------
    >>> import bayesdx as dx
    >>> import pandas as pd
    >>> dx.new_model("lamp").causes
    ('sole_cause', 'mains_off')
    >>> causes = pd.DataFrame({"cause": ["fuse", "bulb"], "probability": [0.1, 0.6]})
    >>> rows = [["smell", "fuse", 0.8, 0.9], ["flicker", "fuse", 0.2, 0.4], ["flicker", "bulb", 0.7, None]]
    >>> figures = pd.DataFrame(rows, columns=["finding", "cause", "sensitivity", "specificity"])
    >>> model = dx.new_model("lamp", causes, figures)
    >>> dx.diagnose(model, {"smell": "present", "flicker": "absent"}).posterior.round(2).to_dict()
    {'sole_cause=fuse': 0.64, 'sole_cause=none': 0.18, 'sole_cause=bulb': 0.18}
    >>> for row in model.links:
    ...     if row.child == "flicker":
    ...         print(row.parent_state or "leak", round(row.link_probability, 3))
    leak 0.2
    none 0.25
    bulb 0.625
    """
    _refuse_name(name)
    if causes is None and figures is None:
        model = load_model(STARTER)
        return replace(model, info=replace(model.info, name=name, title=title or model.info.title))
    if causes is None or figures is None:
        missing = "causes" if causes is None else "figures"
        raise ModelError(f"new_model: {missing} is missing; a table of causes and a table of figures go together.")
    read = _Tables(causes, figures, exclusive)
    if read.problems:
        raise ModelError(f"{name}: no model can be made of these tables:", read.problems)
    return _Draft(name, read, exclusive).model(title, entry_criterion)


def _refuse_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ModelError(
            f"{name!r} cannot be the name of a model; expected a letter, then letters, digits, underscores."
        )


@dataclass(frozen=True)
class _Cause:
    name: str
    label: str
    probability: float
    lower: float
    upper: float
    definition: str
    source: str
    status: str


@dataclass(frozen=True)
class _Figure:
    row: int
    finding: str
    label: str
    cause: int
    sensitivity: float
    specificity: float
    n_with: int | None
    n_without: int | None
    kind: str
    definition: str
    design: str
    source: str
    status: str


class _Tables:
    """Both tables as values, and every fault in them."""

    def __init__(self, causes: Table, figures: Table, exclusive: bool) -> None:
        self.problems: list[Problem] = []
        self.causes: list[_Cause] = []
        self.figures: list[_Figure] = []
        self.names: dict[str, str] = {}
        for row, cells in self._rows("causes", causes, CAUSES, ("cause", "probability")):
            self._cause(row, cells)
        total = sum(cause.probability for cause in self.causes)
        if exclusive and self.causes and total >= 1:
            self._fault("causes", None, "probability", f"a sum of {total:.3g}", _BELOW_ONE)
        for row, cells in self._rows("figures", figures, FIGURES, ("finding", "cause", "sensitivity", "specificity")):
            self._figure(row, cells)
        self._refuse_gaps()

    def _rows(
        self, file: str, table: Table, columns: Sequence[str], required: Sequence[str]
    ) -> list[tuple[int, dict[str, str]]]:
        """Cells as text, empty ones as "", each row with its line in the file."""
        try:
            name, frame = read_table(table)
        except DatasetError as error:
            raise ModelError(str(error)) from error
        self.names[file] = name if isinstance(table, str | PathLike) else file
        for column in frame.columns:
            if column not in columns:
                self._fault(file, 1, str(column), str(column), one_of(f"one of {', '.join(columns)}", column, columns))
        lacking = [column for column in required if column not in frame.columns]
        if lacking:
            self._fault(file, 1, None, "no column " + ", ".join(lacking), f"the columns {', '.join(required)}")
            return []
        if frame.empty:
            self._fault(file, 1, None, "no row", "at least one")
        texts = frame.reindex(columns=list(columns)).astype(object)
        lines = frame.index if not isinstance(table, pd.DataFrame) else range(2, len(frame) + 2)
        rows = texts.where(texts.notna(), "").to_dict("records")
        return [
            (int(line), {str(key): str(value).strip() for key, value in row.items()})
            for line, row in zip(lines, rows, strict=True)
        ]

    def _fault(self, file: str, row: int | None, column: str | None, found: str, expected: str) -> None:
        self.problems.append(Problem(self.names[file], row, column, found, expected))

    def _cause(self, row: int, cells: dict[str, str]) -> None:
        name = _name(cells["cause"])
        if not name or name in (cause.name for cause in self.causes) or name in ("none", MAIN):
            self._fault("causes", row, "cause", cells["cause"], "the name of a cause, each once")
            return
        value = self._probability("causes", row, "probability", cells)
        if not 0 < value < 1:
            self._fault("causes", row, "probability", cells["probability"], "a probability above 0 and below 1")
            return
        lower = self._probability("causes", row, "lower", cells, value / 2)
        upper = self._probability("causes", row, "upper", cells, min(1.0, 1.5 * value))
        if not lower <= value <= upper:
            self._fault("causes", row, "lower", f"{lower:g} to {upper:g}", f"an interval that holds {value:g}")
        status = self._choice("causes", row, "status", cells, STATUSES, "recalled" if cells["source"] else "expert")
        self.causes.append(
            _Cause(name, cells["cause"], value, lower, upper, cells["definition"], cells["source"], status)
        )

    def _figure(self, row: int, cells: dict[str, str]) -> None:
        finding, cause = _name(cells["finding"]), _name(cells["cause"])
        names = [each.name for each in self.causes]
        if not finding or finding in (*names, MAIN):
            self._fault("figures", row, "finding", cells["finding"], "the name of a finding, other than the causes")
        if cause not in names:
            labels = [each.label for each in self.causes]
            expected = one_of(f"a cause of {self.names['causes']}", cells["cause"], labels)
            self._fault("figures", row, "cause", cells["cause"], expected)
            return
        if any((each.finding, each.cause) == (finding, names.index(cause)) for each in self.figures):
            self._fault("figures", row, "cause", cells["cause"], f"one row for {cells['finding']} and this cause")
        self.figures.append(
            _Figure(
                row,
                finding,
                cells["finding"],
                names.index(cause),
                self._probability("figures", row, "sensitivity", cells),
                self._probability("figures", row, "specificity", cells, np.nan),
                self._count(row, "n_with", cells),
                self._count(row, "n_without", cells),
                self._choice("figures", row, "kind", cells, FINDING_KINDS, "history"),
                cells["definition"],
                self._choice("figures", row, "design", cells, DESIGNS, "other"),
                cells["source"],
                self._choice("figures", row, "status", cells, STATUSES, "recalled" if cells["source"] else "expert"),
            )
        )

    def _probability(
        self, file: str, row: int, column: str, cells: dict[str, str], empty: float | None = None
    ) -> float:
        text = cells[column]
        if not text and empty is not None:
            return empty
        number = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)", text)
        value = float(number[1]) / (100 if number[2] else 1) if number else np.nan
        if not 0 <= value <= 1:
            meant = f"; {text} % is written with its sign" if number and not number[2] and value <= 100 else ""
            self._fault(file, row, column, text, f"a probability, as 0.83 or 83 %{meant}")
            return 0.5
        return value

    def _count(self, row: int, column: str, cells: dict[str, str]) -> int | None:
        text = cells[column].removesuffix(".0")
        if not text:
            return None
        if not text.isdecimal() or int(text) == 0:
            self._fault("figures", row, column, text, "a number of patients from 1 on, or nothing")
            return None
        return int(text)

    def _choice(
        self, file: str, row: int, column: str, cells: dict[str, str], choices: Sequence[str], empty: str
    ) -> str:
        text = cells[column]
        if text and text not in choices:
            self._fault(file, row, column, text, one_of(f"one of {', '.join(choices)}", text, choices))
        return text or empty

    def _refuse_gaps(self) -> None:
        """Each finding has a specificity, each cause a figure; a finding is of one kind."""
        for name in dict.fromkeys(figure.finding for figure in self.figures):
            rows = [figure for figure in self.figures if figure.finding == name]
            if all(np.isnan(figure.specificity) for figure in rows):
                self._fault("figures", rows[0].row, "specificity", "", _ONE_SPECIFICITY.format(rows[0].label))
            for figure in rows:
                if figure.kind != rows[0].kind:
                    self._fault("figures", figure.row, "kind", figure.kind, f"{rows[0].kind}, as in row {rows[0].row}")
        for place, cause in enumerate(self.causes):
            if self.figures and not any(figure.cause == place for figure in self.figures):
                self._fault("figures", None, "cause", f"no row of {cause.label}", "a figure of every cause")


_BELOW_ONE = "less than 1, since these causes exclude each other; what is left is none of them (or exclusive=False)"
_ONE_SPECIFICITY = "a specificity of {!r} for one cause at least: how often is it there without the cause?"


def _name(text: str) -> str:
    return re.sub(r"_+", "_", identifier(text)).strip("_").lower() if text else ""


class _Draft:
    """The rows of a model, one finding after the other."""

    def __init__(self, name: str, tables: _Tables, exclusive: bool) -> None:
        self.name, self.causes, self.figures, self.exclusive = name, tables.causes, tables.figures, exclusive
        self.sources: dict[str, Source] = {}
        self.links: list[Link] = []
        self.studies: list[Study] = []
        self.rarer: list[str] = []
        self.unlike: list[str] = []
        self.generator = np.random.default_rng(1)

    def model(self, title: str, entry_criterion: str) -> Model:
        findings = list(dict.fromkeys(figure.finding for figure in self.figures))
        priors = [self._prior(cause) for cause in self.causes]
        for finding in findings:
            self._finding([figure for figure in self.figures if figure.finding == finding])
        info = ModelInfo(
            self.name, FIRST, title or self.name.replace("_", " ").capitalize(), "CC0-1.0",
            "A draft: say who may use it, and for what.", "Care of patients, until it was reviewed and evaluated.",
            entry_criterion or "Not stated: say what all patients have in common.",
            (Population(POPULATION, "As the causes' probabilities"),), POPULATION,
        )  # fmt: skip
        variables = (*self._causes(), *map(self._variable, findings))
        return Model(
            info, variables, tuple(priors), tuple(self.links), studies=tuple(self.studies),
            sources=tuple(self.sources.values()), notes=self._notes(),
        )  # fmt: skip

    def _causes(self) -> list[Variable]:
        if not self.exclusive:
            return [
                Variable(cause.name, cause.label, "cause", "", ("absent", "present"), cause.definition)
                for cause in self.causes
            ]
        states = ("none", *(cause.name for cause in self.causes))
        labels = ("None of these causes", *(cause.label for cause in self.causes))
        said = "; ".join(f"{cause.label}: {cause.definition}" for cause in self.causes if cause.definition)
        return [Variable(MAIN, "Sole cause", "cause", "", states, said, state_labels=labels)]

    def _variable(self, finding: str) -> Variable:
        row = next(figure for figure in self.figures if figure.finding == finding)
        return Variable(finding, row.label, row.kind, "", ("absent", "present"), row.definition)

    def _prior(self, cause: _Cause) -> Prior:
        variable, state = self._event(cause)
        source = self._source(cause.source, cause.status)
        return Prior(POPULATION, variable, state, cause.probability, cause.lower, cause.upper, source, cause.status)

    def _event(self, cause: _Cause) -> tuple[str, str]:
        return (MAIN, cause.name) if self.exclusive else (cause.name, "present")

    def _source(self, citation: str, status: str) -> str:
        """The name of a source: author and year of its citation where it has them."""
        if not citation:
            self.sources.setdefault(
                JUDGEMENT,
                Source(JUDGEMENT, "Judgement of whoever made the tables", None, "", "", "expert", None, "expert"),
            )
            return JUDGEMENT
        for name, source in self.sources.items():
            if source.citation == citation:
                return name
        year = re.search(r"\b(1[89]|20)\d\d\b", citation)
        author = re.match(r"[^\W\d_]+", citation)
        stem = identifier((author[0] if author else "SOURCE").upper()) + (year[0] if year else "")
        name = stem
        for letter in "BCDEFGHIJKLMNOPQRSTUVWXYZ":
            if name not in self.sources:
                break
            name = f"{stem}{letter}"
        self.sources[name] = Source(name, citation, int(year[0]) if year else None, "", "", "", None, status)
        return name

    def _finding(self, rows: list[_Figure]) -> None:
        """Leak, links and studies of one finding."""
        acting = [self.causes[row.cause] for row in rows]
        prior = np.array([cause.probability for cause in acting])
        weight = np.array([float(row.n_without or ASSUMED) for row in rows])
        sensitivity = [_shrunk(row.sensitivity, row.n_with) for row in rows]
        rate = [_shrunk(1.0 - row.specificity, row.n_without) for row in rows]
        gate_of = exclusive_gate if self.exclusive else independent_gate
        gate = gate_of(
            prior,
            self._drawn(sensitivity, [row.n_with for row in rows]),
            self._drawn(rate, [row.n_without for row in rows]),
            weight,
        )
        first = rows[0]
        sources = [self._source(row.source, row.status) for row in rows]
        of_leak = next(place for place, row in enumerate(rows) if not np.isnan(row.specificity))

        def link(parent: str, state: str, values: Array, place: int, note: str) -> None:
            # Once the first draw, the figures themselves, has no link, none of the others has one.
            if values[0] > LEAST or not parent:
                low, high = np.quantile(values[1:], (0.025, 0.975))
                value = float(np.clip(values[0], LEAST, 1.0))
                figures = (round(value, 6), round(float(min(low, value)), 6), round(float(max(high, value)), 6))
                row = rows[place]
                self.links.append(
                    Link(parent, state, first.finding, "present", *figures, sources[place], row.status, note)
                )

        link("", "", gate.leak, of_leak, "leak, from sensitivity and specificity")
        if self.exclusive:
            named = {cause.name for cause in acting}
            others = ["none", *(cause.name for cause in self.causes if cause.name not in named)]
            for state in others:
                link(MAIN, state, gate.none, of_leak, "the finding is rarer in another state")
        for place, (row, cause) in enumerate(zip(rows, acting, strict=True)):
            parent, state = self._event(cause)
            link(parent, state, gate.present[:, place], place, "from its sensitivity")
            if not self.exclusive:
                note = f"rarer with {cause.label}: its absence acts"
                link(parent, "absent", gate.absent[:, place], place, note)
            self._study(row, (parent, state), sources[place])
            self._remark(row, cause, float(gate.sensitivity[0, place]), float(gate.false_positive[0, place]))

    def _drawn(self, value: Sequence[float], n: Sequence[int | None]) -> Array:
        """The figures, and below them draws of what they may be: Jeffreys' posterior of each."""
        drawn = np.empty((DRAWS + 1, len(value)))
        for column, (one, patients) in enumerate(zip(value, n, strict=True)):
            drawn[0, column] = one
            if np.isnan(one):
                drawn[1:, column] = np.nan
                continue
            of = patients or ASSUMED
            beta = self.generator.beta(one * of + 0.5, (1.0 - one) * of + 0.5, DRAWS)
            drawn[1:, column] = np.clip(beta, 1e-9, 1.0 - 1e-9)
        return drawn

    def _study(self, row: _Figure, cause: tuple[str, str], source: str) -> None:
        one_of_several = self.exclusive and len(self.causes) > 1
        event = f"{cause[0]}={cause[1]}" if one_of_several else cause[0]
        pairs = (
            ("sensitivity", row.sensitivity, row.n_with),
            ("false_positive_rate", 1.0 - row.specificity, row.n_without),
        )
        for measure, value, n in pairs:
            if np.isnan(value):
                continue
            of = n or ASSUMED
            note = "" if n else f"patients not stated; counts as {ASSUMED}"
            self.studies.append(
                Study(
                    source, "", row.finding, "present", (), event, measure, round(value * of), of, None, None, None,
                    None, None, "", (), (), row.design, "", "", "", "", "", source, row.status, note,
                )
            )  # fmt: skip

    def _remark(self, row: _Figure, cause: _Cause, met: float, predicted: float) -> None:
        published = 1.0 - row.specificity
        without = predicted if np.isnan(published) else published
        if row.sensitivity < without:
            self.rarer.append(
                f"- {row.label}: {_percent(row.sensitivity)} with {cause.label} lie below the "
                f"{_percent(without)} without it. "
                "A link cannot make a finding rarer, so the other states bring it about."
            )
        for said, follows, whom in ((row.sensitivity, met, "with"), (published, predicted, "without")):
            if abs(follows - said) > FAR:
                self.unlike.append(
                    f"- {row.label}: {_percent(said)} {whom} {cause.label} were published, {_percent(follows)} follow "
                    "from the other figures and the probabilities of the causes."
                )

    def _notes(self) -> str:
        parts = [
            "# How the numbers were made\n\n`bayesdx new` turned sensitivities and specificities into links and leaks. "
            "Every sensitivity is met unless the contrary is said. Findings are taken to be independent given the "
            "causes.\n"
        ]
        if self.rarer:
            parts.append("## Findings that a cause makes rarer\n\n" + "\n".join(self.rarer) + "\n")
        if self.unlike:
            parts.append("## Figures that do not agree with the rest\n\n" + "\n".join(self.unlike) + "\n")
        return "\n".join(parts)


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _shrunk(value: float, n: int | None) -> float:
    """A figure of 0 or 100 % moved inside by half a patient: what was never seen is not impossible."""
    of = n or ASSUMED
    return (value * of + 0.5) / (of + 1) if value in (0.0, 1.0) else value
