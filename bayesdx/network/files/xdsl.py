"""XDSL of GeNIe and SMILE: tables, noisy-MAX gates, deterministic nodes, and the roles of nodes in a diagnosis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite, prod

import numpy as np
from numpy.typing import NDArray

from bayesdx.errors import rounded
from bayesdx.network.files.common import (
    LARGEST_GAP,
    Described,
    OpenFile,
    Spelling,
    each,
    kept,
    known_as,
    looked_up,
    network_of,
    number_texts,
    numbers,
    refuse,
    shaped,
    shown,
)
from bayesdx.network.files.markup import ILLEGAL, LOOSE, Element, attribute, content, parse
from bayesdx.network.network import LARGEST_EXPANDED_TABLE, ROW_TOLERANCE, Details, Network, Node, NoisyMax, Table

Array = NDArray[np.float64]

NAMES = Spelling(f"[^A-Za-z0-9_]|{ILLEGAL}|^[^A-Za-z]", prefix="n")
"""Identifiers: a letter, then letters, digits and underscores."""

GENIE = "genie:"
"""Prefix of the properties that are read from elements and attributes of GeNIe's own."""

_ROLES = ("diagtype", "ranked", "mandatory", "setToDefault")
_DEFINED = ("state", "parents", "probabilities", "resultingstates", "strengths", "parameters", "property")
_READ = ("cpt", "noisymax", "deterministic")
_NODES = {
    "decision": "a decision",
    "utility": "a utility",
    "mau": "a utility",
    "equation": "a continuous variable",
    "noisyadder": "a noisy adder, which is no noisy-MAX; in GeNIe make it a General node, which has the table",
    "demorgan": "a DeMorgan gate",
    "truthtable": "a truth table",
}
_SIZE = (80.0, 40.0)


def read(source: OpenFile, raw: bytes) -> Network:
    """The network of an XDSL document.

    In tables the state of the node itself turns fastest, then the last parent. A noisy-MAX node lists its strongest
    state first, a ``NoisyMax`` its weakest: the states of such a node come in reverse.

    Raises
    ------
    NetworkError

    References
    ----------
    BayesFusion, "SMILE programmer's manual", Noisy-MAX: the columns of each parent follow its strengths, the last one
    is that of the state that brings nothing about; the leak comes last.
    """
    root = parse(source, raw)
    holder = root.first("nodes")
    if holder is None:
        source.fail(f"<{root.name}> has no <nodes>.", root.line)
    _refuse_dynamic(source, root, holder)
    for child in root.children:
        if child.name not in ("nodes", "extensions", "cases", "documentation"):
            source.fail(f"<{child.name}> is not understood.", child.line)
    elements: dict[str, Element] = {}
    variables: dict[str, Described] = {}
    unfit = []
    for element in holder.children:
        name = _identifier(source, element, f"<{element.name}>")
        if element.name not in _READ:
            unfit.append((name, _NODES.get(element.name, f"<{element.name}>"), element.line))
        else:
            known_as(source, variables, _variable(source, element, name))
            elements[name] = element
    refuse(source, unfit)
    overall = Described("", (), root.line)
    overall.label = LOOSE.read(root.attributes.get("id", ""))
    _read_extensions(root, variables, overall)
    reversed_states = {
        name for name, element in elements.items() if element.name == "noisymax" and element.first("parents")
    }
    nodes = [_node(source, elements[name], variables[name], variables, reversed_states) for name in variables]
    return network_of(source, nodes, overall.details)


def _refuse_dynamic(source: OpenFile, root: Element, holder: Element) -> None:
    """Raise for a dynamic network, whose nodes repeat over slices of time."""
    temporal = [
        (child, f"of dynamic slices, <{child.name}>") for child in holder.children if "dynamic" in child.attributes
    ]
    for section in ("dynamic", "temporals"):
        for element in root.all(section):
            temporal += [(child, "of dynamic slices") for child in element.children]
            if not element.children:
                source.fail(
                    f"<{section}>: dynamic slices are not part of a Bayesian network of one moment.", element.line
                )
    refuse(source, [(NAMES.read(child.attributes.get("id", "?")), what, child.line) for child, what in temporal])


def _identifier(source: OpenFile, element: Element, what: str) -> str:
    name = element.attributes.get("id", "")
    if not name:
        source.fail(f"{what} has no id.", element.line)
    return NAMES.read(name)


