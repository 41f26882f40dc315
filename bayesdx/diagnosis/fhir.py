"""FHIR R4B: a diagnosis as a RiskAssessment, a model's questions as a Questionnaire, resources as findings.

Resources are plain dicts, as JSON has them; nothing has to be installed. Variables and states have the codes of the
model's own code system; ICD and LOINC codes stand beside them where the model gives them. SNOMED CT codes, whose
licence does not allow it everywhere, are understood and never written.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayesdx.diagnosis.case import DISCLAIMER
from bayesdx.diagnosis.diagnosis import Diagnosis
from bayesdx.diagnosis.findings import UNKNOWN, Value
from bayesdx.errors import FindingsError, quoted
from bayesdx.files import UnusualFileError, read_ordinary
from bayesdx.knowledge.model import Model
from bayesdx.knowledge.schema import Variable

Resource = dict[str, Any]

LARGEST_BUNDLE = 2**26
"""Bytes of a file of resources."""

DEEPEST = 32
"""Levels of a bundle within a bundle, or of an item within an item."""

SYSTEMS = {
    "icd10": "http://hl7.org/fhir/sid/icd-10",
    "icd11": "http://id.who.int/icd/release/11/mms",
    "loinc": "http://loinc.org",
    "snomed_ct": "http://snomed.info/sct",
}
"""Code systems of the columns of variables.csv."""

WRITTEN = ("icd10", "icd11", "loinc")

ABSENT_REASON = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
UNTOLD = ("unknown", "asked-unknown", "asked-declined", "not-asked", "temp-unknown")

LOINC_NOTICE = (
    "This material contains content from LOINC (http://loinc.org). LOINC is copyright © Regenstrief Institute, Inc. "
    "and the Logical Observation Identifiers Names and Codes (LOINC) Committee and is available at no cost under the "
    "license at http://loinc.org/license. LOINC® is a registered United States trademark of Regenstrief Institute, Inc."
)

KINDS = {
    "context": "About the patient",
    "history": "History",
    "examination": "Examination",
    "test": "Tests",
}
"""Kinds of variables that a questionnaire asks for, with the titles of their groups."""

MEASURED = ".measured"
"""Ends the linkId of the question for the number behind a variable with cut points."""

UCUM = {"Cel": "°C", "a": "years", "mo": "months", "wk": "weeks", "d": "days", "h": "hours", "mm[Hg]": "mmHg"}
"""Units of UCUM that people write otherwise."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.&/-]*", re.ASCII)
_RANGE = re.compile(r"[A-Z]\d\d(?:\.\d+)?-[A-Z]\d\d(?:\.\d+)?", re.ASCII)


def code_system(model: Model, variable: str = "") -> str:
    """The model's own code system: of its variables, or of the states of one.

    Examples
    --------
    >>> import bayesdx as dx
    >>> code_system(dx.load_model("chest_clinic@1.0.0"), "xray")
    'urn:x-bayesdx:chest_clinic:xray'
    """
    return ":".join(["urn:x-bayesdx", _sign(model.name), *([_sign(variable)] if variable else [])])


