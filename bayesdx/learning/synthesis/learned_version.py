"""The new version: numbers that studies moved, each with the studies behind it; their sources; CHANGES.md."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import FILE, Accuracy, Correlation, Source, Study, key_of, number_name
from bayesdx.learning.synthesis.unknowns import Key
from bayesdx.learning.version import Learned, untied

SHARES_SHOWN = 3
"""Studies of a number that CHANGES.md names."""

LEAST_SHARE = 0.005
"""Share of a study below which a number's row does not name it, the largest apart."""


@dataclass(frozen=True)
class Moved:
    """A number as judgement and studies leave it.

    Parameters
    ----------
    label : str
    before : float
    learned : Learned
        Value with interval; its cases are the patients that studies are worth.
    information : float
        Share of what is known of it that studies brought.
    sources : tuple of (str, float)
        Sources with their shares, the largest first.
    """

    label: str
    before: float
    learned: Learned
    information: float
    sources: tuple[tuple[str, float], ...]


def new_version(
    model: Model,
    moved: Mapping[Key, Moved],
    studies: Sequence[Study],
    accuracy: Sequence[Accuracy],
    tied: Sequence[Correlation],
    version: str,
    text: str,
) -> Model:
    """The model with these numbers and studies.

    Parameters
    ----------
    model : Model
        The parent.
    moved : mapping of (file, key) to Moved
    studies : sequence of Study
        What was learned from; the new version's studies.csv.
    accuracy : sequence of Accuracy
        Published figures that are no studies; the new version's accuracy.csv.
    tied : sequence of Correlation
        What ties its numbers together; what ties others stays.
    version : str
    text : str
        The first paragraph of CHANGES.md.
    """

    def put(file: str, row: Any, field: str) -> Any:
        found = moved.get((file, key_of(FILE[file], row)))
        if found is None:
            return row
        value, lower, upper = found.learned.rounded()
        change = {field: value, "lower": lower, "upper": upper, "source": found.sources[0][0], "status": "synthesis"}
        named = [pair for pair in found.sources if pair[1] >= LEAST_SHARE] or found.sources[:1]
        remark = re.sub(r"^was [^;]*; ?", "", row.note)
        return replace(
            row,
            **change,
            note=f"was {found.before:.4g}" + (f"; {remark}" if remark else ""),
            information=float(f"{found.information:.4g}"),
            shares=tuple(f"{name} {share:.4f}" for name, share in named),
        )

    ends = [end for row in tied for end in ((row.file, row.number), (row.other_file, row.other))]
    added = sources_of(model, studies)
    info = replace(
        model.info,
        version=version,
        default_population=model.population,
        parent_version=model.version,
        parent_hash=model.hash,
        format=max(model.info.format, FILE["studies.csv"].since),
    )
    return replace(
        model,
        info=info,
        priors=tuple(put("priors.csv", row, "probability") for row in model.priors),
        links=tuple(put("links.csv", row, "link_probability") for row in model.links),
        tables=tuple(put("tables.csv", row, "probability") for row in model.tables),
        studies=tuple(studies),
        accuracy=tuple(accuracy),
        correlations=(*untied(model, [*((file, number_name(key)) for file, key in moved), *ends]), *tied),
        sources=(*model.sources, *added),
        changes=_changes(model, moved, version, text),
        release=None,
    )


def sources_of(model: Model, studies: Sequence[Study]) -> tuple[Source, ...]:
    """A row of sources.csv for each source of studies that has none."""
    known = {source.source for source in model.sources}
    first: dict[str, Study] = {}
    for row in studies:
        first.setdefault(row.source, row)
    return tuple(
        Source(name, f"{name.replace('_', ' ')}, as given with the studies", None, "", "", row.design, None, row.status)
        for name, row in first.items()
        if name not in known
    )


def _changes(model: Model, moved: Mapping[Key, Moved], version: str, text: str) -> str:
    lines = [f"# {version}", "", text, ""]
    if moved:
        lines += ["| number | before | after | 95 % interval | from studies | studies |"]
        lines += ["| --- | ---: | ---: | --- | ---: | --- |"]
        for number in moved.values():
            value, lower, upper = number.learned.rounded()
            named = ", ".join(f"{name} {100 * share:.0f} %" for name, share in number.sources[:SHARES_SHOWN])
            label = number.label.replace("|", "\\|")
            lines.append(
                f"| {label} | {number.before:.4g} | {value:.4g} | {lower:.3g} to {upper:.3g} | "
                f"{100 * number.information:.0f} % | {named} |"
            )
        lines.append("")
    return "\n".join(lines) + ("\n" + model.changes if model.changes else "")
