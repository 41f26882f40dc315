"""Is it right: conformance with published accuracy, clinical unit tests, what a new version changes, the model card."""

from bayesdx.evaluation.card import model_card
from bayesdx.evaluation.cases import CaseResults, check_cases
from bayesdx.evaluation.conformance import check_evidence, count_verdicts
from bayesdx.evaluation.effects import VersionComparison, case_effects, compare_models

__all__ = [
    "CaseResults",
    "VersionComparison",
    "case_effects",
    "check_cases",
    "check_evidence",
    "compare_models",
    "count_verdicts",
    "model_card",
]