def _sign(name: str) -> str:
    """A name within a URN."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else f"%{ord(c):X}" for c in name)


def to_fhir(case: Diagnosis, subject: str | Mapping[str, Any] = "", occurrence: str = "") -> Resource:
    """A diagnosis as a FHIR R4B RiskAssessment, with a prediction per line of the differential.

    Parameters
    ----------
    case : Diagnosis
    subject : str or dict, optional
        Whom it is about: a reference such as ``"Patient/17"``, or a Reference of FHIR. An unnamed patient where left
        out.
    occurrence : str, optional
        When the assessment was made, as FHIR writes a moment: ``2026-11-30`` or ``2026-11-30T09:15:00Z``.

    Returns
    -------
    dict
        ``probabilityDecimal`` is a percentage, as FHIR R4 has it; ``relativeRisk`` is posterior over prior. Each
        finding is a contained Observation, to which ``basis`` refers, so that ``read_fhir`` reads the findings back; a
        finding of several possible states or of likelihoods is there in words alone. ``method`` names the model with
        its version, population and content hash. ``mitigation`` holds the steps of care, ``note`` the red flags and the
        notice.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> resource = dx.to_fhir(dx.diagnose(model, {"xray": "positive"}), "Patient/17")
    >>> resource["resourceType"], resource["method"]["coding"][0]["version"], resource["basis"]
    ('RiskAssessment', '1.0.0', [{'reference': '#finding-1'}])
    >>> [(each["outcome"]["text"], round(each["probabilityDecimal"], 1)) for each in resource["prediction"]][0]
    ('Bronchitis', 50.6)
    """
    model = case.model
    whom: Resource = (
        {"reference": subject} if isinstance(subject, str) and subject else dict(subject or {"display": "Patient"})
    )
    findings = [
        _observation(model, name, value, f"finding-{number}", whom)
        for number, (name, value) in enumerate(case.findings.items(), start=1)
    ]
    title = f"{model.name} {model.version}, population {model.population}, {model.hash}"
    flags = [f"Red flag ({flag.urgency}): {model.label(flag.cause)}: {flag.action}" for flag in case.red_flags]
    resource: Resource = {
        "resourceType": "RiskAssessment",
        "contained": findings,
        "status": "final",
        "method": {
            "coding": [{"system": "urn:x-bayesdx", "version": model.version, "code": model.name}],
            "text": title,
        },
        "subject": whom,
        "occurrenceDateTime": occurrence,
        "basis": [{"reference": f"#{finding['id']}"} for finding in findings],
        "prediction": [_prediction(model, line) for line in case.differential],
        "mitigation": "\n".join(dict.fromkeys(f"{step.urgency}: {step.action}" for step in case.management)),
        "note": [{"text": text} for text in (*flags, DISCLAIMER, *_notices(findings))],
    }
    return {key: value for key, value in resource.items() if value}


def _notices(resources: Iterable[Resource]) -> list[str]:
    return [LOINC_NOTICE] if SYSTEMS["loinc"] in json.dumps(list(resources)) else []


def _prediction(model: Model, line: Any) -> Resource:
    name, _, state = line.cause.partition("=")
    variable = model.by_name[name]
    coding = _coding(model, variable, state)
    found: Resource = {
        "outcome": {"coding": coding, "text": line.label},
        "probabilityDecimal": float(f"{100 * line.posterior:.6g}"),
        "rationale": f"probability before the findings {100 * line.prior:.4g} %",
    }
    if line.prior > 0:
        found["relativeRisk"] = float(f"{line.posterior / line.prior:.6g}")
    return found


def _coding(model: Model, variable: Variable, state: str = "") -> list[Resource]:
    """Own code of a variable, or of a state of it; the codes that the model gives for the variable beside it."""
    own = {"system": code_system(model), "version": model.version, "code": variable.variable, "display": variable.label}
    if state:
        return [own | {"system": code_system(model, variable.variable), "code": state,
                       "display": variable.state_label(state)}]  # fmt: skip
    others = [{"system": SYSTEMS[column], "code": code} for column in WRITTEN for code in _codes(variable, column)]
    return [own, *others]


def _codes(variable: Variable, column: str) -> list[str]:
    """The codes in a cell of variables.csv; a range of codes is none."""
    cell = str(getattr(variable, column))
    return [code for code in re.split(r"[|;,\s]+", cell) if _CODE.fullmatch(code) and not _RANGE.fullmatch(code)]


def _observation(model: Model, name: str, value: Value, key: str, subject: Resource) -> Resource:
    variable = model.by_name[name]
    found: Resource = {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "code": {"coding": _coding(model, variable), "text": variable.label},
        "subject": subject,
    }
    if isinstance(value, str):
        label = variable.state_label(value)
        found["valueCodeableConcept"] = {"coding": _coding(model, variable, value), "text": label}
    elif isinstance(value, tuple):
        found["valueString"] = " or ".join(variable.state_label(state) for state in value)
    elif isinstance(value, Mapping):
        said = ", ".join(f"{variable.state_label(state)} {likelihood:g}" for state, likelihood in value.items())
        found["valueString"] = f"likelihoods: {said}"
    else:
        found["dataAbsentReason"] = {"coding": [{"system": ABSENT_REASON, "code": "asked-unknown"}]}
    return found


# -- questionnaires ---------------------------------------------------------------------------------------------------


def questionnaire(model: Model, kinds: Sequence[str] = tuple(KINDS)) -> Resource:
    """The questions of a model as a FHIR R4B Questionnaire; ``read_fhir`` reads its answers.

    Parameters
    ----------
    model : Model
    kinds : sequence of str
        Of ``context``, ``history``, ``examination`` and ``test``.

    Returns
    -------
    dict
        A group per kind; a question per variable, its states as choices, and "cannot be told". A variable with cut
        points has the question for its number below it. No question is required: what is left open was not observed.

    Raises
    ------
    FindingsError
        An unknown kind.

    Examples
    --------
    >>> import bayesdx as dx
    >>> form = dx.questionnaire(dx.load_model("chest_clinic@1.0.0"))
    >>> form["resourceType"], [group["linkId"] for group in form["item"]]
    ('Questionnaire', ['context', 'history', 'test'])
    >>> [choice["valueCoding"]["code"] for choice in form["item"][2]["item"][0]["answerOption"]]
    ['negative', 'positive', 'asked-unknown']
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise FindingsError(f"kinds: {unknown[0]!r}; expected {', '.join(KINDS)}.")
    groups = []
    for kind in KINDS:
        asked = [_question(model, variable) for variable in model.variables if variable.kind == kind]
        if kind in kinds and asked:
            groups.append({"linkId": kind, "text": KINDS[kind], "type": "group", "item": asked})
    form = {
        "resourceType": "Questionnaire",
        "url": f"{code_system(model)}:questionnaire",
        "version": model.version,
        "name": re.sub(r"\W", "_", model.name, flags=re.ASCII),
        "title": model.info.title,
        "status": "active",
        "subjectType": ["Patient"],
        "description": f"Findings of the model {model.name} {model.version} ({model.hash}).",
        "purpose": model.info.intended_use,
        "copyright": "\n".join([f"Licence of the model: {model.info.licence}.", *_notices(groups)]),
        "item": groups,
    }
    return {key: value for key, value in form.items() if value}


