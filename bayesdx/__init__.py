"""bayesdx: Bayesian differential diagnosis from versioned tables.

>>> import bayesdx as dx
>>> model = dx.load_model("hip_flexion_weakness@1.0.0")
>>> case = dx.diagnose(model, {"saddle_anaesthesia": "present", "bladder_bowel_dysfunction": "present"})
>>> case.posterior.index[0]
'cauda_equina_syndrome'
"""

from bayesdx.diagnosis import (
    UNKNOWN,
    CaseComparison,
    Conflict,
    CredibleIntervals,
    Diagnosis,
    Explanation,
    Narrative,
    NextTests,
    PosteriorPath,
    SensitivityAnalysis,
    TradeOff,
    compare_cases,
    credible_intervals,
    diagnose,
    explain,
    narrative,
    next_tests,
    posterior_path,
    sensitivity_analysis,
)
from bayesdx.errors import (
    BayesdxError,
    FindingsError,
    ImpossibleEvidenceError,
    MissingExtraError,
    ModelError,
    ModelNotFoundError,
    NetworkError,
    SaveError,
    TooLargeError,
)
from bayesdx.evaluation import (
    CaseResults,
    VersionComparison,
    check_cases,
    check_evidence,
    compare_models,
    count_verdicts,
    model_card,
)
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
from bayesdx.network import Network, as_network, read_bif, to_pgmpy, write_bif

__version__ = "0.1.0"

__all__ = [
    "UNKNOWN",
    "BayesdxError",
    "CaseComparison",
    "CaseResults",
    "Comparison",
    "Conflict",
    "CredibleIntervals",
    "Diagnosis",
    "Engine",
    "Explanation",
    "FindingsError",
    "ImpossibleEvidenceError",
    "MissingExtraError",
    "Model",
    "ModelError",
    "ModelNotFoundError",
    "Narrative",
    "Network",
    "NetworkError",
    "NextTests",
    "PosteriorPath",
    "Problem",
    "SaveError",
    "SensitivityAnalysis",
    "TooLargeError",
    "TradeOff",
    "VersionComparison",
    "as_network",
    "check_cases",
    "check_evidence",
    "check_model",
    "compare_cases",
    "compare_models",
    "count_verdicts",
    "credible_intervals",
    "diagnose",
    "explain",
    "list_models",
    "load_model",
    "model_card",
    "narrative",
    "next_tests",
    "posterior_path",
    "read_bif",
    "release_model",
    "save_model",
    "sensitivity_analysis",
    "to_pgmpy",
    "write_bif",
]
