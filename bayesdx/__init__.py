"""bayesdx: Bayesian differential diagnosis from versioned tables.

>>> import bayesdx as dx
>>> model = dx.load_model("hip_flexion_weakness@1.0.0")
>>> case = dx.diagnose(model, {"saddle_anaesthesia": "present", "bladder_bowel_dysfunction": "present"})
>>> case.differential[0].cause
'cauda_equina_syndrome'
"""

from bayesdx import types
from bayesdx.cohort import cohort_schema, score_batch, score_cohort
from bayesdx.diagnosis import (
    UNKNOWN,
    Diagnosis,
    compare_cases,
    credible_intervals,
    diagnose,
    draw_network,
    explain,
    find_variables,
    narrative,
    next_question,
    next_tests,
    posterior_path,
    questionnaire,
    read_fhir,
    sensitivity_analysis,
    show,
    simulate_cohort,
    sweep,
    to_fhir,
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
    check_cases,
    check_cohort,
    check_evidence,
    compare_models,
    count_verdicts,
    draft_mapping,
    evaluate,
    model_card,
    model_sheets,
    read_cohort,
)
from bayesdx.explorer import explore, publish
from bayesdx.inference import Engine
from bayesdx.knowledge import (
    Model,
    check_model,
    lineage,
    list_models,
    load_model,
    release_model,
    save_model,
)
from bayesdx.learning import calibrate, fit_model, new_model, synthesise
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
from bayesdx.notes import read_note

__version__ = "0.1.0"

__all__ = [
    "UNKNOWN",
    "BayesDxClassifier",
    "BayesdxError",
    "CohortError",
    "DataWarning",
    "DatasetError",
    "Diagnosis",
    "Engine",
    "FindingsError",
    "ImpossibleEvidenceError",
    "LearningError",
    "MissingExtraError",
    "Model",
    "ModelError",
    "ModelNotFoundError",
    "Network",
    "NetworkError",
    "SaveError",
    "TooLargeError",
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
    "lineage",
    "list_models",
    "load_model",
    "model_card",
    "model_from_network",
    "model_sheets",
    "narrative",
    "new_model",
    "next_question",
    "next_tests",
    "posterior_path",
    "publish",
    "questionnaire",
    "read_bif",
    "read_cohort",
    "read_fhir",
    "read_network",
    "read_note",
    "release_model",
    "save_model",
    "score_batch",
    "score_cohort",
    "sensitivity_analysis",
    "show",
    "simulate_cohort",
    "sweep",
    "synthesise",
    "to_fhir",
    "to_pgmpy",
    "write_bif",
    "write_network",
]


def __getattr__(name: str) -> object:
    """The scikit-learn interface, imported where it is asked for: the core does without scikit-learn."""
    if name == "BayesDxClassifier":
        from bayesdx.learning.classifier import BayesDxClassifier

        return BayesDxClassifier
    where = f" It is bayesdx.types.{name}." if name in types.__all__ else ""
    raise AttributeError(f"module 'bayesdx' has no attribute {name!r}.{where}")


def __dir__() -> list[str]:
    """What a person calls; what calls return is described in ``bayesdx.types``."""
    return [*__all__, "__version__", "types"]
