"""New versions from data. A parent's numbers are the prior, patients update them, the result is a model again."""

from bayesdx.learning.calibrate import Calibration, calibrate
from bayesdx.learning.fitting import ModelFit, fit_model
from bayesdx.learning.new_model import new_model
from bayesdx.learning.synthesis import Synthesis, synthesise

__all__ = ["Calibration", "ModelFit", "Synthesis", "calibrate", "fit_model", "new_model", "synthesise"]
