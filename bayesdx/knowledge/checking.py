"""Whether the files of a model folder agree with each other and with the rules of probability."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise, product
from math import fsum, prod
from pathlib import Path
from threading import Lock
from typing import Any

from bayesdx.errors import ModelNotFoundError, check_path, rounded
from bayesdx.knowledge.correlations import are_possible
from bayesdx.knowledge.expectations import (
    MAIN,
    FlagFires,
    InRange,
    InTop,
    MovesNothing,
    parse_expectation,
    split_expectations,
)
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.problems import Problem, one_of
from bayesdx.knowledge.reading import Draft, Record, StoredFolder, read_draft, read_folder, read_table
from bayesdx.knowledge.schema import (
    EMERGENCY_HOURS,
    FILE,
    FILES,
    FINDING_KINDS,
    KINDS,
    NUMBER_FILES,
    PROBABILITIES,
    RATIOS,
    Cell,
    File,
    Study,
    format_cell,
    number_name,
    split_event,
    split_share,
)
from bayesdx.knowledge.spelling import compact, state_key

SUM_TOLERANCE = 1e-6
"""How far the probabilities of a distribution may be from a sum of 1."""

MOST_CYCLES = 20
"""Cycles of links that are listed."""

LARGEST_TABLE = 100_000
"""Combinations of parent states above which tables.csv does not take a variable."""

MOST_EXAMINED = 32
"""Folders of which a process remembers what was found in them; the one used longest ago goes first."""


def check_model(folder: str | os.PathLike[str]) -> list[Problem]:
    """Every fault of a model folder at once.

    Parameters
    ----------
    folder : path of the folder of one version, the one that holds model.toml

    Returns
    -------
    list of Problem
        Each with ``file, row, column, found, expected`` (rows are lines of the file, the header is 1); empty when the
        folder is sound. Never raises for what a file says.

    Raises
    ------
    ModelNotFoundError
        ``folder`` is no path.

    Examples
    --------
    >>> import bayesdx as dx, tempfile
    >>> print(dx.check_model(tempfile.mkdtemp())[0])
    model.toml: 'no such file'; expected a file model.toml in ...
    """
    check_path("folder", folder, ModelNotFoundError)
    return examine(Path(folder))[1]


def examine(folder: Path) -> tuple[Model | None, list[Problem]]:
    """The model of a folder, None where it has faults, and the faults.

    What is said of the same bytes in the same folder is said again; the files are read each time.
    """
    stored = read_folder(folder)
    key = stored.digest
    with _EXAMINED_LOCK:
        found = _EXAMINED.get(key)
    if found is None:
        found = _examined(stored)
    with _EXAMINED_LOCK:
        _EXAMINED.pop(key, None)
        _EXAMINED[key] = found
        if len(_EXAMINED) > MOST_EXAMINED:
            del _EXAMINED[next(iter(_EXAMINED))]
    model, problems = found
    return model, list(problems)


_EXAMINED: dict[bytes, tuple[Model | None, list[Problem]]] = {}
_EXAMINED_LOCK = Lock()


def _examined(stored: StoredFolder) -> tuple[Model | None, list[Problem]]:
    draft = read_draft(stored)
    for check in _CHECKS:
        check(draft)
    if draft.problems or draft.info is None:
        return None, sorted(draft.problems, key=_place)
    rows: dict[str, Any] = {
        file.field: tuple(file.row(**record.values) for record in draft.records.get(file.name, ())) for file in FILES
    }
    model = Model(draft.info, **rows, changes=draft.changes, notes=draft.notes, release=draft.release)
    if model.release and model.release.hash != model.hash:
        expected = f"{model.hash}, the hash of the content: a released version never changes, save a new version"
        return None, [Problem("release.toml", None, "hash", model.release.hash, expected)]
    return model, []


def check_studies(model: Model, text: str) -> tuple[tuple[Study, ...], list[Problem]]:
    """The rows of a studies.csv that belongs to a model but not to its folder, and every fault of it.

    Their sources need not be in sources.csv.
    """
    file = FILE["studies.csv"]
    draft = Draft(Path(), format=file.since, info=model.info, unreadable={"sources.csv"})
    draft.records["variables.csv"] = [
        Record(line, {column.name: getattr(row, column.name) for column in FILE["variables.csv"].columns})
        for line, row in enumerate(model.variables, 2)
    ]
    draft.records[file.name] = read_table(draft, file, text)
    for check in (_check_duplicates, _check_references, _check_studies):
        check(draft)
    problems = sorted((problem for problem in draft.problems if problem.file == file.name), key=_place)
    return (() if problems else tuple(Study(**record.values) for record in draft.records[file.name])), problems


def _place(problem: Problem) -> tuple[int, str, int, str]:
    order = ["model.toml", "release.toml", *FILE]
    rank = order.index(problem.file) if problem.file in order else len(order)
    return (rank, problem.file, problem.row or 0, problem.column or "")


class _Names:
    """What the other files may refer to; None where the file that says so cannot be read."""

    def __init__(self, draft: Draft) -> None:
        first = {
            record.values["variable"]: record for record in reversed(list(draft.rows("variables.csv", "variable")))
        }
        variables = sorted(first.values(), key=lambda record: record.line)
        self.complete = "variables.csv" not in draft.unreadable
        self.lines = {record.values["variable"]: record.line for record in variables}
        self.states = {r.values["variable"]: r.values["states"] for r in variables if r.has("states")}
        self.kinds = {r.values["variable"]: r.values["kind"] for r in variables if r.has("kind")}
        self.groups = {r.values["group"]: r.line for r in reversed(variables) if r.values.get("group")}
        self.sources = {r.values["source"]: r.line for r in draft.rows("sources.csv", "source")}
        self.sources_complete = "sources.csv" not in draft.unreadable
        self.populations = {p.name: 0 for p in draft.info.populations} if draft.info else None
        self.tests = {r.values["test"]: r for r in draft.rows("tests.csv", "test")}
        self.tabled = {r.values["variable"] for r in draft.rows("tables.csv", "variable")}

    def of_kind(self, *kinds: str) -> list[str]:
        return [name for name, kind in self.kinds.items() if kind in kinds]


def _check_duplicates(draft: Draft) -> None:
    for file in FILES:
        seen: dict[tuple[str, ...], int] = {}
        for record in draft.rows(file.name, *file.key):
            key = tuple(format_cell(record.values[name]) for name in file.key)
            if key in seen:
                draft.report(
                    file.name, record.line, file.key[-1], ", ".join(key), f"each once; row {seen[key]} has it already"
                )
            else:
                seen[key] = record.line


def _check_intervals(draft: Draft) -> None:
    for file in FILES:
        if not file.value:
            continue
        for record in draft.rows(file.name, "lower", "upper"):
            lower, upper = record.values["lower"], record.values["upper"]
            if lower > upper:
                expected = f"at most its upper end, {format_cell(upper)}"
                draft.report(file.name, record.line, "lower", format_cell(lower), expected)
            elif record.has(file.value) and not lower <= record.values[file.value] <= upper:
                found = format_cell(record.values[file.value])
                expected = f"a value within its own interval, {format_cell(lower)} to {format_cell(upper)}"
                draft.report(file.name, record.line, file.value, found, expected)


def _check_groups(draft: Draft) -> None:
    """A group has causes as members, each once, and its name is no other variable's."""
    names = _Names(draft)
    lines = [
        line
        for name in names.of_kind("cause")
        for states in [names.states.get(name, ())]
        for line in ([name] if len(states) <= 2 else [f"{name}={state}" for state in states])
    ]
    for record in draft.rows("groups.csv", "group", "members"):
        group, members = record.values["group"], record.values["members"]
        kind, states = names.kinds.get(group, "cause"), names.states.get(group, ())
        if group in names.groups or (group in names.lines and (kind != "cause" or len(states) > 2)):
            expected = "a name of its own, or that of a cause of two states which is the sum of the members"
            draft.report("groups.csv", record.line, "group", group, expected)
        if len(set(members)) < max(2, len(members)):
            draft.report("groups.csv", record.line, "members", "|".join(members), "two members or more, each once")
        for member in members:
            if names.complete and (member not in lines or member == group):
                expected = one_of("a cause of two states, or cause=state", member, [x for x in lines if x != group])
                draft.report("groups.csv", record.line, "members", member, expected)


