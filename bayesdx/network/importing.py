"""A model folder from any network: roles, reference states, gates as links, tables as tables, where it is from."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesdx.errors import NetworkError, did_you_mean, rounded
from bayesdx.knowledge.checking import LARGEST_TABLE, SUM_TOLERANCE
from bayesdx.knowledge.model import Model, ModelInfo, Population
from bayesdx.knowledge.reading import LARGEST_FILE, MOST_ROWS, MOST_STATES
from bayesdx.knowledge.schema import (
    FINDING_KINDS,
    KINDS,
    STATUSES,
    VERSION,
    Link,
    Prior,
    Source,
    TableEntry,
    Test,
    Variable,
)
from bayesdx.knowledge.spelling import compact, identifier, in_words
from bayesdx.network.beliefs import Beta, is_constant
from bayesdx.network.convert import as_network
from bayesdx.network.files.common import OWN, shown
from bayesdx.network.files.xdsl import GENIE
from bayesdx.network.gates import noisy_max
from bayesdx.network.network import Network, Node, NoisyMax, Table, arrays_of

if TYPE_CHECKING:
    from pgmpy.models import DiscreteBayesianNetwork

Array = NDArray[np.float64]

SOURCE = "IMPORTED"
"""Name of the source of every number."""

POPULATION = "imported"
"""Name of the one population."""

NOTHING = ("absent", "no", "none", "negative", "false", "normal", "healthy", "never", "off")
"""States that mean that nothing was found: the first of these that a variable has is its reference state."""

_NOT_STATED = "Not stated in the network."
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
_SMALLEST_REST = 1e-3
"""A reference state less probable than this gets a row of its own: as what the others leave, it would be rounding."""


def model_from_network(
    network: Network | DiscreteBayesianNetwork,
    causes: Sequence[str] = (),
    *,
    name: str = "",
    version: str = "0.1.0",
    title: str = "",
    kinds: Mapping[str, str] | None = None,
    references: Mapping[str, str] | None = None,
    sample_size: float | None = None,
    status: str = "expert",
    licence: str = "",
) -> Model:
    """A model of any discrete network, so that diagnosis, reasons, next tests and the explorer work on it.

    Its numbers are those of the network, so its posteriors are. Noisy gates become links, tables stay tables. States
    that have probability 0 whatever else holds are left out, and so are variables that are always in one state;
    NOTES.md lists them. What a network does not say has to be added by people: sources, intervals, red flags, costs.

    Parameters
    ----------
    network : Network or pgmpy.models.DiscreteBayesianNetwork
        For example from ``read_network``, which also keeps the file's name and hash for the source.
    causes : sequence of str
        Names of the variables that are diagnosed. Where left out: the targets that GeNIe's file marks, else
        ``network.targets``.
    name, version, title, licence : str, optional
        Of the model; the name is that of the file where left out.
    kinds : mapping of variable to kind, optional
        Instead of the rule: a variable without parents is a context, one without children a finding
        (``examination``, or ``test`` where GeNIe's file gives it a cost), and so is an observation of GeNIe; what
        remains is a mechanism.
    references : mapping of variable to state, optional
        Reference states. Where left out: the default or the one state that is no fault, as GeNIe's file says; else a
        state called ``absent``, ``no`` or the like; else the first or the last one, whichever is usual in this network
        (NOTES.md says for which). A gate's reference state is its lowest grade.
    sample_size : float of at least 1, optional
        Patients that each distribution is worth; it gives every number the 95 % interval of a Beta of that size.
        Without it, intervals have no width: the network states none.
    status : str, optional
        How the numbers are known, one of the statuses of the format. ``expert`` (judgement) where left out: it claims
        least, since a network alone does not say whether anybody counted or read. Give ``dataset`` for a network that
        was learned from data.

    Returns
    -------
    Model
        Of format 2, a draft. ``save_model`` writes it.

    Raises
    ------
    NetworkError
        A variable is not known, or the format cannot hold the network: more than 100 states of a variable or 100,000
        combinations of parents. All faults are listed.

    Examples
    --------
    >>> from bayesdx.network import Network, Node, Table
    >>> rain = Node("rain", ("yes", "no"), (), Table([0.2, 0.8]))
    >>> wet = Node("wet grass", ("yes", "no"), ("rain",), Table([[0.9, 0.1], [0.1, 0.9]]))
    >>> model = model_from_network(Network([rain, wet]), ["rain"], name="garden")
    >>> model.causes, model.findings, model.by_name["wet_grass"].states, model.label("wet_grass")
    (('rain',), ('wet_grass',), ('no', 'yes'), 'wet grass')
    """
    _check_options(version, sample_size, status)
    given = as_network(network)
    source, left_out = _possible(given)
    chosen = _causes(given, causes)
    _refuse_constant(given, source, (*chosen, *(kinds or {}), *(references or {})))
    roles = _kinds(source, chosen, kinds or {})
    _known(given, references or {}, "a reference state")
    _refuse_unfit(source)
    states, guessed = _ordered(source, roles, references or {})
    named = _named(source, states, roles)
    rows = _Rows(source, states, named, sample_size, status)
    file = "".join(source.details.properties_of(f"{OWN}file"))
    digest = "".join(source.details.properties_of(f"{OWN}sha256")) or _digest(given)
    calls = name or identifier(PurePath(file).name.split(".")[0] if file else source.details.label or "imported")
    what = _clean(source.details.label) or calls.replace("_", " ")
    info = ModelInfo(
        calls, version, _clean(title) or what, _clean(licence) or _NOT_STATED,
        f"{_clean(source.details.comment) or _NOT_STATED} Imported as it is; its numbers were not reviewed.",
        "Care of patients, until its numbers have sources and it was evaluated.", _NOT_STATED,
        (Population(POPULATION, "As in the network"),), POPULATION,
    )  # fmt: skip
    origin = Source(
        SOURCE, f"{_clean(file) or 'A network in memory'}, imported with bayesdx", None, f"sha256:{digest}", "",
        "Bayesian network", None, status,
    )  # fmt: skip
    model = Model(
        info, tuple(named.values()), tuple(rows.priors), tuple(rows.links), tuple(rows.tables),
        tests=tuple(_tests(source, named, status)), sources=(origin,),
        notes=_notes(source, named, guessed, left_out, sample_size),
    )  # fmt: skip
    size = {file: len(content) for file, content in model.contents().items() if len(content) > LARGEST_FILE}
    if size:
        largest = max(size, key=size.__getitem__)
        raise NetworkError(f"{calls}: {largest} would have {size[largest]} bytes; the format holds {LARGEST_FILE}.")
    return model


def _check_options(version: str, sample_size: float | None, status: str) -> None:
    if not VERSION.fullmatch(version):
        raise NetworkError(f"version: {version!r}; expected three numbers, as 0.1.0.")
    if sample_size is not None and not (math.isfinite(sample_size) and sample_size >= 1):
        raise NetworkError(f"sample_size: {sample_size}; expected a number of patients of at least 1.")
    if status not in STATUSES:
        raise NetworkError(f"status: {status!r}; expected {', '.join(STATUSES)}.")


def _known(network: Network, names: Iterable[str], what: str) -> None:
    for name in names:
        if name not in network.index:
            raise NetworkError(f"{what}: {name!r} is not a variable.{did_you_mean(name, network.names)}")


def _causes(network: Network, causes: Sequence[str]) -> tuple[str, ...]:
    if isinstance(causes, str):
        causes = (causes,)
    _known(network, causes, "causes")
    marked = [node.name for node in network.nodes if _role(node) in ("target", "fault")]
    chosen = tuple(dict.fromkeys(causes)) or tuple(marked) or network.targets
    if not chosen:
        some = ", ".join(node.name for node in network.nodes[:10])
        raise NetworkError(
            f"causes: none is named, and the network marks none; name what is diagnosed among {some} ..."
        )
    return chosen


def _refuse_constant(given: Network, source: Network, names: Iterable[str]) -> None:
    """Raise where an argument names a variable that is always in one state."""
    for name in names:
        if name in given.index and name not in source.index:
            raise NetworkError(f"{name!r} is always in one state; it is no part of a model.")


def _role(node: Node) -> str:
    return "".join(node.details.properties_of(f"{GENIE}diagtype")[:1])


def _cost(node: Node) -> float | None:
    """The cost of an observation, where the file gives one number."""
    texts = node.details.properties_of(f"{GENIE}cost")
    try:
        cost = float(texts[0])
    except (IndexError, ValueError):
        return None
    return cost if math.isfinite(cost) and cost >= 0 else None


def _kinds(network: Network, causes: Collection[str], kinds: Mapping[str, str]) -> dict[str, str]:
    _known(network, kinds, "kinds")
    for name, kind in kinds.items():
        if kind not in KINDS:
            raise NetworkError(f"kinds: {kind!r} for {name!r}; expected {', '.join(KINDS)}.")
    parents = {parent for node in network.nodes for parent in node.parents}
    found = {}
    for node in network.nodes:
        finding = "examination" if _cost(node) is None else "test"
        if node.name in causes:
            kind = "cause"
        elif _role(node) == "observation":
            kind = finding
        elif not node.parents:
            kind = "context"
        else:
            kind = "mechanism" if node.name in parents else finding
        found[node.name] = kinds.get(node.name, kind)
    if "cause" not in found.values():
        raise NetworkError("kinds: no cause is left; at least one variable has to be one.")
    return found


def _refuse_unfit(network: Network) -> None:
    """Raise with everything in the network that a model folder cannot hold."""
    faults = []
    rows = 0
    for node in network.nodes:
        card = len(node.states)
        if card > MOST_STATES:
            faults.append(f"{shown(node.name)} has {card} states; a model holds {MOST_STATES}")
        cells = 1 if _is_gate(node) else prod(len(network[parent].states) for parent in node.parents)
        if cells > LARGEST_TABLE:
            count = rounded(cells)
            faults.append(f"{shown(node.name)} has {count} combinations of its parents; a model holds {LARGEST_TABLE}")
        rows += cells * (card - 1)
        never = [shown(node.states[code]) for code in _impossible(node)]
        if never:
            faults.append(
                f"{', '.join(never)} of the noisy gate {shown(node.name)} has probability 0 whatever its parents are; "
                "a model has no state that cannot be"
            )
    if rows > MOST_ROWS:
        faults.append(f"all tables together need {rows} rows; a model holds {MOST_ROWS}")
    if faults:
        shown_faults = "".join(f"\n  {fault}." for fault in faults[:20])
        more = f"\n  ... and {len(faults) - 20} more." if len(faults) > 20 else ""
        count = f"{len(faults)} reason{'s' if len(faults) > 1 else ''}"
        raise NetworkError(f"the network cannot be a model for {count}:{shown_faults}{more}")


def _impossible(node: Node) -> list[int]:
    """States that have probability 0 whatever the parents are."""
    if isinstance(node.cpd, Table):
        reached = set(np.flatnonzero(node.cpd.values.reshape(-1, len(node.states)).any(axis=0)).tolist())
    else:
        drawn = np.flatnonzero(node.cpd.leak).tolist()
        acting = {code for link in node.cpd.links for code in np.nonzero(link)[1].tolist()}
        reached = {*drawn, *(code for code in acting if code > drawn[0])}
    return [code for code in range(len(node.states)) if code not in reached]


def _possible(network: Network) -> tuple[Network, list[str]]:
    """The network without states that cannot be and variables that are always in one state; and what was left out.

    No probability changes. A gate with such a state is taken as its table, where that is small enough.
    """
    kept: dict[str, list[int]] = {}
    nodes: list[Node] = []
    left_out: list[str] = []
    for node in network.nodes:
        cpd: Table | NoisyMax = node.cpd
        varied = tuple(name for name in node.parents if len(kept[name]) > 1)
        own = list(range(len(node.states)))
        if isinstance(cpd, NoisyMax):
            cpd = _without_constants(node, cpd, kept)
            cells = prod(len(kept[name]) for name in varied)
            if _impossible(replace(node, cpd=cpd)) and cells <= LARGEST_TABLE:
                cpd = Table(cpd.table())
        else:
            values = cpd.values[np.ix_(*(kept[name] for name in node.parents), own)]
            cpd = Table(values.reshape(*(len(kept[name]) for name in varied), len(own)))
        if isinstance(cpd, Table):
            never = _impossible(replace(node, cpd=cpd))
            own = [code for code in own if code not in never]
            if len(own) > 1:
                left_out += [f"{node.name} = {node.states[code]}" for code in never]
                cpd = Table(cpd.values[..., own])
        kept[node.name] = own
        if len(own) == 1:
            left_out.append(f"{node.name}, which is always {node.states[own[0]]}")
            continue
        labels = node.details.state_labels
        details = replace(node.details, state_labels=tuple(labels[code] for code in own) if labels else ())
        nodes.append(Node(node.name, tuple(node.states[code] for code in own), varied, cpd, details))
    names = {node.name for node in nodes}
    targets = tuple(name for name in network.targets if name in names)
    return Network(tuple(nodes), targets, network.details), left_out


def _without_constants(node: Node, gate: NoisyMax, kept: Mapping[str, list[int]]) -> NoisyMax:
    """The gate of the states that are kept; what a parent always brings about becomes part of the leak."""
    leak, links = gate.leak, []
    for name, link in zip(node.parents, gate.links, strict=True):
        rows = link[kept[name]]
        if len(rows) > 1:
            links.append(rows)
        elif rows[0, 0] < 1:
            leak = noisy_max(leak, [rows], [np.array(0)])
    return NoisyMax(leak, links)


def _is_gate(node: Node) -> bool:
    """Whether a node can be given by links: each parent has a state that brings nothing about."""
    gate = node.cpd
    if not isinstance(gate, NoisyMax) or not node.parents or not all((link[:, 0] == 1).any() for link in gate.links):
        return False
    return not 0 < gate.leak[0] < SUM_TOLERANCE  # rows of a leak cannot say so little of its reference state


def _ordered(
    network: Network, kinds: Mapping[str, str], references: Mapping[str, str]
) -> tuple[dict[str, list[int]], list[str]]:
    """For each variable its states, the reference state first; and the variables for which no word says which it is."""
    found: dict[str, int | None] = {}
    for node in network.nodes:
        given = references.get(node.name)
        if given is not None and given not in node.states:
            raise NetworkError(f"references: {given!r} is not a state of {node.name!r}: {', '.join(node.states)}.")
        if _is_gate(node):
            if given not in (None, node.states[0]):
                raise NetworkError(
                    f"references: {node.name!r} is a noisy gate; its lowest grade {node.states[0]!r} is its reference."
                )
            found[node.name] = 0
        else:
            found[node.name] = node.states.index(given) if given is not None else _reference(node, kinds[node.name])
    places = [
        (code, len(node.states) - 1)
        for node in network.nodes
        if (code := found[node.name]) is not None and not _is_gate(node)
    ]
    last = sum(code == end for code, end in places) > sum(code == 0 for code, _ in places)
    orders, guessed = {}, []
    for node in network.nodes:
        codes = list(range(len(node.states)))
        code = found[node.name]
        if code is None:
            guessed.append(node.name)
            code = codes[-1] if last else 0
        # From the last state the grades rise backwards; otherwise the others stay as the file has them.
        orders[node.name] = codes[::-1] if code == codes[-1] and code else [code, *(c for c in codes if c != code)]
    return orders, guessed


def _reference(node: Node, kind: str) -> int | None:
    """The reference state that the file or a word says."""
    for state in node.details.properties_of(f"{GENIE}default"):
        if state in node.states:
            return node.states.index(state)
    faults = node.details.properties_of(f"{GENIE}fault") if kind == "cause" else ()
    sound = [code for code, state in enumerate(node.states) if state not in faults]
    if faults and len(sound) == 1:
        return sound[0]
    words = [compact(state) for state in node.states]
    return next((words.index(word) for word in map(compact, NOTHING) if word in words), None)


def _named(network: Network, orders: Mapping[str, list[int]], kinds: Mapping[str, str]) -> dict[str, Variable]:
    """The variables of the model by their names in the network."""
    taken: set[str] = set()
    found = {}
    for node in network.nodes:
        called = _unique(identifier(node.name), taken, 100)
        states = _state_names([node.states[code] for code in orders[node.name]])
        labels = _state_labels(node, orders[node.name], states)
        label = _clean(node.details.label) or _clean(node.name) or called
        definition = _clean(node.details.comment)
        found[node.name] = Variable(
            called, label, kinds[node.name], "", states, definition, state_labels=labels
        )  # fmt: skip
    return found


def _unique(text: str, taken: set[str], longest: int) -> str:
    """A text that differs from those taken in more than case; it is taken from here on."""
    chosen, number = text, 1
    while unicodedata.normalize("NFKC", chosen).casefold() in taken:
        number += 1
        chosen = f"{text[: longest - 1 - len(str(number))]}_{number}"
    taken.add(unicodedata.normalize("NFKC", chosen).casefold())
    return chosen


def _state_names(states: Sequence[str]) -> tuple[str, ...]:
    taken: set[str] = set()
    names = []
    for state in states:
        text = re.sub(r"[|;=]", "_", in_words(state) if "=" in state else state)
        text = "".join(" " if unicodedata.category(sign) in _INVISIBLE else sign for sign in text)
        names.append(_unique(" ".join(text.split()) or "_", taken, 10_000))
    return tuple(names)


def _state_labels(node: Node, order: Sequence[int], states: Sequence[str]) -> tuple[str, ...]:
    """Labels from the file, or the names that were changed; none where they would not tell the states apart."""
    given = node.details.state_labels or ("",) * len(node.states)
    texts = [_clean(given[code]) or _clean(node.states[code]) for code in order]
    labels = [re.sub(r"\s*\|\s*", " / ", text).strip() for text in texts]
    if labels == [state.replace("_", " ") for state in states] or labels == list(states) or not all(labels):
        return ()
    meant: dict[str, str] = {}
    for state, text in [*zip(states, states, strict=True), *zip(states, labels, strict=True)]:
        if meant.setdefault(compact(text) or text, state) != state:
            return ()
    return tuple(labels)


def _clean(text: str) -> str:
    """A text of one line without control characters."""
    kept = "".join(" " if unicodedata.category(sign) in _INVISIBLE else sign for sign in text)
    return " ".join(kept.split())[:10_000]


class _Rows:
    """The numbers of the network as rows of priors.csv, links.csv and tables.csv."""

    def __init__(
        self,
        network: Network,
        orders: Mapping[str, list[int]],
        named: Mapping[str, Variable],
        sample_size: float | None,
        status: str,
    ) -> None:
        self.named = named
        self.size = sample_size
        self.how = (SOURCE, status)
        self.priors: list[Prior] = []
        self.links: list[Link] = []
        self.tables: list[TableEntry] = []
        for node in network.nodes:
            variable = named[node.name]
            own = variable.kind in ("context", "cause")
            if isinstance(node.cpd, NoisyMax) and _is_gate(node):
                self._leak(variable, node.cpd.leak, own)
                for parent, link in zip(node.parents, node.cpd.links, strict=True):
                    self._link(variable, named[parent], link[orders[parent]])
                continue
            table = node.cpd.table()
            table = table[np.ix_(*(orders[parent] for parent in (*node.parents, node.name)))]
            if not node.parents and own:
                self._leak(variable, table, own)
            else:
                self._table(variable, [named[parent] for parent in node.parents], table)

    def _numbers(self, values: Array, *, rest: bool = False) -> Iterator[tuple[int, float, float, float]]:
        """(state, value, lower, upper) of a distribution; without the reference state where it is the exact rest."""
        left = max(0.0, 1.0 - float(values[1:].sum()))
        exact = left == values[0] or (values[0] >= _SMALLEST_REST and abs(left - values[0]) <= 1e-12)
        for code in range(1 if rest or exact else 0, len(values)):
            value = float(min(values[code], 1.0))
            if self.size is None or is_constant(value, 0.0, 1.0):
                yield code, value, value, value
            else:
                lower, upper = (float(f"{end:.6g}") for end in Beta(value, self.size).interval())
                yield code, value, min(lower, value), max(upper, value)

    def _leak(self, variable: Variable, values: Array, own: bool) -> None:
        name, states = variable.variable, variable.states
        for code, value, lower, upper in self._numbers(values, rest=not own):
            if own:
                self.priors.append(Prior(POPULATION, name, states[code], value, lower, upper, *self.how))
            else:
                self.links.append(Link("", "", name, states[code], value, lower, upper, *self.how))

    def _link(self, variable: Variable, parent: Variable, link: Array) -> None:
        for state, row in zip(parent.states, link, strict=True):
            for code, value, lower, upper in self._numbers(row, rest=True):
                if value > 0:
                    ends = (variable.variable, variable.states[code], value, lower, upper)
                    self.links.append(Link(parent.variable, state, *ends, *self.how))

    def _table(self, variable: Variable, parents: Sequence[Variable], table: Array) -> None:
        for place in product(*(range(len(parent.states)) for parent in parents)):
            given = tuple(
                (parent.variable, (parent.states[code],)) for parent, code in zip(parents, place, strict=True)
            )
            for code, value, lower, upper in self._numbers(table[place]):
                ends = (variable.states[code], value, lower, upper)
                self.tables.append(TableEntry("", variable.variable, given, *ends, *self.how))


def _tests(network: Network, named: Mapping[str, Variable], status: str) -> Iterator[Test]:
    """Observations with a cost, as GeNIe's file has them."""
    for node in network.nodes:
        cost, variable = _cost(node), named[node.name]
        if cost is not None and variable.kind in FINDING_KINDS:
            yield Test(
                variable.variable, variable.label, (variable.variable,), cost, 0.0, 0.0, 0.0, SOURCE, status,
                "Cost as in the network, in its own currency; delay, burden and risk are not stated there.",
            )  # fmt: skip


def _notes(
    network: Network,
    named: Mapping[str, Variable],
    guessed: Sequence[str],
    left_out: Sequence[str],
    sample_size: float | None,
) -> str:
    """What was taken over, what was decided on the way, and what is missing."""
    count = {kind: sum(variable.kind == kind for variable in named.values()) for kind in KINDS}
    kinds = ", ".join(f"{number} {kind}" for kind, number in count.items() if number)
    lines = [
        "# Imported from a network", "",
        f"{len(network)} variables ({kinds}). Numbers are those of the network; nobody reviewed them.", "",
        "Intervals have no width, since the network states none."
        if sample_size is None
        else f"Intervals take every distribution to be worth {sample_size:g} patients, which was stated on import.",
        "", "Missing: sources of the numbers, red flags, management, cost and delay of tests, and an evaluation.",
    ]  # fmt: skip
    if guessed:
        pairs = ", ".join(f"{named[name].variable} ({named[name].states[0]})" for name in guessed)
        lines += ["", f"Reference states taken by their place, since no word says which they are: {pairs}."]
    if left_out:
        lines += [
            "",
            f"Left out, since it never varies (probability 0, or always the same): {_clean(', '.join(left_out))}.",
        ]
    return "\n".join([*lines, ""])


def _digest(network: Network) -> str:
    """A hash of what a network says, for one that was not read from a file."""
    digest = hashlib.sha256()
    for node in network.nodes:
        digest.update(repr((node.name, node.states, node.parents)).encode("utf-8", "surrogatepass"))
        for part in arrays_of(node.cpd):
            digest.update(np.ascontiguousarray(part, dtype="<f8").tobytes())
    return digest.hexdigest()
