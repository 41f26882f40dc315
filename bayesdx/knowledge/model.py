"""A model as a value: every row of its folder, in memory."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import pandas as pd
import tomli_w

from bayesdx.display.html import as_fragment
from bayesdx.errors import ModelError, nearest
from bayesdx.knowledge.portrait import portrait
from bayesdx.knowledge.schema import (
    FILE,
    FILES,
    FINDING_KINDS,
    FORMAT,
    MEASURES,
    URGENCIES,
    Accuracy,
    Case,
    CauseGroup,
    Correlation,
    File,
    Link,
    ManagementStep,
    Prior,
    RedFlag,
    Source,
    Study,
    TableEntry,
    Test,
    Variable,
    format_row,
    key_of,
    number_name,
    split_event,
    split_share,
)
from bayesdx.knowledge.spelling import compact
from bayesdx.knowledge.vocabulary import Vocabulary


@dataclass(frozen=True)
class Population:
    """Patients that a set of priors holds for.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> [population.name for population in model.info.populations]
    ['primary_care', 'emergency_department', 'specialist_referral']
    """

    name: str
    title: str
    description: str = ""


@dataclass(frozen=True)
class Release:
    """The record that froze a version: the hash of its content and the day.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> model.release.date, model.release.hash == model.hash
    ('2026-11-23', True)
    """

    hash: str
    date: str


@dataclass(frozen=True)
class ModelInfo:
    """What model.toml says.

    Parameters
    ----------
    name, version, title, licence, intended_use, not_for : str
    entry_criterion : str
        What every patient of the populations has in common. All numbers hold given it, so it is no finding.
    populations : tuple of Population
    default_population : str
    parent_version, parent_hash : str
        The version this one was made from and its content hash; empty for a first version.
    format : int
        Version of the folder format: 1 or 2.
    temperature : float from 0.05 to 1e6
        The likelihood ratios of findings between causes are those of the data to the power of 1 / temperature, so that
        findings that go together are not counted several times (``fit_model``). 1 where the numbers are what they say.
    evidence_bias : tuple of (str, float)
        For states of one exclusive cause, what would have to be added to the log evidence so that the posteriors of
        patients of the source are right on average (cross-validated); "prior_shift" adds it. Empty where not known.

    Examples
    --------
    >>> import bayesdx as dx
    >>> info = dx.load_model("hip_flexion_weakness@2.2.1").info
    >>> info.default_population, info.licence, info.parent_version
    ('primary_care', 'CC-BY-4.0', '2.2.0')
    """

    name: str
    version: str
    title: str
    licence: str
    intended_use: str
    not_for: str
    entry_criterion: str
    populations: tuple[Population, ...]
    default_population: str
    parent_version: str = ""
    parent_hash: str = ""
    format: int = FORMAT
    temperature: float = 1.0
    evidence_bias: tuple[tuple[str, float], ...] = ()

    @property
    def not_for_sentence(self) -> str:
        """What the model is not for, as a sentence that says so.

        Examples
        --------
        >>> import bayesdx as dx
        >>> from dataclasses import replace
        >>> info = dx.load_model("chest_clinic@1.0.0").info
        >>> replace(info, not_for="Children.").not_for_sentence, replace(info, not_for="Not for you.").not_for_sentence
        ('Not for: Children.', 'Not for you.')
        """
        begins = self.not_for.casefold().startswith(("not ", "no ", "never "))
        return self.not_for if begins or not self.not_for else f"Not for: {self.not_for}"


@dataclass(frozen=True, eq=False)
class Model:
    """A version of a model, with one of its populations chosen. A value: nothing changes it.

    Load one with ``load_model``. Two models are equal when their content and their population are.

    Parameters
    ----------
    info : ModelInfo
    variables, priors, links, tables, accuracy, studies, correlations, tests, red_flags, management, cases : tuple
    sources : tuple
        The rows of the files of these names (see the model format). The order of ``variables`` is knowledge and
        stays; the others are put into canonical order.
    cause_groups : tuple of CauseGroup
        The rows of groups.csv: causes that are shown together as one sum.
    changes : str
        The text of CHANGES.md, lines ending with a line feed.
    release : Release or None
        The record of its release, None for a draft.
    population : str
        The population whose priors are used; the default one where empty.
    notes : str
        The text of NOTES.md, Markdown: known weaknesses, as the model card shows them.
    population_assumed : bool
        Whether the default population was taken although the model has several and none was named; kept by copies.

    Raises
    ------
    ModelError
        The population is not one of the model's.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> model
    <Model hip_flexion_weakness 1.0.0, primary_care, sha256:d5184065>
    >>> len(model.causes), len(model.links), model.info.title
    (11, 309, 'Severe hip flexion weakness: the patient who cannot lift the knee toward the chest')
    """

    info: ModelInfo
    variables: tuple[Variable, ...]
    priors: tuple[Prior, ...]
    links: tuple[Link, ...] = ()
    tables: tuple[TableEntry, ...] = ()
    accuracy: tuple[Accuracy, ...] = ()
    studies: tuple[Study, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    tests: tuple[Test, ...] = ()
    red_flags: tuple[RedFlag, ...] = ()
    management: tuple[ManagementStep, ...] = ()
    cases: tuple[Case, ...] = ()
    sources: tuple[Source, ...] = ()
    cause_groups: tuple[CauseGroup, ...] = ()
    changes: str = ""
    release: Release | None = field(default=None, repr=False)
    population: str = ""
    notes: str = ""
    population_assumed: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        known = [population.name for population in self.info.populations]
        chosen = _population(self.info, self.population or self.info.default_population)
        assumed = not self.population or (self.population_assumed and chosen == self.info.default_population)
        object.__setattr__(self, "population_assumed", assumed and len(known) > 1)
        object.__setattr__(self, "population", chosen)
        object.__setattr__(self, "variables", tuple(self.variables))
        order = _Order(self.info, self.variables)
        for file in FILES:
            if file.name != "variables.csv":
                object.__setattr__(self, file.field, order.sorted(file, getattr(self, file.field)))
        for text in ("changes", "notes"):
            object.__setattr__(self, text, getattr(self, text).replace("\r\n", "\n"))

    @property
    def name(self) -> str:
        """Name of the model.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> model.name
        'hip_flexion_weakness'
        """
        return self.info.name

    @property
    def version(self) -> str:
        """Semantic version.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> model.version
        '1.0.0'
        """
        return self.info.version

    @cached_property
    def hash(self) -> str:
        """Content hash, ``sha256:`` and 64 hexadecimal digits.

        Independent of line ends, quoting, the order of columns and the order of rows (except that of variables.csv),
        and of the release record.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> model.hash == model.release.hash
        True
        """
        digest = hashlib.sha256()
        for name, content in sorted(self.contents().items()):
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        return f"sha256:{digest.hexdigest()}"

    @cached_property
    def steps(self) -> tuple[ManagementStep, ...]:
        """The rows of management.csv, each with the threshold that holds in the chosen population.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> model.steps == model.management  # no step of it names a population
        True
        """
        return tuple(step.in_population(self.population) for step in self.management)

    def __getstate__(self) -> dict[str, Any]:
        """The fields; what is derived from them is derived anew in a copy."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model):
            return NotImplemented
        return (self.hash, self.population, self.release) == (other.hash, other.population, other.release)

    def __hash__(self) -> int:
        return hash((self.hash, self.population))

    def __repr__(self) -> str:
        return f"<Model {self.name} {self.version}, {self.population}, {self.hash[:15]}>"

    def _repr_html_(self) -> str:
        """Title, version, counts, populations and a small drawing, for a notebook."""
        pairs = {(link.parent, link.child) for link in self.links if link.parent}
        pairs |= {(parent, entry.variable) for entry in self.tables for parent, _ in entry.parents}
        kinds = [variable.kind for variable in self.variables]
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("context", "history", "examination", "test"))
        titles = {row.name: row.title for row in self.info.populations}
        here = titles.pop(self.population) + (" (assumed)" if self.population_assumed else "")
        others = ", ".join(titles.values())
        facts = (
            f"{len(self.causes)} causes; {counts}; {len(pairs)} pairs linked; {len(self.red_flags)} red flags, "
            f"{len(self.management)} steps of care, {len(self.cases)} published cases.",
            f"Population: {here}." + (f" Others: {others}." if titles else ""),
            self.info.not_for_sentence,
        )
        heading = f"{self.info.title} ({self.name} {self.version}, {self.hash[:15]})"
        return as_fragment(portrait(heading, facts, self.variables, sorted(pairs)))

    @cached_property
    def by_name(self) -> Mapping[str, Variable]:
        """Variables by name, in order.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> model.by_name["onset"].states
        ('gradual', 'sudden')
        """
        return MappingProxyType({variable.variable: variable for variable in self.variables})

    @cached_property
    def causes(self) -> tuple[str, ...]:
        """Names of the causes, in order.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> model.causes
        ('tuberculosis', 'lung_cancer', 'bronchitis')
        """
        return tuple(variable.variable for variable in self.variables if variable.kind == "cause")

    @cached_property
    def diagnoses(self) -> tuple[str, ...]:
        """Names of the causes, of the mechanisms that bring them about, and of those that they settle, in order.

        What patients are labelled with: a table that has such columns holds the answer. A mechanism is settled where it
        is a function of causes, with no probability but 0 and 1, as "tuberculosis or lung cancer" is.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@3.0.0")
        >>> [name for name in model.diagnoses if name not in model.causes]
        ['main_cause']
        >>> dx.load_model("chest_clinic@1.0.0").diagnoses
        ('tuberculosis', 'lung_cancer', 'bronchitis', 'either')
        """
        arrows = {(link.parent, link.child) for link in self.links}
        arrows |= {(parent, entry.variable) for entry in self.tables for parent, _ in entry.parents}
        parents: dict[str, set[str]] = {}
        for parent, child in arrows:
            parents.setdefault(child, set()).add(parent)
        known, new = set(self.causes), set(self.causes)
        while new:
            new = {parent for child in new for parent in parents.get(child, ())} - known
            known |= new
        kinds = ("cause", "mechanism")
        known = {row.variable for row in self.variables if row.kind in kinds} & known
        numbers = [(prior.variable, prior.probability) for prior in self.priors]
        numbers += [(entry.variable, entry.probability) for entry in self.tables]
        numbers += [(link.child, link.link_probability) for link in self.links]
        uncertain = {variable for variable, number in numbers if 0 < number < 1}
        new = known
        while new:
            new = {child for child, above in parents.items() if above <= known} - uncertain - known
            known |= new
        return tuple(row.variable for row in self.variables if row.kind in kinds and row.variable in known)

    @cached_property
    def findings(self) -> tuple[str, ...]:
        """Names of the findings (history, examination, test), in order.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> model.findings
        ('dyspnoea', 'xray')
        """
        return tuple(variable.variable for variable in self.variables if variable.kind in FINDING_KINDS)

    @cached_property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Members of each group, in order.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> model.groups["pain_location"]
        ('pain_groin', 'pain_low_back', 'pain_anterior_thigh')
        """
        members: dict[str, tuple[str, ...]] = {}
        for variable in self.variables:
            if variable.group:
                members[variable.group] = (*members.get(variable.group, ()), variable.variable)
        return MappingProxyType(members)

    def label(self, name: str) -> str:
        """What people read for a variable, or for one of its states.

        Parameters
        ----------
        name : str
            A variable of the model, or ``variable=state``. A state with a label of its own is called by that alone.

        Returns
        -------
        str

        Raises
        ------
        KeyError, ValueError
            The model has no such variable, the variable no such state.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> model.label("emg")
        'Needle EMG'
        """
        name, state = split_event(name)
        variable = self.by_name[name]
        if not state:
            return variable.label
        return variable.state_label(state) if variable.state_labels else f"{variable.label}: {state}"

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What people may call the variables and states.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> model.vocabulary.find("Dyspnea"), model.vocabulary.state("smoking", True)
        (('dyspnoea',), 'yes')
        """
        return Vocabulary(self.variables, self.groups, f"{self.name} {self.version}")

    def with_population(self, population: str) -> Model:
        """The same version with the priors of another population.

        Parameters
        ----------
        population : str
            One of ``info.populations``.

        Returns
        -------
        Model
            With the same hash: the content is the same.

        Raises
        ------
        ModelError
            The model has no such population.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> there = model.with_population("emergency_department")
        >>> there.population, there.hash == model.hash
        ('emergency_department', True)
        """
        here = replace(self, population=population, population_assumed=False)
        for name in ("hash", "by_name", "causes", "findings", "groups", "vocabulary"):  # of the content alone
            if name in self.__dict__:
                here.__dict__[name] = self.__dict__[name]
        return here

    def frame(self, file: str) -> pd.DataFrame:
        """The rows of a file as a DataFrame, for example ``model.frame("links.csv")``.

        Parameters
        ----------
        file : str
            With or without ``.csv``.

        Returns
        -------
        DataFrame
            A row per row of the file, in canonical order; columns as the model format names them.

        Raises
        ------
        ModelError
            There is no such file in the format.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> model.frame("priors")[["variable", "state", "probability", "lower", "upper"]].head(2)
                variable state  probability  lower  upper
        0  visit_to_asia   yes         0.01   0.01   0.01
        1        smoking   yes         0.50   0.50   0.50
        """
        name = file if file.endswith(".csv") else f"{file}.csv"
        if name not in FILE:
            raise ModelError(f"{file!r} is no file of a model folder; the files are {', '.join(FILE)}.")
        definition = FILE[name]
        rows = getattr(self, definition.field)
        return pd.DataFrame(
            [[getattr(row, column) for column in definition.header] for row in rows], columns=list(definition.header)
        )

    def count_statuses(self) -> dict[str, int]:
        """How many numbers of priors, links and tables have each status, most frequent first.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
        >>> model.count_statuses()
        {'expert': 381}
        """
        numbers: tuple[Prior | Link | TableEntry, ...] = (*self.priors, *self.links, *self.tables)
        return dict(Counter(row.status for row in numbers).most_common())

    def count_informed(self) -> tuple[int, int]:
        """How many numbers are uncertain, and how many of these come from studies by at least a half.

        A number whose interval has no width holds by definition.

        Examples
        --------
        >>> import bayesdx as dx
        >>> dx.load_model("hip_flexion_weakness@1.0.0").count_informed()
        (381, 0)
        """
        numbers: tuple[Prior | Link | TableEntry, ...] = (*self.priors, *self.links, *self.tables)
        uncertain = [row for row in numbers if row.lower < row.upper]
        return len(uncertain), sum((row.information or 0.0) >= 0.5 for row in uncertain)

    def learned_from_studies(self) -> pd.DataFrame:
        """The numbers of priors, links and tables that published studies inform.

        Returns
        -------
        DataFrame
            A row per number of status synthesis. Columns: file, row (its key), value, information (share of what is
            known of it that studies brought, 0 to 1), source (the study with the largest share), share.

        Examples
        --------
        >>> import bayesdx as dx
        >>> len(dx.load_model("hip_flexion_weakness@1.0.0").learned_from_studies())
        0
        """
        rows = []
        for name in ("priors.csv", "links.csv", "tables.csv"):
            file = FILE[name]
            for row in getattr(self, file.field):
                if row.information is not None:
                    key = number_name(key_of(file, row))
                    largest = max(map(split_share, row.shares), key=lambda pair: pair[1], default=("", 0.0))
                    rows.append([name, key, getattr(row, file.value), row.information, *largest])
        return pd.DataFrame(rows, columns=["file", "row", "value", "information", "source", "share"])

    def contents(self) -> dict[str, bytes]:
        """Canonical bytes of every file that carries content: UTF-8, line feeds, rows in order, no empty file.

        Examples
        --------
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> sorted(model.contents())[:3]
        ['CHANGES.md', 'NOTES.md', 'accuracy.csv']
        """
        files = {"model.toml": format_info(self.info).encode()}
        for file in FILES:
            rows = getattr(self, file.field)
            if rows or file.required:
                files[file.name] = format_rows(file, rows).encode()
        if self.changes:
            files["CHANGES.md"] = self.changes.encode()
        if self.notes:
            files["NOTES.md"] = self.notes.encode()
        return files