def _check_variables(draft: Draft) -> None:
    names = _Names(draft)
    folded: dict[str, str] = {}
    for variable, line in names.lines.items():
        other = folded.setdefault(variable.casefold(), variable)
        if other != variable:
            expected = f"a name that differs from {other} of row {names.lines[other]} in more than case"
            draft.report("variables.csv", line, "variable", variable, expected)
    for group, line in names.groups.items():
        if group in names.lines:
            draft.report("variables.csv", line, "group", group, "a name that no variable has")
    if names.complete and not names.of_kind("cause"):
        draft.report("variables.csv", None, "kind", "no cause", "at least one variable of kind cause")


def _check_bias(draft: Draft) -> None:
    """The evidence has a bias for every state of the one cause of a model, or none."""
    names = _Names(draft)
    if draft.info is None or not draft.info.evidence_bias or not names.complete:
        return
    bias, causes = dict(draft.info.evidence_bias), names.of_kind("cause")
    if len(causes) != 1:
        draft.report(
            "model.toml", None, "evidence_bias", ", ".join(bias), f"none, since there are {len(causes)} causes"
        )
        return
    states = names.states.get(causes[0], ())
    for state in bias:
        if states and state not in states:
            expected = one_of(f"a state of {causes[0]}: {', '.join(states)}", state, states)
            draft.report("model.toml", None, f"evidence_bias.{state}", state, expected)
    left = [state for state in states if state not in bias]
    if left:
        expected = f"a number for every state of {causes[0]}, also {', '.join(left)}"
        draft.report("model.toml", None, "evidence_bias", ", ".join(bias), expected)


