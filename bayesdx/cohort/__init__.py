"""Many cases: tables in, scores out, at constant memory. Knows files and frames; asks the engine for every number."""

from bayesdx.cohort.batches import cohort_schema, score_batch
from bayesdx.cohort.cohort import score_cohort
from bayesdx.cohort.options import CohortSizes
from bayesdx.cohort.runs import CohortSummary

__all__ = ["CohortSizes", "CohortSummary", "cohort_schema", "score_batch", "score_cohort"]
