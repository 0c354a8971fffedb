"""`python -m serve_app search`: the tasks of a project by what a detector saw in their images."""

import importlib
import os
import sys

_THREADS = "OPENBLAS_NUM_THREADS"

if "numpy" not in sys.modules and _THREADS not in os.environ:
    # Its products are small: several threads wait for each other longer than they compute. OpenBLAS reads
    # this when NumPy is loaded, and nobody else shall have it.
    os.environ[_THREADS] = "1"
    importlib.import_module("numpy")
    del os.environ[_THREADS]
