"""Questions about one case: the differential, red flags, steps of care. Uses the engine; knows no files."""

from bayesdx.diagnosis.case import Diagnosis, diagnose
from bayesdx.diagnosis.findings import UNKNOWN
from bayesdx.diagnosis.red_flags import FiredFlag, Recommendation

__all__ = ["UNKNOWN", "Diagnosis", "FiredFlag", "Recommendation", "diagnose"]