def _check_words(draft: Draft) -> None:
    """Labels of states, synonyms, cut points: each says one thing, and all of a variable fit each other."""
    names = _Names(draft)
    called = {compact(name): name for name in (*names.lines, *names.groups)}
    for record in draft.rows("variables.csv", "variable", "states"):
        variable, states = record.values["variable"], record.values["states"]
        faults: list[tuple[str, str, str]] = []
        labels = record.values.get("state_labels", ())
        if labels and len(labels) != len(states):
            faults.append(("state_labels", "|".join(labels), f"{len(states)} labels, one for each state"))
        elif labels:
            meant: dict[str, str] = {}
            for state, text in [*zip(states, states, strict=True), *zip(states, labels, strict=True)]:
                key = state_key(text) or text  # states such as + and - have no letters to fold
                if meant.setdefault(key, state) != state:
                    faults.append(("state_labels", text, f"a label that does not read as {meant[key]} too"))
        seen: set[str] = set()
        for synonym in record.values.get("synonyms", ()):
            key = compact(synonym)
            other = called.get(key)
            if not key:
                faults.append(("synonyms", synonym, "a word with letters or digits"))
            elif other and other != variable:
                faults.append(("synonyms", synonym, f"a word that is not the name of {other}"))
            elif key in seen:
                faults.append(("synonyms", synonym, "each synonym once, whatever its spelling"))
            seen.add(key)
        own = (variable, record.values.get("label", ""))
        said = {compact(text): "the variable itself" for text in own}
        said |= dict.fromkeys(seen, "a synonym")
        for state, words in record.values.get("state_words", ()):
            if state not in states:
                expected = one_of(f"a state of {variable}: {', '.join(states)}", state, states)
                faults.append(("state_words", state, expected))
            for word in words:
                key = state_key(word)
                if not key:
                    faults.append(("state_words", word, "a word with letters or digits"))
                elif called.get(key, variable) != variable:
                    faults.append(("state_words", word, f"a word that is not the name of {called[key]}"))
                elif key in said:
                    faults.append(("state_words", word, f"a word that is not {said[key]} too"))
                said.setdefault(key, f"a word of {state}")
        if record.values.get("if_empty") and record.values["if_empty"] not in states:
            state = record.values["if_empty"]
            faults.append(("if_empty", state, one_of(f"a state of {variable}: {', '.join(states)}", state, states)))
        faults += _measured_faults(record, states)
        for column, found, expected in faults:
            draft.report("variables.csv", record.line, column, found, expected)


def _measured_faults(record: Record, states: Sequence[str]) -> Iterable[tuple[str, str, str]]:
    """What is wrong with the cut points of a variable, and with what goes with them."""
    cuts, limits, blank = (record.values.get(name) or () for name in ("cuts", "limits", "if_empty"))
    written = "|".join(map(format_cell, cuts))
    if not cuts:
        for column in ("quantity", "unit", "limits"):
            if record.values.get(column) and record.has("cuts"):
                value = record.values[column]
                found = value if isinstance(value, str) else "|".join(map(format_cell, value))
                yield column, found, "an empty cell, since the variable has no cuts"
        return
    values = [cut.value for cut in cuts]
    if blank and blank in states[:-1]:
        yield "if_empty", str(blank), f"the last state, {states[-1]}: numbers mean the others"
    bands = states[:-1] if blank else states
    if len(cuts) != len(bands) - 1:
        yield "cuts", written, f"{len(bands) - 1} cuts, one fewer than the states {', '.join(bands)}"
    elif len({cut.below for cut in cuts}) > 1:
        yield "cuts", written, "cuts that all have the sign <, or none"
    elif any((a <= b) if cuts[0].below else (a >= b) for a, b in pairwise(values)):
        yield "cuts", written, "cuts that fall" if cuts[0].below else "cuts that rise"
    if limits and (len(limits) != 2 or not limits[0] < limits[1]):
        yield "limits", "|".join(map(format_cell, limits)), "the lowest and the highest number, as 30|45"
    elif limits and not all(limits[0] <= value <= limits[1] for value in values):
        yield "cuts", written, f"cuts within the limits {format_cell(limits[0])} to {format_cell(limits[1])}"


def _check_references(draft: Draft) -> None:
    names = _Names(draft)
    for file in FILES:
        headers = set(file.header)
        for record in draft.records.get(file.name, ()):
            for name in headers & {"source", "threshold_source"} if file.name != "sources.csv" else ():
                _refer(draft, file, record, name, "a source of sources.csv", names.sources, names.sources_complete)
            if "population" in headers and names.populations is not None:
                _refer(draft, file, record, "population", "a population of model.toml", names.populations, True)
            for name, kinds in _REFERENCES.get(file.name, {}).items():
                _refer_variables(draft, file, record, name, kinds, names)
            for named, state in _STATES.get(file.name, {}).items():
                _refer_state(draft, file, record, named, state, names)
            if file.name in (*ACTIONS, "studies.csv"):
                _refer_event(draft, file, record, names)
            if file.name in ACTIONS:
                _refer_tests(draft, file, record, names)
            for column in file.columns:
                if column.cell is Cell.CONDITIONS and record.has(column.name):
                    for variable, states in record.values[column.name]:
                        _refer_condition(draft, file, record, column.name, variable, states, names)
                if column.cell is Cell.BY_POPULATION and names.populations is not None:
                    _refer_populations(draft, file, record, column.name, names.populations)


_REFERENCES: dict[str, dict[str, tuple[str, ...]]] = {
    "priors.csv": {"variable": ("context", "cause")},
    "links.csv": {"parent": (), "child": ()},
    "tables.csv": {"variable": ()},
    "accuracy.csv": {"finding": FINDING_KINDS, "cause": ("cause",)},
    "studies.csv": {"finding": FINDING_KINDS},
    "tests.csv": {"variables": ()},
    "cases.csv": {"causes": ("cause",)},
}
"""Columns that name variables, with the kinds they may be of (empty: any)."""

ACTIONS = ("red_flags.csv", "management.csv")
"""Files whose rows say what to do about a cause, or about a state of a variable."""

_STATES: dict[str, dict[str, str]] = {
    "priors.csv": {"variable": "state"},
    "links.csv": {"parent": "parent_state", "child": "child_state"},
    "tables.csv": {"variable": "state"},
}
"""Columns that name a variable, with the column that names its state."""