def _question(model: Model, variable: Variable) -> Resource:
    system = code_system(model, variable.variable)
    choices = [
        {"valueCoding": {"system": system, "code": state, "display": variable.state_label(state)}}
        for state in variable.states
    ]
    untold = {"system": ABSENT_REASON, "code": "asked-unknown", "display": "Cannot be told"}
    found: Resource = {
        "linkId": variable.variable,
        "code": [{key: value for key, value in code.items() if key != "version"} for code in _coding(model, variable)],
        "text": variable.label,
        "type": "choice",
        "answerOption": [*choices, {"valueCoding": untold}],
    }
    if variable.cuts:
        what = " in ".join(filter(None, (variable.quantity[0] if variable.quantity else variable.label, variable.unit)))
        number = {"linkId": variable.variable + MEASURED, "text": what, "type": "decimal"}
        found["item"] = [number]
    return found


# -- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FhirFindings:
    """What FHIR resources say in a model's words.

    Parameters
    ----------
    findings : mapping
        As ``diagnose`` takes it.
    left_out : tuple of str
        What was not used, and why, one sentence each.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> code = {"coding": [{"system": "urn:x-bayesdx:chest_clinic", "code": "xray"}]}
    >>> read = dx.read_fhir(model, {"resourceType": "Observation", "code": code, "valueString": "positive"})
    >>> read.findings, read.left_out
    ({'xray': 'positive'}, ())
    """

    findings: Mapping[str, Any]
    left_out: tuple[str, ...] = ()


