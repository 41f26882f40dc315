"""``bayesdx questionnaire``, and diagnoses as FHIR."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesdx.display import clean
from bayesdx.errors import BayesdxError

if TYPE_CHECKING:
    from bayesdx.cli.output import PatientResult


class Kind(StrEnum):
    """Kinds of variables that are asked for."""

    CONTEXT = "context"
    HISTORY = "history"
    EXAMINATION = "examination"
    TEST = "test"


def questionnaire(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="name, name@version, or the path of a folder")],
    out: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="where it goes; printed where left out")] = None,
    kind: Annotated[
        list[Kind] | None, typer.Option("--kind", help="Kinds of questions; all where left out; may be repeated.")
    ] = None,
) -> None:
    """Write the questions of a model as a FHIR R4B Questionnaire.

    Its answers, a QuestionnaireResponse, are findings for 'bayesdx diagnose --findings'. FILE must not exist.

    \b
    Examples:
      bayesdx questionnaire hip_flexion_weakness questionnaire.json
      bayesdx questionnaire chest_clinic --kind history
      bayesdx diagnose hip_flexion_weakness --findings response.json --format fhir
    """
    import bayesdx as dx
    from bayesdx.cli.output import print_json

    loaded = dx.load_model(model)
    if out is not None and out.exists():
        raise BayesdxError(f"{out} exists already and is not overwritten.")
    form = dx.questionnaire(loaded, tuple(kind)) if kind else dx.questionnaire(loaded)
    if out is None:
        print_json(form)
        return
    import json

    try:
        out.write_text(json.dumps(form, ensure_ascii=False, indent=2) + "\n", encoding="utf-8", newline="\n")
    except OSError as error:
        raise BayesdxError(f"{out}: {error.strerror}.") from error
    typer.echo(clean(f"{out}: saved, {sum(len(group['item']) for group in form['item'])} questions."))


def show_assessments(answers: Sequence[PatientResult], many: bool) -> None:
    """A RiskAssessment, or a Bundle of those of a table."""
    import bayesdx as dx
    from bayesdx.cli.output import print_json

    found: list[Any] = [
        dx.to_fhir(answer.case, {"display": answer.place or "Patient"}) for answer in answers if answer.case
    ]
    if many:
        print_json({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in found]})
    elif found:
        print_json(found[0])
