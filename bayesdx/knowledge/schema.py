"""The files of a model folder: their columns, and a row of each as a value.

This is the one definition that reading, checking, saving, comparing and the documentation share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from bayesdx.knowledge.spelling import named

FORMAT = 2
"""Version of the folder format that new models have, written as ``format`` in model.toml."""

FORMATS = (1, 2)
"""Versions of the folder format that can be read."""

EMERGENCY_HOURS = 24.0
"""Hours within which a test that an emergency calls for has to have its result."""

KINDS = ("context", "cause", "mechanism", "history", "examination", "test")
"""Kinds of variables in the order of the layers; the last three are findings."""

FINDING_KINDS = ("history", "examination", "test")
STATUSES = ("verified", "recalled", "expert", "synthesis", "dataset")
"""How a number is known: read in its source, known but not read again, judged, learned from studies, counted."""

URGENCIES = ("emergency", "urgent", "routine")
NUMBER_FILES = ("priors.csv", "links.csv", "tables.csv")
"""Files whose rows are numbers of the network."""

MEASURES = (
    "sensitivity", "false_positive_rate", "lr_plus", "lr_minus", "odds_ratio", "conditional", "predictive_value"
)  # fmt: skip
PROBABILITIES = ("sensitivity", "false_positive_rate", "conditional", "predictive_value")
"""Measures of accuracy that are probabilities."""

RATIOS = ("lr_plus", "lr_minus", "odds_ratio")
"""Measures of accuracy that compare two groups of patients."""

DESIGNS = ("cohort", "case_control", "case_series", "operated_series", "meta_analysis", "other")
"""One group of patients with and without the cause; the two recruited apart; ill patients alone; those who were
operated on alone; the pooled figure of several studies; anything else."""

SPECTRA = ("suspected", "established", "advanced", "early", "unselected")
"""The ill patients: in whom the cause was suspected, known already, advanced, early, or as they come."""

COMPARATORS = ("suspected", "other_disease", "healthy", "unselected", "on_suspicion", "none")
"""The comparison group: suspected but free of the cause, with another disease, healthy, as they come, chosen because
of the finding, or none."""

REFERENCES = (
    "operation", "histology", "imaging", "laboratory", "follow_up", "clinical", "composite", "includes_finding"
)  # fmt: skip
"""What decided who had the cause; ``includes_finding`` where the finding itself took part in that."""

VERIFICATIONS = ("all", "random", "selective")
"""Who had the reference standard: all, a random part, or those whose findings called for it."""

SAMPLED_FROM = ("consecutive", "random", "convenience")
"""How patients were drawn; consecutive or random ones of a population say how common its causes are."""

COMPARES = ("yes", "no")
CASE_USES = ("tuning", "seen", "held_out")
"""Looked at while the version was made; not used, but known by its result with an earlier version; kept out."""

LONGEST_NAME = 100
NAME = re.compile(rf"[A-Za-z][A-Za-z0-9_]{{0,{LONGEST_NAME - 1}}}", re.ASCII)
"""What a variable, group, population, test, flag, case or source may be called."""

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
VERSION = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})", re.ASCII)


class Cell(StrEnum):
    """What a cell of a column holds."""

    TEXT = "text"
    NAME = "name"
    STATES = "states"
    CHOICE = "one of a fixed list"
    PROBABILITY = "probability"
    NUMBER = "number of at least 0"
    INTEGER = "whole number of at least 0"
    NAMES = "names separated by ;"
    CONDITIONS = "conditions"
    STATE_WORDS = "words of states, as state=word|word"
    TEXTS = "texts separated by |"
    NUMBERS = "numbers separated by |"
    EVENT = "a cause, or variable=state"
    BY_POPULATION = "probabilities of populations, as population=0.1;population=0.2"
    CORRELATION = "number between -1 and 1"


@dataclass(frozen=True)
class Column:
    """A column of a file.

    Parameters
    ----------
    name : str
    cell : Cell
        What its cells hold.
    meaning : str
    optional : bool
        Whether a cell may be empty.
    choices : tuple of str
        The values of a choice.
    dispensable : bool
        Whether a file may do without the column, which then counts as empty. It is written only where a row uses it,
        so that a folder from before the column was thought of keeps its content hash.
    since : int
        Version of the folder format that brought the column.
    """

    name: str
    cell: Cell
    meaning: str
    optional: bool = False
    choices: tuple[str, ...] = ()
    dispensable: bool = False
    since: int = 1


Conditions = tuple[tuple[str, tuple[str, ...]], ...]
"""Conditions on variables, each with the states that satisfy it; written ``a=x;b=y|z``."""

ByPopulation = tuple[tuple[str, float], ...]
"""Probabilities of some populations; written ``clinic=0.1;ward=0.2``."""


class Cut(NamedTuple):
    """Where the next state of a measured variable begins.

    Parameters
    ----------
    value : float
    below : bool
        Whether it begins below the value; otherwise at the value and above.
    """

    value: float
    below: bool = False

    def __str__(self) -> str:
        return ("<" if self.below else "") + format_cell(self.value)


@dataclass(frozen=True)
class Variable:
    """A row of variables.csv.

    A measured variable has ``cuts``, one fewer than its states. Each says where the next state begins: ``38`` at 38
    and above, ``<5`` below 5. They all rise, or all fall.

    ``if_empty`` is the state that an empty cell means in a table with a row per patient, such as "not recorded"; where
    it is empty itself, such a cell is not observed. Of a measured variable it is the last state, which no number means:
    the cuts are then one fewer than the others.

    A synonym means the variable, so that yes and no are true of it. A word of ``state_words`` means one state or a part
    of it: warfarin is one of many anticoagulants, so that ``warfarin=yes`` says anticoagulation and ``warfarin=no``
    denies none of the others.

    Examples
    --------
    >>> cuts = (Cut(5.0, below=True), Cut(1.0, below=True))
    >>> strength = Variable("power", "Power", "examination", "", ("full", "weak", "none"), "", cuts=cuts)
    >>> strength.state_of(5), strength.state_of(4), strength.state_of(0), strength.state_label("none")
    ('full', 'weak', 'none', 'none')
    """

    variable: str
    label: str
    kind: str
    group: str
    states: tuple[str, ...]
    definition: str
    icd10: str = ""
    icd11: str = ""
    snomed_ct: str = ""
    loinc: str = ""
    synonyms: tuple[str, ...] = ()
    state_labels: tuple[str, ...] = ()
    quantity: tuple[str, ...] = ()
    unit: str = ""
    cuts: tuple[Cut, ...] = ()
    limits: tuple[float, ...] = ()
    state_words: Conditions = ()
    if_empty: str = ""

    @property
    def reference(self) -> str:
        """The reference state, the first one."""
        return self.states[0]

    @property
    def measured(self) -> str:
        """What a number of it is, with the unit in brackets: "CRP (mg/L)"; empty where it takes no number."""
        if not self.cuts:
            return ""
        name = self.quantity[0] if self.quantity else self.label
        return f"{name} ({self.unit})" if self.unit else name

    @property
    def bands(self) -> tuple[str, ...]:
        """The states that numbers mean, in the order of the cuts; all but the one of an empty cell."""
        return self.states[: len(self.cuts) + 1] if self.cuts else ()

    @property
    def words(self) -> tuple[str, ...]:
        """Name, label, synonyms, words of states and quantities: all that may stand for it, as written."""
        of_states = (word for _, words in self.state_words for word in words)
        return (self.variable, self.label, *self.synonyms, *of_states, *self.quantities)

    @property
    def quantities(self) -> tuple[str, ...]:
        """The words for what is measured, also with the unit in brackets, as headings of tables have it."""
        return (*self.quantity, *(f"{word} ({self.unit})" for word in self.quantity if self.unit))

    def state_label(self, state: str) -> str:
        """What people read for a state: its label, or its name with blanks for underscores."""
        return self.state_labels[self.states.index(state)] if self.state_labels else state.replace("_", " ").strip()

    def text(self, state: str) -> str:
        """A finding of this variable in a few words: "Onset: sudden", or the label of the state where it says both."""
        return named(self.label, self.state_label(state))

    def state_of(self, number: float) -> str:
        """The state that a measured number means; only for a variable with cut points."""
        return self.states[sum(number < cut.value if cut.below else number >= cut.value for cut in self.cuts)]


@dataclass(frozen=True)
class CauseGroup:
    """A row of groups.csv: causes, or states of a cause, that are shown together as one sum.

    A group may bear the name of a cause of two states, which then says that one of the members is present: it is no
    line of its own in the differential.
    """

    group: str
    label: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Prior:
    """A row of priors.csv."""

    population: str
    variable: str
    state: str
    probability: float
    lower: float
    upper: float
    source: str
    status: str
    note: str = ""
    information: float | None = None
    shares: tuple[str, ...] = ()


@dataclass(frozen=True)
class Link:
    """A row of links.csv; an empty ``parent`` makes it the leak of ``child``."""

    parent: str
    parent_state: str
    child: str
    child_state: str
    link_probability: float
    lower: float
    upper: float
    source: str
    status: str
    note: str = ""
    information: float | None = None
    shares: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableEntry:
    """A row of tables.csv; an empty ``population`` holds for every population."""

    population: str
    variable: str
    parents: Conditions
    state: str
    probability: float
    lower: float
    upper: float
    source: str
    status: str
    note: str = ""
    information: float | None = None
    shares: tuple[str, ...] = ()


@dataclass(frozen=True)
class Accuracy:
    """A row of accuracy.csv: a published figure that the compiled network has to reproduce.

    ``state`` may name several states, as ``reduced|absent``. With ``also``, the figure is about all these findings
    together. ``given`` describes the patients of the study, ``against`` its comparison group.
    """

    finding: str
    state: str
    cause: str
    measure: str
    condition: str
    value: float
    lower: float
    upper: float
    n: int | None
    source: str
    status: str
    note: str = ""
    population: str = ""
    also: Conditions = ()
    given: Conditions = ()
    against: Conditions = ()
    compare: str = ""
    resolution: str = ""

    @property
    def event(self) -> Conditions:
        """The findings that the figure is about, each with the states that count."""
        return ((self.finding, tuple(self.state.split("|"))), *self.also)


@dataclass(frozen=True)
class Study:
    """A row of studies.csv: a published figure from which ``synthesise`` learns and which the network predicts.

    Counts come first: ``k`` of ``n`` patients of the group that the measure is about had the event. A ratio has two
    groups, the ill and, as ``k_against`` of ``n_against``, those whom they are compared with. Where counts were not
    published, ``value`` with its 95 % interval stands for them. The words mean what they mean in ``Accuracy``; the
    cause may be one state of a variable, as ``lungs=embolism``, and then all its other states are "without the cause".

    Examples
    --------
    >>> row = Study("LEE2019", "", "fever", "present", (), "pneumonia", "sensitivity", 48, 60, None, None, None, None,
    ...             None, "", (), (), "cohort", "", "", "", "", "", "LEE2019", "verified")
    >>> row.event, row.two_by_two
    ((('fever', ('present',)),), ('LEE2019', 'fever', 'present', '', 'pneumonia', '', ''))
    """

    study: str
    table: str
    finding: str
    state: str
    also: Conditions
    cause: str
    measure: str
    k: int | None
    n: int | None
    k_against: int | None
    n_against: int | None
    value: float | None
    lower: float | None
    upper: float | None
    population: str
    given: Conditions
    against: Conditions
    design: str
    spectrum: str
    comparator: str
    reference: str
    verification: str
    sampled_from: str
    source: str
    status: str
    note: str = ""

    @property
    def event(self) -> Conditions:
        """The findings that the figure is about, each with the states that count."""
        return ((self.finding, tuple(self.state.split("|"))), *self.also)

    def ill(self, states: tuple[str, ...]) -> tuple[str, ...]:
        """Which of the states of its variable are the cause."""
        state = split_event(self.cause)[1]
        return (state,) if state else states[1:]

    @property
    def two_by_two(self) -> tuple[str, ...]:
        """What names the table of counts that the figure was taken from: its name, or whom and what it is about."""
        if self.table:
            return (self.study, self.table)
        conditions = (self.population, format_cell(self.given))
        return (self.study, self.finding, self.state, format_cell(self.also), self.cause, *conditions)


@dataclass(frozen=True)
class Correlation:
    """A row of correlations.csv: two numbers of the model whose uncertainty studies have tied together.

    A number is named by its file and by the cells that are the key of its row, as ``number_name`` writes them. The
    correlation is that of the log-odds; of a variable with more than two states, of the log-odds of the state against
    those after it, the reference state being the last.
    """

    file: str
    number: str
    other_file: str
    other: str
    correlation: float


@dataclass(frozen=True)
class Test:
    """A row of tests.csv: variables that are revealed together, and what that costs."""

    __test__ = False

    test: str
    label: str
    variables: tuple[str, ...]
    cost_eur: float
    delay_hours: float
    burden: float
    risk: float
    source: str
    status: str
    note: str = ""
    emergency_delay_hours: float | None = None

    @property
    def soonest_hours(self) -> float:
        """Hours to the result where it is ordered as an emergency; the usual time where nothing else is said."""
        return self.delay_hours if self.emergency_delay_hours is None else self.emergency_delay_hours


@dataclass(frozen=True)
class RedFlag:
    """A row of red_flags.csv; ``cause`` is a cause, or a state of a variable as ``main_cause=brain``."""

    flag: str
    findings: Conditions
    cause: str
    urgency: str
    action: str
    source: str
    status: str
    tests: tuple[str, ...] = ()


@dataclass(frozen=True)
class ManagementStep:
    """A row of management.csv; ``cause`` is a cause, or a state of a variable as ``main_cause=brain``.

    ``threshold`` holds in every population that ``thresholds`` does not name.

    Examples
    --------
    >>> told = ("flu", 1, "urgent", "Test", "", "S", "expert", 0.1, "S", "expert")
    >>> step = ManagementStep(*told, thresholds=(("ward", 0.3),))
    >>> step.in_population("ward").threshold, step.in_population("clinic").threshold
    (0.3, 0.1)
    """

    cause: str
    step: int
    urgency: str
    action: str
    when: str
    source: str
    status: str
    threshold: float
    threshold_source: str
    threshold_status: str
    conditions: Conditions = ()
    tests: tuple[str, ...] = ()
    thresholds: ByPopulation = ()

    def in_population(self, population: str) -> ManagementStep:
        """The step with the threshold that holds there, and no other."""
        if not self.thresholds:
            return self
        return replace(self, threshold=dict(self.thresholds).get(population, self.threshold), thresholds=())


@dataclass(frozen=True)
class Case:
    """A row of cases.csv: a clinical unit test."""

    case: str
    title: str
    population: str
    findings: Conditions
    causes: tuple[str, ...]
    expect: str
    use: str
    address: str
    note: str = ""


@dataclass(frozen=True)
class Source:
    """A row of sources.csv."""

    source: str
    citation: str
    year: int | None
    identifier: str
    address: str
    design: str
    n: int | None
    status: str


def _says(value: Any) -> bool:
    """Whether a cell of this value is not empty."""
    return value is not None and not (isinstance(value, str | tuple) and len(value) == 0)


def _number_columns(value: str, meaning: str, cell: Cell = Cell.PROBABILITY) -> tuple[Column, ...]:
    return (
        Column(value, cell, meaning),
        Column("lower", cell, "lower end of its 95 % interval"),
        Column("upper", cell, "upper end of its 95 % interval"),
    )


def _provenance(*, note: bool = True) -> tuple[Column, ...]:
    columns = (
        Column("source", Cell.NAME, "a source of sources.csv"),
        Column("status", Cell.CHOICE, "how the number is known", choices=STATUSES),
    )
    return (*columns, Column("note", Cell.TEXT, "remarks", optional=True)) if note else columns


def _dispensable(name: str, cell: Cell, meaning: str, choices: tuple[str, ...] = (), since: int = 1) -> Column:
    return Column(name, cell, meaning, optional=True, choices=choices, dispensable=True, since=since)


def _learned() -> tuple[Column, ...]:
    """What a number of status synthesis owes to studies."""
    return (
        _dispensable(
            "information", Cell.PROBABILITY, "share of what is known of the number that studies brought", since=2
        ),
        _dispensable(
            "shares", Cell.TEXTS, "sources behind that, each with its share, as LEE2019 0.4|KIM2020 0.2", since=2
        ),
    )


@dataclass(frozen=True)
class File:
    """A CSV file of a model folder.

    Parameters
    ----------
    name : str
    row : type
        The class of its rows; its fields are the columns, in this order.
    columns : tuple of Column
    key : tuple of str
        Columns that together name a row; no two rows share them.
    field : str
        The field of ``Model`` that holds the rows.
    required : bool
        Whether a folder has to have it.
    value : str
        The column that holds the number of a row, or empty.
    since : int
        Version of the folder format that brought the file.
    """

    name: str
    row: type[Any]
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    field: str
    required: bool = False
    value: str = ""
    since: int = 1

    @property
    def header(self) -> tuple[str, ...]:
        """Names of the columns in their order."""
        return tuple(column.name for column in self.columns)

    def columns_for(self, rows: Sequence[Any]) -> tuple[Column, ...]:
        """The columns that these rows need: all but the dispensable ones that none of them uses."""
        return tuple(c for c in self.columns if not c.dispensable or any(_says(getattr(row, c.name)) for row in rows))


FILES: tuple[File, ...] = (
    File(
        "variables.csv",
        Variable,
        (
            Column("variable", Cell.NAME, "name of the variable"),
            Column("label", Cell.TEXT, "what people read"),
            Column("kind", Cell.CHOICE, "layer of the variable", choices=KINDS),
            Column("group", Cell.NAME, "group it belongs to", optional=True),
            Column("states", Cell.STATES, "states in order, the reference state first, separated by |"),
            Column("definition", Cell.TEXT, "when which state holds", optional=True),
            Column("icd10", Cell.TEXT, "ICD-10 code", optional=True),
            Column("icd11", Cell.TEXT, "ICD-11 code", optional=True),
            Column("snomed_ct", Cell.TEXT, "SNOMED CT identifier", optional=True),
            Column("loinc", Cell.TEXT, "LOINC code", optional=True),
            _dispensable(
                "synonyms", Cell.TEXTS, "other words for it, of which yes and no are true, separated by |", since=2
            ),
            _dispensable("state_labels", Cell.TEXTS, "what people read for each state, separated by |", since=2),
            _dispensable(
                "quantity",
                Cell.TEXTS,
                "what a number given for it measures, such as CRP; other words for the same after |",
                since=2,
            ),
            _dispensable("unit", Cell.TEXT, "unit of that number", since=2),
            _dispensable(
                "cuts",
                Cell.NUMBERS,
                "where the second state and each later one begins, separated by |: 38 at 38 and above, <5 below 5",
                since=2,
            ),
            _dispensable("limits", Cell.NUMBERS, "lowest and highest number that can be meant, as 30|45", since=2),
            _dispensable(
                "state_words",
                Cell.STATE_WORDS,
                "words that say one state or a part of it, and deny nothing, as yes=warfarin|heparin;no=healthy",
                since=2,
            ),
            _dispensable(
                "if_empty",
                Cell.TEXT,
                "the state that an empty cell means in a table with a row per patient; left out: not observed",
                since=2,
            ),
        ),
        ("variable",),
        "variables",
        required=True,
    ),
    File(
        "groups.csv",
        CauseGroup,
        (
            Column("group", Cell.NAME, "name of the group; that of a cause where this cause is the sum of its members"),
            Column("label", Cell.TEXT, "what people read"),
            Column("members", Cell.TEXTS, "causes, or states of a cause as cause=state, separated by |"),
        ),
        ("group",),
        "cause_groups",
        since=2,
    ),
    File(
        "priors.csv",
        Prior,
        (
            Column("population", Cell.NAME, "a population of model.toml"),
            Column("variable", Cell.NAME, "a context or cause"),
            Column("state", Cell.TEXT, "one of its states"),
            *_number_columns(
                "probability", "probability of the state where no parent brings it about (for a root: its probability)"
            ),
            *_provenance(),
            *_learned(),
        ),
        ("population", "variable", "state"),
        "priors",
        required=True,
        value="probability",
    ),
    File(
        "links.csv",
        Link,
        (
            Column("parent", Cell.NAME, "the variable that acts; empty for the leak of a finding", optional=True),
            Column("parent_state", Cell.TEXT, "its state that acts; empty for a leak", optional=True),
            Column("child", Cell.NAME, "the variable acted upon"),
            Column("child_state", Cell.TEXT, "the state that is brought about"),
            *_number_columns(
                "link_probability",
                "probability that the parent in this state by itself brings the child to this state, leak excluded",
            ),
            *_provenance(),
            *_learned(),
        ),
        ("parent", "parent_state", "child", "child_state"),
        "links",
        value="link_probability",
    ),
    File(
        "tables.csv",
        TableEntry,
        (
            Column("population", Cell.NAME, "a population of model.toml; empty holds for every one", optional=True),
            Column("variable", Cell.NAME, "the variable that the table is for"),
            Column("parents", Cell.CONDITIONS, "states of its parents, as a=x;b=y; empty for a root", optional=True),
            Column("state", Cell.TEXT, "one of its states"),
            *_number_columns("probability", "probability of the state given these states of the parents"),
            *_provenance(),
            *_learned(),
        ),
        ("population", "variable", "parents", "state"),
        "tables",
        value="probability",
    ),
    File(
        "accuracy.csv",
        Accuracy,
        (
            Column("finding", Cell.NAME, "a finding"),
            Column("state", Cell.TEXT, "one of its states, or several that count alike, separated by |"),
            Column("cause", Cell.NAME, "a cause"),
            Column("measure", Cell.CHOICE, "what the figure is", choices=MEASURES),
            Column("condition", Cell.TEXT, "in whom it was measured"),
            *_number_columns("value", "the published figure", Cell.NUMBER),
            Column("n", Cell.INTEGER, "patients behind it", optional=True),
            *_provenance(),
            _dispensable("population", Cell.NAME, "the population it holds for; empty: the one that is chosen"),
            _dispensable("also", Cell.CONDITIONS, "findings that have to hold with this one, as a=x;b=y|z"),
            _dispensable("given", Cell.CONDITIONS, "what all patients of the study have in common"),
            _dispensable("against", Cell.CONDITIONS, "the comparison group; empty: patients without the cause"),
            _dispensable("compare", Cell.CHOICE, "no where the network cannot be held to it", choices=COMPARES),
            _dispensable("resolution", Cell.TEXT, "how a contradiction is settled, or why it cannot be compared"),
        ),
        ("finding", "state", "cause", "measure", "condition", "source"),
        "accuracy",
        value="value",
    ),
    File(
        "studies.csv",
        Study,
        (
            Column("study", Cell.NAME, "name of the study: its patients"),
            _dispensable("table", Cell.NAME, "name of the 2x2 table; empty: named by study, event, cause and patients"),
            Column("finding", Cell.NAME, "a finding"),
            Column("state", Cell.TEXT, "one of its states, or several that count alike, separated by |"),
            _dispensable("also", Cell.CONDITIONS, "findings that have to hold with this one, as a=x;b=y|z"),
            Column("cause", Cell.EVENT, "the cause of the ill patients, or one of its states"),
            Column("measure", Cell.CHOICE, "what the figure is", choices=MEASURES),
            Column("k", Cell.INTEGER, "patients of the group with the event", optional=True),
            Column("n", Cell.INTEGER, "patients of the group", optional=True),
            _dispensable("k_against", Cell.INTEGER, "for a ratio: patients of the comparison group with the event"),
            _dispensable("n_against", Cell.INTEGER, "for a ratio: patients of the comparison group"),
            _dispensable("value", Cell.NUMBER, "the published figure, where counts were not published"),
            _dispensable("lower", Cell.NUMBER, "lower end of its 95 % interval"),
            _dispensable("upper", Cell.NUMBER, "upper end of its 95 % interval"),
            _dispensable("population", Cell.NAME, "the population it holds for; empty: the one that is chosen"),
            _dispensable("given", Cell.CONDITIONS, "what all patients of the study have in common"),
            _dispensable("against", Cell.CONDITIONS, "the comparison group; empty: patients without the cause"),
            Column("design", Cell.CHOICE, "kind of study", choices=DESIGNS),
            _dispensable("spectrum", Cell.CHOICE, "the ill patients", choices=SPECTRA),
            _dispensable("comparator", Cell.CHOICE, "the comparison group", choices=COMPARATORS),
            _dispensable("reference", Cell.CHOICE, "what decided who had the cause", choices=REFERENCES),
            _dispensable("verification", Cell.CHOICE, "who had the reference standard", choices=VERIFICATIONS),
            _dispensable("sampled_from", Cell.CHOICE, "how patients were drawn", choices=SAMPLED_FROM),
            *_provenance(),
        ),
        ("study", "table", "finding", "state", "also", "cause", "measure", "population", "given", "against"),
        "studies",
        since=2,
    ),
    File(
        "correlations.csv",
        Correlation,
        (
            Column("file", Cell.CHOICE, "file of a number", choices=NUMBER_FILES),
            Column("number", Cell.TEXT, "the cells that name its row there, separated by a comma and a space"),
            Column("other_file", Cell.CHOICE, "file of another number", choices=NUMBER_FILES),
            Column("other", Cell.TEXT, "the cells that name its row there"),
            Column("correlation", Cell.CORRELATION, "correlation of the log-odds of both, given the studies"),
        ),
        ("file", "number", "other_file", "other"),
        "correlations",
        since=2,
    ),
    File(
        "tests.csv",
        Test,
        (
            Column("test", Cell.NAME, "name of the test"),
            Column("label", Cell.TEXT, "what people read"),
            Column("variables", Cell.NAMES, "the variables it reveals together, separated by ;"),
            Column("cost_eur", Cell.NUMBER, "cost in euros"),
            Column("delay_hours", Cell.NUMBER, "usual time to the result in hours"),
            Column("burden", Cell.PROBABILITY, "burden for the patient, 0 none to 1 extreme"),
            Column("risk", Cell.PROBABILITY, "probability of serious harm"),
            *_provenance(),
            _dispensable("emergency_delay_hours", Cell.NUMBER, "time to the result in hours as an emergency", since=2),
        ),
        ("test",),
        "tests",
    ),
    File(
        "red_flags.csv",
        RedFlag,
        (
            Column("flag", Cell.NAME, "name of the flag"),
            Column("findings", Cell.CONDITIONS, "findings that make it fire, all of them, as a=x;b=y|z"),
            Column("cause", Cell.EVENT, "the cause it warns of"),
            Column("urgency", Cell.CHOICE, "how fast to act", choices=URGENCIES),
            Column("action", Cell.TEXT, "what to do"),
            *_provenance(note=False),
            _dispensable("tests", Cell.NAMES, "tests of tests.csv that the action calls for", since=2),
        ),
        ("flag",),
        "red_flags",
    ),
    File(
        "management.csv",
        ManagementStep,
        (
            Column("cause", Cell.EVENT, "a cause"),
            Column("step", Cell.INTEGER, "order of the step"),
            Column("urgency", Cell.CHOICE, "how fast to act", choices=URGENCIES),
            Column("action", Cell.TEXT, "what to do"),
            Column("when", Cell.TEXT, "condition of the step in words", optional=True),
            *_provenance(note=False),
            Column("threshold", Cell.PROBABILITY, "posterior of the cause from which the step is worth taking"),
            Column("threshold_source", Cell.NAME, "a source of sources.csv for the threshold"),
            Column("threshold_status", Cell.CHOICE, "how the threshold is known", choices=STATUSES),
            _dispensable(
                "conditions", Cell.CONDITIONS, "findings without which the step is not taken, as a=x;b=y|z", since=2
            ),
            _dispensable("tests", Cell.NAMES, "tests of tests.csv that the step calls for", since=2),
            _dispensable(
                "thresholds",
                Cell.BY_POPULATION,
                "thresholds of populations where another than threshold holds, as clinic=0.1;ward=0.2",
                since=2,
            ),
        ),
        ("cause", "step"),
        "management",
    ),
    File(
        "cases.csv",
        Case,
        (
            Column("case", Cell.NAME, "name of the case"),
            Column("title", Cell.TEXT, "one line"),
            Column("population", Cell.NAME, "the population whose priors fit its setting"),
            Column("findings", Cell.CONDITIONS, "findings as reported, as a=x;b=y"),
            Column("causes", Cell.NAMES, "causes finally diagnosed, the main one first", optional=True),
            Column("expect", Cell.TEXT, "what must hold, separated by ; (see bayesdx.knowledge.expectations)"),
            Column(
                "use",
                Cell.CHOICE,
                "whether it was used while the version was made, known from an earlier one, or kept out",
                choices=CASE_USES,
            ),
            Column("address", Cell.TEXT, "where it was published"),
            Column("note", Cell.TEXT, "remarks", optional=True),
        ),
        ("case",),
        "cases",
    ),
    File(
        "sources.csv",
        Source,
        (
            Column("source", Cell.NAME, "name of the source"),
            Column("citation", Cell.TEXT, "full reference"),
            Column("year", Cell.INTEGER, "year", optional=True),
            Column("identifier", Cell.TEXT, "DOI or PMID", optional=True),
            Column("address", Cell.TEXT, "where it was read", optional=True),
            Column("design", Cell.TEXT, "kind of study", optional=True),
            Column("n", Cell.INTEGER, "its size", optional=True),
            Column("status", Cell.CHOICE, "whether it was read", choices=STATUSES),
        ),
        ("source",),
        "sources",
        required=True,
    ),
)

FILE = {file.name: file for file in FILES}
OTHER_FILES = ("model.toml", "release.toml", "CHANGES.md", "NOTES.md")
"""What a model folder may hold besides its tables."""


def key_of(file: File, row: Any) -> tuple[str, ...]:
    """The cells that name a row, as text.

    Examples
    --------
    >>> key_of(FILE["tests.csv"], Test("xray", "X-ray", ("a", "b"), 40, 24, 0, 0, "S", "expert"))
    ('xray',)
    """
    return tuple(format_cell(getattr(row, name)) for name in file.key)


def number_name(key: Iterable[str]) -> str:
    """The name of a row from the cells that are its key: those that are not empty.

    Examples
    --------
    >>> number_name(("", "", "fever", "present"))
    'fever, present'
    """
    return ", ".join(part for part in key if part)


def split_share(text: str) -> tuple[str, float]:
    """Source and share of ``LEE2019 0.4``.

    Raises
    ------
    ValueError
        It is not a name and a number between 0 and 1.

    Examples
    --------
    >>> split_share("LEE2019 0.4")
    ('LEE2019', 0.4)
    """
    name, _, number = text.partition(" ")
    if not NAME.fullmatch(name) or not NUMBER.fullmatch(number) or not 0 <= float(number) <= 1:
        raise ValueError(f"{text!r} is not a source and a share between 0 and 1")
    return name, float(number)


def format_cell(value: Any) -> str:
    """A value as the text of a CSV cell.

    Examples
    --------
    >>> format_cell(0.1), format_cell(3), format_cell(None), format_cell((("onset", ("sudden",)),))
    ('0.1', '3', '', 'onset=sudden')
    """
    if value is None:
        return ""
    if isinstance(value, Cut):
        return str(value)
    if isinstance(value, tuple):
        return ";".join(map(_format_part, value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else float.__repr__(value)
    return str(value)


def _format_part(part: Any) -> str:
    """A condition as ``a=x|y``, a probability of a population as ``clinic=0.1``; anything else as its own cell."""
    if not isinstance(part, tuple) or isinstance(part, Cut):
        return format_cell(part)
    name, value = part
    return f"{name}={format_cell(value) if isinstance(value, float) else '|'.join(value)}"


_LISTS = (Cell.STATES, Cell.TEXTS, Cell.NUMBERS)


def split_event(event: str) -> tuple[str, str]:
    """Variable and state of ``main_cause=brain``; the state is empty for a cause that stands alone.

    Examples
    --------
    >>> split_event("main_cause=brain"), split_event("fracture")
    (('main_cause', 'brain'), ('fracture', ''))
    """
    variable, _, state = event.partition("=")
    return variable, state


def format_row(file: File, row: Any, columns: Iterable[Column] | None = None) -> list[str]:
    """The cells of a row in the order of the columns, all of them unless some are given."""
    cells = []
    for column in file.columns if columns is None else columns:
        value = getattr(row, column.name)
        cells.append("|".join(map(format_cell, value)) if column.cell in _LISTS else format_cell(value))
    return cells


def parse_conditions(text: str) -> Conditions:
    """Conditions from ``a=x;b=y|z``.

    Raises
    ------
    ValueError
        A part has no ``=``, an empty side, or names a variable twice.

    Examples
    --------
    >>> parse_conditions("onset=sudden;patellar_reflex=reduced|absent")
    (('onset', ('sudden',)), ('patellar_reflex', ('reduced', 'absent')))
    """
    conditions = []
    for part in text.split(";"):
        name, equals, states = part.partition("=")
        options = tuple(states.split("|"))
        if not equals or not name or not all(options):
            raise ValueError(f"{part!r} is not of the form variable=state or variable=state|state")
        conditions.append((name, options))
    names = [name for name, _ in conditions]
    if len(set(names)) != len(names):
        raise ValueError("a variable is named twice")
    return tuple(conditions)
