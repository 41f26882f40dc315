"""XMLBIF 0.3: names, outcomes and full tables in XML."""

from __future__ import annotations

from bayesdx.network.files.common import (
    Described,
    OpenFile,
    Spelling,
    known_as,
    looked_up,
    network_of,
    number_texts,
    numbers,
    property_texts,
    refuse,
    shaped,
    shown,
)
from bayesdx.network.files.markup import BLANKS, ILLEGAL, LOOSE, Element, content, parse
from bayesdx.network.network import Details, Network, Node, Table

NAMES = Spelling(f"{ILLEGAL}|^[{BLANKS}]|[{BLANKS}](?![\\s\\S])")
"""Readers strip blanks around a name, so blanks that belong to the name are escaped."""


def read(source: OpenFile, raw: bytes) -> Network:
    """The network of an XMLBIF document; in its tables the variable itself turns fastest, then the last GIVEN.

    Raises
    ------
    NetworkError

    References
    ----------
    F. Cozman (1998), "The Interchange Format for Bayesian Networks", version 0.3.
    """
    root = parse(source, raw)
    network = next((child for child in root.children if child.name.upper() == "NETWORK"), None)
    if network is None:
        source.fail(f"<{root.name}> has no <NETWORK>.", root.line)
    variables: dict[str, Described] = {}
    definitions: list[Element] = []
    unfit: list[tuple[str, str, int]] = []
    overall = Described("", (), network.line)
    for child in network.children:
        match child.name.upper():
            case "VARIABLE":
                variable, kind = _variable(source, child)
                if kind != "nature":
                    unfit.append((variable.name, kind, child.line))
                else:
                    known_as(source, variables, variable)
            case "DEFINITION" | "PROBABILITY":
                definitions.append(child)
            case "NAME":
                overall.label = LOOSE.read(child.text)
            case "PROPERTY":
                overall.take(LOOSE.read(child.text))
            case _:
                source.fail(f"<{child.name}> in <NETWORK> is not understood.", child.line)
    refuse(source, unfit)
    nodes: dict[str, Node] = {}
    for definition in definitions:
        node = _defined(source, definition, variables)
        if node.name in nodes:
            source.fail(f"variable {shown(node.name)} is defined a second time here.", definition.line)
        nodes[node.name] = node
    for name, variable in variables.items():
        if name not in nodes:
            source.fail(f"variable {shown(name)} has no <DEFINITION>.", variable.line)
    return network_of(source, [nodes[name] for name in variables], overall.details)


def _variable(source: OpenFile, element: Element) -> tuple[Described, str]:
    names = [child for child in element.children if child.name.upper() == "NAME"]
    if len(names) != 1:
        source.fail(f"a variable has {len(names)} <NAME>; expected one.", element.line)
    variable = Described(NAMES.read(names[0].text), (), element.line)
    states = []
    for child in element.children:
        match child.name.upper():
            case "OUTCOME" | "VALUE":
                states.append(NAMES.read(child.text))
            case "PROPERTY":
                variable.take(LOOSE.read(child.text))
            case "NAME":
                pass
            case _:
                source.fail(f"<{child.name}> in variable {shown(variable.name)} is not understood.", child.line)
    variable.states = tuple(states)
    attributes = {name.upper(): value for name, value in element.attributes.items()}
    return variable, attributes.get("TYPE", "nature").strip(BLANKS).lower() or "nature"


def _defined(source: OpenFile, element: Element, variables: dict[str, Described]) -> Node:
    named: dict[str, list[str]] = {"FOR": [], "GIVEN": []}
    tables: list[Element] = []
    for child in element.children:
        kind = child.name.upper()
        if kind in named:
            named[kind].append(NAMES.read(child.text))
        elif kind == "TABLE":
            tables.append(child)
        elif kind != "PROPERTY":
            source.fail(f"<{child.name}> in a definition is not understood.", child.line)
    if len(named["FOR"]) != 1:
        source.fail(
            f"a definition is <FOR> {', '.join(map(shown, named['FOR'])) or 'nothing'}; expected one variable.",
            element.line,
        )
    name = named["FOR"][0]
    if name not in variables:
        source.fail(f"a definition is for {shown(name)}, which is not a variable.", element.line)
    if len(tables) != 1:
        source.fail(f"variable {shown(name)} has {len(tables)} <TABLE>; expected one.", element.line)
    parents = looked_up(source, name, named["GIVEN"], variables, element.line)
    values = numbers(source, name, tables[0].text, tables[0].line)
    table = shaped(source, variables[name], parents, values, tables[0].line)
    return Node(
        name, variables[name].states, tuple(parent.name for parent in parents), Table(table), variables[name].details
    )


def write(network: Network) -> bytes:
    """A network as an XMLBIF document in UTF-8; noisy gates as tables."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<BIF VERSION="0.3">', "<NETWORK>"]
    lines.append(f"<NAME>{content(LOOSE.write(network.details.label or 'network'))}</NAME>")
    lines += _properties(network.details)
    for node in network.nodes:
        lines += ['<VARIABLE TYPE="nature">', f"  <NAME>{content(NAMES.write(node.name))}</NAME>"]
        lines += (f"  <OUTCOME>{content(NAMES.write(state))}</OUTCOME>" for state in node.states)
        lines += (f"  {line}" for line in _properties(node.details))
        lines.append("</VARIABLE>")
    for node in network.nodes:
        lines += ["<DEFINITION>", f"  <FOR>{content(NAMES.write(node.name))}</FOR>"]
        lines += (f"  <GIVEN>{content(NAMES.write(parent))}</GIVEN>" for parent in node.parents)
        lines += [f"  <TABLE>{' '.join(number_texts(node.cpd.table()))}</TABLE>", "</DEFINITION>"]
    lines += ["</NETWORK>", "</BIF>", ""]
    return "\n".join(lines).encode()


def _properties(details: Details) -> list[str]:
    return [f"<PROPERTY>{content(LOOSE.write(text))}</PROPERTY>" for text in property_texts(details)]
