"""The types of what the functions of bayesdx return, and of their parts: for annotations and for reading about them.

>>> import bayesdx as dx
>>> model = dx.load_model("chest_clinic@1.0.0")
>>> question = dx.next_question(dx.diagnose(model, {}))
>>> isinstance(question, dx.types.Question)
True
"""

from bayesdx.cohort import CohortSizes, CohortSummary
from bayesdx.diagnosis import (
    CaseAlert,
    CaseComparison,
    Conflict,
    CredibleIntervals,
    Drawing,
    Explanation,
    FhirFindings,
    FiredFlag,
    Narrative,
    NextTests,
    PosteriorPath,
    Question,
    Recommendation,
    SensitivityAnalysis,
    SideBySide,
    Sweep,
    TradeOff,
    Triage,
    VariableSearch,
)
from bayesdx.evaluation import CaseResults, Cohort, CohortCheck, Evaluation, MappingDraft, VersionComparison
from bayesdx.inference import Plan
from bayesdx.knowledge import Comparison, ModelInfo, Population, Problem, Release
from bayesdx.learning import Calibration, ModelFit, Synthesis
from bayesdx.notes import NoteReading

__all__ = [
    "Calibration",
    "CaseAlert",
    "CaseComparison",
    "CaseResults",
    "Cohort",
    "CohortCheck",
    "CohortSizes",
    "CohortSummary",
    "Comparison",
    "Conflict",
    "CredibleIntervals",
    "Drawing",
    "Evaluation",
    "Explanation",
    "FhirFindings",
    "FiredFlag",
    "MappingDraft",
    "ModelFit",
    "ModelInfo",
    "Narrative",
    "NextTests",
    "NoteReading",
    "Plan",
    "Population",
    "PosteriorPath",
    "Problem",
    "Question",
    "Recommendation",
    "Release",
    "SensitivityAnalysis",
    "SideBySide",
    "Sweep",
    "Synthesis",
    "TradeOff",
    "Triage",
    "VariableSearch",
    "VersionComparison",
]
