"""A case as Python code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bayesdx as dx


def as_code(case: dx.Diagnosis, folder: str = "") -> str:
    """Python code that makes the case.

    Parameters
    ----------
    case : Diagnosis
    folder : str
        Where the model was loaded from; empty for a shipped one, which goes by name and version.

    Returns
    -------
    str

    Examples
    --------
    >>> model = dx.load_model("hip_flexion_weakness@1.0.0")
    >>> print(as_code(dx.diagnose(model, {"onset": "sudden", "fever": dx.UNKNOWN})))
    import bayesdx as dx
    <BLANKLINE>
    model = dx.load_model('hip_flexion_weakness@1.0.0', population='primary_care')
    findings = {
        'onset': 'sudden',
        'fever': dx.UNKNOWN,
    }
    case = dx.diagnose(model, findings)
    case
    <BLANKLINE>
    """
    model = case.model
    rows = [f"    {name!r}: {_literal(value)},\n" for name, value in case.findings.items()]
    findings = f"{{\n{''.join(rows)}}}" if rows else "{}"
    source = folder or f"{model.name}@{model.version}"
    return (
        "import bayesdx as dx\n\n"
        f"model = dx.load_model({source!a}, population={model.population!r})\n"
        f"findings = {findings}\n"
        "case = dx.diagnose(model, findings)\n"
        "case\n"
    )


def _literal(value: Any) -> str:
    """A finding as Python writes it; a sign that is no plain letter is escaped, so that nothing reads backwards."""
    if value is dx.UNKNOWN:
        return "dx.UNKNOWN"
    if isinstance(value, Mapping):
        return ascii(dict(value))
    return ascii(list(value) if isinstance(value, tuple) else value)