def _refer(
    draft: Draft, file: File, record: Record, column: str, what: str, valid: Mapping[str, int], complete: bool
) -> None:
    found = record.values.get(column)
    if found and complete and found not in valid:
        draft.report(file.name, record.line, column, found, one_of(what, found, valid))


def _refer_populations(draft: Draft, file: File, record: Record, column: str, populations: Mapping[str, int]) -> None:
    given = record.values.get(column) or ()
    for found, _ in given:
        if found not in populations:
            expected = one_of("a population of model.toml", found, populations)
            draft.report(file.name, record.line, column, found, expected)
    if given and {name for name, _ in given} == set(populations) and len({value for _, value in given}) == 1:
        expected = "an empty cell and this threshold in the column threshold, since it is the same in every population"
        draft.report(file.name, record.line, column, format_cell(given), expected)


def _refer_variables(
    draft: Draft, file: File, record: Record, column: str, kinds: tuple[str, ...], names: _Names
) -> None:
    value = record.values.get(column)
    for found in value if isinstance(value, tuple) else (value,):
        if not found or not names.complete:
            continue
        if found not in names.lines:
            draft.report(
                file.name, record.line, column, found, one_of("a variable of variables.csv", found, names.lines)
            )
        elif kinds and names.kinds.get(found, kinds[0]) not in kinds:
            expected = f"a variable of kind {' or '.join(kinds)}, not {names.kinds[found]}"
            draft.report(file.name, record.line, column, found, expected)


def _refer_state(draft: Draft, file: File, record: Record, variable: str, column: str, names: _Names) -> None:
    name, found = record.values.get(variable), record.values.get(column)
    if name and found and name in names.states and found not in names.states[name]:
        states = names.states[name]
        draft.report(
            file.name, record.line, column, found, one_of(f"a state of {name}: {', '.join(states)}", found, states)
        )


def _refer_event(draft: Draft, file: File, record: Record, names: _Names) -> None:
    """A cause of two states stands alone; of any other variable a state is named, and not the reference state."""
    if not record.has("cause"):
        return
    name, state = split_event(record.values["cause"])
    kind, states = names.kinds.get(name, "cause"), names.states.get(name, ())
    if name not in names.lines:
        if names.complete:
            valid = names.of_kind("cause")
            draft.report(file.name, record.line, "cause", name, one_of("a cause of variables.csv", name, valid))
        return
    expected, acts = "", file.name in ACTIONS
    if kind not in ("cause", "mechanism"):
        expected = f"a cause, or a state of a mechanism, not {kind}"
    elif state and states and state not in states:
        expected = one_of(f"a state of {name}: {', '.join(states)}", state, states)
    elif state and states and state == states[0]:
        expected = f"another state than the reference state {states[0]}"
    elif state and len(states) == 2 and kind == "cause":
        expected = f"{name} alone, since it has two states"
    elif states and not state and (kind == "mechanism" or (len(states) > 2 and draft.format > 1 and acts)):
        expected = f"a state of {name}, as {name}={states[1]}"
    if expected:
        draft.report(file.name, record.line, "cause", record.values["cause"], expected)


def _refer_tests(draft: Draft, file: File, record: Record, names: _Names) -> None:
    """The tests of an action exist, and those of an emergency have their result in time."""
    if "tests.csv" in draft.unreadable:
        return
    for name in record.values.get("tests", ()):
        if name not in names.tests:
            draft.report(file.name, record.line, "tests", name, one_of("a test of tests.csv", name, names.tests))
            continue
        test = names.tests[name].values
        hours = test.get("emergency_delay_hours")
        hours = test.get("delay_hours") if hours is None else hours
        if record.values.get("urgency") == "emergency" and hours is not None and hours > EMERGENCY_HOURS:
            expected = (
                f"a test with a result within {EMERGENCY_HOURS:g} hours, since the action is an emergency; "
                f"{name} takes {hours:g} (emergency_delay_hours of tests.csv, else delay_hours)"
            )
            draft.report(file.name, record.line, "tests", name, expected)


def _refer_condition(
    draft: Draft, file: File, record: Record, column: str, name: str, states: tuple[str, ...], names: _Names
) -> None:
    if names.complete and name not in names.lines:
        draft.report(file.name, record.line, column, name, one_of("a variable of variables.csv", name, names.lines))
    if file.name in ACTIONS and names.kinds.get(name) in ("cause", "mechanism"):
        what = "a flag fires" if file.name == "red_flags.csv" else "a step is taken"
        expected = f"findings and contexts; {what} without knowing a {names.kinds[name]}"
        draft.report(file.name, record.line, column, name, expected)
    for state in states:
        if name in names.states and state not in names.states[name]:
            valid = names.states[name]
            expected = one_of(f"a state of {name}: {', '.join(valid)}", state, valid)
            draft.report(file.name, record.line, column, f"{name}={state}", expected)


def _check_distribution(
    draft: Draft, file: str, value: str, state: str, records: list[Record], states: Sequence[str]
) -> None:
    """All states with a sum of 1, or all but the reference state with a sum of at most 1."""
    given = [record.values[state] for record in records]
    total = fsum(record.values[value] for record in records)
    if states[0] in given and set(given) != set(states):
        missing = ", ".join(name for name in states if name not in given)
        expected = f"rows for {missing} as well, or none for {states[0]}"
        draft.report(file, records[0].line, state, ", ".join(given), expected)
    elif states[0] in given and abs(total - 1) > SUM_TOLERANCE:
        draft.report(file, records[-1].line, value, f"{total:.6g}", "a sum of 1 over the states")
    elif states[0] not in given and total > 1 + SUM_TOLERANCE:
        draft.report(file, records[-1].line, value, f"{total:.6g}", f"a sum of at most 1, the rest being {states[0]}")