def _variable(source: OpenFile, element: Element, name: str) -> Described:
    variable = Described(name, (), element.line)
    for key, text in element.attributes.items():
        if key != "id":
            variable.properties.append((GENIE + key, LOOSE.read(text)))
    states, labels = [], []
    for child in element.children:
        if child.name == "state":
            state = _identifier(source, child, f"a state of {shown(name)}")
            states.append(state)
            labels.append(LOOSE.read(child.attributes.get("label", "")))
            for key, text in child.attributes.items():
                if key in ("default", "fault", "target"):
                    variable.properties += [(GENIE + key, state)] if text == "true" else []
                elif key not in ("id", "label"):
                    variable.properties.append((f"{GENIE}state.{key}", f"{state}={text}"))
        elif child.name == "property":
            variable.properties.append((LOOSE.read(child.attributes.get("id", "")), LOOSE.read(child.text)))
        elif child.name not in _DEFINED:
            variable.properties.append((f"{GENIE}{child.name}", LOOSE.read(_all_text(child))))
    variable.states = tuple(states)
    variable.state_labels = tuple(labels) if any(labels) else ()
    return variable


def _all_text(element: Element) -> str:
    """The text of an element and of what stands within it."""
    texts, stack = [], [element]
    while stack:
        current = stack.pop()
        texts.append(current.text)
        stack += reversed(current.children)
    return " ".join(filter(None, texts))


def _read_extensions(root: Element, variables: Mapping[str, Described], overall: Described) -> None:
    """What GeNIe draws: names, comments and places of nodes, wherever they stand within submodels."""
    stack = [genie for extensions in root.all("extensions") for genie in extensions.all("genie")]
    for genie in stack:
        overall.label = LOOSE.read(genie.attributes.get("name", "")) or overall.label
        comment = genie.first("comment")
        overall.comment = LOOSE.read(comment.text) if comment else overall.comment
    while stack:
        element = stack.pop()
        stack += element.all("submodel")
        for drawn in element.all("node"):
            variable = variables.get(NAMES.read(drawn.attributes.get("id", "")))
            if variable is None:
                continue
            for child in drawn.children:
                text = LOOSE.read(child.text)
                if child.name == "name" and text != variable.name:
                    variable.label = text
                elif child.name == "comment":
                    variable.comment = text
                elif child.name == "position":
                    variable.position = _position(child.text)


def _position(text: str) -> tuple[float, ...]:
    try:
        found = tuple(map(float, text.split()[:5]))
    except ValueError:
        return ()
    return found if len(found) in (2, 4) and all(map(isfinite, found)) else ()


def _node(
    source: OpenFile,
    element: Element,
    variable: Described,
    variables: Mapping[str, Described],
    reversed_states: set[str],
) -> Node:
    name = variable.name
    listed = element.all("parents")
    if len(listed) > 1:
        source.fail(f"variable {shown(name)} has <parents> twice.", listed[1].line)
    names = [NAMES.read(part) for part in listed[0].text.split()] if listed else []
    parents = looked_up(source, name, names, variables, element.line)
    if element.name == "noisymax" and parents:
        cpd: Table | NoisyMax = _gate(source, element, variable, parents, reversed_states)
        states, details = variable.states[::-1], variable.details
        details = replace(details, state_labels=details.state_labels[::-1])
        return Node(name, states, tuple(names), cpd, details)
    if element.name == "deterministic":
        values, line = _certain(source, element, variable, parents)
    else:
        values, line = _listed(source, element, name, "parameters" if element.name == "noisymax" else "probabilities")
    table = shaped(source, variable, parents, values, line)
    turned = tuple(axis for axis, parent in enumerate(names) if parent in reversed_states)
    return Node(name, variable.states, tuple(names), Table(np.flip(table, turned)), variable.details)


def _one(source: OpenFile, element: Element, name: str, what: str) -> Element:
    found = element.all(what)
    if len(found) != 1:
        source.fail(f"variable {shown(name)} has {len(found)} <{what}>; expected one.", element.line)
    return found[0]


def _listed(source: OpenFile, element: Element, name: str, what: str) -> tuple[Array, int]:
    found = _one(source, element, name, what)
    return numbers(source, name, found.text, found.line), found.line


