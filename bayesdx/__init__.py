"""bayesdx: Bayesian differential diagnosis from versioned tables.

>>> import bayesdx as dx
>>> model = dx.load_model("hip_flexion_weakness@1.0.0")
>>> case = dx.diagnose(model, {"saddle_anaesthesia": "present", "bladder_bowel_dysfunction": "present"})
>>> case.posterior.index[0]
'cauda_equina_syndrome'
"""

from bayesdx.cohort import CohortSummary, cohort_schema, score_batch, score_cohort
from bayesdx.diagnosis import (
    UNKNOWN,
    CaseComparison,
    Conflict,
    CredibleIntervals,
    Diagnosis,
    Drawing,
    Explanation,
    Narrative,
    NextTests,
    PosteriorPath,
    SensitivityAnalysis,
    TradeOff,
    VariableSearch,
    compare_cases,
    credible_intervals,
    diagnose,
    draw_network,
    explain,
    find_variables,
    narrative,
    next_tests,
    posterior_path,
    sensitivity_analysis,
    simulate_cohort,
)
from bayesdx.errors import (
    BayesdxError,
    CohortError,
    DatasetError,
    DataWarning,
    FindingsError,
    ImpossibleEvidenceError,
    LearningError,
    MissingExtraError,
    ModelError,
    ModelNotFoundError,
    NetworkError,
    SaveError,
    TooLargeError,
)
from bayesdx.evaluation import (
    CaseResults,
    Cohort,
    CohortCheck,
    Evaluation,
    MappingDraft,
    VersionComparison,
    check_cases,
    check_cohort,
    check_evidence,
    compare_models,
    count_verdicts,
    draft_mapping,
    evaluate,
    model_card,
    read_cohort,
)
from bayesdx.explorer import Explorer, explore
from bayesdx.inference import Engine
from bayesdx.knowledge import (
    Comparison,
    Model,
    Problem,
    check_model,
    list_models,
    load_model,
    release_model,
    save_model,
)
from bayesdx.learning import Calibration, ModelFit, Synthesis, calibrate, fit_model, synthesise
from bayesdx.network import (
    Network,
    as_network,
    model_from_network,
    read_bif,
    read_network,
    to_pgmpy,
    write_bif,
    write_network,
)
from bayesdx.notes import NoteReading, read_note

__version__ = "0.1.0"

__all__ = [
    "UNKNOWN",
    "BayesDxClassifier",
    "BayesdxError",
    "Calibration",
    "CaseComparison",
    "CaseResults",
    "Cohort",
    "CohortCheck",
    "CohortError",
    "CohortSummary",
    "Comparison",
    "Conflict",
    "CredibleIntervals",
    "DataWarning",
    "DatasetError",
    "Diagnosis",
    "Drawing",
    "Engine",
    "Evaluation",
    "Explanation",
    "Explorer",
    "FindingsError",
    "ImpossibleEvidenceError",
    "LearningError",
    "MappingDraft",
    "MissingExtraError",
    "Model",
    "ModelError",
    "ModelFit",
    "ModelNotFoundError",
    "Narrative",
    "Network",
    "NetworkError",
    "NextTests",
    "NoteReading",
    "PosteriorPath",
    "Problem",
    "SaveError",
    "SensitivityAnalysis",
    "Synthesis",
    "TooLargeError",
    "TradeOff",
    "VariableSearch",
    "VersionComparison",
    "as_network",
    "calibrate",
    "check_cases",
    "check_cohort",
    "check_evidence",
    "check_model",
    "cohort_schema",
    "compare_cases",
    "compare_models",
    "count_verdicts",
    "credible_intervals",
    "diagnose",
    "draft_mapping",
    "draw_network",
    "evaluate",
    "explain",
    "explore",
    "find_variables",
    "fit_model",
    "list_models",
    "load_model",
    "model_card",
    "model_from_network",
    "narrative",
    "next_tests",
    "posterior_path",
    "read_bif",
    "read_cohort",
    "read_network",
    "read_note",
    "release_model",
    "save_model",
    "score_batch",
    "score_cohort",
    "sensitivity_analysis",
    "simulate_cohort",
    "synthesise",
    "to_pgmpy",
    "write_bif",
    "write_network",
]


def __getattr__(name: str) -> object:
    """The scikit-learn interface, imported where it is asked for: the core does without scikit-learn."""
    if name == "BayesDxClassifier":
        from bayesdx.learning.classifier import BayesDxClassifier

        return BayesDxClassifier
    raise AttributeError(f"module 'bayesdx' has no attribute {name!r}")
