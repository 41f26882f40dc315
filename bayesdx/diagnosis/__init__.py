"""Questions about one case: what, why, how sure, what next, what would change it. Uses the engine; FHIR in and out."""

from bayesdx.diagnosis.beside import SideBySide, Sweep, show, sweep
from bayesdx.diagnosis.conflict import Conflict
from bayesdx.diagnosis.diagnosis import Diagnosis, diagnose
from bayesdx.diagnosis.drawing import Drawing, draw_network
from bayesdx.diagnosis.draws import draw_parameters
from bayesdx.diagnosis.explanation import Explanation, explain
from bayesdx.diagnosis.fhir import FhirFindings, questionnaire, read_fhir, to_fhir
from bayesdx.diagnosis.findings import UNKNOWN
from bayesdx.diagnosis.intervals import CredibleIntervals, credible_intervals
from bayesdx.diagnosis.interview import Question, next_question
from bayesdx.diagnosis.prose import Narrative, narrative
from bayesdx.diagnosis.red_flags import FiredFlag
from bayesdx.diagnosis.scenarios import CaseComparison, PosteriorPath, compare_cases, posterior_path
from bayesdx.diagnosis.search import VariableSearch, find_variables
from bayesdx.diagnosis.sensitivity import SensitivityAnalysis, sensitivity_analysis
from bayesdx.diagnosis.simulate import simulate_cohort
from bayesdx.diagnosis.steps import Recommendation
from bayesdx.diagnosis.suggestions import NextTests, TradeOff, next_tests
from bayesdx.diagnosis.triage import CaseAlert, Triage

__all__ = [
    "UNKNOWN",
    "CaseAlert",
    "CaseComparison",
    "Conflict",
    "CredibleIntervals",
    "Diagnosis",
    "Drawing",
    "Explanation",
    "FhirFindings",
    "FiredFlag",
    "Narrative",
    "NextTests",
    "PosteriorPath",
    "Question",
    "Recommendation",
    "SensitivityAnalysis",
    "SideBySide",
    "Sweep",
    "TradeOff",
    "Triage",
    "VariableSearch",
    "compare_cases",
    "credible_intervals",
    "diagnose",
    "draw_network",
    "draw_parameters",
    "explain",
    "find_variables",
    "narrative",
    "next_question",
    "next_tests",
    "posterior_path",
    "questionnaire",
    "read_fhir",
    "sensitivity_analysis",
    "show",
    "simulate_cohort",
    "sweep",
    "to_fhir",
]
