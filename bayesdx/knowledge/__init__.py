"""What a model folder says: schema, loading, checking, saving, versions, comparison. Knows no inference."""

from bayesdx.knowledge.checking import check_model
from bayesdx.knowledge.compare import Comparison, compare_rows
from bayesdx.knowledge.model import Model, ModelInfo, Population, Release
from bayesdx.knowledge.problems import Problem
from bayesdx.knowledge.saving import release_model, save_model
from bayesdx.knowledge.versions import as_model, lineage, list_models, load_model

__all__ = [
    "Comparison",
    "Model",
    "ModelInfo",
    "Population",
    "Problem",
    "Release",
    "as_model",
    "check_model",
    "compare_rows",
    "lineage",
    "list_models",
    "load_model",
    "release_model",
    "save_model",
]