def _grouped(records: Iterable[Record], *columns: str) -> dict[tuple[Any, ...], list[Record]]:
    groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in records:
        groups[tuple(record.values[column] for column in columns)].append(record)
    return groups


def _check_priors(draft: Draft) -> None:
    names = _Names(draft)
    records = list(draft.rows("priors.csv", "population", "variable", "state", "probability"))
    for (_, variable), rows in _grouped(records, "population", "variable").items():
        states = names.states.get(variable)
        if states and all(record.values["state"] in states for record in rows):
            _check_distribution(draft, "priors.csv", "probability", "state", rows, states)
        if variable in names.tabled:
            expected = "no prior, since tables.csv has the variable"
            draft.report("priors.csv", rows[0].line, "variable", variable, expected)
    if "priors.csv" in draft.unreadable or not names.complete or names.populations is None:
        return
    given = {
        (record.values["population"], record.values["variable"])
        for record in draft.rows("priors.csv", "population", "variable")
    }
    for variable in names.of_kind("context", "cause"):
        for population in names.populations:
            if variable not in names.tabled and (population, variable) not in given:
                expected = f"a prior in priors.csv for population {population}"
                draft.report("variables.csv", names.lines[variable], "variable", variable, expected)


def _check_links(draft: Draft) -> None:
    names = _Names(draft)
    records = list(draft.rows("links.csv", "parent", "parent_state", "child", "child_state"))
    for record in records:
        values = record.values
        child, parent = values["child"], values["parent"]
        if bool(parent) != bool(values["parent_state"]):
            expected = "a state of the parent" if parent else "an empty cell, since the parent is empty"
            draft.report("links.csv", record.line, "parent_state", values["parent_state"], expected)
        if parent and parent == child:
            draft.report("links.csv", record.line, "parent", parent, "another variable than the child")
        if not parent and names.kinds.get(child) in ("context", "cause"):
            expected = f"a finding or mechanism; the leak of a {names.kinds[child]} stands in priors.csv"
            draft.report("links.csv", record.line, "child", child, expected)
        if child in names.states and values["child_state"] == names.states[child][0]:
            expected = f"a state other than the reference state {names.states[child][0]}"
            draft.report("links.csv", record.line, "child_state", values["child_state"], expected)
        if child in names.tabled:
            draft.report("links.csv", record.line, "child", child, "no link, since tables.csv has the variable")
    numbered = [record for record in records if record.has("link_probability")]
    for rows in _grouped(numbered, "parent", "parent_state", "child").values():
        total = fsum(record.values["link_probability"] for record in rows)
        if total > 1 + SUM_TOLERANCE:
            expected = "a sum of at most 1 over the child states"
            draft.report("links.csv", rows[-1].line, "link_probability", f"{total:.6g}", expected)
    for (parent, _), rows in _grouped(numbered, "parent", "child").items():
        acting = {record.values["parent_state"] for record in rows if record.values["link_probability"] > 0}
        states = names.states.get(parent)
        if parent and states and acting >= set(states):
            expected = f"at least one state of {parent} that brings nothing about; put its part into the leak"
            draft.report("links.csv", rows[-1].line, "parent_state", rows[-1].values["parent_state"], expected)
    _check_leaks(draft, names, {record.values["child"] for record in records if not record.values["parent"]})


def _check_leaks(draft: Draft, names: _Names, given: set[str]) -> None:
    if "links.csv" in draft.unreadable or not names.complete:
        return
    for variable in names.of_kind("mechanism", *FINDING_KINDS):
        if variable not in names.tabled and variable not in given:
            expected = "its leak in links.csv (a row with an empty parent) or rows in tables.csv"
            draft.report("variables.csv", names.lines[variable], "variable", variable, expected)


def _check_tables(draft: Draft) -> None:
    names = _Names(draft)
    records = list(draft.rows("tables.csv", "population", "variable", "parents", "state", "probability"))
    for (variable,), rows in _grouped(records, "variable").items():
        parents = tuple(name for name, _ in rows[0].values["parents"])
        for record in rows:
            conditions = record.values["parents"]
            if tuple(name for name, _ in conditions) != parents:
                expected = f"the parents {', '.join(parents) or '(none)'}, in this order, as in row {rows[0].line}"
                draft.report("tables.csv", record.line, "parents", format_cell(conditions), expected)
            elif any(len(states) != 1 for _, states in conditions):
                draft.report("tables.csv", record.line, "parents", format_cell(conditions), "one state of each parent")
        sound = [r for r in rows if tuple(name for name, _ in r.values["parents"]) == parents]
        states = names.states.get(variable)
        if states is None or any(record.values["state"] not in states for record in rows):
            continue
        for rows_of_case in _grouped(sound, "population", "parents").values():
            _check_distribution(draft, "tables.csv", "probability", "state", rows_of_case, states)
        _check_complete(draft, names, variable, parents, sound)


