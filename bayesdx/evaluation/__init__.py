"""Is it right: conformance, clinical unit tests, versions side by side, patients read and scored, the model card."""

from bayesdx.evaluation.card import model_card
from bayesdx.evaluation.cases import CaseResults, check_cases
from bayesdx.evaluation.conformance import check_evidence, count_verdicts
from bayesdx.evaluation.dataset import Cohort, CohortCheck, check_cohort, read_cohort
from bayesdx.evaluation.draft import MappingDraft, draft_mapping
from bayesdx.evaluation.effects import VersionComparison, case_effects, compare_models
from bayesdx.evaluation.performance import Evaluation, evaluate
from bayesdx.evaluation.sheets import model_sheets

__all__ = [
    "CaseResults",
    "Cohort",
    "CohortCheck",
    "Evaluation",
    "MappingDraft",
    "VersionComparison",
    "case_effects",
    "check_cases",
    "check_cohort",
    "check_evidence",
    "compare_models",
    "count_verdicts",
    "draft_mapping",
    "evaluate",
    "model_card",
    "model_sheets",
    "read_cohort",
]