def read_fhir(model: Model, source: str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any]) -> FhirFindings:
    """Findings of one patient from FHIR resources, matched by code alone.

    Parameters
    ----------
    model : Model
    source : path of a JSON file, dict, or sequence of dicts
        Observation (with its components), Condition, QuestionnaireResponse (to ``questionnaire(model)``), Bundle, or a
        RiskAssessment of ``to_fhir``, whose contained observations are read. Others are left out.

    Returns
    -------
    FhirFindings

    Raises
    ------
    FindingsError
        The file cannot be read; a value that is no state of its variable; resources that contradict each other, where
        their dates do not tell which is the last; resources of several patients. All faults are listed.

    Notes
    -----
    A code is that of the model's own system (see ``code_system``), or an ICD, LOINC or SNOMED CT code that the model
    gives for one variable. A confirmed Condition is the state "yes", a refuted one "no"; one that is inactive, resolved
    or not confirmed is left out, as are resources that were entered in error or cancelled. A quantity needs the unit of
    the variable. "Not asked" and "unknown" are ``dx.UNKNOWN``.

    Examples
    --------
    >>> import bayesdx as dx
    >>> model = dx.load_model("chest_clinic@1.0.0")
    >>> case = dx.diagnose(model, {"xray": "positive", "smoking": "yes"})
    >>> read_fhir(model, dx.to_fhir(case)).findings
    {'xray': 'positive', 'smoking': 'yes'}
    """
    if isinstance(source, str | os.PathLike):
        source = _read_json(Path(source))
    reading = _Reading(model)
    for place, resource in _resources(source if isinstance(source, list | tuple) else [source]):
        reading.add(place, resource)
    return reading.done()


def _read_json(path: Path) -> Any:
    try:
        raw = read_ordinary(path, LARGEST_BUNDLE)
        if len(raw) > LARGEST_BUNDLE:
            raise FindingsError(f"{path}: larger than {LARGEST_BUNDLE // 2**20} MiB.")
        return json.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        raise FindingsError(f"{path}: cannot be read: {error.strerror}.") from error
    except UnusualFileError as error:
        raise FindingsError(f"{path}: {error}.") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, FindingsError):
            raise
        raise FindingsError(f"{path}: not JSON that can be read: {error}.") from error


