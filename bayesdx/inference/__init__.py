"""Posteriors: arrays in, arrays out. Knows no CSV and no HTML."""

from bayesdx.inference.engine import Engine
from bayesdx.inference.evidence import Evidence
from bayesdx.inference.parameter_draws import GateDraws, ParameterDraws
from bayesdx.inference.plan import Plan
from bayesdx.inference.propagation import Approximation, GateFamily, Propagation

__all__ = [
    "Approximation",
    "Engine",
    "Evidence",
    "GateDraws",
    "GateFamily",
    "ParameterDraws",
    "Plan",
    "Propagation",
]