def _check_complete(draft: Draft, names: _Names, variable: str, parents: tuple[str, ...], rows: list[Record]) -> None:
    used = {record.values["population"] for record in rows}
    if used != {""} and names.populations is not None and used != set(names.populations):
        expected = "an empty cell in all rows of the variable, or rows for every population"
        draft.report("tables.csv", rows[0].line, "population", ", ".join(sorted(used)) or "(empty)", expected)
    if any(parent not in names.states for parent in parents):
        return
    cells = prod(len(names.states[parent]) for parent in parents)
    if cells > LARGEST_TABLE:
        draft.report(
            "tables.csv", rows[0].line, "parents", f"{rounded(cells)} combinations", f"at most {LARGEST_TABLE}"
        )
        return
    given = {
        (record.values["population"], tuple(states[0] for _, states in record.values["parents"])) for record in rows
    }
    for population, combination in product(sorted(used), product(*(names.states[parent] for parent in parents))):
        if (population, combination) not in given:
            missing = ";".join(f"{p}={s}" for p, s in zip(parents, combination, strict=True)) or "no parents"
            place = f" in population {population}" if population else ""
            draft.report("tables.csv", rows[0].line, "parents", variable, f"a row for {missing}{place} as well")


def _check_reach(draft: Draft) -> None:
    """Every state of a variable has a row that can bring it about.

    A noisy gate shows the highest grade drawn, so a state below the lowest one that its leak can draw never shows.
    """
    names = _Names(draft)
    if not names.complete or {"priors.csv", "links.csv", "tables.csv"} & draft.unreadable:
        return
    drawn: dict[str, list[set[int]]] = defaultdict(list)
    acting: dict[str, set[int]] = defaultdict(set)
    for file, (variable, state, value, *origin) in _EFFECTS.items():
        records = draft.records.get(file, [])
        if any(not record.has(variable, state, value, *origin) for record in records):
            return
        for (name, *by), rows in _grouped(records, variable, *origin).items():
            states = names.states.get(name, ())
            given = {r.values[state]: r.values[value] for r in rows if r.values[state] in states}
            possible = {states.index(grade) for grade, probability in given.items() if probability > 0}
            if file == "links.csv" and by[0]:
                acting[name] |= possible
            else:
                rest = bool(states) and states[0] not in given and fsum(given.values()) < 1 - SUM_TOLERANCE
                drawn[name].append(possible | ({0} if rest else set()))
    for name, states in names.states.items():
        reached: set[int] = set()
        for grades in filter(None, drawn.get(name, ())):
            reached |= grades | {grade for grade in acting[name] if grade > min(grades)}
        for position, state in enumerate(states):
            if reached and position not in reached:
                expected = f"a row of priors.csv, links.csv or tables.csv that brings {state} about"
                draft.report("variables.csv", names.lines[name], "states", f"{name}={state}", expected)


_EFFECTS: dict[str, tuple[str, ...]] = {
    "priors.csv": ("variable", "state", "probability", "population"),
    "links.csv": ("child", "child_state", "link_probability", "parent", "parent_state"),
    "tables.csv": ("variable", "state", "probability", "population", "parents"),
}
"""Columns that say which state of which variable is brought about, how probably, and by what."""


def _check_cycles(draft: Draft) -> None:
    edges: dict[tuple[str, str], tuple[str, int]] = {}
    for record in draft.rows("links.csv", "parent", "child"):
        if record.values["parent"] and record.values["parent"] != record.values["child"]:
            edges[record.values["parent"], record.values["child"]] = ("links.csv", record.line)
    for record in draft.rows("tables.csv", "parents", "variable"):
        for parent, _ in record.values["parents"]:
            edges[parent, record.values["variable"]] = ("tables.csv", record.line)
    for _ in range(MOST_CYCLES):
        parents: dict[str, list[str]] = defaultdict(list)
        for parent, child in edges:
            parents[child].append(parent)
        try:
            TopologicalSorter(parents).prepare()
        except CycleError as error:
            cycle = list(error.args[1])
            last = max(pairwise(cycle), key=lambda edge: edges[edge])
            file, line = edges.pop(last)
            column = "parent" if file == "links.csv" else "parents"
            draft.report(file, line, column, " -> ".join(cycle), "links that form no cycle")
        else:
            return


def _check_accuracy(draft: Draft) -> None:
    """A figure says what it is about: states of its finding, a comparison group only where there is one, a reason."""
    names = _Names(draft)
    for record in draft.rows("accuracy.csv"):
        values = record.values
        _check_figure(draft, "accuracy.csv", record, names)
        if values.get("compare") == "no" and not values.get("resolution", "").strip():
            expected = "the reason why the figure cannot be compared, since compare is no"
            draft.report("accuracy.csv", record.line, "resolution", "", expected)


def _check_figure(draft: Draft, file: str, record: Record, names: _Names) -> None:
    """What a published figure is about, in either file."""
    values = record.values
    finding, stated, measure = values.get("finding", ""), values.get("state", ""), values.get("measure", "")
    states = names.states.get(finding, ())
    for state in stated.split("|") if states and stated else ():
        if state not in states:
            expected = one_of(f"a state of {finding}: {', '.join(states)}", state, states)
            draft.report(file, record.line, "state", state, expected)
        elif stated.split("|").count(state) > 1:
            draft.report(file, record.line, "state", stated, "each state once")
            break
    for name, _ in values.get("also", ()):
        if name == finding or names.kinds.get(name, FINDING_KINDS[0]) not in FINDING_KINDS:
            draft.report(file, record.line, "also", name, "another finding than that of the row")
    for column in ("value", "upper") if measure in PROBABILITIES else ():
        if (values.get(column) or 0.0) > 1:
            expected = f"a {measure} between 0 and 1"
            draft.report(file, record.line, column, format_cell(values[column]), expected)
            break
    if values.get("against") and measure in ("sensitivity", "conditional", "predictive_value"):
        expected = f"an empty cell: a {measure} has no comparison group"
        draft.report(file, record.line, "against", format_cell(values["against"]), expected)


