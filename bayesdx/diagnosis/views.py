"""A diagnosis as blocks: what text, HTML and the command line show of it, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from bayesdx.diagnosis.case import DISCLAIMER, CaseNumbers, GroupSum, Line
from bayesdx.diagnosis.conflict import Conflict
from bayesdx.diagnosis.findings import UNKNOWN
from bayesdx.diagnosis.intervals import credible_intervals
from bayesdx.diagnosis.suggestions import NextTests
from bayesdx.display import format_probability, format_ratio
from bayesdx.display.blocks import Alert, Bar, Block, Entries, Grid, Note, Title
from bayesdx.display.numbers import ROUNDING

LONGEST_DIFFERENTIAL = 15
"""Lines of the differential that a view shows where nothing else is asked."""

SETS = 3
"""Sets of causes that a view shows."""

BEST = 3
"""Next tests that a view shows."""

UNASKED = 8
"""Questions of emergencies that a view lists."""

MOST_REASONS = 5
"""Findings that an alert names."""

UNKNOWNS = 3
"""Findings that could not be told of which each has a line of its own."""

CHOOSE = "dx.load_model(..., population=...)"
"""How a setting is chosen in Python."""

LEAST_SHOWN = 0.01
"""Probability from which a group, and a member of it, is shown."""

MOST_MEMBERS = 4
"""Members of a group that are named."""

NOTHING = "None of the modelled causes"


def blocks_of(
    case: CaseNumbers, top: int | None, following: NextTests | str, conflict: Conflict | None, choose: str
) -> list[Block]:
    """Setting, findings, alerts, differential, steps of care, what to find out next, sets of causes, notice.

    Parameters
    ----------
    case : Diagnosis
    top : int or None
        As ``Diagnosis.blocks`` takes it.
    following : NextTests or str
        What could be found out next; a sentence where that is too much to compute.
    conflict : Conflict or None
        Whether the findings fit together; where it is given, credible intervals are shown too.
    choose : str
        How a population is chosen.
    """
    lines = case.lines(LONGEST_DIFFERENTIAL if top is None else top)
    named = case.differential if top is None else lines
    shown: list[Block] = [Title(title(case)), *elsewhere_blocks(case, named, choose), *finding_blocks(case)]
    shown += [*banners(case), Entries(triage_and_answers(case))]
    shown.append(differential(case, lines, intervals=conflict is not None))
    hidden = len(case.differential) - len(lines)
    if hidden:
        shown.append(Note(f"... and {hidden} other{'s' if hidden > 1 else ''}, not shown"))
    shown += together_blocks(case, named)
    if conflict is not None and conflict.warning:
        shown.append(Alert(_warning(conflict, named), "warning"))
    shown += [*step_blocks(case, named), *next_blocks(following, BEST)]
    return [*shown, *set_blocks(case, named, SETS), Note(DISCLAIMER)]


def brief_blocks(
    case: CaseNumbers, top: int | None, following: NextTests | str, conflict: Conflict, choose: str
) -> list[Block]:
    """The same on half a screen: findings in a line, alerts, triage, the first causes, the best next test, notice.

    Parameters
    ----------
    case, top, following, conflict, choose
        As ``blocks_of``.
    """
    lines = case.lines(LONGEST_DIFFERENTIAL if top is None else top)
    assumed = [Note(said.partition(" First three")[0])] if (said := setting(case, choose)) else []
    unfitting = [Alert(_warning(conflict, lines), "warning")] if conflict.warning else []
    unknown = _unknown(case)
    said = "; ".join(found.text for found in case.understood if not (unknown and found.value is UNKNOWN))
    rows = [("Findings", f"{said}.")] if said else []
    rows += [("Not known", unknown)] if unknown else []
    if isinstance(following, NextTests) and following.suggestions and not stopping(following):
        best = following.suggestions[0]
        rows.append(("Next", f"{best.option.label} ({following.purpose(best)})."))
    hidden = len(case.differential) - len(lines)
    more = [Note(f"... and {hidden} other{'s' if hidden > 1 else ''}, not shown")] if hidden else []
    told: list[Block] = [*assumed, *banners(case), Entries([*triage(case)[:1], *rows])]
    table = differential(case, lines, intervals=True)
    return [Title(title(case)), *told, table, *more, *unfitting, Note(DISCLAIMER)]


def _warning(conflict: Conflict, lines: Sequence[Line]) -> str:
    """What does not fit; of the causes that could explain it those that are shown."""
    labels = {line.label for line in lines}
    explains = [label for label in conflict.resolved_by if label in labels]
    return replace(conflict, resolved_by=tuple(explains)).warning


def title(case: CaseNumbers) -> str:
    """Model, version, setting, and how many findings there are."""
    model = case.model
    unknown = sum(value is UNKNOWN for value in case.findings.values())
    count = len(case.findings) - unknown
    told = f"{count} finding{'s' if count != 1 else ''}{f', {unknown} not known' if unknown else ''}"
    return f"{model.name} {model.version}, {model.population}: {told}"


def setting(case: CaseNumbers, choose: str) -> str:
    """What is said of a setting that nobody chose; empty where somebody did."""
    if not case.model.population_assumed:
        return ""
    here = {row.name: row.title for row in case.model.info.populations}[case.model.population]
    return f"Setting assumed: {here} ({case.model.population}); choose with {choose}. First three elsewhere:"


def elsewhere(case: CaseNumbers, lines: Sequence[Line]) -> list[tuple[str, str]]:
    """(setting, its first three causes) of each other setting; empty where the setting was chosen.

    Where one of these is not shown, the first three that are shown stand there instead.
    """
    shown = {line.cause for line in lines}
    rows = []
    for name, first in case.elsewhere.items():
        told = [(line.label, line.posterior) for line in first]
        if not {line.cause for line in first} <= shown:
            there = case.with_population(name).posterior
            told = [(line.label, float(there[line.cause])) for line in lines[:3]]
        said = ", ".join(f"{label} {format_probability(posterior)}" for label, posterior in told)
        rows.append((name, said or "the findings cannot occur there"))
    return rows


def elsewhere_blocks(case: CaseNumbers, lines: Sequence[Line], choose: str) -> list[Block]:
    """That nobody chose the setting, and what others would change; nothing where somebody did."""
    said = setting(case, choose)
    return [Entries(elsewhere(case, lines), said)] if said else []


def findings(case: CaseNumbers) -> list[tuple[str, str]]:
    """(label, value) of each finding as understood, with what was given where it differs.

    A state whose label says no more than the variable's is shown by its name: Diabetes: yes. What could not be told
    stands together in a last line where there is more than ``UNKNOWNS`` of it.
    """
    unknown = _unknown(case)
    rows = [
        (found.label, f"{found.value_text} ({found.said})" if found.said else found.value_text)
        for found in case.understood
        if not (unknown and found.value is UNKNOWN)
    ]
    return [*rows, ("Not known", unknown)] if unknown else rows


def _unknown(case: CaseNumbers) -> str:
    """What could not be told, where there is too much of it for a line each; else empty."""
    labels = [found.label for found in case.understood if found.value is UNKNOWN]
    return f"{'; '.join(labels)}." if len(labels) > UNKNOWNS else ""


def finding_blocks(case: CaseNumbers) -> list[Block]:
    """The findings as understood; nothing where there are none."""
    rows = findings(case)
    return [Entries(rows, "Findings as understood")] if rows else []


def alerts(case: CaseNumbers) -> list[tuple[str, str, str]]:
    """(urgency, what to do, why) of each alert; what stands among the steps of care is not said twice."""
    steps = {step.action for step in case.management}
    said = {found.variable: found.text for found in case.understood}
    rows = []
    for alert in case.alerts:
        first, *more = alert.actions
        actions = "; ".join([first, *(action for action in more if action not in steps)])
        doubt = "" if alert.certain else ", which cannot be excluded"
        because = "; ".join(said[name] for name in alert.findings[:MOST_REASONS])
        if len(alert.findings) > MOST_REASONS:
            because += f"; and {len(alert.findings) - MOST_REASONS} more"
        why = f"{alert.label} (now {alert.chance}){doubt}{because and f', because of {because}'}"
        rows.append((alert.urgency, f"{actions}{_in_brackets(_done(case, alert.done))}.", f"{why}."))
    return rows


def _done(case: CaseNumbers, tests: Sequence[str]) -> str:
    """Which of the tests that are called for were made; empty where none was."""
    labels = {test.test: test.label for test in case.model.tests}
    return f"done already: {', '.join(labels[test] for test in tests)}" if tests else ""


def _in_brackets(*parts: str) -> str:
    said = "; ".join(filter(None, parts))
    return f" ({said})" if said else ""


def answered(case: CaseNumbers) -> list[str]:
    """A sentence for each red flag that raises no alarm because it is answered."""
    said = {found.variable: found.text for found in case.understood}
    return [
        f"Red flag {flag.label} ({case.model.label(flag.cause)}): {'; '.join(said[name] for name in flag.answered)}."
        for flag in case.red_flags
        if flag.answered
    ]


def triage(case: CaseNumbers) -> list[tuple[str, str]]:
    """The level with its reason, and the questions of emergencies that were not asked where there is no emergency."""
    rows = [("Triage", f"{case.triage.text}.")]
    names = [case.model.label(name) for name in case.triage.unasked]
    if names and case.triage.level != "emergency":
        hidden = len(names) - UNASKED
        more = f" and {hidden} more" if hidden > 0 else ""
        rows.append(("Not asked", f"{'; '.join(names[:UNASKED])}{more}."))
    return rows


def banners(case: CaseNumbers) -> list[Block]:
    """The alerts."""
    return [Alert(f"{action} {why}", urgency) for urgency, action, why in alerts(case)]


def triage_and_answers(case: CaseNumbers) -> list[tuple[str, str]]:
    """(lead, text) of the triage, and of each red flag that is answered."""
    return [*triage(case), *(("Answered", text) for text in answered(case))]


def _reference(case: CaseNumbers, cause: str) -> str:
    return f"{cause}={case.model.by_name[cause].states[0]}"


def groups(case: CaseNumbers, lines: Sequence[Line]) -> list[tuple[str, str]]:
    """(probability, group and its members) of the groups that matter; the sum of what has no name of its own last.

    A member that is not shown is not named.
    """
    shown = {line.cause for line in lines}
    found = sorted(case.groups, key=lambda group: group.group in case.model.by_name)
    return [
        (f"{format_probability(group.probability):>6}", f"{group.label}: {_members(group, shown)}")
        for group in found
        if group.probability >= LEAST_SHOWN
    ]


def _members(group: GroupSum, shown: AbstractSet[str]) -> str:
    """The members worth naming, the likeliest first; how many others there are."""
    known = [line for line in group.members if line.cause in shown]
    named = [line for line in known if line.posterior >= LEAST_SHOWN] or known[:1]
    said = [f"{line.label} {format_probability(line.posterior)}" for line in named[:MOST_MEMBERS]]
    others = len(group.members) - len(said)
    if others:
        said.append(f"{others} {'more' if said else 'causes'}")
    return ", ".join(said)


def together_blocks(case: CaseNumbers, lines: Sequence[Line]) -> list[Block]:
    """The sums of groups that matter; nothing where none does."""
    together = groups(case, lines)
    return [Entries(together, "Together")] if together else []


def differential(case: CaseNumbers, lines: Sequence[Line], *, intervals: bool) -> Grid:
    """A row for each line, and one for no cause; with ``intervals``, also the 95 % credible interval of each."""
    ends = credible_intervals(case).table[["lower", "upper"]].T.to_dict("list") if intervals else {}
    rows: list[list[object]] = []
    for line in lines:
        numbers = [format_probability(line.prior), format_probability(line.posterior)]
        low_high = ends.get(line.cause)
        middle = [" to ".join(map(format_probability, low_high))] if low_high else []
        bar = Bar(line.posterior, interval=(low_high[0], low_high[1]) if low_high else None)
        rows.append([line.label, *numbers, *middle, format_ratio(line.likelihood_ratio), bar])
    if case.may_have_none:
        none = case.none_present
        middle = [""] if intervals else []
        rows.append([NOTHING, "", format_probability(none), *middle, "", Bar(none, kind="plain")])
    if intervals:
        return Grid(("cause", "prior", "now", "95 % interval", "LR", ""), rows, (1, 2, 3, 4), spare=(5, 4, 1, 3))
    return Grid(("cause", "prior", "now", "LR", ""), rows, (1, 2, 3), spare=(4, 3, 1))


def steps(case: CaseNumbers, lines: Sequence[Line]) -> list[tuple[str, str, str]]:
    """(urgency, cause, step) of the causes shown; while an emergency stands, what is merely routine waits."""
    hidden = {line.cause for line in case.differential} - {line.cause for line in lines}
    emergency = any(step.urgency == "emergency" for step in case.management)
    return [
        (
            step.urgency,
            case.model.label(step.cause),
            step.action + _in_brackets(step.when, _done(case, step.done)),
        )
        for step in case.management
        if step.cause not in hidden and not (emergency and step.urgency == "routine")
    ]


def step_blocks(case: CaseNumbers, lines: Sequence[Line]) -> list[Block]:
    """The steps of care; nothing where there are none."""
    rows = [(urgency, f"{cause}: {action}") for urgency, cause, action in steps(case, lines)]
    return [Entries(rows, "What to do now")] if rows else []


def next_blocks(following: NextTests | str, most: int) -> list[Block]:
    """The best options, or why there is none to name."""
    heading = "What to find out next"
    if isinstance(following, str):
        return [Entries([("", following)], heading)]
    stop = stopping(following)
    if stop or not following.suggestions:
        return [Entries([("", stop or following.stop_reason)], heading)]
    rows = [
        [s.option.label, f"{s.bits:.3f}", f"{s.option.cost_eur:g}", f"{s.delay_hours:g}", following.purpose(s)]
        for s in following.suggestions[:most]
    ]
    return [Grid(("option", "bits", "cost EUR", "delay hours", "why"), rows, (1, 2, 3), heading, spare=(1, 2, 3))]


def stopping(following: NextTests) -> str:
    """That nothing further would change the decision, where that is so; empty where it is not."""
    if not following.stop:
        return ""
    said = "Nothing further would change the decision"
    if not following.suggestions:
        return f"{said}: everything that the model knows of has been looked for."
    most = max(suggestion.decision_change for suggestion in following.suggestions)
    if most <= ROUNDING:
        return f"{said}, whatever the answer to any open question or test."
    return f"{said}: no open question or test does so with a probability above {format_probability(most)}."


def set_blocks(case: CaseNumbers, lines: Sequence[Line], count: int) -> list[Block]:
    """The most probable sets of causes; nothing where every patient has one cause."""
    if not case.may_have_none:
        return []
    return [Entries(list(sets(case, lines, count)), "Most probable sets of causes")]


def sets(case: CaseNumbers, lines: Sequence[Line], count: int) -> Iterator[tuple[str, str]]:
    """(probability, causes) of the most probable sets; a cause that is not shown is not named."""
    shown = {line.cause for line in lines}
    nothing = NOTHING if case.may_have_none else case.model.label(_reference(case, case.model.causes[0]))
    reference = {_reference(case, name) for name in case.model.causes}
    for causes, probability in case.probable_sets(count):
        present = [name for name in causes if name not in reference]
        named = [case.model.label(name) for name in present if name in shown]
        others = len(present) - len(named)
        if others:
            named.append("another cause" if others == 1 else f"{others} other causes")
        yield f"{format_probability(probability):>6}", " + ".join(named) or nothing
