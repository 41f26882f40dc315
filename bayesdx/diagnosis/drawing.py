"""The network as a picture: layers from contexts to tests, posteriors in the nodes, strength in the edges."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bayesdx.diagnosis.compiled import compiled
from bayesdx.diagnosis.diagnosis import Diagnosis, diagnose
from bayesdx.display import format_probability, words
from bayesdx.display.graph import Arrow, Box, Section, layered_svg
from bayesdx.errors import FindingsError, SaveError, check_path
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.versions import as_model
from bayesdx.network import Node, NoisyMax

COLUMNS = {
    "context": (0, "Contexts"),
    "cause": (1, "Causes"),
    "mechanism": (2, "Mechanisms"),
    "history": (3, "History"),
    "examination": (3, "Examination"),
    "test": (3, "Tests"),
}
"""Column and heading of each kind of variable; a column without variables is left out."""

STRONGEST = 2
"""Links into each variable that are drawn where nothing else is asked: more of them cannot be told apart."""


@dataclass(frozen=True)
class Drawing:
    """A picture of a network; shown as SVG in a notebook. Made by ``draw_network``.

    Parameters
    ----------
    svg : str
    summary : str
        What it shows, in words.

    Examples
    --------
    >>> import bayesdx as dx
    >>> dx.draw_network(dx.load_model("chest_clinic@1.0.0")).svg[:4]
    '<svg'
    """

    svg: str
    summary: str

    def save(self, file: str | PathLike[str]) -> None:
        """Write the picture to an SVG file.

        Parameters
        ----------
        file : str or path
            An existing file is replaced.

        Raises
        ------
        SaveError
            ``file`` is no path.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import bayesdx as dx
        >>> model = dx.load_model("chest_clinic@1.0.0")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     dx.draw_network(model).save(f"{folder}/network.svg")
        ...     pathlib.Path(folder, "network.svg").read_text("utf-8")[:4]
        '<svg'
        """
        check_path("save: file", file, SaveError)
        Path(file).write_text(self.svg, encoding="utf-8")

    def __str__(self) -> str:
        return self.summary

    def __repr__(self) -> str:
        return self.summary

    def _repr_html_(self) -> str:
        return self.svg


def draw_network(
    model: Model | str | PathLike[str], case: Diagnosis | None = None, strongest: int | None = STRONGEST
) -> Drawing:
    """Draw a model as a layered network, from contexts over causes to findings.

    The bar in a node is the probability that the variable is not in its reference state (one part per state), without
    findings or given those of a case; observed variables are outlined. An edge is as wide as the link is strong: the
    probability that the parent by itself brings the child out of its reference state, or, where a full table is given,
    the largest change of the child's distribution (total variation, mean over the other parents).

    Parameters
    ----------
    model : Model, str or path
        A model, or what ``load_model`` takes.
    case : Diagnosis, optional
        A case of this model.
    strongest : int, at least 1, or None
        How many links into each variable are drawn, the strongest; None draws all.

    Returns
    -------
    Drawing
        ``svg``, shown in a notebook; ``save(file)``.

    Raises
    ------
    FindingsError
        The case is one of another model, or ``strongest`` is below 1.

    Examples
    --------
    >>> import bayesdx as dx
    >>> dx.draw_network(dx.load_model("hip_flexion_weakness@1.0.0"))
    Network of hip_flexion_weakness 1.0.0, primary_care: 51 variables; 90 of 247 links drawn, the 2 strongest of each.
    """
    model = as_model(model)
    if strongest is not None and strongest < 1:
        raise FindingsError(f"draw_network: strongest = {strongest}; expected at least 1, or None for all.")
    if case is not None and case.model.hash != model.hash:
        raise FindingsError(
            f"draw_network: the case is one of {case.model.name} {case.model.version}, not of {model.name} "
            f"{model.version}."
        )
    shown = diagnose(model) if case is None else case
    network = compiled(shown.model).network
    marginals = compiled(shown.model).engine.propagate(shown.evidence.evidence, targets=network.names).marginals
    sections = _sections(shown, {name: values[0] for name, values in marginals.items()})
    arrows: list[Arrow] = []
    links = 0
    for node in network.nodes:
        found = [
            Arrow(
                parent, node.name, _strength(node, place), _link_title(model, parent, node.name, _strength(node, place))
            )
            for place, parent in enumerate(node.parents)
        ]
        links += len(found)
        arrows += sorted(found, key=lambda arrow: -arrow.strength)[:strongest]
    which = "" if len(arrows) == links else f", the {strongest} strongest of each"
    summary = (
        f"Network of {model.name} {model.version}, {shown.model.population}: {len(network)} variables; "
        f"{len(arrows)} of {links} links drawn{which}."
    )
    return Drawing(layered_svg(sections, arrows, summary), summary)


def _sections(case: Diagnosis, marginals: dict[str, NDArray[np.float64]]) -> list[Section]:
    model = case.model
    used = sorted({COLUMNS[variable.kind][0] for variable in model.variables})
    sections = []
    for kind, (column, heading) in COLUMNS.items():
        boxes = [_box(case, row.variable, marginals[row.variable]) for row in model.variables if row.kind == kind]
        if boxes:
            sections.append(Section(used.index(column), heading, boxes))
    return sections


def _box(case: Diagnosis, name: str, marginal: NDArray[np.float64]) -> Box:
    variable = case.model.by_name[name]
    probabilities = [float(value) for value in marginal]
    known = case.evidence.possible(name)
    said = [f"{words(state)} {format_probability(p)}" for state, p in zip(variable.states, probabilities, strict=True)]
    if known is not None and len(known) == 1:
        note = words(next(iter(known)))
    elif len(variable.states) == 2:
        note = format_probability(probabilities[1])
    else:
        likeliest = int(np.argmax(probabilities))
        note = f"{words(variable.states[likeliest])} {100 * probabilities[likeliest]:.0f} %"
    return Box(name, variable.label, note, probabilities[1:], known is not None, f"{variable.label}: {', '.join(said)}")


def _link_title(model: Model, parent: str, child: str, strength: float) -> str:
    return f"{model.label(parent)} to {model.label(child)}: {strength:.2f}"


def _strength(node: Node, place: int) -> float:
    """How strongly a parent acts on a node, between 0 and 1."""
    if isinstance(node.cpd, NoisyMax):
        return float(1 - node.cpd.links[place][:, 0].min())
    rows = np.moveaxis(node.cpd.values, place, 0)
    distances = np.abs(rows[:, None] - rows[None]).sum(axis=-1) / 2
    return float(distances.reshape(len(rows) ** 2, -1).mean(axis=1).max())
