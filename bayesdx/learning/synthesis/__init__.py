"""Numbers from published studies: multi-parameter evidence synthesis on a Bayesian network."""

from bayesdx.learning.synthesis.result import Synthesis
from bayesdx.learning.synthesis.synthesise import synthesise

__all__ = ["Synthesis", "synthesise"]