class _Order:
    """The canonical order of rows: populations as model.toml has them, variables and states as variables.csv has them.

    Only the order of variables.csv itself is knowledge (it is the order in which things are shown).
    """

    def __init__(self, info: ModelInfo, variables: tuple[Variable, ...]) -> None:
        self.populations = {population.name: position for position, population in enumerate(info.populations)}
        self.variables = {variable.variable: position for position, variable in enumerate(variables)}
        self.states = {
            (variable.variable, state): position
            for variable in variables
            for position, state in enumerate(variable.states)
        }

    def sorted(self, file: File, rows: Iterable[Any]) -> tuple[Any, ...]:
        """Rows by their place; the key of a row decides between equals."""
        return tuple(sorted(rows, key=lambda row: (*self.place(row), key_of(file, row))))

    def place(self, row: Any) -> tuple[Any, ...]:
        """Where a row stands in its file."""
        match row:
            case Prior():
                return (self._population(row.population), *self._state(row.variable, row.state))
            case Link():
                state = self.states.get((row.child, row.child_state), _LAST)
                return (self._variable(row.child), *self._state(row.parent, row.parent_state), state)
            case TableEntry():
                parents = tuple(self._state(name, states[0]) for name, states in row.parents)
                variable, state = self._state(row.variable, row.state)
                return (variable, self._population(row.population), parents, state)
            case Accuracy():
                measure = MEASURES.index(row.measure) if row.measure in MEASURES else _LAST
                finding, states = row.event[0]
                return (*self._state(finding, states[0]), self._variable(row.cause), measure)
            case Study():
                measure = MEASURES.index(row.measure) if row.measure in MEASURES else _LAST
                finding, states = row.event[0]
                return (*self._state(finding, states[0]), *self._event(row.cause), row.study, measure)
            case CauseGroup():
                return tuple(self._event(member) for member in row.members[:1])
            case RedFlag():
                urgency = URGENCIES.index(row.urgency) if row.urgency in URGENCIES else _LAST
                return (*self._event(row.cause), urgency)
            case ManagementStep():
                return (*self._event(row.cause), row.step)
        return ()

    def _event(self, event: str) -> tuple[int, int]:
        variable, state = split_event(event)
        return self._variable(variable), self.states.get((variable, state), -1)

    def _population(self, name: str) -> int:
        return self.populations.get(name, _LAST) if name else -1

    def _variable(self, name: str) -> int:
        return self.variables.get(name, _LAST) if name else -1

    def _state(self, variable: str, state: str) -> tuple[int, int]:
        return self._variable(variable), self.states.get((variable, state), _LAST)


