"""How fast, beside pyAgrum and pgmpy on the same evidence: ``python -m benchmarks``."""

import os

# One thread for everybody, before anything loads a BLAS: threads would race with those of the peers.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
