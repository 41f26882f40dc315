"""bayesdx: Bayesian differential diagnosis from versioned tables.

>>> import bayesdx as dx
>>> model = dx.load_model("hip_flexion_weakness@1.0.0")
>>> case = dx.diagnose(model, {"saddle_anaesthesia": "present", "bladder_bowel_dysfunction": "present"})
>>> case.posterior.index[0]
'cauda_equina_syndrome'
"""

from bayesdx.diagnosis import UNKNOWN, Diagnosis, diagnose
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
from bayesdx.inference import Engine
from bayesdx.knowledge import (
    Comparison,
    Model,
    Problem,
    check_model,
    compare_models,
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
    "Comparison",
    "Diagnosis",
    "Engine",
    "FindingsError",
    "ImpossibleEvidenceError",
    "MissingExtraError",
    "Model",
    "ModelError",
    "ModelNotFoundError",
    "Network",
    "NetworkError",
    "Problem",
    "SaveError",
    "TooLargeError",
    "as_network",
    "check_model",
    "compare_models",
    "diagnose",
    "list_models",
    "load_model",
    "read_bif",
    "release_model",
    "save_model",
    "to_pgmpy",
    "write_bif",
]