_LAST = 2**31


def _population(info: ModelInfo, asked: object) -> str:
    """The population that a name or a title means, in any spelling."""
    called: dict[str, dict[str, str]] = {}
    for population in info.populations:
        if asked == population.name:
            return population.name
        for text in (population.name, population.title):
            called.setdefault(compact(text), {})[population.name] = text
    meant = called.get(compact(asked), {}) if isinstance(asked, str) and compact(asked) else {}
    if len(meant) == 1:
        return next(iter(meant))
    near = nearest(asked, [population.name for population in info.populations])
    if not near and isinstance(asked, str) and compact(asked):
        hits = {name for key, names in called.items() if compact(asked) in key for name in names}
        near = hits.pop() if len(hits) == 1 else None
    hint = f" Did you mean {near!r}?" if near else ""
    listed = ", ".join(
        f"{each.name} ({each.title})" if each.title and compact(each.title) != compact(each.name) else each.name
        for each in info.populations
    )
    raise ModelError(
        f"population {asked!r} is not one of {info.name} {info.version}; its populations are {listed}.{hint}"
    )


def format_rows(file: File, rows: tuple[Any, ...]) -> str:
    """A whole CSV file as text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = file.columns_for(rows)
    writer.writerow(column.name for column in columns)
    writer.writerows(format_row(file, row, columns) for row in rows)
    return text.getvalue()


def format_info(info: ModelInfo) -> str:
    """model.toml as text."""
    document: dict[str, Any] = {"format": info.format}
    for entry in fields(info):
        if entry.name not in ("format", "temperature", "evidence_bias", "populations", "parent_version", "parent_hash"):
            document[entry.name] = getattr(info, entry.name)
    if info.temperature != 1.0:
        document["temperature"] = info.temperature
    document["populations"] = {
        population.name: {"title": population.title, "description": population.description}
        for population in info.populations
    }
    if info.parent_version:
        document["parent"] = {"version": info.parent_version, "hash": info.parent_hash}
    if info.evidence_bias:
        document["evidence_bias"] = dict(info.evidence_bias)
    return tomli_w.dumps(document, multiline_strings=True)