def _certain(
    source: OpenFile, element: Element, variable: Described, parents: Sequence[Described]
) -> tuple[Array, int]:
    """The table of a deterministic node, of zeros and ones."""
    found = _one(source, element, variable.name, "resultingstates")
    words = found.text.split()
    place = {NAMES.write(state): code for code, state in enumerate(variable.states)}
    wrong = next((word for word in words if word not in place), None)
    if wrong is not None:
        source.fail(
            f"variable {shown(variable.name)}: {shown(wrong)} in <resultingstates> is not one of its states "
            f"{', '.join(map(shown, variable.states[:10]))}.",
            found.line,
        )
    expected = prod(len(parent.states) for parent in parents)
    if len(words) != expected or expected * len(place) > LARGEST_EXPANDED_TABLE:
        source.fail(
            f"variable {shown(variable.name)}: {len(words)} resulting states; expected {rounded(expected)}, one for "
            f"each combination of its parents, and at most {LARGEST_EXPANDED_TABLE} cells.",
            found.line,
        )
    return np.eye(len(place))[[place[word] for word in words]].ravel(), found.line


def _gate(
    source: OpenFile,
    element: Element,
    variable: Described,
    parents: Sequence[Described],
    reversed_states: set[str],
) -> NoisyMax:
    name, card = variable.name, len(variable.states)
    values, line = _listed(source, element, name, "parameters")
    cards = [len(parent.states) for parent in parents]
    if values.size != card * (sum(cards) + 1):
        source.fail(
            f"variable {shown(name)}: {values.size} parameters; expected {card * (sum(cards) + 1)} "
            f"({card} for each of {sum(cards)} states of its parents, and for the leak).",
            line,
        )
    columns = values.reshape(-1, card)
    total = columns.sum(axis=1, keepdims=True)
    if not (np.abs(total - 1) <= LARGEST_GAP).all():
        wrong = int(np.argmax(np.abs(total - 1)))
        source.fail(f"variable {shown(name)}: column {wrong + 1} of <parameters> sums to {total[wrong, 0]:g}.", line)
    columns = columns / total if np.abs(total - 1).max() > ROW_TOLERANCE else columns
    links, start = [], 0
    orders = _orders(source, element, variable, cards)
    for parent, order in zip(parents, orders, strict=True):
        mine = columns[start : start + len(order)]
        start += len(order)
        if mine[-1, -1] < 1 - ROW_TOLERANCE:
            source.fail(
                f"variable {shown(name)}: the last column of {shown(parent.name)} is that of the state "
                f"{shown(parent.states[order[-1]])}, which brings nothing about; expected 0 ... 0 1.",
                line,
            )
        link = np.zeros_like(mine)
        link[order] = mine[:, ::-1]
        links.append(link[::-1] if parent.name in reversed_states else link)
    return NoisyMax(columns[-1, ::-1], links)


def _orders(source: OpenFile, element: Element, variable: Described, cards: Sequence[int]) -> list[list[int]]:
    """For each parent, its states in the order of the gate's columns; in its own order where the file gives none."""
    found = element.all("strengths")
    if not found:
        return [list(range(card)) for card in cards]
    words = _one(source, element, variable.name, "strengths").text.split()
    codes = [int(word) if word.isascii() and word.isdigit() and len(word) < 10 else -1 for word in words]
    orders, start = [], 0
    for card in cards:
        orders.append(codes[start : start + card])
        start += card
    if len(codes) != sum(cards) or any(sorted(order) != list(range(len(order))) for order in orders):
        source.fail(
            f"variable {shown(variable.name)}: <strengths> is not an order of the states of each parent, "
            f"{sum(cards)} whole numbers in all.",
            found[0].line,
        )
    return orders