_COUNTS = (("k", "n"), ("k_against", "n_against"))

VALUE_TOLERANCE = 0.00501
"""How far a published probability may be from its own counts: half of a whole percent, since papers round."""


def _check_studies(draft: Draft) -> None:
    """A study says how many of how many, once for each 2x2 table."""
    names = _Names(draft)
    tables: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for record in draft.rows("studies.csv"):
        _check_figure(draft, "studies.csv", record, names)
        if record.has("measure", *(column for pair in _COUNTS for column in pair), "value", "lower", "upper"):
            for column, found, expected in _figure_faults(record.values):
                draft.report("studies.csv", record.line, column, found, expected)
        if record.values.get("measure") == "conditional" and record.has("given") and not record.values["given"]:
            draft.report("studies.csv", record.line, "given", "", "on whom the figure is conditional, as a=x;b=y|z")
        if record.has(*(column.name for column in FILE["studies.csv"].columns)):
            tables[Study(**record.values).two_by_two].append(record)
    for records in tables.values():
        _check_one_table(draft, records)


def _figure_faults(values: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    """What is wrong with the counts of a row, or with the value and interval that stand for them."""
    measure = values["measure"]
    for events, patients in _COUNTS:
        k, n = values[events], values[patients]
        if k is not None and n is None:
            yield patients, "", f"how many patients {events} is counted in"
        elif n == 0:
            yield patients, "0", "at least one patient"
        elif k is not None and n is not None and k > n:
            yield events, str(k), f"at most {patients}, {n}"
    against = [column for column in _COUNTS[1] if values[column] is not None]
    if measure not in RATIOS and against:
        other = "; its comparison group has a row of its own, false_positive_rate" if measure == "sensitivity" else ""
        yield against[0], str(values[against[0]]), f"an empty cell: a {measure} is counted in one group{other}"
    interval = [column for column in ("value", "lower", "upper") if values[column] is not None]
    groups = _COUNTS if measure in RATIOS else _COUNTS[:1]
    missing = [column for pair in groups for column in pair if values[column] is None]
    if measure in RATIOS and (values["k"] is not None or values["k_against"] is not None) and missing:
        yield missing[0], "", f"all of k, n, k_against and n_against, since a {measure} compares two groups"
    elif values["k"] is None and len(interval) < 3:
        column = "k" if not interval else next(c for c in ("value", "lower", "upper") if c not in interval)
        yield column, "", f"counts ({', '.join(c for pair in groups for c in pair)}), or value, lower and upper"
    if len(interval) == 3:
        value, lower, upper = (values[column] for column in ("value", "lower", "upper"))
        if lower > upper:
            yield "lower", format_cell(lower), f"at most its upper end, {format_cell(upper)}"
        elif not lower <= value <= upper:
            interval_text = f"{format_cell(lower)} to {format_cell(upper)}"
            yield "value", format_cell(value), f"a value within its own interval, {interval_text}"
        elif lower == upper and values["k"] is None:
            yield "upper", format_cell(upper), "an interval with a width: a study of patients is never certain"
    if measure in RATIOS and values["value"] is not None and values["value"] <= 0:
        yield "value", format_cell(values["value"]), "a ratio above 0"
    k, n, value = values["k"], values["n"], values["value"]
    if measure not in RATIOS and None not in (k, n, value) and n and abs(value - k / n) > VALUE_TOLERANCE:
        yield "value", format_cell(value), f"{k / n:.3g}, {k} of {n}, or an empty cell"


def _check_one_table(draft: Draft, records: list[Record]) -> None:
    """Of the four figures of a 2x2 table two say everything; a third would count its patients again."""
    first = records[0]
    about = ("finding", "state", "also", "cause", "population", "given")
    for record in records[1:]:
        for column in about:
            if record.values[column] != first.values[column]:
                expected = (
                    f"{format_cell(first.values[column]) or 'an empty cell'}, as in row {first.line} of the table"
                )
                draft.report("studies.csv", record.line, column, format_cell(record.values[column]), expected)
    for place, record in enumerate(records):
        others = [other.line for other in records[:place] if other.values["measure"] == record.values["measure"]]
        if others:
            expected = f"each measure of a 2x2 table once; row {others[0]} has it (column table tells tables apart)"
            draft.report("studies.csv", record.line, "measure", record.values["measure"], expected)
        elif place == 2:
            expected = (
                f"at most two figures of a 2x2 table; rows {first.line} and {records[1].line} say what the others do "
                "(column table tells tables apart)"
            )
            draft.report("studies.csv", record.line, "table", record.values["table"], expected)


def _check_shares(draft: Draft) -> None:
    """What a number owes to studies: each a source with its share, together at most 1, beside the information."""
    names = _Names(draft)
    for file in ("priors.csv", "links.csv", "tables.csv"):
        for record in draft.rows(file, "information", "shares"):
            information, shares = record.values["information"], record.values["shares"]
            if (information is None) == bool(shares):
                column, other = ("information", "shares") if shares else ("shares", "information")
                draft.report(file, record.line, column, "", f"a value, since {other} has one")
            total = 0.0
            for text in shares:
                try:
                    source, share = split_share(text)
                except ValueError:
                    draft.report(file, record.line, "shares", text, "a source and its share, as LEE2019 0.4")
                    continue
                total += share
                if names.sources_complete and source not in names.sources:
                    expected = one_of("a source of sources.csv", source, names.sources)
                    draft.report(file, record.line, "shares", source, expected)
            if total > 1 + SUM_TOLERANCE:
                draft.report(
                    file, record.line, "shares", f"{total:.6g}", "a sum of at most 1, the rest being judgement"
                )


def _check_correlations(draft: Draft) -> None:
    """Each pair names two numbers of different distributions, once; all of them together can be."""
    if "correlations.csv" not in draft.records:
        return
    known = {name: _numbers_of(draft, name) for name in NUMBER_FILES}
    complete = not draft.unreadable & set(NUMBER_FILES)
    pairs: dict[frozenset[tuple[str, str]], int] = {}
    sound: list[tuple[tuple[str, str], tuple[str, str], float]] = []
    faults = 0
    for record in draft.rows("correlations.csv", *FILE["correlations.csv"].header):
        ends = [(record.values[file], record.values[name]) for file, name in _ENDS]
        found: list[tuple[str, ...]] = []
        for (file, name), (_, column) in zip(ends, _ENDS, strict=True):
            if name in known[file]:
                uncertain, place = known[file][name]
                found.append((file, *place))
                if not uncertain:
                    expected = "a number with an interval that has a width"
                    draft.report("correlations.csv", record.line, column, name, expected)
                    faults += 1
            elif complete:
                expected = one_of(f"the cells that name a row of {file}", name, known[file])
                draft.report("correlations.csv", record.line, column, name, expected)
                faults += 1
        both = frozenset(ends)
        if len(found) == 2 and found[0] == found[1]:
            expected = "a number of another distribution"
            draft.report("correlations.csv", record.line, "other", ends[1][1], expected)
            faults += 1
        elif both in pairs and ends[0] > ends[1]:  # the pair in the same order is a double row, which is said elsewhere
            expected = f"each pair once; row {pairs[both]} has it already"
            draft.report("correlations.csv", record.line, "other", ends[1][1], expected)
            faults += 1
        pairs.setdefault(both, record.line)
        sound.append((ends[0], ends[1], record.values["correlation"]))
    if not faults and sound and not are_possible(sound):
        expected = "correlations that numbers can have together: a positive definite matrix"
        draft.report("correlations.csv", None, "correlation", f"{len(sound)} correlations", expected)


_ENDS = (("file", "number"), ("other_file", "other"))


def _numbers_of(draft: Draft, name: str) -> dict[str, tuple[bool, tuple[str, ...]]]:
    """The rows of a file by name: whether the number is uncertain, and what names its distribution."""
    file = FILE[name]
    state = "child_state" if name == "links.csv" else "state"
    found = {}
    for record in draft.rows(name, *file.key, file.value, "lower", "upper"):
        value, lower, upper = (record.values[column] for column in (file.value, "lower", "upper"))
        key = [format_cell(record.values[column]) for column in file.key]
        place = tuple(cell for column, cell in zip(file.key, key, strict=True) if column != state)
        found[number_name(key)] = (0 < value < 1 and lower < upper, place)
    return found


def _check_cases(draft: Draft) -> None:
    """Every expectation can be read, and names causes, flags and states that there are."""
    names = _Names(draft)
    flags = [record.values["flag"] for record in draft.rows("red_flags.csv", "flag")]
    for record in draft.rows("cases.csv", "expect"):
        for text in split_expectations(record.values["expect"]):
            try:
                expectation = parse_expectation(text)
            except ValueError as error:
                draft.report("cases.csv", record.line, "expect", text, str(error))
                continue
            expected = ""
            match expectation:
                case FlagFires(flag, _) if flag and "red_flags.csv" not in draft.unreadable and flag not in flags:
                    expected = one_of("a flag of red_flags.csv", flag, flags)
                case MovesNothing(name, state) if names.complete:
                    expected = _expected_state(names, name, state, "variable", KINDS)
                case InTop(name) if name and names.complete:
                    expected = _expected_cause(names, record, name, "")
                case InRange(name, state) if name and names.complete:
                    expected = _expected_cause(names, record, name, state)
            if expected:
                draft.report("cases.csv", record.line, "expect", text, expected)


def _expected_cause(names: _Names, record: Record, name: str, state: str) -> str:
    """What was expected instead of a cause in an expectation; empty where there is such a cause."""
    if name == MAIN and record.has("causes"):
        if not record.values["causes"]:
            return f"the name of a cause: {MAIN} means the first one of the column causes, which is empty"
        name = record.values["causes"][0]
        if name not in names.lines:
            return ""  # reported where it stands
    return _expected_state(names, name, state, "cause", ("cause",))


def _expected_state(names: _Names, name: str, state: str, what: str, kinds: Sequence[str]) -> str:
    """What was expected instead of ``name=state``; empty where there is such a state."""
    if name not in names.lines or names.kinds.get(name, kinds[0]) not in kinds:
        return one_of(f"a {what} of variables.csv", name, names.of_kind(*kinds))
    states = names.states.get(name)
    if not state or states is None or state in states:
        return ""
    return one_of(f"a state of {name}: {', '.join(states)}", state, states)


_CHECKS: tuple[Callable[[Draft], None], ...] = (
    _check_duplicates,
    _check_intervals,
    _check_variables,
    _check_bias,
    _check_words,
    _check_groups,
    _check_references,
    _check_priors,
    _check_links,
    _check_tables,
    _check_reach,
    _check_cycles,
    _check_accuracy,
    _check_studies,
    _check_shares,
    _check_correlations,
    _check_cases,
)