def _resources(found: Iterable[Any], depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every resource with its place; those of bundles and those contained in a RiskAssessment one by one."""
    if depth > DEEPEST:
        raise FindingsError(f"FHIR: resources are nested more than {DEEPEST} deep.")
    for resource in found:
        if not isinstance(resource, Mapping) or not isinstance(resource.get("resourceType"), str):
            raise FindingsError(f"FHIR: {quoted(resource)}; expected resources, each with its resourceType.")
        kind = resource["resourceType"]
        if kind == "Bundle":
            entries = [entry.get("resource") for entry in _list(resource, "entry") if isinstance(entry, Mapping)]
            yield from _resources([entry for entry in entries if entry is not None], depth + 1)
        elif kind == "RiskAssessment":
            yield from _resources(_list(resource, "contained"), depth + 1)
        else:
            yield f"{kind}/{resource['id']}" if isinstance(resource.get("id"), str) else kind, resource


def _list(resource: Mapping[str, Any], key: str) -> list[Any]:
    value = resource.get(key)
    return value if isinstance(value, list) else []


def _dict(resource: Any, key: str) -> Mapping[str, Any]:
    value = resource.get(key) if isinstance(resource, Mapping) else None
    return value if isinstance(value, Mapping) else {}


class _Reading:
    """What is gathered from the resources of one patient."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.by_code: dict[tuple[str, str], set[str]] = {}
        for variable in model.variables:
            pairs = [(code_system(model), variable.variable)]
            pairs += [(SYSTEMS[column], code) for column in SYSTEMS for code in _codes(variable, column)]
            for pair in pairs:
                self.by_code.setdefault(pair, set()).add(variable.variable)
        self.found: dict[str, tuple[str, str, Any]] = {}
        self.subjects: dict[str, str] = {}
        self.faults: list[str] = []
        self.left_out: list[str] = []

    def done(self) -> FhirFindings:
        """The findings, or every fault."""
        if len(self.subjects) > 1:
            self.faults.append(f"FHIR: resources of several patients: {', '.join(sorted(self.subjects))}.")
        if self.faults:
            raise FindingsError("\n".join(self.faults))
        findings = {name: value for name, (_, _, value) in self.found.items()}
        return FhirFindings(findings, tuple(self.left_out))

    def add(self, place: str, resource: Mapping[str, Any]) -> None:
        """What one resource says."""
        kind = resource["resourceType"]
        if kind not in ("Observation", "Condition", "QuestionnaireResponse"):
            if kind != "Patient":
                self.left_out.append(f"{place}: {kind} is not read.")
            return
        verified = _codes_of(_dict(resource, "verificationStatus"))
        if resource.get("status") in ("entered-in-error", "cancelled") or "entered-in-error" in verified:
            self.left_out.append(f"{place}: entered in error or cancelled.")
            return
        subject = _dict(resource, "subject").get("reference")
        if isinstance(subject, str) and subject:
            self.subjects.setdefault(subject, place)
        if kind == "Observation":
            self._observation(place, resource, _moment(resource, "effectiveDateTime", "issued"))
        elif kind == "Condition":
            self._condition(place, resource, verified)
        else:
            self._answers(place, resource, _moment(resource, "authored"))

    def _variable(self, place: str, concept: Mapping[str, Any]) -> str:
        """The variable that a concept means; empty where it means none."""
        codes = [code for code in _list(concept, "coding") if isinstance(code, Mapping)]
        pairs = [(str(code.get("system")), str(code.get("code"))) for code in codes]
        own = [pair for pair in pairs if pair in self.by_code and pair[0] == code_system(self.model)]
        meant = {name for pair in own or pairs for name in self.by_code.get(pair, ())}
        if len(meant) == 1:
            return meant.pop()
        shown = ", ".join(f"{system}|{code}" for system, code in pairs) or quoted(concept.get("text", "no code"))
        why = f"may mean {' or '.join(sorted(meant))}" if meant else f"{self.model.name} has no such code"
        self.left_out.append(f"{place}: {shown}: {why}.")
        return ""

    def _observation(self, place: str, resource: Mapping[str, Any], moment: str) -> None:
        components = [part for part in _list(resource, "component") if isinstance(part, Mapping)]
        value = self._has_value(resource)
        if value or not components:
            name = self._variable(place, _dict(resource, "code"))
            if name:
                self._note(name, place, moment, self._value(name, place, resource))
        for part in components:
            name = self._variable(place, _dict(part, "code"))
            if name:
                self._note(name, place, moment, self._value(name, place, part))

    def _has_value(self, resource: Mapping[str, Any]) -> bool:
        return any(key.startswith("value") for key in resource) or "dataAbsentReason" in resource

    def _value(self, name: str, place: str, resource: Mapping[str, Any]) -> Any:
        """The finding that a value[x] is; None where it says nothing."""
        reason = _codes_of(_dict(resource, "dataAbsentReason"))
        if reason:
            return UNKNOWN if reason & {*UNTOLD} else None
        for key in ("valueCodeableConcept", "valueCoding"):
            concept = _dict(resource, key)
            if concept:
                return self._coded(name, place, concept if key == "valueCodeableConcept" else {"coding": [concept]})
        quantity = _dict(resource, "valueQuantity")
        if quantity:
            units = [str(quantity.get(key, "")) for key in ("unit", "code")]
            spelled = [f"{quantity.get('value')} {UCUM.get(unit, unit)}".strip() for unit in units if unit]
            known = (text for text in spelled if self.model.vocabulary.state_or_none(name, text, name))
            return self._state(name, place, next(known, spelled[0] if spelled else quantity.get("value")))
        for key in ("valueBoolean", "valueInteger", "valueDecimal", "valueString"):
            if isinstance(resource.get(key), bool | int | float | str):
                return self._state(name, place, resource[key])
        given = next((key for key in resource if key.startswith("value")), "no value")
        self.left_out.append(f"{place}: {name}: {given} says no state.")
        return None

    def _coded(self, name: str, place: str, concept: Mapping[str, Any]) -> Any:
        codes = [code for code in _list(concept, "coding") if isinstance(code, Mapping)]
        for code in codes:
            if code.get("system") == code_system(self.model, name):
                return self._state(name, place, code.get("code"))
            if code.get("system") == ABSENT_REASON:
                return UNKNOWN
        words = [
            word for word in (concept.get("text"), *(code.get("display") for code in codes)) if isinstance(word, str)
        ]
        states = {self.model.vocabulary.state_or_none(name, word) for word in words} - {None}
        if len(states) == 1:
            return states.pop()
        return self._state(name, place, words[0] if words else concept.get("text"))

    def _state(self, name: str, place: str, given: Any) -> Any:
        """The value where it says a state of the variable; otherwise it is a fault."""
        try:
            return self.model.vocabulary.state(name, given, name)
        except FindingsError as error:
            self.faults.append(f"{place}: {error}")
            return None

    def _condition(self, place: str, resource: Mapping[str, Any], verified: set[str]) -> None:
        name = self._variable(place, _dict(resource, "code"))
        if not name:
            return
        clinical = _codes_of(_dict(resource, "clinicalStatus"))
        if "refuted" in verified:
            present = False
        elif (verified and "confirmed" not in verified) or clinical & {"inactive", "remission", "resolved"}:
            self.left_out.append(f"{place}: {name}: {', '.join(sorted(verified | clinical))}.")
            return
        else:
            present = True
        state = self.model.vocabulary.state_or_none(name, present)
        if state is None:
            self.left_out.append(f"{place}: {name} has no states for yes and no.")
            return
        self._note(name, place, _moment(resource, "recordedDate", "onsetDateTime"), state)

    def _answers(self, place: str, resource: Mapping[str, Any], moment: str, depth: int = 0) -> None:
        if depth > DEEPEST:
            raise FindingsError(f"{place}: items are nested more than {DEEPEST} deep.")
        for item in _list(resource, "item"):
            if not isinstance(item, Mapping):
                continue
            link = str(item.get("linkId", ""))
            name = link.removesuffix(MEASURED)
            answers = [answer for answer in _list(item, "answer") if isinstance(answer, Mapping)]
            if answers and name not in self.model.by_name:
                self.left_out.append(f"{place}: {quoted(link)} is no question about {self.model.name}.")
            elif len(answers) > 1:
                self.faults.append(f"{place}: {link}: {len(answers)} answers; expected one.")
            elif answers:
                self._note(name, f"{place}: {link}", moment, self._value(name, place, answers[0]))
            for part in (item, *answers):
                self._answers(place, part, moment, depth + 1)

    def _note(self, name: str, place: str, moment: str, value: Any) -> None:
        """One finding; of two that differ the later one counts, where both are dated."""
        if value is None:
            return
        before = self.found.get(name)
        if before is None or before[2] == value:
            self.found[name] = (place, moment, value)
        elif before[1] and moment and before[1] != moment:
            if moment > before[1]:
                self.found[name] = (place, moment, value)
        else:
            self.faults.append(
                f"{place}: {name} = {quoted(str(value))}, but {before[0]} says {quoted(str(before[2]))}; "
                "their dates do not tell which is the later one."
            )


def _codes_of(concept: Mapping[str, Any]) -> set[str]:
    return {str(code.get("code")) for code in _list(concept, "coding") if isinstance(code, Mapping)}


def _moment(resource: Mapping[str, Any], *keys: str) -> str:
    return next((value for key in keys if isinstance(value := resource.get(key), str)), "")