def write(network: Network) -> bytes:
    """A network as an XDSL document; gates as noisy-MAX nodes.

    A gate whose parent acts in every one of its states has no noisy-MAX node in XDSL; it is written as a table.
    """
    gates = {node.name: order for node in network.nodes if (order := _acting_first(node)) is not None}
    label = network.details.label or "Network"
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<smile version="1.0" id={attribute(NAMES.write(label))} numsamples="10000" discsamples="10000">')
    lines.append("\t<nodes>")
    for node in network.nodes:
        lines += (f"\t\t{line}" for line in _written(node, gates))
    lines += ["\t</nodes>", "\t<extensions>"]
    lines.append(f'\t\t<genie version="1.0" app="bayesdx" name={attribute(LOOSE.write(label))}>')
    if network.details.comment:
        lines.append(f"\t\t\t<comment>{content(LOOSE.write(network.details.comment))}</comment>")
    for number, node in enumerate(network.nodes):
        lines.append(f"\t\t\t<node id={attribute(NAMES.write(node.name))}>")
        lines.append(f"\t\t\t\t<name>{content(LOOSE.write(node.details.label or node.name))}</name>")
        if node.details.comment:
            lines.append(f"\t\t\t\t<comment>{content(LOOSE.write(node.details.comment))}</comment>")
        lines.append(f"\t\t\t\t<position>{_rectangle(node.details, number)}</position>")
        lines.append("\t\t\t</node>")
    lines += ["\t\t</genie>", "\t</extensions>", "</smile>", ""]
    return "\n".join(lines).encode()


def _acting_first(node: Node) -> list[list[int]] | None:
    """For each parent of a gate, its states with one that brings nothing about last; None where that can't be."""
    if not isinstance(node.cpd, NoisyMax) or not node.parents:
        return None
    orders = []
    for link in node.cpd.links:
        quiet = np.flatnonzero(link[:, 0] == 1.0)
        if not quiet.size:
            return None
        orders.append([state for state in reversed(range(len(link))) if state != quiet[0]] + [int(quiet[0])])
    return orders


def _written(node: Node, gates: Mapping[str, list[list[int]]]) -> Iterator[str]:
    details = node.details
    kind = "noisymax" if node.name in gates else "cpt"
    roles = "".join(
        f" {key}={attribute(LOOSE.write(text))}" for key in _ROLES for text in details.properties_of(GENIE + key)[:1]
    )
    yield f"<{kind} id={attribute(NAMES.write(node.name))}{roles}>"
    order = list(range(len(node.states)))
    for code in order[::-1] if kind == "noisymax" else order:
        yield f"\t{_state(node, code)}"
    if node.parents:
        yield f"\t<parents>{' '.join(each(NAMES.write, node.parents))}</parents>"
    if isinstance(node.cpd, NoisyMax) and kind == "noisymax":
        strengths, columns = [], []
        for parent, link, acting in zip(node.parents, node.cpd.links, gates[node.name], strict=True):
            last = len(link) - 1
            strengths += [last - state if parent in gates else state for state in acting]
            columns.append(link[acting][:, ::-1])
        values = np.concatenate([*columns, node.cpd.leak[None, ::-1]])
        yield f"\t<strengths>{' '.join(map(str, strengths))}</strengths>"
        yield f"\t<parameters>{' '.join(number_texts(values))}</parameters>"
    else:
        turned = tuple(axis for axis, parent in enumerate(node.parents) if parent in gates)
        yield f"\t<probabilities>{' '.join(number_texts(np.flip(node.cpd.table(), turned)))}</probabilities>"
    for key, text in kept(details):
        name = key.removeprefix(GENIE)
        if name == key:
            yield f"\t<property id={attribute(LOOSE.write(key))}>{content(LOOSE.write(text))}</property>"
        elif name in ("cost", "question"):
            yield f"\t<{name}>{content(LOOSE.write(text))}</{name}>"
    yield f"</{kind}>"


def _state(node: Node, code: int) -> str:
    state, details = node.states[code], node.details
    text = f"<state id={attribute(NAMES.write(state))}"
    if details.state_labels and details.state_labels[code]:
        text += f" label={attribute(LOOSE.write(details.state_labels[code]))}"
    for key in ("default", "fault", "target"):
        if state in details.properties_of(GENIE + key):
            text += f' {key}="true"'
    return f"{text} />"


def _rectangle(details: Details, number: int) -> str:
    """Where a node is drawn; in rows of ten where nothing is said."""
    if len(details.position) == 4:
        return " ".join(f"{value:.12g}" for value in details.position)
    x, y = details.position or (60.0 + 110 * (number % 10), 40.0 + 80 * (number // 10))
    width, height = _SIZE
    return " ".join(f"{value:.12g}" for value in (x - width / 2, y - height / 2, x + width / 2, y + height / 2))
