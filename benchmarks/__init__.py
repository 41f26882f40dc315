"""How fast, beside pyAgrum and pgmpy on the same evidence: ``python -m benchmarks``."""
